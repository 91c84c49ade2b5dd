/*
 * beacon_frame.h: the 64 bytes by which nodes of one network find each other.
 *
 * Sealed under a key that is made of the mesh key (AES-128-GCM, a fresh random
 * nonce each time): to anybody else they are 64 random bytes, and nobody else
 * can make one that opens.  Who records one can send it again; all that can
 * follow is a dial, which only a holder of the key can answer.  PROTOCOL.md,
 * "Beacons", is normative.
 */
#ifndef PHOTOMESH_BEACON_FRAME_H
#define PHOTOMESH_BEACON_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "ident.h"

#define BEACON_BYTES     64u
#define BEACON_KEY_BYTES 16u

struct beacon_key {
	uint8_t bytes[BEACON_KEY_BYTES];
};

struct beacon_said {
	struct node_id node;
	uint16_t port; /* not 0 */
};

/* From the 32 bytes of the mesh key.  False: OpenSSL failed. */
bool beacon_key_make(const uint8_t *mesh_key, struct beacon_key *out);
/* Never the same bytes twice.  False: OpenSSL failed. */
bool beacon_seal(const struct beacon_key *key, const struct beacon_said *said,
		 uint8_t out[BEACON_BYTES]);
/* False: not by this key, or not lawful; *out is then undefined. */
bool beacon_open(const struct beacon_key *key,
		 const uint8_t in[BEACON_BYTES], struct beacon_said *out);

#endif
