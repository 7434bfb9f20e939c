/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/siphash.h"

/* The authors' vectors: key 00 01 … 0f, data 00 01 … of each length from 0. */
static const uint64_t expected[16] = {
	0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a, 0x85676696d7fb7e2d,
	0xcf2794e0277187b7, 0x18765564cd99a68d, 0xcbc9466e58fee3ce, 0xab0200f58b01d137,
	0x93f5f5799a932462, 0x9e0082df0ba9e4b0, 0x7a5dbbc594ddb9f3, 0xf4b32f46226bada7,
	0x751e8fbc860ee5fb, 0x14ea5627c0843d90, 0xf723ca908e7af2ee, 0xa129ca6149be45e5,
};

static void the_authors_vectors(void **state)
{
	const struct siphash_key key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
	uint8_t data[17];	/* one byte off, so that nothing relies on alignment */

	for (uint8_t i = 0; i < 16; i++)
		data[i + 1] = i;
	for (size_t n = 0; n < 16; n++)
		assert_int_equal(siphash(&key, data + 1, n), expected[n]);
}

static void each_bit_of_the_key_matters(void **state)
{
	const struct siphash_key key = { 1, 2 };
	uint64_t h = siphash(&key, "postern", 7);

	for (unsigned int bit = 0; bit < 128; bit++) {
		struct siphash_key other = key;

		if (bit < 64)
			other.k0 ^= 1ull << bit;
		else
			other.k1 ^= 1ull << (bit - 64);
		assert_int_not_equal(siphash(&other, "postern", 7), h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_authors_vectors),
		cmocka_unit_test(each_bit_of_the_key_matters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
