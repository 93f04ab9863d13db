/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs of tests/ share: small files, nodes, and pages that are free. */
#ifndef TESTS_LAB_H
#define TESTS_LAB_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NODE		"/sys/devices/system/node/"
#define DAX		"/sys/bus/dax/"
#define TIERS		"/sys/devices/virtual/memory_tiering/"

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(arr)	(sizeof(arr) / sizeof((arr)[0]))
#endif

/* For headers older than the kernel. */
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE		25
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED	24
#endif
#ifndef MPOL_WEIGHTED_INTERLEAVE
#define MPOL_WEIGHTED_INTERLEAVE	6
#endif
#ifndef __NR_set_mempolicy_home_node
#define __NR_set_mempolicy_home_node	450
#endif

/*
 * Small files.
 */

/* 0 or -errno; the first line without its end. */
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

/* 0 or -errno. */
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

/* The sum of the numbers in a file whose key starts so, "key: value" or "key value". */
static inline long number(const char *path, const char *prefix)
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

/*
 * Nodes.
 */

/* Is @nid in NODE's file of that name, which says "0-1,3"? */
static inline bool node_has(const char *file, int nid)
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

/* The node of a page, or -errno if it has none. */
static inline int node_of(void *p)
{
	int status = -EINVAL;

	if (syscall(__NR_move_pages, 0, 1UL, &p, NULL, &status, 0))
		return -errno;
	return status;
}

struct pages {
	long managed;
	long free;	/* on whatever list; not nr_free_pages, which lags behind */
};

static inline struct pages look_at(int nid)
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
	now = -1;
	f = fopen("/proc/zoneinfo", "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Node %d, zone %31s", &now, key) == 2 ||
		    sscanf(line, " %31s %ld", key, &n) != 2)
			continue;
		if (now != nid)
			continue;
		if (!strcmp(key, "count:"))
			pages.free += n;
		if (!strcmp(key, "managed"))
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
static inline void drain(void)
{
	size_t page = sysconf(_SC_PAGESIZE);
	int status, to = 0;
	char text[16];
	void *p;

	p = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE,
		 -1, 0);
	if (p != MAP_FAILED) {
		syscall(__NR_move_pages, 0, 1UL, &p, &to, &status, MPOL_MF_MOVE);
		munmap(p, page);
	}
	/* For the counters that others show. */
	get_text("/proc/sys/vm/stat_refresh", text, sizeof(text));
}

/* Free, on per-CPU lists of the ordinary nodes. */
static inline long waiting_pages(void)
{
	char line[256], key[32];
	bool ordinary = false;
	long sum = 0, n;
	int nid;
	FILE *f;

	f = fopen("/proc/zoneinfo", "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Node %d, zone", &nid) == 1)
			ordinary = node_has("has_memory", nid);
		else if (ordinary && sscanf(line, " %31s %ld", key, &n) == 2 &&
			 !strcmp(key, "count:"))
			sum += n;
	}
	if (f)
		fclose(f);
	return sum;
}

/*
 * The pages of the ordinary nodes for which nobody accounts: those that somebody has
 * got straight from the page allocator, and those that somebody lost.
 */
static inline long unaccounted(void)
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
	return sum * 1024 / sysconf(_SC_PAGESIZE) - waiting_pages() -
	       number("/proc/vmstat", "nr_memmap_pages");
}

#endif
