/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A stand-alone certification authority: a root that signs itself, and server
 * certificates that it signs from requests (RFC 5280). For sites without a CA of
 * their own, for the lab and for tests.
 *
 * Threads: control. Ownership: texts handed out are freed with free().
 */
#pragma once

#include "tls/request.h"

#define TLS_CA_DAYS_DEFAULT 3650u
#define TLS_ISSUE_DAYS_DEFAULT 397u	/* what browsers and Apple's clients accept at the most */
#define TLS_DAYS_MAX 36500u

/* The root's certificate as PEM. NULL with the reason in @err. */
char *tls_ca_make(struct tls_key *key, const struct tls_subject *subject, unsigned int days, time_t now, char *err,
		  size_t err_bytes);

/*
 * Signs @request: its subject and alternative names, checked, under our own
 * extensions; nothing else that it asks for. Ends with the CA when that ends
 * earlier. NULL with the reason in @err.
 */
char *tls_ca_issue(struct der ca_pem, struct tls_key *ca_key, const struct tls_request *request, unsigned int days,
		   time_t now, char *err, size_t err_bytes);

/* A certificate that signs itself, for tests and first tries. NULL with the reason in @err. */
char *tls_self_signed(struct tls_key *key, const struct tls_subject *subject, unsigned int days, time_t now,
		      char *err, size_t err_bytes);
