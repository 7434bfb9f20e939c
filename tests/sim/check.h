/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What must be true of every connection after every event: for the simulator and the fuzzers. */
#pragma once

struct stack;

/* ASSERTs it of all connections of @s, between two turns. */
void tcp_check(struct stack *s);
