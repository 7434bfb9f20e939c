/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The log: its two forms, hostile texts, rotation, and lines that can't be written. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "control/log.h"
#include "control/orders.h"
#include "control/text.h"
#include "tls/tls.h"

static char folder[64], file[100];

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/postern-log-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(file, sizeof(file), "%s/log", folder);
	return 0;
}

static int tear_down(void **state)
{
	char old[110];

	(void)state;
	log_close();
	snprintf(old, sizeof(old), "%s.1", file);
	unlink(old);
	unlink(file);
	return rmdir(folder);
}

static struct record sample(void)
{
	struct record r = { .id = UINT64_C(1) << 56 | 17, .start_us = UINT64_C(1790000000123456), .duration_us = 1500000,
			    .bytes_from_client = 13, .bytes_to_client = 4096, .state = "open", .version = "TLSv1.3",
			    .cipher = "TLS_AES_128_GCM_SHA256", .group = "X25519", .client_port = 40000,
			    .listen_port = 993, .server_port = 143, .end = SPLICE_CLIENT_CLOSED, .resumed = true,
			    .rule = "imap", .sni = "imap.example.test" };

	assert_int_equal(addr_parse("2001:db8::7", &r.client), 0);
	assert_int_equal(addr_parse("192.0.2.10", &r.listen), 0);
	assert_int_equal(addr_parse("10.20.0.2", &r.server), 0);
	return r;
}

static void open_log(bool json)
{
	struct error err;

	assert_int_equal(log_open(file, json, &err), 0);
}

/* The file's text; free() it. */
static char *whole(void)
{
	struct error err = { .message = "" };
	size_t bytes;
	char *text;

	assert_int_equal(text_read_file(file, 1 << 20, &text, &bytes, &err), 0);
	return text;
}

static void a_connection_as_json(void **state)
{
	struct record r = sample();
	char *text;
	json_t *o;

	(void)state;
	open_log(true);
	log_connection(&(struct record_told){ .record = r });
	text = whole();
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	o = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(o);
	assert_string_equal(json_string_value(json_object_get(o, "kind")), "connection");
	assert_string_equal(json_string_value(json_object_get(o, "id")), "1-17");
	assert_string_equal(json_string_value(json_object_get(o, "client")), "[2001:db8::7]:40000");
	assert_string_equal(json_string_value(json_object_get(o, "server")), "10.20.0.2:143");
	assert_string_equal(json_string_value(json_object_get(o, "start")), "2026-09-21T14:13:20.123456Z");
	assert_string_equal(json_string_value(json_object_get(o, "end")), "client_closed");
	assert_int_equal(json_integer_value(json_object_get(o, "bytes_to_client")), 4096);
	assert_true(json_is_true(json_object_get(o, "resumed")));
	assert_null(json_object_get(o, "tls_error"));
	json_decref(o);
	free(text);
}

/* An open one is listed with what TCP knows of both its legs, as far as they are there. */
static void an_open_connection(void **state)
{
	struct record r = sample();
	json_t *o, *tcp;

	(void)state;
	r.state = "connecting";
	r.client_tcp = (struct tcp_info){ .state = "ESTABLISHED", .congestion = "bbr", .srtt_us = 40000,
					  .pacing_rate = 1250000, .delivery_rate = 1200000, .cwnd_bytes = 100000 };
	o = record_json(&(struct record_told){ .record = r }, true);
	assert_non_null(o);
	assert_string_equal(json_string_value(json_object_get(o, "state")), "connecting");
	tcp = json_object_get(o, "client_tcp");
	assert_string_equal(json_string_value(json_object_get(tcp, "congestion")), "bbr");
	assert_int_equal(json_integer_value(json_object_get(tcp, "pacing_rate")), 1250000);
	assert_int_equal(json_integer_value(json_object_get(tcp, "delivery_rate")), 1200000);
	assert_null(json_object_get(o, "server_tcp"));
	json_decref(o);
	o = record_json(&(struct record_told){ .record = r }, false);
	assert_null(json_object_get(o, "client_tcp"));
	json_decref(o);
}

/* Why a client went away, as it said. */
static void a_clients_alert(void **state)
{
	struct record r = sample();
	char *text;

	(void)state;
	r.end = SPLICE_TLS_FAILED;
	r.tls_error = TLS_ERR_ALERT;
	r.tls_alert = 48;
	open_log(false);
	log_connection(&(struct record_told){ .record = r });
	text = whole();
	assert_non_null(strstr(text, " end=tls_failed tls_error=peer_alert tls_alert=unknown_ca\n"));
	free(text);
	r.tls_error = TLS_ERR_RECORD;
	log_connection(&(struct record_told){ .record = r });
	text = whole();
	assert_non_null(strstr(text, " end=tls_failed tls_error=bad_record\n"));
	free(text);
}

static void a_connection_as_text(void **state)
{
	struct record r = sample();
	char *text;

	(void)state;
	open_log(false);
	log_connection(&(struct record_told){ .record = r });
	text = whole();
	assert_non_null(strstr(text, "Z connection: id=1-17 rule=imap "));
	assert_non_null(strstr(text, " client=[2001:db8::7]:40000 listen=192.0.2.10:993 server=10.20.0.2:143 "));
	assert_non_null(strstr(text, " resumed=yes close_notify=no bytes_from_client=13 bytes_to_client=4096 end=client_closed\n"));
	free(text);
}

/* A client chooses its SNI: it can't forge lines or values, nor reach the terminal. */
static void hostile_names(void **state)
{
	struct record r = sample();
	char *text;
	json_t *o;

	(void)state;
	snprintf(r.sni, sizeof(r.sni), "a\nb\" rule=forged \\\x1b[2J\xff\xc2\x9b");
	r.end = SPLICE_TLS_FAILED;
	r.tls_error = TLS_ERR_SNI;
	r.server_port = 0;
	open_log(false);
	log_connection(&(struct record_told){ .record = r });
	text = whole();
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	assert_non_null(strstr(text, " server=- sni=\"a?b\\\" rule=forged \\\\?[2J??\" "));
	assert_non_null(strstr(text, " end=tls_failed tls_error=unknown_name\n"));
	assert_null(strchr(text, '\x1b'));
	free(text);
	unlink(file);
	log_close();
	open_log(true);
	log_connection(&(struct record_told){ .record = r });
	text = whole();
	o = json_loads(text, 0, NULL);
	assert_non_null(o);
	assert_string_equal(json_string_value(json_object_get(o, "rule")), "imap");
	json_decref(o);
	free(text);
}

static void messages_have_levels(void **state)
{
	char *text;

	(void)state;
	open_log(false);
	log_set_level(LOG_INFO_LEVEL);
	log_say(LOG_DEBUG_LEVEL, "unseen");
	log_say(LOG_WARNING_LEVEL, "seen %d\nand not two lines", 7);
	text = whole();
	assert_null(strstr(text, "unseen"));
	assert_non_null(strstr(text, "Z warning: seen 7?and not two lines\n"));
	free(text);
}

static void rotation_goes_on_in_a_new_file(void **state)
{
	struct error err;
	char old[110], *text;

	(void)state;
	open_log(false);
	log_say(LOG_ERROR_LEVEL, "first");
	snprintf(old, sizeof(old), "%s.1", file);
	assert_int_equal(rename(file, old), 0);
	log_say(LOG_ERROR_LEVEL, "second");	/* still into the old one */
	assert_int_equal(log_reopen(&err), 0);
	log_say(LOG_ERROR_LEVEL, "third");
	text = whole();
	assert_null(strstr(text, "second"));
	assert_non_null(strstr(text, "third"));
	free(text);
}

static void what_cant_be_written_is_counted_and_told(void **state)
{
	uint64_t before = log_lost();
	struct rlimit full = { .rlim_cur = 200 }, no_limit;
	struct record r = sample();
	char *text;

	(void)state;
	open_log(true);
	log_say(LOG_ERROR_LEVEL, "fits");
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &no_limit), 0);
	full.rlim_max = no_limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);	/* the disk is full */
	for (int i = 0; i < 3; i++)
		log_connection(&(struct record_told){ .record = r });
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &no_limit), 0);
	assert_int_equal(log_lost(), before + 3);
	log_say(LOG_ERROR_LEVEL, "goes on");
	text = whole();
	assert_non_null(strstr(text, "3 log lines could not be written"));
	assert_true(strstr(text, "goes on") > strstr(text, "3 log lines"));
	/* The line that was cut off didn't spoil the ones after it. */
	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		if (strstr(line, "goes on") != NULL || strstr(line, "could not be") != NULL) {
			json_t *o = json_loads(line, 0, NULL);

			assert_non_null(o);
			json_decref(o);
		}
	}
	free(text);
}

/* `posternd 2>&1 | something that hangs`: control goes on, and says later what is missing. */
static void a_reader_that_stands_still(void **state)
{
	uint64_t before = log_lost();
	struct error err;
	char buf[65536];
	int ends[2], stderr_copy = dup(STDERR_FILENO);
	ssize_t n;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(log_open("", true, &err), 0);
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	for (int i = 0; i < 5000; i++)
		log_say(LOG_ERROR_LEVEL, "line %d", i);
	assert_true(log_lost() > before);
	n = read(ends[0], buf, sizeof(buf));
	assert_true(n > 0);
	log_say(LOG_ERROR_LEVEL, "goes on");
	assert_true(dup2(stderr_copy, STDERR_FILENO) >= 0);
	close(ends[1]);
	n = read(ends[0], buf, sizeof(buf) - 1);
	assert_true(n > 0);
	buf[n] = '\0';
	assert_non_null(strstr(buf, "log lines could not be written"));
	assert_non_null(strstr(buf, "goes on"));
	close(ends[0]);
	close(stderr_copy);
}

static void ids(void **state)
{
	char buf[40];
	uint64_t id;

	(void)state;
	assert_int_equal(orders_id_parse("3-99", &id), 0);
	assert_true(id == (UINT64_C(3) << 56 | 99));
	assert_string_equal(orders_id_format(id, buf, sizeof(buf)), "3-99");
	assert_int_equal(orders_id_parse("", &id), -EINVAL);
	assert_int_equal(orders_id_parse("-", &id), -EINVAL);
	assert_int_equal(orders_id_parse("1-", &id), -EINVAL);
	assert_int_equal(orders_id_parse("256-1", &id), -EINVAL);
	assert_int_equal(orders_id_parse("1-72057594037927936", &id), -EINVAL);
	assert_int_equal(orders_id_parse("1-2-3", &id), -EINVAL);
	assert_int_equal(orders_id_parse("123456789-1", &id), -EINVAL);
}

int main(void)
{
#define WITH_FILE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_FILE(a_connection_as_json), WITH_FILE(an_open_connection),
		WITH_FILE(a_connection_as_text),
		WITH_FILE(a_clients_alert),
		WITH_FILE(hostile_names),
		WITH_FILE(messages_have_levels),
		WITH_FILE(rotation_goes_on_in_a_new_file),
		WITH_FILE(what_cant_be_written_is_counted_and_told),
		WITH_FILE(a_reader_that_stands_still),
		cmocka_unit_test(ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
