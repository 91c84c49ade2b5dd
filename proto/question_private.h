/*
 * question_private.h: what the files behind question.h share.
 *
 * Readers leave their verdict in the fields' or the items' `broken`; packers
 * in the pack's `overflow`.
 */
#ifndef PHOTOMESH_QUESTION_PRIVATE_H
#define PHOTOMESH_QUESTION_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fields.h"
#include "pack.h"
#include "question.h"

/* ---- reading ----------------------------------------------------------- */

#define LISTS_MAX 4u

struct question_decoder {
	struct unpack *unpack;
	void *lists[LISTS_MAX]; /* of the last decode, owned */
	uint32_t list_count;
	struct fields fields; /* of the map being read */
};

/* A zeroed list that lives until the next decode; NULL breaks the fields. */
void *question_list(struct question_decoder *d, uint32_t count,
		    size_t item_bytes);

static inline void
fields_node_id(struct fields *f, const char *key, struct node_id *out)
{
	fields_bin_exact(f, key, out->bytes, NODE_ID_BYTES);
}

static inline void
items_node_id(struct items *i, struct node_id *out)
{
	items_bin_exact(i, out->bytes, NODE_ID_BYTES);
}

/* "limit" and "after" of a question that is answered in pages. */
void question_read_page(struct fields *f, uint32_t *limit, uint8_t *after,
			size_t after_max, size_t *after_bytes);
/* False when it is not a lawful node. */
bool question_read_node(const msgpack_object *o, struct answer_node *out);
void question_read_fresh(struct fields *f, struct answer_fresh *out);

/* question_decode_photos.c: the map in d->fields */
void question_read_photos(struct question_decoder *d,
			  struct answer_photos *out);

/* question_decode_mesh.c, likewise */
void question_read_peers(struct question_decoder *d, struct answer_peers *out);
void question_read_status(struct fields *f, struct answer_status *out);
void question_read_table(struct question_decoder *d, struct answer_table *out);

/* question_problems.c, both ways */
void question_read_ask_problems(struct fields *f,
				struct question_problems *out);
void question_read_problems(struct question_decoder *d,
			    struct answer_problems *out);

/* question_decode_transfer.c: false when `out` is of no type of its */
bool question_read_transfer(struct question_decoder *d, struct question *out);
/* question_forget.c, both ways */
void question_read_ask_forget(struct fields *f, struct question_forget *out);
void question_read_forget(struct fields *f, struct answer_forget *out);

/* question_timeline.c, both ways */
void question_read_ask_timeline(struct fields *f, struct question_timeline *out);
void question_read_timeline(struct question_decoder *d,
			    struct answer_times *out);
/* question_thumb.c, both ways */
void question_read_ask_thumb(struct fields *f, struct question_thumb *out);
void question_read_thumb(struct fields *f, struct answer_thumb *out);
/* "zones" of a query; packs nothing when there are none. */
void question_read_zones(struct fields *f, struct question_list *out);

/* ---- packing ----------------------------------------------------------- */

/* The pairs that say how fresh an answer is. */
#define FRESH_PAIRS 4u
void question_pack_fresh(struct pack *p, const struct answer_fresh *f);
void question_pack_node(struct pack *p, const struct answer_node *n);
void question_pack_photo_id(struct pack *p, const struct photo_id *id);
void question_pack_zones(struct pack *p, const struct question_list *l);
void question_pack_ask_timeline(struct pack *p,
				const struct question_timeline *a);
void question_pack_timeline(struct pack *p, const struct answer_times *a);
/* question_problems.c */
void question_pack_ask_problems(struct pack *p,
				const struct question_problems *a);
void question_pack_problems(struct pack *p, const struct answer_problems *a);
/* question_encode_transfer.c: false when *q is of no type of its */
bool question_pack_transfer(struct pack *p, const struct question *q);

/* question_thumb.c */
void question_pack_ask_thumb(struct pack *p, const struct question_thumb *a);
void question_pack_thumb(struct pack *p, const struct answer_thumb *a);
/* question_forget.c */
void question_pack_ask_forget(struct pack *p, const struct question_forget *a);
void question_pack_forget(struct pack *p, const struct answer_forget *a);

/* question_encode_photos.c: the whole frame, its bytes or 0 */
size_t question_encode_photos(const struct question *q, uint8_t *out,
			      size_t max);

#endif
