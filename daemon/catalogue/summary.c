#include "summary.h"

#include <stdlib.h>
#include <string.h>

#include "name_date.h"
#include "search.h"

/* Whatever a camera says, in ns it must be an integer. */
#define DATE_MS_MAX (INT64_MAX / 1000000)

void
holder_of_host(const struct host_id *host, uint8_t out[HOLDER_BYTES])
{
	memset(out, 0, HOLDER_BYTES);
	out[0] = 1;
	memcpy(out + 1, host->bytes, HOST_ID_BYTES);
}

void
holder_of_node(const struct node_id *node, uint8_t out[HOLDER_BYTES])
{
	out[0] = 0;
	memcpy(out + 1, node->bytes, NODE_ID_BYTES);
}

bool
root_same_folder(const struct record_root *a, const struct record_root *b)
{
	return a->volume_bytes > 0 && a->volume_bytes == b->volume_bytes &&
	       memcmp(a->volume, b->volume, a->volume_bytes) == 0 &&
	       strcmp(a->label, b->label) == 0;
}

void
summary_begin(struct summary *s)
{
	s->count = 0;
	s->best_key_bytes = 0;
	s->has_name_date = false;
	memset(&s->about, 0, sizeof(s->about));
}

void
summary_release(struct summary *s)
{
	free(s->counted);
	s->counted = NULL;
	s->capacity = 0;
}

/* By path, then node, then root; a path that begins another comes first. */
static int
compare_names(const struct summary *s, const struct summary_copy *c)
{
	size_t a = c->key_bytes - ROOT_ID_BYTES;
	size_t b = s->best_key_bytes - ROOT_ID_BYTES;
	int r = memcmp(c->key + ROOT_ID_BYTES, s->best_key + ROOT_ID_BYTES,
		       a < b ? a : b);

	if (r == 0)
		r = (a > b) - (a < b);
	if (r == 0)
		r = node_id_compare(c->node, &s->best_node);
	if (r == 0)
		r = memcmp(c->key, s->best_key, ROOT_ID_BYTES);
	return r;
}

static void
become_best(struct summary *s, const struct summary_copy *c)
{
	size_t bytes = c->type_bytes < sizeof(s->type) - 1 ?
			       c->type_bytes : sizeof(s->type) - 1;

	s->mtime_ns = c->mtime_ns;
	s->best_node = *c->node;
	memcpy(s->best_key, c->key, c->key_bytes);
	s->best_key_bytes = c->key_bytes;
	memcpy(s->type, c->type, bytes);
	s->type[bytes] = '\0';
}

static void
add_name_date(struct summary *s, const struct summary_copy *c)
{
	size_t bytes = c->key_bytes - ROOT_ID_BYTES;
	const char *name = search_base_name(
		(const char *)c->key + ROOT_ID_BYTES, &bytes);
	int64_t ms;

	if (!name_date(name, bytes, &ms) ||
	    (s->has_name_date && s->name_date_ms <= ms))
		return;
	s->has_name_date = true;
	s->name_date_ms = ms;
}

int
summary_add(struct summary *s, const struct summary_copy *c)
{
	if (c->key_bytes <= ROOT_ID_BYTES || c->key_bytes > RECORD_KEY_MAX)
		return 0; /* never stored */
	if (s->count == s->capacity) {
		size_t more = s->capacity == 0 ? 16 : 2 * s->capacity;
		void *p = realloc(s->counted, more * sizeof(s->counted[0]));

		if (p == NULL)
			return -1;
		s->counted = p;
		s->capacity = more;
	}
	memcpy(s->counted[s->count], c->holder, HOLDER_BYTES);
	memcpy(s->counted[s->count] + HOLDER_BYTES, c->file, 8);
	if (s->count == 0 || c->added_ms < s->added_ms)
		s->added_ms = c->added_ms;
	if (s->count == 0 || c->mtime_ns < s->mtime_ns ||
	    (c->mtime_ns == s->mtime_ns && compare_names(s, c) < 0))
		become_best(s, c);
	add_name_date(s, c);
	s->count++;
	return 0;
}

/* Is what counts already better than, or equal to, this one? */
static bool
about_stays(const struct summary *s, const struct stream_id *of,
	    const struct record_meta *m)
{
	int c = node_id_compare(&s->about_node, &of->node);
	bool knows = m->media != META_OTHER;

	if (s->about.decoder != m->decoder)
		return s->about.decoder > m->decoder;
	/* One who could make nothing of it must not outdo one who could. */
	if (s->about_knows != knows)
		return s->about_knows;
	return c != 0 ? c < 0 : s->about_generation >= of->generation;
}

void
summary_add_meta(struct summary *s, const struct stream_id *of, int64_t stream,
		 const struct record_meta *m)
{
	struct summary_date *d = &s->about_date;

	if (m->decoder == 0 || about_stays(s, of, m))
		return;
	s->about_node = of->node;
	s->about_generation = of->generation;
	s->about_knows = m->media != META_OTHER;
	s->about = (struct summary_about){
		.decoder = m->decoder, .stream = stream,
		.width = m->width, .height = m->height,
	};
	memset(d, 0, sizeof(*d));
	if ((m->has & META_HAS_TAKEN) == 0 || m->taken_ms > DATE_MS_MAX ||
	    m->taken_ms < -DATE_MS_MAX)
		return;
	d->dated = m->source;
	d->ns = m->taken_ms * 1000000;
	d->has_zone = (m->has & META_HAS_OFFSET) != 0;
	d->zone_min = m->offset_min;
}

static void
choose_date(struct summary *s)
{
	struct summary_date *d = &s->date;

	if (s->about.decoder > 0 && s->about_date.dated != DATE_MTIME) {
		*d = s->about_date;
		return;
	}
	memset(d, 0, sizeof(*d));
	d->ns = s->mtime_ns;
	if (!s->has_name_date)
		return;
	d->dated = DATE_NAME;
	d->ns = s->name_date_ms * 1000000;
}

static int
compare_counted(const void *a, const void *b)
{
	return memcmp(a, b, HOLDER_BYTES + 8u);
}

bool
summary_end(struct summary *s)
{
	size_t start = ROOT_ID_BYTES, bytes;

	if (s->count == 0)
		return false;
	choose_date(s);
	if (s->count > 1)
		qsort(s->counted, s->count, sizeof(s->counted[0]),
		      compare_counted);
	s->copies = 1;
	for (size_t i = 1; i < s->count; i++)
		if (compare_counted(s->counted[i - 1], s->counted[i]) != 0)
			s->copies++;
	for (size_t i = ROOT_ID_BYTES; i + 1 < s->best_key_bytes; i++)
		if (s->best_key[i] == '/')
			start = i + 1;
	bytes = s->best_key_bytes - start;
	if (bytes > sizeof(s->name) - 1)
		bytes = sizeof(s->name) - 1;
	for (size_t i = 0; i < bytes; i++) {
		/* A NUL would end the sort key early, and a page of the list
		 * would begin with the row it ended with. */
		char c = (char)s->best_key[start + i];

		s->name[i] = c == '\0' ? '?' : c;
	}
	s->name[bytes] = '\0';
	return true;
}
