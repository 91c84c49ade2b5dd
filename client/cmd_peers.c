/*
 * photo peers: every node this mesh knows of.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "call.h"
#include "failure.h"
#include "output.h"
#include "table.h"
#include "text.h"
#include "verbs.h"

static const char *
state_text(uint32_t state)
{
	switch ((enum peer_state)state) {
	case PEER_LIVE:
		return "live";
	case PEER_SYNCING:
		return "syncing";
	case PEER_SUSPECT:
		return "suspect";
	case PEER_GONE:
		return "gone";
	case PEER_LEFT:
		return "left";
	}
	return "gone"; /* from a newer daemon: at least it is not known live */
}

static void
put_json(struct json *j, const struct answer_peer *p)
{
	json_open(j, NULL, '{');
	json_str(j, "name", p->node.name);
	json_hex(j, "node_id", p->node.node.bytes, NODE_ID_BYTES);
	json_hex(j, "host", p->node.host.bytes, HOST_ID_BYTES);
	json_uint_known(j, "port", p->node.port);
	json_str(j, "state", state_text(p->state));
	json_bool(j, "self", p->self);
	json_bool(j, "coordinator", p->coordinator);
	json_uint_known(j, "follows", p->follows_port);
	if (node_id_is_zero(&p->follows))
		json_null(j, "follows_id");
	else
		json_hex(j, "follows_id", p->follows.bytes, NODE_ID_BYTES);
	json_uint(j, "photos", p->photos);
	json_uint(j, "copies", p->copies);
	json_uint(j, "bytes", p->bytes);
	json_uint(j, "head", p->head);
	json_time_known(j, "last_seen", p->node.last_seen_ms);
	json_close(j, '}');
	json_line(j);
}

static void
put_number(struct table *t, uint64_t v)
{
	table_put(t, "%llu", (unsigned long long)v);
}

static void
put_shown(struct table *t, const struct answer_peer *p, int64_t now_ms)
{
	char text[TEXT_TIME_MAX], hex[2 * NODE_ID_BYTES + 1];

	table_put(t, "%u", p->node.port);
	table_bytes(t, p->node.name, strlen(p->node.name));
	table_put(t, "%s%s", state_text(p->state), p->self ? ", here" : "");
	table_put(t, "%s", p->coordinator ? "*" : "");
	if (p->follows_port != 0)
		table_put(t, "%u", p->follows_port);
	else
		table_put(t, "-");
	put_number(t, p->photos);
	put_number(t, p->copies);
	text_size(p->bytes, text);
	table_put(t, "%s", text);
	if (p->self)
		snprintf(text, sizeof(text), "now");
	else if (p->node.last_seen_ms == 0)
		snprintf(text, sizeof(text), "never");
	else
		text_age(now_ms - p->node.last_seen_ms, text);
	table_put(t, "%s", text);
	hex_encode(p->node.node.bytes, NODE_ID_BYTES, hex);
	table_put(t, "%.8s", hex);
}

/* Piped: as on the terminal, exact; unknown is "-". */
static void
put_piped(struct table *t, const struct answer_peer *p)
{
	char text[TEXT_TIME_MAX], hex[2 * NODE_ID_BYTES + 1];

	table_put(t, "%u", p->node.port);
	table_bytes(t, p->node.name, strlen(p->node.name));
	table_put(t, "%s", state_text(p->state));
	table_put(t, "%s", p->coordinator ? "*" : "-");
	if (p->follows_port != 0)
		table_put(t, "%u", p->follows_port);
	else
		table_put(t, "-");
	put_number(t, p->photos);
	put_number(t, p->copies);
	put_number(t, p->bytes);
	if (p->node.last_seen_ms == 0)
		snprintf(text, sizeof(text), "-");
	else
		text_time_utc(p->node.last_seen_ms, false, text);
	table_put(t, "%s", text);
	hex_encode(p->node.node.bytes, NODE_ID_BYTES, hex);
	table_put(t, "%s", hex);
}

static void
put_peers(struct output *o, const struct answer_peers *a)
{
	static const char *const headers[] = {
		">PORT",   "NAME",    "STATE",  "COORD",     ">FOLLOWS",
		">PHOTOS", ">COPIES", ">BYTES", "LAST SEEN", "NODE ID"};
	int64_t now_ms = (int64_t)time(NULL) * 1000;
	struct table t;

	table_init(&t, o, headers, 10);
	for (uint32_t i = 0; i < a->count; i++) {
		switch (o->form) {
		case OUTPUT_JSON:
			put_json(&o->json, &a->peers[i]);
			break;
		case OUTPUT_TABLE:
			put_shown(&t, &a->peers[i], now_ms);
			break;
		case OUTPUT_TABS:
			put_piped(&t, &a->peers[i]);
			break;
		}
	}
	if (o->form != OUTPUT_JSON)
		table_print(&t);
	table_release(&t);
}

static int
run(const struct options *p, struct output *o, struct failure *why)
{
	struct question q = {.type = CLIENT_PEERS}, answer;
	struct call *c = verb_call_new(p, why);
	int r = -1;

	if (c == NULL)
		return -1;
	if (call_once(c, &q, CLIENT_PEER_LIST, &answer, why) == 0) {
		put_peers(o, &answer.u.peers);
		r = output_flush(o, why);
		verb_note_silent(c, o);
	}
	call_free(c);
	return r;
}

const struct verb verb_peers = {
	.name = "peers",
	.summary = "every node: port, name, state, coordinator, holdings",
	.synopsis = "peers",
	.help = "The star marks the coordinator; FOLLOWS is whom that node "
		"takes for it.\n"
		"Piped, the columns are port, name, state, * or -, follows, "
		"photos, copies,\n"
		"bytes, last seen, node id, separated by tabs; - is "
		"unknown.\n"
		"\n"
		"Examples:\n"
		"  photo peers\n"
		"  photo -p 5001 peers\n"
		"  photo peers --json | jq -r 'select(.coordinator).name'\n",
	.run = run,
};
