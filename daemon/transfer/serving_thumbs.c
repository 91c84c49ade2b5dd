/*
 * serving_thumbs.c: THUMBS, answered from what is kept here.
 *
 * Nobody's consent is asked: a thumbnail is no original (PROTOCOL.md,
 * "Thumbnails").
 */
#include "serving_private.h"

#include "clock.h"
#include "thumb_store.h"

static size_t
make(struct serving *s, const struct photo_id *photo, uint8_t *out)
{
	serving_maker *maker;
	void *arg;

	pthread_mutex_lock(&s->lock);
	maker = s->make;
	arg = s->make_arg;
	pthread_mutex_unlock(&s->lock);
	return maker != NULL ? maker(arg, photo, out) : 0;
}

bool
serving_answer_thumbs(struct served *c, uint32_t request,
		      const struct bulk_thumbs *t)
{
	struct serving *s = c->serving;
	uint8_t *data;

	if (!serving_have_room(c))
		return false;
	data = c->room + BULK_CHUNK_HEAD_MAX;
	for (uint32_t i = 0; i < t->count; i++) {
		struct photo_id photo;
		size_t bytes = 0, head;
		enum thumb_found found;

		photo_id_unpack(t->ids + (size_t)i * PHOTO_ID_BYTES, &photo);
		found = thumb_store_get(s->config.thumbs, &photo, data, &bytes);
		if (found == THUMB_ABSENT && t->make && t->count == 1)
			bytes = make(s, &photo, data);
		if (!serving_sleep(s, rate_reserve(&s->rate, bytes,
						   clock_steady_ms())))
			return false;
		head = bulk_thumb_head(request, bytes, data);
		if (!channel_say(c->channel, data - head, head + bytes,
				 s->idle_ms))
			return false;
		atomic_fetch_add(&s->bytes, bytes);
	}
	return true;
}
