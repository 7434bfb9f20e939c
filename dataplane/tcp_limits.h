/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TCP's constants, with where each comes from.
 */
#pragma once

#define TCP_RTO_INITIAL_US 1000000u	/* RFC 6298 (2.1) */
#define TCP_RTO_SYN_LOST_US 3000000u	/* RFC 6298 (5.7): the SYN took more than one attempt, and nothing measured it */
#define TCP_RTO_MIN_US 200000u		/* below RFC 6298's 1 s, as every stack in use today */
#define TCP_RTO_MAX_US 60000000u	/* RFC 6298 (2.5) */
#define TCP_R1 3u			/* RFC 9293 3.8.3: time-outs of one segment until the next hop is in doubt */
#define TCP_ACK_DELAY_US 40000u		/* RFC 9293 3.8.6.3 allows 500 ms; small enough for request and answer */
#define TCP_RETRY_US 10000u		/* output again after the pool was empty */
#define TCP_CONNECT_US 10000000u	/* a dialled server that doesn't answer */
#define TCP_HALF_OPEN_US 20000000u	/* a client that doesn't complete its handshake */
#define TCP_USER_TIMEOUT_US 120000000u	/* RFC 9293 3.8.3 (R2 >= 100 s): retransmitting without an answer */
#define TCP_UTO_MIN_S 100u		/* RFC 5482 3.1.1's lower limit, and RFC 9293's R2 */
#define TCP_KEEPALIVE_PROBES 9u		/* unanswered, and the peer is gone */
#define TCP_KEEPALIVE_PARTS 8u		/* probes are this part of the idle time apart */
#define TCP_KEEPALIVE_PROBE_US 75000000u	/* or this, if that is less */
#define TCP_ORPHAN_US 240000000u	/* released, but the peer doesn't take what is queued */
#define TCP_ORPHAN_PRESSED_US 30000000u	/* the same, while orphans are many or packet buffers few */
#define TCP_ORPHAN_SHARE 4u		/* one part in four of the table, at most */
#define TCP_STALL_US 60000000u		/* while packet buffers are few: how long a byte may wait for its peer (tcp_stall.h) */
#define TCP_HOLE_US 10000000u		/* and early data for what is missing before it */
#define TCP_FIN_WAIT_2_US 60000000u	/* released, and the peer doesn't close */
#define TCP_TIME_WAIT_US 60000000u	/* 2 MSL with an MSL of 30 s */
#define TCP_TIME_WAIT_REUSE_MS 1000u	/* RFC 6191: a new connection with newer timestamps may follow */

#define TCP_MSS_DEFAULT_V4 536u		/* RFC 9293 3.7.1: the peer sent no MSS option */
#define TCP_MSS_DEFAULT_V6 1220u
#define TCP_MSS_MIN 64u			/* a peer that asks for less gets this all the same */
#define TCP_PATH_MTU_MIN_V4 552u	/* smaller "fragmentation needed" is not believed */
#define TCP_PATH_MTU_MIN_V6 1280u	/* RFC 8200 section 5 */

#define TCP_PATH_MTU_BASE 1280u		/* what passes nearly everywhere: IPv6's least */
#define TCP_PATH_MTU_BASE_V4 576u	/* what every IPv4 host takes (RFC 791) */
#define TCP_BLACK_HOLE_TIMEOUTS 2u	/* of one full-sized segment, one after the other, and it is too large */
#define TCP_PMTU_RAISE_US 600000000u	/* RFC 1191 6.3, RFC 8201 4: when a larger MTU is tried again */

#define TCP_DUP_THRESH 3u		/* RFC 5681, RFC 6675 */
#define TCP_QUICK_ACKS 16u		/* a young connection's peer is in slow start: it needs the ACKs */
#define TCP_SMALL_BYTES 256u		/* received payloads up to this are copied behind the last one */
#define TCP_COPY_BYTES 256u		/* sent payloads up to this are copied, not attached */
#define TCP_PRESSURE_BYTES 4096u	/* what one connection may queue, each way, while packet buffers run low */
#define TCP_UNSENT_MIN 32768u		/* what may wait unsent on any connection (tcp_room.c) */
#define TCP_WINDOW_START 65536u		/* receive buffer of a new connection; grows (tcp_window.c) */
#define TCP_WINDOW_LEFT 32768u		/* that a user leaves waiting before the window shrinks: two TLS records */
#define TCP_WINDOW_AHEAD 4u		/* times what a round trip brought: slow start has so much in flight by the end of the next */
#define TCP_CHALLENGE_MS 50u		/* RFC 5961 section 7, per connection: no side channel between them */
#define TCP_RST_RATE 64u		/* RSTs to a stranger per second, on average (tcp_rst_limit.h) */
#define TCP_COOKIE_PERIOD_US 64000000u	/* a SYN cookie's key; it is accepted for one to two of them */
#define TCP_PAWS_MS 2073600000u		/* 24 days: RFC 7323 section 5.5 */

#define TCP_PORT_MIN 10000u		/* local ports of dialled connections */
#define TCP_PORT_MAX 65535u
#define TCP_PORT_TRIES 4096u		/* bound of one search */
