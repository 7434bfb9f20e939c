/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The reason that a set-up call fails for, in the caller's buffer.
 *
 * Threads: any; pure.
 */
#pragma once

#include <stddef.h>

/* Writes the text, cut at @err_bytes; gives @code back. */
int tls_refuse(int code, char *err, size_t err_bytes, const char *format, ...) __attribute__((format(printf, 4, 5)));
