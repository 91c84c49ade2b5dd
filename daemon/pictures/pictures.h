/*
 * pictures.h: what the bytes of this node's photos say, found out behind
 * everything else.
 *
 * A few threads of low priority take photos that no meta record tells of,
 * newest first, have photo-decode look into them (workers.h), and hand what it
 * found to the catalogue.  In the mesh each photo is looked into once: by the
 * live holder with the least hash of (photo id, node id); what that one has
 * not done for a while, the others do too, and records say the same.
 */
#ifndef PHOTOMESH_PICTURES_H
#define PHOTOMESH_PICTURES_H

#include <stdbool.h>
#include <stdint.h>

#include "catalogue.h"
#include "ident.h"

struct holdings;
struct mailbox;
struct pictures;
struct trouble;
struct workers;

#define PICTURES_GRACE_MS 60000u

struct pictures_config {
	const char *dir; /* of the state: for a reader of its own */
	struct node_id self;
	struct catalogue *catalogue; /* these three are borrowed */
	struct holdings *holdings;
	struct workers *workers;
	struct mailbox *ends; /* borrowed */
	unsigned threads;
	unsigned grace_ms; /* what others have not done by then is done here;
			    * 0: PICTURES_GRACE_MS */
	catalogue_written *written; /* of each record's transaction */
	void *arg;
};

struct pictures *pictures_new(const struct pictures_config *config,
			      struct trouble *why);
/* Stops the workers, so that nothing is waited for. */
void pictures_free(struct pictures *p);

/* Something else that these threads may do, when nothing is to be looked into:
 * `spare` is called once for each pictures_spare, from one of them.  To be set
 * before the first one; and from any thread. */
void pictures_set_spare(struct pictures *p, void (*spare)(void *arg),
			void *arg);
void pictures_spare(struct pictures *p);

/* This node's stream has grown; from any thread. */
void pictures_poke(struct pictures *p);
/* What was found could not be written: after a while all is looked through for
 * what is missing.  From any thread. */
void pictures_again(struct pictures *p);
/* Who is live, this node included; from any thread, copied.  Nothing is begun
 * before this is told for the first time. */
void pictures_live(struct pictures *p, const struct node_id *live,
		   uint32_t count);

/*
 * What the bytes of any file say: a record_meta value, NULL when nothing is
 * found.  Takes `fd`, which is open for reading only, and calls `done` once, on
 * the loop thread; false: too many wait, `fd` is still the caller's.
 */
typedef void pictures_looked(void *arg, const uint8_t *meta, size_t bytes);
#define PICTURES_GUESTS_MAX 256u
bool pictures_look_at(struct pictures *p, int fd, pictures_looked *done,
		      void *arg);

/* Is `self` the one among these who looks into the photo?  Those not in `live`
 * do not count.  Pure. */
bool pictures_is_mine(const struct photo_id *photo, const struct node_id *self,
		      const struct node_id *holders, uint32_t holder_count,
		      const struct node_id *live, uint32_t live_count);

#endif
