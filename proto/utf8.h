/*
 * utf8.h: is this text, as Unicode has it?
 *
 * Strict: no overlong forms, no surrogates, nothing above U+10FFFF.  How a
 * text is shown is the client's business.
 */
#ifndef PHOTOMESH_UTF8_H
#define PHOTOMESH_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first character: its length and *code; 0 if there is none here. */
size_t utf8_decode(const uint8_t *bytes, size_t count, uint32_t *code);
bool utf8_valid(const uint8_t *bytes, size_t count);
/* C0, DEL and C1: what moves a cursor or ends a line. */
bool utf8_is_control(uint32_t code);
/* Valid, and no control character in it. */
bool utf8_plain(const char *text, size_t bytes);

#endif
