/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM node_private

#if !defined(_TRACE_NODE_PRIVATE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_NODE_PRIVATE_H

#include <linux/memory_hotplug.h>
#include <linux/node_private.h>
#include <linux/tracepoint.h>
#include <trace/events/mmflags.h>

TRACE_DEFINE_ENUM(NODE_PRIVATE_ALLOC_OWNER);
TRACE_DEFINE_ENUM(NODE_PRIVATE_ALLOC_DAX);
TRACE_DEFINE_ENUM(NODE_PRIVATE_ALLOC_MBIND);
TRACE_DEFINE_ENUM(NODE_PRIVATE_ALLOC_SHMEM);
TRACE_DEFINE_ENUM(NODE_PRIVATE_ALLOC_MIGRATE);
TRACE_DEFINE_ENUM(NODE_PRIVATE_REFUSED_FULL);
TRACE_DEFINE_ENUM(NODE_PRIVATE_REFUSED_KNOB);
TRACE_DEFINE_ENUM(NODE_PRIVATE_REFUSED_CPUSET);
TRACE_DEFINE_ENUM(NODE_PRIVATE_REFUSED_CLAIM);
TRACE_DEFINE_ENUM(NODE_PRIVATE_RECLAIM);
TRACE_DEFINE_ENUM(NODE_PRIVATE_DEMOTION);
TRACE_DEFINE_ENUM(NODE_PRIVATE_MBIND);
TRACE_DEFINE_ENUM(NODE_PRIVATE_MADVISE);
TRACE_DEFINE_ENUM(NODE_PRIVATE_NUMA_BALANCE);
TRACE_DEFINE_ENUM(NODE_PRIVATE_LTPIN);
TRACE_DEFINE_ENUM(NODE_PRIVATE_CPUSET);
TRACE_DEFINE_ENUM(NODE_PRIVATE_SHMEM);
TRACE_DEFINE_ENUM(MMOP_ONLINE);
TRACE_DEFINE_ENUM(MMOP_ONLINE_KERNEL);
TRACE_DEFINE_ENUM(MMOP_ONLINE_MOVABLE);

/* Who asks, as it is counted. */
#define show_node_private_kind(kind)					\
	__print_symbolic(kind,						\
			 { NODE_PRIVATE_ALLOC_OWNER,	"owner" },	\
			 { NODE_PRIVATE_ALLOC_DAX,	"dax" },	\
			 { NODE_PRIVATE_ALLOC_MBIND,	"mbind" },	\
			 { NODE_PRIVATE_ALLOC_SHMEM,	"shmem" },	\
			 { NODE_PRIVATE_ALLOC_MIGRATE,	"migrate" })

#define show_node_private_reason(reason)				\
	__print_symbolic(reason,					\
			 { NODE_PRIVATE_REFUSED_FULL,	"full" },	\
			 { NODE_PRIVATE_REFUSED_KNOB,	"knob" },	\
			 { NODE_PRIVATE_REFUSED_CPUSET,	"cpuset" },	\
			 { NODE_PRIVATE_REFUSED_CLAIM,	"claim" })

#define show_node_private_online(type)					\
	__print_symbolic(type,						\
			 { MMOP_ONLINE,		"online" },		\
			 { MMOP_ONLINE_KERNEL,	"online_kernel" },	\
			 { MMOP_ONLINE_MOVABLE,	"online_movable" })

#define show_node_private_opts(opts)					\
	__print_flags(opts, "|",					\
		      { NODE_PRIVATE_OPT_RECLAIM,	"reclaim" },	\
		      { NODE_PRIVATE_OPT_DEMOTION,	"demotion" },	\
		      { NODE_PRIVATE_OPT_MBIND,		"mbind" },	\
		      { NODE_PRIVATE_OPT_MADVISE,	"madvise" },	\
		      { NODE_PRIVATE_OPT_NUMA_BALANCE,	"numa_balance" }, \
		      { NODE_PRIVATE_OPT_LTPIN,		"ltpin" },	\
		      { NODE_PRIVATE_OPT_CPUSET,	"cpuset" },	\
		      { NODE_PRIVATE_OPT_SHMEM,		"shmem" })

/* At the door: an allocation was admitted, and what came of it. */
TRACE_EVENT(node_private_alloc,
	    TP_PROTO(enum node_private_event kind, int nid, unsigned int order,
		     gfp_t gfp, int got),
	    TP_ARGS(kind, nid, order, gfp, got),
	    TP_STRUCT__entry(__field(int, kind)
			     __field(int, nid)
			     __field(unsigned int, order)
			     __field(unsigned long, gfp)
			     __field(int, got)),
	    TP_fast_assign(__entry->kind = kind;
			   __entry->nid = nid;
			   __entry->order = order;
			   __entry->gfp = (__force unsigned long)gfp;
			   __entry->got = got;),
	    TP_printk("nid=%d got=%d kind=%s order=%u gfp_flags=%s",
		      __entry->nid, __entry->got, show_node_private_kind(__entry->kind),
		      __entry->order, show_gfp_flags(__entry->gfp))
);

/* A node was named, and refused: each time that private_stat counts it. */
TRACE_EVENT(node_private_refused,
	    TP_PROTO(int nid, enum node_private_event reason),
	    TP_ARGS(nid, reason),
	    TP_STRUCT__entry(__field(int, nid)
			     __field(int, reason)),
	    TP_fast_assign(__entry->nid = nid;
			   __entry->reason = reason;),
	    TP_printk("nid=%d reason=%s",
		      __entry->nid, show_node_private_reason(__entry->reason))
);

/* A fault is SIGBUS, for want of a page of the node. */
TRACE_EVENT(node_private_fault,
	    TP_PROTO(int nid, unsigned long address),
	    TP_ARGS(nid, address),
	    TP_STRUCT__entry(__field(int, nid)
			     __field(unsigned long, address)),
	    TP_fast_assign(__entry->nid = nid;
			   __entry->address = address;),
	    TP_printk("nid=%d address=%#lx",
		      __entry->nid, __entry->address)
);

TRACE_EVENT(node_private_plug,
	    TP_PROTO(int nid, u64 start, u64 size, int online_type, int ret),
	    TP_ARGS(nid, start, size, online_type, ret),
	    TP_STRUCT__entry(__field(int, nid)
			     __field(u64, start)
			     __field(u64, size)
			     __field(int, online_type)
			     __field(int, ret)),
	    TP_fast_assign(__entry->nid = nid;
			   __entry->start = start;
			   __entry->size = size;
			   __entry->online_type = online_type;
			   __entry->ret = ret;),
	    TP_printk("nid=%d start=%#llx size=%#llx as=%s ret=%d",
		      __entry->nid, __entry->start, __entry->size,
		      show_node_private_online(__entry->online_type), __entry->ret)
);

/* With all ranges that go at once; @size is that of them all. */
TRACE_EVENT(node_private_unplug,
	    TP_PROTO(int nid, u64 start, u64 size, int ret),
	    TP_ARGS(nid, start, size, ret),
	    TP_STRUCT__entry(__field(int, nid)
			     __field(u64, start)
			     __field(u64, size)
			     __field(int, ret)),
	    TP_fast_assign(__entry->nid = nid;
			   __entry->start = start;
			   __entry->size = size;
			   __entry->ret = ret;),
	    TP_printk("nid=%d start=%#llx size=%#llx ret=%d",
		      __entry->nid, __entry->start, __entry->size, __entry->ret)
);

TRACE_EVENT(node_private_opts,
	    TP_PROTO(int nid, unsigned long was, unsigned long opts),
	    TP_ARGS(nid, was, opts),
	    TP_STRUCT__entry(__field(int, nid)
			     __field(unsigned long, was)
			     __field(unsigned long, opts)),
	    TP_fast_assign(__entry->nid = nid;
			   __entry->was = was;
			   __entry->opts = opts;),
	    TP_printk("nid=%d was=%s opts=%s",
		      __entry->nid, show_node_private_opts(__entry->was),
		      show_node_private_opts(__entry->opts))
);

#endif /* _TRACE_NODE_PRIVATE_H */

/* This part must be outside protection */
#include <trace/define_trace.h>
