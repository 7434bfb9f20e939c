/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a session agreed on, in the words of IANA's registries. */
#include "tls/internal.h"

#include "tls/strength.h"

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

void tls_session_info(const struct tls_session *s, struct tls_info *info)
{
	const struct tls_suite *suite = NULL;
	const struct tls_group *group = NULL;
	unsigned short bytes = 0;
	char *alpn = NULL;

	*info = (struct tls_info){ .version = "", .cipher = "", .group = "", .sni = s->sni ? s->sni : "", .alpn = "" };
	if (s->ctx->client && s->ctx->server_name)
		info->sni = s->ctx->server_name;
	if (!s->established)
		return;
	info->version = wolfSSL_get_version(s->library);
	suite = tls_suite_lookup((uint16_t)wolfSSL_get_current_cipher_suite(s->library));
	group = group_by_name(wolfSSL_get_curve_name(s->library));
	info->cipher = suite ? suite->iana_name : "";
	info->group = group ? group->name : "";
	info->resumed = wolfSSL_session_reused(s->library) != 0;
	info->strength_bits = suite ? suite->bits : 0;
	if (group && group->bits < info->strength_bits)
		info->strength_bits = group->bits;
	if (wolfSSL_ALPN_GetProtocol(s->library, &alpn, &bytes) == WOLFSSL_SUCCESS && alpn && bytes)
		info->alpn = alpn;
}
