/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/ending.h"

#include "control/log.h"
#include "control/orders.h"

unsigned int ending_log(void)
{
	static struct record_told records[ENDING_BURST];
	unsigned int n = dataplane_log(records, ENDING_BURST);

	for (unsigned int i = 0; i < n; i++)
		log_connection(&records[i]);
	return n;
}

static void log_all(void)
{
	while (ending_log() == ENDING_BURST)
		;
}

int ending_rule(const char *name, uint32_t *n, struct error *err)
{
	*n = 0;
	log_all();
	for (uint16_t w = 0; w < dataplane_workers(); w++) {
		uint32_t cursor = 0, share;

		do {
			int r = orders_kill_some(w, name, ENDING_SHARE, &cursor, &share, err);

			if (r != 0)
				return r;
			*n += share;
			log_all();
		} while (share == ENDING_SHARE);
	}
	return 0;
}

int ending_oldest(uint16_t worker, uint32_t max, uint32_t *n, struct error *err)
{
	uint32_t share, wanted;

	*n = 0;
	log_all();
	do {
		int r;

		wanted = max - *n < ENDING_SHARE ? max - *n : ENDING_SHARE;
		r = orders_close_some(worker, wanted, &share, err);
		if (r != 0)
			return r;
		*n += share;
		log_all();
	} while (share == wanted && *n < max);
	return 0;
}
