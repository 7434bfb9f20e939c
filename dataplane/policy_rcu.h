/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The one pointer between control and workers, under liburcu's QSBR flavour: the
 * reader's side costs nothing but one call a turn that says "I hold no snapshot".
 *
 * Order of calls. Worker: policy_reader_begin once; per turn policy_current, work,
 * policy_quiesce; around anything that sleeps policy_offline / policy_online; at the
 * end policy_reader_end. Control: policy_publish, policy_synchronize.
 *
 * Threads: as said. Control must not be a registered reader.
 * Ownership: policy_current lends the snapshot until the next policy_quiesce or
 * policy_offline. policy_publish takes the new snapshot and gives the old one back.
 */
#pragma once

struct policy;

void policy_reader_begin(void);
void policy_reader_end(void);
const struct policy *policy_current(void);	/* NULL before the first publication */
void policy_quiesce(void);
void policy_offline(void);
void policy_online(void);

/*
 * Makes @next current and waits for a grace period: when this returns, no worker
 * reads the old snapshot, which is returned (NULL the first time). Blocks for as
 * long as the slowest worker's turn.
 */
struct policy *policy_publish(struct policy *next);

/*
 * Waits for a grace period without publishing: whatever a worker did in a turn that
 * had begun before is over, and control sees it. For what workers hold by counts of
 * their own (struct rule_slot): a rule whose counts say 0 may be freed after this.
 */
void policy_synchronize(void);
