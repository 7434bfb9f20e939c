/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/conf.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/text.h"

struct parser {
	const char *p, *end;
	const char *file;
	struct error *err;
	unsigned int line, depth;
};

static int parse_members(struct parser *ps, struct conf *object, char closing);
static int parse_value(struct parser *ps, struct conf *parent, const char *key);

struct conf *conf_add(struct conf *parent, enum conf_type type, const char *key, const char *text, unsigned int line)
{
	struct conf *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->type = type;
	c->line = line;
	c->key = key != NULL ? strdup(key) : NULL;
	c->text = text != NULL ? strdup(text) : NULL;
	if ((key != NULL && c->key == NULL) || (text != NULL && c->text == NULL)) {
		conf_free(c);
		return NULL;
	}
	if (parent != NULL) {
		if (parent->last != NULL)
			parent->last->next = c;
		else
			parent->first = c;
		parent->last = c;
	}
	return c;
}

/* Nesting is bounded by the parsers, so recursion is too. */
void conf_free(struct conf *c)
{
	if (c == NULL)
		return;
	for (struct conf *child = c->first, *next; child != NULL; child = next) {
		next = child->next;
		conf_free(child);
	}
	free(c->key);
	free(c->text);
	free(c);
}

struct conf *conf_lookup(const struct conf *object, const char *key)
{
	for (struct conf *c = object->first; c != NULL; c = c->next) {
		if (c->key != NULL && strcmp(c->key, key) == 0)
			return c;
	}
	return NULL;
}

bool conf_is_scalar(const struct conf *c)
{
	return c->type == CONF_WORD || c->type == CONF_STRING;
}

const char *conf_type_name(enum conf_type type)
{
	static const char *const names[] = { "a section", "a list", "a word", "a string" };

	return names[type];
}

__attribute__((format(printf, 2, 3)))
static int refuse(struct parser *ps, const char *format, ...)
{
	char where[200], message[300];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	snprintf(where, sizeof(where), "%.150s:%u", ps->file, ps->line);
	return error_set(ps->err, -EINVAL, ERROR_INVALID, where, "%s", message);
}

static int no_memory(struct parser *ps)
{
	return error_set(ps->err, -ENOMEM, ERROR_INTERNAL, ps->file, "out of memory");
}

static int skip_comment(struct parser *ps)
{
	unsigned int nested = 0, began = ps->line;

	do {
		if (ps->end - ps->p < 2) {
			ps->line = began;
			return refuse(ps, "a comment begins here and never ends (*/ is missing)");
		}
		if (ps->p[0] == '/' && ps->p[1] == '*') {
			nested++;
			ps->p++;
		} else if (ps->p[0] == '*' && ps->p[1] == '/') {
			nested--;
			ps->p++;
		} else if (ps->p[0] == '\n') {
			ps->line++;
		}
		ps->p++;
	} while (nested > 0);
	return 0;
}

/* Past white space and comments, also over @extra characters. */
static int skip(struct parser *ps, const char *extra)
{
	int r;

	while (ps->p < ps->end) {
		if (*ps->p == '#') {
			while (ps->p < ps->end && *ps->p != '\n')
				ps->p++;
		} else if (*ps->p == '/' && ps->end - ps->p > 1 && ps->p[1] == '*') {
			if ((r = skip_comment(ps)) != 0)
				return r;
		} else if (isspace((unsigned char)*ps->p) || strchr(extra, *ps->p) != NULL) {
			ps->line += *ps->p == '\n';
			ps->p++;
		} else {
			break;
		}
	}
	return 0;
}

static int hex4(const char *p, const char *end, unsigned int *out)
{
	char digits[5] = "", *stop;

	if (end - p < 4)
		return -EINVAL;
	memcpy(digits, p, 4);
	if (strspn(digits, "0123456789abcdefABCDEF") != 4)
		return -EINVAL;
	*out = (unsigned int)strtoul(digits, &stop, 16);
	return 0;
}

/* \uXXXX as UTF-8; surrogates (which JSON uses beyond U+FFFF) aren't needed here and refused. */
static int parse_unicode(struct parser *ps, char *out, size_t *n)
{
	unsigned int c;

	if (hex4(ps->p, ps->end, &c) != 0 || c < 0x20 || (c >= 0xd800 && c < 0xe000))
		return refuse(ps, "\\u needs four hexadecimal digits of a printable character");
	ps->p += 4;
	if (c < 0x80) {
		out[(*n)++] = (char)c;
	} else if (c < 0x800) {
		out[(*n)++] = (char)(0xc0 | c >> 6);
		out[(*n)++] = (char)(0x80 | (c & 0x3f));
	} else {
		out[(*n)++] = (char)(0xe0 | c >> 12);
		out[(*n)++] = (char)(0x80 | (c >> 6 & 0x3f));
		out[(*n)++] = (char)(0x80 | (c & 0x3f));
	}
	return 0;
}

static int parse_escape(struct parser *ps, char *out, size_t *n)
{
	static const char from[] = "\"\\/bfnrt'", to[] = "\"\\/\b\f\n\r\t'";
	const char *at;
	char c;

	if (ps->p >= ps->end)
		return refuse(ps, "the string ends in a backslash");
	c = *ps->p++;
	if (c == 'u')
		return parse_unicode(ps, out, n);
	at = strchr(from, c);
	if (at == NULL)
		return refuse(ps, "unknown escape \\%c in a string", isprint((unsigned char)c) ? c : '?');
	out[(*n)++] = to[at - from];
	return 0;
}

/* At an opening quote. *out is the caller's. */
static int parse_quoted(struct parser *ps, char **out)
{
	char quote = *ps->p++;
	const char *stop = ps->p;
	size_t n = 0;
	int r = 0;

	while (stop < ps->end && *stop != quote)
		stop += *stop == '\\' ? 2 : 1;
	if (stop >= ps->end)
		return refuse(ps, "a string begins here and never ends (%c is missing)", quote);
	*out = malloc((size_t)(stop - ps->p) + 1);
	if (*out == NULL)
		return no_memory(ps);
	while (r == 0 && ps->p < stop) {
		char c = *ps->p++;

		ps->line += c == '\n';
		if (c == '\\')
			r = parse_escape(ps, *out, &n);
		else
			(*out)[n++] = c;
	}
	ps->p = stop + 1;
	(*out)[n] = '\0';
	if (r != 0) {
		free(*out);
		*out = NULL;
	}
	return r;
}

/* Everything up to one of @stops, without trailing white space. */
static int parse_word(struct parser *ps, const char *stops, char **out)
{
	const char *begin = ps->p, *end;

	while (ps->p < ps->end && strchr(stops, *ps->p) == NULL)
		ps->p++;
	for (end = ps->p; end > begin && isspace((unsigned char)end[-1]); end--)
		;
	if (end == begin)
		return refuse(ps, "a value is missing");
	if (*begin == '<' && end - begin > 1 && begin[1] == '<')
		return refuse(ps, "here-documents aren't supported; write a string in quotes");
	*out = strndup(begin, (size_t)(end - begin));
	return *out == NULL ? no_memory(ps) : 0;
}

static int parse_key(struct parser *ps, char **out)
{
	const char *begin = ps->p;

	if (*ps->p == '"' || *ps->p == '\'')
		return parse_quoted(ps, out);
	if (*ps->p == '.')
		return refuse(ps, "macros such as .include aren't supported");
	while (ps->p < ps->end && (isalnum((unsigned char)*ps->p) || strchr("_-.", *ps->p) != NULL))
		ps->p++;
	if (ps->p == begin)
		return refuse(ps, "a key was expected, not '%c'", isprint((unsigned char)*begin) ? *begin : '?');
	*out = strndup(begin, (size_t)(ps->p - begin));
	return *out == NULL ? no_memory(ps) : 0;
}

/* At an opening brace or bracket. NULL: refused. */
static struct conf *parse_opening(struct parser *ps, enum conf_type type, struct conf *parent, const char *key)
{
	struct conf *c = conf_add(parent, type, key, NULL, ps->line);

	if (c == NULL) {
		no_memory(ps);
		return NULL;
	}
	ps->p++;
	if (++ps->depth > CONF_DEPTH_MAX) {
		refuse(ps, "nested deeper than %u levels", CONF_DEPTH_MAX);
		return NULL;
	}
	return c;
}

static int parse_object(struct parser *ps, struct conf *parent, const char *key)
{
	struct conf *c = parse_opening(ps, CONF_OBJECT, parent, key);
	int r = c != NULL ? parse_members(ps, c, '}') : -EINVAL;

	ps->depth--;
	return r;
}

static int parse_list(struct parser *ps, struct conf *parent, const char *key)
{
	unsigned int began = ps->line;
	struct conf *c = parse_opening(ps, CONF_LIST, parent, key);
	int r = c != NULL ? 0 : -EINVAL;

	while (r == 0 && (r = skip(ps, ",;")) == 0 && ps->p < ps->end && *ps->p != ']')
		r = parse_value(ps, c, NULL);
	if (r == 0 && ps->p >= ps->end) {
		ps->line = began;
		r = refuse(ps, "a list begins here and never ends (] is missing)");
	}
	ps->p++;
	ps->depth--;
	return r;
}

/* At the first character of a value. */
static int parse_value(struct parser *ps, struct conf *parent, const char *key)
{
	unsigned int line = ps->line;
	bool quoted = *ps->p == '"' || *ps->p == '\'';
	char *text = NULL;
	int r;

	if (*ps->p == '{')
		return parse_object(ps, parent, key);
	if (*ps->p == '[')
		return parse_list(ps, parent, key);
	r = quoted ? parse_quoted(ps, &text) : parse_word(ps, ",;\n#{}[]\"", &text);
	if (r != 0)
		return r;
	if (conf_add(parent, quoted ? CONF_STRING : CONF_WORD, key, text, line) == NULL)
		r = no_memory(ps);
	free(text);
	return r;
}

/* After a key without = or : it may be a value, or the name of a section. */
static int parse_name_or_value(struct parser *ps, struct conf *parent, const char *key)
{
	struct parser mark = *ps;
	struct conf *section;
	char *name = NULL;
	int r;

	if (*ps->p == '{' || *ps->p == '[')
		return parse_value(ps, parent, key);
	r = *ps->p == '"' || *ps->p == '\'' ? parse_quoted(ps, &name) : parse_word(ps, ",;\n#{}[]\"", &name);
	if (r == 0)
		r = skip(ps, "");
	if (r != 0 || ps->p >= ps->end || *ps->p != '{') {
		free(name);
		*ps = mark;
		return r != 0 ? r : parse_value(ps, parent, key);
	}
	section = conf_add(parent, CONF_OBJECT, key, NULL, mark.line);
	r = section == NULL ? no_memory(ps) : parse_object(ps, section, name);
	free(name);
	return r;
}

static int parse_member(struct parser *ps, struct conf *object)
{
	bool explicit_value;
	char *key = NULL;
	int r = parse_key(ps, &key);

	if (r == 0)
		r = skip(ps, "");
	explicit_value = r == 0 && ps->p < ps->end && (*ps->p == '=' || *ps->p == ':');
	if (explicit_value) {
		ps->p++;
		r = skip(ps, "");
	}
	if (r == 0 && (ps->p >= ps->end || strchr(";,}]", *ps->p) != NULL))
		r = refuse(ps, "\"%.60s\" has no value", key);
	if (r == 0)
		r = explicit_value ? parse_value(ps, object, key) : parse_name_or_value(ps, object, key);
	free(key);
	return r;
}

/* What may follow a value: a separator, the end of the line or of the section. */
static int parse_end_of_member(struct parser *ps, const struct conf *member, char closing)
{
	unsigned int line = ps->line;
	int r = skip(ps, "");

	if (r != 0 || ps->p >= ps->end || *ps->p == ';' || *ps->p == ',' || *ps->p == closing ||
	    ps->line > line || (member != NULL && member->type == CONF_OBJECT))
		return r;
	return refuse(ps, "';' is missing after the value of \"%.60s\"",
		      member != NULL && member->key != NULL ? member->key : "?");
}

/* @closing: '}', or NUL at the top. */
static int parse_members(struct parser *ps, struct conf *object, char closing)
{
	unsigned int began = ps->line;
	int r;

	for (;;) {
		if ((r = skip(ps, ",;")) != 0)
			return r;
		if (ps->p >= ps->end)
			break;
		if (closing != '\0' && *ps->p == closing) {
			ps->p++;
			return 0;
		}
		if ((r = parse_member(ps, object)) != 0 ||
		    (r = parse_end_of_member(ps, object->last, closing)) != 0)
			return r;
	}
	if (closing == '\0')
		return 0;
	ps->line = began;
	return refuse(ps, "a section begins here and never ends (} is missing)");
}

static int check_text(struct parser *ps, const char *text, size_t bytes)
{
	size_t good = text_utf8_prefix(text, bytes);

	if (good == bytes)
		return 0;
	for (size_t i = 0; i < good; i++)
		ps->line += text[i] == '\n';
	return refuse(ps, "not text: byte 0x%02x (the file must be UTF-8)", (unsigned char)text[good]);
}

struct conf *conf_parse(const char *text, size_t bytes, const char *file, struct error *err)
{
	struct parser ps = { .p = text, .end = text + bytes, .file = file, .err = err, .line = 1 };
	struct conf *root = conf_add(NULL, CONF_OBJECT, NULL, NULL, 1);
	int r;

	if (root == NULL) {
		no_memory(&ps);
		return NULL;
	}
	r = check_text(&ps, text, bytes);
	if (r == 0)
		r = skip(&ps, "");
	if (r == 0 && ps.p < ps.end && *ps.p == '{') {	/* plain JSON */
		ps.p++;
		r = parse_members(&ps, root, '}');
		if (r == 0)
			r = skip(&ps, ";");
		if (r == 0 && ps.p < ps.end)
			r = refuse(&ps, "text after the last brace");
	} else if (r == 0) {
		r = parse_members(&ps, root, '\0');
	}
	if (r == 0)
		return root;
	conf_free(root);
	return NULL;
}

struct conf *conf_read(const char *file, struct error *err)
{
	struct conf *root;
	size_t bytes;
	char *text;

	if (text_read_file(file, CONF_TEXT_MAX_BYTES, &text, &bytes, err) != 0)
		return NULL;
	root = conf_parse(text, bytes, file, err);
	free(text);
	return root;
}
