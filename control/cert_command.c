/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/cert_command.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tls/ca.h"
#include "tls/store.h"
#include "tls/tls.h"

#define EXIT_USAGE 2
#define WHY_BYTES 1024

struct verb {
	const char *word, *arguments, *help, *options;	/* options: letters of those it takes */
	int (*run)(const struct cert_options *o);
};

/* One letter each, for struct verb's lists; --dir and --help go with all. */
static const struct option long_options[] = {
	{ "dir", required_argument, NULL, 'd' },     { "help", no_argument, NULL, 'h' },
	{ "json", no_argument, NULL, 'j' },	     { "name", required_argument, NULL, 'n' },
	{ "cn", required_argument, NULL, 'n' },	     { "alt", required_argument, NULL, 'a' },
	{ "org", required_argument, NULL, 'o' },     { "unit", required_argument, NULL, 'u' },
	{ "city", required_argument, NULL, 'l' },    { "state", required_argument, NULL, 's' },
	{ "country", required_argument, NULL, 'c' }, { "email", required_argument, NULL, 'e' },
	{ "key", required_argument, NULL, 'k' },     { "days", required_argument, NULL, 't' },
	{ "request", required_argument, NULL, 'r' }, { "chain", required_argument, NULL, 'p' },
	{ "force", no_argument, NULL, 'f' },	     { "reuse-key", no_argument, NULL, 'w' },
	{ NULL, 0, NULL, 0 },
};

int cert_failed(const char *format, ...)
{
	va_list args;

	fputs("postern: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return EXIT_FAILURE;
}

static struct tls_subject subject_of(const struct cert_options *o)
{
	return (struct tls_subject){ .common_name = o->common_name, .organisation = o->organisation, .unit = o->unit,
				     .city = o->city, .state = o->state, .country = o->country, .email = o->email,
				     .alt_names = o->alt_names, .n_alt_names = o->n_alt_names };
}

static struct tls_key *new_key(const char *kind, char *why)
{
	enum tls_key_type type;
	unsigned int bits;

	if (tls_key_type_parse(kind, &type, &bits))
		return tls_key_generate(type, bits, why, WHY_BYTES);
	snprintf(why, WHY_BYTES, "there is no kind of key \"%s\"; there are p256, p384, ed25519, rsa2048, rsa3072 and rsa4096",
		 kind);
	return NULL;
}

static struct tls_key *stored_key(const char *dir, const char *name, enum tls_store_kind kind, char *why)
{
	size_t bytes;
	char *text = tls_store_read(dir, name, kind, &bytes, why, WHY_BYTES);
	struct tls_key *key;

	if (!text)
		return NULL;
	key = tls_key_from_pem((struct der){ (uint8_t *)text, bytes }, why, WHY_BYTES);
	tls_key_text_free(text);
	return key;
}

/* @chain NULL: the key alone, as @kind; else both, in the place of what is there. */
static int write_key(const char *dir, const char *name, enum tls_store_kind kind, const struct tls_key *key,
		     const char *chain, char *why)
{
	char *text = tls_key_to_pem(key);
	int bad = -1;

	if (!text)
		snprintf(why, WHY_BYTES, "out of memory");
	else if (chain)
		bad = tls_store_write_pair(dir, name, chain, text, why, WHY_BYTES);
	else
		bad = tls_store_write(dir, name, kind, text, why, WHY_BYTES);
	tls_key_text_free(text);
	return bad;
}

static int make_ca(const struct cert_options *o)
{
	struct tls_subject subject = subject_of(o);
	char why[WHY_BYTES], *text = NULL;
	struct tls_key *key = NULL;
	int bad;

	if (tls_store_has(o->dir, TLS_STORE_CA, TLS_STORE_KEY) && !o->force)
		return cert_failed("there is a CA in %s/ca already; --force replaces it, and what it signed is worthless then", o->dir);
	key = new_key(o->key ? o->key : "p256", why);
	if (key)
		text = tls_ca_make(key, &subject, o->days ? o->days : TLS_CA_DAYS_DEFAULT, time(NULL), why, sizeof(why));
	bad = !text || tls_store_make(o->dir, true, why, sizeof(why)) != 0 ||
	      write_key(o->dir, TLS_STORE_CA, TLS_STORE_KEY, key, text, why) != 0;
	if (!bad)
		printf("CA \"%s\" made. Clients are to trust %s/%s.pem; keep %s/%s.key to yourself.\n", o->common_name,
		       o->dir, TLS_STORE_CA, o->dir, TLS_STORE_CA);
	free(text);
	tls_key_free(key);
	return bad ? cert_failed("no CA was made: %s", why) : 0;
}

/* A key that serves goes on serving until the new one's certificate is there (issue, import). */
static int make_request(const struct cert_options *o)
{
	struct tls_subject subject = subject_of(o);
	bool have = tls_store_has(o->dir, o->name, TLS_STORE_KEY);
	enum tls_store_kind kind = have && !o->reuse_key ? TLS_STORE_NEW_KEY : TLS_STORE_KEY;
	char why[WHY_BYTES], *text = NULL;
	struct tls_key *key;
	int bad;

	if (have && !o->reuse_key && !o->force)
		return cert_failed("%s/%s.key is there already; --reuse-key makes a request with it, --force makes a new key, which takes its place when its certificate is issued or imported", o->dir, o->name);
	if (tls_store_settle(o->dir, o->name, why, sizeof(why)) != 0)
		return cert_failed("no request was made: %s", why);
	have = have && o->reuse_key;
	key = have ? stored_key(o->dir, o->name, TLS_STORE_KEY, why) : new_key(o->key ? o->key : "p256", why);
	if (key)
		text = tls_request_make(key, &subject, why, sizeof(why));
	bad = !text || tls_store_make(o->dir, false, why, sizeof(why)) != 0 ||
	      (!have && write_key(o->dir, o->name, kind, key, NULL, why) != 0) ||
	      tls_store_write(o->dir, o->name, TLS_STORE_REQUEST, text, why, sizeof(why)) != 0;
	if (!bad)
		printf("Request %s/%s.csr made (%s key in %s.key%s). Next: `postern cert issue %s` with the CA of this folder, or\n"
		       "send it to another CA and `postern cert import %s --chain ANSWER`.\n",
		       o->dir, o->name, tls_key_type_name(tls_key_type(key)), o->name,
		       kind == TLS_STORE_NEW_KEY ? ".new; the old one serves until then" : "", o->name, o->name);
	free(text);
	tls_key_free(key);
	return bad ? cert_failed("no request was made: %s", why) : 0;
}

static int read_request(const struct cert_options *o, struct tls_request *request, char *why)
{
	char *text;
	size_t bytes;
	int bad;

	text = o->request ? tls_file_read(o->request, &bytes, NULL, why, WHY_BYTES) :
			    tls_store_read(o->dir, o->name, TLS_STORE_REQUEST, &bytes, why, WHY_BYTES);
	if (!text)
		return -1;
	bad = tls_request_read((struct der){ (uint8_t *)text, bytes }, request, why, WHY_BYTES);
	free(text);
	return bad;
}

/*
 * A certificate must not be written over a key that isn't its own. *pending: the key
 * that waits for it, which is to take the other's place; NULL: none.
 */
static int check_own_key(const struct cert_options *o, const struct tls_request *request, struct tls_key **pending,
			 char *why)
{
	static const enum tls_store_kind kinds[] = { TLS_STORE_KEY, TLS_STORE_NEW_KEY };

	*pending = NULL;
	if (!tls_store_has(o->dir, o->name, TLS_STORE_KEY))
		return 0;	/* a request from elsewhere: its key stays there */
	for (unsigned int i = 0; i < 2 && tls_store_has(o->dir, o->name, kinds[i]); i++) {
		struct tls_key *key = stored_key(o->dir, o->name, kinds[i], why);
		bool same = key && der_equal(tls_key_spki(key), request->x.spki);

		if (same && kinds[i] == TLS_STORE_NEW_KEY)
			*pending = key;
		else
			tls_key_free(key);
		if (same)
			return 0;
		if (!key)
			return -1;
	}
	snprintf(why, WHY_BYTES, "the request is not of the key %s/%s.key%s", o->dir, o->name,
		 tls_store_has(o->dir, o->name, TLS_STORE_NEW_KEY) ? ", nor of the new one beside it" : "");
	return -1;
}

static int issue(const struct cert_options *o)
{
	char why[WHY_BYTES], *ca = NULL, *text = NULL;
	struct tls_request request;
	struct tls_key *ca_key = NULL, *pending = NULL;
	size_t ca_bytes;
	int bad;

	if (!tls_store_has(o->dir, TLS_STORE_CA, TLS_STORE_KEY))
		return cert_failed("there is no CA in %s; make one: postern cert ca --dir %s --name \"Example CA\"", o->dir, o->dir);
	if (read_request(o, &request, why) != 0)
		return cert_failed("nothing was issued: %s", why);
	bad = tls_store_settle(o->dir, o->name, why, sizeof(why));
	if (!bad)
		bad = check_own_key(o, &request, &pending, why);
	if (!bad) {
		ca = tls_store_read(o->dir, TLS_STORE_CA, TLS_STORE_CHAIN, &ca_bytes, why, sizeof(why));
		ca_key = ca ? stored_key(o->dir, TLS_STORE_CA, TLS_STORE_KEY, why) : NULL;
	}
	if (ca_key)
		text = tls_ca_issue((struct der){ (uint8_t *)ca, ca_bytes }, ca_key, &request,
				    o->days ? o->days : TLS_ISSUE_DAYS_DEFAULT, time(NULL), why, sizeof(why));
	bad = !text || (pending ? write_key(o->dir, o->name, TLS_STORE_KEY, pending, text, why) :
				  tls_store_write(o->dir, o->name, TLS_STORE_CHAIN, text, why, sizeof(why))) != 0;
	if (!bad)
		printf("Certificate %s/%s.pem issued. A running posternd takes it by `postern cert load %s`.\n", o->dir, o->name,
		       o->name);
	tls_key_free(ca_key);
	tls_key_free(pending);
	tls_request_fini(&request);
	free(ca);
	free(text);
	return bad ? cert_failed("nothing was issued: %s", why) : 0;
}

/* The key that goes with the chain: of --key, of the chain's own file, or what `cert request` left. */
static char *import_key(const struct cert_options *o, struct der chain, unsigned int chain_mode, size_t *bytes,
			bool *stored, char *why)
{
	unsigned int mode;
	char *text;

	*stored = false;
	if (o->key) {
		text = tls_file_read(o->key, bytes, &mode, why, WHY_BYTES);
		if (text && tls_key_file_private(o->key, mode, why, WHY_BYTES))
			return text;
		tls_key_text_free(text);
		return NULL;
	}
	if (memmem(chain.p, chain.n, "PRIVATE KEY-----", 16)) {
		*bytes = chain.n;
		return tls_key_file_private(o->chain, chain_mode, why, WHY_BYTES) ?
			       strndup((const char *)chain.p, chain.n) : NULL;
	}
	*stored = tls_store_has(o->dir, o->name, TLS_STORE_KEY);
	if (*stored)
		return tls_store_read(o->dir, o->name, TLS_STORE_KEY, bytes, why, WHY_BYTES);
	snprintf(why, WHY_BYTES, "there is no key for it: neither %s/%s.key (which `postern cert request` makes) nor one in the chain's file; name it by --key FILE",
		 o->dir, o->name);
	return NULL;
}

/* A key that was in the store stays as it is; another comes with its chain, or not at all. */
static int import_write(const struct cert_options *o, const struct tls_cert *cert, bool stored, char *why)
{
	const char *chain = tls_cert_chain_pem(cert);
	char *key;
	int bad;

	if (tls_store_make(o->dir, false, why, WHY_BYTES) != 0)
		return -1;
	if (stored)
		return tls_store_write(o->dir, o->name, TLS_STORE_CHAIN, chain, why, WHY_BYTES);
	key = tls_key_to_pem(tls_cert_key(cert));
	if (!key) {
		snprintf(why, WHY_BYTES, "out of memory");
		return -1;
	}
	bad = tls_store_write_pair(o->dir, o->name, chain, key, why, WHY_BYTES);
	tls_key_text_free(key);
	return bad;
}

/* The chain with the key that waits for it. NULL: there is none, or it isn't this chain's. */
static struct tls_cert *pending_cert(const struct cert_options *o, struct der chain)
{
	char why[WHY_BYTES], *key;
	struct tls_cert *cert = NULL;
	size_t bytes;

	key = tls_store_has(o->dir, o->name, TLS_STORE_NEW_KEY) ?
		      tls_store_read(o->dir, o->name, TLS_STORE_NEW_KEY, &bytes, why, sizeof(why)) : NULL;
	if (key)
		cert = tls_cert_load(chain, (struct der){ (uint8_t *)key, bytes }, why, sizeof(why));
	tls_key_text_free(key);
	return cert;
}

static int import(const struct cert_options *o)
{
	size_t chain_bytes, key_bytes;
	char why[WHY_BYTES], *chain, *key = NULL;
	struct tls_cert *cert = NULL;
	unsigned int mode;
	bool stored;
	int bad;

	chain = tls_store_settle(o->dir, o->name, why, sizeof(why)) == 0 ?
			tls_file_read(o->chain, &chain_bytes, &mode, why, sizeof(why)) : NULL;
	if (!chain)
		return cert_failed("nothing was imported: %s", why);
	key = import_key(o, (struct der){ (uint8_t *)chain, chain_bytes }, mode, &key_bytes, &stored, why);
	if (key)
		cert = tls_cert_load((struct der){ (uint8_t *)chain, chain_bytes },
				     (struct der){ (uint8_t *)key, key_bytes }, why, sizeof(why));
	if (!cert && key && stored) {
		cert = pending_cert(o, (struct der){ (uint8_t *)chain, chain_bytes });
		stored = !cert;
	}
	bad = !cert || import_write(o, cert, stored, why) != 0;
	if (!bad)
		printf("Certificate %s imported: \"%s\", %zu in its chain. A running posternd takes it by `postern cert load %s`.\n",
		       o->name, tls_cert_info(cert)->subject, tls_cert_info(cert)->chain_length, o->name);
	tls_cert_free(cert);
	tls_key_text_free(key);
	tls_key_text_free(chain);
	return bad ? cert_failed("nothing was imported: %s", why) : 0;
}

#define SUBJECT_HELP \
	"  --alt NAME       another host name or IP address; may be repeated, or several by comma\n" \
	"  --org TEXT, --unit TEXT, --city TEXT, --state TEXT, --country XX, --email ADDRESS\n"
#define KEY_HELP "  --key KIND       p256 (default), p384, ed25519, rsa2048, rsa3072, rsa4096\n"

static const struct verb verbs[] = {
	{ "ca", "--name NAME",
	  "Make a stand-alone CA in the folder: ca/ca.pem, which clients are to trust, and its key.\n\n"
	  "  --name NAME      what it calls itself: \"Example CA\"\n"
	  "  --org TEXT, --unit TEXT, --city TEXT, --state TEXT, --country XX, --email ADDRESS\n" KEY_HELP
	  "  --days N         for how long it is valid (default 3650)\n"
	  "  --force          replace the CA that is there\n", "nouklscetf", make_ca },
	{ "request", "NAME --cn HOST [--alt NAME]...",
	  "Make a key and a certificate request (PKCS#10): NAME.key and NAME.csr.\n\n"
	  "  --cn HOST        the host name: imap.example.test\n" SUBJECT_HELP KEY_HELP
	  "  --reuse-key      make the request with the key that is there\n"
	  "  --force          make a new key, NAME.key.new, where one is already: that one serves\n"
	  "                   until the new one's certificate is issued or imported\n", "naoulscekwf", make_request },
	{ "issue", "NAME [--request FILE]",
	  "Have the folder's CA sign a request: NAME.csr becomes NAME.pem.\n\n"
	  "  --request FILE   sign this request, of whatever tool\n"
	  "  --days N         for how long it is valid (default 397)\n", "rt", issue },
	{ "import", "NAME --chain FILE [--key FILE]",
	  "Take a certificate that another CA signed, with the key of the request or another.\n"
	  "It is refused, with the reason, when it and the key don't belong together.\n\n"
	  "  --chain FILE     PEM, the server's certificate first\n"
	  "  --key FILE       PEM, not encrypted, readable by its owner alone\n", "pk", import },
	{ "show", "[NAME]", "Show the certificates of the folder, or one of them with all that is in it.\n\n"
	  "  --json           for programs\n", "j", cert_show },
};
#define N_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static const struct verb *verb_lookup(const char *word)
{
	size_t i;

	for (i = 0; i < N_VERBS; i++)
		if (strcmp(verbs[i].word, word) == 0)
			return &verbs[i];
	return NULL;
}

bool cert_command_has(const char *word)
{
	return verb_lookup(word) != NULL;
}

static int usage(const struct verb *v, FILE *out)
{
	size_t i;

	if (v) {
		fprintf(out, "Usage: postern cert %s %s [--dir DIR]\n\n%s  --dir DIR        the folder (default %s)\n", v->word,
			v->arguments, v->help, TLS_STORE_DEFAULT);
	} else {
		for (i = 0; i < N_VERBS; i++)
			fprintf(out, "%s postern cert %s %s\n", i ? "      " : "Usage:", verbs[i].word, verbs[i].arguments);
		fputs("`postern cert VERB --help` says more.\n", out);
	}
	return out == stdout ? 0 : EXIT_USAGE;
}

int cert_command_help(const char *word)
{
	return usage(verb_lookup(word), stdout);
}

void cert_command_list(FILE *out)
{
	char line[64];
	size_t i;

	for (i = 0; i < N_VERBS; i++) {
		snprintf(line, sizeof(line), "cert %s %s", verbs[i].word, verbs[i].arguments);
		fprintf(out, strlen(line) <= 30 ? "  %-30s  %.*s\n" : "  %s\n                                  %.*s\n", line,
			(int)strcspn(verbs[i].help, ".:\n"), verbs[i].help);
	}
}

/* "a,b" counts as two. The text stays where it is, cut up. */
static bool add_alt_names(struct cert_options *o, char *text)
{
	char *save, *name;

	for (name = strtok_r(text, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		if (o->n_alt_names == sizeof(o->alt_names) / sizeof(o->alt_names[0]))
			return false;
		o->alt_names[o->n_alt_names++] = name;
	}
	return true;
}

static bool read_days(struct cert_options *o, const char *text)
{
	char *end;
	unsigned long days = strtoul(text, &end, 10);

	o->days = (unsigned int)days;
	return *text >= '1' && *text <= '9' && *end == '\0' && days <= TLS_DAYS_MAX;
}

static const char *take_option(struct cert_options *o, int letter, char *value)
{
	switch (letter) {
	case 'd': o->dir = value; break;
	case 'j': o->json = true; break;
	case 'n': o->common_name = value; break;
	case 'o': o->organisation = value; break;
	case 'u': o->unit = value; break;
	case 'l': o->city = value; break;
	case 's': o->state = value; break;
	case 'c': o->country = value; break;
	case 'e': o->email = value; break;
	case 'k': o->key = value; break;
	case 'r': o->request = value; break;
	case 'p': o->chain = value; break;
	case 'f': o->force = true; break;
	case 'w': o->reuse_key = true; break;
	case 'a':
		return add_alt_names(o, value) ? NULL : "there are too many alternative names";
	case 't':
		return read_days(o, value) ? NULL : "--days wants a whole number from 1 to 36500";
	default:
		return "";	/* getopt has said it */
	}
	return NULL;
}

static int bad_usage(const struct verb *v, const char *what)
{
	if (*what)
		fprintf(stderr, "postern cert %s: %s\n", v->word, what);
	fprintf(stderr, "Usage: postern cert %s %s [--dir DIR]; --help says more\n", v->word, v->arguments);
	return EXIT_USAGE;
}

static const char *check_options(const struct verb *v, const struct cert_options *o)
{
	if (v->run == make_ca)
		return o->name ? "it takes no name without --name" : o->common_name ? NULL : "--name is missing";
	if (v->run != cert_show && !o->name)
		return "the certificate's NAME is missing";
	if (o->name && !tls_store_name_valid(o->name))
		return "NAME may hold letters, digits, '.', '_' and '-', at most 64";
	if (v->run == make_request && !o->common_name && o->n_alt_names == 0)
		return "--cn is missing";
	if (v->run == import && !o->chain)
		return "--chain is missing";
	return NULL;
}

int cert_command(int argc, char **argv, bool json)
{
	const struct verb *v = argc > 0 ? verb_lookup(argv[0]) : NULL;
	struct cert_options o = { .verb = argc > 0 ? argv[0] : "", .dir = TLS_STORE_DEFAULT, .json = json };
	const char *wrong = NULL, *why;
	int letter, index;

	if (!v)
		return usage(NULL, argc > 0 && strcmp(argv[0], "--help") == 0 ? stdout : stderr);
	optind = 0;
	while (!wrong && (letter = getopt_long(argc, argv, "", long_options, &index)) != -1) {
		if (letter == 'h')
			return usage(v, stdout);
		wrong = take_option(&o, letter, optarg);
		if (!wrong && letter != 'd' && !(letter == 'j' && json) && !strchr(v->options, letter))
			wrong = "an option doesn't go with this verb";
	}
	if (!wrong && optind < argc)
		o.name = argv[optind++];
	if (!wrong && optind < argc)
		wrong = "there is a word too many";
	if (!wrong)
		wrong = check_options(v, &o);
	if (wrong)
		return bad_usage(v, wrong);
	if (tls_init(&why) != 0)
		return cert_failed("%s", why);
	return v->run(&o);
}
