/* thumb.c: what a photo shows, small. */
#include <stdlib.h>

#include "task.h"

struct showing {
	struct answers *answers; /* one reference */
	uint64_t client;
	uint32_t request;
};

static void
on_shown(void *arg, const struct answers_thumb *thumb)
{
	struct showing *s = arg;
	struct question q = {.type = CLIENT_THUMB_IS, .request = s->request};
	size_t frame_bytes = 0;
	uint8_t *frame;

	if (thumb->listed) {
		q.u.thumb_is = thumb->is;
		frame = encode_frame(&q, &frame_bytes);
		answers_send(s->answers, s->client, s->request, frame,
			     frame_bytes, true);
	} else {
		answers_refuse(s->answers, s->client, s->request,
			       ERROR_NOT_FOUND, "no photo has that id");
	}
	answers_drop(s->answers);
	free(s);
}

void
thumb_ask(struct answers *a, uint64_t client, uint32_t request,
	  const struct question_thumb *q)
{
	struct showing *s = malloc(sizeof(*s));

	if (s == NULL) {
		answers_send(a, client, request, NULL, 0, true);
		return;
	}
	*s = (struct showing){a, client, request};
	answers_hold(a);
	if (a->config.show != NULL &&
	    a->config.show(a->config.thumb_arg, q, on_shown, s))
		return;
	answers_drop(a);
	free(s);
	answers_refuse(a, client, request, ERROR_BUSY,
		       "nothing is shown here just now");
}
