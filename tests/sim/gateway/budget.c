/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the gateway does for one connection, one request, one megabyte, again and
 * again and without a network, for test_budget.py to count its instructions. Each
 * part of the work ends with a call of budget_part.
 */
#include <stdio.h>

#include <rte_version.h>

#include "base/assert.h"
#include "peer.h"
#include "tls/resume.h"
#include "tls/selftest.h"
#include "world.h"

#define SECOND 1000000ull
#define X25519 29
#define CONNECTIONS 10u	/* of each kind */
#define REQUESTS 200u
#define REQUEST_BYTES 64u
#define REPLY_BYTES 256u
#define BULK_BYTES 4000000u
#define GREETING_BYTES 64u

void budget_part(const char *name, unsigned int n);

/* callgrind writes down what was counted since the last call, and begins anew. */
COUNTED void budget_part(const char *name, unsigned int n)
{
	printf("part %s %u\n", name, n);
	fflush(stdout);
}

static bool no_splice(struct world *w)
{
	return splices_open(w->splices) == 0 && w->n_peers > 0 && w->peers[w->n_peers - 1]->conn == NULL &&
	       w->n_records > 0;
}

/* Connects, shakes hands, reads the server's greeting, and goes, so many times one after another. */
static void connections(struct world *w, unsigned int n, const struct tls_resume *ticket)
{
	for (unsigned int i = 0; i < n; i++) {
		peer_connect(w, &(struct peer){ .expect_bytes = GREETING_BYTES, .close = CLOSE_AFTER_RECEIVING, .resume = ticket });
		w->n_records = 0;
		ASSERT(world_run(w, no_splice, SECOND));
		ASSERT(w->records[0].resumed == (ticket != NULL));
		/* The rest of its timers belongs to it. */
		world_wait(w, SECOND);
	}
}

static struct peer *asker;
static uint64_t wanted_bytes;

static bool served(struct world *w)
{
	(void)w;
	return asker->got_bytes >= wanted_bytes;
}

static void bulk(struct world *w, const char *name, uint64_t up, uint64_t down)
{
	peer_listen(w, &(struct peer){ .send_bytes = down, .expect_bytes = up, .close = CLOSE_AFTER_RECEIVING });
	peer_connect(w, &(struct peer){ .send_bytes = up, .expect_bytes = down, .close = CLOSE_AFTER_RECEIVING });
	w->n_records = 0;
	ASSERT(world_run(w, no_splice, 60 * SECOND));
	budget_part(name, BULK_BYTES / 1000000);
}

/* Numbers of one compiler, library or instruction set say nothing about another's. */
static void print_environment(void)
{
	struct tls_selftest t;
	const char *compiler = "gcc";

#ifdef __clang__
	compiler = "clang";
#endif
	tls_selftest_run(&t);
	printf("environment %s %s, wolfSSL %s (%s), %s\n", compiler, __VERSION__, t.version, t.instructions, rte_version());
}

int main(void)
{
	struct world_config c = world_usual;
	struct tls_resume *ticket;
	struct world *w;

	c.faults.delay_us = 50;
	c.tickets = true;
	c.group = X25519;
	w = world_new(&c);
	print_environment();

	/* Neighbours are found, and memory is touched. */
	peer_listen(w, &(struct peer){ .send_bytes = GREETING_BYTES, .close = CLOSE_WHEN_PEER_DOES });
	connections(w, 1, NULL);
	asker = peer_connect(w, &(struct peer){ .expect_bytes = GREETING_BYTES, .close = CLOSE_NEVER });
	wanted_bytes = GREETING_BYTES;
	ASSERT(world_run(w, served, SECOND));
	world_wait(w, SECOND);
	ticket = tls_resume_save(asker->tls);
	ASSERT(ticket != NULL);
	peer_reset(asker);
	world_wait(w, SECOND);
	budget_part("warm-up", 1);

	connections(w, CONNECTIONS, NULL);
	budget_part("full", CONNECTIONS);
	connections(w, CONNECTIONS, ticket);
	budget_part("resumed", CONNECTIONS);

	peer_listen(w, &(struct peer){ .send_bytes = UINT64_MAX, .give_bytes = REPLY_BYTES, .take_bytes = REQUEST_BYTES });
	asker = peer_connect(w, &(struct peer){ .send_bytes = UINT64_MAX, .give_bytes = REQUEST_BYTES, .take_bytes = REPLY_BYTES, .lead = 1 });
	wanted_bytes = REPLY_BYTES;
	ASSERT(world_run(w, served, SECOND));
	budget_part("first-request", 1);
	wanted_bytes += REQUESTS * REPLY_BYTES;
	ASSERT(world_run(w, served, 10 * SECOND));
	budget_part("request", REQUESTS);
	peer_reset(asker);
	world_wait(w, SECOND);
	budget_part("end", 1);

	bulk(w, "megabyte-down", 0, BULK_BYTES);
	bulk(w, "megabyte-up", BULK_BYTES, 0);
	tls_resume_free(ticket);
	world_free(w);
	return 0;
}
