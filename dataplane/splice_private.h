/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * struct splice, for the files that share it: splice.c (birth, death), splice_turn.c (who is served
 * in a turn), splice_proxy.c (the PROXY protocol), splice_pass.c (TLS that is passed through),
 * splice_move.c (the client's handshake, bytes), splice_dial.c (the way to a server), splice_last.c
 * (one leg died, the other is owed something), splice_order.c (what control asks).
 *
 * Threads: the worker's.
 */
#pragma once

#include <sys/queue.h>

#include "base/pool.h"
#include "base/wheel.h"
#include "policy.h"
#include "record.h"
#include "splice.h"
#include "tcp.h"
#include "tls/sni.h"
#include "tls/tls.h"

enum splice_state {
	SPLICE_STATE_PROXY_HEADER,	/* a trusted proxy is to say who the client is */
	SPLICE_STATE_NAME,	/* passthrough: the ClientHello is to say for which host */
	SPLICE_STATE_HANDSHAKE,	/* TLS with the client; no internal server knows of it yet */
	SPLICE_STATE_CONNECTING,	/* dialling an internal server */
	SPLICE_STATE_SERVER_HANDSHAKE,	/* TLS with the server, where the rule wants it */
	SPLICE_STATE_MOVING,
};

struct splice;

/* What a TCP connection's user pointer leads to. */
struct leg {
	struct splice *splice;
	struct tcp_conn *conn;	/* NULL before it is made and after it was released */
	struct tls_session *tls;	/* NULL: none, or not yet */
	uint32_t dead;		/* TCP_DEAD events that came */
	bool established;	/* its TCP handshake is complete */
	bool fin;		/* its peer's FIN has come; data before it may wait still */
	bool done;		/* its peer sends no more, and all it sent was taken */
	bool empty;		/* the last step took all that had come */
	bool shut;		/* we send no more to it */
	bool proper;		/* its end was a good one: close_notify, or FIN where there is no TLS */
	bool remembered;	/* a server's: its TLS session is kept for the next connection */
	uint32_t queued;	/* tcp_send_queued once the other side's last data was handed over */
};

/* What bytes that move touch is in the first three cache lines (asserted in splice_turn.c). */
struct splice {
	struct splices *all;
	struct rule *rule;
	struct leg client;
	struct splice_list *queue;	/* of those of struct splices, the one it waits in; NULL: none */
	struct leg server;
	enum splice_state state;
	bool last_steps;	/* a leg died while bytes moved: splice_last.c */
	TAILQ_ENTRY(splice) run_link;
	uint64_t active_us;	/* when bytes last moved */
	struct record record;	/* how many did comes first in it */
	struct addr target;	/* where its client connected to, for the PROXY protocol */
	uint16_t target_port;
	uint32_t first_server;	/* where its round through the rule's servers began */
	uint16_t servers_tried;
	uint32_t hello_bytes;	/* before so many have come a ClientHello can't be whole */
	struct wheel_timer timer;
	uint64_t accepted_us;
	TAILQ_ENTRY(splice) open_link;
};

TAILQ_HEAD(splice_list, splice);

/* Handshakes that wait, by what they ask for: splice_turn.c says who comes first. */
enum handshake {
	HANDSHAKE_BEGUN,	/* the client's answer: its first message has been dealt with */
	HANDSHAKE_RESUMED,
	HANDSHAKE_FULL,
	HANDSHAKE_KINDS
};

struct splices {
	struct splices_config config;
	struct pool pool;
	struct splice_list open;	/* oldest first */
	struct splice_list run;		/* have something to do that isn't a handshake */
	struct splice_list handshakes[HANDSHAKE_KINDS];
	unsigned int turns_left[HANDSHAKE_KINDS];	/* of this round through the kinds */
	const struct policy *policy;	/* while splices_run lasts */
	uint64_t next_id;
	bool draining;
	uint8_t hello[TLS_SNI_STREAM_BYTES];	/* to read one in */
};

#define HALF_CLOSED_TIMEOUT_US 60000000ull	/* of silence, once the other direction has ended */

/* @sp has something to do, now or in one of the next turns. */
void splice_queue(struct splice *sp);
void splice_unqueue(struct splice *sp);
void splice_queues_init(struct splices *all);
/* Takes its connection's events. */
void splice_hear(struct leg *leg);
/* A client's connection is complete. */
void splice_accept(struct splices *all, const struct policy *policy, struct tcp_conn *conn, uint64_t now_us);
/* The end: records it, tells both peers in the way that @end calls for, frees @sp. */
void splice_end(struct splice *sp, enum splice_end end);
/* Begins or goes on; may end (and free) @sp. */
void splice_step(struct splice *sp);
/* A proxy's word for who the client is; may end (and free) @sp. */
void splice_step_proxy_header(struct splice *sp);
/* The client isn't one that the rule allows: ends @sp. */
void splice_deny(struct splice *sp);
/* The ClientHello of one that is to be passed through; may end (and free) @sp. */
void splice_step_name(struct splice *sp);
/* The name in it, as long as it waits to be passed on. */
enum tls_sni_status splice_read_name(struct splice *sp, struct tls_sni *sni);
/* What is expected of the client itself, first. */
enum splice_state splice_first_state(const struct rule *rule);
/* Begins or goes on to reach an internal server; may end (and free) @sp. */
void splice_dial(struct splice *sp);
void splice_step_dial(struct splice *sp);
/* The server's first bytes, at once: mail servers greet, and want to know whom. False: no packet buffer for it now. */
bool splice_introduce(struct splice *sp);
/* Which of the rule's servers is being tried, or serves. */
unsigned int splice_server_index(const struct splice *sp);
void splice_step_server_handshake(struct splice *sp);
/* The server didn't do: the next one is tried; may end (and free) @sp. @why: "timeout", or an error's name. */
void splice_server_failed(struct splice *sp, const char *why);
/* Into the record: TLS with the server failed, and why. */
void splice_blame_server(struct splice *sp, const char *why);
/* A leg's connection is let go, with a RST or in good order. */
void splice_release(struct leg *leg, bool reset);
/* Sends what TLS has produced. */
void splice_flush(struct leg *leg);
/* Gives TLS what it can use: up to one record; the rest waits in TCP's queue. */
void splice_feed(struct leg *leg);
/* May a record be made or opened now? Else the splice tries again next turn: buffers come back by ACKs. */
bool splice_may_convert(struct splice *sp);

/* Bytes moved each way in one turn, so that a fast peer doesn't starve the others. */
#define STEP_BYTES 65536u
/* A bounded part of one direction. SPLICE_OPEN, or why the splice is to end now. */
enum splice_end splice_move_up(struct splice *sp);	/* client to server */
enum splice_end splice_move_down(struct splice *sp);	/* server to client */
/* We send no more to a leg; @properly: it hears so by TLS, too. */
void splice_shut(struct leg *leg, bool properly);
/* Counts and ends. */
void splice_cut(struct splice *sp, enum splice_end end);
/* A leg is dead: goes on as long as the other one is owed something; may end (and free) @sp. */
void splice_step_last(struct splice *sp);
