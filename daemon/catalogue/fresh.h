/*
 * fresh.h: photos of which nothing was listed when a transaction began, with the
 * copies that it has shown of them since.
 *
 * Nothing of them need be asked of the tables.  What was not listed is known from
 * a filter that has been kept since the list was empty: most of what a first scan
 * finds, or of what a newcomer is told, is new.  Memory is bounded; where it ends,
 * or cannot be had, the tables are asked.
 */
#ifndef PHOTOMESH_FRESH_H
#define PHOTOMESH_FRESH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "photo_id.h"
#include "record.h"

struct fresh_copy {
	uint32_t before; /* of the same photo; 0: none */
	uint32_t place;  /* among its copies, from 1 */
	unsigned slot;   /* of the stream */
	size_t key_at;
	size_t key_bytes;
	int64_t mtime_ns, added_ms;
	uint8_t file[8];
	char type[sizeof(((struct record_copy *)0)->type)];
};

struct fresh {
	uint64_t *filter; /* owned; NULL: everything may be listed */
	size_t listed;   /* photos that went through the filter */
	struct fresh_copy *copies; /* owned */
	size_t copy_count, copy_room;
	uint8_t *keys; /* of the copies, owned */
	size_t key_bytes, key_room;
};

/* The list is empty: the filter begins.  Zero the struct before first use. */
void fresh_begin(struct fresh *f);
/* A photo is listed from now on. */
void fresh_listed(struct fresh *f, const uint8_t id[PHOTO_ID_BYTES]);
/* Is it certain that it is not listed? */
bool fresh_unlisted(const struct fresh *f, const uint8_t id[PHOTO_ID_BYTES]);
/* One more copy of a photo whose last one is `before` (0: none).  Returns its
 * number; 0: there is no room, or it has so many that a table finds them sooner. */
uint32_t fresh_add(struct fresh *f, uint32_t before, unsigned slot,
		   const uint8_t *key, size_t key_bytes,
		   const struct record_copy *c);
/* One by itself: what a row of the table says beside its key. */
void fresh_copy_of(struct fresh_copy *out, const struct record_copy *c);
/* By its number; borrowed until the next is added. */
const struct fresh_copy *fresh_copy(const struct fresh *f, uint32_t number);
const uint8_t *fresh_key(const struct fresh *f, const struct fresh_copy *c);
/* The transaction is over; the filter stays. */
void fresh_clear(struct fresh *f);
void fresh_release(struct fresh *f);

#endif
