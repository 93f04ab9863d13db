// SPDX-License-Identifier: GPL-2.0
/*
 * Files of sections, with lines of the form "key = value". What libini_config does not
 * understand is an error, and so is what is there twice: a typo must not look like a
 * setting that was left out.
 */
#include <errno.h>
#include <fcntl.h>
#include <ini_configobj.h>
#include <string.h>
#include <unistd.h>

#include "pnctl.h"

#define STRICT	(INI_MV1S_ERROR | INI_MV2S_ERROR | INI_MS_ERROR)
#define LENIENT	(INI_MV1S_PRESERVE | INI_MV2S_PRESERVE | INI_MS_MERGE)
#define FLAGS	(INI_PARSE_NOWRAP | INI_PARSE_NO_C_COMMENTS)

static int read_key(struct ini_cfgobj *ini, const char *section, const char *key, ini_fn fn,
		    void *data)
{
	struct value_obj *value = NULL;
	const char *s;
	int err;

	if (ini_get_config_valueobj(section, key, ini, INI_GET_FIRST_VALUE, &value) || !value)
		return no_memory();
	s = ini_get_const_string_config_value(value, &err);
	return fn(data, section, key, s ?: "");
}

static int read_section(struct ini_cfgobj *ini, const char *section, ini_fn fn, void *data)
{
	char **keys = ini_get_attribute_list(ini, section, NULL, NULL);
	int i, rc = fn(data, section, NULL, NULL);

	for (i = 0; !rc && keys && keys[i]; i++)
		rc = read_key(ini, section, keys[i], fn, data);
	ini_free_attribute_list(keys);
	return rc;
}

static int read_sections(struct ini_cfgobj *ini, ini_fn fn, void *data)
{
	char **sections = ini_get_section_list(ini, NULL, NULL);
	int i, rc = 0;

	for (i = 0; !rc && sections && sections[i]; i++)
		rc = read_section(ini, sections[i], fn, data);
	ini_free_section_list(sections);
	return rc;
}

/* The library's first complaint has the line's number in it. */
static int not_understood(struct ini_cfgobj *ini, const char *path)
{
	char **errors = NULL;

	if (ini && !ini_config_get_errors(ini, &errors) && errors && errors[0])
		error("%s: %s", path, errors[0]);
	else if (errno)
		error("%s cannot be read: %s", path, strerror(errno));
	else
		error("%s is empty, or no text in UTF-8", path);
	ini_config_free_errors(errors);
	return cure(PN_USAGE,
		    "it has to be a file as private-nodes.conf(5) has it; or move it away");
}

#define LARGEST	65536

/* All of a regular file: a fifo would have to be waited for. The library ends at a NUL. */
static ssize_t load(const char *path, char *s)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, s, LARGEST);
	int err = n < 0 ? errno : 0;

	if (fd >= 0)
		close(fd);
	errno = err;
	if (n <= 0 || n == LARGEST || memchr(s, '\0', n))
		return -1;
	s[n] = '\0';
	return n;
}

static int parse(const char *path, bool strict, struct ini_cfgobj *ini)
{
	struct ini_cfgfile *file = NULL;
	static char s[LARGEST];
	ssize_t n = load(path, s);
	int rc;

	rc = n < 0 ? -1 : ini_config_file_from_mem(s, n, &file) ||
		ini_config_parse(file, INI_STOP_ON_ANY, strict ? STRICT : LENIENT,
				 FLAGS | (strict ? 0 : INI_PARSE_IGNORE_NON_KVP), ini);
	ini_config_file_destroy(file);
	return rc;
}

/*
 * fn is called for each section, without a key, and for each key; INI_NONE before the first.
 * If not strict, for what can be made out of a file that is wrong, without a complaint.
 */
int ini_read(const char *path, bool strict, ini_fn fn, void *data)
{
	struct ini_cfgobj *ini = NULL;
	int rc = 0;

	if (ini_config_create(&ini))
		return no_memory();
	if (!parse(path, strict, ini))
		rc = read_sections(ini, fn, data);
	else if (strict)
		rc = not_understood(ini, path);
	ini_config_destroy(ini);
	return rc;
}
