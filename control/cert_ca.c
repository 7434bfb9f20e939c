/* SPDX-License-Identifier: GPL-3.0-or-later */
/* postern cert ca, issue, renew: what is signed with the CA's key. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control/cert_verbs.h"

#define KEY_OF_CA "the CA's key"

static int no_ca(const char *dir, char *why)
{
	snprintf(why, CERT_WHY_BYTES, "there is no CA in %s; make one: postern cert ca --dir %s --name \"Example CA\"", dir, dir);
	return -1;
}

static struct tls_key *open_key(const struct cert_options *o, struct der text, char *why)
{
	struct cert_secret secret = { .bytes = 0 };
	struct tls_key *key = NULL;

	if (!tls_key_is_sealed(text) || cert_secret_get(o, KEY_OF_CA, false, &secret, why) == 0)
		key = tls_key_from_sealed(text, (struct der){ (uint8_t *)secret.text, secret.bytes }, why, CERT_WHY_BYTES);
	cert_secret_wipe(&secret);
	return key;
}

/* One that is replaced leaves its index behind: those serials are of another issuer. */
static int put_index_aside(const struct cert_options *o, char *why)
{
	char from[PATH_MAX], to[PATH_MAX + 8];

	if (snprintf(from, sizeof(from), "%s/" TLS_CA_INDEX, o->dir) >= (int)sizeof(from))
		return 0;	/* then it was never written */
	snprintf(to, sizeof(to), "%s.old", from);
	if (rename(from, to) == 0) {
		tls_folder_sync_of(from);
		return 0;
	}
	if (errno == ENOENT)
		return 0;
	snprintf(why, CERT_WHY_BYTES, "can't put the old CA's " TLS_CA_INDEX " aside: %s", strerror(errno));
	return -1;
}

/* Are both certificates, and not the same one? */
static bool is_another(const char *one, const char *other)
{
	struct der left[2] = { { (const uint8_t *)one, strlen(one) }, { (const uint8_t *)other, strlen(other) } };
	struct pem_block b[2];
	bool read[2], differ;

	for (unsigned int i = 0; i < 2; i++)
		read[i] = pem_next(&left[i], &b[i]) == PEM_BLOCK;
	differ = read[0] && read[1] && !der_equal((struct der){ b[0].der, b[0].der_bytes }, (struct der){ b[1].der, b[1].der_bytes });
	for (unsigned int i = 0; i < 2; i++)
		if (read[i])
			pem_block_fini(&b[i]);
	return differ;
}

/*
 * The key's file holds the certificate, too: the two are replaced in one step, and
 * ca.pem is a copy for others, the last that is written of a CA. Where it is another's,
 * a crash came between, and what it kept from being done is done here.
 */
static int read_certificate(const struct cert_options *o, const char *key_text, struct cert_authority *a, char *why)
{
	const char *own = strstr(key_text, "-----BEGIN CERTIFICATE-----");
	bool same, other;

	a->pem = tls_store_read(o->dir, TLS_STORE_CA, TLS_STORE_CHAIN, &a->pem_bytes, why, CERT_WHY_BYTES);
	if (!own)
		return a->pem ? 0 : -1;
	same = a->pem && strcmp(a->pem, own) == 0;
	other = a->pem && !same && is_another(a->pem, own);
	free(a->pem);
	a->pem = strdup(own);
	a->pem_bytes = strlen(own);
	if (!a->pem || (other && put_index_aside(o, why) != 0))
		return -1;
	return same ? 0 : tls_store_write(o->dir, TLS_STORE_CA, TLS_STORE_CHAIN, own, why, CERT_WHY_BYTES);
}

int cert_authority_open(const struct cert_options *o, bool with_key, struct cert_authority *a, char *why)
{
	struct der text;
	char *key_text;
	int bad = 0;

	memset(a, 0, sizeof(*a));
	a->lock = -1;
	if (!tls_store_has(o->dir, TLS_STORE_CA, TLS_STORE_KEY))
		return no_ca(o->dir, why);
	key_text = tls_store_read(o->dir, TLS_STORE_CA, TLS_STORE_KEY, &text.n, why, CERT_WHY_BYTES);
	if (!key_text)
		return -1;
	text.p = (uint8_t *)key_text;
	if (with_key) {
		a->key = open_key(o, text, why);
		bad = a->key ? 0 : -1;
	}
	if (!bad) {
		a->lock = tls_store_lock(o->dir, why, CERT_WHY_BYTES);
		bad = a->lock < 0 || read_certificate(o, key_text, a, why) != 0 ||
		      tls_ca_index_load(o->dir, &a->index, why, CERT_WHY_BYTES) != 0 ? -1 : 0;
	}
	tls_key_text_free(key_text);
	return bad;
}

void cert_authority_close(struct cert_authority *a)
{
	tls_key_free(a->key);
	tls_ca_index_fini(&a->index);
	free(a->pem);
	if (a->lock >= 0)
		close(a->lock);
	memset(a, 0, sizeof(*a));
	a->lock = -1;
}

static struct der authority_pem(const struct cert_authority *a)
{
	return (struct der){ (const uint8_t *)a->pem, a->pem_bytes };
}

/* In the index first, then in the CA's own folder; only then may it go anywhere else. */
static int record(const struct cert_options *o, struct cert_authority *a, const char *pem, struct x509 *x,
		  struct pem_block *b, char *why)
{
	char serial[TLS_SERIAL_TEXT_BYTES];

	if (tls_pem_cert((struct der){ (const uint8_t *)pem, strlen(pem) }, b, x, why, CERT_WHY_BYTES) != 0 ||
	    tls_ca_index_add(&a->index, x, o->name, why, CERT_WHY_BYTES) != 0 ||
	    tls_ca_index_save(o->dir, &a->index, why, CERT_WHY_BYTES) != 0)
		return -1;
	tls_serial_format(x->serial, serial);
	return tls_ca_keep(o->dir, serial, pem, why, CERT_WHY_BYTES);
}

static void print_certificate(const struct x509 *x)
{
	char text[TLS_CERT_NAME_BYTES], serial[TLS_SERIAL_TEXT_BYTES], from[32], until[32];
	struct der at = x509_alt_begin(x), value;
	enum x509_alt_kind kind;

	x509_name_format(x->subject, text, sizeof(text));
	tls_serial_format(x->serial, serial);
	cert_date(x->not_before, from);
	cert_date(x->not_after, until);
	printf("  subject  %s\n  names   ", text);
	while (x509_alt_next(&at, &kind, &value)) {
		x509_alt_format(kind, value, text, sizeof(text));
		printf(" %s", text);
	}
	printf("\n  key      %s, %u bits\n  for     %s%s\n  valid    %s to %s\n  serial   %s\n",
	       tls_key_type_name(x->key_type), x->key_bits, x->server_auth ? " servers" : "",
	       x->client_auth ? " clients" : "", from, until, serial);
}

/* The CA's key under its passphrase, when one is wanted. Free it with tls_key_text_free. NULL with the reason. */
static char *ca_key_text(const struct cert_options *o, const struct tls_key *key, char *why)
{
	struct cert_secret secret = { .bytes = 0 };
	char *text = NULL;

	if (!o->passphrase && !o->passphrase_file) {
		text = tls_key_to_pem(key);
	} else if (cert_secret_get(o, KEY_OF_CA, true, &secret, why) == 0) {
		text = tls_key_to_sealed(key, (struct der){ (uint8_t *)secret.text, secret.bytes });
	} else {
		return NULL;
	}
	cert_secret_wipe(&secret);
	if (!text)
		snprintf(why, CERT_WHY_BYTES, "out of memory");
	return text;
}

static int write_ca(const struct cert_options *o, const char *pem, const char *key_text, char *why)
{
	size_t bytes = strlen(key_text) + strlen(pem) + 1;
	char *both;
	int lock, bad;

	if (tls_store_make(o->dir, true, why, CERT_WHY_BYTES) != 0)
		return -1;
	lock = tls_store_lock(o->dir, why, CERT_WHY_BYTES);
	both = lock < 0 ? NULL : malloc(bytes);
	if (!both)
		return -1;
	snprintf(both, bytes, "%s%s", key_text, pem);
	bad = 0;
	if (tls_store_has(o->dir, TLS_STORE_CA, TLS_STORE_KEY) && !o->force)	/* who came first while we asked */
		bad = snprintf(why, CERT_WHY_BYTES, "there is a CA in %s/ca already", o->dir);
	if (!bad)
		bad = tls_store_write(o->dir, TLS_STORE_CA, TLS_STORE_KEY, both, why, CERT_WHY_BYTES);
	if (!bad)
		bad = put_index_aside(o, why);
	if (!bad)
		bad = tls_store_write(o->dir, TLS_STORE_CA, TLS_STORE_CHAIN, pem, why, CERT_WHY_BYTES);
	tls_key_text_free(both);
	close(lock);
	return bad ? -1 : 0;
}

static void print_ca(const struct cert_options *o)
{
	printf("CA \"%s\" made. Clients are to trust %s/%s.pem; keep %s/%s.key to yourself", o->common_name, o->dir,
	       TLS_STORE_CA, o->dir, TLS_STORE_CA);
	printf(o->passphrase || o->passphrase_file ? ", and its passphrase: without it the key is lost.\n" : ".\n");
	printf("Next: `postern cert root` says how clients come to trust it; `postern cert request NAME` and\n"
	       "`postern cert issue NAME` make a certificate. Keep a copy of the folder %s/ca in a safe place.\n", o->dir);
}

int cert_ca(const struct cert_options *o)
{
	struct tls_subject subject = cert_subject(o);
	char why[CERT_WHY_BYTES], *pem = NULL, *key_text = NULL;
	struct tls_key *key;
	int bad;

	if (tls_store_has(o->dir, TLS_STORE_CA, TLS_STORE_KEY) && !o->force)
		return cert_failed("there is a CA in %s/ca already; --force replaces it, and what it signed is worthless then", o->dir);
	key = cert_new_key(o->key ? o->key : "p256", why);
	if (key)
		pem = tls_ca_make(key, &subject, o->days ? o->days : TLS_CA_DAYS_DEFAULT, time(NULL), why, sizeof(why));
	if (pem)
		key_text = ca_key_text(o, key, why);
	bad = !key_text || write_ca(o, pem, key_text, why) != 0;
	if (!bad)
		print_ca(o);
	tls_key_text_free(key_text);
	free(pem);
	tls_key_free(key);
	return bad ? cert_failed("no CA was made: %s", why) : 0;
}

static int read_request(const struct cert_options *o, struct tls_request *request, char *why)
{
	char *text;
	size_t bytes;
	int bad;

	text = o->request ? tls_file_read(o->request, &bytes, NULL, why, CERT_WHY_BYTES) :
			    tls_store_read(o->dir, o->name, TLS_STORE_REQUEST, &bytes, why, CERT_WHY_BYTES);
	if (!text)
		return -1;
	bad = tls_request_read((struct der){ (uint8_t *)text, bytes }, request, why, CERT_WHY_BYTES);
	free(text);
	return bad;
}

/*
 * A certificate must not be written over a key that isn't its own. *pending: the key
 * that waits for it, which is to take the other's place; NULL: none.
 */
static int check_own_key(const struct cert_options *o, const struct tls_request *request, struct tls_key **pending,
			 char *why)
{
	static const enum tls_store_kind kinds[] = { TLS_STORE_KEY, TLS_STORE_NEW_KEY };

	*pending = NULL;
	if (!tls_store_has(o->dir, o->name, TLS_STORE_KEY))
		return 0;	/* a request from elsewhere: its key stays there */
	for (unsigned int i = 0; i < 2 && tls_store_has(o->dir, o->name, kinds[i]); i++) {
		struct tls_key *key = cert_stored_key(o->dir, o->name, kinds[i], why);
		bool same = key && der_equal(tls_key_spki(key), request->x.spki);

		if (same && kinds[i] == TLS_STORE_NEW_KEY)
			*pending = key;
		else
			tls_key_free(key);
		if (same)
			return 0;
		if (!key)
			return -1;
	}
	snprintf(why, CERT_WHY_BYTES, "the request is not of the key %s/%s.key%s", o->dir, o->name,
		 tls_store_has(o->dir, o->name, TLS_STORE_NEW_KEY) ? ", nor of the new one beside it" : "");
	return -1;
}

/* The request that is to be signed, and its key when that waits here. */
static char *sign_request(const struct cert_options *o, struct cert_authority *a, struct tls_key **pending, char *why)
{
	struct tls_request request;
	char *pem = NULL;

	*pending = NULL;
	if (read_request(o, &request, why) != 0)
		return NULL;
	request.usage = o->usage ? o->usage : TLS_USAGE_SERVER;
	if (tls_store_settle(o->dir, o->name, why, CERT_WHY_BYTES) == 0 && check_own_key(o, &request, pending, why) == 0)
		pem = tls_ca_issue(authority_pem(a), a->key, &request, o->days ? o->days : TLS_ISSUE_DAYS_DEFAULT,
				   time(NULL), why, CERT_WHY_BYTES);
	tls_request_fini(&request);
	return pem;
}

int cert_issue(const struct cert_options *o)
{
	char why[CERT_WHY_BYTES], *pem = NULL;
	struct tls_key *pending = NULL;
	struct pem_block b = { .der = NULL };
	struct cert_authority a;
	struct x509 x;
	int bad;

	bad = cert_authority_open(o, true, &a, why);
	if (!bad) {
		pem = sign_request(o, &a, &pending, why);
		bad = !pem || record(o, &a, pem, &x, &b, why) != 0;
	}
	if (!bad)
		bad = pending ? cert_write_key(o->dir, o->name, TLS_STORE_KEY, pending, pem, why) :
				tls_store_write(o->dir, o->name, TLS_STORE_CHAIN, pem, why, sizeof(why));
	if (!bad) {
		printf("Certificate %s/%s.pem issued:\n", o->dir, o->name);
		print_certificate(&x);
		if (!tls_store_has(o->dir, o->name, TLS_STORE_KEY))
			printf("Next: give %s/%s.pem to whoever sent the request; the key is there.\n", o->dir, o->name);
		else if (x.server_auth)
			printf("Next: a running posternd takes it by `postern cert load %s`.\n", o->name);
		else
			printf("Next: give %s.pem and %s.key to the client, by a safe way.\n", o->name, o->name);
	}
	pem_block_fini(&b);
	tls_key_free(pending);
	cert_authority_close(&a);
	free(pem);
	return bad ? cert_failed("nothing was issued: %s", why) : 0;
}

/* A key as the old one was, unless told otherwise. */
static struct tls_key *renewed_key(const struct cert_options *o, const struct x509 *old, char *why)
{
	char kind[16];

	if (o->key)
		return cert_new_key(o->key, why);
	if (old->key_type == TLS_KEY_RSA)
		snprintf(kind, sizeof(kind), "rsa%u", old->key_bits);
	else
		snprintf(kind, sizeof(kind), "%s", old->key_type == TLS_KEY_P384 ? "p384" :
			 old->key_type == TLS_KEY_ED25519 ? "ed25519" : "p256");
	return cert_new_key(kind, why);
}

/* Does the new key wait for a request's answer? One without a request is what a crash left. */
static bool request_waits(const struct cert_options *o)
{
	char why[CERT_WHY_BYTES];
	struct tls_request request;
	struct tls_key *key;
	bool waits;

	if (!tls_store_has(o->dir, o->name, TLS_STORE_NEW_KEY) || !tls_store_has(o->dir, o->name, TLS_STORE_REQUEST))
		return false;
	if (read_request(o, &request, why) != 0)
		return true;	/* whoever made it may know more */
	key = cert_stored_key(o->dir, o->name, TLS_STORE_NEW_KEY, why);
	waits = !key || der_equal(tls_key_spki(key), request.x.spki);
	tls_key_free(key);
	tls_request_fini(&request);
	return waits;
}

/* Where the key isn't here, or is to stay, the new certificate is for the same one. False with the reason. */
static bool renew_keeps_key(const struct cert_options *o, const struct tls_issued *entry, bool *keeps, char *why)
{
	bool here = tls_store_has(o->dir, o->name, TLS_STORE_KEY);

	*keeps = o->reuse_key || !here;
	if (!here && o->key)
		snprintf(why, CERT_WHY_BYTES, "its key isn't in this folder, so that a new one can't be made here; whoever has it makes a new request");
	else if (*keeps && entry && entry->revoked_at && entry->reason == TLS_REASON_KEY_COMPROMISE)
		snprintf(why, CERT_WHY_BYTES, "it was revoked because its key is in strange hands: it needs a new key (without --reuse-key, or by a new request)");
	else if (!*keeps && !o->force && request_waits(o))
		snprintf(why, CERT_WHY_BYTES, "the key of an unanswered request waits in %s.key.new; issue that one (postern cert issue %s), renew with --reuse-key, or drop it with --force",
			 o->name, o->name);
	else
		return true;
	return false;
}

static char *sign_renewal(const struct cert_options *o, struct cert_authority *a, struct x509 *old,
			  struct pem_block *b, struct tls_key **key, char *why)
{
	struct tls_issued *entry;
	char serial[TLS_SERIAL_TEXT_BYTES], *pem, *fresh = NULL;
	struct der text, spki = { 0 };
	bool keeps;

	*key = NULL;
	if (tls_store_settle(o->dir, o->name, why, CERT_WHY_BYTES) != 0)
		return NULL;
	pem = tls_store_read(o->dir, o->name, TLS_STORE_CHAIN, &text.n, why, CERT_WHY_BYTES);
	text.p = (uint8_t *)pem;
	if (pem && tls_pem_cert(text, b, old, why, CERT_WHY_BYTES) == 0) {
		tls_serial_format(old->serial, serial);
		entry = tls_ca_index_lookup(&a->index, serial);
		if (renew_keeps_key(o, entry, &keeps, why)) {
			*key = keeps ? NULL : renewed_key(o, old, why);
			if (*key)
				spki = tls_key_spki(*key);
			if (keeps || *key)
				fresh = tls_ca_renew(authority_pem(a), a->key, text, spki,
						     o->days ? o->days : TLS_ISSUE_DAYS_DEFAULT, time(NULL), why, CERT_WHY_BYTES);
		}
	}
	free(pem);
	return fresh;
}

int cert_renew(const struct cert_options *o)
{
	char why[CERT_WHY_BYTES], serial[TLS_SERIAL_TEXT_BYTES], *pem = NULL;
	struct pem_block old_block = { .der = NULL }, b = { .der = NULL };
	struct tls_key *key = NULL;
	struct cert_authority a;
	struct x509 old, x;
	int bad;

	bad = cert_authority_open(o, true, &a, why);
	if (!bad) {
		pem = sign_renewal(o, &a, &old, &old_block, &key, why);
		bad = !pem || record(o, &a, pem, &x, &b, why) != 0;
	}
	if (!bad)	/* the old pair stays until the new one is whole */
		bad = key ? cert_write_key(o->dir, o->name, TLS_STORE_KEY, key, pem, why) :
			    tls_store_write(o->dir, o->name, TLS_STORE_CHAIN, pem, why, sizeof(why));
	if (!bad) {
		tls_serial_format(old.serial, serial);
		printf("Certificate %s/%s.pem renewed, with %s key:\n", o->dir, o->name, key ? "a new" : "the same");
		print_certificate(&x);
		printf("Next: a running posternd takes it by `postern cert load %s`. The old one is good until it expires;\n"
		       "`postern cert revoke %s --reason superseded` ends it before.\n", o->name, serial);
	}
	pem_block_fini(&old_block);
	pem_block_fini(&b);
	tls_key_free(key);
	cert_authority_close(&a);
	free(pem);
	return bad ? cert_failed("nothing was renewed: %s", why) : 0;
}
