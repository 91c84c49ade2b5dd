/*
 * channel_dial: whom it takes for the holder, and what ends it.
 *
 * A thread plays the holder over real TCP and TLS: honest, another node, with
 * a false signature, a stranger, silent at each stage, busy, speaking nonsense.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "channel.h"
#include "clock.h"
#include "frame.h"
#include "message.h"
#include "state.h"
#include "tls.h"
#include "trouble.h"

enum manner {
	HONEST,
	FALSE_SIGNATURE,
	STRANGER,     /* another mesh key */
	NO_TLS,       /* accepts and says nothing */
	NO_HELLO,
	NO_ANSWER,    /* to CHANNEL */
	BUSY,
	NONSENSE,     /* instead of HELLO */
	WRONG_ANSWER, /* of another request */
	HANGS_UP,     /* after HELLO */
	NOT_TLS,      /* speaks HTTP */
};

struct holder {
	enum manner manner;
	int listener;
	struct tls *tls;
	struct state state;
	pthread_t thread;
	bool signed_well; /* CHANNEL was */
	int release[2];   /* written to: go on and end */
};

static struct tls *our_tls;
static struct state ourselves;

static void
make_node(struct state *s)
{
	size_t n = sizeof(s->public_key);

	memset(s, 0, sizeof(*s));
	s->identity = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	assert_non_null(s->identity);
	assert_int_equal(EVP_PKEY_get_raw_public_key(s->identity,
						     s->public_key, &n),
			 1);
	identity_node_id(s->public_key, &s->node);
}

static bool
hello(struct holder *h, SSL *ssl, const uint8_t *exporter)
{
	uint8_t frame[FRAME_HEADER_BYTES + HELLO_BODY_BYTES_MAX];
	uint8_t said[HELLO_SIGNED_BYTES];
	struct message m = {.type = MESSAGE_HELLO};
	size_t bytes;

	m.u.hello.version_min = m.u.hello.version_max = 1;
	m.u.hello.run = 9;
	m.u.hello.port = 5000;
	strcpy(m.u.hello.name, "holder");
	memcpy(m.u.hello.key, h->state.public_key, PUBLIC_KEY_BYTES);
	bytes = hello_signed_bytes(HELLO_LISTENER, exporter, 9, said);
	assert_int_equal(state_sign(&h->state, said, bytes,
				    m.u.hello.signature),
			 0);
	if (h->manner == FALSE_SIGNATURE)
		m.u.hello.signature[3] ^= 1;
	bytes = message_encode(&m, frame, sizeof(frame));
	if (h->manner == NONSENSE)
		memset(frame + FRAME_HEADER_BYTES, 0xc1, 20);
	return SSL_write(ssl, frame, (int)bytes) == (int)bytes;
}

static void
answer(struct holder *h, struct channel *c, const uint8_t *exporter)
{
	uint8_t said[BULK_SIGNED_BYTES];
	struct bulk m;
	size_t bytes;

	if (channel_hear(c, CHANNEL_ASK_BYTES_MAX, 5000, &m) != CHANNEL_HEARD ||
	    m.type != BULK_CHANNEL)
		return;
	bytes = bulk_signed_bytes(exporter, m.u.channel.run, said);
	h->signed_well = identity_check(m.u.channel.key, said, bytes,
					m.u.channel.signature);
	if (h->manner == NO_ANSWER)
		return;
	m.type = h->manner == BUSY ? (uint32_t)MESSAGE_ERROR
				   : (uint32_t)BULK_CHANNEL_OPEN;
	m.request += h->manner == WRONG_ANSWER;
	if (h->manner == BUSY) {
		m.u.error.code = ERROR_BUSY;
		strcpy(m.u.error.text, "too many");
	} else {
		m.u.open = (struct bulk_open){.version = 1};
	}
	(void)channel_say_bulk(c, &m, 5000);
}

static void *
holder_main(void *arg)
{
	struct holder *h = arg;
	uint8_t exporter[HELLO_EXPORTER_BYTES];
	struct channel *c = NULL;
	int fd = accept4(h->listener, NULL, NULL, SOCK_CLOEXEC);
	SSL *ssl = tls_session(h->tls, false);
	char byte;

	SSL_set_fd(ssl, fd);
	if (h->manner == NOT_TLS)
		(void)send(fd, "HTTP/1.0 400 Bad Request\r\n\r\n", 28, 0);
	if (h->manner != NO_TLS && h->manner != NOT_TLS &&
	    SSL_accept(ssl) == 1) {
		tls_exporter(ssl, exporter);
		if (h->manner != NO_HELLO && hello(h, ssl, exporter) &&
		    h->manner != HANGS_UP) {
			c = channel_adopt(ssl, fd, &ourselves.node);
			answer(h, c, exporter);
		}
	}
	if (h->manner != HANGS_UP)
		(void)read(h->release[0], &byte, 1);
	if (c != NULL) {
		channel_free(c);
	} else {
		SSL_free(ssl);
		close(fd);
	}
	return NULL;
}

static void
begin(struct holder *h, enum manner manner, struct address *at)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t bytes = sizeof(a);
	uint8_t key[TLS_KEY_BYTES];
	struct trouble why;

	memset(h, 0, sizeof(*h));
	h->manner = manner;
	memset(key, manner == STRANGER ? 8 : 7, sizeof(key));
	h->tls = tls_new(key, &why);
	make_node(&h->state);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	h->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(h->listener, (struct sockaddr *)&a, sizeof(a)),
			 0);
	assert_int_equal(listen(h->listener, 5), 0);
	assert_int_equal(getsockname(h->listener, (struct sockaddr *)&a,
				     &bytes),
			 0);
	address_loopback(at, ntohs(a.sin_port));
	assert_int_equal(pipe(h->release), 0);
	pthread_create(&h->thread, NULL, holder_main, h);
}

static void
end(struct holder *h)
{
	assert_int_equal(write(h->release[1], "x", 1), 1);
	pthread_join(h->thread, NULL);
	close(h->release[0]);
	close(h->release[1]);
	close(h->listener);
	tls_free(h->tls);
	EVP_PKEY_free(h->state.identity);
}

static const struct channel_self *
self(void)
{
	static struct channel_self us;

	us = (struct channel_self){
		.tls = our_tls, .state = &ourselves, .run = 3};
	return &us;
}

/* Dial one that behaves so; what comes of it. */
static int
dial_one(enum manner manner, bool expect_it, unsigned timeout_ms)
{
	struct trouble why = {0};
	struct address at;
	struct channel *c;
	struct holder h;
	uint64_t start;

	begin(&h, manner, &at);
	start = clock_steady_ms();
	c = channel_dial(self(), &at,
			 expect_it ? &h.state.node : &ourselves.node,
			 timeout_ms, NULL, &why);
	assert_in_range(clock_steady_ms() - start, 0, timeout_ms + 10000);
	if (c != NULL) {
		assert_true(h.signed_well);
		assert_true(node_id_equal(channel_node(c), &h.state.node));
	}
	channel_free(c);
	end(&h);
	assert_true(c != NULL || why.text[0] != '\0');
	return c != NULL ? 0 : why.code;
}

static void
whom_it_takes(void **state)
{
	(void)state;
	assert_int_equal(dial_one(HONEST, true, 20000), 0);
	assert_int_equal(dial_one(HONEST, false, 20000), EHOSTUNREACH);
	assert_int_equal(dial_one(FALSE_SIGNATURE, true, 20000), EPROTO);
	assert_int_equal(dial_one(STRANGER, true, 20000), EACCES);
	assert_int_equal(dial_one(NOT_TLS, true, 20000), EACCES);
	assert_int_equal(dial_one(NONSENSE, true, 20000), EPROTO);
	assert_int_equal(dial_one(WRONG_ANSWER, true, 20000), EPROTO);
	assert_int_equal(dial_one(BUSY, true, 20000), EBUSY);
	assert_int_equal(dial_one(HANGS_UP, true, 20000), ECONNRESET);
}

static void
silence_has_an_end(void **state)
{
	(void)state;
	assert_int_equal(dial_one(NO_TLS, true, 300), ETIMEDOUT);
	assert_int_equal(dial_one(NO_HELLO, true, 300), ETIMEDOUT);
	assert_int_equal(dial_one(NO_ANSWER, true, 300), ETIMEDOUT);
}

static void
nobody_listens(void **state)
{
	struct trouble why = {0};
	struct address at;
	struct holder h;

	(void)state;
	begin(&h, NO_TLS, &at);
	channel_free(channel_dial(self(), &at, &h.state.node, 50, NULL, &why));
	end(&h);
	assert_null(channel_dial(self(), &at, &h.state.node, 5000, NULL,
				 &why));
	assert_int_equal(why.code, ECONNREFUSED);
}

static void *
pull(void *arg)
{
	channel_stop_pull(arg);
	return NULL;
}

static void
it_can_be_stopped(void **state)
{
	static const enum manner manners[] = {NO_TLS, NO_HELLO, NO_ANSWER};
	struct channel_stop *stop;
	struct trouble why = {0};
	struct address at;
	struct holder h;
	pthread_t thread;

	(void)state;
	for (unsigned n = 0; n < 3; n++) {
		begin(&h, manners[n], &at);
		stop = channel_stop_new();
		assert_non_null(stop);
		pthread_create(&thread, NULL, pull, stop);
		assert_null(channel_dial(self(), &at, &h.state.node, 60000,
					 stop, &why));
		assert_int_equal(why.code, ECANCELED);
		pthread_join(thread, NULL);
		channel_stop_free(stop);
		end(&h);
	}
}

static void *
cut(void *arg)
{
	channel_cut(arg);
	return NULL;
}

/* Whatever blocks ends at once, and stays ended. */
static void
it_can_be_cut(void **state)
{
	static uint8_t much[1 << 20];
	struct trouble why = {0};
	struct address at;
	struct channel *c;
	struct holder h;
	struct bulk m;
	pthread_t thread;

	(void)state;
	for (unsigned n = 0; n < 2; n++) {
		begin(&h, HONEST, &at);
		c = channel_dial(self(), &at, &h.state.node, 20000, NULL,
				 &why);
		assert_non_null(c);
		assert_int_equal(channel_hear(c, 1024, 20, &m),
				 CHANNEL_SILENT);
		pthread_create(&thread, NULL, cut, c);
		if (n == 0)
			assert_int_equal(channel_hear(c, 1024, 60000, &m),
					 CHANNEL_ENDED);
		else
			while (channel_say(c, much, sizeof(much), 60000))
				continue;
		pthread_join(thread, NULL);
		assert_int_equal(channel_hear(c, 1024, 60000, &m),
				 CHANNEL_ENDED);
		assert_false(channel_say(c, much, 1, 60000));
		channel_free(c);
		end(&h);
	}
}

/* They read nothing: it ends when they have taken no byte for so long. */
static void
it_is_not_read(void **state)
{
	static uint8_t much[1 << 20];
	struct trouble why = {0};
	struct address at;
	struct channel *c;
	struct holder h;
	unsigned n = 0;

	(void)state;
	begin(&h, HONEST, &at);
	c = channel_dial(self(), &at, &h.state.node, 20000, NULL, &why);
	assert_non_null(c);
	while (channel_say(c, much, sizeof(much), 200))
		assert_true(++n < 64);
	channel_free(c);
	end(&h);
}

/* ---- names --------------------------------------------------------------- */

static sem_t go_on;
static atomic_uint asked;

/* The system's resolver: one name has no answer until the test lets it. */
int
getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
	    struct addrinfo **out)
{
	int (*real)(const char *, const char *, const struct addrinfo *,
		    struct addrinfo **);
	void *found = dlsym(RTLD_NEXT, "getaddrinfo");

	if (strcmp(name, "slow.invalid") == 0 &&
	    (hints->ai_flags & AI_NUMERICHOST) == 0) {
		atomic_fetch_add(&asked, 1);
		while (sem_wait(&go_on) == -1)
			continue;
		return EAI_AGAIN;
	}
	memcpy(&real, &found, sizeof(real));
	return real(name, service, hints, out);
}

static int
dial_name(const char *name, unsigned timeout_ms, struct channel_stop *stop)
{
	struct address at = {.port = 9};
	struct node_id nobody = {{0}};
	struct trouble why = {0};

	snprintf(at.host, sizeof(at.host), "%s", name);
	assert_null(channel_dial(self(), &at, &nobody, timeout_ms, stop,
				 &why));
	return why.code;
}

/* A name server that does not answer takes no longer than the deadline, ends
 * when told to, and does not gather threads without end. */
static void
a_name_takes_its_time(void **state)
{
	struct channel_stop *stop = channel_stop_new();
	uint64_t began = clock_steady_ms();
	unsigned busy = 0;
	pthread_t thread;

	(void)state;
	assert_int_equal(sem_init(&go_on, 0, 0), 0);
	assert_int_equal(dial_name("slow.invalid", 100, NULL), ETIMEDOUT);
	pthread_create(&thread, NULL, pull, stop);
	assert_int_equal(dial_name("slow.invalid", 60000, stop), ECANCELED);
	pthread_join(thread, NULL);
	for (unsigned n = 0; n < 40; n++)
		busy += dial_name("slow.invalid", 1, NULL) == EAGAIN;
	assert_int_equal(busy, 40 - 14);
	assert_true(clock_steady_ms() - began < 20000);
	/* Two families are tried for each. */
	for (unsigned n = 0; n < 64; n++)
		sem_post(&go_on);
	while (atomic_load(&asked) < 32)
		sched_yield();
	/* All have gone: there is room for this one. */
	while (dial_name("localhost", 5000, NULL) == EAGAIN)
		sched_yield();
	assert_int_equal(dial_name("localhost", 5000, NULL), ECONNREFUSED);
	channel_stop_free(stop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_takes_its_time),
		cmocka_unit_test(whom_it_takes),
		cmocka_unit_test(silence_has_an_end),
		cmocka_unit_test(nobody_listens),
		cmocka_unit_test(it_can_be_stopped),
		cmocka_unit_test(it_can_be_cut),
		cmocka_unit_test(it_is_not_read),
	};
	uint8_t key[TLS_KEY_BYTES];
	struct trouble why;
	int failed;

	signal(SIGPIPE, SIG_IGN);
	memset(key, 7, sizeof(key));
	our_tls = tls_new(key, &why);
	make_node(&ourselves);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	EVP_PKEY_free(ourselves.identity);
	tls_free(our_tls);
	return failed;
}
