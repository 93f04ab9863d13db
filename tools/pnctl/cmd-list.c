// SPDX-License-Identifier: GPL-2.0
/* pnctl list: nodes and devices */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "pnctl.h"

struct options {
	int node;		/* -1: all */
	const char *device;	/* NULL: all */
	bool json, users;
};

static bool wanted(const struct options *o, const struct device *d)
{
	if (o->node >= 0 && d->node != o->node)
		return false;
	return !o->device || !strcmp(o->device, d->name);
}

static const char *state_of(const struct device *d, struct text *buf)
{
	*buf = device_state(d);
	if (!buf->err)
		return buf->s;
	return device_driver(d).s[0] ? "raw" : "disabled";
}

/*
 * As text
 */

#define ROW	"%-9s %4s  %-10s %-15s %10s %10s %10s %4s  %-20s %s\n"

static void print_users(const struct users *u)
{
	size_t i;

	for (i = 0; i < u->n; i++)
		printf("%10s process %d (%s): %s, opened: %u, mapped: %u\n", "", u->v[i].pid,
		       u->v[i].comm, size_text(user_total(&u->v[i])).s, u->v[i].opens,
		       u->v[i].maps);
	if (u->unseen)
		printf("%10s %zu processes could not be looked at: root sees all\n", "", u->unseen);
}

static void print_device_users(const struct device *d)
{
	struct users u;

	if (users_get(&u, device_plugged(d) ? d->node : -1, d))
		return;
	print_users(&u);
	users_put(&u);
}

static struct text access_text(const struct device *d)
{
	struct access a;
	bool granted = device_is_private(d) && !strcmp(device_read(d, "cpuset").s, "1");

	if (access_get(d, &a))
		return text("-");
	return text("%s:%s %04o%s", access_owner(&a).s, access_group(&a).s, a.perm,
		    granted ? ", granted cpusets" : "");
}

static void print_device(const struct device *d)
{
	struct text driver = device_driver(d), state, node, used, unused, tier, which;
	unsigned long long size, left;

	size = device_plugged(d) ? node_size(d->node, &left) : 0;
	node = d->node < 0 ? text("-") : text("%d", d->node);
	used = size ? size_text(size - left) : text("-");
	unused = size ? size_text(left) : text("-");
	tier = size ? node_tier(d->node) : text("-");
	which = device_is_private(d) ? knobs_text(d) : text("-");
	printf(ROW, d->name, node.s, driver.s[0] ? driver.s : "-", state_of(d, &state),
	       size_text(d->size).s, used.s, unused.s, tier.err ? "-" : tier.s, which.s,
	       access_text(d).s);
}

/* A private node of another owner, or what a device has left behind. */
static bool has_no_device(const struct devices *all, const struct options *o, int node)
{
	size_t i;

	if (o->device || (o->node >= 0 && o->node != node))
		return false;
	for (i = 0; i < all->n; i++) {
		if (all->v[i].node == node && device_plugged(&all->v[i]))
			return false;
	}
	return true;
}

static void print_node(int node)
{
	unsigned long long left, size = node_size(node, &left);
	struct text tier = node_tier(node);

	printf(ROW, "-", text("%d", node).s, "-", "private", size_text(size).s,
	       size_text(size - left).s, size_text(left).s, tier.err ? "-" : tier.s, "-", "-");
}

static int print_all(const struct devices *all, const struct options *o)
{
	size_t i;
	int node;

	printf(ROW, "DEVICE", "NODE", "DRIVER", "STATE", "SIZE", "USED", "FREE", "TIER", "KNOBS",
	       "WHO MAY");
	for (i = 0; i < all->n; i++) {
		if (!wanted(o, &all->v[i]))
			continue;
		print_device(&all->v[i]);
		if (!o->users)
			continue;
		if (device_plugged(&all->v[i]))
			counters_print(all->v[i].node);
		print_device_users(&all->v[i]);
	}
	for (node = -1; (node = node_next_private(node)) >= 0;) {
		if (!has_no_device(all, o, node))
			continue;
		print_node(node);
		if (o->users)
			counters_print(node);
	}
	return 0;
}

/*
 * As JSON: an array of devices, each with what there is of its node
 */

static void add_node(struct json_object *o, int node)
{
	unsigned long long left, size = node_size(node, &left);
	struct text tier = node_tier(node), owner = node_owner(node);

	json_object_object_add(o, "private", json_object_new_boolean(node_online(node)));
	json_number(o, "node_size", size);
	json_number(o, "used", size - left);
	json_number(o, "free", left);
	if (!tier.err)
		json_number(o, "tier", atoi(tier.s));
	if (owner.err)
		return;
	json_text(o, "node_owner", owner.s);
	json_object_object_add(o, "counters", counters_json(node));
}

static void add_private(struct json_object *o, const struct device *d)
{
	json_object_object_add(o, "knobs", knobs_json(d));
	json_number(o, "adistance", atoi(device_read(d, "adistance").s));
}

static void add_access(struct json_object *o, const struct device *d)
{
	struct access a;

	if (access_get(d, &a))
		return;
	json_text(o, "owner", access_owner(&a).s);
	json_text(o, "group", access_group(&a).s);
	json_text(o, "perm", text("%04o", a.perm).s);
}

static void add_users(struct json_object *o, const struct device *d)
{
	struct users u;

	if (users_get(&u, device_plugged(d) ? d->node : -1, d))
		return;
	json_object_object_add(o, "users", users_json(&u));
	json_number(o, "unseen", u.unseen);
	users_put(&u);
}

static struct json_object *device_json(const struct device *d, const struct options *opts)
{
	struct json_object *o = json_object_new_object();
	struct text driver = device_driver(d), state;

	json_text(o, "device", d->name);
	if (d->node >= 0)
		json_number(o, "node", d->node);
	if (driver.s[0])
		json_text(o, "driver", driver.s);
	json_text(o, "state", state_of(d, &state));
	json_number(o, "size", d->size);
	if (device_plugged(d))
		add_node(o, d->node);
	if (device_is_private(d))
		add_private(o, d);
	add_access(o, d);
	if (opts->users)
		add_users(o, d);
	return o;
}

static struct json_object *node_json(int node)
{
	struct json_object *o = json_object_new_object();

	json_number(o, "node", node);
	add_node(o, node);
	return o;
}

static int print_json(const struct devices *all, const struct options *o)
{
	struct json_object *a = json_object_new_array();
	size_t i;
	int node;

	for (i = 0; i < all->n; i++) {
		if (wanted(o, &all->v[i]))
			json_object_array_add(a, device_json(&all->v[i], o));
	}
	for (node = -1; (node = node_next_private(node)) >= 0;) {
		if (has_no_device(all, o, node))
			json_object_array_add(a, node_json(node));
	}
	json_print(a);
	return 0;
}

static int list(const struct options *o)
{
	struct devices all;
	struct device *d;
	int rc;

	rc = devices_get(&all);
	if (rc)
		return rc;
	if (o->device)
		rc = device_get(&all, o->device, &d);
	if (!rc)
		rc = o->json ? print_json(&all, o) : print_all(&all, o);
	devices_put(&all);
	return rc;
}

static int parse_node(const char *word, int *node)
{
	unsigned long n;

	if (!parse_number(word, 10, 1023, &n))
		return usage_error("'%.64s' is no node: that is a number", word);
	*node = n;
	return 0;
}

static int run(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'J' },
		{ "node", required_argument, NULL, 'N' },
		{ "device", required_argument, NULL, 'd' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct options o = { .node = -1 };
	int c, rc = 0;

	while (!rc && (c = getopt_long(argc, argv, ":JN:d:vh", longs, NULL)) >= 0) {
		switch (c) {
		case 'J':
			o.json = true;
			break;
		case 'N':
			rc = parse_node(optarg, &o.node);
			break;
		case 'd':
			o.device = optarg;
			break;
		case 'v':
			o.users = true;
			break;
		default:
			return option_other(&cmd_list, c, argv);
		}
	}
	if (!rc && optind < argc)
		rc = usage_error("'%.64s' is too much", argv[optind]);
	return rc ?: list(&o);
}

const struct command cmd_list = {
	.name = "list",
	.what = "devices and nodes: driver, use, knobs, who may open them",
	.run = run,
	.help =
	"usage: pnctl list [-J] [-N NODE] [-d DEVICE] [-v]\n\n"
	"  -J, --json           print JSON, with sizes in bytes\n"
	"  -N, --node NODE      only devices of this node\n"
	"  -d, --device DEVICE  only this device\n"
	"  -v, --verbose        also print the kernel's counters, and the processes that use them\n",
};
