#include "tunnel.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "call.h"
#include "failure.h"
#include "key.h"
#include "late_ssl.h"

#define SUITE              "TLS_AES_128_GCM_SHA256"
#define LOOK_AGAIN_MS      100
#define KEEP_ALIVE_SECONDS 30
#define KEEP_ALIVE_COUNT   4

static const unsigned char identity[] = "photomesh";

struct tunnel {
	SSL_CTX *context;
	SSL *ssl;
	int fd;
	uint8_t key[KEY_BYTES];
};

bool
tunnel_parse(const char *where, char host[TUNNEL_HOST_MAX + 1], char port[6])
{
	const char *colon = strrchr(where, ':');
	size_t bytes, digits;

	if (colon == NULL)
		return false;
	bytes = (size_t)(colon - where);
	digits = strlen(colon + 1);
	if (digits == 0 || digits > 5 ||
	    strspn(colon + 1, "0123456789") != digits ||
	    strtoul(colon + 1, NULL, 10) - 1 >= 65535)
		return false;
	if (bytes > 2 && where[0] == '[' && where[bytes - 1] == ']') {
		where++;
		bytes -= 2;
	} else if (memchr(where, ':', bytes) != NULL) {
		return false;
	}
	if (bytes == 0 || bytes > TUNNEL_HOST_MAX)
		return false;
	memcpy(host, where, bytes);
	host[bytes] = '\0';
	memcpy(port, colon + 1, digits + 1);
	return true;
}

/* ---- the key ---------------------------------------------------------- */

/* Runs again, with md set, after a HelloRetryRequest. */
static int
on_use(SSL *s, const EVP_MD *md, const unsigned char **id, size_t *id_bytes,
       SSL_SESSION **out)
{
	static const unsigned char suite_bytes[2] = {0x13, 0x01};
	const struct tunnel *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(s));
	const SSL_CIPHER *suite = SSL_CIPHER_find(s, suite_bytes);
	SSL_SESSION *session = SSL_SESSION_new();

	if (suite == NULL || session == NULL ||
	    !SSL_SESSION_set1_master_key(session, t->key, sizeof(t->key)) ||
	    !SSL_SESSION_set_cipher(session, suite) ||
	    !SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION) ||
	    (md != NULL && SSL_CIPHER_get_handshake_digest(suite) != md)) {
		SSL_SESSION_free(session);
		return 0;
	}
	*id = identity;
	*id_bytes = sizeof(identity) - 1;
	*out = session;
	return 1;
}

static int
make_session(struct tunnel *t, struct failure *why)
{
	t->context = SSL_CTX_new(TLS_client_method());
	if (t->context == NULL ||
	    !SSL_CTX_set_min_proto_version(t->context, TLS1_3_VERSION) ||
	    !SSL_CTX_set_ciphersuites(t->context, SUITE) ||
	    !SSL_CTX_set1_groups_list(t->context, "X25519"))
		return failure_set(why, ENDING_FAILED, "cannot set up TLS");
	SSL_CTX_set_options(t->context,
			    SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_session_cache_mode(t->context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(t->context, SSL_MODE_ENABLE_PARTIAL_WRITE |
					     SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	/* Never an unchecked certificate: a stranger's server is refused. */
	SSL_CTX_set_verify(t->context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_app_data(t->context, t);
	SSL_CTX_set_psk_use_session_callback(t->context, on_use);
	if ((t->ssl = SSL_new(t->context)) == NULL)
		return failure_set(why, ENDING_FAILED, "out of memory");
	return 0;
}

/* ---- a name, a connection, a proof ------------------------------------- */

static int64_t
time_left(int64_t until_ms)
{
	int64_t left = until_ms - call_now_ms();

	return left > 0 ? left : 0;
}

static int
fail_late(const char *where, struct failure *why)
{
	if (call_interrupted())
		return failure_set(why, ENDING_INTERRUPTED, "%s", "");
	return failure_set(why, ENDING_TIMED_OUT,
			   "no answer from %s in time; is the machine on, and "
			   "is that where its daemon listens?",
			   where);
}

/* A number is no question; a name is asked for by getaddrinfo_a, as that may
 * take longer than anybody wants to wait. */
static int
find_host(const char *where, int64_t until_ms, struct addrinfo **out,
	  struct failure *why)
{
	const struct addrinfo number = {.ai_socktype = SOCK_STREAM,
					.ai_flags = AI_NUMERICHOST};
	/* Given up, it goes on: what it writes to must stay. */
	static struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	static char host[TUNNEL_HOST_MAX + 1], port[6];
	static struct gaicb question, *list[] = {&question};
	int code;

	(void)tunnel_parse(where, host, port);
	if (getaddrinfo(host, port, &number, out) == 0)
		return 0;
	question = (struct gaicb){
		.ar_name = host, .ar_service = port, .ar_request = &hints};
	code = getaddrinfo_a(GAI_NOWAIT, list, 1, NULL);
	while (code == 0 && (code = gai_error(&question)) == EAI_INPROGRESS) {
		struct timespec wait = {.tv_nsec = LOOK_AGAIN_MS * 1000000};

		if (call_interrupted() || time_left(until_ms) == 0)
			return fail_late(where, why);
		(void)gai_suspend((const struct gaicb *const *)list, 1, &wait);
		code = 0;
	}
	if (code != 0)
		return failure_set(why, ENDING_NO_DAEMON,
				   "there is no host '%s': %s", host,
				   gai_strerror(code));
	*out = question.ar_result;
	return 0;
}

/* 1: it is so; 0: too late, or Ctrl-C. */
static int
await(int fd, short events, int64_t until_ms)
{
	struct pollfd p = {.fd = fd, .events = events};

	while (!call_interrupted() && time_left(until_ms) > 0) {
		int64_t left = time_left(until_ms);

		if (poll(&p, 1, left > LOOK_AGAIN_MS ? LOOK_AGAIN_MS
						     : (int)left) > 0)
			return 1;
	}
	return 0;
}

/* A connected socket, or -1 with errno; 0 there means too late. */
static int
connect_to(const struct addrinfo *to, int64_t until_ms)
{
	static const int on = 1, idle = KEEP_ALIVE_SECONDS,
			 count = KEEP_ALIVE_COUNT;
	int fd, code = 0;
	socklen_t bytes = sizeof(code);

	fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		    0);
	if (fd == -1)
		return -1;
	if (connect(fd, to->ai_addr, to->ai_addrlen) == -1) {
		code = errno;
		if (code == EINPROGRESS &&
		    (await(fd, POLLOUT, until_ms) == 0 ||
		     getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &bytes) == -1))
			code = -1;
	}
	if (code != 0) {
		close(fd);
		errno = code == -1 ? 0 : code;
		return -1;
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	/* Who watches says nothing: a machine switched off must be noticed. */
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &idle, sizeof(idle));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	return fd;
}

static int
reach(struct tunnel *t, const char *where, int64_t until_ms,
      struct failure *why)
{
	struct addrinfo *all = NULL;
	int code = 0;

	if (find_host(where, until_ms, &all, why) == -1)
		return -1;
	for (const struct addrinfo *a = all; a != NULL && t->fd == -1;
	     a = a->ai_next) {
		if ((t->fd = connect_to(a, until_ms)) == -1)
			code = errno;
	}
	freeaddrinfo(all);
	if (t->fd != -1)
		return 0;
	if (code == 0)
		return fail_late(where, why);
	return failure_set(why, ENDING_NO_DAEMON,
			   "no daemon answers at %s (%s); start one there with: "
			   "photod --listen ADDRESS FOLDER",
			   where, strerror(code));
}

static int
prove(struct tunnel *t, const char *where, int64_t until_ms,
      struct failure *why)
{
	int r, want;

	if (SSL_set_fd(t->ssl, t->fd) != 1)
		return failure_set(why, ENDING_FAILED, "out of memory");
	for (;;) {
		ERR_clear_error();
		if ((r = SSL_connect(t->ssl)) == 1)
			break;
		want = SSL_get_error(t->ssl, r);
		if (want != SSL_ERROR_WANT_READ && want != SSL_ERROR_WANT_WRITE)
			break;
		if (await(t->fd, want == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT,
			  until_ms) == 0)
			return fail_late(where, why);
	}
	if (r == 1 && SSL_version(t->ssl) == TLS1_3_VERSION &&
	    SSL_session_reused(t->ssl) == 1)
		return 0;
	return failure_set(why, ENDING_REFUSED,
			   "what answers at %s does not hold our mesh key; take "
			   "the key from there ('photod --show-key'), or give "
			   "--key FILE",
			   where);
}

struct tunnel *
tunnel_open(const char *where, const char *key_file, int64_t until_ms,
	    struct failure *why)
{
	struct tunnel *t = calloc(1, sizeof(*t));

	if (t == NULL || !late_ssl_load()) {
		failure_set(why, ENDING_FAILED,
			    t == NULL ? "out of memory" :
					"OpenSSL cannot be loaded: install "
					"libssl3");
		free(t);
		return NULL;
	}
	t->fd = -1;
	if (key_load(key_file, t->key, why) == 0 &&
	    make_session(t, why) == 0 && reach(t, where, until_ms, why) == 0 &&
	    prove(t, where, until_ms, why) == 0)
		return t;
	tunnel_free(t);
	return NULL;
}

void
tunnel_free(struct tunnel *t)
{
	if (t == NULL)
		return;
	SSL_free(t->ssl);
	SSL_CTX_free(t->context);
	if (t->fd != -1)
		close(t->fd);
	explicit_bzero(t->key, sizeof(t->key));
	free(t);
}

/* ---- bytes -------------------------------------------------------------- */

int
tunnel_fd(const struct tunnel *t)
{
	return t->fd;
}

static ssize_t
failed(struct tunnel *t, int r)
{
	switch (SSL_get_error(t->ssl, r)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		errno = EAGAIN;
		return -1;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	}
	errno = ECONNRESET;
	return -1;
}

ssize_t
tunnel_read(struct tunnel *t, void *out, size_t max)
{
	size_t n;
	int r;

	ERR_clear_error();
	r = SSL_read_ex(t->ssl, out, max, &n);
	return r == 1 ? (ssize_t)n : failed(t, r);
}

ssize_t
tunnel_write(struct tunnel *t, const void *bytes, size_t count)
{
	size_t n;
	int r;

	ERR_clear_error();
	r = SSL_write_ex(t->ssl, bytes, count, &n);
	return r == 1 ? (ssize_t)n : failed(t, r);
}

bool
tunnel_pending(const struct tunnel *t)
{
	/* Not SSL_has_pending: half a record is nothing to be read. */
	return SSL_pending(t->ssl) > 0;
}
