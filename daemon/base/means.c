#include "means.h"

#include <sys/resource.h>

bool
descriptors_few(void)
{
	struct rlimit l;

	return getrlimit(RLIMIT_NOFILE, &l) == 0 &&
	       l.rlim_cur <= DESCRIPTORS_FEW;
}
