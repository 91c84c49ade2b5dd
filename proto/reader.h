/*
 * reader.h: the items of a record's value, one after the other; private to proto/.
 *
 * Taken by hand, without the library and without memory: a rebuild of the query
 * tables reads every value there is.  What is not as expected sets `broken`,
 * which stays set, so a caller looks once, at the end.
 */
#ifndef PHOTOMESH_READER_H
#define PHOTOMESH_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
	const uint8_t *bytes; /* borrowed */
	size_t count, at;
	bool broken;
};

/* False unless the value is one whole array of at least items_min items. */
bool reader_init(struct reader *r, const uint8_t *value, size_t bytes,
		 uint32_t items_min);

/* Takes a nil, if one is next; false when something else is. */
bool reader_nil(struct reader *r);
uint64_t reader_uint(struct reader *r, uint64_t max);
int64_t reader_int(struct reader *r);
bool reader_bool(struct reader *r);
/* Between min and max bytes of bin, copied; how many they were. */
size_t reader_bin(struct reader *r, uint8_t *out, size_t min, size_t max);
/* At most max bytes of str without NUL, copied with a NUL behind. */
void reader_str(struct reader *r, char *out, size_t max);
/* An array of at most max items begins; how many.  They come next. */
uint32_t reader_array(struct reader *r, uint32_t max);

#endif
