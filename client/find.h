/*
 * find.h: where daemons of this machine may be listening.
 *
 * Looks at directories only; whether anybody answers is call_look.c's affair.
 */
#ifndef PHOTO_FIND_H
#define PHOTO_FIND_H

#include <stddef.h>
#include <stdint.h>

#include <sys/un.h>

#define FOUND_MAX 256u

struct found {
	uint16_t port;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

/*
 * Sockets named PORT.sock, by port; only that port's unless 0.  A directory
 * that another user could write to is not looked at, for whoever listens
 * there could tell us anything.  Returns their number, at most `max`.
 */
size_t find_sockets(uint16_t port, struct found *out, size_t max);

#endif
