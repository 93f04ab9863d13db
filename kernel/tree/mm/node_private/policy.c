// SPDX-License-Identifier: GPL-2.0
/*
 * Private memory nodes: policies that name them
 *
 * A policy keeps the private nodes that it names, and each allocation decides
 * whether it may have them: anonymous memory does of nodes with memory whose owner
 * opted in to NODE_PRIVATE_MBIND, shared memory of those with NODE_PRIVATE_SHMEM, and
 * nothing else. A mapping that has a node for its own, vma_set_private_node(), needs no
 * opt-in: that is a policy, too.
 */

#define pr_fmt(fmt) "node_private: " fmt

#include <linux/cpuset.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/memcontrol.h>
#include <linux/mempolicy.h>
#include <linux/mm.h>
#include <linux/node_private.h>
#include <linux/sched/mm.h>
#include <linux/swap.h>

#include "../internal.h"
#include "../page_alloc.h"
#include "internal.h"

#include <trace/events/node_private.h>

/**
 * vma_set_private_node - give a new anonymous mapping a private node
 * @vma: the mapping, from its file's ->mmap()
 * @nid: the node
 * @claim: the claim on it that lets the mapping in, node_private_id()
 *
 * All folios of the mapping, its copies and its parts come from the node, and
 * if it has none left the fault is SIGBUS. The mapping stays valid when the claim
 * ends: it keeps the folios it has, wherever they were moved to, and gets no others,
 * whoever has the node then.
 *
 * The mapping's file has to hold node_private_get() as long as it is open.
 *
 * Context: process context, under the write-locked mmap_lock. May sleep.
 * Return: 0, or -ENOMEM.
 */
int vma_set_private_node(struct vm_area_struct *vma, int nid, unsigned long claim)
{
	struct mempolicy private = {
		.mode = MPOL_BIND,
		.flags = MPOL_F_PRIVATE | MPOL_F_NAMES_PRIVATE,
		.home_node = NUMA_NO_NODE,
		.nodes = nodemask_of_node(nid),
		.w.private_claim = claim,
	};
	struct mempolicy *pol = mpol_dup(&private);

	if (IS_ERR(pol))
		return PTR_ERR(pol);

	WRITE_ONCE(vma->vm_policy, pol); /* not in the tree yet */
	return 0;
}
EXPORT_SYMBOL_GPL(vma_set_private_node);

/**
 * mm_note_private_node - a mapping of a private node of its own is about to be made
 * @mm: where
 *
 * How much memory it may be for is asked before there is the mapping: see
 * node_private_commits().
 *
 * Context: process context.
 */
void mm_note_private_node(struct mm_struct *mm)
{
	mm_flags_set(MMF_PRIVATE_NODE, mm);
}
EXPORT_SYMBOL_GPL(mm_note_private_node);

/* A child may have a child itself. */
void mm_dup_private_node(struct mm_struct *mm, struct mm_struct *oldmm)
{
	if (node_private_enabled() && mm_flags_test(MMF_PRIVATE_NODE, oldmm))
		mm_note_private_node(mm);
}

/**
 * mpol_set_private_object - the same for an object of shared memory, all of it
 * @sp: its policies, of which it has none
 * @size: in bytes
 * @nid: the node
 * @claim: the claim
 *
 * Context: process context, may sleep.
 * Return: 0, or -ENOMEM.
 */
int mpol_set_private_object(struct shared_policy *sp, loff_t size, int nid,
			    unsigned long claim)
{
	struct vm_area_struct *vma __free(kfree) = kzalloc_obj(*vma);
	struct mempolicy *pol;
	int rc;

	if (!vma)
		return -ENOMEM;
	vma_init(vma, NULL);
	vma->vm_end = PAGE_ALIGN(size);
	rc = vma_set_private_node(vma, nid, claim);
	if (rc)
		return rc;
	pol = vma->vm_policy;
	rc = mpol_set_shared_policy(sp, vma, pol);
	mpol_put(pol);
	return rc;
}

/* Of a mapping's own: is the node still under the claim that let the mapping in? */
bool mpol_claim_stands(const struct mempolicy *pol, int nid)
{
	/* Without a lock: it says no more than what was, but to who has a folio of the node. */
	return READ_ONCE(NODE_DATA(nid)->private_claim) == pol->w.private_claim;
}

bool mpol_claim_ended(const struct mempolicy *pol)
{
	return mpol_is_private(pol) && !mpol_claim_stands(pol, first_node(pol->nodes));
}

/*
 * May a task have memory of the node, as far as cpusets go? One grants it by name; whom
 * none confines may have it by number, unless its owner wants a grant.
 */
static inline bool task_granted(struct task_struct *tsk, const nodemask_t *mems, int nid)
{
	return node_isset(nid, *mems) ||
	       (!node_private_allows(nid, NODE_PRIVATE_CPUSET) && !cpuset_confines(tsk));
}

static bool node_private_granted(int nid)
{
	return task_granted(current, &cpuset_current_mems_allowed, nid);
}

/*
 * The private nodes that policies of a task can name, if @mems is what its cpuset says:
 * those with memory whose owner lets policies name them, and which it may have.
 */
static nodemask_t mpol_private_usable(const nodemask_t *mems, struct task_struct *tsk,
				      const nodemask_t *denied)
{
	nodemask_t usable;

	if (cpuset_confines(tsk))
		nodes_and(usable, *mems, node_states[N_MEMORY_PRIVATE]);
	else
		nodes_and(usable, node_private_denied[NODE_PRIVATE_CPUSET],
			  node_states[N_MEMORY_PRIVATE]);
	nodes_andnot(usable, usable, *denied);
	return usable;
}

/* The private nodes that policies can name for no kind of memory. */
static nodemask_t mpol_private_denied(void)
{
	nodemask_t denied;

	nodes_and(denied, node_private_denied[NODE_PRIVATE_MBIND],
		  node_private_denied[NODE_PRIVATE_SHMEM]);
	return denied;
}

/*
 * Of what a cpuset says, which without cpusets is any node that is possible, leave the
 * private nodes that policies of the task can name.
 */
void mpol_private_allowed(nodemask_t *nodes, struct task_struct *tsk)
{
	const nodemask_t denied = mpol_private_denied();
	nodemask_t usable;

	if (!node_private_enabled())
		return;

	usable = mpol_private_usable(nodes, tsk, &denied);
	nodes_andnot(*nodes, *nodes, node_private_registered);
	nodes_or(*nodes, *nodes, usable);
}

/* Those that the task's policy names and it may have. */
static void mpol_private_of_task(nodemask_t *nodes)
{
	const nodemask_t denied = mpol_private_denied();

	*nodes = mpol_private_usable(&cpuset_current_mems_allowed, current, &denied);
	nodes_and(*nodes, *nodes, current->mempolicy->nodes);
}

/*
 * Are some of these kept from the task? By their owner, or by its cpuset. A node without
 * memory has none to refuse.
 */
static void count_refused(const nodemask_t *nodes, const nodemask_t *usable,
			  const nodemask_t *denied)
{
	int nid;

	for_each_node_mask(nid, *nodes) {
		if (node_state(nid, N_MEMORY_PRIVATE) && !node_isset(nid, *usable))
			node_private_refuse(nid, node_isset(nid, *denied) ?
					    NODE_PRIVATE_REFUSED_KNOB :
					    NODE_PRIVATE_REFUSED_CPUSET);
	}
}

/*
 * Add the private nodes that a new policy of this task can name. What is relative is so
 * to the nodes of the cpuset, among which none is that can only be had by number, and
 * names none.
 */
void mpol_add_private(nodemask_t *nodes, const struct mempolicy *pol)
{
	const nodemask_t denied = mpol_private_denied();
	nodemask_t usable;

	usable = mpol_private_usable(&cpuset_current_mems_allowed, current, &denied);
	if (pol->flags & MPOL_F_RELATIVE_NODES)
		nodes_and(usable, usable, cpuset_current_mems_allowed);
	nodes_or(*nodes, *nodes, usable);
}

/* A system call names nodes, and its task may have those that mpol_private_allowed() left. */
void mpol_count_refused(const nodemask_t *nodes, const nodemask_t *allowed)
{
	nodemask_t denied;

	if (!node_private_enabled())
		return;
	denied = mpol_private_denied();
	count_refused(nodes, allowed, &denied);
}

/* The same for one that makes a policy, which names nothing if it is relative. */
void mpol_count_new(const struct mempolicy *pol, const nodemask_t *nodes)
{
	nodemask_t allowed = cpuset_current_mems_allowed;

	if (!node_private_enabled() || !pol || pol->mode == MPOL_LOCAL ||
	    (pol->flags & MPOL_F_RELATIVE_NODES))
		return;
	mpol_private_allowed(&allowed, current);
	mpol_count_refused(nodes, &allowed);
}

/*
 * A cpuset gets other nodes, and the policy is to follow: to which? Nobody is moved to a
 * private node who did not name it, so they are no places for who named others.
 * What is relative has them at their place.
 */
const nodemask_t *mpol_rebind_private(struct mempolicy *pol, const nodemask_t *nodes,
				      nodemask_t *mems)
{
	if (pol->flags & MPOL_F_STATIC_NODES)
		return nodes;

	if (pol->flags & MPOL_F_RELATIVE_NODES) {
		const nodemask_t denied = mpol_private_denied();

		nodes_andnot(*mems, *nodes, denied);
		return mems;
	}

	nodes_andnot(*mems, *nodes, node_private_registered);
	nodes_andnot(pol->w.cpuset_mems_allowed, pol->w.cpuset_mems_allowed,
		     node_private_registered);
	return mems;
}

/*
 * The private nodes that it names stay in it, granted or not: that is asked for each
 * allocation. And no policy is left that names what nobody gave it.
 */
void mpol_rebound_private(struct mempolicy *pol, const nodemask_t *nodes,
			  nodemask_t *rebound)
{
	nodemask_t private;

	nodes_and(private, pol->nodes, node_private_registered);
	if (!(pol->flags & MPOL_F_RELATIVE_NODES))
		nodes_or(*rebound, *rebound, private);
	if (nodes_empty(*rebound))
		nodes_andnot(*rebound, *nodes, node_private_registered);
	if (nodes_intersects(*rebound, node_private_registered))
		pol->flags |= MPOL_F_NAMES_PRIVATE;
}

/* By the cpuset of the group that memory is charged to, as for demotion. Drops @memcg. */
static bool memcg_may_have(struct mem_cgroup *memcg, int nid)
{
	nodemask_t nodes = nodemask_of_node(nid);

	if (!memcg)
		return !node_private_allows(nid, NODE_PRIVATE_CPUSET);

	mem_cgroup_node_filter_allowed(memcg, &nodes);
	mem_cgroup_put(memcg);
	return !nodes_empty(nodes);
}

/* May somebody who migrates it for its owner bring the folio to a node? */
bool folio_may_have(struct folio *folio, int nid)
{
	return !node_is_private(nid) || memcg_may_have(get_mem_cgroup_from_folio(folio), nid);
}

/* The owner of the memory, whoever asks; khugepaged does for everybody. */
static bool mm_may_have(struct mm_struct *mm, int nid)
{
	if (mm == current->mm)
		return node_private_granted(nid);
#if defined(CONFIG_MEMCG) && defined(CONFIG_CPUSETS)
	{
		struct task_struct *owner;

		/* It may change cpusets just now, and get the one answer or the other. */
		guard(rcu)();
		owner = rcu_dereference(mm->owner);
		return owner && task_granted(owner, &owner->mems_allowed, nid);
	}
#else
	return !node_private_allows(nid, NODE_PRIVATE_CPUSET);
#endif
}

/* Does the policy name private nodes and no other? */
static bool mpol_only_private(const struct mempolicy *pol)
{
	return mpol_names_private(pol) &&
	       nodes_subset(pol->nodes, node_private_registered);
}

/* Is there memory in the mapping that policies can place on private nodes? */
bool vma_may_name_private(const struct vm_area_struct *vma)
{
	return vma_is_anonymous(vma) || vma_maps_shmem(vma);
}

/*
 * Is it memory of this task, or of the program that it is about to become? Who makes the
 * latter's stack cannot wait until it is known whether a node stays: it has nothing there.
 */
bool vma_is_callers(const struct vm_area_struct *vma)
{
	const struct mempolicy *pol = current->mempolicy;

	return vma->vm_mm == current->mm ||
	       (vma_is_temporary_stack(vma) &&
		!(pol && nodes_intersects(pol->nodes, node_private_leaving)));
}

/*
 * The policy that anonymous memory of the mapping has for this task; none for somebody
 * else's, which it reads in or writes to: see get_vma_policy().
 */
static const struct mempolicy *vma_effective_policy(const struct vm_area_struct *vma)
{
	/* That of a file is for the memory that is shared: see folio_alloc_mpol_any(). */
	if (vma->vm_policy)
		return vma_is_anonymous(vma) || !vma_maps_shmem(vma) ? vma->vm_policy : NULL;
	return vma_is_callers(vma) ? current->mempolicy : NULL;
}

bool vma_names_private(const struct vm_area_struct *vma)
{
	return node_private_enabled() &&
	       mpol_names_private(vma_effective_policy(vma));
}

/* May memory of that kind be on a private node, for the owner of @mm? */
static bool node_may_have(int nid, enum node_private_opt opt, struct mm_struct *mm)
{
	return node_state(nid, N_MEMORY_PRIVATE) && node_private_allows(nid, opt) &&
	       mm_may_have(mm, nid);
}

/* Can memory of that kind come from private nodes only, for the owner of @mm? */
static bool mpol_bound_private_of(const struct mempolicy *pol, enum node_private_opt opt,
				  struct mm_struct *mm)
{
	int nid;

	if (mpol_is_private(pol))
		return true;
	if (!pol || pol->mode != MPOL_BIND || !mpol_only_private(pol))
		return false;
	for_each_node_mask(nid, pol->nodes) {
		if (node_may_have(nid, opt, mm))
			return true;
	}
	return false;
}

/* The same for the running task. */
bool mpol_bound_private(const struct mempolicy *pol, enum node_private_opt opt)
{
	return mpol_bound_private_of(pol, opt, current->mm);
}

/* Can memory of the mapping come from private nodes only? */
bool vma_bound_private(const struct vm_area_struct *vma)
{
	return node_private_enabled() &&
	       mpol_bound_private_of(vma_effective_policy(vma), NODE_PRIVATE_MBIND, vma->vm_mm);
}

/*
 * Is there nothing new for what has a node for its own: its claim has ended, or the memory
 * has gone, or goes just now? Then what it has in swap is ordinary memory.
 */
bool mpol_node_gone(const struct mempolicy *pol)
{
	int nid;

	if (!mpol_is_private(pol))
		return false;
	nid = first_node(pol->nodes);
	return !mpol_claim_stands(pol, nid) || !node_state(nid, N_MEMORY_PRIVATE) ||
	       node_isset(nid, node_private_leaving);
}

bool vma_node_gone(const struct vm_area_struct *vma)
{
	return mpol_node_gone(vma->vm_policy);
}

/*
 * A fault is SIGBUS, for want of memory of those of the policy's nodes that it could be on,
 * or of a claim on them.
 */
void mpol_refused_fault(const struct mempolicy *pol, enum node_private_opt opt,
			unsigned long address)
{
	int nid;

	for_each_node_mask(nid, pol->nodes) {
		if (!mpol_is_private(pol) && !node_may_have(nid, opt, current->mm))
			continue;
		if (mpol_claim_ended(pol))
			node_private_refuse(nid, NODE_PRIVATE_REFUSED_CLAIM);
		node_private_count(nid, NODE_PRIVATE_FAULT_SIGBUS, 1);
		trace_node_private_fault(nid, address);
	}
}

void vma_refused_fault(const struct vm_area_struct *vma, unsigned long address)
{
	const struct mempolicy *pol = vma_effective_policy(vma);

	if (pol)
		mpol_refused_fault(pol, NODE_PRIVATE_MBIND, address);
}

/* Of the nodes that it is bound to, which are being unplugged just now? */
bool vma_nodes_leaving(const struct vm_area_struct *vma, nodemask_t *nodes)
{
	const struct mempolicy *pol;

	if (!vma_bound_private(vma))
		return false;
	pol = vma_effective_policy(vma);
	/* To a claim that has ended it is nothing what becomes of the next one's. */
	if (mpol_claim_ended(pol))
		return false;
	return nodes_and(*nodes, pol->nodes, node_private_leaving);
}

/*
 * Is there nothing new for the mapping, for good or until it is known whether its nodes
 * stay? A copy of what it has, for who cannot wait for that, is ordinary memory.
 */
bool vma_node_goes(const struct vm_area_struct *vma)
{
	nodemask_t leaving;

	return vma_node_gone(vma) || vma_nodes_leaving(vma, &leaving);
}

struct folio *vma_alloc_copy_of_gone(struct vm_area_struct *vma)
{
	struct folio *folio;

	if (!node_private_enabled() || !vma_node_goes(vma))
		return NULL;
	folio = folio_alloc(GFP_HIGHUSER_MOVABLE, 0);
	if (folio && mem_cgroup_charge(folio, vma->vm_mm, GFP_KERNEL)) {
		folio_put(folio);
		return NULL;
	}
	return folio;
}

/*
 * khugepaged puts a huge page where most of the small ones are, of a mapping or,
 * without one, of a file that @mm has mapped. A mapping that is bound to private nodes
 * gets no ordinary memory so, which a fault would refuse it; and nobody gets more of a
 * private node that neither this policy names nor its owner lets others place memory on.
 */
bool vma_may_collapse_to(struct mm_struct *mm, const struct vm_area_struct *vma, int nid)
{
	const struct mempolicy *pol;
	bool named, allowed;

	if (!node_is_private(nid))
		return !vma || !vma_bound_private(vma);

	pol = vma && vma_names_private(vma) ? vma_effective_policy(vma) : NULL;
	named = pol && node_isset(nid, pol->nodes);
	/* Whoever has the node then may let others have it: not those of the claim before. */
	if (named && mpol_is_private(pol))
		return mpol_claim_stands(pol, nid);
	/* What lets shared memory in is nothing to a mapping that is anonymous. */
	if (named || !vma)
		allowed = named || node_private_is_pseudo(nid);
	else
		allowed = node_private_allows(nid, NODE_PRIVATE_DEMOTION) ||
			  node_private_allows(nid, NODE_PRIVATE_MBIND);
	return allowed && mm_may_have(mm, nid);
}

/*
 * Is this the folio of a mapping whose policy names private nodes? Whatever else is
 * allocated meanwhile is ordinary memory.
 */
static bool mpol_private_scope(const struct mempolicy *pol)
{
	return mpol_names_private(pol) && in_task() &&
	       (current->flags & PF_MEMALLOC_SCOPES) == PF_MEMALLOC_SCOPES;
}

/*
 * A bind that does not apply as it stands does, whatever the cpuset and the zone, to
 * those who may have its private nodes. What is not anonymous memory goes on
 * without it.
 */
nodemask_t *mpol_private_nodemask(struct mempolicy *pol)
{
	return mpol_is_private(pol) || mpol_private_scope(pol) ? &pol->nodes : NULL;
}

/*
 * The one private node that a policy is bound to, if it can have that: the mapping's
 * own, or one whose owner lets policies name it.
 */
static __always_inline int mpol_bound_to_one(const struct mempolicy *pol, enum node_private_opt opt)
{
	int nid;

	if (pol->mode != MPOL_BIND || nodes_weight(pol->nodes) != 1)
		return NUMA_NO_NODE;

	nid = first_node(pol->nodes);
	if (!node_isset(nid, node_states[N_MEMORY_PRIVATE]))
		return NUMA_NO_NODE;
	if (pol->flags & MPOL_F_PRIVATE)
		return mpol_claim_stands(pol, nid) ? nid : NUMA_NO_NODE;
	return node_private_allows(nid, opt) && node_private_granted(nid) ? nid : NUMA_NO_NODE;
}

/* What an allocation under the policy is counted as. */
static enum node_private_event mpol_event(const struct mempolicy *pol, enum node_private_opt opt)
{
	if (pol->flags & MPOL_F_PRIVATE)
		return NODE_PRIVATE_ALLOC_DAX;
	return opt == NODE_PRIVATE_SHMEM ? NODE_PRIVATE_ALLOC_SHMEM : NODE_PRIVATE_ALLOC_MBIND;
}

/* What counts if of the policy's nodes none is left. */
static struct mempolicy mpol_none = {
	.refcnt = ATOMIC_INIT(1),
	.mode = MPOL_LOCAL,
};

/* From these nodes, or without a policy. */
static struct folio *
folio_alloc_mpol_first(gfp_t gfp, unsigned int order, struct mempolicy *pol,
		       pgoff_t ilx, int nid, enum node_private_event event)
{
	struct folio *folio = NULL;

	if (!nodes_empty(pol->nodes)) {
		guard(node_private_scope)(event);
		folio = folio_alloc_mpol_noprof(gfp | __GFP_NOWARN, order, pol, ilx, nid);
	}
	return folio ?: folio_alloc_mpol_noprof(gfp, order, &mpol_none, ilx, nid);
}

/*
 * Those that have no memory, or whose owner does not want policies to name them (any
 * more), or that the task's cpuset does not grant it, count as nodes without memory; if
 * nothing is left, the policy counts as not there. Nor does a bind for its ordinary nodes,
 * if the cpuset has none of them: then there are the private ones, and all others behind
 * them. Not in line: the masks take longer to clear than an allocation takes that needs
 * none of them.
 */
static noinline struct folio *
folio_alloc_mpol_usable(gfp_t gfp, unsigned int order, struct mempolicy *pol,
			pgoff_t ilx, int nid, enum node_private_opt opt)
{
	struct mempolicy usable;
	nodemask_t drop, may;

	may = mpol_private_usable(&cpuset_current_mems_allowed, current,
				  &node_private_denied[opt]);
	nodes_andnot(drop, node_private_registered, may);
	if (nodes_intersects(pol->nodes, drop) ||
	    (pol->home_node != NUMA_NO_NODE && node_isset(pol->home_node, drop))) {
		count_refused(&pol->nodes, &may, &node_private_denied[opt]);
		usable = *pol;
		nodes_andnot(usable.nodes, pol->nodes, drop);
		if (usable.home_node != NUMA_NO_NODE &&
		    node_isset(usable.home_node, drop))
			usable.home_node = NUMA_NO_NODE;
		pol = nodes_empty(usable.nodes) ? &mpol_none : &usable;
	}
	if (pol->mode == MPOL_BIND && !mpol_only_private(pol) &&
	    !cpuset_nodemask_valid_mems_allowed(&pol->nodes)) {
		usable = *pol;
		nodes_and(usable.nodes, pol->nodes, node_private_registered);
		return folio_alloc_mpol_first(gfp, order, &usable, ilx, nid,
					      mpol_event(pol, opt));
	}

	guard(node_private_scope)(mpol_event(pol, opt));
	return folio_alloc_mpol_noprof(gfp, order, pol, ilx, nid);
}

static inline struct folio *
__folio_alloc_mpol_private(gfp_t gfp, unsigned int order, struct mempolicy *pol,
			   pgoff_t ilx, int nid, enum node_private_opt opt)
{
	const int one = mpol_bound_to_one(pol, opt);
	struct folio *folio;

	/* By far the most frequent, so without scopes and what asks for them. */
	if (one != NUMA_NO_NODE) {
		folio = page_frozen_folio(alloc_frozen_pages_private(gfp | __GFP_COMP, order,
								     one, &pol->nodes));
		/* It may have slept. With a page of it in hand the node has its claim. */
		if ((pol->flags & MPOL_F_PRIVATE) && !mpol_claim_stands(pol, one)) {
			if (folio)
				folio_put(folio);
			return NULL;
		}
		if (node_private_looks())
			return folio;
		if (likely(folio))
			node_private_count_page(one, mpol_event(pol, opt), order);
		else
			node_private_refuse_full(one, gfp);
		return folio;
	}

	/* The mapping outlives the memory: fail once it was unplugged. */
	if (pol->flags & MPOL_F_PRIVATE)
		return NULL;

	return folio_alloc_mpol_usable(gfp, order, pol, ilx, nid, opt);
}

/* A call of its own, so that nothing is worked out or kept for it while nobody listens. */
static noinline struct folio *
folio_alloc_mpol_traced(gfp_t gfp, unsigned int order, struct mempolicy *pol,
			pgoff_t ilx, int nid, enum node_private_opt opt)
{
	const int one = mpol_bound_to_one(pol, opt);
	struct folio *folio = __folio_alloc_mpol_private(gfp, order, pol, ilx, nid, opt);

	/* Others are traced where they are answered. */
	if (one != NUMA_NO_NODE && !mpol_claim_ended(pol) && !node_private_looks())
		trace_node_private_alloc(mpol_event(pol, opt), one, order, gfp,
					 folio ? folio_nid(folio) : NUMA_NO_NODE);
	return folio;
}

/*
 * Memory under a policy that names private nodes: anonymous, for NODE_PRIVATE_MBIND, or
 * shared, for NODE_PRIVATE_SHMEM.
 */
struct folio *
folio_alloc_mpol_private(gfp_t gfp, unsigned int order, struct mempolicy *pol,
			 pgoff_t ilx, int nid, enum node_private_opt opt)
{
	if (trace_node_private_alloc_enabled())
		return folio_alloc_mpol_traced(gfp, order, pol, ilx, nid, opt);
	return __folio_alloc_mpol_private(gfp, order, pol, ilx, nid, opt);
}

/*
 * Which opt-in lets policies place a folio on private nodes? NR_NODE_PRIVATE_OPTS for
 * what they cannot. Of a folio on the LRU lists, what is for swap is of one kind or other.
 */
enum node_private_opt folio_policy_kind(const struct folio *folio)
{
	if (folio_test_hugetlb(folio))
		return NR_NODE_PRIVATE_OPTS;
	if (folio_test_anon(folio))
		return NODE_PRIVATE_MBIND;
	return folio_test_swapbacked(folio) ? NODE_PRIVATE_SHMEM : NR_NODE_PRIVATE_OPTS;
}

/* May who moves memory by node take the folio from where it is? */
bool folio_may_leave(const struct folio *folio)
{
	return folio_allows(folio, NODE_PRIVATE_MBIND) ||
	       (folio_policy_kind(folio) == NODE_PRIVATE_SHMEM &&
		folio_allows(folio, NODE_PRIVATE_SHMEM));
}

/* And bring it to a node? */
bool folio_may_come(const struct folio *folio, int nid)
{
	const enum node_private_opt kind = folio_policy_kind(folio);

	return !node_is_private(nid) ||
	       (kind != NR_NODE_PRIVATE_OPTS && node_private_allows(nid, kind));
}

/* Somebody moves memory to a node: can that be named at all? */
bool node_private_named(int nid)
{
	if (node_private_allows(nid, NODE_PRIVATE_MBIND) ||
	    node_private_allows(nid, NODE_PRIVATE_SHMEM))
		return true;
	node_private_refuse(nid, NODE_PRIVATE_REFUSED_KNOB);
	return false;
}

/* Which private nodes can a policy of the mapping not have, for the memory that is in it? */
static const nodemask_t *vma_policy_denied(const struct vm_area_struct *vma)
{
	if (vma_is_anonymous(vma))
		return &node_private_denied[NODE_PRIVATE_MBIND];
	if (vma_maps_shmem(vma))
		return &node_private_denied[NODE_PRIVATE_SHMEM];
	return &node_private_registered;
}

static int mpol_drop(struct mempolicy **pol, const nodemask_t *drop)
{
	nodemask_t nodes;
	struct mempolicy *new;

	nodes_andnot(nodes, (*pol)->nodes, *drop);
	if (nodes_empty(nodes))
		return -EINVAL;

	new = mpol_dup(*pol);
	if (IS_ERR(new))
		return PTR_ERR(new);
	new->nodes = nodes;
	if (!nodes_intersects(nodes, node_private_registered))
		new->flags &= ~MPOL_F_NAMES_PRIVATE;
	*pol = new;
	return 0;
}

/* Does a policy name private nodes that the mapping cannot have? */
bool mpol_names_denied(const struct mempolicy *pol, const struct vm_area_struct *vma)
{
	return mpol_names_private(pol) && nodes_intersects(pol->nodes, *vma_policy_denied(vma));
}

/* A mapping does not get private nodes that it cannot have: take them out. */
int mpol_drop_denied(struct mempolicy **pol, const struct vm_area_struct *vma)
{
	return mpol_drop(pol, vma_policy_denied(vma));
}

/* The same for the option mpol= of a tmpfs: is anything left? */
bool mpol_parse_private(nodemask_t *nodes, const char *mode, const char *list)
{
	nodemask_t usable, drop;

	if (!node_private_enabled() || !nodes_intersects(*nodes, node_private_registered))
		return true;

	usable = mpol_private_usable(&cpuset_current_mems_allowed, current,
				     &node_private_denied[NODE_PRIVATE_SHMEM]);
	nodes_andnot(drop, node_private_registered, usable);
	count_refused(nodes, &usable, &node_private_denied[NODE_PRIVATE_SHMEM]);
	if (nodes_andnot(*nodes, *nodes, drop))
		return true;

	pr_warn_ratelimited("mpol=%s:%s: private nodes that a tmpfs mounted here cannot have: see \"shmem\" and \"cpuset\" of their devices\n",
			    mode, list);
	return false;
}

/* What is left of private nodes has been looked at. */
bool nodes_have_memory(const nodemask_t *nodes)
{
	nodemask_t ordinary;

	nodes_andnot(ordinary, *nodes, node_private_registered);
	return nodes_subset(ordinary, node_states[N_MEMORY]);
}

/*
 * Before anything is changed: is there a mapping whose policy is not to be
 * changed, or for which the new one would be empty? Then that is the answer. Are
 * there mappings that do not get all of it? Then @move is what memory is moved by.
 */
int mbind_check_private(struct mm_struct *mm, unsigned long start,
			unsigned long end, struct mempolicy *pol,
			struct mempolicy **move)
{
	struct vm_area_struct *vma;
	nodemask_t drop, left, refused;
	struct vma_iterator vmi;
	int rc = 0;

	if (!node_private_enabled())
		return 0;

	nodes_clear(drop);
	nodes_clear(refused);
	vma_iter_init(&vmi, mm, start);
	for_each_vma_range(vmi, vma, end) {
		if (mpol_is_private(vma->vm_policy) || vma_maps_object(vma))
			return -EINVAL;
		if (!mpol_names_denied(pol, vma))
			continue;
		if (vma_may_name_private(vma)) {
			nodes_and(left, pol->nodes, *vma_policy_denied(vma));
			nodes_or(refused, refused, left);
		}
		nodes_or(drop, drop, *vma_policy_denied(vma));
		if (!nodes_andnot(left, pol->nodes, *vma_policy_denied(vma))) {
			rc = -EINVAL;
			break;
		}
	}
	/* By knobs: what the task may not have is not in the policy. Once, of all mappings. */
	count_refused(&refused, &NODE_MASK_NONE, &refused);
	if (rc || nodes_empty(drop))
		return rc;

	*move = pol;
	return mpol_drop(move, &drop);
}

/*
 * In overcommit mode 0: are so many pages no more than there are with the private nodes
 * that the mapping can be on? These are the nodes that the task's policy names, and all
 * for who has mapped a device: which, nobody knows who asks.
 */
bool node_private_commits(const struct mm_struct *mm, long pages)
{
	unsigned long there = totalram_pages() + total_swap_pages;
	nodemask_t nodes = NODE_MASK_NONE;
	struct zone *zone;

	if (!node_private_enabled())
		return false;
	if (mm && mm_flags_test(MMF_PRIVATE_NODE, mm))
		nodes = node_states[N_MEMORY_PRIVATE];
	else if (mpol_names_private(current->mempolicy))
		mpol_private_of_task(&nodes);
	for_each_populated_zone(zone) {
		if (node_isset(zone_to_nid(zone), nodes))
			there += zone_managed_pages(zone);
	}
	return pages <= there;
}
