/*
 * scan_private.h: one scan, root by root: what its files share.
 */
#ifndef PHOTOMESH_SCAN_PRIVATE_H
#define PHOTOMESH_SCAN_PRIVATE_H

#include "intake_private.h"
#include "tree.h"

struct trouble;

#define UNLISTED_MAX 4096u
#define GONE_AT_ONCE 4096u
/* What moves to and fro is there at one of so many moments, so far apart. */
#define MISSING_LOOKS   16u
#define MISSING_LOOK_MS 100u

/* One root during one scan, or while single paths of it are looked at. */
struct scan_root {
	struct intake *intake;
	unsigned index;       /* in state and intake */
	struct root_now *now;
	bool live;  /* single paths: nothing is counted or marked as seen */
	bool quiet; /* leave alone what was modified just now */
	const struct state_root *root;
	bool *said;                 /* something was recorded of it: */
	struct record_root *record; /* this */
	int fd; /* -1: offline */
	/* What is known of it from former scans, by row. */
	uint8_t *seen; /* a bit each, set for rows that none of it has; owned */
	uint64_t rows;
	uint64_t seen_room; /* rows that `seen` has bits for */
	uint64_t unseen;    /* bits below `rows` that are not set */
	uint64_t known_media, known_bytes;
	uint64_t media; /* found now: known ones, and ones to be read */
	bool second; /* looking again for what was not seen */
	/* Where only size and time tell of a change: those of what is gone, in
	 * order; what has the same may be what is gone, renamed.  Owned. */
	uint64_t *doubts;
	size_t doubt_count;
	bool doubted; /* the file that is being looked at has */
	bool blank;  /* nothing was known of any root when this scan began, so
		      * nothing is looked up but what may be a hard link; at
		      * worst what is renamed meanwhile is read twice */
	/* What could not be looked at; its records stay. */
	char *unlisted[UNLISTED_MAX];
	uint32_t unlisted_count;
	bool broken; /* nothing may be withdrawn after this scan */
	/* What is known is held as it was (reader_hold), since then. */
	bool held;
	uint64_t held_ms;
};

/* ---- scan.c ------------------------------------------------------------ */

/* As if something had just been modified: another scan comes soon. */
void scan_again(struct intake *i);
/* Something that lies there was left out, or found and not written: how often
 * that has happened.  While that is more than the last whole scan began with
 * (intake.settled), nothing may be withdrawn: it may be what is missing. */
uint64_t scan_doubts(struct intake *i);
/* Look at what is told until nothing more is; false when that has no end soon. */
bool scan_settle(struct intake *i);
/* Until the next moment at which something missing is looked for. */
void scan_pause(struct intake *i);
/* Something was left out: another scan comes soon, and until then it is a doubt. */
void scan_left_out(struct intake *i);
/* Did it fail for want of descriptors or memory?  They come back, and the full
 * rescan is an hour away: then another scan comes soon. */
bool scan_shortage(struct intake *i, int error);

/* ---- brake.c: is it too much that is gone? ----------------------------- */

/* Is the photo at this path of s held at another path, of any root that is
 * open, where it still lies?  Then nothing is lost with it. */
bool held_elsewhere(struct scan_root *s, const char *path, size_t path_bytes);
/* May so many photos of a root go at once, of so many that it had, so that so
 * many are left? */
bool brake_allows(const struct root_now *now, uint64_t gone, uint64_t held,
		  uint64_t left);
/* Is nothing left of what was, but for what is excluded now?  Then the root is
 * offline. */
void brake_emptied(struct scan_root *s);
/* What a whole scan misses.  True: nothing may be withdrawn; the root is offline
 * now, or we are to end. */
bool brake_scan(struct scan_root *s);
/* Take the root for offline: `gone` of `held` photos are missing. */
void brake(struct scan_root *s, uint64_t gone, uint64_t held);
/* Note what is being withdrawn; how much of that lies within the window. */
void window_add(struct root_now *now, uint64_t gone, uint64_t now_ms);
uint64_t window_sum(struct root_now *now, uint64_t now_ms);

/* ---- survey.c: how much there is, for a long first scan ----------------- */

struct survey;
struct survey *survey_new(struct intake *i); /* may be NULL */
/* Begin to count if the scan takes long; between files. */
void survey_turn(struct survey *y);
void survey_free(struct survey *y);

/* ---- scan_seen.c: what is known of a root, and what of it is gone ----- */

int load_known(struct scan_root *s);
bool is_seen(const struct scan_root *s, int64_t row);
void set_seen(struct scan_root *s, int64_t row);

struct gone_list {
	struct scan_root *root;
	bool only_look; /* is there anything at all? */
	bool restless;  /* what is told has no end */
	size_t count;
	char *paths[GONE_AT_ONCE];
	size_t path_bytes[GONE_AT_ONCE];
};
/* Was something known not seen?  If everything was, nothing is asked. */
bool misses_something(struct scan_root *s, struct gone_list *g);
/* What is gone leaves doubts about what is like it, before a second look. */
void doubt_alike(struct scan_root *s);
bool is_doubted(const struct scan_root *s, const struct known_file *f,
		const struct stat *st);
/* Is that row gone, as far as this scan can tell? */
bool is_gone(struct scan_root *s, const struct known_file *f, const char *path,
	     size_t path_bytes);
enum path_found {
	PATH_MISSING, /* nothing that a walk would take */
	PATH_FILE, PATH_DIRECTORY,
	PATH_UNKNOWN, /* it cannot be looked at: nothing may be concluded */
};
enum path_found find_path(struct scan_root *s, const char *path,
			  size_t path_bytes);
void withdraw(struct scan_root *s, struct gone_list *g);

/* ---- scan_walk.c: every file, against what is known of it ------------- */

void walk_root(struct scan_root *s);
/* What is done about each file, directory and failure; `v` points to `s`. */
void visitor_init(struct scan_root *s, struct tree_visitor *v);
/* Put a problem of something that was never opened. */
bool put_problem(struct scan_root *s, const char *path, size_t path_bytes,
		 const struct stat *st, enum problem_code code,
		 const char *message);
bool put_gone(struct scan_root *s, const char *path, size_t path_bytes);

/* ---- scan_moved.c: what is known under another path --------------------- */

/* Is this the file of another known path?  Then *out says of it what was said
 * there, and nothing need be read.  1, 0; -1: *why. */
int find_moved(struct scan_root *s, const struct tree_file *f,
	       struct own_file *out, struct trouble *why);
/* It has changed, which is told of one of its names only: have the others that
 * are known looked at when it is quiet.  -1: *why. */
int look_at_other_names(struct scan_root *s, const struct tree_file *f,
			struct trouble *why);

/* ---- scan_root.c: is the folder there, and what is said of it --------- */

void begin_root(struct scan_root *s);
/* The folder, if it is there and on the volume it was recorded on; -1 with the
 * reason. */
int open_root(struct scan_root *s, char *reason, size_t max);
/* Keep all its records and say that it cannot be reached. */
void set_offline(struct scan_root *s, const char *reason);
/* After the walk: is it still the folder we began with? */
void check_root(struct scan_root *s);
void end_root(struct scan_root *s);

#endif
