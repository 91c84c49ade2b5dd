/*
 * fold.h: text as it is searched for, whoever has written it.
 *
 * An accented letter is one character where people type it, and a letter with a
 * mark behind it in what macOS calls files; so are the syllables of Hangul.
 * Both sides of a comparison are brought into one form here: NFC, letters beyond
 * ASCII in one case (A to Z are left to search.h).  What equals what is said in
 * PROTOCOL.md, "Queries".  Nothing folded is kept, or shown to anybody.
 */
#ifndef PHOTOMESH_FOLD_H
#define PHOTOMESH_FOLD_H

#include <stddef.h>

#include "limits.h"

/* No text becomes longer than this many times itself. */
#define FOLD_GROWTH_MAX 3u
/* For a path, and whatever else is shorter than the key of a record. */
#define FOLD_ROOM (FOLD_GROWTH_MAX * RECORD_KEY_MAX)

/*
 * `text` itself where it is ASCII; else folded, in `room`.  *bytes is its length
 * before and after.  Any bytes will do, and those that are no UTF-8 stay; what
 * is too much for the room is left out.  Takes a time by the length alone.
 */
const char *fold(const char *text, size_t *bytes, char room[FOLD_ROOM]);

#endif
