/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/client.h"
#include "bench/options.h"
#include "bench/run.h"
#include "bench/workload.h"

#define EVERY_US 1000000u

int progress_init(struct progress *p, const struct options *o, struct error *err)
{
	*p = (struct progress){ .terminal = isatty(STDERR_FILENO), .phases = -1 };
	p->on = !o->quiet && (p->terminal || o->progress);
	p->shown_us = clock_now_us();
	if (!o->phases)
		return 0;
	p->phases = open(o->phases, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (p->phases < 0)
		return error_set(err, -errno, ERROR_IO, "--phases", "%s can't be written: %s", o->phases, strerror(errno));
	return 0;
}

void progress_phase(const struct progress *p, const struct run *r)
{
	static const char *const names[] = { "holding", "opening", "warming", "measuring", "ending", "ended" };

	/* At once, and whole: a line is shorter than what a pipe takes in one piece. Nobody reads any more: so be it. */
	if (p->phases >= 0)
		dprintf(p->phases, "%s %.6f\n", names[r->phase], (double)r->phase_from_us / 1e6);
}

void progress_show(struct progress *p, struct run *r, uint64_t now_us)
{
	static const char *const phases[] = { "opening what is held", "opening", "warming up", "measuring" };
	uint64_t us = now_us > p->shown_us ? now_us - p->shown_us : 0;
	uint64_t phase_us = now_us > r->phase_from_us ? now_us - r->phase_from_us : 0;
	char text[128] = "";

	if (!p->on || us < EVERY_US || run_ending(r))
		return;
	if (r->workload->progress)
		r->workload->progress(r, us, text, sizeof(text));
	fprintf(stderr, "%s%s %.0f s: %u open, %u dialing, %s%s%" PRIu64 " errors, own load %.0f %%%s",
		p->terminal ? "\r\033[K" : "", phases[r->phase], (double)phase_us / 1e6,
		r->clients->n_open + r->clients->n_held_greeted, r->clients->n_dialing, text, text[0] ? ", " : "", run_errors_total(r),
		100 * transport_load(r->transport, p->busy, r->transport->busy, us), p->terminal ? "" : "\n");
	p->shown_us = now_us;
	p->busy = r->transport->busy;
}

void progress_fini(struct progress *p)
{
	if (p->on && p->terminal)
		fputs("\r\033[K", stderr);
	if (p->phases >= 0)
		close(p->phases);
}
