/*
 * watch_tree.h: which directory a watch stands for.
 *
 * A system names what it watches by a number; the number follows the
 * directory wherever it is moved.  So a number leads to a node of a tree, never
 * to a path: renaming a directory moves one node, and the paths of everything
 * below are right again.  Pure: knows no system call and no lock.
 */
#ifndef PHOTOMESH_WATCH_TREE_H
#define PHOTOMESH_WATCH_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "limits.h"

struct watch_tree;
struct watch_node; /* owned by its tree */

struct watch_path {
	unsigned root;
	size_t bytes; /* 0: the root's folder itself */
	char text[PATH_BYTES_MAX + 1];
};

struct watch_tree *watch_tree_new(void); /* NULL: out of memory */
void watch_tree_free(struct watch_tree *t);

/*
 * The directory at `path` of `root` (relative; "" is the folder) is watched as
 * `wd`.  A node of that root which had the number until now loses it: the
 * directory is here.  One directory may lie in several roots, once in each.
 * -1: out of memory.
 */
int watch_tree_put(struct watch_tree *t, unsigned root, const char *path,
		   size_t path_bytes, int wd);

/* The nodes that `wd` stands for; NULL behind the last. */
struct watch_node *watch_tree_first(const struct watch_tree *t, int wd);
struct watch_node *watch_tree_next(const struct watch_node *n);

unsigned watch_node_root(const struct watch_node *n);
/* Is it the folder of its root? */
bool watch_node_is_top(const struct watch_node *n);
/* The path of `name` in it (NULL: its own).  False when it is too long. */
bool watch_node_path(const struct watch_node *n, const char *name,
		     struct watch_path *out);

/* The directory `name` in `from` is now `to_name` in `to`.  Nothing happens
 * when it is not watched.  -1: out of memory, and it is cut. */
int watch_tree_move(struct watch_tree *t, struct watch_node *from,
		    const char *name, struct watch_node *to,
		    const char *to_name,
		    void (*unused)(void *arg, int wd), void *arg);

/* The directory `name` in `n` is no longer ours, nor is anything below it.
 * `unused` is told every number that stands for nothing any more. */
void watch_tree_cut(struct watch_tree *t, struct watch_node *n,
		    const char *name, void (*unused)(void *arg, int wd),
		    void *arg);
void watch_tree_cut_root(struct watch_tree *t, unsigned root,
			 void (*unused)(void *arg, int wd), void *arg);
/* The number has been taken back by the system. */
void watch_tree_lose(struct watch_tree *t, int wd);

/* How many nodes there are. */
size_t watch_tree_count(const struct watch_tree *t);

#endif
