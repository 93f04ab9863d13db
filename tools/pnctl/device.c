// SPDX-License-Identifier: GPL-2.0
/* Devices of the dax bus: which there are by libdaxctl, who has them by sysfs. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pnctl.h"

static void hush(struct daxctl_ctx *ctx, int priority, const char *file, int line, const char *fn,
		 const char *format, va_list args)
{
	(void)ctx, (void)priority, (void)file, (void)line, (void)fn, (void)format, (void)args;
}

static int by_name(const void *a, const void *b)
{
	const struct device *x = a, *y = b;

	return strverscmp(x->name, y->name);
}

/* What has no size is a seed, waiting to become a device. */
static int add(struct devices *list, struct daxctl_dev *dax)
{
	struct device d = {
		.dax = dax,
		.name = daxctl_dev_get_devname(dax),
		.node = daxctl_dev_get_target_node(dax),
		.size = daxctl_dev_get_size(dax),
	};
	void *v;

	if (!d.size)
		return 0;
	v = realloc(list->v, (list->n + 1) * sizeof(d));
	if (!v)
		return no_memory();
	list->v = v;
	list->v[list->n++] = d;
	return 0;
}

int devices_get(struct devices *list)
{
	struct daxctl_region *region;
	struct daxctl_dev *dax;
	int rc = 0;

	memset(list, 0, sizeof(*list));
	if (daxctl_new(&list->ctx)) {
		error("libdaxctl does not start");
		return cure(PN_FAILED, "free some memory and try again");
	}
	daxctl_set_log_fn(list->ctx, hush);
	daxctl_region_foreach(list->ctx, region) {
		daxctl_dev_foreach(region, dax) {
			if (!rc)
				rc = add(list, dax);
		}
	}
	if (rc)
		devices_put(list);
	else if (list->n)
		qsort(list->v, list->n, sizeof(*list->v), by_name);
	return rc;
}

void devices_put(struct devices *list)
{
	free(list->v);
	if (list->ctx)
		daxctl_unref(list->ctx);
	memset(list, 0, sizeof(*list));
}

static void name_all(const struct devices *list, char *s, size_t size)
{
	size_t i, n = 0;

	*s = '\0';
	for (i = 0; i < list->n && n < size; i++)
		n += snprintf(s + n, size - n, "%s%s", i ? ", " : "", list->v[i].name);
}

/* Then it is not in the list. */
static bool has_no_size(const char *name)
{
	return !strncmp(name, "dax", 3) && !strchr(name, '/') &&
		!strcmp(attr_read(SYS_DAX "/devices/%.64s/size", name).s, "0");
}

int device_get(struct devices *list, const char *name, struct device **d)
{
	char all[512];
	size_t i;

	for (i = 0; i < list->n; i++) {
		if (!strcmp(list->v[i].name, name)) {
			*d = &list->v[i];
			return 0;
		}
	}
	if (has_no_size(name)) {
		error("%.64s has size 0", name);
		return cure(PN_ABSENT,
			    "'daxctl create-device' sets another, if its region has room");
	}
	name_all(list, all, sizeof(all));
	error("there is no dax device '%.64s'", name);
	if (!list->n)
		return cure(PN_ABSENT,
			    "there is none at all: 'pnctl check' says where they come from");
	return cure(PN_ABSENT, "there is: %s", all);
}

/* The one that has its knobs, if any. */
struct device *device_on_node(const struct devices *list, int node)
{
	size_t i;

	for (i = 0; i < list->n; i++) {
		if (list->v[i].node == node && device_is_private(&list->v[i]))
			return &list->v[i];
	}
	return NULL;
}

struct text device_driver(const struct device *d)
{
	struct text link = text(SYS_DAX "/devices/%s/driver", d->name);
	char path[PATH_MAX];
	ssize_t n;

	n = readlink(link.s, path, sizeof(path) - 1);
	if (n < 0)
		return text("%s", "");
	path[n] = '\0';
	return text("%.200s", strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
}

struct text device_read(const struct device *d, const char *file)
{
	return attr_read(SYS_DAX "/devices/%s/%s", d->name, file);
}

int device_write(const struct device *d, const char *file, const char *value)
{
	struct text path = text(SYS_DAX "/devices/%s/%s", d->name, file);

	return attr_write(path.s, value);
}

/* The word of the driver's file: kmem has called it something else. */
struct text device_state(const struct device *d)
{
	struct text t = device_read(d, "hotplug");

	if (t.err)
		t = device_read(d, "state");
	return t;
}

bool device_plugged(const struct device *d)
{
	struct text t = device_state(d);

	return !t.err && strcmp(t.s, "unplugged");
}

bool device_is_private(const struct device *d)
{
	return !strcmp(device_driver(d).s, "anondax");
}

/* Physical addresses, which only root may see: a user has none of them. */
void device_ranges(const struct device *d, range_fn fn, void *data)
{
	unsigned long long start = daxctl_dev_get_resource(d->dax);
	struct daxctl_mapping *m;
	bool any = false;

	daxctl_mapping_foreach(d->dax, m) {
		if (!daxctl_mapping_get_start(m))
			continue;
		fn(daxctl_mapping_get_start(m), daxctl_mapping_get_end(m), data);
		any = true;
	}
	/* A region that cannot be divided may have no list of them. */
	if (!any && start)
		fn(start, start + d->size - 1, data);
}

unsigned long long memory_block_size(void)
{
	struct text t = attr_read("/sys/devices/system/memory/block_size_bytes");

	return strtoull(t.s, NULL, 16);
}

struct usable {
	unsigned long long block, bytes;
	bool any;
};

static void add_usable(unsigned long long start, unsigned long long end, void *data)
{
	struct usable *u = data;

	u->any = true;
	start = (start + u->block - 1) / u->block * u->block;
	end = (end + 1) / u->block * u->block;
	if (end > start)
		u->bytes += end - start;
}

/* What does not fill a memory block at either end is cut off. */
unsigned long long device_usable(const struct device *d)
{
	struct usable u = { .block = memory_block_size() };

	if (u.block)
		device_ranges(d, add_usable, &u);
	return u.any ? u.bytes : d->size;
}

struct blocks {
	unsigned long long size;
	bool any, online;
};

static void look_at_blocks(unsigned long long start, unsigned long long end, void *data)
{
	unsigned long long n, size = ((struct blocks *)data)->size;
	struct blocks *b = data;

	b->any = true;
	for (n = (start + size - 1) / size; !b->online && (n + 1) * size - 1 <= end; n++)
		b->online = !strcmp(attr_read("/sys/devices/system/memory/memory%llu/state", n).s,
				    "online");
}

/* Is any of its memory online, whoever has it? Not only root can see that of the node. */
bool device_online(const struct device *d)
{
	struct blocks b = { .size = memory_block_size() };

	if (b.size)
		device_ranges(d, look_at_blocks, &b);
	return b.any ? b.online : node_online(d->node) || node_in(d->node, "has_memory");
}

/*
 * A driver that was unbound while its memory was in use has left it online. Users cannot
 * see whose the memory of a node is: it may be that of a device that has a driver.
 */
bool device_left_behind(const struct devices *list, const struct device *d)
{
	if (device_driver(d).s[0] || !node_online(d->node) || !device_online(d))
		return false;
	return !geteuid() || node_left_behind(list, d->node);
}

/* The first such device of a node. */
struct device *device_left_on(const struct devices *list, int node)
{
	size_t i;

	for (i = 0; i < list->n; i++) {
		if (list->v[i].node == node && device_left_behind(list, &list->v[i]))
			return &list->v[i];
	}
	return NULL;
}

static int driver_write(const char *driver, const char *file, const struct device *d)
{
	struct text path = text(SYS_DAX "/drivers/%s/%s", driver, file);

	return attr_write(path.s, d->name);
}

int device_unbind(const struct device *d)
{
	struct text driver = device_driver(d);
	int rc;

	if (!driver.s[0])
		return 0;
	rc = driver_write(driver.s, "unbind", d);
	if (!rc && device_driver(d).s[0])
		rc = -EBUSY;
	return rc;
}

/*
 * A driver that knows the device, by its type or its name, takes it by "bind"; another
 * one has to be told the name first, by "new_id", which also binds, and does not say so
 * if that fails: then "bind" does.
 */
int device_bind(const struct device *d, const char *driver)
{
	int rc;

	rc = driver_write(driver, "bind", d);
	if (rc == -ENODEV) {
		rc = driver_write(driver, "new_id", d);
		if (!rc && !device_driver(d).s[0])
			rc = driver_write(driver, "bind", d);
	}
	if (!rc && strcmp(device_driver(d).s, driver))
		rc = -ENODEV;
	return rc;
}

/* The next device of that name may be another one. */
void device_forget(const struct device *d, const char *driver)
{
	driver_write(driver, "remove_id", d);
}
