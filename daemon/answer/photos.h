/*
 * photos.h: rows of the catalogue into a PHOTOS frame, private to answer/.
 *
 * Names in the answer only the nodes that its copies mention.
 */
#ifndef PHOTOMESH_PHOTOS_H
#define PHOTOMESH_PHOTOS_H

#include "query.h"
#include "view.h"

struct photos {
	const struct view *view; /* borrowed */
	struct photos_writer writer;
	uint8_t *frame; /* owned */
	bool has_wasted; /* say how many bytes all copies too many take */
	uint64_t wasted_bytes;
	uint32_t node_count;
	struct answer_node nodes[MESH_KNOWN_MAX];
	struct answer_copy copies[COPIES_SHOWN_MAX];
};

/* NULL when out of memory. */
struct photos *photos_new(const struct view *v);
/* False when it does not fit into the frame any more. */
bool photos_add(struct photos *p, const struct photo_row *row);
/* The frame, malloced; NULL when it failed.  `after` may be NULL. */
uint8_t *photos_end(struct photos *p, uint32_t request, const uint8_t *after,
		    size_t after_bytes, bool ambiguous, size_t *frame_bytes);
void photos_free(struct photos *p);

#endif
