/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Keys that seal session tickets (RFC 5077, RFC 8446 4.6.1). One set serves all
 * workers, rules and certificates, so that a client resumes its session whichever
 * worker its next connection reaches; nothing is stored per session.
 *
 * A set is immutable: one key seals, all open. Control makes it, hands it to the
 * workers with the policy snapshot, and frees the old one after a grace period.
 *
 * Of its own keys (tls_tickets_new) the newest seals; a set is made from the last
 * one every now and then. Each key is erased with the last set that holds it,
 * TLS_TICKETS_KEYS sets after it was made: that bounds for how long recorded
 * traffic can be opened with it.
 *
 * Of keys that were given (tls_tickets_of) the newest that has begun seals. So all
 * gateways that hold the same keys change to the next one in the same moment,
 * whenever they got it, and until then open what one with a faster clock sealed.
 * How old keys get is up to whoever gives them.
 *
 * A key's identity, which stands in each of its tickets, is a part of its hash.
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

#define TLS_TICKETS_KEYS 3u		/* of our own */
#define TLS_TICKETS_KEYS_MAX 32u	/* given */
#define TLS_TICKET_KEY_BYTES 32u
#define TLS_TICKET_ID_BYTES 8u
#define TLS_TICKET_BINDING_BYTES 32u
#define TLS_TICKETS_LIFETIME_MAX_S (7u * 86400)	/* RFC 8446 4.6.1 */
#define TLS_TICKET_LIFETIME_DEFAULT_S (12u * 3600)

/* The fields that wolfSSL lays around a sealed ticket (RFC 5077 4). */
#define TLS_TICKET_NAME_BYTES 16u
#define TLS_TICKET_IV_BYTES 16u
#define TLS_TICKET_MAC_BYTES 32u

struct tls_tickets;

struct tls_ticket_key {
	int64_t from;	/* since 1970: from then on it seals */
	uint8_t key[TLS_TICKET_KEY_BYTES];
};

/*
 * A fresh key in front of those of @previous (borrowed; NULL: of none).
 * @lifetime_s: the age up to which a ticket is accepted, at most 7 days.
 * NULL: no memory, no randomness, or a lifetime of 0 or beyond.
 */
struct tls_tickets *tls_tickets_new(const struct tls_tickets *previous, uint32_t lifetime_s);
/*
 * A set of the given keys (borrowed; 1 to TLS_TICKETS_KEYS_MAX, newest first, each
 * beginning at a time of its own). @lifetime_s as above. NULL: no memory, or a wrong number.
 */
struct tls_tickets *tls_tickets_of(const struct tls_ticket_key *keys, unsigned int n, uint32_t lifetime_s);
void tls_tickets_free(struct tls_tickets *t);	/* wipes it; NULL: nothing */
uint32_t tls_tickets_lifetime_s(const struct tls_tickets *t);
unsigned int tls_tickets_keys(const struct tls_tickets *t);

enum tls_ticket_key_state { TLS_TICKET_KEY_NEXT, TLS_TICKET_KEY_CURRENT, TLS_TICKET_KEY_PREVIOUS };
struct tls_ticket_key_info {
	char id[2 * TLS_TICKET_ID_BYTES + 1];	/* hexadecimal */
	int64_t from;
	enum tls_ticket_key_state state;
};
/* What may be told of key @i, newest first: nothing that opens a ticket. */
void tls_tickets_describe(const struct tls_tickets *t, unsigned int i, time_t now, struct tls_ticket_key_info *out);

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
