/*
 * photo list: the merged list, each photo once, printed as it arrives.
 *
 * Nothing is kept but the nodes met, so a million photos cost no more memory
 * than a page of them.
 */
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "about.h"
#include "call.h"
#include "failure.h"
#include "output.h"
#include "rows.h"
#include "text.h"
#include "verbs.h"
#include "words.h"

#define ID_COLUMNS        10u
#define DATE_COLUMNS      16u
#define SIZE_COLUMNS      8u

struct list {
	struct output *output;
	const struct options *options;
	struct query query;
	unsigned nodes_width; /* judged by the first page */
	bool headed;
	bool cut; /* by --limit: there is more */
	uint64_t photos, copies;
	struct answer_fresh fresh;                /* the worst of all pages */
	size_t seen_count;
	/* Last, for it is not cleared: it would take longer than the rest. */
	struct answer_node nodes[MESH_KNOWN_MAX]; /* met so far */
};

static void
remember_node(struct list *l, const struct row_holder *h)
{
	for (size_t i = 0; i < l->seen_count; i++) {
		if (node_id_equal(&l->nodes[i].node, &h->node->node))
			return;
	}
	if (l->seen_count < MESH_KNOWN_MAX)
		l->nodes[l->seen_count++] = *h->node;
}

/* ---- rows ------------------------------------------------------------- */

static void
put_row(struct list *l, const struct answer_photos *a,
	const struct answer_photo *p, const struct row_holder *h, size_t count)
{
	struct output *o = l->output;
	char hex[33], date[ABOUT_DATE_MAX], size[TEXT_SIZE_MAX];

	photo_id_hex(&p->id, hex);
	switch (o->form) {
	case OUTPUT_JSON:
		row_json(&o->json, a, p, false);
		return;
	case OUTPUT_TABS:
		about_date_column(p, date);
		fprintf(o->data, "%s\t", hex);
		text_put_column(o->data, date, strlen(date));
		fprintf(o->data, "\t%llu\t%u\t", (unsigned long long)p->id.size,
			p->copies);
		row_put_holders_column(o, h, count);
		putc('\t', o->data);
		text_put_column(o->data, p->name, p->name_bytes);
		putc('\n', o->data);
		return;
	case OUTPUT_TABLE:
		break;
	}
	about_date_shown(p, date);
	text_size(p->id.size, size);
	fprintf(o->data, "%.*s  ", (int)ID_COLUMNS, hex);
	output_cell(o, date, strlen(date), DATE_COLUMNS);
	fprintf(o->data, "  %*s  %6u  ", (int)SIZE_COLUMNS, size, p->copies);
	row_put_holders(o, h, count, l->nodes_width);
	fputs("  ", o->data);
	text_put_shown(o->data, p->name, p->name_bytes, UINT_MAX);
	putc('\n', o->data);
}

/* The first page decides how wide the nodes are, so that rows can stream. */
static void
put_header(struct list *l, const struct answer_photos *a)
{
	struct output *o = l->output;

	l->nodes_width = row_holders_width(o, a);
	l->headed = true;
	output_bold(o, true);
	fprintf(o->data, "%-*s  %-*s  %*s  COPIES  %-*s  NAME", (int)ID_COLUMNS,
		"ID", (int)DATE_COLUMNS, "DATE", (int)SIZE_COLUMNS, "SIZE",
		(int)l->nodes_width, "NODES");
	output_bold(o, false);
	putc('\n', o->data);
}

static void
put_page(struct list *l, const struct answer_photos *a)
{
	struct row_holder h[MESH_KNOWN_MAX];

	if (l->output->form == OUTPUT_TABLE && !l->headed && a->photo_count > 0)
		put_header(l, a);
	for (uint32_t i = 0; i < a->photo_count; i++) {
		const struct answer_photo *p = &a->photos[i];
		size_t n = row_holders(a, p, h, MESH_KNOWN_MAX);

		for (size_t k = 0; k < n; k++)
			remember_node(l, &h[k]);
		put_row(l, a, p, h, n);
		l->photos++;
		l->copies += p->copies;
	}
	if (a->fresh.oldest_age_ms > l->fresh.oldest_age_ms)
		l->fresh.oldest_age_ms = a->fresh.oldest_age_ms;
	l->fresh.scanning |= a->fresh.scanning;
	l->fresh.syncing |= a->fresh.syncing;
}

/* ---- what is said behind the rows ------------------------------------- */

/* "30 photos, 41 copies on 3 nodes (1 offline: alice, last seen 2 min ago)" */
static void
put_summary(struct list *l)
{
	FILE *f = l->output->notes;
	int64_t now_ms = (int64_t)time(NULL) * 1000;
	size_t offline = 0;
	char age[TEXT_TIME_MAX];

	for (size_t i = 0; i < l->seen_count; i++)
		offline += !l->nodes[i].online;
	fprintf(f, "%s%llu photo%s, %llu cop%s on %zu node%s",
		l->cut ? "the first " : "", (unsigned long long)l->photos,
		l->photos == 1 ? "" : "s", (unsigned long long)l->copies,
		l->copies == 1 ? "y" : "ies", l->seen_count,
		l->seen_count == 1 ? "" : "s");
	if (offline > 0)
		fprintf(f, " (%zu offline:", offline);
	for (size_t i = 0, said = 0; i < l->seen_count; i++) {
		const struct answer_node *n = &l->nodes[i];

		if (n->online)
			continue;
		fputs(said++ > 0 ? "; " : " ", f);
		text_put_shown(f, n->name, strlen(n->name), UINT_MAX);
		text_age(now_ms - n->last_seen_ms, age);
		if (n->last_seen_ms != 0)
			fprintf(f, ", last seen %s", age);
	}
	fputs(offline > 0 ? ")\n" : "\n", f);
}

static void
put_notes(struct list *l, const uint8_t *after, size_t after_bytes)
{
	struct output *o = l->output;

	if (o->form == OUTPUT_TABLE && !o->quiet)
		put_summary(l);
	if (l->fresh.scanning || l->fresh.syncing)
		output_note(o, "%s is going on, so the list may still change",
			    l->fresh.scanning && l->fresh.syncing
				    ? "a scan and a sync"
			    : l->fresh.scanning ? "a scan"
						: "a sync");
	if (l->cut)
		verb_note_more(o, after, after_bytes);
}

static int
judge_age(const struct list *l, struct failure *why)
{
	int64_t max = l->options->max_age_ms;

	if (max < 0 || l->fresh.oldest_age_ms <= (uint64_t)max)
		return 0;
	return failure_set(why, ENDING_INCOMPLETE,
			   "some node was last heard %llu ms ago, longer than "
			   "--max-age %lld; see: photo peers",
			   (unsigned long long)l->fresh.oldest_age_ms,
			   (long long)max);
}

/* Nothing to list is fine; nothing that was looked for is worth a word. */
static int
judge_found(const struct list *l, struct failure *why)
{
	const char *text = l->query.text, *node = l->options->node;

	if (l->photos > 0 || l->query.search.count == 0 ||
	    l->options->after != NULL)
		return 0;
	return failure_set(why, ENDING_NOT_FOUND, "no photo%s%.*s matches: %.*s",
			   node != NULL ? " on " : "",
			   node != NULL ? (int)strlen(node) : 0,
			   node != NULL ? node : "",
			   words_cut(text, strlen(text), 300), text);
}

/* ---- asking ----------------------------------------------------------- */

static int
write_question(struct list *l, struct question_list *q, struct failure *why)
{
	const struct options *p = l->options;

	if (words_query(p->arguments, p->argument_count, l->output, &l->query,
			why) == -1)
		return -1;
	words_ask(&l->query, q);
	if (verb_read_node(p, q->node, why) == -1 ||
	    verb_read_after(p, q->after, &q->after_bytes, why) == -1)
		return -1;
	q->sort = p->sort;
	q->reverse = p->reverse;
	return 0;
}

/* Page after page, from the answer to the first question on. */
static int
put_pages(struct list *l, struct call *c, struct question *q,
	  struct question *answer, struct failure *why)
{
	const struct answer_photos *a = &answer->u.photos;

	for (;;) {
		if (call_expect(answer, CLIENT_PHOTOS, why) == -1)
			return -1;
		put_page(l, a);
		if (output_flush(l->output, why) == -1)
			return -1;
		if (a->after == NULL || a->after_bytes == 0)
			break;
		if (l->options->limit != 0 && l->photos >= l->options->limit) {
			l->cut = true;
			break;
		}
		if (a->photo_count == 0 || a->after_bytes > CURSOR_BYTES_MAX)
			return failure_set(why, ENDING_FAILED,
					   "the daemon sends pages without "
					   "photos");
		memcpy(q->u.list.after, a->after, a->after_bytes);
		q->u.list.after_bytes = a->after_bytes;
		q->u.list.limit = verb_page_limit(l->options, l->photos);
		if (verb_next_page(c, l->output, q, answer, why) == -1)
			return -1;
	}
	put_notes(l, a->after, a->after_bytes);
	return 0;
}

static int
run(const struct options *p, struct output *o, struct failure *why)
{
	static struct list l; /* 60 KB of nodes: not for the stack */
	struct question q = {.type = CLIENT_LIST}, answer;
	struct call *c;
	int r = -1;

	memset(&l, 0, offsetof(struct list, nodes));
	l.output = o;
	l.options = p;
	if (write_question(&l, &q.u.list, why) == -1 ||
	    (c = verb_call_new(p, why)) == NULL)
		return -1;
	q.u.list.limit = verb_page_limit(p, 0);
	if (call_open(c, &q, &answer, why) == -1)
		goto free_call;
	r = put_pages(&l, c, &q, &answer, why);
	if (r == 0) {
		verb_note_silent(c, o);
		r = judge_age(&l, why);
		if (r == 0)
			r = judge_found(&l, why);
	}
free_call:
	call_free(c);
	return r;
}

const struct verb verb_list = {
	.name = "list",
	.alias = "ls",
	.summary = "all photos of all nodes, each once, newest first",
	.synopsis = "list [QUERY...] [--node NODE]\n"
		    "                  [--sort taken|name|size|added] "
		    "[--reverse]\n"
		    "                  [--limit N] [--after CURSOR] "
		    "[--max-age MS]",
	.help = "QUERY is any number of terms, in any order; a photo is listed "
		"when all of\n"
		"them hold:\n"
		"\n"
		"  beach  \"two words\"     a part of a name or path; case does not "
		"matter\n"
		"  IMG_*.jpg  2023/*      a pattern for a name, with a / for a "
		"whole path\n"
		"  name:  path:           a part of, or a pattern for, one of them\n"
		"  node:NODE              some copy is there\n"
		"  type:                  image, video, raw, jpeg, mov, image/*\n"
		"  size:>10M  1M..5M      also >= < <= =, 1M.., ..5M; k M G T, Ki "
		"Mi Gi Ti\n"
		"  taken:2019-07  added:  2019, 2019-07-04, 2019..2020-03, >2019; "
		"7d 2w 3m 1y\n"
		"                         are the last so many days, weeks, "
		"months, years\n"
		"  copies:1  copies:>2    how many copies there are\n"
		"  online  offline        some copy is at hand; every copy is "
		"away\n"
		"  id:99aa06d3            ids that begin so\n"
		"  camera:  lens:         a part of, or a pattern for, their names\n"
		"  iso:>=800  keyword:    sensitivities; a whole keyword, or a "
		"pattern\n"
		"  has:gps  near:LAT,LON,KM\n"
		"                         a place; one so near to there\n"
		"  !term  -term           the opposite; a first -term needs -- "
		"before it\n"
		"\n"
		"  --node NODE     only what that node holds (name, port or "
		"node id)\n"
		"  --sort KEY      taken (default), name, size or added\n"
		"  -r, --reverse   the other way round\n"
		"  -n, --limit N   at most N photos; a cursor for the rest is "
		"told\n"
		"  --after CURSOR  go on where an earlier list was cut\n"
		"  --max-age MS    exit 6 if some node was last heard longer "
		"ago\n"
		"\n"
		"Without -p it goes on at the next daemon when its own dies.\n"
		"When nothing matches a QUERY, that is said and the exit code is "
		"3.\n"
		"\n"
		"Piped, the columns are id, date, bytes, number of copies, "
		"nodes, name,\n"
		"separated by tabs; control characters and backslashes in "
		"names are\n"
		"written as \\n, \\x1b, \\\\, so that printf %b gives them "
		"back.\n"
		"\n"
		"Examples:\n"
		"  photo list\n"
		"  photo list beach type:video 'size:>10M' --sort size\n"
		"  photo list taken:2019-07 copies:1\n"
		"  photo list node:blue-disk '!node:laptop'\n"
		"  photo list offline --limit 20 --json | jq -r .name\n",
	.takes = TAKES_QUERY | TAKES_NODE | TAKES_SORT | TAKES_REVERSE | TAKES_LIMIT |
		 TAKES_AFTER | TAKES_MAX_AGE,
	.arguments_max = ARGUMENTS_MAX,
	.run = run,
};
