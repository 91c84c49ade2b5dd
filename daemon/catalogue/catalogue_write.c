/*
 * catalogue_write.c: what is asked of the writer, from the asking to the answer.
 *
 * One thread writes, in the order of the asking; what waits together and is of
 * one kind may share a transaction, and is answered each by itself.
 */
#include "catalogue_private.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"
#include "mailbox.h"
#include "pool.h"
#include "trouble.h"
#include "writer_private.h"

enum write_kind {
	WRITE_OWN, WRITE_STORE, WRITE_GENERATION, WRITE_DROP, WRITE_END,
	WRITE_CLEAR, WRITE_REMEMBER, WRITE_CATCH_UP,
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
	/* With pages it is listed anyway; but these need not come. */
	if (j->kind != WRITE_STORE && j->kind != WRITE_CATCH_UP &&
	    behind_due(c->writer))
		catch_up(c);
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
	case WRITE_CATCH_UP:
		r = writer_catch_up(c->writer, &result, &j->why);
		break;
	case WRITE_REMEMBER:
		r = writer_remember_node(c->writer, j->node, &j->why);
		break;
	}
	answer_keep(j, r, &result);
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

/* ---- what is listed later ---------------------------------------------- */

static struct write_job *
catch_up_new(struct catalogue *c)
{
	struct write_job *j = job_new(c, WRITE_CATCH_UP, 0);

	j->written = c->caught_up;
	j->arg = c->caught_up_arg;
	return j;
}

/* Whoever had more to tell may be gone: then no page comes with which it would
 * be listed. */
void
catch_up(struct catalogue *c)
{
	struct write_result result = {0};
	struct write_job *j;
	int r;

	pthread_mutex_lock(&c->lock);
	j = catch_up_new(c);
	pthread_mutex_unlock(&c->lock);
	r = writer_catch_up(c->writer, &result, &j->why);
	answer_keep(j, r, &result);
	mailbox_post(c->ends, &j->job.letter);
}

void
catalogue_catch_up(struct catalogue *c, catalogue_written *written, void *arg)
{
	struct write_job *j;

	pthread_mutex_lock(&c->lock);
	c->caught_up = written;
	c->caught_up_arg = arg;
	j = catch_up_new(c);
	pthread_mutex_unlock(&c->lock);
	submit(j);
}
