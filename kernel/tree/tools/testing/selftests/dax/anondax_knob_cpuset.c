// SPDX-License-Identifier: GPL-2.0
/*
 * The knob cpuset and who is granted the node: what the owner lets in is had by those
 * whose cpuset lists the node, or by all whom no cpuset confines if the knob is off.
 */

#include "anondax_knob.h"
#include <sys/mount.h>

#define MEMS		CGROUP GROUP "/cpuset.mems"
#define EFFECTIVE	MEMS ".effective"
#define INNER		CGROUP GROUP "/inner"
#define P		(1UL << dax.nid)

/* What is written to cpuset.mems: @ is the node. */
static const char *named(const char *mems)
{
	static char text[64];
	const char *at = strchr(mems, '@');

	if (!at)
		return mems;
	snprintf(text, sizeof(text), "%.*s%d%s", (int)(at - mems), mems, dax.nid, at + 1);
	return text;
}

static bool effective(const char *path, int nid)
{
	char list[256];

	return !get_text(path, list, sizeof(list)) && in_list(list, nid);
}

static bool mems_allowed(int nid)
{
	char line[4096], list[256] = "";
	FILE *f = fopen("/proc/self/status", "re");

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "Mems_allowed_list: %255s", list);
	if (f)
		fclose(f);
	return in_list(list, nid);
}

/* What somebody without privileges comes to see. */
struct seen {
	bool listed;
	int mbind, task, weighted, move, migrate;
	long bound, by_task, interleaved, moved, migrated, unasked;
};

#define NR	16L

static long fresh_on(size_t size, int mode, unsigned long nodes, int *rc)
{
	char *p = map_anon(size);
	long on;

	if (p == MAP_FAILED)
		return -1;
	*rc = sys_mbind(p, size, mode, nodes, 0);
	fill(p, size, 1);
	on = filled(p, size, 1) ? count_on(p, size, dax.nid) : -1;
	munmap(p, size);
	return on;
}

static void look(struct seen *s)
{
	const size_t size = NR * page;
	const unsigned long old = ~P & 3, new = P;
	int ignored;
	char *p;

	s->listed = mems_allowed(dax.nid);
	s->bound = fresh_on(size, MPOL_BIND, P, &s->mbind);
	s->interleaved = fresh_on(size, MPOL_INTERLEAVE, P | 1, &ignored);
	fresh_on(size, MPOL_WEIGHTED_INTERLEAVE, P, &s->weighted);
	s->unasked = fresh_on(size, MPOL_DEFAULT, 0, &ignored);

	s->task = sys_set_mempolicy(MPOL_BIND, P);
	s->by_task = fresh_on(size, MPOL_DEFAULT, 0, &ignored);
	sys_set_mempolicy(MPOL_DEFAULT, 0);

	p = map_anon(size);
	fill(p, size, 2);
	s->move = move_to(p, size, dax.nid);
	s->moved = count_on(p, size, dax.nid);
	munmap(p, size);

	p = map_anon(size);
	fill(p, size, 3);
	s->migrate = failed(syscall(__NR_migrate_pages, 0, 64UL, &old, &new));
	s->migrated = filled(p, size, 3) ? count_on(p, size, dax.nid) : -1;
	munmap(p, size);
}

/* By a user without privileges, in the group of enter_cgroup(). */
static int look_as_nobody(struct seen *s)
{
	struct seen *shared = mmap(NULL, page, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;
	int rc;

	if (shared == MAP_FAILED)
		return -1;
	pid = fork();
	if (!pid) {
		if (setgid(65534) || setuid(65534))
			_exit(1);
		prctl(PR_SET_DUMPABLE, 1);
		look(shared);
		_exit(0);
	}
	rc = wait_child(pid);
	*s = *shared;
	munmap(shared, page);
	return rc;
}

/* Each cell of the table: what is listed, by the knob, by what the owner lets in. */
static const struct cell {
	const char *mems, *knob;
	bool listed, may;
} cells[] = {
	{ "\n", "0", false, true },
	{ "\n", "1", false, false },
	{ "0", "0", false, false },
	{ "0", "1", false, false },
	{ "0,@", "0", true, true },
	{ "0,@", "1", true, true },
	{ "@", "0", true, true },
	{ "@", "1", true, true },
};

TEST_F_TIMEOUT(knob, cpuset, LONG)
{
	unsigned int i, mbind;

	if (!node_has("has_memory", 0) || enter_cgroup())
		SKIP(return, "no memory on node 0, or no control groups");
	EXPECT_EQ(get_knob("cpuset"), 0);
	EXPECT_EQ(set_knob("cpuset", "2"), -EINVAL);
	EXPECT_EQ(set_knob("cpuset", "yes"), -EINVAL);
	EXPECT_EQ(get_knob("cpuset"), 0);
	for (i = 0; i < ARRAY_SIZE(cells); i++) {
		const struct cell *c = &cells[i];

		ASSERT_EQ(set_knob("cpuset", c->knob), 0);
		ASSERT_EQ(put_text(MEMS, named(c->mems)), 0);
		EXPECT_EQ(effective(EFFECTIVE, dax.nid), c->listed);
		EXPECT_TRUE(effective(EFFECTIVE, 0));
		for (mbind = 0; mbind < 2; mbind++) {
			const bool may = c->may && mbind;
			const long all = may ? NR : 0;
			struct seen s = {};

			ASSERT_EQ(set_knob("mbind", mbind ? "1" : "0"), 0);
			ASSERT_EQ(look_as_nobody(&s), 0);
			TH_LOG("mems '%s', cpuset %s, mbind %d", c->mems, c->knob, mbind);
			EXPECT_EQ(s.listed, c->listed);
			EXPECT_EQ(s.unasked, 0);
			EXPECT_EQ(s.mbind, may ? 0 : -EINVAL);
			EXPECT_EQ(s.weighted, may ? 0 : -EINVAL);
			EXPECT_EQ(s.task, may ? 0 : -EINVAL);
			EXPECT_EQ(s.bound, all);
			EXPECT_EQ(s.by_task, all);
			EXPECT_EQ(s.interleaved, all / 2);
			EXPECT_EQ(s.moved, all);
			if (may)
				EXPECT_EQ(s.move, 0);
			else
				EXPECT_EQ(s.move, mbind ? -EACCES : -ENODEV);
			EXPECT_EQ(s.migrate, may ? 0 : -EPERM);
			EXPECT_EQ(s.migrated, all);
		}
	}
	ASSERT_EQ(put_text(MEMS, "\n"), 0);
}

/* Who has the device open has its mappings, whatever a cpuset says: its mode governs that. */
TEST_F_TIMEOUT(knob, cpuset_mapping, LONG)
{
	const size_t size = NR * page;
	char *p;

	if (!node_has("has_memory", 0) || enter_cgroup())
		SKIP(return, "no memory on node 0, or no control groups");
	p = map_dax(2 * size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(set_knob("cpuset", "1"), 0);
	fill(p, size, 4);
	ASSERT_EQ(put_text(MEMS, "0"), 0);
	fill(p + size, size, 5);
	EXPECT_TRUE(all_on_dax(p, 2 * size));
	EXPECT_TRUE(filled(p, size, 4));
	ASSERT_EQ(put_text(MEMS, "\n"), 0);
}

/*
 * A grant that goes and comes again: what is there stays, what is new is ordinary memory
 * meanwhile, and nobody dies. Of any kind of policy, of a task's and of mappings.
 */
TEST_F_TIMEOUT(knob, cpuset_revoked, LONG)
{
	static const struct {
		const char *mems, *knob;
		bool may;
	} steps[] = {
		{ "0,@", "1", true },
		{ "0", "0", false },
		{ "\n", "0", true },
		{ "\n", "1", false },
		{ "@", "1", true },
		{ "0", "1", false },
		{ "0,@", "0", true },
	};
	static const int modes[] = {
		MPOL_BIND, MPOL_BIND | MPOL_F_STATIC_NODES, MPOL_PREFERRED,
		MPOL_PREFERRED_MANY, MPOL_INTERLEAVE, MPOL_WEIGHTED_INTERLEAVE,
	};
	const size_t size = NR * page;
	char *p[ARRAY_SIZE(modes)];
	unsigned int i, m;
	long kills;

	if (!node_has("has_memory", 0) || enter_cgroup())
		SKIP(return, "no memory on node 0, or no control groups");
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	ASSERT_EQ(put_text(MEMS, named("0,@")), 0);
	for (m = 0; m < ARRAY_SIZE(modes); m++) {
		p[m] = map_anon(2 * size);
		ASSERT_NE(p[m], MAP_FAILED);
		ASSERT_EQ(sys_mbind(p[m], 2 * size, modes[m], P, 0), 0);
		fill(p[m], size, m);
		EXPECT_TRUE(all_on_dax(p[m], size));
	}
	kills = vm_count("oom_kill");
	ASSERT_EQ(sys_set_mempolicy(MPOL_BIND, P), 0);
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		char *q = map_anon(size);

		ASSERT_EQ(set_knob("cpuset", steps[i].knob), 0);
		ASSERT_EQ(put_text(MEMS, named(steps[i].mems)), 0);
		TH_LOG("mems '%s', cpuset %s", steps[i].mems, steps[i].knob);
		EXPECT_EQ(touch(q, size), NR);
		EXPECT_EQ(count_on(q, size, dax.nid), steps[i].may ? NR : 0);
		munmap(q, size);
		for (m = 0; m < ARRAY_SIZE(modes); m++) {
			EXPECT_TRUE(all_on_dax(p[m], size));
			EXPECT_TRUE(filled(p[m], size, m));
			madvise(p[m] + size, size, MADV_DONTNEED);
			EXPECT_EQ(touch(p[m] + size, size), NR);
			EXPECT_EQ(count_on(p[m] + size, size, dax.nid), steps[i].may ? NR : 0)
				TH_LOG("mode %#x", modes[m]);
		}
	}
	sys_set_mempolicy(MPOL_DEFAULT, 0);
	EXPECT_EQ(vm_count("oom_kill"), kills);
	ASSERT_EQ(put_text(MEMS, "\n"), 0);
}

/* Nobody is moved to the node, or off it, by a cpuset that gets other nodes. */
TEST_F_TIMEOUT(knob, cpuset_rebound, LONG)
{
	const size_t size = NR * page;
	char *one, *relative;
	int mode = -1;
	unsigned long nodes = 0;

	if (!node_has("has_memory", 0) || !node_has("has_memory", 1) || enter_cgroup())
		SKIP(return, "it needs two ordinary nodes and control groups");
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	ASSERT_EQ(put_text(MEMS, "0-1"), 0);
	one = map_anon(size);
	relative = map_anon(size);
	ASSERT_NE(one, MAP_FAILED);
	ASSERT_NE(relative, MAP_FAILED);
	ASSERT_EQ(sys_mbind(one, size, MPOL_BIND, 2, 0), 0);
	ASSERT_EQ(sys_mbind(relative, size, MPOL_BIND | MPOL_F_RELATIVE_NODES, 2, 0), 0);
	fill(one, size, 1);
	fill(relative, size, 2);
	EXPECT_EQ(count_on(one, size, 1), NR);
	EXPECT_EQ(count_on(relative, size, 1), NR);

	/* The second node of the cpuset is the private one now. */
	ASSERT_EQ(put_text(MEMS, named("0,@")), 0);
	EXPECT_EQ(count_on(one, size, dax.nid), 0);
	EXPECT_EQ(count_on(relative, size, dax.nid), 0);
	EXPECT_TRUE(filled(one, size, 1));
	EXPECT_TRUE(filled(relative, size, 2));
	madvise(one, size, MADV_DONTNEED);
	madvise(relative, size, MADV_DONTNEED);
	fill(one, size, 3);
	fill(relative, size, 4);
	EXPECT_EQ(count_on(one, size, dax.nid), 0);
	/* Relative is what it asked to be. */
	EXPECT_EQ(count_on(relative, size, dax.nid), NR);
	EXPECT_EQ(failed(syscall(__NR_get_mempolicy, &mode, &nodes, 64UL, relative, MPOL_F_ADDR)), 0);
	EXPECT_EQ(nodes, P);
	EXPECT_EQ(failed(syscall(__NR_get_mempolicy, NULL, &nodes, 64UL, 0UL,
				 MPOL_F_MEMS_ALLOWED)), 0);
	EXPECT_EQ(nodes, P | 1);

	ASSERT_EQ(put_text(MEMS, "0-1"), 0);
	madvise(one, size, MADV_DONTNEED);
	fill(one, size, 5);
	EXPECT_EQ(count_on(one, size, dax.nid), 0);
	EXPECT_TRUE(all_on_dax(relative, size));
	EXPECT_TRUE(filled(relative, size, 4));
	madvise(relative, size, MADV_DONTNEED);
	fill(relative, size, 6);
	EXPECT_EQ(count_on(relative, size, 1), NR);
	ASSERT_EQ(put_text(MEMS, "\n"), 0);
}

/* A child cannot have what its parent has not, whoever of them comes first. */
TEST_F_TIMEOUT(knob, cpuset_inherited, LONG)
{
	static const struct {
		const char *outer, *inner;
		bool outer_has, inner_has;
	} steps[] = {
		{ "\n", "\n", false, false },
		{ "\n", "0,@", false, true },
		{ "0", "0,@", false, false },
		{ "0-1", "0,@", false, false },
		{ "\n", "0,@", false, true },
		{ "0,@", "0,@", true, true },
		{ "0,@", "\n", true, true },
		{ "0,@", "0", true, false },
		{ "0,@", "@", true, true },
		{ "@", "@", true, true },
		{ "@", "\n", true, true },
		{ "0", "\n", false, false },
		{ "0", "@", false, false },
		{ "\n", "@", false, true },
	};
	unsigned int i;

	if (!node_has("has_memory", 0) || !node_has("has_memory", 1) || enter_cgroup())
		SKIP(return, "it needs two ordinary nodes and control groups");
	/* A group with processes has no children that control anything. */
	ASSERT_EQ(put_text(CGROUP "cgroup.procs", "0"), 0);
	ASSERT_EQ(put_text(CGROUP GROUP "/cgroup.subtree_control", "+cpuset"), 0);
	ASSERT_EQ(mkdir(INNER, 0755) && errno != EEXIST, 0);
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		ASSERT_EQ(put_text(MEMS, named(steps[i].outer)), 0);
		ASSERT_EQ(put_text(INNER "/cpuset.mems", named(steps[i].inner)), 0);
		EXPECT_EQ(effective(EFFECTIVE, dax.nid), steps[i].outer_has)
			TH_LOG("outer '%s', inner '%s'", steps[i].outer, steps[i].inner);
		EXPECT_EQ(effective(INNER "/cpuset.mems.effective", dax.nid), steps[i].inner_has)
			TH_LOG("outer '%s', inner '%s'", steps[i].outer, steps[i].inner);
		EXPECT_TRUE(effective(INNER "/cpuset.mems.effective", 0));
		EXPECT_TRUE(effective(EFFECTIVE, 0));
	}
	EXPECT_FALSE(effective(CGROUP "cpuset.mems.effective", dax.nid));
	EXPECT_EQ(rmdir(INNER), 0);
	ASSERT_EQ(put_text(CGROUP GROUP "/cgroup.subtree_control", "-cpuset"), 0);
	ASSERT_EQ(put_text(MEMS, "\n"), 0);
}

/* Listed before it is plugged, it comes and goes with its memory. */
TEST_F_TIMEOUT(knob, cpuset_hotplug, LONG)
{
	const size_t size = NR * page;
	int round;
	char *p;

	if (!node_has("has_memory", 0) || enter_cgroup())
		SKIP(return, "no memory on node 0, or no control groups");
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	ASSERT_EQ(set_knob("cpuset", "1"), 0);
	ASSERT_EQ(put_text(MEMS, named("@")), 0);
	EXPECT_TRUE(mems_allowed(dax.nid));
	p = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, P, 0), 0);
	for (round = 0; round < 3; round++) {
		madvise(p, size, MADV_DONTNEED);
		fill(p, size, 7);
		EXPECT_TRUE(all_on_dax(p, size));

		ASSERT_EQ(set_state("unplugged"), 0);
		EXPECT_FALSE(effective(EFFECTIVE, dax.nid));
		EXPECT_TRUE(effective(EFFECTIVE, 0));
		EXPECT_FALSE(mems_allowed(dax.nid));
		EXPECT_TRUE(mems_allowed(0));
		EXPECT_TRUE(filled(p, size, 7));
		madvise(p, size, MADV_DONTNEED);
		EXPECT_EQ(touch(p, size), NR);
		EXPECT_EQ(count_on(p, size, dax.nid), 0);

		ASSERT_EQ(set_state(variant->state), 0);
		EXPECT_TRUE(effective(EFFECTIVE, dax.nid));
		EXPECT_TRUE(mems_allowed(dax.nid));
	}
	ASSERT_EQ(put_text(MEMS, "\n"), 0);
}

/* Demotion goes by the group that pays, as onto ordinary nodes. */
TEST_F_TIMEOUT(knob, cpuset_demotion, LONG)
{
	size_t size = 4 * MB;
	unsigned int i, tries;
	char *p;

	if (!self->swap || !node_has("has_memory", 0) || enter_cgroup())
		SKIP(return, "no swap, no memory on node 0, or no control groups");
	ASSERT_EQ(change(&self->changes, DEMOTE, "true"), 0);
	ASSERT_EQ(set_knob("demotion", "1"), 0);
	for (i = 0; i < ARRAY_SIZE(cells); i++) {
		ASSERT_EQ(set_knob("cpuset", cells[i].knob), 0);
		ASSERT_EQ(put_text(MEMS, named(cells[i].mems)), 0);
		p = map_anon(size);
		ASSERT_NE(p, MAP_FAILED);
		fill(p, size, 70);
		settle();
		for (tries = 0; tries < 200; tries++) {
			reclaim_group("1M");
			if (count_resident(p, size) < (long)(size / page) ||
			    count_on(p, size, dax.nid))
				break;
		}
		EXPECT_EQ(count_on(p, size, dax.nid) > 0, cells[i].may)
			TH_LOG("mems '%s', cpuset %s", cells[i].mems, cells[i].knob);
		EXPECT_TRUE(filled(p, size, 70));
		munmap(p, size);
	}
	ASSERT_EQ(put_text(MEMS, "\n"), 0);
}

/* A grant makes it visible, not reachable: for what names no node it is not there. */
TEST_F_TIMEOUT(knob, cpuset_unasked, LONG)
{
	char name[] = "/tmp/anondax-cpuset-XXXXXX", *map, *p;
	const size_t size = 8 * MB;
	int pipes[2], i, fd;
	long before;
	pid_t pid;

	if (!node_has("has_memory", 0) || enter_cgroup())
		SKIP(return, "no memory on node 0, or no control groups");
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	ASSERT_EQ(put_text(MEMS, named("@")), 0);
	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	ASSERT_EQ(set_knob("demotion", "0"), 0);
	before = settled_free_pages();

	/* Nor does what its policy names it for, but that is not anonymous memory. */
	for (i = 0; i < 2; i++) {
		if (i)
			ASSERT_EQ(sys_set_mempolicy(MPOL_BIND, P), 0);
		fd = mkstemp(name);
		ASSERT_GE(fd, 0);
		unlink(name);
		strcpy(name + strlen(name) - 6, "XXXXXX");
		ASSERT_EQ(ftruncate(fd, size), 0);
		map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		ASSERT_NE(map, MAP_FAILED);
		fill(map, size, 8);
		p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		ASSERT_NE(p, MAP_FAILED);
		fill(p, size, 9);
		ASSERT_EQ(pipe(pipes), 0);
		fcntl(pipes[1], F_SETPIPE_SZ, MB);
		ASSERT_EQ(write(pipes[1], map, 64 * page), (ssize_t)(64 * page));
		pid = fork();
		if (!pid)
			_exit(0);
		EXPECT_EQ(wait_child(pid), 0);
		EXPECT_EQ(count_on(map, size, dax.nid), 0);
		EXPECT_EQ(count_on(p, size, dax.nid), 0);
		EXPECT_EQ(settled_free_pages(), before)
			TH_LOG("%ld pages are gone", before - settled_free_pages());
		close(pipes[0]);
		close(pipes[1]);
		close(fd);
		munmap(map, size);
		munmap(p, size);
	}
	sys_set_mempolicy(MPOL_DEFAULT, 0);
	ASSERT_EQ(put_text(MEMS, "\n"), 0);
}

/* move_pages() of somebody else's asks by the other's cpuset, migrate_pages() by both. */
TEST_F_TIMEOUT(knob, cpuset_of_other, LONG)
{
	static const struct {
		const char *theirs, *ours;
		bool move, migrate;
	} steps[] = {
		{ "0,@", "0,@", true, true },
		{ "0,@", "0", true, false },
		/* Who may do more has it moved there nevertheless. */
		{ "0", "0,@", false, true },
		{ "0", "0", false, false },
	};
	const size_t size = NR * page;
	const unsigned long ordinary = 3, new = P;
	char text[16], *p;
	unsigned int i;
	pid_t pid;
	int rc;

	if (dax.nid < 2 || !node_has("has_memory", 0) || enter_cgroup() || other_cgroup())
		SKIP(return, "no memory on node 0, or no control groups");
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	p = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		int nodes = dax.nid, status = -1;
		void *at = p;

		ASSERT_EQ(put_text(MEMS, named(steps[i].ours)), 0);
		ASSERT_EQ(put_text(OTHER "/cpuset.mems", named(steps[i].theirs)), 0);
		/* Pages of its own. */
		pid = fork();
		if (!pid) {
			snprintf(text, sizeof(text), "%d", getpid());
			if (put_text(OTHER "/cgroup.procs", text))
				_exit(1);
			fill(p, size, 10);
			kill(getpid(), SIGSTOP);
			_exit(count_on(p, size, dax.nid));
		}
		ASSERT_EQ(waitpid(pid, &rc, WUNTRACED), pid);
		ASSERT_TRUE(WIFSTOPPED(rc));
		TH_LOG("theirs '%s', ours '%s'", steps[i].theirs, steps[i].ours);
		EXPECT_EQ(failed(syscall(__NR_move_pages, pid, 1UL, &at, &nodes, &status,
					 MPOL_MF_MOVE)), steps[i].move ? 0 : -EACCES);
		rc = failed(syscall(__NR_migrate_pages, pid, 64UL, &ordinary, &new));
		if (steps[i].migrate)
			EXPECT_EQ(rc, 0);
		else
			EXPECT_LT(rc, 0);
		kill(pid, SIGCONT);
		EXPECT_EQ(wait_child(pid), steps[i].migrate ? NR : steps[i].move);
	}
	rmdir(OTHER);
	ASSERT_EQ(put_text(MEMS, "\n"), 0);
}

/* Lists of cgroup v1 do not take it, so in a cpuset of v1 it is not there. */
TEST_F_TIMEOUT(knob, cpuset_v1, LONG)
{
	char dir[] = "/tmp/anondax-cpuset-XXXXXX", path[PATH_MAX], *p;
	int tries, rc = -1;
	pid_t pid;

	if (!node_has("has_memory", 0) || !mkdtemp(dir))
		SKIP(return, "no memory on node 0, or no place for a mount");
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	rmdir(CGROUP GROUP);
	rmdir(OTHER);
	put_text(CGROUP "cgroup.subtree_control", "-cpuset");
	/* Until the last of v2's has gone. */
	for (tries = 0; tries < 100 && rc; tries++) {
		rc = mount("none", dir, "cgroup", 0, "cpuset");
		if (rc && errno != EBUSY)
			break;
		if (rc)
			usleep(50000);
	}
	if (rc) {
		put_text(CGROUP "cgroup.subtree_control", "+cpuset");
		rmdir(dir);
		SKIP(return, "no cpusets of cgroup v1: %s", strerror(errno));
	}
	p = map_anon(page);
	EXPECT_EQ(sys_mbind(p, page, MPOL_BIND, P, 0), 0);
	snprintf(path, sizeof(path), "%s/inner", dir);
	EXPECT_EQ(mkdir(path, 0755), 0);
	snprintf(path, sizeof(path), "%s/inner/cpuset.cpus", dir);
	EXPECT_EQ(put_text(path, "0"), 0);
	snprintf(path, sizeof(path), "%s/inner/cpuset.mems", dir);
	EXPECT_EQ(put_text(path, named("0,@")), -EINVAL);
	EXPECT_EQ(put_text(path, "0"), 0);
	pid = fork();
	if (!pid) {
		snprintf(path, sizeof(path), "%s/inner/tasks", dir);
		if (put_text(path, "0"))
			_exit(1);
		/* What it was bound to before counts no more either. */
		_exit(sys_mbind(map_anon(page), page, MPOL_BIND, P, 0) != -EINVAL ||
		      touch(p, page) != 1 || node_of(p) == dax.nid);
	}
	EXPECT_EQ(wait_child(pid), 0);
	snprintf(path, sizeof(path), "%s/inner", dir);
	EXPECT_EQ(rmdir(path), 0);
	EXPECT_EQ(umount(dir), 0);
	rmdir(dir);
	put_text(CGROUP "cgroup.subtree_control", "+cpuset");
}

int main(int argc, char **argv)
{
	need_dax();
	return test_harness_run(argc, argv);
}
