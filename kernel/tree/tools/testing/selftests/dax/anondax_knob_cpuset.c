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
#define P		bit(dax.nid)

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

/* A group's last task, waited for, need not have left it yet. 0 or -errno. */
static int rmdir_group(const char *path)
{
	int tries, rc = -EBUSY;

	for (tries = 0; tries < 200 && rc == -EBUSY; tries++) {
		rc = failed(rmdir(path));
		if (rc == -EBUSY)
			usleep(10000);
	}
	return rc;
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

/* 0 or -errno; what there is besides anonymous memory does not move. */
static int migrate(pid_t pid, unsigned long from, unsigned long to)
{
	return syscall(__NR_migrate_pages, pid, 64UL, &from, &to) < 0 ? -errno : 0;
}

static void look(struct seen *s)
{
	const size_t size = NR * page;
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
	s->migrate = migrate(0, 3 & ~P, P);
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
	/* By itself that lets policies name the node, too. */
	ASSERT_EQ(set_knob("shmem", "0"), 0);
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
			EXPECT_EQ(s.move, may ? 0 : mbind ? -EACCES : -ENODEV);
			EXPECT_EQ(s.migrate, may ? 0 : -EPERM);
			EXPECT_EQ(s.migrated, all);
		}
	}
	ASSERT_EQ(put_text(MEMS, "\n"), 0);
}

/* Of a program that was executed under a policy for the node, under @mems. -1 if it was not. */
static long pages_of_program(const char *mems)
{
	char line[4096], *at, wanted[16];
	long n, sum = 0;
	int end[2], rc;
	pid_t pid;
	FILE *f;

	if (pipe(end))
		return -1;
	pid = fork();
	if (!pid) {
		dup2(end[1], STDOUT_FILENO);
		if (put_text(MEMS, named("0,@")) || sys_set_mempolicy(MPOL_BIND, P) ||
		    put_text(MEMS, named(mems)))
			_exit(1);
		execlp("cat", "cat", "/proc/self/numa_maps", NULL);
		_exit(1);
	}
	close(end[1]);
	snprintf(wanted, sizeof(wanted), " N%d=", dax.nid);
	f = fdopen(end[0], "r");
	while (f && fgets(line, sizeof(line), f)) {
		at = strstr(line, wanted);
		if (at && sscanf(at + strlen(wanted), "%ld", &n) == 1)
			sum += n;
	}
	if (f)
		fclose(f);
	rc = wait_child(pid);
	return rc ? -1 : sum;
}

/* A policy outlives execve(), the grant is asked for again. */
TEST_F_TIMEOUT(knob, cpuset_program, LONG)
{
	unsigned int i;

	if (!node_has("has_memory", 0) || enter_cgroup())
		SKIP(return, "no memory on node 0, or no control groups");
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	ASSERT_EQ(set_knob("shmem", "0"), 0);
	for (i = 0; i < ARRAY_SIZE(cells); i++) {
		const struct cell *c = &cells[i];
		long n;

		ASSERT_EQ(set_knob("cpuset", c->knob), 0);
		n = pages_of_program(c->mems);
		TH_LOG("mems '%s', cpuset %s: %ld pages", c->mems, c->knob, n);
		ASSERT_GE(n, 0);
		EXPECT_EQ(n > 0, c->may);
	}
	ASSERT_EQ(put_text(MEMS, "\n"), 0);
}

/* The partitions of cpuset.cpus are of CPUs: with them nodes are granted as without. */
TEST_F_TIMEOUT(knob, cpuset_partition, LONG)
{
	static const char * const kinds[] = { "root", "isolated", "member" };
	static const char * const path = CGROUP GROUP "/cpuset.cpus.partition";
	char text[64];
	unsigned int i;

	if (!node_has("has_memory", 0) || enter_cgroup())
		SKIP(return, "no memory on node 0, or no control groups");
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "a partition leaves a CPU to the others");
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	ASSERT_EQ(set_knob("cpuset", "1"), 0);
	ASSERT_EQ(put_text(CGROUP GROUP "/cpuset.cpus", "1"), 0);
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct seen s = {};

		ASSERT_EQ(put_text(MEMS, named("0,@")), 0);
		ASSERT_EQ(put_text(path, kinds[i]), 0);
		ASSERT_EQ(get_text(path, text, sizeof(text)), 0);
		EXPECT_EQ(strncmp(text, kinds[i], strlen(kinds[i])), 0);
		EXPECT_EQ(strstr(text, "invalid"), NULL) TH_LOG("%s", text);
		EXPECT_TRUE(effective(EFFECTIVE, dax.nid));
		ASSERT_EQ(look_as_nobody(&s), 0);
		EXPECT_TRUE(s.listed);
		EXPECT_EQ(s.bound, NR);
		EXPECT_EQ(s.unasked, 0);

		/* Neither what comes and goes nor what is taken away is the partition's end. */
		ASSERT_EQ(set_state("unplugged"), 0);
		EXPECT_FALSE(effective(EFFECTIVE, dax.nid));
		ASSERT_EQ(set_state(variant->state), 0);
		EXPECT_TRUE(effective(EFFECTIVE, dax.nid));
		ASSERT_EQ(put_text(MEMS, "0"), 0);
		EXPECT_FALSE(effective(EFFECTIVE, dax.nid));
		ASSERT_EQ(look_as_nobody(&s), 0);
		EXPECT_FALSE(s.listed);
		EXPECT_EQ(s.bound, 0);
		ASSERT_EQ(get_text(path, text, sizeof(text)), 0);
		EXPECT_EQ(strncmp(text, kinds[i], strlen(kinds[i])), 0);
		EXPECT_EQ(strstr(text, "invalid"), NULL) TH_LOG("%s", text);
	}
	ASSERT_EQ(put_text(CGROUP GROUP "/cpuset.cpus", "\n"), 0);
	ASSERT_EQ(put_text(MEMS, "\n"), 0);
}

/* The same for shared memory: of the object's policy and of the task's. */
TEST_F_TIMEOUT(knob, cpuset_shared, LONG)
{
	const size_t size = NR * page;
	unsigned int i;
	char *p;

	if (!node_has("has_memory", 0) || enter_cgroup())
		SKIP(return, "no memory on node 0, or no control groups");
	ASSERT_EQ(set_knob("shmem", "1"), 0);
	p = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(sys_set_mempolicy(MPOL_BIND, P | 1), 0);
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, P, 0), 0);
	for (i = 0; i < ARRAY_SIZE(cells); i++) {
		const struct cell *c = &cells[i];

		ASSERT_EQ(set_knob("cpuset", c->knob), 0);
		ASSERT_EQ(put_text(MEMS, named(c->mems)), 0);
		TH_LOG("mems '%s', cpuset %s", c->mems, c->knob);
		/* What was let in before is asked each time. */
		EXPECT_EQ(madvise(p, 2 * size, MADV_REMOVE), 0);
		EXPECT_EQ(touch(p, size), NR);
		EXPECT_EQ(count_on(p, size, dax.nid), c->may ? NR : 0);
		EXPECT_EQ(sys_mbind(p + size, size, MPOL_BIND, P, 0), c->may ? 0 : -EINVAL);
		EXPECT_EQ(touch(p + size, size), NR);
		EXPECT_EQ(count_on(p + size, size, dax.nid), c->may ? NR : 0);
		EXPECT_EQ(sys_mbind(p + size, size, MPOL_DEFAULT, 0, 0), 0);
	}
	sys_set_mempolicy(MPOL_DEFAULT, 0);
	munmap(p, 2 * size);
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
	EXPECT_EQ(failed(syscall(__NR_get_mempolicy, &mode, &nodes, 64UL, relative,
				 MPOL_F_ADDR)), 0);
	EXPECT_EQ(nodes, 2);
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
	for (i = 0; i < 2 * ARRAY_SIZE(steps); i++) {
		const unsigned int k = i / 2;

		/* The one first, then the other. */
		if (i & 1) {
			ASSERT_EQ(put_text(INNER "/cpuset.mems", named(steps[k].inner)), 0);
			ASSERT_EQ(put_text(MEMS, named(steps[k].outer)), 0);
		} else {
			ASSERT_EQ(put_text(INNER "/cpuset.mems", "1"), 0);
			ASSERT_EQ(put_text(MEMS, named(steps[k].outer)), 0);
			ASSERT_EQ(put_text(INNER "/cpuset.mems", named(steps[k].inner)), 0);
			ASSERT_EQ(put_text(MEMS, "0"), 0);
			ASSERT_EQ(put_text(MEMS, named(steps[k].outer)), 0);
		}
		EXPECT_EQ(effective(EFFECTIVE, dax.nid), steps[k].outer_has)
			TH_LOG("outer '%s', inner '%s'", steps[k].outer, steps[k].inner);
		EXPECT_EQ(effective(INNER "/cpuset.mems.effective", dax.nid), steps[k].inner_has)
			TH_LOG("outer '%s', inner '%s'", steps[k].outer, steps[k].inner);
		EXPECT_TRUE(effective(INNER "/cpuset.mems.effective", 0));
		EXPECT_TRUE(effective(EFFECTIVE, 0));
	}
	EXPECT_FALSE(effective(CGROUP "cpuset.mems.effective", dax.nid));
	EXPECT_EQ(rmdir_group(INNER), 0);
	ASSERT_EQ(put_text(CGROUP GROUP "/cgroup.subtree_control", "-cpuset"), 0);
	ASSERT_EQ(put_text(MEMS, "\n"), 0);
}

/*
 * Who was given a part of the hierarchy can list what it likes there, but not grant what
 * nobody above has. A node that needs no grant everybody above has.
 */
TEST_F_TIMEOUT(knob, cpuset_delegated, LONG)
{
	pid_t pid;
	int i;

	if (!node_has("has_memory", 0) || enter_cgroup())
		SKIP(return, "no memory on node 0, or no control groups");
	ASSERT_EQ(put_text(CGROUP "cgroup.procs", "0"), 0);
	ASSERT_EQ(put_text(CGROUP GROUP "/cgroup.subtree_control", "+cpuset"), 0);
	ASSERT_EQ(mkdir(INNER, 0755) && errno != EEXIST, 0);
	ASSERT_EQ(chown(INNER "/cpuset.mems", 65534, 65534), 0);
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(set_knob("cpuset", i ? "1" : "0"), 0);
		ASSERT_EQ(put_text(INNER "/cpuset.mems", "0"), 0);
		pid = fork();
		if (!pid) {
			if (setgid(65534) || setuid(65534))
				_exit(1);
			_exit(put_text(INNER "/cpuset.mems", named("0,@")) != 0);
		}
		EXPECT_EQ(wait_child(pid), 0);
		EXPECT_EQ(effective(INNER "/cpuset.mems.effective", dax.nid), !i);
		EXPECT_TRUE(effective(INNER "/cpuset.mems.effective", 0));
	}
	/* The knob decides while the list is the same. */
	ASSERT_EQ(set_knob("cpuset", "0"), 0);
	EXPECT_TRUE(effective(INNER "/cpuset.mems.effective", dax.nid));
	ASSERT_EQ(set_knob("cpuset", "1"), 0);
	EXPECT_FALSE(effective(INNER "/cpuset.mems.effective", dax.nid));
	/* An administrator says the same, and it is a grant. */
	ASSERT_EQ(put_text(INNER "/cpuset.mems", named("0,@")), 0);
	EXPECT_TRUE(effective(INNER "/cpuset.mems.effective", dax.nid));
	ASSERT_EQ(set_knob("cpuset", "0"), 0);
	ASSERT_EQ(set_knob("cpuset", "1"), 0);
	EXPECT_TRUE(effective(INNER "/cpuset.mems.effective", dax.nid));
	EXPECT_EQ(rmdir_group(INNER), 0);
	ASSERT_EQ(put_text(CGROUP GROUP "/cgroup.subtree_control", "-cpuset"), 0);
}

/* Who moves from a group to another has what the other has; so has a thread by itself. */
static void *in_other_group(void *arg)
{
	char text[16];
	char *p = arg;

	snprintf(text, sizeof(text), "%d", gettid());
	if (put_text(CGROUP GROUP "/inner/cgroup.threads", text))
		return (void *)-1L;
	fill(p, NR * page, 12);
	return (void *)count_on(p, NR * page, dax.nid);
}

TEST_F_TIMEOUT(knob, cpuset_moved, LONG)
{
	static const char * const mems[] = { "0,@", "0", "0,@", "\n", "0" };
	static const bool may[] = { true, false, true, true, false };
	const size_t size = NR * page;
	pthread_t thread;
	char text[16], *p;
	unsigned int i;
	void *on;

	if (!node_has("has_memory", 0) || enter_cgroup() || other_cgroup())
		SKIP(return, "no memory on node 0, or no control groups");
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	snprintf(text, sizeof(text), "%d", getpid());
	p = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, P, 0), 0);
	for (i = 0; i < ARRAY_SIZE(mems); i++) {
		const char *group = i & 1 ? OTHER : CGROUP GROUP;
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/cpuset.mems", group);
		ASSERT_EQ(put_text(path, named(mems[i])), 0);
		snprintf(path, sizeof(path), "%s/cgroup.procs", group);
		ASSERT_EQ(put_text(path, text), 0);
		EXPECT_EQ(mems_allowed(dax.nid), !!strchr(mems[i], '@'));
		madvise(p, size, MADV_DONTNEED);
		EXPECT_EQ(touch(p, size), NR);
		EXPECT_EQ(count_on(p, size, dax.nid), may[i] ? NR : 0)
			TH_LOG("mems '%s'", mems[i]);
	}

	/* A threaded group in one that has the node, of which that thread is denied it. */
	ASSERT_EQ(put_text(MEMS, named("0,@")), 0);
	ASSERT_EQ(put_text(CGROUP GROUP "/cgroup.procs", text), 0);
	ASSERT_EQ(mkdir(INNER, 0755) && errno != EEXIST, 0);
	if (put_text(INNER "/cgroup.type", "threaded") ||
	    put_text(CGROUP GROUP "/cgroup.subtree_control", "+cpuset")) {
		TH_LOG("no threaded groups");
	} else {
		ASSERT_EQ(put_text(INNER "/cpuset.mems", "0"), 0);
		madvise(p, size, MADV_DONTNEED);
		ASSERT_EQ(pthread_create(&thread, NULL, in_other_group, p), 0);
		ASSERT_EQ(pthread_join(thread, &on), 0);
		EXPECT_EQ((long)on, 0);
		madvise(p, size, MADV_DONTNEED);
		fill(p, size, 13);
		EXPECT_TRUE(all_on_dax(p, size));
	}
	put_text(CGROUP "cgroup.procs", text);
	put_text(CGROUP GROUP "/cgroup.subtree_control", "-cpuset");
	EXPECT_EQ(rmdir_group(INNER), 0);
	rmdir(CGROUP GROUP);
	rmdir(OTHER);
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
	const size_t size = 4 * MB;
	const long all = size / page;
	unsigned int i, tries;
	long there, gone;
	char *p, *shared;

	if (!self->swap || !node_has("has_memory", 0) || enter_cgroup())
		SKIP(return, "no swap, no memory on node 0, or no control groups");
	ASSERT_EQ(change(&self->changes, DEMOTE, "true"), 0);
	ASSERT_EQ(set_knob("demotion", "1"), 0);
	for (i = 0; i < ARRAY_SIZE(cells); i++) {
		ASSERT_EQ(set_knob("cpuset", cells[i].knob), 0);
		ASSERT_EQ(put_text(MEMS, named(cells[i].mems)), 0);
		p = map_anon(size);
		ASSERT_NE(p, MAP_FAILED);
		shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			      -1, 0);
		ASSERT_NE(shared, MAP_FAILED);
		fill(p, size, 70);
		fill(shared, size, 71);
		settle();
		/* It goes somewhere: there, or into swap. */
		for (tries = 0; tries < 200; tries++) {
			reclaim_group("2M");
			there = count_on(p, size, dax.nid) + count_on(shared, size, dax.nid);
			gone = 2 * all - count_resident(p, size) - count_resident(shared, size);
			if (there + gone >= all)
				break;
		}
		TH_LOG("mems '%s', cpuset %s: %ld demoted, %ld swapped out", cells[i].mems,
		       cells[i].knob, there, gone);
		EXPECT_GE(there + gone, all);
		EXPECT_EQ(there > 0, cells[i].may);
		EXPECT_TRUE(filled(p, size, 70));
		EXPECT_TRUE(filled(shared, size, 71));
		munmap(p, size);
		munmap(shared, size);
	}
	ASSERT_EQ(put_text(MEMS, "\n"), 0);
}

/* A grant makes it visible, not reachable: for what names no node it is not there. */
TEST_F_TIMEOUT(knob, cpuset_unasked, LONG)
{
	static const char * const kernels[] = {
		"FilePages", "Shmem", "Slab", "PageTables", "KernelStack",
	};
	char name[] = "/tmp/anondax-cpuset-XXXXXX", meminfo[PATH_MAX], *map, *p;
	const size_t size = 8 * MB;
	int pipes[2], i, fd;
	unsigned int k;
	long before;
	pid_t pid;

	if (!node_has("has_memory", 0) || enter_cgroup())
		SKIP(return, "no memory on node 0, or no control groups");
	ASSERT_EQ(set_knob("shmem", "0"), 0);
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	ASSERT_EQ(put_text(MEMS, named("@")), 0);
	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	ASSERT_EQ(set_knob("demotion", "0"), 0);
	snprintf(meminfo, sizeof(meminfo), NODE "node%d/meminfo", dax.nid);
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
		for (k = 0; k < ARRAY_SIZE(kernels); k++)
			EXPECT_EQ(get_number(meminfo, kernels[k]), 0)
				TH_LOG("%s", kernels[k]);
		/* With the policy, what it writes to of its own is there. */
		if (!i)
			EXPECT_EQ(settled_free_pages(), before);
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
		EXPECT_EQ(migrate(pid, 3, P), steps[i].migrate ? 0 : -EINVAL);
		kill(pid, SIGCONT);
		EXPECT_EQ(wait_child(pid), steps[i].migrate ? NR : steps[i].move);
	}
	rmdir(OTHER);
	ASSERT_EQ(put_text(MEMS, "\n"), 0);
}

/* Mount cpusets of cgroup v1, which those of v2 are in the way of. 0 or -errno. */
static int mount_v1(const char *dir, const char *options)
{
	int tries, rc = -1;

	/* Until the last of v2's has gone, and who was in it. */
	for (tries = 0; tries < 100 && rc; tries++) {
		rmdir(CGROUP GROUP);
		rmdir(OTHER);
		put_text(CGROUP "cgroup.subtree_control", "-cpuset");
		rc = failed(mount("none", dir, "cgroup", 0, options));
		if (rc && rc != -EBUSY)
			break;
		if (rc)
			usleep(50000);
	}
	if (rc)
		put_text(CGROUP "cgroup.subtree_control", "+cpuset");
	return rc;
}

/* They stay, mounted or not, as long as the last group has not quite gone. */
static int umount_v1(const char *dir, const char *options)
{
	int tries, rc = -1;

	for (tries = 0; tries < 100 && rc; tries++) {
		umount(dir);
		usleep(100000);
		rc = put_text(CGROUP "cgroup.subtree_control", "+cpuset");
		if (rc)
			mount("none", dir, "cgroup", 0, options);
	}
	return rc;
}

/* Memory that a task of the group binds to the node, or has bound before: how much is there? */
static int bound_in_v1(const char *group, char *before)
{
	char path[PATH_MAX], *now;
	pid_t pid;

	pid = fork();
	if (!pid) {
		snprintf(path, sizeof(path), "%s/tasks", group);
		now = map_anon(page);
		if (put_text(path, "0"))
			_exit(100);
		sys_mbind(now, page, MPOL_BIND, P, 0);
		if (touch(before, page) != 1 || touch(now, page) != 1)
			_exit(101);
		_exit(count_on(before, page, dax.nid) + count_on(now, page, dax.nid));
	}
	return wait_child(pid);
}

/* Lists of cgroup v1 do not take it, so in a cpuset of v1 it is not there. */
TEST_F_TIMEOUT(knob, cpuset_v1, LONG)
{
	char dir[] = "/tmp/anondax-cpuset-XXXXXX", path[PATH_MAX], *p;
	int rc;

	if (!node_has("has_memory", 0) || !mkdtemp(dir))
		SKIP(return, "no memory on node 0, or no place for a mount");
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	rc = mount_v1(dir, "cpuset");
	if (rc) {
		rmdir(dir);
		SKIP(return, "no cpusets of cgroup v1: %s", strerror(-rc));
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
	snprintf(path, sizeof(path), "%s/inner", dir);
	EXPECT_EQ(bound_in_v1(path, p), 0);
	EXPECT_EQ(rmdir_group(path), 0);
	EXPECT_EQ(umount_v1(dir, "cpuset"), 0);
	rmdir(dir);
}

/* Mounted to be as those of v2 they take it; who is made as a copy is granted nothing. */
TEST_F_TIMEOUT(knob, cpuset_v1_as_v2, LONG)
{
	static const char options[] = "cpuset,cpuset_v2_mode";
	char dir[] = "/tmp/anondax-cpuset-XXXXXX", path[PATH_MAX], *p;
	int rc;

	if (!node_has("has_memory", 0) || !mkdtemp(dir))
		SKIP(return, "no memory on node 0, or no place for a mount");
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	ASSERT_EQ(set_knob("cpuset", "1"), 0);
	rc = mount_v1(dir, options);
	if (rc) {
		rmdir(dir);
		SKIP(return, "no cpusets of cgroup v1: %s", strerror(-rc));
	}
	p = map_anon(page);
	snprintf(path, sizeof(path), "%s/cgroup.clone_children", dir);
	EXPECT_EQ(put_text(path, "1"), 0);
	snprintf(path, sizeof(path), "%s/inner", dir);
	EXPECT_EQ(mkdir(path, 0755), 0);
	EXPECT_EQ(bound_in_v1(path, p), 0);
	snprintf(path, sizeof(path), "%s/inner/cpuset.effective_mems", dir);
	EXPECT_TRUE(effective(path, 0));
	EXPECT_FALSE(effective(path, dax.nid));
	/* By name it is. */
	snprintf(path, sizeof(path), "%s/inner/cpuset.mems", dir);
	EXPECT_EQ(put_text(path, named("0,@")), 0);
	snprintf(path, sizeof(path), "%s/inner/cpuset.effective_mems", dir);
	EXPECT_TRUE(effective(path, dax.nid));
	snprintf(path, sizeof(path), "%s/inner", dir);
	EXPECT_EQ(bound_in_v1(path, p), 1);
	EXPECT_EQ(rmdir_group(path), 0);
	EXPECT_EQ(umount_v1(dir, options), 0);
	rmdir(dir);
}

static long stalls(void)
{
	return vm_count("allocstall_normal") + vm_count("allocstall_movable") +
	       vm_count("allocstall_dma32");
}

static void *touch_in_inner(void *p)
{
	return (void *)(put_text(CGROUP GROUP "/inner/cgroup.threads", "0") ?
			-1L : touch(p, 512 * page));
}

/*
 * A thread in a cpuset that has the node, full, and none of the ordinary nodes of a policy:
 * it has memory of its cpuset, and reclaims nothing for each page.
 */
TEST_F_TIMEOUT(knob, cpuset_of_thread, LONG)
{
	size_t size = 512 * page, full;
	pthread_t thread;
	char *p, *hog;
	long before;
	void *ret;
	pid_t pid;

	if (dax.nid < 2 || !node_has("has_memory", 0) || !node_has("has_memory", 1) ||
	    enter_cgroup())
		SKIP(return, "no memory on nodes 0 and 1, or no control groups");
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	ASSERT_EQ(put_text(CGROUP "cgroup.procs", "0"), 0);
	ASSERT_EQ(put_text(MEMS, named("0-1,@")), 0);
	ASSERT_EQ(failed(mkdir(INNER, 0755)), 0);
	EXPECT_EQ(put_text(CGROUP GROUP "/inner/cgroup.type", "threaded"), 0);
	EXPECT_EQ(put_text(CGROUP GROUP "/cgroup.subtree_control", "+cpuset"), 0);
	EXPECT_EQ(put_text(CGROUP GROUP "/inner/cpuset.mems", named("1,@")), 0);
	/* Else it would make room. */
	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	full = free_pages() * page + 4 * MB;
	EXPECT_LT(fill_node(&hog, full), (long)(full / page));
	pid = fork();
	if (!pid) {
		p = map_anon(size);
		if (put_text(CGROUP GROUP "/cgroup.procs", "0") ||
		    madvise(p, size, MADV_NOHUGEPAGE) ||
		    sys_mbind(p, size, MPOL_BIND, P | 1, 0))
			_exit(1);
		before = stalls();
		if (pthread_create(&thread, NULL, touch_in_inner, p) ||
		    pthread_join(thread, &ret))
			_exit(2);
		if (stalls() - before > 16)
			_exit(3);
		if ((long)ret != 512)
			_exit(4);
		_exit(count_on(p, size, 0) ? 5 : 0);
	}
	EXPECT_EQ(wait_child(pid), 0);
	munmap(hog, full);
	EXPECT_EQ(rmdir_group(INNER), 0);
	EXPECT_EQ(put_text(CGROUP GROUP "/cgroup.subtree_control", "-cpuset"), 0);
	EXPECT_EQ(rmdir_group(CGROUP GROUP), 0);
}

/* Whose memory is charged to the same group: what one of their cpusets keeps off, all do. */
TEST_F_TIMEOUT(knob, cpuset_no_memory_group, LONG)
{
	static const char * const lists[] = { "0", "0,@" };
	const size_t size = 32 * MB;
	unsigned int i;
	int tries;
	char *p;

	if (!node_has("has_memory", 0) || put_text(CGROUP "cgroup.procs", "0"))
		SKIP(return, "no memory on node 0, or no control groups");
	rmdir(CGROUP GROUP);
	rmdir(OTHER);
	put_text(CGROUP "cgroup.subtree_control", "+cpuset");
	if (put_text(CGROUP "cgroup.subtree_control", "-memory"))
		SKIP(return, "the memory controller stays on");
	ASSERT_TRUE(!mkdir(CGROUP GROUP, 0755) || errno == EEXIST);
	ASSERT_EQ(put_text(CGROUP GROUP "/cgroup.procs", "0"), 0);
	ASSERT_EQ(change(&self->changes, DEMOTE, "true"), 0);
	ASSERT_EQ(set_knob("demotion", "1"), 0);
	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		TH_LOG("mems '%s'", lists[i]);
		ASSERT_EQ(put_text(MEMS, named(lists[i])), 0);
		p = map_anon(size);
		ASSERT_NE(p, MAP_FAILED);
		fill(p, size, i);
		settle();
		for (tries = 0; tries < 20 && !count_on(p, size, dax.nid); tries++)
			put_text(NODE "node0/reclaim", "16M");
		EXPECT_EQ(count_on(p, size, dax.nid) > 0, i);
		EXPECT_TRUE(filled(p, size, i));
		munmap(p, size);
	}
	ASSERT_EQ(put_text(CGROUP "cgroup.procs", "0"), 0);
	rmdir(CGROUP GROUP);
	ASSERT_EQ(put_text(CGROUP "cgroup.subtree_control", "+memory"), 0);
}

/* To grant it takes privileges of who opened the file, too: it may have been handed on. */
TEST_F_TIMEOUT(knob, cpuset_handed_on, LONG)
{
	int fd, by_nobody;

	if (!node_has("has_memory", 0) || enter_cgroup() || other_cgroup())
		SKIP(return, "no memory on node 0, or no control groups");
	ASSERT_EQ(set_knob("cpuset", "1"), 0);
	ASSERT_EQ(chown(OTHER "/cpuset.mems", 65534, 65534), 0);
	for (by_nobody = 1; by_nobody >= 0; by_nobody--) {
		const char *list = named("0,@");

		if (by_nobody)
			ASSERT_EQ(seteuid(65534), 0);
		fd = open(OTHER "/cpuset.mems", O_WRONLY | O_CLOEXEC);
		ASSERT_EQ(seteuid(0), 0);
		ASSERT_GE(fd, 0);
		EXPECT_EQ(write(fd, list, strlen(list)), (ssize_t)strlen(list));
		close(fd);
		EXPECT_EQ(effective(OTHER "/cpuset.mems.effective", dax.nid), !by_nobody);
	}

	/* Who may grant does, also by a list that another has written before, and unplugged. */
	ASSERT_EQ(set_state("unplugged"), 0);
	ASSERT_EQ(put_text(OTHER "/cpuset.mems", "0"), 0);
	ASSERT_EQ(seteuid(65534), 0);
	EXPECT_EQ(put_text(OTHER "/cpuset.mems", named("0,@")), 0);
	ASSERT_EQ(seteuid(0), 0);
	EXPECT_EQ(put_text(OTHER "/cpuset.mems", named("0,@")), 0);
	ASSERT_EQ(set_state(variant->state), 0);
	EXPECT_EQ(get_knob("cpuset"), 1);
	EXPECT_TRUE(effective(OTHER "/cpuset.mems.effective", dax.nid));
	rmdir(OTHER);
}

/* Whoever leaves memory behind does not open it to all. */
TEST_F_TIMEOUT(knob, cpuset_left_behind, LONG)
{
	char *p = map_dax(page);

	ASSERT_NE(p, MAP_FAILED);
	*p = 1;
	ASSERT_EQ(set_knob("cpuset", "1"), 0);
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	ASSERT_EQ(bind_driver("anondax", "unbind"), 0);
	ASSERT_EQ(bind_driver("anondax", "bind"), 0);
	EXPECT_TRUE(is_state(variant->state));
	EXPECT_EQ(get_knob("cpuset"), 1);
	EXPECT_EQ(get_knob("mbind"), 0);
	munmap(p, page);
}

/* Nor has a group that is kept off more of it by a huge page in the place of small ones. */
TEST_F_TIMEOUT(knob, cpuset_collapse, LONG)
{
	int tries;
	char *p;

	if (!self->swap || !node_has("has_memory", 0) || enter_cgroup())
		SKIP(return, "no swap, no memory on node 0, or no control groups");
	ASSERT_EQ(change(&self->changes, DEMOTE, "true"), 0);
	ASSERT_EQ(set_knob("demotion", "1"), 0);
	ASSERT_EQ(set_knob("madvise", "1"), 0);
	/* What comes there is to stay. */
	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	ASSERT_EQ(put_text(MEMS, named("0,@")), 0);
	p = map_shared_huge(PMD);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, PMD, 1);
	settle();
	for (tries = 0; tries < 200 && count_on(p, PMD, dax.nid) < (long)(PMD / page / 2 + 1);
	     tries++)
		reclaim_group("512K");
	ASSERT_GT(count_on(p, PMD, dax.nid), (long)(PMD / page / 2));
	ASSERT_EQ(put_text(MEMS, "0"), 0);
	EXPECT_EQ(failed(madvise(p, PMD, MADV_COLLAPSE)), -EAGAIN);
	ASSERT_EQ(put_text(MEMS, named("0,@")), 0);
	EXPECT_EQ(failed(madvise(p, PMD, MADV_COLLAPSE)), 0);
	EXPECT_TRUE(all_on_dax(p, PMD));
	EXPECT_TRUE(filled(p, PMD, 1));
	munmap(p, PMD);
	ASSERT_EQ(put_text(MEMS, "\n"), 0);
}

int main(int argc, char **argv)
{
	need_dax();
	return test_harness_run(argc, argv);
}
