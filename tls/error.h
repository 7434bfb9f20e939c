/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The TLS library's hundreds of error codes as our dozen (tls.h), and the alert
 * that tells the peer (RFC 8446 6.2).
 *
 * Threads: any; pure.
 */
#pragma once

#include "tls/tls.h"

enum tls_error tls_error_of_library(int code);
/* AlertDescription. */
uint8_t tls_error_alert(enum tls_error e);
