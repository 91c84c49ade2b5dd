#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "meta.h"
#include "thumb.h"
#include "photo_id.h"
#include "trouble.h"
#include "utf8.h"
#include "workers_private.h"

/* ---- where the program is ----------------------------------------------- */

static bool
program_at(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	       access(path, X_OK) == 0;
}

int
workers_find(char *out, size_t max, struct trouble *why)
{
	char self[PATH_MAX];
	ssize_t bytes;
	char *slash;

#ifdef PHOTOMESH_TEST_HOOKS
	const char *told = getenv("PHOTOMESH_DECODE");

	if (told != NULL && (size_t)snprintf(out, max, "%s", told) < max)
		return 0;
#endif
	bytes = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (bytes > 0) {
		self[bytes] = '\0';
		if ((slash = strrchr(self, '/')) != NULL)
			*slash = '\0';
		if ((size_t)snprintf(out, max, "%s/photo-decode", self) < max &&
		    program_at(out))
			return 0;
	}
	if ((size_t)snprintf(out, max, "%s/photo-decode", PHOTOMESH_LIBEXEC) <
		    max &&
	    program_at(out))
		return 0;
	return trouble_set(why, ENOENT, "photo-decode is not installed");
}

/* ---- the pool ------------------------------------------------------------ */

struct workers *
workers_open_limited(const char *program, unsigned count, unsigned deadline_ms,
		     unsigned questions_max, struct trouble *why)
{
	struct workers *w;

	if (count == 0)
		count = 1;
	w = calloc(1, sizeof(*w) + count * sizeof(w->slots[0]));
	if (w == NULL || (w->program = strdup(program)) == NULL) {
		free(w);
		trouble_set(why, ENOMEM, "out of memory");
		return NULL;
	}
	w->count = count;
	w->deadline_ms = deadline_ms;
	w->questions_max = questions_max;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->freed, NULL);
	for (unsigned i = 0; i < count; i++) {
		w->slots[i].pool = w;
		w->slots[i].fd = -1;
	}
	return w;
}

struct workers *
workers_open(const char *program, unsigned count, struct trouble *why)
{
	return workers_open_limited(program, count, DECODE_DEADLINE_MS,
				    WORKER_QUESTIONS_MAX, why);
}

/* Whoever is in here is waited for before the pool goes. */
static void
enter(struct workers *w)
{
	pthread_mutex_lock(&w->lock);
	w->guests++;
	pthread_mutex_unlock(&w->lock);
}

static void
leave(struct workers *w)
{
	pthread_mutex_lock(&w->lock);
	w->guests--;
	/* Not one alone: workers_close waits here as well. */
	pthread_cond_broadcast(&w->freed);
	pthread_mutex_unlock(&w->lock);
}

/* A free one, with a process if any free one has it; NULL when it is over.
 * Waits for one. */
static struct worker *
take(struct workers *w)
{
	struct worker *k = NULL;

	pthread_mutex_lock(&w->lock);
	while (!w->closing && k == NULL) {
		for (unsigned i = 0; i < w->count; i++) {
			struct worker *at = &w->slots[i];

			if (!at->taken &&
			    (k == NULL || (k->pid == 0 && at->pid != 0)))
				k = at;
		}
		if (k == NULL)
			pthread_cond_wait(&w->freed, &w->lock);
	}
	if (w->closing)
		k = NULL;
	if (k != NULL)
		k->taken = true;
	pthread_mutex_unlock(&w->lock);
	return k;
}

static void
give_back(struct worker *k)
{
	struct workers *w = k->pool;

	pthread_mutex_lock(&w->lock);
	k->taken = false;
	pthread_cond_signal(&w->freed);
	pthread_mutex_unlock(&w->lock);
}

/* Takes it if it is free and has a process. */
static bool
take_idle(struct worker *k)
{
	struct workers *w = k->pool;
	bool mine;

	pthread_mutex_lock(&w->lock);
	mine = !w->closing && !k->taken && k->pid != 0;
	if (mine)
		k->taken = true;
	pthread_mutex_unlock(&w->lock);
	return mine;
}

void
workers_rest(struct workers *w)
{
	enter(w);
	for (unsigned i = 0; i < w->count; i++) {
		if (!take_idle(&w->slots[i]))
			continue;
		worker_end(&w->slots[i], NULL);
		give_back(&w->slots[i]);
	}
	leave(w);
}

void
workers_stop(struct workers *w)
{
	pthread_mutex_lock(&w->lock);
	w->closing = true;
	pthread_cond_broadcast(&w->freed);
	for (unsigned i = 0; i < w->count; i++) {
		/* Not waited for yet, so the number is still its own. */
		if (w->slots[i].taken && w->slots[i].pid != 0)
			kill(w->slots[i].pid, SIGKILL);
	}
	pthread_mutex_unlock(&w->lock);
}

void
workers_close(struct workers *w)
{
	if (w == NULL)
		return;
	workers_stop(w);
	pthread_mutex_lock(&w->lock);
	while (w->guests > 0)
		pthread_cond_wait(&w->freed, &w->lock);
	pthread_mutex_unlock(&w->lock);
	for (unsigned i = 0; i < w->count; i++)
		worker_end(&w->slots[i], NULL);
	pthread_cond_destroy(&w->freed);
	pthread_mutex_destroy(&w->lock);
	free(w->program);
	free(w);
}

/* ---- one question --------------------------------------------------------- */

static bool
is_closing(struct workers *w)
{
	bool closing;

	pthread_mutex_lock(&w->lock);
	closing = w->closing;
	pthread_mutex_unlock(&w->lock);
	return closing;
}

/* It did not answer: whose fault was that, and what became of it? */
static enum decode_outcome
blame(struct worker *k, enum worker_heard heard, struct trouble *why)
{
	int status;

	worker_end(k, &status);
	if (is_closing(k->pool)) {
		trouble_set(why, 0, "the daemon is stopping");
		return DECODE_UNAVAILABLE;
	}
	if (heard == WORKER_SILENT)
		trouble_set(why, 0, "it takes longer than %u s to read",
			    k->pool->deadline_ms / 1000);
	else if (heard == WORKER_NONSENSE)
		trouble_set(why, 0, "reading it led to a senseless answer");
	else if (WIFSIGNALED(status))
		trouble_set(why, 0, "reading it ended a program by signal %d",
			    WTERMSIG(status));
	else
		trouble_set(why, 0, "reading it ended a program");
	return DECODE_KILLED;
}

/* Exactly a record of this version, as one writes it: not of a later one, which
 * none of this would ever outdo, and with no room for what nobody asked for. */
static bool
meta_sound(const uint8_t *bytes, size_t count)
{
	uint8_t again[META_BYTES_MAX];
	struct record_meta m;

	return count <= META_BYTES_MAX - PHOTO_ID_BYTES &&
	       record_meta_parse(bytes, count, &m) &&
	       m.decoder == META_DECODER &&
	       record_meta_pack(&m, again, sizeof(again)) == count &&
	       memcmp(again, bytes, count) == 0;
}

static bool
pixels_sound(const uint8_t *bytes, size_t count)
{
	uint32_t width, height;

	if (count < DECODE_PIXELS_HEAD_BYTES)
		return false;
	width = (uint32_t)bytes[0] << 8 | bytes[1];
	height = (uint32_t)bytes[2] << 8 | bytes[3];
	return width >= 1 && width <= THUMB_SIDE && height >= 1 &&
	       height <= THUMB_SIDE &&
	       count == DECODE_PIXELS_HEAD_BYTES + (size_t)width * height * 3;
}

/* Is this what was asked for?  Nobody may rely on what comes out of a sandbox. */
static bool
answer_sound(enum decode_question q, const uint8_t *bytes, size_t count)
{
	switch (q) {
	case DECODE_META:
		return meta_sound(bytes, count);
	case DECODE_THUMB:
		return thumb_lawful(bytes, count, NULL, NULL);
	case DECODE_PIXELS:
		return pixels_sound(bytes, count);
	}
	return false;
}

static void
refusal(const uint8_t *text, size_t bytes, struct trouble *why)
{
	if (bytes == 0 || bytes > DECODE_REASON_MAX ||
	    !utf8_plain((const char *)text, bytes))
		trouble_set(why, 0, "it is not understood");
	else
		trouble_set(why, 0, "%.*s", (int)bytes, (const char *)text);
}

static enum decode_outcome
deliver(const uint8_t *bytes, size_t count, struct decode_answer *out,
	struct trouble *why)
{
	out->bytes = malloc(count);
	if (out->bytes == NULL) {
		trouble_set(why, ENOMEM, "out of memory");
		return DECODE_UNAVAILABLE;
	}
	memcpy(out->bytes, bytes, count);
	out->count = count;
	return DECODE_DONE;
}

/* Asks a worker that listens, and hears it out. */
static enum worker_heard
exchange(struct worker *k, enum decode_question q, int fd, uint64_t file_bytes,
	 size_t *body_bytes)
{
	const uint8_t *body = k->frame + FRAME_HEADER_BYTES;
	uint64_t began = clock_steady_ms();
	enum worker_heard heard;

	k->asked++;
	if (worker_send(k, q, fd, file_bytes) == -1)
		return WORKER_ENDED;
	heard = worker_hear(k, began + k->pool->deadline_ms, body_bytes);
	k->busy_ms += clock_steady_ms() - began;
	if (heard == WORKER_SAID && body[0] != DECODE_REPLY_REFUSED &&
	    body[0] != DECODE_REPLY_UNREADABLE &&
	    (body[0] != DECODE_REPLY_DONE ||
	     !answer_sound(q, body + 1, *body_bytes - 1)))
		return WORKER_NONSENSE;
	return heard;
}

/*
 * A file is blamed for the end of a worker that had seen no other, for that one
 * may have been ending anyway, or been spoilt before.  Not so for the deadline:
 * that would be waited for twice.
 */
static enum decode_outcome
ask(struct worker *k, enum decode_question q, int fd, uint64_t file_bytes,
    struct decode_answer *out, struct trouble *why)
{
	const uint8_t *body = k->frame + FRAME_HEADER_BYTES;
	enum worker_heard heard;
	size_t bytes = 0;

	for (;;) {
		bool fresh;

		if (worker_ready(k, why) == -1)
			return DECODE_UNAVAILABLE;
		fresh = k->asked == 0;
		heard = exchange(k, q, fd, file_bytes, &bytes);
		if (heard == WORKER_SAID)
			break;
		if (fresh || heard == WORKER_SILENT || is_closing(k->pool))
			return blame(k, heard, why);
		worker_end(k, NULL);
	}
	if (body[0] == DECODE_REPLY_DONE)
		return deliver(body + 1, bytes - 1, out, why);
	refusal(body + 1, bytes - 1, why);
	return body[0] == DECODE_REPLY_REFUSED ? DECODE_REFUSED :
						 DECODE_UNREADABLE;
}

enum decode_outcome
workers_ask(struct workers *w, enum decode_question q, int fd,
	    struct decode_answer *out, struct trouble *why)
{
	enum decode_outcome outcome;
	struct worker *k;
	struct stat st;
	int flags = fcntl(fd, F_GETFL);

	memset(out, 0, sizeof(*out));
	if (flags == -1 || (flags & O_ACCMODE) != O_RDONLY ||
	    fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || st.st_size < 0) {
		trouble_set(why, EBADF, "not a file open for reading only");
		return DECODE_UNAVAILABLE;
	}
	enter(w);
	if ((k = take(w)) != NULL) {
		outcome = ask(k, q, fd, (uint64_t)st.st_size, out, why);
		give_back(k);
	} else {
		trouble_set(why, 0, "the daemon is stopping");
		outcome = DECODE_UNAVAILABLE;
	}
	leave(w);
	return outcome;
}

void
decode_answer_release(struct decode_answer *a)
{
	free(a->bytes);
	memset(a, 0, sizeof(*a));
}
