// SPDX-License-Identifier: GPL-2.0
/* pnctl who: whose memory is on a node */
#include <getopt.h>

#include "pnctl.h"

static void print_head(int node)
{
	unsigned long long left, size = node_size(node, &left);

	printf("node %d: %s, %s used, %s free\n", node, size_text(size).s,
	       size_text(size - left).s, size_text(left).s);
}

static void print_bytes(const unsigned long long *bytes)
{
	unsigned long long all = bytes[USE_ANON] + bytes[USE_FILE] + bytes[USE_SHMEM];

	printf("%10s %10s %10s %10s", size_text(all).s, size_text(bytes[USE_ANON]).s,
	       size_text(bytes[USE_FILE]).s, size_text(bytes[USE_SHMEM]).s);
}

static void print_users(const struct users *u)
{
	size_t i;

	printf("\n%10s %10s %10s %10s  PROCESS\n", "ALL", "ANON", "FILE", "SHMEM");
	for (i = 0; i < u->n; i++) {
		print_bytes(u->v[i].bytes);
		printf("  %d (%s)\n", u->v[i].pid, u->v[i].comm);
	}
	if (!u->n)
		printf("%10s\n", "none");
	if (u->unseen)
		printf("%zu processes could not be looked at: root sees all\n", u->unseen);
}

static void print_cgroups(const struct cgroups *c)
{
	size_t i;

	printf("\n%10s %10s %10s %10s  CGROUP, WITH THOSE BELOW IT\n",
	       "ALL", "ANON", "FILE", "SHMEM");
	for (i = 0; i < c->n; i++) {
		print_bytes(c->v[i].bytes);
		printf("  %s\n", c->v[i].path);
	}
	if (!c->n)
		printf("%10s\n", "none");
}

static void print_open(const struct device *d)
{
	struct users u;
	size_t i;

	if (users_get(&u, -1, d))
		return;
	printf("\n%10s %10s  PROCESS, OF /dev/%s\n", "OPENED", "MAPPED", d->name);
	for (i = 0; i < u.n; i++)
		printf("%10u %10u  %d (%s)\n", u.v[i].opens, u.v[i].maps, u.v[i].pid,
		       u.v[i].comm);
	if (!u.n)
		printf("%10s\n", "none");
	users_put(&u);
}

static struct json_object *cgroups_json(const struct cgroups *c)
{
	struct json_object *a = json_object_new_array(), *o;
	size_t i;

	for (i = 0; i < c->n; i++) {
		o = json_object_new_object();
		json_text(o, "cgroup", c->v[i].path);
		json_number(o, "anon", c->v[i].bytes[USE_ANON]);
		json_number(o, "file", c->v[i].bytes[USE_FILE]);
		json_number(o, "shmem", c->v[i].bytes[USE_SHMEM]);
		json_object_array_add(a, o);
	}
	return a;
}

static struct json_object *open_json(const struct device *d)
{
	struct json_object *o = json_object_new_object();
	struct users u;

	json_text(o, "device", d->name);
	if (!users_get(&u, -1, d)) {
		json_object_object_add(o, "users", users_json(&u));
		users_put(&u);
	}
	return o;
}

static void print_json(int node, const struct users *u, const struct cgroups *c,
		       const struct devices *all)
{
	struct json_object *o = json_object_new_object(), *open = json_object_new_array();
	unsigned long long left, size = node_size(node, &left);
	size_t i;

	json_number(o, "node", node);
	json_number(o, "size", size);
	json_number(o, "used", size - left);
	json_number(o, "free", left);
	json_object_object_add(o, "processes", users_json(u));
	json_number(o, "unseen", u->unseen);
	json_object_object_add(o, "cgroups", cgroups_json(c));
	for (i = 0; i < all->n; i++) {
		if (all->v[i].node == node)
			json_object_array_add(open, open_json(&all->v[i]));
	}
	json_object_object_add(o, "devices", open);
	json_print(o);
}

static void print_text(int node, const struct users *u, const struct cgroups *c,
		       const struct devices *all)
{
	size_t i;

	print_head(node);
	print_users(u);
	print_cgroups(c);
	for (i = 0; i < all->n; i++) {
		if (all->v[i].node == node)
			print_open(&all->v[i]);
	}
}

static int who(int node, bool json)
{
	struct devices all;
	struct cgroups c;
	struct users u;
	int rc;

	rc = devices_get(&all);
	if (rc)
		return rc;
	if (users_get(&u, node, NULL) || cgroups_get(&c, node)) {
		devices_put(&all);
		return no_memory();
	}
	if (json)
		print_json(node, &u, &c, &all);
	else
		print_text(node, &u, &c, &all);
	cgroups_put(&c);
	users_put(&u);
	devices_put(&all);
	return 0;
}

static int run(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'J' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	bool json = false;
	int c, node;

	while ((c = getopt_long(argc, argv, ":Jh", longs, NULL)) >= 0) {
		if (c != 'J')
			return option_other(&cmd_who, c, argv);
		json = true;
	}
	if (optind != argc - 1)
		return usage_error(optind < argc ? "one node at a time" : "no node given");
	return node_parse(argv[optind], &node) ?: who(node, json);
}

const struct command cmd_who = {
	.name = "who",
	.what = "whose memory is on a node",
	.run = run,
	.help =
	"usage: pnctl who NODE [-J]\n\n"
	"Prints the processes that have memory on the node, the cgroups that are charged for it,\n"
	"and how often each process has opened or mapped its devices, the largest first. Memory\n"
	"that processes share counts for each of them. Root sees all processes, other users only\n"
	"their own.\n\n"
	"  -J, --json   print JSON, with sizes in bytes\n",
};
