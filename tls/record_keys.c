/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Where the keys come from: the library at the end of the handshake, then KeyUpdate. */
#include "tls/record.h"

#include <string.h>

#include <rte_byteorder.h>

#include "dataplane/base/assert.h"
#include "tls/keylog.h"

#define KEY_UPDATE 24u	/* RFC 8446 4.6.3 */

static struct traffic_suite suite_of(const struct tls_suite *agreed)
{
	struct traffic_suite suite = { .tls13 = agreed->version == TLS_VERSION_1_3 };

	suite.kind = agreed->cipher;
	suite.secret_bytes = suite.kind == AEAD_AES_256_GCM ? 48 : 32;	/* with SHA-384, else SHA-256 */
	return suite;
}

/* NULL: nobody who reads the log wants it. */
static const char *key_log_label(int id)
{
	switch (id) {
	case CLIENT_HANDSHAKE_TRAFFIC_SECRET:
		return "CLIENT_HANDSHAKE_TRAFFIC_SECRET";
	case SERVER_HANDSHAKE_TRAFFIC_SECRET:
		return "SERVER_HANDSHAKE_TRAFFIC_SECRET";
	case CLIENT_TRAFFIC_SECRET:
		return "CLIENT_TRAFFIC_SECRET_0";
	case SERVER_TRAFFIC_SECRET:
		return "SERVER_TRAFFIC_SECRET_0";
	default:
		return NULL;
	}
}

static void key_log(WOLFSSL *library, const char *label, const unsigned char *secret, int bytes)
{
	uint8_t client_random[TLS_KEY_LOG_RANDOM_BYTES];

	if (label && bytes > 0 &&
	    wolfSSL_get_client_random(library, client_random, sizeof(client_random)) == sizeof(client_random))
		tls_key_log_write(label, client_random, secret, (size_t)bytes);
}

int record_on_master_secret(WOLFSSL *library, void *secret, int bytes, void *unused)
{
	(void)unused;
	key_log(library, "CLIENT_RANDOM", secret, bytes);
	return 0;
}

int record_on_secret(WOLFSSL *library, int id, const unsigned char *secret, int bytes, void *session)
{
	struct tls_session *s = session;
	bool of_client = id == CLIENT_TRAFFIC_SECRET;

	if (tls_key_log_is_open())
		key_log(library, key_log_label(id), secret, bytes);
	if (!of_client && id != SERVER_TRAFFIC_SECRET)
		return 0;
	ASSERT(bytes > 0 && bytes <= (int)TRAFFIC_SECRET_MAX_BYTES);
	memcpy(of_client == s->ctx->client ? s->writing.secret : s->reading.secret, secret, (size_t)bytes);
	return 0;
}

/*
 * TLS 1.2 with AES-GCM: the library began its explicit nonces at random and counts
 * up, and ours go on behind its last one, that of the Finished message: chosen anew
 * they might meet it (RFC 5288 3). It writes whole records.
 */
void record_on_sent(struct tls_session *s, const uint8_t *data, uint32_t bytes)
{
	uint32_t record;
	uint64_t iv;

	while (bytes >= RECORD_HEADER_BYTES + sizeof(iv)) {
		record = RECORD_HEADER_BYTES + ((uint32_t)data[3] << 8 | data[4]);
		if (record > bytes)
			return;
		if (data[0] == RECORD_HANDSHAKE && record >= RECORD_HEADER_BYTES + sizeof(iv)) {
			memcpy(&iv, data + RECORD_HEADER_BYTES, sizeof(iv));
			s->writing.explicit_iv = rte_be_to_cpu_64(iv);
		}
		data += record;
		bytes -= record;
	}
}

/* The library has the keys at hand: to derive TLS 1.3's once more would cost a thirtieth of the handshake. */
static bool copy_keys(struct tls_session *s)
{
	WOLFSSL *l = s->library;
	const uint8_t *client = wolfSSL_GetClientWriteKey(l), *server = wolfSSL_GetServerWriteKey(l),
		      *client_iv = wolfSSL_GetClientWriteIV(l), *server_iv = wolfSSL_GetServerWriteIV(l);
	bool is_client = s->ctx->client;
	uint32_t key_bytes = aead_key_bytes(s->suite.kind), iv_bytes = traffic_explicit_bytes(s->suite) ? 4 : 12;

	if (!client || !server || !client_iv || !server_iv || wolfSSL_GetKeySize(l) != (int)key_bytes ||
	    wolfSSL_GetIVSize(l) != (int)iv_bytes)
		return false;
	memcpy(s->writing.key, is_client ? client : server, key_bytes);
	memcpy(s->reading.key, is_client ? server : client, key_bytes);
	memcpy(s->writing.iv, is_client ? client_iv : server_iv, iv_bytes);
	memcpy(s->reading.iv, is_client ? server_iv : client_iv, iv_bytes);
	if (!s->suite.tls13)
		s->writing.explicit_iv++;
	return true;
}

static bool take_keys(struct tls_session *s)
{
	word64 sent = 0, received = 0;

	s->suite = suite_of(s->agreed);
	if (!copy_keys(s))
		return false;
	/* What they return says nothing: it is whether the number is 0. */
	wolfSSL_GetSequenceNumber(s->library, &sent);
	wolfSSL_GetPeerSequenceNumber(s->library, &received);
	s->writing.seq = sent;
	s->reading.seq = received;
	return true;
}

bool record_take_over(struct tls_session *s)
{
	if (!tls_session_take_info(s)) {
		tls_session_fail(s, TLS_ERR_MEMORY);
		return false;
	}
	if (!s->agreed || !take_keys(s)) {
		tls_session_fail(s, TLS_ERR_INTERNAL);
		return false;
	}
	if (s->ctx->client && !s->ctx->once) {
		if (ticket_keep(s))
			return true;
		tls_session_fail(s, TLS_ERR_MEMORY);
		return false;
	}
	wolfSSL_free(s->library);
	s->library = NULL;
	return true;
}

bool record_update_keys(struct tls_session *s, bool request)
{
	const uint8_t message[5] = { KEY_UPDATE, 0, 0, 1, request };

	ASSERT(s->suite.tls13);
	if (!record_write_bytes(s, RECORD_HANDSHAKE, message, sizeof(message)))
		return false;
	aead_forget(&tls_worker->aeads, &s->writing);
	if (traffic_keys_update(&s->writing, s->suite))
		return true;
	tls_session_fail(s, TLS_ERR_INTERNAL);
	return false;
}

bool record_peer_updated_keys(struct tls_session *s)
{
	aead_forget(&tls_worker->aeads, &s->reading);
	if (traffic_keys_update(&s->reading, s->suite))
		return true;
	tls_session_fail(s, TLS_ERR_INTERNAL);
	return false;
}

void record_forget(struct tls_session *s)
{
	aead_forget(&tls_worker->aeads, &s->writing);
	aead_forget(&tls_worker->aeads, &s->reading);
}
