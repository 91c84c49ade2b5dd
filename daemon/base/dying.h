/*
 * dying.h: places where a test has the process die, as by kill -9, or stop.
 *
 * PHOTOMESH_KILL=name:k raises SIGKILL at the k-th passing of dying("name"), on
 * whatever thread; k counts from 1.  PHOTOMESH_STOP=name:k raises SIGSTOP at that
 * of stopping("name"), so that a test can change the world there; SIGCONT goes
 * on.  In builds without test hooks nothing of it is there.
 */
#ifndef PHOTOMESH_DYING_H
#define PHOTOMESH_DYING_H

#ifdef PHOTOMESH_TEST_HOOKS
void dying(const char *name);
void stopping(const char *name);
#else
#define dying(name) ((void)0)
#define stopping(name) ((void)0)
#endif

#endif
