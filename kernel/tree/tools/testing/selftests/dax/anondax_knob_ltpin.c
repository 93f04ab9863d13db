// SPDX-License-Identifier: GPL-2.0
/* The knob ltpin: pins of memory for a long time. */

#include "anondax_knob.h"

TEST_F_TIMEOUT(knob, ltpin, LONG)
{
	size_t size = 16 * page;
	int ring;
	char *p;

	ring = open_ring();
	ASSERT_GE(ring, 0);
	p = map_dax(size);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, size, 1);

	ASSERT_EQ(set_knob("ltpin", "0"), 0);
	EXPECT_NE(fix_buffer(ring, p, size), 0);
	EXPECT_TRUE(all_on_dax(p, size));
	EXPECT_TRUE(filled(p, size, 1));

	ASSERT_EQ(set_knob("ltpin", "1"), 0);
	EXPECT_EQ(fix_buffer(ring, p, size), 0);
	/* Out of ZONE_MOVABLE, as anywhere, but not out of other zones. */
	EXPECT_EQ(count_on(p, size, dax.nid),
		  strcmp(variant->state, "online_movable") ? (long)(size / page) : 0);
	EXPECT_TRUE(filled(p, size, 1));
	/* Off stops new pins, and leaves those that are there. */
	ASSERT_EQ(set_knob("ltpin", "0"), 0);
	EXPECT_TRUE(filled(p, size, 1));
	EXPECT_EQ(unfix_buffer(ring), 0);
	munmap(p, size);
	p = map_dax(size);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, size, 2);
	EXPECT_NE(fix_buffer(ring, p, size), 0);
	EXPECT_TRUE(all_on_dax(p, size));
	close(ring);
}

/* Who never named the node notices nothing: the page is moved up, and pinned there. */
TEST_F_TIMEOUT(knob, ltpin_stranger, LONG)
{
	size_t size = 64 * page;
	char *p, *q;
	int ring;

	ring = open_ring();
	ASSERT_GE(ring, 0);
	p = map_anon(size);
	q = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_NE(q, MAP_FAILED);
	fill(p, size, 3);
	fill(q, size, 4);

	/* Both are brought there; that one of them was bound to it is all the difference. */
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	ASSERT_EQ(set_knob("ltpin", "0"), 0);
	ASSERT_EQ(move_to(p, size / 2, dax.nid), 0);
	ASSERT_EQ(sys_mbind(q, size, MPOL_BIND, 1UL << dax.nid, MPOL_MF_MOVE), 0);
	EXPECT_TRUE(all_on_dax(p, size / 2));
	EXPECT_TRUE(all_on_dax(q, size));
	EXPECT_NE(fix_buffer(ring, q, size), 0);
	EXPECT_TRUE(all_on_dax(q, size));
	EXPECT_EQ(fix_buffer(ring, p, size), 0);
	EXPECT_EQ(count_on(p, size, dax.nid), 0);
	EXPECT_TRUE(filled(p, size, 3));
	EXPECT_EQ(unfix_buffer(ring), 0);

	/* With the knob on it is as in any zone. */
	ASSERT_EQ(set_knob("ltpin", "1"), 0);
	ASSERT_EQ(move_to(p, size / 2, dax.nid), 0);
	EXPECT_EQ(fix_buffer(ring, p, size), 0);
	EXPECT_EQ(count_on(p, size, dax.nid),
		  strcmp(variant->state, "online_movable") ? (long)(size / 2 / page) : 0);
	EXPECT_TRUE(filled(p, size, 3));
	EXPECT_TRUE(filled(q, size, 4));
	EXPECT_EQ(unfix_buffer(ring), 0);
	close(ring);
}

/*
 * A policy of the task places nothing of shared memory, so there too it is demotion
 * that brought it, whatever policy the task has.
 */
TEST_F_TIMEOUT(knob, ltpin_shared, LONG)
{
	size_t size = 4 * MB;
	int ring, tries;
	char *p, *q;

	if (!self->swap || enter_cgroup())
		SKIP(return, "no swap, or no control groups");
	ring = open_ring();
	ASSERT_GE(ring, 0);
	ASSERT_EQ(change(&self->changes, DEMOTE, "true"), 0);
	ASSERT_EQ(set_knob("demotion", "1"), 0);
	ASSERT_EQ(set_knob("shmem", "0"), 0);
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	ASSERT_EQ(set_knob("ltpin", "0"), 0);
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, size, 6);
	settle();
	for (tries = 0; tries < 20 && !count_on(p, size, dax.nid); tries++)
		reclaim_group("1M");
	for (q = p; q < p + size && node_of(q) != dax.nid; q += page)
		;
	ASSERT_LT(q, p + size);
	ASSERT_EQ(sys_set_mempolicy(MPOL_BIND, 1UL << dax.nid), 0);
	EXPECT_EQ(fix_buffer(ring, q, page), 0);
	EXPECT_NE(node_of(q), dax.nid);
	EXPECT_TRUE(filled(p, size, 6));
	EXPECT_EQ(unfix_buffer(ring), 0);
	sys_set_mempolicy(MPOL_DEFAULT, 0);
	close(ring);
}

int main(int argc, char **argv)
{
	need_dax();
	return test_harness_run(argc, argv);
}
