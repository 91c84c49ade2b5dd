/*
 * tunnel.h: the way to a daemon elsewhere: TCP, and TLS 1.3 with the mesh key.
 *
 * Opening takes as long as it may and ends with Ctrl-C; from then on nothing
 * blocks.  Who is at the other end is proved by the key: whoever has it is of
 * the mesh, and nobody else learns even what is asked.
 */
#ifndef PHOTO_TUNNEL_H
#define PHOTO_TUNNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct failure;
struct tunnel;

#define TUNNEL_HOST_MAX 253u

/* HOST:PORT or [IPV6]:PORT taken apart; false when it is neither. */
bool tunnel_parse(const char *where, char host[TUNNEL_HOST_MAX + 1],
		  char port[6]);

/*
 * To `where`, which tunnel_parse accepts, with the key in `key_file` (NULL: the
 * usual one), until until_ms of call_now_ms.  NULL with *why.
 */
struct tunnel *tunnel_open(const char *where, const char *key_file,
			   int64_t until_ms, struct failure *why);
void tunnel_free(struct tunnel *t);
/* To be polled; the tunnel's. */
int tunnel_fd(const struct tunnel *t);
/* As recv and send on a socket that does not block. */
ssize_t tunnel_read(struct tunnel *t, void *out, size_t max);
ssize_t tunnel_write(struct tunnel *t, const void *bytes, size_t count);
/* There is something to be read of which poll() knows nothing. */
bool tunnel_pending(const struct tunnel *t);

#endif
