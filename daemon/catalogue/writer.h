/*
 * writer.h: the only hand that changes the database.
 *
 * Everything here runs on one thread (the catalogue's own, see catalogue.h;
 * a unit test's, in a test).  Each call is one transaction: rows, sequence
 * numbers, digests, points and query tables change together or not at all.
 */
#ifndef PHOTOMESH_WRITER_H
#define PHOTOMESH_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mesh.h"
#include "record.h"

struct trouble;
struct writer;

/* ---- what intake has to say about one file --------------------------- */

enum own_verdict {
	OWN_COPY = 1,    /* holds a photo */
	OWN_PROBLEM = 2, /* listed under problems */
	OWN_IGNORED = 3, /* no media and no media name: not to be read again */
	OWN_GONE = 4,    /* no longer there: withdraw whatever was said */
};

struct own_file {
	struct root_id root;
	const char *path;  /* relative to the root, raw bytes; borrowed */
	size_t path_bytes; /* at most PATH_BYTES_MAX; 0: the root itself, which
			    * can be a PROBLEM or GONE */
	enum own_verdict verdict;
	/*
	 * What was seen when it was read (not for GONE).  ctime_ns is negated
	 * when it was read so soon after a change that another one may have
	 * left the same times: no scan then takes it for known, so it is read
	 * again, but what lies there meanwhile can still be told from another
	 * file.
	 */
	uint64_t size, inode;
	int64_t mtime_ns, ctime_ns;
	/* COPY; added_ms is filled in by the writer. */
	struct record_copy copy;
	/* PROBLEM, or COPY with also_problem */
	struct record_problem problem;
	/*
	 * COPY only: bytes are bytes, so it is listed as a photo, but something
	 * is wrong with them (truncated): `problem` is recorded beside the copy
	 * under the same key.  COPY without it withdraws a former problem.
	 */
	bool also_problem;
};

/* What was found in the bytes of a photo. */
struct own_meta {
	struct photo_id photo;
	const uint8_t *value; /* as record_meta_pack wrote it; borrowed */
	size_t value_bytes;
	/* Nothing was found, for this reason, in the file of this path: told
	 * with its copy, as long as the file is the one that was read. */
	bool has_problem;
	struct root_id root;
	const char *path; /* borrowed */
	size_t path_bytes;
	struct record_problem problem;
};

/* One batch is one transaction.  Additions are stamped before withdrawals. */
struct own_batch {
	const struct own_file *files;
	size_t file_count; /* at most 4096 */
	const struct own_meta *metas;
	size_t meta_count; /* at most 4096 */
	/* Optional: the record of a root, stamped last. */
	bool has_root;
	struct root_id root_id;
	struct record_root root;
	/* Optional: the node's record. */
	bool has_node;
	struct record_node node;
};

/* Photos that entered or left the merged list in a transaction. */
#define PHOTO_NEWS_MAX 1024u
struct photo_news {
	struct photo_id photo;
	bool added; /* else removed */
	char name[256];
};

#define ENDED_NEWS_MAX 256u

struct write_result {
	struct stream_report own;    /* the own stream after own changes */
	struct stream_report stored; /* the replica after a stored page */
	/* Older generations let go: nothing is left to tell, or no room. */
	uint32_t dropped_count;
	struct mesh_dropped dropped[4];
	uint32_t news_count;
	struct photo_news *news; /* PHOTO_NEWS_MAX, owned by the writer, good
				  * until the next call */
	bool news_lost; /* more happened than fits */
	/* What records that came in say of nodes: forgotten, up to this
	 * generation.  ENDED_NEWS_MAX, owned by the writer like news. */
	uint32_t ended_count;
	struct stream_id *ended;
	bool more; /* after writer_end, writer_clear: call writer_clear */
	bool changed;   /* something was written */
};

enum writer_found {
	WRITER_NEW,     /* no database was there */
	WRITER_KEPT,    /* as it was left */
	WRITER_MOVED,   /* corrupt: moved aside as catalogue.corrupt-N */
	WRITER_ADOPTED, /* it belonged to another node id (new identity): the
			 * former own stream is kept as a replica, our rows go on
			 * under a new generation */
};

struct writer_config {
	const char *dir; /* state directory; the file is catalogue.db there */
	struct node_id self;
	uint64_t run;     /* stamped into the database and the file `run` */
	uint64_t wall_ms; /* for the first generation */
	bool new_life;    /* the state directory was copied or restored */
	bool newborn;     /* nobody can know anything of `self` yet */
	/* Asked often while opening takes long: shall it be given up?  Then it
	 * fails, nothing is half done, and the next opening begins that again.
	 * NULL: never. */
	bool (*given_up)(void *arg);
	void *arg;
};

/*
 * Open or create; begins a new generation when there is none, new_life is
 * set, or the run stamps of database and file `run` differ.  A database from
 * a newer version is refused.  NULL on failure.
 */
struct writer *writer_open(const struct writer_config *config,
			   enum writer_found *found, struct trouble *why);
void writer_close(struct writer *w);

/* Was the file left open by its last writer, and not found sound since?  Then
 * reader_check is due; until writer_judge says that it found nothing wrong,
 * every next start asks for it again. */
bool writer_unchecked(const struct writer *w);
void writer_judge(struct writer *w, bool sound);
/* Is every root that `self` ever told of in here?  Not after a loss, nor in a
 * database that was restored. */
bool writer_remembers(const struct writer *w);
/* Has a write met damage? */
bool writer_damaged(const struct writer *w);
/* With no writer open: put the database of `dir` aside under a name that
 * nothing has, so that the next writer_open begins anew. */
int writer_move_aside(const char *dir, struct trouble *why);

/* Every stream held, one's own included: for mesh_remember_stream. */
int writer_each_stream(struct writer *w,
		       void (*each)(void *arg, const struct stream_report *s),
		       void *arg, struct trouble *why);
int writer_each_node(struct writer *w,
		     void (*each)(void *arg, const struct mesh_memory *n),
		     void *arg, struct trouble *why);
int writer_remember_node(struct writer *w, const struct mesh_memory *n,
			 struct trouble *why);

/* synchronous=FULL: durable when it returns 0. */
int writer_own(struct writer *w, const struct own_batch *batch,
	       int64_t wall_ms, struct write_result *out, struct trouble *why);

/* Renumber own rows (tombstones dropped) under `generation`.  None of its roots
 * is complete until a scan says so again: ask for one. */
int writer_begin_generation(struct writer *w, uint64_t generation,
			    struct write_result *out, struct trouble *why);

/* Join a page into a replica; `batch` has been judged by message_decode. */
int writer_store(struct writer *w, const struct mesh_store *store,
		 const struct message_batch *batch, struct write_result *out,
		 struct trouble *why);

/* Not in out->dropped: whoever asks for it knows why, and hears of it once. */
int writer_drop(struct writer *w, const struct stream_id *stream,
		struct write_result *out, struct trouble *why);

/*
 * A node is forgotten: record it in the own stream (but not of oneself; and if
 * it is others who say it, only while there are not too many), end every
 * replica of it up to this generation, and if it vanishes, what is remembered
 * of it.  At once nobody sees the replicas any more; their rows go by calls of
 * writer_clear, a bounded number each, as long as out->more says so.
 */
int writer_end(struct writer *w, const struct stream_id *ended, bool vanishes,
	       bool ordered, struct write_result *out, struct trouble *why);
int writer_clear(struct writer *w, struct write_result *out,
		 struct trouble *why);
/* Has a former run left something to clear? */
bool writer_clearing(struct writer *w);
/* Every record `forgotten` held, those of the own stream (`own`) included; of
 * each stream a bounded number. */
int writer_each_forgotten(struct writer *w,
			  void (*each)(void *arg, const struct stream_id *ended,
				       bool own),
			  void *arg, struct trouble *why);

/* All roots recorded in the own stream; for intake. */
int writer_each_own_root(struct writer *w,
			 void (*each)(void *arg, const struct root_id *id,
				      const struct record_root *r),
			 void *arg, struct trouble *why);

/* Of a large mesh, what pages tell of copies below the head may be recorded at
 * once and listed later; true: something is.  It is listed with a later page,
 * or by this call, when no page comes. */
bool writer_behind(const struct writer *w);
int writer_catch_up(struct writer *w, struct write_result *out,
		    struct trouble *why);
/* Has every order of the list its index?  From any thread. */
bool writer_indexed(const struct writer *w);
/* Give back the memory that only work needs; what indexes are to be made, are. */
void writer_rest(struct writer *w);

#endif
