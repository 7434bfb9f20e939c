/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a session agreed on, in the words of IANA's registries. */
#include "tls/internal.h"

#include <string.h>
#include <strings.h>

/* The library's spelling differs in case and, in 5.7, in the hybrid's name. */
static const struct tls_group *group_by_name(const char *name)
{
	size_t i;

	if (!name)
		return NULL;
	if (strcasecmp(name, "X25519_KYBER768") == 0 || strcasecmp(name, "X25519_ML_KEM_768") == 0)
		name = "X25519MLKEM768";
	for (i = 0; i < tls_groups_count; i++)
		if (strcasecmp(tls_groups[i].name, name) == 0)
			return &tls_groups[i];
	return NULL;
}

const char *tls_session_name(const struct tls_session *s)
{
	return s->sni ? s->sni : "";
}

const struct tls_peer *tls_session_peer(const struct tls_session *s)
{
	return s->peer;
}

bool tls_session_take_info(struct tls_session *s)
{
	unsigned short bytes = 0;
	char *alpn = NULL;

	s->agreed = tls_suite_lookup((uint16_t)wolfSSL_get_current_cipher_suite(s->library));
	s->group = group_by_name(wolfSSL_get_curve_name(s->library));
	s->resumed = wolfSSL_session_reused(s->library) != 0;
	if (wolfSSL_ALPN_GetProtocol(s->library, &alpn, &bytes) != WOLFSSL_SUCCESS || !alpn || bytes == 0)
		return true;
	s->alpn = tls_heap_alloc_zeroed(bytes + 1u);
	if (s->alpn)
		memcpy(s->alpn, alpn, bytes);
	return s->alpn != NULL;
}

void tls_session_info(const struct tls_session *s, struct tls_info *info)
{
	*info = (struct tls_info){ .version = "", .cipher = "", .group = "", .sni = tls_session_name(s), .alpn = "" };
	if (s->ctx->client && s->ctx->server_name)
		info->sni = s->ctx->server_name;
	if (!s->established)
		return;
	info->version = s->suite.tls13 ? "TLSv1.3" : "TLSv1.2";
	info->cipher = s->agreed->iana_name;
	info->group = s->group ? s->group->name : "";
	info->resumed = s->resumed;
	info->peer = s->peer;
	info->strength_bits = s->agreed->bits;
	if (s->group && s->group->bits < info->strength_bits)
		info->strength_bits = s->group->bits;
	if (s->alpn)
		info->alpn = s->alpn;
}
