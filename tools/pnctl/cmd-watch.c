// SPDX-License-Identifier: GPL-2.0
/*
 * pnctl watch: a screen of all nodes; a line a second where there is none
 */
#include <getopt.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "pnctl.h"

/* Pages that went, since the machine came up or the node was claimed; and faults. */
enum { DEMOTED, PROMOTED, ARRIVED, LEFT, REFUSED, SWAPPED_OUT, SWAPPED_IN, NR_COUNTS };

struct sample {
	unsigned long long size, unused, count[NR_COUNTS];
	bool there, private;
};

struct screen {
	bool terminal, utf8;
	double seconds;
	double when, passed;	/* since the look before, which may be more */
	unsigned long rounds;	/* 0: without end */
	struct text event;	/* the last one */
	struct sample node[MAX_NODES], system;
};

static const struct {
	const char *prefix;
	int count;
} counters[] = {
	{ "pgdemote_", DEMOTED },		/* from this node */
	{ "pgpromote_success", PROMOTED },	/* to this node */
	/* Of private nodes only. What NUMA balancing promotes counts where it arrives. */
	{ "demote_in", ARRIVED },
	{ "numa_balance_out", LEFT },
	{ "fault_sigbus", REFUSED },
	{ "pswpout", SWAPPED_OUT },
	{ "pswpin", SWAPPED_IN },
};

/*
 * Looking
 */

static void add_counter(struct sample *s, const char *name, unsigned long long value)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(counters); i++) {
		if (!strncmp(name, counters[i].prefix, strlen(counters[i].prefix)))
			s->count[counters[i].count] += value;
	}
}

static void read_counters(struct sample *s, const char *path)
{
	unsigned long long value;
	char name[64];
	FILE *f;

	f = fopen(path, "re");
	while (f && fscanf(f, "%63s %llu", name, &value) == 2)
		add_counter(s, name, value);
	if (f)
		fclose(f);
}

static void look_at(struct sample *s, int node)
{
	memset(s, 0, sizeof(*s));
	s->size = node_size(node, &s->unused);
	s->there = s->size;
	s->private = s->there && node_online(node);
	if (s->there)
		read_counters(s, text(SYS_NODE "/node%d/vmstat", node).s);
	if (s->private)
		read_counters(s, text(SYS_NODE "/node%d/private_stat", node).s);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void look(struct screen *sc)
{
	double before = sc->when;
	int node;

	sc->when = now();
	sc->passed = sc->when - before;
	for (node = 0; node < MAX_NODES; node++)
		look_at(&sc->node[node], node);
	memset(&sc->system, 0, sizeof(sc->system));
	read_counters(&sc->system, "/proc/vmstat");
}

/*
 * Showing
 */

/* A second, if that can be told yet. With another owner it starts anew. */
static double times(const struct screen *sc, const struct sample *is, const struct sample *was,
		    int count)
{
	if (is->count[count] <= was->count[count] || sc->passed < 0.05)
		return 0;
	return (is->count[count] - was->count[count]) / sc->passed;
}

/* Of pages: MiB a second. */
static double rate(const struct screen *sc, const struct sample *is, const struct sample *was,
		   int count)
{
	return times(sc, is, was, count) * getpagesize() / 1048576;
}

/* Asked each time: the window may have another size by now. */
static struct winsize window(void)
{
	struct winsize w;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) || !w.ws_col || !w.ws_row)
		w = (struct winsize){ .ws_col = 80, .ws_row = 24 };
	return w;
}

static void print_bar(FILE *f, const struct screen *sc, double part, int width)
{
	const char *full = sc->utf8 ? "█" : "#", *empty = sc->utf8 ? "░" : ".";
	int i, used = part * width + 0.5;

	for (i = 0; i < width; i++)
		fputs(i < used ? full : empty, f);
}

/* All of it has 80 columns with the least. */
static int bar_width(const struct winsize *w)
{
	if (w->ws_col < 90)
		return 7;
	return w->ws_col < 160 ? w->ws_col - 80 : 80;
}

static void print_row(FILE *f, const struct screen *sc, const struct screen *was, int node,
		      int width)
{
	const struct sample *s = &sc->node[node], *w = &was->node[node];
	unsigned long long used = s->size - s->unused;

	fprintf(f, "%4d %-8s ", node, s->private ? "private" : "ordinary");
	print_bar(f, sc, (double)used / s->size, width);
	fprintf(f, " %9s of %9s %6.1f %6.1f", size_text(used).s, size_text(s->size).s,
		rate(sc, s, w, DEMOTED), rate(sc, s, w, PROMOTED));
	if (s->private)
		fprintf(f, " %6.1f %6.1f %7.1f", rate(sc, s, w, ARRIVED), rate(sc, s, w, LEFT),
			times(sc, s, w, REFUSED));
	fputc('\n', f);
}

static void print_all(FILE *f, const struct screen *sc, const struct screen *was, int width)
{
	int node;

	fprintf(f, "%4s %-8s %-*s %22s %6s %6s %6s %6s %7s\n", "NODE", "", width, "", "USED",
		"DOWN", "UP", "IN", "OUT", "REFUSED");
	for (node = 0; node < MAX_NODES; node++) {
		if (sc->node[node].there)
			print_row(f, sc, was, node, width);
	}
	fprintf(f, "\n     swap: out %.1f, in %.1f\n",
		rate(sc, &sc->system, &was->system, SWAPPED_OUT),
		rate(sc, &sc->system, &was->system, SWAPPED_IN));
	fprintf(f, "     MiB per second. Down: demoted from the node. Up: promoted to it.\n");
	fprintf(f, "     In: demoted to it. Out: moved off it by NUMA balancing.\n");
	fprintf(f, "     Refused: faults per second. ^C ends.\n");
	fprintf(f, "\n     %s", sc->event.s);
}

/* A line of it, without what would be beyond the right edge; bytes that go on are no columns. */
static size_t put_line(const char *s, int columns)
{
	size_t n;

	for (n = 0; s[n] && s[n] != '\n'; n++) {
		if ((s[n] & 0xc0) != 0x80 && --columns < 0)
			break;
	}
	/* Not behind it: after the last column the cursor is still on it. */
	fputs("\033[K", stdout);
	fwrite(s, 1, n, stdout);
	return strcspn(s, "\n");
}

/* Nothing may wrap or scroll. */
static void put_screen(const char *s, const struct winsize *w)
{
	int row;

	fputs("\033[H", stdout);
	for (row = 0; row < w->ws_row; row++) {
		s += put_line(s, w->ws_col);
		if (row == w->ws_row - 1)
			return;
		fputs("\r\n", stdout);
		if (!*s++)
			break;
	}
	fputs("\033[J", stdout);
}

static void print_screen(const struct screen *sc, const struct screen *was)
{
	struct winsize w = window();
	char *s = NULL;
	size_t size;
	FILE *f = open_memstream(&s, &size);

	if (!f)
		return;
	print_all(f, sc, was, bar_width(&w));
	if (!fclose(f))
		put_screen(s, &w);
	free(s);
}

static struct text clock_text(void)
{
	time_t now = time(NULL);
	struct text t = { .err = 0 };

	strftime(t.s, sizeof(t.s), "%H:%M:%S", localtime(&now));
	return t;
}

static void print_line(const struct screen *sc, const struct screen *was)
{
	int node;

	printf("%s", clock_text().s);
	for (node = 0; node < MAX_NODES; node++) {
		const struct sample *s = &sc->node[node], *w = &was->node[node];

		if (!s->there)
			continue;
		printf("  node%d%s used=%lluM free=%lluM down=%.1f up=%.1f", node,
		       s->private ? "*" : "", (s->size - s->unused) >> 20, s->unused >> 20,
		       rate(sc, s, w, DEMOTED), rate(sc, s, w, PROMOTED));
		if (s->private)
			printf(" in=%.1f out=%.1f refused=%.1f", rate(sc, s, w, ARRIVED),
			       rate(sc, s, w, LEFT), times(sc, s, w, REFUSED));
	}
	printf("  swapout=%.1f swapin=%.1f\n", rate(sc, &sc->system, &was->system, SWAPPED_OUT),
	       rate(sc, &sc->system, &was->system, SWAPPED_IN));
}

/* Somebody has plugged, unplugged or turned a knob. */
static void happens(const char *what, void *data)
{
	struct screen *sc = data;

	sc->event = text("%s  %.200s", clock_text().s, what);
	if (!sc->terminal) {
		printf("%s\n", sc->event.s);
		fflush(stdout);
	}
}

static int watch(struct screen *sc)
{
	struct screen was;
	unsigned long n;

	stop_catch();
	/* Nobody reads: then it ends. */
	signal(SIGPIPE, SIG_DFL);
	if (sc->terminal)
		/* Another screen, so that what was there comes back; no cursor. */
		printf("\033[?1049h\033[?25l\033[2J");
	events_begin();
	look(sc);
	for (n = 0; !stopped() && !ferror(stdout) && (!sc->rounds || n < sc->rounds); n++) {
		was = *sc;
		if (n || !sc->terminal)
			events_wait(sc->seconds, happens, sc);
		if (stopped())
			break;
		look(sc);
		if (sc->terminal)
			print_screen(sc, &was);
		else
			print_line(sc, &was);
		fflush(stdout);
	}
	events_end();
	if (sc->terminal)
		printf("\033[?25h\033[?1049l");
	return 0;
}

/* One that can move its cursor. */
static bool is_terminal(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb");
}

static int parse_seconds(struct screen *sc, const char *word)
{
	char *end;

	sc->seconds = strtod(word, &end);
	if (*word && !*end && sc->seconds >= 0.1 && sc->seconds <= 3600)
		return 0;
	return usage_error("'%.64s' is no number of seconds from 0.1 to 3600", word);
}

static int parse_rounds(struct screen *sc, const char *word)
{
	if (parse_number(word, 10, 1000000000, &sc->rounds) && sc->rounds)
		return 0;
	return usage_error("'%.64s' is no number of times", word);
}

static int run(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "interval", required_argument, NULL, 'i' },
		{ "count", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	static struct screen sc = { .seconds = 1 };
	int c, rc = 0;

	while (!rc && (c = getopt_long(argc, argv, ":i:c:h", longs, NULL)) >= 0) {
		switch (c) {
		case 'i':
			rc = parse_seconds(&sc, optarg);
			break;
		case 'c':
			rc = parse_rounds(&sc, optarg);
			break;
		default:
			return option_other(&cmd_watch, c, argv);
		}
	}
	if (!rc && optind < argc)
		rc = usage_error("'%.64s' is too much", argv[optind]);
	sc.terminal = is_terminal();
	setlocale(LC_CTYPE, "");
	sc.utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	return rc ?: watch(&sc);
}

const struct command cmd_watch = {
	.name = "watch",
	.what = "how full the nodes are, and what moves between them",
	.run = run,
	.help =
	"usage: pnctl watch [-i SECONDS] [-c COUNT]\n\n"
	"Shows all nodes, and updates the screen each second. If the output is not a terminal, it\n"
	"prints a line each second, in which private nodes are marked with *. Rates are in MiB per\n"
	"second: down was demoted from the node, up was promoted to it. For private nodes, in was\n"
	"demoted to the node, out was moved off it by NUMA balancing, and refused counts the faults\n"
	"per second that got SIGBUS because no page was left. A plug, an unplug or a change of a\n"
	"knob is reported in a line of its own.\n\n"
	"  -i, --interval SECONDS  time between updates (1)\n"
	"  -c, --count COUNT       end after COUNT updates\n",
};
