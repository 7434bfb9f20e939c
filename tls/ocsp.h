/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * OCSP (RFC 6960): requests made, responses taken apart and checked against the
 * certificate that they are about.
 *
 * A response is believed when the certificate's issuer has signed it, or a responder
 * to whom the issuer gave a certificate for that (4.2.2.2); when it answers for this
 * certificate, by serial number and the hashes of its issuer's name and key; and while
 * it is in force. One that doesn't say until when it is isn't of use to a server that
 * hands it on.
 *
 * Threads: control; pure. Ownership: slices borrow from what was given.
 */
#pragma once

#include "tls/x509.h"

#define OCSP_REQUEST_MAX_BYTES 256u
#define OCSP_RESPONSE_MAX_BYTES 16384u	/* RSA, with a responder's certificate, is some 2 KB */
#define OCSP_SKEW_S 300			/* a responder's clock may be so far ahead */

enum ocsp_status { OCSP_GOOD, OCSP_REVOKED };

struct ocsp_answer {
	enum ocsp_status status;
	time_t this_update, next_update;
	time_t revoked;		/* since when, if so */
};

/* The request for @cert, of @issuer, lies in @buf. False: the serial number is too long. */
bool ocsp_request(const struct x509 *cert, const struct x509 *issuer, uint8_t buf[OCSP_REQUEST_MAX_BYTES],
		  struct der *out);
/* 0; or -EINVAL with a phrase in @why: "it has ended". */
int ocsp_check(struct der response, const struct x509 *cert, const struct x509 *issuer, time_t now,
	       struct ocsp_answer *out, char *why, size_t why_bytes);
