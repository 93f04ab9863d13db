// SPDX-License-Identifier: GPL-2.0
/*
 * Files of sections, with lines of the form "key = value". What is not understood is an
 * error, for a typo must not look like a setting that was left out.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pnctl.h"

struct ini {
	const char *path;
	int line;
	char section[32];
	ini_fn fn;
	void *data;
};

static char *strip(char *s)
{
	char *end = s + strlen(s);

	while (end > s && isspace((unsigned char)end[-1]))
		*--end = '\0';
	while (isspace((unsigned char)*s))
		s++;
	return s;
}

/* Names are known in lower case. */
static char *name(char *s)
{
	char *p;

	s = strip(s);
	for (p = s; *p; p++)
		*p = tolower((unsigned char)*p);
	return s;
}

/* It begins the line or comes after a blank: "a;b" is none. */
static void cut_comment(char *s)
{
	char *p;

	for (p = s; (p = strpbrk(p, "#;")); p++) {
		if (p == s || isspace((unsigned char)p[-1])) {
			*p = '\0';
			return;
		}
	}
}

static int read_section(struct ini *ini, char *s)
{
	size_t n = strlen(s);

	if (s[n - 1] != ']')
		return -EINVAL;
	s[n - 1] = '\0';
	snprintf(ini->section, sizeof(ini->section), "%s", name(s + 1));
	return ini->fn(ini->data, ini->section, NULL, NULL);
}

static int read_line(struct ini *ini, char *s)
{
	char *eq;

	cut_comment(s);
	s = strip(s);
	if (!*s)
		return 0;
	if (*s == '[')
		return read_section(ini, s);
	eq = strchr(s, '=');
	if (!eq)
		return -EINVAL;
	*eq = '\0';
	return ini->fn(ini->data, ini->section, name(s), strip(eq + 1));
}

static int read_lines(struct ini *ini, FILE *f)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t n;
	int rc = 0;

	while (!rc && (n = getline(&line, &size, f)) >= 0) {
		ini->line++;
		rc = strlen(line) == (size_t)n ? read_line(ini, line) : -EINVAL;
	}
	free(line);
	return rc ?: ferror(f) ? -EIO : 0;
}

/* What a fifo has to say would have to be waited for. */
static FILE *open_regular(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	FILE *f = NULL;

	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode))
		f = fdopen(fd, "r");
	if (!f && fd >= 0)
		close(fd);
	return f;
}

/* fn is called for each section, without a key, and for each key; before the first: "". */
int ini_read(const char *path, ini_fn fn, void *data)
{
	struct ini ini = { .path = path, .fn = fn, .data = data };
	FILE *f = open_regular(path);
	int rc = f ? read_lines(&ini, f) : -EIO;

	if (f)
		fclose(f);
	if (rc >= 0)
		return rc;
	if (rc == -EINVAL)
		error("%s: line %d is not understood", path, ini.line);
	else
		error("%s cannot be read", path);
	return cure(PN_USAGE,
		    "it has to be a file as private-nodes.conf(5) has it; or move it away");
}
