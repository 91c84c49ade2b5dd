#include "intake_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <xxhash.h>

#include "clock.h"
#include "content.h"
#include "log.h"
#include "pool.h"
#include "sniff.h"

#define YOUNG_MS 2000
/* Within so long of a change another one may leave the same time stamps: the
 * kernel's clock for files ticks every 4 to 10 ms. */
#define TICK_MS 50
#define NAP_MS  50u /* whoever is told to stop, stops that soon */

/* A film takes minutes to read, and nobody shall take it for standing still. */
#define COUNT_BYTES (1u * 1024u * 1024u)

struct reading {
	struct intake *intake;
	struct hash_job *job;
};

/* So much of it is about to be read, perhaps not for the first time. */
static void
count_bytes(struct intake *i, struct hash_job *j, size_t bytes)
{
	uint64_t left = (uint64_t)j->stat.st_size - j->counted;

	j->uncounted += bytes;
	if (j->live || j->uncounted < COUNT_BYTES || left == 0)
		return;
	left = j->uncounted < left ? j->uncounted : left;
	j->uncounted = 0;
	j->counted += left;
	pthread_mutex_lock(&i->lock);
	i->progress.bytes += left;
	if (i->progress.total_bytes < i->progress.bytes)
		i->progress.total_bytes = i->progress.bytes;
	note_progress(i);
	pthread_mutex_unlock(&i->lock);
}

static bool
before_reading(void *arg, size_t bytes)
{
	const struct reading *r = arg;
	struct intake *i = r->intake;
	uint64_t now, until;

	count_bytes(i, r->job, bytes);
	if (i->config.read_rate == 0)
		return !atomic_load(&i->stop);
	now = clock_steady_ms();
	until = now + rate_reserve(&i->rate, bytes, now);
	while ((now = clock_steady_ms()) < until && !atomic_load(&i->stop)) {
		uint64_t nap = until - now < NAP_MS ? until - now : NAP_MS;
		struct timespec t = {.tv_nsec = (long)nap * 1000000};

		nanosleep(&t, NULL);
	}
	return !atomic_load(&i->stop);
}

void
say_problem(struct own_file *f, enum problem_code code, const char *message)
{
	f->verdict = OWN_PROBLEM;
	f->problem.code = (uint8_t)code;
	snprintf(f->problem.message, sizeof(f->problem.message), "%s",
		 message);
}

/* XXH3-64 of volume identity and inode: hard links count once.  Where inode
 * numbers are made up anew at each mount they would also make strangers one,
 * so there it is the path. */
static void
file_identity(const struct hash_job *j, uint64_t inode, uint8_t out[8])
{
	const struct state_root *root = j->root;
	uint8_t text[VOLUME_BYTES_MAX + 8];
	size_t n = root->volume_bytes;
	XXH64_canonical_t canonical;

	memcpy(text, root->volume, n);
	if (!j->stable)
		inode = XXH3_64bits(j->path, j->path_bytes);
	for (unsigned k = 0; k < 8; k++)
		text[n + k] = (uint8_t)(inode >> (56 - 8 * k));
	XXH64_canonicalFromHash(&canonical, XXH3_64bits(text, n + 8));
	memcpy(out, canonical.digest, 8);
}

static void
say_copy(struct own_file *f, const struct hash_job *j, const struct content *c)
{
	f->verdict = OWN_COPY;
	f->copy.photo = c->photo;
	f->copy.mtime_ns = f->mtime_ns;
	file_identity(j, f->inode, f->copy.file);
	snprintf(f->copy.type, sizeof(f->copy.type), "%s", c->type);
	if (c->truncated) {
		f->also_problem = true;
		f->problem.code = PROBLEM_TRUNCATED;
		snprintf(f->problem.message, sizeof(f->problem.message),
			 "the file ends too early: part of the picture is "
			 "missing");
	}
}

/* What to say of a file.  False: nothing, and do not remember it either. */
static bool
judge(const struct hash_job *j, const struct content *c, struct own_file *f)
{
	bool named = media_name(j->path, j->path_bytes);
	char text[96];

	/* Removed or replaced while it was read: nothing can be had of it. */
	if (c->verdict != CONTENT_UNREADABLE && c->stat.st_nlink == 0)
		return false;
	switch (c->verdict) {
	case CONTENT_MEDIA:
		say_copy(f, j, c);
		return true;
	case CONTENT_OTHER:
		f->verdict = OWN_IGNORED;
		if (named)
			say_problem(f, PROBLEM_NOT_MEDIA,
				    c->stat.st_size == 0
					    ? "the file is empty"
					    : "the name promises a photo or "
					      "video, the content is "
					      "something else");
		return true;
	case CONTENT_UNREADABLE:
		/* A failing disk may read well tomorrow: look again. */
		f->inode = 0;
		say_problem(f, PROBLEM_UNREADABLE,
			    strerror_r(c->error, text, sizeof(text)));
		return named || j->said;
	case CONTENT_UNSTABLE:
		f->inode = 0;
		say_problem(f, PROBLEM_UNSTABLE,
			    "the file kept changing while it was read");
		return true;
	case CONTENT_STOPPED:
		return false;
	}
	return false;
}

/* Young files are looked at again soon; what may change unseen, read again. */
static bool
is_young(const struct content *c, struct own_file *f)
{
	int64_t now = clock_wall_ms();
	int64_t changed = stat_ctime_ns(&c->stat) / 1000000;
	int64_t modified = stat_mtime_ns(&c->stat) / 1000000;
	bool coarse = c->stat.st_mtim.tv_nsec == 0;
	int64_t age, last = changed;

	if (c->verdict == CONTENT_UNSTABLE)
		return true;
	if (c->verdict == CONTENT_UNREADABLE ||
	    c->verdict == CONTENT_STOPPED)
		return false;
	/* A time to come was put there: it says nothing of when. */
	if (modified > last && modified < now + YOUNG_MS)
		last = modified;
	age = now - last;
	if (age < -YOUNG_MS || age >= YOUNG_MS)
		return false;
	if (age < TICK_MS || (coarse && modified > now - YOUNG_MS))
		f->ctime_ns = -f->ctime_ns; /* writer.h: to be read again */
	return true;
}

/* What was counted while it was read is replaced by what has come of it. */
static void
count(struct intake *i, const struct hash_job *j, const struct content *c,
      bool young, bool full)
{
	struct scan_progress *p = &i->progress;

	pthread_mutex_lock(&i->lock);
	p->bytes -= j->counted;
	if (c->verdict == CONTENT_MEDIA) {
		p->read_files++;
		p->read_bytes += c->photo.size;
	}
	if (c->verdict == CONTENT_MEDIA && !j->live) {
		p->files++;
		p->bytes += c->photo.size;
		p->hashed_files++;
		p->hashed_bytes += c->photo.size;
		if (p->total_files < p->files)
			p->total_files = p->files;
		if (p->total_bytes < p->bytes)
			p->total_bytes = p->bytes;
		note_progress(i);
	}
	if (young)
		look_later(i, j->index, j->path, j->path_bytes);
	/* Or it would wait for the hashers, and they for it. */
	if (full) {
		i->full = true;
		intake_stir(i);
	}
	pthread_mutex_unlock(&i->lock);
}

static void
do_job(struct intake *i, struct content_reader *r, struct hash_job *j)
{
	struct reading reading = {i, j};
	struct own_file f;
	struct content c;
	bool say, young, full = false;

	content_read(r, j->fd, &j->stat, before_reading, &reading, &c);
	memset(&f, 0, sizeof(f));
	f.root = j->root->id;
	f.path = j->path;
	f.path_bytes = j->path_bytes;
	f.inode = c.stat.st_ino;
	f.size = (uint64_t)c.stat.st_size;
	f.mtime_ns = stat_mtime_ns(&c.stat);
	f.ctime_ns = stat_ctime_ns(&c.stat);
	say = judge(j, &c, &f);
	young = is_young(&c, &f) && f.verdict != OWN_IGNORED;
	if (say)
		outbox_put(i->outbox, &f, &full);
	count(i, j, &c, young, full);
	if (say && f.verdict == OWN_PROBLEM)
		log_debug("%s/%s: %s", j->root->path, j->path,
			 f.problem.message);
}

/* ---- the jobs --------------------------------------------------------- */

static unsigned
mark_of(unsigned index, const char *path, size_t path_bytes)
{
	return (unsigned)XXH3_64bits_withSeed(path, path_bytes, index) &
	       (FLIGHT_MARKS - 1);
}

void
queue_job(struct intake *i, struct hash_job *j, bool urgent)
{
	j->mark = mark_of(j->index, j->path, j->path_bytes);
	i->flight_marks[j->mark]++;
	j->serial = ++i->serial;
	j->beside = i->flight;
	j->at = &i->flight;
	if (j->beside != NULL)
		j->beside->at = &j->beside;
	i->flight = j;
	if (urgent) {
		j->next = i->first;
		if (i->first == NULL)
			i->last = &j->next;
		i->first = j;
	} else {
		j->next = NULL;
		*i->last = j;
		i->last = &j->next;
	}
	i->waiting++;
	pthread_cond_signal(&i->work);
}

bool
job_again(struct intake *i, unsigned index, const char *path,
	  size_t path_bytes, unsigned flags)
{
	unsigned mark = mark_of(index, path, path_bytes);
	struct hash_job *j;

	pthread_mutex_lock(&i->lock);
	j = i->flight_marks[mark] > 0 ? i->flight : NULL;
	while (j != NULL && (j->index != index || j->path_bytes != path_bytes ||
			     memcmp(j->path, path, path_bytes) != 0))
		j = j->beside;
	if (j != NULL) {
		j->flags = j->again ? pending_join(j->flags, flags) : flags;
		j->again = true;
	}
	pthread_mutex_unlock(&i->lock);
	return j != NULL;
}

bool
jobs_ended(struct intake *i, uint64_t serial)
{
	const struct hash_job *j = i->flight;

	while (j != NULL && j->serial > serial)
		j = j->beside;
	return j == NULL;
}

void
look_later(struct intake *i, unsigned index, const char *path,
	   size_t path_bytes)
{
	if (!pending_put(i->pending, index, path, path_bytes, LOOK_WHEN_QUIET,
			 clock_steady_ms() + PENDING_QUIET_MS))
		i->young = true;
}

static void
end_job(struct intake *i, struct hash_job *j)
{
	pthread_mutex_lock(&i->lock);
	*j->at = j->beside;
	if (j->beside != NULL)
		j->beside->at = j->at;
	i->flight_marks[j->mark]--;
	i->busy--;
	i->stirred = true;
	if (j->again) {
		if (!pending_put(i->pending, j->index, j->path, j->path_bytes,
				 j->flags, 0))
			i->young = true;
		atomic_store(&i->ready, true);
		pthread_cond_broadcast(&i->room);
	}
	pthread_cond_broadcast(&i->moved);
	pthread_mutex_unlock(&i->lock);
	close(j->fd);
	free(j);
}

static struct hash_job *
next_job(struct intake *i)
{
	struct hash_job *j;

	pthread_mutex_lock(&i->lock);
	while (i->first == NULL && !atomic_load(&i->stop))
		pthread_cond_wait(&i->work, &i->lock);
	if (atomic_load(&i->stop)) {
		pthread_mutex_unlock(&i->lock);
		return NULL;
	}
	j = i->first;
	i->first = j->next;
	if (i->first == NULL)
		i->last = &i->first;
	i->waiting--;
	i->busy++;
	/* Woken for every job, the scanner would find room for one. */
	if (i->waiting <= i->room_at)
		pthread_cond_signal(&i->room);
	pthread_mutex_unlock(&i->lock);
	return j;
}

void *
hasher_main(void *arg)
{
	struct intake *i = arg;
	struct content_reader *r;
	struct hash_job *j;

	pthread_setname_np(pthread_self(), "hasher");
	thread_lower_priority();
	while ((r = content_reader_new()) == NULL && !atomic_load(&i->stop))
		sleep(1);
	while ((j = next_job(i)) != NULL) {
		do_job(i, r, j);
		end_job(i, j);
	}
	content_reader_free(r);
	return NULL;
}
