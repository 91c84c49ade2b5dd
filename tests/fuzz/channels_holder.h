/*
 * channels_holder.h: one who is asked for photos and may answer anything.
 *
 * A listener with a thread, which does what its bytes say, and when there are no
 * more of them, either the right thing or no longer anything.  It never keeps
 * anybody waiting: what it leaves undone, it hangs up on.
 */
#ifndef PHOTOMESH_FUZZ_CHANNELS_HOLDER_H
#define PHOTOMESH_FUZZ_CHANNELS_HOLDER_H

#include <pthread.h>

#include "channels_world.h"

struct holder {
	struct choices c;
	unsigned who;
	bool honest; /* once there are no more bytes */
	int listener;
	uint16_t port;
	pthread_t thread;
};

/* As person `who`, by these bytes, which must last as long. */
void holder_begin(struct holder *h, unsigned who, bool honest,
		  const uint8_t *bytes, size_t count);
/* Nobody may be on a channel with it any more. */
void holder_end(struct holder *h);

#endif
