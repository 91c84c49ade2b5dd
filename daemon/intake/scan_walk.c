/*
 * scan_walk.c: every file of a root, held against what is known of it: passed
 * over, handed to the hashers, or recorded as a problem.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "content.h"
#include "log.h"
#include "scan_private.h"
#include "sniff.h"
#include "tree.h"
#include "trouble.h"

static bool
same_as_known(const struct known_file *k, const struct stat *st)
{
	return k->inode == st->st_ino && k->size == (uint64_t)st->st_size &&
	       k->mtime_ns == stat_mtime_ns(st) &&
	       k->ctime_ns == stat_ctime_ns(st);
}

static void
count_found(struct scan_root *s, const struct known_file *k)
{
	struct scan_progress *p = &s->intake->progress;

	s->media++;
	pthread_mutex_lock(&s->intake->lock);
	p->files++;
	p->bytes += k->size;
	if (p->total_files < p->files)
		p->total_files = p->files;
	if (p->total_bytes < p->bytes)
		p->total_bytes = p->bytes;
	pthread_mutex_unlock(&s->intake->lock);
}

/* Put a problem of something that was never opened. */
static bool
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

static int
open_file(const struct tree_file *f)
{
	const int flags = O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY |
			  O_CLOEXEC;
	int fd = openat(f->dir_fd, f->name, flags | O_NOATIME);

	/* Only the owner may leave the access time alone. */
	if (fd == -1 && errno == EPERM)
		fd = openat(f->dir_fd, f->name, flags);
	return fd;
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
	s->media++;
	/* Remembered as it is: a changed permission changes the ctime. */
	return put_problem(s, f->path, f->path_bytes,
			   error == EACCES || error == EPERM ? f->stat : NULL,
			   PROBLEM_UNREADABLE,
			   strerror_r(error, text, sizeof(text)));
}

/* Queue what was opened; waits while hashers have enough to do. */
static bool
give_job(struct scan_root *s, const struct tree_file *f, int fd, bool said)
{
	struct intake *i = s->intake;
	struct hash_job *j = malloc(sizeof(*j) + f->path_bytes + 1);
	bool room = false;

	if (j == NULL) {
		log_error("out of memory: a file is left for the next scan");
		close(fd);
		return true;
	}
	j->next = NULL;
	j->root = s->root;
	j->fd = fd;
	j->said = said;
	j->path_bytes = f->path_bytes;
	memcpy(j->path, f->path, f->path_bytes);
	j->path[f->path_bytes] = '\0';
	while (!room && outbox_send(i->outbox, false)) {
		pthread_mutex_lock(&i->lock);
		if (i->waiting >= JOBS_WAITING_MAX)
			intake_wait(i, 50);
		if ((room = i->waiting < JOBS_WAITING_MAX)) {
			*i->last = j;
			i->last = &j->next;
			i->waiting++;
			pthread_cond_broadcast(&i->moved);
		}
		pthread_mutex_unlock(&i->lock);
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

	pthread_mutex_lock(&s->intake->lock);
	p->total_files++;
	p->total_bytes += (uint64_t)f->stat->st_size;
	pthread_mutex_unlock(&s->intake->lock);
}

static bool
on_file(void *arg, const struct tree_file *f)
{
	struct scan_root *s = arg;
	struct known_file known;
	struct trouble why;
	bool found, said;
	int fd;

	if (!outbox_send(s->intake->outbox, false))
		return false;
	if (reader_known_file(s->intake->reader, &s->root->id, f->path,
			      f->path_bytes, &known, &found, &why) == -1) {
		log_error("%s: cannot read what is known: %s", s->root->path,
			  why.text);
		s->broken = true;
		return false;
	}
	if (found && s->second && is_seen(s, known.row))
		return true;
	if (found)
		set_seen(s, known.row);
	if (found && same_as_known(&known, f->stat)) {
		if (known.verdict == OWN_COPY)
			count_found(s, &known);
		else if (known.verdict == OWN_PROBLEM)
			s->media++;
		return true;
	}
	said = found && known.verdict != OWN_IGNORED;
	if ((fd = open_file(f)) == -1)
		return not_opened(s, f, said, errno);
	if (said || media_name(f->path, f->path_bytes)) {
		s->media++;
		if (!found || known.verdict != OWN_COPY)
			expect(s, f);
	}
	return give_job(s, f, fd, said);
}

static void
on_unlisted(void *arg, const char *path, size_t path_bytes, int error)
{
	struct scan_root *s = arg;
	struct known_file known;
	char reason[96], text[160];
	bool found;

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
	 * what has been said need not be said at each scan. */
	if (error == EXDEV || s->second ||
	    (reader_known_file(s->intake->reader, &s->root->id, path,
			       path_bytes, &known, &found, NULL) == 0 &&
	     found && known.verdict == OWN_PROBLEM))
		return;
	snprintf(text, sizeof(text), "cannot be looked into: %s",
		 error == ELOOP ? "nested too deep"
				: strerror_r(error, reason, sizeof(reason)));
	log_warn("%s/%s: %s", s->root->path, path, text);
	put_problem(s, path, path_bytes, NULL,
		    error == ELOOP ? PROBLEM_NAME : PROBLEM_UNREADABLE, text);
}

void
walk_root(struct scan_root *s)
{
	struct tree_visitor v;

	memset(&v, 0, sizeof(v));
	v.excludes = s->intake->config.excludes;
	v.exclude_count = s->intake->config.exclude_count;
	v.file = on_file;
	v.unlisted = on_unlisted;
	v.arg = s;
	if (!tree_walk(s->fd, &v))
		s->broken = true; /* stopped: not everything was looked at */
}
