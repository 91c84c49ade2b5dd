#include "table.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

void
table_init(struct table *t, struct output *o, const char *const *headers,
	   unsigned columns)
{
	memset(t, 0, sizeof(*t));
	t->output = o;
	t->headers = headers;
	t->columns = columns;
	for (unsigned c = 0; c < columns; c++) {
		if (headers[c][0] == '>')
			t->right |= 1u << c;
	}
}

void
table_release(struct table *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t->widths);
}

/* Takes `cell`, as it will be printed. */
static void
adopt_cell(struct table *t, char *cell, unsigned width)
{
	if (t->count == t->capacity) {
		t->capacity = t->capacity == 0 ? 64 : t->capacity * 2;
		t->cells = realloc(t->cells, t->capacity * sizeof(*t->cells));
		t->widths =
			realloc(t->widths, t->capacity * sizeof(*t->widths));
		if (t->cells == NULL || t->widths == NULL)
			abort(); /* out of memory: the client exits */
	}
	t->cells[t->count] = cell;
	t->widths[t->count++] = width;
}

void
table_bytes(struct table *t, const void *bytes, size_t count)
{
	char *cell = NULL;
	size_t cell_bytes;
	unsigned width = 0;
	FILE *f = open_memstream(&cell, &cell_bytes);

	if (f == NULL)
		abort();
	if (t->output->form == OUTPUT_TABLE)
		width = text_put_shown(f, bytes, count, UINT_MAX);
	else
		text_put_column(f, bytes, count);
	if (fclose(f) != 0)
		abort();
	adopt_cell(t, cell, width);
}

void
table_put(struct table *t, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	table_bytes(t, text, strlen(text));
}

static void
put_aligned(struct table *t, unsigned column, const char *cell, unsigned width,
	    unsigned widest)
{
	FILE *f = t->output->data;
	unsigned pad = widest - width;
	bool right = (t->right >> column & 1) != 0;

	if (column > 0)
		fputs("  ", f);
	if (right)
		fprintf(f, "%*s", (int)pad, "");
	fputs(cell, f);
	if (!right && column + 1 < t->columns)
		fprintf(f, "%*s", (int)pad, "");
}

void
table_print(struct table *t)
{
	unsigned widest[TABLE_COLUMNS_MAX] = {0};
	FILE *f = t->output->data;

	if (t->output->form != OUTPUT_TABLE) {
		for (size_t i = 0; i < t->count; i++) {
			fputs(t->cells[i], f);
			putc((i + 1) % t->columns == 0 ? '\n' : '\t', f);
		}
		return;
	}
	for (unsigned c = 0; c < t->columns; c++)
		widest[c] = (unsigned)strlen(t->headers[c] +
					     (t->headers[c][0] == '>'));
	for (size_t i = 0; i < t->count; i++) {
		if (t->widths[i] > widest[i % t->columns])
			widest[i % t->columns] = t->widths[i];
	}
	output_bold(t->output, true);
	for (unsigned c = 0; c < t->columns; c++) {
		const char *h = t->headers[c] + (t->headers[c][0] == '>');

		put_aligned(t, c, h, (unsigned)strlen(h), widest[c]);
	}
	output_bold(t->output, false);
	putc('\n', f);
	for (size_t i = 0; i < t->count; i++) {
		unsigned c = (unsigned)(i % t->columns);

		put_aligned(t, c, t->cells[i], t->widths[i], widest[c]);
		if (c + 1 == t->columns)
			putc('\n', f);
	}
}
