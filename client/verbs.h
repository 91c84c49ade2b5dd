/*
 * verbs.h: every command there is, one cmd_*.c each.
 */
#ifndef PHOTO_VERBS_H
#define PHOTO_VERBS_H

#include <stddef.h>

#include "options.h"
#include "question.h"

extern const struct verb verb_list;
extern const struct verb verb_show;
extern const struct verb verb_thumb;
extern const struct verb verb_peers;
extern const struct verb verb_status;
extern const struct verb verb_watch;
extern const struct verb verb_verify;
extern const struct verb verb_rescan;
extern const struct verb verb_dupes;
extern const struct verb verb_timeline;
extern const struct verb verb_problems;
extern const struct verb verb_forget;
extern const struct verb verb_leave;
extern const struct verb verb_get;
extern const struct verb verb_add;
extern const struct verb verb_check;
extern const struct verb verb_requests;
extern const struct verb verb_approve;
extern const struct verb verb_deny;

/* The call settings that the options ask for. */
struct call;
struct failure;
struct output;
struct call *verb_call_new(const struct options *p, struct failure *why);
/* Say that a lower daemon gave no answer, if so. */
void verb_note_silent(const struct call *c, struct output *o);

/* --node and --after for a question; 0, or -1. */
int verb_read_node(const struct options *p, char out[SHOWN_NAME_MAX + 1],
		   struct failure *why);
int verb_read_after(const struct options *p, uint8_t out[CURSOR_BYTES_MAX],
		    size_t *count, struct failure *why);
/* How many to ask for when so many have come: a page, or what --limit leaves. */
uint32_t verb_page_limit(const struct options *p, uint64_t have);
/*
 * The next page, as call_ask_on has it; where another daemon goes on, that is
 * said.
 */
int verb_next_page(struct call *c, struct output *o, const struct question *q,
		   struct question *answer, struct failure *why);
/* The list was cut by --limit: say how to go on. */
void verb_note_more(struct output *o, const uint8_t *after, size_t count);

#endif
