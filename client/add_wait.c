/*
 * add_wait.c: from copied to listed.
 *
 * The daemon is told to look, and then asked until it lists what was added as
 * its own.
 */
#include "add_private.h"

#include <poll.h>
#include <string.h>

#define ASK_AGAIN_MS 100

static int
rescan(struct add *a, struct failure *why)
{
	struct question q = {.type = CLIENT_RESCAN}, answer;
	const struct answer_progress *p = &answer.u.progress;

	progress_init(&a->look.progress, "rescan", call_now_ms());
	a->look.progress.totals_known = true;
	if (call_ask(a->look.call, &q, why) == -1)
		return -1;
	for (;;) {
		if (call_await(a->look.call, &answer, why) == -1)
			return -1;
		if (answer.type == CLIENT_DONE)
			break;
		if (call_expect(&answer, CLIENT_PROGRESS, why) == -1)
			return -1;
		a->look.progress.files = p->files;
		a->look.progress.bytes = p->bytes;
		a->look.progress.total_files = p->total_files;
		a->look.progress.total_bytes = p->total_bytes;
		progress_show(&a->look.progress, a->look.output);
	}
	output_bar_end(a->look.output);
	return 0;
}

static bool
is_own(const struct add *a, const struct have_item *item)
{
	for (uint32_t i = 0; i < item->holder_count; i++) {
		if (node_id_equal(&item->holders[i].node.node,
				  &call_welcome(a->look.call)->node))
			return true;
	}
	return false;
}

/* Ask for a batch of those added from *next on; how many are not listed. */
static int
ask_batch(struct add *a, size_t *next, uint32_t *missing, struct failure *why)
{
	struct have_batch *b = &a->look.batch;

	have_clear(b);
	for (; *next < a->plan_count && !have_is_full(b); ++*next) {
		struct have_item *item;

		if (!a->plan[*next].added)
			continue;
		if ((item = have_add(b, "", "")) == NULL)
			return failure_set(why, ENDING_FAILED, "out of memory");
		item->photo = a->plan[*next].photo;
	}
	*missing = 0;
	if (b->count == 0)
		return 0;
	if (have_ask(b, a->look.call, why) == -1)
		return -1;
	for (uint32_t i = 0; i < b->count; i++)
		*missing += !is_own(a, &b->items[i]);
	return 0;
}

int
add_wait(struct add *a, struct failure *why)
{
	int64_t moved_ms = call_now_ms();
	size_t next = 0, from;
	uint32_t missing = 0, were = UINT32_MAX;

	if (rescan(a, why) == -1)
		return -1;
	while (next < a->plan_count) {
		from = next;
		if (ask_batch(a, &next, &missing, why) == -1)
			return -1;
		if (missing == 0) {
			were = UINT32_MAX;
			continue;
		}
		next = from;
		if (missing != were)
			moved_ms = call_now_ms();
		were = missing;
		if (call_now_ms() - moved_ms > a->look.options->timeout_ms)
			return failure_set(why, ENDING_INCOMPLETE,
					   "the photos are copied, but %s does "
					   "not list them all yet; see: photo "
					   "problems",
					   call_welcome(a->look.call)->name);
		poll(NULL, 0, ASK_AGAIN_MS);
		if (call_interrupted())
			return failure_set(why, ENDING_INTERRUPTED, "%s", "");
	}
	return 0;
}
