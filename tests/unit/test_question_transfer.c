/*
 * Proves that every question about moving photos, and every answer, survives
 * encode and decode, the fullest lawful ones within their frames, and that
 * decode refuses what is out of bounds.
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

#define CHECK(x) assert_true(x)

#define OUT_MAX (FRAME_HEADER_BYTES + ANSWER_BODY_BYTES_MAX)

static uint8_t *out, *again;
static struct question_decoder *decoder;

/* Encode, decode into *back, encode that: the bytes must be the same. */
static size_t
round_trip(const struct question *q, struct question *back)
{
	const char *why = "?";
	size_t n = question_encode(q, out, OUT_MAX);
	size_t m;

	CHECK(n > FRAME_HEADER_BYTES);
	/* Every shorter body is refused, never half believed. */
	for (size_t k = 0; n < 2000 && k < n - FRAME_HEADER_BYTES; k++)
		CHECK(question_decode(decoder, out + FRAME_HEADER_BYTES, k,
				      back, NULL) == MESSAGE_BROKEN);
	if (question_decode(decoder, out + FRAME_HEADER_BYTES,
			    n - FRAME_HEADER_BYTES, back, &why) != MESSAGE_OK)
		fail_msg("type %u: %s", q->type, why);
	CHECK(back->type == q->type && back->request == q->request);
	m = question_encode(back, again, OUT_MAX);
	CHECK(m == n && memcmp(out, again, n) == 0);
	return n;
}

static struct photo_id
some_photo(uint8_t n)
{
	struct photo_id id = {.size = UINT64_MAX - n};

	memset(id.hash, n, sizeof(id.hash));
	return id;
}

static bool
same_photo(const struct photo_id *a, const struct photo_id *b)
{
	return a->size == b->size && memcmp(a->hash, b->hash, 16) == 0;
}

static void
fill_name(char *name)
{
	memset(name, 'n', SHOWN_NAME_MAX);
	name[SHOWN_NAME_MAX] = '\0';
}

static void
test_get(void **state)
{
	struct question q = {.type = CLIENT_GET, .request = UINT32_MAX}, b;

	(void)state;
	q.u.get.photo = some_photo(7);
	round_trip(&q, &b);
	CHECK(b.u.get.offset == 0 && b.u.get.length == 0);
	CHECK(same_photo(&b.u.get.photo, &q.u.get.photo));
	q.u.get.offset = UINT64_MAX;
	q.u.get.length = GET_RANGE_BYTES_MAX;
	round_trip(&q, &b);
	CHECK(b.u.get.offset == UINT64_MAX);
	CHECK(b.u.get.length == GET_RANGE_BYTES_MAX);
	q = (struct question){.type = CLIENT_GETTING, .request = 3};
	q.u.getting = (struct answer_getting){.bytes = 1, .total = UINT64_MAX,
					      .fetched = 3,
					      .state = GETTING_NOBODY};
	fill_name(q.u.getting.name);
	memset(q.u.getting.node.bytes, 9, NODE_ID_BYTES);
	round_trip(&q, &b);
	CHECK(memcmp(&b.u.getting, &q.u.getting, sizeof(b.u.getting)) == 0);
	q = (struct question){.type = CLIENT_GOT, .request = 3};
	q.u.got = (struct answer_got){.bytes = UINT64_MAX, .fetched = 2,
				      .resumed = 4, .name = "bob"};
	round_trip(&q, &b);
	CHECK(memcmp(&b.u.got, &q.u.got, sizeof(b.u.got)) == 0);
}

static void
test_have(void **state)
{
	static struct have_file files[HAVE_FILES_MAX];
	static struct holding held[HAVE_FILES_MAX];
	static struct answer_node nodes[MESH_KNOWN_MAX];
	static const uint8_t head[HAVE_HEAD_BYTES_MAX] = "\xff\xd8\xff";
	struct question q = {.type = CLIENT_HAVE, .request = 5}, b;

	(void)state;
	for (uint32_t i = 0; i < HAVE_FILES_MAX; i++) {
		files[i] = (struct have_file){some_photo((uint8_t)i), head,
					      i < 4 ? sizeof(head) : i % 8};
		fill_name(nodes[i].name);
		nodes[i].last_seen_ms = INT64_MIN;
		memset(held[i].type, 't', MEDIA_TYPE_MAX);
		held[i].known = true;
		held[i].holder_count = MESH_LIVE_MAX;
		for (uint32_t n = 0; n < MESH_LIVE_MAX; n++)
			held[i].holders[n] = MESH_KNOWN_MAX - 1 - n;
	}
	q.u.have = (struct question_have){HAVE_FILES_MAX, files};
	CHECK(round_trip(&q, &b) < CLIENT_BODY_BYTES_MAX);
	CHECK(b.u.have.count == HAVE_FILES_MAX);
	CHECK(b.u.have.files[0].head_bytes == sizeof(head));
	CHECK(b.u.have.files[8].head_bytes == 0);
	CHECK(same_photo(&b.u.have.files[9].photo, &files[9].photo));
	q = (struct question){.type = CLIENT_HOLDINGS, .request = 5};
	round_trip(&q, &b);
	CHECK(b.u.holdings.count == 0 && b.u.holdings.node_count == 0);
	q.u.holdings.fresh.oldest_age_ms = UINT64_MAX;
	q.u.holdings.count = HAVE_FILES_MAX;
	q.u.holdings.files = held;
	q.u.holdings.node_count = MESH_KNOWN_MAX;
	q.u.holdings.nodes = nodes;
	round_trip(&q, &b);
	CHECK(memcmp(b.u.holdings.files, held, sizeof(held)) == 0);
	CHECK(b.u.holdings.node_count == MESH_KNOWN_MAX);
}

static void
test_prove(void **state)
{
	static struct answer_proof proofs[MESH_LIVE_MAX];
	struct question q = {.type = CLIENT_PROVE_HELD, .request = 5}, b;

	(void)state;
	q.u.prove.photo = some_photo(3);
	memset(q.u.prove.nonce, 0xee, PROOF_NONCE_BYTES);
	round_trip(&q, &b);
	CHECK(memcmp(b.u.prove.nonce, q.u.prove.nonce, PROOF_NONCE_BYTES) == 0);
	for (uint32_t i = 0; i < MESH_LIVE_MAX; i++) {
		fill_name(proofs[i].node.name);
		proofs[i].code = UINT32_MAX - i;
		memset(proofs[i].sum, (int)i, PROOF_BYTES);
	}
	q = (struct question){.type = CLIENT_PROOFS, .request = 5};
	q.u.proofs = (struct answer_proofs){MESH_LIVE_MAX, proofs};
	round_trip(&q, &b);
	CHECK(memcmp(b.u.proofs.proofs, proofs, sizeof(proofs)) == 0);
}

static void
test_roots(void **state)
{
	static const uint8_t path[PATH_BYTES_MAX] = "/a\xff";
	static struct answer_root roots[ROOTS_SHOWN_MAX];
	struct question q = {.type = CLIENT_ROOTS, .request = 5}, b;

	(void)state;
	round_trip(&q, &b);
	q.type = CLIENT_REQUESTS;
	round_trip(&q, &b);
	for (uint32_t i = 0; i < ROOTS_SHOWN_MAX; i++)
		roots[i] = (struct answer_root){
			.label = path, .label_bytes = LABEL_BYTES_MAX,
			.path = path, .path_bytes = PATH_BYTES_MAX,
			.online = true, .free_bytes = UINT64_MAX};
	q.type = CLIENT_ROOT_LIST;
	q.u.roots = (struct answer_roots){ROOTS_SHOWN_MAX, roots};
	round_trip(&q, &b);
	CHECK(b.u.roots.count == ROOTS_SHOWN_MAX);
	CHECK(b.u.roots.roots[63].path_bytes == PATH_BYTES_MAX);
	CHECK(b.u.roots.roots[63].free_bytes == UINT64_MAX);
}

static void
test_consent(void **state)
{
	static struct answer_request requests[CONSENT_WAITING_MAX];
	static struct answer_rule rules[CONSENT_RULES_MAX];
	static const uint8_t name[255] = "b\xff";
	struct question q = {.type = CLIENT_REQUEST_LIST, .request = 5}, b;

	(void)state;
	for (uint32_t i = 0; i < CONSENT_WAITING_MAX; i++) {
		requests[i] = (struct answer_request){
			.number = UINT64_MAX - i, .photo = some_photo(1),
			.name = name, .name_bytes = sizeof(name),
			.state = CONSENT_DENIED, .at_ms = INT64_MIN,
			.until_ms = INT64_MAX};
		fill_name(requests[i].node_name);
	}
	for (uint32_t i = 0; i < CONSENT_RULES_MAX; i++) {
		fill_name(rules[i].node_name);
		rules[i].allow = i % 2 == 1;
	}
	q.u.requests = (struct answer_requests){CONSENT_WAITING_MAX, requests,
						CONSENT_RULES_MAX, rules, 2};
	round_trip(&q, &b);
	CHECK(b.u.requests.count == CONSENT_WAITING_MAX);
	CHECK(b.u.requests.requests[1].number == UINT64_MAX - 1);
	CHECK(b.u.requests.requests[1].state == CONSENT_DENIED);
	CHECK(memcmp(b.u.requests.rules, rules, sizeof(rules)) == 0);
	CHECK(b.u.requests.share == 2);
	q = (struct question){.type = CLIENT_DECIDE, .request = 5};
	fill_name(q.u.decide.what);
	q.u.decide.allow = q.u.decide.always = true;
	round_trip(&q, &b);
	CHECK(memcmp(&b.u.decide, &q.u.decide, sizeof(b.u.decide)) == 0);
	q = (struct question){.type = CLIENT_DECIDED, .request = 5};
	q.u.decided = UINT64_MAX;
	round_trip(&q, &b);
	CHECK(b.u.decided == UINT64_MAX);
}

/* ---- out of bounds ----------------------------------------------------- */

static void
refused(uint32_t type, const char *what, void (*fill)(struct pack *p))
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

static const uint8_t zeros[HAVE_HEAD_BYTES_MAX + 1];

static void
nothing(struct pack *p)
{
	pack_map(p, 0);
}
static void
photo_short(struct pack *p)
{
	pack_map(p, 1);
	pack_key_bin(p, "photo", zeros, PHOTO_ID_BYTES - 1);
}
static void
length_above(struct pack *p)
{
	pack_map(p, 2);
	pack_key_bin(p, "photo", zeros, PHOTO_ID_BYTES);
	pack_key_uint(p, "length", GET_RANGE_BYTES_MAX + 1);
}
static void
nonce_long(struct pack *p)
{
	pack_map(p, 2);
	pack_key_bin(p, "photo", zeros, PHOTO_ID_BYTES);
	pack_key_bin(p, "nonce", zeros, PROOF_NONCE_BYTES + 1);
}
static void
no_files(struct pack *p)
{
	pack_map(p, 1);
	pack_str(p, "files");
	pack_array(p, 0);
}
static void
files(struct pack *p, uint32_t count, size_t head_bytes)
{
	pack_map(p, 1);
	pack_str(p, "files");
	pack_array(p, count);
	for (uint32_t n = 0; n < count; n++) {
		pack_array(p, 2);
		pack_bin(p, zeros, PHOTO_ID_BYTES);
		pack_bin(p, zeros, head_bytes);
	}
}
static void
too_many_files(struct pack *p)
{
	files(p, HAVE_FILES_MAX + 1, 0);
}
static void
head_long(struct pack *p)
{
	files(p, 1, HAVE_HEAD_BYTES_MAX + 1);
}
/* HOLDINGS with one node and one file, held by these. */
static void
holders(struct pack *p, uint32_t count, uint32_t step)
{
	pack_map(p, 6);
	pack_str(p, "nodes");
	pack_array(p, 1);
	pack_array(p, 6);
	pack_bin(p, zeros, NODE_ID_BYTES);
	pack_str(p, "a");
	pack_uint(p, 1);
	pack_bool(p, true);
	pack_int(p, 0);
	pack_bin(p, zeros, HOST_ID_BYTES);
	pack_str(p, "files");
	pack_array(p, 1);
	pack_array(p, 3);
	pack_str(p, "");
	pack_bool(p, true);
	pack_array(p, count);
	for (uint32_t n = 0; n < count; n++)
		pack_uint(p, n * step);
	pack_key_bool(p, "complete", false);
	pack_key_uint(p, "age", 0);
	pack_key_bool(p, "scanning", false);
	pack_key_bool(p, "syncing", false);
}
static void
holder_beyond(struct pack *p)
{
	holders(p, 2, 1);
}
static void
holder_twice(struct pack *p)
{
	holders(p, 2, 0);
}
static void
holders_above(struct pack *p)
{
	holders(p, MESH_LIVE_MAX + 1, 0);
}
static void
one_holder(struct pack *p)
{
	holders(p, 1, 0);
}
static void
what_long(struct pack *p)
{
	char what[SHOWN_NAME_MAX + 2];

	memset(what, 'a', sizeof(what) - 1);
	what[SHOWN_NAME_MAX + 1] = '\0';
	pack_map(p, 2);
	pack_key_str(p, "what", what);
	pack_key_bool(p, "allow", true);
}
static void
no_allow(struct pack *p)
{
	pack_map(p, 1);
	pack_key_str(p, "what", "bob");
}

static void
test_refused(void **state)
{
	static const uint32_t required[] = {
		CLIENT_GET, CLIENT_GETTING, CLIENT_GOT, CLIENT_HAVE,
		CLIENT_HOLDINGS, CLIENT_PROVE_HELD, CLIENT_PROOFS,
		CLIENT_ROOT_LIST, CLIENT_REQUEST_LIST, CLIENT_DECIDE,
		CLIENT_DECIDED};
	struct question b;
	struct pack p;
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++)
		refused(required[i], "an empty map", nothing);
	refused(CLIENT_GET, "short photo", photo_short);
	refused(CLIENT_GET, "long range", length_above);
	refused(CLIENT_PROVE_HELD, "no nonce", length_above);
	refused(CLIENT_PROVE_HELD, "long nonce", nonce_long);
	refused(CLIENT_HAVE, "no files", no_files);
	refused(CLIENT_HAVE, "too many files", too_many_files);
	refused(CLIENT_HAVE, "long head", head_long);
	refused(CLIENT_HOLDINGS, "a holder not named", holder_beyond);
	refused(CLIENT_HOLDINGS, "a holder twice", holder_twice);
	refused(CLIENT_HOLDINGS, "too many holders", holders_above);
	refused(CLIENT_DECIDE, "long what", what_long);
	refused(CLIENT_DECIDE, "no allow", no_allow);
	/* and what was right about them is accepted */
	pack_frame_begin(&p, out, OUT_MAX, CLIENT_HOLDINGS, 1);
	one_holder(&p);
	n = pack_frame_end(&p);
	CHECK(question_decode(decoder, out + 4, n - 4, &b, NULL) ==
	      MESSAGE_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_get),
		cmocka_unit_test(test_have),
		cmocka_unit_test(test_prove),
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_consent),
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
