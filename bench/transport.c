/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench/transport.h"

double transport_load(const struct transport *t, uint64_t busy_from, uint64_t busy_to, uint64_t us)
{
	double ns = (double)(busy_to - busy_from) * (t->busy_is_ns ? 1 : clock_ns_per_cycle);

	return us > 0 ? ns / 1e3 / (double)us : 0;
}
