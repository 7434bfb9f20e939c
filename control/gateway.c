/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/gateway.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/certs_watch.h"
#include "control/ending.h"
#include "control/log.h"
#include "control/orders.h"
#include "control/staples.h"
#include "control/staples_fetch.h"
#include "control/text.h"
#include "tls/context.h"
#include "tls/tickets.h"

#define CERTIFICATES_AGAIN_US UINT64_C(60000000)	/* a daemon outlives its certificates */
#define RETIRED_MANY 32u

static uint64_t clock_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t wall_clock_us(void)
{
	return clock_us(CLOCK_REALTIME);
}

uint64_t monotonic_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

/* What should be known of those that are new; what time brings, of all. */
static void warn_of_certificates(struct certs *certs, const struct certs *before)
{
	const unsigned int ends = TLS_CERT_EXPIRED | TLS_CERT_EXPIRES_SOON;

	certs_tell_ends(certs, time(NULL));
	trusts_tell_ends(&certs->trusts, time(NULL));
	for (uint32_t i = 0; i < certs->n; i++) {
		const struct certificate *c = certs->list[i];
		unsigned int bits = tls_cert_warnings(c->tls, time(NULL)) & ~ends;

		if (before != NULL && certs_lookup(before, c->name) == c)
			continue;
		for (unsigned int bit = 1; bit <= bits; bit <<= 1) {
			if (bits & bit)
				log_say(LOG_WARNING_LEVEL, "certificate %s: %s", c->name,
					tls_cert_warning_text((enum tls_cert_warning)bit));
		}
	}
}

int gateway_init(struct gateway *g, struct config *config, struct error *err)
{
	struct tls_tickets *tickets = NULL;
	int r;

	memset(g, 0, sizeof(*g));
	g->config = config;
	g->started_us = wall_clock_us();
	g->tls_version = "";
	r = ruleset_copy(&g->rules, &config->rules);
	if (r != 0)
		error_set(err, r, ERROR_INTERNAL, "", "out of memory");
	else
		r = certs_load_missing(&g->certs, config, &g->rules, err);
	if (r == 0 && (tickets = ticket_keys_make(&g->ticket_keys, config, monotonic_us(), err)) == NULL)
		r = -EINVAL;
	if (r != 0) {
		certs_fini(&g->certs);
		ruleset_fini(&g->rules);
		config_free(config);
		return r;
	}
	live_init(&g->live, config->dataplane.n_workers, tickets);
	staples_begin(&g->certs, config);
	warn_of_certificates(&g->certs, NULL);
	watchdog_init(&g->watchdog, config->dataplane.n_workers);
	return 0;
}

void gateway_fini(struct gateway *g)
{
	staples_fetch_end(g);
	live_fini(&g->live);
	certs_fini(&g->certs);
	ruleset_fini(&g->rules);
	config_free(g->config);
}

static struct live_limits limits_of(const struct config *c)
{
	return (struct live_limits){ c->handshake_timeout_us, c->idle_timeout_us };
}

int gateway_publish_first(struct gateway *g, struct error *err)
{
	struct live_limits limits = limits_of(g->config);
	struct live_next *next;
	int r = live_build(&g->live, &g->rules, &g->certs, &limits, &next, err);

	if (r == 0)
		live_publish(&g->live, next, &g->rules);
	g->certificates_us = monotonic_us();
	return r;
}

static int check_rule(const struct certs *certs, const struct rule_def *def, struct error *err)
{
	char prefix[RULE_NAME_BYTES + 8];
	struct certificate **list;
	struct tls_ctx *ctx;

	if (def->passthrough)
		return 0;
	list = certs_of_rule(certs, def, err);
	ctx = list != NULL ? certificate_context(list, trusts_of_rule(&certs->trusts, def), def, err) : NULL;
	certificate_list_release(list, def->certificates.n);
	if (ctx != NULL) {
		tls_ctx_free(ctx);
		if (rule_backend_try(&def->backend, err) == 0)
			return 0;
	}
	snprintf(prefix, sizeof(prefix), "rule %s", def->name);
	error_prefix(err, prefix);
	return -EINVAL;
}

int gateway_check(struct config *config, struct error *err)
{
	struct certs certs = { 0 };
	int r = certs_load_missing(&certs, config, &config->rules, err);
	struct tls_tickets *tickets;
	struct ticket_keys keys;

	if (r == 0 && (tickets = ticket_keys_make(&keys, config, 0, err)) == NULL)
		r = -EINVAL;
	else if (r == 0)
		tls_tickets_free(tickets);
	for (uint32_t i = 0; r == 0 && i < config->rules.n; i++)
		r = check_rule(&certs, &config->rules.defs[i], err);
	if (r == 0) {
		staples_begin(&certs, config);
		warn_of_certificates(&certs, NULL);
	}
	certs_fini(&certs);
	return r;
}

static int save_rules(const struct config *config, const struct ruleset *rules, struct error *err)
{
	char *text;
	int r;

	if (config->rules_file[0] == '\0')
		return 0;
	text = ruleset_text(rules, "The rules of posternd, which rewrites this file at each change: `postern rule`.");
	if (text == NULL)
		return error_set(err, -ENOMEM, ERROR_INTERNAL, "", "out of memory");
	r = text_write_file(config->rules_file, text, strlen(text), 0640, err);
	free(text);
	return r;
}

/*
 * @config decides where files are and which addresses there are; it needn't be the
 * gateway's own yet. @save: the rules aren't those of their file.
 */
static int apply_under(struct gateway *g, const struct config *config, struct ruleset *rules, struct certs *certs,
		       bool save, struct error *err)
{
	struct live_limits limits = limits_of(config);
	struct live_next *next;
	int r = ruleset_check(rules, err);

	if (r == 0)
		r = config_check_rules(config, rules, "", err);
	if (r == 0)
		r = certs_load_missing(certs, config, rules, err);
	if (r == 0)
		r = trusts_check_new(&certs->trusts, &g->certs.trusts, rules, err);
	if (r == 0)
		staples_begin(certs, config);
	if (r == 0)
		r = live_build(&g->live, rules, certs, &limits, &next, err);
	if (r != 0)
		return r;
	r = watchdog_check(&g->watchdog, err);	/* publishing would wait for a worker that stands still */
	if (r == 0 && save)
		r = save_rules(config, rules, err);
	if (r != 0) {
		live_discard(&g->live, next);
		return r;
	}
	live_publish(&g->live, next, rules);
	if (g->live.n_retired >= RETIRED_MANY)	/* else the next tick does */
		live_reap(&g->live);
	warn_of_certificates(certs, &g->certs);
	ruleset_fini(&g->rules);
	g->rules = *rules;
	*rules = (struct ruleset){ 0 };
	certs_fini(&g->certs);
	g->certs = *certs;
	*certs = (struct certs){ 0 };
	return 0;
}

int gateway_apply(struct gateway *g, struct ruleset *rules, struct certs *certs, struct error *err)
{
	struct certs same = { 0 };
	int r = 0;

	if (certs == NULL) {
		r = certs_copy(&same, &g->certs);
		certs = &same;
	}
	r = r == 0 ? apply_under(g, g->config, rules, certs, true, err) :
	    error_set(err, r, ERROR_INTERNAL, "", "out of memory");
	certs_fini(&same);
	if (r == 0)
		g->changes++;
	else
		g->refused_changes++;
	return r;
}

/* With @certs in the place of the gateway's. Consumes them. */
static int apply_certs(struct gateway *g, struct certs *certs, struct error *err)
{
	struct ruleset rules = { 0 };
	int r = ruleset_copy(&rules, &g->rules);

	if (r == 0)
		r = gateway_apply(g, &rules, certs, err);
	else
		error_set(err, r, ERROR_INTERNAL, "", "out of memory");
	ruleset_fini(&rules);
	certs_fini(certs);
	return r;
}

/* With one of either among the gateway's, which is consumed when that is applied. */
static int put_one(struct gateway *g, struct certificate *c, struct trust *t, struct error *err)
{
	struct certs certs = { 0 };
	int r = certs_copy(&certs, &g->certs);

	if (r == 0)
		r = c != NULL ? certs_put(&certs, c) : trusts_put(&certs.trusts, t);
	if (r != 0) {
		certs_fini(&certs);
		return error_set(err, r, ERROR_INTERNAL, "", "out of memory");
	}
	/* The caller's, should it be refused. */
	if (c != NULL)
		certificate_hold(c);
	else
		trust_hold(t);
	r = apply_certs(g, &certs, err);
	if (r == 0 && c != NULL)
		certificate_release(c);
	else if (r == 0)
		trust_release(t);
	return r;
}

int gateway_put_certificate(struct gateway *g, struct certificate *c, struct error *err)
{
	return put_one(g, c, NULL, err);
}

int gateway_put_trust(struct gateway *g, struct trust *t, struct error *err)
{
	return put_one(g, NULL, t, err);
}

int gateway_remove_certificate(struct gateway *g, const char *name, struct error *err)
{
	struct certs certs = { 0 };

	if (certs_lookup(&g->certs, name) == NULL)
		return error_set(err, -ENOENT, ERROR_NOT_FOUND, "", "no certificate \"%s\" is loaded", name);
	for (uint32_t i = 0; i < g->rules.n; i++) {
		if (!name_list_has(&g->rules.defs[i].certificates, name))
			continue;
		error_set(err, -EBUSY, ERROR_CONFLICT, "", "rule %s uses the certificate %s", g->rules.defs[i].name, name);
		return error_hint(err, -EBUSY, "take it out of the rule first: postern rule change %s certificate=…",
				  g->rules.defs[i].name);
	}
	if (certs_copy(&certs, &g->certs) != 0)
		return error_set(err, -ENOMEM, ERROR_INTERNAL, "", "out of memory");
	certs_remove(&certs, name);
	return apply_certs(g, &certs, err);
}

static void compare(const struct gateway *g, const struct ruleset *rules, const struct certs *certs,
		    struct reload_report *report)
{
	for (uint32_t i = 0; i < rules->n; i++) {
		const struct rule_def *before = ruleset_lookup(&g->rules, rules->defs[i].name);

		if (before == NULL)
			report->added++;
		else if (!rule_def_equal(before, &rules->defs[i]))
			report->changed++;
	}
	for (uint32_t i = 0; i < g->rules.n; i++)
		report->removed += ruleset_lookup(rules, g->rules.defs[i].name) == NULL;
	for (uint32_t i = 0; i < certs->n; i++)
		report->certificates += certs_lookup(&g->certs, certs->list[i]->name) != certs->list[i];
	report->certificates += trusts_fresh(&certs->trusts, &g->certs.trusts);
}

/* What can't change while workers run stays as it was started, so that later checks go by what is true. */
static void keep_running_part(struct config *fresh, const struct config *running)
{
	fresh->dataplane = running->dataplane;
	fresh->network = running->network;
	fresh->control = running->control;
	fresh->log = running->log;
}

/* At a start there may be no rules' file yet; under a gateway that has rules it was lost, or misnamed. */
static int refuse_missing_rules(const struct gateway *g, const struct config *fresh, struct error *err)
{
	if (!fresh->rules_missing || g->rules.n == 0)
		return 0;
	error_set(err, -ENOENT, ERROR_NOT_FOUND, fresh->rules_file, "the rules' file is gone, and %u rules are published",
		  g->rules.n);
	return error_hint(err, -ENOENT, "`postern rules --export` prints those that run, for a new file; "
			  "an empty file means no rules");
}

int gateway_reload(struct gateway *g, struct reload_report *report, struct error *err)
{
	struct ruleset rules = { 0 };
	struct certs certs = { 0 };
	struct ticket_keys_next tickets = { .tickets = NULL };
	struct config *fresh;
	int r = config_read(g->config->file, &fresh, err);

	memset(report, 0, sizeof(*report));
	if (r != 0)
		return r;
	report->restart = config_restart_reason(g->config, fresh);
	keep_running_part(fresh, g->config);
	r = refuse_missing_rules(g, fresh, err);
	if (r == 0 && (r = ruleset_copy(&rules, &fresh->rules)) != 0)
		error_set(err, r, ERROR_INTERNAL, "", "out of memory");
	if (r == 0)
		r = certs_reload(&certs, &g->certs, fresh, &rules, err);
	if (r == 0)
		r = ticket_keys_prepare(g, fresh, monotonic_us(), &tickets, err);
	if (r == 0) {
		compare(g, &rules, &certs, report);
		r = apply_under(g, fresh, &rules, &certs, false, err);
	}
	ruleset_fini(&rules);
	certs_fini(&certs);
	if (r != 0) {
		ticket_keys_discard(&tickets);
		config_free(fresh);
		g->refused_changes++;
		return r;
	}
	config_free(g->config);
	g->config = fresh;
	ticket_keys_take(g, &tickets);
	staples_reread(&g->certs, g->config);
	g->changes++;
	log_say(LOG_INFO_LEVEL, "reloaded: %u rules added, %u changed, %u removed; %u certificates differ",
		report->added, report->changed, report->removed, report->certificates);
	if (report->restart != NULL)
		log_say(LOG_WARNING_LEVEL, "the configuration's %s changed, which takes effect at the next start only",
			report->restart);
	return 0;
}

/* Workers count the records that found their ring full; the log says so where they are missing. */
static void tell_lost_records(struct gateway *g)
{
	uint64_t lost = 0;

	for (uint16_t w = 0; w < dataplane_workers(); w++)
		lost += counter_read(&dataplane_counters(w)->drops[DROP_LOG_FULL]);
	if (lost > g->last_log_full)
		log_say(LOG_WARNING_LEVEL, "%llu connections ended without a line here: a worker's log ring was full",
			(unsigned long long)(lost - g->last_log_full));
	g->last_log_full = lost;
}

void gateway_end_connections(void)
{
	struct error err;
	uint32_t n;

	if (orders_drain(true, true, &err) != 0)
		return;	/* a worker that stands still; dataplane_stop waits for it */
	for (uint16_t w = 0; w < dataplane_workers(); w++) {
		if (ending_oldest(w, UINT32_MAX, &n, &err) != 0)
			return;
	}
}

void gateway_log_last(struct gateway *g)
{
	while (ending_log())
		;
	tell_lost_records(g);
}

static void watch_links(void)
{
	struct dataplane_link link;

	for (unsigned int i = 0; dataplane_watch_link(i, &link); i++) {
		if (link.changed)
			log_say(link.up ? LOG_INFO_LEVEL : LOG_WARNING_LEVEL, "port %s: its link is %s", link.port,
				link.up ? "up" : "down");
	}
}

void gateway_tick(struct gateway *g, uint64_t now_us)
{
	watch_links();
	tell_lost_records(g);
	watchdog_tick(&g->watchdog, now_us);
	if (watchdog_check(&g->watchdog, NULL) != 0)
		return;	/* what follows waits for workers */
	live_reap(&g->live);
	drain_tick(&g->drain, now_us);
	ticket_keys_tick(g, now_us);
	if (now_us - g->certificates_us >= CERTIFICATES_AGAIN_US) {
		g->certificates_us = now_us;
		certs_tell_ends(&g->certs, time(NULL));
	}
	certs_watch(g, now_us);
	staples_tick(g, now_us, time(NULL));
}
