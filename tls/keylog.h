/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * For debugging only: the secrets of every session that begins, server's or client's,
 * written to a file in the form that Wireshark and others read (SSLKEYLOGFILE).
 * Whoever has it reads all that was said.
 *
 * TLS 1.2 sessions aren't resumed meanwhile: their secret would be that of an earlier
 * session, which may have begun before the file.
 *
 * Order of calls: tls_key_log_open before the workers run; tls_key_log_close after.
 * Threads: open and close control's; the rest any. A line is one write(2), on the
 * worker that shakes hands.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Appends to @path, which becomes 0600 when it is made; one that others may read is refused. 0, or -errno with the reason. */
int tls_key_log_open(const char *path, char *err, size_t err_bytes);
void tls_key_log_close(void);
bool tls_key_log_is_open(void);

#define TLS_KEY_LOG_RANDOM_BYTES 32u
#define TLS_KEY_LOG_SECRET_MAX_BYTES 64u
/* "LABEL client_random secret". */
void tls_key_log_write(const char *label, const uint8_t client_random[TLS_KEY_LOG_RANDOM_BYTES], const uint8_t *secret,
		       size_t secret_bytes);
