/*
 * rename.h: a final name for a file, where nothing has that name, on file
 * systems that can little.
 */
#ifndef PHOTO_RENAME_H
#define PHOTO_RENAME_H

#include <stdbool.h>

/*
 * `from` is called `to` from now on, both in the directory open as `folder`; on
 * every file system, and nothing is replaced.  0; EEXIST if something is called
 * so; else the errno of what is in the way, EINVAL, EILSEQ, ENAMETOOLONG or
 * ENOENT where the file system has no such names.
 */
int rename_to_nothing(int folder, const char *from, const char *to);

/* Does that errno of fchmod or futimens say that the file system has no modes or
 * no such times?  That must not cost a photo. */
bool knows_no_modes(int code);

#endif
