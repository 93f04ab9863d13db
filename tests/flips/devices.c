// SPDX-License-Identifier: GPL-2.0
/* The devices that anondax has, and their knobs. */
#include "flips.h"

#include <dirent.h>

struct device device[DEVICES + 1];

#define KNOB(name, file) \
	[K_##name] = file,
const char * const knobs[KNOBS] = {
#include "knobs.h"
};

#undef KNOB

static int compare_devices(const void *a, const void *b)
{
	return ((const struct device *)a)->nid - ((const struct device *)b)->nid;
}

/* Those that anondax has, by node. Returns how many. */
int find_devices(void)
{
	char path[512], text[512];
	struct dirent *d;
	int nr = 0;
	DIR *dir;

	dir = opendir(DAX "drivers/anondax");
	while (dir && nr <= DEVICES && (d = readdir(dir))) {
		if (strncmp(d->d_name, "dax", 3))
			continue;
		snprintf(path, sizeof(path), DAX "devices/%s/target_node", d->d_name);
		if (get_text(path, text, sizeof(text)))
			continue;
		device[nr].nid = atoi(text);
		snprintf(device[nr].name, sizeof(device[nr].name), "%.31s", d->d_name);
		snprintf(device[nr].path, sizeof(device[nr].path), "/dev/%.31s", d->d_name);
		nr++;
	}
	if (dir)
		closedir(dir);
	qsort(device, nr, sizeof(*device), compare_devices);
	return nr;
}

bool is_private(int nid)
{
	return nid == device[0].nid || nid == device[1].nid;
}

unsigned long private_nodes(void)
{
	return 1UL << device[0].nid | 1UL << device[1].nid;
}

int put_dax(const struct device *d, const char *file, const char *text)
{
	char path[512];

	snprintf(path, sizeof(path), DAX "devices/%s/%s", d->name, file);
	return put_text(path, text);
}

void get_dax(const struct device *d, const char *file, char *buf, size_t size)
{
	char path[512];

	snprintf(path, sizeof(path), DAX "devices/%s/%s", d->name, file);
	if (get_text(path, buf, size))
		buf[0] = '\0';
}

struct steady steady_from(int dev, enum knob knob)
{
	struct steady s;

	s.seq = __atomic_load_n(&sh->knob[dev][knob].seq, __ATOMIC_SEQ_CST);
	s.on = __atomic_load_n(&sh->knob[dev][knob].on, __ATOMIC_SEQ_CST);
	return s;
}

bool was_steady(int dev, enum knob knob, struct steady s)
{
	return !(s.seq & 1) &&
	       __atomic_load_n(&sh->knob[dev][knob].seq, __ATOMIC_SEQ_CST) == s.seq;
}

struct named may_name(int dev)
{
	struct named n;
	int confines;
	bool granted;

	n.seq = __atomic_load_n(&sh->cpuset.seq, __ATOMIC_SEQ_CST);
	confines = __atomic_load_n(&sh->cpuset.confines, __ATOMIC_SEQ_CST);
	n.mbind = steady_from(dev, K_MBIND);
	n.shmem = steady_from(dev, K_SHMEM);
	n.by_grant = steady_from(dev, K_CPUSET);
	granted = confines ? sh->cpuset.lists[dev] : !n.by_grant.on;
	n.may = n.mbind.on && granted;
	n.may_share = n.shmem.on && granted;
	return n;
}

bool was_named(int dev, struct named n)
{
	return was_steady(dev, K_MBIND, n.mbind) && was_steady(dev, K_SHMEM, n.shmem) &&
	       was_steady(dev, K_CPUSET, n.by_grant) &&
	       !(n.seq & 1) && __atomic_load_n(&sh->cpuset.seq, __ATOMIC_SEQ_CST) == n.seq;
}
