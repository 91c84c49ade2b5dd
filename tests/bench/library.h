/*
 * library.h: what the files of the bench of libraries share.
 *
 * Each row of its table is our figure, a reference measured in the same run,
 * their ratio, what it should be at most, and whether it is.  Failing is fatal,
 * as in world.h.
 */
#ifndef PHOTOMESH_BENCH_LIBRARY_H
#define PHOTOMESH_BENCH_LIBRARY_H

#include "stats.h"
#include "world.h"

struct library {
	struct world w;
	const char *self;  /* this program; with NOTHING it does nothing */
	const char *photo; /* the client */
	unsigned records;  /* of each member of the mesh that is adopted */
	unsigned tiny;     /* files of the rescan */
	unsigned idle_s;
	struct stats stats; /* scratch */
};

#define NOTHING "--nothing"
#define SMALL_FILES  20000u
#define SMALL_PHOTOS 16000u /* every fifth file is one that was before */
#define BIG_FILES    500u
#define MEMBERS      4u /* of the mesh that is adopted */

/* The nodes of the world, each with a folder of its own. */
enum library_node {
	NODE_SMALL = 0, NODE_BIG = 1, NODE_TINY = 2, NODE_OTHER = 3,
	NODE_MEMBER = 4, /* and those behind it */
	NODE_NEWCOMER = NODE_MEMBER + MEMBERS,
	NODE_COUNT
};

/* ---- library.c: the table ---------------------------------------------- */

void tell_head(void);
/* `what`: our figure and the reference in `unit`s; the ratio should be at most
 * (or, if `least`, at least) `target`. */
void tell_ratio(const char *what, const char *unit, double ours,
	 const char *reference, double theirs, bool least, double target);
/* A figure that must not be greater than a fixed one. */
void tell_fixed(const char *what, const char *unit, double ours, double limit);
/* What somebody else needs for the same; beside, not held against. */
void tell_beside(const char *what, const char *unit, double figure);

/* ---- library_trees.c: folders, and the least it takes to read them ------ */

/* Photos of `bytes_min` to `bytes_max`; if `twice`, every fifth has the bytes of
 * the one before it.  Returns their bytes in all. */
double tree_photos(const struct library *l, unsigned node, unsigned files,
		   size_t bytes_min, size_t bytes_max, bool twice);
/* As small as photos can be, all different. */
void tree_tiny(const struct library *l, unsigned node, unsigned files);
/* The folder itself: anew, if it has been removed. */
void tree_folder(const struct library *l, unsigned node);
void tree_remove(const struct library *l, unsigned node);
/* Two threads walk it, read it and hash it; milliseconds. */
double tree_limit(const struct library *l, unsigned node, double bytes);

/* ---- library_scan.c ----------------------------------------------------- */

void bench_small(struct library *l);
void bench_big(struct library *l);
void bench_rescan(struct library *l);

/* ---- library_mesh.c ----------------------------------------------------- */

void bench_mesh(struct library *l);

/* ---- library_bulk.c: the rows of the mesh ------------------------------- */

struct own_file;

/* Record i of a member, with its path in `path`; the greater i, the newer.
 * Every fifth photo is held by all. */
void bulk_file(unsigned member, unsigned i, struct own_file *f, char path[64]);
/* How many photos `records` records of each member make. */
uint64_t bulk_photos(unsigned records);
/* All of them into the tables of a new catalogue in `dir`, which is made:
 * one transaction, prepared statements; milliseconds. */
double bulk_load(const char *dir, unsigned records);
/* Into the catalogue of a node that is not running. */
void bulk_member(const char *state_dir, const struct node_id *node,
		 unsigned member, unsigned records);

/* ---- library_rest.c ----------------------------------------------------- */

/* Milliseconds from spawning to the end; its output goes nowhere. */
double run_program(char *const *argv, bool *there);
/* RssAnon of a node in MiB: now, and when it has been the same for a while. */
double node_mib(const struct library *l, unsigned node);
double node_mib_at_rest(const struct library *l, unsigned node);
/* The first page of 100 of a node, and what it takes at least. */
void bench_page(struct library *l, unsigned node, const char *photos);
/* All photos of a node are looked at in vain; in process. */
void bench_search(struct library *l, unsigned node, uint64_t photos);
/* `photo list --limit 100` as a process; a node must be running. */
void bench_process(struct library *l, unsigned node);
void bench_idle(struct library *l);
/* The scan of a node that has just been started: until none is going on and
 * `photos` are listed; milliseconds since `began`. */
double await_photos(struct library *l, unsigned node, uint64_t photos,
		    double began);

#endif
