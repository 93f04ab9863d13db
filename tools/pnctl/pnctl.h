/* SPDX-License-Identifier: GPL-2.0 */
/* pnctl: set private memory nodes up, look at them, take them down */
#ifndef PNCTL_H
#define PNCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/types.h>

#include <daxctl/libdaxctl.h>
#include <json-c/json.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#ifndef __printf
#define __printf(a, b)	__attribute__((__format__(printf, a, b)))
#endif

#define CONFIG_DIR	"/etc/private-nodes.d"
#define SYS_NODE	"/sys/devices/system/node"
#define SYS_DAX		"/sys/bus/dax"
#define MAX_NODES	1024		/* NODES_SHIFT is 10 at most */

/* Exit statuses; pnctl(1) has them too. */
enum status {
	PN_OK = 0,
	PN_FAILED = 1,	/* it did not work, and nothing has changed */
	PN_USAGE = 2,	/* the command line, or a configuration file, is wrong */
	PN_ABSENT = 3,	/* there is no such device, node or feature */
	PN_BUSY = 4,	/* somebody uses it */
	PN_DENIED = 5,	/* one has to be root, or it is not let in */
	PN_HALF = 6,	/* it did not work, and not all could be undone */
};

/* text.c: words of files, numbers and sizes */
struct text {
	char s[256];
	int err;
};

/* error.c: one error at a time, in two lines: what is wrong, what to do */
extern const char *verb;
void error(const char *fmt, ...) __printf(1, 2);
int cure(int status, const char *fmt, ...) __printf(2, 3);
void error_undone(const char *what);
void error_in(const char *file);
void error_print(void);
void error_take(struct text *wrong, struct text *todo);
void warn(const char *fmt, ...) __printf(1, 2);
void note(const char *fmt, ...) __printf(1, 2);
int usage_error(const char *fmt, ...) __printf(1, 2);
int need_root(void);
int no_memory(void);
extern bool quiet;

void tame(char *s);
struct text text(const char *fmt, ...) __printf(1, 2);
bool parse_number(const char *s, int base, unsigned long max, unsigned long *value);
struct text size_text(unsigned long long bytes);

/* sysfs.c */
struct text attr_read(const char *fmt, ...) __printf(1, 2);
int attr_write(const char *path, const char *value);
bool exists(const char *fmt, ...) __printf(1, 2);

/* stop.c: signals that ask for an end */
void stop_catch(void);
void stop_ignore(void);
int stopped(void);
bool stop_asked(void);

/* lock.c */
int lock_take(void);
void lock_drop(void);
extern bool changing;

/* module.c */
bool module_known(const char *name);
int module_load(const char *name);
void module_unload(const char *name);

/* udev.c */
void udev_wait(void);

/* events.c: what the kernel says of devices */
void events_begin(void);
void events_end(void);
void events_wait(double seconds, void (*fn)(const char *what, void *data), void *data);

/* klog.c: what the kernel says meanwhile */
int klog_begin(void);
struct text klog_end(int fd, int node, const char *device);

/* device.c */
struct device {
	struct daxctl_dev *dax;
	const char *name;
	int node;	/* -1: it has none */
	unsigned long long size;
};

struct devices {
	struct daxctl_ctx *ctx;
	struct device *v;
	size_t n;
};

int devices_get(struct devices *list);
void devices_put(struct devices *list);
int device_get(struct devices *list, const char *name, struct device **d);
struct device *device_on_node(const struct devices *list, int node);
struct text device_driver(const struct device *d);
struct text device_state(const struct device *d);
bool device_plugged(const struct device *d);
bool device_is_private(const struct device *d);
bool device_online(const struct device *d);
bool device_left_behind(const struct devices *list, const struct device *d);
struct device *device_left_on(const struct devices *list, int node);
struct text device_read(const struct device *d, const char *file);
int device_write(const struct device *d, const char *file, const char *value);
typedef void (*range_fn)(unsigned long long start, unsigned long long end, void *data);
void device_ranges(const struct device *d, range_fn fn, void *data);
unsigned long long memory_block_size(void);
unsigned long long device_usable(const struct device *d);
int device_unbind(const struct device *d);
int device_bind(const struct device *d, const char *driver);
void device_forget(const struct device *d, const char *driver);

/* identity.c: what a device is, whatever it is called after the next boot */
struct identity {
	char uuid[40];		/* of the NVDIMM's namespace, or "" */
	char serials[1024];	/* of CXL memory devices, or "" */
	char ranges[4096];	/* physical */
	bool shared;		/* its region has other devices as well */
};

int identity_get(const struct device *d, struct identity *id);
bool identity_same(const struct identity *a, const struct identity *b);
bool identity_same_cxl(const struct identity *a, const struct identity *b);
bool identity_same_ranges(const struct identity *file, const struct identity *device);
bool identity_append(char *s, size_t size, const char *fmt, unsigned long long a,
		     unsigned long long b);
struct text identity_name(const struct identity *id);

/* knobs.c */
enum { NR_KNOBS = 8 };
extern const char *const knobs[NR_KNOBS];
int knob_find(const char *name);
bool knob_on(const struct device *d, int knob);
struct text knobs_text(const struct device *d);
struct json_object *knobs_json(const struct device *d);

/* settings.c: what a node should be like */
struct settings {
	const char *state;		/* a word of the file hotplug; NULL: not said */
	signed char knob[NR_KNOBS];	/* -1: not said */
	int adistance;			/* 0: not said */
	long owner, group, perm;	/* -1: not said */
};

void settings_init(struct settings *s);
int settings_mode(struct settings *s, const char *word);
int settings_list(struct settings *s, const char *list);
int settings_one(struct settings *s, const char *name, const char *value);
int settings_owner(struct settings *s, const char *word);
int settings_group(struct settings *s, const char *word);
int settings_perm(struct settings *s, const char *word);
const char *settings_mode_word(const char *state);
int settings_known(const struct settings *s, const struct device *d);
void settings_of(struct settings *s, const struct device *d);

/* access.c: who may open the device */
struct access {
	uid_t uid;
	gid_t gid;
	mode_t perm;
};

int access_get(const struct device *d, struct access *a);
int access_set(const struct device *d, const struct access *a);
struct text access_owner(const struct access *a);
struct text access_group(const struct access *a);

/* undo.c: what has been done, to be taken back */
typedef int (*undo_fn)(const struct device *d, const char *file, const char *value);

int undo_later(undo_fn fn, const struct device *d, const char *file, const char *value,
	       const char *what);
int undo_all(int status);
bool undo_any(void);
void undo_done(void);
int write_undoable(const struct device *d, const char *file, const char *value);

/* setup.c: from whatever state to a node, or back to where it was */
int setup_may(const struct devices *all, const struct device *d);
int setup(const struct devices *all, const struct device *d, const struct settings *s);
int set_knobs(const struct device *d, const struct settings *s);

/* advice.c: combinations that do not do what one might think */
void advise(const struct device *d);

/* node.c */
bool node_in(int node, const char *file);
int node_parse(const char *word, int *node);
bool node_online(int node);
int node_next_private(int node);
bool node_left_behind(const struct devices *all, int node);
unsigned long long node_size(int node, unsigned long long *unused);
struct text node_tier(int node);
bool kernel_has_private_nodes(void);

/* stat.c: what the kernel counts of a private node */
enum { MOST_COUNTERS = 64 };

struct counter {
	char name[32];
	unsigned long long value;
};

struct text node_owner(int node);
size_t node_counters(int node, struct counter *v, size_t most);
struct json_object *counters_json(int node);
void counters_print(int node);

/* users.c: processes that have memory on a node, or the device open */
enum { USE_ANON, USE_FILE, USE_SHMEM, NR_USES };

struct user {
	pid_t pid;
	char comm[32];
	unsigned long long bytes[NR_USES];
	unsigned int opens;	/* open files of the device */
	unsigned int maps;	/* mappings of it */
};

struct users {
	struct user *v;
	size_t n;
	size_t unseen;	/* processes that could not be looked at */
	bool memory, device;	/* what was looked at */
};

unsigned long long user_total(const struct user *u);
int users_get(struct users *u, int node, const struct device *d);
void users_put(struct users *u);
struct text users_text(const struct users *u);
struct json_object *users_json(const struct users *u);

/* cgroups.c */
struct cgroup {
	char *path;
	unsigned long long bytes[NR_USES];
};

struct cgroups {
	struct cgroup *v;
	size_t n;
};

int cgroups_get(struct cgroups *c, int node);
void cgroups_put(struct cgroups *c);

/* busy.c: who or what is in the way */
int busy(const struct device *d, int rc, const struct text *log, const char *what);

/* ini.c: files of sections with keys */
#define INI_NONE	"default"	/* the section of what comes before the first */
typedef int (*ini_fn)(void *data, const char *section, const char *key, const char *value);
int ini_read(const char *path, bool strict, ini_fn fn, void *data);

/* conf.c: files that say what a device is to be */
#define LONGEST_NAME	128

struct conf {
	char name[256];		/* of the file, without .conf */
	struct identity id;
	struct settings set;
	bool tried;		/* by restore, */
	int status;		/* with that result */
};

struct confs {
	struct conf *v;
	size_t n;
	struct conf *wrong;	/* what could be read of the files that are */
	size_t bad;		/* how many */
};

int confs_get(struct confs *c, const char *dir);
void confs_put(struct confs *c);
int conf_save(const char *dir, const struct device *d);
int conf_may_forget(const char *dir, const struct device *d, struct text *name);
int conf_forget(const char *dir, const char *name);
int conf_device(const char *dir, struct devices *all, const char *name, struct device **d);
struct conf *conf_of(const struct confs *c, const struct device *d);
struct conf *conf_of_wrong(const struct confs *c, const struct device *d);
struct device *conf_find(const struct devices *all, const struct conf *c);
struct device *conf_find_own(const struct devices *all, const struct confs *c,
			     const struct conf *conf);
struct conf *conf_named(const struct confs *c, const char *name);
bool conf_named_wrong(const struct confs *c, const char *name);
int conf_may_save(const char *dir, const struct device *d);

/* cmd-cdi.c */
void cdi_warn(const struct device *d);

/* json.c */
void json_print(struct json_object *o);
void json_text(struct json_object *o, const char *key, const char *value);
void json_number(struct json_object *o, const char *key, unsigned long long value);

/* the verbs: cmd-*.c */
struct command {
	const char *name;
	const char *what;
	int (*run)(int argc, char **argv);
	const char *help;
};

extern const struct command cmd_list, cmd_create, cmd_destroy, cmd_set, cmd_who, cmd_watch,
	cmd_run, cmd_check, cmd_cdi, cmd_save, cmd_restore;
int option_other(const struct command *command, int c, char **argv);

#endif /* PNCTL_H */
