#include "questions.h"

#include "bytes.h"
#include "frame.h"

void
decode_ask_pack(enum decode_question q, uint64_t file_bytes,
		uint8_t out[DECODE_ASK_FRAME_BYTES])
{
	uint8_t *at = out + FRAME_HEADER_BYTES;

	_Static_assert(DECODE_ASK_FRAME_BYTES ==
			       FRAME_HEADER_BYTES + DECODE_ASK_BYTES,
		       "a frame");
	frame_header(DECODE_ASK_BYTES, out);
	put_be(&at, q, 1);
	put_be(&at, file_bytes, 8);
}

bool
decode_ask_parse(const uint8_t *body, size_t bytes, enum decode_question *q,
		 uint64_t *file_bytes)
{
	if (bytes != DECODE_ASK_BYTES ||
	    (body[0] < DECODE_META || body[0] > DECODE_PIXELS))
		return false;
	*q = (enum decode_question)body[0];
	*file_bytes = 0;
	for (unsigned i = 1; i < DECODE_ASK_BYTES; i++)
		*file_bytes = *file_bytes << 8 | body[i];
	return true;
}
