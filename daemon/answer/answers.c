#include "answers.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "outlet.h"
#include "task.h"

/* Room for any answer but PHOTOS and those of may_be_large. */
#define SMALL_FRAME_BYTES 4096u

struct answers *
answers_new(const struct answers_config *config)
{
	struct answers *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return NULL;
	a->config = *config;
	a->refs = 1;
	return a;
}

void
answers_hold(struct answers *a)
{
	a->refs++;
}

void
answers_drop(struct answers *a)
{
	assert(a->refs > 0);
	if (--a->refs == 0)
		free(a);
}

void
answers_free(struct answers *a)
{
	if (a == NULL)
		return;
	while (a->rescans != NULL) {
		struct rescan *r = a->rescans;

		a->rescans = r->next;
		free(r);
	}
	forget_forget(a, 0);
	for (struct task *t = a->tasks; t != NULL; t = t->next)
		atomic_store(&t->unheard, true);
	a->closed = true;
	get_end(a);
	answers_drop(a);
}

void
answers_set_intake(struct answers *a, struct intake *intake)
{
	a->config.intake = intake;
}

void
answers_set_look(struct answers *a, answers_looker *look, void *arg)
{
	a->config.look = look;
	a->config.look_arg = arg;
}

void
answers_set_thumbs(struct answers *a, answers_shower *show,
		   answers_thumb_count *count, void *arg)
{
	a->config.show = show;
	a->config.thumb_count = count;
	a->config.thumb_arg = arg;
}

void
answers_ask(struct answers *a, uint64_t client, const struct question *q)
{
	switch (q->type) {
	case CLIENT_LIST:
		list_ask(a, client, q->request, &q->u.list);
		return;
	case CLIENT_DUPES:
		dupes_ask(a, client, q->request, &q->u.dupes);
		return;
	case CLIENT_TIMELINE:
		timeline_ask(a, client, q->request, &q->u.timeline);
		return;
	case CLIENT_PROBLEMS:
		problems_ask(a, client, q->request, &q->u.asked_problems);
		return;
	case CLIENT_SHOW:
		show_ask(a, client, q->request, &q->u.show);
		return;
	case CLIENT_PEERS:
		peers_ask(a, client, q->request);
		return;
	case CLIENT_STATUS:
		status_ask(a, client, q->request);
		return;
	case CLIENT_VERIFY:
		verify_ask(a, client, q->request);
		return;
	case CLIENT_RESCAN:
		rescan_ask(a, client, q->request, &q->u.rescan);
		return;
	case CLIENT_HAVE:
		have_ask(a, client, q->request, &q->u.have);
		return;
	case CLIENT_PROVE_HELD:
		proofs_ask(a, client, q->request, &q->u.prove);
		return;
	case CLIENT_ROOTS:
		roots_ask(a, client, q->request);
		return;
	case CLIENT_REQUESTS:
		requests_ask(a, client, q->request);
		return;
	case CLIENT_DECIDE:
		decide_ask(a, client, q->request, &q->u.decide);
		return;
	case CLIENT_FORGET:
		forget_ask(a, client, q->request, &q->u.forget);
		return;
	case CLIENT_THUMB:
		thumb_ask(a, client, q->request, &q->u.thumb);
		return;
	}
	answers_refuse(a, client, q->request, ERROR_UNKNOWN_TYPE,
		       "no question: type %u", q->type);
}

void
answers_forget(struct answers *a, uint64_t client)
{
	for (struct task *t = a->tasks; t != NULL; t = t->next)
		if (t->client == client)
			atomic_store(&t->unheard, true);
	rescan_forget(a, client);
	forget_forget(a, client);
	verify_forget(a, client);
	get_forget(a, client);
}

bool
answers_ticking(const struct answers *a)
{
	return a->rescans != NULL || a->gets != NULL ||
	       a->forgettings != NULL;
}

void
answers_tick(struct answers *a)
{
	rescan_tick(a);
	get_tick(a);
	forget_tick(a);
}

/* ---- frames ------------------------------------------------------------ */

static bool
may_be_large(uint32_t type)
{
	return type == CLIENT_TABLE || type == CLIENT_PEER_LIST ||
	       type == CLIENT_PROBLEM_LIST || type == CLIENT_HOLDINGS ||
	       type == CLIENT_PROOFS || type == CLIENT_ROOT_LIST ||
	       type == CLIENT_REQUEST_LIST || type == CLIENT_THUMB_IS;
}

uint8_t *
encode_frame(const struct question *q, size_t *frame_bytes)
{
	size_t max = may_be_large(q->type)
			     ? FRAME_HEADER_BYTES + ANSWER_BODY_BYTES_MAX
			     : SMALL_FRAME_BYTES;
	uint8_t *frame = malloc(max), *less;

	if (frame == NULL)
		return NULL;
	*frame_bytes = question_encode(q, frame, max);
	if (*frame_bytes == 0) {
		free(frame);
		return NULL;
	}
	less = realloc(frame, *frame_bytes);
	return less != NULL ? less : frame;
}

static uint8_t *
error_frame(uint32_t request, enum error_code code, size_t *frame_bytes,
	    const char *format, va_list ap)
{
	struct question q = {.type = MESSAGE_ERROR, .request = request};

	q.u.error.code = code;
	vsnprintf(q.u.error.text, sizeof(q.u.error.text), format, ap);
	return encode_frame(&q, frame_bytes);
}

uint8_t *
answers_error(uint32_t request, enum error_code code, size_t *frame_bytes,
	      const char *format, ...)
{
	uint8_t *frame;
	va_list ap;

	va_start(ap, format);
	frame = error_frame(request, code, frame_bytes, format, ap);
	va_end(ap);
	return frame;
}

static void
hand_on(struct answers *a, uint64_t client, uint32_t request, uint8_t *frame,
	size_t frame_bytes, size_t said_bytes, bool last)
{
	if (frame == NULL) {
		last = true;
		frame = answers_error(request, ERROR_FAILED, &frame_bytes,
				      "out of memory");
	}
	if (frame == NULL || a->closed) {
		free(frame);
		return;
	}
	a->config.send(a->config.arg, client, request, frame, frame_bytes,
		       said_bytes, last);
}

void
answers_send(struct answers *a, uint64_t client, uint32_t request,
	     uint8_t *frame, size_t frame_bytes, bool last)
{
	hand_on(a, client, request, frame, frame_bytes, 0, last);
}

void
answers_refuse(struct answers *a, uint64_t client, uint32_t request,
	       enum error_code code, const char *format, ...)
{
	size_t frame_bytes = 0;
	uint8_t *frame;
	va_list ap;

	va_start(ap, format);
	frame = error_frame(request, code, &frame_bytes, format, ap);
	va_end(ap);
	answers_send(a, client, request, frame, frame_bytes, true);
}

struct view *
answers_view(struct answers *a, struct scan_progress *scan)
{
	memset(scan, 0, sizeof(*scan));
	scan->state = SCAN_RUNNING; /* about to be, until there is an intake */
	if (a->config.intake != NULL)
		intake_progress(a->config.intake, scan);
	return view_take(driver_mesh(a->config.driver),
			 scan->state == SCAN_RUNNING);
}

/* ---- tasks ------------------------------------------------------------- */

struct task *
task_new(struct answers *a, uint64_t client, uint32_t request)
{
	struct task *t = calloc(1, sizeof(*t));

	if (t == NULL || (t->view = answers_view(a, &t->scan)) == NULL) {
		free(t);
		answers_send(a, client, request, NULL, 0, true);
		return NULL;
	}
	answers_hold(a);
	t->answers = a;
	t->client = client;
	t->request = request;
	atomic_init(&t->unheard, false);
	t->at = &a->tasks;
	if ((t->next = a->tasks) != NULL)
		t->next->at = &t->next;
	a->tasks = t;
	return t;
}

void
task_free(struct task *t)
{
	if (t->release != NULL)
		t->release(t);
	outlet_drop(t->outlet);
	if ((*t->at = t->next) != NULL)
		t->next->at = t->at;
	answers_drop(t->answers);
	free(t->view);
	free(t->frame);
	free(t);
}

static void
task_work(struct job *j, unsigned slot)
{
	struct task *t = (struct task *)j;
	struct reader *r =
		catalogue_reader(t->answers->config.catalogue, slot);

	reader_stop_when(r, &t->unheard);
	t->make(t, r);
	reader_stop_when(r, NULL);
	if (t->outlet != NULL && t->frame != NULL && !atomic_load(&t->unheard))
		t->said_bytes =
			outlet_answer(t->outlet, t->frame, t->frame_bytes);
}

static void
task_end(struct letter *l)
{
	struct task *t = (struct task *)l;
	uint8_t *frame = t->frame;

	t->frame = NULL;
	hand_on(t->answers, t->client, t->request, frame, t->frame_bytes,
		t->said_bytes, true);
	task_free(t);
}

void
task_submit(struct task *t)
{
	struct answers *a = t->answers;

	t->job.work = task_work;
	t->job.letter.deliver = task_end;
	t->outlet = a->config.outlet(a->config.arg, t->client);
	catalogue_ask(a->config.catalogue, &t->job);
}

void
task_submit_slow(struct task *t)
{
	t->job.slow = true;
	task_submit(t);
}

bool
task_choose_node(struct task *t, const char *text, struct node_id *out)
{
	const struct view_node *n = NULL;
	uint32_t found = view_resolve(t->view, text, &n);

	if (found == 1) {
		*out = n->is.node;
		return true;
	}
	if (found == 0)
		answers_refuse(t->answers, t->client, t->request,
			       ERROR_NOT_FOUND,
			       "no node is known as %s; see: photo peers", text);
	else
		answers_refuse(t->answers, t->client, t->request,
			       ERROR_AMBIGUOUS,
			       "%u nodes are known as %s; see: photo peers",
			       found, text);
	return false;
}

void
task_fail(struct task *t, enum error_code code, const char *format, ...)
{
	va_list ap;

	free(t->frame);
	va_start(ap, format);
	t->frame = error_frame(t->request, code, &t->frame_bytes, format, ap);
	va_end(ap);
}

void
task_encode(struct task *t, struct question *q)
{
	q->request = t->request;
	free(t->frame);
	t->frame = encode_frame(q, &t->frame_bytes);
}
