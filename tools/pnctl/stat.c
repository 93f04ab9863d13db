// SPDX-License-Identifier: GPL-2.0
/* What the kernel has counted of a private node, and for whom. */
#include <string.h>

#include "pnctl.h"

/* An older kernel has no such file: there is no owner then. */
struct text node_owner(int node)
{
	return attr_read(SYS_NODE "/node%d/private_owner", node);
}

size_t node_counters(int node, struct counter *v, size_t most)
{
	struct text path = text(SYS_NODE "/node%d/private_stat", node);
	size_t n = 0;
	FILE *f;

	f = fopen(path.s, "re");
	while (f && n < most && fscanf(f, "%31s %llu", v[n].name, &v[n].value) == 2)
		n++;
	if (f)
		fclose(f);
	return n;
}

struct json_object *counters_json(int node)
{
	struct json_object *o = json_object_new_object();
	struct counter v[MOST_COUNTERS];
	size_t i, n = node_counters(node, v, MOST_COUNTERS);

	for (i = 0; i < n; i++)
		json_number(o, v[i].name, v[i].value);
	return o;
}

/* Those that are not 0. */
void counters_print(int node)
{
	struct counter v[MOST_COUNTERS];
	size_t i, n = node_counters(node, v, MOST_COUNTERS);
	struct text owner = node_owner(node);
	const char *between = ": ";

	if (owner.err)
		return;
	printf("%10s node %d of %s", "", node, owner.s);
	for (i = 0; i < n; i++) {
		if (!v[i].value)
			continue;
		printf("%s%s %llu", between, v[i].name, v[i].value);
		between = ", ";
	}
	printf("\n");
}
