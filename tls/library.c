/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The library's start, once per process, and each worker's state. */
#include "tls/internal.h"

#include "dataplane/base/assert.h"
#include "dataplane/base/lines.h"
#include "tls/selftest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

__thread struct tls_worker *tls_worker;

_Static_assert(_Alignof(struct tls_worker) <= LINE_BYTES, "lines_alloc aligns it");

int tls_init(const char **why)
{
	*why = "";
	if (tls_heap_install() != 0) {
		*why = "the TLS library doesn't accept our memory allocator";
		return -EINVAL;
	}
	if (wolfSSL_Init() != WOLFSSL_SUCCESS) {
		*why = "the TLS library doesn't start";
		return -EIO;
	}
	*why = tls_selftest_answers();
	if (*why)
		return -EIO;
	gcm_wide_init();
	return 0;
}

int tls_worker_init(size_t heap_bytes, struct rte_mempool *mbufs)
{
	struct tls_worker *w;

	ASSERT(!tls_worker && mbufs);
	w = lines_alloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->heap = tls_heap_new(heap_bytes);
	if (!w->heap) {
		free(w);
		return -ENOMEM;
	}
	w->mbufs = mbufs;
	aead_cache_init(&w->aeads);
	tls_heap_enter(w->heap);
	tls_worker = w;
	return 0;
}

void tls_worker_fini(void)
{
	struct tls_worker *w = tls_worker;

	if (!w)
		return;
	tls_remember_nothing();
	tls_worker = NULL;
	tls_heap_enter(NULL);
	tls_heap_free(w->heap);
	aead_cache_fini(&w->aeads);
	explicit_bzero(w, sizeof(*w));
	free(w);
}

size_t tls_worker_heap_used(void)
{
	return tls_worker ? tls_heap_used(tls_worker->heap) : 0;
}

void tls_worker_set_tickets(const struct tls_tickets *tickets)
{
	ASSERT(tls_worker);
	tls_worker->tickets = tickets;
}
