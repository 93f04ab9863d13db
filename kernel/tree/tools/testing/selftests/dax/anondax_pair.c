// SPDX-License-Identifier: GPL-2.0
/*
 * Two private nodes: policies that name both, memory that moves between them,
 * policies while one of them comes and goes, and three memory tiers.
 *
 * Needs two dax devices that are bound to anondax, on nodes of their own, and
 * that nobody uses.
 */

#include "kselftest_harness.h"
#include "anondax.h"

static struct device two[2];

/* What the helpers act on. */
static void use(int i)
{
	dax = two[i];
}

static int set_knob_of(int i, const char *name, const char *text)
{
	use(i);
	return set_knob(name, text);
}

static int set_state_of(int i, const char *state)
{
	use(i);
	return set_state(state);
}

static long free_pages_of(int i)
{
	use(i);
	return settled_free_pages();
}

static unsigned long mask_of(int i)
{
	return 1UL << two[i].nid;
}

#define A		mask_of(0)
#define B		mask_of(1)
#define ORDINARY	1UL	/* node 0 */

FIXTURE(pair)
{
	struct changes changes;
	int adistance[2];
};

FIXTURE_VARIANT(pair)
{
	const char *state;
};

FIXTURE_VARIANT_ADD(pair, online)
{
	.state = "online",
};

FIXTURE_VARIANT_ADD(pair, online_movable)
{
	.state = "online_movable",
};

FIXTURE_SETUP(pair)
{
	int i;

	self->changes.nr = 0;
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(set_state_of(i, "unplugged"), 0);
		set_all_knobs("0");
		ASSERT_EQ(set_knob("mbind", "1"), 0);
		self->adistance[i] = get_knob("adistance");
		ASSERT_GT(self->adistance[i], 0);
		ASSERT_EQ(set_state(variant->state), 0);
	}
}

FIXTURE_TEARDOWN_PARENT(pair)
{
	char text[32];
	int i;

	restore(&self->changes);
	for (i = 0; i < 2; i++) {
		EXPECT_EQ(set_state_of(i, "unplugged"), 0);
		set_all_knobs("0");
		snprintf(text, sizeof(text), "%d", self->adistance[i]);
		EXPECT_EQ(set_knob("adistance", text), 0);
	}
}

/* How many pages of a range are on each node. */
struct spread {
	long a, b, ordinary;
};

static struct spread spread_of(void *p, size_t size)
{
	return (struct spread) {
		.a = count_on(p, size, two[0].nid),
		.b = count_on(p, size, two[1].nid),
		.ordinary = count_on(p, size, 0) + count_on(p, size, 1),
	};
}

static void weigh(struct changes *c, int nid, const char *weight)
{
	char path[96];

	snprintf(path, sizeof(path), WEIGHTED "node%d", nid);
	change(c, path, weight);
}

/* Drop the pages and touch them anew. */
static struct spread again(void *p, size_t size, unsigned long round)
{
	madvise(p, size, MADV_DONTNEED);
	fill(p, size, round);
	return spread_of(p, size);
}

#define EXPECT_SPREAD(_s, _a, _b, _ordinary) do {				\
		const struct spread s = (_s);					\
										\
		EXPECT_EQ(s.a, (long)(_a));					\
		EXPECT_EQ(s.b, (long)(_b));					\
		EXPECT_EQ(s.ordinary, (long)(_ordinary));			\
	} while (0)

TEST_F_TIMEOUT(pair, policies, LONG)
{
	const long nr = 96;
	const size_t size = nr * page;
	struct spread s;
	char *p;

	change(&self->changes, WEIGHTED "auto", "false");
	weigh(&self->changes, two[0].nid, "3");
	weigh(&self->changes, two[1].nid, "1");
	p = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	madvise(p, size, MADV_NOHUGEPAGE);

	/* Either of them, and none else; which, the home node says. */
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, A | B, 0), 0);
	s = again(p, size, 1);
	EXPECT_EQ(s.a + s.b, nr);
	ASSERT_EQ(sys_set_home_node(p, size, two[1].nid), 0);
	EXPECT_SPREAD(again(p, size, 2), 0, nr, 0);
	ASSERT_EQ(sys_set_home_node(p, size, two[0].nid), 0);
	EXPECT_SPREAD(again(p, size, 3), nr, 0, 0);

	ASSERT_EQ(sys_mbind(p, size, MPOL_PREFERRED_MANY, A | B, 0), 0);
	s = again(p, size, 4);
	EXPECT_EQ(s.a + s.b, nr);
	ASSERT_EQ(sys_mbind(p, size, MPOL_INTERLEAVE, A | B, 0), 0);
	EXPECT_SPREAD(again(p, size, 5), nr / 2, nr / 2, 0);
	ASSERT_EQ(sys_mbind(p, size, MPOL_INTERLEAVE, A | B | ORDINARY, 0), 0);
	EXPECT_SPREAD(again(p, size, 6), nr / 3, nr / 3, nr / 3);
	ASSERT_EQ(sys_mbind(p, size, MPOL_WEIGHTED_INTERLEAVE, A | B, 0), 0);
	EXPECT_SPREAD(again(p, size, 7), nr * 3 / 4, nr / 4, 0);

	/* Each has its own knob: one that is off is out of the mask. */
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, A | B, 0), 0);
	ASSERT_EQ(sys_set_home_node(p, size, two[1].nid), 0);
	ASSERT_EQ(set_knob_of(1, "mbind", "0"), 0);
	EXPECT_SPREAD(again(p, size, 8), nr, 0, 0);
	EXPECT_EQ(sys_mbind(p, size, MPOL_BIND, B, 0), -EINVAL);
	ASSERT_EQ(set_knob_of(1, "mbind", "1"), 0);
	EXPECT_SPREAD(again(p, size, 9), 0, nr, 0);
	ASSERT_EQ(set_knob_of(0, "mbind", "0"), 0);
	ASSERT_EQ(set_knob_of(1, "mbind", "0"), 0);
	EXPECT_EQ(sys_mbind(p, size, MPOL_BIND, A | B, 0), -EINVAL);
	EXPECT_SPREAD(again(p, size, 10), 0, 0, nr);
	EXPECT_TRUE(filled(p, size, 10));
}

/* From node 0, on which CPU 0 is. All nodes are online. */
static bool is_nearer(int nid, int other)
{
	char text[256], *p = text;
	int i, distance[8] = {};

	get_text(NODE "node0/distance", text, sizeof(text));
	for (i = 0; i < 8 && *p; i++)
		distance[i] = strtol(p, &p, 10);
	return distance[nid] < distance[other] ||
	       (distance[nid] == distance[other] && nid < other);
}

/* When one is full the other one goes on, and nobody else does. */
TEST_F_TIMEOUT(pair, overflow, LONG)
{
	const long free_a = free_pages_of(0), free_b = free_pages_of(1), more = 2048;
	const size_t size = (free_a + more) * page, few = 64 * page;
	long kills = get_number("/proc/vmstat", "oom_kill");
	struct spread s;
	long full[2];
	char *p, *q, *r;
	int i;

	catch_sigbus();
	/* Another CPU, if there is one, has some pages of the first on a list of its own. */
	run_on(1);
	p = map_more(few);
	ASSERT_NE(p, MAP_FAILED);
	madvise(p, few, MADV_NOHUGEPAGE);
	ASSERT_EQ(sys_mbind(p, few, MPOL_BIND, A, 0), 0);
	EXPECT_EQ(touch(p, few), (long)(few / page));
	munmap(p, few);
	ASSERT_EQ(run_on(0), 0);
	for (i = 0; i < 2; i++) {
		use(i);
		full[i] = node_stat("refused_full");
	}
	ASSERT_GT(free_b, more);
	p = map_more(size);
	ASSERT_NE(p, MAP_FAILED);
	madvise(p, size, MADV_NOHUGEPAGE);
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, A | B, 0), 0);
	ASSERT_EQ(sys_set_home_node(p, size, two[0].nid), 0);
	fill(p, size, 11);
	s = spread_of(p, size);
	EXPECT_GT(s.a, free_a * 99 / 100);
	EXPECT_GE(s.b, more);
	EXPECT_EQ(s.ordinary, 0);
	EXPECT_EQ(s.a + s.b, free_a + more);
	EXPECT_TRUE(filled(p, size, 11));
	/* Each page that went past the one to the other, be it the home node or the nearer. */
	use(0);
	EXPECT_EQ(node_stat("refused_full") - full[0], s.b);
	use(1);
	EXPECT_EQ(node_stat("refused_full"), full[1]);
	/* What lists of other CPUs have is taken before anybody goes without, not before that. */
	r = map_more(size);
	ASSERT_NE(r, MAP_FAILED);
	madvise(r, size, MADV_NOHUGEPAGE);
	ASSERT_EQ(sys_mbind(r, size, MPOL_BIND, A, 0), 0);
	EXPECT_EQ(touch(r, size), free_a - s.a);
	use(0);
	full[0] = node_stat("refused_full");
	ASSERT_EQ(sys_mbind(p + size - 64 * page, 64 * page, MPOL_BIND, A | B, 0), 0);
	EXPECT_SPREAD(again(p + size - 64 * page, 64 * page, 12), 0, 64, 0);
	full[0] = node_stat("refused_full") - full[0];
	use(1);
	full[1] = node_stat("refused_full") - full[1];
	EXPECT_EQ(full[0], is_nearer(two[0].nid, two[1].nid) ? 64 : 0);
	EXPECT_EQ(full[1], 0);
	/* SIGBUS is for want of the one that is full, not of the one that may not be had. */
	q = map_more(page);
	ASSERT_NE(q, MAP_FAILED);
	ASSERT_EQ(sys_mbind(q, page, MPOL_BIND, A | B, 0), 0);
	use(1);
	ASSERT_EQ(set_knob("mbind", "0"), 0);
	full[1] = node_stat("fault_sigbus");
	use(0);
	full[0] = node_stat("fault_sigbus");
	EXPECT_EQ(touch(q, page), 0);
	EXPECT_EQ(node_stat("fault_sigbus") - full[0], 1);
	use(1);
	EXPECT_EQ(node_stat("fault_sigbus") - full[1], 0);
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	munmap(q, page);
	EXPECT_EQ(get_number("/proc/vmstat", "oom_kill"), kills);
	munmap(r, size);
	munmap(p, size);
	EXPECT_GE(free_pages_of(0), free_a);
	EXPECT_GE(free_pages_of(1), free_b);
}

/* From one to the other, where both say yes. */
TEST_F_TIMEOUT(pair, migration, LONG)
{
	const size_t size = 64 * page;
	const unsigned long a = A, b = B;
	char *p;

	p = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	madvise(p, size, MADV_NOHUGEPAGE);
	fill(p, size, 12);
	EXPECT_EQ(move_to(p, size, two[0].nid), 0);
	EXPECT_EQ(move_to(p, size, two[1].nid), 0);
	EXPECT_SPREAD(spread_of(p, size), 0, 64, 0);
	EXPECT_EQ(failed(syscall(__NR_migrate_pages, 0, 64UL, &b, &a)), 0);
	EXPECT_SPREAD(spread_of(p, size), 64, 0, 0);
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, B, MPOL_MF_MOVE | MPOL_MF_STRICT), 0);
	EXPECT_SPREAD(spread_of(p, size), 0, 64, 0);
	EXPECT_TRUE(filled(p, size, 12));

	/* Not onto one that says no, nor off it. */
	ASSERT_EQ(set_knob_of(0, "mbind", "0"), 0);
	EXPECT_EQ(move_to(p, page, two[0].nid), -ENODEV);
	EXPECT_SPREAD(spread_of(p, size), 0, 64, 0);
	ASSERT_EQ(set_knob_of(0, "mbind", "1"), 0);
	ASSERT_EQ(set_knob_of(1, "mbind", "0"), 0);
	EXPECT_EQ(move_to(p, page, two[0].nid), -EACCES);
	EXPECT_SPREAD(spread_of(p, size), 0, 64, 0);
	EXPECT_TRUE(filled(p, size, 12));
}

/* A policy outlives the node that it names, and finds it when it is back. */
TEST_F_TIMEOUT(pair, replug, LONG)
{
	const long nr = 64;
	const size_t size = nr * page;
	char *p, *both, *task;

	p = map_anon(size);
	both = map_anon(size);
	task = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_NE(both, MAP_FAILED);
	ASSERT_NE(task, MAP_FAILED);
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, B, 0), 0);
	ASSERT_EQ(sys_mbind(both, size, MPOL_BIND, A | B, 0), 0);
	ASSERT_EQ(sys_set_home_node(both, size, two[1].nid), 0);
	ASSERT_EQ(sys_set_mempolicy(MPOL_BIND, B), 0);
	fill(p, size, 13);
	fill(both, size, 14);
	fill(task, size, 15);
	EXPECT_SPREAD(spread_of(p, size), 0, nr, 0);
	EXPECT_SPREAD(spread_of(both, size), 0, nr, 0);
	EXPECT_SPREAD(spread_of(task, size), 0, nr, 0);

	/* To ordinary memory, as ever, and what the policy still allows after that. */
	ASSERT_EQ(set_state_of(1, "unplugged"), 0);
	EXPECT_SPREAD(spread_of(p, size), 0, 0, nr);
	EXPECT_TRUE(filled(p, size, 13));
	EXPECT_TRUE(filled(both, size, 14));
	EXPECT_TRUE(filled(task, size, 15));
	EXPECT_SPREAD(again(p, size, 16), 0, 0, nr);
	EXPECT_SPREAD(again(both, size, 17), nr, 0, 0);
	EXPECT_SPREAD(again(task, size, 18), 0, 0, nr);

	ASSERT_EQ(set_state_of(1, variant->state), 0);
	EXPECT_SPREAD(spread_of(p, size), 0, 0, nr);
	EXPECT_TRUE(filled(p, size, 16));
	EXPECT_SPREAD(again(p, size, 19), 0, nr, 0);
	EXPECT_SPREAD(again(both, size, 20), 0, nr, 0);
	EXPECT_SPREAD(again(task, size, 21), 0, nr, 0);
	sys_set_mempolicy(MPOL_DEFAULT, 0);
}

/*
 * Cpusets grant them one by one, and whom none confines has both. What is there stays in
 * any case, and what is new is ordinary memory for who is not granted the node.
 */
TEST_F_TIMEOUT(pair, cpuset, LONG)
{
	static const struct {
		const char *mems;	/* with a and b for the nodes */
		bool a, b, relative;
	} steps[] = {
		{ "0", false, false, false },
		{ "0,a", true, false, false },
		{ "0,a,b", true, true, true },
		{ "0-1", false, false, false },
		{ "1,b", false, true, false },
		{ "\n", true, true, false },
		{ "a,b", true, true, false },
		{ "1", false, false, false },
		{ "\n", true, true, false },
	};
	const long nr = 64;
	const size_t size = nr * page;
	char *p, *task, *mixed, *fixed, *folded, *late, mems[64];
	unsigned int i;

	if (enter_cgroup())
		SKIP(return, "no control groups");
	p = map_anon(size);
	mixed = map_anon(size);
	task = map_anon(size);
	fixed = map_anon(size);
	folded = map_anon(size);
	ASSERT_NE(fixed, MAP_FAILED);
	ASSERT_NE(folded, MAP_FAILED);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_NE(mixed, MAP_FAILED);
	ASSERT_NE(task, MAP_FAILED);
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, A, 0), 0);
	ASSERT_EQ(sys_mbind(mixed, size, MPOL_INTERLEAVE, A | B | ORDINARY, 0), 0);
	ASSERT_EQ(sys_mbind(fixed, size, MPOL_BIND | MPOL_F_STATIC_NODES, A | ORDINARY, 0), 0);
	/* Where it may be both, at home. */
	ASSERT_EQ(sys_set_home_node(fixed, size, two[0].nid), 0);
	ASSERT_EQ(sys_mbind(folded, size, MPOL_INTERLEAVE | MPOL_F_RELATIVE_NODES, 2 | 4, 0), 0);
	ASSERT_EQ(sys_set_mempolicy(MPOL_BIND, B), 0);
	fill(p, size, 0);
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		const long on_a = steps[i].a ? nr : 0, on_b = steps[i].b ? nr : 0;
		const struct spread was = spread_of(p, size);
		struct spread s;
		const char *c;
		char *to = mems;

		for (c = steps[i].mems; *c; c++)
			to += *c == 'a' || *c == 'b' ? sprintf(to, "%d", two[*c - 'a'].nid) :
						       sprintf(to, "%c", *c);
		ASSERT_EQ(put_text(CGROUP GROUP "/cpuset.mems", mems), 0);
		TH_LOG("mems %s", steps[i].mems);
		/* Not that of ordinary memory, which a cpuset brings to its own nodes. */
		if (was.a)
			EXPECT_SPREAD(spread_of(p, size), was.a, 0, was.ordinary);
		EXPECT_SPREAD(again(p, size, i), on_a, 0, nr - on_a);
		EXPECT_SPREAD(again(task, size, i), 0, on_b, nr - on_b);
		s = again(mixed, size, i);
		EXPECT_GE(s.a, on_a / 3);
		EXPECT_LE(s.a, on_a);
		EXPECT_GE(s.b, on_b / 3);
		EXPECT_LE(s.b, on_b);
		EXPECT_EQ(s.a + s.b + s.ordinary, nr);
		EXPECT_SPREAD(again(fixed, size, i), on_a, 0, nr - on_a);
		/* Of the second and the third place in the cpuset. */
		s = again(folded, size, i);
		EXPECT_GE(s.a, steps[i].relative ? nr / 2 : 0);
		EXPECT_GE(s.b, steps[i].relative ? nr / 2 : 0);
		EXPECT_LE(s.a, on_a);
		EXPECT_LE(s.b, on_b);
		EXPECT_EQ(s.a + s.b + s.ordinary, nr);
		/* And one that is made here. */
		late = map_anon(size);
		ASSERT_NE(late, MAP_FAILED);
		fill(late, size, i);
		if (steps[i].a) {
			ASSERT_EQ(sys_mbind(late, size, MPOL_BIND, A,
					    MPOL_MF_MOVE | MPOL_MF_STRICT), 0);
			EXPECT_SPREAD(spread_of(late, size), nr, 0, 0);
		} else {
			ASSERT_EQ(sys_mbind(late, size, MPOL_BIND, A, 0), -EINVAL);
		}
		EXPECT_TRUE(filled(late, size, i));
		munmap(late, size);
	}
	sys_set_mempolicy(MPOL_DEFAULT, 0);
}

/*
 * The rest of the system gets more memory, and less again: what is bound to a
 * private node has nothing to do with that.
 */
TEST_F_TIMEOUT(pair, ordinary_hotplug, LONG)
{
	static const int modes[] = {
		MPOL_BIND, MPOL_BIND | MPOL_F_STATIC_NODES, MPOL_PREFERRED,
		MPOL_INTERLEAVE, MPOL_PREFERRED_MANY,
	};
	const long nr = 64;
	const size_t size = nr * page;
	char path[PATH_MAX], *p[ARRAY_SIZE(modes)], *task, *folded;
	unsigned int i;
	int step;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		p[i] = map_anon(size);
		ASSERT_NE(p[i], MAP_FAILED);
		ASSERT_EQ(sys_mbind(p[i], size, modes[i], A, 0), 0);
	}
	folded = map_anon(size);
	task = map_anon(size);
	ASSERT_NE(folded, MAP_FAILED);
	ASSERT_NE(task, MAP_FAILED);
	ASSERT_EQ(sys_mbind(folded, size, MPOL_BIND | MPOL_F_RELATIVE_NODES, A, 0), 0);
	ASSERT_EQ(sys_set_mempolicy(MPOL_BIND, A), 0);

	ASSERT_EQ(set_state_of(1, "unplugged"), 0);
	use(1);
	ASSERT_EQ(bind_driver("anondax", "unbind"), 0);
	if (access(DAX "drivers/kmem", F_OK) && system("modprobe kmem 2>/dev/null"))
		ksft_print_msg("there is no module kmem\n");
	if (bind_driver("kmem", "new_id") && bind_driver("kmem", "bind")) {
		bind_driver("anondax", "bind");
		SKIP(return, "there is no kmem");
	}
	snprintf(path, sizeof(path), DAX "devices/%s/state", two[1].name);
	/* Which may have its own idea of what to do with memory at first. */
	put_text(path, "unplugged");
	for (step = 0; step < 2; step++) {
		EXPECT_EQ(put_text(path, step ? "unplugged" : "online_movable"), 0);
		EXPECT_EQ(node_has("has_memory", two[1].nid), !step);
		for (i = 0; i < ARRAY_SIZE(modes); i++)
			EXPECT_SPREAD(again(p[i], size, i), nr, 0, 0);
		EXPECT_SPREAD(again(task, size, i), nr, 0, 0);
		madvise(folded, size, MADV_DONTNEED);
		fill(folded, size, i);
		EXPECT_EQ(count_on(folded, size, two[0].nid), 0);
		/* It is anyone's meanwhile, and no private node is. */
		EXPECT_EQ(node_has("has_private_memory", two[1].nid), false);
		EXPECT_TRUE(node_has("has_private_memory", two[0].nid));
	}
	sys_set_mempolicy(MPOL_DEFAULT, 0);
	EXPECT_EQ(bind_driver("kmem", "unbind"), 0);
	EXPECT_EQ(bind_driver("anondax", "bind"), 0);
	EXPECT_EQ(set_state("unplugged"), 0);
}

/* Both above DRAM: a group's memory goes down from the one that opted in, whichever it is. */
TEST_F_TIMEOUT(pair, reclaim_of_one, LONG)
{
	const size_t size = 8 * MB;
	const long nr = size / page;
	struct spread s;
	char *p[2];
	int i, off;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(set_state_of(i, "unplugged"), 0);
		ASSERT_EQ(set_knob("adistance", i ? "400" : "300"), 0);
		ASSERT_EQ(set_state(variant->state), 0);
	}
	ASSERT_EQ(change(&self->changes, DEMOTE, "true"), 0);
	if (enter_cgroup())
		SKIP(return, "no control groups");

	for (off = 0; off < 2; off++) {
		const int on = !off;

		for (i = 0; i < 2; i++) {
			p[i] = map_anon(size);
			ASSERT_NE(p[i], MAP_FAILED);
			madvise(p[i], size, MADV_NOHUGEPAGE);
			ASSERT_EQ(sys_mbind(p[i], size, MPOL_BIND, mask_of(i), 0), 0);
			fill(p[i], size, 23 + i);
			EXPECT_EQ(count_on(p[i], size, two[i].nid), nr);
		}
		settle();
		ASSERT_EQ(set_knob_of(on, "reclaim", "1"), 0);
		ASSERT_EQ(set_knob_of(off, "reclaim", "0"), 0);
		for (i = 0; i < 200 && count_on(p[on], size, two[on].nid) > nr / 2; i++)
			reclaim_group("8M");
		s = spread_of(p[on], size);
		EXPECT_EQ(s.ordinary + (on ? s.b : s.a), nr);
		EXPECT_GE(s.ordinary, nr / 2);
		EXPECT_EQ(count_on(p[off], size, two[off].nid), nr)
			TH_LOG("reclaim is on for node %d only", two[on].nid);
		for (i = 0; i < 2; i++) {
			EXPECT_TRUE(filled(p[i], size, 23 + i));
			munmap(p[i], size);
		}
	}
}

/* One above DRAM, one below it: cold memory goes all the way down. */
TEST_F_TIMEOUT(pair, tiers, LONG)
{
	const size_t size = 32 * MB;
	const long nr = size / page;
	struct spread s;
	char *p;
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(set_state_of(i, "unplugged"), 0);
		EXPECT_EQ(tier_of(two[i].nid), -1);
		ASSERT_EQ(set_knob("adistance", i ? "5000" : "300"), 0);
		ASSERT_EQ(set_state(variant->state), 0);
	}
	EXPECT_GT(tier_of(two[0].nid), 0);
	EXPECT_LT(tier_of(two[0].nid), tier_of(0));
	EXPECT_GT(tier_of(two[1].nid), tier_of(0));

	ASSERT_EQ(change(&self->changes, DEMOTE, "true"), 0);
	if (enter_cgroup())
		SKIP(return, "no control groups");
	/* The faster one has no way to be asked but by name. */
	p = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	madvise(p, size, MADV_NOHUGEPAGE);
	fill(p, size, 22);
	EXPECT_SPREAD(spread_of(p, size), 0, 0, nr);
	EXPECT_EQ(move_to(p, size, two[0].nid), 0);
	EXPECT_SPREAD(spread_of(p, size), nr, 0, 0);
	settle();

	/* Without reclaim there nothing leaves it. */
	for (i = 0; i < 4; i++)
		put_text(CGROUP GROUP "/memory.reclaim", "16M");
	EXPECT_SPREAD(spread_of(p, size), nr, 0, 0);

	/* With it DRAM is where it goes, and no further: the slower one does not take it. */
	ASSERT_EQ(set_knob_of(0, "reclaim", "1"), 0);
	for (i = 0; i < 50 && count_on(p, size, two[0].nid) > nr / 2; i++)
		reclaim_group("16M");
	s = spread_of(p, size);
	EXPECT_LE(s.a, nr / 2);
	EXPECT_EQ(s.a + s.ordinary, nr);
	EXPECT_EQ(s.b, 0);

	/* Until it does. */
	ASSERT_EQ(set_knob_of(1, "demotion", "1"), 0);
	for (i = 0; i < 50 && !count_on(p, size, two[1].nid); i++)
		reclaim_group("16M");
	s = spread_of(p, size);
	EXPECT_GT(s.b, 0);
	EXPECT_EQ(s.a + s.b + s.ordinary, nr);
	EXPECT_TRUE(filled(p, size, 22));
	munmap(p, size);

	/* A tier goes with its last node. */
	ASSERT_EQ(set_state_of(1, "unplugged"), 0);
	EXPECT_EQ(tier_of(two[1].nid), -1);
	EXPECT_GT(tier_of(two[0].nid), 0);
}

static int by_node(const void *a, const void *b)
{
	return ((const struct device *)a)->nid - ((const struct device *)b)->nid;
}

static void put_both_back(void)
{
	set_state_of(0, two[0].state);
	set_state_of(1, two[1].state);
}

int main(int argc, char **argv)
{
	const char *why = NULL;

	need_named();
	if (find_devices(two, 2) != 2)
		why = "there are no two dax devices bound to anondax";
	else if (two[0].nid == two[1].nid)
		why = "both devices are on one node";
	if (why)
		skip_all(why);
	qsort(two, 2, sizeof(two[0]), by_node);
	atexit(put_both_back);
	return test_harness_run(argc, argv);
}
