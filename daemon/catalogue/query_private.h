/*
 * query_private.h: what the reader's files share.
 */
#ifndef PHOTOMESH_QUERY_PRIVATE_H
#define PHOTOMESH_QUERY_PRIVATE_H

#include "query.h"
#include "schema.h"
#include "summary.h"
#include "trouble.h"

/* The columns of photo that list and find begin with. */
#define PHOTO_COLUMNS                                                          \
	"id, mtime, name, size, added, copies, type, wasted, sort_time,"       \
	" dated, zone, width, height, about"

enum reader_statement {
	R_BEGIN, R_END,
	R_STREAMS, R_PAGE, R_FACT, R_ROOTS,
	R_COPIES, R_COPIES_ALL, R_FIND, R_PROBLEMS,
	R_HIDDEN, R_COPY_AT, R_LEAVING, R_LEAVING_AT,
	R_TOTALS, R_KNOWN, R_KNOWN_EACH, R_KNOWN_ROWS, R_HOLDING,
	R_KNOWN_INODE, R_KNOWN_AHEAD, R_KNOWN_BELOW,
	R_BESIDE, R_OWN_COPY,
	R_BARE, R_DECODER, R_PICTURED, R_INDEX,
	R_COUNT
};

/* A stream as of the running read transaction. */
struct seen_stream {
	int64_t id;
	struct stream_report report;
	uint8_t holder[HOLDER_BYTES];
	uint64_t photos, copies, bytes;
};

/* A root's label, kept for the length of a call. */
struct seen_root {
	struct seen_root *next;
	int64_t stream;
	struct root_id root;
	bool online;
	char label[LABEL_BYTES_MAX + 1];
};

/* A copy row and what sorts it; its path is an offset until all are there. */
struct found_copy {
	struct copy_row row;
	const struct seen_stream *stream;
	size_t path_at;
};

/* A stored row of a stream; its value is copied. */
struct read_fact {
	bool found, dead;
	uint64_t seq;
	size_t value_bytes;
	uint8_t value[RECORD_BYTES_MAX];
};

/* The meta record that was read last, for several terms ask for the same. */
struct read_about {
	size_t bytes; /* of raw; 0: none */
	bool sound;
	uint8_t raw[META_BYTES_MAX];
	struct record_meta m;
};

#define LIST_STATEMENTS (4u * LIST_SORTS)

/* A walk along an index of the list, judged as it goes: query_list.c.  A round
 * is STOP_STEPS of SQLite's machine. */
struct walk {
	uint64_t rounds;       /* so far */
	uint64_t sweep_rounds; /* what a sweep costs, in the walk's rounds */
	uint32_t shown, limit; /* photos of the page; 0: all are wanted */
	bool given_up;
};

/* What a walk is given before it is judged: some thousands of photos. */
#define WALK_ROUNDS_MIN 8u

struct reader {
	sqlite3 *db;
	sqlite3_stmt *st[R_COUNT];
	sqlite3_stmt *list[LIST_SORTS][2][2]; /* sort, falling, from a cursor */
	struct seen_stream *streams; /* owned; by id */
	size_t stream_count, stream_capacity;
	struct seen_root *roots; /* owned; of this call */
	struct found_copy *found; /* owned; COPIES_SHOWN_MAX */
	struct copy_row *rows;    /* owned; COPIES_SHOWN_MAX */
	uint32_t found_count;
	char *paths; /* owned */
	size_t paths_used, paths_capacity;
	struct summary summary;
	struct read_fact meta; /* of the photo at hand */
	struct read_about about;
	const atomic_bool *stop, *ending; /* borrowed; NULL: never */
	const struct list_query *asked; /* borrowed; of this call */
	struct walk *walk; /* borrowed; while it takes a step */
	uint32_t walk_rounds_min; /* a test makes it small; 0: it never walks
				   * where it may sweep */
	uint64_t sweeps; /* so far; a test looks */
	size_t places_max; /* verification's bound; a test makes it small */
	bool holding; /* reader_hold */
	struct known_ahead *ahead; /* owned; NULL: nothing yet */
	bool damaged; /* something read was not as SQLite writes it */
	void (*on_damage)(void *arg, const struct trouble *what);
	void *arg;
};

/* Copies that verification sorts at a time: of 40 bytes, and twice that. */
#define PLACES_MAX (UINT32_C(1) << 18)

/* Each call: begin (loads the streams), work, end.  end returns `result` and
 * leaves no statement active. */
int read_begin(struct reader *r, struct trouble *why);
int read_end(struct reader *r, int result);
/* 1: a row; 0: the end; -1: *why.  The statement is reset unless 1. */
int read_row(struct reader *r, sqlite3_stmt *st, struct trouble *why);
int read_memory(struct trouble *why);
/* A row of R_PAGE; borrowed until the next. */
void read_record(sqlite3_stmt *st, struct record *v);
const struct seen_stream *read_stream(const struct reader *r, int64_t id);

/* Row of id, verdict, size, inode, mtime, ctime. */
void known_out(sqlite3_stmt *st, struct known_file *out);

/* ---- query_ahead.c: what a scan asks for next ---------------------------- */

/* Of the moment that is held, from reader_hold to reader_let_go. */
void ahead_begin(struct reader *r);
void ahead_end(struct reader *r);
void ahead_free(struct reader *r);
/* False: it is to be looked up. */
bool ahead_find(struct reader *r, const uint8_t *key, size_t key_bytes,
		struct known_file *out);
/* This row was looked up.  If such rows follow one another, reads those behind
 * it.  -1: *why. */
int ahead_found(struct reader *r, int64_t row, struct trouble *why);

/* ---- query_photo.c: photos with their copies ---------------------------- */

/* A row of PHOTO_COLUMNS: with its copies to `each`.  1: shown, go on; 0: of
 * `node`, unless NULL, it has no copy; 2: `each` has had enough; -1.  `whole`:
 * with its meta record. */
int photo_show(struct reader *r, sqlite3_stmt *st, const struct node_id *node,
	       enum list_sort sort, bool whole,
	       bool (*each)(void *arg, const struct photo_row *row), void *arg,
	       struct trouble *why);
/* To go on behind a row that photo_show has taken. */
void photo_cursor(sqlite3_stmt *st, enum list_sort sort,
		  struct list_cursor *out);

/* ---- query_list.c: pages of the list ----------------------------------- */

/* What it costs to look at all photos as they are stored, in rounds of a walk. */
int sweep_rounds(struct reader *r, uint64_t *out, struct trouble *why);
/* Another round of the walk is over: is it to be given up? */
bool walk_give_up(struct reader *r);

/* ---- query_search.c: terms as SQL ------------------------------------- */

int search_functions(struct reader *r, struct trouble *why);

/* A function for SQL, with the reader as its user data. */
struct sql_function {
	const char *name;
	int count;
	bool same; /* for the same arguments, whatever the moment */
	void (*make)(sqlite3_context *, int, sqlite3_value **);
};
/* Those that look into meta records: query_about.c. */
#define ABOUT_FUNCTIONS 7u
extern const struct sql_function about_functions[ABOUT_FUNCTIONS];

/* Out of what the terms choose: photo, and where one of them asks for it the meta
 * record that counts, as m. */
const char *search_from(const struct search *s);
/* " AND ..." for each term; nothing in it that anybody typed.  `index`: of the
 * sort by whose index it is a walk; NULL: no index of the list is used. */
#define SEARCH_SQL_MAX 16384u
void search_sql(const struct search *s, const enum list_sort *index,
		char out[SEARCH_SQL_MAX]);
/* Its parameters are from 3 on, and below this. */
#define SEARCH_PARAMETERS (3 + 6 * (int)QUERY_TERMS_MAX)
/* The parameters of that; `q` stays while the statement runs. */
void search_bind(sqlite3_stmt *st, const struct list_query *q);
/* Ids that begin with the prefix are those from low to high. */
void prefix_bounds(const struct photo_prefix *p, uint8_t low[PHOTO_ID_BYTES],
		   uint8_t high[PHOTO_ID_BYTES]);

/* ---- query_roots.c: lives and their roots ----------------------------- */

int fact_read(struct reader *r, int64_t stream, uint8_t kind,
	      const uint8_t *key, size_t key_bytes, struct read_fact *out,
	      struct trouble *why);
bool root_parse(const struct read_fact *f, struct record_root *out);
const struct seen_stream *newest_life(const struct reader *r,
				      const struct node_id *node);
/* As the writer's life_settled, from the rows. */
int life_is_settled(struct reader *r, const struct seen_stream *s, bool sound,
		    struct trouble *why);
/* Has a newer life taken this root of s over?  From the records; that it had
 * before they were stamped anew is taken from the table.  1, 0, -1. */
int root_is_hidden(struct reader *r, const struct seen_stream *s,
		   const uint8_t *root, struct trouble *why);
/* Label and root_online of a copy in the stream s; the label is good until
 * read_end. */
int roots_look(struct reader *r, const struct seen_stream *s,
	       struct copy_row *row, struct trouble *why);

#endif
