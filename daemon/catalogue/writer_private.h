/*
 * writer_private.h: what the writer's files share.
 *
 * A call of writer.h is txn_begin, some work, txn_commit; whatever fails in
 * between ends in txn_abort, which rolls back and reads the caches again from
 * the database, so that memory never says more than the file does.  Functions
 * in here return -1 with w->why filled.
 */
#ifndef PHOTOMESH_WRITER_PRIVATE_H
#define PHOTOMESH_WRITER_PRIVATE_H

#include <stdatomic.h>

#include "fresh.h"
#include "id_set.h"
#include "schema.h"
#include "summary.h"
#include "trouble.h"
#include "wal.h"
#include "writer.h"

enum writer_statement {
	W_BEGIN, W_COMMIT, W_ROLLBACK,
	W_STREAMS, W_STREAM_SAVE, W_STREAM_CUT,
	W_RECORD_GET, W_RECORD_PUT, W_RECORD_NEW, W_RECORD_MANY,
	W_RECORD_CUT, W_RECORDS_FROM,
	W_RECORDS_CUT, W_RECORDS_CUT_TO, W_RECORDS_CUT_DEAD, W_RECORD_MOVE,
	W_RECORD_RESAY, W_RECORDS_COPY,
	W_BEHIND, W_BEHIND_AT,
	W_ROOT_COPIES, W_ROOT_COUNT, W_ROOT_NEXT, W_ROOTS, W_ROOT_FACTS,
	W_COPY_ANY, W_COPY_HAS, W_COPY_PUT, W_COPY_MANY, W_COPY_CUT,
	W_COPY_LEAVE,
	W_LEAVING, W_COPIES, W_COPIED, W_COPY_FIRST, W_ADDED_IN_ROOT,
	W_ABOUT_PUT, W_ABOUT_CUT, W_ABOUT, W_ABOUT_FIRST, W_METAS,
	W_PHOTO_GET, W_PHOTO_PUT, W_PHOTO_MANY, W_PHOTO_SET, W_PHOTO_COPIES,
	W_PHOTO_CUT,
	W_TOTALS, W_TOTALS_SAVE,
	W_KNOWN_GET, W_KNOWN_PUT, W_KNOWN_MANY, W_KNOWN_SET, W_KNOWN_CUT,
	W_KNOWN_VERDICT,
	W_HIDDEN, W_HIDDEN_PUT, W_HIDDEN_CUT, W_HIDDEN_CUT_STREAM,
	W_NODES, W_NODE_PUT, W_NODE_CUT, W_NODES_TRIM,
	W_META_GET, W_META_PUT, W_META_CUT,
	W_FORGOTTEN, W_FORGOTTEN_COUNT, W_INDEX,
	W_COUNT
};
extern const char *const writer_sql[W_COUNT];

/* Two generations for every node, one building, and room for a third life
 * until it has reached its head. */
#define OWN_FILES_MAX 4096u /* in one batch */
#define STREAM_SLOTS (2u * MESH_STREAMS_MAX + 8u)

#define ALL_SHOWN UINT64_MAX

/* A stream in memory.  Its row id is its index in the table plus one. */
struct held {
	struct stream_id name;
	struct point point;
	struct digest digest;
	uint64_t rows;
	enum stream_role role;
	bool has_host;
	struct host_id host;          /* of its node record */
	uint8_t holder[HOLDER_BYTES]; /* whom its copies count for */
	uint64_t photos, copies, bytes; /* shown of it */
	uint32_t hidden; /* roots of it that a newer life has taken over */
	/* Up to this number its copies are listed, and behind it some may not
	 * be yet (writer_behind.c); ALL_SHOWN. */
	uint64_t shown;
	bool dirty;      /* to be saved with this transaction */
	bool review;     /* its node's roots may have to swap */
};

struct hidden_root {
	unsigned slot;
	struct root_id root;
};

/* A stored row, in memory; its value lies in the writer's buffer. */
struct old_row {
	bool found, dead;
	uint64_t seq;
	size_t value_bytes;
	uint8_t value[RECORD_BYTES_MAX];
};

struct totals_row {
	uint64_t photos, copies, bytes, unique_bytes;
	uint64_t told; /* photos of which some decoder has */
};

/* The last answer of copy_any, until the table changes. */
struct asked {
	const struct held *held; /* NULL: none */
	uint8_t photo[PHOTO_ID_BYTES];
	int any;
};

/* Rows that are new, or most likely are, go into their table so many at a time: a
 * statement's beginning and end cost as much as its row. */
#define ROWS_MANY 16u

struct own_key {
	uint8_t bytes[RECORD_KEY_MAX];
	size_t count;
};

/* A file of a batch on its way into the tables. */
struct own_new {
	const struct own_file *file; /* borrowed from the batch */
	uint8_t *plan;               /* borrowed from writer.plan */
	struct own_key key;
};

/* One that a transaction is about to write. */
struct fresh_row {
	const uint8_t *photo; /* borrowed from writer.touched */
	uint32_t number;      /* of its copy in writer.fresh */
};

/* A photo as its table has it. */
struct photo_line {
	const uint8_t *id; /* borrowed from writer.touched */
	int64_t size;
	int64_t mtime_ns, added_ms;
	uint32_t copies;
	struct summary_date date;
	struct summary_about about;
	char name[256];
	char type[64];
};

struct writer {
	sqlite3 *db;
	struct wal log; /* of that connection */
	sqlite3_stmt *st[W_COUNT];
	char *path; /* of the database; owned */
	struct node_id self;
	bool damaged;     /* the file: the next start must look at it */
	bool unchecked;   /* not closed by the last writer, and not vouched for */
	bool remembers;   /* every root that it ever told of is in here */
	bool durable_now; /* what PRAGMA synchronous says: FULL */
	atomic_bool unindexed; /* an index may still have to be made */
	bool index_failed;
	unsigned index_in; /* after so many more transactions, at the latest */
	struct held streams[STREAM_SLOTS];
	unsigned slot_end; /* slots in use are below */
	struct held *own;
	struct hidden_root *hidden; /* owned */
	size_t hidden_count, hidden_capacity;
	struct totals_row totals;
	bool totals_dirty;
	/* What is recorded and not listed yet. */
	uint64_t behind_from;  /* photos listed, before any may wait */
	uint64_t behind_least; /* rows, before they are listed */
	uint64_t behind_rows; /* put off; 0 too where a former run did it */
	uint64_t behind_since_ms, behind_took_ms;
	bool behind_dirty; /* to be noted with this transaction */
	bool behind_noted; /* the database has such a note */
	bool puts_off;     /* what the page at hand tells of copies */
	bool goes; /* in this transaction, some stream's last copy of a photo */
	bool abouts; /* something may be said of photos: the table has rows */
	/* of the running transaction */
	struct asked asked;
	/* Photos to be summed up again.  A note is the last of all copies of a
	 * photo that was not listed before: they are not in the table yet.  0:
	 * the tables know. */
	struct id_set touched;
	struct fresh fresh;
	struct write_result result;
	struct trouble why;
	bool failed; /* why is filled */
	/* scratch */
	struct summary summary;
	struct fresh_row new_copies[ROWS_MANY]; /* while photos are summed up */
	struct photo_line new_photos[ROWS_MANY];
	unsigned new_copy_count, new_photo_count;
	struct old_row old;
	bool keep_life; /* lives_review: a root of it is still needed */
	uint64_t alone; /* lives_review: copies that only it tells of */
	struct id_set mentioned; /* keys of a batch, from its end */
	uint8_t plan[OWN_FILES_MAX];
	struct own_new new_files[ROWS_MANY];
	unsigned new_file_count;
	struct photo_news news[PHOTO_NEWS_MAX];
	struct stream_id ended[ENDED_NEWS_MAX];
};

/* ---- writer_txn.c: transactions, statements, the stream table ---------- */

int txn_begin(struct writer *w, bool durable, struct trouble *why);
/* Sums photos up, saves streams, commits, hands out the result; aborts by
 * itself on failure. */
int txn_commit(struct writer *w, struct write_result *out,
	       struct trouble *why);
/* Always returns -1, with out->changed false. */
int txn_abort(struct writer *w, struct write_result *out,
	      struct trouble *why);

/* Notes the connection's error in w->why; returns -1. */
int fail_db(struct writer *w);
int fail_memory(struct writer *w);
int fail_with(struct writer *w, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Step to the end and reset; for statements that yield nothing. */
int run(struct writer *w, enum writer_statement s);
/* The same for statements that make rows and stop, without an error, where one
 * would take the place of another: how many they made; -1. */
int run_new(struct writer *w, enum writer_statement s);
/* 1: a row is there, reset it when read; 0: none, already reset; -1. */
int row(struct writer *w, enum writer_statement s);
void reset(struct writer *w, enum writer_statement s);
void bind_blob(struct writer *w, enum writer_statement s, int at,
	       const void *bytes, size_t count);
void bind_int(struct writer *w, enum writer_statement s, int at, int64_t v);

int hidden_add(struct writer *w, unsigned slot, const uint8_t *root);
int caches_load(struct writer *w);
unsigned slot_of(const struct writer *w, const struct held *h);
int64_t row_id(const struct writer *w, const struct held *h);
struct held *held_find(struct writer *w, const struct stream_id *name,
		       enum stream_role role);
/* NULL with w->why filled when there is no slot. */
struct held *held_new(struct writer *w, const struct stream_id *name,
		      enum stream_role role);
bool held_at_head(const struct held *h);
void held_report(const struct held *h, struct stream_report *out);
/* The newest stream of a node, building ones apart; NULL if none. */
struct held *held_newest(struct writer *w, const struct node_id *node);

/* ---- writer_stamp.c: is this the one we left? --------------------------- */

/* The number in the file `run`; 0 when there is none: no run has that one. */
uint64_t stamp_run_read(const char *dir);
int stamp_run_write(const char *dir, uint64_t run_number, struct trouble *why);

/* ---- writer_record.c: facts ------------------------------------------- */

/* Look a fact up; fills `old`. */
int record_get(struct writer *w, const struct held *h, uint8_t kind,
	       const uint8_t *key, size_t key_bytes, struct old_row *old);
/*
 * Write r in the place of `old`: row, digest, row count.  `at_once`: what it
 * replaces leaves the list with this transaction, not only at the head.
 */
int record_put(struct writer *w, struct held *h, const struct record *r,
	       const struct old_row *old, bool at_once);
/*
 * The same for `count` facts, ROWS_MANY at most, as long as nothing stands in
 * their places, which costs less than to look first.  How many are written, from
 * the first on; -1.  `copies`, or NULL: what the facts say, all of copies.
 */
int record_put_new(struct writer *w, struct held *h, const struct record *r,
		   const struct record_copy *copies, unsigned count,
		   bool at_once);
enum cut {
	CUT_SILENTLY,
	CUT_TOLD_ALL, /* reported: it has nothing to tell */
	CUT_CROWDED,  /* reported: there was no room for it */
};
/* Forget a stream and all that is shown of it. */
int stream_cut(struct writer *w, struct held *h, enum cut cut);
/* Its host from its node record; holders are to be resolved after that. */
int host_read(struct writer *w, struct held *h);

/* ---- writer_own.c ------------------------------------------------------ */

/* Several batches in one transaction, each complete before the next. */
int writer_own_many(struct writer *w, const struct own_batch *const *batches,
		    size_t count, int64_t wall_ms, struct write_result *out,
		    struct trouble *why);

/* One of several pages, by its number; borrowed until the next is asked for.
 * -1: it is broken, and the writer's trouble says how. */
typedef int page_at(void *arg, size_t i, const struct mesh_store **store,
		    const struct message_batch **batch, struct trouble *why);

/*
 * Several pages in one transaction; reports[i] is how the replica stands after
 * page i.  *done of them, at least one: whatever must be told of streams and
 * nodes, for which a result has little room, ends it.
 */
int writer_store_many(struct writer *w, page_at *page, void *arg, size_t count,
		      size_t *done, struct stream_report *reports,
		      struct write_result *out, struct trouble *why);

/* ---- writer_say.c: own facts -------------------------------------------- */

/* A fact with the next number in the place of w->old; no value: it is dead. */
int own_stamp(struct writer *w, uint8_t kind, const void *key,
	      size_t key_bytes, const uint8_t *value, size_t value_bytes);
/* One own fact, if it is not recorded with these very bytes. */
int own_say(struct writer *w, uint8_t kind, const void *key, size_t key_bytes,
	    const uint8_t *value, size_t value_bytes);

/* The copy at this path is as `f` says. */
int own_say_copy(struct writer *w, const struct own_file *f,
		 const struct own_key *key, int64_t wall_ms);
/* The same for `count` files, ROWS_MANY at most, of which nothing was known, so
 * that most likely nothing is recorded: how many were said, from the first on,
 * until something is; -1. */
int own_say_new_copies(struct writer *w, const struct own_new *files,
		       unsigned count, int64_t wall_ms);
int own_say_problem(struct writer *w, const struct own_file *f,
		    const struct own_key *key);
/* There is nothing of this kind any more. */
int own_withdraw(struct writer *w, uint8_t kind, const struct own_key *key);

/* ---- writer_known.c: as what a file was read --------------------------- */

struct known_row {
	bool found;
	int64_t id;
	int verdict; /* as stored, see schema.h */
	uint64_t size, inode;
	int64_t mtime_ns, ctime_ns;
};

/* Root and path; -1 when a path is not lawful. */
int own_key_of(struct writer *w, const struct own_file *f, struct own_key *key);
int known_get(struct writer *w, const struct own_key *key,
	      struct known_row *k);
/* Note it down, and tell what was known of the path before. */
int known_put(struct writer *w, const struct own_file *f,
	      const struct own_key *key, struct known_row *k);
/* The same for ROWS_MANY files (of fewer none is), as long as nothing was known
 * of their paths: how many are noted, from the first on; -1. */
int known_put_new(struct writer *w, const struct own_new *files,
		  unsigned count);
/* A problem stands beside its copy now. */
int known_add_problem(struct writer *w, const struct known_row *k);
int known_cut(struct writer *w, const struct known_row *k);
bool known_had_copy(const struct known_row *k);
bool known_had_problem(const struct known_row *k);

/* ---- writer_index.c ----------------------------------------------------- */

/* A file has been opened: it may lack indexes. */
void index_later(struct writer *w);
/* After a commit: is it time to make one? */
void index_next(struct writer *w);
/* All that are missing, now.  What fails is tried again after later commits. */
void index_all(struct writer *w);
/* The first that is missing.  1: there was one; 0: all are there; -1. */
int index_make(struct writer *w);

/* ---- writer_forget.c ---------------------------------------------------- */

/* A record `forgotten` has come in: told with the result. */
void forgotten_note(struct writer *w, const struct held *h,
		    const struct record *r);

/* ---- writer_copy.c: one copy ------------------------------------------ */

/* 1 or 0: has the stream any copy of this photo; -1. */
int copy_any(struct writer *w, struct held *h, const uint8_t *photo);
/* When the first of the own copies in this root was added, of 64 at most.  1; 0:
 * there is none; -1. */
int copy_added(struct writer *w, const struct root_id *root,
	       const struct photo_id *photo, int64_t *added_ms);
/* Copies that were kept in memory, soon into the table: `last`, and those
 * before.  The photo's id is borrowed until fresh_end. */
int fresh_put(struct writer *w, const uint8_t *photo, uint32_t last);
/* All of them are in the table now. */
int fresh_end(struct writer *w);
int copy_show(struct writer *w, struct held *h, const uint8_t *key,
	      size_t key_bytes, const struct record_copy *c);
int copy_hide(struct writer *w, struct held *h, const uint8_t *key,
	      size_t key_bytes, const struct photo_id *photo);
int copy_leave(struct writer *w, struct held *h, const uint8_t *key,
	       size_t key_bytes, const struct photo_id *photo);

/* ---- writer_shown.c: which copies are shown --------------------------- */

/* At the head: what is leaving goes, of one root or (NULL) of all. */
int leaving_go(struct writer *w, struct held *h, const struct root_id *root);
bool root_hidden(const struct writer *w, const struct held *h,
		 const uint8_t *root);
int root_show(struct writer *w, struct held *h, const struct root_id *root);
int root_hide(struct writer *w, struct held *h, const struct root_id *root);
/* Calls `each` with every root that has a live record or copy in h, perhaps
 * twice. */
int each_root(struct writer *w, struct held *h,
	      int (*each)(struct writer *w, struct held *h,
			  const struct root_id *root));
/* The same for roots with a live copy, once each. */
int each_copied_root(struct writer *w, struct held *h,
		     int (*each)(struct writer *w, struct held *h,
				 const struct root_id *root));
/* All copies of a stream leave the list, or come; hidden roots stay so. */
int all_hide(struct writer *w, struct held *h);
int all_show(struct writer *w, struct held *h);
/* All photos shown of a stream are to be counted again. */
int all_touch(struct writer *w, struct held *h);

/* ---- writer_behind.c: copies that are listed later ---------------------- */

void behind_begin(struct writer *w);
/* The note in the database, of streams that have been loaded; and back. */
int behind_load(struct writer *w);
int behind_save(struct writer *w);
/* Nothing of this stream is to be listed later any more. */
void behind_forget(struct writer *w, struct held *h);
/* May what is told of this stream below its head be listed later? */
bool behind_may(const struct writer *w, const struct held *h);
/* The copy recorded with this number is, which is above the stream's cursor: so
 * there are never more to be listed than have come since. */
void behind_put_off(struct writer *w, struct held *h, uint64_t seq);
/* Is it enough, or old enough, to be listed? */
bool behind_due(const struct writer *w);
/* All of it is listed, with this transaction. */
int behind_catch_up(struct writer *w);
/* Before a transaction's end: where a photo may go from the list, what is not
 * listed yet may be why it stays. */
int behind_settle(struct writer *w);
/* The transaction has failed: what waits does so for a while again. */
void behind_aborted(struct writer *w);

/* ---- writer_about.c: meta records -------------------------------------- */

/* A meta record came, or was withdrawn. */
int about_changed(struct writer *w, const struct held *h,
		  const struct record *r);
/* All that a stream says of photos comes to count, or no longer does. */
int about_show_all(struct writer *w, const struct held *h);
int about_hide_all(struct writer *w, const struct held *h);
/* Adds what is said of the photo to w->summary. */
int about_sum(struct writer *w, const uint8_t *photo);

/* ---- writer_lives.c: generations of one node -------------------------- */

/* Swap roots and let go of older lives, where streams asked for review. */
int lives_review(struct writer *w);
/* At the start, while nothing is under way: parts of older lives that the list
 * would not miss go.  What others have of them is had again from them. */
int lives_tidy(struct writer *w);
/* Who the copies of this node count for may have changed. */
int holders_resolve(struct writer *w, const struct node_id *node);
/* Renumber the own rows from 1 under `generation`; no root of it is complete
 * until a scan has ended, for these rows may be older than what was known. */
int own_renumber(struct writer *w, uint64_t generation);
/* Above every generation held for this node, and the wall clock. */
uint64_t own_next_generation(struct writer *w, uint64_t wall_ms);

/* The own rows become another node's, and go on under the id of this one. */
int own_adopt(struct writer *w, uint64_t wall_ms);

/* ---- writer_roots.c: what a newer life says of an older one's roots ---- */

/* 1: the life has told of all its roots, to the end; 0: not, or it has none;
 * -1.  `sound`: at a moment when nothing that its owner had was missing. */
int life_settled(struct writer *w, const struct held *h, bool sound);
/* 1: `newer` has taken this root of `older` over; 0: not; -1. */
int life_takes(struct writer *w, struct held *newer, struct held *older,
	       const struct root_id *root, bool sound);
/* ---- writer_photos.c: the merged list --------------------------------- */

int photo_touch(struct writer *w, const struct photo_id *photo);
int photos_settle(struct writer *w);
/* A copy into w->summary, from a row that has stream, key, mtime, added, file
 * and type from column `at` on. */
int photo_sum_copy(struct writer *w, sqlite3_stmt *st, int at);
/* Count what w->summary says of a photo of that size; list it, where it was not
 * listed before.  `id` stays until so many are there as go into the table at
 * once, or until the end puts the last few there. */
void photo_count(struct writer *w, uint64_t size);
int photo_new(struct writer *w, const uint8_t *id, uint64_t size);
int photos_new_end(struct writer *w);

/* ---- writer_derive.c: after a file of an older format ------------------ */

/* All that is derived from records, once more: into tables of photos that are
 * empty, in a transaction that has just begun. */
int derive_all(struct writer *w);

#endif
