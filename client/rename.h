/*
 * rename.h: a final name for a file, where nothing has that name.
 */
#ifndef PHOTO_RENAME_H
#define PHOTO_RENAME_H

/*
 * `from` is called `to` from now on, both in the directory open as `folder`; on
 * every file system, and nothing is replaced.  0; EEXIST if something is called
 * so; else the errno of what is in the way, EINVAL, EILSEQ, ENAMETOOLONG or
 * ENOENT where the file system has no such names.
 */
int rename_to_nothing(int folder, const char *from, const char *to);

#endif
