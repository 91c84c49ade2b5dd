/*
 * clients_socket.c: the socket in the file system, and who knocks there.
 *
 * The path is the claim of one daemon on one port: it is taken over only from
 * the dead, which is proved by asking there, and given back only while it is
 * still ours; clients_path.c keeps it while we live.  Whoever is accepted is
 * handed on; clients.c has the places.
 */
#include "clients_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#include "clock.h"
#include "log.h"
#include "outlet.h"
#include "trouble.h"

#define LISTEN_BACKLOG  128
#define ACCEPT_PAUSE_MS 500
#define LOG_PERIOD_MS   60000u
/* How long one that has given up its port may go on answering: it says goodbye
 * for a second (driver_life.c), and its last words may be slow. */
#define LEAVING_MS_MAX  5000u
#define LEAVING_LOOK_MS 10

/* ---- the path ----------------------------------------------------------- */

static int
make_socket(struct trouble *why)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd == -1)
		trouble_errno(why, errno, "cannot make a socket");
	return fd;
}

/* 1: somebody answers at this socket; 0: nobody, or it is gone; -1. */
static int
somebody_answers(const struct sockaddr_un *at, struct trouble *why)
{
	int fd, r, code;

	if ((fd = make_socket(why)) == -1)
		return -1;
	r = connect(fd, (const struct sockaddr *)at, sizeof(*at));
	code = errno;
	close(fd);
	if (r == 0 || code == EAGAIN || code == EINPROGRESS)
		return 1;
	if (code == ENOENT || code == ECONNREFUSED)
		return 0;
	return trouble_errno(why, code, "cannot ask at %s", at->sun_path);
}

/*
 * Removed only when it is a socket and nobody answers there.  The port is ours
 * by now: so whoever answers has only just given it up, and is still saying
 * goodbye to its peers, or it is of another network.  The former is waited for.
 */
static int
clear_stale(const struct sockaddr_un *at, uint16_t port, struct trouble *why)
{
	static const struct timespec pause = {0, LEAVING_LOOK_MS * 1000000};
	uint64_t until_ms = clock_steady_ms() + LEAVING_MS_MAX;
	struct stat st;
	int r;

	if (lstat(at->sun_path, &st) == -1) {
		if (errno == ENOENT)
			return 0;
		return trouble_errno(why, errno, "cannot look at %s",
				     at->sun_path);
	}
	if (!S_ISSOCK(st.st_mode))
		return trouble_set(why, EEXIST,
				   "%s is no socket; move it away",
				   at->sun_path);
	while ((r = somebody_answers(at, why)) == 1 &&
	       clock_steady_ms() < until_ms)
		(void)nanosleep(&pause, NULL);
	if (r == -1)
		return -1;
	if (r == 1)
		return trouble_set(why, EADDRINUSE,
				   "another photod answers at %s; is it port "
				   "%u of another host or container? Set "
				   "PHOTOMESH_RUNTIME to another directory",
				   at->sun_path, port);
	if (unlink(at->sun_path) == -1 && errno != ENOENT)
		return trouble_errno(why, errno, "cannot remove the stale %s",
				     at->sun_path);
	return 0;
}

/* A listening descriptor, or -1. */
static int
open_socket(struct clients *c, struct trouble *why)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct stat st;
	int fd, n;

	n = snprintf(at.sun_path, sizeof(at.sun_path), "%s/%u.sock",
		     c->config.runtime_dir, c->config.port);
	if (n < 0 || (size_t)n >= sizeof(at.sun_path))
		return trouble_set(why, ENAMETOOLONG,
				   "the directory for client sockets has too "
				   "long a path (%d bytes, at most %zu); set "
				   "PHOTOMESH_RUNTIME to a shorter one",
				   n, sizeof(at.sun_path) - 1);
	if (clear_stale(&at, c->config.port, why) == -1)
		return -1;
	if ((fd = make_socket(why)) == -1)
		return -1;
	/* Linux gives the file the descriptor's mode: never wider than this. */
	(void)fchmod(fd, 0600);
	if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) == -1) {
		trouble_errno(why, errno, "cannot bind %s", at.sun_path);
		goto close_fd;
	}
	memcpy(c->path, at.sun_path, sizeof(c->path));
	if (chmod(c->path, 0600) == -1 || lstat(c->path, &st) == -1 ||
	    listen(fd, LISTEN_BACKLOG) == -1) {
		trouble_errno(why, errno, "cannot listen at %s", c->path);
		unlink(c->path);
		goto close_fd;
	}
	c->path_dev = st.st_dev;
	c->path_ino = st.st_ino;
	return fd;
close_fd:
	close(fd);
	return -1;
}

static void
remove_socket(const struct clients *c)
{
	struct stat st;

	/* Somebody may have taken its place meanwhile. */
	if (c->path[0] != '\0' && lstat(c->path, &st) == 0 &&
	    st.st_dev == c->path_dev && st.st_ino == c->path_ino)
		unlink(c->path);
}

/* ---- accepting ---------------------------------------------------------- */

static void
on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *from,
	  int from_bytes, void *arg)
{
	struct outlet *outlet = outlet_new(fd);
	struct clients *all = arg;
	struct bufferevent *bev;

	(void)l;
	(void)from;
	(void)from_bytes;
	if (outlet == NULL) {
		evutil_closesocket(fd);
		return;
	}
	bev = bufferevent_socket_new(all->config.base, fd, 0);
	if (bev == NULL)
		outlet_drop(outlet);
	else
		clients_admit(all, bev, outlet);
}

static void
on_accept_error(struct evconnlistener *l, void *arg)
{
	static const struct timeval pause = {0, ACCEPT_PAUSE_MS * 1000};
	int error = EVUTIL_SOCKET_ERROR();
	struct clients *all = arg;
	uint64_t muffled;

	/* Mostly no descriptors left: trying again at once would spin. */
	if (log_gate_pass(&all->accept_gate, clock_steady_ms(), LOG_PERIOD_MS,
			  &muffled))
		log_warn("cannot accept a client: %s",
			 evutil_socket_error_to_string(error));
	evconnlistener_disable(l);
	evtimer_add(all->accept_again, &pause);
}

static void
on_accept_again(evutil_socket_t fd, short what, void *arg)
{
	struct clients *all = arg;

	(void)fd;
	(void)what;
	evconnlistener_enable(all->listener);
}

int
clients_listen_again(struct clients *c, struct trouble *why)
{
	struct evconnlistener *l;
	int fd;

	if ((fd = open_socket(c, why)) == -1)
		return -1;
	l = evconnlistener_new(c->config.base, on_accept, c,
			       LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0,
			       fd);
	if (l == NULL) {
		remove_socket(c);
		close(fd);
		return trouble_set(why, ENOMEM, "out of memory");
	}
	evconnlistener_set_error_cb(l, on_accept_error);
	if (c->listener != NULL)
		evconnlistener_free(c->listener);
	c->listener = l;
	return 0;
}

int
clients_listen(struct clients *c, struct trouble *why)
{
	c->accept_again = evtimer_new(c->config.base, on_accept_again, c);
	if (c->accept_again == NULL)
		return trouble_set(why, ENOMEM, "out of memory");
	if (clients_listen_again(c, why) == -1)
		return -1;
	return clients_keep_path(c, why);
}

void
clients_unlisten(struct clients *c)
{
	if (c->listener != NULL)
		evconnlistener_free(c->listener);
	if (c->accept_again != NULL)
		event_free(c->accept_again);
	clients_let_path(c);
	remove_socket(c);
}
