/*
 * texts.h: what a picture calls itself, made fit for a record.
 *
 * Pure.  A picture's texts are a stranger's: Latin-1 where UTF-8 should be,
 * padded, with control characters, or endless.
 */
#ifndef PHOTOMESH_DECODE_TEXTS_H
#define PHOTOMESH_DECODE_TEXTS_H

#include <stddef.h>

/*
 * At most max bytes and a NUL into out[max + 1], cut between characters: UTF-8,
 * or what is none taken for Latin-1; control characters become spaces, spaces
 * in a row one, and none at the ends.  The bytes written.
 */
size_t text_clean(const char *text, size_t bytes, char *out, size_t max);

#endif
