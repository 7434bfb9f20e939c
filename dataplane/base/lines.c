/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/lines.h"

#include <stdlib.h>
#include <string.h>

void *lines_alloc(size_t n, size_t bytes)
{
	size_t total;
	void *p;

	if (__builtin_mul_overflow(n, bytes, &total) || total == 0 ||
	    __builtin_add_overflow(total, LINE_BYTES - 1, &total))
		return NULL;
	total -= total % LINE_BYTES;
	p = aligned_alloc(LINE_BYTES, total);
	if (p != NULL)
		memset(p, 0, total);
	return p;
}
