/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "tcp_hdr.h"
#include "tcp_seq.h"

static void sequence_numbers(void **st)
{
	static const uint32_t from[] = { 0, 1, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff };

	for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++) {
		uint32_t a = from[i], b = a + 100, far = a + 0x7fffffff;

		assert_true(seq_lt(a, b) && seq_leq(a, b) && seq_gt(b, a) && seq_geq(b, a));
		assert_false(seq_lt(b, a) || seq_gt(a, b) || seq_lt(a, a) || seq_gt(a, a));
		assert_true(seq_leq(a, a) && seq_geq(a, a) && seq_lt(a, far));
		assert_true(seq_max(a, b) == b && seq_max(b, a) == b && seq_min(a, b) == a && seq_min(b, a) == a);
	}
}

static void syn_options_there_and_back(void **st)
{
	for (unsigned int i = 0; i < 16; i++) {
		struct tcp_opts in = {
			.has_mss = i & 1, .mss = (i & 1) ? 1460 : 0, .has_wscale = i & 2, .wscale = (i & 2) ? 7 : 0,
			.sack_permitted = i & 4, .has_ts = i & 8, .ts_val = (i & 8) ? 0x01020304 : 0,
			.ts_ecr = (i & 8) ? 0xfffefdfc : 0,
		}, out;
		uint8_t bytes[TCP_OPTS_MAX];
		size_t n = tcp_opts_put_syn(bytes, &in);

		assert_true(n % 4 == 0 && n <= TCP_OPTS_MAX);
		assert_int_equal(tcp_opts_parse(bytes, n, &out), 0);
		assert_memory_equal(&in, &out, sizeof(in));
	}
}

static void sack_options_there_and_back(void **st)
{
	struct tcp_opts in = { .n_sack = 4, .sack = { { 1, 2 }, { 0xfffffff0, 5 }, { 7, 9 }, { 11, 13 } } }, out;
	uint8_t bytes[TCP_OPTS_MAX];
	size_t n = tcp_opts_put(bytes, &in);

	assert_int_equal(n, 36);
	assert_int_equal(tcp_opts_parse(bytes, n, &out), 0);
	assert_memory_equal(&in, &out, sizeof(in));
	/* Beside timestamps there is room for three. */
	in.has_ts = true;
	n = tcp_opts_put(bytes, &in);
	assert_int_equal(n, 40);
	assert_int_equal(tcp_opts_parse(bytes, n, &out), 0);
	assert_int_equal(out.n_sack, 3);
	assert_int_equal(out.sack[2].start, 7);
}

static void strange_options(void **st)
{
	static const struct {
		uint8_t bytes[8];
		size_t n;
		int rc;
	} cases[] = {
		{ { 0 }, 0, 0 },
		{ { 0, 2, 0, 0 }, 4, 0 },		/* nothing after the end counts */
		{ { 1, 1, 1, 1 }, 4, 0 },
		{ { 2 }, 1, -EINVAL },			/* no length */
		{ { 2, 0 }, 2, -EINVAL },
		{ { 254, 1 }, 2, -EINVAL },
		{ { 2, 4, 5 }, 3, -EINVAL },		/* beyond the end */
		{ { 1, 1, 3, 3 }, 4, -EINVAL },
		{ { 253, 4, 9, 9 }, 4, 0 },		/* unknown */
		{ { 2, 3, 1 }, 3, 0 },			/* known, of a wrong length: passed over */
		{ { 5, 6, 1, 2, 3, 4 }, 6, 0 },		/* half a SACK block */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tcp_opts o;

		assert_int_equal(tcp_opts_parse(cases[i].bytes, cases[i].n, &o), cases[i].rc);
		assert_false(o.has_mss || o.has_ts || o.has_wscale || o.sack_permitted || o.n_sack);
	}
}

/* RFC 7323 section 2.3: more than 14 means 14. */
static void window_scale_is_bounded(void **st)
{
	static const uint8_t bytes[] = { 3, 3, 200 };
	struct tcp_opts o;

	assert_int_equal(tcp_opts_parse(bytes, sizeof(bytes), &o), 0);
	assert_int_equal(o.wscale, 14);
}

static void header_there_and_back(void **st)
{
	struct tcp_tx tx = {
		.seq = 0xfffffffe, .ack = 0x12345678, .lport = 993, .fport = 40000, .wnd = 4321,
		.flags = TH_ACK | TH_FIN | TH_PSH, .opts_bytes = 12,
	};
	struct tcp_opts o = { .has_ts = true, .ts_val = 1, .ts_ecr = 2 };
	uint8_t p[TCP_HDR_MAX];
	struct tcp_rx rx;

	tcp_hdr_put(p, &tx);
	assert_int_equal(tcp_opts_put(p + TCP_HDR_MIN, &o), 12);
	assert_int_equal(tcp_hdr_parse(p, sizeof(p), 32 + 100, &rx), 0);
	assert_true(rx.seq == tx.seq && rx.ack == tx.ack && rx.wnd == tx.wnd && rx.flags == tx.flags);
	assert_int_equal(rx.bytes, 100);
	assert_true(rx.end == 99);	/* over the wrap, FIN counted */
	assert_true(rx.opts.has_ts && rx.opts.ts_ecr == 2);
	assert_true(p[0] == 993 >> 8 && p[2] == 40000 >> 8);
}

static void short_headers(void **st)
{
	struct tcp_tx tx = { .opts_bytes = 40 };
	uint8_t p[TCP_HDR_MAX] = { 0 };
	struct tcp_rx rx;

	tcp_hdr_put(p, &tx);
	assert_int_equal(tcp_hdr_parse(p, 60, 60, &rx), 0);
	assert_int_equal(tcp_hdr_parse(p, 59, 60, &rx), -EMSGSIZE);
	assert_int_equal(tcp_hdr_parse(p, 60, 59, &rx), -EMSGSIZE);
	assert_int_equal(tcp_hdr_parse(p, 19, 60, &rx), -EMSGSIZE);
	for (unsigned int words = 0; words < 5; words++) {
		p[12] = (uint8_t)(words << 4);
		assert_int_equal(tcp_hdr_parse(p, 60, 60, &rx), -EMSGSIZE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequence_numbers), cmocka_unit_test(syn_options_there_and_back),
		cmocka_unit_test(sack_options_there_and_back), cmocka_unit_test(strange_options),
		cmocka_unit_test(window_scale_is_bounded), cmocka_unit_test(header_there_and_back),
		cmocka_unit_test(short_headers),
	};

	return cmocka_run_group_tests_name("tcp_hdr", tests, NULL, NULL);
}
