// SPDX-License-Identifier: GPL-2.0
/* pnctl check: what there is, what is missing, and what to do about it */
#include <dirent.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "pnctl.h"

struct check {
	struct json_object *findings;
	int status;
};

/* A finding that is not well has a cure. */
static void found(struct check *c, int status, const char *finding, const char *todo)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "ok", json_object_new_boolean(!status));
	json_text(o, "finding", finding);
	if (todo)
		json_text(o, "cure", todo);
	json_object_array_add(c->findings, o);
	if (!c->status)
		c->status = status;
}

/* What an error would have said. */
static void found_error(struct check *c, int status)
{
	struct text wrong, todo;

	error_take(&wrong, &todo);
	found(c, status, wrong.s, todo.s);
}

static void check_kernel(struct check *c)
{
	if (kernel_has_private_nodes())
		found(c, 0, "the kernel has private memory nodes", NULL);
	else
		found(c, PN_ABSENT, "the kernel has no private memory nodes",
		      "boot one with the patches and CONFIG_PRIVATE_NODES=y");
}

static void check_driver(struct check *c)
{
	if (exists(SYS_DAX "/drivers/anondax"))
		found(c, 0, "the driver anondax is there", NULL);
	else if (module_known("anondax"))
		found(c, 0, "the driver anondax is a module: 'pnctl create' loads it", NULL);
	else
		found(c, PN_ABSENT, "there is no driver anondax",
		      "build the kernel with CONFIG_DEV_DAX_ANON=m and install its modules");
}

static void check_node_of(struct check *c, const struct device *d)
{
	unsigned long long left, size = node_size(d->node, &left);
	struct text state = device_state(d), finding;

	if (!node_online(d->node)) {
		finding = text("%s is %s, and node %d is not private", d->name, state.s, d->node);
		found(c, PN_FAILED, finding.s,
		      "'dmesg' may say why; 'pnctl destroy' it, and create it again");
		return;
	}
	found(c, 0, text("%s is node %d, %s, %s of %s free, knobs on: %s", d->name, d->node,
			 state.s, size_text(left).s, size_text(size).s, knobs_text(d).s).s, NULL);
}

static struct text what_would_be(const struct device *d)
{
	struct text driver = device_driver(d);
	unsigned long long left, size;

	if (!driver.s[0])
		return text("no driver has %s", d->name);
	if (strcmp(driver.s, "kmem"))
		return text("%s has %s, and what it contains would be lost", driver.s, d->name);
	if (!device_plugged(d))
		return text("kmem has %s, and it is unplugged", d->name);
	if (!device_online(d))
		return text("kmem has %s, offline", d->name);
	size = node_size(d->node, &left);
	return text("kmem has %s: it is ordinary memory of node %d, "
		    "and the %s in use would have to move",
		    d->name, d->node, size_text(size - left).s);
}

static struct text what_is_cut(const struct device *d)
{
	unsigned long long cut = d->size - device_usable(d);

	if (!cut)
		return text("%s", "");
	return text(": %s at its ends do not fill a memory block", size_text(cut).s);
}

/* Its driver was unbound while the memory was in use. */
static void check_left(struct check *c, const struct device *d)
{
	found(c, PN_FAILED,
	      text("%s has lost its driver, and its memory is online still, on node %d", d->name,
		   d->node).s,
	      text("'pnctl create %s' makes it a node again, or 'pnctl destroy %s' unplugs it",
		   d->name, d->name).s);
}

static void check_device(struct check *c, const struct devices *all, const struct device *d)
{
	struct text driver;
	int rc;

	if (device_is_private(d) && device_plugged(d)) {
		check_node_of(c, d);
		return;
	}
	if (device_left_behind(all, d)) {
		check_left(c, d);
		return;
	}
	if (!kernel_has_private_nodes()) {
		driver = device_driver(d);
		found(c, 0, text("%s has %s", driver.s[0] ? driver.s : "no driver", d->name).s,
		      NULL);
		return;
	}
	rc = setup_may(all, d);
	if (rc) {
		found_error(c, rc);
		return;
	}
	/* Only root sees the addresses, and thus what would be cut off. */
	found(c, 0, text("%s; 'pnctl create %s' would make node %d private, with %s%s%s",
			 what_would_be(d).s, d->name, d->node, geteuid() ? "up to " : "",
			 size_text(device_usable(d)).s, what_is_cut(d).s).s, NULL);
}

/* Of a region that has room for it: nothing is wrong. */
static void check_seeds(struct check *c)
{
	DIR *dir = opendir(SYS_DAX "/devices");
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		struct text size = attr_read(SYS_DAX "/devices/%.64s/size", e->d_name), finding;

		if (strcmp(size.s, "0"))
			continue;
		finding = text("%.64s has size 0: 'daxctl create-device' sets another", e->d_name);
		found(c, 0, finding.s, NULL);
	}
	if (dir)
		closedir(dir);
}

/* Memory of a device that is not there any more. */
static void check_nodes(struct check *c, const struct devices *all)
{
	int node;

	for (node = -1; (node = node_next_private(node)) >= 0;) {
		if (!node_left_behind(all, node) || device_left_on(all, node))
			continue;
		found(c, PN_FAILED, text("node %d has memory, and its device is gone", node).s,
		      "bring it back as it was ('cxl enable-region', 'ndctl enable-namespace'), and 'pnctl destroy' it");
	}
}

static void check_devices(struct check *c, const struct devices *all)
{
	size_t i;

	if (!all->n)
		found(c, PN_ABSENT, "there is no dax device",
		      "an NVDIMM: 'ndctl create-namespace -m devdax'; volatile CXL: 'cxl create-region'; RAM: memmap=SIZE%START-1+0xefffffff on the kernel's command line");
	for (i = 0; i < all->n; i++)
		check_device(c, all, &all->v[i]);
	check_seeds(c);
	check_nodes(c, all);
}

static void not_checked(struct check *c, const char *what)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "ok", json_object_new_boolean(true));
	json_object_object_add(o, "checked", json_object_new_boolean(false));
	json_text(o, "finding", what);
	json_object_array_add(c->findings, o);
}

/* Addresses are for root only: others cannot know. */
static void check_saved(struct check *c, const struct devices *all, const char *dir)
{
	struct text wrong, todo;
	struct confs confs;
	size_t i;
	int rc;

	rc = confs_get(&confs, dir);
	if (rc) {
		found_error(c, rc);
		return;
	}
	for (i = 0; i < confs.n && !need_root(); i++) {
		const char *name = confs.v[i].name;

		if (conf_find_own(all, &confs, &confs.v[i]))
			found(c, 0, text("%s is saved, and its device is there", name).s, NULL);
		else if (conf_find(all, &confs.v[i]))
			found(c, PN_ABSENT, text("%s is saved, and its device is another's",
						 name).s,
			      text("if %s/%s.conf is for the same device, remove one of them",
				   dir, name).s);
		else
			found(c, PN_ABSENT, text("%s is saved, and its device is not there",
						 name).s,
			      text("%s/%s.conf says which device that is", dir, name).s);
	}
	error_take(&wrong, &todo);
	if (confs.bad)
		found(c, PN_USAGE, text("of the files in %s, %zu cannot be used", dir, confs.bad).s,
		      "the errors say why");
	confs_put(&confs);
}

static void print(struct json_object *findings)
{
	size_t i, n = json_object_array_length(findings);

	for (i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(findings, i), *v;
		bool ok = json_object_get_boolean(json_object_object_get(o, "ok"));
		bool skipped = json_object_object_get_ex(o, "checked", NULL);

		v = json_object_object_get(o, "finding");
		printf("%-4s  %s\n", skipped ? "-" : ok ? "ok" : "FAIL", json_object_get_string(v));
		v = json_object_object_get(o, "cure");
		if (v)
			printf("      %s\n", json_object_get_string(v));
	}
	json_object_put(findings);
}

static int check(const char *dir, bool json)
{
	struct check c = { .findings = json_object_new_array() };
	struct devices all;
	size_t i;
	int rc;

	rc = devices_get(&all);
	if (rc)
		return rc;
	check_kernel(&c);
	check_driver(&c);
	check_devices(&c, &all);
	check_saved(&c, &all, dir);
	if (geteuid())
		not_checked(&c,
			    "not checked: only root sees who has devices open, and those of saved nodes");
	if (json)
		json_print(c.findings);
	else
		print(c.findings);
	for (i = 0; i < all.n; i++) {
		if (device_is_private(&all.v[i]))
			advise(&all.v[i]);
	}
	devices_put(&all);
	return c.status;
}

static int run(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'J' },
		{ "config-dir", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	const char *dir = CONFIG_DIR;
	bool json = false;
	int c;

	while ((c = getopt_long(argc, argv, ":Jh", longs, NULL)) >= 0) {
		switch (c) {
		case 'J':
			json = true;
			break;
		case 'c':
			dir = optarg;
			break;
		default:
			return option_other(&cmd_check, c, argv);
		}
	}
	if (optind < argc)
		return usage_error("'%.64s' is too much", argv[optind]);
	return check(dir, json);
}

const struct command cmd_check = {
	.name = "check",
	.what = "is everything there that a private node needs?",
	.run = run,
	.help =
	"usage: pnctl check [-J]\n\n"
	"Checks the kernel, the driver, the devices and the saved nodes. Says what is missing, what\n"
	"to do about it, and what 'pnctl create' would do. Changes nothing.\n\n"
	"  -J, --json            print JSON\n"
	"      --config-dir DIR  where nodes are saved (" CONFIG_DIR ")\n\n"
	"Exit status: 0 if there is no problem, else that of the first one: 3 if something is\n"
	"missing, 4 if something is in use, 1 or 2 for the rest.\n",
};
