/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/certs_watch.h"

#include <string.h>

#include "control/gateway.h"
#include "control/log.h"
#include "control/text.h"

#define DAY_S INT64_C(86400)
#define STEPS 4u

/* Reads the files of @c, which have changed. Whatever comes of it, this state of them isn't read again. */
static void take_files(struct gateway *g, struct certificate *c, const struct files_stamp *now)
{
	struct certificate *fresh;
	char text[1200], name[CERTIFICATE_NAME_BYTES];
	struct error err = { .message = "" };

	c->files.read = *now;
	snprintf(name, sizeof(name), "%s", c->name);
	fresh = certificate_load(g->config, c->name, c->chain_path, c->key_path, &err);
	if (fresh != NULL && certificate_same(c, fresh)) {
		certificate_release(fresh);
		return;
	}
	/* @c may be gone after this. */
	if (fresh != NULL && certificate_check_dates(fresh, &err) == 0 && gateway_put_certificate(g, fresh, &err) == 0) {
		log_say(LOG_INFO_LEVEL, "certificate %s: its files were replaced; new handshakes use the new one", name);
		return;
	}
	certificate_release(fresh);
	log_say(LOG_ERROR_LEVEL, "certificate %s: its files were replaced, but can't be used; the old one serves on: %s", name,
		error_format(&err, text, sizeof(text)));
}

/* True: look again soon. */
static bool watch_one(struct gateway *g, struct certificate *c)
{
	struct files_stamp now;
	enum files_state state;

	files_stamp(c->chain_path, c->key_path, &now);
	state = files_watch_look(&c->files, &now);
	if (state == FILES_CHANGED)
		take_files(g, c, &now);
	return state == FILES_MOVING;
}

/* The same for the files that clients' certificates are checked by. */
static void take_trust(struct gateway *g, struct trust *t, const struct files_stamp *now)
{
	char text[1200], name[RULE_PATH_BYTES];
	struct error err = { .message = "" };
	struct trust *fresh;

	t->files.read = *now;
	snprintf(name, sizeof(name), "%s", t->ca_path);
	fresh = trust_load(t->ca_path, t->crl_path, &err);
	if (fresh != NULL && trust_same(t, fresh)) {
		trust_release(fresh);
		return;
	}
	/* @t may be gone after this. */
	if (fresh != NULL && gateway_put_trust(g, fresh, &err) == 0) {
		log_say(LOG_INFO_LEVEL, "client certificates: %s or its revocation list was replaced; handshakes go by the new one",
			name);
		return;
	}
	trust_release(fresh);
	log_say(LOG_ERROR_LEVEL, "client certificates: %s or its revocation list was replaced, but can't be used; the old one serves on: %s",
		name, error_format(&err, text, sizeof(text)));
}

static bool watch_trust(struct gateway *g, struct trust *t)
{
	struct files_stamp now;
	enum files_state state;

	trust_stamp(t, &now);
	state = files_watch_look(&t->files, &now);
	if (state == FILES_CHANGED)
		take_trust(g, t, &now);
	return state == FILES_MOVING;
}

void certs_watch(struct gateway *g, uint64_t now_us)
{
	bool moving = false;

	if (g->config->certificates_watch_us == 0 ||
	    (!g->certificates_moving && now_us - g->watched_us < g->config->certificates_watch_us))
		return;
	g->watched_us = now_us;
	/* The list keeps its order when one of it is replaced. */
	for (uint32_t i = 0; i < g->certs.n; i++)
		moving = watch_one(g, g->certs.list[i]) || moving;
	for (uint32_t i = 0; i < g->certs.trusts.n; i++)
		moving = watch_trust(g, g->certs.trusts.list[i]) || moving;
	g->certificates_moving = moving;
}

int64_t certificate_days_left(const struct certificate *c, time_t now)
{
	int64_t left_s = (int64_t)tls_cert_info(c->tls)->not_after - (int64_t)now;

	return left_s >= 0 ? left_s / DAY_S : -((DAY_S - 1 - left_s) / DAY_S);
}

/* How near its end is: 0 far, up to STEPS for one that has ended. */
static unsigned int step_of(const struct certificate *c, time_t now)
{
	static const int64_t days[STEPS] = { 30, 7, 1, 0 };
	const struct tls_cert_info *info = tls_cert_info(c->tls);
	int64_t left_s = (int64_t)info->not_after - (int64_t)now, life_s = (int64_t)info->not_after - (int64_t)info->not_before;
	unsigned int step = 0;

	for (unsigned int i = 0; i < STEPS; i++) {
		if (left_s <= days[i] * DAY_S && 2 * days[i] * DAY_S <= life_s)
			step = i + 1;
	}
	return step;
}

void certs_tell_ends(struct certs *certs, time_t now)
{
	for (uint32_t i = 0; i < certs->n; i++) {
		struct certificate *c = certs->list[i];
		unsigned int step = step_of(c, now);
		char until[TIME_TEXT_BYTES];

		if (step <= c->told)
			continue;
		c->told = (uint8_t)step;
		text_format_time((uint64_t)tls_cert_info(c->tls)->not_after * 1000000, until, sizeof(until));
		if (step == STEPS)
			log_say(LOG_ERROR_LEVEL, "certificate %s: it has expired (%.10s): clients refuse it", c->name, until);
		else
			log_say(LOG_WARNING_LEVEL, "certificate %s: it expires in %lld days (%.10s)", c->name,
				(long long)certificate_days_left(c, now), until);
	}
}
