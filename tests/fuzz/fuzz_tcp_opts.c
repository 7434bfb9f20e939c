/* SPDX-License-Identifier: GPL-3.0-or-later */
/* TCP headers and options of any bytes; what was understood is written and read again. */
#include <string.h>

#include "base/assert.h"
#include "tcp_hdr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void there_and_back(const struct tcp_opts *o)
{
	uint8_t bytes[TCP_OPTS_MAX];
	struct tcp_opts syn = *o, other, again;
	size_t n;

	syn.n_sack = 0;
	n = tcp_opts_put_syn(bytes, &syn);
	ASSERT(n <= TCP_OPTS_MAX && n % 4 == 0 && tcp_opts_parse(bytes, n, &again) == 0);
	ASSERT(again.has_mss == o->has_mss && again.mss == o->mss && again.wscale == o->wscale);
	ASSERT(again.has_ts == o->has_ts && again.ts_val == o->ts_val && again.ts_ecr == o->ts_ecr);
	other = *o;
	n = tcp_opts_put(bytes, &other);
	ASSERT(n <= TCP_OPTS_MAX && n % 4 == 0 && tcp_opts_parse(bytes, n, &again) == 0);
	ASSERT(again.n_sack <= o->n_sack && again.n_sack + o->has_ts >= o->n_sack);
	ASSERT(memcmp(again.sack, o->sack, again.n_sack * sizeof(o->sack[0])) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tcp_opts o;
	struct tcp_rx rx;

	if (size <= TCP_OPTS_MAX && tcp_opts_parse(data, size, &o) == 0) {
		ASSERT(o.n_sack <= TCP_SACK_MAX && o.wscale <= TCP_WSCALE_MAX);
		there_and_back(&o);
	}
	if (tcp_hdr_parse(data, size, size, &rx) == 0) {
		ASSERT(rx.hdr_bytes >= TCP_HDR_MIN && rx.hdr_bytes + (size_t)rx.bytes == size);
		there_and_back(&rx.opts);
	}
	return 0;
}
