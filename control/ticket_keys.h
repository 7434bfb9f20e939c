/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where the keys of session tickets come from: of our own, made anew twice in a ticket's
 * life; or a file (tls/ticket_file.h), which gateways that resume each other's sessions
 * share, and which is looked at like the certificates' files (certs_watch.h). One that
 * can't be used is said once, and the last keys serve on.
 *
 * Order of calls: ticket_keys_make, once, for live_init; ticket_keys_tick every second; with
 * a new configuration ticket_keys_prepare, then ticket_keys_take or ticket_keys_discard.
 * Threads: control.
 */
#pragma once

#include "control/config.h"
#include "control/text.h"

struct gateway;
struct live;
struct tls_tickets;

struct ticket_keys {
	uint64_t made_us;		/* monotonic: when our own were made last */
	uint64_t looked_us;		/* when the file was looked at */
	struct files_watch file;
	int64_t told_from;		/* the key that was told to be old began then */
};

/* The first set of keys. NULL with @err. */
struct tls_tickets *ticket_keys_make(struct ticket_keys *k, const struct config *c, uint64_t now_us, struct error *err);
/* Once a second. */
void ticket_keys_tick(struct gateway *g, uint64_t now_us);

/* What a new configuration says of the keys, until it is the gateway's. */
struct ticket_keys_next {
	struct ticket_keys keys;
	struct tls_tickets *tickets;	/* NULL: those in use stay */
};
/* 0, or -errno with @err, and nothing to free. */
int ticket_keys_prepare(const struct gateway *g, const struct config *fresh, uint64_t now_us,
			struct ticket_keys_next *out, struct error *err);
/* Consumes what was prepared. */
void ticket_keys_take(struct gateway *g, struct ticket_keys_next *next);
void ticket_keys_discard(struct ticket_keys_next *next);
