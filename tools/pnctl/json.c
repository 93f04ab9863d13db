// SPDX-License-Identifier: GPL-2.0
/* JSON by json-c. */
#include "pnctl.h"

void json_print(struct json_object *o)
{
	puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
					    JSON_C_TO_STRING_SPACED |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}

void json_text(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

void json_number(struct json_object *o, const char *key, unsigned long long value)
{
	json_object_object_add(o, key, json_object_new_uint64(value));
}
