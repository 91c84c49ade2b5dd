/*
 * state.h: what a daemon keeps between its lives, apart from the catalogue.
 *
 * A state directory holds the node's identity (Ed25519 key, file `identity`),
 * the roots it serves (file `roots`), the directory's own fingerprint (file
 * `place`), an exclusive lock and the catalogue.  The mesh key lies outside,
 * shared by all daemons of one user.  Nothing here is ever written into a
 * folder of photos.
 */
#ifndef PHOTOMESH_STATE_H
#define PHOTOMESH_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#include "ident.h"
#include "record.h"

struct trouble;

#define STATE_ROOTS_MAX  64u
#define VOLUME_BYTES_MAX 32u
#define MESH_KEY_BYTES   32u

/* One folder this node serves or has served. */
struct state_root {
	struct root_id id;
	char *path;  /* absolute, as given (no trailing slash); owned */
	char *label; /* base name of the folder; owned */
	char *inner; /* path below the mount point of its volume; owned */
	uint8_t volume[VOLUME_BYTES_MAX]; /* recorded volume identity */
	uint8_t volume_bytes;
	bool named; /* named on this command line; others are offline */
};

struct state {
	char *dir; /* owned */
	int lock_fd;
	EVP_PKEY *identity; /* owned */
	uint8_t public_key[32];
	struct node_id node;
	struct host_id host;
	uint64_t run;  /* random nonce of this life */
	bool new_life; /* the directory was copied or restored: see place */
	bool newborn;  /* the identity was made just now */
	uint32_t root_count;
	struct state_root roots[STATE_ROOTS_MAX];
};

/*
 * Find or make the state directory for these folders (architecture.md, "State
 * and identity"): the one whose recorded root has the first folder's absolute
 * path, else the one with its (volume, inner path), else a new one.  `dir`
 * (--state) overrides where to look; may be NULL.  Locks it.  The folders
 * need not exist when they are recorded (a disk that is away), else a folder
 * that cannot be found is a start-up mistake.  NULL on failure, with one
 * sentence and the remedy in `why`.
 */
struct state *state_open(const char *dir, const char *const *folders,
			 uint32_t folder_count, struct trouble *why);
/* Releases the lock. */
void state_close(struct state *s);

/* Replace the identity by a new one (we are the later twin); the process is
 * then to be started again. */
int state_new_identity(struct state *s, struct trouble *why);

/*
 * The mesh key: `file` or $XDG_CONFIG_HOME/photomesh/key (~/.config without
 * it).  Made with mode 0600, without a race, if missing and `may_create`;
 * refused when others may read it.
 */
int mesh_key_load(const char *file, bool may_create,
		  uint8_t key[MESH_KEY_BYTES], struct trouble *why);
/*
 * Put `key` there (--set-key).  If something else lies there it stays, beside
 * it, under the first free name of FILE.old, FILE.old.2 and so on: *path and
 * *kept are then where the key is and where that is, owned by the caller; else
 * both are NULL.
 */
int mesh_key_save(const char *file, const uint8_t key[MESH_KEY_BYTES],
		  char **path, char **kept, struct trouble *why);
/* 64 hex digits, white space behind them allowed. */
bool mesh_key_parse(const char *text, size_t bytes,
		    uint8_t key[MESH_KEY_BYTES]);

/*
 * The directory of client sockets: $PHOTOMESH_RUNTIME, else
 * $XDG_RUNTIME_DIR/photomesh, else /run/user/<uid>/photomesh, else
 * /tmp/photomesh-<uid>; made 0700 and checked.  ($PHOTOMESH_RUNTIME is used as
 * it is: sockets lie directly in <it>/photomesh like in the others.)
 */
int runtime_dir(char *out, size_t max, struct trouble *why);
/* That directory has gone since: make it again, but not what lies above it, for
 * that is a session's and comes with the next one.  0, 1: not yet, or -1. */
int runtime_dir_again(const char *dir, struct trouble *why);

/* Volume identity of an open directory: filesystem UUID, else f_fsid, else
 * SHA-256 of (host id, mount source, type, mount root). */
int volume_identity(int dir_fd, const struct host_id *host,
		    uint8_t out[VOLUME_BYTES_MAX], uint8_t *bytes,
		    struct trouble *why);

/* A whole small file of the state directory, of at most `max` bytes; -1 with
 * errno.  Not on the loop thread. */
int state_file_read(const struct state *s, const char *name, uint8_t *out,
		    size_t max, size_t *bytes);
/* Whole or not at all, durable, mode 0600; replaces what is there. */
int state_file_replace(const struct state *s, const char *name,
		       const void *bytes, size_t count);

/* Sign with the identity: Ed25519.  From any thread. */
int state_sign(const struct state *s, const uint8_t *bytes, size_t count,
	       uint8_t signature[64]);
bool identity_check(const uint8_t public_key[32], const uint8_t *bytes,
		    size_t count, const uint8_t signature[64]);
/* First 16 bytes of SHA-256 of the public key. */
void identity_node_id(const uint8_t public_key[32], struct node_id *out);

#endif
