#include "tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "hello.h"
#include "trouble.h"

#define SUITE "TLS_AES_128_GCM_SHA256"

static const unsigned char suite_bytes[2] = {0x13, 0x01};
static const unsigned char identity[] = "photomesh";

struct tls {
	SSL_CTX *dialling, *listening;
	uint8_t key[TLS_KEY_BYTES];
};

/* Owned by OpenSSL once a callback has given it away. */
static SSL_SESSION *
psk_session(SSL *s)
{
	const struct tls *t = SSL_CTX_get_app_data(SSL_get_SSL_CTX(s));
	const SSL_CIPHER *suite = SSL_CIPHER_find(s, suite_bytes);
	SSL_SESSION *session = SSL_SESSION_new();

	if (suite == NULL || session == NULL ||
	    !SSL_SESSION_set1_master_key(session, t->key, sizeof(t->key)) ||
	    !SSL_SESSION_set_cipher(session, suite) ||
	    !SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION)) {
		SSL_SESSION_free(session);
		return NULL;
	}
	return session;
}

/* Dialling.  Runs again, with md set, after a HelloRetryRequest. */
static int
on_use(SSL *s, const EVP_MD *md, const unsigned char **id, size_t *id_bytes,
       SSL_SESSION **out)
{
	SSL_SESSION *session = psk_session(s);

	if (session == NULL)
		return 0;
	if (md != NULL &&
	    SSL_CIPHER_get_handshake_digest(SSL_SESSION_get0_cipher(session)) !=
		    md) {
		SSL_SESSION_free(session);
		*id = NULL;
		*id_bytes = 0;
		*out = NULL;
		return 1;
	}
	*id = identity;
	*id_bytes = sizeof(identity) - 1;
	*out = session;
	return 1;
}

/* Listening.  An unknown identity finds nothing; the handshake then fails,
 * as there is no certificate to fall back to. */
static int
on_find(SSL *s, const unsigned char *id, size_t id_bytes, SSL_SESSION **out)
{
	*out = NULL;
	if (id_bytes != sizeof(identity) - 1 ||
	    memcmp(id, identity, id_bytes) != 0)
		return 1;
	*out = psk_session(s);
	return *out != NULL;
}

static SSL_CTX *
context_new(struct tls *t, const SSL_METHOD *method)
{
	SSL_CTX *c = SSL_CTX_new(method);

	if (c == NULL)
		return NULL;
	if (!SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) ||
	    !SSL_CTX_set_ciphersuites(c, SUITE) ||
	    !SSL_CTX_set1_groups_list(c, "X25519") ||
	    !SSL_CTX_set_num_tickets(c, 0)) {
		SSL_CTX_free(c);
		return NULL;
	}
	/* Frames carry their length, so an end without close_notify (a killed
	 * peer) is an end and no error. */
	SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS |
				    SSL_MODE_ENABLE_PARTIAL_WRITE |
				    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_app_data(c, t);
	return c;
}

struct tls *
tls_new(const uint8_t key[TLS_KEY_BYTES], struct trouble *why)
{
	struct tls *t = calloc(1, sizeof(*t));

	if (t == NULL) {
		trouble_set(why, ENOMEM, "out of memory");
		return NULL;
	}
	memcpy(t->key, key, sizeof(t->key));
	t->dialling = context_new(t, TLS_client_method());
	t->listening = context_new(t, TLS_server_method());
	if (t->dialling == NULL || t->listening == NULL) {
		char text[120];

		ERR_error_string_n(ERR_get_error(), text, sizeof(text));
		trouble_set(why, 0, "cannot set up TLS: %s", text);
		tls_free(t);
		return NULL;
	}
	/* Dialling, never an unchecked certificate: a stranger's server is
	 * refused.  (Set for listening it would refuse every PSK.) */
	SSL_CTX_set_verify(t->dialling, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_psk_use_session_callback(t->dialling, on_use);
	SSL_CTX_set_psk_find_session_callback(t->listening, on_find);
	return t;
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	SSL_CTX_free(t->dialling);
	SSL_CTX_free(t->listening);
	OPENSSL_cleanse(t->key, sizeof(t->key));
	free(t);
}

SSL *
tls_session(struct tls *t, bool dialling)
{
	return SSL_new(dialling ? t->dialling : t->listening);
}

bool
tls_proven(SSL *s)
{
	return SSL_version(s) == TLS1_3_VERSION && SSL_session_reused(s) == 1;
}

bool
tls_exporter(SSL *s, uint8_t out[HELLO_EXPORTER_BYTES])
{
	return SSL_export_keying_material(s, out, HELLO_EXPORTER_BYTES,
					  HELLO_EXPORTER_LABEL,
					  strlen(HELLO_EXPORTER_LABEL), NULL, 0,
					  1) == 1;
}
