#define LATE_SSL_NAMES_ONLY
#include "late_ssl.h"

#include <dlfcn.h>
#include <stddef.h>

#include <openssl/opensslv.h>

#define TEXT_OF(x)   #x
#define NAME_OF(n)   "libssl.so." TEXT_OF(n)
#define LIBRARY_NAME NAME_OF(OPENSSL_SHLIB_VERSION)

struct late_ssl late_ssl;

#define NAME(name) {#name, offsetof(struct late_ssl, name##_)},
static const struct {
	const char *name;
	size_t at;
} names[] = {LATE_SSL_FUNCTIONS(NAME)};

bool
late_ssl_load(void)
{
	static void *library;

	if (library != NULL)
		return true;
	/* It brings libcrypto along, whose names are found as well; and it
	 * stays, for it has things to do at exit. */
	if ((library = dlopen(LIBRARY_NAME, RTLD_NOW | RTLD_LOCAL)) == NULL)
		return false;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		/* POSIX lets a function's address travel as an object's; ISO C
		 * has no word for it, hence through a pointer to the pointer. */
		void **field = (void **)((char *)&late_ssl + names[i].at);

		if ((*field = dlsym(library, names[i].name)) == NULL) {
			library = NULL;
			return false;
		}
	}
	return true;
}
