/* SPDX-License-Identifier: GPL-3.0-or-later */
/* postern cert, as an operator types it: a CA, a request, its answer, and each wrong turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "control/cert_command.h"
#include "tls/cert.h"
#include "tls/store.h"

static char dir[] = "/tmp/postern-test-cert-XXXXXX";
static char said[65536];

static int start(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	return 0;
}

static int stop(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

/* Runs the words, cut at '|', with --dir; what it printed is in `said`. The exit status. */
static int cert(const char *words)
{
	char copy[2048], path[128], *argv[40], *save, *word;
	int argc = 0, out, err, status;
	FILE *f;
	size_t n;

	snprintf(copy, sizeof(copy), "%s", words);
	for (word = strtok_r(copy, "|", &save); word; word = strtok_r(NULL, "|", &save))
		argv[argc++] = word;
	argv[argc++] = (char *)"--dir";
	argv[argc++] = dir;
	argv[argc] = NULL;
	snprintf(path, sizeof(path), "%s/said", dir);
	fflush(NULL);
	out = dup(1);
	err = dup(2);
	f = fopen(path, "w+");
	assert_non_null(f);
	dup2(fileno(f), 1);
	dup2(fileno(f), 2);
	status = cert_command(argc, argv, false);
	fflush(NULL);
	dup2(out, 1);
	dup2(err, 2);
	close(out);
	close(err);
	rewind(f);
	n = fread(said, 1, sizeof(said) - 1, f);
	said[n] = '\0';
	fclose(f);
	unlink(path);
	return status;
}

#define SAYS(status, words, expected) \
	do { \
		int got = cert(words); \
		if (got != (status) || !strstr(said, expected)) \
			fail_msg("%s: status %d: %s", words, got, said); \
	} while (0)

static void test_whole_way(void **state)
{
	json_t *shown;

	(void)state;
	SAYS(0, "show", "no certificates in");
	SAYS(1, "issue|imap", "there is no CA in");
	SAYS(0, "ca|--name|Example CA|--org|Example|--country|DE", "CA \"Example CA\" made");
	SAYS(1, "ca|--name|Another", "there is a CA");
	SAYS(1, "issue|imap", "imap.csr: No such file");
	SAYS(0, "request|imap|--cn|imap.example.test|--alt|smtp.example.test,192.0.2.1|--alt|2001:db8::1|--key|p384", "Request");
	SAYS(1, "request|imap|--cn|imap.example.test", "--reuse-key makes a request with it");
	SAYS(0, "issue|imap|--days|30", "imap.pem issued");
	SAYS(0, "show", "imap.example.test              P-384");
	SAYS(0, "show|imap", "issuer       C=DE, O=Example, CN=Example CA");
	SAYS(0, "show|imap|--json", "{");
	shown = json_loads(said, 0, NULL);
	assert_non_null(shown);
	assert_string_equal(json_string_value(json_object_get(shown, "common_name")), "imap.example.test");
	assert_int_equal(json_array_size(json_object_get(shown, "alt_names")), 4);
	assert_int_equal(json_integer_value(json_object_get(shown, "strength_bits")), 192);
	json_decref(shown);
	SAYS(0, "request|imap|--cn|imap.example.org|--reuse-key", "Request");
	SAYS(0, "issue|imap", "issued");
	SAYS(0, "show|imap", "CN=imap.example.org");
	SAYS(1, "show|nothing", "nothing.pem: No such file");
	/* A new key, and the old certificate no longer fits. */
	SAYS(0, "request|imap|--cn|imap.example.org|--force", "Request");
	SAYS(1, "show|imap", "does not belong to the certificate");
}

static void test_import(void **state)
{
	char words[512];

	(void)state;
	SAYS(0, "request|one|--cn|one.example.test", "Request");
	SAYS(0, "request|two|--cn|two.example.test|--key|ed25519", "Request");
	SAYS(0, "issue|one", "issued");
	SAYS(0, "issue|two", "issued");
	snprintf(words, sizeof(words), "import|one|--chain|%s/two.pem", dir);
	SAYS(1, words, "does not belong to the certificate");
	SAYS(0, "show|one", "CN=one.example.test");	/* as it was */
	snprintf(words, sizeof(words), "import|three|--chain|%s/two.pem", dir);
	SAYS(1, words, "there is no key for it");
	snprintf(words, sizeof(words), "import|three|--chain|%s/two.pem|--key|%s/two.key", dir, dir);
	SAYS(0, words, "Certificate three imported");
	SAYS(0, "show|three", "CN=two.example.test");
	assert_true(tls_store_has(dir, "three", TLS_STORE_KEY));
	snprintf(words, sizeof(words), "issue|one|--request|%s/two.csr", dir);
	SAYS(1, words, "the request is not of the key");
	snprintf(words, sizeof(words), "issue|four|--request|%s/two.csr", dir);
	SAYS(0, words, "four.pem issued");
}

static void test_usage(void **state)
{
	(void)state;
	SAYS(2, "nothing", "Usage: postern cert ca");
	SAYS(2, "ca", "--name is missing");
	SAYS(2, "issue", "NAME is missing");
	SAYS(2, "issue|a|b", "a word too many");
	SAYS(2, "issue|../a", "NAME may hold letters");
	SAYS(2, "issue|a|--days|0", "--days wants a whole number");
	SAYS(2, "issue|a|--days|5x", "--days wants a whole number");
	SAYS(2, "issue|a|--chain|x", "doesn't go with this verb");
	SAYS(2, "import|a", "--chain is missing");
	SAYS(2, "request|a", "--cn is missing");
	SAYS(1, "request|a|--cn|a.example|--key|dsa", "there is no kind of key \"dsa\"");
	SAYS(1, "request|a|--cn|a.example|--country|Germany", "two capital letters");
	SAYS(0, "import|--help", "--chain FILE");
	assert_true(cert_command_has("issue"));
	assert_false(cert_command_has("list"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_way),
		cmocka_unit_test(test_import),
		cmocka_unit_test(test_usage),
	};

	return cmocka_run_group_tests_name("cert_command", tests, start, stop);
}
