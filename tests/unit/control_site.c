/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control_site.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "control/log.h"
#include "dataplane/base/assert.h"
#include "tls/ca.h"
#include "tls/cert.h"
#include "tls/tls.h"

_Noreturn static void site_fail(const char *what)
{
	fprintf(stderr, "the test's own configuration is refused: %s\n", what);
	abort();
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	ASSERT(f != NULL);
	ASSERT(fputs(text, f) >= 0);
	ASSERT(fclose(f) == 0);
	ASSERT(chmod(path, mode) == 0);
}

void site_certificate(struct site *s, const char *name, const char *host, unsigned int days)
{
	site_certificate_made(s, name, host, days, time(NULL));
}

void site_certificate_made(struct site *s, const char *name, const char *host, unsigned int days, time_t made)
{
	struct tls_subject subject = { .common_name = host };
	char err[256] = "", path[256], *chain, *key_pem;
	struct tls_key *key = tls_key_generate(TLS_KEY_P256, 0, err, sizeof(err));

	ASSERT(key != NULL);
	chain = tls_self_signed(key, &subject, days, made, err, sizeof(err));
	key_pem = tls_key_to_pem(key);
	ASSERT(chain != NULL);
	ASSERT(key_pem != NULL);
	snprintf(path, sizeof(path), "%s/certs/%s.pem", s->folder, name);
	write_file(path, chain, 0644);
	snprintf(path, sizeof(path), "%s/certs/%s.key", s->folder, name);
	write_file(path, key_pem, 0600);
	tls_key_text_free(key_pem);
	free(chain);
	tls_key_free(key);
}

void site_init(struct site *s)
{
	static bool tls_started;
	char path[256];
	const char *why = "";

	memset(s, 0, sizeof(*s));
	if (!tls_started)
		ASSERT(tls_init(&why) == 0);
	tls_started = true;
	log_set_level(LOG_ERROR_LEVEL);
	snprintf(s->folder, sizeof(s->folder), "/tmp/postern-test-XXXXXX");
	ASSERT(mkdtemp(s->folder) != NULL);
	snprintf(path, sizeof(path), "%s/certs", s->folder);
	ASSERT(mkdir(path, 0700) == 0);
	site_certificate(s, "mail", "imap.example.test", 100);
	site_certificate(s, "other", "other.example.test", 100);
	snprintf(s->config, sizeof(s->config), "%s/posternd.conf", s->folder);
}

const char *site_write(struct site *s, const char *name, const char *text)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", s->folder, name);
	write_file(path, text, 0644);
	return path;
}

const char *site_configure(struct site *s, const char *text)
{
	write_file(s->config, text, 0644);
	return s->config;
}

void site_start(struct site *s)
{
	struct config *config;
	struct error err = { .message = "" };
	char text[1300];

	if (config_read(s->config, &config, &err) != 0 || gateway_init(&s->gateway, config, &err) != 0)
		site_fail(error_format(&err, text, sizeof(text)));
	ASSERT(dataplane_start(&config->dataplane, NULL, 0) == 0);
	ASSERT(gateway_publish_first(&s->gateway, &err) == 0);
}

void site_stop(struct site *s)
{
	dataplane_stop();
	gateway_fini(&s->gateway);
	fake_reset(0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void site_fini(struct site *s)
{
	ASSERT(nftw(s->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
}
