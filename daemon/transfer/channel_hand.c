/*
 * channel_hand.c: being handed a file, at the asker's end.
 *
 * Everything is asked and answered on the channel; only the descriptor comes
 * through the hatch beside it (hatch.h), and is there before its HANDED is.  So
 * nothing is waited for but frames of the channel.
 */
#include "channel.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "channel_private.h"
#include "hatch.h"

/* Ask, and hear the answer; false: the channel is good for nothing more. */
static bool
ask(struct channel *c, struct bulk *m, unsigned timeout_ms, uint32_t answer)
{
	uint32_t request = ++c->hand_request;

	m->request = request;
	return channel_say_bulk(c, m, timeout_ms) &&
	       channel_hear(c, CHANNEL_ASK_BYTES_MAX, timeout_ms, m) ==
		       CHANNEL_HEARD &&
	       m->request == request &&
	       (m->type == answer || m->type == MESSAGE_ERROR);
}

static void
shut_hatch(struct channel *c)
{
	if (c->hatch != -1)
		close(c->hatch);
	c->hatch = -1;
}

/* The hatch of this channel: claimed when first wanted, and not tried again. */
static bool
have_hatch(struct channel *c, unsigned timeout_ms)
{
	struct bulk m = {.type = BULK_HATCH};

	if (!c->hatch_offered)
		return true;
	c->hatch_offered = false;
	if (!ask(c, &m, timeout_ms, BULK_HATCH_IS))
		return false;
	if (m.type == BULK_HATCH_IS)
		c->hatch = hatch_claim(&m.u.hatch);
	return true;
}

/* It may be anything: nothing is read of it before this. */
static bool
is_file_of(int fd, const struct photo_id *photo)
{
	int flags = fcntl(fd, F_GETFL);
	struct stat st;

	return flags != -1 && (flags & (O_ACCMODE | O_PATH)) == O_RDONLY &&
	       fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       (uint64_t)st.st_size == photo->size;
}

enum channel_handed
channel_hand(struct channel *c, const struct photo_id *photo,
	     unsigned timeout_ms, int *fd, uint32_t *code)
{
	struct bulk m = {.type = BULK_HAND, .u.hand = *photo};

	*fd = -1;
	if (!have_hatch(c, timeout_ms))
		return CHANNEL_LOST;
	if (c->hatch == -1)
		return CHANNEL_UNHANDED;
	if (!ask(c, &m, timeout_ms, BULK_HANDED))
		return CHANNEL_LOST;
	if (m.type == MESSAGE_ERROR) {
		*code = m.u.error.code;
		return CHANNEL_REFUSED;
	}
	*fd = hatch_take(c->hatch, c->hand_request);
	if (*fd != -1 && is_file_of(*fd, photo))
		return CHANNEL_HANDED;
	/* Who says it and does not do it is not asked again. */
	if (*fd != -1)
		close(*fd);
	*fd = -1;
	shut_hatch(c);
	return CHANNEL_UNHANDED;
}
