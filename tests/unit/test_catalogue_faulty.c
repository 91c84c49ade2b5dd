#include "test_catalogue_faulty.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

struct faulty_file {
	sqlite3_file base;
	char path[256];
	sqlite3_file real[]; /* as large as the real VFS wants it */
};

/* What a write has replaced and no sync has made good yet; newest first. */
struct undo {
	struct undo *next;
	struct faulty_file *file;
	sqlite3_int64 size_before, offset;
	int bytes;
	uint8_t before[];
};

static sqlite3_vfs *usual, faulty;
static sqlite3_io_methods methods;
static enum faulty_mode mode;
static unsigned chosen, calls;
static bool watching;
static struct undo *undos;

static sqlite3_file *
real(sqlite3_file *f)
{
	return ((struct faulty_file *)f)->real;
}

/* ---- what a power cut takes ------------------------------------------- */

static void
undo_note(sqlite3_file *f, int bytes, sqlite3_int64 offset)
{
	struct undo *u = calloc(1, sizeof(*u) + (size_t)bytes);

	assert(u != NULL);
	u->file = (struct faulty_file *)f;
	u->offset = offset;
	u->bytes = bytes;
	real(f)->pMethods->xFileSize(real(f), &u->size_before);
	/* A short read leaves zeros, which the size then cuts away. */
	if (bytes > 0)
		(void)real(f)->pMethods->xRead(real(f), u->before, bytes,
					       offset);
	u->next = undos;
	undos = u;
}

/* Forget what concerns this file: every handle of it writes the same one. */
static void
undo_forget(sqlite3_file *f)
{
	struct undo **at = &undos, *u;
	const char *path = ((struct faulty_file *)f)->path;

	while ((u = *at) != NULL) {
		if (strcmp(u->file->path, path) != 0) {
			at = &u->next;
			continue;
		}
		*at = u->next;
		free(u);
	}
}

static void
power_cut(void)
{
	for (struct undo *u = undos; u != NULL; u = u->next) {
		sqlite3_file *f = u->file->real;

		if (u->bytes > 0)
			f->pMethods->xWrite(f, u->before, u->bytes, u->offset);
		f->pMethods->xTruncate(f, u->size_before);
	}
}

/* One more call: SQLITE_OK when it may go on. */
static int
count(int error)
{
	if (!watching || ++calls != chosen)
		return SQLITE_OK;
	switch (mode) {
	case FAULTY_COUNT:
		return SQLITE_OK;
	case FAULTY_ERROR:
		return error;
	case FAULTY_POWER:
		power_cut();
		_exit(FAULTY_EXIT);
	case FAULTY_KILL:
		_exit(FAULTY_EXIT);
	}
	return SQLITE_OK;
}

/* ---- a file ----------------------------------------------------------- */

static int
file_close(sqlite3_file *f)
{
	undo_forget(f); /* good or not: nobody can undo it any more */
	return real(f)->pMethods->xClose(real(f));
}

static int
file_read(sqlite3_file *f, void *to, int bytes, sqlite3_int64 at)
{
	int r = mode == FAULTY_ERROR ? count(SQLITE_IOERR_READ) : SQLITE_OK;

	return r != SQLITE_OK ? r
			      : real(f)->pMethods->xRead(real(f), to, bytes, at);
}

static int
file_write(sqlite3_file *f, const void *from, int bytes, sqlite3_int64 at)
{
	int r = count(SQLITE_IOERR_WRITE);

	if (r != SQLITE_OK)
		return r;
	if (mode == FAULTY_POWER)
		undo_note(f, bytes, at);
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
	if (mode == FAULTY_POWER && now > size)
		undo_note(f, (int)(now - size), size);
	return real(f)->pMethods->xTruncate(real(f), size);
}

static int
file_sync(sqlite3_file *f, int flags)
{
	int r = count(SQLITE_IOERR_FSYNC);

	if (r != SQLITE_OK)
		return r;
	undo_forget(f);
	return real(f)->pMethods->xSync(real(f), flags);
}

#define PASS(name, declared, ...)                                              \
	static int file_##name declared                                        \
	{                                                                      \
		return real(f)->pMethods->x##name(__VA_ARGS__);                \
	}
PASS(FileSize, (sqlite3_file *f, sqlite3_int64 *n), real(f), n)
PASS(Lock, (sqlite3_file *f, int n), real(f), n)
PASS(Unlock, (sqlite3_file *f, int n), real(f), n)
PASS(CheckReservedLock, (sqlite3_file *f, int *n), real(f), n)
PASS(FileControl, (sqlite3_file *f, int op, void *arg), real(f), op, arg)
PASS(SectorSize, (sqlite3_file *f), real(f))
PASS(DeviceCharacteristics, (sqlite3_file *f), real(f))
PASS(ShmMap,
     (sqlite3_file *f, int page, int bytes, int extend, void volatile **p),
     real(f), page, bytes, extend, p)
PASS(ShmLock, (sqlite3_file *f, int at, int n, int flags), real(f), at, n,
     flags)
PASS(ShmUnmap, (sqlite3_file *f, int delete), real(f), delete)

static void
file_ShmBarrier(sqlite3_file *f)
{
	real(f)->pMethods->xShmBarrier(real(f));
}

static int
faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags,
	    int *out)
{
	struct faulty_file *file = (struct faulty_file *)f;
	int r;

	(void)vfs;
	memset(file, 0, sizeof(*file));
	if (name != NULL)
		strncpy(file->path, name, sizeof(file->path) - 1);
	r = usual->xOpen(usual, name, file->real, flags, out);
	if (file->real->pMethods != NULL)
		file->base.pMethods = &methods;
	return r;
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
