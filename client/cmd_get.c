/*
 * photo get ID|QUERY...: photos into files, from whoever has them.
 *
 * The client decides which and where to, the daemon fills.  Everything goes on
 * at once on one connection: pages of the list, the photos in flight, the
 * count for the bar.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "get_private.h"
#include "reading.h"
#include "verbs.h"

#define WAIT_MS 100

/* ---- where to --------------------------------------------------------- */

static int
judge_stream(const struct options *p, struct failure *why)
{
	if (p->json)
		return failure_set(why, ENDING_USAGE,
				   "--json and -o - both want standard output; "
				   "leave one of them out");
	if (isatty(STDOUT_FILENO) && !p->dry_run)
		return failure_set(why, ENDING_USAGE,
				   "a photo is not written to a terminal; give "
				   "-o FILE, or send it into a pipe");
	return 0;
}

/* -o FILE: its folder, and the name that it alone may get. */
static int
choose_file(struct get *g, const char *file, struct failure *why)
{
	const char *slash = strrchr(file, '/');
	const char *name = slash != NULL ? slash + 1 : file;
	size_t count = slash != NULL ? (size_t)(slash - file) : 0;

	if (strlen(name) > NAME_BYTES_MAX ||
	    count >= sizeof(g->folder_text) - 1)
		return failure_set(why, ENDING_USAGE,
				   "the name %.40s... is too long", name);
	if (slash == file)
		count = 1; /* the root itself */
	memcpy(g->folder_text, file, count);
	g->folder_text[count] = '\0';
	g->folder = count > 0 ? g->folder_text : ".";
	g->exact = name;
	if (access(g->folder, F_OK) == -1)
		return failure_set(why, ENDING_USAGE,
				   "there is no folder %.300s; make it first",
				   g->folder);
	return 0;
}

static int
choose_destination(struct get *g, const struct options *p, struct failure *why)
{
	const char *to = p->output;
	struct stat st;

	g->folder = ".";
	if (to == NULL)
		return 0;
	if (strcmp(to, "-") == 0) {
		g->stream = true;
		return judge_stream(p, why);
	}
	if (to[strlen(to) - 1] == '/') {
		g->folder = to;
		g->make_folder = true;
		return 0;
	}
	if (stat(to, &st) == 0 && S_ISDIR(st.st_mode)) {
		g->folder = to;
		return 0;
	}
	return choose_file(g, to, why);
}

/* One file is named: then only one photo may match. */
static int
judge_single(const struct get *g, struct failure *why)
{
	if (g->source.found <= 1 && g->source.id_count <= 1)
		return 0;
	return failure_set(why, ENDING_USAGE,
			   "-o %.200s names one file, but more than one photo "
			   "is meant; give a folder: -o DIR/",
			   g->options->output);
}

/* ---- the loop --------------------------------------------------------- */

static bool
is_finished(const struct get *g)
{
	return g->source.done && g->source.count == 0 &&
	       g->deferred_next == g->deferred_count && get_busy(g) == 0;
}

/* Begin what can be begun. */
static int
turn(struct get *g, struct failure *why)
{
	bool single = g->exact != NULL || g->stream;
	struct wanted w;

	if (source_turn(&g->source, g->call, why) == -1)
		return -1;
	if (single && judge_single(g, why) == -1)
		return -1;
	if (single && !g->source.done)
		return 0; /* there may be more than one */
	if (g->options->dry_run) {
		while (source_pop(&g->source, &w))
			report_dry(g, &w);
		return 0;
	}
	if (g->stream)
		return source_pop(&g->source, &w) ? get_stream(g, &w, why) : 0;
	return get_turn(g, why);
}

static int
loop(struct get *g, struct failure *why)
{
	struct question answer;
	bool mine;
	int r;

	for (;;) {
		if (turn(g, why) == -1 || output_flush(g->output, why) == -1)
			return -1;
		if (is_finished(g))
			return 0;
		/* What a turn does by itself (copies found there, say) is no
		 * silence of the daemon's. */
		if (call_open_count(g->call) == 0)
			call_touch(g->call);
		r = call_next(g->call, WAIT_MS, &answer, why);
		if (r == -1)
			return -1;
		while (r == 1) {
			if (source_take(g, &answer, &mine, why) == -1 ||
			    (!mine && get_take(g, &answer, why) == -1))
				return -1;
			r = call_next(g->call, 0, &answer, why);
		}
		if (r == -1)
			return -1;
		if (!g->options->dry_run)
			report_progress(g);
	}
}

static int
run_with(struct get *g, struct failure *why)
{
	struct question status = {.type = CLIENT_STATUS}, answer;
	int r;

	if (call_open(g->call, &status, &answer, why) == -1)
		return -1;
	call_close_all(g->call);
	verb_note_silent(g->call, g->output);
	call_be_patient(g->call, &status);
	progress_init(&g->progress, "get", call_now_ms());
	g->moved_ms = call_now_ms();
	r = loop(g, why);
	get_let_go(g);
	if (g->place.fd != -1 && place_sync(&g->place, why) == -1)
		r = -1;
	return r == 0 ? report_end(g, why) : -1;
}

static int
run(const struct options *p, struct output *o, struct failure *why)
{
	struct get *g = calloc(1, sizeof(*g));
	int r = -1;

	if (g == NULL)
		return failure_set(why, ENDING_FAILED, "out of memory");
	g->options = p;
	g->output = o;
	g->place.fd = -1;
	if (choose_destination(g, p, why) == -1 ||
	    source_init(&g->source, p,
			(o->bars || o->form == OUTPUT_JSON) && !p->dry_run,
			o, why) == -1)
		goto free_get;
	if ((g->reading = reading_new()) == NULL) {
		failure_set(why, ENDING_FAILED, "out of memory");
		goto free_get;
	}
	if ((g->call = verb_call_new(p, why)) != NULL)
		r = run_with(g, why);
	call_free(g->call);
	place_close(&g->place);
free_get:
	reading_free(g->reading);
	free(g->deferred);
	free(g);
	return r;
}

const struct verb verb_get = {
	.name = "get",
	.summary = "photos into files here, from whoever has them",
	.synopsis = "get ID|QUERY... [-o FILE|DIR] [--dry-run]",
	.help = "IDs are photo ids or their beginnings, 8 digits or more "
		"(4 with id: before);\n"
		"other words are a query as in photo list, and all photos "
		"that match are got.\n"
		"\n"
		"  -o, --output DIR   into that folder; DIR/ is made if "
		"missing (default: here)\n"
		"  -o, --output FILE  one photo, under that name\n"
		"  -o -               one photo, to standard output\n"
		"      --dry-run      say what would be got, and from whom\n"
		"\n"
		"A file appears under its name only when it is whole and "
		"checked.  Nothing is\n"
		"overwritten: beside another beach.jpg it becomes "
		"'beach (1).jpg', and the same\n"
		"photo, there already, counts as got.  What is interrupted "
		"goes on when the same\n"
		"command is given again.  With a --timeout, consent is not "
		"waited for any longer.\n"
		"\n"
		"Piped, there is a line for each photo: id and file; with "
		"--dry-run id, bytes,\n"
		"holders (those that are away in brackets), name.\n"
		"\n"
		"Exit 6: some holders are away; 7: an owner says no, or -o "
		"FILE exists with other\n"
		"bytes; 8: the --timeout passed; 9: what was sent is "
		"damaged.\n"
		"\n"
		"Examples:\n"
		"  photo get 99aa06d3\n"
		"  photo get beach -o trip/\n"
		"  photo get id:99aa -o - | display -\n",
	.takes = TAKES_QUERY | TAKES_OUTPUT | TAKES_DRY_RUN | ONLY_HERE,
	.arguments_min = 1,
	.arguments_max = ARGUMENTS_MAX,
	.run = run,
};
