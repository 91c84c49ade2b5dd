/*
 * sources.h: the files that a user names, one after another.
 *
 * Files and folders of the user's, only ever read.  Below a folder symbolic
 * links are not followed and hidden files left out, as photod does; what is
 * named itself is taken as it is.  In the order of names, so that two runs tell
 * the same.
 */
#ifndef PHOTO_SOURCES_H
#define PHOTO_SOURCES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct failure;

#define SOURCE_PATH_MAX 8192u

struct source_file {
	int fd;           /* open for reading; borrowed */
	const char *path; /* as named, and below; borrowed */
	const char *real; /* absolute, through no link; borrowed */
	struct stat stat;
};

struct sources {
	void *arg;
	/* 0 goes on, -1 ends the walk with *why. */
	int (*on_file)(void *arg, const struct source_file *f,
		       struct failure *why);
	/* May be NULL.  False: leave this folder (or named file) out. */
	bool (*may_enter)(void *arg, const char *path, const char *real);
	/* It cannot be read, or is neither file nor folder. */
	void (*on_trouble)(void *arg, const char *path, const char *what);
	uint64_t hidden; /* counted: files and folders left out */
};

int sources_walk(struct sources *s, const char *const *names, unsigned count,
		 struct failure *why);

#endif
