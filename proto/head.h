/*
 * head.h: the first bytes of one msgpack value, private to proto/.
 *
 * A head tells what follows and how long it is.  The walk and the readers of
 * record values share this one table, so they cannot disagree.
 */
#ifndef PHOTOMESH_HEAD_H
#define PHOTOMESH_HEAD_H

#include <stddef.h>
#include <stdint.h>

#include "walk.h"

enum head_kind {
	HEAD_NIL,
	HEAD_BOOL,
	HEAD_UINT,     /* also a signed form of a number that is not negative */
	HEAD_NEGATIVE, /* value is the two's complement */
	HEAD_FLOAT,
	HEAD_STR,
	HEAD_BIN,
	HEAD_ARRAY,
	HEAD_MAP,
};

struct head {
	enum head_kind kind;
	uint64_t value; /* BOOL, UINT, NEGATIVE */
	uint64_t bytes; /* STR and BIN: they follow the head */
	uint64_t count; /* ARRAY: items, MAP: pairs */
};

/*
 * Read the head at bytes[*at], *at < count, and move *at behind it; numbers
 * are taken whole.  WALK_OK, WALK_SHORT or WALK_TYPE.  Whether what is
 * announced is there is left to the caller.
 */
enum walk_verdict head_read(const uint8_t *bytes, size_t count, size_t *at,
			    struct head *out);

#endif
