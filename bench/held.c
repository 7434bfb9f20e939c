/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench/held.h"

#include <rte_mbuf.h>

#include "bench/client.h"
#include "bench/options.h"
#include "bench/run.h"
#include "bench/workload.h"

#define DIALS_PER_TURN 16u

bool held_dial(struct run *r)
{
	struct clients *all = r->clients;
	/* One goes ahead: see keep_open in run.c. */
	uint32_t n = 0, dialing = all->answered ? r->options->dialing : 1;

	if ((!all->answered && all->n_held > all->n_dialing) || r->transport->now_us < all->dial_again_us)
		return false;
	while (n < DIALS_PER_TURN && all->n_dialing < dialing && all->n_held < r->options->held) {
		if (!client_dial_held(all))
			return false;
		n++;
	}
	return n == DIALS_PER_TURN;
}

bool held_complete(const struct run *r)
{
	return r->clients->n_held_greeted >= r->options->held;
}

static void received(struct client *c, struct rte_mbuf *plain)
{
	if (c->greeted)
		rte_pktmbuf_free(plain);	/* some servers say that they are still there */
	else
		c->all->n_held_greeted += client_greeting(c, plain);
}

static void ended(struct client *c, enum client_end end)
{
	c->all->n_held_greeted -= c->greeted;
	if (end == CLIENT_PEER_CLOSED)
		run_error(client_run(c), "held_closed_early");
}

const struct workload workload_held = {
	.name = "held",
	.received = received,
	.ended = ended,
};
