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

struct tcp_acked;

/* Marks what @blocks cover, and counts it into @acked. */
void tcp_sack_input(struct tcp_conn *c, const struct tcp_range *blocks, unsigned int n, struct tcp_acked *acked);
/* The peer may have dropped what it had reported (RFC 2018 section 8): all of it is to be sent again. */
void tcp_sack_forget(struct tcp_conn *c);
