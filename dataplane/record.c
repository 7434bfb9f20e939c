/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "record.h"

#include "base/assert.h"
#include "tls/tls.h"

const char *splice_end_name(enum splice_end e)
{
	static const char *const names[SPLICE_END_COUNT] = {
#define X(id, name, text) [SPLICE_##id] = name,
		SPLICE_ENDS(X)
#undef X
	};

	ASSERT(e < SPLICE_END_COUNT);
	return names[e];
}

void record_take_peer(struct record_told *told, const struct tls_session *tls)
{
	const struct tls_peer *peer = tls != NULL ? tls_session_peer(tls) : NULL;

	told->has_peer = peer != NULL;
	if (peer != NULL)
		told->peer = *peer;
}
