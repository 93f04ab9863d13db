// SPDX-License-Identifier: GPL-2.0
/*
 * Allocations made to fail: at random in the workers, and one at a random place each
 * time the device is unplugged or plugged, where they are so many that nothing would
 * come of it otherwise.
 *
 * A worker takes ENOMEM and EFAULT for an answer while its allocations may fail. What
 * tells whether data are right is done while they may not, and so is what has no other
 * way out.
 */
#include "flips.h"

/* Where a failure is due: one of so many allocations that a worker makes. */
#define ONE_IN		300
#define PERCENT		10
/* Counted down by the kernel. */
#define ENOUGH		1000000000L

#define DEBUGFS		"/sys/kernel/debug/"

bool failures;

static const char * const kinds[] = { DEBUGFS "failslab/", DEBUGFS "fail_page_alloc/" };

static __thread int make_fd = -1, nth_fd = -1;
static __thread bool may_fail;

static int set_attribute(const char *kind, const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s%s", kind, file);
	return set(path, text);
}

/*
 * The function is left alone. (/proc/kallsyms has the addresses too, in minutes;
 * nothing moves at boot in the lab.)
 */
static void leave_out(const char *kind, const char *function, const char *system_map)
{
	char line[256], name[128], start[32] = "", end[32] = "", text[40];
	FILE *f;
	int rc;

	f = fopen(system_map, "re");
	while (f && !*end && fgets(line, sizeof(line), f)) {
		char at[32];

		if (sscanf(line, "%31s %*s %127s", at, name) != 2)
			continue;
		if (*start)
			snprintf(end, sizeof(end), "%s", at);
		else if (!strcmp(name, function))
			snprintf(start, sizeof(start), "%s", at);
	}
	if (f)
		fclose(f);
	if (!*end)
		give_up("%s does not say where %s() is\n", system_map, function);
	rc = set_attribute(kind, "stacktrace-depth", "16");
	snprintf(text, sizeof(text), "0x%s", start);
	rc = rc ?: set_attribute(kind, "reject-start", text);
	snprintf(text, sizeof(text), "0x%s", end);
	rc = rc ?: set_attribute(kind, "reject-end", text);
	if (rc)
		give_up("cannot leave out %s(): %s\n", function, strerror(-rc));
}

void set_up_failures(const char *system_map)
{
	char interval[16], probability[16], times[16];
	size_t i;
	int rc = 0;

	snprintf(interval, sizeof(interval), "%d", ONE_IN * PERCENT / 100);
	snprintf(probability, sizeof(probability), "%d", PERCENT);
	snprintf(times, sizeof(times), "%ld", ENOUGH);
	/*
	 * Linux on x86 does not survive it if there is no page for the page tables
	 * of the direct map: alloc_low_pages(), a tail call of this one.
	 */
	leave_out(kinds[1], "phys_pud_init", system_map);
	/* kmemleak, if it is on, gives up for good. */
	leave_out(kinds[0], "__alloc_object", system_map);
	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		rc = rc ?: set_attribute(kinds[i], "task-filter", "Y");
		rc = rc ?: set_attribute(kinds[i], "verbose", "0");
		rc = rc ?: set_attribute(kinds[i], "space", "0");
		rc = rc ?: set_attribute(kinds[i], "times", times);
		rc = rc ?: set_attribute(kinds[i], "interval", interval);
		rc = rc ?: set_attribute(kinds[i], "ignore-gfp-wait", "N");
	}
	rc = rc ?: set_attribute(kinds[1], "ignore-gfp-highmem", "N");
	rc = rc ?: set_attribute(kinds[1], "min-order", "0");
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		rc = rc ?: set_attribute(kinds[i], "probability", probability);
	if (rc)
		give_up("allocations cannot be made to fail: %s\n", strerror(-rc));
	failures = true;
}

static long failed(const char *kind)
{
	char path[128], text[32];

	snprintf(path, sizeof(path), "%stimes", kind);
	if (!failures || get_text(path, text, sizeof(text)))
		return 0;
	return ENOUGH - atol(text);
}

long failed_slab(void)
{
	return failed(kinds[0]);
}

long failed_pages(void)
{
	return failed(kinds[1]);
}

/* Of this very task. Who inherits failures may meet one here. */
static int open_own(const char *file)
{
	char path[64];
	int fd = -1, tries = 1000;

	snprintf(path, sizeof(path), "/proc/thread-self/%s", file);
	while (fd < 0 && tries--)
		fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		wrong("%s: %s", path, strerror(errno));
	return fd;
}

void join_failures(void)
{
	if (!failures)
		return;
	/* A file of its parent's is about the parent. */
	if (make_fd >= 0)
		close(make_fd);
	make_fd = open_own("make-it-fail");
	let_fail(may_fail);
}

void end_failures(void)
{
	let_fail(false);
	if (make_fd >= 0)
		close(make_fd);
	make_fd = -1;
}

bool let_fail(bool may)
{
	bool was = may_fail;
	int tries = 1000;

	if (make_fd < 0 || may == was)
		return was;
	/* Even the text may have to be brought into memory. */
	while (write(make_fd, may ? "1" : "0", 1) != 1 && tries)
		tries--;
	if (!tries)
		wrong("make-it-fail: %s", strerror(errno));
	may_fail = may;
	return was;
}

bool failing(void)
{
	return may_fail;
}

bool made(int error)
{
	if (!may_fail || (error != ENOMEM && error != EFAULT))
		return false;
	count(N_OP_MADE);
	return true;
}

void arm_failure(void)
{
	unsigned int nth = 1U << rnd(14);
	char text[16];

	if (!failures)
		return;
	if (nth_fd < 0)
		nth_fd = open_own("fail-nth");
	snprintf(text, sizeof(text), "%u", nth + rnd(nth));
	if (pwrite(nth_fd, text, strlen(text), 0) < 0)
		wrong("fail-nth: %s", strerror(errno));
}

bool disarm_failure(void)
{
	char text[16] = "";

	if (nth_fd < 0)
		return false;
	if (pread(nth_fd, text, sizeof(text) - 1, 0) < 0 || pwrite(nth_fd, "0", 1, 0) < 0)
		wrong("fail-nth: %s", strerror(errno));
	return !atoi(text);
}
