// SPDX-License-Identifier: GPL-2.0
/*
 * hog		take memory for ever, a mapping of 1 MiB after the other
 * hog KIB	take that much in one mapping, and read all of it back
 *
 * Every page is written to, each with words of its own at its start and its end, and
 * nothing is done besides: a machine without KVM is to be busy with the kernel, not
 * with us. What it runs of is locked, or it would spend its last seconds on reading
 * its own program again and again. It reads back from the end: what was written last
 * is still there, and the rest comes from swap once; from the start on, each page
 * would push out the one that is needed next. Exit status 1 if a page is not what it
 * was, 3 if nothing can be mapped.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHUNK	0x100000ul

#define put(p, word)	__atomic_store_n((uint64_t *)(p), word, __ATOMIC_RELAXED)
#define get(p)		__atomic_load_n((uint64_t *)(p), __ATOMIC_RELAXED)

static uint64_t word(size_t off)
{
	return (off + 1) * 0x9e3779b97f4a7c15ull;
}

static char *take(size_t size, size_t page)
{
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t off;

	if (p == MAP_FAILED) {
		perror("hog");
		exit(3);
	}
	for (off = 0; off < size; off += page) {
		put(p + off, word(off));
		put(p + off + page - sizeof(uint64_t), ~word(off));
	}
	return p;
}

int main(int argc, char **argv)
{
	size_t page = sysconf(_SC_PAGESIZE), size, off, wrong = 0;
	char *p;

	if (argc > 2) {
		fprintf(stderr, "usage: hog [KIB]\n");
		return 2;
	}
	if (mlockall(MCL_CURRENT))
		perror("hog: mlockall");
	while (argc == 1)
		take(CHUNK, page);

	size = (strtoul(argv[1], NULL, 0) << 10) / page * page;
	p = take(size, page);
	for (off = size - page; off < size; off -= page) {
		wrong += get(p + off) != word(off) ||
			 get(p + off + page - sizeof(uint64_t)) != ~word(off);
	}
	if (wrong)
		printf("%zu of %zu pages are not what they were\n", wrong, size / page);
	return !!wrong;
}
