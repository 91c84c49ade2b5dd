/*
 * verbs.h: every command there is, one cmd_*.c each.
 */
#ifndef PHOTO_VERBS_H
#define PHOTO_VERBS_H

#include "options.h"

extern const struct verb verb_list;
extern const struct verb verb_show;
extern const struct verb verb_peers;
extern const struct verb verb_status;
extern const struct verb verb_watch;
extern const struct verb verb_verify;
extern const struct verb verb_rescan;

/* The call settings that the options ask for. */
struct call;
struct failure;
struct output;
struct call *verb_call_new(const struct options *p, struct failure *why);
/* Say that a lower daemon gave no answer, if so. */
void verb_note_silent(const struct call *c, struct output *o);

#endif
