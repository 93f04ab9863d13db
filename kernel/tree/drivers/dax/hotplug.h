/* SPDX-License-Identifier: GPL-2.0 */
/* Plugging the memory of a dax device into the system, for kmem and anondax. */
#ifndef __DAX_HOTPLUG_H__
#define __DAX_HOTPLUG_H__

#include <linux/ioport.h>
#include <linux/memory_hotplug.h>
#include <linux/mutex.h>
#include <linux/range.h>

struct dev_dax;
struct device;
struct memory_dev_type;

/**
 * struct dax_hotplug_range - one memory-block-aligned range of a dax device
 * @range: the addresses
 * @res: their reservation; NULL while they are not to be plugged
 */
struct dax_hotplug_range {
	struct range range;
	struct resource *res;
};

/**
 * struct dax_hotplug - the memory of a dax device that can be plugged
 * @res_name: name of the reservations
 * @mem_name: name of the memory, "System RAM (...)", outlives all memory
 * @mhp_flags: what to add it with
 * @atomic: plug all ranges or none, where kmem plugs what it can
 * @mgid: static memory group of the device
 * @state: DAX_KMEM_UNPLUGGED or an MMOP_* online type
 * @lock: serializes changes of @state
 * @nr_range: size of @ranges
 * @ranges: the ranges, those too small to be plugged left out
 */
struct dax_hotplug {
	const char *res_name;
	const char *mem_name;
	mhp_t mhp_flags;
	bool atomic;
	int mgid;
	int state;
	struct mutex lock; /* protects hotplug state transitions */
	int nr_range;
	struct dax_hotplug_range ranges[] __counted_by(nr_range);
};

struct dax_hotplug *dax_hotplug_alloc(struct dev_dax *dev_dax, int nid,
				      const char *mem_name);
void dax_hotplug_free(struct dax_hotplug *hp);
bool dax_hotplug_is_online(const struct dax_hotplug *hp);
int dax_hotplug_reserve(struct device *dev, struct dax_hotplug *hp);
void dax_hotplug_release(struct dax_hotplug *hp);
int dax_hotplug_plug(struct device *dev, struct dax_hotplug *hp,
		     int online_type);
int dax_hotplug_unplug(struct device *dev, struct dax_hotplug *hp);
int dax_hotplug_remove_offline(struct device *dev, struct dax_hotplug *hp);
int dax_hotplug_parse_state(const char *buf);
ssize_t dax_hotplug_show_state(const struct dax_hotplug *hp, char *buf);
int dax_hotplug_adistance(int nid);
struct memory_dev_type *dax_hotplug_memory_type(int adistance);

#endif
