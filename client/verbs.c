#include "verbs.h"

#include "call.h"
#include "failure.h"
#include "output.h"

struct call *
verb_call_new(const struct options *p, struct failure *why)
{
	struct call_settings s = {.port = p->port, .silence_ms = p->timeout_ms};
	struct call *c = call_new(&s);

	if (c == NULL)
		failure_set(why, ENDING_FAILED, "out of memory");
	return c;
}

void
verb_note_silent(const struct call *c, struct output *o)
{
	if (call_silent_port(c) != 0)
		output_note(o,
			    "port %u did not answer in time; this is from "
			    "port %u",
			    call_silent_port(c), call_port(c));
}
