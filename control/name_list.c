/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/name_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void name_list_fini(struct name_list *list)
{
	for (uint32_t i = 0; i < list->n; i++)
		free(list->names[i]);
	free(list->names);
	*list = (struct name_list){ 0 };
}

int name_list_add(struct name_list *list, const char *name)
{
	if (list->n == list->size) {
		uint32_t size = list->size > 0 ? list->size * 2 : 2;
		char **more = realloc(list->names, size * sizeof(char *));

		if (more == NULL)
			return -ENOMEM;
		list->names = more;
		list->size = size;
	}
	list->names[list->n] = strdup(name);
	if (list->names[list->n] == NULL)
		return -ENOMEM;
	list->n++;
	return 0;
}

int name_list_copy(struct name_list *out, const struct name_list *from)
{
	*out = (struct name_list){ 0 };
	for (uint32_t i = 0; i < from->n; i++) {
		if (name_list_add(out, from->names[i]) != 0) {
			name_list_fini(out);
			return -ENOMEM;
		}
	}
	return 0;
}

bool name_list_equal(const struct name_list *a, const struct name_list *b)
{
	if (a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++) {
		if (strcmp(a->names[i], b->names[i]) != 0)
			return false;
	}
	return true;
}

bool name_list_has(const struct name_list *list, const char *name)
{
	for (uint32_t i = 0; i < list->n; i++) {
		if (strcmp(list->names[i], name) == 0)
			return true;
	}
	return false;
}
