/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/config_private.h"
#include "control/fields.h"
#include "control/text.h"

#define N_FIELDS(f) (sizeof(f) / sizeof((f)[0]))


/* Calls @reader for each "@key NAME { … }". */
static int each_named(struct config *c, const struct conf *root, const char *key,
		      int (*reader)(struct config *c, const struct conf *section, const char *name, struct error *err),
		      struct error *err)
{
	struct place place = { .file = c->file, .section = "" };

	for (const struct conf *outer = root->first; outer != NULL; outer = outer->next) {
		if (strcmp(outer->key, key) != 0)
			continue;
		if (outer->type != CONF_OBJECT)
			return field_refuse(outer, &place, err, "%s stands where a section was expected: %s NAME { … }",
					    conf_type_name(outer->type), key);
		for (const struct conf *s = outer->first; s != NULL; s = s->next) {
			char section[96];
			int r;

			if (s->type != CONF_OBJECT)
				return field_refuse(outer, &place, err, "the section has no name: write %s NAME { … }", key);
			snprintf(section, sizeof(section), "%s %.64s", key, s->key);
			r = reader(c, s, section, err);
			if (r != 0)
				return r;
		}
	}
	return 0;
}

struct raw_port {
	char device[DEVICE_TEXT_BYTES];
	uint64_t vlan, mtu;
	int congestion, ecn;
	struct netif *netif;
};

static int read_own_address(const struct conf *value, const struct place *place, void *out, struct error *err)
{
	struct netif *n = out;
	struct prefix p;

	if (strchr(value->text, '/') == NULL || prefix_parse(value->text, &p) != 0) {
		field_refuse(value, place, err, "\"%.80s\" isn't an address with its prefix length", value->text);
		return error_hint(err, -EINVAL, "write 192.0.2.10/24 or 2001:db8::10/64");
	}
	if (n->n_addrs == NETIF_ADDRS_MAX)
		return field_refuse(value, place, err, "more than %d addresses", NETIF_ADDRS_MAX);
	for (unsigned int i = 0; i < n->n_addrs; i++) {
		if (addr_equal(&n->addrs[i].addr, &p.addr))
			return field_refuse(value, place, err, "%.80s is given twice", value->text);
	}
	n->addrs[n->n_addrs++] = p;
	return 0;
}

static int read_addresses(const struct conf *value, const struct place *place, void *out, struct error *err)
{
	return field_each(value, place, err, read_own_address, ((struct raw_port *)out)->netif);
}

/* enum congestion, without its "default". */
static const char *const congestion_words[] = { "bbr", "cubic", "newreno", NULL };

/* enum ecn */
static const char *const ecn_words[] = { "accept", "on", "off", NULL };

static const struct field port_fields[] = {
	{ "device", FIELD_TEXT, FIELD_OF(struct raw_port, device), 0, 0, NULL, NULL },
	{ .key = "addresses", .kind = FIELD_OTHER, .read = read_addresses },
	{ "vlan", FIELD_COUNT, FIELD_OF(struct raw_port, vlan), 0, 4094, NULL, NULL },
	{ "mtu", FIELD_COUNT, FIELD_OF(struct raw_port, mtu), 1280, 9600, NULL, NULL },
	{ "congestion", FIELD_WORD, FIELD_OF(struct raw_port, congestion), 0, 0, congestion_words, NULL },
	{ "ecn", FIELD_WORD, FIELD_OF(struct raw_port, ecn), 0, 0, ecn_words, NULL },
};

static int read_port(struct config *c, const struct conf *section, const char *name, struct error *err)
{
	struct place place = { .file = c->file, .section = name }, outer = { .file = c->file, .section = "port" };
	struct netifs *all = &c->dataplane.netifs;
	struct raw_port raw = { .mtu = 1500 };
	int r;

	if (all->n_netifs == NETIF_MAX)
		return field_refuse(section, &outer, err, "more than %d ports", NETIF_MAX);
	if (!text_is_name(section->key, NETIF_NAME_BYTES))
		return field_refuse(section, &outer, err, "\"%.60s\" isn't a name of up to %d letters and digits",
				    section->key, NETIF_NAME_BYTES - 1);
	for (unsigned int i = 0; i < all->n_netifs; i++) {
		if (strcmp(all->netifs[i].name, section->key) == 0)
			return field_refuse(section, &outer, err, "there are two ports of this name");
	}
	raw.netif = &all->netifs[all->n_netifs];
	r = fields_read(section, &place, port_fields, N_FIELDS(port_fields), NULL, &raw, err);
	if (r != 0)
		return r;
	if (raw.device[0] == '\0') {
		field_refuse(section, &outer, err, "no device");
		return error_hint(err, -EINVAL, "give device = a PCI address such as 0000:03:00.0, an interface "
				  "such as packet:eth1, or DPDK devargs");
	}
	if (raw.netif->n_addrs == 0) {
		field_refuse(section, &outer, err, "no addresses");
		return error_hint(err, -EINVAL, "give addresses = [\"192.0.2.10/24\"]");
	}
	for (unsigned int i = 0; i < all->n_netifs; i++) {
		if (strcmp(c->dataplane.devices[i], raw.device) == 0)
			return field_refuse(section, &outer, err, "port %s has this device already", all->netifs[i].name);
	}
	snprintf(c->dataplane.devices[all->n_netifs], DEVICE_TEXT_BYTES, "%s", raw.device);
	snprintf(raw.netif->name, sizeof(raw.netif->name), "%s", section->key);
	raw.netif->id = (uint8_t)all->n_netifs;
	raw.netif->vlan = (uint16_t)raw.vlan;
	raw.netif->mtu = (uint16_t)raw.mtu;
	raw.netif->congestion = (uint8_t)(CONGESTION_BBR + raw.congestion);
	raw.netif->ecn = (uint8_t)raw.ecn;
	all->n_netifs++;
	return 0;
}

struct raw_route {
	char to[64], via[64];
};

static const struct field route_fields[] = {
	{ "to", FIELD_TEXT, FIELD_OF(struct raw_route, to), 0, 0, NULL, NULL },
	{ "via", FIELD_TEXT, FIELD_OF(struct raw_route, via), 0, 0, NULL, NULL },
};

/* "default" alone would mean both versions: the next hop's version decides. */
static int parse_destination(const char *to, const struct addr *via, struct prefix *out)
{
	bool v4 = addr_is_v4(via);

	if (strcmp(to, "default") == 0 || strcmp(to, "any") == 0)
		return prefix_parse(v4 ? "0.0.0.0/0" : "::/0", out);
	if (prefix_parse(to, out) != 0)
		return -EINVAL;
	return (addr_is_v4(&out->addr) && out->len >= 96) == v4 ? 0 : -EPROTOTYPE;
}

static int read_route(struct config *c, const struct conf *section, struct error *err)
{
	struct place place = { .file = c->file, .section = "route" }, top = { .file = c->file, .section = "" };
	struct netifs *all = &c->dataplane.netifs;
	struct route *route = &all->routes[all->n_routes];
	struct raw_route raw = { .to = "" };
	int r;

	if (section->type != CONF_OBJECT)
		return field_refuse(section, &top, err, "%s stands where a section was expected: "
				    "route { to = …; via = …; }", conf_type_name(section->type));
	if (all->n_routes == ROUTES_MAX)
		return field_refuse(section, &top, err, "more than %d routes", ROUTES_MAX);
	r = fields_read(section, &place, route_fields, N_FIELDS(route_fields), NULL, &raw, err);
	if (r != 0)
		return r;
	if (raw.to[0] == '\0' || raw.via[0] == '\0')
		return field_refuse(section, &top, err, "a route needs both: to = \"default\" or a network, "
				    "via = a router's address");
	if (addr_parse(raw.via, &route->via) != 0)
		return field_refuse(section, &top, err, "via: \"%s\" isn't an IP address", raw.via);
	r = parse_destination(raw.to, &route->via, &route->to);
	if (r == -EPROTOTYPE)
		return field_refuse(section, &top, err, "to %s via %s: one is IPv4, the other IPv6", raw.to, raw.via);
	if (r != 0)
		return field_refuse(section, &top, err, "to: \"%s\" is neither a network nor \"default\"", raw.to);
	all->n_routes++;
	return 0;
}

/* Next hops and double addresses are judged by the stack's own code. */
static int check_network(struct config *c, struct error *err)
{
	char why[256] = "";
	int r;

	c->network = c->dataplane.netifs;
	r = netifs_init(&c->network, why, sizeof(why));
	return r == 0 ? 0 : error_set(err, r, ERROR_INVALID, c->file, "%s", why);
}

int config_read_network(struct config *c, const struct conf *root, struct error *err)
{
	int r = each_named(c, root, "port", read_port, err);

	if (r == 0 && c->dataplane.netifs.n_netifs == 0) {
		error_set(err, -EINVAL, ERROR_INVALID, c->file, "no port");
		return error_hint(err, -EINVAL, "a gateway needs at least one: port external { device = …; addresses = […]; }");
	}
	for (const struct conf *s = root->first; r == 0 && s != NULL; s = s->next) {
		if (strcmp(s->key, "route") == 0)
			r = read_route(c, s, err);
	}
	return r != 0 ? r : check_network(c, err);
}

static const struct field certificate_fields[] = {
	{ "chain", FIELD_TEXT, FIELD_OF(struct config_certificate, chain), 0, 0, NULL, NULL },
	{ "key", FIELD_TEXT, FIELD_OF(struct config_certificate, key), 0, 0, NULL, NULL },
	{ "ocsp", FIELD_TEXT, FIELD_OF(struct config_certificate, ocsp), 0, 0, NULL, NULL },
};

static int read_certificate(struct config *c, const struct conf *section, const char *name, struct error *err)
{
	struct place place = { .file = c->file, .section = name }, outer = { .file = c->file, .section = "certificate" };
	struct config_certificate *cert, **end = &c->certificates;
	unsigned int n = 0;
	int r;

	if (!text_is_name(section->key, CERTIFICATE_NAME_BYTES))
		return field_refuse(section, &outer, err, "\"%.70s\" isn't a name of up to %d letters and digits",
				    section->key, CERTIFICATE_NAME_BYTES - 1);
	for (; *end != NULL; end = &(*end)->next, n++) {
		if (strcmp((*end)->name, section->key) == 0)
			return field_refuse(section, &outer, err, "there are two of this name (first in line %u)", (*end)->line);
	}
	if (n == CONFIG_CERTIFICATES_MAX)
		return field_refuse(section, &outer, err, "more than %u certificates", CONFIG_CERTIFICATES_MAX);
	cert = calloc(1, sizeof(*cert));
	if (cert == NULL)
		return error_set(err, -ENOMEM, ERROR_INTERNAL, c->file, "out of memory");
	*end = cert;
	snprintf(cert->name, sizeof(cert->name), "%s", section->key);
	cert->line = section->line;
	r = fields_read(section, &place, certificate_fields, N_FIELDS(certificate_fields), NULL, cert, err);
	if (r == 0 && (cert->chain[0] == '\0' || cert->key[0] == '\0'))
		return field_refuse(section, &outer, err, "chain and key are both needed: the files' paths");
	return r;
}

int config_read_certificates(struct config *c, const struct conf *root, struct error *err)
{
	return each_named(c, root, "certificate", read_certificate, err);
}

static int check_rule(const struct config *c, const struct rule_def *def, const char *where, struct error *err)
{
	const struct netifs *all = &c->network;
	char addr[ADDR_TEXT_BYTES];

	addr_format(&def->listen, addr, sizeof(addr));
	if (netifs_owner(all, &def->listen) == NULL) {
		error_set(err, -EINVAL, ERROR_INVALID, where, "rule %s: no port of the gateway has the address %s",
			  def->name, addr);
		return error_hint(err, -EINVAL, "listen on an address of a port, or add it to the port's addresses "
				  "(which needs a restart)");
	}
	for (unsigned int i = 0; i < def->n_servers; i++) {
		struct addr next_hop;

		addr_format(&def->servers[i].addr, addr, sizeof(addr));
		if (netifs_owner(all, &def->servers[i].addr) != NULL)
			return error_set(err, -EINVAL, ERROR_INVALID, where,
					 "rule %s: the server %s is the gateway itself", def->name, addr);
		if (netifs_route(all, &def->servers[i].addr, &next_hop) == NULL) {
			error_set(err, -EINVAL, ERROR_INVALID, where, "rule %s: no route to the server %s",
				  def->name, addr);
			return error_hint(err, -EINVAL, "give a port an address in its network, or add a route "
					  "(either needs a restart)");
		}
	}
	return 0;
}

int config_check_rules(const struct config *c, const struct ruleset *rules, const char *where, struct error *err)
{
	for (uint32_t i = 0; i < rules->n; i++) {
		int r = check_rule(c, &rules->defs[i], where, err);

		if (r != 0)
			return r;
	}
	return 0;
}
