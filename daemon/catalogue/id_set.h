/*
 * id_set.h: the photos that a transaction has touched, each once.
 */
#ifndef PHOTOMESH_ID_SET_H
#define PHOTOMESH_ID_SET_H

#include <stddef.h>
#include <stdint.h>

#include "photo_id.h"

struct id_entry {
	uint8_t id[PHOTO_ID_BYTES];
	uint32_t note; /* the caller's; 0 at first */
};

struct id_set {
	struct id_entry *ids; /* owned; in the order they came */
	size_t count;
	size_t capacity;
	uint32_t *slots; /* owned; index + 1, 0 is empty */
	size_t slot_count; /* a power of two */
};

/* Zero the struct before first use.  1: new; 0: was there; -1: out of
 * memory. */
int id_set_add(struct id_set *s, const uint8_t id[PHOTO_ID_BYTES]);
/* The note of an id, to be read and written until the next one is added; NULL:
 * it is not in the set. */
uint32_t *id_set_note(const struct id_set *s,
		      const uint8_t id[PHOTO_ID_BYTES]);
/* Keeps modest storage for the next time, gives large storage back. */
void id_set_clear(struct id_set *s);
/* By id; the set can only be cleared after that. */
void id_set_sort(struct id_set *s);
void id_set_release(struct id_set *s);

#endif
