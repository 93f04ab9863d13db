// SPDX-License-Identifier: GPL-2.0
/* Combinations that do not do what one might think: the guide warns of each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pnctl.h"

static bool on(const struct device *d, const char *knob)
{
	return !strcmp(device_read(d, knob).s, "1");
}

/* A line for the heading, and one for each area. */
static bool have_swap(void)
{
	FILE *f = fopen("/proc/swaps", "re");
	int c, lines = 0;

	while (f && (c = getc(f)) != EOF)
		lines += c == '\n';
	if (f)
		fclose(f);
	return lines > 1;
}

static bool demotes(void)
{
	return !strcmp(attr_read("/sys/kernel/mm/numa/demotion_enabled").s, "true");
}

static bool numa_balancing_tiers(void)
{
	return atoi(attr_read("/proc/sys/kernel/numa_balancing").s) & 2;
}

static void advise_demotion(const struct device *d)
{
	if (!on(d, "demotion"))
		return;
	if (!on(d, "reclaim"))
		warn("demotion is on and reclaim is off: "
		     "nothing is demoted for the limit of a cgroup");
	if (!demotes())
		warn("demotion is on, and nothing is demoted until "
		     "/sys/kernel/mm/numa/demotion_enabled is 1");
}

static void advise_reclaim(const struct device *d)
{
	if (on(d, "madvise") && !on(d, "reclaim"))
		warn("madvise is on and reclaim is off: what MADV_FREE marks is not freed");
	if (on(d, "reclaim") && !have_swap() && !demotes())
		warn("reclaim is on, and its anonymous memory has nowhere to go: "
		     "there is no swap, and demotion_enabled is 0");
}

static void advise_access(const struct device *d)
{
	if (!on(d, "cpuset"))
		return;
	if (!on(d, "mbind") && !on(d, "demotion") && !on(d, "shmem"))
		warn("cpuset is on, and lets in nobody as long as mbind and demotion are off");
	else
		warn("cpuset is on: only those whose cpuset.mems lists node %d have it", d->node);
}

void advise(const struct device *d)
{
	advise_demotion(d);
	advise_reclaim(d);
	advise_access(d);
	if (on(d, "numa_balance") && !numa_balancing_tiers())
		warn("numa_balance is on, and nothing is promoted until "
		     "kernel.numa_balancing is 2");
	if (on(d, "ltpin") && !strcmp(device_state(d).s, "online_movable"))
		warn("ltpin is on: a long-term pin moves the page to ordinary memory, "
		     "for the node is movable");
}
