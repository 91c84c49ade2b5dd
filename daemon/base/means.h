/*
 * means.h: what the system grants this process.
 */
#ifndef PHOTOMESH_MEANS_H
#define PHOTOMESH_MEANS_H

#include <stdbool.h>

#define DESCRIPTORS_FEW 64u

/* At most DESCRIPTORS_FEW may be open at once: whatever can be done without is left,
 * so that links, clients and files find some. */
bool descriptors_few(void);

#endif
