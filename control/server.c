/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/server.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/log.h"
#include "control/request.h"

/* No further request is begun while this much of earlier answers waits to be read. */
#define ANSWERS_WAITING_BYTES (256u << 10)
/* How many requests of one client are answered before the others' turn. */
#define TURN_REQUESTS 16u

struct client {
	struct server *server;
	struct bufferevent *bev;
	struct event *more;	/* continues with lines that are here already */
	bool closing;		/* nothing more is answered; ends when all is sent */
	bool eof;		/* it sends no more, but may still read */
	struct client *prev, *next;
};

struct server {
	struct gateway *gateway;
	struct event_base *base;
	struct evconnlistener *listener;
	struct event *resume;	/* accepts again after a failure */
	struct client *clients, *last;	/* the one that asked most recently is first */
	unsigned int n_clients;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	dev_t device;
	ino_t inode;
};

static void list_remove(struct client *c)
{
	struct server *s = c->server;

	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		s->clients = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	else
		s->last = c->prev;
	s->n_clients--;
}

static void list_put_first(struct client *c)
{
	struct server *s = c->server;

	c->prev = NULL;
	c->next = s->clients;
	if (c->next != NULL)
		c->next->prev = c;
	else
		s->last = c;
	s->clients = c;
	s->n_clients++;
}

static void client_free(struct client *c)
{
	list_remove(c);
	event_free(c->more);
	bufferevent_free(c->bev);
	free(c);
}

/* One limit between requests, a shorter one while something is half done. */
static void set_patience(struct client *c)
{
	bool half = evbuffer_get_length(bufferevent_get_input(c->bev)) > 0;
	struct timeval idle = { .tv_sec = half ? SERVER_STUCK_S : SERVER_IDLE_S }, stuck = { .tv_sec = SERVER_STUCK_S };

	bufferevent_set_timeouts(c->bev, &idle, &stuck);
}

/* Ends the client once what was written is sent. */
static void close_after_answer(struct client *c)
{
	struct timeval stuck = { .tv_sec = SERVER_STUCK_S };

	c->closing = true;
	bufferevent_disable(c->bev, EV_READ);
	bufferevent_set_timeouts(c->bev, NULL, &stuck);
}

static void send_text(struct client *c, char *text)
{
	if (text == NULL || bufferevent_write(c->bev, text, strlen(text)) != 0)
		close_after_answer(c);	/* no memory for an answer: better none than half of one */
	free(text);
}

static void refuse_long_line(struct client *c)
{
	struct error err;

	control_counters[CONTROL_TOO_LONG]++;
	error_set(&err, -EMSGSIZE, ERROR_PROTOCOL, "", "the line is longer than %u bytes", SERVER_LINE_MAX_BYTES);
	error_hint(&err, -EMSGSIZE, "split it: rules.apply may be sent in parts");
	send_text(c, request_refusal(&err));
	close_after_answer(c);
}

/* After an EOF, and when all that it asked was answered: ends it, at once or when the answers are sent. */
static void end_if_done(struct client *c)
{
	if (c->eof && !c->closing) {
		if (evbuffer_get_length(bufferevent_get_input(c->bev)) > 0)
			control_counters[CONTROL_LOST]++;	/* half a line */
		close_after_answer(c);
	}
	if (c->closing && evbuffer_get_length(bufferevent_get_output(c->bev)) == 0)
		client_free(c);
}

/* Answers the lines that are there, within bounds. False: the client waits for others' turn, or to read. */
static bool answer_lines(struct client *c)
{
	struct evbuffer *in = bufferevent_get_input(c->bev), *out = bufferevent_get_output(c->bev);

	for (unsigned int turn = 0; !c->closing; turn++) {
		struct evbuffer_ptr end;
		size_t bytes;
		char *line;

		if (evbuffer_get_length(out) > ANSWERS_WAITING_BYTES)
			return false;	/* client_write goes on */
		if (turn == TURN_REQUESTS) {
			event_active(c->more, EV_TIMEOUT, 0);
			return false;
		}
		end = evbuffer_search_eol(in, NULL, NULL, EVBUFFER_EOL_LF);
		if ((end.pos < 0 && evbuffer_get_length(in) > SERVER_LINE_MAX_BYTES) ||
		    end.pos > (ssize_t)SERVER_LINE_MAX_BYTES) {
			refuse_long_line(c);
			break;
		}
		line = end.pos < 0 ? NULL : evbuffer_readln(in, &bytes, EVBUFFER_EOL_LF);
		if (line == NULL)
			break;
		if (bytes > 0 && line[bytes - 1] == '\r')
			bytes--;
		if (bytes > 0)
			send_text(c, request_answer(c->server->gateway, line, bytes));
		free(line);
	}
	return true;
}

/* May free the client. */
static void client_work(struct client *c)
{
	bool all;

	list_remove(c);
	list_put_first(c);
	all = answer_lines(c);
	if (!c->closing && !c->eof)
		set_patience(c);
	else if (all)
		end_if_done(c);
}

static void client_read(struct bufferevent *bev, void *arg)
{
	(void)bev;
	client_work(arg);
}

static void client_more(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	client_work(arg);
}

/* All answers were read. */
static void client_write(struct bufferevent *bev, void *arg)
{
	struct client *c = arg;

	(void)bev;
	if (c->closing)
		client_free(c);
	else if (c->eof || evbuffer_get_length(bufferevent_get_input(c->bev)) > 0)
		client_work(c);
}

static void client_event(struct bufferevent *bev, short what, void *arg)
{
	struct client *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev), *out = bufferevent_get_output(bev);

	if (what & BEV_EVENT_TIMEOUT) {
		control_counters[CONTROL_SLOW]++;
		client_free(c);
		return;
	}
	if ((what & BEV_EVENT_EOF) && !c->closing && (evbuffer_get_length(out) > 0 || evbuffer_get_length(in) > 0)) {
		c->eof = true;	/* it may still read: `printf … | nc -U` does */
		client_work(c);
		return;
	}
	if (evbuffer_get_length(in) > 0 || evbuffer_get_length(out) > 0)
		control_counters[CONTROL_LOST]++;
	client_free(c);
}

/* Whoever asks now comes first: the client that was silent the longest gives way. */
static void make_room(struct server *s)
{
	struct error err;
	char *text;

	if (s->n_clients < SERVER_CLIENTS_MAX)
		return;
	control_counters[CONTROL_TOO_MANY]++;
	error_set(&err, -EBUSY, ERROR_BUSY, "", "there are more than %u control connections, and this one was silent "
		  "the longest", SERVER_CLIENTS_MAX);
	text = request_refusal(&err);
	/* If it has room for the reason; it isn't waited for. */
	if (text != NULL && evbuffer_get_length(bufferevent_get_output(s->last->bev)) == 0 &&
	    send(bufferevent_getfd(s->last->bev), text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		control_counters[CONTROL_LOST]++;
	free(text);
	client_free(s->last);
}

static void accepted(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from, int from_bytes,
		     void *arg)
{
	struct server *s = arg;
	struct client *c;

	(void)listener;
	(void)from;
	(void)from_bytes;
	make_room(s);
	c = calloc(1, sizeof(*c));
	if (c != NULL) {
		c->server = s;
		c->bev = bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE);
		c->more = event_new(s->base, -1, 0, client_more, c);
	}
	if (c == NULL || c->bev == NULL || c->more == NULL) {
		if (c != NULL && c->more != NULL)
			event_free(c->more);
		if (c != NULL && c->bev != NULL)
			bufferevent_free(c->bev);
		else
			evutil_closesocket(fd);
		free(c);
		return;
	}
	list_put_first(c);
	control_counters[CONTROL_CLIENTS]++;
	bufferevent_setcb(c->bev, client_read, client_write, client_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, SERVER_LINE_MAX_BYTES + 2);
	set_patience(c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

/* Too many open files, for example. It would fail again at once, and for ever: it waits a second. */
static void accept_error(struct evconnlistener *listener, void *arg)
{
	struct timeval second = { .tv_sec = 1 };
	struct server *s = arg;

	log_say(LOG_WARNING_LEVEL, "the control socket can't accept: %s",
		evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
	evconnlistener_disable(listener);
	event_add(s->resume, &second);
}

static void accept_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	evconnlistener_enable(((struct server *)arg)->listener);
}

/* Is a posternd behind the socket file? A file that nobody listens on is a dead one's. */
static bool somebody_answers(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool answers;

	if (fd < 0)
		return false;
	answers = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN;
	close(fd);
	return answers;
}

static int remove_dead(const struct sockaddr_un *address, struct error *err)
{
	struct stat st;

	if (lstat(address->sun_path, &st) != 0)
		return 0;
	if (!S_ISSOCK(st.st_mode)) {
		error_set(err, -EEXIST, ERROR_IO, address->sun_path, "there is a file here that is no socket");
		return error_hint(err, -EEXIST, "move it away, or set control { socket = …; } elsewhere");
	}
	if (somebody_answers(address)) {
		error_set(err, -EADDRINUSE, ERROR_IO, address->sun_path, "another posternd answers on this socket");
		return error_hint(err, -EADDRINUSE, "stop it (`postern stop`), or set control { socket = …; } elsewhere");
	}
	unlink(address->sun_path);
	return 0;
}

static int set_owner(const struct server_config *config, struct error *err)
{
	struct group *group;

	if (config->group[0] != '\0') {
		group = getgrnam(config->group);
		if (group == NULL) {
			error_set(err, -ENOENT, ERROR_INVALID, "control: group", "there is no group %s", config->group);
			return error_hint(err, -ENOENT, "make it: addgroup --system %s", config->group);
		}
		if (chown(config->path, (uid_t)-1, group->gr_gid) != 0)
			return error_set(err, -errno, ERROR_IO, config->path, "can't be given to group %s: %s",
					 config->group, strerror(errno));
	}
	if (chmod(config->path, (mode_t)config->mode) != 0)
		return error_set(err, -errno, ERROR_IO, config->path, "mode can't be set: %s", strerror(errno));
	return 0;
}

static int listen_on(const struct server_config *config, struct error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char folder[PATH_MAX];
	mode_t mask;
	int fd, r;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", config->path);
	r = remove_dead(&address, err);
	if (r != 0)
		return r;
	snprintf(folder, sizeof(folder), "%s", config->path);
	if (mkdir(dirname(folder), 0755) != 0 && errno != EEXIST)
		log_say(LOG_DEBUG_LEVEL, "the folder of %s can't be made: %s", config->path, strerror(errno));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	mask = umask(0177);	/* never open to more than meant, not for a moment */
	r = fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ? -errno : 0;
	umask(mask);
	if (r != 0) {
		error_set(err, r, ERROR_IO, config->path, "the control socket can't be made: %s", strerror(-r));
		error_hint(err, r, "its folder must exist and posternd must be allowed to write there");
	} else {
		r = set_owner(config, err);
		if (r != 0)
			unlink(config->path);
	}
	if (r != 0 && fd >= 0)
		close(fd);
	return r != 0 ? r : fd;
}

struct server *server_new(struct event_base *base, struct gateway *g, const struct server_config *config,
			  struct error *err)
{
	struct server *s = calloc(1, sizeof(*s));
	struct stat st;
	int fd;

	if (s == NULL) {
		error_set(err, -ENOMEM, ERROR_INTERNAL, "", "out of memory");
		return NULL;
	}
	fd = listen_on(config, err);
	if (fd < 0) {
		free(s);
		return NULL;
	}
	s->gateway = g;
	s->base = base;
	snprintf(s->path, sizeof(s->path), "%s", config->path);
	if (stat(s->path, &st) == 0) {
		s->device = st.st_dev;
		s->inode = st.st_ino;
	}
	s->resume = event_new(base, -1, 0, accept_again, s);
	s->listener = s->resume == NULL ? NULL :
		      evconnlistener_new(base, accepted, s, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 64, fd);
	if (s->listener == NULL) {
		error_set(err, -EIO, ERROR_IO, config->path, "the control socket can't listen: %s", strerror(errno));
		if (s->resume != NULL)
			event_free(s->resume);
		close(fd);
		unlink(s->path);
		free(s);
		return NULL;
	}
	evconnlistener_set_error_cb(s->listener, accept_error);
	return s;
}

void server_free(struct server *s)
{
	struct stat st;

	if (s == NULL)
		return;
	while (s->clients != NULL)
		client_free(s->clients);
	evconnlistener_free(s->listener);
	event_free(s->resume);
	/* Only our own: a successor may have made its socket here meanwhile. */
	if (lstat(s->path, &st) == 0 && st.st_dev == s->device && st.st_ino == s->inode)
		unlink(s->path);
	free(s);
}

unsigned int server_clients(const struct server *s)
{
	return s->n_clients;
}
