/*
 * transfer.h: what the bench of transfers measures itself against, in the same
 * run: a plain copy with fsync, and a bare copier over TLS.
 */
#ifndef PHOTOMESH_BENCH_TRANSFER_H
#define PHOTOMESH_BENCH_TRANSFER_H

/* Every file of `from` whose name begins with `prefix` into `to`, each written
 * under another name, made durable, then given its own.  Milliseconds. */
double peers_copy(const char *from, const char *prefix, const char *to);

/* The same, but through TLS 1.3 (the mesh's suite, one connection, two
 * processes): read, SSL_write, SSL_read, write. */
double peers_tls(const char *from, const char *prefix, const char *to);

#endif
