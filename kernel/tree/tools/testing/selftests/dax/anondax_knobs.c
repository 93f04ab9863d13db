// SPDX-License-Identifier: GPL-2.0
/*
 * What the knobs of a private memory node switch on, each by itself.
 *
 * As anondax.c, this needs a dax device that is bound to anondax and that
 * nobody uses. Every test runs with the other knobs all off and all on, and on
 * memory in ZONE_NORMAL and in ZONE_MOVABLE; it shows the service refused with
 * the knob off, allowed with it on and, after a flip while the memory is in
 * use, refused again.
 */

#include "anondax.h"
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#define MSTEP	(16 * MB)
#define LRU_GEN	"/sys/kernel/mm/lru_gen/enabled"
#define DEMOTE	"/sys/kernel/mm/numa/demotion_enabled"

/* For headers older than the kernel. */
#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE	101
#endif
#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE	67
#endif

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

FIXTURE(knob)
{
	struct changes changes;
	bool swap;
};

FIXTURE_VARIANT(knob)
{
	const char *state;
	const char *others;
};

FIXTURE_VARIANT_ADD(knob, kernel_others_off)
{
	.state = "online_kernel",
	.others = "0",
};

FIXTURE_VARIANT_ADD(knob, kernel_others_on)
{
	.state = "online_kernel",
	.others = "1",
};

FIXTURE_VARIANT_ADD(knob, movable_others_off)
{
	.state = "online_movable",
	.others = "0",
};

FIXTURE_VARIANT_ADD(knob, movable_others_on)
{
	.state = "online_movable",
	.others = "1",
};

FIXTURE_SETUP(knob)
{
	self->changes.nr = 0;
	/* Either LRU, by what the variants have in pairs. */
	change(&self->changes, LRU_GEN, strcmp(variant->others, "1") ? "n" : "y");
	ASSERT_EQ(set_state("unplugged"), 0);
	set_all_knobs(variant->others);
	ASSERT_EQ(set_state(variant->state), 0);
	catch_sigbus();
	self->swap = !swap_on();
}

FIXTURE_TEARDOWN_PARENT(knob)
{
	sys_set_mempolicy(MPOL_DEFAULT, 0);
	restore(&self->changes);
	swap_off();
	set_all_knobs("0");
	EXPECT_EQ(set_state("unplugged"), 0);
}

/*
 * The files themselves.
 */
FIXTURE(file) {};

FIXTURE_SETUP(file)
{
	ASSERT_EQ(set_state("unplugged"), 0);
	set_all_knobs("0");
}

FIXTURE_TEARDOWN(file)
{
	EXPECT_EQ(set_state("unplugged"), 0);
	set_all_knobs("0");
}

TEST_F_TIMEOUT(file, knobs, LONG)
{
	static const char * const bad[] = { "2", "-1", "on", "y", "10", "1 1", "x", "0x1" };
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(knobs); i++) {
		EXPECT_EQ(get_knob(knobs[i]), 0);
		EXPECT_EQ(set_knob(knobs[i], "1\n"), 0);
		EXPECT_EQ(get_knob(knobs[i]), 1);
		for (j = 0; j < ARRAY_SIZE(bad); j++) {
			EXPECT_EQ(set_knob(knobs[i], bad[j]), -EINVAL)
				TH_LOG("%s takes '%s'", knobs[i], bad[j]);
		}
		EXPECT_EQ(get_knob(knobs[i]), 1);
		/* Just its own. */
		for (j = i + 1; j < ARRAY_SIZE(knobs); j++)
			EXPECT_EQ(get_knob(knobs[j]), 0);
	}
	/* They stay what they are while memory comes and goes. */
	EXPECT_EQ(set_knob("madvise", "0"), 0);
	ASSERT_EQ(set_state("online"), 0);
	EXPECT_EQ(get_knob("madvise"), 0);
	EXPECT_EQ(get_knob("ltpin"), 1);
	EXPECT_EQ(set_knob("ltpin", "0"), 0);
	EXPECT_EQ(set_knob("ltpin", "nonsense"), -EINVAL);
	ASSERT_EQ(set_state("unplugged"), 0);
	EXPECT_EQ(get_knob("ltpin"), 0);
	EXPECT_EQ(get_knob("mbind"), 1);
}

static bool in_tier(int adistance)
{
	char path[PATH_MAX], list[64];

	snprintf(path, sizeof(path), TIERS "memory_tier%d/nodelist", adistance >> 7);
	return !get_text(path, list, sizeof(list)) && in_list(list, dax.nid);
}

TEST_F_TIMEOUT(file, adistance, LONG)
{
	static const char * const bad[] = {
		"0", "-5", "near", "10 20", "1.5", "2147483648", "99999999999",
	};
	static const char * const states[] = { "online_movable", "online_kernel", "online" };
	int distances[5] = { 300, 576, 2000, 2147483647 };
	int given, i;
	char text[32];
	size_t j;

	given = get_knob("adistance");
	EXPECT_GT(given, 0);
	for (j = 0; j < ARRAY_SIZE(bad); j++) {
		EXPECT_EQ(set_knob("adistance", bad[j]), -EINVAL)
			TH_LOG("takes '%s'", bad[j]);
	}
	EXPECT_EQ(get_knob("adistance"), given);

	/* Above DRAM, next to it, below it, far away, and back to what it was. */
	distances[4] = given;
	for (i = 0; i < 5; i++) {
		int want = distances[i];

		snprintf(text, sizeof(text), "%d", want);
		ASSERT_EQ(set_knob("adistance", text), 0);
		EXPECT_EQ(get_knob("adistance"), want);
		ASSERT_EQ(set_state(states[i % 3]), 0);
		EXPECT_EQ(set_knob("adistance", "700"), -EBUSY);
		EXPECT_EQ(get_knob("adistance"), want);
		EXPECT_TRUE(in_tier(want))
			TH_LOG("node %d is not in the tier of %d", dax.nid, want);
		ASSERT_EQ(set_state("unplugged"), 0);
		EXPECT_FALSE(in_tier(want));
	}
}

/*
 * ltpin
 */
static int pin(int ring, void *p, size_t size)
{
	struct iovec iov = { .iov_base = p, .iov_len = size };

	return failed(syscall(__NR_io_uring_register, ring, IORING_REGISTER_BUFFERS, &iov, 1));
}

static int unpin(int ring)
{
	return failed(syscall(__NR_io_uring_register, ring, IORING_UNREGISTER_BUFFERS, NULL, 0));
}

TEST_F_TIMEOUT(knob, ltpin, LONG)
{
	struct io_uring_params params = { 0 };
	size_t size = 16 * page;
	int ring;
	char *p;

	ring = syscall(__NR_io_uring_setup, 4, &params);
	ASSERT_GE(ring, 0);
	p = map_dax(size);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, size, 1);

	ASSERT_EQ(set_knob("ltpin", "0"), 0);
	EXPECT_NE(pin(ring, p, size), 0);
	EXPECT_TRUE(all_on_dax(p, size));
	EXPECT_TRUE(filled(p, size, 1));

	ASSERT_EQ(set_knob("ltpin", "1"), 0);
	EXPECT_EQ(pin(ring, p, size), 0);
	/* Out of ZONE_MOVABLE, as anywhere, but not out of other zones. */
	EXPECT_EQ(count_on(p, size, dax.nid),
		  strcmp(variant->state, "online_movable") ? (long)(size / page) : 0);
	EXPECT_TRUE(filled(p, size, 1));
	/* Off stops new pins, and leaves those that are there. */
	ASSERT_EQ(set_knob("ltpin", "0"), 0);
	EXPECT_TRUE(filled(p, size, 1));
	EXPECT_EQ(unpin(ring), 0);
	munmap(p, size);
	p = map_dax(size);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, size, 2);
	EXPECT_NE(pin(ring, p, size), 0);
	EXPECT_TRUE(all_on_dax(p, size));
	close(ring);
}

/*
 * madvise
 */
static long pageout_by_pidfd(void *p, size_t size)
{
	struct iovec iov = { .iov_base = p, .iov_len = size };
	int fd = syscall(__NR_pidfd_open, getpid(), 0);
	long n = syscall(__NR_process_madvise, fd, &iov, 1UL, MADV_PAGEOUT, 0);

	close(fd);
	return n;
}

TEST_F_TIMEOUT(knob, madvise_pageout, LONG)
{
	size_t size = 64 * page;
	char *p;

	if (!self->swap)
		SKIP(return, "no swap: ANONDAX_TEST_SWAP names no device");
	p = map_dax(size);
	ASSERT_NE(p, MAP_FAILED);

	ASSERT_EQ(set_knob("madvise", "0"), 0);
	fill(p, size, 3);
	EXPECT_EQ(madvise(p, size, MADV_PAGEOUT), 0);
	EXPECT_EQ(read_smaps(p, size, "Swap"), 0);
	EXPECT_TRUE(all_on_dax(p, size));

	ASSERT_EQ(set_knob("madvise", "1"), 0);
	EXPECT_EQ(madvise(p, size, MADV_PAGEOUT), 0);
	EXPECT_GT(read_smaps(p, size, "Swap"), (long)(size / KB / 2));
	EXPECT_TRUE(filled(p, size, 3));
	EXPECT_TRUE(all_on_dax(p, size));
	EXPECT_EQ(pageout_by_pidfd(p, size), (long)size);
	EXPECT_GT(read_smaps(p, size, "Swap"), (long)(size / KB / 2));
	EXPECT_TRUE(filled(p, size, 3));

	ASSERT_EQ(set_knob("madvise", "0"), 0);
	fill(p, size, 4);
	EXPECT_EQ(madvise(p, size, MADV_PAGEOUT), 0);
	EXPECT_EQ(pageout_by_pidfd(p, size), (long)size);
	EXPECT_EQ(read_smaps(p, size, "Swap"), 0);
}

/* A mapping of huge pages, or of none. */
static char *map_dax_of(size_t size, bool huge)
{
	char *p = huge ? map_dax_huge(size) : map_dax(size);

	if (!huge && p != MAP_FAILED)
		madvise(p, size, MADV_NOHUGEPAGE);
	return p;
}

/* Cold is what was not used lately: the mark of use is gone. */
TEST_F_TIMEOUT(knob, madvise_cold, LONG)
{
	size_t size = PMD;
	int huge, i;
	char *p;

	for (huge = 0; huge < 2; huge++) {
		p = map_dax_of(size, huge);
		ASSERT_NE(p, MAP_FAILED);
		for (i = 0; i < 3; i++) {
			ASSERT_EQ(set_knob("madvise", i == 1 ? "1" : "0"), 0);
			fill(p, size, 60);
			settle();
			EXPECT_EQ(read_smaps(p, size, "Referenced"), (long)(size / KB));
			EXPECT_EQ(madvise(p, size, MADV_COLD), 0);
			EXPECT_EQ(read_smaps(p, size, "Referenced"),
				  i == 1 ? 0 : (long)(size / KB))
				TH_LOG("huge %d, round %d", huge, i);
		}
		EXPECT_TRUE(filled(p, size, 60));
		EXPECT_TRUE(all_on_dax(p, size));
		munmap(p, size);
	}
}

/* The same for huge pages, which are split for it only if they must be. */
TEST_F_TIMEOUT(knob, madvise_huge, LONG)
{
	size_t size = PMD;
	char *p;
	int i;

	if (!self->swap)
		SKIP(return, "no swap: ANONDAX_TEST_SWAP names no device");
	p = map_dax_huge(size);
	ASSERT_NE(p, MAP_FAILED);
	for (i = 0; i < 3; i++) {
		bool on = i == 1;

		ASSERT_EQ(madvise(p, size, MADV_DONTNEED), 0);
		ASSERT_EQ(set_knob("madvise", on ? "1" : "0"), 0);
		fill(p, size, 61);
		settle();
		EXPECT_EQ(read_smaps(p, size, "AnonHugePages"), (long)(size / KB));
		EXPECT_EQ(madvise(p, size, MADV_PAGEOUT), 0);
		EXPECT_EQ(read_smaps(p, size, "Swap") > 0, on);
		EXPECT_TRUE(filled(p, size, 61));
		EXPECT_TRUE(all_on_dax(p, size));

		ASSERT_EQ(madvise(p, size, MADV_DONTNEED), 0);
		fill(p, size, 62);
		settle();
		EXPECT_EQ(madvise(p, size, MADV_FREE), 0);
		settle();
		EXPECT_EQ(read_smaps(p, size, "LazyFree"), on ? (long)(size / KB) : 0);
	}
}

/* Merging, within the node: equal memory of others stays where it is. */
TEST_F_TIMEOUT(knob, madvise_merge, LONG)
{
	size_t size = 16 * page, i, wrong;
	char *p, *q;

	if (ksm_on(&self->changes))
		SKIP(return, "no KSM");
	p = map_dax(size);
	q = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_NE(q, MAP_FAILED);
	memset(p, 0x5b, size);
	memset(q, 0x5b, size);

	ASSERT_EQ(set_knob("madvise", "0"), 0);
	ASSERT_EQ(madvise(p, size, MADV_MERGEABLE), 0);
	EXPECT_TRUE(ksm_passes(4));
	EXPECT_EQ(read_smaps(p, size, "KSM"), 0);

	ASSERT_EQ(set_knob("madvise", "1"), 0);
	EXPECT_TRUE(ksm_passes(4));
	EXPECT_GT(read_smaps(p, size, "KSM"), 0);
	EXPECT_TRUE(all_on_dax(p, size));
	ASSERT_EQ(madvise(q, size, MADV_MERGEABLE), 0);
	EXPECT_TRUE(ksm_passes(6));
	EXPECT_EQ(count_on(q, size, dax.nid), 0);
	EXPECT_TRUE(all_on_dax(p, size));
	/* Nor does it keep them from being merged where they are. */
	EXPECT_EQ(read_smaps(q, size, "KSM"), (long)(size / KB));
	memset(q, 0x5f, size);
	EXPECT_TRUE(ksm_passes(6));
	memset(p, 0x5f, size);
	EXPECT_TRUE(ksm_passes(6));
	EXPECT_EQ(read_smaps(q, size, "KSM"), (long)(size / KB));
	EXPECT_EQ(read_smaps(p, size, "KSM"), (long)(size / KB));
	EXPECT_EQ(count_on(q, size, dax.nid), 0);
	EXPECT_TRUE(all_on_dax(p, size));
	memset(p, 0x5b, size);
	EXPECT_TRUE(ksm_passes(6));

	/* Written to again, all of it, it is on the node. */
	for (i = 0; i < size; i += page)
		p[i]++;
	EXPECT_TRUE(all_on_dax(p, size));
	for (i = wrong = 0; i < size; i++)
		wrong += p[i] != (i % page ? 0x5b : 0x5c);
	EXPECT_EQ(wrong, 0);
	/* Off: what is merged stays so, nothing else becomes it. */
	memset(p, 0x5d, size);
	EXPECT_TRUE(ksm_passes(6));
	EXPECT_EQ(read_smaps(p, size, "KSM"), (long)(size / KB));
	ASSERT_EQ(set_knob("madvise", "0"), 0);
	memset(p, 0x5e, size / 2);
	EXPECT_TRUE(ksm_passes(6));
	EXPECT_EQ(read_smaps(p, size, "KSM"), (long)(size / KB / 2));
	EXPECT_EQ(madvise(p, size, MADV_UNMERGEABLE), 0);
	EXPECT_EQ(read_smaps(p, size, "KSM"), 0);
	EXPECT_TRUE(all_on_dax(p, size));
}

/* The same where a process asks for it for all that it has. */
TEST_F_TIMEOUT(knob, madvise_merge_all, LONG)
{
	size_t size = 16 * page;
	char *p;

	if (ksm_on(&self->changes))
		SKIP(return, "no KSM");
	p = map_dax(size);
	ASSERT_NE(p, MAP_FAILED);
	memset(p, 0x6b, size);

	ASSERT_EQ(set_knob("madvise", "0"), 0);
	ASSERT_EQ(prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0), 0);
	EXPECT_TRUE(ksm_passes(4));
	EXPECT_EQ(read_smaps(p, size, "KSM"), 0);

	ASSERT_EQ(set_knob("madvise", "1"), 0);
	EXPECT_TRUE(ksm_passes(6));
	EXPECT_EQ(read_smaps(p, size, "KSM"), (long)(size / KB));
	EXPECT_TRUE(all_on_dax(p, size));

	ASSERT_EQ(set_knob("madvise", "0"), 0);
	memset(p, 0x6c, size / 2);
	EXPECT_TRUE(ksm_passes(6));
	EXPECT_EQ(read_smaps(p, size, "KSM"), (long)(size / KB / 2));
	EXPECT_EQ(prctl(PR_SET_MEMORY_MERGE, 0, 0, 0, 0), 0);
	EXPECT_EQ(read_smaps(p, size, "KSM"), 0);
	EXPECT_TRUE(all_on_dax(p, size));
}

TEST_F_TIMEOUT(knob, madvise_free, LONG)
{
	size_t size = 64 * page;
	char *p;

	p = map_dax(size);
	ASSERT_NE(p, MAP_FAILED);

	ASSERT_EQ(set_knob("madvise", "0"), 0);
	fill(p, size, 5);
	EXPECT_EQ(madvise(p, size, MADV_FREE), 0);
	EXPECT_EQ(read_smaps(p, size, "LazyFree"), 0);

	ASSERT_EQ(set_knob("madvise", "1"), 0);
	EXPECT_EQ(madvise(p, size, MADV_FREE), 0);
	settle();
	EXPECT_EQ(read_smaps(p, size, "LazyFree"), (long)(size / KB));

	ASSERT_EQ(set_knob("madvise", "0"), 0);
	fill(p, size, 6);
	settle();
	EXPECT_EQ(madvise(p, size, MADV_FREE), 0);
	settle();
	EXPECT_EQ(read_smaps(p, size, "LazyFree"), 0);
	EXPECT_TRUE(filled(p, size, 6));
}

static void *map_filled(bool on_dax, size_t size)
{
	char *p = on_dax ? map_dax(size) : map_anon(size);

	if (p == MAP_FAILED)
		return NULL;
	madvise(p, size, MADV_NOHUGEPAGE);
	memset(p, 0x5a, size);
	return madvise(p, size, MADV_MERGEABLE) ? NULL : p;
}

/*
 * What KSM has merged is not freed lazily, be it mapped only once: KSM goes on to
 * map it in place of others' pages. The same on an ordinary node.
 */
TEST_F_TIMEOUT(knob, madvise_free_merged, LONG)
{
	size_t size = 16 * page, i, lost;
	char *first, *second, *others;
	int on_dax, tries, rc;
	char same[page];

	if (ksm_on(&self->changes))
		SKIP(return, "no KSM");
	rc = enter_cgroup();
	if (rc)
		SKIP(return, "no control groups: %s", strerror(-rc));
	memset(same, 0x5a, page);
	/* Whoever reclaims, merged memory stays merged and where it is. */
	change(&self->changes, DEMOTE, "false");
	ASSERT_EQ(set_knob("madvise", "1"), 0);
	ASSERT_EQ(set_knob("reclaim", "1"), 0);

	for (on_dax = 0; on_dax < 2; on_dax++) {
		ASSERT_EQ(put_text(KSM "run", "1"), 0);
		first = map_filled(on_dax, page);
		second = map_filled(on_dax, page);
		ASSERT_NE(first, NULL);
		ASSERT_NE(second, NULL);
		EXPECT_TRUE(ksm_passes(4));
		EXPECT_EQ(read_smaps(first, page, "KSM"), (long)(page / KB));
		EXPECT_EQ(munmap(second, page), 0);

		EXPECT_EQ(madvise(first, page, MADV_FREE), 0);
		settle();
		EXPECT_EQ(read_smaps(first, page, "LazyFree"), 0);

		others = map_filled(on_dax, size);
		ASSERT_NE(others, NULL);
		EXPECT_TRUE(ksm_passes(4));
		EXPECT_EQ(read_smaps(others, size, "KSM"), (long)(size / KB));
		ASSERT_EQ(put_text(KSM "run", "0"), 0);
		for (tries = 0; tries < 5; tries++)
			put_text(CGROUP GROUP "/memory.reclaim", "64M");
		for (i = lost = 0; i < size; i += page)
			lost += memcmp(others + i, same, page) != 0;
		EXPECT_EQ(lost, 0)
			TH_LOG("of 16 pages, %s", on_dax ? "device" : "DRAM");
		EXPECT_EQ(munmap(others, size), 0);
		EXPECT_EQ(munmap(first, page), 0);
	}
}

TEST_F_TIMEOUT(knob, madvise_collapse, LONG)
{
	char *p;

	p = map_dax(2 * PMD);
	ASSERT_NE(p, MAP_FAILED);
	p = (char *)(((unsigned long)p + PMD - 1) & ~(PMD - 1));
	/* Small pages, and for khugepaged to leave them alone. */
	change(&self->changes, THP "enabled", "madvise");
	fill(p, PMD, 6);

	ASSERT_EQ(set_knob("madvise", "0"), 0);
	EXPECT_NE(madvise(p, PMD, MADV_COLLAPSE), 0);
	EXPECT_EQ(read_smaps(p, PMD, "AnonHugePages"), 0);

	ASSERT_EQ(set_knob("madvise", "1"), 0);
	EXPECT_EQ(madvise(p, PMD, MADV_COLLAPSE), 0)
		TH_LOG("%s", strerror(errno));
	EXPECT_EQ(read_smaps(p, PMD, "AnonHugePages"), (long)(PMD / KB));
	/* To where the pages were. */
	EXPECT_TRUE(all_on_dax(p, PMD));
	EXPECT_TRUE(filled(p, PMD, 6));

	ASSERT_EQ(set_knob("madvise", "0"), 0);
	ASSERT_EQ(madvise(p, PMD, MADV_DONTNEED), 0);
	fill(p, PMD, 7);
	EXPECT_NE(madvise(p, PMD, MADV_COLLAPSE), 0);
	EXPECT_EQ(read_smaps(p, PMD, "AnonHugePages"), 0);
	EXPECT_TRUE(filled(p, PMD, 7));
}

/*
 * reclaim
 */
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
	int i, rc;
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
		fill(p, size, 7 + i);
		settle();
		ASSERT_EQ(set_knob("reclaim", "0"), 0);
		EXPECT_NE(put_text(file, text), 0);
		EXPECT_EQ(read_smaps(p, size, "Swap"), 0);
		/* Nor does anyone look at who used it. */
		EXPECT_EQ(read_smaps(p, size, "Referenced"), (long)(size / KB));
		EXPECT_TRUE(all_on_dax(p, size));

		ASSERT_EQ(set_knob("reclaim", "1"), 0);
		rc = put_text(file, text);
		EXPECT_TRUE(rc == 0 || rc == -EAGAIN)
			TH_LOG("%s: %s", file, strerror(-rc));
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
	size_t size = 2 * MSTEP;
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
		EXPECT_EQ(put_text(limits[0], "8M"), 0);
		EXPECT_EQ(put_text(limits[0], "max"), 0);
		EXPECT_EQ(read_smaps(p, size, "Swap"), 0);
		EXPECT_TRUE(all_on_dax(p, size));

		ASSERT_EQ(set_knob("reclaim", "1"), 0);
		/* To open it takes memory, which the limit refuses. */
		fd = open(limits[i & 1], O_WRONLY | O_CLOEXEC);
		ASSERT_GE(fd, 0);
		for (tries = 0; tries < 20 &&
		     read_smaps(p, size, "Swap") <= (long)(size / KB / 2); tries++) {
			EXPECT_EQ(write(fd, "8M", 2), 2);
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

	/*
	 * What is freed may stay on the lists of a CPU, up to an eighth of a node for
	 * all of them, where compaction does not find it.
	 */
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
	if (!set_knob("reclaim", knob) && !put_text(path, "1"))
		nr = moved(p, size, pfns);
	free(pfns);
	return nr;
}

#define PROACTIVE	"/proc/sys/vm/compaction_proactiveness"

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
	p = map_holes(&size, 50);
	ASSERT_NE(p, MAP_FAILED);
	EXPECT_EQ(compacted(p, size, "0"), 0);
	EXPECT_EQ(compacted_itself(p, size, "0", 4), 0);
	EXPECT_GT(compacted_itself(p, size, "1", 100), 0);
	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	EXPECT_TRUE(holes_filled(p, size, 50));
	munmap(p, size);

	p = map_holes(&size, 51);
	ASSERT_NE(p, MAP_FAILED);
	EXPECT_EQ(compacted_itself(p, size, "0", 4), 0);
	EXPECT_GT(compacted(p, size, "1"), 0);
	EXPECT_EQ(compacted(p, size, "0"), 0);
	EXPECT_TRUE(holes_filled(p, size, 51));
}

/* With reclaim on, more than the node has fits: the rest is in swap. */
TEST_F_TIMEOUT(knob, reclaim_direct, LONG)
{
	size_t size = get_number("/proc/meminfo", "SwapFree") ? free_pages() * page + 64 * MB : 0;
	long kills = vm_count("oom_kill"), direct, kswapd;
	char *p;

	if (!self->swap)
		SKIP(return, "no swap: ANONDAX_TEST_SWAP names no device");
	change(&self->changes, DEMOTE, "false");
	p = map_dax(size);
	ASSERT_NE(p, MAP_FAILED);

	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	EXPECT_LT(touch(p, size), (long)(size / page));
	EXPECT_EQ(read_smaps(p, size, "Swap"), 0);
	direct = vm_count("pgsteal_direct");
	kswapd = vm_count("pgsteal_kswapd");
	ASSERT_EQ(set_knob("reclaim", "1"), 0);
	EXPECT_EQ(touch(p, size), (long)(size / page));
	EXPECT_GT(read_smaps(p, size, "Swap"), 32L * 1024);
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
	size_t size = MSTEP, locked = 4 * MB;
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
	long before = -1;
	char *p, text[32];
	int tries, on;

	if (change(&self->changes, THP "khugepaged/scan_sleep_millisecs", "10") ||
	    change(&self->changes, THP "khugepaged/alloc_sleep_millisecs", "10"))
		SKIP(return, "no khugepaged");
	p = map_dax(2 * PMD);
	ASSERT_NE(p, MAP_FAILED);
	p = (char *)(((unsigned long)p + PMD - 1) & ~(PMD - 1));
	ASSERT_EQ(madvise(p, PMD, MADV_NOHUGEPAGE), 0);
	fill(p, PMD, 31);
	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	ASSERT_EQ(madvise(p, PMD, MADV_HUGEPAGE), 0);
	for (on = 0; on < 2; on++) {
		for (tries = 0; tries < 500; tries++) {
			/* It wants pages that somebody looked at lately. */
			ASSERT_TRUE(filled(p, PMD, 31));
			ASSERT_EQ(get_text(THP "khugepaged/full_scans", text, sizeof(text)), 0);
			if (before < 0)
				before = atol(text);
			if (on ? read_smaps(p, PMD, "AnonHugePages") : atol(text) > before + 4)
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
	ASSERT_EQ(get_text(THP "khugepaged/full_scans", text, sizeof(text)), 0);
	before = atol(text);
	for (tries = 0; tries < 500 && atol(text) <= before + 4; tries++) {
		ASSERT_TRUE(filled(p, PMD, 32));
		usleep(20000);
		ASSERT_EQ(get_text(THP "khugepaged/full_scans", text, sizeof(text)), 0);
	}
	EXPECT_LT(tries, 500);
	EXPECT_EQ(read_smaps(p, PMD, "AnonHugePages"), 0);
}

/* Through zswap, and back to the node. */
TEST_F_TIMEOUT(knob, reclaim_zswap, LONG)
{
	char reclaim[PATH_MAX], text[32];
	size_t size = MSTEP;
	long before;
	char *p;
	int rc;

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
	put_text(reclaim, text);
	EXPECT_GT(read_smaps(p, size, "Swap"), (long)(size / KB / 4));
	EXPECT_GT(vm_count("zswpout"), before);
	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	EXPECT_TRUE(filled(p, size, 32));
	EXPECT_TRUE(all_on_dax(p, size));
	put_text(reclaim, text);
	EXPECT_TRUE(all_on_dax(p, size));
}

/*
 * demotion
 */

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
	size_t size = 32 * MB;
	long before, demoted;
	int nid, rc;
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
	put_text(reclaim, text);
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
	size_t size = 32 * MB;
	char *p, *q;
	int tries;

	if (!self->swap || enter_cgroup())
		SKIP(return, "no swap, or no control groups");
	ASSERT_EQ(change(&self->changes, DEMOTE, "true"), 0);
	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	ASSERT_EQ(set_knob("demotion", "1"), 0);
	q = map_dax_huge(free_pages() * page + PMD);
	ASSERT_NE(q, MAP_FAILED);
	touch(q, free_pages() * page + PMD);
	p = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, size, 65);
	settle();
	for (tries = 0; tries < 20 && read_smaps(p, size, "Swap") < (long)(size / KB / 4); tries++)
		put_text(CGROUP GROUP "/memory.reclaim", "16M");
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
	long want, tries;
	char *buf, text[32];
	size_t off;
	int fd;

	if (!self->swap || enter_cgroup())
		SKIP(return, "no disk, or no control groups");
	ASSERT_EQ(get_text("/proc/sys/vm/dirty_ratio", text, sizeof(text)), 0);
	ASSERT_EQ(change(&self->changes, DEMOTE, "true"), 0);
	ASSERT_EQ(set_knob("demotion", "1"), 0);
	buf = malloc(MB);
	ASSERT_NE(buf, NULL);
	fd = open(disk, O_RDONLY | O_CLOEXEC);
	ASSERT_GE(fd, 0);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	for (off = 0; off < size; off += MB)
		ASSERT_EQ(pread(fd, buf, MB, off), (ssize_t)MB);
	was = read_figures();
	is = was;
	for (tries = 0; tries < 50 && is.demoted < (long)(size / KB / 2); tries++) {
		put_text(CGROUP GROUP "/memory.reclaim", "16M");
		is = read_figures();
	}
	EXPECT_GE(is.demoted, (long)(size / KB / 2));

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

/*
 * mbind
 */
TEST_F_TIMEOUT(knob, mbind, LONG)
{
	unsigned long P = 1UL << dax.nid, other = dax.nid ? 1UL : 2UL;
	size_t size = 64 * page;
	char *p, *q, *f;
	pid_t pid;

	p = map_anon(size);
	q = map_anon(size);
	f = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_NE(q, MAP_FAILED);
	ASSERT_NE(f, MAP_FAILED);
	fill(q, size, 11);

	ASSERT_EQ(set_knob("mbind", "0"), 0);
	EXPECT_EQ(sys_mbind(p, size, MPOL_BIND, P, 0), -EINVAL);
	EXPECT_EQ(sys_mbind(p, size, MPOL_PREFERRED, P, 0), -EINVAL);
	EXPECT_EQ(sys_set_mempolicy(MPOL_BIND, P), -EINVAL);
	EXPECT_EQ(move_to(q, page, dax.nid), -ENODEV);
	fill(p, size, 12);
	EXPECT_EQ(count_on(p, size, dax.nid), 0);

	ASSERT_EQ(set_knob("mbind", "1"), 0);
	/* What is there stays without MOVE, and goes with it. */
	EXPECT_EQ(sys_mbind(p, size, MPOL_BIND, P, MPOL_MF_STRICT), -EIO);
	EXPECT_EQ(sys_mbind(p, size, MPOL_BIND, P, 0), 0);
	EXPECT_EQ(count_on(p, size, dax.nid), 0);
	EXPECT_EQ(sys_mbind(p, size, MPOL_BIND, P, MPOL_MF_MOVE | MPOL_MF_STRICT), 0);
	EXPECT_TRUE(all_on_dax(p, size));
	EXPECT_TRUE(filled(p, size, 12));
	/* First touch, and a child's copy. */
	EXPECT_EQ(madvise(p, size, MADV_DONTNEED), 0);
	fill(p, size, 13);
	EXPECT_TRUE(all_on_dax(p, size));
	pid = fork();
	if (!pid) {
		fill(p, size, 14);
		_exit(!all_on_dax(p, size) || !filled(p, size, 14));
	}
	EXPECT_EQ(wait_child(pid), 0);
	EXPECT_TRUE(filled(p, size, 13));

	/* Both ways, and back. */
	EXPECT_EQ(move_to(q, size, dax.nid), 0);
	EXPECT_TRUE(all_on_dax(q, size));
	EXPECT_EQ(move_to(q, size, __builtin_ctzl(other)), 0);
	EXPECT_EQ(count_on(q, size, dax.nid), 0);
	EXPECT_EQ(failed(syscall(__NR_migrate_pages, 0, 64UL, &other, &P)), 0);
	EXPECT_TRUE(all_on_dax(q, size));
	EXPECT_EQ(failed(syscall(__NR_migrate_pages, 0, 64UL, &P, &other)), 0);
	EXPECT_EQ(count_on(q, size, dax.nid), 0);
	EXPECT_TRUE(filled(q, size, 11));
	EXPECT_TRUE(filled(p, size, 13));

	/* What others have too moves only if all is to move. */
	pid = fork();
	if (!pid)
		_exit(pause());
	EXPECT_EQ(sys_mbind(q, size, MPOL_BIND, P, MPOL_MF_MOVE), 0);
	EXPECT_EQ(count_on(q, size, dax.nid), 0);
	EXPECT_EQ(sys_mbind(q, size, MPOL_BIND, P, MPOL_MF_MOVE_ALL), 0);
	EXPECT_TRUE(all_on_dax(q, size));
	EXPECT_EQ(sys_mbind(q, size, MPOL_BIND, other, MPOL_MF_MOVE), 0);
	EXPECT_TRUE(all_on_dax(q, size));
	EXPECT_EQ(sys_mbind(q, size, MPOL_BIND, other, MPOL_MF_MOVE_ALL), 0);
	EXPECT_EQ(count_on(q, size, dax.nid), 0);
	EXPECT_TRUE(filled(q, size, 11));
	kill(pid, SIGKILL);
	wait_child(pid);

	/* Not for memory that is not anonymous. */
	EXPECT_EQ(sys_mbind(f, size, MPOL_BIND, P, 0), -EINVAL);
	EXPECT_EQ(sys_mbind(f, size, MPOL_BIND, P | other, 0), 0);
	fill(f, size, 15);
	EXPECT_EQ(count_on(f, size, dax.nid), 0);
	EXPECT_EQ(move_to(f, page, dax.nid), -EINVAL);

	/* Off: what is there stays, what comes does not come from the node. */
	fill(p, size, 13);
	EXPECT_EQ(sys_mbind(p, size, MPOL_BIND, P, MPOL_MF_MOVE), 0);
	EXPECT_TRUE(all_on_dax(p, size));
	ASSERT_EQ(set_knob("mbind", "0"), 0);
	EXPECT_TRUE(all_on_dax(p, size));
	EXPECT_EQ(madvise(p, size / 2, MADV_DONTNEED), 0);
	fill(p, size / 2, 16);
	EXPECT_EQ(count_on(p, size / 2, dax.nid), 0);
	EXPECT_EQ(count_on(p + size / 2, size / 2, dax.nid), (long)(size / 2 / page));
	EXPECT_EQ(move_to(p + size / 2, page, __builtin_ctzl(other)), -EACCES);
	/* Nor does it leave by another way. */
	EXPECT_GE(failed(syscall(__NR_migrate_pages, 0, 64UL, &P, &other)), 0);
	EXPECT_EQ(sys_mbind(p + size / 2, size / 2, MPOL_BIND, other, MPOL_MF_MOVE), 0);
	EXPECT_EQ(sys_mbind(p + size / 2, size / 2, MPOL_BIND, other, MPOL_MF_MOVE_ALL), 0);
	EXPECT_EQ(count_on(p + size / 2, size / 2, dax.nid), (long)(size / 2 / page));
}

/* One call for memory of both kinds: all of it is changed, or none. */
TEST_F_TIMEOUT(knob, mbind_files, LONG)
{
	unsigned long P = 1UL << dax.nid, ordinary = dax.nid ? 1UL : 2UL, nodes;
	char name[] = "/tmp/anondax.XXXXXX";
	size_t size = 16 * page;
	int shared, fd, mode;
	char *p;

	ASSERT_EQ(set_knob("mbind", "1"), 0);
	fd = mkstemp(name);
	ASSERT_GE(fd, 0);
	unlink(name);
	ASSERT_EQ(ftruncate(fd, size), 0);
	for (shared = 0; shared < 2; shared++) {
		p = map_anon(2 * size);
		ASSERT_NE(p, MAP_FAILED);
		ASSERT_NE(mmap(p + size, size, PROT_READ | PROT_WRITE,
			       MAP_FIXED | (shared ? MAP_SHARED : MAP_PRIVATE), fd, 0),
			  MAP_FAILED);
		EXPECT_EQ(sys_mbind(p + size, size, MPOL_BIND, P, 0), -EINVAL);
		EXPECT_EQ(sys_mbind(p, 2 * size, MPOL_BIND, P, 0), -EINVAL);
		ASSERT_EQ(failed(syscall(__NR_get_mempolicy, &mode, &nodes, 64UL, p,
					 MPOL_F_ADDR)), 0);
		EXPECT_EQ(mode, MPOL_DEFAULT);

		EXPECT_EQ(sys_mbind(p, 2 * size, MPOL_INTERLEAVE, P | ordinary, 0), 0);
		ASSERT_EQ(failed(syscall(__NR_get_mempolicy, &mode, &nodes, 64UL, p,
					 MPOL_F_ADDR)), 0);
		EXPECT_EQ(nodes, P | ordinary);
		ASSERT_EQ(failed(syscall(__NR_get_mempolicy, &mode, &nodes, 64UL, p + size,
					 MPOL_F_ADDR)), 0);
		EXPECT_EQ(nodes, ordinary);
		fill(p, 2 * size, 64);
		EXPECT_EQ(count_on(p, size, dax.nid), (long)(size / page / 2));
		EXPECT_EQ(count_on(p + size, size, dax.nid), 0);
		munmap(p, 2 * size);
	}
	close(fd);
}

/* All policies, and the nodes that they may use. */
TEST_F_TIMEOUT(knob, mbind_policies, LONG)
{
	unsigned long P = 1UL << dax.nid, ordinary = dax.nid ? 1UL : 2UL;
	char weight[PATH_MAX], *p;
	size_t size = 64 * page;

	ASSERT_EQ(set_knob("mbind", "1"), 0);
	/* Weights are given, not computed from what firmware says. */
	ASSERT_EQ(change(&self->changes, WEIGHTED "auto", "false"), 0);
	snprintf(weight, sizeof(weight), WEIGHTED "node%d", dax.nid);
	ASSERT_EQ(change(&self->changes, weight, "3"), 0);
	snprintf(weight, sizeof(weight), WEIGHTED "node%d", __builtin_ctzl(ordinary));
	ASSERT_EQ(change(&self->changes, weight, "1"), 0);
	p = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	madvise(p, size, MADV_NOHUGEPAGE);

#define PLACED(_mode, _nodes, _want) do {					\
		const int mode = (_mode);					\
		const unsigned long nodes = (_nodes);				\
										\
		madvise(p, size, MADV_DONTNEED);				\
		ASSERT_EQ(sys_mbind(p, size, mode, nodes, 0), 0);		\
		fill(p, size, 17);						\
		EXPECT_EQ(count_on(p, size, dax.nid), (long)(_want))		\
			TH_LOG("mode %d, nodes %#lx", mode, nodes);		\
	} while (0)

	PLACED(MPOL_BIND, P, size / page);
	PLACED(MPOL_BIND, P | ordinary, 0);
	PLACED(MPOL_PREFERRED, P, size / page);
	PLACED(MPOL_PREFERRED_MANY, P, size / page);
	PLACED(MPOL_INTERLEAVE, P, size / page);
	PLACED(MPOL_INTERLEAVE, P | ordinary, size / page / 2);
	PLACED(MPOL_INTERLEAVE | MPOL_F_STATIC_NODES, P | ordinary, size / page / 2);
	PLACED(MPOL_WEIGHTED_INTERLEAVE, P, size / page);
	PLACED(MPOL_WEIGHTED_INTERLEAVE, P | ordinary, size / page * 3 / 4);
	PLACED(MPOL_PREFERRED_MANY, P | ordinary, 0);
	PLACED(MPOL_BIND | MPOL_F_STATIC_NODES, P, size / page);
	PLACED(MPOL_DEFAULT, 0UL, 0);
#undef PLACED
	/* Numbers relative to the cpuset cannot mean a node that is in none. */
	EXPECT_EQ(sys_mbind(p, size, MPOL_BIND | MPOL_F_RELATIVE_NODES, P, 0), 0);
	madvise(p, size, MADV_DONTNEED);
	fill(p, size, 18);
	EXPECT_EQ(count_on(p, size, dax.nid), 0);
	EXPECT_EQ(sys_mbind(p, size, MPOL_INTERLEAVE | MPOL_F_RELATIVE_NODES, P | 1, 0), 0);
	madvise(p, size, MADV_DONTNEED);
	fill(p, size, 18);
	EXPECT_EQ(count_on(p, size, dax.nid), 0);
	EXPECT_EQ(sys_mbind(p, size, MPOL_DEFAULT, 0UL, 0), 0);

#define TASK_PLACED(_mode, _nodes, _want) do {					\
		const int mode = (_mode);					\
		const unsigned long nodes = (_nodes);				\
		long on_node;							\
										\
		madvise(p, size, MADV_DONTNEED);				\
		ASSERT_EQ(sys_set_mempolicy(mode, nodes), 0);			\
		fill(p, size, 18);						\
		sys_set_mempolicy(MPOL_DEFAULT, 0);				\
		on_node = count_on(p, size, dax.nid);				\
		/* The task's turn goes on with each page, its stack's too. */	\
		EXPECT_LE(labs(on_node - (long)(_want)), 3)			\
			TH_LOG("mode %d, nodes %#lx: %ld", mode, nodes, on_node);	\
	} while (0)

	TASK_PLACED(MPOL_BIND, P, size / page);
	TASK_PLACED(MPOL_PREFERRED, P, size / page);
	TASK_PLACED(MPOL_PREFERRED_MANY, P, size / page);
	TASK_PLACED(MPOL_INTERLEAVE, P | ordinary, size / page / 2);
	TASK_PLACED(MPOL_WEIGHTED_INTERLEAVE, P | ordinary, size / page * 3 / 4);
	TASK_PLACED(MPOL_BIND | MPOL_F_STATIC_NODES, P, size / page);
	TASK_PLACED(MPOL_BIND | MPOL_F_RELATIVE_NODES, P, 0);
#undef TASK_PLACED

	/* The home node comes first. */
	madvise(p, size, MADV_DONTNEED);
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, P | ordinary, 0), 0);
	EXPECT_EQ(failed(syscall(__NR_set_mempolicy_home_node, p, size, (long)dax.nid, 0)), 0);
	fill(p, size, 19);
	EXPECT_TRUE(all_on_dax(p, size));
	/* Nor does a home node bring memory to where it is not wanted any more. */
	ASSERT_EQ(sys_mbind(p, size, MPOL_PREFERRED_MANY, P | ordinary, 0), 0);
	EXPECT_EQ(failed(syscall(__NR_set_mempolicy_home_node, p, size, (long)dax.nid, 0)), 0);
	ASSERT_EQ(set_knob("mbind", "0"), 0);
	madvise(p, size, MADV_DONTNEED);
	fill(p, size, 43);
	EXPECT_EQ(count_on(p, size, dax.nid), 0);

	/* Huge pages follow a policy like small ones. */
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	munmap(p, size);
	p = map_anon(2 * PMD);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(sys_mbind(p, 2 * PMD, MPOL_BIND, P, 0), 0);
	p = (char *)(((unsigned long)p + PMD - 1) & ~(PMD - 1));
	ASSERT_EQ(madvise(p, PMD, MADV_HUGEPAGE), 0);
	fill(p, PMD, 44);
	EXPECT_EQ(read_smaps(p, PMD, "AnonHugePages"), (long)(PMD / KB));
	EXPECT_TRUE(all_on_dax(p, PMD));
}

/* Folios of a size between. */
TEST_F_TIMEOUT(knob, mbind_mthp, LONG)
{
	const char *count = THP "hugepages-64kB/stats/anon_fault_alloc";
	const unsigned long P = 1UL << dax.nid, ordinary = dax.nid ? 1UL : 2UL;
	const size_t size = 4 * MB;
	char before[32], after[32], *p;
	int mixed;

	if (change(&self->changes, THP "hugepages-64kB/enabled", "always") ||
	    change(&self->changes, THP "hugepages-2048kB/enabled", "never"))
		SKIP(return, "no multi-size THP");
	p = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	for (mixed = 0; mixed < 2; mixed++) {
		ASSERT_EQ(set_knob("mbind", "1"), 0);
		ASSERT_EQ(madvise(p, size, MADV_DONTNEED), 0);
		ASSERT_EQ(sys_mbind(p, size, mixed ? MPOL_INTERLEAVE : MPOL_BIND,
				    mixed ? P | ordinary : P, 0), 0);
		ASSERT_EQ(get_text(count, before, sizeof(before)), 0);
		fill(p, size, 52 + mixed);
		ASSERT_EQ(get_text(count, after, sizeof(after)), 0);
		EXPECT_GE(atol(after) - atol(before), (long)(size / (64 * KB)) - 1);
		if (!mixed) {
			EXPECT_TRUE(all_on_dax(p, size));
		} else {
			EXPECT_GT(count_on(p, size, dax.nid), (long)(size / page / 3));
			EXPECT_LT(count_on(p, size, dax.nid), (long)(size / page * 2 / 3));
		}
		EXPECT_TRUE(filled(p, size, 52 + mixed));

		ASSERT_EQ(set_knob("mbind", "0"), 0);
		ASSERT_EQ(madvise(p, size, MADV_DONTNEED), 0);
		fill(p, size, 54);
		EXPECT_EQ(count_on(p, size, dax.nid), 0);
	}
}

/* A bound task works: only its anonymous memory comes from the node. */
TEST_F_TIMEOUT(knob, mbind_task, LONG)
{
	unsigned long P = 1UL << dax.nid;
	char name[] = "/tmp/anondax.XXXXXX";
	long before, after;
	size_t size = 4 * MB;
	char *p, *f;
	pid_t pid;
	int fd, i;

	ASSERT_EQ(set_knob("mbind", "1"), 0);
	ASSERT_EQ(sys_set_mempolicy(MPOL_BIND, P), 0);
	p = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, size, 20);
	EXPECT_TRUE(all_on_dax(p, size));
	settle();

	/* Page cache, shmem, page tables, slab, stacks of children. */
	before = free_pages();
	fd = mkstemp(name);
	ASSERT_GE(fd, 0);
	unlink(name);
	ASSERT_EQ(ftruncate(fd, size), 0);
	f = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(f, MAP_FAILED);
	fill(f, size, 21);
	EXPECT_EQ(count_on(f, size, dax.nid), 0);
	for (i = 0; i < 20; i++) {
		pid = fork();
		if (!pid)
			_exit(0);
		EXPECT_EQ(wait_child(pid), 0);
	}
	for (i = 0; i < 100; i++)
		close(socket(AF_UNIX, SOCK_STREAM, 0));
	settle();
	after = free_pages();
	/* Copies of the stack's pages come and go. */
	EXPECT_LE(before - after, 32);
	EXPECT_TRUE(filled(f, size, 21));
	EXPECT_TRUE(filled(p, size, 20));
	sys_set_mempolicy(MPOL_DEFAULT, 0);
}

/* Out to the disk, and back to the node that the policy names. */
TEST_F_TIMEOUT(knob, mbind_swap, LONG)
{
	unsigned long P = 1UL << dax.nid, ordinary = dax.nid ? 1UL : 2UL;
	size_t size = 4 * MB;
	int how, rc;
	char *p;

	if (!self->swap || enter_cgroup())
		SKIP(return, "no swap, or no control groups");
	change(&self->changes, DEMOTE, "false");
	/* By a policy of the mapping, of the task, and by swapoff. */
	for (how = 0; how < 4; how++) {
		ASSERT_EQ(set_knob("mbind", "1"), 0);
		ASSERT_EQ(set_knob("madvise", "1"), 0);
		ASSERT_EQ(set_knob("reclaim", "1"), 0);
		p = map_anon(size);
		ASSERT_NE(p, MAP_FAILED);
		rc = how == 1 ? sys_set_mempolicy(MPOL_BIND, P) :
				sys_mbind(p, size, MPOL_BIND, P, 0);
		ASSERT_EQ(rc, 0);
		fill(p, size, 45);
		EXPECT_TRUE(all_on_dax(p, size));
		settle();
		EXPECT_TRUE(swap_out(p, size));
		if (how == 2) {
			swap_off();
			self->swap = false;
		}
		/* With the knob off nothing comes back to it. */
		if (how == 3)
			ASSERT_EQ(set_knob("mbind", "0"), 0);
		/* Reading ahead does not know the node, so it leaves it to the fault. */
		EXPECT_EQ(madvise(p, size, MADV_WILLNEED), 0);
		EXPECT_TRUE(filled(p, size, 45));
		EXPECT_EQ(count_on(p, size, dax.nid), how == 3 ? 0 : (long)(size / page))
			TH_LOG("way %d", how);
		sys_set_mempolicy(MPOL_DEFAULT, 0);
		munmap(p, size);
		if (how == 2)
			ASSERT_EQ(swap_on(), 0);
	}

	/* A neighbour that is not bound reads it ahead: it is moved when it is used. */
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	p = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, ordinary, 0), 0);
	fill(p, size, 46);
	settle();
	EXPECT_TRUE(swap_out(p, size));
	EXPECT_EQ(madvise(p, size, MADV_WILLNEED), 0);
	EXPECT_GT(count_resident(p, size), 0);
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, P, 0), 0);
	EXPECT_TRUE(filled(p, size, 46));
	EXPECT_TRUE(all_on_dax(p, size));
}

/* More than there is. */
static char *map_more(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/*
 * To use memory up page by page takes long: in huge ones, but for what the end of
 * it is about.
 */
static void huge_at_first(char *p, size_t size)
{
	if (size > 64 * MB)
		madvise(p, size - 64 * MB, MADV_HUGEPAGE);
}

/* Does a child get copies of all of it? SIGBUS says that it does not. */
static bool copies(char *p, size_t size)
{
	pid_t pid = fork();

	if (!pid)
		_exit(touch(p, size) != (long)(size / page));
	return wait_child(pid) == 0;
}

/* A bind that cannot be satisfied fails who asked, and kills nobody. */
TEST_F_TIMEOUT(knob, mbind_full, LONG)
{
	size_t size = (free_pages() + 1024) * page;
	long kills = vm_count("oom_kill"), done;
	char *p;
	int on;

	ASSERT_EQ(set_knob("mbind", "1"), 0);
	for (on = 0; on < 2; on++) {
		/* Reclaim that has nowhere to put it changes nothing. */
		if (on || !strcmp(variant->others, "1"))
			swap_off();
		ASSERT_EQ(set_knob("reclaim", on ? "1" : "0"), 0);
		p = map_more(size);
		ASSERT_NE(p, MAP_FAILED);
		ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, 1UL << dax.nid, 0), 0);
		huge_at_first(p, size);
		done = touch(p, size);
		EXPECT_LT(done, (long)(size / page));
		EXPECT_GT(done, (long)(size / page) - 8192);
		EXPECT_EQ(count_on(p, done * page, dax.nid), done);
		EXPECT_EQ(vm_count("oom_kill"), kills)
			TH_LOG("reclaim %d", on);
		/* Nor is there room for a copy. */
		EXPECT_FALSE(copies(p, done * page));
		EXPECT_EQ(vm_count("oom_kill"), kills);
		if (!on)
			munmap(p, size);
	}
	/* A preference goes on elsewhere. */
	ASSERT_EQ(sys_mbind(p + done * page, 512 * page, MPOL_PREFERRED, 1UL << dax.nid, 0), 0);
	EXPECT_EQ(touch(p + done * page, 512 * page), 512);
	EXPECT_EQ(vm_count("oom_kill"), kills);
}

/*
 * numa_balance
 */
#define NUMA_BALANCING	"/proc/sys/kernel/numa_balancing"

static void scan_often(struct changes *c)
{
	change(c, "/sys/kernel/debug/sched/numa_balancing/scan_delay_ms", "50");
	change(c, "/sys/kernel/debug/sched/numa_balancing/scan_period_min_ms", "50");
	change(c, "/sys/kernel/debug/sched/numa_balancing/scan_period_max_ms", "100");
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
	size_t size = MSTEP;
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
		usleep(20000);
	}
	EXPECT_LT(i, 4000);
	EXPECT_TRUE(all_on_dax(p, size));

	ASSERT_EQ(set_knob("numa_balance", "1"), 0);
	before = vm_count("numa_pages_migrated");
	/* A mapping that had no hint faults is scanned again after a while. */
	for (i = 0; i < 4000 && all_on_dax(p, size); i++) {
		fill(p, size, 24);
		usleep(20000);
	}
	EXPECT_FALSE(all_on_dax(p, size));
	EXPECT_GT(vm_count("numa_pages_migrated"), before);
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
		usleep(20000);
	}
	EXPECT_TRUE(all_on_dax(p, size));
}

/*
 * DAMON: its migration demotes, and takes what it moves as reclaim does.
 */
#define DAMON	"/sys/kernel/mm/damon/admin/kdamonds/"

static int damon_put(const char *file, const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DAMON "%s", file);
	return put_text(path, text);
}

/* Do something with all of our memory for a while, be it to move it to the node. */
static int damon_does(const char *action, int nid)
{
	const char * const settings[][2] = {
		{ "nr_kdamonds", "1" },
		{ "0/contexts/nr_contexts", "1" },
		{ "0/contexts/0/operations", "vaddr" },
		{ "0/contexts/0/monitoring_attrs/intervals/sample_us", "5000" },
		{ "0/contexts/0/monitoring_attrs/intervals/aggr_us", "50000" },
		{ "0/contexts/0/monitoring_attrs/intervals/update_us", "100000" },
		{ "0/contexts/0/targets/nr_targets", "1" },
		{ "0/contexts/0/targets/0/pid_target", NULL },
		{ "0/contexts/0/schemes/nr_schemes", "1" },
		{ "0/contexts/0/schemes/0/action", action },
		{ "0/contexts/0/schemes/0/target_nid", "" },
		{ "0/contexts/0/schemes/0/access_pattern/sz/max", "1000000000000" },
		{ "0/contexts/0/schemes/0/access_pattern/nr_accesses/max", "1000" },
		{ "0/contexts/0/schemes/0/access_pattern/age/max", "1000000" },
		{ "0/state", "on" },
	};
	char text[32];
	size_t i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(settings); i++) {
		const char *value = settings[i][1];

		snprintf(text, sizeof(text), "%d", value ? nid : getpid());
		rc = damon_put(settings[i][0], value && *value ? value : text);
		if (rc)
			return rc;
	}
	for (i = 0; i < 20; i++)
		usleep(100000);
	return damon_put("0/state", "off");
}

TEST_F_TIMEOUT(knob, damon, LONG)
{
	int ordinary = dax.nid ? 0 : 1, rc;
	size_t size = 4 * MB;
	char *p;

	p = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	madvise(p, size, MADV_NOHUGEPAGE);
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, 1UL << ordinary, 0), 0);
	fill(p, size, 41);
	settle();

	ASSERT_EQ(set_knob("demotion", "0"), 0);
	rc = damon_does("migrate_cold", dax.nid);
	if (rc == -ENOENT)
		SKIP(return, "no DAMON");
	ASSERT_EQ(rc, 0);
	EXPECT_EQ(count_on(p, size, dax.nid), 0);

	ASSERT_EQ(set_knob("demotion", "1"), 0);
	ASSERT_EQ(damon_does("migrate_cold", dax.nid), 0);
	EXPECT_GT(count_on(p, size, dax.nid), 0);
	EXPECT_TRUE(filled(p, size, 41));
	ASSERT_EQ(set_knob("demotion", "0"), 0);
	madvise(p, size, MADV_DONTNEED);
	fill(p, size, 41);
	settle();
	ASSERT_EQ(damon_does("migrate_cold", dax.nid), 0);
	EXPECT_EQ(count_on(p, size, dax.nid), 0);
	munmap(p, size);

	/* And off it again. */
	p = map_dax(size);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, size, 42);
	settle();
	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	ASSERT_EQ(damon_does("migrate_hot", ordinary), 0);
	EXPECT_TRUE(all_on_dax(p, size));
	ASSERT_EQ(set_knob("reclaim", "1"), 0);
	ASSERT_EQ(damon_does("migrate_hot", ordinary), 0);
	EXPECT_LT(count_on(p, size, dax.nid), (long)(size / page));
	EXPECT_TRUE(filled(p, size, 42));

	/* Its reclaim is reclaim. */
	if (self->swap) {
		munmap(p, size);
		p = map_dax(size);
		ASSERT_NE(p, MAP_FAILED);
		fill(p, size, 51);
		settle();
		ASSERT_EQ(set_knob("reclaim", "0"), 0);
		ASSERT_EQ(damon_does("pageout", ordinary), 0);
		EXPECT_TRUE(all_on_dax(p, size));
		EXPECT_EQ(read_smaps(p, size, "Swap"), 0);
		ASSERT_EQ(set_knob("reclaim", "1"), 0);
		ASSERT_EQ(damon_does("pageout", ordinary), 0);
		EXPECT_GT(read_smaps(p, size, "Swap"), 0);
		EXPECT_TRUE(filled(p, size, 51));
		EXPECT_TRUE(all_on_dax(p, size));
	}
	damon_put("nr_kdamonds", "0");
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
		usleep(20000);
	}
	EXPECT_TRUE(all_on_dax(p, size));
	EXPECT_EQ(vm_count("pgpromote_success"), before);

	ASSERT_EQ(set_knob("numa_balance", "1"), 0);
	for (i = 0; i < 4000 && all_on_dax(p, size); i++) {
		fill(p, size, 35);
		usleep(20000);
	}
	EXPECT_FALSE(all_on_dax(p, size));
	EXPECT_GT(vm_count("pgpromote_success"), before);
	EXPECT_TRUE(filled(p, size, 35));

	ASSERT_EQ(set_knob("numa_balance", "0"), 0);
	ASSERT_EQ(move_to(p, size, dax.nid), 0);
	for (i = 0; i < 40; i++) {
		fill(p, size, 35);
		usleep(20000);
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

/*
 * What belongs to no knob.
 */

/* For the system's OOM killer, memory of the node makes nobody a victim. */
TEST_F_TIMEOUT(knob, oom_score, LONG)
{
	size_t size = 128 * MB;
	char text[32], *p, *q;
	long before, with, without;
	pid_t pid;
	int i;

	ASSERT_EQ(get_text("/proc/self/oom_score", text, sizeof(text)), 0);
	before = atol(text);
	for (i = 0; i < 2; i++) {
		p = map_dax(size);
		ASSERT_NE(p, MAP_FAILED);
		madvise(p, size, i ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
		EXPECT_EQ(touch(p, size), (long)(size / page));
		ASSERT_EQ(get_text("/proc/self/oom_score", text, sizeof(text)), 0);
		with = atol(text);
		/* Page tables are ordinary memory. */
		EXPECT_LE(with - before, 1);
		/* It is the child's as well, who never had a fault there. */
		pid = fork();
		if (!pid)
			_exit(get_text("/proc/self/oom_score", text, sizeof(text)) ||
			      atol(text) - before > 1);
		EXPECT_EQ(wait_child(pid), 0);
		munmap(p, size);
	}
	q = map_anon(size);
	ASSERT_NE(q, MAP_FAILED);
	touch(q, size);
	ASSERT_EQ(get_text("/proc/self/oom_score", text, sizeof(text)), 0);
	without = atol(text);
	EXPECT_GT(without - before, 20);
}

/* Memory of the node, that came there in one of three ways. */
static bool hold_on_dax(size_t size, int how, char **at)
{
	const size_t step = 32 * MB;
	char *p = how ? map_anon(size) : map_dax(size);
	size_t off;

	if (p == MAP_FAILED)
		return false;
	for (off = 0; off < size; off += step) {
		fill(p + off, step, off);
		/* Moved there by itself, or by somebody else. */
		if (how == 1 && sys_mbind(p + off, step, MPOL_BIND, 1UL << dax.nid,
					  MPOL_MF_MOVE))
			return false;
		if (how == 2 && move_to(p + off, step, dax.nid))
			return false;
	}
	*at = p;
	return all_on_dax(p, size);
}

/*
 * Ordinary memory is short: that somebody has more than anyone else on the private
 * node helps nobody, so it is not them.
 */
TEST_F_TIMEOUT(knob, oom_victim, LONG)
{
	const int other = dax.nid == 1 ? 2 : 1;
	/* It takes long, so each variant tries one. */
	const int how = !strcmp(variant->others, "1") ? 1 :
			!strcmp(variant->state, "online_movable") ? 2 : 0;
	char path[PATH_MAX], c, *p;
	int ready[2], go[2];
	pid_t holder, hog;
	size_t size;
	long kills;

	/* More than the ordinary node has. */
	snprintf(path, sizeof(path), NODE "node%d/meminfo", other);
	size = (get_number(path, "MemTotal") * KB / (32 * MB) + 1) * 32 * MB;
	if (!node_has("has_memory", other) || size > free_pages() * page)
		SKIP(return, "it needs an ordinary node that is smaller than the private one");
	swap_off();
	self->swap = false;
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	kills = vm_count("oom_kill");
	ASSERT_EQ(pipe(ready), 0);
	ASSERT_EQ(pipe(go), 0);
	holder = fork();
	if (!holder) {
		size_t off, good = 0;

		if (sys_set_mempolicy(MPOL_BIND, 1UL << other) ||
		    !hold_on_dax(size, how, &p) || write(ready[1], "", 1) != 1 ||
		    read(go[0], &c, 1) != 1)
			_exit(1);
		for (off = 0; off < size; off += 32 * MB)
			good += filled(p + off, 32 * MB, off);
		_exit(good != size / (32 * MB));
	}
	close(ready[1]);
	ASSERT_EQ(read(ready[0], &c, 1), 1);
	hog = fork();
	if (!hog) {
		p = map_more(2 * size);
		if (sys_set_mempolicy(MPOL_BIND, 1UL << other) || p == MAP_FAILED)
			_exit(1);
		huge_at_first(p, get_number(path, "MemFree") * KB);
		_exit(touch(p, 2 * size) != (long)(2 * size / page));
	}
	EXPECT_EQ(wait_child(hog), 128 + SIGKILL)
		TH_LOG("who used up the ordinary node, way %d", how);
	EXPECT_EQ(vm_count("oom_kill"), kills + 1);
	EXPECT_EQ(write(go[1], "", 1), 1);
	EXPECT_EQ(wait_child(holder), 0)
		TH_LOG("who has memory on the private node, way %d", how);
	close(ready[0]);
	close(go[0]);
	close(go[1]);
}

/*
 * Somebody with @size of ordinary memory, whom their oom_score_adj, @adj, puts
 * forward; in the group of @procs, if not NULL. -1 if that cannot be had.
 */
static pid_t start_bystander(const char *procs, size_t size, long adj)
{
	char text[32], *p;
	int ready[2];
	pid_t pid;

	if (pipe(ready))
		return -1;
	pid = fork();
	if (!pid) {
		p = map_anon(size);
		snprintf(text, sizeof(text), "%d", getpid());
		if (p == MAP_FAILED || (procs && put_text(procs, text)))
			_exit(1);
		snprintf(text, sizeof(text), "%ld", adj);
		if (put_text("/proc/self/oom_score_adj", text))
			_exit(1);
		touch(p, size);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		_exit(pause());
	}
	close(ready[1]);
	/* Nothing to read if it has ended. */
	if (pid > 0 && read(ready[0], text, 1) != 1) {
		wait_child(pid);
		pid = -1;
	}
	close(ready[0]);
	return pid;
}

/*
 * Who falls back from the node is limited by the cpuset, as without it: who is in
 * another one can give nothing.
 */
TEST_F_TIMEOUT(knob, oom_cpuset, LONG)
{
	const char *others = CGROUP GROUP "-other";
	size_t size = free_pages() * page + 2048 * MB;
	pid_t bystander, hog;
	long kills;
	char *p;

	if (dax.nid < 2 || !node_has("has_memory", 0) || !node_has("has_memory", 1) ||
	    get_number(NODE "node0/meminfo", "MemTotal") > 1024L * 1024)
		SKIP(return, "it needs a small ordinary node to use up");
	if (enter_cgroup() || (mkdir(others, 0755) && errno != EEXIST) ||
	    put_text(CGROUP GROUP "-other/cpuset.mems", "1"))
		SKIP(return, "no control groups");
	swap_off();
	self->swap = false;
	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	kills = vm_count("oom_kill");
	bystander = start_bystander(CGROUP GROUP "-other/cgroup.procs", 64 * MB, 900);
	ASSERT_GT(bystander, 0);
	ASSERT_EQ(put_text(CGROUP GROUP "/cpuset.mems", "0"), 0);
	hog = fork();
	if (!hog) {
		/* For its text to stay: reading it again would be what fails. */
		if (mlockall(MCL_CURRENT))
			_exit(1);
		p = map_more(size);
		/* Always from there, and then from where the cpuset lets it. */
		if (sys_set_mempolicy(MPOL_INTERLEAVE, 1UL << dax.nid) || p == MAP_FAILED)
			_exit(1);
		huge_at_first(p, free_pages() * page);
		_exit(touch(p, size) != (long)(size / page));
	}
	EXPECT_EQ(wait_child(hog), 128 + SIGKILL);
	EXPECT_EQ(vm_count("oom_kill"), kills + 1);
	EXPECT_EQ(waitpid(bystander, NULL, WNOHANG), 0)
		TH_LOG("somebody in another cpuset was killed");
	kill(bystander, SIGKILL);
	wait_child(bystander);
	put_text(CGROUP GROUP "/cpuset.mems", "\n");
	rmdir(others);
}

/* What the score of a task is adjusted by is a part of ordinary memory. */
TEST_F_TIMEOUT(knob, oom_adjusted, LONG)
{
	long dram = get_number(NODE "node0/meminfo", "MemTotal") * KB;
	size_t size = free_pages() * page + 2048 * MB, few = 16 * MB;
	long unused, adj, kills;
	pid_t bystander, hog;
	char *p;

	if (dax.nid < 2 || dram <= 0 || dram > 1024L * MB)
		SKIP(return, "it needs a small ordinary node to use up");
	swap_off();
	self->swap = false;
	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	/* So much that it is not worth what is free, but would be with the node's. */
	unused = get_number(NODE "node0/meminfo", "MemFree") * KB;
	adj = (unused / 2 - (long)few) / (dram / 1000);
	if (adj <= 0 || adj * ((dram + free_pages() * (long)page) / 1000) < unused)
		SKIP(return, "too little is free on node 0");
	kills = vm_count("oom_kill");
	bystander = start_bystander(NULL, few, adj);
	ASSERT_GT(bystander, 0);
	hog = fork();
	if (!hog) {
		p = map_more(size);
		if (p == MAP_FAILED || sys_mbind(p, size, MPOL_BIND, 1 | 1UL << dax.nid, 0))
			_exit(1);
		huge_at_first(p, free_pages() * page);
		_exit(touch(p, size) != (long)(size / page));
	}
	EXPECT_EQ(wait_child(hog), 128 + SIGKILL);
	EXPECT_EQ(vm_count("oom_kill"), kills + 1);
	EXPECT_EQ(waitpid(bystander, NULL, WNOHANG), 0)
		TH_LOG("somebody was killed for %ld thousandths of what is private", adj);
	kill(bystander, SIGKILL);
	wait_child(bystander);
}

/* A control group is charged for it: there it counts. */
TEST_F_TIMEOUT(knob, oom_group, LONG)
{
	size_t large = 48 * MB, small = 24 * MB;
	int ready[2], go[2], status, tries;
	pid_t holder, other;
	char c, *p;

	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	swap_off();
	if (enter_cgroup())
		SKIP(return, "no control groups");
	ASSERT_EQ(pipe(ready), 0);
	ASSERT_EQ(pipe(go), 0);
	holder = fork();
	if (!holder) {
		p = map_dax(large);
		if (p == MAP_FAILED || touch(p, large) != (long)(large / page))
			_exit(1);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		pause();
	}
	other = fork();
	if (!other) {
		if (read(go[0], &c, 1) != 1)
			_exit(1);
		p = map_anon(small);
		_exit(p == MAP_FAILED || touch(p, small) != (long)(small / page));
	}
	ASSERT_EQ(read(ready[0], &c, 1), 1);
	ASSERT_EQ(put_text(CGROUP GROUP "/memory.max", "60M"), 0);
	ASSERT_EQ(write(go[1], "", 1), 1);
	/*
	 * Who has most of what the group is charged for. Were it the other one,
	 * that would be enough, and the holder would stay.
	 */
	wait_child(other);
	for (tries = 0; tries < 100 && !waitpid(holder, &status, WNOHANG); tries++)
		usleep(50000);
	EXPECT_LT(tries, 100);
	kill(holder, SIGKILL);
	put_text(CGROUP GROUP "/memory.max", "max");
}

/* A page that is about to fail is replaced, whatever the knobs say. */
TEST_F_TIMEOUT(knob, soft_offline, LONG)
{
	size_t size = 16 * page;
	char text[32], *p;
	uint64_t pfn;

	p = map_dax(size);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, size, 36);
	pfn = pfn_of(p);
	ASSERT_NE(pfn, 0);
	if (access("/sys/kernel/debug/hwpoison/unpoison-pfn", W_OK) &&
	    system("modprobe hwpoison_inject 2>/dev/null"))
		SKIP(return, "no hwpoison_inject");
	if (madvise(p, page, MADV_SOFT_OFFLINE))
		SKIP(return, "no soft offline: %s", strerror(errno));
	EXPECT_TRUE(filled(p, size, 36));
	EXPECT_TRUE(all_on_dax(p + page, size - page));
	snprintf(text, sizeof(text), "%llu", (unsigned long long)pfn);
	EXPECT_EQ(put_text("/sys/kernel/debug/hwpoison/unpoison-pfn", text), 0);
	fill(p, size, 37);
	EXPECT_TRUE(filled(p, size, 37));
}

/* 0 or -errno. Who maps the page may be told at once. */
static int fail_page(void *p)
{
	if (sigsetjmp(bus, 0))
		return 0;
	return failed(madvise(p, page, MADV_HWPOISON));
}

/* One that has failed is lost to who uses it, and it alone. */
TEST_F_TIMEOUT(knob, hard_offline, LONG)
{
	const long bad = get_number("/proc/meminfo", "HardwareCorrupted");
	size_t size = PMD, at = 5 * page;
	int huge, rc;
	char *p;

	for (huge = 0; huge < 2; huge++) {
		p = map_dax_of(size, huge);
		ASSERT_NE(p, MAP_FAILED);
		fill(p, size, 48);
		EXPECT_EQ(read_smaps(p, size, "AnonHugePages"), huge ? (long)(size / KB) : 0);
		rc = fail_page(p + at);
		if (rc == -EINVAL)
			SKIP(return, "no memory failure");
		EXPECT_EQ(rc, 0);
		EXPECT_EQ(get_number("/proc/meminfo", "HardwareCorrupted"),
			  bad + (long)(page / KB));
		EXPECT_FALSE(read_ok(p + at));
		EXPECT_TRUE(filled(p, at, 48));
		EXPECT_EQ(count_on(p, size, dax.nid), (long)(size / page) - 1);
		/* The mapping goes on without it, as the node does. */
		ASSERT_EQ(madvise(p + at, page, MADV_DONTNEED), 0);
		fill(p, size, 49);
		EXPECT_TRUE(filled(p, size, 49));
		EXPECT_TRUE(all_on_dax(p, size));
		/* Nor does it keep the memory here, or the count when that is gone. */
		ASSERT_EQ(set_state("unplugged"), 0);
		EXPECT_EQ(get_number("/proc/meminfo", "HardwareCorrupted"), bad);
		EXPECT_TRUE(filled(p, size, 49));
		EXPECT_EQ(count_on(p, size, dax.nid), 0);
		munmap(p, size);
		ASSERT_EQ(set_state(variant->state), 0);
	}
}

int main(int argc, char **argv)
{
	const char *why = NULL;

	page = sysconf(_SC_PAGESIZE);
	if (geteuid())
		why = "needs root";
	else if (!find_dax())
		why = "no dax device is bound to anondax";
	if (why) {
		ksft_print_header();
		ksft_exit_skip("%s\n", why);
	}
	/* The processes of the tests leave by _exit(). */
	atexit(put_back);
	return test_harness_run(argc, argv);
}
