// SPDX-License-Identifier: GPL-2.0
/* Advice, and reclaim that somebody asks for. */
#include "flips.h"

/* Advice that changes nothing that can be read. */
void harmless(char *p, size_t nr)
{
	static const struct {
		int advice;
		enum count count;
	} list[] = {
		{ MADV_COLD, N_MADV_COLD },
		{ MADV_COLD, N_MADV_COLD },
		{ MADV_PAGEOUT, N_MADV_PAGEOUT },
		{ MADV_PAGEOUT, N_MADV_PAGEOUT },
		{ MADV_COLLAPSE, N_MADV_COLLAPSE },
		{ MADV_COLLAPSE, N_MADV_COLLAPSE },
		{ MADV_WILLNEED, NR_COUNTS },
		{ MADV_POPULATE_READ, N_MADV_POPULATE },
		{ MADV_POPULATE_WRITE, N_MADV_POPULATE },
	};
	int i = rnd(ARRAY_SIZE(list));

	if (!madvise(p, nr * PAGE, list[i].advice) && list[i].count != NR_COUNTS)
		count(list[i].count);
}

void op_harmless(void)
{
	struct area *a = any_area();
	size_t start, nr;

	if (!a)
		return;
	start = some(a, a->nr, &nr);
	harmless(a->base + start * PAGE, nr);
}

/* Of the mapping as a whole, lest it be split. */
static void op_flags(void)
{
	static const int list[] = {
		MADV_HUGEPAGE, MADV_NOHUGEPAGE, MADV_MERGEABLE, MADV_MERGEABLE, MADV_UNMERGEABLE
	};
	struct area *a = any_area();
	int i = rnd(ARRAY_SIZE(list));

	if (a && !madvise(a->base, a->nr * PAGE, list[i]) && i >= 2)
		count(N_MADV_MERGEABLE);
}

static void op_free(void)
{
	struct area *a = any_area();
	size_t start, nr, i;
	int rc;

	if (!a || a->pins)
		return;
	start = some(a, a->nr, &nr);
	rc = madvise(a->base + start * PAGE, nr * PAGE, MADV_FREE);
	if (!rc)
		count(N_MADV_FREE);
	/* In case of an error it may have come half the way. */
	for (i = start; i < start + nr; i++)
		a->page[i].freed = a->page[i].gen || a->page[i].torn;
}

static void op_dontneed(void)
{
	struct area *a = any_area();
	size_t start, nr, i;
	int rc;

	if (!a || a->pins)
		return;
	start = some(a, a->nr, &nr);
	rc = madvise(a->base + start * PAGE, nr * PAGE,
		     a->locked ? MADV_DONTNEED_LOCKED : MADV_DONTNEED);
	if (rc && made(errno)) {
		/* It may have come half the way. */
		for (i = start; i < start + nr; i++)
			a->page[i].freed = a->page[i].gen || a->page[i].torn;
		return;
	}
	if (rc) {
		wrong("MADV_DONTNEED: %s", strerror(errno));
		return;
	}
	count(N_MADV_DONTNEED);
	for (i = start; i < start + nr; i++)
		memset(&a->page[i], 0, sizeof(a->page[i]));
}

void op_reclaim(void)
{
	static const char * const files[] = {
		CGROUP "/memory.reclaim", CGROUP "/load/memory.reclaim",
		CGROUP "/press/memory.reclaim", NODE "node0/reclaim", NODE "node1/reclaim",
		NODE "node2/reclaim", NODE "node3/reclaim"
	};
	static const char * const how[] = { "1M", "4M", "2M swappiness=max", "4M swappiness=0" };
	int rc = put_text(files[rnd(ARRAY_SIZE(files))], how[rnd(ARRAY_SIZE(how))]);

	if (!rc || rc == -EAGAIN)
		count(N_RECLAIMED);
}

const struct op advice_ops[] = {
	/*		   map pol adv pin fork press */
	{ "advice", op_harmless,	{ 1, 2, 9, 3, 2, 2 } },
	{ "flags", op_flags,		{ 1, 1, 3, 1, 1, 1 } },
	{ "MADV_FREE", op_free,		{ 1, 1, 3, 1, 1, 2 } },
	{ "MADV_DONTNEED", op_dontneed,	{ 1, 1, 2, 1, 1, 1 } },
	{ "reclaim", op_reclaim,	{ 1, 1, 2, 1, 1, 4 } },
	{ }
};
