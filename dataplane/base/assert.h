/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ASSERT: our own bugs stop the program, in production too. A gateway that goes
 * on after its own invariants broke would forward what it no longer understands.
 * Never use it for what a peer, an operator or the machine can cause.
 *
 * Threads: any.
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>

_Noreturn static inline void assert_failed(const char *file, int line, const char *what)
{
	fprintf(stderr, "postern: bug: %s:%d: not true: %s\n", file, line, what);
	abort();
}

#define ASSERT(cond) \
	(__builtin_expect(!!(cond), 1) ? (void)0 : assert_failed(__FILE__, __LINE__, #cond))
