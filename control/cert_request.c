/* SPDX-License-Identifier: GPL-3.0-or-later */
/* postern cert request, import: keys of one's own, and certificates that another CA signs for them. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/cert_verbs.h"

struct tls_subject cert_subject(const struct cert_options *o)
{
	return (struct tls_subject){ .common_name = o->common_name, .organisation = o->organisation, .unit = o->unit,
				     .city = o->city, .state = o->state, .country = o->country, .email = o->email,
				     .alt_names = o->alt_names, .n_alt_names = o->n_alt_names, .usage = o->usage,
				     .permitted = o->permitted, .n_permitted = o->n_permitted };
}

struct tls_key *cert_new_key(const char *kind, char *why)
{
	enum tls_key_type type;
	unsigned int bits;

	if (tls_key_type_parse(kind, &type, &bits))
		return tls_key_generate(type, bits, why, CERT_WHY_BYTES);
	snprintf(why, CERT_WHY_BYTES, "there is no kind of key \"%s\"; there are p256, p384, ed25519, rsa2048, rsa3072 and rsa4096",
		 kind);
	return NULL;
}

struct tls_key *cert_stored_key(const char *dir, const char *name, enum tls_store_kind kind, char *why)
{
	size_t bytes;
	char *text = tls_store_read(dir, name, kind, &bytes, why, CERT_WHY_BYTES);
	struct tls_key *key;

	if (!text)
		return NULL;
	key = tls_key_from_pem((struct der){ (uint8_t *)text, bytes }, why, CERT_WHY_BYTES);
	tls_key_text_free(text);
	return key;
}

int cert_write_key(const char *dir, const char *name, enum tls_store_kind kind, const struct tls_key *key,
		     const char *chain, char *why)
{
	char *text = tls_key_to_pem(key);
	int bad = -1;

	if (!text)
		snprintf(why, CERT_WHY_BYTES, "out of memory");
	else if (chain)
		bad = tls_store_write_pair(dir, name, chain, text, why, CERT_WHY_BYTES);
	else
		bad = tls_store_write(dir, name, kind, text, why, CERT_WHY_BYTES);
	tls_key_text_free(text);
	return bad;
}

/* The key to ask with: the one that is there, or a new one. */
static struct tls_key *request_key(const struct cert_options *o, enum tls_store_kind *kind, char *why)
{
	bool have = tls_store_has(o->dir, o->name, TLS_STORE_KEY);

	*kind = have && !o->reuse_key ? TLS_STORE_NEW_KEY : TLS_STORE_KEY;
	if (tls_store_settle(o->dir, o->name, why, CERT_WHY_BYTES) != 0)
		return NULL;
	if (have && o->reuse_key)
		return cert_stored_key(o->dir, o->name, TLS_STORE_KEY, why);
	if (have && !o->force) {
		snprintf(why, CERT_WHY_BYTES, "%s/%s.key is there already; --reuse-key makes a request with it, --force makes a new key, which takes its place when its certificate is issued or imported",
			 o->dir, o->name);
		return NULL;
	}
	return cert_new_key(o->key ? o->key : "p256", why);
}

static void print_request(const struct cert_options *o, const struct tls_key *key, enum tls_store_kind kind)
{
	printf("Request %s/%s.csr made (%s key in %s.key%s). Next: `postern cert issue %s%s` with the CA of this folder, or\n"
	       "send it to another CA and `postern cert import %s --chain ANSWER`.\n",
	       o->dir, o->name, tls_key_type_name(tls_key_type(key)), o->name,
	       kind == TLS_STORE_NEW_KEY ? ".new; the old one serves until then" : "", o->name,
	       o->usage == TLS_USAGE_CLIENT ? " --usage client" : o->usage == TLS_USAGE_BOTH ? " --usage both" : "", o->name);
}

/* A key that serves goes on serving until the new one's certificate is there (issue, import). */
int cert_request(const struct cert_options *o)
{
	struct tls_subject subject = cert_subject(o);
	char why[CERT_WHY_BYTES], *text = NULL;
	struct tls_key *key = NULL;
	enum tls_store_kind kind;
	int lock = -1, bad;

	if (tls_store_make(o->dir, false, why, sizeof(why)) == 0)
		lock = tls_store_lock(o->dir, why, sizeof(why));
	if (lock >= 0)
		key = request_key(o, &kind, why);
	if (key)
		text = tls_request_make(key, &subject, why, sizeof(why));
	bad = !text ||
	      (!(kind == TLS_STORE_KEY && tls_store_has(o->dir, o->name, TLS_STORE_KEY)) &&
	       cert_write_key(o->dir, o->name, kind, key, NULL, why) != 0) ||
	      tls_store_write(o->dir, o->name, TLS_STORE_REQUEST, text, why, sizeof(why)) != 0;
	if (!bad)
		print_request(o, key, kind);
	if (lock >= 0)
		close(lock);
	free(text);
	tls_key_free(key);
	return bad ? cert_failed("no request was made: %s", why) : 0;
}

/* A key that came encrypted, decrypted: posternd has nobody to ask. Takes the text. NULL with the reason. */
static char *unsealed(const struct cert_options *o, char *text, size_t *bytes, char *why)
{
	struct cert_secret secret = { .bytes = 0 };
	struct der sealed = { (uint8_t *)text, *bytes };
	struct tls_key *key = NULL;
	char *plain = NULL;

	if (!text || !tls_key_is_sealed(sealed))
		return text;
	if (cert_secret_get(o, "the key", false, &secret, why) == 0)
		key = tls_key_from_sealed(sealed, (struct der){ (uint8_t *)secret.text, secret.bytes }, why, CERT_WHY_BYTES);
	if (key)
		plain = tls_key_to_pem(key);
	if (plain)
		*bytes = strlen(plain);
	cert_secret_wipe(&secret);
	tls_key_free(key);
	tls_key_text_free(text);
	return plain;
}

/* The key that goes with the chain: of --key, of the chain's own file, or what `cert request` left. */
static char *import_key(const struct cert_options *o, struct der chain, unsigned int chain_mode, size_t *bytes,
			bool *stored, char *why)
{
	unsigned int mode;
	char *text;

	*stored = false;
	if (o->key) {
		text = tls_file_read(o->key, bytes, &mode, why, CERT_WHY_BYTES);
		if (text && tls_key_file_private(o->key, mode, why, CERT_WHY_BYTES))
			return unsealed(o, text, bytes, why);
		tls_key_text_free(text);
		return NULL;
	}
	if (memmem(chain.p, chain.n, "PRIVATE KEY-----", 16)) {
		*bytes = chain.n;
		return tls_key_file_private(o->chain, chain_mode, why, CERT_WHY_BYTES) ?
			       unsealed(o, strndup((const char *)chain.p, chain.n), bytes, why) : NULL;
	}
	*stored = tls_store_has(o->dir, o->name, TLS_STORE_KEY);
	if (*stored)
		return tls_store_read(o->dir, o->name, TLS_STORE_KEY, bytes, why, CERT_WHY_BYTES);
	snprintf(why, CERT_WHY_BYTES, "there is no key for it: neither %s/%s.key (which `postern cert request` makes) nor one in the chain's file; name it by --key FILE",
		 o->dir, o->name);
	return NULL;
}

/* A key that was in the store stays as it is; another comes with its chain, or not at all. */
static int import_write(const struct cert_options *o, const struct tls_cert *cert, bool stored, char *why)
{
	const char *chain = tls_cert_chain_pem(cert);
	char *key;
	int bad;

	if (stored)
		return tls_store_write(o->dir, o->name, TLS_STORE_CHAIN, chain, why, CERT_WHY_BYTES);
	key = tls_key_to_pem(tls_cert_key(cert));
	if (!key) {
		snprintf(why, CERT_WHY_BYTES, "out of memory");
		return -1;
	}
	bad = tls_store_write_pair(o->dir, o->name, chain, key, why, CERT_WHY_BYTES);
	tls_key_text_free(key);
	return bad;
}

/* The chain with the key that waits for it. NULL: there is none, or it isn't this chain's. */
static struct tls_cert *pending_cert(const struct cert_options *o, struct der chain)
{
	char why[CERT_WHY_BYTES], *key;
	struct tls_cert *cert = NULL;
	size_t bytes;

	key = tls_store_has(o->dir, o->name, TLS_STORE_NEW_KEY) ?
		      tls_store_read(o->dir, o->name, TLS_STORE_NEW_KEY, &bytes, why, sizeof(why)) : NULL;
	if (key)
		cert = tls_cert_load(chain, (struct der){ (uint8_t *)key, bytes }, why, sizeof(why));
	tls_key_text_free(key);
	return cert;
}

int cert_import(const struct cert_options *o)
{
	size_t chain_bytes, key_bytes;
	char why[CERT_WHY_BYTES], *chain, *key = NULL;
	struct tls_cert *cert = NULL;
	unsigned int mode;
	int lock = -1, bad;
	bool stored;

	chain = tls_file_read(o->chain, &chain_bytes, &mode, why, sizeof(why));
	if (!chain || tls_store_make(o->dir, false, why, sizeof(why)) != 0)
		goto out;
	lock = tls_store_lock(o->dir, why, sizeof(why));
	if (lock < 0 || tls_store_settle(o->dir, o->name, why, sizeof(why)) != 0)
		goto out;
	key = import_key(o, (struct der){ (uint8_t *)chain, chain_bytes }, mode, &key_bytes, &stored, why);
	if (key)
		cert = tls_cert_load((struct der){ (uint8_t *)chain, chain_bytes },
				     (struct der){ (uint8_t *)key, key_bytes }, why, sizeof(why));
	if (!cert && key && stored) {
		cert = pending_cert(o, (struct der){ (uint8_t *)chain, chain_bytes });
		stored = !cert;
	}
out:
	bad = !cert || import_write(o, cert, stored, why) != 0;
	if (!bad)
		printf("Certificate %s imported: \"%s\", %zu in its chain. A running posternd takes it by `postern cert load %s`.\n",
		       o->name, tls_cert_info(cert)->subject, tls_cert_info(cert)->chain_length, o->name);
	if (lock >= 0)
		close(lock);
	tls_cert_free(cert);
	tls_key_text_free(key);
	tls_key_text_free(chain);
	return bad ? cert_failed("nothing was imported: %s", why) : 0;
}

