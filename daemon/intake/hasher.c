#include "intake_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>

#include "clock.h"
#include "content.h"
#include "log.h"
#include "sniff.h"

#define YOUNG_MS 2000
/* Within so long of a change another one may leave the same time stamps: the
 * kernel's clock for files ticks every 4 to 10 ms. */
#define TICK_MS 50

static bool
is_stopped(void *arg)
{
	struct intake *i = arg;

	return atomic_load(&i->stop);
}

void
say_problem(struct own_file *f, enum problem_code code, const char *message)
{
	f->verdict = OWN_PROBLEM;
	f->problem.code = (uint8_t)code;
	snprintf(f->problem.message, sizeof(f->problem.message), "%s",
		 message);
}

/* XXH3-64 of volume identity and inode: hard links count once. */
static void
file_identity(const struct state_root *root, uint64_t inode, uint8_t out[8])
{
	uint8_t text[VOLUME_BYTES_MAX + 8];
	size_t n = root->volume_bytes;
	XXH64_canonical_t canonical;

	memcpy(text, root->volume, n);
	for (unsigned k = 0; k < 8; k++)
		text[n + k] = (uint8_t)(inode >> (56 - 8 * k));
	XXH64_canonicalFromHash(&canonical, XXH3_64bits(text, n + 8));
	memcpy(out, canonical.digest, 8);
}

static void
say_copy(struct own_file *f, const struct state_root *root,
	 const struct content *c)
{
	f->verdict = OWN_COPY;
	f->copy.photo = c->photo;
	f->copy.mtime_ns = f->mtime_ns;
	file_identity(root, f->inode, f->copy.file);
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

	switch (c->verdict) {
	case CONTENT_MEDIA:
		say_copy(f, j->root, c);
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
	int64_t age;

	if (c->verdict == CONTENT_UNSTABLE)
		return true;
	if (c->verdict == CONTENT_UNREADABLE ||
	    c->verdict == CONTENT_STOPPED)
		return false;
	age = now - (changed > modified ? changed : modified);
	if (age < -YOUNG_MS || age >= YOUNG_MS)
		return false;
	if (age < TICK_MS || (coarse && modified > now - YOUNG_MS))
		f->ctime_ns = -f->ctime_ns; /* writer.h: to be read again */
	return true;
}

static void
count(struct intake *i, const struct content *c, bool young)
{
	struct scan_progress *p = &i->progress;

	pthread_mutex_lock(&i->lock);
	if (c->verdict == CONTENT_MEDIA) {
		p->files++;
		p->bytes += c->photo.size;
		p->hashed_files++;
		p->hashed_bytes += c->photo.size;
		if (p->total_files < p->files)
			p->total_files = p->files;
		if (p->total_bytes < p->bytes)
			p->total_bytes = p->bytes;
	}
	if (young)
		i->young = true;
	pthread_mutex_unlock(&i->lock);
}

static void
do_job(struct intake *i, struct content_reader *r, const struct hash_job *j)
{
	struct own_file f;
	struct content c;
	bool say, young;

	content_read(r, j->fd, is_stopped, i, &c);
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
		outbox_put(i->outbox, &f);
	count(i, &c, young);
	if (say && f.verdict == OWN_PROBLEM)
		log_debug("%s/%s: %s", j->root->path, j->path,
			 f.problem.message);
}

static struct hash_job *
next_job(struct intake *i)
{
	struct hash_job *j;

	pthread_mutex_lock(&i->lock);
	while (i->first == NULL && !atomic_load(&i->stop))
		intake_wait(i, 1000);
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
	pthread_cond_broadcast(&i->moved);
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
	lower_priority();
	while ((r = content_reader_new()) == NULL && !atomic_load(&i->stop))
		sleep(1);
	while ((j = next_job(i)) != NULL) {
		do_job(i, r, j);
		close(j->fd);
		free(j);
		pthread_mutex_lock(&i->lock);
		i->busy--;
		pthread_cond_broadcast(&i->moved);
		pthread_mutex_unlock(&i->lock);
	}
	content_reader_free(r);
	return NULL;
}
