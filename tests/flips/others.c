// SPDX-License-Identifier: GPL-2.0
/* Those who are no workers: who flips, unplugs, meddles, and reads again. */
#include "flips.h"

#include <sys/prctl.h>
#include <sys/uio.h>

/*
 * Reads memory on the second device over and over: what is to be promoted whenever the
 * device is slow, balancing is in tiering mode and the knob is on. It is not a mapping
 * of the device, nor has it a policy: such memory stays where it is.
 */
void reread(void)
{
	struct area *a = &area[0];
	int to[128], status[128], n;
	void *pages[128];
	size_t i;

	me = WORKERS;
	prctl(PR_SET_NAME, "flips-hot");
	seed_rng(500);
	handle_signals();
	sh->worker[me].doing = "reading again";
	if (!map_area(a, -1, ARRAY_SIZE(pages))) {
		wrong("no memory to read: %s", strerror(errno));
		_exit(1);
	}
	for (i = 0; i < a->nr; i++) {
		pages[i] = a->base + i * PAGE;
		to[i] = device[1].nid;
	}
	while (!stopped()) {
		for (i = 0; i < a->nr; i++)
			write_page(a, i, next_gen());
		/* Refused while the knob mbind is off, or the node is not there. */
		status[0] = -1;
		syscall(__NR_move_pages, 0, a->nr, pages, to, status, MPOL_MF_MOVE);
		for (n = status[0] == to[0] ? 20 + rnd(80) : 2; n && !stopped(); n--) {
			check_all(a);
			nap(10);
		}
	}
	unmap(a);
	_exit(0);
}

void turn_knobs(int dev)
{
	prctl(PR_SET_NAME, dev ? "flips-flip1" : "flips-flip0");
	seed_rng(100 + dev);
	while (!stopped()) {
		int k = rnd(KNOBS), on = !sh->knob[dev][k].on, rc;

		__atomic_add_fetch(&sh->knob[dev][k].seq, 1, __ATOMIC_SEQ_CST);
		rc = put_dax(&device[dev], knobs[k], on ? "1" : "0");
		if (rc)
			wrong("%s of %s does not become %d: %s", knobs[k], device[dev].name, on,
			      strerror(-rc));
		else
			__atomic_store_n(&sh->knob[dev][k].on, on, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&sh->knob[dev][k].seq, 1, __ATOMIC_SEQ_CST);
		if (!rc)
			sh->flips[dev][k][on]++;
		/* In bursts, and with time for something to happen in between. */
		nap(rnd(4) ? rnd(20) : 100 + rnd(500));
	}
	_exit(0);
}

/* Who of the workers is granted which node; for most of the time nothing is said of that. */
void change_cpuset(void)
{
	static const struct {
		const char *mems;	/* with a and b for the nodes of the devices */
		int confines, lists[DEVICES];
	} list[] = {
		{ "\n", 0, { 0, 0 } },
		{ "\n", 0, { 0, 0 } },
		{ "0-1,a,b", 1, { 1, 1 } },
		{ "0-1,a", 1, { 1, 0 } },
		{ "0-1", 1, { 0, 0 } },
		{ "a,b", 1, { 1, 1 } },
		{ "b", 1, { 0, 1 } },
	};
	char text[64], *to;
	const char *c;
	int i, rc;

	prctl(PR_SET_NAME, "flips-cpuset");
	seed_rng(600);
	while (!stopped()) {
		i = rnd(ARRAY_SIZE(list));
		for (c = list[i].mems, to = text; *c; c++)
			to += *c == 'a' || *c == 'b' ? sprintf(to, "%d", device[*c - 'a'].nid) :
						       sprintf(to, "%c", *c);
		__atomic_add_fetch(&sh->cpuset.seq, 1, __ATOMIC_SEQ_CST);
		rc = put_text(CGROUP "/cpuset.mems", text);
		if (rc) {
			wrong("the cpuset does not become %s: %s", list[i].mems, strerror(-rc));
		} else {
			__atomic_store_n(&sh->cpuset.confines, list[i].confines, __ATOMIC_SEQ_CST);
			sh->cpuset.lists[0] = list[i].lists[0];
			sh->cpuset.lists[1] = list[i].lists[1];
			count(list[i].confines ? N_CONFINED : N_UNCONFINED);
		}
		__atomic_add_fetch(&sh->cpuset.seq, 1, __ATOMIC_SEQ_CST);
		nap(rnd(4) ? rnd(100) : 200 + rnd(1000));
	}
	put_text(CGROUP "/cpuset.mems", "\n");
	_exit(0);
}

/* Without its memory nobody gets a mapping of a device. */
static void map_unplugged(const struct device *d)
{
	int fd = open(d->path, O_RDWR | O_CLOEXEC);
	void *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	if (p == MAP_FAILED && errno == ENXIO) {
		count(N_UNMAPPABLE);
	} else {
		wrong("%s can be mapped when it has been unplugged: %s", d->name,
		      p == MAP_FAILED ? strerror(errno) : "no error");
		if (p != MAP_FAILED)
			munmap(p, PAGE);
	}
	close(fd);
}

void plug_and_unplug(void)
{
	static const struct {
		const char *state;
		enum count count;
	} types[] = {
		{ "online", N_PLUG_ONLINE },
		{ "online_kernel", N_PLUG_KERNEL },
		{ "online_movable", N_PLUG_MOVABLE },
	};
	static const char * const adistances[] = {
		"50", "300", "576", "1500", "3000", "5000", "9000"
	};
	const struct device *d = &device[1];
	char before[32], now[32];
	int rc = 0, i = 0;
	bool hit;

	prctl(PR_SET_NAME, "flips-replug");
	seed_rng(200);
	while (!stopped()) {
		/* In use for a moment, as a rule. */
		nap(rc == -EBUSY ? rnd(200) : 200 + rnd(1500));
		sh->leaving = !!rnd(4);
		if (sh->leaving)
			nap(300);
		get_dax(d, "hotplug", before, sizeof(before));
		pthread_mutex_lock(&sh->unplug);
		arm_failure();
		rc = put_dax(d, "hotplug", "unplugged");
		hit = disarm_failure();
		pthread_mutex_unlock(&sh->unplug);
		if (hit)
			count(N_UNPLUG_MADE);
		get_dax(d, "hotplug", now, sizeof(now));
		sh->leaving = 0;
		if (rc == -EBUSY || (rc && hit)) {
			count(rc == -EBUSY ? N_UNPLUG_BUSY : N_UNPLUG_FAILED);
			if (strcmp(before, now) || !node_has("has_private_memory", d->nid))
				wrong("%s was %s, and is %s when it could not be unplugged",
				      d->name, before, now);
			continue;
		}
		if (rc) {
			wrong("%s cannot be unplugged: %s", d->name, strerror(-rc));
			continue;
		}
		count(N_UNPLUGGED);
		if (strcmp(now, "unplugged") || node_has("has_private_memory", d->nid))
			wrong("%s is %s when it has been unplugged", d->name, now);
		map_unplugged(d);
		nap(200 + rnd(1200));
		if (rnd(2) && put_dax(d, "adistance", adistances[rnd(ARRAY_SIZE(adistances))]))
			wrong("no other abstract distance for %s", d->name);
		do {
			i = (i + 1) % ARRAY_SIZE(types);
			arm_failure();
			rc = put_dax(d, "hotplug", types[i].state);
			hit = disarm_failure();
			if (hit)
				count(N_PLUG_MADE);
			if (rc == -ENOMEM || (rc && hit)) {
				count(N_PLUG_FAILED);
				get_dax(d, "hotplug", now, sizeof(now));
				if (strcmp(now, "unplugged") ||
				    node_has("has_private_memory", d->nid))
					wrong("%s is %s when it could not be plugged", d->name,
					      now);
				nap(100);
			} else if (rc) {
				wrong("%s does not become %s: %s", d->name, types[i].state,
				      strerror(-rc));
			} else {
				count(types[i].count);
			}
		} while (rc && !stopped());
	}
	_exit(0);
}

/* Acts on the workers' memory from outside. */
void interfere(void)
{
	static const int advices[] = { MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED, MADV_COLLAPSE };

	prctl(PR_SET_NAME, "flips-meddle");
	seed_rng(300);
	while (!stopped()) {
		int w = rnd(WORKERS), k = rnd(AREAS), i, to[32], status[32];
		pid_t pid = sh->worker[w].pid;
		char *base = sh->worker[w].area[k].base;
		size_t nr = sh->worker[w].area[k].nr, start, n;
		unsigned long from, onto;
		void *pages[32];
		struct iovec iov;
		int fd;

		nap(rnd(60));
		if (!base || !nr)
			continue;
		start = rnd(nr);
		n = 1 + rnd(nr - start);
		switch (rnd(4)) {
		case 0:
			from = 1UL << rnd(4);
			onto = 1UL << rnd(4);
			syscall(__NR_migrate_pages, pid, 64UL, &from, &onto);
			break;
		case 1:
			if (n > ARRAY_SIZE(pages))
				n = ARRAY_SIZE(pages);
			for (i = 0; i < (int)n; i++) {
				pages[i] = base + (start + i) * PAGE;
				to[i] = rnd(4);
			}
			syscall(__NR_move_pages, pid, n, pages, to, status, MPOL_MF_MOVE_ALL);
			break;
		default:
			fd = syscall(__NR_pidfd_open, pid, 0);
			iov.iov_base = base + start * PAGE;
			iov.iov_len = n * PAGE;
			if (syscall(__NR_process_madvise, fd, &iov, 1UL,
				    advices[rnd(ARRAY_SIZE(advices))], 0) >= 0)
				count(N_MADV_OTHER);
			close(fd);
			break;
		}
	}
	_exit(0);
}
