/*
 * query_private.h: what the reader's files share.
 */
#ifndef PHOTOMESH_QUERY_PRIVATE_H
#define PHOTOMESH_QUERY_PRIVATE_H

#include "query.h"
#include "schema.h"
#include "summary.h"
#include "trouble.h"

enum reader_statement {
	R_BEGIN, R_END,
	R_STREAMS, R_PAGE, R_ROOT,
	R_COPIES, R_COPIES_ALL, R_FIND, R_PROBLEMS,
	R_TOTALS, R_KNOWN, R_KNOWN_EACH,
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

#define LIST_STATEMENTS (4u * LIST_SORTS)

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
	bool damaged; /* something read was not as SQLite writes it */
	void (*on_damage)(void *arg, const struct trouble *what);
	void *arg;
};

/* Each call: begin (loads the streams), work, end.  end returns `result` and
 * leaves no statement active. */
int read_begin(struct reader *r, struct trouble *why);
int read_end(struct reader *r, int result);
/* 1: a row; 0: the end; -1: *why.  The statement is reset unless 1. */
int read_row(struct reader *r, sqlite3_stmt *st, struct trouble *why);
int read_memory(struct trouble *why);
/* A root's label and whether it is online; NULL: *why. */
const struct seen_root *read_root(struct reader *r, int64_t stream,
				  const struct root_id *root,
				  struct trouble *why);
const struct seen_stream *read_stream(const struct reader *r, int64_t id);

#endif
