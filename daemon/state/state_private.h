/*
 * state_private.h: what the files of daemon/state share among themselves.
 *
 * Small files that must be whole or absent, paths, and the parts of a state
 * directory.  Nothing outside daemon/state and its tests includes this.
 */
#ifndef PHOTOMESH_STATE_PRIVATE_H
#define PHOTOMESH_STATE_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state.h"

/* ---- files.c --------------------------------------------------------- */

/* A whole small file of directory `dir_fd`; -1 with errno.  Refuses what is no
 * regular file (EINVAL) or larger than max (EFBIG).  The last name may be a
 * symbolic link. */
int file_read(int dir_fd, const char *name, uint8_t *out, size_t max,
	      size_t *bytes);
/* Whole or not at all, durable, mode 0600; replaces what is there. */
int file_replace(int dir_fd, const char *name, const void *bytes, size_t count);
/* The same, but keeps what is there: then -1 with EEXIST. */
int file_publish(int dir_fd, const char *name, const void *bytes, size_t count);
/* Remove what those two left behind if the process died within: only files that
 * are ours in name, owner and mode.  The directory is locked. */
void files_tidy(int dir_fd);
/* Make a directory and its missing parents, mode 0700; -1 with errno. */
int make_directories(const char *path);
/* $variable/photomesh, else ~/fallback/photomesh; owned by the caller. */
char *user_directory(const char *variable, const char *fallback,
		     struct trouble *why);
/* Absolute, without doubled or trailing slashes and "."; owned by the caller.
 * The folder need not exist.  NULL with errno. */
char *path_absolute(const char *path);
int random_bytes(void *out, size_t count, struct trouble *why);

/* ---- identity.c ------------------------------------------------------ */

/* Read or make the file `identity`; *made tells which. */
int identity_load(int dir_fd, const char *dir, struct state *s, bool *made,
		  struct trouble *why);

/* ---- host_id.c ------------------------------------------------------- */

int host_id_load(struct host_id *out, struct trouble *why);

/* ---- volume.c -------------------------------------------------------- */

/* Path of an open directory below the top of its filesystem; owned by the
 * caller.  NULL when the kernel does not tell. */
char *volume_inner(int dir_fd);

/* ---- roots.c --------------------------------------------------------- */

struct roots {
	uint32_t count;
	struct state_root all[STATE_ROOTS_MAX];
};
void roots_release(struct roots *r);
/* A missing file is an empty list. */
int roots_read(int dir_fd, struct roots *out, struct trouble *why);
int roots_write(int dir_fd, const struct state_root *roots, uint32_t count,
		struct trouble *why);

/* ---- folders.c: the folders of the command line, and the roots they are  */

/* One folder of the command line, as it is found now. */
struct folder {
	char *path;  /* owned */
	char *inner; /* owned; NULL if the folder is not there */
	bool there;
	int missing; /* errno, if not there */
	uint8_t volume[VOLUME_BYTES_MAX];
	uint8_t volume_bytes;
};

int folder_look(struct folder *f, const char *given, const struct host_id *host,
		struct trouble *why);
void folder_release(struct folder *f);
/* Say why it is not there; returns -1. */
int folder_missing(const struct folder *f, struct trouble *why);
/* The root that `f` is: by path, else by place on its volume; NULL. */
struct state_root *find_root(struct state_root *roots, uint32_t count,
			     const struct folder *f);
/* Read the file `roots`, and bring it up to date with the folders named.
 * `base_fd` is -1 when --state says where to look, and nowhere else. */
int load_roots(struct state *s, int dir_fd, struct folder *folders,
	       uint32_t count, int base_fd, const char *name,
	       struct trouble *why);

/* ---- state_choose.c: which state directory a start uses --------------- */

/* Is the state directory where it was when it was last used? */
bool place_kept(int dir_fd, const struct host_id *host);
int place_write(int dir_fd, const char *dir, const struct host_id *host,
		struct trouble *why);
/* The name of the best state directory, `except` left out; NULL: none.  Owned
 * by the caller. */
char *state_choose(int base_fd, const struct folder *f,
		   const struct host_id *host, const char *except);
/*
 * Settle s->dir under the user's state directories.  *base_fd is left locked:
 * two first starts over one folder must not make two states.
 */
int settle_dir(struct state *s, const struct folder *first, int *base_fd,
	       char **name, struct trouble *why);

#endif
