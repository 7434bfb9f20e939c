/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Tickets from strangers: whatever comes is refused; ours, with anything changed, too; ours unchanged is opened. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tls/tickets.h"
#include "tls/tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct ticket {
	uint8_t name[TLS_TICKET_NAME_BYTES], iv[TLS_TICKET_IV_BYTES], mac[TLS_TICKET_MAC_BYTES], text[200];
};

static enum tls_ticket_opened opens(const struct tls_tickets *keys, const uint8_t *binding, const struct ticket *t)
{
	struct ticket copy = *t;

	return tls_ticket_open(keys, binding, 1000000, copy.name, copy.iv, copy.mac, copy.text, sizeof(copy.text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct tls_tickets *keys;
	uint8_t binding[TLS_TICKET_BINDING_BYTES] = { 1 };
	struct ticket t = { 0 }, changed;
	const char *why;
	size_t i;

	if (!keys) {
		if (tls_init(&why) != 0)
			abort();
		keys = tls_tickets_new(NULL, 3600);
	}
	if (size > 0)
		memcpy(&t, data, size < sizeof(t) ? size : sizeof(t));
	if (opens(keys, binding, &t) != TLS_TICKET_REFUSED)
		abort();
	if (tls_ticket_seal(keys, binding, 1000000, t.name, t.iv, t.mac, t.text, sizeof(t.text)) != 0 ||
	    opens(keys, binding, &t) != TLS_TICKET_GOOD)
		abort();
	/* The input as changes: place and mask. The nonce's and the tag's unused tails don't count. */
	changed = t;
	for (i = 0; i + 2 < size; i += 3)
		((uint8_t *)&changed)[(data[i] * 256u + data[i + 1]) % sizeof(changed)] ^= data[i + 2];
	memset(changed.iv + 12, 0, sizeof(changed.iv) - 12);
	memset(changed.mac + 16, 0, sizeof(changed.mac) - 16);
	if (memcmp(&changed, &t, sizeof(t)) != 0 && opens(keys, binding, &changed) != TLS_TICKET_REFUSED)
		abort();
	return 0;
}
