/*
 * consent.h: who may have photos of this node, remembered.
 *
 * consent_table.h behind a lock and with a file, `consent` in the state
 * directory, which is replaced as a whole: at once when the owner decides,
 * now and then as requests come, and at the end.  Any thread; writing takes
 * as long as a disk takes, so not the loop thread, but for consent_new.
 */
#ifndef PHOTOMESH_CONSENT_H
#define PHOTOMESH_CONSENT_H

#include "consent_table.h"

struct consent;
struct mailbox;
struct state;
struct trouble;

struct consent_config {
	const struct state *state; /* borrowed */
	uint32_t share;            /* enum share_policy */
	struct mailbox *ends;      /* borrowed */
	/* Somebody asks for a photo; on the loop thread, perhaps after
	 * consent_free.  `r` is borrowed. */
	void (*on_request)(void *arg, const struct consent_request *r);
	void *arg;
};

/* NULL with `why` also when the file cannot be read or is damaged, whatever the
 * policy: it may say no to somebody, and what is not remembered is given away. */
struct consent *consent_new(const struct consent_config *config,
			    struct trouble *why);
void consent_free(struct consent *c);

enum consent_verdict consent_ask(struct consent *c, const struct node_id *node,
				 const struct photo_id *photo,
				 const char *name);

/* As consent_table_decide and its sister; -3 with `why` when it could not be
 * written (it holds until the end of this run even so). */
int consent_decide(struct consent *c, uint64_t number, bool allow, bool always,
		   struct trouble *why);
int consent_decide_node(struct consent *c, const struct node_id *node,
			bool allow, bool always, struct trouble *why);
/* Is there a request of that number? */
bool consent_knows(struct consent *c, uint64_t number);
/* All of it as it is now; `out` is large (about 350 KB). */
void consent_copy(struct consent *c, struct consent_table *out);

#endif
