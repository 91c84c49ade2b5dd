#include "catalogue.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "log.h"
#include "mailbox.h"
#include "pool.h"
#include "trouble.h"
#include "writer_private.h"

enum write_kind {
	WRITE_OWN, WRITE_STORE, WRITE_GENERATION, WRITE_DROP, WRITE_END,
	WRITE_CLEAR, WRITE_REMEMBER,
};

/* One thing asked of the writer, from the asking to the answer. */
struct write_job {
	struct job job; /* first: the pool and the mailbox know only this */
	struct write_job *next; /* in catalogue.first */
	struct catalogue *c;    /* not to be used by the end */
	enum write_kind kind;
	struct own_delivery *own;
	struct mesh_store store;
	uint64_t generation;
	struct stream_id stream;
	bool vanishes, ordered; /* END */
	struct mesh_memory *node; /* owned */
	catalogue_written *written;
	void *arg;
	/* the answer */
	bool done, failed;
	struct write_result result; /* its lists are owned by the job */
	struct trouble why;
	size_t body_bytes;
	uint8_t body[];
};

/* What is wrong with the file, on its way to the loop thread. */
struct damage {
	struct letter letter; /* first: deliver casts back */
	void (*told)(void *arg, const struct trouble *what);
	void *arg;
	struct trouble what;
};

struct check_job {
	struct job job; /* first */
	struct catalogue *c; /* not to be used by the end */
};

struct catalogue {
	struct writer *writer;
	struct mailbox *ends;
	struct damage *damage; /* owned until it is told */
	atomic_bool ending;
	_Atomic(struct reader *) checking; /* NULL: no check is running */
	atomic_bool sound; /* a check came to its end and found nothing */
	struct pool *writing, *asking;
	struct reader *readers[CATALOGUE_READERS];
	struct message_decoder *decoder; /* of the writer's thread */
	pthread_mutex_t lock;
	struct write_job *first, **last; /* waiting, in the pool's order */
};

/* ---- on any thread ---------------------------------------------------- */

static void
on_damage_told(struct letter *l)
{
	struct damage *d = (struct damage *)l;

	d->told(d->arg, &d->what);
	free(d);
}

/* Once, for as long as somebody wants to know. */
static void
tell_damage(struct catalogue *c, const struct trouble *what)
{
	struct damage *d;

	pthread_mutex_lock(&c->lock);
	d = c->damage;
	c->damage = NULL;
	pthread_mutex_unlock(&c->lock);
	if (d == NULL)
		return;
	d->what = *what;
	mailbox_post(c->ends, &d->letter);
}

static void
on_read_damage(void *arg, const struct trouble *what)
{
	tell_damage(arg, what);
}

void
catalogue_watch(struct catalogue *c, struct reader *r)
{
	reader_watch(r, on_read_damage, c);
}

static void
on_check(struct job *job, unsigned slot)
{
	struct catalogue *c = ((struct check_job *)job)->c;
	struct reader *r = c->readers[slot];
	struct trouble what = {0};
	int sound = -1;

	atomic_store(&c->checking, r);
	if (!atomic_load(&c->ending))
		sound = reader_check(r, &what);
	/* Interrupted is unchecked: the next start does it. */
	if (!atomic_load(&c->ending)) {
		if (sound == 1)
			atomic_store(&c->sound, true);
		else if (sound == 0)
			tell_damage(c, &what);
		else
			log_warn("%s", what.text);
	}
	atomic_store(&c->checking, NULL);
}

static void
on_checked(struct letter *l)
{
	free(l);
}

/* ---- on the writer's thread ------------------------------------------- */

/* The writer's news last until its next call; the answer is read later. */
static void
answer_keep(struct write_job *j, int r, const struct write_result *result)
{
	size_t bytes = result->news_count * sizeof(*result->news);
	size_t ended = result->ended_count * sizeof(*result->ended);

	if (r == -1 && writer_damaged(j->c->writer))
		tell_damage(j->c, &j->why);
	j->failed = r == -1;
	j->result = *result;
	j->result.news = NULL;
	if (bytes > 0 && (j->result.news = malloc(bytes)) != NULL) {
		memcpy(j->result.news, result->news, bytes);
	} else if (bytes > 0) {
		j->result.news_count = 0;
		j->result.news_lost = true;
	}
	j->result.ended = ended > 0 ? malloc(ended) : NULL;
	if (j->result.ended != NULL)
		memcpy(j->result.ended, result->ended, ended);
	else
		j->result.ended_count = 0; /* the next start reads them */
	j->done = true;
}

#define JOINED_MAX 64u
#define PAGES_MAX  8u /* in one transaction */

/* May `next` go with what was taken, of the same kind and so many files? */
static bool
goes_along(const struct write_job *next, enum write_kind kind, size_t files,
	   unsigned count)
{
	if (next == NULL || next->kind != kind)
		return false;
	if (kind == WRITE_STORE)
		return count < PAGES_MAX;
	return count < JOINED_MAX &&
	       files + next->own->batch.file_count <= OWN_FILES_MAX;
}

/* Take j and what waits right behind it and may go along: own changes, 4096
 * files in all, or pages. */
static unsigned
take_along(struct catalogue *c, struct write_job *j,
	   struct write_job *jobs[JOINED_MAX])
{
	size_t files = j->own != NULL ? j->own->batch.file_count : 0;
	unsigned count = 0;

	jobs[count++] = j;
	pthread_mutex_lock(&c->lock);
	while (goes_along(c->first, j->kind, files, count)) {
		jobs[count] = c->first;
		if (jobs[count]->own != NULL)
			files += jobs[count]->own->batch.file_count;
		count++;
		if ((c->first = c->first->next) == NULL)
			c->last = &c->first;
	}
	pthread_mutex_unlock(&c->lock);
	return count;
}

/* Told once, with the first of those that were joined. */
static void
told(struct write_result *result)
{
	result->news_count = 0;
	result->news_lost = false;
	result->dropped_count = 0;
	result->ended_count = 0;
}

static void
write_own(struct catalogue *c, struct write_job *j)
{
	const struct own_batch *batches[JOINED_MAX];
	struct write_job *jobs[JOINED_MAX];
	struct write_result result = {0};
	struct trouble why = {0};
	unsigned count = take_along(c, j, jobs);
	int r;

	for (unsigned i = 0; i < count; i++)
		batches[i] = &jobs[i]->own->batch;
	r = writer_own_many(c->writer, batches, count, clock_wall_ms(),
			    &result, &why);
	if (r == -1 && count > 1) {
		/* One bad batch must not take the others with it. */
		for (unsigned i = 0; i < count; i++) {
			r = writer_own(c->writer, batches[i], clock_wall_ms(),
				       &result, &jobs[i]->why);
			answer_keep(jobs[i], r, &result);
		}
		return;
	}
	for (unsigned i = 0; i < count; i++) {
		jobs[i]->why = why;
		answer_keep(jobs[i], r, &result);
		told(&result);
	}
}

struct pages {
	struct catalogue *c;
	struct write_job **jobs;
	struct message m; /* the one at hand */
};

static int
page_of(void *arg, size_t i, const struct mesh_store **store,
	const struct message_batch **batch, struct trouble *why)
{
	struct pages *p = arg;
	struct write_job *j = p->jobs[i];
	const char *reason = "not a BATCH";

	if (message_decode(p->c->decoder, j->body, j->body_bytes, &p->m,
			   &reason) != MESSAGE_OK ||
	    p->m.type != MESSAGE_BATCH)
		return trouble_set(why, 0, "catalogue: a page is broken: %s",
				   reason);
	*store = &j->store;
	*batch = &p->m.u.batch;
	return 0;
}

/* Some of these pages, from the first on, in one transaction; how many. */
static size_t
write_pages(struct catalogue *c, struct write_job **jobs, size_t count)
{
	struct stream_report reports[PAGES_MAX];
	struct pages p = {.c = c, .jobs = jobs};
	struct write_result result = {0};
	struct trouble why = {0};
	size_t done;
	int r = writer_store_many(c->writer, page_of, &p, count, &done,
				  reports, &result, &why);

	if (r == -1 && count > 1) /* a bad page must not take others with it */
		return write_pages(c, jobs, 1);
	if (r == -1)
		done = 1;
	for (size_t i = 0; i < done; i++) {
		if (r == 0)
			result.stored = reports[i];
		jobs[i]->why = why;
		answer_keep(jobs[i], r, &result);
		told(&result);
	}
	return done;
}

/* Pages of several streams wait at once while a newcomer pulls them all: what
 * they have in common, of photos and of the database's pages, is written once. */
static void
write_stores(struct catalogue *c, struct write_job *j)
{
	struct write_job *jobs[JOINED_MAX];
	size_t count = take_along(c, j, jobs), done = 0;

	while (done < count)
		done += write_pages(c, jobs + done, count - done);
}

static void
on_write(struct job *job, unsigned slot)
{
	struct write_job *j = (struct write_job *)job;
	struct catalogue *c = j->c;
	struct write_result result = {0};
	int r = -1;

	(void)slot;
	if (j->done)
		return; /* an earlier job took it along */
	pthread_mutex_lock(&c->lock);
	/* The pool's order is ours, so this is the first that waits. */
	if ((c->first = j->next) == NULL)
		c->last = &c->first;
	pthread_mutex_unlock(&c->lock);
	switch (j->kind) {
	case WRITE_OWN:
		write_own(c, j);
		return;
	case WRITE_STORE:
		write_stores(c, j);
		return;
	case WRITE_GENERATION:
		r = writer_begin_generation(c->writer, j->generation, &result,
					    &j->why);
		break;
	case WRITE_DROP:
		r = writer_drop(c->writer, &j->stream, &result, &j->why);
		break;
	case WRITE_END:
		r = writer_end(c->writer, &j->stream, j->vanishes, j->ordered,
			       &result, &j->why);
		break;
	case WRITE_CLEAR:
		r = writer_clear(c->writer, &result, &j->why);
		break;
	case WRITE_REMEMBER:
		r = writer_remember_node(c->writer, j->node, &j->why);
		break;
	}
	answer_keep(j, r, &result);
}

/* ---- with nothing to do ------------------------------------------------ */

/* Caches are for work; and what is free in small pieces goes back as well. */
static void
on_writer_idle(void *arg, unsigned slot)
{
	struct catalogue *c = arg;

	(void)slot;
	writer_rest(c->writer);
	(void)malloc_trim(0);
}

static void
on_reader_idle(void *arg, unsigned slot)
{
	struct catalogue *c = arg;

	reader_rest(c->readers[slot]);
}

/* ---- on the loop thread ----------------------------------------------- */

static void
on_written(struct letter *l)
{
	struct write_job *j = (struct write_job *)l;

	if (j->failed && j->written == NULL)
		log_warn("%s", j->why.text);
	if (j->written != NULL)
		j->written(j->arg, j->failed, &j->result,
			   j->failed ? &j->why : NULL);
	if (j->own != NULL && j->own->release != NULL)
		j->own->release(j->own);
	free(j->result.news);
	free(j->result.ended);
	free(j->node);
	free(j);
}

/*
 * Out of memory here would mean an answer that never comes, which the mesh
 * cannot live with: the process ends and its records are safe.
 */
static struct write_job *
job_new(struct catalogue *c, enum write_kind kind, size_t body_bytes)
{
	struct write_job *j = calloc(1, sizeof(*j) + body_bytes);

	if (j == NULL) {
		log_error("out of memory");
		abort();
	}
	j->job.letter.deliver = on_written;
	j->job.work = on_write;
	j->c = c;
	j->kind = kind;
	j->body_bytes = body_bytes;
	return j;
}

static void
submit(struct write_job *j)
{
	struct catalogue *c = j->c;

	/* Both queues under one lock, or their orders could differ. */
	pthread_mutex_lock(&c->lock);
	j->next = NULL;
	*c->last = j;
	c->last = &j->next;
	pool_submit(c->writing, &j->job);
	pthread_mutex_unlock(&c->lock);
}

void
catalogue_own(struct catalogue *c, struct own_delivery *d)
{
	struct write_job *j = job_new(c, WRITE_OWN, 0);

	j->own = d;
	j->written = d->written;
	j->arg = d->arg;
	submit(j);
}

void
catalogue_store(struct catalogue *c, const struct mesh_store *store,
		const uint8_t *body, size_t body_bytes,
		catalogue_written *written, void *arg)
{
	struct write_job *j = job_new(c, WRITE_STORE, body_bytes);

	j->store = *store;
	memcpy(j->body, body, body_bytes);
	j->written = written;
	j->arg = arg;
	submit(j);
}

void
catalogue_begin_generation(struct catalogue *c, uint64_t generation,
			   catalogue_written *written, void *arg)
{
	struct write_job *j = job_new(c, WRITE_GENERATION, 0);

	j->generation = generation;
	j->written = written;
	j->arg = arg;
	submit(j);
}

void
catalogue_drop(struct catalogue *c, const struct stream_id *stream,
	       catalogue_written *written, void *arg)
{
	struct write_job *j = job_new(c, WRITE_DROP, 0);

	j->stream = *stream;
	j->written = written;
	j->arg = arg;
	submit(j);
}

void
catalogue_end(struct catalogue *c, const struct stream_id *ended,
	      bool vanishes, bool ordered, catalogue_written *written,
	      void *arg)
{
	struct write_job *j = job_new(c, WRITE_END, 0);

	j->stream = *ended;
	j->vanishes = vanishes;
	j->ordered = ordered;
	j->written = written;
	j->arg = arg;
	submit(j);
}

void
catalogue_clear(struct catalogue *c, catalogue_written *written, void *arg)
{
	struct write_job *j = job_new(c, WRITE_CLEAR, 0);

	j->written = written;
	j->arg = arg;
	submit(j);
}

void
catalogue_remember(struct catalogue *c, const struct mesh_memory *n)
{
	struct write_job *j = job_new(c, WRITE_REMEMBER, 0);

	/* Forgetting an address is no reason to end. */
	if ((j->node = malloc(sizeof(*n))) == NULL) {
		free(j);
		return;
	}
	*j->node = *n;
	submit(j);
}

void
catalogue_ask(struct catalogue *c, struct job *j)
{
	pool_submit(c->asking, j);
}

struct reader *
catalogue_reader(struct catalogue *c, unsigned slot)
{
	return c->readers[slot];
}

void
catalogue_check(struct catalogue *c,
		void (*on_damage)(void *arg, const struct trouble *what),
		void *arg)
{
	struct damage *d = calloc(1, sizeof(*d));
	struct check_job *j = calloc(1, sizeof(*j));

	if (d == NULL || j == NULL) {
		free(d);
		free(j);
		return; /* unchecked: the next start does it */
	}
	d->letter.deliver = on_damage_told;
	d->told = on_damage;
	d->arg = arg;
	pthread_mutex_lock(&c->lock);
	c->damage = d;
	pthread_mutex_unlock(&c->lock);
	if (!writer_unchecked(c->writer)) {
		free(j);
		return;
	}
	j->job.letter.deliver = on_checked;
	j->job.work = on_check;
	j->c = c;
	pool_submit(c->asking, &j->job);
}

struct writer *
catalogue_writer(struct catalogue *c)
{
	return c->writer;
}

/* ---- opening and closing ---------------------------------------------- */

struct catalogue *
catalogue_open(const struct writer_config *config, struct mailbox *ends,
	       enum writer_found *found, struct trouble *why)
{
	struct catalogue *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		trouble_set(why, ENOMEM, "out of memory");
		return NULL;
	}
	pthread_mutex_init(&c->lock, NULL);
	c->last = &c->first;
	c->ends = ends;
	atomic_init(&c->ending, false);
	atomic_init(&c->sound, false);
	atomic_init(&c->checking, NULL);
	if ((c->writer = writer_open(config, found, why)) == NULL)
		goto close_catalogue;
	if ((c->decoder = message_decoder_new()) == NULL) {
		trouble_set(why, ENOMEM, "out of memory");
		goto close_catalogue;
	}
	for (unsigned i = 0; i < CATALOGUE_READERS; i++) {
		if ((c->readers[i] = reader_open(config->dir, why)) == NULL)
			goto close_catalogue;
		catalogue_watch(c, c->readers[i]);
	}
	c->writing = pool_new("catalogue", 1, false, ends, why);
	if (c->writing == NULL)
		goto close_catalogue;
	pool_on_idle(c->writing, on_writer_idle, c);
	c->asking = pool_new("query", CATALOGUE_READERS, false, ends, why);
	if (c->asking == NULL)
		goto close_catalogue;
	pool_on_idle(c->asking, on_reader_idle, c);
	return c;
close_catalogue:
	catalogue_close(c);
	return NULL;
}

/* Again and again: an interrupt that comes just before the statement begins
 * is lost. */
static void
end_check(struct catalogue *c)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	struct reader *r;

	atomic_store(&c->ending, true);
	while ((r = atomic_load(&c->checking)) != NULL) {
		reader_interrupt(r);
		nanosleep(&pause, NULL);
	}
}

void
catalogue_close(struct catalogue *c)
{
	if (c == NULL)
		return;
	end_check(c);
	pool_free(c->writing);
	pool_free(c->asking);
	if (c->writer != NULL && atomic_load(&c->sound))
		writer_judge(c->writer, true);
	for (unsigned i = 0; i < CATALOGUE_READERS; i++) {
		if (c->readers[i] != NULL && reader_damaged(c->readers[i]))
			writer_judge(c->writer, false);
		reader_close(c->readers[i]);
	}
	free(c->damage);
	message_decoder_free(c->decoder);
	writer_close(c->writer);
	pthread_mutex_destroy(&c->lock);
	free(c);
}
