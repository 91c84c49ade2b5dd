/*
 * question_parts.h: what several questions and answers are made of.
 */
#ifndef PHOTOMESH_QUESTION_PARTS_H
#define PHOTOMESH_QUESTION_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "ident.h"
#include "limits.h"

#define SHOWN_NAME_MAX 79u /* a node name with ~1a2b behind it */

/* A node as it is named in answers: [id, shown name, port, online,
 * last_seen_ms, host] */
struct answer_node {
	struct node_id node;
	char name[SHOWN_NAME_MAX + 1]; /* name, or name~1a2b */
	uint16_t port;
	bool online;          /* live */
	int64_t last_seen_ms; /* wall clock; 0: never */
	struct host_id host;
};

/* How fresh an answer is. */
struct answer_fresh {
	bool complete;          /* all nodes live, every stream at its head */
	uint64_t oldest_age_ms; /* of the stream longest unheard */
	bool scanning;          /* a scan is going on here */
	bool syncing;           /* some stream is being pulled */
};

#endif
