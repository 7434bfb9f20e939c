/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sender's scoreboard (RFC 2018 section 5, RFC 6675): SACK blocks mark records.
 * A block is believed only inside what is in flight; a record covered in part is cut
 * at a segment boundary or stays unmarked, so a hostile peer can't make us keep more
 * records than segments.
 *
 * Threads: the stack's worker.
 */
#pragma once

#include "tcp_conn.h"
#include "tcp_hdr.h"

/* Marks what @blocks cover. Returns the bytes that are newly covered. */
uint32_t tcp_sack_input(struct tcp_conn *c, const struct tcp_range *blocks, unsigned int n);
/* Marks as lost what RFC 6675's IsLost says is (by its byte rule). Returns the bytes newly lost. */
uint32_t tcp_sack_mark_lost(struct tcp_conn *c);
/* The peer may have dropped what it had reported (RFC 2018 section 8): forget all marks. */
void tcp_sack_forget(struct tcp_conn *c);
