#include "raf.h"

#define PLACE_AT     92u  /* of the directory: offset, then bytes */
#define ENTRIES_MAX  256u
#define FULL_SIZE    0x100u
#define CROPPED_SIZE 0x111u

static uint32_t
number(const uint8_t *at, unsigned bytes)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < bytes; i++)
		n = n << 8 | at[i];
	return n;
}

bool
raf_size(const uint8_t *bytes, size_t count, uint32_t *width, uint32_t *height)
{
	const uint8_t *at, *end;
	uint32_t from, length, entries;
	bool found = false;

	if (count < PLACE_AT + 8)
		return false;
	from = number(bytes + PLACE_AT, 4);
	length = number(bytes + PLACE_AT + 4, 4);
	if (from > count || length > count - from || length < 4)
		return false;
	at = bytes + from;
	end = at + length;
	entries = number(at, 4);
	at += 4;
	for (uint32_t i = 0; i < entries && i < ENTRIES_MAX; i++) {
		uint32_t tag, size;

		if (end - at < 4)
			break;
		tag = number(at, 2);
		size = number(at + 2, 2);
		at += 4;
		if (size > (size_t)(end - at))
			break;
		if (size == 4 && (tag == CROPPED_SIZE ||
				  (tag == FULL_SIZE && !found))) {
			*height = number(at, 2);
			*width = number(at + 2, 2);
			found = *width > 0 && *height > 0;
			if (found && tag == CROPPED_SIZE)
				break;
		}
		at += size;
	}
	return found;
}
