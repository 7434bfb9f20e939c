/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bench/report.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/html.h"
#include "bench/result.h"

static const char usage[] =
	"Usage: postern-bench report [LABEL=]FILE... -o PAGE.html [--title TEXT]\n"
	"\n"
	"Makes one HTML page, without scripts or other files, of results: those that\n"
	"postern-bench wrote (--json), and those of bench/compare. Results of postern-bench\n"
	"are named for their file, or LABEL; what is labelled 'postern' is compared with\n"
	"the others. \"-o -\" writes to standard output.\n";

static const char reading[] =
	"<h2>How this was measured, and how to read it</h2>\n"
	"<ul class='notes'>\n"
	"<li>Per gateway core: each gateway had one core, the load generator and the internal server another. "
	"Where the load generator was the limit, it says so.</li>\n"
	"<li>Per CPU-second: the rate divided by the share of the time that the gateway's core worked. "
	"For gateways over the kernel that is the core's time that wasn't idle (core_busy_s), which counts what the "
	"kernel does for them outside of their process. A gateway that polls is never idle for the kernel: "
	"there it is the time of those turns of its loop that found work, by the processor's own counter (busy_s). "
	"Which it is stands with each one's numbers.</li>\n"
	"<li>Values are medians over rounds; beside or below them the least and the most. Rounds of all gateways "
	"interleave, so what slows the machine for a while slows them all.</li>\n"
	"<li>Latencies are counted in buckets less than 1 % wide and told by their upper end. The percentile curves "
	"put all rounds together.</li>\n"
	"</ul>\n";

static const json_t *first_result(const struct comparison *c)
{
	return c->n > 0 ? c->cases[0].series[0].rounds[0].result : NULL;
}

static bool has_peers_and_postern(const struct comparison *c)
{
	bool ours = false, peers = false;

	for (size_t i = 0; i < c->n; i++) {
		for (size_t k = 0; k < c->cases[i].n; k++) {
			ours = ours || !series_is_peer(&c->cases[i].series[k]);
			peers = peers || series_is_peer(&c->cases[i].series[k]);
		}
	}
	return ours && peers;
}

static void machine_line(FILE *out, const struct comparison *c)
{
	const json_t *result = first_result(c), *cpu = json_object_get(result, "cpu");
	const json_t *started = json_object_get(c->described != NULL ? c->described : result, "started");
	const json_t *machine = json_object_get(c->described, "machine");

	fputs("<p class='soft'>", out);
	html_json(out, started, 0);
	if (cpu != NULL)
		html_textf(out, " · %s, %.0f MHz", json_string_value(json_object_get(cpu, "model")) != NULL ?
			   json_string_value(json_object_get(cpu, "model")) : "?",
			   json_number_value(json_object_get(cpu, "mhz")));
	if (json_is_integer(json_object_get(machine, "cores")))
		html_textf(out, " · %" JSON_INTEGER_FORMAT " cores", json_integer_value(json_object_get(machine, "cores")));
	fputs("</p>\n", out);
}

static void repeat_part(FILE *out, const char *title, const json_t *json)
{
	if (json == NULL)
		return;
	html_element(out, "h3", "%s", title);
	fputs("<div class='scroll'>", out);
	html_json(out, json, 5);
	fputs("</div>\n", out);
}

/* All that it takes to do it again. */
static void repeat(FILE *out, const struct comparison *c)
{
	char name[160];

	fputs("<h2>To repeat it</h2>\n", out);
	repeat_part(out, "Machine", json_object_get(c->described, "machine"));
	repeat_part(out, "Settings", json_object_get(c->described, "settings"));
	repeat_part(out, "Versions", json_object_get(first_result(c), "versions"));
	fputs("<h3>Workloads</h3>\n<div class='scroll'><table><thead><tr><th>workload</th><th>seed</th><th>seconds</th>"
	      "<th>parameters of its first run</th></tr></thead><tbody>\n", out);
	for (size_t i = 0; i < c->n; i++) {
		const json_t *result = c->cases[i].series[0].rounds[0].result;

		fputs("<tr>", out);
		html_element(out, "td", "%s", report_case_name(&c->cases[i], name, sizeof(name)));
		fputs("<td class='n'>", out);
		html_json(out, json_object_get(result, "seed"), 0);
		fputs("</td>", out);
		html_element(out, "td class='n'", "%.3g", json_number_value(json_object_get(result, "duration_s")));
		fputs("<td>", out);
		html_json(out, json_object_get(result, "parameters"), 3);
		fputs("</td></tr>\n", out);
	}
	fputs("</tbody></table></div>\n", out);
}

void report_page(FILE *out, const struct comparison *c, const char *title)
{
	if (title == NULL)
		title = has_peers_and_postern(c) ? "postern beside other gateways" : "What postern-bench measured";
	fputs("<!DOCTYPE html>\n<html lang='en' xmlns='http://www.w3.org/1999/xhtml'>\n<head><meta charset='utf-8'/>"
	      "<meta name='viewport' content='width=device-width, initial-scale=1'/>", out);
	html_element(out, "title", "%s", title);
	fprintf(out, "<style>\n%s</style></head>\n<body>\n", report_style);
	html_element(out, "h1", "%s", title);
	machine_line(out, c);
	report_summary(out, c);
	for (size_t i = 0; i < c->n; i++)
		report_case(out, c, &c->cases[i]);
	fputs(reading, out);
	repeat(out, c);
	fputs("</body>\n</html>\n", out);
}

/* "LABEL=FILE", unless a file has that name. */
static const char *split_label(char *arg, char **label)
{
	char *equals = strchr(arg, '=');

	*label = NULL;
	if (equals == NULL || equals == arg || access(arg, F_OK) == 0)
		return arg;
	*equals = '\0';
	*label = arg;
	return equals + 1;
}

static int write_page(const struct comparison *c, const char *path, const char *title)
{
	FILE *out = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
	bool failed;

	if (out == NULL) {
		fprintf(stderr, "postern-bench: can't write %s: %m\n", path);
		return 1;
	}
	report_page(out, c, title);
	failed = fflush(out) != 0 || ferror(out);
	if (out != stdout && fclose(out) != 0)
		failed = true;
	if (failed)
		fprintf(stderr, "postern-bench: can't write %s: %m\n", path);
	return failed ? 1 : 0;
}

static int wrong_usage(const char *what, const char *which)
{
	fprintf(stderr, "postern-bench: report: %s%s\n%s", what, which, usage);
	return 2;
}

int report_main(int argc, char **argv)
{
	const char *page = NULL, *title = NULL;
	struct comparison c;
	struct error err;
	char text[1024], *label;
	int status = 0;

	comparison_init(&c);
	for (int i = 1; i < argc && status == 0; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			fputs(usage, stdout);
			comparison_fini(&c);
			return 0;
		}
		if (strcmp(argv[i], "-o") == 0 && i + 1 < argc) {
			page = argv[++i];
		} else if (strcmp(argv[i], "--title") == 0 && i + 1 < argc) {
			title = argv[++i];
		} else if (argv[i][0] == '-') {
			status = wrong_usage("what is ", argv[i]);
		} else {
			const char *file = split_label(argv[i], &label);

			if (comparison_load(&c, file, label, &err) < 0) {
				fprintf(stderr, "postern-bench: %s\n", error_format(&err, text, sizeof(text)));
				status = 1;
			}
		}
	}
	if (status == 0 && page == NULL)
		status = wrong_usage("where to? (-o PAGE.html)", "");
	else if (status == 0 && c.n == 0)
		status = wrong_usage("there is no result in what was given", "");
	if (status == 0)
		status = write_page(&c, page, title);
	comparison_fini(&c);
	return status;
}
