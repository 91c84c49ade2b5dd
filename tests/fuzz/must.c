#include "must.h"

#include <stdio.h>
#include <stdlib.h>

void
fuzz_must(bool truth, const char *what)
{
	if (truth)
		return;
	fprintf(stderr, "fuzz: %s\n", what);
	abort();
}
