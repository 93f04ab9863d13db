// SPDX-License-Identifier: GPL-2.0
/*
 * Signals that ask for an end: what is being done fails with EINTR, and what had
 * been done is undone. Without SA_RESTART, so that a write to sysfs returns.
 */
#include <signal.h>
#include <stdatomic.h>

#include "pnctl.h"

static atomic_int stop;

static void on_signal(int sig)
{
	stop = sig;
}

static void handle(void (*handler)(int))
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction sa = { .sa_handler = handler };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &sa, NULL);
}

void stop_catch(void)
{
	/* That nobody reads what it says is no reason to stop half way. */
	signal(SIGPIPE, SIG_IGN);
	handle(on_signal);
}

/* To undo must not be interrupted. */
void stop_ignore(void)
{
	handle(SIG_IGN);
	stop = 0;
}

int stopped(void)
{
	return stop;
}
