// SPDX-License-Identifier: GPL-2.0
/* Pages moved by userfaultfd. */
#include "flips.h"

#include <linux/userfaultfd.h>
#include <sys/ioctl.h>

/* For headers older than the kernel. */
#ifndef UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES
#define UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES	2
#define UFFD_FEATURE_MOVE	0x10000
#define UFFDIO_MOVE		_IOWR(UFFDIO, 0x05, struct uffdio_move)
struct uffdio_move {
	__u64 dst;
	__u64 src;
	__u64 len;
	__u64 mode;
	__s64 move;
};
#endif

/* A part of an area, to another mapping: what was there is zero afterwards. */
static void op_uffd(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_MOVE };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_move move = { 0 };
	static uint64_t buf[WORDS];
	struct area *a = any_area();
	size_t start, nr, i, moved;
	int uffd, fd = -1;
	bool fail;
	char *p;

	if (!a || a->pins || a->locked)
		return;
	start = some(a, 600, &nr);
	/* To the device that stays, or to anonymous memory. */
	if (rnd(2))
		fd = open(device[0].path, O_RDWR | O_CLOEXEC);
	p = mmap(NULL, nr * PAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_NORESERVE | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
	if (fd >= 0)
		close(fd);
	if (p == MAP_FAILED)
		return;
	uffd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	reg.range.start = (uintptr_t)p;
	reg.range.len = nr * PAGE;
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &reg)) {
		if (!made(errno))
			wrong("userfaultfd: %s", strerror(errno));
		goto unmap;
	}
	move.dst = (uintptr_t)p;
	move.src = (uintptr_t)a->base + start * PAGE;
	move.len = nr * PAGE;
	move.mode = UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES;
	/* Pages that are shared or busy end it early. */
	ioctl(uffd, UFFDIO_MOVE, &move);
	moved = move.move > 0 ? move.move / PAGE : 0;
	/* Nobody serves faults: these are to be zeroes. */
	close(uffd);
	uffd = -1;
	fail = let_fail(false);
	for (i = start; i < start + moved; i++) {
		memcpy(buf, p + (i - start) * PAGE, PAGE);
		judge_page(a, i, buf);
		memset(&a->page[i], 0, sizeof(a->page[i]));
	}
	let_fail(fail);
	count_n(N_UFFD, moved);
unmap:
	if (uffd >= 0)
		close(uffd);
	munmap(p, nr * PAGE);
}

const struct op userfault_ops[] = {
	/*		   map pol adv pin fork press */
	{ "userfaultfd", op_uffd,	{ 2, 1, 1, 1, 1, 0 } },
	{ }
};
