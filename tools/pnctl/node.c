// SPDX-License-Identifier: GPL-2.0
/* Nodes: which there are, how large, how far away. */
#include <dirent.h>
#include <limits.h>
#include <numa.h>
#include <string.h>

#include "pnctl.h"

/*
 * Is it in a list like "0-1,3"? Not by libnuma, which knows the nodes that there were
 * when the program began.
 */
static bool list_has(const char *list, unsigned int node)
{
	unsigned int first, last;
	int n;

	while (sscanf(list, "%u%n", &first, &n) == 1) {
		list += n;
		last = first;
		if (sscanf(list, "-%u%n", &last, &n) == 1)
			list += n;
		if (first <= node && node <= last)
			return true;
		if (*list++ != ',')
			break;
	}
	return false;
}

bool node_in(int node, const char *file)
{
	return node >= 0 && list_has(attr_read(SYS_NODE "/%s", file).s, node);
}

/* The private node after that one, or -1. */
int node_next_private(int node)
{
	struct text list = attr_read(SYS_NODE "/has_private_memory");

	while (++node < MAX_NODES) {
		if (list_has(list.s, node))
			return node;
	}
	return -1;
}

bool kernel_has_private_nodes(void)
{
	return exists(SYS_NODE "/has_private_memory");
}

int node_parse(const char *word, int *node)
{
	unsigned long n;

	if (!parse_number(word, 10, INT_MAX, &n))
		return usage_error("'%.64s' is no node: that is a number", word);
	if (!exists(SYS_NODE "/node%lu", n)) {
		error("there is no node %lu", n);
		return cure(PN_ABSENT,
			    "'pnctl list' shows the nodes of devices; a node is there while it has memory or CPUs");
	}
	*node = n;
	return 0;
}

/* A private one that has memory. */
bool node_online(int node)
{
	return node_in(node, "has_private_memory");
}

/* It is our driver's, and none of its devices has that driver any more. */
bool node_left_behind(const struct devices *all, int node)
{
	struct text owner = node_owner(node);
	size_t i;

	if (!node_online(node) || (!owner.err && strcmp(owner.s, "anondax")))
		return false;
	for (i = 0; i < all->n; i++) {
		if (all->v[i].node == node && device_is_private(&all->v[i]) &&
		    device_plugged(&all->v[i]))
			return false;
	}
	return true;
}

unsigned long long node_size(int node, unsigned long long *unused)
{
	long long size, left = 0;

	size = numa_node_size64(node, &left);
	*unused = left > 0 ? left : 0;
	return size > 0 ? size : 0;
}

/* "memory_tier4" is tier 4: the less, the faster. */
struct text node_tier(int node)
{
	static const char dir[] = "/sys/devices/virtual/memory_tiering";
	struct text tier = { .err = -1 };
	struct dirent *e;
	DIR *tiers;

	tiers = opendir(dir);
	while (tiers && (e = readdir(tiers))) {
		unsigned int n;

		if (sscanf(e->d_name, "memory_tier%u", &n) != 1)
			continue;
		if (list_has(attr_read("%s/%s/nodelist", dir, e->d_name).s, node))
			tier = text("%u", n);
	}
	if (tiers)
		closedir(tiers);
	return tier;
}
