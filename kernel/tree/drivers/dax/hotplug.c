// SPDX-License-Identifier: GPL-2.0
/*
 * Plugging the memory of a dax device into the system
 *
 * What kmem and anondax have in common: the ranges of a device, aligned to
 * memory blocks, their reservations, and adding, onlining, offlining and
 * removing the memory with the device's state going along.
 */
#include <linux/dax.h>
#include <linux/memory-tiers.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string_helpers.h>
#include "bus.h"
#include "dax-private.h"
#include "hotplug.h"

/*
 * Default abstract distance assigned to the NUMA node of a dax device
 * if the low level platform driver didn't initialize one for it.
 */
#define MEMTIER_DEFAULT_DAX_ADISTANCE	(MEMTIER_ADISTANCE_DRAM * 5)

/* The memory types that exist; they stay for as long as the module. */
static DEFINE_MUTEX(dax_memory_type_lock);
static LIST_HEAD(dax_memory_types);

/**
 * dax_hotplug_alloc - take stock of the memory that a dax device can plug
 * @dev_dax: the device
 * @nid: the node that the memory will be on
 * @mem_name: name for the memory, see struct dax_hotplug
 *
 * Context: process context, may sleep.
 * Return: the memory, unplugged and not reserved, or an ERR_PTR: -EINVAL if
 * no range is as large as a memory block, -ENOMEM.
 */
struct dax_hotplug *dax_hotplug_alloc(struct dev_dax *dev_dax, int nid,
				      const char *mem_name)
{
	unsigned long total_len = 0, orig_len = 0;
	struct device *dev = &dev_dax->dev;
	struct dax_hotplug *hp;
	int i, rc;

	hp = kzalloc_flex(*hp, ranges, dev_dax->nr_range);
	if (!hp)
		return ERR_PTR(-ENOMEM);

	/* Claimed in full for __counted_by; cut to what is used below. */
	hp->nr_range = dev_dax->nr_range;
	for (i = 0, rc = 0; i < dev_dax->nr_range; i++) {
		struct range *range = &dev_dax->ranges[i].range;
		struct range aligned = memory_block_aligned_range(range);

		orig_len += range_len(range);
		if (aligned.start >= aligned.end) {
			dev_info(dev, "mapping%d: %#llx-%#llx too small after alignment\n",
				 i, range->start, range->end);
			continue;
		}
		total_len += range_len(&aligned);
		hp->ranges[rc].range = aligned;
		hp->ranges[rc++].mapping = i;
	}
	hp->nr_range = rc;

	if (!total_len) {
		dev_warn(dev, "rejecting DAX region without any memory after alignment\n");
		rc = -EINVAL;
		goto err_free;
	} else if (total_len != orig_len) {
		char buf[16];

		string_get_size(orig_len - total_len, 1, STRING_UNITS_2,
				buf, sizeof(buf));
		dev_warn(dev, "DAX region truncated by %s due to alignment\n", buf);
	}

	rc = -ENOMEM;
	hp->res_name = kstrdup(dev_name(dev), GFP_KERNEL);
	if (!hp->res_name)
		goto err_free;

	rc = memory_group_register_static(nid, PFN_UP(total_len));
	if (rc < 0)
		goto err_res_name;

	hp->mgid = rc;
	hp->mem_name = mem_name;
	hp->mhp_flags = dax_hotplug_flags(dev_dax);
	hp->state = DAX_KMEM_UNPLUGGED;
	mutex_init(&hp->lock);
	return hp;

err_res_name:
	kfree(hp->res_name);
err_free:
	kfree(hp);
	return ERR_PTR(rc);
}
EXPORT_SYMBOL_FOR_MODULES(dax_hotplug_alloc, "kmem,anondax");

/**
 * dax_hotplug_free - undo dax_hotplug_alloc()
 * @hp: the memory, removed and released
 *
 * Context: process context, may sleep.
 */
void dax_hotplug_free(struct dax_hotplug *hp)
{
	memory_group_unregister(hp->mgid);
	mutex_destroy(&hp->lock);
	kfree(hp->res_name);
	kfree(hp);
}
EXPORT_SYMBOL_FOR_MODULES(dax_hotplug_free, "kmem,anondax");

/* Is the memory in one of the online states? */
static bool dax_hotplug_is_online(const struct dax_hotplug *hp)
{
	return hp->state == MMOP_ONLINE ||
	       hp->state == MMOP_ONLINE_KERNEL ||
	       hp->state == MMOP_ONLINE_MOVABLE;
}

static void dax_hotplug_release_range(struct dax_hotplug_range *r)
{
	if (!r->res)
		return;
	remove_resource(r->res);
	kfree(r->res);
	r->res = NULL;
}

/**
 * dax_hotplug_release - give the reservations of all ranges back
 * @hp: the memory, none of it added
 *
 * Context: process context, may sleep.
 */
void dax_hotplug_release(struct dax_hotplug *hp)
{
	for (int i = 0; i < hp->nr_range; i++)
		dax_hotplug_release_range(&hp->ranges[i]);
}
EXPORT_SYMBOL_FOR_MODULES(dax_hotplug_release, "kmem,anondax");

/**
 * dax_hotplug_reserve - reserve the ranges for their memory to be added
 * @dev: the device, for messages
 * @hp: the memory
 *
 * Ranges that are reserved already stay so. A range that somebody else holds
 * is left out, unless it is the first.
 *
 * Context: process context, may sleep.
 * Return: the number of ranges reserved, or -EBUSY with those of this call
 * given back.
 */
int dax_hotplug_reserve(struct device *dev, struct dax_hotplug *hp)
{
	int i, mapped = 0;

	for (i = 0; i < hp->nr_range; i++) {
		struct dax_hotplug_range *r = &hp->ranges[i];
		struct resource *res;

		/* Skip ranges already added */
		if (r->res)
			continue;

		/* Region is permanently reserved if hotremove fails. */
		res = request_mem_region(r->range.start, range_len(&r->range),
					 hp->res_name);
		if (!res) {
			dev_warn(dev, "mapping%d: %#llx-%#llx could not reserve region\n",
				 r->mapping, r->range.start, r->range.end);
			/*
			 * Once some memory has been onlined we can't
			 * assume that it can be un-onlined safely.
			 */
			if (mapped)
				continue;
			return -EBUSY;
		}
		r->res = res;
		/*
		 * Set flags appropriate for System RAM.  Leave ..._BUSY clear
		 * so that add_memory() can add a child resource.  Do not
		 * inherit flags from the parent since it may set new flags
		 * unknown to us that will break add_memory() later.
		 */
		res->flags = IORESOURCE_SYSTEM_RAM;
		mapped++;
	}
	return mapped;
}
EXPORT_SYMBOL_FOR_MODULES(dax_hotplug_reserve, "kmem");

static int dax_hotplug_add_range(struct dax_hotplug *hp,
				 const struct range *range, int online_type)
{
	/*
	 * Driver-managed, to ensure that future kexec'd kernels will not treat
	 * this as RAM automatically.
	 */
	return __add_memory_driver_managed(hp->mgid, range->start,
					   range_len(range), hp->mem_name,
					   hp->mhp_flags, online_type);
}

#ifdef CONFIG_MEMORY_HOTREMOVE
/* Offline and remove all ranges that are reserved, or none. */
static int dax_hotplug_remove(struct device *dev, struct dax_hotplug *hp)
{
	struct range *ranges __free(kfree) = kmalloc_objs(*ranges, hp->nr_range);
	int i, rc, nr_ranges = 0;

	if (!ranges)
		return -ENOMEM;

	for (i = 0; i < hp->nr_range; i++) {
		if (hp->ranges[i].res)
			ranges[nr_ranges++] = hp->ranges[i].range;
	}
	/* Nothing added means nothing to remove. */
	if (!nr_ranges)
		return 0;
	rc = offline_and_remove_memory_ranges(ranges, nr_ranges);
	/* Recoverable: the ranges rolled back, nothing is leaked yet. */
	if (rc)
		dev_err(dev, "hotremove failed, device left online: %d\n", rc);
	return rc;
}
#else
static int dax_hotplug_remove(struct device *dev, struct dax_hotplug *hp)
{
	return -EBUSY;
}
#endif

/**
 * dax_hotplug_plug - add the memory of all reserved ranges and online it
 * @dev: the device, for messages
 * @hp: the memory, not online
 * @online_type: MMOP_*, the state of all of its memory blocks
 *
 * Ranges that are not reserved are passed over: kmem keeps to what it gets, and
 * atomicity applies to the ranges that it got.
 *
 * Context: process context, may sleep. Under @hp->lock once the device is
 * visible.
 * Return: the number of ranges added, or a negative errno.
 */
int dax_hotplug_plug(struct device *dev, struct dax_hotplug *hp,
		     int online_type)
{
	int i, rc, added = 0;

	if (dax_hotplug_is_online(hp))
		return -EINVAL;

	if (online_type < MMOP_OFFLINE || online_type > MMOP_ONLINE_MOVABLE)
		return -EINVAL;

	for (i = 0; i < hp->nr_range; i++) {
		struct dax_hotplug_range *r = &hp->ranges[i];

		/*
		 * dax_hotplug_reserve() is best-effort: if a reservation
		 * conflict occurs it keeps the range without a reservation.
		 */
		if (!r->res)
			continue;

		rc = dax_hotplug_add_range(hp, &r->range, online_type);
		if (rc) {
			dev_warn(dev, "mapping%d: %#llx-%#llx memory add failed\n",
				 r->mapping, r->range.start, r->range.end);
			/*
			 * Release the reservation for the range that failed to
			 * add so a later hotremove does not try to remove memory
			 * that was never added.
			 */
			dax_hotplug_release_range(r);
			if (added)
				continue;
			return rc;
		}
		added++;
	}

	return added;
}
EXPORT_SYMBOL_FOR_MODULES(dax_hotplug_plug, "kmem");

/**
 * dax_hotplug_unplug - offline and remove the memory, all of it or none
 * @dev: the device, for messages
 * @hp: the memory
 *
 * The reservations stay, see dax_hotplug_release().
 *
 * Context: process context, sleeps, possibly long: pages in use are moved.
 * Return: 0, or a negative errno with the memory in its prior state.
 */
int dax_hotplug_unplug(struct device *dev, struct dax_hotplug *hp)
{
	return dax_hotplug_remove(dev, hp);
}
EXPORT_SYMBOL_FOR_MODULES(dax_hotplug_unplug, "kmem");

/**
 * dax_hotplug_remove_offline - remove what is offline, from driver unbind
 * @dev: the device, for messages
 * @hp: the memory
 *
 * Unlike dax_hotplug_unplug() it never offlines and fails if blocks are online,
 * so it is safe from unbind. It asks the blocks rather than @hp->state, which
 * can be stale if they were toggled via memoryX/state.
 *
 * Context: process context, may sleep.
 * Return: 0 only if every added range was removed, else -EBUSY.
 */
int dax_hotplug_remove_offline(struct device *dev, struct dax_hotplug *hp)
{
	int i, rc = 0;

	for (i = 0; i < hp->nr_range; i++) {
		struct dax_hotplug_range *r = &hp->ranges[i];

		if (!r->res)
			continue;
		if (!IS_ENABLED(CONFIG_MEMORY_HOTREMOVE) ||
		    remove_memory(r->range.start, range_len(&r->range))) {
			dev_warn(dev, "mapping%d: %#llx-%#llx stuck online until reboot\n",
				 r->mapping, r->range.start, r->range.end);
			rc = -EBUSY;
			continue;
		}
		dax_hotplug_release_range(r);
	}
	return rc;
}
EXPORT_SYMBOL_FOR_MODULES(dax_hotplug_remove_offline, "kmem");

/**
 * dax_hotplug_parse_state - the state that was written to a sysfs file
 * @buf: what was written
 *
 * Context: any.
 * Return: DAX_KMEM_UNPLUGGED, an MMOP_* online type, or -EINVAL.
 */
int dax_hotplug_parse_state(const char *buf)
{
	int online_type;

	/* "unplugged" is dax-specific - the rest map to MMOP_ */
	if (sysfs_streq(buf, "unplugged"))
		return DAX_KMEM_UNPLUGGED;

	online_type = mhp_online_type_from_str(buf);
	/* Disallow "offline": it's not useful and creates race conditions */
	if (online_type == MMOP_OFFLINE)
		return -EINVAL;
	return online_type;
}
EXPORT_SYMBOL_FOR_MODULES(dax_hotplug_parse_state, "kmem,anondax");

/**
 * dax_hotplug_state_name - the word for the state
 * @hp: the memory
 *
 * Context: any.
 * Return: what dax_hotplug_parse_state() takes for it.
 */
const char *dax_hotplug_state_name(const struct dax_hotplug *hp)
{
	int state = READ_ONCE(hp->state);

	if (state == DAX_KMEM_UNPLUGGED)
		return "unplugged";
	return mhp_online_type_to_str(state) ?: "unknown";
}
EXPORT_SYMBOL_FOR_MODULES(dax_hotplug_state_name, "anondax");

/**
 * dax_hotplug_show_state - print the state for a sysfs file
 * @hp: the memory
 * @buf: where to
 *
 * Context: any.
 * Return: the length.
 */
ssize_t dax_hotplug_show_state(const struct dax_hotplug *hp, char *buf)
{
	return sysfs_emit(buf, "%s\n", dax_hotplug_state_name(hp));
}
EXPORT_SYMBOL_FOR_MODULES(dax_hotplug_show_state, "kmem,anondax");

/**
 * dax_hotplug_adistance - where a node belongs in the memory tiers
 * @nid: the node
 *
 * Context: process context, may sleep.
 * Return: the abstract distance that firmware's numbers give, else a default.
 */
int dax_hotplug_adistance(int nid)
{
	int adist = MEMTIER_DEFAULT_DAX_ADISTANCE;

	mt_calc_adistance(nid, &adist);
	return adist;
}
EXPORT_SYMBOL_FOR_MODULES(dax_hotplug_adistance, "kmem,anondax");

/**
 * dax_hotplug_memory_type - the memory type of an abstract distance
 * @adistance: the abstract distance
 *
 * Context: process context, may sleep.
 * Return: the type, which goes away with this module and not before, or an
 * ERR_PTR.
 */
struct memory_dev_type *dax_hotplug_memory_type(int adistance)
{
	guard(mutex)(&dax_memory_type_lock);
	return mt_find_alloc_memory_type(adistance, &dax_memory_types);
}
EXPORT_SYMBOL_FOR_MODULES(dax_hotplug_memory_type, "kmem,anondax");

static void __exit dax_hotplug_exit(void)
{
	guard(mutex)(&dax_memory_type_lock);
	mt_put_memory_types(&dax_memory_types);
}

static int __init dax_hotplug_init(void)
{
	return 0;
}

module_init(dax_hotplug_init);
module_exit(dax_hotplug_exit);
MODULE_DESCRIPTION("DAX: plug the memory of dax devices");
MODULE_LICENSE("GPL");
