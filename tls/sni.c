/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/sni.h"

#include <string.h>

#include "tls/error.h"
#include "tls/hello.h"
#include "tls/names.h"

#define RECORD_ALERT 21u
#define ALERT_FATAL 2u
#define ALERT_DECODE_ERROR 50u

static enum tls_sni_status refuse(struct tls_sni *out, enum tls_error error, uint8_t alert)
{
	out->error = error;
	out->alert = alert;
	return TLS_SNI_BAD;
}

/* A name that can't be one of a host would be told to servers and to the log, too. */
static bool keep_name(struct tls_sni *out, struct der name)
{
	uint8_t buf[TLS_NAME_MAX_BYTES];
	struct der key;

	_Static_assert(TLS_NAME_MAX_BYTES < TLS_SNI_BYTES, "TLS_SNI_BYTES");
	if (name.n == 0)
		return true;
	if (!tls_name_normalize(name, buf, &key) || key.p[0] == '.')
		return false;
	memcpy(out->name, key.p, key.n);
	out->name[key.n] = '\0';
	return true;
}

enum tls_sni_status tls_sni_read(uint8_t *stream, size_t bytes, struct tls_sni *out)
{
	struct tls_hello hello;
	struct der body;

	*out = (struct tls_sni){ 0 };
	if (tls_hello_look((struct der){ stream, bytes }) == TLS_HELLO_OTHER)
		return refuse(out, TLS_ERR_NOT_TLS, tls_error_alert(TLS_ERR_NOT_TLS));
	switch (tls_hello_join_least(stream, bytes, &body, &out->least_bytes)) {
	case TLS_HELLO_MORE:
		if (out->least_bytes > TLS_SNI_STREAM_BYTES)
			return refuse(out, TLS_ERR_HELLO_TOO_LONG, tls_error_alert(TLS_ERR_HELLO_TOO_LONG));
		return TLS_SNI_PART;
	case TLS_HELLO_NONE:
		return refuse(out, TLS_ERR_HANDSHAKE, tls_error_alert(TLS_ERR_NOT_TLS));
	case TLS_HELLO_WHOLE:
		break;
	}
	if (!tls_hello_read(body, &hello) || !keep_name(out, hello.name))
		return refuse(out, TLS_ERR_HANDSHAKE, ALERT_DECODE_ERROR);
	return TLS_SNI_READ;
}

/* The version that all accept in a record of the server's before one was agreed on (RFC 8446 5.1, RFC 5246 E.1). */
void tls_alert_record(uint8_t record[TLS_ALERT_RECORD_BYTES], uint8_t alert)
{
	const uint8_t bytes[TLS_ALERT_RECORD_BYTES] = { RECORD_ALERT, 3, 3, 0, 2, ALERT_FATAL, alert };

	memcpy(record, bytes, sizeof(bytes));
}
