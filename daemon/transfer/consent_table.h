/*
 * consent_table.h: who may have which photo, as a table: pure, no clock, no
 * file, no lock.
 *
 * A request is made by the first FETCH of a photo that has no answer yet.  It
 * waits CONSENT_DAYS, is kept as long again after its answer, and is then
 * forgotten.  A rule answers all that a node asks for, now and later; it also
 * holds while the policy is open.
 */
#ifndef PHOTOMESH_CONSENT_TABLE_H
#define PHOTOMESH_CONSENT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "ident.h"
#include "photo_id.h"
#include "question_transfer.h"
#include "record.h"

#define CONSENT_MS         ((int64_t)CONSENT_DAYS * 24 * 3600 * 1000)
#define CONSENT_NUMBER_MAX SEQ_MAX

struct consent_request {
	uint64_t number; /* rising, never used again; from 1 */
	struct node_id node;
	struct photo_id photo;
	char name[256]; /* of the photo, for people */
	uint32_t state; /* enum consent_state */
	int64_t at_ms, until_ms;
};

struct consent_rule {
	struct node_id node;
	bool allow;
};

struct consent_table {
	uint32_t share; /* enum share_policy */
	uint64_t next;  /* number of the next request */
	uint32_t count;
	struct consent_request requests[CONSENT_WAITING_MAX]; /* by number */
	uint32_t rule_count;
	struct consent_rule rules[CONSENT_RULES_MAX];
};

void consent_table_init(struct consent_table *t, uint32_t share);

enum consent_verdict {
	CONSENT_YES,
	CONSENT_ASKED, /* waits; perhaps without being noted: too many do */
	CONSENT_NO,
};
/* May `node` have it?  *number: of the request made just now, else 0. */
enum consent_verdict consent_table_ask(struct consent_table *t,
				       const struct node_id *node,
				       const struct photo_id *photo,
				       const char *name, int64_t now_ms,
				       uint64_t *number);

/* Answer the request of this number; `always`: also make it a rule of its
 * node.  How many requests changed; -1: there is no such; -2: no room for one
 * more rule (nothing has changed). */
int consent_table_decide(struct consent_table *t, uint64_t number, bool allow,
			 bool always, int64_t now_ms);
/* All that wait of this node. */
int consent_table_decide_node(struct consent_table *t,
			      const struct node_id *node, bool allow,
			      bool always, int64_t now_ms);
/* Forget what is over. */
void consent_table_expire(struct consent_table *t, int64_t now_ms);

#endif
