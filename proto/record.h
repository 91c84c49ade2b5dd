/*
 * record.h: one fact of one node, on the wire and in the catalogue.
 *
 * A record is (kind, key) -> value stamped with its owner's sequence number.
 * Values are kept and relayed exactly as received, so kinds and fields of
 * newer versions survive; stored digests depend on these bytes, which is why
 * the layouts below never change, only grow at the end.
 */
#ifndef PHOTOMESH_RECORD_H
#define PHOTOMESH_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ident.h"
#include "limits.h"
#include "pack.h"
#include "photo_id.h"

enum record_kind {
	RECORD_NODE = 1,      /* key: empty */
	RECORD_ROOT = 2,      /* key: root id (8) */
	RECORD_COPY = 3,      /* key: root id (8), relative path (raw) */
	RECORD_PROBLEM = 4,   /* key: root id (8), relative path (raw) */
	RECORD_FORGOTTEN = 5, /* key: node id (16) */
	RECORD_META = 6,      /* key: photo id (24); reserved */
};

/* Everything borrowed. */
struct record {
	uint64_t seq; /* 1..SEQ_MAX */
	uint8_t kind; /* also kinds this version does not know */
	bool dead;    /* a tombstone: value_bytes is 0 */
	const uint8_t *key;
	size_t key_bytes; /* <= RECORD_KEY_MAX */
	const uint8_t *value;
	size_t value_bytes; /* key + value <= RECORD_BYTES_MAX */
};

/* Is this lawful: bounds, seq, an empty value when dead, key long enough. */
bool record_lawful(const struct record *r);

/* [seq, kind, key, value, dead] */
void record_pack(struct pack *p, const struct record *r);
/* An upper bound of what record_pack writes. */
size_t record_packed_bytes(const struct record *r);

/*
 * XXH3-128 over: node id (16), generation u64, seq u64, kind u8, dead u8,
 * key length u32, key, value length u32, value; integers big-endian.
 */
void record_digest(const struct stream_id *stream, const struct record *r,
		   struct digest *out);

/* The order of rows in a page: by seq, then kind, then key (bytes; the shorter of
 * two that begin alike first).  Below, at or above zero. */
int record_compare(const struct record *a, const struct record *b);

/*
 * May `a` stand in the place of `b` (same stream, same kind and key)?  The
 * higher seq wins; at equal seq (a forked history) the greater row digest.
 * True when `a` wins; false when they are the same row.
 */
bool record_wins(const struct stream_id *stream, const struct record *a,
		 const struct record *b);

/* ---- values ---------------------------------------------------------- */

enum share_policy { SHARE_OPEN = 0, SHARE_ASK = 1, SHARE_NONE = 2 };

/* [name str, host bin8, version str, share uint] */
struct record_node {
	char name[NODE_NAME_BYTES_MAX + 1];
	struct host_id host;
	char version[32];
	uint8_t share; /* enum share_policy; unknown ones are kept */
};

/* [label str, volume bin, online bool, complete bool, capacity uint,
 *  free uint, stamped_ms int] */
struct record_root {
	char label[LABEL_BYTES_MAX + 1];
	uint8_t volume[32]; /* volume identity; shorter ones are 0-padded */
	uint8_t volume_bytes;
	bool online;
	bool complete; /* the first scan of this generation is complete */
	uint64_t capacity_bytes;
	uint64_t free_bytes;
	int64_t stamped_ms; /* wall clock, at scan end */
};

/* [photo id bin24, mtime int ns, added int ms, file bin8, type str] */
struct record_copy {
	struct photo_id photo;
	int64_t mtime_ns;
	int64_t added_ms;
	uint8_t file[8]; /* XXH3-64 (canonical) of volume identity and inode */
	char type[MEDIA_TYPE_MAX + 1];
};

enum problem_code {
	PROBLEM_UNREADABLE = 1, /* cannot be opened or read */
	PROBLEM_NOT_MEDIA = 2,  /* a media name, other content */
	PROBLEM_TRUNCATED = 3,  /* media that ends too early */
	PROBLEM_UNSTABLE = 4,   /* kept changing while it was read */
	PROBLEM_NAME = 5,       /* path too long or otherwise unusable */
	PROBLEM_OFFLINE = 6,    /* of a root: too much of it is missing */
	PROBLEM_UNDECODABLE = 7, /* beside a photo: nothing can be made of its bytes */
};

/* [code uint, message str] */
struct record_problem {
	uint8_t code; /* enum problem_code; unknown ones are kept */
	char message[MESSAGE_BYTES_MAX + 1];
};

/* [generation uint] */
struct record_forgotten {
	uint64_t generation; /* the highest one ended */
};

/* Each returns the bytes written to out, or 0 if it does not fit. */
size_t record_node_pack(const struct record_node *v, uint8_t *out, size_t max);
size_t record_root_pack(const struct record_root *v, uint8_t *out, size_t max);
size_t record_copy_pack(const struct record_copy *v, uint8_t *out, size_t max);
size_t record_problem_pack(const struct record_problem *v, uint8_t *out,
			   size_t max);
size_t record_forgotten_pack(const struct record_forgotten *v, uint8_t *out,
			     size_t max);

/*
 * Each reads a value as received; false when it is not what the layout says
 * (the row is then kept and relayed, but shown nowhere).  No allocation.
 */
bool record_node_parse(const uint8_t *value, size_t bytes,
		       struct record_node *out);
bool record_root_parse(const uint8_t *value, size_t bytes,
		       struct record_root *out);
bool record_copy_parse(const uint8_t *value, size_t bytes,
		       struct record_copy *out);
bool record_problem_parse(const uint8_t *value, size_t bytes,
			  struct record_problem *out);
bool record_forgotten_parse(const uint8_t *value, size_t bytes,
			    struct record_forgotten *out);

/* "unreadable", "not-media", ...; "unknown" for codes of newer versions. */
const char *problem_code_text(uint8_t code);

#endif
