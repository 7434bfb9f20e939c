/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/rng.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/settings.h>
#include <wolfssl/wolfcrypt/chacha.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#define KEY_BYTES 32u
#define STRETCH_BYTES 1024u
#define RESEED_BYTES (1024u * 1024)

struct rng {
	uint8_t stream[STRETCH_BYTES];	/* [0, KEY_BYTES): the next key; then output not yet given */
	uint32_t given;			/* bytes of stream that are used up, the key among them */
	uint32_t until_reseed_bytes;
	uint32_t generation;		/* of fork_generation when seeded; 0: never */
};

static __thread struct rng self;
static uint32_t fork_generation = 1;	/* atomic */
static pthread_once_t watch_forks = PTHREAD_ONCE_INIT;

static void in_child(void)
{
	__atomic_add_fetch(&fork_generation, 1, __ATOMIC_RELAXED);
}

static void watch(void)
{
	pthread_atfork(NULL, NULL, in_child);
}

static int stretch(struct rng *r)
{
	static const uint8_t nonce[CHACHA_IV_BYTES];	/* each key is used for one stretch */
	ChaCha cipher;
	int err;

	err = wc_Chacha_SetKey(&cipher, r->stream, KEY_BYTES);
	if (err == 0)
		err = wc_Chacha_SetIV(&cipher, nonce, 0);
	memset(r->stream, 0, sizeof(r->stream));
	if (err == 0)
		err = wc_Chacha_Process(&cipher, r->stream, r->stream, sizeof(r->stream));
	explicit_bzero(&cipher, sizeof(cipher));
	r->given = KEY_BYTES;
	return err;
}

static int reseed(struct rng *r)
{
	uint8_t fresh[KEY_BYTES];
	size_t have = 0;
	ssize_t n;
	uint32_t i;

	pthread_once(&watch_forks, watch);
	while (have < sizeof(fresh)) {
		n = getrandom(fresh + have, sizeof(fresh) - have, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return RNG_FAILURE_E;
		have += (size_t)n;
	}
	for (i = 0; i < KEY_BYTES; i++)
		r->stream[i] ^= fresh[i];
	explicit_bzero(fresh, sizeof(fresh));
	r->generation = __atomic_load_n(&fork_generation, __ATOMIC_RELAXED);
	r->until_reseed_bytes = RESEED_BYTES;
	return stretch(r);
}

int tls_rng_generate(unsigned char *out, unsigned int out_bytes)
{
	struct rng *r = &self;
	uint32_t n;
	int err = 0;

	if (r->generation != __atomic_load_n(&fork_generation, __ATOMIC_RELAXED) || r->until_reseed_bytes == 0)
		err = reseed(r);
	while (err == 0 && out_bytes > 0) {
		if (r->given == STRETCH_BYTES) {
			err = stretch(r);
			continue;
		}
		n = STRETCH_BYTES - r->given;
		if (n > out_bytes)
			n = out_bytes;
		memcpy(out, r->stream + r->given, n);
		explicit_bzero(r->stream + r->given, n);
		r->given += n;
		r->until_reseed_bytes -= n < r->until_reseed_bytes ? n : r->until_reseed_bytes;
		out += n;
		out_bytes -= n;
	}
	return err;
}
