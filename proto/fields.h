/*
 * fields.h: reading msgpack that came from a stranger.
 *
 * unpack_body() walks the bytes first (walk.h) and only then lets msgpack-c
 * build objects, in a zone that is reused.  Getters take a map or an array;
 * the first thing that is missing, of the wrong type or out of bounds sets
 * `broken`, and it stays set: read everything, then look once.  Unknown keys
 * are ignored, duplicate keys are refused.  Strings and bins point into the
 * body: copy what must outlive it.
 */
#ifndef PHOTOMESH_FIELDS_H
#define PHOTOMESH_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <msgpack.h>

#include "walk.h"

struct unpack; /* one reusable zone; one thread at a time */

/* Owned by the caller; NULL when out of memory. */
struct unpack *unpack_new(void);
void unpack_free(struct unpack *u);

/*
 * The one value in the body, borrowed until the next call on `u`; NULL when
 * the walk or the library refuses it (then *why, if given, says so).
 */
const msgpack_object *unpack_body(struct unpack *u, const uint8_t *body,
				  size_t body_bytes,
				  const struct walk_limits *limits,
				  const char **why);

/* Take apart [type, request, map]; false if it is not that shape. */
bool unpack_envelope(const msgpack_object *o, uint32_t *type, uint32_t *request,
		     const msgpack_object **map);

struct fields {
	const msgpack_object *map;
	bool broken;
};

/* `map` must be a map without duplicate keys, else broken from the start. */
void fields_init(struct fields *f, const msgpack_object *map);

/* The value under `key`, or NULL when absent or nil; never breaks. */
const msgpack_object *fields_find(struct fields *f, const char *key);

/* Required: absent breaks. */
uint64_t fields_uint(struct fields *f, const char *key, uint64_t max);
int64_t fields_int(struct fields *f, const char *key);
bool fields_bool(struct fields *f, const char *key);
/* Exactly `count` bytes of bin, copied to `out`. */
void fields_bin_exact(struct fields *f, const char *key, void *out,
		      size_t count);
/* Borrowed bin of at most max bytes. */
const uint8_t *fields_bin(struct fields *f, const char *key, size_t max,
			  size_t *count);
/* str of at most max bytes without NUL inside, copied with a NUL. */
void fields_str(struct fields *f, const char *key, char *out, size_t max);
/* An array of at most max items. */
const msgpack_object_array *fields_array(struct fields *f, const char *key,
					 uint32_t max);
/* Optional: absent or nil gives the default, a wrong type breaks. */
uint64_t fields_uint_or(struct fields *f, const char *key, uint64_t max,
			uint64_t otherwise);
bool fields_bool_or(struct fields *f, const char *key, bool otherwise);
/* Optional str: absent gives "". */
void fields_str_or_empty(struct fields *f, const char *key, char *out,
			 size_t max);

/* The same for positional arrays; more items than asked for are ignored. */
struct items {
	const msgpack_object_array *array;
	uint32_t next;
	bool broken;
};
void items_init(struct items *i, const msgpack_object *array,
		uint32_t items_min);
uint64_t items_uint(struct items *i, uint64_t max);
int64_t items_int(struct items *i);
bool items_bool(struct items *i);
void items_bin_exact(struct items *i, void *out, size_t count);
const uint8_t *items_bin(struct items *i, size_t max, size_t *count);
void items_str(struct items *i, char *out, size_t max);
/* The next object as it is, NULL when there is none (breaks). */
const msgpack_object *items_object(struct items *i);

#endif
