/*
 * hatch.c: handing open files through a Unix socket.
 *
 * The socket's name is abstract: nothing lies in a file system that would have
 * to be found by both or swept up after a crash, and it exists in one network
 * namespace only, so a container with the same host id finds nobody.  Anybody
 * may connect to such a name; the kernel says who did.
 */
#include "hatch.h"

#include <stddef.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "bytes.h"
#include "ident.h"

#define NAME          "photomesh-"
#define NAME_BYTES    (sizeof(NAME) - 1)
#define KNOCKS_MAX    8u /* that wait; looked at in one go */
#define REQUEST_BYTES 4u
#define FDS_MAX       4u /* room for more than is lawful, to close them */

static socklen_t
name_it(const uint8_t at[HATCH_AT_BYTES], struct sockaddr_un *out)
{
	memset(out, 0, sizeof(*out));
	out->sun_family = AF_UNIX;
	memcpy(out->sun_path + 1, NAME, NAME_BYTES);
	hex_encode(at, HATCH_AT_BYTES, out->sun_path + 1 + NAME_BYTES);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   NAME_BYTES + 2u * HATCH_AT_BYTES);
}

static int
make_socket(void)
{
	return socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
		      0);
}

static bool
is_our_user(int fd)
{
	struct ucred who;
	socklen_t bytes = sizeof(who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &bytes) == 0 &&
	       who.uid == geteuid();
}

/* ---- the holder's side --------------------------------------------------- */

static void
shut(int *fd)
{
	if (*fd != -1)
		close(*fd);
	*fd = -1;
}

void
hatch_init(struct hatch *h)
{
	h->listener = h->fd = -1;
}

void
hatch_rest(struct hatch *h)
{
	shut(&h->listener);
}

void
hatch_close(struct hatch *h)
{
	shut(&h->listener);
	shut(&h->fd);
}

bool
hatch_open(struct hatch *h, struct bulk_hatch *where)
{
	struct sockaddr_un name;
	socklen_t bytes;

	hatch_close(h);
	if (getrandom(where->at, HATCH_AT_BYTES, 0) != HATCH_AT_BYTES ||
	    getrandom(where->ticket, HATCH_TICKET_BYTES, 0) !=
		    HATCH_TICKET_BYTES ||
	    (h->listener = make_socket()) == -1)
		return false;
	memcpy(h->ticket, where->ticket, HATCH_TICKET_BYTES);
	bytes = name_it(where->at, &name);
	if (bind(h->listener, (const struct sockaddr *)&name, bytes) == 0 &&
	    listen(h->listener, (int)KNOCKS_MAX - 1) == 0)
		return true;
	shut(&h->listener);
	return false;
}

static bool
has_ticket(const struct hatch *h, int fd)
{
	uint8_t said[HATCH_TICKET_BYTES + 1];

	return recv(fd, said, sizeof(said), MSG_DONTWAIT) ==
		       HATCH_TICKET_BYTES &&
	       CRYPTO_memcmp(said, h->ticket, HATCH_TICKET_BYTES) == 0;
}

/* Who has claimed it did so before they asked to be handed anything; so there
 * is nothing to wait for, and the ticket is worth nothing afterwards. */
static void
let_in(struct hatch *h)
{
	const int least = 1;

	for (unsigned n = 0; n < KNOCKS_MAX && h->fd == -1; n++) {
		int fd = accept4(h->listener, NULL, NULL,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd == -1)
			break;
		if (is_our_user(fd) && has_ticket(h, fd))
			h->fd = fd;
		else
			close(fd);
	}
	shut(&h->listener);
	/* What is handed and not taken counts as ours: let it be few. */
	if (h->fd != -1)
		(void)setsockopt(h->fd, SOL_SOCKET, SO_SNDBUF, &least,
				 sizeof(least));
}

bool
hatch_hand(struct hatch *h, uint32_t request, int fd)
{
	uint8_t said[REQUEST_BYTES], *at = said;
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} with;
	struct iovec bytes = {said, sizeof(said)};
	struct msghdr m = {.msg_iov = &bytes,
			   .msg_iovlen = 1,
			   .msg_control = &with,
			   .msg_controllen = sizeof(with.room)};

	if (h->listener != -1)
		let_in(h);
	if (h->fd == -1)
		return false;
	put_be(&at, request, REQUEST_BYTES);
	memset(&with, 0, sizeof(with));
	with.head.cmsg_level = SOL_SOCKET;
	with.head.cmsg_type = SCM_RIGHTS;
	with.head.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&with.head), &fd, sizeof(fd));
	if (sendmsg(h->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT) ==
	    (ssize_t)sizeof(said))
		return true;
	shut(&h->fd);
	return false;
}

/* ---- the asker's side ---------------------------------------------------- */

int
hatch_claim(const struct bulk_hatch *where)
{
	struct sockaddr_un name;
	socklen_t bytes = name_it(where->at, &name);
	int fd = make_socket();

	if (fd == -1)
		return -1;
	/* To nobody but our own user's process: once the holder has closed it,
	 * anybody could take the name, which all can see. */
	if (connect(fd, (const struct sockaddr *)&name, bytes) == 0 &&
	    is_our_user(fd) &&
	    send(fd, where->ticket, HATCH_TICKET_BYTES,
		 MSG_NOSIGNAL | MSG_DONTWAIT) == HATCH_TICKET_BYTES)
		return fd;
	close(fd);
	return -1;
}

/* All that came, at most `max`, which is more than may come. */
static unsigned
gather(struct msghdr *m, int *out, unsigned max)
{
	unsigned count = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL;
	     c = CMSG_NXTHDR(m, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n && count < max; i++)
			memcpy(&out[count++], CMSG_DATA(c) + i * sizeof(int),
			       sizeof(int));
	}
	return count;
}

int
hatch_take(int hatch, uint32_t request)
{
	uint8_t said[REQUEST_BYTES + 1], want[REQUEST_BYTES], *at = want;
	int fds[FDS_MAX];
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} with;
	struct iovec bytes = {said, sizeof(said)};
	struct msghdr m = {.msg_iov = &bytes,
			   .msg_iovlen = 1,
			   .msg_control = &with,
			   .msg_controllen = sizeof(with.room)};
	ssize_t n = recvmsg(hatch, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	unsigned count = n == -1 ? 0 : gather(&m, fds, FDS_MAX);

	put_be(&at, request, REQUEST_BYTES);
	if (n == REQUEST_BYTES && memcmp(said, want, REQUEST_BYTES) == 0 &&
	    count == 1 && (m.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) == 0)
		return fds[0];
	while (count > 0)
		close(fds[--count]);
	return -1;
}
