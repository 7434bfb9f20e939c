/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench/run.h"

#include <math.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "bench/backend.h"
#include "bench/client.h"
#include "bench/held.h"
#include "bench/options.h"
#include "bench/pattern.h"
#include "bench/progress.h"
#include "bench/turns.h"
#include "bench/workload.h"

#define DIALS_PER_TURN 16u
#define CLOSES_PER_TURN 64u
#define SWEEP_US 100000u
#define ENDING_US 5000000u
#define GOODBYE_US 20000u	/* for the last FINs and their answers */
#define LIMITED 0.95		/* of its core, and the client was what limited the run */

static volatile sig_atomic_t stopped;

static void on_signal(int signal)
{
	(void)signal;
	stopped = 1;
}

static void catch_signals(void)
{
	const struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);	/* who reads --phases may have gone */
}

void run_errors(struct run *r, const char *name, uint64_t count)
{
	unsigned int i = 0;

	while (i < r->n_errors && strcmp(r->errors[i].name, name) != 0)
		i++;
	if (i == RUN_ERRORS_MAX)
		i--;	/* more kinds than there can be: added to the last */
	if (i == r->n_errors)
		r->errors[r->n_errors++].name = name;
	r->errors[i].count += count;
}

void run_error(struct run *r, const char *name)
{
	run_errors(r, name, 1);
}

static void tell_error(void *arg, const char *name)
{
	run_error(arg, name);
}

static void tell_loss(void *arg, const char *name, uint64_t count)
{
	run_errors(arg, name, count);
}

uint64_t run_errors_total(const struct run *r)
{
	uint64_t total = 0;

	for (unsigned int i = 0; i < r->n_errors; i++)
		total += r->errors[i].count;
	return total;
}

/* splitmix64: any seed will do. */
uint64_t run_random(struct run *r)
{
	uint64_t z = r->random += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

double run_random_unit(struct run *r)
{
	return (double)(run_random(r) >> 11) * 0x1p-53;
}

/* What a run needs beside the struct that workloads see. */
struct frame {
	struct run *run;
	struct clients clients;
	struct backend backend;
	struct progress progress;
	struct turns turns;
	uint64_t swept_us, busy_from, measured_us, measured_from_us;
	uint32_t sessions, held;	/* open at the end of measuring; of --held */
	double load;
	bool has_backend;
};

static void enter_phase(struct frame *f, enum run_phase phase)
{
	struct run *r = f->run;
	uint64_t now_us = clock_now_us();

	if (r->phase == RUN_MEASURING) {
		turns_end(&f->turns);
		f->measured_from_us = r->phase_from_us;
		f->measured_us = now_us - r->phase_from_us;
		r->measured_s = (double)f->measured_us / 1e6;
		f->sessions = f->clients.n_open;
		f->held = f->clients.n_held_greeted;
		f->load = transport_load(r->transport, f->busy_from, r->transport->busy, f->measured_us);
		if (r->workload && r->workload->measure)
			r->workload->measure(r, false);
	}
	r->phase = phase;
	r->phase_from_us = now_us;
	if (phase == RUN_MEASURING) {
		f->busy_from = r->transport->busy;
		if (r->workload && r->workload->measure)
			r->workload->measure(r, true);
		turns_begin(&f->turns);
	}
	progress_phase(&f->progress, r);
}

static uint64_t phase_ends_us(const struct run *r)
{
	const struct options *o = r->options;
	const double s[] = { [RUN_HOLDING] = o->open_timeout_s, [RUN_OPENING] = o->open_timeout_s, [RUN_WARMING] = o->warmup_s,
			     [RUN_MEASURING] = o->seconds, [RUN_ENDING] = ENDING_US / 1e6, [RUN_ENDED] = 0 };

	return r->phase_from_us + (uint64_t)(s[r->phase] * 1e6);
}

static void end_over(struct frame *f, uint64_t now_us)
{
	struct run *r = f->run;

	if (pool_in_use(&f->clients.pool) > 0 && now_us < phase_ends_us(r))
		return;
	clients_reset_all(&f->clients);
	for (uint64_t until_us = now_us + GOODBYE_US; clock_now_us() < until_us;)
		transport_turn(r->transport, until_us);
	enter_phase(f, RUN_ENDED);
}

static void step_phase(struct frame *f, uint64_t now_us)
{
	struct run *r = f->run;
	bool over = now_us >= phase_ends_us(r);

	if (stopped && r->phase < RUN_ENDING) {
		if (r->phase < RUN_MEASURING)
			run_error(r, "interrupted");
		enter_phase(f, RUN_ENDING);
		return;
	}
	switch (r->phase) {
	case RUN_HOLDING:
		if (held_complete(r)) {
			enter_phase(f, RUN_OPENING);
		} else if (over) {
			run_error(r, "not_all_held");
			enter_phase(f, RUN_ENDING);
		}
		break;
	case RUN_OPENING:
		if (!r->workload->all_open_first || f->clients.n_open >= r->want_open) {
			enter_phase(f, RUN_WARMING);
		} else if (over) {
			run_error(r, "not_all_opened");
			enter_phase(f, RUN_ENDING);
		}
		break;
	case RUN_WARMING:
		if (over)
			enter_phase(f, RUN_MEASURING);
		break;
	case RUN_MEASURING:
		if (over)
			enter_phase(f, RUN_ENDING);
		break;
	case RUN_ENDING:
		end_over(f, now_us);
		break;
	case RUN_ENDED:
		break;
	}
}

static struct client *first_open(struct clients *all)
{
	return TAILQ_EMPTY(&all->open) ? TAILQ_FIRST(&all->held) : TAILQ_FIRST(&all->open);
}

/* Dials what is missing; at the end, closes what there is. True: more is to be done at once. */
static bool keep_open(struct frame *f)
{
	struct clients *all = &f->clients;
	struct run *r = f->run;
	/* One goes ahead: neighbours' addresses are resolved by the time that the others come. */
	uint32_t n = 0, dialing = all->answered || r->want_dialing == 0 ? r->want_dialing : 1;

	if (run_ending(r)) {
		struct client *c;

		while (n < CLOSES_PER_TURN && (c = first_open(all)) != NULL) {
			client_close(c);
			n++;
		}
		return first_open(all) != NULL;
	}
	if (r->phase == RUN_HOLDING)
		return held_dial(r);
	if (r->workload->dials_itself)
		return false;
	if ((!all->answered && all->n_open > 0) || r->transport->now_us < all->dial_again_us)
		return false;
	while (n < DIALS_PER_TURN && all->n_dialing < dialing && clients_working(all) < r->want_open) {
		if (!client_dial(all))
			return false;
		n++;
	}
	return n == DIALS_PER_TURN;
}

/* Handshakes; over DPDK that is work which no turn of the transport has counted. */
static bool shake(struct frame *f)
{
	struct transport *t = f->run->transport;
	uint64_t began = clock_cycles();
	bool more;

	if (TAILQ_EMPTY(&f->clients.shaking))
		return false;
	more = clients_shake(&f->clients);
	if (!t->busy_is_ns)
		t->busy += clock_cycles() - began;
	return more;
}

static void loop(struct frame *f)
{
	struct run *r = f->run;
	uint64_t idle_until_us = 0;

	while (r->phase != RUN_ENDED) {
		uint64_t now_us, want_us = UINT64_MAX;
		bool more;

		transport_turn(r->transport, idle_until_us);
		more = shake(f);
		now_us = r->transport->now_us;
		step_phase(f, now_us);
		if (r->workload->turn && r->phase != RUN_HOLDING)
			want_us = r->workload->turn(r, now_us);
		more |= keep_open(f);
		idle_until_us = more ? 0 : phase_ends_us(r);
		if (idle_until_us > want_us)
			idle_until_us = want_us;
		if (idle_until_us > now_us + SWEEP_US)
			idle_until_us = now_us + SWEEP_US;
		if (now_us - f->swept_us >= SWEEP_US) {
			f->swept_us = now_us;
			clients_sweep(&f->clients, now_us);
			progress_show(&f->progress, r, now_us);
		}
		if (run_measuring(r))
			turns_note(&f->turns, r->transport->awake_from);
	}
}

static int start_backend(struct frame *f, const struct options *o, const char *greeting, struct error *err)
{
	int rc = backend_init(&f->backend, f->run->transport, options_sessions(o) + o->connections / 8 + 1024, greeting, err);

	if (rc != 0)
		return rc;
	f->has_backend = true;
	f->backend.error = tell_error;
	f->backend.error_arg = f->run;
	f->run->backend = &f->backend;
	return transport_listen(f->run->transport, &o->serve, o->serve_port, err);
}

static void tell(struct frame *f, struct result *result)
{
	struct run *r = f->run;

	r->transport->ops->losses(r->transport, tell_loss, r);
	for (unsigned int i = 0; i < r->n_errors; i++)
		result_error(result, r->errors[i].name, r->errors[i].count);
	if (r->transport->lost_frames > 0)
		result_metric(result, "lost_frames", (double)r->transport->lost_frames);
	result_duration(result, r->measured_s);
	result_window(result, f->measured_from_us, f->measured_from_us + f->measured_us);
	result_client(result, f->load, f->load > LIMITED,
		      f->load > LIMITED ? "the load generator's own core was the limit" : NULL);
	result_turns(result, &f->turns.lengths, f->turns.off_core_ns, f->turns.off_core_times);
}

int run_workload(struct run *r, const struct options *o, const struct workload *w, struct transport *t,
		 struct result *result, struct error *err)
{
	struct frame f = { .run = r };
	int rc;

	*r = (struct run){
		.options = o, .workload = w, .transport = t, .clients = &f.clients, .phase = RUN_HOLDING,
		.want_open = o->connections, .want_dialing = o->dialing, .random = o->seed,
	};
	histogram_init(&r->latency);
	pattern_init();
	catch_signals();
	rc = progress_init(&f.progress, o, err);
	if (rc == 0 && o->has_serve)
		rc = start_backend(&f, o, w->greeting, err);
	if (rc == 0)
		rc = clients_init(&f.clients, r, options_sessions(o), err);
	if (rc == 0 && w->start)
		rc = w->start(r, err);
	if (rc == 0) {
		enter_phase(&f, RUN_HOLDING);
		loop(&f);
		if (r->measured_s > 0 && w->finish)
			w->finish(r, result);
		result_metric(result, "sessions", f.sessions);
		if (o->held > 0)
			result_metric(result, "held_sessions", f.held);
		tell(&f, result);
		clients_fini(&f.clients);
	}
	progress_fini(&f.progress);
	if (f.has_backend)
		backend_fini(&f.backend);
	r->clients = NULL;
	r->backend = NULL;
	return rc;
}

int run_backend(const struct options *o, struct transport *t, struct result *result, struct error *err)
{
	struct run run = { .options = o, .transport = t, .phase = RUN_MEASURING };
	struct frame f = { .run = &run, .progress = { .phases = -1 } };
	uint64_t from_us = clock_now_us(), until_us = from_us + (uint64_t)(o->seconds * 1e6);
	int rc;

	pattern_init();
	catch_signals();
	rc = start_backend(&f, o, o->greeting, err);
	if (rc != 0)
		return rc;
	run.phase_from_us = from_us;
	f.busy_from = t->busy;
	while (!stopped && (o->seconds <= 0 || t->now_us < until_us))
		transport_turn(t, t->now_us + SWEEP_US);
	enter_phase(&f, RUN_ENDED);
	result_metric(result, "accepted", (double)f.backend.accepted);
	result_metric(result, "received_bytes", (double)f.backend.received_bytes);
	result_metric(result, "sent_bytes", (double)f.backend.sent_bytes);
	tell(&f, result);
	backend_fini(&f.backend);
	return 0;
}
