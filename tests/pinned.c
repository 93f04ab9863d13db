// SPDX-License-Identifier: GPL-2.0
/*
 * pinned rdma|xdp|vfio|iommufd FILE|NODE [PCI-DEVICE]: memory of a file that is mapped, or that is
 * bound to a node, is registered as a device's, which pins it for long. Says where it was, and
 * where it is then or why it was refused; stays until its input ends, and says whether what was
 * written is in it still.
 *
 * LDLIBS: -libverbs
 */
#include "lab.h"

#include <glob.h>
#include <infiniband/verbs.h>
#include <limits.h>
#include <linux/if_xdp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* Newer than Debian 12's, and as the kernel has them. */
#define __user
#ifndef __counted_by
#define __counted_by(member)
#endif
#include "linux/iommufd.h"
#include "linux/vfio.h"

#define PAGES	16
#define IOVA	0x100000000ull

static size_t page, size;
static const char *device;

/* They all return 0 or -errno, and keep what they have opened. */

static int pin_rdma(void *p)
{
	struct ibv_device **list = ibv_get_device_list(NULL);
	struct ibv_context *context;
	struct ibv_pd *pd;

	if (!list || !list[0])
		return -ENODEV;
	context = ibv_open_device(list[0]);
	if (!context)
		return -errno;
	pd = ibv_alloc_pd(context);
	if (!pd)
		return -errno;
	return ibv_reg_mr(pd, p, size, IBV_ACCESS_LOCAL_WRITE) ? 0 : -errno;
}

static int pin_xdp(void *p)
{
	struct xdp_umem_reg umem = {
		.addr = (uintptr_t)p,
		.len = size,
		.chunk_size = page,
	};
	int fd = socket(AF_XDP, SOCK_RAW, 0);

	if (fd < 0)
		return -errno;
	return setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &umem, sizeof(umem)) ? -errno : 0;
}

/* What the device's directory in sysfs has under NAME is called as a file in DIR is. */
static int open_as(const char *name, const char *dir)
{
	char path[PATH_MAX], *real;
	glob_t found;
	int fd = -1;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", device, name);
	if (glob(path, 0, NULL, &found))
		return -1;
	real = realpath(found.gl_pathv[0], NULL);
	if (real) {
		snprintf(path, sizeof(path), "%s/%s", dir, basename(real));
		fd = open(path, O_RDWR | O_CLOEXEC);
	}
	free(real);
	globfree(&found);
	return fd;
}

static int pin_vfio(void *p)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)p,
		.iova = IOVA,
		.size = size,
	};
	int container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	int group = open_as("iommu_group", "/dev/vfio");

	if (container < 0 || group < 0 || ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) ||
	    ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return -ENODEV;
	return ioctl(container, VFIO_IOMMU_MAP_DMA, &map) ? -errno : 0;
}

static int pin_iommufd(void *p)
{
	struct iommu_ioas_alloc ioas = { .size = sizeof(ioas) };
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind) };
	struct vfio_device_attach_iommufd_pt attach = { .argsz = sizeof(attach) };
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.user_va = (uintptr_t)p,
		.iova = IOVA,
		.length = size,
	};
	int iommu = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	int dev = open_as("vfio-dev/*", "/dev/vfio/devices");

	if (iommu < 0 || dev < 0 || ioctl(iommu, IOMMU_IOAS_ALLOC, &ioas))
		return -ENODEV;
	bind.iommufd = iommu;
	attach.pt_id = ioas.out_ioas_id;
	map.ioas_id = ioas.out_ioas_id;
	if (ioctl(dev, VFIO_DEVICE_BIND_IOMMUFD, &bind) ||
	    ioctl(dev, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach))
		return -ENODEV;
	/* Behind a device that is attached it is pinned at once. */
	return ioctl(iommu, IOMMU_IOAS_MAP, &map) ? -errno : 0;
}

static const struct {
	const char *name;
	int (*pin)(void *p);
} ways[] = {
	{ "rdma", pin_rdma },
	{ "xdp", pin_xdp },
	{ "vfio", pin_vfio },
	{ "iommufd", pin_iommufd },
};

/* All of it is on one node: which, or -1. */
static int where(char *p)
{
	int status[PAGES], i;
	void *addr[PAGES];

	for (i = 0; i < PAGES; i++)
		addr[i] = p + i * page;
	if (syscall(__NR_move_pages, 0, PAGES, addr, NULL, status, 0))
		return -1;
	for (i = 1; i < PAGES; i++)
		if (status[i] != status[0])
			return -1;
	return status[0];
}

static char *map_it(const char *what)
{
	unsigned long mask;
	char *p, *end;
	int fd;

	if (*what == '/') {
		fd = open(what, O_RDWR | O_CLOEXEC);
		return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	}
	mask = 1ul << strtoul(what, &end, 10);
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return p;
	return syscall(__NR_mbind, p, size, MPOL_BIND, &mask, 64, 0) ? MAP_FAILED : p;
}

int main(int argc, char **argv)
{
	size_t way, i, wrong = 0;
	int rc, was;
	char *p;

	for (way = 0; argc >= 3 && way < ARRAY_SIZE(ways) && strcmp(argv[1], ways[way].name); way++)
		;
	if (argc < 3 || way == ARRAY_SIZE(ways)) {
		fprintf(stderr, "usage: pinned rdma|xdp|vfio|iommufd FILE|NODE [PCI-DEVICE]\n");
		return 2;
	}
	page = sysconf(_SC_PAGESIZE);
	size = PAGES * page;
	device = argc > 3 ? argv[3] : "none";
	p = map_it(argv[2]);
	if (p == MAP_FAILED) {
		perror(argv[2]);
		return 1;
	}
	for (i = 0; i < size; i++)
		p[i] = i / page + i;
	was = where(p);
	rc = ways[way].pin(p);
	if (rc)
		printf("on %d, refused, on %d: %s\n", was, where(p), strerror(-rc));
	else
		printf("on %d, pinned, on %d\n", was, where(p));
	fflush(stdout);
	while (getchar() != EOF)
		;
	for (i = 0; i < size; i++)
		wrong += p[i] != (char)(i / page + i);
	if (wrong)
		printf("%zu bytes are not as they were written\n", wrong);
	return wrong || rc;
}
