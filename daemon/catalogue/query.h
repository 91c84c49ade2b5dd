/*
 * query.h: asking the catalogue, from any thread that has a reader.
 *
 * A reader is one read-only connection for one thread.  Every call runs in
 * one read transaction and leaves none open behind it.
 */
#ifndef PHOTOMESH_QUERY_H
#define PHOTOMESH_QUERY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mesh.h"
#include "message.h"
#include "meta.h"
#include "photo_id.h"
#include "search.h"

struct trouble;
struct reader;

struct reader *reader_open(const char *dir, struct trouble *why);
void reader_close(struct reader *r);
/* It looks up one photo at a time and never lists: keep few pages in memory. */
void reader_be_small(struct reader *r);

/* Give back the memory that only work needs. */
void reader_rest(struct reader *r);

/* ---- the merged list ------------------------------------------------- */

/* WASTED: only photos with more than one copy, (copies - 1) * size. */
enum list_sort { SORT_TAKEN, SORT_NAME, SORT_SIZE, SORT_ADDED, SORT_WASTED };
#define LIST_SORTS 5u

/* Where a page ended: the sort key and the photo.  Opaque to clients. */
struct list_cursor {
	bool set;
	int64_t number;   /* sort key of all but NAME */
	char name[256];   /* sort key of NAME */
	struct photo_id photo;
};

struct list_query {
	struct search search; /* its clock is set; no terms: all photos */
	struct node_id nodes[QUERY_TERMS_MAX]; /* whom its NODE terms mean, each
						* at its term's place */
	struct node_id live[MESH_KNOWN_MAX]; /* whose copies are at hand, if
					      * their disks are there */
	uint32_t live_count;
	bool of_node; /* only photos with a copy there, and only those copies */
	struct node_id node;
	enum list_sort sort; /* all but NAME: greatest first */
	bool reverse;
	uint32_t limit; /* 1..LIST_PAGE_MAX */
	struct list_cursor after;
};

struct copy_row {
	struct node_id node;
	struct root_id root;
	const char *label; /* of the root; borrowed for the callback */
	bool root_online;  /* as its owner last said; false if its newest
			    * life, having told of all it has, says nothing */
	const char *path;
	size_t path_bytes;
	int64_t mtime_ns, added_ms;
	uint8_t file[8];
};

struct photo_row {
	struct photo_id photo;
	const char *type; /* media type; borrowed for the callback */
	const char *name; /* base name of the copy with the oldest mtime, then
			   * path, then node id: the same on every node */
	size_t name_bytes;
	int64_t mtime_ns; /* the oldest of its copies */
	int64_t added_ms; /* the earliest */
	int64_t date_ns;  /* sort key of TAKEN: mtime_ns, or if `dated` is not
			   * DATE_MTIME a clock without a zone, as if in UTC */
	uint8_t dated;    /* DATE_MTIME, DATE_NAME or enum meta_source */
	bool has_zone;
	int32_t zone_min; /* of that clock, east of UTC */
	uint32_t width, height; /* 0: not known */
	/* reader_find only: the meta record that counts; NULL: there is none */
	const uint8_t *meta; /* borrowed for the callback */
	size_t meta_bytes;
	uint32_t copies;  /* counted once per (host, file) */
	uint32_t copy_count; /* rows below, at most COPIES_SHOWN_MAX */
	const struct copy_row *rows; /* by node id, root, path */
	struct list_cursor cursor; /* to go on behind this row */
};

/*
 * `each` returns false to stop early.  0 also when nothing matched.  Page by
 * page, from a row's cursor on, this walks over any number of photos in
 * constant memory; a cursor names a place in the order, whatever is searched
 * for, and while photos come and go.
 */
int reader_list(struct reader *r, const struct list_query *q,
		bool (*each)(void *arg, const struct photo_row *row), void *arg,
		struct trouble *why);
/* Photos whose id matches, by id, at most `limit`. */
int reader_find(struct reader *r, const struct photo_prefix *prefix,
		uint32_t limit,
		bool (*each)(void *arg, const struct photo_row *row), void *arg,
		struct trouble *why);

enum timeline_by { BY_YEAR, BY_MONTH, BY_DAY };
struct timeline_time {
	int32_t day; /* the first of its year, month or day, since 1970 */
	uint64_t photos, bytes;
};
/*
 * Of what q->search finds (the rest of `q` is of no use), by SORT_TAKEN, the
 * newest first, at most `max`; dates in UTC are moved by zone_s, of at most a
 * day.  As long as it takes to read all of them once, unless the query is for a
 * stretch of time.  `each` returns false to stop.
 */
int reader_timeline(struct reader *r, const struct list_query *q,
		    enum timeline_by by, int32_t zone_s, uint32_t max,
		    bool (*each)(void *arg, const struct timeline_time *t),
		    void *arg, struct trouble *why);

struct totals {
	uint64_t photos, copies; /* copies counted once per (host, file) */
	uint64_t bytes;          /* of all copies */
	uint64_t unique_bytes;   /* of one copy each */
	uint64_t told;           /* photos of which some decoder has told */
};
int reader_totals(struct reader *r, struct totals *out, struct trouble *why);
/* Of one node: distinct photos, copies, bytes. */
int reader_node_totals(struct reader *r, const struct node_id *node,
		       struct totals *out, struct trouble *why);

/* What a node says of sharing its originals (enum share_policy, or one of a
 * newer version); SHARE_OPEN when it says nothing. */
int reader_share(struct reader *r, const struct node_id *node, uint8_t *share,
		 struct trouble *why);

/* Photos of a node, and those of them of which nobody else has a copy; as long
 * as it takes to look at all copies. */
int reader_alone(struct reader *r, const struct node_id *node,
		 uint64_t *photos, uint64_t *alone, struct trouble *why);

/* ---- what could not be taken in -------------------------------------- */

/* Where a page ended; key is root id and path. */
struct problem_cursor {
	bool set;
	struct node_id node;
	uint8_t key[RECORD_KEY_MAX];
	size_t key_bytes;
};

struct problem_query {
	bool of_node; /* only that node's */
	struct node_id node;
	struct problem_cursor after;
};

/* Everything borrowed for the callback. */
struct problem_row {
	const struct node_id *node;
	const char *label; /* of the root */
	const uint8_t *key; /* root id, then the path */
	size_t key_bytes;
	const char *path;
	size_t path_bytes; /* 0: the root itself */
	uint8_t code; /* enum problem_code, or one of a newer version */
	const char *message;
};

/* By node id, root, path; of each node its newest generation only, for what
 * the older one said is being looked at again.  `each` returns false to stop. */
int reader_problems(struct reader *r, const struct problem_query *q,
		    bool (*each)(void *arg, const struct problem_row *row),
		    void *arg, struct trouble *why);

/* ---- for peers ------------------------------------------------------- */

/*
 * A whole BATCH frame of rows after `after`, at most credit_bytes of records,
 * with point, digest and rows of the same read transaction.  `out` holds
 * FRAME_HEADER_BYTES + LINK_BODY_BYTES_MAX.  *found is false when the stream
 * is not held.  Returns 0, or -1 on trouble.
 */
int reader_page(struct reader *r, const struct stream_id *stream,
		uint64_t after, uint32_t credit_bytes, uint32_t request,
		uint8_t *out, size_t *out_bytes, bool *found,
		struct trouble *why);

/* ---- verification ---------------------------------------------------- */

/* Recomputed from the stored records: not from running sums, and the merged
 * list not from its tables. */
int reader_verify_streams(struct reader *r,
			  void (*each)(void *arg, const struct stream_report *s),
			  void *arg, struct trouble *why);
int reader_verify_merged(struct reader *r, struct digest *out,
			 uint64_t *photos, struct trouble *why);

/* Is the file itself sound?  1, 0: damaged, -1: could not tell; *why says what
 * else than sound it is.  As long as it takes to read all of it. */
int reader_check(struct reader *r, struct trouble *why);
/* As long as *stop is set, by any thread, all that is asked of the reader ends in
 * trouble, and soon if it had begun.  Borrowed; NULL: nothing does.  The other
 * one is as good, and of those who own the reader. */
void reader_stop_when(struct reader *r, const atomic_bool *stop);
void reader_end_with(struct reader *r, const atomic_bool *ending);
/* From any thread: what the reader is at ends in trouble, and a check in a
 * verdict worth nothing. */
void reader_interrupt(struct reader *r);
/* Has anything read met damage?  If so `on_damage` was told at once, on the
 * thread that reads. */
bool reader_damaged(const struct reader *r);
void reader_watch(struct reader *r,
		  void (*on_damage)(void *arg, const struct trouble *what),
		  void *arg);

/* ---- for pictures ------------------------------------------------------ */

/* A photo of which no meta record is held that is new enough; borrowed for the
 * callback. */
struct bare_photo {
	struct photo_id photo;
	const struct node_id *holders; /* each once; some may be away */
	uint32_t holder_count;
};

/* Where a walk over them goes on. */
struct bare_place {
	bool set;
	int64_t time; /* by SORT_TAKEN, newest first */
	struct photo_id photo;
};

/*
 * Photos that `self` has a copy of and no decoder from `decoder` on has told of,
 * newest first.  Looks at a bounded number of photos, then moves *place, which
 * is unset again at the end of all.
 */
int reader_bare(struct reader *r, const struct node_id *self,
		uint32_t decoder, struct bare_place *place,
		void (*each)(void *arg, const struct bare_photo *photo),
		void *arg, struct trouble *why);
/*
 * The same for photos that `self` has spoken of since *seq of the life
 * *generation, which move to its head.  More than BARE_SINCE_MAX rows, or
 * another life: *behind, nothing is told, and all are to be walked over.
 */
#define BARE_SINCE_MAX 512u
int reader_bare_since(struct reader *r, const struct node_id *self,
		      uint32_t decoder, uint64_t *generation, uint64_t *seq,
		      bool *behind,
		      void (*each)(void *arg, const struct bare_photo *photo),
		      void *arg, struct trouble *why);

/*
 * Photos, films left out, that some decoder has told of, newest first, looking
 * at rows_max of them at most; then moves *place, as above.  False from `each`
 * goes on behind that one in the next call.  `date` is what they are sorted by.
 */
int reader_pictured(struct reader *r, struct bare_place *place,
		    unsigned rows_max,
		    bool (*each)(void *arg, const struct photo_id *photo,
				 int64_t date),
		    void *arg, struct trouble *why);
/* Who has copies of each of these; all as of one moment.  `holders` as in
 * bare_photo. */
int reader_holders(struct reader *r, const struct photo_id *photos,
		   uint32_t count,
		   void (*each)(void *arg, uint32_t index,
				const struct node_id *holders,
				uint32_t holder_count),
		   void *arg, struct trouble *why);
/* The sort date of a photo; *found: it is listed. */
int reader_date(struct reader *r, const struct photo_id *photo, int64_t *date,
		bool *found, struct trouble *why);

/* ---- for intake and holdings ----------------------------------------- */

/*
 * Until reader_let_go, whatever is known is looked up as it was now, which
 * spares each look its locks.  Meanwhile nothing else may be
 * asked of the reader, and the log cannot be emptied: not for long.
 */
int reader_hold(struct reader *r, struct trouble *why);
void reader_let_go(struct reader *r);

struct known_file {
	int64_t row; /* names the row for `seen` bitmaps; stable in a run */
	uint8_t verdict; /* enum own_verdict */
	uint64_t size, inode;
	int64_t mtime_ns, ctime_ns; /* negated: writer.h, struct own_file */
};
/* *found is false when nothing is known of that path. */
int reader_known_file(struct reader *r, const struct root_id *root,
		      const char *path, size_t path_bytes,
		      struct known_file *out, bool *found,
		      struct trouble *why);
/* This node's own files that hold the photo, as they were when they were read;
 * false from `each` stops. */
int reader_each_holding(struct reader *r, const struct photo_id *photo,
			bool (*each)(void *arg, const struct root_id *root,
				     const char *path, size_t path_bytes,
				     const struct known_file *f),
			void *arg, struct trouble *why);
/* All known files of a root, by row; false from `each` stops. */
int reader_each_known(struct reader *r, const struct root_id *root,
		      bool (*each)(void *arg, const struct known_file *f,
				   const char *path, size_t path_bytes),
		      void *arg, struct trouble *why);
/* The same in no order, and no more of each than this. */
int reader_known_rows(struct reader *r, const struct root_id *root,
		      bool (*each)(void *arg, int64_t row, uint8_t verdict,
				   uint64_t size),
		      void *arg, struct trouble *why);
/* Those below the directory `path` ("": all), by path, behind the path
 * `after` (NULL: from the first). */
int reader_known_below(struct reader *r, const struct root_id *root,
		       const char *path, size_t path_bytes, const char *after,
		       size_t after_bytes,
		       bool (*each)(void *arg, const struct known_file *f,
				    const char *path, size_t path_bytes),
		       void *arg, struct trouble *why);

/* A file as it is known at one of its paths; borrowed for the callback. */
struct known_place {
	struct known_file known;
	struct root_id root;
	const char *path;
	size_t path_bytes;
	/* What is recorded of it there. */
	bool has_copy, has_problem;
	struct record_copy copy;
	struct record_problem problem;
};
/* Where files of this inode are known, of all roots, 64 at most; `each` may
 * not ask the reader anything. */
int reader_known_inode(struct reader *r, uint64_t inode,
		       bool (*each)(void *arg, const struct known_place *p),
		       void *arg, struct trouble *why);
/* Where else this node holds the photo that it holds at `path`, 64 places at
 * most; `each` may not ask the reader anything. */
int reader_beside(struct reader *r, const struct root_id *root,
		  const char *path, size_t path_bytes,
		  bool (*each)(void *arg, const struct root_id *root,
			       const char *path, size_t path_bytes),
		  void *arg, struct trouble *why);

#endif
