/*
 * questions.h: what photod and photo-decode say to each other.
 *
 * Over one socket pair, in frames as everywhere; but a body is no msgpack: one
 * byte of kind and what belongs to it, so that there is next to nothing to
 * parse on the side that must not be hurt.  The file travels as a descriptor
 * with the first byte of its question.  A worker begins with READY; then one
 * answer follows each question.
 */
#ifndef PHOTOMESH_QUESTIONS_H
#define PHOTOMESH_QUESTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limits.h"

enum decode_question {
	DECODE_META = 1,  /* -> a record_meta value */
	DECODE_THUMB = 2, /* -> a thumbnail, lawful by thumb.h */
	DECODE_PIXELS = 3, /* of one: width and height (u16 each), then rows of
			    * red, green and blue bytes */
};

/* The first byte of an answer's body. */
enum decode_reply {
	DECODE_REPLY_READY = 1,   /* alone: in the sandbox, waiting */
	DECODE_REPLY_DONE = 2,    /* then the answer's bytes */
	DECODE_REPLY_REFUSED = 3, /* then a sentence */
	/* Then a sentence as well: it is the disk, or a file that changes. */
	DECODE_REPLY_UNREADABLE = 4,
};

#define DECODE_ASK_BYTES      9u /* body: question, size of the file (u64) */
#define DECODE_REASON_MAX     200u
#define DECODE_PIXELS_HEAD_BYTES 4u
#define DECODE_ANSWER_BYTES_MAX                                                \
	(1u + DECODE_PIXELS_HEAD_BYTES + THUMB_PIXELS_MAX)

/* The whole frame of a question. */
#define DECODE_ASK_FRAME_BYTES (4u + DECODE_ASK_BYTES)
void decode_ask_pack(enum decode_question q, uint64_t file_bytes,
		     uint8_t out[DECODE_ASK_FRAME_BYTES]);
/* Of a body; false for a question that is none. */
bool decode_ask_parse(const uint8_t *body, size_t bytes,
		      enum decode_question *q, uint64_t *file_bytes);

#endif
