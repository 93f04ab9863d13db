// SPDX-License-Identifier: GPL-2.0
/* DAMON, at work on the private nodes. */
#include "flips.h"

#define DAMON		"/sys/kernel/mm/damon/admin/kdamonds/"

/*
 * What is idle on the private nodes goes to the first of them or to swap every now
 * and then. False if there is no such thing.
 */
bool start_damon(void)
{
	static const char * const list[][2] = {
		{ "contexts/nr_contexts", "1" },
		{ "contexts/0/operations", "paddr" },
		{ "contexts/0/monitoring_attrs/intervals/sample_us", "20000" },
		{ "contexts/0/monitoring_attrs/intervals/aggr_us", "100000" },
		{ "contexts/0/targets/nr_targets", "1" },
		{ "contexts/0/targets/0/regions/nr_regions", "2" },
		{ "contexts/0/schemes/nr_schemes", "2" },
		{ "contexts/0/schemes/0/action", "migrate_cold" },
		{ "contexts/0/schemes/1/action", "pageout" },
	};
	static const char * const of_both[][2] = {
		{ "access_pattern/sz/max", "1099511627776" },
		{ "access_pattern/nr_accesses/max", "1" },
		{ "access_pattern/age/max", "1000000" },
		{ "apply_interval_us", "2000000" },
	};
	char path[256], file[128], text[32];
	int rc, i, k;

	rc = put_text(DAMON "nr_kdamonds", "1");
	for (i = 0; i < (int)ARRAY_SIZE(list); i++) {
		snprintf(path, sizeof(path), DAMON "0/%s", list[i][0]);
		rc = rc ?: put_text(path, list[i][1]);
	}
	for (k = 0; k < 2; k++) {
		for (i = 0; i < (int)ARRAY_SIZE(of_both); i++) {
			snprintf(path, sizeof(path), DAMON "0/contexts/0/schemes/%d/%s", k,
				 of_both[i][0]);
			rc = rc ?: put_text(path, of_both[i][1]);
		}
	}
	snprintf(text, sizeof(text), "%d", device[0].nid);
	rc = rc ?: put_text(DAMON "0/contexts/0/schemes/0/target_nid", text);
	for (i = 0; i < DEVICES; i++) {
		for (k = 0; k < 2; k++) {
			snprintf(file, sizeof(file), "mapping0/%s", k ? "end" : "start");
			get_dax(&device[i], file, text, sizeof(text));
			/* It wants them without 0x. */
			snprintf(text, sizeof(text), "%llu", strtoull(text, NULL, 0));
			snprintf(path, sizeof(path), DAMON "0/contexts/0/targets/0/regions/%d/%s",
				 i, k ? "end" : "start");
			rc = rc ?: put_text(path, text);
		}
	}
	rc = rc ?: put_text(DAMON "0/state", "on");
	if (rc)
		say("DAMON does not start: %s", strerror(-rc));
	return !rc;
}

/* How many regions a scheme was applied to. */
long damon_applied(int scheme)
{
	char path[128], text[32] = "";

	put_text(DAMON "0/state", "update_schemes_stats");
	snprintf(path, sizeof(path), DAMON "0/contexts/0/schemes/%d/stats/nr_applied", scheme);
	get_text(path, text, sizeof(text));
	return atol(text);
}

void stop_damon(void)
{
	put_text(DAMON "0/state", "off");
	put_text(DAMON "nr_kdamonds", "0");
}
