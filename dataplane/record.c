/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "record.h"

#include "base/assert.h"

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
