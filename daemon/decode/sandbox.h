/*
 * sandbox.h: giving up everything that reading a picture does not need.
 *
 * Afterwards this process can compute, take memory up to a bound, talk on the
 * sockets it has, and receive descriptors.  It cannot open, connect, run, or
 * signal anything; whatever else it tries ends it.  Libraries that merely ask
 * for a file's existence are told EPERM.
 */
#ifndef PHOTOMESH_DECODE_SANDBOX_H
#define PHOTOMESH_DECODE_SANDBOX_H

#include <stdint.h>

#define SANDBOX_MEMORY_BYTES (UINT64_C(1) << 30) /* of address space */
#define SANDBOX_CPU_S        300 /* in its whole life: the pool ends it before */

/* Before the libraries are loaded: no descriptors but 0, 1 and 2, low priority. */
void sandbox_prepare(void);
/* -1 when this kernel does not have it: then nothing may be parsed. */
int sandbox_enter(void);

#endif
