/* SPDX-License-Identifier: GPL-3.0-or-later */
/* postern cert, as an operator types it: a CA, a request, its answer, and each wrong turn. */
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
}

/* The text of DIR/@file; "" when there is none. */
static const char *content(const char *file)
{
	static char text[2][16384];
	static unsigned int turn;
	char path[128], *to = text[turn++ % 2];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	f = fopen(path, "r");
	to[f ? fread(to, 1, sizeof(text[0]) - 1, f) : 0] = '\0';
	if (f)
		fclose(f);
	return to;
}

static void move(const char *from, const char *to)
{
	char a[128], b[128];

	snprintf(a, sizeof(a), "%s/%s", dir, from);
	snprintf(b, sizeof(b), "%s/%s", dir, to);
	assert_int_equal(rename(a, b), 0);
}

static void assert_private(const char *file)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

/* The key that serves stays, with its certificate, until the new one's is there. */
static void test_new_key(void **state)
{
	char *old, *new, words[512];

	(void)state;
	old = strdup(content("imap.key"));
	SAYS(0, "request|imap|--cn|imap.example.net|--force", "imap.key.new; the old one serves until then");
	assert_string_equal(content("imap.key"), old);
	assert_private("imap.key.new");
	SAYS(0, "show|imap", "CN=imap.example.org");
	/* A request for the old key is answered while the new one waits. */
	new = strdup(content("imap.key.new"));
	move("imap.csr", "new.csr");
	SAYS(0, "request|imap|--cn|imap.example.com|--reuse-key", "key in imap.key)");
	SAYS(0, "issue|imap", "issued");
	SAYS(0, "show|imap", "CN=imap.example.com");
	assert_string_equal(content("imap.key.new"), new);
	move("new.csr", "imap.csr");
	SAYS(0, "issue|imap", "issued");
	SAYS(0, "show|imap", "CN=imap.example.net");
	assert_string_equal(content("imap.key"), new);
	assert_string_equal(content("imap.key.new"), "");
	assert_private("imap.key");
	free(old);
	free(new);
	/* The same by an answer from elsewhere. */
	SAYS(0, "request|imap|--cn|imap.example.edu|--force", "Request");
	snprintf(words, sizeof(words), "issue|answer|--request|%s/imap.csr", dir);
	SAYS(0, words, "issued");
	snprintf(words, sizeof(words), "import|imap|--chain|%s/answer.pem", dir);
	SAYS(0, words, "imported");
	SAYS(0, "show|imap", "CN=imap.example.edu");
	assert_string_equal(content("imap.key.new"), "");
}

/* The power went between the chain's taking its place and the key's. */
static void test_swap_cut_short(void **state)
{
	char *new;

	(void)state;
	SAYS(0, "request|imap|--cn|imap.example.net|--force", "Request");
	move("imap.key", "old.key");
	new = strdup(content("imap.key.new"));
	SAYS(0, "issue|imap", "issued");	/* of a request from elsewhere, as far as it knows: the chain alone */
	move("old.key", "imap.key");
	assert_string_equal(content("imap.key.new"), new);
	SAYS(0, "show|imap", "CN=imap.example.net");
	/* A further request must not take the waiting key for one that nobody needs. */
	SAYS(0, "request|imap|--cn|imap.example.org|--force", "Request");
	assert_string_equal(content("imap.key"), new);
	assert_string_not_equal(content("imap.key.new"), new);
	SAYS(0, "show|imap", "CN=imap.example.net");
	free(new);
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
		cmocka_unit_test(test_new_key),
		cmocka_unit_test(test_swap_cut_short),
		cmocka_unit_test(test_import),
		cmocka_unit_test(test_usage),
	};

	return cmocka_run_group_tests_name("cert_command", tests, start, stop);
}
