/*
 * daemon.h: one photod, put together: what main.c, the start and the callbacks
 * share.  No logic in here.
 */
#ifndef PHOTOMESH_DAEMON_H
#define PHOTOMESH_DAEMON_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include <event2/util.h>

#include "answers.h"
#include "beacon_frame.h"
#include "claim.h"
#include "driver.h"
#include "intake.h"
#include "options.h"
#include "state.h"

struct beacon;
struct catalogue;
struct clients;
struct consent;
struct consent_request;
struct event;
struct event_base;
struct fetching;
struct holdings;
struct mailbox;
struct pictures;
struct serving;
struct thumb_store;
struct thumbs;
struct tls;
struct trouble;
struct workers;

struct daemon {
	struct options options;
	struct claim claim;
	char name[NODE_NAME_BYTES_MAX + 1];
	char runtime[PATH_MAX];
	struct tls *tls;
	struct beacon_key beacon_key; /* with --discover */
	struct beacon *beacon;        /* NULL without */
	struct event_base *base;
	struct mailbox *ends; /* never freed: see driver.h */
	struct event *letters, *on_int, *on_term, *on_hup, *on_block;
	struct state *state;
	struct catalogue *catalogue;
	struct intake_roots recalled;
	struct consent *consent;
	struct holdings *holdings;
	struct serving *serving;
	struct driver *driver;
	struct fetching *fetching;
	struct clients *clients;
	struct intake *intake;
	struct workers *workers;   /* NULL: nobody looks into pictures */
	struct pictures *pictures; /* likewise */
	struct thumb_store *thumb_store;
	struct thumbs *thumbs; /* NULL: there was no memory */
	bool leaving;
	uint64_t looked_ms; /* for signals, while there is no loop */
	bool reborn;  /* start again under a new identity */
	bool damaged; /* start again with a new catalogue */
};

/* ---- daemon_start.c --------------------------------------------------- */

/* -1 with *why, or without when it is to end already (d->leaving); what has been
 * started is then for daemon_stop. */
int daemon_start(struct daemon *d, struct trouble *why);
/* All but the state; also after a start that failed. */
void daemon_stop(struct daemon *d);

/* ---- daemon_work.c ---------------------------------------------------- */

/* What nobody who asks has to wait for; -1 as above. */
int daemon_work(struct daemon *d, struct trouble *why);

/* ---- daemon_events.c: what a running photod is told; arg is the daemon  */

void on_crown(void *arg, const struct rank *now, const struct rank *was);
/* A client has a file to be looked into. */
bool on_look(void *arg, int fd, answers_looked *done, void *done_arg);
/* A client wants to see a photo, small. */
bool on_show(void *arg, const struct question_thumb *what,
	     answers_shown *done, void *done_arg);
/* On a query thread. */
void on_thumb_count(void *arg, uint64_t *kept, uint64_t *made);
/* For pictures and thumbnails, whenever that changes. */
void tell_who_is_live(struct daemon *d);
void on_news(void *arg, enum mesh_news what, const struct node_id *node,
	     const char *text);
void on_photos(void *arg, const struct photo_news *news, uint32_t count,
	       bool lost_some);
void on_stored(void *arg);
void on_scan(void *arg, const struct scan_progress *p);
void on_own_written(void *arg, bool failed, const struct write_result *result,
		    const struct trouble *why);
/* Somebody asks for a photo, and this node's owner is to say yes or no. */
void on_request(void *arg, const struct consent_request *r);
/* Somebody wants photos. */
void on_channel(void *arg, SSL *ssl, int fd, const struct node_id *node,
		uint32_t request);
/* Somebody with the key asks from elsewhere. */
void on_client(void *arg, struct bufferevent *bev, SSL *ssl, int fd);
void on_letters(evutil_socket_t fd, short what, void *arg);
void on_signal(evutil_socket_t number, short what, void *arg);
/* A client asks for what SIGTERM does. */
void on_leave(void *arg);
void on_new_life(void *arg);
void on_new_identity(void *arg);
void on_damage(void *arg, const struct trouble *what);
#ifdef PHOTOMESH_TEST_HOOKS
void on_block(evutil_socket_t number, short what, void *arg);
#endif

#endif
