/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/drain.h"

#include "control/ending.h"
#include "control/log.h"
#include "control/orders.h"

int drain_begin(struct drain *d, uint64_t over_us, uint64_t now_us, struct error *err)
{
	int r = orders_drain(true, d->on, err);

	if (r != 0)
		return r;
	*d = (struct drain){ .on = true, .until_us = over_us > 0 ? now_us + over_us : 0, .last_us = now_us };
	log_say(LOG_INFO_LEVEL, "draining: new connections are refused");
	return 0;
}

int drain_end(struct drain *d, struct error *err)
{
	int r = orders_drain(false, d->on, err);

	if (r != 0)
		return r;
	if (d->on)
		log_say(LOG_INFO_LEVEL, "no longer draining: new connections are accepted");
	*d = (struct drain){ 0 };
	return 0;
}

uint64_t drain_share(uint64_t open, uint64_t now_us, uint64_t last_us, uint64_t until_us)
{
	uint64_t step = now_us - last_us, left = until_us > last_us ? until_us - last_us : 0;

	if (left <= step)
		return open;
	/* Rounded up, so that the last of few connections doesn't wait for the end. */
	return (uint64_t)(((unsigned __int128)open * step + left - 1) / left);
}

void drain_tick(struct drain *d, uint64_t now_us)
{
	uint64_t open = 0;

	if (!d->on)
		return;
	for (uint16_t w = 0; w < dataplane_workers(); w++) {
		struct dataplane_gauges gauges;
		struct error err;
		uint64_t share;
		uint32_t n = 0;

		dataplane_gauges(w, &gauges);
		open += gauges.connections;
		if (d->until_us == 0 || gauges.connections == 0)
			continue;
		share = drain_share(gauges.connections, now_us, d->last_us, d->until_us);
		if (share > UINT32_MAX)
			share = UINT32_MAX;
		if (ending_oldest(w, (uint32_t)share, &n, &err) != 0)
			log_say(LOG_WARNING_LEVEL, "drain: %s", err.message);
		d->closed += n;
	}
	d->last_us = now_us;
	if (open == 0 && !d->done_said) {
		d->done_said = true;
		log_say(LOG_INFO_LEVEL, "drained: no connection is left");
	}
}
