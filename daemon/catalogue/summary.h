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
#include "meta.h"
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

/* When a photo was taken, as well as that is known: of a meta record, else of
 * what a copy is called, else when the oldest copy was last changed. */
struct summary_date {
	int64_t ns;    /* the camera's own clock as if it were UTC; but DATE_MTIME
			* is UTC */
	uint8_t dated; /* DATE_MTIME, DATE_NAME or enum meta_source */
	bool has_zone;
	int32_t zone_min; /* of the camera's clock, east of UTC */
};

/* Which meta record counts, and what lists show of it. */
struct summary_about {
	uint32_t decoder; /* 0: there is none */
	int64_t stream;   /* its row id; 0 */
	uint32_t width, height; /* 0: not known */
};

struct summary {
	int64_t mtime_ns, added_ms;
	uint32_t copies; /* after summary_end */
	char name[256];  /* base name, cut to 255 bytes; no NUL inside */
	char type[64];
	struct summary_date date; /* after summary_end */
	struct summary_about about;
	/* private: the best meta record's place among them, what it says of the
	 * date, and the earliest date in a name */
	struct node_id about_node;
	uint64_t about_generation;
	bool about_knows; /* it says more than that it was looked into */
	struct summary_date about_date;
	bool has_name_date;
	int64_t name_date_ms;
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
/* A meta record of the photo: the greatest decoder counts, then the least node
 * id, then its newest life. */
void summary_add_meta(struct summary *s, const struct stream_id *of,
		      int64_t stream, const struct record_meta *m);
/* False when no copy was added. */
bool summary_end(struct summary *s);
void summary_release(struct summary *s);

#endif
