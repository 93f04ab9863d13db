// SPDX-License-Identifier: GPL-2.0
/*
 * Files that say what a device is to be, one for each: private-nodes.conf(5). They know
 * it by what a reboot does not change.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uuid/uuid.h>

#include "pnctl.h"

#define SUFFIX		".conf"
#define TEMPORARY	".pnctl.tmp"

/* What does not fit into it the kernel does not take either. */
struct path {
	char s[PATH_MAX + NAME_MAX];
};

static struct path path_of(const char *dir, const char *name, const char *suffix)
{
	struct path path;

	snprintf(path.s, sizeof(path.s), "%s/%s%s", dir, name, suffix);
	return path;
}

/*
 * Reading
 */

static int wrong(const char *file, const char *key, const char *value)
{
	error("%s: %s = %.64s is not understood", file, key, value);
	return cure(PN_USAGE,
		    "private-nodes.conf(5) says what can be there; or move the file away");
}

/* "0x0-0xff,0x200-0x2ff", and the same without "-", as identity_get() has them. */
static bool read_list(char *out, size_t size, const char *value, bool ranges)
{
	char *copy = strdup(value), *rest = copy, *item, *dash;
	unsigned long a, b = 0;
	bool good = copy;

	*out = '\0';
	while (good && (item = strsep(&rest, ","))) {
		dash = ranges ? strchr(item, '-') : NULL;
		if (dash)
			*dash = '\0';
		good = parse_number(item, 16, ~0UL, &a) && !!dash == ranges &&
			(!dash || (parse_number(dash + 1, 16, ~0UL, &b) && b > a)) &&
			identity_append(out, size, ranges ? "0x%llx-0x%llx" : "0x%llx", a, b);
	}
	free(copy);
	return good;
}

static bool read_identity(struct identity *id, const char *key, const char *value)
{
	uuid_t uuid;

	if (!strcmp(key, "serials"))
		return read_list(id->serials, sizeof(id->serials), value, false);
	if (!strcmp(key, "ranges"))
		return read_list(id->ranges, sizeof(id->ranges), value, true);
	if (strcmp(key, "uuid"))
		return !strcmp(key, "name");
	if (uuid_parse(value, uuid))
		return false;
	uuid_unparse_lower(uuid, id->uuid);
	return true;
}

/* Whose a file is, whatever else is wrong with it. */
static int find_identity(void *data, const char *section, const char *key, const char *value)
{
	if (key && !strcmp(section, "device"))
		read_identity(data, key, value);
	return 0;
}

static int read_device(struct conf *c, const char *file, const char *key, const char *value)
{
	return read_identity(&c->id, key, value) ? 0 : wrong(file, key, value);
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
	if (rc && (!strcmp(key, "owner") || !strcmp(key, "group")))
		error_in(file);
	else if (rc)
		rc = wrong(file, key, value);
	return rc;
}

struct reading {
	struct conf *c;
	const char *file;
};

static int read_key(void *data, const char *section, const char *key, const char *value)
{
	struct reading *r = data;
	bool device = !strcmp(section, "device");

	if (!strcmp(section, INI_NONE)) {
		error("%s: there are keys before the first section, or in [" INI_NONE "]", r->file);
		return cure(PN_USAGE, "they belong below [device] or [node]");
	}
	if (!device && strcmp(section, "node"))
		return wrong(r->file, "section", section);
	if (!key)
		return 0;
	return device ? read_device(r->c, r->file, key, value) :
		read_node(r->c, r->file, key, value);
}

static int needs_identity(const struct conf *c, const char *file)
{
	if (c->id.uuid[0] || c->id.ranges[0])
		return 0;
	error("%s does not say which device it is for", file);
	return cure(PN_USAGE,
		    "it takes a section [device] with uuid or ranges: 'pnctl save' writes one");
}

/* It is a part of the name of a unit, and an argument there. */
static bool is_name(const char *s)
{
	size_t n = 0;

	while (isalnum((unsigned char)s[n]) || (s[n] && strchr(":-_.@", s[n])))
		n++;
	return !s[n] && s[0] != '-' && n < LONGEST_NAME;
}

static int needs_name(const struct conf *c, const char *file)
{
	if (is_name(c->name))
		return 0;
	error("%s: no unit can have that name", file);
	return cure(PN_USAGE,
		    "rename it: up to %d letters, digits and :-_.@ before " SUFFIX ", no - first",
		    LONGEST_NAME - 1);
}

static int read_conf(struct conf *c, const char *dir, const char *file)
{
	struct path path = path_of(dir, file, "");
	struct reading r = { .c = c, .file = path.s };
	int rc;

	memset(c, 0, sizeof(*c));
	settings_init(&c->set);
	c->set.state = "online_movable";
	snprintf(c->name, sizeof(c->name), "%.*s", (int)(strlen(file) - strlen(SUFFIX)), file);
	rc = ini_read(path.s, true, read_key, &r);
	if (rc)
		ini_read(path.s, false, find_identity, &c->id);
	return rc ?: needs_identity(c, path.s) ?: needs_name(c, path.s);
}

static int is_conf(const struct dirent *e)
{
	size_t n = strlen(e->d_name), suffix = strlen(SUFFIX);

	return e->d_name[0] != '.' && n > suffix && !strcmp(e->d_name + n - suffix, SUFFIX);
}

typedef bool (*same_fn)(const struct identity *a, const struct identity *b);

/*
 * What tells most comes first. Addresses alone come last: memory that a file knows by
 * more than them may be at what were another's addresses.
 */
static const same_fn same_fns[] = {
	identity_same, identity_same_cxl, identity_same_ranges,
};

/* The only one that is the same, if there is but one. */
static struct conf *find_by(struct conf *v, size_t n, const struct identity *id, same_fn same)
{
	struct conf *found = NULL;
	size_t i, several = 0;

	for (i = 0; i < n; i++) {
		if (!same(&v[i].id, id))
			continue;
		found = &v[i];
		several++;
	}
	return several == 1 ? found : NULL;
}

static struct conf *find(const struct confs *c, const struct identity *id)
{
	struct conf *found = NULL;
	size_t i;

	for (i = 0; !found && i < ARRAY_SIZE(same_fns); i++)
		found = find_by(c->v, c->n, id, same_fns[i]);
	return found;
}

/* Of several any will do: each is a reason to leave the device to whoever mends them. */
static struct conf *find_wrong(const struct confs *c, const struct identity *id)
{
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(same_fns); i++) {
		for (j = 0; j < c->bad; j++) {
			if (same_fns[i](&c->wrong[j].id, id))
				return &c->wrong[j];
		}
	}
	return NULL;
}

static int append(struct conf **v, size_t n, const struct conf *conf)
{
	void *longer = realloc(*v, (n + 1) * sizeof(*conf));

	if (!longer)
		return no_memory();
	*v = longer;
	(*v)[n] = *conf;
	return 0;
}

static int check_unique(const struct confs *c, const struct conf *conf, const char *dir)
{
	struct conf *same = find_by(c->v, c->n, &conf->id, identity_same);

	if (!same)
		return 0;
	error("%s/%s" SUFFIX " and %s" SUFFIX " are for the same device", dir, conf->name,
	      same->name);
	return cure(PN_USAGE, "move one of them away");
}

/* Of a wrong one its name is kept, and what had been read. */
static int add(struct confs *c, const char *dir, const char *file)
{
	struct conf conf;
	int rc = read_conf(&conf, dir, file) ?: check_unique(c, &conf, dir);

	if (!rc) {
		rc = append(&c->v, c->n, &conf);
		c->n += !rc;
		return rc;
	}
	error_print();
	rc = append(&c->wrong, c->bad, &conf);
	c->bad += !rc;
	return rc;
}

/* What cannot be read is said at once, and the others go on. */
int confs_get(struct confs *c, const char *dir)
{
	struct dirent **files;
	int i, n, rc = 0;

	memset(c, 0, sizeof(*c));
	n = scandir(dir, &files, is_conf, versionsort);
	if (n < 0 && errno != ENOENT) {
		error("%s cannot be read: %s", dir, strerror(errno));
		return cure(PN_FAILED, "it has to be a directory that you may read");
	}
	for (i = 0; i < n; i++) {
		rc = rc ?: add(c, dir, files[i]->d_name);
		free(files[i]);
	}
	if (n >= 0)
		free(files);
	if (rc)
		confs_put(c);
	return rc;
}

void confs_put(struct confs *c)
{
	free(c->v);
	free(c->wrong);
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

/* Whose file is wrong: its unit can say so. */
struct conf *conf_of_wrong(const struct confs *c, const struct device *d)
{
	struct conf *found;
	struct identity id;

	found = has_identity(d, &id) ? find_wrong(c, &id) : NULL;
	return found && is_name(found->name) ? found : NULL;
}

/* The only one that is the same, by what tells most. Each is asked once: that takes a while. */
struct device *conf_find(const struct devices *all, const struct conf *c)
{
	struct device *found[ARRAY_SIZE(same_fns)] = { };
	size_t several[ARRAY_SIZE(same_fns)] = { }, i, j;
	struct identity id;

	for (i = 0; i < all->n; i++) {
		if (!has_identity(&all->v[i], &id))
			continue;
		for (j = 0; j < ARRAY_SIZE(same_fns); j++) {
			if (same_fns[j](&c->id, &id)) {
				found[j] = &all->v[i];
				several[j]++;
			}
		}
	}
	for (j = 0; j < ARRAY_SIZE(same_fns); j++) {
		if (several[j] == 1)
			return found[j];
	}
	return NULL;
}

/* Its own, and not one that another file knows better. */
struct device *conf_find_own(const struct devices *all, const struct confs *c,
			     const struct conf *conf)
{
	struct device *d = conf_find(all, conf);

	return d && conf_of(c, d) == conf ? d : NULL;
}

static struct conf *named(struct conf *v, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (!strcmp(v[i].name, name))
			return &v[i];
	}
	return NULL;
}

struct conf *conf_named(const struct confs *c, const char *name)
{
	return named(c->v, c->n, name);
}

bool conf_named_wrong(const struct confs *c, const char *name)
{
	return named(c->wrong, c->bad, name);
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
	*d = conf ? conf_find_own(all, &c, conf) : NULL;
	if (!conf && conf_named_wrong(&c, name)) {
		rc = PN_USAGE;
	} else if (!conf) {
		error("no node is saved as '%.64s'", name);
		rc = cure(PN_ABSENT, "'ls %s' shows which are", dir);
	}
	confs_put(&c);
	return rc;
}

/*
 * Writing: all of a file or nothing of it
 */

/* Not there before: it goes if nothing has come into it. */
static bool made;

static int cannot_write(const char *dir, const char *what)
{
	struct path path = path_of(dir, TEMPORARY, "");
	int err = errno;

	unlink(path.s);
	if (made)
		rmdir(dir);
	error("%s/%s cannot be written: %s", dir, what, strerror(err));
	return cure(PN_FAILED, "it has to be a directory that root can write to, with room");
}

static FILE *open_temporary(const char *dir)
{
	struct path path = path_of(dir, TEMPORARY, "");
	FILE *f;
	int fd;

	if (!mkdir(dir, 0755))
		made = true;
	else if (errno != EEXIST)
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

/* A name that would not be read back as it is has a number. */
static struct text safe(struct text name, long id)
{
	return strpbrk(name.s, " \t#;") ? text("%ld", id) : name;
}

static void write_node(FILE *f, const struct settings *s)
{
	struct access a = { .uid = s->owner, .gid = s->group, .perm = s->perm };
	int i;

	fprintf(f, "\n[node]\nmode = %s\n", settings_mode_word(s->state));
	if (s->adistance)
		fprintf(f, "adistance = %d\n", s->adistance);
	for (i = 0; i < NR_KNOBS; i++) {
		if (s->knob[i] >= 0)
			fprintf(f, "%s = %s\n", knobs[i], s->knob[i] ? "on" : "off");
	}
	if (s->perm >= 0)
		fprintf(f, "owner = %s\ngroup = %s\nperm = %04lo\n",
			safe(access_owner(&a), s->owner).s, safe(access_group(&a), s->group).s,
			s->perm);
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
	struct path path = path_of(dir, name, SUFFIX), from = path_of(dir, TEMPORARY, "");
	int rc, fd;

	rc = rename(from.s, path.s);
	fd = rc ? -1 : open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	return rc;
}

/* What somebody has written there, with a typo, is not to be lost, nor a second file made. */
static int not_wrong(const struct confs *c, const char *dir, const struct identity *id,
		     const char *todo)
{
	struct text name = identity_name(id);
	struct conf *wrong = named(c->wrong, c->bad, name.s) ?: find_wrong(c, id);

	if (!wrong)
		return 0;
	error("%s/%s" SUFFIX " is for that device, and wrong", dir, wrong->name);
	return cure(PN_USAGE, "%s", todo);
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
	if (!same && named(c.v, c.n, name->s)) {
		error("%s/%s" SUFFIX " is for another device", dir, name->s);
		rc = cure(PN_USAGE, "rename it, and save again");
	} else if (!same) {
		rc = not_wrong(&c, dir, id, "mend it or remove it, and save again");
	}
	confs_put(&c);
	return rc;
}

/* Somebody else may have unplugged it meanwhile. */
static int get_settings(struct settings *s, const struct device *d)
{
	settings_of(s, d);
	if (s->state)
		return 0;
	error("%s is no private node any more", d->name);
	return cure(PN_FAILED, "'pnctl create %s --save' makes one and saves it", d->name);
}

int conf_save(const char *dir, const struct device *d)
{
	struct settings s;
	struct identity id;
	struct text name;
	FILE *f;
	int rc;

	rc = identity_get(d, &id) ?: name_for(dir, &id, &name) ?: get_settings(&s, d);
	if (rc)
		return rc;
	f = open_temporary(dir);
	if (!f)
		return cannot_write(dir, TEMPORARY);
	write_device(f, d, &id);
	write_node(f, &s);
	if (flush(f) || put_in_place(dir, name.s))
		return cannot_write(dir, name.s);
	made = false;
	note("%s: saved in %s/%s" SUFFIX, d->name, dir, name.s);
	return 0;
}

/* Before anything is changed that could not be saved then. */
int conf_may_save(const char *dir, const struct device *d)
{
	struct path path = path_of(dir, TEMPORARY, "");
	struct identity id;
	struct text name;
	FILE *f;
	int rc;

	rc = identity_get(d, &id) ?: name_for(dir, &id, &name);
	if (rc)
		return rc;
	f = open_temporary(dir);
	if (!f)
		return cannot_write(dir, TEMPORARY);
	fclose(f);
	unlink(path.s);
	if (made)
		rmdir(dir);
	return 0;
}

/* The file of a device; "" if there is none. */
static int file_of(const char *dir, const struct device *d, struct text *name)
{
	struct identity id;
	struct confs c;
	struct conf *same;
	int rc;

	rc = identity_get(d, &id) ?: confs_get(&c, dir);
	if (rc)
		return rc;
	same = find(&c, &id);
	*name = text("%s", same ? same->name : "");
	if (!same)
		rc = not_wrong(&c, dir, &id, "remove it");
	confs_put(&c);
	return rc;
}

/*
 * Before anything is changed that should be forgotten then: of a device, whose file's name
 * is looked up, or by that name.
 */
int conf_may_forget(const char *dir, const struct device *d, struct text *name)
{
	int rc = d ? file_of(dir, d, name) : 0;

	if (!rc && name->s[0] && access(dir, W_OK))
		rc = cannot_write(dir, text("%s" SUFFIX, name->s).s);
	return rc;
}

int conf_forget(const char *dir, const char *name)
{
	struct path path = path_of(dir, name, SUFFIX);

	if (unlink(path.s))
		return cannot_write(dir, path.s + strlen(dir) + 1);
	note("%s is gone", path.s);
	return 0;
}
