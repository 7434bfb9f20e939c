/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_hdr.h"

#include <errno.h>
#include <string.h>
#include <rte_byteorder.h>

enum {
	OPT_END = 0,
	OPT_NOP = 1,
	OPT_MSS = 2,
	OPT_WSCALE = 3,
	OPT_SACK_PERMITTED = 4,
	OPT_SACK = 5,
	OPT_TS = 8,
	OPT_UTO = 28,
};

static uint32_t get32(const uint8_t *p)
{
	rte_be32_t v;

	memcpy(&v, p, sizeof(v));
	return rte_be_to_cpu_32(v);
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put32(uint8_t *p, uint32_t host)
{
	rte_be32_t v = rte_cpu_to_be_32(host);

	memcpy(p, &v, sizeof(v));
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void parse_sack(const uint8_t *p, size_t bytes, struct tcp_opts *o)
{
	if ((bytes - 2) % 8 != 0)
		return;
	for (size_t at = 2; at < bytes && o->n_sack < TCP_SACK_MAX; at += 8) {
		o->sack[o->n_sack].start = get32(p + at);
		o->sack[o->n_sack].end = get32(p + at + 4);
		o->n_sack++;
	}
}

static void parse_one(const uint8_t *p, size_t bytes, struct tcp_opts *o)
{
	switch (p[0]) {
	case OPT_MSS:
		if (bytes == 4) {
			o->has_mss = true;
			o->mss = get16(p + 2);
		}
		break;
	case OPT_WSCALE:
		if (bytes == 3) {
			o->has_wscale = true;
			o->wscale = p[2] > TCP_WSCALE_MAX ? TCP_WSCALE_MAX : p[2];
		}
		break;
	case OPT_SACK_PERMITTED:
		if (bytes == 2)
			o->sack_permitted = true;
		break;
	case OPT_SACK:
		parse_sack(p, bytes, o);
		break;
	case OPT_TS:
		if (bytes == 10) {
			o->has_ts = true;
			o->ts_val = get32(p + 2);
			o->ts_ecr = get32(p + 6);
		}
		break;
	case OPT_UTO:
		if (bytes == 4) {
			o->has_uto = true;
			o->uto = get16(p + 2);
		}
		break;
	default:
		break;
	}
}

int tcp_opts_parse(const uint8_t *p, size_t opts_bytes, struct tcp_opts *o)
{
	size_t at = 0;

	memset(o, 0, sizeof(*o));
	while (at < opts_bytes) {
		if (p[at] == OPT_END)
			break;
		if (p[at] == OPT_NOP) {
			at++;
			continue;
		}
		if (opts_bytes - at < 2 || p[at + 1] < 2 || p[at + 1] > opts_bytes - at)
			return -EINVAL;
		parse_one(p + at, p[at + 1], o);
		at += p[at + 1];
	}
	return 0;
}

int tcp_hdr_parse(const uint8_t *p, size_t contiguous_bytes, size_t segment_bytes, struct tcp_rx *rx)
{
	size_t hdr_bytes;
	uint32_t in_seq;

	if (contiguous_bytes < TCP_HDR_MIN || segment_bytes < TCP_HDR_MIN || segment_bytes > UINT16_MAX)
		return -EMSGSIZE;
	hdr_bytes = (size_t)(p[12] >> 4) * 4;
	if (hdr_bytes < TCP_HDR_MIN || hdr_bytes > contiguous_bytes || hdr_bytes > segment_bytes)
		return -EMSGSIZE;
	rx->seq = get32(p + 4);
	rx->ack = get32(p + 8);
	rx->flags = p[13];
	rx->ce = false;
	rx->wnd = get16(p + 14);
	rx->hdr_bytes = (uint8_t)hdr_bytes;
	rx->bytes = (uint16_t)(segment_bytes - hdr_bytes);
	in_seq = (uint32_t)rx->bytes + ((rx->flags & TH_SYN) != 0) + ((rx->flags & TH_FIN) != 0);
	rx->end = rx->seq + in_seq;
	return tcp_opts_parse(p + TCP_HDR_MIN, hdr_bytes - TCP_HDR_MIN, &rx->opts);
}

static size_t put_ts(uint8_t *p, const struct tcp_opts *o)
{
	p[0] = OPT_TS;
	p[1] = 10;
	put32(p + 2, o->ts_val);
	put32(p + 6, o->ts_ecr);
	return 10;
}

static size_t put_uto(uint8_t *p, const struct tcp_opts *o)
{
	p[0] = OPT_UTO;
	p[1] = 4;
	put16(p + 2, o->uto);
	return 4;
}

size_t tcp_opts_put_syn(uint8_t *p, const struct tcp_opts *o)
{
	size_t n = 0;

	if (o->has_mss) {
		p[n] = OPT_MSS;
		p[n + 1] = 4;
		put16(p + n + 2, o->mss);
		n += 4;
	}
	/* SACK-permitted takes the place of the two NOPs that would align the timestamps. */
	if (o->sack_permitted) {
		p[n++] = OPT_SACK_PERMITTED;
		p[n++] = 2;
	} else if (o->has_ts) {
		p[n++] = OPT_NOP;
		p[n++] = OPT_NOP;
	}
	if (o->has_ts)
		n += put_ts(p + n, o);
	while (n % 4 != 0)
		p[n++] = OPT_NOP;
	if (o->has_wscale) {
		p[n++] = OPT_NOP;
		p[n++] = OPT_WSCALE;
		p[n++] = 3;
		p[n++] = o->wscale;
	}
	if (o->has_uto)
		n += put_uto(p + n, o);
	return n;
}

size_t tcp_opts_put(uint8_t *p, const struct tcp_opts *o)
{
	size_t n = 0, blocks = o->n_sack;

	if (o->has_ts) {
		p[n++] = OPT_NOP;
		p[n++] = OPT_NOP;
		n += put_ts(p + n, o);
	}
	if (o->has_uto)
		n += put_uto(p + n, o);
	if (blocks == 0)
		return n;
	if (blocks > (TCP_OPTS_MAX - n - 4) / 8)
		blocks = (TCP_OPTS_MAX - n - 4) / 8;
	p[n++] = OPT_NOP;
	p[n++] = OPT_NOP;
	p[n++] = OPT_SACK;
	p[n++] = (uint8_t)(2 + 8 * blocks);
	for (size_t i = 0; i < blocks; i++) {
		put32(p + n, o->sack[i].start);
		put32(p + n + 4, o->sack[i].end);
		n += 8;
	}
	return n;
}

void tcp_hdr_put(uint8_t *p, const struct tcp_tx *tx)
{
	put16(p, tx->lport);
	put16(p + 2, tx->fport);
	put32(p + 4, tx->seq);
	put32(p + 8, tx->ack);
	p[12] = (uint8_t)((TCP_HDR_MIN + tx->opts_bytes) / 4 << 4);
	p[13] = tx->flags;
	put16(p + 14, tx->wnd);
	put32(p + 16, 0);	/* checksum and urgent pointer */
}
