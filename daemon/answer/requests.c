/* requests.c: who asks for which photos of this node, and the owner's word. */
#include <stdlib.h>
#include <string.h>

#include "consent.h"
#include "task.h"

/* ---- REQUESTS -------------------------------------------------------- */

struct lists {
	struct consent_table table;
	struct answer_request requests[CONSENT_WAITING_MAX];
	struct answer_rule rules[CONSENT_RULES_MAX];
};

static void
fill_lists(const struct view *v, struct lists *l, struct answer_requests *out)
{
	for (uint32_t i = 0; i < l->table.count; i++) {
		const struct consent_request *r = &l->table.requests[i];
		struct answer_request *a = &l->requests[i];

		a->number = r->number;
		a->node = r->node;
		view_name(v, &r->node, a->node_name);
		a->photo = r->photo;
		a->name = (const uint8_t *)r->name;
		a->name_bytes = strlen(r->name);
		a->state = r->state;
		a->at_ms = r->at_ms;
		a->until_ms = r->until_ms;
	}
	for (uint32_t i = 0; i < l->table.rule_count; i++) {
		l->rules[i].node = l->table.rules[i].node;
		view_name(v, &l->rules[i].node, l->rules[i].node_name);
		l->rules[i].allow = l->table.rules[i].allow;
	}
	out->count = l->table.count;
	out->requests = l->requests;
	out->rule_count = l->table.rule_count;
	out->rules = l->rules;
	out->share = l->table.share;
}

static void
requests_make(struct task *t, struct reader *r)
{
	struct question q = {.type = CLIENT_REQUEST_LIST};
	struct lists *l = calloc(1, sizeof(*l));

	(void)r;
	if (l == NULL)
		return;
	consent_copy(t->answers->config.consent, &l->table);
	fill_lists(t->view, l, &q.u.requests);
	task_encode(t, &q);
	free(l);
}

/* NULL: it has been refused. */
static struct task *
consent_task(struct answers *a, uint64_t client, uint32_t request)
{
	if (a->config.consent != NULL)
		return task_new(a, client, request);
	answers_refuse(a, client, request, ERROR_BUSY,
		       "the daemon is still starting, or ending");
	return NULL;
}

void
requests_ask(struct answers *a, uint64_t client, uint32_t request)
{
	struct task *t;

	if ((t = consent_task(a, client, request)) == NULL)
		return;
	t->make = requests_make;
	task_submit(t);
}

/* ---- DECIDE ---------------------------------------------------------- */

static void
decide_make(struct task *t, struct reader *r)
{
	const struct decide_task *d = &t->u.decide;
	struct question q = {.type = CLIENT_DECIDED};
	struct consent *c = t->answers->config.consent;
	struct trouble why = {0};
	int changed;

	(void)r;
	changed = d->number != 0
			  ? consent_decide(c, d->number, d->allow, d->always,
					   &why)
			  : consent_decide_node(c, &d->node, d->allow,
						d->always, &why);
	switch (changed) {
	case -1:
		task_fail(t, ERROR_NOT_FOUND,
			  "there is no request %llu; see: photo requests",
			  (unsigned long long)d->number);
		return;
	case -2:
		task_fail(t, ERROR_FAILED,
			  "there are %u rules already, as many as are kept",
			  CONSENT_RULES_MAX);
		return;
	case -3:
		task_fail(t, ERROR_FAILED, "%s", why.text);
		return;
	}
	q.u.decided = (uint64_t)changed;
	task_encode(t, &q);
}

/* A number of a request; 0: it looks like none. */
static uint64_t
parse_number(const char *text)
{
	uint64_t n = 0;

	for (const char *c = text; *c != '\0'; c++) {
		if (*c < '0' || *c > '9' || n > CONSENT_NUMBER_MAX / 10)
			return 0;
		n = n * 10 + (uint64_t)(*c - '0');
	}
	return n;
}

void
decide_ask(struct answers *a, uint64_t client, uint32_t request,
	   const struct question_decide *q)
{
	const struct view_node *n;
	struct task *t;
	uint64_t number;

	if ((t = consent_task(a, client, request)) == NULL)
		return;
	t->u.decide.allow = q->allow;
	t->u.decide.always = q->always;
	number = parse_number(q->what);
	/* Requests are numbered from 1, as ports are: a number is a request, if
	 * there is one; only then a NODE. */
	if (number != 0 &&
	    (consent_knows(a->config.consent, number) ||
	     view_resolve(t->view, q->what, &n) == 0)) {
		t->u.decide.number = number;
	} else if (!task_choose_node(t, q->what, &t->u.decide.node)) {
		task_free(t);
		return;
	}
	t->make = decide_make;
	task_submit(t);
}
