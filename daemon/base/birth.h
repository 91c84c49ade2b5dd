/*
 * birth.h: which file, and not merely which inode.
 *
 * An inode number is given out again as soon as its file is gone, so what was
 * restored or copied may have that of the old one; its birth it cannot have.
 */
#ifndef PHOTOMESH_BIRTH_H
#define PHOTOMESH_BIRTH_H

#include <stdbool.h>
#include <stdint.h>

struct birth {
	uint64_t inode;
	uint64_t s, ns; /* 0 where the filesystem does not tell, then as now */
};

/* Of the path, relative to dir_fd (or AT_FDCWD); "" is dir_fd itself.  False
 * with errno, and all zero. */
bool birth_of(int dir_fd, const char *path, struct birth *out);

#endif
