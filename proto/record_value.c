/*
 * record_value.c: the values inside records, written and read.
 *
 * Reading takes the leading items by hand, without the library and without
 * memory: a rebuild of the query tables reads every value there is.
 */
#include <string.h>

#include "head.h"
#include "record.h"
#include "walk.h"

/* ---- writing --------------------------------------------------------- */

static size_t
packed(const struct pack *p)
{
	return p->overflow ? 0 : p->used;
}

size_t
record_node_pack(const struct record_node *v, uint8_t *out, size_t max)
{
	struct pack p;

	pack_init(&p, out, max);
	pack_array(&p, 4);
	pack_str(&p, v->name);
	pack_bin(&p, v->host.bytes, HOST_ID_BYTES);
	pack_str(&p, v->version);
	pack_uint(&p, v->share);
	return packed(&p);
}

size_t
record_root_pack(const struct record_root *v, uint8_t *out, size_t max)
{
	struct pack p;
	size_t volume_bytes = v->volume_bytes;

	if (volume_bytes > sizeof(v->volume))
		return 0;
	pack_init(&p, out, max);
	pack_array(&p, 7);
	pack_str(&p, v->label);
	pack_bin(&p, v->volume, volume_bytes);
	pack_bool(&p, v->online);
	pack_bool(&p, v->complete);
	pack_uint(&p, v->capacity_bytes);
	pack_uint(&p, v->free_bytes);
	pack_int(&p, v->stamped_ms);
	return packed(&p);
}

size_t
record_copy_pack(const struct record_copy *v, uint8_t *out, size_t max)
{
	struct pack p;
	uint8_t photo[PHOTO_ID_BYTES];

	photo_id_pack(&v->photo, photo);
	pack_init(&p, out, max);
	pack_array(&p, 5);
	pack_bin(&p, photo, sizeof(photo));
	pack_int(&p, v->mtime_ns);
	pack_int(&p, v->added_ms);
	pack_bin(&p, v->file, sizeof(v->file));
	pack_str(&p, v->type);
	return packed(&p);
}

size_t
record_problem_pack(const struct record_problem *v, uint8_t *out, size_t max)
{
	struct pack p;

	pack_init(&p, out, max);
	pack_array(&p, 2);
	pack_uint(&p, v->code);
	pack_str(&p, v->message);
	return packed(&p);
}

size_t
record_forgotten_pack(const struct record_forgotten *v, uint8_t *out,
		      size_t max)
{
	struct pack p;

	pack_init(&p, out, max);
	pack_array(&p, 1);
	pack_uint(&p, v->generation);
	return packed(&p);
}

/* ---- reading --------------------------------------------------------- */

/* The items of one array in order; like struct items, `broken` stays set. */
struct reader {
	const uint8_t *bytes;
	size_t count, at;
	bool broken;
};

/* False unless the value is one whole array of at least items_min items. */
static bool
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
 * The next head.  Items before the first one that is not understood are
 * never boxes, so there is nothing to skip.
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

static uint64_t
read_uint(struct reader *r, uint64_t max)
{
	struct head h = reader_next(r);

	if (h.kind != HEAD_UINT || h.value > max) {
		r->broken = true;
		return 0;
	}
	return h.value;
}

static int64_t
read_int(struct reader *r)
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

static bool
read_bool(struct reader *r)
{
	struct head h = reader_next(r);

	if (h.kind != HEAD_BOOL)
		r->broken = true;
	return h.kind == HEAD_BOOL && h.value != 0;
}

/* Between min and max bytes of bin, copied; how many they were. */
static size_t
read_bin(struct reader *r, uint8_t *out, size_t min, size_t max)
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

/* At most max bytes of str without NUL, copied with a NUL behind. */
static void
read_str(struct reader *r, char *out, size_t max)
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

bool
record_node_parse(const uint8_t *value, size_t bytes, struct record_node *out)
{
	struct reader r;

	memset(out, 0, sizeof(*out));
	if (!reader_init(&r, value, bytes, 4))
		return false;
	read_str(&r, out->name, NODE_NAME_BYTES_MAX);
	read_bin(&r, out->host.bytes, HOST_ID_BYTES, HOST_ID_BYTES);
	read_str(&r, out->version, sizeof(out->version) - 1);
	out->share = (uint8_t)read_uint(&r, UINT8_MAX);
	return !r.broken;
}

bool
record_root_parse(const uint8_t *value, size_t bytes, struct record_root *out)
{
	struct reader r;

	memset(out, 0, sizeof(*out));
	if (!reader_init(&r, value, bytes, 7))
		return false;
	read_str(&r, out->label, LABEL_BYTES_MAX);
	out->volume_bytes =
		(uint8_t)read_bin(&r, out->volume, 0, sizeof(out->volume));
	out->online = read_bool(&r);
	out->complete = read_bool(&r);
	out->capacity_bytes = read_uint(&r, UINT64_MAX);
	out->free_bytes = read_uint(&r, UINT64_MAX);
	out->stamped_ms = read_int(&r);
	return !r.broken;
}

bool
record_copy_parse(const uint8_t *value, size_t bytes, struct record_copy *out)
{
	uint8_t photo[PHOTO_ID_BYTES] = {0};
	struct reader r;

	memset(out, 0, sizeof(*out));
	if (!reader_init(&r, value, bytes, 5))
		return false;
	read_bin(&r, photo, sizeof(photo), sizeof(photo));
	photo_id_unpack(photo, &out->photo);
	out->mtime_ns = read_int(&r);
	out->added_ms = read_int(&r);
	read_bin(&r, out->file, sizeof(out->file), sizeof(out->file));
	read_str(&r, out->type, MEDIA_TYPE_MAX);
	/* Sizes live in signed 64-bit columns and in off_t. */
	return !r.broken && out->photo.size <= INT64_MAX;
}

bool
record_problem_parse(const uint8_t *value, size_t bytes,
		     struct record_problem *out)
{
	struct reader r;

	memset(out, 0, sizeof(*out));
	if (!reader_init(&r, value, bytes, 2))
		return false;
	out->code = (uint8_t)read_uint(&r, UINT8_MAX);
	read_str(&r, out->message, MESSAGE_BYTES_MAX);
	return !r.broken;
}

bool
record_forgotten_parse(const uint8_t *value, size_t bytes,
		       struct record_forgotten *out)
{
	struct reader r;

	memset(out, 0, sizeof(*out));
	if (!reader_init(&r, value, bytes, 1))
		return false;
	out->generation = read_uint(&r, GENERATION_MAX);
	return !r.broken;
}
