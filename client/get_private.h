/*
 * get_private.h: the inside of photo get, for get_*.c and cmd_get.c only.
 *
 * cmd_get.c has the loop; get_source.c knows which photos are wanted, a page
 * at a time; get_fill.c has those that are being got; get_report.c tells;
 * get_stream.c is for standard output.
 */
#ifndef PHOTO_GET_PRIVATE_H
#define PHOTO_GET_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "call.h"
#include "failure.h"
#include "name.h"
#include "options.h"
#include "output.h"
#include "place.h"
#include "progress.h"
#include "question.h"

#define GET_SLOTS        8u   /* photos in flight */
#define SOURCE_PAGE      64u  /* photos in one page */
#define SOURCE_RING      128u /* photos known and not yet begun */
#define HOLDERS_TEXT_MAX 200u

/* A photo to be got. */
struct wanted {
	struct photo_id id;
	int64_t mtime_ns; /* the oldest of its copies */
	char name[NAME_BYTES_MAX + 1];  /* made safe */
	char holders[HOLDERS_TEXT_MAX]; /* "alice,(bob)" */
	bool online;                    /* somebody who holds it is here */
	bool again; /* it was asked for, and set aside */
};

/* ---- get_source.c ----------------------------------------------------- */

struct source {
	bool by_id; /* every argument is an id; else all are one query */
	const char *const *ids;
	unsigned id_count, id_next;
	struct question list, census; /* the next page; the next to be counted */
	uint32_t request, census_request; /* open, else 0 */
	bool done;                        /* no more will come */
	bool counts;                      /* totals are wanted ... */
	bool counted;                     /* ... and known */
	uint64_t total_files, total_bytes;
	uint64_t found;
	struct wanted ring[SOURCE_RING];
	unsigned first, count;
};
int source_init(struct source *s, const struct options *p, bool counts,
		struct output *o, struct failure *why);
/* Ask for more where there is room for it. */
int source_turn(struct source *s, struct call *c, struct failure *why);
/* The connection is another one: what was asked is asked again. */
void source_forget_asked(struct source *s);
struct get;
/* Was the answer for it?  -1: no photo can be told from it, and the run ends;
 * what is wrong with one id is complained of, and the rest goes on. */
int source_take(struct get *g, const struct question *answer, bool *mine,
		struct failure *why);
bool source_pop(struct source *s, struct wanted *out);

/* ---- get_fill.c ------------------------------------------------------- */

enum slot_state {
	SLOT_IDLE,
	SLOT_LOCKED, /* somebody else fills the same file */
	SLOT_ASKED,
};
struct slot {
	enum slot_state state;
	struct wanted wanted;
	struct part part;
	uint32_t request;
	struct answer_getting now; /* the last that was heard */
	int64_t state_since_ms;    /* of now.state */
	bool told;                 /* for whom it waits */
};

struct get {
	const struct options *options;
	struct output *output;
	struct call *call;
	struct source source;
	const char *folder;     /* "." or what -o names */
	bool make_folder;
	char folder_text[PLACE_PATH_MAX];
	const char *exact;      /* the one name wanted, or NULL */
	bool stream;            /* to standard output */
	struct place place;     /* fd -1 until the first photo */
	struct reading *reading;
	struct slot slots[GET_SLOTS];
	struct wanted *deferred; /* owned: they wait for somebody's consent */
	size_t deferred_count, deferred_capacity, deferred_next;
	int64_t moved_ms; /* when anything went on last: a photo asked for the
			   * first time, bytes, an end */
	uint64_t got, existing, failed;
	uint64_t bytes, fetched; /* of those got */
	enum ending worst;
	struct progress progress;
};

unsigned get_busy(const struct get *g);
/* Begin those that can be begun; -1 ends the run. */
int get_turn(struct get *g, struct failure *why);
int get_take(struct get *g, const struct question *answer,
	     struct failure *why);
/* With --timeout given, people get no more time than daemons: -1 when all in
 * flight wait for somebody and nothing has moved for so long. */
int get_judge_patience(const struct get *g, struct failure *why);
/* Nothing is in flight any more: keep what may be gone on with. */
void get_let_go(struct get *g);

/* ---- get_report.c ----------------------------------------------------- */

void report_got(struct get *g, const struct wanted *w, const char *name,
		const struct answer_got *got);
/* There already, with the same bytes. */
void report_existing(struct get *g, const struct wanted *w, const char *name);
void report_dry(struct get *g, const struct wanted *w);
/* It cannot be got; the run goes on.  `w` may be NULL: an id that is none. */
void report_failure(struct get *g, const struct wanted *w,
		    const struct failure *f);
void report_waiting(struct get *g, const struct slot *s);
void report_progress(struct get *g);
void report_kept(struct get *g, unsigned count);
/* The end: what has been done, and the exit code. */
int report_end(struct get *g, struct failure *why);

/* ---- get_stream.c ----------------------------------------------------- */

int get_stream(struct get *g, const struct wanted *w, struct failure *why);

#endif
