/*
 * photo watch: events as they happen.
 *
 * Lives as long as some daemon does: without a chosen port it moves on when
 * its own dies, and says so, because events between the two are not seen.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "failure.h"
#include "output.h"
#include "text.h"
#include "verbs.h"

static void
id_or_null(struct json *j, const char *key, bool known,
	   const struct node_id *id)
{
	if (known && !node_id_is_zero(id))
		json_hex(j, key, id->bytes, NODE_ID_BYTES);
	else
		json_null(j, key);
}

/* Every event has every key: readers need not know which is which. */
static void
put_json(struct json *j, const struct answer_event *e)
{
	json_open(j, NULL, '{');
	json_str(j, "event", e->event);
	json_str_known(j, "node", e->name);
	id_or_null(j, "node_id", e->has_node, &e->node);
	json_uint_known(j, "port", e->port);
	json_uint_known(j, "was", e->was_port);
	id_or_null(j, "was_id", e->has_was, &e->was);
	if (e->has_photo) {
		json_hex(j, "id", e->photo.hash, PHOTO_HASH_BYTES);
		json_uint(j, "size", e->photo.size);
		json_bytes(j, "name", e->photo_name, strlen(e->photo_name));
	} else {
		json_null(j, "id");
		json_null(j, "size");
		json_null(j, "name");
	}
	json_uint_known(j, "count", e->count);
	json_time_known(j, "at", e->at_ms);
	json_close(j, '}');
	json_line(j);
}

/* Piped: at, event, node, port, was, id, name, count; "-" is none. */
static void
put_piped(FILE *f, const struct answer_event *e)
{
	char text[TEXT_TIME_MAX], hex[33] = "-";

	text_time_utc(e->at_ms, true, text);
	fprintf(f, "%s\t", text);
	text_put_column(f, e->event, strlen(e->event));
	putc('\t', f);
	text_put_column(f, e->name[0] != '\0' ? e->name : "-",
			e->name[0] != '\0' ? strlen(e->name) : 1);
	if (e->has_photo)
		photo_id_hex(&e->photo, hex);
	fprintf(f, "\t%u\t%u\t%s\t", e->port, e->was_port, hex);
	if (e->has_photo)
		text_put_column(f, e->photo_name, strlen(e->photo_name));
	else
		putc('-', f);
	fprintf(f, "\t%llu\n", (unsigned long long)e->count);
}

static void
put_shown(struct output *o, const struct answer_event *e)
{
	FILE *f = o->data;
	char text[TEXT_TIME_MAX], hex[33];

	text_time_local(e->at_ms, true, text);
	output_dim(o, true);
	fputs(strlen(text) > 11 ? text + 11 : text, f);
	output_dim(o, false);
	fputs("  ", f);
	output_cell(o, e->event, strlen(e->event), 14);
	if (e->has_photo) {
		photo_id_hex(&e->photo, hex);
		fprintf(f, " %.10s ", hex);
		text_put_shown(f, e->photo_name, strlen(e->photo_name),
			       UINT_MAX);
	}
	if (strcmp(e->event, "request") == 0) {
		fputs(" is wanted by ", f);
		text_put_shown(f, e->name, strlen(e->name), UINT_MAX);
		fprintf(f, "; photo approve %llu, or photo deny %llu\n",
			(unsigned long long)e->count,
			(unsigned long long)e->count);
		return;
	}
	if (e->name[0] != '\0') {
		fputs(e->has_photo ? " on " : " ", f);
		text_put_shown(f, e->name, strlen(e->name), UINT_MAX);
	}
	if (e->port != 0 && !e->has_photo)
		fprintf(f, " on port %u", e->port);
	if (e->was_port != 0)
		fprintf(f, " (was %u)", e->was_port);
	if (e->count != 0)
		fprintf(f, " (%llu)", (unsigned long long)e->count);
	putc('\n', f);
}

static void
put_event(struct output *o, const struct answer_event *e)
{
	switch (o->form) {
	case OUTPUT_JSON:
		put_json(&o->json, e);
		break;
	case OUTPUT_TABLE:
		put_shown(o, e);
		break;
	case OUTPUT_TABS:
		put_piped(o->data, e);
		break;
	}
}

/* Watch the daemon found until it is lost. */
static int
follow(struct call *c, struct output *o, struct failure *why)
{
	struct question q = {.type = CLIENT_WATCH}, answer;

	if (call_ask(c, &q, why) == -1)
		return -1;
	for (;;) {
		if (call_await(c, &answer, why) == -1)
			return -1;
		if (answer.type != CLIENT_EVENT)
			continue; /* newer daemons may say more */
		put_event(o, &answer.u.event);
		if (output_flush(o, why) == -1)
			return -1;
	}
}

/* Where it is said that we begin, or go on elsewhere. */
static void
note_begin(const struct call *c, struct output *o, const char *was)
{
	if (was[0] != '\0')
		output_note(o,
			    "the daemon on %s is gone; watching through %s "
			    "now, events in between were not seen",
			    was, call_name(c));
	else if (o->form == OUTPUT_TABLE)
		output_note(o, "watching through %s; Ctrl-C ends",
			    call_name(c));
	verb_note_silent(c, o);
}

static int
run(const struct options *p, struct output *o, struct failure *why)
{
	struct options patient = *p;
	char was[128] = "";
	struct call *c;

	patient.timeout_ms = -1;
	if ((c = verb_call_new(&patient, why)) == NULL)
		return -1;
	for (;;) {
		if (call_open(c, NULL, NULL, why) == -1) {
			if (was[0] != '\0' && why->ending == ENDING_NO_DAEMON)
				failure_set(why, ENDING_NO_DAEMON,
					    "the daemon on %s is gone and "
					    "no other answers; start one with: "
					    "photod FOLDER",
					    was);
			break;
		}
		note_begin(c, o, was);
		follow(c, o, why); /* comes back only with a failure */
		if (why->ending != ENDING_NO_DAEMON)
			break;
		snprintf(was, sizeof(was), "%s", call_name(c));
		if (p->port != 0 || p->connect != NULL) {
			failure_set(why, ENDING_NO_DAEMON,
				    "the daemon on %s is gone; start it "
				    "again with: photod FOLDER",
				    was);
			break;
		}
	}
	call_free(c);
	return -1;
}

const struct verb verb_watch = {
	.name = "watch",
	.summary = "events as they happen, until Ctrl-C",
	.synopsis = "watch",
	.help = "Events: coordinator, peer-live, peer-suspect, peer-gone, "
		"peer-left,\n"
		"peer-forgotten, photo-added, photo-removed, scan-started, "
		"scan-done, synced,\n"
		"request (somebody asks for a photo of this node, count is its "
		"number), lagged (some\n"
		"events were dropped because they were not read in time).  "
		"Without -p it\n"
		"moves to the next daemon when its own dies.\n"
		"\n"
		"Piped, the columns are time, event, node, port, former "
		"coordinator's port,\n"
		"photo id, photo name, count.\n"
		"\n"
		"Examples:\n"
		"  photo watch\n"
		"  photo -p 5001 watch\n"
		"  photo watch --json | jq -c 'select(.event == "
		"\"coordinator\")'\n",
	.run = run,
};
