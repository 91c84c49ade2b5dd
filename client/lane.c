#include "lane.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tunnel.h"

#define IN_BYTES_FIRST (64u * 1024u)

static void
name_port(struct lane *l)
{
	snprintf(l->name, sizeof(l->name), "port %u", l->where.port);
}

void
lane_init(struct lane *l, const struct found *where)
{
	memset(l, 0, sizeof(*l));
	l->fd = -1;
	l->where = *where;
	name_port(l);
	lane_knock(l);
}

void
lane_adopt(struct lane *l, int fd, uint16_t port)
{
	memset(l, 0, sizeof(*l));
	l->fd = fd;
	l->where.port = port;
	name_port(l);
	l->state = LANE_OPEN;
	l->reached = true;
}

void
lane_adopt_tunnel(struct lane *l, struct tunnel *t, const char *name)
{
	lane_adopt(l, tunnel_fd(t), 0);
	l->tunnel = t;
	snprintf(l->name, sizeof(l->name), "%s", name);
}

static void
close_lane(struct lane *l)
{
	if (l->tunnel != NULL)
		tunnel_free(l->tunnel);
	else if (l->fd >= 0)
		close(l->fd);
	l->tunnel = NULL;
	l->fd = -1;
	l->state = LANE_CLOSED;
}

void
lane_release(struct lane *l)
{
	close_lane(l);
	for (unsigned i = 0; i < l->fd_count; i++)
		close(l->fds[i].fd);
	l->fd_count = 0;
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
	for (unsigned i = 0; i < l->fd_count; i++)
		l->fds[i].at -= l->out_sent;
	l->out_used = l->out_used - l->out_sent + count;
	l->out_sent = 0;
	free(l->out);
	l->out = out;
	lane_write(l);
	return true;
}

bool
lane_send_fd(struct lane *l, const uint8_t *bytes, size_t count, int fd)
{
	struct lane_fd *slot = &l->fds[l->fd_count];

	if (l->tunnel != NULL) {
		errno = EOPNOTSUPP;
		return false;
	}
	if (l->fd_count == LANE_FDS_MAX ||
	    (slot->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3)) == -1)
		return false;
	slot->at = l->out_used; /* lane_send moves it with its byte */
	l->fd_count++;
	if (lane_send(l, bytes, count))
		return true;
	close(slot->fd);
	l->fd_count--;
	return false;
}

bool
lane_wants_to_write(const struct lane *l)
{
	return l->state == LANE_OPEN && l->out_sent < l->out_used;
}

/*
 * One sendmsg.  A descriptor arrives with the first byte of the call that sent
 * it, so a call begins at its byte, and ends before the next one's.
 */
static ssize_t
send_some(struct lane *l)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.bytes = {0}};
	size_t count = l->out_used - l->out_sent;
	struct iovec part = {.iov_base = l->out + l->out_sent};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
	bool with_fd = l->fd_count > 0 && l->fds[0].at == l->out_sent;
	unsigned next = with_fd ? 1 : 0;
	ssize_t n;

	if (l->tunnel != NULL)
		return tunnel_write(l->tunnel, l->out + l->out_sent, count);
	if (next < l->fd_count && l->fds[next].at - l->out_sent < count)
		count = l->fds[next].at - l->out_sent;
	part.iov_len = count;
	if (with_fd) {
		m.msg_control = control.bytes;
		m.msg_controllen = sizeof(control.bytes);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.align), &l->fds[0].fd, sizeof(int));
	}
	n = sendmsg(l->fd, &m, MSG_NOSIGNAL);
	if (n > 0 && with_fd) {
		close(l->fds[0].fd);
		l->fd_count--;
		memmove(l->fds, l->fds + 1, l->fd_count * sizeof(*l->fds));
	}
	return n;
}

void
lane_write(struct lane *l)
{
	while (lane_wants_to_write(l)) {
		ssize_t n = send_some(l);

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
lane_pending(const struct lane *l)
{
	return l->tunnel != NULL && l->state == LANE_OPEN &&
	       tunnel_pending(l->tunnel);
}

static ssize_t
receive(struct lane *l)
{
	uint8_t *at = l->in + l->in_used;
	size_t room = l->in_capacity - l->in_used;

	return l->tunnel != NULL ? tunnel_read(l->tunnel, at, room)
				 : recv(l->fd, at, room, 0);
}

bool
lane_read(struct lane *l)
{
	bool any = false;

	while (l->state == LANE_OPEN && make_room(l)) {
		ssize_t n = receive(l);

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
