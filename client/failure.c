#include "failure.h"

#include <stdarg.h>
#include <stdio.h>

#include "message.h"

int
failure_set(struct failure *f, enum ending ending, const char *format, ...)
{
	va_list ap;

	f->ending = ending;
	va_start(ap, format);
	vsnprintf(f->message, sizeof(f->message), format, ap);
	va_end(ap);
	return -1;
}

const char *
ending_text(enum ending e)
{
	switch (e) {
	case ENDING_DONE:
		return "done";
	case ENDING_FAILED:
		return "failed";
	case ENDING_USAGE:
		return "usage";
	case ENDING_NOT_FOUND:
		return "not-found";
	case ENDING_AMBIGUOUS:
		return "ambiguous";
	case ENDING_NO_DAEMON:
		return "no-daemon";
	case ENDING_INCOMPLETE:
		return "incomplete";
	case ENDING_REFUSED:
		return "refused";
	case ENDING_TIMED_OUT:
		return "timed-out";
	case ENDING_DAMAGED:
		return "damaged";
	case ENDING_INCOMPATIBLE:
		return "incompatible";
	case ENDING_INTERRUPTED:
		return "interrupted";
	}
	return "failed";
}

enum ending
ending_of_error(uint32_t code)
{
	switch (code) {
	case ERROR_USAGE:
		return ENDING_USAGE;
	case ERROR_NOT_FOUND:
		return ENDING_NOT_FOUND;
	case ERROR_AMBIGUOUS:
		return ENDING_AMBIGUOUS;
	case ERROR_REFUSED:
		return ENDING_REFUSED;
	case ERROR_UNREACHABLE:
		return ENDING_INCOMPLETE;
	case ERROR_DAMAGED:
		return ENDING_DAMAGED;
	case ERROR_VERSION:
	case ERROR_UNKNOWN_TYPE: /* a daemon older than this command */
		return ENDING_INCOMPATIBLE;
	}
	return ENDING_FAILED; /* also codes from newer daemons */
}
