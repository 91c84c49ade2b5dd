/*
 * thumbs_pull.c: what is lacking here, asked of others.
 *
 * Each photo is asked of the nodes that hold it, for one of them makes it, and
 * of a few others in turn, for they may have kept it.  A node that has nothing
 * of what it is asked is asked less and less often for the rest of a walk: most
 * likely it has only not come so far.
 */
#include <string.h>

#include "clock.h"
#include "thumb_store.h"
#include "thumbs_private.h"

#define OTHERS_MAX     4u /* asked for any photo, besides holders */
#define SKIP_MAX       31u
#define SHUN_LOST_MS   10000u
#define SHUN_NONE_MS   600000u
#define GIVE_WAY_MS    5000u
#define GIVE_WAY_STEP_MS 50u

bool
thumbs_give_way(struct thumbs *t)
{
	uint64_t end = clock_steady_ms() + GIVE_WAY_MS;

	/* At most so long: photos may be on their way for hours. */
	while (fetching_is_busy(t->config.fetching) &&
	       clock_steady_ms() < end) {
		uint64_t at = clock_steady_ms() + GIVE_WAY_STEP_MS;
		struct timespec until = {
			.tv_sec = (time_t)(at / 1000),
			.tv_nsec = (long)(at % 1000) * 1000000};
		bool stopping;

		pthread_mutex_lock(&t->lock);
		if (!t->stopping)
			(void)pthread_cond_timedwait(&t->wake, &t->lock,
						     &until);
		stopping = t->stopping;
		pthread_mutex_unlock(&t->lock);
		if (stopping)
			return false;
	}
	return !thumbs_stopping(t);
}

static struct thumb_peer *
peer_of(struct thumbs *t, const struct node_id *node)
{
	struct thumb_peer *p;

	for (uint32_t i = 0; i < t->peer_count; i++)
		if (node_id_equal(&t->peers[i].node, node))
			return &t->peers[i];
	p = &t->peers[t->peer_count < MESH_KNOWN_MAX
			      ? t->peer_count++
			      : t->turn % MESH_KNOWN_MAX];
	*p = (struct thumb_peer){.node = *node};
	return p;
}

/* ---- one question ----------------------------------------------------------- */

struct pulling {
	struct thumbs *t;
	struct thumb_lack *lack;
	uint32_t asked[THUMBS_ASK_MAX]; /* indexes into lack */
	uint32_t came;
};

static void
on_came(void *arg, uint32_t index, const uint8_t *image, size_t bytes)
{
	struct pulling *p = arg;
	struct thumb_lack *l = &p->lack[p->asked[index]];

	p->came++;
	/* Not kept is not lacking either: the disk is full, or it is too old
	 * by now. */
	l->had = true;
	(void)thumb_store_put(p->t->config.store, &l->photo, l->date, image,
			      bytes);
}

/* False: this one is not asked any more, in this step. */
static bool
ask_some(struct pulling *p, struct thumb_peer *peer,
	 const struct fetch_peer *where, uint32_t count)
{
	struct photo_id photos[THUMBS_ASK_MAX];
	enum thumbs_outcome outcome;
	uint32_t before = p->came;

	if (peer->skip > 0) {
		peer->skip--;
		return true;
	}
	if (!thumbs_give_way(p->t))
		return false;
	for (uint32_t i = 0; i < count; i++)
		photos[i] = p->lack[p->asked[i]].photo;
	outcome = thumb_asker_ask(p->t->asker, where, photos, count, false,
				  on_came, p);
	switch (outcome) {
	case THUMBS_TOLD:
		break;
	case THUMBS_NOBODY:
		peer->shunned_ms = clock_steady_ms() + SHUN_LOST_MS;
		return false;
	case THUMBS_NONE:
	case THUMBS_ILLEGAL:
		peer->shunned_ms = clock_steady_ms() + SHUN_NONE_MS;
		return false;
	}
	if (p->came > before) {
		peer->empty = 0;
	} else {
		peer->skip = (UINT32_C(1) << peer->empty) - 1;
		if (peer->skip < SKIP_MAX)
			peer->empty++;
	}
	return true;
}

/* ---- all of them ------------------------------------------------------------ */

/* Is the i-th of those that may be asked one of the others this time? */
static bool
has_turn(const struct thumbs *t, uint32_t i, uint32_t count)
{
	return (i + count - t->turn % count) % count < OTHERS_MAX;
}

static void
ask_peer(struct pulling *p, const struct thumb_mesh *m, uint32_t i,
	 uint32_t lack_count)
{
	const struct fetch_peer *where = &m->world->peers[m->live[i]];
	struct thumb_peer *peer = peer_of(p->t, &where->node);
	bool turn = has_turn(p->t, i, m->count);
	uint32_t count = 0;

	if (peer->shunned_ms != 0 && clock_steady_ms() < peer->shunned_ms)
		return;
	peer->shunned_ms = 0;
	for (uint32_t l = 0; l < lack_count; l++) {
		if (p->lack[l].had ||
		    (!turn && (p->lack[l].holders >> i & 1) == 0))
			continue;
		p->asked[count++] = l;
		if (count < THUMBS_ASK_MAX)
			continue;
		if (!ask_some(p, peer, where, count))
			return;
		count = 0;
	}
	if (count > 0)
		(void)ask_some(p, peer, where, count);
}

uint32_t
thumbs_pull(struct thumbs *t, const struct thumb_mesh *m,
	    struct thumb_lack *lack, uint32_t count)
{
	struct pulling p = {.t = t, .lack = lack};

	for (uint32_t i = 0; i < m->count && !thumbs_stopping(t); i++)
		ask_peer(&p, m, i, count);
	return p.came;
}
