/*
 * photo problems: files that could not be read or are no media, and why.
 */
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "failure.h"
#include "output.h"
#include "record.h"
#include "table.h"
#include "text.h"
#include "verbs.h"

struct problems {
	struct output *output;
	struct table table; /* on a terminal */
	uint64_t count;
	struct answer_fresh fresh;
};

/* ---- rows ------------------------------------------------------------- */

static void
put_json(struct json *j, const struct answer_problem *r)
{
	json_open(j, NULL, '{');
	json_str(j, "node", r->name);
	json_bytes(j, "path", r->path, r->path_bytes);
	json_str(j, "problem", problem_code_text(r->code));
	json_str(j, "message", r->message);
	json_close(j, '}');
	json_line(j);
}

static void
put_column(FILE *f, const void *bytes, size_t count, char behind)
{
	text_put_column(f, bytes, count);
	putc(behind, f);
}

static void
put_row(struct problems *p, const struct answer_problem *r)
{
	const char *word = problem_code_text(r->code);
	FILE *f = p->output->data;

	switch (p->output->form) {
	case OUTPUT_JSON:
		put_json(&p->output->json, r);
		return;
	case OUTPUT_TABS:
		put_column(f, r->name, strlen(r->name), '\t');
		put_column(f, r->label, r->label_bytes, '\t');
		put_column(f, r->path, r->path_bytes, '\t');
		fprintf(f, "%s\t", word);
		put_column(f, r->message, strlen(r->message), '\n');
		return;
	case OUTPUT_TABLE:
		table_bytes(&p->table, r->name, strlen(r->name));
		table_bytes(&p->table, r->label, r->label_bytes);
		table_bytes(&p->table, r->path, r->path_bytes);
		table_put(&p->table, "%s", word);
		table_bytes(&p->table, r->message, strlen(r->message));
		return;
	}
}

static void
put_notes(struct problems *p)
{
	struct output *o = p->output;

	if (o->form == OUTPUT_TABLE && p->count == 0)
		output_note(o, "no file of any node has a problem");
	else if (o->form == OUTPUT_TABLE)
		output_note(o, "%llu problem%s", (unsigned long long)p->count,
			    p->count == 1 ? "" : "s");
	if (p->fresh.scanning || p->fresh.syncing)
		output_note(o, "%s is going on, so more may turn up",
			    p->fresh.scanning ? "a scan" : "a sync");
}

/* ---- asking ----------------------------------------------------------- */

static int
put_pages(struct problems *p, struct call *c, struct question *q,
	  struct question *answer, struct failure *why)
{
	const struct answer_problems *a = &answer->u.problems;

	for (;;) {
		if (call_expect(answer, CLIENT_PROBLEM_LIST, why) == -1)
			return -1;
		for (uint32_t i = 0; i < a->count; i++)
			put_row(p, &a->problems[i]);
		p->count += a->count;
		p->fresh.scanning |= a->fresh.scanning;
		p->fresh.syncing |= a->fresh.syncing;
		if (output_flush(p->output, why) == -1)
			return -1;
		if (a->after == NULL || a->after_bytes == 0)
			return 0;
		if (a->count == 0)
			return failure_set(why, ENDING_FAILED,
					   "the daemon sends pages without "
					   "problems");
		memcpy(q->u.asked_problems.after, a->after, a->after_bytes);
		q->u.asked_problems.after_bytes = a->after_bytes;
		if (verb_next_page(c, p->output, q, answer, why) == -1)
			return -1;
	}
}

static int
run(const struct options *o, struct output *out, struct failure *why)
{
	static const char *const headers[] = {"NODE", "ROOT", "PATH", "PROBLEM",
					      "WHY"};
	struct question q = {.type = CLIENT_PROBLEMS}, answer;
	struct problems p = {.output = out};
	struct call *c;
	int r = -1;

	q.u.asked_problems.limit = LIST_PAGE_MAX;
	if (verb_read_node(o, q.u.asked_problems.node, why) == -1 ||
	    (c = verb_call_new(o, why)) == NULL)
		return -1;
	table_init(&p.table, out, headers, 5);
	if (call_open(c, &q, &answer, why) == 0 &&
	    (r = put_pages(&p, c, &q, &answer, why)) == 0) {
		if (p.count > 0 && out->form == OUTPUT_TABLE)
			table_print(&p.table);
		put_notes(&p);
		verb_note_silent(c, out);
		r = output_flush(out, why);
	}
	table_release(&p.table);
	call_free(c);
	return r;
}

const struct verb verb_problems = {
	.name = "problems",
	.summary = "files that could not be read or decoded, and why",
	.synopsis = "problems [--node NODE]",
	.help = "Of all nodes, also those that are away.  A problem is "
		"unreadable, not-media (a\n"
		"picture's name, other content), truncated (listed all the "
		"same), undecodable\n"
		"(likewise), unstable (kept changing), name (too long, nested "
		"too deep) or, of\n"
		"a folder itself, offline (so much is missing that its disk "
		"may be); it goes\n"
		"away with its cause.  Having problems is no failure: the exit code is 0.\n"
		"\n"
		"  --node NODE     only that node's (name, port or node id)\n"
		"\n"
		"Piped, the columns are node, root, path, problem, message, "
		"separated by tabs;\n"
		"control characters and backslashes are written as \\n, "
		"\\x1b, \\\\.\n"
		"\n"
		"Examples:\n"
		"  photo problems\n"
		"  photo problems --node alice\n"
		"  photo problems --json | jq -r "
		"'select(.problem == \"truncated\").path'\n",
	.takes = TAKES_NODE,
	.run = run,
};
