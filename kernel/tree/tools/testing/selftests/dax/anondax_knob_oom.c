// SPDX-License-Identifier: GPL-2.0
/* Who is killed when memory runs out: no knob has a say. */

#include <time.h>

#include "anondax_knob.h"

/* -errno if it cannot be read. */
static long read_score(void)
{
	char text[32];
	int rc = get_text("/proc/self/oom_score", text, sizeof(text));

	return rc ? rc : atol(text);
}

/* For the system's OOM killer, memory of the node makes nobody a victim. */
TEST_F_TIMEOUT(knob, oom_score, LONG)
{
	const size_t size = 32 * MB, more = 128 * MB;
	char *p, *q;
	long before;
	pid_t pid;
	int i;

	before = read_score();
	ASSERT_GE(before, 0);
	for (i = 0; i < 2; i++) {
		p = map_dax(size);
		ASSERT_NE(p, MAP_FAILED);
		madvise(p, size, i ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
		EXPECT_EQ(touch(p, size), (long)(size / page));
		/* Page tables are ordinary memory. */
		EXPECT_LE(labs(read_score() - before), 1);
		/* It is the child's as well, who never had a fault there. */
		pid = fork();
		if (!pid)
			_exit(labs(read_score() - before) > 1);
		EXPECT_EQ(wait_child(pid), 0);
		munmap(p, size);
	}
	q = map_anon(more);
	ASSERT_NE(q, MAP_FAILED);
	madvise(q, more, MADV_HUGEPAGE);
	touch(q, more);
	EXPECT_GT(read_score() - before, 20);
}

/*
 * Is the score what so much memory and swap makes of it? @base is the score of the
 * process without. Page tables are memory as well, and both numbers are rounded.
 */
static bool score_is(long base, size_t size)
{
	const long total = get_number("/proc/meminfo", "MemTotal") +
			   get_number("/proc/meminfo", "SwapTotal");
	const long score = read_score();
	const long expected = base + (long)(size / KB) * 1000 / total * 2 / 3;

	if (labs(score - expected) <= 2)
		return true;
	ksft_print_msg("the score is %ld: %ld, and %zu MiB make it %ld\n", score, base, size / MB,
		       expected);
	return false;
}

/* The same in a child, which may write to all of it before. */
static bool childs_score_is(long base, size_t size, char *p, size_t written)
{
	pid_t pid = fork();

	if (!pid) {
		if (touch(p, written) != (long)(written / page))
			_exit(2);
		_exit(!score_is(base, size));
	}
	return !wait_child(pid);
}

/* The least time that it takes to read the score, in ns. */
static long time_of_score(void)
{
	struct timespec then, now;
	long least = LONG_MAX, t;
	int i;

	for (i = 0; i < 50; i++) {
		clock_gettime(CLOCK_MONOTONIC, &then);
		if (read_score() < 0)
			return -1;
		clock_gettime(CLOCK_MONOTONIC, &now);
		t = (now.tv_sec - then.tv_sec) * 1000000000L + now.tv_nsec - then.tv_nsec;
		if (t < least)
			least = t;
	}
	return least;
}

/*
 * Anybody may read it, of anybody, and the OOM killer reads all of them: it takes no
 * longer for how much somebody has, on the node or elsewhere. The least of many times is
 * what it costs; to look at each page of so many is a good deal more.
 */
TEST_F_TIMEOUT(knob, oom_score_cost, LONG)
{
	const size_t size = 64 * MB;
	long little, much;
	int on_dax;
	char *p;

	little = time_of_score();
	ASSERT_GT(little, 0);
	for (on_dax = 0; on_dax < 2; on_dax++) {
		p = on_dax ? map_dax(size) : map_anon(size);
		ASSERT_NE(p, MAP_FAILED);
		ASSERT_EQ(madvise(p, size, MADV_NOHUGEPAGE), 0);
		ASSERT_EQ(touch(p, size), (long)(size / page));
		much = time_of_score();
		ASSERT_GT(much, 0);
		EXPECT_LE(much, 3 * little + 100000)
			TH_LOG("%ld ns with little, %ld with 64 MiB of %s", little, much,
			       on_dax ? "the node" : "DRAM");
		munmap(p, size);
	}
}

/* What is on the node is left out of the score exactly, however it comes and goes. */
TEST_F_TIMEOUT(knob, oom_score_ways, LONG)
{
	const size_t size = 32 * MB, half = size / 2;
	char c, *p, *q, *to;
	int go[2];
	pid_t pid;
	long base;

	/* It makes a point of the score worth less. */
	swap_off();
	self->swap = false;
	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	base = read_score();
	p = map_dax_of(size, false);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(touch(p, size), (long)(size / page));
	EXPECT_TRUE(score_is(base, 0));
	/* A child shares it, then has half of its own; so has the parent, of the rest. */
	EXPECT_TRUE(childs_score_is(base, 0, p, 0));
	EXPECT_TRUE(childs_score_is(base, 0, p, half));
	touch(p, size);
	EXPECT_TRUE(score_is(base, 0));
	/* Given back, then zero pages, then there again. */
	ASSERT_EQ(madvise(p, half, MADV_DONTNEED), 0);
	EXPECT_TRUE(score_is(base, 0));
	ASSERT_EQ(madvise(p, half, MADV_POPULATE_READ), 0);
	EXPECT_TRUE(score_is(base, 0));
	touch(p, half);
	EXPECT_TRUE(all_on_dax(p, size));
	EXPECT_TRUE(score_is(base, 0));
	/* At another address. */
	to = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ASSERT_NE(to, MAP_FAILED);
	p = mremap(p, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	ASSERT_NE(p, MAP_FAILED);
	EXPECT_TRUE(score_is(base, 0));
	/* A part that is ordinary counts, of whatever mapping, and ordinary ones do. */
	ASSERT_EQ(move_to(p, half, dax.nid ? 0 : 1), 0);
	EXPECT_EQ(count_on(p, size, dax.nid), (long)(half / page));
	EXPECT_TRUE(score_is(base, half));
	EXPECT_TRUE(childs_score_is(base, half, p, 0));
	q = map_anon(size);
	ASSERT_NE(q, MAP_FAILED);
	ASSERT_EQ(madvise(q, size, MADV_NOHUGEPAGE), 0);
	touch(q, size);
	EXPECT_TRUE(score_is(base, half + size));
	ASSERT_EQ(move_to(q, half, dax.nid), 0);
	EXPECT_TRUE(score_is(base, size));
	ASSERT_EQ(move_to(p, half, dax.nid), 0);
	EXPECT_TRUE(score_is(base, half));
	/* Unplugged, all of it is, and for everybody who shares it. */
	ASSERT_EQ(pipe(go), 0);
	pid = fork();
	if (!pid)
		_exit(read(go[0], &c, 1) != 1 || !score_is(base, 2 * size));
	ASSERT_EQ(set_state("unplugged"), 0);
	EXPECT_TRUE(score_is(base, 2 * size));
	EXPECT_EQ(write(go[1], "", 1), 1);
	EXPECT_EQ(wait_child(pid), 0);
	ASSERT_EQ(set_state(variant->state), 0);
	ASSERT_EQ(move_to(p, size, dax.nid), 0);
	ASSERT_EQ(move_to(q, size, dax.nid), 0);
	EXPECT_TRUE(score_is(base, 0));
	munmap(q, size);
	EXPECT_TRUE(score_is(base, 0));
	munmap(p, size);
	EXPECT_TRUE(score_is(base, 0));
}

/* In huge pages, and in what becomes of them. */
TEST_F_TIMEOUT(knob, oom_score_huge, LONG)
{
	const size_t size = 32 * MB, half = size / 2;
	const int ordinary = dax.nid ? 0 : 1;
	size_t off;
	long base;
	char *p;

	swap_off();
	self->swap = false;
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	ASSERT_EQ(set_knob("madvise", "1"), 0);
	base = read_score();
	p = map_dax_huge(size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(touch(p, size), (long)(size / page));
	EXPECT_EQ(read_smaps(p, size, "AnonHugePages"), (long)(size / KB));
	EXPECT_TRUE(score_is(base, 0));
	EXPECT_TRUE(childs_score_is(base, 0, p, 0));
	/* The child has to split what it shares, to have half of its own. */
	EXPECT_TRUE(childs_score_is(base, 0, p, half));
	/* Mapped by its pages, then in parts, each with a page too few. */
	for (off = 0; off < half; off += PMD)
		ASSERT_EQ(madvise(p + off, page, MADV_DONTNEED), 0);
	EXPECT_TRUE(score_is(base, 0));
	/* Off the node as a whole, and counted for it; on it again. */
	for (off = half; off < size; off += PMD)
		ASSERT_EQ(move_to(p + off, page, ordinary), 0);
	EXPECT_EQ(count_on(p + half, half, dax.nid), 0);
	EXPECT_TRUE(score_is(base, half));
	/* So goes what is left of the others. */
	for (off = 0; off < half; off += PMD)
		ASSERT_EQ(move_to(p + off + page, page, ordinary), 0);
	EXPECT_TRUE(score_is(base, count_on(p, size, ordinary) * page));
	for (off = half; off < size; off += PMD)
		ASSERT_EQ(move_to(p + off, page, dax.nid), 0);
	ASSERT_EQ(madvise(p, half, MADV_DONTNEED), 0);
	EXPECT_TRUE(score_is(base, 0));
	/* Small ones, and then huge. */
	ASSERT_EQ(madvise(p, half, MADV_NOHUGEPAGE), 0);
	touch(p, half);
	ASSERT_EQ(madvise(p, half, MADV_HUGEPAGE), 0);
	for (off = 0; off < half; off += PMD)
		EXPECT_EQ(madvise(p + off, PMD, MADV_COLLAPSE), 0);
	EXPECT_TRUE(all_on_dax(p, size));
	EXPECT_TRUE(score_is(base, 0));
	munmap(p + half + PMD / 2, PMD);
	EXPECT_TRUE(score_is(base, 0));
	munmap(p, size);
	EXPECT_TRUE(score_is(base, 0));
}

/* In swap it is the system's again, and counts as what is there does. */
TEST_F_TIMEOUT(knob, oom_score_swap, LONG)
{
	const size_t size = 32 * MB;
	/* It takes long, so each variant tries one. */
	const bool huge = !strcmp(variant->state, "online_movable");
	const long few = size / page / 4;
	int tries;
	long base;
	char *p;

	if (!self->swap || enter_cgroup())
		SKIP(return, "no swap, or no control groups");
	ASSERT_EQ(change(&self->changes, DEMOTE, "false"), 0);
	ASSERT_EQ(set_knob("madvise", "1"), 0);
	ASSERT_EQ(set_knob("reclaim", "1"), 0);
	base = read_score();
	p = map_dax_of(size, huge);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, size, 73);
	EXPECT_TRUE(score_is(base, 0));
	ASSERT_TRUE(swap_out(p, size));
	EXPECT_TRUE(score_is(base, size));
	EXPECT_TRUE(childs_score_is(base, size, p, 0));
	EXPECT_TRUE(filled(p, size / 2, 73));
	EXPECT_TRUE(all_on_dax(p, size / 2));
	EXPECT_TRUE(score_is(base, size / 2));
	munmap(p, size);
	EXPECT_TRUE(score_is(base, 0));
	/* What nobody needs is gone instead. */
	p = map_dax_of(size, false);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, size, 76);
	settle();
	ASSERT_EQ(madvise(p, size, MADV_FREE), 0);
	for (tries = 0; tries < 20 && count_on(p, size, dax.nid) > few; tries++)
		reclaim_group("64M");
	EXPECT_LE(count_on(p, size, dax.nid), few);
	EXPECT_TRUE(score_is(base, 0));
}

/* Merged, it is one page of the node, as often as it is mapped. */
TEST_F_TIMEOUT(knob, oom_score_merged, LONG)
{
	const size_t size = 16 * MB;
	long base;
	char *p;

	if (ksm_on(&self->changes))
		SKIP(return, "no KSM");
	swap_off();
	self->swap = false;
	ASSERT_EQ(set_knob("madvise", "1"), 0);
	base = read_score();
	p = map_dax_of(size, false);
	ASSERT_NE(p, MAP_FAILED);
	memset(p, 0x4d, size);
	ASSERT_EQ(madvise(p, size, MADV_MERGEABLE), 0);
	EXPECT_TRUE(ksm_passes(4));
	EXPECT_EQ(read_smaps(p, size, "KSM"), (long)(size / KB));
	EXPECT_TRUE(score_is(base, 0));
	EXPECT_TRUE(childs_score_is(base, 0, p, size / 2));
	EXPECT_EQ(madvise(p, size, MADV_UNMERGEABLE), 0);
	EXPECT_TRUE(all_on_dax(p, size));
	EXPECT_TRUE(score_is(base, 0));
	munmap(p, size);
	EXPECT_TRUE(score_is(base, 0));
}

/* Memory of the node, that came there in one of three ways. */
static bool hold_on_dax(size_t size, int how, char **at)
{
	const size_t step = 32 * MB;
	char *p = how ? map_anon(size) : map_dax(size);
	size_t off;

	if (p == MAP_FAILED)
		return false;
	/* It is that much either way, and takes less long; move_pages() wants small ones. */
	if (how == 1)
		madvise(p, size, MADV_HUGEPAGE);
	for (off = 0; off < size; off += step) {
		fill(p + off, step, off);
		/* Moved there by itself, or by somebody else. */
		if (how == 1 && sys_mbind(p + off, step, MPOL_BIND, 1UL << dax.nid,
					  MPOL_MF_MOVE))
			return false;
		if (how == 2 && move_to(p + off, step, dax.nid))
			return false;
	}
	*at = p;
	return all_on_dax(p, size);
}

/*
 * Ordinary memory is short: that somebody has more than anyone else on the private
 * node helps nobody, so it is not them.
 */
TEST_F_TIMEOUT(knob, oom_victim, LONG)
{
	const int other = dax.nid == 1 ? 2 : 1;
	/* It takes long, so each variant tries one. */
	const int how = !strcmp(variant->others, "1") ? 1 :
			!strcmp(variant->state, "online_movable") ? 2 : 0;
	char path[PATH_MAX], c, *p;
	int ready[2], go[2];
	pid_t holder, hog;
	size_t size;
	long kills;

	/* More than the ordinary node has. */
	snprintf(path, sizeof(path), NODE "node%d/meminfo", other);
	size = (get_number(path, "MemTotal") * KB / (32 * MB) + 1) * 32 * MB;
	if (!node_has("has_memory", other) || size > free_pages() * page)
		SKIP(return, "it needs an ordinary node that is smaller than the private one");
	swap_off();
	self->swap = false;
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	kills = vm_count("oom_kill");
	ASSERT_EQ(pipe(ready), 0);
	ASSERT_EQ(pipe(go), 0);
	holder = fork();
	if (!holder) {
		size_t off, good = 0;

		if (sys_set_mempolicy(MPOL_BIND, 1UL << other) ||
		    !hold_on_dax(size, how, &p) || write(ready[1], "", 1) != 1 ||
		    read(go[0], &c, 1) != 1)
			_exit(1);
		for (off = 0; off < size; off += 32 * MB)
			good += filled(p + off, 32 * MB, off);
		_exit(good != size / (32 * MB));
	}
	close(ready[1]);
	ASSERT_EQ(read(ready[0], &c, 1), 1);
	hog = fork();
	if (!hog) {
		p = map_more(2 * size);
		if (sys_set_mempolicy(MPOL_BIND, 1UL << other) || p == MAP_FAILED)
			_exit(1);
		huge_at_first(p, get_number(path, "MemFree") * KB);
		_exit(touch(p, 2 * size) != (long)(2 * size / page));
	}
	EXPECT_EQ(wait_child(hog), 128 + SIGKILL)
		TH_LOG("who used up the ordinary node, way %d", how);
	EXPECT_EQ(vm_count("oom_kill"), kills + 1);
	EXPECT_EQ(write(go[1], "", 1), 1);
	EXPECT_EQ(wait_child(holder), 0)
		TH_LOG("who has memory on the private node, way %d", how);
	close(ready[0]);
	close(go[0]);
	close(go[1]);
}

/*
 * Somebody with @size of ordinary memory, whom their oom_score_adj, @adj, puts
 * forward; in the group of @procs, if not NULL. -1 if that cannot be had.
 */
static pid_t start_bystander(const char *procs, size_t size, long adj)
{
	char text[32], *p;
	int ready[2];
	pid_t pid;

	if (pipe(ready))
		return -1;
	pid = fork();
	if (!pid) {
		p = map_anon(size);
		snprintf(text, sizeof(text), "%d", getpid());
		if (p == MAP_FAILED || (procs && put_text(procs, text)))
			_exit(1);
		snprintf(text, sizeof(text), "%ld", adj);
		if (put_text("/proc/self/oom_score_adj", text))
			_exit(1);
		touch(p, size);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		_exit(pause());
	}
	close(ready[1]);
	/* Nothing to read if it has ended. */
	if (pid > 0 && read(ready[0], text, 1) != 1) {
		wait_child(pid);
		pid = -1;
	}
	close(ready[0]);
	return pid;
}

/*
 * Who falls back from the node is limited by the cpuset, as without it: who is in
 * another one can give nothing.
 */
TEST_F_TIMEOUT(knob, oom_cpuset, LONG)
{
	size_t size = free_pages() * page + 2048 * MB;
	char mems[32], *p;
	pid_t bystander, hog;
	long kills;

	if (dax.nid < 2 || !node_has("has_memory", 0) || !node_has("has_memory", 1) ||
	    get_number(NODE "node0/meminfo", "MemTotal") > 1024L * 1024)
		SKIP(return, "it needs a small ordinary node to use up");
	if (enter_cgroup() || other_cgroup())
		SKIP(return, "no control groups");
	swap_off();
	self->swap = false;
	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	kills = vm_count("oom_kill");
	bystander = start_bystander(OTHER "/cgroup.procs", 64 * MB, 900);
	ASSERT_GT(bystander, 0);
	snprintf(mems, sizeof(mems), "0,%d", dax.nid);
	ASSERT_EQ(put_text(CGROUP GROUP "/cpuset.mems", mems), 0);
	hog = fork();
	if (!hog) {
		/* For its text to stay: reading it again would be what fails. */
		if (mlockall(MCL_CURRENT))
			_exit(1);
		p = map_more(size);
		/* Always from there, and then from where the cpuset lets it. */
		if (sys_set_mempolicy(MPOL_INTERLEAVE, 1UL << dax.nid) || p == MAP_FAILED)
			_exit(1);
		huge_at_first(p, free_pages() * page);
		_exit(touch(p, size) != (long)(size / page));
	}
	EXPECT_EQ(wait_child(hog), 128 + SIGKILL);
	EXPECT_EQ(vm_count("oom_kill"), kills + 1);
	EXPECT_EQ(waitpid(bystander, NULL, WNOHANG), 0)
		TH_LOG("somebody in another cpuset was killed");
	kill(bystander, SIGKILL);
	wait_child(bystander);
	put_text(CGROUP GROUP "/cpuset.mems", "\n");
	rmdir(OTHER);
}

/*
 * Who writes into the memory of somebody else asks with that policy and with its own
 * cpuset. Where these have nothing in common, the policy gives way, as if only its
 * ordinary nodes were there; nobody dies while memory is free.
 */
TEST_F_TIMEOUT(knob, oom_foreign, LONG)
{
	size_t size = 16 * MB;
	long kills, mask;
	pid_t bystander, writer;
	char *p, *full, text[16];

	if (dax.nid < 2 || !node_has("has_memory", 0) || !node_has("has_memory", 1))
		SKIP(return, "it needs two ordinary nodes");
	if (enter_cgroup() || other_cgroup())
		SKIP(return, "no control groups");
	swap_off();
	self->swap = false;
	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	ASSERT_GT(fill_node(&full, free_pages() * page + PMD), 0);
	kills = vm_count("oom_kill");
	bystander = start_bystander(OTHER "/cgroup.procs", 16 * MB, 900);
	ASSERT_GT(bystander, 0);
	for (mask = 0; mask < 2; mask++) {
		p = map_anon(size);
		ASSERT_NE(p, MAP_FAILED);
		/* A control: the same without the private node in it. */
		ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, 1UL | (mask ? 1UL << dax.nid : 0), 0), 0);
		writer = fork();
		if (!writer) {
			struct iovec from, to = { .iov_base = p, .iov_len = size };

			snprintf(text, sizeof(text), "%d", getpid());
			from.iov_base = map_anon(size);
			from.iov_len = size;
			if (from.iov_base == MAP_FAILED || put_text(OTHER "/cgroup.procs", text))
				_exit(1);
			fill(from.iov_base, size, 72);
			_exit(process_vm_writev(getppid(), &from, 1, &to, 1, 0) != (ssize_t)size);
		}
		EXPECT_EQ(wait_child(writer), 0);
		EXPECT_TRUE(filled(p, size, 72));
		EXPECT_EQ(count_on(p, size, dax.nid), 0);
		munmap(p, size);
	}
	EXPECT_EQ(vm_count("oom_kill"), kills);
	EXPECT_EQ(waitpid(bystander, NULL, WNOHANG), 0);
	kill(bystander, SIGKILL);
	wait_child(bystander);
	rmdir(OTHER);
}

/* Events of /proc/vmstat whose names start so, of all CPUs, added up. */
static long vm_sum(const char *start)
{
	char line[128], text[16];
	long sum = 0;
	FILE *f;

	get_text("/proc/sys/vm/stat_refresh", text, sizeof(text));
	f = fopen("/proc/vmstat", "re");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, start, strlen(start)))
			sum += atol(line + strcspn(line, " "));
	}
	fclose(f);
	return sum;
}

/* What it took to find out that there is no more. */
struct effort {
	long filled, scanned, demoted, stalls, kills, ms;
};

static void add_effort(struct effort *e, int sign)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	e->ms += sign * (now.tv_sec * 1000 + now.tv_nsec / 1000000);
	e->scanned += sign * (vm_sum("pgscan_anon ") + vm_sum("pgscan_file "));
	e->demoted += sign * vm_sum("pgdemote_");
	e->stalls += sign * vm_sum("allocstall_");
	e->kills += sign * vm_sum("oom_kill ");
}

/*
 * Somebody takes all there is, by a policy, in huge pages at first or not, until the
 * OOM killer comes. False if it does not.
 */
static bool use_up(struct effort *e, int mode, unsigned long nodes, bool huge)
{
	const size_t size = 64UL * 1024 * MB;
	long *filled;
	pid_t hog;
	int rc;

	memset(e, 0, sizeof(*e));
	filled = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (filled == MAP_FAILED)
		return false;
	add_effort(e, -1);
	hog = fork();
	if (!hog) {
		size_t off;
		char *p;

		/*
		 * For its text to stay: to read that again and again would be most
		 * of what it does in the end.
		 */
		if (mlockall(MCL_CURRENT) || put_text("/proc/self/oom_score_adj", "1000"))
			_exit(1);
		p = map_more(size);
		if (p == MAP_FAILED || sys_set_mempolicy(mode, nodes))
			_exit(1);
		if (huge)
			huge_at_first(p, size);
		for (off = 0; off < size; off += page) {
			__atomic_store_n(p + off, 1, __ATOMIC_SEQ_CST);
			__atomic_store_n(filled, off / page + 1, __ATOMIC_SEQ_CST);
		}
		_exit(1);
	}
	rc = wait_child(hog);
	add_effort(e, 1);
	e->filled = *filled;
	munmap(filled, page);
	return rc == 128 + SIGKILL;
}

/*
 * Tiers that are full of what cannot be swapped are found out soon. By what is done,
 * for time says more about what else the machine does.
 *
 * With the tier there is more to fill, and all of it is demoted there, once. To find
 * that much, each page is scanned a few times (1 to 3 were seen), and in the end all of
 * them in vain once more. Where the full tier counted as hope it was 50 times.
 */
TEST_F_TIMEOUT(knob, oom_tiers, LONG)
{
	struct effort e;
	int demotion;

	swap_off();
	self->swap = false;
	ASSERT_EQ(change(&self->changes, DEMOTE, "true"), 0);
	for (demotion = 0; demotion < 2; demotion++) {
		ASSERT_EQ(set_knob("demotion", demotion ? "1" : "0"), 0);
		ASSERT_TRUE(use_up(&e, MPOL_DEFAULT, 0, true));
		TH_LOG("demotion %d: %ld pages, %ld scanned, %ld demoted, %ld stalls, %ld ms",
		       demotion, e.filled, e.scanned, e.demoted, e.stalls, e.ms);
		EXPECT_EQ(e.kills, 1);
		EXPECT_LE(e.scanned, 8 * e.filled);
		EXPECT_LE(e.stalls, e.filled / 50);
		if (demotion) {
			EXPECT_GT(e.demoted, e.filled / 10);
			EXPECT_LE(e.demoted, e.filled);
		} else {
			EXPECT_EQ(e.demoted, 0);
		}
	}
}

/*
 * A full node is no hope: who may have memory of it as well gives up as soon as who may
 * not. With nothing left to reclaim that is after 2 to 5 tries, one of the hog and what
 * others need meanwhile; where the node was one, it was after 34, each time (to prefer
 * it, and a bind). What is free may be so close to the watermark that all 34 are made for
 * nobody's sake, which is as rare without the node (once in 240): it counts if it is so
 * three times.
 */
TEST_F_TIMEOUT(knob, oom_stalls, LONG)
{
	const unsigned long P = 1UL << dax.nid;
	const int modes[] = { MPOL_PREFERRED, MPOL_PREFERRED_MANY, MPOL_BIND };
	size_t size = free_pages() * page + PMD;
	unsigned long ordinary = 0;
	struct effort without, with;
	unsigned int i, tries;
	char *p;
	int nid;

	for (nid = 0; nid < 64; nid++) {
		if (node_has("has_memory", nid))
			ordinary |= 1UL << nid;
	}
	swap_off();
	self->swap = false;
	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	/* What is held here all the time is not the hogs'. */
	ASSERT_GT(fill_node(&p, size), 0);
	ASSERT_EQ(madvise(p, size, MADV_DONTFORK), 0);
	size = get_number("/proc/meminfo", "MemFree") * KB - 128 * MB;
	p = map_more(size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(madvise(p, size, MADV_HUGEPAGE), 0);
	ASSERT_EQ(madvise(p, size, MADV_DONTFORK), 0);
	touch(p, size);
	/* Until there is no page cache to speak of. */
	ASSERT_TRUE(use_up(&without, MPOL_DEFAULT, 0, false));
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		for (tries = 0; tries < 3; tries++) {
			/* To prefer one node and nothing besides is to prefer none. */
			if (modes[i] == MPOL_PREFERRED) {
				ASSERT_TRUE(use_up(&without, MPOL_DEFAULT, 0, false));
				ASSERT_TRUE(use_up(&with, MPOL_PREFERRED, P, false));
			} else {
				ASSERT_TRUE(use_up(&without, modes[i], ordinary, false));
				ASSERT_TRUE(use_up(&with, modes[i], P | ordinary, false));
			}
			EXPECT_EQ(without.kills, 1);
			EXPECT_EQ(with.kills, 1);
			if (with.stalls <= 2 * without.stalls + 8)
				break;
			TH_LOG("policy %d: %ld stalls without the node, %ld with it", modes[i],
			       without.stalls, with.stalls);
		}
		EXPECT_LT(tries, 3);
	}
}

/* What the score of a task is adjusted by is a part of ordinary memory. */
TEST_F_TIMEOUT(knob, oom_adjusted, LONG)
{
	long dram = get_number(NODE "node0/meminfo", "MemTotal") * KB;
	size_t size = free_pages() * page + 2048 * MB, few = 16 * MB;
	long unused, adj, kills;
	pid_t bystander, hog;
	char *p;

	if (dax.nid < 2 || dram <= 0 || dram > 1024L * MB)
		SKIP(return, "it needs a small ordinary node to use up");
	swap_off();
	self->swap = false;
	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	/* So much that it is not worth what is free, but would be with the node's. */
	unused = get_number(NODE "node0/meminfo", "MemFree") * KB;
	adj = (unused / 2 - (long)few) / (dram / 1000);
	if (adj <= 0 || adj * ((dram + free_pages() * (long)page) / 1000) < unused)
		SKIP(return, "too little is free on node 0");
	kills = vm_count("oom_kill");
	bystander = start_bystander(NULL, few, adj);
	ASSERT_GT(bystander, 0);
	hog = fork();
	if (!hog) {
		p = map_more(size);
		if (p == MAP_FAILED || sys_mbind(p, size, MPOL_BIND, 1 | 1UL << dax.nid, 0))
			_exit(1);
		huge_at_first(p, free_pages() * page);
		_exit(touch(p, size) != (long)(size / page));
	}
	EXPECT_EQ(wait_child(hog), 128 + SIGKILL);
	EXPECT_EQ(vm_count("oom_kill"), kills + 1);
	EXPECT_EQ(waitpid(bystander, NULL, WNOHANG), 0)
		TH_LOG("somebody was killed for %ld thousandths of what is private", adj);
	kill(bystander, SIGKILL);
	wait_child(bystander);
}

/* A control group is charged for it: there it counts. */
TEST_F_TIMEOUT(knob, oom_group, LONG)
{
	size_t large = 48 * MB, small = 24 * MB;
	int ready[2], go[2], status, tries;
	pid_t holder, other;
	char c, *p;

	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	swap_off();
	if (enter_cgroup())
		SKIP(return, "no control groups");
	ASSERT_EQ(pipe(ready), 0);
	ASSERT_EQ(pipe(go), 0);
	holder = fork();
	if (!holder) {
		p = map_dax(large);
		if (p == MAP_FAILED || touch(p, large) != (long)(large / page))
			_exit(1);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		pause();
	}
	other = fork();
	if (!other) {
		if (read(go[0], &c, 1) != 1)
			_exit(1);
		p = map_anon(small);
		_exit(p == MAP_FAILED || touch(p, small) != (long)(small / page));
	}
	ASSERT_EQ(read(ready[0], &c, 1), 1);
	ASSERT_EQ(put_text(CGROUP GROUP "/memory.max", "60M"), 0);
	ASSERT_EQ(write(go[1], "", 1), 1);
	/*
	 * Who has most of what the group is charged for. Were it the other one,
	 * that would be enough, and the holder would stay.
	 */
	wait_child(other);
	for (tries = 0; tries < 100 && !waitpid(holder, &status, WNOHANG); tries++)
		usleep(50000);
	EXPECT_LT(tries, 100);
	kill(holder, SIGKILL);
	put_text(CGROUP GROUP "/memory.max", "max");
}

/*
 * What a group may not be charged is no page that the node has not: it is waited for,
 * as for any other memory, where nobody can be killed.
 */
TEST_F_TIMEOUT(knob, oom_charge, LONG)
{
	size_t size = 32 * MB;
	pid_t pid;
	int tries;
	char *p;

	swap_off();
	self->swap = false;
	if (enter_cgroup() || other_cgroup())
		SKIP(return, "no control groups");
	put_text(OTHER "/cpuset.mems", "\n");
	ASSERT_EQ(put_text(OTHER "/memory.max", "16M"), 0);
	pid = fork();
	if (!pid) {
		if (put_text("/proc/self/oom_score_adj", "-1000") ||
		    put_text(OTHER "/cgroup.procs", "0"))
			_exit(1);
		p = map_dax_of(size, false);
		_exit(p == MAP_FAILED ? 2 : touch(p, size) == (long)(size / page) ? 0 : 3);
	}
	for (tries = 0; tries < 400 && !get_number(OTHER "/memory.events", "oom"); tries++)
		usleep(50000);
	usleep(100000);
	EXPECT_GT(free_pages(), 0);
	EXPECT_EQ(waitpid(pid, NULL, WNOHANG), 0);
	ASSERT_EQ(put_text(OTHER "/memory.max", "max"), 0);
	EXPECT_EQ(wait_child(pid), 0);
	rmdir(OTHER);
}

int main(int argc, char **argv)
{
	need_dax();
	return test_harness_run(argc, argv);
}
