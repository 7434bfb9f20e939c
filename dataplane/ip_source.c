/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ip_source.h"

#include <rte_byteorder.h>

bool ip_v4_impossible(uint32_t be)
{
	uint32_t net = rte_be_to_cpu_32(be) >> 24;

	return net == 0 || net == 127 || net >= 224;
}

bool ip_v6_special(const struct addr *a)
{
	static const uint8_t zero[10];

	return memcmp(a->b, zero, sizeof(zero)) == 0;
}

static const struct prefix *onlink(const struct netif *nif, const struct addr *a)
{
	for (unsigned int i = 0; i < nif->n_addrs; i++)
		if (prefix_contains(&nif->addrs[i], a))
			return &nif->addrs[i];
	return NULL;
}

/* The first or last address of its network: broadcast's, of today and of old (RFC 1122 3.2.1.3). A /31 has none. */
static bool v4_broadcast(const struct prefix *p, uint32_t host_order)
{
	uint32_t mask = UINT32_MAX >> (p->len - 96u);

	return p->len < 127 && ((host_order & mask) == 0 || (host_order & mask) == mask);
}

static bool v4_source_impossible(const struct netif *nif, const struct addr *src)
{
	uint32_t host_order = rte_be_to_cpu_32(addr_to_v4(src));
	const struct prefix *p;

	if (ip_v4_impossible(addr_to_v4(src)))
		return true;
	p = onlink(nif, src);
	if (p && addr_is_v4(&p->addr))
		return v4_broadcast(p, host_order);
	/* Link-local (RFC 3927 2.7) and protocol assignments (RFC 6890 2.2.2) come from a link of that kind or not at all. */
	return host_order >> 16 == 0xa9fe || host_order >> 8 == 0xc00000;
}

/* 6to4 means a global IPv4 address (RFC 3964 5.3). */
static bool v6_6to4_impossible(const uint8_t *b)
{
	uint32_t be, v4;

	if (b[0] != 0x20 || b[1] != 0x02)
		return false;
	memcpy(&be, b + 2, sizeof(be));
	v4 = rte_be_to_cpu_32(be);
	return ip_v4_impossible(be) || v4 >> 24 == 10 || v4 >> 20 == 0xac1 || v4 >> 16 == 0xc0a8 || v4 >> 16 == 0xa9fe;
}

static bool v6_source_impossible(const struct addr *src)
{
	static const uint8_t discard[8] = { 0x01 };	/* 100::/64, RFC 6666 */

	return src->b[0] == 0xff || ip_v6_special(src) || memcmp(src->b, discard, sizeof(discard)) == 0 ||
	       v6_6to4_impossible(src->b);
}

enum drop ip_source_check(const struct netifs *n, const struct netif *nif, const struct addr *src,
			  const struct addr *dst)
{
	if (addr_equal(src, dst))
		return DROP_IP_LAND;
	if (netifs_own(n, src))
		return DROP_IP_SOURCE_OWN;
	if (addr_is_v4(src) ? v4_source_impossible(nif, src) : v6_source_impossible(src))
		return DROP_IP_SOURCE;
	if (netifs_elsewhere(n, nif, src))
		return DROP_IP_SOURCE_SPOOFED;
	return DROP_COUNT;
}
