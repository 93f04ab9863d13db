// SPDX-License-Identifier: GPL-2.0
/*
 * Measures what the kernel's allocators cost, from inside.
 *
 * For a machine under -icount only: the TSC counts instructions there, and so
 * no fence is needed around it. Writing to /dev/pnbench goes to port 0x402,
 * where QEMU's debug console takes it at once, without an interrupt.
 */
#include <linux/cleanup.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/irqflags.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <asm/apic.h>
#include <asm/fixmap.h>
#include <asm/msr.h>
#include "pnbench.h"

#define PNB_PORT	0x402
#define PNB_MOST	65536

#define SAMPLE(run) ({					\
	u64 __t = rdtsc();				\
							\
	run;						\
	(u32)(rdtsc() - __t);				\
})

static void pnb_timer(u32 count)
{
	if (x2apic_mode)
		native_apic_msr_write(APIC_TMICT, count);
	else
		writel(count, (void __iomem *)(APIC_BASE + APIC_TMICT));
}

/*
 * The counter is what one-shot interrupts come from; zero stops it. A small
 * value brings the interrupt that the kernel has been waiting for, and it
 * catches up from there.
 */
static void pnb_quiet(bool quiet)
{
	unsigned long flags;

	local_irq_save(flags);
	pnb_timer(quiet ? 0 : 1000);
	local_irq_restore(flags);
}

#ifdef CONFIG_PRIVATE_NODES
static unsigned int pnb_scope_save(bool on)
{
	return on ? memalloc_private_save() : 0;
}

static void pnb_scope_restore(bool on, unsigned int flags)
{
	if (on)
		memalloc_private_restore(flags);
}
#else
static unsigned int pnb_scope_save(bool on)
{
	return 0;
}

static void pnb_scope_restore(bool on, unsigned int flags)
{
}
#endif

/*
 * What a block of several pages costs depends on the free lists: the watermark is
 * looked for from its order upwards until a block is found. So see to it that there
 * are blocks of just that order: take many, give every other one back. With their
 * buddies in use these stay as they are. They have to be more than the per-CPU
 * lists keep, which is 120 MiB on the machine that this is for.
 */
#define PNB_PLACED	(384UL << 20)

struct pnb_placed {
	unsigned int order, n;
	struct folio *folios[];
};

static void pnb_unplace(struct pnb_placed *b)
{
	unsigned int i;

	for (i = 0; b && i < b->n; i++)
		if (b->folios[i])
			folio_put(b->folios[i]);
	kvfree(b);
}

DEFINE_FREE(pnb_unplace, struct pnb_placed *, pnb_unplace(_T))

/* A private node needs the scope, elsewhere it makes no difference. */
static struct pnb_placed *pnb_place(unsigned int order, size_t bytes, gfp_t gfp, int nid)
{
	const unsigned int most = bytes >> (order + PAGE_SHIFT);
	struct pnb_placed *b = kvzalloc(struct_size(b, folios, most), GFP_KERNEL);
	unsigned int i, scope;

	if (!b)
		return NULL;
	b->order = order;
	gfp |= __GFP_NORETRY | __GFP_NOWARN | __GFP_THISNODE;
	scope = pnb_scope_save(IS_ENABLED(CONFIG_PRIVATE_NODES));
	for (; b->n < most; b->n++) {
		b->folios[b->n] = __folio_alloc_node(gfp, order, nid);
		if (!b->folios[b->n])
			break;
	}
	pnb_scope_restore(IS_ENABLED(CONFIG_PRIVATE_NODES), scope);
	for (i = 0; i < b->n; i += 2) {
		folio_put(b->folios[i]);
		b->folios[i] = NULL;
	}
	return b;
}

/* The order of what an operation takes from the page allocator, or 0. */
static unsigned int pnb_order(const struct pnb_run *r)
{
	switch (r->op) {
	case PNB_PAGES:
	case PNB_FOLIO:
	case PNB_FOLIO_NODE:
		return r->order;
	case PNB_KMALLOC:
		return r->order > KMALLOC_MAX_CACHE_SIZE ? get_order(r->order) : 0;
	case PNB_SLAB_PAGE:
		return PAGE_ALLOC_COSTLY_ORDER;
	default:
		return 0;
	}
}

static int pnb_bulk(const struct pnb_run *r, gfp_t gfp, u32 *alloc, u32 *freed)
{
	struct page *page;
	struct folio *folio;
	void **all;
	u32 i, n;

	all = kvmalloc_array(r->count, sizeof(*all), GFP_KERNEL);
	if (!all)
		return -ENOMEM;

	for (n = 0; n < r->count; n++) {
		switch (r->op) {
		case PNB_PAGES_BULK:
			alloc[n] = SAMPLE(page = alloc_pages(gfp, r->order));
			all[n] = page;
			break;
		case PNB_FOLIO_BULK:
			alloc[n] = SAMPLE(folio = folio_alloc(gfp, r->order));
			all[n] = folio;
			break;
		default:
			alloc[n] = SAMPLE(all[n] = kmalloc(r->order, gfp));
			break;
		}
		if (!all[n])
			break;
	}
	for (i = 0; i < n; i++) {
		switch (r->op) {
		case PNB_PAGES_BULK:
			page = all[i];
			freed[i] = SAMPLE(__free_pages(page, r->order));
			break;
		case PNB_FOLIO_BULK:
			folio = all[i];
			freed[i] = SAMPLE(folio_put(folio));
			break;
		default:
			freed[i] = SAMPLE(kfree(all[i]));
			break;
		}
	}
	kvfree(all);
	return n == r->count ? 0 : -ENOMEM;
}

/* A cache whose objects have a slab page for themselves. */
static int pnb_slab_page(const struct pnb_run *r, u32 *alloc, u32 *freed)
{
	struct kmem_cache *cache;
	void **all;
	u32 i, n;

	/* Larger than half a page, and a constructor's cache is never merged. */
	cache = kmem_cache_create("pnbench", PAGE_SIZE << r->order, 0, SLAB_NO_MERGE, NULL);
	all = kvmalloc_array(r->count, sizeof(*all), GFP_KERNEL);
	if (!cache || !all) {
		kmem_cache_destroy(cache);
		kvfree(all);
		return -ENOMEM;
	}
	for (n = 0; n < r->count; n++) {
		alloc[n] = SAMPLE(all[n] = kmem_cache_alloc(cache, GFP_KERNEL));
		if (!all[n])
			break;
	}
	for (i = 0; i < n; i++)
		freed[i] = SAMPLE(kmem_cache_free(cache, all[i]));
	kvfree(all);
	kmem_cache_destroy(cache);
	return n == r->count ? 0 : -ENOMEM;
}

static int pnb_pairs(const struct pnb_run *r, gfp_t gfp, u32 *samples)
{
	struct folio *folio;
	struct page *page;
	void *p = NULL;
	u32 n;

	for (n = 0; n < r->count; n++) {
		switch (r->op) {
		case PNB_EMPTY:
			samples[n] = SAMPLE(barrier());
			p = samples;
			break;
		case PNB_PAGES:
			samples[n] = SAMPLE({
				page = alloc_pages(gfp, r->order);
				if (page)
					__free_pages(page, r->order);
			});
			p = page;
			break;
		case PNB_FOLIO:
			samples[n] = SAMPLE({
				folio = folio_alloc(gfp, r->order);
				if (folio)
					folio_put(folio);
			});
			p = folio;
			break;
		case PNB_FOLIO_NODE:
			samples[n] = SAMPLE({
				folio = __folio_alloc_node(gfp, r->order, r->nid);
				if (folio)
					folio_put(folio);
			});
			p = folio;
			if (p && page_to_nid(&folio->page) != r->nid)
				return -EXDEV;
			break;
		case PNB_KMALLOC:
			samples[n] = SAMPLE({
				p = kmalloc(r->order, gfp);
				kfree(p);
			});
			break;
		case PNB_VMALLOC:
			samples[n] = SAMPLE({
				p = vmalloc(PAGE_SIZE);
				vfree(p);
			});
			break;
		}
		if (!p)
			return -ENOMEM;
	}
	return 0;
}

static int pnb_run(const struct pnb_run *r)
{
	struct pnb_placed *placed __free(pnb_unplace) = NULL;
	unsigned int n = r->count, scope;
	gfp_t gfp = GFP_KERNEL;
	u32 *samples;
	int rc = 0;

	if (!n || n > PNB_MOST)
		return -EINVAL;
	if (r->op == PNB_FOLIO_NODE && (r->nid < 0 || r->nid >= MAX_NUMNODES))
		return -EINVAL;
	if ((r->flags & PNB_F_SCOPE) && !IS_ENABLED(CONFIG_PRIVATE_NODES))
		return -EOPNOTSUPP;
	if (r->flags & PNB_F_USER)
		gfp = GFP_HIGHUSER_MOVABLE;
	if (r->flags & PNB_F_ZERO)
		gfp |= __GFP_ZERO;

	samples = kvcalloc(2 * n, sizeof(*samples), GFP_KERNEL);
	if (!samples)
		return -ENOMEM;

	if (pnb_order(r)) {
		placed = pnb_place(pnb_order(r), PNB_PLACED, GFP_KERNEL, numa_mem_id());
		if (!placed) {
			kvfree(samples);
			return -ENOMEM;
		}
	}

	scope = pnb_scope_save(r->flags & PNB_F_SCOPE);
	pnb_quiet(true);

	MARK(1);
	switch (r->op) {
	case PNB_PAGES_BULK:
	case PNB_FOLIO_BULK:
	case PNB_KMALLOC_BULK:
		rc = pnb_bulk(r, gfp, samples, samples + n);
		break;
	case PNB_SLAB_PAGE:
		rc = pnb_slab_page(r, samples, samples + n);
		break;
	default:
		rc = pnb_pairs(r, gfp, samples);
		break;
	}
	MARK(0);

	pnb_quiet(false);
	pnb_scope_restore(r->flags & PNB_F_SCOPE, scope);
	if (!rc && copy_to_user(u64_to_user_ptr(r->samples), samples,
				2 * n * sizeof(*samples)))
		rc = -EFAULT;
	kvfree(samples);
	return rc;
}

/* What PNB_PLACE has placed. One program measures, so nobody else asks. */
static struct pnb_placed *pnb_kept;

static int pnb_keep(const struct pnb_place *want)
{
	pnb_unplace(pnb_kept);
	pnb_kept = NULL;
	if (!want->bytes)
		return 0;
	if (want->order > MAX_PAGE_ORDER || want->nid < 0 || want->nid >= MAX_NUMNODES ||
	    !node_online(want->nid))
		return -EINVAL;
	pnb_kept = pnb_place(want->order, want->bytes, GFP_HIGHUSER_MOVABLE, want->nid);
	return pnb_kept && pnb_kept->n == want->bytes >> (want->order + PAGE_SHIFT) ? 0 : -ENOMEM;
}

static long pnb_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	void __user *user = (void __user *)arg;
	struct pnb_sizes sizes = {
		.pglist_data = sizeof(struct pglist_data),
		.zonelists = sizeof(((struct pglist_data *)0)->node_zonelists),
		.nodemask = sizeof(nodemask_t),
		.max_nodes = MAX_NUMNODES,
		.per_cpu_node = sizeof(struct per_cpu_nodestat),
	};
	struct pnb_place place;
	struct pnb_run run;

	switch (cmd) {
	case PNB_RUN:
		if (copy_from_user(&run, user, sizeof(run)))
			return -EFAULT;
		return pnb_run(&run);
	case PNB_QUIET:
		pnb_quiet(arg);
		return 0;
	case PNB_PLACE:
		return copy_from_user(&place, user, sizeof(place)) ? -EFAULT : pnb_keep(&place);
	case PNB_SIZES:
		return copy_to_user(user, &sizes, sizeof(sizes)) ? -EFAULT : 0;
	}
	return -ENOTTY;
}

static ssize_t pnb_write(struct file *file, const char __user *buf, size_t len, loff_t *pos)
{
	char chunk[64];
	size_t done, n, i;

	for (done = 0; done < len; done += n) {
		n = min(len - done, sizeof(chunk));
		if (copy_from_user(chunk, buf + done, n))
			return -EFAULT;
		for (i = 0; i < n; i++)
			outb(chunk[i], PNB_PORT);
	}
	return len;
}

static const struct file_operations pnb_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = pnb_ioctl,
	.write = pnb_write,
};

static struct miscdevice pnb_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "pnbench",
	.fops = &pnb_fops,
	.mode = 0600,
};

static int __init pnb_init(void)
{
	return misc_register(&pnb_misc);
}
module_init(pnb_init);

static void __exit pnb_exit(void)
{
	misc_deregister(&pnb_misc);
	pnb_unplace(pnb_kept);
}
module_exit(pnb_exit);

MODULE_DESCRIPTION("Counts what page allocation costs, under -icount");
MODULE_LICENSE("GPL");
