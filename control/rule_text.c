/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules written: as JSON for the socket, as configuration text for files. */
#include <string.h>

#include "control/rule_def.h"
#include "control/text.h"

static const char *const proxy_texts[] = { "off", "v1", "v2" };

/* "192.0.2.0/24"; an address alone when the prefix is whole; "any" for ::/0. */
static const char *prefix_text(const struct prefix *p, char *buf, size_t buf_bytes)
{
	unsigned int bits = addr_is_v4(&p->addr) && p->len >= 96 ? p->len - 96u : p->len;
	char addr[ADDR_TEXT_BYTES];

	if (p->len == 0)
		snprintf(buf, buf_bytes, "any");
	else if (p->len == 128)
		snprintf(buf, buf_bytes, "%s", addr_format(&p->addr, addr, sizeof(addr)));
	else
		snprintf(buf, buf_bytes, "%s/%u", addr_format(&p->addr, addr, sizeof(addr)), bits);
	return buf;
}

static json_t *clients_json(const struct clients *c)
{
	json_t *list = json_array();
	char buf[ADDR_TEXT_BYTES + 8];

	for (uint32_t i = 0; i < c->n; i++)
		json_array_append_new(list, json_string(prefix_text(&c->prefixes[i], buf, sizeof(buf))));
	return list;
}

static json_t *servers_json(const struct rule_def *def)
{
	json_t *list = json_array();
	char buf[ENDPOINT_TEXT_BYTES];

	for (unsigned int i = 0; i < def->n_servers; i++)
		json_array_append_new(list, json_string(endpoint_format(&def->servers[i].addr,
			rule_def_server_port(def, i), buf, sizeof(buf))));
	return list;
}

static json_t *names_json(const struct name_list *names)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < names->n; i++)
		json_array_append_new(list, json_string(names->names[i]));
	return list;
}

json_t *rule_def_json(const struct rule_def *def)
{
	char listen[ADDR_TEXT_BYTES], idle[32], handshake[32];
	json_t *allow = clients_json(&def->allow), *rule;

	if (def->allow.n == 0)
		json_array_append_new(allow, json_string("any"));
	rule = json_pack("{s:s, s:s, s:s, s:i, s:o, s:o, s:o, s:o, s:o, s:b, s:s, s:o, s:s*, s:s*, s:b}",
		"name", def->name, "protocol", rule_def_protocol(def),
		"listen", addr_format(&def->listen, listen, sizeof(listen)), "port", (int)rule_def_port(def),
		"servers", servers_json(def),
		"certificate", def->certificates.n == 1 ? json_string(def->certificates.names[0]) : names_json(&def->certificates),
		"names", names_json(&def->names),
		"allow", allow, "deny", clients_json(&def->deny), "passthrough", (int)def->passthrough,
		"proxy", proxy_texts[def->proxy], "proxy_from", clients_json(&def->proxy_from),
		"idle_timeout", def->idle_timeout_us == 0 ? NULL :
			text_format_duration(def->idle_timeout_us, idle, sizeof(idle)),
		"handshake_timeout", def->handshake_timeout_us == 0 ? NULL :
			text_format_duration(def->handshake_timeout_us, handshake, sizeof(handshake)),
		"enabled", (int)def->enabled);
	if (rule != NULL && !def->passthrough &&
	    (rule_tls_json(&def->tls, rule) != 0 || rule_client_json(&def->client, rule) != 0 ||
	     rule_backend_json(&def->backend, rule) != 0)) {
		json_decref(rule);
		return NULL;
	}
	return rule;
}

static void write_clients(const char *key, const struct clients *c, FILE *out)
{
	char buf[ADDR_TEXT_BYTES + 8];

	if (c->n == 0)
		return;
	fprintf(out, "\t%s = [", key);
	for (uint32_t i = 0; i < c->n; i++)
		fprintf(out, "%s\"%s\"", i > 0 ? ", " : "", prefix_text(&c->prefixes[i], buf, sizeof(buf)));
	fprintf(out, "];\n");
}

static void write_names(const char *key, const struct name_list *names, FILE *out)
{
	if (names->n == 1)
		fprintf(out, "\t%s = \"%s\";\n", key, names->names[0]);
	for (uint32_t i = 0; names->n > 1 && i < names->n; i++) {
		if (i == 0)
			fprintf(out, "\t%s = [", key);
		fprintf(out, "\"%s\"%s", names->names[i], i + 1 < names->n ? ", " : "];\n");
	}
}

void rule_def_write(const struct rule_def *def, FILE *out)
{
	char buf[ENDPOINT_TEXT_BYTES], addr[ADDR_TEXT_BYTES];

	fprintf(out, "rule \"%s\" {\n", def->name);
	if (def->protocol >= 0)
		fprintf(out, "\tprotocol = %s;\n", rule_def_protocol(def));
	fprintf(out, "\tlisten = \"%s\";\n", addr_format(&def->listen, addr, sizeof(addr)));
	if (def->port != 0)
		fprintf(out, "\tport = %u;\n", def->port);
	fprintf(out, "\tservers = [");
	for (unsigned int i = 0; i < def->n_servers; i++) {
		const struct rule_server *s = &def->servers[i];

		fprintf(out, "%s\"%s\"", i > 0 ? ", " : "", s->port == 0 ?
			addr_format(&s->addr, addr, sizeof(addr)) :
			endpoint_format(&s->addr, s->port, buf, sizeof(buf)));
	}
	fprintf(out, "];\n");
	write_names("certificate", &def->certificates, out);
	write_names("names", &def->names, out);
	write_clients("allow", &def->allow, out);
	write_clients("deny", &def->deny, out);
	write_clients("proxy_from", &def->proxy_from, out);
	if (def->passthrough)
		fprintf(out, "\tpassthrough = true;\n");
	else
		rule_tls_write(&def->tls, out);
	rule_client_write(&def->client, out);
	rule_backend_write(&def->backend, out);
	if (def->proxy != PROXY_OFF)
		fprintf(out, "\tproxy = %s;\n", proxy_texts[def->proxy]);
	if (def->idle_timeout_us != 0)
		fprintf(out, "\tidle_timeout = %s;\n", text_format_duration(def->idle_timeout_us, buf, sizeof(buf)));
	if (def->handshake_timeout_us != 0)
		fprintf(out, "\thandshake_timeout = %s;\n",
			text_format_duration(def->handshake_timeout_us, buf, sizeof(buf)));
	fprintf(out, "\tenabled = %s;\n}\n", def->enabled ? "true" : "false");
}
