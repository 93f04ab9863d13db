// SPDX-License-Identifier: GPL-2.0
/*
 * failnth write FILE TEXT | failnth mmap FILE KIB
 * failnth touch FILE MIB | failnth hold FILE MIB | failnth rest FILE MIB
 * failnth show
 *
 * touch maps and writes to that much of the file, and checks it; hold keeps it
 * until standard input ends. Exit status 3 if the file cannot be opened or mapped.
 * rest maps twice as much, and after that wants the rest of it too: exit status 1 if
 * it gets any.
 *
 * write and mmap:
 * Do one thing without a failure; then again and again, with the first allocation
 * failing, then the second, and so on, until it ends well without a failure having
 * been due. What can be seen of the device DEVICE=daxX.Y and the node NODE=N is
 * written down before and after it was done without a failure: the driver, its
 * files in sysfs and what they say, references to the modules, the states of the
 * nodes, the memory blocks, /proc/iomem, the zones, MemTotal, the tiers; and that
 * all pages of the node are free. After each attempt that fails it has to be what
 * it was before, to the letter; after each that succeeds, what it was after.
 * "show" prints it.
 *
 * UNDO='write FILE TEXT' takes a success back, and that too has to restore what
 * was before. USE='FILE KIB' maps and writes to that much before each attempt, and
 * finds it unchanged afterwards.
 *
 * FULL=N and STEP=M: all of the first N allocations, each M-th of the later ones.
 * ATMOST=N: give up after so many, for an operation that has very many of a kind.
 *
 * STUCK=FILE failnth half FILE TEXT goes on until a write fails half way and cannot be
 * undone: FILE of STUCK takes an error that makes it so.
 *
 * HELD=N: so many pages of the node are in somebody's hands all the time.
 * LOST=N: so many pages may be missing at the end from what the ordinary nodes
 * can account for.
 *
 * Needs /proc/self/fail-nth (CONFIG_FAULT_INJECTION, FAILSLAB, FAIL_PAGE_ALLOC).
 */

#include "lab.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>

/* More allocations than this nothing makes that is tested here. */
#define MOST	20000

/* Reading free pages again until they are all there: seconds, all in all. */
#define SETTLE_TRIES	40

/* Of x86-64 and of arm64 with small pages. */
#define HUGE	(2UL << 20)

#define SYSTEM	"/sys/devices/system/"

static const char *device, *node;
/* Successes that left something dispensable out. */
static int incomplete;
static sigjmp_buf bus;

static void on_sigbus(int sig)
{
	siglongjmp(bus, sig);
}

/*
 * What can be seen.
 */

struct text {
	char *buf;
	size_t len;
	size_t size;
};

static void add(struct text *t, const char *format, ...)
{
	va_list ap;
	int n;

	for (;;) {
		va_start(ap, format);
		n = vsnprintf(t->buf + t->len, t->size - t->len, format, ap);
		va_end(ap);
		if (t->len + n < t->size)
			break;
		t->size = 2 * t->size + n + 1;
		t->buf = realloc(t->buf, t->size);
		if (!t->buf)
			exit(2);
	}
	t->len += n;
}

/* The file's lines, each behind the file's name. */
static void add_file(struct text *t, const char *path)
{
	FILE *f = fopen(path, "re");
	char line[512];

	if (!f)
		add(t, "%s: %s\n", path, strerror(errno));
	while (f && fgets(line, sizeof(line), f))
		add(t, "%s: %s", path, line);
	if (f)
		fclose(f);
}

/* The names in the directory. For those with @prefix, if any, @files in them. */
static void add_dir(struct text *t, const char *path, const char *prefix,
		    const char *const *files)
{
	struct dirent **names;
	char file[1024];
	int i, j, n;

	n = scandir(path, &names, NULL, alphasort);
	if (n < 0)
		add(t, "%s: %s\n", path, strerror(errno));
	for (i = 0; i < n; i++) {
		add(t, "%s/%s\n", path, names[i]->d_name);
		if (prefix && !strncmp(names[i]->d_name, prefix, strlen(prefix))) {
			for (j = 0; files[j]; j++) {
				snprintf(file, sizeof(file), "%s/%s/%s", path,
					 names[i]->d_name, files[j]);
				/* A directory of the same prefix has no such file. */
				if (!access(file, R_OK))
					add_file(t, file);
			}
		}
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

static void add_link(struct text *t, const char *path)
{
	char to[512];
	ssize_t n = readlink(path, to, sizeof(to) - 1);

	if (n < 0) {
		add(t, "%s -> %s\n", path, strerror(errno));
	} else {
		to[n] = '\0';
		add(t, "%s -> %s\n", path, to);
	}
}

/* The zones of all nodes, as far as they have any memory. */
static void add_zones(struct text *t)
{
	char line[512], zone[32] = "", key[32];
	int nid = -1;
	long n;
	FILE *f;

	f = fopen("/proc/zoneinfo", "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Node %d, zone %31s", &nid, zone) == 2 ||
		    sscanf(line, " %31s %ld", key, &n) != 2 || !n)
			continue;
		if (!strcmp(key, "spanned") || !strcmp(key, "present") || !strcmp(key, "managed"))
			add(t, "zone %d %s: %s %ld\n", nid, zone, key, n);
	}
	if (f)
		fclose(f);
}

static unsigned long long hex(const char *path)
{
	unsigned long long value = 0;
	FILE *f = fopen(path, "re");

	if (f && fscanf(f, "%llx", &value) != 1)
		value = 0;
	if (f)
		fclose(f);
	return value;
}

/* What the memory blocks of the device's ranges say. */
static void add_blocks(struct text *t)
{
	unsigned long long size = hex(SYSTEM "memory/block_size_bytes"), at, end;
	char path[512];
	int i;

	for (i = 0; size; i++) {
		snprintf(path, sizeof(path), DAX "devices/%s/mapping%d/end", device, i);
		end = hex(path);
		if (!end)
			break;
		snprintf(path, sizeof(path), DAX "devices/%s/mapping%d/start", device, i);
		for (at = hex(path); at < end; at += size) {
			snprintf(path, sizeof(path), SYSTEM "memory/memory%llu/state", at / size);
			add_file(t, path);
			snprintf(path, sizeof(path), SYSTEM "memory/memory%llu/valid_zones",
				 at / size);
			add_file(t, path);
		}
	}
}

static void snapshot(struct text *t)
{
	static const char *const mapping[] = { "start", "end", NULL };
	static const char *const tier[] = { "nodelist", NULL };
	static const char *const of_device[] = { "hotplug", "size", "target_node" };
	static const char *const of_nodes[] = {
		"online", "has_memory", "has_private_memory", "has_normal_memory"
	};
	static const char *const modules[] = { "anondax", "dax_hotplug" };
	int nid = atoi(node), fd;
	const char *held_by_others = getenv("HELD");
	const long held = held_by_others ? atol(held_by_others) : 0;
	struct pages pages;
	char path[512];
	size_t i;

	t->len = 0;
	snprintf(path, sizeof(path), DAX "devices/%s/driver", device);
	add_link(t, path);
	/* Files that come and go with the driver, and ranges. */
	snprintf(path, sizeof(path), DAX "devices/%s/", device);
	add_dir(t, path, "mapping", mapping);
	for (i = 0; i < ARRAY_SIZE(of_device); i++) {
		snprintf(path, sizeof(path), DAX "devices/%s/%s", device, of_device[i]);
		add_file(t, path);
	}
	add_dir(t, DAX "drivers/anondax", NULL, NULL);
	for (i = 0; i < ARRAY_SIZE(modules); i++) {
		snprintf(path, sizeof(path), "/sys/module/%s/refcnt", modules[i]);
		add_file(t, path);
	}
	snprintf(path, sizeof(path), "/dev/%s", device);
	fd = open(path, O_RDWR | O_CLOEXEC);
	add(t, "%s: %s\n", path, fd < 0 ? strerror(errno) : "opens");
	if (fd >= 0)
		close(fd);

	add_dir(t, SYSTEM "node", NULL, NULL);
	for (i = 0; i < ARRAY_SIZE(of_nodes); i++) {
		snprintf(path, sizeof(path), SYSTEM "node/%s", of_nodes[i]);
		add_file(t, path);
	}
	snprintf(path, sizeof(path), SYSTEM "node/node%d", nid);
	add_dir(t, path, NULL, NULL);
	add_dir(t, SYSTEM "memory", NULL, NULL);
	add_blocks(t);
	add_dir(t, TIERS, "memory_tier", tier);

	add_file(t, "/proc/iomem");
	add(t, "MemTotal %ld\n", number("/proc/meminfo", "MemTotal:"));
	add(t, "nr_memmap_pages %ld\n", number("/proc/vmstat", "nr_memmap_pages"));
	add_zones(t);
	pages = look_at(nid);
	/*
	 * The two files are read one after the other, and what moves from a
	 * per-CPU list to the buddy lists in between is seen in neither. Pages
	 * that are in use stay so however often one looks.
	 */
	for (i = 0; pages.managed - pages.free != held && i < SETTLE_TRIES; i++) {
		if (i)
			usleep(50000);
		drain();
		pages = look_at(nid);
	}
	add(t, "in use %ld pages\n", pages.managed - pages.free);
}

/*
 * What Linux does without when memory is short as it makes a node or a memory
 * block: files of other subsystems, links between the two, and the node's place
 * in the memory tiers.
 */
static int dispensable(const char *line)
{
	static const char *const names[] = {
		"compact", "hugepages", "reclaim", "memory", "node"
	};
	size_t len = 0, i;
	int id, n;

	if (!strncmp(line, TIERS "/memory_tier", strlen(TIERS "/memory_tier")))
		return 1;
	if (sscanf(line, SYSTEM "node/node%d/%n", &id, &n) != 1 &&
	    sscanf(line, SYSTEM "memory/memory%d/%n", &id, &n) != 1)
		return 0;
	for (i = 0; !len && i < ARRAY_SIZE(names); i++) {
		if (!strncmp(line + n, names[i], strlen(names[i])))
			len = strlen(names[i]);
	}
	return len && line[n + len + strspn(line + n + len, "0123456789")] == '\n';
}

/* The lines that only one of them has: how many, but for those @allowed. */
static int differ(const char *mark, const struct text *a, const struct text *b,
		  int allowed)
{
	const char *p, *end, *q;
	int count = 0;

	for (p = a->buf; p < a->buf + a->len; p = end + 1) {
		end = strchr(p, '\n');
		for (q = b->buf; (q = strstr(q, "\n"));) {
			q++;
			if (!strncmp(q, p, end - p + 1))
				break;
		}
		if (q || !strncmp(b->buf, p, end - p + 1) || (allowed && dispensable(p)))
			continue;
		if (mark)
			printf("# %s %.*s\n", mark, (int)(end - p), p);
		count++;
	}
	return count;
}

/* Is all as in @want, or all that counts if a memory allocation failed meanwhile? */
static int same(const struct text *want, const char *when, int nth, int allowed)
{
	static struct text now;

	snapshot(&now);
	if (now.len == want->len && !memcmp(now.buf, want->buf, now.len))
		return 1;
	if (allowed && !differ(NULL, want, &now, 1) && !differ(NULL, &now, want, 0)) {
		incomplete++;
		return 1;
	}
	printf("# %s (allocation %d) it is not as it should be; - missing, + not expected\n",
	       when, nth);
	differ("-", want, &now, allowed);
	differ("+", &now, want, 0);
	return 0;
}

/*
 * Failures.
 */

static void set_nth(int fd, int nth)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", nth);
	if (pwrite(fd, text, strlen(text), 0) < 0) {
		perror("failnth: /proc/self/fail-nth");
		exit(2);
	}
}

/* What is left: 0 if the failure has been due. */
static int get_nth(int fd)
{
	char text[16] = "";

	if (pread(fd, text, sizeof(text) - 1, 0) < 0)
		return -1;
	return atoi(text);
}

static int do_write(int fail, int nth, int fd, const char *text)
{
	int rc = 0;

	set_nth(fail, nth);
	if (write(fd, text, strlen(text)) < 0)
		rc = errno;
	return rc;
}

/*
 * Map it and touch it: a huge page if it is large enough, small ones behind, which
 * are zero pages first. So much memory in few allocations.
 */
static int do_mmap(int fail, int nth, int fd, size_t size)
{
	/* Static, for automatic variables are lost in the jump. */
	static size_t off;
	static char *p;
	static int rc;

	rc = 0;
	set_nth(fail, nth);
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
	if (p == MAP_FAILED)
		return errno;
	madvise(p, size, MADV_HUGEPAGE);
	if (sigsetjmp(bus, 1)) {
		rc = EFAULT;
	} else {
		for (off = size & ~(HUGE - 1); off < size; off += 4096)
			rc |= p[off];
		for (off = 0; off < size; off += 4096)
			p[off] = 1;
	}
	/* Unmapping cannot fail, so it must not be made to. */
	off = get_nth(fail);
	set_nth(fail, 0);
	munmap(p, size);
	if (off)
		set_nth(fail, off);
	return rc;
}

/* No failures here. */
static int use(const char *path, size_t size, int hold, int rest)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	size_t off;
	char *p, c;

	if (fd < 0)
		return 3;
	p = mmap(NULL, size * (1 + rest), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE,
		 fd, 0);
	if (p == MAP_FAILED)
		return 3;
	/* The memory may be unplugged at any time. */
	if (sigsetjmp(bus, 1))
		return hold ? 1 : 0;
	for (off = 0; off < size; off += 4096)
		*(size_t *)(p + off) = off;
	if (hold) {
		printf("ready\n");
		fflush(stdout);
		while (read(0, &c, 1) > 0)
			;
	}
	for (off = 0; off < size; off += 4096) {
		if (*(size_t *)(p + off) != off)
			return 1;
	}
	if (!rest)
		return 0;
	if (sigsetjmp(bus, 1))
		return 0;
	*(size_t *)(p + size) = 1;
	return 1;
}

/* What $USE says: get it, or check it and give it back. */
static int in_use(int begin)
{
	const char *spec = getenv("USE");
	static size_t size, i;
	static size_t *p;
	char path[256];
	int fd, rc = 0;

	if (!spec)
		return 0;
	if (begin) {
		if (sscanf(spec, "%255s %zu", path, &size) != 2)
			return 1;
		size <<= 10;
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			return 1;
		p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
		close(fd);
		if (p == MAP_FAILED || sigsetjmp(bus, 1))
			return 1;
		madvise(p, size, MADV_HUGEPAGE);
		for (i = 0; i < size / sizeof(*p); i++)
			p[i] = i * 0x9e3779b97f4a7c15ul;
		return 0;
	}
	for (i = 0; i < size / sizeof(*p); i++)
		rc |= p[i] != i * 0x9e3779b97f4a7c15ul;
	munmap(p, size);
	if (rc)
		printf("# the data have changed\n");
	return rc;
}

static int undo(void)
{
	const char *spec = getenv("UNDO");
	char file[256], text[32];

	if (!spec || !*spec)
		return 0;
	if (sscanf(spec, "write %255s %31s", file, text) != 2)
		return -1;
	return put_text(file, text);
}

/* 0 or why it failed; -1 if it could not be tried. */
static int attempt(char **argv, int fail, int nth, int *left)
{
	int fd, rc;

	if (in_use(1)) {
		printf("# the device cannot be used\n");
		return -1;
	}
	fd = open(argv[2], O_RDWR | O_CLOEXEC);
	if (fd < 0)
		fd = open(argv[2], O_WRONLY | O_CLOEXEC);
	if (fd < 0) {
		printf("# %s: %s\n", argv[2], strerror(errno));
		return -1;
	}
	if (!strcmp(argv[1], "write"))
		rc = do_write(fail, nth, fd, argv[3]);
	else
		rc = do_mmap(fail, nth, fd, strtoul(argv[3], NULL, 0) << 10);
	*left = get_nth(fail);
	set_nth(fail, 0);
	close(fd);
	return in_use(0) ? -1 : rc;
}

static int variable(const char *name, int otherwise)
{
	const char *value = getenv(name);

	return value && *value ? atoi(value) : otherwise;
}

static int inject(char **argv)
{
	int full = variable("FULL", 400), step = variable("STEP", 17);
	int most = variable("ATMOST", MOST), lost = variable("LOST", 0);
	int fail, nth, rc, left, attempts = 0, failures = 0;
	struct text before = { 0 }, after = { 0 };
	long pages, missing = 0;
	int tries;

	fail = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);
	if (fail < 0) {
		printf("# this kernel has no fault injection\n");
		return 4;
	}
	snapshot(&before);
	rc = attempt(argv, fail, 0, &left);
	if (rc) {
		printf("# it does not even work without failures: %s\n",
		       rc < 0 ? "see above" : strerror(rc));
		return 1;
	}
	snapshot(&after);
	if (undo()) {
		printf("# cannot undo: %s\n", strerror(errno));
		return 1;
	}
	if (!same(&before, "undone without a failure", 0, 0))
		return 1;
	pages = unaccounted();

	for (nth = 1, left = 0; left <= 0 && nth <= most; nth += nth < full ? 1 : step) {
		rc = attempt(argv, fail, nth, &left);
		if (rc < 0)
			return 1;
		attempts++;
		failures += !!rc;
		if (!same(rc ? &before : &after, rc ? strerror(rc) : "succeeded", nth, !rc))
			return 1;
		if (rc && left > 0) {
			printf("# %s without a reason\n", strerror(rc));
			return 1;
		}
		if (!rc && undo()) {
			printf("# cannot undo: %s\n", strerror(errno));
			return 1;
		}
		if (!rc && !same(&before, "undone", nth, 0))
			return 1;
	}
	if (left <= 0 && nth >= MOST) {
		printf("# no end after %d allocations\n", MOST);
		return 1;
	}
	/* What is on its way back gets there; what is lost does not. */
	for (tries = 0; tries < 20; tries++) {
		missing = unaccounted() - pages;
		if (!lost || missing <= lost)
			break;
		usleep(500000);
	}
	printf("# %d allocations%s, %d attempts: %d failed, %d went without the dispensable\n",
	       left > 0 ? nth - left : most, left > 0 ? "" : " and more", attempts, failures,
	       incomplete);
	printf("# %ld pages lost\n", missing);
	if (lost && missing > lost) {
		printf("# too many pages are missing\n");
		return 1;
	}
	return 0;
}

/*
 * Write to a file until that fails half way: with another allocation failing each time,
 * until the file does not read any more what it did before. What $STUCK names makes it
 * impossible to take anything back meanwhile.
 */
static int half_way(char **argv)
{
	const char *stuck = getenv("STUCK");
	char before[64], now[64];
	int fail, nth, left, rc = 1;

	fail = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);
	if (fail < 0) {
		printf("# this kernel has no fault injection\n");
		return 4;
	}
	if (!stuck || get_text(argv[2], before, sizeof(before)))
		return 1;
	for (nth = 1, left = 0; left <= 0 && nth < MOST; nth++) {
		if (put_text(stuck, "-12"))
			return 1;
		rc = attempt(argv, fail, nth, &left);
		if (put_text(stuck, "0") || get_text(argv[2], now, sizeof(now)))
			return 1;
		if (rc > 0 && strcmp(before, now)) {
			printf("# allocation %d, %s: %s\n", nth, strerror(rc), now);
			return 0;
		}
		/* One that it can do without. */
		if (!rc && put_text(argv[2], before))
			return 1;
	}
	printf("# in the end it %s, and no allocation failed half way\n", rc ? "failed" : "worked");
	return 1;
}

int main(int argc, char **argv)
{
	struct text now = { 0 };

	signal(SIGBUS, on_sigbus);
	device = getenv("DEVICE");
	node = getenv("NODE");
	if (argc == 4 && (!strcmp(argv[1], "touch") || !strcmp(argv[1], "hold") ||
			  !strcmp(argv[1], "rest")))
		return use(argv[2], strtoul(argv[3], NULL, 0) << 20, argv[1][0] != 't',
			   argv[1][0] == 'r');
	if (argc == 4 && device && node &&
	    (!strcmp(argv[1], "write") || !strcmp(argv[1], "mmap")))
		return inject(argv);
	if (argc == 4 && !strcmp(argv[1], "half")) {
		argv[1] = "write";
		return half_way(argv);
	}
	if (argc == 2 && device && node && !strcmp(argv[1], "show")) {
		snapshot(&now);
		fputs(now.buf, stdout);
		return 0;
	}
	fprintf(stderr,
		"usage: failnth write FILE TEXT | failnth mmap FILE KIB | failnth show\n"
		"       failnth touch|hold|rest FILE MIB | STUCK=FILE failnth half FILE TEXT\n"
		"       write, mmap and show need DEVICE=daxX.Y and NODE=N\n");
	return 2;
}
