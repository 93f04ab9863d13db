// SPDX-License-Identifier: GPL-2.0
/* The files of the knobs, and that of the distance: what they take, and what they say. */

#include "kselftest_harness.h"
#include "anondax.h"

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

	for (i = 0; i < KNOBS; i++) {
		EXPECT_EQ(get_knob(knobs[i]), 0);
		EXPECT_EQ(set_knob(knobs[i], "1\n"), 0);
		EXPECT_EQ(get_knob(knobs[i]), 1);
		for (j = 0; j < ARRAY_SIZE(bad); j++) {
			EXPECT_EQ(set_knob(knobs[i], bad[j]), -EINVAL)
				TH_LOG("%s takes '%s'", knobs[i], bad[j]);
		}
		EXPECT_EQ(get_knob(knobs[i]), 1);
		/* Just its own. */
		for (j = i + 1; j < KNOBS; j++)
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
		EXPECT_EQ(tier_of(dax.nid), want >> 7)
			TH_LOG("node %d is not in the tier of %d", dax.nid, want);
		ASSERT_EQ(set_state("unplugged"), 0);
		EXPECT_EQ(tier_of(dax.nid), -1);
	}
}

int main(int argc, char **argv)
{
	need_dax();
	return test_harness_run(argc, argv);
}
