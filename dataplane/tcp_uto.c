/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tcp_uto.h"

#include <rte_common.h>

/* RFC 5482 section 3: 15 bits, of minutes when the first bit is set. */
#define IN_MINUTES 0x8000u

static uint64_t own_us(const struct stack *s)
{
	return s->config.user_timeout_us != 0 ? s->config.user_timeout_us : TCP_USER_TIMEOUT_US;
}

uint64_t tcp_uto_us(const struct tcp_conn *c)
{
	return c->user_timeout_s != 0 ? (uint64_t)c->user_timeout_s * 1000000 : own_us(c->stack);
}

bool tcp_uto_enabled(const struct stack *s)
{
	return s->config.user_timeout_limit_us != 0;
}

void tcp_uto_put(const struct tcp_conn *c, struct tcp_opts *o)
{
	uint64_t s = own_us(c->stack) / 1000000;

	o->has_uto = true;
	o->uto = (uint16_t)(s < IN_MINUTES ? s : IN_MINUTES | RTE_MIN(s / 60, (uint64_t)IN_MINUTES - 1));
}

/* Section 3.1: min(U_LIMIT, max(ADV_UTO, REMOTE_UTO, L_LIMIT)). */
void tcp_uto_received(struct tcp_conn *c, const struct tcp_opts *o)
{
	uint64_t limit_s = RTE_MIN(c->stack->config.user_timeout_limit_us / 1000000, (uint64_t)UINT16_MAX), s;

	if (!o->has_uto || !tcp_uto_enabled(c->stack) || (o->uto & ~IN_MINUTES) == 0)
		return;
	s = (uint64_t)(o->uto & ~IN_MINUTES) * (o->uto & IN_MINUTES ? 60 : 1);
	s = RTE_MAX(RTE_MAX(s, own_us(c->stack) / 1000000), TCP_UTO_MIN_S);
	c->user_timeout_s = (uint16_t)RTE_MIN(s, limit_s);
}
