/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Segments into a connection in every state (tcp_case.h). The input's head chooses
 * the state, what is queued, missing or unread in it, and the options. Each step then
 * is a segment whose numbers count from what the connection expects, a segment of raw
 * bytes with a checksum that fits, an ICMP error that quotes the connection, time, or
 * something that a user does. After each step the invariants of the simulator hold;
 * at the end no buffer is missing.
 */
#include <netinet/in.h>
#include <string.h>
#include <rte_byteorder.h>
#include <rte_ip.h>

#include "base/assert.h"
#include "fuzz_steps.h"
#include "tcp_case.h"
#include "tcp_rcvq.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint16_t word(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* As numbers with a sign, modulo 2^32. */
static uint32_t small(uint8_t by)
{
	return by < 0x80 ? by : by - 0x100u;
}

static uint32_t medium(uint16_t by)
{
	return by < 0x8000 ? by : by - 0x10000u;
}

/* A number near @base: mostly exact, else a little off, else by segments, else anything. */
static uint32_t near(uint32_t base, uint8_t how, uint16_t by)
{
	if (how < 100)
		return base;
	if (how < 160)
		return base + small((uint8_t)by);
	if (how < 200)
		return base + medium(by);
	if (how < 230)
		return base + small((uint8_t)by) * 1460u;
	return base + by * 65537u;
}

static uint32_t seq_base(const struct tcp_conn *c, uint8_t which)
{
	switch (which % 6) {
	case 3:
		return c->rcv_adv;
	case 4:
		return c->ooo ? c->ooo->blocks[0].start : c->rcv_nxt;
	case 5:
		return c->rcv_acked - 1;
	default:
		return c->rcv_nxt;
	}
}

static uint32_t ack_base(const struct tcp_conn *c, uint8_t which)
{
	switch (which % 4) {
	case 0:
		return c->snd_una;
	case 1:
		return c->snd_una + RTE_MIN(tcp_flight(c), 1460u);
	default:
		return c->snd_nxt;
	}
}

/* Bytes 12 to 15 of the step: which options, and how they are wrong. */
static void put_options(const struct tcp_case *t, const struct tcp_conn *c, struct tcp_rx *rx, const uint8_t *s)
{
	uint8_t what = s[12];

	tcp_case_options(t, c, &rx->opts);
	if (what & 0x80)
		rx->opts.has_ts = !rx->opts.has_ts;
	if (what & 0x40)
		rx->opts.ts_val += small(s[13]) << (s[15] % 25);
	if (what & 0x20)
		rx->opts.ts_ecr += small(s[14]);
	if (!c || (rx->flags & TH_SYN))
		return;
	rx->opts.n_sack = what & 3;
	for (uint8_t i = 0; i < rx->opts.n_sack; i++) {
		uint32_t from = (what & 4) ? c->snd_nxt : c->snd_una;

		/* Blocks of a few segments each, or of any bytes. */
		rx->opts.sack[i].start = from + small(s[13]) * ((what & 8) ? 97u : 1460u) + i * 2920u;
		rx->opts.sack[i].end = rx->opts.sack[i].start + s[14] * ((what & 16) ? 1u : 1460u);
	}
}

static void step_segment(struct tcp_case *t, const uint8_t *s)
{
	static const uint8_t common[8] = {
		TH_ACK, TH_ACK | TH_PSH, TH_ACK, TH_FIN | TH_ACK, TH_SYN, TH_SYN | TH_ACK, TH_RST, TH_RST | TH_ACK,
	};
	const struct tcp_conn *c = (s[15] & 0x80) ? NULL : tcp_case_conn(t, s[15]);
	struct tcp_rx rx = { .flags = s[1] < 0xc0 ? common[s[1] % 8] : s[1] };

	rx.seq = near(c ? seq_base(c, s[2] >> 4) : 5000, s[3], word(s + 4));
	rx.ack = near(c ? ack_base(c, s[2] & 15) : 0, s[6], word(s + 7));
	rx.wnd = (s[9] & 1) ? s[9] : (s[9] & 2) ? (uint16_t)(s[9] << 8) : 60000;
	/* A third of the segments is empty. */
	rx.bytes = s[10] % 3 == 0 ? 0 : s[10] & 0x80 ? 1460 : (uint16_t)(s[10] * 8u + s[11] % 8u);
	put_options(t, c, &rx, s);
	tcp_case_send(t, c, &rx);
}

/* 4 bytes of flags and offset, then options and payload as they come. */
static void step_raw(struct tcp_case *t, const uint8_t *s)
{
	const struct tcp_conn *c = tcp_case_conn(t, s[15]);
	uint8_t segment[TCP_HDR_MIN + 40 + 8] = { 0 };
	uint32_t seq = c ? c->rcv_nxt : 0, ack = c ? c->snd_nxt : 0;
	uint16_t bytes = (uint16_t)(s[2] % (sizeof(segment) + 1));
	struct tcp_rx rx;
	struct tcp_tx tx = {
		.seq = seq, .ack = ack, .lport = c ? c->tuple.fport : TCP_PEER_PORT, .fport = c ? c->tuple.lport : 993,
		.wnd = 1000,
	};

	tcp_hdr_put(segment, &tx);
	segment[12] = s[3];
	segment[13] = s[4];
	for (size_t i = TCP_HDR_MIN; i < sizeof(segment); i++)
		segment[i] = s[5 + (i - TCP_HDR_MIN) % 10];
	/* What is taken as data must be what its number says. */
	if (tcp_hdr_parse(segment, bytes, bytes, &rx) == 0)
		for (uint16_t i = 0; i < rx.bytes; i++)
			segment[rx.hdr_bytes + i] = (uint8_t)(rx.seq + i);
	tcp_peer_give_raw(&t->peer, segment, bytes, s[1] < 240);
	tcp_case_turn(t);
}

/* An ICMP error about a segment that the stack sent, or says so. */
static void step_icmp(struct tcp_case *t, const uint8_t *s)
{
	static const uint8_t kinds[8][2] = { { 3, 4 }, { 3, 4 }, { 3, 4 }, { 3, 1 }, { 3, 3 }, { 11, 0 }, { 12, 0 }, { 3, 13 } };
	const struct tcp_conn *c = tcp_case_conn(t, s[15]);
	uint8_t message[8 + 20 + 8] = { kinds[s[1] % 8][0], kinds[s[1] % 8][1] };
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(message + 8);
	uint8_t *tcp = message + 28;
	uint32_t seq;
	uint16_t sum;

	if (!c)
		return;
	seq = near((s[2] & 1) ? c->snd_una : c->snd_nxt - 1, s[3], word(s + 4));
	message[6] = s[6];
	message[7] = s[7];
	*ip = (struct rte_ipv4_hdr){
		.version_ihl = 0x45, .total_length = RTE_BE16(1500), .next_proto_id = IPPROTO_TCP,
		.src_addr = addr_to_v4(&c->tuple.laddr), .dst_addr = addr_to_v4(&c->tuple.faddr),
	};
	tcp[0] = (uint8_t)(c->tuple.lport >> 8);
	tcp[1] = (uint8_t)c->tuple.lport;
	tcp[2] = (uint8_t)(c->tuple.fport >> 8);
	tcp[3] = (uint8_t)c->tuple.fport;
	seq = rte_cpu_to_be_32(seq);
	memcpy(tcp + 4, &seq, 4);
	if (s[8] > 200)
		message[8 + s[9] % 28] = s[10];
	sum = (uint16_t)~rte_raw_cksum(message, sizeof(message));
	memcpy(message + 2, &sum, 2);
	tcp_peer_give_ip(&t->peer, IPPROTO_ICMP, message, sizeof(message));
	tcp_case_turn(t);
}

static void step_user(struct tcp_case *t, const uint8_t *s)
{
	struct tcp_case_user *u = &t->users[s[15] % TCP_CASE_USERS];

	if (s[1] % 12 == 9)
		tcp_case_dial(t);
	else if (s[1] % 12 >= 10)
		tcp_case_thief(t, s[2]);
	else if (!u->conn)
		u = &t->users[0];
	if (!u->conn) {
		tcp_case_turn(t);
		return;
	}
	switch (s[1] % 12) {
	case 0:
	case 1:
	case 2:
		tcp_case_write(t, u, 1u + word(s + 2) % 8000u);
		break;
	case 3:
	case 4:
	case 5:
		tcp_case_read(t, u, word(s + 2));
		break;
	case 6:
		tcp_shutdown(u->conn);
		break;
	case 7:
		if (s[2] & 1)
			tcp_reset(u->conn);
		tcp_case_release(u);
		break;
	default:
		break;
	}
	tcp_case_turn(t);
}

static void step(struct tcp_case *t, const uint8_t *s)
{
	if (s[0] < 140)
		step_segment(t, s);
	else if (s[0] < 155)
		step_raw(t, s);
	else if (s[0] < 170)
		step_icmp(t, s);
	else if (s[0] < 220)
		step_user(t, s);
	else
		tcp_case_run(t, s[0] < 250 ? s[1] : 1000u + word(s + 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tcp_case t;
	struct fuzz_steps in;

	fuzz_steps_read(&in, data, size);
	tcp_case_init(&t, in.head);
	for (unsigned int i = 0; i < in.n; i++)
		step(&t, in.steps[i]);
	tcp_case_fini(&t);
	return 0;
}
