// SPDX-License-Identifier: GPL-2.0
/*
 * The knob shmem: shared memory and tmpfs whose policy names the node. And shared
 * mappings of the device, which need no knob.
 */

#include "anondax_knob.h"
#include <linux/falloc.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/socket.h>

#define MOUNT		"/tmp/anondax-mnt"
#define SHMEM_HUGE	THP "shmem_enabled"

#define PRIVATE		bit(dax.nid)
#define ORDINARY	(dax.nid ? 1UL : 2UL)

/* The four kinds of shared memory. The file of those that have one goes to @fd. */
enum kind { ANON, MEMFD, SYSV, TMPFS, KINDS };

static const char * const kind_names[] = { "anonymous", "memfd", "System V", "tmpfs" };

static void *map_fd(int fd, size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

static void *map_kind(enum kind kind, size_t size, int *fd)
{
	void *p = MAP_FAILED;
	int id;

	*fd = -1;
	switch (kind) {
	case ANON:
		return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	case SYSV:
		id = shmget(IPC_PRIVATE, size, IPC_CREAT | 0600);
		if (id >= 0) {
			p = shmat(id, NULL, 0);
			shmctl(id, IPC_RMID, NULL);
		}
		return p == (void *)-1 ? MAP_FAILED : p;
	case MEMFD:
		*fd = memfd_create("anondax", MFD_CLOEXEC);
		break;
	default:
		*fd = open(MOUNT, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
		break;
	}
	if (*fd >= 0 && !ftruncate(*fd, size))
		p = map_fd(*fd, size);
	return p;
}

static void unmap_kind(enum kind kind, void *p, size_t size, int fd)
{
	if (kind == SYSV)
		shmdt(p);
	else
		munmap(p, size);
	if (fd >= 0)
		close(fd);
}

static int mount_tmpfs(const char *options)
{
	mkdir(MOUNT, 0755);
	return failed(mount("anondax", MOUNT, "tmpfs", 0, options));
}

static void umount_tmpfs(void)
{
	umount2(MOUNT, MNT_DETACH);
	rmdir(MOUNT);
}

static int open_dax(void)
{
	return open(dax.path, O_RDWR | O_CLOEXEC);
}

static int punch(int fd, off_t offset, size_t size)
{
	return failed(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, size));
}

/* The knob itself: each kind, by a policy of the object and by the task's. */
TEST_F_TIMEOUT(knob, shmem, LONG)
{
	size_t size = 64 * page;
	enum kind kind;
	char *p, *q;
	pid_t pid;
	int fd;

	ASSERT_EQ(mount_tmpfs(NULL), 0);
	for (kind = 0; kind < KINDS; kind++) {
		TH_LOG("%s", kind_names[kind]);
		ASSERT_EQ(set_knob("shmem", "0"), 0);
		p = map_kind(kind, size, &fd);
		ASSERT_NE(p, MAP_FAILED);
		/* Off, with mbind either way: nothing of it. */
		ASSERT_EQ(set_knob("mbind", "1"), 0);
		EXPECT_EQ(sys_mbind(p, size, MPOL_BIND, PRIVATE, 0), -EINVAL);
		EXPECT_EQ(sys_mbind(p, size, MPOL_BIND, PRIVATE | ORDINARY, 0), 0);
		fill(p, size, 1);
		EXPECT_EQ(count_on(p, size, dax.nid), 0);
		EXPECT_EQ(move_to(p, page, dax.nid), -EINVAL);
		ASSERT_EQ(sys_set_mempolicy(MPOL_BIND, PRIVATE), 0);
		EXPECT_EQ(madvise(p, size, MADV_REMOVE), 0);
		fill(p, size, 2);
		EXPECT_EQ(count_on(p, size, dax.nid), 0);
		sys_set_mempolicy(MPOL_DEFAULT, 0);

		/* On, and mbind off: that is for anonymous memory. */
		ASSERT_EQ(set_knob("mbind", "0"), 0);
		ASSERT_EQ(set_knob("shmem", "1"), 0);
		EXPECT_EQ(sys_mbind(p, size, MPOL_BIND, PRIVATE, MPOL_MF_STRICT), -EIO);
		EXPECT_EQ(sys_mbind(p, size, MPOL_BIND, PRIVATE, 0), 0);
		EXPECT_EQ(count_on(p, size, dax.nid), 0);
		EXPECT_EQ(sys_mbind(p, size, MPOL_BIND, PRIVATE, MPOL_MF_MOVE | MPOL_MF_STRICT), 0);
		EXPECT_TRUE(all_on_dax(p, size));
		EXPECT_TRUE(filled(p, size, 2));
		/* First touch, and by a child: it is the object's. */
		EXPECT_EQ(madvise(p, size, MADV_REMOVE), 0);
		fill(p, size / 2, 3);
		pid = fork();
		if (!pid) {
			fill(p, size, 3);
			_exit(!all_on_dax(p, size));
		}
		EXPECT_EQ(wait_child(pid), 0);
		EXPECT_TRUE(filled(p, size, 3));
		q = map_anon(size);
		ASSERT_NE(q, MAP_FAILED);
		EXPECT_EQ(sys_mbind(q, size, MPOL_BIND, PRIVATE, 0), -EINVAL);
		ASSERT_EQ(sys_set_mempolicy(MPOL_BIND, PRIVATE), 0);
		fill(q, size, 4);
		EXPECT_EQ(count_on(q, size, dax.nid), 0);
		munmap(q, size);
		/* Of the task, for an object without one. */
		EXPECT_EQ(sys_mbind(p, size, MPOL_DEFAULT, 0, 0), 0);
		EXPECT_EQ(madvise(p, size, MADV_REMOVE), 0);
		fill(p, size, 5);
		EXPECT_TRUE(all_on_dax(p, size));
		sys_set_mempolicy(MPOL_DEFAULT, 0);

		/* By hand, both ways. */
		EXPECT_EQ(move_to(p, size, __builtin_ctzl(ORDINARY)), 0);
		EXPECT_EQ(count_on(p, size, dax.nid), 0);
		EXPECT_EQ(move_to(p, size, dax.nid), 0);
		EXPECT_TRUE(all_on_dax(p, size));
		EXPECT_TRUE(filled(p, size, 5));

		/* Off: what is there stays. */
		ASSERT_EQ(set_knob("shmem", "0"), 0);
		EXPECT_EQ(move_to(p, page, __builtin_ctzl(ORDINARY)), -EACCES);
		EXPECT_EQ(madvise(p, size / 2, MADV_REMOVE), 0);
		fill(p, size / 2, 6);
		EXPECT_EQ(count_on(p, size / 2, dax.nid), 0);
		EXPECT_EQ(count_on(p + size / 2, size / 2, dax.nid), (long)(size / 2 / page));
		unmap_kind(kind, p, size, fd);
	}
	umount_tmpfs();
}

/* Without a mapping: write(), fallocate(), and what fills no page. */
TEST_F_TIMEOUT(knob, shmem_files, LONG)
{
	size_t size = 16 * page;
	struct stat st;
	char *p, *text;
	int fd, on;

	text = malloc(size);
	ASSERT_NE(text, NULL);
	memset(text, 'a', size);
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	for (on = 0; on < 2; on++) {
		const long there = on ? size / page : 0;

		ASSERT_EQ(set_knob("shmem", on ? "1" : "0"), 0);
		fd = memfd_create("anondax", MFD_CLOEXEC);
		ASSERT_GE(fd, 0);
		ASSERT_EQ(sys_set_mempolicy(MPOL_BIND, PRIVATE), 0);
		ASSERT_EQ(write(fd, text, size), (ssize_t)size);
		ASSERT_EQ(fallocate(fd, 0, size, size), 0);
		ASSERT_EQ(ftruncate(fd, 3 * size), 0);
		/* A hole that is read is nowhere. */
		ASSERT_EQ(pread(fd, text, size, 2 * size), (ssize_t)size);
		EXPECT_EQ(*text, 0);
		memset(text, 'a', size);
		sys_set_mempolicy(MPOL_DEFAULT, 0);
		p = map_fd(fd, 3 * size);
		ASSERT_NE(p, MAP_FAILED);
		ASSERT_EQ(fstat(fd, &st), 0);
		EXPECT_EQ(st.st_blocks * 512, (long)(2 * size));
		madvise(p, 2 * size, MADV_POPULATE_READ);
		EXPECT_EQ(count_on(p, size, dax.nid), there);
		EXPECT_EQ(count_on(p + size, size, dax.nid), there);
		EXPECT_EQ(memcmp(p, text, size), 0);
		munmap(p, 3 * size);
		close(fd);
	}
	free(text);
}

/* What is spliced into a file, from a pipe or from another, is in pages of that file. */
TEST_F_TIMEOUT(knob, shmem_splice, LONG)
{
	const size_t size = 16 * page;
	int from, fd, end[2], on;
	char *p, *text;
	off_t offset;

	text = malloc(size);
	ASSERT_NE(text, NULL);
	memset(text, 'b', size);
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	/* Whose pages stay where they are. */
	from = memfd_create("anondax", MFD_CLOEXEC);
	ASSERT_GE(from, 0);
	ASSERT_EQ(write(from, text, size), (ssize_t)size);
	for (on = 0; on < 2; on++) {
		const long there = on ? size / page : 0;

		ASSERT_EQ(set_knob("shmem", on ? "1" : "0"), 0);
		ASSERT_EQ(pipe(end), 0);
		fd = memfd_create("anondax", MFD_CLOEXEC);
		ASSERT_GE(fd, 0);
		ASSERT_EQ(sys_set_mempolicy(MPOL_BIND, PRIVATE), 0);
		offset = 0;
		EXPECT_EQ(splice(from, &offset, end[1], NULL, size, 0), (ssize_t)size);
		EXPECT_EQ(splice(end[0], NULL, fd, NULL, size, SPLICE_F_MOVE), (ssize_t)size);
		offset = 0;
		EXPECT_EQ(sendfile(fd, from, &offset, size), (ssize_t)size);
		sys_set_mempolicy(MPOL_DEFAULT, 0);
		p = map_fd(fd, 2 * size);
		ASSERT_NE(p, MAP_FAILED);
		madvise(p, 2 * size, MADV_POPULATE_READ);
		EXPECT_EQ(count_on(p, size, dax.nid), there);
		EXPECT_EQ(count_on(p + size, size, dax.nid), there);
		EXPECT_EQ(memcmp(p, text, size), 0);
		EXPECT_EQ(memcmp(p + size, text, size), 0);
		/* And out of it again, from where it lies. */
		offset = 0;
		EXPECT_EQ(splice(fd, &offset, end[1], NULL, size, 0), (ssize_t)size);
		memset(text, 0, size);
		EXPECT_EQ(read(end[0], text, size), (ssize_t)size);
		EXPECT_EQ(memcmp(p, text, size), 0);
		EXPECT_EQ(count_on(p, size, dax.nid), there);
		munmap(p, 2 * size);
		close(fd);
		close(end[0]);
		close(end[1]);
	}
	p = map_fd(from, size);
	ASSERT_NE(p, MAP_FAILED);
	madvise(p, size, MADV_POPULATE_READ);
	EXPECT_EQ(count_on(p, size, dax.nid), 0);
	munmap(p, size);
	close(from);
	free(text);
}

/* By a user without privileges, in namespaces of his own. Pages on the node, or -errno. */
static long tmpfs_of_nobody(const char *options, size_t size)
{
	long *shared = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long on = -1;
	pid_t pid;
	char *p;
	int fd;

	if (shared == MAP_FAILED)
		return -1;
	mkdir(MOUNT, 0755);
	pid = fork();
	if (!pid) {
		if (setgid(65534) || setuid(65534))
			_exit(1);
		prctl(PR_SET_DUMPABLE, 1);
		if (unshare(CLONE_NEWUSER | CLONE_NEWNS) ||
		    put_text("/proc/self/setgroups", "deny") ||
		    put_text("/proc/self/uid_map", "0 65534 1") ||
		    put_text("/proc/self/gid_map", "0 65534 1"))
			_exit(2);
		*shared = mount_tmpfs(options);
		if (*shared)
			_exit(0);
		p = map_kind(TMPFS, size, &fd);
		if (p == MAP_FAILED)
			_exit(3);
		fill(p, size, 1);
		*shared = filled(p, size, 1) ? count_on(p, size, dax.nid) : -1;
		_exit(0);
	}
	if (!wait_child(pid))
		on = *shared;
	munmap(shared, page);
	rmdir(MOUNT);
	return on;
}

/* He may have by a mount of his own what he may have by a policy, and no more. */
TEST_F_TIMEOUT(knob, shmem_mount_user, LONG)
{
	const size_t size = 16 * page;
	char options[64];
	int shmem, cpuset;

	if (enter_cgroup())
		SKIP(return, "no control groups");
	snprintf(options, sizeof(options), "mpol=bind:%d", dax.nid);
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	for (shmem = 0; shmem < 2; shmem++) {
		ASSERT_EQ(set_knob("shmem", shmem ? "1" : "0"), 0);
		for (cpuset = 0; cpuset < 2; cpuset++) {
			ASSERT_EQ(set_knob("cpuset", cpuset ? "1" : "0"), 0);
			EXPECT_EQ(tmpfs_of_nobody(options, size),
				  shmem && !cpuset ? (long)(size / page) : -EINVAL);
		}
	}
}

/* The option of a mount. */
TEST_F_TIMEOUT(knob, shmem_mount, LONG)
{
	size_t size = 16 * page;
	char options[64];
	char *p;
	int fd;

	ASSERT_EQ(set_knob("shmem", "0"), 0);
	snprintf(options, sizeof(options), "mpol=bind:%d", dax.nid);
	EXPECT_EQ(mount_tmpfs(options), -EINVAL);
	snprintf(options, sizeof(options), "mpol=bind:%d,%d", __builtin_ctzl(ORDINARY), dax.nid);
	ASSERT_EQ(mount_tmpfs(options), 0);
	p = map_kind(TMPFS, size, &fd);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, size, 1);
	EXPECT_EQ(count_on(p, size, dax.nid), 0);
	unmap_kind(TMPFS, p, size, fd);
	umount_tmpfs();

	ASSERT_EQ(set_knob("shmem", "1"), 0);
	snprintf(options, sizeof(options), "mpol=bind:%d", dax.nid);
	ASSERT_EQ(mount_tmpfs(options), 0);
	p = map_kind(TMPFS, size, &fd);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, size, 2);
	EXPECT_TRUE(all_on_dax(p, size));
	EXPECT_TRUE(filled(p, size, 2));
	unmap_kind(TMPFS, p, size, fd);
	umount_tmpfs();
}

/* Full is as when a tmpfs is: nobody is killed, and what can go on elsewhere does. */
TEST_F_TIMEOUT(knob, shmem_full, LONG)
{
	const long kills = vm_count("oom_kill");
	size_t room = 8 * MB, size = 16 * MB;
	char *text, *p;
	ssize_t n;
	long left;
	int fd;

	text = calloc(1, MB);
	ASSERT_NE(text, NULL);
	ASSERT_EQ(set_knob("shmem", "1"), 0);
	/* Else it would make room, in swap. */
	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	ASSERT_TRUE(take_all_but(room));
	p = map_kind(MEMFD, size, &fd);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, PRIVATE, 0), 0);
	left = touch(p, size);
	EXPECT_LT(left, (long)(size / page));
	EXPECT_GT(left, (long)(room / page / 2));
	EXPECT_EQ(count_on(p, left * page, dax.nid), left);
	EXPECT_EQ(failed(fallocate(fd, 0, 0, size)), -ENOSPC);
	/* Some of it may be written, but not all. */
	for (n = 0; n >= 0 && lseek(fd, 0, SEEK_CUR) < (off_t)size; )
		n = write(fd, text, MB);
	EXPECT_EQ(n, -1);
	EXPECT_EQ(errno, ENOSPC);
	/* What is given back can be had again. */
	EXPECT_EQ(punch(fd, 0, 2 * MB), 0);
	EXPECT_EQ(touch(p, 2 * MB), (long)(2 * MB / page));

	/* With ordinary memory in its policy it goes on there. */
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, PRIVATE | ORDINARY, 0), 0);
	EXPECT_EQ(touch(p, size), (long)(size / page));
	EXPECT_GT(count_on(p, size, dax.nid), 0);
	EXPECT_LT(count_on(p, size, dax.nid), (long)(size / page));
	/* As it does if it need not be there, whatever else is switched on. */
	ASSERT_EQ(set_knob("mbind", "0"), 0);
	ASSERT_EQ(set_knob("demotion", "0"), 0);
	ASSERT_EQ(sys_mbind(p, size, MPOL_PREFERRED, PRIVATE, 0), 0);
	EXPECT_EQ(madvise(p, size, MADV_REMOVE), 0);
	EXPECT_EQ(touch(p, size), (long)(size / page));
	EXPECT_GT(count_on(p, size, dax.nid), 0);
	EXPECT_EQ(vm_count("oom_kill"), kills);
	unmap_kind(MEMFD, p, size, fd);
	free(text);
}

/* To swap and back, by reclaim, if that is on. */
TEST_F_TIMEOUT(knob, shmem_swap, LONG)
{
	size_t size = 2 * MB;
	enum kind kind;
	int tries, fd;
	char *p;

	if (!self->swap || enter_cgroup())
		SKIP(return, "no swap, or no control groups");
	ASSERT_EQ(mount_tmpfs(NULL), 0);
	ASSERT_EQ(set_knob("shmem", "1"), 0);
	for (kind = 0; kind < KINDS; kind++) {
		TH_LOG("%s", kind_names[kind]);
		p = map_kind(kind, size, &fd);
		ASSERT_NE(p, MAP_FAILED);
		ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, PRIVATE, 0), 0);
		fill(p, size, 7);
		ASSERT_TRUE(all_on_dax(p, size));
		ASSERT_EQ(set_knob("reclaim", "0"), 0);
		ASSERT_EQ(set_knob("demotion", "0"), 0);
		for (tries = 0; tries < 3; tries++)
			reclaim_group("16M");
		EXPECT_TRUE(all_on_dax(p, size));

		ASSERT_EQ(set_knob("reclaim", "1"), 0);
		for (tries = 0; tries < 200 && count_resident(p, size); tries++)
			reclaim_group("16M");
		EXPECT_EQ(count_resident(p, size), 0);
		EXPECT_TRUE(filled(p, size, 7));
		EXPECT_TRUE(all_on_dax(p, size));

		/* What is in swap when that is switched off comes back as well. */
		for (tries = 0; tries < 200 && count_resident(p, size); tries++)
			reclaim_group("16M");
		EXPECT_EQ(count_resident(p, size), 0);
		ASSERT_EQ(failed(swapoff(getenv("ANONDAX_TEST_SWAP"))), 0);
		EXPECT_TRUE(filled(p, size, 7));
		EXPECT_TRUE(all_on_dax(p, size));
		ASSERT_EQ(failed(swapon(getenv("ANONDAX_TEST_SWAP"), 0)), 0);
		unmap_kind(kind, p, size, fd);
	}
	umount_tmpfs();
}

/* Swap that is memory itself, which folios are read from at once and whole. */
TEST_F_TIMEOUT(knob, shmem_swap_memory, LONG)
{
	const char *disk = "/dev/ram0";
	int tries, huge, fd;
	char *p;

	if (enter_cgroup())
		SKIP(return, "no control groups");
	swap_off();
	if (system("mkswap /dev/ram0 >/dev/null 2>&1") || swapon(disk, 0))
		SKIP(return, "no disk in memory");
	ASSERT_EQ(set_knob("shmem", "1"), 0);
	ASSERT_EQ(set_knob("reclaim", "1"), 0);
	ASSERT_EQ(set_knob("demotion", "0"), 0);
	for (huge = 0; huge < 2; huge++) {
		if (huge && change(&self->changes, SHMEM_HUGE, "force"))
			break;
		p = map_kind(MEMFD, PMD, &fd);
		ASSERT_NE(p, MAP_FAILED);
		ASSERT_EQ(sys_mbind(p, PMD, MPOL_BIND, PRIVATE, 0), 0);
		fill(p, PMD, 7);
		for (tries = 0; tries < 200 && count_resident(p, PMD); tries++)
			reclaim_group("16M");
		EXPECT_EQ(count_resident(p, PMD), 0);
		EXPECT_TRUE(filled(p, PMD, 7));
		EXPECT_TRUE(all_on_dax(p, PMD));
		unmap_kind(MEMFD, p, PMD, fd);
	}
	EXPECT_EQ(failed(swapoff(disk)), 0);
}

static bool all_zero(const char *p, size_t n)
{
	while (n && !*p) {
		p++;
		n--;
	}
	return !n;
}

/*
 * With the node full by then, nothing is lost and nobody killed, and what is to be zero is.
 * Small pages, and huge ones, whose place in swap may be one.
 */
TEST_F_TIMEOUT(knob, shmem_swap_full, LONG)
{
	size_t size = 2 * PMD;
	char *p, *q, *text;
	int tries, fd, huge;
	siginfo_t info;
	size_t full;
	pid_t pid;

	if (!self->swap || enter_cgroup())
		SKIP(return, "no swap, or no control groups");
	ASSERT_EQ(set_knob("shmem", "1"), 0);
	text = malloc(page);
	ASSERT_NE(text, NULL);
	for (huge = 0; huge < 2; huge++) {
		if (huge && change(&self->changes, SHMEM_HUGE, "force"))
			SKIP(return, "no huge pages of shared memory");
		ASSERT_EQ(set_knob("reclaim", "1"), 0);
		p = map_kind(MEMFD, size, &fd);
		ASSERT_NE(p, MAP_FAILED);
		ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, PRIVATE, 0), 0);
		fill(p, size, 8);
		for (tries = 0; tries < 200 && count_resident(p, size); tries++)
			reclaim_group("16M");
		ASSERT_EQ(count_resident(p, size), 0);
		/* Else it would make room. */
		ASSERT_EQ(set_knob("reclaim", "0"), 0);
		full = free_pages() * page + 4 * MB;
		ASSERT_LT(fill_node(&q, full), (long)(full / page));
		/* In the middle of what may be one entry, and by one who can be killed. */
		pid = fork();
		if (!pid)
			_exit(read_ok(p + 5 * page));
		for (tries = 0; tries < 600; tries++) {
			info.si_pid = 0;
			if (!waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) &&
			    info.si_pid == pid)
				break;
			usleep(50000);
		}
		EXPECT_LT(tries, 600);
		kill(pid, SIGKILL);
		EXPECT_EQ(wait_child(pid), 0);
		/* Who reads it, or truncates it, has it from wherever there is room. */
		EXPECT_EQ(pread(fd, text, page, 7 * page), (ssize_t)page);
		EXPECT_EQ(*(unsigned long *)text, 7 * page * 2654435761UL + 8);
		EXPECT_EQ(punch(fd, 20 * page + 100, 200), 0);
		EXPECT_EQ(pread(fd, text, page, 20 * page), (ssize_t)page);
		EXPECT_TRUE(all_zero(text + 100, 200));
		EXPECT_EQ(*(unsigned long *)text, 20 * page * 2654435761UL + 8);
		EXPECT_EQ(ftruncate(fd, size - 5 * page + 100), 0);
		EXPECT_EQ(ftruncate(fd, size), 0);
		EXPECT_EQ(pread(fd, text, page, size - 5 * page), (ssize_t)page);
		EXPECT_TRUE(all_zero(text + 100, page - 100));
		/* Swap can be switched off all the same, and what was in it is there. */
		ASSERT_EQ(failed(swapoff(getenv("ANONDAX_TEST_SWAP"))), 0);
		EXPECT_TRUE(filled(p, size - 5 * page, 8));
		EXPECT_EQ(count_on(p, size, dax.nid), 0);
		unmap_kind(MEMFD, p, size, fd);
		munmap(q, full);
		ASSERT_EQ(failed(swapon(getenv("ANONDAX_TEST_SWAP"), 0)), 0);
	}
	free(text);
}

/* What is huge beyond the end of files is given back before it is said to be full. */
TEST_F_TIMEOUT(knob, shmem_tails, LONG)
{
	char options[64], *p;
	int i, fd;

	ASSERT_EQ(set_knob("shmem", "1"), 0);
	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	ASSERT_TRUE(take_all_but(16 * MB));
	snprintf(options, sizeof(options), "huge=always,mpol=bind:%d", dax.nid);
	ASSERT_EQ(mount_tmpfs(options), 0);
	for (i = 0; i < 32; i++) {
		fd = open(MOUNT, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
		ASSERT_GE(fd, 0);
		ASSERT_EQ(ftruncate(fd, page), 0);
		p = mmap(NULL, 2 * PMD, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		ASSERT_NE(p, MAP_FAILED);
		ASSERT_EQ(touch(p, page), 1)
			TH_LOG("file %d", i);
	}
	umount_tmpfs();
}

/* As long as reclaim can make room there is room: more than fits, again and again. */
TEST_F_TIMEOUT(knob, shmem_reclaimed, LONG)
{
	size_t room = 8 * MB, size = 16 * MB;
	int round, fd;
	char *p;

	if (!self->swap)
		SKIP(return, "no swap");
	ASSERT_EQ(set_knob("shmem", "1"), 0);
	ASSERT_EQ(set_knob("reclaim", "1"), 0);
	ASSERT_TRUE(take_all_but(room));
	p = map_kind(MEMFD, size, &fd);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, PRIVATE, 0), 0);
	for (round = 0; round < 4; round++) {
		ASSERT_TRUE(fill_slowly(p, size, round));
		ASSERT_EQ(punch(fd, 0, MB), 0);
		ASSERT_TRUE(fill_slowly(p, MB, round));
	}
	EXPECT_TRUE(filled_slowly(p, size, round - 1));
	unmap_kind(MEMFD, p, size, fd);
}

/* Huge pages: at fault, and by collapse. */
TEST_F_TIMEOUT(knob, shmem_huge, LONG)
{
	char *map, *p;
	int tries;

	ASSERT_EQ(set_knob("shmem", "1"), 0);
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	if (change(&self->changes, SHMEM_HUGE, "always") ||
	    change(&self->changes, THP "hugepages-2048kB/shmem_enabled", "inherit"))
		SKIP(return, "no huge pages of shared memory");
	map = map_shared_huge(5 * PMD);
	ASSERT_NE(map, MAP_FAILED);
	ASSERT_EQ(sys_mbind(map, 5 * PMD, MPOL_BIND, PRIVATE, 0), 0);
	p = map;
	fill(p, PMD, 1);
	EXPECT_TRUE(all_on_dax(p, PMD));
	EXPECT_EQ(read_smaps(map, 5 * PMD, "ShmemPmdMapped"), (long)(PMD / KB));
	EXPECT_TRUE(filled(p, PMD, 1));

	/* Small ones at first. */
	ASSERT_EQ(change(&self->changes, SHMEM_HUGE, "never"), 0);
	p += PMD;
	fill(p, PMD, 2);
	EXPECT_EQ(read_smaps(map, 5 * PMD, "ShmemPmdMapped"), (long)(PMD / KB));
	ASSERT_EQ(set_knob("madvise", "0"), 0);
	EXPECT_NE(failed(madvise(p, PMD, MADV_COLLAPSE)), 0);
	ASSERT_EQ(set_knob("madvise", "1"), 0);
	EXPECT_EQ(failed(madvise(p, PMD, MADV_COLLAPSE)), 0);
	EXPECT_TRUE(all_on_dax(p, PMD));
	EXPECT_EQ(read_smaps(map, 5 * PMD, "ShmemPmdMapped"), (long)(2 * PMD / KB));
	EXPECT_TRUE(filled(p, PMD, 2));

	/* By khugepaged, which it takes reclaim for. */
	ASSERT_EQ(khugepaged_on(&self->changes), 0);
	ASSERT_EQ(change(&self->changes, SHMEM_HUGE, "advise"), 0);
	p += PMD;
	ASSERT_EQ(madvise(p, PMD, MADV_NOHUGEPAGE), 0);
	fill(p, PMD, 4);
	ASSERT_EQ(madvise(p, PMD, MADV_HUGEPAGE), 0);
	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	ASSERT_TRUE(khugepaged_looks(p, PMD, 4));
	EXPECT_EQ(read_smaps(p, PMD, "ShmemPmdMapped"), 0);
	ASSERT_EQ(set_knob("reclaim", "1"), 0);
	for (tries = 0; tries < 500 && !read_smaps(p, PMD, "ShmemPmdMapped"); tries++) {
		ASSERT_TRUE(filled(p, PMD, 4));
		usleep(20000);
	}
	EXPECT_EQ(read_smaps(p, PMD, "ShmemPmdMapped"), (long)(PMD / KB));
	EXPECT_TRUE(all_on_dax(p, PMD));
	EXPECT_TRUE(filled(p, PMD, 4));
	ASSERT_EQ(change(&self->changes, SHMEM_HUGE, "never"), 0);

	/* Bound to the node, an object gets no ordinary one, which a fault would refuse it. */
	p += PMD;
	fill(p, PMD, 3);
	ASSERT_EQ(move_to(p, PMD, __builtin_ctzl(ORDINARY)), 0);
	EXPECT_NE(failed(madvise(p, PMD, MADV_COLLAPSE)), 0);
	EXPECT_TRUE(filled(p, PMD, 3));
	munmap(map, 5 * PMD);
}

struct uffd {
	int fd;
	char *at;
	const char *from;
};

static int uffd_copy(const struct uffd *u, char *to)
{
	struct uffdio_copy copy = {
		.dst = (unsigned long)to,
		.src = (unsigned long)u->from,
		.len = page,
	};

	return failed(ioctl(u->fd, UFFDIO_COPY, &copy));
}

static void *uffd_serve(void *arg)
{
	struct uffd *u = arg;
	struct uffd_msg msg;

	if (read(u->fd, &msg, sizeof(msg)) != sizeof(msg) || msg.event != UFFD_EVENT_PAGEFAULT)
		return (void *)1L;
	return uffd_copy(u, u->at) ? (void *)2L : NULL;
}

/* What is put into an object for a fault is where the object's memory is, whoever puts it. */
TEST_F_TIMEOUT(knob, shmem_userfaultfd, LONG)
{
	struct uffdio_register reg = { 0 };
	struct uffdio_zeropage zero = { 0 };
	struct uffdio_continue again = { 0 };
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_MISSING_SHMEM | UFFD_FEATURE_MINOR_SHMEM,
	};
	struct uffd u;
	size_t size = 16 * page, room;
	char *p, *q, *hog;
	pthread_t thread;
	void *ret;
	pid_t pid;
	int fd;

	u.fd = syscall(__NR_userfaultfd, O_CLOEXEC);
	if (u.fd < 0 || ioctl(u.fd, UFFDIO_API, &api))
		SKIP(return, "no userfaultfd for shared memory: %s", strerror(errno));
	ASSERT_EQ(set_knob("shmem", "1"), 0);
	u.from = malloc(page);
	ASSERT_NE(u.from, NULL);
	memset((char *)u.from, 'u', page);
	p = map_kind(MEMFD, size, &fd);
	q = map_fd(fd, size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_NE(q, MAP_FAILED);
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, PRIVATE, 0), 0);
	reg.range.start = (unsigned long)p;
	reg.range.len = size;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_MINOR;
	ASSERT_EQ(failed(ioctl(u.fd, UFFDIO_REGISTER, &reg)), 0);

	/* Before a fault, and zeroes. */
	EXPECT_EQ(uffd_copy(&u, p), 0);
	zero.range.start = (unsigned long)(p + page);
	zero.range.len = page;
	EXPECT_EQ(failed(ioctl(u.fd, UFFDIO_ZEROPAGE, &zero)), 0);
	EXPECT_EQ(p[7], 'u');
	EXPECT_EQ(p[page + 7], 0);
	EXPECT_TRUE(all_on_dax(p, 2 * page));

	/* For one. */
	u.at = p + 2 * page;
	ASSERT_EQ(pthread_create(&thread, NULL, uffd_serve, &u), 0);
	EXPECT_EQ(u.at[7], 'u');
	ASSERT_EQ(pthread_join(thread, &ret), 0);
	EXPECT_EQ(ret, NULL);
	EXPECT_TRUE(all_on_dax(u.at, page));

	/* What is there already. */
	q[3 * page] = 'q';
	again.range.start = (unsigned long)(p + 3 * page);
	again.range.len = page;
	EXPECT_EQ(failed(ioctl(u.fd, UFFDIO_CONTINUE, &again)), 0);
	EXPECT_EQ(p[3 * page], 'q');
	EXPECT_TRUE(all_on_dax(p + 3 * page, page));

	/* By another process: the object's policy counts, its own does not. */
	pid = fork();
	if (!pid)
		_exit(uffd_copy(&u, p + 4 * page) ? 1 : 0);
	EXPECT_EQ(wait_child(pid), 0);
	EXPECT_TRUE(all_on_dax(p + 4 * page, page));
	ASSERT_EQ(sys_mbind(p, size, MPOL_DEFAULT, 0, 0), 0);
	pid = fork();
	if (!pid)
		_exit(sys_set_mempolicy(MPOL_BIND, PRIVATE) || uffd_copy(&u, p + 5 * page));
	EXPECT_EQ(wait_child(pid), 0);
	EXPECT_EQ(p[5 * page], 'u');
	EXPECT_EQ(count_on(p + 5 * page, page, dax.nid), 0);

	/* Full: an error, nobody is killed, and it goes on when there is room again. */
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, PRIVATE, 0), 0);
	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	room = free_pages() * page + 4 * MB;
	ASSERT_LT(fill_node(&hog, room), (long)(room / page));
	EXPECT_NE(uffd_copy(&u, p + 6 * page), 0);
	munmap(hog, room);
	settle();
	EXPECT_EQ(uffd_copy(&u, p + 6 * page), 0);
	EXPECT_TRUE(all_on_dax(p + 6 * page, page));

	close(u.fd);
	unmap_kind(MEMFD, p, size, fd);
	munmap(q, size);
	free((void *)u.from);
}

/* Two who share an object, and a third who only looks at it. */
TEST_F_TIMEOUT(knob, shmem_others, LONG)
{
	size_t size = 16 * page;
	struct iovec mine, theirs;
	char text = 'x';
	int fd, ends[2];
	char *p;
	pid_t pid;

	ASSERT_EQ(set_knob("shmem", "1"), 0);
	ASSERT_EQ(pipe(ends), 0);
	p = map_kind(ANON, 4 * size, &fd);
	ASSERT_NE(p, MAP_FAILED);
	/* Each has what it asks for. */
	pid = fork();
	if (!pid) {
		sys_set_mempolicy(MPOL_BIND, PRIVATE);
		fill(p, size, 1);
		_exit(0);
	}
	EXPECT_EQ(wait_child(pid), 0);
	fill(p + size, size, 2);
	EXPECT_TRUE(filled(p, size, 1));
	EXPECT_TRUE(all_on_dax(p, size));
	EXPECT_EQ(count_on(p + size, size, dax.nid), 0);

	/* Whoever reads or writes somebody else's memory does not bring it there. */
	pid = fork();
	if (!pid) {
		if (read(ends[0], &text, 1) != 1)
			_exit(1);
		_exit(count_on(p + 2 * size, page, dax.nid) ? 2 : 0);
	}
	ASSERT_EQ(sys_set_mempolicy(MPOL_BIND, PRIVATE), 0);
	mine.iov_base = &text;
	theirs.iov_base = p + 2 * size;
	mine.iov_len = 1;
	theirs.iov_len = 1;
	EXPECT_EQ(process_vm_writev(pid, &mine, 1, &theirs, 1, 0), 1);
	EXPECT_EQ(p[2 * size], 'x');
	EXPECT_NE(node_of(p + 2 * size), dax.nid);
	ASSERT_EQ(write(ends[1], &text, 1), 1);
	EXPECT_EQ(wait_child(pid), 0);
	/* As its own it does. */
	p[3 * size] = 'y';
	EXPECT_EQ(node_of(p + 3 * size), dax.nid);
	sys_set_mempolicy(MPOL_DEFAULT, 0);

	/* What is private in a mapping of it is anonymous memory of who has that. */
	fd = memfd_create("anondax", MFD_CLOEXEC);
	ASSERT_EQ(ftruncate(fd, size), 0);
	p = map_fd(fd, size);
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, PRIVATE, 0), 0);
	fill(p, size, 3);
	EXPECT_TRUE(all_on_dax(p, size));
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	fill(p, size, 4);
	EXPECT_EQ(count_on(p, size, dax.nid), 0);
	EXPECT_TRUE(filled(p, size, 4));
	close(fd);
}

/* Pins for long: refused to who named the node, and out of the way for anybody else. */
TEST_F_TIMEOUT(knob, shmem_ltpin, LONG)
{
	size_t size = 16 * page;
	int ring, fd;
	char *p;

	ring = open_ring();
	ASSERT_GE(ring, 0);
	ASSERT_EQ(set_knob("shmem", "1"), 0);
	ASSERT_EQ(set_knob("ltpin", "0"), 0);
	p = map_kind(MEMFD, size, &fd);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, PRIVATE, 0), 0);
	fill(p, size, 1);
	EXPECT_NE(fix_buffer(ring, p, size), 0);
	EXPECT_TRUE(all_on_dax(p, size));

	ASSERT_EQ(sys_mbind(p, size, MPOL_DEFAULT, 0, 0), 0);
	EXPECT_TRUE(all_on_dax(p, size));
	EXPECT_EQ(fix_buffer(ring, p, size), 0);
	EXPECT_EQ(count_on(p, size, dax.nid), 0);
	EXPECT_TRUE(filled(p, size, 1));
	EXPECT_EQ(unfix_buffer(ring), 0);

	ASSERT_EQ(set_knob("ltpin", "1"), 0);
	ASSERT_EQ(sys_mbind(p, size, MPOL_BIND, PRIVATE, MPOL_MF_MOVE), 0);
	EXPECT_EQ(fix_buffer(ring, p, size), 0);
	EXPECT_EQ(count_on(p, size, dax.nid),
		  strcmp(variant->state, "online_movable") ? (long)(size / page) : 0);
	EXPECT_TRUE(filled(p, size, 1));
	EXPECT_EQ(unfix_buffer(ring), 0);
	unmap_kind(MEMFD, p, size, fd);
	close(ring);
}

/* It moves when the node goes, and comes back to it for what is new. */
TEST_F_TIMEOUT(knob, shmem_unplug, LONG)
{
	size_t size = 64 * page;
	int fd;
	char *p;

	ASSERT_EQ(set_knob("shmem", "1"), 0);
	p = map_kind(MEMFD, 2 * size, &fd);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(sys_mbind(p, 2 * size, MPOL_BIND, PRIVATE, 0), 0);
	fill(p, size, 1);
	EXPECT_TRUE(all_on_dax(p, size));
	ASSERT_EQ(set_state("unplugged"), 0);
	EXPECT_TRUE(filled(p, size, 1));
	/* As a policy that names a node without memory. */
	fill(p + size, page, 2);
	ASSERT_EQ(set_state(variant->state), 0);
	EXPECT_EQ(count_on(p, 2 * size, dax.nid), 0);
	fill(p + size + page, size - page, 2);
	EXPECT_EQ(count_on(p + size, size, dax.nid), (long)(size / page - 1));
	EXPECT_TRUE(filled(p, size, 1));
	unmap_kind(MEMFD, p, 2 * size, fd);
}

/* Send a descriptor, or take one. */
static int pass(int end, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	if (fd < 0) {
		if (recvmsg(end, &msg, 0) != 1)
			return -1;
		c = CMSG_FIRSTHDR(&msg);
		return c ? *(int *)CMSG_DATA(c) : -1;
	}
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	*(int *)CMSG_DATA(c) = fd;
	return sendmsg(end, &msg, 0) == 1 ? 0 : -1;
}

/* A shared mapping of the device: an object for each open(). */
TEST_F_TIMEOUT(knob, shmem_device, LONG)
{
	size_t size = 64 * page;
	char *p, *q, text[8];
	int fd, other, other_fd, ends[2];
	long before, length;
	char path[PATH_MAX];
	pid_t pid;

	before = settled_free_pages();
	fd = open_dax();
	other = open_dax();
	ASSERT_GE(fd, 0);
	ASSERT_GE(other, 0);
	p = map_fd(fd, size);
	q = map_fd(fd, size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_NE(q, MAP_FAILED);
	EXPECT_EQ(*(long *)p, 0);
	fill(p, size, 1);
	EXPECT_TRUE(all_on_dax(p, size));
	EXPECT_TRUE(filled(q, size, 1));
	/* By offset. */
	munmap(q, size);
	q = mmap(NULL, page, PROT_READ, MAP_SHARED, fd, 5 * page);
	ASSERT_NE(q, MAP_FAILED);
	EXPECT_EQ(memcmp(q, p + 5 * page, page), 0);
	munmap(q, page);
	/* As large as the device, whoever gets at the file behind it. */
	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", (unsigned long)p,
		 (unsigned long)(p + size));
	other_fd = open(path, O_RDWR | O_CLOEXEC);
	if (other_fd >= 0) {
		EXPECT_EQ(failed(ftruncate(other_fd, page)), -EPERM);
		EXPECT_EQ(failed(ftruncate(other_fd, 1UL << 40)), -EPERM);
		EXPECT_EQ(failed(fallocate(other_fd, 0, 1UL << 40, page)), -EPERM);
		close(other_fd);
	}
	/* Another one knows nothing of it, nor does what is private. */
	q = map_fd(other, size);
	ASSERT_NE(q, MAP_FAILED);
	EXPECT_EQ(*(long *)q, 0);
	fill(q, size, 2);
	EXPECT_TRUE(filled(p, size, 1));
	munmap(q, size);
	close(other);
	q = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	ASSERT_NE(q, MAP_FAILED);
	EXPECT_EQ(*(long *)q, 0);
	munmap(q, size);

	/* A child, and whoever is handed the descriptor. */
	pid = fork();
	if (!pid) {
		if (!filled(p, size, 1))
			_exit(1);
		fill(p, size, 3);
		_exit(!all_on_dax(p, size));
	}
	EXPECT_EQ(wait_child(pid), 0);
	EXPECT_TRUE(filled(p, size, 3));
	ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	pid = fork();
	if (!pid) {
		munmap(p, size);
		close(fd);
		fd = pass(ends[1], -1);
		p = map_fd(fd, size);
		if (p == MAP_FAILED || !filled(p, size, 3))
			_exit(1);
		fill(p, size, 4);
		_exit(0);
	}
	EXPECT_EQ(pass(ends[0], fd), 0);
	EXPECT_EQ(wait_child(pid), 0);
	EXPECT_TRUE(filled(p, size, 4));

	/* It is mapped and nothing else, whatever the policy. */
	EXPECT_EQ(read(fd, text, sizeof(text)), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(write(fd, text, sizeof(text)), -1);
	EXPECT_EQ(errno, EINVAL);
	EXPECT_EQ(failed(fallocate(fd, 0, 0, page)), -EOPNOTSUPP);
	EXPECT_EQ(sys_mbind(p, size, MPOL_BIND, ORDINARY, 0), -EINVAL);
	EXPECT_EQ(sys_mbind(p, size, MPOL_DEFAULT, 0, 0), -EINVAL);
	EXPECT_EQ(sys_set_mempolicy(MPOL_BIND, ORDINARY), 0);
	EXPECT_EQ(madvise(p, size, MADV_REMOVE), 0);
	EXPECT_EQ(*(long *)(p + page), 0);
	fill(p, size, 5);
	EXPECT_TRUE(all_on_dax(p, size));
	sys_set_mempolicy(MPOL_DEFAULT, 0);

	/* Its pages can be given back. */
	EXPECT_EQ(settled_free_pages(), before - (long)(size / page));
	EXPECT_EQ(punch(fd, 0, size / 2), 0);
	EXPECT_EQ(settled_free_pages(), before - (long)(size / 2 / page));
	EXPECT_EQ(*(long *)(p + page), 0);
	EXPECT_EQ(*(unsigned long *)(p + size / 2), size / 2 * 2654435761UL + 5);

	/* As large as the device, and no larger. */
	snprintf(path, sizeof(path), DAX "devices/%s/size", dax.name);
	ASSERT_EQ(get_text(path, path, sizeof(path)), 0);
	length = strtol(path, NULL, 0);
	q = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, length - page);
	ASSERT_NE(q, MAP_FAILED);
	EXPECT_EQ(touch(q, 2 * page), 1);
	munmap(q, 2 * page);
	other = open(dax.path, O_RDONLY | O_CLOEXEC);
	ASSERT_GE(other, 0);
	EXPECT_EQ(mmap(NULL, page, PROT_READ, MAP_SHARED, other, 0), MAP_FAILED);
	EXPECT_EQ(errno, EACCES);
	close(other);

	/* Gone with the last reference, be that a mapping. */
	close(fd);
	close(ends[0]);
	close(ends[1]);
	EXPECT_TRUE(read_ok(p + size / 2));
	munmap(p, size);
	EXPECT_EQ(settled_free_pages(), before);
}

/* Full, it is SIGBUS, and what is given back can be had again. */
TEST_F_TIMEOUT(knob, shmem_device_full, LONG)
{
	const long kills = vm_count("oom_kill");
	size_t room = 8 * MB, size = 16 * MB;
	long there;
	char *p;
	int fd;

	ASSERT_EQ(set_knob("reclaim", "0"), 0);
	ASSERT_TRUE(take_all_but(room));
	fd = open_dax();
	ASSERT_GE(fd, 0);
	p = map_fd(fd, size);
	ASSERT_NE(p, MAP_FAILED);
	there = touch(p, size);
	EXPECT_GT(there, (long)(room / page / 2));
	EXPECT_LT(there, (long)(size / page));
	EXPECT_EQ(count_on(p, there * page, dax.nid), there);
	EXPECT_EQ(punch(fd, 0, MB), 0);
	EXPECT_EQ(touch(p, MB), (long)(MB / page));
	EXPECT_EQ(vm_count("oom_kill"), kills);
	close(fd);
	munmap(p, size);
}

/* The claim comes to an end: what is there stays, and nothing is new. */
TEST_F_TIMEOUT(knob, shmem_device_unplug, LONG)
{
	size_t size = 64 * page;
	int fd, other;
	char *p, *q;

	fd = open_dax();
	other = open_dax();
	ASSERT_GE(fd, 0);
	ASSERT_GE(other, 0);
	p = map_fd(fd, 2 * size);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, size, 1);
	ASSERT_EQ(set_state("unplugged"), 0);
	EXPECT_TRUE(filled(p, size, 1));
	EXPECT_EQ(touch(p + size, page), 0);
	EXPECT_EQ(map_fd(fd, page), MAP_FAILED);
	EXPECT_EQ(errno, ENXIO);
	EXPECT_EQ(map_fd(other, page), MAP_FAILED);
	EXPECT_EQ(errno, ENXIO);

	/* It is nothing to the next one, who has the same node. */
	ASSERT_EQ(set_state(variant->state), 0);
	EXPECT_TRUE(filled(p, size, 1));
	EXPECT_EQ(count_on(p, size, dax.nid), 0);
	EXPECT_EQ(touch(p + size, page), 0);
	EXPECT_EQ(map_fd(fd, page), MAP_FAILED);
	EXPECT_EQ(errno, ENXIO);
	q = map_fd(other, page);
	ASSERT_NE(q, MAP_FAILED);
	fill(q, page, 2);
	EXPECT_TRUE(all_on_dax(q, page));
	munmap(q, page);
	munmap(p, 2 * size);
	close(fd);
	close(other);
}

/* In overcommit mode 0 there is as much as RAM, swap and the node it is to be on. */
TEST_F_TIMEOUT(knob, shmem_overcommit, LONG)
{
	size_t size = (get_number("/proc/meminfo", "MemTotal") +
		       get_number("/proc/meminfo", "SwapTotal")) * KB;
	size_t room = read_zoneinfo(NULL, "managed") * page;
	char mode[8];
	void *p, *q;
	pid_t pid;
	int fd;

	ASSERT_EQ(get_text("/proc/sys/vm/overcommit_memory", mode, sizeof(mode)), 0);
	if (strcmp(mode, "0") || room < 32 * MB)
		SKIP(return, "another mode of overcommit, or a small node");
	size = (size + 16 * MB) & ~(PMD - 1);
	fd = open_dax();
	ASSERT_GE(fd, 0);
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	pid = fork();
	if (!pid) {
		/* Who has neither mapped it nor named it sees no difference. */
		if (mmap(NULL, page, PROT_READ, MAP_PRIVATE, open(dax.path, O_RDONLY), 0) !=
		    MAP_FAILED || map_anon(size) != MAP_FAILED)
			_exit(1);
		if (sys_set_mempolicy(MPOL_BIND, PRIVATE))
			_exit(2);
		p = map_anon(size);
		if (p == MAP_FAILED)
			_exit(3);
		munmap(p, size);
		if (map_anon(size + room) != MAP_FAILED)
			_exit(4);
		_exit(0);
	}
	EXPECT_EQ(wait_child(pid), 0);
	pid = fork();
	if (!pid) {
		p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
		if (p == MAP_FAILED)
			_exit(1);
		fill(p, page, 1);
		/* So do its children, and theirs. */
		pid = fork();
		if (!pid) {
			pid = fork();
			if (!pid)
				_exit(!filled(p, page, 1));
			_exit(wait_child(pid));
		}
		if (wait_child(pid))
			_exit(2);
		q = mmap(NULL, size + room, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
		_exit(q == MAP_FAILED ? 0 : 3);
	}
	EXPECT_EQ(wait_child(pid), 0);
	close(fd);
}

int main(int argc, char **argv)
{
	need_dax();
	return test_harness_run(argc, argv);
}
