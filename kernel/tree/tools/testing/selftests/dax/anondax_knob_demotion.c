// SPDX-License-Identifier: GPL-2.0
/* The knob demotion, and tiers: what comes from DRAM, and what goes there. */

#include "anondax_knob.h"

/* Above DRAM: memory flows down if reclaim is on, and none flows up. */
TEST_F_TIMEOUT(knob, adistance_above, LONG)
{
	char reclaim[PATH_MAX], given[32], text[32];
	size_t size = 32 * MB;
	long demoted;
	char *p;

	if (!self->swap)
		SKIP(return, "no swap: ANONDAX_TEST_SWAP names no device");
	ASSERT_EQ(change(&self->changes, DEMOTE, "true"), 0);
	snprintf(given, sizeof(given), "%d", get_knob("adistance"));
	ASSERT_EQ(set_state("unplugged"), 0);
	ASSERT_EQ(set_knob("adistance", "300"), 0);
	ASSERT_EQ(set_state(variant->state), 0);
	p = map_dax(size);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, size, 33);
	settle();
	snprintf(reclaim, sizeof(reclaim), NODE "node%d/reclaim", dax.nid);
	snprintf(text, sizeof(text), "%lu", size / 2);

	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	EXPECT_NE(put_text(reclaim, text), 0);
	EXPECT_TRUE(all_on_dax(p, size));

	ASSERT_EQ(set_knob("reclaim", "1"), 0);
	demoted = vm_count("pgdemote_proactive");
	put_text(reclaim, text);
	EXPECT_GT(vm_count("pgdemote_proactive"), demoted);
	EXPECT_LT(count_on(p, size, dax.nid), (long)(size / page));
	/* To DRAM, not to the disk. */
	EXPECT_EQ(read_smaps(p, size, "Swap"), 0);
	EXPECT_TRUE(filled(p, size, 33));

	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	demoted = count_on(p, size, dax.nid);
	EXPECT_NE(put_text(reclaim, text), 0);
	EXPECT_EQ(count_on(p, size, dax.nid), demoted);
	munmap(p, size);
	ASSERT_EQ(set_state("unplugged"), 0);
	ASSERT_EQ(set_knob("adistance", given), 0);
}

TEST_F_TIMEOUT(knob, demotion, LONG)
{
	char reclaim[PATH_MAX], text[32];
	size_t size = 8 * MB;
	long before, demoted, came;
	int nid, rc, tries;
	char *p;

	if (!self->swap)
		SKIP(return, "no swap: ANONDAX_TEST_SWAP names no device");
	ASSERT_EQ(change(&self->changes, DEMOTE, "true"), 0);
	rc = enter_cgroup();
	if (rc)
		SKIP(return, "no control groups: %s", strerror(-rc));
	p = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	/* On one ordinary node, to be pushed off it. */
	for (nid = 0; nid == dax.nid; nid++)
		;
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, 1UL << nid, 0), 0);
	fill(p, size, 9);
	settle();
	snprintf(reclaim, sizeof(reclaim), CGROUP GROUP "/memory.reclaim");
	snprintf(text, sizeof(text), "%lu", size / 2);

	ASSERT_EQ(set_knob("demotion", "0"), 0);
	before = free_pages();
	put_text(reclaim, text);
	EXPECT_EQ(count_on(p, size, dax.nid), 0);
	EXPECT_EQ(free_pages(), before);

	fill(p, size, 10);
	settle();
	ASSERT_EQ(set_knob("demotion", "1"), 0);
	demoted = vm_count("pgdemote_proactive");
	came = node_stat("demote_in");
	for (tries = 0; tries < 200 && node_stat("demote_in") == came; tries++)
		reclaim_group(text);
	/* With reclaim on there, what has come may have gone again. */
	EXPECT_GT(node_stat("demote_in"), came);
	if (!strcmp(variant->others, "0"))
		EXPECT_GT(count_on(p, size, dax.nid), 0);
	EXPECT_GT(vm_count("pgdemote_proactive"), demoted);
	EXPECT_TRUE(filled(p, size, 10));

	/* Off leaves what is there and sends no more; reclaim may take it away. */
	ASSERT_EQ(set_knob("demotion", "0"), 0);
	before = count_on(p, size, dax.nid);
	put_text(reclaim, text);
	EXPECT_LE(count_on(p, size, dax.nid), before);
	if (strcmp(variant->others, "1"))
		EXPECT_EQ(count_on(p, size, dax.nid), before);
	EXPECT_TRUE(filled(p, size, 10));
}

/* A target that is full, and that nothing makes room on: the rest is reclaimed. */
TEST_F_TIMEOUT(knob, demotion_full, LONG)
{
	size_t size = 8 * MB;
	char *p, *q;
	int tries;

	if (!self->swap || enter_cgroup())
		SKIP(return, "no swap, or no control groups");
	ASSERT_EQ(change(&self->changes, DEMOTE, "true"), 0);
	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	ASSERT_EQ(set_knob("demotion", "1"), 0);
	ASSERT_GT(fill_node(&q, free_pages() * page + PMD), 0);
	p = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, size, 65);
	settle();
	for (tries = 0; tries < 20 && read_smaps(p, size, "Swap") < (long)(size / KB / 4); tries++)
		reclaim_group("4M");
	EXPECT_GE(read_smaps(p, size, "Swap"), (long)(size / KB / 4));
	EXPECT_TRUE(filled(p, size, 65));
}

/* What the system says that it has, all in KiB. */
struct figures {
	long free, available, dirty, cache, demoted;
};

static struct figures read_figures(void)
{
	char node[PATH_MAX];
	struct figures f;

	settle();
	snprintf(node, sizeof(node), NODE "node%d/meminfo", dax.nid);
	f.dirty = vm_count("nr_dirty_threshold") * (long)(page / KB);
	f.free = get_number("/proc/meminfo", "MemFree");
	f.available = get_number("/proc/meminfo", "MemAvailable");
	f.demoted = get_number(node, "Active(file)") + get_number(node, "Inactive(file)");
	f.cache = get_number("/proc/meminfo", "Active(file)") +
		  get_number("/proc/meminfo", "Inactive(file)") - f.demoted;
	return f;
}

/* What counts as available of page cache, as meminfo estimates it. */
static long can_go(long cache)
{
	long low = sum_zoneinfo(true, NULL, "low") * (long)(page / KB);

	return cache - (cache / 2 < low ? cache / 2 : low);
}

/* Page cache that was demoted is nothing that can be made available. */
TEST_F_TIMEOUT(knob, demotion_files, LONG)
{
	const char *disk = getenv("ANONDAX_TEST_SWAP");
	const size_t size = 64 * MB;
	struct figures was, is;
	long want, tries, sent;
	char *buf, text[32];
	size_t off;
	int fd, rc = 0;

	if (!self->swap || enter_cgroup())
		SKIP(return, "no disk, or no control groups");
	ASSERT_EQ(get_text("/proc/sys/vm/dirty_ratio", text, sizeof(text)), 0);
	ASSERT_EQ(change(&self->changes, DEMOTE, "true"), 0);
	ASSERT_EQ(set_knob("demotion", "1"), 0);
	/* Else the same requests take from the node what they have just demoted. */
	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	buf = malloc(MB);
	ASSERT_NE(buf, NULL);
	fd = open(disk, O_RDONLY | O_CLOEXEC);
	ASSERT_GE(fd, 0);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	for (off = 0; off < size; off += MB)
		ASSERT_EQ(pread(fd, buf, MB, off), (ssize_t)MB);
	was = read_figures();
	is = was;
	sent = vm_count("pgdemote_proactive");
	for (tries = 0; tries < 50 && is.demoted < (long)(size / KB / 2); tries++) {
		rc = put_text(CGROUP GROUP "/memory.reclaim", "16M");
		usleep(GROUP_PAUSE);
		is = read_figures();
	}
	EXPECT_GE(is.demoted, (long)(size / KB / 2))
		TH_LOG("%ld tries (the last: %d), %ld pages went: %ld KiB of %ld left, %ld free",
		       tries, rc, vm_count("pgdemote_proactive") - sent, is.cache, was.cache,
		       free_pages());

	want = was.available + is.free - was.free + can_go(is.cache) - can_go(was.cache);
	EXPECT_LT(labs(is.available - want), is.demoted / 8)
		TH_LOG("%ld KiB available, should be %ld, with %ld demoted", is.available, want,
		       is.demoted);
	want = was.dirty + (is.free - was.free + is.cache - was.cache) * atol(text) / 100;
	EXPECT_LT(labs(is.dirty - want), is.demoted / 8 * atol(text) / 100)
		TH_LOG("%ld KiB may be dirty, should be %ld, with %ld demoted", is.dirty, want,
		       is.demoted);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
	free(buf);
}

/* A cpuset that says where to be does not say there. */
TEST_F_TIMEOUT(knob, demotion_cpuset, LONG)
{
	size_t size = 4 * MB;
	int confined, tries;
	char *p;

	if (!self->swap || enter_cgroup())
		SKIP(return, "no swap, or no control groups");
	if (!node_has("has_memory", 0))
		SKIP(return, "it needs memory on node 0");
	ASSERT_EQ(change(&self->changes, DEMOTE, "true"), 0);
	ASSERT_EQ(set_knob("demotion", "1"), 0);
	for (confined = 1; confined >= 0; confined--) {
		ASSERT_EQ(put_text(CGROUP GROUP "/cpuset.mems", confined ? "0" : "\n"), 0);
		p = map_anon(size);
		ASSERT_NE(p, MAP_FAILED);
		fill(p, size, 70);
		settle();
		for (tries = 0; tries < 4; tries++)
			put_text(CGROUP GROUP "/memory.reclaim", "1M");
		EXPECT_EQ(count_on(p, size, dax.nid) > 0, !confined)
			TH_LOG("%s by a cpuset", confined ? "confined" : "not confined");
		EXPECT_TRUE(filled(p, size, 70));
		munmap(p, size);
	}
}

/* What moves stays charged: a group at its limit gets no room so, and must not die of it. */
TEST_F_TIMEOUT(knob, demotion_limit, LONG)
{
	const char *disk = getenv("ANONDAX_TEST_SWAP");
	const size_t size = 16 * MB;
	static char buf[256 * KB];
	int reclaim, round, fd;
	long off, kills;
	pid_t pid;

	if (!disk || enter_cgroup())
		SKIP(return, "no disk, or no control groups");
	kills = get_number(CGROUP GROUP "/memory.events", "oom_kill");
	swap_off();
	self->swap = false;
	ASSERT_EQ(change(&self->changes, DEMOTE, "true"), 0);
	ASSERT_EQ(set_knob("demotion", "1"), 0);
	for (reclaim = 0; reclaim < 2; reclaim++) {
		ASSERT_EQ(set_knob("reclaim", reclaim ? "1" : "0"), 0);
		put_text("/proc/sys/vm/drop_caches", "3");
		pid = fork();
		if (!pid) {
			char *p = map_anon(2 * MB);

			if (p == MAP_FAILED || touch(p, 2 * MB) != (long)(2 * MB / page) ||
			    put_text(CGROUP GROUP "/memory.max", "8M"))
				_exit(1);
			fd = open(disk, O_RDONLY | O_CLOEXEC);
			for (round = 0; fd >= 0 && round < 2; round++) {
				for (off = 0; off < (long)size; off += sizeof(buf)) {
					if (pread(fd, buf, sizeof(buf), off) != sizeof(buf))
						_exit(2);
				}
			}
			_exit(fd < 0 ? 3 : 0);
		}
		EXPECT_EQ(wait_child(pid), 0)
			TH_LOG("reclaim %d", reclaim);
		put_text(CGROUP GROUP "/memory.max", "max");
	}
	EXPECT_EQ(get_number(CGROUP GROUP "/memory.events", "oom_kill"), kills);
}

/*
 * Nor does a group with a limit lose anything to the node that it would be killed for
 * later, whoever asks for room.
 */
TEST_F_TIMEOUT(knob, demotion_limited, LONG)
{
	static const struct {
		const char *what, *limit;
		const char *reclaim;
		bool moves;
	} cases[] = {
		{ "no limit", NULL, "0", true },
		{ "a limit", "/memory.max", "0", false },
		{ "a limit, and reclaim", "/memory.max", "1", true },
		{ "a high mark", "/memory.high", "0", false },
	};
	size_t size = 4 * MB, i;
	char path[64];
	int tries;
	char *p;

	if (!self->swap || enter_cgroup())
		SKIP(return, "no swap, or no control groups");
	ASSERT_EQ(change(&self->changes, DEMOTE, "true"), 0);
	ASSERT_EQ(set_knob("demotion", "1"), 0);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ASSERT_EQ(set_knob("reclaim", cases[i].reclaim), 0);
		snprintf(path, sizeof(path), CGROUP GROUP "%s", cases[i].limit ?: "/memory.max");
		if (cases[i].limit)
			ASSERT_EQ(put_text(path, "256M"), 0);
		p = map_anon(size);
		ASSERT_NE(p, MAP_FAILED);
		fill(p, size, 70);
		settle();
		snprintf(path, sizeof(path), NODE "node%d/reclaim", node_of(p));
		for (tries = 0; tries < 4; tries++)
			put_text(CGROUP GROUP "/memory.reclaim", "1M");
		/* And the whole node, as kswapd would. */
		for (tries = 0; tries < 20 && !count_on(p, size, dax.nid); tries++)
			put_text(path, "1M");
		EXPECT_EQ(count_on(p, size, dax.nid) > 0, cases[i].moves)
			TH_LOG("%s: %ld pages on the node", cases[i].what,
			       count_on(p, size, dax.nid));
		EXPECT_TRUE(filled(p, size, 70));
		munmap(p, size);
		put_text(CGROUP GROUP "/memory.max", "max");
		put_text(CGROUP GROUP "/memory.high", "max");
	}
}

int main(int argc, char **argv)
{
	need_dax();
	return test_harness_run(argc, argv);
}
