/* SPDX-License-Identifier: GPL-3.0-or-later */
/* postern tickets, and the file of keys that gateways share. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control/command.h"
#include "control/error.h"
#include "control/table.h"
#include "control/text.h"
#include "tls/ticket_file.h"
#include "tls/tls.h"

static enum postern_exit list_tickets(const struct invocation *inv)
{
	static const char *const heads[] = { "KEY", "STATE", "FROM", ">AGE", NULL };
	json_t *result, *k;
	struct table *t;
	enum postern_exit r = command_ask_plain(inv, "tickets", &result);
	char age[16], life[24];
	size_t i;

	if (r != POSTERN_OK || result == NULL)
		return r;
	t = table_new(heads);
	json_array_foreach(json_object_get(result, "keys"), i, k) {
		json_int_t age_s = number_of(k, "age");

		table_cell(t, "%s", text_of(k, "id"));
		table_cell(t, "%s", text_of(k, "state"));
		table_cell(t, "%.19sZ", text_of(k, "from"));
		table_cell(t, "%s%s", age_s < 0 ? "in " : "",
			   table_age((uint64_t)(age_s < 0 ? -age_s : age_s) * 1000000, age, sizeof(age)));
	}
	table_print(t, stdout);
	text_format_duration((uint64_t)number_of(result, "lifetime") * 1000000, life, sizeof(life));
	if (text_of(result, "file")[0] != '\0')
		printf("\nA ticket serves for %s. The keys are those of %s.\n", life, text_of(result, "file"));
	else
		printf("\nA ticket serves for %s. The keys are this gateway's own: they end with it.\n", life);
	json_decref(result);
	return POSTERN_OK;
}

struct roll {
	uint64_t every_us, lifetime_us;
	const char *path;
};

static enum postern_exit failed(const char *path, const char *why)
{
	fprintf(stderr, "postern: %s%s%s\n", path, path[0] != '\0' ? ": " : "", why);
	return POSTERN_REFUSED;
}

static enum postern_exit roll_keys(const struct roll *how, time_t now, struct tls_ticket_key *keys, unsigned int *n)
{
	char why[400];
	int read = 0, r;

	*n = 0;
	if (access(how->path, F_OK) == 0 || errno != ENOENT)
		read = tls_ticket_file_read(how->path, now, keys, why, sizeof(why));
	if (read < 0)
		return failed("", why);
	*n = (unsigned int)read;
	r = tls_ticket_file_roll(keys, n, now, (uint32_t)(how->every_us / 1000000), (uint32_t)(how->lifetime_us / 1000000));
	if (r == -E2BIG)
		return failed(how->path, "it would hold more than 32 keys; let --every be longer, or --lifetime shorter");
	return r == 0 ? POSTERN_OK : failed(how->path, "there are no random numbers for a key");
}

static enum postern_exit write_keys(const char *path, const struct tls_ticket_key *keys, unsigned int n)
{
	char text[TLS_TICKET_FILE_BYTES], why[1300];
	struct error err;
	size_t bytes = tls_ticket_file_write(keys, n, text);
	int r = text_write_file(path, text, bytes, 0600, &err);

	explicit_bzero(text, sizeof(text));
	return r == 0 ? POSTERN_OK : failed("", error_format(&err, why, sizeof(why)));
}

static void tell_keys(const char *path, const struct tls_ticket_key *keys, unsigned int n, time_t now)
{
	struct tls_tickets *t = tls_tickets_of(keys, n, TLS_TICKET_LIFETIME_DEFAULT_S);
	static const char *const texts[] = { "seals from", "seals since", "opens; from" };
	struct tls_ticket_key_info info;
	char from[TIME_TEXT_BYTES];

	if (t == NULL)
		return;
	printf("%s: %u keys\n", path, n);
	for (unsigned int i = 0; i < n; i++) {
		tls_tickets_describe(t, i, now, &info);
		text_format_time((uint64_t)info.from * 1000000, from, sizeof(from));
		printf("  %s  %-11s %.19sZ\n", info.id, texts[info.state], from);
	}
	tls_tickets_free(t);
}

/* A duration of @low_s up to a week; @text NULL: as it is. */
static bool take_time(const char *text, uint64_t low_s, uint64_t *out_us)
{
	return text == NULL || (text_parse_duration(text, out_us) == 0 && *out_us >= low_s * 1000000 &&
				*out_us <= (uint64_t)TLS_TICKETS_LIFETIME_MAX_S * 1000000 && *out_us % 1000000 == 0);
}

static enum postern_exit roll(const struct invocation *inv)
{
	struct roll how = { .every_us = UINT64_C(86400000000), .lifetime_us = UINT64_C(7200000000) };
	struct tls_ticket_key keys[TLS_TICKETS_KEYS_MAX];
	struct invocation own = *inv;
	const char *every = command_option(&own, "--every"), *lifetime = command_option(&own, "--lifetime"), *why;
	time_t now = time(NULL);
	enum postern_exit r;
	unsigned int n;

	if (own.argc != 1)
		return command_usage(&own, "the file's name is needed, and nothing else");
	if (!take_time(every, 60, &how.every_us))
		return command_usage(&own, "--every: a time from 1min to 7d is needed, in whole seconds");
	if (!take_time(lifetime, 60, &how.lifetime_us))
		return command_usage(&own, "--lifetime: a time from 1min to 7d is needed, in whole seconds");
	how.path = own.argv[0];
	if (tls_init(&why) != 0)
		return failed("", why);
	r = roll_keys(&how, now, keys, &n);
	if (r == POSTERN_OK)
		r = write_keys(how.path, keys, n);
	if (r == POSTERN_OK)
		tell_keys(how.path, keys, n, now);
	explicit_bzero(keys, sizeof(keys));
	return r;
}

const struct command commands_tickets[] = {
	{ "tickets", "", "List the keys of session tickets: their names and ages",
	  "A key's name is a part of its hash: the same on every gateway that has the key.\n", list_tickets },
	{ "tickets roll", "FILE [--every TIME] [--lifetime TIME]",
	  "Bring a file of ticket keys up to date: the next key, and no old ones",
	  "Needs no posternd. Makes the file if there is none. Let a timer run it once in --every\n"
	  "and copy the file to all gateways that share it (tickets { keys = FILE; }): a new key has\n"
	  "that long to reach them before it seals.\n\n"
	  "  --every TIME     between one key's beginning and the next's (default 1d)\n"
	  "  --lifetime TIME  tickets.lifetime of the gateways (default 2h): a key that hasn't\n"
	  "                   sealed for so long is dropped\n", roll },
	{ NULL, NULL, NULL, NULL, NULL }
};
