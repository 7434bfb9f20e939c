/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire.h"

#include <stdlib.h>
#include <string.h>

#define ETHER_BYTES 14

void wire_init(struct wire *w, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	w->rng.state = seed;
}

void wire_fini(struct wire *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->heap[i]);
	free(w->heap);
}

void wire_set(struct wire *w, const struct wire_faults *faults, uint64_t now_us)
{
	w->faults = *faults;
	w->free_at_us = now_us;
	w->in_burst = false;
	w->cut = (struct wire_turns){ .rng.state = faults->plan_seed };
	w->slow = (struct wire_turns){ .rng.state = ~faults->plan_seed };
}

/* In which state is it at @now_us? Both begin at @from_us, off for 1 .. 2 * @off_us, then on, and so forth. */
static bool turns_on(struct wire_turns *t, uint64_t from_us, uint64_t off_us, uint64_t on_us, uint64_t now_us)
{
	if (t->until_us == 0)
		t->until_us = from_us + rng_between(&t->rng, 1, 2 * off_us);
	while (t->until_us <= now_us) {
		t->on = !t->on;
		t->until_us += rng_between(&t->rng, 1, 2 * (t->on ? on_us : off_us));
	}
	return t->on;
}

static bool is_cut(struct wire *w, uint64_t now_us)
{
	const struct wire_faults *x = &w->faults;

	return x->cut_every_us > 0 && turns_on(&w->cut, x->plan_us, x->cut_every_us, x->cut_us, now_us);
}

static uint64_t rate_now(struct wire *w, uint64_t now_us)
{
	const struct wire_faults *x = &w->faults;

	if (x->change_us > 0 && turns_on(&w->slow, x->plan_us, x->change_us, x->change_us, now_us))
		return x->slow_bytes_per_s;
	return x->bytes_per_s;
}

static bool before(const struct wire_frame *a, const struct wire_frame *b)
{
	return a->at_us < b->at_us || (a->at_us == b->at_us && a->order < b->order);
}

static void heap_push(struct wire *w, struct wire_frame *f)
{
	size_t i = w->n++;

	if (w->n > w->capacity) {
		w->capacity = w->capacity ? 2 * w->capacity : 64;
		w->heap = realloc(w->heap, w->capacity * sizeof(*w->heap));
		if (!w->heap)
			abort();
	}
	while (i > 0 && before(f, w->heap[(i - 1) / 2])) {
		w->heap[i] = w->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	w->heap[i] = f;
}

static struct wire_frame *heap_pop(struct wire *w)
{
	struct wire_frame *top = w->heap[0], *last = w->heap[--w->n];
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= w->n)
			break;
		if (child + 1 < w->n && before(w->heap[child + 1], w->heap[child]))
			child++;
		if (!before(w->heap[child], last))
			break;
		w->heap[i] = w->heap[child];
		i = child;
	}
	w->heap[i] = last;
	return top;
}

/*
 * Bits behind the Ethernet header of IP packets only: a real link's CRC finds the
 * rest, and a false MAC address in an ARP answer isn't what is tested here.
 */
static void corrupt(struct wire *w, struct wire_frame *f)
{
	bool ip = f->bytes > ETHER_BYTES && ((f->data[12] == 0x08 && f->data[13] == 0x00) || f->data[12] == 0x86);

	if (!ip)
		return;
	w->corrupted++;
	f->data[rng_between(&w->rng, ETHER_BYTES, f->bytes - 1)] ^= (uint8_t)(1u << rng_below(&w->rng, 8));
}

static void deliver(struct wire *w, const uint8_t *data, size_t bytes, uint64_t leaves_us, bool deep)
{
	const struct wire_faults *x = &w->faults;
	struct wire_frame *f = malloc(sizeof(*f) + bytes);

	if (!f)
		abort();
	f->bytes = bytes;
	memcpy(f->data, data, bytes);
	wire_ecn(w, f->data, bytes, deep);
	f->at_us = leaves_us + x->delay_us;
	if (x->jitter_us > 0)
		f->at_us += rng_below(&w->rng, x->jitter_us);
	if (rng_chance(&w->rng, x->reorder)) {
		f->at_us += 1 + rng_below(&w->rng, x->reorder_us + 1);
		w->reordered++;
	}
	if (rng_chance(&w->rng, x->corrupt))
		corrupt(w, f);
	f->order = w->orders++;
	heap_push(w, f);
}

static bool is_lost(struct wire *w)
{
	const struct wire_faults *x = &w->faults;

	if (x->burst_begin > 0) {
		if (w->in_burst)
			w->in_burst = !rng_chance(&w->rng, x->burst_end);
		else
			w->in_burst = rng_chance(&w->rng, x->burst_begin);
		if (w->in_burst)
			return true;
	} else {
		w->in_burst = false;
	}
	return rng_chance(&w->rng, x->loss);
}

void wire_send(struct wire *w, const uint8_t *data, size_t bytes, uint64_t now_us)
{
	const struct wire_faults *x = &w->faults;
	uint64_t leaves_us = now_us, rate = rate_now(w, now_us);
	bool deep = false;

	w->sent++;
	if (is_cut(w, now_us)) {
		w->cut_lost++;
		return;
	}
	if (x->hole_bytes > 0 && bytes > x->hole_bytes && now_us >= x->hole_us) {
		w->hole_lost++;
		return;
	}
	if (rate > 0) {
		uint64_t start = w->free_at_us > now_us ? w->free_at_us : now_us;

		if ((start - now_us) * rate / 1000000 + bytes > x->queue_bytes) {
			w->queue_lost++;
			return;
		}
		deep = x->mark_bytes > 0 && (start - now_us) * rate / 1000000 > x->mark_bytes;
		leaves_us = w->free_at_us = start + bytes * 1000000 / rate;
	}
	if (is_lost(w)) {
		w->lost++;
		return;
	}
	deliver(w, data, bytes, leaves_us, deep);
	if (rng_chance(&w->rng, x->duplicate)) {
		w->duplicated++;
		deliver(w, data, bytes, leaves_us, deep);
	}
}

uint64_t wire_next_us(const struct wire *w)
{
	return w->n > 0 ? w->heap[0]->at_us : UINT64_MAX;
}

struct wire_frame *wire_take(struct wire *w, uint64_t now_us)
{
	return wire_next_us(w) <= now_us ? heap_pop(w) : NULL;
}
