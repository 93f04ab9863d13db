// SPDX-License-Identifier: GPL-2.0
/*
 * anondax: private memory nodes from dax devices
 *
 * Bound to a dax device, this driver plugs the device's memory as a private
 * node (see include/linux/node_private.h). A private mapping of /dev/daxX.Y is
 * anonymous memory from that node.
 *
 * The memory may outlive the binding: unbind cannot fail and must not wait for
 * pages in use, so memory that is online then stays, on the list of orphans,
 * until the device is bound to anondax again and unplugged.
 */
#include <linux/cdev.h>
#include <linux/cleanup.h>
#include <linux/dax.h>
#include <linux/fs.h>
#include <linux/huge_mm.h>
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
#include <linux/slab.h>
#include "bus.h"
#include "dax-private.h"
#include "hotplug.h"

/* Memory resource name; /proc/iomem shows it as long as there is memory. */
static const char anondax_mem_name[] = "System RAM (anondax)";

/* The owner of all our nodes: only its address matters. */
static const char anondax_owner[] = "anondax";

/**
 * struct anondax - a dax device's memory, from first binding to last unplug
 * @kref: one for the memory, one for each open file
 * @list: in anondax_devices
 * @hp: the memory; not for open files, which may be there longer
 * @np: the claim on the node, held while the memory is plugged; the knobs are
 *	in it all the time
 * @nid: the node
 * @adistance: the abstract distance that was asked for, 0 for none
 * @mtype: the node's memory type while the memory is plugged
 * @devt: the device's number: what finds it from an inode
 * @cdev: the character device while bound, NULL for an orphan
 * @mappable: the device is bound and its memory plugged
 */
struct anondax {
	struct kref kref;
	struct list_head list;
	struct dax_hotplug *hp;
	struct node_private np;
	int nid;
	int adistance;
	struct memory_dev_type *mtype;
	dev_t devt;
	struct cdev *cdev;
	bool mappable;
};

/* Bound devices and orphans. */
static LIST_HEAD(anondax_devices);
static DEFINE_MUTEX(anondax_lock); /* protects the list, cdev and devt */

static void anondax_release_kref(struct kref *kref)
{
	kfree(container_of(kref, struct anondax, kref));
}

static void anondax_put(struct anondax *ad)
{
	kref_put(&ad->kref, anondax_release_kref);
}

/* The one in force, or the one that would be: asked for, firmware's, default. */
static int anondax_adistance(const struct anondax *ad)
{
	if (READ_ONCE(ad->hp->state) != DAX_KMEM_UNPLUGGED)
		return ad->np.adistance;
	return READ_ONCE(ad->adistance) ?: dax_hotplug_adistance(ad->nid);
}

static int anondax_plug(struct device *dev, struct anondax *ad, int online_type)
{
	struct dax_hotplug *hp = ad->hp;
	int rc;

	/* Memory that is plugged keeps the module: nobody else can unplug it. */
	if (!try_module_get(THIS_MODULE))
		return -ENODEV;

	ad->np.adistance = anondax_adistance(ad);
	rc = node_private_register(ad->nid, &ad->np);
	if (rc) {
		dev_err(dev, "node %d cannot be private: %d\n", ad->nid, rc);
		goto err_module;
	}

	ad->mtype = dax_hotplug_memory_type(anondax_adistance(ad));
	if (IS_ERR(ad->mtype)) {
		rc = PTR_ERR(ad->mtype);
		goto err_unregister;
	}
	init_node_memory_type(ad->nid, ad->mtype);
	if (!node_has_memory_type(ad->nid, ad->mtype)) {
		dev_err(dev, "node %d has the memory type of another driver: unbind the node's other devices from it\n",
			ad->nid);
		rc = -EBUSY;
		goto err_unregister;
	}

	/* There since the bind, unless memory was left behind in between. */
	rc = dax_hotplug_reserve(dev, hp);
	if (rc < 0)
		goto err_type;

	rc = dax_hotplug_plug(dev, hp, online_type);
	if (rc >= 0) {
		hp->state = online_type;
		WRITE_ONCE(ad->mappable, true);
		return 0;
	}
	/* It failed and could not be undone: as good as plugged. */
	if (hp->state != DAX_KMEM_UNPLUGGED)
		return rc;

err_type:
	clear_node_memory_type(ad->nid, ad->mtype);
err_unregister:
	WARN_ON_ONCE(node_private_unregister(&ad->np));
err_module:
	module_put(THIS_MODULE);
	return rc;
}

static void anondax_unplugged(struct anondax *ad)
{
	ad->hp->state = DAX_KMEM_UNPLUGGED;
	WRITE_ONCE(ad->mappable, false);
	clear_node_memory_type(ad->nid, ad->mtype);
	WARN_ON_ONCE(node_private_unregister(&ad->np));
	module_put(THIS_MODULE);
}

static int anondax_unplug(struct device *dev, struct anondax *ad)
{
	int rc;

	rc = dax_hotplug_unplug(dev, ad->hp);
	if (rc) {
		dev_err(dev, "memory on node %d is in use: unmap, unpin or kill what /proc/*/numa_maps shows with N%d=, free ordinary memory to move it to, and try again\n",
			ad->nid, ad->nid);
		return rc;
	}
	anondax_unplugged(ad);
	return 0;
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
	int online_type, rc;

	online_type = dax_hotplug_parse_state(buf);
	if (online_type < DAX_KMEM_UNPLUGGED)
		return online_type;

	ACQUIRE(mutex_intr, lock)(&hp->lock);
	if (ACQUIRE_ERR(mutex_intr, &lock))
		return -ERESTARTSYS;

	/* Already in requested state */
	if (hp->state == online_type)
		return len;

	if (online_type == DAX_KMEM_UNPLUGGED)
		rc = anondax_unplug(dev, ad);
	else if (hp->state != DAX_KMEM_UNPLUGGED)
		rc = -EBUSY;
	else
		rc = anondax_plug(dev, ad, online_type);
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
			  !!(READ_ONCE(ad->np.opts) & to_knob(attr)->opt));
}

static ssize_t knob_store(struct device *dev, struct device_attribute *attr,
			  const char *buf, size_t len)
{
	static const char * const values[] = { "0", "1" };
	struct anondax *ad = dev_get_drvdata(dev);
	unsigned long opt = to_knob(attr)->opt;
	unsigned long opts;
	int on, rc = 0;

	on = sysfs_match_string(values, buf);
	if (on < 0)
		return on;
	opts = on ? opt : 0;

	/* Whoever unplugs holds it until all pages have moved. */
	ACQUIRE(mutex_intr, lock)(&ad->hp->lock);
	if (ACQUIRE_ERR(mutex_intr, &lock))
		return -ERESTARTSYS;

	/* Without memory there is no claim on the node to change. */
	if (ad->hp->state == DAX_KMEM_UNPLUGGED)
		WRITE_ONCE(ad->np.opts, (ad->np.opts & ~opt) | opts);
	else
		rc = node_private_set_opts(&ad->np, opt, opts);
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
ANONDAX_KNOB(madvise, NODE_PRIVATE_OPT_MADVISE);
ANONDAX_KNOB(numa_balance, NODE_PRIVATE_OPT_NUMA_BALANCE);
ANONDAX_KNOB(ltpin, NODE_PRIVATE_OPT_LTPIN);

static ssize_t adistance_show(struct device *dev,
			      struct device_attribute *attr, char *buf)
{
	struct anondax *ad = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%d\n", anondax_adistance(ad));
}

static ssize_t adistance_store(struct device *dev,
			       struct device_attribute *attr,
			       const char *buf, size_t len)
{
	struct anondax *ad = dev_get_drvdata(dev);
	int adistance;

	if (kstrtoint(buf, 0, &adistance) || adistance <= 0)
		return -EINVAL;

	ACQUIRE(mutex_intr, lock)(&ad->hp->lock);
	if (ACQUIRE_ERR(mutex_intr, &lock))
		return -ERESTARTSYS;

	/* The node has its place in the tiers from when its memory comes. */
	if (ad->hp->state != DAX_KMEM_UNPLUGGED)
		return -EBUSY;
	WRITE_ONCE(ad->adistance, adistance);
	return len;
}
static DEVICE_ATTR_RW(adistance);

static struct attribute *anondax_attrs[] = {
	&dev_attr_hotplug.attr,
	&dev_attr_adistance.attr,
	&knob_reclaim.attr.attr,
	&knob_demotion.attr.attr,
	&knob_mbind.attr.attr,
	&knob_madvise.attr.attr,
	&knob_numa_balance.attr.attr,
	&knob_ltpin.attr.attr,
	NULL,
};
ATTRIBUTE_GROUPS(anondax);

static struct anondax *anondax_find(dev_t devt)
{
	struct anondax *ad;

	lockdep_assert_held(&anondax_lock);

	list_for_each_entry(ad, &anondax_devices, list) {
		if (ad->cdev && ad->devt == devt)
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
	struct anondax *ad;

	scoped_guard(mutex, &anondax_lock) {
		ad = anondax_find(inode->i_rdev);
		if (!ad)
			return -ENXIO;
		kref_get(&ad->kref);
	}
	file->private_data = ad;

	/*
	 * The inode may have served device_dax before, which makes it S_DAX
	 * and redirects its mapping. Ours have ordinary folios.
	 */
	inode->i_flags &= ~S_DAX;
	inode->i_mapping = &inode->i_data;
	file->f_mapping = inode->i_mapping;

	/* The mappings of this file must be recognised even without the node. */
	node_private_get();
	return 0;
}

static int anondax_release(struct inode *inode, struct file *file)
{
	node_private_put();
	anondax_put(file->private_data);
	return 0;
}

static int anondax_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct anondax *ad = file->private_data;
	int rc;

	if (vma->vm_flags & VM_MAYSHARE)
		return -EINVAL;
	/* To have memory here is to write to the device, if only by a private mapping. */
	if (!(file->f_mode & FMODE_WRITE))
		return -EACCES;

	/* Without a lock: the memory may go at any time after this as well. */
	if (!READ_ONCE(ad->mappable))
		return -ENXIO;

	rc = vma_set_private_node(vma, ad->nid);
	if (rc)
		return rc;
	vma_set_anonymous(vma);
	return 0;
}

static const struct file_operations anondax_fops = {
	.owner = THIS_MODULE,
	.llseek = noop_llseek,
	.open = anondax_open,
	.release = anondax_release,
	.mmap = anondax_mmap,
	.get_unmapped_area = thp_get_unmapped_area,
};

static struct anondax *anondax_alloc(struct dev_dax *dev_dax)
{
	struct anondax *ad __free(kfree) = kzalloc_obj(*ad);

	if (!ad)
		return ERR_PTR(-ENOMEM);

	kref_init(&ad->kref);
	ad->nid = dev_dax->target_node;
	ad->devt = dev_dax->dev.devt;
	ad->np.owner = anondax_owner;
	ad->np.name = anondax_owner;
	ad->hp = dax_hotplug_alloc(dev_dax, ad->nid, anondax_mem_name);
	if (IS_ERR(ad->hp))
		return ERR_CAST(ad->hp);
	ad->hp->mhp_flags |= MHP_PRIVATE;
	ad->hp->atomic = true;
	return_ptr(ad);
}

/* The memory is unplugged; open files may still be there. */
static void anondax_free(struct anondax *ad)
{
	dax_hotplug_release(ad->hp);
	dax_hotplug_free(ad->hp);
	ad->hp = NULL;
	anondax_put(ad);
}

static bool anondax_is_of(const struct anondax *ad, struct dev_dax *dev_dax)
{
	int i, n = 0;

	if (strcmp(ad->hp->res_name, dev_name(&dev_dax->dev)) ||
	    ad->nid != dev_dax->target_node)
		return false;

	for (i = 0; i < dev_dax->nr_range; i++) {
		struct range r = memory_block_aligned_range(&dev_dax->ranges[i].range);

		if (r.start >= r.end)
			continue;
		if (n >= ad->hp->nr_range ||
		    ad->hp->ranges[n].range.start != r.start ||
		    ad->hp->ranges[n].range.end != r.end)
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
			ad->devt = dev_dax->dev.devt;
			return ad;
		}
	}
	return NULL;
}

static int anondax_probe(struct dev_dax *dev_dax)
{
	struct device *dev = &dev_dax->dev;
	bool adopted = true;
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

	guard(mutex)(&anondax_lock);

	ad = anondax_adopt(dev_dax);
	if (!ad) {
		adopted = false;
		ad = anondax_alloc(dev_dax);
		if (IS_ERR(ad)) {
			rc = PTR_ERR(ad);
			goto err_cdev;
		}
		/* Early, for a conflict to show at bind rather than at use. */
		rc = dax_hotplug_reserve(dev, ad->hp);
		if (rc < 0)
			goto err_ad;
	}

	rc = cdev_add(cdev, dev->devt, 1);
	if (rc)
		goto err_ad;

	ad->cdev = cdev;
	WRITE_ONCE(ad->mappable, ad->hp->state != DAX_KMEM_UNPLUGGED);
	list_add_tail(&ad->list, &anondax_devices);
	dev_set_drvdata(dev, ad);
	if (adopted)
		dev_info(dev, "took over the memory that is online on node %d\n",
			 ad->nid);
	return 0;

err_ad:
	if (adopted)
		list_add_tail(&ad->list, &anondax_devices);
	else
		anondax_free(ad);
err_cdev:
	kobject_put(&cdev->kobj);
	return rc;
}

static void anondax_remove(struct dev_dax *dev_dax)
{
	struct device *dev = &dev_dax->dev;
	struct anondax *ad = dev_get_drvdata(dev);

	guard(mutex)(&anondax_lock);

	dev_set_drvdata(dev, NULL);
	cdev_del(ad->cdev);
	ad->cdev = NULL;
	WRITE_ONCE(ad->mappable, false);

	/* The sysfs files are gone by now, so nobody else changes the state. */
	if (ad->hp->state != DAX_KMEM_UNPLUGGED) {
		if (dax_hotplug_remove_offline(dev, ad->hp)) {
			dev_err(dev, "memory stays online on node %d, with its mappings: bind the device to anondax again and write \"unplugged\" to its hotplug file\n",
				ad->nid);
			return;
		}
		anondax_unplugged(ad);
	}
	list_del(&ad->list);
	anondax_free(ad);
}

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
	return dax_driver_register(&anondax_driver);
}

static void __exit anondax_exit(void)
{
	dax_driver_unregister(&anondax_driver);
}

MODULE_DESCRIPTION("Anonymous DAX: private memory nodes from dax devices");
MODULE_LICENSE("GPL");
module_init(anondax_init);
module_exit(anondax_exit);
MODULE_ALIAS_DAX_DEVICE(0);
