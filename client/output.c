#include "output.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "call.h"
#include "paced.h"
#include "text.h"

#define BAR_PERIOD_MS 100
#define BAR_CELLS     24u

static bool
may_redraw(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) && term != NULL && strcmp(term, "dumb") != 0;
}

static unsigned
terminal_width(int fd)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return 80;
}

void
output_init_streams(struct output *o, enum output_form form, FILE *data,
		    FILE *notes)
{
	memset(o, 0, sizeof(*o));
	o->data = data;
	o->data_fd = fileno(data);
	o->notes = notes;
	o->form = form;
	o->width = 80;
	o->notes_width = 80;
	json_init(&o->json, data);
}

void
output_init(struct output *o, bool json, bool quiet)
{
	static char page[1 << 16];
	const char *no_colour = getenv("NO_COLOR");
	enum output_form form = OUTPUT_TABS;
	FILE *data = paced_stdout();

	if (json)
		form = OUTPUT_JSON;
	else if (isatty(STDOUT_FILENO))
		form = OUTPUT_TABLE;
	if (data == NULL)
		data = stdout;
	output_init_streams(o, form, data, stderr);
	o->data_fd = STDOUT_FILENO;
	o->quiet = quiet;
	if (form == OUTPUT_TABLE) {
		o->width = terminal_width(STDOUT_FILENO);
		o->colour = may_redraw(STDOUT_FILENO) &&
			    (no_colour == NULL || *no_colour == '\0');
	}
	o->bars = !json && !quiet && may_redraw(STDERR_FILENO);
	if (o->bars)
		o->notes_width = terminal_width(STDERR_FILENO);
	/* Rows are flushed page by page: fewer writes, and nothing is late.
	 * glibc heeds the size only of a buffer that it is given. */
	setvbuf(data, page, _IOFBF, sizeof(page));
}

static void
put_sentence(struct output *o, const char *sentence)
{
	fflush(o->data); /* on a terminal both end on the same screen */
	output_bar_end(o);
	fputs("photo: ", o->notes);
	text_put_shown(o->notes, sentence, strlen(sentence), UINT32_MAX);
	putc('\n', o->notes);
}

void
output_note(struct output *o, const char *format, ...)
{
	char sentence[1024];
	va_list ap;

	if (o->quiet)
		return;
	va_start(ap, format);
	vsnprintf(sentence, sizeof(sentence), format, ap);
	va_end(ap);
	put_sentence(o, sentence);
}

int
output_failure(struct output *o, const struct failure *why)
{
	output_bar_end(o);
	if (why->message[0] != '\0')
		output_complain(o, why);
	return why->ending;
}

void
output_complain(struct output *o, const struct failure *why)
{
	output_bar_end(o);
	if (o->form == OUTPUT_JSON && !ferror(o->data)) {
		json_open(&o->json, NULL, '{');
		json_str(&o->json, "error", ending_text(why->ending));
		json_str(&o->json, "message", why->message);
		json_uint(&o->json, "exit", (uint64_t)why->ending);
		json_close(&o->json, '}');
		json_line(&o->json);
		fflush(o->data);
	} else {
		put_sentence(o, why->message);
	}
}

void
output_cell(struct output *o, const void *bytes, size_t count, unsigned width)
{
	unsigned used = text_put_shown(o->data, bytes, count, width);

	for (; used < width; used++)
		putc(' ', o->data);
}

void
output_dim(struct output *o, bool on)
{
	if (o->colour)
		fputs(on ? "\033[2m" : "\033[0m", o->data);
}

void
output_bold(struct output *o, bool on)
{
	if (o->colour)
		fputs(on ? "\033[1m" : "\033[0m", o->data);
}

/* stdio may have met the error long ago, so errno cannot be asked. */
static bool
reader_is_gone(const struct output *o)
{
	struct pollfd p = {.fd = o->data_fd, .events = POLLOUT};

	return p.fd >= 0 && poll(&p, 1, 0) == 1 &&
	       (p.revents & (POLLERR | POLLHUP)) != 0;
}

int
output_flush(struct output *o, struct failure *why)
{
	int cause;

	errno = 0;
	if (fflush(o->data) == 0 && !ferror(o->data))
		return 0;
	cause = errno;
	if (call_interrupted())
		return failure_set(why, ENDING_INTERRUPTED, "%s", "");
	if (cause == EPIPE || reader_is_gone(o))
		return failure_set(why, ENDING_DONE, "%s", "");
	return failure_set(why, ENDING_FAILED,
			   "standard output cannot be written: %s",
			   cause != 0 ? strerror(cause) : "input/output error");
}

void
output_bar(struct output *o, const char *label, uint64_t done, uint64_t total,
	   const char *behind)
{
	int64_t now = call_now_ms();
	size_t label_bytes = strlen(label);
	unsigned filled, left = o->notes_width;

	if (!o->bars || (o->bar_drawn && now - o->bar_ms < BAR_PERIOD_MS))
		return;
	o->bar_ms = now;
	o->bar_drawn = true;
	if (done > total)
		total = done;
	filled = total == 0
			 ? 0
			 : (unsigned)((double)done / (double)total * BAR_CELLS);
	fprintf(o->notes, "\r%s [", label);
	for (unsigned i = 0; i < BAR_CELLS; i++)
		putc(i < filled ? '#' : '.', o->notes);
	fputs("] ", o->notes);
	/* A line that wraps cannot be taken back. */
	left = left > label_bytes + BAR_CELLS + 5
		       ? left - (unsigned)label_bytes - BAR_CELLS - 5
		       : 0;
	text_put_shown(o->notes, behind, strlen(behind), left);
	fputs("\033[K", o->notes);
	fflush(o->notes);
}

void
output_bar_end(struct output *o)
{
	if (!o->bar_drawn)
		return;
	fputs("\r\033[K", o->notes);
	fflush(o->notes);
	o->bar_drawn = false;
}
