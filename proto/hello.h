/*
 * hello.h: what a node signs to prove which node it is.
 *
 * `photomesh hello 1` (no NUL), the side, 32 bytes of the TLS exporter, the
 * run nonce big-endian.  The exporter ties the signature to one connection,
 * the side to one end of it, so neither can be replayed or reflected.
 */
#ifndef PHOTOMESH_HELLO_H
#define PHOTOMESH_HELLO_H

#include <stddef.h>
#include <stdint.h>

#define HELLO_EXPORTER_LABEL "EXPORTER-photomesh"
#define HELLO_EXPORTER_BYTES 32u
#define HELLO_SIGNED_BYTES   (17u + 1u + HELLO_EXPORTER_BYTES + 8u)

enum hello_side {
	HELLO_DIALLER = 0,  /* the end that connected: the TLS client */
	HELLO_LISTENER = 1, /* the end that accepted */
};

/* Of the node that signs: its own side, its own run. */
size_t hello_signed_bytes(enum hello_side side,
			  const uint8_t exporter[HELLO_EXPORTER_BYTES],
			  uint64_t run, uint8_t out[HELLO_SIGNED_BYTES]);

#endif
