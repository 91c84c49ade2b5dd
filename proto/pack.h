/*
 * pack.h: writing msgpack into a buffer of fixed size.
 *
 * A thin layer over msgpack-c's packer: the buffer is the caller's, overflow
 * is sticky and looked at once at the end, nothing is allocated.
 */
#ifndef PHOTOMESH_PACK_H
#define PHOTOMESH_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pack {
	uint8_t *out;    /* borrowed */
	size_t capacity; /* bytes */
	size_t used;     /* bytes, never above capacity */
	bool overflow;   /* something did not fit; used is then meaningless */
};

void pack_init(struct pack *p, uint8_t *out, size_t capacity);

/*
 * A whole frame: pack_frame_begin leaves room for the length and opens
 * [type, request, ...; then pack exactly one map; pack_frame_end writes the
 * length and returns the frame's bytes, header included, or 0 on overflow.
 */
void pack_frame_begin(struct pack *p, uint8_t *out, size_t capacity,
		      uint32_t type, uint32_t request);
size_t pack_frame_end(struct pack *p);

void pack_map(struct pack *p, uint32_t pairs);
void pack_array(struct pack *p, uint32_t items);
void pack_nil(struct pack *p);
void pack_bool(struct pack *p, bool v);
void pack_uint(struct pack *p, uint64_t v);
void pack_int(struct pack *p, int64_t v);
void pack_bin(struct pack *p, const void *bytes, size_t count);
void pack_str(struct pack *p, const char *text); /* NUL-terminated */
void pack_str_bytes(struct pack *p, const char *text, size_t count);

/* key and value of one map entry */
void pack_key_uint(struct pack *p, const char *key, uint64_t v);
void pack_key_int(struct pack *p, const char *key, int64_t v);
void pack_key_bool(struct pack *p, const char *key, bool v);
void pack_key_bin(struct pack *p, const char *key, const void *bytes,
		  size_t count);
void pack_key_str(struct pack *p, const char *key, const char *text);

#endif
