#include "verbs.h"

#include <stdio.h>
#include <string.h>

#include "call.h"
#include "failure.h"
#include "output.h"
#include "text.h"

struct call *
verb_call_new(const struct options *p, struct failure *why)
{
	struct call_settings s = {.port = p->port,
				  .connect = p->connect,
				  .key = p->key,
				  .silence_ms = p->timeout_ms};
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

int
verb_read_node(const struct options *p, char out[SHOWN_NAME_MAX + 1],
	       struct failure *why)
{
	if (p->node == NULL)
		return 0;
	if (strlen(p->node) > SHOWN_NAME_MAX)
		return failure_set(why, ENDING_NOT_FOUND,
				   "there is no node '%.80s...'; see: photo "
				   "peers",
				   p->node);
	memcpy(out, p->node, strlen(p->node) + 1);
	return 0;
}

int
verb_read_after(const struct options *p, uint8_t out[CURSOR_BYTES_MAX],
		size_t *count, struct failure *why)
{
	if (p->after == NULL)
		return 0;
	if (text_hex_decode(p->after, out, CURSOR_BYTES_MAX, count) &&
	    *count > 0)
		return 0;
	return failure_set(why, ENDING_USAGE,
			   "--after takes the cursor that an earlier list "
			   "gave, not '%.40s'",
			   p->after);
}

uint32_t
verb_page_limit(const struct options *p, uint64_t have)
{
	uint64_t left = p->limit - have;

	if (p->limit == 0 || left > LIST_PAGE_MAX)
		return LIST_PAGE_MAX;
	return (uint32_t)left;
}

int
verb_next_page(struct call *c, struct output *o, const struct question *q,
	       struct question *answer, struct failure *why)
{
	uint16_t was = call_port(c);

	if (call_ask_on(c, q, answer, why) == 0) {
		/* Of one that is merely silent verb_note_silent tells. */
		if (call_port(c) != was && call_silent_port(c) != was)
			output_note(o,
				    "the daemon on port %u is gone; the rest "
				    "is from %s",
				    was, call_name(c));
		return 0;
	}
	if (was != 0 && why->ending == ENDING_NO_DAEMON)
		failure_set(why, ENDING_NO_DAEMON,
			    "the daemon on port %u ended before it had sent "
			    "all, and no other answers; start one with: "
			    "photod FOLDER",
			    was);
	else if (was != 0 && call_port(c) != was &&
		 why->ending == ENDING_USAGE)
		/* Of another version, perhaps: it is nobody's mistake. */
		failure_set(why, ENDING_NO_DAEMON,
			    "the daemon on port %u ended before it had sent "
			    "all, and %s cannot go on from there; ask again",
			    was, call_name(c));
	return -1;
}

void
verb_note_more(struct output *o, const uint8_t *after, size_t count)
{
	char hex[2 * CURSOR_BYTES_MAX + 1];

	hex_encode(after, count, hex);
	/* Longer than a note may be, and to be copied whole. */
	if (!o->quiet)
		fprintf(o->notes, "photo: more: --after %s\n", hex);
}
