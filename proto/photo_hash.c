#include "photo_hash.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>
#if defined(__x86_64__)
#include <xxh_x86dispatch.h>
#endif

struct photo_hash {
	XXH3_state_t *state; /* owned; aligned as the library wants it */
	uint64_t bytes;
};

struct photo_hash *
photo_hash_new(void)
{
	struct photo_hash *h = malloc(sizeof(*h));

	if (h != NULL && (h->state = XXH3_createState()) == NULL) {
		free(h);
		h = NULL;
	}
	if (h != NULL)
		photo_hash_begin(h);
	return h;
}

void
photo_hash_free(struct photo_hash *h)
{
	if (h == NULL)
		return;
	XXH3_freeState(h->state);
	free(h);
}

void
photo_hash_begin(struct photo_hash *h)
{
	XXH3_128bits_reset(h->state);
	h->bytes = 0;
}

void
photo_hash_add(struct photo_hash *h, const void *bytes, size_t count)
{
	XXH3_128bits_update(h->state, bytes, count);
	h->bytes += count;
}

void
photo_hash_end(const struct photo_hash *h, struct photo_id *out)
{
	XXH128_canonical_t canonical;

	XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(h->state));
	memcpy(out->hash, canonical.digest, PHOTO_HASH_BYTES);
	out->size = h->bytes;
}
