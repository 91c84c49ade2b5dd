/*
 * view.h: the bytes of one file, as memory.
 *
 * A camera's metadata lie in the first 64 KiB of ten megabytes: those are read,
 * and the rest is mapped only when somebody wants it.  A file that is cut short
 * meanwhile, or a disk that fails, is a SIGBUS then; main.c turns it into an
 * answer and the worker's end.
 */
#ifndef PHOTOMESH_DECODE_VIEW_H
#define PHOTOMESH_DECODE_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Larger files are no pictures that anybody could decode here; what their first
 * part says is taken all the same. */
#define VIEW_BYTES_MAX (UINT64_C(384) << 20)
#define VIEW_HEAD_BYTES (UINT64_C(64) << 20)

#define VIEW_FRONT_BYTES 65536u

struct view {
	const uint8_t *bytes; /* owned mapping, NULL before view_map */
	size_t count;
	uint64_t file_bytes;
	int fd; /* borrowed */
	size_t front_bytes;
	uint8_t front[VIEW_FRONT_BYTES];
};

/* The front of it; false when it cannot be read, or has no bytes. */
bool view_init(struct view *v, int fd, uint64_t file_bytes);
/* And all of it, or the first part; false when it cannot be mapped.  More than
 * once does no harm. */
bool view_map(struct view *v);
void view_release(struct view *v);
/* Is all of the file there? */
bool view_whole(const struct view *v);

#endif
