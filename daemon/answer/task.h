/*
 * task.h: one question on its way through the query pool, private to answer/.
 *
 * A kind of question fills a task and submits it; `make` runs on a pool
 * thread with that thread's reader and leaves a whole frame.
 */
#ifndef PHOTOMESH_TASK_H
#define PHOTOMESH_TASK_H

#include <stdatomic.h>

#include "answers.h"
#include "catalogue.h"
#include "intake.h"
#include "pool.h"
#include "trouble.h"
#include "view.h"

struct task {
	struct job job; /* first */
	struct answers *answers;
	struct task *next, **at; /* among all that are under way */
	uint64_t client;
	uint32_t request;
	atomic_bool unheard; /* nobody waits for it any more */
	struct view *view; /* owned */
	void (*make)(struct task *t, struct reader *r);
	/* By whoever `make` is. */
	union {
		struct list_query list;
		struct timeline_task {
			struct list_query list; /* its search */
			enum timeline_by by;
			int32_t zone_s;
		} timeline;
		struct photo_prefix prefix;
		struct node_id node;
		struct problems_task {
			struct problem_query query;
			uint32_t limit;
		} problems;
		struct status_task {
			answers_thumb_count *thumbs; /* may be NULL */
			void *arg;
		} status;
		struct have_task *have; /* owned, one block */
		struct decide_task {
			uint64_t number; /* 0: all of `node` */
			struct node_id node;
			bool allow, always;
		} decide;
	} u;
	void (*release)(struct task *t); /* what `u` owns; may be NULL */
	struct scan_progress scan;
	/* Made: owned until sent. */
	uint8_t *frame;
	size_t frame_bytes;
	/* A reference, once submitted; NULL: only the loop thread sends. */
	struct outlet *outlet;
	size_t said_bytes; /* of the frame, through it */
};

struct rescan {
	struct rescan *next;
	uint64_t client;
	uint32_t request;
	uint64_t until; /* scan_progress.scan */
};

struct fetch_world;
struct get;
struct have_task;
struct verify;
struct forgetting;

struct answers {
	struct answers_config config;
	bool closed;
	uint32_t refs; /* oneself, and each piece of work under way */
	struct task *tasks; /* each with a reference */
	struct rescan *rescans;
	struct get *gets;
	struct fetch_world *world; /* as it was at world_ms; may be NULL */
	uint64_t world_ms;
	struct forgetting *forgettings; /* owned */
	struct verify *verify; /* the one that may still be joined, or NULL */
};

void answers_hold(struct answers *a);
void answers_drop(struct answers *a);
/* Hands `frame` on; NULL stands for "out of memory". */
void answers_send(struct answers *a, uint64_t client, uint32_t request,
		  uint8_t *frame, size_t frame_bytes, bool last);
void answers_refuse(struct answers *a, uint64_t client, uint32_t request,
		    enum error_code code, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* As it is now; scan is all zero without an intake. */
struct view *answers_view(struct answers *a, struct scan_progress *scan);

/* With view and scan filled in; NULL (and refused) when out of memory. */
struct task *task_new(struct answers *a, uint64_t client, uint32_t request);
void task_submit(struct task *t);
/* The same, of what walks over all photos. */
void task_submit_slow(struct task *t);
void task_free(struct task *t);
/* Which node a person means by `text`; false when that was refused. */
bool task_choose_node(struct task *t, const char *text, struct node_id *out);
/* list.c: what a QUERY looks for, into *out; false when that was refused. */
bool task_take_query(struct task *t, const struct question_list *q,
		     struct list_query *out);
/* On the pool thread. */
void task_fail(struct task *t, enum error_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Encode the answer `q` (its request is filled in) as the frame. */
void task_encode(struct task *t, struct question *q);
/* A whole frame of any kind but PHOTOS, malloced. */
uint8_t *encode_frame(const struct question *q, size_t *frame_bytes);

/* One per kind of question; each file of this folder has its own. */
void list_ask(struct answers *a, uint64_t client, uint32_t request,
	      const struct question_list *q);
void timeline_ask(struct answers *a, uint64_t client, uint32_t request,
		  const struct question_timeline *q);
void dupes_ask(struct answers *a, uint64_t client, uint32_t request,
	       const struct question_dupes *q);
void problems_ask(struct answers *a, uint64_t client, uint32_t request,
		  const struct question_problems *q);
void show_ask(struct answers *a, uint64_t client, uint32_t request,
	      const struct question_show *q);
void peers_ask(struct answers *a, uint64_t client, uint32_t request);
void status_ask(struct answers *a, uint64_t client, uint32_t request);
void verify_ask(struct answers *a, uint64_t client, uint32_t request);
void verify_forget(struct answers *a, uint64_t client);
/* get.c: one reference, to the mesh of now; NULL: out of memory */
struct fetch_world *answers_world(struct answers *a);
void get_forget(struct answers *a, uint64_t client);
void get_tick(struct answers *a);
void get_end(struct answers *a); /* all of them, and the world */
void have_ask(struct answers *a, uint64_t client, uint32_t request,
	      const struct question_have *q);
void proofs_ask(struct answers *a, uint64_t client, uint32_t request,
		const struct question_prove *q);
void roots_ask(struct answers *a, uint64_t client, uint32_t request);
void requests_ask(struct answers *a, uint64_t client, uint32_t request);
void decide_ask(struct answers *a, uint64_t client, uint32_t request,
		const struct question_decide *q);
void rescan_ask(struct answers *a, uint64_t client, uint32_t request,
		const struct question_rescan *q);
void rescan_forget(struct answers *a, uint64_t client);
void rescan_tick(struct answers *a);
void forget_ask(struct answers *a, uint64_t client, uint32_t request,
		const struct question_forget *q);
void thumb_ask(struct answers *a, uint64_t client, uint32_t request,
	       const struct question_thumb *q);
/* Of a client, or of all (0). */
void forget_forget(struct answers *a, uint64_t client);
void forget_tick(struct answers *a);

#endif
