// SPDX-License-Identifier: GPL-2.0
/* Who changes something is alone at it. The lock goes with the process. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "pnctl.h"

#define LOCK	"/run/pnctl.lock"

static int fd = -1;
bool changing;

/* For who waits for something that somebody else may bring. */
void lock_drop(void)
{
	close(fd);
}

int lock_take(void)
{
	int rc;

	changing = true;
	fd = open(LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	rc = fd < 0 ? -1 : flock(fd, LOCK_EX);
	if (!rc)
		return 0;
	if (fd >= 0 && errno == EINTR) {
		close(fd);
		error("it was interrupted while another pnctl was at work");
		return cure(PN_FAILED, "wait for that one, and try again");
	}
	error("%s cannot be locked: %s", LOCK, strerror(errno));
	return cure(PN_FAILED, "/run has to be writable; if another pnctl runs, wait for it");
}
