/*
 * fetch_job.c: one GET, from a descriptor to the photo in it.
 *
 * What lies in the file already is looked at first, then this node's own copy
 * fills what it can, then the holders are asked; at the end the whole is
 * hashed, whoever brought it.  All of it on the threads of fetching.c.
 */
#include "fetch_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "holdings.h"
#include "log.h"
#include "record.h"

/* ---- the file ------------------------------------------------------------ */

static void
on_whole_piece(void *arg, uint32_t index)
{
	struct fetch *f = arg;

	plan_have(f->plan, index);
}

/* -1: it has been ended. */
static int
look_at_file(struct fetch *f)
{
	int flags = fcntl(f->fd, F_GETFL);
	bool writes = (flags & O_ACCMODE) == O_RDWR ||
		      (!f->whole && (flags & O_ACCMODE) == O_WRONLY);
	struct trouble why;
	uint64_t resumed;
	struct stat st;

	if (flags == -1 || fstat(f->fd, &st) == -1 || !writes ||
	    (flags & O_APPEND) != 0 || (f->whole && !S_ISREG(st.st_mode))) {
		fetch_end(f, FETCH_FAILED, ERROR_FAILED,
			  "what came with GET is no regular file open for "
			  "reading and writing");
		return -1;
	}
	f->plan = plan_new(f->whole ? f->what.photo.size : f->what.length);
	if (f->plan == NULL) {
		fetch_end(f, FETCH_FAILED, ERROR_FAILED,
			  "the photo is too large, or memory is short");
		return -1;
	}
	if (!f->whole)
		return 0;
	f->part = part_open(f->fd, &f->what.photo, on_whole_piece, f, &resumed,
			    &why);
	if (f->part == NULL) {
		fetch_end(f, FETCH_FAILED, ERROR_FAILED, "%s", why.text);
		return -1;
	}
	atomic_store(&f->resumed, resumed);
	atomic_store(&f->bytes, resumed);
	return 0;
}

/* ---- this node's own copy ------------------------------------------------ */

static int
copy(struct fetch *f, int from, struct part_piece *piece, uint8_t *buffer,
     struct trouble *why)
{
	while (piece->got < piece->length) {
		uint64_t left = piece->length - piece->got;
		size_t want = left < COPY_BYTES ? (size_t)left : COPY_BYTES;
		ssize_t n = pread(from, buffer, want,
				  (off_t)(f->what.offset + piece->offset +
					  piece->got));
		int r;

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return 0;
		if (f->part != NULL)
			r = part_put(f->part, piece, buffer, (size_t)n, why);
		else
			r = fetch_put(f, piece, buffer, (size_t)n, why);
		if (r == -1)
			return -1;
	}
	return 1;
}

/* For tests that harm the file meanwhile. */
static void
take_breath(void)
{
#ifdef PHOTOMESH_TEST_HOOKS
	const char *text = getenv("PHOTOMESH_COPY_PAUSE_MS");
	long ms = text != NULL ? atol(text) : 0;
	const struct timespec pause = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&pause, NULL);
#endif
}

int
fetch_copy(struct fetch *f, int from, struct part_piece *piece,
	   uint8_t *buffer, struct trouble *why)
{
	int r;

	if (!copiers_enter(&f->all->copiers, FETCH_STALL_MS))
		return 0;
	take_breath();
	r = copy(f, from, piece, buffer, why);
	copiers_leave(&f->all->copiers);
	return r;
}

/* One piece of it; false: it cannot be read, or the file not be written. */
static bool
copy_piece(struct fetch *f, int from, const struct plan_piece *p,
	   uint8_t *buffer)
{
	struct part_piece piece = {.offset = p->offset, .length = p->length};
	struct trouble why;
	int r;

	if (f->part != NULL &&
	    part_begin(f->part, p->index, &piece, &why) == -1) {
		fetch_broke(f, &why);
		return false;
	}
	r = fetch_copy(f, from, &piece, buffer, &why);
	if (r == 1 && f->part != NULL)
		r = part_end(f->part, &piece, &why) == 0 ? 1 : -1;
	if (r == -1)
		fetch_broke(f, &why);
	if (r != 1 && f->part != NULL)
		part_abandon(f->part, &piece);
	return r == 1;
}

/* What it brings is worth what anybody's bytes are: the whole is hashed. */
static void
use_own_copy(struct fetch *f)
{
	struct fetching *all = f->all;
	const struct fetch_peer *self = &f->world->peers[0];
	struct holding_file own;
	struct trouble why;
	uint8_t *buffer;

	if (plan_complete(f->plan) ||
	    holdings_open(all->config.holdings, &f->what.photo, &own, &why) !=
		    HOLDING_OPEN)
		return;
	if ((buffer = fetching_lend(all)) != NULL) {
		fetch_show(f, GETTING_FILLING, &self->node, self->name);
		(void)posix_fadvise(own.fd, 0, 0, POSIX_FADV_SEQUENTIAL);
		for (uint32_t i = 0; i < plan_pieces(f->plan); i++) {
			struct plan_piece piece;

			if (plan_has(f->plan, i))
				continue;
			plan_piece(f->plan, i, &piece);
			if (atomic_load(&f->cancelled) ||
			    !copy_piece(f, own.fd, &piece, buffer))
				break;
			plan_have(f->plan, i);
			f->own_bytes += piece.length;
			atomic_fetch_add(&f->bytes, piece.length);
		}
	}
	fetching_give_back(all, buffer);
	/* If not, intake looks again; a wrong whole is found out anyway. */
	(void)holdings_still(all->config.holdings, &f->what.photo, &own);
	close(own.fd);
}

/* ---- who else ------------------------------------------------------------ */

static uint32_t
number_of(const struct fetch *f, const struct node_id *node)
{
	uint32_t h = 0;

	while (h < f->holder_count &&
	       !node_id_equal(&f->holders[h].node, node))
		h++;
	return h;
}

/* The holder as it is now: where, and whether it is there at all. */
static void
place_holder(struct fetch *f, const struct found_holder *found)
{
	const struct fetch_world *w = f->world;
	struct plan_holder facts = {.asks = found->share == SHARE_ASK};
	uint32_t peer = 1, h = number_of(f, &found->node);

	while (peer < w->count &&
	       !node_id_equal(&w->peers[peer].node, &found->node))
		peer++;
	if (node_id_equal(&w->peers[0].node, &found->node))
		return;
	if (peer == w->count)
		peer = 0; /* known to the catalogue only: away */
	if (h == f->holder_count) {
		facts.near = peer > 0 && w->peers[peer].near;
		facts.rate = fetching_rate(f->all, &found->node);
		if (plan_add(f->plan, &facts) == PLAN_NOBODY)
			return;
		f->holder_count++;
		f->holders[h] = (struct fetch_holder){.node = found->node};
	}
	f->holders[h].peer = peer;
	f->was_live |= peer > 0 && fetch_peer_reachable(&w->peers[peer]);
	if (plan_why(f->plan, h) != PLAN_GOOD)
		return; /* a verdict that stays */
	if (peer == 0 || !fetch_peer_reachable(&w->peers[peer]))
		plan_set_aside(f->plan, h, PLAN_AWAY);
	else if (found->share == SHARE_NONE)
		plan_set_aside(f->plan, h, PLAN_DENIED);
	else if (!found->root_online)
		plan_set_aside(f->plan, h, PLAN_NOT_HERE);
}

/* -1: it has been ended. */
static int
find_holders(struct fetch *f)
{
	struct found_holder found[MESH_LIVE_MAX];
	struct trouble why;
	uint32_t count;
	bool known;

	if (holders_find(f->all, &f->what.photo, found, MESH_LIVE_MAX, &count,
			 &known, &why) == -1) {
		fetch_end(f, FETCH_FAILED, ERROR_FAILED, "%s", why.text);
		return -1;
	}
	if (!known) {
		fetch_end(f, FETCH_FAILED, ERROR_NOT_FOUND,
			  "no photo has that id");
		return -1;
	}
	/* This world may not have all of the last one. */
	for (uint32_t h = 0; h < f->holder_count; h++)
		f->holders[h].peer = 0;
	plan_forgive(f->plan, PLAN_AWAY);
	plan_forgive(f->plan, PLAN_WAITING);
	for (uint32_t i = 0; i < count; i++)
		place_holder(f, &found[i]);
	for (uint32_t h = 0; h < f->holder_count; h++)
		if (f->holders[h].peer == 0 &&
		    plan_why(f->plan, h) == PLAN_GOOD)
			plan_set_aside(f->plan, h, PLAN_AWAY);
	return 0;
}

/* ---- from the beginning to the end --------------------------------------- */

void
fetch_run(struct fetching *all, struct fetch_work *w)
{
	struct fetch *f = (struct fetch *)w;

	if (fetching_ending(all) || atomic_load(&f->cancelled)) {
		fetch_end(f, FETCH_FAILED, ERROR_BUSY, "the daemon is ending");
		return;
	}
	if (!f->prepared) {
		if (look_at_file(f) == -1)
			return;
		f->prepared = true;
		use_own_copy(f);
	}
	if (!plan_complete(f->plan) && !f->failed && find_holders(f) == -1)
		return;
	fetch_go(f);
}

/* Is it the photo?  True: once more, from others. */
static bool
judge_whole(struct fetch *f)
{
	struct trouble why;
	bool more;
	int r = 1;

	if (f->part != NULL)
		r = part_whole(f->part, &why);
	if (r == 1) {
		fetch_end(f, FETCH_GOT, 0, "%s", "");
		return false;
	}
	if (r == 0) {
		log_warn("what was fetched is not the photo: fetching it "
			 "afresh, from one holder at a time");
		if (f->holder_count == 0 && find_holders(f) == -1)
			return false;
		more = plan_wrong(f->plan);
		atomic_store(&f->bytes, 0);
		atomic_store(&f->resumed, 0);
		f->own_bytes = 0;
		for (uint32_t h = 0; h < f->holder_count; h++)
			f->holders[h].bytes = 0;
		r = part_forget(f->part, &why);
		f->wrong = true;
		if (r == 0 && more)
			return true;
		if (r == 0) {
			fetch_give_up(f);
			return false;
		}
	}
	fetch_end(f, FETCH_FAILED, ERROR_FAILED, "%s", why.text);
	return false;
}

bool
fetch_settle(struct fetch *f)
{
	if (atomic_load(&f->cancelled))
		fetch_end(f, FETCH_FAILED, ERROR_BUSY, "the daemon is ending");
	else if (f->failed)
		fetch_end(f, FETCH_FAILED, ERROR_FAILED, "%s",
			  f->trouble.text);
	else if (plan_complete(f->plan))
		return judge_whole(f);
	else
		fetch_give_up(f);
	return false;
}
