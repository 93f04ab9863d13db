// SPDX-License-Identifier: GPL-2.0
/* Private memory nodes: their place among the demotion targets */

#include <linux/node_private.h>
#include <linux/nodemask.h>
#include <linux/topology.h>

#include "../internal.h"

/**
 * node_private_next_target - find the next nearest node to demote to
 * @nid: where from
 * @used: nodes that do not count; the result is added to them
 *
 * find_next_best_node() says which ordinary node it would be, as without private
 * nodes; one of those that opted in is before it where it is nearer.
 *
 * Context: under memory_tier_lock.
 * Return: the node, or NUMA_NO_NODE.
 */
int node_private_next_target(int nid, nodemask_t *used)
{
	nodemask_t targets = NODE_MASK_NONE, used_ordinary = *used;
	int ordinary, node, best = NUMA_NO_NODE;

	node_private_add_allowed(&targets, NODE_PRIVATE_DEMOTION);
	nodes_andnot(targets, targets, *used);
	for_each_node_mask(node, targets) {
		if (node != nid && (best == NUMA_NO_NODE ||
				    node_distance(nid, node) < node_distance(nid, best)))
			best = node;
	}

	ordinary = find_next_best_node(nid, &used_ordinary);
	if (ordinary != NUMA_NO_NODE &&
	    (best == NUMA_NO_NODE ||
	     node_distance(nid, ordinary) <= node_distance(nid, best))) {
		*used = used_ordinary;
		return ordinary;
	}
	if (best != NUMA_NO_NODE)
		node_set(best, *used);
	return best;
}
