// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel says while something is tried: its log has the reason that an errno
 * has no room for.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "pnctl.h"

int klog_begin(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

/* "6,339,5140900,-;the message", and lines that begin with a blank: properties. */
static char *message(char *record)
{
	char *m = strchr(record, ';');

	if (!m)
		return NULL;
	m++;
	m[strcspn(m, "\n")] = '\0';
	return m;
}

static bool is_of(const char *m, int node, const char *device)
{
	struct text of_node = text("node %d", node);

	return strstr(m, device) || (!strncmp(m, "node_private: ", 14) && strstr(m, of_node.s));
}

/* The first line that names the page, or the node; else the device. */
struct text klog_end(int fd, int node, const char *device)
{
	struct text t = { .err = -ENOENT };
	char record[2048], *m;
	ssize_t n;

	if (fd < 0)
		return t;
	while ((n = read(fd, record, sizeof(record) - 1)) > 0 || (n < 0 && errno == EPIPE)) {
		if (n < 0)
			continue;
		record[n] = '\0';
		m = message(record);
		if (t.err && m && is_of(m, node, device))
			t = text("%s", m);
	}
	close(fd);
	return t;
}
