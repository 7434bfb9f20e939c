/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "icmp.h"

#include <netinet/in.h>
#include <rte_ip.h>

#include "nd.h"
#include "pkt.h"
#include "stack_private.h"

/* RFC 792, RFC 1191, RFC 4443; DPDK names but a few of them. */
enum {
	V4_ECHO_REPLY = 0,
	V4_UNREACHABLE = 3,
	V4_CODE_TOO_BIG = 4,
	V4_ECHO = 8,
	V4_TIME_EXCEEDED = 11,
	V4_PARAMETER = 12,
	V6_UNREACHABLE = 1,
	V6_TOO_BIG = 2,
	V6_TIME_EXCEEDED = 3,
	V6_PARAMETER = 4,
	V6_ECHO = 128,
	V6_ECHO_REPLY = 129,
	V6_NEIGHBOUR_SOLICITATION = 135,
	V6_NEIGHBOUR_ADVERTISEMENT = 136,
};

#define HEADER_BYTES 8u
#define IPV6_MIN_MTU 1280u
/* What is read of a quoted packet: the longest IPv4 header and the first 8 bytes of TCP. */
#define QUOTE_BYTES 68u

/* Both ICMPs begin alike. */
struct icmp_header {
	uint8_t type, code;
	uint16_t checksum;
	uint16_t rest[2];
};

void icmp_limit_init(struct icmp_limit *l, uint64_t now_us)
{
	l->refilled_us = now_us;
	l->tokens = ICMP_ECHO_BURST;
}

static bool limit_take(struct icmp_limit *l, uint64_t now_us)
{
	const uint64_t each_us = 1000000u / ICMP_ECHO_PER_S;
	uint64_t n = (now_us - l->refilled_us) / each_us;

	if (n > 0) {
		l->refilled_us += n * each_us;
		l->tokens = (uint32_t)RTE_MIN(n + l->tokens, (uint64_t)ICMP_ECHO_BURST);
	}
	if (l->tokens == 0)
		return false;
	l->tokens--;
	return true;
}

/* Answers a ping with a copy: the received mbuf may be shared with the device's ring. */
static void echo(struct stack *s, struct rte_mbuf *m, const struct ip_info *info, uint8_t reply_type)
{
	bool v4 = addr_is_v4(&info->src);
	struct icmp_header *icmp;
	struct rte_mbuf *reply;
	struct ip_path path;

	if (m->pkt_len > ICMP_ECHO_MAX_BYTES) {
		stack_drop(s, DROP_ICMP_MALFORMED, m);
		return;
	}
	if (!limit_take(&s->icmp_limit, s->now_us)) {
		stack_drop(s, DROP_ICMP_RATE, m);
		return;
	}
	/* To one's own address from a stranger without a route: counted by ip_path_init. */
	if (ip_path_init(s, &path, &info->dst, &info->src) != 0) {
		rte_pktmbuf_free(m);
		return;
	}
	reply = rte_pktmbuf_copy(m, s->config.mbufs, 0, UINT32_MAX);
	if (!reply || reply->nb_segs > 1) {
		rte_pktmbuf_free(reply);
		stack_drop(s, DROP_NO_MBUF, m);
		return;
	}
	rte_pktmbuf_free(m);
	reply->ol_flags = 0;
	icmp = rte_pktmbuf_mtod(reply, struct icmp_header *);
	icmp->type = reply_type;
	icmp->checksum = 0;
	icmp->checksum = pkt_checksum(reply, v4 ? NULL : &info->dst, &info->src, IPPROTO_ICMPV6);
	count_event(s->config.counters, EVENT_ECHO_ANSWERED);
	ip_output(s, &path, reply, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6, HEADER_BYTES, 0);
}

static bool quoted_v4(const uint8_t *ip, size_t bytes, struct tuple *t, size_t *l4)
{
	const struct rte_ipv4_hdr *h = (const struct rte_ipv4_hdr *)ip;

	if (bytes < sizeof(*h))
		return false;
	*l4 = (h->version_ihl & 0xfu) * 4u;
	if (*l4 < sizeof(*h) || h->next_proto_id != IPPROTO_TCP ||
	    (h->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK)) != 0)
		return false;
	t->laddr = addr_from_v4(h->src_addr);
	t->faddr = addr_from_v4(h->dst_addr);
	return true;
}

static bool quoted_v6(const uint8_t *ip, size_t bytes, struct tuple *t, size_t *l4)
{
	/* Version, class, label, length: 4 + 2 bytes; next header; hop limit; addresses. We send no extensions. */
	if (bytes < sizeof(struct rte_ipv6_hdr) || ip[6] != IPPROTO_TCP)
		return false;
	memcpy(t->laddr.b, ip + 8, sizeof(t->laddr.b));
	memcpy(t->faddr.b, ip + 24, sizeof(t->faddr.b));
	*l4 = sizeof(struct rte_ipv6_hdr);
	/* Else it could be taken for the IPv4 connection (addr.h). */
	return !addr_is_v4(&t->laddr) && !addr_is_v4(&t->faddr);
}

bool icmp_quoted(const uint8_t *ip, size_t bytes, struct tuple *t, uint32_t *seq)
{
	uint16_t ports[2];
	uint32_t be;
	size_t l4;

	if (bytes == 0)
		return false;
	switch (ip[0] >> 4) {
	case 4:
		if (!quoted_v4(ip, bytes, t, &l4))
			return false;
		break;
	case 6:
		if (!quoted_v6(ip, bytes, t, &l4))
			return false;
		break;
	default:
		return false;
	}
	if (bytes < l4 + 8)
		return false;
	memcpy(ports, ip + l4, sizeof(ports));
	memcpy(&be, ip + l4 + sizeof(ports), sizeof(be));
	t->lport = rte_be_to_cpu_16(ports[0]);
	t->fport = rte_be_to_cpu_16(ports[1]);
	*seq = rte_be_to_cpu_32(be);
	return true;
}

/*
 * A router from before RFC 1191 gives no MTU: then it is the next one that is in use
 * somewhere, below the size that didn't pass (section 7.1; its table, and Ethernet's tunnels).
 */
static uint16_t plateau(uint16_t total_bytes)
{
	static const uint16_t in_use[] = { 32000, 17914, 8166, 4352, 2002, 1492, 1472, 1400, 1280, 1006, 576, 508, 296, 68 };

	for (size_t i = 0; i < RTE_DIM(in_use); i++)
		if (in_use[i] < total_bytes)
			return in_use[i];
	return in_use[RTE_DIM(in_use) - 1];
}

/* An error about a packet that we are said to have sent. */
static void error(struct stack *s, struct rte_mbuf *m, bool v4, enum tcp_icmp kind, uint16_t mtu)
{
	uint32_t bytes = RTE_MIN(m->pkt_len, HEADER_BYTES + QUOTE_BYTES);
	const uint8_t *quote;
	struct tuple tuple;
	uint32_t seq;

	if (!pkt_pull(m, bytes)) {
		stack_drop(s, DROP_ICMP_MALFORMED, m);
		return;
	}
	quote = rte_pktmbuf_mtod_offset(m, const uint8_t *, HEADER_BYTES);
	if (!icmp_quoted(quote, bytes - HEADER_BYTES, &tuple, &seq) || addr_is_v4(&tuple.laddr) != v4 ||
	    !netifs_own(s->config.netifs, &tuple.laddr)) {
		stack_drop(s, DROP_ICMP_MALFORMED, m);
		return;
	}
	if (kind == TCP_ICMP_TOO_BIG && mtu == 0)
		mtu = plateau((uint16_t)(quote[2] << 8 | quote[3]));
	rte_pktmbuf_free(m);
	tcp_icmp_error(s, &tuple, seq, kind, mtu);
}

void icmp4_input(struct stack *s, const struct netif *nif, struct rte_mbuf *m, const struct ip_info *info)
{
	const struct icmp_header *icmp;

	if (!pkt_pull(m, HEADER_BYTES)) {
		stack_drop(s, DROP_ICMP_MALFORMED, m);
		return;
	}
	if (pkt_checksum(m, NULL, NULL, 0) != 0) {
		stack_drop(s, DROP_ICMP_CHECKSUM, m);
		return;
	}
	icmp = rte_pktmbuf_mtod(m, const struct icmp_header *);
	switch (icmp->type) {
	case V4_ECHO:
		echo(s, m, info, V4_ECHO_REPLY);
		return;
	case V4_UNREACHABLE:
		if (icmp->code == V4_CODE_TOO_BIG)
			error(s, m, true, TCP_ICMP_TOO_BIG, rte_be_to_cpu_16(icmp->rest[1]));
		else
			error(s, m, true, TCP_ICMP_UNREACHABLE, 0);
		return;
	case V4_TIME_EXCEEDED:
	case V4_PARAMETER:
		error(s, m, true, TCP_ICMP_UNREACHABLE, 0);
		return;
	default:
		stack_drop(s, DROP_ICMP_TYPE, m);
		return;
	}
}

/* Bytes; 0: less than the least of IPv6, which no router may say (RFC 8201 section 4). */
static uint16_t v6_mtu(const struct icmp_header *icmp)
{
	uint32_t mtu;

	memcpy(&mtu, icmp->rest, sizeof(mtu));
	mtu = rte_be_to_cpu_32(mtu);
	return mtu < IPV6_MIN_MTU ? 0 : (uint16_t)RTE_MIN(mtu, (uint32_t)UINT16_MAX);
}

void icmp6_input(struct stack *s, const struct netif *nif, struct rte_mbuf *m, const struct ip_info *info)
{
	const struct icmp_header *icmp;
	uint16_t mtu;

	if (!pkt_pull(m, HEADER_BYTES)) {
		stack_drop(s, DROP_ICMP_MALFORMED, m);
		return;
	}
	if (pkt_checksum(m, &info->src, &info->dst, IPPROTO_ICMPV6) != 0) {
		stack_drop(s, DROP_ICMP_CHECKSUM, m);
		return;
	}
	icmp = rte_pktmbuf_mtod(m, const struct icmp_header *);
	if (icmp->type == V6_NEIGHBOUR_SOLICITATION || icmp->type == V6_NEIGHBOUR_ADVERTISEMENT) {
		nd_input(s, nif, m, info);
		return;
	}
	/* All else concerns one host: groups get no answer from us, nor errors (RFC 4443 2.4 (e)). */
	if (!netif_own(nif, &info->dst)) {
		stack_drop(s, DROP_ICMP_TYPE, m);
		return;
	}
	switch (icmp->type) {
	case V6_ECHO:
		echo(s, m, info, V6_ECHO_REPLY);
		return;
	case V6_TOO_BIG:
		mtu = v6_mtu(icmp);
		if (mtu == 0)
			stack_drop(s, DROP_ICMP_MALFORMED, m);
		else
			error(s, m, false, TCP_ICMP_TOO_BIG, mtu);
		return;
	case V6_UNREACHABLE:
	case V6_TIME_EXCEEDED:
	case V6_PARAMETER:
		error(s, m, false, TCP_ICMP_UNREACHABLE, 0);
		return;
	default:
		stack_drop(s, DROP_ICMP_TYPE, m);
		return;
	}
}
