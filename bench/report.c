// SPDX-License-Identifier: GPL-2.0
/*
 * Reads what the machines counted, build/bench/RUN.N.json, compares, and writes
 * tables (Markdown, which is readable as it is), one JSON file with everything,
 * data for the plots, and TAP: what has to hold.
 *
 *	report DIR [KEY=VALUE...]
 *
 * KEY=VALUE is about the runs (versions, command) and goes into the results.
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "compiler.h"

/* Section 6 of the design. */
#define BAR_STOCK	1.001	/* ordinary work, no private node, to stock */
#define BAR_ORDER_0	2	/* and instructions of an order-0 allocation and free */
#define BAR_ONLINE	1.005	/* ordinary work with a private node, to without */
#define BAR_PRIVATE	1.01	/* first touch of private memory, to ordinary */

/* bench/guest.c: forks() */
#define FORKS_IN_A_ROW	4

struct figure {
	char test[64];
	double n, median, mean, p10, p90, dear, min, max;
	unsigned int mark;
	bool has_median, settled, constant;
};

struct run {
	const char *name;
	bool there;
	bool same;		/* the second machine counted the same */
	int n_figures;
	struct figure figures[256];
};

static const char *dir;
static FILE *md;
static int n_tap, failed;

static struct run runs[64];
static int n_runs;

static __noreturn __printf(1, 2) void die(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "error: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	exit(2);
}

static char *slurp(const char *path)
{
	size_t n = 0, size = 1 << 20;
	char *buf = malloc(size);
	FILE *f = fopen(path, "r");

	if (!f || !buf) {
		free(buf);
		return NULL;
	}
	n = fread(buf, 1, size - 1, f);
	buf[n] = '\0';
	fclose(f);
	return buf;
}

/* Our own lines: flat objects, known keys. */
static double number(const char *line, const char *key, double missing)
{
	char want[32];
	char *at;

	snprintf(want, sizeof(want), "\"%s\":", key);
	at = strstr(line, want);
	return at ? strtod(at + strlen(want), NULL) : missing;
}

static void parse(struct run *r, char *text)
{
	char *line, *save = NULL;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct figure *f = &r->figures[r->n_figures];
		double is = number(line, "is", NAN);

		if (sscanf(line, isnan(is) ? "{\"test\":\"%63[^\"]\"" : "{\"value\":\"%63[^\"]\"",
			   f->test) != 1)
			continue;
		f->constant = !isnan(is);
		f->n = number(line, "n", 1);
		f->mean = isnan(is) ? number(line, "mean", NAN) : is;
		f->median = number(line, "median", f->mean);
		f->has_median = strstr(line, "\"median\"");
		f->p10 = number(line, "p10", f->mean);
		f->p90 = number(line, "p90", f->mean);
		f->dear = number(line, "dear", 0);
		f->min = number(line, "min", f->mean);
		f->max = number(line, "max", f->mean);
		f->mark = number(line, "mark", 0);
		f->settled = strstr(line, "\"settled\":true");
		if (++r->n_figures == 256)
			die("%s has too many figures", r->name);
	}
}

/* The runs that there are, by name. */
static struct run *run(const char *name)
{
	char path[512], *a, *b;
	struct run *r;
	int i;

	for (i = 0; i < n_runs; i++)
		if (!strcmp(runs[i].name, name))
			return &runs[i];
	if (n_runs == 64)
		die("too many runs");
	r = &runs[n_runs++];
	r->name = name;
	snprintf(path, sizeof(path), "%s/%s.1.json", dir, name);
	a = slurp(path);
	snprintf(path, sizeof(path), "%s/%s.2.json", dir, name);
	b = slurp(path);
	if (a) {
		r->there = true;
		r->same = b && !strcmp(a, b);
		parse(r, a);
	}
	free(a);
	free(b);
	return r;
}

static const struct figure *find(const struct run *r, const char *test)
{
	int i;

	for (i = 0; r && r->there && i < r->n_figures; i++)
		if (!strcmp(r->figures[i].test, test))
			return &r->figures[i];
	return NULL;
}

static double get(const struct run *r, const char *test)
{
	const struct figure *f = find(r, test);

	return f ? f->median : NAN;
}

/*
 * TAP.
 */
static __printf(2, 3) void ok(bool good, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d ", good ? "" : "not ", ++n_tap);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	failed += !good;
}

/*
 * Tables, and data for the plots.
 */
static FILE *data_for(const char *plot)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.data", dir, plot);
	f = fopen(path, "w");
	if (!f)
		die("cannot write %s: %s", path, strerror(errno));
	return f;
}

static __printf(1, 2) void out(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(md, fmt, ap);
	va_end(ap);
}

static const char *count(double v)
{
	static char buf[16][32];
	static int i;

	i = (i + 1) % 16;
	buf[i][0] = '\0';
	if (!isnan(v))
		snprintf(buf[i], sizeof(buf[i]), v == floor(v) || v >= 1000 ? "%.0f" : "%.1f", v);
	return buf[i];
}

static const char *ratio(double a, double b)
{
	static char buf[16][32];
	static int i;

	i = (i + 1) % 16;
	buf[i][0] = '\0';
	if (!isnan(a) && !isnan(b) && b)
		snprintf(buf[i], sizeof(buf[i]), "%.4f", a / b);
	return buf[i];
}

/* A test that counts against a bar, and what of it counts. */
struct bar {
	const char *test;
	/*
	 * DEAR: one of eight or so, those that take a slab page or give it back.
	 * ORDER_0: a median, with its own bar.
	 */
	enum { MEDIAN, ORDER_0, DEAR } what;
	const char *label;
};

static const struct bar stock_bars[] = {
	{ "pages-0", ORDER_0, "order-0 alloc_pages and free" },
	{ "folio-0", ORDER_0, "order-0 folio_alloc and put" },
	{ "folio-node-0", ORDER_0, "order-0 __folio_alloc_node and put" },
	{ "folio-zero-0", MEDIAN, "order-0 folio, zeroed" },
	{ "pages-2", MEDIAN, "order-2 alloc_pages and free" },
	{ "folio-2", MEDIAN, "order-2 folio_alloc and put" },
	{ "pages-9", MEDIAN, "order-9 alloc_pages and free" },
	{ "folio-9", MEDIAN, "order-9 folio_alloc and put" },
	{ "folio-node-9", MEDIAN, "order-9 __folio_alloc_node and put" },
	{ "folio-zero-9", MEDIAN, "order-9 folio, zeroed" },
	{ "kmalloc-4k", MEDIAN, "kmalloc of 4 KiB and kfree, slab at hand" },
	{ "kmalloc-16k", MEDIAN, "kmalloc of 16 KiB and kfree, from the page allocator" },
	{ "slab-page-0-alloc", DEAR, "kmem_cache_alloc that takes a new slab page" },
	{ "slab-page-0-free", DEAR, "kmem_cache_free that gives a slab page back" },
	{ "touch-4k", MEDIAN, "anonymous fault, 4 KiB" },
	{ "touch-64k", MEDIAN, "anonymous fault, 64 KiB" },
	{ "touch-2m", MEDIAN, "anonymous fault, 2 MiB" },
	{ "node1/touch-4k", MEDIAN, "anonymous fault, 4 KiB, bound to an ordinary node" },
	{ "node1/touch-64k", MEDIAN, "anonymous fault, 64 KiB, bound to an ordinary node" },
	{ "node1/touch-2m", MEDIAN, "anonymous fault, 2 MiB, bound to an ordinary node" },
	{ "cow-4k", MEDIAN, "copy on write, 4 KiB" },
	{ "tmpfs-write", MEDIAN, "write() of 4 KiB to tmpfs" },
	{ "fork-exit", MEDIAN, "fork and exit" },
	{ "fork-exit-16m", MEDIAN, "fork and exit with 16 MiB" },
};

#define N(a) ((int)ARRAY_SIZE(a))

static double bar_value(const struct run *r, const struct bar *b)
{
	const struct figure *f = find(r, b->test);

	if (!f)
		return NAN;
	return b->what == DEAR ? f->dear : f->median;
}

/*
 * Is what it takes with @with private nodes what it takes with one? To the digit, or,
 * if it is not even the same each time on one machine, no more than a bar allows.
 */
static bool same_with(const struct run *one, const struct run *with, const struct bar *b)
{
	const struct figure *f = find(one, b->test);

	if (f && f->p10 == f->p90)
		return bar_value(with, b) == bar_value(one, b);
	return bar_value(with, b) <= bar_value(one, b) * BAR_STOCK;
}

static void agreed(const char * const *names, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		struct run *r = run(names[i]);

		if (r->there)
			ok(r->same, "%s: both machines counted the same, to the digit", names[i]);
	}
}

static void row_of(const char *test, struct run **col, int n)
{
	const struct figure *f = NULL;
	int i;

	for (i = 0; i < n && !f; i++)
		f = find(col[i], test);
	if (!f)
		return;
	out("| %s | %s |", test, count(get(col[0], test)));
	f = find(col[0], test);
	if (f && f->has_median)
		out(" %s to %s |", count(f->p10), count(f->p90));
	else
		out(" |");
	out(" %s |", count(get(col[1], test)));
	out(" %s |", ratio(get(col[1], test), get(col[0], test)));
	for (i = 2; i < n; i++)
		if (col[i]->there)
			out(" %s |", ratio(get(col[i], test), get(col[1], test)));
	out("\n");
}

/* Stock, ours, and ours with so many private nodes as the heads say. */
static void table_of(struct run **col, const char * const *heads, int n)
{
	int i;

	out("| | stock | spread (10 %% to 90 %%) | ours | ours to stock |");
	for (i = 2; i < n; i++)
		if (col[i]->there)
			out(" %s |", heads[i]);
	out("\n|---|---:|---:|---:|---:|");
	for (i = 2; i < n; i++)
		if (col[i]->there)
			out("---:|");
	out("\n");
	for (i = 0; i < col[0]->n_figures; i++) {
		const char *test = col[0]->figures[i].test;

		if (!col[0]->figures[i].constant)
			row_of(test, col, n);
	}
}

static void within_bars(const struct run *stock, const struct run *ours, const char *where)
{
	int i;

	for (i = 0; i < N(stock_bars); i++) {
		const struct bar *b = &stock_bars[i];
		double s = bar_value(stock, b), o = bar_value(ours, b);

		/* Alone has no other ordinary node to bind to. */
		if (*where && !strncmp(b->test, "node1/", 6))
			continue;
		if (b->what == ORDER_0)
			ok(o <= s + BAR_ORDER_0,
			   "%s%s: %s of stock's %s instructions, at most %d more",
			   where, b->label, count(o), count(s), BAR_ORDER_0);
		else
			ok(o <= s * BAR_STOCK,
			   "%s%s: %s of stock's %s instructions, %s, at most %.3f",
			   where, b->label, count(o), count(s), ratio(o, s), BAR_STOCK);
	}
}

static void with_one(const struct run *without, const struct run *with, const struct bar *b,
		     const char *where)
{
	double w = bar_value(without, b), o = bar_value(with, b);

	ok(o <= w * BAR_ONLINE, "%s%s with a private node: %s, and %s without: %s, at most %.3f",
	   where, b->label, count(o), count(w), ratio(o, w), BAR_ONLINE);
}

static void group1(void)
{
	static const char * const names[] = { "stock", "ours-0", "ours-1", "ours-8", "ours-60" };
	static const char * const heads[] = { "", "", "1 node", "8 nodes", "60 nodes" };
	struct run *col[N(names)];
	FILE *data;
	int i, k;

	for (i = 0; i < N(names); i++)
		col[i] = run(names[i]);
	if (!col[0]->there || !col[1]->there)
		return;

	out("\n## Ordinary work\n\n"
	    "Instructions for each: the median, or the mean where the whole was counted at once.\n"
	    "\"ours\" has no private node; the last columns have that many, with every knob on,\n"
	    "compared to ours without.\n\n");
	table_of(col, heads, N(names));

	data = data_for("ordinary");
	for (i = 0; i < N(stock_bars); i++) {
		double stock = bar_value(col[0], &stock_bars[i]);

		fprintf(data, "\"%s\"", stock_bars[i].test);
		/* gnuplot does not like columns of nothing. */
		for (k = 1; k < N(names) && col[k]->there; k++)
			fprintf(data, " %.5f", bar_value(col[k], &stock_bars[i]) / stock);
		fprintf(data, "\n");
	}
	fclose(data);

	agreed(names, N(names));
	within_bars(col[0], col[1], "");
	if (!col[2]->there)
		return;
	for (i = 0; i < N(stock_bars); i++) {
		const struct bar *b = &stock_bars[i];
		double one = bar_value(col[2], b);
		bool equal = true;

		/* The new mm is made known to the walkers of every node with memory. */
		if (!strncmp(b->test, "fork", 4))
			continue;
		for (k = 3; k < N(names); k++)
			if (col[k]->there && !same_with(col[2], col[k], b))
				equal = false;
		ok(equal, "%s: the same with 1, 8 and 60 private nodes: %s, %s, %s", b->label,
		   count(one), count(bar_value(col[3], b)), count(bar_value(col[4], b)));
		with_one(col[1], col[2], b, "");
	}
}

/* Where there is one ordinary node, a private one makes two. */
static void group_alone(void)
{
	static const char * const names[] = { "alone-stock", "alone-ours-0", "alone-ours-1" };
	static const char * const heads[] = { "", "", "1 node" };
	struct run *col[N(names)];
	int i;

	for (i = 0; i < N(names); i++) {
		col[i] = run(names[i]);
		if (!col[i]->there)
			return;
	}
	out("\n## Ordinary work on a machine with one ordinary node\n\n"
	    "As above. With a private node the machine has two.\n\n");
	table_of(col, heads, N(names));
	agreed(names, N(names));
	within_bars(col[0], col[1], "one ordinary node: ");
	for (i = 0; i < N(stock_bars); i++) {
		const struct bar *b = &stock_bars[i];

		if (!strncmp(b->test, "fork", 4) || !strncmp(b->test, "node1/", 6))
			continue;
		with_one(col[1], col[2], b, "one ordinary node: ");
	}
}

/* What goes by nodes, with 60: nothing for private ones that opted out. */
static void group_scan(void)
{
	static const char * const names[] = { "scan-0", "scan-off", "scan-on", "scan-kmem" };
	static const char * const tests[] = {
		"fork-exit", "fork-exit-16m", "ext4-write", "reclaim-memcg",
	};
	double value[N(names)];
	const struct figure *f;
	int i, k;

	for (i = 0; i < N(names); i++) {
		if (!run(names[i])->there)
			return;
	}
	out("\n## What goes by nodes\n\n"
	    "Without private nodes, with 60 of them that have all knobs off, all knobs on, and\n"
	    "with as many ordinary nodes of kmem. Means: what is dear comes once in a while.\n\n"
	    "| | none | 60, knobs off | ratio | 60, knobs on | ratio | 60 of kmem | ratio |\n"
	    "|---|---:|---:|---:|---:|---:|---:|---:|\n");
	agreed(names, N(names));
	for (k = 0; k < N(tests); k++) {
		for (i = 0; i < N(names); i++) {
			f = find(run(names[i]), tests[k]);
			value[i] = f ? f->mean : NAN;
		}
		out("| %s | %s |", tests[k], count(value[0]));
		for (i = 1; i < N(names); i++)
			out(" %s | %s |", count(value[i]), ratio(value[i], value[0]));
		out("\n");
		ok(value[1] <= value[0] * BAR_ONLINE,
		   "%s with 60 private nodes, knobs off: %s, and %s without: %s, at most %.3f",
		   tests[k], count(value[1]), count(value[0]), ratio(value[1], value[0]),
		   BAR_ONLINE);
		/*
		 * The knobs add what goes by nodes to what private nodes cost that have
		 * none on: that, and no more than ordinary nodes add.
		 */
		value[3] += value[1] - value[0];
		ok(value[2] <= value[3] * BAR_STOCK,
		   "%s with 60 private nodes, knobs on: %s, off and what as many of kmem add %s: %s, at most %.3f",
		   tests[k], count(value[2]), count(value[3]), ratio(value[2], value[3]),
		   BAR_STOCK);
	}
}

static void group2(void)
{
	static const char * const names[] = { "private", "kmem", "demote-private", "demote-kmem",
					      "promote-private", "promote-kmem",
					      "granted-private", "granted-kmem" };
	static const char * const bars[] = { "touch-4k", "touch-64k", "touch-2m" };
	static const char * const cpusets[][2] = {
		{ "granted", "in a cpuset that lists the node" },
		{ "beside", "in no cpuset, cpusets in use" },
	};
	static const char * const shared[][2] = {
		{ "shared/touch-4k", "touch-4k of shared memory" },
		{ "shared/write-4k", "write() of 4k to a memfd" },
	};
	struct run *p = run("private"), *k = run("kmem");
	struct run *gp = run("granted-private"), *gk = run("granted-kmem");
	char mbind[64], dax[64];
	FILE *data;
	int i;

	if (!p->there || !k->there)
		return;
	out("\n## Memory of a private node\n\n"
	    "The same device, once as an ordinary node through kmem and once as a private one, in\n"
	    "the same kernel.\n\n");
	out("| | ordinary node, mbind | private node, mbind | ratio |"
	    " private node, /dev/dax | ratio |\n"
	    "|---|---:|---:|---:|---:|---:|\n");
	data = data_for("private");
	for (i = 0; i < k->n_figures; i++) {
		const char *test = k->figures[i].test;
		double a, b, c;

		if (strncmp(test, "mbind/", 6))
			continue;
		snprintf(dax, sizeof(dax), "dax/%s", test + 6);
		a = get(k, test);
		b = get(p, test);
		c = get(p, dax);
		out("| %s | %s | %s | %s | %s | %s |\n", test + 6, count(a), count(b), ratio(b, a),
		    count(c), ratio(c, a));
		fprintf(data, "\"%s\" %.5f %.5f\n", test + 6, b / a, c / a);
	}
	fclose(data);
	for (i = 0; i < k->n_figures; i++) {
		const char *test = k->figures[i].test;

		if (strncmp(test, "scope/", 6))
			continue;
		out("| %s in the kernel | %s | %s | %s | | |\n", test + 6, count(get(k, test)),
		    count(get(p, test)), ratio(get(p, test), get(k, test)));
	}
	for (i = 2; i < N(names); i += 2) {
		struct run *a = run(names[i + 1]), *b = run(names[i]);
		int f;

		for (f = 0; a->there && b->there && f < a->n_figures; f++) {
			const char *test = a->figures[f].test;

			if (strncmp(test, "demote-", 7))
				continue;
			out("| %s, a page | %s | %s | %s | | |\n", test, count(get(a, test)),
			    count(get(b, test)), ratio(get(b, test), get(a, test)));
		}
	}
	for (i = 0; gp->there && gk->there && i < N(cpusets) * N(bars); i++) {
		snprintf(mbind, sizeof(mbind), "%s/%s", cpusets[i / N(bars)][0], bars[i % N(bars)]);
		out("| %s %s | %s | %s | %s | | |\n", bars[i % N(bars)], cpusets[i / N(bars)][1],
		    count(get(gk, mbind)), count(get(gp, mbind)),
		    ratio(get(gp, mbind), get(gk, mbind)));
	}
	for (i = 0; i < N(shared); i++)
		out("| %s | %s | %s | %s | | |\n", shared[i][1], count(get(k, shared[i][0])),
		    count(get(p, shared[i][0])),
		    ratio(get(p, shared[i][0]), get(k, shared[i][0])));
	agreed(names, N(names));
	for (i = 0; i < N(shared); i++) {
		double a = get(k, shared[i][0]), b = get(p, shared[i][0]);

		ok(b <= a * BAR_PRIVATE, "%s: %s, ordinary node %s, %s, at most %.2f",
		   shared[i][1], count(b), count(a), ratio(b, a), BAR_PRIVATE);
	}
	for (i = 0; gp->there && gk->there && i < N(cpusets) * N(bars); i++) {
		double a, b;

		snprintf(mbind, sizeof(mbind), "%s/%s", cpusets[i / N(bars)][0], bars[i % N(bars)]);
		a = get(gk, mbind);
		b = get(gp, mbind);
		ok(b <= a * BAR_PRIVATE, "%s %s: %s, ordinary node %s, %s, at most %.2f",
		   bars[i % N(bars)], cpusets[i / N(bars)][1], count(b), count(a), ratio(b, a),
		   BAR_PRIVATE);
	}
	for (i = 0; i < N(bars); i++) {
		double a, b, c;

		snprintf(mbind, sizeof(mbind), "mbind/%s", bars[i]);
		snprintf(dax, sizeof(dax), "dax/%s", bars[i]);
		a = get(k, mbind);
		b = get(p, mbind);
		c = get(p, dax);
		ok(b <= a * BAR_PRIVATE, "%s through mbind: %s, ordinary node %s, %s, at most %.2f",
		   bars[i], count(b), count(a), ratio(b, a), BAR_PRIVATE);
		ok(c <= a * BAR_PRIVATE,
		   "%s through /dev/dax: %s, ordinary node %s, %s, at most %.2f",
		   bars[i], count(c), count(a), ratio(c, a), BAR_PRIVATE);
	}
}

/*
 * Which functions the instructions went to. A run "profile-X" has a file of
 * bench/profile.c beside its results.
 */
struct function {
	char name[96];
	double count, nops, branches, calls;
};

struct profile {
	int n;
	double total;
	struct function functions[4096];
};

/* Of one test, for each of what it did @units times. */
static bool read_profile(const struct run *r, const char *test, struct profile *p)
{
	const struct figure *f = find(r, test);
	char path[512], name[96];
	unsigned int mark;
	double count, nops, branches, calls, units;
	FILE *in;

	p->n = 0;
	p->total = 0;
	if (!f)
		return false;
	snprintf(path, sizeof(path), "%s/%s.1.functions", dir, r->name);
	in = fopen(path, "r");
	if (!in)
		return false;
	/* What is measured in rows has a mark for each. */
	units = strncmp(test, "fork", 4) ? f->n : FORKS_IN_A_ROW;
	while (fscanf(in, "%u %95s %lf %lf %lf %lf", &mark, name, &count, &nops, &branches,
		      &calls) == 6) {
		struct function *to = &p->functions[p->n];

		if (mark != f->mark || p->n == N(p->functions))
			continue;
		snprintf(to->name, sizeof(to->name), "%s", name);
		to->count = count / units;
		to->nops = nops / units;
		to->branches = branches / units;
		to->calls = calls / units;
		p->n++;
		p->total += count / units;
	}
	fclose(in);
	return p->n > 0;
}

static const struct function *in_profile(const struct profile *p, const char *name)
{
	static const struct function none;
	int i;

	for (i = 0; i < p->n; i++)
		if (!strcmp(p->functions[i].name, name))
			return &p->functions[i];
	return &none;
}

static void function_row(const char *test, const char *name, const struct function *a,
			 const struct function *b)
{
	double more = b->count - a->count, nops = b->nops - a->nops;

	if (fabs(more) < 0.5)
		return;
	out("| %s | `%s` | %.1f | %.1f | %+.1f | %+.1f |%s\n", test, name, a->count, b->count, more,
	    nops, fabs(more - nops) < 0.05 ? " patched-out branches |" : " |");
}

static void where_to(const char *from, const char *test, const char *to, const char *test_to)
{
	static struct profile a, b;
	int i;

	if (!read_profile(run(from), test, &a) || !read_profile(run(to), test_to, &b))
		return;
	for (i = 0; i < a.n; i++)
		function_row(test_to, a.functions[i].name, &a.functions[i],
			     in_profile(&b, a.functions[i].name));
	for (i = 0; i < b.n; i++) {
		const struct function *f = in_profile(&a, b.functions[i].name);

		if (!f->count)
			function_row(test_to, b.functions[i].name, f, &b.functions[i]);
	}
	out("| %s | all | %.1f | %.1f | %+.1f | | |\n", test_to, a.total, b.total,
	    b.total - a.total);
}

static void function_head(const char *title, const char *a, const char *b)
{
	out("\n### %s\n\n| | function | %s | %s | more | of it no-ops | |\n", title, a, b);
	out("|---|---|---:|---:|---:|---:|---|\n");
}

/*
 * Section 6 of the design: of these, nothing but branches that are patched out may be
 * more than in stock, and @more instructions. One line each, for what one compiler
 * inlines and another does not is still the same work; "*" stands for the rest of a name.
 */
static const struct {
	const char *label;
	const char *functions[4];
	int more;
} fast_paths[] = {
	{ "__alloc_frozen_pages_noprof", { "__alloc_frozen_pages_noprof" }, BAR_ORDER_0 },
	{ "get_page_from_freelist", { "get_page_from_freelist" }, 0 },
	{ "folio_alloc*", { "folio_alloc*", "__folio_alloc*", "alloc_frozen_pages_noprof" }, 0 },
	{ "vma_alloc_folio*", { "vma_alloc_folio*", "vma_alloc_anon_folio*" }, 0 },
	/* The latter may be in line, there as here. */
	{ "do_anonymous_page", { "do_anonymous_page", "userfaultfd_wp" }, 0 },
	{ "shrink_*", { "shrink_*" }, 0 },
};

static bool is_of(const char *function, const char *name)
{
	const char *star = strchr(name, '*');
	size_t n = star ? (size_t)(star - name) : strlen(name);

	/* The compiler's clones: .isra.0, .constprop.0 */
	return !strncmp(function, name, n) && (star || !function[n] || function[n] == '.');
}

static struct function sum_of(const struct profile *p, const char * const *names, int n)
{
	struct function sum = { .count = 0 };
	int i, k;

	for (i = 0; i < p->n; i++) {
		const struct function *f = &p->functions[i];

		for (k = 0; k < n && names[k] && !is_of(f->name, names[k]); k++)
			;
		if (k == n || !names[k])
			continue;
		sum.count += f->count;
		sum.nops += f->nops;
		sum.branches += f->branches;
		sum.calls += f->calls;
	}
	return sum;
}

/* All but no-ops that @b executes beyond what @a does. */
static double rest_of(const struct function *a, const struct function *b)
{
	return b->count - b->nops - (a->count - a->nops);
}

/* Nothing but no-ops beyond that, and @more instructions. */
static bool no_more(const struct function *a, const struct function *b, int more)
{
	return rest_of(a, b) <= more + 0.01 && b->branches <= a->branches + 0.01 &&
	       b->calls <= a->calls + 0.01;
}

static void fast_paths_of(const char * const *tests, int n)
{
	static struct profile stock, ours;
	bool good[N(fast_paths)];
	int seen[N(fast_paths)] = { 0 }, i, k;

	out("\n### Fast paths, no private node\n\n"
	    "What each executes in ours beyond what it executes in stock: no-ops, which are branches\n"
	    "that are patched out, conditional branches, calls, and all but no-ops.\n\n"
	    "| | function | stock | no-ops | branches | calls | all but no-ops |\n"
	    "|---|---|---:|---:|---:|---:|---:|\n");
	for (k = 0; k < N(fast_paths); k++)
		good[k] = true;
	for (i = 0; i < n; i++) {
		/* A fork finds other lists of free pages than the one before it did. */
		if (!strncmp(tests[i], "fork", 4) ||
		    !read_profile(run("profile-stock"), tests[i], &stock) ||
		    !read_profile(run("profile-ours-0"), tests[i], &ours))
			continue;
		for (k = 0; k < N(fast_paths); k++) {
			const char * const *names = fast_paths[k].functions;
			struct function a = sum_of(&stock, names, N(fast_paths[k].functions));
			struct function b = sum_of(&ours, names, N(fast_paths[k].functions));

			/* Once in a hundred times is something else: an interrupt, say. */
			if (a.count < 0.5 && b.count < 0.5)
				continue;
			seen[k]++;
			if (!no_more(&a, &b, fast_paths[k].more))
				good[k] = false;
			out("| %s | `%s` | %.2f | %+.2f | %+.2f | %+.2f | %+.2f |\n", tests[i],
			    fast_paths[k].label, a.count, b.nops - a.nops,
			    b.branches - a.branches, b.calls - a.calls, rest_of(&a, &b));
		}
	}
	for (k = 0; k < N(fast_paths); k++)
		ok(good[k] && seen[k],
		   "%s: no more than stock but patched-out branches%s, in %d kinds of work",
		   fast_paths[k].label, fast_paths[k].more ? " and two instructions" : "", seen[k]);
}

/*
 * Tracepoints are free while nobody listens: what the way to a private page executes is
 * the same as in a kernel without them, but for branches that are patched out, and one
 * instruction where the compiler has registers in another order. Somebody listens in the
 * third run, which shows that they are on that way.
 */
#define BAR_TRACE	1

static void listeners(void)
{
	static const char * const tests[] = {
		"mbind/touch-4k", "mbind/touch-2m", "dax/touch-4k", "dax/cow-4k",
	};
	static const char * const names[] = {
		"folio_alloc_mpol_*", "__folio_alloc_mpol_*", "mpol_*", "node_private_*",
		"__traceiter_node_private_*", "trace_event_raw_event_node_private_*",
	};
	static struct profile without, off, on;
	bool is_free = true, heard = true;
	int i, seen = 0;

	out("\n### Tracepoints of private nodes\n\n"
	    "What the functions execute in which the tracepoints are: in the kernel without\n"
	    "tracepoints, and beyond that in one that has them, off and on.\n\n"
	    "| | without | off: no-ops | branches | calls | all but no-ops | on: all but no-ops |\n"
	    "|---|---:|---:|---:|---:|---:|---:|\n");
	for (i = 0; i < N(tests); i++) {
		struct function a, b, c;

		if (!read_profile(run("profile-ours-1"), tests[i], &without) ||
		    !read_profile(run("profile-trace-off"), tests[i], &off) ||
		    !read_profile(run("profile-trace-on"), tests[i], &on))
			continue;
		a = sum_of(&without, names, N(names));
		b = sum_of(&off, names, N(names));
		c = sum_of(&on, names, N(names));
		if (a.count < 0.5)
			continue;
		seen++;
		if (!no_more(&a, &b, BAR_TRACE))
			is_free = false;
		if (rest_of(&a, &c) < 1)
			heard = false;
		out("| %s | %.2f | %+.2f | %+.2f | %+.2f | %+.2f | %+.2f |\n", tests[i], a.count,
		    b.nops - a.nops, b.branches - a.branches, b.calls - a.calls,
		    rest_of(&a, &b), rest_of(&a, &c));
	}
	ok(is_free && seen == N(tests),
	   "tracepoints, while off: patched-out branches and at most %d instruction, in %d kinds of work",
	   BAR_TRACE, seen);
	ok(heard && seen == N(tests), "tracepoints of private nodes: each of these meets one");
}

static void group5(void)
{
	static const char * const tests[] = {
		"pages-0", "folio-0", "folio-node-0", "pages-2", "folio-2", "folio-node-2",
		"pages-9", "folio-9", "folio-node-9", "kmalloc-16k", "plain/touch-4k",
		"plain/touch-64k", "plain/touch-2m", "plain/cow-4k", "fork-exit",
		"reclaim-memcg", "swap-out", "swap-in",
	};
	int i;

	if (!run("profile-ours-0")->there)
		return;
	out("\n## Where the instructions go\n\n"
	    "Functions that differ by half an instruction or more, for each of what is done. A branch\n"
	    "that is patched out is a no-op, which counts as an instruction.\n");
	fast_paths_of(tests, N(tests));
	listeners();
	function_head("No private node", "stock", "ours");
	for (i = 0; i < N(tests); i++)
		where_to("profile-stock", tests[i], "profile-ours-0", tests[i]);
	function_head("A private node online, work elsewhere", "without", "with");
	for (i = 0; i < N(tests); i++)
		where_to("profile-ours-0", tests[i], "profile-ours-1", tests[i]);
	function_head("On a private node", "ordinary", "private");
	where_to("profile-kmem", "mbind/touch-4k", "profile-ours-1", "mbind/touch-4k");
	where_to("profile-kmem", "mbind/touch-4k", "profile-ours-1", "dax/touch-4k");
	where_to("profile-kmem", "mbind/cow-4k", "profile-ours-1", "dax/cow-4k");
}

/*
 * What people use today.
 */
static void group3(void)
{
	static const struct {
		const char *name, *label;
	} peers[] = {
		{ "peer-device_dax", "device_dax mapping" },
		{ "peer-membind", "kmem, numactl --membind" },
		{ "peer-hugetlb", "hugetlb on the node" },
		{ "peer-tmpfs", "tmpfs mpol=bind" },
		{ "peer-anondax", "private node, /dev/dax" },
		{ "peer-mbind", "private node, mbind" },
	};
	static const char * const can[] = {
		"copy-on-write", "protect-a-page", "unmap-a-page", "userfaultfd", "swap", "migrate",
		"charge-memcg", "numa-maps",
	};
	const struct run *ours = run("peer-anondax");
	FILE *data;
	int i, k;

	for (i = 0; i < N(peers); i++)
		run(peers[i].name);
	if (!ours->there)
		return;
	out("\n## Beside what people use today\n\n"
	    "The same device of 1 GiB. Instructions for a MiB that is written for the first time, and\n"
	    "for one of a mixed load (map, write, read, fork, write again, unmap). Leaked: pages of\n"
	    "the device that others got while the machine ran out of memory.\n\n"
	    "| | first touch | with THP | mixed load | leaked pages |");
	for (k = 0; k < N(can); k++)
		out(" %s |", can[k]);
	out("\n|---|---:|---:|---:|---:|");
	for (k = 0; k < N(can); k++)
		out(":---:|");
	out("\n");
	data = data_for("peers");
	for (i = 0; i < N(peers); i++) {
		const struct run *r = run(peers[i].name);
		char test[64];

		if (!r->there)
			continue;
		out("| %s | %s | %s | %s | %s |", peers[i].label, count(get(r, "touch-mib")),
		    count(get(r, "touch-mib-huge")), count(get(r, "mixed-mib")),
		    count(get(r, "leaked-pages")));
		for (k = 0; k < N(can); k++) {
			snprintf(test, sizeof(test), "can-%s", can[k]);
			out(" %s |", get(r, test) > 0 ? "yes" : "no");
		}
		out("\n");
		fprintf(data, "\"%s\" %.0f %.0f %.0f\n", peers[i].label, get(r, "touch-mib"),
			get(r, "mixed-mib"), get(r, "leaked-pages"));
	}
	fclose(data);
	for (i = 0; i < N(peers); i++) {
		const struct run *r = run(peers[i].name);

		if (!r->there)
			continue;
		ok(r->same, "%s: both machines counted the same, to the digit", peers[i].name);
		if (i >= 4)
			ok(get(r, "out-of-memory") == 1 && get(r, "leaked-pages") == 0,
			   "%s: out of memory, nobody else got a page: %s", peers[i].label,
			   count(get(r, "leaked-pages")));
	}
}

/*
 * Growth.
 */
static void group4(void)
{
	static const char * const names[] = { "growth-1", "growth-4", "growth-16", "growth-64",
					      "growth-nodes" };
	static const char * const sizes[] = { "pglist_data", "zonelists", "node_states" };
	const struct run *many = run("growth-nodes");
	char test[64];
	FILE *data;
	int i, shift;

	if (!run("growth-1")->there)
		return;
	out("\n## Growth\n\n"
	    "Instructions to plug and unplug a node without data, and pages of ordinary memory that it\n"
	    "takes (struct pages, 16384 for each GiB of memory, among them). Then with what was in it\n"
	    "zeroed, as it is unless the driver is told not to: 8 bytes an instruction.\n\n"
	    "| GiB | plug | unplug | for each MiB, plug | unplug | and zeroed | pages taken |\n"
	    "|---:|---:|---:|---:|---:|---:|---:|\n");
	data = data_for("growth");
	for (i = 0; i < 4; i++) {
		const struct run *r = run(names[i]);
		double mib = atof(names[i] + 7) * 1024;

		if (r->there)
			out("| %s | %s | %s | %.0f | %.0f | %s | %s |\n", names[i] + 7,
			    count(get(r, "plug-1")), count(get(r, "unplug-1")),
			    get(r, "plug-1") / mib, get(r, "unplug-1") / mib,
			    count(get(r, "unplug-zeroed") / mib), count(get(r, "pages-taken-1")));
		if (r->there)
			fprintf(data, "%s %.0f %.0f\n", names[i] + 7, get(r, "plug-1"),
				get(r, "unplug-1"));
	}
	fclose(data);
	out("\n| knob | instructions to flip |\n|---|---:|\n");
	for (i = 0; i < run("growth-1")->n_figures; i++) {
		const struct figure *f = &run("growth-1")->figures[i];

		if (!strncmp(f->test, "flip-", 5))
			out("| %s | %s |\n", f->test + 5, count(f->median));
	}
	if (many->there) {
		data = data_for("nodes");
		out("\nA node of 128 MiB more, and all zonelists anew:\n\n"
		    "| nodes online | plug | unplug |\n|---:|---:|---:|\n");
		for (i = 1; i < 64; i++) {
			double plug, unplug;

			snprintf(test, sizeof(test), "plug-%d", i);
			plug = get(many, test);
			snprintf(test, sizeof(test), "unplug-%d", i);
			unplug = get(many, test);
			if (isnan(plug))
				break;
			fprintf(data, "%d %.0f %.0f\n", i + 2, plug, unplug);
			if ((i & (i - 1)) == 0 || i == 60)
				out("| %d | %s | %s |\n", i + 2, count(plug), count(unplug));
		}
		fclose(data);
	}
	agreed(names, N(names));

	out("\nBytes of what every node has, private or not:\n\n"
	    "| | NODES_SHIFT=6, stock | ours | NODES_SHIFT=10, stock | ours |\n"
	    "|---|---:|---:|---:|---:|\n");
	for (i = 0; i < N(sizes); i++) {
		out("| %s |", sizes[i]);
		for (shift = 6; shift <= 10; shift += 4) {
			snprintf(test, sizeof(test), "size_%s-%d", sizes[i], shift);
			out(" %s | %s |", count(get(run("sizes-stock"), test)),
			    count(get(run("sizes-base"), test)));
		}
		out("\n");
	}
}

/* Everything in one file, for who wants to do other sums. */
static void write_json(char **about, int n)
{
	char path[512], *text, *line, *save, *eq;
	FILE *f;
	int i, k;

	snprintf(path, sizeof(path), "%s/bench.json", dir);
	f = fopen(path, "w");
	if (!f)
		die("cannot write %s: %s", path, strerror(errno));
	fprintf(f, "{\n");
	for (i = 0; i < n; i++) {
		eq = strchr(about[i], '=');
		if (eq)
			fprintf(f, "  \"%.*s\": \"%s\",\n", (int)(eq - about[i]), about[i], eq + 1);
	}
	fprintf(f, "  \"runs\": {");
	for (i = 0, k = 0; i < n_runs; i++) {
		bool first = true;

		if (!runs[i].there)
			continue;
		fprintf(f, "%s\n    \"%s\": {\"repeated\": %s, \"lines\": [", k++ ? "," : "",
			runs[i].name, runs[i].same ? "true" : "false");
		snprintf(path, sizeof(path), "%s/%s.1.json", dir, runs[i].name);
		text = slurp(path);
		save = NULL;
		for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
			fprintf(f, "%s\n      %s", first ? "" : ",", line);
			first = false;
		}
		free(text);
		fprintf(f, "\n    ]}");
	}
	fprintf(f, "\n  }\n}\n");
	fclose(f);
}

int main(int argc, char **argv)
{
	char path[512];
	int i;

	if (argc < 2)
		die("usage: report DIR [KEY=VALUE...]");
	dir = argv[1];
	snprintf(path, sizeof(path), "%s/bench.md", dir);
	md = fopen(path, "w");
	if (!md)
		die("cannot write %s: %s", path, strerror(errno));
	out("<!-- SPDX-License-Identifier: GPL-2.0 -->\n# What it costs\n\n| | |\n|---|---|\n");
	for (i = 2; i < argc; i++) {
		const char *eq = strchr(argv[i], '=');

		if (eq)
			out("| %.*s | %s |\n", (int)(eq - argv[i]), argv[i], eq + 1);
	}
	printf("TAP version 13\n");
	group1();
	group_alone();
	group_scan();
	group2();
	group3();
	group4();
	group5();
	write_json(argv + 2, argc - 2);
	if (fclose(md))
		die("cannot write %s: %s", path, strerror(errno));
	printf("1..%d\n", n_tap);
	return failed ? 1 : 0;
}
