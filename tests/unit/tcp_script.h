/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Scripts of segments against a stack: this one comes in, that one goes out, this
 * much time passes, the user does that. Each step that doesn't come true fails the
 * test and says its number. Sequence numbers count from each side's ISN + 1.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "tcp_peer.h"

#define S TH_SYN
#define F TH_FIN
#define R TH_RST
#define P TH_PSH
#define A TH_ACK

enum op {
	IN,		/* segment to the stack: flags, seq, bytes, ack, wnd; value: timestamp offset */
	IN_SACK,	/* an empty segment that acknowledges ack and SACKs seq to bytes, and wnd to value unless that is 0 */
	OUT,		/* the next segment from the stack, exactly: flags, seq, bytes, ack */
	OUT_SACK,	/* the same; value: first SACK block's start and end in wnd */
	OUT_WND,	/* the same, with the window in wnd */
	SILENT,		/* nothing came out */
	PASS,		/* value milliseconds pass */
	EVENTS,		/* the user's events contain value */
	RECV,		/* the user takes all: value bytes */
	SEND,		/* the user sends value bytes */
	SHUTDOWN, RELEASE, RESET,
	STATE,		/* text */
	DROPS,		/* counter value went up by bytes since the last DROPS or the start */
	CONNS,		/* connections in the table: value */
};

struct step {
	enum op op;
	uint32_t flags, seq, bytes, ack, wnd;
	int64_t value;
	const char *text;
};

struct options {
	bool ts, sack, wscale, active;
	uint16_t wnd;
	uint16_t mss;		/* in the peer's SYN; 0: 1460 */
	uint32_t rtt_ms;	/* of the handshake */
	struct tcp_peer_options stack;
};

#define PEER_ISS 0xfffff000u	/* wraps soon */

struct script {
	struct tcp_peer p;
	struct options o;
	uint32_t iss;		/* the stack's */
	uint16_t port, stack_port;
	uint16_t port_first;	/* added to the peer's port when it opens */
	uint32_t last_ts;	/* the stack's */
	uint64_t drops[DROP_COUNT];
};


/* The steps one after the other on a connection that is opened first (active: only the SYN is sent). */
void script_run(const struct options *o, const struct step *steps, size_t n);

/* For tests that need more than a list of steps. */
void script_step(struct script *s, const struct step *st, unsigned int line);
void script_open_passive(struct script *s);
/* Dials; the SYN must have @flags beside its own, and no ECN codepoint. */
void script_dial(struct script *s, uint8_t flags);
uint32_t script_cwnd(const struct script *s);
struct tcp_rx script_peer_syn(const struct script *s);
/* The segment that an IN step means. */
struct tcp_rx script_segment(const struct script *s, const struct step *st);
const struct tcp_peer_segment *script_next(struct script *s);

#define SCRIPT(how, ...) do { \
	static const struct step steps[] = { __VA_ARGS__ }; \
	script_run(&(const struct options)how, steps, sizeof(steps) / sizeof(steps[0])); \
} while (0)
/* On a script that is under way. */
#define STEPS(s, ...) do { \
	static const struct step steps[] = { __VA_ARGS__ }; \
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) \
		script_step(s, &steps[i], (unsigned int)i + 1); \
} while (0)
#define OPTIONS(...) { __VA_ARGS__ }
#define in(f, s, b, a) { IN, f, s, b, a, 60000, 0, NULL }
#define in_wnd(f, s, b, a, w) { IN, f, s, b, a, w, 0, NULL }
#define in_ts(f, s, b, a, ts) { IN, f, s, b, a, 60000, ts, NULL }
#define in_sack(a, from, to) { IN_SACK, A, from, to, a, 0, 0, NULL }
#define in_sack2(a, from, to, from2, to2) { IN_SACK, A, from, to, a, from2, to2, NULL }
#define out(f, s, b, a) { OUT, f, s, b, a, 0, 0, NULL }
#define out_wnd(f, s, b, a, w) { OUT_WND, f, s, b, a, w, 0, NULL }
#define out_sack(f, s, b, a, from, to) { OUT_SACK, f, s, b, a, from, to, NULL }
#define silent { SILENT, 0, 0, 0, 0, 0, 0, NULL }
#define wait_ms(n) { PASS, 0, 0, 0, 0, 0, n, NULL }
#define events(e) { EVENTS, 0, 0, 0, 0, 0, e, NULL }
#define recv_all(n) { RECV, 0, 0, 0, 0, 0, n, NULL }
#define send_bytes(n) { SEND, 0, 0, 0, 0, 0, n, NULL }
#define do_shutdown { SHUTDOWN, 0, 0, 0, 0, 0, 0, NULL }
#define do_release { RELEASE, 0, 0, 0, 0, 0, 0, NULL }
#define do_reset { RESET, 0, 0, 0, 0, 0, 0, NULL }
#define state(t) { STATE, 0, 0, 0, 0, 0, 0, t }
#define drops(d, n) { DROPS, 0, 0, n, 0, 0, d, NULL }
#define conns(n) { CONNS, 0, 0, 0, 0, 0, n, NULL }
