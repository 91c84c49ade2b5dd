/*
 * photo check DIR|FILE...: does the mesh hold these files, provably?
 *
 * Asked before a card is formatted, so nothing is taken on trust.  A file is
 * read once, for its id and for the sum over a fresh nonce; whoever claims to
 * hold it must return the same sum, having read its own copy.
 */
#include "check_private.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "verbs.h"

#define OTHERS_MS      3000
#define PROOFS_AT_ONCE 4u
#define TRIES_AGAIN    8u
#define AGAIN_MS       500

/* ---- proofs ----------------------------------------------------------- */

static void
take_proofs(struct have_item *item, const struct answer_proofs *a)
{
	item->holder_count = 0;
	for (uint32_t i = 0; i < a->count && i < MESH_LIVE_MAX; i++) {
		struct have_holder *h = &item->holders[item->holder_count++];

		h->node = a->proofs[i].node;
		h->code = a->proofs[i].code;
		if (h->code != 0)
			h->state = HOLDER_UNPROVED;
		else if (memcmp(a->proofs[i].sum, item->sum, PROOF_BYTES) != 0)
			h->state = HOLDER_DAMAGED;
		else
			h->state = HOLDER_PROVED;
	}
}

/* Too few have proved it, but somebody may in a moment: he is busy, or looks at
 * his file again, as at one that has been touched. */
static bool
is_for_now(const struct check *k, const struct have_item *item)
{
	uint32_t proved = 0;
	bool may = false;

	for (uint32_t i = 0; i < item->holder_count; i++) {
		const struct have_holder *h = &item->holders[i];

		proved += h->state == HOLDER_PROVED;
		may |= h->state == HOLDER_UNPROVED &&
		       (h->code == ERROR_BUSY || h->code == ERROR_CHANGED);
	}
	return may && proved < k->look.options->copies;
}

/* The next claims of the batch, a few at once: each takes a channel to each
 * holder, who has not many of them for one node. */
static int
ask_proofs(struct check *k, uint32_t *next, bool again, struct failure *why)
{
	while (*next < k->look.batch.count &&
	       call_open_count(k->look.call) < PROOFS_AT_ONCE) {
		struct have_item *item = &k->look.batch.items[(*next)++];
		struct question q = {.type = CLIENT_PROVE_HELD};

		if (!item->known || item->type[0] == '\0' ||
		    (again && !is_for_now(k, item)))
			continue;
		q.u.prove.photo = item->photo;
		memcpy(q.u.prove.nonce, item->nonce, PROOF_NONCE_BYTES);
		if (call_send(k->look.call, &q, -1, &item->request, why) == -1)
			return -1;
	}
	return 0;
}

/* Of the whole batch, or of those that may be proved now. */
static int
await_proofs(struct check *k, bool again, struct failure *why)
{
	struct question answer;
	uint32_t next = 0;
	int r;

	for (;;) {
		if (ask_proofs(k, &next, again, why) == -1)
			return -1;
		if (call_open_count(k->look.call) == 0)
			return 0;
		r = call_next(k->look.call, 100, &answer, why);
		if (r == -1)
			return -1;
		progress_show(&k->look.progress, k->look.output);
		if (r == 0)
			continue;
		call_close(k->look.call, answer.request);
		if (answer.type == MESSAGE_ERROR) {
			if (answer.u.error.code == ERROR_NOT_FOUND)
				continue; /* withdrawn just now: unproved */
			return call_failure(k->look.call, &answer, why);
		}
		if (call_expect(&answer, CLIENT_PROOFS, why) == -1)
			return -1;
		for (uint32_t i = 0; i < k->look.batch.count; i++) {
			if (k->look.batch.items[i].request == answer.request)
				take_proofs(&k->look.batch.items[i],
					    &answer.u.proofs);
		}
	}
}

static bool
any_for_now(const struct check *k)
{
	for (uint32_t i = 0; i < k->look.batch.count; i++) {
		if (is_for_now(k, &k->look.batch.items[i]))
			return true;
	}
	return false;
}

static int
on_batch(void *arg, struct failure *why)
{
	struct check *k = arg;

	/* What call_ask left open has been answered. */
	call_close_all(k->look.call);
	if (await_proofs(k, false, why) == -1)
		return -1;
	for (unsigned try = 0; try < TRIES_AGAIN && any_for_now(k); try++) {
		poll(NULL, 0, AGAIN_MS);
		if (call_interrupted())
			return failure_set(why, ENDING_INTERRUPTED, "%s", "");
		call_touch(k->look.call);
		if (await_proofs(k, true, why) == -1)
			return -1;
	}
	for (uint32_t i = 0; i < k->look.batch.count; i++) {
		if (check_itself(k, &k->look.batch.items[i], why) == -1)
			return -1;
		check_report(k, &k->look.batch.items[i]);
	}
	return 0;
}

static void
on_trouble(void *arg, const char *path, const char *what)
{
	struct check *k = arg;
	struct failure f;

	k->unreadable++;
	failure_set(&f, ENDING_INCOMPLETE, "%.300s: %s", path, what);
	output_complain(k->look.output, &f);
}

/* ---- from begin to end ------------------------------------------------ */

/* Whose folders the files may lie in.  Who does not say may prove in a moment
 * what it holds, by reading the very file that is checked. */
static void
ask_others(struct check *k)
{
	struct failure f;
	bool one;

	roots_ask_others(&k->look.roots, k->look.call, OTHERS_MS, &k->silent);
	if (k->silent == 0 || call_interrupted())
		return;
	one = k->silent == 1;
	failure_set(&f, ENDING_INCOMPLETE,
		    "%u daemon%s of this machine did not say which folders %s; "
		    "what is checked may lie in one of them, so nothing can be "
		    "called safe; try again",
		    k->silent, one ? "" : "s", one ? "it serves" : "they serve");
	output_complain(k->look.output, &f);
}

static int
run_with(struct check *k, struct failure *why)
{
	if (looking_begin(&k->look, why) == -1)
		return -1;
	ask_others(k);
	progress_init(&k->look.progress, "check", call_now_ms());
	if (looking_count(&k->look, why) == -1 ||
	    looking_run(&k->look, why) == -1)
		return -1;
	return check_end(k, why);
}

static int
run(const struct options *p, struct output *o, struct failure *why)
{
	struct check *k = calloc(1, sizeof(*k));
	int r = -1;

	if (k == NULL)
		return failure_set(why, ENDING_FAILED, "out of memory");
	k->look.arg = k;
	k->look.prove = true;
	k->look.on_batch = on_batch;
	k->look.on_trouble = on_trouble;
	if (looking_open(&k->look, p, o, why) == 0)
		r = run_with(k, why);
	looking_close(&k->look);
	free(k);
	return r;
}

const struct verb verb_check = {
	.name = "check",
	.summary = "does the mesh hold these files? proved, not believed",
	.synopsis = "check FILE...|DIR... [--copies N]",
	.help = "For each file: held (with the nodes that have just read the "
		"same bytes), few\n"
		"(on fewer than asked for), unproved (known, but who holds it "
		"is away), damaged\n"
		"(a holder has other bytes by now), new, or not-media.  A "
		"served folder does not\n"
		"vouch for its own files, whatever path or name it has them "
		"under.  Hidden files\n"
		"and links are not looked at; how many hidden ones is said.  "
		"So is how many are\n"
		"held by that many nodes only by counting copies on the disk "
		"that they lie on:\n"
		"safe to delete, not to format.\n"
		"\n"
		"      --copies N  safe means proved on at least N nodes (1)\n"
		"\n"
		"Nothing is safe while a daemon of this machine does not say "
		"which folders it\n"
		"serves: what it proves may be the very file that is "
		"checked.\n"
		"\n"
		"Exit 0 only when every photo and video is safe to delete; 6 "
		"if not, 9 if a\n"
		"holder's copy is damaged, 3 if there is no photo at all.  "
		"They are safe to\n"
		"format with their disk when, too, same_disk in the summary "
		"of --json is 0.\n"
		"Piped, the columns are state, id, number of nodes that "
		"proved it, nodes, file.\n"
		"\n"
		"Examples:\n"
		"  photo check /media/card\n"
		"  photo check /media/card --copies 2 && echo safe to delete\n"
		"  photo check /media/card | grep ^new\n",
	.takes = TAKES_COPIES | ONLY_HERE,
	.arguments_min = 1,
	.arguments_max = ARGUMENTS_MAX,
	.run = run,
};
