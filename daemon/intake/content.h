/*
 * content.h: from an open file to what its bytes are.
 *
 * Sniffs, hashes and looks at the end of one file through a read-only
 * descriptor.  Knows neither paths nor the catalogue.
 */
#ifndef PHOTOMESH_CONTENT_H
#define PHOTOMESH_CONTENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "photo_id.h"

enum content_verdict {
	CONTENT_MEDIA,      /* type, photo, truncated, stat */
	CONTENT_OTHER,      /* no photo or video; stat */
	CONTENT_UNREADABLE, /* error */
	CONTENT_UNSTABLE,   /* kept changing; stat of the last look */
	CONTENT_STOPPED,    /* `go_on` said no */
};

struct content {
	enum content_verdict verdict;
	const char *type; /* static */
	struct photo_id photo;
	bool truncated;   /* ends before its format says it may */
	struct stat stat; /* as it was before and after reading; links: after */
	int error;        /* errno */
};

/* One for each thread; NULL when out of memory. */
struct content_reader;
struct content_reader *content_reader_new(void);
void content_reader_free(struct content_reader *r);

/* `go_on` (may be NULL) is asked before every read of so many bytes, and may
 * take its time; the first few bytes are read unasked.  `before` (may be NULL)
 * is how the file looked when its path was, before it was opened: when it looks
 * the same behind the reading, it was not asked in between.  `fd` stays open;
 * its offset is neither used nor moved. */
void content_read(struct content_reader *r, int fd, const struct stat *before,
		  bool (*go_on)(void *arg, size_t bytes), void *arg,
		  struct content *out);

/* Same file, same bytes, as far as the kernel can tell. */
bool stat_same(const struct stat *a, const struct stat *b);
int64_t stat_mtime_ns(const struct stat *st);
int64_t stat_ctime_ns(const struct stat *st);

#endif
