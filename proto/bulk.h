/*
 * bulk.h: what is said on a channel, typed.
 *
 * A channel carries the bytes of photos, and nothing else; it is no link.  The
 * asker dials, says CHANNEL, then asks; the holder answers each request before
 * it reads the next.  PROTOCOL.md, "Channels", is normative.
 *
 * CHUNK is decoded without msgpack-c: it is most of what is ever received, and
 * has one shape.  Everything else is walked and read like any other body.
 */
#ifndef PHOTOMESH_BULK_H
#define PHOTOMESH_BULK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hello.h"
#include "message.h"
#include "photo_id.h"

enum bulk_type {
	BULK_CHANNEL = 13,      /* {"vmin","vmax","key","sig","run"} */
	BULK_CHANNEL_OPEN = 14, /* {"version","hatch","thumbs"} */
	BULK_FETCH = 15,        /* {"photo","offset","length"} */
	BULK_CHUNK = 16,        /* {"data"} */
	BULK_PROVE = 17,        /* {"photo","nonce"} */
	BULK_PROOF = 18,        /* {"sum"} */
	BULK_HATCH = 19,        /* {} */
	BULK_HATCH_IS = 20,     /* {"at","ticket"} */
	BULK_HAND = 21,         /* {"photo"} */
	BULK_HANDED = 22,       /* {} */
	BULK_THUMBS = 23,       /* {"photos","make"} */
	BULK_THUMB = 24,        /* {"data"} */
	/* MESSAGE_ERROR instead of an answer, MESSAGE_HELLO by the holder first. */
};

struct bulk_channel {
	uint32_t version_min, version_max;
	uint8_t key[PUBLIC_KEY_BYTES];
	uint8_t signature[SIGNATURE_BYTES];
	uint64_t run;
};

struct bulk_open {
	uint32_t version;
	bool hatch;  /* HATCH and HAND may be asked */
	bool thumbs; /* THUMBS may be asked */
};

/* Where the holder's hatch is, and what opens it. */
struct bulk_hatch {
	uint8_t at[HATCH_AT_BYTES];
	uint8_t ticket[HATCH_TICKET_BYTES];
};

struct bulk_fetch {
	struct photo_id photo;
	uint64_t offset, length; /* length <= FETCH_BYTES_MAX, inside the photo */
};

struct bulk_chunk {
	const uint8_t *data; /* borrowed from the body */
	size_t data_bytes;   /* <= CHUNK_BYTES_MAX */
};

struct bulk_prove {
	struct photo_id photo;
	uint8_t nonce[PROOF_NONCE_BYTES];
};

/* Answered by as many THUMBs, in this order. */
struct bulk_thumbs {
	const uint8_t *ids; /* borrowed; PHOTO_ID_BYTES each */
	uint32_t count;     /* 1..THUMBS_ASK_MAX */
	bool make;          /* what there is none of, where it is held */
};

struct bulk {
	uint32_t type; /* enum bulk_type or MESSAGE_ERROR */
	uint32_t request;
	union {
		struct bulk_channel channel;
		struct bulk_open open;
		struct bulk_fetch fetch;
		struct bulk_chunk chunk; /* CHUNK; THUMB: of at most
					  * THUMB_BYTES_MAX, 0: none here */
		struct bulk_thumbs thumbs;
		struct bulk_prove prove;
		uint8_t proof[PROOF_BYTES];
		struct bulk_hatch hatch; /* HATCH_IS */
		struct photo_id hand;
		struct message_error error;
	} u;
};

/* What CHANNEL signs; the asker's own run.  Returns BULK_SIGNED_BYTES. */
#define BULK_SIGNED_BYTES (19u + 1u + HELLO_EXPORTER_BYTES + 8u)
size_t bulk_signed_bytes(const uint8_t exporter[HELLO_EXPORTER_BYTES],
			 uint64_t run, uint8_t out[BULK_SIGNED_BYTES]);

/* The whole frame of anything but CHUNK and THUMB; its bytes, or 0 if it does not fit. */
size_t bulk_encode(const struct bulk *m, uint8_t *out, size_t max);

/*
 * The frame of a CHUNK is a head and then the data as they are, so data can be
 * read from a file into their place: reserve BULK_CHUNK_HEAD_MAX in front of
 * them.  Writes the head so that it ends at `data`; returns its bytes.
 */
#define BULK_CHUNK_HEAD_MAX 32u
size_t bulk_chunk_head(uint32_t request, size_t data_bytes, uint8_t *data);
/* The same for a THUMB. */
size_t bulk_thumb_head(uint32_t request, size_t data_bytes, uint8_t *data);

/* May this request, well-formed as it is, be asked?  (Range within the photo,
 * length within bounds, request id not 0.) */
bool bulk_lawful(const struct bulk *m);

/*
 * One body.  `unpack` is the caller's reusable zone (fields.h).  Verdicts as in
 * message.h; anything but a bulk type or ERROR is MESSAGE_UNKNOWN.
 */
struct unpack;
enum message_verdict bulk_decode(struct unpack *unpack, const uint8_t *body,
				 size_t body_bytes, struct bulk *out,
				 const char **why);

#endif
