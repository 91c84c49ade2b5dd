/*
 * tls.h: who may be here.
 *
 * TLS 1.3 with the mesh key as an external PSK under the constant identity
 * `photomesh`.  There is no certificate anywhere: whoever does not hold the
 * key cannot finish the handshake, as either side.  Which node somebody is,
 * is proven afterwards inside, by a signature over the exporter (HELLO).
 */
#ifndef PHOTOMESH_TLS_H
#define PHOTOMESH_TLS_H

#include <stdbool.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "hello.h"

struct trouble;
struct tls;

#define TLS_KEY_BYTES 32u

/* `key` is copied.  NULL on failure. */
struct tls *tls_new(const uint8_t key[TLS_KEY_BYTES], struct trouble *why);
void tls_free(struct tls *t);

/* A session for one connection; owned by the caller, NULL without memory. */
SSL *tls_session(struct tls *t, bool dialling);
/* After the handshake: was it really our key, in our version? */
bool tls_proven(SSL *s);
/* What both ends of this connection, and nobody else, can know. */
bool tls_exporter(SSL *s, uint8_t out[HELLO_EXPORTER_BYTES]);

#endif
