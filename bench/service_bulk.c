/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The backend's side of workload_bulk.c: "BULK down", "up" or "both". */
#include <string.h>

#include <rte_mbuf.h>

#include "bench/backend.h"
#include "bench/pattern.h"

#define PIECE_BYTES 17376u		/* 12 full segments */
#define TURN_BYTES (128u << 10)

struct bulk {
	uint64_t down_bytes, up_bytes;
	bool down, up;
};

static void pump(struct served *s)
{
	struct bulk *b = served_user(s);
	uint32_t sent = 0;

	while (b->down && sent < TURN_BYTES && served_room(s) > 0) {
		struct rte_mbuf *chain = pattern_chain(s->backend->transport->mbufs, b->down_bytes, PIECE_BYTES);

		if (!chain)
			break;	/* acknowledgments will bring buffers back */
		b->down_bytes += PIECE_BYTES;
		sent += PIECE_BYTES;
		served_send(s, chain);
	}
	if (b->down && (sent >= TURN_BYTES || served_room(s) > 0))
		served_wake(s);
}

static bool claims(const char *line)
{
	return strncmp(line, "BULK ", 5) == 0;
}

static bool begin(struct served *s, const char *line)
{
	struct bulk *b = served_user(s);

	b->down = strcmp(line, "BULK down") == 0 || strcmp(line, "BULK both") == 0;
	b->up = strcmp(line, "BULK up") == 0 || strcmp(line, "BULK both") == 0;
	pump(s);
	return b->down || b->up;
}

static void received(struct served *s, struct rte_mbuf *chain)
{
	struct bulk *b = served_user(s);
	bool good = b->up && pattern_check(chain, b->up_bytes);

	b->up_bytes += chain->pkt_len;
	s->backend->up_bytes += good ? chain->pkt_len : 0;
	rte_pktmbuf_free(chain);
	if (!good)
		served_fail(s, "backend_wrong_data");
}

const struct service service_bulk = {
	.name = "bulk",
	.state_bytes = sizeof(struct bulk),
	.claims = claims,
	.begin = begin,
	.received = received,
	.writable = pump,
};
