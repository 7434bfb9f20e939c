/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The verb about the keys of session tickets: which there are, and never the keys. */
#include <time.h>

#include "control/gateway.h"
#include "control/request.h"
#include "control/text.h"
#include "tls/tickets.h"

static json_t *key_json(const struct tls_tickets *t, unsigned int i, time_t now)
{
	static const char *const states[] = { "next", "current", "previous" };	/* enum tls_ticket_key_state */
	struct tls_ticket_key_info info;
	char from[TIME_TEXT_BYTES];

	tls_tickets_describe(t, i, now, &info);
	return json_pack("{s:s, s:s, s:s, s:I}", "id", info.id, "state", states[info.state],
		"from", text_format_time((uint64_t)info.from * 1000000, from, sizeof(from)),
		"age", (json_int_t)((int64_t)now - info.from));
}

static json_t *tickets(struct gateway *g, const json_t *args, struct error *err)
{
	const struct tls_tickets *t = g->live.tickets;
	time_t now = time(NULL);
	json_t *keys;

	if (request_no_args(args, err) != 0)
		return NULL;
	keys = json_array();
	for (unsigned int i = 0; i < tls_tickets_keys(t); i++)
		json_array_append_new(keys, key_json(t, i, now));
	return json_pack("{s:s, s:I, s:o}", "file", g->config->tickets.file,
		"lifetime", (json_int_t)tls_tickets_lifetime_s(t), "keys", keys);
}

const struct verb verbs_tickets[] = {
	{ "tickets", tickets },
	{ NULL, NULL }
};
