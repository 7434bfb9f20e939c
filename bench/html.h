/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Text into a page. What comes from a file or a command line passes through here and
 * is escaped; markup of our own is written with fputs and fprintf, with nothing but
 * constants and numbers in it. What comes out is HTML and well-formed XML alike, so
 * that any parser can check it.
 *
 * Threads: any, one a stream.
 */
#pragma once

#include <stdio.h>

#include <jansson.h>

/*
 * Between tags or in a quoted attribute. Bytes that aren't UTF-8 and characters that
 * XML doesn't allow become U+FFFD.
 */
void html_text(FILE *out, const char *text);
void html_textf(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* <TAG>text</TAG>, escaped; @tag may have attributes: "td class='n'". */
void html_element(FILE *out, const char *tag, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Any JSON as nested tables; text of several lines as it is. As deep as @depth, then as JSON's text. */
void html_json(FILE *out, const json_t *json, unsigned int depth);
