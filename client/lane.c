#include "lane.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define IN_BYTES_FIRST (64u * 1024u)

void
lane_init(struct lane *l, const struct found *where)
{
	memset(l, 0, sizeof(*l));
	l->fd = -1;
	l->where = *where;
	lane_knock(l);
}

void
lane_adopt(struct lane *l, int fd, uint16_t port)
{
	memset(l, 0, sizeof(*l));
	l->fd = fd;
	l->where.port = port;
	l->state = LANE_OPEN;
	l->reached = true;
}

static void
close_lane(struct lane *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	l->state = LANE_CLOSED;
}

void
lane_release(struct lane *l)
{
	close_lane(l);
	free(l->in);
	free(l->out);
	l->in = l->out = NULL;
}

void
lane_knock(struct lane *l)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	memcpy(to.sun_path, l->where.path, sizeof(to.sun_path));
	if (l->fd < 0)
		l->fd = socket(AF_UNIX,
			       SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd >= 0 &&
	    connect(l->fd, (struct sockaddr *)&to, sizeof(to)) == 0) {
		l->state = LANE_OPEN;
		l->reached = true;
	} else if (l->fd >= 0 && (errno == EAGAIN || errno == EINTR)) {
		l->state = LANE_KNOCKING;
	} else {
		close_lane(l); /* refused: the socket of a dead daemon */
	}
}

bool
lane_send(struct lane *l, const uint8_t *bytes, size_t count)
{
	uint8_t *out;

	/* Questions are small and few: keep the unsent rest, and append. */
	if ((out = malloc(l->out_used - l->out_sent + count)) == NULL)
		return false;
	if (l->out != NULL)
		memcpy(out, l->out + l->out_sent, l->out_used - l->out_sent);
	memcpy(out + (l->out_used - l->out_sent), bytes, count);
	l->out_used = l->out_used - l->out_sent + count;
	l->out_sent = 0;
	free(l->out);
	l->out = out;
	lane_write(l);
	return true;
}

bool
lane_wants_to_write(const struct lane *l)
{
	return l->state == LANE_OPEN && l->out_sent < l->out_used;
}

void
lane_write(struct lane *l)
{
	while (lane_wants_to_write(l)) {
		ssize_t n = send(l->fd, l->out + l->out_sent,
				 l->out_used - l->out_sent, MSG_NOSIGNAL);

		if (n > 0)
			l->out_sent += (size_t)n;
		else if (n < 0 && errno == EINTR)
			continue;
		else
			break; /* full, or lost: reading will tell */
	}
}

/* Room for at least one more byte and for the whole frame that has begun. */
static bool
make_room(struct lane *l)
{
	struct frame f;
	size_t want = IN_BYTES_FIRST;
	uint8_t *in;

	if (l->taken > 0) {
		memmove(l->in, l->in + l->taken, l->in_used - l->taken);
		l->in_used -= l->taken;
		l->taken = 0;
	}
	if (l->in_used >= FRAME_HEADER_BYTES &&
	    frame_peek(l->in, l->in_used, ANSWER_BODY_BYTES_MAX, &f) ==
		    FRAME_PARTIAL &&
	    f.want_bytes > want)
		want = f.want_bytes;
	if (want <= l->in_capacity)
		return l->in_used < l->in_capacity;
	if ((in = realloc(l->in, want)) == NULL)
		return false;
	l->in = in;
	l->in_capacity = want;
	return l->in_used < want;
}

bool
lane_read(struct lane *l)
{
	bool any = false;

	while (l->state == LANE_OPEN && make_room(l)) {
		ssize_t n = recv(l->fd, l->in + l->in_used,
				 l->in_capacity - l->in_used, 0);

		if (n > 0) {
			l->in_used += (size_t)n;
			any = true;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0 || errno != EAGAIN)
			close_lane(l); /* frames already in hand stay */
		break;
	}
	return any;
}

enum frame_verdict
lane_take(struct lane *l, struct frame *out)
{
	enum frame_verdict v;

	if (l->in_used == l->taken) {
		out->want_bytes = FRAME_HEADER_BYTES;
		return FRAME_PARTIAL;
	}
	v = frame_peek(l->in + l->taken, l->in_used - l->taken,
		       ANSWER_BODY_BYTES_MAX, out);
	if (v == FRAME_READY)
		l->taken += out->want_bytes;
	else if (v == FRAME_BROKEN)
		close_lane(l);
	return v;
}
