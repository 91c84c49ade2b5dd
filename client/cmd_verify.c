/*
 * photo verify: do all nodes hold the same index?
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "failure.h"
#include "output.h"
#include "table.h"
#include "verbs.h"

static void
digest_hex(const struct digest *d, char out[2 * DIGEST_BYTES + 1])
{
	uint8_t bytes[DIGEST_BYTES];

	digest_pack(d, bytes);
	hex_encode(bytes, sizeof(bytes), out);
}

static void
put_json(struct json *j, const struct answer_table *a)
{
	char hex[2 * DIGEST_BYTES + 1];

	for (uint32_t i = 0; i < a->row_count; i++) {
		const struct answer_stream *s = &a->rows[i];

		digest_hex(&s->digest, hex);
		json_open(j, NULL, '{');
		json_str(j, "stream", s->stream_name);
		json_str(j, "at", s->at_name);
		json_uint(j, "generation", s->generation);
		json_uint(j, "base", s->point.base);
		json_uint(j, "cursor", s->point.cursor);
		json_bool(j, "at_head", s->at_head);
		json_uint(j, "rows", s->rows);
		json_str(j, "digest", hex);
		json_bool(j, "equal", s->equal);
		json_hex(j, "stream_id", s->stream.bytes, NODE_ID_BYTES);
		json_hex(j, "at_id", s->at.bytes, NODE_ID_BYTES);
		json_close(j, '}');
		json_line(j);
	}
	/* The merged list is no stream, so it has no "stream". */
	for (uint32_t i = 0; i < a->merged_count; i++) {
		const struct answer_merged *m = &a->merged[i];

		digest_hex(&m->digest, hex);
		json_open(j, NULL, '{');
		json_bool(j, "merged", true);
		json_str(j, "at", m->at_name);
		json_hex(j, "at_id", m->at.bytes, NODE_ID_BYTES);
		json_uint(j, "photos", m->photos);
		json_str(j, "digest", hex);
		json_bool(j, "equal", m->equal);
		json_close(j, '}');
		json_line(j);
	}
}

/* Piped: stream, at, generation, base, cursor, head, rows, digest, verdict. */
static void
put_table(struct output *o, const struct answer_table *a)
{
	static const char *const headers[] = {
		"STREAM", "AT",    ">GENERATION", ">BASE",  ">CURSOR",
		"HEAD",   ">ROWS", "DIGEST",      "VERDICT"};
	char hex[2 * DIGEST_BYTES + 1];
	struct table t;

	table_init(&t, o, headers, 9);
	for (uint32_t i = 0; i < a->row_count; i++) {
		const struct answer_stream *s = &a->rows[i];

		table_bytes(&t, s->stream_name, strlen(s->stream_name));
		table_bytes(&t, s->at_name, strlen(s->at_name));
		table_put(&t, "%llu", (unsigned long long)s->generation);
		table_put(&t, "%llu", (unsigned long long)s->point.base);
		table_put(&t, "%llu", (unsigned long long)s->point.cursor);
		table_put(&t, "%s", s->at_head ? "yes" : "no");
		table_put(&t, "%llu", (unsigned long long)s->rows);
		digest_hex(&s->digest, hex);
		table_put(&t, "%s", hex);
		table_put(&t, "%s",
			  s->equal     ? "equal"
			  : s->at_head ? "DIFFERS"
				       : "behind");
	}
	for (uint32_t i = 0; i < a->merged_count; i++) {
		const struct answer_merged *m = &a->merged[i];

		table_put(&t, "(merged list)");
		table_bytes(&t, m->at_name, strlen(m->at_name));
		for (int k = 0; k < 4; k++)
			table_put(&t, "-");
		table_put(&t, "%llu", (unsigned long long)m->photos);
		digest_hex(&m->digest, hex);
		table_put(&t, "%s", hex);
		table_put(&t, "%s", m->equal ? "equal" : "DIFFERS");
	}
	table_print(&t);
	table_release(&t);
}

/* "alice, bob" */
static void
join_names(const struct answer_name *names, uint32_t count, char *out,
	   size_t max)
{
	size_t used = 0;

	out[0] = '\0';
	for (uint32_t i = 0; i < count && used < max; i++)
		used += (size_t)snprintf(out + used, max - used, "%s%s",
					 i > 0 ? ", " : "", names[i].name);
}

static int
judge(const struct answer_table *a, struct failure *why)
{
	const struct answer_stream *behind = NULL;
	char names[256];

	for (uint32_t i = 0; i < a->row_count; i++) {
		const struct answer_stream *s = &a->rows[i];

		if (!s->at_head)
			behind = s;
		else if (!s->equal)
			return failure_set(why, ENDING_DAMAGED,
					   "what %s holds of the stream of %s "
					   "differs; it mends itself when "
					   "both are linked: watch it, and "
					   "verify again",
					   s->at_name, s->stream_name);
	}
	if (a->silent_count > 0) {
		join_names(a->silent, a->silent_count, names, sizeof(names));
		return failure_set(why, ENDING_INCOMPLETE,
				   "no answer in time from: %s; the others "
				   "are equal as far as they go; try again",
				   names);
	}
	if (behind != NULL)
		return failure_set(why, ENDING_INCOMPLETE,
				   "%s has not got all of the stream of %s "
				   "yet; try again in a moment",
				   behind->at_name, behind->stream_name);
	for (uint32_t i = 0; i < a->merged_count; i++) {
		if (!a->merged[i].equal)
			return failure_set(why, ENDING_DAMAGED,
					   "the merged list of %s differs "
					   "though its streams are equal; "
					   "restart its photod, and verify "
					   "again",
					   a->merged[i].at_name);
	}
	return 0;
}

static int
put_answer(struct output *o, const struct answer_table *a, struct failure *why)
{
	char names[256];

	if (o->form == OUTPUT_JSON)
		put_json(&o->json, a);
	else
		put_table(o, a);
	if (output_flush(o, why) == -1)
		return -1;
	if (a->absent_count > 0) {
		join_names(a->absent, a->absent_count, names, sizeof(names));
		output_note(o, "absent, compared by what others hold: %s",
			    names);
	}
	return judge(a, why);
}

static int
run(const struct options *p, struct output *o, struct failure *why)
{
	struct question q = {.type = CLIENT_VERIFY}, answer;
	struct call *c = verb_call_new(p, why);
	int r = -1;

	if (c == NULL)
		return -1;
	/* Costly for every node: asked of one daemon, not raced. */
	if (call_open(c, NULL, NULL, why) == 0 && call_ask(c, &q, why) == 0 &&
	    call_await(c, &answer, why) == 0 &&
	    call_expect(&answer, CLIENT_TABLE, why) == 0) {
		verb_note_silent(c, o);
		r = put_answer(o, &answer.u.table, why);
		if (r == 0 && o->form == OUTPUT_TABLE)
			output_note(o, "all equal");
	}
	call_free(c);
	return r;
}

const struct verb verb_verify = {
	.name = "verify",
	.summary = "do all nodes hold the same index? recomputed",
	.synopsis = "verify",
	.help = "Every live node computes its digests afresh.  Exit 0: all "
		"equal; 6: somebody\n"
		"did not answer or is behind; 9: they differ.\n"
		"\n"
		"Piped, the columns are stream, at, generation, base, cursor, "
		"at head, rows,\n"
		"digest, verdict; the last lines compare the merged list.\n"
		"\n"
		"Examples:\n"
		"  photo verify\n"
		"  photo verify --timeout 60 && echo all equal\n"
		"  photo verify --json | jq -c 'select(.equal | not)'\n",
	.run = run,
};
