// SPDX-License-Identifier: GPL-2.0
/* The knob mbind: policies that name the node, and migration by hand. */

#include "anondax_knob.h"
#include <sys/socket.h>

TEST_F_TIMEOUT(knob, mbind, LONG)
{
	unsigned long P = 1UL << dax.nid, other = dax.nid ? 1UL : 2UL;
	size_t size = 64 * page;
	char *p, *q, *f;
	pid_t pid;

	p = map_anon(size);
	q = map_anon(size);
	f = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_NE(q, MAP_FAILED);
	ASSERT_NE(f, MAP_FAILED);
	fill(q, size, 11);

	ASSERT_EQ(set_knob("shmem", "0"), 0);
	ASSERT_EQ(set_knob("mbind", "0"), 0);
	EXPECT_EQ(sys_mbind(p, size, MPOL_BIND, P, 0), -EINVAL);
	EXPECT_EQ(sys_mbind(p, size, MPOL_PREFERRED, P, 0), -EINVAL);
	EXPECT_EQ(sys_set_mempolicy(MPOL_BIND, P), -EINVAL);
	EXPECT_EQ(move_to(q, page, dax.nid), -ENODEV);
	fill(p, size, 12);
	EXPECT_EQ(count_on(p, size, dax.nid), 0);

	ASSERT_EQ(set_knob("mbind", "1"), 0);
	/* What is there stays without MOVE, and goes with it. */
	EXPECT_EQ(sys_mbind(p, size, MPOL_BIND, P, MPOL_MF_STRICT), -EIO);
	EXPECT_EQ(sys_mbind(p, size, MPOL_BIND, P, 0), 0);
	EXPECT_EQ(count_on(p, size, dax.nid), 0);
	EXPECT_EQ(sys_mbind(p, size, MPOL_BIND, P, MPOL_MF_MOVE | MPOL_MF_STRICT), 0);
	EXPECT_TRUE(all_on_dax(p, size));
	EXPECT_TRUE(filled(p, size, 12));
	/* First touch, and a child's copy. */
	EXPECT_EQ(madvise(p, size, MADV_DONTNEED), 0);
	fill(p, size, 13);
	EXPECT_TRUE(all_on_dax(p, size));
	pid = fork();
	if (!pid) {
		fill(p, size, 14);
		_exit(!all_on_dax(p, size) || !filled(p, size, 14));
	}
	EXPECT_EQ(wait_child(pid), 0);
	EXPECT_TRUE(filled(p, size, 13));

	/* Both ways, and back. */
	EXPECT_EQ(move_to(q, size, dax.nid), 0);
	EXPECT_TRUE(all_on_dax(q, size));
	EXPECT_EQ(move_to(q, size, __builtin_ctzl(other)), 0);
	EXPECT_EQ(count_on(q, size, dax.nid), 0);
	/* What is not anonymous does not go there, and is counted. */
	EXPECT_GE(syscall(__NR_migrate_pages, 0, 64UL, &other, &P), 0);
	EXPECT_TRUE(all_on_dax(q, size));
	EXPECT_EQ(failed(syscall(__NR_migrate_pages, 0, 64UL, &P, &other)), 0);
	EXPECT_EQ(count_on(q, size, dax.nid), 0);
	EXPECT_TRUE(filled(q, size, 11));
	EXPECT_TRUE(filled(p, size, 13));

	/* What others have too moves only if all is to move. */
	pid = fork();
	if (!pid)
		_exit(pause());
	EXPECT_EQ(sys_mbind(q, size, MPOL_BIND, P, MPOL_MF_MOVE), 0);
	EXPECT_EQ(count_on(q, size, dax.nid), 0);
	EXPECT_EQ(sys_mbind(q, size, MPOL_BIND, P, MPOL_MF_MOVE_ALL), 0);
	EXPECT_TRUE(all_on_dax(q, size));
	EXPECT_EQ(sys_mbind(q, size, MPOL_BIND, other, MPOL_MF_MOVE), 0);
	EXPECT_TRUE(all_on_dax(q, size));
	EXPECT_EQ(sys_mbind(q, size, MPOL_BIND, other, MPOL_MF_MOVE_ALL), 0);
	EXPECT_EQ(count_on(q, size, dax.nid), 0);
	EXPECT_TRUE(filled(q, size, 11));
	kill(pid, SIGKILL);
	wait_child(pid);

	/* Not for memory that is not anonymous. */
	EXPECT_EQ(sys_mbind(f, size, MPOL_BIND, P, 0), -EINVAL);
	EXPECT_EQ(sys_mbind(f, size, MPOL_BIND, P | other, 0), 0);
	fill(f, size, 15);
	EXPECT_EQ(count_on(f, size, dax.nid), 0);
	EXPECT_EQ(move_to(f, page, dax.nid), -EINVAL);

	/* Off: what is there stays, what comes does not come from the node. */
	fill(p, size, 13);
	EXPECT_EQ(sys_mbind(p, size, MPOL_BIND, P, MPOL_MF_MOVE), 0);
	EXPECT_TRUE(all_on_dax(p, size));
	ASSERT_EQ(set_knob("mbind", "0"), 0);
	EXPECT_TRUE(all_on_dax(p, size));
	EXPECT_EQ(madvise(p, size / 2, MADV_DONTNEED), 0);
	fill(p, size / 2, 16);
	EXPECT_EQ(count_on(p, size / 2, dax.nid), 0);
	EXPECT_EQ(count_on(p + size / 2, size / 2, dax.nid), (long)(size / 2 / page));
	EXPECT_EQ(move_to(p + size / 2, page, __builtin_ctzl(other)), -EACCES);
	/* Nor does it leave by another way, and that is what they say. */
	EXPECT_EQ(syscall(__NR_migrate_pages, 0, 64UL, &P, &other), (long)(size / 2 / page));
	EXPECT_EQ(sys_mbind(p + size / 2, size / 2, MPOL_BIND, other, MPOL_MF_MOVE), 0);
	EXPECT_EQ(sys_mbind(p + size / 2, size / 2, MPOL_BIND, other, MPOL_MF_MOVE_ALL), 0);
	EXPECT_EQ(sys_mbind(p + size / 2, size / 2, MPOL_BIND, other, MPOL_MF_STRICT), -EIO);
	EXPECT_EQ(sys_mbind(p + size / 2, size / 2, MPOL_BIND, other,
			    MPOL_MF_STRICT | MPOL_MF_MOVE), -EIO);
	EXPECT_EQ(sys_mbind(p + size / 2, size / 2, MPOL_BIND, other,
			    MPOL_MF_STRICT | MPOL_MF_MOVE_ALL), -EIO);
	EXPECT_EQ(count_on(p + size / 2, size / 2, dax.nid), (long)(size / 2 / page));
}

/* One call for memory of both kinds: all of it is changed, or none. */
TEST_F_TIMEOUT(knob, mbind_files, LONG)
{
	unsigned long P = 1UL << dax.nid, ordinary = dax.nid ? 1UL : 2UL, nodes;
	char name[] = "/tmp/anondax.XXXXXX";
	size_t size = 16 * page;
	int shared, fd, mode;
	char *p;

	ASSERT_EQ(set_knob("shmem", "0"), 0);
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	fd = mkstemp(name);
	ASSERT_GE(fd, 0);
	unlink(name);
	ASSERT_EQ(ftruncate(fd, size), 0);
	for (shared = 0; shared < 2; shared++) {
		p = map_anon(2 * size);
		ASSERT_NE(p, MAP_FAILED);
		ASSERT_NE(mmap(p + size, size, PROT_READ | PROT_WRITE,
			       MAP_FIXED | (shared ? MAP_SHARED : MAP_PRIVATE), fd, 0),
			  MAP_FAILED);
		EXPECT_EQ(sys_mbind(p + size, size, MPOL_BIND, P, 0), -EINVAL);
		EXPECT_EQ(sys_mbind(p, 2 * size, MPOL_BIND, P, 0), -EINVAL);
		ASSERT_EQ(failed(syscall(__NR_get_mempolicy, &mode, &nodes, 64UL, p,
					 MPOL_F_ADDR)), 0);
		EXPECT_EQ(mode, MPOL_DEFAULT);

		EXPECT_EQ(sys_mbind(p, 2 * size, MPOL_INTERLEAVE, P | ordinary, 0), 0);
		ASSERT_EQ(failed(syscall(__NR_get_mempolicy, &mode, &nodes, 64UL, p,
					 MPOL_F_ADDR)), 0);
		EXPECT_EQ(nodes, P | ordinary);
		ASSERT_EQ(failed(syscall(__NR_get_mempolicy, &mode, &nodes, 64UL, p + size,
					 MPOL_F_ADDR)), 0);
		EXPECT_EQ(nodes, ordinary);
		fill(p, 2 * size, 64);
		EXPECT_EQ(count_on(p, size, dax.nid), (long)(size / page / 2));
		EXPECT_EQ(count_on(p + size, size, dax.nid), 0);
		munmap(p, 2 * size);
	}
	close(fd);
}

/* All policies, and the nodes that they may use. */
TEST_F_TIMEOUT(knob, mbind_policies, LONG)
{
	unsigned long P = 1UL << dax.nid, ordinary = dax.nid ? 1UL : 2UL;
	char weight[PATH_MAX], *p;
	size_t size = 64 * page;

	ASSERT_EQ(set_knob("mbind", "1"), 0);
	/* Weights are given, not computed from what firmware says. */
	ASSERT_EQ(change(&self->changes, WEIGHTED "auto", "false"), 0);
	snprintf(weight, sizeof(weight), WEIGHTED "node%d", dax.nid);
	ASSERT_EQ(change(&self->changes, weight, "3"), 0);
	snprintf(weight, sizeof(weight), WEIGHTED "node%d", __builtin_ctzl(ordinary));
	ASSERT_EQ(change(&self->changes, weight, "1"), 0);
	p = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	madvise(p, size, MADV_NOHUGEPAGE);

#define PLACED(_mode, _nodes, _want) do {					\
		const int mode = (_mode);					\
		const unsigned long nodes = (_nodes);				\
										\
		madvise(p, size, MADV_DONTNEED);				\
		ASSERT_EQ(sys_mbind(p, size, mode, nodes, 0), 0);		\
		fill(p, size, 17);						\
		EXPECT_EQ(count_on(p, size, dax.nid), (long)(_want))		\
			TH_LOG("mode %d, nodes %#lx", mode, nodes);		\
	} while (0)

	PLACED(MPOL_BIND, P, size / page);
	PLACED(MPOL_BIND, P | ordinary, 0);
	PLACED(MPOL_PREFERRED, P, size / page);
	PLACED(MPOL_PREFERRED_MANY, P, size / page);
	PLACED(MPOL_INTERLEAVE, P, size / page);
	PLACED(MPOL_INTERLEAVE, P | ordinary, size / page / 2);
	PLACED(MPOL_INTERLEAVE | MPOL_F_STATIC_NODES, P | ordinary, size / page / 2);
	PLACED(MPOL_WEIGHTED_INTERLEAVE, P, size / page);
	PLACED(MPOL_WEIGHTED_INTERLEAVE, P | ordinary, size / page * 3 / 4);
	PLACED(MPOL_PREFERRED_MANY, P | ordinary, 0);
	PLACED(MPOL_BIND | MPOL_F_STATIC_NODES, P, size / page);
	PLACED(MPOL_DEFAULT, 0UL, 0);
#undef PLACED
	/* Numbers relative to the cpuset cannot mean a node that is in none. */
	EXPECT_EQ(sys_mbind(p, size, MPOL_BIND | MPOL_F_RELATIVE_NODES, P, 0), 0);
	madvise(p, size, MADV_DONTNEED);
	fill(p, size, 18);
	EXPECT_EQ(count_on(p, size, dax.nid), 0);
	EXPECT_EQ(sys_mbind(p, size, MPOL_INTERLEAVE | MPOL_F_RELATIVE_NODES, P | 1, 0), 0);
	madvise(p, size, MADV_DONTNEED);
	fill(p, size, 18);
	EXPECT_EQ(count_on(p, size, dax.nid), 0);
	EXPECT_EQ(sys_mbind(p, size, MPOL_DEFAULT, 0UL, 0), 0);

#define TASK_PLACED(_mode, _nodes, _want) do {					\
		const int mode = (_mode);					\
		const unsigned long nodes = (_nodes);				\
		long on_node;							\
										\
		madvise(p, size, MADV_DONTNEED);				\
		ASSERT_EQ(sys_set_mempolicy(mode, nodes), 0);			\
		fill(p, size, 18);						\
		sys_set_mempolicy(MPOL_DEFAULT, 0);				\
		on_node = count_on(p, size, dax.nid);				\
		/* The task's turn goes on with each page, its stack's too. */	\
		EXPECT_LE(labs(on_node - (long)(_want)), 3)			\
			TH_LOG("mode %d, nodes %#lx: %ld", mode, nodes, on_node);	\
	} while (0)

	TASK_PLACED(MPOL_BIND, P, size / page);
	TASK_PLACED(MPOL_PREFERRED, P, size / page);
	TASK_PLACED(MPOL_PREFERRED_MANY, P, size / page);
	TASK_PLACED(MPOL_INTERLEAVE, P | ordinary, size / page / 2);
	TASK_PLACED(MPOL_WEIGHTED_INTERLEAVE, P | ordinary, size / page * 3 / 4);
	TASK_PLACED(MPOL_BIND | MPOL_F_STATIC_NODES, P, size / page);
	TASK_PLACED(MPOL_BIND | MPOL_F_RELATIVE_NODES, P, 0);
#undef TASK_PLACED

	/* The home node comes first. */
	madvise(p, size, MADV_DONTNEED);
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, P | ordinary, 0), 0);
	EXPECT_EQ(sys_set_home_node(p, size, dax.nid), 0);
	fill(p, size, 19);
	EXPECT_TRUE(all_on_dax(p, size));
	/* Nor does a home node bring memory to where it is not wanted any more. */
	ASSERT_EQ(sys_mbind(p, size, MPOL_PREFERRED_MANY, P | ordinary, 0), 0);
	EXPECT_EQ(sys_set_home_node(p, size, dax.nid), 0);
	ASSERT_EQ(set_knob("mbind", "0"), 0);
	madvise(p, size, MADV_DONTNEED);
	fill(p, size, 43);
	EXPECT_EQ(count_on(p, size, dax.nid), 0);

	/* Huge pages follow a policy like small ones. */
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	munmap(p, size);
	p = map_anon(2 * PMD);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(sys_mbind(p, 2 * PMD, MPOL_BIND, P, 0), 0);
	p = huge_in(p);
	ASSERT_EQ(madvise(p, PMD, MADV_HUGEPAGE), 0);
	fill(p, PMD, 44);
	EXPECT_EQ(read_smaps(p, PMD, "AnonHugePages"), (long)(PMD / KB));
	EXPECT_TRUE(all_on_dax(p, PMD));
}

/* Folios of a size between. */
TEST_F_TIMEOUT(knob, mbind_mthp, LONG)
{
	const char *count = THP "hugepages-64kB/stats/anon_fault_alloc";
	const unsigned long P = 1UL << dax.nid, ordinary = dax.nid ? 1UL : 2UL;
	const size_t size = 4 * MB;
	char before[32], after[32], *p;
	int mixed;

	if (change(&self->changes, THP "hugepages-64kB/enabled", "always") ||
	    change(&self->changes, THP "hugepages-2048kB/enabled", "never"))
		SKIP(return, "no multi-size THP");
	p = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	for (mixed = 0; mixed < 2; mixed++) {
		ASSERT_EQ(set_knob("mbind", "1"), 0);
		ASSERT_EQ(madvise(p, size, MADV_DONTNEED), 0);
		ASSERT_EQ(sys_mbind(p, size, mixed ? MPOL_INTERLEAVE : MPOL_BIND,
				    mixed ? P | ordinary : P, 0), 0);
		ASSERT_EQ(get_text(count, before, sizeof(before)), 0);
		fill(p, size, 52 + mixed);
		ASSERT_EQ(get_text(count, after, sizeof(after)), 0);
		EXPECT_GE(atol(after) - atol(before), (long)(size / (64 * KB)) - 1);
		if (!mixed) {
			EXPECT_TRUE(all_on_dax(p, size));
		} else {
			EXPECT_GT(count_on(p, size, dax.nid), (long)(size / page / 3));
			EXPECT_LT(count_on(p, size, dax.nid), (long)(size / page * 2 / 3));
		}
		EXPECT_TRUE(filled(p, size, 52 + mixed));

		ASSERT_EQ(set_knob("mbind", "0"), 0);
		ASSERT_EQ(madvise(p, size, MADV_DONTNEED), 0);
		fill(p, size, 54);
		EXPECT_EQ(count_on(p, size, dax.nid), 0);
	}
}

/* A bound task works: only its anonymous memory comes from the node. */
TEST_F_TIMEOUT(knob, mbind_task, LONG)
{
	unsigned long P = 1UL << dax.nid;
	char name[] = "/tmp/anondax.XXXXXX";
	long before, after;
	size_t size = 4 * MB;
	char *p, *f;
	pid_t pid;
	int fd, i;

	ASSERT_EQ(set_knob("shmem", "0"), 0);
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	ASSERT_EQ(sys_set_mempolicy(MPOL_BIND, P), 0);
	p = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, size, 20);
	EXPECT_TRUE(all_on_dax(p, size));
	settle();

	/* Page cache, shmem, page tables, slab, stacks of children. */
	before = free_pages();
	fd = mkstemp(name);
	ASSERT_GE(fd, 0);
	unlink(name);
	ASSERT_EQ(ftruncate(fd, size), 0);
	f = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(f, MAP_FAILED);
	fill(f, size, 21);
	EXPECT_EQ(count_on(f, size, dax.nid), 0);
	for (i = 0; i < 20; i++) {
		pid = fork();
		if (!pid)
			_exit(0);
		EXPECT_EQ(wait_child(pid), 0);
	}
	for (i = 0; i < 100; i++)
		close(socket(AF_UNIX, SOCK_STREAM, 0));
	settle();
	after = free_pages();
	/* Copies of the stack's pages come and go. */
	EXPECT_LE(before - after, 32);
	EXPECT_TRUE(filled(f, size, 21));
	EXPECT_TRUE(filled(p, size, 20));
	sys_set_mempolicy(MPOL_DEFAULT, 0);
}

/* Out to the disk, and back to the node that the policy names. */
TEST_F_TIMEOUT(knob, mbind_swap, LONG)
{
	unsigned long P = 1UL << dax.nid, ordinary = dax.nid ? 1UL : 2UL;
	size_t size = MB;
	int how, tries, rc;
	long ahead = 0;
	char *p;

	if (!self->swap || enter_cgroup())
		SKIP(return, "no swap, or no control groups");
	change(&self->changes, DEMOTE, "false");
	/* By a policy of the mapping, of the task, and by swapoff. */
	for (how = 0; how < 4; how++) {
		ASSERT_EQ(set_knob("mbind", "1"), 0);
		ASSERT_EQ(set_knob("madvise", "1"), 0);
		ASSERT_EQ(set_knob("reclaim", "1"), 0);
		p = map_anon(size);
		ASSERT_NE(p, MAP_FAILED);
		rc = how == 1 ? sys_set_mempolicy(MPOL_BIND, P) :
				sys_mbind(p, size, MPOL_BIND, P, 0);
		ASSERT_EQ(rc, 0);
		fill(p, size, 45);
		EXPECT_TRUE(all_on_dax(p, size));
		settle();
		EXPECT_TRUE(swap_out(p, size));
		if (how == 2) {
			swap_off();
			self->swap = false;
		}
		/* With the knob off nothing comes back to it. */
		if (how == 3)
			ASSERT_EQ(set_knob("mbind", "0"), 0);
		/* Reading ahead does not know the node, so it leaves it to the fault. */
		EXPECT_EQ(madvise(p, size, MADV_WILLNEED), 0);
		EXPECT_TRUE(filled(p, size, 45));
		EXPECT_EQ(count_on(p, size, dax.nid), how == 3 ? 0 : (long)(size / page))
			TH_LOG("way %d", how);
		sys_set_mempolicy(MPOL_DEFAULT, 0);
		munmap(p, size);
		if (how == 2)
			ASSERT_EQ(swap_on(), 0);
	}

	/* What a neighbour has read ahead is there: no copy is made for where it lies. */
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	p = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, ordinary, 0), 0);
	fill(p, size, 46);
	settle();
	EXPECT_TRUE(swap_out(p, size));
	EXPECT_EQ(madvise(p, size, MADV_WILLNEED), 0);
	/* It does not wait for what it reads. */
	for (tries = 0; tries < 500; tries++) {
		ahead = count_resident(p, size);
		if (ahead > 0)
			break;
		usleep(20000);
	}
	EXPECT_GT(ahead, 0);
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, P, 0), 0);
	EXPECT_TRUE(filled(p, size, 46));
	EXPECT_LE(count_on(p, size, dax.nid), (long)(size / page) - ahead);
}

/*
 * A folio that others hold is never replaced: who writes to the page writes to what
 * they have.
 */
TEST_F_TIMEOUT(knob, mbind_swap_held, LONG)
{
	unsigned long P = 1UL << dax.nid, ordinary = dax.nid ? 1UL : 2UL;
	struct iovec iov;
	int bound, fd[2];
	char *p, c;

	if (!self->swap)
		SKIP(return, "no swap: ANONDAX_TEST_SWAP names no device");
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	change(&self->changes, DEMOTE, "false");
	for (bound = 0; bound < 2; bound++) {
		ASSERT_EQ(pipe(fd), 0);
		p = map_anon(page);
		ASSERT_NE(p, MAP_FAILED);
		ASSERT_EQ(madvise(p, page, MADV_NOHUGEPAGE), 0);
		*p = 'A';
		EXPECT_EQ(count_on(p, page, dax.nid), 0);
		ASSERT_EQ(sys_mbind(p, page, MPOL_BIND, bound ? P : ordinary, 0), 0);
		iov.iov_base = p;
		iov.iov_len = page;
		ASSERT_EQ(vmsplice(fd[1], &iov, 1, 0), (ssize_t)page);
		settle();
		ASSERT_EQ(madvise(p, page, MADV_PAGEOUT), 0);
		EXPECT_FALSE(map_entry(p) & PM_PRESENT);
		__atomic_store_n(p, 'B', __ATOMIC_SEQ_CST);
		ASSERT_EQ(read(fd[0], &c, 1), 1);
		EXPECT_EQ(c, 'B')
			TH_LOG("bound to %s", bound ? "the private node" : "an ordinary one");
		munmap(p, page);
		close(fd[0]);
		close(fd[1]);
	}
}

/* Does a child get copies of all of it? SIGBUS says that it does not. */
static bool copies(char *p, size_t size)
{
	pid_t pid = fork();

	if (!pid)
		_exit(touch(p, size) != (long)(size / page));
	return wait_child(pid) == 0;
}

/* A bind that cannot be satisfied fails who asked, and kills nobody. */
TEST_F_TIMEOUT(knob, mbind_full, LONG)
{
	size_t size = (free_pages() + 1024) * page;
	long kills = vm_count("oom_kill"), done;
	char *p;
	int on;

	ASSERT_EQ(set_knob("mbind", "1"), 0);
	for (on = 0; on < 2; on++) {
		/* Reclaim that has nowhere to put it changes nothing. */
		if (on || !strcmp(variant->others, "1"))
			swap_off();
		ASSERT_EQ(set_knob("reclaim", on ? "1" : "0"), 0);
		p = map_more(size);
		ASSERT_NE(p, MAP_FAILED);
		ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, 1UL << dax.nid, 0), 0);
		huge_at_first(p, size);
		done = touch(p, size);
		EXPECT_LT(done, (long)(size / page));
		EXPECT_GT(done, (long)(size / page) - 8192);
		EXPECT_EQ(count_on(p, done * page, dax.nid), done);
		EXPECT_EQ(vm_count("oom_kill"), kills)
			TH_LOG("reclaim %d", on);
		/* Nor is there room for a copy. */
		EXPECT_FALSE(copies(p, done * page));
		EXPECT_EQ(vm_count("oom_kill"), kills);
		if (!on)
			munmap(p, size);
	}
	/* A preference goes on elsewhere. */
	ASSERT_EQ(sys_mbind(p + done * page, 512 * page, MPOL_PREFERRED, 1UL << dax.nid, 0), 0);
	EXPECT_EQ(touch(p + done * page, 512 * page), 512);
	EXPECT_EQ(vm_count("oom_kill"), kills);
}

/*
 * The first write to a private mapping of a file, where there is not even a page table,
 * by a task that is bound to a full node: it fails, and does not come again for ever,
 * least of all in a system call.
 */
TEST_F_TIMEOUT(knob, mbind_full_cow, LONG)
{
	int fd, zero, how;
	char *p, *q, *at;
	size_t size;
	pid_t pid;

	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	fd = memfd_create("anondax", MFD_CLOEXEC);
	zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	ASSERT_GE(fd, 0);
	ASSERT_GE(zero, 0);
	ASSERT_EQ(ftruncate(fd, 3 * PMD), 0);
	ASSERT_EQ(pwrite(fd, "0", 1, 2 * PMD), 1);
	size = free_pages() * page + PMD;
	ASSERT_GT(fill_node(&q, size), 0);
	ASSERT_EQ(madvise(q, size, MADV_DONTFORK), 0);
	for (how = 0; how < 3; how++) {
		/* With a page to be had it goes well. */
		if (how == 2)
			ASSERT_EQ(madvise(q, PMD, MADV_DONTNEED), 0);
		pid = fork();
		if (!pid) {
			/* All that it writes to but this is there already. */
			if (mlockall(MCL_CURRENT))
				_exit(2);
			p = mmap(NULL, 3 * PMD, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
			if (p == MAP_FAILED || sys_set_mempolicy(MPOL_BIND, 1UL << dax.nid))
				_exit(3);
			at = (char *)(((uintptr_t)p + PMD - 1) & ~(PMD - 1));
			if (how)
				_exit(touch(at, page) != (how == 2));
			_exit(read(zero, at, page) != -1 || errno != EFAULT);
		}
		EXPECT_EQ(wait_child(pid), 0)
			TH_LOG("%s", how ? "written to" : "read into");
	}
	close(zero);
	close(fd);
}

/*
 * A task's policy is for the memory of that task: what it writes to somebody else's,
 * or reads in for it, comes from where that one has it.
 */
TEST_F_TIMEOUT(knob, mbind_stranger, LONG)
{
	const char *disk = getenv("ANONDAX_TEST_SWAP");
	struct iovec here, there;
	int ready[2], done[2], fd;
	size_t size = MB;
	pid_t stranger;
	char *p, *q, *own, c;

	if (self->swap && enter_cgroup())
		SKIP(return, "no control groups");
	change(&self->changes, DEMOTE, "false");
	p = huge_in(map_anon(2 * PMD));
	q = map_anon(size);
	own = map_anon(size);
	ASSERT_NE(q, MAP_FAILED);
	ASSERT_NE(own, MAP_FAILED);
	/* Not one mapping with the others, for smaps is asked about it. */
	ASSERT_EQ(madvise(q, size, MADV_NOHUGEPAGE), 0);
	ASSERT_EQ(pipe(ready), 0);
	ASSERT_EQ(pipe(done), 0);
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	stranger = fork();
	if (!stranger) {
		close(done[1]);
		fill(q, size, 72);
		settle();
		if (self->swap && !swap_out(q, size))
			_exit(1);
		if (touch(p, PMD) != (long)(PMD / page) || write(ready[1], "", 1) != 1 ||
		    read(done[0], &c, 1) != 1)
			_exit(2);
		_exit(count_on(own, size, dax.nid) ? 3 : count_on(q, size, dax.nid) ? 4 :
		      !filled(q, size, 72) ? 5 : !filled(own, size, 73) ? 6 :
		      count_on(p, PMD, dax.nid) ? 7 : 0);
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1) {
		EXPECT_EQ(wait_child(stranger), 0);
		return;
	}
	ASSERT_EQ(sys_set_mempolicy(MPOL_BIND, 1UL << dax.nid), 0);
	fill(own, size, 73);
	EXPECT_TRUE(all_on_dax(own, size));
	here.iov_base = own;
	here.iov_len = size;
	there = here;
	EXPECT_EQ(process_vm_writev(stranger, &here, 1, &there, 1, 0), (ssize_t)size);
	fd = syscall(SYS_pidfd_open, stranger, 0);
	ASSERT_GE(fd, 0);
	there.iov_base = p;
	there.iov_len = PMD;
	EXPECT_EQ(syscall(SYS_process_madvise, fd, &there, 1, MADV_COLLAPSE, 0),
		  (long)PMD);
	close(fd);
	if (self->swap)
		EXPECT_EQ(swapoff(disk), 0);
	sys_set_mempolicy(MPOL_DEFAULT, 0);
	EXPECT_EQ(write(done[1], "", 1), 1);
	EXPECT_EQ(wait_child(stranger), 0);
}

int main(int argc, char **argv)
{
	need_dax();
	return test_harness_run(argc, argv);
}
