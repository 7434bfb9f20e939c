/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * TCP headers and options on the wire (RFC 9293 section 3.1, RFC 7323, RFC 2018):
 * what came is parsed into host order once, what goes out is written once.
 *
 * Threads: any; pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TCP_HDR_MIN 20
#define TCP_HDR_MAX 60
#define TCP_OPTS_MAX 40
#define TCP_TS_BYTES 12		/* timestamps with their two NOPs */
#define TCP_UTO_BYTES 4
#define TCP_SACK_MAX 4
#define TCP_WSCALE_MAX 14	/* RFC 7323 section 2.3 */

enum {
	TH_FIN = 0x01,
	TH_SYN = 0x02,
	TH_RST = 0x04,
	TH_PSH = 0x08,
	TH_ACK = 0x10,
	TH_URG = 0x20,
	TH_ECE = 0x40,
	TH_CWR = 0x80,
};

struct tcp_range {
	uint32_t start, end;	/* end is the first number after it */
};

struct tcp_opts {
	bool has_mss, has_wscale, sack_permitted, has_ts, has_uto;
	uint8_t wscale;
	uint8_t n_sack;
	uint16_t mss;
	uint16_t uto;		/* RFC 5482, as on the wire */
	uint32_t ts_val, ts_ecr;
	struct tcp_range sack[TCP_SACK_MAX];
};

/* A received segment in host order. `bytes`: payload; `end`: the number after its last one, SYN and FIN counted. */
struct tcp_rx {
	uint32_t seq, ack, end;
	uint16_t wnd;		/* as on the wire, unscaled */
	uint16_t bytes;
	uint8_t flags;
	uint8_t hdr_bytes;
	bool ce;		/* its IP header says: congestion experienced; set by who knows it */
	struct tcp_opts opts;
};

/*
 * @opts_bytes of options at @p. Known kinds of a wrong length are passed over, as
 * are unknown ones; -EINVAL when a length is impossible (RFC 9293 MUST-7).
 */
int tcp_opts_parse(const uint8_t *p, size_t opts_bytes, struct tcp_opts *o);

/*
 * Parses the header of a segment of @segment_bytes of which @contiguous_bytes
 * lie at @p. -EMSGSIZE: shorter than it says; -EINVAL: malformed options.
 */
int tcp_hdr_parse(const uint8_t *p, size_t contiguous_bytes, size_t segment_bytes, struct tcp_rx *rx);

/* The options of @o as a SYN carries them; a multiple of 4 bytes, at most TCP_OPTS_MAX. */
size_t tcp_opts_put_syn(uint8_t *p, const struct tcp_opts *o);
/* The options of @o for other segments: timestamps and as many SACK blocks as fit. */
size_t tcp_opts_put(uint8_t *p, const struct tcp_opts *o);

struct tcp_tx {
	uint32_t seq, ack;
	uint16_t lport, fport;
	uint16_t wnd;		/* scaled already */
	uint8_t flags;
	uint8_t opts_bytes;
};

/* The fixed 20 bytes; options follow at p + TCP_HDR_MIN. The checksum is 0: ip_output asks for it. */
void tcp_hdr_put(uint8_t *p, const struct tcp_tx *tx);
