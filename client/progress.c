#include "progress.h"

#include <stdio.h>
#include <string.h>

#include "call.h"
#include "output.h"
#include "text.h"

#define SHOW_MS 100

void
progress_init(struct progress *p, const char *label, int64_t now_ms)
{
	memset(p, 0, sizeof(*p));
	p->label = label;
	p->samples[0].at_ms = now_ms;
	p->sample_count = 1;
	p->shown_ms = now_ms - SHOW_MS;
}

void
progress_sample(struct progress *p, int64_t now_ms)
{
	const struct progress_sample *last =
		&p->samples[(p->sample_count - 1) % PROGRESS_SAMPLES];
	struct progress_sample *next =
		&p->samples[p->sample_count % PROGRESS_SAMPLES];

	if (now_ms - last->at_ms < PROGRESS_SAMPLE_MS)
		return;
	next->at_ms = now_ms;
	next->bytes = p->bytes;
	p->sample_count++;
}

uint64_t
progress_rate(const struct progress *p, int64_t now_ms)
{
	unsigned oldest = p->sample_count > PROGRESS_SAMPLES
				  ? p->sample_count - PROGRESS_SAMPLES
				  : 0;
	const struct progress_sample *s =
		&p->samples[oldest % PROGRESS_SAMPLES];

	/* What is checked again when it is gone on with may go down. */
	if (now_ms <= s->at_ms || p->bytes <= s->bytes)
		return 0;
	return (uint64_t)((double)(p->bytes - s->bytes) * 1000 /
			  (double)(now_ms - s->at_ms));
}

bool
progress_eta_ms(const struct progress *p, int64_t now_ms, uint64_t *out)
{
	uint64_t rate = progress_rate(p, now_ms);

	if (!p->totals_known || rate == 0)
		return false;
	*out = p->bytes >= p->total_bytes
		       ? 0
		       : (uint64_t)((double)(p->total_bytes - p->bytes) * 1000 /
				    (double)rate);
	return true;
}

static void
append(char out[PROGRESS_TEXT_MAX], const char *text)
{
	size_t used = strlen(out);

	snprintf(out + used, PROGRESS_TEXT_MAX - used, "%s%s",
		 used > 0 ? ", " : "", text);
}

static void
append_eta(char out[PROGRESS_TEXT_MAX], uint64_t eta_ms)
{
	unsigned long long s = (eta_ms + 999) / 1000;
	char text[64];

	if (s < 100)
		snprintf(text, sizeof(text), "%llu s left", s);
	else if (s < 100 * 60)
		snprintf(text, sizeof(text), "%llu min left", (s + 59) / 60);
	else
		snprintf(text, sizeof(text), "%llu h left", (s + 3599) / 3600);
	append(out, text);
}

void
progress_text(const struct progress *p, int64_t now_ms,
	      char out[PROGRESS_TEXT_MAX])
{
	uint64_t rate = progress_rate(p, now_ms), eta_ms;
	char text[160], size[TEXT_SIZE_MAX];

	out[0] = '\0';
	if (p->totals_known)
		snprintf(text, sizeof(text), "%llu of %llu file%s",
			 (unsigned long long)p->files,
			 (unsigned long long)p->total_files,
			 p->total_files == 1 ? "" : "s");
	else
		snprintf(text, sizeof(text), "%llu file%s",
			 (unsigned long long)p->files,
			 p->files == 1 ? "" : "s");
	append(out, text);
	text_size(p->bytes, size);
	append(out, size);
	if (rate > 0) {
		text_size(rate, size);
		snprintf(text, sizeof(text), "%s/s", size);
		append(out, text);
	}
	if (progress_eta_ms(p, now_ms, &eta_ms))
		append_eta(out, eta_ms);
	if (p->who[0] != '\0') {
		snprintf(text, sizeof(text), "%s%s%s",
			 strcmp(p->state, "consent") == 0 ? "waiting for "
							  : "from ",
			 p->who,
			 strcmp(p->state, "consent") == 0 ? "'s consent" : "");
		append(out, text);
	}
}

static void
put_json(const struct progress *p, struct json *j, int64_t now_ms)
{
	uint64_t eta_ms;

	json_open(j, NULL, '{');
	json_str(j, "progress", p->label);
	json_uint(j, "files", p->files);
	json_uint(j, "bytes", p->bytes);
	if (p->totals_known) {
		json_uint(j, "total_files", p->total_files);
		json_uint(j, "total_bytes", p->total_bytes);
	} else {
		json_null(j, "total_files");
		json_null(j, "total_bytes");
	}
	json_uint(j, "rate", progress_rate(p, now_ms));
	if (progress_eta_ms(p, now_ms, &eta_ms))
		json_uint(j, "eta_ms", eta_ms);
	else
		json_null(j, "eta_ms");
	json_str_known(j, "state", p->state);
	json_str_known(j, "from", p->who);
	json_close(j, '}');
	json_line(j);
}

void
progress_show(struct progress *p, struct output *o)
{
	int64_t now_ms = call_now_ms();
	char behind[PROGRESS_TEXT_MAX];

	progress_sample(p, now_ms);
	if (now_ms - p->shown_ms < SHOW_MS)
		return;
	p->shown_ms = now_ms;
	if (o->form == OUTPUT_JSON) {
		put_json(p, &o->json, now_ms);
		fflush(o->data); /* a failure is met by the next output_flush */
	} else if (o->bars) {
		progress_text(p, now_ms, behind);
		output_bar(o, p->label, p->bytes,
			   p->totals_known ? p->total_bytes : 0, behind);
	}
}
