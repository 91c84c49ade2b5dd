/* transfer_peers.c: see transfer.h.  No hashing, no index, no resuming. */
#include "transfer.h"

#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "stats.h"

#define BUFFER_BYTES (256u * 1024u)

static uint8_t buffer[BUFFER_BYTES];
static const unsigned char suite[2] = {0x13, 0x01};
static const unsigned char key[32] = "a key of nobody, for a bench...";

static int
open_target(int dir)
{
	int fd = openat(dir, ".part", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			0600);

	if (fd == -1)
		err(1, "target");
	return fd;
}

static void
close_target(int dir, int fd, const char *name)
{
	if (fsync(fd) == -1 || close(fd) == -1 ||
	    renameat(dir, ".part", dir, name) == -1)
		err(1, "%s", name);
}

static void
write_whole(int fd, const uint8_t *bytes, size_t count)
{
	while (count > 0) {
		ssize_t n = write(fd, bytes, count);

		if (n <= 0)
			err(1, "write");
		bytes += n;
		count -= (size_t)n;
	}
}

static int
open_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1)
		err(1, "%s", path);
	return fd;
}

/* ---- a plain copy ------------------------------------------------------ */

double
peers_copy(const char *from, const char *prefix, const char *to)
{
	double began = stats_now_ms();
	int target_dir = open_dir(to);
	DIR *d = opendir(from);
	struct dirent *e;

	if (d == NULL)
		err(1, "%s", from);
	while ((e = readdir(d)) != NULL) {
		int in, out;
		ssize_t n;

		if (strncmp(e->d_name, prefix, strlen(prefix)) != 0)
			continue;
		in = openat(dirfd(d), e->d_name, O_RDONLY | O_CLOEXEC);
		if (in == -1)
			err(1, "%s", e->d_name);
		out = open_target(target_dir);
		while ((n = read(in, buffer, sizeof(buffer))) > 0)
			write_whole(out, buffer, (size_t)n);
		close(in);
		close_target(target_dir, out, e->d_name);
	}
	closedir(d);
	close(target_dir);
	return stats_now_ms() - began;
}

/* ---- over TLS ---------------------------------------------------------- */

static SSL_SESSION *
session(SSL *s)
{
	SSL_SESSION *out = SSL_SESSION_new();
	const SSL_CIPHER *c = SSL_CIPHER_find(s, suite);

	if (out == NULL || c == NULL ||
	    !SSL_SESSION_set1_master_key(out, key, sizeof(key)) ||
	    !SSL_SESSION_set_cipher(out, c) ||
	    !SSL_SESSION_set_protocol_version(out, TLS1_3_VERSION))
		errx(1, "no session");
	return out;
}

static int
on_use(SSL *s, const EVP_MD *md, const unsigned char **id, size_t *id_bytes,
       SSL_SESSION **out)
{
	(void)md;
	*id = (const unsigned char *)"bench";
	*id_bytes = 5;
	*out = session(s);
	return 1;
}

static int
on_find(SSL *s, const unsigned char *id, size_t id_bytes, SSL_SESSION **out)
{
	(void)id;
	(void)id_bytes;
	*out = session(s);
	return 1;
}

static SSL *
shake(int fd, int dialling)
{
	SSL_CTX *c = SSL_CTX_new(dialling ? TLS_client_method()
					  : TLS_server_method());
	SSL *s;

	if (c == NULL || !SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) ||
	    !SSL_CTX_set_ciphersuites(c, "TLS_AES_128_GCM_SHA256") ||
	    !SSL_CTX_set_num_tickets(c, 0))
		errx(1, "TLS");
	if (dialling)
		SSL_CTX_set_psk_use_session_callback(c, on_use);
	else
		SSL_CTX_set_psk_find_session_callback(c, on_find);
	s = SSL_new(c);
	if (s == NULL || !SSL_set_fd(s, fd) ||
	    (dialling ? SSL_connect(s) : SSL_accept(s)) != 1)
		errx(1, "handshake: %s",
		     ERR_error_string(ERR_get_error(), NULL));
	return s;
}

static void
say(SSL *s, const void *bytes, size_t count)
{
	if (count > 0 && SSL_write(s, bytes, (int)count) != (int)count)
		errx(1, "SSL_write");
}

static void
hear(SSL *s, void *out, size_t count)
{
	uint8_t *at = out;

	while (count > 0) {
		int n = SSL_read(s, at, (int)count);

		if (n <= 0)
			errx(1, "SSL_read");
		at += n;
		count -= (size_t)n;
	}
}

/* Name, NUL-padded to 64 bytes, and size; then the bytes.  An empty name ends
 * it. */
struct head {
	char name[64];
	uint64_t bytes;
};

static void
send_all(SSL *s, const char *from, const char *prefix)
{
	DIR *d = opendir(from);
	struct head h;
	struct dirent *e;

	if (d == NULL)
		err(1, "%s", from);
	while ((e = readdir(d)) != NULL) {
		struct stat st;
		ssize_t n;
		int in;

		if (strncmp(e->d_name, prefix, strlen(prefix)) != 0)
			continue;
		in = openat(dirfd(d), e->d_name, O_RDONLY | O_CLOEXEC);
		if (in == -1 || fstat(in, &st) == -1)
			err(1, "%s", e->d_name);
		memset(&h, 0, sizeof(h));
		snprintf(h.name, sizeof(h.name), "%.63s", e->d_name);
		h.bytes = (uint64_t)st.st_size;
		say(s, &h, sizeof(h));
		while ((n = read(in, buffer, sizeof(buffer))) > 0)
			say(s, buffer, (size_t)n);
		close(in);
	}
	memset(&h, 0, sizeof(h));
	say(s, &h, sizeof(h));
	closedir(d);
}

static void
receive_all(SSL *s, const char *to)
{
	int dir = open_dir(to);
	struct head h;

	for (hear(s, &h, sizeof(h)); h.name[0] != '\0';
	     hear(s, &h, sizeof(h))) {
		int out = open_target(dir);

		while (h.bytes > 0) {
			size_t n = h.bytes < sizeof(buffer) ? (size_t)h.bytes
							    : sizeof(buffer);

			hear(s, buffer, n);
			write_whole(out, buffer, n);
			h.bytes -= n;
		}
		close_target(dir, out, h.name);
	}
	close(dir);
}

double
peers_tls(const char *from, const char *prefix, const char *to)
{
	double began = stats_now_ms();
	int pair[2], status;
	pid_t pid;
	SSL *s;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1)
		err(1, "socketpair");
	if ((pid = fork()) == -1)
		err(1, "fork");
	if (pid == 0) {
		close(pair[0]);
		send_all(shake(pair[1], 0), from, prefix);
		_exit(0);
	}
	close(pair[1]);
	s = shake(pair[0], 1);
	receive_all(s, to);
	SSL_free(s);
	close(pair[0]);
	if (waitpid(pid, &status, 0) == -1 || status != 0)
		errx(1, "the sending half failed");
	return stats_now_ms() - began;
}
