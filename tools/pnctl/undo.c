// SPDX-License-Identifier: GPL-2.0
/*
 * What has been done, to be taken back in the opposite order if what comes next fails.
 * It is for errors and for signals that can be caught; what a SIGKILL leaves is a state
 * that create and destroy go on from.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pnctl.h"

struct done {
	struct done *before;
	undo_fn fn;
	const struct device *d;
	const char *what;
	char *file, *value;
};

static struct done *last;

static void drop(struct done *done)
{
	free(done->file);
	free(done->value);
	free(done);
}

/* Before it is done: afterwards there might be no memory to remember it. */
int undo_later(undo_fn fn, const struct device *d, const char *file, const char *value,
	       const char *what)
{
	struct done *done = calloc(1, sizeof(*done));

	if (!done)
		return no_memory();
	done->fn = fn;
	done->d = d;
	done->what = what;
	done->file = strdup(file);
	done->value = strdup(value);
	if (!done->file || !done->value) {
		drop(done);
		return no_memory();
	}
	done->before = last;
	last = done;
	return 0;
}

static struct text left_over(const struct done *done)
{
	if (done->file[0])
		return text("%s could not be set back to %s", done->file, done->value);
	return text("%s could not be undone", done->what);
}

int undo_all(int status)
{
	struct done *done;

	stop_ignore();
	while ((done = last)) {
		last = done->before;
		if (done->fn(done->d, done->file, done->value)) {
			error_undone(left_over(done).s);
			status = PN_HALF;
		}
		drop(done);
	}
	return status;
}

/* Has anything been changed? */
bool undo_any(void)
{
	return last;
}

void undo_done(void)
{
	struct done *done;

	while ((done = last)) {
		last = done->before;
		drop(done);
	}
}

/* It may be as it was, if what should have changed it is what failed. */
static int write_back(const struct device *d, const char *file, const char *value)
{
	struct text now = device_read(d, file);

	return !now.err && !strcmp(now.s, value) ? 0 : device_write(d, file, value);
}

/* A file of the device; nothing to do is no change to be undone. */
int write_undoable(const struct device *d, const char *file, const char *value)
{
	struct text was = device_read(d, file);

	if (was.err)
		return was.err;
	if (!strcmp(was.s, value))
		return 0;
	if (undo_later(write_back, d, file, was.s, ""))
		return -ENOMEM;
	return device_write(d, file, value);
}
