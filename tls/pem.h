/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * PEM, the text form of certificates and keys (RFC 7468): blocks of base64
 * between BEGIN and END lines, anything may stand around them.
 *
 * Threads: any.
 */
#pragma once

#include "tls/der.h"

#define PEM_LABEL_BYTES 32u

struct pem_block {
	char label[PEM_LABEL_BYTES];	/* "CERTIFICATE" */
	uint8_t *der;			/* malloc; pem_block_fini zeroes and frees it */
	size_t der_bytes;
	bool encrypted;			/* the old style: Proc-Type: 4,ENCRYPTED (der is NULL then) */
};

enum pem_result { PEM_BLOCK, PEM_END, PEM_BAD, PEM_NO_MEMORY };

/* The next block of *text (which moves behind it). PEM_BAD: a BEGIN without its END, or not base64. */
enum pem_result pem_next(struct der *text, struct pem_block *out);
void pem_block_fini(struct pem_block *b);

/* The text of @der under @label, NUL-terminated, to be freed; NULL: no memory. */
char *pem_encode(const char *label, struct der der);
