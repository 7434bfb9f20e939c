/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The imap and smtp workloads and their services, face to face in memory: what one
 * sends reaches the other in pieces of any size, through as little room as may be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/backend.h"
#include "bench/client.h"
#include "bench/mail.h"
#include "bench/options.h"
#include "bench/result.h"
#include "bench/run.h"
#include "base/assert.h"
#include "eal.h"

#define QUEUE_BYTES (1u << 20)
#define MESSAGES 20000

extern const struct workload workload_imap, workload_smtp;
extern const struct service service_imap, service_smtp;

struct way {
	char bytes[QUEUE_BYTES];
	uint32_t n;
};

static struct rte_mempool *mbufs;
static struct way up, down;
static struct {
	const struct workload *workload;
	const struct service *service;
	struct client *client;
	struct served *served;
	uint32_t piece_max;
	uint64_t flip_at;	/* this byte of `down` (or `up`, with flip_up) arrives wrong */
	bool flip_up;
	uint64_t down_bytes, up_bytes;
	bool closed, failed;
	const char *error;
	int sessions;
} pair;

static struct wheel wheel;
static struct transport transport = { .wheel = &wheel };
static struct options options;
static struct run run;
static struct clients clients = { .run = &run };

double clock_ns_per_cycle = 1;

static uint64_t seed = 7;

uint64_t run_random(struct run *r)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

double run_random_unit(struct run *r)
{
	return (double)(run_random(r) >> 11) * 0x1p-53;
}

void run_error(struct run *r, const char *name)
{
	pair.error = name;
}

struct run *client_run(const struct client *c)
{
	return &run;
}

static void put(struct way *way, const void *data, uint32_t bytes)
{
	ASSERT(way->n + bytes <= QUEUE_BYTES);
	memcpy(way->bytes + way->n, data, bytes);
	way->n += bytes;
}

/* One piece more is taken when there is any room: so it is with the real ones. */
static uint32_t room(const struct way *way)
{
	return way->n < 3000 ? 3000 - way->n : 0;
}

uint32_t client_room(struct client *c)
{
	return room(&up);
}

void client_send_bytes(struct client *c, const void *data, uint32_t bytes)
{
	put(&up, data, bytes);
}

void client_wake(struct client *c)
{
}

void client_close(struct client *c)
{
	c->state = CLIENT_CLOSING;
	pair.closed = true;
}

void client_fail(struct client *c, const char *name)
{
	pair.error = name;
	pair.failed = c->ended = true;
}

uint32_t served_room(struct served *s)
{
	return room(&down);
}

void served_send_bytes(struct served *s, const void *data, uint32_t bytes)
{
	put(&down, data, bytes);
}

void served_wake(struct served *s)
{
}

void served_fail(struct served *s, const char *name)
{
	pair.error = name;
	pair.failed = s->ended = true;
}

/* Some of what is under way, as a chain of buffers. */
static struct rte_mbuf *piece_of(struct way *way, uint64_t *so_far, bool flips)
{
	uint32_t bytes = 1 + (uint32_t)run_random(&run) % pair.piece_max, taken = 0;
	struct rte_mbuf *head = NULL;

	if (bytes > way->n)
		bytes = way->n;
	while (taken < bytes) {
		uint32_t any = 1 + (uint32_t)run_random(&run) % (bytes - taken), n = any < 1500 ? any : 1500;
		struct rte_mbuf *m = rte_pktmbuf_alloc(mbufs);
		char *to;

		assert_non_null(m);
		to = rte_pktmbuf_append(m, (uint16_t)n);
		memcpy(to, way->bytes + taken, n);
		if (flips && pair.flip_at >= *so_far && pair.flip_at < *so_far + n)
			to[pair.flip_at - *so_far] ^= 1;
		*so_far += n;
		taken += n;
		if (head != NULL)
			assert_int_equal(rte_pktmbuf_chain(head, m), 0);
		else
			head = m;
	}
	memmove(way->bytes, way->bytes + bytes, way->n - bytes);
	way->n -= bytes;
	return head;
}

static void serve(void)
{
	struct rte_mbuf *m = piece_of(&up, &pair.up_bytes, pair.flip_up);

	if (m != NULL)
		pair.service->received(pair.served, m);
	if (!pair.failed && pair.service->writable != NULL)
		pair.service->writable(pair.served);
}

static void read_answers(void)
{
	struct rte_mbuf *m = piece_of(&down, &pair.down_bytes, !pair.flip_up);

	if (m != NULL)
		pair.workload->received(pair.client, m);
	if (!pair.failed && pair.workload->writable != NULL)
		pair.workload->writable(pair.client);
}

static void free_ends(void)
{
	free(pair.client);
	free(pair.served);
	pair.client = NULL;
	pair.served = NULL;
}

static void begin_session(void)
{
	const char *greeting = pair.workload->greeting ? pair.workload->greeting : BACKEND_GREETING;

	free_ends();
	pair.client = aligned_alloc(64, 1024);
	pair.served = calloc(1, sizeof(*pair.served));
	ASSERT(pair.client != NULL && sizeof(struct client) + pair.workload->state_bytes <= 1024);
	memset(pair.client, 0, 1024);
	pair.client->all = &clients;
	pair.client->state = CLIENT_OPEN;
	pair.closed = pair.failed = false;
	up.n = down.n = 0;
	if (pair.workload->begin != NULL)
		pair.workload->begin(pair.client);
	served_send_bytes(pair.served, greeting, (uint32_t)strlen(greeting));
	assert_true(pair.service->begin(pair.served, ""));
}

/* A whole session, to a good end or to an error. */
static void session(void)
{
	begin_session();
	for (uint32_t idle = 0; !pair.closed && !pair.failed; idle++) {
		uint32_t before = up.n + down.n;

		serve();
		if (!pair.failed)
			read_answers();
		if (before > 0)
			idle = 0;
		/* Nothing under way: in IDLE it goes on when the timer fires. */
		transport.now_us += 1000;
		wheel_run(&wheel, transport.now_us, 10);
		if (idle > 100000)
			fail_msg("stuck");
	}
	pair.workload->ended(pair.client, pair.failed ? CLIENT_FAILED : CLIENT_CLOSED);
	pair.sessions += !pair.failed;
}

static void set_up(const struct workload *w, const struct service *s, uint32_t piece_max)
{
	free_ends();
	memset(&pair, 0, sizeof(pair));
	pair.workload = w;
	pair.service = s;
	pair.piece_max = piece_max;
	pair.flip_at = UINT64_MAX;
	run.options = &options;
	run.transport = &transport;
	run.workload = w;
	run.phase = RUN_MEASURING;
	histogram_init(&run.latency);
	wheel_init(&wheel, 1024, transport.now_us);
	assert_int_equal(w->start(&run, NULL), 0);
	w->measure(&run, true);
}

static json_t *found(void)
{
	struct result *r = result_new(pair.workload->name, "", "memory", "");
	json_t *json;

	pair.workload->measure(&run, false);
	run.measured_s = 1;
	pair.workload->finish(&run, r);
	json = json_deep_copy(result_json(r));
	result_free(r);
	return json;
}

static double metric(json_t *json, const char *name, const char *part)
{
	json = json_object_get(json_object_get(json, "metrics"), name);
	if (part != NULL)
		json = json_object_get(json, part);
	assert_true(json_is_number(json));
	return json_number_value(json);
}

static void sessions_of(const struct workload *w, const struct service *s, uint32_t piece_max, int n)
{
	set_up(w, s, piece_max);
	while (pair.sessions < n) {
		session();
		if (pair.error != NULL)
			fail_msg("%s in session %d with pieces of %u", pair.error, pair.sessions, piece_max);
		assert_int_equal(up.n, 0);
		assert_int_equal(rte_mempool_in_use_count(mbufs), 0);
	}
}

static void imap_sessions_come_to_a_good_end(void **state)
{
	json_t *json;

	sessions_of(&workload_imap, &service_imap, 1, 1);
	sessions_of(&workload_imap, &service_imap, 4000, 40);
	json = found();
	assert_int_equal(metric(json, "sessions_per_s", NULL), 40);
	assert_true(metric(json, "messages_per_s", NULL) > 40 * 2 && metric(json, "messages_per_s", NULL) < 40 * 5);
	/* LOGIN, SELECT, IDLE's "+" and its end, LOGOUT; and a fetch for the list and for each message. */
	assert_int_equal(metric(json, "latency_us", "count"), 40 * 5);
	assert_int_equal(metric(json, "fetch_us", "count"), 40 + metric(json, "messages_per_s", NULL));
	assert_int_equal(metric(json, "greeting_us", "count"), 40);
	json_decref(json);
}

static void smtp_sessions_come_to_a_good_end(void **state)
{
	json_t *json;

	sessions_of(&workload_smtp, &service_smtp, 1, 1);
	sessions_of(&workload_smtp, &service_smtp, 4000, 100);
	json = found();
	assert_int_equal(metric(json, "sessions_per_s", NULL), 100);
	assert_true(metric(json, "messages_per_s", NULL) > 105 && metric(json, "messages_per_s", NULL) < 160);
	assert_int_equal(metric(json, "submit_us", "count"), metric(json, "messages_per_s", NULL));
	assert_true(metric(json, "up_bits_per_s", NULL) > 100 * 8 * 8192.0);
	json_decref(json);
}

/* One wrong bit in the text of the second message listed, and of the first one sent. */
static void a_wrong_byte_is_noticed(void **state)
{
	set_up(&workload_imap, &service_imap, 3000);
	pair.flip_at = 2000;
	session();
	assert_string_equal(pair.error, "imap_wrong_text");
	set_up(&workload_smtp, &service_smtp, 3000);
	pair.flip_up = true;
	pair.flip_at = 400;
	session();
	assert_string_equal(pair.error, "smtp_wrong_text");
}

static void what_is_no_answer_ends_the_session(void **state)
{
	set_up(&workload_imap, &service_imap, 3000);
	pair.flip_at = 0;	/* "* OK" */
	session();
	assert_string_equal(pair.error, "imap_wrong_answer");
	set_up(&workload_smtp, &service_smtp, 3000);
	pair.flip_at = 1;	/* "220" */
	session();
	assert_string_equal(pair.error, "smtp_wrong_answer");
}

static void serve_text(const struct service *s, const char *text, const char *error)
{
	set_up(s == &service_imap ? &workload_imap : &workload_smtp, s, 5);
	begin_session();
	put(&up, text, (uint32_t)strlen(text));
	while (up.n > 0 && !pair.failed)
		serve();
	if (error != NULL)
		assert_string_equal(pair.error, error);
	else
		assert_null(pair.error);
}

static void services_know_their_own(void **state)
{
	assert_true(service_imap.claims("a1 LOGIN user secret"));
	assert_true(service_smtp.claims("EHLO there"));
	assert_false(service_imap.claims("EHLO there"));
	assert_false(service_smtp.claims("a1 LOGIN user secret"));
	assert_false(service_imap.claims(""));
	assert_false(service_smtp.claims("EHLO"));
}

static void wrong_commands_are_refused(void **state)
{
	static const char *const imap[] = {
		"b1 LOGIN a b\r\n", "a1 NOOP\r\n", "a1 UID FETCH 5:3 (FLAGS BODY.PEEK[HEADER])\r\n",
		"a1 UID FETCH 1:500 (FLAGS BODY.PEEK[HEADER])\r\n", "a1 IDLE\r\na2 LOGOUT\r\n", "\r\n",
		"a1 UID FETCH 5:3000000000 (FLAGS BODY.PEEK[HEADER])\r\n", "a1 UID FETCH x BODY.PEEK[]\r\n",
		"a1 LOGIN aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n",
	};
	static const char *const smtp[] = {
		"HELO x\r\n", "MAIL FROM:<m1@bench.invalid> SIZE=78\r\n", "EHLO x\r\nDATA\r\n",
		"EHLO x\r\nAUTH PLAIN x\r\nRCPT TO:<a@b>\r\n",
		"EHLO x\r\nAUTH PLAIN x\r\nMAIL FROM:<m1@bench.invalid> SIZE=78\r\nDATA\r\n",
	};

	for (size_t i = 0; i < sizeof(imap) / sizeof(imap[0]); i++)
		serve_text(&service_imap, imap[i], "imap_bad_command");
	for (size_t i = 0; i < sizeof(smtp) / sizeof(smtp[0]); i++)
		serve_text(&service_smtp, smtp[i], "smtp_bad_command");
	serve_text(&service_imap, "a1 LOGIN a b\r\na2 SELECT INBOX\r\na3 LOGOUT\r\n", NULL);
	serve_text(&service_smtp, "EHLO x\r\nAUTH PLAIN x\r\nQUIT\r\n", NULL);
}

static void no_rate_for_sessions(void **state)
{
	struct error err;

	options.rate = 5;
	assert_true(workload_imap.start(&run, &err) < 0);
	assert_true(workload_smtp.start(&run, &err) < 0);
	options.rate = 0;
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* What mail.h promises of them. */
static void sizes_are_as_said(void **state)
{
	static uint32_t sizes[MESSAGES];
	double sum = 0;
	uint32_t large = 0;

	for (uint32_t i = 0; i < MESSAGES; i++) {
		sizes[i] = mail_bytes(i);
		assert_int_equal(sizes[i] % MAIL_LINE_BYTES, 0);
		assert_true(sizes[i] >= MAIL_LINE_BYTES && sizes[i] <= MAIL_MESSAGE_MAX);
		assert_int_equal(sizes[i], mail_bytes(i));
		sum += sizes[i];
		large += sizes[i] > 100000;
	}
	qsort(sizes, MESSAGES, sizeof(sizes[0]), by_value);
	assert_true(sum / MESSAGES > 75000 && sum / MESSAGES < 91000);
	assert_true(sizes[MESSAGES / 2] > 8500 && sizes[MESSAGES / 2] < 11500);
	assert_true(large > MESSAGES * 8 / 100 && large < MESSAGES * 14 / 100);
}

static void text_is_lines_and_its_own(void **state)
{
	uint32_t bytes;
	const char *text;

	mail_init();
	for (uint32_t offset = 0; offset < 100000; offset += MAIL_LINE_BYTES) {
		text = mail_text(77, offset, &bytes);
		assert_true(bytes >= MAIL_LINE_BYTES);
		assert_true(text[0] != '.');
		assert_null(memchr(text, '\r', MAIL_LINE_BYTES - 2));
		assert_memory_equal(text + MAIL_LINE_BYTES - 2, "\r\n", 2);
		assert_true(mail_matches(77, offset, text, MAIL_LINE_BYTES));
		assert_false(mail_matches(78, offset, text, MAIL_LINE_BYTES));
		assert_false(mail_matches(77, offset + MAIL_LINE_BYTES, text, MAIL_LINE_BYTES));
	}
}

static void lines_in_pieces(void **state)
{
	char text[2 * MAIL_COMMAND_BYTES];

	for (uint32_t length = 0; length < sizeof(text) - 2; length++) {
		struct mail_line l = { 0 };
		bool whole = false;
		uint32_t at = 0;

		memset(text, 'x', sizeof(text));
		memcpy(text + length, "\r\n", 2);
		while (!whole) {
			uint32_t n = 1 + (uint32_t)run_random(&run) % 7;

			assert_true(at < length + 2);
			at += mail_line_take(&l, text + at, n < length + 2 - at ? n : length + 2 - at, &whole);
		}
		assert_int_equal(at, length + 2);
		assert_int_equal(l.too_long, length > MAIL_COMMAND_BYTES - 1);
		if (!l.too_long)
			assert_int_equal(strlen(l.text), length);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_as_said),
		cmocka_unit_test(text_is_lines_and_its_own),
		cmocka_unit_test(lines_in_pieces),
		cmocka_unit_test(imap_sessions_come_to_a_good_end),
		cmocka_unit_test(smtp_sessions_come_to_a_good_end),
		cmocka_unit_test(a_wrong_byte_is_noticed),
		cmocka_unit_test(what_is_no_answer_ends_the_session),
		cmocka_unit_test(services_know_their_own),
		cmocka_unit_test(wrong_commands_are_refused),
		cmocka_unit_test(no_rate_for_sessions),
	};
	int status;

	test_eal_init();
	mbufs = test_mbuf_pool("mail", 4095);
	status = cmocka_run_group_tests(tests, NULL, NULL);
	free_ends();
	return status;
}
