/*
 * photo dupes: photos with more than one copy, those that waste most first.
 *
 * Printed as it arrives, like photo list, and like there nothing is kept: the
 * daemon has them in that order, and knows the total of all.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "failure.h"
#include "output.h"
#include "rows.h"
#include "text.h"
#include "verbs.h"

#define ID_COLUMNS   10
#define SIZE_COLUMNS 8

struct dupes {
	struct output *output;
	const struct options *options;
	unsigned nodes_width; /* judged by the first page; 0: none yet */
	bool cut;             /* by --limit: there is more */
	uint64_t photos, too_many;
	uint64_t wasted_bytes;     /* by those printed */
	uint64_t all_wasted_bytes; /* by all, as the daemon says */
	struct answer_fresh fresh;
};

/* Sizes are what some node says; a product must not come out small. */
static uint64_t
wasted_by(const struct answer_photo *p)
{
	uint64_t too_many = p->copies > 0 ? p->copies - 1 : 0;

	if (too_many > 0 && p->id.size > UINT64_MAX / too_many)
		return UINT64_MAX;
	return too_many * p->id.size;
}

/* ---- rows ------------------------------------------------------------- */

static void
put_json(struct json *j, const struct answer_photo *p,
	 const struct row_holder *h, size_t count)
{
	json_open(j, NULL, '{');
	json_hex(j, "id", p->id.hash, sizeof(p->id.hash));
	json_uint(j, "size", p->id.size);
	json_uint(j, "copies", p->copies);
	json_uint(j, "wasted_bytes", wasted_by(p));
	json_open(j, "nodes", '[');
	for (size_t i = 0; i < count; i++)
		json_str(j, NULL, h[i].node->name);
	json_close(j, ']');
	json_bytes(j, "name", p->name, p->name_bytes);
	json_close(j, '}');
	json_line(j);
}

static void
put_header(struct dupes *d, const struct answer_photos *a)
{
	struct output *o = d->output;

	d->nodes_width = row_holders_width(o, a);
	output_bold(o, true);
	fprintf(o->data, "%-*s  %*s  %*s  COPIES  %-*s  NAME", ID_COLUMNS, "ID",
		SIZE_COLUMNS, "WASTED", SIZE_COLUMNS, "SIZE",
		(int)d->nodes_width, "NODES");
	output_bold(o, false);
	putc('\n', o->data);
}

static void
put_row(struct dupes *d, const struct answer_photo *p,
	const struct row_holder *h, size_t count)
{
	struct output *o = d->output;
	char hex[33], size[TEXT_SIZE_MAX], wasted[TEXT_SIZE_MAX];

	photo_id_hex(&p->id, hex);
	switch (o->form) {
	case OUTPUT_JSON:
		put_json(&o->json, p, h, count);
		return;
	case OUTPUT_TABS:
		fprintf(o->data, "%s\t%llu\t%llu\t%u\t", hex,
			(unsigned long long)wasted_by(p),
			(unsigned long long)p->id.size, p->copies);
		row_put_holders_column(o, h, count);
		putc('\t', o->data);
		text_put_column(o->data, p->name, p->name_bytes);
		putc('\n', o->data);
		return;
	case OUTPUT_TABLE:
		break;
	}
	text_size(p->id.size, size);
	text_size(wasted_by(p), wasted);
	fprintf(o->data, "%.*s  %*s  %*s  %6u  ", ID_COLUMNS, hex, SIZE_COLUMNS,
		wasted, SIZE_COLUMNS, size, p->copies);
	row_put_holders(o, h, count, d->nodes_width);
	fputs("  ", o->data);
	text_put_shown(o->data, p->name, p->name_bytes, UINT_MAX);
	putc('\n', o->data);
}

static void
add_wasted(struct dupes *d, uint64_t bytes)
{
	d->wasted_bytes = d->wasted_bytes > UINT64_MAX - bytes
				  ? UINT64_MAX
				  : d->wasted_bytes + bytes;
}

static void
put_page(struct dupes *d, const struct answer_photos *a)
{
	struct row_holder h[MESH_KNOWN_MAX];

	if (d->output->form == OUTPUT_TABLE && d->nodes_width == 0 &&
	    a->photo_count > 0)
		put_header(d, a);
	for (uint32_t i = 0; i < a->photo_count; i++) {
		const struct answer_photo *p = &a->photos[i];

		put_row(d, p, h, row_holders(a, p, h, MESH_KNOWN_MAX));
		d->photos++;
		d->too_many += p->copies > 0 ? p->copies - 1 : 0;
		add_wasted(d, wasted_by(p));
	}
	d->all_wasted_bytes = a->wasted_bytes;
	d->fresh.scanning |= a->fresh.scanning;
	d->fresh.syncing |= a->fresh.syncing;
}

/* ---- what is said behind the rows ------------------------------------- */

static void
put_total(struct dupes *d)
{
	bool some = d->cut || d->options->after != NULL;
	char wasted[TEXT_SIZE_MAX], all[TEXT_SIZE_MAX];
	struct output *o = d->output;

	text_size(d->wasted_bytes, wasted);
	text_size(d->all_wasted_bytes, all);
	if (d->photos == 0 && !some)
		output_note(o, "no photo has more than one copy");
	else
		output_note(o, "%s%llu photo%s, %llu cop%s too many: %s%s%s "
			    "wasted",
			    some ? "these are " : "",
			    (unsigned long long)d->photos,
			    d->photos == 1 ? "" : "s",
			    (unsigned long long)d->too_many,
			    d->too_many == 1 ? "y" : "ies", wasted,
			    some ? " of " : "", some ? all : "");
}

static void
put_notes(struct dupes *d, const uint8_t *after, size_t after_bytes)
{
	struct output *o = d->output;

	if (o->form != OUTPUT_JSON)
		put_total(d);
	if (d->fresh.scanning || d->fresh.syncing)
		output_note(o, "%s is going on, so more copies may turn up",
			    d->fresh.scanning ? "a scan" : "a sync");
	if (d->cut)
		verb_note_more(o, after, after_bytes);
}

/* ---- asking ----------------------------------------------------------- */

/* Page after page, from the answer to the first question on. */
static int
put_pages(struct dupes *d, struct call *c, struct question *q,
	  struct question *answer, struct failure *why)
{
	const struct answer_photos *a = &answer->u.photos;

	for (;;) {
		if (call_expect(answer, CLIENT_PHOTOS, why) == -1)
			return -1;
		put_page(d, a);
		if (output_flush(d->output, why) == -1)
			return -1;
		if (a->after == NULL || a->after_bytes == 0)
			break;
		if (d->options->limit != 0 && d->photos >= d->options->limit) {
			d->cut = true;
			break;
		}
		if (a->photo_count == 0)
			return failure_set(why, ENDING_FAILED,
					   "the daemon sends pages without "
					   "photos");
		memcpy(q->u.dupes.after, a->after, a->after_bytes);
		q->u.dupes.after_bytes = a->after_bytes;
		q->u.dupes.limit = verb_page_limit(d->options, d->photos);
		if (verb_next_page(c, d->output, q, answer, why) == -1)
			return -1;
	}
	put_notes(d, a->after, a->after_bytes);
	return 0;
}

static int
run(const struct options *p, struct output *o, struct failure *why)
{
	struct question q = {.type = CLIENT_DUPES}, answer;
	struct dupes d = {.output = o, .options = p};
	struct call *c;
	int r = -1;

	if (verb_read_after(p, q.u.dupes.after, &q.u.dupes.after_bytes, why) ==
		    -1 ||
	    (c = verb_call_new(p, why)) == NULL)
		return -1;
	q.u.dupes.limit = verb_page_limit(p, 0);
	if (call_open(c, &q, &answer, why) == 0 &&
	    (r = put_pages(&d, c, &q, &answer, why)) == 0)
		verb_note_silent(c, o);
	call_free(c);
	return r;
}

const struct verb verb_dupes = {
	.name = "dupes",
	.summary = "photos with more than one copy, most wasted bytes first",
	.synopsis = "dupes [--limit N] [--after CURSOR]",
	.help = "A file counts once, however many names (hard links) or "
		"daemons it has.\n"
		"Nothing is removed: copies are what survives a broken disk.\n"
		"\n"
		"  -n, --limit N   at most N photos; a cursor for the rest is "
		"told\n"
		"  --after CURSOR  go on where an earlier list was cut\n"
		"\n"
		"Piped, the columns are id, wasted bytes, bytes, number of "
		"copies, nodes,\n"
		"name, separated by tabs; the total is told on standard "
		"error.\n"
		"\n"
		"Examples:\n"
		"  photo dupes --limit 20\n"
		"  photo dupes | cut -f 1 | xargs -n 1 photo show\n"
		"  photo dupes --json | jq -r 'select(.copies > 2).name'\n",
	.takes = TAKES_LIMIT | TAKES_AFTER,
	.run = run,
};
