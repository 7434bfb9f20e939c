/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "netif.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

static bool addr_linklocal(const struct addr *a)
{
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

static bool same_version(const struct addr *a, const struct addr *b)
{
	return addr_is_v4(a) == addr_is_v4(b);
}

/* Own addresses are few and strangers many: six bits of the last bytes tell most apart. */
static uint64_t filter_bit(const struct addr *a)
{
	return 1ull << ((a->b[15] ^ (a->b[14] << 3) ^ (a->b[13] << 1)) & 63);
}

/* fe80::/64 and the MAC's modified EUI-64 (RFC 4291 appendix A). */
static struct addr linklocal_of(const struct rte_ether_addr *mac)
{
	const uint8_t *m = mac->addr_bytes;

	return (struct addr){ { 0xfe, 0x80, 0, 0, 0, 0, 0, 0, m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3],
				m[4], m[5] } };
}

/* The longest on-link prefix of @nif that holds @a, or NULL. */
static const struct prefix *onlink(const struct netif *nif, const struct addr *a)
{
	const struct prefix *best = NULL;

	for (unsigned int i = 0; i < nif->n_addrs; i++) {
		const struct prefix *p = &nif->addrs[i];

		if (same_version(&p->addr, a) && prefix_contains(p, a) && (!best || p->len > best->len))
			best = p;
	}
	return best;
}

static bool has_v6(const struct netif *nif)
{
	for (unsigned int i = 0; i < nif->n_addrs; i++)
		if (!addr_is_v4(&nif->addrs[i].addr))
			return true;
	return false;
}

static int addrs_check(const struct netifs *n, const struct netif *nif, char *err, size_t err_bytes)
{
	char text[ADDR_TEXT_BYTES];

	for (unsigned int i = 0; i < nif->n_addrs; i++) {
		const struct prefix *p = &nif->addrs[i];

		if (p->len > 128 || (addr_is_v4(&p->addr) && p->len < 96)) {
			snprintf(err, err_bytes, "port %s: address %s: impossible prefix length", nif->name,
				 addr_format(&p->addr, text, sizeof(text)));
			return -EINVAL;
		}
		for (const struct netif *o = n->netifs; o <= nif; o++) {
			for (unsigned int k = 0; k < o->n_addrs && &o->addrs[k] != p; k++) {
				if (!addr_equal(&o->addrs[k].addr, &p->addr))
					continue;
				snprintf(err, err_bytes, "address %s is given twice (ports %s and %s)",
					 addr_format(&p->addr, text, sizeof(text)), o->name, nif->name);
				return -EINVAL;
			}
		}
	}
	return 0;
}

/* The port on whose link the next hop lies. A link-local one fits any: there must be one IPv6 port only. */
static const struct netif *port_of_next_hop(const struct netifs *n, const struct addr *via, bool *ambiguous)
{
	const struct netif *found = NULL;

	*ambiguous = false;
	for (unsigned int i = 0; i < n->n_netifs; i++) {
		const struct netif *nif = &n->netifs[i];

		if (addr_linklocal(via) ? !has_v6(nif) : !onlink(nif, via))
			continue;
		if (found)
			*ambiguous = true;
		else
			found = nif;
	}
	return found;
}

static int route_check(const struct netifs *n, struct route *r, char *err, size_t err_bytes)
{
	char to[ADDR_TEXT_BYTES], via[ADDR_TEXT_BYTES];
	const struct netif *nif;
	bool ambiguous;
	const char *what = NULL;

	addr_format(&r->to.addr, to, sizeof(to));
	addr_format(&r->via, via, sizeof(via));
	nif = port_of_next_hop(n, &r->via, &ambiguous);
	if (r->to.len > 128 || (r->to.len != 0 && !same_version(&r->to.addr, &r->via)))
		what = "destination and next hop are of different IP versions";
	else if (netifs_own(n, &r->via))
		what = "the next hop is an address of the gateway itself";
	else if (!nif)
		what = "the next hop lies on no port's link; give a port an address in its network";
	else if (ambiguous && addr_linklocal(&r->via))
		what = "more than one port has IPv6; name the next hop by its global address";
	else if (ambiguous)
		what = "the next hop lies on the links of two ports";
	if (what) {
		snprintf(err, err_bytes, "route to %s/%u via %s: %s", to, r->to.len, via, what);
		return -EINVAL;
	}
	r->netif = nif->id;
	return 0;
}

static int route_order(const void *a, const void *b)
{
	return ((const struct route *)b)->to.len - ((const struct route *)a)->to.len;
}

static void net_add(struct netifs *n, const struct prefix *p, uint8_t netif)
{
	struct netif_net *w = &n->nets[n->n_nets];
	struct addr mask = { { 0 } };

	/* ::/0, 0.0.0.0/0: a default route. */
	if (p->len == 0 || (addr_is_v4(&p->addr) && p->len == 96))
		return;
	for (unsigned int i = 0; i < p->len; i++)
		mask.b[i / 8] = (uint8_t)(mask.b[i / 8] | 0x80u >> i % 8);
	memcpy(w->net, p->addr.b, sizeof(w->net));
	memcpy(w->mask, mask.b, sizeof(w->mask));
	w->net[0] &= w->mask[0];
	w->net[1] &= w->mask[1];
	w->len = p->len;
	w->netif = netif;
	n->n_nets++;
}

static int net_order(const void *a, const void *b)
{
	return ((const struct netif_net *)b)->len - ((const struct netif_net *)a)->len;
}

static void nets_init(struct netifs *n)
{
	n->n_nets = 0;
	if (n->n_netifs < 2)
		return;
	for (unsigned int i = 0; i < n->n_netifs; i++)
		for (unsigned int k = 0; k < n->netifs[i].n_addrs; k++)
			net_add(n, &n->netifs[i].addrs[k], (uint8_t)i);
	for (unsigned int i = 0; i < n->n_routes; i++)
		net_add(n, &n->routes[i].to, n->routes[i].netif);
	qsort(n->nets, n->n_nets, sizeof(n->nets[0]), net_order);
}

int netifs_init(struct netifs *n, char *err, size_t err_bytes)
{
	int rc;

	if (n->n_netifs > NETIF_MAX || n->n_routes > ROUTES_MAX) {
		snprintf(err, err_bytes, "more than %d ports or %d routes", NETIF_MAX, ROUTES_MAX);
		return -EINVAL;
	}
	n->own_filter = 0;
	for (unsigned int i = 0; i < n->n_netifs; i++) {
		struct netif *nif = &n->netifs[i];

		if (nif->n_addrs > NETIF_ADDRS_MAX) {
			snprintf(err, err_bytes, "port %s: more than %d addresses", nif->name, NETIF_ADDRS_MAX);
			return -EINVAL;
		}
		nif->id = (uint8_t)i;
		nif->linklocal = linklocal_of(&nif->mac);
		n->own_filter |= filter_bit(&nif->linklocal);
		for (unsigned int k = 0; k < nif->n_addrs; k++)
			n->own_filter |= filter_bit(&nif->addrs[k].addr);
		rc = addrs_check(n, nif, err, err_bytes);
		if (rc != 0)
			return rc;
	}
	for (unsigned int i = 0; i < n->n_routes; i++) {
		rc = route_check(n, &n->routes[i], err, err_bytes);
		if (rc != 0)
			return rc;
	}
	qsort(n->routes, n->n_routes, sizeof(n->routes[0]), route_order);
	nets_init(n);
	return 0;
}

const struct netif *netifs_way(const struct netifs *n, const struct addr *dst, const struct route **route)
{
	const struct prefix *best = NULL;
	const struct netif *nif = NULL;

	for (unsigned int i = 0; i < n->n_netifs; i++) {
		const struct prefix *p = onlink(&n->netifs[i], dst);

		if (p && (!best || p->len > best->len)) {
			best = p;
			nif = &n->netifs[i];
		}
	}
	*route = NULL;
	/* A route beats a link only with a longer prefix. */
	for (unsigned int i = 0; i < n->n_routes && (!best || n->routes[i].to.len > best->len); i++) {
		const struct route *r = &n->routes[i];

		/* "default" is ::/0 for both versions; the next hop's version tells which one is meant. */
		if (same_version(&r->via, dst) && prefix_contains(&r->to, dst)) {
			*route = r;
			return &n->netifs[r->netif];
		}
	}
	return nif;
}

const struct netif *netifs_route(const struct netifs *n, const struct addr *dst, struct addr *next_hop)
{
	const struct route *route;
	const struct netif *nif = netifs_way(n, dst, &route);

	if (nif)
		*next_hop = route ? route->via : *dst;
	return nif;
}

bool netif_own(const struct netif *nif, const struct addr *a)
{
	for (unsigned int i = 0; i < nif->n_addrs; i++)
		if (addr_equal(&nif->addrs[i].addr, a))
			return true;
	return addr_equal(&nif->linklocal, a);
}

const struct netif *netifs_owner(const struct netifs *n, const struct addr *a)
{
	if ((n->own_filter & filter_bit(a)) == 0)
		return NULL;
	for (unsigned int i = 0; i < n->n_netifs; i++)
		if (netif_own(&n->netifs[i], a))
			return &n->netifs[i];
	return NULL;
}

bool netifs_own(const struct netifs *n, const struct addr *a)
{
	return netifs_owner(n, a) != NULL;
}

bool netifs_elsewhere(const struct netifs *n, const struct netif *nif, const struct addr *a)
{
	uint64_t w[2];
	unsigned int best = 0;

	memcpy(w, a->b, sizeof(w));
	for (unsigned int i = 0; i < n->n_nets; i++) {
		const struct netif_net *p = &n->nets[i];

		if ((w[0] & p->mask[0]) != p->net[0] || (w[1] & p->mask[1]) != p->net[1])
			continue;
		/* The longest that holds it decides; equally long ones may lie behind two ports. */
		if (p->len < best)
			break;
		if (p->netif == nif->id)
			return false;
		best = p->len;
	}
	return best != 0;
}

const struct addr *netif_source(const struct netif *nif, const struct addr *dst)
{
	const struct prefix *p = onlink(nif, dst);
	const struct addr *fallback = NULL;

	if (p)
		return &p->addr;
	if (addr_linklocal(dst))
		return &nif->linklocal;
	for (unsigned int i = 0; i < nif->n_addrs; i++) {
		p = &nif->addrs[i];
		if (!same_version(&p->addr, dst))
			continue;
		/* A host address (/32, /128) is a published one more often than the port's own. */
		if (p->len < 128)
			return &p->addr;
		if (!fallback)
			fallback = &p->addr;
	}
	return fallback;
}
