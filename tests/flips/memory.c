// SPDX-License-Identifier: GPL-2.0
/* Mappings made, moved, written and read. */
#include "flips.h"

#include <sched.h>

void op_map(void)
{
	struct area *a = &area[rnd(AREAS)];
	int dev = (int)rnd(5) - 2;

	/* Two of five are anonymous, two the first device, one the second. */
	if (a->base || !map_area(a, dev < 0 ? -1 : dev / 2, 16 + rnd(most - 16)))
		return;
	a->same = !rnd(a->dev < 0 ? 3 : 5);
	if (rnd(3))
		madvise(a->base, a->nr * PAGE, rnd(4) ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	if (a->same && !madvise(a->base, a->nr * PAGE, MADV_MERGEABLE))
		count(N_MADV_MERGEABLE);
}

static void op_unmap(void)
{
	struct area *a = any_area();

	if (a)
		unmap(a);
}

/* All but its head. */
static void op_trim(void)
{
	struct area *a = any_area();
	size_t nr;

	if (!a || a->pins || a->nr < 32)
		return;
	nr = a->nr - 1 - rnd(a->nr / 4);
	lock_areas();
	if (munmap(a->base + nr * PAGE, (a->nr - nr) * PAGE)) {
		if (!made(errno))
			wrong("munmap: %s", strerror(errno));
		a->split = true;
	} else {
		a->nr = nr;
	}
	unlock_areas();
	publish(a);
}

static void op_mremap(void)
{
	struct area *a = any_area();
	void *to, *p;

	/* Half of several mappings might move. */
	if (!a || a->split)
		return;
	lock_areas();
	to = mmap(NULL, a->nr * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		  -1, 0);
	p = to == MAP_FAILED ? to : mremap(a->base, a->nr * PAGE, a->nr * PAGE,
					   MREMAP_MAYMOVE | MREMAP_FIXED, to);
	if (p != MAP_FAILED) {
		a->base = p;
		count(N_MREMAP);
	} else if (to != MAP_FAILED) {
		if (verbose)
			say("mremap: %s", strerror(errno));
		munmap(to, a->nr * PAGE);
	}
	unlock_areas();
	publish(a);
}

void op_write(void)
{
	struct area *a = any_area();
	size_t i, nr;

	if (!a)
		return op_map();
	for (i = some(a, 256, &nr); nr; i++, nr--) {
		if (!write_page(a, i, next_gen()))
			return;
	}
}

void op_check(void)
{
	struct area *a = any_area();
	size_t i, nr;

	if (!a)
		return op_map();
	for (i = some(a, 256, &nr); nr; i++, nr--) {
		if (!check_page(a, i))
			return;
	}
}

static void op_check_all(void)
{
	struct area *a = any_area();

	if (a)
		check_all(a);
}

/* Again and again, from here and there, for NUMA balancing to see. */
static void op_hop(void)
{
	struct area *a = any_area();
	cpu_set_t set;
	size_t i, nr;
	int rounds;

	CPU_ZERO(&set);
	CPU_SET(rnd(2), &set);
	sched_setaffinity(0, sizeof(set), &set);
	if (!a)
		return;
	i = some(a, 64, &nr);
	for (rounds = 0; rounds < 20 && !stopped(); rounds++) {
		size_t j;

		for (j = i; j < i + nr; j++) {
			if (!check_page(a, j))
				return;
		}
		nap(5);
	}
	CPU_SET(0, &set);
	CPU_SET(1, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void op_lock(void)
{
	struct area *a = any_area();
	bool fail;

	if (!a)
		return;
	if (a->locked) {
		a->locked = munlock(a->base, a->nr * PAGE);
		return;
	}
	/* Not fatal: there may be no memory to be had on the node. */
	if (mlock2(a->base, a->nr * PAGE, rnd(2) ? MLOCK_ONFAULT : 0)) {
		fail = let_fail(false);
		munlock(a->base, a->nr * PAGE);
		let_fail(fail);
		return;
	}
	a->locked = true;
	count(N_MLOCK);
}

const struct op memory_ops[] = {
	/*		   map pol adv pin fork press */
	{ "map", op_map,		{ 9, 3, 3, 3, 3, 2 } },
	{ "unmap", op_unmap,		{ 3, 1, 1, 1, 1, 1 } },
	{ "trim", op_trim,		{ 2, 1, 1, 1, 1, 0 } },
	{ "mremap", op_mremap,		{ 3, 1, 1, 1, 1, 0 } },
	{ "write", op_write,		{ 9, 6, 6, 5, 6, 30 } },
	{ "check", op_check,		{ 6, 6, 6, 5, 6, 20 } },
	{ "check all", op_check_all,	{ 1, 1, 1, 1, 1, 1 } },
	{ "hop", op_hop,		{ 2, 1, 1, 1, 1, 2 } },
	{ "mlock", op_lock,		{ 1, 1, 1, 1, 1, 0 } },
	{ }
};
