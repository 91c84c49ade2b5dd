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
#include <stdint.h>

#define LISTENING_PORTS 64u

/*
 * Bit i of *mask: somebody listens on port `base` + i, on whatever address of
 * this host (or network namespace).  False, with errno: nobody can tell.
 * Does not block.
 */
bool listening_ports(uint16_t base, uint64_t *mask);

#endif
