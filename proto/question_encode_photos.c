/*
 * question_encode_photos.c: PHOTOS, filled photo by photo until it is full.
 *
 * The photos are packed before anybody knows how many they will be and which
 * nodes they will name: behind a gap for the frame's beginning, with room kept
 * for the rest.  What comes last closes the gap.
 */
#include "question_private.h"

#include <assert.h>
#include <string.h>

/* Kept free for "nodes" and the rest behind the photos: 256 nodes of at most
 * 124 bytes, the cursor and eight short keys. */
#define PHOTOS_ROOM_BYTES 40960u
#define PHOTOS_ROOM_ITEMS 4096u
/* Where photos are packed at first: behind the longest possible beginning. */
#define PHOTOS_LEAD_BYTES 32u
/* What a photo without its copies, and what a copy may take at most. */
#define COPY_ITEMS  6u
#define PHOTO_ITEMS 14u

static void
pack_copy(struct pack *p, const struct answer_copy *c)
{
	pack_array(p, 5);
	pack_uint(p, c->node);
	pack_bin(p, c->label, c->label_bytes);
	pack_bin(p, c->path, c->path_bytes);
	pack_int(p, c->mtime_ns);
	pack_bool(p, c->online);
}

static void
pack_photo(struct pack *p, const struct answer_photo *o, uint32_t copy_count)
{
	pack_array(p, 13);
	question_pack_photo_id(p, &o->id);
	pack_str(p, o->type);
	pack_bin(p, o->name, o->name_bytes);
	pack_int(p, o->mtime_ns);
	pack_int(p, o->added_ms);
	pack_uint(p, o->copies);
	if (o->taken[0] == '\0')
		pack_nil(p);
	else
		pack_str(p, o->taken);
	if (o->width == 0)
		pack_nil(p);
	else
		pack_uint(p, o->width);
	if (o->height == 0)
		pack_nil(p);
	else
		pack_uint(p, o->height);
	pack_array(p, copy_count);
	for (uint32_t i = 0; i < copy_count; i++)
		pack_copy(p, &o->rows[i]);
	pack_int(p, o->date_ms);
	pack_uint(p, o->dated);
	if (o->meta == NULL)
		pack_nil(p);
	else
		pack_bin(p, o->meta, o->meta_bytes);
}

void
photos_writer_init(struct photos_writer *w, uint8_t *out, size_t max)
{
	memset(w, 0, sizeof(*w));
	w->room_bytes = PHOTOS_ROOM_BYTES;
	w->items = PHOTOS_ROOM_ITEMS;
	photos_writer_move(w, out, max);
}

void
photos_writer_move(struct photos_writer *w, uint8_t *out, size_t max)
{
	size_t used = w->pack.used;

	if (max > FRAME_HEADER_BYTES + ANSWER_BODY_BYTES_MAX)
		max = FRAME_HEADER_BYTES + ANSWER_BODY_BYTES_MAX;
	assert(max > PHOTOS_LEAD_BYTES + PHOTOS_ROOM_BYTES);
	assert(max >= w->max && !w->pack.overflow);
	w->out = out;
	w->max = max;
	pack_init(&w->pack, out + PHOTOS_LEAD_BYTES,
		  max - PHOTOS_LEAD_BYTES - PHOTOS_ROOM_BYTES);
	w->pack.used = used;
}

/*
 * The first photo of a page always gets in, or paging would never get past
 * it: of one with very many long paths only so many copies are named.
 */
static uint32_t
copies_that_fit(const struct answer_photo *o, size_t bytes)
{
	size_t used = 512 + o->name_bytes + o->meta_bytes;
	uint32_t n;

	for (n = 0; n < o->copy_count; n++) {
		used += 40 + o->rows[n].label_bytes + o->rows[n].path_bytes;
		if (used > bytes)
			break;
	}
	return n;
}

bool
photos_writer_add(struct photos_writer *w, const struct answer_photo *o)
{
	struct pack before = w->pack;
	uint32_t count = o->copy_count;
	uint32_t items;

	if (w->photo_count == LIST_PAGE_MAX)
		return false;
	if (count > COPIES_SHOWN_MAX)
		count = COPIES_SHOWN_MAX;
	if (w->photo_count == 0) {
		uint32_t fit = copies_that_fit(o, w->pack.capacity);

		if (count > fit)
			count = fit;
	}
	items = PHOTO_ITEMS + COPY_ITEMS * count;
	if (w->items + items > QUESTION_ITEMS_MAX)
		return false;
	pack_photo(&w->pack, o, count);
	if (w->pack.overflow) {
		w->pack = before;
		return false;
	}
	w->items += items;
	w->photo_count++;
	return true;
}

size_t
photos_writer_end(struct photos_writer *w, uint32_t request,
		  const struct answer_photos *rest)
{
	size_t photos_bytes = w->pack.used;
	struct pack p;

	assert(!w->pack.overflow);
	assert(rest->node_count <= MESH_KNOWN_MAX);
	assert(rest->after_bytes <= CURSOR_BYTES_MAX);
	pack_frame_begin(&p, w->out, w->max, CLIENT_PHOTOS, request);
	pack_map(&p, 4 + FRESH_PAIRS + (rest->has_wasted ? 1 : 0));
	pack_str(&p, "photos");
	pack_array(&p, w->photo_count);
	assert(!p.overflow && p.used <= PHOTOS_LEAD_BYTES);
	memmove(w->out + p.used, w->out + PHOTOS_LEAD_BYTES, photos_bytes);
	p.used += photos_bytes;
	pack_str(&p, "nodes");
	pack_array(&p, rest->node_count);
	for (uint32_t i = 0; i < rest->node_count; i++)
		question_pack_node(&p, &rest->nodes[i]);
	pack_str(&p, "after");
	if (rest->after == NULL)
		pack_nil(&p);
	else
		pack_bin(&p, rest->after, rest->after_bytes);
	pack_key_bool(&p, "ambiguous", rest->ambiguous);
	question_pack_fresh(&p, &rest->fresh);
	if (rest->has_wasted)
		pack_key_uint(&p, "wasted", rest->wasted_bytes);
	return pack_frame_end(&p);
}

size_t
question_encode_photos(const struct question *q, uint8_t *out, size_t max)
{
	const struct answer_photos *a = &q->u.photos;
	struct photos_writer w;

	if (max <= PHOTOS_LEAD_BYTES + PHOTOS_ROOM_BYTES)
		return 0;
	photos_writer_init(&w, out, max);
	for (uint32_t i = 0; i < a->photo_count; i++)
		if (!photos_writer_add(&w, &a->photos[i]))
			return 0;
	return photos_writer_end(&w, q->request, a);
}
