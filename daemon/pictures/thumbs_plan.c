/*
 * thumbs_plan.c: which thumbnails are lacking here, and when to look again.
 *
 * A walk over all photos, newest first, as far as the cache reaches: what is
 * lacking is asked of others first, and then made, if it is this node's turn.
 * One walk follows news; while something is lacking more follow, ever less
 * often as long as they bring nothing.  Where nothing is lacking nothing is done.
 */
#include <errno.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "pictures.h"
#include "pool.h"
#include "thumb_store.h"
#include "thumbs_private.h"
#include "trouble.h"

#define ROWS_MAX 4096u /* photos looked at in one step */

/* ---- one step of a walk ------------------------------------------------------ */

struct page {
	struct thumbs *t;
	const struct thumb_mesh *m;
	bool over; /* whatever is older would not be kept */
	uint32_t count;
	struct thumb_lack lack[THUMBS_PAGE_MAX];
	struct photo_id photos[THUMBS_PAGE_MAX];
	struct node_id live[MESH_KNOWN_MAX]; /* this node among them */
	uint32_t live_count;
};

static bool
on_photo(void *arg, const struct photo_id *photo, int64_t date)
{
	struct page *p = arg;

	if (thumb_store_has(p->t->config.store, photo))
		return true;
	if (!thumb_store_wants(p->t->config.store, photo, date)) {
		p->over = true;
		return false;
	}
	p->photos[p->count] = *photo;
	p->lack[p->count++] = (struct thumb_lack){.photo = *photo,
						  .date = date};
	return p->count < THUMBS_PAGE_MAX;
}

static void
on_holders(void *arg, uint32_t index, const struct node_id *holders,
	   uint32_t count)
{
	struct page *p = arg;
	struct thumb_lack *l = &p->lack[index];
	const struct node_id *self = &p->t->config.self;

	for (uint32_t i = 0; i < count; i++) {
		l->held = l->held || node_id_equal(&holders[i], self);
		for (uint32_t n = 0; n < p->m->count; n++)
			if (node_id_equal(&holders[i],
					  &p->m->world->peers[p->m->live[n]]
						   .node))
				l->holders |= UINT64_C(1) << n;
	}
	l->mine = l->held && pictures_is_mine(&l->photo, self, holders, count,
					      p->live, p->live_count);
}

/* Until there is room in the queue; false: none is made now. */
static bool
have_made(struct thumbs *t, const struct thumb_lack *l)
{
	bool may;

	pthread_mutex_lock(&t->lock);
	while (t->count == THUMBS_TODO_MAX && !t->stopping)
		pthread_cond_wait(&t->wake, &t->lock);
	if (t->rest_ms != 0 && clock_steady_ms() >= t->rest_ms)
		t->rest_ms = 0;
	may = !t->stopping && t->rest_ms == 0;
	if (may)
		t->todo[(t->first + t->count++) % THUMBS_TODO_MAX] =
			(struct thumb_todo){l->photo, l->date};
	pthread_mutex_unlock(&t->lock);
	if (may)
		pictures_spare(t->config.pictures);
	return may;
}

static void
deal_with(struct thumbs *t, struct page *p)
{
	for (uint32_t i = 0; i < p->count; i++) {
		const struct thumb_lack *l = &p->lack[i];

		if (l->had)
			continue;
		if (l->held && t->config.pictures != NULL) {
			if ((l->mine || t->for_all) && have_made(t, l))
				continue;
			if (!l->mine && t->grace_ms == 0)
				t->grace_ms = clock_steady_ms() +
					      t->config.grace_ms;
		}
		t->left++;
	}
}

static void
find_live(struct page *p, struct thumb_mesh *m)
{
	for (uint32_t i = 0; i < m->world->count && i < MESH_KNOWN_MAX; i++) {
		const struct fetch_peer *peer = &m->world->peers[i];

		if (i > 0 && !peer->live)
			continue;
		p->live[p->live_count++] = peer->node;
		if (i > 0 && fetch_peer_reachable(peer) &&
		    m->count < THUMBS_PEERS_MAX)
			m->live[m->count++] = i;
	}
}

/* False: the walk is over. */
static bool
walk_step(struct thumbs *t, struct fetch_world *world)
{
	struct page p = {.t = t};
	struct thumb_mesh m = {.world = world};
	uint64_t began = clock_steady_ms();
	struct trouble why = {0};

	p.m = &m;
	find_live(&p, &m);
	if (reader_pictured(t->reader, &t->place, ROWS_MAX, on_photo, &p,
			    &why) == -1 ||
	    (p.count > 0 && reader_holders(t->reader, p.photos, p.count,
					   on_holders, &p, &why) == -1)) {
		log_warn("thumbnails: %s", why.text);
		t->left++;
		return false;
	}
	if (p.over)
		t->place.set = false;
	t->scanned_ms += clock_steady_ms() - began;
	if (p.count > 0) {
		t->got += thumbs_pull(t, &m, p.lack, p.count);
		deal_with(t, &p);
	}
	return t->place.set;
}

/* Is there anybody to ask, or to make any?  With the lock. */
static bool
has_means(const struct thumbs *t)
{
	for (uint32_t i = 1; i < t->world->count && i < MESH_KNOWN_MAX; i++)
		if (fetch_peer_reachable(&t->world->peers[i]))
			return true;
	return t->config.pictures != NULL;
}

/* ---- walks -------------------------------------------------------------------- */

static void
walk_begin(struct thumbs *t, uint64_t now)
{
	t->walking = true;
	t->for_all = t->grace_ms != 0 && now >= t->grace_ms;
	if (t->for_all)
		t->grace_ms = 0;
	t->place.set = false;
	t->begun_ms = now;
	t->scanned_ms = t->rested_ms = 0;
	t->rested_got = 0;
	t->left = t->got = 0;
	t->made_walk = 0;
	t->failed_walk = 0;
	t->turn++;
	for (uint32_t i = 0; i < t->peer_count; i++)
		t->peers[i].empty = t->peers[i].skip = 0;
}

/* With the lock. */
static void
walk_end(struct thumbs *t)
{
	uint64_t now;

	while (t->count + t->making > 0 && !t->stopping)
		pthread_cond_wait(&t->wake, &t->lock);
	now = clock_steady_ms();
	t->walking = false;
	if (t->got + t->made_walk > 0) {
		t->pause_ms = THUMBS_SOON_MS;
		/* Whoever's turn it is, is at it. */
		if (t->grace_ms != 0)
			t->grace_ms = now + t->config.grace_ms;
	} else if (t->pause_ms < THUMBS_LATE_MS) {
		t->pause_ms *= 2;
	}
	t->next_ms = UINT64_MAX;
	if (t->left + t->failed_walk > 0) {
		uint64_t share = THUMBS_WALK_SHARE * t->scanned_ms;

		t->next_ms = now + (t->pause_ms > share ? t->pause_ms : share);
	}
	if (t->grace_ms != 0 && t->grace_ms < t->next_ms)
		t->next_ms = t->grace_ms;
	pthread_mutex_unlock(&t->lock);
	thumb_store_rest(t->config.store);
	reader_rest(t->reader);
	pthread_mutex_lock(&t->lock);
}

/* With the lock: something may be new. */
static void
take_news(struct thumbs *t)
{
	uint64_t at = t->poked_ms + THUMBS_SOON_MS;
	uint64_t share = t->begun_ms + THUMBS_WALK_SHARE * t->scanned_ms;

	t->poked = false;
	t->pause_ms = THUMBS_SOON_MS;
	if (at < share)
		at = share;
	if (at < t->next_ms)
		t->next_ms = at;
}

static void
wait_until(struct thumbs *t, uint64_t at)
{
	struct timespec until = {.tv_sec = (time_t)(at / 1000),
				 .tv_nsec = (long)(at % 1000) * 1000000};

	if (at == UINT64_MAX)
		pthread_cond_wait(&t->wake, &t->lock);
	else
		(void)pthread_cond_timedwait(&t->wake, &t->lock, &until);
}

/*
 * Between two steps.  To look through a large library in vain costs tens of
 * milliseconds in one piece, of which others would have to wait for the end,
 * though nobody waits for this.  With the lock.
 */
static void
rest(struct thumbs *t)
{
	uint64_t until, looked = t->scanned_ms - t->rested_ms;

	if (t->got != t->rested_got || t->count + t->making > 0) {
		t->rested_ms = t->scanned_ms;
		t->rested_got = t->got;
		return;
	}
	if (looked < THUMBS_REST_AFTER_MS)
		return;
	t->rested_ms = t->scanned_ms;
	until = clock_steady_ms() + THUMBS_REST_TIMES * looked;
	while (!t->stopping && clock_steady_ms() < until)
		wait_until(t, until);
}

void *
thumbs_planner(void *arg)
{
	struct thumbs *t = arg;
	struct fetch_world *world;
	uint64_t now;
	bool more;

	thread_lower_priority();
	pthread_mutex_lock(&t->lock);
	while (!t->stopping) {
		now = clock_steady_ms();
		if (t->world == NULL) {
			wait_until(t, UINT64_MAX);
			continue;
		}
		if (!t->walking) {
			if (t->poked)
				take_news(t);
			if (!has_means(t))
				t->next_ms = UINT64_MAX; /* news will come */
			if (now < t->next_ms) {
				wait_until(t, t->next_ms);
				continue;
			}
			walk_begin(t, now);
		} else if (t->poked && now >= t->begun_ms + THUMBS_RESTART_MS) {
			t->poked = false;
			t->place.set = false;
			t->begun_ms = now;
		}
		world = t->world;
		fetch_world_hold(world);
		pthread_mutex_unlock(&t->lock);
		more = walk_step(t, world);
		fetch_world_drop(world);
		pthread_mutex_lock(&t->lock);
		if (more)
			rest(t);
		else
			walk_end(t);
	}
	pthread_mutex_unlock(&t->lock);
	return NULL;
}
