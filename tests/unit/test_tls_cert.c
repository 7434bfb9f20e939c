/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Certificates, keys, requests and the CA: each refusal with its reason, and what openssl(1) says of ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tls/ca.h"
#include "tls/pem.h"
#include "tls/store.h"
#include "tls/tls.h"

#define PATH 512
static char dir[] = "/tmp/postern-test-cert-XXXXXX";
static char err[1024];
static const char *const kinds[] = { "p256", "p384", "ed25519", "rsa2048", "rsa3072", "rsa4096" };

/* Runs a shell command in the folder. */
__attribute__((format(printf, 1, 2))) static int run(const char *format, ...)
{
	char command[4096];
	va_list args;
	int n = snprintf(command, sizeof(command), "cd %s && exec >>log 2>&1; ", dir);

	va_start(args, format);
	vsnprintf(command + n, sizeof(command) - (size_t)n, format, args);
	va_end(args);
	return system(command);
}

static int start(void **state)
{
	const char *why;

	(void)state;
	assert_int_equal(tls_init(&why), 0);
	assert_non_null(mkdtemp(dir));
	return 0;
}

static int stop(void **state)
{
	char command[PATH];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static bool have_openssl(void)
{
	return run("openssl version") == 0;
}

static struct der slice(const char *text)
{
	return (struct der){ (const uint8_t *)text, strlen(text) };
}

static void save(const char *name, const char *text)
{
	char path[PATH];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	chmod(path, 0600);
}

static char *load(const char *name)
{
	char path[PATH];
	size_t bytes;
	char *text;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	text = tls_file_read(path, &bytes, NULL, err, sizeof(err));
	if (!text)
		fail_msg("%s", err);
	return text;
}

static struct tls_key *key_of(const char *kind)
{
	enum tls_key_type type;
	unsigned int bits;
	struct tls_key *key;

	assert_true(tls_key_type_parse(kind, &type, &bits));
	key = tls_key_generate(type, bits, err, sizeof(err));
	if (!key)
		fail_msg("%s", err);
	return key;
}

static char *key_text(const struct tls_key *key)
{
	char *text = tls_key_to_pem(key);

	assert_non_null(text);
	return text;
}

/* Expects the pair to be refused for a reason that holds @expected. */
static void refused(const char *chain, const char *key, const char *expected)
{
	struct tls_cert *cert = tls_cert_load(slice(chain), slice(key), err, sizeof(err));

	assert_null(cert);
	if (!strstr(err, expected))
		fail_msg("\"%s\" is not in \"%s\"", expected, err);
}

static char *join(const char *a, const char *b)
{
	char *both = malloc(strlen(a) + strlen(b) + 1);

	strcpy(both, a);
	return strcat(both, b);
}

/* One CA for each kind of key, and from each a certificate for each kind. */
static void test_issue(void **state)
{
	static const char *const alt[] = { "smtp.example.test", "192.0.2.1", "2001:db8::1", "*.mail.example.test" };
	struct tls_subject who = { .common_name = "imap.example.test", .organisation = "M\xc3\xbcller & S\xc3\xb6hne",
				   .unit = "Mail", .city = "Berlin", .state = "Berlin", .country = "DE",
				   .email = "postmaster@example.test", .alt_names = alt, .n_alt_names = 4 };
	struct tls_subject ca_name = { .common_name = "Example CA", .organisation = "Example" };
	const struct tls_cert_info *info;
	struct tls_request request;
	struct tls_key *ca_key, *key;
	struct tls_cert *cert;
	char *ca, *csr, *pem, *text;
	size_t i, k;

	(void)state;
	for (i = 0; i < 6; i++) {
		ca_key = key_of(kinds[i]);
		ca = tls_ca_make(ca_key, &ca_name, 3650, time(NULL), err, sizeof(err));
		assert_non_null(ca);
		k = (i + 1) % 6;
		key = key_of(kinds[k]);
		csr = tls_request_make(key, &who, err, sizeof(err));
		if (!csr)
			fail_msg("%s", err);
		assert_int_equal(tls_request_read(slice(csr), &request, err, sizeof(err)), 0);
		pem = tls_ca_issue(slice(ca), ca_key, &request, 90, time(NULL), err, sizeof(err));
		if (!pem)
			fail_msg("%s", err);
		text = key_text(key);
		cert = tls_cert_load(slice(pem), slice(text), err, sizeof(err));
		if (!cert)
			fail_msg("%s", err);
		info = tls_cert_info(cert);
		assert_string_equal(info->common_name, "imap.example.test");
		assert_string_equal(info->issuer, "O=Example, CN=Example CA");
		assert_int_equal(info->n_alt_names, 5);
		assert_string_equal(info->alt_names[0], "imap.example.test");
		assert_string_equal(info->alt_names[2], "192.0.2.1");
		assert_string_equal(info->alt_names[3], "2001:db8::1");
		assert_false(info->self_signed);
		assert_int_equal(tls_cert_warnings(cert, time(NULL)), 0);
		assert_int_equal(tls_cert_warnings(cert, time(NULL) + 80 * 86400), TLS_CERT_EXPIRES_SOON);
		assert_int_equal(tls_cert_warnings(cert, time(NULL) + 91 * 86400), TLS_CERT_EXPIRED);
		assert_int_equal(tls_cert_warnings(cert, time(NULL) - 86400), TLS_CERT_NOT_YET_VALID);
		assert_true(tls_cert_names_host(cert, "SMTP.example.test"));
		assert_true(tls_cert_names_host(cert, "a.mail.example.test."));
		assert_true(tls_cert_names_host(cert, "2001:db8:0::1"));
		assert_false(tls_cert_names_host(cert, "a.b.mail.example.test"));
		assert_false(tls_cert_names_host(cert, "mail.example.test"));
		assert_false(tls_cert_names_host(cert, "192.0.2.2"));
		if (have_openssl()) {
			save("ca.pem", ca);
			save("leaf.pem", pem);
			save("leaf.csr", csr);
			save("leaf.key", text);
			assert_int_equal(run("openssl verify -x509_strict -purpose sslserver -verify_hostname smtp.example.test -CAfile ca.pem leaf.pem"), 0);
			assert_int_equal(run("openssl verify -x509_strict -verify_ip 2001:db8::1 -CAfile ca.pem leaf.pem"), 0);
			assert_int_equal(run("openssl req -verify -noout -in leaf.csr 2>&1 | grep -q OK"), 0);
			assert_int_equal(run("openssl pkey -in leaf.key -check -noout"), 0);
			assert_int_equal(run("test \"$(openssl pkey -in leaf.key -pubout)\" = \"$(openssl x509 -in leaf.pem -pubkey -noout)\""), 0);
		}
		tls_cert_free(cert);
		tls_request_fini(&request);
		tls_key_text_free(text);
		free(pem);
		free(csr);
		free(ca);
		tls_key_free(key);
		tls_key_free(ca_key);
	}
}

static void test_serials_differ(void **state)
{
	struct tls_subject who = { .common_name = "imap.example.test" };
	struct tls_key *key = key_of("p256");
	char *text = key_text(key), *pem;
	char serials[20][64];
	struct tls_cert *cert;
	size_t i, k;

	(void)state;
	for (i = 0; i < 20; i++) {
		pem = tls_self_signed(key, &who, 1, time(NULL), err, sizeof(err));
		cert = tls_cert_load(slice(pem), slice(text), err, sizeof(err));
		assert_non_null(cert);
		strcpy(serials[i], tls_cert_info(cert)->serial);
		assert_int_equal(strlen(serials[i]), 32);
		for (k = 0; k < i; k++)
			assert_string_not_equal(serials[i], serials[k]);
		assert_int_equal(tls_cert_warnings(cert, time(NULL)) & TLS_CERT_SELF_SIGNED, TLS_CERT_SELF_SIGNED);
		tls_cert_free(cert);
		free(pem);
	}
	tls_key_text_free(text);
	tls_key_free(key);
}

static void test_refusals(void **state)
{
	struct tls_subject ca_name = { .common_name = "Example CA" }, who = { .common_name = "imap.example.test" };
	struct tls_key *key = key_of("p256"), *other = key_of("p256"), *rsa = key_of("rsa2048");
	char *key_pem = key_text(key), *other_pem = key_text(other), *rsa_pem = key_text(rsa);
	char *leaf = tls_self_signed(key, &who, 30, time(NULL), err, sizeof(err));
	char *ca = tls_ca_make(other, &ca_name, 30, time(NULL), err, sizeof(err));
	char *csr = tls_request_make(key, &who, err, sizeof(err)), *chain, *damaged;
	struct tls_request request;

	(void)state;
	refused("hello", key_pem, "no certificate in it (no BEGIN CERTIFICATE line)");
	refused("\x30\x82\x01\x01\x02", key_pem, "DER form, not PEM");
	refused(csr, key_pem, "a certificate request, not a certificate");
	refused(leaf, "hello", "no private key in it");
	refused(leaf, other_pem, "does not belong to the certificate");
	refused(leaf, rsa_pem, "the private key (RSA, 2048 bits) does not belong to the certificate (P-256, 256 bits)");
	chain = join(ca, leaf);
	refused(chain, key_pem, "wrong order: the key belongs to certificate 2");
	free(chain);
	chain = join(leaf, ca);
	refused(chain, key_pem, "was issued by \"CN=imap.example.test\", but certificate 2 is \"CN=Example CA\"");
	free(chain);
	/* The CA that has the name but not the key. */
	assert_int_equal(tls_request_read(slice(csr), &request, err, sizeof(err)), 0);
	chain = tls_ca_issue(slice(ca), other, &request, 10, time(NULL), err, sizeof(err));
	assert_non_null(chain);
	free(ca);
	ca = tls_ca_make(rsa, &ca_name, 30, time(NULL), err, sizeof(err));
	damaged = join(chain, ca);
	refused(damaged, key_pem, "is not signed by the key of certificate 2 (\"CN=Example CA\")");
	free(damaged);
	free(chain);
	assert_null(tls_ca_issue(slice(ca), other, &request, 10, time(NULL), err, sizeof(err)));
	assert_non_null(strstr(err, "key does not belong to its certificate"));
	assert_null(tls_ca_issue(slice(leaf), key, &request, 10, time(NULL), err, sizeof(err)));
	assert_non_null(strstr(err, "isn't one that may sign others"));
	assert_null(tls_ca_issue(slice(ca), rsa, &request, 0, time(NULL), err, sizeof(err)));
	assert_null(tls_ca_issue(slice(ca), rsa, &request, 10, time(NULL) + 40 * 86400, err, sizeof(err)));
	assert_non_null(strstr(err, "has expired"));
	tls_request_fini(&request);
	/* Damage. */
	damaged = strdup(leaf);
	strstr(damaged, "-----END")[0] = 'x';
	refused(damaged, key_pem, "PEM text is damaged");
	free(damaged);
	damaged = strdup(leaf);
	memset(damaged + 32, 'A', 40);
	refused(damaged, key_pem, "can't be read");
	free(damaged);
	refused(leaf, "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
		"encrypted with a passphrase");
	refused(leaf, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n",
		"encrypted with a passphrase");
	refused(leaf, "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n", "not supported");
	tls_key_text_free(key_pem);
	tls_key_text_free(other_pem);
	tls_key_text_free(rsa_pem);
	tls_key_free(key);
	tls_key_free(other);
	tls_key_free(rsa);
	free(leaf);
	free(ca);
	free(csr);
}

static void subject_refused(struct tls_subject who, const char *expected)
{
	struct tls_key *key = key_of("p256");

	assert_null(tls_request_make(key, &who, err, sizeof(err)));
	if (!strstr(err, expected))
		fail_msg("\"%s\" is not in \"%s\"", expected, err);
	tls_key_free(key);
}

static void test_subjects(void **state)
{
	static const char *const bad_alt[] = { "under score.example" }, *const star[] = { "*.test" };

	(void)state;
	subject_refused((struct tls_subject){ .common_name = "Example" }, "there is no host name");
	subject_refused((struct tls_subject){ .common_name = "a.example", .country = "de" }, "two capital letters");
	subject_refused((struct tls_subject){ .common_name = "a.example", .country = "DEU" }, "two capital letters");
	subject_refused((struct tls_subject){ .common_name = "a.example", .email = "nobody" }, "not an e-mail address");
	subject_refused((struct tls_subject){ .common_name = "a.example", .organisation = "\xff\xfe" }, "not UTF-8");
	subject_refused((struct tls_subject){ .common_name = "a.example", .city = "a\nb" }, "not UTF-8");
	subject_refused((struct tls_subject){ .common_name = "a.example", .alt_names = bad_alt, .n_alt_names = 1 },
			"neither a host name nor an IP address");
	subject_refused((struct tls_subject){ .common_name = "a.example", .alt_names = star, .n_alt_names = 1 },
			"neither a host name nor an IP address");
	subject_refused((struct tls_subject){ .common_name =
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.example" }, "at most 64");
	assert_true(tls_host_name_valid("a-b.example") && tls_host_name_valid("*.example.test"));
	assert_false(tls_host_name_valid("-a.example") || tls_host_name_valid("a-.example") ||
		     tls_host_name_valid("a..example") || tls_host_name_valid("a.example.") || tls_host_name_valid("") ||
		     tls_host_name_valid("a.*.example"));
}

/* Requests and certificates that openssl(1) made. */
static void test_foreign(void **state)
{
	struct tls_subject ca_name = { .common_name = "Example CA" };
	struct tls_key *ca_key;
	struct tls_request request;
	struct tls_cert *cert;
	char *ca, *csr, *pem, *key;

	(void)state;
	if (!have_openssl())
		skip();
	ca_key = key_of("p384");
	ca = tls_ca_make(ca_key, &ca_name, 30, time(NULL), err, sizeof(err));
	save("ca.pem", ca);
	assert_int_equal(run("openssl req -new -newkey rsa:2048 -nodes -keyout f.key -out f.csr -subj '/C=FR/O=Foreign/CN=mx.example.test' -addext 'subjectAltName=DNS:mx.example.test,IP:192.0.2.9'"), 0);
	csr = load("f.csr");
	assert_int_equal(tls_request_read(slice(csr), &request, err, sizeof(err)), 0);
	pem = tls_ca_issue(slice(ca), ca_key, &request, 10, time(NULL), err, sizeof(err));
	assert_non_null(pem);
	save("f.pem", pem);
	key = load("f.key");
	cert = tls_cert_load(slice(pem), slice(key), err, sizeof(err));
	assert_non_null(cert);
	assert_string_equal(tls_cert_info(cert)->subject, "C=FR, O=Foreign, CN=mx.example.test");
	assert_int_equal(tls_cert_info(cert)->n_alt_names, 2);
	assert_int_equal(run("openssl verify -x509_strict -purpose sslserver -CAfile ca.pem f.pem"), 0);
	tls_cert_free(cert);
	tls_request_fini(&request);
	free(pem);
	free(csr);
	free(key);
	/* Changed after it was signed. */
	assert_int_equal(run("openssl req -in f.csr -outform DER | sed 's/Foreign/Foreigm/' | (echo '-----BEGIN CERTIFICATE REQUEST-----'; base64; echo '-----END CERTIFICATE REQUEST-----') >f.csr2"), 0);
	csr = load("f.csr2");
	assert_int_not_equal(tls_request_read(slice(csr), &request, err, sizeof(err)), 0);
	assert_non_null(strstr(err, "signature is wrong"));
	free(csr);
	/* Asks to be a CA; asks for an e-mail name; names no host; a short key. */
	static const char *const asked[][2] = {
		{ "-addext 'basicConstraints=critical,CA:TRUE' -addext 'subjectAltName=DNS:a.example.test'", "only server certificates" },
		{ "-addext 'subjectAltName=email:a@example.test'", "neither a host name nor an address" },
		{ "-addext 'subjectAltName=DNS:a b.example.test'", "which is not a host name" },
		{ "", "names no host" },
	};
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(run("openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout f.key -out f.csr -subj '/CN=Somebody' %s", asked[i][0]), 0);
		csr = load("f.csr");
		assert_int_equal(tls_request_read(slice(csr), &request, err, sizeof(err)), 0);
		assert_null(tls_ca_issue(slice(ca), ca_key, &request, 10, time(NULL), err, sizeof(err)));
		if (!strstr(err, asked[i][1]))
			fail_msg("%s", err);
		tls_request_fini(&request);
		free(csr);
	}
	assert_int_equal(run("openssl req -new -newkey rsa:1024 -nodes -keyout f.key -out f.csr -subj '/CN=a.example.test'"), 0);
	csr = load("f.csr");
	assert_int_not_equal(tls_request_read(slice(csr), &request, err, sizeof(err)), 0);
	assert_non_null(strstr(err, "RSA key has 1024 bits"));
	free(csr);
	free(ca);
	tls_key_free(ca_key);
}

/* openssl's self-signed certificates and keys in their older forms. */
static void test_foreign_pairs(void **state)
{
	static const char *const made[][3] = {
		{ "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /CN=a.example.test", "openssl ec -in g.key -out h.key", "" },
		{ "-newkey ec -pkeyopt ec_paramgen_curve:P-384 -subj /CN=a.example.test", "cp g.key h.key", "" },
		{ "-newkey rsa:3072 -subj /CN=a.example.test", "openssl rsa -in g.key -out h.key -traditional", "" },
		{ "-newkey ed25519 -subj /CN=a.example.test", "cp g.key h.key", "" },
		{ "-newkey rsa:1024 -subj /CN=a.example.test", "cp g.key h.key", "1024 bits" },
		{ "-newkey ec -pkeyopt ec_paramgen_curve:secp224r1 -subj /CN=a.example.test", "cp g.key h.key", "not supported" },
		{ "-newkey rsa:2048 -addext extendedKeyUsage=clientAuth -subj /CN=a.example.test", "cp g.key h.key", "lacks serverAuth" },
		{ "-newkey rsa:2048 -addext keyUsage=keyEncipherment -subj /CN=a.example.test", "cp g.key h.key", "lacks digitalSignature" },
		{ "-newkey rsa:2048 -subj /CN=a.example.test", "openssl pkey -in g.key -aes128 -passout pass:x -out h.key", "passphrase" },
	};
	struct tls_cert *cert;
	char *pem, *key;
	size_t i;

	(void)state;
	if (!have_openssl())
		skip();
	for (i = 0; i < sizeof(made) / sizeof(made[0]); i++) {
		assert_int_equal(run("openssl req -x509 -nodes -days 10 -keyout g.key -out g.pem %s && %s", made[i][0], made[i][1]), 0);
		pem = load("g.pem");
		key = load("h.key");
		if (made[i][2][0]) {
			refused(pem, key, made[i][2]);
		} else {
			cert = tls_cert_load(slice(pem), slice(key), err, sizeof(err));
			if (!cert)
				fail_msg("%s: %s", made[i][0], err);
			tls_cert_free(cert);
		}
		free(pem);
		free(key);
	}
}

static void test_store(void **state)
{
	struct tls_subject who = { .common_name = "imap.example.test" };
	struct tls_key *key = key_of("p256");
	char *pem = tls_self_signed(key, &who, 30, time(NULL), err, sizeof(err)), *text = key_text(key), path[PATH + 64];
	struct tls_cert *cert;
	struct stat st;

	(void)state;
	snprintf(path, sizeof(path), "%s/store/below", dir);
	assert_int_equal(tls_store_make(path, true, err, sizeof(err)), 0);
	assert_int_equal(tls_store_make(path, true, err, sizeof(err)), 0);
	assert_int_equal(tls_store_write(path, "imap", TLS_STORE_KEY, text, err, sizeof(err)), 0);
	assert_int_equal(tls_store_write(path, "imap", TLS_STORE_CHAIN, pem, err, sizeof(err)), 0);
	assert_int_equal(tls_store_write(path, "../imap", TLS_STORE_CHAIN, pem, err, sizeof(err)), -22);
	assert_false(tls_store_name_valid(".x") || tls_store_name_valid("-x") || tls_store_name_valid("a/b") ||
		     tls_store_name_valid("") || tls_store_name_valid("a b"));
	cert = tls_store_load(path, "imap", err, sizeof(err));
	assert_non_null(cert);
	tls_cert_free(cert);
	strcat(path, "/imap.key");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	chmod(path, 0644);
	*strrchr(path, '/') = '\0';
	assert_null(tls_store_load(path, "imap", err, sizeof(err)));
	assert_non_null(strstr(err, "others may read this private key (its mode is 0644)"));
	assert_null(tls_store_load(path, "nothing", err, sizeof(err)));
	assert_non_null(strstr(err, "nothing.pem: No such file or directory"));
	tls_key_text_free(text);
	tls_key_free(key);
	free(pem);
}

/* Old CAs wrote Latin-1 and 16-bit texts; whatever stands there, what is shown is UTF-8 (JSON takes nothing else). */
static void test_name_texts(void **state)
{
	static const struct {
		unsigned int tag;
		const char *text;
		size_t bytes;
		const char *shown;
	} names[] = {
		{ DER_UTF8_STRING, "M\xc3\xbcller", 7, "CN=M\xc3\xbcller" },
		{ DER_UTF8_STRING, "M\xfcller", 6, "CN=M?ller" },
		{ DER_UTF8_STRING, "\xe2\x82", 2, "CN=??" },
		{ DER_UTF8_STRING, "\xed\xa0\x80\xc2\x9b" "a\nb", 8, "CN=????a?b" },
		{ DER_T61_STRING, "M\xfcller", 6, "CN=M\xc3\xbcller" },
		{ DER_BMP_STRING, "\0M\0\xfc\x20\xac\xd8\x00!", 9, "CN=M\xc3\xbc\xe2\x82\xac??" },
	};
	uint8_t buf[256];
	char shown[64], cut[6];
	struct der_writer w;
	struct der name;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		der_writer_init(&w, buf, sizeof(buf));
		der_put_element(&w, names[i].tag, (struct der){ (const uint8_t *)names[i].text, names[i].bytes });
		der_put_element(&w, DER_OID, X509_OID_CN);
		der_wrap(&w, DER_SEQUENCE, 0);
		der_wrap(&w, DER_SET, 0);
		der_wrap(&w, DER_SEQUENCE, 0);
		assert_true(der_written(&w, &name));
		x509_name_format(name, shown, sizeof(shown));
		assert_string_equal(shown, names[i].shown);
		assert_true(x509_name_attribute(name, X509_OID_CN, shown, sizeof(shown)));
		assert_string_equal(shown, names[i].shown + 3);
		x509_name_format(name, cut, sizeof(cut));	/* not within a character */
		assert_true(strncmp(cut, names[i].shown, strlen(cut)) == 0 && ((uint8_t)names[i].shown[strlen(cut)] & 0xc0) != 0x80);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_issue),
		cmocka_unit_test(test_serials_differ),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_subjects),
		cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_foreign_pairs),
		cmocka_unit_test(test_store),
		cmocka_unit_test(test_name_texts),
	};

	return cmocka_run_group_tests_name("tls_cert", tests, start, stop);
}
