/*
 * sniff.h: what the first bytes of a file say it is.
 *
 * Pure: bytes in, a media type out.  Content is trusted, never the name; the
 * name only decides whether other content is worth a word to the user.
 */
#ifndef PHOTOMESH_SNIFF_H
#define PHOTOMESH_SNIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SNIFF_BYTES 4096u /* more than this is never looked at */

/* A static media type ("image/jpeg"), or NULL for what is no photo or video. */
const char *sniff(const uint8_t *bytes, size_t count);

/* Does the extension promise a photo or video? */
bool media_name(const char *path, size_t path_bytes);

#endif
