/*
 * get_source.c: which photos are wanted, a page at a time.
 *
 * Either every argument is an id, or all of them are one query; so a word that
 * happens to be hex never takes a query apart.  A second walk over the same
 * list counts, for the bar, while the first ones are got.
 */
#include "get_private.h"

#include <stdio.h>
#include <string.h>

#include "candidates.h"
#include "rows.h"
#include "words.h"

/* ---- what was typed --------------------------------------------------- */

/* The digits of an argument that was found to be an id. */
static const char *
bare_id(const char *word)
{
	const char *digits = word;

	(void)words_id(word, WORDS_ID_DIGITS_MIN, &digits);
	return digits;
}

int
source_init(struct source *s, const struct options *p, bool counts,
	    struct output *o, struct failure *why)
{
	static struct query query; /* large, and there is one run */

	memset(s, 0, sizeof(*s));
	s->by_id = words_are_ids(p->arguments, p->argument_count);
	if (s->by_id) {
		s->ids = p->arguments;
		s->id_count = p->argument_count;
		return 0;
	}
	s->counts = counts;
	s->list.type = CLIENT_LIST;
	if (words_query(p->arguments, p->argument_count, o, &query, why) == -1)
		return -1;
	words_ask(&query, &s->list.u.list);
	s->census = s->list;
	s->list.u.list.limit = SOURCE_PAGE;
	s->census.u.list.limit = LIST_PAGE_MAX;
	return 0;
}

/* ---- asking ----------------------------------------------------------- */

int
source_turn(struct source *s, struct call *c, struct failure *why)
{
	struct question show = {.type = CLIENT_SHOW};

	if (s->counts && !s->counted && s->census_request == 0 &&
	    call_send(c, &s->census, -1, &s->census_request, why) == -1)
		return -1;
	if (s->done || s->request != 0 || s->count + SOURCE_PAGE > SOURCE_RING)
		return 0;
	if (!s->by_id)
		return call_send(c, &s->list, -1, &s->request, why);
	snprintf(show.u.show.id, sizeof(show.u.show.id), "%s",
		 bare_id(s->ids[s->id_next]));
	return call_send(c, &show, -1, &s->request, why);
}

void
source_forget_asked(struct source *s)
{
	s->request = s->census_request = 0;
}

/* ---- what comes ------------------------------------------------------- */

static void
append_holder(char out[HOLDERS_TEXT_MAX], const struct row_holder *h)
{
	size_t used = strlen(out);

	if (used + SHOWN_NAME_MAX + 4 < HOLDERS_TEXT_MAX)
		snprintf(out + used, HOLDERS_TEXT_MAX - used, "%s%s%s%s",
			 used > 0 ? "," : "", h->online ? "" : "(",
			 h->node->name, h->online ? "" : ")");
}

static void
push(struct source *s, const struct answer_photos *a,
     const struct answer_photo *p)
{
	struct wanted *w = &s->ring[(s->first + s->count) % SOURCE_RING];
	struct row_holder h[MESH_KNOWN_MAX];
	size_t n = row_holders(a, p, h, MESH_KNOWN_MAX);

	memset(w, 0, sizeof(*w));
	w->id = p->id;
	w->mtime_ns = p->mtime_ns;
	name_safe(p->name, p->name_bytes, w->name);
	for (size_t i = 0; i < n; i++) {
		w->online |= h[i].online;
		append_holder(w->holders, &h[i]);
	}
	s->count++;
	s->found++;
	if (s->by_id) {
		s->total_files++;
		s->total_bytes += p->id.size;
	}
}

bool
source_pop(struct source *s, struct wanted *out)
{
	if (s->count == 0)
		return false;
	*out = s->ring[s->first];
	s->first = (s->first + 1) % SOURCE_RING;
	s->count--;
	return true;
}

/* The cursor of the next page into `q`; false: there is none. */
static bool
turn_page(struct question *q, const struct answer_photos *a)
{
	/* A page may be empty; one that leads back to itself is the last. */
	if (a->after == NULL || a->after_bytes == 0 ||
	    a->after_bytes > CURSOR_BYTES_MAX ||
	    (a->after_bytes == q->u.list.after_bytes &&
	     memcmp(a->after, q->u.list.after, a->after_bytes) == 0))
		return false;
	memcpy(q->u.list.after, a->after, a->after_bytes);
	q->u.list.after_bytes = a->after_bytes;
	return true;
}

static void
take_census(struct source *s, const struct answer_photos *a)
{
	for (uint32_t i = 0; i < a->photo_count; i++) {
		s->total_files++;
		s->total_bytes += a->photos[i].id.size;
	}
	s->counted = !turn_page(&s->census, a);
}

/* The answer to SHOW; whatever it is, the next id is next. */
static void
take_shown(struct get *g, const struct question *answer)
{
	struct source *s = &g->source;
	const char *id = bare_id(s->ids[s->id_next]);
	const struct answer_photos *a = &answer->u.photos;
	struct failure f;

	s->done = ++s->id_next == s->id_count;
	s->counted = s->done;
	if (answer->type == MESSAGE_ERROR) {
		call_failure(g->call, answer, &f);
		if (f.ending == ENDING_NOT_FOUND)
			failure_set(&f, ENDING_NOT_FOUND,
				    "no photo has an id that begins with %s; "
				    "see: photo list",
				    id);
		report_failure(g, NULL, &f);
	} else if (a->photo_count == 0) {
		failure_set(&f, ENDING_NOT_FOUND,
			    "no photo has an id that begins with %s; see: "
			    "photo list",
			    id);
		report_failure(g, NULL, &f);
	} else if (a->ambiguous || a->photo_count > 1) {
		output_bar_end(g->output);
		candidates_put(g->output, id, a, &f);
		report_failure(g, NULL, &f);
	} else {
		push(s, a, &a->photos[0]);
	}
}

int
source_take(struct get *g, const struct question *answer, bool *mine,
	    struct failure *why)
{
	struct source *s = &g->source;
	bool census = s->census_request != 0 &&
		      answer->request == s->census_request;

	*mine = census || (s->request != 0 && answer->request == s->request);
	if (!*mine)
		return 0;
	call_close(g->call, answer->request);
	*(census ? &s->census_request : &s->request) = 0;
	if (answer->type != MESSAGE_ERROR &&
	    call_expect(answer, CLIENT_PHOTOS, why) == -1)
		return -1;
	if (s->by_id) {
		take_shown(g, answer);
		return 0;
	}
	if (answer->type == MESSAGE_ERROR)
		return call_failure(g->call, answer, why);
	if (census) {
		take_census(s, &answer->u.photos);
		return 0;
	}
	for (uint32_t i = 0; i < answer->u.photos.photo_count &&
			     s->count < SOURCE_RING;
	     i++)
		push(s, &answer->u.photos, &answer->u.photos.photos[i]);
	s->done = !turn_page(&s->list, &answer->u.photos);
	return 0;
}
