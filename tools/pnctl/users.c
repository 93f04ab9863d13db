// SPDX-License-Identifier: GPL-2.0
/* Processes that have memory on a node, or the device open. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "pnctl.h"

/*
 * /proc/PID/numa_maps: "ADDRESS POLICY KEY[=VALUE]...", a line for each mapping
 */

struct mapping {
	unsigned long long on_node, anon, page_size;
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
	while ((word = strsep(&rest, "\n ")))
		parse_word(m, word, on_node);
}

/* Shared memory has a name, too; of a file system, or of none that one can see. */
static bool is_shmem(const char *file)
{
	static const char *const names[] = { "/SYSV", "/memfd:", "/dev/zero", "/dev/dax" };
	struct statfs fs;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strncmp(file, names[i], strlen(names[i])))
			return true;
	}
	return !statfs(file, &fs) && fs.f_type == TMPFS_MAGIC;
}

/* How many of a mapping's anonymous pages are here it does not say: as many as can be. */
static void add_mapping(struct user *u, const struct mapping *m)
{
	unsigned long long anon = m->anon < m->on_node ? m->anon : m->on_node;

	if (!m->on_node)
		return;
	if (!m->file)
		anon = m->on_node;
	u->bytes[USE_ANON] += anon * m->page_size;
	if (m->file)
		u->bytes[is_shmem(m->file) ? USE_SHMEM : USE_FILE] +=
			(m->on_node - anon) * m->page_size;
}

static int read_numa_maps(struct user *u, int node)
{
	struct text path = text("/proc/%d/numa_maps", u->pid), on_node = text("N%d", node);
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
		add_mapping(u, &m);
	}
	free(line);
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
	struct stat st;

	if (!dir)
		return -errno;
	while ((e = readdir(dir))) {
		if (!fstatat(dirfd(dir), e->d_name, &st, 0) && S_ISCHR(st.st_mode) &&
		    st.st_rdev == rdev)
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
		json_number(o, "anon", u->bytes[USE_ANON]);
		json_number(o, "file", u->bytes[USE_FILE]);
		json_number(o, "shmem", u->bytes[USE_SHMEM]);
		json_number(o, "open", u->opens);
		json_number(o, "mapped", u->maps);
		json_object_array_add(a, o);
	}
	return a;
}
