/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a connection can be in: RFC 9293's states, those of loss recovery, and the
 * names of its deadlines.
 *
 * Threads: any; constants.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum tcp_state {
	TCPS_CLOSED,		/* out of the table; the user hasn't released it */
	TCPS_SYN_SENT,
	TCPS_SYN_RCVD,
	TCPS_ESTABLISHED,
	TCPS_CLOSE_WAIT,
	TCPS_FIN_WAIT_1,
	TCPS_FIN_WAIT_2,
	TCPS_CLOSING,
	TCPS_LAST_ACK,
	TCPS_TIME_WAIT,
};

enum tcp_ca_state {
	TCP_CA_OPEN,
	TCP_CA_RECOVERY,	/* fast recovery, until recovery_point is acknowledged */
	TCP_CA_LOSS,		/* after a retransmission time-out, until recovery_point */
};

/* A recovery that may be taken back (tcp_undo.c). */
struct tcp_undo {
	union {
		uint32_t ts;		/* the timestamp of its first retransmission, if undo_sent */
		uint32_t tlp_end_seq;	/* TLP.end_seq, while tlp_out instead (tcp_tlp.c) */
	};
	uint32_t rtx_bytes;	/* sent again in it, and not told to have come twice */
};

/* Which deadline of the connection is meant; they share one wheel timer (tcp_timer.c). */
enum tcp_deadline {
	TCP_T_RTX,	/* retransmission, or zero-window probe when nothing is in flight */
	TCP_T_RACK,	/* reordering timer (RFC 8985 section 6.2) */
	TCP_T_ACK,	/* delayed acknowledgment */
	TCP_T_OUTPUT,	/* more of what waits may leave (tcp_pace.c); or output that failed for want of memory */
	TCP_T_LIFE,	/* connect time-out, half-open, user time-out, FIN-WAIT-2, TIME-WAIT */
	TCP_T_KEEP,	/* keepalive: nothing was heard since, or the last probe wasn't answered */
	TCP_T_COUNT,
};
