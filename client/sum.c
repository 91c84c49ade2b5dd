#include "sum.h"

#include <errno.h>
#include <stdlib.h>

#include "late_ssl.h"

struct sum {
	EVP_MD_CTX *ctx; /* owned */
};

struct sum *
sum_new(void)
{
	struct sum *s;

	if (!late_ssl_load()) {
		errno = ELIBACC;
		return NULL;
	}
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return NULL;
	if ((s->ctx = EVP_MD_CTX_new()) == NULL) {
		sum_free(s);
		errno = ENOMEM;
		return NULL;
	}
	return s;
}

void
sum_free(struct sum *s)
{
	if (s == NULL)
		return;
	EVP_MD_CTX_free(s->ctx);
	free(s);
}

static bool
good(int r)
{
	if (r != 1)
		errno = ENOMEM;
	return r == 1;
}

bool
sum_begin(struct sum *s)
{
	return good(EVP_DigestInit_ex(s->ctx, EVP_sha256(), NULL));
}

bool
sum_add(struct sum *s, const void *bytes, size_t count)
{
	return good(EVP_DigestUpdate(s->ctx, bytes, count));
}

bool
sum_end(struct sum *s, uint8_t out[PROOF_BYTES])
{
	return good(EVP_DigestFinal_ex(s->ctx, out, NULL));
}
