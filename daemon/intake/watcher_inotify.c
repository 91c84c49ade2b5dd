/*
 * watcher_inotify.c: watching on Linux.
 *
 * One thread reads events and names them by the tree (watch_tree.h).  What
 * inotify does by itself and must be made up for: a watch follows its directory
 * out of the folder; a directory filled before it is watched tells nothing (so
 * it is listed after); the queue is bounded; the two halves of a move come as
 * two events, of which one may be missing.
 */
#include "watcher.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "pool.h"
#include "trouble.h"
#include "watch_tree.h"

#define MASK                                                                   \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE |            \
	 IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB | IN_ONLYDIR)
#define READ_BYTES 65536u
#define HELD_MAX   64u
#define HOLD_MS    300u /* for the other half of a move */

/* The first half of a move. */
struct held {
	uint32_t cookie;
	int wd;
	bool directory;
	uint64_t until_ms;
	char name[NAME_MAX + 1];
};

struct watcher {
	struct watcher_config config;
	int fd, end_fd;
	int mounts_fd; /* -1: this system does not tell of mounts */
	bool has_thread;
	pthread_t thread;
	pthread_mutex_t lock; /* for the tree; held while an event is named */
	struct watch_tree *tree;
	/* The thread's. */
	struct held held[HELD_MAX]; /* the oldest first */
	unsigned held_count;
	struct watch_path from, to;
	char buffer[READ_BYTES]
		__attribute__((aligned(__alignof__(struct inotify_event))));
};

static void
on_unused(void *arg, int wd)
{
	struct watcher *w = arg;

	(void)inotify_rm_watch(w->fd, wd);
}

/* ---- telling ---------------------------------------------------------- */

static struct watch_change
change_at(enum watch_kind kind, const struct watch_path *p)
{
	return (struct watch_change){kind, p->root, p->text, p->bytes};
}

static void
tell(struct watcher *w, enum watch_kind kind, const struct watch_path *p)
{
	struct watch_change c = change_at(kind, p);

	w->config.changed(w->config.arg, &c, 1);
}

/* What has no path. */
static void
tell_all_roots(struct watcher *w, enum watch_kind kind)
{
	w->from.root = 0;
	w->from.bytes = 0;
	w->from.text[0] = '\0';
	tell(w, kind, &w->from);
}

/* Tell of `name` in every directory that is `wd` (names NULL: of itself). */
static void
tell_all(struct watcher *w, enum watch_kind kind, int wd, const char *name)
{
	struct watch_node *n;

	for (n = watch_tree_first(w->tree, wd); n != NULL;
	     n = watch_tree_next(n))
		if (watch_node_path(n, name, &w->from))
			tell(w, kind, &w->from);
}

/* ---- moves ------------------------------------------------------------ */

/* No second half came: it was moved to where we do not look. */
static void
moved_out(struct watcher *w, const struct held *h)
{
	struct watch_node *n;

	tell_all(w, h->directory ? WATCH_TREE_GONE : WATCH_GONE, h->wd, h->name);
	if (!h->directory)
		return;
	/* Its watches would go on reporting. */
	for (n = watch_tree_first(w->tree, h->wd); n != NULL;
	     n = watch_tree_next(n))
		watch_tree_cut(w->tree, n, h->name, on_unused, w);
}

static void
drop_held(struct watcher *w, unsigned k)
{
	w->held_count--;
	memmove(&w->held[k], &w->held[k + 1],
		(w->held_count - k) * sizeof(w->held[0]));
}

static void
expire_held(struct watcher *w, uint64_t now_ms)
{
	pthread_mutex_lock(&w->lock);
	while (w->held_count > 0 && w->held[0].until_ms <= now_ms) {
		moved_out(w, &w->held[0]);
		drop_held(w, 0);
	}
	pthread_mutex_unlock(&w->lock);
}

static void
hold(struct watcher *w, const struct inotify_event *e)
{
	struct held *h;

	if (w->held_count == HELD_MAX) {
		moved_out(w, &w->held[0]);
		drop_held(w, 0);
	}
	h = &w->held[w->held_count++];
	h->cookie = e->cookie;
	h->wd = e->wd;
	h->directory = (e->mask & IN_ISDIR) != 0;
	h->until_ms = clock_steady_ms() + HOLD_MS;
	snprintf(h->name, sizeof(h->name), "%s", e->name);
}

/* Where `from` has most likely gone: within its root if it can be. */
static struct watch_node *
partner_of(struct watcher *w, const struct watch_node *from, int wd)
{
	struct watch_node *n;

	for (n = watch_tree_first(w->tree, wd); n != NULL;
	     n = watch_tree_next(n))
		if (watch_node_root(n) == watch_node_root(from))
			return n;
	return watch_tree_first(w->tree, wd);
}

/* Both halves: one node of the tree moves, and all paths below with it. */
static void
moved_within(struct watcher *w, const struct held *h,
	     const struct inotify_event *e)
{
	struct watch_node *from, *to;
	struct watch_change both[2];

	for (from = watch_tree_first(w->tree, h->wd); from != NULL;
	     from = watch_tree_next(from)) {
		to = partner_of(w, from, e->wd);
		if (to == NULL || !watch_node_path(from, h->name, &w->from) ||
		    !watch_node_path(to, e->name, &w->to))
			continue;
		both[0] = change_at(h->directory ? WATCH_TREE : WATCH_WHOLE,
				    &w->to);
		both[1] = change_at(h->directory ? WATCH_TREE_MOVED
						 : WATCH_MOVED,
				    &w->from);
		w->config.changed(w->config.arg, both, 2);
		if (h->directory)
			(void)watch_tree_move(w->tree, from, h->name, to,
					      e->name, on_unused, w);
	}
}

static bool
is_partner(struct watcher *w, const struct held *h, int wd,
	   const struct watch_node *to)
{
	const struct watch_node *from;

	for (from = watch_tree_first(w->tree, h->wd); from != NULL;
	     from = watch_tree_next(from))
		if (partner_of(w, from, wd) == to)
			return true;
	return false;
}

/* Where folders overlap it may have come to more places than it has left. */
static void
came_besides(struct watcher *w, const struct held *h,
	     const struct inotify_event *e)
{
	struct watch_node *to;

	for (to = watch_tree_first(w->tree, e->wd); to != NULL;
	     to = watch_tree_next(to))
		if (!is_partner(w, h, e->wd, to) &&
		    watch_node_path(to, e->name, &w->to))
			tell(w, h->directory ? WATCH_TREE : WATCH_WHOLE, &w->to);
}

static void
on_moved_to(struct watcher *w, const struct inotify_event *e)
{
	unsigned k = 0;

	while (k < w->held_count && w->held[k].cookie != e->cookie)
		k++;
	if (k < w->held_count) {
		moved_within(w, &w->held[k], e);
		came_besides(w, &w->held[k], e);
		drop_held(w, k);
	} else {
		tell_all(w, e->mask & IN_ISDIR ? WATCH_TREE : WATCH_WHOLE,
			 e->wd, e->name);
	}
}

/* ---- events ----------------------------------------------------------- */

static void
on_deleted(struct watcher *w, const struct inotify_event *e)
{
	struct watch_node *n;

	tell_all(w, WATCH_GONE, e->wd, e->name);
	if (!(e->mask & IN_ISDIR))
		return;
	for (n = watch_tree_first(w->tree, e->wd); n != NULL;
	     n = watch_tree_next(n))
		watch_tree_cut(w->tree, n, e->name, on_unused, w);
}

/* The directory itself; of all but a root's folder its parent tells better. */
static void
on_self(struct watcher *w, const struct inotify_event *e)
{
	struct watch_node *n;

	for (n = watch_tree_first(w->tree, e->wd); n != NULL;
	     n = watch_tree_next(n))
		if ((watch_node_is_top(n) || (e->mask & IN_UNMOUNT)) &&
		    watch_node_path(n, NULL, &w->from))
			tell(w, WATCH_ROOT, &w->from);
}

static void
on_event(struct watcher *w, const struct inotify_event *e)
{
	const bool directory = (e->mask & IN_ISDIR) != 0;

	if (e->mask & IN_Q_OVERFLOW) {
		tell_all_roots(w, WATCH_LOST);
	} else if (e->mask & IN_IGNORED) {
		watch_tree_lose(w->tree, e->wd);
	} else if (watch_tree_first(w->tree, e->wd) == NULL) {
		(void)inotify_rm_watch(w->fd, e->wd);
	} else if (e->len == 0 || e->name[0] == '\0') {
		if (e->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT))
			on_self(w, e);
	} else if (e->mask & IN_MOVED_FROM) {
		hold(w, e);
	} else if (e->mask & IN_MOVED_TO) {
		on_moved_to(w, e);
	} else if (e->mask & IN_DELETE) {
		on_deleted(w, e);
	} else if (e->mask & IN_CLOSE_WRITE) {
		tell_all(w, WATCH_WHOLE, e->wd, e->name);
	} else if (e->mask & IN_CREATE) {
		tell_all(w, directory ? WATCH_TREE : WATCH_BEGUN, e->wd,
			 e->name);
	} else if (e->mask & IN_ATTRIB) {
		tell_all(w, WATCH_TOUCHED, e->wd, e->name);
	}
}

/* False at the end of the world. */
static bool
read_events(struct watcher *w)
{
	const struct inotify_event *e;
	ssize_t got;

	/* What is read is told before anybody finds nothing more to read. */
	pthread_mutex_lock(&w->lock);
	if ((got = read(w->fd, w->buffer, sizeof(w->buffer))) == -1) {
		pthread_mutex_unlock(&w->lock);
		return errno == EAGAIN || errno == EINTR;
	}
	for (ssize_t at = 0; at + (ssize_t)sizeof(*e) <= got;
	     at += (ssize_t)(sizeof(*e) + e->len)) {
		e = (const struct inotify_event *)(w->buffer + at);
		on_event(w, e);
	}
	pthread_mutex_unlock(&w->lock);
	return true;
}

static void *
watch_main(void *arg)
{
	struct watcher *w = arg;
	struct pollfd p[3] = {{.fd = w->fd, .events = POLLIN},
			      {.fd = w->end_fd, .events = POLLIN},
			      {.fd = w->mounts_fd, .events = POLLPRI}};

	pthread_setname_np(pthread_self(), "watch");
	for (;;) {
		uint64_t now = clock_steady_ms();
		int wait = -1;

		expire_held(w, now);
		if (w->held_count > 0)
			wait = (int)(w->held[0].until_ms - now);
		if (poll(p, 3, wait) == -1 && errno != EINTR)
			break;
		if (p[1].revents != 0)
			break;
		/* A disk unmounted tells by itself; a bind mount does not. */
		if (p[2].revents != 0)
			tell_all_roots(w, WATCH_MOUNTS);
		if (p[0].revents != 0 && !read_events(w)) {
			log_error("watching has failed: %s", strerror(errno));
			break;
		}
	}
	return NULL;
}

/* ---- the interface ---------------------------------------------------- */

static int
start_thread(struct watcher *w, struct trouble *why)
{
	sigset_t old;
	int r;

	pool_mask_signals(&old);
	r = pthread_create(&w->thread, NULL, watch_main, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	w->has_thread = r == 0;
	return r == 0 ? 0 : trouble_errno(why, r, "cannot start a thread");
}

struct watcher *
watcher_new(const struct watcher_config *config, struct trouble *why)
{
	struct watcher *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		trouble_set(why, ENOMEM, "out of memory");
		return NULL;
	}
	w->config = *config;
	pthread_mutex_init(&w->lock, NULL);
	w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	w->end_fd = eventfd(0, EFD_CLOEXEC);
	w->mounts_fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	if (w->fd == -1 || w->end_fd == -1) {
		trouble_errno(why, errno, "inotify");
		goto fail;
	}
	if ((w->tree = watch_tree_new()) == NULL) {
		trouble_set(why, ENOMEM, "out of memory");
		goto fail;
	}
	if (start_thread(w, why) == -1)
		goto fail;
	return w;
fail:
	watcher_free(w);
	return NULL;
}

void
watcher_free(struct watcher *w)
{
	const uint64_t one = 1;

	if (w == NULL)
		return;
	if (w->has_thread) {
		while (write(w->end_fd, &one, sizeof(one)) == -1 &&
		       errno == EINTR)
			continue;
		pthread_join(w->thread, NULL);
	}
	if (w->fd != -1)
		close(w->fd);
	if (w->end_fd != -1)
		close(w->end_fd);
	if (w->mounts_fd != -1)
		close(w->mounts_fd);
	watch_tree_free(w->tree);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

/* Tests make it fail as when there are no more watches to be had. */
static int
add_watch(struct watcher *w, const char *path)
{
#ifdef PHOTOMESH_TEST_HOOKS
	const char *max = getenv("PHOTOMESH_WATCHES_MAX");

	if (max != NULL && watch_tree_count(w->tree) >= strtoul(max, NULL, 10)) {
		errno = ENOSPC;
		return -1;
	}
#endif
	return inotify_add_watch(w->fd, path, MASK);
}

int
watcher_directory(struct watcher *w, unsigned root, const char *path,
		size_t path_bytes, int fd)
{
	char link[64];
	int wd, r = 0;

	/* By the descriptor: the very directory that will be listed, whatever
	 * its path leads to meanwhile. */
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	pthread_mutex_lock(&w->lock);
	wd = add_watch(w, link);
	if (wd == -1) {
		r = -1;
	} else if (watch_tree_put(w->tree, root, path, path_bytes, wd) == -1) {
		on_unused(w, wd);
		errno = ENOMEM;
		r = -1;
	}
	pthread_mutex_unlock(&w->lock);
	return r;
}

bool
watcher_quiet(struct watcher *w)
{
	int bytes = 0;
	bool quiet;

	pthread_mutex_lock(&w->lock);
	quiet = ioctl(w->fd, FIONREAD, &bytes) == 0 && bytes == 0 &&
		w->held_count == 0;
	pthread_mutex_unlock(&w->lock);
	return quiet;
}

void
watcher_forget(struct watcher *w, unsigned root)
{
	pthread_mutex_lock(&w->lock);
	watch_tree_cut_root(w->tree, root, on_unused, w);
	pthread_mutex_unlock(&w->lock);
}
