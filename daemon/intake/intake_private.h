/*
 * intake_private.h: the intake's threads and what they share.
 *
 * The scanner thread decides: it walks whole roots (scan*.c), it looks at the
 * paths that a watcher names (live*.c), and it alone sends.  Hasher threads
 * read.  The scanner opens every file where it stands in the walk and hands the
 * descriptor over, so no path is ever resolved twice.
 */
#ifndef PHOTOMESH_INTAKE_PRIVATE_H
#define PHOTOMESH_INTAKE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "intake.h"
#include "outbox.h"
#include "eta.h"
#include "rate.h"
#include "pending.h"

#define JOBS_WAITING_MAX 64u /* descriptors, as well */
#define HASHERS_MAX      64u
#define FLIGHT_MARKS     1024u /* a power of two; many for few jobs */

struct live;
struct watcher;

/* One opened file, to be read by a hasher. */
struct hash_job {
	struct hash_job *next; /* among those that wait */
	/* Among all that wait or are read; for the scanner to find. */
	struct hash_job *beside, **at;
	uint64_t serial; /* rises */
	bool again;      /* look once more when it is done, */
	unsigned flags;  /* so (enum pending_flag) */
	unsigned index;  /* of the root */
	unsigned mark;   /* of its path, among those in flight */
	const struct state_root *root;
	int fd;
	struct stat stat; /* of its path, before it was opened */
	bool live;   /* not of a scan */
	bool said;   /* something is recorded of it, so say what becomes of it */
	bool stable; /* its inode names it for good */
	/* The hasher's. */
	uint64_t counted; /* bytes of it in progress while it is being read */
	uint64_t uncounted; /* and read since */
	size_t path_bytes;
	char path[]; /* and a NUL */
};

#define WINDOW_SECONDS 60u

/* What the scanner thread holds of a root between scans. */
struct root_now {
	bool online;
	bool polled; /* its changes are not told: look from time to time */
	bool warned; /* and that this is not for want of trying was said */
	bool stable; /* inode numbers name files for good on its volume */
	int fd; /* open for a scan or a turn; -1 */
	/* The folder last found to be on the recorded volume. */
	bool checked;
	dev_t device;
	ino_t inode;
	/* The brake (brake.c). */
	bool braked;
	uint64_t missing; /* photos that were, then */
	uint32_t gone[WINDOW_SECONDS]; /* withdrawn, by second */
	uint64_t gone_second; /* the newest of these */
};

struct intake {
	struct intake_config config;
	struct outbox *outbox;
	struct reader *reader; /* the scanner's */
	struct intake_roots said; /* what was last said of them; the scanner's */
	struct root_now now[STATE_ROOTS_MAX]; /* the scanner's */
	bool scanning, accepting;             /* the scanner's */
	bool withdrawn; /* something, perhaps not written yet; the scanner's */
	bool away; /* a root cannot be reached; the scanner's */
	unsigned doublings;                   /* the scanner's */
	/* Of the doubts (scan.c), those that a whole scan has settled. */
	uint64_t settled; /* the scanner's */
	struct live *live;                    /* the scanner's */
	struct survey *survey; /* of a first scan; the scanner's */
	struct rate rate;      /* of all hashers */
	struct watcher *watch; /* NULL: there is none */

	atomic_bool stop;
	atomic_bool ready; /* something is to be looked at now */
	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t moved; /* for the scanner: something has happened */
	pthread_cond_t work;  /* for hashers: a job waits */
	pthread_cond_t room;  /* for the scanner: at most room_at jobs wait */
	unsigned room_at;
	bool wanted;
	bool accept; /* the scan that is wanted may withdraw all it misses */
	bool young;  /* another scan is to come soon */
	uint64_t shortages; /* how often something was left for want of means */
	bool mounts; /* something was mounted, or unmounted */
	bool full;    /* the outbox: the scanner is to send */
	bool stirred; /* a hasher is done, or something is to be looked at */
	uint64_t suspect; /* roots (bits) whose folder may be another one */
	struct pending *pending;
	struct scan_progress progress;
	struct eta eta;
	bool surveyed; /* the totals of progress are of everything */
	struct hash_job *first, **last;
	struct hash_job *flight;
	/* How many jobs in flight have a path of this mark: most paths are none of
	 * theirs, and the list need not be walked for them. */
	uint16_t flight_marks[FLIGHT_MARKS];
	uint64_t serial; /* of the newest job */
	unsigned waiting, busy;

	bool has_scanner;
	pthread_t scanner;
	unsigned hasher_count;
	pthread_t hashers[HASHERS_MAX];
};

/* What progress says has been done, for the eta; the lock is held. */
void note_progress(struct intake *i);

/* ---- hasher.c -------------------------------------------------------- */

void *hasher_main(void *arg);
/* For a file of which something went wrong: fill in a problem. */
void say_problem(struct own_file *f, enum problem_code code,
		 const char *message);

/* Queue a job (owned from now on), before all others if it is `urgent`.  The
 * lock is held. */
void queue_job(struct intake *i, struct hash_job *j, bool urgent);
/* Does a hasher have this path in hand?  Then it is looked at (so: flags) when
 * that is over. */
bool job_again(struct intake *i, unsigned index, const char *path,
	       size_t path_bytes, unsigned flags);
/* Has every job up to this one ended?  The lock is held. */
bool jobs_ended(struct intake *i, uint64_t serial);
/* Look at this path when it has been quiet; another scan, when that cannot be
 * remembered.  The lock is held. */
void look_later(struct intake *i, unsigned index, const char *path,
		size_t path_bytes);

/* ---- live.c ----------------------------------------------------------- */

int live_init(struct intake *i, struct trouble *why);
void live_release(struct intake *i);
/* Look at what is due, send what is to be sent.  Returns when there will be
 * more to do, if nothing stirs before. */
uint64_t live_turn(struct intake *i);
/* Something could not be written; arg is the intake. */
void live_on_failure(void *arg);
/* Has all been looked at that a watcher has to tell? */
bool live_told(struct intake *i);
/* Has all been looked at, and written or withdrawn, that a watcher has to tell? */
bool live_quiet(struct intake *i);
/* In the midst of a scan: is it time for a turn? */
bool live_wanted(const struct intake *i);

/* ---- scan.c ---------------------------------------------------------- */

/* One scan of all roots.  True if a root is online. */
bool scan_all(struct intake *i);
/* Is a root's folder another one than at the last scan, or there again? */
bool roots_changed(struct intake *i);
/* Between scans: the state that progress tells follows the roots. */
void state_review(struct intake *i);

/* ---- intake.c -------------------------------------------------------- */

/* Wait for `moved`, or for another of its conditions, at most so long; the lock
 * is held.  Not while the outbox is full: hashers wait until it is sent. */
void intake_wait(struct intake *i, uint64_t ms_max);
void intake_wait_on(struct intake *i, pthread_cond_t *condition,
		    uint64_t ms_max);
/* Wake the scanner, whatever it waits for; the lock is held. */
void intake_stir(struct intake *i);

#endif
