/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a client's first bytes say, read by tls/hello.h alone: the input as the stream,
 * and as the ClientHello's body cut into records of the size that the first byte says.
 * What is read points into the bytes; more bytes never make a decision undone; cut or
 * not, the same is read. For who passes TLS on, tls/sni.h must say the same, and must
 * never let him wait for more than it takes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tls/hello.h"
#include "tls/sni.h"

#define STREAM_MAX 8192u
#define RECORD_HEADER_BYTES 5u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool right)
{
	if (!right)
		abort();
}

static bool within(struct der part, struct der whole)
{
	return part.n == 0 || (part.p >= whole.p && part.n <= whole.n && part.p - whole.p <= (ptrdiff_t)(whole.n - part.n));
}

static bool same(struct der a, struct der b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static void check_read(struct der body, const struct tls_hello *hello)
{
	require(within(hello->name, body) && within(hello->protocols, body));
	require(hello->name.n <= 255 && hello->version <= 0x0304);
	tls_hello_speaks(hello, "imap,pop3");
}

/* Looked at again whenever it could be whole. */
static enum tls_sni_status pass_on(const uint8_t *data, size_t size, struct tls_sni *sni)
{
	static uint8_t stream[TLS_SNI_STREAM_BYTES];
	enum tls_sni_status status;
	size_t n = 0;

	size = size < sizeof(stream) ? size : sizeof(stream);
	do {
		memcpy(stream, data, n);
		status = tls_sni_read(stream, n, sni);
		if (status != TLS_SNI_PART)
			break;
		require(sni->least_bytes > n && sni->least_bytes <= sizeof(stream));
		n = sni->least_bytes;
	} while (n <= size);
	require(strnlen(sni->name, sizeof(sni->name)) < sizeof(sni->name) && sni->name[0] != '.');
	require((status == TLS_SNI_BAD) == (sni->error != TLS_ERR_NONE));
	return status;
}

/* As a stream, also while it comes. */
static void feed(const uint8_t *data, size_t size)
{
	enum tls_hello_kind kind = TLS_HELLO_PART, before;
	enum tls_hello_joined joined;
	struct tls_sni sni;
	enum tls_sni_status passed;
	static uint8_t stream[STREAM_MAX];
	struct tls_hello hello;
	struct der body = { 0 };
	size_t n;

	size = size < sizeof(stream) ? size : sizeof(stream);
	for (n = 0; n <= size; n += size / 16 + 1) {
		before = kind;
		kind = tls_hello_look((struct der){ data, n });
		require(before == TLS_HELLO_PART || kind == before);
	}
	passed = pass_on(data, size, &sni);
	memcpy(stream, data, size);
	joined = tls_hello_join(stream, size, &body);
	require(passed != TLS_SNI_READ || joined == TLS_HELLO_WHOLE);
	require(passed != TLS_SNI_PART || joined != TLS_HELLO_WHOLE);
	if (joined != TLS_HELLO_WHOLE)
		return;
	require(within(body, (struct der){ stream, size }));
	if (tls_hello_read(body, &hello))
		check_read(body, &hello);
}

/* @data as a ClientHello's body, in records of @piece bytes. */
static void cut(const uint8_t *data, size_t size, size_t piece)
{
	static uint8_t message[STREAM_MAX], stream[STREAM_MAX * (RECORD_HEADER_BYTES + 1)];
	struct tls_hello whole, joined;
	struct der body = { 0 };
	size_t at, n, to = 0;
	enum tls_sni_status passed;
	struct tls_sni sni;
	bool readable;

	size = size < STREAM_MAX - 4 ? size : STREAM_MAX - 4;
	message[0] = 1;
	message[1] = 0;
	message[2] = (uint8_t)(size >> 8);
	message[3] = (uint8_t)size;
	memcpy(message + 4, data, size);
	for (at = 0; at < size + 4; at += n) {
		n = size + 4 - at < piece ? size + 4 - at : piece;
		memcpy(stream + to, (const uint8_t[]){ 22, 3, 1, (uint8_t)(n >> 8), (uint8_t)n }, RECORD_HEADER_BYTES);
		memcpy(stream + to + RECORD_HEADER_BYTES, message + at, n);
		to += RECORD_HEADER_BYTES + n;
	}
	passed = pass_on(stream, to, &sni);
	require(tls_hello_join(stream, to, &body) == TLS_HELLO_WHOLE);
	require(to > TLS_SNI_STREAM_BYTES || passed != TLS_SNI_PART);
	require(same(body, (struct der){ message + 4, size }));
	readable = tls_hello_read((struct der){ message + 4, size }, &whole);
	require(tls_hello_read(body, &joined) == readable);
	require(passed != TLS_SNI_READ || readable);
	if (!readable)
		return;
	check_read(body, &joined);
	require(same(whole.name, joined.name) && same(whole.protocols, joined.protocols) && whole.can == joined.can &&
		whole.suites == joined.suites && whole.version == joined.version);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] & 1)
		cut(data + 1, size - 1, 1 + data[0] / 2u);
	else
		feed(data + 1, size - 1);
	return 0;
}
