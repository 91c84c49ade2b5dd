/*
 * exif_private.h: an opened file's tags, one by one.
 */
#ifndef PHOTOMESH_DECODE_EXIF_PRIVATE_H
#define PHOTOMESH_DECODE_EXIF_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picture.h"

/* gexiv2's, whose header only exif.c and exif_read.c see. */
struct _GExiv2Metadata;
struct _GExiv2PreviewImage;

struct exif {
	struct _GExiv2Metadata *m;
	struct _GExiv2Metadata *xmp; /* where Xmp is read: m, or a packet by itself */
	struct _GExiv2PreviewImage *preview;
	char **exif_names; /* owned: what there is; NULL: nothing */
	bool has_xmp, has_iptc;
};

/* Is there such a tag (of XMP and IPTC: is there any)? */
bool exif_there(const struct exif *e, const char *name);
/* Its text: owned (g_free), or NULL when it is not there, or empty. */
char *exif_tag(struct exif *e, const char *name);
/* False when it is not there, or no such thing; out is left alone then. */
bool exif_number(struct exif *e, const char *name, uint64_t max,
		 uint64_t *out);
bool exif_fraction(struct exif *e, const char *name, uint64_t scale,
		   uint64_t max, uint64_t *out);
/* The first of a list that says something; the list ends with NULL.  Only if
 * out[max + 1] is empty. */
void exif_text(struct exif *e, const char *const *names, char *out, size_t max);

#endif
