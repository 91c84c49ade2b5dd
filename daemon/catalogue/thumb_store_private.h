/*
 * thumb_store_private.h: the cache of thumbnails, for thumb_store*.c only.
 */
#ifndef PHOTOMESH_THUMB_STORE_PRIVATE_H
#define PHOTOMESH_THUMB_STORE_PRIVATE_H

#include <pthread.h>

#include <sqlite3.h>

#include "thumb_store.h"

#define THUMB_STORE_NAME "thumbs.db"
#define THUMB_PAGE_BYTES 4096u

enum thumb_statement {
	S_BEGIN, S_COMMIT, S_ROLLBACK,
	S_PUT, S_GET, S_HAS, S_NONE, S_DROP, S_EVICT, S_OLDEST, S_PAGES, S_FREE,
	S_COUNT
};

struct thumb_store {
	pthread_mutex_t lock;
	char *path; /* owned */
	uint64_t bytes_max;
	sqlite3 *db; /* NULL: not open */
	sqlite3_stmt *st[S_COUNT];
	unsigned puts; /* in the open transaction; 0: there is none */
	uint64_t begun_ms;
	uint64_t pause_ms; /* steady; nothing is written until then */
	uint64_t count;    /* images, from the file at its opening */
	uint64_t made;
};

/* ---- thumb_store_file.c: the file, and nothing of what is in it ------------ */

/* s->db, its statements and the count of images; -1: not opened, and the error
 * of s->db, if it is there, says whether what stands in the file is at fault. */
int thumb_file_open(struct thumb_store *s);
/* s->count, of a file that is open; -1: it cannot be read. */
int thumb_file_count(struct thumb_store *s);
void thumb_file_close(struct thumb_store *s);
/* What is open is not closed by it. */
void thumb_file_remove(const struct thumb_store *s);

#endif
