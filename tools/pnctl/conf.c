// SPDX-License-Identifier: GPL-2.0
/*
 * Files that say what a device is to be, one for each: private-nodes.conf(5). They know
 * it by what a reboot does not change.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uuid/uuid.h>

#include <iniparser/iniparser.h>

#include "pnctl.h"

#define TEMPORARY	".pnctl.tmp"

/*
 * Reading
 */

static int wrong(const char *file, const char *key, const char *value)
{
	error("%s: %s = %.64s is not understood", file, key, value);
	return cure(PN_USAGE,
		    "private-nodes.conf(5) says what can be there; or move the file away");
}

/* "0x0-0xff,0x200-0x2ff", and the same without "-": numbers in hex with commas between. */
static bool is_hex_list(const char *s, bool ranges)
{
	unsigned long a, b;
	char *copy = strdup(s), *rest = copy, *item, *dash;
	bool good = copy && *s;

	while (good && (item = strsep(&rest, ","))) {
		dash = ranges ? strchr(item, '-') : NULL;
		if (dash)
			*dash = '\0';
		good = parse_number(item, 16, ~0UL, &a) && !!dash == ranges &&
			(!dash || (parse_number(dash + 1, 16, ~0UL, &b) && b > a));
	}
	free(copy);
	return good;
}

static int read_device(struct conf *c, const char *file, const char *key, const char *value)
{
	uuid_t uuid;

	if (!strcmp(key, "uuid") && !uuid_parse(value, uuid))
		uuid_unparse_lower(uuid, c->id.uuid);
	else if (!strcmp(key, "serials") && is_hex_list(value, false))
		snprintf(c->id.serials, sizeof(c->id.serials), "%s", value);
	else if (!strcmp(key, "ranges") && is_hex_list(value, true))
		snprintf(c->id.ranges, sizeof(c->id.ranges), "%s", value);
	else if (strcmp(key, "name"))
		return wrong(file, key, value);
	return 0;
}

static int read_node(struct conf *c, const char *file, const char *key, const char *value)
{
	int rc;

	if (!strcmp(key, "mode"))
		rc = settings_mode(&c->set, value);
	else if (!strcmp(key, "owner"))
		rc = settings_owner(&c->set, value);
	else if (!strcmp(key, "group"))
		rc = settings_group(&c->set, value);
	else if (!strcmp(key, "perm"))
		rc = settings_perm(&c->set, value);
	else
		rc = settings_one(&c->set, key, value);
	return rc ? wrong(file, key, value) : 0;
}

typedef int (*read_fn)(struct conf *c, const char *file, const char *key, const char *value);

static int read_section(struct conf *c, const char *file, dictionary *ini, const char *name,
			read_fn fn)
{
	int i, rc = 0, n = iniparser_getsecnkeys(ini, name);
	const char **keys = calloc(n + 1, sizeof(*keys));

	if (!keys)
		return no_memory();
	iniparser_getseckeys(ini, name, keys);
	for (i = 0; !rc && i < n; i++)
		rc = fn(c, file, strchr(keys[i], ':') + 1, iniparser_getstring(ini, keys[i], ""));
	free(keys);
	return rc;
}

static int read_sections(struct conf *c, const char *file, dictionary *ini)
{
	int i, rc = 0;

	for (i = 0; !rc && i < iniparser_getnsec(ini); i++) {
		const char *name = iniparser_getsecname(ini, i);

		if (!strcmp(name, "device"))
			rc = read_section(c, file, ini, name, read_device);
		else if (!strcmp(name, "node"))
			rc = read_section(c, file, ini, name, read_node);
		else
			rc = wrong(file, "section", name);
	}
	if (rc || c->id.uuid[0] || c->id.ranges[0])
		return rc;
	error("%s does not say which device it is for", file);
	return cure(PN_USAGE,
		    "it takes a section [device] with uuid or ranges: 'pnctl save' writes one");
}

static int hush(const char *fmt, ...)
{
	(void)fmt;
	return 0;
}

static int read_conf(struct conf *c, const char *dir, const char *file)
{
	struct text path = text("%s/%s", dir, file);
	dictionary *ini;
	struct stat st;
	int rc;

	memset(c, 0, sizeof(*c));
	settings_init(&c->set);
	c->set.state = "online_movable";
	snprintf(c->name, sizeof(c->name), "%.*s", (int)strlen(file) - 5, file);
	iniparser_set_error_callback(hush);
	ini = !stat(path.s, &st) && S_ISREG(st.st_mode) ? iniparser_load(path.s) : NULL;
	if (!ini) {
		error("%s cannot be read", path.s);
		return cure(PN_USAGE,
			    "it has to be a file as private-nodes.conf(5) has it; or move it away");
	}
	rc = read_sections(c, path.s, ini);
	iniparser_freedict(ini);
	return rc;
}

static int is_conf(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return e->d_name[0] != '.' && n > 5 && n < 128 && !strcmp(e->d_name + n - 5, ".conf");
}

typedef bool (*same_fn)(const struct identity *a, const struct identity *b);

/* The only one that is the same, if there is but one. */
static struct conf *find_by(const struct confs *c, const struct identity *id, same_fn same)
{
	struct conf *found = NULL;
	size_t i, n = 0;

	for (i = 0; i < c->n; i++) {
		if (!same(&c->v[i].id, id))
			continue;
		found = &c->v[i];
		n++;
	}
	return n == 1 ? found : NULL;
}

static struct conf *find(const struct confs *c, const struct identity *id)
{
	return find_by(c, id, identity_same) ?: find_by(c, id, identity_same_cxl);
}

static int add(struct confs *c, const char *dir, const char *file)
{
	struct conf conf, *same;
	void *v;
	int rc;

	rc = read_conf(&conf, dir, file);
	same = rc ? NULL : find_by(c, &conf.id, identity_same);
	if (same) {
		error("%s/%s and %s.conf are for the same device", dir, file, same->name);
		rc = cure(PN_USAGE, "move one of them away");
	}
	if (rc)
		return rc;
	v = realloc(c->v, (c->n + 1) * sizeof(conf));
	if (!v)
		return no_memory();
	c->v = v;
	c->v[c->n++] = conf;
	return 0;
}

/* What cannot be read is said at once, and the others go on. */
int confs_get(struct confs *c, const char *dir)
{
	struct dirent **files;
	int i, n;

	memset(c, 0, sizeof(*c));
	n = scandir(dir, &files, is_conf, versionsort);
	if (n < 0 && errno != ENOENT) {
		error("%s cannot be read: %s", dir, strerror(errno));
		return cure(PN_FAILED, "it has to be a directory that you may read");
	}
	for (i = 0; i < n; i++) {
		if (add(c, dir, files[i]->d_name)) {
			error_print();
			c->bad++;
		}
		free(files[i]);
	}
	if (n >= 0)
		free(files);
	return 0;
}

void confs_put(struct confs *c)
{
	free(c->v);
	memset(c, 0, sizeof(*c));
}

/*
 * Looking for one
 */

/* What has no identity is nobody's: no error. */
static bool has_identity(const struct device *d, struct identity *id)
{
	struct text wrong, todo;

	if (!identity_get(d, id))
		return true;
	error_take(&wrong, &todo);
	return false;
}

struct conf *conf_of(const struct confs *c, const struct device *d)
{
	struct identity id;

	return has_identity(d, &id) ? find(c, &id) : NULL;
}

static struct device *device_by(const struct devices *all, const struct conf *c, same_fn same)
{
	struct device *found = NULL;
	struct identity id;
	size_t i, n = 0;

	for (i = 0; i < all->n; i++) {
		if (!has_identity(&all->v[i], &id) || !same(&id, &c->id))
			continue;
		found = &all->v[i];
		n++;
	}
	return n == 1 ? found : NULL;
}

struct device *conf_find(const struct devices *all, const struct conf *c)
{
	return device_by(all, c, identity_same) ?: device_by(all, c, identity_same_cxl);
}

struct conf *conf_named(const struct confs *c, const char *name)
{
	size_t i;

	for (i = 0; i < c->n; i++) {
		if (!strcmp(c->v[i].name, name))
			return &c->v[i];
	}
	return NULL;
}

/* The device of a saved node; NULL if it has gone. */
int conf_device(const char *dir, struct devices *all, const char *name, struct device **d)
{
	struct confs c;
	struct conf *conf;
	int rc;

	rc = confs_get(&c, dir);
	if (rc)
		return rc;
	conf = conf_named(&c, name);
	*d = conf ? conf_find(all, conf) : NULL;
	if (!conf) {
		error("no node is saved as '%.64s'", name);
		rc = cure(PN_ABSENT, "'ls %s' shows which are", dir);
	}
	confs_put(&c);
	return rc;
}

/*
 * Writing: all of a file or nothing of it
 */

static int cannot_write(const char *dir, const char *what)
{
	struct text path = text("%s/" TEMPORARY, dir);
	int err = errno;

	unlink(path.s);
	errno = err;
	error("%s/%s cannot be written: %s", dir, what, strerror(errno));
	return cure(PN_FAILED, "it has to be a directory that root can write to, with room");
}

static FILE *open_temporary(const char *dir)
{
	struct text path = text("%s/" TEMPORARY, dir);
	FILE *f;
	int fd;

	if (mkdir(dir, 0755) && errno != EEXIST)
		return NULL;
	fd = open(path.s, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f && fd >= 0)
		close(fd);
	return f;
}

static void write_device(FILE *f, const struct device *d, const struct identity *id)
{
	fprintf(f,
		"# Written by 'pnctl save'; private-nodes.conf(5) says what it means.\n[device]\n");
	if (id->uuid[0])
		fprintf(f, "uuid = %s\n", id->uuid);
	if (id->serials[0])
		fprintf(f, "serials = %s\n", id->serials);
	if (id->ranges[0])
		fprintf(f, "ranges = %s\n", id->ranges);
	fprintf(f,
		"# It was that when this was written; it is not looked at.\nname = %s\n",
		d->name);
}

static void write_node(FILE *f, const struct settings *s)
{
	struct access a = { .uid = s->owner, .gid = s->group, .perm = s->perm };
	int i;

	fprintf(f, "\n[node]\nmode = %s\nadistance = %d\n", settings_mode_word(s->state),
		s->adistance);
	for (i = 0; i < NR_KNOBS; i++) {
		if (s->knob[i] >= 0)
			fprintf(f, "%s = %s\n", knobs[i], s->knob[i] ? "on" : "off");
	}
	if (s->perm >= 0)
		fprintf(f, "owner = %s\ngroup = %s\nperm = %04lo\n", access_owner(&a).s,
			access_group(&a).s, s->perm);
}

static int flush(FILE *f)
{
	int rc = fflush(f) || ferror(f) || fsync(fileno(f)) ? -1 : 0;
	int err = errno;

	if (fclose(f))
		return -1;
	errno = err;
	return rc;
}

/* Its directory, too: a name that is there after a power failure is what counts. */
static int put_in_place(const char *dir, const char *name)
{
	struct text path = text("%s/%s.conf", dir, name), from = text("%s/" TEMPORARY, dir);
	int rc, fd;

	rc = rename(from.s, path.s);
	fd = rc ? -1 : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	return rc;
}

/* The file that there is for it, whatever it is called, or a new one. */
static int name_for(const char *dir, const struct identity *id, struct text *name)
{
	struct confs c;
	struct conf *same;
	int rc;

	rc = confs_get(&c, dir);
	if (rc)
		return rc;
	same = find(&c, id);
	*name = same ? text("%s", same->name) : identity_name(id);
	confs_put(&c);
	return 0;
}

int conf_save(const char *dir, const struct device *d)
{
	struct settings s;
	struct identity id;
	struct text name;
	FILE *f;
	int rc;

	rc = identity_get(d, &id) ?: name_for(dir, &id, &name);
	if (rc)
		return rc;
	settings_of(&s, d);
	f = open_temporary(dir);
	if (!f)
		return cannot_write(dir, TEMPORARY);
	write_device(f, d, &id);
	write_node(f, &s);
	if (flush(f) || put_in_place(dir, name.s))
		return cannot_write(dir, name.s);
	note("%s: saved in %s/%s.conf", d->name, dir, name.s);
	return 0;
}

/* Before anything is changed that could not be saved then. */
int conf_may_save(const char *dir, const struct device *d)
{
	struct text path = text("%s/" TEMPORARY, dir);
	struct identity id;
	FILE *f;
	int rc;

	rc = identity_get(d, &id);
	if (rc)
		return rc;
	f = open_temporary(dir);
	if (!f)
		return cannot_write(dir, TEMPORARY);
	fclose(f);
	unlink(path.s);
	return 0;
}

int conf_forget(const char *dir, const struct device *d)
{
	struct identity id;
	struct confs c;
	struct conf *same;
	int rc;

	rc = identity_get(d, &id) ?: confs_get(&c, dir);
	if (rc)
		return rc;
	same = find(&c, &id);
	if (same) {
		struct text path = text("%s/%s.conf", dir, same->name);

		if (unlink(path.s))
			rc = cannot_write(dir, same->name);
		else
			note("%s: %s is gone", d->name, path.s);
	}
	confs_put(&c);
	return rc;
}
