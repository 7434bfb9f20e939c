/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/staples.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control/gateway.h"
#include "control/log.h"
#include "control/text.h"
#include "dataplane/policy_rcu.h"
#include "tls/staple.h"
#include "tls/store.h"

void staples_path(const struct config *config, const struct certificate *c, char *path)
{
	const struct config_certificate *cert = config->certificates;

	for (; cert != NULL && strcmp(cert->name, c->name) != 0; cert = cert->next)
		;
	if (cert != NULL && cert->ocsp[0] != '\0')
		snprintf(path, PATH_MAX, "%s", cert->ocsp);
	else if (snprintf(path, PATH_MAX, "%s/%s.ocsp", config->certificates_directory, c->name) >= PATH_MAX)
		path[0] = '\0';	/* no file has such a name */
}

const char *staples_state(const struct certificate *c, time_t *until)
{
	const struct tls_staple *s = tls_staple_of(c->tls);

	*until = s != NULL ? tls_staple_answer(s)->next_update : 0;
	return s == NULL ? "none" : tls_staple_answer(s)->status == OCSP_REVOKED ? "revoked" : "good";
}

static void put(struct certificate *c, struct tls_staple *s)
{
	struct tls_staple *old = tls_staple_put(c->tls, s);

	c->staple.told_end = false;
	c->staple.told_lack = false;
	if (old == NULL)
		return;
	policy_synchronize();	/* a worker may be sending it */
	tls_staple_free(old);
}

static void tell(const struct certificate *c, const struct ocsp_answer *a, const char *from)
{
	char until[TIME_TEXT_BYTES], since[TIME_TEXT_BYTES];

	text_format_time((uint64_t)a->next_update * 1000000, until, sizeof(until));
	if (a->status == OCSP_GOOD) {
		log_say(LOG_INFO_LEVEL, "certificate %s: its OCSP response, from %s, is good until %.19sZ; clients that ask are shown it",
			c->name, from, until);
		return;
	}
	text_format_time((uint64_t)a->revoked * 1000000, since, sizeof(since));
	log_say(LOG_ERROR_LEVEL, "certificate %s: its CA HAS REVOKED it (%.19sZ, says the OCSP response from %s). Clients that ask "
		"are shown that, and will refuse it: replace the certificate", c->name, since, from);
}

int staples_take(struct certificate *c, struct der response, const char *from)
{
	const struct tls_staple *before = tls_staple_of(c->tls);
	struct tls_staple *s;

	s = tls_staple_new(c->tls, response, time(NULL), c->staple.why, sizeof(c->staple.why));
	if (s == NULL)
		return -EINVAL;
	c->staple.why[0] = '\0';
	if (before != NULL && tls_staple_answer(before)->this_update >= tls_staple_answer(s)->this_update &&
	    tls_staple_answer(before)->status == tls_staple_answer(s)->status) {
		tls_staple_free(s);
		return -EALREADY;
	}
	put(c, s);
	tell(c, tls_staple_answer(s), from);
	return 0;
}

/* Reads the file, which is there, and has changed. Where we fetch, the one of a certificate before this is nothing to warn of. */
static void read_file(struct certificate *c, const struct config *config)
{
	enum log_level level = config->ocsp.source == OCSP_FETCH ? LOG_INFO_LEVEL : LOG_WARNING_LEVEL;
	struct error err;
	size_t bytes;
	char *data;

	if (text_read_file(c->staple.path, OCSP_RESPONSE_MAX_BYTES, &data, &bytes, &err) != 0) {
		snprintf(c->staple.why, sizeof(c->staple.why), "%.200s", err.message);
		log_say(level, "certificate %s: its OCSP response can't be used: %s: %s", c->name, c->staple.path,
			c->staple.why);
		return;
	}
	if (staples_take(c, (struct der){ (uint8_t *)data, bytes }, c->staple.path) == -EINVAL)
		log_say(level, "certificate %s: its OCSP response can't be used: %s: %s%s", c->name, c->staple.path,
			c->staple.why, tls_staple_of(c->tls) != NULL ? "; the old one serves on" : "");
	free(data);
}

static bool is_absent(const struct files_stamp *s)
{
	return s->first.inode == 0;
}

static void let_go(struct certificate *c, const char *why)
{
	log_say(tls_cert_info(c->tls)->must_staple ? LOG_ERROR_LEVEL : LOG_WARNING_LEVEL,
		"certificate %s: its OCSP response %s; clients are shown none", c->name, why);
	put(c, NULL);
}

/* A file that went away was taken away. True: look again soon. */
static bool look(struct certificate *c, const struct config *config)
{
	struct files_stamp now;
	enum files_state state;

	files_stamp(c->staple.path, NULL, &now);
	state = files_watch_look(&c->staple.files, &now);
	if (state != FILES_CHANGED)
		return state == FILES_MOVING;
	c->staple.files.read = now;
	if (!is_absent(&now))
		read_file(c, config);
	else if (tls_staple_of(c->tls) != NULL)
		let_go(c, "was taken away");
	return false;
}

/* The CA of our own is in no chain: clients have it. */
static void find_issuer(struct certificate *c, const struct config *config)
{
	char path[PATH_MAX], why[300], *pem;
	size_t bytes;

	if (tls_cert_issuer(c->tls).n > 0 || tls_cert_info(c->tls)->self_signed ||
	    tls_store_path(config->certificates_directory, TLS_STORE_CA, TLS_STORE_CHAIN, path, why, sizeof(why)) != 0)
		return;
	pem = tls_file_read(path, &bytes, NULL, why, sizeof(why));
	if (pem != NULL)
		tls_cert_give_issuer(c->tls, (struct der){ (uint8_t *)pem, bytes });
	free(pem);
}

/* Where it lies is known only now, or anew. */
static void begin(struct certificate *c, const char *path, const struct config *config)
{
	snprintf(c->staple.path, sizeof(c->staple.path), "%s", path);
	c->staple.files = (struct files_watch){ .moving = false };
	c->staple.why[0] = '\0';
	find_issuer(c, config);
	files_stamp(path, NULL, &c->staple.files.read);	/* before it is read: what changes meanwhile shows */
	if (!is_absent(&c->staple.files.read))
		read_file(c, config);
}

const char *staples_responder(const struct config *config, const struct certificate *c)
{
	return config->ocsp.responder[0] != '\0' ? config->ocsp.responder : tls_cert_info(c->tls)->ocsp_url;
}

/* Once a state. With a certificate that must be stapled clients take its lack for an attack (RFC 7633). */
static void tell_lack(struct certificate *c, const struct config *config)
{
	if (!tls_cert_info(c->tls)->must_staple || c->staple.told_lack || tls_staple_of(c->tls) != NULL)
		return;
	if (config->ocsp.source == OCSP_FETCH && tls_staple_possible() && staples_responder(config, c)[0] != '\0' &&
	    c->staple.failures == 0)
		return;	/* it is being fetched */
	c->staple.told_lack = true;
	log_say(LOG_ERROR_LEVEL, "certificate %s: it must be shown with an OCSP response (must-staple), and there is none: clients "
		"that check will refuse it%s%s", c->name, c->staple.why[0] != '\0' ? ": " : "", c->staple.why);
}

static bool refresh_path(struct certificate *c, const struct config *config)
{
	char path[PATH_MAX];

	if (config->ocsp.source == OCSP_OFF || !tls_staple_possible()) {
		if (tls_staple_of(c->tls) != NULL)
			let_go(c, "isn't to be shown any more (certificates: ocsp = off)");
		c->staple.path[0] = '\0';
		return false;
	}
	staples_path(config, c, path);
	if (strcmp(path, c->staple.path) != 0)
		begin(c, path, config);
	return true;
}

void staples_begin(struct certs *certs, const struct config *config)
{
	static bool told;	/* once a process: it is how it was built */

	if (config->ocsp.source == OCSP_FETCH && !tls_staple_possible() && !told)
		log_say(LOG_WARNING_LEVEL, "OCSP responses aren't fetched, nor shown: the TLS library is too old for that (wolfSSL 5.7.2)");
	told = told || config->ocsp.source == OCSP_FETCH;
	for (uint32_t i = 0; i < certs->n; i++) {
		struct certificate *c = certs->list[i];

		if (c->staple.path[0] == '\0')
			refresh_path(c, config);
		tell_lack(c, config);
	}
}

void staples_read(struct certificate *c, const struct config *config)
{
	c->staple.path[0] = '\0';
	refresh_path(c, config);
}

void staples_reread(struct certs *certs, const struct config *config)
{
	for (uint32_t i = 0; i < certs->n; i++)
		staples_read(certs->list[i], config);
}

static void tell_end(struct certificate *c, time_t now)
{
	const struct tls_staple *s = tls_staple_of(c->tls);
	const struct ocsp_answer *a = s != NULL ? tls_staple_answer(s) : NULL;
	char until[TIME_TEXT_BYTES];

	if (a == NULL)
		return;
	if (now >= a->next_update) {
		let_go(c, "has ended, and there is no newer one");
		return;
	}
	if (c->staple.told_end || a->next_update - now > (a->next_update - a->this_update) / 4)
		return;
	c->staple.told_end = true;
	text_format_time((uint64_t)a->next_update * 1000000, until, sizeof(until));
	log_say(LOG_WARNING_LEVEL, "certificate %s: its OCSP response ends at %.19sZ, and there is no newer one yet", c->name, until);
}

void staples_tick(struct gateway *g, uint64_t now_us, time_t now)
{
	const struct config *config = g->config;
	bool moving = false, due = config->certificates_watch_us != 0 &&
				   (g->staples_moving || now_us - g->staples_us >= config->certificates_watch_us);

	if (due)
		g->staples_us = now_us;
	for (uint32_t i = 0; i < g->certs.n; i++) {
		struct certificate *c = g->certs.list[i];

		if (due && refresh_path(c, config))
			moving = look(c, config) || moving;
		tell_end(c, now);
		tell_lack(c, config);
	}
	if (due)
		g->staples_moving = moving;
}
