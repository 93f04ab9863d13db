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
 *    included. Only node_private_zonelist() has it, and only an allocation
 *    admitted by node_private_admit() looks there: a folio, inside memalloc_private,
 *    that names the node.
 *  - A service of mm acts on the node's folios only if the owner switched it
 *    on: see enum node_private_opt.
 *
 * What the hooks in the rest of mm ask is decided here. They are behind a static
 * key that counts the claims, so that a system without private nodes pays
 * nothing for them.
 */

#define pr_fmt(fmt) "node_private: " fmt

#include <kunit/visibility.h>
#include <linux/bug.h>
#include <linux/compaction.h>
#include <linux/cpu.h>
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
#include <linux/notifier.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/suspend.h>
#include <linux/sysfs.h>
#include <linux/swap.h>
#include <linux/topology.h>
#include <linux/vmstat.h>
#include <linux/wait.h>

#include "../internal.h"
#include "../page_alloc.h"
#include "internal.h"

#include <trace/events/node_private.h>

/*
 * Nodes that have an owner, and for each service those of them that it keeps off:
 * one bit says so of any node. Readers test single bits without a lock. A bit of
 * node_private_registered changes only while the node has no memory, so whoever
 * holds one of its folios sees it stable; the others are switches whose old value
 * is as good as the new one for an operation that already runs.
 */
nodemask_t node_private_registered __read_mostly;
EXPORT_SYMBOL_GPL(node_private_registered);
nodemask_t node_private_denied[NR_NODE_PRIVATE_OPTS] __read_mostly;
EXPORT_SYMBOL_GPL(node_private_denied);

/*
 * N_MEMORY and N_MEMORY_PRIVATE in one, kept up to date while there is a claim
 * and changed under lock_device_hotplug().
 */
nodemask_t node_private_memory_map __read_mostly;
EXPORT_SYMBOL_GPL(node_private_memory_map);

/*
 * Of each node, all nodes with memory by distance: what an allocation that was
 * admitted walks, within the nodes that it named. They are made for the first
 * claim and stay, for who walks them takes no lock.
 */
struct zonelist *node_private_zonelists[MAX_NUMNODES] __read_mostly;

DEFINE_STATIC_KEY_FALSE(node_private_key);
EXPORT_SYMBOL_GPL(node_private_key);

/*
 * The claims. Whoever changes them also holds lock_device_hotplug(), which
 * keeps memory from coming or going meanwhile; the mutex, taken inside of it,
 * is enough to read them.
 */
struct list_head node_private_claims = LIST_HEAD_INIT(node_private_claims);
EXPORT_SYMBOL_IF_KUNIT(node_private_claims);
VISIBLE_IF_KUNIT struct mutex node_private_lock = __MUTEX_INITIALIZER(node_private_lock);
EXPORT_SYMBOL_IF_KUNIT(node_private_lock);

/*
 * Nodes whose memory is being taken away. Whoever needs a page of one meanwhile waits
 * for how it ends, for in between there is none to be had: see vmf_oom_fault().
 */
nodemask_t node_private_leaving __read_mostly;
DECLARE_WAIT_QUEUE_HEAD(node_private_left);

bool node_private_hibernating;

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

static void node_private_publish(int nid, unsigned long opts)
{
	int opt;

	for (opt = 0; opt < NR_NODE_PRIVATE_OPTS; opt++) {
		if (opts & BIT(opt))
			node_clear(nid, node_private_denied[opt]);
		else
			node_set(nid, node_private_denied[opt]);
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
	int cpu;

	if (node_state(nid, N_MEMORY) || node_has_memory_blocks(nid)) {
		pr_err("node %d has ordinary memory, it cannot be private\n",
		       nid);
		return -EBUSY;
	}
	/* Those as well that may come later: local memory would be private. */
	for_each_possible_cpu(cpu) {
		if (cpu_to_node(cpu) == nid) {
			pr_err("node %d has CPUs, it cannot be private\n", nid);
			return -EBUSY;
		}
	}
	return 0;
}

/* Kept up to date by build_all_zonelists(), with the others. */
static int node_private_alloc_zonelists(void)
{
	const size_t size = struct_size_t(struct zonelist, _zonerefs, 0) +
			    (nr_node_ids * MAX_NR_ZONES + 1) * sizeof(struct zoneref);
	struct zonelist *zonelist;
	bool first = false;
	int nid;

	for_each_node(nid) {
		if (node_private_zonelists[nid])
			continue;
		zonelist = kvzalloc(size, GFP_KERNEL);
		if (!zonelist)
			return -ENOMEM;
		/* Whoever finds it finds it empty, until it is built below. */
		smp_store_release(&node_private_zonelists[nid], zonelist);
		first = true;
	}
	/* Before the claim is there: reclaim for a memory cgroup walks them as well. */
	if (first)
		build_all_zonelists(NULL);
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
 * -EADDRINUSE where it has other opts or another abstract distance, -ENOMEM.
 */
int node_private_register(int nid, struct node_private *np)
{
	static unsigned long last_id; /* under node_private_lock */
	const struct node_private *other;
	int rc = 0;

	if (nid < 0 || nid >= MAX_NUMNODES || !node_possible(nid))
		return -EINVAL;
	if (!np->owner || !np->name || np->opts & ~NODE_PRIVATE_OPT_ALL)
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
	if (!rc)
		rc = node_private_alloc_zonelists();
	if (!rc && !other)
		rc = node_private_begin_stat(nid);
	if (rc)
		goto out;

	np->nid = nid;
	if (!other)
		WRITE_ONCE(NODE_DATA(nid)->private_claim, ++last_id);
	np->id = NODE_DATA(nid)->private_claim;
	list_add_tail(&np->list, &node_private_claims);
	node_private_publish(nid, np->opts);
	node_set(nid, node_private_registered);
	node_private_memory_changed();
	/* Last: whoever sees the key on finds the masks complete. */
	static_branch_inc(&node_private_key);
out:
	mutex_unlock(&node_private_lock);
	if (!rc && !other)
		node_private_update_files(nid);
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
	bool last = false;
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
		WRITE_ONCE(NODE_DATA(nid)->private_claim, 0);
		node_clear(nid, node_private_registered);
		node_private_publish(nid, NODE_PRIVATE_OPT_ALL);
		last = true;
	}
	np->id = 0;
	static_branch_dec(&node_private_key);
out:
	mutex_unlock(&node_private_lock);
	if (last)
		node_private_update_files(nid);
	unlock_device_hotplug();
	return rc;
}
EXPORT_SYMBOL_GPL(node_private_unregister);

/* For the file private_owner. Nobody who holds the lock waits for who reads that. */
ssize_t node_private_show_owner(int nid, char *buf)
{
	const struct node_private *np;

	ACQUIRE(mutex_intr, lock)(&node_private_lock);
	if (ACQUIRE_ERR(mutex_intr, &lock))
		return -ERESTARTSYS;

	np = node_private_claim(nid);
	return np ? sysfs_emit(buf, "%s\n", np->name) : -ENODEV;
}

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
		}
	}
	if (changed & NODE_PRIVATE_OPT_DEMOTION)
		memory_tiers_update_targets();
}

static void __node_private_set_opts(struct node_private *np, unsigned long mask,
				    unsigned long opts)
{
	struct node_private *other;
	unsigned long changed;

	scoped_guard(mutex, &node_private_lock) {
		opts = (np->opts & ~mask) | (opts & mask);
		changed = opts ^ np->opts;
		if (changed)
			trace_node_private_opts(np->nid, np->opts, opts);
		list_for_each_entry(other, &node_private_claims, list) {
			if (other->nid == np->nid)
				other->opts = opts;
		}
		node_private_publish(np->nid, opts);
		/* Asked for again, reclaim gets another try at the threads that did not start. */
		node_private_apply(np->nid, changed | (mask & opts & NODE_PRIVATE_OPT_RECLAIM),
				   opts);
	}

	/* What needs a grant is effective in other cpusets than what does not. */
	if (IS_ENABLED(CONFIG_CPUSETS) && (changed & NODE_PRIVATE_OPT_CPUSET)) {
		guard(cpus_read_lock)();
		cpuset_update_active_cpus();
	}
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
	int rc;

	if ((mask | opts) & ~NODE_PRIVATE_OPT_ALL)
		return -EINVAL;

	/* An unplug takes minutes, perhaps; who waits can be interrupted. */
	rc = lock_device_hotplug_sysfs();
	if (rc)
		return rc;
	__node_private_set_opts(np, mask, opts);
	unlock_device_hotplug();
	return 0;
}
EXPORT_SYMBOL_GPL(node_private_set_opts);

/**
 * node_private_abandon - switch all services off, on behalf of who leaves memory behind
 * @np: a claim on the node
 *
 * For an owner whose last device goes while memory is in use: what is there stays, and
 * nothing is left that could switch a service off. Who may have it is no service: to need
 * a grant for that lets nobody in.
 *
 * Context: process context, may sleep. Takes lock_device_hotplug().
 */
void node_private_abandon(struct node_private *np)
{
	lock_device_hotplug();
	__node_private_set_opts(np, NODE_PRIVATE_OPT_ALL & ~NODE_PRIVATE_OPT_CPUSET, 0);
	unlock_device_hotplug();
}
EXPORT_SYMBOL_GPL(node_private_abandon);

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
	update_nr_online_nodes();
}

/*
 * An image has what is on a private node, but at resume nobody has plugged it, and
 * by then the only copy of everything else is gone. Refused at once, the machine
 * runs on; and none is plugged until it is over.
 */
static int node_private_pm_notify(struct notifier_block *nb, unsigned long action,
				  void *data)
{
	int rc = 0;

	lock_device_hotplug();
	switch (action) {
	case PM_HIBERNATION_PREPARE:
		if (!nodes_empty(node_states[N_MEMORY_PRIVATE])) {
			pr_err("no hibernation while private nodes (%*pbl) have memory: unplug it first\n",
			       nodemask_pr_args(&node_states[N_MEMORY_PRIVATE]));
			rc = -EBUSY;
			break;
		}
		node_private_hibernating = true;
		break;
	case PM_POST_HIBERNATION:
		node_private_hibernating = false;
		break;
	}
	unlock_device_hotplug();
	return notifier_from_errno(rc);
}

/* Nor is any of its memory put online that was plugged before. */
static int node_private_memory_notify(struct notifier_block *nb, unsigned long action,
				      void *data)
{
	const struct memory_notify *arg = data;
	const int nid = pfn_to_nid(arg->start_pfn);

	if (!node_is_private(nid))
		return NOTIFY_DONE;

	if (action == MEM_GOING_ONLINE && node_private_hibernating) {
		pr_err("node %d: no memory comes online while the system hibernates\n", nid);
		return notifier_from_errno(-EBUSY);
	}
	return NOTIFY_DONE;
}

static struct notifier_block node_private_memory_nb = {
	.notifier_call = node_private_memory_notify,
};

static struct notifier_block node_private_pm_nb = {
	.notifier_call = node_private_pm_notify,
};

/* Nodes that have had memory since the boot, for who looks before there is any other. */
static int __init node_private_init(void)
{
	lock_device_hotplug();
	node_private_memory_changed();
	unlock_device_hotplug();
	register_memory_notifier(&node_private_memory_nb);
	return register_pm_notifier(&node_private_pm_nb);
}
subsys_initcall(node_private_init);

/* node_private_advised(), of a private node. */
bool node_private_allows_advice(int nid)
{
	return node_private_allows(nid, current->flags & PF_KTHREAD ?
				   NODE_PRIVATE_RECLAIM : NODE_PRIVATE_MADVISE);
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

	nodes_andnot(private, node_states[N_MEMORY_PRIVATE], node_private_denied[opt]);
	nodes_or(*nodes, *nodes, private);
}

