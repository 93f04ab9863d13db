/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of anondax share: the device, its node, and where memory is. */
#ifndef _ANONDAX_H
#define _ANONDAX_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/io_uring.h>
#include <linux/mempolicy.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define DAX		"/sys/bus/dax/"
#define NODE		"/sys/devices/system/node/"
#define THP		"/sys/kernel/mm/transparent_hugepage/"
#define KHUGEPAGED	THP "khugepaged/"
#define KSM		"/sys/kernel/mm/ksm/"
#define LRU_GEN		"/sys/kernel/mm/lru_gen/enabled"
#define DEMOTE		"/sys/kernel/mm/numa/demotion_enabled"
#define CGROUP		"/sys/fs/cgroup/"
#define GROUP		"anondax-test"
/* That of other_cgroup(). */
#define OTHER		CGROUP GROUP "-other"
#define TEST_DEV	"ANONDAX_TEST_DEV"
#define TIERS		"/sys/devices/virtual/memory_tiering/"
#define WEIGHTED	"/sys/kernel/mm/mempolicy/weighted_interleave/"

#define KB		1024UL
#define MB		(1024 * KB)
#define PMD		(2 * MB)
/* Kernels with all their debugging, in emulated machines, take their time. */
#define LONG		300

/* For headers older than the kernel. */
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif
#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE	101
#endif
#ifndef PR_SET_MEMORY_MERGE
#define PR_SET_MEMORY_MERGE	67
#endif
#ifndef UFFDIO_MOVE
#define UFFD_FEATURE_MOVE	0x10000
#define UFFDIO_MOVE		_IOWR(UFFDIO, 0x05, struct uffdio_move)
struct uffdio_move {
	__u64 dst;
	__u64 src;
	__u64 len;
	__u64 mode;
	__s64 move;
};
#endif
#ifndef MPOL_WEIGHTED_INTERLEAVE
#define MPOL_WEIGHTED_INTERLEAVE	6
#endif
#ifndef __NR_set_mempolicy_home_node
#define __NR_set_mempolicy_home_node	450
#endif

struct device {
	char name[NAME_MAX + 1];
	char path[NAME_MAX + 6];	/* /dev/daxX.Y */
	char hotplug[PATH_MAX];		/* its file in sysfs */
	char state[32];			/* as we found it */
	int nid;
};

/* The device under test, found before the first test. */
extern struct device dax;

extern size_t page;

/*
 * Small files.
 */
int get_text(const char *path, char *buf, size_t size);
int put_text(const char *path, const char *text);
long get_number(const char *path, const char *key);
uint64_t read_word(const char *path, uint64_t index);
bool in_list(const char *list, int nid);
bool node_has(const char *file, int nid);
long vm_count(const char *key);
long node_stat(const char *key);

/* A file whose text the test changes and the teardown restores. */
struct changed {
	char path[128];
	char text[128];
};

struct changes {
	struct changed file[8];
	int nr;
};

int change(struct changes *c, const char *path, const char *text);
void restore(struct changes *c);

/*
 * The node.
 */
bool is_state(const char *state);
int set_state(const char *state);
int tier_of(int nid);
int bind_driver(const char *driver, const char *file);

long sum_zoneinfo(bool others, const char *zone, const char *key);
long read_zoneinfo(const char *zone, const char *key);
long free_pages(void);
void settle(void);
long settled_free_pages(void);

/*
 * What the system says that it has and what it has given away, in KiB: so much
 * more of the one is so much less of the other. Nothing of the node is in it.
 */
struct balance {
	long free, available, dirty;
	long used;
};

/* What other processes do meanwhile, and what nobody counts. */
#define NOISE		2048

void read_balance(struct balance *b);
long unbalanced(struct balance *was, struct balance *is);

/*
 * Memory and where it is.
 */
void *map_dax(size_t size);
void *map_dax_huge(size_t size);
void *map_dax_of(size_t size, bool huge);
void *map_anon(size_t size);
void *map_more(size_t size);
void *huge_in(void *p);
void *map_shared_huge(size_t size);
void huge_at_first(char *p, size_t size);

/* The mask of a node. */
static inline unsigned long bit(int nid)
{
	return 1UL << nid;
}

int node_of(void *p);
long count_on(void *start, size_t size, int nid);
bool all_on_dax(void *start, size_t size);
long count_resident(void *start, size_t size);
void fill(void *start, size_t size, unsigned long round);
bool filled(void *start, size_t size, unsigned long round);
long fill_node(char **p, size_t size);
bool take_all_but(size_t room);

long read_smaps(void *start, size_t size, const char *key);
bool read_numa_maps(void *start, char *line, size_t size);

/* The words of pagemap. */
#define FLAG(nr)	((uint64_t)1 << (nr))
#define PM_PRESENT	FLAG(63)
#define PM_SWAP		FLAG(62)
#define PM_FILE		FLAG(61)
#define PM_EXCLUSIVE	FLAG(56)
#define PM_PFN		(FLAG(55) - 1)

uint64_t map_entry(void *p);
uint64_t pfn_of(void *p);

extern sigjmp_buf bus;

void catch_sigbus(void);
long touch(void *start, size_t size);
bool read_ok(void *p);

/*
 * Who does something with it.
 */
int failed(long ret);
int run_on(int cpu);
int wait_child(pid_t pid);
int swap_on(void);
void swap_off(void);
int enter_cgroup(void);
int other_cgroup(void);
/*
 * What a group has on which list is brought up to date every other second, and its
 * reclaim goes by that: for some pages it may do nothing meanwhile.
 */
#define GROUP_PAUSE	20000		/* in us; 200 tries are enough */
void reclaim_group(const char *amount);
bool swap_out(void *start, size_t size);
bool written(void);
bool fill_slowly(char *p, size_t size, unsigned long round);
bool filled_slowly(char *p, size_t size, unsigned long round);
int ksm_on(struct changes *c);
bool ksm_passes(int passes);
int khugepaged_on(struct changes *c);
long khugepaged_scans(void);
bool khugepaged_looks(char *start, size_t size, int passes);
int open_ring(void);
int fix_buffer(int ring, void *p, size_t size);
int unfix_buffer(int ring);

/*
 * Knobs and policies.
 */
#define KNOBS		7

extern const char * const knobs[KNOBS];

int set_knob(const char *name, const char *text);
int get_knob(const char *name);
void set_all_knobs(const char *text);

int sys_mbind(void *p, size_t size, int mode, unsigned long nodes, int flags);
int sys_set_mempolicy(int mode, unsigned long nodes);
int sys_set_home_node(void *p, size_t size, int nid);
int move_to(void *start, size_t size, int nid);

/*
 * Finding the device.
 */
int find_devices(struct device *list, int most);
void skip_all(const char *why);
void need_named(void);
void need_dax(void);

#endif /* _ANONDAX_H */
