// SPDX-License-Identifier: GPL-2.0
/*
 * PID 1 of the machine that counts instructions. Does the work that is to be
 * measured, one thing after another, and writes a line of JSON for each to the
 * debug console.
 *
 * The TSC counts instructions here (-icount shift=0). While something is being
 * measured no timer interrupt comes, so the sums are exact too, not only the
 * medians; between measurements the kernel gets time to tidy up.
 *
 * The kernel passes what stands after "--" on its command line: KEY=VALUE.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "compiler.h"
#include "pnbench.h"

#define PAGE		4096UL
#define MIB		(1024 * 1024UL)
#define THP		(2 * MIB)
#define MOST		65536U
#define SAMPLES		(2 * MOST * sizeof(uint32_t))

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif

/* Where memory is taken from. */
enum place_kind {
	PLAIN,		/* no policy */
	MBIND,		/* mbind() to a node */
	MEMBIND,	/* set_mempolicy(), what numactl --membind does */
	DAX_PRIVATE,	/* MAP_PRIVATE of /dev/daxX.Y: anondax */
	DAX_SHARED,	/* MAP_SHARED of it: device_dax */
	HUGETLB,
	TMPFS,		/* a file of a tmpfs with mpol=bind */
	SHARED,		/* MAP_SHARED | MAP_ANONYMOUS, and mbind() to a node */
};

struct place {
	const char *name;
	enum place_kind kind;
	int node;
};

static int dev = -1;
static uint32_t *samples;	/* 2 * MOST, frees of a bulk in the second half */
static uint64_t empty_kernel, empty_user;
static const char *prefix = "";
static unsigned int mark;	/* as bench/profile.c counts */

/* Wishes. */
static const char *set = "ordinary";
static const char *as = "none";
static int nodes;
static bool quick, fast, alone, trace, knobs_on = true;

/* What there is. */
static struct {
	char name[32];
	int node;
} dax[64];

static int n_dax;

static inline uint64_t tsc(void)
{
	uint32_t lo, hi;

	asm volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (uint64_t)hi << 32 | lo;
}

/*
 * Output and trouble.
 */
static __printf(1, 2) void emit(const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	line[n++] = '\n';
	if (dev < 0 || write(dev, line, n) != n)
		fprintf(stderr, "bench: %.*s", n, line);
}

static void power_off(void)
{
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

/* A short string, good until a few more were made. */
static __printf(1, 2) char *name_of(const char *fmt, ...)
{
	static char buf[8][320];
	static int i;
	va_list ap;

	i = (i + 1) % 8;
	va_start(ap, fmt);
	vsnprintf(buf[i], sizeof(buf[i]), fmt, ap);
	va_end(ap);
	return buf[i];
}

/* Nothing that comes after makes sense. */
static __noreturn __printf(1, 2) void die(const char *fmt, ...)
{
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	emit("{\"error\":\"%s%s: %s\"}", prefix, what, strerror(errno));
	fprintf(stderr, "bench: %s%s: %s\n", prefix, what, strerror(errno));
	if (getpid() != 1)
		_exit(1);
	power_off();
	abort();
}

/* Around everything that is measured. Call as close to it as possible. */
static void quiet(int on)
{
	if (!on) {
		MARK(0);
		mark++;
	}
	if (ioctl(dev, PNB_QUIET, on))
		die("cannot stop the timer");
	if (on)
		MARK(1);
}

/* Time for RCU, workqueues and whoever else has put something off. */
static void settle(void)
{
	struct timespec nap = { .tv_nsec = 300 * 1000 * 1000 };

	nanosleep(&nap, NULL);
}

/* A mean counts what has nothing to do with it, too: let it have its turn before. */
static bool patient;

/* Be busy for @ticks of the clock. */
static void spin(unsigned int ticks)
{
	const uint64_t until = tsc() + ticks * 4000000ull;

	while (tsc() < until)
		;
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static uint32_t median(uint32_t *s, unsigned int n)
{
	qsort(s, n, sizeof(*s), by_value);
	return s[n / 2];
}

/*
 * Result of @n samples. "settled": both halves have the same median, so more
 * samples would not change it. "dear": the least of those above ten times the median,
 * which did something that most did not have to.
 */
static void result(const char *name, uint32_t *s, unsigned int n, uint64_t empty)
{
	uint32_t first, second, med;
	unsigned int i, dear;
	uint64_t sum = 0;

	if (!n) {
		errno = ENODATA;
		die("%s", name);
	}
	for (i = 0; i < n; i++) {
		s[i] -= s[i] > empty ? empty : s[i];
		sum += s[i];
	}
	first = median(s, n / 2 ?: 1);
	second = n > 1 ? median(s + n / 2, n - n / 2) : first;
	med = median(s, n);
	for (dear = 0; dear < n && s[dear] <= 10 * med; dear++)
		;
	emit("{\"test\":\"%s%s\",\"n\":%u,\"median\":%u,\"mean\":%.3f,\"min\":%u,"
	     "\"p10\":%u,\"p90\":%u,\"max\":%u,\"dear\":%u,\"settled\":%s,\"mark\":%u}",
	     prefix, name, n, med, (double)sum / n, s[0], s[n / 10], s[n - 1 - n / 10], s[n - 1],
	     dear < n ? s[dear] : 0,
	     first == second ? "true" : "false", mark);
}

/* A total that is divided among @units. */
static void sum_up(const char *name, uint64_t sum, unsigned long units)
{
	emit("{\"test\":\"%s%s\",\"n\":%lu,\"mean\":%.3f,\"total\":%llu,\"mark\":%u}",
	     prefix, name, units, (double)sum / units, (unsigned long long)sum, mark);
}

static void constant(const char *name, unsigned long long v)
{
	emit("{\"value\":\"%s%s\",\"is\":%llu}", prefix, name, v);
}

/*
 * Files.
 */
static int try_write(const char *path, const char *what)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, what, strlen(what)) != (ssize_t)strlen(what))
		rc = -errno;
	close(fd);
	return rc;
}

static void must_write(const char *path, const char *what)
{
	int rc = try_write(path, what);

	if (rc) {
		errno = -rc;
		die("cannot write %s to %s", what, path);
	}
}

static bool read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n < 0)
		return false;
	while (n > 0 && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return true;
}

/* A number behind @key in a file of lines. */
static unsigned long long field(const char *path, const char *key)
{
	static char buf[65536];
	char *at;

	if (!read_file(path, buf, sizeof(buf)))
		return 0;
	at = strstr(buf, key);
	return at ? strtoull(at + strlen(key) + strspn(at + strlen(key), ": \t"), NULL, 10) : 0;
}

static void must_mount(const char *type, const char *where, const char *opts)
{
	mkdir(where, 0755);
	if (mount(type, where, type, 0, opts))
		die("cannot mount %s on %s", type, where);
}

/* /mod/NAME/ has a module and what it needs, numbered in order. */
static void load_module(const char *name)
{
	char path[256];
	int i;

	for (i = 0; i < 10; i++) {
		int fd;

		snprintf(path, sizeof(path), "/mod/%s/%d.ko", name, i);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			break;
		if (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST)
			die("cannot load %s", path);
		close(fd);
	}
	if (!i)
		die("there is no module %s", name);
}

/*
 * Nodes.
 */
static int by_node(const void *a, const void *b)
{
	const typeof(dax[0]) *x = a, *y = b;

	return x->node - y->node;
}

static void find_dax(void)
{
	const char *dir = "/sys/bus/dax/devices";
	struct dirent *d;
	DIR *all = opendir(dir);
	char buf[64];

	while (all && (d = readdir(all))) {
		if (strncmp(d->d_name, "dax", 3) || strlen(d->d_name) >= sizeof(dax[0].name))
			continue;
		if (!read_file(name_of("%s/%s/size", dir, d->d_name), buf, sizeof(buf)) ||
		    !strcmp(buf, "0"))
			continue;
		if (!read_file(name_of("%s/%s/target_node", dir, d->d_name), buf, sizeof(buf)) ||
		    n_dax == 64)
			continue;
		memcpy(dax[n_dax].name, d->d_name, strlen(d->d_name) + 1);
		dax[n_dax++].node = atoi(buf);
	}
	if (all)
		closedir(all);
	qsort(dax, n_dax, sizeof(dax[0]), by_node);
}

static void bind_dax(const char *name, const char *driver)
{
	try_write(name_of("/sys/bus/dax/devices/%s/driver/unbind", name), name);
	try_write(name_of("/sys/bus/dax/drivers/%s/new_id", driver), name);
	try_write(name_of("/sys/bus/dax/drivers/%s/bind", driver), name);
	if (access(name_of("/sys/bus/dax/drivers/%s/%s", driver, name), F_OK))
		die("%s does not take %s", driver, name);
}

static const char * const knobs[] = {
	"reclaim", "demotion", "mbind", "shmem", "madvise", "numa_balance", "ltpin",
};

static char *dax_file(int i, const char *file)
{
	return name_of("/sys/bus/dax/devices/%s/%s", dax[i].name, file);
}

/* To the driver, with all knobs on, unless knobs=0; not plugged yet. */
static const char *prepare(int i, const char *driver)
{
	const char *path;
	unsigned int k;

	if (i >= n_dax) {
		errno = ENODEV;
		die("there are %d dax devices, not %d", n_dax, i + 1);
	}
	bind_dax(dax[i].name, driver);
	if (!strcmp(driver, "anondax")) {
		for (k = 0; k < ARRAY_SIZE(knobs); k++)
			must_write(dax_file(i, knobs[k]), knobs_on ? "1" : "0");
	}
	path = dax_file(i, strcmp(driver, "kmem") ? "hotplug" : "state");
	/* kmem may have plugged it already. */
	if (!strcmp(driver, "kmem"))
		try_write(path, "unplugged");
	return path;
}

static void plug(int i, const char *driver, const char *state)
{
	must_write(prepare(i, driver), state);
}

/*
 * Memory.
 */
static void bind_range(void *p, size_t size, int mode, int node)
{
	unsigned long mask[2] = { 0 };

	mask[node / 64] = 1UL << (node % 64);
	if (syscall(SYS_mbind, p, size, mode, mask, 128, 0))
		die("mbind to node %d", node);
}

/* Aligned to huge pages, whatever it is. */
static void *map_at(const struct place *at, size_t size)
{
	int flags = MAP_FIXED | MAP_NORESERVE, fd = -1;
	char path[64];
	char *p;

	p = mmap(NULL, size + THP, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		die("no address space");
	p = (char *)(((uintptr_t)p + THP - 1) & ~(THP - 1));

	switch (at->kind) {
	case DAX_PRIVATE:
	case DAX_SHARED:
		snprintf(path, sizeof(path), "/dev/%s", dax[0].name);
		fd = open(path, O_RDWR | O_CLOEXEC);
		flags |= at->kind == DAX_PRIVATE ? MAP_PRIVATE : MAP_SHARED;
		break;
	case TMPFS:
		fd = open("/bound", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		if (fd >= 0 && ftruncate(fd, size))
			die("no file in tmpfs");
		flags |= MAP_SHARED;
		break;
	case SHARED:
		flags |= MAP_SHARED | MAP_ANONYMOUS;
		break;
	case HUGETLB:
		flags |= MAP_HUGETLB;
		fallthrough;
	default:
		flags |= MAP_PRIVATE | MAP_ANONYMOUS;
		break;
	}
	if (!(flags & MAP_ANONYMOUS) && fd < 0)
		die("cannot open what is to be mapped for %s", at->name);
	if (mmap(p, size, PROT_READ | PROT_WRITE, flags, fd, 0) == MAP_FAILED)
		die("cannot map %lu MiB of %s", size / MIB, at->name);
	if (fd >= 0)
		close(fd);
	if (at->kind == MBIND || at->kind == HUGETLB || at->kind == SHARED)
		bind_range(p, size, MPOL_BIND, at->node);
	return p;
}

static void unmap(void *p, size_t size)
{
	if (munmap(p, size))
		die("munmap");
}

static void enter_place(const struct place *at)
{
	unsigned long mask[2] = { 0 };

	if (at->kind != MEMBIND)
		return;
	mask[at->node / 64] = 1UL << (at->node % 64);
	if (syscall(SYS_set_mempolicy, MPOL_BIND, mask, 128))
		die("set_mempolicy to node %d", at->node);
}

static void leave_place(const struct place *at)
{
	if (at->kind == MEMBIND && syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0))
		die("set_mempolicy to default");
}

static void no_huge(void *p, size_t size)
{
	if (madvise(p, size, MADV_NOHUGEPAGE))
		die("MADV_NOHUGEPAGE");
}

/* Huge pages of that many KiB and no others, for who asks. */
static void huge_size(int kib, const char *how)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/mm/transparent_hugepage/hugepages-%dkB/enabled",
		 kib);
	must_write(path, how);
}

/* A store that happens, here and now. */
static inline void store(char *p, char what)
{
	asm volatile("movb %1, %0" : "=m"(*p) : "q"(what));
}

/* Write a byte every @step bytes, a sample for each. */
static unsigned int touch(char *p, size_t size, size_t step, char what)
{
	unsigned int n = 0;
	uint64_t t;
	size_t at;

	for (at = 0; at < size; at += step) {
		t = tsc();
		store(p + at, what);
		samples[n++] = tsc() - t;
	}
	return n;
}

static void fill(char *p, size_t size, size_t step, char what)
{
	size_t at;

	for (at = 0; at < size; at += step)
		store(p + at, what);
}

static void where(const void *p, size_t size, size_t step, int node, const char *what)
{
	size_t at;

	for (at = 0; at < size; at += step) {
		void *page = (void *)((const char *)p + at);
		int status = -1;

		if (syscall(SYS_move_pages, 0, 1UL, &page, NULL, &status, 0))
			die("move_pages");
		if (status != node) {
			errno = status < 0 ? -status : EXDEV;
			die("%s: page %lu is on node %d, not %d", what, at / PAGE, status, node);
		}
	}
}

/*
 * The tests.
 */
static int kernel(const char *name, int op, unsigned int order, unsigned int count, int flags,
		  int nid)
{
	struct pnb_run run = {
		.op = op, .order = order, .count = count, .flags = flags, .nid = nid,
		.samples = (uintptr_t)samples,
	};

	settle();
	if (ioctl(dev, PNB_RUN, &run)) {
		if (errno == EOPNOTSUPP)
			return -errno;
		die("%s", name);
	}
	mark++;
	return 0;
}

static void kernel_pairs(const char *name, int op, unsigned int order, unsigned int count,
			 int flags, int nid)
{
	if (!kernel(name, op, order, count, flags, nid))
		result(name, samples, count, empty_kernel);
}

static void kernel_bulk(const char *name, int op, unsigned int order, unsigned int count)
{
	if (kernel(name, op, order, count, 0, -1))
		return;
	result(name_of("%s-alloc", name), samples, count, empty_kernel);
	result(name_of("%s-free", name), samples + count, count, empty_kernel);
}

static void calibrate(void)
{
	unsigned int i;
	uint64_t t;

	if (!kernel("empty", PNB_EMPTY, 0, 1000, 0, -1))
		empty_kernel = median(samples, 1000);
	for (i = 0; i < 1000; i++) {
		t = tsc();
		asm volatile("" : : : "memory");
		samples[i] = tsc() - t;
	}
	empty_user = median(samples, 1000);
	constant("empty-kernel", empty_kernel);
	constant("empty-user", empty_user);
}

static void allocators(void)
{
	static const int orders[] = { 0, 2, 5, 9 };
	unsigned int i;

	for (i = 0; i < 4; i++) {
		int o = orders[i], n = o == 9 ? 200 : 2000;

		kernel_pairs(name_of("pages-%d", o), PNB_PAGES, o, n, 0, -1);
		kernel_pairs(name_of("folio-%d", o), PNB_FOLIO, o, n, 0, -1);
		kernel_pairs(name_of("folio-node-%d", o), PNB_FOLIO_NODE, o, n, 0, 0);
		kernel_pairs(name_of("folio-zero-%d", o), PNB_FOLIO, o, n, PNB_F_ZERO, -1);
	}
	kernel_bulk("pages-0-bulk", PNB_PAGES_BULK, 0, 8192);
	kernel_bulk("folio-0-bulk", PNB_FOLIO_BULK, 0, 8192);
	kernel_bulk("folio-2-bulk", PNB_FOLIO_BULK, 2, 2048);
	kernel_bulk("folio-9-bulk", PNB_FOLIO_BULK, 9, 48);
	kernel_pairs("kmalloc-64", PNB_KMALLOC, 64, 2000, 0, -1);
	kernel_pairs("kmalloc-4k", PNB_KMALLOC, 4096, 2000, 0, -1);
	kernel_pairs("kmalloc-16k", PNB_KMALLOC, 16384, 2000, 0, -1);
	kernel_bulk("kmalloc-64-bulk", PNB_KMALLOC_BULK, 64, 16384);
	kernel_bulk("kmalloc-4k-bulk", PNB_KMALLOC_BULK, 4096, 4096);
	kernel_bulk("slab-page-0", PNB_SLAB_PAGE, 0, 4096);
	kernel_bulk("slab-page-2", PNB_SLAB_PAGE, 2, 1024);
	kernel_pairs("vmalloc", PNB_VMALLOC, 0, 500, 0, -1);
}

/*
 * Blocks of this size are in no per-CPU list, so what one costs depends on whether it
 * has to be split from a larger one. See to it that none has to be.
 */
static void place_blocks(size_t bytes, size_t block, int node)
{
	struct pnb_place place = {
		.bytes = 2 * bytes, .order = __builtin_ctzl(block / PAGE), .nid = node,
	};

	if (ioctl(dev, PNB_PLACE, &place))
		die("no free blocks of %lu KiB on node %d", block / 1024, node);
}

static void touch_size(const struct place *at, const char *name, size_t size, size_t step, int node)
{
	unsigned int n;
	uint64_t t;
	char *p;

	if (step == 64 * 1024)
		place_blocks(size, step, node);
	settle();
	enter_place(at);
	p = map_at(at, size);
	if (at->kind != HUGETLB && at->kind != DAX_SHARED) {
		if (step == PAGE)
			no_huge(p, size);
		else if (madvise(p, size, MADV_HUGEPAGE))
			die("MADV_HUGEPAGE");
	}
	quiet(1);
	n = touch(p, size, step, 1);
	quiet(0);
	leave_place(at);
	if (node >= 0 && at->kind != DAX_SHARED)
		where(p, size, step, node, name);
	result(name_of("touch-%s", name), samples, n, empty_user);
	settle();
	quiet(1);
	t = tsc();
	unmap(p, size);
	t = tsc() - t;
	quiet(0);
	sum_up(name_of("unmap-%s", name), t, size / step);
	place_blocks(0, step, 0);
}

static void first_touch(const struct place *at, int node)
{
	unsigned long scale = quick ? 1 : 2;

	touch_size(at, "4k", 32 * MIB * scale, PAGE, node);
	if (at->kind == HUGETLB || at->kind == DAX_SHARED)
		return;
	if (at->kind != TMPFS) {
		huge_size(2048, "never");
		huge_size(64, "madvise");
		touch_size(at, "64k", 32 * MIB * scale, 64 * 1024, node);
		huge_size(64, "never");
		huge_size(2048, "inherit");
	}
	touch_size(at, "2m", 64 * MIB * scale, THP, node);
}

static pid_t fork_or_die(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	return pid;
}

static void wait_for(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	if (status) {
		errno = ECHILD;
		die("a child ended with status %#x", status);
	}
}

/*
 * Where the per-CPU memory of a new process comes from depends on what was given back
 * before, and so on how the machine got here: up to a hundredth of a fork, whoever has
 * the nodes. With as many processes as machines have, all that was given back is in use.
 */
static pid_t in_crowd[4096];
static unsigned int n_crowd;

static void crowd(unsigned int n)
{
	pid_t pid;

	while (n--) {
		pid = n_crowd < ARRAY_SIZE(in_crowd) ? fork() : -1;
		if (!pid)
			for (;;)
				pause();
		if (pid < 0)
			die("fork");
		in_crowd[n_crowd++] = pid;
	}
}

static void disperse(void)
{
	while (n_crowd) {
		kill(in_crowd[--n_crowd], SIGKILL);
		if (waitpid(in_crowd[n_crowd], NULL, 0) < 0)
			die("waitpid");
	}
}

/*
 * fork(), exit and wait, with @size of touched memory on the side. What one
 * leaves on the free lists the next one finds, and its cost goes up and down
 * with a period of two: so a sample is some in a row, divided by their number.
 * Before each come @grow more processes.
 */
static void forks(const struct place *at, const char *name, size_t size, unsigned int n,
		  unsigned int grow)
{
	const unsigned int row = 4;
	unsigned int i, k;
	char *p = NULL;
	uint64_t t;
	pid_t pid;

	if (size) {
		p = map_at(at, size);
		no_huge(p, size);
		fill(p, size, PAGE, 2);
	}
	for (i = 0; i < n; i++) {
		crowd(grow);
		/* Grace periods need the tick, and exits make work for them. */
		settle();
		/* What waits for a processor that is not idle, such as vmstat's worker. */
		if (patient)
			spin(2);
		quiet(1);
		t = tsc();
		for (k = 0; k < row; k++) {
			pid = fork();
			if (!pid)
				_exit(0);
			if (pid < 0)
				die("fork");
			wait_for(pid);
		}
		samples[i] = (tsc() - t) / row;
		quiet(0);
	}
	result(name, samples, n, 0);
	if (p)
		unmap(p, size);
}

/* Write to what a child has too. */
static void copy_on_write(const struct place *at, const char *name, size_t size, size_t step,
			  int node)
{
	unsigned int n;
	int fd[2];
	pid_t pid;
	char *p, c;

	settle();
	p = map_at(at, size);
	if (step == PAGE)
		no_huge(p, size);
	else if (madvise(p, size, MADV_HUGEPAGE))
		die("MADV_HUGEPAGE");
	fill(p, size, step, 3);
	if (pipe(fd))
		die("pipe");
	pid = fork_or_die();
	if (!pid) {
		close(fd[1]);
		_exit(read(fd[0], &c, 1) ? 1 : 0);
	}
	close(fd[0]);
	settle();
	quiet(1);
	n = touch(p, size, step, 4);
	quiet(0);
	if (node >= 0)
		where(p, size, step, node, name);
	close(fd[1]);
	wait_for(pid);
	unmap(p, size);
	result(name, samples, n, empty_user);
}

/* From _exit() to the end of waitpid(), for a process with that much memory. */
static void exit_with(const struct place *at, const char *name, size_t size, size_t step)
{
	uint64_t *start = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t t;
	pid_t pid;

	if (start == MAP_FAILED)
		die("mmap");
	*start = 0;
	settle();
	pid = fork_or_die();
	if (!pid) {
		char *p = map_at(at, size);

		if (step == PAGE)
			no_huge(p, size);
		else if (madvise(p, size, MADV_HUGEPAGE))
			die("MADV_HUGEPAGE");
		fill(p, size, step, 5);
		settle();
		quiet(1);
		*start = tsc();
		_exit(0);
	}
	wait_for(pid);
	t = tsc() - *start;
	quiet(0);
	sum_up(name, t, size / step);
	munmap(start, PAGE);
}

static void mmaps(void)
{
	const unsigned int count = 1000;
	unsigned int i;
	uint64_t t;
	char *p;

	settle();
	quiet(1);
	for (i = 0; i < count; i++) {
		t = tsc();
		p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		munmap(p, PAGE);
		samples[i] = tsc() - t;
	}
	quiet(0);
	result("mmap-munmap", samples, count, empty_user);
	settle();
	quiet(1);
	for (i = 0; i < count; i++) {
		t = tsc();
		p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		*p = 1;
		munmap(p, PAGE);
		samples[i] = tsc() - t;
	}
	quiet(0);
	result("mmap-touch-munmap", samples, count, empty_user);
}

static unsigned int file_io(int fd, bool writing, unsigned int count)
{
	static char buf[PAGE] __aligned(4096);
	unsigned int i;
	ssize_t got;
	uint64_t t;

	memset(buf, 7, sizeof(buf));
	settle();
	quiet(1);
	for (i = 0; i < count; i++) {
		t = tsc();
		got = writing ? pwrite(fd, buf, PAGE, i * PAGE) : pread(fd, buf, PAGE, i * PAGE);
		samples[i] = tsc() - t;
		if (got != (ssize_t)PAGE)
			break;
	}
	quiet(0);
	if (i < count)
		die("file I/O");
	return count;
}

static void page_cache(const char *fs, const char *dir, unsigned int count)
{
	char *path = name_of("%s/file", dir);
	uint64_t t;
	int fd;

	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		die("cannot make %s", path);
	file_io(fd, true, count);
	result(name_of("%s-write", fs), samples, count, empty_user);
	file_io(fd, true, count);
	result(name_of("%s-rewrite", fs), samples, count, empty_user);
	file_io(fd, false, count);
	result(name_of("%s-read", fs), samples, count, empty_user);
	fsync(fd);
	settle();
	quiet(1);
	t = tsc();
	if (ftruncate(fd, 0))
		die("ftruncate");
	t = tsc() - t;
	quiet(0);
	sum_up(name_of("%s-truncate", fs), t, count);
	close(fd);
	unlink(path);
}

/* A file full of nothing: reading it fills the page cache without a disk. */
static int hole(const char *dir, unsigned long size)
{
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, size))
		die("no file in %s", dir);
	return fd;
}

static void read_hole(const char *dir)
{
	const unsigned int count = quick ? 2048 : 8192;
	int fd = hole(dir, count * PAGE);

	file_io(fd, false, count);
	result("ext4-read-new", samples, count, empty_user);
	close(fd);
}

static void migrate(const char *name, int from, int to)
{
	const struct place at = { "migrate", MBIND, from };
	const unsigned int count = quick ? 1024 : 4096, each = 32;
	static void *pages[32];
	static int target[32], status[32];
	unsigned int i, n = 0, k;
	uint64_t t;
	char *p;

	p = map_at(&at, count * PAGE);
	no_huge(p, count * PAGE);
	fill(p, count * PAGE, PAGE, 6);
	settle();
	quiet(1);
	for (i = 0; i < count; i += each) {
		for (k = 0; k < each; k++) {
			pages[k] = p + (i + k) * PAGE;
			target[k] = to;
			status[k] = -1;
		}
		t = tsc();
		if (syscall(SYS_move_pages, 0, (unsigned long)each, pages, target, status, 0x2))
			break;
		samples[n++] = tsc() - t;
	}
	quiet(0);
	if (i < count)
		die("move_pages");
	where(p, count * PAGE, PAGE, to, name);
	result(name, samples, n, empty_user);
	unmap(p, count * PAGE);
}

/*
 * Reclaim.
 */
static void enter_group(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/fs/cgroup/%s", name);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/cgroup.procs", name);
	must_write(path, "1");
}

static void leave_group(void)
{
	must_write("/sys/fs/cgroup/cgroup.procs", "1");
}

static void memcg_reclaim(const char *dir)
{
	const unsigned long size = quick ? 128 * MIB : 512 * MIB;
	unsigned long long before, after;
	static char buf[65536];
	uint64_t t;
	int fd;

	enter_group("reclaim");
	fd = hole(dir, size);
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	settle();
	before = field("/sys/fs/cgroup/reclaim/memory.stat", "\npgsteal ");
	quiet(1);
	t = tsc();
	try_write("/sys/fs/cgroup/reclaim/memory.reclaim", name_of("%lu", size / 2));
	t = tsc() - t;
	quiet(0);
	after = field("/sys/fs/cgroup/reclaim/memory.stat", "\npgsteal ");
	if (after == before) {
		errno = ENODATA;
		die("memory.reclaim reclaimed nothing");
	}
	sum_up("reclaim-memcg", t, after - before);
	close(fd);
	leave_group();
}

static pid_t find_task(const char *comm)
{
	DIR *all = opendir("/proc");
	char path[300], buf[64];
	struct dirent *d;
	pid_t pid = 0;

	while (all && !pid && (d = readdir(all))) {
		if (!atoi(d->d_name))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", d->d_name);
		if (read_file(path, buf, sizeof(buf)) && !strcmp(buf, comm))
			pid = atoi(d->d_name);
	}
	if (all)
		closedir(all);
	return pid;
}

static uint64_t ran(pid_t pid)
{
	struct timespec ts;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &ts))
		die("no CPU clock of task %d", pid);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* More page cache than memory; how long did kswapd run, for how many pages? */
static void kswapd_reclaim(const char *dir)
{
	unsigned long long want = (quick ? 64 : 1024) * MIB / PAGE, before, pages = 0;
	pid_t pid[2] = { find_task("kswapd0"), find_task("kswapd1") };
	static char buf[65536];
	uint64_t t, in_all;
	int fd, i;

	fd = hole(dir, 1UL << 40);
	before = field("/proc/vmstat", "\npgsteal_kswapd ");
	t = -ran(pid[0]);
	if (pid[1])
		t -= ran(pid[1]);
	in_all = tsc();
	while (pages < want) {
		for (i = 0; i < 16; i++)
			if (read(fd, buf, sizeof(buf)) <= 0)
				die("reading nothing");
		pages = field("/proc/vmstat", "\npgsteal_kswapd ") - before;
	}
	in_all = tsc() - in_all;
	settle();
	pages = field("/proc/vmstat", "\npgsteal_kswapd ") - before;
	t += ran(pid[0]);
	if (pid[1])
		t += ran(pid[1]);
	sum_up("reclaim-kswapd", t, pages);
	sum_up("reclaim-kswapd-with-reader", in_all, pages);
	close(fd);
	must_write("/proc/sys/vm/drop_caches", "3");
}

/*
 * Swap.
 */
static void swap_on(void)
{
	static char page[PAGE];
	struct {
		uint32_t version, last, bad;
	} info = { 1, 0, 0 };
	unsigned long size;
	int fd = open("/dev/ram1", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die("/dev/ram1");
	size = lseek(fd, 0, SEEK_END);
	info.last = size / PAGE - 1;
	memcpy(page + 1024, &info, sizeof(info));
	memcpy(page + PAGE - 10, "SWAPSPACE2", 10);
	if (pwrite(fd, page, PAGE, 0) != (ssize_t)PAGE)
		die("cannot write to /dev/ram1");
	close(fd);
	if (swapon("/dev/ram1", 0))
		die("swapon");
}

static void swap_out_in(const struct place *at, int node)
{
	const size_t size = quick ? 8 * MIB : 32 * MIB;
	unsigned long long before, out;
	unsigned int n;
	uint64_t t;
	char *p;

	p = map_at(at, size);
	no_huge(p, size);
	fill(p, size, PAGE, 8);
	settle();
	before = field("/proc/vmstat", "\npswpout ");
	quiet(1);
	t = tsc();
	if (madvise(p, size, MADV_PAGEOUT))
		die("MADV_PAGEOUT");
	t = tsc() - t;
	quiet(0);
	settle();
	out = field("/proc/vmstat", "\npswpout ") - before;
	if (out < size / PAGE * 9 / 10) {
		errno = ENODATA;
		die("%s: %llu of %lu pages went to swap", at->name, out, size / PAGE);
	}
	sum_up("swap-out", t, out);
	quiet(1);
	n = touch(p, size, PAGE, 9);
	quiet(0);
	if (node >= 0)
		where(p, size, PAGE, node, "swap-in");
	result("swap-in", samples, n, empty_user);
	unmap(p, size);
}

static void ext4_on_ram(const char *where)
{
	int in = open("/ext4.img", O_RDONLY | O_CLOEXEC);
	int out = open("/dev/ram0", O_WRONLY | O_CLOEXEC);
	static char buf[65536];
	ssize_t n;

	if (in < 0 || out < 0)
		die("no image of a file system, or no ram disk");
	while ((n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, n) != n)
			die("cannot fill /dev/ram0");
	if (n < 0)
		die("cannot read /ext4.img");
	close(in);
	close(out);
	unlink("/ext4.img");
	mkdir(where, 0755);
	if (mount("/dev/ram0", where, "ext4", 0, NULL))
		die("cannot mount ext4");
}

/*
 * The sets.
 */
static void ordinary(void)
{
	static const struct place plain = { "plain", PLAIN, 0 };
	static const struct place other = { "node1", MBIND, 1 };

	must_mount("tmpfs", "/tmp", "size=50%");
	ext4_on_ram("/ext4");
	first_touch(&plain, 0);
	if (!alone) {
		prefix = "node1/";
		first_touch(&other, 1);
		prefix = "";
	}
	forks(&plain, "fork-exit", 0, 400, 0);
	forks(&plain, "fork-exit-16m", 16 * MIB, 100, 0);
	exit_with(&plain, "exit-4k", 32 * MIB, PAGE);
	exit_with(&plain, "exit-2m", 64 * MIB, THP);
	copy_on_write(&plain, "cow-4k", 8 * MIB, PAGE, 0);
	copy_on_write(&plain, "cow-2m", 32 * MIB, THP, -1);
	mmaps();
	/* Not first: it fills the per-CPU lists, which others would feel. */
	allocators();
	page_cache("tmpfs", "/tmp", quick ? 1024 : 4096);
	page_cache("ext4", "/ext4", quick ? 1024 : 4096);
	read_hole("/ext4");
	if (!alone)
		migrate("migrate-32", 0, 1);
	memcg_reclaim("/ext4");
	kswapd_reclaim("/ext4");
	swap_on();
	swap_out_in(&plain, -1);
}

/* Shared memory on a node: touched by a mapping, and written to. */
static void shared_memory(int node)
{
	static const struct place task = { "membind", MEMBIND, 2 };
	const struct place at = { "shared", SHARED, node };
	const unsigned int count = 4096;
	void *p;
	int fd;

	prefix = "shared/";
	touch_size(&at, "4k", 32 * MIB, PAGE, node);
	fd = memfd_create("bench", MFD_CLOEXEC);
	if (fd < 0)
		die("no memfd");
	enter_place(&task);
	file_io(fd, true, count);
	leave_place(&task);
	result("write-4k", samples, count, empty_user);
	p = mmap(NULL, count * PAGE, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (p == MAP_FAILED)
		die("cannot map it");
	where(p, count * PAGE, PAGE, node, "write-4k");
	unmap(p, count * PAGE);
	close(fd);
	prefix = "";
}

/*
 * What memory of the device's node costs, mapped from the device and through
 * mbind(). The same is run where kmem made an ordinary node of the device.
 */
static void private(void)
{
	static const struct place places[] = {
		{ "plain", PLAIN, 0 }, { "mbind", MBIND, 2 }, { "dax", DAX_PRIVATE, 2 },
	};
	const unsigned int n = strcmp(as, "anondax") ? 2 : 3;
	unsigned int i;

	for (i = 0; i < n; i++) {
		const struct place *at = &places[i];

		prefix = strdup(name_of("%s/", at->name));
		first_touch(at, at->node);
		exit_with(at, "exit-4k", 32 * MIB, PAGE);
		exit_with(at, "exit-2m", 64 * MIB, THP);
		forks(at, "fork-exit-16m", 16 * MIB, 20, 0);
		copy_on_write(at, "cow-4k", 8 * MIB, PAGE, at->node);
		copy_on_write(at, "cow-2m", 32 * MIB, THP, -1);
	}
	shared_memory(2);
	swap_on();
	for (i = 0; i < n; i++) {
		prefix = strdup(name_of("%s/", places[i].name));
		swap_out_in(&places[i], places[i].node);
	}
	prefix = "scope/";
	for (i = 0; i <= 9; i += 9)
		kernel_pairs(name_of("folio-node-%u", i), PNB_FOLIO_NODE, i, i ? 200 : 2000,
			     PNB_F_USER | (n == 3 ? PNB_F_SCOPE : 0), 2);
	prefix = "";
}

/*
 * First touch with cpusets in use: in one that lists the node, and in none beside it,
 * where a private node is to be had by number.
 */
static void by_grant(void)
{
	static const struct place at = { "mbind", MBIND, 2 };
	char mems[64];

	must_write("/sys/fs/cgroup/cgroup.subtree_control", "+cpuset");
	if (mkdir("/sys/fs/cgroup/granted", 0755))
		die("no control group");
	snprintf(mems, sizeof(mems), "0-%d", at.node);
	must_write("/sys/fs/cgroup/granted/cpuset.mems", mems);
	must_write("/sys/fs/cgroup/granted/cgroup.procs", "0");
	prefix = "granted/";
	first_touch(&at, at.node);
	must_write("/sys/fs/cgroup/cgroup.procs", "0");
	prefix = "beside/";
	first_touch(&at, at.node);
	prefix = "";
}

static unsigned long long demoted(void)
{
	return field("/proc/vmstat", "\npgdemote_kswapd ") +
	       field("/proc/vmstat", "\npgdemote_direct ") +
	       field("/proc/vmstat", "\npgdemote_khugepaged ") +
	       field("/proc/vmstat", "\npgdemote_proactive ");
}

/* Proactive reclaim of memory that has a slower node below it. */
static void demote_pages(const char *name, const struct place *at)
{
	const size_t size = 64 * MIB;
	unsigned long long n;
	uint64_t t;
	char *p;

	must_write("/sys/kernel/mm/numa/demotion_enabled", "1");
	enter_group("demote");
	p = map_at(at, size);
	no_huge(p, size);
	fill(p, size, PAGE, 1);
	settle();
	n = demoted();
	quiet(1);
	t = tsc();
	try_write("/sys/fs/cgroup/demote/memory.reclaim", name_of("%lu", size / 2));
	t = tsc() - t;
	quiet(0);
	settle();
	n = demoted() - n;
	if (n < size / PAGE / 4) {
		errno = ENODATA;
		die("%s: %llu pages were demoted", name, n);
	}
	sum_up(name, t, n);
	unmap(p, size);
	leave_group();
	must_write("/sys/kernel/mm/numa/demotion_enabled", "0");
}

static void demotion(void)
{
	static const struct place plain = { "plain", PLAIN, 0 }, device = { "mbind", MBIND, 2 };
	static const struct place mapped = { "dax", DAX_PRIVATE, 2 };

	/* Where the device's node is faster, its memory is what is demoted. */
	if (!fast) {
		demote_pages("demote-to", &plain);
		return;
	}
	demote_pages("demote-from-mbind", &device);
	if (!strcmp(as, "anondax"))
		demote_pages("demote-from-dax", &mapped);
}

/*
 * What people use for the same device today.
 */
static void offers(const char *what, bool yes)
{
	constant(name_of("can-%s", what), yes);
}

static bool shows_node(const void *p, int node)
{
	char start[32], want[16], line[512];
	bool found = false;
	FILE *f;

	snprintf(start, sizeof(start), "%lx ", (unsigned long)p);
	snprintf(want, sizeof(want), " N%d=", node);
	f = fopen("/proc/self/numa_maps", "re");
	while (f && !found && fgets(line, sizeof(line), f))
		found = !strncmp(line, start, strlen(start)) && strstr(line, want);
	if (f)
		fclose(f);
	return found;
}

static bool moves(void *page)
{
	int to = 0, status = -1;

	return !syscall(SYS_move_pages, 0, 1UL, &page, &to, &status, 0x2) && status == to;
}

static bool swaps(char *p, size_t size)
{
	unsigned long long before = field("/proc/vmstat", "\npswpout ");

	madvise(p, size, MADV_PAGEOUT);
	return field("/proc/vmstat", "\npswpout ") - before > size / PAGE / 2;
}

/* Does a child have memory of its own once it writes? */
static bool copies(char *p)
{
	pid_t pid;

	store(p, 1);
	pid = fork_or_die();
	if (!pid) {
		store(p, 2);
		_exit(0);
	}
	wait_for(pid);
	return *p == 1;
}

static bool is_charged(const struct place *at, size_t size)
{
	unsigned long long before, after;
	char buf[64];
	char *p;

	enter_group("charged");
	p = map_at(at, size);
	read_file("/sys/fs/cgroup/charged/memory.current", buf, sizeof(buf));
	before = strtoull(buf, NULL, 10);
	enter_place(at);
	fill(p, size, PAGE, 1);
	leave_place(at);
	read_file("/sys/fs/cgroup/charged/memory.current", buf, sizeof(buf));
	after = strtoull(buf, NULL, 10);
	unmap(p, size);
	leave_group();
	return after >= before + size / 2;
}

static bool is_watched(char *p, size_t size)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { (uintptr_t)p, size }, .mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	bool yes;

	if (fd < 0)
		return false;
	yes = !ioctl(fd, UFFDIO_API, &api) && !ioctl(fd, UFFDIO_REGISTER, &reg);
	close(fd);
	return yes;
}

static void services(const struct place *at)
{
	const size_t size = 4 * MIB;
	char *p;

	offers("charge-memcg", is_charged(at, size));
	enter_place(at);
	p = map_at(at, size);
	offers("userfaultfd", is_watched(p, size));
	unmap(p, size);
	p = map_at(at, size);
	if (at->kind != DAX_SHARED && at->kind != HUGETLB)
		no_huge(p, size);
	fill(p, size, PAGE, 1);
	leave_place(at);
	offers("numa-maps", shows_node(p, at->node));
	offers("copy-on-write", copies(p));
	offers("migrate", moves(p));
	offers("protect-a-page", !mprotect(p + PAGE, PAGE, PROT_READ));
	mprotect(p + PAGE, PAGE, PROT_READ | PROT_WRITE);
	offers("swap", swaps(p, size));
	offers("unmap-a-page", !munmap(p + PAGE, PAGE));
	unmap(p, size);
}

/* Map, write, read, share with a child, write again, unmap. */
static void mixed_load(const struct place *at)
{
	const size_t size = 16 * MIB;
	const unsigned int rounds = 4;
	unsigned int i, sum = 0;
	uint64_t t, all = 0;
	size_t k;
	pid_t pid;
	char *p;

	for (i = 0; i < rounds; i++) {
		settle();
		enter_place(at);
		quiet(1);
		t = tsc();
		p = map_at(at, size);
		fill(p, size, PAGE, 1);
		for (k = 0; k < size; k += 64)
			sum += p[k];
		pid = fork();
		if (!pid) {
			for (k = 0; k < size; k += PAGE)
				sum += p[k];
			_exit(0);
		}
		wait_for(pid);
		fill(p, size / 2, PAGE, 2);
		unmap(p, size);
		all += tsc() - t;
		quiet(0);
		leave_place(at);
	}
	sum_up("mixed-mib", all, rounds * size / MIB);
}

static void touch_mib(const struct place *at, const char *name, bool huge)
{
	const size_t size = 64 * MIB;
	uint64_t t;
	char *p;

	settle();
	enter_place(at);
	p = map_at(at, size);
	if (at->kind != DAX_SHARED && at->kind != HUGETLB)
		madvise(p, size, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	quiet(1);
	t = tsc();
	fill(p, size, PAGE, 1);
	t = tsc() - t;
	quiet(0);
	leave_place(at);
	sum_up(name, t, size / MIB);
	unmap(p, size);
}

static uint64_t node_free(int node)
{
	return field(name_of("/sys/devices/system/node/node%d/meminfo", node), "MemFree:") / 4;
}

/*
 * The machine runs out of memory: page cache, tmpfs, then a program that wants
 * all there is. How much of the device do they get?
 */
static void leak(int node)
{
	uint64_t *least = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	static char buf[65536];
	uint64_t before, now;
	int status, fd;
	pid_t pid;
	size_t i;
	char *p;

	if (least == MAP_FAILED)
		die("mmap");
	settle();
	before = node_free(node);
	*least = before;
	pid = fork_or_die();
	if (!pid) {
		must_write("/proc/self/oom_score_adj", "1000");
		fd = hole("/ext4", 1UL << 40);
		for (i = 0; i < 1024 * MIB; i += sizeof(buf))
			if (read(fd, buf, sizeof(buf)) <= 0)
				break;
		now = node_free(node);
		if (now < *least)
			*least = now;
		fd = open("/tmp/filler", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		while (write(fd, buf, sizeof(buf)) > 0)
			;
		p = mmap(NULL, 8192 * MIB, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		for (i = 0; p != MAP_FAILED && i < 8192 * MIB; i += PAGE) {
			if (i % (4 * MIB) == 0) {
				now = node_free(node);
				if (now < *least)
					*least = now;
			}
			store(p + i, 1);
		}
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	constant("out-of-memory", WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	constant("leaked-pages", before - *least);
	unlink("/tmp/filler");
}

static void peer(void)
{
	struct place at = { as, MBIND, 2 };
	const char *driver = "kmem";

	must_mount("tmpfs", "/tmp", "size=30%");
	ext4_on_ram("/ext4");
	if (!strcmp(as, "device_dax")) {
		at.kind = DAX_SHARED;
		driver = NULL;
	} else if (!strcmp(as, "membind")) {
		at.kind = MEMBIND;
	} else if (!strcmp(as, "hugetlb")) {
		at.kind = HUGETLB;
	} else if (!strcmp(as, "tmpfs")) {
		at.kind = TMPFS;
	} else {
		driver = "anondax";
		at.kind = strcmp(as, "anondax") ? MBIND : DAX_PRIVATE;
	}
	if (driver) {
		load_module(driver);
		plug(0, driver, "online_movable");
	} else {
		bind_dax(dax[0].name, as);
	}
	if (at.kind == HUGETLB)
		must_write("/sys/devices/system/node/node2/hugepages/hugepages-2048kB/nr_hugepages",
			   "512");
	if (at.kind == TMPFS)
		must_mount("tmpfs", "/bound", "mpol=bind:2,size=512M,huge=never");
	touch_mib(&at, "touch-mib", false);
	if (at.kind != DAX_SHARED && at.kind != HUGETLB && at.kind != TMPFS)
		touch_mib(&at, "touch-mib-huge", true);
	mixed_load(&at);
	swap_on();
	services(&at);
	if (swapoff("/dev/ram1"))
		die("swapoff");
	leak(2);
}

/*
 * Growth: what it takes to plug and unplug, and to have nodes.
 */
static uint64_t own_time(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void growth(void)
{
	uint64_t before, t;
	const char *path = NULL;
	struct pnb_sizes sizes;
	unsigned int k;
	char size[32];
	int i;

	load_module(as);
	for (i = 0; i < n_dax; i++) {
		path = strdup(prepare(i, as));
		settle();
		before = node_free(0) + node_free(1);
		t = own_time();
		must_write(path, "online_movable");
		t = own_time() - t;
		constant(name_of("plug-%d", i + 1), t);
		settle();
		constant(name_of("pages-taken-%d", i + 1), before - node_free(0) - node_free(1));
	}
	for (k = 0; k < ARRAY_SIZE(knobs) && !strcmp(as, "anondax"); k++) {
		path = strdup(dax_file(0, knobs[k]));
		settle();
		quiet(1);
		for (i = 0; i < 100; i++) {
			t = tsc();
			try_write(path, i % 2 ? "1" : "0");
			samples[i] = tsc() - t;
		}
		quiet(0);
		result(name_of("flip-%s", knobs[k]), samples, 100, empty_user);
	}
	try_write("/sys/module/anondax/parameters/scrub", "0");
	for (i = n_dax - 1; i >= 0; i--) {
		path = strdup(dax_file(i, strcmp(as, "kmem") ? "hotplug" : "state"));
		settle();
		t = own_time();
		must_write(path, "unplugged");
		t = own_time() - t;
		constant(name_of("unplug-%d", i + 1), t);
	}
	/* More is more of the same, and the host has to have it. */
	if (path && n_dax == 1 && read_file(dax_file(0, "size"), size, sizeof(size)) &&
	    strtoull(size, NULL, 0) <= 4096 * MIB) {
		must_write("/sys/module/anondax/parameters/scrub", "1");
		must_write(path, "online_movable");
		settle();
		t = own_time();
		must_write(path, "unplugged");
		t = own_time() - t;
		constant("unplug-zeroed", t);
	}
	if (ioctl(dev, PNB_SIZES, &sizes))
		die("no sizes");
	constant("size-pglist-data", sizes.pglist_data);
	constant("size-zonelists", sizes.zonelists);
	constant("size-nodemask", sizes.nodemask);
	constant("max-nodes", sizes.max_nodes);
}

/* What goes by nodes. */
static void scan(void)
{
	static const struct place plain = { "plain", PLAIN, 0 };

	patient = true;
	ext4_on_ram("/ext4");
	crowd(256);
	forks(&plain, "fork-exit", 0, 100, 16);
	disperse();
	forks(&plain, "fork-exit-16m", 16 * MIB, 40, 0);
	page_cache("ext4", "/ext4", 2048);
	memcg_reclaim("/ext4");
}

/* A few of each, for bench/profile.c to say where they went. */
static void profile(void)
{
	static const struct place places[] = {
		{ "plain", PLAIN, 0 }, { "node1", MBIND, 1 },
		{ "mbind", MBIND, 2 }, { "dax", DAX_PRIVATE, 2 },
	};
	static const unsigned int orders[] = { 0, 2, 9 };
	const unsigned int n = nodes ? strcmp(as, "anondax") ? 3 : 4 : 2;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		unsigned int o = orders[i];

		kernel_pairs(name_of("pages-%u", o), PNB_PAGES, o, 100, 0, -1);
		kernel_pairs(name_of("folio-%u", o), PNB_FOLIO, o, 100, 0, -1);
		kernel_pairs(name_of("folio-node-%u", o), PNB_FOLIO_NODE, o, 100, 0, 0);
	}
	kernel_pairs("kmalloc-16k", PNB_KMALLOC, 16384, 100, 0, -1);
	for (i = 0; i < n; i++) {
		if (alone && places[i].kind != PLAIN)
			continue;
		prefix = strdup(name_of("%s/", places[i].name));
		touch_size(&places[i], "4k", 8 * MIB, PAGE, places[i].node);
		touch_size(&places[i], "64k", 8 * MIB, 64 * 1024, places[i].node);
		touch_size(&places[i], "2m", 32 * MIB, THP, places[i].node);
		copy_on_write(&places[i], "cow-4k", 4 * MIB, PAGE, places[i].node);
	}
	prefix = "";
	forks(&places[0], "fork-exit", 0, 20, 0);
	forks(&places[0], "fork-exit-16m", 16 * MIB, 20, 0);
	ext4_on_ram("/ext4");
	memcg_reclaim("/ext4");
	swap_on();
	swap_out_in(&places[0], -1);
}

int main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++) {
		if (!strncmp(argv[i], "set=", 4))
			set = argv[i] + 4;
		else if (!strncmp(argv[i], "as=", 3))
			as = argv[i] + 3;
		else if (!strncmp(argv[i], "nodes=", 6))
			nodes = atoi(argv[i] + 6);
		else if (!strcmp(argv[i], "quick=1"))
			quick = true;
		else if (!strcmp(argv[i], "alone=1"))
			alone = true;
		else if (!strcmp(argv[i], "fast=1"))
			fast = true;
		else if (!strcmp(argv[i], "knobs=0"))
			knobs_on = false;
		else if (!strcmp(argv[i], "trace=1"))
			trace = true;
	}
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sysfs", "/sys", "sysfs", 0, NULL);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	load_module("pnbench");
	dev = open("/dev/pnbench", O_RDWR | O_CLOEXEC);
	if (dev < 0)
		die("/dev/pnbench");
	must_mount("cgroup2", "/sys/fs/cgroup", NULL);
	must_write("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	/*
	 * Whoever touches it first pays, so it is not while others are measured,
	 * and a child that is measured does not copy it.
	 */
	samples = mmap(NULL, SAMPLES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (samples == MAP_FAILED || madvise(samples, SAMPLES, MADV_DONTFORK))
		die("no memory for samples");
	memset(samples, 1, SAMPLES);
	find_dax();
	for (i = 0; i < nodes; i++) {
		if (!i)
			load_module(as);
		plug(i, as, "online_movable");
	}
	calibrate();
	constant("dax-devices", n_dax);
	constant("nodes", nodes);
	if (trace) {
		must_mount("tracefs", "/sys/kernel/tracing", NULL);
		must_write("/sys/kernel/tracing/events/node_private/enable", "1");
	}
	if (!strcmp(set, "ordinary"))
		ordinary();
	else if (!strcmp(set, "private"))
		private();
	else if (!strcmp(set, "granted"))
		by_grant();
	else if (!strcmp(set, "demotion"))
		demotion();
	else if (!strcmp(set, "scan"))
		scan();
	else if (!strcmp(set, "profile"))
		profile();
	else if (!strcmp(set, "peer"))
		peer();
	else if (!strcmp(set, "growth"))
		growth();
	else
		die("there is no set %s", set);
	emit("{\"end\":true}");
	power_off();
	return 0;
}
