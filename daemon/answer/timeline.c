/* timeline.c: how many photos there are of each year, month or day. */
#include <stdlib.h>
#include <string.h>

#include "task.h"

struct times {
	uint32_t count;
	bool more;
	struct answer_time times[TIMES_MAX];
};

static bool
on_time(void *arg, const struct timeline_time *t)
{
	struct times *all = arg;

	if ((all->more = all->count == TIMES_MAX))
		return false;
	all->times[all->count++] = (struct answer_time){
		.day = t->day, .photos = t->photos, .bytes = t->bytes};
	return true;
}

static void
timeline_make(struct task *t, struct reader *r)
{
	struct times *all = malloc(sizeof(*all));
	struct question q = {.type = CLIENT_TIMES};
	struct trouble why = {0};

	if (all == NULL)
		return;
	all->count = 0;
	all->more = false;
	if (reader_timeline(r, &t->u.timeline.list, t->u.timeline.by,
			    t->u.timeline.zone_s, TIMES_MAX + 1, on_time, all,
			    &why) == -1) {
		task_fail(t, ERROR_FAILED, "%s", why.text);
	} else {
		q.u.times.count = all->count;
		q.u.times.times = all->times;
		q.u.times.more = all->more;
		view_fresh(t->view, &q.u.times.fresh);
		task_encode(t, &q);
	}
	free(all);
}

void
timeline_ask(struct answers *a, uint64_t client, uint32_t request,
	     const struct question_timeline *q)
{
	struct task *t = task_new(a, client, request);

	if (t == NULL)
		return;
	if (!task_take_query(t, &q->query, &t->u.timeline.list)) {
		task_free(t);
		return;
	}
	t->u.timeline.by = (enum timeline_by)q->by; /* judged by the decoder */
	t->u.timeline.zone_s = q->zone_s;
	t->make = timeline_make;
	task_submit_slow(t);
}
