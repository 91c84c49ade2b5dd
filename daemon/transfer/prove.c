/*
 * prove.c: having every holder of a photo prove it.
 *
 * Each holder is asked by a thread of its own, this node's copy is read by
 * another; the last to have an answer tells.  How long one may take goes by the
 * size: it has to read all of it.
 */
#include "fetch_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "clock.h"
#include "holdings.h"

#define PROVE_MS_MIN     10000u
#define PROVE_BYTES_A_MS 10000u /* 10 MB/s: a slow disk */
#define PROVE_MS_MAX     3600000u
#define SAY_MS           3000u

struct prover {
	struct fetch_work work; /* first */
	struct proving *proving;
	struct proof_of proof;
	bool here; /* the copy can be read as far as is known */
	struct fetch_line line;
};

struct proving {
	struct fetch_work work; /* first; finding the holders */
	struct letter letter;
	struct proving *next; /* all->lock */
	struct fetching *all;
	struct question_prove what;
	struct fetch_world *world;
	void (*done)(void *arg, const struct fetch_world *world,
		     const struct proof_of *proofs, uint32_t count);
	void *arg;
	pthread_mutex_t lock; /* lines */
	atomic_uint left;     /* without an answer */
	uint32_t count;
	struct prover provers[MESH_LIVE_MAX];
};

/* ---- the end ------------------------------------------------------------- */

static void
deliver(struct letter *l)
{
	struct proving *p = (struct proving *)((char *)l -
					       offsetof(struct proving,
							letter));
	struct proof_of proofs[MESH_LIVE_MAX];

	for (uint32_t i = 0; i < p->count; i++)
		proofs[i] = p->provers[i].proof;
	p->done(p->arg, p->world, proofs, p->count);
	fetch_world_drop(p->world);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* One answer more is in, or the holders are found. */
static void
settle(struct proving *p)
{
	struct fetching *f = p->all;
	struct proving **at = &f->provings;

	if (atomic_fetch_sub(&p->left, 1) != 1)
		return;
	pthread_mutex_lock(&f->lock);
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	pthread_mutex_unlock(&f->lock);
	p->letter.deliver = deliver;
	mailbox_post(f->config.ends, &p->letter);
}

void
proofs_stop(struct fetching *f)
{
	for (struct proving *p = f->provings; p != NULL; p = p->next) {
		pthread_mutex_lock(&p->lock);
		for (uint32_t i = 0; i < p->count; i++)
			line_end(&p->provers[i].line);
		pthread_mutex_unlock(&p->lock);
	}
}

/* ---- here ---------------------------------------------------------------- */

/* The sum over nonce and file; false: it cannot be read to its end. */
static bool
sum_file(struct proving *p, int fd, EVP_MD_CTX *md, uint8_t *buffer,
	 uint8_t sum[PROOF_BYTES])
{
	uint64_t at = 0, size = p->what.photo.size;
	unsigned bytes = PROOF_BYTES;

	if (EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1 ||
	    EVP_DigestUpdate(md, p->what.nonce, PROOF_NONCE_BYTES) != 1)
		return false;
	while (at < size && !fetching_ending(p->all)) {
		size_t want = size - at < COPY_BYTES ? (size_t)(size - at)
						     : COPY_BYTES;
		ssize_t n = pread(fd, buffer, want, (off_t)at);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0 || EVP_DigestUpdate(md, buffer, (size_t)n) != 1)
			return false;
		at += (uint64_t)n;
	}
	return at == size && EVP_DigestFinal_ex(md, sum, &bytes) == 1;
}

static uint32_t
prove_own(struct proving *p, uint8_t sum[PROOF_BYTES])
{
	struct holdings *h = p->all->config.holdings;
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t *buffer = fetching_lend(p->all);
	uint32_t code = ERROR_FAILED;
	struct holding_file own;
	struct trouble why;

	switch (holdings_open(h, &p->what.photo, &own, &why)) {
	case HOLDING_OPEN:
		if (md != NULL && buffer != NULL &&
		    sum_file(p, own.fd, md, buffer, sum))
			code = 0;
		if (!holdings_still(h, &p->what.photo, &own))
			code = ERROR_CHANGED;
		close(own.fd);
		break;
	case HOLDING_NONE:
		code = ERROR_NOT_HERE;
		break;
	case HOLDING_CHANGED:
		code = ERROR_CHANGED;
		break;
	case HOLDING_FAILED:
		break;
	}
	fetching_give_back(p->all, buffer);
	EVP_MD_CTX_free(md);
	return code;
}

/* ---- there --------------------------------------------------------------- */

static unsigned
patience_ms(const struct proving *p)
{
	uint64_t ms = PROVE_MS_MIN + p->what.photo.size / PROVE_BYTES_A_MS;

	return ms < PROVE_MS_MAX ? (unsigned)ms : PROVE_MS_MAX;
}

/* One question on the channel: its code, or ERROR_UNREACHABLE when the channel
 * is good for nothing more. */
static uint32_t
ask(struct proving *p, struct channel *c, uint8_t sum[PROOF_BYTES])
{
	struct bulk m = {.type = BULK_PROVE, .request = 1};
	enum channel_heard heard;

	m.u.prove.photo = p->what.photo;
	memcpy(m.u.prove.nonce, p->what.nonce, PROOF_NONCE_BYTES);
	/* Drips buy no time. */
	channel_end_by(c, clock_steady_ms() + SAY_MS + patience_ms(p));
	heard = !channel_say_bulk(c, &m, SAY_MS)
			? CHANNEL_ENDED
			: channel_hear(c, CHANNEL_BODY_BYTES_MAX,
				       patience_ms(p), &m);
	channel_end_by(c, UINT64_MAX);
	if (heard != CHANNEL_HEARD || m.request != 1)
		return ERROR_UNREACHABLE;
	if (m.type == MESSAGE_ERROR)
		return m.u.error.code != 0 ? m.u.error.code : ERROR_FAILED;
	if (m.type != BULK_PROOF)
		return ERROR_UNREACHABLE;
	memcpy(sum, m.u.proof, PROOF_BYTES);
	return 0;
}

static uint32_t
prove_there(struct prover *r)
{
	struct proving *p = r->proving;
	const struct fetch_peer *peer = &p->world->peers[r->proof.peer];
	uint32_t code = ERROR_UNREACHABLE;
	bool was_idle = true;
	struct trouble why;

	/* One that lay idle may have ended long ago. */
	for (unsigned try = 0; try < 2 && was_idle; try++) {
		struct channel *c = channels_take(p->all, peer, try > 0,
						  &p->lock, &r->line,
						  &was_idle, &why);

		if (c == NULL)
			return ERROR_UNREACHABLE;
		code = ask(p, c, r->proof.sum);
		pthread_mutex_lock(&p->lock);
		r->line.channel = NULL;
		pthread_mutex_unlock(&p->lock);
		if (code != ERROR_UNREACHABLE) {
			channels_give(p->all, c);
			return code;
		}
		channel_cut(c);
		channel_free(c);
	}
	return code;
}

/* ---- all of them --------------------------------------------------------- */

static void
prover_run(struct fetching *f, struct fetch_work *w)
{
	struct prover *r = (struct prover *)w;
	struct proving *p = r->proving;

	if (fetching_ending(f))
		r->proof.code = ERROR_UNREACHABLE;
	else if (r->proof.peer == 0)
		r->proof.code = prove_own(p, r->proof.sum);
	else if (!p->world->peers[r->proof.peer].live)
		r->proof.code = ERROR_UNREACHABLE;
	else if (!r->here)
		r->proof.code = ERROR_NOT_HERE;
	else
		r->proof.code = prove_there(r);
	if (r->proof.code != 0)
		memset(r->proof.sum, 0, PROOF_BYTES);
	settle(p);
}

static void
find_run(struct fetching *f, struct fetch_work *w)
{
	struct proving *p = (struct proving *)w;
	struct found_holder found[MESH_LIVE_MAX];
	struct trouble why;
	uint32_t count = 0, made = 0;
	bool known;

	if (!fetching_ending(f))
		(void)holders_find(f, &p->what.photo, found, MESH_LIVE_MAX,
				   &count, &known, &why);
	for (uint32_t i = 0; i < count; i++) {
		struct prover *r = &p->provers[made];
		uint32_t peer = 0;

		while (peer < p->world->count &&
		       !node_id_equal(&p->world->peers[peer].node,
				      &found[i].node))
			peer++;
		if (peer == p->world->count)
			continue;
		r->work.run = prover_run;
		r->proving = p;
		r->proof.peer = peer;
		r->here = found[i].root_online;
		made++;
	}
	pthread_mutex_lock(&p->lock);
	p->count = made;
	pthread_mutex_unlock(&p->lock);
	/* The list is whole before the first of them may settle. */
	atomic_fetch_add(&p->left, p->count);
	for (uint32_t i = 0; i < p->count; i++)
		fetching_submit_proof(f, &p->provers[i].work);
	settle(p);
}

bool
fetching_prove(struct fetching *f, const struct question_prove *what,
	       struct fetch_world *world,
	       void (*done)(void *arg, const struct fetch_world *world,
			    const struct proof_of *proofs, uint32_t count),
	       void *arg)
{
	struct proving *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return false;
	p->work.run = find_run;
	p->all = f;
	p->what = *what;
	fetch_world_hold(world);
	p->world = world;
	p->done = done;
	p->arg = arg;
	pthread_mutex_init(&p->lock, NULL);
	atomic_init(&p->left, 1);
	pthread_mutex_lock(&f->lock);
	p->next = f->provings;
	f->provings = p;
	pthread_mutex_unlock(&f->lock);
	fetching_submit(f, &p->work);
	return true;
}
