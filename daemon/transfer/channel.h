/*
 * channel.h: one channel, for the thread that has it.
 *
 * Bulk bytes have threads of their own: whoever reads slowly stops one thread
 * in a write, and nobody else.  So everything here blocks, up to a time that
 * the caller names; channel_cut ends it from any other thread.  What the frames
 * mean is for serving.c and the lanes of fetch.c.  The process must ignore
 * SIGPIPE.
 */
#ifndef PHOTOMESH_CHANNEL_H
#define PHOTOMESH_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "bulk.h"
#include "ident.h"

struct state;
struct tls;
struct trouble;
struct channel;

/* Who we are when we dial; borrowed for the call, usable from any thread. */
struct channel_self {
	struct tls *tls;
	const struct state *state; /* the key that signs */
	uint64_t run;
};

/*
 * The asker's side: connect to `to` (a number or a host name), TLS, check that
 * it is `node`, CHANNEL, CHANNEL_OPEN; at most timeout_ms in all.  `stop` may be NULL: it lets another
 * thread end the dialling, too.  NULL with `why` when that fails; why->code is
 * what connect said, or
 *   ECANCELED     `stop` was pulled
 *   ETIMEDOUT     no answer in time
 *   ECONNRESET    the other end ended it
 *   EACCES        a stranger: not our mesh key
 *   EHOSTUNREACH  a member, but not `node`
 *   EBUSY         the holder serves as many as it will
 *   EPROTO, EPROTONOSUPPORT  nonsense, a false signature; no common version
 */
struct channel_stop; /* see channel_stop_new */
struct channel *channel_dial(const struct channel_self *self,
			     const struct address *to,
			     const struct node_id *node, unsigned timeout_ms,
			     struct channel_stop *stop, struct trouble *why);

/* The holder's side: a connection whose CHANNEL was accepted, not yet answered.
 * Takes over both; `fd` is non-blocking.  NULL: out of memory (both freed). */
struct channel *channel_adopt(SSL *ssl, int fd, const struct node_id *node);

/* Says close_notify if it can at once, closes. */
void channel_free(struct channel *c);
/* From any thread, while `c` lives: whatever blocks on it ends at once, and
 * everything after fails. */
void channel_cut(struct channel *c);
bool channel_is_cut(const struct channel *c);
const struct node_id *channel_node(const struct channel *c);

/*
 * All of it, or false: broken, cut, or no byte was taken for timeout_ms.  A
 * channel that failed once fails always.
 */
bool channel_say(struct channel *c, const uint8_t *frame, size_t bytes,
		 unsigned timeout_ms);
bool channel_say_bulk(struct channel *c, const struct bulk *m,
		      unsigned timeout_ms);

/* From now on nothing is waited for beyond then (steady clock), whatever comes
 * in drips meanwhile; UINT64_MAX: no such end. */
void channel_end_by(struct channel *c, uint64_t end_ms);

enum channel_heard {
	CHANNEL_HEARD,   /* *out; borrowed from the channel until the next hear */
	CHANNEL_SILENT,  /* no byte for timeout_ms; nothing is lost */
	CHANNEL_ENDED,   /* they closed it, or it was cut */
	CHANNEL_BROKEN,  /* nonsense: cut it */
};
/* The next frame, of at most body_bytes_max (allocated once, when first asked
 * for so many). */
enum channel_heard channel_hear(struct channel *c, size_t body_bytes_max,
				unsigned timeout_ms, struct bulk *out);

/*
 * The asker's side, while nothing is unanswered: have the holder hand over its
 * file of `photo`, open for reading, instead of sending the bytes.  Only of use
 * where both ends are on one machine.
 */
enum channel_handed {
	CHANNEL_HANDED,    /* *fd: the caller's; it is a regular file of the
			    * photo's size, and what it holds nobody has checked */
	CHANNEL_REFUSED,   /* *code: enum error_code; FETCH may be answered */
	CHANNEL_UNHANDED,  /* it cannot be done on this channel: FETCH */
	CHANNEL_LOST,      /* good for nothing more */
};
enum channel_handed channel_hand(struct channel *c,
				 const struct photo_id *photo,
				 unsigned timeout_ms, int *fd, uint32_t *code);

/* The asker's side: may THUMBS be asked? */
bool channel_has_thumbs(const struct channel *c);

/* Something that another thread may use to end a dial that is under way. */
struct channel_stop *channel_stop_new(void);
void channel_stop_free(struct channel_stop *s);
void channel_stop_pull(struct channel_stop *s);

#endif
