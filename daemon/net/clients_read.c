/*
 * clients_read.c: what one client sends: its bytes, and the descriptors that
 * travel with them.
 *
 * A bufferevent reads with readv, and what was attached by SCM_RIGHTS is lost
 * without a trace.  So a client of the Unix socket is read here, by recvmsg on
 * an event of its own, into a buffer of its own; its bufferevent only writes.
 * Who came by TLS is read by its bufferevent, which cannot bring descriptors.
 * Either way the rest sees one buffer, and is called when there is enough.
 */
#include "clients_private.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "frame.h"

#define CLIENT_IN_HIGH (2u * (FRAME_HEADER_BYTES + CLIENT_BODY_BYTES_MAX))
#define READ_BYTES     16384u
/* One more than may wait, so that too many are seen to be too many. */
#define CONTROL_FDS    (CLIENT_FDS_MAX + 1u)

/* ---- descriptors -------------------------------------------------------- */

int
client_take_fd(struct client *c)
{
	int fd;

	if (c->fd_count == 0)
		return -1;
	fd = c->fds[0];
	c->fd_count--;
	memmove(c->fds, c->fds + 1, c->fd_count * sizeof(c->fds[0]));
	return fd;
}

static void
close_fds(struct client *c)
{
	while (c->fd_count > 0)
		close(c->fds[--c->fd_count]);
}

/*
 * Every descriptor that came is ours from now on, whatever else is wrong.
 * False when there were more than may wait: those are closed.
 */
static bool
keep_fds(struct client *c, struct msghdr *m)
{
	bool all = (m->msg_flags & MSG_CTRUNC) == 0;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h != NULL;
	     h = CMSG_NXTHDR(m, h)) {
		size_t bytes = h->cmsg_len - CMSG_LEN(0);

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; at + sizeof(int) <= bytes;
		     at += sizeof(int)) {
			int fd;

			memcpy(&fd, CMSG_DATA(h) + at, sizeof(fd));
			if (c->fd_count < CLIENT_FDS_MAX) {
				c->fds[c->fd_count++] = fd;
				continue;
			}
			close(fd);
			all = false;
		}
	}
	return all;
}

/* ---- bytes -------------------------------------------------------------- */

struct evbuffer *
client_input(const struct client *c)
{
	return c->in != NULL ? c->in : bufferevent_get_input(c->bev);
}

void
client_await(struct client *c, size_t want_bytes)
{
	c->want_bytes = want_bytes;
	if (c->in == NULL)
		bufferevent_setwatermark(c->bev, EV_READ, want_bytes,
					 CLIENT_IN_HIGH);
}

void
client_reading(struct client *c, bool on)
{
	c->reads = on;
	if (c->in == NULL && on)
		bufferevent_enable(c->bev, EV_READ);
	else if (c->in == NULL)
		bufferevent_disable(c->bev, EV_READ);
	else if (on && evbuffer_get_length(c->in) < CLIENT_IN_HIGH)
		event_add(c->readable, NULL);
	else
		event_del(c->readable);
}

/* Some more, and what is attached to it.  False: there will be no more. */
static bool
receive(struct client *c)
{
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(CONTROL_FDS * sizeof(int))];
	} control;
	struct evbuffer_iovec space;
	struct msghdr m = {.msg_iovlen = 1,
			   .msg_control = control.bytes,
			   .msg_controllen = sizeof(control.bytes)};
	struct iovec into;
	ssize_t n;

	if (evbuffer_reserve_space(c->in, READ_BYTES, &space, 1) != 1)
		return false;
	into.iov_base = space.iov_base;
	into.iov_len = space.iov_len < READ_BYTES ? space.iov_len : READ_BYTES;
	m.msg_iov = &into;
	n = recvmsg(bufferevent_getfd(c->bev), &m,
		    MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n == -1)
		return errno == EAGAIN || errno == EINTR;
	if (!keep_fds(c, &m) || n == 0)
		return false;
	space.iov_len = (size_t)n;
	return evbuffer_commit_space(c->in, &space, 1) == 0;
}

static void
on_bytes(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;

	(void)fd;
	(void)what;
	if (c->doomed || !c->reads)
		return;
	if (!receive(c)) {
		client_ended(c);
		return;
	}
	if (evbuffer_get_length(c->in) >= c->want_bytes)
		client_readable(c);
	/* It is the reader who makes room again. */
	if (!c->doomed)
		client_reading(c, c->reads);
}

int
client_read_init(struct client *c)
{
	if (c->remote)
		return 0;
	c->in = evbuffer_new();
	c->readable = event_new(c->clients->config.base,
				bufferevent_getfd(c->bev),
				EV_READ | EV_PERSIST, on_bytes, c);
	if (c->in != NULL && c->readable != NULL)
		return 0;
	client_read_release(c);
	return -1;
}

void
client_read_release(struct client *c)
{
	close_fds(c);
	if (c->readable != NULL)
		event_free(c->readable);
	if (c->in != NULL)
		evbuffer_free(c->in);
	c->readable = NULL;
	c->in = NULL;
}
