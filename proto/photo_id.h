/*
 * photo_id.h: what makes two files the same photo.
 *
 * A photo is its bytes: XXH3-128 of them (canonical big-endian, high half
 * first) and their count.  Nothing here opens a file; hashing feeds bytes in.
 */
#ifndef PHOTOMESH_PHOTO_ID_H
#define PHOTOMESH_PHOTO_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PHOTO_ID_BYTES       24u
#define PHOTO_HASH_BYTES     16u
#define PHOTO_ID_TEXT_MAX    64u /* "HEX+SIZE" and its NUL fit */
#define PHOTO_PREFIX_HEX_MIN 4u

struct photo_id {
	uint8_t hash[PHOTO_HASH_BYTES];
	uint64_t size;
};

/* The 24 bytes that go on the wire and into the database. */
void photo_id_pack(const struct photo_id *id, uint8_t out[PHOTO_ID_BYTES]);
void photo_id_unpack(const uint8_t in[PHOTO_ID_BYTES], struct photo_id *out);

int photo_id_compare(const struct photo_id *a, const struct photo_id *b);

/* 32 lower-case hex digits and a NUL. */
void photo_id_hex(const struct photo_id *id, char out[33]);
/* The same with "+SIZE" behind it, for the day two sizes share a hash. */
void photo_id_hex_size(const struct photo_id *id, char out[PHOTO_ID_TEXT_MAX]);

/*
 * A prefix as a person types it: 1 to 32 hex digits of either case, or 32 of
 * them and "+SIZE".  False when it is none of these.
 */
struct photo_prefix {
	uint8_t hash[PHOTO_HASH_BYTES]; /* unused digits are 0 */
	unsigned digits;                /* 1..32 */
	bool sized;
	uint64_t size; /* if sized */
};
bool photo_prefix_parse(const char *text, size_t text_bytes,
			struct photo_prefix *out);
/* All of it: matches that photo only. */
void photo_prefix_of(const struct photo_id *id, struct photo_prefix *out);
bool photo_prefix_matches(const struct photo_prefix *p,
			  const struct photo_id *id);

#endif
