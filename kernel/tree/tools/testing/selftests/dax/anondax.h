/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of anondax share: the device, its node, and where memory is. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "kselftest_harness.h"
#include <dirent.h>
#include <linux/elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/io_uring.h>
#include <linux/mempolicy.h>
#include <linux/kernel-page-flags.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../../../../mm/gup_test.h"

#define DAX		"/sys/bus/dax/"
#define NODE		"/sys/devices/system/node/"
#define THP		"/sys/kernel/mm/transparent_hugepage/"
#define KSM		"/sys/kernel/mm/ksm/"
#define CGROUP		"/sys/fs/cgroup/"
#define GROUP		"anondax-test"
#define GUP_TEST	"/sys/kernel/debug/gup_test"
#define TIERS		"/sys/devices/virtual/memory_tiering/"
#define WEIGHTED	"/sys/kernel/mm/mempolicy/weighted_interleave/"

#define KB		1024UL
#define MB		(1024 * KB)
#define PMD		(2 * MB)
/* Kernels with all their debugging, in emulated machines, take their time. */
#define LONG		300

/* For headers older than the kernel. */
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif
#ifndef UFFDIO_MOVE
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
#ifndef MPOL_WEIGHTED_INTERLEAVE
#define MPOL_WEIGHTED_INTERLEAVE	6
#endif
#ifndef __NR_set_mempolicy_home_node
#define __NR_set_mempolicy_home_node	450
#endif

struct device {
	char name[NAME_MAX + 1];
	char path[NAME_MAX + 6];	/* /dev/daxX.Y */
	char hotplug[PATH_MAX];		/* its file in sysfs */
	char state[32];			/* as we found it */
	int nid;
};

/* The device under test, found before the first test. */
static struct device dax;

static size_t page;

/*
 * Small files.
 */

/* 0 or -errno; the text without the newline at its end. */
static inline int get_text(const char *path, char *buf, size_t size)
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

static inline int put_text(const char *path, const char *text)
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

/* The number that follows @key at the start of a line or behind "Node N ". */
static inline long get_number(const char *path, const char *key)
{
	long value = -1;
	char line[512];
	FILE *f;

	f = fopen(path, "re");
	if (!f)
		return -1;
	while (value < 0 && fgets(line, sizeof(line), f)) {
		char *p = line;
		int skip = 0;

		if (sscanf(p, "Node %*d %n", &skip) >= 0 && skip)
			p += skip;
		if (!strncmp(p, key, strlen(key)) && strchr(" \t:=", p[strlen(key)]))
			value = strtol(p + strlen(key) + strspn(p + strlen(key), " \t:="), NULL, 0);
	}
	fclose(f);
	return value;
}

/* Is @nid in a list like "0-1,3"? */
static inline bool in_list(const char *list, int nid)
{
	while (*list >= '0' && *list <= '9') {
		char *end;
		long first = strtol(list, &end, 10), last = first;

		if (*end == '-')
			last = strtol(end + 1, &end, 10);
		if (nid >= first && nid <= last)
			return true;
		list = *end == ',' ? end + 1 : end;
	}
	return false;
}

static inline bool node_has(const char *file, int nid)
{
	char path[PATH_MAX], list[256];

	snprintf(path, sizeof(path), NODE "%s", file);
	return !get_text(path, list, sizeof(list)) && in_list(list, nid);
}

/* A file whose text the test changes and the teardown restores. */
struct changed {
	char path[128];
	char text[128];
};

struct changes {
	struct changed file[8];
	int nr;
};

/* 0 or -errno. */
static inline int change(struct changes *c, const char *path, const char *text)
{
	struct changed *f = &c->file[c->nr];
	char old[128], *on;
	int rc;

	rc = get_text(path, old, sizeof(old));
	if (rc)
		return rc;
	/* Files that show "a [b] c" take "b". */
	on = strchr(old, '[');
	snprintf(f->path, sizeof(f->path), "%s", path);
	snprintf(f->text, sizeof(f->text), "%.*s",
		 on ? (int)strcspn(on + 1, "]") : 127, on ? on + 1 : old);
	c->nr++;
	return put_text(path, text);
}

static inline void restore(struct changes *c)
{
	while (c->nr > 0) {
		c->nr--;
		put_text(c->file[c->nr].path, c->file[c->nr].text);
	}
}

/*
 * The node.
 */

static inline bool is_state(const char *state)
{
	char now[32];

	return !get_text(dax.hotplug, now, sizeof(now)) && !strcmp(now, state);
}

/* To any state from any other. 0 or -errno. */
static inline int set_state(const char *state)
{
	int rc;

	if (is_state(state))
		return 0;
	if (strcmp(state, "unplugged") && !is_state("unplugged")) {
		rc = put_text(dax.hotplug, "unplugged");
		if (rc)
			return rc;
	}
	return put_text(dax.hotplug, state);
}

/* One number of the zones of the node, or of all @others, added up. */
static inline long sum_zoneinfo(bool others, const char *zone, const char *key)
{
	char line[256], name[32];
	bool ours = false;
	long sum = 0, n;
	int nid;
	FILE *f;

	f = fopen("/proc/zoneinfo", "re");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		char *p = line + strspn(line, " ");

		if (sscanf(line, "Node %d, zone %31s", &nid, name) == 2)
			ours = (nid == dax.nid) != others && (!zone || !strcmp(zone, name));
		else if (ours && !strncmp(p, key, strlen(key)) &&
			 sscanf(p + strlen(key), "%ld", &n) == 1)
			sum += n;
	}
	fclose(f);
	return sum;
}

/*
 * One number of the node's zones, or of the one named @zone, added up. Those of
 * the per-CPU lists are the lines "count:".
 */
static inline long read_zoneinfo(const char *zone, const char *key)
{
	return sum_zoneinfo(false, zone, key);
}

/* Free pages on the lists of the buddy allocator. */
static inline long read_buddyinfo(void)
{
	char line[512], name[32];
	long sum = 0;
	int nid, n;
	FILE *f;

	f = fopen("/proc/buddyinfo", "re");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		int order;
		char *p;

		if (sscanf(line, "Node %d, zone %31s%n", &nid, name, &n) != 2 || nid != dax.nid)
			continue;
		for (p = line + n, order = 0; strspn(p, " ") < strcspn(p, "\n"); order++)
			sum += strtol(p, &p, 10) << order;
	}
	fclose(f);
	return sum;
}

/*
 * Free pages, on whatever list they are. Not by nr_free_pages, which lags behind
 * on each CPU and is brought up to date before per-CPU lists are trimmed.
 */
static inline long free_pages(void)
{
	long before, after, count;
	int tries = 100;

	do {
		before = read_buddyinfo();
		count = read_zoneinfo(NULL, "count:");
		after = read_buddyinfo();
	} while (before != after && --tries);
	return after + count;
}

/*
 * Folios wait on per-CPU lists of the LRU for a while after their last user has
 * gone; move_pages() drains these whatever it has to move.
 */
static inline void settle(void)
{
	int status, nid = 0;
	char buf[16];
	void *p;

	p = mmap(NULL, page, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (p != MAP_FAILED) {
		syscall(__NR_move_pages, 0, 1UL, &p, &nid, &status, MPOL_MF_MOVE);
		munmap(p, page);
	}
	/* For the counters that others show. */
	get_text("/proc/sys/vm/stat_refresh", buf, sizeof(buf));
}

static inline long settled_free_pages(void)
{
	settle();
	return free_pages();
}

/*
 * What the system says that it has and what it has given away, in KiB: so much
 * more of the one is so much less of the other. Nothing of the node is in it.
 */
struct balance {
	long free, available, dirty;
	long used;
};

/* What other processes do meanwhile, and what nobody counts. */
#define NOISE		2048

static inline void read_balance(struct balance *b)
{
	static const char * const users[] = {
		"Slab", "KernelStack", "PageTables", "SecPageTables", "VmallocUsed", "Percpu",
	};
	static const char * const lru[] = { "Active", "Inactive", "Unevictable" };
	char path[PATH_MAX];
	unsigned int i;

	settle();
	b->used = 0;
	for (i = 0; i < ARRAY_SIZE(users); i++)
		b->used += get_number("/proc/meminfo", users[i]);
	snprintf(path, sizeof(path), NODE "node%d/meminfo", dax.nid);
	for (i = 0; i < ARRAY_SIZE(lru); i++) {
		b->used += get_number("/proc/meminfo", lru[i]);
		if (node_has("online", dax.nid))
			b->used -= get_number(path, lru[i]);
	}
	/* The memory map, page_owner's records with it, and per-CPU lists. */
	b->used += (get_number("/proc/vmstat", "nr_memmap_pages") +
		    sum_zoneinfo(true, NULL, "count:")) * (long)(page / KB);
	b->free = get_number("/proc/meminfo", "MemFree");
	b->available = get_number("/proc/meminfo", "MemAvailable");
	b->dirty = get_number("/proc/vmstat", "nr_dirty_threshold") * (long)(page / KB);
}

/* How much there is that was not there before, or has gone without a trace. */
static inline long unbalanced(struct balance *was, struct balance *is)
{
	return labs(is->free + is->used - was->free - was->used);
}

/*
 * Memory and where it is.
 */

static inline void *map_dax(size_t size)
{
	void *p;
	int fd;

	fd = open(dax.path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return MAP_FAILED;
	/*
	 * The memory is none of the system's RAM, which overcommit goes by: a
	 * mapping as large as the device may be too much for it.
	 */
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE,
		 fd, 0);
	close(fd);
	return p;
}

/* A mapping with room for aligned huge pages: ->get_unmapped_area aligns it. */
static inline void *map_dax_huge(size_t size)
{
	void *p = map_dax(size);

	if (p != MAP_FAILED && madvise(p, size, MADV_HUGEPAGE))
		return MAP_FAILED;
	return p;
}

static inline void *map_anon(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* The node of a page, or -errno if it has none. */
static inline int node_of(void *p)
{
	int status = -EINVAL;

	if (syscall(__NR_move_pages, 0, 1UL, &p, NULL, &status, 0))
		return -errno;
	return status;
}

/* How many pages of the range are on the node? */
static inline long count_on(void *start, size_t size, int nid)
{
	void *pages[256];
	int status[256];
	size_t off = 0;
	long sum = 0;

	while (off < size) {
		unsigned long n;

		for (n = 0; n < 256 && off < size; n++, off += page)
			pages[n] = (char *)start + off;
		if (syscall(__NR_move_pages, 0, n, pages, NULL, status, 0))
			return -errno;
		while (n--)
			sum += status[n] == nid;
	}
	return sum;
}

static inline bool all_on_dax(void *start, size_t size)
{
	return count_on(start, size, dax.nid) == (long)(size / page);
}

/* A different word on each page of each round. */
static inline void fill(void *start, size_t size, unsigned long round)
{
	size_t off;

	for (off = 0; off < size; off += page)
		*(unsigned long *)((char *)start + off) = off * 2654435761UL + round;
}

static inline bool filled(void *start, size_t size, unsigned long round)
{
	size_t off;

	for (off = 0; off < size; off += page) {
		if (*(unsigned long *)((char *)start + off) != off * 2654435761UL + round)
			return false;
	}
	return true;
}

/* A number of smaps, in KiB, added up over the mappings in the range. */
static inline long read_smaps(void *start, size_t size, const char *key)
{
	unsigned long from, to, first = (unsigned long)start;
	bool ours = false;
	char line[512];
	long sum = 0;
	FILE *f;

	f = fopen("/proc/self/smaps", "re");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			ours = from >= first && from < first + size;
		else if (ours && !strncmp(line, key, strlen(key)) && line[strlen(key)] == ':')
			sum += strtol(line + strlen(key) + 1, NULL, 10);
	}
	fclose(f);
	return sum;
}

/* The line of numa_maps for the mapping that starts there. */
static inline bool read_numa_maps(void *start, char *line, size_t size)
{
	bool found = false;
	FILE *f;

	f = fopen("/proc/self/numa_maps", "re");
	if (!f)
		return false;
	while (!found && fgets(line, size, f))
		found = strtoul(line, NULL, 16) == (unsigned long)start;
	fclose(f);
	return found;
}

static sigjmp_buf bus;

static inline void on_sigbus(int sig)
{
	siglongjmp(bus, sig);
}

static inline void catch_sigbus(void)
{
	struct sigaction sa = {
		.sa_handler = on_sigbus,
		/* So that there is no signal mask to restore. */
		.sa_flags = SA_NODEFER,
	};

	sigaction(SIGBUS, &sa, NULL);
}

/* The error of a system call that returned it, 0 if it went well. */
static inline int failed(long ret)
{
	return ret ? -errno : 0;
}

/* Write to the pages one by one: how many went well before SIGBUS? */
static inline long touch(void *start, size_t size)
{
	/* Not in a register, where the jump would lose it. */
	static size_t done;
	unsigned long *p;

	__atomic_store_n(&done, 0, __ATOMIC_SEQ_CST);
	if (sigsetjmp(bus, 0))
		return __atomic_load_n(&done, __ATOMIC_SEQ_CST) / page;
	while (done < size) {
		p = (unsigned long *)((char *)start + done);
		__atomic_store_n(p, done * 2654435761UL, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&done, page, __ATOMIC_SEQ_CST);
	}
	return done / page;
}

static inline bool read_ok(void *p)
{
	if (sigsetjmp(bus, 0))
		return false;
	__atomic_load_n((char *)p, __ATOMIC_SEQ_CST);
	return true;
}

/* The exit status of a child, or 128 and the signal. */
static inline int wait_child(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline int swap_on(void)
{
	const char *disk = getenv("ANONDAX_TEST_SWAP");
	char command[PATH_MAX + 32];

	if (!disk)
		return -ENODEV;
	snprintf(command, sizeof(command), "mkswap '%s' >/dev/null 2>&1", disk);
	if (system(command))
		return -EIO;
	return swapon(disk, 0) ? -errno : 0;
}

static inline void swap_off(void)
{
	if (getenv("ANONDAX_TEST_SWAP"))
		swapoff(getenv("ANONDAX_TEST_SWAP"));
}

/* 0 or -errno. */
static inline int bind_driver(const char *driver, const char *file)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DAX "drivers/%s/%s", driver, file);
	return put_text(path, dax.name);
}

/* A control group of our own with the calling process in it. 0 or -errno. */
static inline int enter_cgroup(void)
{
	char pid[16];

	put_text(CGROUP "cgroup.subtree_control", "+memory +cpuset");
	if (mkdir(CGROUP GROUP, 0755) && errno != EEXIST)
		return -errno;
	/* A test that was killed may have left limits. */
	put_text(CGROUP GROUP "/memory.high", "max");
	put_text(CGROUP GROUP "/memory.max", "max");
	snprintf(pid, sizeof(pid), "%d", getpid());
	return put_text(CGROUP GROUP "/cgroup.procs", pid);
}

/* How many pages are in memory, be it in the swap cache? */
static inline long count_resident(void *start, size_t size)
{
	unsigned char resident[512];
	size_t off = 0;
	long sum = 0;

	while (off < size) {
		size_t n = size - off < 512 * page ? (size - off) / page : 512;

		if (mincore((char *)start + off, n * page, resident))
			return -errno;
		off += n * page;
		while (n--)
			sum += resident[n] & 1;
	}
	return sum;
}

/*
 * Swap a range out, to the disk. MADV_PAGEOUT leaves the pages that it writes in
 * the swap cache, from where a fault would get them as they are, wherever that
 * is. Reclaim takes them from there, if they belong to a group that it can be
 * told to work on: the caller is in one, since before it filled the range.
 */
static inline bool swap_out(void *start, size_t size)
{
	int tries = 200;

	if (madvise(start, size, MADV_PAGEOUT))
		return false;
	while (count_resident(start, size) && --tries) {
		put_text(CGROUP GROUP "/memory.reclaim", "16M");
		usleep(20000);
	}
	return !count_resident(start, size) &&
	       read_smaps(start, size, "Swap") == (long)(size / KB);
}

/* Let KSM run, without a rest. 0 or -errno. */
static inline int ksm_on(struct changes *c)
{
	int rc = change(c, KSM "sleep_millisecs", "5");

	if (!rc)
		rc = change(c, KSM "pages_to_scan", "20000");
	return rc ?: change(c, KSM "run", "1");
}

/* Wait for KSM to look at all it has, so many times. */
static inline bool ksm_passes(int passes)
{
	char text[32];
	long first = -1;
	int tries;

	for (tries = 0; tries < 1000; tries++) {
		if (get_text(KSM "full_scans", text, sizeof(text)))
			return false;
		if (first < 0)
			first = atol(text);
		if (atol(text) >= first + passes)
			return true;
		usleep(20000);
	}
	return false;
}

/* The page frame of a page in memory, 0 if there is none. */
static inline uint64_t pfn_of(void *p)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	if (fd < 0)
		return 0;
	if (pread(fd, &entry, sizeof(entry), (unsigned long)p / page * 8) != sizeof(entry))
		entry = 0;
	close(fd);
	return entry >> 63 ? entry & ((1ULL << 55) - 1) : 0;
}

/*
 * Knobs and policies.
 */

static const char * const knobs[] = {
	"reclaim", "demotion", "mbind", "madvise", "numa_balance", "ltpin",
};

static inline void knob_path(const char *name, char *buf, size_t size)
{
	snprintf(buf, size, DAX "devices/%s/%s", dax.name, name);
}

static inline int set_knob(const char *name, const char *text)
{
	char path[PATH_MAX];

	knob_path(name, path, sizeof(path));
	return put_text(path, text);
}

/* The value, or -errno. */
static inline int get_knob(const char *name)
{
	char path[PATH_MAX], text[32];
	int rc;

	knob_path(name, path, sizeof(path));
	rc = get_text(path, text, sizeof(text));
	return rc ? rc : atoi(text);
}

static inline void set_all_knobs(const char *text)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(knobs); i++)
		set_knob(knobs[i], text);
}

static inline long vm_count(const char *key)
{
	char buf[16];

	get_text("/proc/sys/vm/stat_refresh", buf, sizeof(buf));
	return get_number("/proc/vmstat", key);
}

static inline int sys_mbind(void *p, size_t size, int mode, unsigned long nodes,
			    int flags)
{
	return failed(syscall(__NR_mbind, p, size, mode, &nodes, sizeof(nodes) * 8, flags));
}

static inline int sys_set_mempolicy(int mode, unsigned long nodes)
{
	return failed(syscall(__NR_set_mempolicy, mode, nodes ? &nodes : NULL,
			      sizeof(nodes) * 8));
}

/* Move a range: 0, -errno, or the status of its first page that did not get there. */
static inline int move_to(void *start, size_t size, int nid)
{
	int nodes[256], status[256];
	void *pages[256];
	size_t off = 0;

	while (off < size) {
		unsigned long n, i;

		for (n = 0; n < 256 && off < size; n++, off += page) {
			pages[n] = (char *)start + off;
			nodes[n] = nid;
			status[n] = -EINVAL;
		}
		if (syscall(__NR_move_pages, 0, n, pages, nodes, status, MPOL_MF_MOVE) < 0)
			return -errno;
		for (i = 0; i < n; i++) {
			if (status[i] != nid)
				return status[i];
		}
	}
	return 0;
}

/*
 * Finding the device.
 */

static inline void put_back(void)
{
	set_state(dax.state);
}

static inline bool look_up(struct device *d)
{
	char path[PATH_MAX], nid[32];

	snprintf(d->path, sizeof(d->path), "/dev/%.*s", NAME_MAX, d->name);
	snprintf(d->hotplug, sizeof(d->hotplug), DAX "devices/%.*s/hotplug", NAME_MAX,
		 d->name);
	snprintf(path, sizeof(path), DAX "devices/%.*s/target_node", NAME_MAX, d->name);
	if (get_text(path, nid, sizeof(nid)) ||
	    get_text(d->hotplug, d->state, sizeof(d->state)))
		return false;
	d->nid = atoi(nid);
	return true;
}

/* Devices that anondax has, or the one that ANONDAX_TEST_DEV names. How many? */
static inline int find_devices(struct device *list, int most)
{
	const char *want = getenv("ANONDAX_TEST_DEV");
	char path[PATH_MAX], driver[PATH_MAX];
	struct dirent *d;
	int nr = 0;
	DIR *dir;

	dir = opendir(DAX "devices");
	while (dir && nr < most && (d = readdir(dir))) {
		ssize_t n;

		snprintf(path, sizeof(path), DAX "devices/%s/driver", d->d_name);
		n = readlink(path, driver, sizeof(driver) - 1);
		if (n < 0 || (want && strcmp(want, d->d_name)))
			continue;
		driver[n] = '\0';
		if (strcmp(basename(driver), "anondax"))
			continue;
		snprintf(list[nr].name, sizeof(list[nr].name), "%s", d->d_name);
		if (look_up(&list[nr]))
			nr++;
	}
	if (dir)
		closedir(dir);
	return nr;
}

static inline bool find_dax(void)
{
	return find_devices(&dax, 1) == 1;
}
