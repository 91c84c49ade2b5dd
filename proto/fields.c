#include "fields.h"

#include <stdlib.h>
#include <string.h>

/* More pairs than any message has; comparing all with all stays cheap. */
#define MAP_PAIRS_MAX 64u

struct unpack {
	msgpack_zone zone;
	msgpack_object object;
};

struct unpack *
unpack_new(void)
{
	struct unpack *u = malloc(sizeof(*u));

	if (u == NULL)
		return NULL;
	if (!msgpack_zone_init(&u->zone, MSGPACK_ZONE_CHUNK_SIZE)) {
		free(u);
		return NULL;
	}
	return u;
}

void
unpack_free(struct unpack *u)
{
	if (u == NULL)
		return;
	msgpack_zone_destroy(&u->zone);
	free(u);
}

const msgpack_object *
unpack_body(struct unpack *u, const uint8_t *body, size_t body_bytes,
	    const struct walk_limits *limits, const char **why)
{
	enum walk_verdict verdict = walk_body(body, body_bytes, limits);
	size_t at = 0;

	if (verdict != WALK_OK) {
		if (why != NULL)
			*why = walk_verdict_text(verdict);
		return NULL;
	}
	msgpack_zone_clear(&u->zone);
	if (msgpack_unpack((const char *)body, body_bytes, &at, &u->zone,
			   &u->object) != MSGPACK_UNPACK_SUCCESS) {
		/* After the walk only memory can be lacking. */
		if (why != NULL)
			*why = "not unpacked";
		return NULL;
	}
	return &u->object;
}

/* ---- one object ------------------------------------------------------ */

/*
 * Each tells whether `o` is what it should be.  msgpack-c hands every number
 * that is not negative over as POSITIVE_INTEGER, however it was written.
 */

static bool
take_uint(const msgpack_object *o, uint64_t max, uint64_t *out)
{
	if (o->type != MSGPACK_OBJECT_POSITIVE_INTEGER || o->via.u64 > max)
		return false;
	*out = o->via.u64;
	return true;
}

static bool
take_int(const msgpack_object *o, int64_t *out)
{
	if (o->type == MSGPACK_OBJECT_NEGATIVE_INTEGER) {
		*out = o->via.i64;
		return true;
	}
	if (o->type != MSGPACK_OBJECT_POSITIVE_INTEGER ||
	    o->via.u64 > INT64_MAX)
		return false;
	*out = (int64_t)o->via.u64;
	return true;
}

static bool
take_bool(const msgpack_object *o, bool *out)
{
	if (o->type != MSGPACK_OBJECT_BOOLEAN)
		return false;
	*out = o->via.boolean;
	return true;
}

static bool
take_bin(const msgpack_object *o, size_t max, const uint8_t **out,
	 size_t *count)
{
	static const uint8_t nothing[1];

	if (o->type != MSGPACK_OBJECT_BIN || o->via.bin.size > max)
		return false;
	*count = o->via.bin.size;
	*out = *count > 0 ? (const uint8_t *)o->via.bin.ptr : nothing;
	return true;
}

static bool
take_bin_exact(const msgpack_object *o, void *out, size_t count)
{
	const uint8_t *bytes;
	size_t have;

	if (!take_bin(o, count, &bytes, &have) || have != count)
		return false;
	memcpy(out, bytes, count);
	return true;
}

static bool
take_str(const msgpack_object *o, char *out, size_t max)
{
	size_t count;

	if (o->type != MSGPACK_OBJECT_STR || o->via.str.size > max)
		return false;
	count = o->via.str.size;
	if (count > 0 && memchr(o->via.str.ptr, '\0', count) != NULL)
		return false;
	if (count > 0)
		memcpy(out, o->via.str.ptr, count);
	out[count] = '\0';
	return true;
}

/* ---- maps ------------------------------------------------------------ */

bool
unpack_envelope(const msgpack_object *o, uint32_t *type, uint32_t *request,
		const msgpack_object **map)
{
	const msgpack_object *items;
	uint64_t t, r;

	if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size != 3)
		return false;
	items = o->via.array.ptr;
	if (!take_uint(&items[0], UINT32_MAX, &t) ||
	    !take_uint(&items[1], UINT32_MAX, &r) ||
	    items[2].type != MSGPACK_OBJECT_MAP)
		return false;
	*type = (uint32_t)t;
	*request = (uint32_t)r;
	*map = &items[2];
	return true;
}

static bool
key_is(const msgpack_object *key, const char *text, size_t text_bytes)
{
	return key->type == MSGPACK_OBJECT_STR &&
	       key->via.str.size == text_bytes &&
	       memcmp(key->via.str.ptr, text, text_bytes) == 0;
}

static bool
map_lawful(const msgpack_object *map)
{
	const msgpack_object_kv *pairs;

	if (map->type != MSGPACK_OBJECT_MAP ||
	    map->via.map.size > MAP_PAIRS_MAX)
		return false;
	pairs = map->via.map.ptr;
	for (uint32_t n = 0; n < map->via.map.size; n++) {
		const msgpack_object *key = &pairs[n].key;

		if (key->type != MSGPACK_OBJECT_STR)
			return false;
		for (uint32_t m = 0; m < n; m++)
			if (key_is(&pairs[m].key, key->via.str.ptr,
				   key->via.str.size))
				return false;
	}
	return true;
}

void
fields_init(struct fields *f, const msgpack_object *map)
{
	*f = (struct fields){.map = map, .broken = !map_lawful(map)};
}

const msgpack_object *
fields_find(struct fields *f, const char *key)
{
	size_t key_bytes = strlen(key);
	const msgpack_object_map *map;

	if (f->broken)
		return NULL;
	map = &f->map->via.map;
	for (uint32_t n = 0; n < map->size; n++) {
		const msgpack_object_kv *pair = &map->ptr[n];

		if (key_is(&pair->key, key, key_bytes))
			return pair->val.type == MSGPACK_OBJECT_NIL
				       ? NULL
				       : &pair->val;
	}
	return NULL;
}

/* Find what must be there. */
static const msgpack_object *
fields_need(struct fields *f, const char *key)
{
	const msgpack_object *o = fields_find(f, key);

	if (o == NULL)
		f->broken = true;
	return o;
}

uint64_t
fields_uint(struct fields *f, const char *key, uint64_t max)
{
	const msgpack_object *o = fields_need(f, key);
	uint64_t v = 0;

	if (o != NULL && !take_uint(o, max, &v))
		f->broken = true;
	return v;
}

int64_t
fields_int(struct fields *f, const char *key)
{
	const msgpack_object *o = fields_need(f, key);
	int64_t v = 0;

	if (o != NULL && !take_int(o, &v))
		f->broken = true;
	return v;
}

bool
fields_bool(struct fields *f, const char *key)
{
	const msgpack_object *o = fields_need(f, key);
	bool v = false;

	if (o != NULL && !take_bool(o, &v))
		f->broken = true;
	return v;
}

void
fields_bin_exact(struct fields *f, const char *key, void *out, size_t count)
{
	const msgpack_object *o = fields_need(f, key);

	if (o != NULL && take_bin_exact(o, out, count))
		return;
	f->broken = true;
	memset(out, 0, count);
}

const uint8_t *
fields_bin(struct fields *f, const char *key, size_t max, size_t *count)
{
	const msgpack_object *o = fields_need(f, key);
	const uint8_t *bytes = NULL;

	*count = 0;
	if (o != NULL && !take_bin(o, max, &bytes, count))
		f->broken = true;
	return bytes;
}

void
fields_str(struct fields *f, const char *key, char *out, size_t max)
{
	const msgpack_object *o = fields_need(f, key);

	out[0] = '\0';
	if (o != NULL && !take_str(o, out, max))
		f->broken = true;
}

const msgpack_object_array *
fields_array(struct fields *f, const char *key, uint32_t max)
{
	const msgpack_object *o = fields_need(f, key);

	if (o == NULL)
		return NULL;
	if (o->type != MSGPACK_OBJECT_ARRAY || o->via.array.size > max) {
		f->broken = true;
		return NULL;
	}
	return &o->via.array;
}

uint64_t
fields_uint_or(struct fields *f, const char *key, uint64_t max,
	       uint64_t otherwise)
{
	if (fields_find(f, key) == NULL)
		return otherwise;
	return fields_uint(f, key, max);
}

bool
fields_bool_or(struct fields *f, const char *key, bool otherwise)
{
	if (fields_find(f, key) == NULL)
		return otherwise;
	return fields_bool(f, key);
}

void
fields_str_or_empty(struct fields *f, const char *key, char *out, size_t max)
{
	out[0] = '\0';
	if (fields_find(f, key) != NULL)
		fields_str(f, key, out, max);
}

/* ---- arrays ---------------------------------------------------------- */

void
items_init(struct items *i, const msgpack_object *array, uint32_t items_min)
{
	*i = (struct items){.broken = true};
	if (array == NULL || array->type != MSGPACK_OBJECT_ARRAY ||
	    array->via.array.size < items_min)
		return;
	i->array = &array->via.array;
	i->broken = false;
}

const msgpack_object *
items_object(struct items *i)
{
	if (i->array == NULL || i->next >= i->array->size) {
		i->broken = true;
		return NULL;
	}
	return &i->array->ptr[i->next++];
}

uint64_t
items_uint(struct items *i, uint64_t max)
{
	const msgpack_object *o = items_object(i);
	uint64_t v = 0;

	if (o != NULL && !take_uint(o, max, &v))
		i->broken = true;
	return v;
}

int64_t
items_int(struct items *i)
{
	const msgpack_object *o = items_object(i);
	int64_t v = 0;

	if (o != NULL && !take_int(o, &v))
		i->broken = true;
	return v;
}

bool
items_bool(struct items *i)
{
	const msgpack_object *o = items_object(i);
	bool v = false;

	if (o != NULL && !take_bool(o, &v))
		i->broken = true;
	return v;
}

void
items_bin_exact(struct items *i, void *out, size_t count)
{
	const msgpack_object *o = items_object(i);

	if (o != NULL && take_bin_exact(o, out, count))
		return;
	i->broken = true;
	memset(out, 0, count);
}

const uint8_t *
items_bin(struct items *i, size_t max, size_t *count)
{
	const msgpack_object *o = items_object(i);
	const uint8_t *bytes = NULL;

	*count = 0;
	if (o != NULL && !take_bin(o, max, &bytes, count))
		i->broken = true;
	return bytes;
}

void
items_str(struct items *i, char *out, size_t max)
{
	const msgpack_object *o = items_object(i);

	out[0] = '\0';
	if (o != NULL && !take_str(o, out, max))
		i->broken = true;
}
