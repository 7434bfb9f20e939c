/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a server shows with its certificate: the OCSP response that its CA has signed
 * (RFC 6066 8, RFC 8446 4.4.2.1), to clients that ask.
 *
 * Each certificate has one place for it, which all contexts made of the certificate
 * share, so that a new response needs no new context. Control puts one there when it
 * was checked; a worker reads the place once a handshake, and takes no copy but the
 * one that it sends. A response that has ended isn't sent, whoever forgot to replace it.
 *
 * Order of calls: tls_staple_new; tls_staple_put, and once a grace period has passed
 * tls_staple_free of what it gave back.
 * Threads: control; tls_staple_now is the workers'.
 * Ownership: as said. The place lives as long as the certificate or a context of it.
 */
#pragma once

#include "tls/cert.h"
#include "tls/ocsp.h"

struct tls_staple;
struct tls_staple_place;

/* Does the TLS library that was compiled in send responses of ours? (5.7.2 doesn't.) */
bool tls_staple_possible(void);

/* The request for @c's response lies in @buf. 0, or -EINVAL with the reason: its chain has no issuer. */
int tls_staple_request(const struct tls_cert *c, uint8_t buf[OCSP_REQUEST_MAX_BYTES], struct der *out, char *err,
		       size_t err_bytes);
/* Of a response about @c, checked. NULL with the reason in @err. */
struct tls_staple *tls_staple_new(const struct tls_cert *c, struct der response, time_t now, char *err, size_t err_bytes);
void tls_staple_free(struct tls_staple *s);
const struct ocsp_answer *tls_staple_answer(const struct tls_staple *s);

/* Puts @s (consumed; NULL: none) in the place of @c's, and gives back what was there: workers may still read it. */
struct tls_staple *tls_staple_put(const struct tls_cert *c, struct tls_staple *s);
/* What is there, in force or not; NULL: none. */
const struct tls_staple *tls_staple_of(const struct tls_cert *c);

/* The place (cert.c, context.c). */
struct tls_staple_place *tls_staple_place_new(bool must);	/* held once; NULL: no memory */
struct tls_staple_place *tls_staple_place_hold(struct tls_staple_place *place);
void tls_staple_place_release(struct tls_staple_place *place);	/* NULL: nothing */
/* Is there one in force? Its bytes are valid until the worker's next quiesce. */
bool tls_staple_now(const struct tls_staple_place *place, time_t now, struct der *out);
/* The certificate asks for one (RFC 7633), and there is none in force. */
bool tls_staple_lacking(const struct tls_staple_place *place, time_t now);
