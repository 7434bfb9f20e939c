/* SPDX-License-Identifier: GPL-3.0-or-later */
/* In place of gcm_wide.c where libipsec-mb isn't there to build with. */
#include "tls/gcm_wide.h"

#include "dataplane/base/assert.h"

void gcm_wide_init(void)
{
}

const char *gcm_wide_says(void)
{
	return "built without libipsec-mb";
}

bool gcm_wide_usable(void)
{
	return false;
}

void gcm_wide_set_key(struct gcm_wide_key *key, const uint8_t *bytes, uint32_t key_bytes)
{
	ASSERT(!"used, though not usable");
}

void gcm_wide_seal(const struct gcm_wide_key *key, const uint8_t nonce[12], const uint8_t *aad, uint32_t aad_bytes,
		   uint8_t *text, uint32_t bytes, uint8_t tag[16])
{
	ASSERT(!"used, though not usable");
}

void gcm_wide_open(const struct gcm_wide_key *key, const uint8_t nonce[12], const uint8_t *aad, uint32_t aad_bytes,
		   uint8_t *text, uint32_t bytes, uint8_t tag[16])
{
	ASSERT(!"used, though not usable");
}
