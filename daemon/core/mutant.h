/*
 * mutant.h: mistakes that could have been made here, for the tests of the tests.
 *
 * A tree configured with -Dmutants=true builds the core once more, in which one
 * of them can be chosen when a test begins; the simulator must notice each.  In
 * every other build MUTANT() is plainly 0 and leaves nothing behind.
 */
#ifndef PHOTOMESH_MUTANT_H
#define PHOTOMESH_MUTANT_H

#define MUTANTS(X)                                                          \
	X(ANNOUNCES_EARLY, "announces a page before it is durable")         \
	X(SKIPS_A_ROW, "asks for the next page one row too far on")         \
	X(FAILURE_IGNORED, "goes on behind a page that was not stored")     \
	X(WHOLE_TOO_EARLY, "calls a replica whole after its first page")    \
	X(RELAY_IS_WHOLE, "calls whole what a relay has in part")           \
	X(UNSYNCED_LEADS, "follows a node that is not synced")              \
	X(RANK_WITHOUT_PORT, "ranks nodes without their ports")             \
	X(BOTH_CLOSE, "both ends give up the other's link")                 \
	X(LIFE_IGNORED, "goes on in a life that peers know more of")        \
	X(LIFE_GOES_ON, "tells more of a life that peers know more of")     \
	X(SUSPECT_IS_GONE, "gives up at once whom it suspects")             \
	X(BLAMES_OTHERS, "suspects others for its own sleep")               \
	X(FORGIVES_AT_ONCE, "trusts a suspect with its first word")         \
	X(HEARSAY_COUNTS, "hears a node by what others say of it")          \
	X(LATE_WORD_STAYS, "never asks again behind a duplicate link")      \
	X(ENDS_THE_LIVING, "forgets a node that is here")                   \
	X(HEARSAY_REVIVES, "believes reports of whom it saw die")           \
	X(SYNCED_AT_ONCE, "calls itself synced before it is")               \
	X(LAST_WORD_AT_ONCE, "lets go of a life before its owner speaks")   \
	X(FRESH_AT_ONCE, "takes a greeting for all there is")               \
	X(NOTHING_OWED, "forgets what was announced on a link that ended")   \
	X(LOST_IS_GONE, "takes a lost link for the end of who still accepts") \
	X(WORD_GOES_WITH_ITS_GIVER, "forgets what was said by who is gone")  \
	X(FORMER_PORT_PROVES, "buries a run at the port of a former one")    \
	X(LEFT_FOR_GOOD, "takes who came back and died for who has left")

enum mutant {
	MUTANT_NONE,
#define X(name, what) MUTANT_##name,
	MUTANTS(X)
#undef X
	MUTANT_COUNT,
};

#ifdef PHOTOMESH_MUTANTS
extern enum mutant mutant_chosen; /* see tests/sim/mutants.c */
#define MUTANT(name) (mutant_chosen == MUTANT_##name)
#else
#define MUTANT(name) 0
#endif

#endif
