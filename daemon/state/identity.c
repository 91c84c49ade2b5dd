#include "state_private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include "trouble.h"

#define SEED_BYTES 32u

void
identity_node_id(const uint8_t public_key[32], struct node_id *out)
{
	uint8_t hash[SHA256_DIGEST_LENGTH];

	SHA256(public_key, 32, hash);
	memcpy(out->bytes, hash, NODE_ID_BYTES);
}

/* Take `seed` as this state's identity. */
static int
adopt_seed(struct state *s, const uint8_t seed[SEED_BYTES], struct trouble *why)
{
	EVP_PKEY *key;
	size_t n = sizeof(s->public_key);

	key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed,
					   SEED_BYTES);
	if (key == NULL ||
	    EVP_PKEY_get_raw_public_key(key, s->public_key, &n) != 1 ||
	    n != sizeof(s->public_key)) {
		EVP_PKEY_free(key);
		return trouble_set(why, 0, "OpenSSL cannot use Ed25519 keys");
	}
	EVP_PKEY_free(s->identity);
	s->identity = key;
	identity_node_id(s->public_key, &s->node);
	return 0;
}

int
identity_load(int dir_fd, const char *dir, struct state *s, bool *made,
	      struct trouble *why)
{
	uint8_t seed[SEED_BYTES];
	size_t n = 0;
	int r = -1;

	*made = false;
	if (file_read(dir_fd, "identity", seed, sizeof(seed), &n) == -1) {
		if (errno == EFBIG || errno == EINVAL)
			n = 0;
		else if (errno != ENOENT)
			return trouble_errno(why, errno, "cannot read %s/identity",
					     dir);
		else
			*made = true;
	}
	if (*made) {
		if (random_bytes(seed, sizeof(seed), why) == -1)
			return -1;
		if (file_publish(dir_fd, "identity", seed, sizeof(seed)) == -1) {
			trouble_errno(why, errno, "cannot write %s/identity",
				      dir);
			goto wipe;
		}
	} else if (n != SEED_BYTES) {
		trouble_set(why, 0,
			    "%s/identity is damaged: restore it, or remove it "
			    "to become a new node",
			    dir);
		goto wipe;
	}
	r = adopt_seed(s, seed, why);
wipe:
	OPENSSL_cleanse(seed, sizeof(seed));
	return r;
}

int
state_new_identity(struct state *s, struct trouble *why)
{
	uint8_t seed[SEED_BYTES];
	int dir_fd, r = -1;

	dir_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd == -1)
		return trouble_errno(why, errno, "cannot open %s", s->dir);
	if (random_bytes(seed, sizeof(seed), why) == 0) {
		if (file_replace(dir_fd, "identity", seed, sizeof(seed)) == -1)
			trouble_errno(why, errno, "cannot write %s/identity",
				      s->dir);
		else
			r = adopt_seed(s, seed, why);
	}
	OPENSSL_cleanse(seed, sizeof(seed));
	close(dir_fd);
	return r;
}

int
state_sign(const struct state *s, const uint8_t *bytes, size_t count,
	   uint8_t signature[64])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = 64;
	int ok;

	ok = ctx != NULL &&
	     EVP_DigestSignInit(ctx, NULL, NULL, NULL, s->identity) == 1 &&
	     EVP_DigestSign(ctx, signature, &n, bytes, count) == 1 && n == 64;
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -1;
}

bool
identity_check(const uint8_t public_key[32], const uint8_t *bytes, size_t count,
	       const uint8_t signature[64])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *key;
	bool ok;

	key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key,
					  32);
	ok = ctx != NULL && key != NULL &&
	     EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
	     EVP_DigestVerify(ctx, signature, 64, bytes, count) == 1;
	EVP_PKEY_free(key);
	EVP_MD_CTX_free(ctx);
	return ok;
}
