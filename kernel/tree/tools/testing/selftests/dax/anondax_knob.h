/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the knobs of a private memory node switch on, each by itself.
 *
 * As anondax.c, this needs a dax device that is bound to anondax and that
 * nobody uses. Every test runs with the other knobs all off and all on, and on
 * memory in ZONE_NORMAL and in ZONE_MOVABLE; it shows the service refused with
 * the knob off, allowed with it on and, after a flip while the memory is in
 * use, refused again.
 *
 * A program, anondax_knob_*.c, has the tests of a service; anondax_knob_files.c has
 * those of the files themselves, which need no memory.
 */
#ifndef _ANONDAX_KNOB_H
#define _ANONDAX_KNOB_H

#include "kselftest_harness.h"
#include "anondax.h"

#define MSTEP	(4 * MB)

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

#endif /* _ANONDAX_KNOB_H */
