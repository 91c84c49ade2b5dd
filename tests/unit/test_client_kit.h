/*
 * test_client_kit.h: the client against daemons made of paste: real sockets in
 * a directory of its own, a child process behind each that answers as told.
 */
#ifndef PHOTOMESH_TEST_CLIENT_KIT_H
#define PHOTOMESH_TEST_CLIENT_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "options.h"
#include "output.h"

struct verb;

enum manner {
	PLAIN, /* seven photos and three problems, in pages of three and one */
	MUTE, /* accepts, never says a word: a stopped daemon */
	WELCOME_ONLY,
	NEWER,    /* speaks version 9 only */
	NONSENSE, /* a frame that is no msgpack */
	STAYS,    /* says it will leave, and does not */
	DIES,     /* hangs up after an event, or when asked */
	DIES_LATE,    /* hangs up, for good, when asked for a second page */
	FALLS_SILENT, /* says nothing more then */
	REFUSES,      /* knows no cursor of anybody */
};

/* What the last command printed. */
extern char data[65536], notes[8192];

/* For every test; stops all daemons. */
int setup(void **state);
int teardown(void **state);
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* A listening socket where a daemon on that port, 24010 to 24019, has its. */
int listen_on(uint16_t port);
void start(uint16_t port, enum manner manner);
void stop_all(void);

/* Run a command: its exit code; what it printed is in data and notes. */
int photo(const struct verb *v, struct options *p, enum output_form form);
/* Options nobody gave. */
struct options defaults(void);
unsigned lines(const char *text);

#endif
