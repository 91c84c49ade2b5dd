/*
 * pictures_look.c: looking into one photo, and what is said of it.
 *
 * A record is written also when nothing was found: that much is known then,
 * and nobody has to try again.  What killed a worker twice, or is no picture
 * though its first bytes say so, is listed under problems as well.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "holdings.h"
#include "log.h"
#include "pictures_private.h"
#include "trouble.h"
#include "workers.h"

/* What is on its way to the catalogue, in one transaction. */
struct pictures_batch {
	struct own_delivery delivery; /* first: it is released as this */
	uint64_t begun_ms;
	struct own_meta metas[PICTURES_BATCH_MAX];
	char *paths[PICTURES_BATCH_MAX]; /* owned; NULL: no problem */
	uint8_t values[PICTURES_BATCH_MAX][META_BYTES_MAX];
};

static void
on_release(struct own_delivery *d)
{
	struct pictures_batch *b = (struct pictures_batch *)d;

	for (size_t i = 0; i < PICTURES_BATCH_MAX; i++)
		free(b->paths[i]);
	free(b);
}

bool
pictures_due(const struct pictures_batch *b)
{
	return b != NULL &&
	       (b->delivery.batch.meta_count == PICTURES_BATCH_MAX ||
		clock_steady_ms() - b->begun_ms >= PICTURES_BATCH_MS);
}

void
pictures_flush(struct pictures *p, struct pictures_batch **batch)
{
	if (*batch == NULL)
		return;
	catalogue_own(p->config.catalogue, &(*batch)->delivery);
	*batch = NULL;
}

/* The place of the next record; NULL: out of memory, and it is tried again by
 * the next walk. */
static struct own_meta *
next_meta(struct pictures *p, struct pictures_batch **batch, uint8_t **value)
{
	struct pictures_batch *b = *batch;
	size_t at;

	if (b == NULL) {
		if ((b = calloc(1, sizeof(*b))) == NULL)
			return NULL;
		b->begun_ms = clock_steady_ms();
		b->delivery.batch.metas = b->metas;
		b->delivery.release = on_release;
		b->delivery.written = p->config.written;
		b->delivery.arg = p->config.arg;
		*batch = b;
	}
	at = b->delivery.batch.meta_count++;
	*value = b->values[at];
	b->metas[at].value = b->values[at];
	return &b->metas[at];
}

/* ---- problems ---------------------------------------------------------- */

struct place_found {
	struct own_meta *meta;
	char *path; /* owned */
};

static bool
on_place(void *arg, const struct root_id *root, const char *path,
	 size_t path_bytes, const struct known_file *f)
{
	struct place_found *found = arg;

	(void)f;
	if ((found->path = malloc(path_bytes + 1)) == NULL)
		return false;
	memcpy(found->path, path, path_bytes);
	found->path[path_bytes] = '\0';
	found->meta->root = *root;
	found->meta->path_bytes = path_bytes;
	return false; /* one is enough */
}

/* To be listed with one of its copies here. */
static void
tell_problem(struct pictures *p, struct pictures_batch *b, struct own_meta *m,
	     const char *text)
{
	struct place_found found = {.meta = m};
	struct trouble why = {0};

	pthread_mutex_lock(&p->path_lock);
	if (reader_each_holding(p->paths, &m->photo, on_place, &found, &why) ==
	    -1)
		log_warn("pictures: %s", why.text);
	pthread_mutex_unlock(&p->path_lock);
	if (found.path == NULL)
		return;
	b->paths[m - b->metas] = found.path;
	m->path = found.path;
	m->has_problem = true;
	m->problem.code = PROBLEM_UNDECODABLE;
	snprintf(m->problem.message, sizeof(m->problem.message), "%s", text);
}

/* ---- one photo --------------------------------------------------------- */

static void
say(struct pictures *p, const struct photo_id *photo,
    const struct decode_answer *found, const char *problem,
    struct pictures_batch **batch)
{
	static const struct record_meta nothing = {.decoder = META_DECODER,
						   .orientation = 1};
	uint8_t *value;
	struct own_meta *m = next_meta(p, batch, &value);

	if (m == NULL)
		return;
	m->photo = *photo;
	if (found != NULL && found->count <= META_BYTES_MAX) {
		memcpy(value, found->bytes, found->count);
		m->value_bytes = found->count;
	} else {
		m->value_bytes = record_meta_pack(&nothing, value,
						  META_BYTES_MAX);
	}
	if (problem != NULL)
		tell_problem(p, *batch, m, problem);
}

/* True: it is put aside, to be tried once more. */
static bool
suspect(struct pictures *p, const struct photo_id *photo)
{
	bool room;

	pthread_mutex_lock(&p->lock);
	room = p->suspect_count < PICTURES_SUSPECTS_MAX;
	if (room)
		p->suspects[p->suspect_count++] = *photo;
	pthread_mutex_unlock(&p->lock);
	return room;
}

/* It was no fault of the photo's, so all wait for a while. */
static void
try_later(struct pictures *p, const struct photo_id *photo,
	  const struct trouble *why)
{
	pthread_mutex_lock(&p->lock);
	if (!p->stopping && p->rest_ms == 0) {
		p->rest_ms = clock_steady_ms() + PICTURES_REST_MS;
		log_warn("pictures: %s; nothing is looked into for %u s",
			 why->text, PICTURES_REST_MS / 1000);
	}
	if (p->count < PICTURES_QUEUE_MAX)
		p->queue[(p->first + p->count++) % PICTURES_QUEUE_MAX] = *photo;
	pthread_mutex_unlock(&p->lock);
}

void
pictures_look(struct pictures *p, const struct photo_id *photo, bool again,
	      struct pictures_batch **batch)
{
	struct decode_answer answer = {0};
	struct trouble why = {0};
	struct holding_file file;
	enum decode_outcome outcome;
	bool still;

	/* Away, or not what it was: then the stream will say so, and of what
	 * is there instead. */
	if (holdings_open(p->config.holdings, photo, &file, &why) !=
	    HOLDING_OPEN)
		return;
	outcome = workers_ask(p->config.workers, DECODE_META, file.fd,
			      &answer, &why);
	/* Only of its own bytes anything is said, be it good or bad. */
	still = outcome == DECODE_UNAVAILABLE ||
		holdings_still(p->config.holdings, photo, &file);
	switch (outcome) {
	case DECODE_DONE:
		if (still)
			say(p, photo, &answer, NULL, batch);
		break;
	case DECODE_REFUSED:
		if (still)
			say(p, photo, NULL, why.text, batch);
		break;
	case DECODE_UNREADABLE:
		/* A record would be for all copies in the mesh, and others may
		 * be well; the next walk tries this one again. */
		if (still)
			log_warn("pictures: of a photo that is held here: %s",
				 why.text);
		break;
	case DECODE_KILLED:
		if (still && (again || !suspect(p, photo)))
			say(p, photo, NULL, why.text, batch);
		break;
	case DECODE_UNAVAILABLE:
		try_later(p, photo, &why);
		break;
	}
	decode_answer_release(&answer);
	close(file.fd);
}
