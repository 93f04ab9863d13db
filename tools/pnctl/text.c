// SPDX-License-Identifier: GPL-2.0
/* Short texts by value, numbers and sizes. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "pnctl.h"

struct text text(const char *fmt, ...)
{
	struct text t = { .err = 0 };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t.s, sizeof(t.s), fmt, ap);
	va_end(ap);
	return t;
}

/*
 * Names of processes, of cgroups and what came from the command line must not move the
 * cursor, and have to be good for JSON.
 */
void tame(char *s)
{
	for (; *s; s++) {
		if (*s < ' ' || *s > '~')
			*s = '?';
	}
}

/* All of the string, and nothing but digits (in hex, after 0x or not): no sign, no blanks. */
bool parse_number(const char *s, int base, unsigned long max, unsigned long *value)
{
	char *end;

	if (!(base == 16 ? isxdigit((unsigned char)*s) : isdigit((unsigned char)*s)))
		return false;
	errno = 0;
	*value = strtoul(s, &end, base);
	return !errno && !*end && *value <= max;
}

struct text size_text(unsigned long long bytes)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB" };
	double n = bytes / 1024.0;
	size_t i = 0;

	while (n >= 10240 && i < ARRAY_SIZE(units) - 1) {
		n /= 1024;
		i++;
	}
	return text("%.0f %s", n, units[i]);
}
