// SPDX-License-Identifier: GPL-2.0
/* What has been done: what was not done was not tested. */
#include "flips.h"

enum when { MUST, MAY, MUST_IF_FAILING };

#define COUNT(name, ...) \
	[N_##name] = { __VA_ARGS__ },
static const struct {
	enum when when;
	const char *text;
} counts[] = {
#include "counts.h"
};

#undef COUNT

/* What has to rise in /proc/vmstat, or one of those that start so. */
static const char * const vmstats[] = {
	"pgdemote_", "pswpout", "pswpin", "numa_hint_faults", "numa_pages_migrated",
	"pgpromote_success", "thp_fault_alloc", "thp_collapse_alloc", "pgmigrate_success"
};

static long demoted(int nid)
{
	char path[128];

	snprintf(path, sizeof(path), NODE "node%d/vmstat", nid);
	return number(path, "pgdemote_");
}

static bool must(enum count what)
{
	return counts[what].when == MUST || (counts[what].when == MUST_IF_FAILING && failures);
}

static int note_done(struct done *list, int nr, long n, const char *text)
{
	snprintf(list[nr].text, sizeof(list[nr].text), "%s", text);
	list[nr].n = n;
	return nr + 1;
}

/* The same things in the same order each time. Returns how many. */
int what_was_done(struct done *list, bool damon)
{
	char text[80];
	int i, k, nr = 0;

	for (i = 0; i < DEVICES; i++) {
		for (k = 0; k < KNOBS * 2; k++) {
			snprintf(text, sizeof(text), "node %d: %s switched %s", device[i].nid,
				 knobs[k / 2], k & 1 ? "on" : "off");
			nr = note_done(list, nr, sh->flips[i][k / 2][k & 1], text);
		}
		snprintf(text, sizeof(text), "node %d: pages in use at once", device[i].nid);
		nr = note_done(list, nr, sh->used[i], text);
	}
	for (i = 0; i < NR_COUNTS; i++) {
		if (must(i))
			nr = note_done(list, nr, sh->count[i], counts[i].text);
	}
	nr = note_done(list, nr, sh->merged, "pages merged by KSM at once");
	if (failures) {
		nr = note_done(list, nr, failed_slab(), "allocations of the slab made to fail");
		nr = note_done(list, nr, failed_pages(), "allocations of pages made to fail");
	}
	for (i = 0; i < (int)ARRAY_SIZE(vmstats); i++)
		nr = note_done(list, nr, number("/proc/vmstat", vmstats[i]), vmstats[i]);
	nr = note_done(list, nr, demoted(0) + demoted(1), "pages demoted from ordinary nodes");
	nr = note_done(list, nr, demoted(device[0].nid), "pages demoted from the first device");
	nr = note_done(list, nr, damon ? damon_applied(0) : 0, "migrations by DAMON");
	return note_done(list, nr, damon ? damon_applied(1) : 0, "pageouts by DAMON");
}

bool all_done(const struct done *before, bool damon)
{
	static struct done now[MOST_DONE];
	int i, nr = what_was_done(now, damon);

	for (i = 0; i < nr && now[i].n > before[i].n; i++)
		;
	return i == nr;
}

unsigned long all_flips(void)
{
	unsigned long sum = 0;
	int i, k;

	for (i = 0; i < DEVICES; i++) {
		for (k = 0; k < KNOBS; k++)
			sum += sh->flips[i][k][0] + sh->flips[i][k][1];
	}
	return sum;
}

/* What need not happen. */
void say_the_rest(void)
{
	int i;

	for (i = 0; i < NR_COUNTS; i++) {
		if (counts[i].when == MAY)
			say("%lu %s", sh->count[i], counts[i].text);
	}
}
