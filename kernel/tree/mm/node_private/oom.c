// SPDX-License-Identifier: GPL-2.0
/* Private memory nodes: what it does no good to kill a task for */

#include <linux/mm.h>
#include <linux/node_private.h>
#include <linux/vmstat.h>

#include "internal.h"

/* Of the entries before @end, those that parent and child have in common. */
void copy_count_private(struct vm_area_struct *dst_vma, struct vm_area_struct *src_vma,
			pte_t *dst_pte, pte_t *src_pte, unsigned long end)
{
	/*
	 * It begins where the first entry has its place in the table. If there is
	 * none, @end may be that of the table before: what is not copied is empty.
	 */
	unsigned long nr = (unsigned long)dst_pte / sizeof(pte_t) % PTRS_PER_PTE;
	unsigned long addr = ((end - 1) & PMD_MASK) + nr * PAGE_SIZE;
	struct folio *folio;
	pte_t pte;

	if (!mm_private_pages(src_vma->vm_mm))
		return;

	for (; addr < end; dst_pte++, src_pte++, addr += PAGE_SIZE) {
		pte = ptep_get(dst_pte);
		/* What was copied has been counted as any new folio. */
		if (!pte_present(pte) || pte_pfn(pte) != pte_pfn(ptep_get(src_pte)))
			continue;
		folio = vm_normal_folio(dst_vma, addr, pte);
		if (folio)
			mm_count_private(dst_vma->vm_mm, folio, 1);
	}
}

/* A copy on write: one folio takes the place of another, if there was one. */
void cow_count_private(struct mm_struct *mm, const struct folio *old, const struct folio *new)
{
	if (old)
		mm_count_private(mm, old, -1);
	mm_count_private(mm, new, 1);
}
