// SPDX-License-Identifier: GPL-2.0
/*
 * hold [-s] FILE MIB: map that much of a file privately, or with -s shared with
 * another process, which looks at it too; write to every page, and keep what it
 * got until SIGTERM. SIGUSR1, and SIGTERM before the end, read all of it back and
 * say whether it is what was written. For the demo.
 */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static sigjmp_buf full;
static char *full_at;

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	full_at = info->si_addr;
	siglongjmp(full, 1);
}

/* What word I of the mapping holds: no two are the same. */
static uint64_t word(size_t i)
{
	return (i + 1) * 0x9e3779b97f4a7c15ull;
}

static int check(const uint64_t *p, size_t pages, size_t words)
{
	uint64_t want = 0, sum = 0;
	size_t i;

	for (i = 0; i < pages * words; i++) {
		want = (want << 1 | want >> 63) ^ word(i);
		sum = (sum << 1 | sum >> 63) ^ p[i];
	}
	printf("checksum %016llx of %zu pages: %s\n", (unsigned long long)sum, pages,
	       sum == want ? "as written" : "NOT what was written");
	return sum == want ? 0 : 1;
}

/* Another process, by a mapping of its own of the same open file. */
static int look(int fd, size_t size, size_t pages, size_t words)
{
	pid_t pid = fork();
	int status = -1;
	void *p;

	if (!pid) {
		p = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
		_exit(p == MAP_FAILED || check(p, pages, words));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	printf("another process, with a mapping of its own, %s\n",
	       status ? "does NOT see it" : "sees the same");
	return status;
}

int main(int argc, char **argv)
{
	const size_t page = sysconf(_SC_PAGESIZE), words = page / sizeof(uint64_t);
	struct sigaction bus = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO };
	size_t size, got, i;
	sigset_t set;
	static bool shared;
	uint64_t *p;
	int fd, sig;

	if (argc == 4 && !strcmp(argv[1], "-s")) {
		shared = true;
		argv++;
		argc--;
	}
	if (argc != 3) {
		fprintf(stderr, "usage: hold [-s] FILE MIB\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGBUS, &bus, NULL);

	size = strtoul(argv[2], NULL, 0) << 20;
	fd = open(argv[1], O_RDWR);
	if (fd < 0) {
		fprintf(stderr, "hold: cannot open %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, shared ? MAP_SHARED : MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED) {
		fprintf(stderr, "hold: cannot map %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	if (sigsetjmp(full, 1)) {
		got = (full_at - (char *)p) / page;
		printf("SIGBUS at page %zu: no memory left, holding %zu MiB\n", got,
		       got * page >> 20);
	} else {
		for (i = 0; i < size / sizeof(*p); i++)
			p[i] = word(i);
		got = size / page;
		printf("wrote %zu pages, holding %zu MiB\n", got, got * page >> 20);
	}
	if (shared && look(fd, size, got, words))
		return 1;
	do {
		if (sigwait(&set, &sig))
			return 1;
		if (check(p, got, words))
			return 1;
	} while (sig != SIGTERM);
	return 0;
}
