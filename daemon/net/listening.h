/*
 * listening.h: on which ports somebody listens, without dialling them.
 *
 * All 64 ports of a mesh are probed again and again, and most of them for
 * nothing.  The kernel can say at once which are worth it; where it does not,
 * whoever asks must dial.
 */
#ifndef PHOTOMESH_LISTENING_H
#define PHOTOMESH_LISTENING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LISTENING_PORTS 64u

/*
 * Bit i of *mask: somebody listens on port `base` + i, on whatever address of
 * this host (or network namespace).  False: nobody can tell.  Does not block,
 * but for as long as the kernel looks for a module that it lacks: who was told
 * false had better not ask again soon.
 */
bool listening_ports(uint16_t base, uint64_t *mask);

/*
 * One answer of the kernel's, aligned as a struct nlmsghdr, goes into *mask.
 * 1: it was the last, 0: more will come, -1: nobody can tell.  For tests.
 */
int listening_take(const void *answer, size_t bytes, uint16_t base,
		   uint64_t *mask);

#endif
