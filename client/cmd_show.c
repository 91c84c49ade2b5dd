/*
 * photo show ID: one photo, everything known, every copy.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "about.h"
#include "call.h"
#include "candidates.h"
#include "failure.h"
#include "output.h"
#include "picture.h"
#include "rows.h"
#include "table.h"
#include "text.h"
#include "verbs.h"
#include "words.h"

static void
put_fields(struct output *o, const struct answer_photos *a,
	   const struct answer_photo *p)
{
	struct row_holder h[MESH_KNOWN_MAX];
	size_t nodes = row_holders(a, p, h, MESH_KNOWN_MAX);
	char hex[PHOTO_ID_TEXT_MAX], size[TEXT_SIZE_MAX], time[TEXT_TIME_MAX];
	FILE *f = o->data;

	photo_id_hex(&p->id, hex);
	output_bold(o, true);
	text_put_shown(f, p->name, p->name_bytes, UINT_MAX);
	output_bold(o, false);
	text_size(p->id.size, size);
	fprintf(f, "\n  id      %s\n  size    %s (%llu bytes)\n", hex, size,
		(unsigned long long)p->id.size);
	if (p->type[0] != '\0') {
		fputs("  type    ", f);
		text_put_shown(f, p->type, strlen(p->type), UINT_MAX);
		putc('\n', f);
	}
	if (p->width != 0 && p->height != 0)
		fprintf(f, "  pixels  %u x %u\n", p->width, p->height);
	about_put(o, p);
	text_time_local(p->added_ms, true, time);
	if (p->added_ms != 0)
		fprintf(f, "  added   %s\n", time);
	fprintf(f, "  copies  %u on %zu node%s\n\n", p->copies, nodes,
		nodes == 1 ? "" : "s");
}

/* Piped: id, bytes, node, port, state, root, path, mtime. */
static void
put_copies(struct output *o, const struct answer_photos *a,
	   const struct answer_photo *p)
{
	static const char *const people[] = {"NODE", "STATE", "ROOT", "PATH",
					     "MODIFIED"};
	static const char *const pipes[] = {"id",    "bytes", "node", "port",
					    "state", "root",  "path", "mtime"};
	bool shown = o->form == OUTPUT_TABLE;
	int64_t now_ms = (int64_t)time(NULL) * 1000;
	char hex[33], when[TEXT_TIME_MAX];
	struct table t;

	table_init(&t, o, shown ? people : pipes, shown ? 5 : 8);
	photo_id_hex(&p->id, hex);
	for (uint32_t i = 0; i < p->copy_count; i++) {
		const struct answer_copy *c = &p->rows[i];
		const struct answer_node *n = row_node(a, c->node);

		if (!shown) {
			table_put(&t, "%s", hex);
			table_put(&t, "%llu", (unsigned long long)p->id.size);
		}
		table_bytes(&t, n->name, strlen(n->name));
		if (!shown)
			table_put(&t, "%u", n->port);
		text_age(now_ms - n->last_seen_ms, when);
		if (shown && !c->online && !n->online && n->last_seen_ms != 0)
			table_put(&t, "offline, last seen %s", when);
		else if (shown && !c->online && n->online)
			table_put(&t, "disk offline");
		else
			table_put(&t, "%s", c->online ? "online" : "offline");
		table_bytes(&t, c->label, c->label_bytes);
		table_bytes(&t, c->path, c->path_bytes);
		if (shown)
			text_time_local(text_ms_of_ns(c->mtime_ns), true, when);
		else
			text_time_utc(text_ms_of_ns(c->mtime_ns), false, when);
		table_put(&t, "%s", when);
	}
	table_print(&t);
	table_release(&t);
}

/* "alice (last seen 2 min ago)", "the disk 'blue' at carol (plug it in)" */
static void
put_way_back(FILE *f, const struct answer_node *n, const struct answer_copy *c)
{
	int64_t now_ms = (int64_t)time(NULL) * 1000;
	char age[TEXT_TIME_MAX];

	if (n->online) {
		fputs("the disk '", f);
		text_put_shown(f, c->label, c->label_bytes, UINT_MAX);
		fputs("' at ", f);
	}
	text_put_shown(f, n->name, strlen(n->name), UINT_MAX);
	text_age(now_ms - n->last_seen_ms, age);
	if (n->online)
		fputs(" (plug it in)", f);
	else if (n->last_seen_ms != 0)
		fprintf(f, " (last seen %s)", age);
}

/* Is there a copy before this one that would come back by the same way? */
static bool
is_told(const struct answer_photos *a, const struct answer_photo *p, uint32_t at)
{
	const struct answer_copy *c = &p->rows[at];

	for (uint32_t i = 0; i < at; i++) {
		const struct answer_copy *d = &p->rows[i];

		if (d->node == c->node &&
		    (!row_node(a, c->node)->online ||
		     (d->label_bytes == c->label_bytes &&
		      memcmp(d->label, c->label, c->label_bytes) == 0)))
			return true;
	}
	return false;
}

/* No copy is at hand: who would have to come back?  Any of them will do. */
static void
put_away(struct output *o, const struct answer_photos *a,
	 const struct answer_photo *p)
{
	uint32_t ways = 0, said = 0;

	for (uint32_t i = 0; i < p->copy_count; i++) {
		if (p->rows[i].online)
			return;
		ways += !is_told(a, p, i);
	}
	if (o->quiet || ways == 0)
		return;
	fflush(o->data); /* on a terminal both end on the same screen */
	fputs(ways == 1 ? "photo: every copy is away; to come back: " :
			  "photo: every copy is away; to come back, any of: ",
	      o->notes);
	for (uint32_t i = 0; i < p->copy_count; i++) {
		if (is_told(a, p, i))
			continue;
		fputs(said++ > 0 ? ", " : "", o->notes);
		put_way_back(o->notes, row_node(a, p->rows[i].node),
			     &p->rows[i]);
	}
	putc('\n', o->notes);
}

static int
fail_not_found(const char *id, struct failure *why)
{
	return failure_set(why, ENDING_NOT_FOUND,
			   "no photo has an id that begins with %s; see: "
			   "photo list",
			   id);
}

static int
put_answer(struct output *o, const char *id, const struct answer_photos *a,
	   struct failure *why)
{
	if (a->photo_count == 0)
		return fail_not_found(id, why);
	if (a->ambiguous || a->photo_count > 1)
		return candidates_put(o, id, a, why);
	switch (o->form) {
	case OUTPUT_JSON:
		row_json(&o->json, a, &a->photos[0], true);
		break;
	case OUTPUT_TABLE:
		put_fields(o, a, &a->photos[0]);
		put_copies(o, a, &a->photos[0]);
		put_away(o, a, &a->photos[0]);
		break;
	case OUTPUT_TABS:
		put_copies(o, a, &a->photos[0]);
		put_away(o, a, &a->photos[0]);
		break;
	}
	if (a->fresh.scanning || a->fresh.syncing)
		output_note(o, "%s is going on, so more copies may turn up",
			    a->fresh.scanning ? "a scan" : "a sync");
	return output_flush(o, why);
}

static int
run(const struct options *p, struct output *o, struct failure *why)
{
	struct question q = {.type = CLIENT_SHOW}, answer;
	struct call *c;
	const char *id;
	int r = -1;

	if (!words_id(p->arguments[0], PHOTO_PREFIX_HEX_MIN, &id))
		return failure_set(why, ENDING_USAGE,
				   "'%.64s' is no photo id: give its first "
				   "%u or more hex digits, as photo list "
				   "shows them",
				   id, PHOTO_PREFIX_HEX_MIN);
	snprintf(q.u.show.id, sizeof(q.u.show.id), "%s", id);
	if ((c = verb_call_new(p, why)) == NULL)
		return -1;
	if (call_once(c, &q, CLIENT_PHOTOS, &answer, why) == 0) {
		const struct answer_photos *a = &answer.u.photos;
		bool one = a->photo_count == 1 && !a->ambiguous;
		struct photo_id photo;

		if (one)
			photo = a->photos[0].id; /* the answer ends with a next */
		r = put_answer(o, id, a, why);
		verb_note_silent(c, o);
		if (r == 0 && one && !p->no_picture && picture_possible(o)) {
			picture_put(o, c, &photo);
			r = output_flush(o, why);
		}
	} else if (why->ending == ENDING_NOT_FOUND) {
		fail_not_found(id, why); /* the daemon need not repeat it */
	}
	call_free(c);
	return r;
}

const struct verb verb_show = {
	.name = "show",
	.alias = "whereis",
	.summary = "one photo: what is known, and where its copies are",
	.synopsis = "show ID [--no-picture]",
	.help = "ID is the beginning of a photo id, at least 4 hex digits.  "
		"If several\n"
		"photos begin so, they are listed on standard error and the "
		"exit code is 4.\n"
		"\n"
		"Piped, there is a line for each copy: id, bytes, node, port, "
		"state, root,\n"
		"path, time of modification, separated by tabs.  When every "
		"copy is away, who\n"
		"would have to come back is said on standard error.\n"
		"\n"
		"A terminal that can show pictures, or colours, shows it as well, if there is a\n"
		"thumbnail.\n"
		"\n"
		"  --no-picture       not that\n"
		"\n"
		"Examples:\n"
		"  photo show 99aa06d3\n"
		"  photo whereis 99aa06d3014798d86001c324468d497f\n"
		"  photo show 99aa --json | jq -r '.copies[].path'\n",
	.takes = TAKES_NO_PICTURE,
	.arguments_min = 1,
	.arguments_max = 1,
	.run = run,
};
