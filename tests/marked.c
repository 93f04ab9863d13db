// SPDX-License-Identifier: GPL-2.0
/*
 * marked FILE MARK PAGES: maps FILE and writes "MARK-NUMBER" to each page. Says "ready", and
 * stays until its input ends.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	size_t page = sysconf(_SC_PAGESIZE), pages, i;
	char *p;
	int fd;

	if (argc != 4) {
		fprintf(stderr, "usage: marked FILE MARK PAGES\n");
		return 2;
	}
	pages = strtoul(argv[3], NULL, 10);
	fd = open(argv[1], O_RDWR);
	p = mmap(NULL, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED) {
		perror(argv[1]);
		return 1;
	}
	for (i = 0; i < pages; i++)
		snprintf(p + i * page, page, "%s-%04zu", argv[2], i);
	printf("ready\n");
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}
