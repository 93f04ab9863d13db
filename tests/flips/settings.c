// SPDX-License-Identifier: GPL-2.0
/* What is set before, what is changed meanwhile, and what is restored. */
#include "flips.h"

#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/swap.h>

#define NUMAB		"/sys/kernel/debug/sched/numa_balancing/"

/* What was there before: files and their text. */
static struct {
	char path[128];
	char text[128];
} before[64];
static int nr_before;

/* To be restored, if it can be read. What shows "a [b] c" takes "b". */
static void remember(const char *path)
{
	char text[128], *on;
	int i;

	for (i = 0; i < nr_before; i++) {
		if (!strcmp(before[i].path, path))
			return;
	}
	if (nr_before == ARRAY_SIZE(before) || get_text(path, text, sizeof(text)))
		return;
	on = strchr(text, '[');
	snprintf(before[nr_before].path, sizeof(before->path), "%s", path);
	snprintf(before[nr_before].text, sizeof(before->text), "%.*s",
		 on ? (int)strcspn(on + 1, "]") : 127, on ? on + 1 : text);
	nr_before++;
}

/* 0 or -errno. */
int set(const char *path, const char *text)
{
	remember(path);
	return put_text(path, text);
}

/* The last first. */
void restore_settings(void)
{
	while (nr_before > 0) {
		nr_before--;
		put_text(before[nr_before].path, before[nr_before].text);
	}
	rmdir(CGROUP "/press");
	rmdir(CGROUP "/load");
	rmdir(CGROUP);
}

/* What concerns all nodes, and is changed meanwhile. */
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

void set_up(const char *swap)
{
	char command[256];
	int i, k;

	snprintf(command, sizeof(command), "mkswap '%s' >/dev/null 2>&1", swap);
	if (system(command) || swapon(swap, 0))
		give_up("no swap on %s: %s\n", swap, strerror(errno));
	put_text("/sys/fs/cgroup/cgroup.subtree_control", "+memory +cpuset");
	mkdir(CGROUP, 0755);
	put_text(CGROUP "/cgroup.subtree_control", "+memory");
	if ((mkdir(CGROUP "/load", 0755) || mkdir(CGROUP "/press", 0755)) && errno != EEXIST)
		give_up("no control groups: %s\n", strerror(errno));
	put_text(CGROUP "/press/memory.high", "20M");
	set("/sys/kernel/mm/numa/demotion_enabled", "true");
	set(THP "enabled", "madvise");
	set(THP "khugepaged/scan_sleep_millisecs", "100");
	set(THP "khugepaged/alloc_sleep_millisecs", "100");
	set(THP "khugepaged/defrag", "1");
	set(KSM "sleep_millisecs", "20");
	set(KSM "pages_to_scan", "500");
	set(KSM "run", "1");
	set(NUMAB "scan_delay_ms", "50");
	set(NUMAB "scan_period_min_ms", "50");
	set(NUMAB "scan_period_max_ms", "200");
	/* A slow machine may take longer than the usual second to come back to a page. */
	set(NUMAB "hot_threshold_ms", "60000");
	set("/proc/sys/kernel/numa_balancing", "1");
	for (i = 0; i < (int)ARRAY_SIZE(list); i++)
		remember(list[i].path);
	for (i = 0; i < DEVICES; i++) {
		for (k = 0; k < KNOBS; k++) {
			if (put_dax(&device[i], knobs[k], "0"))
				give_up("%s has no knob %s\n", device[i].name, knobs[k]);
		}
	}
}

/* Whoever changes it. */
void change_settings(void)
{
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
