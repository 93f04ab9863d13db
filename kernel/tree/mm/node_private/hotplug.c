// SPDX-License-Identifier: GPL-2.0
/* Private memory nodes: memory that is plugged and unplugged */

#define pr_fmt(fmt) "node_private: " fmt

#include <linux/container_of.h>
#include <linux/export.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/node_private.h>
#include <linux/sched.h>
#include <linux/swap.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "../page_alloc.h"
#include "internal.h"

#include <trace/events/node_private.h>

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
/* And one that is on its way to a disk, so much. */
#define NODE_PRIVATE_WRITE_PATIENCE	10000

static bool pfn_under_writeback(unsigned long pfn)
{
	struct page *page = pfn_to_online_page(pfn);
	struct folio *folio = page ? page_folio(page) : NULL;
	bool ret;

	if (!folio || !folio_try_get(folio))
		return false;
	ret = folio_test_writeback(folio);
	folio_put(folio);
	return ret;
}

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
				msecs_to_jiffies(pfn_under_writeback(pfn) ?
						 NODE_PRIVATE_WRITE_PATIENCE :
						 NODE_PRIVATE_OFFLINE_PATIENCE))) {
		pr_warn("node %d: a page from %#lx on is in use and cannot be moved\n",
			nid, pfn);
		return true;
	}
	schedule_timeout_interruptible(1);
	return false;
}

static DEFINE_SPINLOCK(node_private_leaving_lock);

/* Some of its memory begins to go: see node_private_leaving. */
static void node_private_begin_leaving(int nid)
{
	guard(spinlock)(&node_private_leaving_lock);
	if (!NODE_DATA(nid)->private_leaving++)
		node_set(nid, node_private_leaving);
}

static void node_private_end_leaving(int nid)
{
	scoped_guard(spinlock, &node_private_leaving_lock) {
		if (--NODE_DATA(nid)->private_leaving)
			return;
		node_clear(nid, node_private_leaving);
	}
	wake_up_all(&node_private_left);
}

/* That of the claim, for as long as its owner unplugs it. */
static void node_private_leave(struct node_private *np)
{
	/* By the one who unplugs, see remover, and so by nobody else. */
	if (!np->leaving)
		node_private_begin_leaving(np->nid);
	np->leaving = true;
}

static void node_private_remove_begin(struct node_private *np)
{
	WRITE_ONCE(np->remover, current);
}

static void node_private_remove_end(struct node_private *np)
{
	WRITE_ONCE(np->remover, NULL);
	if (np->leaving)
		node_private_end_leaving(np->nid);
	np->leaving = false;
}

/**
 * node_private_may_offline - may these pages be taken offline?
 * @nid: their node
 * @pfn: the first of them
 * @nr_pages: how many
 * @progress: for node_private_offlined()
 *
 * What goes behind the owner's back makes wrong what the owner says of it. For the owner
 * itself that is when its node begins to leave, and not while it waits for others; it
 * leaves as well when somebody takes blocks offline by hand that nobody keeps.
 *
 * Context: process context, under lock_device_hotplug(), which keeps the claims.
 * Return: true if so.
 */
bool node_private_may_offline(int nid, unsigned long pfn, unsigned long nr_pages,
			      struct node_private_offline *progress)
{
	struct node_private *np;
	bool kept = false;

	if (!node_is_private(nid))
		return true;

	list_for_each_entry(np, &node_private_claims, list) {
		if (np->nid != nid)
			continue;
		if (READ_ONCE(np->remover) == current) {
			node_private_leave(np);
			return true;
		}
		kept |= np->keeps && np->keeps(np, pfn, nr_pages);
	}
	if (kept) {
		pr_err("node %d is private: its driver unplugs it, not its memory blocks\n", nid);
		return false;
	}
	node_private_begin_leaving(nid);
	progress->leaving = true;
	return true;
}

/**
 * node_private_offlined - memory is offline, or stays online
 * @nid: its node
 * @progress: what node_private_may_offline() was given
 *
 * Context: process context.
 */
void node_private_offlined(int nid, struct node_private_offline *progress)
{
	if (progress->leaving)
		node_private_end_leaving(nid);
}

/* Why can it not be moved, or not just now? The caller holds it. */
static const char *folio_stays(struct folio *folio)
{
	/* Many who map a small one look like a pin, so by itself that says nothing. */
	if (folio_ref_count(folio) > folio_expected_ref_count(folio) + 1)
		return folio_maybe_dma_pinned(folio) ? "is pinned" :
			"is held by somebody, in a pipe or for I/O";
	if (!folio_test_lru(folio))
		return "belongs to the kernel";
	return NULL;
}

/*
 * Before anything is moved: is there something that cannot be? What is only held for a
 * moment is not. Adds up the pages that have to move.
 */
static int node_private_look(int nid, const struct range *range, unsigned long *nr)
{
	const unsigned long end = PHYS_PFN(range->end + 1);
	unsigned long pfn = PHYS_PFN(range->start), until = 0, waits_for = 0;
	struct folio *folio;
	const char *stays;
	struct page *page;

	while (pfn < end) {
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
		if (pfn != waits_for)
			until = 0;
		page = pfn_to_online_page(pfn);
		/* What has the node's own struct pages goes with them. */
		if (!page || PageReserved(page) || PageHWPoison(page) ||
		    PageVmemmapSelfHosted(page)) {
			pfn++;
			continue;
		}
		if (PageBuddy(page)) {
			pfn += 1UL << min_t(unsigned int, buddy_order_unsafe(page), MAX_PAGE_ORDER);
			continue;
		}
		folio = page_folio(page);
		if (!folio_try_get(folio)) {
			pfn++;
			continue;
		}
		/* It may have become a part of something else. */
		stays = page_folio(page) == folio ? folio_stays(folio) : NULL;
		if (!stays) {
			*nr += folio_nr_pages(folio);
			pfn = max(pfn + 1, folio_pfn(folio) + folio_nr_pages(folio));
			folio_put(folio);
			continue;
		}
		if (until && time_after(jiffies, until)) {
			pr_warn("node %d: page %#lx %s, mapped %d times, and cannot be moved\n",
				nid, pfn, stays, folio_mapcount(folio));
			folio_put(folio);
			return -EBUSY;
		}
		folio_put(folio);
		if (!until) {
			waits_for = pfn;
			until = jiffies + msecs_to_jiffies(NODE_PRIVATE_OFFLINE_PATIENCE);
			lru_add_drain_all();
		}
		schedule_timeout_killable(1);
	}
	return 0;
}

static unsigned long node_private_used(int nid)
{
	struct zone *zone = NODE_DATA(nid)->node_zones;
	unsigned long nr = 0;

	drain_all_pages(NULL);
	for (; zone < NODE_DATA(nid)->node_zones + MAX_NR_ZONES; zone++)
		nr += zone_managed_pages(zone) - zone_page_state(zone, NR_FREE_PAGES);
	return nr;
}

static int memory_block_is(struct memory_block *mem, void *state)
{
	return mem->state == *(enum memory_block_state *)state ? 0 : -EAGAIN;
}

static bool node_private_range_is(u64 start, u64 size, enum memory_block_state state)
{
	int rc;

	lock_device_hotplug();
	rc = walk_memory_blocks(start, size, &state, memory_block_is);
	unlock_device_hotplug();
	return !rc;
}

/**
 * node_private_range_online - is all of a range online?
 * @start: first address of memory that was added
 * @size: its size in bytes
 *
 * Adding memory and onlining it are two steps, and the first succeeds without the second.
 *
 * Context: process context, sleeps. Takes lock_device_hotplug().
 * Return: true if so, now.
 */
bool node_private_range_online(u64 start, u64 size)
{
	return node_private_range_is(start, size, MEM_ONLINE);
}
EXPORT_SYMBOL_GPL(node_private_range_online);

/**
 * node_private_range_offline - is all of a range offline?
 * @start: first address of memory that was added
 * @size: its size in bytes
 *
 * Context: process context, sleeps. Takes lock_device_hotplug().
 * Return: true if so, now.
 */
bool node_private_range_offline(u64 start, u64 size)
{
	return node_private_range_is(start, size, MEM_OFFLINE);
}
EXPORT_SYMBOL_GPL(node_private_range_offline);

static int node_private_remove_ranges(struct node_private *np, const struct range *ranges,
				      unsigned int nr_ranges)
{
	unsigned long used, left, nr = 0, room;
	const int nid = np->nid;
	unsigned int i;
	int rc;

	lru_add_drain_all();
	for (i = 0; i < nr_ranges; i++) {
		rc = node_private_look(nid, &ranges[i], &nr);
		if (rc)
			return rc;
	}
	room = si_mem_available() + get_nr_swap_pages();
	if (nr > room) {
		pr_warn("node %d: %lu pages are in use, and there is room for %lu in ordinary memory\n",
			nid, nr, room);
		return -EBUSY;
	}

	used = node_private_used(nid);
	node_private_remove_begin(np);
	rc = offline_and_remove_memory_ranges(ranges, nr_ranges);
	node_private_remove_end(np);
	if (!rc)
		return 0;

	left = node_private_used(nid);
	pr_warn("node %d: not unplugged, and %lu pages have moved to ordinary memory\n",
		nid, used > left ? used - left : 0);
	for (i = 0; i < nr_ranges; i++) {
		/* A page failed there, say: what has gone offline so does not come back. */
		if (!node_private_range_online(ranges[i].start, range_len(&ranges[i])))
			pr_warn("node %d: memory blocks of %#llx-%#llx stay offline, for a page of them is poisoned or memory was short\n",
				nid, ranges[i].start, ranges[i].end);
	}
	return rc;
}

/**
 * node_private_remove_memory - offline and remove memory, all of it or none
 * @np: the claim on its node
 * @ranges: the addresses
 * @nr_ranges: how many
 *
 * What is in it is moved to ordinary memory. What cannot be is looked for first, and
 * named in the log; if something turns up later, what has moved until then may stay
 * where it is. Who needs a page of the node meanwhile waits, and may be killed.
 *
 * Context: process context, sleeps, possibly long. Takes lock_device_hotplug().
 * One at a time for a claim.
 * Return: 0; -EBUSY with the memory in its prior state, but for blocks that have a poisoned
 * page, which may be offline; -EINTR for a signal, -ENOMEM.
 */
int node_private_remove_memory(struct node_private *np, const struct range *ranges,
			       unsigned int nr_ranges)
{
	u64 size = 0;
	unsigned int i;
	int rc;

	if (!IS_ENABLED(CONFIG_MEMORY_HOTREMOVE))
		return -EBUSY;
	if (!nr_ranges)
		return 0;

	rc = node_private_remove_ranges(np, ranges, nr_ranges);
	/* A signal is for whoever wrote, and says nothing of the memory. */
	if (rc && rc != -EINTR)
		node_private_count(np->nid, NODE_PRIVATE_UNPLUG_FAILED, 1);
	for (i = 0; i < nr_ranges; i++)
		size += range_len(&ranges[i]);
	trace_node_private_unplug(np->nid, ranges[0].start, size, rc);
	return rc;
}
EXPORT_SYMBOL_GPL(node_private_remove_memory);

#ifdef CONFIG_MEMORY_HOTREMOVE
struct node_private_taken {
	struct work_struct work;
	struct node_private *np;
	u64 start;
	u64 size;
	int rc;
};

static void node_private_take(struct work_struct *work)
{
	struct node_private_taken *taken = container_of(work, struct node_private_taken, work);

	node_private_remove_begin(taken->np);
	taken->rc = offline_and_remove_memory(taken->start, taken->size);
	node_private_remove_end(taken->np);
}

/**
 * node_private_take_back - remove memory that has just been added
 * @np: the claim on its node
 * @start: first address of what node_private_add_memory() added
 * @size: its size in bytes
 *
 * For an owner of several ranges that has all of them or none. Unlike
 * offline_and_remove_memory() it does not give up for a signal that the caller has
 * pending: what nobody was told of is not to stay because of that.
 *
 * Context: process context, sleeps. Takes lock_device_hotplug().
 * Return: 0, or a negative errno with the memory still there: somebody uses it.
 */
int node_private_take_back(struct node_private *np, u64 start, u64 size)
{
	struct node_private_taken taken = { .np = np, .start = start, .size = size };
	int tries = 3;

	/* By a worker, which gets no signals. Want of memory may be over soon. */
	INIT_WORK_ONSTACK(&taken.work, node_private_take);
	do {
		queue_work(system_dfl_long_wq, &taken.work);
		flush_work(&taken.work);
	} while (taken.rc && --tries);
	destroy_work_on_stack(&taken.work);
	trace_node_private_unplug(np->nid, start, size, taken.rc);
	return taken.rc;
}
#else
int node_private_take_back(struct node_private *np, u64 start, u64 size)
{
	return -EOPNOTSUPP;
}
#endif
EXPORT_SYMBOL_GPL(node_private_take_back);

/**
 * node_private_remove_offline - remove memory that is offline
 * @np: the claim on its node
 * @start: first address of what node_private_add_memory() added
 * @size: its size in bytes
 *
 * Context: process context, sleeps. Takes lock_device_hotplug().
 * Return: 0, or -EBUSY: blocks are online.
 */
int node_private_remove_offline(struct node_private *np, u64 start, u64 size)
{
	int rc = -EBUSY;

	if (IS_ENABLED(CONFIG_MEMORY_HOTREMOVE))
		rc = remove_memory(start, size);
	trace_node_private_unplug(np->nid, start, size, rc);
	return rc;
}
EXPORT_SYMBOL_GPL(node_private_remove_offline);

/**
 * node_private_range_unused - does nobody use memory of a range?
 * @start: first address of memory that was added
 * @size: its size in bytes
 *
 * For an owner that has to leave and must not wait for who uses it.
 *
 * Context: process context, sleeps. Takes lock_device_hotplug().
 * Return: true if all of it is free, or offline, now.
 */
bool node_private_range_unused(u64 start, u64 size)
{
	unsigned long pfn = PHYS_PFN(start);
	const unsigned long end = PHYS_PFN(start + size);
	const struct page *page;

	lru_add_drain_all();
	lock_device_hotplug();
	drain_all_pages(NULL);
	/* Without the zone's lock: whoever takes a page meanwhile may do so afterwards, too. */
	while (pfn < end) {
		cond_resched();
		page = pfn_to_online_page(pfn);
		if (page && PageBuddy(page))
			pfn += 1UL << min_t(unsigned int, buddy_order_unsafe(page), MAX_PAGE_ORDER);
		else if (!page || PageVmemmapSelfHosted(page) || PageHWPoison(page))
			pfn++;
		else
			break;
	}
	unlock_device_hotplug();
	return pfn >= end;
}
EXPORT_SYMBOL_GPL(node_private_range_unused);

/**
 * node_private_add_memory - add memory to a private node and online it
 * @np: the claim on the node
 * @mgid: the node, or a memory group of it with MHP_NID_IS_MGID
 * @start: first physical address, at the start of a memory block
 * @size: size in bytes, whole memory blocks
 * @name: "System RAM (...)", for /proc/iomem; has to stay as long as the memory
 * @mhp_flags: MHP_*, or MHP_NONE
 * @online_type: MMOP_ONLINE, MMOP_ONLINE_KERNEL or MMOP_ONLINE_MOVABLE
 *
 * The caller has reserved the addresses with IORESOURCE_SYSTEM_RAM, not busy. The memory
 * is removed by node_private_remove_memory().
 *
 * Context: process context, sleeps. Takes lock_device_hotplug().
 * Return: 0; a negative errno with nothing added: -EINVAL for a claim that is not
 * registered, -EBUSY while the system hibernates, or what add_memory() says; -EAGAIN if it
 * was added, did not come online, and was taken back; 1 if it could not be: it has to be
 * removed later.
 */
int node_private_add_memory(struct node_private *np, int mgid, u64 start, u64 size,
			    const char *name, mhp_t mhp_flags, enum mmop online_type)
{
	bool offline;
	int rc;

	/* Who owns the claim does not give it back meanwhile. */
	if (!np->id || np->id != READ_ONCE(NODE_DATA(np->nid)->private_claim) ||
	    online_type == MMOP_OFFLINE)
		return -EINVAL;

	/* Driver-managed, for a kernel that is kexec'd not to take it for its own. */
	rc = __add_memory_driver_managed(mgid, start, size, name, mhp_flags | MHP_PRIVATE,
					 online_type);
	offline = !rc && !node_private_range_online(start, size);
	if (offline) {
		pr_warn("node %d: %#llx-%#llx does not come online\n", np->nid, start,
			start + size - 1);
		rc = -EAGAIN;
	}
	trace_node_private_plug(np->nid, start, size, online_type, rc);
	if (offline && node_private_take_back(np, start, size))
		rc = 1;
	return rc;
}
EXPORT_SYMBOL_GPL(node_private_add_memory);

