/* What the first bytes and the extension say. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "sniff.h"

#define S(literal) (const uint8_t *)(literal), sizeof(literal) - 1

static void
is(const uint8_t *bytes, size_t count, const char *type)
{
	const char *got = sniff(bytes, count);

	if ((got == NULL) != (type == NULL) ||
	    (got != NULL && strcmp(got, type) != 0)) {
		fprintf(stderr, "got %s, not %s\n", got ? got : "nothing",
			type ? type : "nothing");
		assert(!"sniffed wrongly");
	}
}

int
main(void)
{
	uint8_t ts[800], bmp[30] = "BM";

	is(S(""), NULL);
	is(S("\xff\xd8"), NULL);
	is(S("\xff\xd8\xff\xe0"), "image/jpeg");
	is(S("\x89PNG\r\n\x1a\n"), "image/png");
	is(S("\x89PNG\r\n\x1a"), NULL);
	is(S("GIF89a"), "image/gif");
	is(S("GIF88a"), NULL);
	is(S("RIFF\1\0\0\0WEBPVP8 "), "image/webp");
	is(S("RIFF\1\0\0\0AVI LIST"), "video/x-msvideo");
	is(S("RIFF\1\0\0\0WAVEfmt "), NULL);
	is(S("RIFF"), NULL);
	is(S("II*\0\x08\0\0\0"), "image/tiff");
	is(S("MM\0*\0\0\0\x08"), "image/tiff");
	is(S("II*\0\x10\0\0\0CR\2\0"), "image/x-canon-cr2");
	is(S("IIRO\x08\0\0\0"), "image/x-olympus-orf");
	is(S("IIU\0\x18\0\0\0"), "image/x-panasonic-rw2");
	is(S("FUJIFILMCCD-RAW 0201"), "image/x-fuji-raf");
	is(S("\0\0\0\x18" "ftypheic\0\0\0\0mif1heic"), "image/heic");
	is(S("\0\0\0\x18" "ftypmif1\0\0\0\0mif1heic"), "image/heic");
	is(S("\0\0\0\x1c" "ftypmif1\0\0\0\0mif1avifmiaf"), "image/avif");
	is(S("\0\0\0\x14" "ftypmif1\0\0\0\0mif1heic"), "image/heif");
	is(S("\0\0\0\x18" "ftypavif\0\0\0\0avifmif1"), "image/avif");
	is(S("\0\0\0\x18" "ftypcrx \0\0\0\1crx isom"), "image/x-canon-cr3");
	is(S("\0\0\0\x18" "ftypisom\0\0\2\0isommp42"), "video/mp4");
	is(S("\0\0\0\x14" "ftypqt  \0\0\0\0qt  "), "video/quicktime");
	is(S("\0\0\0\x14" "ftyp3gp5\0\0\0\0isom"), "video/3gpp");
	is(S("\0\0\0\x14" "ftypM4A \0\0\0\0isom"), NULL);
	is(S("\0\0\0\x14" "ftypzzzz\0\0\0\0mp42"), "video/mp4");
	is(S("\0\0\0\x10" "ftypzzzz\0\0\0\0mp42"), NULL);
	is(S("\xff\xff\xff\xff" "ftyp"), NULL);
	is(S("\0\0\0\x08" "moov...."), "video/quicktime");
	is(S("\0\0\0\x08wide\0\0\0\0mdat"), "video/quicktime");
	is(S("\0\0\0\x14pnot...."), "video/quicktime");
	is(S("\0\0\x01\0skip...."), "video/quicktime");
	is(S("\0\0\x01\0free...."), "video/quicktime");
	is(S("The wide sea lay before"), NULL);
	is(S("Not free of charge"), NULL);
	is(S("\x1a\x45\xdf\xa3\x01\0\0\0\0\0\0\x1f\x42\x82\x84webm"),
	   "video/webm");
	is(S("\x1a\x45\xdf\xa3\xa3\x42\x82\x88matroska"), "video/x-matroska");
	is(S("\x1a\x45\xdf\xa3\xa3"), NULL);
	is(S("BMW is a car, and this is text."), NULL);
	bmp[14] = 40;
	is(bmp, sizeof(bmp), "image/bmp");
	memset(ts, 0, sizeof(ts));
	ts[0] = ts[188] = ts[376] = ts[564] = 0x47;
	is(ts, sizeof(ts), "video/mp2t");
	is(ts, 400, NULL);
	is(S("%PDF-1.7"), NULL);
	is(S("hello\n"), NULL);

	assert(media_name("a.jpg", 5));
	assert(media_name("x/y/A.JPeG", 10));
	assert(media_name("x.tar.png", 9));
	assert(!media_name("jpg", 3));
	assert(!media_name(".jpg", 4));
	assert(!media_name("x/.jpg", 6));
	assert(!media_name("a.jpg/b", 7));
	assert(!media_name("a.jpgx", 6));
	assert(!media_name("a.", 2));
	assert(!media_name("a.ts", 4));
	puts("ok 1 - intake_sniff\n1..1");
	return 0;
}
