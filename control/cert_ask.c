/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The questions of `postern cert ca` and `request`: each answer checked when it is given. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/cert_verbs.h"

struct asking {
	struct cert_options *o;
	struct cert_answers *answers;
	size_t used;		/* of the answers' places */
	bool over;		/* no more answers come */
};

/* Why an answer won't do, in @why; NULL: it will. */
typedef const char *checker(struct asking *a, const char *answer, char *why);

bool cert_ask_possible(const struct cert_options *o)
{
	return !o->json && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

/* The next answer, or the default; "" when neither. Stays where the options may point at it. */
static char *ask(struct asking *a, const char *question, const char *preset, checker *check)
{
	char *place = a->answers->text[a->used], why[CERT_WHY_BYTES];
	size_t size = sizeof(a->answers->text[0]), n;
	const char *wrong;

	for (*place = '\0'; !a->over;) {
		printf(*preset ? "%s [%s]: " : "%s: ", question, preset);
		fflush(stdout);
		if (!fgets(place, (int)size, stdin)) {
			putchar('\n');
			*place = '\0';
			a->over = true;
			break;
		}
		n = strcspn(place, "\r\n");
		if (n == size - 1) {	/* the rest of it must not become the next answer */
			for (int c = 0; c != '\n' && c != EOF;)
				c = getchar();
			printf("  That is too long.\n");
			continue;
		}
		place[n] = '\0';
		if (n == 0)
			snprintf(place, size, "%s", preset);
		wrong = check ? check(a, place, why) : NULL;
		if (!wrong)
			break;
		printf("  %s.\n", wrong);
	}
	a->used++;
	return place;
}

static const char *check_subject(struct tls_subject subject, char *why)
{
	uint8_t buf[4096];
	struct der_writer w;

	der_writer_init(&w, buf, sizeof(buf));
	return tls_subject_put_name(&w, &subject, why, CERT_WHY_BYTES) == 0 ? NULL : why;
}

static const char *check_ca_name(struct asking *a, const char *answer, char *why)
{
	(void)a;
	return *answer ? check_subject((struct tls_subject){ .common_name = answer }, why) : "A CA needs a name, such as \"Example CA\"";
}

static const char *check_host(struct asking *a, const char *answer, char *why)
{
	if (a->o->usage == TLS_USAGE_CLIENT)
		return *answer ? check_subject((struct tls_subject){ .common_name = answer }, why) : "Somebody must be named";
	if (!strchr(answer, '.') || !tls_host_name_valid(answer))
		return "That is not a whole host name, such as imap.example.com";
	return check_subject((struct tls_subject){ .common_name = answer }, why);
}

static const char *check_alt(struct asking *a, const char *answer, char *why)
{
	char copy[512], *save, *name;
	const char *one[1];
	uint8_t buf[1024];
	struct der_writer w;

	(void)a;
	snprintf(copy, sizeof(copy), "%s", answer);
	for (name = strtok_r(copy, ", ", &save); name; name = strtok_r(NULL, ", ", &save)) {
		one[0] = name;
		der_writer_init(&w, buf, sizeof(buf));
		if (tls_subject_put_alt_names(&w, &(struct tls_subject){ .alt_names = one, .n_alt_names = 1 }, why, CERT_WHY_BYTES) != 0)
			return why;
	}
	return NULL;
}

static const char *check_permitted(struct asking *a, const char *answer, char *why)
{
	char copy[512], *save, *name;
	const char *one[1];
	uint8_t buf[1024];
	struct der_writer w;

	(void)a;
	snprintf(copy, sizeof(copy), "%s", answer);
	for (name = strtok_r(copy, ", ", &save); name; name = strtok_r(NULL, ", ", &save)) {
		one[0] = name;
		der_writer_init(&w, buf, sizeof(buf));
		if (tls_constraints_put(&w, one, 1, why, CERT_WHY_BYTES) != 0)
			return why;
	}
	return NULL;
}

static const char *check_text(struct asking *a, const char *answer, char *why)
{
	(void)a;
	return check_subject((struct tls_subject){ .organisation = answer }, why);
}

static const char *check_country(struct asking *a, const char *answer, char *why)
{
	(void)a;
	return check_subject((struct tls_subject){ .country = answer }, why);
}

static const char *check_email(struct asking *a, const char *answer, char *why)
{
	(void)a;
	return check_subject((struct tls_subject){ .email = answer }, why);
}

static const char *check_kind(struct asking *a, const char *answer, char *why)
{
	enum tls_key_type type;
	unsigned int bits;

	(void)a;
	(void)why;
	return tls_key_type_parse(answer, &type, &bits) ? NULL : "There are p256, p384, ed25519, rsa2048, rsa3072 and rsa4096";
}

static const char *check_days(struct asking *a, const char *answer, char *why)
{
	char *end;
	unsigned long days = strtoul(answer, &end, 10);

	(void)a;
	(void)why;
	return *answer >= '1' && *answer <= '9' && !*end && days <= TLS_DAYS_MAX ? NULL : "That is not a number of days, 1 to 36500";
}

static const char *check_yes(struct asking *a, const char *answer, char *why)
{
	(void)a;
	(void)why;
	return strcmp(answer, "y") == 0 || strcmp(answer, "n") == 0 ? NULL : "y or n, please";
}

static const char *check_file_name(struct asking *a, const char *answer, char *why)
{
	(void)why;
	if (!tls_store_name_valid(answer))
		return "Letters, digits, '.', '_' and '-', at most 64, please";
	return tls_store_has(a->o->dir, answer, TLS_STORE_KEY) && !a->o->force && !a->o->reuse_key ?
		       "A key of that name is there already" : NULL;
}

static void ask_unless(struct asking *a, const char **what, const char *question, const char *preset, checker *check)
{
	char *answer;

	if (*what)
		return;
	answer = ask(a, question, preset, check);
	if (*answer)
		*what = answer;
}

static void split(char *text, const char **names, size_t *n, size_t most)
{
	char *save, *name;

	for (name = strtok_r(text, ", ", &save); name && *n < most; name = strtok_r(NULL, ", ", &save))
		names[(*n)++] = name;
}

static void ask_ca(struct asking *a)
{
	struct cert_options *o = a->o;

	ask_unless(a, &o->common_name, "Name of the CA", "", check_ca_name);
	ask_unless(a, &o->organisation, "Organisation (or empty)", "", check_text);
	ask_unless(a, &o->country, "Country, two letters (or empty)", "", check_country);
	ask_unless(a, &o->key, "Kind of key: p256, p384, ed25519, rsa2048, rsa3072, rsa4096", "p256", check_kind);
	if (!o->days)
		o->days = (unsigned int)strtoul(ask(a, "Valid for how many days", "3650", check_days), NULL, 10);
	if (!o->n_permitted)
		split(ask(a, "Only for these domains and networks (or empty: for any)", "", check_permitted), o->permitted,
		      &o->n_permitted, TLS_PERMITTED_MAX);
	if (!o->passphrase && !o->passphrase_file)
		o->passphrase = *ask(a, "Protect its key by a passphrase, y or n", "y", check_yes) == 'y';
}

static void ask_request(struct asking *a)
{
	struct cert_options *o = a->o;
	char preset[TLS_STORE_NAME_MAX + 1];

	ask_unless(a, &o->common_name, o->usage == TLS_USAGE_CLIENT ? "Name of the client" : "Host name that clients use", "",
		   check_host);
	if (!o->n_alt_names && o->usage != TLS_USAGE_CLIENT)
		split(ask(a, "Further host names and addresses (or empty)", "", check_alt), o->alt_names, &o->n_alt_names,
		      TLS_ALT_NAMES_MAX);
	ask_unless(a, &o->organisation, "Organisation (or empty)", "", check_text);
	ask_unless(a, &o->unit, "Unit in it (or empty)", "", check_text);
	ask_unless(a, &o->city, "City (or empty)", "", check_text);
	ask_unless(a, &o->state, "State or province (or empty)", "", check_text);
	ask_unless(a, &o->country, "Country, two letters (or empty)", "", check_country);
	ask_unless(a, &o->email, "E-mail address (or empty)", "", check_email);
	if (!o->reuse_key)
		ask_unless(a, &o->key, "Kind of key: p256, p384, ed25519, rsa2048, rsa3072, rsa4096", "p256", check_kind);
	snprintf(preset, sizeof(preset), "%.*s", (int)strcspn(o->common_name ? o->common_name : "", "."),
		 o->common_name ? o->common_name : "");
	ask_unless(a, &o->name, "Name for the files", tls_store_name_valid(preset) ? preset : "", check_file_name);
}

int cert_ask(struct cert_options *o, bool ca, struct cert_answers *answers)
{
	struct asking a = { .o = o, .answers = answers };

	printf("A new %s in %s. An empty answer takes what stands in [ ].\n\n", ca ? "CA" : "request for a certificate", o->dir);
	if (ca)
		ask_ca(&a);
	else
		ask_request(&a);
	if (a.over || *ask(&a, "Make it, y or n", "y", check_yes) != 'y' || a.over)
		return -1;
	putchar('\n');
	return 0;
}
