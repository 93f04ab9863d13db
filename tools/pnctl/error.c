// SPDX-License-Identifier: GPL-2.0
/* One error at a time, in two lines: what is wrong, and what to do. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pnctl.h"

const char *verb;
bool quiet;

static char what[1024], todo[1024];

void error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	tame(what);
}

int cure(int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(todo, sizeof(todo), fmt, ap);
	va_end(ap);
	tame(todo);
	return status;
}

/* Something of what had been done is still there. */
void error_undone(const char *left)
{
	size_t len = strlen(what);

	snprintf(what + len, sizeof(what) - len, "; and %s", left);
}

/* It was in that file. */
void error_in(const char *file)
{
	char said[sizeof(what)];

	memcpy(said, what, sizeof(said));
	error("%s: %s", file, said);
}

static void print_name(void)
{
	fprintf(stderr, "pnctl%s%s: ", verb ? " " : "", verb ? verb : "");
}

void error_print(void)
{
	if (!what[0])
		return;
	fflush(stdout);
	print_name();
	fprintf(stderr, "%s\n%s\n", what, todo);
	what[0] = '\0';
}

void warn(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	print_name();
	fputs("warning: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

/* What was done, for who watches. */
void note(const char *fmt, ...)
{
	va_list ap;

	if (quiet)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

int usage_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	tame(what);
	return cure(PN_USAGE, "'pnctl %s%s--help' says what there is", verb ? verb : "",
		    verb ? " " : "");
}

int need_root(void)
{
	if (!geteuid())
		return 0;
	error("only root may do this");
	return cure(PN_DENIED, "try again as root, or with sudo");
}

int no_memory(void)
{
	error("out of memory");
	return cure(PN_FAILED, "free some and try again");
}

/* To be said in another way. */
void error_take(struct text *wrong, struct text *cured)
{
	*wrong = text("%.255s", what);
	*cured = text("%.255s", todo);
	what[0] = '\0';
}
