/*
 * lane.c: pieces of one photo from one holder, two at a time.
 *
 * While one piece comes the next is asked for already, so the holder never
 * waits for us.  Whatever goes wrong is the holder's alone: its pieces go back
 * to the plan, and the lane takes the next best holder.  An ERROR ends a request
 * and not the channel, so what is still owed is heard to its end.
 */
#include "lane_private.h"

#include <string.h>

#include "clock.h"
#include "log.h"

#define SEND_STALL_MS 3000u

/* ---- flights ------------------------------------------------------------- */

void
lane_set_aside(struct lane *l, enum plan_aside why)
{
	pthread_mutex_lock(&l->f->plan_lock);
	plan_set_aside(l->f->plan, l->holder, why);
	pthread_mutex_unlock(&l->f->plan_lock);
}

/* The first flight is over. */
static void
shift(struct lane *l)
{
	l->count--;
	memmove(l->flights, l->flights + 1, l->count * sizeof(l->flights[0]));
}

void
lane_lose(struct lane *l)
{
	struct flight *o = &l->flights[0];

	atomic_fetch_sub(&l->f->bytes, o->piece.got);
	pthread_mutex_lock(&l->f->plan_lock);
	if (l->f->part != NULL)
		part_abandon(l->f->part, &o->piece);
	plan_failed(l->f->plan, l->holder, o->piece.index);
	pthread_mutex_unlock(&l->f->plan_lock);
	shift(l);
}

static void
lose_all(struct lane *l)
{
	while (l->count > 0)
		lane_lose(l);
}

bool
lane_take_piece(struct lane *l)
{
	struct fetch *f = l->f;
	struct flight *o = &l->flights[l->count];
	struct plan_piece piece;
	struct trouble why;
	bool more;

	pthread_mutex_lock(&f->plan_lock);
	more = !f->failed && plan_next(f->plan, l->holder, &piece);
	if (more && f->part != NULL &&
	    part_begin(f->part, piece.index, &o->piece, &why) == -1) {
		plan_failed(f->plan, l->holder, piece.index);
		fetch_broke(f, &why);
		more = false;
	}
	pthread_mutex_unlock(&f->plan_lock);
	if (!more)
		return false;
	if (f->part == NULL)
		o->piece = (struct part_piece){.index = piece.index,
					       .offset = piece.offset,
					       .length = piece.length};
	l->asked = true;
	o->request = ++l->last_request;
	o->began_ms = clock_steady_ms();
	l->count++;
	return true;
}

/* Take one more piece, if there is one, and ask for it. */
static bool
ask(struct lane *l)
{
	const struct flight *o = &l->flights[l->count];
	struct bulk m = {.type = BULK_FETCH};

	if (!lane_take_piece(l))
		return false;
	m.request = o->request;
	m.u.fetch = (struct bulk_fetch){
		.photo = l->f->what.photo,
		.offset = l->f->what.offset + o->piece.offset,
		.length = o->piece.length,
	};
	if (channel_say_bulk(l->c, &m, SEND_STALL_MS))
		return true;
	lane_set_aside(l, PLAN_AWAY);
	return false;
}

/* ---- what comes ---------------------------------------------------------- */

void
lane_land(struct lane *l)
{
	struct fetch *f = l->f;
	struct flight *o = &l->flights[0];
	uint64_t spent = clock_steady_ms() - o->began_ms;
	struct trouble why;
	bool good = true;

	if (o->piece.length == FETCH_BYTES_MAX)
		fetching_saw_rate(f->all, &l->peer->node,
				  o->piece.length * 1000 / (spent + 1));
	pthread_mutex_lock(&f->plan_lock);
	if (f->part != NULL && part_end(f->part, &o->piece, &why) == -1) {
		part_abandon(f->part, &o->piece);
		plan_failed(f->plan, l->holder, o->piece.index);
		fetch_broke(f, &why);
		good = false;
	} else {
		plan_done(f->plan, l->holder, o->piece.index);
		f->holders[l->holder].bytes += o->piece.length;
		f->holders[l->holder].sent = true; /* or handed over */
	}
	pthread_mutex_unlock(&f->plan_lock);
	if (!good)
		atomic_fetch_sub(&f->bytes, o->piece.got);
	pthread_mutex_lock(&f->lock);
	l->line->landed_ms = clock_steady_ms();
	pthread_mutex_unlock(&f->lock);
	shift(l);
}

/* Bytes of this holder's: it can be reached for them. */
static void
note_sent(struct lane *l)
{
	if (l->sent)
		return;
	l->sent = true;
	pthread_mutex_lock(&l->f->plan_lock);
	l->f->holders[l->holder].sent = true;
	pthread_mutex_unlock(&l->f->plan_lock);
}

/* False: end the channel. */
static bool
take_chunk(struct lane *l, const struct bulk_chunk *chunk)
{
	struct flight *o = &l->flights[0];
	struct part_piece *piece = &o->piece;
	struct fetch *f = l->f;
	struct trouble why;
	int r;

	if (chunk->data_bytes > piece->length - piece->got ||
	    (chunk->data_bytes == 0 && piece->length != 0))
		return false;
	r = f->part != NULL
		    ? part_put(f->part, piece, chunk->data, chunk->data_bytes,
			       &why)
		    : fetch_put(f, piece, chunk->data, chunk->data_bytes, &why);
	if (r == -1) {
		pthread_mutex_lock(&f->plan_lock);
		fetch_broke(f, &why);
		pthread_mutex_unlock(&f->plan_lock);
		return false;
	}
	note_sent(l);
	atomic_fetch_add(&f->bytes, chunk->data_bytes);
	atomic_fetch_add(&f->fetched, chunk->data_bytes);
	if (piece->got == piece->length)
		lane_land(l);
	return fetching_pay(f->all, chunk->data_bytes, &f->cancelled);
}

void
lane_refused(struct lane *l, uint32_t code)
{
	enum plan_aside why = PLAN_NOT_HERE;

	switch (code) {
	case ERROR_BUSY:
		why = PLAN_AWAY;
		break;
	case ERROR_WAITING:
		why = PLAN_WAITING;
		break;
	case ERROR_DENIED:
		why = PLAN_DENIED;
		break;
	}
	lane_set_aside(l, why);
}

void
lane_heard(struct lane *l)
{
	pthread_mutex_lock(&l->f->lock);
	l->line->heard_ms = clock_steady_ms();
	pthread_mutex_unlock(&l->f->lock);
	l->heard_any = true;
}

/* Its disk, or what is between, stands still: whether it is there, heartbeats
 * tell. */
static void
fell_silent(struct lane *l)
{
	struct fetch *f = l->f;

	pthread_mutex_lock(&f->plan_lock);
	f->holders[l->holder].silent |= f->holders[l->holder].sent;
	pthread_mutex_unlock(&f->plan_lock);
}

/* One frame.  False: end the channel. */
static bool
hear(struct lane *l)
{
	struct bulk m;

	switch (channel_hear(l->c, CHANNEL_BODY_BYTES_MAX, FETCH_STALL_MS,
			     &m)) {
	case CHANNEL_HEARD:
		break;
	case CHANNEL_SILENT:
		fell_silent(l);
		return false;
	case CHANNEL_ENDED:
	case CHANNEL_BROKEN:
		return false;
	}
	lane_heard(l);
	if (m.request != l->flights[0].request)
		return false;
	if (m.type == BULK_CHUNK)
		return take_chunk(l, &m.u.chunk);
	if (m.type != MESSAGE_ERROR)
		return false;
	lane_refused(l, m.u.error.code);
	lane_lose(l);
	return true;
}

/* ---- one holder ---------------------------------------------------------- */

bool
lane_wanted(struct fetch *f)
{
	bool failed;

	pthread_mutex_lock(&f->plan_lock);
	failed = f->failed;
	pthread_mutex_unlock(&f->plan_lock);
	return !failed && !atomic_load(&f->cancelled);
}

static void
let_go(struct lane *l, bool good)
{
	pthread_mutex_lock(&l->f->lock);
	l->line->channel = NULL;
	pthread_mutex_unlock(&l->f->lock);
	if (good)
		channels_give(l->f->all, l->c);
	else
		channel_free(l->c);
	l->c = NULL;
}

/* False: the channel broke before anything was heard on it, and had lain idle
 * before: perhaps it ended long ago. */
static bool
serve(struct lane *l, bool fresh)
{
	struct fetch *f = l->f;
	struct trouble why;
	bool good;

	l->c = channels_take(f->all, l->peer, fresh, &f->lock, l->line,
			     &l->was_idle, &why);
	if (l->c == NULL) {
		log_debug("no channel to %s: %s", l->peer->name, why.text);
		lane_set_aside(l, PLAN_AWAY);
		return true;
	}
	l->heard_any = false;
	good = lane_handed(l);
	while (good) {
		while (l->count < LANE_AT_ONCE && ask(l))
			continue;
		if (l->count == 0)
			break;
		good = hear(l);
	}
	if (good) {
		let_go(l, true);
		return true;
	}
	channel_cut(l->c);
	lose_all(l);
	let_go(l, false);
	if (l->was_idle && !l->heard_any && lane_wanted(f)) {
		lane_set_aside(l, PLAN_GOOD);
		return false;
	}
	if (lane_wanted(f)) {
		log_debug("%s stopped sending", l->peer->name);
		lane_set_aside(l, PLAN_AWAY);
	}
	return true;
}

static struct fetch_line *
take_line(struct fetch *f)
{
	struct fetch_line *line = NULL;

	pthread_mutex_lock(&f->lock);
	for (unsigned i = 0; i < PLAN_LANES_MAX && line == NULL; i++)
		if (!f->lines[i].used)
			line = &f->lines[i];
	if (line != NULL)
		line->used = true;
	pthread_mutex_unlock(&f->lock);
	return line;
}

void
lane_run(struct fetch *f)
{
	struct lane l = {.f = f, .line = take_line(f)};
	bool more;

	while (l.line != NULL && lane_wanted(f)) {
		pthread_mutex_lock(&f->plan_lock);
		l.holder = plan_take(f->plan);
		pthread_mutex_unlock(&f->plan_lock);
		if (l.holder == PLAN_NOBODY)
			break;
		l.peer = &f->world->peers[f->holders[l.holder].peer];
		l.asked = l.sent = false;
		fetch_show(f, GETTING_FILLING, &l.peer->node, l.peer->name);
		if (!serve(&l, false))
			serve(&l, true);
		pthread_mutex_lock(&f->plan_lock);
		plan_release(f->plan, l.holder);
		more = l.asked ||
		       plan_why(f->plan, l.holder) != PLAN_GOOD;
		pthread_mutex_unlock(&f->plan_lock);
		if (!more)
			break; /* others have all that is left */
	}
	if (l.line != NULL) {
		pthread_mutex_lock(&f->lock);
		l.line->used = false;
		pthread_mutex_unlock(&f->lock);
	}
}
