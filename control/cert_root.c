/* SPDX-License-Identifier: GPL-3.0-or-later */
/* postern cert root: the CA's certificate for those who are to trust it, and how they do. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/cert_verbs.h"

static void print_fingerprint(const uint8_t digest[32], FILE *to)
{
	for (unsigned int i = 0; i < 32; i++)
		fprintf(to, "%s%02X", i ? ":" : "", digest[i]);
	fputc('\n', to);
}

/* On stderr, so that the certificate alone goes into a file. */
static void print_how(const struct x509 *x, const uint8_t digest[32])
{
	char name[TLS_CERT_NAME_BYTES], until[32];

	x509_name_format(x->subject, name, sizeof(name));
	cert_date(x->not_after, until);
	fprintf(stderr, "This is the certificate of \"%s\", valid until %s. SHA-256:\n", name, until);
	print_fingerprint(digest, stderr);
	fputs("\n"
	      "Give it to clients as FILE.crt by a way that nobody can tamper with, or read out the\n"
	      "fingerprint. Then, as administrator:\n"
	      "  Debian, Ubuntu   cp FILE.crt /usr/local/share/ca-certificates/ && update-ca-certificates\n"
	      "  Fedora, RHEL     cp FILE.crt /etc/pki/ca-trust/source/anchors/ && update-ca-trust\n"
	      "  Firefox, Thunderbird, Chromium (NSS)\n"
	      "                   certutil -d sql:PROFILE -A -n \"Our CA\" -t C,, -i FILE.crt\n"
	      "  Windows          certutil -addstore Root FILE.crt\n"
	      "  macOS            security add-trusted-cert -d -r trustRoot \\\n"
	      "                     -k /Library/Keychains/System.keychain FILE.crt\n"
	      "  iOS, Android     open FILE.crt (--der), then trust it in the settings\n", stderr);
}

static int print_root(const struct cert_options *o, const struct cert_authority *a, const struct pem_block *b,
		      const struct x509 *x, char *why)
{
	uint8_t digest[32];

	if (tls_sha256(x->whole, digest) != 0) {
		snprintf(why, CERT_WHY_BYTES, "the fingerprint can't be computed");
		return -1;
	}
	if (o->fingerprint) {
		print_fingerprint(digest, stdout);
	} else if (o->der) {
		if (isatty(STDOUT_FILENO)) {
			snprintf(why, CERT_WHY_BYTES, "DER is not for a terminal; send it to a file: postern cert root --der >root.crt");
			return -1;
		}
		fwrite(b->der, 1, b->der_bytes, stdout);
	} else {
		fputs(a->pem, stdout);
		fflush(stdout);
		print_how(x, digest);
	}
	if (fflush(stdout) == 0)
		return 0;
	snprintf(why, CERT_WHY_BYTES, "it can't be written");
	return -1;
}

int cert_root(const struct cert_options *o)
{
	struct pem_block b = { .der = NULL };
	char why[CERT_WHY_BYTES];
	struct cert_authority a;
	struct x509 x;
	int bad;

	bad = cert_authority_open(o, false, &a, why);
	if (!bad)
		bad = tls_pem_cert((struct der){ (uint8_t *)a.pem, a.pem_bytes }, &b, &x, why, sizeof(why));
	if (!bad)
		bad = print_root(o, &a, &b, &x, why);
	pem_block_fini(&b);
	cert_authority_close(&a);
	return bad ? cert_failed("%s", why) : 0;
}
