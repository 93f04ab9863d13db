/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How large what every node has is, with 1 << SIZES_SHIFT nodes at most: as the
 * sizes of symbols, for nm. Nothing of this runs.
 */
#undef CONFIG_NODES_SHIFT
#define CONFIG_NODES_SHIFT SIZES_SHIFT
#include <linux/mmzone.h>
#include <linux/nodemask.h>

char size_pglist_data[sizeof(struct pglist_data)];
char size_zonelists[sizeof_field(struct pglist_data, node_zonelists)];
char size_node_states[sizeof(node_states)];
