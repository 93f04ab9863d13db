// SPDX-License-Identifier: GPL-2.0
/*
 * Signals that ask for an end: what is being done fails with EINTR, and what had
 * been done is undone. Without SA_RESTART, so that a write to sysfs returns.
 */
#include <signal.h>
#include <stdatomic.h>

#include "pnctl.h"

static atomic_int stop;
static atomic_bool asked;

static void on_signal(int sig)
{
	stop = sig;
	asked = true;
}

static const int signals[] = { SIGINT, SIGTERM, SIGHUP };

static void mask(int how)
{
	sigset_t set;
	size_t i;

	sigemptyset(&set);
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(&set, signals[i]);
	sigprocmask(how, &set, NULL);
}

/* What nohup(1) and the like have it ignore stays so. */
static void catch(int sig)
{
	struct sigaction sa = { .sa_handler = on_signal }, was;

	if (!sigaction(sig, NULL, &was) && was.sa_handler != SIG_IGN)
		sigaction(sig, &sa, NULL);
}

void stop_catch(void)
{
	size_t i;

	/* That nobody reads what it says is no reason to stop half way. */
	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		catch(signals[i]);
	mask(SIG_UNBLOCK);
}

/* To undo must not be interrupted: until stop_catch() they wait. */
void stop_ignore(void)
{
	mask(SIG_BLOCK);
	stop = 0;
}

int stopped(void)
{
	return stop;
}

/* Since it began, whatever has been undone since. */
bool stop_asked(void)
{
	return asked;
}
