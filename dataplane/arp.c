/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "arp.h"

#include <rte_arp.h>

#include "eth.h"
#include "pkt.h"
#include "stack_private.h"

static const struct rte_ether_addr broadcast = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };
static const struct rte_ether_addr nobody;

static void arp_send(struct stack *s, const struct netif *nif, uint16_t op, uint32_t sip, uint32_t tip,
		     const struct rte_ether_addr *tha, const struct rte_ether_addr *to)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(s->config.mbufs);
	struct rte_arp_hdr *arp;

	if (!m) {
		count_drop(s->config.counters, DROP_NO_MBUF);
		return;
	}
	arp = (struct rte_arp_hdr *)rte_pktmbuf_append(m, sizeof(*arp));
	ASSERT(arp != NULL);
	arp->arp_hardware = RTE_BE16(RTE_ARP_HRD_ETHER);
	arp->arp_protocol = RTE_BE16(RTE_ETHER_TYPE_IPV4);
	arp->arp_hlen = RTE_ETHER_ADDR_LEN;
	arp->arp_plen = sizeof(uint32_t);
	arp->arp_opcode = rte_cpu_to_be_16(op);
	arp->arp_data.arp_sha = nif->mac;
	arp->arp_data.arp_sip = sip;
	arp->arp_data.arp_tha = *tha;
	arp->arp_data.arp_tip = tip;
	eth_output_to(s, nif, m, to, RTE_ETHER_TYPE_ARP);
}

void arp_request(struct stack *s, const struct netif *nif, const struct addr *target,
		 const struct rte_ether_addr *mac)
{
	const struct addr *own = netif_source(nif, target);

	/* No own IPv4 address: nobody could answer to us. The entry times out. */
	if (!own)
		return;
	count_event(s->config.counters, EVENT_ARP_SENT);
	arp_send(s, nif, RTE_ARP_OP_REQUEST, addr_to_v4(own), addr_to_v4(target), &nobody, mac ? mac : &broadcast);
}

void arp_announce(struct stack *s, const struct netif *nif, const struct addr *own)
{
	arp_send(s, nif, RTE_ARP_OP_REQUEST, addr_to_v4(own), addr_to_v4(own), &nobody, &broadcast);
}

static bool arp_well_formed(const struct rte_arp_hdr *arp)
{
	uint8_t net = (uint8_t)(rte_be_to_cpu_32(arp->arp_data.arp_sip) >> 24);
	uint16_t op = rte_be_to_cpu_16(arp->arp_opcode);

	return arp->arp_hardware == RTE_BE16(RTE_ARP_HRD_ETHER) &&
	       arp->arp_protocol == RTE_BE16(RTE_ETHER_TYPE_IPV4) && arp->arp_hlen == RTE_ETHER_ADDR_LEN &&
	       arp->arp_plen == sizeof(uint32_t) && (op == RTE_ARP_OP_REQUEST || op == RTE_ARP_OP_REPLY) &&
	       rte_is_valid_assigned_ether_addr(&arp->arp_data.arp_sha) &&
	       /* 0.0.0.0 is a probe's sender (RFC 5227 2.1.1); the rest can't be a host. */
	       (arp->arp_data.arp_sip == 0 || (net != 0 && net != 127 && net < 224));
}

void arp_input(struct stack *s, const struct netif *nif, struct rte_mbuf *m)
{
	const struct rte_arp_hdr *arp;
	struct addr sender, target;
	bool for_us, reply;

	if (!pkt_pull(m, sizeof(*arp))) {
		stack_drop(s, DROP_ARP_MALFORMED, m);
		return;
	}
	arp = rte_pktmbuf_mtod(m, const struct rte_arp_hdr *);
	/* Our own MAC as the sender is our own frame come back. */
	if (!arp_well_formed(arp) || rte_is_same_ether_addr(&arp->arp_data.arp_sha, &nif->mac)) {
		stack_drop(s, DROP_ARP_MALFORMED, m);
		return;
	}
	sender = addr_from_v4(arp->arp_data.arp_sip);
	target = addr_from_v4(arp->arp_data.arp_tip);
	if (netifs_own(s->config.netifs, &sender)) {
		/* Counted, not fought over (RFC 5227 2.4 (b) wants a defence; our routers are told at start). */
		stack_drop(s, DROP_ADDRESS_CONFLICT, m);
		return;
	}
	for_us = netif_own(nif, &target);
	reply = arp->arp_opcode == RTE_BE16(RTE_ARP_OP_REPLY);
	if (arp->arp_data.arp_sip != 0)
		neigh_heard(s, nif, &sender, &arp->arp_data.arp_sha,
			    reply && for_us && rte_is_same_ether_addr(&arp->arp_data.arp_tha, &nif->mac));
	/* To the hardware address in the packet, not to the frame's (RFC 826). */
	if (!reply && for_us && s->config.worker == 0)
		arp_send(s, nif, RTE_ARP_OP_REPLY, arp->arp_data.arp_tip, arp->arp_data.arp_sip,
			 &arp->arp_data.arp_sha, &arp->arp_data.arp_sha);
	rte_pktmbuf_free(m);
}
