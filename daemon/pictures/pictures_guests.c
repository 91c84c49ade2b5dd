/*
 * pictures_guests.c: files that are nobody's photo yet, looked into for whoever
 * brings them, before all others.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mailbox.h"
#include "pictures_private.h"
#include "trouble.h"
#include "workers.h"

struct guest {
	struct letter letter; /* first: the mailbox knows only this */
	struct guest *next;
	int fd; /* owned */
	pictures_looked *done;
	void *arg;
	struct decode_answer found; /* owned; empty: nothing */
};

/* On the loop thread. */
static void
on_answer(struct letter *l)
{
	struct guest *g = (struct guest *)l;

	g->done(g->arg, g->found.count > 0 ? g->found.bytes : NULL,
		g->found.count);
	decode_answer_release(&g->found);
	free(g);
}

bool
pictures_look_at(struct pictures *p, int fd, pictures_looked *done, void *arg)
{
	struct guest *g = calloc(1, sizeof(*g));
	bool room;

	if (g == NULL)
		return false;
	g->letter.deliver = on_answer;
	g->fd = fd;
	g->done = done;
	g->arg = arg;
	pthread_mutex_lock(&p->lock);
	if ((room = p->guest_count < PICTURES_GUESTS_MAX)) {
		*p->guests_end = g;
		p->guests_end = &g->next;
		p->guest_count++;
		pthread_cond_signal(&p->wake);
	}
	pthread_mutex_unlock(&p->lock);
	if (!room)
		free(g);
	return room;
}

struct guest *
guest_take(struct pictures *p)
{
	struct guest *g = p->guests;

	if (g == NULL)
		return NULL;
	if ((p->guests = g->next) == NULL)
		p->guests_end = &p->guests;
	p->guest_count--;
	return g;
}

void
guest_look(struct pictures *p, struct guest *g)
{
	struct trouble why;

	/* Why nothing is found is nobody's business: it has no date, then. */
	if (workers_ask(p->config.workers, DECODE_META, g->fd, &g->found,
			&why) != DECODE_DONE)
		decode_answer_release(&g->found);
	close(g->fd);
	mailbox_post(p->config.ends, &g->letter);
}
