/*
 * frame.h: finding message boundaries in a byte stream.
 *
 * On the wire a frame is a four-byte big-endian length, then that many bytes
 * of msgpack.  Here bytes go in and a view of one body comes out; sockets,
 * msgpack and the heap are somebody else's business.
 */
#ifndef PHOTOMESH_FRAME_H
#define PHOTOMESH_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "limits.h"

enum frame_verdict {
	FRAME_READY,   /* A whole frame lies at the front of the input. */
	FRAME_PARTIAL, /* Fine so far: come back with want_bytes in hand. */
	FRAME_BROKEN,  /* No further byte can mend this: hang up. */
};

struct frame {
	const uint8_t *body; /* Borrowed from the input; never freed. */
	size_t body_bytes;   /* In [1, body_bytes_max] when READY. */
	size_t want_bytes;   /* READY: what to drain.  PARTIAL: what to await. */
};

/*
 * Look at the front of `input` without consuming it.  Judging depends on the
 * bytes alone, so calling again with more of the same stream is always safe.
 */
enum frame_verdict frame_peek(const uint8_t *input, size_t input_bytes,
			      size_t body_bytes_max, struct frame *out);

/* The four bytes that go before a body. */
void frame_header(uint32_t body_bytes, uint8_t out[FRAME_HEADER_BYTES]);

#endif
