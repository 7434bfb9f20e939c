/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who a client is by its certificate: for the log, for `postern connections`, for what
 * internal servers are told.
 *
 * Threads: a value.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* A client as its certificate names it. Texts are as printable as a JSON string wants them; unknown bytes are '?'. */
struct tls_peer {
	char common_name[128];	/* the last, and so the most particular one; "" for none, and for one that is longer */
	char subject[256];	/* "CN=..., O=...", cut at that */
	uint8_t fingerprint[32];	/* SHA-256 of the certificate */
	bool verified;		/* else why not is the session's error */
	bool from_ticket;	/* it was shown in the session that this one resumes */
	time_t verified_at, not_after;
};
