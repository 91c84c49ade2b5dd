/* look.c: what the bytes of a client's file say, before it is anybody's photo. */
#include <stdlib.h>
#include <unistd.h>

#include "task.h"

struct looking {
	struct answers *answers; /* one reference */
	uint64_t client;
	uint32_t request;
};

static void
say(struct answers *a, uint64_t client, uint32_t request, const uint8_t *meta,
    size_t bytes)
{
	struct question q = {.type = CLIENT_LOOKED, .request = request};
	size_t frame_bytes = 0;
	uint8_t *frame;

	q.u.looked.meta = meta;
	q.u.looked.meta_bytes = bytes;
	frame = encode_frame(&q, &frame_bytes);
	answers_send(a, client, request, frame, frame_bytes, true);
}

static void
on_looked(void *arg, const uint8_t *meta, size_t bytes)
{
	struct looking *l = arg;

	say(l->answers, l->client, l->request, meta, bytes);
	answers_drop(l->answers);
	free(l);
}

void
answers_look(struct answers *a, uint64_t client, uint32_t request, int fd)
{
	struct looking *l = malloc(sizeof(*l));

	if (l != NULL) {
		*l = (struct looking){a, client, request};
		answers_hold(a);
		if (a->config.look != NULL &&
		    a->config.look(a->config.look_arg, fd, on_looked, l))
			return;
		answers_drop(a);
		free(l);
	}
	close(fd);
	say(a, client, request, NULL, 0); /* nobody here looks */
}
