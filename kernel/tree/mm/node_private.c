// SPDX-License-Identifier: GPL-2.0
/*
 * Private memory nodes
 *
 * A private node is a CPU-less NUMA node in the state N_MEMORY_PRIVATE, never
 * in N_MEMORY. An owner (a driver) claims the node before it adds memory to it
 * and releases it after the memory is gone. The memory is managed by the buddy
 * allocator like any other, with two differences:
 *
 *  - The node is in no zonelist that an ordinary allocation walks, its own
 *    included. Only ZONELIST_PRIVATE has it, and only an allocation admitted
 *    by node_private_admit() looks there: a folio, inside memalloc_private,
 *    that names the node.
 *  - A service of mm acts on the node's folios only if the owner switched it
 *    on: see enum node_private_opt.
 *
 * What the hooks in the rest of mm ask is decided here. They are behind a static
 * key that counts the claims, so that a system without private nodes pays
 * nothing for them.
 */

#define pr_fmt(fmt) "node_private: " fmt

#include <linux/bug.h>
#include <linux/compaction.h>
#include <linux/cpuset.h>
#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/memory-tiers.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/mutex.h>
#include <linux/node_private.h>
#include <linux/pgtable.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <linux/topology.h>
#include <linux/vmstat.h>

#include "internal.h"
#include "page_alloc.h"

/*
 * Nodes that have an owner, and for each service those it may act on. Readers
 * test single bits without a lock. A bit of node_private_registered changes
 * only while the node has no memory, so whoever holds one of its folios sees
 * it stable; the others are switches whose old value is as good as the new
 * one for an operation that already runs.
 */
nodemask_t node_private_registered __read_mostly;
EXPORT_SYMBOL_GPL(node_private_registered);
nodemask_t node_private_allowed[NR_NODE_PRIVATE_OPTS] __read_mostly;
EXPORT_SYMBOL_GPL(node_private_allowed);

/*
 * N_MEMORY and N_MEMORY_PRIVATE in one, kept up to date while there is a claim
 * and changed under lock_device_hotplug().
 */
nodemask_t node_private_memory_map __read_mostly;
EXPORT_SYMBOL_GPL(node_private_memory_map);

DEFINE_STATIC_KEY_FALSE(node_private_key);
EXPORT_SYMBOL_GPL(node_private_key);

/*
 * The claims. Whoever changes them also holds lock_device_hotplug(), which
 * keeps memory from coming or going meanwhile; the mutex, taken inside of it,
 * is enough to read them.
 */
static LIST_HEAD(node_private_claims);
static DEFINE_MUTEX(node_private_lock);

static struct node_private *node_private_claim(int nid)
{
	struct node_private *np;

	lockdep_assert_held(&node_private_lock);

	list_for_each_entry(np, &node_private_claims, list) {
		if (np->nid == nid)
			return np;
	}
	return NULL;
}

#if IS_ENABLED(CONFIG_PRIVATE_NODES_KUNIT_TEST)
/* The KUnit suite borrows the node of another owner. */
struct node_private *node_private_find(int nid)
{
	guard(mutex)(&node_private_lock);
	return node_private_claim(nid);
}
EXPORT_SYMBOL_FOR_MODULES(node_private_find, "node_private_kunit");

struct node_private_child {
	int (*fn)(void *arg);
	void *arg;
};

static int node_private_run_child(void *arg)
{
	struct node_private_child child = *(struct node_private_child *)arg;

	kfree(arg);
	do_exit(child.fn(child.arg));
}

/* It also has to fork inside the scopes, which no module does. */
pid_t node_private_fork(int (*fn)(void *), void *arg)
{
	struct node_private_child *child = kmalloc_obj(*child);
	pid_t pid;

	if (!child)
		return -ENOMEM;
	child->fn = fn;
	child->arg = arg;
	pid = kernel_thread(node_private_run_child, child, "node_private",
			    CLONE_FS | CLONE_FILES | SIGCHLD);
	if (pid < 0)
		kfree(child);
	return pid;
}
EXPORT_SYMBOL_FOR_MODULES(node_private_fork, "node_private_kunit");
#endif

static void node_private_publish(int nid, unsigned long opts)
{
	int opt;

	for (opt = 0; opt < NR_NODE_PRIVATE_OPTS; opt++) {
		if (opts & BIT(opt))
			node_set(nid, node_private_allowed[opt]);
		else
			node_clear(nid, node_private_allowed[opt]);
	}
}

static int memory_block_is_on(struct memory_block *mem, void *arg)
{
	return mem->nid == *(int *)arg ? -EEXIST : 0;
}

/* Memory blocks count even while offline: anybody may online them. */
static bool node_has_memory_blocks(int nid)
{
	return for_each_memory_block(&nid, memory_block_is_on);
}

static int node_private_check_first(int nid)
{
	if (node_state(nid, N_MEMORY) || node_has_memory_blocks(nid)) {
		pr_err("node %d has ordinary memory, it cannot be private\n",
		       nid);
		return -EBUSY;
	}
	if (!cpumask_empty(cpumask_of_node(nid))) {
		pr_err("node %d has CPUs, it cannot be private\n", nid);
		return -EBUSY;
	}
	return 0;
}

/**
 * node_private_register - claim a node for private memory
 * @nid: the node, possible but not necessarily online
 * @np: the claim, with owner, name and opts filled in; zeroed otherwise
 *
 * To be called before the memory is added with MHP_PRIVATE. A node may be
 * claimed several times, once for each device that gives it memory; all claims
 * must agree on owner, opts and abstract distance.
 *
 * Context: process context, may sleep. Takes lock_device_hotplug().
 * Return: 0, or -EINVAL for a node that is not possible or opts that are not
 * known, -EBUSY where the node has ordinary memory, CPUs or another owner,
 * -EADDRINUSE where it has other opts or another abstract distance.
 */
int node_private_register(int nid, struct node_private *np)
{
	const struct node_private *other;
	int rc = 0;

	if (nid < 0 || nid >= MAX_NUMNODES || !node_possible(nid))
		return -EINVAL;
	if (!np->owner || np->opts & ~NODE_PRIVATE_OPT_ALL)
		return -EINVAL;

	lock_device_hotplug();
	mutex_lock(&node_private_lock);

	other = node_private_claim(nid);
	if (!other) {
		rc = node_private_check_first(nid);
	} else if (other->owner != np->owner) {
		pr_err("node %d belongs to %s\n", nid, other->name);
		rc = -EBUSY;
	} else if (other->opts != np->opts) {
		pr_err("node %d has the opts %#lx, not %#lx\n", nid,
		       other->opts, np->opts);
		rc = -EADDRINUSE;
	} else if (other->adistance != np->adistance) {
		pr_err("node %d has the abstract distance %d, not %d\n", nid,
		       other->adistance, np->adistance);
		rc = -EADDRINUSE;
	}
	if (rc)
		goto out;

	np->nid = nid;
	list_add_tail(&np->list, &node_private_claims);
	node_private_publish(nid, np->opts);
	node_set(nid, node_private_registered);
	node_private_memory_changed();
	/* Last: whoever sees the key on finds the masks complete. */
	static_branch_inc(&node_private_key);
out:
	mutex_unlock(&node_private_lock);
	unlock_device_hotplug();
	return rc;
}
EXPORT_SYMBOL_GPL(node_private_register);

/**
 * node_private_unregister - give a claim back
 * @np: the claim
 *
 * With the last claim the node becomes a node without memory.
 *
 * Context: process context, may sleep. Takes lock_device_hotplug().
 * Return: 0, or -EBUSY if this is the last claim and memory is still there,
 * in which case the claim stands.
 */
int node_private_unregister(struct node_private *np)
{
	const int nid = np->nid;
	int rc = 0;

	lock_device_hotplug();
	mutex_lock(&node_private_lock);

	list_del(&np->list);
	if (!node_private_claim(nid)) {
		if (node_has_memory_blocks(nid)) {
			list_add_tail(&np->list, &node_private_claims);
			rc = -EBUSY;
			goto out;
		}
		node_clear(nid, node_private_registered);
		node_private_publish(nid, 0);
	}
	static_branch_dec(&node_private_key);
out:
	mutex_unlock(&node_private_lock);
	unlock_device_hotplug();
	return rc;
}
EXPORT_SYMBOL_GPL(node_private_unregister);

/*
 * What a switch changes besides the mask that the hooks ask. The node's memory
 * neither comes nor goes meanwhile.
 */
static void node_private_apply(int nid, unsigned long changed,
			       unsigned long opts)
{
	if (!node_state(nid, N_MEMORY_PRIVATE))
		return;

	if (changed & NODE_PRIVATE_OPT_RECLAIM) {
		/* Watermarks keep what reclaim has to work with. */
		setup_per_zone_wmarks();
		if (opts & NODE_PRIVATE_OPT_RECLAIM) {
			/* What it gave up on before is no reason any more. */
			atomic_set(&NODE_DATA(nid)->kswapd_failures, 0);
			kswapd_run(nid);
			kcompactd_run(nid);
		} else {
			kswapd_stop(nid);
			kcompactd_stop(nid);
			/* Who was throttled waits for the kswapd that is gone. */
			wake_up_all(&NODE_DATA(nid)->pfmemalloc_wait);
		}
	}
	if (changed & NODE_PRIVATE_OPT_DEMOTION)
		memory_tiers_update_targets();
}

/**
 * node_private_set_opts - switch services on or off
 * @np: a claim on the node
 * @mask: which of NODE_PRIVATE_OPT_* to change
 * @opts: their new values
 *
 * Changes the node, and so every claim on it. On takes effect with the next
 * operation of the service; off stops new operations and leaves what is there
 * where it is.
 *
 * Context: process context, in a system call such as a write to a sysfs file, may
 * sleep. Takes lock_device_hotplug().
 * Return: 0, -EINVAL for unknown opts, or, while memory is being plugged or
 * unplugged, what restarts the system call: to be passed on.
 */
int node_private_set_opts(struct node_private *np, unsigned long mask,
			  unsigned long opts)
{
	struct node_private *other;
	unsigned long changed;
	int rc;

	if ((mask | opts) & ~NODE_PRIVATE_OPT_ALL)
		return -EINVAL;

	/* An unplug takes minutes, perhaps; who waits can be interrupted. */
	rc = lock_device_hotplug_sysfs();
	if (rc)
		return rc;
	mutex_lock(&node_private_lock);

	opts = (np->opts & ~mask) | (opts & mask);
	changed = opts ^ np->opts;
	list_for_each_entry(other, &node_private_claims, list) {
		if (other->nid == np->nid)
			other->opts = opts;
	}
	node_private_publish(np->nid, opts);
	node_private_apply(np->nid, changed, opts);

	mutex_unlock(&node_private_lock);
	unlock_device_hotplug();
	return 0;
}
EXPORT_SYMBOL_GPL(node_private_set_opts);

/**
 * node_private_get - keep the hooks for private nodes on
 *
 * For an open file whose mappings have private nodes: the mappings outlive the
 * last private node, and have to be told from ordinary ones even then.
 *
 * Context: process context, may sleep.
 */
void node_private_get(void)
{
	static_branch_inc(&node_private_key);
}
EXPORT_SYMBOL_GPL(node_private_get);

/**
 * node_private_put - undo node_private_get()
 *
 * Context: process context, may sleep.
 */
void node_private_put(void)
{
	static_branch_dec(&node_private_key);
}
EXPORT_SYMBOL_GPL(node_private_put);

/**
 * node_private_may_add - may this kind of memory be added to the node?
 * @nid: the node
 * @private: the memory is added with MHP_PRIVATE
 *
 * A node has private memory or ordinary memory, not both.
 *
 * Context: under lock_device_hotplug().
 * Return: 0, -EBUSY for ordinary memory on a private node, -EINVAL for private
 * memory on a node that nobody claimed.
 */
int node_private_may_add(int nid, bool private)
{
	if (private == node_is_private(nid))
		return 0;
	if (private)
		return -EINVAL;
	pr_err("node %d is private, ordinary memory cannot be added to it\n",
	       nid);
	return -EBUSY;
}

/**
 * node_private_memory_changed - a node got its first or lost its last memory
 *
 * Context: under lock_device_hotplug().
 */
void node_private_memory_changed(void)
{
	nodemask_t *map = &node_private_memory_map;
	int nid;

	/* Bit by bit: readers walk the mask without a lock. */
	for_each_node(nid) {
		if (node_state(nid, N_MEMORY) || node_state(nid, N_MEMORY_PRIVATE))
			node_set(nid, *map);
		else
			node_clear(nid, *map);
	}
}

/* Nodes that have had memory since the boot, for who looks before there is any other. */
static int __init node_private_init(void)
{
	lock_device_hotplug();
	node_private_memory_changed();
	unlock_device_hotplug();
	return 0;
}
subsys_initcall(node_private_init);

/* A folio that somebody else holds for a moment is worth so much patience. */
#define NODE_PRIVATE_OFFLINE_TRIES	50

/**
 * node_private_stuck - give up on offlining memory?
 * @nid: its node
 * @pfn: the first page still in the way
 * @progress: what was in the way before, zeroed at first
 *
 * Ordinary memory is offlined until it works or a signal arrives. A private
 * node's owner promises its user an answer instead: a page that does not move
 * (it is pinned, or there is no ordinary memory to move it to) fails the unplug.
 *
 * Context: process context, sleeps.
 * Return: true to fail with -EBUSY.
 */
bool node_private_stuck(int nid, unsigned long pfn,
			struct node_private_offline *progress)
{
	if (!node_is_private(nid))
		return false;

	if (progress->pfn != pfn) {
		progress->pfn = pfn;
		progress->tries = 0;
		return false;
	}
	if (++progress->tries >= NODE_PRIVATE_OFFLINE_TRIES) {
		pr_warn("node %d: a page from %#lx on is in use and cannot be moved\n",
			nid, pfn);
		return true;
	}
	schedule_timeout_interruptible(1);
	return false;
}

static int memory_block_is_offline(struct memory_block *mem, void *arg)
{
	return mem->state == MEM_ONLINE ? 0 : -EAGAIN;
}

/**
 * node_private_range_online - did all of a range get online?
 * @start: first address of memory that was added
 * @size: its size in bytes
 *
 * Adding memory and onlining it are two steps, and the first succeeds without
 * the second.
 *
 * Context: process context, sleeps. Takes lock_device_hotplug().
 * Return: true if every memory block of the range is online.
 */
bool node_private_range_online(u64 start, u64 size)
{
	int rc;

	lock_device_hotplug();
	rc = walk_memory_blocks(start, size, NULL, memory_block_is_offline);
	unlock_device_hotplug();
	return !rc;
}
EXPORT_SYMBOL_GPL(node_private_range_online);

/**
 * node_private_gfp - what an allocation from private nodes only may do
 * @gfp: its flags
 * @order: its order
 * @nodes: its nodes
 *
 * Context: any.
 * Return: the flags to allocate with.
 */
gfp_t node_private_gfp(gfp_t gfp, unsigned int order, const nodemask_t *nodes)
{
	/* Who asked fails, and nobody is killed or warned about. */
	gfp &= ~__GFP_NOFAIL;
	gfp |= __GFP_NOWARN;

	/*
	 * With reclaim off on all of them there is nothing to wait for: full is
	 * full. Nor is a reserve kept for anybody.
	 */
	if (!nodes_intersects(*nodes, node_private_allowed[NODE_PRIVATE_RECLAIM])) {
		gfp &= ~(__GFP_DIRECT_RECLAIM | __GFP_HIGH | __GFP_RETRY_MAYFAIL);
		return gfp | __GFP_NORETRY | __GFP_NOMEMALLOC;
	}

	/*
	 * Without the OOM killer. Costly orders never get to it, and would only
	 * be tried harder than anywhere else.
	 */
	if (order <= PAGE_ALLOC_COSTLY_ORDER && !(gfp & __GFP_NORETRY))
		gfp |= __GFP_RETRY_MAYFAIL;
	return gfp;
}

/**
 * node_private_admit - does an allocation reach private nodes?
 * @scopes: the task's PF_MEMALLOC_PRIVATE and PF_MEMALLOC_FOLIO
 * @gfp: its flags, adjusted for an allocation that is admitted
 * @order: its order
 * @nid: its preferred node
 * @nodemask: its nodes, or NULL for any
 * @nodes: filled with the nodes it may use if it is admitted
 *
 * Only a folio inside memalloc_private that names a private node is admitted,
 * and never to a private node that it did not name: its nodemask names nodes,
 * without one its preferred node does.
 *
 * Context: any.
 * Return: true if the allocation is to walk ZONELIST_PRIVATE, within @nodes.
 */
bool node_private_admit(unsigned int scopes, gfp_t *gfp, unsigned int order,
			int nid, const nodemask_t *nodemask, nodemask_t *nodes)
{
	const nodemask_t *private = &node_states[N_MEMORY_PRIVATE];

	if (scopes != (PF_MEMALLOC_PRIVATE | PF_MEMALLOC_FOLIO))
		return false;

	if (nodemask) {
		if (!nodes_intersects(*nodemask, *private))
			return false;
		*nodes = *nodemask;
	} else {
		if (!node_isset(nid, *private))
			return false;
		*nodes = nodemask_of_node(nid);
		/* Pseudo-private: the node has a FALLBACK list of its own. */
		if (node_isset(nid, node_private_allowed[NODE_PRIVATE_DEMOTION]) ||
		    node_isset(nid, node_private_allowed[NODE_PRIVATE_MBIND]))
			nodes_or(*nodes, *nodes, cpuset_current_mems_allowed);
	}

	if (*gfp & __GFP_THISNODE) {
		nodemask_t this = nodemask_of_node(nid);

		/* The flag stays: it also says not to reclaim for THP. */
		nodes_and(*nodes, *nodes, this);
	}

	if (nodes_subset(*nodes, *private))
		*gfp = node_private_gfp(*gfp, order, nodes);
	return true;
}

/**
 * node_private_is_fallback - is this how far the FALLBACK list of a private node goes?
 * @nodes: the nodes of an allocation
 *
 * That is to what the cpuset allows, see node_private_admit(): where ordinary nodes
 * are out of memory it is then the cpuset that limits the allocation, and no policy.
 *
 * Context: task context.
 * Return: true if so.
 */
bool node_private_is_fallback(const nodemask_t *nodes)
{
	nodemask_t ordinary;

	if (!node_private_enabled() ||
	    !nodes_andnot(ordinary, *nodes, node_private_registered))
		return false;
	return nodes_intersects(*nodes, node_private_registered) &&
	       nodes_equal(ordinary, cpuset_current_mems_allowed);
}

/* node_private_advised(), of a private node. */
bool node_private_allows_advice(int nid)
{
	return node_private_allows(nid, current->flags & PF_KTHREAD ?
				   NODE_PRIVATE_RECLAIM : NODE_PRIVATE_MADVISE);
}

/**
 * node_private_unreachable - does an allocation name nothing but private nodes?
 * @zonelist: where it looks
 * @nodemask: its nodes, or NULL for any
 *
 * For an allocation that was not admitted and found no zone at all: if it
 * asked for private nodes only, it fails at once and silently.
 *
 * Context: any.
 * Return: true if so.
 */
bool node_private_unreachable(const struct zonelist *zonelist,
			      const nodemask_t *nodemask)
{
	int nid;

	if (nodemask && nodes_subset(*nodemask, node_private_registered))
		return true;

	for_each_node_mask(nid, node_private_registered) {
		if (zonelist == &NODE_DATA(nid)->node_zonelists[ZONELIST_NOFALLBACK])
			return true;
	}
	return false;
}

/**
 * node_private_drain - fetch a private node's pages from the per-CPU lists
 * @nodes: the nodes of an allocation that failed
 * @order: its order
 * @gfp: its flags, as the caller gave them
 *
 * A fully private node is to be usable to its last page, and reclaim, which
 * drains the lists of ordinary nodes before they count as full, does not run
 * there. Not worth it for large folios, which fall back to small ones.
 *
 * Context: may sleep if @gfp says so, else does nothing.
 * Return: true if another try makes sense.
 */
bool node_private_drain(const nodemask_t *nodes, unsigned int order, gfp_t gfp)
{
	bool drained = false;
	struct zone *zone;
	int nid;

	if (order || !gfpflags_allow_blocking(gfp))
		return false;

	for_each_node_mask(nid, *nodes) {
		if (!node_state(nid, N_MEMORY_PRIVATE))
			continue;
		for (zone = NODE_DATA(nid)->node_zones;
		     zone < NODE_DATA(nid)->node_zones + MAX_NR_ZONES; zone++) {
			if (!populated_zone(zone))
				continue;
			drain_all_pages(zone);
			drained = true;
		}
	}
	return drained;
}

/**
 * node_private_free_pages - free pages that nobody gets without asking for them
 *
 * Memory that ordinary allocations cannot have must not count as available.
 *
 * Context: any.
 * Return: the number of free pages on all private nodes.
 */
unsigned long node_private_free_pages(void)
{
	unsigned long free = 0;
	int nid;

	for_each_node_mask(nid, node_private_registered)
		free += sum_zone_node_page_state(nid, NR_FREE_PAGES);
	return free;
}
EXPORT_SYMBOL_GPL(node_private_free_pages);

/**
 * node_private_file_pages - page cache that was demoted to private nodes
 *
 * To reclaim it makes no memory available to anybody.
 *
 * Context: any.
 * Return: the number of pages on the file LRU lists of all private nodes.
 */
unsigned long node_private_file_pages(void)
{
	unsigned long pages = 0;
	int nid;

	for_each_node_mask(nid, node_private_registered) {
		pages += node_page_state(NODE_DATA(nid), NR_ACTIVE_FILE);
		pages += node_page_state(NODE_DATA(nid), NR_INACTIVE_FILE);
	}
	return pages;
}

static unsigned long private_pages_at(unsigned long pfn, unsigned long nr)
{
	const struct page *page = pfn_to_online_page(pfn);

	return page && node_is_private(page_to_nid(page)) ? nr : 0;
}

/*
 * What one PMD has, or, where an entry further up has no table below it, what
 * that has. The caller has disabled interrupts, so that tables stay what they are:
 * see gup_fast(). They may still change.
 */
static unsigned long private_pages_mapped(struct mm_struct *mm,
					  unsigned long addr, unsigned long *next)
{
	const unsigned long end = mm->task_size;
	pgd_t *pgdp = pgd_offset(mm, addr), pgd = pgdp_get(pgdp);
	unsigned long pages = 0;
	p4d_t *p4dp, p4d;
	pud_t *pudp, pud;
	pmd_t *pmdp, pmd;
	pte_t *ptep, *start, pte;

	*next = pgd_addr_end(addr, end);
	if (!pgd_present(pgd) || pgd_leaf(pgd))
		return 0;

	p4dp = p4d_offset_lockless(pgdp, pgd, addr);
	p4d = p4dp_get(p4dp);
	*next = p4d_addr_end(addr, end);
	if (!p4d_present(p4d) || p4d_leaf(p4d))
		return 0;

	pudp = pud_offset_lockless(p4dp, p4d, addr);
	pud = pudp_get(pudp);
	*next = pud_addr_end(addr, end);
	if (!pud_present(pud))
		return 0;
	if (pud_leaf(pud))
		return private_pages_at(pud_pfn(pud), (*next - addr) >> PAGE_SHIFT);

	pmdp = pmd_offset_lockless(pudp, pud, addr);
	pmd = pmdp_get_lockless(pmdp);
	*next = pmd_addr_end(addr, end);
	if (!pmd_present(pmd))
		return 0;
	if (pmd_leaf(pmd))
		return private_pages_at(pmd_pfn(pmd), (*next - addr) >> PAGE_SHIFT);

	start = pte_offset_map(&pmd, addr);
	if (!start)
		return 0;
	ptep = start;
	do {
		pte = ptep_get_lockless(ptep);
		if (pte_present(pte) && !pte_special(pte))
			pages += private_pages_at(pte_pfn(pte), 1);
	} while (ptep++, addr += PAGE_SIZE, addr != *next);
	pte_unmap(start);

	return pages;
}

/**
 * node_private_mm_pages - count what an mm maps from private nodes
 * @mm: the mm; the caller keeps its users from becoming none
 *
 * Looks at all its page tables, so it is for rare occasions. To keep a count
 * where rmap changes would cost every fork and exit in the system.
 *
 * Context: any that may have interrupts on; takes no lock. Others may change the
 * mappings meanwhile.
 * Return: the number of pages.
 */
unsigned long node_private_mm_pages(struct mm_struct *mm)
{
	unsigned long addr, next, flags, pages = 0;

	for (addr = 0; addr < mm->task_size; addr = next) {
		local_irq_save(flags);
		pages += private_pages_mapped(mm, addr, &next);
		local_irq_restore(flags);
	}
	return pages;
}

/**
 * node_private_add_allowed - add the private nodes that opted in to a service
 * @nodes: the nodes to add to
 * @opt: the service
 *
 * Context: any.
 */
void node_private_add_allowed(nodemask_t *nodes, enum node_private_opt opt)
{
	nodemask_t private;

	nodes_and(private, node_states[N_MEMORY_PRIVATE],
		  node_private_allowed[opt]);
	nodes_or(*nodes, *nodes, private);
}

/**
 * node_private_next_target - find the next nearest node to demote to
 * @nid: where from
 * @used: nodes that do not count; the result is added to them
 *
 * As find_next_best_node(), with the private nodes that opted in.
 *
 * Context: any.
 * Return: the node, or NUMA_NO_NODE.
 */
int node_private_next_target(int nid, nodemask_t *used)
{
	nodemask_t targets = node_states[N_MEMORY];
	int best = NUMA_NO_NODE;
	int node;

	node_private_add_allowed(&targets, NODE_PRIVATE_DEMOTION);
	nodes_andnot(targets, targets, *used);
	for_each_node_mask(node, targets) {
		if (node == nid)
			continue;
		if (best == NUMA_NO_NODE ||
		    node_distance(nid, node) < node_distance(nid, best))
			best = node;
	}
	if (best != NUMA_NO_NODE)
		node_set(best, *used);
	return best;
}
