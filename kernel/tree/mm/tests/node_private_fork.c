// SPDX-License-Identifier: GPL-2.0
/*
 * For the KUnit tests of private memory nodes: fork, inside the scopes. No module
 * can, so this is always built in.
 */
#include <linux/export.h>
#include <linux/kernel.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "node_private_fork.h"

struct node_private_child {
	int (*fn)(void *arg);
	void *arg;
};

static int node_private_run_child(void *arg)
{
	struct node_private_child child = *(struct node_private_child *)arg;

	kfree(arg);
	do_exit(child.fn(child.arg));
}

pid_t node_private_fork(int (*fn)(void *), void *arg)
{
	struct node_private_child *child = kmalloc_obj(*child);
	pid_t pid;

	if (!child)
		return -ENOMEM;
	child->fn = fn;
	child->arg = arg;
	pid = kernel_thread(node_private_run_child, child, "node_private",
			    CLONE_FS | CLONE_FILES | SIGCHLD);
	if (pid < 0)
		kfree(child);
	return pid;
}
EXPORT_SYMBOL_FOR_MODULES(node_private_fork, "node_private_kunit");
