/*
 * get_fill.c: the photos that are being got, a few at a time.
 *
 * A file is handed to the daemon, which fills it; when it has said GOT the file
 * gets its name.  Whoever waits for a person must not keep the others from
 * coming: when all in flight wait so, they are set aside and the next ones
 * begun, which takes a new connection, for hanging up is how a GET is taken
 * back.  The holders remember who has asked.
 */
#include "get_private.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ASIDE_MS       500  /* waited so long, while others could come */
#define ASIDE_AGAIN_MS 5000 /* while there are only such */
#define KEPT_BYTES_MIN 32768

unsigned
get_busy(const struct get *g)
{
	unsigned busy = 0;

	for (unsigned i = 0; i < GET_SLOTS; i++)
		busy += g->slots[i].state != SLOT_IDLE;
	return busy;
}

/* ---- the file -------------------------------------------------------- */

/* Is there so much in it that it is worth lying around?  What the daemon notes
 * in it is no photo, and little. */
static bool
is_worth_keeping(const struct part *part)
{
	struct stat st;

	return fstat(part->fd, &st) == 0 &&
	       st.st_blocks >= KEPT_BYTES_MIN / 512;
}

/* What is in it may be kept. */
static bool
close_part(struct get *g, struct part *part, bool keep)
{
	keep = keep && is_worth_keeping(part);
	if (keep)
		part_close(part);
	else
		part_drop(&g->place, part);
	return keep;
}

static bool
put_down(struct get *g, struct slot *s, bool keep)
{
	keep = s->state == SLOT_ASKED && close_part(g, &s->part, keep);
	s->state = SLOT_IDLE;
	return keep;
}

/* For what is not in it yet. */
static bool
has_room(const struct get *g, const struct slot *s, struct failure *why)
{
	uint64_t bytes = s->wanted.id.size, held = 0;
	struct stat st;

	if (fstat(s->part.fd, &st) == 0)
		held = (uint64_t)st.st_blocks * 512;
	return place_has_room(&g->place, held < bytes ? bytes - held : 0,
			      why) == 0;
}

/* ---- beginning -------------------------------------------------------- */

static int
ask(struct get *g, struct slot *s, struct failure *why)
{
	struct question q = {.type = CLIENT_GET};

	q.u.get.photo = s->wanted.id;
	memset(&s->now, 0, sizeof(s->now));
	s->state_since_ms = call_now_ms();
	if (!s->wanted.again)
		g->moved_ms = s->state_since_ms;
	s->told = false;
	if (call_send(g->call, &q, s->part.fd, &s->request, why) == -1)
		return -1;
	s->state = SLOT_ASKED;
	return 0;
}

static int
open_folder(struct get *g, struct failure *why)
{
	if (g->place.fd != -1)
		return 0;
	return place_open(&g->place, g->folder, g->make_folder, why);
}

/* Something stands in the way of this one; the others go on. */
static void
give_up(struct get *g, struct slot *s, const struct failure *f)
{
	report_failure(g, &s->wanted, f);
	s->state = SLOT_IDLE;
}

/* Is it there already?  Else open its file and ask for it. */
static int
begin(struct get *g, struct slot *s, struct failure *why)
{
	const char *name = g->exact != NULL ? g->exact : s->wanted.name;
	char final[NAME_BYTES_MAX + 1];
	struct failure f = {ENDING_FAILED, ""};

	switch (place_look(&g->place, g->reading, name, g->exact != NULL,
			   &s->wanted.id, final, &f)) {
	case PLACE_THERE:
		report_existing(g, &s->wanted, final);
		s->state = SLOT_IDLE;
		return 0;
	case PLACE_TAKEN:
	case PLACE_FAILED:
		give_up(g, s, &f);
		return 0;
	case PLACE_FREE:
		break;
	}
	switch (part_open(&g->place, &s->wanted.id, &s->part, &f)) {
	case PART_OPEN:
		if (has_room(g, s, &f))
			return ask(g, s, why);
		close_part(g, &s->part, true);
		give_up(g, s, &f);
		return 0;
	case PART_FAILED:
		give_up(g, s, &f);
		return 0;
	case PART_LOCKED:
		break;
	}
	if (s->state != SLOT_LOCKED)
		s->state_since_ms = call_now_ms();
	s->state = SLOT_LOCKED;
	if (!s->told && call_now_ms() - s->state_since_ms > 1000) {
		s->told = true;
		output_note(g->output, "%s is being got by another run; "
				       "waiting for it",
			    s->wanted.name);
	}
	return 0;
}

static bool
next_wanted(struct get *g, struct wanted *out)
{
	if (source_pop(&g->source, out))
		return true;
	if (!g->source.done || g->deferred_next == g->deferred_count)
		return false;
	*out = g->deferred[g->deferred_next++];
	if (g->deferred_next == g->deferred_count)
		g->deferred_next = g->deferred_count = 0;
	return true;
}

/* ---- setting aside ---------------------------------------------------- */

static bool
waits(const struct slot *s)
{
	return s->state == SLOT_ASKED && (s->now.state == GETTING_CONSENT ||
					  s->now.state == GETTING_NOBODY);
}

/* All in flight wait for somebody, and others might not have to. */
static bool
should_set_aside(const struct get *g)
{
	int64_t now = call_now_ms(), patience;

	if (g->source.count > 0 || !g->source.done)
		patience = ASIDE_MS;
	else if (g->deferred_next < g->deferred_count)
		patience = ASIDE_AGAIN_MS;
	else
		return false;
	for (unsigned i = 0; i < GET_SLOTS; i++) {
		if (!waits(&g->slots[i]) ||
		    now - g->slots[i].state_since_ms < patience)
			return false;
	}
	return true;
}

static int
defer(struct get *g, const struct wanted *w, struct failure *why)
{
	struct wanted *more;

	if (g->deferred_count == g->deferred_capacity) {
		size_t capacity = 2 * g->deferred_capacity + GET_SLOTS;

		more = realloc(g->deferred, capacity * sizeof(*more));
		if (more == NULL)
			return failure_set(why, ENDING_FAILED, "out of memory");
		g->deferred = more;
		g->deferred_capacity = capacity;
	}
	g->deferred[g->deferred_count] = *w;
	g->deferred[g->deferred_count++].again = true;
	return 0;
}

static int
set_aside(struct get *g, struct failure *why)
{
	struct question status = {.type = CLIENT_STATUS}, answer;
	struct call_settings settings = {
		.port = call_port(g->call),
		.silence_ms = g->options->timeout_ms};
	struct call *c;

	for (unsigned i = 0; i < GET_SLOTS; i++) {
		if (defer(g, &g->slots[i].wanted, why) == -1)
			return -1;
		put_down(g, &g->slots[i], true);
	}
	if ((c = call_new(&settings)) == NULL)
		return failure_set(why, ENDING_FAILED, "out of memory");
	if (call_open(c, &status, &answer, why) == -1) {
		call_free(c);
		return -1;
	}
	call_close_all(c);
	call_be_patient(c, &status);
	call_free(g->call);
	g->call = c;
	source_forget_asked(&g->source);
	return 0;
}

/* ---- turns ------------------------------------------------------------ */

int
get_judge_patience(const struct get *g, struct failure *why)
{
	const struct slot *one = NULL;

	if (!g->options->timeout_given ||
	    call_now_ms() - g->moved_ms < g->options->timeout_ms)
		return 0;
	for (unsigned i = 0; i < GET_SLOTS; i++) {
		const struct slot *s = &g->slots[i];

		if (s->state == SLOT_ASKED && !waits(s))
			return 0;
		if (s->state != SLOT_IDLE)
			one = s;
	}
	if (one == NULL)
		return 0;
	if (one->state == SLOT_LOCKED)
		return failure_set(why, ENDING_TIMED_OUT,
				   "%s is still being got by another run",
				   one->wanted.name);
	if (one->now.state == GETTING_NOBODY)
		return failure_set(why, ENDING_TIMED_OUT,
				   "%s: nobody who holds it answers (%s); ask "
				   "again later",
				   one->wanted.name, one->wanted.holders);
	return failure_set(why, ENDING_TIMED_OUT,
			   "%s: %s has not answered yet; ask again later, the "
			   "request is remembered",
			   one->wanted.name,
			   one->now.name[0] != '\0' ? one->now.name
						    : one->wanted.holders);
}

int
get_turn(struct get *g, struct failure *why)
{
	if (should_set_aside(g) && set_aside(g, why) == -1)
		return -1;
	for (unsigned i = 0; i < GET_SLOTS; i++) {
		struct slot *s = &g->slots[i];

		if (s->state == SLOT_ASKED)
			continue;
		if (s->state == SLOT_IDLE) {
			if (!next_wanted(g, &s->wanted))
				continue;
			s->told = false;
			if (open_folder(g, why) == -1)
				return -1;
		}
		if (call_interrupted())
			return failure_set(why, ENDING_INTERRUPTED, "%s", "");
		if (begin(g, s, why) == -1)
			return -1;
	}
	return get_judge_patience(g, why);
}

/* ---- what comes ------------------------------------------------------- */

static void
take_getting(struct get *g, struct slot *s, const struct answer_getting *a)
{
	int64_t now = call_now_ms();
	bool changed = a->state != s->now.state ||
		       !node_id_equal(&a->node, &s->now.node);

	if (a->bytes != s->now.bytes)
		g->moved_ms = now;
	if (changed)
		s->state_since_ms = now;
	s->now = *a;
	if (changed && a->state == GETTING_FILLING)
		s->told = false;
	if (waits(s) && !s->told) {
		s->told = true;
		report_waiting(g, s);
	}
}

/* Whole and checked: it gets its name. */
static int
take_got(struct get *g, struct slot *s, const struct answer_got *a)
{
	const char *name = g->exact != NULL ? g->exact : s->wanted.name;
	char final[NAME_BYTES_MAX + 1];
	struct failure f = {ENDING_FAILED, ""};

	g->moved_ms = call_now_ms();
	if ((uint64_t)lseek(s->part.fd, 0, SEEK_END) != s->wanted.id.size) {
		failure_set(&f, ENDING_DAMAGED,
			    "the daemon made a file of another size");
		report_failure(g, &s->wanted, &f);
		put_down(g, s, false);
		return 0;
	}
	switch (place_put(&g->place, g->reading, s->part.name, s->part.fd,
			  s->wanted.mtime_ns, name, g->exact != NULL,
			  &s->wanted.id, final, &f)) {
	case PLACE_FREE:
		report_got(g, &s->wanted, final, a);
		break;
	case PLACE_THERE:
		report_existing(g, &s->wanted, final);
		break;
	case PLACE_TAKEN:
	case PLACE_FAILED:
		report_failure(g, &s->wanted, &f);
		put_down(g, s, true);
		return 0;
	}
	part_close(&s->part);
	s->state = SLOT_IDLE;
	return 0;
}

static int
take_error(struct get *g, struct slot *s, const struct question *answer,
	   struct failure *why)
{
	struct failure f;

	call_failure(g->call, answer, &f);
	if (f.ending == ENDING_INCOMPATIBLE) {
		*why = f;
		return -1; /* so it will be with all */
	}
	if (f.ending == ENDING_INCOMPLETE && s->wanted.holders[0] != '\0')
		failure_set(&f, ENDING_INCOMPLETE, "%.200s (held by %s)",
			    answer->u.error.text, s->wanted.holders);
	g->moved_ms = call_now_ms();
	report_failure(g, &s->wanted, &f);
	put_down(g, s,
		 f.ending == ENDING_INCOMPLETE || f.ending == ENDING_FAILED);
	return 0;
}

int
get_take(struct get *g, const struct question *answer, struct failure *why)
{
	struct slot *s = NULL;

	for (unsigned i = 0; i < GET_SLOTS; i++) {
		if (g->slots[i].state == SLOT_ASKED &&
		    g->slots[i].request == answer->request)
			s = &g->slots[i];
	}
	if (s == NULL)
		return 0;
	if (answer->type == CLIENT_GETTING) {
		take_getting(g, s, &answer->u.getting);
		return 0;
	}
	call_close(g->call, answer->request);
	if (answer->type == MESSAGE_ERROR)
		return take_error(g, s, answer, why);
	if (call_expect(answer, CLIENT_GOT, why) == -1)
		return -1;
	return take_got(g, s, &answer->u.got);
}

void
get_let_go(struct get *g)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < GET_SLOTS; i++)
		kept += put_down(g, &g->slots[i], true);
	report_kept(g, kept);
}
