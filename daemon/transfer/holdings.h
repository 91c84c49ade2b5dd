/*
 * holdings.h: the files behind a photo id, here on this node.
 *
 * From a photo id to an open descriptor: through the catalogue's own copies,
 * beneath the root's descriptor, never through a symbolic link, never by a
 * name that came from elsewhere.  A file that is not what was indexed any more
 * (by the rule by which intake would read it again) is not handed out, and
 * intake is asked to look at that path.
 * Has a reader of its own behind a mutex: any thread.
 */
#ifndef PHOTOMESH_HOLDINGS_H
#define PHOTOMESH_HOLDINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "photo_id.h"

struct catalogue;
struct intake;
struct state;
struct trouble;
struct holdings;

struct holdings *holdings_new(const struct state *state,
			      struct catalogue *catalogue, struct trouble *why);
void holdings_free(struct holdings *h);
/* Until it is set nothing is looked at again. */
void holdings_set_intake(struct holdings *h, struct intake *intake);

enum holding_verdict {
	HOLDING_OPEN,    /* *out is good */
	HOLDING_NONE,    /* no copy here, or none that is online */
	HOLDING_CHANGED, /* all copies here are no longer what was indexed */
	HOLDING_FAILED,  /* cannot be read: `why` */
};
struct holding_file {
	int fd;           /* the caller's; read with pread only */
	struct stat stat; /* as indexed */
	char name[256];   /* the last component of its path, for people */
};
enum holding_verdict holdings_open(struct holdings *h,
				   const struct photo_id *photo,
				   struct holding_file *out,
				   struct trouble *why);
/* After reading: still the same file?  If not, intake has been told. */
bool holdings_still(struct holdings *h, const struct photo_id *photo,
		    const struct holding_file *f);

#endif
