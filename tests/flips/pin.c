// SPDX-License-Identifier: GPL-2.0
/*
 * Pins. While they last the pages are the same ones: what is written to memory
 * can be read through the pin.
 */
#include "flips.h"

#include <linux/io_uring.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include "../../../mm/gup_test.h"

#define PIN_PAGES	16

static struct {
	struct area *a;
	size_t start, nr;
	void *addr;	/* that it was made at: the mapping may move */
	bool uring;
	int fd;		/* gup_test, or the ring */
	int file;
	void *ring, *sqes;
	size_t ring_size;
	struct io_uring_params params;
} pin;

static int uring_open(void)
{
	size_t sq, cq;

	memset(&pin.params, 0, sizeof(pin.params));
	pin.ring = MAP_FAILED;
	pin.sqes = MAP_FAILED;
	pin.fd = syscall(__NR_io_uring_setup, 4, &pin.params);
	if (pin.fd < 0)
		return -errno;
	fcntl(pin.fd, F_SETFD, FD_CLOEXEC);
	sq = pin.params.sq_off.array + pin.params.sq_entries * sizeof(__u32);
	cq = pin.params.cq_off.cqes + pin.params.cq_entries * sizeof(struct io_uring_cqe);
	pin.ring_size = sq > cq ? sq : cq;
	pin.ring = mmap(NULL, pin.ring_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			pin.fd, IORING_OFF_SQ_RING);
	pin.sqes = mmap(NULL, pin.params.sq_entries * sizeof(struct io_uring_sqe),
			PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, pin.fd, IORING_OFF_SQES);
	pin.file = memfd_create("flips", MFD_CLOEXEC);
	return pin.ring == MAP_FAILED || pin.sqes == MAP_FAILED || pin.file < 0 ? -ENOMEM : 0;
}

static void uring_close(void)
{
	if (pin.ring != MAP_FAILED)
		munmap(pin.ring, pin.ring_size);
	if (pin.sqes != MAP_FAILED)
		munmap(pin.sqes, pin.params.sq_entries * sizeof(struct io_uring_sqe));
	if (pin.file >= 0)
		close(pin.file);
}

/* Write the fixed buffer to the file, and read that. */
static int uring_read(void *buf)
{
	char *ring = pin.ring;
	struct io_uring_sqe *sqe = pin.sqes;
	struct io_uring_cqe *cqe;
	__u32 *tail = (__u32 *)(ring + pin.params.sq_off.tail);
	__u32 mask = *(__u32 *)(ring + pin.params.sq_off.ring_mask);
	__u32 *head = (__u32 *)(ring + pin.params.cq_off.head);
	__u32 cmask = *(__u32 *)(ring + pin.params.cq_off.ring_mask);
	int res;

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_WRITE_FIXED;
	sqe->fd = pin.file;
	sqe->addr = (uintptr_t)pin.addr;
	sqe->len = pin.nr * PAGE;
	((__u32 *)(ring + pin.params.sq_off.array))[*tail & mask] = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(__NR_io_uring_enter, pin.fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		return -errno;
	cqe = (struct io_uring_cqe *)(ring + pin.params.cq_off.cqes) + (*head & cmask);
	res = cqe->res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	if (res < 0)
		return res;
	if (res != (int)(pin.nr * PAGE) || pread(pin.file, buf, res, 0) != res)
		return -EIO;
	return 0;
}

static void pin_check(void)
{
	static uint64_t buf[PIN_PAGES * WORDS];
	__u64 at = (uintptr_t)buf;
	bool fail = let_fail(false);
	size_t i;
	int rc;

	memset(buf, 0x55, pin.nr * PAGE);
	if (pin.uring)
		rc = uring_read(buf);
	else
		rc = ioctl(pin.fd, PIN_LONGTERM_TEST_READ, &at) ? -errno : 0;
	let_fail(fail);
	if (rc) {
		wrong("cannot read what is pinned by %s: %s", pin.uring ? "io_uring" : "gup_test",
		      strerror(-rc));
		return;
	}
	for (i = 0; i < pin.nr; i++)
		judge_page(pin.a, pin.start + i, buf + i * WORDS);
}

bool is_pinning(void)
{
	return pin.a;
}

void unpin(void)
{
	pin_check();
	if (pin.uring)
		uring_close();
	else
		ioctl(pin.fd, PIN_LONGTERM_TEST_STOP);
	close(pin.fd);
	pin.a->pins--;
	pin.a = NULL;
}

static void op_pin(void)
{
	struct area *a = any_area();
	struct pin_longterm_test args;
	struct steady s, other;
	struct iovec iov;
	size_t i;
	int rc, fair;

	if (is_child)
		return;
	if (pin.a) {
		pin_check();
		if (!rnd(3))
			unpin();
		return;
	}
	if (!a)
		return;
	pin.start = some(a, PIN_PAGES, &pin.nr);
	/* So that no zero page is there, and none that may vanish. */
	for (i = 0; i < pin.nr; i++) {
		if (!write_page(a, pin.start + i, next_gen()))
			return;
	}
	pin.uring = rnd(2);
	pin.file = -1;
	pin.addr = a->base + pin.start * PAGE;
	iov.iov_base = pin.addr;
	iov.iov_len = pin.nr * PAGE;
	if (pin.uring) {
		rc = uring_open();
	} else {
		pin.fd = open("/sys/kernel/debug/gup_test", O_RDWR | O_CLOEXEC);
		rc = pin.fd < 0 ? -errno : 0;
	}
	if (rc) {
		if (!made(-rc))
			wrong("%s: %s", pin.uring ? "io_uring" : "gup_test", strerror(-rc));
		goto close;
	}
	s = steady_from(0, K_LTPIN);
	other = steady_from(1, K_LTPIN);
	if (pin.uring) {
		rc = syscall(__NR_io_uring_register, pin.fd, IORING_REGISTER_BUFFERS, &iov, 1);
	} else {
		args.addr = (uintptr_t)iov.iov_base;
		args.size = iov.iov_len;
		args.flags = rnd(4);
		rc = ioctl(pin.fd, PIN_LONGTERM_TEST_START, &args);
	}
	if (rc < 0) {
		rc = -errno;
		count(N_PIN_REFUSED);
		/*
		 * Refused, no memory to move it to, busy, or a page that did not come.
		 * io_uring says EFAULT if it gets some of the pages and others not.
		 */
		fair = rc == -EOPNOTSUPP || rc == -ENOMEM || rc == -EAGAIN || rc == -EBUSY ||
		       (rc == -EFAULT && (a->may_fail || pin.uring));
		/* That is the knob's answer, and nobody else's. */
		if (rc == -EOPNOTSUPP && was_steady(0, K_LTPIN, s) &&
		    was_steady(1, K_LTPIN, other)) {
			count(N_JUDGED);
			if (s.on && other.on)
				wrong("a pin is refused with both knobs at 1");
		}
		if (!fair && !made(-rc))
			wrong("a pin by %s fails with %s", pin.uring ? "io_uring" : "gup_test",
			      strerror(-rc));
		goto close;
	}
	count(pin.uring ? N_URING : N_PIN);
	pin.a = a;
	a->pins++;
	for (i = 0; i < pin.nr; i++) {
		int nid = node_of(a->base + (pin.start + i) * PAGE);

		if (is_private(nid))
			count(N_PIN_PRIVATE);
		/* It cannot have come there afterwards. */
		if (nid == device[0].nid && was_steady(0, K_LTPIN, s)) {
			count(N_JUDGED);
			if (!s.on)
				wrong("page %zu on node %d is pinned with the knob at 0",
				      pin.start + i, nid);
		}
	}
	pin_check();
	return;
close:
	if (pin.uring)
		uring_close();
	if (pin.fd >= 0)
		close(pin.fd);
}

/* No long pin, but a reference from a pipe, while other things go on. */
static void op_splice(void)
{
	static uint64_t buf[8 * WORDS];
	struct area *a = any_area();
	struct iovec iov;
	size_t start, nr, i;
	int hole[2];
	ssize_t n;
	bool fail;

	if (!a || pipe2(hole, O_CLOEXEC | O_NONBLOCK))
		return;
	start = some(a, 8, &nr);
	for (i = 0; i < nr; i++) {
		if (!write_page(a, start + i, next_gen()))
			goto close;
	}
	iov.iov_base = a->base + start * PAGE;
	iov.iov_len = nr * PAGE;
	n = vmsplice(hole[1], &iov, 1, SPLICE_F_NONBLOCK);
	if (n < (ssize_t)PAGE) {
		if (n < 0 && errno != EAGAIN && !(errno == EFAULT && a->may_fail) && !made(errno))
			wrong("vmsplice: %s", strerror(errno));
		goto close;
	}
	small_things(3);
	nr = n / PAGE;
	fail = let_fail(false);
	n = read(hole[0], buf, nr * PAGE);
	let_fail(fail);
	if (n != (ssize_t)(nr * PAGE)) {
		wrong("what was spliced cannot be read");
		goto close;
	}
	for (i = 0; i < nr; i++)
		judge_page(a, start + i, buf + i * WORDS);
	count_n(N_SPLICED, nr);
close:
	close(hole[0]);
	close(hole[1]);
}

const struct op pin_ops[] = {
	/*		   map pol adv pin fork press */
	{ "pin", op_pin,		{ 1, 1, 1, 9, 1, 0 } },
	{ "splice", op_splice,		{ 1, 1, 1, 4, 1, 0 } },
	{ }
};
