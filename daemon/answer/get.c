/*
 * get.c: a photo for a client, put where its descriptor says.
 */
#include <unistd.h>

#include "task.h"

void
answers_get(struct answers *a, uint64_t client, uint32_t request,
	    const struct question_get *q, int fd)
{
	(void)q;
	close(fd);
	answers_refuse(a, client, request, ERROR_BUSY,
		       "the daemon is still starting, or ending");
}
