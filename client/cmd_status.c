/*
 * photo status: this node and its mesh on one screen.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "failure.h"
#include "output.h"
#include "text.h"
#include "verbs.h"

static const char *
scan_text(uint32_t scan)
{
	switch (scan) {
	case 1:
		return "scanning";
	case 2:
		return "offline";
	}
	return "idle";
}

static uint64_t
duplicate_bytes(const struct answer_status *s)
{
	return s->bytes > s->unique_bytes ? s->bytes - s->unique_bytes : 0;
}

static void
put_json(struct json *j, const struct answer_status *s)
{
	bool known = !node_id_is_zero(&s->coordinator);

	json_open(j, NULL, '{');
	json_str(j, "name", s->name);
	json_hex(j, "node_id", s->node.bytes, NODE_ID_BYTES);
	json_uint_known(j, "port", s->port);
	json_uint_known(j, "coordinator", known ? s->coordinator_port : 0);
	if (known)
		json_hex(j, "coordinator_id", s->coordinator.bytes,
			 NODE_ID_BYTES);
	else
		json_null(j, "coordinator_id");
	json_uint(j, "nodes", s->nodes);
	json_uint(j, "live", s->live);
	json_uint(j, "photos", s->photos);
	json_uint(j, "copies", s->copies);
	json_uint(j, "bytes", s->bytes);
	json_uint(j, "unique_bytes", s->unique_bytes);
	json_uint(j, "duplicate_bytes", duplicate_bytes(s));
	json_bool(j, "synced", s->synced);
	json_open(j, "scan", '{');
	json_str(j, "state", scan_text(s->scan));
	json_uint(j, "files", s->files);
	json_uint(j, "bytes", s->scanned_bytes);
	json_uint(j, "total_files", s->total_files);
	json_uint(j, "total_bytes", s->total_bytes);
	if (s->scan == 1 && s->eta_ms == 0)
		json_null(j, "eta_ms");
	else
		json_uint(j, "eta_ms", s->eta_ms);
	json_uint(j, "read_files", s->read_files);
	json_uint(j, "read_bytes", s->read_bytes);
	json_close(j, '}');
	json_open(j, "pictures", '{');
	json_uint(j, "known", s->known_meta);
	json_uint(j, "thumbnails", s->thumbs);
	json_uint(j, "thumbnails_made", s->thumbs_made);
	json_close(j, '}');
	json_open(j, "fresh", '{');
	json_bool(j, "complete", s->fresh.complete);
	json_uint(j, "oldest_age_ms", s->fresh.oldest_age_ms);
	json_close(j, '}');
	json_close(j, '}');
	json_line(j);
}

/* key, tab, exact value: for scripts without a JSON reader. */
static void
put_piped(struct output *o, const struct answer_status *s)
{
	FILE *f = o->data;
	char hex[2 * NODE_ID_BYTES + 1];

	fputs("name\t", f);
	text_put_column(f, s->name, strlen(s->name));
	hex_encode(s->node.bytes, NODE_ID_BYTES, hex);
	fprintf(f, "\nnode_id\t%s\nport\t%u\n", hex, s->port);
	if (node_id_is_zero(&s->coordinator)) {
		fputs("coordinator\t-\ncoordinator_id\t-\n", f);
	} else {
		hex_encode(s->coordinator.bytes, NODE_ID_BYTES, hex);
		fprintf(f, "coordinator\t%u\ncoordinator_id\t%s\n",
			s->coordinator_port, hex);
	}
	fprintf(f, "nodes\t%u\nlive\t%u\nphotos\t%llu\ncopies\t%llu\n",
		s->nodes, s->live, (unsigned long long)s->photos,
		(unsigned long long)s->copies);
	fprintf(f, "bytes\t%llu\nunique_bytes\t%llu\nduplicate_bytes\t%llu\n",
		(unsigned long long)s->bytes,
		(unsigned long long)s->unique_bytes,
		(unsigned long long)duplicate_bytes(s));
	fprintf(f, "scan\t%s\nscan_files\t%llu\nscan_total_files\t%llu\n"
		"read_files\t%llu\nread_bytes\t%llu\n",
		scan_text(s->scan), (unsigned long long)s->files,
		(unsigned long long)s->total_files,
		(unsigned long long)s->read_files,
		(unsigned long long)s->read_bytes);
	fprintf(f, "known_pictures\t%llu\nthumbnails\t%llu\n"
		"thumbnails_made\t%llu\n",
		(unsigned long long)s->known_meta,
		(unsigned long long)s->thumbs,
		(unsigned long long)s->thumbs_made);
	fprintf(f, "complete\t%s\noldest_age_ms\t%llu\n",
		s->fresh.complete ? "true" : "false",
		(unsigned long long)s->fresh.oldest_age_ms);
}

static void
put_scan(struct output *o, const struct answer_status *s)
{
	char bytes[TEXT_SIZE_MAX], total[TEXT_SIZE_MAX], eta[48] = "";

	if (s->eta_ms > 0)
		snprintf(eta, sizeof(eta), ", %llu s left",
			 (unsigned long long)(s->eta_ms + 999) / 1000);
	text_size(s->scanned_bytes, bytes);
	text_size(s->total_bytes, total);
	fprintf(o->data, "  scan         %s, ", scan_text(s->scan));
	if (s->scan == 1 && s->total_files >= s->files && s->total_files > 0)
		fprintf(o->data, "%llu of %llu files, %s of %s%s\n",
			(unsigned long long)s->files,
			(unsigned long long)s->total_files, bytes, total, eta);
	else
		fprintf(o->data, "%llu file%s, %s\n",
			(unsigned long long)s->files, s->files == 1 ? "" : "s",
			bytes);
}

static void
put_shown(struct output *o, const struct answer_status *s)
{
	char bytes[TEXT_SIZE_MAX], unique[TEXT_SIZE_MAX], age[TEXT_TIME_MAX];
	char hex[2 * NODE_ID_BYTES + 1];
	FILE *f = o->data;

	hex_encode(s->node.bytes, NODE_ID_BYTES, hex);
	output_bold(o, true);
	text_put_shown(f, s->name, strlen(s->name), UINT_MAX);
	output_bold(o, false);
	fprintf(f, " on port %u, node %.8s\n  coordinator  ", s->port, hex);
	if (node_id_is_zero(&s->coordinator)) {
		fputs("not known yet\n", f);
	} else {
		text_put_shown(f, s->coordinator_name,
			       strlen(s->coordinator_name), UINT_MAX);
		fprintf(f, " on port %u%s\n", s->coordinator_port,
			node_id_equal(&s->coordinator, &s->node)
				? " (this node)"
				: "");
	}
	text_size(s->bytes, bytes);
	text_size(s->unique_bytes, unique);
	fprintf(f, "  nodes        %u live of %u\n", s->live, s->nodes);
	fprintf(f, "  photos       %llu, %s\n", (unsigned long long)s->photos,
		unique);
	fprintf(f, "  copies       %llu, %s\n", (unsigned long long)s->copies,
		bytes);
	text_size(duplicate_bytes(s), bytes);
	fprintf(f, "  duplicates   %llu, %s\n",
		(unsigned long long)(s->copies > s->photos
					     ? s->copies - s->photos
					     : 0),
		bytes);
	put_scan(o, s);
	fprintf(f, "  pictures     %llu of %llu looked into, %llu thumbnail%s "
		"kept here\n",
		(unsigned long long)s->known_meta,
		(unsigned long long)s->photos, (unsigned long long)s->thumbs,
		s->thumbs == 1 ? "" : "s");
	text_age((int64_t)(s->fresh.oldest_age_ms & INT64_MAX), age);
	fprintf(f, "  fresh        %s; node longest unheard: %s\n",
		s->fresh.complete ? "yes, every node is live and at its head"
		: s->fresh.syncing || !s->synced ? "not yet, syncing"
						 : "no, somebody is missing",
		age);
}

static int
run(const struct options *p, struct output *o, struct failure *why)
{
	struct question q = {.type = CLIENT_STATUS}, answer;
	struct call *c = verb_call_new(p, why);
	int r = -1;

	if (c == NULL)
		return -1;
	if (call_once(c, &q, CLIENT_STATUS_IS, &answer, why) == 0) {
		switch (o->form) {
		case OUTPUT_JSON:
			put_json(&o->json, &answer.u.status);
			break;
		case OUTPUT_TABLE:
			put_shown(o, &answer.u.status);
			break;
		case OUTPUT_TABS:
			put_piped(o, &answer.u.status);
			break;
		}
		r = output_flush(o, why);
		verb_note_silent(c, o);
	}
	call_free(c);
	return r;
}

const struct verb verb_status = {
	.name = "status",
	.summary = "one screen: this node, coordinator, totals, scan, "
		   "freshness",
	.synopsis = "status",
	.help = "Piped, each line is a key, a tab and an exact value.\n"
		"\n"
		"Examples:\n"
		"  photo status\n"
		"  photo -p 5002 status\n"
		"  photo status --json | jq .fresh.complete\n",
	.run = run,
};
