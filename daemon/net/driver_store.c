/*
 * driver_store.c: what the mesh asks of the catalogue, and what comes back.
 */
#include "driver.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "driver_private.h"
#include "dying.h"
#include "pool.h"
#include "trouble.h"

/* ---- writing --------------------------------------------------------------- */

void
driver_complain(struct driver *d, const char *what,
		const struct trouble *why)
{
	uint64_t muffled;

	if (log_gate_pass(&d->store_gate, clock_steady_ms(),
			  DRIVER_LOG_PERIOD_MS, &muffled))
		log_error("%s: %s", what, why != NULL ? why->text : "?");
}

/* What every kind of write may bring along. */
void
driver_tell_result(struct driver *d, const struct write_result *r)
{
	struct mesh_input in = {.kind = MESH_DROPPED};

	for (uint32_t i = 0; i < r->dropped_count; i++) {
		in.u.dropped = r->dropped[i];
		driver_feed(d, &in);
	}
	in.kind = MESH_FORGOTTEN;
	for (uint32_t i = 0; i < r->ended_count; i++) {
		in.u.ended = r->ended[i];
		driver_feed(d, &in);
	}
	if ((r->news_count > 0 || r->news_lost) && !d->stopped &&
	    d->config.on_photos != NULL)
		d->config.on_photos(d->config.arg, r->news, r->news_count,
				    r->news_lost);
}

void
driver_own_written(void *driver, bool failed, const struct write_result *result,
		   const struct trouble *why)
{
	struct driver *d = driver;
	struct mesh_input in = {.kind = MESH_OWN};

	if (failed) {
		driver_complain(d, "cannot record what is in the folders", why);
		return;
	}
	in.u.own = result->own;
	dying("own_written");
	driver_feed(d, &in);
	driver_tell_result(d, result);
}

void
driver_caught_up(void *driver, bool failed, const struct write_result *result,
		 const struct trouble *why)
{
	struct driver *d = driver;

	if (failed)
		driver_complain(d, "cannot list what a peer shares", why);
	else
		driver_tell_result(d, result);
}

struct storing {
	struct driver *driver;
	uint64_t store;
	struct stream_id stream;
};

/* The mesh waits for an answer, and asks again. */
static void
tell_undone(struct driver *d, const struct stream_id *stream)
{
	const struct mesh_input in = {.kind = MESH_UNDONE,
				      .u.undone = *stream};

	driver_feed(d, &in);
}

static void
on_generation(void *arg, bool failed, const struct write_result *result,
	      const struct trouble *why)
{
	struct storing *s = arg;
	struct driver *d = s->driver;

	driver_own_written(d, failed, result, why);
	if (failed)
		tell_undone(d, &s->stream);
	else if (d->config.on_new_life != NULL)
		d->config.on_new_life(d->config.arg);
	free(s);
}

void
driver_begin_generation(struct driver *d, uint64_t generation)
{
	struct stream_id stream = {.node = d->config.mesh.self,
				   .generation = generation};
	struct storing *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		tell_undone(d, &stream);
		return;
	}
	s->driver = d;
	s->stream = stream;
	log_info("others know more of us than we do: numbering afresh");
	catalogue_begin_generation(d->config.catalogue, generation,
				   on_generation, s);
}

static void
on_stored(void *arg, bool failed, const struct write_result *result,
	  const struct trouble *why)
{
	struct storing *s = arg;
	struct driver *d = s->driver;
	struct mesh_input in = {.kind = MESH_STORED};

	in.u.stored.store = s->store;
	in.u.stored.failed = failed;
	in.u.stored.report.stream = s->stream;
	if (failed)
		driver_complain(d, "cannot store what a peer shares", why);
	else
		in.u.stored.report = result->stored;
	dying("stored");
	driver_feed(d, &in);
	if (!failed)
		driver_tell_result(d, result);
	if (!failed && !d->stopped && d->config.on_stored != NULL)
		d->config.on_stored(d->config.arg);
	free(s);
}

void
driver_store(struct driver *d, const struct mesh_store *store)
{
	struct storing *s = calloc(1, sizeof(*s));

	assert(d->heard != NULL);
	if (s == NULL) {
		const struct mesh_input in = {
			.kind = MESH_STORED,
			.u.stored = {.store = store->store,
				     .failed = true,
				     .report.stream = store->stream},
		};

		driver_feed(d, &in);
		return;
	}
	s->driver = d;
	s->store = store->store;
	s->stream = store->stream;
	catalogue_store(d->config.catalogue, store, d->heard, d->heard_bytes,
			on_stored, s);
}

static void
on_dropped(void *arg, bool failed, const struct write_result *result,
	   const struct trouble *why)
{
	struct storing *s = arg;
	struct driver *d = s->driver;
	const struct mesh_input in = {
		.kind = MESH_DROPPED,
		.u.dropped = {.stream = s->stream},
	};

	if (failed) {
		driver_complain(d, "cannot let go of a replica", why);
		tell_undone(d, &s->stream);
	} else {
		driver_feed(d, &in);
		driver_tell_result(d, result);
	}
	free(s);
}

void
driver_drop(struct driver *d, const struct stream_id *stream)
{
	struct storing *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		tell_undone(d, stream);
		return;
	}
	s->driver = d;
	s->stream = *stream;
	catalogue_drop(d->config.catalogue, stream, on_dropped, s);
}

void
driver_remember(struct driver *d, const struct node_id *node)
{
	uint64_t now = clock_steady_ms();
	struct mesh_memory m;
	struct node_view v;

	for (uint32_t i = 0; i < mesh_node_count(d->mesh); i++) {
		mesh_node_view(d->mesh, i, now, &v);
		if (!node_id_equal(&v.node, node))
			continue;
		memset(&m, 0, sizeof(m));
		m.node = v.node;
		memcpy(m.name, v.name, sizeof(m.name));
		m.host = v.host;
		m.port = v.port;
		m.address_count = v.address_count;
		memcpy(m.addresses, v.addresses, sizeof(m.addresses));
		m.last_heard_wall_ms = v.last_heard_wall_ms;
		m.left = v.state == NODE_STATE_LEFT;
		catalogue_remember(d->config.catalogue, &m);
		return;
	}
}

/* ---- reading ---------------------------------------------------------------- */

struct page_job {
	struct job job;
	struct driver *driver;
	mesh_link link;
	uint32_t request;
	struct stream_id stream;
	uint64_t after;
	uint32_t credit_bytes;
	bool found, failed;
	struct trouble why;
	struct page *page;
};

static void
page_work(struct job *job, unsigned slot)
{
	struct page_job *j = (struct page_job *)(void *)job;
	struct reader *r = catalogue_reader(j->driver->config.catalogue, slot);
	struct page *p = j->page;
	uint8_t *less;

	if (reader_page(r, &j->stream, j->after, j->credit_bytes, j->request,
			p->frame, &p->bytes, &j->found, &j->why) == -1) {
		j->failed = true;
		j->found = false;
	}
	/* Most pages are small; the rest of the room goes back. */
	less = realloc(p->frame, j->found && p->bytes > 0 ? p->bytes : 1);
	if (less != NULL)
		p->frame = less;
}

static void
page_free(struct page *p)
{
	if (p == NULL)
		return;
	free(p->frame);
	free(p);
}

/* A page too many means a mesh that forgot one: the oldest goes. */
static void
keep_page(struct driver *d, struct page *page)
{
	struct page *p, *oldest = NULL;
	unsigned count = 0;

	TAILQ_FOREACH(p, &d->pages, in_driver) {
		if (p->link != page->link)
			continue;
		if (oldest == NULL)
			oldest = p;
		count++;
	}
	if (count >= DRIVER_PAGES_MAX) {
		TAILQ_REMOVE(&d->pages, oldest, in_driver);
		page_free(oldest);
	}
	TAILQ_INSERT_TAIL(&d->pages, page, in_driver);
}

static void
page_end(struct letter *letter)
{
	struct page_job *j = (struct page_job *)(void *)letter;
	struct driver *d = j->driver;
	struct mesh_input in = {.kind = MESH_PAGE_READ, .link = j->link};

	d->jobs--;
	if (j->failed)
		driver_complain(d, "cannot read records for a peer", &j->why);
	if (d->stopped || wires_find(d->wires, j->link) == NULL) {
		page_free(j->page);
		free(j);
		return;
	}
	in.u.page.request = j->request;
	in.u.page.found = j->found;
	if (j->found)
		keep_page(d, j->page);
	else
		page_free(j->page);
	free(j);
	driver_feed(d, &in);
}

void
driver_read_page(struct driver *d, const struct mesh_effect *e)
{
	struct page_job *j = calloc(1, sizeof(*j));
	struct page *p = calloc(1, sizeof(*p));
	struct mesh_input in = {.kind = MESH_PAGE_READ, .link = e->link};

	if (d->jobs >= DRIVER_JOBS_MAX || j == NULL || p == NULL ||
	    (p->frame = malloc(FRAME_HEADER_BYTES + LINK_BODY_BYTES_MAX)) ==
		    NULL) {
		page_free(p);
		free(j);
		in.u.page.request = e->u.page.request;
		driver_feed(d, &in);
		return;
	}
	j->job.letter.deliver = page_end;
	j->job.work = page_work;
	j->driver = d;
	j->page = p;
	j->link = p->link = e->link;
	j->request = p->request = e->u.page.request;
	j->stream = e->u.page.stream;
	j->after = e->u.page.after;
	j->credit_bytes = e->u.page.credit_bytes;
	d->jobs++;
	catalogue_ask(d->config.catalogue, &j->job);
}

void
driver_send_page(struct driver *d, mesh_link link, uint32_t request)
{
	struct wire *w = wires_find(d->wires, link);
	struct page *p;

	TAILQ_FOREACH(p, &d->pages, in_driver) {
		if (p->link == link && p->request == request)
			break;
	}
	if (p == NULL)
		return; /* the link has ended; its end waits in the queue */
	TAILQ_REMOVE(&d->pages, p, in_driver);
	if (w != NULL)
		(void)wire_send(w, p->frame, p->bytes);
	page_free(p);
}

void
driver_forget_pages(struct driver *d, mesh_link link)
{
	struct page *p, *next;

	for (p = TAILQ_FIRST(&d->pages); p != NULL; p = next) {
		next = TAILQ_NEXT(p, in_driver);
		if (p->link != link)
			continue;
		TAILQ_REMOVE(&d->pages, p, in_driver);
		page_free(p);
	}
}
