// SPDX-License-Identifier: GPL-2.0
/* The workers: who does what, and how often. */
#include "flips.h"

#include <sys/prctl.h>

/* In pages, of an area: enough for some huge pages. */
#define LARGE		(6 * 256)
#define LARGER		(14 * 256)

static const char * const roles[] = { "map", "policy", "advise", "pin", "fork", "press" };

static const struct op * const topics[] = {
	memory_ops, fork_ops, policy_ops, advice_ops, pin_ops, userfault_ops
};

static const struct op *any_op(int role)
{
	const struct op *op;
	unsigned int sum = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(topics); i++) {
		for (op = topics[i]; op->run; op++)
			sum += op->weight[role];
	}
	sum = rnd(sum);
	for (i = 0; ; i++) {
		for (op = topics[i]; op->run; op++) {
			if (sum < op->weight[role])
				return op;
			sum -= op->weight[role];
		}
	}
}

/* What does not change any page, so that others can do it in between. */
void small_things(int nr)
{
	while (nr-- && !stopped()) {
		switch (rnd(6)) {
		case 0:
			op_move();
			break;
		case 1:
			op_migrate();
			break;
		case 2:
			op_mbind();
			break;
		case 3:
			op_reclaim();
			break;
		default:
			op_harmless();
			break;
		}
	}
}

/* Does what is harmless to the areas of the first thread, at the same time. */
static void *second_thread(void *arg)
{
	(void)arg;
	seed_rng(1000 + me);
	join_failures();
	let_fail(true);
	while (!stopped()) {
		void *p = NULL;
		struct area *a;

		lock_areas();
		a = &area[rnd(AREAS)];
		if (a->base) {
			size_t start = rnd(a->nr), nr = 1 + rnd(a->nr - start);
			int to = device[rnd(2)].nid, status;

			p = a->base + start * PAGE;
			if (rnd(3))
				harmless(p, nr);
			else
				syscall(__NR_move_pages, 0, 1UL, &p, &to, &status, MPOL_MF_MOVE);
		}
		unlock_areas();
		nap(1 + rnd(p ? 30 : 100));
	}
	end_failures();
	return NULL;
}

static void enter_group(const char *group)
{
	char path[128], pid[16];

	snprintf(path, sizeof(path), CGROUP "/%s/cgroup.procs", group);
	snprintf(pid, sizeof(pid), "%d", getpid());
	put_text(path, pid);
}

void work(int id)
{
	int role = id < ROLES ? id : (int)rnd(ROLES), i;
	pthread_t thread;
	char name[16];

	me = id;
	seed_rng(id);
	snprintf(name, sizeof(name), "flips-%s%d", roles[role], id);
	prctl(PR_SET_NAME, name);
	enter_group(role == PRESSER ? "press" : "load");
	most = role == PRESSER ? LARGER : LARGE;
	handle_signals();
	if (pthread_create(&thread, NULL, second_thread, NULL)) {
		wrong("no second thread: %s", strerror(errno));
		_exit(1);
	}
	join_failures();
	let_fail(true);
	while (!stopped()) {
		const struct op *op = any_op(role);

		sh->worker[id].doing = op->name;
		op->run();
		/* With pins all the time it would never be unplugged. */
		if (is_pinning() && sh->leaving && rnd(2))
			unpin();
	}
	end_failures();
	sh->worker[id].doing = "ending";
	pthread_join(thread, NULL);
	if (is_pinning())
		unpin();
	for (i = 0; i < AREAS; i++) {
		if (area[i].base)
			unmap(&area[i]);
	}
	sh->worker[id].doing = "gone";
	_exit(0);
}
