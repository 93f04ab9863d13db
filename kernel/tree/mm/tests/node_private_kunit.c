// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests for private memory nodes: who gets a page of one, and who never.
 *
 * They fill the private nodes that the module is told of, nodes=2,3 (one will do), which
 * have to be online and idle (with anondax: echo online > .../daxX.Y/hotplug), and are
 * skipped where there is none: nobody's memory is filled unasked. The cases are named
 * after the rows of the table in Documentation/mm/private_nodes.rst.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/cpuset.h>
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/interrupt.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/mempolicy.h>
#include <linux/mempool.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/node_private.h>
#include <linux/pagemap.h>
#include <linux/percpu.h>
#include <linux/pgalloc.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/tracepoint.h>
#include <linux/vmalloc.h>
#include <linux/vmstat.h>
#include <linux/workqueue.h>

#include "../internal.h"
#include "../node_private/internal.h"
#include "../page_alloc.h"
#include "node_private_fork.h"

#define ORDER_HUGE	9

/* The node under test, another private one if there is one, and ordinary ones. */
static int pnode, pnode2, onode, onode2;

static int nodes[2];
static int nr_nodes;
module_param_array(nodes, int, &nr_nodes, 0444);
MODULE_PARM_DESC(nodes, "private nodes that the tests may fill, online and idle");

static bool granted;
module_param(granted, bool, 0444);
MODULE_PARM_DESC(granted, "the tests' mems_allowed has all private nodes, as in a cpuset that lists them");

/* MAX_NUMNODES for one that is not to be had. */
static int told_of(int i)
{
	if (i >= nr_nodes || nodes[i] < 0 || nodes[i] >= MAX_NUMNODES ||
	    !node_state(nodes[i], N_MEMORY_PRIVATE))
		return MAX_NUMNODES;
	return nodes[i];
}

static int node_private_test_init(struct kunit *test)
{
	pnode = told_of(0);
	if (pnode >= MAX_NUMNODES)
		kunit_skip(test, "nodes= names no private node that is online");
	pnode2 = told_of(1);
	onode = first_node(node_states[N_MEMORY]);
	onode2 = next_node(onode, node_states[N_MEMORY]);
	/* Each case is a task of its own. */
	if (granted) {
		nodemask_t mems;

		nodes_or(mems, node_states[N_MEMORY], node_states[N_MEMORY_PRIVATE]);
		set_mems_allowed(mems);
	}
	return 0;
}

/* A claim on the node under test: whoever plugged it goes on with it afterwards. */
static struct node_private *claim(void)
{
	struct node_private *np;

	guard(mutex)(&node_private_lock);
	list_for_each_entry(np, &node_private_claims, list) {
		if (np->nid == pnode)
			return np;
	}
	return NULL;
}

static unsigned long count_free(int nid)
{
	unsigned long free = 0;
	struct zone *zone;
	int cpu;

	for (zone = NODE_DATA(nid)->node_zones;
	     zone < NODE_DATA(nid)->node_zones + MAX_NR_ZONES; zone++) {
		if (!populated_zone(zone))
			continue;
		free += zone_page_state_snapshot(zone, NR_FREE_PAGES);
		/* Pages in per-CPU lists are free as well. */
		for_each_possible_cpu(cpu)
			free += per_cpu_ptr(zone->per_cpu_pageset, cpu)->count;
	}
	return free;
}

/* What is on its way from one to the other meanwhile would be in neither. */
static unsigned long node_free(int nid)
{
	unsigned long was, free = count_free(nid);

	do {
		was = free;
		free = count_free(nid);
	} while (free != was);
	return free;
}

static unsigned long node_managed(int nid)
{
	unsigned long managed = 0;
	int i;

	for (i = 0; i < MAX_NR_ZONES; i++)
		managed += zone_managed_pages(&NODE_DATA(nid)->node_zones[i]);
	return managed;
}

static bool node_has_kernel_zone(int nid)
{
	return populated_zone(&NODE_DATA(nid)->node_zones[ZONE_NORMAL]);
}

/* Allocate as the owner of the node would. */
static struct folio *private_alloc(gfp_t gfp, unsigned int order, int nid,
				   nodemask_t *nodes)
{
	guard(memalloc_private)();
	return __folio_alloc(gfp, order, nid, nodes);
}

/* Where it came from, NUMA_NO_NODE for nowhere; the folio is freed. */
static int folio_origin(struct folio *folio)
{
	int nid;

	if (!folio)
		return NUMA_NO_NODE;
	nid = folio_nid(folio);
	folio_put(folio);
	return nid;
}

static int private_origin(gfp_t gfp, unsigned int order, int nid,
			  nodemask_t *nodes)
{
	return folio_origin(private_alloc(gfp, order, nid, nodes));
}

static int page_origin(struct page *page, unsigned int order)
{
	int nid;

	if (!page)
		return NUMA_NO_NODE;
	nid = page_to_nid(page);
	__free_pages(page, order);
	return nid;
}

/* From the allocator's innards, where non-folios have a nodemask. */
static int frozen_origin(gfp_t gfp, unsigned int order, int nid,
			 nodemask_t *nodes)
{
	struct page *page;

	page = __alloc_frozen_pages(gfp, order, nid, nodes, ALLOC_DEFAULT);
	if (page)
		set_page_refcounted(page);
	return page_origin(page, order);
}

static int pages_origin(gfp_t gfp, unsigned int order)
{
	return page_origin(alloc_pages_node(pnode, gfp, order), order);
}

static int object_origin(void *p)
{
	int nid;

	if (!p)
		return NUMA_NO_NODE;
	nid = page_to_nid(virt_to_page(p));
	kfree(p);
	return nid;
}

/* The node of memory from vmalloc or the linear map. */
static int kernel_nid(const void *p)
{
	return page_to_nid(is_vmalloc_addr(p) ? vmalloc_to_page(p) :
						virt_to_page(p));
}

/*
 * What an allocation that is not meant to reach the node may try, in contexts
 * that cannot report: how many tries there were, how many went wrong, and the
 * line of the last that did.
 */
struct tries {
	unsigned int done;
	unsigned int wrong;
	unsigned int line;
};

static void try_count(struct tries *t, bool right, unsigned int line)
{
	t->done++;
	if (right)
		return;
	t->wrong++;
	t->line = line;
}

#define TRY(t, right)	try_count(t, right, __LINE__)

static void expect_tries(struct kunit *test, const struct tries *t)
{
	KUNIT_EXPECT_GT(test, t->done, 0);
	KUNIT_EXPECT_EQ_MSG(test, t->wrong, 0,
			    "of %u tries, the last that went wrong is in line %u",
			    t->done, t->line);
}

/* The page allocator proper, in any context. */
static void try_pages(struct tries *t, gfp_t gfp)
{
	nodemask_t only = nodemask_of_node(pnode), both = only;
	unsigned int order;

	node_set(onode, both);

	for (order = 0; order <= 3; order++) {
		/* A hint is a hint at the nearest ordinary node. */
		TRY(t, pages_origin(gfp, order) != pnode);
		TRY(t, frozen_origin(gfp, order, pnode, &both) != pnode);
		TRY(t, frozen_origin(gfp, order, onode, &both) != pnode);
		/* Asking for nothing but the node fails. */
		TRY(t, pages_origin(gfp | __GFP_THISNODE, order) == NUMA_NO_NODE);
		TRY(t, frozen_origin(gfp, order, onode, &only) == NUMA_NO_NODE);
		TRY(t, frozen_origin(gfp, order, pnode, &only) == NUMA_NO_NODE);
	}
}

/* Folios, in contexts where even they are not meant to reach the node. */
static void try_folios(struct tries *t, gfp_t gfp)
{
	nodemask_t only = nodemask_of_node(pnode), both = only;
	struct folio *folio;
	unsigned int order;

	node_set(onode, both);

	for (order = 0; order <= 3; order++) {
		TRY(t, folio_origin(__folio_alloc(gfp, order, pnode, NULL)) != pnode);
		TRY(t, folio_origin(__folio_alloc(gfp, order, pnode, &both)) != pnode);
		TRY(t, folio_origin(folio_alloc(gfp, order)) != pnode);
		folio = __folio_alloc(gfp | __GFP_THISNODE, order, pnode, NULL);
		TRY(t, folio_origin(folio) == NUMA_NO_NODE);
		folio = __folio_alloc(gfp, order, onode, &only);
		TRY(t, folio_origin(folio) == NUMA_NO_NODE);
	}
}

/* Slab, in any context that @gfp allows. */
static void try_slab(struct tries *t, gfp_t gfp)
{
	size_t size;
	void *p;

	for (size = 32; size <= 4 * PAGE_SIZE; size *= 2) {
		p = kmalloc_node(size, gfp, pnode);
		TRY(t, object_origin(p) != pnode);
		p = kmalloc_node(size, gfp | __GFP_THISNODE, pnode);
		TRY(t, object_origin(p) == NUMA_NO_NODE);
	}
}

/* The rest of the kernel's allocators, in task context. */
static void try_others(struct tries *t)
{
	nodemask_t only = nodemask_of_node(pnode);
	struct page *pages[8] = {};
	void __percpu *pcp;
	unsigned int i, n;
	mempool_t *pool;
	void *p;

	p = vmalloc_node(16 * PAGE_SIZE, pnode);
	TRY(t, p);
	for (i = 0; p && i < 16; i++)
		TRY(t, page_to_nid(vmalloc_to_page(p + i * PAGE_SIZE)) != pnode);
	vfree(p);

	p = kvmalloc_node(2 * PMD_SIZE, GFP_KERNEL, pnode);
	TRY(t, p && kernel_nid(p) != pnode);
	kvfree(p);

	n = alloc_pages_bulk_node(GFP_KERNEL, pnode, ARRAY_SIZE(pages), pages);
	TRY(t, n);
	for (i = 0; i < n; i++)
		TRY(t, page_origin(pages[i], 0) != pnode);

	pool = mempool_create_node(2, mempool_alloc_pages, mempool_free_pages,
				   (void *)0, GFP_KERNEL, pnode);
	TRY(t, pool);
	if (pool) {
		struct page *page = mempool_alloc(pool, GFP_KERNEL);

		TRY(t, page && page_to_nid(page) != pnode);
		mempool_free(page, pool);
		mempool_destroy(pool);
	}

	pcp = __alloc_percpu(PAGE_SIZE, PAGE_SIZE);
	TRY(t, pcp);
	for_each_possible_cpu(i) {
		p = pcp ? per_cpu_ptr(pcp, i) : NULL;
		TRY(t, p && kernel_nid(p) != pnode);
	}
	free_percpu(pcp);

	TRY(t, folio_origin(filemap_alloc_folio(GFP_KERNEL, 0, NULL)) != pnode);

	/* Page tables: from the kernel's own maps, as a fault would. */
	TRY(t, pages_origin(GFP_PGTABLE_USER, 0) != pnode);
	TRY(t, pages_origin(GFP_PGTABLE_KERNEL, 0) != pnode);

#ifdef CONFIG_CONTIG_ALLOC
	/* By node, by mask, and by somebody who knows the address. */
	pages[0] = alloc_contig_pages(1 << ORDER_HUGE, GFP_KERNEL | __GFP_NOWARN, pnode, &only);
	TRY(t, !pages[0]);
	pages[0] = alloc_contig_pages(1 << ORDER_HUGE, GFP_KERNEL | __GFP_NOWARN, pnode, NULL);
	TRY(t, !pages[0] || page_to_nid(pages[0]) != pnode);
	if (pages[0])
		free_contig_range(page_to_pfn(pages[0]), 1 << ORDER_HUGE);
	i = ALIGN(node_start_pfn(pnode), 1 << ORDER_HUGE);
	TRY(t, alloc_contig_range(i, i + (1 << ORDER_HUGE), ACR_FLAGS_NONE, GFP_KERNEL));
#endif
}

static const gfp_t task_gfp[] = {
	GFP_KERNEL, GFP_KERNEL_ACCOUNT, GFP_ATOMIC, GFP_NOWAIT, GFP_USER,
	GFP_HIGHUSER_MOVABLE, GFP_NOIO, GFP_KERNEL | __GFP_MEMALLOC,
	GFP_KERNEL | __GFP_RETRY_MAYFAIL, GFP_KERNEL | __GFP_NORETRY,
	GFP_KERNEL | __GFP_NOFAIL, GFP_TRANSHUGE_LIGHT,
};

static void try_everything_but_folios(struct tries *t)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(task_gfp); i++)
		try_pages(t, task_gfp[i]);
	try_slab(t, GFP_KERNEL | __GFP_NOWARN);
	try_slab(t, GFP_ATOMIC | __GFP_NOWARN);
	try_others(t);
}

/* A1: anything outside memalloc_private */
static void a1_outside(struct kunit *test)
{
	unsigned long free = node_free(pnode);
	struct tries t = {};
	unsigned int i;

	try_everything_but_folios(&t);
	for (i = 0; i < ARRAY_SIZE(task_gfp); i++)
		try_folios(&t, task_gfp[i]);
	expect_tries(test, &t);
	KUNIT_EXPECT_EQ(test, free, node_free(pnode));
}

/* A1: what says that it is a folio is not private for that */
static void a1_folio_scope_alone(struct kunit *test)
{
	struct tries t = {};

	scoped_guard(memalloc_folio) {
		try_pages(&t, GFP_KERNEL);
		try_folios(&t, GFP_KERNEL);
		try_slab(&t, GFP_KERNEL | __GFP_NOWARN);
	}
	expect_tries(test, &t);
	KUNIT_EXPECT_FALSE(test, current->flags & PF_MEMALLOC_SCOPES);
}

/* A2: inside memalloc_private, but not a folio */
static void a2_not_a_folio(struct kunit *test)
{
	unsigned long free = node_free(pnode);
	struct tries t = {};

	scoped_guard(memalloc_private)
		try_everything_but_folios(&t);
	expect_tries(test, &t);
	KUNIT_EXPECT_EQ(test, free, node_free(pnode));
}

/* A2: nor does a task lack anything for being bound to the node */
static void a2_bound(struct kunit *test)
{
	struct mempolicy pol = {
		.refcnt = ATOMIC_INIT(1),
		.mode = MPOL_BIND,
		.home_node = NUMA_NO_NODE,
		.flags = MPOL_F_NAMES_PRIVATE,
		.nodes = nodemask_of_node(pnode),
	};
	struct mempolicy *old = current->mempolicy;
	struct tries t = {};
	size_t size;
	void *p;
	int nid;

	current->mempolicy = &pol;
	scoped_guard(memalloc_private) {
		for (size = 32; size <= 8 * PAGE_SIZE; size *= 2) {
			p = kmalloc(size, GFP_KERNEL);
			TRY(&t, p && page_to_nid(virt_to_page(p)) != pnode);
			kfree(p);
		}
		/* Pages in bulk, by the policy. */
		p = vmalloc(16 * PAGE_SIZE);
		TRY(&t, p && kernel_nid(p) != pnode);
		vfree(p);
		nid = page_origin(alloc_pages(GFP_PGTABLE_USER, 0), 0);
		TRY(&t, nid != NUMA_NO_NODE && nid != pnode);
		/* The folio is what was meant. */
		TRY(&t, folio_origin(folio_alloc(GFP_HIGHUSER_MOVABLE, 0)) == pnode);
	}
	current->mempolicy = old;
	expect_tries(test, &t);
}

/* Take all of the node in folios of one order; how many pages that were. */
static unsigned long fill(struct list_head *folios, unsigned int order, gfp_t gfp)
{
	unsigned long pages = 0;
	struct folio *folio;

	while ((folio = private_alloc(gfp | __GFP_THISNODE, order, pnode, NULL))) {
		list_add(&folio->lru, folios);
		pages += 1UL << order;
		cond_resched();
	}
	return pages;
}

static void drop(struct list_head *folios)
{
	struct folio *folio, *next;

	list_for_each_entry_safe(folio, next, folios, lru) {
		list_del(&folio->lru);
		folio_put(folio);
		cond_resched();
	}
}

/*
 * Take all of the node. Full to the last page it is without reclaim: with it there
 * is a reserve, and counters of CPUs that lag behind say where that begins. Returns
 * whether reclaim was on.
 */
static unsigned long fill_node(struct list_head *folios)
{
	struct node_private *np = claim();
	unsigned long reclaim = np->opts & NODE_PRIVATE_OPT_RECLAIM;

	node_private_set_opts(np, NODE_PRIVATE_OPT_RECLAIM, 0);
	fill(folios, ORDER_HUGE, GFP_HIGHUSER_MOVABLE);
	fill(folios, 0, GFP_HIGHUSER_MOVABLE);
	return reclaim;
}

static void drop_node(struct list_head *folios, unsigned long reclaim)
{
	drop(folios);
	node_private_set_opts(claim(), NODE_PRIVATE_OPT_RECLAIM, reclaim);
}

/* A3: inside it, a folio that names the node by its preferred node */
static void a3_nid(struct kunit *test)
{
	unsigned int order;

	for (order = 0; order <= ORDER_HUGE; order++) {
		KUNIT_EXPECT_EQ(test, pnode,
				private_origin(GFP_HIGHUSER_MOVABLE, order, pnode, NULL));
		KUNIT_EXPECT_EQ(test, pnode,
				private_origin(GFP_TRANSHUGE, order, pnode, NULL));
	}
	KUNIT_EXPECT_FALSE(test, current->flags & PF_MEMALLOC_SCOPES);
}

/* Does what names the full node get memory of the nearest ordinary one, or none? */
static bool goes_on(void)
{
	int nid = private_origin(GFP_HIGHUSER_MOVABLE, 0, pnode, NULL), other;

	if (nid == NUMA_NO_NODE || !node_state(nid, N_MEMORY))
		return false;
	for_each_node_state(other, N_MEMORY) {
		if (node_distance(pnode, other) < node_distance(pnode, nid))
			return false;
	}
	return true;
}

/* A3: full is NULL on a fully private node; on a pseudo-private one it goes on */
static void a3_full(struct kunit *test)
{
	struct node_private *np = claim();
	unsigned long free = node_free(pnode), taken, opt, opts, full;
	LIST_HEAD(folios);
	int i;

	KUNIT_ASSERT_NOT_NULL(test, np);
	opts = np->opts;
	node_private_set_opts(np, NODE_PRIVATE_OPT_ALL, 0);

	taken = fill(&folios, ORDER_HUGE, GFP_HIGHUSER_MOVABLE);
	taken += fill(&folios, 0, GFP_HIGHUSER_MOVABLE);
	/* To the last page. */
	KUNIT_EXPECT_EQ(test, free, taken);
	KUNIT_EXPECT_EQ(test, 0, node_free(pnode));

	for (i = 0; i < ARRAY_SIZE(task_gfp); i++)
		KUNIT_EXPECT_EQ(test, NUMA_NO_NODE,
				private_origin(task_gfp[i] | __GFP_HIGHMEM | __GFP_MOVABLE,
					       0, pnode, NULL));

	for (opt = 0; opt < NR_NODE_PRIVATE_OPTS; opt++) {
		bool pseudo = BIT(opt) & NODE_PRIVATE_OPT_PSEUDO;

		/* Reclaim would find nothing of ours on an LRU list. */
		if (opt == NODE_PRIVATE_RECLAIM)
			continue;
		node_private_set_opts(np, BIT(opt), BIT(opt));
		KUNIT_EXPECT_EQ(test, pseudo, goes_on());
		/* A4 holds all the same. */
		KUNIT_EXPECT_EQ(test, NUMA_NO_NODE,
				private_origin(GFP_HIGHUSER_MOVABLE | __GFP_THISNODE,
					       0, pnode, NULL));
		node_private_set_opts(np, BIT(opt), 0);
	}

	/* It went on, but what was meant for the node was refused by it. */
	full = node_private_sum(pnode, NODE_PRIVATE_REFUSED_FULL);
	KUNIT_EXPECT_GT(test, full, 0);
	/* The last of the three makes it fully private again. */
	node_private_set_opts(np, NODE_PRIVATE_OPT_PSEUDO, NODE_PRIVATE_OPT_PSEUDO);
	KUNIT_EXPECT_TRUE(test, goes_on());
	KUNIT_EXPECT_EQ(test, full + 1, node_private_sum(pnode, NODE_PRIVATE_REFUSED_FULL));
	node_private_set_opts(np, NODE_PRIVATE_OPT_MBIND, 0);
	KUNIT_EXPECT_TRUE(test, goes_on());
	node_private_set_opts(np, NODE_PRIVATE_OPT_DEMOTION, 0);
	KUNIT_EXPECT_TRUE(test, goes_on());
	node_private_set_opts(np, NODE_PRIVATE_OPT_SHMEM, 0);
	KUNIT_EXPECT_FALSE(test, goes_on());

	drop(&folios);
	KUNIT_EXPECT_EQ(test, free, node_free(pnode));
	node_private_set_opts(np, NODE_PRIVATE_OPT_ALL, opts);
}

/* A4: the same with __GFP_THISNODE */
static void a4_thisnode(struct kunit *test)
{
	nodemask_t only = nodemask_of_node(pnode);
	unsigned long reclaim;
	LIST_HEAD(folios);
	int nid, i;

	KUNIT_EXPECT_EQ(test, pnode,
			private_origin(GFP_HIGHUSER_MOVABLE | __GFP_THISNODE, 0, pnode, NULL));
	KUNIT_EXPECT_EQ(test, onode,
			private_origin(GFP_HIGHUSER_MOVABLE | __GFP_THISNODE, 0, onode, NULL));
	reclaim = fill_node(&folios);
	KUNIT_EXPECT_EQ(test, NUMA_NO_NODE,
			private_origin(GFP_HIGHUSER_MOVABLE | __GFP_THISNODE, 0, pnode, NULL));
	/* Where it may be reclaimed from, too, and whatever reserves one is let at. */
	node_private_set_opts(claim(), NODE_PRIVATE_OPT_RECLAIM,
			      NODE_PRIVATE_OPT_RECLAIM);
	for (i = 0; i < ARRAY_SIZE(task_gfp); i++) {
		nid = private_origin(task_gfp[i] | __GFP_HIGHMEM | __GFP_MOVABLE | __GFP_THISNODE,
				     0, pnode, NULL);
		KUNIT_EXPECT_TRUE(test, nid == NUMA_NO_NODE || nid == pnode);
		nid = private_origin(task_gfp[i] | __GFP_HIGHMEM | __GFP_MOVABLE, 0, pnode, &only);
		KUNIT_EXPECT_TRUE(test, nid == NUMA_NO_NODE || nid == pnode);
	}
	drop_node(&folios, reclaim);
}

/* A5: a nodemask with nothing but the node, whatever the preferred node */
static void a5_nodemask(struct kunit *test)
{
	nodemask_t only = nodemask_of_node(pnode);
	int nid;

	for_each_online_node(nid) {
		KUNIT_EXPECT_EQ(test, pnode,
				private_origin(GFP_HIGHUSER_MOVABLE, 0, nid, &only));
		KUNIT_EXPECT_EQ(test, pnode,
				private_origin(GFP_TRANSHUGE, ORDER_HUGE, nid, &only));
	}
}

/* A6: a nodemask with the node and others: by distance, the preferred first */
static void a6_mixed(struct kunit *test)
{
	nodemask_t both = nodemask_of_node(pnode);
	unsigned long reclaim;
	LIST_HEAD(folios);
	int nearest;

	node_set(onode, both);
	KUNIT_EXPECT_EQ(test, pnode,
			private_origin(GFP_HIGHUSER_MOVABLE, 0, pnode, &both));
	KUNIT_EXPECT_EQ(test, onode,
			private_origin(GFP_HIGHUSER_MOVABLE, 0, onode, &both));
	if (onode2 < MAX_NUMNODES) {
		nearest = node_distance(onode2, pnode) < node_distance(onode2, onode) ?
			  pnode : onode;
		KUNIT_EXPECT_EQ(test, nearest,
				private_origin(GFP_HIGHUSER_MOVABLE, 0, onode2, &both));
	}

	reclaim = fill_node(&folios);
	KUNIT_EXPECT_EQ(test, onode,
			private_origin(GFP_HIGHUSER_MOVABLE, 0, pnode, &both));
	drop_node(&folios, reclaim);
}

/* A6: two private nodes; neither gets what only names the other */
static void a6_two_private(struct kunit *test)
{
	nodemask_t only2, both;
	unsigned long reclaim;
	LIST_HEAD(folios);

	if (pnode2 >= MAX_NUMNODES)
		kunit_skip(test, "nodes= names no second private node that is online");

	only2 = nodemask_of_node(pnode2);
	both = only2;
	node_set(pnode, both);

	KUNIT_EXPECT_EQ(test, pnode2,
			private_origin(GFP_HIGHUSER_MOVABLE, 0, pnode, &only2));
	KUNIT_EXPECT_EQ(test, pnode2,
			private_origin(GFP_HIGHUSER_MOVABLE, 0, pnode2, &both));
	KUNIT_EXPECT_EQ(test, pnode,
			private_origin(GFP_HIGHUSER_MOVABLE, 0, pnode, &both));

	reclaim = fill_node(&folios);
	KUNIT_EXPECT_EQ(test, pnode2,
			private_origin(GFP_HIGHUSER_MOVABLE, 0, pnode, &both));
	/* Which is not named is not gone on to, knobs or no knobs. */
	if (claim()->opts & NODE_PRIVATE_OPT_PSEUDO)
		KUNIT_EXPECT_TRUE(test, goes_on());
	else
		KUNIT_EXPECT_EQ(test, NUMA_NO_NODE,
				private_origin(GFP_HIGHUSER_MOVABLE, 0, pnode, NULL));
	drop_node(&folios, reclaim);
}

/* A7: inside it, a folio that does not name the node */
static void a7_not_named(struct kunit *test)
{
	nodemask_t ordinary = node_states[N_MEMORY];
	int nid;

	for_each_node_state(nid, N_MEMORY) {
		KUNIT_EXPECT_EQ(test, nid,
				private_origin(GFP_HIGHUSER_MOVABLE, 0, nid, NULL));
		KUNIT_EXPECT_EQ(test, nid,
				private_origin(GFP_HIGHUSER_MOVABLE, 0, nid, &ordinary));
	}
	nid = private_origin(GFP_HIGHUSER_MOVABLE, 0, pnode, &ordinary);
	KUNIT_EXPECT_TRUE(test, nid >= 0 && node_state(nid, N_MEMORY));
	scoped_guard(memalloc_private)
		nid = folio_origin(folio_alloc(GFP_HIGHUSER_MOVABLE, 0));
	KUNIT_EXPECT_TRUE(test, nid >= 0 && node_state(nid, N_MEMORY));
}

/* A8: what lands on a task that is inside both scopes */
struct intruder {
	struct irq_work work;
	struct tasklet_struct tasklet;
	struct task_struct *victim;
	struct tries t;
	bool right_context;
	bool done;
};

static void intrude(struct intruder *in)
{
	in->right_context = in->right_context && current == in->victim &&
			    (current->flags & PF_MEMALLOC_SCOPES) == PF_MEMALLOC_SCOPES;
	try_pages(&in->t, GFP_ATOMIC | __GFP_NOWARN);
	try_folios(&in->t, GFP_ATOMIC | __GFP_NOWARN);
	try_slab(&in->t, GFP_ATOMIC | __GFP_NOWARN);
	/* The intruder leaves the scopes as it found them. */
	in->right_context = in->right_context &&
			    (current->flags & PF_MEMALLOC_SCOPES) == PF_MEMALLOC_SCOPES;
	WRITE_ONCE(in->done, true);
}

static void intrude_irq(struct irq_work *work)
{
	struct intruder *in = container_of(work, struct intruder, work);

	in->right_context = in_hardirq();
	intrude(in);
}

static void intrude_softirq(struct tasklet_struct *tasklet)
{
	struct intruder *in = container_of(tasklet, struct intruder, tasklet);

	in->right_context = in_serving_softirq();
	intrude(in);
}

static void a8_hardirq(struct kunit *test)
{
	struct intruder in = { .victim = current };

	init_irq_work(&in.work, intrude_irq);
	scoped_guard(memalloc_private) {
		scoped_guard(memalloc_folio) {
			/* On this CPU, and so on this task. */
			preempt_disable();
			irq_work_queue(&in.work);
			while (!READ_ONCE(in.done))
				cpu_relax();
			preempt_enable();
		}
	}
	irq_work_sync(&in.work);
	KUNIT_EXPECT_TRUE(test, in.right_context);
	expect_tries(test, &in.t);
}

static void a8_softirq(struct kunit *test)
{
	struct intruder in = { .victim = current };

	tasklet_setup(&in.tasklet, intrude_softirq);
	scoped_guard(memalloc_private) {
		scoped_guard(memalloc_folio) {
			/* The end of the section runs it, on top of the task. */
			local_bh_disable();
			tasklet_schedule(&in.tasklet);
			local_bh_enable();
		}
	}
	tasklet_kill(&in.tasklet);
	KUNIT_ASSERT_TRUE(test, in.done);
	KUNIT_EXPECT_TRUE(test, in.right_context);
	expect_tries(test, &in.t);
}

/* What an NMI may use is alloc_pages_nolock(): it never gets there. */
static void a8_nolock(struct kunit *test)
{
	struct page *page;

	scoped_guard(memalloc_private) {
		scoped_guard(memalloc_folio) {
			page = alloc_pages_nolock(0, pnode, 0);
			if (page) {
				KUNIT_EXPECT_NE(test, pnode, page_to_nid(page));
				__free_pages(page, 0);
			}
		}
	}
	KUNIT_EXPECT_FALSE(test, current->flags & PF_MEMALLOC_SCOPES);
}

/*
 * A9: an allocation nested in the allocation. The tracepoint at the end of the
 * allocator is a place in the midst of it where a test can allocate what
 * reclaim, page_owner and the like would.
 */
struct nested {
	struct tracepoint *tp;
	struct task_struct *task;
	bool busy;
	bool consumed;
	struct tries t;
};

static void nested_probe(void *data, struct page *page, unsigned int order,
			 gfp_t gfp, int migratetype)
{
	struct nested *n = data;

	if (current != n->task || !in_task() || n->busy)
		return;

	n->busy = true;
	n->consumed = !(current->flags & PF_MEMALLOC_SCOPES) && !current->private_event;
	try_pages(&n->t, GFP_NOWAIT | __GFP_NOWARN);
	try_folios(&n->t, GFP_NOWAIT | __GFP_NOWARN);
	try_slab(&n->t, GFP_NOWAIT | __GFP_NOWARN);
	/* Unless that path opens a scope of its own. */
	TRY(&n->t, private_origin(GFP_NOWAIT | __GFP_HIGHMEM | __GFP_MOVABLE,
				  0, pnode, NULL) == pnode);
	n->busy = false;
}

static void nested_find(struct tracepoint *tp, void *data)
{
	struct nested *n = data;

	if (!strcmp(tp->name, "mm_page_alloc"))
		n->tp = tp;
}

static void nested_start(struct kunit *test, struct nested *n)
{
	/* Nothing of what follows is compiled then. */
	if (!IS_ENABLED(CONFIG_TRACEPOINTS))
		kunit_skip(test, "the kernel has no tracepoints");

	n->task = current;
	for_each_kernel_tracepoint(nested_find, n);
	KUNIT_ASSERT_NOT_NULL(test, n->tp);
	KUNIT_ASSERT_EQ(test, 0, tracepoint_probe_register(n->tp, nested_probe, n));
}

static void nested_finish(struct kunit *test, struct nested *n)
{
	tracepoint_probe_unregister(n->tp, nested_probe, n);
	tracepoint_synchronize_unregister();

	KUNIT_EXPECT_TRUE(test, n->consumed);
	expect_tries(test, &n->t);
}

static void a9_nested(struct kunit *test)
{
	struct nested n = {};

	nested_start(test, &n);
	scoped_class(node_private_scope, scope, NODE_PRIVATE_ALLOC_MIGRATE)
		KUNIT_EXPECT_EQ(test, pnode,
				private_origin(GFP_HIGHUSER_MOVABLE, 0, pnode, NULL));
	nested_finish(test, &n);
}

/* A9: the same where a mapping is bound to the node, which needs no scope. */
static void a9_bound(struct kunit *test)
{
	struct mempolicy pol = {
		.refcnt = ATOMIC_INIT(1),
		.mode = MPOL_BIND,
		.flags = MPOL_F_PRIVATE | MPOL_F_NAMES_PRIVATE,
		.home_node = NUMA_NO_NODE,
		.nodes = nodemask_of_node(pnode),
		.w.private_claim = NODE_DATA(pnode)->private_claim,
	};
	struct vm_area_struct vma = { .vm_policy = &pol };
	struct nested n = {};
	struct folio *folio;

	nested_start(test, &n);
	/* Who only looks whether there is a page is nobody to what is nested. */
	scoped_class(node_private_scope, scope, NR_NODE_PRIVATE_EVENTS) {
		scoped_guard(memalloc_folio)
			folio = vma_alloc_folio(GFP_HIGHUSER_MOVABLE, 0, &vma, 0);
	}
	KUNIT_EXPECT_EQ(test, pnode, folio_origin(folio));
	nested_finish(test, &n);
}

/*
 * A9: the debugging facilities allocate for each page: owner, stack, tag. Each
 * folio has to cost the node its own pages and not one more.
 */
static void a9_debugging(struct kunit *test)
{
	unsigned long free = node_free(pnode), n;
	struct folio *folio;
	LIST_HEAD(folios);

	for (n = 0; n < 4096; n++) {
		folio = private_alloc(GFP_HIGHUSER_MOVABLE, 0, pnode, NULL);
		KUNIT_ASSERT_NOT_NULL(test, folio);
		list_add(&folio->lru, &folios);
	}
	KUNIT_EXPECT_EQ(test, free - n, node_free(pnode));
	drop(&folios);
	KUNIT_EXPECT_EQ(test, free, node_free(pnode));
}

/* A10: what is started inside the scopes starts with none */
struct starter {
	struct work_struct work;
	struct completion done;
	unsigned int scopes;
	unsigned int event;
	struct tries t;
};

static void start(struct starter *s)
{
	s->scopes = current->flags & PF_MEMALLOC_SCOPES;
	s->event = current->private_event;
	try_pages(&s->t, GFP_KERNEL);
	try_folios(&s->t, GFP_KERNEL);
}

static int starter_thread(void *data)
{
	struct starter *s = data;

	start(s);
	complete(&s->done);
	return 0;
}

static void starter_work(struct work_struct *work)
{
	start(container_of(work, struct starter, work));
}

static void a10_fork(struct kunit *test)
{
	struct starter s = {};
	pid_t pid;

	init_completion(&s.done);
	scoped_class(node_private_scope, scope, NR_NODE_PRIVATE_EVENTS) {
		scoped_guard(memalloc_folio)
			pid = node_private_fork(starter_thread, &s);
	}
	KUNIT_ASSERT_GT(test, pid, 0);
	wait_for_completion(&s.done);
	KUNIT_EXPECT_EQ(test, 0, s.scopes);
	KUNIT_EXPECT_EQ(test, 0, s.event);
	expect_tries(test, &s.t);
	/* Its last words are in our text: let it be gone before we are. */
	msleep(100);
}

static void a10_kthread(struct kunit *test)
{
	struct starter s = {};
	struct task_struct *task;

	init_completion(&s.done);
	scoped_guard(memalloc_private) {
		scoped_guard(memalloc_folio)
			task = kthread_run(starter_thread, &s, "node_private");
	}
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	wait_for_completion(&s.done);
	KUNIT_EXPECT_EQ(test, 0, s.scopes);
	KUNIT_EXPECT_EQ(test, 0, s.event);
	expect_tries(test, &s.t);
}

static void a10_worker(struct kunit *test)
{
	struct starter s = {};

	INIT_WORK_ONSTACK(&s.work, starter_work);
	scoped_guard(memalloc_private) {
		scoped_guard(memalloc_folio) {
			queue_work(system_dfl_wq, &s.work);
			flush_work(&s.work);
		}
	}
	destroy_work_on_stack(&s.work);
	KUNIT_EXPECT_EQ(test, 0, s.scopes);
	KUNIT_EXPECT_EQ(test, 0, s.event);
	expect_tries(test, &s.t);
}

/* A11: a folio that cannot move, on a node with nothing but ZONE_MOVABLE */
static void a11_unmovable(struct kunit *test)
{
	int expected = node_has_kernel_zone(pnode) ? pnode : NUMA_NO_NODE;
	nodemask_t only = nodemask_of_node(pnode);

	KUNIT_EXPECT_EQ(test, expected,
			private_origin(GFP_KERNEL, 0, pnode, NULL));
	KUNIT_EXPECT_EQ(test, expected,
			private_origin(GFP_HIGHUSER, 0, onode, &only));
	KUNIT_EXPECT_EQ(test, pnode,
			private_origin(GFP_HIGHUSER_MOVABLE, 0, pnode, NULL));
}

/* The scopes nest, and end where they began. */
static void scopes_nest(struct kunit *test)
{
	unsigned int outer, inner;

	outer = memalloc_private_save();
	inner = memalloc_private_save();
	KUNIT_EXPECT_EQ(test, 0, inner);
	memalloc_private_restore(inner);
	KUNIT_EXPECT_TRUE(test, current->flags & PF_MEMALLOC_PRIVATE);
	KUNIT_EXPECT_EQ(test, pnode,
			folio_origin(__folio_alloc(GFP_HIGHUSER_MOVABLE, 0, pnode, NULL)));
	KUNIT_EXPECT_TRUE(test, current->flags & PF_MEMALLOC_PRIVATE);
	memalloc_private_restore(outer);
	KUNIT_EXPECT_FALSE(test, current->flags & PF_MEMALLOC_SCOPES);
	KUNIT_EXPECT_NE(test, pnode,
			folio_origin(__folio_alloc(GFP_HIGHUSER_MOVABLE, 0, pnode, NULL)));
}

/* Memory that nobody can get does not count as available. */
static void accounting(struct kunit *test)
{
	unsigned long total = 0;
	unsigned int ordinary = 0;
	struct sysinfo all;
	int nid;

	/* Nor is it a choice that an ordinary allocation has. */
	for_each_online_node(nid)
		ordinary += !node_is_private(nid);
	KUNIT_EXPECT_EQ(test, ordinary, nr_online_nodes);

	si_meminfo(&all);
	for_each_node_state(nid, N_MEMORY)
		total += node_managed(nid);
	KUNIT_EXPECT_EQ(test, total, all.totalram);
	KUNIT_EXPECT_GT(test, node_managed(pnode), 0);
	KUNIT_EXPECT_LE(test, all.freeram, total);
	KUNIT_EXPECT_LE(test, si_mem_available(), total);
}

static long counted(long *was, enum node_private_event event)
{
	const long now = node_private_sum(pnode, event);

	return now - was[event];
}

/* Who opens the scope is the owner, or says what it is for. Nobody else is counted. */
static void counters(struct kunit *test)
{
	nodemask_t both = nodemask_of_node(pnode);
	long was[NR_NODE_PRIVATE_EVENTS];
	int i;

	node_set(onode, both);
	for (i = 0; i < NR_NODE_PRIVATE_EVENTS; i++)
		was[i] = node_private_sum(pnode, i);

	folio_origin(__folio_alloc(GFP_HIGHUSER_MOVABLE, 0, pnode, NULL));
	folio_origin(__folio_alloc(GFP_HIGHUSER_MOVABLE | __GFP_THISNODE, 0, pnode, NULL));
	private_origin(GFP_HIGHUSER_MOVABLE, 0, onode, NULL);
	for (i = 0; i < NR_NODE_PRIVATE_EVENTS; i++)
		KUNIT_EXPECT_EQ(test, 0, counted(was, i));

	KUNIT_EXPECT_EQ(test, pnode, private_origin(GFP_HIGHUSER_MOVABLE, 0, pnode, NULL));
	KUNIT_EXPECT_EQ(test, 1, counted(was, NODE_PRIVATE_ALLOC_OWNER));
	KUNIT_EXPECT_EQ(test, pnode, private_origin(GFP_HIGHUSER_MOVABLE, 3, pnode, NULL));
	KUNIT_EXPECT_EQ(test, 9, counted(was, NODE_PRIVATE_ALLOC_OWNER));
	/* Served by a nearer one that is named as well. */
	KUNIT_EXPECT_EQ(test, onode, private_origin(GFP_HIGHUSER_MOVABLE, 0, onode, &both));
	KUNIT_EXPECT_EQ(test, 9, counted(was, NODE_PRIVATE_ALLOC_OWNER));

	{
		guard(node_private_scope)(NODE_PRIVATE_ALLOC_MIGRATE);

		KUNIT_EXPECT_EQ(test, pnode, private_origin(GFP_HIGHUSER_MOVABLE, 2, pnode, NULL));
		KUNIT_EXPECT_EQ(test, 9, counted(was, NODE_PRIVATE_ALLOC_OWNER));
		KUNIT_EXPECT_EQ(test, 4, counted(was, NODE_PRIVATE_ALLOC_MIGRATE));
		/* What is ordinary is not. */
		folio_origin(folio_alloc(GFP_KERNEL, 0));
		KUNIT_EXPECT_EQ(test, onode,
				private_origin(GFP_HIGHUSER_MOVABLE, 0, onode, &both));
		KUNIT_EXPECT_EQ(test, 4, counted(was, NODE_PRIVATE_ALLOC_MIGRATE));
	}
	/* Who only looks has nothing of it, and is refused nothing. */
	{
		guard(node_private_scope)(NR_NODE_PRIVATE_EVENTS);
		private_origin(GFP_HIGHUSER_MOVABLE, 0, pnode, NULL);
		private_origin(GFP_HIGHUSER_MOVABLE | __GFP_NOWARN, MAX_PAGE_ORDER, pnode, NULL);
		node_private_refuse(pnode, NODE_PRIVATE_REFUSED_FULL);
	}
	KUNIT_EXPECT_EQ(test, 0, counted(was, NODE_PRIVATE_REFUSED_FULL));
	KUNIT_EXPECT_EQ(test, pnode, private_origin(GFP_HIGHUSER_MOVABLE, 0, pnode, NULL));
	KUNIT_EXPECT_EQ(test, 10, counted(was, NODE_PRIVATE_ALLOC_OWNER));
	KUNIT_EXPECT_EQ(test, 4, counted(was, NODE_PRIVATE_ALLOC_MIGRATE));

	/* A node that nobody has ever claimed counts nothing, and that does no harm. */
	if (!NODE_DATA(onode)->private_stat)
		node_private_count(onode, NODE_PRIVATE_REFUSED_KNOB, 1);
}

/* Who may claim a node, and how it is let go. */
static void registration(struct kunit *test)
{
	static const char me[] = "node_private_kunit";
	struct node_private *theirs = claim();
	struct node_private np = { .owner = me, .name = me };
	unsigned long opts;
	int nid;

	/* Not a node. */
	KUNIT_EXPECT_EQ(test, -EINVAL, node_private_register(-1, &np));
	KUNIT_EXPECT_EQ(test, -EINVAL, node_private_register(MAX_NUMNODES, &np));
	/* Not an ordinary node. */
	KUNIT_EXPECT_EQ(test, -EBUSY, node_private_register(onode, &np));
	/* Not somebody else's. */
	KUNIT_EXPECT_EQ(test, -EBUSY, node_private_register(pnode, &np));
	/* Not with other opts, or opts that do not exist. */
	np.owner = theirs->owner;
	np.opts = theirs->opts ^ NODE_PRIVATE_OPT_MADVISE;
	KUNIT_EXPECT_EQ(test, -EADDRINUSE, node_private_register(pnode, &np));
	np.opts = NODE_PRIVATE_OPT_ALL + 1;
	KUNIT_EXPECT_EQ(test, -EINVAL, node_private_register(pnode, &np));
	/* Nor at another place in the tiers. */
	np.opts = theirs->opts;
	np.adistance = theirs->adistance + 1;
	KUNIT_EXPECT_EQ(test, -EADDRINUSE, node_private_register(pnode, &np));
	/* But again by its owner; then either claim may go, not the last. */
	np.adistance = theirs->adistance;
	KUNIT_ASSERT_EQ(test, 0, node_private_register(pnode, &np));
	opts = theirs->opts;
	KUNIT_EXPECT_EQ(test, 0, node_private_set_opts(&np, NODE_PRIVATE_OPT_ALL,
						       NODE_PRIVATE_OPT_LTPIN));
	KUNIT_EXPECT_EQ(test, theirs->opts, NODE_PRIVATE_OPT_LTPIN);
	KUNIT_EXPECT_TRUE(test, node_private_allows(pnode, NODE_PRIVATE_LTPIN));
	KUNIT_EXPECT_EQ(test, 0, node_private_set_opts(&np, NODE_PRIVATE_OPT_LTPIN, 0));
	KUNIT_EXPECT_FALSE(test, node_private_allows(pnode, NODE_PRIVATE_LTPIN));
	KUNIT_EXPECT_EQ(test, -EINVAL, node_private_set_opts(&np, NODE_PRIVATE_OPT_ALL + 1, 0));
	KUNIT_EXPECT_EQ(test, 0, node_private_set_opts(&np, NODE_PRIVATE_OPT_ALL, opts));
	KUNIT_EXPECT_EQ(test, 0, node_private_unregister(&np));
	KUNIT_EXPECT_EQ(test, -EBUSY, node_private_unregister(theirs));
	KUNIT_EXPECT_TRUE(test, node_is_private(pnode));

	for_each_node_state(nid, N_MEMORY_PRIVATE) {
		KUNIT_EXPECT_FALSE(test, node_state(nid, N_MEMORY));
		KUNIT_EXPECT_FALSE(test, node_state(nid, N_NORMAL_MEMORY));
		KUNIT_EXPECT_FALSE(test, node_state(nid, N_CPU));
	}
}

static int private_zones(struct zonelist *list)
{
	struct zoneref *z;
	int found = 0;

	for (z = list->_zonerefs; zonelist_zone(z); z++)
		found += node_is_private(zonelist_node_idx(z));
	return found;
}

/* The structure behind it: in no list that an ordinary allocation walks. */
static void zonelists(struct kunit *test)
{
	int nid, i;

	for_each_online_node(nid) {
		for (i = 0; i < MAX_ZONELISTS; i++)
			KUNIT_EXPECT_EQ(test, 0,
					private_zones(&NODE_DATA(nid)->node_zonelists[i]));
	}
}

static struct kunit_case node_private_cases[] = {
	KUNIT_CASE(registration),
	KUNIT_CASE(counters),
	KUNIT_CASE(zonelists),
	KUNIT_CASE(accounting),
	KUNIT_CASE(scopes_nest),
	KUNIT_CASE_SLOW(a1_outside),
	KUNIT_CASE(a1_folio_scope_alone),
	KUNIT_CASE_SLOW(a2_not_a_folio),
	KUNIT_CASE(a2_bound),
	KUNIT_CASE(a3_nid),
	KUNIT_CASE_SLOW(a3_full),
	KUNIT_CASE_SLOW(a4_thisnode),
	KUNIT_CASE(a5_nodemask),
	KUNIT_CASE_SLOW(a6_mixed),
	KUNIT_CASE_SLOW(a6_two_private),
	KUNIT_CASE(a7_not_named),
	KUNIT_CASE(a8_hardirq),
	KUNIT_CASE(a8_softirq),
	KUNIT_CASE(a8_nolock),
	KUNIT_CASE(a9_nested),
	KUNIT_CASE(a9_bound),
	KUNIT_CASE(a9_debugging),
	KUNIT_CASE(a10_fork),
	KUNIT_CASE(a10_kthread),
	KUNIT_CASE(a10_worker),
	KUNIT_CASE(a11_unmovable),
	{}
};

static struct kunit_suite node_private_suite = {
	.name = "node_private",
	.init = node_private_test_init,
	.test_cases = node_private_cases,
};

kunit_test_suite(node_private_suite);

MODULE_DESCRIPTION("KUnit tests for private memory nodes");
MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
MODULE_LICENSE("GPL");
