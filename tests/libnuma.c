// SPDX-License-Identifier: GPL-2.0
/*
 * libnuma NODE on|off: a program that uses libnuma, with a private node whose
 * mbind knob is on or off. Each line it prints is a status, 0 if all is well,
 * and what it says about. In between it says "ready" and waits for a line, so
 * that somebody else can count pages. LDLIBS: -lnuma
 */

#include <errno.h>
#include <numa.h>
#include <numaif.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "complaints.h"

#define SIZE	(16UL * 1024 * 1024)

static int node;
static long page;
static struct bitmask *the_node;	/* this node alone */
static struct bitmask *both;		/* this one and node 0 */

static void check(bool good, const char *what)
{
	printf("%d %s\n", !good, what);
}

/* How many pages of the range are on the node @nid, of those that are there. */
static size_t pages_on(void *addr, size_t size, int nid)
{
	size_t n = size / page, on = 0, i;
	void **pages = calloc(n, sizeof(*pages));
	int *status = calloc(n, sizeof(*status));

	if (!pages || !status)
		exit(2);
	for (i = 0; i < n; i++)
		pages[i] = (char *)addr + i * page;
	if (numa_move_pages(0, n, pages, NULL, status, 0))
		exit(2);
	for (i = 0; i < n; i++)
		on += status[i] == nid;
	free(pages);
	free(status);
	return on;
}

/* Write to all of it; every page has contents of its own. */
static void fill(char *p, size_t size)
{
	size_t i;

	for (i = 0; i < size; i += page)
		memset(p + i, 1 + (i / page) % 251, page);
}

static bool intact(const char *p, size_t size)
{
	size_t i;

	for (i = 0; i < size; i += page) {
		char want = 1 + (i / page) % 251;

		if (p[i] != want || memcmp(p + i, p + i + 1, page - 1))
			return false;
	}
	return true;
}

static char *map(size_t size, int flags)
{
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		exit(2);
	return p;
}

static size_t move(char *p, size_t size, int nid)
{
	size_t n = size / page, moved = 0, i;
	void **pages = calloc(n, sizeof(*pages));
	int *nodes = calloc(n, sizeof(*nodes));
	int *status = calloc(n, sizeof(*status));

	if (!pages || !nodes || !status)
		exit(2);
	for (i = 0; i < n; i++) {
		pages[i] = p + i * page;
		nodes[i] = nid;
	}
	/* EACCES and ENODEV are for the whole call. */
	if (numa_move_pages(0, n, pages, nodes, status, MPOL_MF_MOVE) < 0)
		printf("# move_pages: %s\n", strerror(errno));
	else
		for (i = 0; i < n; i++)
			moved += status[i] == nid;
	free(pages);
	free(nodes);
	free(status);
	return moved;
}

/* What libnuma knows of the node does not depend on the knob. */
static void view(void)
{
	struct bitmask *allowed = numa_get_mems_allowed(), *parsed;
	char string[16];

	check(numa_max_node() >= node && numa_node_size64(node, NULL) > 0,
	      "numa_max_node() and numa_node_size() know the node");
	check(!numa_bitmask_isbitset(numa_all_nodes_ptr, node) &&
	      !numa_bitmask_isbitset(allowed, node),
	      "it is not in numa_all_nodes_ptr, nor in numa_get_mems_allowed()");
	numa_bitmask_free(allowed);

	snprintf(string, sizeof(string), "%d", node);
	check(!numa_parse_nodestring(string), "numa_parse_nodestring() refuses it");
	parsed = numa_parse_nodestring_all(string);
	check(parsed && numa_bitmask_equal(parsed, the_node),
	      "numa_parse_nodestring_all() takes it");
	if (parsed)
		numa_bitmask_free(parsed);
	complaints = 0;
}

/* "Anywhere" never means the node. */
static void elsewhere(void)
{
	char *p;

	p = numa_alloc_interleaved(SIZE);
	fill(p, SIZE);
	check(!pages_on(p, SIZE, node), "numa_alloc_interleaved() keeps away from it");
	numa_free(p, SIZE);
	p = numa_alloc_local(SIZE);
	fill(p, SIZE);
	check(!pages_on(p, SIZE, node), "numa_alloc_local() keeps away from it");
	numa_free(p, SIZE);
	check(!complaints, "libnuma did not complain");
}

static void with_knob(void)
{
	const size_t all = SIZE / page;
	struct bitmask *got, *zero;
	char *p, *q, *shared;

	/* Memory on the node: this is what is counted from outside. */
	p = numa_alloc_onnode(SIZE, node);
	fill(p, SIZE);
	check(pages_on(p, SIZE, node) == all, "numa_alloc_onnode()");
	q = map(SIZE, MAP_PRIVATE);
	numa_tonode_memory(q, SIZE, node);
	fill(q, SIZE);
	check(pages_on(q, SIZE, node) == all, "numa_tonode_memory()");
	printf("ready\n");
	getchar();
	check(intact(p, SIZE) && intact(q, SIZE), "its contents");
	numa_free(q, SIZE);
	numa_free(p, SIZE);

	p = numa_alloc_interleaved_subset(SIZE, both);
	fill(p, SIZE);
	check(pages_on(p, SIZE, node) == all / 2 && pages_on(p, SIZE, 0) == all / 2,
	      "numa_alloc_interleaved_subset() of this node and another: half and half");
	numa_free(p, SIZE);

	numa_set_membind(the_node);
	got = numa_get_membind();
	check(numa_bitmask_equal(got, the_node),
	      "numa_get_membind() gives what numa_set_membind() set");
	numa_bitmask_free(got);
	p = map(SIZE, MAP_PRIVATE);
	fill(p, SIZE);
	check(pages_on(p, SIZE, node) == all,
	      "numa_set_membind(): anonymous memory is on the node");
	shared = map(SIZE, MAP_SHARED);
	fill(shared, SIZE);
	check(!pages_on(shared, SIZE, node),
	      "numa_set_membind(): shared memory is not, and is to be had");
	munmap(shared, SIZE);
	numa_set_localalloc();
	q = map(SIZE, MAP_PRIVATE);
	fill(q, SIZE);
	check(!pages_on(q, SIZE, node), "numa_set_localalloc(): no more of it");

	check(move(p, SIZE, 0) == all && pages_on(p, SIZE, 0) == all && intact(p, SIZE),
	      "numa_move_pages() away from it");
	check(move(p, SIZE, node) == all && pages_on(p, SIZE, node) == all && intact(p, SIZE),
	      "numa_move_pages() to it");
	munmap(p, SIZE);

	/* All that this process has there, this range among it. */
	move(q, SIZE, 0);
	zero = numa_allocate_nodemask();
	numa_bitmask_setbit(zero, 0);
	/* It says how many pages of files, the program's own, could not go there. */
	check(numa_migrate_pages(0, zero, the_node) >= 0 &&
	      pages_on(q, SIZE, node) == all && intact(q, SIZE),
	      "numa_migrate_pages() to it");
	check(!numa_migrate_pages(0, the_node, zero) &&
	      pages_on(q, SIZE, 0) == all && intact(q, SIZE),
	      "numa_migrate_pages() away from it");
	numa_bitmask_free(zero);
	munmap(q, SIZE);

	numa_set_preferred(node);
	p = map(SIZE, MAP_PRIVATE);
	fill(p, SIZE);
	check(pages_on(p, SIZE, node) == all, "numa_set_preferred()");
	munmap(p, SIZE);
	numa_set_localalloc();
	check(!complaints, "libnuma did not complain");

	/* The node has no CPUs to run on. */
	check(numa_run_on_node(node) < 0, "numa_run_on_node() fails");
	complaints = 0;
	numa_bind(the_node);
	got = numa_get_membind();
	check(complaints && numa_bitmask_equal(got, the_node),
	      "numa_bind() complains, and binds memory all the same");
	numa_bitmask_free(got);
}

static void without_knob(void)
{
	char *p;

	p = numa_alloc_onnode(SIZE, node);
	check(complaints == 1, "numa_alloc_onnode() complains");
	fill(p, SIZE);
	check(!pages_on(p, SIZE, node), "and gives memory of other nodes");
	complaints = 0;
	check(!move(p, SIZE, node) && !pages_on(p, SIZE, node),
	      "numa_move_pages() does not move it there");
	numa_free(p, SIZE);
	p = numa_alloc_interleaved_subset(SIZE, both);
	fill(p, SIZE);
	check(pages_on(p, SIZE, 0) == SIZE / page && !complaints,
	      "numa_alloc_interleaved_subset() leaves it out");
	numa_free(p, SIZE);
	numa_set_membind(the_node);
	check(complaints == 1, "numa_set_membind() complains");
	p = map(SIZE, MAP_PRIVATE);
	fill(p, SIZE);
	check(!pages_on(p, SIZE, node), "and changes nothing");
	munmap(p, SIZE);
	complaints = 0;
}

int main(int argc, char **argv)
{
	if (argc != 3 || numa_available() < 0) {
		fprintf(stderr, "usage: libnuma NODE on|off\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	node = atoi(argv[1]);
	page = sysconf(_SC_PAGESIZE);
	the_node = numa_allocate_nodemask();
	numa_bitmask_setbit(the_node, node);
	both = numa_allocate_nodemask();
	numa_bitmask_setbit(both, 0);
	numa_bitmask_setbit(both, node);

	view();
	elsewhere();
	if (!strcmp(argv[2], "on"))
		with_knob();
	else
		without_knob();
	printf("done\n");
	return 0;
}
