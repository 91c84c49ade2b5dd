/*
 * question_samples.h: one small question or answer of each kind that
 * PROTOCOL.md works out in hex.
 */
#ifndef PHOTOMESH_QUESTION_SAMPLES_H
#define PHOTOMESH_QUESTION_SAMPLES_H

#include <string.h>

#include "question.h"

struct question_samples {
	struct answer_node node;
	struct answer_copy copy;
	struct answer_photo photo;
};

/* `s` is what lists in *q point into. */
static inline void
question_sample(struct question_samples *s, uint32_t type, struct question *q)
{
	memset(s, 0, sizeof(*s));
	memset(q, 0, sizeof(*q));
	q->type = type;
	memset(s->node.node.bytes, 0xa1, NODE_ID_BYTES);
	memset(s->node.host.bytes, 0x22, HOST_ID_BYTES);
	strcpy(s->node.name, "alice");
	s->node.port = 5000;
	s->node.online = true;
	s->node.last_seen_ms = INT64_C(1700000000000);
	s->copy.label = (const uint8_t *)"photos";
	s->copy.label_bytes = 6;
	s->copy.path = (const uint8_t *)"2023/beach.jpg";
	s->copy.path_bytes = 14;
	s->copy.mtime_ns = INT64_C(1688205600000000000);
	s->copy.online = true;
	for (unsigned i = 0; i < PHOTO_HASH_BYTES; i++)
		s->photo.id.hash[i] = (uint8_t)(0x10 + i);
	s->photo.id.size = 4096;
	strcpy(s->photo.type, "image/jpeg");
	s->photo.name = (const uint8_t *)"beach.jpg";
	s->photo.name_bytes = 9;
	s->photo.mtime_ns = s->copy.mtime_ns;
	s->photo.added_ms = INT64_C(1700000000000);
	s->photo.copies = 1;
	s->photo.copy_count = 1;
	s->photo.rows = &s->copy;
	strcpy(s->photo.taken, "2023-07-01T12:00:00+02:00");
	s->photo.width = 4000;
	s->photo.height = 3000;
	s->photo.date_ms = INT64_C(1688212800000);
	s->photo.dated = META_TAKEN_EXIF;
	switch (type) {
	case CLIENT_HELLO:
		q->request = 1;
		q->u.hello = (struct question_hello){1, 1, "example"};
		break;
	case CLIENT_WELCOME:
		q->request = 1;
		q->u.welcome.version = 1;
		q->u.welcome.node = s->node.node;
		strcpy(q->u.welcome.name, "alice");
		q->u.welcome.port = 5000;
		strcpy(q->u.welcome.software, "photod 0.1.0");
		break;
	case CLIENT_LIST:
		q->request = 2;
		strcpy(q->u.list.text, "beach");
		q->u.list.limit = 10;
		break;
	case CLIENT_PHOTOS:
		q->request = 2;
		q->u.photos.fresh.complete = true;
		q->u.photos.node_count = 1;
		q->u.photos.nodes = &s->node;
		q->u.photos.photo_count = 1;
		q->u.photos.photos = &s->photo;
		break;
	}
}

#endif
