// SPDX-License-Identifier: GPL-2.0
/*
 * flips [-t SECONDS] [-s SEED] [-w SWAP] [-f SYSTEM.MAP] [-p] [-v]
 *
 * Flip the knobs of all anondax devices at random while memory of their nodes is
 * in every use that we know of: mapped from /dev/dax, placed and moved by
 * policies, advised, pinned, forked, locked, merged, collapsed, demoted, balanced,
 * swapped; and while the device of the highest node is unplugged and plugged again.
 * For SECONDS, or up to five times that until all of it has happened.
 *
 * Needs root, two devices bound to anondax and online, and SWAP, which is
 * overwritten. Prints TAP.
 *
 * Each page of the workers carries its address, its worker and a generation, in
 * every word of it; the worker knows what has to be there. A page that it has not
 * written is zero; after MADV_FREE it is either as it was or zero.
 *
 * A SIGBUS is a fair answer only for memory that can come from nowhere but the
 * node that is being unplugged. The same operation will do later.
 *
 * Afterwards every page of the nodes is free again, nothing is left in swap, both
 * nodes can be unplugged, and every kind of work has happened: what was not done
 * was not tested. With -p what did not happen in the time given is skipped: for a
 * kernel that is slow because it checks everything, and beside a run without.
 *
 * With -f allocations of memory fail at random, in the workers and in the one who
 * unplugs. That is an answer that they take; wrong data, a state between two, and what
 * is left behind are as wrong as without. It needs a kernel with FAULT_INJECTION, and
 * the System.map of that kernel.
 *
 * The last line but the totals sums up: "# seed 1: 150 s; ..., none wrong; ...; passed".
 */
#include "flips.h"

#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <time.h>

void give_up(const char *format, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	restore_settings();
	ksft_exit_fail_msg("%s", text);
}

static pid_t start(void (*run)(int), void (*other)(void), int arg)
{
	pid_t pid = fork();

	if (!pid) {
		if (run)
			run(arg);
		else
			other();
		_exit(1);
	}
	if (pid < 0)
		give_up("fork: %s\n", strerror(errno));
	return pid;
}

static void show_stuck(pid_t pid)
{
	char path[64], line[256];
	FILE *f;
	int i;

	for (i = 0; i <= WORKERS + 1; i++) {
		if (sh->worker[i].pid == pid)
			say("process %d is at: %s", pid, sh->worker[i].doing);
	}
	snprintf(path, sizeof(path), "/proc/%d/stack", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		say("%d: %.*s", pid, (int)strcspn(line, "\n"), line);
	if (f)
		fclose(f);
}

static struct {
	long seconds;
	const char *swap;
	const char *system_map;
} option = { .seconds = 120, .swap = "/dev/vda" };

static void read_options(int argc, char **argv)
{
	int opt;

	seed = time(NULL) % 1000000;
	while ((opt = getopt(argc, argv, "t:s:w:f:pv")) != -1) {
		switch (opt) {
		case 't':
			option.seconds = atol(optarg);
			break;
		case 's':
			seed = strtoul(optarg, NULL, 0);
			break;
		case 'w':
			option.swap = optarg;
			break;
		case 'f':
			option.system_map = optarg;
			break;
		case 'p':
			partly = true;
			break;
		case 'v':
			verbose = true;
			break;
		default:
			fprintf(stderr, "usage: flips [-t SECONDS] [-s SEED] [-w SWAP] "
				"[-f SYSTEM.MAP] [-p] [-v]\n");
			exit(2);
		}
	}
}

/*
 * The kernel writes to a task's rseq area whenever it likes, and kills the task if
 * there is no memory for that. So none for tasks whose allocations fail.
 */
static void without_rseq(char **argv)
{
	static const char off[] = "glibc.pthread.rseq=0";
	const char *now = getenv("GLIBC_TUNABLES");

	if (now && !strcmp(now, off))
		return;
	setenv("GLIBC_TUNABLES", off, 1);
	execv("/proc/self/exe", argv);
	perror("flips");
	exit(2);
}

static void share(void)
{
	pthread_mutexattr_t attr;

	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (sh == MAP_FAILED)
		give_up("mmap: %s\n", strerror(errno));
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&sh->unplug, &attr);
}

static struct done before[MOST_DONE], after[MOST_DONE];
static pid_t pid[WORKERS + DEVICES + 6];
static int nr;		/* of processes */
static long took;	/* seconds */

static void start_all(void)
{
	int i;

	for (i = 0; i < WORKERS; i++) {
		pid[nr] = start(work, NULL, i);
		sh->worker[i].pid = pid[nr++];
	}
	for (i = 0; i < DEVICES; i++)
		pid[nr++] = start(turn_knobs, NULL, i);
	pid[nr++] = start(NULL, plug_and_unplug, 0);
	pid[nr++] = start(NULL, interfere, 0);
	pid[nr++] = start(NULL, change_settings, 0);
	pid[nr++] = start(NULL, change_cpuset, 0);
	pid[nr] = start(NULL, reread, 0);
	sh->worker[WORKERS].pid = pid[nr++];
	pid[nr] = start(NULL, share_memory, 0);
	sh->worker[WORKERS + 1].pid = pid[nr++];
}

/* Until all has been done, and all have ended. False if one ended before, or did not. */
static bool watch(bool damon)
{
	/* A machine that has little time for us gets more of it. */
	long end = option.seconds * 5;
	time_t began = time(NULL), now, shown = 0;
	int left = nr, died = 0, status, i;

	while (left) {
		pid_t ended = waitpid(-1, &status, WNOHANG);

		now = time(NULL) - began;
		if (ended > 0) {
			for (i = 0; i < nr && pid[i] != ended; i++)
				;
			if (i == nr)
				continue;
			pid[i] = 0;
			left--;
			if (status || !stopped()) {
				say("process %d ended with %#x after %ld s", ended, status,
				    (long)now);
				died++;
			}
			continue;
		}
		if (!stopped() &&
		    (now >= end || died ||
		     (now >= option.seconds && (partly || all_done(before, damon))))) {
			end = now;
			__atomic_store_n(&sh->stop, 1, __ATOMIC_SEQ_CST);
			put_text(CGROUP "/press/memory.high", "max");
		}
		/* An unplug may take its time, and so may all that has to be checked. */
		if (now >= end + 300)
			break;
		for (i = 0; i < DEVICES; i++) {
			struct pages p = look_at(device[i].nid);

			if (p.managed - p.free > sh->used[i])
				sh->used[i] = p.managed - p.free;
		}
		if (now / 10 != shown) {
			shown = now / 10;
			say("%ld s: %lu flips, %lu pages written, %lu checked, %lu wrong; %lu "
			    "times unplugged, %lu busy; %d processes", (long)now, all_flips(),
			    sh->count[N_WRITTEN], sh->count[N_CHECKED], sh->count[N_WRONG],
			    sh->count[N_UNPLUGGED], sh->count[N_UNPLUG_BUSY], left);
		}
		nap(500);
	}
	for (i = 0; i < nr; i++) {
		if (pid[i]) {
			show_stuck(pid[i]);
			kill(pid[i], SIGKILL);
		}
	}
	took = time(NULL) - began;
	return !died && !left;
}

static void judge_what_was_done(bool damon)
{
	int i, k = what_was_done(after, damon);

	for (i = 0; i < k; i++) {
		bool happened = after[i].n > before[i].n;

		if (!happened && partly)
			ksft_test_result_skip("%s: not in the time that there was (-p)\n",
					      after[i].text);
		else
			ksft_test_result(happened, "%ld %s\n", after[i].n - before[i].n,
					 after[i].text);
	}
	say_the_rest();
}

static void judge_what_is_left(void)
{
	char text[64];
	bool good;
	int i, rc;

	stop_damon();
	put_text(KSM "run", "2");
	put_text(KSM "run", "0");
	put_text("/proc/sys/kernel/numa_balancing", "0");
	good = !swapoff(option.swap);
	ksft_test_result(good, "swap can be turned off\n");
	get_dax(&device[1], "hotplug", text, sizeof(text));
	if (!strcmp(text, "unplugged"))
		put_dax(&device[1], "hotplug", "online");
	for (i = 0; i < DEVICES; i++) {
		put_dax(&device[i], "mbind", "1");
		put_dax(&device[i], "demotion", "0");
	}
	for (i = 0; i < DEVICES; i++) {
		good = all_free(device[i].nid);
		ksft_test_result(good, "node %d: no page is left behind\n", device[i].nid);
	}
	for (i = 0; i < DEVICES; i++) {
		rc = put_dax(&device[i], "hotplug", "unplugged");
		get_dax(&device[i], "hotplug", text, sizeof(text));
		good = !rc && !strcmp(text, "unplugged") &&
		       !node_has("has_private_memory", device[i].nid) &&
		       !node_has("has_memory", device[i].nid) && !look_at(device[i].nid).managed;
		ksft_test_result(good, "node %d can be unplugged\n", device[i].nid);
	}
}

/* For who runs this again and again. */
static void sum_up(long slab, long pages)
{
	char verdict[64] = "passed";

	if (ksft_cnt.ksft_fail)
		snprintf(verdict, sizeof(verdict), "%u of %u FAILED", ksft_cnt.ksft_fail,
			 ksft_test_num());
	say("seed %lu: %ld s; %lu pages written, %lu checked, %lu wrong; %lu flips; %lu times "
	    "unplugged, %lu busy; %ld allocations made to fail in the slab, %ld of pages; %s",
	    seed, took, sh->count[N_WRITTEN], sh->count[N_CHECKED], sh->count[N_WRONG],
	    all_flips(), sh->count[N_UNPLUGGED], sh->count[N_UNPLUG_BUSY], slab, pages, verdict);
}

int main(int argc, char **argv)
{
	long kills, total, missing, slab, pages;
	bool damon, good;

	read_options(argc, argv);
	if (option.system_map)
		without_rseq(argv);
	setvbuf(stdout, NULL, _IOLBF, 0);
	ksft_print_header();
	if (find_devices() != DEVICES)
		give_up("not just two devices are bound to anondax\n");
	say("seed %lu, %ld seconds; %s is node %d, %s is node %d", seed, option.seconds,
	    device[0].name, device[0].nid, device[1].name, device[1].nid);
	share();
	seed_rng(0);
	make_salt();
	if (option.system_map)
		set_up_failures(option.system_map);
	set_up(option.swap);
	/*
	 * Programs that have to be read in again while allocations fail die of it: SIGBUS
	 * where their text is. Nobody else's memory is locked so, but the files are.
	 */
	if (option.system_map && mlockall(MCL_CURRENT))
		give_up("mlockall: %s\n", strerror(errno));

	missing = -unaccounted();
	total = number("/proc/meminfo", "MemTotal:");
	kills = number("/proc/vmstat", "oom_kill");
	damon = start_damon();
	what_was_done(before, damon);
	start_all();
	good = watch(damon);
	slab = failed_slab();
	pages = failed_pages();
	ksft_test_result(good, "all processes came to their end\n");
	ksft_test_result(number("/proc/vmstat", "oom_kill") == kills, "none was killed\n");
	ksft_test_result(!sh->count[N_WRONG],
			 "%lu pages and %lu outcomes as they must be, %lu wrong\n",
			 sh->count[N_CHECKED], sh->count[N_JUDGED], sh->count[N_WRONG]);
	judge_what_was_done(damon);
	judge_what_is_left();
	ksft_test_result(number("/proc/meminfo", "MemTotal:") == total, "MemTotal is as it was\n");
	missing += unaccounted();
	/* Caches of the allocators, and what others have got meanwhile. */
	ksft_test_result(missing < 1024, "%ld more pages of the ordinary nodes than before have "
			 "no account\n", missing);
	restore_settings();

	sum_up(slab, pages);
	ksft_set_plan(ksft_test_num());
	ksft_finished();
}
