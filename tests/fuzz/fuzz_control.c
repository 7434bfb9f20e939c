/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests of the control socket, a line each, on a gateway over a dataplane that
 * takes notes. Each gets one line of JSON as its answer, and the gateway goes on.
 */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control_site.h"
#include "control/request.h"
#include "dataplane/base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct site site;

static void clean_up(void)
{
	site_stop(&site);
	site_fini(&site);
}

static void start(void)
{
	site_init(&site);
	site_configure(&site, SITE_HEAD SITE_IMAP);
	site_start(&site);
	atexit(clean_up);
}

/* Back to the one rule, so that an input's effect doesn't depend on those before it. */
static void reset(void)
{
	static uint64_t generation;
	struct reload_report report;
	struct error err;

	for (size_t i = 0; i < fake.n_connections; i++) {
		if (fake.connections[i].open)
			fake_close((int)i, SPLICE_CLIENT_CLOSED);
	}
	fake.n_connections = 0;
	fake.n_log = 0;
	memset(fake.draining, 0, sizeof(fake.draining));
	if (site.gateway.live.generation != generation)
		ASSERT(gateway_reload(&site.gateway, &report, &err) == 0);
	generation = site.gateway.live.generation;
	live_reap(&site.gateway.live);
	ASSERT(site.gateway.live.n_retired == 0);
	ASSERT(site.gateway.rules.n == 1);
	fake_connect(0, "192.0.2.10", 993, "203.0.113.7");
	fake_connect(1, "192.0.2.10", 993, "2001:db8:7::1");
}

static void one_line(const char *line, size_t bytes)
{
	char *answer = request_answer(&site.gateway, line, bytes);
	json_t *parsed;

	ASSERT(answer != NULL);
	ASSERT(strchr(answer, '\n') == answer + strlen(answer) - 1);
	parsed = json_loads(answer, JSON_REJECT_DUPLICATES, NULL);
	ASSERT(json_is_object(parsed));
	ASSERT(json_is_boolean(json_object_get(parsed, "ok")));
	ASSERT((json_object_get(parsed, "error") == NULL) == json_is_true(json_object_get(parsed, "ok")));
	json_decref(parsed);
	free(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (site.gateway.config == NULL)
		start();
	reset();
	while (size > 0) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t bytes = end != NULL ? (size_t)(end - data) : size;
		char *line = malloc(bytes + 1);	/* exactly as long, so that a read beyond it is seen */

		ASSERT(line != NULL);
		memcpy(line, data, bytes);
		line[bytes] = '\0';
		if (memmem(line, bytes, "\"chain\"", 7) == NULL)	/* no files of the fuzzer's choice */
			one_line(line, bytes);
		free(line);
		data += bytes + (end != NULL);
		size -= bytes + (end != NULL);
	}
	return 0;
}
