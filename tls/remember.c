/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/remember.h"

#include "tls/internal.h"
#include "tls/record.h"
#include "tls/resume.h"

static struct tls_remembered *place_of(uint64_t key)
{
	return &tls_worker->remembered[(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) % TLS_REMEMBERED_MAX];
}

static uint64_t key_of(const struct tls_session *s, unsigned int server)
{
	return s->ctx->id << 16 | (server + 1);	/* never 0 */
}

void tls_recall(struct tls_session *s, unsigned int server)
{
	const uint64_t key = key_of(s, server);
	struct tls_remembered *place = place_of(key);

	if (place->key == key)
		tls_resume_use(s, place->session);	/* if not: a full handshake */
}

void tls_remember(struct tls_session *s, unsigned int server)
{
	const uint64_t key = key_of(s, server);
	struct tls_remembered *place = place_of(key);
	struct tls_resume *session;

	if (!s->library)
		return;
	session = tls_resume_save(s);
	if (session) {
		tls_resume_free(place->session);
		*place = (struct tls_remembered){ key, session };
	}
	ticket_drop(s);
	wolfSSL_free(s->library);
	s->library = NULL;
}

void tls_remember_nothing(void)
{
	for (unsigned int i = 0; i < TLS_REMEMBERED_MAX; i++) {
		tls_resume_free(tls_worker->remembered[i].session);
		tls_worker->remembered[i] = (struct tls_remembered){ 0 };
	}
}
