/*
 * fetch_thumbs.c: thumbnails from another node, several with one question.
 *
 * On the same channels as photos, by whichever thread wants them.  Nothing is
 * decoded: what comes is held against the one lawful form, and a peer that sends
 * something else loses the channel.
 */
#include "fetch_private.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "thumb.h"

#define SAY_MS  3000u
#define HEAR_MS 5000u
#define MAKE_MS 15000u /* a decoder's deadline, and its start */
#define BODY_BYTES_MAX (THUMB_BYTES_MAX + 64u)

struct thumb_asker {
	struct fetching *all;
	pthread_mutex_t lock; /* line */
	struct fetch_line line;
	atomic_bool stopped;
};

struct asking {
	struct thumb_asker *asker;
	const struct photo_id *photos;
	uint32_t count, told;
	bool make;
	void (*came)(void *arg, uint32_t index, const uint8_t *image,
		     size_t bytes);
	void *arg;
};

struct thumb_asker *
thumb_asker_new(struct fetching *f)
{
	struct thumb_asker *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->all = f;
	pthread_mutex_init(&a->lock, NULL);
	return a;
}

void
thumb_asker_free(struct thumb_asker *a)
{
	if (a == NULL)
		return;
	pthread_mutex_destroy(&a->lock);
	free(a);
}

void
thumb_asker_stop(struct thumb_asker *a)
{
	atomic_store(&a->stopped, true);
	pthread_mutex_lock(&a->lock);
	line_end(&a->line);
	pthread_mutex_unlock(&a->lock);
}

bool
fetching_is_busy(struct fetching *f)
{
	bool busy;

	pthread_mutex_lock(&f->lock);
	busy = f->running != NULL;
	pthread_mutex_unlock(&f->lock);
	return busy;
}

/* ---- one question ----------------------------------------------------------- */

static bool
say(struct channel *c, const struct asking *q)
{
	uint8_t ids[THUMBS_ASK_MAX * PHOTO_ID_BYTES];
	struct bulk m = {.type = BULK_THUMBS, .request = 1};

	for (uint32_t i = 0; i < q->count; i++)
		photo_id_pack(&q->photos[i], ids + i * PHOTO_ID_BYTES);
	m.u.thumbs.ids = ids;
	m.u.thumbs.count = q->count;
	m.u.thumbs.make = q->make;
	return channel_say_bulk(c, &m, SAY_MS);
}

static enum thumbs_outcome
hear(struct channel *c, struct asking *q)
{
	struct fetching *f = q->asker->all;
	struct bulk m;

	while (q->told < q->count) {
		if (channel_hear(c, BODY_BYTES_MAX,
				 q->make ? MAKE_MS : HEAR_MS, &m) !=
			    CHANNEL_HEARD ||
		    m.request != 1 || m.type != BULK_THUMB)
			return THUMBS_NOBODY;
		if (m.u.chunk.data_bytes == 0) {
			q->told++;
			continue;
		}
		if (!thumb_lawful(m.u.chunk.data, m.u.chunk.data_bytes, NULL,
				  NULL))
			return THUMBS_ILLEGAL;
		q->came(q->arg, q->told++, m.u.chunk.data,
			m.u.chunk.data_bytes);
		if (!fetching_pay(f, m.u.chunk.data_bytes, &q->asker->stopped))
			return THUMBS_NOBODY;
	}
	return THUMBS_TOLD;
}

static enum thumbs_outcome
ask(struct channel *c, struct asking *q)
{
	enum thumbs_outcome outcome = THUMBS_NOBODY;

	if (!channel_has_thumbs(c))
		return THUMBS_NONE;
	if (say(c, q))
		outcome = hear(c, q);
	return outcome;
}

enum thumbs_outcome
thumb_asker_ask(struct thumb_asker *a, const struct fetch_peer *peer,
		const struct photo_id *photos, uint32_t count, bool make,
		void (*came)(void *arg, uint32_t index, const uint8_t *image,
			     size_t bytes),
		void *arg)
{
	struct asking q = {a, photos, count, 0, make, came, arg};
	enum thumbs_outcome outcome = THUMBS_NOBODY;
	bool was_idle = true;
	struct trouble why;

	/* One that lay idle may have ended long ago. */
	for (unsigned try = 0; try < 2 && was_idle && q.told == 0 &&
			       outcome == THUMBS_NOBODY; try++) {
		struct channel *c;

		if (atomic_load(&a->stopped))
			break;
		c = channels_take(a->all, peer, try > 0, &a->lock, &a->line,
				  &was_idle, &why);
		if (c == NULL)
			break;
		outcome = ask(c, &q);
		pthread_mutex_lock(&a->lock);
		a->line.channel = NULL;
		pthread_mutex_unlock(&a->lock);
		if (outcome == THUMBS_TOLD || outcome == THUMBS_NONE) {
			channels_give(a->all, c);
			continue;
		}
		channel_cut(c);
		channel_free(c);
	}
	if (outcome == THUMBS_ILLEGAL)
		log_warn("%s gave something that is no thumbnail; nothing is "
			 "taken from it for a while", peer->name);
	return outcome;
}
