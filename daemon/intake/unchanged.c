/*
 * unchanged.c: what kind of volume it is, and a file against what is known.
 */
#include "unchanged.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/vfs.h>

#include "content.h"
#include "query.h"

/* From the kernel's magic.h and the sources of each. */
enum {
	FS_NFS = 0x6969, FS_SMB = 0x517b, FS_CIFS = 0xff534d42,
	FS_SMB2 = 0xfe534d42, FS_AFS = 0x5346414f, FS_CEPH = 0x00c36400,
	FS_9P = 0x01021997, FS_FUSE = 0x65735546, FS_CODA = 0x73757245,
	FS_FAT = 0x4d44, FS_EXFAT = 0x2011bab0,
};

static uint32_t
fs_type(int fd)
{
	struct statfs fs;
#ifdef PHOTOMESH_TEST_HOOKS
	const char *text = getenv("PHOTOMESH_FS_TYPE");

	if (text != NULL)
		return (uint32_t)strtoul(text, NULL, 0);
#endif
	return fstatfs(fd, &fs) == 0 ? (uint32_t)fs.f_type : 0;
}

unsigned
volume_traits(int fd)
{
	switch (fs_type(fd)) {
	case FS_SMB: case FS_CIFS: case FS_SMB2: case FS_FUSE:
		return VOLUME_UNSTABLE | VOLUME_UNTOLD;
	case FS_NFS: case FS_AFS: case FS_CEPH: case FS_9P: case FS_CODA:
		return VOLUME_UNTOLD;
	case FS_FAT: case FS_EXFAT:
		return VOLUME_UNSTABLE;
	}
	return 0;
}

bool
file_unchanged(const struct known_file *k, const struct stat *st, bool stable)
{
	if (k->size != (uint64_t)st->st_size ||
	    k->mtime_ns != stat_mtime_ns(st))
		return false;
	if (!stable)
		return k->inode != 0 && k->ctime_ns > 0;
	return k->inode == st->st_ino && k->ctime_ns == stat_ctime_ns(st);
}
