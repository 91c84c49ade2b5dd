/*
 * links_world.h: a live driver on a real listener, over a real catalogue, and
 * peers that may know the mesh key.
 *
 * Only what these peers say comes in, and nothing goes out: the driver's dials are
 * refused at the system call, unless they lead to its own port.
 */
#ifndef PHOTOMESH_FUZZ_LINKS_WORLD_H
#define PHOTOMESH_FUZZ_LINKS_WORLD_H

#include <openssl/ssl.h>

#include "hello.h"
#include "message.h"
#include "must.h"

#define WORLD_PEERS 4u /* who has a key pair to sign with */

void world_begin(void);
void world_end(void);
void world_turn(void);

uint16_t world_port(void);
void world_own(struct stream_id *out);
/* A socket to the driver; -1. */
int world_dial(void);
/* Greets on it by the mesh key, or by another; NULL when it came to nothing. */
SSL *world_shake(int fd, bool right_key);
/* As who: 0 is the driver's own node. */
void world_sign(unsigned who, const uint8_t *bytes, size_t count,
		uint8_t key[PUBLIC_KEY_BYTES], uint8_t signature[64]);
void world_node(unsigned who, struct node_id *out);

/* Our own user and our own folders. */
void world_forget(const struct node_id *node);
void world_verify(void);
void world_own_change(unsigned n);

#endif
