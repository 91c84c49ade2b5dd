/*
 * clients_path.c: the path of the clients' socket, kept while we live.
 *
 * It may go before we do, with the session that it belonged to, and is made
 * again then.  A watch on its directory tells; so a daemon at rest is not woken
 * to look.  What no watch tells (a file system that was taken away with us
 * still in it, a directory above that was renamed) is found by looking now and
 * then, and so is all of it where there is no watch, or the path is away.
 */
#include "clients_private.h"

#include <errno.h>
#include <limits.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>

#include "clock.h"
#include "log.h"
#include "state.h"
#include "trouble.h"

#define LOG_PERIOD_MS 60000u
#define AWAY_SECONDS  2
#define THERE_SECONDS 30
#define WATCHED \
	(IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

/* Of the directory that is there now. */
static void
watch(struct clients *c)
{
	int was = c->path_watch;

	if (c->path_fd == -1)
		return;
	c->path_watch = inotify_add_watch(c->path_fd, c->config.runtime_dir,
					  WATCHED);
	if (was != -1 && was != c->path_watch)
		(void)inotify_rm_watch(c->path_fd, was);
}

/* Is the path there, or is again?  What others have put there is theirs. */
static bool
keep(struct clients *c)
{
	struct trouble why;
	struct stat st;
	uint64_t muffled;
	int r;

	if (lstat(c->path, &st) == 0 || errno != ENOENT)
		return true;
	r = runtime_dir_again(c->config.runtime_dir, &why);
	if (r == 0) {
		watch(c);
		r = clients_listen_again(c, &why);
	}
	if (r == 0)
		log_info("the socket for clients was gone; made again");
	if (r == -1 && log_gate_pass(&c->path_gate, clock_steady_ms(),
				     LOG_PERIOD_MS, &muffled))
		log_warn("no client reaches us: %s", why.text);
	return r == 0;
}

static void
look(struct clients *c)
{
	struct timeval next = {AWAY_SECONDS, 0};

	watch(c); /* first: nothing goes unseen behind the look */
	c->path_away = !keep(c);
	if (!c->path_away && c->path_watch != -1)
		next.tv_sec = THERE_SECONDS;
	(void)event_add(c->looker, &next);
}

static void
on_look(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	look(arg);
}

static void
on_told(evutil_socket_t fd, short what, void *arg)
{
	_Alignas(struct inotify_event) char told[4096];
	struct clients *c = arg;

	(void)what;
	while (read(fd, told, sizeof(told)) > 0)
		continue;
	/* Else it is looked for already; and what has been made in vain, and
	 * removed, must not be the reason to try again at once. */
	if (!c->path_away)
		look(c);
}

int
clients_keep_path(struct clients *c, struct trouble *why)
{
	c->path_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	c->looker = evtimer_new(c->config.base, on_look, c);
	if (c->path_fd != -1)
		c->path_told = event_new(c->config.base, c->path_fd,
					 EV_READ | EV_PERSIST, on_told, c);
	if (c->looker == NULL || (c->path_fd != -1 &&
				  (c->path_told == NULL ||
				   event_add(c->path_told, NULL) == -1)))
		return trouble_set(why, ENOMEM, "out of memory");
	look(c);
	return 0;
}

void
clients_let_path(struct clients *c)
{
	if (c->looker != NULL)
		event_free(c->looker);
	if (c->path_told != NULL)
		event_free(c->path_told);
	if (c->path_fd != -1)
		close(c->path_fd);
	c->looker = c->path_told = NULL;
	c->path_fd = -1;
}
