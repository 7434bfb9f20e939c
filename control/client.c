/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_PATIENCE_S 60

struct client {
	int fd;
	FILE *in;
	json_int_t last_id;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

static int refuse_connection(const char *path, int e, struct error *err)
{
	error_set(err, -e, ERROR_IO, path, "posternd can't be reached: %s", strerror(e));
	switch (e) {
	case ENOENT:
		return error_hint(err, -e, "no posternd runs with this control socket; start it, or name its socket "
				  "with -s or $POSTERN_SOCKET");
	case ECONNREFUSED:
		return error_hint(err, -e, "the socket is there but no posternd listens: it died or is stopping; "
				  "its log says why");
	case EACCES:
		return error_hint(err, -e, "only its owner and group may use the socket: run as root, or have "
				  "control { group = …; } name a group of yours");
	default:
		return -e;
	}
}

struct client *client_open(const char *path, struct error *err)
{
	struct timeval patience = { .tv_sec = ANSWER_PATIENCE_S };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct client *c = calloc(1, sizeof(*c));

	if (c == NULL || strlen(path) >= sizeof(address.sun_path)) {
		error_set(err, -ENAMETOOLONG, ERROR_IO, path, "the socket's path is too long");
		free(c);
		return NULL;
	}
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	memcpy(c->path, address.sun_path, sizeof(c->path));
	c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd >= 0) {
		setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	}
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    (c->in = fdopen(c->fd, "r")) == NULL) {
		refuse_connection(path, errno, err);
		if (c->fd >= 0)
			close(c->fd);
		free(c);
		return NULL;
	}
	return c;
}

void client_close(struct client *c)
{
	if (c == NULL)
		return;
	fclose(c->in);
	free(c);
}

static int send_line(struct client *c, const char *line, struct error *err)
{
	size_t bytes = strlen(line);

	while (bytes > 0) {
		ssize_t n = send(c->fd, line, bytes, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set(err, -errno, ERROR_IO, c->path, "the connection broke: %s", strerror(errno));
		line += n;
		bytes -= (size_t)n;
	}
	return 0;
}

static void copy_text(const json_t *error, const char *key, char *out, size_t out_bytes)
{
	const char *text = json_string_value(json_object_get(error, key));

	snprintf(out, out_bytes, "%s", text != NULL ? text : "");
}

/* The answer's error as ours. */
static int take_refusal(const json_t *answer, struct error *err)
{
	const json_t *error = json_object_get(answer, "error");

	memset(err, 0, sizeof(*err));
	copy_text(error, "code", err->code, sizeof(err->code));
	copy_text(error, "where", err->where, sizeof(err->where));
	copy_text(error, "message", err->message, sizeof(err->message));
	copy_text(error, "hint", err->hint, sizeof(err->hint));
	return -EREMOTEIO;
}

static int receive(struct client *c, json_t **result, struct error *err)
{
	char *line = NULL;
	size_t size = 0;
	json_t *answer, *ok;
	int r = 0;

	errno = 0;
	if (getline(&line, &size, c->in) <= 0) {
		int e = errno == EAGAIN ? ETIMEDOUT : errno != 0 ? errno : ECONNRESET;

		free(line);
		error_set(err, -e, ERROR_IO, c->path, "posternd gave no answer: %s",
			  e == ECONNRESET ? "it closed the connection" : strerror(e));
		return error_hint(err, -e, "its log says more");
	}
	answer = json_loads(line, 0, NULL);
	free(line);
	ok = json_object_get(answer, "ok");
	if (json_is_true(ok)) {
		*result = json_incref(json_object_get(answer, "result"));
	} else if (json_is_false(ok)) {
		r = take_refusal(answer, err);
	} else {
		r = error_set(err, -EPROTO, ERROR_PROTOCOL, c->path, "the answer isn't posternd's");
	}
	json_decref(answer);
	return r;
}

int client_ask(struct client *c, const char *verb, json_t *args, json_t **result, struct error *err)
{
	json_t *request = json_pack("{s:I, s:s, s:o}", "id", ++c->last_id, "verb", verb,
				    "args", args != NULL ? args : json_object());
	char *text = request != NULL ? json_dumps(request, JSON_COMPACT) : NULL, *line = NULL;
	int r;

	json_decref(request);
	if (text == NULL || asprintf(&line, "%s\n", text) < 0) {
		free(text);
		return error_set(err, -EINVAL, ERROR_INVALID, "", "an argument isn't UTF-8 text");
	}
	r = send_line(c, line, err);
	free(line);
	free(text);
	return r != 0 ? r : receive(c, result, err);
}
