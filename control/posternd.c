/* SPDX-License-Identifier: GPL-3.0-or-later */
/* posternd: the start-up ladder, the loop, and the way down. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/ending.h"
#include "control/gateway.h"
#include "control/log.h"
#include "control/loop.h"
#include "control/metrics_server.h"
#include "control/secrecy.h"
#include "control/server.h"
#include "control/staples_fetch.h"
#include "tls/keylog.h"
#include "tls/selftest.h"
#include "tls/tls.h"

/*
 * Connections end at any time. What they leave is written at least so often; when many end, as often
 * as it takes to find some LOG_LINES each time: whoever shares our core waits for few lines, not for many.
 */
#define LOG_EVERY_MS 50u
#define LOG_LINES 16u
#define TICK_MS 1000

enum { EXIT_OK = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

struct options {
	const char *config, *key_log;
	bool check, slow_crypto, verbose, core_dumps;
};

struct daemon {
	struct gateway gateway;
	struct loop *loop;
	struct server *server;
	struct metrics_server *metrics;
	unsigned int log_ms;	/* until what connections left is written again */
};

static void usage(FILE *out)
{
	fputs("Usage: posternd [--config FILE] [--allow-slow-crypto] [--verbose] [--core-dumps]\n"
	      "                [--debug-key-log FILE]\n"
	      "       posternd --check-config FILE\n"
	      "       posternd --version | --help\n"
	      "\n"
	      "The publishing gateway for mail. Runs in the foreground.\n"
	      "\n"
	      "  -c, --config FILE      the configuration (default: " CONFIG_FILE_DEFAULT ")\n"
	      "  --check-config FILE    read it, its rules and certificates, touch no device, and exit\n"
	      "  --allow-slow-crypto    start even if the TLS library uses no AES instructions\n"
	      "  -v, --verbose          say more in the log\n"
	      "  --core-dumps           for debugging: leave core dumps on, private keys in them\n"
	      "  --debug-key-log FILE   for debugging: write the secrets of every TLS session to it\n"
	      "  --version, --help      what they say\n"
	      "\n"
	      "SIGHUP reads rules and certificates again and opens the log file again; SIGTERM and\n"
	      "SIGINT stop. Exit status: 0 stopped or checked, 1 refused with a reason, 2 usage.\n"
	      "See posternd(8), and postern(1) for the operator's command.\n", out);
}

/* -1: go on; else the exit status. */
static int parse_options(int argc, char **argv, struct options *o)
{
	enum { CHECK = 256, SLOW, VERSION, CORE_DUMPS, KEY_LOG };
	static const struct option known[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check-config", required_argument, NULL, CHECK },
		{ "allow-slow-crypto", no_argument, NULL, SLOW },
		{ "verbose", no_argument, NULL, 'v' },
		{ "core-dumps", no_argument, NULL, CORE_DUMPS },
		{ "debug-key-log", required_argument, NULL, KEY_LOG },
		{ "version", no_argument, NULL, VERSION },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	*o = (struct options){ .config = CONFIG_FILE_DEFAULT };
	while ((c = getopt_long(argc, argv, "c:vh", known, NULL)) != -1) {
		switch (c) {
		case CHECK:
			o->check = true;
			o->config = optarg;
			break;
		case 'c':
			o->config = optarg;
			break;
		case SLOW:
			o->slow_crypto = true;
			break;
		case 'v':
			o->verbose = true;
			break;
		case CORE_DUMPS:
			o->core_dumps = true;
			break;
		case KEY_LOG:
			o->key_log = optarg;
			break;
		case VERSION:
			puts("posternd " POSTERN_VERSION);
			return EXIT_OK;
		case 'h':
			usage(stdout);
			return EXIT_OK;
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "posternd: \"%s\" isn't an option\n", argv[optind]);
	usage(stderr);
	return EXIT_USAGE;
}

static int open_key_log(const char *path, struct error *err)
{
	char why[512];
	int r = path != NULL ? tls_key_log_open(path, why, sizeof(why)) : 0;

	if (r != 0)
		return error_set(err, r, ERROR_IO, "--debug-key-log", "%s", why);
	if (path != NULL)
		log_say(LOG_WARNING_LEVEL, "DEBUGGING: the secrets of every TLS session are written to %s; whoever reads "
			"that file reads all mail that passes. Start again without --debug-key-log when done", path);
	return 0;
}

static int start_tls(struct tls_selftest *test, struct error *err)
{
	const char *why = "";
	int r = tls_init(&why);

	if (r != 0)
		return error_set(err, r, ERROR_INTERNAL, "TLS", "%s", why);
	tls_selftest_run(test);
	return 0;
}

/* A library without AES instructions looks healthy and is some thirty times slower. */
static int judge_tls(const struct tls_selftest *test, bool slow_crypto, struct error *err)
{
	log_say(LOG_INFO_LEVEL, "wolfSSL %s: AES-128-GCM %.0f MB/s, P-256 %.0f signatures/s; processor: %s; %s; has: %s",
		test->version, test->aes128_gcm_mb_s, test->p256_signs_s, test->instructions, test->wide,
		test->features);
	if (test->aes_instructions)
		return 0;
	if (slow_crypto) {
		log_say(LOG_WARNING_LEVEL, "the TLS library uses no AES instructions; going on, as told");
		return 0;
	}
	error_set(err, -ENOTSUP, ERROR_INVALID, "TLS", "the TLS library uses no AES instructions on this machine "
		  "(%.0f MB/s)", test->aes128_gcm_mb_s);
	return error_hint(err, -ENOTSUP, "build it with tls/wolfssl/build on a processor with AES-NI, or start "
			  "with --allow-slow-crypto");
}

static int check_config(const struct options *o)
{
	struct tls_selftest test;
	struct config *config;
	struct error err;
	char text[1300];
	int r = start_tls(&test, &err);

	if (r == 0)
		r = config_read(o->config, &config, &err);
	if (r == 0) {
		r = gateway_check(config, &err);
		if (r == 0)
			printf("%s: right: %u ports, %u rules\n", o->config, config->dataplane.netifs.n_netifs,
			       config->rules.n);
		config_free(config);
	}
	if (r == 0)
		return EXIT_OK;
	fprintf(stderr, "posternd: %s\n", error_format(&err, text, sizeof(text)));
	return EXIT_REFUSED;
}

static void on_tick(void *daemon)
{
	gateway_tick(&((struct daemon *)daemon)->gateway, monotonic_us());
}

static unsigned int on_log(void *daemon)
{
	struct daemon *d = daemon;
	unsigned int n = ending_log();

	d->log_ms = n > 0 ? d->log_ms * LOG_LINES / n : LOG_EVERY_MS;
	if (d->log_ms > LOG_EVERY_MS)
		d->log_ms = LOG_EVERY_MS;
	if (d->log_ms == 0 || n == ENDING_BURST)
		d->log_ms = 1;
	return d->log_ms;
}

static unsigned int on_fetch(void *daemon)
{
	return staples_fetch_run(&((struct daemon *)daemon)->gateway, monotonic_us());
}

static void on_hangup(void *daemon)
{
	struct daemon *d = daemon;
	struct reload_report report;
	struct error err;
	char text[1300];

	if (log_reopen(&err) != 0)
		log_say(LOG_ERROR_LEVEL, "SIGHUP: %s", error_format(&err, text, sizeof(text)));
	if (gateway_reload(&d->gateway, &report, &err) != 0)
		log_say(LOG_ERROR_LEVEL, "SIGHUP: nothing was changed: %s", error_format(&err, text, sizeof(text)));
}

static void on_stop_signal(void *daemon)
{
	log_say(LOG_INFO_LEVEL, "stopping: a signal says so");
	loop_stop(((struct daemon *)daemon)->loop, 0);
}

/* Leaves a moment for the answer to be sent. */
static void stop_soon(void *daemon)
{
	loop_stop(((struct daemon *)daemon)->loop, 50);
}

static int start_loop(struct daemon *d, struct error *err)
{
	const struct config *c = d->gateway.config;
	struct server_config server = { .path = c->control.socket, .mode = (unsigned int)c->control.mode,
					.group = c->control.group };

	d->loop = loop_new();
	if (d->loop == NULL || loop_every(d->loop, TICK_MS, on_tick, d) != 0 ||
	    loop_paced(d->loop, on_log, d) != 0 || loop_paced(d->loop, on_fetch, d) != 0 ||
	    loop_at_signal(d->loop, SIGHUP, on_hangup, d) != 0 ||
	    loop_at_signal(d->loop, SIGTERM, on_stop_signal, d) != 0 ||
	    loop_at_signal(d->loop, SIGINT, on_stop_signal, d) != 0)
		return error_set(err, -ENOMEM, ERROR_INTERNAL, "", "the event loop can't be made");
	d->gateway.stop = stop_soon;
	d->gateway.stop_arg = d;
	d->server = server_new(loop_base(d->loop), &d->gateway, &server, err);
	if (d->server == NULL)
		return -EIO;
	if (c->metrics.port == 0)
		return 0;
	d->metrics = metrics_server_new(d->loop, &d->gateway, &c->metrics.addr, c->metrics.port, err);
	return d->metrics == NULL ? -EIO : 0;
}

static int start_dataplane(struct gateway *g, struct error *err)
{
	/* A copy: what the devices tell is not the operator's configuration. */
	struct dataplane_config *copy = malloc(sizeof(*copy));
	char why[1000] = "";
	int r;

	if (copy == NULL)
		return error_set(err, -ENOMEM, ERROR_INTERNAL, "", "out of memory");
	*copy = g->config->dataplane;
	r = dataplane_start(copy, why, sizeof(why));
	free(copy);
	if (r != 0)
		return error_set(err, r, ERROR_IO, "dataplane", "%s", why);
	dataplane_describe(why, sizeof(why));
	log_say(LOG_INFO_LEVEL, "%s", why);
	return 0;
}

/* Every rung says what is wrong; what was begun is undone in the reverse order. */
static int run(struct daemon *d, const struct options *o, struct error *err)
{
	struct tls_selftest test;
	struct config *config;
	int r = config_read(o->config, &config, err);

	if (r != 0)
		return r;
	r = log_open(config->log.file, config->log.format == LOG_JSON, err);
	log_say(LOG_INFO_LEVEL, "posternd " POSTERN_VERSION " starts with %s", config->file);
	secrecy_begin(o->core_dumps);
	if (r == 0)
		r = open_key_log(o->key_log, err);
	if (r == 0)
		r = start_tls(&test, err);
	if (r == 0)
		r = judge_tls(&test, o->slow_crypto, err);
	if (r != 0) {
		config_free(config);
		return r;
	}
	r = gateway_init(&d->gateway, config, err);
	if (r != 0)
		return r;
	d->gateway.tls_version = test.version;
	r = start_dataplane(&d->gateway, err);
	if (r != 0) {
		gateway_fini(&d->gateway);
		return r;
	}
	r = gateway_publish_first(&d->gateway, err);
	if (r == 0)
		r = start_loop(d, err);
	if (r == 0) {
		log_say(LOG_INFO_LEVEL, "ready: %u workers, %u rules, control socket %s", dataplane_workers(),
			d->gateway.rules.n, d->gateway.config->control.socket);
		loop_run(d->loop);
	}
	metrics_server_free(d->metrics);
	server_free(d->server);
	loop_free(d->loop);
	gateway_end_connections();
	dataplane_stop();
	gateway_log_last(&d->gateway);
	gateway_fini(&d->gateway);
	tls_key_log_close();
	return r;
}

int main(int argc, char **argv)
{
	static struct daemon d;
	struct options o;
	struct error err;
	int status = parse_options(argc, argv, &o), r;

	if (status >= 0)
		return status;
	if (o.check)
		return check_config(&o);
	if (o.verbose)
		log_set_level(LOG_DEBUG_LEVEL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);	/* until the loop is there; what it would read again is being read now */
	r = run(&d, &o, &err);
	if (r != 0)
		log_fatal(&err);
	else
		log_say(LOG_INFO_LEVEL, "stopped");
	log_close();
	return r == 0 ? EXIT_OK : EXIT_REFUSED;
}
