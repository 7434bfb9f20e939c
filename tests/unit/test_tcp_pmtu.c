/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The path's MTU (tcp_pmtu.h), against a receiver at the far end of a path that is narrower than it looks. */
#include <rte_mbuf.h>

#include "tcp_conn.h"
#include "tcp_private.h"
#include "tcp_script.h"

#define BYTES_MAX 2000000u

/* A receiver with SACK behind a path that swallows packets of more than `mtu` bytes. */
struct path {
	struct script s;
	uint32_t mtu;
	uint32_t largest;	/* packet that arrived */
	uint32_t swallowed;
	uint32_t sent;		/* bytes given to tcp_send */
	uint8_t got[BYTES_MAX];
};

static struct path path;

static void begin_with_mss(struct path *p, uint32_t mtu, uint16_t mss)
{
	memset(p, 0, sizeof(*p));
	p->mtu = mtu;
	p->s.o.mss = mss;
	p->s.o.sack = true;
	p->s.o.stack.snd_buffer_bytes = 65536;
	tcp_peer_init(&p->s.p, &p->s.o.stack);
	script_open_passive(&p->s);
}

static void begin(struct path *p, uint32_t mtu)
{
	begin_with_mss(p, mtu, 0);
}

static uint32_t next_hole(const struct path *p, uint32_t from)
{
	while (from < BYTES_MAX && p->got[from])
		from++;
	return from;
}

static void acknowledge(struct path *p)
{
	uint32_t una = next_hole(p, 0), at = una, first = p->s.iss + 1;
	struct tcp_rx rx = script_segment(&p->s, &(struct step)in(A, 0, 0, una));

	while (rx.opts.n_sack < 3 && at < p->sent) {
		uint32_t end;

		while (at < p->sent && !p->got[at])
			at++;
		end = next_hole(p, at);
		if (end > at)
			rx.opts.sack[rx.opts.n_sack++] = (struct tcp_range){ first + at, first + end };
		at = end;
	}
	tcp_peer_send(&p->s.p, p->s.port, 993, &rx, NULL);
}

/* What the stack has sent arrives or is swallowed. */
static void carry(struct path *p)
{
	const struct tcp_peer_segment *g;

	while ((g = script_next(&p->s)) != NULL) {
		uint32_t at = g->rx.seq - p->s.iss - 1, packet = 20u + g->rx.hdr_bytes + g->rx.bytes;

		if (g->rx.bytes == 0)
			continue;
		if (packet > p->mtu) {
			p->swallowed++;
			continue;
		}
		p->largest = RTE_MAX(p->largest, packet);
		memset(p->got + at, 1, g->rx.bytes);
		acknowledge(p);
	}
}

/* @bytes more, written as there is room, until all of them have arrived. */
static void transfer(struct path *p, uint32_t bytes)
{
	uint32_t end = p->sent + bytes, ms = 0;

	while (next_hole(p, 0) < end) {
		uint32_t room = RTE_MIN(tcp_send_room(p->s.p.conn), end - p->sent);

		if (room > 0) {
			tcp_send(p->s.p.conn, tcp_peer_chain(&p->s.p, p->sent, RTE_MIN(room, 30000u)));
			p->sent += RTE_MIN(room, 30000u);
		}
		tcp_peer_run(&p->s.p, 5);
		carry(p);
		if (++ms > 100000)
			fail_msg("%u of %u bytes arrived, mss %u", next_hole(p, 0), end, p->s.p.conn->mss);
	}
}

static uint64_t events_of(const struct path *p, enum event e)
{
	return p->s.p.counters.events[e];
}

static void end(struct path *p)
{
	tcp_reset(p->s.p.conn);
	tcp_release(p->s.p.conn);
	tcp_peer_fini(&p->s.p);
}

static void router_says(struct path *p, uint32_t seq, uint16_t mtu)
{
	tcp_icmp_error(p->s.p.stack, tcp_tuple(p->s.p.conn), p->s.iss + 1 + seq, TCP_ICMP_TOO_BIG, mtu);
	tcp_peer_turn(&p->s.p);
}

/* Two time-outs, then it works; then the search comes close to what the path really takes, and loses no window by it. */
static void black_hole(void **st)
{
	static const uint32_t mtus[] = { 1280, 1300, 1400, 1420, 1492 };

	for (size_t i = 0; i < RTE_DIM(mtus); i++) {
		uint32_t cwnd;

		begin(&path, mtus[i]);
		transfer(&path, 60000);
		assert_int_equal(events_of(&path, EVENT_TCP_PMTU_BLACK_HOLE), 1);
		assert_true(events_of(&path, EVENT_TCP_RTO) <= 3);
		cwnd = path.s.p.conn->cwnd;
		transfer(&path, 600000);
		assert_in_range(path.largest, mtus[i] - 16, mtus[i]);
		assert_int_equal(path.s.p.conn->hop.mtu, path.largest);
		assert_int_equal(events_of(&path, EVENT_TCP_FAST_RECOVERY), 0);
		assert_true(path.s.p.conn->cwnd >= cwnd);
		assert_true(events_of(&path, EVENT_TCP_PMTU_PROBE) <= 10);
		assert_true(events_of(&path, EVENT_TCP_RTO) <= 3);
		/* The search is over. */
		path.swallowed = 0;
		transfer(&path, 300000);
		assert_int_equal(path.swallowed, 0);
		end(&path);
	}
}

/* Narrower than 1280: only IPv4 can be, and after more time-outs goes down to what every host takes. */
static void deep_black_hole(void **st)
{
	begin(&path, 700);
	transfer(&path, 60000);
	assert_int_equal(events_of(&path, EVENT_TCP_PMTU_BLACK_HOLE), 2);
	transfer(&path, 600000);
	assert_in_range(path.largest, 700 - 16, 700);
	assert_int_equal(events_of(&path, EVENT_TCP_FAST_RECOVERY), 0);
	end(&path);
}

/* The same where there is less to send than the first base's size. */
static void deep_black_hole_and_little_data(void **st)
{
	begin(&path, 700);
	transfer(&path, 900);
	assert_int_equal(events_of(&path, EVENT_TCP_PMTU_BLACK_HOLE), 1);
	end(&path);
}

/* The same where the peer's MSS has kept packets at 1280 bytes, less than the port's MTU, from the start. */
static void deep_black_hole_and_small_mss(void **st)
{
	begin_with_mss(&path, 700, 1240);
	transfer(&path, 60000);
	assert_int_equal(events_of(&path, EVENT_TCP_PMTU_BLACK_HOLE), 1);
	end(&path);
}

/* Nobody answers at all: what fits into the base says nothing about its size. */
static void small_segments_prove_nothing(void **st)
{
	begin(&path, 0);
	path.sent = 500;
	tcp_send(path.s.p.conn, tcp_peer_chain(&path.s.p, 0, 500));
	tcp_peer_run(&path.s.p, 30000);
	carry(&path);
	assert_int_equal(events_of(&path, EVENT_TCP_PMTU_BLACK_HOLE), 0);
	assert_int_equal(path.s.p.conn->hop.mtu, 1500);
	end(&path);
}

/* Smaller at once, the same data again in smaller segments, the window as it was. */
static void told_by_a_router(void **st)
{
	uint32_t cwnd, rto;

	begin(&path, 1400);
	cwnd = path.s.p.conn->cwnd;
	tcp_send(path.s.p.conn, tcp_peer_chain(&path.s.p, 0, 14600));
	path.sent = 14600;
	tcp_peer_turn(&path.s.p);
	carry(&path);
	assert_int_equal(path.swallowed, 10);
	/* Not believed: about what isn't in flight; more than is known. */
	router_says(&path, 14600, 1400);
	router_says(&path, (uint32_t)-1, 1400);
	router_says(&path, 0, 1500);
	assert_int_equal(path.s.p.conn->hop.mtu, 1500);
	router_says(&path, 0, 1400);
	router_says(&path, 1460, 1400);
	rto = (uint32_t)events_of(&path, EVENT_TCP_RTO);
	for (unsigned int i = 0; i < 30; i++) {
		tcp_peer_run(&path.s.p, 1);
		carry(&path);
	}
	assert_int_equal(next_hole(&path, 0), 14600);
	assert_int_equal(path.largest, 1400);
	assert_int_equal(events_of(&path, EVENT_TCP_RTO), rto);
	assert_true(path.s.p.conn->cwnd >= cwnd);
	/* Too small to be true. */
	tcp_send(path.s.p.conn, tcp_peer_chain(&path.s.p, 0, 100));
	tcp_peer_turn(&path.s.p);
	router_says(&path, 14600, 68);
	assert_int_equal(path.s.p.conn->hop.mtu, TCP_PATH_MTU_MIN_V4);
	end(&path);
}

/* A router has said so, and data has gone since. */
static void begin_told(struct path *p, uint16_t mtu)
{
	begin(p, mtu);
	p->sent = 1400;
	tcp_send(p->s.p.conn, tcp_peer_chain(&p->s.p, 0, 1400));
	tcp_peer_turn(&p->s.p);
	router_says(p, 0, mtu);
	tcp_peer_run(&p->s.p, 300);
	carry(p);
	transfer(p, 100000);
}

static void larger_after_ten_minutes(void **st)
{
	begin_told(&path, 1400);
	/* Before its time: nothing larger leaves. */
	tcp_peer_run(&path.s.p, 500000);
	path.swallowed = 0;
	transfer(&path, 100000);
	assert_int_equal(path.swallowed, 0);
	assert_int_equal(path.s.p.conn->hop.mtu, 1400);
	/* After it, on the same path: two probes, and back to peace; on a wider one: as wide as it is. */
	tcp_peer_run(&path.s.p, 130000);
	transfer(&path, 400000);
	assert_true(path.swallowed >= 2 && path.swallowed <= 10);
	assert_int_equal(events_of(&path, EVENT_TCP_FAST_RECOVERY), 0);
	assert_in_range(path.s.p.conn->hop.mtu, 1400, 1400);
	path.swallowed = 0;
	path.mtu = 1500;
	tcp_peer_run(&path.s.p, 630000);
	transfer(&path, 100000);
	assert_int_equal(path.s.p.conn->hop.mtu, 1500);
	assert_int_equal(path.s.p.conn->mss, 1460);
	end(&path);
}

/* A router's word about a probe is exact: the next one is of that size. */
static void told_about_a_probe(void **st)
{
	uint32_t probe_seq = 0;
	unsigned int i;

	begin_told(&path, 1300);
	tcp_peer_run(&path.s.p, 630000);
	path.mtu = 1437;
	for (i = 0; i < 40 && !path.s.p.conn->pmtu_probing; i++) {
		tcp_send(path.s.p.conn, tcp_peer_chain(&path.s.p, 0, 15000));
		path.sent += 15000;
		probe_seq = path.s.p.conn->snd_nxt - path.s.iss - 1;
		tcp_peer_turn(&path.s.p);
		if (path.s.p.conn->pmtu_probing)
			break;
		tcp_peer_run(&path.s.p, 5);
		carry(&path);
	}
	assert_true(path.s.p.conn->pmtu_probing);
	tcp_peer_run(&path.s.p, 1);
	router_says(&path, probe_seq, 1437);
	assert_false(path.s.p.conn->pmtu_probing && path.s.p.conn->pmtu_high != 1438);
	transfer(&path, 100000);
	assert_int_equal(path.largest, 1437);
	assert_int_equal(path.s.p.conn->hop.mtu, 1437);
	assert_int_equal(events_of(&path, EVENT_TCP_FAST_RECOVERY), 0);
	end(&path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(black_hole), cmocka_unit_test(deep_black_hole),
		cmocka_unit_test(deep_black_hole_and_small_mss), cmocka_unit_test(deep_black_hole_and_little_data),
		cmocka_unit_test(small_segments_prove_nothing), cmocka_unit_test(told_by_a_router),
		cmocka_unit_test(larger_after_ten_minutes), cmocka_unit_test(told_about_a_probe),
	};

	return cmocka_run_group_tests_name("tcp_pmtu", tests, NULL, NULL);
}
