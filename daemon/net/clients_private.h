/*
 * clients_private.h: the inside of the clients, for clients*.c only.
 */
#ifndef PHOTOMESH_CLIENTS_PRIVATE_H
#define PHOTOMESH_CLIENTS_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>
#include <sys/types.h>
#include <sys/un.h>

#include "clients.h"
#include "log.h"
#include "question.h"

struct answer_event;
struct answers;
struct evconnlistener;
struct evbuffer;
struct event;
struct frame;
struct outlet;

#define CLIENT_OPEN_MAX 16u /* questions without their last answer */
/* The same, with those whose answers were sent and whose letters are to come. */
#define CLIENT_ASKED_MAX (2u * CLIENT_OPEN_MAX)
#define CLIENT_OUT_MAX  ((size_t)4 << 20)
#define WATCH_OUT_MAX   ((size_t)256 << 10) /* no photo events above */

struct client {
	TAILQ_ENTRY(client) next;
	struct clients *clients;
	uint64_t id;
	struct bufferevent *bev;
	uint32_t open; /* questions under way, a watch not counted ... */
	struct asked {
		uint32_t request;
		bool large; /* its answer may fill a frame */
	} asked[CLIENT_ASKED_MAX]; /* ... these */
	/* clients_read.c: of the Unix socket only, else NULL */
	struct evbuffer *in;
	struct event *readable;
	bool reads;
	size_t want_bytes;
	int fds[CLIENT_FDS_MAX]; /* that no GET has taken yet */
	uint32_t fd_count;
	/* clients_out.c: of the Unix socket only, else NULL */
	struct outlet *outlet; /* a reference; below bev */
	struct evbuffer *held; /* to go out behind an answer */
	bool greeted;             /* CLIENT_HELLO was accepted */
	bool watching, paused;
	bool closing; /* say what is queued, then go */
	bool doomed;  /* for the reaper */
	bool remote;  /* not from the Unix socket */
	bool parting; /* remote, and all is said: until they close, too */
	uint64_t part_ms; /* ... but not for longer */
	struct ssl_st *ssl; /* remote: owned, below bev; or NULL */
	int fd;             /* the same; -1 */
	bool leaving; /* has asked the daemon to leave, and is being told DONE */
	uint32_t watch_request;
	uint64_t lost;  /* photo events left out */
	bool lost_some; /* and others, nobody knows how many */
	uint64_t active_ms;
};
TAILQ_HEAD(client_list, client);

struct clients {
	struct clients_config config;
	struct answers *answers;
	struct question_decoder *decoder;
	struct evconnlistener *listener;
	struct event *reaper, *ticker, *accept_again;
	/* clients_path.c: looks, and is told */
	struct event *looker, *path_told;
	int path_fd;    /* of inotify; -1: none */
	int path_watch; /* -1: none */
	bool path_away;
	struct log_gate accept_gate, path_gate;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	dev_t path_dev;
	ino_t path_ino;
	uint64_t last_id;
	uint32_t count, watchers;
	uint32_t remote_count; /* of count */
	struct client_list list;
};

/* clients.c: who is here.  Takes `bev` and what it is of the Unix socket by
 * (NULL: it is remote); NULL when there is no place for it, and both are let
 * go. */
struct client *clients_admit(struct clients *all, struct bufferevent *bev,
			     struct outlet *outlet);

/* clients_socket.c: where they come from.  Closing does nothing about what was
 * never opened. */
int clients_listen(struct clients *c, struct trouble *why);
void clients_unlisten(struct clients *c);
/* A new listener at the path, in the place of an old one. */
int clients_listen_again(struct clients *c, struct trouble *why);

/* clients_path.c: the path is made again when it goes */
int clients_keep_path(struct clients *c, struct trouble *why);
void clients_let_path(struct clients *c);

/* clients_frames.c: one client's bytes.  None of these frees it. */
void client_start(struct client *c);
/* Judge again what has been read already: it wakes nobody by itself. */
void client_wake(struct client *c);
/* It must go; the reaper frees it. */
void client_doom(struct client *c);
/* Let it read what is queued, then hang up. */
void client_close(struct client *c);
/* A frame of an answer, borrowed, of which said_bytes are out; `last` makes
 * room for another question. */
void client_answer(struct client *c, uint32_t request, const uint8_t *frame,
		   size_t frame_bytes, size_t said_bytes, bool last);

/* There is something to judge; it has ended or failed. */
void client_readable(struct client *c);
void client_ended(struct client *c);

/* clients_read.c: its bytes and descriptors as they come */
int client_read_init(struct client *c); /* 0, or -1 when out of memory */
void client_read_release(struct client *c);
struct evbuffer *client_input(const struct client *c);
/* Call client_readable only with so many bytes in hand. */
void client_await(struct client *c, size_t want_bytes);
void client_reading(struct client *c, bool on);
/* The oldest that waits, now the caller's; -1: none. */
int client_take_fd(struct client *c);

/* clients_out.c: what is said to it.  0, or -1 when out of memory. */
int client_out_init(struct client *c);
void client_out_release(struct client *c);
size_t client_queued(const struct client *c); /* bytes on their way out */
void client_write(struct client *c, const uint8_t *frame, size_t frame_bytes);
/* The letter of an answer whose beginning, at least, is out. */
void client_said(struct client *c, const uint8_t *rest, size_t rest_bytes);
/* Some of the queue has been written. */
void client_written(struct client *c);
void client_say(struct client *c, const struct question *q);
void client_refuse(struct client *c, uint32_t request, enum error_code code,
		   const char *text);

/* It is told DONE; once that is out, config.on_leave is called. */
void client_take_leave(struct client *c, uint32_t request);

/* clients_questions.c: what they ask.  0, or -1 when out of memory. */
int clients_make_answers(struct clients *c);
void clients_free_answers(struct clients *c);
/* One frame of a client, borrowed. */
void client_heard(struct client *c, const struct frame *f);

/* clients_watch.c: what they are told unasked */
void client_watch(struct client *c, uint32_t request);
/* Once it reads again it learns what it missed, before anything newer. */
void client_tell_lost(struct client *c);

#endif
