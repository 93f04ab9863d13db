// SPDX-License-Identifier: GPL-2.0
/*
 * Rules of udev may give the device a mode when a driver is bound or unbound; they are
 * let in first, for what was asked for to be the last word.
 */
#include <libudev.h>
#include <poll.h>

#include "pnctl.h"

#define PATIENCE_MS	10000

static void wait_for(struct udev_queue *queue)
{
	struct pollfd pfd = { .fd = udev_queue_get_fd(queue), .events = POLLIN };
	int waited;

	for (waited = 0; waited < PATIENCE_MS && !stopped(); waited += 100) {
		if (udev_queue_get_queue_is_empty(queue))
			return;
		poll(&pfd, 1, 100);
		udev_queue_flush(queue);
	}
}

void udev_wait(void)
{
	struct udev *udev = udev_new();
	struct udev_queue *queue = udev ? udev_queue_new(udev) : NULL;

	if (queue && udev_queue_get_udev_is_active(queue))
		wait_for(queue);
	udev_queue_unref(queue);
	udev_unref(udev);
}
