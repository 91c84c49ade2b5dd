/*
 * mp4.h: when, where and how long, out of an MP4 or QuickTime file.
 *
 * Pure, and bounded whatever the boxes say: a few thousand small reads at most,
 * no memory, no recursion.  Only headers are read, never the film.
 */
#ifndef PHOTOMESH_DECODE_MP4_H
#define PHOTOMESH_DECODE_MP4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct record_meta;

struct mp4_file {
	/* Exactly count bytes from `at`; false when they are not there. */
	bool (*read)(void *arg, uint64_t at, void *out, size_t count);
	void *arg;
	uint64_t bytes;
};

/* Fills what it finds; false when there is no movie in it.  A file that ends
 * too early, or lies, says what it said until then. */
bool mp4_read(const struct mp4_file *f, struct record_meta *out);

#endif
