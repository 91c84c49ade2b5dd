#include "people.h"

#include <string.h>

#include <openssl/evp.h>

#include "must.h"
#include "state.h"

void
person_make(struct state *s, unsigned n)
{
	uint8_t seed[32];
	size_t bytes = sizeof(s->public_key);

	memset(seed, (int)n + 1, sizeof(seed));
	s->identity = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed,
						   sizeof(seed));
	fuzz_must(s->identity != NULL &&
		   EVP_PKEY_get_raw_public_key(s->identity, s->public_key,
					       &bytes) == 1, "no key");
	identity_node_id(s->public_key, &s->node);
}
