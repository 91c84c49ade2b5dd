/*
 * add_date.c: by which date a new photo is put away.
 *
 * The daemon is handed the open file, and has a program of its own look into it:
 * nothing here parses pictures.
 */
#include "add_private.h"

#include <time.h>

#include "call.h"
#include "civil.h"
#include "failure.h"
#include "meta.h"
#include "text.h"

/* A camera that was never set counts from the day that it was made, at best. */
#define YEAR_MIN 1900

static bool
date_of(const struct answer_looked *l, struct civil *out)
{
	struct record_meta m;

	if (l->meta == NULL || !record_meta_parse(l->meta, l->meta_bytes, &m) ||
	    (m.has & META_HAS_TAKEN) == 0)
		return false;
	*out = civil_of(m.taken_ms);
	return out->year >= YEAR_MIN;
}

/* 1: the camera's own date; 0: there is none, or nobody looks; -1: the run ends. */
static int
ask(struct add *a, int source, struct civil *out, struct failure *why)
{
	struct question q = {.type = CLIENT_LOOK}, answer;
	uint32_t request;
	int r;

	if (a->blind)
		return 0;
	if (call_send(a->look.call, &q, source, &request, why) == -1 ||
	    call_next(a->look.call, -1, &answer, why) == -1)
		return -1;
	if (answer.type == CLIENT_LOOKED) {
		r = date_of(&answer.u.looked, out);
		call_close(a->look.call, request);
		return r;
	}
	/* An older daemon; or a busy one, which is no reason not to add. */
	a->blind = answer.type != MESSAGE_ERROR ||
		   answer.u.error.code != ERROR_BUSY;
	call_close(a->look.call, request);
	return 0;
}

int
add_date(struct add *a, const struct planned *n, int source, struct civil *out,
	 struct failure *why)
{
	time_t seconds = (time_t)(text_ms_of_ns(n->mtime_ns) / 1000);
	struct tm tm;
	int r = ask(a, source, out, why);

	if (r != 0)
		return r == 1 ? 0 : -1;
	*out = (struct civil){0};
	if (localtime_r(&seconds, &tm) == NULL || tm.tm_year < -900 ||
	    tm.tm_year > 8099)
		return 0;
	out->year = tm.tm_year + 1900;
	out->month = tm.tm_mon + 1;
	return 0;
}
