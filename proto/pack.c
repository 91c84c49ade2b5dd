#include "pack.h"

#include <assert.h>
#include <string.h>

#include <msgpack.h>

#include "frame.h"

/* The packer's way out: msgpack-c calls it for every few bytes. */
static int
append(void *data, const char *bytes, size_t count)
{
	struct pack *p = data;

	if (p->overflow || count > p->capacity - p->used) {
		p->overflow = true;
		return -1;
	}
	memcpy(p->out + p->used, bytes, count);
	p->used += count;
	return 0;
}

static msgpack_packer
packer(struct pack *p)
{
	msgpack_packer k;

	msgpack_packer_init(&k, p, append);
	return k;
}

void
pack_init(struct pack *p, uint8_t *out, size_t capacity)
{
	*p = (struct pack){.out = out, .capacity = capacity};
}

void
pack_frame_begin(struct pack *p, uint8_t *out, size_t capacity, uint32_t type,
		 uint32_t request)
{
	static const char room[FRAME_HEADER_BYTES];

	pack_init(p, out, capacity);
	(void)append(p, room, sizeof(room));
	pack_array(p, 3);
	pack_uint(p, type);
	pack_uint(p, request);
}

size_t
pack_frame_end(struct pack *p)
{
	if (p->overflow || p->used - FRAME_HEADER_BYTES > UINT32_MAX)
		return 0;
	assert(p->used > FRAME_HEADER_BYTES);
	frame_header((uint32_t)(p->used - FRAME_HEADER_BYTES), p->out);
	return p->used;
}

/* Failure is remembered in `overflow`, so the returns say nothing new. */

void
pack_map(struct pack *p, uint32_t pairs)
{
	msgpack_packer k = packer(p);

	(void)msgpack_pack_map(&k, pairs);
}

void
pack_array(struct pack *p, uint32_t items)
{
	msgpack_packer k = packer(p);

	(void)msgpack_pack_array(&k, items);
}

void
pack_nil(struct pack *p)
{
	msgpack_packer k = packer(p);

	(void)msgpack_pack_nil(&k);
}

void
pack_bool(struct pack *p, bool v)
{
	msgpack_packer k = packer(p);

	if (v)
		(void)msgpack_pack_true(&k);
	else
		(void)msgpack_pack_false(&k);
}

void
pack_uint(struct pack *p, uint64_t v)
{
	msgpack_packer k = packer(p);

	(void)msgpack_pack_uint64(&k, v);
}

void
pack_int(struct pack *p, int64_t v)
{
	msgpack_packer k = packer(p);

	(void)msgpack_pack_int64(&k, v);
}

void
pack_bin(struct pack *p, const void *bytes, size_t count)
{
	msgpack_packer k = packer(p);

	(void)msgpack_pack_bin(&k, count);
	if (count > 0)
		(void)append(p, bytes, count);
}

void
pack_str(struct pack *p, const char *text)
{
	pack_str_bytes(p, text, strlen(text));
}

void
pack_str_bytes(struct pack *p, const char *text, size_t count)
{
	msgpack_packer k = packer(p);

	(void)msgpack_pack_str(&k, count);
	if (count > 0)
		(void)append(p, text, count);
}

void
pack_key_uint(struct pack *p, const char *key, uint64_t v)
{
	pack_str(p, key);
	pack_uint(p, v);
}

void
pack_key_int(struct pack *p, const char *key, int64_t v)
{
	pack_str(p, key);
	pack_int(p, v);
}

void
pack_key_bool(struct pack *p, const char *key, bool v)
{
	pack_str(p, key);
	pack_bool(p, v);
}

void
pack_key_bin(struct pack *p, const char *key, const void *bytes, size_t count)
{
	pack_str(p, key);
	pack_bin(p, bytes, count);
}

void
pack_key_str(struct pack *p, const char *key, const char *text)
{
	pack_str(p, key);
	pack_str(p, text);
}
