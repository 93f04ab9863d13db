// SPDX-License-Identifier: GPL-2.0
/* pnctl destroy: take a node down and hand its device over */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "pnctl.h"

#define DRIVER	"anondax"

struct options {
	const char *to;		/* a driver, or "" */
	const char *dir;
	bool forget, saved;
};

/* The raw memory is for root. */
static const struct access private = { .perm = 0600 };

/* An earlier binding may have left its memory behind: only that driver can unplug it. */
static int adopt(const struct devices *all, const struct device *d)
{
	int rc;

	if (!device_left_behind(all, d))
		return 0;
	rc = module_load(DRIVER);
	if (rc >= 0)
		rc = device_bind(d, DRIVER);
	if (!rc)
		return 0;
	error("%s has memory online on node %d, and %s does not take it: %s", d->name, d->node,
	      DRIVER, strerror(-rc));
	return cure(PN_FAILED, "'dmesg' may say why");
}

/* kmem cannot have memory of a node that another device makes private. */
static int may_be_ordinary(const struct devices *all, const struct device *d)
{
	size_t i;

	for (i = 0; i < all->n; i++) {
		const struct device *o = &all->v[i];

		if (o == d || o->node != d->node ||
		    (!device_is_private(o) && !device_left_behind(all, o)))
			continue;
		error("node %d cannot become ordinary: %s %s", d->node, o->name,
		      device_is_private(o) ? "makes it private, too" :
		      "has left memory behind on it");
		return cure(PN_BUSY, "'pnctl destroy %s --to none' first", o->name);
	}
	return 0;
}

/* Before anything is changed: can the next one have it? */
static int may_hand_over(const struct devices *all, const struct device *d, const char *to)
{
	int rc = strcmp(to, "kmem") ? 0 : may_be_ordinary(all, d);

	if (rc)
		return rc;
	rc = *to ? module_load(to) : 0;
	if (rc >= 0)
		return 0;
	error("the driver %s cannot be loaded: %s", to, strerror(-rc));
	return cure(PN_ABSENT, "hand it to another one, or to none: --to");
}

/* A create that was killed may have left it so: kmem plugs it when it is bound again. */
static bool left_unplugged(const struct device *d, const char *to)
{
	return !strcmp(to, "kmem") && !strcmp(device_driver(d).s, "kmem") && !device_plugged(d);
}

static int is_ours(const struct device *d, const char *to)
{
	struct text driver = device_driver(d);

	if (!driver.s[0] || device_is_private(d) || left_unplugged(d, to))
		return 0;
	error("%s is no private node: %s has it", d->name, driver.s);
	return cure(PN_FAILED, "'daxctl reconfigure-device' changes what it is");
}

static int unplug(const struct device *d)
{
	struct text log, state = device_read(d, "hotplug");
	int rc, fd;

	if (!device_is_private(d))
		return 0;
	fd = klog_begin();
	rc = device_write(d, "hotplug", "unplugged");
	log = klog_end(fd, d->node, d->name);
	if (rc == -ENOMEM && !strcmp(device_read(d, "hotplug").s, "unplugged")) {
		error("%s is unplugged, and not zeroed for want of memory", d->name);
		return cure(PN_HALF, "free some ordinary memory, and try again");
	}
	/* Unplugged already, and clean: then there was nothing to write for. */
	if (rc && !strcmp(state.s, "unplugged") && rc != -ENOMEM)
		rc = 0;
	return rc ? busy(d, rc, &log, "be unplugged") : 0;
}

static int half(const struct device *d, const char *what, int rc)
{
	error("%s is unplugged, and %s: %s", d->name, what, strerror(-rc));
	return cure(PN_HALF, "'pnctl destroy' again goes on; 'dmesg' may say why");
}

/* No group that was let in for the node may open the raw memory. */
static int hand_over(const struct device *d, const char *to)
{
	int rc;

	rc = device_unbind(d);
	if (rc)
		return half(d, "its driver does not let it go", rc);
	if (exists(SYS_DAX "/drivers/" DRIVER))
		device_forget(d, DRIVER);
	udev_wait();
	rc = access_set(d, &private);
	if (rc && rc != -ENOENT)
		return half(d, "who may open it cannot be set", rc);
	rc = *to ? device_bind(d, to) : 0;
	if (rc)
		return half(d, text("%s does not take it", to).s, rc);
	return 0;
}

/* Until they let go, the name is the old driver's, and those who come now get nowhere. */
static void warn_of_users(const struct device *d)
{
	struct users u;

	if (users_get(&u, -1, d))
		return;
	if (u.n)
		warn("/dev/%s is of no use to others while it is open in %s", d->name,
		     users_text(&u).s);
	users_put(&u);
}

static int take_down(const struct devices *all, const struct device *d, const struct options *o)
{
	bool there = !strcmp(device_driver(d).s, o->to) && !device_left_behind(all, d) &&
		!left_unplugged(d, o->to);
	int rc;

	if (there)
		note("%s: %s has it already", d->name, *o->to ? o->to : "no driver");
	if (there && *o->to)
		return 0;
	rc = is_ours(d, o->to) ?: may_hand_over(all, d, o->to);
	if (rc)
		return rc;
	stop_catch();
	rc = adopt(all, d) ?: unplug(d);
	if (rc)
		return rc;
	/* What comes now is quick, and better done than left half way. */
	stop_ignore();
	rc = hand_over(d, o->to);
	if (rc)
		return rc;
	if (!there)
		note("%s: unplugged, %s has it", d->name, *o->to ? o->to : "no driver");
	warn_of_users(d);
	/* Only there is it raw memory. */
	if (!strcmp(o->to, "device_dax"))
		cdi_warn(d);
	return 0;
}

/* What was saved is down if somebody else has the device, as if it has gone. */
static bool is_down(const struct devices *all, const struct device *d, const struct options *o)
{
	struct text driver = device_driver(d);

	if (!o->saved || !driver.s[0] || device_is_private(d) || left_unplugged(d, o->to) ||
	    device_left_behind(all, d))
		return false;
	note("%s: %s has it", d->name, driver.s);
	return true;
}

static int destroy(const char *name, const struct options *o)
{
	struct text file = text("%s", name);
	struct devices all;
	struct device *d;
	int rc;

	rc = devices_get(&all);
	if (rc)
		return rc;
	rc = o->saved ? conf_device(o->dir, &all, name, &d) : device_get(&all, name, &d);
	if (!rc && o->forget)
		rc = conf_may_forget(o->dir, o->saved ? NULL : d, &file);
	if (!rc && d && !is_down(&all, d, o))
		rc = take_down(&all, d, o);
	if (!rc && o->forget && file.s[0] && conf_forget(o->dir, file.s))
		rc = d ? PN_HALF : PN_FAILED;
	devices_put(&all);
	return rc;
}

static int parse_to(struct options *o, const char *word)
{
	o->to = strcmp(word, "none") ? word : "";
	if (!strcmp(word, "none") || !strcmp(word, "device_dax") || !strcmp(word, "kmem"))
		return 0;
	return usage_error("'%.64s' cannot have it: there are device_dax, kmem and none", word);
}

static int run(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "to", required_argument, NULL, 't' },
		{ "forget", no_argument, NULL, 'f' },
		{ "saved", no_argument, NULL, 's' },
		{ "config-dir", required_argument, NULL, 'c' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct options o = { .to = "device_dax", .dir = CONFIG_DIR };
	int c, rc = 0;

	while (!rc && (c = getopt_long(argc, argv, ":t:qh", longs, NULL)) >= 0) {
		switch (c) {
		case 't':
			rc = parse_to(&o, optarg);
			break;
		case 'f':
			o.forget = true;
			break;
		case 's':
			o.saved = true;
			break;
		case 'c':
			o.dir = optarg;
			break;
		case 'q':
			quiet = true;
			break;
		default:
			return option_other(&cmd_destroy, c, argv);
		}
	}
	if (!rc && optind != argc - 1)
		rc = usage_error(optind < argc ? "one device at a time" : "no device given");
	return rc ?: need_root() ?: lock_take() ?: destroy(argv[optind], &o);
}

const struct command cmd_destroy = {
	.name = "destroy",
	.what = "destroy a node and give its device to another driver",
	.run = run,
	.help =
	"usage: pnctl destroy DEVICE|NAME [options]\n\n"
	"Unplugs the memory, which is zeroed, and binds the device to another driver. Memory in use\n"
	"moves to ordinary memory. If some of it cannot be moved, the device stays as it is, and\n"
	"the error says what that is.\n\n"
	"  -t, --to DRIVER       device_dax, kmem or none (device_dax)\n"
	"      --forget          remove the saved node, so that 'pnctl restore' does not create it\n"
	"      --saved           NAME is a saved node; its device may have disappeared\n"
	"      --config-dir DIR  where nodes are saved (" CONFIG_DIR ")\n"
	"  -q, --quiet           print nothing on success, except warnings\n",
};
