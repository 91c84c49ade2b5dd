/*
 * unchanged.h: is a file still the one that was read?
 *
 * Judged by what stat says of it, which is worth less on some volumes: where
 * inode numbers are made up anew at each mount, neither they nor the ctime say
 * anything.
 */
#ifndef PHOTOMESH_UNCHANGED_H
#define PHOTOMESH_UNCHANGED_H

#include <stdbool.h>
#include <sys/stat.h>

struct known_file;

enum volume_trait {
	VOLUME_UNSTABLE = 1, /* inode numbers do not last: FAT, SMB, FUSE */
	VOLUME_UNTOLD = 2,   /* a network: not all its changes are told */
};

/* Of the volume on which this file or folder lies: enum volume_trait, or-ed. */
unsigned volume_traits(int fd);

/* On a volume whose inode numbers last (`stable`) or do not.  False also of
 * what may have changed unseen just behind its being read. */
bool file_unchanged(const struct known_file *k, const struct stat *st,
		    bool stable);

#endif
