#include "catalogue_private.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "log.h"
#include "mailbox.h"
#include "means.h"
#include "pool.h"
#include "trouble.h"
#include "writer_private.h"

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

/* ---- on any thread ---------------------------------------------------- */

static void
on_damage_told(struct letter *l)
{
	struct damage *d = (struct damage *)l;

	d->told(d->arg, &d->what);
	free(d);
}

void
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

/* ---- with nothing to do ------------------------------------------------ */

/*
 * What is free in small pieces goes back as well, of all threads: one of those
 * that come at once is enough.  Nor may two be the first that ask it of a C
 * library whose malloc nobody has used, as beneath a sanitizer: it readies
 * itself without a lock.
 */
static void
trim_memory(void)
{
	static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;

	if (pthread_mutex_trylock(&one) != 0)
		return;
	(void)malloc_trim(0);
	pthread_mutex_unlock(&one);
}

/* Caches are for work. */
static void
on_writer_idle(void *arg, unsigned slot)
{
	struct catalogue *c = arg;

	(void)slot;
	if (writer_behind(c->writer))
		catch_up(c);
	writer_rest(c->writer);
	trim_memory();
}

static void
on_reader_idle(void *arg, unsigned slot)
{
	struct catalogue *c = arg;

	reader_rest(c->readers[slot]);
	trim_memory();
}

/* ---- reading ----------------------------------------------------------- */

bool
catalogue_indexed(const struct catalogue *c)
{
	return writer_indexed(c->writer);
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
	j->job.slow = true;
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
	c->reader_count = CATALOGUE_READERS - (descriptors_few() ? 1 : 0);
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
	for (unsigned i = 0; i < c->reader_count; i++) {
		if ((c->readers[i] = reader_open(config->dir, why)) == NULL)
			goto close_catalogue;
		catalogue_watch(c, c->readers[i]);
		reader_end_with(c->readers[i], &c->ending);
	}
	c->writing = pool_new("catalogue", 1, POOL_PLAIN, ends, why);
	if (c->writing == NULL)
		goto close_catalogue;
	pool_on_idle(c->writing, on_writer_idle, c);
	c->asking = pool_new("query", c->reader_count, POOL_PROMPT, ends, why);
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
	for (unsigned i = 0; i < c->reader_count; i++) {
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
