/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Certificates (RFC 5280) and certificate requests (RFC 2986) taken apart. What
 * is read is only pointed at; nothing is verified but the form.
 *
 * Threads: any; pure. Ownership: slices borrow from the DER that was parsed.
 */
#pragma once

#include "tls/der.h"

#include <time.h>

enum tls_key_type { TLS_KEY_UNKNOWN, TLS_KEY_RSA, TLS_KEY_P256, TLS_KEY_P384, TLS_KEY_ED25519 };

/* keyUsage bits, in the order of RFC 5280 4.2.1.3 (bit 0 is the highest of the first byte). */
enum { X509_DIGITAL_SIGNATURE = 0x80, X509_KEY_CERT_SIGN = 0x04, X509_CRL_SIGN = 0x02 };

struct x509 {
	struct der whole;		/* the element */
	struct der tbs;			/* what is signed, an element */
	struct der algorithm;		/* of the signature: the AlgorithmIdentifier, an element */
	struct der signature;		/* bytes of the BIT STRING */
	struct der serial;		/* bytes of the INTEGER; certificates only */
	struct der issuer, subject;	/* Name elements; a request has no issuer */
	time_t not_before, not_after;	/* certificates only */
	struct der spki;		/* SubjectPublicKeyInfo, an element */
	enum tls_key_type key_type;
	unsigned int key_bits;
	struct der alt_names;		/* GeneralNames element, or empty */
	struct der key_id;		/* subjectKeyIdentifier's bytes, or empty */
	bool has_basic, ca;		/* basicConstraints */
	bool has_usage;
	uint8_t usage;
	bool has_extended_usage, server_auth, client_auth;	/* each also by any */
	bool ocsp_signing;		/* RFC 6960 4.2.2.2; not by any */
	bool must_staple;		/* a TLS feature, RFC 7633 */
	struct der ocsp_url;		/* the first of authorityInfoAccess, or empty */
	struct der constraints;		/* NameConstraints element, or empty */
};

/* 0, or -EINVAL with *why, a phrase such as "its subject is malformed". */
int x509_parse(struct der whole, struct x509 *out, const char **why);
int x509_request_parse(struct der whole, struct x509 *out, const char **why);
/* Extensions as an element that the reader knows none of. False: malformed, or with a critical one. */
bool x509_extensions_ignorable(struct der in);
/* Type and size of the key in a SubjectPublicKeyInfo element. False: malformed; an unknown type is TLS_KEY_UNKNOWN. */
bool x509_key_info(struct der spki, enum tls_key_type *type, unsigned int *bits);

/* UTCTime or GeneralizedTime in the form of RFC 5280 4.1.2.5. False: anything else. */
bool x509_time_read(struct der *in, time_t *out);

/* The last attribute of type @oid as text ("imap.example.test"), cut at @buf_bytes; control characters become '?'. */
bool x509_name_attribute(struct der name, struct der oid, char *buf, size_t buf_bytes);
/* "CN=..., O=...", cut at @buf_bytes. */
void x509_name_format(struct der name, char *buf, size_t buf_bytes);

enum x509_alt_kind { X509_ALT_DNS, X509_ALT_IP, X509_ALT_EMAIL, X509_ALT_OTHER };
/* The next of alt_names: start with *at = alt_names' body (x509_alt_begin). False at the end. */
struct der x509_alt_begin(const struct x509 *x);
bool x509_alt_next(struct der *at, enum x509_alt_kind *kind, struct der *value);
/* Text of an alternative name: "imap.example.test", "192.0.2.1". */
void x509_alt_format(enum x509_alt_kind kind, struct der value, char *buf, size_t buf_bytes);
/* Does the certificate speak for the host @name (RFC 9525 6: alternative names only, * as a whole left-most label)? */
bool x509_names_host(const struct x509 *x, const char *name);

#define X509_OID_CN DER_BYTES("\x55\x04\x03")
#define X509_OID_COUNTRY DER_BYTES("\x55\x04\x06")
#define X509_OID_CITY DER_BYTES("\x55\x04\x07")
#define X509_OID_STATE DER_BYTES("\x55\x04\x08")
#define X509_OID_ORGANISATION DER_BYTES("\x55\x04\x0a")
#define X509_OID_UNIT DER_BYTES("\x55\x04\x0b")
#define X509_OID_EMAIL DER_BYTES("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01")

#define X509_OID_SUBJECT_KEY_ID DER_BYTES("\x55\x1d\x0e")
#define X509_OID_KEY_USAGE DER_BYTES("\x55\x1d\x0f")
#define X509_OID_ALT_NAME DER_BYTES("\x55\x1d\x11")
#define X509_OID_BASIC_CONSTRAINTS DER_BYTES("\x55\x1d\x13")
#define X509_OID_CRL_NUMBER DER_BYTES("\x55\x1d\x14")
#define X509_OID_CRL_REASON DER_BYTES("\x55\x1d\x15")
#define X509_OID_NAME_CONSTRAINTS DER_BYTES("\x55\x1d\x1e")
#define X509_OID_AUTHORITY_KEY_ID DER_BYTES("\x55\x1d\x23")
#define X509_OID_INFO_ACCESS DER_BYTES("\x2b\x06\x01\x05\x05\x07\x01\x01")
#define X509_OID_TLS_FEATURE DER_BYTES("\x2b\x06\x01\x05\x05\x07\x01\x18")
#define X509_OID_OCSP DER_BYTES("\x2b\x06\x01\x05\x05\x07\x30\x01")
#define X509_OID_EXTENDED_KEY_USAGE DER_BYTES("\x55\x1d\x25")
#define X509_OID_SERVER_AUTH DER_BYTES("\x2b\x06\x01\x05\x05\x07\x03\x01")
#define X509_OID_CLIENT_AUTH DER_BYTES("\x2b\x06\x01\x05\x05\x07\x03\x02")
#define X509_OID_OCSP_SIGNING DER_BYTES("\x2b\x06\x01\x05\x05\x07\x03\x09")
#define X509_OID_ANY_USAGE DER_BYTES("\x55\x1d\x25\x00")
#define X509_OID_EXTENSION_REQUEST DER_BYTES("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e")

#define X509_OID_RSA DER_BYTES("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01")
#define X509_OID_EC DER_BYTES("\x2a\x86\x48\xce\x3d\x02\x01")
#define X509_OID_ED25519 DER_BYTES("\x2b\x65\x70")
#define X509_OID_P256 DER_BYTES("\x2a\x86\x48\xce\x3d\x03\x01\x07")
#define X509_OID_P384 DER_BYTES("\x2b\x81\x04\x00\x22")
