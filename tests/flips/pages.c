// SPDX-License-Identifier: GPL-2.0
/* What the pages of the workers carry, and the areas that they are in. */
#include "flips.h"

#include <setjmp.h>
#include <signal.h>

struct area area[AREAS];
int me;
bool is_child;
size_t most;
uint64_t salt[WORDS];

static unsigned int generation;
static pthread_mutex_t area_lock = PTHREAD_MUTEX_INITIALIZER;

#define TAG_WORKER	35
#define TAG_GEN		40

void make_salt(void)
{
	size_t i;

	for (i = 0; i < WORDS; i++)
		salt[i] = ((uint64_t)rnd(1U << 31) << 32 | rnd(1U << 31)) ?: 1;
}

static uint64_t tag_of(const struct area *a, size_t i, uint32_t gen)
{
	if (a->same)
		return (i & 1) | 31ULL << TAG_WORKER | (1ULL + gen % 3) << TAG_GEN;
	return (a->birth + i) | (uint64_t)me << TAG_WORKER | (uint64_t)gen << TAG_GEN;
}

uint32_t next_gen(void)
{
	generation = (generation + 1) & 0xffffff;
	/* 0 means something else. */
	return generation ?: ++generation;
}

void child_generations(void)
{
	generation = 0x800000 | rnd(0x700000);
}

static __thread sigjmp_buf bus;
static __thread bool guarded;

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (__atomic_load_n(&guarded, __ATOMIC_SEQ_CST))
		siglongjmp(bus, 1);
	wrong("signal %d, code %d, at %p, while %s", sig, info->si_code, info->si_addr,
	      sh->worker[me].doing);
	_exit(70);
}

void handle_signals(void)
{
	struct sigaction sa = { .sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_NODEFER };

	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
}

/* Copy @from to @to, one of which is the page; or fill it, without @from. */
static bool on_page(struct area *a, size_t i, void *to, const void *from, uint64_t tag)
{
	uint64_t *page = to;
	size_t j;

	if (sigsetjmp(bus, 0)) {
		guarded = false;
		if (!a->may_fail && failing()) {
			count(N_BUS_MADE);
			return false;
		}
		count(N_BUS);
		if (!a->may_fail)
			wrong("SIGBUS at page %zu of %zu at %p, mapping of %s, node %d, while %s",
			      i, a->nr, a->base, a->dev < 0 ? "nothing" : device[a->dev].name,
			      node_of(a->base + i * PAGE), sh->worker[me].doing);
		return false;
	}
	__atomic_store_n(&guarded, true, __ATOMIC_SEQ_CST);
	if (from) {
		memcpy(to, from, PAGE);
	} else {
		for (j = 0; j < WORDS; j++)
			__atomic_store_n(&page[j], tag ^ salt[j], __ATOMIC_RELAXED);
	}
	__atomic_store_n(&guarded, false, __ATOMIC_SEQ_CST);
	return true;
}

bool write_page(struct area *a, size_t i, uint32_t gen)
{
	struct state *s = &a->page[i];

	/* The one that did not get through is still due. */
	if (!s->torn)
		s->torn = gen;
	if (!on_page(a, i, a->base + i * PAGE, NULL, tag_of(a, i, s->torn)))
		return false;
	s->gen = s->torn;
	s->torn = 0;
	s->freed = false;
	count(N_WRITTEN);
	return true;
}

static void report(struct area *a, size_t i, size_t j, const uint64_t *page, const char *what)
{
	const struct state *s = &a->page[i];
	uint64_t now[WORDS], found = page[j] ^ salt[j], map = 0;
	size_t k, same = 0;
	int fd, nid;

	fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		if (pread(fd, &map, sizeof(map), ((uintptr_t)a->base / PAGE + i) * 8) < 0)
			map = 0;
		close(fd);
	}
	nid = node_of(a->base + i * PAGE);
	memset(now, 0, sizeof(now));
	on_page(a, i, now, a->base + i * PAGE, 0);
	for (k = 0; k < WORDS; k++)
		same += now[k] == (tag_of(a, i, s->gen) ^ salt[k]);
	wrong("page %zu of %zu at %p (born %#lx, mapping of %s, %s%s%s), word %zu, %s: expected "
	      "generation %u%s%s, found %#lx (page %#lx of worker %lu, generation %lu); pagemap "
	      "%#lx, node %d; read again, %zu words of %zu are right; while %s",
	      i, a->nr, a->base, (unsigned long)a->birth,
	      a->dev < 0 ? "nothing" : device[a->dev].name, a->same ? "for KSM, " : "",
	      a->locked ? "locked, " : "", is_child ? "in a child" : "in the parent", j, what,
	      s->gen, s->freed ? " or zero" : "", s->torn ? " or torn" : "",
	      (unsigned long)page[j], (unsigned long)(found & ((1ULL << TAG_WORKER) - 1)),
	      (unsigned long)(found >> TAG_WORKER & 31), (unsigned long)(found >> TAG_GEN),
	      (unsigned long)map, nid, same, WORDS, sh->worker[me].doing);
}

/* Is what was read from a page what may be there? */
bool judge_page(struct area *a, size_t i, const uint64_t *page)
{
	struct state *s = &a->page[i];
	uint64_t old = tag_of(a, i, s->gen), new = tag_of(a, i, s->torn);
	size_t j, olds = 0, zeroes = 0;

	for (j = 0; j < WORDS; j++) {
		if (s->gen && page[j] == (old ^ salt[j]))
			olds++;
		else if ((!s->gen || s->freed) && !page[j])
			zeroes++;
		else if (!s->torn || page[j] != (new ^ salt[j]))
			break;
	}
	if (j < WORDS) {
		report(a, i, j, page, "wrong");
		return false;
	}
	if (olds && zeroes && !s->torn) {
		report(a, i, 0, page, "in part zero");
		return false;
	}
	/* Gone for good. */
	if (s->freed && !s->torn && zeroes) {
		s->gen = 0;
		s->freed = false;
		count(N_ZAPPED);
	}
	return true;
}

/* Taken away while it was read, as may be after MADV_FREE? */
static bool taken_away(const struct area *a, size_t i, const uint64_t *page)
{
	size_t j, zeroes = 0;

	for (j = 0; j < WORDS; j++)
		zeroes += !page[j];
	return a->page[i].freed && zeroes && zeroes < WORDS;
}

bool check_page(struct area *a, size_t i)
{
	static uint64_t copy[WORDS];
	int tries = 2;

	do {
		if (!on_page(a, i, copy, a->base + i * PAGE, 0))
			return false;
	} while (--tries && taken_away(a, i, copy));
	count(N_CHECKED);
	if (!judge_page(a, i, copy)) {
		/* Once is enough to say it. */
		write_page(a, i, next_gen());
		return false;
	}
	return true;
}

void check_some(struct area *a, size_t start, size_t nr)
{
	size_t i;

	for (i = start; i < start + nr; i++)
		check_page(a, i);
}

void check_all(struct area *a)
{
	check_some(a, 0, a->nr);
}

/* A part of an area, up to @max pages. */
size_t some(const struct area *a, size_t max, size_t *nr)
{
	size_t start = rnd(a->nr);

	if (max > a->nr - start)
		max = a->nr - start;
	*nr = 1 + rnd(max);
	return start;
}

struct area *any_area(void)
{
	int i, tries = 8;

	while (tries--) {
		i = rnd(AREAS);
		if (area[i].base)
			return &area[i];
	}
	return NULL;
}

void publish(struct area *a)
{
	int i = a - area;

	sh->worker[me].area[i].nr = 0;
	__atomic_store_n(&sh->worker[me].area[i].base, a->base, __ATOMIC_SEQ_CST);
	sh->worker[me].area[i].nr = a->nr;
}

/* Children have no second thread, and others must not see what they do. */
void lock_areas(void)
{
	if (!is_child)
		pthread_mutex_lock(&area_lock);
}

void unlock_areas(void)
{
	if (!is_child)
		pthread_mutex_unlock(&area_lock);
}

/* Of device @dev, or anonymous memory if that is negative. */
bool map_area(struct area *a, int dev, size_t nr)
{
	void *p = MAP_FAILED;
	int fd;

	memset(a, 0, sizeof(*a));
	a->dev = dev;
	a->nr = nr;
	if (dev < 0) {
		p = mmap(NULL, nr * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	} else {
		fd = open(device[dev].path, O_RDWR | O_CLOEXEC);
		if (fd < 0 && made(errno))
			return false;
		p = mmap(NULL, nr * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_NORESERVE, fd, 0);
		if (p == MAP_FAILED && errno == ENXIO && dev)
			count(N_UNMAPPABLE);
		else if (p == MAP_FAILED && !made(errno))
			wrong("cannot map %s: %s", device[dev].name, strerror(errno));
		else if (p != MAP_FAILED)
			count(N_MAPPED);
		close(fd);
		a->may_fail = dev == DEVICES - 1;
	}
	if (p == MAP_FAILED)
		return false;
	a->page = calloc(nr, sizeof(*a->page));
	if (!a->page) {
		munmap(p, nr * PAGE);
		return false;
	}
	a->birth = (uintptr_t)p / PAGE;
	lock_areas();
	a->base = p;
	unlock_areas();
	publish(a);
	return true;
}

void unmap(struct area *a)
{
	int fail;

	if (a->pins)
		return;
	check_all(a);
	lock_areas();
	if (munmap(a->base, a->nr * PAGE)) {
		fail = errno;
		unlock_areas();
		if (!made(fail))
			wrong("munmap: %s", strerror(fail));
		return;
	}
	a->base = NULL;
	unlock_areas();
	publish(a);
	free(a->page);
	a->page = NULL;
}
