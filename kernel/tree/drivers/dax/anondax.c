// SPDX-License-Identifier: GPL-2.0
/*
 * anondax: private memory nodes from dax devices
 *
 * Bound to a dax device, this driver plugs the device's memory as a private
 * node (see include/linux/node_private.h). A private mapping of /dev/daxX.Y is
 * anonymous memory from that node; a shared one is of an object that the open file has.
 *
 * The memory may outlive the binding: unbind cannot fail and must not wait for
 * pages in use, so memory that is online then stays, on the list of orphans,
 * until the device is bound to anondax again and unplugged.
 */
#include <linux/cdev.h>
#include <linux/cleanup.h>
#include <linux/dax.h>
#include <linux/falloc.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/huge_mm.h>
#include <linux/kobject.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/memory-tiers.h>
#include <linux/memory.h>
#include <linux/memory_hotplug.h>
#include <linux/mempolicy.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/node_private.h>
#include <linux/notifier.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>
#include "bus.h"
#include "dax-private.h"
#include "hotplug.h"

/* Memory resource name; /proc/iomem shows it as long as there is memory. */
static const char anondax_mem_name[] = "System RAM (anondax)";

/* The owner of all our nodes: only its address matters. */
static const char anondax_owner[] = "anondax";

/**
 * struct anondax_node - what the devices of a node have in common
 * @list: in anondax_nodes
 * @nid: the node
 * @nr_devices: devices, bound or orphans
 * @lock: plugging, unplugging and the knobs
 * @np: the claim on the node, held while memory of one of them is plugged; the
 *	knobs are in it all the time
 * @nr_plugged: devices whose memory is plugged
 * @adistance: the abstract distance that was asked for, 0 for none
 * @mtype: the node's memory type while memory is plugged
 */
struct anondax_node {
	struct list_head list;
	int nid;
	int nr_devices;
	struct mutex lock; /* protects the claim, the counts and the devices' states */
	struct node_private np;
	int nr_plugged;
	int adistance;
	struct memory_dev_type *mtype;
};

/**
 * struct anondax - a dax device's memory, from first binding to last unplug
 * @kref: one for the memory, one for each open file
 * @list: in anondax_devices
 * @node: its node; not for open files, which may be there longer
 * @hp: the memory; neither
 * @dev: the device while bound, NULL for an orphan
 * @nid: the node's number
 * @name: the device's name
 * @size: of all its memory, in bytes
 * @devt: the device's number: what finds it from an inode
 * @keeps_module: memory is plugged, or was and has not been zeroed
 * @cdev: the character device until the unbind is done, NULL for an orphan
 * @map_lock: protects what follows
 * @mappable: the device is bound and its memory plugged
 * @binding: counts the bindings: who opened the file under an earlier one may not have been
 *	let in under this one
 * @claim: under which it is
 * @nr_mapped: open files that have had mappings
 * @keep_key: they are told from ordinary ones, though the memory is unplugged
 */
struct anondax {
	struct kref kref;
	struct list_head list;
	struct anondax_node *node;
	struct dax_hotplug *hp;
	struct device *dev;
	int nid;
	char name[24];
	loff_t size;
	dev_t devt;
	bool keeps_module;
	struct cdev *cdev;
	spinlock_t map_lock; /* protects what is below */
	bool mappable;
	unsigned long binding;
	unsigned long claim;
	int nr_mapped;
	bool keep_key;
};

/*
 * An open file. What is shared of it is an object of its own, made with the first mapping
 * that is: it lives on without the file as long as it is mapped, and keeps what it needs.
 */
struct anondax_file {
	struct anondax *ad;
	unsigned long binding;
	bool mapped;
	struct mutex lock; /* protects the object */
	struct file *object;
	unsigned long claim; /* that it belongs to */
};

/* Bound devices and orphans, and their nodes. */
static LIST_HEAD(anondax_devices);
static LIST_HEAD(anondax_nodes);
/*
 * Protects the lists, cdev, dev, devt and nr_devices. Nothing is done under it that waits for
 * pages or for memory hotplug.
 */
static DEFINE_MUTEX(anondax_lock);
/* Taken before it and before a node's lock: orphans are adopted or dropped. */
static DEFINE_MUTEX(anondax_bind_lock);

static bool scrub = true;
module_param(scrub, bool, 0644);
MODULE_PARM_DESC(scrub, "zero the memory when it is unplugged (default on)");

static void anondax_release_kref(struct kref *kref)
{
	kfree(container_of(kref, struct anondax, kref));
}

static void anondax_put(struct anondax *ad)
{
	kref_put(&ad->kref, anondax_release_kref);
}

static bool anondax_keeps(struct node_private *np, unsigned long pfn, unsigned long nr_pages);

static struct anondax_node *anondax_node_get(int nid)
{
	struct anondax_node *node;

	lockdep_assert_held(&anondax_lock);

	list_for_each_entry(node, &anondax_nodes, list) {
		if (node->nid == nid)
			goto found;
	}
	node = kzalloc_obj(*node);
	if (!node)
		return ERR_PTR(-ENOMEM);
	node->nid = nid;
	node->np.owner = anondax_owner;
	node->np.name = anondax_owner;
	node->np.keeps = anondax_keeps;
	mutex_init(&node->lock);
	list_add_tail(&node->list, &anondax_nodes);
found:
	node->nr_devices++;
	return node;
}

static void anondax_node_put(struct anondax_node *node)
{
	lockdep_assert_held(&anondax_lock);

	if (--node->nr_devices)
		return;
	list_del(&node->list);
	mutex_destroy(&node->lock);
	kfree(node);
}

/* A uevent that says what has changed: what udev rules see in their environment. */
static void anondax_uevent(struct device *dev, int nid, const char *key, const char *value,
			   const char *knob)
{
	char what[32], which[32], where[16];
	char *envp[4] = { where, what };

	snprintf(where, sizeof(where), "NODE=%d", nid);
	snprintf(what, sizeof(what), "%s=%s", key, value);
	if (knob) {
		snprintf(which, sizeof(which), "KNOB=%s", knob);
		envp[2] = which;
	}
	if (kobject_uevent_env(&dev->kobj, KOBJ_CHANGE, envp))
		dev_warn(dev, "no uevent for %s\n", what);
}

/* The device's memory was plugged or unplugged: tell whoever watches. */
static void anondax_notify_hotplug(struct anondax *ad, struct device *dev)
{
	sysfs_notify(&dev->kobj, NULL, "hotplug");
	anondax_uevent(dev, ad->nid, "HOTPLUG", dax_hotplug_state_name(ad->hp), NULL);
}

/*
 * A file that the devices of a node share has another value: it is news of each of them.
 * Under the lock, for none is unbound meanwhile: to send it takes memory, and waits for nobody.
 */
static void anondax_notify_knob(struct anondax_node *node, const char *file, int value)
{
	struct anondax *ad;
	char text[16];

	snprintf(text, sizeof(text), "%d", value);
	guard(mutex)(&anondax_lock);
	list_for_each_entry(ad, &anondax_devices, list) {
		if (ad->node != node || !ad->dev)
			continue;
		sysfs_notify(&ad->dev->kobj, NULL, file);
		anondax_uevent(ad->dev, node->nid, "VALUE", text, file);
	}
}

/* The one in force, or the one that would be: asked for, firmware's, default. */
static int anondax_adistance(const struct anondax_node *node)
{
	if (READ_ONCE(node->nr_plugged))
		return READ_ONCE(node->np.adistance);
	return READ_ONCE(node->adistance) ?: dax_hotplug_adistance(node->nid);
}

/* With the first device that is plugged, and given back with the last. */
static int anondax_claim(struct device *dev, struct anondax_node *node)
{
	int rc;

	lockdep_assert_held(&node->lock);

	if (node->nr_plugged) {
		node->nr_plugged++;
		return 0;
	}

	WRITE_ONCE(node->np.adistance, anondax_adistance(node));
	rc = node_private_register(node->nid, &node->np);
	if (rc) {
		dev_err(dev, "node %d cannot be private: %d\n", node->nid, rc);
		return rc;
	}

	node->mtype = dax_hotplug_memory_type(node->np.adistance);
	if (IS_ERR(node->mtype)) {
		rc = PTR_ERR(node->mtype);
		goto err;
	}
	init_node_memory_type(node->nid, node->mtype);
	if (!node_has_memory_type(node->nid, node->mtype)) {
		dev_err(dev, "node %d has the memory type of another driver: unbind the node's other devices from it\n",
			node->nid);
		rc = -EBUSY;
		goto err;
	}
	WRITE_ONCE(node->nr_plugged, 1);
	return 0;

err:
	WARN_ON_ONCE(node_private_unregister(&node->np));
	return rc;
}

static void anondax_unclaim(struct anondax_node *node)
{
	lockdep_assert_held(&node->lock);

	if (node->nr_plugged == 1) {
		clear_node_memory_type(node->nid, node->mtype);
		WARN_ON_ONCE(node_private_unregister(&node->np));
	}
	WRITE_ONCE(node->nr_plugged, node->nr_plugged - 1);
}

/*
 * May it be mapped? Mappings that were made are told from ordinary ones by the hooks for
 * private nodes, which the claim has switched on. When it ends, and only if there are
 * any, something else has to: to flip a static key at each open() would be dear.
 */
static void anondax_map(struct anondax *ad, bool mappable)
{
	bool got = !mappable;

	/* Before the last file can give it back, and the claim. */
	if (got)
		node_private_get();
	scoped_guard(spinlock, &ad->map_lock) {
		ad->mappable = mappable;
		ad->claim = node_private_id(&ad->node->np);
		if (got && ad->nr_mapped && !ad->keep_key) {
			ad->keep_key = true;
			got = false;
		}
	}
	if (got)
		node_private_put();
}

/* What has been unplugged is zeroed, and then the module may go. */
static int anondax_scrub(struct device *dev, struct anondax *ad)
{
	int rc = dax_private_scrub(dev, ad->hp, READ_ONCE(scrub));

	if (ad->keeps_module && dax_private_is_clean(ad->hp)) {
		ad->keeps_module = false;
		module_put(THIS_MODULE);
	}
	return rc;
}

static int anondax_plug(struct device *dev, struct anondax *ad, int online_type)
{
	struct dax_hotplug *hp = ad->hp;
	int rc;

	/* Memory that is plugged keeps the module: nobody else can unplug it, or zero it. */
	if (!ad->keeps_module && !try_module_get(THIS_MODULE))
		return -ENODEV;
	ad->keeps_module = true;

	rc = anondax_claim(dev, ad->node);
	if (rc)
		goto err_module;

	/* There since the bind, unless memory was left behind in between. */
	rc = dax_private_reserve(dev, hp);
	if (rc)
		goto err_claim;

	rc = dax_private_plug(dev, hp, &ad->node->np, online_type);
	/* If it failed and could not be undone it is as good as plugged. */
	if (!rc || hp->state != DAX_KMEM_UNPLUGGED) {
		anondax_map(ad, true);
		return rc;
	}

err_claim:
	anondax_unclaim(ad->node);
err_module:
	anondax_scrub(dev, ad);
	return rc;
}

static void anondax_unplugged(struct anondax *ad)
{
	anondax_map(ad, false);
	anondax_unclaim(ad->node);
}

static int anondax_unplug(struct device *dev, struct anondax *ad)
{
	int rc;

	if (ad->hp->state != DAX_KMEM_UNPLUGGED) {
		rc = dax_private_unplug(dev, ad->hp, &ad->node->np);
		if (rc == -EBUSY)
			dev_err(dev, "memory on node %d is in use: unmap, unpin or kill what /proc/*/numa_maps shows with N%d=, free ordinary memory to move it to, and try again\n",
				ad->nid, ad->nid);
		if (rc)
			return rc;
		anondax_unplugged(ad);
	}
	return anondax_scrub(dev, ad);
}

static ssize_t hotplug_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	struct anondax *ad = dev_get_drvdata(dev);

	return dax_hotplug_show_state(ad->hp, buf);
}

static ssize_t hotplug_store(struct device *dev, struct device_attribute *attr,
			     const char *buf, size_t len)
{
	struct anondax *ad = dev_get_drvdata(dev);
	struct dax_hotplug *hp = ad->hp;
	int online_type, was, rc;

	online_type = dax_hotplug_parse_state(buf);
	if (online_type < DAX_KMEM_UNPLUGGED)
		return online_type;

	ACQUIRE(mutex_intr, lock)(&ad->node->lock);
	if (ACQUIRE_ERR(mutex_intr, &lock))
		return -ERESTARTSYS;

	was = hp->state;
	if (online_type == was && was != DAX_KMEM_UNPLUGGED) {
		if (dax_private_is_online(hp))
			return len;
		dev_err(dev, "some of the memory is not online: write \"unplugged\" first\n");
		return -EBUSY;
	}
	if (online_type == DAX_KMEM_UNPLUGGED)
		/* If it is already, what could not be zeroed is. */
		rc = anondax_unplug(dev, ad);
	else if (was == DAX_KMEM_UNPLUGGED)
		rc = anondax_plug(dev, ad, online_type);
	else
		rc = -EBUSY;
	if (hp->state != was)
		anondax_notify_hotplug(ad, dev);
	return rc ?: len;
}
static DEVICE_ATTR_RW(hotplug);

/* A knob: one of NODE_PRIVATE_OPT_*, as a file that reads and takes 0 or 1. */
struct anondax_knob {
	struct device_attribute attr;
	unsigned long opt;
};

#define to_knob(x) container_of_const(x, struct anondax_knob, attr)

static ssize_t knob_show(struct device *dev, struct device_attribute *attr,
			 char *buf)
{
	struct anondax *ad = dev_get_drvdata(dev);

	/* Any of the node's devices may flip it meanwhile. */
	return sysfs_emit(buf, "%d\n",
			  !!(READ_ONCE(ad->node->np.opts) & to_knob(attr)->opt));
}

static ssize_t knob_store(struct device *dev, struct device_attribute *attr,
			  const char *buf, size_t len)
{
	static const char * const values[] = { "0", "1" };
	struct anondax *ad = dev_get_drvdata(dev);
	struct anondax_node *node = ad->node;
	unsigned long opt = to_knob(attr)->opt;
	unsigned long opts, was;
	int on, rc = 0;

	on = sysfs_match_string(values, buf);
	if (on < 0)
		return on;
	opts = on ? opt : 0;

	/* Whoever unplugs holds it until all pages have moved. */
	ACQUIRE(mutex_intr, lock)(&node->lock);
	if (ACQUIRE_ERR(mutex_intr, &lock))
		return -ERESTARTSYS;

	was = node->np.opts;
	/* Without memory there is no claim on the node to change. */
	if (!node->nr_plugged)
		WRITE_ONCE(node->np.opts, (was & ~opt) | opts);
	else
		rc = node_private_set_opts(&node->np, opt, opts);
	if (node->np.opts != was)
		anondax_notify_knob(node, attr->attr.name, on);
	return rc ?: len;
}

#define ANONDAX_KNOB(_name, _opt)					\
	static struct anondax_knob knob_##_name = {			\
		.attr = __ATTR(_name, 0644, knob_show, knob_store),	\
		.opt = _opt,						\
	}

ANONDAX_KNOB(reclaim, NODE_PRIVATE_OPT_RECLAIM);
ANONDAX_KNOB(demotion, NODE_PRIVATE_OPT_DEMOTION);
ANONDAX_KNOB(mbind, NODE_PRIVATE_OPT_MBIND);
ANONDAX_KNOB(shmem, NODE_PRIVATE_OPT_SHMEM);
ANONDAX_KNOB(madvise, NODE_PRIVATE_OPT_MADVISE);
ANONDAX_KNOB(numa_balance, NODE_PRIVATE_OPT_NUMA_BALANCE);
ANONDAX_KNOB(ltpin, NODE_PRIVATE_OPT_LTPIN);
ANONDAX_KNOB(cpuset, NODE_PRIVATE_OPT_CPUSET);

static ssize_t adistance_show(struct device *dev,
			      struct device_attribute *attr, char *buf)
{
	struct anondax *ad = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%d\n", anondax_adistance(ad->node));
}

static ssize_t adistance_store(struct device *dev,
			       struct device_attribute *attr,
			       const char *buf, size_t len)
{
	struct anondax *ad = dev_get_drvdata(dev);
	int adistance, was;

	if (kstrtoint(buf, 0, &adistance) || adistance <= 0)
		return -EINVAL;

	ACQUIRE(mutex_intr, lock)(&ad->node->lock);
	if (ACQUIRE_ERR(mutex_intr, &lock))
		return -ERESTARTSYS;

	/* The node has its place in the tiers from when its memory comes. */
	if (ad->node->nr_plugged)
		return -EBUSY;
	was = anondax_adistance(ad->node);
	WRITE_ONCE(ad->node->adistance, adistance);
	if (adistance != was)
		anondax_notify_knob(ad->node, "adistance", adistance);
	return len;
}
static DEVICE_ATTR_RW(adistance);

static struct attribute *anondax_attrs[] = {
	&dev_attr_hotplug.attr,
	&dev_attr_adistance.attr,
	&knob_reclaim.attr.attr,
	&knob_demotion.attr.attr,
	&knob_mbind.attr.attr,
	&knob_shmem.attr.attr,
	&knob_madvise.attr.attr,
	&knob_numa_balance.attr.attr,
	&knob_ltpin.attr.attr,
	&knob_cpuset.attr.attr,
	NULL,
};
ATTRIBUTE_GROUPS(anondax);

static struct anondax *anondax_find(dev_t devt)
{
	struct anondax *ad;

	lockdep_assert_held(&anondax_lock);

	list_for_each_entry(ad, &anondax_devices, list) {
		if (ad->dev && ad->devt == devt)
			return ad;
	}
	return NULL;
}

/*
 * Mappings keep the file open and hold nothing else of the driver: they go on
 * by themselves when the device is unbound.
 */
static int anondax_open(struct inode *inode, struct file *file)
{
	struct anondax_file *af __free(kfree) = kzalloc_obj(*af);

	if (!af)
		return -ENOMEM;
	scoped_guard(mutex, &anondax_lock) {
		af->ad = anondax_find(inode->i_rdev);
		if (!af->ad)
			return -ENXIO;
		kref_get(&af->ad->kref);
		af->binding = af->ad->binding;
	}
	mutex_init(&af->lock);

	/*
	 * The inode may have served device_dax before, which makes it S_DAX
	 * and redirects its mapping. Ours have ordinary folios.
	 */
	inode->i_flags &= ~S_DAX;
	inode->i_mapping = &inode->i_data;
	file->f_mapping = &inode->i_data;
	file->private_data = no_free_ptr(af);
	return 0;
}

static int anondax_release(struct inode *inode, struct file *file)
{
	struct anondax_file *af = file->private_data;
	struct anondax *ad = af->ad;
	bool put = false;

	scoped_guard(spinlock, &ad->map_lock) {
		if (af->mapped && !--ad->nr_mapped && ad->keep_key) {
			ad->keep_key = false;
			put = true;
		}
	}
	if (put)
		node_private_put();
	if (af->object)
		fput(af->object);
	mutex_destroy(&af->lock);
	anondax_put(ad);
	kfree(af);
	return 0;
}

/* Is the device bound as it was when the file was opened, and plugged? */
static bool anondax_is_mappable(const struct anondax_file *af)
{
	lockdep_assert_held(&af->ad->map_lock);
	return af->ad->mappable && af->binding == af->ad->binding;
}

/* The claim that lets a mapping in, or 0. The memory may go at any time after this as well. */
static unsigned long anondax_mappable(struct anondax_file *af, bool shared)
{
	struct anondax *ad = af->ad;

	guard(spinlock)(&ad->map_lock);
	if (!anondax_is_mappable(af))
		return 0;
	/* An object keeps itself. */
	if (!shared) {
		if (!af->mapped)
			ad->nr_mapped++;
		af->mapped = true;
	}
	return ad->claim;
}

/* The object of an open file, as large as the device. With its claim it has come to an end. */
static struct file *anondax_object(struct anondax_file *af, unsigned long claim)
{
	struct anondax *ad = af->ad;
	struct file *object;
	char name[32];

	guard(mutex)(&af->lock);
	if (af->object)
		return af->claim == claim ? af->object : ERR_PTR(-ENXIO);

	snprintf(name, sizeof(name), "dev/%s", ad->name);
	object = node_private_object(name, ad->size, ad->nid, claim);
	if (IS_ERR(object))
		return object;
	af->object = object;
	af->claim = claim;
	return object;
}

static int anondax_mmap_shared(struct anondax_file *af, struct vm_area_struct *vma,
			       unsigned long claim)
{
	struct file *object = anondax_object(af, claim);

	if (IS_ERR(object))
		return PTR_ERR(object);
	vma_set_private_object(vma, object);
	return 0;
}

/*
 * Not ->mmap_prepare(): what that can say of a mapping to be made has no place for a
 * policy, and one that comes later comes after the mapping was merged with neighbours
 * that have none.
 */
static int anondax_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct anondax_file *af = file->private_data;
	const bool shared = vma->vm_flags & VM_MAYSHARE;
	unsigned long claim;
	int rc;

	/* To have memory here is to write to the device, if only by a private mapping. */
	if (!(file->f_mode & FMODE_WRITE))
		return -EACCES;

	claim = anondax_mappable(af, shared);
	if (!claim)
		return -ENXIO;
	if (shared)
		return anondax_mmap_shared(af, vma, claim);

	rc = vma_set_private_node(vma, af->ad->nid, claim);
	if (!rc)
		vma_set_anonymous(vma);
	return rc;
}

/* Of the object there is at least what was written to it. What is not there need not go. */
static long anondax_fallocate(struct file *file, int mode, loff_t offset, loff_t len)
{
	struct anondax_file *af = file->private_data;
	struct file *object;

	if (mode != (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	scoped_guard(mutex, &af->lock)
		object = af->object;
	return object ? vfs_fallocate(object, mode, offset, len) : 0;
}

/* May a mapping be made? Asked before its memory is accounted for. */
static bool anondax_may_map(struct file *file)
{
	struct anondax_file *af = file->private_data;

	if (!(file->f_mode & FMODE_WRITE))
		return false;
	guard(spinlock)(&af->ad->map_lock);
	return anondax_is_mappable(af);
}

static unsigned long anondax_get_unmapped_area(struct file *file, unsigned long addr,
					       unsigned long len, unsigned long pgoff,
					       unsigned long flags)
{
	if (anondax_may_map(file))
		mm_note_private_node(current->mm);
	return thp_get_unmapped_area(file, addr, len, pgoff, flags);
}

static const struct file_operations anondax_fops = {
	.owner = THIS_MODULE,
	.llseek = noop_llseek,
	.open = anondax_open,
	.release = anondax_release,
	.mmap = anondax_mmap,
	.fallocate = anondax_fallocate,
	.get_unmapped_area = anondax_get_unmapped_area,
};

/* What the memory is called, and how large, by the device that it is bound as. */
static void anondax_set_device(struct anondax *ad, struct dev_dax *dev_dax)
{
	int i;

	ad->devt = dev_dax->dev.devt;
	strscpy(ad->name, dev_name(&dev_dax->dev));
	ad->size = 0;
	for (i = 0; i < dev_dax->nr_range; i++)
		ad->size += range_len(&dev_dax->ranges[i].range);
}

static struct anondax *anondax_alloc(struct dev_dax *dev_dax)
{
	struct anondax *ad __free(kfree) = kzalloc_obj(*ad);
	struct anondax_node *node;

	if (!ad)
		return ERR_PTR(-ENOMEM);

	kref_init(&ad->kref);
	spin_lock_init(&ad->map_lock);
	ad->nid = dev_dax->target_node;
	anondax_set_device(ad, dev_dax);
	node = anondax_node_get(ad->nid);
	if (IS_ERR(node))
		return ERR_CAST(node);
	ad->node = node;
	ad->hp = dax_hotplug_alloc(dev_dax, ad->nid, anondax_mem_name);
	if (IS_ERR(ad->hp)) {
		anondax_node_put(node);
		return ERR_CAST(ad->hp);
	}
	return_ptr(ad);
}

/* The memory is unplugged; open files may still be there. */
static void anondax_free(struct anondax *ad)
{
	lockdep_assert_held(&anondax_lock);

	dax_hotplug_release(ad->hp);
	dax_hotplug_free(ad->hp);
	ad->hp = NULL;
	anondax_node_put(ad->node);
	ad->node = NULL;
	anondax_put(ad);
}

static bool anondax_has_range(const struct anondax *ad, const struct range *range)
{
	int i;

	for (i = 0; i < ad->hp->nr_range; i++) {
		if (ad->hp->ranges[i].range.start == range->start &&
		    ad->hp->ranges[i].range.end == range->end)
			return true;
	}
	return false;
}

/*
 * Who divides the region anew may give it another name, and its ranges in another order:
 * neither matters.
 */
static bool anondax_is_of(const struct anondax *ad, struct dev_dax *dev_dax)
{
	int i, n = 0;

	if (ad->nid != dev_dax->target_node)
		return false;

	for (i = 0; i < dev_dax->nr_range; i++) {
		struct range r = memory_block_aligned_range(&dev_dax->ranges[i].range);

		if (r.start >= r.end)
			continue;
		if (!anondax_has_range(ad, &r))
			return false;
		n++;
	}
	return n == ad->hp->nr_range;
}

/* The memory that an earlier binding left behind, if any. */
static struct anondax *anondax_adopt(struct dev_dax *dev_dax)
{
	struct anondax *ad;

	lockdep_assert_held(&anondax_lock);

	list_for_each_entry(ad, &anondax_devices, list) {
		if (!ad->cdev && anondax_is_of(ad, dev_dax)) {
			list_del(&ad->list);
			anondax_set_device(ad, dev_dax);
			return ad;
		}
	}
	return NULL;
}

static bool anondax_overlaps(const struct anondax *a, const struct anondax *b)
{
	int i, j;

	for (i = 0; i < a->hp->nr_range; i++)
		for (j = 0; j < b->hp->nr_range; j++)
			if (range_overlaps(&a->hp->ranges[i].range, &b->hp->ranges[j].range))
				return true;
	return false;
}

/*
 * Does the device have memory that was left behind, and other memory too? A region that is
 * enabled again comes as one device, however it was divided before.
 */
static void anondax_explain(struct device *dev, const struct anondax *ad)
{
	const struct anondax *left;

	lockdep_assert_held(&anondax_lock);

	list_for_each_entry(left, &anondax_devices, list) {
		if (!left->cdev && anondax_overlaps(ad, left))
			dev_warn(dev, "has memory that another device, of %lld bytes, has left online on node %d: give this one the same size (its file \"size\"), and bind it again\n",
				 left->size, left->nid);
	}
}

static int anondax_bind(struct dev_dax *dev_dax, struct cdev *cdev)
{
	struct device *dev = &dev_dax->dev;
	bool adopted = true;
	struct anondax *ad;
	int rc;

	guard(mutex)(&anondax_lock);

	ad = anondax_adopt(dev_dax);
	if (ad) {
		/* For the next time that it is plugged. */
		ad->hp->mhp_flags = dax_hotplug_flags(dev_dax);
	} else {
		adopted = false;
		ad = anondax_alloc(dev_dax);
		if (IS_ERR(ad))
			return PTR_ERR(ad);
		/* Early, for a conflict to show at bind rather than at use. */
		rc = dax_private_reserve(dev, ad->hp);
		if (rc) {
			anondax_explain(dev, ad);
			goto err;
		}
	}

	rc = cdev_add(cdev, dev->devt, 1);
	if (rc)
		goto err;

	ad->cdev = cdev;
	ad->dev = dev;
	scoped_guard(spinlock, &ad->map_lock)
		ad->binding++;
	list_add_tail(&ad->list, &anondax_devices);
	dev_set_drvdata(dev, ad);
	return 0;

err:
	if (adopted)
		list_add_tail(&ad->list, &anondax_devices);
	else
		anondax_free(ad);
	return rc;
}

static int anondax_probe(struct dev_dax *dev_dax)
{
	struct device *dev = &dev_dax->dev;
	struct anondax *ad;
	struct cdev *cdev;
	int rc;

	if (dev_dax->target_node < 0) {
		dev_warn(dev, "rejecting DAX region with invalid node: %d\n",
			 dev_dax->target_node);
		return -EINVAL;
	}

	/* Not the one in the dax inode: open files of another driver hold it. */
	cdev = cdev_alloc();
	if (!cdev)
		return -ENOMEM;
	cdev->ops = &anondax_fops;
	cdev->owner = THIS_MODULE;

	/* Orphans may be dropped just now, and what was in them be zeroed. */
	scoped_cond_guard(mutex_intr, rc = -EINTR, &anondax_bind_lock)
		rc = anondax_bind(dev_dax, cdev);
	if (rc) {
		kobject_put(&cdev->kobj);
		return rc;
	}

	/* Before there are files to write to, so nobody else changes the state. */
	ad = dev_get_drvdata(dev);
	if (ad->hp->state != DAX_KMEM_UNPLUGGED) {
		anondax_map(ad, true);
		dev_info(dev, "took over the memory that is online on node %d\n",
			 ad->nid);
		if (!dax_private_is_online(ad->hp))
			dev_warn(dev, "some of it is offline: write \"unplugged\" to its hotplug file first\n");
	}
	return 0;
}

/* Is there no device left whose files set what the node is opted in to? */
static bool anondax_node_unbound(struct anondax_node *node)
{
	struct anondax *ad;

	guard(mutex)(&anondax_lock);
	list_for_each_entry(ad, &anondax_devices, list) {
		if (ad->node == node && ad->dev)
			return false;
	}
	return true;
}

/* Take away what is plugged, unless somebody uses it. Must not wait for who does. */
static int anondax_leave(struct device *dev, struct anondax *ad)
{
	struct anondax_node *node = ad->node;
	int rc;

	/* With nothing to take away, it does not wait for who unplugs another one. */
	if (ad->hp->state == DAX_KMEM_UNPLUGGED && dax_private_is_clean(ad->hp) &&
	    !anondax_node_unbound(node))
		return 0;

	guard(mutex)(&node->lock);

	/* From now on nobody gets any more of it, but by mappings that are there. */
	if (anondax_node_unbound(node)) {
		if (node->nr_plugged)
			node_private_abandon(&node->np);
		else
			WRITE_ONCE(node->np.opts, node->np.opts & NODE_PRIVATE_OPT_CPUSET);
	}
	if (ad->hp->state != DAX_KMEM_UNPLUGGED) {
		anondax_map(ad, false);
		rc = dax_private_leave(dev, ad->hp, &node->np);
		if (rc) {
			dev_err(dev, "memory stays online on node %d, with its mappings: bind the device to anondax again and write \"unplugged\" to its hotplug file\n",
				ad->nid);
			return rc;
		}
		anondax_unplugged(ad);
		anondax_notify_hotplug(ad, dev);
	}
	/* If that fails it stays reserved, until it is bound again. */
	return anondax_scrub(dev, ad);
}

static struct work_struct anondax_orphans_work;

static void anondax_remove(struct dev_dax *dev_dax)
{
	struct device *dev = &dev_dax->dev;
	struct anondax *ad = dev_get_drvdata(dev);

	dev_set_drvdata(dev, NULL);
	scoped_guard(mutex, &anondax_lock) {
		cdev_del(ad->cdev);
		ad->dev = NULL;
	}

	/*
	 * The sysfs files are gone by now, so nobody else changes the state. It is
	 * nobody's to adopt before cdev is NULL.
	 */
	if (anondax_leave(dev, ad)) {
		scoped_guard(mutex, &anondax_lock)
			ad->cdev = NULL;
		/* Blocks may have gone offline while it was nobody's. */
		queue_work(system_dfl_long_wq, &anondax_orphans_work);
		return;
	}
	guard(mutex)(&anondax_lock);
	list_del(&ad->list);
	anondax_free(ad);
}

/*
 * If the device never comes back, its memory goes with the last block that somebody
 * takes offline by hand. Until then nothing has changed for who uses it.
 */
static bool anondax_drop_orphan(struct anondax *ad)
{
	scoped_guard(mutex, &ad->node->lock) {
		if (ad->hp->state != DAX_KMEM_UNPLUGGED) {
			if (dax_private_remove_offline(NULL, ad->hp, &ad->node->np))
				return false;
			anondax_unplugged(ad);
		}
		/* With what was in it, it stays reserved. */
		if (anondax_scrub(NULL, ad))
			return false;
	}
	return true;
}

/* One that @after does not come behind, or the first. */
static struct anondax *anondax_next_orphan(struct anondax *after)
{
	struct anondax *ad;

	guard(mutex)(&anondax_lock);
	ad = list_prepare_entry(after, &anondax_devices, list);
	list_for_each_entry_continue(ad, &anondax_devices, list) {
		if (!ad->cdev)
			return ad;
	}
	return NULL;
}

static void anondax_drop_orphans(struct work_struct *work)
{
	struct anondax *ad = NULL;

	/* No orphan is adopted meanwhile, so the one that is looked at stays in the list. */
	guard(mutex)(&anondax_bind_lock);
	while ((ad = anondax_next_orphan(ad))) {
		if (!anondax_drop_orphan(ad))
			continue;
		scoped_guard(mutex, &anondax_lock) {
			list_del(&ad->list);
			anondax_free(ad);
		}
		ad = NULL;
	}
}

static struct work_struct anondax_orphans_work =
	__WORK_INITIALIZER(anondax_orphans_work, anondax_drop_orphans);

/* What is plugged of a bound device goes by its hotplug file, and by nothing else. */
static bool anondax_keeps(struct node_private *np, unsigned long pfn, unsigned long nr_pages)
{
	const struct anondax_node *node = container_of(np, struct anondax_node, np);
	struct anondax *ad;

	guard(mutex)(&anondax_lock);
	list_for_each_entry(ad, &anondax_devices, list) {
		if (ad->node == node && ad->dev &&
		    dax_private_has(ad->hp, PFN_PHYS(pfn), PFN_PHYS(pfn + nr_pages) - 1))
			return true;
	}
	return false;
}

static int anondax_memory_notify(struct notifier_block *nb, unsigned long action, void *data)
{
	if (action == MEM_OFFLINE)
		queue_work(system_dfl_long_wq, &anondax_orphans_work);
	return NOTIFY_OK;
}

static struct notifier_block anondax_memory_nb = {
	.notifier_call = anondax_memory_notify,
};

static struct dax_device_driver anondax_driver = {
	.probe = anondax_probe,
	.remove = anondax_remove,
	.type = DAXDRV_ANON_TYPE,
	.drv = {
		.dev_groups = anondax_groups,
	},
};

static int __init anondax_init(void)
{
	int rc;

	rc = register_memory_notifier(&anondax_memory_nb);
	if (rc)
		return rc;
	rc = dax_driver_register(&anondax_driver);
	if (rc)
		unregister_memory_notifier(&anondax_memory_nb);
	return rc;
}

static void __exit anondax_exit(void)
{
	dax_driver_unregister(&anondax_driver);
	unregister_memory_notifier(&anondax_memory_nb);
	/* What is left of an orphan keeps the module, so there is none. */
	cancel_work_sync(&anondax_orphans_work);
}

MODULE_DESCRIPTION("Anonymous DAX: private memory nodes from dax devices");
MODULE_LICENSE("GPL");
module_init(anondax_init);
module_exit(anondax_exit);
MODULE_ALIAS_DAX_DEVICE(0);
