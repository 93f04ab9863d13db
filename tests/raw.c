// SPDX-License-Identifier: GPL-2.0
/*
 * raw FILE MIB: maps so much of a dax device and looks whether there is anything but zeroes in it,
 * in the first word of each cache line.
 */
#include "lab.h"

#define LINE	64

int main(int argc, char **argv)
{
	size_t size = argc == 3 ? strtoul(argv[2], NULL, 10) << 20 : 0, i, found = 0;
	const char *p;
	int fd;

	if (!size) {
		fprintf(stderr, "usage: raw FILE MIB\n");
		return 2;
	}
	fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	p = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		perror(argv[1]);
		return 2;
	}
	for (i = 0; i < size; i += LINE)
		found += *(const uint64_t *)(p + i) != 0;
	printf("%zu cache lines are not zero\n", found);
	return found != 0;
}
