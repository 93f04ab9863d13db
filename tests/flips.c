// SPDX-License-Identifier: GPL-2.0
/*
 * flips [-t SECONDS] [-s SEED] [-w SWAP] [-v]
 *
 * Flip the knobs of all anondax devices at random while memory of their nodes is
 * in every use that we know of: mapped from /dev/dax, placed and moved by
 * policies, advised, pinned, forked, locked, merged, collapsed, demoted, balanced,
 * swapped; and while the device of the highest node is unplugged and plugged again.
 * For SECONDS, or up to five times that until all of it has happened.
 *
 * Needs root, two devices bound to anondax and online, and SWAP, which is
 * overwritten. Prints TAP.
 *
 * Each page of the workers carries its address, its worker and a generation, in
 * every word of it; the worker knows what has to be there. A page that it has not
 * written is zero; after MADV_FREE it is either as it was or zero.
 *
 * A SIGBUS is a fair answer only for memory that can come from nowhere but the
 * node that is being unplugged. The same operation will do later.
 *
 * Afterwards every page of the nodes is free again, nothing is left in swap, both
 * nodes can be unplugged, and every kind of work has happened: what was not done
 * was not tested. With -p what did not happen in the time given is skipped: for a
 * kernel that is slow because it checks everything, and beside a run without.
 */

#define _GNU_SOURCE

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/io_uring.h>
#include <linux/mempolicy.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "kselftest.h"
#include "../../../mm/gup_test.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE		25
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED	24
#endif
#ifndef UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES
#define UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES	2
#define UFFD_FEATURE_MOVE	0x10000
#define UFFDIO_MOVE		_IOWR(UFFDIO, 0x05, struct uffdio_move)
struct uffdio_move {
	__u64 dst;
	__u64 src;
	__u64 len;
	__u64 mode;
	__s64 move;
};
#endif
#ifndef __NR_set_mempolicy_home_node
#define __NR_set_mempolicy_home_node	450
#endif

#define PAGE		4096UL
#define WORDS		(PAGE / sizeof(uint64_t))
#define NODE		"/sys/devices/system/node/"
#define DAX		"/sys/bus/dax/"
#define THP		"/sys/kernel/mm/transparent_hugepage/"
#define KSM		"/sys/kernel/mm/ksm/"
#define CGROUP		"/sys/fs/cgroup/flips"
#define DAMON		"/sys/kernel/mm/damon/admin/kdamonds/"
#define NUMAB		"/sys/kernel/debug/sched/numa_balancing/"

#define DEVICES		2
#define WORKERS		9
#define AREAS		3
/* In pages, of an area: enough for some huge pages. */
#define LARGE		(6 * 256)
#define LARGER		(14 * 256)

/* What is counted. */
enum count {
	N_WRITTEN, N_CHECKED, N_ZAPPED, N_MAPPED, N_UNMAPPABLE, N_BUS, N_MREMAP,
	N_FORKED, N_MBIND, N_MBIND_REFUSED, N_TASK, N_TASK_REFUSED, N_MOVED_ON,
	N_MOVED_OFF, N_MOVE_REFUSED, N_STAY, N_MIGRATED, N_MADV_COLD, N_MADV_PAGEOUT,
	N_MADV_FREE, N_MADV_COLLAPSE, N_MADV_DONTNEED, N_MADV_POPULATE,
	N_MADV_MERGEABLE, N_MADV_OTHER, N_MLOCK, N_PIN, N_PIN_PRIVATE, N_PIN_REFUSED,
	N_URING, N_SPLICED, N_UFFD, N_RECLAIMED, N_JUDGED, N_PLUG_ONLINE, N_PLUG_KERNEL,
	N_PLUG_MOVABLE, N_PLUG_FAILED, N_UNPLUGGED, N_UNPLUG_BUSY, N_FORK_FAILED,
	N_WRONG,
	NR_COUNTS
};

static const struct {
	const char *text;
	bool rare;	/* it need not happen */
} counts[] = {
	[N_WRITTEN] = { "pages written" },
	[N_CHECKED] = { "pages checked" },
	[N_ZAPPED] = { "pages found zero after MADV_FREE" },
	[N_MAPPED] = { "mappings of a device" },
	[N_UNMAPPABLE] = { "mappings refused, the device being unplugged" },
	[N_BUS] = { "faults refused, the device being unplugged" },
	[N_MREMAP] = { "mappings moved" },
	[N_FORKED] = { "children" },
	[N_MBIND] = { "memory policies that name a private node" },
	[N_MBIND_REFUSED] = { "memory policies refused" },
	[N_TASK] = { "tasks bound to a private node" },
	[N_TASK_REFUSED] = { "tasks not to be bound" },
	[N_MOVED_ON] = { "pages moved to a private node by move_pages()" },
	[N_MOVED_OFF] = { "pages moved off one" },
	[N_MOVE_REFUSED] = { "moves to a private node refused" },
	[N_STAY] = { "pages of a private node not let go" },
	[N_MIGRATED] = { "migrate_pages() between private and ordinary nodes" },
	[N_MADV_COLD] = { "MADV_COLD" },
	[N_MADV_PAGEOUT] = { "MADV_PAGEOUT" },
	[N_MADV_FREE] = { "MADV_FREE" },
	[N_MADV_COLLAPSE] = { "MADV_COLLAPSE" },
	[N_MADV_DONTNEED] = { "MADV_DONTNEED" },
	[N_MADV_POPULATE] = { "MADV_POPULATE_READ, MADV_POPULATE_WRITE" },
	[N_MADV_MERGEABLE] = { "MADV_MERGEABLE, MADV_UNMERGEABLE" },
	[N_MADV_OTHER] = { "process_madvise() on other workers" },
	[N_MLOCK] = { "areas locked" },
	[N_PIN] = { "pins granted" },
	[N_PIN_PRIVATE] = { "pages pinned on a private node" },
	[N_PIN_REFUSED] = { "pins refused" },
	[N_URING] = { "fixed buffers of io_uring" },
	[N_UFFD] = { "pages moved by userfaultfd" },
	[N_SPLICED] = { "pages spliced into a pipe" },
	[N_RECLAIMED] = { "proactive reclaims" },
	[N_JUDGED] = { "operations whose outcome the knob decided" },
	[N_PLUG_ONLINE] = { "plugged: online" },
	[N_PLUG_KERNEL] = { "plugged: online_kernel" },
	[N_PLUG_MOVABLE] = { "plugged: online_movable" },
	[N_PLUG_FAILED] = { "not plugged for want of memory", true },
	[N_UNPLUGGED] = { "unplugged" },
	[N_UNPLUG_BUSY] = { "not unplugged, pages being in use", true },
	[N_FORK_FAILED] = { "forks refused", true },
	[N_WRONG] = { "wrong", true },
};

static const char * const knobs[] = {
	"reclaim", "demotion", "mbind", "madvise", "numa_balance", "ltpin"
};

enum { K_RECLAIM, K_DEMOTION, K_MBIND, K_MADVISE, K_NUMA_BALANCE, K_LTPIN, KNOBS };

static struct device {
	char name[32];
	char path[64];
	int nid;
} device[DEVICES + 1];

/* What all processes see. */
static struct shared {
	int stop;
	int leaving;	/* the second device is about to be unplugged */
	pthread_mutex_t unplug;	/* it is: see change_settings() */
	unsigned long count[NR_COUNTS];
	unsigned long flips[DEVICES][KNOBS][2];
	/* Odd while the knob is being turned. */
	struct {
		unsigned long seq;
		int on;
	} knob[DEVICES][KNOBS];
	struct {
		pid_t pid;
		const char *doing;
		struct {
			char *base;
			size_t nr;
		} area[AREAS];
	} worker[WORKERS + 1];	/* and the reader */
	unsigned long merged;	/* by KSM, at most */
	long used[DEVICES];	/* pages, at most */
} *sh;

static uint64_t salt[WORDS];
static unsigned long seed;
static bool verbose;
static __thread uint64_t rng;

static unsigned int rnd(unsigned int below)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (rng * 0x2545f4914f6cdd1dULL >> 33) % below;
}

static void seed_rng(unsigned long who)
{
	rng = (seed + 1) * 0x9e3779b97f4a7c15ULL ^ (who + 1) * 0xbf58476d1ce4e5b9ULL;
	rnd(2);
	rnd(2);
}

static void count_n(enum count what, unsigned long n)
{
	__atomic_add_fetch(&sh->count[what], n, __ATOMIC_RELAXED);
}

static void count(enum count what)
{
	count_n(what, 1);
}

static bool stopped(void)
{
	return __atomic_load_n(&sh->stop, __ATOMIC_SEQ_CST);
}

static void nap(unsigned int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}

/* 0 or -errno; the first line without its end. */
static int get_text(const char *path, char *buf, size_t size)
{
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return n;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

static int put_text(const char *path, const char *text)
{
	int fd, rc = 0;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

static int put_dax(const struct device *d, const char *file, const char *text)
{
	char path[512];

	snprintf(path, sizeof(path), DAX "devices/%s/%s", d->name, file);
	return put_text(path, text);
}

static void get_dax(const struct device *d, const char *file, char *buf, size_t size)
{
	char path[512];

	snprintf(path, sizeof(path), DAX "devices/%s/%s", d->name, file);
	if (get_text(path, buf, size))
		buf[0] = '\0';
}

/* The sum of the numbers in a file whose key starts so, "key: value" or "key value". */
static long number(const char *path, const char *prefix)
{
	char line[256], key[128];
	long sum = 0, n;
	FILE *f;

	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%127s %ld", key, &n) == 2 &&
		    !strncmp(key, prefix, strlen(prefix)))
			sum += n;
	}
	if (f)
		fclose(f);
	return sum;
}

static bool node_has(const char *file, int nid)
{
	char path[128], list[128], *p = list;

	snprintf(path, sizeof(path), NODE "%s", file);
	if (get_text(path, list, sizeof(list)))
		return false;
	while (*p >= '0' && *p <= '9') {
		long first = strtol(p, &p, 10), last = first;

		if (*p == '-')
			last = strtol(p + 1, &p, 10);
		if (nid >= first && nid <= last)
			return true;
		p += *p == ',';
	}
	return false;
}

/*
 * Something that must not be. What goes on is not stopped: the other pages may
 * say more about it.
 */
static __printf(1, 2) void wrong(const char *format, ...)
{
	char text[400];
	va_list ap;

	if (__atomic_add_fetch(&sh->count[N_WRONG], 1, __ATOMIC_SEQ_CST) > 40)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	dprintf(1, "# WRONG, process %d: %s\n", getpid(), text);
}

static __printf(1, 2) void say(const char *format, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	dprintf(1, "# %s\n", text);
}

/*
 * Was a knob the same all the time? The flipper makes the number odd before it
 * turns the knob.
 */
struct steady {
	unsigned long seq;
	int on;
};

static struct steady steady_from(int dev, int knob)
{
	struct steady s;

	s.seq = __atomic_load_n(&sh->knob[dev][knob].seq, __ATOMIC_SEQ_CST);
	s.on = __atomic_load_n(&sh->knob[dev][knob].on, __ATOMIC_SEQ_CST);
	return s;
}

static bool was_steady(int dev, int knob, struct steady s)
{
	return !(s.seq & 1) &&
	       __atomic_load_n(&sh->knob[dev][knob].seq, __ATOMIC_SEQ_CST) == s.seq;
}

/*
 * Memory, and what has to be in it.
 */

struct state {
	uint32_t gen;	/* 0: nothing but zeroes */
	uint32_t torn;	/* a write that did not get through: each word old or new */
	bool freed;	/* as it was, or zeroes */
};

struct area {
	char *base;
	size_t nr;		/* pages */
	uint64_t birth;		/* the page number that the pages carry */
	int dev;		/* which device it is a mapping of, -1 if anonymous */
	bool same;		/* what is in it is elsewhere too, for KSM */
	bool may_fail;		/* it can come from the second node only */
	bool split;		/* perhaps several mappings by now */
	bool locked;
	int pins;
	struct state *page;
};

/* The worker that this process is, or is a child of. */
static struct area area[AREAS];
static int me;
static unsigned int generation;
static bool is_child;
static size_t most;	/* pages of an area */
/* So that the second thread acts on areas only, and not on what came after them. */
static pthread_mutex_t area_lock = PTHREAD_MUTEX_INITIALIZER;

#define TAG_WORKER	35
#define TAG_GEN		40

static uint64_t tag_of(const struct area *a, size_t i, uint32_t gen)
{
	if (a->same)
		return (i & 1) | 31ULL << TAG_WORKER | (1ULL + gen % 3) << TAG_GEN;
	return (a->birth + i) | (uint64_t)me << TAG_WORKER | (uint64_t)gen << TAG_GEN;
}

static uint32_t next_gen(void)
{
	generation = (generation + 1) & 0xffffff;
	/* 0 means something else. */
	return generation ?: ++generation;
}

static __thread sigjmp_buf bus;
static __thread bool guarded;

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (__atomic_load_n(&guarded, __ATOMIC_SEQ_CST))
		siglongjmp(bus, 1);
	wrong("signal %d, code %d, at %p, while %s", sig, info->si_code, info->si_addr,
	      sh->worker[me].doing);
	_exit(70);
}

static int node_of(void *p)
{
	int status = -EINVAL;

	if (syscall(__NR_move_pages, 0, 1UL, &p, NULL, &status, 0))
		return -errno;
	return status;
}

/* Copy @from to @to, one of which is the page; or fill it, without @from. */
static bool on_page(struct area *a, size_t i, void *to, const void *from, uint64_t tag)
{
	uint64_t *page = to;
	size_t j;

	if (sigsetjmp(bus, 0)) {
		guarded = false;
		count(N_BUS);
		if (!a->may_fail)
			wrong("SIGBUS at page %zu of %zu at %p, mapping of %s, node %d, while %s",
			      i, a->nr, a->base, a->dev < 0 ? "nothing" : device[a->dev].name,
			      node_of(a->base + i * PAGE), sh->worker[me].doing);
		return false;
	}
	__atomic_store_n(&guarded, true, __ATOMIC_SEQ_CST);
	if (from) {
		memcpy(to, from, PAGE);
	} else {
		for (j = 0; j < WORDS; j++)
			__atomic_store_n(&page[j], tag ^ salt[j], __ATOMIC_RELAXED);
	}
	__atomic_store_n(&guarded, false, __ATOMIC_SEQ_CST);
	return true;
}

static bool write_page(struct area *a, size_t i, uint32_t gen)
{
	struct state *s = &a->page[i];

	/* The one that did not get through is still due. */
	if (!s->torn)
		s->torn = gen;
	if (!on_page(a, i, a->base + i * PAGE, NULL, tag_of(a, i, s->torn)))
		return false;
	s->gen = s->torn;
	s->torn = 0;
	s->freed = false;
	count(N_WRITTEN);
	return true;
}

static void report(struct area *a, size_t i, size_t j, const uint64_t *page, const char *what)
{
	const struct state *s = &a->page[i];
	uint64_t now[WORDS], found = page[j] ^ salt[j], map = 0;
	size_t k, same = 0;
	int fd, nid;

	fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		if (pread(fd, &map, sizeof(map), ((uintptr_t)a->base / PAGE + i) * 8) < 0)
			map = 0;
		close(fd);
	}
	nid = node_of(a->base + i * PAGE);
	memset(now, 0, sizeof(now));
	on_page(a, i, now, a->base + i * PAGE, 0);
	for (k = 0; k < WORDS; k++)
		same += now[k] == (tag_of(a, i, s->gen) ^ salt[k]);
	wrong("page %zu of %zu at %p (born %#lx, mapping of %s, %s%s%s), word %zu, %s: expected "
	      "generation %u%s%s, found %#lx (page %#lx of worker %lu, generation %lu); pagemap "
	      "%#lx, node %d; read again, %zu words of %zu are right; while %s",
	      i, a->nr, a->base, (unsigned long)a->birth,
	      a->dev < 0 ? "nothing" : device[a->dev].name, a->same ? "for KSM, " : "",
	      a->locked ? "locked, " : "", is_child ? "in a child" : "in the parent", j, what,
	      s->gen, s->freed ? " or zero" : "", s->torn ? " or torn" : "",
	      (unsigned long)page[j], (unsigned long)(found & ((1ULL << TAG_WORKER) - 1)),
	      (unsigned long)(found >> TAG_WORKER & 31), (unsigned long)(found >> TAG_GEN),
	      (unsigned long)map, nid, same, WORDS, sh->worker[me].doing);
}

/* Is what was read from a page what may be there? */
static bool judge_page(struct area *a, size_t i, const uint64_t *page)
{
	struct state *s = &a->page[i];
	uint64_t old = tag_of(a, i, s->gen), new = tag_of(a, i, s->torn);
	size_t j, olds = 0, zeroes = 0;

	for (j = 0; j < WORDS; j++) {
		if (s->gen && page[j] == (old ^ salt[j]))
			olds++;
		else if ((!s->gen || s->freed) && !page[j])
			zeroes++;
		else if (!s->torn || page[j] != (new ^ salt[j]))
			break;
	}
	if (j < WORDS) {
		report(a, i, j, page, "wrong");
		return false;
	}
	if (olds && zeroes && !s->torn) {
		report(a, i, 0, page, "in part zero");
		return false;
	}
	/* Gone for good. */
	if (s->freed && !s->torn && zeroes) {
		s->gen = 0;
		s->freed = false;
		count(N_ZAPPED);
	}
	return true;
}

static bool check_page(struct area *a, size_t i)
{
	static uint64_t copy[WORDS];

	if (!on_page(a, i, copy, a->base + i * PAGE, 0))
		return false;
	count(N_CHECKED);
	if (!judge_page(a, i, copy)) {
		/* Once is enough to say it. */
		write_page(a, i, next_gen());
		return false;
	}
	return true;
}

static void check_all(struct area *a)
{
	size_t i;

	for (i = 0; i < a->nr; i++)
		check_page(a, i);
}

/* A part of an area, up to @max pages. */
static size_t some(const struct area *a, size_t max, size_t *nr)
{
	size_t start = rnd(a->nr);

	if (max > a->nr - start)
		max = a->nr - start;
	*nr = 1 + rnd(max);
	return start;
}

static struct area *any_area(void)
{
	int i, tries = 8;

	while (tries--) {
		i = rnd(AREAS);
		if (area[i].base)
			return &area[i];
	}
	return NULL;
}

static void publish(struct area *a)
{
	int i = a - area;

	sh->worker[me].area[i].nr = 0;
	__atomic_store_n(&sh->worker[me].area[i].base, a->base, __ATOMIC_SEQ_CST);
	sh->worker[me].area[i].nr = a->nr;
}

/* Children have no second thread, and others must not see what they do. */
static void lock_areas(void)
{
	if (!is_child)
		pthread_mutex_lock(&area_lock);
}

static void unlock_areas(void)
{
	if (!is_child)
		pthread_mutex_unlock(&area_lock);
}

/*
 * What workers do.
 */

/* Of device @dev, or anonymous memory if that is negative. */
static bool map_area(struct area *a, int dev, size_t nr)
{
	void *p = MAP_FAILED;
	int fd;

	memset(a, 0, sizeof(*a));
	a->dev = dev;
	a->nr = nr;
	if (dev < 0) {
		p = mmap(NULL, nr * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	} else {
		fd = open(device[dev].path, O_RDWR | O_CLOEXEC);
		p = mmap(NULL, nr * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_NORESERVE, fd, 0);
		if (p == MAP_FAILED && errno == ENXIO && dev)
			count(N_UNMAPPABLE);
		else if (p == MAP_FAILED)
			wrong("cannot map %s: %s", device[dev].name, strerror(errno));
		else
			count(N_MAPPED);
		close(fd);
		a->may_fail = dev == DEVICES - 1;
	}
	if (p == MAP_FAILED)
		return false;
	a->page = calloc(nr, sizeof(*a->page));
	if (!a->page) {
		munmap(p, nr * PAGE);
		return false;
	}
	a->birth = (uintptr_t)p / PAGE;
	lock_areas();
	a->base = p;
	unlock_areas();
	publish(a);
	return true;
}

static void op_map(void)
{
	struct area *a = &area[rnd(AREAS)];
	int dev = (int)rnd(5) - 2;

	/* Two of five are anonymous, two the first device, one the second. */
	if (a->base || !map_area(a, dev < 0 ? -1 : dev / 2, 16 + rnd(most - 16)))
		return;
	a->same = !rnd(a->dev < 0 ? 3 : 5);
	if (rnd(3))
		madvise(a->base, a->nr * PAGE, rnd(4) ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	if (a->same && !madvise(a->base, a->nr * PAGE, MADV_MERGEABLE))
		count(N_MADV_MERGEABLE);
}

static void unmap(struct area *a)
{
	if (a->pins)
		return;
	check_all(a);
	lock_areas();
	if (munmap(a->base, a->nr * PAGE))
		wrong("munmap: %s", strerror(errno));
	a->base = NULL;
	unlock_areas();
	publish(a);
	free(a->page);
	a->page = NULL;
}

static void op_unmap(void)
{
	struct area *a = any_area();

	if (a)
		unmap(a);
}

/* All but its head. */
static void op_trim(void)
{
	struct area *a = any_area();
	size_t nr;

	if (!a || a->pins || a->nr < 32)
		return;
	nr = a->nr - 1 - rnd(a->nr / 4);
	lock_areas();
	if (munmap(a->base + nr * PAGE, (a->nr - nr) * PAGE))
		wrong("munmap: %s", strerror(errno));
	a->nr = nr;
	unlock_areas();
	publish(a);
}

static void op_mremap(void)
{
	struct area *a = any_area();
	void *to, *p;

	/* Half of several mappings might move. */
	if (!a || a->split)
		return;
	lock_areas();
	to = mmap(NULL, a->nr * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		  -1, 0);
	p = to == MAP_FAILED ? to : mremap(a->base, a->nr * PAGE, a->nr * PAGE,
					   MREMAP_MAYMOVE | MREMAP_FIXED, to);
	if (p != MAP_FAILED) {
		a->base = p;
		count(N_MREMAP);
	} else if (to != MAP_FAILED) {
		if (verbose)
			say("mremap: %s", strerror(errno));
		munmap(to, a->nr * PAGE);
	}
	unlock_areas();
	publish(a);
}

static void op_write(void)
{
	struct area *a = any_area();
	size_t i, nr;

	if (!a)
		return op_map();
	for (i = some(a, 256, &nr); nr; i++, nr--) {
		if (!write_page(a, i, next_gen()))
			return;
	}
}

static void op_check(void)
{
	struct area *a = any_area();
	size_t i, nr;

	if (!a)
		return op_map();
	for (i = some(a, 256, &nr); nr; i++, nr--) {
		if (!check_page(a, i))
			return;
	}
}

static void op_check_all(void)
{
	struct area *a = any_area();

	if (a)
		check_all(a);
}

/* Again and again, from here and there, for NUMA balancing to see. */
static void op_hop(void)
{
	struct area *a = any_area();
	cpu_set_t set;
	size_t i, nr;
	int rounds;

	CPU_ZERO(&set);
	CPU_SET(rnd(2), &set);
	sched_setaffinity(0, sizeof(set), &set);
	if (!a)
		return;
	i = some(a, 64, &nr);
	for (rounds = 0; rounds < 20 && !stopped(); rounds++) {
		size_t j;

		for (j = i; j < i + nr; j++) {
			if (!check_page(a, j))
				return;
		}
		nap(5);
	}
	CPU_SET(0, &set);
	CPU_SET(1, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void small_things(int nr);

/* For a process that is a child from now on. Returns how long it lives. */
static int begin_child(void)
{
	int i;

	is_child = true;
	rng ^= (uint64_t)getpid() << 20;
	/* Generations that the parent does not use. */
	generation = 0x800000 | rnd(0x700000);
	for (i = 0; i < AREAS; i++) {
		/* The child's pages are copies where the parent's are pinned. */
		area[i].pins = 0;
		/* Locks are not inherited. */
		area[i].locked = false;
	}
	return 2 + rnd(6);
}

/* Copy on write, on both sides and below. */
static __noreturn void child(void)
{
	int i, depth = 0, n = begin_child();

	while (n-- && !stopped()) {
		if (rnd(2))
			op_write();
		else if (rnd(2))
			op_check();
		else
			small_things(1);
		if (depth < 2 && !rnd(8)) {
			pid_t pid = fork();
			int status = 0;

			if (!pid) {
				depth++;
				n = begin_child();
			} else if (pid > 0 && (waitpid(pid, &status, 0) != pid || status)) {
				wrong("a grandchild ended with %#x", status);
			}
		}
	}
	for (i = 0; i < AREAS; i++) {
		if (area[i].base && rnd(2))
			check_all(&area[i]);
	}
	_exit(0);
}

static void op_fork(void)
{
	pid_t pid[6];
	int i, n = rnd(3) ? 1 : 1 + rnd(6), status;
	bool fair = false;

	if (is_child)
		return;
	for (i = 0; i < AREAS; i++)
		fair |= area[i].base && area[i].may_fail;
	/* Not while the other thread has it locked, for the child has no such thread. */
	for (i = 0; i < n; i++) {
		lock_areas();
		pid[i] = fork();
		if (!pid[i])
			child();
		unlock_areas();
		if (pid[i] < 0) {
			count(N_FORK_FAILED);
			/* The copy of a pinned page had to come from the node that went. */
			if (!fair)
				wrong("fork: %s", strerror(errno));
			break;
		}
		count(N_FORKED);
		op_write();
	}
	n = i;
	op_check();
	for (i = 0; i < n; i++) {
		if (waitpid(pid[i], &status, 0) != pid[i] || status)
			wrong("a child ended with %#x", status);
	}
}

/* Some nodes, private ones rather. */
static unsigned long some_nodes(void)
{
	unsigned long nodes = 0;

	do {
		if (rnd(2))
			nodes |= 1UL << device[0].nid;
		if (!rnd(3))
			nodes |= 1UL << device[1].nid;
		if (!rnd(4))
			nodes |= 1;
		if (!rnd(4))
			nodes |= 2;
	} while (!nodes);
	return nodes;
}

static unsigned long private_nodes(void)
{
	return 1UL << device[0].nid | 1UL << device[1].nid;
}

static int some_mode(void)
{
	static const int modes[] = {
		MPOL_BIND, MPOL_BIND, MPOL_PREFERRED, MPOL_PREFERRED_MANY, MPOL_INTERLEAVE,
		6 /* MPOL_WEIGHTED_INTERLEAVE */
	};

	return modes[rnd(ARRAY_SIZE(modes))];
}

static void op_mbind(void)
{
	static const unsigned int flags[] = {
		0, 0, MPOL_MF_MOVE, MPOL_MF_MOVE | MPOL_MF_STRICT, MPOL_MF_MOVE_ALL
	};
	unsigned long nodes = some_nodes(), first = 1UL << device[0].nid;
	unsigned int flag = flags[rnd(ARRAY_SIZE(flags))];
	struct area *a = any_area();
	int mode = some_mode(), rc;
	size_t start = 0, nr;
	struct steady s;

	if (!a)
		return;
	nr = a->nr;
	if (!rnd(6)) {
		mode = MPOL_DEFAULT;
		nodes = 0;
	} else if (!rnd(5)) {
		mode |= MPOL_F_STATIC_NODES;
	}
	if (!rnd(4)) {
		start = some(a, a->nr, &nr);
		a->split = true;
	}
	if (nodes & 1UL << device[1].nid && !(nodes & ~private_nodes()))
		a->may_fail = true;
	s = steady_from(0, K_MBIND);
	rc = syscall(__NR_mbind, a->base + start * PAGE, nr * PAGE, mode, nodes ? &nodes : NULL,
		     64UL, flag) ? -errno : 0;
	if (a->dev >= 0) {
		/* These have their node. */
		if (mode != MPOL_DEFAULT && !rc)
			wrong("mbind() of a mapping of %s", device[a->dev].name);
		return;
	}
	if (!rc && nodes & private_nodes())
		count(N_MBIND);
	if (rc == -EINVAL)
		count(N_MBIND_REFUSED);
	if (nodes == first && !flag && was_steady(0, K_MBIND, s)) {
		count(N_JUDGED);
		if (s.on ? rc == -EINVAL : rc != -EINVAL)
			wrong("mbind(mode %d, nodes %#lx) is %d with the knob at %d", mode, nodes,
			      rc, s.on);
	}
	if (!rc && !rnd(3))
		syscall(__NR_set_mempolicy_home_node, a->base + start * PAGE, nr * PAGE,
			(long)rnd(4), 0UL);
}

/* A bound task, and what it needs besides its own memory. */
static void op_task(void)
{
	unsigned long nodes = some_nodes(), first = 1UL << device[0].nid;
	int mode = some_mode(), rc, fd, i;
	struct steady s;
	uint64_t *p;

	/*
	 * All of the task's memory would have to come from a node that may go, its
	 * stack included.
	 */
	if (!(nodes & ~private_nodes()))
		nodes = first;
	s = steady_from(0, K_MBIND);
	rc = syscall(__NR_set_mempolicy, mode, &nodes, 64UL) ? -errno : 0;
	if (was_steady(0, K_MBIND, s) && nodes == first) {
		count(N_JUDGED);
		if (s.on ? rc : rc != -EINVAL)
			wrong("set_mempolicy(mode %d, nodes %#lx) is %d with the knob at %d", mode,
			      nodes, rc, s.on);
	}
	if (rc) {
		count(N_TASK_REFUSED);
		return;
	}
	if (nodes & private_nodes())
		count(N_TASK);
	p = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p != MAP_FAILED) {
		for (i = 0; i < 64; i++)
			p[i * WORDS] = i + 1;
		small_things(1);
		for (i = 0; i < 64; i++) {
			if (p[i * WORDS] != i + 1UL)
				wrong("page %d of a bound task has %#lx", i,
				      (unsigned long)p[i * WORDS]);
		}
		munmap(p, 64 * PAGE);
	}
	fd = memfd_create("flips", MFD_CLOEXEC);
	if (fd >= 0) {
		if (write(fd, salt, sizeof(salt)) != sizeof(salt))
			wrong("a bound task cannot write to tmpfs: %s", strerror(errno));
		close(fd);
	}
	if (!is_child && rnd(2))
		op_fork();
	syscall(__NR_set_mempolicy, MPOL_DEFAULT, NULL, 0UL);
}

static bool is_private(int nid)
{
	return nid == device[0].nid || nid == device[1].nid;
}

static void op_move(void)
{
	int nodes[32], status[32], before[32], to = rnd(3) ? device[rnd(2)].nid : (int)rnd(2);
	struct area *a = any_area();
	void *pages[32];
	size_t i, start, nr;
	struct steady s;
	int rc;

	if (!a)
		return;
	start = some(a, 32, &nr);
	for (i = 0; i < nr; i++) {
		pages[i] = a->base + (start + i) * PAGE;
		nodes[i] = to;
		status[i] = -EINTR;
		before[i] = -EINTR;
	}
	syscall(__NR_move_pages, 0, nr, pages, NULL, before, 0);
	s = steady_from(0, K_MBIND);
	rc = syscall(__NR_move_pages, 0, nr, pages, nodes, status,
		     rnd(2) ? MPOL_MF_MOVE : MPOL_MF_MOVE_ALL);
	if (rc < 0) {
		if (errno == ENODEV && is_private(to))
			count(N_MOVE_REFUSED);
		else if (errno != ENODEV && errno != ENOMEM)
			wrong("move_pages() to node %d: %s", to, strerror(errno));
	}
	if (to == device[0].nid && was_steady(0, K_MBIND, s)) {
		count(N_JUDGED);
		if ((rc < 0 && errno == ENODEV) != !s.on)
			wrong("move_pages() to node %d is %d (%s) with the knob at %d", to, rc,
			      rc < 0 ? strerror(errno) : "went well", s.on);
	}
	for (i = 0; rc >= 0 && i < nr; i++) {
		if (status[i] == -EACCES && is_private(before[i]))
			count(N_STAY);
		if (status[i] != to || before[i] < 0 || before[i] == to)
			continue;
		if (is_private(to))
			count(N_MOVED_ON);
		else if (is_private(before[i]))
			count(N_MOVED_OFF);
	}
}

static void op_migrate(void)
{
	unsigned long from = 1UL << rnd(2), to = 1UL << device[rnd(2)].nid, swap;

	if (rnd(2)) {
		swap = from;
		from = to;
		to = swap;
	}
	if (syscall(__NR_migrate_pages, 0, 64UL, &from, &to) >= 0)
		count(N_MIGRATED);
}

/* Advice that changes nothing that can be read. */
static void harmless(char *p, size_t nr)
{
	static const struct {
		int advice;
		enum count count;
	} list[] = {
		{ MADV_COLD, N_MADV_COLD },
		{ MADV_COLD, N_MADV_COLD },
		{ MADV_PAGEOUT, N_MADV_PAGEOUT },
		{ MADV_PAGEOUT, N_MADV_PAGEOUT },
		{ MADV_COLLAPSE, N_MADV_COLLAPSE },
		{ MADV_COLLAPSE, N_MADV_COLLAPSE },
		{ MADV_WILLNEED, NR_COUNTS },
		{ MADV_POPULATE_READ, N_MADV_POPULATE },
		{ MADV_POPULATE_WRITE, N_MADV_POPULATE },
	};
	int i = rnd(ARRAY_SIZE(list));

	if (!madvise(p, nr * PAGE, list[i].advice) && list[i].count != NR_COUNTS)
		count(list[i].count);
}

static void op_harmless(void)
{
	struct area *a = any_area();
	size_t start, nr;

	if (!a)
		return;
	start = some(a, a->nr, &nr);
	harmless(a->base + start * PAGE, nr);
}

/* Of the mapping as a whole, lest it be split. */
static void op_flags(void)
{
	static const int list[] = {
		MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_MERGEABLE, MADV_MERGEABLE, MADV_UNMERGEABLE
	};
	struct area *a = any_area();
	int i = rnd(ARRAY_SIZE(list));

	if (a && !madvise(a->base, a->nr * PAGE, list[i]) && i >= 2)
		count(N_MADV_MERGEABLE);
}

static void op_free(void)
{
	struct area *a = any_area();
	size_t start, nr, i;
	int rc;

	if (!a || a->pins)
		return;
	start = some(a, a->nr, &nr);
	rc = madvise(a->base + start * PAGE, nr * PAGE, MADV_FREE);
	if (!rc)
		count(N_MADV_FREE);
	/* In case of an error it may have come half the way. */
	for (i = start; i < start + nr; i++)
		a->page[i].freed = a->page[i].gen || a->page[i].torn;
}

static void op_dontneed(void)
{
	struct area *a = any_area();
	size_t start, nr, i;
	int rc;

	if (!a || a->pins)
		return;
	start = some(a, a->nr, &nr);
	rc = madvise(a->base + start * PAGE, nr * PAGE,
		     a->locked ? MADV_DONTNEED_LOCKED : MADV_DONTNEED);
	if (rc) {
		wrong("MADV_DONTNEED: %s", strerror(errno));
		return;
	}
	count(N_MADV_DONTNEED);
	for (i = start; i < start + nr; i++)
		memset(&a->page[i], 0, sizeof(a->page[i]));
}

static void op_lock(void)
{
	struct area *a = any_area();

	if (!a)
		return;
	if (a->locked) {
		a->locked = munlock(a->base, a->nr * PAGE);
		return;
	}
	/* Not fatal: there may be no memory to be had on the node. */
	if (mlock2(a->base, a->nr * PAGE, rnd(2) ? MLOCK_ONFAULT : 0)) {
		munlock(a->base, a->nr * PAGE);
		return;
	}
	a->locked = true;
	count(N_MLOCK);
}

static void op_reclaim(void)
{
	static const char * const files[] = {
		CGROUP "/memory.reclaim", CGROUP "/load/memory.reclaim",
		CGROUP "/press/memory.reclaim", NODE "node0/reclaim", NODE "node1/reclaim",
		NODE "node2/reclaim", NODE "node3/reclaim"
	};
	static const char * const how[] = { "1M", "4M", "2M swappiness=max", "4M swappiness=0" };
	int rc = put_text(files[rnd(ARRAY_SIZE(files))], how[rnd(ARRAY_SIZE(how))]);

	if (!rc || rc == -EAGAIN)
		count(N_RECLAIMED);
}

/*
 * Pins. While they last the pages are the same ones: what is written to memory
 * can be read through the pin.
 */

#define PIN_PAGES	16

static struct {
	struct area *a;
	size_t start, nr;
	void *addr;	/* that it was made at: the mapping may move */
	bool uring;
	int fd;		/* gup_test, or the ring */
	int file;
	void *ring, *sqes;
	size_t ring_size;
	struct io_uring_params params;
} pin;

static int uring_open(void)
{
	size_t sq, cq;

	memset(&pin.params, 0, sizeof(pin.params));
	pin.ring = MAP_FAILED;
	pin.sqes = MAP_FAILED;
	pin.fd = syscall(__NR_io_uring_setup, 4, &pin.params);
	if (pin.fd < 0)
		return -errno;
	fcntl(pin.fd, F_SETFD, FD_CLOEXEC);
	sq = pin.params.sq_off.array + pin.params.sq_entries * sizeof(__u32);
	cq = pin.params.cq_off.cqes + pin.params.cq_entries * sizeof(struct io_uring_cqe);
	pin.ring_size = sq > cq ? sq : cq;
	pin.ring = mmap(NULL, pin.ring_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			pin.fd, IORING_OFF_SQ_RING);
	pin.sqes = mmap(NULL, pin.params.sq_entries * sizeof(struct io_uring_sqe),
			PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, pin.fd, IORING_OFF_SQES);
	pin.file = memfd_create("flips", MFD_CLOEXEC);
	return pin.ring == MAP_FAILED || pin.sqes == MAP_FAILED || pin.file < 0 ? -ENOMEM : 0;
}

static void uring_close(void)
{
	if (pin.ring != MAP_FAILED)
		munmap(pin.ring, pin.ring_size);
	if (pin.sqes != MAP_FAILED)
		munmap(pin.sqes, pin.params.sq_entries * sizeof(struct io_uring_sqe));
	if (pin.file >= 0)
		close(pin.file);
}

/* Write the fixed buffer to the file, and read that. */
static int uring_read(void *buf)
{
	char *ring = pin.ring;
	struct io_uring_sqe *sqe = pin.sqes;
	struct io_uring_cqe *cqe;
	__u32 *tail = (__u32 *)(ring + pin.params.sq_off.tail);
	__u32 mask = *(__u32 *)(ring + pin.params.sq_off.ring_mask);
	__u32 *head = (__u32 *)(ring + pin.params.cq_off.head);
	__u32 cmask = *(__u32 *)(ring + pin.params.cq_off.ring_mask);
	int res;

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_WRITE_FIXED;
	sqe->fd = pin.file;
	sqe->addr = (uintptr_t)pin.addr;
	sqe->len = pin.nr * PAGE;
	((__u32 *)(ring + pin.params.sq_off.array))[*tail & mask] = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(__NR_io_uring_enter, pin.fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -errno;
	cqe = (struct io_uring_cqe *)(ring + pin.params.cq_off.cqes) + (*head & cmask);
	res = cqe->res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	if (res < 0)
		return res;
	if (res != (int)(pin.nr * PAGE) || pread(pin.file, buf, res, 0) != res)
		return -EIO;
	return 0;
}

static void pin_check(void)
{
	static uint64_t buf[PIN_PAGES * WORDS];
	__u64 at = (uintptr_t)buf;
	size_t i;
	int rc;

	memset(buf, 0x55, pin.nr * PAGE);
	if (pin.uring)
		rc = uring_read(buf);
	else
		rc = ioctl(pin.fd, PIN_LONGTERM_TEST_READ, &at) ? -errno : 0;
	if (rc) {
		wrong("cannot read what is pinned by %s: %s", pin.uring ? "io_uring" : "gup_test",
		      strerror(-rc));
		return;
	}
	for (i = 0; i < pin.nr; i++)
		judge_page(pin.a, pin.start + i, buf + i * WORDS);
}

static void unpin(void)
{
	pin_check();
	if (pin.uring)
		uring_close();
	else
		ioctl(pin.fd, PIN_LONGTERM_TEST_STOP);
	close(pin.fd);
	pin.a->pins--;
	pin.a = NULL;
}

static void op_pin(void)
{
	struct area *a = any_area();
	struct pin_longterm_test args;
	struct steady s, other;
	struct iovec iov;
	size_t i;
	int rc, fair;

	if (is_child)
		return;
	if (pin.a) {
		pin_check();
		if (!rnd(3))
			unpin();
		return;
	}
	if (!a)
		return;
	pin.start = some(a, PIN_PAGES, &pin.nr);
	/* So that no zero page is there, and none that may vanish. */
	for (i = 0; i < pin.nr; i++) {
		if (!write_page(a, pin.start + i, next_gen()))
			return;
	}
	pin.uring = rnd(2);
	pin.file = -1;
	pin.addr = a->base + pin.start * PAGE;
	iov.iov_base = pin.addr;
	iov.iov_len = pin.nr * PAGE;
	if (pin.uring) {
		rc = uring_open();
	} else {
		pin.fd = open("/sys/kernel/debug/gup_test", O_RDWR | O_CLOEXEC);
		rc = pin.fd < 0 ? -errno : 0;
	}
	if (rc) {
		wrong("%s: %s", pin.uring ? "io_uring" : "gup_test", strerror(-rc));
		goto close;
	}
	s = steady_from(0, K_LTPIN);
	other = steady_from(1, K_LTPIN);
	if (pin.uring) {
		rc = syscall(__NR_io_uring_register, pin.fd, IORING_REGISTER_BUFFERS, &iov, 1);
	} else {
		args.addr = (uintptr_t)iov.iov_base;
		args.size = iov.iov_len;
		args.flags = rnd(4);
		rc = ioctl(pin.fd, PIN_LONGTERM_TEST_START, &args);
	}
	if (rc < 0) {
		rc = -errno;
		count(N_PIN_REFUSED);
		/*
		 * Refused, no memory to move it to, busy, or a page that did not come.
		 * io_uring says EFAULT if it gets some of the pages and others not.
		 */
		fair = rc == -EOPNOTSUPP || rc == -ENOMEM || rc == -EAGAIN || rc == -EBUSY ||
		       (rc == -EFAULT && (a->may_fail || pin.uring));
		/* That is the knob's answer, and nobody else's. */
		if (rc == -EOPNOTSUPP && was_steady(0, K_LTPIN, s) &&
		    was_steady(1, K_LTPIN, other)) {
			count(N_JUDGED);
			if (s.on && other.on)
				wrong("a pin is refused with both knobs at 1");
		}
		if (!fair)
			wrong("a pin by %s fails with %s", pin.uring ? "io_uring" : "gup_test",
			      strerror(-rc));
		goto close;
	}
	count(pin.uring ? N_URING : N_PIN);
	pin.a = a;
	a->pins++;
	for (i = 0; i < pin.nr; i++) {
		int nid = node_of(a->base + (pin.start + i) * PAGE);

		if (is_private(nid))
			count(N_PIN_PRIVATE);
		/* It cannot have come there afterwards. */
		if (nid == device[0].nid && was_steady(0, K_LTPIN, s)) {
			count(N_JUDGED);
			if (!s.on)
				wrong("page %zu on node %d is pinned with the knob at 0",
				      pin.start + i, nid);
		}
	}
	pin_check();
	return;
close:
	if (pin.uring)
		uring_close();
	if (pin.fd >= 0)
		close(pin.fd);
}

/* No long pin, but a reference from a pipe, while other things go on. */
static void op_splice(void)
{
	static uint64_t buf[8 * WORDS];
	struct area *a = any_area();
	struct iovec iov;
	size_t start, nr, i;
	int hole[2];
	ssize_t n;

	if (!a || pipe2(hole, O_CLOEXEC | O_NONBLOCK))
		return;
	start = some(a, 8, &nr);
	for (i = 0; i < nr; i++) {
		if (!write_page(a, start + i, next_gen()))
			goto close;
	}
	iov.iov_base = a->base + start * PAGE;
	iov.iov_len = nr * PAGE;
	n = vmsplice(hole[1], &iov, 1, SPLICE_F_NONBLOCK);
	if (n < (ssize_t)PAGE) {
		if (n < 0 && errno != EAGAIN && !(errno == EFAULT && a->may_fail))
			wrong("vmsplice: %s", strerror(errno));
		goto close;
	}
	small_things(3);
	nr = n / PAGE;
	if (read(hole[0], buf, nr * PAGE) != (ssize_t)(nr * PAGE)) {
		wrong("what was spliced cannot be read");
		goto close;
	}
	for (i = 0; i < nr; i++)
		judge_page(a, start + i, buf + i * WORDS);
	count_n(N_SPLICED, nr);
close:
	close(hole[0]);
	close(hole[1]);
}

/* A part of an area, to another mapping: what was there is zero afterwards. */
static void op_uffd(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_MOVE };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_move move = { 0 };
	static uint64_t buf[WORDS];
	struct area *a = any_area();
	size_t start, nr, i, moved;
	int uffd, fd = -1;
	char *p;

	if (!a || a->pins || a->locked)
		return;
	start = some(a, 600, &nr);
	/* To the device that stays, or to anonymous memory. */
	if (rnd(2))
		fd = open(device[0].path, O_RDWR | O_CLOEXEC);
	p = mmap(NULL, nr * PAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_NORESERVE | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
	if (fd >= 0)
		close(fd);
	if (p == MAP_FAILED)
		return;
	uffd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	reg.range.start = (uintptr_t)p;
	reg.range.len = nr * PAGE;
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &reg)) {
		wrong("userfaultfd: %s", strerror(errno));
		goto unmap;
	}
	move.dst = (uintptr_t)p;
	move.src = (uintptr_t)a->base + start * PAGE;
	move.len = nr * PAGE;
	move.mode = UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES;
	/* Pages that are shared or busy end it early. */
	ioctl(uffd, UFFDIO_MOVE, &move);
	moved = move.move > 0 ? move.move / PAGE : 0;
	/* Nobody serves faults: these are to be zeroes. */
	close(uffd);
	uffd = -1;
	for (i = start; i < start + moved; i++) {
		memcpy(buf, p + (i - start) * PAGE, PAGE);
		judge_page(a, i, buf);
		memset(&a->page[i], 0, sizeof(a->page[i]));
	}
	count_n(N_UFFD, moved);
unmap:
	if (uffd >= 0)
		close(uffd);
	munmap(p, nr * PAGE);
}

/* What does not change any page, so that others can do it in between. */
static void small_things(int nr)
{
	while (nr-- && !stopped()) {
		switch (rnd(6)) {
		case 0:
			op_move();
			break;
		case 1:
			op_migrate();
			break;
		case 2:
			op_mbind();
			break;
		case 3:
			op_reclaim();
			break;
		default:
			op_harmless();
			break;
		}
	}
}

enum { MAPPER, POLICY, ADVISER, PINNER, FORKER, PRESSER, ROLES };

static const char * const roles[] = { "map", "policy", "advise", "pin", "fork", "press" };

static const struct op {
	const char *name;
	void (*run)(void);
	/* How often, in each role. */
	unsigned char weight[ROLES];
} ops[] = {
	/*		   map pol adv pin fork press */
	{ "map", op_map,		{ 9, 3, 3, 3, 3, 2 } },
	{ "unmap", op_unmap,		{ 3, 1, 1, 1, 1, 1 } },
	{ "trim", op_trim,		{ 2, 1, 1, 1, 1, 0 } },
	{ "mremap", op_mremap,		{ 3, 1, 1, 1, 1, 0 } },
	{ "write", op_write,		{ 9, 6, 6, 5, 6, 30 } },
	{ "check", op_check,		{ 6, 6, 6, 5, 6, 20 } },
	{ "check all", op_check_all,	{ 1, 1, 1, 1, 1, 1 } },
	{ "hop", op_hop,		{ 2, 1, 1, 1, 1, 2 } },
	{ "fork", op_fork,		{ 1, 1, 1, 1, 9, 1 } },
	{ "mbind", op_mbind,		{ 1, 9, 1, 1, 1, 0 } },
	{ "task policy", op_task,	{ 0, 4, 1, 1, 1, 0 } },
	{ "move_pages", op_move,	{ 1, 9, 1, 2, 1, 0 } },
	{ "migrate_pages", op_migrate,	{ 0, 3, 1, 1, 1, 0 } },
	{ "advice", op_harmless,	{ 1, 2, 9, 3, 2, 2 } },
	{ "flags", op_flags,		{ 1, 1, 3, 1, 1, 1 } },
	{ "MADV_FREE", op_free,		{ 1, 1, 3, 1, 1, 2 } },
	{ "MADV_DONTNEED", op_dontneed,	{ 1, 1, 2, 1, 1, 1 } },
	{ "mlock", op_lock,		{ 1, 1, 1, 1, 1, 0 } },
	{ "reclaim", op_reclaim,	{ 1, 1, 2, 1, 1, 4 } },
	{ "pin", op_pin,		{ 1, 1, 1, 9, 1, 0 } },
	{ "splice", op_splice,		{ 1, 1, 1, 4, 1, 0 } },
	{ "userfaultfd", op_uffd,	{ 2, 1, 1, 1, 1, 0 } },
};

/* Does what is harmless to the areas of the first thread, at the same time. */
static void *second_thread(void *arg)
{
	(void)arg;
	seed_rng(1000 + me);
	while (!stopped()) {
		void *p = NULL;
		struct area *a;

		pthread_mutex_lock(&area_lock);
		a = &area[rnd(AREAS)];
		if (a->base) {
			size_t start = rnd(a->nr), nr = 1 + rnd(a->nr - start);
			int to = device[rnd(2)].nid, status;

			p = a->base + start * PAGE;
			if (rnd(3))
				harmless(p, nr);
			else
				syscall(__NR_move_pages, 0, 1UL, &p, &to, &status, MPOL_MF_MOVE);
		}
		pthread_mutex_unlock(&area_lock);
		nap(1 + rnd(p ? 30 : 100));
	}
	return NULL;
}

static void enter_group(const char *group)
{
	char path[128], pid[16];

	snprintf(path, sizeof(path), CGROUP "/%s/cgroup.procs", group);
	snprintf(pid, sizeof(pid), "%d", getpid());
	put_text(path, pid);
}

static void handle_signals(void)
{
	struct sigaction sa = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_NODEFER };

	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
}

static void work(int id)
{
	int role = id < ROLES ? id : (int)rnd(ROLES), sum, i;
	pthread_t thread;
	char name[16];

	me = id;
	seed_rng(id);
	snprintf(name, sizeof(name), "flips-%s%d", roles[role], id);
	prctl(PR_SET_NAME, name);
	enter_group(role == PRESSER ? "press" : "load");
	most = role == PRESSER ? LARGER : LARGE;
	handle_signals();
	if (pthread_create(&thread, NULL, second_thread, NULL)) {
		wrong("no second thread: %s", strerror(errno));
		_exit(1);
	}
	while (!stopped()) {
		for (sum = 0, i = 0; i < (int)ARRAY_SIZE(ops); i++)
			sum += ops[i].weight[role];
		sum = rnd(sum);
		for (i = 0; sum >= ops[i].weight[role]; i++)
			sum -= ops[i].weight[role];
		sh->worker[id].doing = ops[i].name;
		ops[i].run();
		/* With pins all the time it would never be unplugged. */
		if (pin.a && sh->leaving && rnd(2))
			unpin();
	}
	sh->worker[id].doing = "ending";
	pthread_join(thread, NULL);
	if (pin.a)
		unpin();
	for (i = 0; i < AREAS; i++) {
		if (area[i].base)
			unmap(&area[i]);
	}
	sh->worker[id].doing = "gone";
	_exit(0);
}

/*
 * The others.
 */

/*
 * Reads memory on the second device over and over: what is to be promoted whenever the
 * device is slow, balancing is in tiering mode and the knob is on. It is not a mapping
 * of the device, nor has it a policy: such memory stays where it is.
 */
static void reread(void)
{
	struct area *a = &area[0];
	int to[128], status[128], n;
	void *pages[128];
	size_t i;

	me = WORKERS;
	prctl(PR_SET_NAME, "flips-hot");
	seed_rng(500);
	handle_signals();
	sh->worker[me].doing = "reading again";
	if (!map_area(a, -1, ARRAY_SIZE(pages))) {
		wrong("no memory to read: %s", strerror(errno));
		_exit(1);
	}
	for (i = 0; i < a->nr; i++) {
		pages[i] = a->base + i * PAGE;
		to[i] = device[1].nid;
	}
	while (!stopped()) {
		for (i = 0; i < a->nr; i++)
			write_page(a, i, next_gen());
		/* Refused while the knob mbind is off, or the node is not there. */
		status[0] = -1;
		syscall(__NR_move_pages, 0, a->nr, pages, to, status, MPOL_MF_MOVE);
		for (n = status[0] == to[0] ? 20 + rnd(80) : 2; n && !stopped(); n--) {
			check_all(a);
			nap(10);
		}
	}
	unmap(a);
	_exit(0);
}

static void turn_knobs(int dev)
{
	prctl(PR_SET_NAME, dev ? "flips-flip1" : "flips-flip0");
	seed_rng(100 + dev);
	while (!stopped()) {
		int k = rnd(KNOBS), on = !sh->knob[dev][k].on, rc;

		__atomic_add_fetch(&sh->knob[dev][k].seq, 1, __ATOMIC_SEQ_CST);
		rc = put_dax(&device[dev], knobs[k], on ? "1" : "0");
		if (rc)
			wrong("%s of %s does not become %d: %s", knobs[k], device[dev].name, on,
			      strerror(-rc));
		else
			__atomic_store_n(&sh->knob[dev][k].on, on, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&sh->knob[dev][k].seq, 1, __ATOMIC_SEQ_CST);
		if (!rc)
			sh->flips[dev][k][on]++;
		/* In bursts, and with time for something to happen in between. */
		nap(rnd(4) ? rnd(20) : 100 + rnd(500));
	}
	_exit(0);
}

static void plug_and_unplug(void)
{
	static const struct {
		const char *state;
		enum count count;
	} types[] = {
		{ "online", N_PLUG_ONLINE },
		{ "online_kernel", N_PLUG_KERNEL },
		{ "online_movable", N_PLUG_MOVABLE },
	};
	static const char * const adistances[] = {
		"50", "300", "576", "1500", "3000", "5000", "9000"
	};
	const struct device *d = &device[1];
	char before[32], now[32];
	int rc = 0, i = 0;

	prctl(PR_SET_NAME, "flips-replug");
	seed_rng(200);
	while (!stopped()) {
		/* In use for a moment, as a rule. */
		nap(rc == -EBUSY ? rnd(200) : 200 + rnd(1500));
		sh->leaving = !!rnd(4);
		if (sh->leaving)
			nap(300);
		get_dax(d, "hotplug", before, sizeof(before));
		pthread_mutex_lock(&sh->unplug);
		rc = put_dax(d, "hotplug", "unplugged");
		pthread_mutex_unlock(&sh->unplug);
		get_dax(d, "hotplug", now, sizeof(now));
		sh->leaving = 0;
		if (rc == -EBUSY) {
			count(N_UNPLUG_BUSY);
			if (strcmp(before, now) || !node_has("has_private_memory", d->nid))
				wrong("%s was %s, and is %s when it could not be unplugged",
				      d->name, before, now);
			continue;
		}
		if (rc) {
			wrong("%s cannot be unplugged: %s", d->name, strerror(-rc));
			continue;
		}
		count(N_UNPLUGGED);
		if (strcmp(now, "unplugged") || node_has("has_private_memory", d->nid))
			wrong("%s is %s when it has been unplugged", d->name, now);
		nap(200 + rnd(1200));
		if (rnd(2) && put_dax(d, "adistance", adistances[rnd(ARRAY_SIZE(adistances))]))
			wrong("no other abstract distance for %s", d->name);
		do {
			i = (i + 1) % ARRAY_SIZE(types);
			rc = put_dax(d, "hotplug", types[i].state);
			if (rc == -ENOMEM) {
				count(N_PLUG_FAILED);
				nap(100);
			} else if (rc) {
				wrong("%s does not become %s: %s", d->name, types[i].state,
				      strerror(-rc));
			} else {
				count(types[i].count);
			}
		} while (rc && !stopped());
	}
	_exit(0);
}

/* Acts on the workers' memory from outside. */
static void interfere(void)
{
	static const int advices[] = { MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED, MADV_COLLAPSE };

	prctl(PR_SET_NAME, "flips-meddle");
	seed_rng(300);
	while (!stopped()) {
		int w = rnd(WORKERS), k = rnd(AREAS), i, to[32], status[32];
		pid_t pid = sh->worker[w].pid;
		char *base = sh->worker[w].area[k].base;
		size_t nr = sh->worker[w].area[k].nr, start, n;
		unsigned long from, onto;
		void *pages[32];
		struct iovec iov;
		int fd;

		nap(rnd(60));
		if (!base || !nr)
			continue;
		start = rnd(nr);
		n = 1 + rnd(nr - start);
		switch (rnd(4)) {
		case 0:
			from = 1UL << rnd(4);
			onto = 1UL << rnd(4);
			syscall(__NR_migrate_pages, pid, 64UL, &from, &onto);
			break;
		case 1:
			if (n > ARRAY_SIZE(pages))
				n = ARRAY_SIZE(pages);
			for (i = 0; i < (int)n; i++) {
				pages[i] = base + (start + i) * PAGE;
				to[i] = rnd(4);
			}
			syscall(__NR_move_pages, pid, n, pages, to, status, MPOL_MF_MOVE_ALL);
			break;
		default:
			fd = syscall(__NR_pidfd_open, pid, 0);
			iov.iov_base = base + start * PAGE;
			iov.iov_len = n * PAGE;
			if (syscall(__NR_process_madvise, fd, &iov, 1UL,
				    advices[rnd(ARRAY_SIZE(advices))], 0) >= 0)
				count(N_MADV_OTHER);
			close(fd);
			break;
		}
	}
	_exit(0);
}

/* What concerns all nodes. */
static void change_settings(void)
{
	static const struct {
		/* Not while memory is being taken away. */
		bool apart;
		const char *path;
		const char *text[4];
	} list[] = {
		{ false, "/proc/sys/kernel/numa_balancing", { "0", "1", "2", "3" } },
		{ false, "/proc/sys/kernel/numa_balancing", { "1", "2", "3", "2" } },
		{ false, "/sys/kernel/mm/numa/demotion_enabled", { "1", "1", "1", "0" } },
		{ false, "/sys/module/zswap/parameters/enabled", { "Y", "N", "N", "N" } },
		{ false, "/proc/sys/vm/drop_caches", { "1", "1", "2", "3" } },
		{ false, THP "defrag", { "madvise", "always", "never", "defer" } },
		/*
		 * These wait until offline_pages() is done, deaf to signals. On a kernel
		 * that checks everything that takes minutes, and the task is called hung.
		 */
		{ true, "/sys/kernel/mm/lru_gen/enabled", { "y", "n", "y", "n" } },
		{ true, THP "hugepages-64kB/enabled", { "madvise", "always", "never", "inherit" } },
		/*
		 * Compaction by hand takes no hotplug lock, in stock 7.3 neither: with
		 * DEBUG_VM the kernel stops where it meets a block that has just left
		 * its zone.
		 */
		{ true, "/proc/sys/vm/compact_memory", { "1", "1", "1", "1" } },
	};

	prctl(PR_SET_NAME, "flips-tune");
	seed_rng(400);
	while (!stopped()) {
		int i = rnd(ARRAY_SIZE(list));
		unsigned long merged = 0;
		char text[32];

		if (!list[i].apart) {
			put_text(list[i].path, list[i].text[rnd(4)]);
		} else if (!pthread_mutex_trylock(&sh->unplug)) {
			put_text(list[i].path, list[i].text[rnd(4)]);
			pthread_mutex_unlock(&sh->unplug);
		}
		if (!get_text(KSM "pages_sharing", text, sizeof(text)))
			merged = atol(text);
		if (merged > sh->merged)
			sh->merged = merged;
		nap(100 + rnd(900));
	}
	_exit(0);
}

/*
 * Before and after.
 */

static int compare_devices(const void *a, const void *b)
{
	return ((const struct device *)a)->nid - ((const struct device *)b)->nid;
}

/* Those that anondax has, by node. Returns how many. */
static int find_devices(void)
{
	char path[512], text[512];
	struct dirent *d;
	int nr = 0;
	DIR *dir;

	dir = opendir(DAX "drivers/anondax");
	while (dir && nr <= DEVICES && (d = readdir(dir))) {
		if (strncmp(d->d_name, "dax", 3))
			continue;
		snprintf(path, sizeof(path), DAX "devices/%s/target_node", d->d_name);
		if (get_text(path, text, sizeof(text)))
			continue;
		device[nr].nid = atoi(text);
		snprintf(device[nr].name, sizeof(device[nr].name), "%.31s", d->d_name);
		snprintf(device[nr].path, sizeof(device[nr].path), "/dev/%.31s", d->d_name);
		nr++;
	}
	if (dir)
		closedir(dir);
	qsort(device, nr, sizeof(*device), compare_devices);
	return nr;
}

struct pages {
	long managed;
	long free;	/* on whatever list; not nr_free_pages, which lags behind */
	long waiting;	/* on per-CPU lists, of all nodes */
};

static struct pages look_at(int nid)
{
	char line[512], key[32];
	struct pages pages = { 0 };
	int now = -1, used;
	long n;
	FILE *f;

	f = fopen("/proc/buddyinfo", "re");
	while (f && fgets(line, sizeof(line), f)) {
		char *p, *end;
		int order = 0;

		if (sscanf(line, "Node %d, zone %*s%n", &now, &used) != 1 || now != nid)
			continue;
		for (p = line + used; n = strtol(p, &end, 10), end != p; p = end)
			pages.free += n << order++;
	}
	if (f)
		fclose(f);
	f = fopen("/proc/zoneinfo", "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Node %d, zone %31s", &now, key) == 2 ||
		    sscanf(line, " %31s %ld", key, &n) != 2)
			continue;
		if (!strcmp(key, "count:")) {
			pages.waiting += n;
			pages.free += now == nid ? n : 0;
		}
		if (!strcmp(key, "managed") && now == nid)
			pages.managed += n;
	}
	if (f)
		fclose(f);
	return pages;
}

/*
 * Folios stay on per-CPU lists of the LRU when nobody has them any more.
 * move_pages() drains these, whatever it has to move.
 */
static void drain(void)
{
	char text[16];
	int status, to = 0;
	void *p;

	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
		 -1, 0);
	if (p != MAP_FAILED) {
		syscall(__NR_move_pages, 0, 1UL, &p, &to, &status, MPOL_MF_MOVE);
		munmap(p, PAGE);
	}
	/* For the counters that others show. */
	get_text("/proc/sys/vm/stat_refresh", text, sizeof(text));
}

/* What the pages that are not free say of themselves. */
static void show_left(int nid)
{
	char line[512];
	unsigned long start = 0, spanned = 0;
	int now = -1, flags, counts_fd, shown = 0;
	unsigned long n, pfn;
	FILE *f;

	f = fopen("/proc/zoneinfo", "re");
	while (f && fgets(line, sizeof(line), f)) {
		char key[32];

		if (sscanf(line, "Node %d, zone", &now) == 1 || now != nid)
			continue;
		if (sscanf(line, " start_pfn: %lu", &n) == 1 && spanned && !start)
			start = n;
		if (sscanf(line, " spanned %lu", &n) == 1 && n)
			spanned = n;
		if (sscanf(line, " nr_%31s %lu", key, &n) == 2 && n)
			say("node %d: nr_%s %lu", nid, key, n);
	}
	if (f)
		fclose(f);
	flags = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	counts_fd = open("/proc/kpagecount", O_RDONLY | O_CLOEXEC);
	for (pfn = start; pfn < start + spanned && shown < 20; pfn++) {
		uint64_t flag = 0, mapped = 0;

		if (pread(flags, &flag, 8, pfn * 8) != 8 ||
		    pread(counts_fd, &mapped, 8, pfn * 8) != 8)
			break;
		/* Neither KPF_BUDDY nor empty, as those on per-CPU lists are. */
		if (!flag || flag & 1UL << 10)
			continue;
		say("node %d: pfn %#lx, flags %#lx, mapped %lu times", nid, pfn,
		    (unsigned long)flag, (unsigned long)mapped);
		shown++;
	}
	close(flags);
	close(counts_fd);
}

/* Back to the ordinary nodes with what others have there: demotion takes anybody's. */
static void send_home(void)
{
	unsigned long from = 1UL << device[0].nid | 1UL << device[1].nid, to = 3;
	struct dirent *d;
	DIR *dir;

	dir = opendir("/proc");
	while (dir && (d = readdir(dir))) {
		if (atoi(d->d_name) > 0)
			syscall(__NR_migrate_pages, atoi(d->d_name), 64UL, &from, &to);
	}
	if (dir)
		closedir(dir);
}

/*
 * Free, or of the page cache, which tmpfs is part of: only unplugging gets it off
 * the node once it was demoted there.
 */
static bool all_free(int nid)
{
	struct pages pages;
	long cache, anon;
	char path[128];
	int tries = 60;

	snprintf(path, sizeof(path), NODE "node%d/vmstat", nid);
	do {
		send_home();
		put_text("/proc/sys/vm/drop_caches", "1");
		drain();
		/* Which also drains what other CPUs keep for themselves. */
		put_text("/proc/sys/vm/compact_memory", "1");
		pages = look_at(nid);
		cache = number(path, "nr_file_pages");
		anon = number(path, "nr_anon_pages");
		if (pages.managed && !anon && pages.free + cache == pages.managed) {
			say("node %d: %ld pages are free, %ld of the page cache", nid, pages.free,
			    cache);
			return true;
		}
		nap(500);
	} while (--tries);
	say("node %d: %ld of %ld pages are free, %ld of the page cache, %ld anonymous", nid,
	    pages.free, pages.managed, cache, anon);
	show_left(nid);
	return false;
}

/* The pages of the ordinary nodes for which nobody accounts. */
static long unaccounted(void)
{
	static const char * const kinds[] = {
		"MemFree:", "Active:", "Inactive:", "Unevictable:", "Slab:", "KernelStack:",
		"PageTables:", "SecPageTables:", "VmallocUsed:", "Percpu:", "Zswap:"
	};
	long sum;
	size_t i;

	put_text("/proc/sys/vm/drop_caches", "3");
	drain();
	sum = number("/proc/meminfo", "MemTotal:");
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		sum -= number("/proc/meminfo", kinds[i]);
	return sum * 1024 / (long)PAGE - look_at(-1).waiting -
	       number("/proc/vmstat", "nr_memmap_pages");
}

static long demoted(int nid)
{
	char path[128];

	snprintf(path, sizeof(path), NODE "node%d/vmstat", nid);
	return number(path, "pgdemote_");
}

static void set_up(const char *swap)
{
	char command[256];
	int i, k;

	snprintf(command, sizeof(command), "mkswap '%s' >/dev/null 2>&1", swap);
	if (system(command) || swapon(swap, 0))
		ksft_exit_fail_msg("no swap on %s: %s\n", swap, strerror(errno));
	put_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	mkdir(CGROUP, 0755);
	put_text(CGROUP "/cgroup.subtree_control", "+memory");
	if ((mkdir(CGROUP "/load", 0755) || mkdir(CGROUP "/press", 0755)) && errno != EEXIST)
		ksft_exit_fail_msg("no control groups: %s\n", strerror(errno));
	put_text(CGROUP "/press/memory.high", "20M");
	put_text("/sys/kernel/mm/numa/demotion_enabled", "true");
	put_text(THP "enabled", "madvise");
	put_text(THP "khugepaged/scan_sleep_millisecs", "100");
	put_text(THP "khugepaged/alloc_sleep_millisecs", "100");
	put_text(THP "khugepaged/defrag", "1");
	put_text(KSM "sleep_millisecs", "20");
	put_text(KSM "pages_to_scan", "500");
	put_text(KSM "run", "1");
	put_text(NUMAB "scan_delay_ms", "50");
	put_text(NUMAB "scan_period_min_ms", "50");
	put_text(NUMAB "scan_period_max_ms", "200");
	/* A slow machine may take longer than the usual second to come back to a page. */
	put_text(NUMAB "hot_threshold_ms", "60000");
	put_text("/proc/sys/kernel/numa_balancing", "1");
	for (i = 0; i < DEVICES; i++) {
		for (k = 0; k < KNOBS; k++) {
			if (put_dax(&device[i], knobs[k], "0"))
				ksft_exit_fail_msg("%s has no knob %s\n", device[i].name, knobs[k]);
		}
	}
}

/*
 * What is idle on the private nodes goes to the first of them or to swap every now
 * and then. False if there is no such thing.
 */
static bool start_damon(void)
{
	static const char * const list[][2] = {
		{ "contexts/nr_contexts", "1" },
		{ "contexts/0/operations", "paddr" },
		{ "contexts/0/monitoring_attrs/intervals/sample_us", "20000" },
		{ "contexts/0/monitoring_attrs/intervals/aggr_us", "100000" },
		{ "contexts/0/targets/nr_targets", "1" },
		{ "contexts/0/targets/0/regions/nr_regions", "2" },
		{ "contexts/0/schemes/nr_schemes", "2" },
		{ "contexts/0/schemes/0/action", "migrate_cold" },
		{ "contexts/0/schemes/1/action", "pageout" },
	};
	static const char * const of_both[][2] = {
		{ "access_pattern/sz/max", "1099511627776" },
		{ "access_pattern/nr_accesses/max", "1" },
		{ "access_pattern/age/max", "1000000" },
		{ "apply_interval_us", "2000000" },
	};
	char path[256], file[128], text[32];
	int rc, i, k;

	rc = put_text(DAMON "nr_kdamonds", "1");
	for (i = 0; i < (int)ARRAY_SIZE(list); i++) {
		snprintf(path, sizeof(path), DAMON "0/%s", list[i][0]);
		rc = rc ?: put_text(path, list[i][1]);
	}
	for (k = 0; k < 2; k++) {
		for (i = 0; i < (int)ARRAY_SIZE(of_both); i++) {
			snprintf(path, sizeof(path), DAMON "0/contexts/0/schemes/%d/%s", k,
				 of_both[i][0]);
			rc = rc ?: put_text(path, of_both[i][1]);
		}
	}
	snprintf(text, sizeof(text), "%d", device[0].nid);
	rc = rc ?: put_text(DAMON "0/contexts/0/schemes/0/target_nid", text);
	for (i = 0; i < DEVICES; i++) {
		for (k = 0; k < 2; k++) {
			snprintf(file, sizeof(file), "mapping0/%s", k ? "end" : "start");
			get_dax(&device[i], file, text, sizeof(text));
			/* It wants them without 0x. */
			snprintf(text, sizeof(text), "%llu", strtoull(text, NULL, 0));
			snprintf(path, sizeof(path), DAMON "0/contexts/0/targets/0/regions/%d/%s",
				 i, k ? "end" : "start");
			rc = rc ?: put_text(path, text);
		}
	}
	rc = rc ?: put_text(DAMON "0/state", "on");
	if (rc)
		say("DAMON does not start: %s", strerror(-rc));
	return !rc;
}

/* How many regions a scheme was applied to. */
static long damon_applied(int scheme)
{
	char path[128], text[32] = "";

	put_text(DAMON "0/state", "update_schemes_stats");
	snprintf(path, sizeof(path), DAMON "0/contexts/0/schemes/%d/stats/nr_applied", scheme);
	get_text(path, text, sizeof(text));
	return atol(text);
}

static pid_t start(void (*run)(int), void (*other)(void), int arg)
{
	pid_t pid = fork();

	if (!pid) {
		if (run)
			run(arg);
		else
			other();
		_exit(1);
	}
	if (pid < 0)
		ksft_exit_fail_msg("fork: %s\n", strerror(errno));
	return pid;
}

static void show_stuck(pid_t pid)
{
	char path[64], line[256];
	FILE *f;
	int i;

	for (i = 0; i <= WORKERS; i++) {
		if (sh->worker[i].pid == pid)
			say("process %d is at: %s", pid, sh->worker[i].doing);
	}
	snprintf(path, sizeof(path), "/proc/%d/stack", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		say("%d: %.*s", pid, (int)strcspn(line, "\n"), line);
	if (f)
		fclose(f);
}

static const char * const vmstats[] = {
	"pgdemote_", "pswpout", "pswpin", "numa_hint_faults", "numa_pages_migrated",
	"pgpromote_success", "thp_fault_alloc", "thp_collapse_alloc", "pgmigrate_success"
};

/* What has been done, each of which has to be. */
struct done {
	char text[80];
	long n;
};

#define MOST_DONE	(DEVICES * (KNOBS * 2 + 1) + NR_COUNTS + ARRAY_SIZE(vmstats) + 5)

static int note_done(struct done *list, int nr, long n, const char *text)
{
	snprintf(list[nr].text, sizeof(list[nr].text), "%s", text);
	list[nr].n = n;
	return nr + 1;
}

/* The same things in the same order each time. Returns how many. */
static int what_was_done(struct done *list, bool damon)
{
	char text[80];
	int i, k, nr = 0;

	for (i = 0; i < DEVICES; i++) {
		for (k = 0; k < KNOBS * 2; k++) {
			snprintf(text, sizeof(text), "node %d: %s switched %s", device[i].nid,
				 knobs[k / 2], k & 1 ? "on" : "off");
			nr = note_done(list, nr, sh->flips[i][k / 2][k & 1], text);
		}
		snprintf(text, sizeof(text), "node %d: pages in use at once", device[i].nid);
		nr = note_done(list, nr, sh->used[i], text);
	}
	for (i = 0; i < NR_COUNTS; i++) {
		if (!counts[i].rare)
			nr = note_done(list, nr, sh->count[i], counts[i].text);
	}
	nr = note_done(list, nr, sh->merged, "pages merged by KSM at once");
	for (i = 0; i < (int)ARRAY_SIZE(vmstats); i++)
		nr = note_done(list, nr, number("/proc/vmstat", vmstats[i]), vmstats[i]);
	nr = note_done(list, nr, demoted(0) + demoted(1), "pages demoted from ordinary nodes");
	nr = note_done(list, nr, demoted(device[0].nid), "pages demoted from the first device");
	nr = note_done(list, nr, damon ? damon_applied(0) : 0, "migrations by DAMON");
	return note_done(list, nr, damon ? damon_applied(1) : 0, "pageouts by DAMON");
}

static bool all_done(const struct done *before, bool damon)
{
	static struct done now[MOST_DONE];
	int i, nr = what_was_done(now, damon);

	for (i = 0; i < nr && now[i].n > before[i].n; i++)
		;
	return i == nr;
}

int main(int argc, char **argv)
{
	static struct done before[MOST_DONE], after[MOST_DONE];
	long kills, total, missing, seconds = 120, end;
	const char *swap = "/dev/vda";
	pid_t pid[WORKERS + DEVICES + 4];
	int opt, i, k, nr = 0, left, status, died = 0;
	time_t began, now, shown = 0;
	char text[64];
	bool good, damon, partly = false;
	pthread_mutexattr_t attr;

	seed = time(NULL) % 1000000;
	while ((opt = getopt(argc, argv, "t:s:w:pv")) != -1) {
		switch (opt) {
		case 't':
			seconds = atol(optarg);
			break;
		case 's':
			seed = strtoul(optarg, NULL, 0);
			break;
		case 'w':
			swap = optarg;
			break;
		case 'p':
			partly = true;
			break;
		case 'v':
			verbose = true;
			break;
		default:
			fprintf(stderr,
				"usage: flips [-t SECONDS] [-s SEED] [-w SWAP] [-p] [-v]\n");
			return 2;
		}
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	ksft_print_header();
	if (find_devices() != DEVICES)
		ksft_exit_fail_msg("not just two devices are bound to anondax\n");
	say("seed %lu, %ld seconds; %s is node %d, %s is node %d", seed, seconds, device[0].name,
	    device[0].nid, device[1].name, device[1].nid);
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sh == MAP_FAILED)
		ksft_exit_fail_msg("mmap: %s\n", strerror(errno));
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&sh->unplug, &attr);
	seed_rng(0);
	for (i = 0; i < (int)WORDS; i++)
		salt[i] = ((uint64_t)rnd(1U << 31) << 32 | rnd(1U << 31)) ?: 1;
	set_up(swap);

	missing = -unaccounted();
	total = number("/proc/meminfo", "MemTotal:");
	kills = number("/proc/vmstat", "oom_kill");
	damon = start_damon();
	what_was_done(before, damon);
	/* A machine that has little time for us gets more of it. */
	end = seconds * 5;
	began = time(NULL);
	for (i = 0; i < WORKERS; i++) {
		pid[nr] = start(work, NULL, i);
		sh->worker[i].pid = pid[nr++];
	}
	for (i = 0; i < DEVICES; i++)
		pid[nr++] = start(turn_knobs, NULL, i);
	pid[nr++] = start(NULL, plug_and_unplug, 0);
	pid[nr++] = start(NULL, interfere, 0);
	pid[nr++] = start(NULL, change_settings, 0);
	pid[nr] = start(NULL, reread, 0);
	sh->worker[WORKERS].pid = pid[nr++];

	left = nr;
	while (left) {
		pid_t ended = waitpid(-1, &status, WNOHANG);

		now = time(NULL) - began;
		if (ended > 0) {
			for (i = 0; i < nr && pid[i] != ended; i++)
				;
			if (i == nr)
				continue;
			pid[i] = 0;
			left--;
			if (status || !stopped()) {
				say("process %d ended with %#x after %ld s", ended, status,
				    (long)now);
				died++;
			}
			continue;
		}
		if (!stopped() &&
		    (now >= end || died ||
		     (now >= seconds && (partly || all_done(before, damon))))) {
			end = now;
			__atomic_store_n(&sh->stop, 1, __ATOMIC_SEQ_CST);
			put_text(CGROUP "/press/memory.high", "max");
		}
		/* An unplug may take its time, and so may all that has to be checked. */
		if (now >= end + 300)
			break;
		for (i = 0; i < DEVICES; i++) {
			struct pages p = look_at(device[i].nid);

			if (p.managed - p.free > sh->used[i])
				sh->used[i] = p.managed - p.free;
		}
		if (now / 10 != shown) {
			unsigned long flips = 0;

			shown = now / 10;
			for (i = 0; i < DEVICES * KNOBS * 2; i++)
				flips += ((unsigned long *)sh->flips)[i];
			say("%ld s: %lu flips, %lu pages written, %lu checked, %lu wrong; %lu "
			    "times unplugged, %lu busy; %d processes", (long)now, flips,
			    sh->count[N_WRITTEN], sh->count[N_CHECKED], sh->count[N_WRONG],
			    sh->count[N_UNPLUGGED], sh->count[N_UNPLUG_BUSY], left);
		}
		nap(500);
	}
	for (i = 0; i < nr; i++) {
		if (pid[i]) {
			show_stuck(pid[i]);
			kill(pid[i], SIGKILL);
		}
	}
	ksft_test_result(!died && !left, "all processes came to their end\n");
	ksft_test_result(number("/proc/vmstat", "oom_kill") == kills, "none was killed\n");
	ksft_test_result(!sh->count[N_WRONG],
			 "%lu pages and %lu outcomes as they must be, %lu wrong\n",
			 sh->count[N_CHECKED], sh->count[N_JUDGED], sh->count[N_WRONG]);

	k = what_was_done(after, damon);
	for (i = 0; i < k; i++) {
		bool happened = after[i].n > before[i].n;

		if (!happened && partly)
			ksft_test_result_skip("%s: not in the time that there was (-p)\n",
					      after[i].text);
		else
			ksft_test_result(happened, "%ld %s\n", after[i].n - before[i].n,
					 after[i].text);
	}
	for (i = 0; i < NR_COUNTS; i++) {
		if (counts[i].rare)
			say("%lu %s", sh->count[i], counts[i].text);
	}

	/* What is left? */
	put_text(DAMON "0/state", "off");
	put_text(KSM "run", "2");
	put_text(KSM "run", "0");
	put_text("/proc/sys/kernel/numa_balancing", "0");
	good = !swapoff(swap);
	ksft_test_result(good, "swap can be turned off\n");
	get_dax(&device[1], "hotplug", text, sizeof(text));
	if (!strcmp(text, "unplugged"))
		put_dax(&device[1], "hotplug", "online");
	for (i = 0; i < DEVICES; i++) {
		put_dax(&device[i], "mbind", "1");
		put_dax(&device[i], "demotion", "0");
	}
	for (i = 0; i < DEVICES; i++) {
		good = all_free(device[i].nid);
		ksft_test_result(good, "node %d: no page is left behind\n", device[i].nid);
	}
	for (i = 0; i < DEVICES; i++) {
		status = put_dax(&device[i], "hotplug", "unplugged");
		get_dax(&device[i], "hotplug", text, sizeof(text));
		good = !status && !strcmp(text, "unplugged") &&
		       !node_has("has_private_memory", device[i].nid) &&
		       !node_has("has_memory", device[i].nid) && !look_at(device[i].nid).managed;
		ksft_test_result(good, "node %d can be unplugged\n", device[i].nid);
	}
	ksft_test_result(number("/proc/meminfo", "MemTotal:") == total, "MemTotal is as it was\n");
	missing += unaccounted();
	/* Caches of the allocators, and what others have got meanwhile. */
	ksft_test_result(missing < 1024, "%ld more pages of the ordinary nodes than before have "
			 "no account\n", missing);
	rmdir(CGROUP "/press");
	rmdir(CGROUP "/load");
	rmdir(CGROUP);

	ksft_set_plan(ksft_test_num());
	ksft_finished();
}
