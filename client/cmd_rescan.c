/*
 * photo rescan: look at the folders again now, and wait for it.
 */
#include <stdio.h>

#include "call.h"
#include "failure.h"
#include "output.h"
#include "text.h"
#include "verbs.h"

static void
put_progress(struct output *o, const struct answer_progress *p)
{
	struct json *j = &o->json;
	char behind[96], bytes[TEXT_SIZE_MAX];

	if (o->form == OUTPUT_JSON) {
		json_open(j, NULL, '{');
		json_str(j, "progress", "rescan");
		json_uint(j, "files", p->files);
		json_uint(j, "total_files", p->total_files);
		json_uint(j, "bytes", p->bytes);
		json_uint(j, "total_bytes", p->total_bytes);
		if (p->eta_ms == 0 && p->files < p->total_files)
			json_null(j, "eta_ms");
		else
			json_uint(j, "eta_ms", p->eta_ms);
		json_close(j, '}');
		json_line(j);
		return;
	}
	text_size(p->bytes, bytes);
	if (p->eta_ms > 0)
		snprintf(behind, sizeof(behind),
			 "%llu of %llu files, %s, %llu s",
			 (unsigned long long)p->files,
			 (unsigned long long)p->total_files, bytes,
			 (unsigned long long)(p->eta_ms + 999) / 1000);
	else
		snprintf(behind, sizeof(behind), "%llu of %llu files, %s",
			 (unsigned long long)p->files,
			 (unsigned long long)p->total_files, bytes);
	if (p->total_bytes > 0)
		output_bar(o, "rescan", p->bytes, p->total_bytes, behind);
	else
		output_bar(o, "rescan", p->files, p->total_files, behind);
}

static int
follow(struct call *c, struct output *o, struct failure *why)
{
	struct answer_progress last = {0};
	struct question answer;

	for (;;) {
		if (call_await(c, &answer, why) == -1)
			return -1;
		if (answer.type == CLIENT_DONE)
			break;
		if (call_expect(&answer, CLIENT_PROGRESS, why) == -1)
			return -1;
		last = answer.u.progress;
		put_progress(o, &last);
		if (output_flush(o, why) == -1)
			return -1;
	}
	output_bar_end(o);
	if (o->form == OUTPUT_TABLE)
		output_note(o, "done, %llu file%s",
			    (unsigned long long)last.files,
			    last.files == 1 ? "" : "s");
	return 0;
}

static int
run(const struct options *p, struct output *o, struct failure *why)
{
	struct question q = {.type = CLIENT_RESCAN};
	struct call *c = verb_call_new(p, why);
	int r = -1;

	if (c == NULL)
		return -1;
	q.u.rescan.accept_missing = p->accept_missing;
	/* It has an effect: asked of one daemon only. */
	if (call_open(c, NULL, NULL, why) == 0 && call_ask(c, &q, why) == 0) {
		verb_note_silent(c, o);
		r = follow(c, o, why);
	}
	call_free(c);
	return r;
}

const struct verb verb_rescan = {
	.name = "rescan",
	.summary = "look at the daemon's folders again now",
	.synopsis = "rescan [--accept-missing]",
	.help = "Waits until the scan is done; Ctrl-C leaves it running.  "
		"New files are seen\n"
		"within a moment anyway; this is for disks that do not tell "
		"of changes.\n"
		"\n"
		"  --accept-missing  what is missing is really gone.  Without "
		"it, a folder of\n"
		"                    which more than 100 photos and a fifth, "
		"or all, go at once\n"
		"                    is taken for offline and keeps its "
		"records\n"
		"\n"
		"Examples:\n"
		"  photo rescan\n"
		"  photo -p 5001 rescan && photo -p 5001 list\n"
		"  photo rescan --json | jq -c .files\n",
	.takes = TAKES_ACCEPT_MISSING,
	.run = run,
};
