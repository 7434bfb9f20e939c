/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/rule_def.h"

#include <stdlib.h>
#include <string.h>

#include "control/fields.h"
#include "control/text.h"
#include "tls/names.h"
#include "tls/request.h"

/* Implicit TLS outside (RFC 8314), the same protocol in the clear inside. */
static const char *const protocol_names[] = { "imaps", "smtps", "pop3s", NULL };
static const struct {
	uint16_t port, server_port;
	/*
	 * IANA's registry has none for SMTP; Exim's servers and clients use these two, and
	 * whoever names another protocol doesn't want a mail server (RFC 9325 3.7).
	 */
	const char *alpn;
} protocols[] = { { 993, 143, "imap" }, { 465, 587, "smtp,esmtp" }, { 995, 110, "pop3" } };

static const char *const proxy_names[] = { "off", "v1", "v2", NULL };	/* as enum proxy_version counts */

void rule_def_init(struct rule_def *def)
{
	memset(def, 0, sizeof(*def));
	def->protocol = -1;
	rule_tls_init(&def->tls);
	rule_client_init(&def->client);
	def->enabled = true;
}

void rule_def_fini(struct rule_def *def)
{
	free(def->allow.prefixes);
	free(def->deny.prefixes);
	free(def->proxy_from.prefixes);
	name_list_fini(&def->certificates);
	name_list_fini(&def->names);
	rule_def_init(def);
}

static int clients_copy(struct clients *out, const struct clients *from)
{
	out->n = out->size = from->n;
	out->prefixes = from->n > 0 ? malloc(from->n * sizeof(*from->prefixes)) : NULL;
	if (from->n > 0 && out->prefixes == NULL) {
		out->n = out->size = 0;
		return -ENOMEM;
	}
	if (from->n > 0)
		memcpy(out->prefixes, from->prefixes, from->n * sizeof(*from->prefixes));
	return 0;
}

int rule_def_copy(struct rule_def *out, const struct rule_def *def)
{
	*out = *def;
	out->allow = out->deny = out->proxy_from = (struct clients){ 0 };
	out->certificates = out->names = (struct name_list){ 0 };
	if (clients_copy(&out->allow, &def->allow) == 0 && clients_copy(&out->deny, &def->deny) == 0 &&
	    clients_copy(&out->proxy_from, &def->proxy_from) == 0 &&
	    name_list_copy(&out->certificates, &def->certificates) == 0 && name_list_copy(&out->names, &def->names) == 0)
		return 0;
	rule_def_fini(out);
	return -ENOMEM;
}

static bool clients_equal(const struct clients *a, const struct clients *b)
{
	if (a->n != b->n)
		return false;
	for (uint32_t i = 0; i < a->n; i++) {
		if (a->prefixes[i].len != b->prefixes[i].len ||
		    !addr_equal(&a->prefixes[i].addr, &b->prefixes[i].addr))
			return false;
	}
	return true;
}

bool rule_def_equal(const struct rule_def *a, const struct rule_def *b)
{
	if (strcmp(a->name, b->name) != 0 || a->protocol != b->protocol ||
	    !addr_equal(&a->listen, &b->listen) || a->port != b->port || a->n_servers != b->n_servers ||
	    !name_list_equal(&a->certificates, &b->certificates) || !name_list_equal(&a->names, &b->names) ||
	    !rule_tls_equal(&a->tls, &b->tls) || !rule_client_equal(&a->client, &b->client) ||
	    !rule_backend_equal(&a->backend, &b->backend) || a->proxy != b->proxy ||
	    a->passthrough != b->passthrough || a->idle_timeout_us != b->idle_timeout_us ||
	    a->handshake_timeout_us != b->handshake_timeout_us || a->enabled != b->enabled)
		return false;
	for (unsigned int i = 0; i < a->n_servers; i++) {
		if (!addr_equal(&a->servers[i].addr, &b->servers[i].addr) ||
		    a->servers[i].port != b->servers[i].port)
			return false;
	}
	return clients_equal(&a->allow, &b->allow) && clients_equal(&a->deny, &b->deny) &&
	       clients_equal(&a->proxy_from, &b->proxy_from);
}

const char *rule_def_protocol(const struct rule_def *def)
{
	return def->protocol < 0 ? "" : protocol_names[def->protocol];
}

const char *rule_def_alpn(const struct rule_def *def)
{
	return def->protocol < 0 ? NULL : protocols[def->protocol].alpn;
}

uint16_t rule_def_port(const struct rule_def *def)
{
	return def->port != 0 || def->protocol < 0 ? def->port : protocols[def->protocol].port;
}

uint16_t rule_def_server_port(const struct rule_def *def, unsigned int i)
{
	uint16_t port = def->servers[i].port;

	if (port != 0 || def->protocol < 0)
		return port;
	return def->backend.tls || def->passthrough ? protocols[def->protocol].port : protocols[def->protocol].server_port;
}

static int refuse_address(const struct conf *value, const struct place *place, struct error *err)
{
	field_refuse(value, place, err, "\"%.80s\" isn't an IP address with or without a port", value->text);
	return error_hint(err, -EINVAL,
			  "write 192.0.2.10, 192.0.2.10:993, 2001:db8::1 or \"[2001:db8::1]:993\"; "
			  "names aren't looked up");
}

static int read_listen(const struct conf *value, const struct place *place, void *out, struct error *err)
{
	struct rule_def *def = out;
	uint16_t port = 0;

	if (!conf_is_scalar(value))
		return field_refuse(value, place, err, "a rule listens on one address; make a rule for each");
	if (endpoint_parse(value->text, &def->listen, &port) != 0)
		return refuse_address(value, place, err);
	if (port != 0)
		def->port = port;
	return 0;
}

static int read_port(const struct conf *value, const struct place *place, void *out, struct error *err)
{
	struct rule_def *def = out;
	uint64_t port;

	if (!conf_is_scalar(value) || text_parse_count(value->text, &port) != 0 || port == 0 || port > 65535)
		return field_refuse(value, place, err, "a port is a number from 1 to 65535");
	def->port = (uint16_t)port;
	return 0;
}

static int read_server(const struct conf *value, const struct place *place, void *out, struct error *err)
{
	struct rule_def *def = out;
	struct rule_server *s = &def->servers[def->n_servers];

	if (def->n_servers == RULE_SERVERS_MAX)
		return field_refuse(value, place, err, "more than %d servers", RULE_SERVERS_MAX);
	memset(s, 0, sizeof(*s));
	if (endpoint_parse(value->text, &s->addr, &s->port) != 0)
		return refuse_address(value, place, err);
	for (unsigned int i = 0; i < def->n_servers; i++) {
		if (addr_equal(&def->servers[i].addr, &s->addr) && def->servers[i].port == s->port)
			return field_refuse(value, place, err, "%.80s is given twice", value->text);
	}
	def->n_servers++;
	return 0;
}

static int read_servers(const struct conf *value, const struct place *place, void *out, struct error *err)
{
	((struct rule_def *)out)->n_servers = 0;
	return field_each(value, place, err, read_server, out);
}

static int read_client(const struct conf *value, const struct place *place, void *out, struct error *err)
{
	struct clients *c = out;
	struct prefix p;

	if (prefix_parse(value->text, &p) != 0) {
		field_refuse(value, place, err, "\"%.80s\" isn't an address, a network or \"any\"", value->text);
		return error_hint(err, -EINVAL, "write 192.0.2.7, 192.0.2.0/24, 2001:db8::/32 or any");
	}
	if (c->n == RULE_CLIENTS_MAX)
		return field_refuse(value, place, err, "more than %u entries", RULE_CLIENTS_MAX);
	if (c->n == c->size) {
		uint32_t size = c->size > 0 ? c->size * 2 : 4;
		struct prefix *more = realloc(c->prefixes, size * sizeof(*more));

		if (more == NULL)
			return error_set(err, -ENOMEM, ERROR_INTERNAL, place->file, "out of memory");
		c->prefixes = more;
		c->size = size;
	}
	c->prefixes[c->n++] = p;
	return 0;
}

static int read_allow(const struct conf *value, const struct place *place, void *out, struct error *err)
{
	struct clients *c = &((struct rule_def *)out)->allow;

	c->n = 0;
	if (value->type == CONF_LIST && value->first == NULL) {
		field_refuse(value, place, err, "an empty list would let nobody in");
		return error_hint(err, -EINVAL, "write any, or enabled = false to close the rule");
	}
	return field_each(value, place, err, read_client, c);
}

static int read_deny(const struct conf *value, const struct place *place, void *out, struct error *err)
{
	struct clients *c = &((struct rule_def *)out)->deny;

	c->n = 0;
	return field_each(value, place, err, read_client, c);
}

static int read_proxies(const struct conf *value, const struct place *place, void *out, struct error *err)
{
	struct clients *c = &((struct rule_def *)out)->proxy_from;
	int r;

	c->n = 0;
	r = field_each(value, place, err, read_client, c);
	for (uint32_t i = 0; r == 0 && i < c->n; i++) {
		if (c->prefixes[i].len > 0 && !(addr_is_v4(&c->prefixes[i].addr) && c->prefixes[i].len <= 96))
			continue;
		field_refuse(value, place, err, "everybody could say that he is somebody else");
		r = error_hint(err, -EINVAL, "give the addresses or networks of the proxies in front");
	}
	return r;
}

static int read_protocol(const struct conf *value, const struct place *place, void *out, struct error *err)
{
	struct rule_def *def = out;

	if (conf_is_scalar(value)) {
		for (int i = 0; protocol_names[i] != NULL; i++) {
			if (strcasecmp(value->text, protocol_names[i]) == 0) {
				def->protocol = i;
				return 0;
			}
		}
		if (value->text[0] == '\0' || strcasecmp(value->text, "none") == 0) {
			def->protocol = -1;
			return 0;
		}
	}
	field_refuse(value, place, err, "not a protocol that is known here");
	return error_hint(err, -EINVAL, "imaps (993, inside 143), smtps (465, inside 587) or pop3s (995, inside 110); "
			  "for any other leave it out and give port = N and the servers' ports");
}

static int read_certificate(const struct conf *value, const struct place *place, void *out, struct error *err)
{
	struct name_list *list = &((struct rule_def *)out)->certificates;

	if (value->text[0] == '\0')	/* as in "certificate=": none */
		return 0;
	if (!text_is_name(value->text, CERTIFICATE_NAME_BYTES)) {
		field_refuse(value, place, err, "\"%.60s\" isn't a name", value->text);
		return error_hint(err, -EINVAL, "use letters, digits, '_', '-' and '.'");
	}
	if (name_list_has(list, value->text))
		return field_refuse(value, place, err, "%.80s is given twice", value->text);
	if (list->n == TLS_CERTS_MAX)
		return field_refuse(value, place, err, "more than %u certificates", TLS_CERTS_MAX);
	return name_list_add(list, value->text) == 0 ? 0 :
	       error_set(err, -ENOMEM, ERROR_INTERNAL, place->file, "out of memory");
}

static int read_certificates(const struct conf *value, const struct place *place, void *out, struct error *err)
{
	name_list_fini(&((struct rule_def *)out)->certificates);
	return field_each(value, place, err, read_certificate, out);
}

static int read_name(const struct conf *value, const struct place *place, void *out, struct error *err)
{
	struct name_list *list = &((struct rule_def *)out)->names;

	if (value->text[0] == '\0')	/* as in "names=": none */
		return 0;
	if (!tls_host_name_valid(value->text))
		return field_refuse(value, place, err, "\"%.80s\" isn't a host name", value->text);
	if (list->n == RULE_NAMES_MAX)
		return field_refuse(value, place, err, "more than %u names", RULE_NAMES_MAX);
	if (name_list_add(list, value->text) != 0)
		return error_set(err, -ENOMEM, ERROR_INTERNAL, place->file, "out of memory");
	for (char *c = list->names[list->n - 1]; *c != '\0'; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c | 0x20) : *c;
	return 0;
}

static int read_names(const struct conf *value, const struct place *place, void *out, struct error *err)
{
	name_list_fini(&((struct rule_def *)out)->names);
	return field_each(value, place, err, read_name, out);
}

static int read_strength(const struct conf *value, const struct place *place, void *out, struct error *err)
{
	return rule_tls_read_strength(value, place, &((struct rule_def *)out)->tls, err);
}

static int read_ciphers(const struct conf *value, const struct place *place, void *out, struct error *err)
{
	return rule_tls_read_ciphers(value, place, &((struct rule_def *)out)->tls, err);
}

static int read_groups(const struct conf *value, const struct place *place, void *out, struct error *err)
{
	return rule_tls_read_groups(value, place, &((struct rule_def *)out)->tls, err);
}

static const struct field rule_fields[] = {
	{ .key = "protocol", .kind = FIELD_OTHER, .read = read_protocol },
	{ .key = "listen", .kind = FIELD_OTHER, .read = read_listen },
	{ .key = "port", .kind = FIELD_OTHER, .read = read_port },
	{ .key = "servers", .kind = FIELD_OTHER, .read = read_servers },
	{ .key = "certificate", .kind = FIELD_OTHER, .read = read_certificates },
	{ .key = "names", .kind = FIELD_OTHER, .read = read_names },
	{ .key = "allow", .kind = FIELD_OTHER, .read = read_allow },
	{ .key = "deny", .kind = FIELD_OTHER, .read = read_deny },
	{ .key = "proxy_from", .kind = FIELD_OTHER, .read = read_proxies },
	{ "sni", FIELD_WORD, FIELD_OF(struct rule_def, tls.sni), 0, 0, rule_sni_words, NULL },
	{ "tls_policy", FIELD_WORD, FIELD_OF(struct rule_def, tls.policy), 0, 0, rule_tls_policies, NULL },
	{ "tls_min", FIELD_WORD, FIELD_OF(struct rule_def, tls.min), 0, 0, rule_tls_versions, NULL },
	{ "tls_max", FIELD_WORD, FIELD_OF(struct rule_def, tls.max), 0, 0, rule_tls_versions, NULL },
	{ .key = "strength", .kind = FIELD_OTHER, .read = read_strength },
	{ .key = "ciphers", .kind = FIELD_OTHER, .read = read_ciphers },
	{ .key = "groups", .kind = FIELD_OTHER, .read = read_groups },
	{ "backend_tls", FIELD_BOOL, FIELD_OF(struct rule_def, backend.tls), 0, 0, NULL, NULL },
	{ "backend_ca", FIELD_TEXT, FIELD_OF(struct rule_def, backend.ca), 0, 0, NULL, NULL },
	{ "backend_name", FIELD_TEXT, FIELD_OF(struct rule_def, backend.name), 0, 0, NULL, NULL },
	{ "backend_tls_min", FIELD_WORD, FIELD_OF(struct rule_def, backend.tls_min), 0, 0, rule_backend_versions, NULL },
	{ "passthrough", FIELD_BOOL, FIELD_OF(struct rule_def, passthrough), 0, 0, NULL, NULL },
	{ "client_certificate", FIELD_WORD, FIELD_OF(struct rule_def, client.certificate), 0, 0, rule_client_words, NULL },
	{ "client_ca", FIELD_TEXT, FIELD_OF(struct rule_def, client.ca), 0, 0, NULL, NULL },
	{ "client_crl", FIELD_TEXT, FIELD_OF(struct rule_def, client.crl), 0, 0, NULL, NULL },
	{ "client_crl_expired", FIELD_WORD, FIELD_OF(struct rule_def, client.crl_expired), 0, 0, rule_crl_words, NULL },
	{ "client_depth", FIELD_COUNT, FIELD_OF(struct rule_def, client.depth), 0, RULE_CLIENT_DEPTH_MAX, NULL, NULL },
	{ "proxy", FIELD_WORD, FIELD_OF(struct rule_def, proxy), 0, 0, proxy_names, NULL },
	{ "idle_timeout", FIELD_DURATION, FIELD_OF(struct rule_def, idle_timeout_us),
	  1000000, UINT64_C(604800000000), NULL, NULL },
	{ "handshake_timeout", FIELD_DURATION, FIELD_OF(struct rule_def, handshake_timeout_us),
	  100000, UINT64_C(600000000), NULL, NULL },
	{ "enabled", FIELD_BOOL, FIELD_OF(struct rule_def, enabled), 0, 0, NULL, NULL },
};

/* Which of the two would be meant? */
static int check_ports(const struct conf *object, const struct place *place, struct error *err)
{
	const struct conf *listen = conf_lookup(object, "listen"), *port = conf_lookup(object, "port");
	uint16_t of_listen = 0;
	struct addr addr;
	uint64_t n;

	if (listen == NULL || port == NULL || !conf_is_scalar(listen) || !conf_is_scalar(port) ||
	    endpoint_parse(listen->text, &addr, &of_listen) != 0 || of_listen == 0 ||
	    text_parse_count(port->text, &n) != 0 || n == of_listen)
		return 0;	/* what is wrong in itself is told by its own reader */
	field_refuse(port, place, err, "port = %.10s, but listen = %.80s says another", port->text, listen->text);
	return error_hint(err, -EINVAL, "give the port in one of them only");
}

int rule_def_read(struct rule_def *def, const struct conf *object, const char *file, struct error *err)
{
	char section[RULE_NAME_BYTES + 8];
	struct place place = { .file = file, .section = section };
	int r;

	snprintf(section, sizeof(section), "rule %s", def->name);
	r = check_ports(object, &place, err);
	if (r != 0)
		return r;
	return fields_read(object, &place, rule_fields, sizeof(rule_fields) / sizeof(rule_fields[0]), NULL, def, err);
}

/* What TLS is spoken, and as whom, is its servers' to say. */
static int check_passthrough(const struct rule_def *def, const char *where, struct error *err)
{
	struct rule_tls nothing_said;

	rule_tls_init(&nothing_said);
	if (def->certificates.n > 0) {
		error_set(err, -EINVAL, ERROR_INVALID, where, "passthrough, and a certificate that nobody would see");
		return error_hint(err, -EINVAL, "clients see the servers' own: leave certificate out (certificate= takes it away)");
	}
	if (!rule_tls_equal(&def->tls, &nothing_said)) {
		error_set(err, -EINVAL, ERROR_INVALID, where, "passthrough, and keys about TLS that would have no effect");
		return error_hint(err, -EINVAL, "the servers decide: leave sni, tls_policy, tls_min, tls_max, strength, "
				  "ciphers and groups out");
	}
	if (def->client.certificate != TLS_CLIENT_AUTH_NONE) {
		error_set(err, -EINVAL, ERROR_INVALID, where, "passthrough, and client_certificate, which nobody here would ask for");
		return error_hint(err, -EINVAL, "the servers see their clients' certificates themselves: leave it out");
	}
	if (def->backend.tls) {
		error_set(err, -EINVAL, ERROR_INVALID, where, "passthrough and backend_tls exclude each other");
		return error_hint(err, -EINVAL, "backend_tls speaks TLS with the servers itself; passthrough leaves it to the clients");
	}
	return 0;
}

static int check_terminating(const struct rule_def *def, const char *where, struct error *err)
{
	int r;

	if (def->certificates.n == 0) {
		error_set(err, -EINVAL, ERROR_INVALID, where, "no certificate");
		return error_hint(err, -EINVAL, "give certificate = the name of one; `postern cert list` shows them");
	}
	for (uint32_t i = 0; i < def->names.n; i++) {
		if (def->names.names[i][0] == '*') {
			error_set(err, -EINVAL, ERROR_INVALID, where, "names: \"%.80s\" isn't a host name", def->names.names[i]);
			return error_hint(err, -EINVAL, "give the hosts; only with passthrough a \"*\" can be in place of the first label");
		}
	}
	r = rule_client_check(&def->client, where, err);
	return r == 0 ? rule_backend_check(&def->backend, where, err) : r;
}

int rule_def_check(const struct rule_def *def, const char *where, struct error *err)
{
	static const struct addr nowhere;

	if (addr_equal(&def->listen, &nowhere)) {
		error_set(err, -EINVAL, ERROR_INVALID, where, "no listen address");
		return error_hint(err, -EINVAL, "give listen = one of the gateway's external addresses");
	}
	if (rule_def_port(def) == 0) {
		error_set(err, -EINVAL, ERROR_INVALID, where, "no external port");
		return error_hint(err, -EINVAL, "give protocol = imaps, smtps or pop3s, or port = N");
	}
	if (def->n_servers == 0) {
		error_set(err, -EINVAL, ERROR_INVALID, where, "no internal server");
		return error_hint(err, -EINVAL, "give servers = [\"10.20.0.2:143\"]");
	}
	for (unsigned int i = 0; i < def->n_servers; i++) {
		if (rule_def_server_port(def, i) == 0) {
			error_set(err, -EINVAL, ERROR_INVALID, where, "server %u has no port", i + 1);
			return error_hint(err, -EINVAL, "without a protocol each server needs its port: 10.20.0.2:143");
		}
	}
	return def->passthrough ? check_passthrough(def, where, err) : check_terminating(def, where, err);
}
