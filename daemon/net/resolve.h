/*
 * resolve.h: host names, off the loop thread.
 *
 * Looking up a name can block for half a minute.  For links (--join) one
 * thread does it, and the answer arrives on the loop thread; whoever dials a
 * channel uses transfer/lookup.h.
 */
#ifndef PHOTOMESH_RESOLVE_H
#define PHOTOMESH_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "ident.h"

struct mailbox;
struct resolver;

/* The thread starts with the first question.  NULL without memory. */
struct resolver *resolver_new(struct mailbox *ends);
/* Does not wait for a question that is being asked: its answer is dropped.
 * `ends` must live as long as the process. */
void resolver_free(struct resolver *r);

/* A number is taken apart at once: true.  False: it is a name. */
bool resolve_number(const struct address *a, struct sockaddr_storage *out,
		    socklen_t *bytes);

/* Look the name up here and now; it may take half a minute.  Not on the loop
 * thread. */
bool resolve_name(const struct address *a, struct sockaddr_storage *out,
		  socklen_t *bytes);

/* `answered` with bytes == 0 when there is no such name.  False: too many
 * questions wait already. */
bool resolver_ask(struct resolver *r, const struct address *a, uint64_t id,
		  void (*answered)(void *arg, uint64_t id,
				   const struct sockaddr_storage *to,
				   socklen_t bytes),
		  void *arg);

#endif
