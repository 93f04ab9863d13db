// SPDX-License-Identifier: GPL-2.0
/* Processes that have memory on a node, or the device open. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "pnctl.h"

/*
 * /proc/PID/numa_maps: "ADDRESS POLICY KEY[=VALUE]...", a line for each mapping
 */

struct mapping {
	unsigned long long start, on_node, anon, page_size;
	char *file;
};

static void parse_word(struct mapping *m, char *word, const char *on_node)
{
	char *eq = strchr(word, '=');

	if (!eq)
		return;
	*eq++ = '\0';
	if (!strcmp(word, on_node))
		m->on_node = strtoull(eq, NULL, 10);
	else if (!strcmp(word, "anon"))
		m->anon = strtoull(eq, NULL, 10);
	else if (!strcmp(word, "kernelpagesize_kB"))
		m->page_size = strtoull(eq, NULL, 10) * 1024;
	else if (!strcmp(word, "file"))
		m->file = eq;
}

static void parse_line(struct mapping *m, char *line, const char *on_node)
{
	char *word, *rest = line;

	memset(m, 0, sizeof(*m));
	m->start = strtoull(line, NULL, 16);
	while ((word = strsep(&rest, "\n ")))
		parse_word(m, word, on_node);
}

/*
 * /proc/PID/maps has the same mappings in the same order, each with its file system. To
 * ask the file itself could take for ever, and it may have no name any more.
 */
struct maps {
	pid_t pid;
	FILE *f;
	unsigned long long start;
	unsigned int major, minor;
};

static bool maps_find(struct maps *maps, unsigned long long start)
{
	char *line = NULL;
	size_t size = 0;

	if (!maps->f)
		maps->f = fopen(text("/proc/%d/maps", maps->pid).s, "re");
	while (maps->f && maps->start < start && getline(&line, &size, maps->f) > 0) {
		if (sscanf(line, "%llx-%*x %*s %*x %x:%x", &maps->start, &maps->major,
			   &maps->minor) != 3)
			break;
	}
	free(line);
	return maps->start == start;
}

/* "36 35 98:0 /root /mount/point OPTIONS [...] - TYPE SOURCE OPTIONS" */
static bool mounted_as_tmpfs(const struct maps *maps)
{
	FILE *f = fopen(text("/proc/%d/mountinfo", maps->pid).s, "re");
	unsigned int major, minor;
	char *line = NULL, *type;
	bool is = false;
	size_t size = 0;

	while (f && !is && getline(&line, &size, f) > 0) {
		type = strstr(line, " - ");
		is = type && sscanf(line, "%*d %*d %u:%u", &major, &minor) == 2 &&
			major == maps->major && minor == maps->minor &&
			(!strncmp(type, " - tmpfs ", 9) || !strncmp(type, " - devtmpfs ", 12));
	}
	free(line);
	if (f)
		fclose(f);
	return is;
}

/* Shared memory has a name, too; of a file system, or of none that one can see. */
static bool is_shmem(const struct mapping *m, struct maps *maps)
{
	static const char *const names[] = { "/SYSV", "/memfd:", "/dev/zero", "/dev/dax" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strncmp(m->file, names[i], strlen(names[i])))
			return true;
	}
	return maps_find(maps, m->start) && mounted_as_tmpfs(maps);
}

/* How many of a mapping's anonymous pages are here it does not say: as many as can be. */
static void add_mapping(struct user *u, const struct mapping *m, struct maps *maps)
{
	unsigned long long anon = m->anon < m->on_node ? m->anon : m->on_node;

	if (!m->file)
		anon = m->on_node;
	u->bytes[USE_ANON] += anon * m->page_size;
	if (m->on_node > anon)
		u->bytes[is_shmem(m, maps) ? USE_SHMEM : USE_FILE] +=
			(m->on_node - anon) * m->page_size;
}

static int read_numa_maps(struct user *u, int node)
{
	struct text path = text("/proc/%d/numa_maps", u->pid), on_node = text("N%d", node);
	struct maps maps = { .pid = u->pid };
	char *line = NULL;
	struct mapping m;
	size_t size = 0;
	FILE *f;

	f = fopen(path.s, "re");
	if (!f)
		return -errno;
	errno = 0;
	while (getline(&line, &size, f) > 0) {
		parse_line(&m, line, on_node.s);
		add_mapping(u, &m, &maps);
	}
	free(line);
	if (maps.f)
		fclose(maps.f);
	fclose(f);
	return 0;
}

/*
 * Open files and mappings of the device
 */

static int count_open(struct user *u, dev_t rdev)
{
	struct text path = text("/proc/%d/fd", u->pid);
	DIR *dir = opendir(path.s);
	struct dirent *e;
	struct statx st;

	if (!dir)
		return -errno;
	while ((e = readdir(dir))) {
		/* It may be a file of a server that does not answer. */
		if (!statx(dirfd(dir), e->d_name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
			   STATX_TYPE, &st) && S_ISCHR(st.stx_mode) &&
		    makedev(st.stx_rdev_major, st.stx_rdev_minor) == rdev)
			u->opens++;
	}
	closedir(dir);
	return 0;
}

static int count_mapped(struct user *u, const char *device)
{
	struct text path = text("/proc/%d/maps", u->pid), name = text(" /dev/%s\n", device);
	char *line = NULL;
	size_t size = 0, len = strlen(name.s);
	ssize_t n;
	FILE *f;

	f = fopen(path.s, "re");
	if (!f)
		return -errno;
	while ((n = getline(&line, &size, f)) > 0) {
		if ((size_t)n > len && !strcmp(line + n - len, name.s))
			u->maps++;
	}
	free(line);
	fclose(f);
	return 0;
}

/*
 * All processes
 */

unsigned long long user_total(const struct user *u)
{
	return u->bytes[USE_ANON] + u->bytes[USE_FILE] + u->bytes[USE_SHMEM];
}

static int largest_first(const void *a, const void *b)
{
	unsigned long long x = user_total(a), y = user_total(b);

	if (x != y)
		return x < y ? 1 : -1;
	return ((const struct user *)a)->pid - ((const struct user *)b)->pid;
}

static int look(struct user *u, int node, const struct device *d)
{
	int rc = 0;

	if (node >= 0)
		rc = read_numa_maps(u, node);
	if (!rc && d)
		rc = count_open(u, makedev(daxctl_dev_get_major(d->dax),
					   daxctl_dev_get_minor(d->dax)));
	if (!rc && d)
		rc = count_mapped(u, d->name);
	return rc;
}

static int add_user(struct users *list, const struct user *u)
{
	void *v = realloc(list->v, (list->n + 1) * sizeof(*u));

	if (!v)
		return -ENOMEM;
	list->v = v;
	list->v[list->n++] = *u;
	return 0;
}

static int add_process(struct users *list, pid_t pid, int node, const struct device *d)
{
	struct user u = { .pid = pid };
	int rc = look(&u, node, d);

	if (rc == -EACCES || rc == -EPERM)
		list->unseen++;
	/* Or it has gone meanwhile. */
	if (rc || (!user_total(&u) && !u.opens && !u.maps))
		return 0;
	snprintf(u.comm, sizeof(u.comm), "%.31s", attr_read("/proc/%d/comm", pid).s);
	tame(u.comm);
	return add_user(list, &u);
}

/* With no node, only the device counts; with no device, only the node. */
int users_get(struct users *list, int node, const struct device *d)
{
	DIR *proc = opendir("/proc");
	struct dirent *e;
	unsigned long pid;
	int rc = 0;

	memset(list, 0, sizeof(*list));
	list->memory = node >= 0;
	list->device = d;
	if (!proc)
		return -errno;
	while (!rc && (e = readdir(proc))) {
		if (parse_number(e->d_name, 10, INT_MAX, &pid) && pid != (unsigned long)getpid())
			rc = add_process(list, pid, node, d);
	}
	closedir(proc);
	if (rc)
		users_put(list);
	else if (list->n)
		qsort(list->v, list->n, sizeof(*list->v), largest_first);
	return rc;
}

void users_put(struct users *list)
{
	free(list->v);
	memset(list, 0, sizeof(*list));
}

static void add_memory(struct json_object *o, const struct user *u)
{
	json_number(o, "anon", u->bytes[USE_ANON]);
	json_number(o, "file", u->bytes[USE_FILE]);
	json_number(o, "shmem", u->bytes[USE_SHMEM]);
}

static void add_device(struct json_object *o, const struct user *u)
{
	json_number(o, "open", u->opens);
	json_number(o, "mapped", u->maps);
}

/* The first three, for a line. */
struct text users_text(const struct users *list)
{
	struct text t = text("%s", "");
	size_t i;

	for (i = 0; i < list->n && i < 3; i++) {
		const struct user *u = &list->v[i];

		t = text("%s%sprocess %d (%.20s)%s%s", t.s, i ? ", " : "", u->pid, u->comm,
			 user_total(u) ? " with " : "",
			 user_total(u) ? size_text(user_total(u)).s : "");
	}
	if (list->n > 3)
		t = text("%s and %zu more", t.s, list->n - 3);
	return t;
}

struct json_object *users_json(const struct users *list)
{
	struct json_object *a = json_object_new_array(), *o;
	size_t i;

	for (i = 0; i < list->n; i++) {
		const struct user *u = &list->v[i];

		o = json_object_new_object();
		json_number(o, "pid", u->pid);
		json_text(o, "command", u->comm);
		/* No number for what was not looked at. */
		if (list->memory)
			add_memory(o, u);
		if (list->device)
			add_device(o, u);
		json_object_array_add(a, o);
	}
	return a;
}
