// SPDX-License-Identifier: GPL-2.0
/*
 * Private memory nodes: shared memory
 *
 * A folio of tmpfs, memfd, System V or anonymous shared memory comes from a private node
 * if the policy that is asked for it names that, and the owner opted in to
 * NODE_PRIVATE_SHMEM: the policy of the object, else that of the task for what it does
 * itself. An object that belongs to a node, node_private_object(), has that for its
 * policy and needs no opt-in.
 */

#include <linux/cpuset.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/falloc.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/jump_label.h>
#include <linux/mempolicy.h>
#include <linux/mm.h>
#include <linux/node_private.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/shmem_fs.h>
#include <linux/swapops.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "../internal.h"
#include "../swap.h"
#include "internal.h"

/*
 * Is it the task's own doing? Not a driver's or swapoff's, nor a fault in a mapping of somebody
 * else, nor what the kernel writes to an object of its own, which nobody maps: of private
 * inodes only shared anonymous memory is mapped.
 */
bool shmem_own(const struct inode *inode)
{
	return !current->shmem_foreign &&
	       (!IS_PRIVATE(inode) || mapping_mapped(inode->i_mapping));
}

/*
 * The policy for an index of an object. Without one of its own it is the task's, where it
 * is the task that uses it: not somebody else, or a driver, whose object it is. NULL for
 * none, else for mpol_cond_put().
 */
static struct mempolicy *shmem_policy(struct inode *inode, pgoff_t index, bool own)
{
	struct mempolicy *pol = mpol_shared_policy_lookup(&SHMEM_I(inode)->policy, index);

	return pol ?: own ? current->mempolicy : NULL;
}

/*
 * May the memory be private? What is not movable belongs to drivers, or to the file
 * system itself; and no policy of a task places what is not its own.
 */
bool __shmem_policy_private(gfp_t gfp, const struct mempolicy *pol, const struct inode *inode)
{
	return (gfp & __GFP_MOVABLE) && ((pol->flags & MPOL_F_SHARED) || shmem_own(inode));
}

/* Could there be a page, asked for in this way? */
static bool shmem_has_page(gfp_t gfp, struct mempolicy *pol)
{
	struct folio *folio;

	guard(node_private_scope)(NR_NODE_PRIVATE_EVENTS);
	folio = folio_alloc_mpol_private(gfp | __GFP_NOWARN, 0, pol, NO_INTERLEAVE_INDEX,
					 numa_node_id(), NODE_PRIVATE_SHMEM);
	if (folio)
		folio_put(folio);
	return folio;
}

/* Of a policy that is one of private nodes: is it for want of a page that there is none? */
static bool shmem_is_full(gfp_t gfp, struct mempolicy *pol)
{
	return mpol_bound_private(pol, NODE_PRIVATE_SHMEM) &&
	       !shmem_has_page(gfp & ~__GFP_RECLAIM, pol);
}

/*
 * In jiffies: whoever has taken the last page has put it in its place by then, and what
 * reclaim writes to swap may be there.
 */
#define SHMEM_FULL_PATIENCE	3

/**
 * shmem_no_folio - what an object says when there is no folio to be had
 * @inode: the object
 * @index: for which index
 * @gfp: how it was asked for
 *
 * A private node that is full is no reason to kill anybody: it is as a tmpfs that is full.
 * There is nothing to be patient for if it is that of a claim which has ended.
 *
 * Context: process context, sleeps.
 * Return: -ENOSPC if it could come from private nodes only, and they are full; -EEXIST if
 * somebody else has put one there meanwhile, or there is one by now; else -ENOMEM.
 */
int shmem_no_folio(struct inode *inode, pgoff_t index, gfp_t gfp)
{
	struct mempolicy *pol = shmem_policy(inode, index, shmem_own(inode));
	int tries = SHMEM_FULL_PATIENCE, rc = -ENOMEM;

	if (shmem_policy_private(gfp, pol, inode) && shmem_is_full(gfp, pol)) {
		if (mpol_claim_ended(pol))
			tries = 0;
		while (rc == -ENOMEM) {
			if (xa_load(&inode->i_mapping->i_pages, index) ||
			    shmem_has_page(gfp | __GFP_NORETRY, pol))
				rc = -EEXIST;
			else if (!tries-- || schedule_timeout_killable(1) ||
				 fatal_signal_pending(current))
				rc = -ENOSPC;
		}
	}
	mpol_cond_put(pol);
	return rc;
}

/**
 * shmem_swapin_private - swap in under a policy that names private nodes
 * @swap: the entry
 * @gfp: how to allocate
 * @order: how much at once
 * @vmf: the fault, or NULL
 * @pol: the policy
 * @ilx: interleave index
 * @must: be it to ordinary memory
 *
 * Nothing is read ahead: what lies next to it in swap may not be for the private node.
 * With @must it is ordinary memory if there is no other, and so is what belongs to a claim
 * that has ended.
 *
 * Context: process context, sleeps.
 * Return: the folio, or an error pointer: -ENOSPC if the private nodes are full.
 */
struct folio *shmem_swapin_private(swp_entry_t swap, gfp_t gfp, unsigned int order,
				   struct vm_fault *vmf, struct mempolicy *pol, pgoff_t ilx,
				   bool must)
{
	struct mempolicy shared = *pol;
	struct folio *folio;

	shared.flags |= MPOL_F_SHMEM;
	folio = swapin_sync(swap, gfp, BIT(order), vmf, &shared, ilx);
	if (order || folio != ERR_PTR(-ENOMEM))
		return folio;
	if (must || mpol_node_gone(pol))
		return swapin_ordinary(swap, gfp) ?: folio;
	return shmem_is_full(gfp, pol) ? ERR_PTR(-ENOSPC) : folio;
}

/* Of the nodes that an index can have memory of only, which are being unplugged? */
bool shmem_nodes_leaving(struct inode *inode, pgoff_t index, bool own, nodemask_t *nodes)
{
	struct mempolicy *pol;
	bool leaving;

	if (!node_private_enabled() || nodes_empty(node_private_leaving))
		return false;
	pol = shmem_policy(inode, index, own);
	leaving = mpol_names_private(pol) && mpol_bound_private(pol, NODE_PRIVATE_SHMEM) &&
		  !mpol_claim_ended(pol) &&
		  nodes_and(*nodes, pol->nodes, node_private_leaving);
	mpol_cond_put(pol);
	return leaving;
}

/* A fault there is SIGBUS, for the object can have no more: of its private nodes? */
void shmem_refused_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct inode *inode = file_inode(vma->vm_file);
	struct mempolicy *pol = shmem_policy(inode, vmf->pgoff, vma->vm_mm == current->mm);

	/* A tmpfs has a size of its own. */
	if (shmem_is_full(mapping_gfp_mask(inode->i_mapping), pol))
		mpol_refused_fault(pol, NODE_PRIVATE_SHMEM, vmf->address);
	mpol_cond_put(pol);
}

/*
 * Nothing to be had for an index: was that because its nodes were being unplugged, and
 * has that come to an end by now? Not for faults, which wait without their lock.
 */
bool shmem_waited(struct inode *inode, pgoff_t index)
{
	nodemask_t leaving;

	return shmem_nodes_leaving(inode, index, shmem_own(inode), &leaving) &&
	       !wait_event_killable(node_private_left,
				    !nodes_intersects(leaving, node_private_leaving));
}

/*
 * Has the policy brought memory of an object to private nodes, or could it? That of an
 * object was let in as one that can; a task's may be for its anonymous memory.
 */
static bool shmem_named_private(const struct mempolicy *pol)
{
	return mpol_names_private(pol) &&
	       ((pol->flags & MPOL_F_SHARED) ||
		!nodes_subset(pol->nodes, node_private_denied[NODE_PRIVATE_SHMEM]));
}

/* Does it have memory of an object that policies of private nodes can be for? */
bool vma_maps_shmem(const struct vm_area_struct *vma)
{
	return vma->vm_file && shmem_file(vma->vm_file);
}

/* Does the mapping's object belong to a node? Such a policy is for all of it. */
bool vma_maps_object(const struct vm_area_struct *vma)
{
	struct mempolicy *pol;
	bool private;

	if (!vma_maps_shmem(vma))
		return false;
	pol = shmem_policy(file_inode(vma->vm_file), vma_start_pgoff(vma), false);
	private = mpol_is_private(pol);
	mpol_cond_put(pol);
	return private;
}

/* Is an object's policy for an address, or that of who uses it, one of private nodes? */
bool vma_shmem_names_private(const struct vm_area_struct *vma, unsigned long addr)
{
	struct mempolicy *pol;
	bool names;

	if (!node_private_enabled() || !vma_maps_shmem(vma))
		return false;
	pol = shmem_policy(file_inode(vma->vm_file), linear_page_index(vma, addr),
			   vma->vm_mm == current->mm);
	names = shmem_named_private(pol);
	mpol_cond_put(pol);
	return names;
}

/* The same for an index of an object, for who uses it without a mapping. */
bool file_names_private(struct file *file, pgoff_t index)
{
	struct mempolicy *pol;
	bool names;

	if (!shmem_file(file))
		return false;
	pol = shmem_policy(file_inode(file), index, true);
	names = shmem_named_private(pol);
	mpol_cond_put(pol);
	return names;
}

/*
 * A huge page in the place of small ones: an object that can have memory of private nodes
 * only gets no ordinary one so, which a fault would refuse it.
 */
bool file_may_collapse_to(struct mm_struct *mm, struct file *file, pgoff_t index, int nid)
{
	struct mempolicy *pol = NULL;
	bool may;

	if (shmem_file(file))
		pol = shmem_policy(file_inode(file), index, false);
	if (!node_is_private(nid))
		may = !mpol_names_private(pol) || !mpol_bound_private(pol, NODE_PRIVATE_SHMEM);
	else if (mpol_is_private(pol) && node_isset(nid, pol->nodes))
		may = mpol_claim_stands(pol, nid);
	else
		may = vma_may_collapse_to(mm, NULL, nid);
	mpol_cond_put(pol);
	return may;
}

static int object_release(struct inode *inode, struct file *file)
{
	fput(file->private_data);
	node_private_put();
	return 0;
}

static long object_fallocate(struct file *file, int mode, loff_t offset, loff_t len)
{
	struct file *base = file->private_data;

	if (mode != (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	return base->f_op->fallocate(base, mode, offset, len);
}

/* For the file of each mapping. Nobody gets it as a file: it is mapped and punched. */
static const struct file_operations object_fops = {
	.release = object_release,
	.fsync = noop_fsync,
	.fallocate = object_fallocate,
};

static atomic_t object_puts = ATOMIC_INIT(0);

/* Where the locks that it takes may be: not under mmap_lock. */
static void object_put_key(struct work_struct *work)
{
	int n = atomic_xchg(&object_puts, 0);

	while (n-- > 0)
		node_private_put();
}

static DECLARE_WORK(object_put_work, object_put_key);

/**
 * node_private_object - make an object of shared memory that belongs to a private node
 * @name: what /proc/PID/maps says of its mappings
 * @size: in bytes
 * @nid: the node
 * @claim: the claim on it that lets the object in, node_private_id()
 *
 * All its folios come from the node, and if that has none left a fault is SIGBUS. When the
 * claim ends it keeps the folios it has, wherever they were moved to, and gets no others.
 * It is gone with the last reference.
 *
 * Context: process context, sleeps. While @claim stands, or has just ended.
 * Return: a file for vma_set_private_object(), or an error pointer: -ENOMEM, -ENFILE, -ENXIO
 * if the claim has ended.
 */
struct file *node_private_object(const char *name, loff_t size, int nid, unsigned long claim)
{
	struct file *base, *file;
	int rc;

	/*
	 * What its policy is good for, for as long as it is there. Under mmap_lock the locks
	 * of the static key are not to be taken; with a claim it is on.
	 */
	if (!static_key_fast_inc_not_disabled(&node_private_key.key))
		return ERR_PTR(-ENXIO);

	base = shmem_kernel_file_setup(name, size, mk_vma_flags(VMA_NORESERVE_BIT));
	if (IS_ERR(base)) {
		rc = PTR_ERR(base);
		goto err_key;
	}
	rc = mpol_set_private_object(&SHMEM_I(file_inode(base))->policy, size, nid, claim);
	if (rc)
		goto err;
	/* As large as it is, whoever opens it by what /proc has of its mappings. */
	SHMEM_I(file_inode(base))->seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW;
	file = alloc_file_clone(base, O_RDWR, &object_fops);
	if (IS_ERR(file)) {
		rc = PTR_ERR(file);
		goto err;
	}
	file->private_data = base;
	return file;

err:
	fput(base);
err_key:
	/* Not the last one, but if the claim has come to its end just now. */
	atomic_inc(&object_puts);
	schedule_work(&object_put_work);
	return ERR_PTR(rc);
}
EXPORT_SYMBOL_GPL(node_private_object);

/**
 * vma_set_private_object - map an object instead of the file that ->mmap() was called for
 * @vma: the mapping, from its file's ->mmap(), shared
 * @object: from node_private_object()
 *
 * Context: process context, under the write-locked mmap_lock.
 */
void vma_set_private_object(struct vm_area_struct *vma, struct file *object)
{
	vma_set_file(vma, object);
	shmem_set_vm_ops(vma);
}
EXPORT_SYMBOL_GPL(vma_set_private_object);
