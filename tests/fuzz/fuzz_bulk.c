/*
 * What bulk_decode accepts can be written again, and decoding that gives the
 * same bytes once more; a CHUNK is the same by hand and through msgpack-c.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bulk.h"
#include "fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int truth)
{
	if (!truth)
		abort();
}

/* The whole frame of m; 0: nothing that may be asked. */
static size_t
encode(const struct bulk *m, uint8_t *out, size_t max)
{
	uint8_t *data = out + BULK_CHUNK_HEAD_MAX;
	size_t head, bytes = m->u.chunk.data_bytes;

	if (m->type != BULK_CHUNK && m->type != BULK_THUMB) {
		if ((m->type == BULK_FETCH || m->type == BULK_PROVE ||
		     m->type == BULK_THUMBS) &&
		    !bulk_lawful(m))
			return 0;
		return bulk_encode(m, out, max);
	}
	memmove(data, m->u.chunk.data, bytes);
	head = m->type == BULK_CHUNK
		       ? bulk_chunk_head(m->request, bytes, data)
		       : bulk_thumb_head(m->request, bytes, data);
	memmove(out, data - head, head + bytes);
	return head + bytes;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t one[BULK_CHUNK_HEAD_MAX + CHANNEL_BODY_BYTES_MAX];
	static uint8_t two[BULK_CHUNK_HEAD_MAX + CHANNEL_BODY_BYTES_MAX];
	static struct unpack *unpack;
	size_t one_bytes, two_bytes;
	const char *why = NULL;
	struct bulk m;

	if (unpack == NULL)
		unpack = unpack_new();
	must(unpack != NULL);
	switch (bulk_decode(unpack, data, size, &m, &why)) {
	case MESSAGE_BROKEN:
		must(why != NULL);
		return 0;
	case MESSAGE_UNKNOWN:
		return 0;
	case MESSAGE_OK:
		break;
	}
	if (m.type == BULK_THUMB)
		must(m.u.chunk.data_bytes <= THUMB_BYTES_MAX);
	if (m.type == BULK_THUMBS)
		must(m.u.thumbs.count >= 1 &&
		     m.u.thumbs.count <= THUMBS_ASK_MAX);
	if (m.type == BULK_CHUNK)
		must(m.u.chunk.data_bytes <= CHUNK_BYTES_MAX);
	one_bytes = encode(&m, one, sizeof(one));
	if (one_bytes == 0) {
		must(m.type == BULK_FETCH || m.type == BULK_PROVE);
		return 0;
	}
	must(one_bytes <= FRAME_HEADER_BYTES + size);
	must(bulk_decode(unpack, one + FRAME_HEADER_BYTES,
			 one_bytes - FRAME_HEADER_BYTES, &m,
			 &why) == MESSAGE_OK);
	two_bytes = encode(&m, two, sizeof(two));
	must(two_bytes == one_bytes && memcmp(one, two, one_bytes) == 0);
	return 0;
}
