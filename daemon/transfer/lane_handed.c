/*
 * lane_handed.c: a photo from another daemon of this user on this machine,
 * which hands over its open file instead of sending the bytes.
 *
 * From then on it is copied as this node's own copy is, and worth as much: the
 * whole is hashed at the end, and what is wrong is the holder's.  The descriptor
 * outlives holder and name.  Whatever goes wrong, FETCH asks for the rest.
 */
#include "lane_private.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "content.h"
#include "log.h"

/* Is it worth asking?  A range is little, and --fetch-rate is about bytes that
 * others send when they are asked for them. */
static bool
may_be_handed(const struct lane *l)
{
	return l->f->whole && l->peer->near && l->f->all->config.rate == 0;
}

/* Its bytes, as far as stat can tell: a file that is renamed or unlinked
 * meanwhile is the same file. */
static bool
is_as_it_was(int fd, const struct stat *was)
{
	struct stat now;

	return fstat(fd, &now) == 0 && now.st_size == was->st_size &&
	       stat_mtime_ns(&now) == stat_mtime_ns(was);
}

/* Piece by piece, as long as it goes well.  What was copied before a change is
 * good; what was while it changed is not kept.  Then, or when it cannot be read
 * just now, its holder may say more on FETCH. */
static void
copy_pieces(struct lane *l, int from, uint8_t *buffer)
{
	struct fetch *f = l->f;
	struct trouble why;
	struct stat was;
	int r = 1;

	if (fstat(from, &was) == -1)
		return;
	while (r == 1 && !channel_is_cut(l->c) && lane_wanted(f) &&
	       lane_take_piece(l)) {
		struct part_piece *piece = &l->flights[0].piece;

		r = fetch_copy(f, from, piece, buffer, &why);
		atomic_fetch_add(&f->bytes, piece->got);
		atomic_fetch_add(&f->fetched, piece->got);
		if (r == 1 && !is_as_it_was(from, &was))
			r = 0;
		if (r == 1) {
			lane_heard(l);
			lane_land(l);
			continue;
		}
		lane_lose(l);
		if (r == 0) {
			log_debug("what %s handed over has changed, or cannot "
				  "be read",
				  l->peer->name);
			break;
		}
		pthread_mutex_lock(&f->plan_lock);
		fetch_broke(f, &why);
		pthread_mutex_unlock(&f->plan_lock);
	}
}

bool
lane_handed(struct lane *l)
{
	struct fetching *all = l->f->all;
	uint32_t code = 0;
	uint8_t *buffer;
	int from;

	if (!may_be_handed(l))
		return true;
	switch (channel_hand(l->c, &l->f->what.photo, FETCH_STALL_MS, &from,
			     &code)) {
	case CHANNEL_HANDED:
		break;
	case CHANNEL_REFUSED:
		lane_heard(l);
		/* Its word on the photo is its word on FETCH, too. */
		if (code == ERROR_NOT_HERE || code == ERROR_CHANGED ||
		    code == ERROR_WAITING || code == ERROR_DENIED)
			lane_refused(l, code);
		return true;
	case CHANNEL_UNHANDED:
		return true;
	case CHANNEL_LOST:
		return false;
	}
	lane_heard(l);
	if ((buffer = fetching_lend(all)) != NULL) {
		(void)posix_fadvise(from, 0, 0, POSIX_FADV_SEQUENTIAL);
		copy_pieces(l, from, buffer);
	}
	fetching_give_back(all, buffer);
	close(from);
	return !channel_is_cut(l->c);
}
