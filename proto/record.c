#include "record.h"

#include <assert.h>
#include <string.h>

#include "bytes.h"
#include "hash.h"

/* Of a key: how long it must be, and whether a path stands in it. */
static bool
key_lawful(const struct record *r)
{
	size_t path_bytes;

	switch (r->kind) {
	case RECORD_NODE:
		return r->key_bytes == 0;
	case RECORD_ROOT:
		return r->key_bytes == ROOT_ID_BYTES;
	case RECORD_COPY:
	case RECORD_PROBLEM:
		if (r->key_bytes < ROOT_ID_BYTES)
			return false;
		path_bytes = r->key_bytes - ROOT_ID_BYTES;
		if (path_bytes > PATH_BYTES_MAX)
			return false;
		/* A problem may concern the root itself; a copy has a name. */
		if (path_bytes == 0)
			return r->kind == RECORD_PROBLEM;
		return memchr(r->key + ROOT_ID_BYTES, '\0', path_bytes) == NULL;
	case RECORD_FORGOTTEN:
		return r->key_bytes == NODE_ID_BYTES;
	case RECORD_META:
		return r->key_bytes == PHOTO_ID_BYTES;
	default: /* not an enum: kinds of newer versions arrive here */
		return r->kind != 0;
	}
}

bool
record_lawful(const struct record *r)
{
	if (r->seq < 1 || r->seq > SEQ_MAX)
		return false;
	if (r->key_bytes > RECORD_KEY_MAX ||
	    r->value_bytes > RECORD_BYTES_MAX - r->key_bytes)
		return false;
	if (r->dead && r->value_bytes != 0)
		return false;
	return key_lawful(r);
}

void
record_pack(struct pack *p, const struct record *r)
{
	pack_array(p, 5);
	pack_uint(p, r->seq);
	pack_uint(p, r->kind);
	pack_bin(p, r->key, r->key_bytes);
	pack_bin(p, r->value, r->value_bytes);
	pack_bool(p, r->dead);
}

size_t
record_packed_bytes(const struct record *r)
{
	/* array, seq, kind, two heads of a bin 32, dead */
	return 1 + 9 + 2 + 5 + 5 + 1 + r->key_bytes + r->value_bytes;
}

void
record_digest(const struct stream_id *stream, const struct record *r,
	      struct digest *out)
{
	uint8_t row[NODE_ID_BYTES + 8 + 8 + 1 + 1 + 4 + 4 + RECORD_BYTES_MAX];
	uint8_t *at = row;

	/* One contiguous row: a streaming state would want the heap. */
	assert(r->key_bytes <= RECORD_BYTES_MAX);
	assert(r->value_bytes <= RECORD_BYTES_MAX - r->key_bytes);
	put_bytes(&at, stream->node.bytes, NODE_ID_BYTES);
	put_be(&at, stream->generation, 8);
	put_be(&at, r->seq, 8);
	put_be(&at, r->kind, 1);
	put_be(&at, r->dead ? 1 : 0, 1);
	put_be(&at, r->key_bytes, 4);
	put_bytes(&at, r->key, r->key_bytes);
	put_be(&at, r->value_bytes, 4);
	put_bytes(&at, r->value, r->value_bytes);
	*out = hash_bytes(row, (size_t)(at - row));
}

int
record_compare(const struct record *a, const struct record *b)
{
	size_t common = a->key_bytes < b->key_bytes ? a->key_bytes
						    : b->key_bytes;
	int r;

	if (a->seq != b->seq)
		return a->seq < b->seq ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (common > 0 && (r = memcmp(a->key, b->key, common)) != 0)
		return r;
	return (a->key_bytes > common) - (b->key_bytes > common);
}

bool
record_wins(const struct stream_id *stream, const struct record *a,
	    const struct record *b)
{
	struct digest da, db;

	if (a->seq != b->seq)
		return a->seq > b->seq;
	record_digest(stream, a, &da);
	record_digest(stream, b, &db);
	if (da.high != db.high)
		return da.high > db.high;
	return da.low > db.low;
}

const char *
problem_code_text(uint8_t code)
{
	switch (code) {
	case PROBLEM_UNREADABLE:
		return "unreadable";
	case PROBLEM_NOT_MEDIA:
		return "not-media";
	case PROBLEM_TRUNCATED:
		return "truncated";
	case PROBLEM_UNSTABLE:
		return "unstable";
	case PROBLEM_NAME:
		return "name";
	case PROBLEM_OFFLINE:
		return "offline";
	case PROBLEM_UNDECODABLE:
		return "undecodable";
	default: /* codes of newer versions */
		return "unknown";
	}
}
