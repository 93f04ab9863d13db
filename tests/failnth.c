// SPDX-License-Identifier: GPL-2.0
/*
 * failnth write FILE TEXT | failnth mmap FILE MIB
 * failnth touch FILE MIB | failnth hold FILE MIB
 *
 * touch maps and writes to that much of the file, and checks it; hold keeps it
 * until standard input ends. Exit status 3 if the file cannot be opened or mapped.
 *
 * The others:
 * Do one thing again and again, with the first allocation failing, then the
 * second, and so on, until it ends well without a failure having been due. Each
 * attempt that fails has to leave things as they were, which the command in the
 * environment variable CHECK finds out: "before" is its argument after a failure,
 * "after" after a success. UNDO takes a success back, for the next attempt. A
 * shell takes seconds to start on a kernel that checks everything; so CHECK may
 * also be "node NID STATE-FILE BEFORE AFTER", which is done here: does all that
 * tells a state agree with the state BEFORE or AFTER? UNDO may be "write FILE TEXT".
 *
 * STEP=N leaves out all but each N-th of the later ones, which are many.
 * Needs /proc/self/fail-nth (CONFIG_FAULT_INJECTION, FAILSLAB, FAIL_PAGE_ALLOC).
 */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* More allocations than this nothing makes that is tested here. */
#define MOST	20000

static sigjmp_buf bus;

static void on_sigbus(int sig)
{
	siglongjmp(bus, sig);
}

static void set_nth(int fd, int nth)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", nth);
	if (pwrite(fd, text, strlen(text), 0) < 0) {
		perror("failnth: /proc/self/fail-nth");
		exit(2);
	}
}

/* What is left: 0 if the failure has been due. */
static int get_nth(int fd)
{
	char text[16] = "";

	if (pread(fd, text, sizeof(text) - 1, 0) < 0)
		return -1;
	return atoi(text);
}

static int do_write(int fail, int nth, int fd, const char *text)
{
	int rc = 0;

	set_nth(fail, nth);
	if (write(fd, text, strlen(text)) < 0)
		rc = errno;
	return rc;
}

/* Map it and touch it. */
static int do_mmap(int fail, int nth, int fd, size_t size)
{
	/* Static, for automatic variables are lost in the jump. */
	static size_t off;
	static char *p;
	static int rc;

	rc = 0;
	set_nth(fail, nth);
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
	if (p == MAP_FAILED)
		return errno;
	if (sigsetjmp(bus, 1)) {
		rc = EFAULT;
	} else {
		for (off = 0; off < size; off += 4096)
			p[off] = 1;
	}
	/* Unmapping cannot fail, so it must not be made to. */
	off = get_nth(fail);
	set_nth(fail, 0);
	munmap(p, size);
	if (off)
		set_nth(fail, off);
	return rc;
}

/* No failures here. */
static int use(const char *path, size_t size, int hold)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	size_t off;
	char *p, c;

	if (fd < 0)
		return 3;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
	if (p == MAP_FAILED)
		return 3;
	/* The memory may be unplugged at any time. */
	if (sigsetjmp(bus, 1))
		return hold ? 1 : 0;
	for (off = 0; off < size; off += 4096)
		*(size_t *)(p + off) = off;
	if (hold) {
		printf("ready\n");
		fflush(stdout);
		while (read(0, &c, 1) > 0)
			;
	}
	for (off = 0; off < size; off += 4096) {
		if (*(size_t *)(p + off) != off)
			return 1;
	}
	return 0;
}

/* Does a line of the file have the text? */
static int has_line(const char *path, const char *text)
{
	char line[512];
	int found = 0;
	FILE *f = fopen(path, "re");

	while (f && !found && fgets(line, sizeof(line), f))
		found = !!strstr(line, text);
	if (f)
		fclose(f);
	return found;
}

/* Is the node in the list "0-1,3" that the file has? */
static int has_node(const char *path, int nid)
{
	char list[256] = "", *p = list;
	FILE *f = fopen(path, "re");
	int found = 0;

	if (f && !fgets(list, sizeof(list), f))
		list[0] = '\0';
	if (f)
		fclose(f);
	while (*p >= '0' && *p <= '9') {
		long first = strtol(p, &p, 10), last = first;

		if (*p == '-')
			last = strtol(p + 1, &p, 10);
		found |= nid >= first && nid <= last;
		p += *p == ',';
	}
	return found;
}

static long managed_pages(int nid)
{
	FILE *f = fopen("/proc/zoneinfo", "re");
	long sum = 0, n;
	char line[256];
	int now = -1;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Node %d,", &now) != 1 && now == nid &&
		    sscanf(line, " managed %ld", &n) == 1)
			sum += n;
	}
	if (f)
		fclose(f);
	return sum;
}

static int check_node(const char *spec, int after)
{
	char file[256], states[2][32];
	static long all;
	int nid, plugged;
	long pages;

	if (sscanf(spec, "node %d %255s %31s %31s", &nid, file, states[0], states[1]) != 4)
		return -1;
	plugged = !!strcmp(states[after], "unplugged");
	pages = managed_pages(nid);
	if (plugged && !all)
		all = pages;
	if (!has_line(file, states[after]) ||
	    has_node("/sys/devices/system/node/has_private_memory", nid) != plugged ||
	    has_node("/sys/devices/system/node/has_memory", nid) ||
	    has_line("/proc/iomem", "System RAM (anondax)") != plugged ||
	    pages != (plugged ? all : 0)) {
		fprintf(stderr, "failnth: not all %s: %ld pages, all would be %ld\n",
			states[after], pages, all);
		return 1;
	}
	return 0;
}

static int write_text(const char *spec)
{
	char file[256], text[32];
	int fd, rc;

	if (sscanf(spec, "write %255s %31s", file, text) != 2)
		return -1;
	fd = open(file, O_WRONLY | O_CLOEXEC);
	rc = fd < 0 || write(fd, text, strlen(text)) < 0;
	if (fd >= 0)
		close(fd);
	return rc;
}

static int run(const char *variable, const char *argument)
{
	const char *command = getenv(variable);
	char line[4096];

	if (!command || !*command)
		return 0;
	if (!strncmp(command, "node ", 5))
		return check_node(command, !strcmp(argument, "after"));
	if (!strncmp(command, "write ", 6))
		return write_text(command);
	snprintf(line, sizeof(line), "%s %s", command, argument);
	return system(line);
}

int main(int argc, char **argv)
{
	int fail, fd, nth, rc, left, failures = 0, step = 1;

	signal(SIGBUS, on_sigbus);
	if (argc == 4 && (!strcmp(argv[1], "touch") || !strcmp(argv[1], "hold")))
		return use(argv[2], strtoul(argv[3], NULL, 0) << 20, argv[1][0] == 'h');
	if (argc != 4 || (strcmp(argv[1], "write") && strcmp(argv[1], "mmap"))) {
		fprintf(stderr,
			"usage: failnth write FILE TEXT | failnth mmap|touch|hold FILE MIB\n");
		return 2;
	}
	if (getenv("STEP"))
		step = atoi(getenv("STEP"));
	fail = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);
	if (fail < 0) {
		fprintf(stderr, "failnth: this kernel has no fault injection\n");
		return 4;
	}
	for (nth = 1; nth < MOST; nth += nth < 32 ? 1 : step) {
		fd = open(argv[2], O_RDWR | O_CLOEXEC);
		if (fd < 0)
			fd = open(argv[2], O_WRONLY | O_CLOEXEC);
		if (fd < 0) {
			perror(argv[2]);
			return 1;
		}
		if (!strcmp(argv[1], "write"))
			rc = do_write(fail, nth, fd, argv[3]);
		else
			rc = do_mmap(fail, nth, fd, strtoul(argv[3], NULL, 0) << 20);
		left = get_nth(fail);
		set_nth(fail, 0);
		close(fd);
		failures += !!rc;
		if (run("CHECK", rc ? "before" : "after")) {
			fprintf(stderr, "failnth: wrong after allocation %d failed (%s)\n", nth,
				rc ? strerror(rc) : "success");
			return 1;
		}
		if (left > 0) {
			printf("# %d allocations, %d failures made it fail\n",
			       nth - left, failures);
			if (rc)
				fprintf(stderr, "failnth: %s without a reason\n", strerror(rc));
			return !!rc;
		}
		if (!rc && run("UNDO", "")) {
			fprintf(stderr, "failnth: cannot undo\n");
			return 1;
		}
	}
	fprintf(stderr, "failnth: no end after %d allocations\n", MOST);
	return 1;
}
