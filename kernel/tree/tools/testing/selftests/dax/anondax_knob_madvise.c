// SPDX-License-Identifier: GPL-2.0
/* The knob madvise: advice on folios, merging of equal pages. */

#include "anondax_knob.h"

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
	long free, out;
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
	settle();
	free = free_pages();
	EXPECT_EQ(madvise(p, size, MADV_PAGEOUT), 0);
	out = read_smaps(p, size, "Swap");
	EXPECT_GT(out, (long)(size / KB / 2));
	/* Nobody else gives back what is in swap now. */
	if (!strcmp(variant->others, "0"))
		EXPECT_GE(free_pages() - free, out / (long)(page / KB));
	EXPECT_TRUE(filled(p, size, 3));
	EXPECT_TRUE(all_on_dax(p, size));
	EXPECT_TRUE(written());
	EXPECT_EQ(pageout_by_pidfd(p, size), (long)size);
	EXPECT_GT(read_smaps(p, size, "Swap"), (long)(size / KB / 2));
	EXPECT_TRUE(filled(p, size, 3));

	ASSERT_EQ(set_knob("madvise", "0"), 0);
	fill(p, size, 4);
	EXPECT_EQ(madvise(p, size, MADV_PAGEOUT), 0);
	EXPECT_EQ(pageout_by_pidfd(p, size), (long)size);
	EXPECT_EQ(read_smaps(p, size, "Swap"), 0);
}

/* What can go nowhere stays as it is, and goes when there is room. */
TEST_F_TIMEOUT(knob, madvise_pageout_no_room, LONG)
{
	size_t size = 64 * page;
	char *p;
	int i;

	if (!self->swap)
		SKIP(return, "no swap: ANONDAX_TEST_SWAP names no device");
	p = map_dax(size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(set_knob("madvise", "1"), 0);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(set_knob("reclaim", i ? "1" : "0"), 0);
		fill(p, size, 64 + i);
		settle();
		swap_off();
		EXPECT_EQ(madvise(p, size, MADV_PAGEOUT), 0);
		EXPECT_EQ(read_smaps(p, size, "Swap"), 0);
		EXPECT_TRUE(all_on_dax(p, size));
		ASSERT_EQ(swap_on(), 0);
		EXPECT_EQ(madvise(p, size, MADV_PAGEOUT), 0);
		EXPECT_GT(read_smaps(p, size, "Swap"), (long)(size / KB / 2));
		EXPECT_TRUE(filled(p, size, 64 + i));
		EXPECT_TRUE(all_on_dax(p, size));
	}
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

/* What is merged stays so with the knob off, and can be moved off the node. */
TEST_F_TIMEOUT(knob, madvise_merged_moves, LONG)
{
	size_t size = 64 * page;
	char *p;

	if (ksm_on(&self->changes))
		SKIP(return, "no KSM");
	p = map_dax(size);
	ASSERT_NE(p, MAP_FAILED);
	memset(p, 0x5d, size);
	ASSERT_EQ(set_knob("madvise", "1"), 0);
	ASSERT_EQ(madvise(p, size, MADV_MERGEABLE), 0);
	EXPECT_TRUE(ksm_passes(6));
	EXPECT_EQ(read_smaps(p, size, "KSM"), (long)(size / KB));
	ASSERT_EQ(set_knob("madvise", "0"), 0);
	EXPECT_TRUE(ksm_passes(6));
	EXPECT_EQ(read_smaps(p, size, "KSM"), (long)(size / KB));
	EXPECT_TRUE(all_on_dax(p, size));
	EXPECT_EQ(set_state("unplugged"), 0);
	EXPECT_EQ(count_on(p, size, dax.nid), 0);
	EXPECT_EQ(p[0], 0x5d);
	EXPECT_EQ(memcmp(p, p + page, size - page), 0);
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
	settle();
	EXPECT_EQ(madvise(p, size, MADV_FREE), 0);
	settle();
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

/*
 * What KSM has merged comes back from swap as any other memory of the mapping does: by
 * swapoff, for all who have it. The same on an ordinary node.
 */
TEST_F_TIMEOUT(knob, madvise_merged_swap_off, LONG)
{
	const size_t size = 64 * page, half = size / 2;
	char same[page], other[page];
	size_t i, lost;
	int on_dax, tries;
	char *p;

	if (!self->swap)
		SKIP(return, "no swap: ANONDAX_TEST_SWAP names no device");
	if (ksm_on(&self->changes))
		SKIP(return, "no KSM");
	if (enter_cgroup())
		SKIP(return, "no control groups");
	memset(same, 0x5a, page);
	memset(other, 0x5b, page);
	change(&self->changes, DEMOTE, "false");
	ASSERT_EQ(set_knob("madvise", "1"), 0);
	ASSERT_EQ(set_knob("reclaim", "1"), 0);

	for (on_dax = 0; on_dax < 2; on_dax++) {
		ASSERT_EQ(put_text(KSM "run", "1"), 0);
		if (on_dax)
			ASSERT_EQ(swap_on(), 0);
		p = map_filled(on_dax, size);
		ASSERT_NE(p, NULL);
		EXPECT_TRUE(ksm_passes(4));
		EXPECT_EQ(read_smaps(p, size, "KSM"), (long)(size / KB));
		ASSERT_EQ(put_text(KSM "run", "0"), 0);
		settle();
		for (tries = 0; tries < 200 && read_smaps(p, size, "Rss"); tries++)
			reclaim_group("64M");
		EXPECT_EQ(read_smaps(p, size, "Swap"), (long)(size / KB))
			TH_LOG("%s", on_dax ? "device" : "DRAM");

		EXPECT_EQ(swapoff(getenv("ANONDAX_TEST_SWAP")), 0);
		EXPECT_EQ(read_smaps(p, size, "Rss"), (long)(size / KB));
		EXPECT_EQ(count_on(p, size, dax.nid), on_dax ? (long)(size / page) : 0);
		/* Who writes has a page of its own, and nobody else sees it. */
		memset(p, 0x5b, half);
		for (i = lost = 0; i < size; i += page)
			lost += memcmp(p + i, i < half ? other : same, page) != 0;
		EXPECT_EQ(lost, 0)
			TH_LOG("of 64 pages, %s", on_dax ? "device" : "DRAM");
		EXPECT_EQ(count_on(p, size, dax.nid), on_dax ? (long)(size / page) : 0);
		EXPECT_EQ(munmap(p, size), 0);
	}
}

TEST_F_TIMEOUT(knob, madvise_collapse, LONG)
{
	char *p;

	p = map_dax(2 * PMD);
	ASSERT_NE(p, MAP_FAILED);
	p = huge_in(p);
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
 * Shared memory is on the node if demotion brought it there, a page at a time, and only
 * then. No huge page is made of it there once nothing may be placed on the node, and
 * none of what is elsewhere, whatever the policy of the task names.
 */
TEST_F_TIMEOUT(knob, madvise_collapse_shared, LONG)
{
	const int ordinary = dax.nid ? 0 : 1;
	int tries, half, advise;
	char *p;

	if (!self->swap || enter_cgroup())
		SKIP(return, "no swap, or no control groups");
	ASSERT_EQ(change(&self->changes, DEMOTE, "true"), 0);
	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	ASSERT_EQ(set_knob("demotion", "0"), 0);
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	ASSERT_EQ(set_knob("shmem", "0"), 0);
	ASSERT_EQ(sys_set_mempolicy(MPOL_PREFERRED, 1UL << dax.nid), 0);

	for (advise = 0; advise < 2; advise++) {
		ASSERT_EQ(set_knob("madvise", advise ? "1" : "0"), 0);
		/* A control, and where there is little yet. */
		for (half = 0; half < 2; half++) {
			p = map_shared_huge(PMD);
			ASSERT_NE(p, MAP_FAILED);
			fill(p, half ? page : PMD, 74);
			ASSERT_EQ(set_knob("mbind", "0"), 0);
			EXPECT_EQ(madvise(p, PMD, MADV_COLLAPSE), 0)
				TH_LOG("%s", strerror(errno));
			EXPECT_EQ(read_smaps(p, PMD, "ShmemPmdMapped"), (long)(PMD / KB));
			EXPECT_EQ(count_on(p, PMD, dax.nid), 0);
			EXPECT_TRUE(filled(p, half ? page : PMD, 74));
			munmap(p, PMD);
			ASSERT_EQ(set_knob("mbind", "1"), 0);
		}
		/* All of it on the node, or a half. */
		for (half = 0; half < 2; half++) {
			p = map_shared_huge(PMD);
			ASSERT_NE(p, MAP_FAILED);
			fill(p, PMD, 75);
			settle();
			ASSERT_EQ(set_knob("demotion", "1"), 0);
			for (tries = 0; tries < 200 && !all_on_dax(p, PMD); tries++)
				reclaim_group("2M");
			ASSERT_TRUE(all_on_dax(p, PMD));
			if (half)
				ASSERT_EQ(move_to(p, PMD / 2, ordinary), 0);
			ASSERT_EQ(set_knob("demotion", "0"), 0);
			ASSERT_EQ(set_knob("mbind", "0"), 0);
			madvise(p, PMD, MADV_COLLAPSE);
			EXPECT_FALSE(read_smaps(p, PMD, "ShmemPmdMapped") &&
				     count_on(p, PMD, dax.nid))
				TH_LOG("a huge page is on the node: advise %d, half %d", advise,
				       half);
			EXPECT_TRUE(filled(p, PMD, 75));
			/* With demotion on it is where they were. */
			ASSERT_EQ(set_knob("mbind", "1"), 0);
			ASSERT_EQ(set_knob("demotion", "1"), 0);
			EXPECT_EQ(!madvise(p, PMD, MADV_COLLAPSE), advise);
			if (!half)
				EXPECT_TRUE(all_on_dax(p, PMD));
			EXPECT_TRUE(filled(p, PMD, 75));
			ASSERT_EQ(set_knob("demotion", "0"), 0);
			munmap(p, PMD);
		}
	}
}

int main(int argc, char **argv)
{
	need_dax();
	return test_harness_run(argc, argv);
}
