/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_window.h"

#include <rte_common.h>

#include "tcp_hdr.h"

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

/* What may wait for the user: little while packet buffers run low. */
static uint32_t receive_buffer(const struct tcp_conn *c)
{
	uint32_t buffer = c->stack->config.rcv_buffer_bytes;

	return c->stack->tcp.pressure ? RTE_MIN(buffer, TCP_PRESSURE_BYTES) : buffer;
}

/* Where the window's right edge would be if all free buffer were promised. */
static uint32_t window_edge(const struct tcp_conn *c)
{
	uint32_t buffer = receive_buffer(c);
	uint32_t room = buffer > c->rcv_bytes ? buffer - c->rcv_bytes : 0;

	/* More than the field can say would be news with every segment, and never told. */
	room = RTE_MIN(room, (uint32_t)UINT16_MAX << c->rcv_wscale);
	return seq_max(c->rcv_nxt + room, c->rcv_adv);
}

static uint32_t window_step(const struct tcp_conn *c)
{
	return RTE_MIN(receive_buffer(c) / 2, (uint32_t)c->rcv_mss);
}

bool tcp_window_grew(const struct tcp_conn *c)
{
	uint32_t more = window_edge(c) - c->rcv_adv;

	if ((c->rcv_adv - c->rcv_nxt) >> c->rcv_wscale == 0)
		return more >= window_step(c);
	return more >= RTE_MIN(receive_buffer(c) / 2, 2u * c->rcv_mss);
}

/*
 * The edge moves by a step or not at all (RFC 9293 3.8.6.2.2). Scaling rounds the
 * field down, so the peer may see it go back by less than a unit; what was promised
 * once is accepted all the same (RFC 7323 section 2.4). Rounding up would promise a
 * little more with each acknowledgment, without end.
 */
uint16_t tcp_window_advertise(struct tcp_conn *c)
{
	uint32_t edge = window_edge(c), wnd, raw;

	if (edge - c->rcv_adv < window_step(c))
		edge = c->rcv_adv;
	wnd = edge - c->rcv_nxt;
	raw = RTE_MIN(wnd >> c->rcv_wscale, (uint32_t)UINT16_MAX);
	c->rcv_adv = seq_max(c->rcv_adv, c->rcv_nxt + (raw << c->rcv_wscale));
	return (uint16_t)raw;
}
