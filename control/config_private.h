/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between config.c and config_network.c: the sections that have names or repeat. Threads: control. */
#pragma once

#include "control/conf.h"
#include "control/config.h"

/* Ports and routes into c->dataplane. 0, or -errno with @err. */
int config_read_network(struct config *c, const struct conf *root, struct error *err);
/* "certificate NAME { chain, key }" into c->certificates. 0, or -errno with @err. */
int config_read_certificates(struct config *c, const struct conf *root, struct error *err);
