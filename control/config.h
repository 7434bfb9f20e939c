/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The configuration file, read and checked: everything that posternd needs to
 * start, and the rules it starts with.
 *
 * Order of calls: config_read, use, config_free. Certificates are only named
 * here; certs.h loads them.
 *
 * Threads: control. Ownership: the caller's, from config_read to config_free.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

#include "control/error.h"
#include "control/ruleset.h"
#include "dataplane/dataplane.h"

#define CONFIG_FILE_DEFAULT "/etc/postern/postern.conf"
#define CONTROL_SOCKET_DEFAULT "/run/postern/postern.sock"
#define CONFIG_CERTIFICATES_MAX 1024u

#define CONFIG_URL_BYTES 256u

/* Where OCSP responses come from: nowhere; a file; our asking, and the file that we keep. */
enum ocsp_source { OCSP_OFF, OCSP_FILE, OCSP_FETCH };

enum log_format { LOG_TEXT, LOG_JSON };

/* A certificate whose files stand in the configuration; others are found in the store by name. */
struct config_certificate {
	char name[CERTIFICATE_NAME_BYTES];
	char chain[PATH_MAX], key[PATH_MAX];
	char ocsp[PATH_MAX];	/* its OCSP response; "": NAME.ocsp in the folder */
	unsigned int line;
	struct config_certificate *next;
};

struct config {
	char file[PATH_MAX];
	struct dataplane_config dataplane;	/* all of it but what the devices tell: as dataplane_start wants it */
	struct netifs network;			/* of it, after netifs_init: to look up routes */
	uint64_t handshake_timeout_us, idle_timeout_us;	/* of rules that say nothing */
	struct {
		char socket[sizeof(((struct sockaddr_un *)0)->sun_path)];
		uint64_t mode;		/* 0600, or 0660 with a group */
		char group[64];		/* "": posternd's own */
	} control;
	struct {
		int format;		/* enum log_format */
		char file[PATH_MAX];	/* "": standard error */
	} log;
	struct {
		struct addr addr;
		uint16_t port;		/* 0: nowhere */
	} metrics;			/* where GET /metrics is answered */
	struct {
		char file[PATH_MAX];	/* of keys that are given; "": our own */
		uint64_t lifetime_us, watch_us;	/* of a ticket; how often the file is looked at, 0: never */
	} tickets;
	char certificates_directory[PATH_MAX];	/* the store of `postern cert` */
	char passphrase_file[PATH_MAX];		/* of encrypted keys; "": none */
	uint64_t certificates_watch_us;		/* how often their files are looked at; 0: never */
	struct config_certificate *certificates;
	struct {
		int source;			/* enum ocsp_source */
		char responder[CONFIG_URL_BYTES];	/* asked in the place of those that certificates name; "": theirs */
	} ocsp;
	char rules_file[PATH_MAX];		/* "": the rules are below, and changes don't outlive the process */
	struct ruleset rules;			/* of the configuration, or of rules_file if it exists */
	bool rules_missing;			/* rules_file is set and doesn't exist */
};

/* 0, or -errno with @err. Relative paths in the file are relative to its folder. */
int config_read(const char *file, struct config **out, struct error *err);
/* The same of a text; @file is its name. */
int config_parse(const char *text, size_t bytes, const char *file, struct config **out, struct error *err);
void config_free(struct config *c);

/* The rules of a file of their own. -ENOENT (with @err) when it isn't there. */
int config_read_rules(const char *file, struct ruleset *out, struct error *err);
/* Addresses, servers: does every rule fit the ports and routes? 0, or -EINVAL with @err. */
int config_check_rules(const struct config *c, const struct ruleset *rules, const char *where, struct error *err);
/* Would @b need a restart after @a? Names the part that differs, or NULL. */
const char *config_restart_reason(const struct config *a, const struct config *b);
