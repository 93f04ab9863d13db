// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel says of a private node: counters of who was served and who was refused,
 * uevents, tracepoints. Each says what it is for, once, and nothing else does.
 */

#include "kselftest_harness.h"
#include "anondax.h"
#include <linux/netlink.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define PRIVATE		bit(dax.nid)
#define ORDINARY	(dax.nid ? 1UL : 2UL)
#define NOBODY		65534
#define MOUNT		"/tmp/anondax-mnt"
#define TRACING		"/sys/kernel/tracing/"
#define EVENTS		TRACING "events/node_private/"

/* In the order of the file. */
enum {
	ALLOC_OWNER, ALLOC_DAX, ALLOC_MBIND, ALLOC_SHMEM, ALLOC_MIGRATE, SWAP_IN, DEMOTE_IN,
	BALANCE_OUT, REFUSED_FULL, REFUSED_KNOB, REFUSED_CPUSET, REFUSED_CLAIM, FAULT_SIGBUS,
	UNPLUG_FAILED, COUNTERS
};

static const char * const counters[COUNTERS] = {
	"alloc_owner", "alloc_dax", "alloc_mbind", "alloc_shmem", "alloc_migrate", "swap_in",
	"demote_in", "numa_balance_out", "refused_full", "refused_knob", "refused_cpuset",
	"refused_claim", "fault_sigbus", "unplug_failed",
};

struct stat_of {
	long count[COUNTERS];
};

static const char *node_file(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), NODE "node%d/%s", dax.nid, name);
	return path;
}

static void read_stat(struct stat_of *s)
{
	int i;

	for (i = 0; i < COUNTERS; i++)
		s->count[i] = node_stat(counters[i]);
}

/* The first of all but some that has changed, or NULL. */
static const char *other_changed(const struct stat_of *was, unsigned long expected)
{
	struct stat_of is;
	int i;

	read_stat(&is);
	for (i = 0; i < COUNTERS; i++) {
		if (!(expected & bit(i)) && is.count[i] != was->count[i])
			return counters[i];
	}
	return NULL;
}

static long counted(const struct stat_of *was, int counter)
{
	return node_stat(counters[counter]) - was->count[counter];
}

static void *map_shared(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static void *map_dax_shared(size_t size)
{
	int fd = open(dax.path, O_RDWR | O_CLOEXEC);
	void *p;

	if (fd < 0)
		return MAP_FAILED;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return p;
}

FIXTURE(stat)
{
	struct changes changes;
	struct stat_of was;
	bool swap;
};

FIXTURE_SETUP(stat)
{
	self->changes.nr = 0;
	change(&self->changes, THP "enabled", "madvise");
	ASSERT_EQ(set_state("unplugged"), 0);
	set_all_knobs("0");
	ASSERT_EQ(set_state("online_movable"), 0);
	catch_sigbus();
	self->swap = !swap_on();
	read_stat(&self->was);
}

FIXTURE_TEARDOWN_PARENT(stat)
{
	sys_set_mempolicy(MPOL_DEFAULT, 0);
	umount(MOUNT);
	restore(&self->changes);
	swap_off();
	set_all_knobs("0");
	EXPECT_EQ(set_state("unplugged"), 0);
}

#define ONLY(...)							\
do {									\
	const char *other = other_changed(&self->was, __VA_ARGS__);	\
									\
	EXPECT_EQ(other, NULL)						\
		TH_LOG("%s has changed too", other ?: "");			\
} while (0)

/* They come with the claim, as it has them, and go with it: the next one starts anew. */
TEST_F_TIMEOUT(stat, files, LONG)
{
	const struct stat_of zero = {};
	char owner[64], line[64];
	struct stat st;
	long value;
	int n = 0;
	void *p;
	FILE *f;

	EXPECT_EQ(memcmp(&self->was, &zero, sizeof(zero)), 0);
	ASSERT_EQ(get_text(node_file("private_owner"), owner, sizeof(owner)), 0);
	EXPECT_STREQ(owner, "anondax");
	ASSERT_EQ(stat(node_file("private_stat"), &st), 0);
	EXPECT_EQ(st.st_mode & 07777, 0444);
	ASSERT_EQ(stat(node_file("private_owner"), &st), 0);
	EXPECT_EQ(st.st_mode & 07777, 0444);
	f = fopen(node_file("private_stat"), "re");
	ASSERT_NE(f, NULL);
	while (fscanf(f, "%63s %ld", line, &value) == 2) {
		ASSERT_LT(n, COUNTERS);
		EXPECT_STREQ(line, counters[n]);
		n++;
	}
	fclose(f);
	EXPECT_EQ(n, COUNTERS);
	/* Of this node, and of no other. */
	EXPECT_NE(access(NODE "node0/private_stat", F_OK), 0);
	EXPECT_NE(access(NODE "node0/private_owner", F_OK), 0);

	p = map_dax(MB);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(touch(p, MB), (long)(MB / page));
	EXPECT_GT(counted(&self->was, ALLOC_DAX), 0);
	munmap(p, MB);
	ASSERT_EQ(set_state("unplugged"), 0);
	EXPECT_NE(access(node_file("private_stat"), F_OK), 0);
	EXPECT_NE(access(node_file("private_owner"), F_OK), 0);
	ASSERT_EQ(set_state("online_kernel"), 0);
	ONLY(0);
}

/* Everything that has nothing to do with the node, by whomever. */
TEST_F_TIMEOUT(stat, ordinary, LONG)
{
	size_t size = 4 * MB;
	char *p, *q;
	pid_t pid;
	int fd;

	set_all_knobs("1");
	ASSERT_EQ(set_knob("cpuset", "0"), 0);
	pid = fork();
	if (!pid) {
		if (setgid(NOBODY) || setuid(NOBODY))
			_exit(1);
		/* Who may not have the device asks in vain, and it is no refusal of the node's. */
		if (open(dax.path, O_RDWR) >= 0 || errno != EACCES)
			_exit(2);
		p = map_anon(size);
		q = map_shared(size);
		if (p == MAP_FAILED || q == MAP_FAILED)
			_exit(3);
		madvise(p, size, MADV_HUGEPAGE);
		if (touch(p, size) != (long)(size / page) || touch(q, size) != (long)(size / page))
			_exit(4);
		/* To where it may go, and where there is nothing. */
		if (sys_mbind(p, size, MPOL_BIND, ORDINARY, MPOL_MF_MOVE) ||
		    sys_set_mempolicy(MPOL_INTERLEAVE, 3 & ~PRIVATE) ||
		    !sys_mbind(p, size, MPOL_BIND, bit(40), 0))
			_exit(5);
		fd = memfd_create("anondax", 0);
		if (fd < 0 || ftruncate(fd, size) || pwrite(fd, p, size, 0) != (ssize_t)size)
			_exit(6);
		_exit(0);
	}
	EXPECT_EQ(wait_child(pid), 0);
	if (self->swap) {
		p = map_anon(size);
		ASSERT_NE(p, MAP_FAILED);
		fill(p, size, 3);
		madvise(p, size, MADV_PAGEOUT);
		EXPECT_TRUE(filled(p, size, 3));
	}
	ONLY(0);
}

/* A user who names the node is served, or refused, as anybody is: and counted. */
TEST_F_TIMEOUT(stat, user, LONG)
{
	size_t size = MB;
	pid_t pid;
	void *p;
	int on;

	for (on = 0; on < 2; on++) {
		ASSERT_EQ(set_knob("mbind", on ? "1" : "0"), 0);
		pid = fork();
		if (!pid) {
			if (setgid(NOBODY) || setuid(NOBODY))
				_exit(1);
			p = map_anon(size);
			if ((sys_mbind(p, size, MPOL_BIND, PRIVATE, 0) == 0) != on)
				_exit(2);
			_exit(touch(p, size) != (long)(size / page));
		}
		EXPECT_EQ(wait_child(pid), 0);
		EXPECT_EQ(counted(&self->was, REFUSED_KNOB), 1);
		EXPECT_EQ(counted(&self->was, ALLOC_MBIND), on ? (long)(size / page) : 0);
	}
	ONLY(bit(REFUSED_KNOB) | bit(ALLOC_MBIND));
}

TEST_F_TIMEOUT(stat, device, LONG)
{
	size_t size = 2 * MB;
	char *p, *q, *huge;
	pid_t pid;

	p = map_dax(size);
	q = map_dax_shared(size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_NE(q, MAP_FAILED);
	ONLY(0);
	ASSERT_EQ(touch(p, size), (long)(size / page));
	EXPECT_EQ(counted(&self->was, ALLOC_DAX), (long)(size / page));
	/* What is there is not had again; a copy is. */
	ASSERT_EQ(touch(p, size), (long)(size / page));
	EXPECT_EQ(counted(&self->was, ALLOC_DAX), (long)(size / page));
	pid = fork();
	if (!pid)
		_exit(touch(p, MB) != (long)(MB / page));
	EXPECT_EQ(wait_child(pid), 0);
	EXPECT_EQ(counted(&self->was, ALLOC_DAX), (long)((size + MB) / page));
	read_stat(&self->was);

	ASSERT_EQ(touch(q, size), (long)(size / page));
	EXPECT_EQ(counted(&self->was, ALLOC_DAX), (long)(size / page));
	ONLY(bit(ALLOC_DAX));

	/* In pages, of whatever size the folio is. */
	read_stat(&self->was);
	huge = map_dax_huge(PMD);
	ASSERT_NE(huge, MAP_FAILED);
	*huge = 1;
	EXPECT_EQ(counted(&self->was, ALLOC_DAX), (long)(PMD / page));
	ONLY(bit(ALLOC_DAX));
}

TEST_F_TIMEOUT(stat, mbind, LONG)
{
	size_t size = MB;
	char *p, *q, *r;

	p = map_anon(size);
	q = map_anon(size);
	r = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_NE(q, MAP_FAILED);
	ASSERT_NE(r, MAP_FAILED);
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, PRIVATE, 0), -EINVAL);
	EXPECT_EQ(counted(&self->was, REFUSED_KNOB), 1);
	ONLY(bit(REFUSED_KNOB));

	ASSERT_EQ(set_knob("mbind", "1"), 0);
	read_stat(&self->was);
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, PRIVATE, 0), 0);
	ASSERT_EQ(sys_mbind(q, size, MPOL_PREFERRED, PRIVATE, 0), 0);
	ONLY(0);
	ASSERT_EQ(touch(p, size), (long)(size / page));
	EXPECT_EQ(counted(&self->was, ALLOC_MBIND), (long)(size / page));
	/* It goes the way of policies that name several nodes. */
	ASSERT_EQ(touch(q, size), (long)(size / page));
	EXPECT_EQ(counted(&self->was, ALLOC_MBIND), (long)(2 * size / page));
	/* Of two nodes, what comes from this one. */
	ASSERT_EQ(sys_mbind(r, size, MPOL_INTERLEAVE, PRIVATE | ORDINARY, 0), 0);
	ASSERT_EQ(touch(r, size), (long)(size / page));
	EXPECT_EQ(counted(&self->was, ALLOC_MBIND), (long)(2 * size / page) +
		  count_on(r, size, dax.nid));
	ONLY(bit(ALLOC_MBIND));

	/* A policy that is there already: each allocation by it is refused. */
	ASSERT_EQ(madvise(p, size, MADV_DONTNEED), 0);
	ASSERT_EQ(set_knob("mbind", "0"), 0);
	read_stat(&self->was);
	ASSERT_EQ(touch(p, size), (long)(size / page));
	EXPECT_EQ(count_on(p, size, dax.nid), 0);
	EXPECT_EQ(counted(&self->was, REFUSED_KNOB), (long)(size / page));
	ONLY(bit(REFUSED_KNOB));

	/* A policy for shared memory is none for this kind: once, of however many mappings. */
	ASSERT_EQ(set_knob("shmem", "1"), 0);
	read_stat(&self->was);
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, PRIVATE, 0), -EINVAL);
	EXPECT_EQ(counted(&self->was, REFUSED_KNOB), 1);
	ASSERT_EQ(mprotect(p + 16 * page, 16 * page, PROT_READ), 0);
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, PRIVATE | ORDINARY, 0), 0);
	EXPECT_EQ(counted(&self->was, REFUSED_KNOB), 2);
	ONLY(bit(REFUSED_KNOB));
}

static int migrate_from(unsigned long from, unsigned long to)
{
	return failed(syscall(__NR_migrate_pages, 0, 64UL, &from, &to));
}

/* A system call that names it is refused once, and a page that may not come once each. */
TEST_F_TIMEOUT(stat, calls, LONG)
{
	const long nr = 16;
	char *p, *q;

	p = map_anon(nr * page);
	q = map_shared(nr * page);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_NE(q, MAP_FAILED);
	fill(p, nr * page, 2);
	fill(q, nr * page, 2);
	EXPECT_EQ(move_to(p, nr * page, dax.nid), -ENODEV);
	EXPECT_EQ(migrate_from(ORDINARY, PRIVATE), -EINVAL);
	EXPECT_EQ(counted(&self->was, REFUSED_KNOB), 2);
	ONLY(bit(REFUSED_KNOB));

	ASSERT_EQ(set_knob("mbind", "1"), 0);
	read_stat(&self->was);
	EXPECT_EQ(move_to(q, nr * page, dax.nid), -EINVAL);
	EXPECT_EQ(counted(&self->was, REFUSED_KNOB), nr);
	ONLY(bit(REFUSED_KNOB));
	ASSERT_EQ(move_to(p, nr * page, dax.nid), 0);
	EXPECT_EQ(counted(&self->was, ALLOC_MIGRATE), nr);
	/* Not off it: that is no refusal of the node's. */
	ASSERT_EQ(set_knob("mbind", "0"), 0);
	EXPECT_EQ(move_to(p, nr * page, dax.nid ? 0 : 1), -EACCES);
	EXPECT_EQ(counted(&self->was, REFUSED_KNOB), nr);
	ONLY(bit(REFUSED_KNOB) | bit(ALLOC_MIGRATE));

	ASSERT_EQ(set_knob("mbind", "1"), 0);
	ASSERT_EQ(set_knob("cpuset", "1"), 0);
	read_stat(&self->was);
	EXPECT_EQ(move_to(q, nr * page, dax.nid), -EACCES);
	EXPECT_EQ(counted(&self->was, REFUSED_CPUSET), 1);
	EXPECT_EQ(migrate_from(ORDINARY, PRIVATE), -EINVAL);
	EXPECT_EQ(counted(&self->was, REFUSED_CPUSET), 2);
	ONLY(bit(REFUSED_CPUSET));
}

/* Small pages of a mapping that become a huge one. */
TEST_F_TIMEOUT(stat, collapse, LONG)
{
	char *p;

	p = map_dax_huge(PMD);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(madvise(p, PMD, MADV_NOHUGEPAGE), 0);
	fill(p, PMD, 3);
	ASSERT_EQ(madvise(p, PMD, MADV_HUGEPAGE), 0);
	ASSERT_EQ(set_knob("madvise", "1"), 0);
	read_stat(&self->was);
	ASSERT_EQ(madvise(p, PMD, MADV_COLLAPSE), 0);
	EXPECT_EQ(counted(&self->was, ALLOC_MIGRATE), (long)(PMD / page));
	EXPECT_TRUE(filled(p, PMD, 3));
	ONLY(bit(ALLOC_MIGRATE));
}

TEST_F_TIMEOUT(stat, cpuset, LONG)
{
	size_t size = MB;
	char *p;

	ASSERT_EQ(set_knob("mbind", "1"), 0);
	p = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, PRIVATE, 0), 0);
	/* Nobody has granted it. */
	ASSERT_EQ(set_knob("cpuset", "1"), 0);
	read_stat(&self->was);
	EXPECT_EQ(sys_mbind(p, size, MPOL_BIND, PRIVATE, 0), -EINVAL);
	EXPECT_EQ(counted(&self->was, REFUSED_CPUSET), 1);
	ASSERT_EQ(touch(p, size), (long)(size / page));
	EXPECT_EQ(counted(&self->was, REFUSED_CPUSET), 1 + (long)(size / page));
	ONLY(bit(REFUSED_CPUSET));
	/* With the service off it is that. */
	ASSERT_EQ(set_knob("mbind", "0"), 0);
	EXPECT_EQ(sys_mbind(p, size, MPOL_BIND, PRIVATE, 0), -EINVAL);
	EXPECT_EQ(counted(&self->was, REFUSED_CPUSET), 1 + (long)(size / page));
	EXPECT_EQ(counted(&self->was, REFUSED_KNOB), 1);
	ONLY(bit(REFUSED_CPUSET) | bit(REFUSED_KNOB));
}

TEST_F_TIMEOUT(stat, shmem, LONG)
{
	size_t size = MB;
	char *p, options[64];
	int fd;

	p = map_shared(size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, PRIVATE, 0), -EINVAL);
	EXPECT_EQ(counted(&self->was, REFUSED_KNOB), 1);
	mkdir(MOUNT, 0755);
	snprintf(options, sizeof(options), "mpol=bind:%d", dax.nid);
	EXPECT_NE(mount("anondax", MOUNT, "tmpfs", 0, options), 0);
	EXPECT_EQ(counted(&self->was, REFUSED_KNOB), 2);
	ONLY(bit(REFUSED_KNOB));

	ASSERT_EQ(set_knob("shmem", "1"), 0);
	read_stat(&self->was);
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, PRIVATE, 0), 0);
	ASSERT_EQ(touch(p, size), (long)(size / page));
	EXPECT_EQ(counted(&self->was, ALLOC_SHMEM), (long)(size / page));
	ONLY(bit(ALLOC_SHMEM));

	/* A file that has nothing yet asks for nothing; what is written to it does. */
	ASSERT_EQ(mount("anondax", MOUNT, "tmpfs", 0, options), 0);
	ASSERT_EQ(set_knob("shmem", "0"), 0);
	read_stat(&self->was);
	fd = open(MOUNT "/file", O_RDWR | O_CREAT, 0600);
	ASSERT_GE(fd, 0);
	ONLY(0);
	ASSERT_EQ(write(fd, "x", 1), 1);
	close(fd);
	ONLY(0);
	ASSERT_EQ(set_knob("shmem", "1"), 0);
	fd = open(MOUNT "/other", O_RDWR | O_CREAT, 0600);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(set_knob("shmem", "0"), 0);
	ONLY(0);
	ASSERT_EQ(write(fd, "x", 1), 1);
	EXPECT_EQ(counted(&self->was, REFUSED_KNOB), 1);
	close(fd);
	ONLY(bit(REFUSED_KNOB));
}

/*
 * Somebody who is given ordinary memory, for what the node has is no memory of that kind:
 * it is not full.
 */
TEST_F_TIMEOUT(stat, no_such_zone, LONG)
{
	size_t size = 64 * page;
	int ring = open_ring();
	char *p;

	if (ring < 0)
		SKIP(return, "no io_uring");
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	p = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(sys_mbind(p, size, MPOL_PREFERRED, PRIVATE, 0), 0);
	ASSERT_EQ(fix_buffer(ring, p, size), 0);
	EXPECT_EQ(count_on(p, size, dax.nid), 0);
	ONLY(0);
	close(ring);
}

/* Nor is it while it is being unplugged. Nor has that failed for who gave it up. */
TEST_F_TIMEOUT(stat, leaving, LONG)
{
	atomic_long *touched;
	pid_t toucher, writer;
	size_t rest, size = 48 * MB;
	char *all, *p;
	long there, moved;

	touched = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(touched, MAP_FAILED);
	/* That takes a while to move; and somebody who needs what is left, wherever it is. */
	all = map_anon(size);
	ASSERT_NE(all, MAP_FAILED);
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	ASSERT_EQ(sys_mbind(all, size, MPOL_BIND, PRIVATE, 0), 0);
	ASSERT_EQ(madvise(all, size, MADV_NOHUGEPAGE), 0);
	ASSERT_TRUE(take_all_but(size + 2 * PMD));
	ASSERT_EQ(touch(all, size), (long)(size / page));
	rest = (settled_free_pages() - 64) * page;
	p = map_anon(rest);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(sys_mbind(p, rest, MPOL_BIND, PRIVATE, 0), 0);
	ASSERT_EQ(madvise(p, rest, MADV_NOHUGEPAGE), 0);
	read_stat(&self->was);
	toucher = fork();
	if (!toucher) {
		for (;; (*touched)++) {
			madvise(p, rest, MADV_DONTNEED);
			if (touch(p, rest) != (long)(rest / page))
				_exit(1);
		}
	}
	while (*touched < 2)
		usleep(1000);
	moved = vm_count("pgmigrate_success");
	writer = fork();
	if (!writer) {
		/* It is there by then: the signal is nothing to who has not begun. */
		put_text(dax.hotplug, "unplugged");
		_exit(0);
	}
	/* Until it has begun to move them: to look at each takes longer than to move them all. */
	do {
		usleep(1000);
	} while (get_number("/proc/vmstat", "pgmigrate_success") == moved);
	kill(writer, SIGKILL);
	EXPECT_EQ(wait_child(writer), 128 + SIGKILL);
	ASSERT_TRUE(is_state("online_movable"));
	there = *touched;
	while (*touched < there + 2)
		usleep(1000);
	kill(toucher, SIGKILL);
	EXPECT_EQ(wait_child(toucher), 128 + SIGKILL);
	ONLY(bit(ALLOC_MBIND));
}

/* A fault that gets no page of a full node, by whatever it was to be had. */
TEST_F_TIMEOUT(stat, full, LONG)
{
	char *all, *p, *q, options[64];
	struct stat_of was;
	size_t size = PMD;
	int fd, i;

	ASSERT_EQ(set_knob("mbind", "1"), 0);
	ASSERT_EQ(set_knob("shmem", "1"), 0);
	p = map_anon(size);
	q = map_shared(size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_NE(q, MAP_FAILED);
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, PRIVATE, 0), 0);
	ASSERT_EQ(sys_mbind(q, size, MPOL_BIND, PRIVATE, 0), 0);
	ASSERT_GT(fill_node(&all, free_pages() * page + PMD), 0);
	/* That was the first: of the device. */
	EXPECT_EQ(counted(&self->was, FAULT_SIGBUS), 1);
	EXPECT_GT(counted(&self->was, REFUSED_FULL), 0);
	ONLY(bit(ALLOC_DAX) | bit(FAULT_SIGBUS) | bit(REFUSED_FULL));

	/* Small pages: it looks twice whether one is left, which is not to ask for one. */
	ASSERT_EQ(madvise(p, size, MADV_NOHUGEPAGE), 0);
	ASSERT_EQ(madvise(q, size, MADV_NOHUGEPAGE), 0);
	touch(p, size);
	touch(q, size);
	read_stat(&self->was);
	EXPECT_LT(touch(p, size), (long)(size / page));
	EXPECT_EQ(counted(&self->was, FAULT_SIGBUS), 1);
	EXPECT_EQ(counted(&self->was, REFUSED_FULL), 1);
	EXPECT_LT(touch(q, size), (long)(size / page));
	EXPECT_EQ(counted(&self->was, FAULT_SIGBUS), 2);
	EXPECT_EQ(counted(&self->was, REFUSED_FULL), 2);
	ONLY(bit(ALLOC_MBIND) | bit(ALLOC_SHMEM) | bit(FAULT_SIGBUS) | bit(REFUSED_FULL));

	/* Who only prefers it gets ordinary memory: the node is full, and no fault refused. */
	ASSERT_EQ(sys_mbind(p, size, MPOL_PREFERRED, PRIVATE, 0), 0);
	read_stat(&self->was);
	ASSERT_EQ(touch(p, size), (long)(size / page));
	EXPECT_GT(counted(&self->was, REFUSED_FULL), 0);
	ONLY(bit(ALLOC_MBIND) | bit(REFUSED_FULL));

	/* A tmpfs that is full itself is nothing to the node. */
	ASSERT_EQ(munmap(all + PMD, 8 * PMD), 0);
	settle();
	mkdir(MOUNT, 0755);
	snprintf(options, sizeof(options), "size=64k,mpol=bind:%d", dax.nid);
	ASSERT_EQ(mount("anondax", MOUNT, "tmpfs", 0, options), 0);
	fd = open(MOUNT "/file", O_RDWR | O_CREAT, 0600);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(ftruncate(fd, MB), 0);
	q = mmap(NULL, MB, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ASSERT_NE(q, MAP_FAILED);
	read_stat(&was);
	EXPECT_EQ(touch(q, MB), (long)(64 * KB / page));
	for (i = 0; i < 100; i++)
		EXPECT_EQ(touch(q + 64 * KB + i * page, page), 0);
	EXPECT_EQ(counted(&was, FAULT_SIGBUS), 0);
	EXPECT_EQ(counted(&was, REFUSED_FULL), 0);
	/* It has a page before it looks whether that is one too many, and gives it back. */
	EXPECT_EQ(counted(&was, ALLOC_SHMEM), (long)(64 * KB / page) + 1 + 100);
	close(fd);
	munmap(q, MB);
}

/* Whom the claim before had let in: once a fault, whatever it tries, and at once. */
TEST_F_TIMEOUT(stat, claim, LONG)
{
	const int nr = 16;
	struct rusage before, after;
	char *p, *q, *huge;
	int i;

	p = map_dax(MB);
	q = map_dax_shared(MB);
	huge = map_dax_huge(PMD);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_NE(q, MAP_FAILED);
	ASSERT_NE(huge, MAP_FAILED);
	ASSERT_EQ(touch(p, page), 1);
	ASSERT_EQ(touch(q, page), 1);
	ASSERT_EQ(set_state("unplugged"), 0);
	ASSERT_EQ(set_state("online"), 0);
	read_stat(&self->was);
	EXPECT_EQ(touch(p, MB), 1);
	EXPECT_EQ(counted(&self->was, REFUSED_CLAIM), 1);
	EXPECT_EQ(counted(&self->was, FAULT_SIGBUS), 1);
	EXPECT_EQ(touch(huge, PMD), 0);
	EXPECT_EQ(counted(&self->was, REFUSED_CLAIM), 2);
	EXPECT_EQ(counted(&self->was, FAULT_SIGBUS), 2);
	getrusage(RUSAGE_SELF, &before);
	for (i = 1; i <= nr; i++)
		EXPECT_EQ(touch(q + i * page, page), 0);
	getrusage(RUSAGE_SELF, &after);
	EXPECT_EQ(counted(&self->was, REFUSED_CLAIM), 2 + nr);
	EXPECT_EQ(counted(&self->was, FAULT_SIGBUS), 2 + nr);
	EXPECT_LT(after.ru_nvcsw - before.ru_nvcsw, nr);
	ONLY(bit(REFUSED_CLAIM) | bit(FAULT_SIGBUS));
}

/* What demotion brings of somebody who never named the node. */
TEST_F_TIMEOUT(stat, demotion, LONG)
{
	size_t size = 8 * MB;
	long there, i;
	char *p;

	if (!self->swap || enter_cgroup())
		SKIP(return, "no swap, or no control groups");
	ASSERT_EQ(change(&self->changes, DEMOTE, "true"), 0);
	p = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, ORDINARY, 0), 0);
	fill(p, size, 9);
	settle();
	reclaim_group("2M");
	ONLY(0);

	ASSERT_EQ(set_knob("demotion", "1"), 0);
	for (i = 0; i < 200 && !count_on(p, size, dax.nid); i++)
		reclaim_group("4M");
	there = count_on(p, size, dax.nid);
	EXPECT_GT(there, 0);
	/* Other tasks of the group have pages, too. */
	EXPECT_GE(counted(&self->was, DEMOTE_IN), there);
	EXPECT_GE(counted(&self->was, ALLOC_MIGRATE), counted(&self->was, DEMOTE_IN));
	ONLY(bit(DEMOTE_IN) | bit(ALLOC_MIGRATE));

	ASSERT_EQ(set_knob("demotion", "0"), 0);
	read_stat(&self->was);
	fill(p, size, 10);
	settle();
	reclaim_group("4M");
	ONLY(bit(SWAP_IN));
}

TEST_F_TIMEOUT(stat, move_pages, LONG)
{
	size_t size = MB;
	char *p;

	p = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, size, 4);
	EXPECT_EQ(move_to(p, size, dax.nid), -ENODEV);
	EXPECT_EQ(counted(&self->was, REFUSED_KNOB), 1);
	ONLY(bit(REFUSED_KNOB));
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	ASSERT_EQ(move_to(p, size, dax.nid), 0);
	EXPECT_EQ(counted(&self->was, ALLOC_MIGRATE), (long)(size / page));
	/* Away from it is nothing. */
	ASSERT_EQ(move_to(p, size, dax.nid ? 0 : 1), 0);
	ONLY(bit(REFUSED_KNOB) | bit(ALLOC_MIGRATE));
}

TEST_F_TIMEOUT(stat, swap, LONG)
{
	size_t size = MB;
	char *p;

	if (!self->swap || enter_cgroup())
		SKIP(return, "no swap, or no control groups");
	ASSERT_EQ(set_knob("madvise", "1"), 0);
	ASSERT_EQ(set_knob("reclaim", "1"), 0);
	p = map_dax(size);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, size, 5);
	settle();
	read_stat(&self->was);
	ASSERT_TRUE(swap_out(p, size));
	ONLY(0);
	EXPECT_TRUE(filled(p, size, 5));
	EXPECT_EQ(counted(&self->was, SWAP_IN), (long)(size / page));
	EXPECT_EQ(counted(&self->was, ALLOC_DAX), (long)(size / page));
	ONLY(bit(SWAP_IN) | bit(ALLOC_DAX));
}

/* An unplug that fails. */
TEST_F_TIMEOUT(stat, unplug, LONG)
{
	struct iovec iov;
	int fds[2];
	char *p;

	p = map_dax(page);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, page, 6);
	ASSERT_EQ(pipe(fds), 0);
	iov.iov_base = p;
	iov.iov_len = page;
	ASSERT_EQ(vmsplice(fds[1], &iov, 1, SPLICE_F_NONBLOCK), (ssize_t)page);
	EXPECT_EQ(put_text(dax.hotplug, "unplugged"), -EBUSY);
	EXPECT_EQ(counted(&self->was, UNPLUG_FAILED), 1);
	ONLY(bit(ALLOC_DAX) | bit(UNPLUG_FAILED));
	close(fds[0]);
	close(fds[1]);
}

/*
 * Uevents, as the kernel sends them
 */

FIXTURE(uevent)
{
	int fd;
};

/* The next one of the device, its strings joined by spaces; or an empty string. */
static const char *next_uevent(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	static char buf[4096];
	ssize_t n, i;

	while (poll(&pfd, 1, 200) > 0) {
		n = recv(fd, buf, sizeof(buf) - 1, 0);
		if (n <= 0)
			break;
		buf[n] = '\0';
		/* The first string is ACTION@PATH. */
		if (!strrchr(buf, '/') || strcmp(strrchr(buf, '/') + 1, dax.name))
			continue;
		for (i = 0; i < n - 1; i++) {
			if (!buf[i])
				buf[i] = ' ';
		}
		return buf;
	}
	return "";
}

static bool has_word(const char *line, const char *word)
{
	size_t len = strlen(word);
	const char *p = line;

	while ((p = strstr(p, word))) {
		if (p > line && p[-1] == ' ' && (!p[len] || p[len] == ' '))
			return true;
		p += len;
	}
	return false;
}

/* One that says this of the node, with the words of @what. And no other after it. */
static bool one_uevent(int fd, const char *what, const char *more)
{
	char node[16], line[4096];

	snprintf(node, sizeof(node), "NODE=%d", dax.nid);
	snprintf(line, sizeof(line), "%s", next_uevent(fd));
	if (has_word(line, "ACTION=change") && has_word(line, "SUBSYSTEM=dax") &&
	    has_word(line, node) && has_word(line, what) && (!more || has_word(line, more)) &&
	    !*next_uevent(fd))
		return true;
	ksft_print_msg("wanted %s, got '%s'\n", what, line);
	return false;
}

static bool no_uevent(int fd)
{
	const char *line = next_uevent(fd);

	if (*line)
		ksft_print_msg("got '%s'\n", line);
	return !*line;
}

FIXTURE_SETUP(uevent)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = 1 };

	ASSERT_EQ(set_state("unplugged"), 0);
	set_all_knobs("0");
	self->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(bind(self->fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
}

FIXTURE_TEARDOWN(uevent)
{
	close(self->fd);
	set_all_knobs("0");
	EXPECT_EQ(set_state("unplugged"), 0);
}

TEST_F_TIMEOUT(uevent, hotplug, LONG)
{
	static const char * const states[] = { "online", "online_kernel", "online_movable" };
	char what[64];
	struct iovec iov;
	int fds[2];
	size_t i;
	char *p;

	for (i = 0; i < ARRAY_SIZE(states); i++) {
		ASSERT_EQ(set_state(states[i]), 0);
		snprintf(what, sizeof(what), "HOTPLUG=%s", states[i]);
		EXPECT_TRUE(one_uevent(self->fd, what, NULL));
		/* It is so already; it cannot be; there is no such thing. */
		EXPECT_EQ(put_text(dax.hotplug, states[i]), 0);
		EXPECT_EQ(put_text(dax.hotplug, states[(i + 1) % 3]), -EBUSY);
		EXPECT_EQ(put_text(dax.hotplug, "offline"), -EINVAL);
		EXPECT_TRUE(no_uevent(self->fd));
		ASSERT_EQ(set_state("unplugged"), 0);
		EXPECT_TRUE(one_uevent(self->fd, "HOTPLUG=unplugged", NULL));
		EXPECT_EQ(put_text(dax.hotplug, "unplugged"), 0);
		EXPECT_TRUE(no_uevent(self->fd));
	}

	/* An unplug that fails has changed nothing. */
	ASSERT_EQ(set_state("online"), 0);
	EXPECT_TRUE(one_uevent(self->fd, "HOTPLUG=online", NULL));
	p = map_dax(page);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, page, 6);
	ASSERT_EQ(pipe(fds), 0);
	iov.iov_base = p;
	iov.iov_len = page;
	ASSERT_EQ(vmsplice(fds[1], &iov, 1, SPLICE_F_NONBLOCK), (ssize_t)page);
	EXPECT_EQ(put_text(dax.hotplug, "unplugged"), -EBUSY);
	EXPECT_TRUE(no_uevent(self->fd));
	close(fds[0]);
	close(fds[1]);
}

TEST_F_TIMEOUT(uevent, knobs, LONG)
{
	char what[64], text[32];
	int plugged, given;
	pid_t pid;
	size_t i;

	for (plugged = 0; plugged < 2; plugged++) {
		if (plugged) {
			ASSERT_EQ(set_state("online"), 0);
			EXPECT_TRUE(one_uevent(self->fd, "HOTPLUG=online", NULL));
		}
		for (i = 0; i < KNOBS; i++) {
			snprintf(what, sizeof(what), "KNOB=%s", knobs[i]);
			ASSERT_EQ(set_knob(knobs[i], "1"), 0);
			EXPECT_TRUE(one_uevent(self->fd, what, "VALUE=1"));
			ASSERT_EQ(set_knob(knobs[i], "1"), 0);
			EXPECT_EQ(set_knob(knobs[i], "2"), -EINVAL);
			EXPECT_TRUE(no_uevent(self->fd));
			ASSERT_EQ(set_knob(knobs[i], "0"), 0);
			EXPECT_TRUE(one_uevent(self->fd, what, "VALUE=0"));
		}
	}
	/* Who may not write changes nothing, and nobody hears of it. */
	pid = fork();
	if (!pid) {
		if (setgid(NOBODY) || setuid(NOBODY))
			_exit(1);
		_exit(set_knob("mbind", "1") != -EACCES || put_text(dax.hotplug, "unplugged") !=
		      -EACCES);
	}
	EXPECT_EQ(wait_child(pid), 0);
	EXPECT_EQ(set_knob("adistance", "700"), -EBUSY);
	EXPECT_TRUE(no_uevent(self->fd));

	ASSERT_EQ(set_state("unplugged"), 0);
	EXPECT_TRUE(one_uevent(self->fd, "HOTPLUG=unplugged", NULL));
	given = get_knob("adistance");
	ASSERT_EQ(set_knob("adistance", "701"), 0);
	EXPECT_TRUE(one_uevent(self->fd, "KNOB=adistance", "VALUE=701"));
	ASSERT_EQ(set_knob("adistance", "701"), 0);
	EXPECT_EQ(set_knob("adistance", "-1"), -EINVAL);
	EXPECT_TRUE(no_uevent(self->fd));
	snprintf(text, sizeof(text), "%d", given);
	ASSERT_EQ(set_knob("adistance", text), 0);
}

/* Memory that goes with the driver. */
TEST_F_TIMEOUT(uevent, unbind, LONG)
{
	char line[4096];

	ASSERT_EQ(set_state("online"), 0);
	EXPECT_TRUE(one_uevent(self->fd, "HOTPLUG=online", NULL));
	ASSERT_EQ(bind_driver("anondax", "unbind"), 0);
	snprintf(line, sizeof(line), "%s", next_uevent(self->fd));
	EXPECT_TRUE(has_word(line, "HOTPLUG=unplugged"));
	snprintf(line, sizeof(line), "%s", next_uevent(self->fd));
	EXPECT_TRUE(has_word(line, "ACTION=unbind"));
	ASSERT_EQ(bind_driver("anondax", "bind"), 0);
	snprintf(line, sizeof(line), "%s", next_uevent(self->fd));
	EXPECT_TRUE(has_word(line, "ACTION=bind"));
	EXPECT_TRUE(no_uevent(self->fd));
}

/*
 * Tracepoints
 */

FIXTURE(trace)
{
	struct changes changes;
	bool there;
};

/* How many lines of the trace, of a process or of any, have all these words? */
static int traced_by(pid_t who, const char *event, const char *words)
{
	char line[1024], pid[32] = "", name[64];
	int n = 0;
	FILE *f;

	if (who)
		snprintf(pid, sizeof(pid), "-%d ", who);
	snprintf(name, sizeof(name), " node_private_%s: ", event);
	f = fopen(TRACING "trace", "re");
	while (f && fgets(line, sizeof(line), f))
		n += strstr(line, pid) && strstr(line, name) && strstr(line, words);
	if (f)
		fclose(f);
	return n;
}

static int traced(const char *event, const char *words)
{
	return traced_by(getpid(), event, words);
}

FIXTURE_SETUP(trace)
{
	self->changes.nr = 0;
	change(&self->changes, THP "enabled", "madvise");
	ASSERT_EQ(set_state("unplugged"), 0);
	set_all_knobs("0");
	catch_sigbus();
	mount("none", "/sys/kernel/tracing", "tracefs", 0, NULL);
	self->there = !access(EVENTS "enable", F_OK);
	if (self->there) {
		/* To open it so empties it. */
		close(open(TRACING "trace", O_WRONLY | O_TRUNC | O_CLOEXEC));
		ASSERT_EQ(change(&self->changes, EVENTS "enable", "1"), 0);
	}
}

FIXTURE_TEARDOWN_PARENT(trace)
{
	if (!access(EVENTS "enable", F_OK))
		put_text(EVENTS "enable", "0");
	restore(&self->changes);
	set_all_knobs("0");
	EXPECT_EQ(set_state("unplugged"), 0);
}

TEST_F_TIMEOUT(trace, plug_and_knobs, LONG)
{
	char words[128];

	if (!self->there)
		SKIP(return, "no tracepoints");
	ASSERT_EQ(set_state("online_kernel"), 0);
	snprintf(words, sizeof(words), "nid=%d ", dax.nid);
	EXPECT_GE(traced("plug", words), 1);
	EXPECT_EQ(traced("plug", "as=online_kernel ret=0"), traced("plug", ""));
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	snprintf(words, sizeof(words), "nid=%d was= opts=mbind", dax.nid);
	EXPECT_EQ(traced("opts", words), 1);
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	EXPECT_EQ(traced("opts", ""), 1);
	ASSERT_EQ(set_knob("mbind", "0"), 0);
	EXPECT_EQ(traced("opts", "was=mbind opts="), 1);
	ASSERT_EQ(set_state("unplugged"), 0);
	EXPECT_EQ(traced("unplug", "ret=0"), 1);
	EXPECT_EQ(traced("unplug", ""), 1);
	EXPECT_EQ(traced("alloc", ""), 0);
	EXPECT_EQ(traced("refused", ""), 0);
}

#define INJECT		"/sys/kernel/debug/notifier-error-inject/memory/actions/MEM_GOING_ONLINE/error"

/* Memory that does not come online: it was plugged, in vain, and only then taken back. */
TEST_F_TIMEOUT(trace, taken_back, LONG)
{
	bool plug = false, unplug = false;
	char line[1024];
	FILE *f;

	if (!self->there)
		SKIP(return, "no tracepoints");
	if (system("modprobe memory-notifier-error-inject 2>/dev/null") ||
	    put_text(INJECT, "-12")) {
		system("modprobe -r memory-notifier-error-inject 2>/dev/null");
		SKIP(return, "no memory-notifier-error-inject");
	}
	EXPECT_LT(put_text(dax.hotplug, "online"), 0);
	EXPECT_EQ(system("modprobe -r memory-notifier-error-inject"), 0);
	f = fopen(TRACING "trace", "re");
	ASSERT_NE(f, NULL);
	while (fgets(line, sizeof(line), f)) {
		if (strstr(line, " node_private_plug: ")) {
			EXPECT_FALSE(plug);
			EXPECT_NE(strstr(line, "ret=-11"), NULL);
			plug = true;
		}
		if (strstr(line, " node_private_unplug: ")) {
			EXPECT_TRUE(plug);
			EXPECT_NE(strstr(line, "ret=0"), NULL);
			unplug = true;
		}
	}
	fclose(f);
	EXPECT_TRUE(unplug);
	EXPECT_TRUE(is_state("unplugged"));
}

/* Memory that was left behind goes with the last block that somebody takes offline. */
TEST_F_TIMEOUT(trace, left_behind, LONG)
{
	char path[PATH_MAX], words[64];
	int i, n = 0;
	long block;
	char *p;

	if (!self->there)
		SKIP(return, "no tracepoints");
	ASSERT_EQ(set_state("online_movable"), 0);
	p = map_dax(page);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, page, 8);
	ASSERT_EQ(bind_driver("anondax", "unbind"), 0);
	EXPECT_EQ(traced_by(0, "unplug", "ret=0"), 0);
	for (block = 0; block < 4096; block++) {
		snprintf(path, sizeof(path), NODE "node%d/memory%ld/state", dax.nid, block);
		if (!access(path, F_OK) && !put_text(path, "offline"))
			n++;
	}
	EXPECT_GT(n, 0);
	snprintf(words, sizeof(words), "nid=%d ", dax.nid);
	for (i = 0; i < 100 && !traced_by(0, "unplug", "ret=0"); i++)
		usleep(50000);
	EXPECT_GT(traced_by(0, "unplug", "ret=0"), 0);
	EXPECT_EQ(traced_by(0, "unplug", words), traced_by(0, "unplug", ""));
	EXPECT_TRUE(filled(p, page, 8));
	ASSERT_EQ(bind_driver("anondax", "bind"), 0);
	EXPECT_TRUE(is_state("unplugged"));
}

/* A fault of a mapping whose claim has ended has had nothing of the node. */
TEST_F_TIMEOUT(trace, claim, LONG)
{
	char *p;

	if (!self->there)
		SKIP(return, "no tracepoints");
	ASSERT_EQ(set_state("online_movable"), 0);
	p = map_dax(page);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(set_state("unplugged"), 0);
	ASSERT_EQ(set_state("online_movable"), 0);
	EXPECT_EQ(touch(p, page), 0);
	EXPECT_EQ(traced("refused", "reason=claim"), 1);
	EXPECT_EQ(traced("refused", ""), 1);
	EXPECT_EQ(traced("fault", ""), 1);
	EXPECT_EQ(traced("alloc", ""), 0);
}

TEST_F_TIMEOUT(trace, door, LONG)
{
	char words[128], *all, *p, *q;
	size_t size = 16 * page;
	struct stat_of was;

	if (!self->there)
		SKIP(return, "no tracepoints");
	ASSERT_EQ(set_state("online_movable"), 0);
	/* Nothing of what is ordinary, which is most of what happens. */
	p = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, size, 1);
	EXPECT_EQ(traced("alloc", ""), 0);

	q = map_dax(size);
	ASSERT_NE(q, MAP_FAILED);
	fill(q, size, 2);
	snprintf(words, sizeof(words), "nid=%d got=%d kind=dax order=0 gfp_flags=", dax.nid,
		 dax.nid);
	EXPECT_EQ(traced("alloc", words), (int)(size / page));
	EXPECT_EQ(sys_mbind(p, size, MPOL_BIND, PRIVATE, 0), -EINVAL);
	snprintf(words, sizeof(words), "nid=%d reason=knob", dax.nid);
	EXPECT_EQ(traced("refused", words), 1);
	EXPECT_EQ(traced("refused", ""), 1);

	ASSERT_EQ(set_knob("mbind", "1"), 0);
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, PRIVATE, MPOL_MF_MOVE), 0);
	EXPECT_GE(traced("alloc", "kind=mbind order=0"), (int)(size / page));
	ASSERT_EQ(move_to(p, size, dax.nid ? 0 : 1), 0);
	ASSERT_EQ(move_to(p, size, dax.nid), 0);
	EXPECT_EQ(traced("alloc", "kind=migrate"), (int)(size / page));

	/* Not the many that fill it. */
	ASSERT_EQ(put_text(EVENTS "enable", "0"), 0);
	ASSERT_GT(fill_node(&all, free_pages() * page + PMD), 0);
	EXPECT_EQ(traced("fault", ""), 0);
	ASSERT_EQ(put_text(EVENTS "enable", "1"), 0);
	read_stat(&was);
	p = map_dax(page);
	ASSERT_NE(p, MAP_FAILED);
	EXPECT_EQ(touch(p, page), 0);
	snprintf(words, sizeof(words), "nid=%d address=%#lx", dax.nid, (unsigned long)p);
	EXPECT_EQ(traced("fault", words), 1);
	EXPECT_EQ(traced("fault", ""), 1);
	snprintf(words, sizeof(words), "nid=%d got=-1 kind=dax", dax.nid);
	EXPECT_EQ(traced("alloc", words), 1);
	EXPECT_EQ(traced("refused", "reason=full"), (int)counted(&was, REFUSED_FULL));
}

int main(int argc, char **argv)
{
	need_dax();
	return test_harness_run(argc, argv);
}
