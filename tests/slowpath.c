// SPDX-License-Identifier: GPL-2.0
/*
 * slowpath DEVICE NODE SECONDS SWAP
 *
 * The private node NODE is full, all of it mapped from DEVICE, and stays so. Workers in
 * a group take a few MiB again and again, by policies of every mode that name the node,
 * by itself and next to ordinary ones, of the mapping and of the task. Meanwhile the
 * group's cpuset changes, and its limit, which is above what they have or a little
 * below, and for the second half of the time there is a little swap, on SWAP. Somebody
 * in a cpuset with node 1 alone writes into memory of theirs, by their policies.
 *
 * Ordinary memory is never short, and that is checked, so nobody may be killed but by
 * the group's own limit: not the workers, and not the bystander outside of it, whom
 * oom_score_adj puts forward. By whom somebody was killed is what the kernel's log says:
 * the group's events count those of its members who were killed for the system, too.
 * What is bound to the full node alone is SIGBUS; all else gets its memory, with what
 * was written to it. Nobody gets stuck: each worker goes on to the end, and no round
 * takes long; another takes the place of one that the limit has killed.
 *
 * Prints TAP.
 */

#include "lab.h"

#include <limits.h>
#include <linux/mempolicy.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#define MB	(1024 * 1024UL)
#define WORKERS	3
/* Room for a huge page. */
#define SIZE	(2 * MB)
/* What is behind it for somebody else to write to. */
#define TAIL	(16 * 1024UL)
#define CGROUP	"/sys/fs/cgroup/"
#define GROUP	CGROUP "slowpath"
#define WRITER	GROUP "-writer"

struct progress {
	/* Rounds, those that SIGBUS ended, mistakes, and the longest round, in ms. */
	long rounds, bus, wrong, longest;
	/* Who it is, and what others may write to now. */
	pid_t pid;
	char *tail;
};

static struct progress *progress;
static size_t page;
static int node, results, bad;
static sigjmp_buf bus;

static void on_sigbus(int sig)
{
	siglongjmp(bus, sig);
}

static void result(bool ok, const char *what)
{
	printf("%sok %d %s\n", ok ? "" : "not ", ++results, what);
	fflush(stdout);
	bad |= !ok;
}

static void fail(const char *what)
{
	printf("Bail out! %s: %m\n", what);
	exit(1);
}

static long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The kernel's log, from here on. */
static int log_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		fail("/dev/kmsg");
	lseek(fd, 0, SEEK_END);
	return fd;
}

/* How often does it say that memory of the system was short, and somebody killed? */
static long log_kills(int fd)
{
	char line[8192];
	long kills = 0;
	ssize_t n;

	while ((n = read(fd, line, sizeof(line) - 1)) > 0 || (n < 0 && errno == EPIPE)) {
		/* Lines that were lost may have been such. */
		if (n < 0) {
			kills++;
			continue;
		}
		line[n] = '\0';
		/* That of a group begins with "Memory cgroup out of memory". */
		if (strstr(line, ";Out of memory"))
			kills++;
	}
	return kills;
}

/*
 * A policy of some kind, of the mapping or the task; true if it is the full node or none.
 * @alone is for those that will be so whatever the cpuset becomes.
 */
static bool policy(unsigned int r, char *p, bool *of_task, bool *alone)
{
	static const int modes[] = {
		MPOL_BIND, MPOL_PREFERRED, MPOL_PREFERRED_MANY, MPOL_INTERLEAVE,
		MPOL_WEIGHTED_INTERLEAVE, MPOL_BIND,
	};
	static const unsigned long others[] = { 0, 1, 2, 3 };
	int mode = modes[r % ARRAY_SIZE(modes)];
	unsigned long nodes = 1UL << node | others[r / 8 % ARRAY_SIZE(others)];

	if (mode == MPOL_PREFERRED)
		nodes = 1UL << node;
	/* Of the task only with an ordinary node in it: its stack has to be somewhere. */
	*of_task = (r / 64 & 1) && nodes != 1UL << node;
	*alone = mode == MPOL_BIND && nodes == 1UL << node;
	if (*of_task ? syscall(__NR_set_mempolicy, mode, &nodes, 64UL) :
		       syscall(__NR_mbind, p, SIZE + TAIL, mode, &nodes, 64UL, 0))
		return true;
	/* What the cpuset has left of it counts. */
	if (syscall(__NR_get_mempolicy, &mode, &nodes, 64UL, *of_task ? NULL : p,
		    *of_task ? 0UL : (unsigned long)MPOL_F_ADDR))
		return false;
	if (*of_task && nodes == 1UL << node)
		return syscall(__NR_set_mempolicy, MPOL_DEFAULT, NULL, 0UL);
	return mode == MPOL_BIND && nodes == 1UL << node;
}

static void work(struct progress *mine, unsigned int seed, time_t end)
{
	/* Not in registers, where the jump would lose them. */
	static bool only, of_task, alone;
	static unsigned int r;
	static size_t size;
	static long start;
	static char *p;
	char *all;
	size_t off;

	all = mmap(NULL, 3 * SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (all == MAP_FAILED)
		_exit(1);
	p = (char *)(((size_t)all + SIZE - 1) / SIZE * SIZE);
	signal(SIGBUS, on_sigbus);
	while (time(NULL) < end) {
		start = now();
		r = rand_r(&seed);
		if (mmap(p, SIZE + TAIL, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != p)
			_exit(1);
		size = r / 128 & 1 ? SIZE : SIZE / 4;
		if (size == SIZE)
			madvise(p, SIZE, MADV_HUGEPAGE);
		only = policy(r, p, &of_task, &alone);
		__atomic_store_n(&mine->tail, p + SIZE, __ATOMIC_SEQ_CST);
		if (sigsetjmp(bus, 1)) {
			/* Only what can have nothing else. */
			mine->bus++;
			mine->wrong += !only;
		} else {
			for (off = 0; off < size; off += page)
				__atomic_store_n((size_t *)(p + off), off ^ r, __ATOMIC_SEQ_CST);
			for (off = 0; off < size; off += page)
				mine->wrong += __atomic_load_n((size_t *)(p + off),
							       __ATOMIC_SEQ_CST) != (off ^ r);
			mine->wrong += alone;
		}
		if (of_task)
			syscall(__NR_set_mempolicy, MPOL_DEFAULT, NULL, 0UL);
		__atomic_store_n(&mine->tail, NULL, __ATOMIC_SEQ_CST);
		munmap(p, SIZE + TAIL);
		mine->rounds++;
		if (now() - start > mine->longest)
			mine->longest = now() - start;
	}
	_exit(0);
}

/* What they have there has gone again where it does not work; that is no mistake. */
static void write_to_workers(struct progress *mine, time_t end)
{
	struct iovec from = { .iov_base = calloc(1, TAIL), .iov_len = TAIL }, to = from;
	unsigned int i;

	if (!from.iov_base)
		_exit(1);
	while (time(NULL) < end) {
		for (i = 0; i < WORKERS; i++) {
			to.iov_base = __atomic_load_n(&progress[i].tail, __ATOMIC_SEQ_CST);
			if (to.iov_base && process_vm_writev(progress[i].pid, &from, 1, &to, 1,
							     0) == (ssize_t)TAIL)
				mine->rounds++;
		}
		usleep(100000);
	}
	_exit(0);
}

/* Worker number @i, or, behind the last, who writes to them. */
static pid_t start_worker(unsigned int i, unsigned int seed, time_t end)
{
	char text[16];
	pid_t pid = fork();

	if (!pid) {
		progress[i].pid = getpid();
		progress[i].tail = NULL;
		snprintf(text, sizeof(text), "%d", getpid());
		if (put_text(i < WORKERS ? GROUP "/cgroup.procs" : WRITER "/cgroup.procs", text))
			_exit(1);
		if (i == WORKERS)
			write_to_workers(&progress[i], end);
		work(&progress[i], seed, end);
	}
	return pid;
}

/*
 * Somebody who has so much memory, of a file or, without one, of anywhere, as far as
 * there is some, and is killed as @adj says.
 */
static pid_t hold(int fd, size_t size, const char *adj)
{
	const int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_PRIVATE;
	int ready[2];
	pid_t pid;
	char c;

	if (pipe(ready))
		fail("pipe");
	pid = fork();
	if (!pid) {
		char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
		size_t off;

		if (p == MAP_FAILED || put_text("/proc/self/oom_score_adj", adj))
			_exit(1);
		madvise(p, size - 4 * MB, MADV_HUGEPAGE);
		signal(SIGBUS, on_sigbus);
		if (!sigsetjmp(bus, 1)) {
			for (off = 0; off < size; off += page)
				__atomic_store_n(p + off, 1, __ATOMIC_SEQ_CST);
		}
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		_exit(pause());
	}
	close(ready[1]);
	/* Nothing to read if it has ended. */
	if (pid < 0 || read(ready[0], &c, 1) != 1)
		fail("nobody holds memory");
	close(ready[0]);
	return pid;
}

int main(int argc, char **argv)
{
	/* With the node in it: what it does not have cannot be full for it. */
	static const char * const mems[] = { "0,%d", "1,%d", "0-1,%d", "\n", "%d", "1,%d" };
	/* Far above what they have, a little above and, where there is swap, below. */
	static const char * const limits[] = { "max", "64M", "16M", "4M" };
	long kills, seconds, buses = 0, wrong = 0, stuck = 0, died = 0, fewest = LONG_MAX;
	long least = LONG_MAX, longest = 0, free;
	pid_t workers[WORKERS + 1], holder, bystander;
	unsigned int i, tick;
	time_t end;
	bool swap = false;
	char text[64];
	int status, device, log;

	if (argc < 5) {
		fprintf(stderr, "usage: slowpath DEVICE NODE SECONDS SWAP\n");
		return 2;
	}
	page = sysconf(_SC_PAGESIZE);
	node = atoi(argv[2]);
	seconds = atol(argv[3]);
	progress = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (progress == MAP_FAILED)
		fail("mmap");
	put_text(CGROUP "cgroup.subtree_control", "+memory +cpuset");
	if ((mkdir(GROUP, 0755) && errno != EEXIST) ||
	    (mkdir(WRITER, 0755) && errno != EEXIST) || put_text(WRITER "/cpuset.mems", "1"))
		fail(GROUP);

	device = open(argv[1], O_RDWR);
	if (device < 0)
		fail(argv[1]);
	/* All of the node. */
	holder = hold(device, (look_at(node).free + 64) * page, "0");
	bystander = hold(-1, 16 * MB, "900");
	kills = number("/proc/vmstat", "oom_kill");
	log = log_open();
	end = time(NULL) + seconds;
	for (i = 0; i <= WORKERS; i++)
		workers[i] = start_worker(i, i + 1, end);
	for (tick = 0; time(NULL) < end; tick++) {
		for (i = 0; i <= WORKERS; i++) {
			if (waitpid(workers[i], &status, WNOHANG) != workers[i])
				continue;
			if (WIFEXITED(status) && !WEXITSTATUS(status) && time(NULL) >= end - 1) {
				workers[i] = 0;
				continue;
			}
			died++;
			printf("# worker %u: status %x\n", i, status);
			workers[i] = start_worker(i, tick + WORKERS, end);
		}
		for (i = 0; i < 2; i++) {
			free = look_at(i).free;
			least = free < least ? free : least;
		}
		/* What the tasks have is moved each time. */
		if (tick % 8 == 0) {
			snprintf(text, sizeof(text), mems[tick / 8 % ARRAY_SIZE(mems)], node);
			put_text(GROUP "/cpuset.mems", text);
		}
		put_text(GROUP "/memory.max", limits[tick / 8 % (swap ? 4 : 3)]);
		if (!swap && time(NULL) > end - seconds / 2) {
			snprintf(text, sizeof(text), "mkswap %s 32768 >/dev/null 2>&1", argv[4]);
			if (system(text) || swapon(argv[4], 0))
				fail(argv[4]);
			swap = true;
		}
		usleep(100000);
	}
	put_text(GROUP "/memory.max", "max");
	put_text(GROUP "/cpuset.mems", "\n");
	/* A round takes a moment; who does not come back is stuck. */
	for (i = 0; i <= WORKERS; i++) {
		for (tick = 0; workers[i] && tick < 600; tick++) {
			if (waitpid(workers[i], &status, WNOHANG) == workers[i]) {
				died += status != 0;
				workers[i] = 0;
			} else {
				usleep(100000);
			}
		}
		if (workers[i]) {
			stuck++;
			kill(workers[i], SIGKILL);
			waitpid(workers[i], &status, 0);
		}
		fewest = progress[i].rounds < fewest ? progress[i].rounds : fewest;
		longest = progress[i].longest > longest ? progress[i].longest : longest;
		buses += progress[i].bus;
		wrong += progress[i].wrong;
		printf("# worker %u: %ld rounds, %ld SIGBUS, %ld wrong, %ld ms the longest\n", i,
		       progress[i].rounds, progress[i].bus, progress[i].wrong,
		       progress[i].longest);
	}
	kills = number("/proc/vmstat", "oom_kill") - kills;
	free = look_at(node).free;
	printf("# %ld killed, %ld workers died, %ld MiB free on an ordinary node at least\n",
	       kills, died, least * (long)page / (long)MB);
	result(stuck == 0, "everybody comes to an end");
	result(fewest > seconds / 10, "each of them took memory again and again");
	result(longest < 30000, "and never waited long for it");
	result(wrong == 0, "what was written is there; SIGBUS is for the full node alone");
	result(buses > 0, "which did happen");
	result(progress[WORKERS].rounds > seconds / 10, "somebody in another cpuset wrote to them");
	result(free < 64, "the node is full to the end");
	result(least * page > 32 * MB, "ordinary memory was never short");
	result(log_kills(log) == 0 && died <= kills,
	       "nobody is killed with memory free, but by the group's limit");
	result(waitpid(bystander, NULL, WNOHANG) == 0, "the bystander lives");
	result(waitpid(holder, NULL, WNOHANG) == 0, "and who has the node");
	kill(bystander, SIGKILL);
	kill(holder, SIGKILL);
	waitpid(bystander, NULL, 0);
	swapoff(argv[4]);
	rmdir(WRITER);
	printf("1..%d\n", results);
	return bad;
}
