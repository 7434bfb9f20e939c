/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two stacks, a faulty wire between them and applications on top, in virtual time.
 * A seed decides everything: scenario, faults, applications' behaviour, secrets; so
 * the same seed gives the same frames, and a failure is found again by its seed.
 *
 * What must hold, whatever the wire does: each byte received is the byte sent at
 * that offset; the invariants of tests/sim/check.c after each event; and once the wire
 * is healed every transfer finishes in bounded time and nothing is left over.
 *
 * Order of calls: sim_init, sim_run, sim_fini. Failures are reported once, by
 * sim_fail, and end the run.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/addr.h"
#include "host.h"
#include "tcp_private.h"
#include "watch.h"

#define SIM_PORT 993		/* both hosts listen here */
#define SIM_SILENT_PORT 994
#define SIM_FLOWS_MAX 16

struct flow;

/* How an application uses its end of a connection. */
struct end_plan {
	uint64_t tx_bytes;
	uint32_t write_max;	/* bytes a write, at most */
	uint32_t mbuf_max;	/* bytes an mbuf, at most */
	uint64_t write_gap_us;	/* pause between writes; 0: none */
	uint32_t read_max;	/* bytes a read, at most; 0: all there is */
	uint64_t read_gap_us;	/* pause between reads: a slow reader */
	bool fin_last;		/* shut down only after the peer's FIN */
	bool linger;		/* release only when all is acknowledged */
	uint64_t reset_at_us;	/* reset then; 0: never */
};

struct end {
	struct flow *flow;
	struct host *host;
	struct end_plan plan;
	struct tcp_conn *conn;
	uint64_t tx_off, rx_off;
	uint64_t due_us, next_read_us, next_write_us;
	bool established, shut, done;
	uint32_t died;		/* TCP_DEAD events */
};

struct flow {
	struct sim *sim;
	unsigned int index;
	int client;		/* index of the host that dials */
	bool v6;
	uint64_t start_us, end_us;
	uint64_t settled_bytes, settled_us;	/* when the client had received so much; 0: not asked */
	uint16_t port;
	struct tuple tuple;	/* the client's */
	bool started, may_die;
	struct end ends[2];	/* client, server */
};

struct scenario {
	struct host_config hosts[2];
	struct wire_faults faults[2];	/* by sending host, until heal_us */
	struct wire_faults healed[2];
	uint64_t start_us, heal_us;	/* heal_us: after the start */
	uint64_t limit_us;		/* after healing, every transfer must be done */
	bool thief;			/* buffers vanish now and then, until heal_us */
	bool origin;			/* sequence numbers and timestamps start at tcp_origin */
	struct tcp_origin tcp_origin;
	unsigned int n_flows;
	struct {
		int client;
		bool v6;
		uint64_t start_us;
		uint16_t port;
		bool may_die;
		struct end_plan ends[2];
	} flows[SIM_FLOWS_MAX];
};

struct sim {
	uint64_t seed, now_us, start_us;
	struct rng rng;
	struct scenario scenario;
	struct host hosts[2];
	struct wire wires[2];		/* by sending host */
	struct flow flows[SIM_FLOWS_MAX];
	struct watch watch;
	bool healed, check, verbose;
	uint64_t frame_hash, frames, frame_bytes, events, rx_bytes;
	FILE *pcap;
	bool failed;
	char failure[300];
};

/* The scenario that @seed stands for. */
void scenario_from_seed(struct scenario *sc, uint64_t seed);
/* Says in words, as comments on stdout, what it consists of. */
void scenario_explain(const struct scenario *sc);

void sim_init(struct sim *s, uint64_t seed, const struct scenario *sc, FILE *pcap);
/* Until every flow has ended and both stacks are empty, or a failure. True: good. */
bool sim_run(struct sim *s);
/* Ends the stacks and checks for leaks. True: good, all of it. */
bool sim_fini(struct sim *s);

void sim_fail(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A frame goes onto the wire: hash, pcap. */
void sim_frame(struct sim *s, int host, const uint8_t *frame, size_t bytes);
void sim_pcap_begin(FILE *f);

/* The applications of @host do their work of this turn. */
void sim_app(struct sim *s, int host);
/* The next time an application of any host wants to run by itself. */
uint64_t sim_app_next_us(const struct sim *s);
/* Has every flow ended? */
bool sim_app_done(const struct sim *s);
/* Says on stdout, as comments, what each unfinished flow waits for. */
void sim_app_explain(const struct sim *s);
/* After the end: did each flow end as it should? */
void sim_app_verify(struct sim *s);
