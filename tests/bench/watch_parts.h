/*
 * watch_parts.h: what a drop cannot do without, each part by itself.
 *
 * The same kernel, disk, reader and database as the daemon's, with nothing
 * around them.  Failing is fatal.
 */
#ifndef PHOTOMESH_BENCH_WATCH_PARTS_H
#define PHOTOMESH_BENCH_WATCH_PARTS_H

struct parts;

/* Makes the folder `parts` in `dir` and watches it, and two databases beside
 * it. */
struct parts *parts_new(const char *dir);
void parts_free(struct parts *p);

/* Before a file is closed in the folder; then how long after `closed` (ms) the
 * thread that waits for it was woken. */
void parts_arm(struct parts *p);
double parts_woken(struct parts *p, double closed);

/* All in milliseconds: reading and hashing a file; a record made durable in
 * one database and then in the other; there and back over TCP. */
double parts_hash(struct parts *p, const char *path);
double parts_commit(struct parts *p, unsigned n);
double parts_trip(struct parts *p);

#endif
