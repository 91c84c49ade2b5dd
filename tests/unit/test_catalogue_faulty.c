#include "test_catalogue_faulty.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#define SECTOR_BYTES 512

struct faulty_file {
	sqlite3_file base;
	char path[256];
	bool syncs_folder; /* at its first sync */
	sqlite3_file real[]; /* as large as the real VFS wants it */
};

/* A write or cut that no sync has made good yet; newest first. */
struct change {
	struct change *next;
	struct faulty_file *file;
	bool cut; /* the file now ends at `offset` */
	sqlite3_int64 size_before, offset;
	int bytes;
	uint8_t both[]; /* what was there, then what is there now */
};

static sqlite3_vfs *usual, faulty;
static sqlite3_io_methods methods;
static enum faulty_mode mode;
static unsigned chosen, calls;
static bool watching;
static struct change *changes;
static uint64_t chance;

static sqlite3_file *
real(sqlite3_file *f)
{
	return ((struct faulty_file *)f)->real;
}

static bool
deadly(void)
{
	return mode >= FAULTY_KILL;
}

static bool
power(void)
{
	return mode == FAULTY_POWER || mode == FAULTY_POWER_PART;
}

/* ---- what a power cut takes ------------------------------------------- */

static struct change *
change_note(sqlite3_file *f, int bytes, sqlite3_int64 offset)
{
	struct change *c = calloc(1, sizeof(*c) + 2 * (size_t)bytes);

	assert(c != NULL);
	c->file = (struct faulty_file *)f;
	c->offset = offset;
	c->bytes = bytes;
	real(f)->pMethods->xFileSize(real(f), &c->size_before);
	/* A short read leaves zeros, which the size then cuts away. */
	if (bytes > 0)
		(void)real(f)->pMethods->xRead(real(f), c->both, bytes, offset);
	c->next = changes;
	changes = c;
	return c;
}

/* Good, whatever happens: every handle of this file writes the same one. */
static void
changes_forget(sqlite3_file *f)
{
	struct change **at = &changes, *c;
	const char *path = ((struct faulty_file *)f)->path;

	while ((c = *at) != NULL) {
		if (strcmp(c->file->path, path) != 0) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		free(c);
	}
}

/* One of so many. */
static unsigned
dice(unsigned sides)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (unsigned)(chance >> 33) % sides;
}

static void
undo(const struct change *c)
{
	sqlite3_file *f = c->file->real;

	if (c->bytes > 0)
		f->pMethods->xWrite(f, c->both, c->bytes, c->offset);
	f->pMethods->xTruncate(f, c->size_before);
}

/* It has landed after all, or some of its sectors have. */
static void
redo(const struct change *c)
{
	sqlite3_file *f = c->file->real;
	bool torn = dice(3) == 0;
	int done = 0;

	if (c->cut) {
		f->pMethods->xTruncate(f, c->offset);
		return;
	}
	while (done < c->bytes) {
		sqlite3_int64 at = c->offset + done;
		int some = SECTOR_BYTES - (int)(at % SECTOR_BYTES);

		if (some > c->bytes - done)
			some = c->bytes - done;
		if (!torn || dice(2) == 0)
			f->pMethods->xWrite(f, c->both + c->bytes + done, some,
					    at);
		done += some;
	}
}


/* A deleted file, which is back again if nobody has synced its folder. */
static void
gone_name(const char *path, char *out, size_t max)
{
	snprintf(out, max, "%s.gone", path);
}

static char deleted[256]; /* the last one */

static void
deleted_for_good(void)
{
	char gone[280];

	if (deleted[0] == '\0')
		return;
	gone_name(deleted, gone, sizeof(gone));
	(void)unlink(gone);
	deleted[0] = '\0';
}

static void
power_cut(void)
{
	struct change *c, *oldest = NULL;

	chance = (uint64_t)chosen * UINT64_C(0x9e3779b97f4a7c15) + 1;
	while ((c = changes) != NULL) {
		undo(c);
		changes = c->next;
		c->next = oldest;
		oldest = c;
	}
	for (c = oldest; c != NULL && mode == FAULTY_POWER_PART; c = c->next)
		if (dice(2) == 0)
			redo(c);
	if (deleted[0] != '\0') {
		char gone[280];

		gone_name(deleted, gone, sizeof(gone));
		(void)rename(gone, deleted);
	}
}

static void
die(void)
{
	if (power())
		power_cut();
	_exit(FAULTY_EXIT);
}

/* One more call: SQLITE_OK when it may go on. */
static int
count(int error)
{
	if (!watching || mode == FAULTY_COUNT)
		return SQLITE_OK;
	calls++;
	if (mode == FAULTY_FULL_ON)
		return calls < chosen ? SQLITE_OK : error;
	if (calls != chosen)
		return SQLITE_OK;
	if (deadly())
		die();
	return error;
}

/* Of those that change nothing on the disk. */
static int
count_other(int error)
{
	if (error == SQLITE_OK)
		return SQLITE_OK;
	/* Where there is no room, what is there can still be read. */
	if (deadly() || mode == FAULTY_FULL_ON || mode == FAULTY_SHORT)
		return SQLITE_OK;
	return count(error);
}

/* ---- a file ----------------------------------------------------------- */

static int
file_close(sqlite3_file *f)
{
	changes_forget(f); /* good or not: nobody can undo it any more */
	return real(f)->pMethods->xClose(real(f));
}

static int
file_read(sqlite3_file *f, void *to, int bytes, sqlite3_int64 at)
{
	int r = count_other(SQLITE_IOERR_READ);

	return r != SQLITE_OK ? r
			      : real(f)->pMethods->xRead(real(f), to, bytes, at);
}

/* The chosen write lands by half. */
static int
half(sqlite3_file *f, const void *from, int bytes, sqlite3_int64 at)
{
	if (bytes > 1)
		(void)real(f)->pMethods->xWrite(real(f), from, bytes / 2, at);
	if (mode == FAULTY_TORN)
		_exit(FAULTY_EXIT);
	return SQLITE_FULL;
}

static int
file_write(sqlite3_file *f, const void *from, int bytes, sqlite3_int64 at)
{
	bool by_half = mode == FAULTY_SHORT || mode == FAULTY_TORN;
	struct change *c;
	int r;

	if (watching && by_half && calls + 1 == chosen) {
		calls++;
		return half(f, from, bytes, at);
	}
	r = count(mode == FAULTY_ERROR ? SQLITE_IOERR_WRITE : SQLITE_FULL);
	if (r != SQLITE_OK)
		return r;
	if (power()) {
		c = change_note(f, bytes, at);
		memcpy(c->both + bytes, from, (size_t)bytes);
	}
	return real(f)->pMethods->xWrite(real(f), from, bytes, at);
}

static int
file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	sqlite3_int64 now = size;
	int r = count(SQLITE_IOERR_TRUNCATE);

	if (r != SQLITE_OK)
		return r;
	real(f)->pMethods->xFileSize(real(f), &now);
	if (power() && now > size)
		change_note(f, (int)(now - size), size)->cut = true;
	return real(f)->pMethods->xTruncate(real(f), size);
}

static int
file_sync(sqlite3_file *f, int flags)
{
	int r = count(SQLITE_IOERR_FSYNC);

	if (r != SQLITE_OK)
		return r;
	changes_forget(f);
	if (((struct faulty_file *)f)->syncs_folder)
		deleted_for_good();
	((struct faulty_file *)f)->syncs_folder = false;
	return real(f)->pMethods->xSync(real(f), flags);
}

#define PASS(name, declared, error, ...)                                       \
	static int file_##name declared                                        \
	{                                                                      \
		int r = count_other(error);                                    \
                                                                               \
		return r != SQLITE_OK                                          \
			       ? r                                             \
			       : real(f)->pMethods->x##name(__VA_ARGS__);      \
	}
PASS(FileSize, (sqlite3_file *f, sqlite3_int64 *n), SQLITE_IOERR_FSTAT,
     real(f), n)
PASS(Lock, (sqlite3_file *f, int n), SQLITE_IOERR_LOCK, real(f), n)
PASS(Unlock, (sqlite3_file *f, int n), SQLITE_OK, real(f), n)
PASS(CheckReservedLock, (sqlite3_file *f, int *n),
     SQLITE_IOERR_CHECKRESERVEDLOCK, real(f), n)
PASS(FileControl, (sqlite3_file *f, int op, void *arg), SQLITE_OK, real(f), op,
     arg)
PASS(SectorSize, (sqlite3_file *f), SQLITE_OK, real(f))
PASS(DeviceCharacteristics, (sqlite3_file *f), SQLITE_OK, real(f))
PASS(ShmMap,
     (sqlite3_file *f, int page, int bytes, int extend, void volatile **p),
     SQLITE_IOERR_SHMMAP, real(f), page, bytes, extend, p)
PASS(ShmUnmap, (sqlite3_file *f, int delete), SQLITE_OK, real(f), delete)

/* To let go of a lock cannot fail, and SQLite does not look. */
static int
file_ShmLock(sqlite3_file *f, int at, int n, int flags)
{
	int r = flags & SQLITE_SHM_LOCK ? count_other(SQLITE_IOERR_SHMLOCK)
					: SQLITE_OK;

	return r != SQLITE_OK ? r
			      : real(f)->pMethods->xShmLock(real(f), at, n,
							    flags);
}

static void
file_ShmBarrier(sqlite3_file *f)
{
	real(f)->pMethods->xShmBarrier(real(f));
}

/* ---- files ------------------------------------------------------------ */

static int
faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags,
	    int *out)
{
	struct faulty_file *file = (struct faulty_file *)f;
	int r = count_other(SQLITE_CANTOPEN);

	(void)vfs;
	memset(file, 0, sizeof(*file));
	if (r != SQLITE_OK)
		return r;
	if (name != NULL)
		strncpy(file->path, name, sizeof(file->path) - 1);
	if (name != NULL && strcmp(name, deleted) == 0)
		deleted_for_good(); /* at least it is not the old one */
	/* As the VFS of Unix does with new logs and journals. */
	file->syncs_folder = (flags & (SQLITE_OPEN_WAL |
				       SQLITE_OPEN_MAIN_JOURNAL)) != 0 &&
			     name != NULL && access(name, F_OK) == -1;
	r = usual->xOpen(usual, name, file->real, flags, out);
	if (file->real->pMethods != NULL)
		file->base.pMethods = &methods;
	return r;
}

static int
faulty_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	char gone[280];
	int r = count(SQLITE_IOERR_DELETE);

	(void)vfs;
	if (r != SQLITE_OK)
		return r;
	gone_name(name, gone, sizeof(gone));
	deleted_for_good();
	if (power() && !sync && link(name, gone) == 0)
		strncpy(deleted, name, sizeof(deleted) - 1);
	return usual->xDelete(usual, name, sync);
}

static int
faulty_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
	int r = count_other(SQLITE_IOERR_ACCESS);

	(void)vfs;
	return r != SQLITE_OK ? r : usual->xAccess(usual, name, flags, out);
}

/* ---- what a test says ------------------------------------------------- */

void
faulty_install(void)
{
	usual = sqlite3_vfs_find(NULL);
	faulty = *usual;
	faulty.zName = "faulty";
	faulty.szOsFile = (int)sizeof(struct faulty_file) + usual->szOsFile;
	faulty.xOpen = faulty_open;
	faulty.xDelete = faulty_delete;
	faulty.xAccess = faulty_access;
	methods = (sqlite3_io_methods){
		.iVersion = 2, /* no memory maps of the database */
		.xClose = file_close,
		.xRead = file_read,
		.xWrite = file_write,
		.xTruncate = file_truncate,
		.xSync = file_sync,
		.xFileSize = file_FileSize,
		.xLock = file_Lock,
		.xUnlock = file_Unlock,
		.xCheckReservedLock = file_CheckReservedLock,
		.xFileControl = file_FileControl,
		.xSectorSize = file_SectorSize,
		.xDeviceCharacteristics = file_DeviceCharacteristics,
		.xShmMap = file_ShmMap,
		.xShmLock = file_ShmLock,
		.xShmBarrier = file_ShmBarrier,
		.xShmUnmap = file_ShmUnmap,
	};
	assert(sqlite3_vfs_register(&faulty, 1) == SQLITE_OK);
}

void
faulty_arm(enum faulty_mode how, unsigned nth)
{
	mode = how;
	chosen = nth;
	calls = 0;
	watching = true;
}

unsigned
faulty_disarm(void)
{
	watching = false;
	mode = FAULTY_COUNT;
	return calls;
}

void
faulty_watch(bool on)
{
	watching = on;
}
