// SPDX-License-Identifier: GPL-2.0
/* pnctl save: write down what nodes there are, for 'pnctl restore' */
#include <getopt.h>

#include "pnctl.h"

static bool is_node(const struct device *d)
{
	return device_is_private(d) && device_plugged(d);
}

static int must_be_node(const struct device *d)
{
	if (is_node(d))
		return 0;
	error("%s is no private node that has memory", d->name);
	return cure(PN_FAILED, "'pnctl create %s --save' makes one and saves it", d->name);
}

/* All that were named are looked at before the first is written. */
static int save_named(struct devices *all, const char *dir, char **names)
{
	struct device *d;
	int i, rc = 0;

	for (i = 0; !rc && names[i]; i++)
		rc = device_get(all, names[i], &d) ?: must_be_node(d);
	for (i = 0; !rc && names[i]; i++)
		rc = device_get(all, names[i], &d) ?: conf_save(dir, d);
	return rc;
}

static int save_all(const struct devices *all, const char *dir)
{
	size_t i, n = 0;
	int rc = 0;

	for (i = 0; !rc && i < all->n; i++) {
		if (!is_node(&all->v[i]))
			continue;
		rc = conf_save(dir, &all->v[i]);
		n++;
	}
	if (rc || n)
		return rc;
	error("there is no private node to be saved");
	return cure(PN_ABSENT, "'pnctl create DEVICE --save' makes one and saves it");
}

static int save(const char *dir, char **names)
{
	struct devices all;
	int rc;

	rc = devices_get(&all);
	if (rc)
		return rc;
	rc = *names ? save_named(&all, dir, names) : save_all(&all, dir);
	devices_put(&all);
	return rc;
}

static int run(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "config-dir", required_argument, NULL, 'c' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	const char *dir = CONFIG_DIR;
	int c;

	while ((c = getopt_long(argc, argv, ":qh", longs, NULL)) >= 0) {
		switch (c) {
		case 'c':
			dir = optarg;
			break;
		case 'q':
			quiet = true;
			break;
		default:
			return option_other(&cmd_save, c, argv);
		}
	}
	return need_root() ?: lock_take() ?: save(dir, argv + optind);
}

const struct command cmd_save = {
	.name = "save",
	.what = "save nodes, for restore",
	.run = run,
	.help =
	"usage: pnctl save [DEVICE...]\n\n"
	"Writes a file for each of the named devices, by default for all private nodes that have\n"
	"memory. It identifies the device by something that a reboot does not change: see\n"
	"private-nodes.conf(5).\n\n"
	"      --config-dir DIR  where to save (" CONFIG_DIR ")\n"
	"  -q, --quiet           print nothing on success\n",
};
