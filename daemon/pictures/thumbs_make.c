/*
 * thumbs_make.c: making one, from a file that is here.
 *
 * What photo-decode refuses, or dies of twice, has no thumbnail: that much is
 * kept, so that nobody tries again.
 */
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "holdings.h"
#include "log.h"
#include "pictures_private.h"
#include "thumb_store.h"
#include "thumbs_private.h"
#include "trouble.h"
#include "workers.h"

/* It killed a worker: for the second time? */
static bool
is_killer(struct thumbs *t, const struct photo_id *photo)
{
	bool again = false;

	pthread_mutex_lock(&t->lock);
	for (uint32_t i = 0; i < THUMBS_KILLERS_MAX && i < t->killer_count; i++)
		again = again ||
			photo_id_compare(&t->killers[i], photo) == 0;
	if (!again)
		t->killers[t->killer_count++ % THUMBS_KILLERS_MAX] = *photo;
	pthread_mutex_unlock(&t->lock);
	return again;
}

/* It was no fault of the photo's. */
static void
rest(struct thumbs *t, const struct trouble *why)
{
	pthread_mutex_lock(&t->lock);
	if (!t->stopping && t->rest_ms == 0)
		log_warn("thumbnails: %s; none is made for %u s", why->text,
			 PICTURES_REST_MS / 1000);
	t->rest_ms = clock_steady_ms() + PICTURES_REST_MS;
	pthread_mutex_unlock(&t->lock);
}

size_t
thumbs_make_one(struct thumbs *t, const struct photo_id *photo, int64_t date,
		uint8_t *out)
{
	struct thumb_store *store = t->config.store;
	struct decode_answer answer = {0};
	struct trouble why = {0};
	struct holding_file file;
	size_t bytes = 0;

	if (t->config.workers == NULL ||
	    holdings_open(t->config.holdings, photo, &file, &why) !=
		    HOLDING_OPEN)
		return 0;
	switch (workers_ask(t->config.workers, DECODE_THUMB, file.fd, &answer,
			    &why)) {
	case DECODE_DONE:
		if (!holdings_still(t->config.holdings, photo, &file))
			break;
		bytes = answer.count;
		if (out != NULL)
			memcpy(out, answer.bytes, bytes);
		(void)thumb_store_put(store, photo, date, answer.bytes, bytes);
		thumb_store_made(store);
		break;
	case DECODE_REFUSED:
		if (holdings_still(t->config.holdings, photo, &file))
			(void)thumb_store_put(store, photo, date, NULL, 0);
		break;
	case DECODE_KILLED:
		if (holdings_still(t->config.holdings, photo, &file) &&
		    is_killer(t, photo))
			(void)thumb_store_put(store, photo, date, NULL, 0);
		break;
	case DECODE_UNREADABLE: /* says nothing about the picture */
		break;
	case DECODE_UNAVAILABLE:
		rest(t, &why);
		break;
	}
	decode_answer_release(&answer);
	close(file.fd);
	return bytes;
}

void
thumbs_spare(void *arg)
{
	struct thumbs *t = arg;
	bool made = false, failed;
	struct thumb_todo job;

	pthread_mutex_lock(&t->lock);
	if (t->count == 0) {
		pthread_mutex_unlock(&t->lock);
		return;
	}
	job = t->todo[t->first];
	t->first = (t->first + 1) % THUMBS_TODO_MAX;
	t->count--;
	t->making++;
	pthread_mutex_unlock(&t->lock);
	/* A client may have asked for it meanwhile. */
	if (!thumb_store_has(t->config.store, &job.photo))
		made = thumbs_make_one(t, &job.photo, job.date, NULL) > 0;
	/* Where there can be none, that is kept. */
	failed = !made && !thumb_store_has(t->config.store, &job.photo);
	pthread_mutex_lock(&t->lock);
	t->made_walk += made;
	t->failed_walk += failed;
	t->making--;
	pthread_cond_broadcast(&t->wake);
	pthread_mutex_unlock(&t->lock);
}

size_t
thumbs_make(void *arg, const struct photo_id *photo,
	    uint8_t out[THUMB_BYTES_MAX])
{
	struct thumbs *t = arg;
	int64_t date;

	if (thumbs_stopping(t) || !thumbs_date(t, photo, &date))
		return 0;
	return thumbs_make_one(t, photo, date, out);
}
