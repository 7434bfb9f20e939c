/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the kernel's transport asks of the system before it opens sockets: network
 * namespaces, enough file descriptors, addresses in the system's form.
 *
 * Threads: any. A namespace is the calling thread's.
 */
#pragma once

#include <stdint.h>
#include <sys/socket.h>

#include "dataplane/base/addr.h"
#include "control/error.h"

/* @a and @port in @out; how many bytes of it. */
socklen_t sockets_address(const struct addr *a, uint16_t port, struct sockaddr_storage *out);

/* *fd names the namespace of `ip netns`, or of a path; -1 when @name is NULL. 0, or -errno with the reason. */
int sockets_open_netns(const char *name, int *fd, struct error *err);
/* Sockets made from now on belong to @netns; -1: stays where it is. */
int sockets_enter_netns(int netns, struct error *err);

/* A socket each, and a few files more. */
int sockets_raise_limit(uint32_t connections, struct error *err);
