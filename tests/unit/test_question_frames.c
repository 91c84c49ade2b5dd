/*
 * Proves that every question and answer survives encode and decode, that
 * decode refuses what is out of bounds, and that a page of PHOTOS stops
 * before it outgrows its frame and yet always gets past its first photo.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "frame.h"
#include "pack.h"
#include "question.h"
#include "thumb_sample.h"

#define CHECK(x) assert_true(x)

#define OUT_MAX (FRAME_HEADER_BYTES + ANSWER_BODY_BYTES_MAX)

static uint8_t *out, *again;
static struct question_decoder *decoder;

/* Encode, decode into *back, encode that: the bytes must be the same. */
static size_t
round_trip(const struct question *q, struct question *back)
{
	const char *why = "?";
	struct frame f;
	size_t n = question_encode(q, out, OUT_MAX);
	size_t m;

	CHECK(n > 0);
	CHECK(frame_peek(out, n, ANSWER_BODY_BYTES_MAX, &f) == FRAME_READY);
	CHECK(f.want_bytes == n);
	if (question_decode(decoder, f.body, f.body_bytes, back, &why) !=
	    MESSAGE_OK)
		fail_msg("type %u: %s", q->type, why);
	CHECK(back->type == q->type && back->request == q->request);
	m = question_encode(back, again, OUT_MAX);
	CHECK(m == n && memcmp(out, again, n) == 0);
	/* Every shorter body is refused, never half believed. */
	if (n < 2000)
		for (size_t k = 0; k < f.body_bytes; k++) {
			struct question none;

			CHECK(question_decode(decoder, f.body, k, &none,
					      NULL) == MESSAGE_BROKEN);
		}
	CHECK(question_decode(decoder, f.body, f.body_bytes, back, NULL) ==
	      MESSAGE_OK);
	return n;
}

static void
test_small(void **state)
{
	static const uint32_t empty[] = {CLIENT_PEERS, CLIENT_STATUS,
					 CLIENT_WATCH, CLIENT_VERIFY,
					 CLIENT_RESCAN, CLIENT_DONE,
					 CLIENT_LEAVE, CLIENT_LOOK,
					 CLIENT_LOOKED};
	struct question q = {.type = CLIENT_HELLO, .request = 1}, b;

	(void)state;
	q.u.hello = (struct question_hello){1, 3, "photo 1.0"};
	round_trip(&q, &b);
	CHECK(b.u.hello.version_max == 3);
	for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++) {
		q = (struct question){.type = empty[i], .request = UINT32_MAX};
		round_trip(&q, &b);
	}
	CHECK(b.u.looked.meta == NULL);
	q.u.looked.meta = (const uint8_t *)"\x90";
	q.u.looked.meta_bytes = 1;
	round_trip(&q, &b);
	CHECK(b.u.looked.meta_bytes == 1 && b.u.looked.meta[0] == 0x90);
	q = (struct question){.type = CLIENT_LIST, .request = 70000};
	strcpy(q.u.list.text, "be\xff\x1b");
	strcpy(q.u.list.node, "alice~1a2b");
	q.u.list.sort = 3;
	q.u.list.reverse = true;
	q.u.list.limit = LIST_PAGE_MAX;
	memset(q.u.list.after, 7, CURSOR_BYTES_MAX);
	q.u.list.after_bytes = CURSOR_BYTES_MAX;
	round_trip(&q, &b);
	CHECK(strcmp(b.u.list.text, "be\xff\x1b") == 0);
	CHECK(b.u.list.zone_count == 0);
	q.u.list.zone_count = QUERY_DAYS_MAX;
	for (uint32_t i = 0; i < QUERY_DAYS_MAX; i++)
		q.u.list.zones[i] = i % 2 ? 86400 : -86400;
	round_trip(&q, &b);
	CHECK(b.u.list.zone_count == QUERY_DAYS_MAX);
	CHECK(b.u.list.zones[0] == -86400 && b.u.list.zones[63] == 86400);
	q = (struct question){.type = CLIENT_SHOW, .request = 9};
	strcpy(q.u.show.id, "id:1a2b");
	round_trip(&q, &b);
	q = (struct question){.type = CLIENT_WELCOME, .request = 9};
	q.u.welcome = (struct answer_welcome){
		.version = 1, .name = "alice", .port = 5000, .software = "x"};
	round_trip(&q, &b);
	q = (struct question){.type = CLIENT_PROGRESS, .request = 9};
	q.u.progress = (struct answer_progress){1, 2, 3, UINT64_MAX, 5};
	round_trip(&q, &b);
	q = (struct question){.type = CLIENT_FORGET, .request = 9};
	memset(q.u.forget.node, 'n', SHOWN_NAME_MAX);
	q.u.forget.sure = true;
	round_trip(&q, &b);
	CHECK(b.u.forget.sure && strlen(b.u.forget.node) == SHOWN_NAME_MAX);
	q = (struct question){.type = CLIENT_FORGET_IS, .request = 9};
	q.u.forgotten = (struct answer_forget){
		.node = {.name = "bob", .port = 5001, .last_seen_ms = -1},
		.photos = UINT64_MAX, .alone = 3};
	round_trip(&q, &b);
	CHECK(b.u.forgotten.alone == 3 && b.u.forgotten.node.port == 5001);
	q = (struct question){.type = MESSAGE_ERROR, .request = 9};
	q.u.error.code = ERROR_NOT_FOUND;
	strcpy(q.u.error.text, "no such photo");
	round_trip(&q, &b);
	CHECK(b.u.error.code == ERROR_NOT_FOUND);
	q = (struct question){.type = CLIENT_STATUS_IS, .request = 9};
	q.u.status.unique_bytes = UINT64_MAX;
	q.u.status.scan = 2;
	q.u.status.read_files = 5;
	q.u.status.read_bytes = UINT64_MAX;
	q.u.status.eta_ms = 6;
	q.u.status.known_meta = UINT64_MAX;
	q.u.status.thumbs = 8;
	q.u.status.thumbs_made = 9;
	q.u.status.fresh.oldest_age_ms = 77;
	strcpy(q.u.status.name, "alice");
	round_trip(&q, &b);
	CHECK(b.u.status.unique_bytes == UINT64_MAX && b.u.status.scan == 2);
	CHECK(b.u.status.fresh.oldest_age_ms == 77);
	CHECK(b.u.status.read_files == 5 && b.u.status.eta_ms == 6);
	CHECK(b.u.status.read_bytes == UINT64_MAX);
	CHECK(b.u.status.known_meta == UINT64_MAX);
	CHECK(b.u.status.thumbs == 8 && b.u.status.thumbs_made == 9);
	q = (struct question){.type = CLIENT_RESCAN, .request = 9};
	round_trip(&q, &b);
	CHECK(!b.u.rescan.accept_missing);
	q.u.rescan.accept_missing = true;
	round_trip(&q, &b);
	CHECK(b.u.rescan.accept_missing);
}

static void
test_event(void **state)
{
	struct question q = {.type = CLIENT_EVENT, .request = 4}, b;

	(void)state;
	strcpy(q.u.event.event, "synced");
	q.u.event.at_ms = -1;
	round_trip(&q, &b);
	CHECK(!b.u.event.has_node && !b.u.event.has_was &&
	      !b.u.event.has_photo);
	q.u.event.has_node = q.u.event.has_was = q.u.event.has_photo = true;
	q.u.event.port = 5001;
	q.u.event.was_port = 5000;
	q.u.event.photo.size = 12;
	q.u.event.count = 3;
	memset(q.u.event.photo_name, 0xfe, 255);
	round_trip(&q, &b);
	CHECK(b.u.event.photo.size == 12 && b.u.event.was_port == 5000);
	CHECK(strlen(b.u.event.photo_name) == 255);
}

/* The fullest lawful lists fit into one frame. */
static void
test_full_lists(void **state)
{
	static struct answer_stream rows[TABLE_ROWS_MAX];
	static struct answer_merged merged[MESH_LIVE_MAX];
	static struct answer_name names[MESH_KNOWN_MAX];
	static struct answer_peer peers[MESH_KNOWN_MAX];
	struct question q = {.type = CLIENT_TABLE, .request = UINT32_MAX}, b;

	(void)state;
	for (uint32_t i = 0; i < TABLE_ROWS_MAX; i++) {
		memset(rows[i].stream_name, 'x', SHOWN_NAME_MAX);
		memset(rows[i].at_name, 'y', SHOWN_NAME_MAX);
		rows[i].generation = GENERATION_MAX;
		rows[i].point = (struct point){SEQ_MAX, SEQ_MAX};
		rows[i].rows = UINT64_MAX;
	}
	for (uint32_t i = 0; i < MESH_KNOWN_MAX; i++) {
		memset(names[i].name, 'z', SHOWN_NAME_MAX);
		memset(peers[i].node.name, 'z', SHOWN_NAME_MAX);
		peers[i].node.last_seen_ms = INT64_MIN;
		peers[i].photos = peers[i].copies = peers[i].bytes =
			UINT64_MAX;
		peers[i].state = PEER_LEFT;
	}
	q.u.table = (struct answer_table){TABLE_ROWS_MAX, MESH_LIVE_MAX,
					  MESH_KNOWN_MAX, MESH_KNOWN_MAX,
					  rows, merged, names, names, 5};
	round_trip(&q, &b);
	CHECK(b.u.table.row_count == TABLE_ROWS_MAX);
	CHECK(b.u.table.left_out == 5);
	q = (struct question){.type = CLIENT_PEER_LIST};
	q.u.peers = (struct answer_peers){MESH_KNOWN_MAX, peers};
	round_trip(&q, &b);
	CHECK(b.u.peers.count == MESH_KNOWN_MAX);
}

/* Also with the longest path there is, and a code of a newer version. */
static void
test_problems(void **state)
{
	static const uint8_t path[PATH_BYTES_MAX] = "a/\xff";
	static uint8_t after[PROBLEM_CURSOR_BYTES_MAX];
	struct answer_problem rows[2] = {
		{.name = "alice", .code = 1, .message = "gone"},
		{.name = "b\x1b", .label = path, .label_bytes = LABEL_BYTES_MAX,
		 .path = path, .path_bytes = PATH_BYTES_MAX, .code = 255}};
	struct question q = {.type = CLIENT_PROBLEMS, .request = 9}, b;

	(void)state;
	strcpy(q.u.asked_problems.node, "alice");
	q.u.asked_problems.limit = 1;
	round_trip(&q, &b);
	memset(q.u.asked_problems.after, 7, PROBLEM_CURSOR_BYTES_MAX);
	q.u.asked_problems.after_bytes = PROBLEM_CURSOR_BYTES_MAX;
	round_trip(&q, &b);
	CHECK(b.u.asked_problems.after_bytes == PROBLEM_CURSOR_BYTES_MAX);
	CHECK(b.u.asked_problems.after[PROBLEM_CURSOR_BYTES_MAX - 1] == 7);
	q = (struct question){.type = CLIENT_PROBLEM_LIST, .request = 9};
	round_trip(&q, &b);
	CHECK(b.u.problems.count == 0 && b.u.problems.after == NULL);
	q.u.problems.fresh.scanning = true;
	q.u.problems.count = 2;
	q.u.problems.problems = rows;
	q.u.problems.after = after;
	q.u.problems.after_bytes = sizeof(after);
	round_trip(&q, &b);
	CHECK(b.u.problems.count == 2 && b.u.problems.fresh.scanning);
	CHECK(strcmp(b.u.problems.problems[0].message, "gone") == 0);
	CHECK(b.u.problems.problems[1].path_bytes == PATH_BYTES_MAX);
	CHECK(b.u.problems.problems[1].code == 255);
	CHECK(b.u.problems.after_bytes == sizeof(after));
}

static void
test_dupes(void **state)
{
	struct question q = {.type = CLIENT_DUPES, .request = 9}, b;

	(void)state;
	q.u.dupes.limit = LIST_PAGE_MAX;
	round_trip(&q, &b);
	memset(q.u.dupes.after, 7, CURSOR_BYTES_MAX);
	q.u.dupes.after_bytes = CURSOR_BYTES_MAX;
	round_trip(&q, &b);
	CHECK(b.u.dupes.limit == LIST_PAGE_MAX);
	CHECK(b.u.dupes.after_bytes == CURSOR_BYTES_MAX);
	q = (struct question){.type = CLIENT_PHOTOS, .request = 9};
	round_trip(&q, &b);
	CHECK(!b.u.photos.has_wasted);
	q.u.photos.has_wasted = true;
	round_trip(&q, &b);
	CHECK(b.u.photos.has_wasted && b.u.photos.wasted_bytes == 0);
	q.u.photos.wasted_bytes = UINT64_MAX;
	round_trip(&q, &b);
	CHECK(b.u.photos.wasted_bytes == UINT64_MAX);
}

static void
test_timeline(void **state)
{
	static struct answer_time times[TIMES_MAX + 1];
	struct question q = {.type = CLIENT_TIMELINE, .request = 9}, b;
	size_t n;

	(void)state;
	round_trip(&q, &b);
	strcpy(q.u.timeline.query.text, "taken:2019");
	q.u.timeline.query.zone_count = 2;
	q.u.timeline.query.zones[1] = -3600;
	q.u.timeline.by = TIMELINE_DAYS;
	q.u.timeline.zone_s = -(int32_t)QUERY_ZONE_S_MAX;
	round_trip(&q, &b);
	CHECK(b.u.timeline.by == TIMELINE_DAYS);
	CHECK(b.u.timeline.zone_s == -(int32_t)QUERY_ZONE_S_MAX);
	CHECK(b.u.timeline.query.zones[1] == -3600);
	q = (struct question){.type = CLIENT_TIMES, .request = 9};
	round_trip(&q, &b);
	/* As many as there may be, of the longest, fit into an answer. */
	for (uint32_t i = 0; i < TIMES_MAX + 1; i++)
		times[i] = (struct answer_time){INT32_MIN, UINT64_MAX,
						UINT64_MAX};
	q.u.times.times = times;
	q.u.times.count = TIMES_MAX;
	q.u.times.more = true;
	round_trip(&q, &b);
	CHECK(b.u.times.more && b.u.times.count == TIMES_MAX);
	CHECK(b.u.times.times[TIMES_MAX - 1].day == INT32_MIN);
	CHECK(b.u.times.times[7].bytes == UINT64_MAX);
	q.u.times.count = TIMES_MAX + 1;
	n = question_encode(&q, out, OUT_MAX);
	CHECK(n == 0 || question_decode(decoder, out + 4, n - 4, &b, NULL) ==
				MESSAGE_BROKEN);
}

static void
test_thumb(void **state)
{
	static uint8_t image[THUMB_BYTES_MAX], pixels[THUMB_PIXELS_MAX];
	struct question q = {.type = CLIENT_THUMB, .request = 9}, b;
	size_t n;

	(void)state;
	q.u.thumb.photo.size = 77;
	round_trip(&q, &b);
	CHECK(b.u.thumb.photo.size == 77 && !b.u.thumb.pixels);
	q.u.thumb.pixels = true;
	round_trip(&q, &b);
	CHECK(b.u.thumb.pixels);
	q = (struct question){.type = CLIENT_THUMB_IS, .request = 9};
	round_trip(&q, &b);
	CHECK(b.u.thumb_is.image == NULL && b.u.thumb_is.pixels == NULL);
	q.u.thumb_is.image = image;
	q.u.thumb_is.image_bytes = thumb_sample(image, 256, 256, 7, 300);
	q.u.thumb_is.pixels = pixels;
	q.u.thumb_is.width = q.u.thumb_is.height = THUMB_SIDE;
	n = question_encode(&q, out, OUT_MAX);
	CHECK(question_decode(decoder, out + 4, n - 4, &b, NULL) == MESSAGE_OK);
	CHECK(b.u.thumb_is.image_bytes == q.u.thumb_is.image_bytes &&
	      b.u.thumb_is.width == 256);
	/* Nothing that is no thumbnail, and no other number of pixels. */
	image[1] = 0;
	n = question_encode(&q, out, OUT_MAX);
	CHECK(question_decode(decoder, out + 4, n - 4, &b, NULL) ==
	      MESSAGE_BROKEN);
	image[1] = 0xd8;
	for (unsigned wrong = 0; wrong < 3; wrong++) {
		struct pack p;

		pack_frame_begin(&p, out, OUT_MAX, CLIENT_THUMB_IS, 9);
		pack_map(&p, 3);
		pack_key_uint(&p, "width", wrong == 0 ? 257 : wrong == 1 ? 0 : 2);
		pack_key_uint(&p, "height", 2);
		pack_key_bin(&p, "pixels", pixels, 13);
		n = pack_frame_end(&p);
		CHECK(question_decode(decoder, out + 4, n - 4, &b, NULL) ==
		      MESSAGE_BROKEN);
	}
}

static void
test_photos(void **state)
{
	static const uint8_t label[] = "disk", path[PATH_BYTES_MAX] = "a/b";
	static struct answer_copy copies[COPIES_SHOWN_MAX];
	static struct answer_node nodes[MESH_KNOWN_MAX];
	static const uint8_t after[CURSOR_BYTES_MAX];
	struct answer_photo photo = {.type = "image/jpeg",
				     .name = (const uint8_t *)"b",
				     .name_bytes = 1,
				     .mtime_ns = -5,
				     .copies = 2,
				     .copy_count = 2,
				     .rows = copies};
	struct question q = {.type = CLIENT_PHOTOS, .request = UINT32_MAX}, b;
	struct photos_writer w;
	struct frame f;
	size_t n;

	(void)state;
	for (uint32_t i = 0; i < COPIES_SHOWN_MAX; i++)
		copies[i] = (struct answer_copy){i % 2, label, 4, path, 3, 5,
						 true};
	for (uint32_t i = 0; i < MESH_KNOWN_MAX; i++)
		memset(nodes[i].name, 'n', SHOWN_NAME_MAX);
	/* an empty page, a page of one */
	round_trip(&q, &b);
	CHECK(b.u.photos.photo_count == 0 && b.u.photos.after == NULL);
	q.u.photos.photos = &photo;
	q.u.photos.photo_count = 1;
	q.u.photos.nodes = nodes;
	q.u.photos.node_count = 2;
	q.u.photos.ambiguous = true;
	q.u.photos.after = after;
	q.u.photos.after_bytes = 3;
	round_trip(&q, &b);
	CHECK(b.u.photos.photos[0].copy_count == 2);
	CHECK(b.u.photos.photos[0].rows[1].node == 1);
	CHECK(b.u.photos.photos[0].taken[0] == '\0');
	CHECK(b.u.photos.after_bytes == 3 && b.u.photos.ambiguous);
	strcpy(photo.taken, "2023-07-01T12:00:00");
	photo.width = 4000;
	photo.height = UINT32_MAX;
	round_trip(&q, &b);
	CHECK(b.u.photos.photos[0].height == UINT32_MAX);
	CHECK(b.u.photos.photos[0].meta == NULL);
	photo.date_ms = INT64_MIN;
	photo.dated = DATE_NAME;
	photo.meta = path;
	photo.meta_bytes = RECORD_BYTES_MAX / 2;
	round_trip(&q, &b);
	CHECK(b.u.photos.photos[0].date_ms == INT64_MIN);
	CHECK(b.u.photos.photos[0].dated == DATE_NAME);
	CHECK(b.u.photos.photos[0].meta_bytes == RECORD_BYTES_MAX / 2);
	/* a copy on a node that is not named */
	q.u.photos.node_count = 1;
	n = question_encode(&q, out, OUT_MAX);
	CHECK(question_decode(decoder, out + 4, n - 4, &b, NULL) ==
	      MESSAGE_BROKEN);
	/* until it is full: by items first (short paths), by bytes (long) */
	for (unsigned round = 0; round < 2; round++) {
		uint32_t count = 0;

		photo.copy_count = COPIES_SHOWN_MAX;
		for (uint32_t i = 0; round == 1 && i < COPIES_SHOWN_MAX; i++)
			copies[i].path_bytes = PATH_BYTES_MAX;
		photos_writer_init(&w, out, OUT_MAX);
		while (photos_writer_add(&w, &photo))
			count++;
		CHECK(round == 1 ? count == 1 : count > 10);
		q.u.photos.nodes = nodes;
		q.u.photos.node_count = MESH_KNOWN_MAX;
		q.u.photos.after_bytes = CURSOR_BYTES_MAX;
		n = photos_writer_end(&w, UINT32_MAX, &q.u.photos);
		CHECK(n > 0);
		CHECK(frame_peek(out, n, ANSWER_BODY_BYTES_MAX, &f) ==
		      FRAME_READY);
		CHECK(question_decode(decoder, f.body, f.body_bytes, &b,
				      NULL) == MESSAGE_OK);
		CHECK(b.u.photos.photo_count == count);
		CHECK(b.u.photos.photos[0].copy_count > 100);
	}
}

static void
refused_as(uint32_t type, const char *what, void (*fill)(struct pack *p))
{
	struct question b;
	struct pack p;
	size_t n;

	pack_frame_begin(&p, out, OUT_MAX, type, 1);
	fill(&p);
	n = pack_frame_end(&p);
	CHECK(n > 0);
	if (question_decode(decoder, out + 4, n - 4, &b, NULL) !=
	    MESSAGE_BROKEN)
		fail_msg("not refused: %s", what);
}

static void
refused(const char *what, void (*fill)(struct pack *p))
{
	refused_as(CLIENT_LIST, what, fill);
}

static void
no_limit(struct pack *p)
{
	pack_map(p, 0);
}
static void
by_century(struct pack *p)
{
	pack_map(p, 1);
	pack_key_uint(p, "by", 3);
}
static void
far_zone(struct pack *p)
{
	pack_map(p, 2);
	pack_key_uint(p, "by", 0);
	pack_key_int(p, "zone", (int64_t)QUERY_ZONE_S_MAX + 1);
}
static void
limit_zero(struct pack *p)
{
	pack_map(p, 1);
	pack_key_uint(p, "limit", 0);
}
static void
zones(struct pack *p, uint32_t count, int64_t zone)
{
	pack_map(p, 2);
	pack_key_uint(p, "limit", 1);
	pack_str(p, "zones");
	pack_array(p, count);
	for (uint32_t i = 0; i < count; i++)
		pack_int(p, zone);
}
static void
zones_many(struct pack *p)
{
	zones(p, QUERY_DAYS_MAX + 1, 0);
}
static void
zones_east(struct pack *p)
{
	zones(p, 1, 86401);
}
static void
zones_west(struct pack *p)
{
	zones(p, 1, -86401);
}
static void
zones_none(struct pack *p)
{
	pack_map(p, 2);
	pack_key_uint(p, "limit", 1);
	pack_key_uint(p, "zones", 0);
}
static void
limit_above(struct pack *p)
{
	pack_map(p, 1);
	pack_key_uint(p, "limit", LIST_PAGE_MAX + 1);
}
static void
sort_unknown(struct pack *p)
{
	pack_map(p, 2);
	pack_key_uint(p, "limit", 1);
	pack_key_uint(p, "sort", 4);
}
static void
cursor_long(struct pack *p)
{
	static const uint8_t bytes[CURSOR_BYTES_MAX + 1];

	pack_map(p, 2);
	pack_key_uint(p, "limit", 1);
	pack_key_bin(p, "after", bytes, sizeof(bytes));
}
static void
problem_cursor_long(struct pack *p)
{
	static const uint8_t bytes[PROBLEM_CURSOR_BYTES_MAX + 1];

	pack_map(p, 2);
	pack_key_uint(p, "limit", 1);
	pack_key_bin(p, "after", bytes, sizeof(bytes));
}
static void
code_above(struct pack *p)
{
	pack_map(p, 5);
	pack_str(p, "problems");
	pack_array(p, 1);
	pack_array(p, 6);
	pack_bin(p, "0123456789abcdef", NODE_ID_BYTES);
	pack_str(p, "alice");
	pack_bin(p, "r", 1);
	pack_bin(p, "p", 1);
	pack_uint(p, 256);
	pack_str(p, "");
	pack_key_bool(p, "complete", false);
	pack_key_uint(p, "age", 0);
	pack_key_bool(p, "scanning", false);
	pack_key_bool(p, "syncing", false);
}
static void
twice(struct pack *p)
{
	pack_map(p, 2);
	pack_key_uint(p, "limit", 1);
	pack_key_uint(p, "limit", 2);
}
static void
text_long(struct pack *p)
{
	char text[QUERY_BYTES_MAX + 2];

	memset(text, 'a', sizeof(text) - 1);
	text[QUERY_BYTES_MAX + 1] = '\0';
	pack_map(p, 2);
	pack_key_uint(p, "limit", 1);
	pack_key_str(p, "text", text);
}

static void
test_refused(void **state)
{
	struct question q = {.type = 99, .request = 3}, b;
	struct pack p;
	size_t n;

	(void)state;
	refused("no limit", no_limit);
	refused("limit 0", limit_zero);
	refused("limit above", limit_above);
	refused("65 zones", zones_many);
	refused("a zone too far east", zones_east);
	refused("a zone too far west", zones_west);
	refused("zones that are a number", zones_none);
	refused("sort", sort_unknown);
	refused("cursor", cursor_long);
	refused("key twice", twice);
	refused_as(CLIENT_TIMELINE, "no period", no_limit);
	refused_as(CLIENT_TIMELINE, "by a century", by_century);
	refused_as(CLIENT_TIMELINE, "two days east", far_zone);
	refused_as(CLIENT_DUPES, "no limit", no_limit);
	refused_as(CLIENT_DUPES, "limit above", limit_above);
	refused_as(CLIENT_DUPES, "cursor", cursor_long);
	refused_as(CLIENT_PROBLEMS, "limit 0", limit_zero);
	refused_as(CLIENT_PROBLEMS, "cursor", problem_cursor_long);
	refused_as(CLIENT_PROBLEM_LIST, "code", code_above);
	refused("text", text_long);
	CHECK(question_encode(&q, out, OUT_MAX) == 0);
	pack_frame_begin(&p, out, OUT_MAX, 99, 3);
	pack_map(&p, 0);
	n = pack_frame_end(&p);
	CHECK(question_decode(decoder, out + 4, n - 4, &b, NULL) ==
	      MESSAGE_UNKNOWN);
	CHECK(b.type == 99 && b.request == 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_event),
		cmocka_unit_test(test_full_lists),
		cmocka_unit_test(test_problems),
		cmocka_unit_test(test_dupes),
		cmocka_unit_test(test_timeline),
		cmocka_unit_test(test_thumb),
		cmocka_unit_test(test_photos),
		cmocka_unit_test(test_refused),
	};
	int failed;

	out = malloc(OUT_MAX);
	again = malloc(OUT_MAX);
	decoder = question_decoder_new();
	if (out == NULL || again == NULL || decoder == NULL)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	question_decoder_free(decoder);
	free(out);
	free(again);
	return failed;
}
