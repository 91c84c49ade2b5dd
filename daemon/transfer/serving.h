/*
 * serving.h: giving out the photos of this node, to whom may have them.
 *
 * A thread for each channel that was dialled to us: it reads the file, writes
 * TLS, and waits for both.  A file is found by photo id (holdings.h); what the
 * owner shares, and with whom, is asked of consent.h, under the node id that
 * CHANNEL proved; thumbnails are for the whole mesh.  Never more bytes, never fewer than asked; a file that is not
 * what was indexed is not given out.
 */
#ifndef PHOTOMESH_SERVING_H
#define PHOTOMESH_SERVING_H

#include <stdint.h>

#include <openssl/ssl.h>

#include "ident.h"
#include "limits.h"
#include "photo_id.h"
#include "rate.h"

struct consent;
struct holdings;
struct serving;
struct thumb_store;
struct trouble;

/* A thumbnail of a photo that this node holds, made now and by whoever can;
 * blocks.  Its bytes, 0: none. */
typedef size_t serving_maker(void *arg, const struct photo_id *photo,
			     uint8_t out[THUMB_BYTES_MAX]);

struct serving_config {
	struct holdings *holdings; /* borrowed */
	struct consent *consent;   /* borrowed; NULL: all is open to all */
	struct thumb_store *thumbs; /* borrowed; NULL: none are given out */
	uint64_t bytes_per_second; /* all channels together; 0: no bound */
};

struct serving *serving_new(const struct serving_config *config,
			    struct trouble *why);
/* From now on; NULL: nobody makes any.  From the thread that made it. */
void serving_set_maker(struct serving *s, serving_maker *make, void *arg);
/* Cuts all channels and waits for their threads: as long as a disk needs for
 * one read. */
void serving_free(struct serving *s);

/*
 * `node` has dialled a channel with CHANNEL of this request id (driver.h,
 * on_channel).  Takes over `ssl` and `fd`; answers CHANNEL_OPEN, or ERROR 2
 * when there are CHANNELS_SERVED_MAX of all or CHANNELS_OF_ONE_MAX of `node`.
 * Does not block; one thread at a time.
 */
void serving_adopt(struct serving *s, SSL *ssl, int fd,
		   const struct node_id *node, uint32_t request);

/* Channels being served now, and bytes given out in this run. */
void serving_count(struct serving *s, uint32_t *channels, uint64_t *bytes);

#endif
