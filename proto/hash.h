/*
 * hash.h: XXH3-128 of bytes in memory, as a digest that can be summed.
 *
 * On x86 the library's dispatcher picks the widest vectors at run time; every
 * build gives the same value.  Files are hashed elsewhere, streaming.
 */
#ifndef PHOTOMESH_HASH_H
#define PHOTOMESH_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "ident.h"

struct digest hash_bytes(const void *bytes, size_t count);

#endif
