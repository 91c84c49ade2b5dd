/*
 * sim.h: a whole mesh in one process, with a world made of a seed.
 *
 * The core (struct mesh) and the encoder are the real ones.  Clock, network,
 * disks and bad luck are models, kept here:
 *
 *   world.c   virtual clock, event queue, random numbers, trace
 *   wire.c    connections: dialling, handshakes, ordered bytes, cuts
 *   disk.c    catalogues: rows, points, digests, generations, copies of disks
 *   writer.c  transactions on them
 *   ended.c    forgotten nodes: records, what goes with them, what must come
 *   mail.c    bytes of messages, news for processes
 *   node.c    one process: its inbox, inputs to the core
 *   effects.c what the core wants, performed
 *   truth.c   what owners have really made durable; judges replicas
 *   liar.c    a member that says what is not so
 *   faults.c  the storm that a seed decides, and the calm after it
 *   check.c   what must never be (safety)
 *   silence.c what is concluded from what is heard, and what is not
 *   fresh.c   what is claimed of how old it is
 *   shown.c   what a list shows of a node, and that nothing blinks in it
 *   calm.c    what must come (convergence)
 *   dials.c   nodes that dial each other at one instant
 *   story.c   scripted scenarios told as prose, for golden traces
 *   weather.c a storm and its calm; whether a mesh settles
 *   clone.c   a world copied, so that it can go on in two ways
 *   print.c   two worlds held against each other: a number for a state
 *   explore.c, explore_*.c  every order of events, to a bounded depth
 *   main.c    options
 *
 * A world is single-threaded and never asks the machine for time or
 * randomness: the same seed gives the same trace hash, or that is the bug.
 */
#ifndef PHOTOMESH_SIM_H
#define PHOTOMESH_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "mesh.h"

#define SIM_SLOTS   10u /* processes that may run: nodes and copies of them */
#define SIM_HOSTS   3u
#define SIM_PORTS   16u /* probed from the base on */
#define SIM_BASE    5000u
#define SIM_ROOT_B  23u /* key 0 is a node's root, the others below this its
			 * files; this is the key of a second root, if any */
#define SIM_FIRST_B 12u /* ... which then has the files from here on */
#define SIM_FILES   24u /* so many keys of folders */
#define SIM_KEYS    48u /* ... and from there on, whom it has forgotten */
#define SIM_STREAMS 40u /* on one disk */
#define SIM_KNOWN   40u
#define SIM_WIRES   4096u
#define SIM_OPEN    256u /* sockets of one process */
#define SIM_TRUTHS  200u
#define SIM_SEQS    2048u /* own rows written in one generation */

#define MS(n)  ((uint64_t)(n)*1000u)
#define SEC(n) ((uint64_t)(n)*1000000u)

/* ---- disks (disk.c) --------------------------------------------------- */

struct row {
	uint64_t seq; /* 0: nothing is said under this key */
	uint32_t value;
	bool dead;
	uint64_t ended; /* forgotten: up to this generation */
	bool b; /* of the second root */
};

/* The second root of a node, on a disk of its own. */
enum root_b {
	ROOT_B_NONE,
	ROOT_B_HERE,
	ROOT_B_LOST, /* in a drawer, and not in the list of roots any more */
};

struct replica {
	bool used;
	struct stream_report report;
	struct row rows[SIM_KEYS];
	bool leaving[SIM_KEYS]; /* withdrawn, but listed until the head */
};

struct disk {
	struct node_id identity;
	uint64_t own_generation;
	enum root_b root_b;
	bool shared; /* a copy of it spoke under this identity, too */
	bool remembers; /* all that it ever told of, as far as it can know */
	uint32_t wanted[SIM_FILES]; /* the folder: what a scan would find; 0 no */
	uint64_t since_us[SIM_FILES]; /* ... without a break since then */
	struct replica held[SIM_STREAMS];
	struct replica beside[4]; /* being built afresh */
	uint32_t memory_count;
	struct mesh_memory memory[SIM_KNOWN];
};

/* ---- what processes are told (node.c) --------------------------------- */

enum news_kind {
	TOLD_START,
	TOLD_TICK,
	TOLD_CONNECTED,
	TOLD_CLIENT_HELLO,  /* the handshake, not seen by the core */
	TOLD_SERVER_FLIGHT, /* LINK_UP for the dialler */
	TOLD_FINISHED,      /* LINK_UP for the listener */
	TOLD_FRAME,
	TOLD_DOWN,
	TOLD_STORED,
	TOLD_PAGE,
	TOLD_OWN,
	TOLD_DROPPED,
	TOLD_UNDONE,
	TOLD_LEAVE,
	TOLD_FORGET,    /* report.stream */
	TOLD_FORGOTTEN,
	TOLD_FORGOT,
};

/* Bytes of one message, shared by all who will hear it. */
struct frame_buf {
	uint32_t refs, bytes, type;
	uint64_t print; /* of the bytes; 0: not asked for yet */
	struct message_heartbeat heartbeat; /* the fast path */
	uint8_t data[];
};

struct news {
	struct news *next;
	enum news_kind kind;
	int32_t wire; /* with side: where it came from; -1: none */
	uint32_t side, serial;
	enum link_end end;
	struct frame_buf *frame;
	uint64_t store;
	bool failed, crowded;
	uint32_t request;
	mesh_link link;
	struct stream_report report;
};

struct op; /* a transaction that waits for its disk */

struct page {
	mesh_link link;
	uint32_t request;
	struct frame_buf *frame;
};

struct slot {
	uint32_t index;
	const char *name;
	bool used;    /* takes part in this world */
	bool running; /* there is a process */
	bool stopped; /* SIGSTOP */
	bool leaving;
	bool for_good; /* stays dead through the calm */
	bool is_copy;
	bool liar;     /* see liar.c; gone before the calm */
	uint32_t host;
	uint32_t life; /* counts processes: late events find nobody */
	uint64_t started_us, listener_until_us, busy_until_us, writer_free_us;
	uint64_t tick_at_us;
	uint32_t input_us; /* what one input costs; slow nodes */
	uint32_t disk_us;  /* what one transaction costs */
	int64_t wall_offset_ms;
	uint16_t port;
	uint32_t refused; /* slots that were refused at its port; stories */
	mesh_link next_accept;
	struct mesh *mesh;
	struct mesh_config config;
	struct news *inbox, **inbox_tail;
	bool pump_due;
	uint32_t open_count;
	uint32_t open[SIM_OPEN]; /* wire * 2 + side */
	uint64_t suspect_us[SIM_KNOWN]; /* by identity: since when suspect */
	uint64_t well_us[SIM_KNOWN];
	uint64_t left_us[SIM_KNOWN];   /* since when it should not say left */
	uint64_t heard_us[SIM_KNOWN];  /* a frame of it reached the core */
	uint64_t hung_step[SIM_KNOWN]; /* the core hung up on it in this step */
	uint32_t heard_life[SIM_KNOWN]; /* ... of this process of it */
	uint32_t dead_life[SIM_KNOWN]; /* of the process that it saw refused */
	uint64_t dead_run[SIM_KNOWN];  /* as it knew that one */
	struct point told[SIM_KNOWN]; /* the head that it was told of first ... */
	uint64_t told_life[SIM_KNOWN]; /* ... and of which generation; 0 none */
	uint64_t own_told;    /* its own head, as last said ... */
	uint64_t told_own;    /* ... of this generation; 0: not yet */
	uint64_t ending_life; /* the generation that is to end */
	uint64_t late_us; /* the core's last step came later than it allows for */
	uint64_t stopped_us; /* ... or hung, since then; see stopped */
	uint64_t away_us; /* until then it was, for so long that it may be gone */
	uint32_t page_count;
	struct page pages[64];
	uint64_t step_ms;      /* livelock: steps within one millisecond */
	uint32_t step_count;
	struct rank coordinator;
	struct disk *disk, *saved;
	bool has_saved;
};

/* ---- wires (wire.c) --------------------------------------------------- */

struct wire_end {
	int32_t slot; /* -1: nobody of ours */
	uint32_t life;
	struct node_id who; /* it was then; a twin becomes somebody else */
	mesh_link link;
	bool open, up, hello_sent, hello_heard;
	bool streams_sent; /* some STREAMS */
	bool rests; /* a heartbeat lies unread, and is like the one before */
	uint64_t came_ms;              /* ... since then */
	struct message_heartbeat beat; /* the last one */
	struct news *head, **tail; /* on the way to this end */
	uint64_t last_us;
	uint32_t due;    /* arrivals scheduled */
	uint32_t missed; /* arrivals that met a cut */
};

struct wire {
	bool used, loopback;
	uint32_t serial; /* counts uses of this place */
	uint32_t delay_us, jitter_us;
	struct wire_end end[2]; /* the dialler, the listener */
};

/* ---- the world -------------------------------------------------------- */

enum event_kind {
	EVENT_WIRE,    /* a = wire * 2 + end */
	EVENT_TIMEOUT, /* a = wire, life = serial */
	EVENT_NEWS,
	EVENT_PUMP,
	EVENT_TICK,
	EVENT_COMMIT,
	EVENT_READ,
	EVENT_WORK, /* the owner's folder changes */
	EVENT_FAULT,
	EVENT_RESTART, /* life: enum restart */
	EVENT_CONT,
	EVENT_HEAL, /* a = from * SIM_HOSTS + to */
	EVENT_SPEED,   /* a slow process or disk is well again */
};

struct event {
	uint64_t at_us, order;
	enum event_kind kind;
	uint32_t a, life;
	void *p;
};

struct truth {
	bool used;
	struct stream_id stream;
	uint64_t head;
	uint64_t began_us;
	bool forked; /* two lives wrote different rows under one number */
	struct digest sum;
	struct row rows[SIM_KEYS];
	struct digest at[SIM_SEQS];  /* the sum after the transaction ... */
	bool boundary[SIM_SEQS];     /* ... that ended with this number */
	uint64_t told_us[SIM_SEQS];  /* the owner's core knew it; 0: not yet */
};

enum calm { STORM, CALM };

struct world {
	uint64_t seed, now_us, order, random[2];
	uint64_t hash, step_count;
	bool trace, story, failed;
	bool peaceful; /* no faults in this storm: more must hold */
	bool napping;  /* ... except that all are suspended once */
	bool equal_delays; /* all wires are base_delay_us long; see dials.c */
	bool resting;  /* what says nothing new is heard with the next tick */
	uint32_t tick_late_us; /* what has come is heard before: a busy loop */
	bool thorough; /* look at every view after every step */
	bool single;   /* no disk is ever restored or copied: no two lives
			* write under one number */
	uint32_t input_us; /* what an input costs whoever is well */
	uint32_t ports;    /* probed */
	uint64_t all_started_us;
	uint32_t crowns; /* given so far */
	uint8_t poison; /* fills a mesh before mesh_init, unless 0 */
	FILE *out; /* where trace and story go */
	char failure[512];
	enum calm weather;
	uint32_t slot_count, host_count;
	struct slot slots[SIM_SLOTS];
	struct host_id hosts[SIM_HOSTS];
	bool cut[SIM_HOSTS][SIM_HOSTS];      /* bytes from, to */
	bool cut_for_good[SIM_HOSTS][SIM_HOSTS];
	uint64_t cut_us; /* until then some hosts were cut off, if none is now */
	uint8_t stranger[SIM_HOSTS][SIM_PORTS]; /* 0 none, 1 talks, 2 mute */
	uint64_t steady_offset_ms, wall_ms;
	uint32_t page_rows_max, base_delay_us, own_rate_ms, own_burst;
	uint32_t seq_written; /* for names and runs */
	uint64_t identity_count;
	uint32_t event_count, event_room;
	struct event *events;
	uint32_t truth_count;
	struct truth *truths;
	bool lies_many; /* there is a liar, and it speaks of hundreds */
	uint64_t ordered[SIM_KEYS]; /* ended by some user; by key */
	uint32_t smeared_count;
	struct node_id smeared[SIM_KNOWN];
	struct message_decoder *decoder;
	struct mesh_effects *effects;
	const struct message *hearing; /* the message of this very input */
	bool refused; /* this very input is that nobody listens there */
	/* From here on large, and used from the beginning; see clone.c. */
	uint32_t kept_count; /* what was held when the calm began */
	struct stream_report kept[SIM_SLOTS * SIM_STREAMS];
	uint32_t wire_end; /* none at or beyond this has been used */
	uint32_t wire_free_count;
	uint16_t wire_free[SIM_WIRES];
	struct wire wires[SIM_WIRES];
};

/* world.c */
struct world *world_new(void);
void world_free(struct world *w);
void world_reset(struct world *w, uint64_t seed);
void world_fail(struct world *w, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void world_trace(struct world *w, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void world_tell(struct world *w, const char *format, ...)
	__attribute__((format(printf, 2, 3))); /* stories */
void world_mix(struct world *w, uint64_t value);
uint64_t world_random(struct world *w);
uint32_t world_below(struct world *w, uint32_t bound);
uint32_t world_between(struct world *w, uint32_t low, uint32_t high);
bool world_chance(struct world *w, uint32_t percent);
void world_at(struct world *w, uint64_t at_us, enum event_kind kind, uint32_t a,
	      uint32_t life, void *p);
/* Run until then, or until something failed. */
void world_run(struct world *w, uint64_t until_us);
/* Have this one of the events to come happen now, whenever it was due; the
 * clock moves on to it if it must. */
void world_happen(struct world *w, uint32_t event, bool in_time);
/* What is to come and has not happened (indices change with every event). */
bool world_stale(const struct world *w, const struct event *e);
bool event_before(const struct event *a, const struct event *b);
void event_drop(const struct event *e);
const char *world_name(const struct world *w, const struct node_id *node);

/* wire.c */
void wire_dial(struct world *w, struct slot *s, mesh_link link,
	       const struct address *to);
struct wire_end *wire_find(struct world *w, struct slot *s, mesh_link link,
			   uint32_t *wire, uint32_t *side);
void wire_send(struct world *w, uint32_t wire, uint32_t from,
	       enum news_kind kind, struct frame_buf *frame, enum link_end end);
/* Our end is closed; the other will hear of it. */
void wire_close(struct world *w, uint32_t wire, uint32_t side, bool flush);
/* Both ends hear that it is lost, as when a router forgets. */
void wire_break(struct world *w, uint32_t wire);
void wire_abandon(struct world *w, struct slot *s); /* the process died */
void wire_arrive(struct world *w, uint32_t wire, uint32_t to);
void wire_timeout(struct world *w, uint32_t wire, uint32_t serial);
void wire_heal(struct world *w, uint32_t from, uint32_t to);
bool wire_connected(const struct world *w, uint32_t from, uint32_t to);

/* disk.c */
void disk_create(struct world *w, struct disk *d);
struct replica *disk_find(struct disk *d, const struct stream_id *stream);
struct replica *disk_own(struct disk *d);
void disk_begin_generation(struct world *w, struct disk *d,
			   uint64_t generation);
void disk_lose(struct world *w, struct disk *d, uint64_t generation);
void disk_adopt(struct world *w, struct disk *d, struct node_id identity,
		uint64_t generation);
/* The database of d is as in `from` again; its folder is as it was. */
void disk_restore(struct disk *d, const struct disk *from);
void disk_print(struct world *w, struct slot *s); /* into the trace */
bool disk_scanned(struct disk *d); /* the own roots say complete */
/* One more folder, on a disk of its own. */
void disk_add_root_b(struct world *w, struct disk *d);
/* False when it is not one of ours. */
struct record;
bool disk_row_parse(const struct record *r, uint32_t *key, struct row *out);
void disk_own_row(struct replica *own, uint32_t key, const struct row *row);
void disk_row_join(struct replica *r, uint32_t key, const struct row *row);
struct replica *disk_replica_new(struct replica *list, uint32_t count,
				 const struct stream_id *stream);
void disk_own_write(struct replica *own, uint32_t key, uint32_t value,
		    bool dead);
void disk_queue_read(struct world *w, struct slot *s,
		     const struct mesh_effect *e);
void disk_read(struct world *w, struct slot *s, void *asked);
void disk_row_digest(const struct stream_id *stream, uint32_t key,
		     const struct row *row, struct digest *out);

/* writer.c */
void disk_queue_own(struct world *w, struct slot *s);
void disk_queue_store(struct world *w, struct slot *s,
		      const struct mesh_store *store,
		      const struct message_batch *batch);
void disk_queue_generation(struct world *w, struct slot *s,
			   uint64_t generation);
void disk_queue_drop(struct world *w, struct slot *s,
		     const struct stream_id *stream);
void disk_queue_end(struct world *w, struct slot *s,
		    const struct mesh_effect *e);
void disk_commit(struct world *w, struct slot *s, struct op *op);
void disk_op_free(struct op *op);
struct op *disk_op_copy(const struct op *op);
void disk_op_fail(struct op *op); /* if it stores a page */
const void *disk_op_bytes(const struct op *op, size_t *bytes);
/* The owner goes on for a while with nobody listening. */
void disk_live_alone(struct world *w, struct slot *s);

/* ended.c */
void ended_number(const struct node_id *node);
/* 0: nobody who can be forgotten. */
uint32_t ended_key(const struct node_id *node);
const struct node_id *ended_node(uint32_t key);
/* At the start of a process: what its disk says. */
void ended_remember(struct world *w, struct slot *s);
/* A record has been stored. */
void ended_stored(struct world *w, struct slot *s,
		   const struct stream_id *stream, uint32_t key,
		   const struct row *row);
/* The core wants it: may it?  Then the transaction. */
void ended_judge(struct world *w, struct slot *s, const struct mesh_effect *e);
void ended_commit(struct world *w, struct slot *s,
		   const struct stream_id *ended, bool vanishes, bool ordered);
/* The user of `by`, which runs, forgets `whom`. */
void ended_order(struct world *w, struct slot *by, const struct slot *whom);
/* A page of this stream has been stored: may it be held? */
void ended_judge_stored(struct world *w, const struct slot *s,
			const struct stream_id *stream);
void ended_strike(struct world *w);
void ended_lie(struct world *w, struct slot *s);
/* The highest generation ended of a node, by those who are to live. */
uint64_t ended_truth(const struct world *w, const struct node_id *node);
bool ended_converged(struct world *w, struct slot *s, char *why, size_t n);

/* truth.c */
struct truth *truth_of(struct world *w, const struct stream_id *stream);
void truth_begin(struct world *w, const struct replica *own);
/* The owner has written rows `from`..head, in one transaction. */
void truth_wrote(struct world *w, const struct replica *own, uint64_t before);
/* The owner's core has been told of its own head. */
void truth_told(struct world *w, const struct stream_report *own);
/* An older state of a stream lives again. */
void truth_restored(struct world *w, const struct replica *own);
void truth_judge(struct world *w, const struct slot *s,
		 const struct replica *r, const char *when);

/* mail.c */
struct frame_buf *frame_buf_new(const struct message *m);
struct frame_buf *frame_buf_of(const uint8_t *bytes, size_t count,
			       uint32_t type);
void frame_buf_drop(struct frame_buf *f);
struct news *news_new(enum news_kind kind);
void news_free(struct news *n);

/* node.c */
void node_start(struct world *w, struct slot *s);
void node_kill(struct world *w, struct slot *s, bool politely);
void node_deliver(struct world *w, struct slot *s, struct news *n);
void node_pump(struct world *w, struct slot *s);
void node_tick(struct world *w, struct slot *s);
void node_stop(struct world *w, struct slot *s);
void node_continue(struct world *w, struct slot *s);
uint64_t node_now_ms(const struct world *w);
uint64_t node_wall_ms(const struct world *w, const struct slot *s);

/* effects.c: false when the process is no more. */
bool effect_perform(struct world *w, struct slot *s,
		    const struct mesh_effect *e);

struct frame_buf *disk_page(struct world *w, const struct replica *r,
			    const struct mesh_effect *asked);

/* liar.c */
bool liar_is(const struct world *w, const struct node_id *node);
bool liar_phantom(const struct node_id *node);
/* Has a liar said something of its streams? */
bool liar_smeared(const struct world *w, const struct node_id *node);
void liar_smear(struct world *w, const struct node_id *node);
void liar_says(struct world *w, struct message *m);
const struct replica *liar_page(struct world *w, const struct replica *r);
/* True when it has dealt with the message itself. */
bool liar_answers(struct world *w, struct slot *s, const struct message *m,
		  uint32_t wire, uint32_t side);

/* faults.c */
enum restart {
	RESTART_KEPT,     /* as it was left */
	RESTART_EMPTY,    /* the database is lost, not the key */
	RESTART_RESTORED, /* from an old copy of everything: not noticed */
	RESTART_NOTICED,  /* from an old copy of the database: noticed */
};
/* How many virtual microseconds this storm lasts. */
uint64_t faults_begin(struct world *w);
enum fault {
	FAULT_ANY,
	FAULT_NAP,
	FAULT_SCHISM,
	FAULT_SCHISM_ENDS,
	FAULT_FORGET,
	FAULT_SLEEP,
	FAULT_STILL,
	FAULT_GO,
};
/* `who`: whom it is about, where it is about somebody. */
void faults_strike(struct world *w, uint32_t fault, uint32_t who);
void faults_restart(struct world *w, struct slot *s, uint32_t how);
void faults_work(struct world *w, struct slot *s);
void faults_calm(struct world *w);

/* fresh.c: what is said to be whole, as of so long ago, was so? */
void check_fresh(struct world *w, struct slot *s, const struct node_view *v);
/* ... and has left who is said to? */
void check_left(struct world *w, struct slot *s, const struct node_view *v);

/* shown.c */
/* Has `newer` taken over what an older life tells of this root?  Its root record
 * says complete, and did when nothing that its owner had was missing. */
bool life_takes(const struct replica *newer, bool root_b);
/* The same by any newer life on this disk. */
bool life_is_taken(const struct disk *d, const struct replica *r, bool root_b);
/* Has it something to say of a root that no newer life has taken over? */
bool life_tells(const struct disk *d, const struct replica *r);
/* Which keys of `node` a list made of this disk shows, of how many lives. */
uint32_t shown_keys(struct disk *d, const struct node_id *node,
		bool out[SIM_KEYS]);
/* What was shown before a transaction and is not any more has left its owner's
 * folder. */
void shown_judge(struct world *w, const struct slot *s,
		 const struct node_id *node, const bool before[SIM_KEYS]);

/* check.c */
/* What is announced is durable. */
void check_streams(struct world *w, struct slot *s,
		   const struct message_streams *said);
/* Notes for these checks: a frame came, the core hangs up, a step is due. */
void check_heard(struct world *w, struct slot *s, const struct wire_end *from);
void check_hung_up(struct world *w, struct slot *s, const struct wire_end *on);
void check_away(struct world *w, struct slot *s);
void check_punctual(struct world *w, struct slot *s);
void check_told(struct slot *s, const struct node_id *from,
		const struct message_streams *said);
/* Whoever is given up for its silence has been silent for long; `refused`: it was
 * proven dead. */
void check_gone(struct world *w, struct slot *s, const struct node_id *whom,
		bool refused);
/* Whom it forgets, it knows no more of than anybody. */
void check_forgotten(struct slot *s, const struct node_id *whom);
/* ... and does not come back by hearsay as the process that it was. */
void check_live(struct world *w, struct slot *s, const struct node_id *whom);
/* Who calls itself synced has what it was told of first. */
void check_synced(struct world *w, struct slot *s);
/* A core that is on time itself suspects whoever says nothing on its link. */
void check_silence(struct world *w, struct slot *s, const struct node_view *v);
void check_suspect(struct world *w, struct slot *s, const struct node_id *whom);
/* Of an identity, among those of this world. */
uint32_t number_of(const struct node_id *node);
/* What it knows of that node; false: nothing. */
bool check_view(struct world *w, const struct slot *s,
		const struct node_id *whom, struct node_view *v);
/* The one slot with this identity, copies of it among others; or NULL. */
const struct slot *only_one(const struct world *w, const struct node_id *whom);
void check_print(struct world *w, struct slot *s); /* into the trace */
void check_print_message(struct world *w, const struct slot *s,
			 const struct message *m); /* likewise: what it says */
void check_step(struct world *w, struct slot *s,
		const struct mesh_effects *out, bool thorough);
bool must_live(const struct slot *s); /* calm.c: by its end */
/* Note what is held now: it must not be lost any more. */
void check_keep(struct world *w);
/* Has everything come about that a calm must bring?  Says what has not. */
/* Is there a link past HELLO between these two? */
bool check_linked(struct world *w, const struct slot *a, const struct slot *b);
/* Exactly one link between any two. */
bool check_links(struct world *w, char *why, size_t why_bytes);
bool check_converged(struct world *w, char *why, size_t why_bytes);

/* weather.c: one play, and the second half of it: has all come about after
 * faults_calm(), and does it last? */
uint64_t weather_play(struct world *w, uint64_t seed, uint64_t *calm_us);
void weather_settle(struct world *w);

/* clone.c: `to` becomes what `from` is, sharing nothing but bytes that never
 * change; both are worlds of their own before and after. */
void world_copy(struct world *to, const struct world *from);

/* print.c: equal when all that can still happen is equal; else nearly surely
 * not.  Virtual time counts, luck does not. */
uint64_t world_print(const struct world *w);

/* explore.c: options and report; see explore.h. */
int explore_main(int argc, char **argv);

/* dials.c: one play; its hash, and how long it was given. */
uint64_t dials_play(struct world *w, uint64_t seed, uint64_t *calm_us);

/* story.c */
int story_run(struct world *w, const char *name, const char *check_dir,
	      bool tap);
#define STORY_COUNT 3u
extern const char *const story_names[STORY_COUNT];

#endif
