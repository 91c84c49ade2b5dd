/*
 * scan_seen.c: what former scans know of a root, row by row; what this one has
 * not seen of it is gone.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "content.h"
#include "log.h"
#include "scan_private.h"
#include "trouble.h"

bool
is_seen(const struct scan_root *s, int64_t row)
{
	/* Rows made since this scan began were seen by making them. */
	if (row < 0 || (uint64_t)row >= s->rows)
		return true;
	return (s->seen[row / 8] >> (row % 8) & 1) != 0;
}

void
set_seen(struct scan_root *s, int64_t row)
{
	if (is_seen(s, row))
		return;
	s->seen[row / 8] |= (uint8_t)(1u << (row % 8));
	s->unseen--;
}

/* A row that is known, and not seen yet. */
static bool
expect_row(struct scan_root *s, uint64_t row)
{
	uint64_t room = s->seen_room == 0 ? 8192 : s->seen_room;
	uint8_t *more;

	while (room <= row)
		room *= 2;
	if (room != s->seen_room) {
		if ((more = realloc(s->seen, room / 8)) == NULL)
			return false;
		memset(more + s->seen_room / 8, 0xff,
		       (room - s->seen_room) / 8);
		s->seen = more;
		s->seen_room = room;
	}
	if (row >= s->rows)
		s->rows = row + 1;
	s->unseen += s->seen[row / 8] >> (row % 8) & 1;
	s->seen[row / 8] &= (uint8_t)~(1u << (row % 8));
	return true;
}

struct census {
	struct scan_root *root;
	bool failed;
};

static bool
count_known(void *arg, int64_t row, uint8_t verdict, uint64_t size)
{
	struct census *c = arg;
	struct scan_root *s = c->root;

	if (row >= 0 && !expect_row(s, (uint64_t)row)) {
		c->failed = true;
		return false;
	}
	if (verdict == OWN_COPY) {
		s->known_media++;
		s->known_bytes += size;
	}
	return !atomic_load(&s->intake->stop);
}

int
load_known(struct scan_root *s)
{
	struct census c = {.root = s};
	struct trouble why;

	if (reader_known_rows(s->intake->reader, &s->root->id, count_known, &c,
			      &why) == -1) {
		log_error("%s: cannot read what is known: %s", s->root->path,
			  why.text);
		return -1;
	}
	if (c.failed) {
		log_error("out of memory");
		return -1;
	}
	return 0;
}

/* ---- what is gone ---------------------------------------------------- */

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

bool
is_gone(struct scan_root *s, const struct known_file *f, const char *path,
	size_t path_bytes)
{
	if (is_seen(s, f->row))
		return false;
	if (!is_below_unlisted(s, path, path_bytes))
		return true;
	set_seen(s, f->row);
	return false;
}

/* ---- what is like it --------------------------------------------------- */

/* So much at once is gone, not renumbered. */
#define DOUBTS_MAX 4096u

/* To take one for another costs a reading. */
static uint64_t
likeness(uint64_t size, int64_t mtime_ns)
{
	return size * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)mtime_ns;
}

static bool
note_doubt(void *arg, const struct known_file *f, const char *path,
	   size_t path_bytes)
{
	struct scan_root *s = arg;

	if (f->verdict == OWN_COPY && is_gone(s, f, path, path_bytes))
		s->doubts[s->doubt_count++] = likeness(f->size, f->mtime_ns);
	return s->doubt_count < DOUBTS_MAX && !atomic_load(&s->intake->stop);
}

static int
by_number(const void *one, const void *two)
{
	uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)two;

	return (a > b) - (a < b);
}

void
doubt_alike(struct scan_root *s)
{
	struct trouble why;

	if (s->now->stable)
		return;
	if ((s->doubts = calloc(DOUBTS_MAX, sizeof(*s->doubts))) == NULL ||
	    reader_each_known(s->intake->reader, &s->root->id, note_doubt, s,
			      &why) == -1) {
		log_error("%s: cannot tell what is gone", s->root->path);
		s->broken = true;
	}
	if (s->doubt_count == DOUBTS_MAX)
		s->doubt_count = 0;
	if (s->doubt_count > 0)
		qsort(s->doubts, s->doubt_count, sizeof(*s->doubts), by_number);
}

bool
is_doubted(const struct scan_root *s, const struct known_file *f,
	   const struct stat *st)
{
	uint64_t n = likeness((uint64_t)st->st_size, stat_mtime_ns(st));

	/* What was made a row by this scan has been read by it. */
	return s->doubt_count > 0 && (uint64_t)f->row < s->rows &&
	       bsearch(&n, s->doubts, s->doubt_count, sizeof(*s->doubts),
		       by_number) != NULL;
}

/* ---- one path ---------------------------------------------------------- */

struct finding {
	struct scan_root *root;
	bool file, unknown;
};

static bool
note_file(void *arg, const struct tree_file *f)
{
	struct finding *g = arg;

	(void)f;
	g->file = true;
	return true;
}

static void
note_unlisted(void *arg, const char *path, size_t path_bytes, int error)
{
	struct finding *g = arg;

	(void)path;
	(void)path_bytes;
	(void)scan_shortage(g->root->intake, error);
	g->unknown = true;
}

enum path_found
find_path(struct scan_root *s, const char *path, size_t path_bytes)
{
	struct finding g = {.root = s};
	const struct tree_visitor v = {
		.excludes = s->intake->config.excludes,
		.exclude_count = s->intake->config.exclude_count,
		.file = note_file,
		.unlisted = note_unlisted,
		.arg = &g,
		.shallow = true,
	};
	enum tree_found found = tree_look(s->fd, &v, path, path_bytes);

	if (g.unknown)
		return PATH_UNKNOWN;
	if (g.file)
		return PATH_FILE;
	return found == TREE_THERE ? PATH_DIRECTORY : PATH_MISSING;
}

static bool
collect_gone(void *arg, const struct known_file *f, const char *path,
	     size_t path_bytes)
{
	struct gone_list *g = arg;
	char *copy;

	if (!is_gone(g->root, f, path, path_bytes))
		return true;
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

bool
misses_something(struct scan_root *s, struct gone_list *g)
{
	struct trouble why;

	g->root = s;
	g->only_look = true;
	g->count = 0;
	/* To ask for what is known, to the end of a first scan, is a large part of
	 * what it takes after the last file was read. */
	if (s->unseen == 0)
		return false;
	if (reader_each_known(s->intake->reader, &s->root->id, collect_gone, g,
			      &why) == -1) {
		log_error("%s: cannot read what is known: %s", s->root->path,
			  why.text);
		s->broken = true;
	}
	return g->count > 0;
}

/* What is there by now is not gone.  A row of a former file may have been given
 * to one that came during this scan. */
static void
drop_found(struct scan_root *s, struct gone_list *g)
{
	for (size_t k = 0; k < g->count; k++) {
		enum path_found now = PATH_MISSING;

		if (g->paths[k] != NULL)
			now = find_path(s, g->paths[k], g->path_bytes[k]);
		if (now == PATH_MISSING || now == PATH_DIRECTORY)
			continue;
		free(g->paths[k]);
		g->paths[k] = NULL;
	}
}

/* What was there at none of many moments does not move to and fro. */
static void
drop_found_later(struct scan_root *s, struct gone_list *g)
{
	for (unsigned n = 0; n < MISSING_LOOKS; n++) {
		scan_pause(s->intake);
		drop_found(s, g);
		if (live_quiet(s->intake))
			return;
	}
}

/* What is listed here, is gone, and has come nowhere that was not looked at. */
static void
withdraw_some(struct scan_root *s, struct gone_list *g, uint64_t *total)
{
	struct intake *i = s->intake;
	bool written;

	if (!g->restless)
		g->restless = !scan_settle(i);
	drop_found(s, g);
	if (g->count > 0 && !live_quiet(i))
		drop_found_later(s, g);
	written = outbox_flush(i->outbox) && !atomic_load(&i->stop);
	if (!written)
		s->broken = true;
	for (size_t k = 0; k < g->count; k++) {
		if (g->paths[k] == NULL)
			continue;
		if (written && !put_gone(s, g->paths[k], g->path_bytes[k]))
			s->broken = true;
		*total += written;
		free(g->paths[k]);
	}
}

/* No read transaction is open while we wait for the writer. */
void
withdraw(struct scan_root *s, struct gone_list *g)
{
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
		withdraw_some(s, g, &total);
	} while (g->count > 0 && !s->broken);
	if (total > 0)
		log_info("%s: %" PRIu64 " files are gone", s->root->path,
			 total);
}
