// SPDX-License-Identifier: GPL-2.0
/* Private memory nodes: who gets a page of one */

#include <linux/cpuset.h>
#include <linux/gfp.h>
#include <linux/huge_mm.h>
#include <linux/mmzone.h>
#include <linux/node_private.h>
#include <linux/sched/mm.h>
#include <linux/swap.h>

#include "../internal.h"
#include "../page_alloc.h"

/**
 * node_private_admit - does an allocation reach private nodes?
 * @scopes: the task's PF_MEMALLOC_PRIVATE and PF_MEMALLOC_FOLIO
 * @gfp: its flags
 * @nid: its preferred node
 * @nodemask: its nodes, or NULL for any
 * @nodes: filled with the nodes it may use if it is admitted
 *
 * Only a folio inside memalloc_private that names a private node is admitted,
 * and never to a private node that it did not name: its nodemask names nodes,
 * without one its preferred node does.
 *
 * Context: any.
 * Return: true if the allocation is to walk node_private_zonelist(), within @nodes.
 */
bool node_private_admit(unsigned int scopes, gfp_t gfp, int nid,
			const nodemask_t *nodemask, nodemask_t *nodes)
{
	const nodemask_t *private = &node_states[N_MEMORY_PRIVATE];

	if (scopes != (PF_MEMALLOC_PRIVATE | PF_MEMALLOC_FOLIO))
		return false;

	if (nodemask) {
		*nodes = *nodemask;
	} else {
		*nodes = nodemask_of_node(nid);
		/* Pseudo-private: the node has a FALLBACK list of its own. */
		if (node_private_is_pseudo(nid))
			nodes_or(*nodes, *nodes, node_states[N_MEMORY]);
	}

	if (gfp & __GFP_THISNODE) {
		nodemask_t this = nodemask_of_node(nid);

		/* The flag stays: it also says not to reclaim for THP. */
		nodes_and(*nodes, *nodes, this);
	}

	return nodes_intersects(*nodes, *private);
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
 * node_private_drain - give back what only the kernel's own caches hold of private nodes
 * @nodes: the nodes of an allocation that failed
 * @order: its order
 * @gfp: its flags
 * @stage: how often it was tried so, from 0 on; each costs more than the one before
 *
 * A private node is to be usable to its last page: free pages on per-CPU lists,
 * folios that were freed on their way to the LRU, what nobody maps of huge folios
 * that wait to be split. Not worth it for large folios, which fall back to small
 * ones.
 *
 * Context: may sleep if @gfp says so, else does nothing.
 * Return: true if another try makes sense.
 */
bool node_private_drain(const nodemask_t *nodes, unsigned int order, gfp_t gfp,
			int stage)
{
	unsigned long split = 0;
	struct zone *zone;
	int nid;

	if (order || !gfpflags_allow_blocking(gfp))
		return false;

	switch (stage) {
	case 0:
		/* What this task has just given back, most often. */
		lru_add_drain();
		break;
	case 1:
		lru_add_drain_all();
		break;
	case 2:
		for_each_node_mask(nid, *nodes)
			split += split_partially_mapped(nid);
		if (!split)
			return false;
		break;
	default:
		return false;
	}

	for_each_populated_zone(zone) {
		if (node_isset(zone_to_nid(zone), *nodes))
			drain_all_pages(zone);
	}
	return true;
}
