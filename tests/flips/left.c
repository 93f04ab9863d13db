// SPDX-License-Identifier: GPL-2.0
/* Is anything left behind? */
#include "flips.h"

#include <dirent.h>

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
	unsigned long from = private_nodes(), to = 3;
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
bool all_free(int nid)
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
