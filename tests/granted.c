// SPDX-License-Identifier: GPL-2.0
/*
 * granted NODE: what a program that uses libnuma sees of a node, as it is asked in its
 * documentation. A line each, a word and a number. LDLIBS: -lnuma
 */

#include <errno.h>
#include <numa.h>
#include <numaif.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "complaints.h"

#define SIZE	(1024 * 1024UL)

/* How many KiB of what is new are on the node. */
static long fresh_on(int node)
{
	const long page = sysconf(_SC_PAGESIZE);
	long on = 0;
	char *p, *q;
	int at;

	p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		exit(2);
	memset(p, 1, SIZE);
	for (q = p; q < p + SIZE; q += page) {
		void *where = q;

		if (numa_move_pages(0, 1, &where, NULL, &at, 0))
			exit(2);
		on += at == node;
	}
	munmap(p, SIZE);
	return on * page / 1024;
}

int main(int argc, char **argv)
{
	struct bitmask *mask, *parsed;
	int node, i;
	char *p;

	if (argc < 2 || numa_available() < 0)
		return 2;
	node = atoi(argv[1]);
	parsed = numa_parse_nodestring(argv[1]);
	printf("parse %d\n", parsed && numa_bitmask_isbitset(parsed, node));
	printf("tasknodes %d\n", numa_num_task_nodes());
	mask = numa_get_mems_allowed();
	printf("allowed %d\n", !!numa_bitmask_isbitset(mask, node));
	printf("default %ld\n", fresh_on(node));

	numa_bitmask_clearall(mask);
	numa_bitmask_setbit(mask, node);
	numa_set_membind(mask);
	printf("membind %ld\n", fresh_on(node));
	numa_set_localalloc();
	/* It says that the node has no CPUs, and binds memory. */
	numa_bind(mask);
	printf("bind %ld\n", fresh_on(node));
	numa_set_localalloc();
	numa_set_interleave_mask(numa_all_nodes_ptr);
	printf("interleave %ld\n", fresh_on(node));
	numa_set_localalloc();

	complaints = 0;
	p = numa_alloc_onnode(SIZE, node);
	if (p) {
		int at = -1;
		void *where = p;

		for (i = 0; i < (int)SIZE; i += 4096)
			p[i] = 1;
		numa_move_pages(0, 1, &where, NULL, &at, 0);
		printf("onnode %d\n", at == node && !complaints);
	}
	return 0;
}
