/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/lines.h"

#define PIECES 64u

/* Whatever their sizes: the first byte of a piece and the last one of another are never on one line. */
static void shares_no_line(void **state)
{
	unsigned char *pieces[PIECES];

	(void)state;
	for (size_t i = 0; i < PIECES; i++) {
		pieces[i] = lines_alloc(1, i + 1);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % LINE_BYTES, 0);
	}
	for (size_t i = 0; i < PIECES; i++) {
		for (size_t other = 0; other < PIECES; other++) {
			uintptr_t last = (uintptr_t)pieces[i] + i;

			if (other != i)
				assert_int_not_equal(last / LINE_BYTES, (uintptr_t)pieces[other] / LINE_BYTES);
		}
	}
	for (size_t i = 0; i < PIECES; i++)
		free(pieces[i]);
}

static void is_zeroed(void **state)
{
	static const unsigned char zeroes[3 * 50];

	(void)state;
	for (unsigned int round = 0; round < 8; round++) {
		unsigned char *p = lines_alloc(3, 50);

		assert_non_null(p);
		assert_memory_equal(p, zeroes, sizeof(zeroes));
		memset(p, 0xa5, sizeof(zeroes));
		free(p);
	}
}

static void refuses_what_cannot_be(void **state)
{
	(void)state;
	assert_null(lines_alloc(SIZE_MAX / 2, 3));
	assert_null(lines_alloc(1, SIZE_MAX));
	assert_null(lines_alloc(0, 64));
	assert_null(lines_alloc(1, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_no_line),
		cmocka_unit_test(is_zeroed),
		cmocka_unit_test(refuses_what_cannot_be),
	};

	return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
