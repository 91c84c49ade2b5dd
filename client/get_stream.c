/*
 * get_stream.c: one photo to standard output, by ranges.
 *
 * Memory is handed to the daemon instead of a file, a window at a time; while
 * one is written out the next ones are being filled.  A part has no hash, so
 * the whole is hashed on its way: when that is wrong the bytes are out already,
 * and the exit code is what says that they must not be used.
 */
#include "get_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "photo_hash.h"
#include "reading.h"

#define WINDOWS     3u
#define PIECE_BYTES (256u * 1024u)

struct window {
	int fd;
	uint32_t request; /* open, else 0 */
	uint64_t length;  /* 0: idle */
	bool full;
};

struct stream {
	struct get *get;
	const struct wanted *wanted;
	struct window windows[WINDOWS];
	uint64_t asked, written; /* windows are asked for and written in turn */
	unsigned next_ask, next_write;
	struct photo_hash *hash;
	uint8_t *piece;
};

static int
ask_for_more(struct stream *s, struct failure *why)
{
	struct question q = {.type = CLIENT_GET};

	while (s->asked < s->wanted->id.size &&
	       s->windows[s->next_ask].length == 0) {
		struct window *w = &s->windows[s->next_ask];
		uint64_t left = s->wanted->id.size - s->asked;

		q.u.get.photo = s->wanted->id;
		q.u.get.offset = s->asked;
		q.u.get.length = left < GET_RANGE_BYTES_MAX
					 ? left
					 : GET_RANGE_BYTES_MAX;
		if (call_send(s->get->call, &q, w->fd, &w->request, why) == -1)
			return -1;
		w->length = q.u.get.length;
		w->full = false;
		s->asked += w->length;
		s->next_ask = (s->next_ask + 1) % WINDOWS;
	}
	return 0;
}

/* 0, or -1: the reader has gone (quietly), or the disk is full. */
static int
write_window(struct stream *s, const struct window *w, struct failure *why)
{
	for (uint64_t at = 0; at < w->length;) {
		uint64_t left = w->length - at;
		ssize_t n = pread(w->fd, s->piece,
				  left < PIECE_BYTES ? left : PIECE_BYTES,
				  (off_t)at);

		if (n <= 0)
			return failure_set(why, ENDING_FAILED,
					   "the daemon gave less than it "
					   "said; try again");
		photo_hash_add(s->hash, s->piece, (size_t)n);
		if (!write_fully(STDOUT_FILENO, s->piece, (size_t)n)) {
			if (call_interrupted())
				return failure_set(why, ENDING_INTERRUPTED,
						   "%s", "");
			if (errno == EPIPE)
				return failure_set(why, ENDING_DONE, "%s", "");
			return failure_set(why, ENDING_FAILED,
					   "standard output cannot be "
					   "written: %s",
					   strerror(errno));
		}
		at += (uint64_t)n;
	}
	return 0;
}

static int
write_full_ones(struct stream *s, struct failure *why)
{
	struct window *w;

	while ((w = &s->windows[s->next_write])->length > 0 && w->full) {
		if (write_window(s, w, why) == -1)
			return -1;
		s->written += w->length;
		w->length = 0;
		s->next_write = (s->next_write + 1) % WINDOWS;
		s->get->bytes = s->written;
		s->get->moved_ms = call_now_ms();
		call_touch(s->get->call); /* the reader took its time */
		if (ask_for_more(s, why) == -1)
			return -1;
	}
	return 0;
}

static int
take(struct stream *s, const struct question *answer, struct failure *why)
{
	struct get *g = s->get;
	struct slot *told = &g->slots[0]; /* for what it tells only */
	bool mine;

	/* The count of the list may still be on its way. */
	if (source_take(g, answer, &mine, why) == -1)
		return -1;
	for (unsigned i = 0; i < WINDOWS && !mine; i++) {
		struct window *w = &s->windows[i];

		if (w->length == 0 || w->request != answer->request)
			continue;
		if (answer->type == CLIENT_GETTING) {
			told->state = SLOT_ASKED;
			told->wanted = *s->wanted;
			if (told->now.state != answer->u.getting.state) {
				told->now = answer->u.getting;
				report_waiting(g, told);
			}
			told->now.bytes = 0;
			return 0;
		}
		if (answer->type == MESSAGE_ERROR)
			return call_failure(g->call, answer, why);
		if (call_expect(answer, CLIENT_GOT, why) == -1)
			return -1;
		call_close(g->call, answer->request);
		told->now.state = GETTING_FILLING; /* nobody is awaited */
		w->full = true;
		return 0;
	}
	return 0;
}

static int
judge(struct stream *s, struct failure *why)
{
	struct photo_id is;

	photo_hash_end(s->hash, &is);
	if (photo_id_compare(&is, &s->wanted->id) == 0)
		return 0;
	return failure_set(why, ENDING_DAMAGED,
			   "what was sent is not the photo %s: do not use it; "
			   "photo get without -o - takes it from another "
			   "holder",
			   s->wanted->name);
}

static int
run(struct stream *s, struct failure *why)
{
	struct question answer;

	s->get->moved_ms = call_now_ms();
	if (ask_for_more(s, why) == -1)
		return -1;
	while (s->written < s->wanted->id.size) {
		int r = call_next(s->get->call, 100, &answer, why);

		if (r == -1 || (r == 1 && take(s, &answer, why) == -1) ||
		    write_full_ones(s, why) == -1 ||
		    get_judge_patience(s->get, why) == -1)
			return -1;
		report_progress(s->get);
	}
	return judge(s, why);
}

int
get_stream(struct get *g, const struct wanted *w, struct failure *why)
{
	struct stream s = {.get = g, .wanted = w};
	unsigned open = 0;
	int r = -1;

	s.hash = photo_hash_new();
	s.piece = malloc(PIECE_BYTES);
	if (s.hash == NULL || s.piece == NULL) {
		failure_set(why, ENDING_FAILED, "out of memory");
		goto free_all;
	}
	for (; open < WINDOWS; open++) {
		s.windows[open].fd = memfd_create("photo", MFD_CLOEXEC);
		if (s.windows[open].fd == -1) {
			failure_set(why, ENDING_FAILED, "memory: %s",
				    strerror(errno));
			goto free_all;
		}
	}
	r = run(&s, why);
	g->slots[0].state = SLOT_IDLE;
	g->bytes = 0;
	g->got = r == 0;
free_all:
	while (open > 0)
		close(s.windows[--open].fd);
	photo_hash_free(s.hash);
	free(s.piece);
	return r;
}
