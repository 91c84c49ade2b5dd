#include "consent_table.h"

#include <assert.h>
#include <string.h>

void
consent_table_init(struct consent_table *t, uint32_t share)
{
	memset(t, 0, sizeof(*t));
	t->share = share;
	t->next = 1;
}

static void
remove_at(struct consent_table *t, uint32_t at)
{
	assert(at < t->count);
	t->count--;
	memmove(&t->requests[at], &t->requests[at + 1],
		(t->count - at) * sizeof(t->requests[0]));
}

void
consent_table_expire(struct consent_table *t, int64_t now_ms)
{
	for (uint32_t i = t->count; i-- > 0;) {
		struct consent_request *r = &t->requests[i];

		/* A clock that was set back must not keep it for ever. */
		if (now_ms >= r->until_ms || r->until_ms - now_ms > CONSENT_MS)
			remove_at(t, i);
	}
}

static struct consent_rule *
find_rule(struct consent_table *t, const struct node_id *node)
{
	for (uint32_t i = 0; i < t->rule_count; i++) {
		if (node_id_equal(&t->rules[i].node, node))
			return &t->rules[i];
	}
	return NULL;
}

/* ---- asking ---------------------------------------------------------- */

static enum consent_verdict
verdict_of(uint32_t state)
{
	switch ((enum consent_state)state) {
	case CONSENT_WAITING:
		return CONSENT_ASKED;
	case CONSENT_APPROVED:
		return CONSENT_YES;
	case CONSENT_DENIED:
		break;
	}
	return CONSENT_NO;
}

/* Where the answered request that ends first is; count: all wait. */
static uint32_t
first_answered(const struct consent_table *t)
{
	uint32_t first = t->count;

	for (uint32_t i = 0; i < t->count; i++) {
		if (t->requests[i].state != CONSENT_WAITING &&
		    (first == t->count ||
		     t->requests[i].until_ms < t->requests[first].until_ms))
			first = i;
	}
	return first;
}

/* Its number; 0: no room. */
static uint64_t
note_request(struct consent_table *t, const struct node_id *node,
	     const struct photo_id *photo, const char *name, int64_t now_ms)
{
	struct consent_request *r;
	uint32_t waiting = 0, gives_way;

	for (uint32_t i = 0; i < t->count; i++)
		waiting += t->requests[i].state == CONSENT_WAITING &&
			   node_id_equal(&t->requests[i].node, node);
	if (waiting >= CONSENT_OF_ONE_MAX || t->next > CONSENT_NUMBER_MAX)
		return 0;
	if (t->count == CONSENT_WAITING_MAX) {
		if ((gives_way = first_answered(t)) == t->count)
			return 0;
		remove_at(t, gives_way);
	}
	r = &t->requests[t->count++];
	memset(r, 0, sizeof(*r));
	r->number = t->next++;
	r->node = *node;
	r->photo = *photo;
	strncpy(r->name, name, sizeof(r->name) - 1);
	r->state = CONSENT_WAITING;
	r->at_ms = now_ms;
	r->until_ms = now_ms + CONSENT_MS;
	return r->number;
}

enum consent_verdict
consent_table_ask(struct consent_table *t, const struct node_id *node,
		  const struct photo_id *photo, const char *name,
		  int64_t now_ms, uint64_t *number)
{
	const struct consent_rule *rule = find_rule(t, node);

	*number = 0;
	if (t->share == SHARE_NONE)
		return CONSENT_NO;
	if (rule != NULL)
		return rule->allow ? CONSENT_YES : CONSENT_NO;
	if (t->share == SHARE_OPEN)
		return CONSENT_YES;
	consent_table_expire(t, now_ms);
	for (uint32_t i = 0; i < t->count; i++) {
		const struct consent_request *r = &t->requests[i];

		if (node_id_equal(&r->node, node) &&
		    photo_id_compare(&r->photo, photo) == 0)
			return verdict_of(r->state);
	}
	*number = note_request(t, node, photo, name, now_ms);
	return CONSENT_ASKED;
}

/* ---- deciding -------------------------------------------------------- */

static int
answer(struct consent_request *r, bool allow, int64_t now_ms)
{
	uint32_t state = allow ? CONSENT_APPROVED : CONSENT_DENIED;

	if (r->state == state)
		return 0;
	r->state = state;
	r->until_ms = now_ms + CONSENT_MS;
	return 1;
}

/* False: there is no room. */
static bool
make_rule(struct consent_table *t, const struct node_id *node, bool allow)
{
	struct consent_rule *rule = find_rule(t, node);

	if (rule == NULL) {
		if (t->rule_count == CONSENT_RULES_MAX)
			return false;
		rule = &t->rules[t->rule_count++];
		rule->node = *node;
	}
	rule->allow = allow;
	return true;
}

int
consent_table_decide(struct consent_table *t, uint64_t number, bool allow,
		     bool always, int64_t now_ms)
{
	consent_table_expire(t, now_ms);
	for (uint32_t i = 0; i < t->count; i++) {
		struct consent_request *r = &t->requests[i];
		struct node_id node = r->node;
		int changed;

		if (r->number != number)
			continue;
		if (!always)
			return answer(r, allow, now_ms);
		if (!make_rule(t, &node, allow))
			return -2;
		/* What else it waits for is answered with it. */
		changed = answer(r, allow, now_ms);
		return changed + consent_table_decide_node(t, &node, allow,
							   false, now_ms);
	}
	return -1;
}

int
consent_table_decide_node(struct consent_table *t, const struct node_id *node,
			  bool allow, bool always, int64_t now_ms)
{
	int changed = 0;

	consent_table_expire(t, now_ms);
	if (always && !make_rule(t, node, allow))
		return -2;
	for (uint32_t i = 0; i < t->count; i++) {
		struct consent_request *r = &t->requests[i];

		if (r->state == CONSENT_WAITING &&
		    node_id_equal(&r->node, node))
			changed += answer(r, allow, now_ms);
	}
	return changed;
}
