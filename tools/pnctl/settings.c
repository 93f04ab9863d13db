// SPDX-License-Identifier: GPL-2.0
/* What a node should be like, in words of the command line and of files. */
#include <ctype.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "pnctl.h"

static const struct {
	const char *word, *state;
} modes[] = {
	{ "movable", "online_movable" },
	{ "kernel", "online_kernel" },
	{ "auto", "online" },
};

void settings_init(struct settings *s)
{
	memset(s, 0, sizeof(*s));
	memset(s->knob, -1, sizeof(s->knob));
	s->owner = -1;
	s->group = -1;
	s->perm = -1;
}

int settings_mode(struct settings *s, const char *word)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		if (!strcmp(word, modes[i].word)) {
			s->state = modes[i].state;
			return 0;
		}
	}
	return usage_error("'%.64s' is no mode: there are movable, kernel and auto", word);
}

const char *settings_mode_word(const char *state)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		if (!strcmp(state, modes[i].state))
			return modes[i].word;
	}
	return NULL;
}

static int parse_adistance(struct settings *s, const char *value)
{
	unsigned long n;

	if (!parse_number(value, 10, INT_MAX, &n) || !n)
		return usage_error("'%.64s' is no abstract distance: that is a number from 1 on",
				   value);
	if (s->adistance && s->adistance != (int)n)
		return usage_error("the abstract distance cannot be %d and %lu", s->adistance, n);
	s->adistance = n;
	return 0;
}

static int on_or_off(const char *value)
{
	if (!strcmp(value, "on") || !strcmp(value, "1"))
		return 1;
	if (!strcmp(value, "off") || !strcmp(value, "0"))
		return 0;
	return -1;
}

int settings_one(struct settings *s, const char *name, const char *value)
{
	int knob, on;

	if (!strcmp(name, "adistance"))
		return parse_adistance(s, value);
	knob = knob_find(name);
	if (knob < 0)
		return usage_error("there is no knob '%.64s'", name);
	on = on_or_off(value);
	if (on < 0)
		return usage_error("%s is on or off, not '%.64s'", name, value);
	if (s->knob[knob] >= 0 && s->knob[knob] != on)
		return usage_error("%s cannot be both on and off", name);
	s->knob[knob] = on;
	return 0;
}

/* "mbind=on,demotion=off" */
int settings_list(struct settings *s, const char *list)
{
	char *copy = strdup(list), *rest = copy, *item, *eq;
	int rc = copy ? 0 : no_memory();

	while (!rc && (item = strsep(&rest, ","))) {
		eq = strchr(item, '=');
		if (!eq) {
			rc = usage_error("'%.64s' is not NAME=VALUE", item);
			break;
		}
		*eq = '\0';
		rc = settings_one(s, item, eq + 1);
	}
	free(copy);
	return rc;
}

/* A number that is too large is no name to be had. */
static int no_such(const char *what, const char *word, const char *command)
{
	error("there is no %s '%.64s'", what, word);
	if (!isalpha((unsigned char)*word) && *word != '_')
		return cure(PN_USAGE, "it takes a name, or a number below 4294967295");
	return cure(PN_USAGE, "'%s --system %.64s' creates it", command, word);
}

int settings_owner(struct settings *s, const char *word)
{
	struct passwd *pw = getpwnam(word);
	unsigned long id;

	if (!pw && !parse_number(word, 10, UINT_MAX - 1, &id))
		return no_such("user", word, "useradd");
	s->owner = pw ? pw->pw_uid : id;
	return 0;
}

int settings_group(struct settings *s, const char *word)
{
	struct group *gr = getgrnam(word);
	unsigned long id;

	if (!gr && !parse_number(word, 10, UINT_MAX - 1, &id))
		return no_such("group", word, "groupadd");
	s->group = gr ? gr->gr_gid : id;
	return 0;
}

int settings_perm(struct settings *s, const char *word)
{
	unsigned long perm;

	if (!parse_number(word, 8, 0666, &perm) || perm & 0111)
		return usage_error("'%.64s' is no mode of a device file: 0660 is one", word);
	s->perm = perm;
	return 0;
}

/* Does this kernel have all that is asked for? The device is bound. */
int settings_known(const struct settings *s, const struct device *d)
{
	int i;

	for (i = 0; i < NR_KNOBS; i++) {
		if (s->knob[i] < 0 || !device_read(d, knobs[i]).err)
			continue;
		error("this kernel has no knob %s", knobs[i]);
		return cure(PN_ABSENT, "leave %s out, or boot a newer kernel", knobs[i]);
	}
	return 0;
}

/* All that a node has been set to. */
void settings_of(struct settings *s, const struct device *d)
{
	struct text state = device_state(d), adistance = device_read(d, "adistance");
	struct access a;
	size_t i;

	settings_init(s);
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		if (!strcmp(state.s, modes[i].state))
			s->state = modes[i].state;
	}
	for (i = 0; i < NR_KNOBS; i++) {
		if (!device_read(d, knobs[i]).err)
			s->knob[i] = knob_on(d, i);
	}
	s->adistance = atoi(adistance.s);
	if (!access_get(d, &a)) {
		s->owner = a.uid;
		s->group = a.gid;
		s->perm = a.perm;
	}
}
