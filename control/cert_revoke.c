/* SPDX-License-Identifier: GPL-3.0-or-later */
/* postern cert revoke, crl, issued: what the CA knows of what it has signed. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "control/cert_verbs.h"

static const char *state_of(const struct tls_issued *one, time_t now)
{
	return one->revoked_at ? "revoked" : one->not_after < now ? "expired" : "valid";
}

static bool valid_named(const struct tls_issued *one, const char *name, time_t now)
{
	return strcmp(one->name, name) == 0 && !one->revoked_at && one->not_after >= now;
}

/* Several certificates may bear a name, after a renewal; which are meant must be said. */
static size_t choose(const struct cert_options *o, const struct tls_ca_index *index, struct tls_issued **chosen, char *why)
{
	struct tls_issued *one = tls_ca_index_lookup(index, o->name);
	time_t now = time(NULL);
	size_t n = 0, i, at;
	bool known = one != NULL;

	if (one && !one->revoked_at)
		chosen[n++] = one;
	for (i = 0; !one && i < index->n; i++) {
		if (valid_named(&index->all[i], o->name, now))
			chosen[n++] = &index->all[i];
		known = known || strcmp(index->all[i].name, o->name) == 0;
	}
	if (n == 0) {
		snprintf(why, CERT_WHY_BYTES, known ? "%s is revoked or has expired already" :
			 "the CA has issued nothing with the serial or name %s; `postern cert issued` lists what it has", o->name);
	} else if (n > 1 && !o->all) {
		at = (size_t)snprintf(why, CERT_WHY_BYTES, "%zu valid certificates are named %s; say --all, or which by its serial:", n, o->name);
		for (i = 0; i < n && at < CERT_WHY_BYTES; i++)
			at += (size_t)snprintf(why + at, CERT_WHY_BYTES - at, " %s", chosen[i]->serial);
		n = 0;
	}
	return n;
}

int cert_revoke(const struct cert_options *o)
{
	struct tls_issued **chosen = NULL;
	char why[CERT_WHY_BYTES];
	struct cert_authority a;
	size_t n = 0, i;
	int bad;

	bad = cert_authority_open(o, false, &a, why);
	if (!bad) {
		snprintf(why, sizeof(why), "out of memory");
		chosen = calloc(a.index.n + 1, sizeof(struct tls_issued *));
		n = chosen ? choose(o, &a.index, chosen, why) : 0;
	}
	for (i = 0; i < n; i++) {
		chosen[i]->revoked_at = time(NULL);
		chosen[i]->reason = o->reason;
	}
	bad = n == 0 || tls_ca_index_save(o->dir, &a.index, why, sizeof(why)) != 0;
	for (i = 0; !bad && i < n; i++)
		printf("Revoked %s (%s), reason %s.\n", chosen[i]->serial, chosen[i]->subject, tls_reason_name(o->reason));
	if (!bad)
		printf("Nobody knows of it yet. Next: `postern cert crl` writes the list that says so.\n");
	free(chosen);
	cert_authority_close(&a);
	return bad ? cert_failed("nothing was revoked: %s", why) : 0;
}

/* The list in both forms: tools want PEM, a web server gives out DER (RFC 5280 4.2.1.13). */
static int write_crl(const struct cert_options *o, const char *pem, char *why)
{
	struct der text = { (const uint8_t *)pem, strlen(pem) }, left = text;
	char path[PATH_MAX];
	struct pem_block b;
	int bad = -1;

	if (pem_next(&left, &b) != PEM_BLOCK) {
		snprintf(why, CERT_WHY_BYTES, "out of memory");
		return -1;
	}
	if (snprintf(path, sizeof(path), "%s/" TLS_CA_CRL ".der", o->dir) < (int)sizeof(path))
		bad = tls_file_replace(path, (struct der){ b.der, b.der_bytes }, 0644, why, CERT_WHY_BYTES);
	else
		snprintf(why, CERT_WHY_BYTES, "the path of the folder is too long");
	if (!bad) {
		snprintf(path, sizeof(path), "%s/" TLS_CA_CRL ".pem", o->dir);
		bad = tls_file_replace(path, text, 0644, why, CERT_WHY_BYTES);
	}
	pem_block_fini(&b);
	return bad;
}

int cert_crl(const struct cert_options *o)
{
	unsigned int days = o->days ? o->days : TLS_CRL_DAYS_DEFAULT;
	char why[CERT_WHY_BYTES], until[32], *pem = NULL;
	struct cert_authority a;
	time_t now = time(NULL);
	uint64_t number;
	size_t n = 0, i;
	int bad;

	bad = cert_authority_open(o, true, &a, why);
	for (i = 0; !bad && i < a.index.n; i++)
		n += a.index.all[i].revoked_at ? 1 : 0;
	if (!bad)
		bad = tls_crl_number_next(o->dir, &number, why, sizeof(why));
	if (!bad)
		pem = tls_ca_index_crl(&a.index, (struct der){ (uint8_t *)a.pem, a.pem_bytes }, a.key, number, now, days, why,
				       sizeof(why));
	bad = !pem || write_crl(o, pem, why) != 0;
	if (!bad) {
		cert_date(now + (time_t)days * 86400, until);
		printf("Revocation list %llu made, with %zu certificate%s: %s/" TLS_CA_CRL ".pem and .der.\n"
		       "It is good until %s; make the next one before that, and after each revocation.\n",
		       (unsigned long long)number, n, n == 1 ? "" : "s", o->dir, until);
	}
	cert_authority_close(&a);
	free(pem);
	return bad ? cert_failed("no revocation list was made: %s", why) : 0;
}

/* From when it is valid: only the certificate itself says. False: there is no copy of it. */
static bool valid_from(const struct cert_options *o, const struct tls_issued *one, char buf[32])
{
	char why[CERT_WHY_BYTES], *pem;
	struct pem_block b = { .der = NULL };
	struct der text;
	struct x509 x;
	bool found;

	pem = tls_ca_kept(o->dir, one->serial, &text.n, why, sizeof(why));
	text.p = (uint8_t *)pem;
	found = pem && tls_pem_cert(text, &b, &x, why, sizeof(why)) == 0;
	if (found)
		cert_date(x.not_before, buf);
	pem_block_fini(&b);
	free(pem);
	return found;
}

static json_t *describe(const struct cert_options *o, const struct tls_issued *one, time_t now)
{
	char from[32], until[32], revoked[32];
	json_t *j;

	cert_date(one->not_after, until);
	j = json_pack("{s:s, s:s, s:s, s:s, s:s}", "serial", one->serial, "name", one->name, "subject", one->subject,
		      "state", state_of(one, now), "not_after", until);
	if (valid_from(o, one, from))
		json_object_set_new(j, "not_before", json_string(from));
	if (one->revoked_at) {
		cert_date(one->revoked_at, revoked);
		json_object_set_new(j, "revoked_at", json_string(revoked));
		json_object_set_new(j, "reason", json_string(tls_reason_name(one->reason)));
	}
	return j;
}

static void print_line(const struct cert_options *o, const struct tls_issued *one, time_t now)
{
	char from[32] = "-", until[32], revoked[32];

	valid_from(o, one, from);
	cert_date(one->not_after, until);
	printf("%-32s %-16s %-10.10s %-10.10s %-8s %s", one->serial, *one->name ? one->name : "-", from, until,
	       state_of(one, now), one->subject);
	if (one->revoked_at) {
		cert_date(one->revoked_at, revoked);
		printf(" (%.10s, %s)", revoked, tls_reason_name(one->reason));
	}
	putchar('\n');
}

int cert_issued(const struct cert_options *o)
{
	char why[CERT_WHY_BYTES];
	struct cert_authority a;
	time_t now = time(NULL);
	json_t *list;
	size_t i;

	if (cert_authority_open(o, false, &a, why) != 0) {
		cert_authority_close(&a);
		return cert_failed("%s", why);
	}
	if (o->json) {
		list = json_array();
		for (i = 0; i < a.index.n; i++)
			json_array_append_new(list, describe(o, &a.index.all[i], now));
		json_dumpf(list, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
		putchar('\n');
		json_decref(list);
	} else if (a.index.n == 0) {
		printf("the CA in %s/ca has issued nothing yet\n", o->dir);
	} else {
		printf("%-32s %-16s %-10s %-10s %-8s %s\n", "SERIAL", "NAME", "FROM", "UNTIL", "STATE", "SUBJECT");
		for (i = 0; i < a.index.n; i++)
			print_line(o, &a.index.all[i], now);
	}
	cert_authority_close(&a);
	return 0;
}
