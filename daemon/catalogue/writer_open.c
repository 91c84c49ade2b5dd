/*
 * writer_open.c: whose database this is, whether it is sound, and whether
 * the own numbering may go on.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "birth.h"
#include "dying.h"
#include "log.h"
#include "writer_private.h"

/* ---- notes in the database -------------------------------------------- */

/* A blob or number of meta into out; *bytes 0 when it is not there. */
static int
meta_get(struct writer *w, const char *key, uint8_t *out, size_t max,
	 size_t *bytes)
{
	sqlite3_stmt *st;
	int r;

	*bytes = 0;
	if (sqlite3_prepare_v2(w->db, "SELECT value FROM meta WHERE key = ?1",
			       -1, &st, NULL) != SQLITE_OK)
		return fail_db(w);
	sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	if (sqlite3_step(st) == SQLITE_ROW &&
	    (size_t)sqlite3_column_bytes(st, 0) <= max) {
		*bytes = (size_t)sqlite3_column_bytes(st, 0);
		if (*bytes > 0)
			memcpy(out, sqlite3_column_blob(st, 0), *bytes);
	}
	r = sqlite3_finalize(st);
	return r == SQLITE_OK ? 0 : fail_db(w);
}

static int
meta_put(struct writer *w, const char *key, const void *value, size_t bytes)
{
	sqlite3_bind_text(w->st[W_META_PUT], 1, key, -1, SQLITE_STATIC);
	bind_blob(w, W_META_PUT, 2, value, bytes);
	return run(w, W_META_PUT);
}

static int
meta_put_clean(struct writer *w, bool clean)
{
	sqlite3_bind_text(w->st[W_META_PUT], 1, "clean", -1, SQLITE_STATIC);
	bind_int(w, W_META_PUT, 2, clean);
	return run(w, W_META_PUT);
}

/* ---- opening ---------------------------------------------------------- */

/* Steps of SQLite between two questions: less than a hundred rows. */
#define STEPS 1000

static int
on_steps(void *arg)
{
	const struct writer_config *config = arg;

	return config->given_up(config->arg);
}

/* What takes long on a large library ends with SQLITE_INTERRUPT; nothing that
 * has come to its COMMIT may. */
static void
heed(struct writer *w, const struct writer_config *config, bool on)
{
	on = on && config->given_up != NULL;
	sqlite3_progress_handler(w->db, on ? STEPS : 0, on ? on_steps : NULL,
				 on ? (void *)config : NULL);
}

static int
drop_buildings(struct writer *w)
{
	for (unsigned i = 0; i < w->slot_end; i++)
		if (w->streams[i].role == ROLE_BUILDING &&
		    stream_cut(w, &w->streams[i], CUT_SILENTLY) == -1)
			return -1;
	return 0;
}

static int
remembers_get(struct writer *w)
{
	uint8_t stored = 0;
	size_t bytes;

	if (meta_get(w, "remembers", &stored, sizeof(stored), &bytes) == -1)
		return -1;
	w->remembers = stored == 1;
	return 0;
}

static int
remembers_put(struct writer *w)
{
	uint8_t stored = w->remembers;

	return meta_put(w, "remembers", &stored, sizeof(stored));
}

/* Is this the very file that was left here?  A note of it in itself tells, for
 * neither a copy nor what comes out of a backup is born as the same file (device
 * numbers change from boot to boot).  An older version left none. */
static int
file_kept(struct writer *w, bool *kept)
{
	struct birth then, now;
	size_t bytes;

	if (meta_get(w, "file", (uint8_t *)&then, sizeof(then), &bytes) == -1)
		return -1;
	(void)birth_of(AT_FDCWD, w->path, &now);
	*kept = bytes != sizeof(then) || memcmp(&then, &now, sizeof(now)) == 0;
	return 0;
}

static int
file_put(struct writer *w)
{
	struct birth now;

	(void)birth_of(AT_FDCWD, w->path, &now);
	return meta_put(w, "file", &now, sizeof(now));
}

/* Whose rows are these, and may their numbering go on? */
static int
settle_own(struct writer *w, const struct writer_config *config,
	   uint64_t file_run, enum writer_found *found)
{
	struct stream_id name = {.node = config->self};
	uint64_t stamped = 0;
	bool same_file;
	size_t bytes;

	if (meta_get(w, "run", (uint8_t *)&stamped, sizeof(stamped),
		     &bytes) == -1 ||
	    file_kept(w, &same_file) == -1)
		return -1;
	w->remembers = false;
	if (w->own == NULL) {
		w->remembers = config->newborn;
		name.generation = own_next_generation(w, config->wall_ms);
		if ((w->own = held_new(w, &name, ROLE_OWN)) == NULL)
			return -1;
		return 0;
	}
	if (!node_id_equal(&w->own->name.node, &config->self)) {
		*found = WRITER_ADOPTED;
		w->remembers = true;
		return own_adopt(w, config->wall_ms);
	}
	if (config->new_life || !same_file || stamped != file_run ||
	    stamped == 0) {
		log_info("catalogue: our own rows begin a new life");
		return own_renumber(w,
				    own_next_generation(w, config->wall_ms));
	}
	return remembers_get(w);
}

/* After a file of an older format has been brought up to this one. */
static int
derive_again(struct writer *w, bool *done)
{
	uint8_t due;
	size_t bytes;

	*done = false;
	if (meta_get(w, "derive", &due, sizeof(due), &bytes) == -1)
		return -1;
	if (bytes == 0)
		return 0;
	if (derive_all(w) == -1)
		return -1;
	*done = true;
	sqlite3_bind_text(w->st[W_META_CUT], 1, "derive", -1, SQLITE_STATIC);
	return run(w, W_META_CUT);
}

static int
begin_run(struct writer *w, const struct writer_config *config,
	  enum writer_found *found, bool *derived)
{
	uint64_t file_run = stamp_run_read(config->dir);
	struct trouble why = {0};
	bool ready;

	if (txn_begin(w, true, &why) == -1)
		goto failed;
	heed(w, config, true);
	ready = derive_again(w, derived) == 0 && drop_buildings(w) == 0 &&
		settle_own(w, config, file_run, found) == 0 &&
		remembers_put(w) == 0 && lives_review(w) == 0 &&
		lives_tidy(w) == 0 &&
		meta_put(w, "run", &config->run, sizeof(config->run)) == 0 &&
		file_put(w) == 0 && meta_put_clean(w, false) == 0;
	heed(w, config, false);
	if (!ready)
		txn_abort(w, NULL, &why);
	else if (txn_commit(w, NULL, &why) == 0 &&
		 stamp_run_write(config->dir, config->run, &why) == 0)
		return 0;
failed:
	w->why = why;
	w->failed = true;
	return -1;
}

/*
 * catalogue.db and its helpers, each to a name that nothing has.  The file
 * `run` first: whatever a crash leaves of this, our numbering begins afresh.
 * The log before the database: left behind, it would be played into a new one.
 */
static int
move_aside(const char *dir, const char *path, struct trouble *why)
{
	static const char *const tails[] = {"-wal", "-shm", ""};
	char base[4200], from[4224], to[4300];
	char *slash;
	unsigned n = 1;

	snprintf(from, sizeof(from), "%s/run", dir);
	if (unlink(from) == -1 && errno != ENOENT)
		return trouble_errno(why, errno, "cannot remove %s", from);
	snprintf(base, sizeof(base), "%s", path);
	if ((slash = strrchr(base, '.')) != NULL)
		*slash = '\0';
	do {
		snprintf(to, sizeof(to), "%s.corrupt-%u", base, n++);
	} while (access(to, F_OK) == 0);
	n--;
	for (unsigned i = 0; i < 3; i++) {
		snprintf(from, sizeof(from), "%s%s", path, tails[i]);
		snprintf(to, sizeof(to), "%s.corrupt-%u%s", base, n, tails[i]);
		dying("aside");
		if (rename(from, to) == -1 && errno != ENOENT)
			return trouble_errno(why, errno, "cannot move %s", from);
	}
	log_warn("catalogue: %s is damaged; it is kept as %s.corrupt-%u and a "
		 "new one begins", path, base, n);
	return 0;
}

int
writer_move_aside(const char *dir, struct trouble *why)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/" SCHEMA_FILE, dir);
	return move_aside(dir, path, why);
}

/* -1 with *damaged set when moving the file aside may help. */
static int
open_once(struct writer *w, const struct writer_config *config,
	  enum writer_found *found, bool *damaged, struct trouble *why)
{
	bool clean, derived;

	*damaged = false;
	switch (schema_open(w->path, &w->db, &w->log, &clean, why)) {
	case SCHEMA_NEW:
		*found = WRITER_NEW;
		break;
	case SCHEMA_KEPT:
		*found = WRITER_KEPT;
		break;
	case SCHEMA_CORRUPT:
		*damaged = true;
		return -1;
	case SCHEMA_FAILED:
		return -1;
	}
	w->durable_now = true;
	w->failed = w->damaged = false;
	w->unchecked = !clean;
	if (schema_prepare(w->db, writer_sql, w->st, W_COUNT, why) == 0) {
		if (caches_load(w) == 0 &&
		    begin_run(w, config, found, &derived) == 0) {
			index_later(w);
			/* Of an unclean end in the midst of much.  Nobody has
			 * to wait any longer for those that went with an older
			 * format: they are made when the writer rests. */
			heed(w, config, true);
			if (*found != WRITER_NEW && !derived)
				index_all(w);
			heed(w, config, false);
			return 0;
		}
		*why = w->why;
	}
	*damaged = w->damaged || schema_is_corrupt(sqlite3_errcode(w->db));
	schema_finalize(w->st, W_COUNT);
	sqlite3_close(w->db);
	w->db = NULL;
	return -1;
}

struct writer *
writer_open(const struct writer_config *config, enum writer_found *found,
	    struct trouble *why)
{
	struct writer *w = calloc(1, sizeof(*w));
	bool damaged, moved = false;

	if (w == NULL ||
	    asprintf(&w->path, "%s/" SCHEMA_FILE, config->dir) == -1) {
		free(w);
		trouble_set(why, ENOMEM, "out of memory");
		return NULL;
	}
	w->self = config->self;
	behind_begin(w);
	while (open_once(w, config, found, &damaged, why) == -1) {
		if (why != NULL && why->code == ENOSPC)
			trouble_set(why, ENOSPC,
				    "no space is left for the catalogue in %s: "
				    "make some room and start again",
				    config->dir);
		if (!damaged || moved || move_aside(config->dir, w->path, why) == -1)
			goto free_writer;
		moved = true;
	}
	if (moved)
		*found = WRITER_MOVED;
	return w;
free_writer:
	free(w->path);
	id_set_release(&w->touched);
	fresh_release(&w->fresh);
	summary_release(&w->summary);
	free(w->hidden);
	free(w);
	return NULL;
}

void
writer_close(struct writer *w)
{
	if (w == NULL)
		return;
	/* Failing to say so costs a check at the next start. */
	if (!w->damaged && !w->unchecked)
		meta_put_clean(w, true);
	schema_finalize(w->st, W_COUNT);
	sqlite3_close(w->db);
	free(w->path);
	id_set_release(&w->touched);
	fresh_release(&w->fresh);
	id_set_release(&w->mentioned);
	summary_release(&w->summary);
	free(w->hidden);
	free(w);
}

bool
writer_unchecked(const struct writer *w)
{
	return w->unchecked;
}

void
writer_judge(struct writer *w, bool sound)
{
	w->unchecked = !sound;
}

bool
writer_remembers(const struct writer *w)
{
	return w->remembers;
}

bool
writer_damaged(const struct writer *w)
{
	return w->damaged;
}

void
writer_rest(struct writer *w)
{
	index_all(w);
	wal_cut(w->db);
	(void)sqlite3_db_release_memory(w->db);
	id_set_release(&w->touched);
	fresh_release(&w->fresh);
	id_set_release(&w->mentioned);
}
