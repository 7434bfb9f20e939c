/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Name constraints (RFC 5280 4.2.1.10): a CA that says of itself for which hosts
 * and networks it may speak, so that whoever trusts it for one site doesn't trust
 * it for the rest of the world; and the check before it signs that it would be believed.
 *
 * A limit is a domain ("example.com": itself and all below it, and the mailboxes
 * there) or a network ("192.0.2.0/24"). Once there are any, every host, mailbox
 * and address that none of them covers is outside.
 *
 * Threads: any; pure.
 */
#pragma once

#include "tls/der.h"

#define TLS_PERMITTED_MAX 64u

/* Puts the extension. 0, or -EINVAL with the reason in @err. */
int tls_constraints_put(struct der_writer *w, const char *const *permitted, size_t n, char *err, size_t err_bytes);
/*
 * May a CA with these constraints (NameConstraints, an element; empty: none) sign for
 * these names (GeneralNames, an element, or empty)? False with the reason in @err.
 */
bool tls_constraints_allow(struct der constraints, struct der alt_names, char *err, size_t err_bytes);
