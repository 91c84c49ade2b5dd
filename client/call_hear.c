/*
 * call_hear.c: judging what a daemon said.
 *
 * A frame is the welcome, an answer to an open question, a reason to give
 * this daemon up, or nothing for us: late answers and what newer daemons say
 * are passed over.  The sentences for each way to fail stand here too.
 */
#include "call_private.h"

int
call_timed_out(const struct call *c, const struct lane *l,
	       struct failure *why)
{
	return failure_set(why, ENDING_TIMED_OUT,
			   "no answer from the daemon on %s for %.3g s; "
			   "it may be stopped or very busy: try again, or ask "
			   "another%s",
			   l->name, (double)c->settings.silence_ms / 1000,
			   c->settings.connect == NULL ? " with -p PORT" : "");
}

static int
fail_broken(const struct lane *l, const char *what, struct failure *why)
{
	return failure_set(why, ENDING_FAILED,
			   "the answer of %s makes no sense (%s); is it "
			   "photod?",
			   l->name, what != NULL ? what : "malformed");
}

int
call_refused(const struct question *q, const struct lane *l,
	     struct failure *why)
{
	enum ending e = ending_of_error(q->u.error.code);

	if (e == ENDING_INCOMPATIBLE)
		return failure_set(why, e,
				   "the daemon on %s speaks another "
				   "version than this photo %s (protocol %u): "
				   "%s",
				   l->name, PHOTOMESH_VERSION,
				   PROTOCOL_VERSION_MAX, q->u.error.text);
	return failure_set(why, e, "%s",
			   q->u.error.text[0] != '\0' ? q->u.error.text
						      : "the daemon failed");
}

/* The version is one of ours, or the sentence that says why not. */
static enum heard
judge_welcome(const struct lane *l, const struct answer_welcome *w,
	      struct failure *why)
{
	if (w->version >= PROTOCOL_VERSION_MIN &&
	    w->version <= PROTOCOL_VERSION_MAX)
		return HEARD_WELCOME;
	failure_set(why, ENDING_INCOMPATIBLE,
		    "the daemon on %s speaks protocol version %u, this "
		    "photo %s only %u to %u",
		    l->name, w->version, PHOTOMESH_VERSION,
		    PROTOCOL_VERSION_MIN, PROTOCOL_VERSION_MAX);
	return HEARD_FAILURE;
}

enum heard
call_hear(struct call *c, struct lane *l, struct question *q,
	  struct failure *why)
{
	struct frame f;
	const char *what = NULL;

	for (;;) {
		switch (lane_take(l, &f)) {
		case FRAME_PARTIAL:
			return HEARD_NOTHING;
		case FRAME_BROKEN:
			fail_broken(l, "no frame", why);
			return HEARD_FAILURE;
		case FRAME_READY:
			break;
		}
		switch (question_decode(c->decoder, f.body, f.body_bytes, q,
					&what)) {
		case MESSAGE_BROKEN:
			fail_broken(l, what, why);
			return HEARD_FAILURE;
		case MESSAGE_UNKNOWN:
			continue; /* from a newer daemon; not for us */
		case MESSAGE_OK:
			break;
		}
		if (q->type == MESSAGE_ERROR &&
		    (q->request == HELLO_REQUEST || q->request == 0)) {
			call_refused(q, l, why);
			return HEARD_FAILURE;
		}
		if (q->request == HELLO_REQUEST && q->type == CLIENT_WELCOME) {
			l->welcomed = true;
			return judge_welcome(l, &q->u.welcome, why);
		}
		if (call_is_open(c, q->request))
			return HEARD_ANSWER;
	}
}
