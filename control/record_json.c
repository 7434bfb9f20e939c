/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A connection's record for the log and for `postern connections`: the same names in both. */
#include "control/log.h"
#include "control/orders.h"
#include "control/text.h"
#include "tls/tls.h"

/* What a client sent as a name may be anything; JSON takes UTF-8 only. */
static json_t *clean_json(const char *s)
{
	char buf[2 * sizeof(((struct tls_peer *)0)->subject)];

	text_clean(s, buf, sizeof(buf));
	return json_string(buf);
}

static json_t *endpoint_json(const struct addr *a, uint16_t port)
{
	char buf[ENDPOINT_TEXT_BYTES];

	return port == 0 ? json_string("") : json_string(endpoint_format(a, port, buf, sizeof(buf)));
}

static const char *or_empty(const char *s)
{
	return s != NULL ? s : "";
}

static json_t *tcp_json(const struct tcp_info *t)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "state", t->state, "congestion", t->congestion,
		"srtt_us", (json_int_t)t->srtt_us, "rto_us", (json_int_t)t->rto_us, "cwnd_bytes", (json_int_t)t->cwnd_bytes,
		"pacing_rate", (json_int_t)t->pacing_rate, "delivery_rate", (json_int_t)t->delivery_rate,
		"retransmits", (json_int_t)t->retransmits);
}

static json_t *peer_json(const struct record *r, const struct tls_peer *p)
{
	enum tls_error why = r->tls_error != TLS_ERR_NONE && r->tls_error < TLS_ERR_COUNT ? r->tls_error : TLS_ERR_CERTIFICATE;
	char sha256[2 * sizeof(p->fingerprint) + 1];

	for (size_t i = 0; i < sizeof(p->fingerprint); i++)
		snprintf(sha256 + 2 * i, 3, "%02x", p->fingerprint[i]);
	return json_pack("{s:s, s:o, s:o, s:s}", "verify", p->verified ? "ok" : tls_error_name(why),
			 "cn", clean_json(p->common_name), "subject", clean_json(p->subject), "sha256", sha256);
}

json_t *record_json(const struct record_told *told, bool live)
{
	const struct record *r = &told->record;
	char start[TIME_TEXT_BYTES], id[32];
	json_t *o = json_pack("{s:s, s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:s, s:s, s:s, s:o, s:b, s:b, s:I, s:I}",
		"id", orders_id_format(r->id, id, sizeof(id)), "rule", r->rule,
		"start", text_format_time(r->start_us, start, sizeof(start)), "duration_us", (json_int_t)r->duration_us,
		"client", endpoint_json(&r->client, r->client_port),
		"listen", endpoint_json(&r->listen, r->listen_port),
		"server", endpoint_json(&r->server, r->server_port), "sni", clean_json(r->sni),
		"version", or_empty(r->version), "cipher", or_empty(r->cipher), "group", or_empty(r->group),
		"alpn", clean_json(r->alpn), "resumed", (int)r->resumed,
		"close_notify", (int)r->close_notify,
		"bytes_from_client", (json_int_t)r->bytes_from_client,
		"bytes_to_client", (json_int_t)r->bytes_to_client);

	if (o == NULL)
		return NULL;
	if (or_empty(r->server_version)[0] != '\0') {
		json_object_set_new(o, "server_version", json_string(r->server_version));
		json_object_set_new(o, "server_cipher", json_string(r->server_cipher));
		json_object_set_new(o, "server_resumed", json_boolean(r->server_resumed));
	}
	if (or_empty(r->server_error)[0] != '\0') {
		json_object_set_new(o, "failed_server", endpoint_json(&r->failed_server, r->failed_server_port));
		json_object_set_new(o, "server_error", json_string(r->server_error));
		if (r->server_alert != TLS_ALERT_NONE)
			json_object_set_new(o, "server_alert", json_string(tls_alert_name(r->server_alert)));
	}
	if (r->passthrough)
		json_object_set_new(o, "tls", json_string("passthrough"));
	if (r->proxy_port != 0)
		json_object_set_new(o, "proxy", endpoint_json(&r->proxy, r->proxy_port));
	if (told->has_peer)
		json_object_set_new(o, "client_certificate", peer_json(r, &told->peer));
	if (live) {
		json_object_set_new(o, "state", json_string(or_empty(r->state)));
		if (r->client_tcp.state != NULL)
			json_object_set_new(o, "client_tcp", tcp_json(&r->client_tcp));
		if (r->server_tcp.state != NULL)
			json_object_set_new(o, "server_tcp", tcp_json(&r->server_tcp));
		return o;
	}
	if (r->end < SPLICE_END_COUNT)
		json_object_set_new(o, "end", json_string(splice_end_name((enum splice_end)r->end)));
	if (r->tls_error != TLS_ERR_NONE && r->tls_error < TLS_ERR_COUNT)
		json_object_set_new(o, "tls_error", json_string(tls_error_name((enum tls_error)r->tls_error)));
	if (r->tls_error == TLS_ERR_ALERT)
		json_object_set_new(o, "tls_alert", json_string(tls_alert_name(r->tls_alert)));
	return o;
}
