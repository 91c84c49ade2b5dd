/*
 * question_timeline.c: TIMELINE and TIMES, into bytes and out of them.
 */
#include "question_private.h"

static bool
is_zone(int64_t zone)
{
	return zone <= (int64_t)QUERY_ZONE_S_MAX &&
	       zone >= -(int64_t)QUERY_ZONE_S_MAX;
}

void
question_read_ask_timeline(struct fields *f, struct question_timeline *out)
{
	int64_t zone;

	if (fields_find(f, "text") != NULL)
		fields_str(f, "text", out->query.text, QUERY_BYTES_MAX);
	question_read_zones(f, &out->query);
	out->by = (uint32_t)fields_uint(f, "by", TIMELINE_DAYS);
	zone = fields_find(f, "zone") != NULL ? fields_int(f, "zone") : 0;
	if (!is_zone(zone))
		f->broken = true;
	else
		out->zone_s = (int32_t)zone;
}

static bool
read_time(const msgpack_object *o, struct answer_time *out)
{
	struct items i;
	int64_t day;

	items_init(&i, o, 3);
	day = items_int(&i);
	out->photos = items_uint(&i, UINT64_MAX);
	out->bytes = items_uint(&i, UINT64_MAX);
	out->day = (int32_t)day;
	return !i.broken && day == out->day;
}

void
question_read_timeline(struct question_decoder *d, struct answer_times *out)
{
	struct fields *f = &d->fields;
	const msgpack_object_array *rows;
	struct answer_time *list;

	question_read_fresh(f, &out->fresh);
	out->more = fields_bool(f, "more");
	rows = fields_array(f, "times", TIMES_MAX);
	if (f->broken ||
	    (list = question_list(d, rows->size, sizeof(*list))) == NULL)
		return;
	for (uint32_t n = 0; n < rows->size; n++)
		if (!read_time(&rows->ptr[n], &list[n])) {
			f->broken = true;
			return;
		}
	out->count = rows->size;
	out->times = list;
}

void
question_pack_ask_timeline(struct pack *p, const struct question_timeline *a)
{
	pack_map(p, 3u + (a->query.zone_count != 0));
	pack_key_str(p, "text", a->query.text);
	pack_key_uint(p, "by", a->by);
	pack_key_int(p, "zone", a->zone_s);
	question_pack_zones(p, &a->query);
}

void
question_pack_timeline(struct pack *p, const struct answer_times *a)
{
	pack_map(p, 2 + FRESH_PAIRS);
	pack_str(p, "times");
	pack_array(p, a->count);
	for (uint32_t i = 0; i < a->count; i++) {
		pack_array(p, 3);
		pack_int(p, a->times[i].day);
		pack_uint(p, a->times[i].photos);
		pack_uint(p, a->times[i].bytes);
	}
	pack_key_bool(p, "more", a->more);
	question_pack_fresh(p, &a->fresh);
}
