// SPDX-License-Identifier: GPL-2.0
/*
 * Plugging the memory of a dax device as a private node's
 *
 * As hotplug.c does for kmem, but all ranges of a device or none, under a claim on
 * their node, reserved for nobody else as long as they are not plugged, and zeroed
 * when they have been. What is true of a range is said by the range: a plug that
 * failed half way and could not be undone leaves some of them added.
 */
#include <linux/cleanup.h>
#include <linux/dax.h>
#include <linux/device.h>
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/libnvdimm.h>
#include <linux/memory_hotplug.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include "bus.h"
#include "dax-private.h"
#include "hotplug.h"

/* So much at a time is mapped, and zeroed without letting go of the CPU. */
#define DAX_SCRUB_MAP	SZ_128M
#define DAX_SCRUB_STEP	SZ_2M
/* A word about how far it is, after so many seconds. */
#define DAX_SCRUB_SAYS	10

static struct dax_hotplug_range *ranges_end(struct dax_hotplug *hp)
{
	return hp->ranges + hp->nr_range;
}

/* While it is plugged not busy: memory hotplug puts a resource of its own inside. */
static void dax_private_share(struct dax_hotplug_range *r, bool share)
{
	r->res->flags = share ? IORESOURCE_SYSTEM_RAM : IORESOURCE_MEM | IORESOURCE_BUSY;
}

static void dax_private_removed(struct dax_hotplug_range *r)
{
	r->added = false;
	dax_private_share(r, false);
}

/**
 * dax_private_reserve - reserve all ranges, or none
 * @dev: the device, for messages
 * @hp: the memory, not plugged
 *
 * Context: process context, may sleep.
 * Return: 0, or -EBUSY where somebody else holds a range.
 */
int dax_private_reserve(struct device *dev, struct dax_hotplug *hp)
{
	struct dax_hotplug_range *r;

	for (r = hp->ranges; r < ranges_end(hp); r++) {
		if (r->res)
			continue;
		r->res = request_mem_region(r->range.start, range_len(&r->range), hp->res_name);
		if (!r->res) {
			dev_warn(dev, "mapping%d: %#llx-%#llx could not reserve region\n",
				 r->mapping, r->range.start, r->range.end);
			dax_hotplug_release(hp);
			return -EBUSY;
		}
	}
	return 0;
}
EXPORT_SYMBOL_FOR_MODULES(dax_private_reserve, "anondax");

/**
 * dax_private_plug - add the memory of all ranges and online it, or none
 * @dev: the device, for messages
 * @hp: the memory, reserved
 * @np: the registered claim on its node
 * @online_type: MMOP_ONLINE, MMOP_ONLINE_KERNEL or MMOP_ONLINE_MOVABLE
 *
 * If a range fails and another that was added cannot be taken back, @hp->state is as if
 * it had worked, for the rest to be unplugged later.
 *
 * Context: process context, sleeps. Under the lock of @hp->state.
 * Return: 0 or a negative errno.
 */
int dax_private_plug(struct device *dev, struct dax_hotplug *hp,
		     struct node_private *np, int online_type)
{
	struct dax_hotplug_range *r;
	int rc = 0, left = 0;

	for (r = hp->ranges; r < ranges_end(hp); r++) {
		const bool used = r->used;

		dax_private_share(r, true);
		r->used = true;
		rc = node_private_add_memory(np, hp->mgid, r->range.start, range_len(&r->range),
					     hp->mem_name, hp->mhp_flags, online_type);
		r->added = rc >= 0;
		if (!r->added)
			dax_private_removed(r);
		/* What was never there, not even with its struct pages, is as it was. */
		if (rc < 0 && rc != -EAGAIN && !(hp->mhp_flags & MHP_MEMMAP_ON_MEMORY))
			r->used = used;
		if (rc == -EAGAIN)
			rc = -ENOMEM;
		if (rc) {
			dev_warn(dev, "mapping%d: memory add failed: %d\n", r->mapping, rc);
			break;
		}
	}
	if (rc) {
		/* Nobody has been told of this memory yet, so it can be taken back. */
		for (r = hp->ranges; r < ranges_end(hp); r++) {
			if (r->added &&
			    !node_private_take_back(np, r->range.start, range_len(&r->range)))
				dax_private_removed(r);
			left += r->added;
		}
		if (!left)
			return rc < 0 ? rc : -ENOMEM;
		dev_err(dev, "%d of %d ranges stay plugged, write \"unplugged\" to try again\n",
			left, hp->nr_range);
	}
	WRITE_ONCE(hp->state, online_type);
	return rc < 0 ? rc : rc ? -ENOMEM : 0;
}
EXPORT_SYMBOL_FOR_MODULES(dax_private_plug, "anondax");

/**
 * dax_private_unplug - offline and remove the memory, all of it or none
 * @dev: the device, for messages
 * @hp: the memory
 * @np: the claim on its node
 *
 * The reservations stay, and what is in the memory, see dax_private_scrub().
 *
 * Context: process context, sleeps, possibly long: pages in use are moved. Under the
 * lock of @hp->state.
 * Return: 0, or a negative errno with the memory in its prior state.
 */
int dax_private_unplug(struct device *dev, struct dax_hotplug *hp,
		       struct node_private *np)
{
	struct range *ranges __free(kfree) = kmalloc_objs(*ranges, hp->nr_range);
	struct dax_hotplug_range *r;
	int rc, nr = 0;

	if (!ranges)
		return -ENOMEM;
	for (r = hp->ranges; r < ranges_end(hp); r++) {
		if (r->added)
			ranges[nr++] = r->range;
	}

	rc = node_private_remove_memory(np, ranges, nr);
	if (rc) {
		/* Recoverable: the ranges rolled back, nothing is leaked yet. */
		dev_err(dev, "hotremove failed, device left online: %d\n", rc);
		return rc;
	}

	for (r = hp->ranges; r < ranges_end(hp); r++) {
		if (r->added)
			dax_private_removed(r);
	}
	WRITE_ONCE(hp->state, DAX_KMEM_UNPLUGGED);
	return 0;
}
EXPORT_SYMBOL_FOR_MODULES(dax_private_unplug, "anondax");

/* Want of memory may be over soon. */
static void *dax_private_map(u64 start, u64 len)
{
	int tries = 3;
	void *p;

	do {
		p = memremap(start, len, MEMREMAP_WB);
	} while (!p && --tries && !schedule_timeout_uninterruptible(HZ / 10));
	return p;
}

static int dax_private_zero(struct device *dev, const struct dax_hotplug_range *r)
{
	const u64 size = range_len(&r->range);
	unsigned long say = jiffies + DAX_SCRUB_SAYS * HZ;
	u64 done, len, off;

	for (done = 0; done < size; done += len) {
		void *p;

		len = min_t(u64, size - done, DAX_SCRUB_MAP);
		p = dax_private_map(r->range.start + done, len);
		if (!p) {
			dev_err(dev, "mapping%d: could not be zeroed, write \"unplugged\" to try again\n",
				r->mapping);
			return -ENOMEM;
		}
		for (off = 0; off < len; off += DAX_SCRUB_STEP) {
			memset(p + off, 0, min_t(u64, len - off, DAX_SCRUB_STEP));
			cond_resched();
		}
		/* Where the medium keeps what was in it, it keeps the zeroes. */
		arch_wb_cache_pmem(p, len);
		memunmap(p);
		if (time_after(jiffies, say)) {
			dev_info(dev, "mapping%d: zeroing, %llu of %llu MiB\n", r->mapping,
				 (done + len) / SZ_1M, size / SZ_1M);
			say = jiffies + DAX_SCRUB_SAYS * HZ;
		}
	}
	return 0;
}

/**
 * dax_private_scrub - zero what was unplugged
 * @dev: the device, for messages
 * @hp: the memory, unplugged and reserved
 * @zero: false to leave it as it is
 *
 * Before anybody else can map the device, for everybody's data were in it. A signal
 * does not end it.
 *
 * Context: process context, sleeps, possibly long. Under the lock of @hp->state.
 * Return: 0, or -ENOMEM with ranges left that the next call tries again.
 */
int dax_private_scrub(struct device *dev, struct dax_hotplug *hp, bool zero)
{
	struct dax_hotplug_range *r;
	int rc = 0;

	for (r = hp->ranges; r < ranges_end(hp); r++) {
		if (r->added || !r->used)
			continue;
		if (zero && dax_private_zero(dev, r))
			rc = -ENOMEM;
		else
			r->used = false;
	}
	return rc;
}
EXPORT_SYMBOL_FOR_MODULES(dax_private_scrub, "anondax");

/**
 * dax_private_is_clean - is nothing of what was plugged left in it?
 * @hp: the memory
 *
 * Context: process context. Under the lock of @hp->state.
 * Return: true if it is unplugged, and zeroed or not meant to be.
 */
bool dax_private_is_clean(struct dax_hotplug *hp)
{
	struct dax_hotplug_range *r;

	for (r = hp->ranges; r < ranges_end(hp); r++) {
		if (r->added || r->used)
			return false;
	}
	return true;
}
EXPORT_SYMBOL_FOR_MODULES(dax_private_is_clean, "anondax");

/**
 * dax_private_has - is some of this memory plugged here?
 * @hp: the memory
 * @start: first address
 * @end: last address
 *
 * Context: any. Of what is being plugged or unplugged it says one or the other.
 * Return: true if so.
 */
bool dax_private_has(struct dax_hotplug *hp, u64 start, u64 end)
{
	struct dax_hotplug_range *r;

	for (r = hp->ranges; r < ranges_end(hp); r++) {
		if (READ_ONCE(r->added) && r->range.start <= end && start <= r->range.end)
			return true;
	}
	return false;
}
EXPORT_SYMBOL_FOR_MODULES(dax_private_has, "anondax");

/**
 * dax_private_is_online - is all of it plugged and online?
 * @hp: the memory
 *
 * Not so if a plug failed half way and could not be undone, if blocks were taken offline
 * while it was nobody's, or if some did not come back when an unplug failed.
 *
 * Context: process context, may sleep. Under the lock of @hp->state.
 * Return: true if so, now.
 */
bool dax_private_is_online(struct dax_hotplug *hp)
{
	struct dax_hotplug_range *r;

	for (r = hp->ranges; r < ranges_end(hp); r++) {
		if (!r->added || !node_private_range_online(r->range.start, range_len(&r->range)))
			return false;
	}
	return true;
}
EXPORT_SYMBOL_FOR_MODULES(dax_private_is_online, "anondax");

/**
 * dax_private_remove_offline - remove memory that is offline, all of it
 * @dev: the device, for messages; NULL if it is gone
 * @hp: the memory
 * @np: the claim on its node
 *
 * Of a device that is gone it is all or nothing: no messages for blocks that are online,
 * for it is tried whenever some block of the system goes offline.
 *
 * Context: process context, may sleep. Under the lock of @hp->state.
 * Return: 0 if all of it was removed, else -EBUSY: blocks are online.
 */
int dax_private_remove_offline(struct device *dev, struct dax_hotplug *hp,
			       struct node_private *np)
{
	struct dax_hotplug_range *r;
	int rc = 0;

	for (r = hp->ranges; r < ranges_end(hp); r++) {
		if (!dev && r->added &&
		    !node_private_range_offline(r->range.start, range_len(&r->range)))
			return -EBUSY;
	}
	for (r = hp->ranges; r < ranges_end(hp); r++) {
		if (!r->added)
			continue;
		if (node_private_remove_offline(np, r->range.start, range_len(&r->range))) {
			if (dev)
				dev_warn(dev, "mapping%d: %#llx-%#llx stuck online\n",
					 r->mapping, r->range.start, r->range.end);
			rc = -EBUSY;
		} else {
			dax_private_removed(r);
		}
	}
	if (!rc)
		WRITE_ONCE(hp->state, DAX_KMEM_UNPLUGGED);
	return rc;
}
EXPORT_SYMBOL_FOR_MODULES(dax_private_remove_offline, "anondax");

/**
 * dax_private_leave - remove what nobody uses, from driver unbind
 * @dev: the device, for messages
 * @hp: the memory
 * @np: the claim on its node
 *
 * An unbind cannot fail, and must not wait for pages in use. So what is online goes if
 * all of it is free, and what is offline in any case.
 *
 * Context: process context, may sleep. Under the lock of @hp->state.
 * Return: 0 if all of it was removed, else -EBUSY.
 */
int dax_private_leave(struct device *dev, struct dax_hotplug *hp,
		      struct node_private *np)
{
	struct dax_hotplug_range *r;
	bool unused = true;

	for (r = hp->ranges; r < ranges_end(hp); r++) {
		if (r->added && unused)
			unused = node_private_range_unused(r->range.start, range_len(&r->range));
	}
	for (r = hp->ranges; r < ranges_end(hp); r++) {
		if (r->added && unused &&
		    !node_private_take_back(np, r->range.start, range_len(&r->range)))
			dax_private_removed(r);
	}
	return dax_private_remove_offline(dev, hp, np);
}
EXPORT_SYMBOL_FOR_MODULES(dax_private_leave, "anondax");
