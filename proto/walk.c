#include "walk.h"

#include <assert.h>
#include <stdbool.h>

#include "head.h"
#include "limits.h"

#define LEVELS_MAX 32u

const struct walk_limits walk_limits_default = {
	.depth_max = WALK_DEPTH_MAX,
	.items_max = WALK_ITEMS_MAX,
	.str_bytes_max = WALK_STR_MAX,
};

/* Sign-extend the low `width` bytes of `v`. */
static uint64_t
widen(uint64_t v, unsigned width)
{
	uint64_t sign = UINT64_C(1) << (8 * width - 1);

	return (v ^ sign) - sign;
}

static void
head_signed(struct head *h, uint64_t v)
{
	h->kind = v >> 63 != 0 ? HEAD_NEGATIVE : HEAD_UINT;
	h->value = v;
}

/* First bytes that say everything by themselves; false if more follows. */
static bool
head_fixed(uint8_t first, struct head *h)
{
	if (first <= 0x7f) {
		h->kind = HEAD_UINT;
		h->value = first;
	} else if (first <= 0x8f) {
		h->kind = HEAD_MAP;
		h->count = first & 0x0fu;
	} else if (first <= 0x9f) {
		h->kind = HEAD_ARRAY;
		h->count = first & 0x0fu;
	} else if (first <= 0xbf) {
		h->kind = HEAD_STR;
		h->bytes = first & 0x1fu;
	} else if (first >= 0xe0) {
		head_signed(h, widen(first, 1));
	} else if (first == 0xc0) {
		h->kind = HEAD_NIL;
	} else if (first == 0xc2 || first == 0xc3) {
		h->kind = HEAD_BOOL;
		h->value = first & 1u;
	} else {
		return false;
	}
	return true;
}

/* How many bytes of number or length follow; 0 for what we refuse. */
static unsigned
head_follow(uint8_t first)
{
	switch (first) {
	case 0xc4: /* bin 8, 16, 32 */
	case 0xc5:
	case 0xc6:
		return 1u << (first - 0xc4);
	case 0xca: /* float 32, 64 */
	case 0xcb:
		return 4u << (first - 0xca);
	case 0xcc: /* uint 8, 16, 32, 64 */
	case 0xcd:
	case 0xce:
	case 0xcf:
		return 1u << (first - 0xcc);
	case 0xd0: /* int 8, 16, 32, 64 */
	case 0xd1:
	case 0xd2:
	case 0xd3:
		return 1u << (first - 0xd0);
	case 0xd9: /* str 8, 16, 32 */
	case 0xda:
	case 0xdb:
		return 1u << (first - 0xd9);
	case 0xdc: /* array 16, 32 */
	case 0xdd:
		return 2u << (first - 0xdc);
	case 0xde: /* map 16, 32 */
	case 0xdf:
		return 2u << (first - 0xde);
	default: /* 0xc1 and every ext */
		return 0;
	}
}

enum walk_verdict
head_read(const uint8_t *bytes, size_t count, size_t *at, struct head *out)
{
	uint8_t first;
	unsigned follow;
	uint64_t v = 0;

	assert(*at < count);
	first = bytes[(*at)++];
	*out = (struct head){.kind = HEAD_NIL};
	if (head_fixed(first, out))
		return WALK_OK;
	follow = head_follow(first);
	if (follow == 0)
		return WALK_TYPE;
	if (count - *at < follow)
		return WALK_SHORT;
	for (unsigned n = 0; n < follow; n++)
		v = v << 8 | bytes[(*at)++];

	if (first <= 0xc6) {
		out->kind = HEAD_BIN;
		out->bytes = v;
	} else if (first <= 0xcb) {
		out->kind = HEAD_FLOAT;
	} else if (first <= 0xcf) {
		out->kind = HEAD_UINT;
		out->value = v;
	} else if (first <= 0xd3) {
		head_signed(out, widen(v, follow));
	} else if (first <= 0xdb) {
		out->kind = HEAD_STR;
		out->bytes = v;
	} else if (first <= 0xdd) {
		out->kind = HEAD_ARRAY;
		out->count = v;
	} else {
		out->kind = HEAD_MAP;
		out->count = v;
	}
	return WALK_OK;
}

enum walk_verdict
walk_body(const uint8_t *body, size_t body_bytes,
	  const struct walk_limits *limits)
{
	/* What is still owed on each level; a pair counts as two. */
	struct {
		uint32_t left;
		bool map;
	} levels[LEVELS_MAX] = {{1, false}};
	uint32_t level = 0, items = 0;
	size_t at = 0;

	assert(limits->depth_max < LEVELS_MAX);
	for (;;) {
		enum walk_verdict verdict;
		struct head h;
		uint64_t children;
		bool key;

		while (levels[level].left == 0) {
			if (level == 0)
				return at == body_bytes ? WALK_OK
							: WALK_TRAILING;
			level--;
		}
		if (at >= body_bytes)
			return WALK_SHORT;
		key = levels[level].map && levels[level].left % 2 == 0;
		levels[level].left--;
		if (++items > limits->items_max)
			return WALK_ITEMS;
		verdict = head_read(body, body_bytes, &at, &h);
		if (verdict != WALK_OK)
			return verdict;
		if (key && h.kind != HEAD_STR)
			return WALK_KEY;
		if (h.kind == HEAD_STR && h.bytes > limits->str_bytes_max)
			return WALK_STR;
		if (h.bytes > body_bytes - at)
			return WALK_SHORT;
		at += (size_t)h.bytes;
		/* Counts are at most 2^32 - 1, so doubling cannot wrap. */
		children = h.kind == HEAD_MAP ? 2 * h.count : h.count;
		if (h.kind != HEAD_ARRAY && h.kind != HEAD_MAP)
			continue;
		/* Empty boxes count as a level too: the rule stays simple. */
		if (level + 1 > limits->depth_max)
			return WALK_DEPTH;
		if (children > body_bytes - at)
			return WALK_SHORT; /* each takes a byte at least */
		if (children > limits->items_max - items)
			return WALK_ITEMS;
		if (children == 0)
			continue;
		levels[++level].left = (uint32_t)children;
		levels[level].map = h.kind == HEAD_MAP;
	}
}

const char *
walk_verdict_text(enum walk_verdict v)
{
	switch (v) {
	case WALK_OK:
		return "well-formed";
	case WALK_SHORT:
		return "ends in the middle of a value";
	case WALK_TRAILING:
		return "bytes behind the value";
	case WALK_DEPTH:
		return "nested too deep";
	case WALK_ITEMS:
		return "too many items";
	case WALK_TYPE:
		return "a type that is not allowed";
	case WALK_STR:
		return "a string that is too long";
	case WALK_KEY:
		return "a map key that is no string";
	}
	return "?";
}
