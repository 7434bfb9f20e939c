/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/config.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "control/config_private.h"
#include "control/fields.h"
#include "control/text.h"
#include "tls/store.h"

/* What the top level's and the sections' tables write to, before it is narrowed. */
struct raw {
	uint64_t workers;
	int idle, hugepages, unpublished, fragments;
	uint64_t megabytes, tls_megabytes, connections, buffer_bytes;
	char cores[CORES_TEXT_BYTES];
	char rules_file[PATH_MAX];
	struct config *config;
};

static const char *const idle_words[] = { "auto", "poll", "adaptive", NULL };	/* enum dataplane_idle */
static const char *const hugepages_words[] = { "auto", "yes", "no", NULL };	/* enum dataplane_hugepages */
static const char *const unpublished_words[] = { "reset", "ignore", NULL };
static const char *const fragments_words[] = { "drop", "reassemble", NULL };
static const char *const log_words[] = { "text", "json", NULL };		/* enum log_format */

#define N_FIELDS(f) (sizeof(f) / sizeof((f)[0]))

static const struct field top_fields[] = {
	{ "workers", FIELD_COUNT, FIELD_OF(struct raw, workers), 1, WORKERS_MAX, NULL, NULL },
	{ "cores", FIELD_TEXT, FIELD_OF(struct raw, cores), 0, 0, NULL, NULL },
	{ "idle", FIELD_WORD, FIELD_OF(struct raw, idle), 0, 0, idle_words, NULL },
	{ "unpublished", FIELD_WORD, FIELD_OF(struct raw, unpublished), 0, 0, unpublished_words, NULL },
	{ "fragments", FIELD_WORD, FIELD_OF(struct raw, fragments), 0, 0, fragments_words, NULL },
	{ "rules_file", FIELD_TEXT, FIELD_OF(struct raw, rules_file), 0, 0, NULL, NULL },
};

static const struct field memory_fields[] = {
	{ "hugepages", FIELD_WORD, FIELD_OF(struct raw, hugepages), 0, 0, hugepages_words, NULL },
	{ "megabytes", FIELD_COUNT, FIELD_OF(struct raw, megabytes), 16, 1048576, NULL, NULL },
	{ "tls_megabytes", FIELD_COUNT, FIELD_OF(struct raw, tls_megabytes), 1, 1048576, NULL, NULL },
};

static const struct field limits_fields[] = {
	{ "connections", FIELD_COUNT, FIELD_OF(struct raw, connections), 1, 4000000, NULL, NULL },
	{ "buffer", FIELD_BYTES, FIELD_OF(struct raw, buffer_bytes), 4096, 16777216, NULL, NULL },
};

/*
 * IMAP's IDLE is silent for up to 29 minutes (RFC 9051 6.3.13). NATs must keep silent
 * connections for two hours (RFC 5382 REQ-5), but many forget them after 15 or 30
 * minutes, and then the client waits for news that can't come. A probe every ten
 * minutes is before most of them, rare enough for a phone's battery, and together
 * with nine unanswered ones (75 s apart) it finds the dead before idle_timeout does.
 * RFC 9293's two hours (MUST-28) are for stacks that can't know what runs over them.
 */
#define KEEPALIVE_US UINT64_C(600000000)
#define KEEPALIVE_MIN_US UINT64_C(10000000)
#define KEEPALIVE_MAX_US UINT64_C(43200000000)
/*
 * A turn's handshakes (some 0.1 ms for a full one) are what a request may have to wait
 * for, twice: on its way in, and for its answer. Much less would be no gain, since one
 * handshake a turn is always served; much more only saves the turn's own few microseconds.
 */
#define HANDSHAKE_BUDGET_US UINT64_C(100)
#define HANDSHAKE_BUDGET_MIN_US UINT64_C(10)
#define HANDSHAKE_BUDGET_MAX_US UINT64_C(20000)
#define USER_TIMEOUT_US UINT64_C(120000000)
#define USER_TIMEOUT_MIN_US UINT64_C(100000000)	/* RFC 9293 3.8.3, RFC 5482 3.1.1 */
#define USER_TIMEOUT_MAX_US UINT64_C(3600000000)

/* "off" is 0; else a time within bounds. */
static int read_time_or_off(const struct conf *value, const struct place *place, uint64_t min_us, uint64_t max_us,
			    uint64_t *out, struct error *err)
{
	char low[32], high[32];

	*out = 0;
	if (conf_is_scalar(value) && strcasecmp(value->text, "off") == 0)
		return 0;
	if (!conf_is_scalar(value) || text_parse_duration(value->text, out) != 0) {
		field_refuse(value, place, err, "isn't a time, nor \"off\"");
		return error_hint(err, -EINVAL, "write a time, such as 90s, 10min or 2h, or off");
	}
	if (*out >= min_us && *out <= max_us)
		return 0;
	text_format_duration(min_us, low, sizeof(low));
	text_format_duration(max_us, high, sizeof(high));
	return field_refuse(value, place, err, "%.60s is out of range: from %s to %s, or off", value->text, low, high);
}

static int read_keepalive(const struct conf *value, const struct place *place, void *out, struct error *err)
{
	return read_time_or_off(value, place, KEEPALIVE_MIN_US, KEEPALIVE_MAX_US,
				&((struct config *)out)->dataplane.keepalive_us, err);
}

static int read_user_timeout_limit(const struct conf *value, const struct place *place, void *out, struct error *err)
{
	return read_time_or_off(value, place, USER_TIMEOUT_MIN_US, USER_TIMEOUT_MAX_US,
				&((struct config *)out)->dataplane.user_timeout_limit_us, err);
}

/* Renewals are weeks apart, but who replaces a certificate waits to see it. */
#define WATCH_US UINT64_C(10000000)
#define WATCH_MIN_US UINT64_C(1000000)
#define WATCH_MAX_US UINT64_C(86400000000)

static int read_watch(const struct conf *value, const struct place *place, void *out, struct error *err)
{
	return read_time_or_off(value, place, WATCH_MIN_US, WATCH_MAX_US, &((struct config *)out)->certificates_watch_us, err);
}

static int read_tickets_watch(const struct conf *value, const struct place *place, void *out, struct error *err)
{
	return read_time_or_off(value, place, WATCH_MIN_US, WATCH_MAX_US, &((struct config *)out)->tickets.watch_us, err);
}

/* A phone that polls every hour resumes. Longer means that a stolen key opens more (RFC 9325). */
#define TICKETS_LIFETIME_US UINT64_C(7200000000)
#define TICKETS_LIFETIME_MIN_US UINT64_C(60000000)
#define TICKETS_LIFETIME_MAX_US UINT64_C(604800000000)	/* RFC 8446 4.6.1 */

static const struct field timeout_fields[] = {
	{ "handshake_timeout", FIELD_DURATION, FIELD_OF(struct config, handshake_timeout_us),
	  100000, UINT64_C(600000000), NULL, NULL },
	{ "idle_timeout", FIELD_DURATION, FIELD_OF(struct config, idle_timeout_us),
	  1000000, UINT64_C(604800000000), NULL, NULL },
	{ .key = "keepalive", .kind = FIELD_OTHER, .read = read_keepalive },
	{ "user_timeout", FIELD_DURATION, FIELD_OF(struct config, dataplane.user_timeout_us),
	  USER_TIMEOUT_MIN_US, USER_TIMEOUT_MAX_US, NULL, NULL },
	{ .key = "user_timeout_limit", .kind = FIELD_OTHER, .read = read_user_timeout_limit },
	{ "handshake_budget", FIELD_DURATION, FIELD_OF(struct config, dataplane.handshake_budget_us),
	  HANDSHAKE_BUDGET_MIN_US, HANDSHAKE_BUDGET_MAX_US, NULL, NULL },
};

static const struct field log_fields[] = {
	{ "format", FIELD_WORD, FIELD_OF(struct config, log.format), 0, 0, log_words, NULL },
	{ "file", FIELD_TEXT, FIELD_OF(struct config, log.file), 0, 0, NULL, NULL },
};

static const char *const ocsp_words[] = { [OCSP_OFF] = "off", [OCSP_FILE] = "file", [OCSP_FETCH] = "fetch", NULL };

static int read_responder(const struct conf *value, const struct place *place, void *out, struct error *err)
{
	char *url = ((struct config *)out)->ocsp.responder;
	const char *rest;

	if (!conf_is_scalar(value) || strlen(value->text) >= CONFIG_URL_BYTES)
		return field_refuse(value, place, err, "isn't a URL of less than %u bytes", CONFIG_URL_BYTES);
	rest = strstr(value->text, "://");
	if (rest == NULL || rest[3] == '\0' || strpbrk(value->text, " \t\r\n") != NULL ||
	    (strncmp(value->text, "http://", 7) != 0 && strncmp(value->text, "https://", 8) != 0))
		return field_refuse(value, place, err, "an OCSP responder's URL begins with http:// or https://");
	strcpy(url, value->text);
	return 0;
}

static const struct field store_fields[] = {
	{ "directory", FIELD_TEXT, FIELD_OF(struct config, certificates_directory), 0, 0, NULL, NULL },
	{ "passphrase_file", FIELD_TEXT, FIELD_OF(struct config, passphrase_file), 0, 0, NULL, NULL },
	{ "ocsp", FIELD_WORD, FIELD_OF(struct config, ocsp.source), 0, 0, ocsp_words, NULL },
	{ .key = "ocsp_responder", .kind = FIELD_OTHER, .read = read_responder },
	{ .key = "watch", .kind = FIELD_OTHER, .read = read_watch },
};

static const struct field tickets_fields[] = {
	{ "keys", FIELD_TEXT, FIELD_OF(struct config, tickets.file), 0, 0, NULL, NULL },
	{ "lifetime", FIELD_DURATION, FIELD_OF(struct config, tickets.lifetime_us),
	  TICKETS_LIFETIME_MIN_US, TICKETS_LIFETIME_MAX_US, NULL, NULL },
	{ .key = "watch", .kind = FIELD_OTHER, .read = read_tickets_watch },
};

static int read_mode(const struct conf *value, const struct place *place, void *out, struct error *err)
{
	char *end;

	if (conf_is_scalar(value)) {
		((struct config *)out)->control.mode = strtoul(value->text, &end, 8);
		if (*end == '\0' && end != value->text && ((struct config *)out)->control.mode <= 0777)
			return 0;
	}
	return field_refuse(value, place, err, "a file mode is an octal number, such as 0600 or 0660");
}

static const struct field control_fields[] = {
	{ "socket", FIELD_TEXT, FIELD_OF(struct config, control.socket), 0, 0, NULL, NULL },
	{ "group", FIELD_NAME, FIELD_OF(struct config, control.group), 0, 0, NULL, NULL },
	{ .key = "mode", .kind = FIELD_OTHER, .read = read_mode },
};

static int read_metrics_listen(const struct conf *value, const struct place *place, void *out, struct error *err)
{
	struct config *c = out;

	if (conf_is_scalar(value) && endpoint_parse(value->text, &c->metrics.addr, &c->metrics.port) == 0 &&
	    c->metrics.port != 0)
		return 0;
	field_refuse(value, place, err, "isn't an address with a port");
	return error_hint(err, -EINVAL, "write \"127.0.0.1:9480\" or \"[::1]:9480\"");
}

static const struct field metrics_fields[] = {
	{ .key = "listen", .kind = FIELD_OTHER, .read = read_metrics_listen },
};

/* A path of the file means the same wherever posternd is started. */
static int make_absolute(const char *file, char *path, size_t path_bytes, struct error *err)
{
	char folder[PATH_MAX], whole[PATH_MAX], cwd[PATH_MAX] = "";
	const char *dir;
	int n;

	if (path[0] == '\0' || path[0] == '/')
		return 0;
	snprintf(folder, sizeof(folder), "%s", file);
	dir = dirname(folder);
	if (dir[0] != '/' && getcwd(cwd, sizeof(cwd)) == NULL)
		return error_set(err, -errno, ERROR_IO, file, "the current folder can't be found");
	n = snprintf(whole, sizeof(whole), "%s%s%s/%s", cwd, cwd[0] != '\0' ? "/" : "", dir, path);
	if (n < 0 || (size_t)n >= sizeof(whole) || (size_t)n >= path_bytes)
		return error_set(err, -ENAMETOOLONG, ERROR_INVALID, file, "the path %.100s is too long", path);
	snprintf(path, path_bytes, "%s", whole);
	return 0;
}

/* A section that may stand once, with a table. */
static int read_section(const struct conf *root, const char *key, const struct field *fields, size_t n, void *out,
			const char *const *skip, const char *file, struct error *err)
{
	struct place place = { .file = file, .section = "" };
	const struct conf *c = conf_lookup(root, key);

	if (c == NULL)
		return 0;
	if (c->type != CONF_OBJECT)
		return field_refuse(c, &place, err, "%s stands where a section was expected: %s { … }",
				    conf_type_name(c->type), key);
	for (const struct conf *other = c->next; other != NULL; other = other->next) {
		if (strcmp(other->key, key) == 0)
			return field_refuse(other, &place, err, "given twice (first in line %u)", c->line);
	}
	place.section = key;
	return fields_read(c, &place, fields, n, skip, out, err);
}

static int read_tables(const struct conf *root, struct raw *raw, struct error *err)
{
	static const char *const sections[] = { "memory", "limits", "control", "log", "metrics", "certificates",
						"certificate", "tickets", "port", "route", "rule", NULL };
	static const char *const timeouts[] = { "handshake_timeout", "idle_timeout", "keepalive", "user_timeout",
						"user_timeout_limit", "handshake_budget", NULL };
	static const char *const bounds[] = { "connections", "buffer", NULL };
	struct config *c = raw->config;
	struct place place = { .file = c->file, .section = "" };
	int r = fields_read(root, &place, top_fields, N_FIELDS(top_fields), sections, raw, err);

	if (r == 0)
		r = read_section(root, "memory", memory_fields, N_FIELDS(memory_fields), raw, NULL, c->file, err);
	if (r == 0)
		r = read_section(root, "limits", limits_fields, N_FIELDS(limits_fields), raw, timeouts, c->file, err);
	if (r == 0)
		r = read_section(root, "limits", timeout_fields, N_FIELDS(timeout_fields), c, bounds, c->file, err);
	if (r == 0)
		r = read_section(root, "control", control_fields, N_FIELDS(control_fields), c, NULL, c->file, err);
	if (r == 0)
		r = read_section(root, "log", log_fields, N_FIELDS(log_fields), c, NULL, c->file, err);
	if (r == 0)
		r = read_section(root, "metrics", metrics_fields, N_FIELDS(metrics_fields), c, NULL, c->file, err);
	if (r == 0)
		r = read_section(root, "tickets", tickets_fields, N_FIELDS(tickets_fields), c, NULL, c->file, err);
	if (r == 0)
		r = read_section(root, "certificates", store_fields, N_FIELDS(store_fields), c, NULL, c->file, err);
	return r;
}

static void narrow(struct raw *raw)
{
	struct dataplane_config *d = &raw->config->dataplane;

	d->n_workers = (uint16_t)raw->workers;
	snprintf(d->cores, sizeof(d->cores), "%s", raw->cores);
	d->idle = (enum dataplane_idle)raw->idle;
	d->hugepages = (enum dataplane_hugepages)raw->hugepages;
	d->memory_megabytes = (uint32_t)raw->megabytes;
	d->max_connections = (uint32_t)raw->connections;
	d->buffer_bytes = (uint32_t)raw->buffer_bytes;
	d->tls_heap_megabytes = (uint32_t)raw->tls_megabytes;
	d->ignore_unpublished = raw->unpublished == 1;
	d->reassemble = raw->fragments == 1;
	snprintf(raw->config->rules_file, sizeof(raw->config->rules_file), "%s", raw->rules_file);
}

static int make_paths_absolute(struct config *c, struct error *err)
{
	int r = make_absolute(c->file, c->control.socket, sizeof(c->control.socket), err);

	if (r == 0)
		r = make_absolute(c->file, c->log.file, sizeof(c->log.file), err);
	if (r == 0)
		r = make_absolute(c->file, c->certificates_directory, sizeof(c->certificates_directory), err);
	if (r == 0)
		r = make_absolute(c->file, c->passphrase_file, sizeof(c->passphrase_file), err);
	if (r == 0)
		r = make_absolute(c->file, c->tickets.file, sizeof(c->tickets.file), err);
	if (r == 0)
		r = make_absolute(c->file, c->rules_file, sizeof(c->rules_file), err);
	for (struct config_certificate *cert = c->certificates; r == 0 && cert != NULL; cert = cert->next) {
		r = make_absolute(c->file, cert->chain, sizeof(cert->chain), err);
		if (r == 0)
			r = make_absolute(c->file, cert->key, sizeof(cert->key), err);
		if (r == 0)
			r = make_absolute(c->file, cert->ocsp, sizeof(cert->ocsp), err);
	}
	return r;
}

int config_read_rules(const char *file, struct ruleset *out, struct error *err)
{
	static const char *const only[] = { "rule", NULL };
	struct place place = { .file = file, .section = "" };
	struct conf *root;
	int r;

	*out = (struct ruleset){ 0 };
	if (access(file, F_OK) != 0 && errno == ENOENT)
		return error_set(err, -ENOENT, ERROR_IO, file, "there is no such file");
	root = conf_read(file, err);
	if (root == NULL)
		return -EINVAL;
	r = fields_read(root, &place, NULL, 0, only, NULL, err);
	if (r == 0)
		r = ruleset_read(out, root, file, err);
	conf_free(root);
	if (r != 0)
		ruleset_fini(out);
	return r;
}

/* The rules of the rules file, if one is named: then the configuration may hold none. */
static int read_rules(struct config *c, const struct conf *root, struct error *err)
{
	const struct conf *rule = conf_lookup(root, "rule");
	struct place place = { .file = c->file, .section = "" };
	int r;

	if (c->rules_file[0] == '\0')
		return ruleset_read(&c->rules, root, c->file, err);
	if (rule != NULL) {
		field_refuse(rule, &place, err, "rules stand here, but also rules_file is set");
		return error_hint(err, -EINVAL, "with rules_file all rules live in that file: move them there, "
				  "or leave rules_file out");
	}
	r = config_read_rules(c->rules_file, &c->rules, err);
	c->rules_missing = r == -ENOENT;
	return c->rules_missing ? 0 : r;	/* it is made at the first change */
}

static int read_all(struct config *c, const struct conf *root, struct error *err)
{
	struct raw raw = { .workers = 1, .connections = 20000, .buffer_bytes = 6291456, .config = c };
	int r = read_tables(root, &raw, err);

	if (r != 0)
		return r;
	narrow(&raw);
	if (c->control.mode == 0)
		c->control.mode = c->control.group[0] != '\0' ? 0660 : 0600;
	r = config_read_network(c, root, err);
	if (r == 0)
		r = config_read_certificates(c, root, err);
	if (r == 0)
		r = make_paths_absolute(c, err);
	if (r == 0)
		r = read_rules(c, root, err);
	if (r == 0)
		r = config_check_rules(c, &c->rules, c->rules_file[0] != '\0' ? c->rules_file : c->file, err);
	return r;
}

int config_parse(const char *text, size_t bytes, const char *file, struct config **out, struct error *err)
{
	struct config *c = calloc(1, sizeof(*c));
	struct conf *root;
	int r;

	if (c == NULL)
		return error_set(err, -ENOMEM, ERROR_INTERNAL, file, "out of memory");
	snprintf(c->file, sizeof(c->file), "%s", file);
	snprintf(c->control.socket, sizeof(c->control.socket), "%s", CONTROL_SOCKET_DEFAULT);
	snprintf(c->certificates_directory, sizeof(c->certificates_directory), "%s", TLS_STORE_DEFAULT);
	c->certificates_watch_us = c->tickets.watch_us = WATCH_US;
	c->ocsp.source = OCSP_FILE;
	c->tickets.lifetime_us = TICKETS_LIFETIME_US;
	c->handshake_timeout_us = UINT64_C(10000000);
	c->idle_timeout_us = UINT64_C(1800000000);	/* under 30 minutes would break IMAP's IDLE (RFC 9051 5.4) */
	c->dataplane.keepalive_us = KEEPALIVE_US;
	c->dataplane.user_timeout_us = USER_TIMEOUT_US;
	c->dataplane.handshake_budget_us = HANDSHAKE_BUDGET_US;
	root = conf_parse(text, bytes, file, err);
	r = root == NULL ? -EINVAL : read_all(c, root, err);
	conf_free(root);
	if (r == 0)
		*out = c;
	else
		config_free(c);
	return r;
}

int config_read(const char *file, struct config **out, struct error *err)
{
	size_t bytes;
	char *text;
	int r = text_read_file(file, CONF_TEXT_MAX_BYTES, &text, &bytes, err);

	if (r != 0)
		return r;
	r = config_parse(text, bytes, file, out, err);
	free(text);
	return r;
}

void config_free(struct config *c)
{
	if (c == NULL)
		return;
	for (struct config_certificate *cert = c->certificates, *next; cert != NULL; cert = next) {
		next = cert->next;
		free(cert);
	}
	ruleset_fini(&c->rules);
	free(c);
}

const char *config_restart_reason(const struct config *a, const struct config *b)
{
	const struct dataplane_config *x = &a->dataplane, *y = &b->dataplane;

	if (x->n_workers != y->n_workers || strcmp(x->cores, y->cores) != 0 || x->idle != y->idle)
		return "workers, cores or idle";
	if (x->hugepages != y->hugepages || x->memory_megabytes != y->memory_megabytes ||
	    x->tls_heap_megabytes != y->tls_heap_megabytes)
		return "memory";
	if (x->max_connections != y->max_connections || x->buffer_bytes != y->buffer_bytes)
		return "limits";
	if (x->keepalive_us != y->keepalive_us || x->user_timeout_us != y->user_timeout_us ||
	    x->user_timeout_limit_us != y->user_timeout_limit_us || x->handshake_budget_us != y->handshake_budget_us)
		return "limits";
	if (x->ignore_unpublished != y->ignore_unpublished)
		return "unpublished";
	if (x->reassemble != y->reassemble)
		return "fragments";
	if (memcmp(&x->netifs, &y->netifs, sizeof(x->netifs)) != 0 ||
	    memcmp(x->devices, y->devices, sizeof(x->devices)) != 0)
		return "ports or routes";
	if (strcmp(a->control.socket, b->control.socket) != 0 || a->control.mode != b->control.mode ||
	    strcmp(a->control.group, b->control.group) != 0)
		return "control";
	if (a->log.format != b->log.format || strcmp(a->log.file, b->log.file) != 0)
		return "log";
	if (!addr_equal(&a->metrics.addr, &b->metrics.addr) || a->metrics.port != b->metrics.port)
		return "metrics";
	return NULL;
}
