/*
 * summary.h: one row of the merged list, from the copies of a photo.
 *
 * A pure function of the set of copies shown, whatever order they are given
 * in, so that every node lists the same.  The writer keeps its results in the
 * photo table; verification computes them afresh and compares digests.
 */
#ifndef PHOTOMESH_SUMMARY_H
#define PHOTOMESH_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ident.h"
#include "photo_id.h"
#include "record.h"

/* Who a file is counted for: its host, or its node while that is unknown. */
#define HOLDER_BYTES 17u
void holder_of_host(const struct host_id *host, uint8_t out[HOLDER_BYTES]);
void holder_of_node(const struct node_id *node, uint8_t out[HOLDER_BYTES]);

/* Two records of one folder, whatever ids it was given?  Never without a
 * volume identity. */
bool root_same_folder(const struct record_root *a, const struct record_root *b);

struct summary_copy {
	const struct node_id *node;
	const uint8_t *holder; /* HOLDER_BYTES */
	const uint8_t *key;    /* root id, path */
	size_t key_bytes;
	int64_t mtime_ns, added_ms;
	const uint8_t *file; /* 8 bytes */
	const char *type;
	size_t type_bytes;
};

struct summary {
	int64_t mtime_ns, added_ms;
	uint32_t copies; /* after summary_end */
	char name[256];  /* base name, cut to 255 bytes; no NUL inside */
	char type[64];
	/* private: the copy that gives the name, and who counted what */
	struct node_id best_node;
	uint8_t best_key[RECORD_KEY_MAX];
	size_t best_key_bytes;
	uint8_t (*counted)[HOLDER_BYTES + 8u]; /* owned */
	size_t count, capacity;
};

/* Zero the struct before the first begin. */
void summary_begin(struct summary *s);
int summary_add(struct summary *s, const struct summary_copy *c); /* -1: OOM */
/* False when no copy was added. */
bool summary_end(struct summary *s);
void summary_release(struct summary *s);

#endif
