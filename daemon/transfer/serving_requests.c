/*
 * serving_requests.c: FETCH, HAND and PROVE, answered from a file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "clock.h"
#include "consent.h"
#include "log.h"
#include "serving_private.h"
#include "trouble.h"
#include "unchanged.h"

#define ROOM_BYTES (BULK_CHUNK_HEAD_MAX + CHUNK_BYTES_MAX)

/* What became of a request; all but ENDED leave the channel as it is. */
enum outcome {
	OUTCOME_DONE,
	OUTCOME_CHANGED,
	OUTCOME_FAILED,
	OUTCOME_ENDED,
};

static void
close_file(struct served *c)
{
	if (c->open)
		close(c->file.fd);
	c->open = false;
}

void
serving_rest(struct served *c)
{
	close_file(c);
	hatch_rest(&c->hatch);
	free(c->room);
	c->room = NULL;
}

/* ---- saying no ------------------------------------------------------- */

static bool
say_error(struct served *c, uint32_t request, uint32_t code, const char *text)
{
	struct bulk m = {.type = MESSAGE_ERROR, .request = request};

	m.u.error.code = code;
	snprintf(m.u.error.text, sizeof(m.u.error.text), "%s", text);
	return channel_say_bulk(c->channel, &m, c->serving->idle_ms);
}

static bool
say_changed(struct served *c, uint32_t request)
{
	close_file(c);
	return say_error(c, request, ERROR_CHANGED,
			 "the file is not what was indexed any more");
}

static bool
say_failed(struct served *c, uint32_t request)
{
	close_file(c);
	return say_error(c, request, ERROR_FAILED, "it cannot be read");
}

/* The file of `photo`, open and as it was indexed.  0: it is; else the code
 * that says why not. */
static uint32_t
have_file(struct served *c, const struct photo_id *photo)
{
	struct trouble why = {0};

	if (c->open && photo_id_compare(photo, &c->photo) == 0 &&
	    holdings_still(c->serving->config.holdings, photo, &c->file))
		return 0;
	close_file(c);
	switch (holdings_open(c->serving->config.holdings, photo, &c->file,
			      &why)) {
	case HOLDING_OPEN:
		break;
	case HOLDING_NONE:
		return ERROR_NOT_HERE;
	case HOLDING_CHANGED:
		return ERROR_CHANGED;
	case HOLDING_FAILED:
		log_warn("a photo that was asked for: %s", why.text);
		return ERROR_FAILED;
	}
	(void)posix_fadvise(c->file.fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	c->photo = *photo;
	c->open = true;
	return 0;
}

/* May they have it?  If so true; else they have been told, and *lives says
 * whether the channel goes on. */
static bool
is_consented(struct served *c, uint32_t request, bool *lives)
{
	struct consent *consent = c->serving->config.consent;

	switch (consent == NULL
			? CONSENT_YES
			: consent_ask(consent, channel_node(c->channel),
				      &c->photo, c->file.name)) {
	case CONSENT_YES:
		return true;
	case CONSENT_ASKED:
		*lives = say_error(c, request, ERROR_WAITING,
				   "its owner has been asked");
		return false;
	case CONSENT_NO:
		break;
	}
	*lives = say_error(c, request, ERROR_DENIED,
			   "its owner does not share it");
	return false;
}

static bool
say_no_file(struct served *c, uint32_t request, uint32_t code)
{
	switch (code) {
	case ERROR_NOT_HERE:
		return say_error(c, request, code,
				 "no copy is here that can be read now");
	case ERROR_CHANGED:
		return say_changed(c, request);
	default:
		return say_failed(c, request);
	}
}

/* ---- reading --------------------------------------------------------- */

/* Exactly `count` bytes; the file has them, or it has changed. */
static enum outcome
read_at(const struct served *c, uint8_t *out, size_t count, uint64_t at)
{
	while (count > 0) {
		ssize_t n = pread(c->file.fd, out, count, (off_t)at);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return OUTCOME_FAILED;
		if (n == 0)
			return OUTCOME_CHANGED;
		out += n;
		at += (uint64_t)n;
		count -= (size_t)n;
	}
	return OUTCOME_DONE;
}

static bool
is_still(struct served *c)
{
	return holdings_still(c->serving->config.holdings, &c->photo, &c->file);
}

static bool
finish(struct served *c, uint32_t request, enum outcome outcome)
{
	switch (outcome) {
	case OUTCOME_DONE:
		return true;
	case OUTCOME_CHANGED:
		(void)is_still(c); /* so that it is looked at again */
		return say_changed(c, request);
	case OUTCOME_FAILED:
		log_warn("%s: cannot be read", c->file.name);
		return say_failed(c, request);
	case OUTCOME_ENDED:
		break;
	}
	return false;
}

bool
serving_have_room(struct served *c)
{
	if (c->room == NULL)
		c->room = malloc(ROOM_BYTES);
	return c->room != NULL;
}

/* ---- FETCH ----------------------------------------------------------- */

static enum outcome
give_chunk(struct served *c, uint32_t request, uint64_t at, size_t count,
	   bool last)
{
	struct serving *s = c->serving;
	uint8_t *data = c->room + BULK_CHUNK_HEAD_MAX;
	enum outcome outcome;
	size_t head;

	if (!serving_sleep(s, rate_reserve(&s->rate, count, clock_steady_ms())))
		return OUTCOME_ENDED;
	outcome = read_at(c, data, count, at);
	if (outcome != OUTCOME_DONE)
		return outcome;
	/* Once the last byte has been said, it could not be taken back. */
	if (last && !is_still(c))
		return OUTCOME_CHANGED;
	head = bulk_chunk_head(request, count, data);
	if (!channel_say(c->channel, data - head, head + count, s->idle_ms))
		return OUTCOME_ENDED;
	atomic_fetch_add(&s->bytes, count);
	return OUTCOME_DONE;
}

static bool
answer_fetch(struct served *c, uint32_t request, const struct bulk_fetch *f)
{
	size_t part_max = rate_part(&c->serving->rate, CHUNK_BYTES_MAX);
	uint64_t at = f->offset, end = f->offset + f->length;
	enum outcome outcome;
	uint32_t code;
	bool lives;

	if ((code = have_file(c, &f->photo)) != 0)
		return say_no_file(c, request, code);
	if (!is_consented(c, request, &lives))
		return lives;
	if (!serving_have_room(c))
		return say_failed(c, request);
	do {
		size_t part = end - at < part_max ? (size_t)(end - at)
						  : part_max;

		outcome = give_chunk(c, request, at, part, at + part == end);
		at += part;
	} while (outcome == OUTCOME_DONE && at < end);
	return finish(c, request, outcome);
}

/* ---- HATCH, HAND ----------------------------------------------------- */

static bool
answer_hatch(struct served *c, uint32_t request)
{
	struct bulk m = {.type = BULK_HATCH_IS, .request = request};

	if (!serving_hands(c->serving) || !hatch_open(&c->hatch, &m.u.hatch))
		return say_error(c, request, ERROR_FAILED,
				 "nothing is handed over here");
	return channel_say_bulk(c->channel, &m, c->serving->idle_ms);
}

/* The same questions as for FETCH, in the same order. */
static bool
answer_hand(struct served *c, uint32_t request, const struct photo_id *photo)
{
	const struct bulk m = {.type = BULK_HANDED, .request = request};
	uint32_t code;
	bool lives;

	if ((code = have_file(c, photo)) != 0)
		return say_no_file(c, request, code);
	if (!is_consented(c, request, &lives))
		return lives;
	/* Where a read may hang for ever it shall hang one thread of ours. */
	if (!serving_hands(c->serving) ||
	    (volume_traits(c->file.fd) & VOLUME_UNTOLD) != 0 ||
	    !hatch_hand(&c->hatch, request, c->file.fd))
		return say_error(c, request, ERROR_FAILED,
				 "it is not handed over; FETCH it");
	atomic_fetch_add(&c->serving->bytes, photo->size);
	/* What they do with it shall not reach ours. */
	close_file(c);
	return channel_say_bulk(c->channel, &m, c->serving->idle_ms);
}

/* ---- PROVE ----------------------------------------------------------- */

static enum outcome
hash_file(struct served *c, EVP_MD_CTX *sum)
{
	uint64_t at = 0, size = c->photo.size;
	enum outcome outcome;

	while (at < size) {
		size_t part = size - at < CHUNK_BYTES_MAX ? (size_t)(size - at)
							  : CHUNK_BYTES_MAX;

		if (!serving_sleep(c->serving, 0))
			return OUTCOME_ENDED;
		if ((outcome = read_at(c, c->room, part, at)) != OUTCOME_DONE)
			return outcome;
		if (EVP_DigestUpdate(sum, c->room, part) != 1)
			return OUTCOME_FAILED;
		at += part;
	}
	return is_still(c) ? OUTCOME_DONE : OUTCOME_CHANGED;
}

static bool
answer_prove(struct served *c, uint32_t request, const struct bulk_prove *p)
{
	struct bulk m = {.type = BULK_PROOF, .request = request};
	enum outcome outcome = OUTCOME_FAILED;
	EVP_MD_CTX *sum;
	uint32_t code;

	/* Without asking for consent: they learn no byte. */
	if ((code = have_file(c, &p->photo)) != 0)
		return say_no_file(c, request, code);
	if (!serving_have_room(c))
		return say_failed(c, request);
	sum = EVP_MD_CTX_new();
	if (sum != NULL && EVP_DigestInit_ex(sum, EVP_sha256(), NULL) == 1 &&
	    EVP_DigestUpdate(sum, p->nonce, PROOF_NONCE_BYTES) == 1)
		outcome = hash_file(c, sum);
	if (outcome == OUTCOME_DONE &&
	    EVP_DigestFinal_ex(sum, m.u.proof, NULL) != 1)
		outcome = OUTCOME_FAILED;
	EVP_MD_CTX_free(sum);
	if (outcome != OUTCOME_DONE)
		return finish(c, request, outcome);
	return channel_say_bulk(c->channel, &m, c->serving->idle_ms);
}

bool
serving_answer(struct served *c, const struct bulk *m)
{
	if (!bulk_lawful(m)) {
		log_debug("asked for what may not be asked; channel ended");
		return false;
	}
	switch (m->type) {
	case BULK_FETCH:
		return answer_fetch(c, m->request, &m->u.fetch);
	case BULK_HATCH:
		return answer_hatch(c, m->request);
	case BULK_HAND:
		return answer_hand(c, m->request, &m->u.hand);
	case BULK_THUMBS:
		if (c->serving->config.thumbs == NULL)
			return false; /* CHANNEL_OPEN said so */
		return serving_answer_thumbs(c, m->request, &m->u.thumbs);
	case BULK_PROVE:
		break;
	}
	return answer_prove(c, m->request, &m->u.prove);
}
