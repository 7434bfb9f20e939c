/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/error.h"

#include "dataplane/base/assert.h"

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>
#include <wolfssl/error-ssl.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

static const struct {
	const char *name, *text;
} errors[TLS_ERR_COUNT] = {
#define X(id, name, text) [TLS_ERR_##id] = { name, text },
	TLS_ERRORS(X)
#undef X
};

const char *tls_error_name(enum tls_error e)
{
	ASSERT(e < TLS_ERR_COUNT);
	return errors[e].name;
}

const char *tls_error_text(enum tls_error e)
{
	ASSERT(e < TLS_ERR_COUNT);
	return errors[e].text;
}

const char *tls_alert_name(uint8_t alert)
{
	/* IANA's registry of TLS alerts. */
	static const char *const names[] = {
		[0] = "close_notify", [10] = "unexpected_message", [20] = "bad_record_mac", [21] = "decryption_failed",
		[22] = "record_overflow", [30] = "decompression_failure", [40] = "handshake_failure",
		[41] = "no_certificate", [42] = "bad_certificate", [43] = "unsupported_certificate",
		[44] = "certificate_revoked", [45] = "certificate_expired", [46] = "certificate_unknown",
		[47] = "illegal_parameter", [48] = "unknown_ca", [49] = "access_denied", [50] = "decode_error",
		[51] = "decrypt_error", [52] = "too_many_cids_requested", [60] = "export_restriction",
		[70] = "protocol_version", [71] = "insufficient_security", [80] = "internal_error",
		[86] = "inappropriate_fallback", [90] = "user_canceled", [100] = "no_renegotiation",
		[109] = "missing_extension", [110] = "unsupported_extension", [111] = "certificate_unobtainable",
		[112] = "unrecognized_name", [113] = "bad_certificate_status_response",
		[114] = "bad_certificate_hash_value", [115] = "unknown_psk_identity", [116] = "certificate_required",
		[120] = "no_application_protocol", [121] = "ech_required",
	};

	if (alert == TLS_ALERT_NONE)
		return "";
	return alert < sizeof(names) / sizeof(names[0]) && names[alert] ? names[alert] : "unassigned";
}

/* NONE: it isn't about a certificate. */
static enum tls_error of_certificate(int code)
{
	switch (code) {
	case DOMAIN_NAME_MISMATCH:
	case IPADDR_MISMATCH:
		return TLS_ERR_CERTIFICATE_NAME;
	case ASN_NO_SIGNER_E:
	case ASN_SELF_SIGNED_E:
	case ASN_SIG_CONFIRM_E:
		return TLS_ERR_CERTIFICATE_SIGNER;
	case ASN_BEFORE_DATE_E:
	case ASN_AFTER_DATE_E:
		return TLS_ERR_CERTIFICATE_DATES;
	case NO_PEER_CERT:
		return TLS_ERR_NO_CERTIFICATE;
	case CRL_CERT_REVOKED:
	case OCSP_CERT_REVOKED:
		return TLS_ERR_REVOKED;
	case MAX_CHAIN_ERROR:
	case ASN_PATHLEN_SIZE_E:
	case ASN_PATHLEN_INV_E:
		return TLS_ERR_CHAIN;
	case VERIFY_CERT_ERROR:
	case NO_PEER_VERIFY:
	case NOT_CA_ERROR:
	case ASN_PARSE_E:
	case KEYUSE_SIGNATURE_E:
	case EXTKEYUSE_AUTH_E:
	case RSA_KEY_SIZE_E:
	case ECC_KEY_SIZE_E:
	case UNSUPPORTED_CERTIFICATE:
		return TLS_ERR_CERTIFICATE;
	default:
		return TLS_ERR_NONE;
	}
}

enum tls_error tls_error_of_library(int code)
{
	enum tls_error e = of_certificate(code);

	if (e != TLS_ERR_NONE)
		return e;
	switch (code) {
	case UNKNOWN_RECORD_TYPE:
	case LENGTH_ERROR:
	case VERIFY_MAC_ERROR:
	case DECRYPT_ERROR:
	case AES_GCM_AUTH_E:
	case MAC_CMP_FAILED_E:
	case PARSE_ERROR:
	case ALERT_COUNT_E:
	case INPUT_SIZE_E:
	case SEQUENCE_ERROR:
		return TLS_ERR_RECORD;
	case VERSION_ERROR:
	case UNSUPPORTED_PROTO_VERSION:
		return TLS_ERR_VERSION;
	case MATCH_SUITE_ERROR:
	case UNSUPPORTED_SUITE:
	case SUITES_ERROR:
	case KEY_SHARE_ERROR:
	case BAD_KEY_SHARE_DATA:
	case ECC_CURVE_ERROR:
	case ECC_CURVETYPE_ERROR:
		return TLS_ERR_CIPHER;
	case UNKNOWN_ALPN_PROTOCOL_NAME_E:
		return TLS_ERR_ALPN;
	case UNKNOWN_SNI_HOST_NAME_E:
		return TLS_ERR_SNI;
	case FATAL_ERROR:
		return TLS_ERR_ALERT;
	case MEMORY_E:
	case MEMORY_ERROR:
	case MP_MEM:
		return TLS_ERR_MEMORY;
	case BUILD_MSG_ERROR:
	case ENCRYPT_ERROR:
	case NO_PRIVATE_KEY:
	case RSA_PRIVATE_ERROR:
	case ECC_MAKEKEY_ERROR:
	case GETTIME_ERROR:
	case RNG_FAILURE_E:
		return TLS_ERR_INTERNAL;
	default:
		/* What is left is about messages: their form, their order, their signatures. */
		return TLS_ERR_HANDSHAKE;
	}
}

uint8_t tls_error_alert(enum tls_error e)
{
	switch (e) {
	case TLS_ERR_NOT_TLS:
		return 10;	/* unexpected_message: what RFC 8446 5 wants for an unknown record type */
	case TLS_ERR_RECORD:
		return 50;	/* decode_error */
	case TLS_ERR_VERSION:
		return 70;	/* protocol_version */
	case TLS_ERR_CIPHER:
	case TLS_ERR_HANDSHAKE:
	case TLS_ERR_HELLO_TOO_LONG:
		return 40;	/* handshake_failure */
	case TLS_ERR_SNI:
		return 112;	/* unrecognized_name, RFC 6066 3 */
	case TLS_ERR_ALPN:
		return 120;	/* no_application_protocol, RFC 7301 3.2 */
	case TLS_ERR_FALLBACK:
		return 86;	/* inappropriate_fallback, RFC 7507 3 */
	case TLS_ERR_REVOKED:
		return 44;	/* certificate_revoked */
	case TLS_ERR_CRL:
		return 46;	/* certificate_unknown */
	case TLS_ERR_NO_CERTIFICATE:
		return 116;	/* certificate_required */
	case TLS_ERR_CERTIFICATE_DATES:
		return 45;	/* certificate_expired */
	case TLS_ERR_CERTIFICATE_SIGNER:
		return 48;	/* unknown_ca */
	case TLS_ERR_CERTIFICATE:
	case TLS_ERR_CERTIFICATE_NAME:
	case TLS_ERR_CHAIN:
		return 42;	/* bad_certificate */
	default:
		return 80;	/* internal_error */
	}
}
