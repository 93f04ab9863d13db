// SPDX-License-Identifier: GPL-2.0
/* Why memory cannot be unplugged: who has some, and what the kernel says of it. */
#include <errno.h>
#include <string.h>

#include "pnctl.h"

static int advice(const struct device *d, const char *log, size_t nr_users)
{
	const char *kmem = strcmp(device_driver(d).s, "kmem") ? "" :
		"; or keep kmem from loading and reboot";

	if (strstr(log, "room for"))
		return cure(PN_BUSY, "free ordinary memory or add swap, and try again%s", kmem);
	if (strstr(log, "pinned"))
		return cure(PN_BUSY,
			    "end what does I/O on it, a debugger or a device, and try again; 'pnctl who %d' shows all%s",
			    d->node, kmem);
	if (nr_users)
		return cure(PN_BUSY, "end or unmap what 'pnctl who %d' shows, and try again%s",
			    d->node, kmem);
	return cure(PN_BUSY, "'dmesg' and 'pnctl who %d' say more; try again%s", d->node, kmem);
}

static int in_use(const struct device *d, const struct text *log, const char *what)
{
	const char *why = log->err ? "" : log->s;
	struct text who = text("%s", "");
	struct users u;
	size_t n = 0;

	if (!users_get(&u, d->node, NULL)) {
		n = u.n;
		who = users_text(&u);
		users_put(&u);
	}
	error("%s cannot %s%s%s%s%s", d->name, what, *why || n ? ": " : ": it is in use", why,
	      *why && n ? "; in use by " : n ? "in use by " : "", n ? who.s : "");
	return advice(d, why, n);
}

int busy(const struct device *d, int rc, const struct text *log, const char *what)
{
	if (rc == -EBUSY)
		return in_use(d, log, what);
	error("%s cannot %s: %s", d->name, what, log->err ? strerror(-rc) : log->s);
	switch (rc) {
	case -EINTR:
		return cure(PN_FAILED, "it was interrupted: try again");
	case -ENOMEM:
		return cure(PN_FAILED, "free some ordinary memory and try again");
	default:
		return cure(PN_FAILED, "'dmesg' may say why");
	}
}
