// SPDX-License-Identifier: GPL-2.0
/* Memory policies, and pages moved to nodes. */
#include "flips.h"

/* Some nodes, private ones rather. */
static unsigned long some_nodes(void)
{
	unsigned long nodes = 0;

	do {
		if (rnd(2))
			nodes |= 1UL << device[0].nid;
		if (!rnd(3))
			nodes |= 1UL << device[1].nid;
		if (!rnd(4))
			nodes |= 1;
		if (!rnd(4))
			nodes |= 2;
	} while (!nodes);
	return nodes;
}

static int some_mode(void)
{
	static const int modes[] = {
		MPOL_BIND, MPOL_BIND, MPOL_PREFERRED, MPOL_PREFERRED_MANY, MPOL_INTERLEAVE,
		MPOL_WEIGHTED_INTERLEAVE
	};

	return modes[rnd(ARRAY_SIZE(modes))];
}

void op_mbind(void)
{
	static const unsigned int flags[] = {
		0, 0, MPOL_MF_MOVE, MPOL_MF_MOVE | MPOL_MF_STRICT, MPOL_MF_MOVE_ALL
	};
	unsigned long nodes = some_nodes(), first = 1UL << device[0].nid;
	unsigned int flag = flags[rnd(ARRAY_SIZE(flags))];
	struct area *a = any_area();
	int mode = some_mode(), rc;
	size_t start = 0, nr;
	struct named s;

	if (!a)
		return;
	nr = a->nr;
	if (!rnd(6)) {
		mode = MPOL_DEFAULT;
		nodes = 0;
	} else if (!rnd(5)) {
		mode |= MPOL_F_STATIC_NODES;
	}
	if (!rnd(4)) {
		start = some(a, a->nr, &nr);
		a->split = true;
	}
	if (nodes & 1UL << device[1].nid && !(nodes & ~private_nodes()))
		a->may_fail = true;
	s = may_name(0);
	rc = syscall(__NR_mbind, a->base + start * PAGE, nr * PAGE, mode, nodes ? &nodes : NULL,
		     64UL, flag) ? -errno : 0;
	if (rc && made(-rc))
		return;
	if (a->dev >= 0) {
		/* These have their node. */
		if (mode != MPOL_DEFAULT && !rc)
			wrong("mbind() of a mapping of %s", device[a->dev].name);
		return;
	}
	if (!rc && nodes & private_nodes())
		count(N_MBIND);
	if (rc == -EINVAL)
		count(N_MBIND_REFUSED);
	if (nodes == first && !flag && was_named(0, s)) {
		count(N_JUDGED);
		if (s.may ? rc == -EINVAL : rc != -EINVAL)
			wrong("mbind(mode %d, nodes %#lx) is %d, and %s", mode, nodes, rc,
			      s.may ? "is let in" : "is not");
	}
	if (!rc && !rnd(3))
		syscall(__NR_set_mempolicy_home_node, a->base + start * PAGE, nr * PAGE,
			(long)rnd(4), 0UL);
}

/* A bound task, and what it needs besides its own memory. */
static void op_task(void)
{
	unsigned long nodes = some_nodes(), first = 1UL << device[0].nid;
	int mode = some_mode(), rc, fd, i;
	struct named s;
	uint64_t *p;
	bool fail;

	/*
	 * All of the task's memory would have to come from a node that may go, its
	 * stack included.
	 */
	if (!(nodes & ~private_nodes()))
		nodes = first;
	s = may_name(0);
	rc = syscall(__NR_set_mempolicy, mode, &nodes, 64UL) ? -errno : 0;
	if (rc && made(-rc))
		return;
	/* Nor can it do without any of it: there is no other node to have it from. */
	fail = let_fail(false);
	if (nodes & ~private_nodes())
		let_fail(fail);
	if (was_named(0, s) && nodes == first) {
		count(N_JUDGED);
		/* For one or the other kind of memory. */
		if (s.may || s.may_share ? rc : rc != -EINVAL)
			wrong("set_mempolicy(mode %d, nodes %#lx) is %d, and %s", mode, nodes, rc,
			      s.may || s.may_share ? "is let in" : "is not");
	}
	if (rc) {
		count(N_TASK_REFUSED);
		let_fail(fail);
		return;
	}
	if (nodes & private_nodes())
		count(N_TASK);
	p = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p != MAP_FAILED) {
		for (i = 0; i < 64; i++)
			p[i * WORDS] = i + 1;
		small_things(1);
		for (i = 0; i < 64; i++) {
			if (p[i * WORDS] != i + 1UL)
				wrong("page %d of a bound task has %#lx", i,
				      (unsigned long)p[i * WORDS]);
		}
		munmap(p, 64 * PAGE);
	}
	fd = memfd_create("flips", MFD_CLOEXEC);
	if (fd >= 0) {
		if (write(fd, salt, sizeof(salt)) != sizeof(salt) && !made(errno))
			wrong("a bound task cannot write to tmpfs: %s", strerror(errno));
		close(fd);
	}
	if (!is_child && rnd(2))
		op_fork();
	let_fail(false);
	syscall(__NR_set_mempolicy, MPOL_DEFAULT, NULL, 0UL);
	let_fail(fail);
}

void op_move(void)
{
	int nodes[32], status[32], before[32], to = rnd(3) ? device[rnd(2)].nid : (int)rnd(2);
	struct area *a = any_area();
	void *pages[32];
	size_t i, start, nr;
	struct named s;
	int rc;

	if (!a)
		return;
	start = some(a, 32, &nr);
	for (i = 0; i < nr; i++) {
		pages[i] = a->base + (start + i) * PAGE;
		nodes[i] = to;
		status[i] = -EINTR;
		before[i] = -EINTR;
	}
	syscall(__NR_move_pages, 0, nr, pages, NULL, before, 0);
	s = may_name(0);
	rc = syscall(__NR_move_pages, 0, nr, pages, nodes, status,
		     rnd(2) ? MPOL_MF_MOVE : MPOL_MF_MOVE_ALL);
	if (rc < 0) {
		if (made(errno))
			return;
		if ((errno == ENODEV || errno == EACCES) && is_private(to))
			count(N_MOVE_REFUSED);
		else if (errno != ENODEV && errno != ENOMEM)
			wrong("move_pages() to node %d: %s", to, strerror(errno));
	}
	if (to == device[0].nid && was_named(0, s)) {
		count(N_JUDGED);
		if ((rc < 0 && errno == (s.mbind.on || s.shmem.on ? EACCES : ENODEV)) !=
		    !(s.may || s.may_share))
			wrong("move_pages() to node %d is %d (%s), and %s", to, rc,
			      rc < 0 ? strerror(errno) : "went well",
			      s.may || s.may_share ? "is let in" : "is not");
	}
	for (i = 0; rc >= 0 && i < nr; i++) {
		if (status[i] == -EACCES && is_private(before[i]))
			count(N_STAY);
		if (status[i] != to || before[i] < 0 || before[i] == to)
			continue;
		if (is_private(to))
			count(N_MOVED_ON);
		else if (is_private(before[i]))
			count(N_MOVED_OFF);
	}
}

void op_migrate(void)
{
	unsigned long from = 1UL << rnd(2), to = 1UL << device[rnd(2)].nid, swap;

	if (rnd(2)) {
		swap = from;
		from = to;
		to = swap;
	}
	if (syscall(__NR_migrate_pages, 0, 64UL, &from, &to) >= 0)
		count(N_MIGRATED);
}

const struct op policy_ops[] = {
	/*		   map pol adv pin fork press */
	{ "mbind", op_mbind,		{ 1, 9, 1, 1, 1, 0 } },
	{ "task policy", op_task,	{ 0, 4, 1, 1, 1, 0 } },
	{ "move_pages", op_move,	{ 1, 9, 1, 2, 1, 0 } },
	{ "migrate_pages", op_migrate,	{ 0, 3, 1, 1, 1, 0 } },
	{ }
};
