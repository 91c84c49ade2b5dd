/*
 * lookup.h: a holder's address, by a deadline.
 *
 * The system's resolver may take half a minute and cannot be ended; whoever
 * dials can neither wait so long nor be deaf to being stopped.
 */
#ifndef PHOTOMESH_LOOKUP_H
#define PHOTOMESH_LOOKUP_H

#include <stdint.h>
#include <sys/socket.h>

#include "ident.h"

/*
 * Look a host name up and wait for that, but not beyond until_ms (steady
 * clock), nor once stop_fd (-1: none) is readable.  Any thread but the loop's.
 * 0, or
 *   EADDRNOTAVAIL  there is no such name
 *   ETIMEDOUT, ECANCELED
 *   EBUSY          too many such questions are being asked already: one given
 *                  up on goes on by itself until the resolver answers
 *   ENOMEM
 */
int lookup_host(const struct address *a, uint64_t until_ms, int stop_fd,
		struct sockaddr_storage *out, socklen_t *bytes);

#endif
