/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Passphrases: from a file or descriptor, or from the terminal without an echo. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "control/cert_verbs.h"

#define SECRET_MIN_BYTES 8u
#define INTERRUPT 3	/* ^C, when the terminal makes no signal of it */

void cert_secret_wipe(struct cert_secret *s)
{
	explicit_bzero(s, sizeof(*s));
}

/* The first line. Byte by byte: what follows may be for somebody else. 0, or -errno. */
static int read_line(int fd, struct cert_secret *out)
{
	ssize_t n;

	for (out->bytes = 0; out->bytes < sizeof(out->text);) {
		n = read(fd, out->text + out->bytes, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0 || out->text[out->bytes] == '\n')
			break;
		if (out->text[out->bytes] == INTERRUPT)
			return -ECANCELED;
		out->bytes++;
	}
	if (out->bytes == sizeof(out->text))
		return -E2BIG;
	if (out->bytes && out->text[out->bytes - 1] == '\r')
		out->bytes--;
	out->text[out->bytes] = '\0';
	return 0;
}

/* "fd:3", or a file's path. */
static int open_source(const char *source, char *why)
{
	struct stat st;
	char *end;
	long number;
	int fd;

	if (strncmp(source, "fd:", 3) == 0) {
		number = strtol(source + 3, &end, 10);
		fd = source[3] && !*end && number >= 0 && number < 65536 ? dup((int)number) : -1;
	} else {
		fd = open(source, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0 || fstat(fd, &st) != 0) {
		snprintf(why, CERT_WHY_BYTES, "the passphrase can't be read from %s: %s", source, strerror(errno));
		return -1;
	}
	if (S_ISREG(st.st_mode) && !tls_key_file_private(source, st.st_mode & 07777, why, CERT_WHY_BYTES)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int from_source(const char *source, struct cert_secret *out, char *why)
{
	int fd = open_source(source, why), bad;

	if (fd < 0)
		return -1;
	bad = read_line(fd, out);
	close(fd);
	if (bad || out->bytes == 0) {
		snprintf(why, CERT_WHY_BYTES, "the passphrase can't be read from %s: %s", source,
			 bad ? strerror(-bad) : "its first line is empty");
		return -1;
	}
	return 0;
}

static int from_terminal(int tty, const char *prompt, struct cert_secret *out)
{
	struct termios before, silent;
	sigset_t ending, mask;
	int bad;

	if (tcgetattr(tty, &before) != 0)
		return -errno;
	/* A signal now would leave the terminal without an echo. */
	sigemptyset(&ending);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGHUP);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGQUIT);
	sigprocmask(SIG_BLOCK, &ending, &mask);
	silent = before;
	silent.c_lflag &= ~(tcflag_t)(ECHO | ISIG);
	silent.c_lflag |= ICANON | ECHONL;
	tcsetattr(tty, TCSAFLUSH, &silent);
	dprintf(tty, "%s: ", prompt);
	bad = read_line(tty, out);
	tcsetattr(tty, TCSAFLUSH, &before);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	return bad;
}

static int ask_twice(int tty, const char *what, struct cert_secret *out, char *why)
{
	struct cert_secret again;
	char prompt[128];
	int bad;

	for (;;) {
		snprintf(prompt, sizeof(prompt), "New passphrase for %s", what);
		bad = from_terminal(tty, prompt, out);
		if (bad)
			break;
		if (out->bytes < SECRET_MIN_BYTES) {
			dprintf(tty, "At least %u characters, please.\n", SECRET_MIN_BYTES);
			continue;
		}
		bad = from_terminal(tty, "The same again", &again);
		if (bad || (again.bytes == out->bytes && memcmp(again.text, out->text, again.bytes) == 0))
			break;
		dprintf(tty, "The two differ; once more.\n");
	}
	cert_secret_wipe(&again);
	if (bad)
		snprintf(why, CERT_WHY_BYTES, "no passphrase was given: %s", strerror(-bad));
	return bad ? -1 : 0;
}

int cert_secret_get(const struct cert_options *o, const char *what, bool anew, struct cert_secret *out, char *why)
{
	char prompt[128];
	int tty, bad;

	if (o->passphrase_file) {
		bad = from_source(o->passphrase_file, out, why);
		if (!bad && anew && out->bytes < SECRET_MIN_BYTES) {
			snprintf(why, CERT_WHY_BYTES, "the passphrase is too short: at least %u characters", SECRET_MIN_BYTES);
			bad = -1;
		}
		return bad;
	}
	tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (tty < 0) {
		snprintf(why, CERT_WHY_BYTES, "%s needs a passphrase, and there is no terminal to ask for it: give it by --passphrase-file FILE (or fd:N)",
			 what);
		return -1;
	}
	if (anew) {
		bad = ask_twice(tty, what, out, why);
	} else {
		snprintf(prompt, sizeof(prompt), "Passphrase for %s", what);
		bad = from_terminal(tty, prompt, out);
		if (bad || out->bytes == 0)
			snprintf(why, CERT_WHY_BYTES, "no passphrase was given%s%s", bad ? ": " : "", bad ? strerror(-bad) : "");
		bad = bad || out->bytes == 0 ? -1 : 0;
	}
	close(tty);
	return bad;
}
