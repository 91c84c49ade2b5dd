/*
 * Whatever a member says is a thumbnail: what is taken has a size within bounds,
 * and none of its beginnings is one, too.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "thumb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t width = 0, height = 0;

	if (!thumb_lawful(data, size, &width, &height))
		return 0;
	if (width < 1 || width > THUMB_SIDE || height < 1 ||
	    height > THUMB_SIDE || size > THUMB_BYTES_MAX ||
	    thumb_lawful(data, size - 1, NULL, NULL))
		abort();
	return 0;
}
