/*
 * get_report.c: what photo get tells, in its three forms.
 */
#include "get_private.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* In which order one run's misfortunes count: the first of these that met. */
static const enum ending gravity[] = {
	ENDING_DAMAGED,    ENDING_FAILED,    ENDING_TIMED_OUT, ENDING_REFUSED,
	ENDING_INCOMPLETE, ENDING_AMBIGUOUS, ENDING_NOT_FOUND,
};

static void
note_worst(struct get *g, enum ending e)
{
	for (size_t i = 0; i < sizeof(gravity) / sizeof(*gravity); i++) {
		if (g->worst == gravity[i])
			return;
		if (e == gravity[i]) {
			g->worst = e;
			return;
		}
	}
	g->worst = e;
}

static void
put_id_column(FILE *f, const struct wanted *w)
{
	char hex[33];

	photo_id_hex(&w->id, hex);
	fprintf(f, "%s\t", hex);
}

/* `got` NULL: it was there. */
static void
put_json(struct get *g, const struct wanted *w, const char *file,
	 const struct answer_got *got)
{
	struct json *j = &g->output->json;

	json_open(j, NULL, '{');
	json_bytes(j, "got", w->name, strlen(w->name));
	json_hex(j, "id", w->id.hash, PHOTO_HASH_BYTES);
	json_bytes(j, "file", file, strlen(file));
	json_uint(j, "bytes", w->id.size);
	json_str_known(j, "from", got != NULL ? got->name : "");
	json_uint(j, "fetched", got != NULL ? got->fetched : 0);
	json_uint(j, "resumed", got != NULL ? got->resumed : 0);
	json_bool(j, "existing", got == NULL);
	json_close(j, '}');
	json_line(j);
}

static void
put_file(struct get *g, const struct wanted *w, const char *name,
	 const struct answer_got *got)
{
	struct output *o = g->output;
	char file[PLACE_PATH_MAX], size[TEXT_SIZE_MAX];

	place_shown(&g->place, name, file);
	output_bar_end(o);
	switch (o->form) {
	case OUTPUT_JSON:
		put_json(g, w, file, got);
		return;
	case OUTPUT_TABS:
		put_id_column(o->data, w);
		text_put_column(o->data, file, strlen(file));
		putc('\n', o->data);
		return;
	case OUTPUT_TABLE:
		break;
	}
	text_put_shown(o->data, file, strlen(file), UINT_MAX);
	text_size(w->id.size, size);
	output_dim(o, true);
	if (got == NULL) {
		fputs("  is there already", o->data);
	} else {
		fprintf(o->data, "  %s", size);
		if (got->name[0] != '\0') {
			fputs("  from ", o->data);
			text_put_shown(o->data, got->name, strlen(got->name),
				       UINT_MAX);
		}
	}
	output_dim(o, false);
	putc('\n', o->data);
}

void
report_got(struct get *g, const struct wanted *w, const char *name,
	   const struct answer_got *got)
{
	g->got++;
	g->bytes += w->id.size;
	g->fetched += got->fetched;
	put_file(g, w, name, got);
}

void
report_existing(struct get *g, const struct wanted *w, const char *name)
{
	g->existing++;
	g->bytes += w->id.size;
	put_file(g, w, name, NULL);
}

/* Piped: id, bytes, holders, name. */
void
report_dry(struct get *g, const struct wanted *w)
{
	struct output *o = g->output;
	struct json *j = &o->json;
	char hex[33], size[TEXT_SIZE_MAX];

	if (w->online)
		g->got++, g->bytes += w->id.size;
	else
		g->failed++, note_worst(g, ENDING_INCOMPLETE);
	photo_id_hex(&w->id, hex);
	text_size(w->id.size, size);
	switch (o->form) {
	case OUTPUT_JSON:
		json_open(j, NULL, '{');
		json_bytes(j, "would_get", w->name, strlen(w->name));
		json_str(j, "id", hex);
		json_uint(j, "bytes", w->id.size);
		json_str(j, "from", w->holders);
		json_bool(j, "online", w->online);
		json_close(j, '}');
		json_line(j);
		break;
	case OUTPUT_TABS:
		fprintf(o->data, "%s\t%llu\t", hex,
			(unsigned long long)w->id.size);
		text_put_column(o->data, w->holders, strlen(w->holders));
		putc('\t', o->data);
		text_put_column(o->data, w->name, strlen(w->name));
		putc('\n', o->data);
		break;
	case OUTPUT_TABLE:
		fprintf(o->data, "%.10s  %8s  ", hex, size);
		text_put_shown(o->data, w->name, strlen(w->name), UINT_MAX);
		fputs(w->online ? "  from " : "  only on ", o->data);
		text_put_shown(o->data, w->holders, strlen(w->holders),
			       UINT_MAX);
		putc('\n', o->data);
		break;
	}
}

void
report_failure(struct get *g, const struct wanted *w, const struct failure *f)
{
	struct failure named = *f;
	char hex[33];

	g->failed++;
	note_worst(g, f->ending);
	if (f->message[0] == '\0')
		return; /* said already */
	if (w != NULL) {
		photo_id_hex(&w->id, hex);
		failure_set(&named, f->ending, "%s (%.10s): %.300s", w->name,
			    hex, f->message);
	}
	output_complain(g->output, &named);
}

void
report_waiting(struct get *g, const struct slot *s)
{
	switch (s->now.state) {
	case GETTING_CONSENT:
		output_note(g->output, "waiting for %s's consent: %s (%s can "
				       "say yes with: photo requests)",
			    s->now.name, s->wanted.name, s->now.name);
		break;
	case GETTING_NOBODY:
		output_note(g->output,
			    "nobody who holds %s answers just now (%s); "
			    "waiting",
			    s->wanted.name, s->wanted.holders);
		break;
	default:
		break;
	}
}

static const char *
state_text(uint32_t state)
{
	switch (state) {
	case GETTING_QUEUED:
		return "queued";
	case GETTING_FILLING:
		return "filling";
	case GETTING_CONSENT:
		return "consent";
	case GETTING_NOBODY:
		return "nobody";
	}
	return "";
}

void
report_progress(struct get *g)
{
	struct progress *p = &g->progress;
	const struct slot *tell = NULL;

	p->files = g->got + g->existing + g->failed;
	p->bytes = g->bytes;
	p->totals_known = g->source.counted;
	p->total_files = g->source.total_files;
	p->total_bytes = g->source.total_bytes;
	for (unsigned i = 0; i < GET_SLOTS; i++) {
		const struct slot *s = &g->slots[i];

		if (s->state != SLOT_ASKED)
			continue;
		p->bytes += s->now.bytes;
		if (tell == NULL || s->now.state == GETTING_FILLING)
			tell = s;
	}
	snprintf(p->state, sizeof(p->state), "%s",
		 tell != NULL ? state_text(tell->now.state) : "");
	snprintf(p->who, sizeof(p->who), "%s",
		 tell != NULL ? tell->now.name : "");
	progress_show(p, g->output);
}

void
report_kept(struct get *g, unsigned count)
{
	if (count > 0)
		output_note(g->output,
			    "%u unfinished file%s stay%s in %s as "
			    ".photomesh-*.part; the same command goes on with "
			    "%s",
			    count, count == 1 ? "" : "s", count == 1 ? "s" : "",
			    g->folder, count == 1 ? "it" : "them");
}

static void
put_summary(struct get *g)
{
	char size[TEXT_SIZE_MAX], fetched[TEXT_SIZE_MAX], there[64] = "";

	text_size(g->bytes, size);
	text_size(g->fetched, fetched);
	if (g->existing > 0)
		snprintf(there, sizeof(there), ", %llu of them there already",
			 (unsigned long long)g->existing);
	output_note(g->output, "%llu photo%s, %s%s%s%s%s",
		    (unsigned long long)(g->got + g->existing),
		    g->got + g->existing == 1 ? "" : "s", size,
		    g->options->dry_run ? " would be got" : "",
		    g->fetched > 0 ? ", fetched " : "",
		    g->fetched > 0 ? fetched : "", there);
}

int
report_end(struct get *g, struct failure *why)
{
	output_bar_end(g->output);
	if (g->source.found == 0 && g->failed == 0)
		return failure_set(why, ENDING_NOT_FOUND,
				   "no photo matches '%.200s'; see: photo "
				   "list",
				   g->source.list.u.list.text);
	if (g->output->form == OUTPUT_TABLE && !g->stream)
		put_summary(g);
	if (output_flush(g->output, why) == -1)
		return -1;
	if (g->worst == ENDING_DONE)
		return 0;
	if (g->failed > 0 && g->failed + g->got + g->existing > 1)
		return failure_set(why, g->worst,
				   "%llu of %llu could not be got",
				   (unsigned long long)g->failed,
				   (unsigned long long)(g->failed + g->got +
							g->existing));
	return failure_set(why, g->worst, "%s", "");
}
