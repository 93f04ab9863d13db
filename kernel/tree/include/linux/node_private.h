/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Private memory nodes: NUMA nodes whose memory the buddy allocator manages,
 * but which nothing reaches unless it is meant to.
 */
#ifndef _LINUX_NODE_PRIVATE_H
#define _LINUX_NODE_PRIVATE_H

#include <linux/bits.h>
#include <linux/gfp_types.h>
#include <linux/jump_label.h>
#include <linux/list.h>
#include <linux/mmdebug.h>
#include <linux/nodemask.h>

struct attribute_group;
struct mm_struct;
struct zonelist;

/**
 * enum node_private_opt - the services an owner can let onto its node
 * @NODE_PRIVATE_RECLAIM: reclaim, ageing, compaction and khugepaged
 * @NODE_PRIVATE_DEMOTION: the node is a demotion target
 * @NODE_PRIVATE_MBIND: memory policies and page migration syscalls can name it, for
 *	anonymous memory
 * @NODE_PRIVATE_MADVISE: advice that acts on folios, KSM included
 * @NODE_PRIVATE_NUMA_BALANCE: NUMA hint faults, promotion onto and off it
 * @NODE_PRIVATE_LTPIN: FOLL_LONGTERM pins
 * @NODE_PRIVATE_CPUSET: none but those whose cpuset lists the node may have it
 * @NODE_PRIVATE_SHMEM: memory policies and page migration syscalls can name it, for shared
 *	memory and tmpfs
 * @NR_NODE_PRIVATE_OPTS: how many there are
 *
 * Each is off until the owner sets the matching NODE_PRIVATE_OPT_* bit.
 */
enum node_private_opt {
	NODE_PRIVATE_RECLAIM,
	NODE_PRIVATE_DEMOTION,
	NODE_PRIVATE_MBIND,
	NODE_PRIVATE_MADVISE,
	NODE_PRIVATE_NUMA_BALANCE,
	NODE_PRIVATE_LTPIN,
	NODE_PRIVATE_CPUSET,
	NODE_PRIVATE_SHMEM,
	NR_NODE_PRIVATE_OPTS
};

#define NODE_PRIVATE_OPT_RECLAIM	BIT(NODE_PRIVATE_RECLAIM)
#define NODE_PRIVATE_OPT_DEMOTION	BIT(NODE_PRIVATE_DEMOTION)
#define NODE_PRIVATE_OPT_MBIND		BIT(NODE_PRIVATE_MBIND)
#define NODE_PRIVATE_OPT_MADVISE	BIT(NODE_PRIVATE_MADVISE)
#define NODE_PRIVATE_OPT_NUMA_BALANCE	BIT(NODE_PRIVATE_NUMA_BALANCE)
#define NODE_PRIVATE_OPT_LTPIN		BIT(NODE_PRIVATE_LTPIN)
#define NODE_PRIVATE_OPT_CPUSET		BIT(NODE_PRIVATE_CPUSET)
#define NODE_PRIVATE_OPT_SHMEM		BIT(NODE_PRIVATE_SHMEM)
#define NODE_PRIVATE_OPT_ALL		(BIT(NR_NODE_PRIVATE_OPTS) - 1)

/* With one of these, normal kernel operation can place memory on the node. */
#define NODE_PRIVATE_OPT_PSEUDO \
	(NODE_PRIVATE_OPT_DEMOTION | NODE_PRIVATE_OPT_MBIND | NODE_PRIVATE_OPT_SHMEM)

/**
 * enum node_private_event - what is counted of a node, for its file private_stat
 * @NODE_PRIVATE_ALLOC_OWNER: pages for the owner's own code, inside memalloc_private. 0, for
 *	who says nothing is the owner
 * @NODE_PRIVATE_ALLOC_DAX: pages for mappings and objects that have the node for their own
 * @NODE_PRIVATE_ALLOC_MBIND: pages of anonymous memory whose policy names the node
 * @NODE_PRIVATE_ALLOC_SHMEM: pages of shared memory whose policy names it
 * @NODE_PRIVATE_ALLOC_MIGRATE: pages for folios to be moved to, or collapsed to
 * @NODE_PRIVATE_SWAP_IN: pages that were swapped in; they are in the above as well
 * @NODE_PRIVATE_DEMOTE_IN: pages that were demoted to the node
 * @NODE_PRIVATE_BALANCE_OUT: pages that NUMA balancing took from it
 * @NODE_PRIVATE_REFUSED_FULL: allocations that found the node full
 * @NODE_PRIVATE_REFUSED_KNOB: system calls, pages to be moved, and allocations by policies
 *	that are there already, which the owner keeps off
 * @NODE_PRIVATE_REFUSED_CPUSET: the same for a cpuset, or for want of a grant
 * @NODE_PRIVATE_REFUSED_CLAIM: faults of who was let in under an earlier claim
 * @NODE_PRIVATE_FAULT_SIGBUS: faults that were refused
 * @NODE_PRIVATE_UNPLUG_FAILED: attempts to unplug memory that failed
 * @NR_NODE_PRIVATE_EVENTS: how many there are; counted as this, it is not counted
 *
 * What Linux counts of every node, its file vmstat has.
 */
enum node_private_event {
	NODE_PRIVATE_ALLOC_OWNER,
	NODE_PRIVATE_ALLOC_DAX,
	NODE_PRIVATE_ALLOC_MBIND,
	NODE_PRIVATE_ALLOC_SHMEM,
	NODE_PRIVATE_ALLOC_MIGRATE,
	NODE_PRIVATE_SWAP_IN,
	NODE_PRIVATE_DEMOTE_IN,
	NODE_PRIVATE_BALANCE_OUT,
	NODE_PRIVATE_REFUSED_FULL,
	NODE_PRIVATE_REFUSED_KNOB,
	NODE_PRIVATE_REFUSED_CPUSET,
	NODE_PRIVATE_REFUSED_CLAIM,
	NODE_PRIVATE_FAULT_SIGBUS,
	NODE_PRIVATE_UNPLUG_FAILED,
	NR_NODE_PRIVATE_EVENTS
};

/**
 * struct node_private - one owner's claim on a node
 * @owner: identity of the owner; all claims on a node must name the same
 * @name: the owner's name, for messages
 * @opts: NODE_PRIVATE_OPT_* of the node; all claims on a node have the same
 * @adistance: its abstract distance; all claims on a node have the same. 0
 *	leaves the node's place in the memory tiers to whoever else sets it
 * @keeps: are any of these pages the owner's to unplug? Then nobody else takes their
 *	memory blocks offline. Called under lock_device_hotplug() and mem_hotplug_begin(),
 *	may sleep, and must not take what is held around either. NULL: it does not mind
 *
 * The owner keeps one of these for each thing that gives the node memory (a
 * dax device, say) from node_private_register() to node_private_unregister().
 * In between @opts belongs to the core: see node_private_set_opts().
 */
struct node_private {
	const void *owner;
	const char *name;
	unsigned long opts;
	int adistance;
	bool (*keeps)(struct node_private *np, unsigned long pfn, unsigned long nr_pages);
	/* private: */
	int nid;
	unsigned long id;
	struct task_struct *remover;
	bool leaving;
	struct list_head list;
};

/* How far offline_pages() got: see node_private_stuck(). */
struct node_private_offline {
	unsigned long pfn;
	unsigned long since;
	bool leaving;
};

/* Not there without CONFIG_PRIVATE_NODES, where no code that is left looks at them. */
extern nodemask_t node_private_registered;
extern nodemask_t node_private_denied[NR_NODE_PRIVATE_OPTS];

#ifdef CONFIG_PRIVATE_NODES

DECLARE_STATIC_KEY_FALSE(node_private_key);
extern nodemask_t node_private_memory_map;
extern const struct attribute_group node_private_attr_group;

int node_private_register(int nid, struct node_private *np);
int node_private_unregister(struct node_private *np);
int node_private_set_opts(struct node_private *np, unsigned long mask,
			  unsigned long opts);

void node_private_abandon(struct node_private *np);
bool node_private_may_offline(int nid, unsigned long pfn, unsigned long nr_pages,
			      struct node_private_offline *progress);
void node_private_offlined(int nid, struct node_private_offline *progress);
void node_private_get(void);
void node_private_put(void);
int node_private_may_add(int nid, bool private);
bool node_private_admit(unsigned int scopes, gfp_t gfp, int nid,
			const nodemask_t *nodemask, nodemask_t *nodes);
bool node_private_unreachable(const struct zonelist *zonelist,
			      const nodemask_t *nodemask);
bool node_private_drain(const nodemask_t *nodes, unsigned int order, gfp_t gfp,
			int stage);
unsigned long node_private_free_pages(void);
unsigned long node_private_file_pages(void);
void node_private_add_allowed(nodemask_t *nodes, enum node_private_opt opt);
int node_private_next_target(int nid, nodemask_t *used);
bool node_private_allows_advice(int nid);
void node_private_memory_changed(void);
bool node_private_stuck(int nid, unsigned long pfn,
			struct node_private_offline *progress);

/**
 * node_private_id - the identity of a claim
 * @np: the claim, registered
 *
 * What is let in under one claim is nothing to the next, be it the same owner's. All
 * claims that a node has at a time are one in this.
 *
 * Context: any.
 * Return: a number that no other claim ever has; never 0.
 */
static inline unsigned long node_private_id(const struct node_private *np)
{
	return np->id;
}

/* Is any private node registered? A patched-out branch when not. */
static inline bool node_private_enabled(void)
{
	return static_branch_unlikely(&node_private_key);
}

/**
 * node_is_private - has an owner claimed this node?
 * @nid: node id
 *
 * True from registration on, so also while the node has no memory yet.
 *
 * Context: any. The answer is stable for a folio's node as long as the caller
 * holds the folio: an owner cannot unregister a node that has memory.
 * Return: true for a private node.
 */
static inline bool node_is_private(int nid)
{
	return node_private_enabled() && node_isset(nid, node_private_registered);
}

/**
 * node_private_allows - may a service act on this node's memory?
 * @nid: node id
 * @opt: the service
 *
 * Context: any. A flip of the opt is seen by the next call, not by one that
 * runs: see node_private_set_opts().
 * Return: true for ordinary nodes, and for private ones that opted in.
 */
static inline bool node_private_allows(int nid, enum node_private_opt opt)
{
	return !node_private_enabled() || !node_isset(nid, node_private_denied[opt]);
}

/* Can normal kernel operation place memory on this node? Of private ones only. */
static inline bool node_private_is_pseudo(int nid)
{
	return node_private_allows(nid, NODE_PRIVATE_DEMOTION) ||
	       node_private_allows(nid, NODE_PRIVATE_MBIND) ||
	       node_private_allows(nid, NODE_PRIVATE_SHMEM);
}

/**
 * node_private_advised - may advice of the caller's act on this node's memory?
 * @nid: node id
 *
 * What a process advises is %NODE_PRIVATE_MADVISE's. What khugepaged and DAMON do
 * by the same code of their own accord is %NODE_PRIVATE_RECLAIM's.
 *
 * Context: task context.
 * Return: true for ordinary nodes, and for private ones that opted in.
 */
static inline bool node_private_advised(int nid)
{
	return !node_is_private(nid) || node_private_allows_advice(nid);
}

/**
 * node_private_add_unconfined - add what is there for whom no cpuset confines
 * @nodes: the nodes to add to
 *
 * Context: any.
 */
static inline void node_private_add_unconfined(nodemask_t *nodes)
{
	if (node_private_enabled())
		nodes_or(*nodes, *nodes, node_private_denied[NODE_PRIVATE_CPUSET]);
}

/* What the node's memory is counted as, once it is online. */
static inline enum node_states node_memory_state(int nid)
{
	return node_is_private(nid) ? N_MEMORY_PRIVATE : N_MEMORY;
}

/* All nodes with memory, for who shows memory rather than uses it. */
static inline const nodemask_t *node_memory_map(void)
{
	return node_private_enabled() ? &node_private_memory_map :
					&node_states[N_MEMORY];
}

#else /* !CONFIG_PRIVATE_NODES */

/*
 * Macros, for what they are asked about not to be worked out: with them the
 * callers compile to what they were.
 */
#define node_private_enabled()		false
#define node_is_private(...)		false
#define node_private_allows(...)	true
#define node_private_advised(...)	true
#define node_memory_state(...)		N_MEMORY
#define node_memory_map()		(&node_states[N_MEMORY])

static inline void node_private_memory_changed(void)
{
}

static inline bool node_private_stuck(int nid, unsigned long pfn,
				      struct node_private_offline *progress)
{
	return false;
}

static inline int node_private_may_add(int nid, bool private)
{
	return 0;
}

static inline bool node_private_may_offline(int nid, unsigned long pfn, unsigned long nr_pages,
					    struct node_private_offline *progress)
{
	return true;
}

static inline void node_private_offlined(int nid, struct node_private_offline *progress)
{
}

static inline bool node_private_unreachable(const struct zonelist *zonelist,
					    const nodemask_t *nodemask)
{
	return false;
}

static inline unsigned long node_private_free_pages(void)
{
	return 0;
}

static inline unsigned long node_private_file_pages(void)
{
	return 0;
}

static inline void node_private_add_allowed(nodemask_t *nodes,
					    enum node_private_opt opt)
{
}

static inline void node_private_add_unconfined(nodemask_t *nodes)
{
}

static inline int node_private_next_target(int nid, nodemask_t *used)
{
	return NUMA_NO_NODE;
}

#endif /* CONFIG_PRIVATE_NODES */

#define for_each_memory_node(nid) \
	for_each_node_mask((nid), *node_memory_map())

#endif /* _LINUX_NODE_PRIVATE_H */
