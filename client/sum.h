/*
 * sum.h: SHA-256, for the proof that a file here is the one a nonce asks for.
 *
 * It comes from OpenSSL, which is loaded (late_ssl.h) when the first sum is asked for and
 * not before: loading it takes longer than all of `photo list`, and few
 * commands want it.
 */
#ifndef PHOTO_SUM_H
#define PHOTO_SUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limits.h"

struct sum; /* one sum after another */

/* NULL with errno: ENOMEM, or ELIBACC when OpenSSL cannot be loaded. */
struct sum *sum_new(void);
void sum_free(struct sum *s);

/* False with errno ENOMEM.  sum_begin begins anew, whatever was before. */
bool sum_begin(struct sum *s);
bool sum_add(struct sum *s, const void *bytes, size_t count);
bool sum_end(struct sum *s, uint8_t out[PROOF_BYTES]);

#endif
