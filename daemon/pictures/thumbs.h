/*
 * thumbs.h: this node's share in the thumbnails of the mesh.
 *
 * Each is made once, by the live holder whose turn it is (pictures.h), behind
 * everything that finds out dates; kept by every node, newest photos first, as
 * far as its cache reaches (thumb_store.h); and had from others by whoever
 * lacks it.  One thread plans and asks others; what has to be made is made on
 * the threads of pictures.c; what clients ask for has threads of its own, and
 * does not wait for any of that.
 */
#ifndef PHOTOMESH_THUMBS_H
#define PHOTOMESH_THUMBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ident.h"
#include "limits.h"
#include "photo_id.h"

struct catalogue;
struct fetch_world;
struct fetching;
struct holdings;
struct mailbox;
struct pictures;
struct thumb_store;
struct thumbs;
struct trouble;
struct workers;

struct thumbs_config {
	const char *dir; /* of the state: for readers of its own */
	struct node_id self;
	struct catalogue *catalogue; /* all borrowed */
	struct holdings *holdings;
	struct fetching *fetching;
	struct thumb_store *store;
	struct mailbox *ends;
	struct workers *workers;   /* these two may be NULL: none is made here */
	struct pictures *pictures;
	bool keeps; /* false: nothing is asked of others but for clients */
	unsigned grace_ms; /* as in pictures.h; 0: PICTURES_GRACE_MS */
};

struct thumbs *thumbs_new(const struct thumbs_config *config,
			  struct trouble *why);
/* Ends its threads, and for good the workers; nobody may call it any more, but
 * from pictures.c and serving.c.  These end next, and then it is freed. */
void thumbs_stop(struct thumbs *t);
void thumbs_free(struct thumbs *t);

/* Something may be new in the catalogue; from any thread. */
void thumbs_poke(struct thumbs *t);
/* Who is live, and where; held.  Nothing is begun before this is told for the
 * first time.  From any thread. */
void thumbs_world(struct thumbs *t, struct fetch_world *world);
/* What thumbs_ask has found; borrowed for the call. */
struct thumb_seen {
	bool listed; /* the mesh knows the photo */
	const uint8_t *image; /* lawful by thumb.h; NULL: there is none (yet) */
	size_t image_bytes;
	uint32_t width, height; /* of the pixels */
	const uint8_t *pixels;  /* as in answer_thumb; NULL: not asked for, or
				 * nobody here can */
};
/*
 * From the cache, else made from the file if it is here, else from somebody
 * else.  `done` once, on the loop thread; false: too many ask, or out of
 * memory.
 */
#define THUMBS_ASKS_MAX 256u
typedef void thumbs_seen(void *arg, const struct thumb_seen *seen);
bool thumbs_ask(struct thumbs *t, const struct photo_id *photo, bool pixels,
		thumbs_seen *done, void *arg);
/* For serving.h: made now if the file is here; arg is a struct thumbs. */
size_t thumbs_make(void *arg, const struct photo_id *photo,
		   uint8_t out[THUMB_BYTES_MAX]);

#endif
