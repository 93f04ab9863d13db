// SPDX-License-Identifier: GPL-2.0
/* What the kernel says when a device is plugged, unplugged, or a knob is turned. */
#include <libudev.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pnctl.h"

static struct udev *udev;
static struct udev_monitor *monitor;

/* Without it there is less to see, and nothing else is wrong. */
void events_begin(void)
{
	udev = udev_new();
	/* From the kernel: there may be no udevd. */
	monitor = udev ? udev_monitor_new_from_netlink(udev, "kernel") : NULL;
	if (monitor && (udev_monitor_filter_add_match_subsystem_devtype(monitor, "dax", NULL) < 0 ||
			udev_monitor_enable_receiving(monitor) < 0))
		monitor = udev_monitor_unref(monitor);
}

void events_end(void)
{
	udev_monitor_unref(monitor);
	udev_unref(udev);
}

/* "dax0.0: demotion=1", or an empty text for what is nothing to us. */
static struct text event_text(struct udev_device *d)
{
	const char *name = udev_device_get_sysname(d);
	const char *state = udev_device_get_property_value(d, "HOTPLUG");
	const char *knob = udev_device_get_property_value(d, "KNOB");
	const char *value = udev_device_get_property_value(d, "VALUE");

	if (state)
		return text("%.32s: %.32s", name, state);
	if (knob && value)
		return text("%.32s: %.32s=%.32s", name, knob, value);
	return text("%s", "");
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* For so long, or until a signal: tell @fn of what happens. */
void events_wait(double seconds, void (*fn)(const char *what, void *data), void *data)
{
	const double end = now() + seconds;
	struct pollfd pfd = { .fd = monitor ? udev_monitor_get_fd(monitor) : -1, .events = POLLIN };
	double left;

	while (!stopped() && (left = end - now()) > 0) {
		struct udev_device *d;
		struct text what;

		if (poll(&pfd, 1, left * 1000 + 1) <= 0)
			continue;
		d = udev_monitor_receive_device(monitor);
		if (!d)
			continue;
		what = event_text(d);
		udev_device_unref(d);
		tame(what.s);
		if (what.s[0])
			fn(what.s, data);
	}
}
