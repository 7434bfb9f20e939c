/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/strength.h"

#include <strings.h>

const struct tls_suite tls_suites[] = {
	{ 0x1301, 0x0304, 128, AEAD_AES_128_GCM, TLS_AUTH_ANY,
	  "TLS13-AES128-GCM-SHA256", "TLS_AES_128_GCM_SHA256" },
	{ 0x1302, 0x0304, 192, AEAD_AES_256_GCM, TLS_AUTH_ANY,
	  "TLS13-AES256-GCM-SHA384", "TLS_AES_256_GCM_SHA384" },
	{ 0x1303, 0x0304, 128, AEAD_CHACHA20_POLY1305, TLS_AUTH_ANY,
	  "TLS13-CHACHA20-POLY1305-SHA256", "TLS_CHACHA20_POLY1305_SHA256" },
	{ 0xc02b, 0x0303, 128, AEAD_AES_128_GCM, TLS_AUTH_ECDSA,
	  "ECDHE-ECDSA-AES128-GCM-SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256" },
	{ 0xc02f, 0x0303, 128, AEAD_AES_128_GCM, TLS_AUTH_RSA,
	  "ECDHE-RSA-AES128-GCM-SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" },
	{ 0xc02c, 0x0303, 192, AEAD_AES_256_GCM, TLS_AUTH_ECDSA,
	  "ECDHE-ECDSA-AES256-GCM-SHA384", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384" },
	{ 0xc030, 0x0303, 192, AEAD_AES_256_GCM, TLS_AUTH_RSA,
	  "ECDHE-RSA-AES256-GCM-SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384" },
	{ 0xcca9, 0x0303, 128, AEAD_CHACHA20_POLY1305, TLS_AUTH_ECDSA,
	  "ECDHE-ECDSA-CHACHA20-POLY1305", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256" },
	{ 0xcca8, 0x0303, 128, AEAD_CHACHA20_POLY1305, TLS_AUTH_RSA,
	  "ECDHE-RSA-CHACHA20-POLY1305", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256" },
};
const size_t tls_suites_count = sizeof(tls_suites) / sizeof(tls_suites[0]);
_Static_assert(sizeof(tls_suites) / sizeof(tls_suites[0]) < TLS_SUITES_MAX, "room for a 0 behind the suites");

/*
 * The hybrid first: traffic recorded today stays closed to a quantum computer of
 * tomorrow, and a client that offers it has already paid for its share. Then
 * X25519, the quickest; P-256 so that a client with nothing else doesn't fail.
 */
const struct tls_group tls_groups[] = {
	{ 0x11ec, 128, "X25519MLKEM768" },
	{ 29, 128, "X25519" },
	{ 23, 128, "secp256r1" },
	{ 24, 192, "secp384r1" },
};
const size_t tls_groups_count = sizeof(tls_groups) / sizeof(tls_groups[0]);
_Static_assert(sizeof(tls_groups) / sizeof(tls_groups[0]) < TLS_GROUPS_MAX, "room for a 0 behind the groups");

const struct tls_suite *tls_suite_lookup(uint16_t id)
{
	size_t i;

	for (i = 0; i < tls_suites_count; i++)
		if (tls_suites[i].id == id)
			return &tls_suites[i];
	return NULL;
}

const struct tls_group *tls_group_lookup(uint16_t id)
{
	size_t i;

	for (i = 0; i < tls_groups_count; i++)
		if (tls_groups[i].id == id)
			return &tls_groups[i];
	return NULL;
}

const struct tls_suite *tls_suite_by_name(const char *name)
{
	size_t i;

	for (i = 0; i < tls_suites_count; i++)
		if (strcasecmp(name, tls_suites[i].iana_name) == 0 || strcasecmp(name, tls_suites[i].library_name) == 0)
			return &tls_suites[i];
	return NULL;
}

const struct tls_group *tls_group_by_name(const char *name)
{
	static const char *const aliases[][2] = {
		{ "P-256", "secp256r1" }, { "prime256v1", "secp256r1" }, { "P-384", "secp384r1" },
	};
	size_t i;

	for (i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (strcasecmp(name, aliases[i][0]) == 0)
			name = aliases[i][1];
	for (i = 0; i < tls_groups_count; i++)
		if (strcasecmp(name, tls_groups[i].name) == 0)
			return &tls_groups[i];
	return NULL;
}

bool tls_strength_known(unsigned int bits)
{
	return bits == TLS_STRENGTH_MIN_BITS || bits == TLS_STRENGTH_DEFAULT_BITS || bits == TLS_STRENGTH_MAX_BITS;
}

unsigned int tls_strength_of_rsa(unsigned int key_bits)
{
	if (key_bits >= 15360)
		return 256;
	if (key_bits >= 7680)
		return 192;
	if (key_bits >= 3072)
		return 128;
	return key_bits >= 2048 ? 112 : 0;
}

unsigned int tls_strength_of_curve(unsigned int key_bits)
{
	if (key_bits >= 512)
		return 256;
	if (key_bits >= 384)
		return 192;
	if (key_bits >= 253)	/* P-256, and Ed25519 with its order of 253 bits */
		return 128;
	return key_bits >= 224 ? 112 : 0;
}
