/*
 * thumbs_ask.c: what clients want to see, now.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bytes.h"
#include "mailbox.h"
#include "thumb_store.h"
#include "thumbs_private.h"
#include "trouble.h"
#include "workers.h"

#define NODES_MAX 8u /* asked for one photo */

struct thumb_ask {
	struct letter letter; /* first: the mailbox knows only this */
	struct thumb_ask *next;
	struct photo_id photo;
	bool pixels;
	thumbs_seen *done;
	void *arg;
	struct thumb_seen seen;
	struct decode_answer shown; /* owned; the pixels, behind their size */
	uint8_t image[THUMB_BYTES_MAX];
};

/* ---- asking, and being told --------------------------------------------------- */

/* On the loop thread. */
static void
on_told(struct letter *l)
{
	struct thumb_ask *a = (struct thumb_ask *)l;

	a->done(a->arg, &a->seen);
	decode_answer_release(&a->shown);
	free(a);
}

static void
tell(struct thumbs *t, struct thumb_ask *a)
{
	a->letter.deliver = on_told;
	mailbox_post(t->config.ends, &a->letter);
}

bool
thumbs_ask(struct thumbs *t, const struct photo_id *photo, bool pixels,
	   thumbs_seen *done, void *arg)
{
	struct thumb_ask *a = malloc(sizeof(*a));
	bool room;

	if (a == NULL)
		return false;
	memset(a, 0, offsetof(struct thumb_ask, image));
	a->photo = *photo;
	a->pixels = pixels;
	a->done = done;
	a->arg = arg;
	pthread_mutex_lock(&t->lock);
	if ((room = t->ask_count < THUMBS_ASKS_MAX && !t->stopping)) {
		*t->asks_end = a;
		t->asks_end = &a->next;
		t->ask_count++;
		pthread_cond_broadcast(&t->wake);
	}
	pthread_mutex_unlock(&t->lock);
	if (!room)
		free(a);
	return room;
}

/* With the lock. */
static struct thumb_ask *
take(struct thumbs *t)
{
	struct thumb_ask *a = t->asks;

	if (a == NULL)
		return NULL;
	if ((t->asks = a->next) == NULL)
		t->asks_end = &t->asks;
	t->ask_count--;
	return a;
}

void
thumbs_asks_end(struct thumbs *t)
{
	struct thumb_ask *a;

	while ((a = take(t)) != NULL)
		tell(t, a);
}

/* ---- from others ------------------------------------------------------------------ */

struct candidates {
	const struct fetch_world *world;
	uint32_t count;
	uint32_t peers[NODES_MAX]; /* indexes into the world */
};

static void
add(struct candidates *c, uint32_t peer)
{
	for (uint32_t i = 0; i < c->count; i++)
		if (c->peers[i] == peer)
			return;
	if (c->count < NODES_MAX &&
	    fetch_peer_reachable(&c->world->peers[peer]))
		c->peers[c->count++] = peer;
}

/* Who holds it can make it. */
static void
on_holders(void *arg, uint32_t index, const struct node_id *holders,
	   uint32_t count)
{
	struct candidates *c = arg;

	(void)index;
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t n = 1; n < c->world->count; n++)
			if (node_id_equal(&c->world->peers[n].node,
					  &holders[i]))
				add(c, n);
}

static void
on_came(void *arg, uint32_t index, const uint8_t *image, size_t bytes)
{
	struct thumb_ask *a = arg;

	(void)index;
	memcpy(a->image, image, bytes);
	a->seen.image = a->image;
	a->seen.image_bytes = bytes;
}

static void
fetch(struct thumbs *t, struct thumb_asker *line, struct thumb_ask *a)
{
	struct candidates c = {0};
	struct fetch_world *world;
	struct trouble why;

	pthread_mutex_lock(&t->lock);
	world = t->world;
	if (world != NULL)
		fetch_world_hold(world);
	pthread_mutex_unlock(&t->lock);
	if ((c.world = world) == NULL)
		return;
	pthread_mutex_lock(&t->date_lock);
	(void)reader_holders(t->dates, &a->photo, 1, on_holders, &c, &why);
	pthread_mutex_unlock(&t->date_lock);
	for (uint32_t i = 1; i < world->count; i++)
		add(&c, i);
	for (uint32_t i = 0; i < c.count && a->seen.image == NULL &&
			     !thumbs_stopping(t); i++)
		(void)thumb_asker_ask(line, &world->peers[c.peers[i]],
				      &a->photo, 1, true, on_came, a);
	fetch_world_drop(world);
}

/* ---- what it shows ---------------------------------------------------------------- */

/* A file with these bytes, open for reading only; -1. */
static int
as_file(const uint8_t *bytes, size_t count)
{
	char path[48];
	int fd = memfd_create("thumbnail", MFD_CLOEXEC), again = -1;

	if (fd == -1)
		return -1;
	if (write(fd, bytes, count) == (ssize_t)count) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		again = open(path, O_RDONLY | O_CLOEXEC);
	}
	close(fd);
	return again;
}

/* In the sandbox, as any picture. */
static void
show(struct thumbs *t, struct thumb_ask *a)
{
	struct trouble why;
	int fd;

	if (t->config.workers == NULL ||
	    (fd = as_file(a->seen.image, a->seen.image_bytes)) == -1)
		return;
	if (workers_ask(t->config.workers, DECODE_PIXELS, fd, &a->shown,
			&why) == DECODE_DONE) {
		const uint8_t *at = a->shown.bytes;

		a->seen.width = (uint32_t)at[0] << 8 | at[1];
		a->seen.height = (uint32_t)at[2] << 8 | at[3];
		a->seen.pixels = at + DECODE_PIXELS_HEAD_BYTES;
	}
	close(fd);
}

static void
answer(struct thumbs *t, struct thumb_asker *line, struct thumb_ask *a)
{
	struct thumb_store *store = t->config.store;
	enum thumb_found found;
	size_t bytes = 0;
	int64_t date;

	if (!(a->seen.listed = thumbs_date(t, &a->photo, &date)))
		return;
	found = thumb_store_get(store, &a->photo, a->image, &bytes);
	if (found == THUMB_ABSENT)
		bytes = thumbs_make_one(t, &a->photo, date, a->image);
	if (bytes > 0) {
		a->seen.image = a->image;
		a->seen.image_bytes = bytes;
	} else if (found == THUMB_ABSENT) {
		fetch(t, line, a);
		if (a->seen.image != NULL)
			(void)thumb_store_put(store, &a->photo, date, a->image,
					      a->seen.image_bytes);
	}
	if (a->seen.image != NULL && a->pixels)
		show(t, a);
}

void *
thumbs_answerer(void *arg)
{
	struct thumb_server *s = arg;
	struct thumbs *t = s->thumbs;
	struct thumb_ask *a;

	pthread_mutex_lock(&t->lock);
	while (!t->stopping) {
		if ((a = take(t)) == NULL) {
			pthread_cond_wait(&t->wake, &t->lock);
			continue;
		}
		pthread_mutex_unlock(&t->lock);
		answer(t, s->line, a);
		tell(t, a);
		pthread_mutex_lock(&t->lock);
	}
	pthread_mutex_unlock(&t->lock);
	return NULL;
}
