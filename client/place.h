/*
 * place.h: a folder that photos are put into, and never onto anything.
 *
 * A file gets its final name only when it is whole, by a rename that fails
 * where something is already; then the next name is tried: "beach (1).jpg".  A
 * file that is there already with the same bytes counts as put.  Until then it
 * has a name that begins with a dot, which photod leaves out.
 */
#ifndef PHOTO_PLACE_H
#define PHOTO_PLACE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "name.h"
#include "photo_id.h"

struct failure;
struct reading;

#define PLACE_PATH_MAX 4096u

struct place {
	int fd;                    /* of the folder; owned */
	char path[PLACE_PATH_MAX]; /* as the user named it, for showing */
	mode_t mode;               /* of new files, by the umask */
	unsigned unsynced;         /* renames since the folder was synced */
};

/* The folder `path`; with `make` its last component is made if missing. */
int place_open(struct place *p, const char *path, bool make,
	       struct failure *why);
/* One below another, made if missing, never through a symbolic link. */
int place_open_below(struct place *p, const struct place *above,
		     const char *name, struct failure *why);
/* Syncs if that is owed. */
void place_close(struct place *p);
int place_sync(struct place *p, struct failure *why);
/* "trip/beach.jpg", for showing. */
void place_shown(const struct place *p, const char *name,
		 char out[PLACE_PATH_MAX]);
/* Is there room for so many bytes?  -1 with the sentence if not. */
int place_has_room(const struct place *p, uint64_t bytes, struct failure *why);

enum place_verdict {
	PLACE_FREE,   /* look: nothing is there; put: it is put now */
	PLACE_THERE,  /* the photo itself is there already */
	PLACE_TAKEN,  /* something else is, and only that name was wanted */
	PLACE_FAILED, /* *why says what: the folder cannot be used, Ctrl-C */
};
/*
 * What would become of photo `id` under `wanted`: the name in `out`.  `exact`:
 * that name or none.
 */
enum place_verdict place_look(struct place *p, struct reading *r,
			      const char *wanted, bool exact,
			      const struct photo_id *id,
			      char out[NAME_BYTES_MAX + 1],
			      struct failure *why);
/*
 * Give the whole file `temporary`, open as `fd`, its mode, its time (mtime_ns)
 * and its final name, durably: the folder is synced every 64 files and by
 * place_close.  With PLACE_THERE `temporary` is gone.
 */
enum place_verdict place_put(struct place *p, struct reading *r,
			     const char *temporary, int fd, int64_t mtime_ns,
			     const char *wanted, bool exact,
			     const struct photo_id *id,
			     char out[NAME_BYTES_MAX + 1],
			     struct failure *why);

#define PART_NAME_MAX 64u
enum part_verdict {
	PART_OPEN,
	PART_LOCKED, /* somebody else is filling it */
	PART_FAILED,
};
struct part {
	int fd;
	char name[PART_NAME_MAX];
};
/*
 * The file in which `id` grows, ours alone until part_close or the end of all
 * who were given its descriptor.
 */
enum part_verdict part_open(struct place *p, const struct photo_id *id,
			    struct part *out, struct failure *why);
void part_close(struct part *part);
/* The same, and it is not kept. */
void part_drop(struct place *p, struct part *part);

#endif
