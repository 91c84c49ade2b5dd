#include "cursor.h"

#include <string.h>

/*
 * version u8, sort u8, reverse u8, number i64 big-endian, photo id (24), name
 * to the end.
 */
#define CURSOR_VERSION    1u
#define CURSOR_HEAD_BYTES (3u + 8u + PHOTO_ID_BYTES)

size_t
cursor_pack(const struct list_cursor *c, enum list_sort sort, bool reverse,
	    uint8_t out[CURSOR_BYTES_MAX])
{
	uint64_t number = (uint64_t)c->number;
	size_t name_bytes = strnlen(c->name, sizeof(c->name) - 1);

	out[0] = CURSOR_VERSION;
	out[1] = (uint8_t)sort;
	out[2] = reverse ? 1 : 0;
	for (unsigned i = 0; i < 8; i++)
		out[3 + i] = (uint8_t)(number >> (56 - 8 * i));
	photo_id_pack(&c->photo, out + 11);
	memcpy(out + CURSOR_HEAD_BYTES, c->name, name_bytes);
	return CURSOR_HEAD_BYTES + name_bytes;
}

bool
cursor_unpack(const uint8_t *bytes, size_t count, enum list_sort sort,
	      bool reverse, struct list_cursor *out)
{
	uint64_t number = 0;
	size_t name_bytes;

	memset(out, 0, sizeof(*out));
	if (count < CURSOR_HEAD_BYTES ||
	    count > CURSOR_HEAD_BYTES + sizeof(out->name) - 1)
		return false;
	if (bytes[0] != CURSOR_VERSION || bytes[1] != (uint8_t)sort ||
	    bytes[2] != (reverse ? 1 : 0))
		return false;
	for (unsigned i = 0; i < 8; i++)
		number = number << 8 | bytes[3 + i];
	memcpy(&out->number, &number, sizeof(out->number));
	photo_id_unpack(bytes + 11, &out->photo);
	if (out->photo.size > INT64_MAX)
		return false;
	name_bytes = count - CURSOR_HEAD_BYTES;
	if (memchr(bytes + CURSOR_HEAD_BYTES, '\0', name_bytes) != NULL)
		return false;
	memcpy(out->name, bytes + CURSOR_HEAD_BYTES, name_bytes);
	out->set = true;
	return true;
}
