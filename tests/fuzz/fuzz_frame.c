/*
 * frame_peek: the verdict on a prefix of a stream never contradicts the one
 * on more of it, and a READY view lies inside the input.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int truth)
{
	if (!truth)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame whole, part;
	enum frame_verdict v = frame_peek(data, size, 64, &whole);

	must(v != FRAME_PARTIAL || whole.want_bytes > size);
	if (v == FRAME_READY) {
		must(whole.body == data + FRAME_HEADER_BYTES);
		must(whole.body_bytes >= 1 && whole.body_bytes <= 64);
		must(whole.want_bytes == FRAME_HEADER_BYTES + whole.body_bytes);
		must(whole.want_bytes <= size);
	}
	for (size_t n = 0; n < size && n < 80; n++) {
		enum frame_verdict early = frame_peek(data, n, 64, &part);

		must(early == FRAME_PARTIAL || early == v);
		must(early != FRAME_PARTIAL || part.want_bytes > n);
	}
	return 0;
}
