/*
 * Channels, from both ends: by the first byte either askers come to a live server
 * of channels (channels_serve.c), or photos, proofs and thumbnails are fetched
 * from holders that may say anything (channels_fetch.c).
 */
#include "channels_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct choices c = {.at = data, .left = size};

	if (choose(&c) % 2 == 0)
		channels_serve(&c);
	else
		channels_fetch(&c);
	return 0;
}
