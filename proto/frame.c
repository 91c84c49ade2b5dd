#include "frame.h"

#include <assert.h>

enum frame_verdict
frame_peek(const uint8_t *input, size_t input_bytes, size_t body_bytes_max,
	   struct frame *out)
{
	size_t body_bytes;

	assert(body_bytes_max > 0);
	*out = (struct frame){.want_bytes = FRAME_HEADER_BYTES};
	if (input_bytes < FRAME_HEADER_BYTES)
		return FRAME_PARTIAL;
	body_bytes = (size_t)input[0] << 24 | (size_t)input[1] << 16 |
		     (size_t)input[2] << 8 | (size_t)input[3];
	if (body_bytes == 0 || body_bytes > body_bytes_max)
		return FRAME_BROKEN;
	out->want_bytes = FRAME_HEADER_BYTES + body_bytes;
	if (input_bytes < out->want_bytes)
		return FRAME_PARTIAL;
	out->body = input + FRAME_HEADER_BYTES;
	out->body_bytes = body_bytes;
	return FRAME_READY;
}

void
frame_header(uint32_t body_bytes, uint8_t out[FRAME_HEADER_BYTES])
{
	out[0] = (uint8_t)(body_bytes >> 24);
	out[1] = (uint8_t)(body_bytes >> 16);
	out[2] = (uint8_t)(body_bytes >> 8);
	out[3] = (uint8_t)body_bytes;
}
