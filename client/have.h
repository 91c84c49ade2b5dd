/*
 * have.h: files that were read, and what the mesh knows of them.
 *
 * A batch is as many files as one HAVE has room for; their first bytes go with
 * them, for the daemon is who tells photos from other files.
 */
#ifndef PHOTO_HAVE_H
#define PHOTO_HAVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "question.h"

struct call;
struct failure;

#define HAVE_ITEMS_MAX 15u /* even when every head is as long as may be */

enum holder_state {
	HOLDER_CLAIMS, /* its index says so */
	HOLDER_PROVED, /* it has just read the same bytes */
	HOLDER_UNPROVED,
	HOLDER_DAMAGED, /* it has read others */
	HOLDER_ITSELF,  /* its copy is the file in question */
};
struct have_holder {
	struct answer_node node;
	enum holder_state state;
	uint32_t code; /* why unproved: an ERROR's */
};
struct have_item {
	char *path, *real; /* owned by the batch */
	dev_t device;      /* these two: which file it is */
	ino_t inode;
	int64_t mtime_ns;
	struct photo_id photo;
	uint8_t nonce[PROOF_NONCE_BYTES], sum[PROOF_BYTES];
	uint8_t head[HAVE_HEAD_BYTES_MAX];
	size_t head_bytes;
	/* what the answer says */
	char type[MEDIA_TYPE_MAX + 1]; /* "": no photo or video */
	bool known;
	uint32_t holder_count;
	struct have_holder holders[MESH_LIVE_MAX];
	uint32_t request; /* of its PROVE_HELD while that is open */
	uint32_t apart;   /* nodes that proved it on no disk of its own */
};
struct have_batch {
	struct have_item items[HAVE_ITEMS_MAX];
	uint32_t count;
};

void have_clear(struct have_batch *b);
/* The next item, with its paths set; NULL: out of memory.  There is room. */
struct have_item *have_add(struct have_batch *b, const char *path,
			   const char *real);
/* Take the last one away again. */
void have_drop_last(struct have_batch *b);
bool have_is_full(const struct have_batch *b);
/* Ask, and fill in what the answer says. */
int have_ask(struct have_batch *b, struct call *c, struct failure *why);

/* "alice,bob": those of that state, or all with -1; "" if there are none. */
#define HAVE_NAMES_MAX 512u
void have_names(const struct have_item *item, int state,
		char out[HAVE_NAMES_MAX]);

#endif
