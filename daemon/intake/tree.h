/*
 * tree.h: every regular file below a folder, once.
 *
 * Follows no symbolic link, enters no other filesystem, leaves out what is
 * hidden or excluded, and opens nothing but directories and, where it is told to,
 * files.  Names are raw bytes.
 */
#ifndef PHOTOMESH_TREE_H
#define PHOTOMESH_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define TREE_DEPTH_MAX 128u /* one descriptor each */

/* All borrowed for the call. */
struct tree_file {
	const char *path; /* relative to the folder */
	size_t path_bytes;
	const char *name; /* its last part */
	int dir_fd;       /* the directory it lies in */
	int *fd;          /* open for reading, or -1; whoever keeps it puts -1 */
	const struct stat *stat;
};

struct tree_visitor {
	const char *const *excludes; /* globs, for path or name */
	uint32_t exclude_count;
	/* False stops the walk. */
	bool (*file)(void *arg, const struct tree_file *f);
	/* Something (a directory, or a name in one) could not be looked at: of
	 * it and what is below, nothing is known now.  "" is the folder. */
	void (*unlisted)(void *arg, const char *path, size_t path_bytes,
			 int error);
	void *arg;
	/* Optional: a directory is about to be listed; "" is the folder. */
	void (*directory)(void *arg, const char *path, size_t path_bytes,
			  int fd);
	/* Nearly every file will be read: open those that are listed as such
	 * before they are looked at, which spares one way to each of them. */
	bool open;
	bool shallow; /* tree_look: a directory is only seen to be there */
};

/* Do the visitor's globs leave this path out, or a directory above it? */
bool tree_excludes(const struct tree_visitor *v, const char *path,
		   size_t path_bytes);
/* For reading, never waiting, and with its access time left alone if that can be.
 * -1 with errno. */
int tree_open_file(int dir_fd, const char *name);
/* Walk the folder open as `folder_fd` (stays open).  False when stopped. */
bool tree_walk(int folder_fd, const struct tree_visitor *v);

enum tree_found {
	TREE_MISSING,  /* no regular file and no directory is there */
	TREE_THERE,    /* and has been visited, with what is below */
	TREE_LEFT_OUT, /* the walk would not come there, or could not see */
	TREE_STOPPED,
};
/* Visit what the walk would find at `path`, and that only. */
enum tree_found tree_look(int folder_fd, const struct tree_visitor *v,
			  const char *path, size_t path_bytes);

#endif
