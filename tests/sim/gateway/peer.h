/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The ends: a TLS client and a plaintext server, the same code with and without a
 * session. Each sends so many bytes of a pattern that both sides can compute, and
 * checks every byte that it gets.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proxy.h"
#include "world.h"

struct tcp_conn;
struct tls_session;

/* When a peer ends its direction. */
enum peer_close {
	CLOSE_NEVER,
	CLOSE_AFTER_SENDING,	/* half-close: then it reads on */
	CLOSE_AFTER_RECEIVING,	/* when all expected has come and all is sent */
	CLOSE_WHEN_PEER_DOES,
};

struct peer {
	struct world *world;
	struct node *node;
	struct tcp_conn *conn;	/* NULL: ended */
	struct tls_session *tls;
	uint64_t send_bytes, expect_bytes;
	enum peer_close close;
	uint64_t send_after_bytes;	/* speaks only when so much has come */
	/* In step with the other side: sends @give_bytes for each @take_bytes that came, and @lead times before that. */
	uint32_t give_bytes, take_bytes, lead;
	const struct tls_resume *resume;	/* a client's: what it had from the gateway before */
	bool paused;		/* doesn't read */
	bool bare_fin;		/* closes without close_notify */
	bool held;		/* a client's: says nothing by itself */
	bool wants_proxy;	/* a server's: a PROXY header comes before all else */

	uint64_t sent_bytes, got_bytes;
	bool shaken;		/* TLS handshake complete */
	bool shut;		/* own direction ended */
	bool got_end;		/* the other side's direction ended in good order */
	bool got_close_notify;
	uint32_t dead;		/* TCP_DEAD events */
	bool tls_failed;
	bool has_proxy;		/* it came */
	struct proxy_ends told;	/* what it said */
	uint8_t proxy_header[PROXY_READ_MAX_BYTES];
	size_t proxy_bytes;
};

/* A client that dials the published address. */
struct peer *peer_connect(struct world *w, const struct peer *as);
/* What every connection accepted by the server shall do from now on. */
void peer_listen(struct world *w, const struct peer *as);
/* The i-th peer of @node, oldest first, or NULL. */
struct peer *peer_of(struct world *w, enum node_id node, unsigned int i);

void peer_step(struct peer *p);
void peer_accept(struct world *w, struct tcp_conn *conn);
void peer_reset(struct peer *p);
void peer_free(struct peer *p);
/* Puts raw bytes on the client's TCP connection, around TLS. */
void peer_send_raw(struct peer *p, const void *data, uint32_t bytes);
