/*
 * table.h: a few rows whose widths are known only at the end.
 *
 * For answers that are small by nature (peers, copies of one photo, streams).
 * The same calls give aligned columns with a header on a terminal and plain
 * tab-separated ones elsewhere.  A list of photos does not come through here:
 * it is printed as it arrives.
 */
#ifndef PHOTO_TABLE_H
#define PHOTO_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "output.h"

#define TABLE_COLUMNS_MAX 12u

struct table {
	struct output *output; /* borrowed */
	unsigned columns;
	const char *const *headers; /* borrowed */
	unsigned right;             /* bit set: aligned to the right */
	char **cells;               /* owned, row by row */
	unsigned *widths;           /* owned, one for each cell */
	size_t count, capacity;     /* cells */
};

/* headers[columns]; a header that begins with '>' is for a column of numbers */
void table_init(struct table *t, struct output *o, const char *const *headers,
		unsigned columns);
void table_release(struct table *t);

/* The next cell: bytes from strangers, or our own words. */
void table_bytes(struct table *t, const void *bytes, size_t count);
void table_put(struct table *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void table_print(struct table *t);

#endif
