// SPDX-License-Identifier: GPL-2.0
/* The knobs: files of the device that take 0 and 1. */
#include <string.h>

#include "pnctl.h"

const char *const knobs[NR_KNOBS] = {
	"reclaim", "demotion", "mbind", "shmem", "madvise", "numa_balance", "ltpin", "cpuset",
};

int knob_find(const char *name)
{
	int i;

	for (i = 0; i < NR_KNOBS; i++) {
		if (!strcmp(knobs[i], name))
			return i;
	}
	return -1;
}

bool knob_on(const struct device *d, int knob)
{
	return !strcmp(device_read(d, knobs[knob]).s, "1");
}

struct text knobs_text(const struct device *d)
{
	struct text t = text("%s", "");
	int i;

	for (i = 0; i < NR_KNOBS; i++) {
		if (knob_on(d, i))
			t = text("%s%s%s", t.s, t.s[0] ? "," : "", knobs[i]);
	}
	return t.s[0] ? t : text("none");
}

/* Only those that this kernel has. */
struct json_object *knobs_json(const struct device *d)
{
	struct json_object *o = json_object_new_object();
	int i;

	for (i = 0; i < NR_KNOBS; i++) {
		if (!device_read(d, knobs[i]).err)
			json_object_object_add(o, knobs[i],
					       json_object_new_boolean(knob_on(d, i)));
	}
	return o;
}
