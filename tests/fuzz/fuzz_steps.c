/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fuzz_steps.h"

#include <string.h>
#include <rte_common.h>

#include "../sim/rng.h"

/* libFuzzer's own; not there when a corpus is replayed. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max) __attribute__((weak));

void fuzz_steps_read(struct fuzz_steps *s, const uint8_t *data, size_t size)
{
	size_t n = RTE_MIN(size, sizeof(s->head));

	memset(s, 0, sizeof(*s));
	if (n > 0)
		memcpy(s->head, data, n);
	data += n;
	size -= n;
	while (size > 0 && s->n < FUZZ_STEPS_MAX) {
		n = RTE_MIN(size, (size_t)FUZZ_STEP_BYTES);
		memcpy(s->steps[s->n++], data, n);
		data += n;
		size -= n;
	}
}

size_t fuzz_steps_write(const struct fuzz_steps *s, uint8_t *data, size_t max)
{
	size_t n = RTE_MIN(sizeof(s->head), max), at = n;

	memcpy(data, s->head, n);
	for (unsigned int i = 0; i < s->n && at + FUZZ_STEP_BYTES <= max; i++, at += FUZZ_STEP_BYTES)
		memcpy(data + at, s->steps[i], FUZZ_STEP_BYTES);
	return at;
}

static void random_bytes(struct rng *r, uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)rng_next(r);
}

/* One byte becomes something else: anything, a little more or less, or an end of its range. */
static void bend(struct rng *r, uint8_t *p, size_t n)
{
	uint8_t *b = &p[rng_below(r, n)];

	switch (rng_below(r, 4)) {
	case 0:
		*b = (uint8_t)rng_next(r);
		break;
	case 1:
		*b = (uint8_t)(*b + rng_between(r, 1, 4) - 2);
		break;
	case 2:
		*b ^= (uint8_t)(1u << rng_below(r, 8));
		break;
	default:
		*b = rng_chance(r, 0.5) ? 0 : 0xff;
		break;
	}
}

/* A step of random bytes that are mostly zero: zero is what fits everywhere. */
static void new_step(struct rng *r, uint8_t *p)
{
	memset(p, 0, FUZZ_STEP_BYTES);
	p[0] = (uint8_t)rng_next(r);
	for (uint64_t k = rng_below(r, 8); k > 0; k--)
		p[rng_below(r, FUZZ_STEP_BYTES)] = (uint8_t)rng_next(r);
	if (rng_chance(r, 0.1))
		random_bytes(r, p, FUZZ_STEP_BYTES);
}

static void insert(struct rng *r, struct fuzz_steps *s)
{
	unsigned int at = (unsigned int)rng_below(r, s->n + 1u), from = s->n ? (unsigned int)rng_below(r, s->n) : 0;
	uint8_t step[FUZZ_STEP_BYTES];

	if (s->n == FUZZ_STEPS_MAX)
		return;
	/* Half of them again, as one that is there already. */
	if (s->n > 0 && rng_chance(r, 0.5))
		memcpy(step, s->steps[from], sizeof(step));
	else
		new_step(r, step);
	memmove(s->steps[at + 1], s->steps[at], (s->n - at) * sizeof(step));
	memcpy(s->steps[at], step, sizeof(step));
	s->n++;
}

static void drop(struct rng *r, struct fuzz_steps *s)
{
	unsigned int at;

	if (s->n == 0)
		return;
	at = (unsigned int)rng_below(r, s->n);
	s->n--;
	memmove(s->steps[at], s->steps[at + 1], (s->n - at) * FUZZ_STEP_BYTES);
}

static void exchange(struct rng *r, struct fuzz_steps *s)
{
	uint8_t step[FUZZ_STEP_BYTES], *a, *b;

	if (s->n < 2)
		return;
	a = s->steps[rng_below(r, s->n)];
	b = s->steps[rng_below(r, s->n)];
	memcpy(step, a, sizeof(step));
	memmove(a, b, sizeof(step));
	memcpy(b, step, sizeof(step));
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	struct rng r = { seed };
	struct fuzz_steps s;

	fuzz_steps_read(&s, data, size);
	for (uint64_t k = rng_between(&r, 1, 3); k > 0; k--) {
		switch (rng_below(&r, 12)) {
		case 0:
			bend(&r, s.head, sizeof(s.head));
			break;
		case 1:
		case 2:
		case 3:
			insert(&r, &s);
			break;
		case 4:
			drop(&r, &s);
			break;
		case 5:
			exchange(&r, &s);
			break;
		case 6:
		case 7:
			/* Its dictionary of compared values too. */
			if (s.n > 0 && LLVMFuzzerMutate)
				LLVMFuzzerMutate(s.steps[rng_below(&r, s.n)], FUZZ_STEP_BYTES, FUZZ_STEP_BYTES);
			break;
		default:
			if (s.n > 0)
				bend(&r, s.steps[rng_below(&r, s.n)], FUZZ_STEP_BYTES);
			break;
		}
	}
	return fuzz_steps_write(&s, data, max);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
				 uint8_t *out, size_t max, unsigned int seed)
{
	struct rng r = { seed };
	struct fuzz_steps first, second;
	unsigned int from;

	fuzz_steps_read(&first, a, a_size);
	fuzz_steps_read(&second, b, b_size);
	/* The beginning of one, the end of the other. */
	first.n = (unsigned int)rng_below(&r, first.n + 1u);
	from = (unsigned int)rng_below(&r, second.n + 1u);
	while (from < second.n && first.n < FUZZ_STEPS_MAX)
		memcpy(first.steps[first.n++], second.steps[from++], FUZZ_STEP_BYTES);
	return fuzz_steps_write(&first, out, max);
}
