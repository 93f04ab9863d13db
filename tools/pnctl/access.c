// SPDX-License-Identifier: GPL-2.0
/* Who may open the device. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "pnctl.h"

/* The file has to be the device's, whoever made it. */
static int open_file(const struct device *d, struct stat *st)
{
	struct text path = text("/dev/%s", d->name);
	dev_t rdev = makedev(daxctl_dev_get_major(d->dax), daxctl_dev_get_minor(d->dax));
	int fd = open(path.s, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (!fstat(fd, st) && S_ISCHR(st->st_mode) && st->st_rdev == rdev)
		return fd;
	close(fd);
	return -ENODEV;
}

int access_get(const struct device *d, struct access *a)
{
	struct stat st;
	int fd = open_file(d, &st);

	if (fd < 0)
		return fd;
	close(fd);
	a->uid = st.st_uid;
	a->gid = st.st_gid;
	a->perm = st.st_mode & 07777;
	return 0;
}

/* At no moment may anybody open it who may neither before nor afterwards. */
int access_set(const struct device *d, const struct access *a)
{
	struct text path;
	struct stat st;
	int fd, rc = 0;

	fd = open_file(d, &st);
	if (fd < 0)
		return fd;
	path = text("/proc/self/fd/%d", fd);
	if (chmod(path.s, st.st_mode & a->perm & 0600) || chown(path.s, a->uid, a->gid) ||
	    chmod(path.s, a->perm))
		rc = -errno;
	close(fd);
	return rc;
}

struct text access_owner(const struct access *a)
{
	struct passwd *pw = getpwuid(a->uid);

	return pw ? text("%s", pw->pw_name) : text("%u", a->uid);
}

struct text access_group(const struct access *a)
{
	struct group *gr = getgrgid(a->gid);

	return gr ? text("%s", gr->gr_name) : text("%u", a->gid);
}
