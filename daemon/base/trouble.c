#include "trouble.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int
trouble_set(struct trouble *t, int code, const char *format, ...)
{
	va_list ap;

	if (t == NULL)
		return -1;
	t->code = code;
	va_start(ap, format);
	vsnprintf(t->text, sizeof(t->text), format, ap);
	va_end(ap);
	return -1;
}

int
trouble_errno(struct trouble *t, int code, const char *format, ...)
{
	va_list ap;
	char reason[80];
	size_t used;

	if (t == NULL)
		return -1;
	t->code = code;
	va_start(ap, format);
	vsnprintf(t->text, sizeof(t->text), format, ap);
	va_end(ap);
	used = strlen(t->text);
	snprintf(t->text + used, sizeof(t->text) - used, ": %s",
		 strerror_r(code, reason, sizeof(reason)));
	return -1;
}
