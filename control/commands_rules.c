/* SPDX-License-Identifier: GPL-3.0-or-later */
/* postern rules, postern rule … */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/command.h"
#include "control/error.h"
#include "control/table.h"
#include "control/text.h"

static const char *const lists[] = { "servers", "certificate", "names", "allow", "deny", "proxy_from", "ciphers", "groups", NULL };

static const char rule_keys[] =
	"Keys (lists are separated by commas, without spaces):\n"
	"  protocol=imaps|smtps|pop3s      ports 993, 465, 995; inside 143, 587, 110\n"
	"  listen=ADDRESS[:PORT]           an address of the gateway\n"
	"  port=N                          another external port\n"
	"  servers=ADDRESS[:PORT],…        internal servers, used in turn\n"
	"  certificate=NAME,…              see `postern cert list`; several: by the client's SNI and abilities\n"
	"  names=HOST,…                    hosts that the certificates must speak for\n"
	"  sni=any|strict                  a client that asks for another name: the first certificate, or refused\n"
	"  allow=any|NETWORK,…             clients that may connect (default: any)\n"
	"  deny=NETWORK,…                  clients that may not; wins over allow\n"
	"  tls_policy=modern|intermediate|old-clients (default: intermediate); these override it:\n"
	"  tls_min=1.2|1.3, tls_max=1.2|1.3\n"
	"  strength=112|128|192            weakest cryptography, in bits\n"
	"  ciphers=NAME,…, groups=NAME,…   in order of preference; `policy` gives a key back to tls_policy\n"
	"  backend_tls=true|false          TLS with the servers, too, which are verified by\n"
	"  backend_ca=FILE, backend_name=NAME, and backend_tls_min=1.2|1.3\n"
	"  passthrough=true|false          TLS is the servers' own; rules may share a listener then, and\n"
	"                                  names=HOST,…,*.DOMAIN says whose clients are theirs (none: all others')\n"
	"  proxy=off|v1|v2                 tell servers the client's address by the PROXY protocol\n"
	"  proxy_from=NETWORK,…            proxies in front that tell us the client's address so\n"
	"  idle_timeout=30min, handshake_timeout=10s\n"
	"  enabled=true|false\n";

static void print_rules(const json_t *rules)
{
	static const char *const heads[] = { "RULE", "STATE", "LISTEN", "SERVERS", "CERTIFICATE", "TLS", "ALLOW",
					     ">OPEN",
					     ">ACCEPTED", ">REFUSED", ">FAILED", ">FROM", ">TO", "NOTE", NULL };
	struct table *t = table_new(heads);
	char servers[80], certificates[80], allow[40], from[16], to[16];
	size_t i;
	json_t *r;

	json_array_foreach((json_t *)(uintptr_t)rules, i, r) {
		const json_t *c = json_object_get(r, "counts");
		const char *listen = text_of(r, "listen"), *differs = text_of(r, "differs");
		bool v6 = strchr(listen, ':') != NULL;

		table_cell(t, "%s", text_of(r, "name"));
		table_cell(t, "%s", strcmp(differs, "removed") == 0 ? "removed" :
			   json_is_true(json_object_get(r, "enabled")) ? "on" : "off");
		table_cell(t, "%s%s%s:%" JSON_INTEGER_FORMAT, v6 ? "[" : "", listen, v6 ? "]" : "", number_of(r, "port"));
		table_cell(t, "%s", texts_of(r, "servers", servers, sizeof(servers)));
		table_cell(t, "%s", json_is_array(json_object_get(r, "certificate")) ?
			   texts_of(r, "certificate", certificates, sizeof(certificates)) : text_of(r, "certificate"));
		table_cell(t, "%s", json_is_true(json_object_get(r, "passthrough")) ? "passthrough" : text_of(r, "tls_policy"));
		table_cell(t, "%s", texts_of(r, "allow", allow, sizeof(allow)));
		table_cell(t, "%" JSON_INTEGER_FORMAT, number_of(c, "open"));
		table_cell(t, "%" JSON_INTEGER_FORMAT, number_of(c, "accepted"));
		table_cell(t, "%" JSON_INTEGER_FORMAT, number_of(c, "refused"));
		table_cell(t, "%" JSON_INTEGER_FORMAT, number_of(c, "failed"));
		table_cell(t, "%s", table_bytes((uint64_t)number_of(c, "bytes_from_client"), from, sizeof(from)));
		table_cell(t, "%s", table_bytes((uint64_t)number_of(c, "bytes_to_client"), to, sizeof(to)));
		table_cell(t, "%s%s", differs[0] != '\0' ? "configuration: " : "", differs);
	}
	table_print(t, stdout);
}

static enum postern_exit export_rules(const struct invocation *inv)
{
	json_t *result;
	enum postern_exit r = command_ask_plain(inv, "rule.export", &result);

	if (r == POSTERN_OK && result != NULL) {
		fputs(text_of(result, "text"), stdout);
		json_decref(result);
	}
	return r;
}

static enum postern_exit list_rules(const struct invocation *inv)
{
	struct invocation own = *inv;
	enum postern_exit r;
	json_t *result;

	if (command_flag(&own, "--export"))
		return export_rules(&own);
	r = command_nothing_left(&own);
	if (r == POSTERN_OK)
		r = command_ask(inv, "rule.list", inv->json ? NULL : json_pack("{s:b}", "removed", 1), &result);
	if (r == POSTERN_OK && result != NULL) {
		print_rules(result);
		json_decref(result);
	}
	return r;
}

static void print_value(const char *key, const json_t *value)
{
	char buf[2048];

	if (json_is_array(value)) {
		json_t *wrapped = json_pack("{s:O}", "list", value);

		printf("%-20s  %s\n", key, texts_of(wrapped, "list", buf, sizeof(buf)));
		json_decref(wrapped);
	} else if (json_is_object(value)) {
		const char *inner;
		json_t *member;

		json_object_foreach((json_t *)(uintptr_t)value, inner, member)
			print_value(inner, member);
	} else if (json_is_string(value)) {
		printf("%-20s  %s\n", key, json_string_value(value));
	} else if (json_is_integer(value)) {
		printf("%-20s  %" JSON_INTEGER_FORMAT "\n", key, json_integer_value(value));
	} else {
		printf("%-20s  %s\n", key, json_is_true(value) ? "true" : "false");
	}
}

static enum postern_exit show_rule(const struct invocation *inv)
{
	json_t *result;
	enum postern_exit r;

	if (inv->argc != 1)
		return command_usage(inv, "one rule's name is needed");
	r = command_ask(inv, "rule.show", json_pack("{s:s}", "name", inv->argv[0]), &result);
	if (r == POSTERN_OK && result != NULL) {
		print_value("", result);
		json_decref(result);
	}
	return r;
}

/* Says what a change did. */
static enum postern_exit told(enum postern_exit r, const char *what, json_t *result)
{
	if (r != POSTERN_OK || result == NULL)
		return r;
	printf("rule %s: %s", text_of(result, "name"), what);
	if (json_object_get(result, "killed") != NULL)
		printf("; %" JSON_INTEGER_FORMAT " connections ended", number_of(result, "killed"));
	putchar('\n');
	if (text_of(result, "warning")[0] != '\0')
		fprintf(stderr, "postern: warning: %s\n", text_of(result, "warning"));
	json_decref(result);
	return r;
}

static enum postern_exit with_pairs(const struct invocation *inv, const char *verb, const char *what)
{
	json_t *args, *result = NULL;
	enum postern_exit r;

	if (inv->argc < 2)
		return command_usage(inv, "a name and at least one KEY=VALUE are needed");
	args = json_pack("{s:s}", "name", inv->argv[0]);
	if (args == NULL)
		return command_usage(inv, "the name isn't UTF-8 text");
	r = command_pairs(inv, 1, lists, args);
	if (r != POSTERN_OK) {
		json_decref(args);
		return r;
	}
	r = command_ask(inv, verb, args, &result);
	return told(r, what, result);
}

static enum postern_exit add_rule(const struct invocation *inv)
{
	return with_pairs(inv, "rule.add", "added");
}

static enum postern_exit change_rule(const struct invocation *inv)
{
	return with_pairs(inv, "rule.change", "changed");
}

static enum postern_exit by_name(const struct invocation *inv, const char *verb, bool may_now, const char *what)
{
	struct invocation own = *inv;
	bool now = may_now && command_flag(&own, "--now");
	json_t *args, *result = NULL;
	enum postern_exit r;

	if (own.argc != 1)
		return command_usage(inv, "one rule's name is needed");
	args = json_pack("{s:s}", "name", own.argv[0]);
	if (now && args != NULL)
		json_object_set_new(args, "now", json_true());
	r = command_ask(inv, verb, args, &result);
	return told(r, what, result);
}

static enum postern_exit remove_rule(const struct invocation *inv)
{
	return by_name(inv, "rule.remove", true, "removed");
}

static enum postern_exit enable_rule(const struct invocation *inv)
{
	return by_name(inv, "rule.enable", false, "enabled");
}

static enum postern_exit disable_rule(const struct invocation *inv)
{
	return by_name(inv, "rule.disable", true, "disabled");
}

static enum postern_exit apply_rules(const struct invocation *inv)
{
	json_t *changes, *result = NULL;
	json_error_t where;
	enum postern_exit r;

	if (inv->argc != 1)
		return command_usage(inv, "one file is needed (- for standard input)");
	changes = strcmp(inv->argv[0], "-") == 0 ? json_loadf(stdin, JSON_REJECT_DUPLICATES, &where) :
		  json_load_file(inv->argv[0], JSON_REJECT_DUPLICATES, &where);
	if (changes == NULL) {
		fprintf(stderr, "postern: %s:%d: %s\n", inv->argv[0], where.line, where.text);
		return POSTERN_USAGE;
	}
	r = command_ask(inv, "rules.apply", json_pack("{s:o}", "changes", changes), &result);
	if (r == POSTERN_OK && result != NULL) {
		printf("%" JSON_INTEGER_FORMAT " changes applied\n", number_of(result, "changes"));
		json_decref(result);
	}
	return r;
}

const struct command commands_rules[] = {
	{ "rules", "[--export]", "List the rules with their numbers",
	  "FROM and TO count the plain bytes from and to the clients. NOTE says where the rules\n"
	  "differ from the configuration file (unless they live in a rules_file).\n"
	  "  --export  print them as configuration text instead\n", list_rules },
	{ "rule list", "", "The same as `postern rules`", NULL, list_rules },
	{ "rule show", "NAME", "All that a rule says, and its numbers", NULL, show_rule },
	{ "rule add", "NAME KEY=VALUE…", "Publish a server: the rule accepts the next connection", rule_keys, add_rule },
	{ "rule change", "NAME KEY=VALUE…", "Change what is given of a rule; its connections go on", rule_keys, change_rule },
	{ "rule remove", "NAME [--now]", "Remove a rule; its connections go on, or end with --now", NULL, remove_rule },
	{ "rule enable", "NAME", "Accept connections again", NULL, enable_rule },
	{ "rule disable", "NAME [--now]", "Refuse new connections; open ones go on, or end with --now", NULL, disable_rule },
	{ "rules apply", "FILE", "Make many changes at once, all or none",
	  "FILE (- for standard input) holds a JSON list:\n"
	  "  [{\"verb\": \"rule.add\", \"args\": {\"name\": \"imap\", \"protocol\": \"imaps\", …}}, …]\n", apply_rules },
	{ NULL, NULL, NULL, NULL, NULL }
};
