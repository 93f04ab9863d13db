/* SPDX-License-Identifier: GPL-2.0 */
/* Private memory nodes: what its files share */
#ifndef _MM_NODE_PRIVATE_INTERNAL_H
#define _MM_NODE_PRIVATE_INTERNAL_H

#include <linux/cleanup.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mempolicy.h>
#include <linux/mmzone.h>
#include <linux/mutex.h>
#include <linux/node_private.h>
#include <linux/nodemask.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/types.h>

#include "../internal.h"

struct file;
struct inode;
struct mm_struct;
struct node_private;
struct shared_policy;
struct swap_info_struct;

/* Lists for node_private_lru_pages(): page cache that reclaim sees. */
#define NODE_PRIVATE_LRU_FILE	(BIT(LRU_INACTIVE_FILE) | BIT(LRU_ACTIVE_FILE))

/* Under lock_device_hotplug(): nothing is plugged until it is over. */
extern bool node_private_hibernating;

extern nodemask_t node_private_leaving;
extern struct wait_queue_head node_private_left;

/* Changed under lock_device_hotplug(): see node_private_register(). */
extern struct list_head node_private_claims;

#if IS_ENABLED(CONFIG_KUNIT)
/* The tests borrow the node of whoever has claimed it. */
extern struct mutex node_private_lock;
#endif

/* What is counted of a node, by each CPU; and what it came to before its first claim. */
struct node_private_stat {
	unsigned long event[NR_NODE_PRIVATE_EVENTS];
};

#ifdef CONFIG_PRIVATE_NODES
/* Of a page in hand: no more than this_cpu_add(), for it is done at each fault. */
static inline void node_private_count_page(int nid, enum node_private_event event,
					   unsigned int order)
{
	this_cpu_add(NODE_DATA(nid)->private_stat->event[event], 1UL << order);
}

/* Who refuses a node may have seen it in a mask, and not yet what it counts by. */
static inline void node_private_count(int nid, enum node_private_event event, unsigned long nr)
{
	struct node_private_stat __percpu *stat = READ_ONCE(NODE_DATA(nid)->private_stat);

	if (likely(stat))
		this_cpu_add(stat->event[event], nr);
}

/*
 * memalloc_private as mm itself opens it: what is had inside is counted as this. Everybody
 * else is the owner. NR_NODE_PRIVATE_EVENTS is for who only looks whether there is a page,
 * and neither has it nor is refused.
 */
struct node_private_scope {
	unsigned int flags;
	enum node_private_event event;
};

static inline bool node_private_looks(void)
{
	return current->private_event == NR_NODE_PRIVATE_EVENTS;
}

static inline struct node_private_scope
node_private_scope_begin(enum node_private_event event)
{
	struct node_private_scope was = { .event = current->private_event };

	if (!node_private_looks())
		current->private_event = event;
	was.flags = memalloc_private_save();
	return was;
}

static inline void node_private_scope_end(struct node_private_scope was)
{
	memalloc_private_restore(was.flags);
	current->private_event = was.event;
}

DEFINE_CLASS(node_private_scope, struct node_private_scope, node_private_scope_end(_T),
	     node_private_scope_begin(event), enum node_private_event event)

int node_private_begin_stat(int nid);
unsigned long node_private_sum(int nid, enum node_private_event event);
void node_private_refuse(int nid, enum node_private_event reason);
void node_private_refuse_full(int nid, gfp_t gfp);
void node_private_answered(enum node_private_event event, const nodemask_t *nodes, int nid,
			   unsigned int order, gfp_t gfp, const struct page *page);
void node_private_moved(const struct folio *src, const struct folio *dst, int reason);
void node_private_swapped_in(const struct folio *folio);
ssize_t node_private_show_owner(int nid, char *buf);
void node_private_update_files(int nid);

/* A page that has no reference yet, or none, as a folio. */
static inline struct folio *page_frozen_folio(struct page *page)
{
	if (!page)
		return NULL;
	set_page_refcounted(page);
	return page_rmappable_folio(page);
}

/* Then one counts as much as the other, whatever that is. */
static inline bool folios_of_one_zone(struct folio *a, struct folio *b)
{
	return a && page_zone_id(&a->page) == page_zone_id(&b->page);
}

struct folio *folio_alloc_mpol_private(gfp_t gfp, unsigned int order,
				       struct mempolicy *pol, pgoff_t ilx, int nid,
				       enum node_private_opt opt);
nodemask_t *mpol_private_nodemask(struct mempolicy *pol);
unsigned long node_private_lru_pages(unsigned int lists, bool unaged);
void node_private_undirtyable(unsigned long *free, unsigned long *file);
void copy_count_private(struct vm_area_struct *dst_vma, struct vm_area_struct *src_vma,
			pte_t *dst_pte, pte_t *src_pte, unsigned long end);
void cow_count_private(struct mm_struct *mm, const struct folio *old,
		       const struct folio *new);
bool vma_is_callers(const struct vm_area_struct *vma);
bool vma_node_gone(const struct vm_area_struct *vma);
bool vma_nodes_leaving(const struct vm_area_struct *vma, nodemask_t *nodes);
bool vma_node_goes(const struct vm_area_struct *vma);
struct folio *vma_alloc_copy_of_gone(struct vm_area_struct *vma);
vm_fault_t vmf_oom_at_once(struct vm_fault *vmf);
vm_fault_t vmf_oom_fault(struct vm_fault *vmf);
struct folio *vmf_swapin_gone(struct vm_fault *vmf, swp_entry_t entry);
bool vmf_swap_refused(struct vm_fault *vmf, const struct folio *folio, vm_fault_t *ret,
		      struct swap_info_struct **si);
void mpol_add_private(nodemask_t *nodes, const struct mempolicy *pol);
void mpol_refused_fault(const struct mempolicy *pol, enum node_private_opt opt,
			unsigned long address);
void vma_refused_fault(const struct vm_area_struct *vma, unsigned long address);
void mm_dup_private_node(struct mm_struct *mm, struct mm_struct *oldmm);
void mpol_private_allowed(nodemask_t *nodes, struct task_struct *tsk);
bool folio_may_have(struct folio *folio, int nid);
const nodemask_t *mpol_rebind_private(struct mempolicy *pol, const nodemask_t *nodes,
				      nodemask_t *mems);
void mpol_rebound_private(struct mempolicy *pol, const nodemask_t *nodes,
			  nodemask_t *rebound);
enum node_private_opt folio_policy_kind(const struct folio *folio);
bool folio_may_leave(const struct folio *folio);
bool folio_may_come(const struct folio *folio, int nid);
bool node_private_named(int nid);
void mpol_count_refused(const nodemask_t *nodes, const nodemask_t *allowed);
void mpol_count_new(const struct mempolicy *pol, const nodemask_t *nodes);
bool mpol_claim_stands(const struct mempolicy *pol, int nid);
bool mpol_claim_ended(const struct mempolicy *pol);
bool mpol_node_gone(const struct mempolicy *pol);
bool mpol_bound_private(const struct mempolicy *pol, enum node_private_opt opt);
bool mpol_names_denied(const struct mempolicy *pol, const struct vm_area_struct *vma);
int mpol_drop_denied(struct mempolicy **pol, const struct vm_area_struct *vma);
int mpol_set_private_object(struct shared_policy *sp, loff_t size, int nid,
			    unsigned long claim);
bool vma_may_name_private(const struct vm_area_struct *vma);
bool vma_maps_shmem(const struct vm_area_struct *vma);
bool vma_maps_object(const struct vm_area_struct *vma);
bool vma_shmem_names_private(const struct vm_area_struct *vma, unsigned long addr);
bool file_names_private(struct file *file, pgoff_t index);
bool file_may_collapse_to(struct mm_struct *mm, struct file *file, pgoff_t index,
			  int nid);
bool shmem_own(const struct inode *inode);
bool __shmem_policy_private(gfp_t gfp, const struct mempolicy *pol, const struct inode *inode);
int shmem_no_folio(struct inode *inode, pgoff_t index, gfp_t gfp);
struct folio *shmem_swapin_private(swp_entry_t swap, gfp_t gfp, unsigned int order,
				   struct vm_fault *vmf, struct mempolicy *pol, pgoff_t ilx,
				   bool must);
bool shmem_nodes_leaving(struct inode *inode, pgoff_t index, bool own, nodemask_t *nodes);
void shmem_refused_fault(struct vm_fault *vmf);
bool shmem_waited(struct inode *inode, pgoff_t index);

/* Not in line, but where it is no policy, or one of ordinary nodes. */
static inline bool shmem_policy_private(gfp_t gfp, const struct mempolicy *pol,
					const struct inode *inode)
{
	return mpol_names_private(pol) && __shmem_policy_private(gfp, pol, inode);
}

vm_fault_t vmf_shmem_error(struct vm_fault *vmf, int err);
bool node_private_commits(const struct mm_struct *mm, long pages);
bool mpol_parse_private(nodemask_t *nodes, const char *mode, const char *list);
bool nodes_have_memory(const nodemask_t *nodes);
int mbind_check_private(struct mm_struct *mm, unsigned long start,
			unsigned long end, struct mempolicy *pol,
			struct mempolicy **move);
#else
DEFINE_CLASS(node_private_scope, int, (void)_T, 0, enum node_private_event event)

#define node_private_refuse(...)	do { } while (0)
#define node_private_answered(...)	do { } while (0)
#define node_private_moved(...)		do { } while (0)
#define node_private_swapped_in(...)	do { } while (0)
#define folio_alloc_mpol_private(...)	NULL
#define mpol_private_nodemask(...)	NULL
#define node_private_lru_pages(...)	0UL
#define node_private_undirtyable(...)	do { } while (0)
#define copy_count_private(...)		do { } while (0)
#define folios_of_one_zone(...)		true
#define cow_count_private(...)		do { } while (0)
#define vma_is_callers(...)		true
#define vma_node_gone(...)		false
#define vma_node_goes(...)		false
#define vma_alloc_copy_of_gone(...)	NULL
#define vmf_oom_at_once(...)		VM_FAULT_OOM
#define vmf_oom_fault(...)		VM_FAULT_OOM
#define vmf_swap_refused(...)		false
#define vmf_swapin_gone(...)		NULL
#define mpol_add_private(...)		do { } while (0)
#define mpol_private_allowed(...)	do { } while (0)
#define mpol_count_refused(...)		do { } while (0)
#define mpol_count_new(...)		do { } while (0)
#define folio_may_have(...)		true
#define mpol_rebound_private(...)	do { } while (0)
#define folio_policy_kind(...)		NR_NODE_PRIVATE_OPTS
#define folio_may_leave(...)		true
#define folio_may_come(...)		true
#define node_private_named(...)		true
#define mpol_names_denied(...)		false
#define mpol_drop_denied(...)		0
#define vma_may_name_private(...)	true
#define vma_shmem_names_private(...)	false
#define file_names_private(...)		false
#define shmem_policy_private(...)	false
#define shmem_no_folio(...)		-ENOMEM
#define shmem_swapin_private(...)	NULL
#define shmem_waited(...)		false
#define node_private_commits(...)	false
#define mm_dup_private_node(...)	do { } while (0)
#define mpol_parse_private(...)		true
#define nodes_have_memory(nodes)	nodes_subset(*(nodes), node_states[N_MEMORY])
#define mbind_check_private(...)	0

static inline vm_fault_t vmf_shmem_error(struct vm_fault *vmf, int err)
{
	return vmf_error(err);
}

static inline const nodemask_t *
mpol_rebind_private(struct mempolicy *pol, const nodemask_t *nodes, nodemask_t *mems)
{
	return nodes;
}
#endif

#endif /* _MM_NODE_PRIVATE_INTERNAL_H */
