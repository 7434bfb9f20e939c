/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Memory on cache lines of its own. What one worker writes while it runs must lie on
 * no line that another one uses: each write would take the line away from the other's
 * core. malloc gives pieces of 16 bytes, so that one worker's last fields and the next
 * one's first ones come to lie on the same line.
 *
 * Threads: any.
 * Ownership: the caller's; free() takes it back.
 */
#pragma once

#include <stddef.h>

#define LINE_BYTES 64u
/* Of a type whose objects lie side by side, one for each worker. */
#define LINES_OWN(type) _Static_assert(sizeof(type) % LINE_BYTES == 0, #type " fills whole cache lines")

/* @n objects of @bytes each, one behind the other, zeroed. NULL: no memory, or @n * @bytes is 0 or overflows. */
void *lines_alloc(size_t n, size_t bytes);
