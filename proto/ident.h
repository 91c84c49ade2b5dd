/*
 * ident.h: the small fixed values the whole mesh names things by.
 *
 * Node ids, host ids, root ids, points and digests: plain bytes and numbers
 * with their comparisons and hex forms, shared by wire, core and catalogue.
 */
#ifndef PHOTOMESH_IDENT_H
#define PHOTOMESH_IDENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limits.h"

#define NODE_ID_BYTES 16u
#define HOST_ID_BYTES 8u
#define ROOT_ID_BYTES 8u
#define DIGEST_BYTES  16u

struct node_id {
	uint8_t bytes[NODE_ID_BYTES];
};
struct host_id {
	uint8_t bytes[HOST_ID_BYTES];
};
struct root_id {
	uint8_t bytes[ROOT_ID_BYTES];
};

/* Sum modulo 2^128 of XXH3-128 over rows: order does not matter. */
struct digest {
	uint64_t high, low;
};

/*
 * How far a replica is: see PROTOCOL.md, "Points".  At head means base ==
 * cursor.  base never exceeds cursor.
 */
struct point {
	uint64_t base;
	uint64_t cursor;
};

/* One life of one node's stream. */
struct stream_id {
	struct node_id node;
	uint64_t generation; /* 1..GENERATION_MAX; 0 is "none" */
};

/* Where a node can be dialled. */
struct address {
	char host[ADDRESS_HOST_MAX + 1]; /* literal IPv4/IPv6 or a host name */
	uint16_t port;
};

/* Who would rather lead: (port, host id, node id), lowest first. */
struct rank {
	uint16_t port;
	struct host_id host;
	struct node_id node;
};

int node_id_compare(const struct node_id *a, const struct node_id *b);
bool node_id_equal(const struct node_id *a, const struct node_id *b);
bool node_id_is_zero(const struct node_id *a);
bool host_id_equal(const struct host_id *a, const struct host_id *b);
int rank_compare(const struct rank *a, const struct rank *b);
bool stream_id_equal(const struct stream_id *a, const struct stream_id *b);
bool address_equal(const struct address *a, const struct address *b);
/* The literal 127.0.0.1. */
bool address_is_loopback(const struct address *a);
/* A host name, which may lead elsewhere tomorrow; not a number. */
bool address_is_name(const struct address *a);
void address_loopback(struct address *out, uint16_t port);

bool digest_equal(const struct digest *a, const struct digest *b);
void digest_add(struct digest *sum, const struct digest *row);
void digest_subtract(struct digest *sum, const struct digest *row);
void digest_pack(const struct digest *d, uint8_t out[DIGEST_BYTES]);
void digest_unpack(const uint8_t in[DIGEST_BYTES], struct digest *out);

/* `bytes` as lower-case hex and a NUL: out holds 2 * count + 1. */
void hex_encode(const uint8_t *bytes, size_t count, char *out);
/* A digit's value, of either case; -1 if it is none. */
int hex_value(char c);
/* 2 * count digits into count bytes; false (out then undefined) if they are not
 * all digits, as when the text ends early. */
bool hex_decode(const char *text, uint8_t *out, size_t count);

#endif
