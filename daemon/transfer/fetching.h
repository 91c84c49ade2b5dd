/*
 * fetching.h: filling a descriptor with a photo, from whoever has it.
 *
 * A fetch is one GET.  Its work is done by a few threads of its own, on
 * channels that are kept for a while; from the loop thread it is begun, looked
 * at, retried and cancelled.  It never waits on a thread for something that may
 * take long: when an owner has to be asked, or nobody who has the photo
 * answers, it leaves the threads and says so, and whoever began it decides when
 * it is tried again.  Only what hashes to its id is ever called GOT.
 */
#ifndef PHOTOMESH_FETCHING_H
#define PHOTOMESH_FETCHING_H

#include <stdbool.h>
#include <stdint.h>

#include "ident.h"
#include "photo_id.h"
#include "question_transfer.h"

struct catalogue;
struct fetch;
struct fetching;
struct holdings;
struct mailbox;
struct state;
struct tls;
struct trouble;

/* ---- the mesh, as it was ------------------------------------------------ */

struct fetch_peer {
	struct node_id node;
	bool live, near; /* near: on this host */
	uint16_t port;
	uint32_t address_count;
	struct address addresses[NODE_ADDRESSES_MAX];
	char name[SHOWN_NAME_MAX + 1];
};
/* One that listens on another machine's loopback alone is live, listed and
 * out of reach: its records come by relays, the bytes of photos do not. */
static inline bool
fetch_peer_reachable(const struct fetch_peer *p)
{
	return p->live && (p->near || p->address_count > 0);
}
/* Made on the loop thread, shared, never changed afterwards. */
struct fetch_world {
	uint32_t refs; /* atomic */
	uint32_t count;
	struct fetch_peer peers[]; /* [0] is oneself */
};
/* One reference; NULL: out of memory. */
struct fetch_world *fetch_world_new(uint32_t count);
void fetch_world_hold(struct fetch_world *w);
void fetch_world_drop(struct fetch_world *w);

/* ---- all of it ----------------------------------------------------------- */

struct fetching_config {
	struct tls *tls;           /* all borrowed */
	const struct state *state;
	struct catalogue *catalogue;
	struct holdings *holdings;
	struct mailbox *ends;
	uint64_t rate; /* bytes per second from others; 0: no limit */
};
struct fetching *fetching_new(const struct fetching_config *config,
			      struct trouble *why);
/* Ends everything at once; what was begun is told so by the last letters. */
void fetching_free(struct fetching *f);

/* ---- one fetch ----------------------------------------------------------- */

enum fetch_outcome {
	FETCH_GOT,
	FETCH_CONSENT, /* parked: an owner has been asked */
	FETCH_NOBODY,  /* parked: those who hold it do not answer just now */
	FETCH_FAILED,  /* for good: code and text */
};

struct fetch_seen {
	struct answer_getting progress;
	uint64_t resumed;
	enum fetch_outcome outcome; /* once `ended` was called */
	uint32_t code;              /* enum error_code, when FAILED or NOBODY */
	char text[REASON_BYTES_MAX + 1];
	bool there; /* NOBODY: one that fell silent midway is live */
};

/*
 * Begin.  Takes `fd`; the world is held as long as needed.  `ended` is called
 * on the loop thread each time the fetch leaves the threads: look at it, then
 * fetch_retry if it is parked, or fetch_free.  NULL: out of memory (fd closed).
 */
struct fetch *fetching_get(struct fetching *f, const struct question_get *what,
			   int fd, struct fetch_world *world,
			   void (*ended)(void *arg, struct fetch *f),
			   void *arg);
void fetch_look(struct fetch *f, struct fetch_seen *out);
/* Only when parked. */
void fetch_retry(struct fetch *f, struct fetch_world *world);
/* At any time; what goes on ends soon, and `ended` is not called any more. */
void fetch_free(struct fetch *f);

/* ---- proofs -------------------------------------------------------------- */

struct proof_of {
	uint32_t peer; /* index into the world */
	uint32_t code; /* as in answer_proof */
	uint8_t sum[PROOF_BYTES];
};
/*
 * Have every holder of a photo prove it, this node included.  `done` once, on
 * the loop thread, with a list that is good for the call.  False: out of
 * memory, `done` is not called.
 */
bool fetching_prove(struct fetching *f, const struct question_prove *what,
		    struct fetch_world *world,
		    void (*done)(void *arg, const struct fetch_world *world,
				 const struct proof_of *proofs,
				 uint32_t count),
		    void *arg);

/* ---- thumbnails ----------------------------------------------------------- */

/* Who asks for them, one thread at a time. */
struct thumb_asker;
struct thumb_asker *thumb_asker_new(struct fetching *f);
void thumb_asker_free(struct thumb_asker *a);
/* From any thread: whatever it is at ends soon, and everything after at once. */
void thumb_asker_stop(struct thumb_asker *a);

enum thumbs_outcome {
	THUMBS_TOLD,    /* each photo was answered */
	THUMBS_NOBODY,  /* it cannot be reached, or broke off */
	THUMBS_NONE,    /* it is not asked such things */
	THUMBS_ILLEGAL, /* it gave something that is no thumbnail */
};
/*
 * Thumbnails of `count` photos, at most THUMBS_ASK_MAX, from one peer, over a
 * channel.  Blocks for a few seconds at most (with `make` for as long as one
 * may take).  `came` for each that it has: lawful by thumb.h, borrowed for the
 * call, and nobody vouches that it shows that photo.
 */
enum thumbs_outcome
thumb_asker_ask(struct thumb_asker *a, const struct fetch_peer *peer,
		const struct photo_id *photos, uint32_t count, bool make,
		void (*came)(void *arg, uint32_t index, const uint8_t *image,
			     size_t bytes),
		void *arg);
/* Is somebody waiting for photos just now?  They come first. */
bool fetching_is_busy(struct fetching *f);

#endif
