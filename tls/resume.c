/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/resume.h"

#include "dataplane/base/assert.h"
#include "tls/internal.h"

struct tls_resume {
	WOLFSSL_SESSION *library;
};

struct tls_resume *tls_resume_save(struct tls_session *s)
{
	WOLFSSL_SESSION *now = s->library ? wolfSSL_get1_session(s->library) : NULL;
	struct tls_resume *r = NULL;
	uint8_t ticket[4096];
	word32 ticket_bytes = sizeof(ticket);

	ASSERT(s->ctx->client && s->established);
	if (!now)
		return NULL;
	if (wolfSSL_get_SessionTicket(s->library, ticket, &ticket_bytes) == WOLFSSL_SUCCESS && ticket_bytes > 0)
		r = tls_heap_alloc_zeroed(sizeof(*r));
	if (r)
		r->library = wolfSSL_SESSION_dup(now);
	wolfSSL_SESSION_free(now);
	if (!r || r->library)
		return r;
	tls_heap_release(r);
	return NULL;
}

bool tls_resume_use(struct tls_session *s, const struct tls_resume *r)
{
	/* A copy: the session writes its next ticket into the one that it was given. */
	WOLFSSL_SESSION *copy = wolfSSL_SESSION_dup(r->library);
	bool taken;

	ASSERT(s->ctx->client && !s->established);
	taken = copy && wolfSSL_set_session(s->library, copy) == WOLFSSL_SUCCESS;
	wolfSSL_SESSION_free(copy);
	return taken;
}

void tls_resume_free(struct tls_resume *r)
{
	if (!r)
		return;
	wolfSSL_SESSION_free(r->library);
	tls_heap_release(r);
}
