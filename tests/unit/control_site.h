/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A gateway without a dataplane for tests of control: a folder of its own with two
 * certificates and a configuration, over dataplane_fake.h.
 *
 * Threads: one, which plays the worker's part in RCU too (it isn't a registered
 * reader, so a grace period doesn't wait for it).
 */
#pragma once

#include "control/gateway.h"
#include "dataplane_fake.h"

struct site {
	char folder[128];
	char config[160];
	struct gateway gateway;
};

/* The part of a configuration that all tests need; certificates mail and other are in its store. */
#define SITE_HEAD \
	"workers = 2;\n" \
	"port external { device = net_null0; addresses = [\"192.0.2.10/24\", \"2001:db8:0:1::10/64\"]; }\n" \
	"port internal { device = net_null1; addresses = [\"10.20.0.1/24\", \"fd20::1/64\"]; }\n" \
	"route { to = default; via = 192.0.2.1; }\n" \
	"certificates { directory = certs; }\n"
#define SITE_IMAP \
	"rule imap { protocol = imaps; listen = 192.0.2.10; servers = [\"10.20.0.2\"]; certificate = mail; }\n"

/* Makes the folder and certificates. */
void site_init(struct site *s);
/* Writes @text into a file of the folder; its path, until the next call. */
const char *site_write(struct site *s, const char *name, const char *text);
/* The configuration's text; its path. */
const char *site_configure(struct site *s, const char *text);
/* A new certificate of this name, for @host. */
void site_certificate(struct site *s, const char *name, const char *host, unsigned int days);
/* The same as it was made at another time. */
void site_certificate_made(struct site *s, const char *name, const char *host, unsigned int days, time_t made);
/* Reads the configuration, starts the fake, publishes. */
void site_start(struct site *s);
void site_stop(struct site *s);
/* Removes the folder. */
void site_fini(struct site *s);
