/* must.h: what must hold in a fuzzed program. */
#ifndef PHOTOMESH_FUZZ_MUST_H
#define PHOTOMESH_FUZZ_MUST_H

#include <stdbool.h>

/* Ends the process with a word when `truth` does not hold. */
void fuzz_must(bool truth, const char *what);

#endif
