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
	"Takes the device from the driver that has it, binds it to anondax, sets the knobs and\n"
	"plugs the memory. The contents of the device are lost. If a step fails, everything is\n"
	"undone. If it was killed, run it again: it continues where it was stopped.\n\n"
	"  -m, --mode MODE         movable (best for unplugging), kernel or auto (movable)\n"
	"  -s, --set KNOB=on,...   knobs: reclaim, demotion, mbind, shmem, madvise, numa_balance,\n"
	"                          ltpin, cpuset; on a new node the others are off\n"
	"      --adistance N       abstract distance: DRAM has 576, a lower number is faster\n"
	"      --owner USER        owner, group and mode of the device's file, for example 0660:\n"
	"      --group GROUP         whoever may write to it can have memory of the node\n"
	"      --perm MODE\n"
	"      --save              save the node, so that 'pnctl restore' creates it after a reboot\n"
	"      --config-dir DIR    where to save it (" CONFIG_DIR ")\n"
	"  -q, --quiet             print nothing on success, except warnings\n",
};
