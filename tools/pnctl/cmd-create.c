// SPDX-License-Identifier: GPL-2.0
/* pnctl create: make a private node of a device, all of it or nothing */
#include <getopt.h>

#include "pnctl.h"

struct options {
	const char *dir;
	bool save;
};

static int create(const char *name, const struct settings *s, const struct options *o)
{
	struct devices all;
	struct device *d;
	int rc;

	rc = devices_get(&all);
	if (rc)
		return rc;
	rc = device_get(&all, name, &d) ?: setup_may(&all, d);
	if (!rc && o->save)
		rc = conf_may_save(o->dir, d);
	stop_catch();
	if (!rc)
		rc = setup(&all, d, s);
	if (!rc && o->save)
		rc = conf_save(o->dir, d);
	if (rc) {
		rc = undo_all(rc);
	} else {
		note("%s: node %d, %s%s", d->name, d->node, device_state(d).s,
		     undo_any() ? "" : ", as it was");
		undo_done();
		advise(d);
	}
	devices_put(&all);
	return rc;
}

static int run(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "mode", required_argument, NULL, 'm' },
		{ "set", required_argument, NULL, 's' },
		{ "adistance", required_argument, NULL, 'a' },
		{ "owner", required_argument, NULL, 'o' },
		{ "group", required_argument, NULL, 'g' },
		{ "perm", required_argument, NULL, 'p' },
		{ "save", no_argument, NULL, 'S' },
		{ "config-dir", required_argument, NULL, 'c' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct options o = { .dir = CONFIG_DIR };
	struct settings s;
	int c, rc = 0;

	settings_init(&s);
	s.state = "online_movable";
	while (!rc && (c = getopt_long(argc, argv, ":m:s:qh", longs, NULL)) >= 0) {
		switch (c) {
		case 'm':
			rc = settings_mode(&s, optarg);
			break;
		case 's':
			rc = settings_list(&s, optarg);
			break;
		case 'a':
			rc = settings_one(&s, "adistance", optarg);
			break;
		case 'o':
			rc = settings_owner(&s, optarg);
			break;
		case 'g':
			rc = settings_group(&s, optarg);
			break;
		case 'p':
			rc = settings_perm(&s, optarg);
			break;
		case 'S':
			o.save = true;
			break;
		case 'c':
			o.dir = optarg;
			break;
		case 'q':
			quiet = true;
			break;
		default:
			return option_other(&cmd_create, c, argv);
		}
	}
	if (!rc && optind != argc - 1)
		rc = usage_error(optind < argc ? "one device at a time" : "no device given");
	return rc ?: need_root() ?: lock_take() ?: create(argv[optind], &s, &o);
}

const struct command cmd_create = {
	.name = "create",
	.what = "make a private node of a device",
	.run = run,
	.help =
	"usage: pnctl create DEVICE [options]\n\n"
	"Takes the device from the driver that has it, binds it to anondax, sets its knobs and\n"
	"plugs its memory. What it contains is lost. If a step fails, all is as it was before.\n"
	"Run again, it goes on from wherever it was stopped.\n\n"
	"  -m, --mode MODE         movable (can be unplugged best), kernel, auto (movable)\n"
	"  -s, --set KNOB=on,...   knobs: reclaim, demotion, mbind, shmem, madvise, numa_balance,\n"
	"                          ltpin, cpuset; what is not named is off\n"
	"      --adistance N       abstract distance: DRAM has 576, less is faster\n"
	"      --owner USER        who may open the device,\n"
	"      --group GROUP         and so have memory of the node:\n"
	"      --perm MODE           0660, say\n"
	"      --save              so that 'pnctl restore' makes it again after a reboot\n"
	"      --config-dir DIR    where that is written (" CONFIG_DIR ")\n"
	"  -q, --quiet             say nothing when all is well\n",
};
