/*
 * outlet.h: a socket that several threads say something on, one at a time.
 *
 * The loop thread has what it says written as the socket takes it.  A thread
 * that has made an answer may send it itself, so that whoever asked need not
 * wait for the loop thread to run, too.  Nobody waits for the outlet: whoever
 * does not get it leaves what it has to say to the loop thread, which hears of
 * every answer by a letter, after the answer.
 */
#ifndef PHOTOMESH_OUTLET_H
#define PHOTOMESH_OUTLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct outlet;

/* Owns fd, which is closed when nobody has the outlet any more; on failure
 * (NULL: out of memory) it stays the caller's. */
struct outlet *outlet_new(int fd);
struct outlet *outlet_hold(struct outlet *o); /* one more has it; returns o */
void outlet_drop(struct outlet *o);           /* NULL: nothing */
/* The loop thread drops it: nothing more is said or heard there. */
void outlet_end(struct outlet *o);

/* On the loop thread.  It gets the outlet, or has it; false: an answer is just
 * going out, and its letter will come. */
bool outlet_take(struct outlet *o);
/* All it had to say has been written. */
void outlet_leave(struct outlet *o);
/* The letter of an answer of which outlet_answer sent something; when that was
 * not all, the outlet is the loop thread's, and the rest comes first. */
void outlet_heard(struct outlet *o, bool all);
/* Answers that went out whole and were not heard of yet; the other end may be
 * ahead by so many. */
unsigned outlet_ahead(const struct outlet *o);

/* On any other thread: a frame, as much of it as the socket takes at once.
 * Returns how many bytes; 0 when the outlet is not to be had. */
size_t outlet_answer(struct outlet *o, const uint8_t *frame,
		     size_t frame_bytes);

#endif
