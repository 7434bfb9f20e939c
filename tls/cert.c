/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/cert.h"

#include "tls/pem.h"
#include "tls/staple.h"
#include "tls/strength.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/settings.h>
#include <wolfssl/wolfcrypt/hash.h>

#define SOON_SECONDS (14 * 86400)
#define PASSPHRASES_MAX_BYTES 8192u
#define TOO_LARGE "it is too large for what it is to hold"

struct link {
	uint8_t *der;
	struct x509 x;
};

struct tls_cert {
	struct link chain[TLS_CERT_CHAIN_MAX];
	struct tls_key *key;
	char *chain_pem;
	struct pem_block issuer;	/* that was given; its der NULL: none was */
	struct tls_staple_place *staple;
	struct tls_cert_info info;
};

struct reason {
	char *buf;
	size_t bytes;
};

__attribute__((format(printf, 2, 3))) static bool refuse(const struct reason *r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(r->buf, r->bytes, format, args);
	va_end(args);
	return false;
}

int tls_sha256(struct der data, uint8_t out[32])
{
	return wc_Hash(WC_HASH_TYPE_SHA256, data.p, (word32)data.n, out, 32) == 0 ? 0 : -EIO;
}

static void hex(struct der bytes, const char *between, char *buf, size_t buf_bytes)
{
	size_t i, at = 0, step = 2 + strlen(between);

	if (buf_bytes)
		buf[0] = '\0';
	for (i = 0; i < bytes.n && at + step + 1 <= buf_bytes; i++)
		at += (size_t)snprintf(buf + at, buf_bytes - at, "%s%02X", i ? between : "", bytes.p[i]);
}

static bool add_link(struct tls_cert *c, struct pem_block *b, const struct reason *r)
{
	struct link *l = &c->chain[c->info.chain_length];
	const char *why;

	if (c->info.chain_length == TLS_CERT_CHAIN_MAX)
		return refuse(r, "the chain has more than %u certificates", TLS_CERT_CHAIN_MAX);
	l->der = b->der;
	b->der = NULL;
	if (x509_parse((struct der){ l->der, b->der_bytes }, &l->x, &why) != 0) {
		free(l->der);
		l->der = NULL;
		return refuse(r, "certificate %zu of the chain can't be read: %s", c->info.chain_length + 1, why);
	}
	c->info.chain_length++;
	return true;
}

static bool read_chain(struct tls_cert *c, struct der text, const struct reason *r)
{
	bool der = text.n > 4 && text.p[0] == DER_SEQUENCE && text.p[1] >= 0x80;
	struct pem_block b;
	enum pem_result result;
	bool ok = true;

	while (ok && (result = pem_next(&text, &b)) != PEM_END) {
		if (result == PEM_BAD)
			return refuse(r, "the chain's PEM text is damaged (after certificate %zu)", c->info.chain_length);
		if (result == PEM_NO_MEMORY)
			return refuse(r, "out of memory");
		if (strcmp(b.label, "CERTIFICATE") == 0)
			ok = add_link(c, &b, r);
		else if (strcmp(b.label, "CERTIFICATE REQUEST") == 0)
			ok = refuse(r, "it holds a certificate request, not a certificate; a CA has to sign it first");
		pem_block_fini(&b);
	}
	if (ok && c->info.chain_length == 0)
		return refuse(r, der ? "the chain is in DER form, not PEM; convert it: openssl x509 -inform der -in FILE" :
				 "there is no certificate in it (no BEGIN CERTIFICATE line)");
	return ok;
}

/* Keys are compared by use, not by bytes: one key has more than one encoding. */
static bool key_fits(const struct tls_cert *c, const struct x509 *x)
{
	uint8_t signature[TLS_SIGNATURE_MAX_BYTES];
	struct der message = DER_BYTES("does this key belong to that certificate?");
	size_t n;

	if (x->key_type != tls_key_type(c->key) || x->key_bits != tls_key_bits(c->key))
		return false;
	return tls_key_sign(c->key, message, signature, &n) == 0 &&
	       tls_signature_check(x->spki, tls_key_algorithm(c->key), message, (struct der){ signature, n }) ==
		       TLS_SIGNATURE_GOOD;
}

static bool check_key(const struct tls_cert *c, const struct reason *r)
{
	const struct x509 *leaf = &c->chain[0].x;
	size_t i;

	if (leaf->key_type == TLS_KEY_UNKNOWN)
		return refuse(r, "the certificate's key is of a kind that is not supported; use RSA, P-256, P-384 or Ed25519");
	if (leaf->key_type == TLS_KEY_RSA && leaf->key_bits < TLS_KEY_RSA_MIN_BITS)
		return refuse(r, "the certificate's RSA key has %u bits; at least %u are needed", leaf->key_bits,
			      TLS_KEY_RSA_MIN_BITS);
	if (key_fits(c, leaf))
		return true;
	for (i = 1; i < c->info.chain_length; i++)
		if (key_fits(c, &c->chain[i].x))
			return refuse(r, "the chain is in the wrong order: the key belongs to certificate %zu, which must come first",
				      i + 1);
	return refuse(r, "the private key (%s, %u bits) does not belong to the certificate (%s, %u bits)",
		      tls_key_type_name(tls_key_type(c->key)), tls_key_bits(c->key),
		      tls_key_type_name(leaf->key_type), leaf->key_bits);
}

static bool check_order(const struct tls_cert *c, const struct reason *r)
{
	char subject[TLS_CERT_NAME_BYTES], issuer[TLS_CERT_NAME_BYTES];
	const struct x509 *this, *next;
	size_t i;

	for (i = 0; i + 1 < c->info.chain_length; i++) {
		this = &c->chain[i].x;
		next = &c->chain[i + 1].x;
		x509_name_format(next->subject, subject, sizeof(subject));
		x509_name_format(this->issuer, issuer, sizeof(issuer));
		if (!der_equal(this->issuer, next->subject))
			return refuse(r, "the chain is in the wrong order or incomplete: certificate %zu was issued by \"%s\", but certificate %zu is \"%s\"",
				      i + 1, issuer, i + 2, subject);
		if (tls_signature_check(next->spki, this->algorithm, this->tbs, this->signature) == TLS_SIGNATURE_BAD)
			return refuse(r, "the chain doesn't hold: certificate %zu is not signed by the key of certificate %zu (\"%s\")",
				      i + 1, i + 2, subject);
		if (!next->ca)
			return refuse(r, "the chain doesn't hold: certificate %zu (\"%s\") is not that of a CA", i + 2, subject);
	}
	return true;
}

static bool check_purpose(const struct tls_cert *c, bool client, const struct reason *r)
{
	const struct x509 *leaf = &c->chain[0].x;

	if (leaf->has_extended_usage && client && !leaf->client_auth)
		return refuse(r, "the certificate is not for TLS clients (its extended key usage lacks clientAuth)");
	if (leaf->has_extended_usage && !client && !leaf->server_auth)
		return refuse(r, "the certificate is not for TLS servers (its extended key usage lacks serverAuth)");
	if (leaf->has_usage && !(leaf->usage & X509_DIGITAL_SIGNATURE))
		return refuse(r, "the certificate's key may not sign (its key usage lacks digitalSignature), which TLS needs");
	if (leaf->not_after <= leaf->not_before)
		return refuse(r, "the certificate ends before it begins");
	return true;
}

/* One more text in a list that is long enough. */
static bool add_name(char **list, size_t *n, const char *text)
{
	list[*n] = strdup(text);
	if (!list[*n])
		return false;
	(*n)++;
	return true;
}

static bool fill_alt_names(struct tls_cert *c)
{
	struct der at = x509_alt_begin(&c->chain[0].x), value;
	struct tls_cert_info *info = &c->info;
	enum x509_alt_kind kind;
	size_t n = 0;

	while (x509_alt_next(&at, &kind, &value))
		n++;
	info->alt_names = calloc(n + 1, sizeof(*info->alt_names));
	info->dns_names = calloc(n + 1, sizeof(*info->dns_names));
	if (!info->alt_names || !info->dns_names)
		return false;
	at = x509_alt_begin(&c->chain[0].x);
	while (x509_alt_next(&at, &kind, &value)) {
		char text[TLS_CERT_NAME_BYTES];

		x509_alt_format(kind, value, text, sizeof(text));
		if (!add_name(info->alt_names, &info->n_alt_names, text))
			return false;
		/* One that was cut, or holds what no text can, isn't a name that a client asks for. */
		if (kind == X509_ALT_DNS && strlen(text) == value.n && !add_name(info->dns_names, &info->n_dns_names, text))
			return false;
	}
	return true;
}

static bool fill_pem(struct tls_cert *c)
{
	size_t i, bytes = 1;
	char *one, *all = NULL, *grown;

	for (i = 0; i < c->info.chain_length; i++) {
		one = pem_encode("CERTIFICATE", c->chain[i].x.whole);
		grown = one ? realloc(all, bytes + strlen(one)) : NULL;
		if (!grown) {
			free(one);
			free(all);
			return false;
		}
		all = grown;
		strcpy(all + bytes - 1, one);
		bytes += strlen(one);
		free(one);
	}
	c->chain_pem = all;
	return true;
}

/* Only what can't be anything but a URL: it is shown to people, and given to a client of HTTP. */
static void fill_url(const struct x509 *leaf, char *url, size_t url_bytes)
{
	size_t i;

	for (i = 0; i < leaf->ocsp_url.n && leaf->ocsp_url.p[i] > ' ' && leaf->ocsp_url.p[i] < 0x7f; i++)
		;
	if (i > 0 && i == leaf->ocsp_url.n && i < url_bytes)
		memcpy(url, leaf->ocsp_url.p, i);
}

static bool fill_info(struct tls_cert *c)
{
	const struct x509 *leaf = &c->chain[0].x;
	struct tls_cert_info *info = &c->info;
	uint8_t digest[32];

	x509_name_attribute(leaf->subject, X509_OID_CN, info->common_name, sizeof(info->common_name));
	x509_name_format(leaf->subject, info->subject, sizeof(info->subject));
	x509_name_format(leaf->issuer, info->issuer, sizeof(info->issuer));
	info->not_before = leaf->not_before;
	info->not_after = leaf->not_after;
	info->key_type = leaf->key_type;
	info->key_bits = leaf->key_bits;
	info->strength_bits = leaf->key_type == TLS_KEY_RSA ? tls_strength_of_rsa(leaf->key_bits) :
							      tls_strength_of_curve(leaf->key_bits);
	info->self_signed = der_equal(leaf->issuer, leaf->subject);
	info->must_staple = leaf->must_staple;
	fill_url(leaf, info->ocsp_url, sizeof(info->ocsp_url));
	c->staple = tls_staple_place_new(leaf->must_staple);
	if (!c->staple)
		return false;
	hex(leaf->serial, "", info->serial, sizeof(info->serial));
	if (tls_sha256(leaf->whole, digest) != 0)
		return false;
	hex((struct der){ digest, sizeof(digest) }, ":", info->fingerprint, sizeof(info->fingerprint));
	return fill_alt_names(c) && fill_pem(c);
}

static struct tls_cert *load(struct der chain, struct der key, struct der passphrases, bool client, char *err, size_t err_bytes)
{
	struct reason r = { err, err_bytes };
	struct tls_cert *c = calloc(1, sizeof(*c));

	if (!c) {
		refuse(&r, "out of memory");
		return NULL;
	}
	if (!read_chain(c, chain, &r))
		goto refused;
	c->key = tls_key_from_sealed(key, passphrases, err, err_bytes);
	if (!c->key || !check_key(c, &r) || !check_order(c, &r) || !check_purpose(c, client, &r))
		goto refused;
	if (!fill_info(c)) {
		refuse(&r, "out of memory");
		goto refused;
	}
	return c;
refused:
	tls_cert_free(c);
	return NULL;
}

struct tls_cert *tls_cert_load(struct der chain, struct der key, char *err, size_t err_bytes)
{
	return load(chain, key, (struct der){ 0 }, false, err, err_bytes);
}

struct tls_cert *tls_cert_load_client(struct der chain, struct der key, char *err, size_t err_bytes)
{
	return load(chain, key, (struct der){ 0 }, true, err, err_bytes);
}

void tls_cert_free(struct tls_cert *c)
{
	size_t i;

	if (!c)
		return;
	for (i = 0; i < c->info.chain_length; i++)
		free(c->chain[i].der);
	for (i = 0; i < c->info.n_alt_names; i++)
		free(c->info.alt_names[i]);
	for (i = 0; i < c->info.n_dns_names; i++)
		free(c->info.dns_names[i]);
	free(c->info.alt_names);
	free(c->info.dns_names);
	free(c->chain_pem);
	pem_block_fini(&c->issuer);
	tls_staple_place_release(c->staple);
	tls_key_free(c->key);
	free(c);
}

static char *file_refuse(int fd, char *err, size_t err_bytes, const char *path, const char *why)
{
	snprintf(err, err_bytes, "%s: %s", path, why);
	if (fd >= 0)
		close(fd);
	return NULL;
}

char *tls_file_read(const char *path, size_t *bytes, unsigned int *mode, char *err, size_t err_bytes)
{
	return tls_file_read_max(path, TLS_CERT_FILE_MAX_BYTES, bytes, mode, err, err_bytes);
}

char *tls_file_read_max(const char *path, size_t max_bytes, size_t *bytes, unsigned int *mode, char *err, size_t err_bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	size_t at = 0;
	ssize_t n = 1;
	char *text;

	if (fd < 0 || fstat(fd, &st) != 0)
		return file_refuse(fd, err, err_bytes, path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return file_refuse(fd, err, err_bytes, path, "it is not a file");
	text = (size_t)st.st_size <= max_bytes ? malloc(max_bytes + 2) : NULL;
	if (!text && (size_t)st.st_size > max_bytes)
		return file_refuse(fd, err, err_bytes, path, TOO_LARGE);
	if (!text)
		return file_refuse(fd, err, err_bytes, path, "out of memory");
	while (n > 0 && at <= max_bytes) {
		n = read(fd, text + at, max_bytes + 1 - at);
		at += n > 0 ? (size_t)n : 0;
	}
	if (n < 0 || at > max_bytes) {
		explicit_bzero(text, at);
		free(text);
		return file_refuse(fd, err, err_bytes, path, n < 0 ? strerror(errno) : TOO_LARGE);
	}
	close(fd);
	text[at] = '\0';
	*bytes = at;
	if (mode)
		*mode = st.st_mode & 07777;
	return text;
}

bool tls_key_file_private(const char *path, unsigned int mode, char *err, size_t err_bytes)
{
	if (!(mode & 0027))	/* its group may read it: so Debian's ssl-cert has it */
		return true;
	snprintf(err, err_bytes, "%s: others may read this private key (its mode is %04o); make it yours alone: chmod 600 %s",
		 path, mode, path);
	return false;
}

static void secret_free(char *text, size_t bytes)
{
	if (text)
		explicit_bzero(text, bytes);
	free(text);
}

/* The lines of a file of passphrases, which is its owner's alone (or his group's, as a key's). NULL with the reason. */
static char *passphrases_read(const char *path, size_t *bytes, char *err, size_t err_bytes)
{
	unsigned int mode;
	char why[PATH_MAX + 128], *text = tls_file_read_max(path, PASSPHRASES_MAX_BYTES, bytes, &mode, why, sizeof(why));

	if (text && tls_key_file_private(path, mode, why, sizeof(why)))
		return text;
	if (text)
		snprintf(why, sizeof(why), "%s: others may read it (its mode is %04o); make it yours alone: chmod 600 %s", path, mode,
			 path);
	secret_free(text, *bytes);
	snprintf(err, err_bytes, "the passphrases can't be read: %s", why);
	return NULL;
}

struct tls_cert *tls_cert_load_files(const char *chain_path, const char *key_path, const char *passphrase_path,
				     char *err, size_t err_bytes)
{
	char *chain, *key = NULL, *passphrases = NULL, why[512];
	size_t chain_bytes, key_bytes = 0, passphrase_bytes = 0;
	struct tls_cert *c = NULL;
	struct der chain_text, key_text;
	unsigned int mode;

	chain = tls_file_read(chain_path, &chain_bytes, &mode, err, err_bytes);
	if (!chain)
		return NULL;
	chain_text = key_text = (struct der){ (uint8_t *)chain, chain_bytes };
	if (key_path) {
		key = tls_file_read(key_path, &key_bytes, &mode, err, err_bytes);
		if (!key)
			goto out;
		key_text = (struct der){ (uint8_t *)key, key_bytes };
	}
	if (!tls_key_file_private(key_path ? key_path : chain_path, mode, err, err_bytes))
		goto out;
	if (passphrase_path && passphrase_path[0] && tls_key_is_sealed(key_text)) {
		passphrases = passphrases_read(passphrase_path, &passphrase_bytes, err, err_bytes);
		if (!passphrases)
			goto out;
	}
	c = load(chain_text, key_text, (struct der){ (uint8_t *)passphrases, passphrase_bytes }, false, why, sizeof(why));
	if (!c)
		snprintf(err, err_bytes, "%s%s%s%s%s: %s", chain_path, key_path ? " with " : "", key_path ? key_path : "",
			 passphrases ? " and the passphrases of " : "", passphrases ? passphrase_path : "", why);
out:
	secret_free(passphrases, passphrase_bytes);
	secret_free(key, key_bytes);
	secret_free(chain, chain_bytes);
	return c;
}

const struct tls_cert_info *tls_cert_info(const struct tls_cert *c)
{
	return &c->info;
}

unsigned int tls_cert_warnings(const struct tls_cert *c, time_t now)
{
	unsigned int w = 0;

	if (now > c->info.not_after)
		w |= TLS_CERT_EXPIRED;
	else if (now > c->info.not_after - SOON_SECONDS)
		w |= TLS_CERT_EXPIRES_SOON;
	if (now < c->info.not_before)
		w |= TLS_CERT_NOT_YET_VALID;
	if (c->info.self_signed)
		w |= TLS_CERT_SELF_SIGNED;
	if (c->info.n_alt_names == 0)
		w |= TLS_CERT_NO_NAMES;
	return w;
}

const char *tls_cert_warning_text(enum tls_cert_warning bit)
{
	switch (bit) {
	case TLS_CERT_EXPIRED:
		return "the certificate has expired: clients will refuse it";
	case TLS_CERT_NOT_YET_VALID:
		return "the certificate is not valid yet: clients will refuse it (is the clock right?)";
	case TLS_CERT_EXPIRES_SOON:
		return "the certificate expires within 14 days";
	case TLS_CERT_SELF_SIGNED:
		return "the certificate is signed by itself: clients will refuse it unless they were told to trust it";
	case TLS_CERT_NO_NAMES:
		return "the certificate has no alternative names: today's clients don't look at the common name";
	}
	return "";
}

bool tls_cert_names_host(const struct tls_cert *c, const char *name)
{
	return x509_names_host(&c->chain[0].x, name);
}

const char *tls_cert_chain_pem(const struct tls_cert *c)
{
	return c->chain_pem;
}

struct der tls_cert_leaf(const struct tls_cert *c)
{
	return c->chain[0].x.whole;
}

struct der tls_cert_issuer(const struct tls_cert *c)
{
	if (c->info.chain_length > 1)
		return c->chain[1].x.whole;
	return (struct der){ c->issuer.der, c->issuer.der ? c->issuer.der_bytes : 0 };
}

bool tls_cert_give_issuer(struct tls_cert *c, struct der pem)
{
	const struct x509 *leaf = &c->chain[0].x;
	struct pem_block b;
	struct x509 x;
	const char *why;

	while (!c->issuer.der && pem_next(&pem, &b) == PEM_BLOCK) {
		if (strcmp(b.label, "CERTIFICATE") == 0 && b.der &&
		    x509_parse((struct der){ b.der, b.der_bytes }, &x, &why) == 0 && der_equal(x.subject, leaf->issuer) &&
		    tls_signature_check(x.spki, leaf->algorithm, leaf->tbs, leaf->signature) == TLS_SIGNATURE_GOOD)
			c->issuer = b;
		else
			pem_block_fini(&b);
	}
	return c->issuer.der != NULL;
}

struct tls_staple_place *tls_cert_staple_place(const struct tls_cert *c)
{
	return c->staple;
}

const struct tls_key *tls_cert_key(const struct tls_cert *c)
{
	return c->key;
}
