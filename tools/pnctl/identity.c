// SPDX-License-Identifier: GPL-2.0
/*
 * What a device is, whatever it is called after the next boot: the uuid of an NVDIMM's
 * namespace, the serial numbers of CXL memory devices, or its physical addresses.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <uuid/uuid.h>

#include <cxl/libcxl.h>
#include <ndctl/libndctl.h>

#include "pnctl.h"

/* snprintf() at the end of what is there, after a comma; false if it does not fit. */
bool identity_append(char *s, size_t size, const char *fmt, unsigned long long a,
		     unsigned long long b)
{
	size_t n = strlen(s);

	n += snprintf(s + n, size - n, "%s", n ? "," : "");
	if (n < size)
		n += snprintf(s + n, size - n, fmt, a, b);
	return n < size;
}

static void add_range(unsigned long long start, unsigned long long end, void *data)
{
	struct identity *id = data;

	identity_append(id->ranges, sizeof(id->ranges), "0x%llx-0x%llx", start, end);
}

static bool in_region(const struct device *d, struct ndctl_dax *dax)
{
	struct daxctl_region *region = ndctl_dax_get_daxctl_region(dax);

	return region && daxctl_region_get_id(region) ==
		daxctl_region_get_id(daxctl_dev_get_region(d->dax));
}

static void get_uuid(const struct device *d, struct identity *id)
{
	struct ndctl_region *region;
	struct ndctl_ctx *ctx;
	struct ndctl_bus *bus;
	struct ndctl_dax *dax;
	uuid_t uuid;

	if (ndctl_new(&ctx))
		return;
	ndctl_set_log_priority(ctx, 0);
	ndctl_bus_foreach(ctx, bus) {
		ndctl_region_foreach(bus, region) {
			ndctl_dax_foreach(region, dax) {
				if (!in_region(d, dax))
					continue;
				ndctl_dax_get_uuid(dax, uuid);
				if (!uuid_is_null(uuid))
					uuid_unparse_lower(uuid, id->uuid);
			}
		}
	}
	ndctl_unref(ctx);
}

static void add_serials(struct cxl_region *region, struct identity *id)
{
	struct cxl_memdev_mapping *m;

	cxl_mapping_foreach(region, m) {
		struct cxl_decoder *decoder = cxl_mapping_get_decoder(m);
		struct cxl_memdev *memdev = decoder ? cxl_decoder_get_memdev(decoder) : NULL;

		if (memdev)
			identity_append(id->serials, sizeof(id->serials), "0x%llx",
					cxl_memdev_get_serial(memdev), 0);
	}
}

/* The dax region is a child of the cxl region: its path has the latter's name. */
static void get_serials(const struct device *d, struct identity *id)
{
	struct text link = text(SYS_DAX "/devices/%s", d->name);
	struct cxl_decoder *decoder;
	struct cxl_region *region;
	char path[PATH_MAX];
	struct cxl_ctx *ctx;
	struct cxl_bus *bus;

	if (!realpath(link.s, path) || !strstr(path, "/dax_region") || cxl_new(&ctx))
		return;
	cxl_set_log_priority(ctx, 0);
	cxl_bus_foreach(ctx, bus) {
		cxl_decoder_foreach(cxl_bus_get_port(bus), decoder) {
			cxl_region_foreach(decoder, region) {
				struct text part = text("/%s/", cxl_region_get_devname(region));

				if (strstr(path, part.s))
					add_serials(region, id);
			}
		}
	}
	cxl_unref(ctx);
}

/* Room that is left in the region is a device of size 0. */
static bool is_shared(const struct device *d)
{
	struct daxctl_dev *dax;

	daxctl_dev_foreach(daxctl_dev_get_region(d->dax), dax) {
		if (dax != d->dax && daxctl_dev_get_size(dax))
			return true;
	}
	return false;
}

/* Addresses are for root only. */
int identity_get(const struct device *d, struct identity *id)
{
	memset(id, 0, sizeof(*id));
	device_ranges(d, add_range, id);
	get_uuid(d, id);
	get_serials(d, id);
	id->shared = is_shared(d);
	if (id->uuid[0] || id->serials[0] || id->ranges[0])
		return 0;
	error("%s has nothing to be known by after a reboot", d->name);
	return cure(PN_FAILED, "its addresses cannot be read: are you root?");
}

/* A namespace is one device; of what CXL devices have together there may be several. */
bool identity_same(const struct identity *a, const struct identity *b)
{
	if (a->uuid[0] || b->uuid[0])
		return !strcmp(a->uuid, b->uuid);
	return !strcmp(a->serials, b->serials) && !strcmp(a->ranges, b->ranges);
}

/*
 * On the same CXL devices: their region may be at other addresses after a reboot. If
 * there is but one such device it is the one; of several only addresses tell which.
 */
bool identity_same_cxl(const struct identity *a, const struct identity *b)
{
	return !a->uuid[0] && !b->uuid[0] && !a->shared && !b->shared && a->serials[0] &&
		!strcmp(a->serials, b->serials);
}

/* A file that says nothing else, for what the device is. */
bool identity_same_ranges(const struct identity *file, const struct identity *device)
{
	return !file->uuid[0] && !file->serials[0] && file->ranges[0] &&
		!strcmp(file->ranges, device->ranges);
}

/* For the name of a file. */
struct text identity_name(const struct identity *id)
{
	if (id->uuid[0])
		return text("uuid-%s", id->uuid);
	if (id->serials[0])
		return text("cxl-%.*s-%.*s", (int)strcspn(id->serials, ","), id->serials,
			    (int)strcspn(id->ranges, ",-"), id->ranges);
	return text("range-%.*s", (int)strcspn(id->ranges, ","), id->ranges);
}
