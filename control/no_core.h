/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * No core file of this process, which holds private keys or passphrases.
 *
 * Order of calls: once, first of all. Threads: the first, before there are others.
 */
#pragma once

/* Debuggers of other users are kept out, too. 0, or -errno: one may still be written. */
int no_core_dumps(void);
