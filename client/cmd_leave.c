/*
 * photo leave: the daemon says goodbye to its peers and stops.
 *
 * It answers that it will, then ends; the end of the connection is the sign
 * that it has.
 */
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "failure.h"
#include "output.h"
#include "text.h"
#include "verbs.h"

static void
put_left(struct output *o, const struct answer_welcome *w)
{
	struct json *j = &o->json;

	switch (o->form) {
	case OUTPUT_JSON:
		json_open(j, NULL, '{');
		json_str(j, "left", w->name);
		json_hex(j, "node_id", w->node.bytes, NODE_ID_BYTES);
		json_uint(j, "port", w->port);
		json_close(j, '}');
		json_line(j);
		return;
	case OUTPUT_TABS:
		text_put_column(o->data, w->name, strlen(w->name));
		fprintf(o->data, "\t%u\n", w->port);
		return;
	case OUTPUT_TABLE:
		text_put_shown(o->data, w->name, strlen(w->name), UINT32_MAX);
		fprintf(o->data, " on port %u has left\n", w->port);
		return;
	}
}

/* From its answer to its end. */
static int
await_end(struct call *c, struct failure *why)
{
	struct failure end = {ENDING_DONE, ""};
	struct question answer;

	if (call_await(c, &answer, why) == -1 ||
	    call_expect(&answer, CLIENT_DONE, why) == -1)
		return -1;
	while (call_await(c, &answer, &end) == 0)
		continue;
	if (end.ending == ENDING_NO_DAEMON)
		return 0;
	*why = end;
	return -1;
}

static int
run(const struct options *p, struct output *o, struct failure *why)
{
	struct question q = {.type = CLIENT_LEAVE};
	struct call *c = verb_call_new(p, why);
	int r = -1;

	if (c == NULL)
		return -1;
	/* It has an effect: asked of one daemon only. */
	if (call_open(c, NULL, NULL, why) == 0 && call_ask(c, &q, why) == 0 &&
	    await_end(c, why) == 0) {
		verb_note_silent(c, o);
		put_left(o, call_welcome(c));
		r = output_flush(o, why);
	}
	call_free(c);
	return r;
}

const struct verb verb_leave = {
	.name = "leave",
	.summary = "the local daemon says goodbye to its peers and stops",
	.synopsis = "leave",
	.help = "Without -p the daemon on the lowest port; its name and port "
		"are printed when\n"
		"it has stopped.  The others keep what they know of its "
		"photos, and show it as\n"
		"left; start it again with: photod FOLDER.\n"
		"\n"
		"Examples:\n"
		"  photo -p 5001 leave\n"
		"  photo leave --json | jq -r .left\n",
	.takes = ONLY_HERE,
	.run = run,
};
