/* SPDX-License-Identifier: GPL-2.0 */
/* Plugging the memory of a dax device into the system, for kmem and anondax. */
#ifndef __DAX_HOTPLUG_H__
#define __DAX_HOTPLUG_H__

#include <linux/ioport.h>
#include <linux/memory_hotplug.h>
#include <linux/mutex.h>
#include <linux/range.h>
#include "dax-private.h"

struct dev_dax;
struct device;
struct memory_dev_type;
struct node_private;

/**
 * struct dax_hotplug_range - one memory-block-aligned range of a dax device
 * @range: the addresses
 * @res: their reservation; NULL while they are not to be plugged
 * @mapping: the number of the device's range that it is, for messages
 * @added: private memory of it is there, online or not
 * @used: it was, and has not been zeroed since
 */
struct dax_hotplug_range {
	struct range range;
	struct resource *res;
	int mapping;
	bool added;
	bool used;
};

/**
 * struct dax_hotplug - the memory of a dax device that can be plugged
 * @res_name: name of the reservations
 * @mem_name: name of the memory, "System RAM (...)", outlives all memory
 * @mhp_flags: what to add it with
 * @mgid: static memory group of the device
 * @state: DAX_KMEM_UNPLUGGED or an MMOP_* online type
 * @lock: serializes changes of @state, where nothing else does
 * @nr_range: size of @ranges
 * @ranges: the ranges, those too small to be plugged left out
 */
struct dax_hotplug {
	const char *res_name;
	const char *mem_name;
	mhp_t mhp_flags;
	int mgid;
	int state;
	struct mutex lock; /* protects hotplug state transitions */
	int nr_range;
	struct dax_hotplug_range ranges[] __counted_by(nr_range);
};

/* What memory of a device is added with: the device's file may change it. */
static inline mhp_t dax_hotplug_flags(const struct dev_dax *dev_dax)
{
	return MHP_NID_IS_MGID | (dev_dax->memmap_on_memory ? MHP_MEMMAP_ON_MEMORY : MHP_NONE);
}

struct dax_hotplug *dax_hotplug_alloc(struct dev_dax *dev_dax, int nid,
				      const char *mem_name);
void dax_hotplug_free(struct dax_hotplug *hp);
int dax_hotplug_reserve(struct device *dev, struct dax_hotplug *hp);
void dax_hotplug_release(struct dax_hotplug *hp);
int dax_hotplug_plug(struct device *dev, struct dax_hotplug *hp,
		     int online_type);
int dax_hotplug_unplug(struct device *dev, struct dax_hotplug *hp);
int dax_hotplug_remove_offline(struct device *dev, struct dax_hotplug *hp);
/* Private memory, private.c. */
int dax_private_reserve(struct device *dev, struct dax_hotplug *hp);
int dax_private_plug(struct device *dev, struct dax_hotplug *hp,
		     struct node_private *np, int online_type);
int dax_private_unplug(struct device *dev, struct dax_hotplug *hp,
		       struct node_private *np);
int dax_private_scrub(struct device *dev, struct dax_hotplug *hp, bool zero);
bool dax_private_is_clean(struct dax_hotplug *hp);
bool dax_private_is_online(struct dax_hotplug *hp);
bool dax_private_has(struct dax_hotplug *hp, u64 start, u64 end);
int dax_private_remove_offline(struct device *dev, struct dax_hotplug *hp,
			       struct node_private *np);
int dax_private_leave(struct device *dev, struct dax_hotplug *hp,
		      struct node_private *np);

int dax_hotplug_parse_state(const char *buf);
const char *dax_hotplug_state_name(const struct dax_hotplug *hp);
ssize_t dax_hotplug_show_state(const struct dax_hotplug *hp, char *buf);
int dax_hotplug_adistance(int nid);
struct memory_dev_type *dax_hotplug_memory_type(int adistance);

#endif
