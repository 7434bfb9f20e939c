/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Clients' certificates: who is let in, who hears which alert, and what a ticket still says of whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tls/ca.h"
#include "tls/crl.h"
#include "tls/peer_info.h"
#include "tls/resume.h"
#include "tls/trust.h"
#include "later.h"
#include "tls_pair.h"

#define DAY 86400

struct ca {
	struct tls_key *key;
	char *pem;
};

static struct ca root, stranger, short_lived;
static struct tls_cert *server_cert, *alice, *bob, *wrong_signer, *brief, *no_client, *of_short_lived, *long_name;
static struct tls_trust *plain, *with_list, *with_old_list, *with_other_list, *other_ca, *ending;
static struct tls_tickets *tickets;

static struct der text(const char *s)
{
	return (struct der){ (const uint8_t *)s, strlen(s) };
}

static struct ca make_ca(const char *name, unsigned int days)
{
	struct tls_subject subject = { .common_name = name };
	char err[256];
	struct ca ca = { .key = tls_key_generate(TLS_KEY_P256, 0, err, sizeof(err)) };

	assert_non_null(ca.key);
	ca.pem = tls_ca_make(ca.key, &subject, days, time(NULL), err, sizeof(err));
	assert_non_null(ca.pem);
	return ca;
}

static struct tls_cert *issue(const struct ca *ca, const char *name, unsigned int usage, unsigned int days)
{
	struct tls_subject subject = { .common_name = name, .organisation = "Example", .usage = usage };
	char err[256], *request_pem, *cert_pem, *key_pem;
	struct tls_key *key = tls_key_generate(TLS_KEY_P256, 0, err, sizeof(err));
	struct tls_request request;
	struct tls_cert *cert;

	request_pem = tls_request_make(key, &subject, err, sizeof(err));
	assert_non_null(request_pem);
	assert_int_equal(tls_request_read(text(request_pem), &request, err, sizeof(err)), 0);
	request.usage = usage;
	cert_pem = tls_ca_issue(text(ca->pem), ca->key, &request, days, time(NULL), err, sizeof(err));
	assert_non_null(cert_pem);
	key_pem = tls_key_to_pem(key);
	cert = (usage == TLS_USAGE_CLIENT ? tls_cert_load_client : tls_cert_load)(text(cert_pem), text(key_pem), err, sizeof(err));
	assert_non_null(cert);
	tls_request_fini(&request);
	tls_key_text_free(key_pem);
	tls_key_free(key);
	free(request_pem);
	free(cert_pem);
	return cert;
}

/* A list that revokes @cert (NULL: nobody) and ends after @days. */
static char *revoke(const struct ca *ca, const struct tls_cert *cert, int days)
{
	struct tls_revoked one = { .at = time(NULL), .reason = TLS_REASON_KEY_COMPROMISE };
	char err[256], *crl;
	const char *why;
	struct x509 x;

	if (cert) {
		assert_int_equal(x509_parse(tls_cert_leaf(cert), &x, &why), 0);
		one.serial = x.serial;
	}
	crl = tls_crl_make(text(ca->pem), ca->key, &one, cert ? 1 : 0, 1, time(NULL) - 2 * DAY, time(NULL) + days * DAY, err, sizeof(err));
	assert_non_null(crl);
	return crl;
}

static struct tls_trust *trust(const struct ca *ca, char *crl)
{
	char err[400] = "";
	struct tls_trust *t = tls_trust_load(text(ca->pem), crl ? text(crl) : (struct der){ 0 }, err, sizeof(err));

	if (!t)
		fail_msg("%s", err);
	free(crl);
	return t;
}

static int start(void **state)
{
	(void)state;
	pair_start();
	root = make_ca("postern test CA", 365);
	stranger = make_ca("another CA", 365);
	short_lived = make_ca("a CA that ends", 5);
	server_cert = pair_cert("p256");
	alice = issue(&root, "alice", TLS_USAGE_CLIENT, 200);
	bob = issue(&root, "bob", TLS_USAGE_CLIENT, 200);
	brief = issue(&root, "brief", TLS_USAGE_CLIENT, 2);
	no_client = issue(&root, "imap.example.test", TLS_USAGE_SERVER, 200);
	wrong_signer = issue(&stranger, "alice", TLS_USAGE_CLIENT, 200);
	of_short_lived = issue(&short_lived, "carol", TLS_USAGE_CLIENT, 200);
	long_name = issue(&root, "a name of sixty-four characters, which is the most that one has.", TLS_USAGE_CLIENT, 200);
	plain = trust(&root, NULL);
	with_list = trust(&root, revoke(&root, bob, 3));
	with_other_list = trust(&root, revoke(&root, NULL, 10));
	with_old_list = trust(&root, revoke(&root, bob, -1));
	other_ca = trust(&stranger, NULL);
	ending = trust(&short_lived, NULL);
	tickets = tls_tickets_new(NULL, 7 * DAY);
	tls_worker_set_tickets(tickets);
	return 0;
}

static int stop(void **state)
{
	struct tls_cert *certs[] = { server_cert, alice, bob, wrong_signer, brief, no_client, of_short_lived, long_name };
	struct tls_trust *trusts[] = { plain, with_list, with_old_list, with_other_list, other_ca, ending };
	struct ca *cas[] = { &root, &stranger, &short_lived };

	(void)state;
	for (size_t i = 0; i < sizeof(certs) / sizeof(certs[0]); i++)
		tls_cert_free(certs[i]);
	for (size_t i = 0; i < sizeof(trusts) / sizeof(trusts[0]); i++)
		tls_trust_free(trusts[i]);
	for (size_t i = 0; i < sizeof(cas) / sizeof(cas[0]); i++) {
		tls_key_free(cas[i]->key);
		free(cas[i]->pem);
	}
	tls_tickets_free(tickets);
	assert_int_equal(tls_worker_heap_used(), 0);
	pair_stop();
	assert_int_equal(pair_mbufs_out(), 0);
	return 0;
}

static struct tls_settings asking(int required, const struct tls_trust *t)
{
	return (struct tls_settings){ .binding = "imap", .auth = {
		.mode = required ? TLS_CLIENT_AUTH_REQUIRED : TLS_CLIENT_AUTH_OPTIONAL, .depth = 2, .trust = t } };
}

static struct tls_ctx *client_of(const struct tls_cert *cert, uint16_t version)
{
	struct tls_settings settings = { .client = true, .max_version = version };
	char err[256];
	struct tls_ctx *ctx = tls_ctx_new(cert, &settings, err, sizeof(err));

	assert_non_null(ctx);
	return ctx;
}

struct outcome {
	enum tls_error error;	/* the server's */
	uint8_t alert;		/* what the client heard */
	bool resumed, has_peer, verified, from_ticket;
	char name[128];
	struct tls_resume *next;
};

static struct outcome connect_by(struct tls_ctx *client, struct tls_ctx *server, const struct tls_resume *with)
{
	const struct tls_peer *peer;
	struct rte_mbuf *m = NULL;
	struct outcome o = { 0 };
	enum tls_status status;
	struct tls_info info;
	struct pair p;

	pair_init(&p, client, server);
	if (with)
		assert_true(tls_resume_use(p.client, with));
	status = pair_handshake(&p);
	o.error = tls_session_error(p.server);
	assert_int_equal(status, o.error == TLS_ERR_NONE ? TLS_OK : TLS_FAILED);
	if (status == TLS_OK)
		assert_int_equal(tls_write(p.server, pair_bytes(0, 100)), TLS_OK);
	pair_carry(&p);
	if (tls_handshake(p.client) == TLS_OK && tls_read(p.client, &m, 1000) != TLS_FAILED)
		assert_int_equal(pair_check(m, 0), status == TLS_OK ? 100 : 0);
	o.alert = tls_session_alert(p.client);
	peer = tls_session_peer(p.server);
	o.has_peer = peer != NULL;
	if (peer) {
		o.verified = peer->verified;
		o.from_ticket = peer->from_ticket;
		snprintf(o.name, sizeof(o.name), "%s", peer->common_name);
	}
	tls_session_info(p.server, &info);
	o.resumed = info.resumed;
	if (status == TLS_OK)
		o.next = tls_resume_save(p.client);
	pair_fini(&p);
	return o;
}

static struct outcome once(const struct tls_cert *cert, uint16_t version, struct tls_settings settings)
{
	struct tls_ctx *server = pair_server_ctx(server_cert, settings), *client = client_of(cert, version);
	struct outcome o = connect_by(client, server, NULL);

	tls_resume_free(o.next);
	o.next = NULL;
	tls_ctx_free(server);
	tls_ctx_free(client);
	return o;
}

static void let_in(const struct tls_cert *cert, struct tls_settings settings, const char *name)
{
	for (uint16_t v = TLS_VERSION_1_2; v <= TLS_VERSION_1_3; v++) {
		struct outcome o = once(cert, v, settings);

		if (o.error != TLS_ERR_NONE)
			fail_msg("%s, version %04x: %s", name, v, tls_error_name(o.error));
		assert_int_equal(o.has_peer, name != NULL);
		if (!name)
			continue;
		assert_true(o.verified);
		assert_false(o.from_ticket);
		assert_string_equal(o.name, name);
	}
}

/* @alert_1_2: where it differs. */
static void keep_out(const struct tls_cert *cert, struct tls_settings settings, enum tls_error error, uint8_t alert,
		     uint8_t alert_1_2)
{
	for (uint16_t v = TLS_VERSION_1_2; v <= TLS_VERSION_1_3; v++) {
		struct outcome o = once(cert, v, settings);
		uint8_t want = v == TLS_VERSION_1_2 ? alert_1_2 : alert;

		if (o.error != error || o.alert != want)
			fail_msg("version %04x: %s and alert %s, not %s and %s", v, tls_error_name(o.error), tls_alert_name(o.alert),
				 tls_error_name(error), tls_alert_name(want));
		assert_false(o.verified);
	}
}

static void test_who_is_let_in(void **state)
{
	(void)state;
	let_in(alice, asking(true, plain), "alice");
	let_in(alice, asking(false, plain), "alice");
	let_in(NULL, asking(false, plain), NULL);
	let_in(alice, (struct tls_settings){ 0 }, NULL);	/* not asked */
	let_in(alice, asking(true, with_list), "alice");
	let_in(long_name, asking(true, plain), "a name of sixty-four characters, which is the most that one has.");
}

static void test_who_is_kept_out(void **state)
{
	(void)state;
	keep_out(NULL, asking(true, plain), TLS_ERR_NO_CERTIFICATE, 116, 40);
	keep_out(wrong_signer, asking(true, plain), TLS_ERR_CERTIFICATE_SIGNER, 48, 48);
	keep_out(wrong_signer, asking(false, plain), TLS_ERR_CERTIFICATE_SIGNER, 48, 48);
	keep_out(alice, asking(true, other_ca), TLS_ERR_CERTIFICATE_SIGNER, 48, 48);
	keep_out(no_client, asking(true, plain), TLS_ERR_CERTIFICATE, 42, 42);
	keep_out(bob, asking(true, with_list), TLS_ERR_REVOKED, 44, 44);
	keep_out(bob, asking(false, with_list), TLS_ERR_REVOKED, 44, 44);
}

static void test_dates(void **state)
{
	struct tls_settings old = asking(true, with_old_list);

	(void)state;
	keep_out(alice, old, TLS_ERR_CRL, 46, 46);
	keep_out(bob, old, TLS_ERR_REVOKED, 44, 44);
	old.auth.ended_crl = true;
	let_in(alice, old, "alice");
	keep_out(bob, old, TLS_ERR_REVOKED, 44, 44);	/* the list was right in its time */
	let_in(of_short_lived, asking(true, ending), "carol");
	let_in(brief, asking(true, plain), "brief");
	later_s = 3 * DAY;
	keep_out(brief, asking(true, plain), TLS_ERR_CERTIFICATE_DATES, 45, 45);
	later_s = 6 * DAY;	/* the certificate ends with its CA */
	keep_out(of_short_lived, asking(true, ending), TLS_ERR_CERTIFICATE_DATES, 45, 45);
	later_s = 0;
}

/* Connects twice; the second time to @second, @later seconds after. */
static struct outcome again(const struct tls_cert *cert, uint16_t version, struct tls_settings first,
			    struct tls_settings second, int64_t later)
{
	struct tls_ctx *a = pair_server_ctx(server_cert, first), *b = pair_server_ctx(server_cert, second);
	struct tls_ctx *client = client_of(cert, version);
	struct outcome one = connect_by(client, a, NULL), two;

	assert_int_equal(one.error, TLS_ERR_NONE);
	assert_non_null(one.next);
	later_s = later;
	two = connect_by(client, b, one.next);
	later_s = 0;
	tls_resume_free(one.next);
	tls_resume_free(two.next);
	two.next = NULL;
	tls_ctx_free(a);
	tls_ctx_free(b);
	tls_ctx_free(client);
	return two;
}

static void test_tickets_say_who(void **state)
{
	struct outcome o;

	(void)state;
	for (uint16_t v = TLS_VERSION_1_2; v <= TLS_VERSION_1_3; v++) {
		o = again(alice, v, asking(true, with_list), asking(true, with_list), 0);
		assert_true(o.resumed && o.verified && o.from_ticket);
		assert_string_equal(o.name, "alice");
		o = again(NULL, v, asking(false, plain), asking(false, plain), 0);
		assert_true(o.resumed);
		assert_false(o.has_peer);
	}
}

static void test_tickets_end(void **state)
{
	struct tls_settings shorter = asking(true, plain);
	struct outcome o;

	(void)state;
	shorter.auth.depth = 1;
	for (uint16_t v = TLS_VERSION_1_2; v <= TLS_VERSION_1_3; v++) {
		/* Made without a certificate, for a rule that wants one. */
		o = again(NULL, v, asking(false, plain), asking(true, plain), 0);
		assert_false(o.resumed);
		assert_int_equal(o.error, TLS_ERR_NO_CERTIFICATE);
		o = again(alice, v, (struct tls_settings){ .binding = "imap" }, asking(true, plain), 0);
		assert_false(o.resumed);
		assert_string_equal(o.name, "alice");
		/* Other CAs, a new list, another policy. */
		o = again(alice, v, asking(true, plain), asking(true, other_ca), 0);
		assert_int_equal(o.error, TLS_ERR_CERTIFICATE_SIGNER);
		o = again(bob, v, asking(true, with_other_list), asking(true, with_list), 0);
		assert_int_equal(o.error, TLS_ERR_REVOKED);
		o = again(alice, v, asking(true, plain), shorter, 0);
		assert_false(o.resumed || o.error);
		/* A day since the client proved itself; the end of its certificate; of the list. */
		o = again(alice, v, asking(true, plain), asking(true, plain), DAY - 60);
		assert_true(o.resumed);
		o = again(alice, v, asking(true, plain), asking(true, plain), DAY + 1);
		assert_false(o.resumed || o.error);
		o = again(brief, v, asking(true, plain), asking(true, plain), 3 * DAY);
		assert_int_equal(o.error, TLS_ERR_CERTIFICATE_DATES);
		o = again(alice, v, asking(true, with_list), asking(true, with_list), 4 * DAY);
		assert_int_equal(o.error, TLS_ERR_CRL);
	}
}

/* From one ticket to the next, the day since the proof isn't begun anew. */
static void test_ticket_after_ticket(void **state)
{
	struct tls_ctx *server = pair_server_ctx(server_cert, asking(true, plain)), *client = client_of(alice, TLS_VERSION_1_3);
	struct outcome o = connect_by(client, server, NULL), next;

	(void)state;
	for (later_s = DAY / 2; later_s < 2 * DAY; later_s += DAY / 2 - 60) {
		next = connect_by(client, server, o.next);
		assert_int_equal(next.error, TLS_ERR_NONE);
		assert_int_equal(next.resumed, later_s < DAY || later_s > 3 * DAY / 2);
		tls_resume_free(o.next);
		o = next;
	}
	later_s = 0;
	tls_resume_free(o.next);
	tls_ctx_free(server);
	tls_ctx_free(client);
}

static void refused(struct der cas, struct der crls, const char *part)
{
	char err[400] = "";

	assert_null(tls_trust_load(cas, crls, err, sizeof(err)));
	if (!strstr(err, part))
		fail_msg("\"%s\" doesn't say \"%s\"", err, part);
}

static void test_files(void **state)
{
	char *crl = revoke(&root, bob, 10), *cut = strdup(crl), both[8192], err[400];
	struct tls_trust *t;

	(void)state;
	refused(text(""), (struct der){ 0 }, "no certificate");
	refused(text(tls_cert_chain_pem(alice)), (struct der){ 0 }, "isn't a CA's");
	refused(text(stranger.pem), text(crl), "no CA of the bundle has signed");
	refused(text(root.pem), text(root.pem), "no revocation list");
	cut[strlen(cut) / 2] = '\0';
	refused(text(root.pem), text(cut), "damaged");
	snprintf(both, sizeof(both), "%s%s", root.pem, stranger.pem);
	t = tls_trust_load(text(both), text(crl), err, sizeof(err));
	assert_non_null(t);
	assert_int_equal(tls_trust_info(t)->n_cas, 2);
	assert_int_equal(tls_trust_info(t)->n_revoked, 1);
	assert_string_equal(tls_trust_info(t)->subject, "CN=postern test CA");
	/* The second CA has no list: nobody can know whom it has revoked. */
	keep_out(wrong_signer, asking(true, t), TLS_ERR_CRL, 46, 46);
	let_in(alice, asking(true, t), "alice");
	tls_trust_free(t);
	free(crl);
	free(cut);
}

/* A chain's CAs serve one handshake: nothing of it stays in the worker's heap. */
static void test_memory(void **state)
{
	struct tls_ctx *server = pair_server_ctx(server_cert, asking(true, plain)), *client = client_of(alice, TLS_VERSION_1_3);
	size_t before = tls_worker_heap_used();

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct outcome o = connect_by(client, server, NULL);

		tls_resume_free(o.next);
		assert_int_equal(o.error, TLS_ERR_NONE);
		assert_int_equal(tls_worker_heap_used(), before);
	}
	tls_ctx_free(server);
	tls_ctx_free(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_is_let_in),
		cmocka_unit_test(test_who_is_kept_out),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_tickets_say_who),
		cmocka_unit_test(test_tickets_end),
		cmocka_unit_test(test_ticket_after_ticket),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
