// SPDX-License-Identifier: GPL-2.0
/* The knob numa_balance: who uses memory of the node gets it where it runs. */

#include "anondax_knob.h"
#include <time.h>

#define NUMA_BALANCING	"/proc/sys/kernel/numa_balancing"

static void scan_often(struct changes *c)
{
	change(c, "/sys/kernel/debug/sched/numa_balancing/scan_delay_ms", "50");
	change(c, "/sys/kernel/debug/sched/numa_balancing/scan_period_min_ms", "50");
	change(c, "/sys/kernel/debug/sched/numa_balancing/scan_period_max_ms", "100");
	/* No page comes to a node that is at its high watermark, be it with old page cache. */
	put_text("/proc/sys/vm/drop_caches", "1");
}

/* Run on the first CPU of the first ordinary node that has one; that node. */
static int stay_put(void)
{
	char path[PATH_MAX], list[256];
	cpu_set_t set;
	int nid;

	for (nid = 0; nid < 64; nid++) {
		if (nid == dax.nid || !node_has("has_memory", nid) || !node_has("has_cpu", nid))
			continue;
		snprintf(path, sizeof(path), NODE "node%d/cpulist", nid);
		if (get_text(path, list, sizeof(list)))
			continue;
		CPU_ZERO(&set);
		CPU_SET(atoi(list), &set);
		if (!sched_setaffinity(0, sizeof(set), &set))
			return nid;
	}
	return -1;
}

/* Another ordinary node, or -1. */
static int another_node(int here)
{
	int nid;

	for (nid = 0; nid < 64; nid++)
		if (nid != here && nid != dax.nid && node_has("has_memory", nid))
			return nid;
	return -1;
}

/* For 50 ms: it is by the time that a task has run that it is scanned. */
static void spin(void)
{
	clock_t end = clock() + CLOCKS_PER_SEC / 20;

	while (clock() < end)
		;
}

TEST_F_TIMEOUT(knob, numa_balance, LONG)
{
	size_t size = 4 * MB;
	long before, i, marked;
	int here, away;
	char *p, *q;

	here = stay_put();
	away = another_node(here);
	if (here < 0 || away < 0)
		SKIP(return, "there are no two ordinary nodes");
	scan_often(&self->changes);
	p = map_anon(size);
	q = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_NE(q, MAP_FAILED);
	madvise(p, size, MADV_NOHUGEPAGE);
	madvise(q, size, MADV_NOHUGEPAGE);
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	fill(p, size, 22);
	fill(q, size, 22);
	ASSERT_EQ(move_to(p, size, dax.nid), 0);
	ASSERT_EQ(move_to(q, size, away), 0);
	/* One knob has nothing to do with the other. */
	ASSERT_EQ(set_knob("mbind", strcmp(variant->others, "1") ? "0" : "1"), 0);
	ASSERT_EQ(set_knob("numa_balance", "0"), 0);
	if (change(&self->changes, NUMA_BALANCING, "1"))
		SKIP(return, "no NUMA balancing");

	/* What is on an ordinary node comes to where it runs, so the scan is at work. */
	for (i = 0; i < 4000 && count_on(q, size, here) < (long)(size / page / 2); i++) {
		fill(p, size, 23);
		fill(q, size, 23);
		spin();
	}
	EXPECT_LT(i, 4000);
	EXPECT_TRUE(all_on_dax(p, size));
	EXPECT_EQ(node_stat("numa_balance_out"), 0);

	ASSERT_EQ(set_knob("numa_balance", "1"), 0);
	before = vm_count("numa_pages_migrated");
	/* A mapping that had no hint faults is scanned again after a while. */
	for (i = 0; i < 4000 && all_on_dax(p, size); i++) {
		fill(p, size, 24);
		spin();
	}
	EXPECT_FALSE(all_on_dax(p, size));
	EXPECT_GT(vm_count("numa_pages_migrated"), before);
	EXPECT_GE(node_stat("numa_balance_out"), count_on(p, size, here));
	EXPECT_GT(node_stat("numa_balance_out"), 0);
	EXPECT_TRUE(filled(p, size, 24));

	/* Off also for those that the scan has marked by then. */
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	ASSERT_EQ(move_to(p, size, dax.nid), 0);
	marked = vm_count("numa_pte_updates");
	for (i = 0; i < 4000 && vm_count("numa_pte_updates") < marked + (long)(size / page); i++)
		fill(q, size, 24);
	ASSERT_EQ(set_knob("numa_balance", "0"), 0);
	for (i = 0; i < 20; i++) {
		fill(p, size, 24);
		spin();
	}
	EXPECT_TRUE(all_on_dax(p, size));
}

/* Tiering mode: what is hot comes up again. */
TEST_F_TIMEOUT(knob, numa_balance_promotes, LONG)
{
	size_t size = 4 * MB;
	long before, i;
	char *p;

	scan_often(&self->changes);
	change(&self->changes, "/sys/kernel/debug/sched/numa_balancing/hot_threshold_ms", "60000");
	p = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	madvise(p, size, MADV_NOHUGEPAGE);
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	fill(p, size, 34);
	ASSERT_EQ(move_to(p, size, dax.nid), 0);
	ASSERT_EQ(set_knob("numa_balance", "0"), 0);
	if (change(&self->changes, NUMA_BALANCING, "2"))
		SKIP(return, "no NUMA balancing");

	before = vm_count("pgpromote_success");
	for (i = 0; i < 40; i++) {
		fill(p, size, 34);
		spin();
	}
	EXPECT_TRUE(all_on_dax(p, size));
	EXPECT_EQ(vm_count("pgpromote_success"), before);

	ASSERT_EQ(set_knob("numa_balance", "1"), 0);
	for (i = 0; i < 4000 && all_on_dax(p, size); i++) {
		fill(p, size, 35);
		spin();
	}
	EXPECT_FALSE(all_on_dax(p, size));
	EXPECT_GT(vm_count("pgpromote_success"), before);
	EXPECT_TRUE(filled(p, size, 35));

	ASSERT_EQ(set_knob("numa_balance", "0"), 0);
	ASSERT_EQ(move_to(p, size, dax.nid), 0);
	for (i = 0; i < 40; i++) {
		fill(p, size, 35);
		spin();
	}
	EXPECT_TRUE(all_on_dax(p, size));
}

/*
 * For a new process, which is scanned soon. Have memory of the private node scanned
 * in tiering mode, and, when it has moved to node @to, read it in the other one.
 * What went wrong, or NULL.
 */
static const char *read_after_tiering(int to, unsigned long round)
{
	const long pages = MB / page;
	char *p = map_anon(MB);
	long since;
	int i;

	if (p == MAP_FAILED)
		return "no memory";
	madvise(p, MB, MADV_NOHUGEPAGE);
	fill(p, MB, round);
	if (move_to(p, MB, dax.nid))
		return "not moved to the private node";
	since = vm_count("numa_pte_updates");
	if (put_text(NUMA_BALANCING, "2"))
		return "no tiering mode";
	for (i = 0; i < 400 && vm_count("numa_pte_updates") < since + pages; i++)
		spin();
	put_text(NUMA_BALANCING, "0");
	if (i == 400)
		return "not scanned";

	if (move_to(p, MB, to))
		return "not moved back";
	since = vm_count("numa_hint_faults");
	put_text(NUMA_BALANCING, "1");
	for (i = 0; i < 400 && vm_count("numa_hint_faults") < since + pages; i++) {
		/* A fault for writing would wipe out what the folio carries. */
		if (!filled(p, MB, round))
			return "something else is there";
		spin();
	}
	put_text(NUMA_BALANCING, "0");
	return i == 400 ? "no hint faults" : NULL;
}

/*
 * In tiering mode a folio of a slow node carries the time of its scan where others
 * carry the CPU and the PID of the last fault. When that mode has been switched off
 * and the folio moved to a fast node, what it carries is not taken for a CPU: most
 * such CPUs do not exist, and the kernel would look at what runs there.
 */
TEST_F_TIMEOUT(knob, numa_balance_modes, LONG)
{
	int away, round;

	away = another_node(stay_put());
	if (away < 0)
		SKIP(return, "there are no two ordinary nodes");
	scan_often(&self->changes);
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	ASSERT_EQ(set_knob("numa_balance", "1"), 0);
	if (change(&self->changes, NUMA_BALANCING, "0"))
		SKIP(return, "no NUMA balancing");
	/* Another time each time, and another CPU. */
	for (round = 0; round < 5; round++) {
		pid_t pid = fork();

		if (!pid) {
			const char *why = read_after_tiering(away, 60 + round);

			if (why)
				TH_LOG("round %d: %s", round, why);
			_exit(!!why);
		}
		EXPECT_EQ(wait_child(pid), 0);
	}
}

int main(int argc, char **argv)
{
	need_dax();
	return test_harness_run(argc, argv);
}
