/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/crl.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define HEAD_MAX_BYTES 4096u	/* all but the entries */
#define ENTRY_MAX_BYTES 64u	/* serial 22, time 17, reason 14, and what is around them */

static const char *const reasons[] = {
	[TLS_REASON_UNSPECIFIED] = "unspecified", [TLS_REASON_KEY_COMPROMISE] = "keyCompromise",
	[TLS_REASON_CA_COMPROMISE] = "CACompromise", [TLS_REASON_AFFILIATION_CHANGED] = "affiliationChanged",
	[TLS_REASON_SUPERSEDED] = "superseded", [TLS_REASON_CESSATION] = "cessationOfOperation",
};
#define N_REASONS (sizeof(reasons) / sizeof(reasons[0]))

bool tls_reason_parse(const char *word, enum tls_reason *reason)
{
	unsigned int i;

	for (i = 0; i < N_REASONS; i++) {
		if (strcasecmp(reasons[i], word) == 0) {
			*reason = (enum tls_reason)i;
			return true;
		}
	}
	return false;
}

const char *tls_reason_name(enum tls_reason reason)
{
	return (unsigned int)reason < N_REASONS ? reasons[reason] : reasons[0];
}

static void put_entry(struct der_writer *w, const struct tls_revoked *r)
{
	size_t start = der_mark(w);
	uint8_t reason = (uint8_t)r->reason;

	if (r->reason != TLS_REASON_UNSPECIFIED) {	/* RFC 5280 5.3.1: better no code than this one */
		der_put_element(w, DER_ENUMERATED, (struct der){ &reason, 1 });
		tls_extension_wrap(w, X509_OID_CRL_REASON, false, start);
		der_wrap(w, DER_SEQUENCE, start);
	}
	tls_ca_put_time(w, r->at);
	der_put_integer(w, r->serial);
	der_wrap(w, DER_SEQUENCE, start);
}

/* authorityKeyIdentifier and cRLNumber, which every list must have: RFC 5280 5.2. */
static bool put_extensions(struct der_writer *w, const struct x509 *ca, uint64_t number)
{
	uint8_t id[TLS_KEY_ID_BYTES], bytes[8];
	struct der key_id = ca->key_id;
	size_t mark = der_mark(w), i;

	if (!key_id.n) {
		if (!tls_ca_key_id(ca->spki, id))
			return false;
		key_id = (struct der){ id, sizeof(id) };
	}
	for (i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(number >> (56 - 8 * i));
	der_put_integer(w, (struct der){ bytes, sizeof(bytes) });
	tls_extension_wrap(w, X509_OID_CRL_NUMBER, false, mark);
	mark = der_mark(w);
	der_put_element(w, DER_CONTEXT(0), key_id);
	der_wrap(w, DER_SEQUENCE, mark);
	tls_extension_wrap(w, X509_OID_AUTHORITY_KEY_ID, false, mark);
	der_wrap(w, DER_SEQUENCE, 0);
	der_wrap(w, DER_CONTEXT_CONSTRUCTED(0), 0);
	return true;
}

/* TBSCertList, RFC 5280 5.1, back to front. */
static bool put_list(struct der_writer *w, const struct x509 *ca, struct der algorithm, const struct tls_revoked *all,
		     size_t n, uint64_t number, time_t now, time_t next_update)
{
	size_t mark;

	if (!put_extensions(w, ca, number))
		return false;
	mark = der_mark(w);
	for (size_t i = n; i > 0; i--)
		put_entry(w, &all[i - 1]);
	if (n)
		der_wrap(w, DER_SEQUENCE, mark);
	tls_ca_put_time(w, next_update);
	tls_ca_put_time(w, now);
	der_put(w, ca->subject);
	der_put(w, algorithm);
	der_put_integer(w, DER_BYTES("\x01"));		/* version 2 */
	der_wrap(w, DER_SEQUENCE, 0);
	return true;
}

static char *make(const struct x509 *ca, struct tls_key *ca_key, const struct tls_revoked *all, size_t n,
		  uint64_t number, time_t now, time_t next_update, char *err, size_t err_bytes)
{
	size_t bytes = HEAD_MAX_BYTES + ca->subject.n + n * ENTRY_MAX_BYTES;
	uint8_t *buf = malloc(bytes);
	struct der_writer w;
	char *text = NULL;
	struct der tbs;

	if (!buf) {
		snprintf(err, err_bytes, "out of memory");
		return NULL;
	}
	der_writer_init(&w, buf, bytes);
	if (put_list(&w, ca, tls_key_algorithm(ca_key), all, n, number, now, next_update) && der_written(&w, &tbs))
		text = tls_sign_pem(ca_key, tbs, "X509 CRL");
	free(buf);
	if (!text)
		snprintf(err, err_bytes, "the revocation list can't be signed");
	return text;
}

char *tls_crl_make(struct der ca_pem, struct tls_key *ca_key, const struct tls_revoked *all, size_t n,
		   uint64_t number, time_t now, time_t next_update, char *err, size_t err_bytes)
{
	struct pem_block b;
	char *text = NULL;
	struct x509 ca;

	if (tls_pem_cert(ca_pem, &b, &ca, err, err_bytes) == 0) {
		if (!der_equal(ca.spki, tls_key_spki(ca_key)))
			snprintf(err, err_bytes, "the CA's key does not belong to its certificate");
		else if (ca.has_usage && !(ca.usage & X509_CRL_SIGN))
			snprintf(err, err_bytes, "the CA's certificate says that its key may not sign revocation lists");
		else
			text = make(&ca, ca_key, all, n, number, now, next_update, err, err_bytes);
	}
	pem_block_fini(&b);
	return text;
}
