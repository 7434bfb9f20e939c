/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the tests of neighbours (neigh.h) say to a stack in a box, and ask of it: packets out,
 * ARP answers and claims in, and what the next sent frame is. Fails the test where that can't be.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "box.h"
#include "stack_private.h"

#define SECOND 1000000ull
#define TURN 2048u	/* more than a tick of the wheel */
#define GONE ((enum neigh_state)99)

void path_to(struct box *b, struct ip_path *p, const char *dst);
/* Sends a TCP header with this sequence number. */
void out(struct box *b, struct ip_path *p, uint32_t seq);
void out_to(struct box *b, const char *dst, uint32_t seq);
/* Is sent frame @i an ARP request for @target, to all or (@mac != 0) to that peer? */
bool asks(const struct box *b, unsigned int i, const char *target, uint8_t mac);
/* Is sent frame @i the TCP segment with @seq, to the peer @mac? */
bool carries(const struct box *b, unsigned int i, uint32_t seq, uint8_t mac);
void answers(struct box *b, const char *who, uint8_t mac);
/* Gratuitous ARP. */
void claims(struct box *b, const char *who, uint8_t mac);
enum neigh_state state_of(struct box *b, const char *who);
void resolve(struct box *b, const char *who, uint8_t mac);
