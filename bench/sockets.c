/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

socklen_t sockets_address(const struct addr *a, uint16_t port, struct sockaddr_storage *out)
{
	memset(out, 0, sizeof(*out));
	if (addr_is_v4(a)) {
		struct sockaddr_in *in = (struct sockaddr_in *)out;

		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		in->sin_addr.s_addr = addr_to_v4(a);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, a->b, sizeof(a->b));
	return sizeof(*in6);
}

int sockets_enter_netns(int netns, struct error *err)
{
	if (netns < 0 || setns(netns, CLONE_NEWNET) == 0)
		return 0;
	return error_set(err, -errno, ERROR_IO, "namespaces", "can't enter it: %s (run as root)", strerror(errno));
}

int sockets_open_netns(const char *name, int *fd, struct error *err)
{
	char path[256];

	*fd = -1;
	if (!name)
		return 0;
	snprintf(path, sizeof(path), "%s%s", name[0] == '/' ? "" : "/run/netns/", name);
	*fd = open(path, O_RDONLY | O_CLOEXEC);
	if (*fd >= 0)
		return 0;
	return error_set(err, -errno, ERROR_NOT_FOUND, name, "there is no such network namespace: %s", strerror(errno));
}

int sockets_raise_limit(uint32_t connections, struct error *err)
{
	struct rlimit limit;
	rlim_t need = (rlim_t)connections + 1024;

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur >= need)
		return 0;
	limit.rlim_cur = need;
	if (limit.rlim_max < need)
		limit.rlim_max = need;
	if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
		return 0;
	return error_set(err, -errno, ERROR_INVALID, "--connections", "%u sockets are more than the system allows: "
			 "raise fs.nr_open or run as root", connections);
}
