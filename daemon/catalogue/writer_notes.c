/*
 * writer_notes.c: reading back what the daemon needs at its start, and
 * remembering where other nodes were.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "writer_private.h"

int
writer_each_stream(struct writer *w,
		   void (*each)(void *arg, const struct stream_report *s),
		   void *arg, struct trouble *why)
{
	struct stream_report s;

	(void)why;
	for (unsigned i = 0; i < w->slot_end; i++) {
		const struct held *h = &w->streams[i];

		if (h->role != ROLE_OWN && h->role != ROLE_REPLICA)
			continue;
		held_report(h, &s);
		each(arg, &s);
	}
	return 0;
}

/* Leaves room: one line "PORT HOST" for each address. */
#define ADDRESSES_TEXT_MAX (NODE_ADDRESSES_MAX * (ADDRESS_HOST_MAX + 8u) + 1u)

static void
addresses_write(const struct mesh_memory *n, char *out, size_t max)
{
	size_t used = 0;

	out[0] = '\0';
	for (uint32_t i = 0; i < n->address_count; i++)
		used += (size_t)snprintf(out + used, max - used, "%u %s\n",
					 n->addresses[i].port,
					 n->addresses[i].host);
}

static void
addresses_read(const char *text, struct mesh_memory *n)
{
	while (text != NULL && *text != '\0' &&
	       n->address_count < NODE_ADDRESSES_MAX) {
		struct address *a = &n->addresses[n->address_count];
		const char *end = strchr(text, '\n');
		const char *space = strchr(text, ' ');
		size_t bytes;

		if (end == NULL || space == NULL || space > end)
			return;
		bytes = (size_t)(end - space - 1);
		if (bytes > 0 && bytes <= ADDRESS_HOST_MAX) {
			a->port = (uint16_t)strtoul(text, NULL, 10);
			memcpy(a->host, space + 1, bytes);
			a->host[bytes] = '\0';
			n->address_count++;
		}
		text = end + 1;
	}
}

static bool
node_read(sqlite3_stmt *st, struct mesh_memory *n)
{
	memset(n, 0, sizeof(*n));
	if (sqlite3_column_bytes(st, 0) != NODE_ID_BYTES ||
	    sqlite3_column_bytes(st, 2) != HOST_ID_BYTES)
		return false;
	memcpy(n->node.bytes, sqlite3_column_blob(st, 0), NODE_ID_BYTES);
	snprintf(n->name, sizeof(n->name), "%s",
		 (const char *)sqlite3_column_text(st, 1));
	memcpy(n->host.bytes, sqlite3_column_blob(st, 2), HOST_ID_BYTES);
	n->port = (uint16_t)sqlite3_column_int(st, 3);
	addresses_read((const char *)sqlite3_column_text(st, 4), n);
	n->last_heard_wall_ms = (uint64_t)sqlite3_column_int64(st, 5);
	n->left = sqlite3_column_int(st, 6) != 0;
	return true;
}

int
writer_each_node(struct writer *w,
		 void (*each)(void *arg, const struct mesh_memory *n),
		 void *arg, struct trouble *why)
{
	struct mesh_memory n;
	int r;

	w->failed = false;
	while ((r = row(w, W_NODES)) == 1)
		if (node_read(w->st[W_NODES], &n))
			each(arg, &n);
	if (r == -1 && why != NULL)
		*why = w->why;
	return r;
}

int
writer_remember_node(struct writer *w, const struct mesh_memory *n,
		     struct trouble *why)
{
	enum writer_statement s = W_NODE_PUT;
	char addresses[ADDRESSES_TEXT_MAX];

	if (txn_begin(w, false, why) == -1)
		return -1;
	addresses_write(n, addresses, sizeof(addresses));
	bind_blob(w, s, 1, n->node.bytes, NODE_ID_BYTES);
	sqlite3_bind_text(w->st[s], 2, n->name, -1, SQLITE_STATIC);
	bind_blob(w, s, 3, n->host.bytes, HOST_ID_BYTES);
	bind_int(w, s, 4, n->port);
	sqlite3_bind_text(w->st[s], 5, addresses, -1, SQLITE_STATIC);
	bind_int(w, s, 6, (int64_t)n->last_heard_wall_ms);
	bind_int(w, s, 7, n->left);
	bind_int(w, W_NODES_TRIM, 1, MESH_KNOWN_MAX);
	if (run(w, s) == -1 || run(w, W_NODES_TRIM) == -1)
		return txn_abort(w, NULL, why);
	return txn_commit(w, NULL, why);
}

int
writer_each_own_root(struct writer *w,
		     void (*each)(void *arg, const struct root_id *id,
				  const struct record_root *r),
		     void *arg, struct trouble *why)
{
	sqlite3_stmt *st = w->st[W_ROOTS];
	struct record_root v;
	struct root_id root;
	size_t bytes = 0;
	int r = 0;

	w->failed = false;
	for (;;) {
		bind_int(w, W_ROOTS, 1, row_id(w, w->own));
		bind_blob(w, W_ROOTS, 2, root.bytes, bytes);
		if ((r = row(w, W_ROOTS)) != 1)
			break;
		bytes = (size_t)sqlite3_column_bytes(st, 0);
		if (bytes != ROOT_ID_BYTES) {
			reset(w, W_ROOTS);
			return 0;
		}
		memcpy(root.bytes, sqlite3_column_blob(st, 0), bytes);
		if (record_root_parse(sqlite3_column_blob(st, 1),
				      (size_t)sqlite3_column_bytes(st, 1), &v))
			each(arg, &root, &v);
		reset(w, W_ROOTS);
	}
	if (r == -1 && why != NULL)
		*why = w->why;
	return r;
}
