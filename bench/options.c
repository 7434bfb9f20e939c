/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench/options.h"

#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/workload.h"
#include "tls/context.h"

#define CONNECTIONS_MAX 4000000u
#define SECONDS_MAX 86400.0

enum option_id {
	TRANSPORT = 256, TARGET, SERVE, CLIENT_NETNS, SERVE_NETNS, CLIENT_PORT, CLIENT_ADDRESS, BACKEND_PORT,
	BACKEND_ADDRESS, ROUTE, SECONDS, WARMUP, CONNECTIONS, DIALING, RATE, REQUEST_BYTES, REPLY_BYTES, DIRECTION,
	HELD, ACTIVE, QUEUES, BULK_RATE, RESUME, TLS, GROUP, SERVER_NAME, PLAIN, CPU, SEED, MEMORY, HUGEPAGES, IDLE, CONGESTION, TIMEOUT, OPEN_TIMEOUT,
	GREETING, JSON, NAME, QUIET, PROGRESS, PHASES, ALLOW_ERRORS, VERSION, HELP,
};

static const struct option known[] = {
	{ "transport", required_argument, NULL, TRANSPORT },
	{ "target", required_argument, NULL, TARGET },
	{ "serve", required_argument, NULL, SERVE },
	{ "client-netns", required_argument, NULL, CLIENT_NETNS },
	{ "serve-netns", required_argument, NULL, SERVE_NETNS },
	{ "client-port", required_argument, NULL, CLIENT_PORT },
	{ "client-address", required_argument, NULL, CLIENT_ADDRESS },
	{ "backend-port", required_argument, NULL, BACKEND_PORT },
	{ "backend-address", required_argument, NULL, BACKEND_ADDRESS },
	{ "route", required_argument, NULL, ROUTE },
	{ "seconds", required_argument, NULL, SECONDS },
	{ "warmup", required_argument, NULL, WARMUP },
	{ "connections", required_argument, NULL, CONNECTIONS },
	{ "dialing", required_argument, NULL, DIALING },
	{ "held", required_argument, NULL, HELD },
	{ "active", required_argument, NULL, ACTIVE },
	{ "bulk-rate", required_argument, NULL, BULK_RATE },
	{ "queues", required_argument, NULL, QUEUES },
	{ "rate", required_argument, NULL, RATE },
	{ "request-bytes", required_argument, NULL, REQUEST_BYTES },
	{ "reply-bytes", required_argument, NULL, REPLY_BYTES },
	{ "direction", required_argument, NULL, DIRECTION },
	{ "resume", no_argument, NULL, RESUME },
	{ "tls", required_argument, NULL, TLS },
	{ "group", required_argument, NULL, GROUP },
	{ "server-name", required_argument, NULL, SERVER_NAME },
	{ "plain", no_argument, NULL, PLAIN },
	{ "cpu", required_argument, NULL, CPU },
	{ "seed", required_argument, NULL, SEED },
	{ "memory", required_argument, NULL, MEMORY },
	{ "hugepages", required_argument, NULL, HUGEPAGES },
	{ "idle", required_argument, NULL, IDLE },
	{ "congestion", required_argument, NULL, CONGESTION },
	{ "timeout", required_argument, NULL, TIMEOUT },
	{ "open-timeout", required_argument, NULL, OPEN_TIMEOUT },
	{ "greeting", required_argument, NULL, GREETING },
	{ "json", required_argument, NULL, JSON },
	{ "name", required_argument, NULL, NAME },
	{ "quiet", no_argument, NULL, QUIET },
	{ "progress", no_argument, NULL, PROGRESS },
	{ "phases", required_argument, NULL, PHASES },
	{ "allow-errors", no_argument, NULL, ALLOW_ERRORS },
	{ "version", no_argument, NULL, VERSION },
	{ "help", no_argument, NULL, HELP },
	{ NULL, 0, NULL, 0 },
};

void options_usage(FILE *out)
{
	fputs("Usage: postern-bench WORKLOAD --target ADDRESS:PORT [--serve ADDRESS:PORT] [OPTION]...\n"
	      "       postern-bench backend --serve ADDRESS:PORT [OPTION]...\n"
	      "       postern-bench report ... (see postern-bench report --help)\n"
	      "\n"
	      "Drives a TLS mail gateway, as its clients and as the internal server behind it.\n"
	      "\n"
	      "Workloads:\n", out);
	for (size_t i = 0; workloads[i]; i++)
		fprintf(out, "  %-10s %s\n", workloads[i]->name, workloads[i]->summary);
	fputs("  backend    only the internal server, for a generator in another process\n"
	      "\n"
	      "What is done:\n"
	      "  --connections N      open at one time (64)\n"
	      "  --dialing N          of these, at most so many still shaking hands (64)\n"
	      "  --held N             sessions more that are open and do nothing (0)\n"
	      "  --active N           of request: so many unanswered, on all connections in turn (one on each)\n"
	      "  --seconds N          measured, after --warmup N (10 after 2; backend: 0 is for ever)\n"
	      "  --rate R             open loop: so many a second, whether answered or not\n"
	      "  --request-bytes N, --reply-bytes N   (64, 256)\n"
	      "  --direction down|up|both             (down)\n"
	      "  --bulk-rate R        of mix: bits a second on each bulk connection (as many as go through)\n"
	      "  --seed N             for what is drawn by lot (1)\n"
	      "  --timeout S          for a handshake or a close (10); --open-timeout S for all (60)\n"
	      "TLS:\n"
	      "  --tls 1.2|1.3 (1.3), --group x25519|p256|p384|x25519mlkem768 (x25519)\n"
	      "  --resume             with tickets; --server-name NAME asks by SNI; --plain: no TLS\n"
	      "Over DPDK ports (--transport dpdk, the default):\n"
	      "  --client-port DEVARGS --client-address ADDRESS/LENGTH...\n"
	      "  --backend-port DEVARGS --backend-address ADDRESS/LENGTH...\n"
	      "  --route NETWORK,VIA  --congestion bbr|cubic|newreno  --hugepages auto|yes|no\n"
	      "  --queues N           of each port (1): as many as the gateway has workers\n"
	      "Over the kernel's sockets (--transport kernel):\n"
	      "  --client-netns NAME, --serve-netns NAME, --client-address ADDRESS...\n"
	      "Both: --cpu N, --memory MB, --idle poll|sleep\n"
	      "Told:\n"
	      "  --json FILE (\"-\": standard output), --name LABEL, --quiet, --progress, --allow-errors,\n"
	      "  --phases FILE        each phase's name and beginning, when it begins\n"
	      "\n"
	      "Exit status: 0 good, 1 errors happened or it couldn't run, 2 usage. See postern-bench(1).\n", out);
}

static int wrong(struct error *err, int option, const char *text, const char *what)
{
	char where[64] = "";

	for (size_t i = 0; known[i].name; i++) {
		if (known[i].val == option)
			snprintf(where, sizeof(where), "--%s", known[i].name);
	}
	return error_set(err, -EINVAL, ERROR_INVALID, where, "\"%s\" isn't %s", text, what);
}

static int number(int option, const char *text, double least, double most, double *out, struct error *err)
{
	char *end, what[64];
	double value = strtod(text, &end);

	snprintf(what, sizeof(what), "a number from %.10g to %.10g", least, most);
	if (end == text || *end != '\0' || !(value >= least && value <= most))
		return wrong(err, option, text, what);
	*out = value;
	return 0;
}

static int count(int option, const char *text, uint32_t least, uint32_t most, uint32_t *out, struct error *err)
{
	double value;
	int rc = number(option, text, least, most, &value, err);

	if (rc == 0)
		*out = (uint32_t)value;
	return rc;
}

struct word {
	const char *word;
	int value;
};

static int choice(int option, const char *text, const struct word *words, int *out, struct error *err)
{
	char what[128] = "one of";
	size_t used = strlen(what);

	for (; words->word; words++) {
		if (strcmp(words->word, text) == 0) {
			*out = words->value;
			return 0;
		}
		used += (size_t)snprintf(what + used, sizeof(what) - used, " %s", words->word);
	}
	return wrong(err, option, text, what);
}

static int endpoint(int option, const char *text, struct addr *addr, uint16_t *port, bool *has, struct error *err)
{
	*port = 0;
	if (endpoint_parse(text, addr, port) != 0 || *port == 0)
		return wrong(err, option, text, "an address and port, like 192.0.2.1:993 or [2001:db8::1]:993");
	*has = true;
	return 0;
}

static int prefix(int option, const char *text, struct prefix *list, unsigned int *n, struct error *err)
{
	if (*n == NETIF_ADDRS_MAX)
		return wrong(err, option, text, "one of 32 addresses at most");
	if (prefix_parse(text, &list[*n]) != 0)
		return wrong(err, option, text, "an address with the length of its network, like 192.0.2.1/24");
	++*n;
	return 0;
}

static int route(int option, const char *text, struct options *o, struct error *err)
{
	struct route *r = &o->routes[o->n_routes];
	const char *comma = strchr(text, ',');
	char to[64];

	if (o->n_routes < OPTIONS_ROUTES_MAX && comma && (size_t)(comma - text) < sizeof(to)) {
		memcpy(to, text, (size_t)(comma - text));
		to[comma - text] = '\0';
		if (prefix_parse(to, &r->to) == 0 && addr_parse(comma + 1, &r->via) == 0) {
			o->n_routes++;
			return 0;
		}
	}
	return wrong(err, option, text, "a network and its next hop, like default,192.0.2.1 (8 at most)");
}

static int take_words(int id, const char *text, struct options *o, struct error *err)
{
	static const struct word transports[] = { { "dpdk", 0 }, { "kernel", 1 }, { NULL, 0 } };
	static const struct word directions[] = { { "down", DIRECTION_DOWN }, { "up", DIRECTION_UP },
						  { "both", DIRECTION_BOTH }, { NULL, 0 } };
	static const struct word versions[] = { { "1.2", TLS_VERSION_1_2 }, { "1.3", TLS_VERSION_1_3 }, { NULL, 0 } };
	static const struct word groups[] = { { "x25519", 29 }, { "p256", 23 }, { "p384", 24 },
					      { "x25519mlkem768", 0x11ec }, { NULL, 0 } };
	static const struct word pages[] = { { "auto", HUGEPAGES_AUTO }, { "yes", HUGEPAGES_YES },
					     { "no", HUGEPAGES_NO }, { NULL, 0 } };
	static const struct word idles[] = { { "poll", 0 }, { "sleep", 1 }, { NULL, 0 } };
	static const struct word controls[] = { { "bbr", CONGESTION_BBR }, { "cubic", CONGESTION_CUBIC },
						{ "newreno", CONGESTION_NEWRENO }, { NULL, 0 } };
	static const struct word greetings[] = { { "imap", 0 }, { "smtp", 1 }, { NULL, 0 } };
	const struct word *words = id == TRANSPORT ? transports : id == DIRECTION ? directions : id == TLS ? versions :
				   id == GROUP ? groups : id == HUGEPAGES ? pages : id == IDLE ? idles :
				   id == GREETING ? greetings : controls;
	int value = 0, rc = choice(id, text, words, &value, err);

	if (rc != 0)
		return rc;
	switch (id) {
	case TRANSPORT:
		o->kernel = value;
		break;
	case DIRECTION:
		o->direction = (enum direction)value;
		break;
	case TLS:
		o->tls_version = (uint16_t)value;
		break;
	case GROUP:
		o->group = (uint16_t)value;
		break;
	case HUGEPAGES:
		o->hugepages = (enum dataplane_hugepages)value;
		break;
	case IDLE:
		o->sleep = value;
		break;
	case GREETING:
		o->greeting = value ? "220 postern-bench ESMTP ready\r\n" : NULL;
		break;
	default:
		o->congestion = (enum congestion)value;
	}
	return 0;
}

static int take_numbers(int id, const char *text, struct options *o, struct error *err)
{
	double value;
	int rc;

	switch (id) {
	case SECONDS:
		return number(id, text, 0, SECONDS_MAX, &o->seconds, err);
	case WARMUP:
		return number(id, text, 0, SECONDS_MAX, &o->warmup_s, err);
	case TIMEOUT:
		return number(id, text, 0.1, SECONDS_MAX, &o->timeout_s, err);
	case OPEN_TIMEOUT:
		return number(id, text, 0.1, SECONDS_MAX, &o->open_timeout_s, err);
	case RATE:
		return number(id, text, 0.001, 1e8, &o->rate, err);
	case BULK_RATE:
		return number(id, text, 1, 1e12, &o->bulk_rate, err);
	case SEED:
		rc = number(id, text, 0, 0x1p53, &value, err);
		o->seed = rc == 0 ? (uint64_t)value : 0;
		return rc;
	case CPU:
		rc = number(id, text, 0, 1023, &value, err);
		o->cpu = rc == 0 ? (int)value : -1;
		return rc;
	case CONNECTIONS:
		return count(id, text, 1, CONNECTIONS_MAX, &o->connections, err);
	case DIALING:
		return count(id, text, 1, CONNECTIONS_MAX, &o->dialing, err);
	case HELD:
		return count(id, text, 0, CONNECTIONS_MAX, &o->held, err);
	case ACTIVE:
		return count(id, text, 1, CONNECTIONS_MAX, &o->active, err);
	case QUEUES:
		rc = number(id, text, 1, OPTIONS_QUEUES_MAX, &value, err);
		o->queues = rc == 0 ? (uint16_t)value : 1;
		return rc;
	case REQUEST_BYTES:
		return count(id, text, 1, 1u << 30, &o->request_bytes, err);
	case REPLY_BYTES:
		return count(id, text, 1, 1u << 30, &o->reply_bytes, err);
	default:
		return count(id, text, 32, 1u << 20, &o->memory_megabytes, err);
	}
}

static int take(int id, const char *text, struct options *o, struct error *err)
{
	switch (id) {
	case TARGET:
		return endpoint(id, text, &o->target, &o->target_port, &o->has_target, err);
	case SERVE:
		return endpoint(id, text, &o->serve, &o->serve_port, &o->has_serve, err);
	case CLIENT_NETNS:
		o->client_netns = text;
		return 0;
	case SERVE_NETNS:
		o->serve_netns = text;
		return 0;
	case CLIENT_PORT:
		o->client_port.device = text;
		return 0;
	case BACKEND_PORT:
		o->backend_port.device = text;
		return 0;
	case CLIENT_ADDRESS:
		return prefix(id, text, o->client_port.addrs, &o->client_port.n_addrs, err);
	case BACKEND_ADDRESS:
		return prefix(id, text, o->backend_port.addrs, &o->backend_port.n_addrs, err);
	case ROUTE:
		return route(id, text, o, err);
	case RESUME:
		o->resume = true;
		return 0;
	case PLAIN:
		o->plain = true;
		return 0;
	case SERVER_NAME:
		o->server_name = text;
		return 0;
	case JSON:
		o->json = text;
		return 0;
	case NAME:
		o->name = text;
		return 0;
	case QUIET:
		o->quiet = true;
		return 0;
	case PROGRESS:
		o->progress = true;
		return 0;
	case PHASES:
		o->phases = text;
		return 0;
	case ALLOW_ERRORS:
		o->allow_errors = true;
		return 0;
	case TRANSPORT:
	case DIRECTION:
	case TLS:
	case GROUP:
	case HUGEPAGES:
	case IDLE:
	case CONGESTION:
	case GREETING:
		return take_words(id, text, o, err);
	default:
		return take_numbers(id, text, o, err);
	}
}

/* What doesn't fit together. */
static int check(const struct options *o, struct error *err)
{
	bool backend = strcmp(o->workload, "backend") == 0;

	if (!backend && !workload_lookup(o->workload))
		return error_set(err, -EINVAL, ERROR_UNKNOWN, "", "there is no workload \"%s\"", o->workload);
	if (backend ? !o->has_serve : !o->has_target)
		return error_set(err, -EINVAL, ERROR_INVALID, "", "%s needs %s", o->workload,
				 backend ? "--serve ADDRESS:PORT" : "--target ADDRESS:PORT");
	if (backend && o->has_target)
		return error_set(err, -EINVAL, ERROR_CONFLICT, "--target", "a backend dials nobody");
	if (!backend && o->seconds <= 0)
		return error_set(err, -EINVAL, ERROR_INVALID, "--seconds", "a run of no time measures nothing");
	if (o->active > 0 && (strcmp(o->workload, "request") != 0 || o->rate > 0))
		return error_set(err, -EINVAL, ERROR_CONFLICT, "--active", "is of request, and of its closed loop (no --rate)");
	if (o->bulk_rate > 0 && strcmp(o->workload, "mix") != 0)
		return error_set(err, -EINVAL, ERROR_CONFLICT, "--bulk-rate", "is of mix");
	if (o->plain && o->resume)
		return error_set(err, -EINVAL, ERROR_CONFLICT, "--resume", "without TLS (--plain) there is nothing to resume");
	if (o->kernel && (o->client_port.device || o->backend_port.device || o->n_routes))
		return error_set(err, -EINVAL, ERROR_CONFLICT, "--transport", "ports and routes are the transport dpdk's");
	if (!o->kernel && (o->client_netns || o->serve_netns))
		return error_set(err, -EINVAL, ERROR_CONFLICT, "--transport", "namespaces are the transport kernel's");
	if (!o->kernel && ((o->has_target && (!o->client_port.device || !o->client_port.n_addrs)) ||
			   (o->backend_port.device && !o->backend_port.n_addrs) ||
			   (!o->client_port.device && !o->backend_port.device)))
		return error_set(err, -EINVAL, ERROR_INVALID, "--transport", "dpdk needs --client-port and --client-address "
				 "for clients, --backend-port and --backend-address for a backend on a port of its own");
	return 0;
}

enum options_outcome options_parse(int argc, char **argv, struct options *o, struct error *err)
{
	bool idle_given = false;
	int id;

	*o = (struct options){
		.seconds = 10, .warmup_s = 2, .open_timeout_s = 60, .timeout_s = 10, .connections = 64, .dialing = 64,
		.request_bytes = 64, .reply_bytes = 256, .direction = DIRECTION_DOWN, .seed = 1,
		.tls_version = TLS_VERSION_1_3, .group = 29, .cpu = -1, .queues = 1,
	};
	while ((id = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (id == HELP) {
			options_usage(stdout);
			return OPTIONS_DONE;
		}
		if (id == VERSION) {
			puts("postern-bench " POSTERN_VERSION);
			return OPTIONS_DONE;
		}
		idle_given |= id == IDLE;
		if (id == '?' || take(id, optarg, o, err) != 0) {
			if (id == '?')
				error_set(err, -EINVAL, ERROR_UNKNOWN, "", "see --help");
			return OPTIONS_WRONG;
		}
	}
	if (optind + 1 != argc) {
		error_set(err, -EINVAL, ERROR_INVALID, "", optind == argc ? "which workload? See --help" :
			  "one workload at a time; see --help");
		return OPTIONS_WRONG;
	}
	o->workload = argv[optind];
	if (!idle_given)
		o->sleep = o->kernel;
	return check(o, err) == 0 ? OPTIONS_RUN : OPTIONS_WRONG;
}
