/*
 * bulk: every type both ways, the head in front of a CHUNK, what may be asked,
 * what must be refused; and the examples of PROTOCOL.md (argv[1]).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bulk.h"
#include "fields.h"
#include "frame.h"
#include "pack.h"
#include "proto_samples.h"
#include "protocol_example.h"

static struct unpack *unpack;
static uint8_t frame[FRAME_HEADER_BYTES + CHANNEL_BODY_BYTES_MAX + 64];
static const char *document = "proto/PROTOCOL.md";

static const uint32_t types[] = {BULK_CHANNEL, BULK_CHANNEL_OPEN, BULK_FETCH,
				 BULK_PROVE,   BULK_PROOF,	MESSAGE_ERROR,
				 BULK_HATCH,   BULK_HATCH_IS,	BULK_HAND,
				 BULK_HANDED, BULK_THUMBS, BULK_THUMBS + 100};
static uint8_t ids[THUMBS_ASK_MAX * PHOTO_ID_BYTES];
#define TYPES (sizeof(types) / sizeof(types[0]))

static void
sample(uint32_t type, struct bulk *m)
{
	memset(m, 0, sizeof(*m));
	m->type = type;
	m->request = 7;
	switch (type) {
	case BULK_CHANNEL:
		m->u.channel.version_min = m->u.channel.version_max = 1;
		sample_fill(m->u.channel.key, PUBLIC_KEY_BYTES, 0);
		sample_fill(m->u.channel.signature, SIGNATURE_BYTES, 0x40);
		m->u.channel.run = UINT64_C(0x0123456789abcdef);
		return;
	case BULK_CHANNEL_OPEN:
		m->u.open.version = 1;
		return;
	case BULK_FETCH:
		sample_fill(m->u.fetch.photo.hash, PHOTO_HASH_BYTES, 0xc0);
		m->u.fetch.photo.size = 3000000;
		m->u.fetch.offset = 1048576;
		m->u.fetch.length = 1048576;
		return;
	case BULK_PROVE:
		sample_fill(m->u.prove.photo.hash, PHOTO_HASH_BYTES, 0xc0);
		m->u.prove.photo.size = 3000000;
		sample_fill(m->u.prove.nonce, PROOF_NONCE_BYTES, 0x20);
		return;
	case BULK_PROOF:
		sample_fill(m->u.proof, PROOF_BYTES, 0x60);
		return;
	case BULK_THUMBS + 100:
		m->type = BULK_CHANNEL_OPEN;
		m->u.open.version = 1;
		m->u.open.hatch = m->u.open.thumbs = true;
		return;
	case BULK_THUMBS:
		m->u.thumbs.ids = ids;
		m->u.thumbs.count = THUMBS_ASK_MAX;
		m->u.thumbs.make = true;
		return;
	case BULK_HATCH:
	case BULK_HANDED:
		return;
	case BULK_HATCH_IS:
		sample_fill(m->u.hatch.at, HATCH_AT_BYTES, 0x70);
		sample_fill(m->u.hatch.ticket, HATCH_TICKET_BYTES, 0x80);
		return;
	case BULK_HAND:
		sample_fill(m->u.hand.hash, PHOTO_HASH_BYTES, 0xc0);
		m->u.hand.size = 3000000;
		return;
	default:
		m->u.error.code = ERROR_CHANGED;
		strcpy(m->u.error.text, "no longer what was indexed");
	}
}

/* From memory of exactly this size, so that a sanitizer sees what is beyond. */
static enum message_verdict
decode(const uint8_t *body, size_t count, struct bulk *out)
{
	uint8_t *copy = malloc(count > 0 ? count : 1);
	enum message_verdict v;
	const char *why = NULL;

	assert_non_null(copy);
	memcpy(copy, body, count);
	v = bulk_decode(unpack, copy, count, out, &why);
	assert_true((v == MESSAGE_BROKEN) == (why != NULL));
	free(copy);
	return v;
}

static void
all_types_both_ways(void **state)
{
	uint8_t again[sizeof(frame)];

	(void)state;
	for (unsigned n = 0; n < TYPES; n++) {
		struct bulk m, back;
		size_t used;

		sample(types[n], &m);
		used = bulk_encode(&m, frame, sizeof(frame));
		assert_in_range(used, FRAME_HEADER_BYTES + 1,
				FRAME_HEADER_BYTES + CHANNEL_ASK_BYTES_MAX);
		assert_int_equal(decode(frame + 4, used - 4, &back),
				 MESSAGE_OK);
		assert_int_equal(back.type, m.type);
		assert_int_equal(back.request, 7);
		if (m.type == BULK_THUMBS)
			back.u.thumbs.ids = ids; /* not of the copy */
		assert_int_equal(bulk_encode(&back, again, sizeof(again)),
				 used);
		assert_memory_equal(again, frame, used);
		assert_int_equal(bulk_encode(&m, again, used - 1), 0);
		for (size_t cut = 4; cut < used; cut++)
			assert_int_equal(decode(frame + 4, cut - 4, &back),
					 MESSAGE_BROKEN);
		frame[used] = 0;
		assert_int_equal(decode(frame + 4, used - 3, &back),
				 MESSAGE_BROKEN);
		assert_string_not_equal(message_type_text(m.type), "?");
	}
}

static void
mutations(void **state)
{
	uint8_t again[sizeof(frame)];

	(void)state;
	for (unsigned n = 0; n < TYPES; n++) {
		struct bulk m, back;
		size_t used;

		sample(types[n], &m);
		used = bulk_encode(&m, frame, sizeof(frame));
		for (size_t at = 4; at < used; at++) {
			uint8_t was = frame[at];

			for (unsigned v = 0; v < 256; v++) {
				frame[at] = (uint8_t)v;
				if (bulk_decode(unpack, frame + 4, used - 4,
						&back, NULL) == MESSAGE_OK &&
				    back.type != BULK_CHUNK &&
				    (bulk_lawful(&back) ||
				     (back.type != BULK_FETCH &&
				      back.type != BULK_PROVE &&
				      back.type != BULK_THUMBS)))
					assert_int_not_equal(
						bulk_encode(&back, again,
							    sizeof(again)),
						0);
			}
			frame[at] = was;
		}
	}
}

/* At least one photo, at most so many, and none of them in part. */
static void
thumbs(void **state)
{
	static const size_t counts[] = {0, 1, 23, 25, 24 * THUMBS_ASK_MAX - 1,
					24 * (THUMBS_ASK_MAX + 1)};
	uint8_t *data = frame + BULK_CHUNK_HEAD_MAX, many[24 * 40] = {0};
	struct bulk m = {.type = BULK_THUMBS, .request = 7}, back;
	struct frame f;
	size_t head, used;

	(void)state;
	for (unsigned i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct pack p;

		pack_frame_begin(&p, frame, sizeof(frame), BULK_THUMBS, 7);
		pack_map(&p, 1);
		pack_key_bin(&p, "photos", many, counts[i]);
		used = pack_frame_end(&p);
		assert_int_equal(decode(frame + 4, used - 4, &back),
				 MESSAGE_BROKEN);
	}
	m.u.thumbs.ids = many;
	m.u.thumbs.count = 1;
	used = bulk_encode(&m, frame, sizeof(frame));
	assert_int_equal(bulk_decode(unpack, frame + 4, used - 4, &back, NULL),
			 MESSAGE_OK);
	assert_true(bulk_lawful(&back));
	assert_int_equal(back.u.thumbs.count, 1);
	assert_false(back.u.thumbs.make);
	back.request = 0;
	assert_false(bulk_lawful(&back));
	for (size_t n = 0; n <= THUMB_BYTES_MAX; n += THUMB_BYTES_MAX / 4) {
		sample_fill(data, n, 9);
		head = bulk_thumb_head(7, n, data);
		assert_int_equal(frame_peek(data - head, head + n,
					    THUMB_BYTES_MAX + 64, &f),
				 FRAME_READY);
		assert_int_equal(bulk_decode(unpack, f.body, f.body_bytes,
					     &back, NULL),
				 MESSAGE_OK);
		assert_int_equal(back.type, BULK_THUMB);
		assert_int_equal(back.u.chunk.data_bytes, n);
		assert_int_equal(decode(f.body, f.body_bytes - 1, &back),
				 MESSAGE_BROKEN);
	}
	/* One byte too many, as a CHUNK might have it. */
	used = bulk_chunk_head(7, THUMB_BYTES_MAX + 1, data);
	data[1 - (long)used + FRAME_HEADER_BYTES] = BULK_THUMB;
	assert_int_equal(decode(data - used + 4, used - 4 + THUMB_BYTES_MAX + 1,
				&back),
			 MESSAGE_BROKEN);
}

/* The head ends where the data begin, for every form of its numbers. */
static void
chunks(void **state)
{
	static const size_t counts[] = {0,     1,     255,	     256,
					65535, 65536, CHUNK_BYTES_MAX};
	static const uint32_t requests[] = {1, 127, 128, 65535, 65536,
					    UINT32_MAX};
	uint8_t *data = frame + BULK_CHUNK_HEAD_MAX;

	(void)state;
	sample_fill(data, CHUNK_BYTES_MAX, 9);
	for (unsigned c = 0; c < 7; c++) {
		for (unsigned r = 0; r < 6; r++) {
			struct bulk back;
			struct frame f;
			size_t head = bulk_chunk_head(requests[r], counts[c],
						      data);

			assert_in_range(head, FRAME_HEADER_BYTES,
					BULK_CHUNK_HEAD_MAX);
			assert_int_equal(frame_peek(data - head,
						    head + counts[c],
						    CHANNEL_BODY_BYTES_MAX, &f),
					 FRAME_READY);
			assert_int_equal(f.want_bytes, head + counts[c]);
			assert_int_equal(bulk_decode(unpack, f.body,
						     f.body_bytes, &back, NULL),
					 MESSAGE_OK);
			assert_int_equal(back.type, BULK_CHUNK);
			assert_int_equal(back.request, requests[r]);
			assert_int_equal(back.u.chunk.data_bytes, counts[c]);
			if (counts[c] > 0)
				assert_ptr_equal(back.u.chunk.data, data);
			assert_int_equal(decode(f.body, f.body_bytes - 1,
						&back),
					 MESSAGE_BROKEN);
		}
	}
}

/* Lawful but unusual: other forms of numbers, a key from a later version. */
static void
unusual_chunks(void **state)
{
	static const uint8_t wide[] = {0xdc, 0, 3, 0xcd, 0, 16, 0xcc, 7,
				       0xde, 0, 1, 0xd9, 4, 'd', 'a', 't',
				       'a', 0xc6, 0, 0, 0, 2, 'x', 'y'};
	struct bulk back;
	struct pack p;

	(void)state;
	assert_int_equal(decode(wide, sizeof(wide), &back), MESSAGE_OK);
	assert_int_equal(back.type, BULK_CHUNK);
	assert_int_equal(back.request, 7);
	assert_int_equal(back.u.chunk.data_bytes, 2);
	pack_frame_begin(&p, frame, sizeof(frame), BULK_CHUNK, 7);
	pack_map(&p, 2);
	pack_key_uint(&p, "later", 1);
	pack_key_bin(&p, "data", "xyz", 3);
	assert_int_equal(bulk_decode(unpack, frame + 4, pack_frame_end(&p) - 4,
				     &back, NULL),
			 MESSAGE_OK);
	assert_int_equal(back.u.chunk.data_bytes, 3);
	assert_memory_equal(back.u.chunk.data, "xyz", 3);
	/* Of the wrong type, missing, too long. */
	pack_frame_begin(&p, frame, sizeof(frame), BULK_CHUNK, 7);
	pack_map(&p, 1);
	pack_key_str(&p, "data", "xyz");
	assert_int_equal(decode(frame + 4, pack_frame_end(&p) - 4, &back),
			 MESSAGE_BROKEN);
	assert_int_equal(decode((const uint8_t *)"\x93\x10\x07\x80", 4, &back),
			 MESSAGE_BROKEN);
	pack_frame_begin(&p, frame, sizeof(frame), BULK_CHUNK, 7);
	pack_map(&p, 1);
	pack_str(&p, "data");
	memcpy(frame + p.used, "\xc6\x00\x04\x00\x01", 5);
	assert_int_equal(decode(frame + 4,
				p.used - 4 + 5 + CHUNK_BYTES_MAX + 1, &back),
			 MESSAGE_BROKEN);
	assert_int_equal(decode((const uint8_t *)"\x93\x05\x07\x80", 4, &back),
			 MESSAGE_UNKNOWN);
}

static void
what_may_be_asked(void **state)
{
	struct bulk m;
	struct bulk_fetch *f = &m.u.fetch;

	(void)state;
	sample(BULK_FETCH, &m);
	assert_true(bulk_lawful(&m));
	f->offset = f->photo.size - f->length;
	assert_true(bulk_lawful(&m));
	f->offset++;
	assert_false(bulk_lawful(&m));
	f->offset = UINT64_MAX; /* nor by a sum that wraps round */
	assert_false(bulk_lawful(&m));
	f->offset = 0;
	f->length = FETCH_BYTES_MAX + 1;
	assert_false(bulk_lawful(&m));
	f->length = UINT64_MAX;
	assert_false(bulk_lawful(&m));
	f->length = 0;
	assert_false(bulk_lawful(&m));
	f->photo.size = 0;
	assert_true(bulk_lawful(&m));
	f->length = 1;
	assert_false(bulk_lawful(&m));
	for (unsigned n = 0; n < TYPES; n++) {
		sample(types[n], &m);
		assert_int_equal(bulk_lawful(&m),
				 types[n] == BULK_FETCH ||
					 types[n] == BULK_PROVE ||
					 types[n] == BULK_HATCH ||
					 types[n] == BULK_THUMBS ||
					 types[n] == BULK_HAND);
		m.request = 0;
		assert_false(bulk_lawful(&m));
	}
}

/* Said by those who can, ignored by those who cannot. */
static void
hatch_offered(void **state)
{
	struct bulk m, back;
	size_t used;

	(void)state;
	sample(BULK_CHANNEL_OPEN, &m);
	used = bulk_encode(&m, frame, sizeof(frame));
	assert_int_equal(decode(frame + 4, used - 4, &back), MESSAGE_OK);
	assert_false(back.u.open.hatch);
	m.u.open.hatch = true;
	used = bulk_encode(&m, frame, sizeof(frame));
	assert_int_equal(decode(frame + 4, used - 4, &back), MESSAGE_OK);
	assert_true(back.u.open.hatch);
	assert_int_equal(back.u.open.version, 1);
	frame[used - 1] = 1; /* no boolean */
	assert_int_equal(decode(frame + 4, used - 4, &back), MESSAGE_BROKEN);
}

static void
what_is_signed(void **state)
{
	uint8_t exporter[HELLO_EXPORTER_BYTES], said[BULK_SIGNED_BYTES];

	(void)state;
	sample_fill(exporter, sizeof(exporter), 0x10);
	assert_int_equal(bulk_signed_bytes(exporter, 0x0102030405060708, said),
			 60);
	assert_memory_equal(said, "photomesh channel 1\0", 20);
	assert_memory_equal(said + 20, exporter, sizeof(exporter));
	assert_memory_equal(said + 52, "\1\2\3\4\5\6\7\10", 8);
}

/* ---- the document ---------------------------------------------------- */

static void
examples(void **state)
{
	uint8_t shown[256], *data = frame + BULK_CHUNK_HEAD_MAX;
	struct bulk m;
	size_t used;

	(void)state;
	sample(BULK_FETCH, &m);
	used = bulk_encode(&m, frame, sizeof(frame));
	assert_int_equal(example_read(document, "FETCH", shown, sizeof(shown)),
			 used - FRAME_HEADER_BYTES);
	assert_memory_equal(shown, frame + FRAME_HEADER_BYTES,
			    used - FRAME_HEADER_BYTES);
	memcpy(data, "\xff\xd8\xff", 3);
	used = bulk_chunk_head(7, 3, data);
	assert_int_equal(example_read(document, "CHUNK", shown, sizeof(shown)),
			 used - FRAME_HEADER_BYTES + 3);
	assert_memory_equal(shown, data - used + FRAME_HEADER_BYTES,
			    used - FRAME_HEADER_BYTES + 3);
	sample(BULK_HATCH_IS, &m);
	used = bulk_encode(&m, frame, sizeof(frame));
	assert_int_equal(example_read(document, "HATCH_IS", shown,
				      sizeof(shown)),
			 used - FRAME_HEADER_BYTES);
	assert_memory_equal(shown, frame + FRAME_HEADER_BYTES,
			    used - FRAME_HEADER_BYTES);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_types_both_ways),
		cmocka_unit_test(mutations),
		cmocka_unit_test(thumbs),
		cmocka_unit_test(chunks),
		cmocka_unit_test(unusual_chunks),
		cmocka_unit_test(what_may_be_asked),
		cmocka_unit_test(hatch_offered),
		cmocka_unit_test(what_is_signed),
		cmocka_unit_test(examples),
	};
	int failed;

	if (argc > 1)
		document = argv[1];
	unpack = unpack_new();
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unpack_free(unpack);
	return failed;
}
