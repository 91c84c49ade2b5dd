/*
 * clients.h: where `photo` asks: the Unix socket, and TLS for who comes from far.
 *
 * Accepts, frames, hands questions to answer/, sends what comes back.  A
 * client that does not read is hung up on; one that asks nonsense is told so
 * once and hung up on.
 */
#ifndef PHOTOMESH_CLIENTS_H
#define PHOTOMESH_CLIENTS_H

#include <stdint.h>

#include "answers.h"
#include "driver.h"

struct bufferevent;
struct consent;
struct consent_request;
struct event_base;
struct fetching;
struct intake;
struct ssl_st;
struct trouble;
struct clients;

struct clients_config {
	struct event_base *base;
	const char *runtime_dir; /* made already, 0700; made again if it goes */
	uint16_t port; /* names the socket: <runtime_dir>/<port>.sock */
	struct driver *driver;
	struct catalogue *catalogue;
	struct fetching *fetching;
	const struct state *state;
	struct intake *intake; /* may be NULL until clients_set_intake */
	struct consent *consent; /* may be NULL */
	/* A client of this machine wants the daemon to say goodbye and stop;
	 * it has been told so already.  May come more than once. */
	void (*on_leave)(void *arg);
	void *arg;
};

/* A socket that nobody answers is stale and removed; a path over 107 bytes is
 * refused with the remedy.  NULL on failure. */
struct clients *clients_new(const struct clients_config *config,
			    struct trouble *why);
void clients_set_intake(struct clients *c, struct intake *intake);
/* Who answers LOOK; NULL: nobody any more. */
void clients_set_look(struct clients *c, answers_looker *look, void *arg);
void clients_set_thumbs(struct clients *c, answers_shower *show,
			answers_thumb_count *count, void *arg);
/* A connection that has proved by TLS and the mesh key that it may ask, and
 * whose CLIENT_HELLO is the next thing to be read.  Takes ownership, as of what
 * lies below `bev`: `ssl` (may be NULL) and `fd` (-1: none), freed after it. */
void clients_adopt(struct clients *c, struct bufferevent *bev,
		   struct ssl_st *ssl, int fd);
/* Closes and removes the socket. */
void clients_free(struct clients *c);

/* Events for those who watch; call from the driver's and intake's callbacks
 * (loop thread). */
void clients_crown(struct clients *c, const struct rank *now,
		   const struct rank *was);
void clients_news(struct clients *c, enum mesh_news what,
		  const struct node_id *node, const char *text);
void clients_photos(struct clients *c, const struct photo_news *news,
		    uint32_t count, bool lost_some);
void clients_request(struct clients *c, const struct consent_request *r);
struct scan_progress;
void clients_scan(struct clients *c, const struct scan_progress *p);

#endif
