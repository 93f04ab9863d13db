/* SPDX-License-Identifier: GPL-2.0 */
/* libnuma tells who asks this way; by default it prints and goes on. For one program each. */
#ifndef COMPLAINTS_H
#define COMPLAINTS_H

#include <errno.h>
#include <numa.h>
#include <stdio.h>
#include <string.h>

static int complaints;

void numa_error(char *where)
{
	complaints++;
	printf("# libnuma says: %s: %s\n", where, strerror(errno));
}

void numa_warn(int num, char *fmt, ...)
{
	(void)num;
	(void)fmt;
	complaints++;
}

#endif /* COMPLAINTS_H */
