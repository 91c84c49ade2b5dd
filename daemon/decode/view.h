/*
 * view.h: the bytes of one file, as memory.
 *
 * Mapped, not read: a camera's metadata lie in the first 64 KiB of ten
 * megabytes.  A file that is cut short meanwhile, or a disk that fails, is a
 * SIGBUS; main.c turns it into an answer and the worker's end.
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

struct view {
	const uint8_t *bytes; /* owned mapping */
	size_t count;
	uint64_t file_bytes;
	int fd; /* borrowed */
};

/* False when it cannot be mapped, or has no bytes. */
bool view_init(struct view *v, int fd, uint64_t file_bytes);
void view_release(struct view *v);
/* Is all of the file there? */
bool view_whole(const struct view *v);

#endif
