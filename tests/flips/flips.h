/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of flips share. main.c says what flips is.
 *
 *	main.c		options, start and end of all processes, the verdict
 *	counts.h	what is counted; a line for each
 *	knobs.h		the knobs; a line for each
 *	done.c		what has been done, and has to be
 *	report.c	random numbers, counting, what is said
 *	devices.c	the devices and their knobs
 *	settings.c	what is set before, changed meanwhile and restored
 *	failures.c	allocations made to fail
 *	pages.c		what pages carry; areas
 *	worker.c	who does what, and how often
 *	memory.c, fork.c, policy.c, advice.c, pin.c, userfault.c
 *			what workers do, a table of operations in each
 *	others.c	who flips, unplugs, meddles, reads again
 *	shared.c	who shares memory
 *	damon.c
 *	left.c		is anything left behind?
 *
 * An operation of workers is a function and a line of the table in its file; a new
 * file is a line of topics[] in worker.c.
 */
#ifndef FLIPS_H
#define FLIPS_H

#include "../lab.h"

#include <pthread.h>
#include <sys/types.h>
/* It counts results for each file that includes it: they are main.c's business. */
#include "kselftest.h"

#define PAGE		4096UL
#define WORDS		(PAGE / sizeof(uint64_t))
#define THP		"/sys/kernel/mm/transparent_hugepage/"
#define KSM		"/sys/kernel/mm/ksm/"
#define CGROUP		"/sys/fs/cgroup/flips"

#define DEVICES		2
#define WORKERS		9
#define AREAS		3

#define COUNT(name, ...)	N_##name,
enum count {
#include "counts.h"
	NR_COUNTS
};

#undef COUNT

#define KNOB(name, ...)		K_##name,
enum knob {
#include "knobs.h"
	KNOBS
};

#undef KNOB

struct device {
	char name[32];
	char path[64];
	int nid;
};

/* What all processes see. */
struct shared {
	int stop;
	int leaving;	/* the second device is about to be unplugged */
	pthread_mutex_t unplug;	/* it is: see change_settings() */
	unsigned long count[NR_COUNTS];
	unsigned long flips[DEVICES][KNOBS][2];
	/* Odd while the knob is being turned. */
	struct {
		unsigned long seq;
		int on;
	} knob[DEVICES][KNOBS];
	/* What the cpuset of all workers says; odd while it is being changed. */
	struct {
		unsigned long seq;
		int confines;
		int lists[DEVICES];
	} cpuset;
	struct {
		pid_t pid;
		const char *doing;
		struct {
			char *base;
			size_t nr;
		} area[AREAS];
	} worker[WORKERS + 2];	/* and the reader, and who shares */
	unsigned long merged;	/* by KSM, at most */
	long used[DEVICES];	/* pages, at most */
};

extern struct shared *sh;
extern unsigned long seed;
extern bool verbose;
extern bool partly;	/* what did not happen is skipped */

/* report.c */
unsigned int rnd(unsigned int below);
void seed_rng(unsigned long who);
/* Of a process that has just been forked. */
void stir_rng(void);
void count_n(enum count what, unsigned long n);
void count(enum count what);
bool stopped(void);
void nap(unsigned int ms);
/*
 * Something that must not be. What goes on is not stopped: the other pages may
 * say more about it.
 */
__printf(1, 2) void wrong(const char *format, ...);
__printf(1, 2) void say(const char *format, ...);
/* Nothing can be tested: the end of all. In main.c. */
__noreturn __printf(1, 2) void give_up(const char *format, ...);

/* devices.c: the devices, in the order of their nodes, and their knobs */
extern struct device device[DEVICES + 1];
extern const char * const knobs[KNOBS];
int find_devices(void);
bool is_private(int nid);
unsigned long private_nodes(void);
int put_dax(const struct device *d, const char *file, const char *text);
void get_dax(const struct device *d, const char *file, char *buf, size_t size);

/*
 * Was a knob the same all the time? The flipper makes the number odd before it
 * turns the knob.
 */
struct steady {
	unsigned long seq;
	int on;
};

struct steady steady_from(int dev, enum knob knob);
bool was_steady(int dev, enum knob knob, struct steady s);

/* The same of all that says whether policies of workers may name the node of a device. */
struct named {
	struct steady mbind, shmem, by_grant;
	unsigned long seq;
	bool may;	/* for anonymous memory */
	bool may_share;	/* for shared memory */
};

struct named may_name(int dev);
bool was_named(int dev, struct named n);

/* settings.c */
void set_up(const char *swap);
void restore_settings(void);
int set(const char *path, const char *text);
void change_settings(void);

/* damon.c */
bool start_damon(void);
void stop_damon(void);
/* How many regions a scheme was applied to. */
long damon_applied(int scheme);

/* failures.c */
extern bool failures;	/* allocations are made to fail */
void set_up_failures(const char *system_map);
/* For a worker that is a process of its own, or a thread, from now on. */
void join_failures(void);
void end_failures(void);
/* Whether what this task does may fail for want of memory; returns whether it might. */
bool let_fail(bool may);
bool failing(void);
/* Can this be the error of an allocation that was made to fail? */
bool made(int error);
/* One allocation of this task fails, soon or late, until it is disarmed: did it? */
void arm_failure(void);
bool disarm_failure(void);
/* How many there were, of the slab and of the page allocator. */
long failed_slab(void);
long failed_pages(void);

/*
 * pages.c: memory, and what has to be in it.
 */

struct state {
	uint32_t gen;	/* 0: nothing but zeroes */
	uint32_t torn;	/* a write that did not get through: each word old or new */
	bool freed;	/* as it was, or zeroes */
};

struct area {
	char *base;
	size_t nr;		/* pages */
	uint64_t birth;		/* the page number that the pages carry */
	int dev;		/* which device it is a mapping of, -1 if anonymous */
	bool same;		/* what is in it is elsewhere too, for KSM */
	bool may_fail;		/* it can come from the second node only */
	bool split;		/* perhaps several mappings by now */
	bool locked;
	int pins;
	struct state *page;
};

/* The worker that this process is, or is a child of. */
extern struct area area[AREAS];
extern int me;
extern bool is_child;
extern size_t most;	/* pages of an area */
extern uint64_t salt[WORDS];

void make_salt(void);
uint32_t next_gen(void);
/* Generations that the parent does not use. */
void child_generations(void);
void handle_signals(void);
bool write_page(struct area *a, size_t i, uint32_t gen);
bool check_page(struct area *a, size_t i);
void check_some(struct area *a, size_t start, size_t nr);
void check_all(struct area *a);
/* Is what was read from a page what may be there? */
bool judge_page(struct area *a, size_t i, const uint64_t *page);
/* A part of an area, up to @max pages. */
size_t some(const struct area *a, size_t max, size_t *nr);
struct area *any_area(void);
void publish(struct area *a);
/* So that the second thread acts on areas only, and not on what came after them. */
void lock_areas(void);
void unlock_areas(void);
bool map_area(struct area *a, int dev, size_t nr);
void unmap(struct area *a);

/*
 * worker.c: what workers do.
 */

enum { MAPPER, POLICY, ADVISER, PINNER, FORKER, PRESSER, ROLES };

struct op {
	const char *name;
	void (*run)(void);
	/* How often, in each role. */
	unsigned char weight[ROLES];
};

/* A table of each topic; the last is empty. */
extern const struct op memory_ops[], fork_ops[], policy_ops[], advice_ops[], pin_ops[],
	userfault_ops[];

void work(int id);
/* What does not change any page, so that others can do it in between. */
void small_things(int nr);
void op_map(void);
void op_write(void);
void op_check(void);
void op_fork(void);
void op_mbind(void);
void op_move(void);
void op_migrate(void);
void op_harmless(void);
void op_reclaim(void);
/* Advice that changes nothing that can be read. */
void harmless(char *p, size_t nr);
bool is_pinning(void);
void unpin(void);

/* others.c */
void turn_knobs(int dev);
void change_cpuset(void);
void plug_and_unplug(void);
void interfere(void);
void reread(void);

/* shared.c */
void share_memory(void);

/* done.c: what has been done, each of which has to be */
struct done {
	char text[80];
	long n;
};

#define MOST_DONE	(DEVICES * (KNOBS * 2 + 1) + NR_COUNTS + 20)

/* The same things in the same order each time. Returns how many. */
int what_was_done(struct done *list, bool damon);
bool all_done(const struct done *before, bool damon);
unsigned long all_flips(void);
void say_the_rest(void);

/* left.c */
bool all_free(int nid);

#endif
