#include "dying.h"

#ifdef PHOTOMESH_TEST_HOOKS

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Is it the passing that the variable names? */
static bool
is_chosen(const char *variable, const char *name, atomic_ulong *passed)
{
	const char *chosen = getenv(variable);
	size_t bytes = strlen(name);

	if (chosen == NULL || strncmp(chosen, name, bytes) != 0 ||
	    chosen[bytes] != ':')
		return false;
	return atomic_fetch_add(passed, 1) + 1 ==
	       strtoul(chosen + bytes + 1, NULL, 10);
}

void
dying(const char *name)
{
	static atomic_ulong passed;

	if (!is_chosen("PHOTOMESH_KILL", name, &passed))
		return;
	(void)kill(getpid(), SIGKILL);
	/* Not one step more: the signal may take a moment. */
	for (;;)
		(void)pause();
}

/* Raised for this thread: it is the first to stop. */
void
stopping(const char *name)
{
	static atomic_ulong passed;

	if (is_chosen("PHOTOMESH_STOP", name, &passed))
		(void)raise(SIGSTOP);
}

#endif
