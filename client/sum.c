#include "sum.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/opensslv.h>

#define TEXT_OF(x)   #x
#define NAME_OF(n)   "libcrypto.so." TEXT_OF(n)
#define LIBRARY_NAME NAME_OF(OPENSSL_SHLIB_VERSION)

/* What libcrypto gives, under its own names and with its own types. */
struct sum {
	void *library;   /* owned */
	EVP_MD_CTX *ctx; /* owned */
	__typeof__(EVP_MD_CTX_free) *context_free;
	__typeof__(EVP_sha256) *sha256;
	__typeof__(EVP_DigestInit_ex) *init;
	__typeof__(EVP_DigestUpdate) *update;
	__typeof__(EVP_DigestFinal_ex) *final;
};

/* POSIX lets a function's address travel as an object's; ISO C has no word
 * for it, hence the copy through a pointer to the pointer. */
static bool
find(const struct sum *s, const char *name, void *out)
{
	return (*(void **)out = dlsym(s->library, name)) != NULL;
}

struct sum *
sum_new(void)
{
	__typeof__(EVP_MD_CTX_new) *context_new;
	struct sum *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->library = dlopen(LIBRARY_NAME, RTLD_NOW | RTLD_LOCAL);
	if (s->library == NULL ||
	    !find(s, "EVP_MD_CTX_new", &context_new) ||
	    !find(s, "EVP_MD_CTX_free", &s->context_free) ||
	    !find(s, "EVP_sha256", &s->sha256) ||
	    !find(s, "EVP_DigestInit_ex", &s->init) ||
	    !find(s, "EVP_DigestUpdate", &s->update) ||
	    !find(s, "EVP_DigestFinal_ex", &s->final)) {
		sum_free(s);
		errno = ELIBACC;
		return NULL;
	}
	if ((s->ctx = context_new()) == NULL) {
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
	if (s->ctx != NULL)
		s->context_free(s->ctx);
	/* The library stays: it has things to do at exit. */
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
	return good(s->init(s->ctx, s->sha256(), NULL));
}

bool
sum_add(struct sum *s, const void *bytes, size_t count)
{
	return good(s->update(s->ctx, bytes, count));
}

bool
sum_end(struct sum *s, uint8_t out[PROOF_BYTES])
{
	return good(s->final(s->ctx, out, NULL));
}
