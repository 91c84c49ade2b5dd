/*
 * output.h: where words go, and in which of the three forms.
 *
 * Data on standard output, everything else on standard error.  A terminal
 * gets tables, a pipe tab-separated columns, --json one object per line (and
 * then errors are objects too).  Colour and bars appear on terminals only.
 */
#ifndef PHOTO_OUTPUT_H
#define PHOTO_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "failure.h"
#include "json.h"

enum output_form {
	OUTPUT_TABLE,
	OUTPUT_TABS,
	OUTPUT_JSON,
};

struct output {
	FILE *data, *notes; /* borrowed: standard output and error, or a test's */
	int data_fd;        /* below `data`; -1: none */
	enum output_form form;
	struct json json;
	bool quiet;
	bool colour; /* on `data` */
	bool bars;   /* `notes` is a terminal that may be redrawn */
	bool bar_drawn;
	int64_t bar_ms; /* when it was drawn last */
	unsigned width; /* columns of the terminal */
	unsigned notes_width; /* of the one that has the bars */
};

void output_init(struct output *o, bool json, bool quiet);
/* For tests: plain form on the given streams. */
void output_init_streams(struct output *o, enum output_form form, FILE *data,
			 FILE *notes);

/* Something failed, and the run goes on: as output_failure tells it. */
void output_complain(struct output *o, const struct failure *why);
/* "photo: SENTENCE" on standard error, unless -q. */
void output_note(struct output *o, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Say why the run fails, in the form asked for; returns its exit code. */
int output_failure(struct output *o, const struct failure *why);

/* A column of fixed width: shown text, padded with blanks on the right. */
void output_cell(struct output *o, const void *bytes, size_t count,
		 unsigned width);
void output_dim(struct output *o, bool on);
void output_bold(struct output *o, bool on);

/*
 * Hand what was written to the reader.  -1: it went away (quietly, exit 0) or
 * the disk is full.
 */
int output_flush(struct output *o, struct failure *why);

/* Draw or redraw the bar, at most ten times a second; then take it away. */
void output_bar(struct output *o, const char *label, uint64_t done,
		uint64_t total, const char *behind);
void output_bar_end(struct output *o);

#endif
