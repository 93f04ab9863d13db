// SPDX-License-Identifier: GPL-2.0
/*
 * What user space sees of a private memory node that anondax made.
 *
 * The test needs a dax device that is bound to anondax and that nobody uses:
 *
 *   echo daxX.Y > /sys/bus/dax/drivers/device_dax/unbind
 *   echo daxX.Y > /sys/bus/dax/drivers/anondax/new_id
 *   ANONDAX_TEST_DEV=daxX.Y ./anondax
 *
 * It plugs, unplugs and rebinds that device and writes to all of its memory, so it
 * has to be told which: "auto" is the first. ANONDAX_TEST_SWAP names a block device that it
 * may overwrite to swap on; without it the tests that swap are skipped.
 */

#include "kselftest_harness.h"
#include "anondax.h"
#include <linux/elf.h>
#include <linux/kernel-page-flags.h>
#include <sys/mount.h>
#include <sys/sysinfo.h>
#include <sys/vfs.h>
#include "../../../../mm/gup_test.h"

#define GUP_TEST	"/sys/kernel/debug/gup_test"
#define SCRUB		"/sys/module/anondax/parameters/scrub"

/*
 * The hotplug file: words and rules.
 */

FIXTURE(hotplug)
{
	long memtotal;
};

FIXTURE_VARIANT(hotplug)
{
	const char *state;
	const char *zone;
};

FIXTURE_VARIANT_ADD(hotplug, online)
{
	.state = "online",
	.zone = "Normal",
};

FIXTURE_VARIANT_ADD(hotplug, online_kernel)
{
	.state = "online_kernel",
	.zone = "Normal",
};

FIXTURE_VARIANT_ADD(hotplug, online_movable)
{
	.state = "online_movable",
	.zone = "Movable",
};

FIXTURE_SETUP(hotplug)
{
	ASSERT_EQ(set_state("unplugged"), 0);
	self->memtotal = get_number("/proc/meminfo", "MemTotal");
}

FIXTURE_TEARDOWN_PARENT(hotplug)
{
	EXPECT_EQ(set_state("unplugged"), 0);
	EXPECT_FALSE(node_has("has_private_memory", dax.nid));
	EXPECT_EQ(get_number("/proc/meminfo", "MemTotal"), self->memtotal);
}

TEST_F_TIMEOUT(hotplug, states, LONG)
{
	static const char * const words[] = { "online", "online_kernel", "online_movable" };
	unsigned int i;

	ASSERT_TRUE(is_state("unplugged"));
	EXPECT_EQ(put_text(dax.hotplug, "unplugged"), 0);
	EXPECT_FALSE(node_has("has_memory", dax.nid));
	EXPECT_FALSE(node_has("has_private_memory", dax.nid));

	ASSERT_EQ(put_text(dax.hotplug, variant->state), 0);
	EXPECT_TRUE(is_state(variant->state));
	EXPECT_TRUE(node_has("has_private_memory", dax.nid));
	EXPECT_TRUE(node_has("online", dax.nid));
	EXPECT_FALSE(node_has("has_memory", dax.nid));
	EXPECT_FALSE(node_has("has_normal_memory", dax.nid));

	/* All of it in one zone, all free, and none for the system. */
	EXPECT_GT(read_zoneinfo(variant->zone, "managed "), 0);
	EXPECT_EQ(read_zoneinfo(variant->zone, "managed "), read_zoneinfo(NULL, "managed "));
	EXPECT_EQ(settled_free_pages(), read_zoneinfo(NULL, "managed "));

	/* The same again is fine, another zone only by way of unplugged. */
	for (i = 0; i < 3; i++) {
		int want = strcmp(words[i], variant->state) ? -EBUSY : 0;

		EXPECT_EQ(put_text(dax.hotplug, words[i]), want);
		EXPECT_TRUE(is_state(variant->state));
	}

	ASSERT_EQ(put_text(dax.hotplug, "unplugged"), 0);
	EXPECT_TRUE(is_state("unplugged"));
	EXPECT_EQ(read_zoneinfo(NULL, "managed "), 0);
	EXPECT_FALSE(node_has("has_memory", dax.nid));
}

TEST_F_TIMEOUT(hotplug, bad_words, LONG)
{
	static const char * const bad[] = {
		"", " ", "offline", "Online", "onlin", "online_", "online_movabl",
		"online online", " online", "plugged", "1", "unplugged ", "x",
	};
	unsigned int i;
	long free;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		/* Without a byte there is no write to answer. */
		if (bad[i][0])
			EXPECT_EQ(put_text(dax.hotplug, bad[i]), -EINVAL)
				TH_LOG("\"%s\"", bad[i]);
		EXPECT_TRUE(is_state("unplugged"));
	}

	ASSERT_EQ(put_text(dax.hotplug, variant->state), 0);
	free = settled_free_pages();
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		if (bad[i][0])
			EXPECT_EQ(put_text(dax.hotplug, bad[i]), -EINVAL)
				TH_LOG("\"%s\"", bad[i]);
		EXPECT_TRUE(is_state(variant->state));
	}
	EXPECT_EQ(settled_free_pages(), free);
	EXPECT_TRUE(node_has("has_private_memory", dax.nid));
}

/* Who watches a file need not read it again and again: poll() says when it is another. */
static bool polled(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLPRI };
	char text[32];

	if (poll(&p, 1, ms) != 1 || !(p.revents & POLLPRI))
		return false;
	/* Once for each change. */
	return pread(fd, text, sizeof(text), 0) > 0;
}

TEST_F_TIMEOUT(hotplug, watched, LONG)
{
	char path[PATH_MAX], text[32];
	int state, knob;

	state = open(dax.hotplug, O_RDONLY | O_CLOEXEC);
	snprintf(path, sizeof(path), DAX "devices/%s/mbind", dax.name);
	knob = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_GE(state, 0);
	ASSERT_GE(knob, 0);
	ASSERT_GT(pread(state, text, sizeof(text), 0), 0);
	ASSERT_GT(pread(knob, text, sizeof(text), 0), 0);
	EXPECT_FALSE(polled(state, 0));
	ASSERT_EQ(put_text(dax.hotplug, variant->state), 0);
	EXPECT_TRUE(polled(state, 1000));
	EXPECT_FALSE(polled(state, 0));
	ASSERT_EQ(set_knob("mbind", "0"), 0);
	EXPECT_FALSE(polled(knob, 0));
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	EXPECT_TRUE(polled(knob, 1000));
	EXPECT_FALSE(polled(state, 0));
	ASSERT_EQ(set_knob("mbind", "0"), 0);
	EXPECT_TRUE(polled(knob, 1000));
	/* Nothing becomes of what is refused. */
	EXPECT_EQ(put_text(dax.hotplug, "offline"), -EINVAL);
	EXPECT_FALSE(polled(state, 0));
	ASSERT_EQ(put_text(dax.hotplug, "unplugged"), 0);
	EXPECT_TRUE(polled(state, 1000));
	close(state);
	close(knob);
}

/* The node is its driver's to unplug: nobody takes a part of it away by hand. */
TEST_F_TIMEOUT(hotplug, blocks_by_hand, LONG)
{
	char path[PATH_MAX];
	struct dirent *d;
	int refused = 0;
	long managed;
	DIR *dir;

	ASSERT_EQ(put_text(dax.hotplug, variant->state), 0);
	managed = read_zoneinfo(NULL, "managed ");
	snprintf(path, sizeof(path), NODE "node%d", dax.nid);
	dir = opendir(path);
	ASSERT_NE(dir, NULL);
	while ((d = readdir(dir))) {
		if (strncmp(d->d_name, "memory", 6) || !isdigit(d->d_name[6]))
			continue;
		snprintf(path, sizeof(path), NODE "node%d/%s/state", dax.nid, d->d_name);
		EXPECT_EQ(put_text(path, "offline"), -EBUSY);
		refused++;
	}
	closedir(dir);
	EXPECT_GT(refused, 0);
	EXPECT_EQ(read_zoneinfo(NULL, "managed "), managed);
	EXPECT_TRUE(is_state(variant->state));
	EXPECT_TRUE(node_has("has_private_memory", dax.nid));
}

/* Who does nothing but read what everybody may does not keep the node from going. */
TEST_F_TIMEOUT(hotplug, tier_is_read, LONG)
{
	char path[96], text[64];
	pid_t reader;
	int round;

	ASSERT_EQ(put_text(dax.hotplug, variant->state), 0);
	ASSERT_GE(tier_of(dax.nid), 0);
	snprintf(path, sizeof(path), TIERS "memory_tier%d/nodelist", tier_of(dax.nid));
	reader = fork();
	if (!reader) {
		if (setgid(65534) || setuid(65534))
			_exit(1);
		for (;;) {
			int fd = open(path, O_RDONLY);

			while (pread(fd, text, sizeof(text), 0) > 0)
				;
			close(fd);
		}
	}
	ASSERT_GT(reader, 0);
	for (round = 0; round < 3; round++) {
		EXPECT_EQ(put_text(dax.hotplug, "unplugged"), 0);
		EXPECT_EQ(put_text(dax.hotplug, variant->state), 0);
		EXPECT_GE(tier_of(dax.nid), 0);
	}
	/* Unless somebody was. */
	EXPECT_EQ(waitpid(reader, NULL, WNOHANG), 0);
	kill(reader, SIGKILL);
	EXPECT_EQ(wait_child(reader), 128 + SIGKILL);
}

/* Memory that nobody gets without asking is not the system's. */
TEST_F_TIMEOUT(hotplug, accounting, LONG)
{
	struct balance was, is;
	struct statfs before, after;
	struct sysinfo si, si_after;
	char dir[] = "/tmp/anondax.XXXXXX";
	char path[PATH_MAX], text[32];
	long size, ratio;

	ASSERT_NE(mkdtemp(dir), NULL);
	ASSERT_EQ(mount("tmpfs", dir, "tmpfs", 0, NULL), 0);
	ASSERT_EQ(statfs(dir, &before), 0);
	umount(dir);
	read_balance(&was);
	ASSERT_EQ(sysinfo(&si), 0);

	ASSERT_EQ(put_text(dax.hotplug, variant->state), 0);
	read_balance(&is);
	ASSERT_EQ(sysinfo(&si_after), 0);
	snprintf(path, sizeof(path), NODE "node%d/meminfo", dax.nid);
	size = get_number(path, "MemTotal");
	EXPECT_EQ(size, read_zoneinfo(NULL, "managed ") * (long)(page / KB));
	EXPECT_EQ(get_number(path, "MemFree"), size);

	EXPECT_EQ(get_number("/proc/meminfo", "MemTotal"), self->memtotal);
	EXPECT_EQ(si_after.totalram, si.totalram);
	/*
	 * The memory map of the node is ordinary memory, with KASAN's shadow and
	 * page_owner's records if there are such: what is no longer free is there.
	 */
	EXPECT_LE(unbalanced(&was, &is), NOISE)
		TH_LOG("free %ld, then %ld; used %ld, then %ld",
		       was.free, is.free, was.used, is.used);
	EXPECT_LE(labs(is.available - was.available - (is.free - was.free)), NOISE)
		TH_LOG("free %ld, then %ld; available %ld, then %ld",
		       was.free, is.free, was.available, is.available);
	EXPECT_LE(labs((long)(si_after.freeram * si.mem_unit / KB) - is.free), NOISE);
	/* Dirty pages may take a part of what is free, and no more. */
	ASSERT_EQ(get_text("/proc/sys/vm/dirty_ratio", text, sizeof(text)), 0);
	ratio = atol(text);
	ASSERT_GT(ratio, 0);
	EXPECT_LE(labs((is.dirty - was.dirty) * 100 / ratio - (is.free - was.free)), NOISE)
		TH_LOG("free %ld, then %ld; may be dirty %ld, then %ld",
		       was.free, is.free, was.dirty, is.dirty);

	ASSERT_EQ(mount("tmpfs", dir, "tmpfs", 0, NULL), 0);
	ASSERT_EQ(statfs(dir, &after), 0);
	umount(dir);
	rmdir(dir);
	EXPECT_EQ(after.f_blocks, before.f_blocks);
}

/*
 * Mappings.
 */

/* What tests with the node online start from and have to leave behind. */
struct start {
	struct changes changes;
	long free;
	long oom_kills;
};

static void start(struct __test_metadata *_metadata, struct start *s, const char *state)
{
	ASSERT_EQ(set_state(state), 0);
	s->free = settled_free_pages();
	ASSERT_GT(s->free, 0);
	ASSERT_EQ(s->free, read_zoneinfo(NULL, "managed "));
	s->oom_kills = get_number("/proc/vmstat", "oom_kill");
	catch_sigbus();
}

/* In the parent: the test's process has gone, and so has all that it had. */
static void finish(struct __test_metadata *_metadata, struct start *s)
{
	restore(&s->changes);
	swap_off();
	rmdir(CGROUP GROUP);
	if (!is_state("unplugged"))
		EXPECT_EQ(settled_free_pages(), s->free);
	EXPECT_EQ(get_number("/proc/vmstat", "oom_kill"), s->oom_kills);
}

FIXTURE(mapping)
{
	struct start start;
	long free;
};

FIXTURE_VARIANT(mapping)
{
	const char *state;
};

FIXTURE_VARIANT_ADD(mapping, online)
{
	.state = "online",
};

FIXTURE_VARIANT_ADD(mapping, online_movable)
{
	.state = "online_movable",
};

FIXTURE_SETUP(mapping)
{
	start(_metadata, &self->start, variant->state);
	self->free = self->start.free;
}

FIXTURE_TEARDOWN_PARENT(mapping)
{
	finish(_metadata, &self->start);
}

TEST_F_TIMEOUT(mapping, refused, LONG)
{
	struct stat st;
	pid_t pid;
	int fd;

	fd = open(dax.path, O_RDWR);
	ASSERT_GE(fd, 0);

	/* The file's mode decides who may. */
	ASSERT_EQ(fstat(fd, &st), 0);
	ASSERT_EQ(fchmod(fd, 0600), 0);
	pid = fork();
	if (!pid) {
		if (setgid(65534) || setuid(65534))
			_exit(1);
		if (open(dax.path, O_RDWR) >= 0)
			_exit(2);
		_exit(errno == EACCES ? 0 : 3);
	}
	EXPECT_EQ(wait_child(pid), 0);
	ASSERT_EQ(fchmod(fd, 0644), 0);
	pid = fork();
	if (!pid) {
		if (setgid(65534) || setuid(65534))
			_exit(1);
		if (open(dax.path, O_RDWR) >= 0 || errno != EACCES)
			_exit(2);
		_exit(open(dax.path, O_RDONLY) >= 0 ? 0 : 3);
	}
	EXPECT_EQ(wait_child(pid), 0);
	fchmod(fd, st.st_mode);

	ASSERT_EQ(put_text(dax.hotplug, "unplugged"), 0);
	EXPECT_EQ(mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0), MAP_FAILED);
	EXPECT_EQ(errno, ENXIO);
	EXPECT_EQ(map_dax(page), MAP_FAILED);
	EXPECT_EQ(errno, ENXIO);

	/* A file that was open all the time works again with the memory. */
	ASSERT_EQ(put_text(dax.hotplug, variant->state), 0);
	EXPECT_NE(mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0), MAP_FAILED);
	close(fd);
}

TEST_F_TIMEOUT(mapping, read_then_write, LONG)
{
	size_t size = 4 * MB, off;
	char *p = map_dax(size);

	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(madvise(p, size, MADV_NOHUGEPAGE), 0);
	for (off = 0; off < size; off += page)
		ASSERT_EQ(p[off], 0);
	/* Nothing was written, so nothing was needed of the node. */
	EXPECT_EQ(settled_free_pages(), self->free);

	fill(p, size, 1);
	EXPECT_TRUE(filled(p, size, 1));
	EXPECT_TRUE(all_on_dax(p, size));
	EXPECT_EQ(settled_free_pages(), self->free - (long)(size / page));
	EXPECT_EQ(read_smaps(p, size, "Anonymous"), (long)(size / KB));

	ASSERT_EQ(munmap(p, size), 0);
	EXPECT_EQ(settled_free_pages(), self->free);
}

/* The whole of a page is zero at first, whoever had it before. */
TEST_F_TIMEOUT(mapping, zeroed, LONG)
{
	static const char zeroes[4096];
	size_t size = 2 * MB, off;
	int round;
	char *p;

	for (round = 0; round < 3; round++) {
		p = map_dax(size);
		ASSERT_NE(p, MAP_FAILED);
		for (off = 0; off < size; off += page) {
			p[off + round] = 1;
			p[off + round] = 0;
			ASSERT_EQ(memcmp(p + off, zeroes, sizeof(zeroes)), 0);
		}
		memset(p, 0xa5, size);
		ASSERT_EQ(munmap(p, size), 0);
	}
}

TEST_F_TIMEOUT(mapping, mthp, LONG)
{
	const char *count = THP "hugepages-64kB/stats/anon_fault_alloc";
	char before[32], after[32];
	size_t size = 4 * MB;
	char *p;

	if (change(&self->start.changes, THP "hugepages-64kB/enabled", "always") ||
	    change(&self->start.changes, THP "hugepages-2048kB/enabled", "never"))
		SKIP(return, "no multi-size THP");
	p = map_dax(size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(get_text(count, before, sizeof(before)), 0);
	fill(p, size, 2);
	ASSERT_EQ(get_text(count, after, sizeof(after)), 0);
	EXPECT_GE(atol(after) - atol(before), (long)(size / (64 * KB)) - 1);
	EXPECT_TRUE(filled(p, size, 2));
	EXPECT_TRUE(all_on_dax(p, size));

	/* Pieces of them go and come. */
	ASSERT_EQ(madvise(p + page, page, MADV_DONTNEED), 0);
	EXPECT_EQ(p[page], 0);
	ASSERT_EQ(munmap(p + 64 * KB, 8 * page), 0);
	EXPECT_TRUE(filled(p, page, 2));
}

TEST_F_TIMEOUT(mapping, thp, LONG)
{
	size_t size = 8 * PMD;
	pid_t pid;
	char *p;

	/* Free pages on per-CPU lists do not make a huge page. */
	p = map_dax_huge(size);
	if (p == MAP_FAILED)
		SKIP(return, "no THP");
	ASSERT_EQ((unsigned long)p % PMD, 0UL);
	fill(p, size, 3);
	EXPECT_EQ(read_smaps(p, size, "AnonHugePages"), (long)(size / KB));
	EXPECT_TRUE(filled(p, size, 3));
	EXPECT_TRUE(all_on_dax(p, size));

	/* A child's write is on the node too, and the parent's data stay. */
	pid = fork();
	if (!pid) {
		fill(p + PMD, PMD, 4);
		_exit(filled(p + PMD, PMD, 4) && all_on_dax(p, size) ? 0 : 1);
	}
	EXPECT_EQ(wait_child(pid), 0);
	EXPECT_TRUE(filled(p, size, 3));

	/* Split by a hole, by a protection, by a move. */
	ASSERT_EQ(munmap(p + 3 * PMD + page, page), 0);
	ASSERT_EQ(mprotect(p + 4 * PMD + page, page, PROT_READ), 0);
	EXPECT_TRUE(filled(p, 3 * PMD, 3));
	EXPECT_TRUE(all_on_dax(p, 3 * PMD));
	EXPECT_TRUE(all_on_dax(p + 4 * PMD, 4 * PMD));
}

/* The zero page of THP is nobody's; writing to it is a fault like any other. */
TEST_F_TIMEOUT(mapping, thp_zero_page, LONG)
{
	char *p = map_dax_huge(2 * PMD);

	if (p == MAP_FAILED)
		SKIP(return, "no THP");
	ASSERT_EQ(p[0], 0);
	ASSERT_EQ(p[PMD], 0);
	EXPECT_EQ(settled_free_pages(), self->free);
	fill(p, 2 * PMD, 5);
	EXPECT_TRUE(all_on_dax(p, 2 * PMD));
}

TEST_F_TIMEOUT(mapping, fork_cow, LONG)
{
	size_t size = 2 * MB, half = size / 2;
	int go[2], done[2];
	char *p, c = 0;
	pid_t pid;

	p = map_dax(size);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, size, 6);
	ASSERT_EQ(pipe(go), 0);
	ASSERT_EQ(pipe(done), 0);
	pid = fork();
	if (!pid) {
		int rc = 0;

		fill(p, half, 7);
		rc |= !filled(p, half, 7);
		rc |= !all_on_dax(p, size) << 1;
		if (write(done[1], &c, 1) != 1 || read(go[0], &c, 1) != 1)
			rc |= 4;
		/* The parent wrote the other half meanwhile. */
		fill(p, half, 6);
		rc |= !filled(p, size, 6) << 3;
		_exit(rc);
	}
	ASSERT_EQ(read(done[0], &c, 1), 1);
	EXPECT_TRUE(filled(p, size, 6));
	EXPECT_EQ(settled_free_pages(), self->free - (long)((size + half) / page));
	fill(p + half, half, 8);
	EXPECT_TRUE(all_on_dax(p, size));
	EXPECT_EQ(settled_free_pages(), self->free - (long)(2 * size / page));
	ASSERT_EQ(write(go[1], &c, 1), 1);
	EXPECT_EQ(wait_child(pid), 0);
	EXPECT_TRUE(filled(p, half, 6));
	EXPECT_TRUE(filled(p + half, half, 8));
	EXPECT_EQ(settled_free_pages(), self->free - (long)(size / page));
}

TEST_F_TIMEOUT(mapping, remap_protect_lock, LONG)
{
	size_t size = MB, off;
	char *p, *q, *room;

	p = map_dax(size);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, size, 9);

	/* Move. */
	room = mmap(NULL, 4 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(room, MAP_FAILED);
	q = mremap(p, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, room);
	ASSERT_EQ(q, room);
	EXPECT_TRUE(filled(q, size, 9));
	EXPECT_TRUE(all_on_dax(q, size));

	/* Grow: what is new is the node's as well. */
	ASSERT_EQ(munmap(room + size, 3 * size), 0);
	p = mremap(q, size, 3 * size, MREMAP_MAYMOVE);
	ASSERT_NE(p, MAP_FAILED);
	for (off = size; off < 3 * size; off += page)
		ASSERT_EQ(p[off], 0);
	fill(p + size, 2 * size, 10);
	EXPECT_TRUE(filled(p, size, 9));
	EXPECT_TRUE(all_on_dax(p, 3 * size));

	/* Split and merge. */
	ASSERT_EQ(mprotect(p + size, size, PROT_READ), 0);
	EXPECT_TRUE(filled(p + size, 2 * size, 10));
	ASSERT_EQ(mprotect(p + size, size, PROT_READ | PROT_WRITE), 0);
	fill(p, 3 * size, 11);
	EXPECT_TRUE(all_on_dax(p, 3 * size));

	/* Shrink, and lock what is left. */
	ASSERT_EQ(mremap(p, 3 * size, 2 * size, 0), p);
	EXPECT_EQ(settled_free_pages(), self->free - (long)(2 * size / page));
	ASSERT_EQ(madvise(p, size, MADV_DONTNEED), 0);
	ASSERT_EQ(mlock(p, 2 * size), 0);
	EXPECT_EQ(read_smaps(p, 2 * size, "Locked"), (long)(2 * size / KB));
	EXPECT_TRUE(all_on_dax(p, 2 * size));
	ASSERT_EQ(munlock(p, size), 0);

	/* Populated by hand and by the kernel. */
	ASSERT_EQ(munlock(p, 2 * size), 0);
	ASSERT_EQ(madvise(p, 2 * size, MADV_DONTNEED), 0);
	EXPECT_EQ(settled_free_pages(), self->free);
	ASSERT_EQ(madvise(p, 2 * size, MADV_POPULATE_WRITE), 0);
	EXPECT_TRUE(all_on_dax(p, 2 * size));

	/* System calls that write to it. */
	ASSERT_EQ(madvise(p, 2 * size, MADV_DONTNEED), 0);
	ASSERT_EQ(getcwd(p + size, page), p + size);
	EXPECT_EQ(node_of(p + size), dax.nid);

	ASSERT_EQ(munmap(p, 2 * size), 0);
	EXPECT_EQ(settled_free_pages(), self->free);
}

TEST_F_TIMEOUT(mapping, userfaultfd, LONG)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_copy copy = { 0 };
	size_t size = 64 * KB;
	char *p, *src;
	int fd;

	fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		SKIP(return, "no userfaultfd: %s", strerror(errno));
	p = map_dax(2 * size);
	src = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_NE(src, MAP_FAILED);
	ASSERT_EQ(madvise(p, 2 * size, MADV_NOHUGEPAGE), 0);
	fill(src, size, 12);
	ASSERT_EQ(ioctl(fd, UFFDIO_API, &api), 0);
	reg.range.start = (unsigned long)p;
	reg.range.len = 2 * size;
	ASSERT_EQ(ioctl(fd, UFFDIO_REGISTER, &reg), 0);
	copy.dst = (unsigned long)p;
	copy.src = (unsigned long)src;
	copy.len = size;
	ASSERT_EQ(ioctl(fd, UFFDIO_COPY, &copy), 0)
		TH_LOG("%s, copied %lld", strerror(errno), (long long)copy.copy);
	EXPECT_EQ(copy.copy, (long)size);
	EXPECT_TRUE(filled(p, size, 12));
	EXPECT_TRUE(all_on_dax(p, size));

	if (api.features & UFFD_FEATURE_MOVE) {
		struct uffdio_move move = {
			.dst = (unsigned long)(p + size),
			.src = (unsigned long)p,
			.len = size,
		};

		ASSERT_EQ(ioctl(fd, UFFDIO_MOVE, &move), 0);
		EXPECT_TRUE(filled(p + size, size, 12));
		EXPECT_TRUE(all_on_dax(p + size, size));
		EXPECT_EQ(count_on(p, size, dax.nid), 0);
	}
	close(fd);
}

/* Ordinary pages stay out of a mapping of the node, and the other way round. */
TEST_F_TIMEOUT(mapping, userfaultfd_move_mixed, LONG)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_move move = { 0 };
	char *p, *src;
	int fd;

	fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || !(api.features & UFFD_FEATURE_MOVE))
		SKIP(return, "no UFFDIO_MOVE");
	p = map_dax(64 * KB);
	src = map_anon(64 * KB);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_NE(src, MAP_FAILED);
	fill(src, 64 * KB, 12);
	reg.range.start = (unsigned long)p;
	reg.range.len = 64 * KB;
	ASSERT_EQ(ioctl(fd, UFFDIO_REGISTER, &reg), 0);
	move.dst = (unsigned long)p;
	move.src = (unsigned long)src;
	move.len = 64 * KB;
	/* Refused or not, the data are in one of the two, once. */
	EXPECT_TRUE(filled(ioctl(fd, UFFDIO_MOVE, &move) ? src : p, 64 * KB, 12));
	close(fd);
}

TEST_F_TIMEOUT(mapping, advice, LONG)
{
	size_t size = 2 * PMD;
	pid_t pid;
	char *p;

	p = map_dax(size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(madvise(p, size, MADV_NOHUGEPAGE), 0);
	fill(p, size, 13);

	/* Advice on folios passes them by: referenced they stay. */
	EXPECT_EQ(read_smaps(p, size, "Referenced"), (long)(size / KB));
	EXPECT_EQ(madvise(p, size, MADV_COLD), 0);
	EXPECT_EQ(read_smaps(p, size, "Referenced"), (long)(size / KB));
	EXPECT_EQ(madvise(p, size, MADV_FREE), 0);
	EXPECT_EQ(read_smaps(p, size, "LazyFree"), 0);
	EXPECT_TRUE(filled(p, size, 13));

	/* Whatever the answer, they are as small and where they were. */
	ASSERT_EQ(madvise(p, size, MADV_HUGEPAGE), 0);
	madvise(p, size, MADV_COLLAPSE);
	EXPECT_EQ(read_smaps(p, size, "AnonHugePages"), 0);
	EXPECT_TRUE(all_on_dax(p, size));
	EXPECT_TRUE(filled(p, size, 13));

	/* Advice on the address space works. */
	ASSERT_EQ(madvise(p, size / 2, MADV_DONTNEED), 0);
	EXPECT_EQ(settled_free_pages(), self->free - (long)(size / 2 / page));
	EXPECT_EQ(p[0], 0);
	ASSERT_EQ(madvise(p, size, MADV_DONTFORK), 0);
	pid = fork();
	if (!pid) {
		signal(SIGSEGV, SIG_DFL);
		__atomic_store_n((char *)p, 1, __ATOMIC_SEQ_CST);
		_exit(0);
	}
	EXPECT_EQ(wait_child(pid), 128 + SIGSEGV);
	ASSERT_EQ(madvise(p, size, MADV_DOFORK), 0);
}

TEST_F_TIMEOUT(mapping, advice_huge, LONG)
{
	size_t size = 2 * PMD;
	char *p;

	p = map_dax_huge(size);
	if (p == MAP_FAILED)
		SKIP(return, "no THP");
	fill(p, size, 14);
	ASSERT_EQ(read_smaps(p, size, "AnonHugePages"), (long)(size / KB));
	EXPECT_EQ(madvise(p, size, MADV_COLD), 0);
	/* In part only, which would split an ordinary one. */
	EXPECT_EQ(madvise(p + page, page, MADV_COLD), 0);
	EXPECT_EQ(madvise(p + page, page, MADV_FREE), 0);
	EXPECT_EQ(madvise(p, size, MADV_FREE), 0);
	EXPECT_EQ(read_smaps(p, size, "AnonHugePages"), (long)(size / KB));
	EXPECT_EQ(read_smaps(p, size, "Referenced"), (long)(size / KB));
	EXPECT_EQ(read_smaps(p, size, "LazyFree"), 0);
	EXPECT_TRUE(filled(p, size, 14));
	EXPECT_TRUE(all_on_dax(p, size));
}

/*
 * The ranges that have nothing but zero pages yet: a huge page for them must
 * not come from elsewhere.
 */
TEST_F_TIMEOUT(mapping, collapse_nothing, LONG)
{
	size_t size = 2 * PMD, off;
	char *p;

	p = map_dax(size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(madvise(p, size, MADV_NOHUGEPAGE), 0);
	for (off = 0; off < size; off += page)
		ASSERT_EQ(p[off], 0);
	ASSERT_EQ(madvise(p, size, MADV_HUGEPAGE), 0);
	madvise(p, size, MADV_COLLAPSE);
	fill(p, size, 15);
	EXPECT_TRUE(filled(p, size, 15));
	EXPECT_TRUE(all_on_dax(p, size));
}

/* One page on the node, the rest zero pages: khugepaged would like that. */
TEST_F_TIMEOUT(mapping, khugepaged, LONG)
{
	size_t size = 2 * PMD;
	long before, tries;
	char *p;

	if (khugepaged_on(&self->start.changes))
		SKIP(return, "no khugepaged");
	p = map_dax(size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(madvise(p, size, MADV_NOHUGEPAGE), 0);
	fill(p, 8 * page, 16);
	ASSERT_EQ(p[9 * page], 0);
	ASSERT_EQ(p[PMD], 0);
	ASSERT_EQ(madvise(p, size, MADV_HUGEPAGE), 0);
	before = khugepaged_scans();
	ASSERT_GE(before, 0);
	for (tries = 0; tries < 500 && khugepaged_scans() <= before + 2; tries++)
		usleep(20000);
	EXPECT_LT(tries, 500);
	EXPECT_EQ(read_smaps(p, size, "AnonHugePages"), 0);
	EXPECT_TRUE(filled(p, 8 * page, 16));
	fill(p, size, 16);
	EXPECT_TRUE(all_on_dax(p, size));
}

/* Unplugged, a fault gets nothing: nor does khugepaged bring ordinary memory. */
TEST_F_TIMEOUT(mapping, khugepaged_unplugged, LONG)
{
	size_t size = 8 * PMD;
	long before, off;
	char *p;

	if (khugepaged_on(&self->start.changes))
		SKIP(return, "no khugepaged");
	p = map_dax_huge(size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(madvise(p, size, MADV_NOHUGEPAGE), 0);
	for (off = 0; off < (long)size; off += PMD)
		ASSERT_EQ(touch(p + off, page), 1);
	ASSERT_EQ(madvise(p, size, MADV_HUGEPAGE), 0);
	ASSERT_EQ(set_state("unplugged"), 0);
	before = read_smaps(p, size, "Rss");
	EXPECT_EQ(before, (long)(size / PMD * page / KB));
	EXPECT_TRUE(khugepaged_looks(p, size, 3));
	EXPECT_EQ(read_smaps(p, size, "Rss"), before);
	munmap(p, size);
	EXPECT_EQ(set_state(variant->state), 0);
}

/* A private mapping reads the device as little as it writes to it: it has its memory. */
TEST_F_TIMEOUT(mapping, read_only, LONG)
{
	int fd = open(dax.path, O_RDONLY | O_CLOEXEC);

	ASSERT_GE(fd, 0);
	EXPECT_EQ(mmap(NULL, PMD, PROT_READ, MAP_PRIVATE, fd, 0), MAP_FAILED);
	EXPECT_EQ(errno, EACCES);
	EXPECT_EQ(mmap(NULL, PMD, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0), MAP_FAILED);
	EXPECT_EQ(errno, EACCES);
	close(fd);
}

/* It could not be brought back: so refused at once, and nothing has changed. */
TEST_F_TIMEOUT(mapping, hibernation, LONG)
{
	size_t size = 16 * page;
	char *p;
	int fd;

	if (access("/sys/power/disk", W_OK))
		SKIP(return, "the kernel cannot hibernate");
	p = map_dax(size);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, size, 71);
	EXPECT_EQ(put_text("/sys/power/state", "disk"), -EBUSY);
	EXPECT_TRUE(filled(p, size, 71));
	EXPECT_TRUE(all_on_dax(p, size));
	/* And it can still be plugged. */
	munmap(p, size);
	ASSERT_EQ(set_state("unplugged"), 0);
	EXPECT_EQ(set_state(variant->state), 0);

	/* Unplugged it is allowed; then nothing is plugged meanwhile. */
	EXPECT_EQ(open("/dev/snapshot", O_RDONLY | O_CLOEXEC), -1);
	EXPECT_EQ(errno, EBUSY);
	ASSERT_EQ(set_state("unplugged"), 0);
	fd = open("/dev/snapshot", O_RDONLY | O_CLOEXEC);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(set_state(variant->state), -EBUSY);
	EXPECT_FALSE(node_has("has_private_memory", dax.nid));
	close(fd);
	EXPECT_EQ(set_state(variant->state), 0);
	EXPECT_TRUE(node_has("has_private_memory", dax.nid));
}

TEST_F_TIMEOUT(mapping, pageout, LONG)
{
	size_t size = 2 * PMD;
	char *p, *q;
	int rc;

	rc = swap_on();
	if (rc)
		SKIP(return, "ANONDAX_TEST_SWAP names no disk to swap on");
	p = map_dax(size);
	q = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_NE(q, MAP_FAILED);
	ASSERT_EQ(madvise(p, PMD, MADV_HUGEPAGE), 0);
	fill(p, size, 17);
	fill(q, size, 17);
	EXPECT_EQ(madvise(p, size, MADV_PAGEOUT), 0);
	EXPECT_EQ(madvise(q, size, MADV_PAGEOUT), 0);
	/* It does its work on ordinary memory, or this says nothing. */
	EXPECT_GT(read_smaps(q, size, "Swap"), 0);
	EXPECT_EQ(read_smaps(p, size, "Swap"), 0);
	EXPECT_EQ(read_smaps(p, size, "Rss"), (long)(size / KB));
	EXPECT_TRUE(filled(p, size, 17));
	EXPECT_TRUE(all_on_dax(p, size));
}

TEST_F_TIMEOUT(mapping, ksm, LONG)
{
	size_t size = 64 * KB, off;
	char *p, *q;

	if (ksm_on(&self->start.changes))
		SKIP(return, "no KSM");
	p = map_dax(size);
	q = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_NE(q, MAP_FAILED);
	memset(p, 0x5a, size);
	memset(q, 0x5a, size);
	ASSERT_EQ(madvise(p, size, MADV_MERGEABLE), 0);
	ASSERT_EQ(madvise(q, size, MADV_MERGEABLE), 0);
	EXPECT_TRUE(ksm_passes(4));
	EXPECT_GT(read_smaps(q, size, "KSM"), 0);
	EXPECT_EQ(read_smaps(p, size, "KSM"), 0);
	EXPECT_TRUE(all_on_dax(p, size));
	for (off = 0; off < size; off++)
		ASSERT_EQ(p[off], 0x5a);
}

/*
 * Memory policies.
 */

/*
 * Every call that can name the node, for memory that is not the node's. Each
 * stores 0, what it returned or -errno.
 */
struct named {
	int bind, preferred, interleave, many, bind_both;
	int task_bind, task_preferred;
	int move, move_status, migrate_to, migrate_from;
	long pages;
};

static void name_node(struct named *n)
{
	unsigned long node = 1UL << dax.nid, first = 1, both = node | first;
	size_t size = 16 * page;
	int status = 0, nid = dax.nid;
	char *p[6];
	int i;

	n->pages = 0;
	for (i = 0; i < 6; i++)
		p[i] = map_anon(size);
	n->bind = sys_mbind(p[0], size, MPOL_BIND, node, 0);
	n->preferred = sys_mbind(p[1], size, MPOL_PREFERRED, node, 0);
	n->interleave = sys_mbind(p[2], size, MPOL_INTERLEAVE, both, 0);
	n->many = sys_mbind(p[3], size, MPOL_PREFERRED_MANY, both, 0);
	n->bind_both = sys_mbind(p[4], size, MPOL_BIND, both, 0);
	n->task_bind = sys_set_mempolicy(MPOL_BIND, node);
	n->task_preferred = sys_set_mempolicy(MPOL_PREFERRED, node);
	for (i = 0; i < 6; i++)
		fill(p[i], size, 0);
	sys_set_mempolicy(MPOL_DEFAULT, 0);
	n->move = failed(syscall(__NR_move_pages, 0, 1UL, &p[5], &nid, &status, MPOL_MF_MOVE));
	n->move_status = status;
	n->migrate_to = syscall(__NR_migrate_pages, 0, 64UL, &first, &node);
	if (n->migrate_to < 0)
		n->migrate_to = -errno;
	n->migrate_from = syscall(__NR_migrate_pages, 0, 64UL, &node, &first);
	if (n->migrate_from < 0)
		n->migrate_from = -errno;
	for (i = 0; i < 6; i++) {
		n->pages += count_on(p[i], size, dax.nid);
		munmap(p[i], size);
	}
}

/* To the memory policies, a private node is a node without memory. */
TEST_F_TIMEOUT(mapping, policy_of_others, LONG)
{
	struct named with, without;
	char *p;

	name_node(&with);
	EXPECT_EQ(with.pages, 0);
	EXPECT_EQ(settled_free_pages(), self->free);

	/* The home of a policy is where it starts looking, no more. */
	p = map_anon(MB);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(sys_mbind(p, MB, MPOL_BIND, 1, 0), 0);
	sys_set_home_node(p, MB, dax.nid);
	fill(p, MB, 18);
	EXPECT_EQ(count_on(p, MB, 0), (long)(MB / page));

	ASSERT_EQ(put_text(dax.hotplug, "unplugged"), 0);
	name_node(&without);
	ASSERT_EQ(put_text(dax.hotplug, variant->state), 0);

	EXPECT_EQ(with.bind, without.bind);
	EXPECT_EQ(with.bind, -EINVAL);
	EXPECT_EQ(with.preferred, without.preferred);
	EXPECT_EQ(with.interleave, without.interleave);
	EXPECT_EQ(with.many, without.many);
	EXPECT_EQ(with.bind_both, without.bind_both);
	EXPECT_EQ(with.task_bind, without.task_bind);
	EXPECT_EQ(with.task_bind, -EINVAL);
	EXPECT_EQ(with.task_preferred, without.task_preferred);
	EXPECT_EQ(with.move, without.move);
	EXPECT_EQ(with.move, -ENODEV);
	EXPECT_EQ(with.migrate_to, without.migrate_to);
	EXPECT_LT(with.migrate_to, 0);
	EXPECT_EQ(with.migrate_from, without.migrate_from);
}

TEST_F_TIMEOUT(mapping, policy_of_ours, LONG)
{
	unsigned long mask[16] = { 0 };
	char *p, line[512], want[32];
	int nid = 0, mode = -1, status = 0;
	size_t size = 16 * page;
	void *q;

	p = map_dax(2 * size);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, size, 19);

	/* It has its node and keeps it. */
	EXPECT_EQ(sys_mbind(p, size, MPOL_BIND, 1, 0), -EINVAL);
	EXPECT_EQ(sys_mbind(p, size, MPOL_BIND, 1, MPOL_MF_MOVE | MPOL_MF_STRICT), -EINVAL);
	EXPECT_EQ(failed(syscall(__NR_mbind, p, size, MPOL_DEFAULT, NULL, 0UL, 0)), -EINVAL);
	EXPECT_LT(sys_set_home_node(p, size, 0), 0);
	q = p;
	EXPECT_EQ(syscall(__NR_move_pages, 0, 1UL, &q, &nid, &status, MPOL_MF_MOVE), 0);
	EXPECT_LT(status, 0);
	EXPECT_TRUE(all_on_dax(p, size));
	/* The task's own policy is for its other memory. */
	ASSERT_EQ(sys_set_mempolicy(MPOL_BIND, 1), 0);
	fill(p, 2 * size, 19);
	EXPECT_TRUE(all_on_dax(p, 2 * size));
	ASSERT_EQ(sys_set_mempolicy(MPOL_DEFAULT, 0), 0);

	/* And says so. */
	ASSERT_EQ(syscall(__NR_get_mempolicy, &mode, NULL, 0UL, p,
			  MPOL_F_NODE | MPOL_F_ADDR), 0);
	EXPECT_EQ(mode, dax.nid);
	ASSERT_EQ(syscall(__NR_get_mempolicy, &mode, mask, 1024UL, p, MPOL_F_ADDR), 0);
	EXPECT_EQ(mode, MPOL_BIND);
	EXPECT_EQ(mask[0], 1UL << dax.nid);
	ASSERT_TRUE(read_numa_maps(p, line, sizeof(line)));
	snprintf(want, sizeof(want), " N%d=32 ", dax.nid);
	EXPECT_NE(strstr(line, want), NULL)
		TH_LOG("%s", line);
	snprintf(want, sizeof(want), " bind:%d ", dax.nid);
	EXPECT_NE(strstr(line, want), NULL)
		TH_LOG("%s", line);
}

TEST_F_TIMEOUT(mapping, cpuset, LONG)
{
	char list[256], stat[4096], *p, *anon;
	size_t size = MB;
	long bytes = -1;
	int tries;
	FILE *f;

	/* Not allowed to anybody, but not forbidden to who maps it either. */
	f = fopen("/proc/self/status", "re");
	ASSERT_NE(f, NULL);
	list[0] = '\0';
	while (fgets(stat, sizeof(stat), f))
		sscanf(stat, "Mems_allowed_list: %255s", list);
	fclose(f);
	ASSERT_NE(list[0], '\0');
	EXPECT_FALSE(in_list(list, dax.nid));
	if (get_text(CGROUP "cpuset.mems.effective", list, sizeof(list)))
		SKIP(return, "no cgroup v2 with cpusets at " CGROUP);
	EXPECT_FALSE(in_list(list, dax.nid));

	ASSERT_EQ(enter_cgroup(), 0);
	p = map_dax(4 * size);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, size, 20);
	EXPECT_EQ(put_text(CGROUP GROUP "/cpuset.mems", "0"), 0);
	fill(p + size, size, 20);
	if (!put_text(CGROUP GROUP "/cpuset.mems", "1"))
		fill(p + 2 * size, size, 20);
	EXPECT_EQ(put_text(CGROUP GROUP "/cpuset.mems", ""), 0);
	fill(p + 3 * size, size, 20);
	EXPECT_TRUE(filled(p, size, 20));
	EXPECT_EQ(count_on(p, 4 * size, 0), 0);
	EXPECT_TRUE(all_on_dax(p, 2 * size));
	EXPECT_TRUE(all_on_dax(p + 3 * size, size));

	/* One that names it has it: see anondax_knob_cpuset.c. Here nothing changes. */
	snprintf(list, sizeof(list), "0,%d", dax.nid);
	EXPECT_EQ(put_text(CGROUP GROUP "/cpuset.mems", list), 0);
	EXPECT_EQ(get_text(CGROUP GROUP "/cpuset.mems.effective", list, sizeof(list)), 0);
	EXPECT_TRUE(in_list(list, dax.nid));
	EXPECT_EQ(get_text(CGROUP "cpuset.mems.effective", list, sizeof(list)), 0);
	EXPECT_FALSE(in_list(list, dax.nid));
	EXPECT_TRUE(all_on_dax(p, 2 * size));
	EXPECT_EQ(put_text(CGROUP GROUP "/cpuset.mems", "\n"), 0);

	/*
	 * The group pays for it and shows where it is, as soon as counters are
	 * flushed: every two seconds.
	 */
	size = count_on(p, 4 * size, dax.nid) * page;
	snprintf(list, sizeof(list), " N%d=", dax.nid);
	for (tries = 0; tries < 100 && bytes != (long)size; tries++) {
		ASSERT_EQ(get_text(CGROUP GROUP "/memory.numa_stat", stat, sizeof(stat)), 0);
		ASSERT_EQ(strncmp(stat, "anon ", 5), 0);
		anon = strstr(stat, list);
		ASSERT_NE(anon, NULL);
		bytes = atol(anon + strlen(list));
		usleep(100000);
	}
	EXPECT_EQ(bytes, (long)size)
		TH_LOG("%s", stat);
}

/* 0 or -errno; not for long, this time. */
static int pin_longterm(int fd, void *p, size_t size, unsigned int flags)
{
	struct pin_longterm_test args = {
		.addr = (unsigned long)p,
		.size = size,
		.flags = flags,
	};

	if (ioctl(fd, PIN_LONGTERM_TEST_START, &args))
		return -errno;
	ioctl(fd, PIN_LONGTERM_TEST_STOP);
	return 0;
}

TEST_F_TIMEOUT(mapping, longterm_pin, LONG)
{
	size_t size = 16 * page;
	unsigned int flags;
	char *p, *q;
	int fd;

	fd = open(GUP_TEST, O_RDWR);
	if (fd < 0)
		SKIP(return, "no " GUP_TEST ": %s", strerror(errno));
	q = map_anon(size);
	ASSERT_NE(q, MAP_FAILED);
	for (flags = 0; flags < 4; flags++) {
		p = map_dax(2 * size);
		ASSERT_NE(p, MAP_FAILED);
		ASSERT_EQ(madvise(p, 2 * size, MADV_NOHUGEPAGE), 0);
		fill(p, size, 21);
		/* It works with other memory. */
		ASSERT_EQ(pin_longterm(fd, q, size, flags), 0);
		/* Pages that are there, and pages still to come. */
		EXPECT_EQ(pin_longterm(fd, p, size, flags), -EOPNOTSUPP);
		EXPECT_TRUE(all_on_dax(p, size));
		EXPECT_TRUE(filled(p, size, 21));
		EXPECT_EQ(pin_longterm(fd, p + size, size, flags), -EOPNOTSUPP)
			TH_LOG("flags %u", flags);
		EXPECT_EQ(count_on(p + size, size, 0) + count_on(p + size, size, 1), 0);
		fill(p + size, size, 21);
		EXPECT_TRUE(all_on_dax(p, 2 * size));
		ASSERT_EQ(munmap(p, 2 * size), 0);
		EXPECT_EQ(settled_free_pages(), self->free);
	}
	close(fd);
}

/* A fixed buffer of io_uring is pinned for as long as it is registered. */
TEST_F_TIMEOUT(mapping, io_uring_fixed, LONG)
{
	size_t size = 16 * page;
	char *p, *q;
	int ring;

	ring = open_ring();
	if (ring < 0)
		SKIP(return, "no io_uring: %s", strerror(errno));
	p = map_dax(2 * size);
	q = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_NE(q, MAP_FAILED);
	ASSERT_EQ(madvise(p, 2 * size, MADV_NOHUGEPAGE), 0);
	fill(p, size, 21);

	ASSERT_EQ(fix_buffer(ring, q, size), 0);
	ASSERT_EQ(unfix_buffer(ring), 0);
	EXPECT_EQ(fix_buffer(ring, p, size), -EOPNOTSUPP);
	EXPECT_TRUE(all_on_dax(p, size));
	EXPECT_TRUE(filled(p, size, 21));
	EXPECT_EQ(fix_buffer(ring, p + size, size), -EOPNOTSUPP);
	EXPECT_EQ(count_on(p + size, size, 0) + count_on(p + size, size, 1), 0);
	fill(p + size, size, 21);
	EXPECT_TRUE(all_on_dax(p, 2 * size));
	close(ring);
}

/* Pins for as long as it takes are as good as anywhere. */
TEST_F_TIMEOUT(mapping, direct_io, LONG)
{
	const char *disk = getenv("ANONDAX_TEST_SWAP");
	size_t size = 2 * PMD;
	char *p, *q;
	int fd;

	if (!disk)
		SKIP(return, "ANONDAX_TEST_SWAP names no disk to write to");
	fd = open(disk, O_RDWR | O_DIRECT | O_CLOEXEC);
	ASSERT_GE(fd, 0);
	p = map_dax(size);
	q = map_dax(size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_NE(q, MAP_FAILED);
	/* Huge and small. */
	ASSERT_EQ(madvise(p, PMD, MADV_HUGEPAGE), 0);
	ASSERT_EQ(madvise(q + PMD, PMD, MADV_HUGEPAGE), 0);
	fill(p, size, 36);
	ASSERT_EQ(pwrite(fd, p, size, 0), (ssize_t)size);
	/* What is read into it is not there yet. */
	ASSERT_EQ(pread(fd, q, size, 0), (ssize_t)size);
	EXPECT_TRUE(filled(q, size, 36));
	EXPECT_TRUE(all_on_dax(p, size));
	EXPECT_TRUE(all_on_dax(q, size));
	/* And what is there is overwritten where it is. */
	fill(q, size, 37);
	ASSERT_EQ(pread(fd, q, size, 0), (ssize_t)size);
	EXPECT_TRUE(filled(q, size, 36));
	EXPECT_TRUE(all_on_dax(q, size));
	close(fd);
	ASSERT_EQ(munmap(p, size), 0);
	ASSERT_EQ(munmap(q, size), 0);
	EXPECT_EQ(settled_free_pages(), self->free);
}

/* Pages in a pipe outlive their mapping. */
TEST_F_TIMEOUT(mapping, pipes, LONG)
{
	size_t size = 8 * page, off;
	struct iovec iov;
	char *p, *q;
	int fds[2], fd;

	p = map_dax(size);
	q = map_dax(2 * size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_NE(q, MAP_FAILED);
	ASSERT_EQ(madvise(p, size, MADV_NOHUGEPAGE), 0);
	ASSERT_EQ(madvise(q, 2 * size, MADV_NOHUGEPAGE), 0);
	fill(p, size, 38);
	ASSERT_EQ(pipe(fds), 0);
	iov.iov_base = p;
	iov.iov_len = size;
	ASSERT_EQ(vmsplice(fds[1], &iov, 1, SPLICE_F_GIFT), (ssize_t)size);
	ASSERT_EQ(munmap(p, size), 0);
	EXPECT_EQ(settled_free_pages(), self->free - (long)(size / page));
	ASSERT_EQ(read(fds[0], q, size), (ssize_t)size);
	EXPECT_TRUE(filled(q, size, 38));
	EXPECT_TRUE(all_on_dax(q, size));
	EXPECT_EQ(settled_free_pages(), self->free - (long)(size / page));

	/* Into a file: the page cache has pages of its own. */
	fd = memfd_create("anondax", 0);
	ASSERT_GE(fd, 0);
	iov.iov_base = q;
	ASSERT_EQ(vmsplice(fds[1], &iov, 1, SPLICE_F_GIFT), (ssize_t)size);
	ASSERT_EQ(munmap(q, size), 0);
	for (off = 0; off < size; off += page)
		ASSERT_EQ(splice(fds[0], NULL, fd, NULL, page, SPLICE_F_MOVE), (ssize_t)page);
	EXPECT_EQ(settled_free_pages(), self->free);
	/* And back from there. */
	q += size;
	ASSERT_EQ(pread(fd, q, size, 0), (ssize_t)size);
	EXPECT_TRUE(filled(q, size, 38));
	EXPECT_TRUE(all_on_dax(q, size));
	close(fd);
	close(fds[0]);
	close(fds[1]);
}

/* Others read and write it: what they fault in is the node's. */
TEST_F_TIMEOUT(mapping, remote_access, LONG)
{
	size_t size = 16 * page;
	struct iovec here, there;
	int go[2], fd;
	char *p, *q, c;
	pid_t pid;

	p = map_dax(2 * size);
	q = map_anon(size);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_NE(q, MAP_FAILED);
	ASSERT_EQ(pipe(go), 0);
	pid = fork();
	if (!pid) {
		close(go[1]);
		if (read(go[0], &c, 1) != 1)
			_exit(1);
		_exit(!filled(p, size, 39) ? 2 : !all_on_dax(p, size) ? 3 : 0);
	}
	fill(q, size, 39);
	here.iov_base = q;
	there.iov_base = p;
	here.iov_len = size;
	there.iov_len = size;
	ASSERT_EQ(process_vm_writev(pid, &here, 1, &there, 1, 0), (ssize_t)size);
	memset(q, 0, size);
	ASSERT_EQ(process_vm_readv(pid, &here, 1, &there, 1, 0), (ssize_t)size);
	EXPECT_TRUE(filled(q, size, 39));
	EXPECT_EQ(settled_free_pages(), self->free - (long)(size / page));
	ASSERT_EQ(write(go[1], "", 1), 1);
	EXPECT_EQ(wait_child(pid), 0);

	fd = open("/proc/self/mem", O_RDWR);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(pwrite(fd, q, size, (off_t)(unsigned long)(p + size)), (ssize_t)size);
	EXPECT_TRUE(filled(p + size, size, 39));
	EXPECT_TRUE(all_on_dax(p + size, size));
	close(fd);
}

TEST_F_TIMEOUT(mapping, populate_all, LONG)
{
	size_t size = self->free * page;
	char *p;

	p = map_dax(size + PMD);
	ASSERT_NE(p, MAP_FAILED);
	madvise(p, size, MADV_HUGEPAGE);
	ASSERT_EQ(madvise(p, size, MADV_POPULATE_WRITE), 0);
	settle();
	EXPECT_EQ(free_pages(), 0);
	EXPECT_TRUE(all_on_dax(p, size));
	EXPECT_EQ(madvise(p, size, MADV_POPULATE_WRITE), 0);
	/* One more. */
	EXPECT_EQ(madvise(p, size + page, MADV_POPULATE_WRITE), -1);
	EXPECT_EQ(errno, EFAULT);
	EXPECT_EQ(madvise(p + size, page, MADV_POPULATE_READ), 0);
	ASSERT_EQ(munmap(p, size), 0);
	EXPECT_EQ(settled_free_pages(), self->free);
	EXPECT_EQ(madvise(p + size, page, MADV_POPULATE_WRITE), 0);
}

/* A child that writes until there is no more leaves nothing behind. */
TEST_F_TIMEOUT(mapping, fork_fills, LONG)
{
	long free, pages, got = -1;
	size_t size;
	pid_t pid;
	int fds[2];
	char *p;

	/* A copy of each page of all of the node would take long. */
	ASSERT_TRUE(take_all_but(64 * MB));
	free = settled_free_pages();
	size = free / 5 * 3 * page / PMD * PMD;
	pages = size / page;
	p = map_dax(size);
	ASSERT_NE(p, MAP_FAILED);
	madvise(p, size, MADV_HUGEPAGE);
	ASSERT_EQ(touch(p, size), pages);
	ASSERT_EQ(pipe(fds), 0);
	pid = fork();
	if (!pid) {
		got = touch(p, size);
		if (write(fds[1], &got, sizeof(got)) != sizeof(got))
			_exit(1);
		/* What it could not copy it still reads. */
		_exit(filled(p, size, 0) ? 0 : 2);
	}
	ASSERT_EQ(read(fds[0], &got, sizeof(got)), (ssize_t)sizeof(got));
	EXPECT_EQ(got, free - pages);
	EXPECT_EQ(wait_child(pid), 0);
	EXPECT_TRUE(filled(p, size, 0));
	EXPECT_EQ(settled_free_pages(), free - pages);
	/* All of it is the parent's again, nothing needs a copy. */
	fill(p, size, 35);
	EXPECT_TRUE(filled(p, size, 35));
	EXPECT_TRUE(all_on_dax(p, size));
	EXPECT_EQ(settled_free_pages(), free - pages);
}

#define KPF(name)	FLAG(KPF_##name)

/* The flags of the page behind it. */
static uint64_t page_flags(void *p)
{
	return read_word("/proc/kpageflags", map_entry(p) & PM_PFN);
}

TEST_F_TIMEOUT(mapping, flags, LONG)
{
	const uint64_t bits = PM_PRESENT | PM_SWAP | PM_FILE | PM_EXCLUSIVE;
	const uint64_t kind = KPF(ANON) | KPF(SWAPBACKED) | KPF(ZERO_PAGE) | KPF(THP) | KPF(KSM);
	char *p, *huge;
	pid_t pid;

	p = map_dax(4 * page);
	huge = map_dax_huge(PMD);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_EQ(madvise(p, 4 * page, MADV_NOHUGEPAGE), 0);
	EXPECT_EQ(map_entry(p) & bits, 0);
	EXPECT_EQ(count_resident(p, 4 * page), 0);
	/* The zero page is nobody's. */
	ASSERT_EQ(p[0], 0);
	EXPECT_EQ(map_entry(p) & (PM_PRESENT | PM_EXCLUSIVE), PM_PRESENT);
	EXPECT_EQ(page_flags(p) & kind, KPF(ZERO_PAGE));
	EXPECT_EQ(count_resident(p, 4 * page), 1);
	/* Ours is anonymous memory. */
	fill(p, 2 * page, 40);
	EXPECT_EQ(count_resident(p, 4 * page), 2);
	EXPECT_EQ(map_entry(p) & bits, PM_PRESENT | PM_EXCLUSIVE);
	EXPECT_EQ(page_flags(p) & kind, KPF(ANON) | KPF(SWAPBACKED));
	if (huge != MAP_FAILED) {
		fill(huge, PMD, 40);
		EXPECT_EQ(map_entry(huge + page) & bits, PM_PRESENT | PM_EXCLUSIVE);
		EXPECT_EQ(page_flags(huge + page) & KPF(THP), KPF(THP));
		EXPECT_EQ(count_resident(huge, PMD), (long)(PMD / page));
	}
	/* Shared with a child, it is not exclusive. */
	pid = fork();
	if (!pid) {
		pause();
		_exit(0);
	}
	EXPECT_EQ(map_entry(p) & bits, PM_PRESENT);
	kill(pid, SIGKILL);
	EXPECT_EQ(wait_child(pid), 128 + SIGKILL);
	EXPECT_EQ(map_entry(p) & bits, PM_PRESENT | PM_EXCLUSIVE);
	ASSERT_EQ(madvise(p, page, MADV_DONTNEED), 0);
	EXPECT_EQ(map_entry(p) & bits, 0);
	EXPECT_EQ(count_resident(p, 4 * page), 1);
}

/* A private node is hidden from allocation, not from people. */
TEST_F_TIMEOUT(mapping, kcore, LONG)
{
	uint64_t addr, off = 0;
	char *p, buf[64];
	struct elf64_hdr eh;
	struct elf64_phdr ph;
	int fd, i;

	p = map_dax(page);
	ASSERT_NE(p, MAP_FAILED);
	snprintf(p, page, "this is on the private node");
	addr = (map_entry(p) & PM_PFN) * page;
	ASSERT_NE(addr, 0UL);

	fd = open("/proc/kcore", O_RDONLY);
	if (fd < 0)
		SKIP(return, "no /proc/kcore");
	ASSERT_EQ(pread(fd, &eh, sizeof(eh), 0), (ssize_t)sizeof(eh));
	for (i = 0; i < eh.e_phnum && !off; i++) {
		ASSERT_EQ(pread(fd, &ph, sizeof(ph), eh.e_phoff + i * sizeof(ph)),
			  (ssize_t)sizeof(ph));
		if (ph.p_type == PT_LOAD && ph.p_paddr != -1ULL &&
		    addr >= ph.p_paddr && addr < ph.p_paddr + ph.p_memsz)
			off = ph.p_offset + (addr - ph.p_paddr);
	}
	ASSERT_NE(off, 0UL)
		TH_LOG("no segment for %#llx", (unsigned long long)addr);
	ASSERT_EQ(pread(fd, buf, sizeof(buf), off), (ssize_t)sizeof(buf));
	EXPECT_STREQ(buf, p);
	close(fd);
}

/* Open at the end of the kernel's log. */
static int log_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

static bool log_says(int fd, const char *text)
{
	char line[8192], node[32];
	bool found = false;
	ssize_t n;

	snprintf(node, sizeof(node), "node %d:", dax.nid);
	while ((n = read(fd, line, sizeof(line) - 1)) > 0 || (n < 0 && errno == EPIPE)) {
		if (n < 0)
			continue;
		line[n] = '\0';
		found |= (strstr(line, dax.name) || strstr(line, node)) && strstr(line, text);
	}
	return found;
}

/*
 * Unplugging.
 */

TEST_F_TIMEOUT(mapping, unplug_moves, LONG)
{
	size_t size = 4 * PMD;
	char *p, *locked;
	pid_t pid;
	int go[2];
	char c;

	p = map_dax(size);
	locked = map_dax(MB);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_NE(locked, MAP_FAILED);
	/* Huge, small, none, huge. */
	ASSERT_EQ(madvise(p, PMD, MADV_HUGEPAGE), 0);
	ASSERT_EQ(madvise(p + PMD, 2 * PMD, MADV_NOHUGEPAGE), 0);
	ASSERT_EQ(madvise(p + 3 * PMD, PMD, MADV_HUGEPAGE), 0);
	fill(p, PMD, 22);
	fill(p + PMD, PMD, 22);
	fill(p + 3 * PMD, PMD, 22);
	ASSERT_EQ(mlock(locked, MB), 0);
	fill(locked, MB, 23);
	ASSERT_EQ(pipe(go), 0);
	/* Shared with a child, which sees the same. */
	pid = fork();
	if (!pid) {
		close(go[1]);
		if (read(go[0], &c, 1) != 1 || !filled(p, PMD, 22) ||
		    !filled(p + 3 * PMD, PMD, 22) || !filled(locked, MB, 23))
			_exit(1);
		/* A copy would have to come from the node. */
		_exit(touch(p, page) ? 2 : 0);
	}

	ASSERT_EQ(put_text(dax.hotplug, "unplugged"), 0);
	EXPECT_FALSE(node_has("has_private_memory", dax.nid));
	EXPECT_TRUE(filled(p, PMD, 22));
	EXPECT_TRUE(filled(p + PMD, PMD, 22));
	EXPECT_TRUE(filled(p + 3 * PMD, PMD, 22));
	EXPECT_TRUE(filled(locked, MB, 23));
	EXPECT_EQ(count_on(p, size, dax.nid), 0);
	EXPECT_EQ(touch(p + 2 * PMD, page), 0);
	ASSERT_EQ(write(go[1], "", 1), 1);
	EXPECT_EQ(wait_child(pid), 0);
	fill(p, PMD, 24);
	EXPECT_TRUE(filled(p, PMD, 24));

	/* Back again: what was moved stays, and nothing new comes from a claim that ended. */
	ASSERT_EQ(put_text(dax.hotplug, variant->state), 0);
	EXPECT_EQ(count_on(p, PMD, dax.nid), 0);
	EXPECT_EQ(touch(p + 2 * PMD, PMD), 0);
	EXPECT_TRUE(filled(p, PMD, 24));
	EXPECT_TRUE(filled(p + PMD, PMD, 22));
	locked = map_dax(MB);
	ASSERT_NE(locked, MAP_FAILED);
	EXPECT_EQ(touch(locked, MB), (long)(MB / page));
	EXPECT_TRUE(all_on_dax(locked, MB));
}

/* Pages in a pipe are held by more than their mapping: they cannot move. */
TEST_F_TIMEOUT(mapping, unplug_stuck, LONG)
{
	size_t size = 4 * page;
	struct iovec iov;
	char *p, buf[64];
	int fds[2], log;
	long free;

	log = log_open();
	ASSERT_GE(log, 0);
	p = map_dax(MB);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, MB, 25);
	ASSERT_EQ(pipe(fds), 0);
	iov.iov_base = p;
	iov.iov_len = size;
	ASSERT_EQ(vmsplice(fds[1], &iov, 1, SPLICE_F_NONBLOCK), (ssize_t)size);
	EXPECT_TRUE(all_on_dax(p, MB));
	free = settled_free_pages();

	EXPECT_EQ(put_text(dax.hotplug, "unplugged"), -EBUSY);
	EXPECT_TRUE(is_state(variant->state));
	EXPECT_TRUE(node_has("has_private_memory", dax.nid));
	EXPECT_EQ(read_zoneinfo(NULL, "managed "), self->free);
	EXPECT_TRUE(filled(p, MB, 25));
	/* Nothing was moved, for it is known before. */
	EXPECT_EQ(settled_free_pages(), free);
	EXPECT_TRUE(all_on_dax(p, MB));
	EXPECT_TRUE(log_says(log, "is held by somebody"));
	EXPECT_EQ(put_text(dax.hotplug, "unplugged"), -EBUSY);
	EXPECT_NE(map_dax(page), MAP_FAILED);
	ASSERT_EQ(madvise(p + MB / 2, MB / 2, MADV_DONTNEED), 0);
	fill(p + MB / 2, MB / 2, 26);
	EXPECT_TRUE(all_on_dax(p + MB / 2, MB / 2));

	/* Who holds them sees the same data, and lets go. */
	ASSERT_EQ(read(fds[0], buf, sizeof(buf)), (ssize_t)sizeof(buf));
	EXPECT_EQ(memcmp(buf, p, sizeof(buf)), 0);
	close(fds[0]);
	close(fds[1]);
	EXPECT_EQ(put_text(dax.hotplug, "unplugged"), 0);
	EXPECT_TRUE(filled(p, MB / 2, 25));
	EXPECT_TRUE(filled(p + MB / 2, MB / 2, 26));
	ASSERT_EQ(put_text(dax.hotplug, variant->state), 0);
}

/* The blocks of the node have numbers: is this one's memory on its way out? */
static bool block_leaves(unsigned long block)
{
	char path[PATH_MAX], state[32];

	snprintf(path, sizeof(path), "/sys/devices/system/memory/memory%lu/state", block);
	return !get_text(path, state, sizeof(state)) && strncmp(state, "online", 6);
}

/* Where the pages of a range are, which are all there. */
struct frames {
	uint64_t *pfn;
	unsigned long block;		/* how many pages a memory block has */
	unsigned long low, high;	/* the first frame and the last one */
	size_t last;			/* which of them that is */
};

static bool find_frames(struct frames *f, char *p, size_t nr)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	const off_t at = (uintptr_t)p / page * sizeof(*f->pfn);
	const ssize_t size = nr * sizeof(*f->pfn);
	char text[32];
	size_t i;

	if (get_text("/sys/devices/system/memory/block_size_bytes", text, sizeof(text)))
		return false;
	f->block = strtoul(text, NULL, 16) / page;
	f->low = ULONG_MAX;
	f->high = 0;
	f->pfn = malloc(size);
	if (!f->pfn || pread(fd, f->pfn, size, at) != size)
		return false;
	close(fd);
	for (i = 0; i < nr; i++) {
		f->pfn[i] &= PM_PFN;
		if (f->pfn[i] < f->low)
			f->low = f->pfn[i];
		if (f->pfn[i] > f->high) {
			f->high = f->pfn[i];
			f->last = i;
		}
	}
	return true;
}

/*
 * A process that goes on touching new pages of a range. It counts how often it has, and
 * how often it could not.
 */
static pid_t start_touching(atomic_long *seen, char *p, size_t size)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	for (;; seen[0]++) {
		if (touch(p, size) != (long)(size / page))
			seen[1]++;
		madvise(p, size, MADV_DONTNEED);
	}
}

/* One that is bound to the node and starts programs. It counts likewise. */
static pid_t start_starting(atomic_long *seen)
{
	pid_t pid = fork(), child;
	int status;

	if (pid)
		return pid;
	if (sys_set_mempolicy(MPOL_BIND, 1UL << dax.nid))
		_exit(1);
	for (;; seen[0]++) {
		child = vfork();
		if (!child) {
			execl("/bin/true", "true", NULL);
			_exit(1);
		}
		if (child < 0 || waitpid(child, &status, 0) != child || status)
			seen[1]++;
	}
}

/*
 * Something turns up that cannot be moved when the first of the node's memory has left.
 * Who needs a page meanwhile waits until it is clear that the node stays.
 */
TEST_F_TIMEOUT(mapping, unplug_waits, LONG)
{
	const size_t kept = 8 * PMD;
	size_t size = (self->free + 1) * page, i;
	pid_t holder, toucher, starter;
	atomic_long *seen;
	struct frames f;
	char *p, *q;
	int log;

	log = log_open();
	ASSERT_GE(log, 0);
	seen = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(seen, MAP_FAILED);
	q = map_dax(MB);
	ASSERT_NE(q, MAP_FAILED);

	/* A page at the end, and at the beginning what takes a while to move. */
	ASSERT_EQ(fill_node(&p, size), self->free);
	ASSERT_TRUE(find_frames(&f, p, self->free));
	if (f.low / f.block == f.high / f.block)
		SKIP(return, "the device is one memory block");
	for (i = 0; i < (size_t)self->free; i++) {
		if (i != f.last && f.pfn[i] - f.low >= kept / page)
			ASSERT_EQ(madvise(p + i * page, page, MADV_DONTNEED), 0);
	}
	ASSERT_EQ(set_knob("mbind", "1"), 0);

	holder = fork();
	if (!holder) {
		struct iovec iov = { .iov_base = p + f.last * page, .iov_len = page };
		int fds[2];

		if (pipe(fds))
			_exit(1);
		while (!block_leaves(f.low / f.block))
			;
		if (vmsplice(fds[1], &iov, 1, SPLICE_F_NONBLOCK) != (ssize_t)page)
			_exit(2);
		pause();
	}
	toucher = start_touching(seen, q, MB);
	starter = start_starting(seen + 2);
	while (!seen[0] || !seen[2])
		usleep(1000);
	EXPECT_EQ(put_text(dax.hotplug, "unplugged"), -EBUSY);
	EXPECT_TRUE(is_state(variant->state));
	EXPECT_EQ(seen[1], 0);
	i = seen[0];
	while (seen[0] < (long)i + 2)
		usleep(1000);
	EXPECT_EQ(seen[1], 0);
	EXPECT_EQ(seen[3], 0);
	EXPECT_TRUE(log_says(log, "pages have moved to ordinary memory"));
	EXPECT_EQ(waitpid(holder, NULL, WNOHANG), 0);
	kill(holder, SIGKILL);
	kill(toucher, SIGKILL);
	kill(starter, SIGKILL);
	EXPECT_EQ(wait_child(holder), 128 + SIGKILL);
	EXPECT_EQ(wait_child(toucher), 128 + SIGKILL);
	EXPECT_EQ(wait_child(starter), 128 + SIGKILL);
	ASSERT_EQ(set_knob("mbind", "0"), 0);
	/* Of what has moved nothing is lost. */
	EXPECT_EQ(read_smaps(p, size, "Rss"), (long)((kept + page) / KB));
	munmap(p, size);
	EXPECT_EQ(put_text(dax.hotplug, "unplugged"), 0);
	ASSERT_EQ(put_text(dax.hotplug, variant->state), 0);
}

/*
 * To a mapping of a claim that is over it is nothing what becomes of the next owner's
 * memory: no new page for it, then as ever, and no waiting.
 */
TEST_F_TIMEOUT(mapping, unplug_of_next, LONG)
{
	const size_t kept = 32 * PMD;
	size_t size = (self->free + 1) * page, i;
	pid_t holder, toucher, waiter;
	atomic_long *seen;
	struct frames f;
	char *p, *q, *old;

	seen = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(seen, MAP_FAILED);
	old = map_dax(page);
	ASSERT_NE(old, MAP_FAILED);
	ASSERT_EQ(put_text(dax.hotplug, "unplugged"), 0);
	ASSERT_EQ(bind_driver("anondax", "unbind"), 0);
	ASSERT_EQ(bind_driver("anondax", "bind"), 0);
	ASSERT_EQ(put_text(dax.hotplug, variant->state), 0);
	EXPECT_EQ(touch(old, page), 0);
	q = map_dax(MB);
	ASSERT_NE(q, MAP_FAILED);

	ASSERT_EQ(fill_node(&p, size), self->free);
	ASSERT_TRUE(find_frames(&f, p, self->free));
	if (f.low / f.block == f.high / f.block)
		SKIP(return, "the device is one memory block");
	for (i = 0; i < (size_t)self->free; i++) {
		if (i != f.last && f.pfn[i] - f.low >= kept / page)
			ASSERT_EQ(madvise(p + i * page, page, MADV_DONTNEED), 0);
	}
	toucher = start_touching(seen, old, page);
	waiter = start_touching(seen + 2, q, MB);
	holder = fork();
	if (!holder) {
		struct iovec iov = { .iov_base = p + f.last * page, .iov_len = page };
		long was, others;
		int fds[2];

		if (pipe(fds))
			_exit(1);
		while (!block_leaves(f.low / f.block))
			;
		/* One of them waits, the other does not. If it did, nothing would be in the way. */
		do {
			was = seen[0];
			others = seen[2];
			usleep(10000);
		} while (seen[0] < was + 4 || seen[2] != others);
		if (vmsplice(fds[1], &iov, 1, SPLICE_F_NONBLOCK) != (ssize_t)page)
			_exit(2);
		pause();
	}
	while (!seen[0] || !seen[2])
		usleep(1000);
	EXPECT_EQ(put_text(dax.hotplug, "unplugged"), -EBUSY);
	EXPECT_EQ(waitpid(holder, NULL, WNOHANG), 0);
	EXPECT_EQ(waitpid(toucher, NULL, WNOHANG), 0);
	kill(holder, SIGKILL);
	kill(toucher, SIGKILL);
	kill(waiter, SIGKILL);
	EXPECT_EQ(wait_child(holder), 128 + SIGKILL);
	EXPECT_EQ(wait_child(toucher), 128 + SIGKILL);
	EXPECT_EQ(wait_child(waiter), 128 + SIGKILL);
	/* Each of them failed. */
	EXPECT_GE(seen[1], seen[0]);
	EXPECT_EQ(seen[3], 0);
	munmap(p, size);
}

/*
 * The same when nobody is there to unplug it, and somebody takes a memory block offline
 * by hand that has all there is to be had.
 */
TEST_F_TIMEOUT(mapping, offline_waits, LONG)
{
	size_t size = (self->free + 1) * page, i;
	struct iovec iov = { .iov_len = page };
	atomic_long *seen;
	char path[PATH_MAX];
	struct frames f;
	pid_t toucher;
	char *p, *q;
	int fds[2];

	seen = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(seen, MAP_FAILED);
	q = map_dax(MB);
	ASSERT_NE(q, MAP_FAILED);
	ASSERT_EQ(pipe(fds), 0);
	ASSERT_EQ(fill_node(&p, size), self->free);
	ASSERT_TRUE(find_frames(&f, p, self->free));
	if (f.low / f.block == f.high / f.block)
		SKIP(return, "the device is one memory block");
	iov.iov_base = p + f.last * page;
	ASSERT_EQ(vmsplice(fds[1], &iov, 1, SPLICE_F_NONBLOCK), (ssize_t)page);
	for (i = 0; i < (size_t)self->free; i++) {
		if (i != f.last && f.pfn[i] / f.block == f.high / f.block)
			ASSERT_EQ(madvise(p + i * page, page, MADV_DONTNEED), 0);
	}

	ASSERT_EQ(bind_driver("anondax", "unbind"), 0);
	toucher = start_touching(seen, q, MB);
	while (!seen[0])
		usleep(1000);
	snprintf(path, sizeof(path), "/sys/devices/system/memory/memory%lu/state",
		 f.high / f.block);
	EXPECT_EQ(put_text(path, "offline"), -EBUSY);
	i = seen[0];
	while (seen[0] < (long)i + 2)
		usleep(1000);
	EXPECT_EQ(seen[1], 0);

	/* The other one's pages can be moved; half of the node is no state that it has. */
	kill(toucher, SIGKILL);
	EXPECT_EQ(wait_child(toucher), 128 + SIGKILL);
	close(fds[0]);
	close(fds[1]);
	munmap(p, size);
	fill(q, page, 76);
	i = pfn_of(q) / f.block == f.high / f.block ? f.low : f.high;
	snprintf(path, sizeof(path), "/sys/devices/system/memory/memory%lu/state",
		 (unsigned long)i / f.block);
	EXPECT_EQ(put_text(path, "offline"), 0);
	ASSERT_EQ(bind_driver("anondax", "bind"), 0);
	EXPECT_TRUE(is_state(variant->state));
	EXPECT_EQ(put_text(dax.hotplug, variant->state), -EBUSY);
	EXPECT_TRUE(filled(q, page, 76));
	EXPECT_EQ(put_text(dax.hotplug, "unplugged"), 0);
	EXPECT_TRUE(filled(q, page, 76));
	ASSERT_EQ(put_text(dax.hotplug, variant->state), 0);
}

/* What has moved can be pinned, and a child has copies of it. */
TEST_F_TIMEOUT(mapping, unplug_pinned_fork, LONG)
{
	size_t size = 16 * page;
	int ring = open_ring();
	pid_t child;
	char *p;

	if (ring < 0)
		SKIP(return, "no io_uring: %s", strerror(-ring));
	p = map_dax(size);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, size, 77);
	ASSERT_EQ(put_text(dax.hotplug, "unplugged"), 0);
	ASSERT_EQ(fix_buffer(ring, p, size), 0);
	child = fork();
	if (!child)
		_exit(filled(p, size, 77) ? 0 : 1);
	EXPECT_GT(child, 0);
	if (child > 0)
		EXPECT_EQ(wait_child(child), 0);
	EXPECT_EQ(unfix_buffer(ring), 0);
	close(ring);
	ASSERT_EQ(put_text(dax.hotplug, variant->state), 0);
}

/*
 * Who needs a page to write to has the old one in hand, which has to move: that is given
 * back before the wait, or the wait would be what is in the way.
 */
TEST_F_TIMEOUT(mapping, unplug_copies, LONG)
{
	size_t size = (self->free + 1) * page, i;
	atomic_long *seen;
	struct frames f;
	pid_t writer;
	char *p;

	seen = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(seen, MAP_FAILED);
	/* All that can be had is in what leaves first. */
	ASSERT_EQ(fill_node(&p, size), self->free);
	ASSERT_TRUE(find_frames(&f, p, self->free));
	if (f.low / f.block == f.high / f.block)
		SKIP(return, "the device is one memory block");
	for (i = 0; i < (size_t)self->free; i++) {
		if (f.pfn[i] / f.block == f.low / f.block)
			ASSERT_EQ(madvise(p + i * page, page, MADV_DONTNEED), 0);
	}
	writer = fork();
	if (!writer) {
		/* Slower than the node leaves. What it cannot have afterwards it has not. */
		for (i = 0; i < (size_t)self->free; i++) {
			if (f.pfn[i] / f.block == f.low / f.block)
				continue;
			touch(p + i * page, page);
			seen[0]++;
			usleep(2000);
		}
		pause();
	}
	while (seen[0] < 16)
		usleep(1000);
	EXPECT_EQ(put_text(dax.hotplug, "unplugged"), 0);
	kill(writer, SIGKILL);
	EXPECT_EQ(wait_child(writer), 128 + SIGKILL);
	for (i = 0; i < (size_t)self->free; i++) {
		if (f.pfn[i] / f.block != f.low / f.block &&
		    *(unsigned long *)(p + i * page) != i * page * 2654435761UL)
			break;
	}
	EXPECT_EQ(i, (size_t)self->free);
	munmap(p, size);
	ASSERT_EQ(put_text(dax.hotplug, variant->state), 0);
}

/* So many have a page mapped that its count looks as if it were pinned. */
TEST_F_TIMEOUT(mapping, unplug_shared, LONG)
{
	static pid_t pid[1040];
	size_t i;
	char *p;

	p = map_dax(page);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, page, 75);
	for (i = 0; i < ARRAY_SIZE(pid); i++) {
		pid[i] = fork();
		if (!pid[i]) {
			pause();
			_exit(1);
		}
		ASSERT_GT(pid[i], 0);
	}
	EXPECT_EQ(put_text(dax.hotplug, "unplugged"), 0);
	for (i = 0; i < ARRAY_SIZE(pid); i++) {
		kill(pid[i], SIGKILL);
		EXPECT_EQ(wait_child(pid[i]), 128 + SIGKILL);
	}
	EXPECT_TRUE(filled(p, page, 75));
	ASSERT_EQ(put_text(dax.hotplug, variant->state), 0);
}

/*
 * A range that was on the node and is in swap, all of it; for that, the node is
 * reclaimed from. NULL and a reason if there is no way.
 */
static char *map_swapped(size_t size, unsigned long round, const char **why)
{
	char *p;

	*why = "ANONDAX_TEST_SWAP names no disk to swap on";
	if (swap_on())
		return NULL;
	*why = "no cgroup v2 with memory control at " CGROUP;
	if (enter_cgroup() || access(CGROUP GROUP "/memory.reclaim", W_OK))
		return NULL;
	*why = NULL;
	p = map_dax(size);
	if (p == MAP_FAILED)
		return NULL;
	madvise(p, PMD, MADV_HUGEPAGE);
	fill(p, size, round);
	if (!all_on_dax(p, size) || set_knob("reclaim", "1") || set_knob("madvise", "1") ||
	    !swap_out(p, size) || set_knob("reclaim", "0") || set_knob("madvise", "0"))
		return NULL;
	return p;
}

/*
 * Two threads write to the same page, again and again: to the page at @p, and @step
 * further each time; or, in every other round, they only read it, with @read.
 */
struct faulter {
	pthread_barrier_t barrier;
	char *p;
	size_t step;
	size_t size;		/* what the two of them fault in: a page if 0 */
	int rounds;
	bool read;
	long refused;
};

static void fault_in(struct faulter *f, int i, size_t where)
{
	const int advice = f->read && i % 2 ? MADV_POPULATE_READ : MADV_POPULATE_WRITE;

	pthread_barrier_wait(&f->barrier);
	if (madvise(f->p + i * f->step + where, page, advice))
		__atomic_add_fetch(&f->refused, 1, __ATOMIC_SEQ_CST);
	pthread_barrier_wait(&f->barrier);
}

static void *fault_too(void *arg)
{
	struct faulter *f = arg;
	int i;

	for (i = 0; i < f->rounds; i++)
		fault_in(f, i, f->size ? f->size - page : 0);
	return NULL;
}

/*
 * As the node has one page left, which the caller has given back, be it a huge one:
 * how often is a thread refused? Each round gives the page back. With @zero, the zero
 * page is there at first.
 */
static long refused_of_two(struct faulter *f, bool zero)
{
	pthread_t thread;
	int i;

	f->refused = 0;
	if (pthread_barrier_init(&f->barrier, NULL, 2) ||
	    pthread_create(&thread, NULL, fault_too, f))
		return -1;
	for (i = 0; i < f->rounds; i++) {
		if (zero)
			read_ok(f->p + i * f->step);
		fault_in(f, i, 0);
		madvise(f->p + i * f->step, f->size ?: page, MADV_DONTNEED);
	}
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&f->barrier);
	return f->refused;
}

TEST_F_TIMEOUT(mapping, swap_in, LONG)
{
	size_t size = 2 * PMD;
	const char *why;
	long in;
	char *p;

	p = map_swapped(size, 27, &why);
	if (why)
		SKIP(return, "%s", why);
	ASSERT_NE(p, NULL);
	EXPECT_EQ(count_resident(p, size), 0);
	EXPECT_EQ(read_smaps(p, size, "Swap"), (long)(size / KB));
	in = get_number("/proc/vmstat", "pswpin");
	EXPECT_TRUE(filled(p, size, 27));
	EXPECT_GE(get_number("/proc/vmstat", "pswpin") - in, (long)(size / page));
	EXPECT_EQ(read_smaps(p, size, "Swap"), 0);
	EXPECT_TRUE(all_on_dax(p, size));
	fill(p, size, 28);
	EXPECT_TRUE(filled(p, size, 28));
	EXPECT_EQ(settled_free_pages(), self->free - (long)(size / page));
}

/*
 * What was in swap when the node was unplugged is ordinary memory when it is needed, as
 * what was on the node is; with the node back, too.
 */
TEST_F_TIMEOUT(mapping, swap_in_unplugged, LONG)
{
	size_t size = 2 * PMD;
	const char *why;
	char *p;

	p = map_swapped(size, 72, &why);
	if (why)
		SKIP(return, "%s", why);
	ASSERT_NE(p, NULL);
	ASSERT_EQ(put_text(dax.hotplug, "unplugged"), 0);
	EXPECT_TRUE(filled(p, PMD, 72));
	ASSERT_EQ(put_text(dax.hotplug, variant->state), 0);
	EXPECT_TRUE(filled(p, size, 72));
	EXPECT_EQ(count_on(p, size, dax.nid), 0);
	EXPECT_EQ(count_resident(p, size), (long)(size / page));
	fill(p, size, 73);
	EXPECT_TRUE(filled(p, size, 73));
	EXPECT_EQ(settled_free_pages(), self->free);
}

/* It is read in while the node is unplugged: from one moment to the next it comes elsewhere. */
TEST_F_TIMEOUT(mapping, swap_in_unplugging, LONG)
{
	size_t size = 8 * PMD;
	pid_t reader[4];
	const char *why;
	unsigned int i;
	char *p;

	p = map_swapped(size, 76, &why);
	if (why)
		SKIP(return, "%s", why);
	ASSERT_NE(p, NULL);
	for (i = 0; i < ARRAY_SIZE(reader); i++) {
		reader[i] = fork();
		if (!reader[i]) {
			size_t off, part = size / ARRAY_SIZE(reader);

			for (off = i * part; off < (i + 1) * part; off += page) {
				if (!filled(p + off, page, 76 + off * 2654435761UL))
					_exit(1);
				usleep(200);
			}
			_exit(0);
		}
	}
	EXPECT_EQ(put_text(dax.hotplug, "unplugged"), 0);
	for (i = 0; i < ARRAY_SIZE(reader); i++)
		EXPECT_EQ(wait_child(reader[i]), 0);
	ASSERT_EQ(put_text(dax.hotplug, variant->state), 0);
	EXPECT_TRUE(filled(p, size, 76));
}

/* No room for what is in swap: it waits there until there is. */
TEST_F_TIMEOUT(mapping, swap_in_full, LONG)
{
	size_t size = PMD, off;
	const char *why;
	char *p, *q;

	p = map_swapped(size, 34, &why);
	if (why)
		SKIP(return, "%s", why);
	ASSERT_NE(p, NULL);
	ASSERT_EQ(fill_node(&q, self->free * page + PMD), self->free);

	for (off = 0; off < size; off += page)
		ASSERT_FALSE(read_ok(p + off));
	EXPECT_EQ(touch(p, page), 0);
	EXPECT_EQ(madvise(p, page, MADV_POPULATE_READ), -1);
	EXPECT_EQ(errno, EFAULT);
	EXPECT_EQ(get_number("/proc/vmstat", "oom_kill"), self->start.oom_kills);
	EXPECT_EQ(read_smaps(p, size, "Swap"), (long)(size / KB));
	EXPECT_TRUE(filled(q, self->free * page, 0));

	/* A page for a page, once none waits on some CPU to get onto an LRU list. */
	settle();
	for (off = 0; off < 8 * page; off += page) {
		ASSERT_FALSE(read_ok(p + off));
		ASSERT_EQ(madvise(q + off, page, MADV_DONTNEED), 0);
		ASSERT_TRUE(read_ok(p + off));
		ASSERT_TRUE(filled(p, off + page, 34));
		ASSERT_EQ(node_of(p + off), dax.nid);
	}
	EXPECT_FALSE(read_ok(p + off));
	ASSERT_EQ(munmap(q, self->free * page + PMD), 0);
	EXPECT_TRUE(filled(p, size, 34));
	EXPECT_TRUE(all_on_dax(p, size));
}

/* Room for one page of what is in swap, which two threads want at once. */
TEST_F_TIMEOUT(mapping, swap_in_same_address, LONG)
{
	struct faulter f = { .step = page, .rounds = PMD / page, .read = true };
	const char *why;
	char *q;

	f.p = map_swapped(PMD, 71, &why);
	if (why)
		SKIP(return, "%s", why);
	ASSERT_NE(f.p, NULL);
	ASSERT_EQ(fill_node(&q, self->free * page + PMD), self->free);
	settle();
	ASSERT_FALSE(read_ok(f.p));
	ASSERT_EQ(madvise(q, page, MADV_DONTNEED), 0);
	/* The last round's page is for q again. */
	EXPECT_EQ(refused_of_two(&f, false), 0);
	EXPECT_EQ(touch(q, page), 1);
	EXPECT_EQ(touch(f.p, page), 0);
	EXPECT_EQ(get_number("/proc/vmstat", "oom_kill"), self->start.oom_kills);
}

/*
 * swapoff reads everything back: to the node, or, where that has no room or is not
 * there, to other memory. Whoever switches swap off has to be able to.
 */
TEST_F_TIMEOUT(mapping, swap_off, LONG)
{
	const char *disk = getenv("ANONDAX_TEST_SWAP"), *why;
	enum { GONE, FULL, ROOM } node;
	size_t size = PMD;
	char *p, *q;

	for (node = GONE; node <= ROOM; node++) {
		p = map_swapped(size, 29, &why);
		if (why)
			SKIP(return, "%s", why);
		ASSERT_NE(p, NULL);
		if (node == GONE)
			ASSERT_EQ(put_text(dax.hotplug, "unplugged"), 0);
		if (node == FULL)
			ASSERT_EQ(fill_node(&q, self->free * page + PMD), self->free);
		EXPECT_EQ(swapoff(disk), 0);
		EXPECT_EQ(read_smaps(p, size, "Swap"), 0);
		EXPECT_EQ(count_on(p, size, dax.nid), node == ROOM ? (long)(size / page) : 0);
		EXPECT_TRUE(filled(p, size, 29));
		munmap(p, size);
		if (node == FULL) {
			EXPECT_TRUE(filled(q, self->free * page, 0));
			munmap(q, self->free * page + PMD);
		}
		if (node == GONE)
			ASSERT_EQ(put_text(dax.hotplug, variant->state), 0);
	}
}

/*
 * Unbinding: it cannot fail, and what is in use stays.
 */

TEST_F_TIMEOUT(mapping, unbind, LONG)
{
	size_t size = 2 * PMD;
	int old, log;
	char *p, *q;

	log = log_open();
	ASSERT_GE(log, 0);
	old = open(dax.path, O_RDWR);
	ASSERT_GE(old, 0);
	p = map_dax(2 * size);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, size, 30);
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	ASSERT_EQ(set_knob("ltpin", "1"), 0);

	ASSERT_EQ(bind_driver("anondax", "unbind"), 0);
	EXPECT_TRUE(log_says(log, "write \"unplugged\" to its hotplug file"));
	EXPECT_EQ(access(dax.hotplug, F_OK), -1);
	EXPECT_TRUE(node_has("has_private_memory", dax.nid));

	/* The mapping goes on, nothing new begins. */
	EXPECT_TRUE(filled(p, size, 30));
	fill(p + size, size, 31);
	EXPECT_TRUE(all_on_dax(p, 2 * size));
	EXPECT_LT(open(dax.path, O_RDWR), 0);
	EXPECT_EQ(mmap(NULL, page, PROT_READ, MAP_PRIVATE, old, 0), MAP_FAILED);
	EXPECT_EQ(errno, ENXIO);

	/* No service goes on that nobody could stop. */
	q = map_anon(page);
	ASSERT_NE(q, MAP_FAILED);
	EXPECT_EQ(sys_mbind(q, page, MPOL_BIND, 1UL << dax.nid, 0), -EINVAL);

	/* Nobody else gets the device's memory. */
	EXPECT_NE(bind_driver("device_dax", "bind"), 0);
	bind_driver("kmem", "bind");
	EXPECT_TRUE(node_has("has_private_memory", dax.nid));
	EXPECT_FALSE(node_has("has_memory", dax.nid));

	/* Bound again, it has its memory again, but not for whoever had the file before. */
	ASSERT_EQ(bind_driver("anondax", "bind"), 0);
	EXPECT_TRUE(is_state(variant->state));
	EXPECT_EQ(get_knob("mbind"), 0);
	EXPECT_EQ(get_knob("ltpin"), 0);
	q = map_dax(page);
	ASSERT_NE(q, MAP_FAILED);
	*q = 1;
	EXPECT_EQ(node_of(q), dax.nid);
	EXPECT_EQ(mmap(NULL, page, PROT_READ, MAP_PRIVATE, old, 0), MAP_FAILED);
	EXPECT_EQ(errno, ENXIO);
	EXPECT_TRUE(filled(p, size, 30));
	EXPECT_TRUE(filled(p + size, size, 31));

	EXPECT_EQ(put_text(dax.hotplug, "unplugged"), 0);
	EXPECT_TRUE(filled(p, size, 30));
	EXPECT_EQ(count_on(p, 2 * size, dax.nid), 0);
	EXPECT_EQ(put_text(dax.hotplug, variant->state), 0);
	close(old);
}

/*
 * What the next one who opens the device finds in it, as device_dax shows it: how many
 * pages that are not zero? The device is bound to nothing before, and to anondax after.
 *
 * By a file of its own: as long as a mapping keeps the other one open, that is anondax's.
 */
static long pages_left(void)
{
	char path[PATH_MAX], text[32];
	long size, off, found = -1;
	struct stat st;
	char *p;
	int fd;

	snprintf(path, sizeof(path), DAX "devices/%s/size", dax.name);
	if (get_text(path, text, sizeof(text)) || stat(dax.path, &st))
		return -1;
	size = strtol(text, NULL, 0);
	snprintf(path, sizeof(path), "%s.test", dax.path);
	if (!bind_driver("device_dax", "new_id") && !mknod(path, S_IFCHR | 0600, st.st_rdev)) {
		fd = open(path, O_RDONLY);
		p = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
		if (fd >= 0 && p != MAP_FAILED) {
			for (found = off = 0; off < size; off += page)
				found += !!*(long *)(p + off);
			munmap(p, size);
		}
		close(fd);
		unlink(path);
	}
	bind_driver("device_dax", "unbind");
	bind_driver("device_dax", "remove_id");
	return bind_driver("anondax", "bind") ? -1 : found;
}

/* Memory that leaves the node is zeroed, be it many people's, unless one says not to. */
TEST_F_TIMEOUT(mapping, scrubbed, LONG)
{
	static const char * const how[] = { "N", "Y" };
	const size_t size = 4 * PMD;
	struct changes changes = {};
	unsigned int i, unbound;
	long left;
	char *p;

	for (i = 0; i < 4; i++) {
		ASSERT_EQ(change(&changes, SCRUB, how[i % 2]), 0);
		p = map_dax(size);
		ASSERT_NE(p, MAP_FAILED);
		fill(p, size, 74);
		/* Nobody uses it any more, or by way of unplugging. */
		unbound = i / 2;
		ASSERT_EQ(unbound ? munmap(p, size) : put_text(dax.hotplug, "unplugged"), 0);
		settle();
		ASSERT_EQ(bind_driver("anondax", "unbind"), 0);
		EXPECT_FALSE(node_has("has_private_memory", dax.nid));
		left = pages_left();
		EXPECT_GE(left, i % 2 ? 0 : (long)(size / page));
		EXPECT_LE(left, i % 2 ? 0 : LONG_MAX);
		EXPECT_TRUE(is_state("unplugged"));
		if (!unbound) {
			EXPECT_TRUE(filled(p, size, 74));
			ASSERT_EQ(munmap(p, size), 0);
		}
		ASSERT_EQ(put_text(dax.hotplug, variant->state), 0);
	}
	restore(&changes);
}

/* Files and mappings that outlive a binding which left nothing behind. */
TEST_F_TIMEOUT(mapping, unbind_unplugged, LONG)
{
	char *p;
	int old;

	old = open(dax.path, O_RDWR);
	ASSERT_GE(old, 0);
	p = mmap(NULL, 2 * MB, PROT_READ | PROT_WRITE, MAP_PRIVATE, old, 0);
	ASSERT_NE(p, MAP_FAILED);
	fill(p, MB, 32);
	ASSERT_EQ(put_text(dax.hotplug, "unplugged"), 0);
	ASSERT_EQ(bind_driver("anondax", "unbind"), 0);
	EXPECT_TRUE(filled(p, MB, 32));
	EXPECT_EQ(touch(p + MB, page), 0);
	EXPECT_LT(open(dax.path, O_RDWR), 0);

	ASSERT_EQ(bind_driver("anondax", "bind"), 0);
	EXPECT_TRUE(is_state("unplugged"));
	ASSERT_EQ(put_text(dax.hotplug, variant->state), 0);
	/* The old mapping is of a claim that is over, whoever has the node now. */
	EXPECT_EQ(touch(p + MB, MB), 0);
	EXPECT_TRUE(filled(p, MB, 32));
	EXPECT_EQ(settled_free_pages(), self->free);
	/* The old file is of a binding that is over. */
	EXPECT_EQ(mmap(NULL, page, PROT_READ, MAP_PRIVATE, old, 0), MAP_FAILED);
	EXPECT_EQ(errno, ENXIO);
	close(old);
}

TEST_F_TIMEOUT(mapping, module, LONG)
{
	int fd;

	if (access("/sys/module/anondax/refcnt", F_OK))
		SKIP(return, "anondax is built in");
	/* Plugged memory keeps it, and so does an open file. */
	EXPECT_EQ(syscall(__NR_delete_module, "anondax", O_NONBLOCK), -1);
	EXPECT_EQ(errno, EWOULDBLOCK);
	fd = open(dax.path, O_RDWR);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(put_text(dax.hotplug, "unplugged"), 0);
	EXPECT_EQ(syscall(__NR_delete_module, "anondax", O_NONBLOCK), -1);
	EXPECT_EQ(errno, EWOULDBLOCK);
	close(fd);
	EXPECT_TRUE(is_state("unplugged"));
	ASSERT_EQ(put_text(dax.hotplug, variant->state), 0);
}

/*
 * A full node.
 */

FIXTURE(full)
{
	struct start start;
	struct balance balance;
	long free;
	char *p;
	size_t size;
	long pages;
};

FIXTURE_VARIANT(full)
{
	const char *state;
};

FIXTURE_VARIANT_ADD(full, online)
{
	.state = "online",
};

FIXTURE_VARIANT_ADD(full, online_movable)
{
	.state = "online_movable",
};

FIXTURE_SETUP(full)
{
	start(_metadata, &self->start, variant->state);
	self->free = self->start.free;
	read_balance(&self->balance);
	self->size = self->free * page + 2 * PMD;
	self->pages = fill_node(&self->p, self->size);
}

FIXTURE_TEARDOWN_PARENT(full)
{
	finish(_metadata, &self->start);
}

TEST_F_TIMEOUT(full, to_the_last_page, LONG)
{
	char path[PATH_MAX];
	struct balance is;

	EXPECT_EQ(self->pages, self->free);
	settle();
	EXPECT_EQ(free_pages(), 0);
	snprintf(path, sizeof(path), NODE "node%d/meminfo", dax.nid);
	EXPECT_EQ(get_number(path, "MemFree"), 0);
	/* Of ordinary memory it took its page tables. */
	read_balance(&is);
	EXPECT_LE(unbalanced(&self->balance, &is), NOISE)
		TH_LOG("free %ld, then %ld; used %ld, then %ld",
		       self->balance.free, is.free, self->balance.used, is.used);
	EXPECT_GE(is.free, self->balance.free - 8 * NOISE);
	EXPECT_EQ(get_number("/proc/vmstat", "oom_kill"), self->start.oom_kills);
	EXPECT_TRUE(filled(self->p, self->pages * page, 0));
	EXPECT_TRUE(all_on_dax(self->p, 16 * MB));
	EXPECT_EQ(count_on(self->p, self->size, 0), 0);

	/* As often as one likes. */
	EXPECT_EQ(touch(self->p + self->pages * page, page), 0);
	EXPECT_EQ(touch(self->p + self->size - page, page), 0);
	/* A page for a page. */
	ASSERT_EQ(madvise(self->p, page, MADV_DONTNEED), 0);
	EXPECT_EQ(touch(self->p + self->size - PMD, PMD), 1);
	ASSERT_EQ(madvise(self->p + PMD, PMD, MADV_DONTNEED), 0);
	EXPECT_EQ(touch(self->p + PMD, PMD), (long)(PMD / page));
	EXPECT_EQ(touch(self->p, page), 0);
}

/* What was just given back can be had again, though caches of the kernel hold it. */
TEST_F_TIMEOUT(full, given_back, LONG)
{
	const int pages[] = { 1, 2, 5, 10, 20 };
	char *q = self->p + self->size - PMD;
	long had, refused = 0;
	int i, round;

	for (round = 0; round < 100; round++) {
		for (i = 0; i < (int)(sizeof(pages) / sizeof(*pages)); i++) {
			/* Freshly touched: on its way to the LRU. */
			ASSERT_EQ(madvise(self->p, pages[i] * page, MADV_DONTNEED), 0);
			had = touch(q, pages[i] * page);
			refused += pages[i] - had;
			ASSERT_EQ(madvise(q, PMD, MADV_DONTNEED), 0);
			had = touch(self->p, pages[i] * page);
			refused += pages[i] - had;
		}
	}
	EXPECT_EQ(refused, 0);
	EXPECT_EQ(get_number("/proc/vmstat", "oom_kill"), self->start.oom_kills);
}

/* Nor does a huge folio keep what nobody maps of it. */
TEST_F_TIMEOUT(full, given_back_of_huge, LONG)
{
	char *q = map_dax_huge(32 * PMD), *p = huge_in(self->p + PMD);
	const long half = PMD / 2 / page;
	int i;

	ASSERT_NE(q, MAP_FAILED);
	ASSERT_EQ(madvise(q, 32 * PMD, MADV_NOHUGEPAGE), 0);
	for (i = 0; i < 16; i++)
		ASSERT_EQ(madvise(p + i * PMD + PMD / 2, PMD / 2, MADV_DONTNEED), 0);
	EXPECT_EQ(touch(q, 32 * PMD), 16 * half);
	EXPECT_EQ(touch(q + 16 * half * page, page), 0);
	for (i = 0; i < 16; i++)
		EXPECT_TRUE(filled(p + i * PMD, PMD / 2,
				   (p + i * PMD - self->p) * 2654435761UL));
	munmap(q, 32 * PMD);
}

/* The last page is for both of two threads that fault the same address. */
TEST_F_TIMEOUT(full, same_address, LONG)
{
	struct faulter f = { .p = self->p + self->size - page, .rounds = 500 };

	ASSERT_EQ(madvise(self->p, page, MADV_DONTNEED), 0);
	EXPECT_EQ(refused_of_two(&f, false), 0);
	/* In place of the zero page. */
	f.p = map_dax(2 * page);
	ASSERT_NE(f.p, MAP_FAILED);
	ASSERT_EQ(madvise(f.p, 2 * page, MADV_NOHUGEPAGE), 0);
	EXPECT_EQ(refused_of_two(&f, true), 0);
	/* It was the last one. */
	EXPECT_EQ(touch(f.p, 2 * page), 1);
}

/* Or that write to what they share with a child. */
TEST_F_TIMEOUT(full, same_address_cow, LONG)
{
	struct faulter f = { .step = page, .rounds = 500 };
	size_t size = f.rounds * page;
	pid_t pid;

	f.p = map_dax(size);
	ASSERT_NE(f.p, MAP_FAILED);
	ASSERT_EQ(madvise(f.p, size, MADV_NOHUGEPAGE), 0);
	ASSERT_EQ(madvise(self->p, size + page, MADV_DONTNEED), 0);
	fill(f.p, size, 70);
	pid = fork();
	if (!pid)
		_exit(pause());
	EXPECT_EQ(refused_of_two(&f, false), 0);
	/* What was copied was given back, and the last page is what it goes to. */
	EXPECT_EQ(touch(f.p, 2 * page), 1);
	kill(pid, SIGKILL);
	EXPECT_EQ(wait_child(pid), 128 + SIGKILL);
	EXPECT_EQ(touch(f.p, size), f.rounds);
}

/* Or one of them gets a huge page, and needs a while to clear it. */
TEST_F_TIMEOUT(full, same_address_huge, LONG)
{
	struct faulter f = { .size = PMD, .rounds = 300 };
	cpu_set_t all;
	char *p;

	p = map_dax_huge(2 * PMD);
	ASSERT_NE(p, MAP_FAILED);
	f.p = huge_in(p);
	/* On another CPU's list it would not be found: that is for small pages only. */
	ASSERT_EQ(sched_getaffinity(0, sizeof(all), &all), 0);
	ASSERT_EQ(run_on(0), 0);
	ASSERT_EQ(madvise(huge_in(self->p + 2 * PMD), PMD, MADV_DONTNEED), 0);
	EXPECT_EQ(touch(f.p, page), 1);
	ASSERT_EQ(sched_setaffinity(0, sizeof(all), &all), 0);
	if (read_smaps(f.p, PMD, "AnonHugePages") != PMD / KB)
		SKIP(return, "no huge page");
	ASSERT_EQ(madvise(f.p, PMD, MADV_DONTNEED), 0);
	EXPECT_EQ(refused_of_two(&f, false), 0);
}

static void *stay(void *arg)
{
	pause();
	return arg;
}

/* What a device maps is copied as well, and no other thread can have done it for us. */
TEST_F_TIMEOUT(full, copy_of_device, LONG)
{
	int fd = open("/dev/mem", O_RDONLY | O_CLOEXEC);
	pthread_t thread;
	char *p;

	/* The BIOS, which may be looked at. */
	p = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0xf0000);
	close(fd);
	if (p == MAP_FAILED)
		SKIP(return, "nothing of /dev/mem can be mapped");
	ASSERT_EQ(pthread_create(&thread, NULL, stay, NULL), 0);
	ASSERT_EQ(set_knob("mbind", "1"), 0);
	ASSERT_EQ(sys_set_mempolicy(MPOL_BIND, 1UL << dax.nid), 0);
	EXPECT_EQ(touch(p, page), 0);
	ASSERT_EQ(madvise(self->p, page, MADV_DONTNEED), 0);
	EXPECT_EQ(touch(p, page), 1);
	EXPECT_EQ(count_on(p, page, dax.nid), 1);
	ASSERT_EQ(sys_set_mempolicy(MPOL_DEFAULT, 0), 0);
	ASSERT_EQ(set_knob("mbind", "0"), 0);
	munmap(p, page);
	pthread_cancel(thread);
	pthread_join(thread, NULL);
}

TEST_F_TIMEOUT(full, system_calls, LONG)
{
	char *p = self->p + self->pages * page;
	const char *disk = getenv("ANONDAX_TEST_SWAP");
	struct iovec iov = { .iov_base = p, .iov_len = page }, there;
	int fd;

	fd = open("/dev/zero", O_RDONLY);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(read(fd, p, page), -1);
	EXPECT_EQ(errno, EFAULT);
	EXPECT_EQ(readv(fd, &iov, 1), -1);
	EXPECT_EQ(errno, EFAULT);
	close(fd);
	EXPECT_EQ(madvise(p, page, MADV_POPULATE_WRITE), -1);
	EXPECT_EQ(errno, EFAULT);
	EXPECT_EQ(mlock(p, page), -1);
	/* By others, by way of a pin, and into a pipe. */
	there.iov_base = self->p;
	there.iov_len = page;
	EXPECT_EQ(process_vm_readv(getpid(), &iov, 1, &there, 1, 0), -1);
	EXPECT_EQ(errno, EFAULT);
	EXPECT_EQ(process_vm_writev(getpid(), &there, 1, &iov, 1, 0), -1);
	EXPECT_EQ(errno, EFAULT);
	if (disk) {
		fd = open(disk, O_RDONLY | O_DIRECT | O_CLOEXEC);
		ASSERT_GE(fd, 0);
		EXPECT_EQ(read(fd, p, page), -1);
		EXPECT_EQ(errno, EFAULT);
		/* Where there is a page it works. */
		EXPECT_EQ(read(fd, self->p, page), (ssize_t)page);
		close(fd);
	}
	EXPECT_EQ(get_number("/proc/vmstat", "oom_kill"), self->start.oom_kills);
	EXPECT_EQ(touch(p, page), 0);
}

TEST_F_TIMEOUT(full, fork_cow, LONG)
{
	pid_t pid;

	pid = fork();
	if (!pid)
		_exit(touch(self->p, page) || touch(self->p + PMD, page) ? 1 :
		      !filled(self->p, PMD, 0) ? 2 : 0);
	EXPECT_EQ(wait_child(pid), 0);

	/* Unhandled, it is the child that dies. */
	pid = fork();
	if (!pid) {
		signal(SIGBUS, SIG_DFL);
		__atomic_store_n((char *)self->p, 1, __ATOMIC_SEQ_CST);
		_exit(0);
	}
	EXPECT_EQ(wait_child(pid), 128 + SIGBUS);
	EXPECT_TRUE(filled(self->p, self->pages * page, 0));
	fill(self->p, 4 * PMD, 33);
	EXPECT_TRUE(filled(self->p, 4 * PMD, 33));
}

TEST_F_TIMEOUT(full, others, LONG)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_copy copy = { 0 };
	char *p, *src;
	int fd;

	/* Another mapping gets nothing, but zeroes to read. */
	p = map_dax(MB);
	src = map_anon(page);
	ASSERT_NE(p, MAP_FAILED);
	ASSERT_NE(src, MAP_FAILED);
	*src = 1;
	ASSERT_EQ(madvise(p, MB, MADV_NOHUGEPAGE), 0);
	EXPECT_TRUE(read_ok(p));
	EXPECT_EQ(touch(p, page), 0);
	fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0) {
		ASSERT_EQ(ioctl(fd, UFFDIO_API, &api), 0);
		reg.range.start = (unsigned long)p;
		reg.range.len = MB;
		ASSERT_EQ(ioctl(fd, UFFDIO_REGISTER, &reg), 0);
		copy.dst = (unsigned long)(p + page);
		copy.src = (unsigned long)src;
		copy.len = page;
		EXPECT_NE(ioctl(fd, UFFDIO_COPY, &copy), 0);
		close(fd);
	}
	/* Ordinary memory is there as ever. */
	p = map_anon(16 * MB);
	ASSERT_NE(p, MAP_FAILED);
	EXPECT_EQ(touch(p, 16 * MB), 16 * (long)(MB / page));
	EXPECT_EQ(count_on(p, 16 * MB, dax.nid), 0);
}

int main(int argc, char **argv)
{
	need_dax();
	return test_harness_run(argc, argv);
}
