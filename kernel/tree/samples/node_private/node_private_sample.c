// SPDX-License-Identifier: GPL-2.0
/*
 * A minimal owner of a private memory node
 *
 * What a driver has to do for memory of its own: claim a node, plug the memory,
 * allocate folios from it, and leave. The memory is a physical range that
 * nobody uses, a soft-reserved one for example:
 *
 *   modprobe node_private_sample start=0x100000000 size=0x40000000 nid=2
 *   cd /sys/module/node_private_sample/parameters
 *   echo 1 > plugged
 *   echo 1000 > folios
 *   echo 0 > folios
 *   echo 0 > plugged
 *
 * opts is what the node is opted in to, NODE_PRIVATE_OPT_*. It can be changed
 * at any time.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cleanup.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/list.h>
#include <linux/memory-tiers.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/node_private.h>
#include <linux/sched/mm.h>

static unsigned long long start;
module_param(start, ullong, 0444);
MODULE_PARM_DESC(start, "first physical address, at the start of a memory block");

static unsigned long long size;
module_param(size, ullong, 0444);
MODULE_PARM_DESC(size, "size in bytes, whole memory blocks");

static int nid = NUMA_NO_NODE;
module_param(nid, int, 0444);
MODULE_PARM_DESC(nid, "the node, without CPUs and other memory");

/* The owner's identity is an address of its own: that of the claim will do. */
static struct node_private claim = {
	.owner = &claim,
	.name = KBUILD_MODNAME,
};

static struct memory_dev_type *memtype;
static struct resource *reserved;
static LIST_HEAD(folios);
static unsigned int nr_folios;

/* Whatever of sample_plug() was done, in the opposite order. */
static void sample_leave(void)
{
	if (reserved) {
		remove_resource(reserved);
		kfree(reserved);
		reserved = NULL;
	}
	clear_node_memory_type(nid, memtype);
	WARN_ON_ONCE(node_private_unregister(&claim));
	put_memory_type(memtype);
	module_put(THIS_MODULE);
}

static int sample_plug(void)
{
	int rc;

	/* While there is memory, only this module can take it away. */
	if (!try_module_get(THIS_MODULE))
		return -ENODEV;

	/*
	 * Where the node is in the memory tiers. Without it the node would get
	 * a default that it keeps for good, whoever has it next.
	 */
	memtype = alloc_memory_type(MEMTIER_ADISTANCE_DRAM * 5);
	if (IS_ERR(memtype)) {
		module_put(THIS_MODULE);
		return PTR_ERR(memtype);
	}
	claim.adistance = memtype->adistance;

	/* The claim is what makes the node's memory private. */
	rc = node_private_register(nid, &claim);
	if (rc) {
		put_memory_type(memtype);
		module_put(THIS_MODULE);
		return rc;
	}
	init_node_memory_type(nid, memtype);

	reserved = request_mem_region(start, size, KBUILD_MODNAME);
	if (!reserved) {
		pr_err("%#llx-%#llx is in use\n", start, start + size - 1);
		rc = -EBUSY;
		goto err;
	}
	/* As hotplug wants it, which puts a resource of its own inside. */
	reserved->flags = IORESOURCE_SYSTEM_RAM;

	/* Not for what has to move out of the way: the folios stay. */
	rc = node_private_add_memory(&claim, nid, start, size, "System RAM (sample)",
				     MHP_NONE, MMOP_ONLINE_KERNEL);
	/* If it goes neither in nor out, it counts as plugged. */
	if (rc >= 0)
		return 0;

err:
	sample_leave();
	return rc;
}

/* Whoever maps the addresses next is not to see what was in there. */
static void sample_zero(void)
{
	void *p = memremap(start, size, MEMREMAP_WB);

	if (!p) {
		pr_err("%#llx-%#llx could not be zeroed\n", start, start + size - 1);
		return;
	}
	memset(p, 0, size);
	memunmap(p);
}

static int sample_unplug(void)
{
	const struct range all = DEFINE_RANGE(start, start + size - 1);
	int rc;

	rc = node_private_remove_memory(&claim, &all, 1);
	if (rc) {
		pr_err("node %d is in use: write 0 to folios first\n", nid);
		return rc;
	}
	sample_zero();
	sample_leave();
	return 0;
}

/* A parameter that is refused ends the load, whatever another did before. */
static bool loaded;

/* Parameters are written one at a time: the module's parameter lock sees to it. */
static int plugged_set(const char *val, const struct kernel_param *kp)
{
	bool on;
	int rc;

	rc = kstrtobool(val, &on);
	if (rc || on == !!reserved)
		return rc;
	if (!loaded)
		return -EBUSY;
	return on ? sample_plug() : sample_unplug();
}

static int plugged_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%d\n", !!reserved);
}

static const struct kernel_param_ops plugged_ops = {
	.set = plugged_set,
	.get = plugged_get,
};
module_param_cb(plugged, &plugged_ops, NULL, 0644);
MODULE_PARM_DESC(plugged, "is the memory there?");

/* Hold so many folios of the node. */
static int folios_set(const char *val, const struct kernel_param *kp)
{
	unsigned int want;
	struct folio *folio;
	int rc;

	rc = kstrtouint(val, 0, &want);
	if (rc)
		return rc;

	while (nr_folios > want) {
		folio = list_first_entry(&folios, struct folio, lru);
		list_del(&folio->lru);
		folio_put(folio);
		nr_folios--;
	}
	while (nr_folios < want) {
		if (signal_pending(current))
			return -EINTR;
		/*
		 * Inside the scope folios that name the node come from it, and
		 * nothing else does.
		 */
		scoped_guard(memalloc_private)
			folio = __folio_alloc_node(GFP_HIGHUSER, 0, nid);
		if (!folio)
			return -ENOMEM;
		/* Without memory it was another node: a hint, as elsewhere. */
		if (folio_nid(folio) != nid) {
			folio_put(folio);
			return -ENXIO;
		}
		list_add(&folio->lru, &folios);
		nr_folios++;
	}
	return 0;
}

static int folios_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%u\n", nr_folios);
}

static const struct kernel_param_ops folios_ops = {
	.set = folios_set,
	.get = folios_get,
};
module_param_cb(folios, &folios_ops, NULL, 0644);
MODULE_PARM_DESC(folios, "folios of the node that the module holds");

static int opts_set(const char *val, const struct kernel_param *kp)
{
	unsigned long opts;
	int rc;

	rc = kstrtoul(val, 0, &opts);
	if (rc)
		return rc;
	if (opts & ~NODE_PRIVATE_OPT_ALL)
		return -EINVAL;
	if (reserved)
		return node_private_set_opts(&claim, NODE_PRIVATE_OPT_ALL, opts);
	claim.opts = opts;
	return 0;
}

static int opts_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%#lx\n", READ_ONCE(claim.opts));
}

static const struct kernel_param_ops opts_ops = {
	.set = opts_set,
	.get = opts_get,
};
module_param_cb(opts, &opts_ops, NULL, 0644);
MODULE_PARM_DESC(opts, "services that the node is opted in to");

static int __init node_private_sample_init(void)
{
	if (!size || nid == NUMA_NO_NODE) {
		pr_err("say where the memory is: start=, size=, nid=\n");
		return -EINVAL;
	}
	loaded = true;
	return 0;
}

/* Plugged memory keeps the module, and only plugged memory has folios. */
static void __exit node_private_sample_exit(void)
{
}

MODULE_DESCRIPTION("A minimal owner of a private memory node");
MODULE_LICENSE("GPL");
module_init(node_private_sample_init);
module_exit(node_private_sample_exit);
