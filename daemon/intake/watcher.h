/*
 * watcher.h: being told what changes in directories.
 *
 * A system's way of watching lies behind these five functions; watcher_inotify.c
 * has the one of Linux.  A watcher tells where something may have changed, and
 * nothing else: whoever is told looks for himself.  What it cannot watch it
 * says, and that is then looked at from time to time instead.
 */
#ifndef PHOTOMESH_WATCHER_H
#define PHOTOMESH_WATCHER_H

#include <stdbool.h>
#include <stddef.h>

struct trouble;
struct watcher;

enum watch_kind {
	WATCH_WHOLE,   /* a file is complete: closed after writing, or moved here */
	WATCH_BEGUN,   /* a file has appeared; it may be incomplete */
	WATCH_TOUCHED, /* times or permissions may have changed */
	WATCH_TREE,    /* a directory has appeared: all below is new */
	WATCH_GONE,    /* nothing is there any more */
	WATCH_TREE_GONE,  /* nothing is there any more, nor below */
	WATCH_MOVED,      /* like GONE and TREE_GONE; where it is now has been */
	WATCH_TREE_MOVED, /* told just before */
	WATCH_ROOT,    /* the root's folder itself is not what it was */
	WATCH_MOUNTS,  /* something was mounted or unmounted somewhere; no path */
	WATCH_LOST,    /* changes were missed, of any root; no path */
};

struct watch_change {
	enum watch_kind kind;
	unsigned root;    /* as given to watcher_directory */
	const char *path; /* relative to the root; borrowed */
	size_t path_bytes;
};

struct watcher_config {
	/* On the watcher's own thread.  What belongs together comes together.
	 * Must not call back. */
	void (*changed)(void *arg, const struct watch_change *changes,
			size_t count);
	void *arg;
};

/* NULL when this system has no way of watching, or has no more of it. */
struct watcher *watcher_new(const struct watcher_config *config,
			struct trouble *why);
void watcher_free(struct watcher *w);

/*
 * Watch the directory open as `fd`, which is at `path` of `root`, from now on;
 * to be called before it is listed, so that nothing falls in between.  Again
 * is harmless.  -1 with errno: it is not watched.
 */
int watcher_directory(struct watcher *w, unsigned root, const char *path,
		    size_t path_bytes, int fd);
/* Has everything that has happened so far been told? */
bool watcher_quiet(struct watcher *w);
/* Nothing of this root any more. */
void watcher_forget(struct watcher *w, unsigned root);

#endif
