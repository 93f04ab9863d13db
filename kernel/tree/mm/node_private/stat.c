// SPDX-License-Identifier: GPL-2.0
/*
 * Private memory nodes: who was served and who was refused
 *
 * Linux counts much of every node. What it cannot know is who had the memory of one that
 * is private, and who was kept off and why. That is counted here, for each CPU, from the
 * node's first claim on; a new owner sees what has come since. Nothing of it is on a way
 * that ordinary allocations go.
 */

#define pr_fmt(fmt) "node_private: " fmt

#include <kunit/visibility.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/cpumask.h>
#include <linux/device.h>
#include <linux/gfp.h>
#include <linux/migrate.h>
#include <linux/mm.h>
#include <linux/node.h>
#include <linux/node_private.h>
#include <linux/percpu.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include <linux/topology.h>

#include "internal.h"

#define CREATE_TRACE_POINTS
#include <trace/events/node_private.h>

static const char * const node_private_event_names[NR_NODE_PRIVATE_EVENTS] = {
	[NODE_PRIVATE_ALLOC_OWNER]	= "alloc_owner",
	[NODE_PRIVATE_ALLOC_DAX]	= "alloc_dax",
	[NODE_PRIVATE_ALLOC_MBIND]	= "alloc_mbind",
	[NODE_PRIVATE_ALLOC_SHMEM]	= "alloc_shmem",
	[NODE_PRIVATE_ALLOC_MIGRATE]	= "alloc_migrate",
	[NODE_PRIVATE_SWAP_IN]		= "swap_in",
	[NODE_PRIVATE_DEMOTE_IN]	= "demote_in",
	[NODE_PRIVATE_BALANCE_OUT]	= "numa_balance_out",
	[NODE_PRIVATE_REFUSED_FULL]	= "refused_full",
	[NODE_PRIVATE_REFUSED_KNOB]	= "refused_knob",
	[NODE_PRIVATE_REFUSED_CPUSET]	= "refused_cpuset",
	[NODE_PRIVATE_REFUSED_CLAIM]	= "refused_claim",
	[NODE_PRIVATE_FAULT_SIGBUS]	= "fault_sigbus",
	[NODE_PRIVATE_UNPLUG_FAILED]	= "unplug_failed",
};

static unsigned long node_private_total(const pg_data_t *pgdat, enum node_private_event event)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(pgdat->private_stat, cpu)->event[event]);
	return sum;
}

/*
 * A node's first claim: what has been counted under earlier ones is nothing to it. They
 * may still be counting, so what there is stays, and so does the memory. To be called
 * before the claim is in the masks.
 */
int node_private_begin_stat(int nid)
{
	pg_data_t *pgdat = NODE_DATA(nid);
	struct node_private_stat __percpu *stat;
	int i;

	/* That many fit in task_struct. */
	BUILD_BUG_ON(BIT(4) <= NR_NODE_PRIVATE_EVENTS);

	/* Not for each CPU: what fills chunks of per-CPU memory costs those who search them. */
	if (!pgdat->private_before)
		pgdat->private_before = kzalloc_obj(*pgdat->private_before);
	if (!pgdat->private_before)
		return -ENOMEM;
	if (!pgdat->private_stat) {
		stat = alloc_percpu(struct node_private_stat);
		if (!stat)
			return -ENOMEM;
		/* With what is in it: all zero. */
		smp_store_release(&pgdat->private_stat, stat);
	}
	for (i = 0; i < NR_NODE_PRIVATE_EVENTS; i++)
		pgdat->private_before->event[i] = node_private_total(pgdat, i);
	return 0;
}

/**
 * node_private_sum - what has been counted under a node's claim
 * @nid: the node
 * @event: of what
 *
 * Context: any. While the node is claimed.
 * Return: the sum of all CPUs.
 */
unsigned long node_private_sum(int nid, enum node_private_event event)
{
	const pg_data_t *pgdat = NODE_DATA(nid);

	return node_private_total(pgdat, event) - pgdat->private_before->event[event];
}
EXPORT_SYMBOL_IF_KUNIT(node_private_sum);

/* Somebody has named the node and does not get it. */
void node_private_refuse(int nid, enum node_private_event reason)
{
	if (node_private_looks())
		return;
	node_private_count(nid, reason, 1);
	trace_node_private_refused(nid, reason);
}
EXPORT_SYMBOL_IF_KUNIT(node_private_refuse);

/*
 * There was nothing for an allocation. The node is not full if it has no zone for that, or
 * is being unplugged.
 */
void node_private_refuse_full(int nid, gfp_t gfp)
{
	enum zone_type i = gfp_zone(gfp) + 1;

	while (i--) {
		if (!managed_zone(&NODE_DATA(nid)->node_zones[i]))
			continue;
		if (!node_isset(nid, node_private_leaving))
			node_private_refuse(nid, NODE_PRIVATE_REFUSED_FULL);
		break;
	}
}

/* Is a node looked at before the one that has the page? As build_private_zonelist() has it. */
static bool node_private_before(int node, int got, int nid)
{
	if (node == nid || got == nid)
		return node == nid;
	if (node_distance(nid, node) != node_distance(nid, got))
		return node_distance(nid, node) < node_distance(nid, got);
	return node < got;
}

/*
 * What came of an allocation that was admitted by its scopes. If there is nothing, each
 * node that was named is full; else those that it went past.
 *
 * Context: with the flags that the task had in the allocator.
 */
void node_private_answered(enum node_private_event event, const nodemask_t *nodes, int nid,
			   unsigned int order, gfp_t gfp, const struct page *page)
{
	const int got = page ? page_to_nid(page) : NUMA_NO_NODE;
	int full;

	if (event == NR_NODE_PRIVATE_EVENTS)
		return;

	trace_node_private_alloc(event, nid, order, gfp, got);
	if (page && node_is_private(got))
		node_private_count(got, event, 1UL << order);
	for_each_node_mask(full, *nodes) {
		if (got != full && (!page || node_private_before(full, got, nid)) &&
		    node_state(full, N_MEMORY_PRIVATE))
			node_private_refuse_full(full, current_gfp_context(gfp));
	}
}

/* A folio has moved. What else moves it is counted where it is allocated. */
void node_private_moved(const struct folio *src, const struct folio *dst, int reason)
{
	if (reason == MR_DEMOTION && node_is_private(folio_nid(dst)))
		node_private_count(folio_nid(dst), NODE_PRIVATE_DEMOTE_IN, folio_nr_pages(dst));
	if (reason == MR_NUMA_MISPLACED && node_is_private(folio_nid(src)))
		node_private_count(folio_nid(src), NODE_PRIVATE_BALANCE_OUT, folio_nr_pages(dst));
}

/* And one was swapped in. */
void node_private_swapped_in(const struct folio *folio)
{
	if (node_is_private(folio_nid(folio)))
		node_private_count(folio_nid(folio), NODE_PRIVATE_SWAP_IN, folio_nr_pages(folio));
}

static ssize_t private_stat_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	int len = 0, i;

	for (i = 0; i < NR_NODE_PRIVATE_EVENTS; i++)
		len += sysfs_emit_at(buf, len, "%s %lu\n", node_private_event_names[i],
				     node_private_sum(dev->id, i));
	return len;
}
static DEVICE_ATTR_RO(private_stat);

static ssize_t private_owner_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return node_private_show_owner(dev->id, buf);
}
static DEVICE_ATTR_RO(private_owner);

static struct attribute *node_private_attrs[] = {
	&dev_attr_private_owner.attr,
	&dev_attr_private_stat.attr,
	NULL
};

static umode_t node_private_attr_visible(struct kobject *kobj, struct attribute *attr, int n)
{
	return node_is_private(kobj_to_dev(kobj)->id) ? attr->mode : 0;
}

/* Of each node's device, see drivers/base/node.c. */
const struct attribute_group node_private_attr_group = {
	.attrs = node_private_attrs,
	.is_visible = node_private_attr_visible,
};

/*
 * The files come and go with the claims. Most nodes get their device with the first memory
 * and lose it with the last, but one may be online for another reason. Not under
 * node_private_lock, which who reads the files may wait for.
 *
 * Context: under lock_device_hotplug().
 */
void node_private_update_files(int nid)
{
	struct node *node = node_devices[nid];

	if (node && sysfs_update_group(&node->dev.kobj, &node_private_attr_group))
		pr_warn("node %d: its files private_owner and private_stat are missing\n", nid);
}
