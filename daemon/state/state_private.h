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

#endif
