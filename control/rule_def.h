/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A rule as the operator wrote it: read from the configuration or a request,
 * written back as text or JSON. Nothing here reaches a worker (that is live.h).
 *
 * Threads: control. Ownership: a definition owns its lists
 * (rule_def_fini); copies are made by rule_def_copy.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "control/conf.h"
#include "control/name_list.h"
#include "control/rule_backend.h"
#include "control/rule_client.h"
#include "control/rule_tls.h"
#include "dataplane/policy.h"

#define CERTIFICATE_NAME_BYTES 64
#define RULE_CLIENTS_MAX 65536u
#define RULE_NAMES_MAX 1024u

struct clients {
	uint32_t n, size;
	struct prefix *prefixes;
};

struct rule_def {
	char name[RULE_NAME_BYTES];
	int protocol;		/* index in protocols, -1: none, the ports say it all */
	struct addr listen;
	uint16_t port;		/* 0: the protocol's */
	uint16_t n_servers;
	struct rule_server servers[RULE_SERVERS_MAX];	/* port 0: the protocol's */
	struct name_list certificates;	/* the first for clients that ask for no name that is known */
	struct name_list names;		/* hosts that the certificates must speak for; of passthrough, that it serves */
	struct clients allow, deny;	/* allow empty: any client */
	struct clients proxy_from;	/* trusted proxies in front */
	struct rule_tls tls;
	struct rule_backend backend;
	struct rule_client client;
	bool passthrough;	/* TLS is the servers' own */
	int proxy;		/* enum proxy_version: what servers are told */
	uint64_t idle_timeout_us, handshake_timeout_us;	/* 0: the configuration's limits */
	bool enabled;
};

/* What a rule is before any key is read. */
void rule_def_init(struct rule_def *def);
void rule_def_fini(struct rule_def *def);
/* 0, or -ENOMEM with @out as after rule_def_init. */
int rule_def_copy(struct rule_def *out, const struct rule_def *def);
bool rule_def_equal(const struct rule_def *a, const struct rule_def *b);

/* The keys of @object over what @def holds already. @file: for messages. 0, or -errno with @err. */
int rule_def_read(struct rule_def *def, const struct conf *object, const char *file, struct error *err);
/* Is it whole, apart from what only the gateway knows (addresses, certificates)? 0, or -EINVAL with @err. */
int rule_def_check(const struct rule_def *def, const char *where, struct error *err);

/* The external port, and that of server @i, with the protocol's where none was given. */
uint16_t rule_def_port(const struct rule_def *def);
uint16_t rule_def_server_port(const struct rule_def *def, unsigned int i);
/* "imaps", or "" without one. */
const char *rule_def_protocol(const struct rule_def *def);
/* Its ALPN name (a client that asks for others only is refused, RFC 7301 3.2), or NULL: any. */
const char *rule_def_alpn(const struct rule_def *def);

/* As JSON: all values, defaults included. NULL: no memory. */
json_t *rule_def_json(const struct rule_def *def);
/* As configuration text: "rule imap { … }". */
void rule_def_write(const struct rule_def *def, FILE *out);
