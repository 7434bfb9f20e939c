/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Certificate revocation lists taken apart (RFC 5280 5). Only the form is checked
 * here: who signed one is for the caller to ask (tls/trust.c).
 *
 * Threads: made by control; pure afterwards. Ownership: slices borrow from the DER.
 */
#pragma once

#include "tls/x509.h"

struct crl {
	struct der tbs;		/* what is signed, an element */
	struct der algorithm, signature;
	struct der issuer;	/* a Name element */
	time_t this_update, next_update;
	struct der *serials;	/* of what is revoked, sorted; malloc */
	size_t n;
};

/*
 * 0, or -EINVAL with a phrase in @why: malformed, without its end (RFC 5280 5.1.2.5 wants
 * one), or with a critical extension, such as those of lists that hold a part only.
 * crl_fini in either case.
 */
int crl_parse(struct der whole, struct crl *out, char *why, size_t why_bytes);
void crl_fini(struct crl *crl);
bool crl_holds(const struct crl *crl, struct der serial);
