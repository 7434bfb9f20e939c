/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/staples_fetch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "control/fetch.h"
#include "control/gateway.h"
#include "control/log.h"
#include "control/staples.h"
#include "control/text.h"
#include "tls/staple.h"

#define REQUEST_TYPE "application/ocsp-request"
#define AGAIN_S UINT64_C(60)		/* after a failure; twice as long after each more, up to */
#define AGAIN_MAX_S UINT64_C(3600)
#define BUSY_MS 25u
#define IDLE_MS 1000u

/* One that is under way: the certificate may be replaced meanwhile. */
struct job {
	struct gateway *gateway;
	struct certificate *certificate;	/* held */
};

static uint64_t again_s(const struct certificate *c)
{
	uint64_t s = AGAIN_S << (c->staple.failures < 6 ? c->staple.failures : 6);

	return s < AGAIN_MAX_S ? s : AGAIN_MAX_S;
}

static void failed(struct certificate *c, const char *url, const char *why)
{
	uint64_t s = again_s(c);

	snprintf(c->staple.why, sizeof(c->staple.why), "%s", why);
	c->staple.failures++;
	c->staple.fetch_us = monotonic_us() + s * 1000000;
	log_say(LOG_WARNING_LEVEL, "certificate %s: no OCSP response from %s: %s; again in %llu min", c->name, url, c->staple.why,
		(unsigned long long)(s / 60));
}

/* When half of its time is over there should be a newer one. */
static void plan_next(struct certificate *c, bool fresh)
{
	const struct ocsp_answer *a = tls_staple_answer(tls_staple_of(c->tls));
	time_t half = a->this_update + (a->next_update - a->this_update) / 2, now = time(NULL);
	uint64_t wait_s = half > now ? (uint64_t)(half - now) : 0;

	c->staple.failures = fresh ? 0 : c->staple.failures;
	if (wait_s < AGAIN_S / 2)
		wait_s = fresh ? AGAIN_S / 2 : again_s(c);
	c->staple.fetch_us = monotonic_us() + wait_s * 1000000;
}

static void keep(struct certificate *c, const uint8_t *response, size_t bytes)
{
	struct error err;
	char text[1300];

	if (text_write_file(c->staple.path, (const char *)response, bytes, 0644, &err) != 0) {
		log_say(LOG_WARNING_LEVEL, "certificate %s: its OCSP response serves, but a restart won't have it: %s", c->name,
			error_format(&err, text, sizeof(text)));
		return;
	}
	files_stamp(c->staple.path, NULL, &c->staple.files.read);
	c->staple.files.moving = false;
}

static void take(struct gateway *g, struct certificate *c, const uint8_t *response, size_t bytes)
{
	const char *url = staples_responder(g->config, c);

	switch (staples_take(c, (struct der){ response, bytes }, url)) {
	case 0:
		keep(c, response, bytes);
		plan_next(c, true);
		break;
	case -EALREADY:	/* the responder has no newer one yet */
		c->staple.failures++;
		plan_next(c, false);
		break;
	default: {
		char why[sizeof(c->staple.why)];

		snprintf(why, sizeof(why), "%s", c->staple.why);
		failed(c, url, why);
	}
	}
}

static void done(void *arg, const uint8_t *answer, size_t bytes, const char *why)
{
	struct job *job = arg;
	struct certificate *c = job->certificate;
	struct gateway *g = job->gateway;

	c->staple.fetching = false;
	/* Not for one that was replaced meanwhile, nor on the way down. */
	if (g->fetcher != NULL && certs_lookup(&g->certs, c->name) == c && g->config->ocsp.source == OCSP_FETCH) {
		if (why == NULL)
			take(g, c, answer, bytes);
		else
			failed(c, staples_responder(g->config, c), why);
	}
	certificate_release(c);
	free(job);
}

static int post(struct gateway *g, struct certificate *c, struct der request)
{
	struct job *job = malloc(sizeof(*job));
	struct error err;
	int r = job != NULL ? 0 : -ENOMEM;

	if (r == 0 && g->fetcher == NULL && (g->fetcher = fetcher_new(&err)) == NULL)
		r = -ENOMEM;
	if (r == 0) {
		*job = (struct job){ g, certificate_hold(c) };
		r = fetcher_post(g->fetcher, staples_responder(g->config, c), REQUEST_TYPE, request.p, request.n, done, job);
		if (r == 0)
			return 0;
		certificate_release(c);
	}
	free(job);
	return r;
}

/* False: there is no room for one more now. */
static bool begin(struct gateway *g, struct certificate *c)
{
	uint8_t buf[OCSP_REQUEST_MAX_BYTES];
	struct der request;
	char why[200];
	int r;

	if (tls_staple_request(c->tls, buf, &request, why, sizeof(why)) != 0) {
		failed(c, staples_responder(g->config, c), why);
		return true;
	}
	r = post(g, c, request);
	if (r == 0)
		c->staple.fetching = true;
	else if (r != -EBUSY)
		failed(c, staples_responder(g->config, c), "out of memory");
	return r != -EBUSY;
}

/* The time for a first look: what a file or an earlier run left may serve for long. */
static void plan_first(struct certificate *c)
{
	if (c->staple.fetch_us == 0 && tls_staple_of(c->tls) != NULL)
		plan_next(c, true);
}

static bool is_due(const struct gateway *g, struct certificate *c, uint64_t now_us)
{
	if (c->staple.fetching || c->staple.path[0] == '\0' || tls_cert_info(c->tls)->self_signed ||
	    staples_responder(g->config, c)[0] == '\0')
		return false;
	plan_first(c);
	return now_us >= c->staple.fetch_us;
}

unsigned int staples_fetch_run(struct gateway *g, uint64_t now_us)
{
	if (watchdog_check(&g->watchdog, NULL) != 0)
		return IDLE_MS;	/* bringing one into use waits for workers */
	if (g->config->ocsp.source == OCSP_FETCH && tls_staple_possible()) {
		for (uint32_t i = 0; i < g->certs.n; i++) {
			if (is_due(g, g->certs.list[i], now_us) && !begin(g, g->certs.list[i]))
				break;	/* they wait for their turn */
		}
	}
	return g->fetcher != NULL && fetcher_run(g->fetcher) ? BUSY_MS : IDLE_MS;
}

void staples_fetch_now(struct gateway *g, struct certificate *c)
{
	if (!c->staple.fetching && staples_responder(g->config, c)[0] != '\0')
		begin(g, c);
}

void staples_fetch_end(struct gateway *g)
{
	struct fetcher *f = g->fetcher;

	g->fetcher = NULL;
	fetcher_free(f);
}
