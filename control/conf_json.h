/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A JSON value as a configuration tree, so that requests and the configuration
 * file are read by the same code.
 *
 * Threads: any. Ownership: the tree is the caller's (conf_free).
 */
#pragma once

#include <jansson.h>

#include "control/conf.h"

/* NULL with @err: a null, a fraction, nested too deep, or no memory. @where names the value in messages. */
struct conf *conf_from_json(const json_t *value, const char *where, struct error *err);
