/*
 * pictures_plan.c: which photos are to be looked into, and by whom.
 *
 * A walk over all of them, newest first, at the start and whenever much has
 * come; otherwise what the own stream has said since.
 */
#include <string.h>

#include "clock.h"
#include "hash.h"
#include "log.h"
#include "meta.h"
#include "pictures_private.h"
#include "trouble.h"

static void
draw_lot(const struct photo_id *photo, const struct node_id *node,
	 uint8_t out[DIGEST_BYTES])
{
	uint8_t both[PHOTO_ID_BYTES + NODE_ID_BYTES];
	struct digest d;

	photo_id_pack(photo, both);
	memcpy(both + PHOTO_ID_BYTES, node->bytes, NODE_ID_BYTES);
	d = hash_bytes(both, sizeof(both));
	digest_pack(&d, out);
}

bool
pictures_is_mine(const struct photo_id *photo, const struct node_id *self,
		 const struct node_id *holders, uint32_t holder_count,
		 const struct node_id *live, uint32_t live_count)
{
	uint8_t mine[DIGEST_BYTES], theirs[DIGEST_BYTES];

	draw_lot(photo, self, mine);
	for (uint32_t i = 0; i < holder_count; i++) {
		uint32_t n = 0;

		if (node_id_equal(&holders[i], self))
			continue;
		while (n < live_count && !node_id_equal(&live[n], &holders[i]))
			n++;
		if (n == live_count)
			continue;
		draw_lot(photo, &holders[i], theirs);
		if (memcmp(theirs, mine, sizeof(mine)) < 0)
			return false;
	}
	return true;
}

/* The queue has room: it is empty when more is asked for, and only the planner
 * adds to it. */
static void
on_bare(void *arg, const struct bare_photo *b)
{
	struct pictures *p = arg;

	pthread_mutex_lock(&p->lock);
	if (!p->for_all &&
	    !pictures_is_mine(&b->photo, &p->config.self, b->holders,
			      b->holder_count, p->live, p->live_count)) {
		if (p->grace_ms == 0)
			p->grace_ms = clock_steady_ms() + p->config.grace_ms;
	} else if (p->count < PICTURES_QUEUE_MAX) {
		p->queue[(p->first + p->count++) % PICTURES_QUEUE_MAX] =
			b->photo;
	}
	pthread_mutex_unlock(&p->lock);
}

static void
walk_begin(struct pictures *p, bool for_all)
{
	p->walking = true;
	p->for_all = for_all;
	p->place.set = false;
	if (for_all)
		p->grace_ms = 0;
}

bool
pictures_plan(struct pictures *p)
{
	struct reader *r = p->reader;
	struct trouble why = {0};
	bool behind, again;

	pthread_mutex_lock(&p->lock);
	again = p->again;
	p->again = false;
	pthread_mutex_unlock(&p->lock);
	if (again)
		walk_begin(p, false);
	if (!p->walking) {
		if (reader_bare_since(r, &p->config.self, META_DECODER,
				      &p->generation, &p->seq, &behind,
				      on_bare, p, &why) == -1)
			log_warn("pictures: %s", why.text);
		else if (behind)
			walk_begin(p, false);
		else if (p->grace_ms != 0 && clock_steady_ms() >= p->grace_ms)
			walk_begin(p, true);
	}
	if (!p->walking)
		return false;
	if (reader_bare(r, &p->config.self, META_DECODER, &p->place, on_bare,
			p, &why) == -1) {
		log_warn("pictures: %s", why.text);
		p->walking = p->for_all = false;
		return false;
	}
	p->walking = p->place.set;
	if (!p->walking)
		p->for_all = false;
	return !p->walking;
}
