#include "reader.h"

#include <string.h>

#include "head.h"
#include "limits.h"
#include "walk.h"

bool
reader_init(struct reader *r, const uint8_t *value, size_t bytes,
	    uint32_t items_min)
{
	struct head h;

	*r = (struct reader){.bytes = value, .count = bytes};
	if (bytes > RECORD_BYTES_MAX ||
	    walk_body(value, bytes, &walk_limits_default) != WALK_OK)
		return false;
	return head_read(value, bytes, &r->at, &h) == WALK_OK &&
	       h.kind == HEAD_ARRAY && h.count >= items_min;
}

/*
 * The next head.  Boxes among the items that are understood are entered with
 * reader_array and read to their end, so there is nothing to skip.
 */
static struct head
reader_next(struct reader *r)
{
	struct head h = {.kind = HEAD_NIL};

	if (r->broken || r->at >= r->count ||
	    head_read(r->bytes, r->count, &r->at, &h) != WALK_OK ||
	    h.bytes > r->count - r->at) {
		r->broken = true;
		h = (struct head){.kind = HEAD_NIL};
	}
	return h;
}

bool
reader_nil(struct reader *r)
{
	size_t before = r->at;

	if (reader_next(r).kind == HEAD_NIL)
		return !r->broken;
	r->at = before;
	return false;
}

uint64_t
reader_uint(struct reader *r, uint64_t max)
{
	struct head h = reader_next(r);

	if (h.kind != HEAD_UINT || h.value > max) {
		r->broken = true;
		return 0;
	}
	return h.value;
}

int64_t
reader_int(struct reader *r)
{
	struct head h = reader_next(r);
	int64_t v = 0;

	if (h.kind == HEAD_NEGATIVE ||
	    (h.kind == HEAD_UINT && h.value <= INT64_MAX))
		memcpy(&v, &h.value,
		       sizeof(v)); /* two's complement, C11 7.20 */
	else
		r->broken = true;
	return v;
}

bool
reader_bool(struct reader *r)
{
	struct head h = reader_next(r);

	if (h.kind != HEAD_BOOL)
		r->broken = true;
	return h.kind == HEAD_BOOL && h.value != 0;
}

size_t
reader_bin(struct reader *r, uint8_t *out, size_t min, size_t max)
{
	struct head h = reader_next(r);

	if (h.kind != HEAD_BIN || h.bytes < min || h.bytes > max) {
		r->broken = true;
		return 0;
	}
	memcpy(out, r->bytes + r->at, (size_t)h.bytes);
	r->at += (size_t)h.bytes;
	return (size_t)h.bytes;
}

void
reader_str(struct reader *r, char *out, size_t max)
{
	struct head h = reader_next(r);

	out[0] = '\0';
	if (h.kind != HEAD_STR || h.bytes > max ||
	    memchr(r->bytes + r->at, '\0', (size_t)h.bytes) != NULL) {
		r->broken = true;
		return;
	}
	memcpy(out, r->bytes + r->at, (size_t)h.bytes);
	out[h.bytes] = '\0';
	r->at += (size_t)h.bytes;
}

uint32_t
reader_array(struct reader *r, uint32_t max)
{
	struct head h = reader_next(r);

	if (h.kind != HEAD_ARRAY || h.count > max) {
		r->broken = true;
		return 0;
	}
	return (uint32_t)h.count;
}
