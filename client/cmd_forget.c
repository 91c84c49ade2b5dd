/*
 * photo forget: a node that will not return.
 *
 * The daemon says first what would go; then the user is asked, unless --yes
 * has said so already; then it is done, under the node's whole id, so that
 * what was confirmed is what is forgotten.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "call.h"
#include "failure.h"
#include "output.h"
#include "text.h"
#include "verbs.h"

static const char *
plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void
put_forgotten(struct output *o, const struct answer_forget *a)
{
	struct json *j = &o->json;
	char hex[2 * NODE_ID_BYTES + 1];
	size_t bytes = strlen(a->node.name);

	hex_encode(a->node.node.bytes, NODE_ID_BYTES, hex);
	switch (o->form) {
	case OUTPUT_JSON:
		json_open(j, NULL, '{');
		json_str(j, "forgotten", a->node.name);
		json_hex(j, "node_id", a->node.node.bytes, NODE_ID_BYTES);
		json_uint(j, "photos", a->photos);
		json_uint(j, "alone", a->alone);
		json_time_known(j, "last_seen", a->node.last_seen_ms);
		json_close(j, '}');
		json_line(j);
		return;
	case OUTPUT_TABS:
		text_put_column(o->data, a->node.name, bytes);
		fprintf(o->data, "\t%s\t%llu\t%llu\n", hex,
			(unsigned long long)a->photos,
			(unsigned long long)a->alone);
		return;
	case OUTPUT_TABLE:
		text_put_shown(o->data, a->node.name, bytes, UINT32_MAX);
		fprintf(o->data, " is forgotten; %llu photo%s that only it "
			"held left the list\n", (unsigned long long)a->alone,
			plural(a->alone));
		return;
	}
}

/* 1: yes; 0: no; -1: interrupted.  On standard error: data stays data. */
static int
confirm(struct output *o, const struct answer_forget *a, struct failure *why)
{
	char age[TEXT_TIME_MAX] = "never seen", line[16];
	int64_t now_ms = (int64_t)time(NULL) * 1000;
	bool seen = a->node.last_seen_ms != 0;

	if (seen)
		text_age(now_ms - a->node.last_seen_ms, age);
	fputs("forget ", o->notes);
	text_put_shown(o->notes, a->node.name, strlen(a->node.name),
		       UINT32_MAX);
	fprintf(o->notes, " (%s%s; %llu photo%s only it holds)? [y/N] ",
		seen ? "last seen " : "", age, (unsigned long long)a->alone,
		plural(a->alone));
	fflush(o->notes);
	if (call_await_input(STDIN_FILENO) == -1 ||
	    fgets(line, sizeof(line), stdin) == NULL) {
		fputc('\n', o->notes);
		if (call_interrupted())
			return failure_set(why, ENDING_INTERRUPTED, "%s", "");
		return 0;
	}
	return line[0] == 'y' || line[0] == 'Y';
}

/* What forgetting this node would do. */
static int
look(struct call *c, const char *node, struct answer_forget *out,
     struct failure *why)
{
	struct question q = {.type = CLIENT_FORGET}, answer;

	memcpy(q.u.forget.node, node, strlen(node) + 1);
	if (call_open(c, NULL, NULL, why) == -1 ||
	    call_ask(c, &q, why) == -1 || call_await(c, &answer, why) == -1 ||
	    call_expect(&answer, CLIENT_FORGET_IS, why) == -1)
		return -1;
	*out = answer.u.forgotten;
	return 0;
}

static int
forget(struct call *c, const struct node_id *node, struct failure *why)
{
	struct question q = {.type = CLIENT_FORGET}, answer;

	hex_encode(node->bytes, NODE_ID_BYTES, q.u.forget.node);
	q.u.forget.sure = true;
	if (call_ask(c, &q, why) == -1)
		return -1;
	do {
		if (call_await(c, &answer, why) == -1)
			return -1;
	} while (answer.type == CLIENT_PROGRESS);
	return call_expect(&answer, CLIENT_DONE, why);
}

static int
go(struct call *c, const struct options *p, struct output *o,
   struct failure *why)
{
	struct answer_forget what;
	int yes = 1;

	if (look(c, p->arguments[0], &what, why) == -1)
		return -1;
	verb_note_silent(c, o);
	if (!p->yes && (yes = confirm(o, &what, why)) != 1) {
		if (yes == 0)
			output_note(o, "nothing is forgotten");
		return yes;
	}
	if (forget(c, &what.node.node, why) == -1)
		return -1;
	put_forgotten(o, &what);
	return output_flush(o, why);
}

static int
run(const struct options *p, struct output *o, struct failure *why)
{
	const char *node = p->arguments[0];
	struct call *c;
	int r;

	if (!p->yes && !isatty(STDIN_FILENO))
		return failure_set(why, ENDING_USAGE,
				   "nobody can be asked, as standard input is "
				   "no terminal; to forget %.80s all the same: "
				   "photo forget %.80s --yes", node, node);
	if (*node == '\0' || strlen(node) > SHOWN_NAME_MAX)
		return failure_set(why, ENDING_NOT_FOUND,
				   "there is no node '%.80s'; see: photo peers",
				   node);
	if ((c = verb_call_new(p, why)) == NULL)
		return -1;
	r = go(c, p, o, why);
	call_free(c);
	return r;
}

const struct verb verb_forget = {
	.name = "forget",
	.summary = "a node that will never return: drop it and what only it said",
	.synopsis = "forget NODE [--yes]",
	.help = "NODE is a name, a port or the beginning of a node id; it must "
		"not be live.  What\n"
		"it said is dropped on every node of the mesh, on those that "
		"are away once they\n"
		"return.  Photos that nobody else holds leave the list; no "
		"file is touched\n"
		"anywhere.  Should it return after all, everything of it is "
		"listed again.\n"
		"\n"
		"  --yes  do not ask\n"
		"\n"
		"Piped, the columns are name, node id, its photos, those only "
		"it held.\n"
		"\n"
		"Examples:\n"
		"  photo forget bob\n"
		"  photo forget 1a2b3c4d --yes\n"
		"  photo forget bob --yes --json | jq .alone\n",
	.takes = TAKES_YES | ONLY_HERE,
	.arguments_min = 1,
	.arguments_max = 1,
	.run = run,
};
