/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/trust.h"

#include "tls/cert.h"
#include "tls/crl_read.h"
#include "tls/key.h"
#include "tls/pem.h"
#include "tls/refuse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct anchor {
	struct pem_block block;
	struct x509 x;
};

struct list {
	uint8_t *der;		/* what @crl points into */
	struct crl crl;
};

struct tls_trust {
	struct tls_trust_info info;
	char *pem;
	struct anchor *anchors;
	struct list *lists;
	uint8_t names[TLS_TRUST_NAMES_MAX_BYTES];
	size_t names_bytes;
};

/* One more element of an array that grows by one: they are few. NULL: no memory. */
static void *grow(void **array, size_t n, size_t element_bytes)
{
	uint8_t *more = realloc(*array, (n + 1) * element_bytes);

	if (!more)
		return NULL;
	*array = more;
	memset(more + n * element_bytes, 0, element_bytes);
	return more + n * element_bytes;
}

static int check_anchor(const struct x509 *x, size_t nth, char *err, size_t err_bytes)
{
	char subject[256];

	x509_name_format(x->subject, subject, sizeof(subject));
	if (!x->ca)
		return tls_refuse(-EINVAL, err, err_bytes, "certificate %zu (%s) isn't a CA's", nth, subject);
	if (x->has_usage && !(x->usage & X509_KEY_CERT_SIGN))
		return tls_refuse(-EINVAL, err, err_bytes, "certificate %zu (%s) says that its key may not sign certificates", nth, subject);
	if (x->key_type == TLS_KEY_UNKNOWN)
		return tls_refuse(-EINVAL, err, err_bytes, "certificate %zu (%s) has a key of a kind that isn't known here", nth, subject);
	return 0;
}

/* Consumes @block. */
static int add_anchor(struct tls_trust *t, struct pem_block *block, char *err, size_t err_bytes)
{
	size_t n = t->info.n_cas;
	struct anchor *a = n < TLS_TRUST_CAS_MAX ? grow((void **)&t->anchors, n, sizeof(*a)) : NULL;
	const char *why = "";

	if (!a) {
		pem_block_fini(block);
		return tls_refuse(-EINVAL, err, err_bytes, n < TLS_TRUST_CAS_MAX ? "out of memory" : "more than %u certificates", TLS_TRUST_CAS_MAX);
	}
	a->block = *block;
	t->info.n_cas++;
	if (x509_parse((struct der){ block->der, block->der_bytes }, &a->x, &why) != 0)
		return tls_refuse(-EINVAL, err, err_bytes, "certificate %zu can't be read: %s", n + 1, why);
	if (n == 0)
		x509_name_format(a->x.subject, t->info.subject, sizeof(t->info.subject));
	if (a->x.not_after > t->info.cas_end)
		t->info.cas_end = a->x.not_after;
	return check_anchor(&a->x, n + 1, err, err_bytes);
}

static int read_anchors(struct tls_trust *t, struct der text, char *err, size_t err_bytes)
{
	struct pem_block block;
	enum pem_result result;
	int bad;

	t->pem = malloc(text.n + 1);
	if (!t->pem)
		return tls_refuse(-EINVAL, err, err_bytes, "out of memory");
	memcpy(t->pem, text.p, text.n);
	t->pem[text.n] = '\0';
	while ((result = pem_next(&text, &block)) == PEM_BLOCK) {
		if (strcmp(block.label, "CERTIFICATE") != 0 || !block.der) {
			pem_block_fini(&block);
			continue;
		}
		bad = add_anchor(t, &block, err, err_bytes);
		if (bad)
			return bad;
	}
	if (result != PEM_END)
		return tls_refuse(-EINVAL, err, err_bytes, result == PEM_BAD ? "it is damaged: a BEGIN line without its END, or no base64" : "out of memory");
	return t->info.n_cas ? 0 : tls_refuse(-EINVAL, err, err_bytes, "there is no certificate in it (PEM, BEGIN CERTIFICATE)");
}

/* A name stands there once, though several certificates may have it. */
static void make_names(struct tls_trust *t)
{
	for (size_t i = 0; i < t->info.n_cas; i++) {
		struct der name = t->anchors[i].x.subject;
		size_t k = 0;

		while (k < i && !der_equal(t->anchors[k].x.subject, name))
			k++;
		if (k < i)
			continue;
		if (name.n + 2 > sizeof(t->names) - t->names_bytes) {
			t->names_bytes = 0;
			return;
		}
		t->names[t->names_bytes++] = (uint8_t)(name.n >> 8);
		t->names[t->names_bytes++] = (uint8_t)name.n;
		memcpy(t->names + t->names_bytes, name.p, name.n);
		t->names_bytes += name.n;
	}
}

/* By a CA of the bundle of the list's issuer's name, of which there may be several (a key's renewal). */
static bool is_signed(const struct tls_trust *t, const struct crl *crl)
{
	for (size_t i = 0; i < t->info.n_cas; i++) {
		const struct x509 *ca = &t->anchors[i].x;

		if (der_equal(ca->subject, crl->issuer) && (!ca->has_usage || (ca->usage & X509_CRL_SIGN)) &&
		    tls_signature_check(ca->spki, crl->algorithm, crl->tbs, crl->signature) == TLS_SIGNATURE_GOOD)
			return true;
	}
	return false;
}

static int add_list(struct tls_trust *t, struct der der, char *err, size_t err_bytes)
{
	size_t n = t->info.n_crls;
	struct list *l = n < TLS_TRUST_CRLS_MAX ? grow((void **)&t->lists, n, sizeof(*l)) : NULL;
	char issuer[256], why[160];

	if (!l)
		return tls_refuse(-EINVAL, err, err_bytes, n < TLS_TRUST_CRLS_MAX ? "out of memory" : "more than %u lists", TLS_TRUST_CRLS_MAX);
	t->info.n_crls++;
	l->der = malloc(der.n + 1);
	if (!l->der)
		return tls_refuse(-EINVAL, err, err_bytes, "out of memory");
	memcpy(l->der, der.p, der.n);
	if (crl_parse((struct der){ l->der, der.n }, &l->crl, why, sizeof(why)) != 0)
		return tls_refuse(-EINVAL, err, err_bytes, "revocation list %zu can't be used: %s", n + 1, why);
	x509_name_format(l->crl.issuer, issuer, sizeof(issuer));
	if (!is_signed(t, &l->crl))
		return tls_refuse(-EINVAL, err, err_bytes, "no CA of the bundle has signed revocation list %zu, of %s", n + 1, issuer);
	t->info.n_revoked += l->crl.n;
	if (t->info.crls_end == 0 || l->crl.next_update < t->info.crls_end)
		t->info.crls_end = l->crl.next_update;
	return 0;
}

static int read_lists(struct tls_trust *t, struct der text, char *err, size_t err_bytes)
{
	struct pem_block block;
	enum pem_result result;
	int bad = 0;

	if (text.n && der_peek(&text, DER_SEQUENCE))
		return add_list(t, text, err, err_bytes);
	while ((result = pem_next(&text, &block)) == PEM_BLOCK) {
		if (strcmp(block.label, "X509 CRL") == 0 && block.der)
			bad = add_list(t, (struct der){ block.der, block.der_bytes }, err, err_bytes);
		pem_block_fini(&block);
		if (bad)
			return bad;
	}
	if (result != PEM_END)
		return tls_refuse(-EINVAL, err, err_bytes, result == PEM_BAD ? "it is damaged: a BEGIN line without its END, or no base64" : "out of memory");
	return t->info.n_crls ? 0 : tls_refuse(-EINVAL, err, err_bytes, "there is no revocation list in it (PEM, BEGIN X509 CRL; or DER)");
}

static int make_id(struct tls_trust *t, struct der cas, struct der crls)
{
	uint8_t both[2 * TLS_TRUST_ID_BYTES];

	return tls_sha256(cas, both) == 0 && tls_sha256(crls, both + TLS_TRUST_ID_BYTES) == 0 ?
		       tls_sha256((struct der){ both, sizeof(both) }, t->info.id) : -EIO;
}

struct tls_trust *tls_trust_load(struct der cas, struct der crls, char *err, size_t err_bytes)
{
	struct tls_trust *t = calloc(1, sizeof(*t));
	int bad;

	if (!t) {
		tls_refuse(-EINVAL, err, err_bytes, "out of memory");
		return NULL;
	}
	bad = read_anchors(t, cas, err, err_bytes);
	if (!bad && crls.n)
		bad = read_lists(t, crls, err, err_bytes);
	if (!bad && make_id(t, cas, crls) != 0)
		bad = tls_refuse(-EINVAL, err, err_bytes, "the TLS library can't hash");
	if (!bad) {
		make_names(t);
		return t;
	}
	tls_trust_free(t);
	return NULL;
}

struct tls_trust *tls_trust_load_files(const char *ca_path, const char *crl_path, char *err, size_t err_bytes)
{
	size_t ca_bytes, crl_bytes = 0;
	char *ca = tls_file_read(ca_path, &ca_bytes, NULL, err, err_bytes), *crl = NULL, why[400];
	struct tls_trust *t = NULL;

	if (ca && crl_path)
		crl = tls_file_read_max(crl_path, TLS_TRUST_CRL_FILE_MAX_BYTES, &crl_bytes, NULL, err, err_bytes);
	if (ca && crl_path && crl && crl_bytes == 0)
		tls_refuse(-EINVAL, err, err_bytes, "%s: the file is empty", crl_path);
	else if (ca && (!crl_path || crl)) {
		t = tls_trust_load((struct der){ (uint8_t *)ca, ca_bytes }, (struct der){ (uint8_t *)crl, crl_bytes }, why,
				   sizeof(why));
		if (!t)
			tls_refuse(-EINVAL, err, err_bytes, "%s%s%s: %s", ca_path, crl_path ? " with " : "", crl_path ? crl_path : "", why);
	}
	free(ca);
	free(crl);
	return t;
}

void tls_trust_free(struct tls_trust *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->info.n_cas; i++)
		pem_block_fini(&t->anchors[i].block);
	for (size_t i = 0; i < t->info.n_crls; i++) {
		crl_fini(&t->lists[i].crl);
		free(t->lists[i].der);
	}
	free(t->anchors);
	free(t->lists);
	free(t->pem);
	free(t);
}

const struct tls_trust_info *tls_trust_info(const struct tls_trust *t)
{
	return &t->info;
}

const char *tls_trust_pem(const struct tls_trust *t)
{
	return t->pem;
}

struct der tls_trust_request_names(const struct tls_trust *t)
{
	return (struct der){ t->names, t->names_bytes };
}

bool tls_trust_holds(const struct tls_trust *t, struct der cert)
{
	for (size_t i = 0; i < t->info.n_cas; i++)
		if (der_equal(t->anchors[i].x.whole, cert))
			return true;
	return false;
}

bool tls_trust_names(const struct tls_trust *t, struct der subject, time_t now)
{
	for (size_t i = 0; i < t->info.n_cas; i++) {
		const struct x509 *ca = &t->anchors[i].x;

		if (der_equal(ca->subject, subject) && ca->not_before <= now && now <= ca->not_after)
			return true;
	}
	return false;
}

enum tls_error tls_trust_revoked(const struct tls_trust *t, struct der issuer, struct der serial, time_t now,
				 bool ended_too)
{
	bool covered = false;

	if (t->info.n_crls == 0)
		return TLS_ERR_NONE;
	for (size_t i = 0; i < t->info.n_crls; i++) {
		const struct crl *crl = &t->lists[i].crl;

		if (!der_equal(crl->issuer, issuer))
			continue;
		if (crl_holds(crl, serial))	/* revoked once is revoked, however old the list */
			return TLS_ERR_REVOKED;
		covered = covered || ended_too || now <= crl->next_update;
	}
	return covered ? TLS_ERR_NONE : TLS_ERR_CRL;
}
