/*
 * progress.h: how far a long command is, for people and for programs.
 *
 * Pure but for progress_show: times are handed in.  The rate is that of the
 * last few seconds, not of the whole run, so that it tells what goes on now.
 */
#ifndef PHOTO_PROGRESS_H
#define PHOTO_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct output;

#define PROGRESS_SAMPLES   8u
#define PROGRESS_SAMPLE_MS 500
#define PROGRESS_TEXT_MAX  256u

struct progress {
	const char *label; /* "get": borrowed */
	uint64_t files, bytes;
	uint64_t total_files, total_bytes;
	bool totals_known;
	char state[16]; /* "filling", ..., for programs; or "" */
	char who[96];   /* the node it is about; or "" */
	/* what progress_sample keeps */
	struct progress_sample {
		int64_t at_ms;
		uint64_t bytes;
	} samples[PROGRESS_SAMPLES];
	unsigned sample_count; /* ever taken */
	int64_t shown_ms;
};

void progress_init(struct progress *p, const char *label, int64_t now_ms);
/* Note how far it is now; cheap, call it as often as you like. */
void progress_sample(struct progress *p, int64_t now_ms);
/* Bytes a second; 0: nothing moves, or not known yet. */
uint64_t progress_rate(const struct progress *p, int64_t now_ms);
/* False: not known. */
bool progress_eta_ms(const struct progress *p, int64_t now_ms, uint64_t *out);
/* "12 of 40 files, 31.2 MB, 84.0 MB/s, 12 s, from bob" */
void progress_text(const struct progress *p, int64_t now_ms,
		   char out[PROGRESS_TEXT_MAX]);
/* Sample, and at most ten times a second the bar or a line of JSON. */
void progress_show(struct progress *p, struct output *o);

#endif
