/*
 * channels_fetch.c: photos, proofs and thumbnails, out of holders that may say
 * anything.
 *
 * What is called got is the photo, byte by byte; a range is no longer than was
 * asked; each proof is told of once, and what is called a thumbnail has the form
 * of one.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "channels_holder.h"
#include "fetching.h"
#include "thumb.h"
#include "trouble.h"

#define DEEDS_MAX 8u
#define TRIES_MAX 3u

static struct holder holders[2]; /* persons 1 and 2 */
static struct fetching *fetching;
static struct fetch_world *mesh;

static void
make_mesh(unsigned how)
{
	struct world *w = world_get();

	mesh = fetch_world_new(3);
	fuzz_must(mesh != NULL, "out of memory");
	for (uint32_t i = 0; i < 3; i++) {
		struct fetch_peer *p = &mesh->peers[i];

		p->node = w->people[i].node;
		p->live = true;
		p->near = i == 0 || (how >> i & 1) != 0;
		strcpy(p->name, i == 0 ? "self" : i == 1 ? "one" : "two");
		if (i == 0)
			continue;
		p->port = holders[i - 1].port;
		p->address_count = 1;
		strcpy(p->addresses[0].host, "127.0.0.1");
		p->addresses[0].port = p->port;
	}
}

/* ---- GET ----------------------------------------------------------------- */

struct get {
	bool ended;
	struct fetch_seen seen;
};

static void
on_ended(void *arg, struct fetch *f)
{
	struct get *g = arg;

	fuzz_must(!g->ended, "a fetch ends twice");
	g->ended = true;
	fetch_look(f, &g->seen);
}

/* What is in the file that was to be filled. */
static void
judge_file(int fd, const struct photo *p, const struct question_get *what,
	   const struct get *g)
{
	bool whole = what->length == 0;
	uint8_t *bytes;
	struct stat st;

	fuzz_must(fstat(fd, &st) == 0, "no file");
	fuzz_must(g->seen.progress.bytes <= g->seen.progress.total,
		   "more than all of it");
	if (!whole)
		fuzz_must((uint64_t)st.st_size <= what->length,
			   "more than was asked for");
	if (g->seen.outcome != FETCH_GOT)
		return;
	fuzz_must((uint64_t)st.st_size == (whole ? p->id.size : what->length),
		   "got, but not all of it");
	if (!whole)
		return; /* a range is as good as its holder's word */
	bytes = malloc(p->id.size);
	fuzz_must(bytes != NULL && pread(fd, bytes, p->id.size, 0) ==
					    (ssize_t)p->id.size &&
		   memcmp(bytes, p->bytes, p->id.size) == 0,
		   "got, but it is not the photo");
	free(bytes);
}

static void
get(struct choices *c)
{
	const struct photo *p = &world_get()->photos[choose(c) % PHOTOS];
	unsigned how = choose(c), tries = choose(c) % TRIES_MAX;
	struct question_get what = {.photo = p->id};
	struct get g = {0};
	struct fetch *f;
	int fd = memfd_create("got", MFD_CLOEXEC);
	int ours = -1;

	if (how % 4 == 3) {
		what.offset = p->id.size * (how / 4) / 64;
		what.length = 1 + (p->id.size - what.offset - 1) *
					  (choose(c) + 1) / 256;
	}
	fuzz_must(fd != -1 && (ours = dup(fd)) != -1, "no file");
	f = fetching_get(fetching, &what, fd, mesh, on_ended, &g);
	fuzz_must(f != NULL, "out of memory");
	if (how >= 248) { /* not wanted any more */
		fetch_look(f, &g.seen);
		fetch_free(f);
		close(ours);
		return;
	}
	for (;;) {
		while (!g.ended)
			world_wait();
		if (g.seen.outcome == FETCH_GOT ||
		    g.seen.outcome == FETCH_FAILED || tries-- == 0)
			break;
		g.ended = false;
		fetch_retry(f, mesh);
	}
	judge_file(ours, p, &what, &g);
	fetch_free(f);
	close(ours);
}

/* ---- PROVE ---------------------------------------------------------------- */

static void
on_proofs(void *arg, const struct fetch_world *world,
	  const struct proof_of *proofs, uint32_t count)
{
	static const uint8_t none[PROOF_BYTES];
	bool *done = arg;

	fuzz_must(!*done && world == mesh && count <= 3, "told twice");
	for (uint32_t i = 0; i < count; i++) {
		fuzz_must(proofs[i].peer < 3, "proofs of nobody");
		fuzz_must(proofs[i].code == 0 ||
			   memcmp(proofs[i].sum, none, PROOF_BYTES) == 0,
			   "no proof, and a sum");
		for (uint32_t j = 0; j < i; j++)
			fuzz_must(proofs[i].peer != proofs[j].peer,
				   "two proofs of one");
	}
	*done = true;
}

static void
prove(struct choices *c)
{
	struct question_prove what = {
		.photo = world_get()->photos[choose(c) % PHOTOS].id};
	bool done = false;

	memset(what.nonce, (int)choose(c), sizeof(what.nonce));
	fuzz_must(fetching_prove(fetching, &what, mesh, on_proofs, &done),
		   "out of memory");
	while (!done)
		world_wait();
}

/* ---- THUMBS --------------------------------------------------------------- */

struct shown {
	uint32_t next, count;
};

static void
on_thumb(void *arg, uint32_t index, const uint8_t *image, size_t bytes)
{
	struct shown *s = arg;

	fuzz_must(index >= s->next && index < s->count, "out of order");
	fuzz_must(thumb_lawful(image, bytes, NULL, NULL), "no thumbnail");
	s->next = index + 1;
}

static void
ask_thumbs(struct choices *c)
{
	struct photo_id photos[PHOTOS];
	const struct fetch_peer *peer = &mesh->peers[1 + choose(c) % 2];
	struct shown s = {.count = 1 + choose(c) % PHOTOS};
	struct thumb_asker *a = thumb_asker_new(fetching);

	fuzz_must(a != NULL, "out of memory");
	for (uint32_t i = 0; i < s.count; i++)
		photos[i] = world_get()->photos[i].id;
	(void)thumb_asker_ask(a, peer, photos, s.count, false, on_thumb, &s);
	thumb_asker_free(a);
}

/* ---- one life ------------------------------------------------------------- */

void
channels_fetch(struct choices *c)
{
	struct world *w = world_get();
	struct fetching_config config = {
		.tls = w->tls, .state = &w->people[0],
		.catalogue = w->catalogue, .holdings = w->holdings,
		.ends = w->ends};
	struct trouble why = {0};
	unsigned how = choose(c), deeds = 1 + choose(c) % DEEDS_MAX;
	size_t ours = 4 * (size_t)deeds;
	const uint8_t *bytes = choices_bytes(c, &ours);
	struct choices own = {bytes, ours};
	size_t first = how & 8 ? c->left : c->left / 2;

	bytes = choices_bytes(c, &first);
	holder_begin(&holders[0], 1, how & 16, bytes, first);
	holder_begin(&holders[1], 2, how & 32, c->at, c->left);
	make_mesh(how);
	fetching = fetching_new(&config, &why);
	fuzz_must(fetching != NULL, why.text);
	while (deeds-- > 0) {
		unsigned what = choose(&own) % 4;

		if (what < 2)
			get(&own);
		else if (what == 2)
			prove(&own);
		else
			ask_thumbs(&own);
	}
	fetching_free(fetching);
	fetch_world_drop(mesh);
	holder_end(&holders[0]);
	holder_end(&holders[1]);
	world_turn();
}
