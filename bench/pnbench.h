/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between the measuring module and the program that drives it.
 */
#ifndef PNBENCH_H
#define PNBENCH_H

#include <linux/ioctl.h>
#include <linux/types.h>

/*
 * Where what is measured begins (1) and ends (0), for bench/profile.c: a no-op
 * with an address that nobody uses.
 */
#define MARK_BYTES	0x0f, 0x1f, 0x84, 0x00, 'B', 'N', 'P'
#define MARK(on) \
	asm volatile(".byte 0x0f, 0x1f, 0x84, 0x00, 'B', 'N', 'P', %c0" : : "i"(on) : "memory")

/* What PNB_RUN can repeat. A sample is what one step of it took. */
enum pnb_op {
	PNB_EMPTY,		/* nothing: what measuring itself costs */
	PNB_PAGES,		/* alloc_pages() and __free_pages() */
	PNB_FOLIO,		/* folio_alloc() and folio_put() */
	PNB_FOLIO_NODE,		/* the same with __folio_alloc_node() */
	PNB_KMALLOC,		/* kmalloc() and kfree() */
	PNB_PAGES_BULK,		/* many alloc_pages() in a row, then as many frees */
	PNB_FOLIO_BULK,
	PNB_KMALLOC_BULK,
	PNB_SLAB_PAGE,		/* objects that fill a slab page each */
	PNB_VMALLOC,		/* vmalloc() and vfree() of one page */
};

#define PNB_F_ZERO	1	/* __GFP_ZERO */
#define PNB_F_SCOPE	2	/* inside memalloc_private */
#define PNB_F_USER	4	/* GFP_HIGHUSER_MOVABLE, not GFP_KERNEL */

struct pnb_run {
	__u32 op;
	__u32 flags;
	__u32 order;		/* or the size, for kmalloc */
	__s32 nid;		/* -1 for any */
	__u32 count;		/* samples wanted */
	__u32 pad;
	__u64 samples;		/* where they go: count of __u32, frees of a bulk after them */
};

#define PNB_RUN		_IOW('P', 1, struct pnb_run)
/*
 * 1: no timer interrupt from now on; 0: as usual again. Time does not go on for
 * the kernel in between, so it is for tens of milliseconds.
 */
#define PNB_QUIET	_IOW('P', 2, int)

/* Sizes of the structures that a node has. */
struct pnb_sizes {
	__u64 pglist_data;
	__u64 zonelists;
	__u64 nodemask;
	__u64 max_nodes;
	__u64 per_cpu_node;
};

#define PNB_SIZES	_IOR('P', 4, struct pnb_sizes)

/*
 * Free blocks of just this order on a node, as many as half of these bytes have, from
 * now until the next call; no bytes, no blocks.
 */
struct pnb_place {
	__u64 bytes;
	__u32 order;
	__s32 nid;
};

#define PNB_PLACE	_IOW('P', 5, struct pnb_place)

#endif
