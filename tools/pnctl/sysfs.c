// SPDX-License-Identifier: GPL-2.0
/* Files of sysfs: a short text each, read and written in one go. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "pnctl.h"

struct text attr_read(const char *fmt, ...)
{
	struct text t = { .err = 0 };
	char path[512];
	va_list ap;
	ssize_t n;
	int fd;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, t.s, sizeof(t.s) - 1);
	t.err = n < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	if (n < 0)
		n = 0;
	t.s[n] = '\0';
	t.s[strcspn(t.s, "\n")] = '\0';
	return t;
}

int attr_write(const char *path, const char *value)
{
	size_t len = strlen(value);
	ssize_t n;
	int fd, rc;

	if (stopped())
		return -EINTR;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = write(fd, value, len);
	rc = n < 0 ? -errno : n == (ssize_t)len ? 0 : -EIO;
	close(fd);
	return rc;
}

bool exists(const char *fmt, ...)
{
	char path[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	return !access(path, F_OK);
}
