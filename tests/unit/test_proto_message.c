/* message: every type both ways, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pack.h"
#include "proto_samples.h"

#define FRAME_MAX (FRAME_HEADER_BYTES + LINK_BODY_BYTES_MAX)

static struct message_decoder *decoder;
static struct samples samples;
static uint8_t frame[FRAME_MAX], again[FRAME_MAX];

static enum message_verdict
decode(const uint8_t *body, size_t count, struct message *out)
{
	uint8_t *copy = malloc(count > 0 ? count : 1);
	enum message_verdict v;
	const char *why = NULL;

	assert_non_null(copy);
	memcpy(copy, body, count);
	v = message_decode(decoder, copy, count, out, &why);
	assert_true((v == MESSAGE_BROKEN) == (why != NULL));
	free(copy);
	return v;
}

static void
all_types_both_ways(void **state)
{
	(void)state;
	for (uint32_t type = 1; type <= SAMPLE_TYPES; type++) {
		struct message m, back;
		size_t used, used_again;

		sample_message(&samples, type, &m);
		used = message_encode(&m, frame, sizeof(frame));
		assert_true(used > FRAME_HEADER_BYTES);
		assert_int_equal(message_decode(decoder, frame + 4, used - 4,
						&back, NULL),
				 MESSAGE_OK);
		assert_int_equal(back.type, type);
		assert_int_equal(back.request, m.request);
		used_again = message_encode(&back, again, sizeof(again));
		assert_int_equal(used_again, used);
		assert_memory_equal(again, frame, used);
		assert_int_equal(message_encode(&m, again, used - 1), 0);
		/* Cut anywhere, it is broken and nothing worse. */
		for (size_t cut = 4; cut < used; cut++)
			assert_int_equal(decode(frame + 4, cut - 4, &back),
					 MESSAGE_BROKEN);
		/* So is one byte more. */
		frame[used] = 0;
		assert_int_equal(decode(frame + 4, used - 3, &back),
				 MESSAGE_BROKEN);
		assert_string_not_equal(message_type_text(type), "?");
	}
	assert_string_equal(message_type_text(0), "?");
	assert_string_equal(message_type_text(31), "?");
}

/* HELLO without `pads`, as all were once, and with it. */
static void
hello_may_say_that_it_pads(void **state)
{
	struct message m, back;
	size_t used;

	(void)state;
	sample_message(&samples, MESSAGE_HELLO, &m);
	for (unsigned pads = 0; pads <= 1; pads++) {
		m.u.hello.pads = pads == 1;
		used = message_encode(&m, frame, sizeof(frame));
		assert_int_equal(decode(frame + 4, used - 4, &back), MESSAGE_OK);
		assert_int_equal(back.u.hello.pads, pads);
		assert_string_equal(back.u.hello.software, m.u.hello.software);
	}
}

/* Flip every byte to every value: never a crash, and what is accepted must
 * be something that could be sent. */
static void
mutations(void **state)
{
	(void)state;
	for (uint32_t type = 1; type <= SAMPLE_TYPES; type++) {
		struct message m, back;
		size_t used;

		sample_message(&samples, type, &m);
		used = message_encode(&m, frame, sizeof(frame));
		for (size_t at = 4; at < used; at++) {
			uint8_t was = frame[at];

			for (unsigned v = 0; v < 256; v += 3) {
				frame[at] = (uint8_t)v;
				if (message_decode(decoder, frame + 4, used - 4,
						   &back, NULL) == MESSAGE_OK)
					message_encode(&back, again,
						       sizeof(again));
			}
			frame[at] = was;
		}
	}
}

static void
unknown_types(void **state)
{
	static const uint32_t types[] = {0, 13, 32, UINT32_MAX};
	struct message m;
	struct pack p;

	(void)state;
	for (unsigned n = 0; n < 4; n++) {
		pack_frame_begin(&p, frame, sizeof(frame), types[n], 99);
		pack_map(&p, 1);
		pack_key_uint(&p, "x", 1);
		assert_int_equal(decode(frame + 4, pack_frame_end(&p) - 4, &m),
				 MESSAGE_UNKNOWN);
		assert_int_equal(m.type, types[n]);
		assert_int_equal(m.request, 99);
	}
	assert_int_equal(decode((const uint8_t *)"\x93\x01\x01\x90", 4, &m),
			 MESSAGE_BROKEN);
	assert_int_equal(decode((const uint8_t *)"\x92\x04\x01", 3, &m),
			 MESSAGE_BROKEN);
	assert_int_equal(decode((const uint8_t *)"\x93\xff\x01\x80", 4, &m),
			 MESSAGE_BROKEN);
	assert_int_equal(decode((const uint8_t *)"\x93\x04\x01\x80", 4, &m),
			 MESSAGE_OK);
	assert_int_equal(decode((const uint8_t *)"\xdd\xff\xff\xff\xff", 5, &m),
			 MESSAGE_BROKEN);
}

static enum message_verdict
heartbeat(uint32_t period, bool extra, bool twice, bool nil)
{
	uint8_t id[NODE_ID_BYTES] = {0};
	struct message m;
	struct pack p;

	pack_frame_begin(&p, frame, sizeof(frame), MESSAGE_HEARTBEAT, 0);
	pack_map(&p, 3u + extra + twice);
	pack_key_uint(&p, "period", period);
	pack_key_bin(&p, "follows", id, sizeof(id));
	pack_str(&p, "synced");
	if (nil)
		pack_nil(&p);
	else
		pack_bool(&p, true);
	if (extra)
		pack_key_str(&p, "mood", "good");
	if (twice)
		pack_key_bool(&p, "synced", true);
	return decode(frame + 4, pack_frame_end(&p) - 4, &m);
}

static void
heartbeats(void **state)
{
	(void)state;
	assert_int_equal(heartbeat(250, false, false, false), MESSAGE_OK);
	assert_int_equal(heartbeat(1100, true, false, false), MESSAGE_OK);
	assert_int_equal(heartbeat(249, false, false, false), MESSAGE_BROKEN);
	assert_int_equal(heartbeat(1101, false, false, false), MESSAGE_BROKEN);
	assert_int_equal(heartbeat(250, false, true, false), MESSAGE_BROKEN);
	assert_int_equal(heartbeat(250, false, false, true), MESSAGE_BROKEN);
}

/* A BATCH with two tombstones at the given places. */
static enum message_verdict
batch(uint64_t after, uint64_t one, uint64_t two, uint64_t through,
      uint64_t base, uint64_t cursor, uint32_t count)
{
	uint8_t id[16] = {0};
	struct message m;
	struct pack p;

	pack_frame_begin(&p, frame, sizeof(frame), MESSAGE_BATCH, 1);
	pack_map(&p, 9);
	pack_key_bin(&p, "node", id, 16);
	pack_key_uint(&p, "gen", 1);
	pack_key_uint(&p, "after", after);
	pack_key_uint(&p, "through", through);
	pack_key_uint(&p, "base", base);
	pack_key_uint(&p, "cursor", cursor);
	pack_key_bin(&p, "digest", id, 16);
	pack_key_uint(&p, "rows", 2);
	pack_str(&p, "records");
	pack_array(&p, count);
	for (uint32_t n = 0; n < count; n++) {
		struct record r = {.seq = n == 0 ? one : two,
				   .kind = RECORD_ROOT,
				   .dead = true,
				   .key = id,
				   .key_bytes = ROOT_ID_BYTES,
				   .value = id};

		record_pack(&p, &r);
	}
	return decode(frame + 4, pack_frame_end(&p) - 4, &m);
}

/* Two rows of one number, as a forked history has them. */
static enum message_verdict
twins(uint8_t kind, uint8_t tail, uint8_t kind_two, uint8_t tail_two)
{
	struct record r[2] = {{.seq = 5, .kind = kind, .dead = true},
			      {.seq = 5, .kind = kind_two, .dead = true}};
	uint8_t id[16] = {0}, keys[2][16] = {{0}};
	struct message m;
	struct pack p;

	keys[0][7] = tail;
	keys[1][7] = tail_two;
	pack_frame_begin(&p, frame, sizeof(frame), MESSAGE_BATCH, 1);
	pack_map(&p, 9);
	pack_key_bin(&p, "node", id, 16);
	pack_key_uint(&p, "gen", 1);
	pack_key_uint(&p, "after", 4);
	pack_key_uint(&p, "through", 6);
	pack_key_uint(&p, "base", 6);
	pack_key_uint(&p, "cursor", 6);
	pack_key_bin(&p, "digest", id, 16);
	pack_key_uint(&p, "rows", 2);
	pack_str(&p, "records");
	pack_array(&p, 2);
	for (unsigned n = 0; n < 2; n++) {
		r[n].key = keys[n];
		r[n].value = id;
		r[n].key_bytes = r[n].kind == RECORD_ROOT ? 8 : 9;
		keys[n][8] = r[n].kind == RECORD_ROOT ? 0 : 'a';
		record_pack(&p, &r[n]);
	}
	return decode(frame + 4, pack_frame_end(&p) - 4, &m);
}

static void
batches(void **state)
{
	(void)state;
	assert_int_equal(batch(4, 5, 6, 6, 0, 6, 2), MESSAGE_OK);
	assert_int_equal(batch(4, 5, 6, 7, 7, 9, 2), MESSAGE_OK);
	assert_int_equal(batch(4, 5, 5, 7, 7, 9, 2), MESSAGE_BROKEN);
	assert_int_equal(batch(4, 6, 5, 7, 7, 9, 2), MESSAGE_BROKEN);
	assert_int_equal(batch(5, 5, 6, 7, 7, 9, 2), MESSAGE_BROKEN);
	assert_int_equal(batch(4, 5, 8, 7, 7, 9, 2), MESSAGE_BROKEN);
	assert_int_equal(batch(4, 5, 6, 10, 7, 9, 2), MESSAGE_BROKEN);
	assert_int_equal(batch(4, 5, 6, 7, 10, 9, 2), MESSAGE_BROKEN);
	assert_int_equal(batch(4, 0, 0, 9, 9, 9, 0), MESSAGE_OK);
	assert_int_equal(batch(9, 0, 0, 9, 9, 9, 0), MESSAGE_OK);
	assert_int_equal(batch(12, 0, 0, 9, 9, 9, 0), MESSAGE_OK);
	assert_int_equal(batch(12, 0, 0, 8, 8, 9, 0), MESSAGE_BROKEN);
	/* Empty, and not the last: it would be asked for without end. */
	assert_int_equal(batch(4, 0, 0, 5, 9, 9, 0), MESSAGE_BROKEN);
	assert_int_equal(batch(0, 1, SEQ_MAX, SEQ_MAX, 0, SEQ_MAX, 2),
			 MESSAGE_OK);
	assert_int_equal(batch(0, 0, 1, 2, 0, 2, 2), MESSAGE_BROKEN);
	/* Of one number: by kind, then key, each once. */
	assert_int_equal(twins(RECORD_ROOT, 1, RECORD_ROOT, 2), MESSAGE_OK);
	assert_int_equal(twins(RECORD_ROOT, 2, RECORD_ROOT, 1), MESSAGE_BROKEN);
	assert_int_equal(twins(RECORD_ROOT, 2, RECORD_ROOT, 2), MESSAGE_BROKEN);
	assert_int_equal(twins(RECORD_ROOT, 2, RECORD_COPY, 1), MESSAGE_OK);
	assert_int_equal(twins(RECORD_COPY, 1, RECORD_ROOT, 2), MESSAGE_BROKEN);
}

static void
batch_writing(void **state)
{
	struct batch_writer w;
	struct message m, n;
	size_t used, direct;

	(void)state;
	sample_message(&samples, MESSAGE_BATCH, &m);
	direct = message_encode(&m, again, sizeof(again));
	batch_writer_init(&w, frame, sizeof(frame), PULL_CREDIT_MIN);
	assert_true(batch_writer_add(&w, &samples.records[0]));
	assert_true(batch_writer_add(&w, &samples.records[1]));
	used = batch_writer_end(&w, 7, &m.u.batch);
	assert_int_equal(used, direct);
	assert_memory_equal(frame, again, used);
	/* None at all. */
	batch_writer_init(&w, frame, sizeof(frame), PULL_CREDIT_MIN);
	used = batch_writer_end(&w, 7, &m.u.batch);
	assert_int_equal(message_decode(decoder, frame + 4, used - 4, &n, NULL),
			 MESSAGE_OK);
	assert_int_equal(n.u.batch.record_count, 0);
}

/* Until full: by credit with large records, by count with small ones. */
static void
batch_full(void **state)
{
	static uint8_t big[RECORD_BYTES_MAX];
	static const size_t sizes[] = {0, 100, RECORD_BYTES_MAX - 8};

	(void)state;
	for (unsigned n = 0; n < 3; n++) {
		struct record r = {.kind = RECORD_ROOT,
				   .key = big,
				   .key_bytes = 8,
				   .value = big,
				   .value_bytes = sizes[n]};
		struct message m;
		struct batch_writer w;
		size_t used, before;

		sample_message(&samples, MESSAGE_BATCH, &m);
		batch_writer_init(&w, frame, sizeof(frame), PULL_CREDIT_MAX);
		do {
			r.seq = w.record_count + 1;
			before = w.records_bytes;
		} while (batch_writer_add(&w, &r));
		assert_int_equal(w.records_bytes, before);
		assert_true(w.records_bytes <= PULL_CREDIT_MAX);
		assert_true(record_packed_bytes(&r) + w.records_bytes + 16 >
				    PULL_CREDIT_MAX ||
			    w.record_count == BATCH_RECORDS_MAX);
		m.u.batch.after = 0;
		m.u.batch.through = r.seq;
		m.u.batch.point = (struct point){r.seq, r.seq};
		used = batch_writer_end(&w, UINT32_MAX, &m.u.batch);
		assert_true(used > 0);
		assert_int_equal(
			message_decode(decoder, frame + 4, used - 4, &m, NULL),
			MESSAGE_OK);
		assert_int_equal(m.u.batch.record_count, w.record_count);
		assert_int_equal(m.u.batch.records_bytes, w.records_bytes);
	}
}

/* All rows of a number are in one page, unless it holds nothing else. */
static void
batch_keeps_numbers_whole(void **state)
{
	static uint8_t big[RECORD_BYTES_MAX];
	struct record r = {.kind = RECORD_COPY, .key = big, .key_bytes = 9,
			   .value = big, .value_bytes = 3000};
	struct batch_writer w;

	(void)state;
	memset(big, 1, sizeof(big));
	batch_writer_init(&w, frame, sizeof(frame), PULL_CREDIT_MIN);
	r.seq = 1;
	assert_true(batch_writer_add(&w, &r));
	assert_int_equal(w.through, 1);
	for (r.seq = 2, big[0] = 0; batch_writer_add(&w, &r); big[0]++)
		continue;
	assert_int_equal(big[0], 4);
	assert_int_equal(w.through, 1);
	assert_int_equal(w.record_count, 1);
	assert_true(w.records_bytes < 4000);
	/* Whole ones stay when the next has no room at all. */
	batch_writer_init(&w, frame, sizeof(frame), PULL_CREDIT_MIN);
	for (r.seq = 1; batch_writer_add(&w, &r); r.seq++)
		continue;
	assert_int_equal(w.through, 5);
	assert_int_equal(w.record_count, 5);
	/* More than a page can ever hold: the first ones. */
	batch_writer_init(&w, frame, sizeof(frame), PULL_CREDIT_MIN);
	for (r.seq = 7, big[0] = 0; batch_writer_add(&w, &r); big[0]++)
		continue;
	assert_int_equal(w.through, 7);
	assert_int_equal(w.record_count, 5);
}

static void
hello_bounds(void **state)
{
	struct message m, back;
	size_t used;

	(void)state;
	sample_message(&samples, MESSAGE_HELLO, &m);
	memset(m.u.hello.name, 'n', NODE_NAME_BYTES_MAX);
	memset(m.u.hello.software, 's', sizeof(m.u.hello.software) - 1);
	m.u.hello.version_max = UINT32_MAX;
	m.u.hello.pads = true;
	m.u.hello.run = m.u.hello.uptime_ms = UINT64_MAX;
	m.u.hello.address_count = NODE_ADDRESSES_MAX;
	for (unsigned n = 0; n < NODE_ADDRESSES_MAX; n++) {
		memset(m.u.hello.addresses[n].host, 'h', ADDRESS_HOST_MAX);
		m.u.hello.addresses[n].port = 65535;
	}
	used = message_encode(&m, frame, sizeof(frame));
	assert_true(used > 0);
	assert_int_equal(decode(frame + 4, used - 4, &back), MESSAGE_OK);
}

/* The largest NODES and STREAMS fit a link. */
static void
largest_lists(void **state)
{
	static struct node_report nodes[MESH_KNOWN_MAX];
	static struct stream_report streams[MESH_STREAMS_MAX];
	struct message m = {.type = MESSAGE_WELCOME, .request = UINT32_MAX};

	(void)state;
	for (unsigned n = 0; n < MESH_KNOWN_MAX; n++) {
		memset(&nodes[n], 0xff, sizeof(nodes[n]));
		nodes[n].name[NODE_NAME_BYTES_MAX] = '\0';
		nodes[n].address_count = NODE_ADDRESSES_MAX;
		for (unsigned a = 0; a < NODE_ADDRESSES_MAX; a++)
			nodes[n].addresses[a].host[ADDRESS_HOST_MAX] = '\0';
	}
	m.u.nodes = (struct message_nodes){MESH_KNOWN_MAX, nodes};
	assert_true(message_encode(&m, frame, sizeof(frame)) > 0);
	for (unsigned n = 0; n < MESH_STREAMS_MAX; n++) {
		streams[n].stream.generation = GENERATION_MAX;
		streams[n].point = (struct point){SEQ_MAX, SEQ_MAX};
		streams[n].rows = SEQ_MAX;
	}
	m.type = MESSAGE_STREAMS;
	m.u.streams = (struct message_streams){true, MESH_STREAMS_MAX, streams};
	assert_true(message_encode(&m, frame, sizeof(frame)) > 0);
}

static int
setup(void **state)
{
	(void)state;
	return (decoder = message_decoder_new()) == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	message_decoder_free(decoder);
	message_decoder_free(NULL);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_types_both_ways),
		cmocka_unit_test(hello_may_say_that_it_pads),
		cmocka_unit_test(mutations),
		cmocka_unit_test(unknown_types),
		cmocka_unit_test(heartbeats),
		cmocka_unit_test(batches),
		cmocka_unit_test(batch_writing),
		cmocka_unit_test(batch_full),
		cmocka_unit_test(batch_keeps_numbers_whole),
		cmocka_unit_test(hello_bounds),
		cmocka_unit_test(largest_lists),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
