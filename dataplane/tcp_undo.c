/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_undo.h"

#include <rte_common.h>

#include "tcp_hdr.h"
#include "tcp_sndq.h"

void tcp_undo_begin(struct tcp_conn *c)
{
	c->undo = (struct tcp_undo){ 0 };
	c->undo_on = true;
	c->tlp_out = false;
	c->undo_sent = false;
}

void tcp_undo_sent_again(struct tcp_conn *c, uint32_t bytes)
{
	struct tcp_undo *u = &c->undo;

	if (!c->undo_on)
		return;
	if (!c->undo_sent) {
		c->undo_sent = true;
		u->ts = tcp_ts_now(c);
	}
	u->rtx_bytes += bytes;
}

bool tcp_undo_dsack(struct tcp_conn *c, const struct tcp_range *dup)
{
	struct tcp_undo *u = &c->undo;
	uint32_t bytes = dup->end - dup->start;

	if (!c->undo_on || u->rtx_bytes == 0)
		return false;
	/* More than a window before or after recovery: a copy that the network made. */
	if (seq_lt(dup->end, c->recovery_point - c->snd_wnd_max))
		return false;
	if (c->ca_state == TCP_CA_OPEN && seq_gt(c->snd_una, c->recovery_point + c->prior_cwnd)) {
		c->undo_on = false;
		return false;
	}
	u->rtx_bytes -= RTE_MIN(bytes, u->rtx_bytes);
	return u->rtx_bytes == 0 && !c->to_resend;
}

/* Eifel detection: what was sent again, or would have been, is acknowledged for its first transmission. */
static bool answers_original(const struct tcp_conn *c, const struct tcp_acked *acked)
{
	const struct tcp_undo *u = &c->undo;

	if (acked->bytes == 0)
		return false;
	if (!c->undo_sent)
		return c->ca_state == TCP_CA_RECOVERY;
	return acked->again && acked->has_ecr && seq_lt(acked->ts_ecr, u->ts);
}

/* F-RTO's second acknowledgment, step 3: it covers what was in flight at the time-out and was never sent again. */
static bool frto_proved(struct tcp_conn *c, const struct tcp_acked *acked, bool duplicate)
{
	uint8_t was = c->frto;

	if (was == TCP_FRTO_OFF)
		return false;
	/* An acknowledgment of nothing at all, a window update say, is no step. */
	if (acked->bytes == 0 && acked->sacked_bytes == 0 && !duplicate)
		return false;
	c->frto = TCP_FRTO_OFF;
	if (was == TCP_FRTO_NEW)
		return acked->original;
	/* Step 2: it moves the window, and not over all that was outstanding. */
	if (acked->bytes > 0 && seq_lt(c->snd_una, c->recovery_point))
		c->frto = TCP_FRTO_NEW;
	return false;
}

bool tcp_undo_proved(struct tcp_conn *c, const struct tcp_acked *acked, bool duplicate)
{
	bool proved;

	if (!c->undo_on || c->ca_state == TCP_CA_OPEN)
		return false;
	if (c->ca_state == TCP_CA_LOSS) {
		proved = frto_proved(c, acked, duplicate);
		return proved || answers_original(c, acked);
	}
	/* One hole that was filled late doesn't prove it of the others. */
	if (seq_lt(c->snd_una, c->recovery_point) && (c->to_resend || c->rtx_bytes > 0))
		return false;
	return answers_original(c, acked);
}
