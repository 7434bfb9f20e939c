/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_window.h"

#include <rte_common.h>

#include "tcp_rcvq.h"

uint8_t tcp_window_scale(uint32_t buffer_bytes)
{
	uint8_t shift = 0;

	while (shift < TCP_WSCALE_MAX && (uint32_t)UINT16_MAX << shift < buffer_bytes)
		shift++;
	return shift;
}

uint16_t tcp_window_syn(const struct tcp_conn *c)
{
	return (uint16_t)RTE_MIN(c->stack->config.rcv_buffer_bytes, (uint32_t)UINT16_MAX);
}

static uint32_t less(uint32_t from, uint32_t n)
{
	return from > n ? from - n : 0;
}

static void set_buffer(struct tcp_conn *c, uint32_t bytes)
{
	c->rcv_units = (uint16_t)RTE_MIN(bytes >> c->rcv_wscale, (uint32_t)UINT16_MAX);
}

/* What came so far, less what waits for the user. It goes back when early data is given up. */
static uint32_t consumed(const struct tcp_conn *c)
{
	return tcp_rcvq_end(c) - c->rcv_bytes;
}

static void begin_round(struct tcp_conn *c)
{
	c->round_seq = consumed(c);
	c->round_us = (uint32_t)c->stack->now_us;
	c->round_rtt_ms = UINT16_MAX;
	c->round_left = c->rcv_bytes;
}

void tcp_window_init(struct tcp_conn *c)
{
	set_buffer(c, RTE_MIN(c->stack->config.rcv_buffer_bytes, TCP_WINDOW_START));
	begin_round(c);
}

uint32_t tcp_window_buffer(const struct tcp_conn *c)
{
	return (uint32_t)c->rcv_units << c->rcv_wscale;
}

void tcp_window_stamp(struct tcp_conn *c, uint32_t ts_ecr)
{
	uint32_t rtt_ms = tcp_ts_now(c) - ts_ecr;

	if (ts_ecr != 0 && rtt_ms < c->round_rtt_ms)
		c->round_rtt_ms = (uint16_t)RTE_MAX(rtt_ms, 1u);
}

/* How long the peer needs to answer a promise; 0: not known yet. */
static uint32_t round_trip_us(const struct tcp_conn *c)
{
	return c->round_rtt_ms != UINT16_MAX ? c->round_rtt_ms * 1000u : c->srtt_us;
}

/* A round is over that left @left waiting all the time, and would have needed @wanted without that. */
static void resize(struct tcp_conn *c, uint32_t left, uint32_t wanted)
{
	uint32_t buffer = tcp_window_buffer(c);

	if (left > TCP_WINDOW_LEFT) {
		set_buffer(c, RTE_MAX(less(buffer, left / 2), RTE_MIN(buffer, TCP_WINDOW_START)));
		c->window_shrank = true;
	} else if (wanted <= buffer) {
		c->window_shrank = false;
	} else if (mbuf_reserve_allows(&c->stack->reserve, MBUF_USE_GROWTH)) {
		set_buffer(c, c->window_shrank ? RTE_MIN(wanted, buffer + buffer / 4) : wanted);
	}
}

void tcp_window_round(struct tcp_conn *c)
{
	uint32_t now = consumed(c), brought = seq_gt(now, c->round_seq) ? now - c->round_seq : 0;
	uint32_t age_us = (uint32_t)c->stack->now_us - c->round_us, rtt_us = round_trip_us(c);
	uint64_t wanted;

	c->round_left = RTE_MIN(c->round_left, c->rcv_bytes);
	if (rtt_us == 0 || age_us < rtt_us)
		return;
	wanted = RTE_MAX((uint64_t)brought * rtt_us / age_us * TCP_WINDOW_AHEAD, TCP_WINDOW_START);
	resize(c, c->round_left, (uint32_t)RTE_MIN(wanted, c->stack->config.rcv_buffer_bytes));
	begin_round(c);
}

/* What may wait for the user: little while packet buffers run low. */
static uint32_t receive_buffer(const struct tcp_conn *c)
{
	uint32_t buffer = tcp_window_buffer(c);

	return mbuf_reserve_allows(&c->stack->reserve, MBUF_USE_QUEUE) ? buffer : RTE_MIN(buffer, TCP_PRESSURE_BYTES);
}

/* Where the window's right edge would be if all of @buffer that is free were promised. */
static uint32_t window_edge(const struct tcp_conn *c, uint32_t buffer)
{
	uint32_t room = buffer > c->rcv_bytes ? buffer - c->rcv_bytes : 0;

	return seq_max(c->rcv_nxt + room, c->rcv_adv);
}

static uint32_t window_step(const struct tcp_conn *c, uint32_t buffer)
{
	return RTE_MIN(buffer / 2, (uint32_t)c->rcv_mss);
}

bool tcp_window_grew(const struct tcp_conn *c)
{
	uint32_t buffer = receive_buffer(c), more = window_edge(c, buffer) - c->rcv_adv;

	if ((c->rcv_adv - c->rcv_nxt) >> c->rcv_wscale == 0)
		return more >= window_step(c, buffer);
	return more >= RTE_MIN(buffer / 2, 2u * c->rcv_mss);
}

/*
 * The edge moves by a step or not at all (RFC 9293 3.8.6.2.2). Scaling rounds the
 * field down, so the peer may see it go back by less than a unit; what was promised
 * once is accepted all the same (RFC 7323 section 2.4). Rounding up would promise a
 * little more with each acknowledgment, without end.
 */
uint16_t tcp_window_advertise(struct tcp_conn *c)
{
	uint32_t buffer = receive_buffer(c), edge = window_edge(c, buffer), wnd, raw;

	if (edge - c->rcv_adv < window_step(c, buffer))
		edge = c->rcv_adv;
	wnd = edge - c->rcv_nxt;
	raw = RTE_MIN(wnd >> c->rcv_wscale, (uint32_t)UINT16_MAX);
	c->rcv_adv = seq_max(c->rcv_adv, c->rcv_nxt + (raw << c->rcv_wscale));
	return (uint16_t)raw;
}
