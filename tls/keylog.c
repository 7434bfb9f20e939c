/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/keylog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/base/assert.h"

#define LABEL_MAX_BYTES 40u

static int log_fd = -1;

static int refuse(int code, int fd, char *err, size_t err_bytes, const char *path, const char *why)
{
	snprintf(err, err_bytes, "%s: %s", path, why);
	if (fd >= 0)
		close(fd);
	return code;
}

int tls_key_log_open(const char *path, char *err, size_t err_bytes)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat st;

	ASSERT(log_fd < 0);
	if (fd < 0 || fstat(fd, &st) != 0)
		return refuse(-errno, fd, err, err_bytes, path, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_mode & 0077 || st.st_uid != geteuid())
		return refuse(-EPERM, fd, err, err_bytes, path,
			      "secrets are only written to a file that is its owner's alone: remove it, or chmod 600");
	log_fd = fd;
	return 0;
}

void tls_key_log_close(void)
{
	if (log_fd >= 0)
		close(log_fd);
	log_fd = -1;
}

bool tls_key_log_is_open(void)
{
	return log_fd >= 0;
}

static char *put_hex(char *to, const uint8_t *data, size_t bytes)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < bytes; i++) {
		*to++ = digits[data[i] >> 4];
		*to++ = digits[data[i] & 15];
	}
	return to;
}

void tls_key_log_write(const char *label, const uint8_t client_random[TLS_KEY_LOG_RANDOM_BYTES], const uint8_t *secret,
		       size_t secret_bytes)
{
	char line[LABEL_MAX_BYTES + 2 * TLS_KEY_LOG_RANDOM_BYTES + 2 * TLS_KEY_LOG_SECRET_MAX_BYTES + 4], *to;

	ASSERT(strlen(label) < LABEL_MAX_BYTES && secret_bytes <= TLS_KEY_LOG_SECRET_MAX_BYTES);
	to = stpcpy(line, label);
	*to++ = ' ';
	to = put_hex(to, client_random, TLS_KEY_LOG_RANDOM_BYTES);
	*to++ = ' ';
	to = put_hex(to, secret, secret_bytes);
	*to++ = '\n';
	/* A full disk costs the line, not the session. */
	if (write(log_fd, line, (size_t)(to - line)) < 0)
		errno = 0;
	explicit_bzero(line, sizeof(line));
}
