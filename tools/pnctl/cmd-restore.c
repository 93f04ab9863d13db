// SPDX-License-Identifier: GPL-2.0
/* pnctl restore: make the nodes that are saved, of what devices have come */
#include <getopt.h>
#include <string.h>
#include <time.h>

#include "pnctl.h"

struct options {
	const char *dir;
	const char *device;	/* only that one, if any */
	const char *name;	/* only that file, if any */
	const char *udev;	/* do nothing but say that device's name */
	unsigned long wait;	/* seconds, for those that have not come */
};

static int come_back(const struct devices *all, const struct device *d, const struct conf *c)
{
	int rc;

	rc = setup(all, d, &c->set);
	if (rc) {
		rc = undo_all(rc);
		error_print();
		return rc;
	}
	note("%s: node %d, %s (%s)%s", d->name, d->node, device_state(d).s, c->name,
	     undo_any() ? "" : ": as it was");
	undo_done();
	return 0;
}

/* It would be that device, but for a file that knows it by more. */
static int not_own(const struct devices *all, const struct confs *c, const struct conf *conf)
{
	const struct device *d = conf_find(all, conf);
	const struct conf *other = d ? conf_of(c, d) : NULL;

	if (!other)
		return 0;
	error("%s: %s is that of %s", conf->name, d->name, other->name);
	return cure(PN_ABSENT, "if both are for the same device, remove one of the two files");
}

static int not_come(const struct conf *c, const char *dir)
{
	const struct identity *id = &c->id;

	if (id->uuid[0])
		error("%s: no dax device has the uuid %s", c->name, id->uuid);
	else
		error("%s: no dax device has the addresses %.100s%s%.60s", c->name, id->ranges,
		      id->serials[0] ? " on CXL devices " : "", id->serials);
	return cure(PN_ABSENT,
		    "is it there, is its region divided as it was (daxctl list)? If it has gone for good: rm %s/%s.conf",
		    dir, c->name);
}

static bool wanted(const struct options *o, const struct conf *c, const struct device *d)
{
	if (o->name && strcmp(o->name, c->name))
		return false;
	return !o->device || (d && !strcmp(o->device, d->name));
}

/* Those that have come, each of them once; the number of those that have not. */
static size_t restore_round(const struct devices *all, struct confs *c, const struct options *o,
			    bool last)
{
	size_t i, left = 0;

	for (i = 0; i < c->n; i++) {
		struct conf *conf = &c->v[i];
		const struct device *d;

		if (conf->tried || (o->name && strcmp(o->name, conf->name)))
			continue;
		/* To look at all devices takes a while. */
		d = conf_find_own(all, c, conf);
		if (!wanted(o, conf, d))
			continue;
		/* What waits since something was undone comes now. */
		stop_catch();
		conf->tried = !stop_asked() && (d || last);
		if (!conf->tried) {
			left++;
		} else if (d) {
			conf->status = come_back(all, d, conf);
		} else {
			conf->status = not_own(all, c, conf) ?: not_come(conf, o->dir);
			error_print();
		}
	}
	return left;
}

/* Whatever is done to the date meanwhile. */
static long long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static int restore_rounds(struct confs *c, const struct options *o, size_t *left)
{
	const struct timespec nap = { .tv_nsec = 250 * 1000 * 1000 };
	long long until = milliseconds() + 1000LL * o->wait;
	struct devices all;
	bool last;
	int rc;

	for (;;) {
		last = milliseconds() >= until;
		rc = lock_take() ?: devices_get(&all);
		if (rc)
			return rc;
		*left = restore_round(&all, c, o, last);
		devices_put(&all);
		lock_drop();
		if (!*left || stop_asked())
			return 0;
		nanosleep(&nap, NULL);
	}
}

/* What fails is worse than what is missing. */
static int worst(const struct confs *c)
{
	int worst = 0;
	size_t i;

	for (i = 0; i < c->n; i++) {
		if (c->v[i].status && (!worst || worst == PN_ABSENT))
			worst = c->v[i].status;
	}
	return worst;
}

static int restore_all(struct confs *c, const struct options *o)
{
	size_t left = 0;
	int rc;

	stop_catch();
	rc = restore_rounds(c, o, &left);
	if (rc || !left)
		return worst(c) ?: rc;
	error("it was interrupted, and %zu of the saved nodes not created", left);
	return cure(worst(c) ?: PN_FAILED, "'pnctl restore' goes on from there");
}

/*
 * For a rule of udev: which saved node is that device's? If its file is wrong nobody else,
 * as kmem, is to have it until that is mended.
 */
static int print_name(const struct confs *c, const char *name)
{
	struct devices all;
	struct device *d;
	struct conf *conf;
	int rc;

	rc = devices_get(&all);
	if (rc)
		return rc;
	rc = device_get(&all, name, &d);
	conf = rc ? NULL : conf_of(c, d) ?: conf_of_wrong(c, d);
	if (conf)
		printf("PRIVATE_NODE=%s\n", conf->name);
	devices_put(&all);
	return rc;
}

/* Its file has to be there; if it is wrong, that has been said. */
static int must_be_saved(const struct confs *c, const struct options *o)
{
	if (!o->name || conf_named(c, o->name))
		return 0;
	if (conf_named_wrong(c, o->name))
		return PN_USAGE;
	error("there is no %s/%.64s.conf", o->dir, o->name);
	return cure(PN_ABSENT, "'pnctl save' writes such files");
}

/* What is saved of the device is in a file that is wrong, which has been said. */
static int must_be_right(const struct confs *c, const char *name)
{
	struct text wrong, todo;
	struct devices all;
	struct device *d;
	int rc = devices_get(&all);

	if (rc)
		return rc;
	if (!device_get(&all, name, &d))
		rc = !conf_of(c, d) && conf_of_wrong(c, d) ? PN_USAGE : 0;
	devices_put(&all);
	error_take(&wrong, &todo);
	return rc;
}

/* Who asks for one of them does not mind what others are like. */
static int restore(const struct options *o)
{
	bool all = !o->name && !o->device && !o->udev;
	struct confs c;
	int rc;

	rc = confs_get(&c, o->dir);
	if (rc)
		return rc;
	rc = must_be_saved(&c, o);
	if (!rc)
		rc = o->udev ? print_name(&c, o->udev) : restore_all(&c, o);
	if (!rc && o->device)
		rc = must_be_right(&c, o->device);
	if ((!rc || rc == PN_ABSENT) && all && c.bad)
		rc = PN_USAGE;
	if (!rc && all && !c.n)
		note("nothing is saved in %s", o->dir);
	confs_put(&c);
	return rc;
}

static int parse_wait(struct options *o, const char *word)
{
	if (parse_number(word, 10, 86400, &o->wait))
		return 0;
	return usage_error("'%.64s' is no number of seconds", word);
}

static int run(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "config-dir", required_argument, NULL, 'c' },
		{ "device", required_argument, NULL, 'd' },
		{ "udev", required_argument, NULL, 'u' },
		{ "wait", required_argument, NULL, 'w' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct options o = { .dir = CONFIG_DIR };
	int c, rc = 0;

	while (!rc && (c = getopt_long(argc, argv, ":d:w:qh", longs, NULL)) >= 0) {
		switch (c) {
		case 'c':
			o.dir = optarg;
			break;
		case 'd':
			o.device = optarg;
			break;
		case 'u':
			o.udev = optarg;
			break;
		case 'w':
			rc = parse_wait(&o, optarg);
			break;
		case 'q':
			quiet = true;
			break;
		default:
			return option_other(&cmd_restore, c, argv);
		}
	}
	if (!rc && optind < argc - 1)
		rc = usage_error("one name at a time, or none for all");
	o.name = argv[optind];
	return rc ?: need_root() ?: restore(&o);
}

const struct command cmd_restore = {
	.name = "restore",
	.what = "create the saved nodes",
	.run = run,
	.help =
	"usage: pnctl restore [NAME] [options]\n\n"
	"Creates all saved nodes whose devices are present; with NAME, only that of NAME.conf. A\n"
	"node that is already as it should be is left alone. Missing devices are reported.\n\n"
	"  -d, --device DEVICE   only this device, if it is saved\n"
	"  -w, --wait SECONDS    wait this long for devices to appear\n"
	"      --udev DEVICE     only print PRIVATE_NODE=NAME of this device, for a udev rule\n"
	"      --config-dir DIR  where nodes are saved (" CONFIG_DIR ")\n"
	"  -q, --quiet           print nothing on success\n",
};
