/*
 * walk.h: is this body safe to hand to msgpack-c?
 *
 * The library reserves memory for *announced* elements, so five hostile bytes
 * could cost gigabytes.  The walk reads only headers, allocates nothing,
 * does not recurse, and refuses before the library sees a byte: ext types,
 * 0xc1, map keys that are no str, too deep, too many items, more children than
 * bytes remain, trailing bytes.
 */
#ifndef PHOTOMESH_WALK_H
#define PHOTOMESH_WALK_H

#include <stddef.h>
#include <stdint.h>

enum walk_verdict {
	WALK_OK,
	WALK_SHORT,    /* ends in the middle of a value */
	WALK_TRAILING, /* bytes behind the one value */
	WALK_DEPTH,
	WALK_ITEMS,
	WALK_TYPE, /* ext or 0xc1 */
	WALK_STR,  /* a str longer than allowed */
	WALK_KEY,  /* a map key that is no str */
};

struct walk_limits {
	uint32_t depth_max; /* at most 31 */
	uint32_t items_max;
	uint32_t str_bytes_max;
};

/* The limits every body on every transport is walked with. */
extern const struct walk_limits walk_limits_default;

/* Judge exactly one msgpack value that fills body[0..body_bytes). */
enum walk_verdict walk_body(const uint8_t *body, size_t body_bytes,
			    const struct walk_limits *limits);

/* For log lines. */
const char *walk_verdict_text(enum walk_verdict v);

#endif
