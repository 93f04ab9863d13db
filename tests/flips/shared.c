// SPDX-License-Identifier: GPL-2.0
/* Shared memory on the nodes: of a device, and under policies. */
#include "flips.h"

#include <linux/falloc.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static int object = -1;		/* its descriptor */

/* An object of a device, or one that policies are for if @dev is negative. */
static bool map_shared(struct area *a, int dev, size_t nr)
{
	void *p;

	memset(a, 0, sizeof(*a));
	a->dev = dev;
	a->nr = nr;
	a->may_fail = dev == DEVICES - 1;
	if (dev < 0)
		object = memfd_create("flips", MFD_CLOEXEC);
	else
		object = open(device[dev].path, O_RDWR | O_CLOEXEC);
	if (object < 0)
		return false;
	if (dev < 0 && ftruncate(object, nr * PAGE))
		goto err;
	p = mmap(NULL, nr * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, object, 0);
	if (p == MAP_FAILED) {
		if (errno == ENXIO && dev == DEVICES - 1)
			count(N_UNMAPPABLE);
		else
			wrong("cannot share %s: %s", dev < 0 ? "memory" : device[dev].name,
			      strerror(errno));
		goto err;
	}
	a->page = calloc(nr, sizeof(*a->page));
	if (!a->page)
		give_up("calloc: %s\n", strerror(errno));
	a->base = p;
	a->birth = (uintptr_t)p / PAGE;
	count(N_SHARED);
	return true;
err:
	close(object);
	return false;
}

static void unmap_shared(struct area *a)
{
	check_all(a);
	munmap(a->base, a->nr * PAGE);
	close(object);
	free(a->page);
	a->base = NULL;
}

/* A policy for all of it, to which it is moved, perhaps. */
static void bind_shared(struct area *a)
{
	unsigned long nodes = 1UL << device[rnd(2)].nid | (rnd(2) ? 1UL << rnd(2) : 0);
	unsigned long first = 1UL << device[0].nid;
	struct named s = may_name(0);
	int rc;

	if (!rnd(4))
		nodes = 1UL << rnd(2);
	if (nodes & 1UL << device[1].nid && !(nodes & ~private_nodes()))
		a->may_fail = true;
	rc = syscall(__NR_mbind, a->base, a->nr * PAGE, MPOL_BIND, &nodes, 64UL,
		     rnd(2) ? MPOL_MF_MOVE : 0) ? -errno : 0;
	if (a->dev >= 0) {
		if (rc != -EINVAL)
			wrong("mbind() of a shared mapping of %s is %d", device[a->dev].name, rc);
		return;
	}
	if (!rc && nodes & private_nodes())
		count(N_SHARED_BOUND);
	if (nodes == first && was_named(0, s)) {
		count(N_JUDGED);
		if (s.may_share ? rc == -EINVAL : rc != -EINVAL)
			wrong("mbind(nodes %#lx) of shared memory is %d, and %s", nodes, rc,
			      s.may_share ? "is let in" : "is not");
	}
}

/* Pages that are given back are zero from then on, whoever looks. */
static void punch_shared(struct area *a)
{
	size_t i, nr, start = some(a, 64, &nr);
	int rc;

	if (rnd(2))
		rc = madvise(a->base + start * PAGE, nr * PAGE, MADV_REMOVE);
	else
		rc = fallocate(object, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, start * PAGE,
			       nr * PAGE);
	if (rc) {
		wrong("%zu pages are not given back: %s", nr, strerror(errno));
		return;
	}
	count(N_PUNCHED);
	for (i = start; i < start + nr; i++)
		a->page[i] = (struct state){ 0 };
}

/*
 * Another process sees the same, by the mapping that it has and by one of its own. Not
 * all of it: with swap busy a whole object takes a child seconds.
 */
static void look_together(struct area *a, size_t start, size_t nr)
{
	pid_t pid = fork();
	void *p;

	if (!pid) {
		is_child = true;
		check_some(a, start, nr);
		p = mmap(NULL, a->nr * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, object, 0);
		if (p != MAP_FAILED) {
			a->base = p;
			check_some(a, start, nr);
			count(N_SHARED_SEEN);
		} else if (errno != ENXIO) {
			wrong("a child cannot share it: %s", strerror(errno));
		}
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static void use_shared(struct area *a)
{
	size_t i, nr, start = some(a, 64, &nr);

	switch (rnd(8)) {
	case 0:
	case 1:
		for (i = start; i < start + nr; i++)
			write_page(a, i, next_gen());
		break;
	case 2:
		check_some(a, start, nr);
		break;
	case 3:
		bind_shared(a);
		break;
	case 4:
		punch_shared(a);
		break;
	case 5:
		madvise(a->base + start * PAGE, nr * PAGE,
			rnd(2) ? MADV_PAGEOUT : rnd(2) ? MADV_COLD : MADV_WILLNEED);
		break;
	case 6:
		/* Of a shared mapping nothing is lost so. */
		madvise(a->base + start * PAGE, nr * PAGE,
			rnd(2) ? MADV_DONTNEED : rnd(2) ? MADV_COLLAPSE : MADV_HUGEPAGE);
		break;
	default:
		look_together(a, start, nr);
	}
}

void share_memory(void)
{
	struct area *a = &area[0];
	int i, n, kind = 0;

	me = WORKERS + 1;
	prctl(PR_SET_NAME, "flips-share");
	seed_rng(700);
	handle_signals();
	sh->worker[me].doing = "sharing";
	/* The cpuset is that of the workers. */
	if (put_text(CGROUP "/load/cgroup.procs", "0"))
		wrong("cannot join the group of the workers: %s", strerror(errno));
	while (!stopped()) {
		/* In turn: a slow machine has a few of each, too. */
		if (!map_shared(a, kind++ % (DEVICES + 1) - 1, 64 + rnd(1024))) {
			nap(50);
			continue;
		}
		bind_shared(a);
		for (i = 0, n = 20 + rnd(100); i < n && !stopped(); i++)
			use_shared(a);
		unmap_shared(a);
	}
	_exit(0);
}
