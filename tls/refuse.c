/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/refuse.h"

#include <stdarg.h>
#include <stdio.h>

int tls_refuse(int code, char *err, size_t err_bytes, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err, err_bytes, format, args);
	va_end(args);
	return code;
}
