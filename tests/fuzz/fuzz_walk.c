/*
 * The walk is the guard before msgpack-c: what it lets through, the library
 * unpacks whole, and one byte more is found to be too many.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <msgpack.h>

#include "walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(int truth)
{
	if (!truth)
		abort();
}

static msgpack_unpack_return
unpack(const uint8_t *data, size_t size, size_t *at)
{
	msgpack_object object;
	msgpack_unpack_return r;
	msgpack_zone zone;

	*at = 0;
	must(msgpack_zone_init(&zone, 1024));
	r = msgpack_unpack((const char *)data, size, at, &zone, &object);
	msgpack_zone_destroy(&zone);
	return r;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *longer;
	size_t at;

	if (walk_body(data, size, &walk_limits_default) != WALK_OK)
		return 0;
	must(unpack(data, size, &at) == MSGPACK_UNPACK_SUCCESS);
	must(at == size);
	longer = malloc(size + 1);
	must(longer != NULL);
	memcpy(longer, data, size);
	longer[size] = 0xc0;
	must(walk_body(longer, size + 1, &walk_limits_default) ==
	     WALK_TRAILING);
	must(unpack(longer, size + 1, &at) == MSGPACK_UNPACK_EXTRA_BYTES);
	free(longer);
	return 0;
}
