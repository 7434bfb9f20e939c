/* SPDX-License-Identifier: GPL-3.0-or-later */
/* postern cert show: what stands in the folder, for people and for programs. */
#include "control/cert_verbs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

struct showing {
	const struct cert_options *o;
	json_t *list;
	int failed, shown;
};

void cert_date(time_t at, char buf[32])
{
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(buf, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static json_t *warnings_of(const struct tls_cert *cert)
{
	unsigned int bits = tls_cert_warnings(cert, time(NULL)), bit;
	json_t *list = json_array();

	for (bit = 1; bit <= bits; bit <<= 1)
		if (bits & bit)
			json_array_append_new(list, json_string(tls_cert_warning_text((enum tls_cert_warning)bit)));
	return list;
}

static json_t *describe(const char *name, const struct tls_cert *cert)
{
	const struct tls_cert_info *i = tls_cert_info(cert);
	json_t *alt = json_array();
	char from[32], until[32];
	size_t k;

	for (k = 0; k < i->n_alt_names; k++)
		json_array_append_new(alt, json_string(i->alt_names[k]));
	cert_date(i->not_before, from);
	cert_date(i->not_after, until);
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:i, s:i, s:s, s:s, s:i, s:b, s:o}", "name", name,
			 "common_name", i->common_name, "subject", i->subject, "issuer", i->issuer, "alt_names", alt,
			 "not_before", from, "not_after", until, "key_type", tls_key_type_name(i->key_type), "key_bits",
			 (int)i->key_bits, "strength_bits", (int)i->strength_bits, "sha256", i->fingerprint, "serial",
			 i->serial, "chain_length", (int)i->chain_length, "self_signed", i->self_signed, "warnings",
			 warnings_of(cert));
}

static void print_whole(const char *name, const struct tls_cert *cert)
{
	const struct tls_cert_info *i = tls_cert_info(cert);
	unsigned int bits = tls_cert_warnings(cert, time(NULL)), bit;
	char from[32], until[32];
	size_t k;

	cert_date(i->not_before, from);
	cert_date(i->not_after, until);
	printf("%s\n  subject      %s\n  issuer       %s\n  names       ", name, i->subject, i->issuer);
	for (k = 0; k < i->n_alt_names; k++)
		printf(" %s", i->alt_names[k]);
	printf("\n  valid        %s to %s\n  key          %s, %u bits (strength %u)\n  chain        %zu certificate%s\n"
	       "  serial       %s\n  SHA-256      %s\n", from, until, tls_key_type_name(i->key_type), i->key_bits,
	       i->strength_bits, i->chain_length, i->chain_length == 1 ? "" : "s", i->serial, i->fingerprint);
	for (bit = 1; bit <= bits; bit <<= 1)
		if (bits & bit)
			printf("  warning      %s\n", tls_cert_warning_text((enum tls_cert_warning)bit));
}

static void print_line(const char *name, const struct tls_cert *cert)
{
	const struct tls_cert_info *i = tls_cert_info(cert);
	unsigned int bits = tls_cert_warnings(cert, time(NULL));
	char until[32];

	cert_date(i->not_after, until);
	printf("%-20s %-30s %-8s %5u  %.10s%s\n", name, i->n_alt_names ? i->alt_names[0] : i->common_name,
	       tls_key_type_name(i->key_type), i->key_bits, until,
	       bits & TLS_CERT_EXPIRED ? "  expired" : bits & TLS_CERT_NOT_YET_VALID ? "  not valid yet" :
	       bits & TLS_CERT_EXPIRES_SOON ? "  expires soon" : "");
}

static void client_line(const struct showing *s, const char *name, const struct x509 *x)
{
	char subject[TLS_CERT_NAME_BYTES], common[TLS_CERT_NAME_BYTES] = "", until[32];

	x509_name_format(x->subject, subject, sizeof(subject));
	x509_name_attribute(x->subject, X509_OID_CN, common, sizeof(common));
	cert_date(x->not_after, until);
	if (s->o->json)
		json_array_append_new(s->list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:i}", "name", name, "usage", "client",
			"common_name", common, "subject", subject, "not_after", until, "key_type",
			tls_key_type_name(x->key_type), "key_bits", (int)x->key_bits));
	else if (s->o->name)
		printf("%s\n  subject      %s\n  valid until  %s\n  for          clients, not for a rule\n", name, subject, until);
	else
		printf("%-20s %-30s %-8s %5u  %.10s  client\n", name, common, tls_key_type_name(x->key_type), x->key_bits, until);
}

/* A client's certificate, which is no server's: it can't be loaded as one. False: it is something else. */
static bool show_client(struct showing *s, const char *name)
{
	char why[CERT_WHY_BYTES], *pem;
	struct pem_block b = { .der = NULL };
	struct der text;
	struct x509 x;
	bool client;

	pem = tls_store_read(s->o->dir, name, TLS_STORE_CHAIN, &text.n, why, sizeof(why));
	text.p = (uint8_t *)pem;
	client = pem && tls_pem_cert(text, &b, &x, why, sizeof(why)) == 0 && x.client_auth && !x.server_auth;
	if (client)
		client_line(s, name, &x);
	pem_block_fini(&b);
	free(pem);
	return client;
}

static void show_head(const struct showing *s)
{
	if (!s->o->json && !s->o->name && s->shown == 0)
		printf("%-20s %-30s %-8s %5s  %s\n", "CERTIFICATE", "FIRST NAME", "KEY", "BITS", "UNTIL");
}

static void show_one(const char *name, void *with)
{
	struct showing *s = with;
	char why[CERT_WHY_BYTES];
	struct tls_cert *cert = tls_store_load(s->o->dir, name, why, sizeof(why));

	if (!cert) {
		show_head(s);
		if (show_client(s, name))
			s->shown++;
		else
			s->failed = cert_failed("%s", why);
		return;
	}
	show_head(s);
	if (s->o->json)
		json_array_append_new(s->list, describe(name, cert));
	else if (s->o->name)
		print_whole(name, cert);
	else
		print_line(name, cert);
	s->shown++;
	tls_cert_free(cert);
}

int cert_show(const struct cert_options *o)
{
	struct showing s = { .o = o, .list = json_array() };
	char why[1024];

	if (o->name)
		show_one(o->name, &s);
	else if (tls_store_each(o->dir, show_one, &s, why, sizeof(why)) != 0)
		s.failed = cert_failed("%s", why);
	if (o->json && (!o->name || s.shown)) {
		json_dumpf(o->name ? json_array_get(s.list, 0) : s.list, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
		putchar('\n');
	} else if (!o->json && !o->name && !s.failed && s.shown == 0) {
		printf("no certificates in %s\n", o->dir);
	}
	json_decref(s.list);
	return s.failed ? EXIT_FAILURE : 0;
}
