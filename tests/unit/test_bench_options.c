/* SPDX-License-Identifier: GPL-3.0-or-later */
/* postern-bench's command line: what is taken, and what is refused with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <getopt.h>
#include <string.h>

#include <cmocka.h>

#include "bench/options.h"
#include "tls/context.h"

static struct options options;
static struct error error;

static enum options_outcome parse(const char *line)
{
	static char text[1024];
	char *argv[64] = { (char *)"postern-bench" }, *word;
	int argc = 1;

	snprintf(text, sizeof(text), "%s", line);
	for (word = strtok(text, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	error = (struct error){ .code = "" };
	optind = 0;	/* from the beginning again */
	return options_parse(argc, argv, &options, &error);
}

#define KERNEL "--transport kernel --target 192.0.2.1:993 "
#define DPDK "--target 192.0.2.1:993 --client-port net_null0 --client-address 192.0.2.9/24 "

static void defaults(void **state)
{
	assert_int_equal(parse("handshake " KERNEL), OPTIONS_RUN);
	assert_true(options.kernel && options.sleep && options.has_target && !options.has_serve);
	assert_int_equal(options.target_port, 993);
	assert_int_equal(options.tls_version, TLS_VERSION_1_3);
	assert_int_equal(options.group, 29);
	assert_int_equal(options.connections, 64);
	assert_int_equal(parse("bulk " DPDK), OPTIONS_RUN);
	assert_false(options.sleep);
	assert_int_equal(options.client_port.n_addrs, 1);
}

static void everything_is_taken(void **state)
{
	assert_int_equal(parse("request " DPDK "--serve [2001:db8::2]:143 --backend-port net_null1 --backend-address 2001:db8::2/64 "
			       "--backend-address 10.0.0.2/24 --route default,192.0.2.254 --rate 1.5e3 --tls 1.2 --group p256 "
			       "--connections 100000 --request-bytes 100 --reply-bytes 200 --seed 99 --cpu 1 --idle sleep "
			       "--congestion cubic --hugepages no --memory 64 --direction both --resume --json - --name x"),
			 OPTIONS_RUN);
	assert_int_equal(options.serve_port, 143);
	assert_int_equal(options.backend_port.n_addrs, 2);
	assert_int_equal(options.n_routes, 1);
	assert_true(options.rate == 1500 && options.resume && options.sleep);
	assert_int_equal(options.tls_version, TLS_VERSION_1_2);
	assert_int_equal(options.group, 23);
	assert_int_equal(options.seed, 99);
	assert_int_equal(options.congestion, CONGESTION_CUBIC);
	assert_int_equal(options.direction, DIRECTION_BOTH);
	assert_int_equal(options.memory_megabytes, 64);
}

static void wrong(const char *line, const char *where, const char *message)
{
	assert_int_equal(parse(line), OPTIONS_WRONG);
	assert_non_null(strstr(error.where, where));
	assert_non_null(strstr(error.message, message));
}

static void what_is_wrong_is_said(void **state)
{
	wrong("", "", "which workload");
	wrong("request bulk " KERNEL, "", "one workload");
	wrong("nonsense " KERNEL, "", "nonsense");
	wrong("request --transport kernel", "", "--target");
	wrong("request --transport kernel --target 192.0.2.1", "--target", "address and port");
	wrong("request " KERNEL "--seconds 0", "--seconds", "measures nothing");
	wrong("request " KERNEL "--seconds x", "--seconds", "number");
	wrong("request " KERNEL "--seconds 1x", "--seconds", "number");
	wrong("request " KERNEL "--seconds nan", "--seconds", "number");
	wrong("request " KERNEL "--connections 0", "--connections", "number from 1");
	wrong("request " KERNEL "--rate -1", "--rate", "number");
	wrong("request " KERNEL "--tls 1.1", "--tls", "1.2 1.3");
	wrong("request " KERNEL "--route default", "--route", "next hop");
	wrong("request " KERNEL "--client-port net_null0", "--transport", "dpdk");
	wrong("request " KERNEL "--plain --resume", "--resume", "nothing to resume");
	wrong("request " DPDK "--client-netns x", "--transport", "kernel");
	wrong("request --target 192.0.2.1:993", "--transport", "--client-port");
	wrong("backend --transport kernel", "", "--serve");
	wrong("backend " KERNEL "--serve 127.0.0.1:1", "--target", "dials nobody");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(everything_is_taken),
		cmocka_unit_test(what_is_wrong_is_said),
	};

	return cmocka_run_group_tests_name("bench_options", tests, NULL, NULL);
}
