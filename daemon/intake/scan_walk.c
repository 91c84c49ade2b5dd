/*
 * scan_walk.c: every file of a root, held against what is known of it: passed
 * over, handed to the hashers, or recorded as a problem.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "content.h"
#include "log.h"
#include "scan_private.h"
#include "sniff.h"
#include "tree.h"
#include "trouble.h"
#include "unchanged.h"
#include "watcher.h"

#define QUIET_NS (PENDING_QUIET_MS * INT64_C(1000000))
#define HELD_MS_MAX 50u /* no older is what is known than what waits in an
			 * outbox to become known */

static void
let_go(struct scan_root *s)
{
	if (s->held)
		reader_let_go(s->intake->reader);
	s->held = false;
}

/*
 * A scan looks up thousands of paths: some at a time in one transaction.  What
 * has come since it began is at worst read twice; what has gone since, only
 * this thread withdraws, and lets go before it looks again.
 */
static int
hold(struct scan_root *s, struct trouble *why)
{
	uint64_t now = clock_steady_ms();

	if (s->live || (s->held && now - s->held_ms < HELD_MS_MAX))
		return 0;
	let_go(s);
	if (reader_hold(s->intake->reader, why) == -1)
		return -1;
	s->held = true;
	s->held_ms = now;
	return 0;
}

static void
count_media(struct scan_root *s)
{
	if (!s->live)
		s->media++;
}

static void
count_found(struct scan_root *s, const struct known_file *k)
{
	struct scan_progress *p = &s->intake->progress;

	if (s->live)
		return;
	count_media(s);
	pthread_mutex_lock(&s->intake->lock);
	p->files++;
	p->bytes += k->size;
	if (p->total_files < p->files)
		p->total_files = p->files;
	if (p->total_bytes < p->bytes)
		p->total_bytes = p->bytes;
	note_progress(s->intake);
	pthread_mutex_unlock(&s->intake->lock);
}

bool
put_problem(struct scan_root *s, const char *path, size_t path_bytes,
	    const struct stat *st, enum problem_code code, const char *message)
{
	struct own_file f;

	memset(&f, 0, sizeof(f));
	f.root = s->root->id;
	f.path = path;
	f.path_bytes = path_bytes;
	if (st != NULL) {
		f.size = (uint64_t)st->st_size;
		f.inode = st->st_ino;
		f.mtime_ns = stat_mtime_ns(st);
		f.ctime_ns = stat_ctime_ns(st);
	}
	say_problem(&f, code, message);
	return outbox_put_self(s->intake->outbox, &f);
}

bool
put_gone(struct scan_root *s, const char *path, size_t path_bytes)
{
	struct own_file f;

	memset(&f, 0, sizeof(f));
	f.root = s->root->id;
	f.path = path;
	f.path_bytes = path_bytes;
	f.verdict = OWN_GONE;
	s->intake->withdrawn = true;
	return outbox_put_self(s->intake->outbox, &f);
}

/*
 * What has been withdrawn and is back must not be taken for what is known.
 * (What was found and is not written yet is at worst found twice.)
 */
static void
forget_withdrawn(struct scan_root *s)
{
	if (!s->intake->withdrawn)
		return;
	let_go(s);
	/* What could not be written is known still, and missed by a scan. */
	(void)outbox_flush(s->intake->outbox);
	s->intake->withdrawn = false;
}

static int
take_file(const struct tree_file *f)
{
	int fd = *f->fd;

	*f->fd = -1;
	return fd != -1 ? fd : tree_open_file(f->dir_fd, f->name);
}

/* A file that cannot be opened.  False stops the walk. */
static bool
not_opened(struct scan_root *s, const struct tree_file *f, bool said, int error)
{
	char text[96];

	if (error == ENOENT || error == ELOOP || error == ENXIO)
		return true; /* gone or replaced since it was listed */
	if (scan_shortage(s->intake, error)) {
		log_warn("%s/%s: left for the next scan: %s", s->root->path,
			 f->path, strerror_r(error, text, sizeof(text)));
		return true;
	}
	if (!said && !media_name(f->path, f->path_bytes))
		return true;
	count_media(s);
	/* Remembered as it is: a changed permission changes the ctime. */
	return put_problem(s, f->path, f->path_bytes,
			   error == EACCES || error == EPERM ? f->stat : NULL,
			   PROBLEM_UNREADABLE,
			   strerror_r(error, text, sizeof(text)));
}

static struct hash_job *
job_new(struct scan_root *s, const struct tree_file *f, int fd, bool said)
{
	struct hash_job *j = calloc(1, sizeof(*j) + f->path_bytes + 1);

	if (j == NULL) {
		log_error("out of memory: a file is left for the next scan");
		scan_left_out(s->intake);
		close(fd);
		return NULL;
	}
	j->index = s->index;
	j->root = s->root;
	j->fd = fd;
	j->stat = *f->stat;
	j->said = said;
	j->live = s->live;
	j->stable = s->now->stable;
	j->path_bytes = f->path_bytes;
	memcpy(j->path, f->path, f->path_bytes);
	return j;
}

/* Queue what was opened; waits while hashers have enough to do.  What has only
 * just changed goes first, and past a queue that a scan has filled. */
static bool
give_job(struct scan_root *s, const struct tree_file *f, int fd, bool said)
{
	const unsigned waiting_max = JOBS_WAITING_MAX + (s->live ? 16 : 0);
	struct intake *i = s->intake;
	struct hash_job *j = job_new(s, f, fd, said);
	bool room = false;

	if (j == NULL)
		return true;
	while (!room && outbox_send(i->outbox, false)) {
		pthread_mutex_lock(&i->lock);
		if (i->waiting >= waiting_max) {
			let_go(s);
			i->room_at = s->live ? waiting_max - 1 :
					       JOBS_WAITING_MAX / 2;
			intake_wait_on(i, &i->room, 50);
		}
		if ((room = i->waiting < waiting_max))
			queue_job(i, j, s->live);
		pthread_mutex_unlock(&i->lock);
		if (!room && !s->live && live_wanted(i)) {
			let_go(s);
			(void)live_turn(i);
		}
	}
	if (!room) {
		close(fd);
		free(j);
	}
	return room;
}

static void
expect(struct scan_root *s, const struct tree_file *f)
{
	struct scan_progress *p = &s->intake->progress;

	if (s->live)
		return;
	pthread_mutex_lock(&s->intake->lock);
	/* What a survey has counted is counted. */
	if (!s->intake->surveyed || s->intake->survey == NULL) {
		p->total_files++;
		p->total_bytes += (uint64_t)f->stat->st_size;
	}
	pthread_mutex_unlock(&s->intake->lock);
}

/* Is somebody writing it, or was just now? */
static bool
is_busy(struct scan_root *s, const struct tree_file *f)
{
	struct timespec now;
	int64_t now_ns, written = stat_mtime_ns(f->stat);

	if (!s->quiet)
		return false;
	clock_gettime(CLOCK_REALTIME, &now);
	now_ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
	if (written > now_ns || written <= now_ns - QUIET_NS)
		return false;
	pthread_mutex_lock(&s->intake->lock);
	look_later(s->intake, s->index, f->path, f->path_bytes);
	pthread_mutex_unlock(&s->intake->lock);
	return true;
}

/*
 * Size and time are all that tells of a change where inode numbers do not last,
 * and pictures of one burst may have both in common: once somebody has told of
 * a path there, or one that is like it is gone, what lies under it is read.
 */
static bool
may_pass(const struct scan_root *s, const struct tree_file *f,
	 const struct known_file *known)
{
	return (s->now->stable || (!s->live && !s->doubted)) &&
	       file_unchanged(known, f->stat, s->now->stable);
}

/* Known already, under this path or another one?  1: it is dealt with. */
static int
pass_known(struct scan_root *s, const struct tree_file *f,
	   const struct known_file *known, bool found, struct trouble *why)
{
	struct own_file moved;
	int r;

	if (found && may_pass(s, f, known)) {
		if (known->verdict == OWN_COPY)
			count_found(s, known);
		else if (known->verdict == OWN_PROBLEM)
			count_media(s);
		return 1;
	}
	if (s->live && found && f->stat->st_nlink > 1 && s->now->stable &&
	    known->inode == f->stat->st_ino &&
	    look_at_other_names(s, f, why) == -1)
		return -1;
	/* Under its own path with another ctime: something was done to it, so
	 * what is known elsewhere of this inode is no better. */
	if (!s->now->stable || (found && known->inode == f->stat->st_ino) ||
	    (s->blank && f->stat->st_nlink == 1))
		return 0;
	r = find_moved(s, f, &moved, why);
	if (r != 1)
		return r;
	if (moved.verdict == OWN_COPY)
		count_found(s, &(struct known_file){.size = moved.size});
	if (moved.ctime_ns <= 0) {
		pthread_mutex_lock(&s->intake->lock);
		look_later(s->intake, s->index, f->path, f->path_bytes);
		pthread_mutex_unlock(&s->intake->lock);
	}
	return outbox_put_self(s->intake->outbox, &moved) ? 1 : -1;
}

/* Another kind of work waits its turn while a scan goes on. */
static bool
take_turns(struct scan_root *s)
{
	if (!s->live && live_wanted(s->intake)) {
		let_go(s);
		(void)live_turn(s->intake);
	}
	if (!s->live)
		survey_turn(s->intake->survey);
	return outbox_send(s->intake->outbox, false);
}

static bool
on_file(void *arg, const struct tree_file *f)
{
	struct scan_root *s = arg;
	struct known_file known = {0};
	struct trouble why = {0, "stopped"};
	bool found = false, said;
	int fd, r;

	if (!take_turns(s))
		return false;
	forget_withdrawn(s);
	r = hold(s, &why);
	if (r == 0 && !s->blank)
		r = reader_known_file(s->intake->reader, &s->root->id, f->path,
				      f->path_bytes, &known, &found, &why);
	s->doubted = found && s->second && is_doubted(s, &known, f->stat);
	if (r == 0 && found && s->second && is_seen(s, known.row) &&
	    !s->doubted)
		return true;
	if (r == 0 && found)
		set_seen(s, known.row);
	if (r == 0 && (job_again(s->intake, s->index, f->path, f->path_bytes,
				 s->quiet ? LOOK_WHEN_QUIET : 0) ||
		       is_busy(s, f)))
		return true;
	if (r == 0)
		r = pass_known(s, f, &known, found, &why);
	if (r == -1) {
		if (!atomic_load(&s->intake->stop))
			log_error("%s: cannot read what is known: %s",
				  s->root->path, why.text);
		s->broken = true;
		return false;
	}
	if (r == 1)
		return true;
	said = found && known.verdict != OWN_IGNORED;
	if ((fd = take_file(f)) == -1)
		return not_opened(s, f, said, errno);
	if (said || media_name(f->path, f->path_bytes)) {
		count_media(s);
		if (!found || known.verdict != OWN_COPY)
			expect(s, f);
	}
	return give_job(s, f, fd, said);
}

/* About to be listed: from now on its changes must be told. */
static void
on_directory(void *arg, const char *path, size_t path_bytes, int fd)
{
	struct scan_root *s = arg;
	struct intake *i = s->intake;
	char text[96];

	if (s->now->polled || s->second)
		return;
	if (i->watch != NULL &&
	    watcher_directory(i->watch, s->index, path, path_bytes, fd) == 0)
		return;
	s->now->polled = true;
	if (s->live)
		scan_again(i); /* which says when to look next */
	if (i->watch == NULL || s->now->warned)
		return;
	s->now->warned = true;
	if (errno == ENOSPC)
		log_warn("%s has more directories than may be watched: it is "
			 "looked at from time to time instead (raise "
			 "fs.inotify.max_user_watches, and start again)",
			 s->root->path);
	else
		log_warn("%s/%s cannot be watched, so %s is looked at from "
			 "time to time: %s", s->root->path, path,
			 s->root->path,
			 strerror_r(errno, text, sizeof(text)));
}

static void
on_unlisted(void *arg, const char *path, size_t path_bytes, int error)
{
	struct scan_root *s = arg;
	struct known_file known;
	char reason[96], text[160];
	bool found = false;

	(void)scan_shortage(s->intake, error);
	if (path_bytes == 0) {
		log_warn("%s cannot be read: %s", s->root->path,
			 strerror_r(error, reason, sizeof(reason)));
		s->broken = true;
		return;
	}
	if (s->unlisted_count == UNLISTED_MAX ||
	    (s->unlisted[s->unlisted_count] = strdup(path)) == NULL) {
		s->broken = true;
		return;
	}
	s->unlisted_count++;
	/* Other volumes lie here by the user's will; that is no problem.  And
	 * what has been said need not be said at each scan.  A file that was
	 * listed stays so: it is not known to be another, or gone. */
	if (error == EXDEV && !s->second && !s->live)
		log_info("%s/%s is another disk: it is left out here; give it "
			 "to photod as a folder of its own", s->root->path,
			 path);
	if (error == EXDEV || s->second ||
	    (reader_known_file(s->intake->reader, &s->root->id, path,
			       path_bytes, &known, &found, NULL) == 0 &&
	     found && known.verdict == OWN_PROBLEM))
		return;
	snprintf(text, sizeof(text), "cannot be looked into: %s",
		 error == ELOOP ? "nested too deep"
				: strerror_r(error, reason, sizeof(reason)));
	log_warn("%s/%s: %s", s->root->path, path, text);
	if (!found || known.verdict != OWN_COPY)
		put_problem(s, path, path_bytes, NULL,
			    error == ELOOP ? PROBLEM_NAME : PROBLEM_UNREADABLE,
			    text);
}

void
visitor_init(struct scan_root *s, struct tree_visitor *v)
{
	memset(v, 0, sizeof(*v));
	v->excludes = s->intake->config.excludes;
	v->exclude_count = s->intake->config.exclude_count;
	v->directory = on_directory;
	v->file = on_file;
	v->unlisted = on_unlisted;
	v->arg = s;
}

void
walk_root(struct scan_root *s)
{
	struct tree_visitor v;

	visitor_init(s, &v);
	v.open = s->blank;
	if (!tree_walk(s->fd, &v))
		s->broken = true; /* stopped: not everything was looked at */
	let_go(s);
}
