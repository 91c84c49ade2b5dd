/*
 * key.h: the mesh key, for a daemon that is asked from another machine.
 *
 * Read only: a key is made by photod.
 */
#ifndef PHOTO_KEY_H
#define PHOTO_KEY_H

#include <stdint.h>

struct failure;

#define KEY_BYTES 32u

/* From `file`; NULL: $XDG_CONFIG_HOME/photomesh/key, or in ~/.config.  0, or -1
 * with the remedy; a key that others can read is refused. */
int key_load(const char *file, uint8_t key[KEY_BYTES], struct failure *why);

#endif
