/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The names and meanings of all that a worker counts (counters.h).
 *
 * Threads: any.
 */
#pragma once

#define DROPS(X) \
	X(ETH_SHORT, "eth_short", "frame shorter than its Ethernet header") \
	X(ETH_OTHER_HOST, "eth_other_host", "frame for another MAC address") \
	X(ETH_VLAN, "eth_vlan", "frame of a VLAN that the port doesn't serve") \
	X(ETH_TYPE, "eth_type", "EtherType other than IPv4, IPv6 and ARP") \
	X(ARP_MALFORMED, "arp_malformed", "malformed ARP packet") \
	X(ND_MALFORMED, "nd_malformed", "malformed or off-link neighbour discovery message") \
	X(ADDRESS_CONFLICT, "address_conflict", "another host claims an address of ours") \
	X(NEIGH_FULL, "neigh_full", "neighbour table full") \
	X(NEIGH_UNRESOLVED, "neigh_unresolved", "the next hop never answered ARP or ND") \
	X(NO_ROUTE, "no_route", "no route to the destination") \
	X(IP_SHORT, "ip_short", "packet shorter than its IP header says") \
	X(IP_HEADER, "ip_header", "bad IP version or header length") \
	X(IP_CHECKSUM, "ip_checksum", "wrong IPv4 header checksum") \
	X(IP_OPTIONS, "ip_options", "IPv4 options or an IPv6 extension header that isn't served") \
	X(IP_FRAGMENT, "ip_fragment", "fragment, and these are dropped by configuration or aren't TCP's") \
	X(IP_FRAG_INVALID, "ip_frag_invalid", "fragment of an impossible length or offset") \
	X(IP_FRAG_TINY, "ip_frag_tiny", "fragment that cuts the TCP header, RFC 1858 and 3128") \
	X(IP_FRAG_OVERLAP, "ip_frag_overlap", "fragments that overlap others, RFC 5722") \
	X(IP_FRAG_MANY, "ip_frag_many", "fragments of a datagram in too many, or that don't make one") \
	X(IP_FRAG_FULL, "ip_frag_full", "fragment of one datagram too many at a time") \
	X(IP_FRAG_TIMEOUT, "ip_frag_timeout", "fragments whose others didn't come in time") \
	X(IP_SOURCE, "ip_source", "source address that no host can have, RFC 6890") \
	X(IP_SOURCE_OWN, "ip_source_own", "source address is one of the gateway's own") \
	X(IP_SOURCE_SPOOFED, "ip_source_spoofed", "source address of a network behind another port, RFC 2827") \
	X(IP_LAND, "ip_land", "source and destination address are the same") \
	X(IP_NOT_OURS, "ip_not_ours", "destination is no address of the port") \
	X(IP_PROTOCOL, "ip_protocol", "protocol other than TCP and ICMP") \
	X(ICMP_MALFORMED, "icmp_malformed", "malformed ICMP message") \
	X(ICMP_CHECKSUM, "icmp_checksum", "wrong ICMP checksum") \
	X(ICMP_RATE, "icmp_rate", "ICMP answers over the rate limit") \
	X(ICMP_TYPE, "icmp_type", "ICMP message of a type that is ignored") \
	X(TCP_SHORT, "tcp_short", "segment shorter than its TCP header says") \
	X(TCP_CHECKSUM, "tcp_checksum", "wrong TCP checksum") \
	X(TCP_FLAGS, "tcp_flags", "impossible TCP flags") \
	X(TCP_OPTIONS, "tcp_options", "malformed TCP options") \
	X(TCP_NO_LISTENER, "tcp_no_listener", "SYN to an address and port that no rule publishes") \
	X(TCP_DENIED, "tcp_denied", "SYN from a client that the rule doesn't allow") \
	X(CLIENT_DENIED, "client_denied", "client that the rule doesn't allow, when a PROXY header told of it, or passthrough's choice of the rule") \
	X(PROXY_HEADER, "proxy_header", "connection of a trusted proxy without a PROXY header, or with a bad one") \
	X(PASSTHROUGH_HELLO, "passthrough_hello", "connection to be passed through that began with no ClientHello, or a malformed or too long one") \
	X(PASSTHROUGH_NAME, "passthrough_name", "connection to be passed through for a name that no rule has") \
	X(TCP_NO_CONNECTION, "tcp_no_connection", "segment of no known connection") \
	X(TCP_SEQUENCE, "tcp_sequence", "segment outside the receive window") \
	X(TCP_PAWS, "tcp_paws", "timestamp older than the last one, RFC 7323 5") \
	X(TCP_ACK, "tcp_ack", "acknowledgment of what was never sent, RFC 5961 5") \
	X(TCP_RST, "tcp_rst", "RST that doesn't hit the next sequence number, RFC 5961 3") \
	X(TCP_TABLE_FULL, "tcp_table_full", "connection table full: SYN refused") \
	X(TCP_COOKIE, "tcp_cookie", "segment of no known connection and without a valid SYN cookie, while these are in use") \
	X(TCP_COOKIE_REFUSED, "tcp_cookie_refused", "a SYN cookie came back good, but the client is no longer let in") \
	X(TCP_OOO_FULL, "tcp_ooo_full", "data over a bound of the receive queue, or while packet buffers run low") \
	X(TCP_CHALLENGE_RATE, "tcp_challenge_rate", "challenge ACK not sent: over the rate limit") \
	X(TCP_RST_RATE, "tcp_rst_rate", "RST to a stranger not sent: over the rate limit of its address") \
	X(NO_MBUF, "no_mbuf", "no packet buffer left") \
	X(RX_FULL, "rx_full", "received, but the port's queue was full: the worker is too slow for what comes") \
	X(RX_LONG, "rx_long", "frame received in part: longer than an IP packet can be") \
	X(TX_REFUSED, "tx_refused", "the device can't send such a frame") \
	X(TX_FULL, "tx_full", "transmit queue stayed full") \
	X(STEER_FULL, "steer_full", "the ring to another worker was full") \
	X(DRAINING, "draining", "SYN refused: the gateway is draining") \
	X(SPLICE_FULL, "splice_full", "connection limit reached: client refused") \
	X(RULE_GONE, "rule_gone", "the rule was removed or disabled during the TCP handshake") \
	X(LOG_FULL, "log_full", "a connection's log record was lost: ring full")

#define EVENTS(X) \
	X(RX_PACKETS, "rx_packets", "packets received") \
	X(RX_BYTES, "rx_bytes", "bytes received") \
	X(TX_PACKETS, "tx_packets", "packets sent") \
	X(TX_BYTES, "tx_bytes", "bytes sent") \
	X(STEERED, "steered", "packets handed to the worker that owns their connection") \
	X(IP_REASSEMBLED, "ip_reassembled", "packets put together from fragments") \
	X(ARP_SENT, "arp_sent", "ARP and ND requests sent") \
	X(NEIGH_DOUBTED, "neigh_doubted", "next hops asked again since TCP heard nothing through them, RFC 1122 3.3.1.4") \
	X(ECHO_ANSWERED, "echo_answered", "pings answered") \
	X(TCP_ACCEPTED, "tcp_accepted", "TCP connections accepted from clients") \
	X(TCP_COOKIES_ON, "tcp_cookies_on", "times that SYN cookies were switched on: the backlog ran full") \
	X(TCP_COOKIE_SENT, "tcp_cookie_sent", "SYNs answered by a cookie, RFC 4987") \
	X(TCP_COOKIE_ACCEPTED, "tcp_cookie_accepted", "connections that a SYN cookie brought") \
	X(TCP_DIALLED, "tcp_dialled", "TCP connections to internal servers begun") \
	X(TCP_CONNECTED, "tcp_connected", "TCP connections to internal servers established") \
	X(TCP_RETRANSMIT, "tcp_retransmit", "segments sent again") \
	X(TCP_RTO, "tcp_rto", "retransmission time-outs") \
	X(TCP_FAST_RECOVERY, "tcp_fast_recovery", "fast recoveries entered") \
	X(TCP_OUT_OF_ORDER, "tcp_out_of_order", "segments received out of order") \
	X(TCP_DUPLICATE, "tcp_duplicate", "segments received again") \
	X(TCP_TAIL_PROBE, "tcp_tail_probe", "tail loss probes sent, RFC 8985") \
	X(TCP_UNDO, "tcp_undo", "recoveries taken back: nothing had been lost") \
	X(TCP_DSACK, "tcp_dsack", "segments that the peer received twice (D-SACK)") \
	X(TCP_ZERO_WINDOW_PROBE, "tcp_zero_window_probe", "zero-window probes sent") \
	X(TCP_CHALLENGE_ACK, "tcp_challenge_ack", "challenge ACKs sent, RFC 5961") \
	X(TCP_RST_SENT, "tcp_rst_sent", "RSTs sent") \
	X(TCP_RST_RECEIVED, "tcp_rst_received", "connections ended by a RST") \
	X(TCP_TIMED_OUT, "tcp_timed_out", "connections given up after retransmissions") \
	X(TCP_STALLED, "tcp_stalled", "connections ended while packet buffers ran low: what they were sent waited for a minute") \
	X(TCP_RENEGED, "tcp_reneged", "early data given up while packet buffers ran low: its hole wasn't filled") \
	X(TCP_KEEPALIVE_PROBE, "tcp_keepalive_probe", "keepalive probes sent to silent peers") \
	X(TCP_KEEPALIVE_TIMEOUT, "tcp_keepalive_timeout", "connections given up after unanswered keepalive probes") \
	X(TCP_CE_RECEIVED, "tcp_ce_received", "segments received that a router had marked: congestion experienced") \
	X(TCP_ECN_REDUCTION, "tcp_ecn_reduction", "windows reduced because a peer echoed such a mark") \
	X(TCP_PMTU_BLACK_HOLE, "tcp_pmtu_black_hole", "paths that swallow large packets without a word: smaller ones from then on") \
	X(TCP_PMTU_PROBE, "tcp_pmtu_probe", "segments sent as probes of a larger path MTU") \
	X(TCP_ORPHAN_EVICTED, "tcp_orphan_evicted", "closed connections given up before their peers were done, to make room") \
	X(TCP_TIME_WAIT_EVICTED, "tcp_time_wait_evicted", "connections in TIME-WAIT given up to make room") \
	X(TLS_HANDSHAKES, "tls_handshakes", "TLS handshakes completed") \
	X(PASSED_THROUGH, "passed_through", "connections passed through to servers that speak TLS themselves") \
	X(TLS_RESUMED, "tls_resumed", "TLS handshakes that resumed a session") \
	X(TLS_FAILED, "tls_failed", "TLS handshakes or sessions that failed") \
	X(TRUNCATED, "truncated", "streams that a client ended in the middle of a TLS record") \
	X(HANDSHAKE_TIMEOUT, "handshake_timeout", "TLS handshakes that took too long") \
	X(IDLE_TIMEOUT, "idle_timeout", "connections closed for being idle") \
	X(BACKEND_TLS_HANDSHAKES, "backend_tls_handshakes", "TLS handshakes completed with internal servers") \
	X(BACKEND_TLS_RESUMED, "backend_tls_resumed", "TLS handshakes with internal servers that resumed a session") \
	X(BACKEND_TLS_FAILED, "backend_tls_failed", "TLS handshakes or sessions with internal servers that failed: another is tried, if there is one") \
	X(BACKEND_FAILED, "backend_failed", "connections closed because no internal server could be reached")
