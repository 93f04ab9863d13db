// SPDX-License-Identifier: GPL-2.0
/* DAMON has no knob: its migration demotes, and takes what it moves as reclaim does. */

#include "anondax_knob.h"

#include <stdatomic.h>

#define DAMON	"/sys/kernel/mm/damon/admin/kdamonds/"

static int damon_put(const char *file, const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DAMON "%s", file);
	return put_text(path, text);
}

/*
 * Wait until it has done what it was told to with all of our memory, a few times.
 * The counts are as they were asked for last. 0 or -errno.
 */
static int damon_passes(int passes)
{
	char text[32];
	int tries, rc;
	long last = 0;

	for (tries = 0; tries < 1000; tries++) {
		rc = damon_put("0/state", "update_schemes_stats");
		if (!rc)
			rc = get_text(DAMON "0/contexts/0/schemes/0/stats/nr_tried", text,
				      sizeof(text));
		if (rc)
			return rc;
		if (atol(text) != last && !passes--)
			return 0;
		last = atol(text);
		usleep(20000);
	}
	return -ETIMEDOUT;
}

struct damon_setting {
	const char *file, *value;
};

static int damon_set(const struct damon_setting *settings, size_t n)
{
	size_t i;
	int rc;

	for (i = 0; i < n; i++) {
		rc = damon_put(settings[i].file, settings[i].value);
		if (rc)
			return rc;
	}
	return 0;
}

/* One that watches us, in the way of @operations, with so many schemes. */
static int damon_watches(const char *operations, const char *schemes)
{
	char pid[16];
	const struct damon_setting settings[] = {
		{ "nr_kdamonds", "1" },
		{ "0/contexts/nr_contexts", "1" },
		{ "0/contexts/0/operations", operations },
		{ "0/contexts/0/monitoring_attrs/intervals/sample_us", "5000" },
		{ "0/contexts/0/monitoring_attrs/intervals/aggr_us", "50000" },
		{ "0/contexts/0/monitoring_attrs/intervals/update_us", "100000" },
		{ "0/contexts/0/targets/nr_targets", "1" },
		{ "0/contexts/0/targets/0/pid_target", pid },
		{ "0/contexts/0/schemes/nr_schemes", schemes },
	};

	snprintf(pid, sizeof(pid), "%d", getpid());
	return damon_set(settings, ARRAY_SIZE(settings));
}

/* The scheme is for memory of any size and age. */
static int damon_any(int scheme)
{
	static const char * const most[][2] = {
		{ "sz", "1000000000000" }, { "nr_accesses", "1000" }, { "age", "1000000" },
	};
	char file[128];
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < ARRAY_SIZE(most); i++) {
		snprintf(file, sizeof(file), "0/contexts/0/schemes/%d/access_pattern/%s/max",
			 scheme, most[i][0]);
		rc = damon_put(file, most[i][1]);
	}
	return rc;
}

/* Do something with all of our memory for a while, be it to move it to the node. */
static int damon_does(const char *action, int nid)
{
	char target[16];
	const struct damon_setting settings[] = {
		{ "0/contexts/0/schemes/0/action", action },
		{ "0/contexts/0/schemes/0/target_nid", target },
		{ "0/state", "on" },
	};
	int rc;

	snprintf(target, sizeof(target), "%d", nid);
	rc = damon_watches("vaddr", "1") ?: damon_any(0) ?:
	     damon_set(settings, ARRAY_SIZE(settings));
	if (rc)
		return rc;
	/* Where it does it, it has by then; where it does not, it has had the time. */
	rc = damon_passes(5);
	damon_put("0/state", "off");
	return rc;
}

/* How often does something of the range look used? Or -errno. */
static long damon_sees(char *p, size_t size)
{
	char start[32], end[32], text[32];
	const struct damon_setting settings[] = {
		{ "0/contexts/0/targets/0/regions/nr_regions", "1" },
		{ "0/contexts/0/targets/0/regions/0/start", start },
		{ "0/contexts/0/targets/0/regions/0/end", end },
		{ "0/contexts/0/schemes/1/access_pattern/nr_accesses/min", "1" },
		{ "0/state", "on" },
	};
	long rc;

	snprintf(start, sizeof(start), "%lu", (unsigned long)p);
	snprintf(end, sizeof(end), "%lu", (unsigned long)p + size);
	rc = damon_watches("fvaddr", "2") ?: damon_any(0) ?: damon_any(1) ?:
	     damon_set(settings, ARRAY_SIZE(settings));
	if (rc)
		return rc;
	/* One after the other, for it looks at a few pages of a range only. */
	rc = damon_passes(10) ?: damon_put("0/state", "update_schemes_stats") ?:
	     get_text(DAMON "0/contexts/0/schemes/1/stats/nr_tried", text, sizeof(text));
	damon_put("0/state", "off");
	return rc ?: atol(text);
}

struct user {
	char *p;
	size_t size;
	atomic_bool stop;
};

static void *use(void *arg)
{
	struct user *user = arg;
	size_t off;

	while (!atomic_load(&user->stop)) {
		for (off = 0; off < user->size; off += page)
			user->p[off] = 44;
		/* What the processor has in its TLB it does not mark again. */
		mprotect(user->p, user->size, PROT_READ);
		mprotect(user->p, user->size, PROT_READ | PROT_WRITE);
	}
	return NULL;
}

/* What it must not mark old does not look used for ever. */
TEST_F_TIMEOUT(knob, damon_young, LONG)
{
	size_t size = 4 * MB;
	pthread_t thread;
	long seen;
	char *p;
	int huge;

	for (huge = 0; huge < 2; huge++) {
		p = map_dax(size);
		ASSERT_NE(p, MAP_FAILED);
		ASSERT_EQ(madvise(p, size, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE), 0);
		fill(p, size, 43);
		settle();
		ASSERT_EQ(set_knob("reclaim", "0"), 0);
		seen = damon_sees(p, size);
		if (seen == -ENOENT)
			SKIP(return, "no DAMON");
		EXPECT_EQ(seen, 0);

		/* On, what is used looks so. */
		ASSERT_EQ(set_knob("reclaim", "1"), 0);
		struct user user = { .p = p, .size = size };

		ASSERT_EQ(pthread_create(&thread, NULL, use, &user), 0);
		EXPECT_GT(damon_sees(p, size), 0);
		atomic_store(&user.stop, true);
		pthread_join(thread, NULL);
		munmap(p, size);
	}
	damon_put("nr_kdamonds", "0");
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

/* Pages of a kind on the LRU lists of all nodes, or of the private one. */
static long lru_pages(const char *kind, int private)
{
	static const char * const of[] = { "anon", "file" };
	char path[PATH_MAX], key[32];
	long pages = 0;
	size_t i;

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/vmstat", dax.nid);
	for (i = 0; i < ARRAY_SIZE(of); i++) {
		snprintf(key, sizeof(key), "nr_%s_%s", kind, of[i]);
		pages += private ? get_number(path, key) : vm_count(key);
	}
	return pages;
}

/* Parts of 10000 of the LRU lists that are active; without the private node, or with it. */
static long active_part(int with)
{
	long active = lru_pages("active", 0), all = active + lru_pages("inactive", 0);

	if (!with) {
		all -= lru_pages("active", 1) + lru_pages("inactive", 1);
		active -= lru_pages("active", 1);
	}
	return active * 10000 / all;
}

/* May a scheme go on whose goal it is that so much of all memory is active? Or -errno. */
static int damon_goes_on(long target)
{
	char value[24], text[32];
	const struct damon_setting settings[] = {
		{ "0/contexts/0/schemes/0/action", "stat" },
		{ "0/contexts/0/schemes/0/quotas/reset_interval_ms", "20" },
		{ "0/contexts/0/schemes/0/quotas/goal_tuner", "temporal" },
		{ "0/contexts/0/schemes/0/quotas/goals/nr_goals", "1" },
		{ "0/contexts/0/schemes/0/quotas/goals/0/target_metric", "active_mem_bp" },
		{ "0/contexts/0/schemes/0/quotas/goals/0/target_value", value },
		{ "0/state", "on" },
	};
	int rc, tries;

	snprintf(value, sizeof(value), "%ld", target);
	rc = damon_watches("vaddr", "1") ?: damon_any(0) ?:
	     damon_set(settings, ARRAY_SIZE(settings));
	if (rc)
		return rc;
	/* None before it looks for the first time; and if for so long, then for ever. */
	for (tries = 0; tries < 50; tries++) {
		usleep(20000);
		rc = damon_put("0/state", "update_schemes_effective_quotas") ?:
		     get_text(DAMON "0/contexts/0/schemes/0/quotas/effective_bytes", text,
			      sizeof(text));
		if (rc || strcmp(text, "0"))
			break;
	}
	damon_put("0/state", "off");
	return rc ?: strcmp(text, "0") != 0;
}

/* A goal for all memory is about what it may do something for. */
TEST_F_TIMEOUT(knob, damon_active, LONG)
{
	size_t size = 128 * MB;
	long without, with;
	int goes_on;
	char *p;

	p = map_dax(size);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, size, 45);
	settle();
	without = active_part(0);
	with = active_part(1);
	/* All that we have there is of one kind. */
	ASSERT_GT(labs(with - without), 400) TH_LOG("%ld, %ld", with, without);

	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	goes_on = damon_goes_on((with + without) / 2);
	if (goes_on == -ENOENT)
		SKIP(return, "no DAMON");
	EXPECT_EQ(goes_on, without < with);
	ASSERT_EQ(set_knob("reclaim", "1"), 0);
	EXPECT_EQ(damon_goes_on((with + without) / 2), with < without);
	munmap(p, size);
	damon_put("nr_kdamonds", "0");
}

int main(int argc, char **argv)
{
	need_dax();
	return test_harness_run(argc, argv);
}
