/*
 * channels_world.h: a node with photos, and members that it knows of.
 *
 * Person 0 is the node: its folder is real, its catalogue lists it and what the
 * others said they have.  Nobody else runs: whoever comes by a channel, and
 * whoever is asked for a photo, is played by the target.
 */
#ifndef PHOTOMESH_FUZZ_CHANNELS_WORLD_H
#define PHOTOMESH_FUZZ_CHANNELS_WORLD_H

#include <openssl/ssl.h>

#include "choices.h"
#include "must.h"
#include "photo_id.h"
#include "state.h"

#define PEOPLE      4u
#define OWN_PHOTOS  3u /* in the node's folder */
#define PHOTOS      6u /* the others are with persons 1 and 2 ... */
#define LONE_PHOTO  3u /* ... but for this one: with person 1 only */
#define THUMB_PHOTO 1u /* the one with a thumbnail that is kept */

struct photo {
	struct photo_id id;
	uint8_t *bytes; /* id.size of them */
};

struct world {
	struct event_base *base;
	struct mailbox *ends;
	struct tls *tls, *strange; /* of the mesh; by another key */
	struct state people[PEOPLE];
	struct photo photos[PHOTOS];
	uint8_t thumb[256];
	size_t thumb_bytes;
	struct catalogue *catalogue;
	struct holdings *holdings;
	struct thumb_store *thumbs;
	struct consent *consent; /* person 1 may, 2 has to ask, 3 may not */
};

/* Made when first asked for, and the same for ever. */
struct world *world_get(void);

/* Something else lies where photo `n` of the folder was: by `how`, nothing, another
 * file, a link to it, a folder. */
void world_change(unsigned n, unsigned how);
bool world_is_changed(unsigned n);
/* All is where it was, and the same files. */
void world_mend(void);

/* Until nothing has to be delivered just now. */
void world_turn(void);
/* Until something was. */
void world_wait(void);

/* The two sides, each one input. */
void channels_serve(struct choices *c);
void channels_fetch(struct choices *c);

#endif
