/*
 * clients_world.h: the daemon's side of its clients, with nothing behind it but a
 * catalogue; the driver, the intake and the threads that fetch are stand-ins.
 *
 * One world lasts for the process, with five photos; it begins and ends each time
 * with nobody there.
 */
#ifndef PHOTOMESH_FUZZ_CLIENTS_WORLD_H
#define PHOTOMESH_FUZZ_CLIENTS_WORLD_H

#include "must.h"

void world_begin(void);
/* A client's end, not blocking: of the Unix socket, or as one of those who come
 * over TLS (what is left of it is a connection that may look only). */
int world_dial(void);
int world_dial_far(void);
/* Something for those who watch. */
void world_news(unsigned what);
/* Once around the loop. */
void world_turn(void);
/* Until nothing more comes of what was asked. */
void world_settle(void);
/* Everybody has left, and that is so on the daemon's side, too. */
void world_end(void);

#endif
