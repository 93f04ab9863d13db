// SPDX-License-Identifier: GPL-2.0
/* Private memory nodes: what must not count as available, or as anybody's */

#include <linux/export.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/node_private.h>
#include <linux/vmstat.h>

#include "internal.h"

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
 * node_private_lru_pages - what LRU lists of private nodes have
 * @lists: which lists, a bit for each enum lru_list
 * @unaged: only those that are not aged, for the owner does not want reclaim
 *
 * Context: any.
 * Return: the number of pages.
 */
unsigned long node_private_lru_pages(unsigned int lists, bool unaged)
{
	unsigned long pages = 0;
	enum lru_list lru;
	int nid;

	for_each_node_mask(nid, node_private_registered) {
		if (unaged && node_private_allows(nid, NODE_PRIVATE_RECLAIM))
			continue;
		for_each_lru(lru) {
			if (lists & BIT(lru))
				pages += node_page_state(NODE_DATA(nid), NR_LRU_BASE + lru);
		}
	}
	return pages;
}

/**
 * node_private_file_pages - what of NR_FILE_PAGES is on private nodes
 *
 * Page cache and swap cache that was demoted there, or swapped in.
 *
 * Context: any.
 * Return: the number of pages.
 */
unsigned long node_private_file_pages(void)
{
	unsigned long pages = 0;
	int nid;

	for_each_node_state(nid, N_MEMORY_PRIVATE)
		pages += node_page_state(NODE_DATA(nid), NR_FILE_PAGES);
	return pages;
}
EXPORT_SYMBOL_GPL(node_private_file_pages);

/**
 * node_private_undirtyable - take out what writes to files cannot have
 * @free: free pages of all nodes
 * @file: page cache of all nodes
 *
 * It is asked by everybody who dirties pages, and the sums take longer the more nodes
 * there are: they are made once a jiffy.
 *
 * Context: any. Who asks while somebody else sums up gets one sum or the other.
 */
void node_private_undirtyable(unsigned long *free, unsigned long *file)
{
	static unsigned long summed, private_free, private_file;
	const unsigned long now = jiffies;

	if (READ_ONCE(summed) != now) {
		WRITE_ONCE(private_free, node_private_free_pages());
		WRITE_ONCE(private_file, node_private_lru_pages(NODE_PRIVATE_LRU_FILE, false));
		WRITE_ONCE(summed, now);
	}
	*free -= min(*free, READ_ONCE(private_free));
	*file -= min(*file, READ_ONCE(private_file));
}
