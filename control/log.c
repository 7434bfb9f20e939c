/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/log.h"

#include <fcntl.h>
#include <limits.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control/text.h"

static struct {
	int fd;
	bool json;
	char file[PATH_MAX];
	enum log_level level;
	bool cut;		/* the last line in the file has no end */
	uint64_t lost, lost_said;
} log_state = { .fd = STDERR_FILENO, .level = LOG_INFO_LEVEL };

static uint64_t wall_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int open_file(const char *file, struct error *err)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0640);

	if (fd >= 0)
		return fd;
	fd = -errno;
	error_set(err, fd, ERROR_IO, file, "the log can't be opened: %s", strerror(-fd));
	return error_hint(err, fd, "make its folder, or let posternd write there");
}

int log_open(const char *file, bool json, struct error *err)
{
	int fd = file[0] != '\0' ? open_file(file, err) : STDERR_FILENO;

	if (fd < 0)
		return fd;
	log_close();
	log_state.fd = fd;
	log_state.json = json;
	snprintf(log_state.file, sizeof(log_state.file), "%s", file);
	return 0;
}

int log_reopen(struct error *err)
{
	int fd;

	if (log_state.file[0] == '\0')
		return 0;
	fd = open_file(log_state.file, err);
	if (fd < 0)
		return fd;
	close(log_state.fd);
	log_state.fd = fd;
	log_state.cut = false;
	return 0;
}

void log_close(void)
{
	if (log_state.fd != STDERR_FILENO)
		close(log_state.fd);
	log_state.fd = STDERR_FILENO;
	log_state.file[0] = '\0';
	log_state.json = log_state.cut = false;
}

void log_set_level(enum log_level level)
{
	log_state.level = level;
}

uint64_t log_lost(void)
{
	return log_state.lost;
}

/* A pipe or terminal whose reader stands still must not hold up control: its line is lost, and counted. */
static bool would_block(void)
{
	struct pollfd p = { .fd = log_state.fd, .events = POLLOUT };

	return poll(&p, 1, 0) == 0;
}

/* A line that ends in a newline, in one write where the file takes it whole. */
static bool write_line(const char *line)
{
	size_t bytes = strlen(line), done = 0;

	if (would_block())
		return false;
	if (log_state.cut && write(log_state.fd, "\n", 1) != 1)
		return false;
	log_state.cut = false;
	while (done < bytes) {
		ssize_t n = write(log_state.fd, line + done, bytes - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			log_state.cut = done > 0;
			return false;
		}
		done += (size_t)n;
	}
	return true;
}

static const char *level_name(enum log_level level)
{
	static const char *const names[] = { "error", "warning", "info", "debug" };

	return names[level];
}

static void put(const char *line)
{
	char lost[160], now[TIME_TEXT_BYTES];

	if (log_state.lost != log_state.lost_said) {
		uint64_t n = log_state.lost - log_state.lost_said;

		text_format_time(wall_us(), now, sizeof(now));
		snprintf(lost, sizeof(lost), log_state.json ?
			 "{\"time\":\"%s\",\"kind\":\"message\",\"level\":\"error\","
			 "\"message\":\"%" PRIu64 " log lines could not be written\"}\n" :
			 "%s error: %" PRIu64 " log lines could not be written\n", now, n);
		if (!write_line(lost)) {
			log_state.lost++;
			return;
		}
		log_state.lost_said += n;
	}
	if (!write_line(line))
		log_state.lost++;
}

/* Consumes @o. @first: kind and time come first, where eyes look for them. */
static void put_json(const char *kind, json_t *o)
{
	char now[TIME_TEXT_BYTES];
	json_t *line = json_pack("{s:s, s:s}", "time", text_format_time(wall_us(), now, sizeof(now)), "kind", kind);
	char *text = NULL, *whole = NULL;

	if (line != NULL && o != NULL && json_object_update(line, o) == 0)
		text = json_dumps(line, JSON_COMPACT);
	if (text != NULL && asprintf(&whole, "%s\n", text) >= 0)
		put(whole);
	else
		log_state.lost++;
	free(whole);
	free(text);
	json_decref(line);
	json_decref(o);
}

static void say(enum log_level level, const char *message)
{
	char now[TIME_TEXT_BYTES], line[2048], clean[1800];

	text_clean(message, clean, sizeof(clean));
	if (log_state.json) {
		put_json("message", json_pack("{s:s, s:s}", "level", level_name(level), "message", clean));
		return;
	}
	snprintf(line, sizeof(line), "%s %s: %s\n", text_format_time(wall_us(), now, sizeof(now)),
		 level_name(level), clean);
	put(line);
}

void log_say(enum log_level level, const char *format, ...)
{
	char message[1500];
	va_list args;

	if (level > log_state.level)
		return;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	say(level, message);
}

void log_fatal(const struct error *e)
{
	char text[1300];

	error_format(e, text, sizeof(text));
	say(LOG_ERROR_LEVEL, text);
	if (log_state.fd != STDERR_FILENO)
		fprintf(stderr, "posternd: %s\n", text);
}

/* key=value; a text that a client chose stands in quotes, its quotes and backslashes escaped. */
static void put_text_value(FILE *out, const char *key, const json_t *value)
{
	char *quoted;

	if (json_is_integer(value)) {
		fprintf(out, " %s=%" JSON_INTEGER_FORMAT, key, json_integer_value(value));
	} else if (json_is_boolean(value)) {
		fprintf(out, " %s=%s", key, json_is_true(value) ? "yes" : "no");
	} else if (json_string_length(value) == 0) {
		fprintf(out, " %s=-", key);
	} else if (strpbrk(json_string_value(value), " \"\\=") == NULL) {
		fprintf(out, " %s=%s", key, json_string_value(value));
	} else {
		quoted = json_dumps(value, JSON_ENCODE_ANY);
		fprintf(out, " %s=%s", key, quoted != NULL ? quoted : "?");
		free(quoted);
	}
}

static void put_text_connection(const json_t *o)
{
	char now[TIME_TEXT_BYTES], *line = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&line, &bytes);
	const char *key;
	json_t *value;

	if (out == NULL) {
		log_state.lost++;
		return;
	}
	fprintf(out, "%s connection:", text_format_time(wall_us(), now, sizeof(now)));
	json_object_foreach((json_t *)(uintptr_t)o, key, value)
		put_text_value(out, key, value);
	fputc('\n', out);
	if (fclose(out) == 0)
		put(line);
	else
		log_state.lost++;
	free(line);
}

void log_connection(const struct record_told *told)
{
	json_t *o = record_json(told, false);

	if (o == NULL) {
		log_state.lost++;
	} else if (log_state.json) {
		put_json("connection", o);
	} else {
		put_text_connection(o);
		json_decref(o);
	}
}
