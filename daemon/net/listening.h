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

#include "ident.h"

#define LISTENING_PORTS 64u

/*
 * Bit i of *mask: somebody listens on port `base` + i, on whatever address of
 * this host (or network namespace).  False: nobody can tell, or what is told
 * lacks `own`, a port from `base` on that the caller listens on (a container or
 * a filter may let a part of the truth through).  Does not block, but for as
 * long as the kernel looks for a module that it lacks: who was told false had
 * better not ask again soon.
 */
bool listening_ports(uint16_t base, uint16_t own, uint64_t *mask);

/*
 * By what has been told: is there nobody at this address?  False of whatever
 * it does not tell of: other addresses than 127.0.0.1, other ports, and the
 * addresses that somebody typed (`joins`), for what is forwarded is not
 * listened for, and who typed it knows.
 */
bool listening_rules_out(uint64_t mask, uint16_t base,
			 const struct address *at, const struct address *joins,
			 unsigned join_count);

/*
 * One answer of the kernel's, aligned as a struct nlmsghdr, goes into *mask.
 * 1: it was the last, 0: more will come, -1: nobody can tell.  For tests.
 */
int listening_take(const void *answer, size_t bytes, uint16_t base,
		   uint64_t *mask);

#endif
