/*
 * intake.h: from files to facts.
 *
 * Walks the roots and watches them, recognises media by content, hashes what is
 * new or changed and hands own changes to the catalogue.  Opens the user's
 * folders for reading only and never writes, renames or removes anything in
 * them.
 */
#ifndef PHOTOMESH_INTAKE_H
#define PHOTOMESH_INTAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "catalogue.h"
#include "state.h"

struct trouble;
struct mailbox;
struct intake;

enum scan_state { SCAN_IDLE, SCAN_RUNNING, SCAN_OFFLINE };

struct scan_progress {
	enum scan_state state; /* OFFLINE: idle, and no root is online */
	uint64_t scan;         /* how many scans have ended in this run */
	uint64_t files, bytes; /* media seen so far in the running (or last) scan */
	uint64_t total_files, total_bytes; /* known or found so far: at least
					    * files/bytes */
	uint64_t eta_ms; /* of the running scan; 0: not known */
	uint64_t hashed_files, hashed_bytes; /* of these, read in this scan */
	uint64_t read_files, read_bytes; /* media read since the start, by scans
					  * and otherwise */
};

/* What the catalogue has recorded of the state's roots. */
struct intake_roots {
	bool recorded[STATE_ROOTS_MAX];
	struct record_root roots[STATE_ROOTS_MAX];
};
/* Asks the writer itself, so: before the first asynchronous call to the
 * catalogue. */
int intake_recall(struct intake_roots *out, const struct state *state,
		  struct catalogue *catalogue, struct trouble *why);

struct intake_config {
	const struct state *state; /* borrowed for the life of the intake */
	struct catalogue *catalogue;
	struct mailbox *ends;
	const char *const *excludes; /* globs, borrowed */
	uint32_t exclude_count;
	uint32_t interval_seconds; /* between full rescans; 0: only when asked */
	unsigned hashers;          /* threads; 0: one per core */
	uint64_t read_rate;        /* bytes a second; 0: as fast as it goes */
	/* From intake_recall, borrowed for intake_new.  NULL: asked there,
	 * which is then bound by intake_recall's rule. */
	const struct intake_roots *recalled;
	/* Own changes went in (each transaction), on the loop thread. */
	catalogue_written *written;
	/* A scan began (running) or ended, on the loop thread. */
	void (*on_scan)(void *arg, const struct scan_progress *p);
	void *arg;
};

/* Starts the threads; the first scan begins at once. */
struct intake *intake_new(const struct intake_config *config,
			  struct trouble *why);
/* Stops reading at the next file, waits for the threads. */
void intake_free(struct intake *i);
/* Look again now (or once more after the running scan).  Returns the number
 * that scan_progress.scan will have reached when that scan has ended.
 * `accept_missing`: it withdraws all it misses, however much that is. */
uint64_t intake_rescan(struct intake *i, bool accept_missing);
/* Look at one path of a root again, now: somebody has found that it is not as it
 * is listed.  From any thread. */
void intake_look(struct intake *i, const struct root_id *root,
		 const char *path, size_t path_bytes);
/* From the loop thread, at any time. */
void intake_progress(struct intake *i, struct scan_progress *out);

#endif
