/*
 * query_ahead.c: what a scan will ask for next, read before it asks.
 *
 * A folder is listed in the same order each time, mostly, and rows were made in
 * the order of a former scan.  So the rows behind the one that was found last
 * are likely to be asked for next, and read one after the other they cost a
 * third of what looking them up costs.  All of it is of the moment that is
 * held; whatever is not here is looked up.
 */
#include <stdlib.h>
#include <string.h>

#include "hash.h"
#include "query_private.h"

#define ROWS_FIRST 16u
#define ROWS_MAX   256u
#define KEYS_MAX   32768u
#define NEAR_ROWS  64 /* several threads read what a scan has found */
#define RUN_MIN    4u /* so many near one another are an order */

struct known_ahead {
	int64_t last; /* the row that was found last */
	unsigned run; /* so many were near the one before, up to now */
	unsigned want; /* rows to be read next time */
	unsigned at, count;
	uint64_t hashes[ROWS_MAX];
	uint32_t ends[ROWS_MAX]; /* of its key, in keys */
	struct known_file rows[ROWS_MAX];
	uint8_t keys[KEYS_MAX];
};

void
ahead_begin(struct reader *r)
{
	r->holding = true;
	/* For want of memory everything is looked up. */
	if (r->ahead == NULL &&
	    (r->ahead = calloc(1, sizeof(*r->ahead))) != NULL)
		r->ahead->want = ROWS_FIRST;
}

void
ahead_end(struct reader *r)
{
	if (r->ahead != NULL)
		r->ahead->count = 0;
	r->holding = false;
}

void
ahead_free(struct reader *r)
{
	free(r->ahead);
	r->ahead = NULL;
}

static void
note_found(struct known_ahead *a, int64_t row)
{
	int64_t apart = row > a->last ? row - a->last : a->last - row;

	if (apart > NEAR_ROWS) {
		a->run = 0;
		a->want = ROWS_FIRST;
	} else if (a->run < RUN_MIN) {
		a->run++;
	}
	a->last = row;
}

static bool
is_at(const struct known_ahead *a, unsigned i, const uint8_t *key, size_t bytes)
{
	uint32_t start = i == 0 ? 0 : a->ends[i - 1];

	return a->ends[i] - start == bytes &&
	       memcmp(a->keys + start, key, bytes) == 0;
}

bool
ahead_find(struct reader *r, const uint8_t *key, size_t key_bytes,
	   struct known_file *out)
{
	struct known_ahead *a = r->ahead;
	uint64_t hash;

	if (!r->holding || a == NULL || a->count == 0)
		return false;
	hash = hash_bytes(key, key_bytes).low;
	for (unsigned n = 0, i = a->at; n < a->count; n++, i++) {
		if (i >= a->count)
			i = 0;
		if (a->hashes[i] != hash || !is_at(a, i, key, key_bytes))
			continue;
		*out = a->rows[i];
		a->at = i + 1;
		note_found(a, out->row);
		return true;
	}
	return false;
}

static bool
keep(struct known_ahead *a, const struct known_file *f, const uint8_t *key,
     size_t bytes)
{
	uint32_t start = a->count == 0 ? 0 : a->ends[a->count - 1];

	if (a->count == ROWS_MAX || bytes > KEYS_MAX - start)
		return false;
	memcpy(a->keys + start, key, bytes);
	a->ends[a->count] = start + (uint32_t)bytes;
	a->hashes[a->count] = hash_bytes(key, bytes).low;
	a->rows[a->count++] = *f;
	return true;
}

int
ahead_found(struct reader *r, int64_t row, struct trouble *why)
{
	sqlite3_stmt *st = r->st[R_KNOWN_AHEAD];
	struct known_ahead *a = r->ahead;
	struct known_file f;
	int code;

	if (!r->holding || a == NULL)
		return 0;
	note_found(a, row);
	if (a->run < RUN_MIN)
		return 0;
	a->at = a->count = 0;
	sqlite3_bind_int64(st, 1, row);
	sqlite3_bind_int64(st, 2, a->want);
	a->want = a->want < ROWS_MAX ? 2 * a->want : ROWS_MAX;
	while ((code = read_row(r, st, why)) == 1) {
		known_out(st, &f);
		if (!keep(a, &f, sqlite3_column_blob(st, 6),
			  (size_t)sqlite3_column_bytes(st, 6))) {
			sqlite3_reset(st);
			return 0;
		}
	}
	return code;
}
