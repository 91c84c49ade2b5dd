/*
 * clients_questions.c: from a client's frame to answers.c, and back.
 *
 * CLIENT_HELLO comes first and is answered here; so is what makes no sense,
 * once, before hanging up.  Everything else is a question for answer/.  A
 * client is a number there, never used again, so an answer that comes late
 * finds nobody and is dropped.
 */
#include "clients_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "answers.h"
#include "clock.h"
#include "frame.h"
#include "outlet.h"

/* ---- to answers.c and back ---------------------------------------------- */

static struct client *
client_find(struct clients *all, uint64_t id)
{
	struct client *c;

	TAILQ_FOREACH(c, &all->list, next)
		if (c->id == id)
			return c->doomed ? NULL : c;
	return NULL;
}

/* An answer, from answers.c. */
static void
on_answer(void *arg, uint64_t id, uint32_t request, uint8_t *frame,
	  size_t frame_bytes, size_t said_bytes, bool last)
{
	struct client *c = client_find(arg, id);

	if (c != NULL)
		client_answer(c, request, frame, frame_bytes, said_bytes,
			      last);
	free(frame);
}

static struct outlet *
on_outlet(void *arg, uint64_t id)
{
	struct client *c = client_find(arg, id);

	return c != NULL && c->outlet != NULL ? outlet_hold(c->outlet) : NULL;
}

static void
start_ticking(struct clients *all)
{
	static const struct timeval period = {0, ANSWERS_TICK_MS * 1000};

	if (answers_ticking(all->answers) &&
	    !evtimer_pending(all->ticker, NULL))
		evtimer_add(all->ticker, &period);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct clients *all = arg;

	(void)fd;
	(void)what;
	answers_tick(all->answers);
	start_ticking(all);
}

/* False when it has been refused. */
static bool
open_question(struct client *c, const struct question *q)
{
	/* Who has read an answer may ask again, though its letter is to come. */
	uint32_t ahead = c->outlet != NULL ? outlet_ahead(c->outlet) : 0;

	if (c->open >= CLIENT_OPEN_MAX + ahead ||
	    c->open >= CLIENT_ASKED_MAX) {
		client_refuse(c, q->request, ERROR_BUSY,
			      "too many questions at once");
		return false;
	}
	c->asked[c->open++] = (struct asked){
		.request = q->request,
		.large = q->type != CLIENT_STATUS &&
			 q->type != CLIENT_RESCAN &&
			 q->type != CLIENT_GET && q->type != CLIENT_FORGET &&
			 q->type != CLIENT_LOOK,
	};
	return true;
}

static void
ask(struct client *c, const struct question *q)
{
	if (!open_question(c, q))
		return;
	answers_ask(c->clients->answers, c->id, q);
	start_ticking(c->clients);
}

/* The oldest descriptor is this GET's, whatever becomes of it. */
static void
get(struct client *c, const struct question *q)
{
	int fd = client_take_fd(c);

	if (fd == -1) {
		client_refuse(c, q->request, ERROR_USAGE,
			      "GET needs a descriptor, on the Unix socket");
		return;
	}
	if (!open_question(c, q)) {
		close(fd);
		return;
	}
	answers_get(c->clients->answers, c->id, q->request, &q->u.get, fd);
	start_ticking(c->clients);
}

static void
look_into(struct client *c, const struct question *q)
{
	int fd = client_take_fd(c);

	if (fd == -1)
		client_refuse(c, q->request, ERROR_USAGE,
			      "LOOK needs a descriptor, on the Unix socket");
	else if (!open_question(c, q))
		close(fd);
	else
		answers_look(c->clients->answers, c->id, q->request, fd);
}

/* What only who sits at this machine may ask. */
static void
ask_here(struct client *c, const struct question *q, const char *refusal)
{
	if (c->remote)
		client_refuse(c, q->request, ERROR_REFUSED, refusal);
	else
		ask(c, q);
}

/* ---- judging a frame ---------------------------------------------------- */

static void
greet(struct client *c, const struct question *q)
{
	struct question a = {.type = CLIENT_WELCOME, .request = q->request};
	struct answer_welcome *w = &a.u.welcome;
	struct node_view self;

	if (q->u.hello.version_min > PROTOCOL_VERSION_MAX ||
	    q->u.hello.version_max < PROTOCOL_VERSION_MIN) {
		char text[REASON_BYTES_MAX + 1];

		snprintf(text, sizeof(text),
			 "this daemon speaks versions %u to %u",
			 PROTOCOL_VERSION_MIN, PROTOCOL_VERSION_MAX);
		client_refuse(c, q->request, ERROR_VERSION, text);
		client_close(c);
		return;
	}
	c->greeted = true;
	mesh_node_view(driver_mesh(c->clients->config.driver), 0,
		       clock_steady_ms(), &self);
	w->version = q->u.hello.version_max < PROTOCOL_VERSION_MAX
			     ? q->u.hello.version_max
			     : PROTOCOL_VERSION_MAX;
	w->node = self.node;
	memcpy(w->name, self.name, sizeof(w->name));
	w->port = self.port;
	snprintf(w->software, sizeof(w->software), "photod %s",
		 PHOTOMESH_VERSION);
	client_say(c, &a);
}

static void
dispatch(struct client *c, const struct question *q)
{
	if (!c->greeted && q->type != CLIENT_HELLO) {
		client_refuse(c, q->request, ERROR_USAGE,
			      "CLIENT_HELLO comes first");
		client_close(c);
		return;
	}
	switch (q->type) {
	case CLIENT_HELLO:
		greet(c, q);
		return;
	case CLIENT_WATCH:
		client_watch(c, q->request);
		return;
	case CLIENT_LEAVE:
		client_take_leave(c, q->request);
		return;
	case CLIENT_FORGET:
		ask_here(c, q, "a node is forgotten from a daemon's own "
			       "machine only");
		return;
	case CLIENT_LIST:
	case CLIENT_TIMELINE:
	case CLIENT_DUPES:
	case CLIENT_PROBLEMS:
	case CLIENT_SHOW:
	case CLIENT_PEERS:
	case CLIENT_STATUS:
	case CLIENT_VERIFY:
	case CLIENT_HAVE:
	case CLIENT_PROVE_HELD:
	case CLIENT_REQUESTS:
	case CLIENT_THUMB:
		ask(c, q);
		return;
	case CLIENT_RESCAN:
		/* To look again harms nobody; to withdraw is for its owner. */
		if (q->u.rescan.accept_missing)
			ask_here(c, q, "what is missing is given up from a "
				       "daemon's own machine only");
		else
			ask(c, q);
		return;
	case CLIENT_ROOTS:
		ask_here(c, q, "folders are told on this machine only");
		return;
	case CLIENT_DECIDE:
		ask_here(c, q, "who may have photos is decided on their own "
			       "machine only");
		return;
	case CLIENT_LOOK:
		look_into(c, q);
		return;
	case CLIENT_GET:
		get(c, q);
		return;
	}
	client_refuse(c, q->request, ERROR_UNKNOWN_TYPE, "no such question");
}

void
client_heard(struct client *c, const struct frame *f)
{
	const char *why = "malformed";
	struct question q;

	c->active_ms = clock_steady_ms();
	switch (question_decode(c->clients->decoder, f->body, f->body_bytes, &q,
				&why)) {
	case MESSAGE_OK:
		dispatch(c, &q);
		return;
	case MESSAGE_UNKNOWN:
		if (c->greeted) {
			client_refuse(c, q.request, ERROR_UNKNOWN_TYPE,
				      "no such question");
			return;
		}
		why = "CLIENT_HELLO comes first";
		break;
	case MESSAGE_BROKEN:
		break;
	}
	client_refuse(c, 0, ERROR_USAGE, why);
	client_close(c);
}

/* ---- the parts ---------------------------------------------------------- */

int
clients_make_answers(struct clients *c)
{
	struct answers_config a = {.driver = c->config.driver,
				   .catalogue = c->config.catalogue,
				   .intake = c->config.intake,
				   .fetching = c->config.fetching,
				   .state = c->config.state,
				   .consent = c->config.consent,
				   .send = on_answer,
				   .outlet = on_outlet,
				   .arg = c};

	if ((c->answers = answers_new(&a)) == NULL ||
	    (c->decoder = question_decoder_new()) == NULL ||
	    (c->ticker = evtimer_new(c->config.base, on_tick, c)) == NULL)
		return -1;
	return 0;
}

void
clients_set_intake(struct clients *c, struct intake *intake)
{
	c->config.intake = intake;
	answers_set_intake(c->answers, intake);
}

void
clients_set_look(struct clients *c, answers_looker *look, void *arg)
{
	answers_set_look(c->answers, look, arg);
}

void
clients_set_thumbs(struct clients *c, answers_shower *show,
		   answers_thumb_count *count, void *arg)
{
	answers_set_thumbs(c->answers, show, count, arg);
}

void
clients_free_answers(struct clients *c)
{
	if (c->ticker != NULL)
		event_free(c->ticker);
	question_decoder_free(c->decoder);
	answers_free(c->answers);
}
