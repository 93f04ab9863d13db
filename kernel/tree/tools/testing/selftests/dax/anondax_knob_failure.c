// SPDX-License-Identifier: GPL-2.0
/* Pages that fail, or are about to: no knob has a say. */

#include "anondax_knob.h"

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
	need_dax();
	return test_harness_run(argc, argv);
}
