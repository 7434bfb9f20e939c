/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys that seal session tickets (RFC 5077, RFC 8446 4.6.1). One set serves all
 * workers, rules and certificates, so that a client resumes its session whichever
 * worker its next connection reaches; nothing is stored per session.
 *
 * A set is immutable: the newest key seals, it and the ones before it open.
 * Control makes the next set from the last one every few hours, hands it to the
 * workers with the policy snapshot, and frees the old one after a grace period.
 * Each key is erased with the last set that holds it, TLS_TICKETS_KEYS sets after
 * it was made: that bounds for how long recorded traffic can be opened with it.
 *
 * Sealing is AES-256-GCM with a random 96-bit nonce. Authenticated with the
 * ticket: the time of issue (a ticket has an age limit of its own) and the
 * binding, a hash of what the session was allowed under (rule, certificate,
 * least version, strength): a ticket of one rule opens nothing at another.
 *
 * Threads: made and freed by control; used by any worker.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define TLS_TICKETS_KEYS 3u
#define TLS_TICKET_BINDING_BYTES 32u
#define TLS_TICKETS_LIFETIME_MAX_S (7u * 86400)	/* RFC 8446 4.6.1 */
#define TLS_TICKET_LIFETIME_DEFAULT_S (12u * 3600)

/* The fields that wolfSSL lays around a sealed ticket (RFC 5077 4). */
#define TLS_TICKET_NAME_BYTES 16u
#define TLS_TICKET_IV_BYTES 16u
#define TLS_TICKET_MAC_BYTES 32u

struct tls_tickets;

/*
 * A fresh key in front of those of @previous (borrowed; NULL: of none).
 * @lifetime_s: the age up to which a ticket is accepted, at most 7 days.
 * NULL: no memory, no randomness, or a lifetime of 0 or beyond.
 */
struct tls_tickets *tls_tickets_new(const struct tls_tickets *previous, uint32_t lifetime_s);
void tls_tickets_free(struct tls_tickets *t);
uint32_t tls_tickets_lifetime_s(const struct tls_tickets *t);
unsigned int tls_tickets_keys(const struct tls_tickets *t);

/* Seals @text in place. 0, or -EIO. */
int tls_ticket_seal(const struct tls_tickets *t, const uint8_t binding[TLS_TICKET_BINDING_BYTES], time_t now,
		    uint8_t name[TLS_TICKET_NAME_BYTES], uint8_t iv[TLS_TICKET_IV_BYTES],
		    uint8_t mac[TLS_TICKET_MAC_BYTES], uint8_t *text, size_t text_bytes);

enum tls_ticket_opened {
	TLS_TICKET_REFUSED,	/* unknown key, forged, too old, or another binding */
	TLS_TICKET_GOOD,
	TLS_TICKET_AGEING,	/* good, but of an older key: give the client a new one */
};

/* Opens @text in place. */
enum tls_ticket_opened tls_ticket_open(const struct tls_tickets *t, const uint8_t binding[TLS_TICKET_BINDING_BYTES],
				       time_t now, const uint8_t name[TLS_TICKET_NAME_BYTES],
				       const uint8_t iv[TLS_TICKET_IV_BYTES],
				       const uint8_t mac[TLS_TICKET_MAC_BYTES], uint8_t *text, size_t text_bytes);
