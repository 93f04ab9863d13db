// SPDX-License-Identifier: GPL-2.0
/* Random numbers, counting, and what is said of it. */
#include "flips.h"

#include <stdarg.h>
#include <time.h>

struct shared *sh;
unsigned long seed;
bool verbose;
bool partly;

static __thread uint64_t rng;

unsigned int rnd(unsigned int below)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (rng * 0x2545f4914f6cdd1dULL >> 33) % below;
}

void seed_rng(unsigned long who)
{
	rng = (seed + 1) * 0x9e3779b97f4a7c15ULL ^ (who + 1) * 0xbf58476d1ce4e5b9ULL;
	rnd(2);
	rnd(2);
}

void stir_rng(void)
{
	rng ^= (uint64_t)getpid() << 20;
}

void count_n(enum count what, unsigned long n)
{
	__atomic_add_fetch(&sh->count[what], n, __ATOMIC_RELAXED);
}

void count(enum count what)
{
	count_n(what, 1);
}

bool stopped(void)
{
	return __atomic_load_n(&sh->stop, __ATOMIC_SEQ_CST);
}

void nap(unsigned int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}

void wrong(const char *format, ...)
{
	char text[400];
	va_list ap;

	if (__atomic_add_fetch(&sh->count[N_WRONG], 1, __ATOMIC_SEQ_CST) > 40)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	dprintf(1, "# WRONG, process %d: %s\n", getpid(), text);
}

void say(const char *format, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	dprintf(1, "# %s\n", text);
}
