// SPDX-License-Identifier: GPL-2.0
/* The knob reclaim: reclaim, compaction, aging and khugepaged, which take what is there. */

#include "anondax_knob.h"

static int thread_runs(const char *name)
{
	char path[PATH_MAX], comm[32];
	int found = 0;
	struct dirent *d;
	DIR *dir;

	dir = opendir("/proc");
	while (dir && (d = readdir(dir))) {
		if (d->d_name[0] < '1' || d->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", d->d_name);
		if (!get_text(path, comm, sizeof(comm)) && !strcmp(comm, name))
			found++;
	}
	if (dir)
		closedir(dir);
	return found;
}

/* One that was stopped is seen until it has been buried. */
static bool thread_ends(const char *name)
{
	int tries;

	for (tries = 0; tries < 100 && thread_runs(name); tries++)
		usleep(20000);
	return !thread_runs(name);
}

TEST_F_TIMEOUT(knob, reclaim_threads, LONG)
{
	char kswapd[32], kcompactd[32];

	snprintf(kswapd, sizeof(kswapd), "kswapd%d", dax.nid);
	snprintf(kcompactd, sizeof(kcompactd), "kcompactd%d", dax.nid);

	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	EXPECT_TRUE(thread_ends(kswapd));
	EXPECT_TRUE(thread_ends(kcompactd));
	EXPECT_EQ(read_zoneinfo(NULL, "high"), 0);

	ASSERT_EQ(set_knob("reclaim", "1"), 0);
	EXPECT_EQ(thread_runs(kswapd), 1);
	EXPECT_EQ(thread_runs(kcompactd), 1);
	EXPECT_GT(read_zoneinfo(NULL, "high"), 0);

	/* And with the memory. */
	ASSERT_EQ(set_state("unplugged"), 0);
	EXPECT_TRUE(thread_ends(kswapd));
	ASSERT_EQ(set_state(variant->state), 0);
	EXPECT_EQ(thread_runs(kswapd), 1);

	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	EXPECT_TRUE(thread_ends(kswapd));
	EXPECT_TRUE(thread_ends(kcompactd));
	EXPECT_EQ(read_zoneinfo(NULL, "high"), 0);
}

/* Proactive reclaim of the node and of the control group that has its memory. */
TEST_F_TIMEOUT(knob, reclaim_proactive, LONG)
{
	char node[PATH_MAX], group[PATH_MAX], text[32];
	size_t size = MSTEP;
	int i, rc, tries;
	char *p;

	if (!self->swap)
		SKIP(return, "no swap: ANONDAX_TEST_SWAP names no device");
	/* Memory goes to swap rather than to a tier below. */
	change(&self->changes, DEMOTE, "false");
	snprintf(node, sizeof(node), NODE "node%d/reclaim", dax.nid);
	snprintf(group, sizeof(group), CGROUP GROUP "/memory.reclaim");
	snprintf(text, sizeof(text), "%lu", size / 2);
	rc = enter_cgroup();
	if (rc)
		SKIP(return, "no control groups: %s", strerror(-rc));
	p = map_dax(size);
	ASSERT_NE(p, MAP_FAILED);

	for (i = 0; i < 4; i++) {
		const char *file = i & 1 ? group : node;

		put_text(LRU_GEN, i & 2 ? "y" : "n");
		/* What the processor has in its TLB it does not mark again. */
		mprotect(p, size, PROT_READ);
		mprotect(p, size, PROT_READ | PROT_WRITE);
		fill(p, size, 7 + i);
		settle();
		ASSERT_EQ(set_knob("reclaim", "0"), 0);
		EXPECT_NE(put_text(file, text), 0);
		EXPECT_EQ(read_smaps(p, size, "Swap"), 0);
		/* Nor does anyone look at who used it. */
		EXPECT_EQ(read_smaps(p, size, "Referenced"), (long)(size / KB));
		EXPECT_TRUE(all_on_dax(p, size));

		ASSERT_EQ(set_knob("reclaim", "1"), 0);
		for (tries = 0; tries < 200 &&
		     read_smaps(p, size, "Swap") <= (long)(size / KB / 4); tries++) {
			if (tries)
				usleep(GROUP_PAUSE);
			rc = put_text(file, text);
			EXPECT_TRUE(rc == 0 || rc == -EAGAIN)
				TH_LOG("%s: %s", file, strerror(-rc));
		}
		EXPECT_GT(read_smaps(p, size, "Swap"), (long)(size / KB / 4))
			TH_LOG("%s, multi-gen LRU %s", file, i & 2 ? "on" : "off");
		ASSERT_EQ(set_knob("reclaim", "0"), 0);
		/* Back to where it was. */
		EXPECT_TRUE(filled(p, size, 7 + i));
		EXPECT_EQ(count_on(p, size, dax.nid), (long)(size / page))
			TH_LOG("%s, multi-gen LRU %s", file, i & 2 ? "on" : "off");
	}
	munmap(p, size);
}

/* The limits of a control group. */
TEST_F_TIMEOUT(knob, reclaim_limits, LONG)
{
	static const char * const limits[] = {
		CGROUP GROUP "/memory.high", CGROUP GROUP "/memory.max",
	};
	const long kills = vm_count("oom_kill");
	size_t size = 3 * MSTEP;
	char *p;
	int i, fd, tries;

	if (!self->swap)
		SKIP(return, "no swap: ANONDAX_TEST_SWAP names no device");
	change(&self->changes, DEMOTE, "false");
	if (enter_cgroup())
		SKIP(return, "no control groups");
	p = map_dax(size);
	ASSERT_NE(p, MAP_FAILED);

	/*
	 * What is being written to swap cannot be freed yet. Where that takes long the
	 * hard limit gives up and wants to kill: nobody then, and it is tried again.
	 */
	ASSERT_EQ(put_text("/proc/self/oom_score_adj", "-1000"), 0);
	for (i = 0; i < 4; i++) {
		put_text(LRU_GEN, i & 2 ? "y" : "n");
		fill(p, size, 46 + i);
		settle();
		/* The hard limit would have to kill. */
		ASSERT_EQ(set_knob("reclaim", "0"), 0);
		EXPECT_EQ(put_text(limits[0], "4M"), 0);
		EXPECT_EQ(put_text(limits[0], "max"), 0);
		EXPECT_EQ(read_smaps(p, size, "Swap"), 0);
		EXPECT_TRUE(all_on_dax(p, size));

		ASSERT_EQ(set_knob("reclaim", "1"), 0);
		/* To open it takes memory, which the limit refuses. */
		fd = open(limits[i & 1], O_WRONLY | O_CLOEXEC);
		ASSERT_GE(fd, 0);
		for (tries = 0; tries < 20 &&
		     read_smaps(p, size, "Swap") <= (long)(size / KB / 2); tries++) {
			EXPECT_EQ(write(fd, "4M", 2), 2);
			EXPECT_EQ(write(fd, "max", 3), 3);
		}
		close(fd);
		EXPECT_GT(read_smaps(p, size, "Swap"), (long)(size / KB / 2))
			TH_LOG("%s, multi-gen LRU %s", limits[i & 1], i & 2 ? "on" : "off");
		EXPECT_TRUE(filled(p, size, 46 + i));
		EXPECT_EQ(count_on(p, size, dax.nid), (long)(size / page));
	}
	EXPECT_EQ(vm_count("oom_kill"), kills);
	munmap(p, size);
}

/*
 * Pages, and as many between two of them. Where it has found nothing for a while
 * compaction looks at every 32nd page only, which has to be a free one now and then.
 */
#define HOLE	12UL

#define HOLE_STEP	(2 * HOLE * page)

/* Most of the node, every other time. */
static char *map_holes(size_t *size, unsigned long round)
{
	size_t i;
	char *p;

	*size = free_pages() * page * 3 / 8 / HOLE_STEP * HOLE_STEP;
	p = map_dax_of(*size, false);
	if (p == MAP_FAILED)
		return p;
	fill(p, *size, round);
	for (i = 0; i < *size; i += HOLE_STEP)
		madvise(p + i + HOLE_STEP / 2, HOLE_STEP / 2, MADV_DONTNEED);
	settle();
	return p;
}

/* The first pages between the holes: where they are, and how many are not there. */
static uint64_t *first_pfns(char *p, size_t size)
{
	uint64_t *pfns = calloc(size / HOLE_STEP, sizeof(*pfns));
	size_t i;

	for (i = 0; pfns && i < size / HOLE_STEP; i++)
		pfns[i] = pfn_of(p + i * HOLE_STEP);
	return pfns;
}

static long moved(char *p, size_t size, const uint64_t *pfns)
{
	long sum = 0;
	size_t i;

	for (i = 0; i < size / HOLE_STEP; i++)
		sum += pfn_of(p + i * HOLE_STEP) != pfns[i];
	return sum;
}

static bool holes_filled(char *p, size_t size, unsigned long round)
{
	size_t i, j, wrong = 0;

	for (i = 0; i < size; i += HOLE_STEP) {
		for (j = i; j < i + HOLE_STEP / 2; j += page)
			wrong += *(unsigned long *)(p + j) != j * 2654435761UL + round;
	}
	return !wrong && count_on(p, size, dax.nid) == (long)(size / page / 2);
}

/* How many of them does compaction of the node move? */
static long compacted(char *p, size_t size, const char *knob)
{
	uint64_t *pfns = first_pfns(p, size);
	char path[PATH_MAX];
	long nr = -EIO;

	if (!pfns)
		return -ENOMEM;
	snprintf(path, sizeof(path), NODE "node%d/compact", dax.nid);
	if (!set_knob("reclaim", knob)) {
		nr = put_text(path, "1");
		if (!nr)
			nr = moved(p, size, pfns);
	}
	free(pfns);
	return nr;
}

#define PROACTIVE	"/proc/sys/vm/compaction_proactiveness"
/* What is freed may stay on the lists of a CPU, where compaction does not find it. */
#define HIGH_FRACTION	"/proc/sys/vm/percpu_pagelist_high_fraction"

/* How many does it move of its own accord, told to be eager, with patience? */
static long compacted_itself(char *p, size_t size, const char *knob, int tries)
{
	uint64_t *pfns = first_pfns(p, size);
	long nr = -EIO;

	if (!pfns)
		return -ENOMEM;
	if (!set_knob("reclaim", knob) && !put_text(PROACTIVE, "100")) {
		/* It looks twice in a second. */
		while (!(nr = moved(p, size, pfns)) && tries--)
			usleep(500000);
		put_text(PROACTIVE, "0");
	}
	free(pfns);
	return nr;
}

TEST_F_TIMEOUT(knob, reclaim_compacts, LONG)
{
	size_t size;
	char *p;

	if (change(&self->changes, PROACTIVE, "0"))
		SKIP(return, "no compaction");
	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	ASSERT_EQ(change(&self->changes, HIGH_FRACTION, "1000"), 0);
	ASSERT_TRUE(take_all_but(64 * MB));
	p = map_holes(&size, 50);
	ASSERT_NE(p, MAP_FAILED);
	EXPECT_EQ(compacted(p, size, "0"), -EOPNOTSUPP);
	EXPECT_EQ(compacted_itself(p, size, "0", 4), 0);
	EXPECT_GT(compacted_itself(p, size, "1", 100), 0);
	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	EXPECT_TRUE(holes_filled(p, size, 50));
	munmap(p, size);

	p = map_holes(&size, 51);
	ASSERT_NE(p, MAP_FAILED);
	EXPECT_EQ(compacted_itself(p, size, "0", 4), 0);
	EXPECT_GT(compacted(p, size, "1"), 0);
	EXPECT_EQ(compacted(p, size, "0"), -EOPNOTSUPP);
	EXPECT_EQ(compacted_itself(p, size, "0", 0), 0);
	EXPECT_TRUE(holes_filled(p, size, 51));
}

/* With reclaim on, more than the node has fits: the rest is in swap. */
TEST_F_TIMEOUT(knob, reclaim_direct, LONG)
{
	const size_t room = 32 * MB, size = room + 16 * MB;
	long kills = vm_count("oom_kill"), direct, kswapd;
	char *p;

	if (!self->swap)
		SKIP(return, "no swap: ANONDAX_TEST_SWAP names no device");
	change(&self->changes, DEMOTE, "false");
	ASSERT_TRUE(take_all_but(room));
	p = map_dax_of(size, false);
	ASSERT_NE(p, MAP_FAILED);

	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	EXPECT_LT(touch(p, size), (long)(size / page));
	EXPECT_EQ(read_smaps(p, size, "Swap"), 0);
	direct = vm_count("pgsteal_direct");
	kswapd = vm_count("pgsteal_kswapd");
	ASSERT_EQ(set_knob("reclaim", "1"), 0);
	EXPECT_TRUE(fill_slowly(p, size, 91));
	EXPECT_GT(read_smaps(p, size, "Swap"), 8L * 1024);
	/* The ordinary nodes are not short of memory: it is the node's thread. */
	EXPECT_GT(vm_count("pgsteal_kswapd"), kswapd)
		TH_LOG("%ld reclaimed by who wanted it", vm_count("pgsteal_direct") - direct);
	EXPECT_EQ(vm_count("oom_kill"), kills);
}

/*
 * A working set that is protected for a time: where there is nothing older, the
 * ordinary nodes' thread kills somebody. Not so the private node's.
 */
TEST_F_TIMEOUT(knob, reclaim_young, LONG)
{
	size_t size = free_pages() * page + 32 * MB;
	long kills = vm_count("oom_kill");
	char *p;

	if (!self->swap)
		SKIP(return, "no swap: ANONDAX_TEST_SWAP names no device");
	put_text(LRU_GEN, "y");
	if (change(&self->changes, "/sys/kernel/mm/lru_gen/min_ttl_ms", "3600000"))
		SKIP(return, "no multi-gen LRU");
	change(&self->changes, DEMOTE, "false");
	ASSERT_EQ(set_knob("reclaim", "1"), 0);
	p = map_dax_huge(size);
	ASSERT_NE(p, MAP_FAILED);
	touch(p, size);
	/* It has been woken, and has had the time to find nothing. */
	settle();
	EXPECT_EQ(vm_count("oom_kill"), kills);
}

/* The list of generations has each group's lists of each node, each once. */
TEST_F_TIMEOUT(knob, reclaim_lists, LONG)
{
	long groups = 0, nodes = 0, ours = 0, others = 0, nid, i;
	char line[256];
	FILE *f;

	put_text(LRU_GEN, "y");
	f = fopen("/sys/kernel/debug/lru_gen", "r");
	if (!f)
		SKIP(return, "no multi-gen LRU");
	if (enter_cgroup())
		SKIP(return, "no control groups");
	/* More than is read at once. */
	for (i = 0; i < 32; i++) {
		snprintf(line, sizeof(line), CGROUP GROUP "-%ld", i);
		mkdir(line, 0755);
	}
	while (fgets(line, sizeof(line), f)) {
		groups += !strncmp(line, "memcg", 5);
		if (sscanf(line, " node %ld", &nid) == 1) {
			ours += nid == dax.nid;
			others += nid != dax.nid;
		}
	}
	fclose(f);
	for (i = 0; i < 32; i++) {
		snprintf(line, sizeof(line), CGROUP GROUP "-%ld", i);
		EXPECT_EQ(rmdir(line), 0);
	}
	for (nid = 0; nid < 64; nid++)
		nodes += node_has("has_memory", nid);
	EXPECT_GT(groups, 32);
	EXPECT_EQ(ours, groups);
	EXPECT_EQ(others, groups * nodes);
}

/* To ask which pages lie idle is to age them. */
TEST_F_TIMEOUT(knob, reclaim_idle, LONG)
{
	int fd = open("/sys/kernel/mm/page_idle/bitmap", O_RDWR | O_CLOEXEC), i;
	size_t size = 64 * page;
	uint64_t pfn, word;
	char *p;

	if (fd < 0)
		SKIP(return, "no idle page tracking");
	p = map_dax_of(size, false);
	ASSERT_NE(p, MAP_FAILED);
	for (i = 0; i < 3; i++) {
		fill(p, size, 67);
		settle();
		pfn = pfn_of(p);
		word = 1ULL << pfn % 64;
		ASSERT_EQ(set_knob("reclaim", i == 1 ? "1" : "0"), 0);
		EXPECT_EQ(pwrite(fd, &word, 8, pfn / 64 * 8), 8);
		EXPECT_EQ(pread(fd, &word, 8, pfn / 64 * 8), 8);
		EXPECT_EQ(word >> pfn % 64 & 1, i == 1);
	}
	close(fd);
}

/* What is locked is not reclaimed, and what is not is. */
TEST_F_TIMEOUT(knob, reclaim_locked, LONG)
{
	char node[PATH_MAX], text[32];
	size_t size = MSTEP, locked = MB;
	char *p;

	if (!self->swap)
		SKIP(return, "no swap: ANONDAX_TEST_SWAP names no device");
	change(&self->changes, DEMOTE, "false");
	p = map_dax(size);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, size, 63);
	ASSERT_EQ(mlock(p, locked), 0);
	settle();
	snprintf(node, sizeof(node), NODE "node%d/reclaim", dax.nid);
	snprintf(text, sizeof(text), "%lu", size);
	ASSERT_EQ(set_knob("reclaim", "1"), 0);
	put_text(node, text);
	EXPECT_EQ(read_smaps(p, locked, "Swap"), 0);
	EXPECT_TRUE(all_on_dax(p, locked));
	EXPECT_GT(read_smaps(p + locked, size - locked, "Swap"), (long)(size / KB / 4));
	EXPECT_TRUE(filled(p, size, 63));
	EXPECT_TRUE(all_on_dax(p, size));
}

TEST_F_TIMEOUT(knob, reclaim_khugepaged, LONG)
{
	long before;
	int tries, on;
	char *p;

	if (khugepaged_on(&self->changes))
		SKIP(return, "no khugepaged");
	p = map_dax(2 * PMD);
	ASSERT_NE(p, MAP_FAILED);
	p = huge_in(p);
	ASSERT_EQ(madvise(p, PMD, MADV_NOHUGEPAGE), 0);
	fill(p, PMD, 31);
	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	ASSERT_EQ(madvise(p, PMD, MADV_HUGEPAGE), 0);
	before = khugepaged_scans();
	ASSERT_GE(before, 0);
	for (on = 0; on < 2; on++) {
		for (tries = 0; tries < 500; tries++) {
			/* It wants pages that somebody looked at lately. */
			ASSERT_TRUE(filled(p, PMD, 31));
			if (on ? read_smaps(p, PMD, "AnonHugePages") :
				 khugepaged_scans() > before + 4)
				break;
			usleep(20000);
		}
		EXPECT_LT(tries, 500);
		EXPECT_EQ(read_smaps(p, PMD, "AnonHugePages"), on ? (long)(PMD / KB) : 0);
		EXPECT_TRUE(all_on_dax(p, PMD));
		ASSERT_EQ(set_knob("reclaim", "1"), 0);
	}
	EXPECT_TRUE(filled(p, PMD, 31));

	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	ASSERT_EQ(madvise(p, PMD, MADV_NOHUGEPAGE), 0);
	ASSERT_EQ(madvise(p, PMD, MADV_DONTNEED), 0);
	fill(p, PMD, 32);
	ASSERT_EQ(madvise(p, PMD, MADV_HUGEPAGE), 0);
	before = khugepaged_scans();
	for (tries = 0; tries < 500 && khugepaged_scans() <= before + 4; tries++) {
		ASSERT_TRUE(filled(p, PMD, 32));
		usleep(20000);
	}
	EXPECT_LT(tries, 500);
	EXPECT_EQ(read_smaps(p, PMD, "AnonHugePages"), 0);
}

/* Through zswap, and back to the node. */
TEST_F_TIMEOUT(knob, reclaim_zswap, LONG)
{
	char reclaim[PATH_MAX], text[32];
	const size_t size = MSTEP;
	const long least = size / KB / 4;
	long before;
	char *p;
	int rc, tries;

	if (!self->swap)
		SKIP(return, "no swap: ANONDAX_TEST_SWAP names no device");
	if (change(&self->changes, "/sys/module/zswap/parameters/enabled", "Y"))
		SKIP(return, "no zswap");
	change(&self->changes, DEMOTE, "false");
	rc = enter_cgroup();
	if (rc)
		SKIP(return, "no control groups: %s", strerror(-rc));
	p = map_dax(size);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, size, 32);
	settle();
	snprintf(reclaim, sizeof(reclaim), CGROUP GROUP "/memory.reclaim");
	snprintf(text, sizeof(text), "%lu", size / 2);
	before = vm_count("zswpout");

	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	put_text(reclaim, text);
	EXPECT_TRUE(all_on_dax(p, size));

	ASSERT_EQ(set_knob("reclaim", "1"), 0);
	for (tries = 0; tries < 200 && read_smaps(p, size, "Swap") <= least; tries++)
		reclaim_group(text);
	EXPECT_GT(read_smaps(p, size, "Swap"), least);
	EXPECT_GT(vm_count("zswpout"), before);
	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	EXPECT_TRUE(filled(p, size, 32));
	EXPECT_TRUE(all_on_dax(p, size));
	put_text(reclaim, text);
	EXPECT_TRUE(all_on_dax(p, size));
}

/* The node's files say what was not done. */
TEST_F_TIMEOUT(knob, reclaim_compact_file, LONG)
{
	char compact[PATH_MAX];

	snprintf(compact, sizeof(compact), NODE "node%d/compact", dax.nid);
	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	EXPECT_EQ(put_text(compact, "1"), -EOPNOTSUPP);
	ASSERT_EQ(set_knob("reclaim", "1"), 0);
	EXPECT_EQ(put_text(compact, "1"), 0);
	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	EXPECT_EQ(put_text(compact, "1"), -EOPNOTSUPP);
}

/* One page there does not bring 2 MiB to who never named the node. */
TEST_F_TIMEOUT(knob, reclaim_khugepaged_stranger, LONG)
{
	size_t size = 4 * PMD;
	long off, there;
	int place;
	char *p;

	ASSERT_EQ(set_knob("reclaim", "1"), 0);
	ASSERT_EQ(khugepaged_on(&self->changes), 0);
	for (place = 0; place < 2; place++) {
		p = huge_in(map_anon(size + PMD));
		ASSERT_EQ(madvise(p, size, MADV_NOHUGEPAGE), 0);
		ASSERT_EQ(set_knob("mbind", "1"), 0);
		ASSERT_EQ(set_knob("demotion", "0"), 0);
		for (off = 0; off < (long)size; off += PMD) {
			ASSERT_EQ(touch(p + off, page), 1);
			ASSERT_EQ(move_to(p + off, page, dax.nid), 0);
		}
		there = count_on(p, size, dax.nid);
		EXPECT_EQ(there, (long)(size / PMD));
		ASSERT_EQ(set_knob("mbind", "0"), 0);
		ASSERT_EQ(set_knob("demotion", place ? "1" : "0"), 0);
		ASSERT_EQ(madvise(p, size, MADV_HUGEPAGE), 0);
		EXPECT_TRUE(khugepaged_looks(p, size, 3));
		EXPECT_EQ(count_on(p, size, dax.nid) > there, !!place)
			TH_LOG("demotion %d", place);
		munmap(p, size);
	}
}

/* What shrinkers were told to look at while so much of the node was reclaimed. */
static long scanned_slabs(int nid, const char *much, int turns)
{
	char path[PATH_MAX];
	long before, scanned = 0;

	snprintf(path, sizeof(path), NODE "node%d/reclaim", nid);
	before = vm_count("slabs_scanned");
	/* A shrinker with little to give waits until it is worth it. */
	while (turns-- && !scanned) {
		put_text(path, much);
		scanned = vm_count("slabs_scanned") - before;
	}
	return scanned;
}

/*
 * That the node is short of memory is no reason to give up what others have cached
 * elsewhere: shrinkers that do not go by nodes would at each turn.
 */
TEST_F_TIMEOUT(knob, reclaim_shrinkers, LONG)
{
	size_t size = 2 * MSTEP;
	char *zero, *p, name[64];
	long scanned = 0;
	int i, nid;

	if (!self->swap)
		SKIP(return, "no swap: ANONDAX_TEST_SWAP names no device");
	change(&self->changes, DEMOTE, "false");
	change(&self->changes, THP "enabled", "always");
	change(&self->changes, THP "use_zero_page", "1");
	ASSERT_EQ(set_knob("reclaim", "1"), 0);
	/* Such caches: the huge zero page, once nobody uses it, and names. */
	zero = map_anon(PMD);
	ASSERT_NE(zero, MAP_FAILED);
	madvise(zero, PMD, MADV_HUGEPAGE);
	EXPECT_EQ(*zero, 0);
	munmap(zero, PMD);
	for (i = 0; i < 4096; i++) {
		snprintf(name, sizeof(name), NODE "no-such-node-%d", i);
		EXPECT_NE(access(name, F_OK), 0);
	}

	p = map_dax(size);
	ASSERT_NE(p, MAP_FAILED);
	madvise(p, size, MADV_NOHUGEPAGE);
	fill(p, size, 90);
	settle();
	EXPECT_EQ(scanned_slabs(dax.nid, "256K", 64), 0);
	munmap(p, size);

	/* For who is short of ordinary memory they are there. */
	p = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, size, 90);
	for (nid = 0; nid < dax.nid; nid++)
		scanned += scanned_slabs(nid, "1M", 256);
	EXPECT_GT(scanned, 0);
}

int main(int argc, char **argv)
{
	need_dax();
	return test_harness_run(argc, argv);
}
