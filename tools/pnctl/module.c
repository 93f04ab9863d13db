// SPDX-License-Identifier: GPL-2.0
/* Drivers of the dax bus that may have to be loaded; module and driver have one name. */
#include <errno.h>
#include <libkmod.h>

#include "pnctl.h"

static void hush(void *data, int priority, const char *file, int line, const char *fn,
		 const char *format, va_list args)
{
	(void)data, (void)priority, (void)file, (void)line, (void)fn, (void)format, (void)args;
}

static struct kmod_ctx *kmod(void)
{
	struct kmod_ctx *ctx = kmod_new(NULL, NULL);

	if (ctx)
		kmod_set_log_fn(ctx, hush, NULL);
	return ctx;
}

static bool driver_there(const char *name)
{
	return exists(SYS_DAX "/drivers/%s", name);
}

static int insert(struct kmod_ctx *ctx, const char *name)
{
	struct kmod_list *list = NULL, *i;
	int rc;

	rc = kmod_module_new_from_lookup(ctx, name, &list);
	if (!rc && !list)
		rc = -ENOENT;
	kmod_list_foreach(i, list) {
		struct kmod_module *m = kmod_module_get_module(i);

		if (!rc)
			rc = kmod_module_probe_insert_module(m, 0, NULL, NULL, NULL, NULL);
		kmod_module_unref(m);
	}
	kmod_module_unref_list(list);
	return rc;
}

/* 1: it was not there and is now; 0: it was there; or a negative errno. */
int module_load(const char *name)
{
	struct kmod_ctx *ctx;
	int rc;

	if (driver_there(name))
		return 0;
	ctx = kmod();
	if (!ctx)
		return -ENOMEM;
	rc = insert(ctx, name);
	kmod_unref(ctx);
	if (rc)
		return rc < 0 ? rc : -EPERM;
	return driver_there(name) ? 1 : -ENODEV;
}

void module_unload(const char *name)
{
	struct kmod_ctx *ctx = kmod();
	struct kmod_module *m;

	if (ctx && !kmod_module_new_from_name(ctx, name, &m)) {
		kmod_module_remove_module(m, KMOD_REMOVE_NOWAIT);
		kmod_module_unref(m);
	}
	if (ctx)
		kmod_unref(ctx);
}

/* Is there such a module, loaded, built in or to be loaded? */
bool module_known(const char *name)
{
	struct kmod_list *list = NULL;
	struct kmod_ctx *ctx;
	bool known = driver_there(name);

	if (known)
		return true;
	ctx = kmod();
	if (!ctx)
		return false;
	known = !kmod_module_new_from_lookup(ctx, name, &list) && list;
	kmod_module_unref_list(list);
	kmod_unref(ctx);
	return known;
}
