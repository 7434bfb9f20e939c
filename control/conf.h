/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The configuration's syntax: text becomes a tree that still knows its lines.
 *
 * It is the part of libucl's language that people write by hand: sections in
 * braces, "key = value;" or "key value;" or "key: value", lists in brackets,
 * double-quoted strings with JSON's escapes, comments from # to the end of a line
 * and between slash-star and star-slash (these nest), and therefore also JSON. A
 * section may have a name: rule imap { … } is rule { imap { … } }. Variables,
 * macros (.include) and here-documents are refused with a message. (Debian has no
 * package of libucl: its libucl-dev is a compression library of the same name. And
 * an error that names its line is worth more than the rest of the language.)
 *
 * A request that came as JSON is made into the same tree (conf_json.h), so that a
 * value is read and refused by the same code wherever it comes from.
 *
 * Threads: any. Ownership: the tree is the caller's, until conf_free.
 * Bounds: text CONF_TEXT_MAX_BYTES, nesting CONF_DEPTH_MAX.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "control/error.h"

#define CONF_TEXT_MAX_BYTES (16u << 20)
#define CONF_DEPTH_MAX 16u

enum conf_type {
	CONF_OBJECT,
	CONF_LIST,
	CONF_WORD,	/* a scalar without quotes: number, boolean, text */
	CONF_STRING,	/* a scalar in quotes */
};

struct conf {
	enum conf_type type;
	unsigned int line;	/* 0: not from a file */
	char *key;		/* NULL at the root and in a list */
	char *text;		/* of a scalar */
	struct conf *first, *last;	/* of an object or list */
	struct conf *next;
};

/* NULL with @err; @file is the name for messages. */
struct conf *conf_parse(const char *text, size_t bytes, const char *file, struct error *err);
struct conf *conf_read(const char *file, struct error *err);
void conf_free(struct conf *c);

/* A new node at the end of @parent (may be NULL). NULL: no memory. */
struct conf *conf_add(struct conf *parent, enum conf_type type, const char *key, const char *text, unsigned int line);
/* The first child with that key, or NULL. */
struct conf *conf_lookup(const struct conf *object, const char *key);
bool conf_is_scalar(const struct conf *c);
/* "an object", "a list", "a string", "a word": for messages. */
const char *conf_type_name(enum conf_type type);
