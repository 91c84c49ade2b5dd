/*
 * intake_private.h: the intake's threads and what they share.
 *
 * One scanner thread walks and sends; hasher threads read.  The scanner opens
 * every file where it stands in the walk and hands the descriptor over, so no
 * path is ever resolved twice.
 */
#ifndef PHOTOMESH_INTAKE_PRIVATE_H
#define PHOTOMESH_INTAKE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "intake.h"
#include "outbox.h"

#define JOBS_WAITING_MAX 64u /* descriptors, as well */
#define HASHERS_MAX      64u

/* One opened file, to be read by a hasher. */
struct hash_job {
	struct hash_job *next;
	const struct state_root *root;
	int fd;
	bool said; /* something is recorded of it, so say what becomes of it */
	size_t path_bytes;
	char path[]; /* and a NUL */
};

struct intake {
	struct intake_config config;
	struct outbox *outbox;
	struct reader *reader; /* the scanner's */
	struct intake_roots said; /* what was last said of them; the scanner's */

	atomic_bool stop;
	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t moved;
	bool wanted;
	bool young; /* the scan read something only just modified */
	struct scan_progress progress;
	struct hash_job *first, **last;
	unsigned waiting, busy;

	bool has_scanner;
	pthread_t scanner;
	unsigned hasher_count;
	pthread_t hashers[HASHERS_MAX];
};

/* ---- hasher.c -------------------------------------------------------- */

void *hasher_main(void *arg);
/* For a file of which something went wrong: fill in a problem. */
void say_problem(struct own_file *f, enum problem_code code,
		 const char *message);

/* ---- scan.c ---------------------------------------------------------- */

/* One scan of all roots.  True if a root is online. */
bool scan_all(struct intake *i);

/* ---- intake.c -------------------------------------------------------- */

/* Wait for `moved`, at most so long; the lock is held. */
void intake_wait(struct intake *i, uint64_t ms_max);
void lower_priority(void);

#endif
