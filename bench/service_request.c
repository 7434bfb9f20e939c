/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The backend's side of workload_request.c: "PING request-bytes reply-bytes", then replies. */
#include <stdio.h>
#include <string.h>

#include <rte_mbuf.h>

#include "bench/backend.h"
#include "bench/pattern.h"

struct pinged {
	uint32_t request_bytes, reply_bytes;
	uint32_t got_bytes;
	uint8_t number[8];
};

static bool claims(const char *line)
{
	return strncmp(line, "PING ", 5) == 0;
}

static bool begin(struct served *s, const char *line)
{
	struct pinged *p = served_user(s);

	return sscanf(line, "PING %u %u", &p->request_bytes, &p->reply_bytes) == 2 && p->request_bytes >= 8 &&
	       p->reply_bytes >= 8 && p->request_bytes <= PATTERN_RUN && p->reply_bytes <= PATTERN_RUN;
}

static void reply(struct served *s)
{
	struct pinged *p = served_user(s);
	struct rte_mbuf *m = pattern_chain(s->backend->transport->mbufs, 0, p->reply_bytes);

	if (!m) {
		served_fail(s, "backend_no_memory");
		return;
	}
	memcpy(rte_pktmbuf_mtod(m, void *), p->number, sizeof(p->number));
	p->got_bytes = 0;
	served_send(s, m);
}

/* False: not what was to come. */
static bool take(struct pinged *p, const uint8_t *data, uint32_t bytes)
{
	uint32_t at = p->got_bytes, n = 0;

	if (at < sizeof(p->number)) {
		n = (uint32_t)sizeof(p->number) - at < bytes ? (uint32_t)sizeof(p->number) - at : bytes;
		memcpy(p->number + at, data, n);
	}
	p->got_bytes += bytes;
	return memcmp(data + n, pattern_at(0) + at + n, bytes - n) == 0;
}

static void received(struct served *s, struct rte_mbuf *chain)
{
	struct pinged *p = served_user(s);

	for (const struct rte_mbuf *m = chain; m && !s->ended; m = m->next) {
		const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
		uint32_t left = m->data_len;

		while (left > 0 && !s->ended) {
			uint32_t n = p->request_bytes - p->got_bytes < left ? p->request_bytes - p->got_bytes : left;

			if (!take(p, data, n)) {
				served_fail(s, "wrong_request");
				break;
			}
			data += n;
			left -= n;
			if (p->got_bytes == p->request_bytes)
				reply(s);
		}
	}
	rte_pktmbuf_free(chain);
}

const struct service service_request = {
	.name = "request",
	.state_bytes = sizeof(struct pinged),
	.claims = claims,
	.begin = begin,
	.received = received,
};
