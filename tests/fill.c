// SPDX-License-Identifier: GPL-2.0
/*
 * fill FILE MIB START-END...: map that much of a file privately and write to all
 * pages of it until there are no more. Says how many that were, and how many of
 * them were in each of the ranges of physical addresses.
 *
 * Then it does what its input says, a word a line, and answers with a line:
 *
 *	pin I	let a page of range I get into a pipe, where it cannot be moved from
 *	unpin	empty the pipe; was in it what was written?
 *	less	give all back but for a few pages of each range, and what is pinned
 *	quit
 *	check	is what remains as it was written? Says where it is, too
 */

#define _GNU_SOURCE /* vmsplice() */

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define RANGES	8
/* What is given back at once, lest parts of huge pages keep the rest of them. */
#define CHUNK	(2ul << 20)

static struct {
	unsigned long long start, end;
} range[RANGES];
static int ranges;

static sigjmp_buf bus;
static size_t page;
static int pagemap;

static char *full_at;

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	(void)context;
	full_at = info->si_addr;
	siglongjmp(bus, sig);
}

/* Where each page is: look() fills it. */
static uint64_t *map;

static void look(const char *p, size_t size)
{
	size_t bytes = size / page * sizeof(*map), done = 0;
	ssize_t n;

	while (done < bytes) {
		n = pread(pagemap, (char *)map + done, bytes - done,
			  (uintptr_t)p / page * sizeof(*map) + done);
		if (n <= 0) {
			perror("fill: pagemap");
			exit(1);
		}
		done += n;
	}
}

/* The range that a page is in; the number of them if in none, -1 if not there. */
static int where(size_t off)
{
	uint64_t entry = map[off / page];
	unsigned long long at = (entry & ((1ull << 55) - 1)) * page;
	int i;

	if (!(entry >> 63))
		return -1;
	for (i = 0; i < ranges; i++) {
		if (at >= range[i].start && at <= range[i].end)
			break;
	}
	return i;
}

static void count(size_t size)
{
	size_t in[RANGES + 1] = { 0 }, off;
	int r;

	for (off = 0; off < size; off += page) {
		r = where(off);
		if (r >= 0)
			in[r]++;
	}
	for (r = 0; r < ranges; r++)
		printf(" %zu", in[r]);
	printf(" elsewhere %zu\n", in[ranges]);
}

/* What a page starts with. */
static uint64_t word(size_t off)
{
	return (off + 1) * 0x9e3779b97f4a7c15ull;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };
	/* Static, for automatic variables are lost in the jump. */
	static size_t size, off, kept, wrong, pinned;
	static char *p, *buf;
	int fd, i, hole[2] = { -1, -1 }, seen[RANGES + 1];
	char line[64];
	struct iovec iov;

	setvbuf(stdout, NULL, _IOLBF, 0);
	page = sysconf(_SC_PAGESIZE);
	buf = malloc(page);
	if (argc < 3 || argc > 3 + RANGES || !buf) {
		fprintf(stderr, "usage: fill FILE MIB START-END...\n");
		return 2;
	}
	for (; ranges < argc - 3; ranges++) {
		if (sscanf(argv[3 + ranges], "%llx-%llx", &range[ranges].start,
			   &range[ranges].end) != 2)
			return 2;
	}
	size = strtoul(argv[2], NULL, 0) << 20;
	fd = open(argv[1], O_RDWR | O_CLOEXEC);
	pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pagemap < 0) {
		perror("fill");
		return 3;
	}
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
	map = malloc(size / page * sizeof(*map));
	if (p == MAP_FAILED || !map) {
		perror("fill");
		return 3;
	}
	/* Huge pages, which is fast, until there are only small ones. */
	madvise(p, size, MADV_HUGEPAGE);
	sigaction(SIGBUS, &action, NULL);
	if (sigsetjmp(bus, 1)) {
		size = (full_at - p) / page * page;
	} else {
		for (off = 0; off < size; off += page)
			__atomic_store_n((uint64_t *)(p + off), word(off), __ATOMIC_RELAXED);
	}
	look(p, size);
	printf("pages %zu in each", size / page);
	count(size);

	while (fgets(line, sizeof(line), stdin) && strcmp(line, "quit\n")) {
		look(p, size);
		if (sscanf(line, "pin %d", &i) == 1) {
			for (off = 0; off < size && where(off) != i; off += page)
				;
			iov.iov_base = p + off;
			iov.iov_len = page;
			pinned = off;
			if (off == size || pipe(hole) ||
			    vmsplice(hole[1], &iov, 1, SPLICE_F_NONBLOCK) != (ssize_t)page)
				printf("no page to pin\n");
			else
				printf("pinned\n");
		} else if (!strcmp(line, "unpin\n")) {
			if (read(hole[0], buf, page) == (ssize_t)page &&
			    *(uint64_t *)buf == word(pinned))
				printf("unpinned, as written\n");
			else
				printf("unpinned, NOT what was written\n");
			close(hole[0]);
			close(hole[1]);
		} else if (!strcmp(line, "less\n")) {
			memset(seen, 0, sizeof(seen));
			for (kept = 0, off = 0; off < size; off += CHUNK) {
				size_t n = size - off < CHUNK ? size - off : CHUNK;

				i = where(off);
				if (i >= 0 && (off == pinned / CHUNK * CHUNK || !seen[i]++))
					kept += n / page;
				else if (madvise(p + off, n, MADV_DONTNEED))
					perror("fill: madvise");
			}
			printf("kept %zu\n", kept);
		} else if (!strcmp(line, "check\n")) {
			for (kept = wrong = 0, off = 0; off < size; off += page) {
				if (where(off) < 0)
					continue;
				kept++;
				wrong += *(uint64_t *)(p + off) != word(off);
			}
			printf("%zu pages, %zu wrong, in each", kept, wrong);
			count(size);
		} else {
			printf("what?\n");
		}
	}
	return 0;
}
