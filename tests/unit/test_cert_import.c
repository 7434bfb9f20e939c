/* SPDX-License-Identifier: GPL-3.0-or-later */
/* postern cert import: which key it takes, and that what is in the store is replaced as a pair or not at all. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "control/cert_command.h"
#include "tls/ca.h"
#include "tls/store.h"
#include "tls/tls.h"

static char dir[64], bundle[96];

static int set_up(void **state)
{
	const char *why;

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/postern-import-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(bundle, sizeof(bundle), "%s/bundle", dir);
	return tls_init(&why);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int tear_down(void **state)
{
	(void)state;
	return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* A new chain and its key in one file, as many tools leave them; the chain's text (free it). */
static char *write_bundle(mode_t mode)
{
	struct tls_subject who = { .common_name = "imap.example.test" };
	char err[256] = "", *chain, *key_text;
	struct tls_key *key = tls_key_generate(TLS_KEY_P256, 0, err, sizeof(err));
	FILE *f = fopen(bundle, "w");

	assert_non_null(key);
	assert_non_null(f);
	chain = tls_self_signed(key, &who, 30, time(NULL), err, sizeof(err));
	key_text = tls_key_to_pem(key);
	assert_true(fprintf(f, "%s%s", key_text, chain) > 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(bundle, mode), 0);
	tls_key_text_free(key_text);
	tls_key_free(key);
	return chain;
}

static int import(void)
{
	char *argv[] = { (char *)"import", (char *)"imap", (char *)"--chain", bundle, (char *)"--dir", dir, NULL };

	return cert_command(6, argv, false);
}

/* Chain and key in the store belong together, and are those of @chain. */
static void stored_is(const char *chain)
{
	char err[512] = "";
	struct tls_cert *cert = tls_store_load(dir, "imap", err, sizeof(err));

	if (!cert)
		fail_msg("%s", err);
	assert_string_equal(tls_cert_chain_pem(cert), chain);
	tls_cert_free(cert);
}

static void a_bundles_own_key_wins(void **state)
{
	char *first = write_bundle(0600), *second;

	(void)state;
	assert_int_equal(import(), 0);
	stored_is(first);
	second = write_bundle(0600);	/* renewed, with a new key */
	assert_int_equal(import(), 0);
	stored_is(second);
	free(first);
	free(second);
}

static void a_bundle_that_others_read_is_refused(void **state)
{
	(void)state;
	free(write_bundle(0644));
	assert_int_equal(import(), 1);
	assert_false(tls_store_has(dir, "imap", TLS_STORE_KEY));
}

/* The key fits onto the disk, the chain doesn't. */
static void a_full_disk_leaves_the_old_pair(void **state)
{
	struct rlimit full = { .rlim_cur = 300 }, no_limit;
	char *first = write_bundle(0600);
	int status;

	(void)state;
	assert_int_equal(import(), 0);
	free(write_bundle(0600));
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &no_limit), 0);
	full.rlim_max = no_limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	status = import();
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &no_limit), 0);
	assert_int_equal(status, 1);
	stored_is(first);
	free(first);
}

#define WITH_STORE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STORE(a_bundles_own_key_wins),
		WITH_STORE(a_bundle_that_others_read_is_refused),
		WITH_STORE(a_full_disk_leaves_the_old_pair),
	};

	return cmocka_run_group_tests_name("cert_import", tests, NULL, NULL);
}
