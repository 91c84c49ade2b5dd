/*
 * meta_samples.h: what a camera might say, for the codec's tests, the example of
 * PROTOCOL.md and the seeds of the fuzz corpus.
 */
#ifndef PHOTOMESH_META_SAMPLES_H
#define PHOTOMESH_META_SAMPLES_H

#include <string.h>

#include "meta.h"

/* 2019-07-04 10:15:30.250 at the western end of the Mediterranean. */
static inline struct record_meta
meta_sample(void)
{
	struct record_meta m;

	/* memset, so that two of them can be compared as bytes */
	memset(&m, 0, sizeof(m));
	m.decoder = 1;
	m.media = META_PICTURE;
	m.width = 3024;
	m.height = 4032;
	m.orientation = 6;
	m.has = META_HAS_TAKEN | META_HAS_OFFSET | META_HAS_EXPOSURE |
		META_HAS_APERTURE | META_HAS_ISO | META_HAS_FOCAL |
		META_HAS_PLACE | META_HAS_ALTITUDE | META_HAS_RATING;
	m.taken_ms = INT64_C(1562235330250);
	m.offset_min = 120;
	m.source = META_TAKEN_EXIF;
	strcpy(m.make, "Canon");
	strcpy(m.model, "EOS 5D");
	strcpy(m.lens, "EF 50mm");
	m.exposure_us = 4000;
	m.aperture_milli = 1800;
	m.iso = 100;
	m.focal_um = 50000;
	m.latitude_e7 = 361408000;
	m.longitude_e7 = -53536000;
	m.altitude_mm = -1500;
	m.rating = 4;
	strcpy(m.title, "The strait");
	m.keyword_count = 2;
	strcpy(m.keywords[0], "sea");
	strcpy(m.keywords[1], "m\xc3\xb6we");
	return m;
}

/* Nothing is known but that it is there. */
static inline struct record_meta
meta_sample_bare(void)
{
	struct record_meta m;

	memset(&m, 0, sizeof(m));
	m.decoder = 1;
	m.orientation = 1;
	return m;
}

#endif
