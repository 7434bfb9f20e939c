/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * As many bytes as go through: down (server to client), up, or both at once on each
 * connection. Every byte is checked at its end of the way (pattern.h). What is counted
 * is plaintext that arrived: down at the client, up at the backend if it is in this
 * process; else what the transport took.
 */
#include <stdio.h>
#include <string.h>

#include <rte_mbuf.h>

#include "bench/backend.h"
#include "bench/client.h"
#include "bench/options.h"
#include "bench/pattern.h"
#include "bench/quantity.h"
#include "bench/run.h"
#include "bench/workload.h"

#define PIECE_BYTES 16384u		/* a full TLS record */
#define TURN_BYTES (128u << 10)

struct mover {
	uint64_t down_bytes, up_bytes;
	bool asked;
};

static struct {
	uint64_t down_bytes, up_bytes;	/* up: sent */
	uint64_t down_from, up_from, down_shown, up_shown;
} all;

static uint64_t up_total(const struct run *r)
{
	return r->backend ? r->backend->up_bytes : all.up_bytes;
}

static int start(struct run *r, struct error *err)
{
	(void)r;
	(void)err;
	all = (__typeof__(all)){ 0 };
	return 0;
}

static void pump(struct client *c)
{
	struct mover *m = client_user(c);
	struct run *r = client_run(c);
	uint32_t sent = 0;

	if (!m->asked || !(r->options->direction & DIRECTION_UP) || run_ending(r))
		return;
	while (!c->ended && sent < TURN_BYTES && client_room(c) > 0) {
		struct rte_mbuf *chain = pattern_chain(r->transport->mbufs, m->up_bytes, PIECE_BYTES);

		if (!chain)
			break;	/* acknowledgments will bring buffers back */
		m->up_bytes += PIECE_BYTES;
		all.up_bytes += PIECE_BYTES;
		sent += PIECE_BYTES;
		client_send(c, chain);
	}
	if (sent >= TURN_BYTES || (!c->ended && client_room(c) > 0))
		client_wake(c);
}

static void received(struct client *c, struct rte_mbuf *plain)
{
	static const char *const lines[] = { "", "BULK down\r\n", "BULK up\r\n", "BULK both\r\n" };
	struct mover *m = client_user(c);
	const char *line = lines[client_run(c)->options->direction];

	if (!c->greeted) {
		if (!client_greeting(c, plain))
			return;
		client_send_bytes(c, line, (uint32_t)strlen(line));
		m->asked = true;
		return;
	}
	if (!pattern_check(plain, m->down_bytes)) {
		rte_pktmbuf_free(plain);
		client_fail(c, "wrong_data");
		return;
	}
	m->down_bytes += plain->pkt_len;
	all.down_bytes += plain->pkt_len;
	rte_pktmbuf_free(plain);
}

static void ended(struct client *c, enum client_end end)
{
	if (end == CLIENT_PEER_CLOSED)
		run_error(client_run(c), "closed_early");
}

static void measure(struct run *r, bool begins)
{
	if (begins) {
		all.down_from = all.down_bytes;
		all.up_from = up_total(r);
		return;
	}
	all.down_from = all.down_bytes - all.down_from;
	all.up_from = up_total(r) - all.up_from;
}

static void finish(struct run *r, struct result *result)
{
	if (r->options->direction & DIRECTION_DOWN)
		result_metric(result, "down_bits_per_s", (double)all.down_from * 8 / r->measured_s);
	if (r->options->direction & DIRECTION_UP)
		result_metric(result, "up_bits_per_s", (double)all.up_from * 8 / r->measured_s);
	result_metric(result, "bytes", (double)(all.down_from + all.up_from));
}

static void progress(struct run *r, uint64_t us, char *buf, size_t buf_bytes)
{
	double down = (double)(all.down_bytes - all.down_shown) * 8e6 / (double)us;
	double up = (double)(up_total(r) - all.up_shown) * 8e6 / (double)us;

	snprintf(buf, buf_bytes, "%.2f Gbit/s down, %.2f up", down / 1e9, up / 1e9);
	all.down_shown = all.down_bytes;
	all.up_shown = up_total(r);
}

const struct workload workload_bulk = {
	.name = "bulk",
	.summary = "as many bytes as go through: down, up or both",
	.state_bytes = sizeof(struct mover),
	.all_open_first = true,
	.start = start,
	.received = received,
	.writable = pump,
	.ended = ended,
	.measure = measure,
	.finish = finish,
	.progress = progress,
};
