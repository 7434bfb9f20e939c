/* SPDX-License-Identifier: GPL-3.0-or-later */
/* postern-bench: drives a TLS mail gateway from both sides, and measures it. */
#include <string.h>

#include <rte_version.h>

#include "bench/options.h"
#include "bench/report.h"
#include "bench/result.h"
#include "bench/run.h"
#include "bench/transport.h"
#include "bench/workload.h"
#include "tls/context.h"
#include "tls/selftest.h"

enum { EXIT_GOOD = 0, EXIT_ERRORS = 1, EXIT_USAGE = 2 };

static int complain(const struct error *err, int status)
{
	char text[1300];

	fprintf(stderr, "postern-bench: %s\n", error_format(err, text, sizeof(text)));
	return status;
}

static void note_tls(struct result *r, const struct options *o)
{
	result_parameter_bool(r, "plain", o->plain);
	if (o->plain)
		return;
	result_parameter_text(r, "tls", o->tls_version == TLS_VERSION_1_2 ? "1.2" : "1.3");
	result_parameter_int(r, "group", o->group);
	result_parameter_bool(r, "resume", o->resume);
}

static void note_parameters(struct result *r, const struct options *o)
{
	static const char *const directions[] = { "", "down", "up", "both" };
	static const char *const controls[] = { "default", "bbr", "cubic", "newreno" };

	result_parameter_int(r, "connections", o->connections);
	result_parameter_int(r, "dialing", o->dialing);
	if (o->held > 0)
		result_parameter_int(r, "held", o->held);
	if (o->active > 0)
		result_parameter_int(r, "active", o->active);
	result_parameter_real(r, "seconds", o->seconds);
	result_parameter_real(r, "warmup_s", o->warmup_s);
	if (o->rate > 0)
		result_parameter_real(r, "rate_per_s", o->rate);
	if (strcmp(o->workload, "request") == 0 || strcmp(o->workload, "mix") == 0) {
		result_parameter_int(r, "request_bytes", o->request_bytes);
		result_parameter_int(r, "reply_bytes", o->reply_bytes);
	}
	if (strcmp(o->workload, "bulk") == 0 || strcmp(o->workload, "mix") == 0)
		result_parameter_text(r, "direction", directions[o->direction]);
	if (strcmp(o->workload, "backend") != 0)
		note_tls(r, o);
	result_parameter_text(r, "idle", o->sleep ? "sleep" : "poll");
	if (!o->kernel) {
		result_parameter_text(r, "client_port", o->client_port.device ? o->client_port.device : "");
		result_parameter_text(r, "backend_port", o->backend_port.device ? o->backend_port.device : "");
		result_parameter_int(r, "queues", o->queues);
		result_parameter_text(r, "congestion", controls[o->congestion]);
	}
}

static struct result *make_result(const struct options *o)
{
	char target[ENDPOINT_TEXT_BYTES];
	struct result *r;

	if (o->has_target)
		endpoint_format(&o->target, o->target_port, target, sizeof(target));
	else
		endpoint_format(&o->serve, o->serve_port, target, sizeof(target));
	r = result_new(o->workload, o->name ? o->name : o->workload, o->kernel ? "kernel" : "dpdk", target);
	result_seed(r, o->seed);
	result_version(r, "dpdk", rte_version());
	result_version(r, "wolfssl", tls_library_version());
	note_parameters(r, o);
	return r;
}

/* What is printed and written; the exit status. */
static int tell(const struct result *r, const struct options *o, uint64_t errors, struct error *err)
{
	if (!o->quiet && !(o->json && strcmp(o->json, "-") == 0))
		result_print(result_json(r), stdout);
	if (o->json && result_write(r, o->json, err) != 0)
		return complain(err, EXIT_ERRORS);
	return errors > 0 && !o->allow_errors ? EXIT_ERRORS : EXIT_GOOD;
}

int main(int argc, char **argv)
{
	static struct run run;
	struct transport *t;
	struct options o;
	struct result *r;
	struct error err = { .code = "" };
	int rc;

	if (argc > 1 && strcmp(argv[1], "report") == 0)
		return report_main(argc - 1, argv + 1);
	switch (options_parse(argc, argv, &o, &err)) {
	case OPTIONS_DONE:
		return EXIT_GOOD;
	case OPTIONS_WRONG:
		return complain(&err, EXIT_USAGE);
	case OPTIONS_RUN:
		break;
	}
	t = o.kernel ? transport_kernel_new(&o, &err) : transport_dpdk_new(&o, &err);
	if (!t)
		return complain(&err, EXIT_ERRORS);
	r = make_result(&o);
	rc = o.has_target ? run_workload(&run, &o, workload_lookup(o.workload), t, r, &err) :
			    run_backend(&o, t, r, &err);
	rc = rc != 0 ? complain(&err, EXIT_ERRORS) : tell(r, &o, run_errors_total(&run), &err);
	transport_free(t);
	result_free(r);
	return rc;
}
