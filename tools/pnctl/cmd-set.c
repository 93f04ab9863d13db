// SPDX-License-Identifier: GPL-2.0
/* pnctl set: turn knobs, all of them or none */
#include <getopt.h>

#include "pnctl.h"

static int is_private(const struct device *d)
{
	struct text driver = device_driver(d);

	if (device_is_private(d))
		return 0;
	error("%s is no private node: %s has it", d->name, driver.s[0] ? driver.s : "no driver");
	return cure(PN_FAILED, "'pnctl create %s' makes one of it", d->name);
}

static int set(const char *name, const struct settings *s)
{
	struct devices all;
	struct device *d;
	int rc;

	rc = devices_get(&all);
	if (rc)
		return rc;
	rc = device_get(&all, name, &d) ?: is_private(d);
	stop_catch();
	if (!rc)
		rc = set_knobs(d, s);
	if (rc) {
		rc = undo_all(rc);
	} else {
		note("%s: node %d: %s", d->name, d->node, knobs_text(d).s);
		undo_done();
		advise(d);
	}
	devices_put(&all);
	return rc;
}

static int run(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	const char *name;
	struct settings s;
	int c, rc = 0;

	while ((c = getopt_long(argc, argv, ":qh", longs, NULL)) >= 0) {
		if (c != 'q')
			return option_other(&cmd_set, c, argv);
		quiet = true;
	}
	if (optind >= argc)
		return usage_error("no device given");
	name = argv[optind++];
	if (optind >= argc)
		return usage_error("no knob given");
	settings_init(&s);
	while (!rc && optind < argc)
		rc = settings_list(&s, argv[optind++]);
	return rc ?: need_root() ?: lock_take() ?: set(name, &s);
}

const struct command cmd_set = {
	.name = "set",
	.what = "set knobs of a node",
	.run = run,
	.help =
	"usage: pnctl set DEVICE KNOB=on|off... [adistance=N]\n\n"
	"Knobs: reclaim, demotion, mbind, shmem, madvise, numa_balance, ltpin, cpuset. Devices of\n"
	"the same node share them. If one cannot be set, none is changed. adistance can only be\n"
	"set while no memory of the node is plugged.\n\n"
	"  -q, --quiet   print nothing on success, except warnings\n",
};
