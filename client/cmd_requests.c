/*
 * photo requests, approve, deny: who asks for photos of this node, and what
 * its owner says.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "failure.h"
#include "output.h"
#include "table.h"
#include "text.h"
#include "verbs.h"

static const char *
state_text(uint32_t state)
{
	switch (state) {
	case CONSENT_WAITING:
		return "waiting";
	case CONSENT_APPROVED:
		return "approved";
	case CONSENT_DENIED:
		return "denied";
	}
	return "unknown"; /* from a newer daemon */
}

static const char *
share_text(uint32_t share)
{
	switch (share) {
	case 0:
		return "open: photos are given without asking";
	case 1:
		return "ask: photos are given when you say yes";
	case 2:
		return "none: photos are not given at all";
	}
	return "unknown";
}

/* ---- requests --------------------------------------------------------- */

static void
put_json(struct json *j, const struct answer_requests *a)
{
	for (uint32_t i = 0; i < a->count; i++) {
		const struct answer_request *r = &a->requests[i];

		json_open(j, NULL, '{');
		json_uint(j, "request", r->number);
		json_str(j, "node", r->node_name);
		json_hex(j, "node_id", r->node.bytes, NODE_ID_BYTES);
		json_hex(j, "id", r->photo.hash, PHOTO_HASH_BYTES);
		json_uint(j, "size", r->photo.size);
		json_bytes(j, "name", r->name, r->name_bytes);
		json_str(j, "state", state_text(r->state));
		json_time_known(j, "at", r->at_ms);
		json_time_known(j, "until", r->until_ms);
		json_close(j, '}');
		json_line(j);
	}
	for (uint32_t i = 0; i < a->rule_count; i++) {
		const struct answer_rule *r = &a->rules[i];

		json_open(j, NULL, '{');
		json_str(j, "rule", r->allow ? "approve" : "deny");
		json_str(j, "node", r->node_name);
		json_hex(j, "node_id", r->node.bytes, NODE_ID_BYTES);
		json_close(j, '}');
		json_line(j);
	}
}

/* Piped: number, node, state, at, until, id, bytes, name. */
static void
put_table(struct output *o, const struct answer_requests *a)
{
	static const char *const people[] = {">REQUEST", "NODE",  "STATE",
					     "ASKED",    "UNTIL", "ID",
					     ">SIZE",    "NAME"};
	static const char *const pipes[] = {"number", "node",  "state",
					    "at",     "until", "id",
					    "bytes",  "name"};
	bool shown = o->form == OUTPUT_TABLE;
	char hex[33], at[TEXT_TIME_MAX], until[TEXT_TIME_MAX],
		size[TEXT_SIZE_MAX];
	struct table t;

	if (a->count == 0)
		return;
	table_init(&t, o, shown ? people : pipes, 8);
	for (uint32_t i = 0; i < a->count; i++) {
		const struct answer_request *r = &a->requests[i];

		photo_id_hex(&r->photo, hex);
		text_size(r->photo.size, size);
		if (shown) {
			text_time_local(r->at_ms, false, at);
			text_time_local(r->until_ms, false, until);
		} else {
			text_time_utc(r->at_ms, false, at);
			text_time_utc(r->until_ms, false, until);
		}
		table_put(&t, "%llu", (unsigned long long)r->number);
		table_bytes(&t, r->node_name, strlen(r->node_name));
		table_put(&t, "%s", state_text(r->state));
		table_put(&t, "%s", at);
		table_put(&t, "%s", until);
		table_put(&t, "%.*s", shown ? 10 : 32, hex);
		if (shown)
			table_put(&t, "%s", size);
		else
			table_put(&t, "%llu",
				  (unsigned long long)r->photo.size);
		table_bytes(&t, r->name, r->name_bytes);
	}
	table_print(&t);
	table_release(&t);
}

static void
put_notes(struct output *o, const struct answer_requests *a)
{
	uint32_t waiting = 0;

	for (uint32_t i = 0; i < a->count; i++)
		waiting += a->requests[i].state == CONSENT_WAITING;
	for (uint32_t i = 0; i < a->rule_count; i++)
		output_note(o, "always: %s %s",
			    a->rules[i].allow ? "approve" : "deny",
			    a->rules[i].node_name);
	if (waiting > 0)
		output_note(o, "%u wait%s for you; answer with: photo approve "
			       "REQUEST|NODE, or photo deny",
			    waiting, waiting == 1 ? "s" : "");
	else
		output_note(o, "nobody waits for an answer");
	output_note(o, "this node shares %s", share_text(a->share));
}

static int
run_requests(const struct options *p, struct output *o, struct failure *why)
{
	struct question q = {.type = CLIENT_REQUESTS}, answer;
	struct call *c = verb_call_new(p, why);
	int r = -1;

	if (c == NULL)
		return -1;
	if (call_once(c, &q, CLIENT_REQUEST_LIST, &answer, why) == 0) {
		const struct answer_requests *a = &answer.u.requests;

		if (o->form == OUTPUT_JSON)
			put_json(&o->json, a);
		else
			put_table(o, a);
		if (o->form == OUTPUT_TABLE)
			put_notes(o, a);
		verb_note_silent(c, o);
		r = output_flush(o, why);
	}
	call_free(c);
	return r;
}

/* ---- approve, deny ---------------------------------------------------- */

static void
put_decided(struct output *o, const struct question_decide *d, uint64_t count)
{
	struct json *j = &o->json;
	const char *verb = d->allow ? "approved" : "denied";

	switch (o->form) {
	case OUTPUT_JSON:
		json_open(j, NULL, '{');
		json_str(j, "decided", verb);
		json_str(j, "what", d->what);
		json_bool(j, "always", d->always);
		json_uint(j, "requests", count);
		json_close(j, '}');
		json_line(j);
		return;
	case OUTPUT_TABS:
		fprintf(o->data, "%s\t", verb);
		text_put_column(o->data, d->what, strlen(d->what));
		fprintf(o->data, "\t%llu\n", (unsigned long long)count);
		return;
	case OUTPUT_TABLE:
		fprintf(o->data, "%llu request%s %s",
			(unsigned long long)count, count == 1 ? "" : "s", verb);
		fputs(d->always ? ", and from now on always\n" : "\n", o->data);
		return;
	}
}

static int
decide(const struct options *p, bool allow, struct output *o,
       struct failure *why)
{
	const char *what = p->arguments[0];
	struct question q = {.type = CLIENT_DECIDE}, answer;
	struct call *c;
	int r = -1;

	if (strlen(what) > SHOWN_NAME_MAX || *what == '\0')
		return failure_set(why, ENDING_NOT_FOUND,
				   "there is no request or node '%.80s'; see: "
				   "photo requests",
				   what);
	memcpy(q.u.decide.what, what, strlen(what) + 1);
	q.u.decide.allow = allow;
	q.u.decide.always = p->always;
	if ((c = verb_call_new(p, why)) == NULL)
		return -1;
	/* It has an effect: asked of one daemon only. */
	if (call_open(c, NULL, NULL, why) == 0 && call_ask(c, &q, why) == 0 &&
	    call_await(c, &answer, why) == 0 &&
	    call_expect(&answer, CLIENT_DECIDED, why) == 0) {
		put_decided(o, &q.u.decide, answer.u.decided);
		verb_note_silent(c, o);
		r = output_flush(o, why);
	}
	call_free(c);
	return r;
}

static int
run_approve(const struct options *p, struct output *o, struct failure *why)
{
	return decide(p, true, o, why);
}

static int
run_deny(const struct options *p, struct output *o, struct failure *why)
{
	return decide(p, false, o, why);
}

const struct verb verb_requests = {
	.name = "requests",
	.summary = "who asks for photos of this node",
	.synopsis = "requests",
	.help = "With photod --share ask, photos leave only after your yes.  "
		"A request waits\n"
		"for 7 days, and its answer is kept for 7 more; photo watch "
		"tells of new ones.\n"
		"\n"
		"Piped, the columns are number, node, state, at (asked), until "
		"(forgotten), id,\n"
		"bytes, name, separated by tabs.\n"
		"\n"
		"Examples:\n"
		"  photo requests\n"
		"  photo -p 5001 requests\n"
		"  photo requests --json | jq -r 'select(.state == "
		"\"waiting\").request'\n",
	.run = run_requests,
};

#define DECIDE_HELP(verb, done, more) \
	"REQUEST is a number that photo requests shows; NODE (name, port or " \
	"node id)\n" \
	"means all that it asks for now.\n" \
	"\n" \
	"  --always   and whatever that node asks for later\n" \
	"\n" \
	"The answer holds for 7 days; with --always for good, until the " \
	"opposite is said\n" \
	"with --always." more "\n" \
	"\n" \
	"Piped, there is one line: " done ", what was named, number of " \
	"requests so\n" \
	"answered that were not before.\n" \
	"\n" \
	"Examples:\n" \
	"  photo " verb " 3\n" \
	"  photo " verb " bob\n" \
	"  photo " verb " bob --always\n"

const struct verb verb_approve = {
	.name = "approve",
	.summary = "say yes to a request, or to all of a node",
	.synopsis = "approve REQUEST|NODE [--always]",
	.help = DECIDE_HELP("approve", "approved", ""),
	.takes = TAKES_ALWAYS | ONLY_HERE,
	.arguments_min = 1,
	.arguments_max = 1,
	.run = run_approve,
};

const struct verb verb_deny = {
	.name = "deny",
	.summary = "say no to a request, or to all of a node",
	.synopsis = "deny REQUEST|NODE [--always]",
	.help = DECIDE_HELP("deny", "denied",
			    "  --always holds even where photod shares "
			    "openly."),
	.takes = TAKES_ALWAYS | ONLY_HERE,
	.arguments_min = 1,
	.arguments_max = 1,
	.run = run_deny,
};
