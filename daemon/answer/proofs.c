/* proofs.c: PROVE_HELD: have every holder of a photo prove it. */
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "fetching.h"
#include "task.h"

struct proofs {
	struct answers *answers;
	uint64_t client;
	uint32_t request;
};

/* Nodes are named as they are now. */
static void
on_proofs(void *arg, const struct fetch_world *world,
	  const struct proof_of *proofs, uint32_t count)
{
	struct proofs *p = arg;
	struct question q = {.type = CLIENT_PROOFS, .request = p->request};
	struct answers *a = p->answers;
	struct answer_proof *list = NULL;
	struct view *v = NULL;
	uint8_t *frame = NULL;
	size_t bytes = 0;

	if (!a->closed) {
		list = calloc(count + 1, sizeof(*list));
		v = view_take(driver_mesh(a->config.driver), false);
	}
	if (list != NULL && v != NULL) {
		for (uint32_t i = 0; i < count; i++) {
			view_answer_node(v, &world->peers[proofs[i].peer].node,
					 &list[i].node);
			list[i].code = proofs[i].code;
			memcpy(list[i].sum, proofs[i].sum, PROOF_BYTES);
		}
		q.u.proofs = (struct answer_proofs){count, list};
		frame = encode_frame(&q, &bytes);
	}
	answers_send(a, p->client, p->request, frame, bytes, true);
	free(list);
	free(v);
	answers_drop(a);
	free(p);
}

void
proofs_ask(struct answers *a, uint64_t client, uint32_t request,
	   const struct question_prove *q)
{
	struct fetch_world *w = NULL;
	struct proofs *p;

	if (a->config.fetching == NULL) {
		answers_refuse(a, client, request, ERROR_BUSY,
			       "nothing is fetched here");
		return;
	}
	p = calloc(1, sizeof(*p));
	if (p == NULL || (w = answers_world(a)) == NULL)
		goto no_memory;
	*p = (struct proofs){a, client, request};
	answers_hold(a);
	if (fetching_prove(a->config.fetching, q, w, on_proofs, p)) {
		fetch_world_drop(w);
		return;
	}
	answers_drop(a);
no_memory:
	fetch_world_drop(w);
	free(p);
	answers_send(a, client, request, NULL, 0, true);
}
