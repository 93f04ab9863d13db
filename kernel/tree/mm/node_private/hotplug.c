// SPDX-License-Identifier: GPL-2.0
/* Private memory nodes: memory that is plugged and unplugged */

#define pr_fmt(fmt) "node_private: " fmt

#include <linux/export.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/node_private.h>
#include <linux/sched.h>

#include "internal.h"

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
	if (private && node_private_hibernating) {
		pr_err("node %d: no memory is plugged while the system hibernates\n", nid);
		return -EBUSY;
	}
	if (private == node_is_private(nid))
		return 0;
	if (private)
		return -EINVAL;
	pr_err("node %d is private, ordinary memory cannot be added to it\n",
	       nid);
	return -EBUSY;
}

/* A folio that somebody else holds for a moment is worth so much patience: in ms. */
#define NODE_PRIVATE_OFFLINE_PATIENCE	500

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
		progress->since = jiffies;
		return false;
	}
	if (time_after(jiffies, progress->since +
				msecs_to_jiffies(NODE_PRIVATE_OFFLINE_PATIENCE))) {
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

