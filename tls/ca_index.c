/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/ca_index.h"
#include "tls/refuse.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIELDS 6
#define UNKNOWN "unknown"	/* what OpenSSL writes for a file's name */

/* As a certificate has it: "YYMMDDHHMMSSZ" until 2049, "YYYYMMDDHHMMSSZ" from then on. */
static void time_format(time_t at, char text[24])
{
	struct der_writer w;
	struct der whole, body;
	uint8_t buf[32];

	der_writer_init(&w, buf, sizeof(buf));
	tls_ca_put_time(&w, at);
	if (!der_written(&w, &whole) || !der_read(&whole, NULL, &body, NULL))
		body.n = 0;
	snprintf(text, 24, "%.*s", (int)body.n, (const char *)body.p);
}

static bool time_parse(const char *text, time_t *at)
{
	size_t n = strlen(text);
	struct der_writer w;
	struct der whole;
	uint8_t buf[32];

	der_writer_init(&w, buf, sizeof(buf));
	if (n != 13 && n != 15)
		return false;
	der_put_element(&w, n == 13 ? DER_UTC_TIME : DER_GENERALIZED_TIME, (struct der){ (const uint8_t *)text, n });
	return der_written(&w, &whole) && x509_time_read(&whole, at);
}

void tls_serial_format(struct der serial, char text[TLS_SERIAL_TEXT_BYTES])
{
	size_t i;

	while (serial.n > 1 && serial.p[0] == 0) {
		serial.p++;
		serial.n--;
	}
	text[0] = '\0';
	for (i = 0; i < serial.n && i < TLS_SERIAL_MAX_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02X", serial.p[i]);
}

/* The bytes of a serial's text; how many, or 0 when it isn't one. */
static size_t serial_parse(const char *text, uint8_t out[TLS_SERIAL_MAX_BYTES])
{
	char digits[2 * TLS_SERIAL_MAX_BYTES + 1];
	size_t n = 0, i;

	for (; *text; text++) {
		if (*text == ':')
			continue;
		if (!isxdigit((unsigned char)*text) || n == sizeof(digits) - 1)
			return 0;
		digits[n++] = *text;
	}
	digits[n] = '\0';
	if (n == 0 || n % 2)
		return 0;
	for (i = 0; i < n / 2; i++) {
		char pair[3] = { digits[2 * i], digits[2 * i + 1], '\0' };

		out[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return n / 2;
}

static struct tls_issued *index_grow(struct tls_ca_index *index)
{
	struct tls_issued *grown;

	if (index->n % 64 == 0) {
		grown = realloc(index->all, (index->n + 64) * sizeof(*grown));
		if (!grown)
			return NULL;
		index->all = grown;
	}
	memset(&index->all[index->n], 0, sizeof(*grown));
	return &index->all[index->n];
}

/* "150101000000Z,keyCompromise", or without a reason. */
static bool revocation_parse(char *text, struct tls_issued *one)
{
	char *comma = strchr(text, ',');

	if (comma) {
		*comma = '\0';
		if (!tls_reason_parse(comma + 1, &one->reason))
			one->reason = TLS_REASON_UNSPECIFIED;	/* one that only OpenSSL gives */
	}
	return time_parse(text, &one->revoked_at) && one->revoked_at > 0;
}

static int line_parse(char *line, struct tls_ca_index *index)
{
	struct tls_issued *one = index_grow(index);
	char *field[FIELDS], *rest = line;
	uint8_t serial[TLS_SERIAL_MAX_BYTES];
	size_t n;

	if (!one)
		return -ENOMEM;
	for (n = 0; n < FIELDS && rest; n++)
		field[n] = strsep(&rest, "\t");
	if (n < FIELDS || rest || strlen(field[0]) != 1 || !strchr("VRE", field[0][0]) ||
	    !time_parse(field[1], &one->not_after))
		return -EINVAL;
	if ((field[0][0] == 'R') != (*field[2] != '\0') || (*field[2] && !revocation_parse(field[2], one)))
		return -EINVAL;
	n = serial_parse(field[3], serial);
	if (n == 0)
		return -EINVAL;
	tls_serial_format((struct der){ serial, n }, one->serial);
	if (tls_ca_index_lookup(index, one->serial))
		return -EEXIST;
	if (strcmp(field[4], UNKNOWN) != 0 && tls_store_name_valid(field[4]))
		strcpy(one->name, field[4]);
	one->subject = strdup(field[5]);
	if (!one->subject)
		return -ENOMEM;
	index->n++;
	return 0;
}

static int path_of(const char *dir, const char *file, char path[PATH_MAX], char *err, size_t err_bytes)
{
	if (snprintf(path, PATH_MAX, "%s/%s", dir, file) < PATH_MAX)
		return 0;
	return tls_refuse(-ENAMETOOLONG, err, err_bytes, "the path of the folder is too long: %s", dir);
}

int tls_ca_index_load(const char *dir, struct tls_ca_index *index, char *err, size_t err_bytes)
{
	char path[PATH_MAX], *line = NULL;
	size_t size = 0, number = 0;
	ssize_t n;
	FILE *f;
	int bad;

	memset(index, 0, sizeof(*index));
	bad = path_of(dir, TLS_CA_INDEX, path, err, err_bytes);
	if (bad)
		return bad;
	f = fopen(path, "re");
	if (!f)
		return errno == ENOENT ? 0 : tls_refuse(-errno, err, err_bytes, "%s: %s", path, strerror(errno));
	while (!bad && (n = getline(&line, &size, f)) > 0) {
		number++;
		line[strcspn(line, "\n")] = '\0';
		bad = *line ? line_parse(line, index) : 0;
	}
	if (!bad && ferror(f))
		bad = tls_refuse(-EIO, err, err_bytes, "%s can't be read", path);
	else if (bad)
		tls_refuse(bad, err, err_bytes, "%s: line %zu %s", path, number,
		       bad == -ENOMEM ? "finds no memory" : bad == -EEXIST ? "has the serial of another" :
		       "is damaged; restore the file from a backup");
	free(line);
	fclose(f);
	if (bad)
		tls_ca_index_fini(index);
	return bad;
}

void tls_ca_index_fini(struct tls_ca_index *index)
{
	for (size_t i = 0; i < index->n; i++)
		free(index->all[i].subject);
	free(index->all);
	memset(index, 0, sizeof(*index));
}

int tls_ca_index_add(struct tls_ca_index *index, const struct x509 *cert, const char *name, char *err, size_t err_bytes)
{
	struct tls_issued *one = index_grow(index);
	char subject[TLS_CERT_NAME_BYTES];

	if (!one)
		return tls_refuse(-ENOMEM, err, err_bytes, "out of memory");
	if (!tls_store_name_valid(name) && *name)
		return tls_refuse(-EINVAL, err, err_bytes, "\"%s\" can't name a certificate", name);
	tls_serial_format(cert->serial, one->serial);
	if (cert->serial.n > TLS_SERIAL_MAX_BYTES + 1 || tls_ca_index_lookup(index, one->serial))
		return tls_refuse(-EEXIST, err, err_bytes, "the serial number %s is taken already", one->serial);
	strcpy(one->name, name);
	one->not_after = cert->not_after;
	x509_name_format(cert->subject, subject, sizeof(subject));
	one->subject = strdup(subject);
	if (!one->subject)
		return tls_refuse(-ENOMEM, err, err_bytes, "out of memory");
	index->n++;
	return 0;
}

/* A name has several certificates in the course of time, which OpenSSL's tools refuse to read unless they are told. */
static int save_attributes(const char *dir, char *err, size_t err_bytes)
{
	static const char text[] = "unique_subject = no\n";
	char path[PATH_MAX];
	int bad = path_of(dir, TLS_CA_INDEX ".attr", path, err, err_bytes);

	if (bad || access(path, F_OK) == 0)
		return bad;
	return tls_file_replace(path, (struct der){ (const uint8_t *)text, sizeof(text) - 1 }, 0600, err, err_bytes);
}

int tls_ca_index_save(const char *dir, const struct tls_ca_index *index, char *err, size_t err_bytes)
{
	char path[PATH_MAX], until[24], revoked[24], *text = NULL;
	size_t bytes = 0, i;
	FILE *f;
	int bad = path_of(dir, TLS_CA_INDEX, path, err, err_bytes);

	bad = bad ? bad : save_attributes(dir, err, err_bytes);
	if (bad)
		return bad;
	f = open_memstream(&text, &bytes);
	for (i = 0; f && i < index->n; i++) {
		const struct tls_issued *one = &index->all[i];

		time_format(one->not_after, until);
		if (one->revoked_at)
			time_format(one->revoked_at, revoked);
		fprintf(f, "%c\t%s\t%s%s%s\t%s\t%s\t%s\n", one->revoked_at ? 'R' : 'V', until,
			one->revoked_at ? revoked : "", one->revoked_at && one->reason ? "," : "",
			one->revoked_at && one->reason ? tls_reason_name(one->reason) : "", one->serial,
			*one->name ? one->name : UNKNOWN, one->subject);
	}
	if (!f || fclose(f) != 0)
		bad = tls_refuse(-ENOMEM, err, err_bytes, "out of memory");
	else
		bad = tls_file_replace(path, (struct der){ (uint8_t *)text, bytes }, 0600, err, err_bytes);
	free(text);
	return bad;
}

struct tls_issued *tls_ca_index_lookup(const struct tls_ca_index *index, const char *serial)
{
	uint8_t bytes[TLS_SERIAL_MAX_BYTES];
	char text[TLS_SERIAL_TEXT_BYTES];
	size_t n = serial_parse(serial, bytes), i;

	if (n == 0)
		return NULL;
	tls_serial_format((struct der){ bytes, n }, text);
	for (i = 0; i < index->n; i++)
		if (strcmp(index->all[i].serial, text) == 0)
			return &index->all[i];
	return NULL;
}

static int kept_path(const char *dir, const char *serial, char path[PATH_MAX], char *err, size_t err_bytes)
{
	if (snprintf(path, PATH_MAX, "%s/ca/issued/%s.pem", dir, serial) < PATH_MAX)
		return 0;
	return tls_refuse(-ENAMETOOLONG, err, err_bytes, "the path of the folder is too long: %s", dir);
}

int tls_ca_keep(const char *dir, const char *serial, const char *pem, char *err, size_t err_bytes)
{
	char path[PATH_MAX];
	int bad = path_of(dir, "ca/issued", path, err, err_bytes);

	if (!bad && mkdir(path, 0755) == 0)
		tls_folder_sync_of(path);
	else if (!bad && errno != EEXIST)
		bad = tls_refuse(-errno, err, err_bytes, "can't make the folder %s: %s", path, strerror(errno));
	if (!bad)
		bad = kept_path(dir, serial, path, err, err_bytes);
	return bad ? bad : tls_file_replace(path, (struct der){ (const uint8_t *)pem, strlen(pem) }, 0644, err, err_bytes);
}

char *tls_ca_kept(const char *dir, const char *serial, size_t *bytes, char *err, size_t err_bytes)
{
	char path[PATH_MAX];

	return kept_path(dir, serial, path, err, err_bytes) == 0 ? tls_file_read(path, bytes, NULL, err, err_bytes) : NULL;
}

int tls_crl_number_next(const char *dir, uint64_t *number, char *err, size_t err_bytes)
{
	char path[PATH_MAX], text[32] = "1", *end = text, *old;
	size_t bytes;
	int n, bad = path_of(dir, "ca/crlnumber", path, err, err_bytes);

	if (bad)
		return bad;
	old = access(path, F_OK) == 0 ? tls_file_read(path, &bytes, NULL, err, err_bytes) : strdup("01\n");
	if (!old)
		return -EIO;
	errno = 0;
	*number = strtoull(old, &end, 16);
	bad = errno || end == old || (*end && *end != '\n') || *number == 0 || *number >= INT64_MAX ? -EINVAL : 0;
	free(old);
	if (bad)
		return tls_refuse(bad, err, err_bytes, "%s doesn't hold a number; write one there, in hexadecimal, that is higher than that of the last list", path);
	/* Taken before it is used, in whole bytes as OpenSSL has it. */
	n = snprintf(text, sizeof(text), "%llX", (unsigned long long)*number + 1);
	n = snprintf(text, sizeof(text), "%s%llX\n", n % 2 ? "0" : "", (unsigned long long)*number + 1);
	return tls_file_replace(path, (struct der){ (uint8_t *)text, (size_t)n }, 0600, err, err_bytes);
}

char *tls_ca_index_crl(const struct tls_ca_index *index, struct der ca_pem, struct tls_key *ca_key, uint64_t number,
		       time_t now, unsigned int days, char *err, size_t err_bytes)
{
	struct tls_revoked *all = calloc(index->n + 1, sizeof(*all));
	uint8_t (*serials)[TLS_SERIAL_MAX_BYTES] = calloc(index->n + 1, sizeof(*serials));
	char *text = NULL;
	size_t n = 0, i;

	if (!all || !serials)
		tls_refuse(-ENOMEM, err, err_bytes, "out of memory");
	for (i = 0; all && serials && i < index->n; i++) {
		const struct tls_issued *one = &index->all[i];

		if (!one->revoked_at)
			continue;
		all[n] = (struct tls_revoked){ .at = one->revoked_at, .reason = one->reason };
		all[n].serial = (struct der){ serials[n], serial_parse(one->serial, serials[n]) };
		n++;
	}
	if (all && serials)
		text = tls_crl_make(ca_pem, ca_key, all, n, number, now, now + (time_t)days * 86400, err, err_bytes);
	free(serials);
	free(all);
	return text;
}
