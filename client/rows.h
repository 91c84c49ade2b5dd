/*
 * rows.h: a photo and its holders, as list and show both print them.
 */
#ifndef PHOTO_ROWS_H
#define PHOTO_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "question.h"
#include "text.h"

struct json;
struct output;

/* The node of a copy; never NULL: an index out of bounds gives a "?" node. */
const struct answer_node *row_node(const struct answer_photos *a,
				   uint32_t index);

/* Nodes holding the photo, each once, by name; at most `max`. */
struct row_holder {
	const struct answer_node *node;
	bool online; /* at least one copy there can be had */
};
size_t row_holders(const struct answer_photos *a, const struct answer_photo *p,
		   struct row_holder *out, size_t max);

/* How wide a column of holders is, for a page of photos; and a cell of it, the
 * column's `width` or more: "alice,(bob),+3", an offline one in parentheses,
 * what does not fit counted. */
unsigned row_holders_width(const struct output *o,
			   const struct answer_photos *a);
void row_put_holders(struct output *o, const struct row_holder *h, size_t count,
		     unsigned width);
/* In a tab-separated row: "alice,bob". */
void row_put_holders_column(struct output *o, const struct row_holder *h,
			    size_t count);

/* The one JSON object of list and, `whole`, of show. */
void row_json(struct json *j, const struct answer_photos *a,
	      const struct answer_photo *p, bool whole);

#endif
