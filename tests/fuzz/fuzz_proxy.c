/* SPDX-License-Identifier: GPL-3.0-or-later */
/* PROXY headers of any bytes: an answer never changes as more comes, and what was understood is written and read again. */
#include "base/assert.h"
#include "proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void there_and_back(const struct proxy_ends *ends, enum proxy_version version)
{
	const struct proxy_tls tls = { .terminated = true, .name = "a.example", .version = "TLSv1.3", .cipher = "C", .alpn = "imap" };
	uint8_t header[PROXY_WRITE_MAX_BYTES];
	size_t n = proxy_write(header, version, ends, &tls), read = 0;
	struct proxy_ends again;

	ASSERT(n <= sizeof(header) && proxy_read(header, n, &again, &read) == PROXY_READ_ENDS && read == n);
	ASSERT(addr_equal(&again.client, &ends->client) && addr_equal(&again.target, &ends->target));
	ASSERT(again.client_port == ends->client_port && again.target_port == ends->target_port);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proxy_ends ends, other;
	size_t header = 0, other_header;
	enum proxy_read answer = proxy_read(data, size, &ends, &header);

	if (answer == PROXY_READ_ENDS || answer == PROXY_READ_LOCAL)
		ASSERT(header > 0 && header <= size && header <= PROXY_READ_MAX_BYTES);
	if (answer == PROXY_READ_PART)
		ASSERT(size < PROXY_READ_MAX_BYTES);
	for (size_t n = 0; n < size && n < PROXY_READ_MAX_BYTES; n++) {
		enum proxy_read early = proxy_read(data, n, &other, &other_header);

		ASSERT(early == PROXY_READ_PART || early == answer);
		if (early == answer && early != PROXY_READ_PART)
			break;
	}
	if (answer == PROXY_READ_ENDS) {
		there_and_back(&ends, PROXY_V1);
		there_and_back(&ends, PROXY_V2);
	}
	return 0;
}
