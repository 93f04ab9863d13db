// SPDX-License-Identifier: GPL-2.0
/* What the tests of anondax share. */

#include "kselftest.h"
#include "anondax.h"

struct device dax;
size_t page;

const char * const knobs[KNOBS] = {
	"reclaim", "demotion", "mbind", "shmem", "madvise", "numa_balance", "ltpin",
};

/*
 * Small files.
 */

/* 0 or -errno; the text without the newline at its end. */
int get_text(const char *path, char *buf, size_t size)
{
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return n;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

int put_text(const char *path, const char *text)
{
	int fd, rc = 0;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

/* The number that follows @key at the start of a line or behind "Node N ". */
long get_number(const char *path, const char *key)
{
	long value = -1;
	char line[512];
	FILE *f;

	f = fopen(path, "re");
	if (!f)
		return -1;
	while (value < 0 && fgets(line, sizeof(line), f)) {
		char *p = line;
		int skip = 0;

		if (sscanf(p, "Node %*d %n", &skip) >= 0 && skip)
			p += skip;
		if (!strncmp(p, key, strlen(key)) && strchr(" \t:=", p[strlen(key)]))
			value = strtol(p + strlen(key) + strspn(p + strlen(key), " \t:="), NULL, 0);
	}
	fclose(f);
	return value;
}

/* Is @nid in a list like "0-1,3"? */
bool in_list(const char *list, int nid)
{
	while (*list >= '0' && *list <= '9') {
		char *end;
		long first = strtol(list, &end, 10), last = first;

		if (*end == '-')
			last = strtol(end + 1, &end, 10);
		if (nid >= first && nid <= last)
			return true;
		list = *end == ',' ? end + 1 : end;
	}
	return false;
}

bool node_has(const char *file, int nid)
{
	char path[PATH_MAX], list[256];

	snprintf(path, sizeof(path), NODE "%s", file);
	return !get_text(path, list, sizeof(list)) && in_list(list, nid);
}

/* The word at an index of a file of such words; all ones if there is none. */
uint64_t read_word(const char *path, uint64_t index)
{
	uint64_t word = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || pread(fd, &word, sizeof(word), index * sizeof(word)) != sizeof(word))
		word = -1;
	close(fd);
	return word;
}

/* An event of /proc/vmstat, of all CPUs. */
long vm_count(const char *key)
{
	char buf[16];

	get_text("/proc/sys/vm/stat_refresh", buf, sizeof(buf));
	return get_number("/proc/vmstat", key);
}

/* What is counted of the node under its claim. */
long node_stat(const char *key)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), NODE "node%d/private_stat", dax.nid);
	return get_number(path, key);
}

/* 0 or -errno. */
int change(struct changes *c, const char *path, const char *text)
{
	struct changed *f = &c->file[c->nr];
	char old[128], *on;
	int rc;

	rc = get_text(path, old, sizeof(old));
	if (rc)
		return rc;
	/* Files that show "a [b] c" take "b". */
	on = strchr(old, '[');
	snprintf(f->path, sizeof(f->path), "%s", path);
	snprintf(f->text, sizeof(f->text), "%.*s",
		 on ? (int)strcspn(on + 1, "]") : 127, on ? on + 1 : old);
	c->nr++;
	return put_text(path, text);
}

void restore(struct changes *c)
{
	while (c->nr > 0) {
		c->nr--;
		put_text(c->file[c->nr].path, c->file[c->nr].text);
	}
}

/*
 * The node.
 */

bool is_state(const char *state)
{
	char now[32];

	return !get_text(dax.hotplug, now, sizeof(now)) && !strcmp(now, state);
}

/* To any state from any other. 0 or -errno. */
int set_state(const char *state)
{
	int rc;

	if (is_state(state))
		return 0;
	if (strcmp(state, "unplugged") && !is_state("unplugged")) {
		rc = put_text(dax.hotplug, "unplugged");
		if (rc)
			return rc;
	}
	return put_text(dax.hotplug, state);
}

/* The tier that has a node, as its number in sysfs; -1 if none has. */
int tier_of(int nid)
{
	char path[PATH_MAX], list[256];
	struct dirent *d;
	int tier = -1, n;
	DIR *dir;

	dir = opendir(TIERS);
	while (dir && (d = readdir(dir))) {
		if (sscanf(d->d_name, "memory_tier%d", &n) != 1)
			continue;
		snprintf(path, sizeof(path), TIERS "%s/nodelist", d->d_name);
		if (!get_text(path, list, sizeof(list)) && in_list(list, nid))
			tier = n;
	}
	if (dir)
		closedir(dir);
	return tier;
}

/* One number of the zones of the node, or of all @others, added up. */
long sum_zoneinfo(bool others, const char *zone, const char *key)
{
	char line[256], name[32];
	bool ours = false;
	long sum = 0, n;
	int nid;
	FILE *f;

	f = fopen("/proc/zoneinfo", "re");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		char *p = line + strspn(line, " ");

		if (sscanf(line, "Node %d, zone %31s", &nid, name) == 2)
			ours = (nid == dax.nid) != others && (!zone || !strcmp(zone, name));
		else if (ours && !strncmp(p, key, strlen(key)) &&
			 sscanf(p + strlen(key), "%ld", &n) == 1)
			sum += n;
	}
	fclose(f);
	return sum;
}

/*
 * One number of the node's zones, or of the one named @zone, added up. Those of
 * the per-CPU lists are the lines "count:".
 */
long read_zoneinfo(const char *zone, const char *key)
{
	return sum_zoneinfo(false, zone, key);
}

/* Free pages on the lists of the buddy allocator. */
static long read_buddyinfo(void)
{
	char line[512], name[32];
	long sum = 0;
	int nid, n;
	FILE *f;

	f = fopen("/proc/buddyinfo", "re");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		int order;
		char *p;

		if (sscanf(line, "Node %d, zone %31s%n", &nid, name, &n) != 2 || nid != dax.nid)
			continue;
		for (p = line + n, order = 0; strspn(p, " ") < strcspn(p, "\n"); order++)
			sum += strtol(p, &p, 10) << order;
	}
	fclose(f);
	return sum;
}

/*
 * Free pages, on whatever list they are. Not by nr_free_pages, which lags behind
 * on each CPU and is brought up to date before per-CPU lists are trimmed.
 */
long free_pages(void)
{
	long before, after, count;
	int tries = 100;

	do {
		before = read_buddyinfo();
		count = read_zoneinfo(NULL, "count:");
		after = read_buddyinfo();
	} while (before != after && --tries);
	return after + count;
}

/*
 * Folios wait on per-CPU lists of the LRU for a while after their last user has
 * gone; move_pages() drains these whatever it has to move.
 */
void settle(void)
{
	int status, nid = 0;
	char buf[16];
	void *p;

	p = mmap(NULL, page, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (p != MAP_FAILED) {
		syscall(__NR_move_pages, 0, 1UL, &p, &nid, &status, MPOL_MF_MOVE);
		munmap(p, page);
	}
	/* For the counters that others show. */
	get_text("/proc/sys/vm/stat_refresh", buf, sizeof(buf));
}

long settled_free_pages(void)
{
	settle();
	return free_pages();
}

void read_balance(struct balance *b)
{
	static const char * const users[] = {
		"Slab", "KernelStack", "PageTables", "SecPageTables", "VmallocUsed", "Percpu",
	};
	static const char * const lru[] = { "Active", "Inactive", "Unevictable" };
	char path[PATH_MAX];
	unsigned int i;

	settle();
	b->used = 0;
	for (i = 0; i < ARRAY_SIZE(users); i++)
		b->used += get_number("/proc/meminfo", users[i]);
	snprintf(path, sizeof(path), NODE "node%d/meminfo", dax.nid);
	for (i = 0; i < ARRAY_SIZE(lru); i++) {
		b->used += get_number("/proc/meminfo", lru[i]);
		if (node_has("online", dax.nid))
			b->used -= get_number(path, lru[i]);
	}
	/* The memory map, page_owner's records with it, and per-CPU lists. */
	b->used += (get_number("/proc/vmstat", "nr_memmap_pages") +
		    sum_zoneinfo(true, NULL, "count:")) * (long)(page / KB);
	b->free = get_number("/proc/meminfo", "MemFree");
	b->available = get_number("/proc/meminfo", "MemAvailable");
	/* What private nodes have is summed up for it once a jiffy: let one pass. */
	usleep(20000);
	b->dirty = get_number("/proc/vmstat", "nr_dirty_threshold") * (long)(page / KB);
}

/* How much there is that was not there before, or has gone without a trace. */
long unbalanced(struct balance *was, struct balance *is)
{
	return labs(is->free + is->used - was->free - was->used);
}

/*
 * Memory and where it is.
 */

void *map_dax(size_t size)
{
	void *p;
	int fd;

	fd = open(dax.path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return MAP_FAILED;
	/*
	 * The memory is none of the system's RAM, which overcommit goes by: a
	 * mapping as large as the device may be too much for it.
	 */
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE,
		 fd, 0);
	close(fd);
	return p;
}

/* A mapping with room for aligned huge pages: ->get_unmapped_area aligns it. */
void *map_dax_huge(size_t size)
{
	void *p = map_dax(size);

	if (p != MAP_FAILED && madvise(p, size, MADV_HUGEPAGE))
		return MAP_FAILED;
	return p;
}

void *map_anon(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* A mapping of huge pages, or of none. */
void *map_dax_of(size_t size, bool huge)
{
	void *p = huge ? map_dax_huge(size) : map_dax(size);

	if (!huge && p != MAP_FAILED)
		madvise(p, size, MADV_NOHUGEPAGE);
	return p;
}

/* More than there is. */
void *map_more(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/* The first place for a huge page in a mapping. */
void *huge_in(void *p)
{
	return (void *)(((unsigned long)p + PMD - 1) & ~(PMD - 1));
}

/* Shared memory that huge pages fit into, by its address and its offset. */
void *map_shared_huge(size_t size)
{
	void *p = mmap(NULL, size + PMD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return p;
	return mmap(huge_in(p), size, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

/*
 * To use memory up page by page takes long: in huge ones, but for what the end of
 * it is about.
 */
void huge_at_first(char *p, size_t size)
{
	if (size > 24 * MB)
		madvise(p, size - 24 * MB, MADV_HUGEPAGE);
}

/* The node of a page, or -errno if it has none. */
int node_of(void *p)
{
	int status = -EINVAL;

	if (syscall(__NR_move_pages, 0, 1UL, &p, NULL, &status, 0))
		return -errno;
	return status;
}

/* How many pages of the range are on the node? */
long count_on(void *start, size_t size, int nid)
{
	void *pages[256];
	int status[256];
	size_t off = 0;
	long sum = 0;

	while (off < size) {
		unsigned long n;

		for (n = 0; n < 256 && off < size; n++, off += page)
			pages[n] = (char *)start + off;
		if (syscall(__NR_move_pages, 0, n, pages, NULL, status, 0))
			return -errno;
		while (n--)
			sum += status[n] == nid;
	}
	return sum;
}

bool all_on_dax(void *start, size_t size)
{
	return count_on(start, size, dax.nid) == (long)(size / page);
}

/* A different word on each page of each round. */
void fill(void *start, size_t size, unsigned long round)
{
	size_t off;

	for (off = 0; off < size; off += page)
		*(unsigned long *)((char *)start + off) = off * 2654435761UL + round;
}

bool filled(void *start, size_t size, unsigned long round)
{
	size_t off;

	for (off = 0; off < size; off += page) {
		if (*(unsigned long *)((char *)start + off) != off * 2654435761UL + round)
			return false;
	}
	return true;
}

/* A number of smaps, in KiB, added up over the mappings in the range. */
long read_smaps(void *start, size_t size, const char *key)
{
	unsigned long from, to, first = (unsigned long)start;
	bool ours = false;
	char line[512];
	long sum = 0;
	FILE *f;

	f = fopen("/proc/self/smaps", "re");
	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			ours = from >= first && from < first + size;
		else if (ours && !strncmp(line, key, strlen(key)) && line[strlen(key)] == ':')
			sum += strtol(line + strlen(key) + 1, NULL, 10);
	}
	fclose(f);
	return sum;
}

/* The line of numa_maps for the mapping that starts there. */
bool read_numa_maps(void *start, char *line, size_t size)
{
	bool found = false;
	FILE *f;

	f = fopen("/proc/self/numa_maps", "re");
	if (!f)
		return false;
	while (!found && fgets(line, size, f))
		found = strtoul(line, NULL, 16) == (unsigned long)start;
	fclose(f);
	return found;
}

/* The word of pagemap for a page. */
uint64_t map_entry(void *p)
{
	return read_word("/proc/self/pagemap", (unsigned long)p / page);
}

/* The page frame of a page in memory, 0 if there is none. */
uint64_t pfn_of(void *p)
{
	uint64_t entry = map_entry(p);

	return entry != -1ULL && entry & PM_PRESENT ? entry & PM_PFN : 0;
}

sigjmp_buf bus;

static void on_sigbus(int sig)
{
	siglongjmp(bus, sig);
}

void catch_sigbus(void)
{
	struct sigaction sa = {
		.sa_handler = on_sigbus,
		/* So that there is no signal mask to restore. */
		.sa_flags = SA_NODEFER,
	};

	sigaction(SIGBUS, &sa, NULL);
}

/* The error of a system call that returned it, 0 if it went well. */
int failed(long ret)
{
	return ret ? -errno : 0;
}

int run_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return failed(sched_setaffinity(0, sizeof(set), &set));
}

/* Write to the pages one by one: how many went well before SIGBUS? */
long touch(void *start, size_t size)
{
	/* Not in a register, where the jump would lose it. */
	static size_t done;
	unsigned long *p;

	__atomic_store_n(&done, 0, __ATOMIC_SEQ_CST);
	if (sigsetjmp(bus, 0))
		return __atomic_load_n(&done, __ATOMIC_SEQ_CST) / page;
	while (done < size) {
		p = (unsigned long *)((char *)start + done);
		__atomic_store_n(p, done * 2654435761UL, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&done, page, __ATOMIC_SEQ_CST);
	}
	return done / page;
}

/*
 * Take all of the node, huge pages first, which is fast; but the first of the
 * mapping are small, so that they can be given back one by one. How many pages
 * were there?
 */
long fill_node(char **p, size_t size)
{
	*p = map_dax(size);
	if (*p == MAP_FAILED)
		return -1;
	madvise(*p, size, MADV_HUGEPAGE);
	madvise(*p, PMD, MADV_NOHUGEPAGE);
	return touch(*p, size);
}

/*
 * Take the node but for so much, in huge pages that stay, for they are locked: what is
 * done with a full node then takes the less time.
 */
bool take_all_but(size_t room)
{
	size_t size = free_pages() * page;
	char *p;

	if (size < room + PMD)
		return true;
	size = (size - room) & ~(PMD - 1);
	p = map_dax_huge(size);
	return p != MAP_FAILED && !mlock(p, size);
}

bool read_ok(void *p)
{
	if (sigsetjmp(bus, 0))
		return false;
	__atomic_load_n((char *)p, __ATOMIC_SEQ_CST);
	return true;
}

/* The exit status of a child, or 128 and the signal. */
int wait_child(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

#define CLUSTER		"/proc/sys/vm/page-cluster"

static char cluster[16];

int swap_on(void)
{
	const char *disk = getenv("ANONDAX_TEST_SWAP");
	char command[PATH_MAX + 32];

	if (!disk)
		return -ENODEV;
	snprintf(command, sizeof(command), "mkswap '%s' >/dev/null 2>&1", disk);
	if (system(command))
		return -EIO;
	/*
	 * What is read ahead for somebody else is there, in ordinary memory, when a
	 * fault that asks for the node comes for it; and stays there.
	 */
	if (get_text(CLUSTER, cluster, sizeof(cluster)) || put_text(CLUSTER, "0"))
		return -EIO;
	return swapon(disk, 0) ? -errno : 0;
}

void swap_off(void)
{
	if (*cluster)
		put_text(CLUSTER, cluster);
	*cluster = 0;
	if (getenv("ANONDAX_TEST_SWAP"))
		swapoff(getenv("ANONDAX_TEST_SWAP"));
}

/* 0 or -errno. */
int bind_driver(const char *driver, const char *file)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DAX "drivers/%s/%s", driver, file);
	return put_text(path, dax.name);
}

/* A control group of our own with the calling process in it. 0 or -errno. */
int enter_cgroup(void)
{
	char pid[16];

	put_text(CGROUP "cgroup.subtree_control", "+memory +cpuset");
	if (mkdir(CGROUP GROUP, 0755) && errno != EEXIST)
		return -errno;
	/* A test that was killed may have left limits. */
	put_text(CGROUP GROUP "/memory.high", "max");
	put_text(CGROUP GROUP "/memory.max", "max");
	put_text(CGROUP GROUP "/cpuset.mems", "\n");
	snprintf(pid, sizeof(pid), "%d", getpid());
	return put_text(CGROUP GROUP "/cgroup.procs", pid);
}

/* Another group, whose tasks may have memory of node 1 only. 0 or -errno. */
int other_cgroup(void)
{
	if (mkdir(OTHER, 0755) && errno != EEXIST)
		return -errno;
	return put_text(OTHER "/cpuset.mems", "1");
}

/* Ask for so much of what the group of enter_cgroup() has, and leave it some time. */
void reclaim_group(const char *amount)
{
	put_text(CGROUP GROUP "/memory.reclaim", amount);
	usleep(GROUP_PAUSE);
}

/* How many pages are in memory, be it in the swap cache? */
long count_resident(void *start, size_t size)
{
	unsigned char resident[512];
	size_t off = 0;
	long sum = 0;

	while (off < size) {
		size_t n = size - off < 512 * page ? (size - off) / page : 512;

		if (mincore((char *)start + off, n * page, resident))
			return -errno;
		off += n * page;
		while (n--)
			sum += resident[n] & 1;
	}
	return sum;
}

/*
 * Swap a range out, to the disk. MADV_PAGEOUT leaves the pages that it writes in
 * the swap cache, from where a fault would get them as they are, wherever that
 * is. Reclaim takes them from there, if they belong to a group that it can be
 * told to work on: the caller is in one, since before it filled the range.
 */
bool swap_out(void *start, size_t size)
{
	int tries = 200;

	if (madvise(start, size, MADV_PAGEOUT))
		return false;
	while (count_resident(start, size) && --tries)
		reclaim_group("16M");
	return !count_resident(start, size) &&
	       read_smaps(start, size, "Swap") == (long)(size / KB);
}

/* Wait for what is being written to swap or a file: advice passes that by. */
bool written(void)
{
	int tries = 500;

	do {
		settle();
		if (!get_number("/proc/meminfo", "Writeback"))
			return true;
		usleep(10000);
	} while (--tries);
	return false;
}

/* A MiB: -EAGAIN if there was no room for a page of it. */
static int once(char *p, unsigned long round, bool write)
{
	if (sigsetjmp(bus, 0))
		return -EAGAIN;
	if (write)
		fill(p, MB, round);
	return write || filled(p, MB, round) ? 0 : -EINVAL;
}

/*
 * fill() and filled() where reclaim makes room: what is still being written to swap cannot
 * be freed, and a fault that has waited long enough for that gives up. Then it is waited
 * for here, and the MiB begun anew.
 */
static bool slowly(char *p, size_t size, unsigned long round, bool write)
{
	size_t off;
	int tries, rc;

	for (off = 0; off < size; off += MB) {
		tries = 0;
		do
			rc = once(p + off, round + off, write);
		while (rc == -EAGAIN && tries++ < 50 && written());
		if (rc)
			return false;
	}
	return true;
}

bool fill_slowly(char *p, size_t size, unsigned long round)
{
	return slowly(p, size, round, true);
}

bool filled_slowly(char *p, size_t size, unsigned long round)
{
	return slowly(p, size, round, false);
}

/* Let KSM run, without a rest. 0 or -errno. */
int ksm_on(struct changes *c)
{
	int rc = change(c, KSM "sleep_millisecs", "5");

	if (!rc)
		rc = change(c, KSM "pages_to_scan", "20000");
	return rc ?: change(c, KSM "run", "1");
}

/* Wait for KSM to look at all it has, so many times. */
bool ksm_passes(int passes)
{
	char text[32];
	long first = -1;
	int tries;

	for (tries = 0; tries < 1000; tries++) {
		if (get_text(KSM "full_scans", text, sizeof(text)))
			return false;
		if (first < 0)
			first = atol(text);
		if (atol(text) >= first + passes)
			return true;
		usleep(20000);
	}
	return false;
}

/* Let khugepaged run, nearly without a rest. 0 or -errno. */
int khugepaged_on(struct changes *c)
{
	int rc = change(c, KHUGEPAGED "scan_sleep_millisecs", "10");

	return rc ?: change(c, KHUGEPAGED "alloc_sleep_millisecs", "10");
}

/* How often has it looked at all it has? */
long khugepaged_scans(void)
{
	char text[32];
	int rc = get_text(KHUGEPAGED "full_scans", text, sizeof(text));

	return rc ? rc : atol(text);
}

/*
 * Let khugepaged pass so often over a range that has a page at the start of each
 * 2 MiB. It looks only at what is in use.
 */
bool khugepaged_looks(char *start, size_t size, int passes)
{
	const long before = khugepaged_scans();
	size_t off;
	int tries;

	for (tries = 0; tries < 3000 && khugepaged_scans() < before + passes; tries++) {
		for (off = 0; off < size; off += PMD)
			read_ok(start + off);
		usleep(20000);
	}
	return khugepaged_scans() >= before + passes;
}

int open_ring(void)
{
	struct io_uring_params params = { 0 };

	return syscall(__NR_io_uring_setup, 4, &params);
}

/* Memory that io_uring pins for as long as it is registered. */
int fix_buffer(int ring, void *p, size_t size)
{
	struct iovec iov = { .iov_base = p, .iov_len = size };

	return failed(syscall(__NR_io_uring_register, ring, IORING_REGISTER_BUFFERS, &iov, 1));
}

int unfix_buffer(int ring)
{
	return failed(syscall(__NR_io_uring_register, ring, IORING_UNREGISTER_BUFFERS, NULL, 0));
}

/*
 * Knobs and policies.
 */

static void knob_path(const char *name, char *buf, size_t size)
{
	snprintf(buf, size, DAX "devices/%s/%s", dax.name, name);
}

int set_knob(const char *name, const char *text)
{
	char path[PATH_MAX];

	knob_path(name, path, sizeof(path));
	return put_text(path, text);
}

/* The value, or -errno. */
int get_knob(const char *name)
{
	char path[PATH_MAX], text[32];
	int rc;

	knob_path(name, path, sizeof(path));
	rc = get_text(path, text, sizeof(text));
	return rc ? rc : atoi(text);
}

void set_all_knobs(const char *text)
{
	size_t i;

	for (i = 0; i < KNOBS; i++)
		set_knob(knobs[i], text);
	/* What is let in. Whose, is another question. */
	set_knob("cpuset", "0");
}

int sys_mbind(void *p, size_t size, int mode, unsigned long nodes, int flags)
{
	return failed(syscall(__NR_mbind, p, size, mode, &nodes, sizeof(nodes) * 8, flags));
}

int sys_set_mempolicy(int mode, unsigned long nodes)
{
	return failed(syscall(__NR_set_mempolicy, mode, nodes ? &nodes : NULL,
			      sizeof(nodes) * 8));
}

int sys_set_home_node(void *p, size_t size, int nid)
{
	return failed(syscall(__NR_set_mempolicy_home_node, p, size, (long)nid, 0L));
}

/* Move a range: 0, -errno, or the status of its first page that did not get there. */
int move_to(void *start, size_t size, int nid)
{
	int nodes[256], status[256];
	void *pages[256];
	size_t off = 0;

	while (off < size) {
		unsigned long n, i;

		for (n = 0; n < 256 && off < size; n++, off += page) {
			pages[n] = (char *)start + off;
			nodes[n] = nid;
			status[n] = -EINVAL;
		}
		if (syscall(__NR_move_pages, 0, n, pages, nodes, status, MPOL_MF_MOVE) < 0)
			return -errno;
		for (i = 0; i < n; i++) {
			if (status[i] != nid)
				return status[i];
		}
	}
	return 0;
}

/*
 * Finding the device.
 */

static bool look_up(struct device *d)
{
	char path[PATH_MAX], nid[32];

	snprintf(d->path, sizeof(d->path), "/dev/%.*s", NAME_MAX, d->name);
	snprintf(d->hotplug, sizeof(d->hotplug), DAX "devices/%.*s/hotplug", NAME_MAX,
		 d->name);
	snprintf(path, sizeof(path), DAX "devices/%.*s/target_node", NAME_MAX, d->name);
	if (get_text(path, nid, sizeof(nid)) ||
	    get_text(d->hotplug, d->state, sizeof(d->state)))
		return false;
	d->nid = atoi(nid);
	return true;
}

/* Is it in the list that commas separate? */
static bool is_wanted(const char *list, const char *name)
{
	size_t n = strlen(name);

	if (!strcmp(list, "auto"))
		return true;
	for (; list; list = strchr(list, ',')) {
		list += *list == ',';
		if (!strncmp(list, name, n) && (!list[n] || list[n] == ','))
			return true;
	}
	return false;
}

/* Devices that anondax has, of those that ANONDAX_TEST_DEV names. How many? */
int find_devices(struct device *list, int most)
{
	const char *want = getenv(TEST_DEV);
	char path[PATH_MAX], driver[PATH_MAX];
	struct dirent *d;
	int nr = 0;
	DIR *dir;

	dir = opendir(DAX "devices");
	while (dir && nr < most && (d = readdir(dir))) {
		ssize_t n;

		snprintf(path, sizeof(path), DAX "devices/%s/driver", d->d_name);
		n = readlink(path, driver, sizeof(driver) - 1);
		if (n < 0 || !is_wanted(want, d->d_name))
			continue;
		driver[n] = '\0';
		if (strcmp(basename(driver), "anondax"))
			continue;
		snprintf(list[nr].name, sizeof(list[nr].name), "%s", d->d_name);
		if (look_up(&list[nr]))
			nr++;
	}
	if (dir)
		closedir(dir);
	return nr;
}

void skip_all(const char *why)
{
	ksft_print_header();
	ksft_exit_skip("%s\n", why);
}

static void need_root(void)
{
	page = sysconf(_SC_PAGESIZE);
	if (geteuid())
		skip_all("needs root");
}

static void put_back(void)
{
	set_state(dax.state);
}

/* For a program whose tests take one device: find it, and leave it as it was. */
/* The tests unplug it and write to all of its memory: not to just any that is there. */
void need_named(void)
{
	const char *want = getenv(TEST_DEV);

	need_root();
	if (!want || !*want)
		skip_all("say which devices may be unplugged and overwritten: " TEST_DEV
			 "=daxX.Y[,...], or auto");
}

void need_dax(void)
{
	need_named();
	if (find_devices(&dax, 1) != 1)
		skip_all("no dax device is bound to anondax");
	/* The processes of the tests leave by _exit(). */
	atexit(put_back);
}
