// SPDX-License-Identifier: GPL-2.0
/*
 * pnctl cdi: devices of private nodes for container runtimes, in the form of the Container
 * Device Interface. Version 0.3.0, the oldest there is: nothing of a later one is needed.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pnctl.h"

#define CDI_VERSION	"0.3.0"
#define CDI_KIND	"private-nodes/dax"

/* Under any other driver it would be the raw memory. */
static int must_be_node(const struct device *d)
{
	if (device_is_private(d) && device_plugged(d))
		return 0;
	error("%s is no private node that has memory", d->name);
	return cure(PN_FAILED, "'pnctl create %s' makes one", d->name);
}

/*
 * Not its numbers: they may be others after a reboot, and runtimes ask the file. But who
 * may open it, for otherwise everybody in the container might.
 */
static struct json_object *device_node(const struct device *d, const struct access *a)
{
	struct json_object *o = json_object_new_object();

	json_text(o, "path", text("/dev/%s", d->name).s);
	json_text(o, "type", "c");
	json_text(o, "permissions", "rw");
	json_number(o, "fileMode", a->perm);
	json_number(o, "uid", a->uid);
	json_number(o, "gid", a->gid);
	return o;
}

static int add_device(struct json_object *list, const struct device *d)
{
	struct json_object *o, *edits, *nodes;
	struct access a;

	if (access_get(d, &a)) {
		error("/dev/%s is not there, or another device's", d->name);
		return cure(PN_ABSENT, "is devtmpfs mounted, is udev at work?");
	}
	nodes = json_object_new_array();
	json_object_array_add(nodes, device_node(d, &a));
	edits = json_object_new_object();
	json_object_object_add(edits, "deviceNodes", nodes);
	o = json_object_new_object();
	json_text(o, "name", d->name);
	json_object_object_add(o, "containerEdits", edits);
	json_object_array_add(list, o);
	return 0;
}

static int add_named(struct json_object *list, struct devices *all, char **names)
{
	struct device *d;
	int i, k, rc = 0;

	for (i = 0; !rc && names[i]; i++) {
		for (k = 0; k < i; k++) {
			if (!strcmp(names[k], names[i]))
				return usage_error("%.64s is named twice", names[i]);
		}
		rc = device_get(all, names[i], &d) ?: must_be_node(d) ?: add_device(list, d);
	}
	return rc;
}

static int add_all(struct json_object *list, const struct devices *all)
{
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < all->n; i++) {
		if (device_is_private(&all->v[i]) && device_plugged(&all->v[i]))
			rc = add_device(list, &all->v[i]);
	}
	if (rc || json_object_array_length(list))
		return rc;
	error("there is no private node");
	return cure(PN_ABSENT, "'pnctl create DEVICE' makes one");
}

/* Of a file that others may have written, so nothing of it need be what it should. */
static struct json_object *list_in(struct json_object *o, const char *key)
{
	struct json_object *list = NULL;

	if (o && json_object_is_type(o, json_type_object))
		json_object_object_get_ex(o, key, &list);
	return list && json_object_is_type(list, json_type_array) ? list : NULL;
}

static size_t length(struct json_object *list)
{
	return list ? json_object_array_length(list) : 0;
}

/* By edits of a device, or of the file for all of its devices. */
static bool edits_give(struct json_object *o, const char *path)
{
	struct json_object *edits = NULL, *nodes, *word;
	size_t i;

	if (!json_object_object_get_ex(o, "containerEdits", &edits))
		return false;
	nodes = list_in(edits, "deviceNodes");
	for (i = 0; i < length(nodes); i++) {
		struct json_object *node = json_object_array_get_idx(nodes, i);

		/* In the container it may have another name. */
		if ((json_object_object_get_ex(node, "hostPath", &word) ||
		     json_object_object_get_ex(node, "path", &word)) &&
		    json_object_is_type(word, json_type_string) &&
		    !strcmp(json_object_get_string(word), path))
			return true;
	}
	return false;
}

static bool gives(struct json_object *spec, const char *path)
{
	struct json_object *devices = list_in(spec, "devices");
	size_t i;

	if (edits_give(spec, path))
		return true;
	for (i = 0; i < length(devices); i++) {
		if (edits_give(json_object_array_get_idx(devices, i), path))
			return true;
	}
	return false;
}

/* A FIFO would be waited for, by one that holds the lock. */
static struct json_object *spec_of(const char *path)
{
	struct stat st;

	if (stat(path, &st) || !S_ISREG(st.st_mode) || st.st_size > 1 << 20)
		return NULL;
	return json_object_from_file(path);
}

/* The device is no node any more: what still gives it to containers gives its raw memory. */
void cdi_warn(const struct device *d)
{
	static const char * const dirs[] = { "/etc/cdi", "/run/cdi" };
	struct text path = text("/dev/%s", d->name);
	struct json_object *spec;
	glob_t g;
	size_t i, k;

	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		if (glob(text("%s/*.json", dirs[i]).s, 0, NULL, &g))
			continue;
		for (k = 0; k < g.gl_pathc; k++) {
			spec = spec_of(g.gl_pathv[k]);
			if (gives(spec, path.s))
				warn("%s gives %s to containers: remove it, or write it again",
				     g.gl_pathv[k], path.s);
			json_object_put(spec);
		}
		globfree(&g);
	}
}

static int cannot_write(const char *path)
{
	int err = errno;

	error("%.200s cannot be written: %s", path, strerror(err));
	if (geteuid() && (err == EACCES || err == EPERM))
		return cure(PN_DENIED, "try again as root, or with sudo");
	return cure(PN_FAILED, "is there room, and can that file system be written to?");
}

static int write_all(int fd, const char *s)
{
	FILE *f = fdopen(dup(fd), "w");
	int rc;

	if (!f)
		return -1;
	rc = fprintf(f, "%s\n", s) < 0 || fflush(f) || fchmod(fd, 0644) || fsync(fd);
	return fclose(f) || rc ? -1 : 0;
}

/* /etc/cdi comes with no package. */
static void make_directory(const char *path, int length)
{
	char *dir = strndup(path, length);

	if (dir && *dir)
		mkdir(dir, 0755);
	free(dir);
}

/* Always the same name: what one that was killed has left is in nobody's way for ever. */
static int open_temporary(const char *path)
{
	unlink(path);
	return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

/* Runtimes read it at any moment: all of it, or what was there. They pass over names with a dot. */
static int write_file(const char *path, const char *s)
{
	const char *slash = strrchr(path, '/');
	int dir = slash ? (int)(slash - path) + 1 : 0;
	char *tmp;
	int fd, rc, err;

	if (asprintf(&tmp, "%.*s.%s.tmp", dir, path, path + dir) < 0)
		return no_memory();
	make_directory(path, dir);
	fd = open_temporary(tmp);
	if (fd < 0) {
		free(tmp);
		return cannot_write(path);
	}
	rc = write_all(fd, s) || rename(tmp, path);
	err = errno;
	if (rc)
		unlink(tmp);
	close(fd);
	free(tmp);
	errno = err;
	return rc ? cannot_write(path) : 0;
}

static int put(struct json_object *list, const char *path)
{
	struct json_object *o = json_object_new_object();
	struct text s;
	int rc;

	json_text(o, "cdiVersion", CDI_VERSION);
	json_text(o, "kind", CDI_KIND);
	json_object_object_add(o, "devices", list);
	if (!path) {
		json_print(o);
		return 0;
	}
	stop_ignore();
	rc = write_file(path, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
							     JSON_C_TO_STRING_SPACED |
							     JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
	if (rc)
		return rc;
	s = text("%.200s", path);
	tame(s.s);
	note("%s: written", s.s);
	return 0;
}

static int cdi(char **names, const char *path)
{
	struct json_object *list = json_object_new_array();
	struct devices all;
	int rc;

	rc = devices_get(&all);
	if (!rc) {
		rc = *names ? add_named(list, &all, names) : add_all(list, &all);
		devices_put(&all);
	}
	if (rc) {
		json_object_put(list);
		return rc;
	}
	return put(list, path);
}

/* Nobody reads what has another ending. */
static int check_path(const char *path)
{
	const char *dot = strrchr(path, '.');

	if (dot && !strcmp(dot, ".json") && dot > path && dot[-1] != '/')
		return 0;
	return usage_error("'%.64s' is no name of a CDI file: it has to end with .json", path);
}

static int run(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	const char *path = NULL;
	int c, rc = 0;

	while (!rc && (c = getopt_long(argc, argv, ":o:qh", longs, NULL)) >= 0) {
		switch (c) {
		case 'o':
			path = optarg;
			rc = check_path(path);
			break;
		case 'q':
			quiet = true;
			break;
		default:
			return option_other(&cmd_cdi, c, argv);
		}
	}
	/* Two writers would take each other's file away. */
	if (!rc && path && !geteuid())
		rc = lock_take();
	return rc ?: cdi(argv + optind, path);
}

const struct command cmd_cdi = {
	.name = "cdi",
	.what = "devices for containers: a file for podman and Kubernetes",
	.run = run,
	.help =
	"usage: pnctl cdi [-o FILE] [DEVICE...]\n\n"
	"Prints a file of the Container Device Interface for the named devices, by default for all\n"
	"private nodes that have memory. '--device " CDI_KIND "=DEVICE' then gives one of them\n"
	"to a container, with the owner, group and mode that its file has now.\n\n"
	"  -o, --output FILE  write to FILE, for example /etc/cdi/private-nodes.json\n"
	"  -q, --quiet        print nothing on success\n",
};
