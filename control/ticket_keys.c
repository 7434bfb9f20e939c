/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/ticket_keys.h"

#include <string.h>
#include <time.h>

#include "control/gateway.h"
#include "control/log.h"
#include "tls/ticket_file.h"

/* RFC 8446 4.6.1 lets no ticket live longer; a key that seals for longer is one that nobody replaces. */
#define OLD_S TLS_TICKETS_LIFETIME_MAX_S

static uint32_t lifetime_s(const struct config *c)
{
	return (uint32_t)(c->tickets.lifetime_us / 1000000);
}

static struct tls_tickets *own(const struct tls_tickets *previous, const struct config *c, struct error *err)
{
	struct tls_tickets *t = tls_tickets_new(previous, lifetime_s(c));

	if (t == NULL)
		error_set(err, -ENOMEM, ERROR_INTERNAL, "", "no keys for session tickets could be made");
	return t;
}

static struct tls_tickets *from_file(struct ticket_keys *k, const struct config *c, struct error *err)
{
	struct tls_ticket_key keys[TLS_TICKETS_KEYS_MAX];
	struct tls_tickets *t = NULL;
	char why[400];
	int n;

	files_stamp(c->tickets.file, NULL, &k->file.read);	/* before: what changes meanwhile shows */
	k->file.moving = false;
	n = tls_ticket_file_read(c->tickets.file, time(NULL), keys, why, sizeof(why));
	if (n < 0) {
		error_set(err, n, ERROR_INVALID, "tickets", "%s", why);
		error_hint(err, n, "`postern tickets roll FILE` makes such a file; posternd(8) describes it");
		return NULL;
	}
	t = tls_tickets_of(keys, (unsigned int)n, lifetime_s(c));
	if (t == NULL)
		error_set(err, -ENOMEM, ERROR_INTERNAL, "", "out of memory");
	explicit_bzero(keys, sizeof(keys));
	return t;
}

struct tls_tickets *ticket_keys_make(struct ticket_keys *k, const struct config *c, uint64_t now_us, struct error *err)
{
	*k = (struct ticket_keys){ .made_us = now_us, .looked_us = now_us, .told_from = -1 };
	return c->tickets.file[0] != '\0' ? from_file(k, c, err) : own(NULL, c, err);
}

static void put(struct gateway *g, struct tls_tickets *fresh, struct error *err)
{
	char text[1300];

	if (fresh == NULL || live_put_tickets(&g->live, fresh, err) != 0)
		log_say(LOG_ERROR_LEVEL, "the keys of session tickets stay as they were: %s",
			error_format(err, text, sizeof(text)));
	else if (g->config->tickets.file[0] != '\0')
		log_say(LOG_INFO_LEVEL, "session tickets: %u keys were read", tls_tickets_keys(fresh));
}

static void watch_file(struct gateway *g, uint64_t now_us)
{
	struct ticket_keys *k = &g->ticket_keys;
	struct files_stamp now;
	struct error err;

	if (g->config->tickets.watch_us == 0 || (!k->file.moving && now_us - k->looked_us < g->config->tickets.watch_us))
		return;
	k->looked_us = now_us;
	files_stamp(g->config->tickets.file, NULL, &now);
	if (files_watch_look(&k->file, &now) == FILES_CHANGED)
		put(g, from_file(k, g->config, &err), &err);
}

static void tell_age(struct gateway *g)
{
	const struct tls_tickets *t = g->live.tickets;
	struct tls_ticket_key_info info;
	time_t now = time(NULL);

	for (unsigned int i = 0; i < tls_tickets_keys(t); i++) {
		tls_tickets_describe(t, i, now, &info);
		if (info.state != TLS_TICKET_KEY_CURRENT || info.from == g->ticket_keys.told_from ||
		    (int64_t)now - info.from < (int64_t)OLD_S)
			continue;
		g->ticket_keys.told_from = info.from;
		log_say(LOG_WARNING_LEVEL, "session tickets: the key %s has sealed for %lld days: whoever steals it opens all "
			"tickets since then; put a newer one into %s (postern tickets roll)", info.id,
			(long long)((int64_t)now - info.from) / 86400, g->config->tickets.file);
	}
}

void ticket_keys_tick(struct gateway *g, uint64_t now_us)
{
	struct ticket_keys *k = &g->ticket_keys;
	struct error err;

	if (g->config->tickets.file[0] != '\0') {
		watch_file(g, now_us);
		tell_age(g);
		return;
	}
	/* What is sealed now can be opened for as long as it is valid. */
	if (now_us - k->made_us < g->config->tickets.lifetime_us / (TLS_TICKETS_KEYS - 1))
		return;
	k->made_us = now_us;
	put(g, own(g->live.tickets, g->config, &err), &err);
}

int ticket_keys_prepare(const struct gateway *g, const struct config *fresh, uint64_t now_us,
			struct ticket_keys_next *out, struct error *err)
{
	bool was_own = g->config->tickets.file[0] == '\0';

	*out = (struct ticket_keys_next){ .keys = g->ticket_keys };
	if (fresh->tickets.file[0] == '\0' && was_own && fresh->tickets.lifetime_us == g->config->tickets.lifetime_us)
		return 0;
	if (fresh->tickets.file[0] != '\0') {
		out->keys.looked_us = now_us;
		out->tickets = from_file(&out->keys, fresh, err);
	} else {
		out->keys.made_us = now_us;
		out->tickets = own(was_own ? g->live.tickets : NULL, fresh, err);	/* given ones aren't ours to keep */
	}
	return out->tickets != NULL ? 0 : -EINVAL;
}

void ticket_keys_take(struct gateway *g, struct ticket_keys_next *next)
{
	struct error err;

	g->ticket_keys = next->keys;
	if (next->tickets != NULL)
		put(g, next->tickets, &err);
}

void ticket_keys_discard(struct ticket_keys_next *next)
{
	tls_tickets_free(next->tickets);
}
