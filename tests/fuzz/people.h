/* people.h: nodes with keys of their own, the same in every run. */
#ifndef PHOTOMESH_FUZZ_PEOPLE_H
#define PHOTOMESH_FUZZ_PEOPLE_H

struct state;

/* The n-th one's key pair and node id, into `s`; the key is the caller's. */
void person_make(struct state *s, unsigned n);

#endif
