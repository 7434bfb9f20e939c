/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The gateway as control holds it: configuration, rules, certificates, what is
 * published. Every change of rules or certificates goes through gateway_apply,
 * which does all of it or nothing.
 *
 * Order of calls: gateway_init; dataplane_start (posternd.c); gateway_publish_first;
 * gateway_apply and gateway_reload at will, gateway_tick every second;
 * gateway_end_connections; after dataplane_stop, gateway_log_last and gateway_fini.
 *
 * Threads: control. Ownership: the caller's struct.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/certs.h"
#include "control/config.h"
#include "control/drain.h"
#include "control/live.h"
#include "control/ticket_keys.h"
#include "control/watchdog.h"

struct fetcher;

struct gateway {
	struct config *config;
	struct ruleset rules;
	struct certs certs;
	struct live live;
	struct drain drain;
	struct watchdog watchdog;
	uint64_t started_us;		/* wall clock */
	const char *tls_version;	/* of the library; static */
	struct ticket_keys ticket_keys;
	uint64_t certificates_us, last_log_full;
	uint64_t watched_us;		/* when the certificates' files were looked at */
	bool certificates_moving;	/* some were changing then */
	uint64_t staples_us;		/* the same of their OCSP responses */
	bool staples_moving;
	struct fetcher *fetcher;	/* NULL: nothing was fetched yet */
	uint64_t changes, refused_changes;
	void (*stop)(void *);		/* ends the main loop, once what is queued was sent */
	void *stop_arg;
};

/* Consumes @config. Loads certificates. 0, or -errno with @err (and nothing to free). */
int gateway_init(struct gateway *g, struct config *config, struct error *err);
void gateway_fini(struct gateway *g);
/* The first snapshot, when workers run. 0, or -errno with @err. */
int gateway_publish_first(struct gateway *g, struct error *err);

/* Could this configuration run? Certificates and rules too, but no device. 0, or -errno with @err. */
int gateway_check(struct config *config, struct error *err);

/*
 * Makes @rules and @certs (NULL: as they are) the gateway's: validates, builds,
 * saves, publishes. 0, both consumed; or -errno with @err, nothing changed and both
 * still the caller's.
 */
int gateway_apply(struct gateway *g, struct ruleset *rules, struct certs *certs, struct error *err);

/* Puts @c in the place of the one of its name, for new handshakes. 0, @c consumed; or -errno with @err. */
int gateway_put_certificate(struct gateway *g, struct certificate *c, struct error *err);
/* The same for what clients' certificates are checked by. */
int gateway_put_trust(struct gateway *g, struct trust *t, struct error *err);
/* Lets go of a certificate that no rule uses. 0, or -errno with @err. */
int gateway_remove_certificate(struct gateway *g, const char *name, struct error *err);

struct reload_report {
	uint32_t added, changed, removed, certificates;	/* rules; certificates that differ from before */
	const char *restart;	/* what differs and needs a restart, or NULL */
};
/* Reads the configuration's rules and certificates again, all or nothing. 0, or -errno with @err. */
int gateway_reload(struct gateway *g, struct reload_report *report, struct error *err);

/* Once a second: links, retired rules, ticket keys, drain, watchdog, certificates' files and ends. */
void gateway_tick(struct gateway *g, uint64_t now_us);
/* Before dataplane_stop: refuses new connections and ends all others, no more at a time than their log holds. */
void gateway_end_connections(void);
/* After dataplane_stop: what is left for the log. */
void gateway_log_last(struct gateway *g);

uint64_t wall_clock_us(void);
uint64_t monotonic_us(void);
