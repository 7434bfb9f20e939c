/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * time() and gettimeofday() of the whole test program, set forward at will, as the
 * library and tls/ see them.
 *
 * Threads: one.
 */
#pragma once

#include <stdint.h>

extern int64_t later_s;	/* seconds that are added */
