/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "counters.h"

#include "base/assert.h"

struct text {
	const char *name, *text;
};

#define X(id, name, text) { name, text },
static const struct text drop_texts[DROP_COUNT] = { DROPS(X) };
static const struct text event_texts[EVENT_COUNT] = { EVENTS(X) };
#undef X

const char *drop_name(enum drop d)
{
	ASSERT(d < DROP_COUNT);
	return drop_texts[d].name;
}

const char *drop_text(enum drop d)
{
	ASSERT(d < DROP_COUNT);
	return drop_texts[d].text;
}

const char *event_name(enum event e)
{
	ASSERT(e < EVENT_COUNT);
	return event_texts[e].name;
}

const char *event_text(enum event e)
{
	ASSERT(e < EVENT_COUNT);
	return event_texts[e].text;
}
