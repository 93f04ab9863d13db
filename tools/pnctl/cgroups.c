// SPDX-License-Identifier: GPL-2.0
/* Control groups that are charged for memory of a node: memory.numa_stat of cgroup v2. */
#include <errno.h>
#include <fts.h>
#include <mntent.h>
#include <stdlib.h>
#include <string.h>

#include "pnctl.h"

static bool find_mount(char *path, size_t size)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	struct mntent *m;
	bool found = false;

	while (f && !found && (m = getmntent(f))) {
		found = !strcmp(m->mnt_type, "cgroup2");
		if (found)
			snprintf(path, size, "%s", m->mnt_dir);
	}
	if (f)
		endmntent(f);
	return found;
}

/* "anon N0=4096 N2=8192" */
static unsigned long long on_node(char *line, const char *node)
{
	char *word, *rest = line;
	size_t len = strlen(node);

	while ((word = strsep(&rest, "\n "))) {
		if (!strncmp(word, node, len))
			return strtoull(word + len, NULL, 10);
	}
	return 0;
}

static void parse_line(struct cgroup *g, char *line, const char *node)
{
	char *kind = strsep(&line, " ");

	if (!line)
		return;
	if (!strcmp(kind, "anon"))
		g->bytes[USE_ANON] = on_node(line, node);
	else if (!strcmp(kind, "file"))
		g->bytes[USE_FILE] = on_node(line, node);
	else if (!strcmp(kind, "shmem"))
		g->bytes[USE_SHMEM] = on_node(line, node);
}

static void read_stat(struct cgroup *g, const char *dir, int node)
{
	struct text on = text("N%d=", node);
	char path[4096], *line = NULL;
	size_t size = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/memory.numa_stat", dir);
	f = fopen(path, "re");
	while (f && getline(&line, &size, f) > 0)
		parse_line(g, line, on.s);
	free(line);
	if (f)
		fclose(f);
	/* What is shmem is a part of file there. */
	if (g->bytes[USE_FILE] >= g->bytes[USE_SHMEM])
		g->bytes[USE_FILE] -= g->bytes[USE_SHMEM];
}

static unsigned long long total(const struct cgroup *g)
{
	return g->bytes[USE_ANON] + g->bytes[USE_FILE] + g->bytes[USE_SHMEM];
}

static int largest_first(const void *a, const void *b)
{
	unsigned long long x = total(a), y = total(b);

	if (x != y)
		return x < y ? 1 : -1;
	return strcmp(((const struct cgroup *)a)->path, ((const struct cgroup *)b)->path);
}

static int add(struct cgroups *c, const char *root, const char *dir, int node)
{
	struct cgroup g = { .path = NULL };
	void *v;

	read_stat(&g, dir, node);
	if (!total(&g))
		return 0;
	g.path = strdup(dir[strlen(root)] ? dir + strlen(root) : "/");
	v = g.path ? realloc(c->v, (c->n + 1) * sizeof(g)) : NULL;
	if (!v) {
		free(g.path);
		return -ENOMEM;
	}
	tame(g.path);
	c->v = v;
	c->v[c->n++] = g;
	return 0;
}

int cgroups_get(struct cgroups *c, int node)
{
	char root[4096], *paths[] = { root, NULL };
	FTSENT *e;
	int rc = 0;
	FTS *fts;

	memset(c, 0, sizeof(*c));
	if (!find_mount(root, sizeof(root)))
		return 0;
	fts = fts_open(paths, FTS_PHYSICAL, NULL);
	while (fts && !rc && (e = fts_read(fts))) {
		if (e->fts_info == FTS_D)
			rc = add(c, root, e->fts_path, node);
	}
	if (fts)
		fts_close(fts);
	if (c->n)
		qsort(c->v, c->n, sizeof(*c->v), largest_first);
	return rc;
}

void cgroups_put(struct cgroups *c)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		free(c->v[i].path);
	free(c->v);
	memset(c, 0, sizeof(*c));
}
