#include "channel.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "channel_private.h"
#include "clock.h"
#include "fields.h"
#include "frame.h"
#include "log.h"

/* ---- turns ----------------------------------------------------------- */

/*
 * Half as many threads of this process encipher at once as there are
 * processors.  With more, one that the kernel sets aside in the midst of malloc
 * or of a lock waits for its next turn behind all the others, and the loop's
 * thread, when it wants that lock, with it: lists took 25 ms (99th of 100) beside
 * a transfer with eight threads on two processors, and take 7.  Nobody waits for
 * a peer or for a disk while it has a turn.
 */
static sem_t turns;

static void
make_turns(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	sem_init(&turns, 0, processors > 2 ? (unsigned)processors / 2 : 1);
}

static void
take_turn(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_turns);
	while (sem_wait(&turns) == -1 && errno == EINTR)
		;
}

/* As much as goes without waiting, in one turn: to hand it on costs more than
 * a record does.  What the last call returned. */
static int
read_some(struct channel *c, size_t want)
{
	int n;

	take_turn();
	do {
		ERR_clear_error();
		n = SSL_read(c->ssl, c->in + c->in_used,
			     (int)(want - c->in_used));
		if (n > 0)
			c->in_used += (size_t)n;
	} while (n > 0 && c->in_used < want);
	sem_post(&turns);
	return n;
}

/* The same; *written grows. */
static int
write_some(struct channel *c, const uint8_t *bytes, size_t count,
	   size_t *written)
{
	int n;

	take_turn();
	do {
		size_t left = count - *written;

		ERR_clear_error();
		n = SSL_write(c->ssl, bytes + *written,
			      left < INT32_MAX ? (int)left : INT32_MAX);
		if (n > 0)
			*written += (size_t)n;
	} while (n > 0 && *written < count);
	sem_post(&turns);
	return n;
}

/* ---- life ------------------------------------------------------------ */

struct channel *
channel_new(SSL *ssl, int fd)
{
	struct channel *c = calloc(1, sizeof(*c));

	if (c == NULL || (c->unpack = unpack_new()) == NULL) {
		free(c);
		SSL_free(ssl);
		close(fd);
		return NULL;
	}
	/* Whoever waited inside OpenSSL would keep its turn. */
	(void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	c->ssl = ssl;
	c->fd = fd;
	c->stop_fd = -1;
	c->hatch = -1;
	c->end_ms = UINT64_MAX;
	return c;
}

struct channel *
channel_adopt(SSL *ssl, int fd, const struct node_id *node)
{
	struct channel *c = channel_new(ssl, fd);

	if (c != NULL)
		c->node = *node;
	return c;
}

void
channel_free(struct channel *c)
{
	if (c == NULL)
		return;
	if (!c->failed && !atomic_load(&c->cut)) {
		ERR_clear_error();
		(void)SSL_shutdown(c->ssl);
	}
	SSL_free(c->ssl);
	close(c->fd);
	if (c->hatch != -1)
		close(c->hatch);
	unpack_free(c->unpack);
	free(c->in);
	free(c);
}

void
channel_cut(struct channel *c)
{
	atomic_store(&c->cut, true);
	(void)shutdown(c->fd, SHUT_RDWR);
}

bool
channel_is_cut(const struct channel *c)
{
	return atomic_load(&c->cut);
}

bool
channel_has_thumbs(const struct channel *c)
{
	return c->thumbs_offered;
}

void
channel_end_by(struct channel *c, uint64_t end_ms)
{
	c->end_ms = end_ms;
}

const struct node_id *
channel_node(const struct channel *c)
{
	return &c->node;
}

/* ---- waiting --------------------------------------------------------- */

enum channel_waited
channel_wait(struct channel *c, short events, uint64_t until_ms)
{
	struct pollfd fds[2] = {
		{.fd = c->fd, .events = events},
		{.fd = c->stop_fd, .events = POLLIN}, /* -1: passed over */
	};
	uint64_t now;
	int r;

	if (until_ms > c->end_ms)
		until_ms = c->end_ms;
	for (;;) {
		if (atomic_load(&c->cut))
			return WAITED_STOPPED;
		now = clock_steady_ms();
		if (now >= until_ms)
			return WAITED_LATE;
		r = poll(fds, 2, (int)(until_ms - now < INT32_MAX
					       ? until_ms - now
					       : INT32_MAX));
		if (r == -1 && errno != EINTR)
			return WAITED_STOPPED;
		if (r <= 0)
			continue;
		return fds[1].revents != 0 || atomic_load(&c->cut)
			       ? WAITED_STOPPED
			       : WAITED_READY;
	}
}

enum channel_waited
channel_wait_ssl(struct channel *c, int r, uint64_t until_ms)
{
	switch (SSL_get_error(c->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		return channel_wait(c, POLLIN, until_ms);
	case SSL_ERROR_WANT_WRITE:
		return channel_wait(c, POLLOUT, until_ms);
	default:
		return WAITED_STOPPED;
	}
}

/* ---- saying ---------------------------------------------------------- */

bool
channel_say(struct channel *c, const uint8_t *frame, size_t bytes,
	    unsigned timeout_ms)
{
	uint64_t until = clock_steady_ms() + timeout_ms;
	size_t written = 0;

	while (written < bytes && !c->failed) {
		size_t before = written;
		int n;

		if (atomic_load(&c->cut)) {
			c->failed = true;
			break;
		}
		n = write_some(c, frame, bytes, &written);
		/* Something went, or there is room again: they do read. */
		if (written > before)
			until = clock_steady_ms() + timeout_ms;
		if (n > 0)
			continue;
		if (channel_wait_ssl(c, n, until) != WAITED_READY)
			c->failed = true;
		else
			until = clock_steady_ms() + timeout_ms;
	}
	return !c->failed;
}

bool
channel_say_bulk(struct channel *c, const struct bulk *m, unsigned timeout_ms)
{
	uint8_t frame[FRAME_HEADER_BYTES + CHANNEL_ASK_BYTES_MAX];
	size_t bytes = bulk_encode(m, frame, sizeof(frame));

	assert(bytes > 0);
	return channel_say(c, frame, bytes, timeout_ms);
}

/* ---- hearing --------------------------------------------------------- */

/* Until c->in holds `want` bytes. */
static enum channel_heard
fill(struct channel *c, size_t want, unsigned timeout_ms)
{
	uint64_t until = clock_steady_ms() + timeout_ms;

	assert(want <= c->in_room);
	while (c->in_used < want) {
		size_t before = c->in_used;
		int n;

		if (atomic_load(&c->cut))
			return CHANNEL_ENDED;
		n = read_some(c, want);
		if (c->in_used > before)
			until = clock_steady_ms() + timeout_ms;
		if (n > 0)
			continue;
		switch (channel_wait_ssl(c, n, until)) {
		case WAITED_READY:
			continue;
		case WAITED_LATE:
			return CHANNEL_SILENT;
		case WAITED_STOPPED:
			return CHANNEL_ENDED;
		}
	}
	return CHANNEL_HEARD;
}

static bool
make_room(struct channel *c, size_t bytes)
{
	uint8_t *in;

	if (bytes <= c->in_room)
		return true;
	if ((in = realloc(c->in, bytes)) == NULL)
		return false;
	c->in = in;
	c->in_room = bytes;
	return true;
}

enum channel_heard
channel_hear_body(struct channel *c, size_t body_bytes_max, unsigned timeout_ms,
		  const uint8_t **body, size_t *body_bytes)
{
	enum channel_heard heard;
	struct frame f;

	/* Never more than this frame is taken from OpenSSL, so nothing has to
	 * be moved to the front for the next one. */
	for (f.want_bytes = FRAME_HEADER_BYTES;;) {
		if (c->failed || !make_room(c, FRAME_HEADER_BYTES +
						       body_bytes_max))
			return CHANNEL_ENDED;
		heard = fill(c, f.want_bytes, timeout_ms);
		if (heard == CHANNEL_SILENT)
			return heard;
		if (heard != CHANNEL_HEARD)
			break;
		switch (frame_peek(c->in, c->in_used, body_bytes_max, &f)) {
		case FRAME_PARTIAL:
			continue;
		case FRAME_BROKEN:
			heard = CHANNEL_BROKEN;
			break;
		case FRAME_READY:
			c->in_used = 0;
			*body = f.body;
			*body_bytes = f.body_bytes;
			return CHANNEL_HEARD;
		}
		break;
	}
	c->failed = true;
	return heard;
}

enum channel_heard
channel_hear(struct channel *c, size_t body_bytes_max, unsigned timeout_ms,
	     struct bulk *out)
{
	const uint8_t *body;
	size_t body_bytes;
	const char *what = "a type that is not said on channels";
	enum channel_heard heard = channel_hear_body(
		c, body_bytes_max, timeout_ms, &body, &body_bytes);

	if (heard != CHANNEL_HEARD)
		return heard;
	if (bulk_decode(c->unpack, body, body_bytes, out, &what) == MESSAGE_OK)
		return CHANNEL_HEARD;
	log_debug("malformed on a channel: %s", what);
	c->failed = true;
	return CHANNEL_BROKEN;
}
