/*
 * scan_private.h: one scan, root by root: what its files share.
 */
#ifndef PHOTOMESH_SCAN_PRIVATE_H
#define PHOTOMESH_SCAN_PRIVATE_H

#include "intake_private.h"

#define UNLISTED_MAX 4096u
#define GONE_AT_ONCE 4096u

/* One root during one scan. */
struct scan_root {
	struct intake *intake;
	const struct state_root *root;
	bool *said;                 /* something was recorded of it: */
	struct record_root *record; /* this */
	int fd; /* -1: offline */
	/* What is known of it from former scans, by row. */
	uint8_t *seen; /* a bit each */
	uint64_t rows;
	uint64_t known_media, known_bytes;
	uint64_t media; /* found now: known ones, and ones to be read */
	bool second; /* looking again for what was not seen */
	/* What could not be looked at; its records stay. */
	char *unlisted[UNLISTED_MAX];
	uint32_t unlisted_count;
	bool broken; /* nothing may be withdrawn after this scan */
};

/* ---- scan.c ------------------------------------------------------------ */

/* As if something had just been modified: another scan comes soon. */
void scan_again(struct intake *i);
/* Did it fail for want of descriptors or memory?  They come back, and the full
 * rescan is an hour away: then another scan comes soon. */
bool scan_shortage(struct intake *i, int error);

/* ---- scan_seen.c: what is known of a root, and what of it is gone ----- */

int load_known(struct scan_root *s);
bool is_seen(const struct scan_root *s, int64_t row);
void set_seen(struct scan_root *s, int64_t row);

struct gone_list {
	struct scan_root *root;
	bool only_look; /* is there anything at all? */
	size_t count;
	char *paths[GONE_AT_ONCE];
	size_t path_bytes[GONE_AT_ONCE];
};
/* Was something known not seen? */
bool misses_something(struct scan_root *s, struct gone_list *g);
void withdraw(struct scan_root *s, struct gone_list *g);

/* ---- scan_walk.c: every file, against what is known of it ------------- */

void walk_root(struct scan_root *s);

/* ---- scan_root.c: is the folder there, and what is said of it --------- */

void begin_root(struct scan_root *s);
/* After the walk: is it still the folder we began with? */
void check_root(struct scan_root *s);
void end_root(struct scan_root *s);

#endif
