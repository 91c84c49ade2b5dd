/*
 * core_state.h: what of a core means anything, copied or made a number of.
 *
 * Good for a core that knows a handful of nodes.  Apart from sim.h, whose
 * replicas are others than those of the core.
 */
#ifndef PHOTOMESH_SIM_CORE_STATE_H
#define PHOTOMESH_SIM_CORE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct mesh;

/* Between steps.  What is left out, the core does not read. */
void core_copy(struct mesh *to, const struct mesh *from);
uint64_t core_print(const struct mesh *m);

struct node_id;
/* Must it have what this node told of first, to be synced?  Any core. */
bool core_awaits(const struct mesh *m, const struct node_id *node);

static inline uint64_t
mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * UINT64_C(0x9fb21c651e98df25);
	return h ^ h >> 29;
}

static inline uint64_t
mix_bytes(uint64_t h, const void *bytes, size_t count)
{
	const uint8_t *p = bytes;
	uint64_t word, other = ~h;

	/* Two lanes, so that a processor can do both at once. */
	for (; count >= 16; count -= 16, p += 16) {
		memcpy(&word, p, 8);
		h = mix(h, word);
		memcpy(&word, p + 8, 8);
		other = mix(other, word);
	}
	word = 0;
	if (count >= 8) {
		memcpy(&word, p, 8);
		h = mix(h, word);
		p += 8;
		count -= 8;
	}
	word = count;
	memcpy(&word, p, count);
	return mix(mix(h, word), other);
}

#define MIX(h, thing) mix_bytes(h, &(thing), sizeof(thing))

#endif
