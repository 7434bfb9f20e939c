/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "control/conf.h"
#include "control/conf_json.h"

/* The tree on one line: objects {k=…;}, lists [a,b], strings in quotes. */
static void show(const struct conf *c, char *out, size_t bytes)
{
	size_t n = strlen(out);

	if (conf_is_scalar(c)) {
		snprintf(out + n, bytes - n, c->type == CONF_STRING ? "\"%s\"" : "%s", c->text);
		return;
	}
	snprintf(out + n, bytes - n, c->type == CONF_OBJECT ? "{" : "[");
	for (const struct conf *m = c->first; m != NULL; m = m->next) {
		n = strlen(out);
		if (m->key != NULL)
			snprintf(out + n, bytes - n, "%s=", m->key);
		show(m, out, bytes);
		n = strlen(out);
		snprintf(out + n, bytes - n, c->type == CONF_OBJECT ? ";" : ",");
	}
	n = strlen(out);
	snprintf(out + n, bytes - n, c->type == CONF_OBJECT ? "}" : "]");
}

static void good(const char *text, const char *expected)
{
	struct error err = { .message = "" };
	struct conf *c = conf_parse(text, strlen(text), "t", &err);
	char out[4096] = "";

	if (c == NULL)
		fail_msg("refused: %s: %s\n%s", err.where, err.message, text);
	show(c, out, sizeof(out));
	assert_string_equal(out, expected);
	conf_free(c);
}

static void bad(const char *text, const char *where, const char *message)
{
	struct error err = { .message = "" };
	struct conf *c = conf_parse(text, strlen(text), "t", &err);

	if (c != NULL)
		fail_msg("accepted: %s", text);
	assert_string_equal(err.where, where);
	assert_non_null(strstr(err.message, message));
}

static void the_ways_to_write_a_value(void **state)
{
	(void)state;
	good("", "{}");
	good("workers = 2;", "{workers=2;}");
	good("workers 2;", "{workers=2;}");
	good("workers: 2", "{workers=2;}");
	good("a = 1; b = \"x y\", c = two words \n d = 'q';", "{a=1;b=\"x y\";c=two words;d=\"q\";}");
	good("listen = 2001:db8::1; via 192.0.2.1:993;", "{listen=2001:db8::1;via=192.0.2.1:993;}");
	good("device = net_af_packet0,iface=x;", "{device=net_af_packet0;iface=x;}");
	good("device = \"net_af_packet0,iface=x\";", "{device=\"net_af_packet0,iface=x\";}");
	good("\"quoted key\" = 1", "{quoted key=1;}");
	good("s = \"a\\n\\\"\\\\\\u00e9\\u20ac\";", "{s=\"a\n\"\\\xc3\xa9\xe2\x82\xac\";}");
}

static void sections_and_lists(void **state)
{
	(void)state;
	good("memory { a = 1; b = 2 }", "{memory={a=1;b=2;};}");
	good("rule imap { a 1 }\nrule smtp { a 2 }", "{rule={imap={a=1;};};rule={smtp={a=2;};};}");
	good("rule \"im ap\" {}", "{rule={im ap={};};}");
	good("rule { imap { a = 1 } }", "{rule={imap={a=1;};};}");
	good("l = [];", "{l=[];}");
	good("l = [a, \"b\", 3,];", "{l=[a,\"b\",3,];}");
	good("l [\n a\n b\n]", "{l=[a,b,];}");
	good("l = [[a], {b = 1}]", "{l=[[a,],{b=1;},];}");
	good("{\"a\": {\"b\": [1, true]}, \"c\": \"d\"}", "{a={b=[1,true,];};c=\"d\";}");
}

static void comments(void **state)
{
	(void)state;
	good("# one\na = 1; # two\n# three", "{a=1;}");
	good("a = 1 # behind", "{a=1;}");
	good("/* a = 0; /* inner */ b = 0; */ c = 1;", "{c=1;}");
	good("a /* here */ = /* and here */ 1;", "{a=1;}");
	good("a = \"# no comment /* nor this\";", "{a=\"# no comment /* nor this\";}");
}

static void what_is_wrong_is_said_with_its_line(void **state)
{
	(void)state;
	bad("a = 1;\nb = ;", "t:2", "has no value");
	bad("a", "t:1", "has no value");
	bad("a = 1;\n= 2;", "t:2", "a key was expected");
	bad("a {\n b = 1;\n", "t:1", "never ends");
	bad("\nl = [1, 2", "t:2", "never ends");
	bad("\n\ns = \"abc", "t:3", "never ends");
	bad("/* abc\n\n", "t:1", "never ends");
	bad("a = \"x\" b = 2;", "t:1", "';' is missing");
	bad("}", "t:1", "a key was expected");
	bad("s = \"\\q\";", "t:1", "unknown escape");
	bad("s = \"\\u12\";", "t:1", "hexadecimal");
	bad("s = \"\\ud800\";", "t:1", "hexadecimal");
	bad(".include \"x\";", "t:1", "macros");
	bad("a = <<EOD\nx\nEOD\n", "t:1", "here-documents");
	bad("a = 1;\nb = \xff;", "t:2", "not text");
	bad("a = \x01;", "t:1", "not text");
	bad("{\"a\": 1} b", "t:1", "after the last brace");
}

static void nesting_is_bounded(void **state)
{
	char text[8192] = "", *p = text;
	struct error err;

	(void)state;
	p += sprintf(p, "a = ");
	for (unsigned int i = 0; i < 2000; i++)
		*p++ = '[';
	*p = '\0';
	assert_null(conf_parse(text, strlen(text), "t", &err));
	assert_non_null(strstr(err.message, "nested deeper"));
	for (unsigned int i = 0; i < 2000; i++)
		memcpy(text + 2 * i, "a{", 3);
	assert_null(conf_parse(text, strlen(text), "t", &err));
	assert_non_null(strstr(err.message, "nested deeper"));
}

static void json_becomes_the_same_tree(void **state)
{
	json_t *j = json_pack("{s:s, s:i, s:b, s:[s,s]}", "a", "x", "b", 7, "c", 1, "d", "y", "z");
	struct error err = { .message = "" };
	struct conf *c = conf_from_json(j, "args", &err);
	char out[256] = "";

	(void)state;
	assert_non_null(c);
	show(c, out, sizeof(out));
	assert_string_equal(out, "{a=\"x\";b=7;c=true;d=[\"y\",\"z\",];}");
	conf_free(c);
	json_decref(j);
	j = json_pack("{s:n}", "a");
	assert_null(conf_from_json(j, "args", &err));
	assert_non_null(strstr(err.message, "null"));
	json_decref(j);
	j = json_pack("{s:[f]}", "a", 1.5);
	assert_null(conf_from_json(j, "args", &err));
	assert_non_null(strstr(err.message, "fraction"));
	json_decref(j);
	j = json_array();
	for (unsigned int i = 0; i < 50; i++)
		j = json_pack("[o]", j);
	assert_null(conf_from_json(j, "args", &err));
	assert_non_null(strstr(err.message, "deep"));
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_ways_to_write_a_value),
		cmocka_unit_test(sections_and_lists),
		cmocka_unit_test(comments),
		cmocka_unit_test(what_is_wrong_is_said_with_its_line),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(json_becomes_the_same_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
