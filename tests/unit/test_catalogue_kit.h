/*
 * test_catalogue_kit.h: small worlds for the tests of the catalogue.
 *
 * A `box` is one node's state directory with a writer and a reader open on
 * it.  Pages go from box to box the way the mesh sends them: packed by a
 * reader, decoded, stored by a writer.
 */
#ifndef TEST_CATALOGUE_KIT_H
#define TEST_CATALOGUE_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "query.h"
#include "writer.h"
#include "writer_private.h"

struct box {
	char dir[64];
	struct node_id node;
	struct host_id host;
	struct writer *w;
	struct reader *r;
	struct write_result result;
	struct trouble why;
	uint64_t run;
	bool newborn; /* the identity, at the next opening */
	enum writer_found found;
	unsigned put_off; /* checks that found something not listed yet */
	bool (*given_up)(void *arg); /* as in struct writer_config */
	void *arg;
};

void box_start(struct box *b, uint8_t node, uint8_t host);
/* Close and open again; run is the next number. */
void box_reopen(struct box *b, bool new_life);
void box_close(struct box *b); /* the directory stays */
void box_end(struct box *b);   /* and goes */
/* For cmocka: ends every box that was started and is not ended yet. */
int boxes_end(void **state);
int box_open(struct box *b, bool new_life);

/* Everything that must agree after every call. */
void box_check(struct box *b);

struct root_id kit_root(uint8_t n);
struct photo_id kit_photo(uint32_t n);
/* One file holding photo n; path is borrowed. */
struct own_file kit_copy(uint8_t root, const char *path, uint32_t photo);
struct own_file kit_gone(uint8_t root, const char *path);
struct own_file kit_problem(uint8_t root, const char *path);
struct own_file kit_ignored(uint8_t root, const char *path);
/* One transaction; asserts success and checks the box. */
void box_own(struct box *b, const struct own_file *files, size_t count,
	     int64_t wall_ms);
/* So many of them, of the photos from `first` on, named by their numbers; at
 * most 4096. */
void box_fill(struct box *b, uint8_t root, unsigned first, unsigned count);
/* From now on what may be listed later is, until told otherwise. */
void kit_put_off(struct writer *w);
void box_root(struct box *b, uint8_t root, bool complete);
void box_name(struct box *b); /* the node record with its host */

struct stream_report box_own_report(struct box *b);
/* As held by b; generation 0 when it is not held. */
struct stream_report box_held(struct box *b, const struct stream_id *s);

enum pull { PULL_OWNER, PULL_RELAY };
/*
 * One page of stream s from `from` to `to`, as the mesh would: after and the
 * new point by the rules.  True while more is to come.
 */
struct pulling {
	struct stream_id stream;
	enum pull how;
	bool rebuild;
	uint32_t credit;
	bool begun;
	uint64_t after, relay_base;
};
bool box_pull_page(struct box *to, struct box *from, struct pulling *p);
void box_pull(struct box *to, struct box *from, const struct stream_id *s,
	      enum pull how);

uint64_t box_photos(struct box *b);
struct digest box_merged(struct box *b);
/* Is a photo in the list; with how many copies (0: not there). */
uint32_t box_copies(struct box *b, uint32_t photo);
int64_t box_added(struct box *b, uint32_t photo);
int64_t box_count(struct box *b, const char *sql);

/* ---- lists ------------------------------------------------------------- */

#define KIT_NOW_MS     INT64_C(1700000000000)
#define KIT_LISTED_MAX 3000u

/* What is asked; fails the test where that is no query. */
void kit_query(struct list_query *q, const char *text);

/* The photos of a list, in its order. */
struct listed {
	unsigned count, copies;
	struct list_cursor last;
	struct photo_id order[KIT_LISTED_MAX];
};
/* Page by page to the end, from the beginning. */
void box_list(struct box *b, struct list_query *q, struct listed *out);
/* Is it there, and how often? */
unsigned listed_times(const struct listed *l, const struct photo_id *id);
/* Which of the photos 0..31 are there; and which match, whatever they are sorted
 * by. */
uint32_t listed_mask(const struct listed *l);
uint32_t box_search(struct box *b, const char *text);

#endif
