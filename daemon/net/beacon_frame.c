#include "beacon_frame.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#define NONCE_BYTES    12u
#define PLAIN_BYTES    36u
#define TAG_BYTES      16u
#define VERSION        1u
#define AT_PORT        2u
#define AT_NODE        4u
#define MESH_KEY_BYTES 32

_Static_assert(NONCE_BYTES + PLAIN_BYTES + TAG_BYTES == BEACON_BYTES,
	       "a beacon is these three");
_Static_assert(AT_NODE + NODE_ID_BYTES <= PLAIN_BYTES, "all of it fits");

/* What the key is made for, and what every beacon vouches for. */
static const unsigned char label[] = "photomesh beacon 1";
#define LABEL_BYTES (sizeof(label) - 1)

bool
beacon_key_make(const uint8_t *mesh_key, struct beacon_key *out)
{
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned int bytes = 0;

	if (HMAC(EVP_sha256(), mesh_key, MESH_KEY_BYTES, label, LABEL_BYTES,
		 sum, &bytes) == NULL ||
	    bytes < sizeof(out->bytes))
		return false;
	memcpy(out->bytes, sum, sizeof(out->bytes));
	OPENSSL_cleanse(sum, sizeof(sum));
	return true;
}

bool
beacon_seal(const struct beacon_key *key, const struct beacon_said *said,
	    uint8_t out[BEACON_BYTES])
{
	uint8_t plain[PLAIN_BYTES] = {VERSION};
	uint8_t *sealed = out + NONCE_BYTES, *tag = sealed + PLAIN_BYTES;
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int n;
	bool good;

	plain[AT_PORT] = (uint8_t)(said->port >> 8);
	plain[AT_PORT + 1] = (uint8_t)said->port;
	memcpy(plain + AT_NODE, said->node.bytes, NODE_ID_BYTES);
	good = c != NULL && RAND_bytes(out, NONCE_BYTES) == 1 &&
	       EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), NULL, key->bytes,
				  out) == 1 &&
	       EVP_EncryptUpdate(c, NULL, &n, label, LABEL_BYTES) == 1 &&
	       EVP_EncryptUpdate(c, sealed, &n, plain, PLAIN_BYTES) == 1 &&
	       EVP_EncryptFinal_ex(c, tag, &n) == 1 &&
	       EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, tag) ==
		       1;
	EVP_CIPHER_CTX_free(c);
	return good;
}

bool
beacon_open(const struct beacon_key *key, const uint8_t in[BEACON_BYTES],
	    struct beacon_said *out)
{
	const uint8_t *sealed = in + NONCE_BYTES, *tag = sealed + PLAIN_BYTES;
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t plain[PLAIN_BYTES], expected[TAG_BYTES];
	int n;
	bool good;

	memcpy(expected, tag, TAG_BYTES);
	good = c != NULL &&
	       EVP_DecryptInit_ex(c, EVP_aes_128_gcm(), NULL, key->bytes, in) ==
		       1 &&
	       EVP_DecryptUpdate(c, NULL, &n, label, LABEL_BYTES) == 1 &&
	       EVP_DecryptUpdate(c, plain, &n, sealed, PLAIN_BYTES) == 1 &&
	       EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG_BYTES,
				   expected) == 1 &&
	       EVP_DecryptFinal_ex(c, plain + PLAIN_BYTES, &n) == 1;
	EVP_CIPHER_CTX_free(c);
	if (!good || plain[0] != VERSION)
		return false;
	out->port = (uint16_t)(plain[AT_PORT] << 8 | plain[AT_PORT + 1]);
	memcpy(out->node.bytes, plain + AT_NODE, NODE_ID_BYTES);
	return out->port != 0;
}
