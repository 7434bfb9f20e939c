/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Inputs made of a head and of steps, all of fixed size, so that a mutation is one of
 * steps (one more, one less, two exchanged, one bent) and leaves the others' meaning
 * alone. A target that includes this and links fuzz_steps.c gets that mutator.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define FUZZ_HEAD_BYTES 8
#define FUZZ_STEP_BYTES 16
#define FUZZ_STEPS_MAX 64

struct fuzz_steps {
	uint8_t head[FUZZ_HEAD_BYTES];
	uint8_t steps[FUZZ_STEPS_MAX][FUZZ_STEP_BYTES];
	unsigned int n;
};

/* What isn't there is zero; a step that isn't whole counts. */
void fuzz_steps_read(struct fuzz_steps *s, const uint8_t *data, size_t size);
/* Returns the bytes written, at most @max. */
size_t fuzz_steps_write(const struct fuzz_steps *s, uint8_t *data, size_t max);

/* libFuzzer calls it in place of its own. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
				 uint8_t *out, size_t max, unsigned int seed);
