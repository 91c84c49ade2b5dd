/*
 * name.h: names for files, made of names that strangers chose.
 *
 * Pure.  What comes out is one component of a path that no reader takes for
 * anything else: no slash, no NUL, no control character, no leading dot, and
 * short enough for every file system.
 */
#ifndef PHOTO_NAME_H
#define PHOTO_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAME_BYTES_MAX 255u

/*
 * The last component of `bytes`.  Control characters and a leading dot become
 * '_'; bytes that are no UTF-8 stay; what is too long loses the end of its
 * stem, not its extension; what leaves nothing is called "photo".
 */
void name_safe(const void *bytes, size_t count, char out[NAME_BYTES_MAX + 1]);

/*
 * The same for file systems that take less: FAT, NTFS, SMB, and whatever lies
 * on top of others.  UTF-8, none of "*:<>?\\|, no dot or blank at the end, no
 * name of a device, 128 bytes at most.  True: it is so already.
 */
bool name_plain(const char *name, char out[NAME_BYTES_MAX + 1]);

/* "beach.jpg" and 2: "beach (2).jpg"; 0: the name itself. */
void name_numbered(const char *name, unsigned number,
		   char out[NAME_BYTES_MAX + 1]);

#endif
