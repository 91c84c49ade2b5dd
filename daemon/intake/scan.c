#include "intake_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "clock.h"
#include "content.h"
#include "log.h"
#include "sniff.h"
#include "tree.h"
#include "trouble.h"

#define UNLISTED_MAX 4096u
#define GONE_AT_ONCE 4096u

/* One root during one scan. */
struct scan_root {
	struct intake *intake;
	const struct state_root *root;
	bool *said;                 /* something was recorded of it: */
	struct record_root *record; /* this */
	int fd; /* -1: offline */
	/* What is known of it from former scans, by row. */
	uint8_t *seen; /* a bit each */
	uint64_t rows;
	uint64_t known_media, known_bytes;
	uint64_t media; /* found now: known ones, and ones to be read */
	bool second; /* looking again for what was not seen */
	/* What could not be looked at; its records stay. */
	char *unlisted[UNLISTED_MAX];
	uint32_t unlisted_count;
	bool broken; /* nothing may be withdrawn after this scan */
};

/* ---- rows seen ------------------------------------------------------- */

static bool
is_seen(const struct scan_root *s, int64_t row)
{
	/* Rows made since this scan began were seen by making them. */
	if (row < 0 || (uint64_t)row >= s->rows)
		return true;
	return (s->seen[row / 8] >> (row % 8) & 1) != 0;
}

static void
set_seen(struct scan_root *s, int64_t row)
{
	if (row >= 0 && (uint64_t)row < s->rows)
		s->seen[row / 8] |= (uint8_t)(1u << (row % 8));
}

static bool
count_known(void *arg, const struct known_file *f, const char *path,
	    size_t path_bytes)
{
	struct scan_root *s = arg;

	(void)path;
	(void)path_bytes;
	if (f->row >= 0 && (uint64_t)f->row >= s->rows)
		s->rows = (uint64_t)f->row + 1;
	if (f->verdict == OWN_COPY) {
		s->known_media++;
		s->known_bytes += f->size;
	}
	return !atomic_load(&s->intake->stop);
}

static int
load_known(struct scan_root *s)
{
	struct trouble why;

	if (reader_each_known(s->intake->reader, &s->root->id, count_known, s,
			      &why) == -1) {
		log_error("%s: cannot read what is known: %s", s->root->path,
			  why.text);
		return -1;
	}
	if (s->rows > 0 && (s->seen = calloc(1, s->rows / 8 + 1)) == NULL) {
		log_error("out of memory");
		return -1;
	}
	return 0;
}

/* As if something had just been modified: another scan comes soon. */
static void
scan_again(struct intake *i)
{
	pthread_mutex_lock(&i->lock);
	i->young = true;
	pthread_mutex_unlock(&i->lock);
}

static bool
is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM;
}

/* ---- the walk -------------------------------------------------------- */

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
	if (is_shortage(error)) {
		/* Descriptors come back; the full rescan is an hour away. */
		scan_again(s->intake);
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

	if (is_shortage(error))
		scan_again(s->intake);
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

static void
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

/* Until every file that was handed out has been read. */
static void
wait_hashers(struct intake *i)
{
	bool idle = false;

	while (!idle && outbox_send(i->outbox, false)) {
		pthread_mutex_lock(&i->lock);
		idle = i->waiting == 0 && i->busy == 0;
		if (!idle)
			intake_wait(i, 50);
		pthread_mutex_unlock(&i->lock);
	}
}

/* ---- what is gone ---------------------------------------------------- */

struct gone_list {
	struct scan_root *root;
	bool only_look; /* is there anything at all? */
	size_t count;
	char *paths[GONE_AT_ONCE];
	size_t path_bytes[GONE_AT_ONCE];
};

static bool
is_below_unlisted(const struct scan_root *s, const char *path, size_t bytes)
{
	for (uint32_t k = 0; k < s->unlisted_count; k++) {
		size_t n = strlen(s->unlisted[k]);

		if (bytes >= n && memcmp(path, s->unlisted[k], n) == 0 &&
		    (bytes == n || path[n] == '/'))
			return true;
	}
	return false;
}

static bool
collect_gone(void *arg, const struct known_file *f, const char *path,
	     size_t path_bytes)
{
	struct gone_list *g = arg;
	char *copy;

	if (is_seen(g->root, f->row))
		return true;
	if (is_below_unlisted(g->root, path, path_bytes)) {
		set_seen(g->root, f->row);
		return true;
	}
	if (g->only_look) {
		g->count = 1;
		return false;
	}
	if ((copy = malloc(path_bytes + 1)) == NULL)
		return false;
	memcpy(copy, path, path_bytes);
	copy[path_bytes] = '\0';
	set_seen(g->root, f->row);
	g->paths[g->count] = copy;
	g->path_bytes[g->count] = path_bytes;
	return ++g->count < GONE_AT_ONCE;
}

/* Was something known not seen? */
static bool
misses_something(struct scan_root *s, struct gone_list *g)
{
	struct trouble why;

	g->root = s;
	g->only_look = true;
	g->count = 0;
	if (reader_each_known(s->intake->reader, &s->root->id, collect_gone, g,
			      &why) == -1) {
		log_error("%s: cannot read what is known: %s", s->root->path,
			  why.text);
		s->broken = true;
	}
	return g->count > 0;
}

/* No read transaction is open while we wait for the writer. */
static void
withdraw(struct scan_root *s, struct gone_list *g)
{
	struct own_file f;
	struct trouble why;
	uint64_t total = 0;

	g->root = s;
	g->only_look = false;
	do {
		g->count = 0;
		if (reader_each_known(s->intake->reader, &s->root->id,
				      collect_gone, g, &why) == -1)
			log_error("%s: cannot read what is known: %s",
				  s->root->path, why.text);
		for (size_t k = 0; k < g->count; k++) {
			memset(&f, 0, sizeof(f));
			f.root = s->root->id;
			f.path = g->paths[k];
			f.path_bytes = g->path_bytes[k];
			f.verdict = OWN_GONE;
			if (!outbox_put_self(s->intake->outbox, &f))
				s->broken = true;
			free(g->paths[k]);
		}
		total += g->count;
	} while (g->count > 0 && !s->broken);
	if (total > 0)
		log_info("%s: %" PRIu64 " files are gone", s->root->path,
			 total);
}

/* ---- roots ----------------------------------------------------------- */

/* Record what holds now for a root, unless that is what was said last. */
static void
say_root(struct scan_root *s, bool online, bool complete, bool stamp)
{
	struct record_root r = *s->record;
	struct statvfs fs;

	snprintf(r.label, sizeof(r.label), "%s", s->root->label);
	memset(r.volume, 0, sizeof(r.volume));
	memcpy(r.volume, s->root->volume, s->root->volume_bytes);
	r.volume_bytes = s->root->volume_bytes;
	r.online = online;
	r.complete = r.complete || complete;
	if (stamp || !*s->said)
		r.stamped_ms = clock_wall_ms();
	if (s->fd != -1 && fstatvfs(s->fd, &fs) == 0) {
		r.capacity_bytes = (uint64_t)fs.f_blocks * fs.f_frsize;
		r.free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	}
	if (*s->said && !stamp && r.online == s->record->online &&
	    strcmp(r.label, s->record->label) == 0)
		return;
	if (outbox_send_root(s->intake->outbox, &s->root->id, &r)) {
		*s->said = true;
		*s->record = r;
	}
}

static void
set_offline(struct scan_root *s, const char *reason)
{
	/* Loud once, not at every scan. */
	if (!*s->said || s->record->online)
		log_warn("%s is offline: %s; its photos stay listed",
			 s->root->path, reason);
	if (s->fd != -1)
		close(s->fd);
	s->fd = -1;
	say_root(s, false, false, false);
}

/* The folder, if it is there and on the volume it was recorded on. */
static int
open_root(const struct scan_root *s, char *reason, size_t max)
{
	const struct state_root *r = s->root;
	uint8_t volume[VOLUME_BYTES_MAX], bytes;
	struct trouble why;
	char text[96];
	int fd;

	fd = open(r->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1) {
		if (is_shortage(errno))
			scan_again(s->intake);
		snprintf(reason, max, "%s",
			 strerror_r(errno, text, sizeof(text)));
		return -1;
	}
	if (volume_identity(fd, &s->intake->config.state->host, volume, &bytes,
			    &why) == -1) {
		snprintf(reason, max, "%s", why.text);
	} else if (bytes != r->volume_bytes ||
		   memcmp(volume, r->volume, bytes) != 0) {
		snprintf(reason, max,
			 "another volume is there than the one recorded");
	} else {
		return fd;
	}
	close(fd);
	return -1;
}

static void
begin_root(struct scan_root *s)
{
	char reason[300];

	s->fd = -1;
	if (!s->root->named) {
		set_offline(s, "it was not named this time");
		return;
	}
	if ((s->fd = open_root(s, reason, sizeof(reason))) == -1) {
		set_offline(s, reason);
		return;
	}
	if (load_known(s) == -1)
		s->broken = true;
	/* Copies without their root would not know where they lie. */
	if (!*s->said)
		say_root(s, true, false, false);
}

/* After the walk: is it still the folder we began with? */
static void
check_root(struct scan_root *s)
{
	char reason[300];
	int fd;

	if (s->fd == -1)
		return;
	if ((fd = open_root(s, reason, sizeof(reason))) == -1) {
		set_offline(s, reason);
		return;
	}
	close(fd);
	if (s->media == 0 && s->known_media > 0 && !s->broken)
		set_offline(s, "no photo is left in it, so its disk may be "
			       "missing");
}

static void
end_root(struct scan_root *s)
{
	if (s->fd != -1 && !atomic_load(&s->intake->stop)) {
		if (*s->said && !s->record->online)
			log_info("%s is online again", s->root->path);
		say_root(s, true, !s->broken, true);
	}
	if (s->fd != -1)
		close(s->fd);
}

/* ---- one scan -------------------------------------------------------- */

static void
expect_known(struct intake *i, const struct scan_root *roots, uint32_t count)
{
	pthread_mutex_lock(&i->lock);
	for (uint32_t k = 0; k < count; k++) {
		if (roots[k].fd == -1)
			continue;
		i->progress.total_files += roots[k].known_media;
		i->progress.total_bytes += roots[k].known_bytes;
	}
	pthread_mutex_unlock(&i->lock);
}

/*
 * Everything found is handed over and written, of all roots, before anything
 * is withdrawn, so that what has moved is never missing in between.  A file
 * moved against the direction of the walk would be passed twice unseen: when
 * something is missing, look a second time.
 */
static void
look(struct intake *i, struct scan_root *roots, uint32_t count,
     struct gone_list *gone)
{
	bool written;

	expect_known(i, roots, count);
	for (uint32_t k = 0; k < count; k++) {
		if (roots[k].fd != -1 && !roots[k].broken)
			walk_root(&roots[k]);
	}
	wait_hashers(i);
	written = outbox_settle(i->outbox);
	for (uint32_t k = 0; k < count && written; k++) {
		check_root(&roots[k]);
		if (roots[k].fd == -1 || roots[k].broken ||
		    !misses_something(&roots[k], gone))
			continue;
		roots[k].second = true;
		walk_root(&roots[k]);
	}
	wait_hashers(i);
	if (!outbox_settle(i->outbox))
		written = false;
	if (!written)
		scan_again(i);
	for (uint32_t k = 0; k < count; k++) {
		if (!written)
			roots[k].broken = true;
		if (roots[k].fd != -1 && roots[k].second && !roots[k].broken)
			check_root(&roots[k]);
		if (roots[k].fd != -1 && roots[k].second && !roots[k].broken)
			withdraw(&roots[k], gone);
	}
}

bool
scan_all(struct intake *i)
{
	const struct state *state = i->config.state;
	struct gone_list *gone = calloc(1, sizeof(*gone));
	struct scan_root *roots = calloc(state->root_count, sizeof(*roots));
	bool online = false;

	if (gone == NULL || roots == NULL) {
		log_error("out of memory: no scan now");
		goto out;
	}
	for (uint32_t k = 0; k < state->root_count; k++) {
		roots[k].intake = i;
		roots[k].root = &state->roots[k];
		roots[k].said = &i->said.recorded[k];
		roots[k].record = &i->said.roots[k];
		begin_root(&roots[k]);
	}
	look(i, roots, state->root_count, gone);
	for (uint32_t k = 0; k < state->root_count; k++) {
		online = online || roots[k].fd != -1;
		end_root(&roots[k]);
		free(roots[k].seen);
		for (uint32_t n = 0; n < roots[k].unlisted_count; n++)
			free(roots[k].unlisted[n]);
	}
	if (!outbox_settle(i->outbox)) {
		/* What could not be written is said again, soon. */
		for (uint32_t k = 0; k < state->root_count; k++)
			i->said.recorded[k] = false;
		scan_again(i);
	}
out:
	free(gone);
	free(roots);
	return online;
}
