/*
 * catalogue.h: the writer's thread and the readers' threads.
 *
 * The loop thread asks here and is answered by a callback on the loop thread,
 * through the mailbox.  Writes are done in the order asked.  Own changes of
 * several batches that wait may be joined into one transaction (at most 4096
 * files); replica pages too, each still answered by itself, in order.
 */
#ifndef PHOTOMESH_CATALOGUE_H
#define PHOTOMESH_CATALOGUE_H

#include "query.h"
#include "writer.h"

struct mailbox;
struct pool;
struct job;
struct catalogue;

/* One of them never does what takes long: see job.slow.  One less where
 * descriptors are few. */
#define CATALOGUE_READERS 3u

/*
 * Opens the writer at once (blocking, before the loop runs) and starts the
 * threads.  The writer may be used directly through catalogue_writer until
 * the first asynchronous call.
 */
struct catalogue *catalogue_open(const struct writer_config *config,
				 struct mailbox *ends,
				 enum writer_found *found,
				 struct trouble *why);
/* Finishes what was to be written, closes cleanly; who still reads is told that
 * it failed. */
void catalogue_close(struct catalogue *c);
struct writer *catalogue_writer(struct catalogue *c);

/*
 * From now on `on_damage` is told once, on the loop thread, when the file is
 * found damaged: by a write or a read that meets it, or by the check of the
 * whole file that begins now behind everything else if it was left unclean.
 * The way out
 * is to close, writer_move_aside, and start again.  May come after
 * catalogue_close, with the last letters.
 */
void catalogue_check(struct catalogue *c,
		     void (*on_damage)(void *arg, const struct trouble *what),
		     void *arg);

/*
 * The end of a write, on the loop thread.  `result` and its lists are good
 * for the call; failed: `why` says what, nothing was changed.
 */
typedef void catalogue_written(void *arg, bool failed,
			       const struct write_result *result,
			       const struct trouble *why);

/*
 * Own changes.  Takes ownership of `batch`: one malloc'ed block or a struct
 * whose `release` is called when it is no longer needed.  May be called from
 * any thread; `written` still runs on the loop thread.
 */
struct own_delivery {
	struct own_batch batch;
	void (*release)(struct own_delivery *d); /* on the loop thread, after
						  * written */
	catalogue_written *written;
	void *arg;
};
void catalogue_own(struct catalogue *c, struct own_delivery *d);

/* `body` is copied: the frame body of the BATCH that `store` belongs to. */
void catalogue_store(struct catalogue *c, const struct mesh_store *store,
		     const uint8_t *body, size_t body_bytes,
		     catalogue_written *written, void *arg);
void catalogue_begin_generation(struct catalogue *c, uint64_t generation,
				catalogue_written *written, void *arg);
void catalogue_drop(struct catalogue *c, const struct stream_id *stream,
		    catalogue_written *written, void *arg);
/* A node is forgotten (writer_end); and, as long as results say `more`. */
void catalogue_end(struct catalogue *c, const struct stream_id *ended,
		   bool vanishes, bool ordered, catalogue_written *written,
		   void *arg);
void catalogue_clear(struct catalogue *c, catalogue_written *written,
		     void *arg);
/* What a former run has not listed (writer_catch_up) is now, and what this one
 * leaves is when no page comes any more; each time it is told so. */
void catalogue_catch_up(struct catalogue *c, catalogue_written *written,
			void *arg);
void catalogue_remember(struct catalogue *c, const struct mesh_memory *n);

/* Damage that a reader of somebody else's meets is told as well. */
void catalogue_watch(struct catalogue *c, struct reader *r);

/* A job for the query pool; `slot` in its work selects the reader.  Whatever walks
 * over all photos or records is slow; so is a list in any order but that of dates
 * as long as there is an index to be made: catalogue_indexed says so. */
void catalogue_ask(struct catalogue *c, struct job *j);
bool catalogue_indexed(const struct catalogue *c);
struct reader *catalogue_reader(struct catalogue *c, unsigned slot);

#endif
