// SPDX-License-Identifier: GPL-2.0
/* pnctl run: a program whose memory is on private nodes */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <numa.h>
#include <numaif.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pnctl.h"

/* As shells have it. */
enum { NOT_EXECUTABLE = 126, NOT_FOUND = 127 };

static int must_be_online(const struct devices *all, int node)
{
	size_t i;

	if (node_online(node))
		return 0;
	if (node_in(node, "has_memory")) {
		error("node %d is an ordinary node", node);
		return cure(PN_FAILED, "'numactl --membind=%d' is for that", node);
	}
	error("node %d has no memory", node);
	for (i = 0; i < all->n; i++) {
		if (all->v[i].node == node)
			return cure(PN_ABSENT, "as root: 'pnctl create %s'", all->v[i].name);
	}
	return cure(PN_ABSENT, "'pnctl list' shows which nodes have some");
}

/* Then the kernel lets nobody in who comes now. */
static int must_have_driver(const struct devices *all, int node)
{
	const struct device *d = device_left_on(all, node);

	if (!node_left_behind(all, node))
		return 0;
	error("node %d takes nobody in: its device has lost its driver, or is gone", node);
	if (!d)
		return cure(PN_ABSENT, "'pnctl check' says what to do");
	return cure(PN_ABSENT, "as root: 'pnctl create %s' makes it a node again", d->name);
}

static int must_let_in(const struct devices *all, int node)
{
	const struct device *d = device_on_node(all, node);

	/* Of another owner one does not know. */
	if (!d || strcmp(device_read(d, "mbind").s, "0"))
		return 0;
	error("policies cannot name node %d: its knob mbind is off", node);
	return cure(PN_DENIED, "as root: 'pnctl set %s mbind=on'; or let the program map /dev/%s",
		    d->name, d->name);
}

static int refused(const struct devices *all, int node, int err)
{
	const struct device *d = device_on_node(all, node);

	if (err == EPERM) {
		error("memory policies are not permitted here");
		return cure(PN_DENIED,
			    "in a container: give it CAP_SYS_NICE, or a seccomp profile that lets set_mempolicy() in");
	}
	if (err != EINVAL) {
		error("no policy for node %d: %s", node, strerror(err));
		return cure(PN_FAILED, "try again");
	}
	if (d && !strcmp(device_read(d, "cpuset").s, "1"))
		error("node %d is for those whose cpuset lists it, and this one's does not", node);
	else
		error("the cpuset of this process keeps it off node %d", node);
	return cure(PN_DENIED,
		    "list the node in cpuset.mems of its cgroup and of those above it: 'AllowedMemoryNodes=' in a unit");
}

static int set_policy(int mode, struct bitmask *nodes)
{
	/* The kernel takes one bit less than it is told. */
	return set_mempolicy(mode, nodes->maskp, nodes->size + 1);
}

/* One by one, for the kernel takes out of several what one may not have. */
static int must_be_granted(const struct devices *all, int node)
{
	struct bitmask *one = numa_allocate_nodemask();
	int rc = 0;

	numa_bitmask_setbit(one, node);
	if (set_policy(MPOL_BIND, one))
		rc = refused(all, node, errno);
	numa_bitmask_free(one);
	return rc;
}

static int look(struct bitmask *nodes)
{
	struct devices all;
	unsigned int node;
	int rc;

	rc = devices_get(&all);
	for (node = 0; !rc && node < nodes->size; node++) {
		if (numa_bitmask_isbitset(nodes, node))
			rc = must_be_online(&all, node) ?: must_have_driver(&all, node) ?:
				must_let_in(&all, node) ?: must_be_granted(&all, node);
	}
	devices_put(&all);
	return rc;
}

static int prefer_or_bind(struct bitmask *nodes, bool prefer)
{
	int mode = MPOL_BIND;

	if (prefer)
		mode = numa_bitmask_weight(nodes) > 1 ? MPOL_PREFERRED_MANY : MPOL_PREFERRED;
	if (!set_policy(mode, nodes))
		return 0;
	error("no policy for these nodes: %s", strerror(errno));
	return cure(PN_FAILED, "try one node at a time");
}

static int execute(char **command)
{
	execvp(command[0], command);
	error("%.200s cannot be run: %s", command[0], strerror(errno));
	return errno == ENOENT ? cure(NOT_FOUND, "is it installed, and in PATH?") :
		cure(NOT_EXECUTABLE, "it has to be a program that you may run");
}

/* libnuma's complaints are replaced by ours. */
void numa_warn(int number, char *where, ...)
{
	(void)number;
	(void)where;
}

static bool is_list(const char *s)
{
	unsigned long first, last;

	do {
		if (!isdigit((unsigned char)*s))
			return false;
		first = strtoul(s, (char **)&s, 10);
		if (*s != '-')
			continue;
		if (!isdigit((unsigned char)*++s))
			return false;
		last = strtoul(s, (char **)&s, 10);
		if (last < first)
			return false;
	} while (*s++ == ',');
	return !s[-1];
}

/* "2", "2,3" or "2-3": libnuma knows more, which would only be a source of mistakes. */
static int run_on(const char *word, bool prefer, char **command)
{
	struct bitmask *nodes;

	if (!is_list(word))
		return usage_error("'%.64s' is no list of nodes: 2, 2,3 or 2-3", word);
	nodes = numa_parse_nodestring_all(word);
	if (!nodes || !numa_bitmask_weight(nodes)) {
		error("there is no node '%.64s'", word);
		return cure(PN_ABSENT, "'pnctl list' shows which there are");
	}
	return look(nodes) ?: prefer_or_bind(nodes, prefer) ?: execute(command);
}

static int run(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "node", required_argument, NULL, 'n' },
		{ "prefer", no_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	const char *nodes = NULL;
	bool prefer = false;
	int c;

	while ((c = getopt_long(argc, argv, "+:n:N:ph", longs, NULL)) >= 0) {
		switch (c) {
		case 'n':
		case 'N':
			nodes = optarg;
			break;
		case 'p':
			prefer = true;
			break;
		default:
			return option_other(&cmd_run, c, argv);
		}
	}
	if (!nodes)
		return usage_error("no node given: -n");
	if (optind >= argc)
		return usage_error("no command given");
	return run_on(nodes, prefer, argv + optind);
}

const struct command cmd_run = {
	.name = "run",
	.what = "run a program whose memory is on a node",
	.run = run,
	.help =
	"usage: pnctl run -n NODE[,NODE] [--prefer] [--] COMMAND...\n\n"
	"Runs a command with its anonymous memory, and that of its children, on the nodes. When\n"
	"they are full, it gets SIGBUS. The knob mbind of the nodes must be on.\n\n"
	"  -n, --node NODES   2, 2,3 or 2-3\n"
	"  -p, --prefer       use ordinary nodes when these are full\n\n"
	"The exit status is that of the command, or 126 or 127 if it cannot be run.\n",
};
