// SPDX-License-Identifier: GPL-2.0
/* Private memory nodes: what a fault says when there is no folio to be had */

#include <linux/hugetlb.h>
#include <linux/memcontrol.h>
#include <linux/mempolicy.h>
#include <linux/mm.h>
#include <linux/node_private.h>
#include <linux/pgtable.h>
#include <linux/swapops.h>
#include <linux/wait.h>

#include "../internal.h"
#include "../swap.h"
#include "internal.h"

/* Could there have been a folio on private nodes only? */
static bool vma_oom_private(const struct vm_area_struct *vma)
{
	/* A limit of memory cgroup v1 wants the task to wait for it. */
	return vma_bound_private(vma) && !task_in_memcg_oom(current);
}

/*
 * What a fault returns when there is no folio to be had: a private node that
 * is full is no reason to kill a task for the memory it has elsewhere.
 */
static vm_fault_t vma_oom_fault(const struct vm_area_struct *vma)
{
	/* What may be dropped at any time is not to be a signal. */
	if (node_private_enabled() && !(vma->vm_flags & VM_DROPPABLE) && vma_oom_private(vma))
		return VM_FAULT_SIGBUS;
	return VM_FAULT_OOM;
}

/* A fault that returns this: if it is refused, it is counted. */
static vm_fault_t vmf_refused(struct vm_fault *vmf, vm_fault_t ret)
{
	if (ret == VM_FAULT_SIGBUS)
		vma_refused_fault(vmf->vma, vmf->address);
	return ret;
}

/* The same, for who does not look again. */
vm_fault_t vmf_oom_at_once(struct vm_fault *vmf)
{
	return vmf_refused(vmf, vma_oom_fault(vmf->vma));
}

static bool vmf_page_there(struct vm_fault *vmf)
{
	struct folio *folio;
	softleaf_t entry;
	pte_t *ptep, pte;

	ptep = pte_offset_map(vmf->pmd, vmf->address);
	/* It became a huge page, or there was not even a table yet. */
	if (!ptep)
		return !pmd_none(pmdp_get_lockless(vmf->pmd));
	pte = ptep_get_lockless(ptep);
	pte_unmap(ptep);

	/* Not every caller of do_swap_page() says that it knows what was there. */
	if (pte_none(vmf->orig_pte))
		return !pte_none(pte);
	if (!pte_same(pte, vmf->orig_pte))
		return true;
	/* Or it is being read into; the caller keeps the swap device. */
	entry = softleaf_from_pte(pte);
	folio = softleaf_is_swap(entry) ? swap_cache_get_folio(entry) : NULL;
	if (folio)
		folio_put(folio);
	return folio;
}

/* Could there be a page, asked for in this way? */
static struct folio *vmf_page_free(struct vm_fault *vmf, gfp_t gfp)
{
	guard(node_private_scope)(NR_NODE_PRIVATE_EVENTS);
	return vma_alloc_folio(gfp | __GFP_NOWARN, 0, vmf->vma, vmf->address);
}

/*
 * Nothing to be had for an address. 0 if there is by now, be it that another thread has
 * got it there. If a memory cgroup refuses the charge it was not for want of a page, and
 * is as for any memory. What is swapped in is charged to whoever it was swapped out of:
 * with a page to be had, the charge was it.
 */
static vm_fault_t vmf_looks_again(struct vm_fault *vmf)
{
	vm_fault_t ret = vma_oom_fault(vmf->vma);
	struct folio *folio;

	if (ret != VM_FAULT_SIGBUS)
		return ret;
	if (vmf_page_there(vmf))
		return 0;
	folio = vmf_page_free(vmf, GFP_HIGHUSER_MOVABLE & ~__GFP_RECLAIM);
	if (!folio)
		return ret;
	if ((!pte_none(vmf->orig_pte) && !pte_present(vmf->orig_pte)) ||
	    mem_cgroup_charge(folio, vmf->vma->vm_mm, GFP_KERNEL))
		ret = VM_FAULT_OOM;
	else
		ret = 0;
	folio_put(folio);
	return ret;
}

static bool vmf_may_wait(const struct vm_fault *vmf)
{
	return (vmf->flags & FAULT_FLAG_ALLOW_RETRY) &&
	       !(vmf->flags & FAULT_FLAG_RETRY_NOWAIT);
}

/*
 * May it wait for the outcome of an unplug? Not who collapses: that holds a folio which
 * the unplug may wait for, and is not to be killed.
 */
static bool vmf_may_wait_left(const struct vm_fault *vmf)
{
	if (!vmf_may_wait(vmf) || !(vmf->flags & FAULT_FLAG_KILLABLE))
		return false;
	/* Who exits gets no signals: once, see below. */
	return !(current->flags & PF_EXITING) || !(vmf->flags & FAULT_FLAG_TRIED);
}

/* Are nodes that it needs being unplugged, and may it wait for that? */
static bool vmf_leaving(struct vm_fault *vmf, nodemask_t *leaving)
{
	return vmf_may_wait_left(vmf) && vma_nodes_leaving(vmf->vma, leaving);
}

/* So long for who exits, in seconds. */
#define VMF_EXIT_PATIENCE	5

/* If it stays after all there is a page again; if not, that is found out then. */
static vm_fault_t vmf_wait_left(struct vm_fault *vmf, const nodemask_t *leaving)
{
	release_fault_lock(vmf);
	if (current->flags & PF_EXITING)
		wait_event_timeout(node_private_left,
				   !nodes_intersects(*leaving, node_private_leaving),
				   VMF_EXIT_PATIENCE * HZ);
	else
		wait_event_killable(node_private_left,
				    !nodes_intersects(*leaving, node_private_leaving));
	return VM_FAULT_RETRY;
}

/* With nobody else at work in the mapping, and after all that can be given back. */
static bool vmf_lost(struct mm_struct *mm, struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vma_lookup(mm, vmf->address);
	struct folio *folio;

	if (vma != vmf->vma)
		return false;
	/* Another mapping in its place, which may have page tables of another kind. */
	if (is_vm_hugetlb_page(vma) || vma->vm_flags & (VM_SHARED | VM_PFNMAP | VM_MIXEDMAP))
		return false;
	vma_start_write(vma);
	vmf->pmd = mm_find_pmd(mm, vmf->address);
	if (!vmf->pmd || vma_oom_fault(vma) != VM_FAULT_SIGBUS || vmf_page_there(vmf))
		return false;
	folio = vmf_page_free(vmf, GFP_HIGHUSER_MOVABLE | __GFP_NORETRY);
	if (!folio)
		return true;
	folio_put(folio);
	return false;
}

/*
 * The same, and more patient with other threads: one may have the last page, for the
 * same address or for all that is around it, and not have mapped it yet, for a huge page
 * takes a while to clear. No fault is about to when the mapping can be had for writing.
 * (khugepaged may be, where reclaim is on; then it is as if it were somebody else.)
 *
 * May sleep. As from any fault, VM_FAULT_RETRY comes without the lock, and all else with;
 * but with SIGBUS it may have been given up in between.
 */
vm_fault_t vmf_oom_fault(struct vm_fault *vmf)
{
	struct mm_struct *mm = vmf->vma->vm_mm;
	const bool alone = atomic_read(&mm->mm_users) == 1;
	nodemask_t leaving;
	vm_fault_t ret;

	if (vmf_leaving(vmf, &leaving))
		return vmf_wait_left(vmf, &leaving);

	/* Who was another thread, and has ended, had mapped it: pairs with mmput(). */
	smp_rmb();
	ret = vmf_looks_again(vmf);
	if (ret != VM_FAULT_SIGBUS || alone || !vmf_may_wait(vmf) ||
	    /* A copy of what these map, of which vmf_lost() never says that it is lost. */
	    vmf->vma->vm_flags & (VM_PFNMAP | VM_MIXEDMAP))
		return vmf_refused(vmf, ret);

	release_fault_lock(vmf);
	/* It comes again, with the lock that can be waited for. */
	if (vmf->flags & FAULT_FLAG_VMA_LOCK)
		return VM_FAULT_RETRY;
	/* Who is to die is found out by whoever tries again. */
	if (mmap_write_lock_killable(mm))
		return VM_FAULT_RETRY;
	if (vmf_lost(mm, vmf)) {
		mmap_write_downgrade(mm);
		return vmf_refused(vmf, VM_FAULT_SIGBUS);
	}
	mmap_write_unlock(mm);
	return VM_FAULT_RETRY;
}

/*
 * What is in swap could not be had: for a mapping whose node is gone it is ordinary memory,
 * or an error pointer. NULL: there is nothing else to try.
 */
struct folio *vmf_swapin_gone(struct vm_fault *vmf, swp_entry_t entry)
{
	if (!vma_node_gone(vmf->vma))
		return NULL;
	return swapin_ordinary(entry, GFP_HIGHUSER_MOVABLE) ?: ERR_PTR(-ENOMEM);
}

/*
 * It could not, and vmf_swapin_gone() has returned @folio: is there another answer than
 * "out of memory"? Then the caller may have lost the lock. Whoever switches swap off must
 * not wait for who waits.
 */
bool vmf_swap_refused(struct vm_fault *vmf, const struct folio *folio, vm_fault_t *ret,
		      struct swap_info_struct **si)
{
	nodemask_t leaving;
	vm_fault_t oom;

	/* Nor was there ordinary memory. */
	if (!node_private_enabled() || folio)
		return false;
	if (vmf_leaving(vmf, &leaving)) {
		put_swap_device(*si);
		*si = NULL;
		*ret = vmf_wait_left(vmf, &leaving);
		return true;
	}
	oom = vmf_oom_fault(vmf);
	if (oom == VM_FAULT_OOM)
		return false;
	*ret = oom;
	return true;
}

/* What a fault in shared memory says: see shmem_no_folio(). It may have lost its lock. */
vm_fault_t vmf_shmem_error(struct vm_fault *vmf, int err)
{
	const struct vm_area_struct *vma = vmf->vma;
	nodemask_t leaving;

	if (err == -ENOSPC && vmf_may_wait_left(vmf) &&
	    shmem_nodes_leaving(file_inode(vma->vm_file), vmf->pgoff,
				vma->vm_mm == current->mm, &leaving))
		return vmf_wait_left(vmf, &leaving);
	if (err == -ENOSPC && node_private_enabled())
		shmem_refused_fault(vmf);
	return vmf_error(err);
}
