// SPDX-License-Identifier: GPL-2.0
/*
 * From whatever state a device is in to a node. Each step looks at what is there and
 * says first how it is undone, so that an error leads back to where it began, and
 * what a kill leaves can be gone on from.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "pnctl.h"

#define DRIVER	"anondax"
#define KMEM_PATIENCE	100	/* times 100 ms */

/*
 * What can be seen to be in the way, before anything is changed
 */

static int may_kernel(void)
{
	if (kernel_has_private_nodes())
		return 0;
	error("this kernel has no private memory nodes");
	return cure(PN_ABSENT, "boot one with CONFIG_PRIVATE_NODES=y; 'pnctl check' says more");
}

static int may_size(const struct device *d)
{
	unsigned long long block = memory_block_size();

	if (device_usable(d) >= block)
		return 0;
	error("%s has %s, and no memory block of %s is all in it", d->name,
	      size_text(d->size).s, size_text(block).s);
	return cure(PN_FAILED, "it takes a larger device, or one that begins with a memory block");
}

static int may_node(const struct devices *all, const struct device *d)
{
	size_t i;

	if (d->node < 0) {
		error("%s has no node", d->name);
		return cure(PN_FAILED,
			    "the firmware has to give its memory a proximity domain of its own (SRAT)");
	}
	if (node_in(d->node, "has_cpu")) {
		error("%s is of node %d, which has CPUs", d->name, d->node);
		return cure(PN_FAILED, "its memory needs a node of its own: ask the firmware");
	}
	for (i = 0; i < all->n; i++) {
		const struct device *o = &all->v[i];

		if (o == d || o->node != d->node || strcmp(device_driver(o).s, "kmem") ||
		    !device_plugged(o))
			continue;
		error("node %d has ordinary memory, of %s", d->node, o->name);
		return cure(PN_BUSY,
			    "a node is private or ordinary: 'pnctl create %s' first, then 'pnctl destroy %s --to none' if it is to be neither",
			    o->name, o->name);
	}
	if (node_in(d->node, "has_memory") && strcmp(device_driver(d).s, "kmem")) {
		error("node %d has ordinary memory", d->node);
		return cure(PN_BUSY,
			    "it takes a node without: 'pnctl list' shows who has the other devices");
	}
	return 0;
}

/* Whoever has mapped the raw device would lose it under his feet. */
static int may_take(const struct device *d)
{
	struct text driver = device_driver(d), who;
	struct users u;
	bool used;

	if (!driver.s[0] || !strcmp(driver.s, DRIVER) || !strcmp(driver.s, "kmem"))
		return 0;
	if (users_get(&u, -1, d))
		return no_memory();
	who = users_text(&u);
	used = u.n;
	users_put(&u);
	if (!used)
		return 0;
	error("%s is in use: %s", d->name, who.s);
	return cure(PN_BUSY, "end what has it open, and try again");
}

/*
 * The way there
 */

static int unload(const struct device *d, const char *file, const char *value)
{
	(void)d;
	(void)file;
	module_unload(value);
	return 0;
}

static int load(const struct device *d)
{
	int rc = module_load(DRIVER);

	if (rc >= 0)
		return rc ? undo_later(unload, d, "", DRIVER, "loading " DRIVER) : 0;
	error("the driver %s cannot be loaded: %s", DRIVER, strerror(-rc));
	if (rc == -ENOENT)
		return cure(PN_ABSENT,
			    "build the kernel with CONFIG_DEV_DAX_ANON=m and install its modules");
	return cure(PN_FAILED, "'modprobe %s' and 'dmesg' say more", DRIVER);
}

/* kmem plugs what it binds, by a policy of its own, and has to be unplugged in between. */
static int state_back(const struct device *d, const char *file, const char *value)
{
	if (!strcmp(device_read(d, file).s, value) || !strcmp(value, "offline"))
		return 0;
	if (device_plugged(d) && strcmp(value, "unplugged"))
		device_write(d, file, "unplugged");
	return device_write(d, file, value);
}

/*
 * The file comes with the end of kmem's probe, in which somebody may be: it plugs the memory.
 * If that fails, kmem has it no more.
 */
static struct text kmem_state(const struct device *d)
{
	struct text state = device_read(d, "state");
	int tries;

	for (tries = 0; state.err && tries < KMEM_PATIENCE && !stopped() &&
	     !strcmp(device_driver(d).s, "kmem"); tries++) {
		poll(NULL, 0, 100);
		state = device_read(d, "state");
	}
	return state;
}

static int take_from_kmem(const struct device *d)
{
	struct text was = kmem_state(d), log;
	int rc, fd;

	if (was.err && strcmp(device_driver(d).s, "kmem"))
		return 0;
	if (was.err && stopped()) {
		error("%s cannot be taken from kmem: %s", d->name, strerror(EINTR));
		return cure(PN_FAILED, "try again");
	}
	if (was.err) {
		error("this kernel's kmem does not let %s go: there is no file 'state'", d->name);
		return cure(PN_FAILED,
			    "'daxctl reconfigure-device -m devdax -f %s', then try again",
			    d->name);
	}
	if (!strcmp(was.s, "unplugged"))
		return 0;
	rc = undo_later(state_back, d, "state", was.s, "taking it from kmem");
	if (rc)
		return rc;
	fd = klog_begin();
	rc = device_write(d, "state", "unplugged");
	log = klog_end(fd, d->node, d->name);
	return rc ? busy(d, rc, &log, "be taken from kmem") : 0;
}

static int bind_back(const struct device *d, const char *file, const char *value)
{
	int rc;

	(void)file;
	rc = device_unbind(d);
	device_forget(d, DRIVER);
	if (!rc && value[0])
		rc = device_bind(d, value);
	return rc;
}

static int bind(const struct device *d, const struct text *driver)
{
	struct text log;
	int rc, fd;

	rc = undo_later(bind_back, d, "", driver->s, "taking it");
	if (rc)
		return rc;
	rc = device_unbind(d);
	if (rc) {
		error("%s does not let %s go: %s", driver->s, d->name, strerror(-rc));
		return cure(PN_BUSY, "'dmesg' says why");
	}
	fd = klog_begin();
	rc = device_bind(d, DRIVER);
	log = klog_end(fd, d->node, d->name);
	if (!rc)
		return 0;
	error("%s does not take %s: %s", DRIVER, d->name, log.err ? strerror(-rc) : log.s);
	return cure(PN_FAILED, "'pnctl check' and 'dmesg' say why");
}

static int take(const struct device *d)
{
	struct text driver = device_driver(d);
	int rc = 0;

	if (!strcmp(driver.s, DRIVER))
		return 0;
	if (!strcmp(driver.s, "kmem"))
		rc = take_from_kmem(d);
	return rc ?: bind(d, &driver);
}

static int set_adistance(const struct device *d, const struct settings *s)
{
	struct text value = text("%d", s->adistance);
	int rc;

	if (!s->adistance)
		return 0;
	rc = write_undoable(d, "adistance", value.s);
	if (!rc)
		return 0;
	error("the abstract distance of node %d is %s and cannot be set: %s", d->node,
	      device_read(d, "adistance").s, strerror(-rc));
	if (rc == -EBUSY)
		return cure(PN_BUSY, "the node has memory: 'pnctl destroy' its devices first");
	return cure(PN_FAILED, "'dmesg' may say why");
}

int set_knobs(const struct device *d, const struct settings *s)
{
	int i, rc = settings_known(s, d) ?: set_adistance(d, s);

	for (i = 0; !rc && i < NR_KNOBS; i++) {
		int err = s->knob[i] < 0 ? 0 : write_undoable(d, knobs[i], s->knob[i] ? "1" : "0");

		if (!err)
			continue;
		error("%s of node %d cannot be set: %s", knobs[i], d->node, strerror(-err));
		rc = cure(PN_FAILED, "'dmesg' may say why; try again");
	}
	return rc;
}

/* Has another device of the node brought its knobs with it? Then they are everybody's. */
static bool knobs_are_shared(const struct devices *all, const struct device *d)
{
	size_t i;

	for (i = 0; i < all->n; i++) {
		const struct device *o = &all->v[i];

		if (o != d && o->node == d->node && device_is_private(o) && device_plugged(o))
			return true;
	}
	return false;
}

/* What is not asked for is off, whoever has left it on. */
static int set_all_knobs(const struct devices *all, const struct device *d,
			 const struct settings *s)
{
	struct settings full = *s;
	int i;

	for (i = 0; i < NR_KNOBS && !knobs_are_shared(all, d); i++) {
		if (full.knob[i] < 0 && !device_read(d, knobs[i]).err)
			full.knob[i] = 0;
	}
	return set_knobs(d, &full);
}

static int plug_error(const struct device *d, int rc, const struct text *log)
{
	error("node %d does not become %s: %s",
	      d->node, "private", log->err ? strerror(-rc) : log->s);
	switch (rc) {
	case -ENOMEM:
		return cure(PN_FAILED,
			    "it takes 16 MiB of ordinary memory for each GiB: free some and try again");
	case -EBUSY:
		return cure(PN_BUSY,
			    "'pnctl check' and /proc/iomem show who has the node or its memory");
	case -EINTR:
		return cure(PN_FAILED, "it was interrupted: try again");
	default:
		return cure(PN_FAILED, "'pnctl check' and 'dmesg' say more");
	}
}

static int plug(const struct device *d, const char *state)
{
	struct text log;
	int rc, fd;

	rc = undo_later(device_write, d, "hotplug", "unplugged", "plugging");
	if (rc)
		return rc;
	fd = klog_begin();
	rc = device_write(d, "hotplug", state);
	log = klog_end(fd, d->node, d->name);
	if (!rc && !node_online(d->node))
		rc = -EIO;
	return rc ? plug_error(d, rc, &log) : 0;
}

/* It is a node already: then it must be as it is asked for, but for what can change. */
static int is_plugged(const struct device *d, const struct text *state, const struct settings *s)
{
	if (!strcmp(state->s, s->state))
		return set_knobs(d, s);
	error("%s is node %d already, and %s", d->name, d->node, state->s);
	return cure(PN_BUSY, "'pnctl destroy %s' first, or leave it as it is: --mode %s",
		    d->name, settings_mode_word(state->s) ?: "auto");
}

static int plug_with_knobs(const struct devices *all, const struct device *d,
			   const struct settings *s)
{
	struct text state = device_read(d, "hotplug");

	if (state.err) {
		error("%s bound to %s has no file 'hotplug'", d->name, DRIVER);
		return cure(PN_FAILED,
			    "the module %s is of another kernel: 'dmesg' may say more",
			    DRIVER);
	}
	if (strcmp(state.s, "unplugged"))
		return is_plugged(d, &state, s);
	return set_all_knobs(all, d, s) ?: plug(d, s->state);
}

/*
 * Who may have it, last
 */

static int access_back(const struct device *d, const char *file, const char *value)
{
	struct access a;

	(void)file;
	if (sscanf(value, "%u %u %o", &a.uid, &a.gid, &a.perm) != 3)
		return -EINVAL;
	return access_set(d, &a);
}

static int let_in(const struct device *d, const struct settings *s)
{
	struct access was, a;
	struct text value;
	int rc;

	if (s->owner < 0 && s->group < 0 && s->perm < 0)
		return 0;
	udev_wait();
	rc = access_get(d, &was);
	if (rc) {
		error("/dev/%s is not there: %s", d->name, strerror(-rc));
		return cure(PN_FAILED, "devtmpfs has to be mounted on /dev");
	}
	a = was;
	a.uid = s->owner < 0 ? a.uid : (uid_t)s->owner;
	a.gid = s->group < 0 ? a.gid : (gid_t)s->group;
	a.perm = s->perm < 0 ? a.perm : (mode_t)s->perm;
	if (a.uid == was.uid && a.gid == was.gid && a.perm == was.perm)
		return 0;
	value = text("%u %u %o", was.uid, was.gid, was.perm);
	rc = undo_later(access_back, d, "", value.s, "who may open it");
	if (rc)
		return rc;
	rc = access_set(d, &a);
	if (!rc)
		return 0;
	error("who may open /dev/%s cannot be set: %s", d->name, strerror(-rc));
	return cure(PN_FAILED, "/dev has to be a devtmpfs that root can write to");
}

/* Nothing is changed. */
int setup_may(const struct devices *all, const struct device *d)
{
	return may_kernel() ?: may_size(d) ?: may_node(all, d) ?: may_take(d);
}

/* The caller undoes it if this fails. */
int setup(const struct devices *all, const struct device *d, const struct settings *s)
{
	return setup_may(all, d) ?: load(d) ?: take(d) ?: plug_with_knobs(all, d, s) ?:
		let_in(d, s);
}
