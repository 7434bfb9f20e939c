/* SPDX-License-Identifier: GPL-3.0-or-later */
/* CUBIC, RFC 9438. Windows in segments and floating point inside; the names are the RFC's. */
#include "tcp_cc.h"

#include <math.h>
#include <rte_common.h>

#include "tcp_hystart.h"

#define CUBIC_C 0.4f		/* section 5 */
#define CUBIC_BETA 0.7f		/* section 4.6 */
#define CUBIC_ALPHA (3.0f * (1.0f - CUBIC_BETA) / (1.0f + CUBIC_BETA))	/* section 4.3 */

static float segments(const struct tcp_conn *c, uint32_t bytes)
{
	return (float)bytes / (float)c->mss;
}

static void init(struct tcp_conn *c)
{
	c->win.cubic = (struct tcp_cubic){ .epoch_us = 0 };
}

/* A congestion avoidance stage begins (section 4.2). */
static void begin_epoch(struct tcp_conn *c, float cwnd)
{
	struct tcp_cubic *q = &c->win.cubic;

	q->epoch_us = (uint32_t)c->stack->now_us | 1u;
	q->w_est = cwnd;
	if (cwnd < q->w_max) {
		q->k_s = cbrtf((q->w_max - cwnd) / CUBIC_C);
	} else {
		q->k_s = 0;
		q->w_max = cwnd;
	}
	if (q->cwnd_prior < cwnd)
		q->cwnd_prior = cwnd;
}

static float w_cubic(const struct tcp_cubic *q, float t_s)
{
	float d = t_s - q->k_s;

	return CUBIC_C * d * d * d + q->w_max;
}

static void acked(struct tcp_conn *c, uint32_t bytes)
{
	struct tcp_cubic *q = &c->win.cubic;
	float cwnd = segments(c, c->cwnd), segs = segments(c, bytes), t_s, target, grow;

	if (q->epoch_us == 0)
		begin_epoch(c, cwnd);
	t_s = (float)((uint32_t)c->stack->now_us - (q->epoch_us & ~1u)) * 1e-6f;
	/* Reno-friendly region (section 4.3): alpha grows to 1 once the old window is reached. */
	q->w_est += (q->w_est >= q->cwnd_prior ? 1.0f : CUBIC_ALPHA) * segs / cwnd;
	if (w_cubic(q, t_s) < q->w_est) {
		grow = q->w_est - cwnd;
	} else {
		target = w_cubic(q, t_s + (float)c->srtt_us * 1e-6f);
		target = fminf(fmaxf(target, cwnd), 1.5f * cwnd);
		grow = (target - cwnd) / cwnd * segs;
	}
	if (grow > 0)
		c->cwnd += (uint32_t)(grow * (float)c->mss);
}

static void lost(struct tcp_conn *c, uint32_t flight_bytes)
{
	struct tcp_cubic *q = &c->win.cubic;
	float cwnd = segments(c, c->cwnd);

	c->win.cubic_undo = *q;
	q->epoch_us = 0;
	q->cwnd_prior = cwnd;
	/* Fast convergence (section 4.7): below the last maximum, leave room for newcomers. */
	q->w_max = cwnd < q->w_max ? cwnd * (1.0f + CUBIC_BETA) / 2.0f : cwnd;
	c->ssthresh = RTE_MAX((uint32_t)((float)flight_bytes * CUBIC_BETA), 2u * c->mss);
}

/* Section 4.9: the curve goes on as if nothing had been; the first slow start with it, from a round of its own. */
static void undo(struct tcp_conn *c)
{
	c->win.cubic = c->win.cubic_undo;
	if (c->ssthresh == UINT32_MAX)
		tcp_hystart_init(c);
}

static void restart(struct tcp_conn *c, bool idle)
{
	if (idle)
		c->win.cubic.epoch_us = 0;
}

const struct tcp_cc tcp_cc_cubic = {
	.name = "cubic",
	.init = init,
	.acked = acked,
	.lost = lost,
	.undo = undo,
	.restart = restart,
};
