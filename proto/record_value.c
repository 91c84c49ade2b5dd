/*
 * record_value.c: the values inside records, written and read.
 *
 * Reading takes the leading items by hand, without the library and without
 * memory: a rebuild of the query tables reads every value there is.
 */
#include <string.h>

#include "reader.h"
#include "record.h"

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

bool
record_node_parse(const uint8_t *value, size_t bytes, struct record_node *out)
{
	struct reader r;

	memset(out, 0, sizeof(*out));
	if (!reader_init(&r, value, bytes, 4))
		return false;
	reader_str(&r, out->name, NODE_NAME_BYTES_MAX);
	reader_bin(&r, out->host.bytes, HOST_ID_BYTES, HOST_ID_BYTES);
	reader_str(&r, out->version, sizeof(out->version) - 1);
	out->share = (uint8_t)reader_uint(&r, UINT8_MAX);
	return !r.broken;
}

bool
record_root_parse(const uint8_t *value, size_t bytes, struct record_root *out)
{
	struct reader r;

	memset(out, 0, sizeof(*out));
	if (!reader_init(&r, value, bytes, 7))
		return false;
	reader_str(&r, out->label, LABEL_BYTES_MAX);
	out->volume_bytes =
		(uint8_t)reader_bin(&r, out->volume, 0, sizeof(out->volume));
	out->online = reader_bool(&r);
	out->complete = reader_bool(&r);
	out->capacity_bytes = reader_uint(&r, UINT64_MAX);
	out->free_bytes = reader_uint(&r, UINT64_MAX);
	out->stamped_ms = reader_int(&r);
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
	reader_bin(&r, photo, sizeof(photo), sizeof(photo));
	photo_id_unpack(photo, &out->photo);
	out->mtime_ns = reader_int(&r);
	out->added_ms = reader_int(&r);
	reader_bin(&r, out->file, sizeof(out->file), sizeof(out->file));
	reader_str(&r, out->type, MEDIA_TYPE_MAX);
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
	out->code = (uint8_t)reader_uint(&r, UINT8_MAX);
	reader_str(&r, out->message, MESSAGE_BYTES_MAX);
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
	out->generation = reader_uint(&r, GENERATION_MAX);
	return !r.broken;
}
