// SPDX-License-Identifier: GPL-2.0
/*
 * memkind NODE FILE: what a program that uses memkind gets of a private node. Prints lines
 * of a word and a node, or -1 for what there is no memory of: for each way to ask for it.
 * memkind is looked for when it runs: not every Debian has it. Exit status 4 without.
 * LDLIBS: -lnuma -ldl
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <numaif.h>

#define SIZE	(32UL << 20)

static void *library;
static void *(*kind_malloc)(void *kind, size_t size);
static int (*create_fixed)(void *addr, size_t size, void **kind);

static void *kind(const char *name)
{
	void **k = dlsym(library, name);

	return k ? *k : NULL;
}

static void show(const char *name, void *k)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *p = k ? kind_malloc(k, 1 << 20) : NULL;
	int status = -1;
	void *inside;

	if (p) {
		memset(p, 1, 1 << 20);
		inside = (void *)(((unsigned long)p + page) & ~(page - 1));
		if (move_pages(0, 1, &inside, NULL, &status, 0))
			status = -2;
	}
	printf("%s %d\n", name, status);
}

int main(int argc, char **argv)
{
	void *fixed = NULL;
	void *area;
	int fd;

	if (argc != 3) {
		fprintf(stderr, "usage: memkind NODE FILE\n");
		return 2;
	}
	/* Asked for when it is loaded. */
	setenv("MEMKIND_DAX_KMEM_NODES", argv[1], 1);
	library = dlopen("libmemkind.so.0", RTLD_NOW);
	if (!library)
		return 4;
	kind_malloc = dlsym(library, "memkind_malloc");
	create_fixed = dlsym(library, "memkind_create_fixed");
	if (!kind_malloc || !create_fixed)
		return 4;
	show("regular", kind("MEMKIND_REGULAR"));
	show("kmem", kind("MEMKIND_DAX_KMEM"));
	show("capacity", kind("MEMKIND_HIGHEST_CAPACITY"));
	fd = open(argv[2], O_RDWR);
	area = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
	if (area != MAP_FAILED && create_fixed(area, SIZE, &fixed))
		fixed = NULL;
	show("fixed", fixed);
	return 0;
}
