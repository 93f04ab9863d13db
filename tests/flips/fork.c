// SPDX-License-Identifier: GPL-2.0
/* Children, and their children. */
#include "flips.h"

#include <sys/wait.h>

/* For a process that is a child from now on. Returns how long it lives. */
static int begin_child(void)
{
	int i;

	is_child = true;
	stir_rng();
	child_generations();
	join_failures();
	for (i = 0; i < AREAS; i++) {
		/* The child's pages are copies where the parent's are pinned. */
		area[i].pins = 0;
		/* Locks are not inherited. */
		area[i].locked = false;
	}
	return 2 + rnd(6);
}

/* Copy on write, on both sides and below. */
static __noreturn void child(void)
{
	int i, depth = 0, n = begin_child();

	while (n-- && !stopped()) {
		if (rnd(2))
			op_write();
		else if (rnd(2))
			op_check();
		else
			small_things(1);
		if (depth < 2 && !rnd(8)) {
			pid_t pid = fork();
			bool fail;
			int status = 0;

			if (!pid) {
				depth++;
				n = begin_child();
			} else if (pid > 0) {
				fail = let_fail(false);
				if (waitpid(pid, &status, 0) != pid || status)
					wrong("a grandchild ended with %#x", status);
				let_fail(fail);
			}
		}
	}
	for (i = 0; i < AREAS; i++) {
		if (area[i].base && rnd(2))
			check_all(&area[i]);
	}
	_exit(0);
}

void op_fork(void)
{
	pid_t pid[6];
	int i, n = rnd(3) ? 1 : 1 + rnd(6), status;
	bool fair = false, fail;

	if (is_child)
		return;
	for (i = 0; i < AREAS; i++)
		fair |= area[i].base && area[i].may_fail;
	/* Not while the other thread has it locked, for the child has no such thread. */
	for (i = 0; i < n; i++) {
		lock_areas();
		pid[i] = fork();
		if (!pid[i])
			child();
		unlock_areas();
		if (pid[i] < 0) {
			count(N_FORK_FAILED);
			/* The copy of a pinned page had to come from the node that went. */
			if (!fair && !made(errno))
				wrong("fork: %s", strerror(errno));
			break;
		}
		count(N_FORKED);
		op_write();
	}
	n = i;
	op_check();
	fail = let_fail(false);
	for (i = 0; i < n; i++) {
		if (waitpid(pid[i], &status, 0) != pid[i] || status)
			wrong("a child ended with %#x", status);
	}
	let_fail(fail);
}

const struct op fork_ops[] = {
	/*		   map pol adv pin fork press */
	{ "fork", op_fork,		{ 1, 1, 1, 1, 9, 1 } },
	{ }
};
