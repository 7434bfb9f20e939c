/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "control/cert_command.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/cert_verbs.h"
#include "tls/tls.h"

#define EXIT_USAGE 2

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
	{ "permit", required_argument, NULL, 'm' },  { "passphrase", no_argument, NULL, 'P' },
	{ "usage", required_argument, NULL, 'U' },   { "passphrase-file", required_argument, NULL, 'F' },
	{ "reason", required_argument, NULL, 'R' },  { "all", no_argument, NULL, 'A' },
	{ "der", no_argument, NULL, 'D' },	     { "fingerprint", no_argument, NULL, 'G' },
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

#define SUBJECT_HELP \
	"  --alt NAME       another host name or IP address; may be repeated, or several by comma\n" \
	"  --org TEXT, --unit TEXT, --city TEXT, --state TEXT, --country XX, --email ADDRESS\n"
#define KEY_HELP "  --key KIND       p256 (default), p384, ed25519, rsa2048, rsa3072, rsa4096\n"

#define PASSPHRASE_HELP \
	"  --passphrase-file FILE   the passphrase of the CA's key: the first line of a file that is\n" \
	"                   yours alone, or of descriptor N (fd:N); else it is asked for\n"

static const struct verb verbs[] = {
	{ "ca", "--name NAME",
	  "Make a stand-alone CA in the folder: ca/ca.pem, which clients are to trust, and its key.\n"
	  "On a terminal and without --name, it asks for all that it needs.\n\n"
	  "  --name NAME      what it calls itself: \"Example CA\"\n"
	  "  --org TEXT, --unit TEXT, --city TEXT, --state TEXT, --country XX, --email ADDRESS\n" KEY_HELP
	  "  --days N         for how long it is valid (default 3650)\n"
	  "  --permit NAME    the only domains (example.com, with all below) and networks\n"
	  "                   (192.0.2.0/24) that it may sign for; may be repeated\n"
	  "  --passphrase     encrypt its key with a passphrase, which is asked for\n"
	  "  --passphrase-file FILE   the same with the first line of the file, or of descriptor N (fd:N)\n"
	  "  --force          replace the CA that is there\n", "nouklscetfmPF", cert_ca },
	{ "request", "NAME --cn HOST [--alt NAME]...",
	  "Make a key and a certificate request (PKCS#10): NAME.key and NAME.csr.\n"
	  "On a terminal and without --cn, it asks for all that it needs.\n\n"
	  "  --cn HOST        the host name: imap.example.test\n" SUBJECT_HELP KEY_HELP
	  "  --usage WHAT     server, client or both\n"
	  "  --reuse-key      make the request with the key that is there\n"
	  "  --force          make a new key, NAME.key.new, where one is already: that one serves\n"
	  "                   until the new one's certificate is issued or imported\n", "naoulscekwfU", cert_request },
	{ "issue", "NAME [--request FILE]",
	  "Have the folder's CA sign a request: NAME.csr becomes NAME.pem.\n"
	  "The request's signature, its key's strength and its names are checked; of what else it\n"
	  "asks for nothing is granted.\n\n"
	  "  --request FILE   sign this request, of whatever tool\n"
	  "  --usage WHAT     server (default), client or both\n"
	  "  --days N         for how long it is valid (default 397)\n" PASSPHRASE_HELP, "rtUF", cert_issue },
	{ "renew", "NAME",
	  "Have the folder's CA sign NAME.pem again, for the same names. The old one stays in its\n"
	  "place until the new one is whole.\n\n"
	  "  --reuse-key      for the key that is there, instead of a new one of the same kind\n" KEY_HELP
	  "  --days N         for how long it is valid (default 397)\n" PASSPHRASE_HELP
	  "  --force          drop a new key that waits for its certificate\n", "wktfF", cert_renew },
	{ "revoke", "SERIAL|NAME",
	  "Mark what the folder's CA has issued as not to be trusted any more.\n\n"
	  "  --reason R       unspecified (default), keyCompromise, affiliationChanged, superseded,\n"
	  "                   cessationOfOperation, CACompromise\n"
	  "  --all            every valid certificate of that name\n", "RA", cert_revoke },
	{ "crl", "", "Write the list of what is revoked: ca/crl.pem and ca/crl.der (RFC 5280).\n\n"
	  "  --days N         until when the next one comes (default 30)\n" PASSPHRASE_HELP, "tF", cert_crl },
	{ "issued", "", "List what the folder's CA has issued.\n\n"
	  "  --json           for programs\n", "j", cert_issued },
	{ "root", "", "Print the CA's certificate for clients, and how they come to trust it.\n\n"
	  "  --der            in DER, for Windows and telephones: postern cert root --der >root.crt\n"
	  "  --fingerprint    its SHA-256 alone\n", "DG", cert_root },
	{ "import", "NAME --chain FILE [--key FILE]",
	  "Take a certificate that another CA signed, with the key of the request or another.\n"
	  "It is refused, with the reason, when it and the key don't belong together.\n\n"
	  "  --chain FILE     PEM, the server's certificate first\n"
	  "  --key FILE       PEM, readable by its owner alone; kept without its passphrase\n"
	  "  --passphrase-file FILE   the passphrase of an encrypted key; else it is asked for\n", "pkF", cert_import },
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

/* "a,b" counts as two. The text stays where it is, cut up. False: there is no room for so many. */
static bool add_names(const char **names, size_t *n, size_t most, char *text)
{
	char *save, *name;

	for (name = strtok_r(text, ", ", &save); name; name = strtok_r(NULL, ", ", &save)) {
		if (*n == most)
			return false;
		names[(*n)++] = name;
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

static unsigned int usage_of(const char *word)
{
	return strcmp(word, "server") == 0 ? TLS_USAGE_SERVER : strcmp(word, "client") == 0 ? TLS_USAGE_CLIENT :
	       strcmp(word, "both") == 0 ? TLS_USAGE_BOTH : 0;
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
	case 'P': o->passphrase = true; break;
	case 'F': o->passphrase_file = value; break;
	case 'A': o->all = true; break;
	case 'D': o->der = true; break;
	case 'G': o->fingerprint = true; break;
	case 'a':
		return add_names(o->alt_names, &o->n_alt_names, TLS_ALT_NAMES_MAX, value) ? NULL :
		       "there are too many alternative names";
	case 'm':
		return add_names(o->permitted, &o->n_permitted, TLS_PERMITTED_MAX, value) ? NULL :
		       "there are too many names to permit";
	case 'U':
		o->usage = usage_of(value);
		return o->usage ? NULL : "--usage is server, client or both";
	case 'R':
		return tls_reason_parse(value, &o->reason) ? NULL :
		       "--reason is unspecified, keyCompromise, affiliationChanged, superseded, cessationOfOperation or CACompromise";
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
	bool nameless = v->run == cert_ca || v->run == cert_crl || v->run == cert_issued || v->run == cert_root;

	if (nameless && o->name)
		return v->run == cert_ca ? "it takes no name without --name" : "there is a word too many";
	if (v->run == cert_revoke)
		return o->name ? NULL : "the serial or the name of a certificate is missing";
	if (v->run == cert_ca && !o->common_name)
		return "--name is missing";
	if (!nameless && v->run != cert_show && !o->name)
		return "the certificate's NAME is missing";
	if (o->name && !tls_store_name_valid(o->name))
		return "NAME may hold letters, digits, '.', '_' and '-', at most 64";
	if (v->run == cert_request && !o->common_name && o->n_alt_names == 0)
		return "--cn is missing";
	if (v->run == cert_import && !o->chain)
		return "--chain is missing";
	return NULL;
}

/* Is it a verb that asks for what it needs, and not told it? What would be refused anyway isn't asked for. */
static bool wants_asking(const struct verb *v, const struct cert_options *o)
{
	if (!cert_ask_possible(o))
		return false;
	if (v->run == cert_ca)
		return !o->name && !o->common_name && (o->force || !tls_store_has(o->dir, TLS_STORE_CA, TLS_STORE_KEY));
	return v->run == cert_request && !o->common_name && o->n_alt_names == 0 &&
	       (!o->name || (tls_store_name_valid(o->name) && (o->force || o->reuse_key ||
							      !tls_store_has(o->dir, o->name, TLS_STORE_KEY))));
}

int cert_command(int argc, char **argv, bool json)
{
	const struct verb *v = argc > 0 ? verb_lookup(argv[0]) : NULL;
	struct cert_options o = { .verb = argc > 0 ? argv[0] : "", .dir = TLS_STORE_DEFAULT, .json = json };
	const char *wrong = NULL, *why;
	struct cert_answers answers;
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
	if (!wrong && wants_asking(v, &o) && cert_ask(&o, v->run == cert_ca, &answers) != 0)
		return cert_failed("nothing was made");
	if (!wrong)
		wrong = check_options(v, &o);
	if (wrong)
		return bad_usage(v, wrong);
	if (tls_init(&why) != 0)
		return cert_failed("%s", why);
	return v->run(&o);
}
