/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is told of one connection: its line in the log at its end, its row in
 * `postern connections` while it lives. A value that is copied whole from worker
 * to control, so no pointer in it but to static strings.
 *
 * Threads: filled by a worker, passed by value.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "policy.h"
#include "tcp.h"
#include "tls/peer_info.h"

#define RECORD_SNI_BYTES 128

/* How a connection ended; the name goes into the log. */
#define SPLICE_ENDS(X) \
	X(OPEN, "open", "it hasn't ended") \
	X(CLIENT_CLOSED, "client_closed", "the client closed first") \
	X(SERVER_CLOSED, "server_closed", "the internal server closed first") \
	X(TRUNCATED, "truncated", "the client ended in the middle of a TLS record: its stream was cut") \
	X(CLIENT_RESET, "client_reset", "the client sent a RST") \
	X(SERVER_RESET, "server_reset", "the internal server sent a RST") \
	X(CLIENT_LOST, "client_lost", "the client no longer acknowledged") \
	X(SERVER_LOST, "server_lost", "the internal server no longer acknowledged") \
	X(CLIENT_STALLED, "client_stalled", "packet buffers ran low, and the client had taken nothing for a minute") \
	X(SERVER_STALLED, "server_stalled", "packet buffers ran low, and the internal server had taken nothing for a minute") \
	X(TLS_FAILED, "tls_failed", "TLS failed; tls_error says why") \
	X(SERVER_TLS_FAILED, "server_tls_failed", "TLS with the internal server failed while it was in use") \
	X(SERVER_TRUNCATED, "server_truncated", "the internal server ended in the middle of a TLS record") \
	X(HANDSHAKE_TIMEOUT, "handshake_timeout", "the TLS handshake took too long") \
	X(IDLE_TIMEOUT, "idle_timeout", "nothing was sent either way for the rule's idle time") \
	X(BACKEND_REFUSED, "backend_refused", "every internal server refused the connection") \
	X(BACKEND_UNREACHABLE, "backend_unreachable", "no internal server answered") \
	X(BACKEND_TLS, "backend_tls", "TLS failed with every internal server that answered; server_error says why") \
	X(NO_MEMORY, "no_memory", "a bound on memory or connections was hit") \
	X(PROXY_HEADER, "proxy_header", "a trusted proxy sent no PROXY header, or a bad one") \
	X(DENIED, "denied", "the client that a PROXY header told of isn't allowed") \
	X(KILLED, "killed", "the operator ended it") \
	X(DRAINED, "drained", "the gateway drained or stopped")

enum splice_end {
#define X(id, name, text) SPLICE_##id,
	SPLICE_ENDS(X)
#undef X
	SPLICE_END_COUNT
};

const char *splice_end_name(enum splice_end e);

struct record {
	uint64_t bytes_from_client, bytes_to_client;	/* plaintext; first, for these alone change all the time */
	uint64_t id;		/* unique in this process; the worker in the top 8 bits */
	uint64_t start_us, duration_us;	/* start: wall clock, since 1970 */
	const char *state;	/* "proxy_header", "handshake", "connecting", "open", "closing" */
	const char *version, *cipher, *group;	/* static; "" before the handshake's end */
	const char *server_version, *server_cipher;	/* static; "": no TLS with the internal server */
	const char *server_error;	/* why TLS with the server failed that failed last; static, or "" */
	struct addr client, listen, server;
	struct addr proxy;	/* that told of the client */
	struct addr failed_server;	/* with server_error */
	uint16_t client_port, listen_port, server_port;	/* server_port 0: not dialled yet */
	uint16_t failed_server_port;
	uint16_t proxy_port;	/* 0: none; the client itself has connected */
	uint8_t end;		/* enum splice_end */
	uint8_t tls_error;	/* enum tls_error */
	uint8_t tls_alert;	/* the client's, when tls_error is peer_alert (tls_alert_name) */
	uint8_t server_alert;	/* the server's, with server_error; TLS_ALERT_NONE: it sent none */
	bool resumed, server_resumed;
	bool passthrough;	/* TLS is the server's own: nothing more is known of it than sni */
	bool close_notify;	/* the client ended its stream as TLS wants it (RFC 8446 6.1) */
	struct tcp_info client_tcp, server_tcp;	/* of open connections, when listed; no state: not there */
	char rule[RULE_NAME_BYTES];
	char sni[RECORD_SNI_BYTES];
	char alpn[16];
};

/* What leaves the worker: who the client is by its certificate is kept in the TLS session until then. */
struct record_told {
	struct record record;
	bool has_peer;
	struct tls_peer peer;	/* when has_peer */
};

struct tls_session;
/* @tls: NULL, none. */
void record_take_peer(struct record_told *told, const struct tls_session *tls);
