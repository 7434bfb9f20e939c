/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/metrics_server.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "control/error.h"
#include "control/loop.h"
#include "control/metrics.h"
#include "control/request.h"

/* A monitoring system has one connection, or two; the others are mistakes, and must not use up our descriptors. */
#define CONNECTIONS_MAX 16u
#define TIMEOUT_S 10u
/* Per connection, for what it asks and libmicrohttpd's own state. */
#define CONNECTION_BYTES ((size_t)16 << 10)
/* Between looks at who is silent for too long. */
#define PATIENCE_MS 1000u

struct metrics_server {
	struct MHD_Daemon *daemon;
	struct gateway *gateway;
};

static enum MHD_Result answer_text(struct MHD_Connection *c, unsigned int status, const char *text)
{
	struct MHD_Response *r = MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result sent = MHD_NO;

	if (r == NULL)
		return MHD_NO;
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, "text/plain; charset=utf-8");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	sent = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return sent;
}

static enum MHD_Result answer_metrics(struct gateway *g, struct MHD_Connection *c)
{
	json_t *stats = stats_json(g, true);
	size_t bytes;
	char *text = stats != NULL ? metrics_text(stats, &bytes) : NULL;
	struct MHD_Response *r = text != NULL ? MHD_create_response_from_buffer(bytes, text, MHD_RESPMEM_MUST_FREE) : NULL;
	enum MHD_Result sent = MHD_NO;

	json_decref(stats);
	if (r == NULL) {
		free(text);
		return answer_text(c, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory\n");
	}
	MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, METRICS_CONTENT_TYPE);
	sent = MHD_queue_response(c, MHD_HTTP_OK, r);
	MHD_destroy_response(r);
	return sent;
}

static enum MHD_Result on_request(void *server, struct MHD_Connection *c, const char *url, const char *method,
				  const char *version, const char *data, size_t *data_bytes, void **state)
{
	struct metrics_server *m = server;

	(void)version;
	(void)data;
	/* Called before a body is read: whoever sends one is answered, and not listened to. */
	(void)data_bytes;
	(void)state;
	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return answer_text(c, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
	if (strcmp(url, "/metrics") != 0)
		return answer_text(c, MHD_HTTP_NOT_FOUND, "postern's numbers are at /metrics\n");
	return answer_metrics(m->gateway, c);
}

static void on_work(void *server)
{
	MHD_run(((struct metrics_server *)server)->daemon);
}

static socklen_t to_sockaddr(const struct addr *addr, uint16_t port, struct sockaddr_storage *out)
{
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;

	memset(out, 0, sizeof(*out));
	if (addr_is_v4(addr)) {
		*v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port),
					    .sin_addr.s_addr = addr_to_v4(addr) };
		return sizeof(*v4);
	}
	*v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port) };
	memcpy(&v6->sin6_addr, addr->b, sizeof(v6->sin6_addr));
	return sizeof(*v6);
}

static struct MHD_Daemon *start(struct metrics_server *m, const struct addr *addr, uint16_t port)
{
	unsigned int flags = MHD_USE_EPOLL | (addr_is_v4(addr) ? 0 : MHD_USE_IPv6);
	struct sockaddr_storage where;

	to_sockaddr(addr, port, &where);
	return MHD_start_daemon(flags, port, NULL, NULL, on_request, m, MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&where,
				MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT_S,
				MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES,
				MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_END);
}

struct metrics_server *metrics_server_new(struct loop *l, struct gateway *g, const struct addr *addr, uint16_t port,
					  struct error *err)
{
	struct metrics_server *m = calloc(1, sizeof(*m));
	char where[ADDR_TEXT_BYTES + 8];
	int why;

	if (m == NULL) {
		error_set(err, -ENOMEM, ERROR_INTERNAL, "metrics", "out of memory");
		return NULL;
	}
	m->gateway = g;
	errno = 0;
	m->daemon = start(m, addr, port);
	why = errno != 0 ? errno : EIO;
	if (m->daemon != NULL &&
	    loop_readable(l, MHD_get_daemon_info(m->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd, on_work, m) == 0 &&
	    loop_every(l, PATIENCE_MS, on_work, m) == 0)
		return m;
	metrics_server_free(m);
	error_set(err, -why, ERROR_IO, "metrics", "can't listen on %s: %s",
		  endpoint_format(addr, port, where, sizeof(where)), strerror(why));
	error_hint(err, -why, "give listen an address of this host that isn't one of the ports', and a port that is free");
	return NULL;
}

void metrics_server_free(struct metrics_server *m)
{
	if (m == NULL)
		return;
	if (m->daemon != NULL)
		MHD_stop_daemon(m->daemon);
	free(m);
}
