/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The retransmission time-out where nothing, or only nonsense, was measured (RFC 6298 section 5). */
#include "tcp_script.h"

#define ISN UINT32_MAX		/* of a SYN: one before the first byte */

/* (5.7), as the server: a SYN-ACK was sent again and nothing tells which one was answered: 3 s from the first data on. */
static void syn_lost_passive(void **st)
{
	SCRIPT(OPTIONS(.sack = true, .rtt_ms = 1100),
		out(S | A, ISN, 0, 0), wait_ms(400), send_bytes(100), out(P | A, 0, 100, 0), wait_ms(2990), silent,
		wait_ms(20), out(A, 0, 100, 0), wait_ms(5980), silent, wait_ms(40), out(A, 0, 100, 0),
		in(A, 0, 0, 100));
}

/* (5.7), as the client. */
static void syn_lost_active(void **st)
{
	SCRIPT(OPTIONS(.active = true),
		wait_ms(1010), out(S, ISN, 0, 0), wait_ms(50), in(S | A, ISN, 0, 0), out(A, 0, 0, 0),
		send_bytes(100), out(P | A, 0, 100, 0), wait_ms(2990), silent, wait_ms(20), out(A, 0, 100, 0),
		/* The first that was sent once is measured (2.2), and that is what counts from then on. */
		in(A, 0, 0, 100), send_bytes(100), out(P | A, 100, 100, 0), wait_ms(100), in(A, 0, 0, 200),
		send_bytes(100), out(P | A, 200, 100, 0), wait_ms(290), silent, wait_ms(20), out(A, 200, 100, 0));
}

/* With timestamps the very acknowledgment that completes the handshake is a measurement (3), so (2.2) follows at once. */
static void syn_lost_and_measured(void **st)
{
	SCRIPT(OPTIONS(.active = true, .ts = true),
		wait_ms(1010), out(S, ISN, 0, 0), wait_ms(92), in(S | A, ISN, 0, 0), out(A, 0, 0, 0),
		send_bytes(100), out(P | A, 0, 100, 0), wait_ms(290), silent, wait_ms(30), out(A, 0, 100, 0));
}

/* The same as the server: it is the first of two SYN-ACKs that is answered, so the path is slow. */
static void slow_and_measured(void **st)
{
	SCRIPT(OPTIONS(.ts = true, .rtt_ms = 1100),
		out(S | A, ISN, 0, 0), send_bytes(100), out(P | A, 0, 100, 0), wait_ms(3290), silent, wait_ms(20),
		out(A, 0, 100, 0));
}

/* Nothing was sent again: what the handshake took is the first measurement (2.2), for both roles. */
static void syn_not_lost(void **st)
{
	SCRIPT(OPTIONS(.rtt_ms = 100),
		send_bytes(100), out(P | A, 0, 100, 0), wait_ms(290), silent, wait_ms(20), out(A, 0, 100, 0));
	SCRIPT(OPTIONS(.active = true),
		wait_ms(100), in(S | A, ISN, 0, 0), out(A, 0, 0, 0), send_bytes(100), out(P | A, 0, 100, 0),
		wait_ms(290), silent, wait_ms(20), out(A, 0, 100, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(syn_lost_passive), cmocka_unit_test(syn_lost_active), cmocka_unit_test(syn_lost_and_measured),
		cmocka_unit_test(slow_and_measured), cmocka_unit_test(syn_not_lost),
	};

	return cmocka_run_group_tests_name("tcp_rto", tests, NULL, NULL);
}
