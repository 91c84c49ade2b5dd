#include "merged.h"

#include <assert.h>

#include "bytes.h"
#include "hash.h"

void
merged_add(struct digest *sum, const struct photo_id *photo, uint32_t copies,
	   const void *name, size_t name_bytes)
{
	uint8_t row[PHOTO_ID_BYTES + 4 + 4 + PATH_BYTES_MAX];
	uint8_t *at = row + PHOTO_ID_BYTES;
	struct digest d;

	assert(name_bytes <= PATH_BYTES_MAX);
	photo_id_pack(photo, row);
	put_be(&at, copies, 4);
	put_be(&at, name_bytes, 4);
	put_bytes(&at, name, name_bytes);
	d = hash_bytes(row, (size_t)(at - row));
	digest_add(sum, &d);
}
