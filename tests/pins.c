// SPDX-License-Identifier: GPL-2.0
/*
 * pins xdp|rdma|vfio[:GROUP] FILE: pins 64 pages of FILE (a private mapping of it, which
 * has memory already) for as long as it runs, as that interface does. Says on which node
 * they were before and are afterwards, or why they cannot be pinned; then waits for its
 * input to end. LDLIBS: -libverbs -lnuma
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <infiniband/verbs.h>
#include <linux/if_xdp.h>
#include <linux/vfio.h>
#include <numaif.h>

#ifndef AF_XDP
#define AF_XDP	44
#endif
#ifndef SOL_XDP
#define SOL_XDP	283
#endif

#define PAGES	64UL

static size_t page;
static char *memory;

static int fail(const char *what)
{
	printf("failed: %s: %s\n", what, strerror(errno));
	return 1;
}

/* The memory of AF_XDP's frames. */
static int pin_xdp(void)
{
	struct xdp_umem_reg reg = {
		.addr = (unsigned long)memory, .len = PAGES * page, .chunk_size = page,
	};
	int fd = socket(AF_XDP, SOCK_RAW, 0);

	if (fd < 0)
		return fail("socket(AF_XDP)");
	return setsockopt(fd, SOL_XDP, XDP_UMEM_REG, &reg, sizeof(reg)) ? fail("XDP_UMEM_REG") : 0;
}

/* A memory region, of the first device there is. */
static int pin_rdma(void)
{
	struct ibv_device **list = ibv_get_device_list(NULL);
	struct ibv_context *context = list && *list ? ibv_open_device(*list) : NULL;
	struct ibv_pd *pd = context ? ibv_alloc_pd(context) : NULL;

	if (!pd)
		return fail("no RDMA device");
	if (!ibv_reg_mr(pd, memory, PAGES * page, IBV_ACCESS_LOCAL_WRITE))
		return fail("ibv_reg_mr");
	return 0;
}

/* A mapping for DMA of the devices of a group. */
static int pin_vfio(const char *group)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map), .flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (unsigned long)memory, .iova = 1UL << 20, .size = PAGES * page,
	};
	int container = open("/dev/vfio/vfio", O_RDWR);
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/vfio/%s", group);
	fd = open(path, O_RDWR);
	if (container < 0 || fd < 0)
		return fail(path);
	if (ioctl(fd, VFIO_GROUP_SET_CONTAINER, &container) ||
	    ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return fail("VFIO_SET_IOMMU");
	return ioctl(container, VFIO_IOMMU_MAP_DMA, &map) ? fail("VFIO_IOMMU_MAP_DMA") : 0;
}

/* The one node that all pages are on, or -1. */
static int node(void)
{
	void *pages[PAGES];
	int status[PAGES];
	size_t i;

	for (i = 0; i < PAGES; i++)
		pages[i] = memory + i * page;
	if (move_pages(0, PAGES, pages, NULL, status, 0))
		return -1;
	for (i = 1; i < PAGES; i++) {
		if (status[i] != status[0])
			return -1;
	}
	return status[0];
}

static bool is_whole(void)
{
	size_t i;

	for (i = 0; i < PAGES * page; i++) {
		if (memory[i] != (char)(i / page + 1))
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	int before, rc = -1, fd = argc == 3 ? open(argv[2], O_RDWR) : -1;
	size_t i;

	if (fd < 0) {
		fprintf(stderr, "usage: pins xdp|rdma|vfio:GROUP FILE\n");
		return 2;
	}
	setlinebuf(stdout);
	page = sysconf(_SC_PAGESIZE);
	memory = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (memory == MAP_FAILED)
		return fail("mmap");
	for (i = 0; i < PAGES * page; i++)
		memory[i] = i / page + 1;
	before = node();
	if (!strcmp(argv[1], "xdp"))
		rc = pin_xdp();
	else if (!strcmp(argv[1], "rdma"))
		rc = pin_rdma();
	else if (!strncmp(argv[1], "vfio:", 5))
		rc = pin_vfio(argv[1] + 5);
	if (rc)
		return 1;
	printf("pinned: on node %d, before on node %d\n", node(), before);
	while (getchar() != EOF)
		;
	if (!is_whole())
		return fail("what was written is not there");
	printf("whole\n");
	return 0;
}
