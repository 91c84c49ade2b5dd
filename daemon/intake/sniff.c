#include "sniff.h"

#include <string.h>
#include <strings.h>

/* Formats told by a fixed string at a fixed place. */
static const struct magic {
	uint8_t offset, count;
	const char *bytes;
	const char *type;
} magics[] = {
	{0, 3, "\xff\xd8\xff", "image/jpeg"},
	{0, 8, "\x89PNG\r\n\x1a\n", "image/png"},
	{0, 6, "GIF87a", "image/gif"},
	{0, 6, "GIF89a", "image/gif"},
	{0, 10, "II*\0\x10\0\0\0CR", "image/x-canon-cr2"},
	{0, 4, "II*\0", "image/tiff"},
	{0, 4, "MM\0*", "image/tiff"},
	{0, 4, "II+\0", "image/tiff"},
	{0, 4, "MM\0+", "image/tiff"},
	{0, 4, "IIRO", "image/x-olympus-orf"},
	{0, 4, "IIRS", "image/x-olympus-orf"},
	{0, 4, "MMOR", "image/x-olympus-orf"},
	{0, 4, "IIU\0", "image/x-panasonic-rw2"},
	{0, 14, "II\x1a\0\0\0HEAPCCDR", "image/x-canon-crw"},
	{0, 15, "FUJIFILMCCD-RAW", "image/x-fuji-raf"},
	{0, 4, "\0MRM", "image/x-minolta-mrw"},
	{0, 4, "FOVb", "image/x-sigma-x3f"},
	{0, 12, "\0\0\0\x0cJXL \r\n\x87\n", "image/jxl"},
	{0, 4, "\0\0\x01\xba", "video/mpeg"},
	{0, 4, "\0\0\x01\xb3", "video/mpeg"},
	{4, 4, "moov", "video/quicktime"},
	{4, 4, "mdat", "video/quicktime"},
	/* Words of any text, but for the size before them. */
	{0, 8, "\0\0\0\x08wide", "video/quicktime"},
	{0, 8, "\0\0\0\x14pnot", "video/quicktime"},
};

/* Brands of ISO base media files; the major one first, then the others. */
static const struct brand {
	char name[5];
	uint8_t length; /* 3: any fourth letter */
	const char *type;
} brands[] = {
	{"avif", 4, "image/avif"}, {"avis", 4, "image/avif"},
	{"heic", 4, "image/heic"}, {"heix", 4, "image/heic"},
	{"heim", 4, "image/heic"}, {"heis", 4, "image/heic"},
	{"hevc", 4, "image/heic"}, {"hevx", 4, "image/heic"},
	{"crx ", 4, "image/x-canon-cr3"},
	{"qt  ", 4, "video/quicktime"},
	{"M4V ", 4, "video/x-m4v"}, {"M4VH", 4, "video/x-m4v"},
	{"M4VP", 4, "video/x-m4v"},
	{"3gp", 3, "video/3gpp"},   {"3g2", 3, "video/3gpp2"},
	{"3ge", 3, "video/3gpp"},   {"3gs", 3, "video/3gpp"},
	{"mp4", 3, "video/mp4"},    {"iso", 3, "video/mp4"},
	{"avc1", 4, "video/mp4"},   {"hvc1", 4, "video/mp4"},
	{"dash", 4, "video/mp4"},   {"MSNV", 4, "video/mp4"},
	{"XAVC", 4, "video/mp4"},   {"mmp4", 4, "video/mp4"},
	{"f4v ", 4, "video/mp4"},   {"FACE", 4, "video/mp4"},
};

static const char *
brand_type(const uint8_t *name)
{
	for (size_t i = 0; i < sizeof(brands) / sizeof(brands[0]); i++) {
		if (memcmp(name, brands[i].name, brands[i].length) == 0)
			return brands[i].type;
	}
	return NULL;
}

/* "mif1" and "msf1" only promise some HEIF: the coding is named further on. */
static const char *
sniff_ftyp(const uint8_t *b, size_t count)
{
	size_t box = (size_t)b[0] << 24 | (size_t)b[1] << 16 |
		     (size_t)b[2] << 8 | b[3];
	bool heif = memcmp(b + 8, "mif1", 4) == 0 ||
		    memcmp(b + 8, "msf1", 4) == 0;
	const char *type = brand_type(b + 8);

	if (type != NULL)
		return type;
	/* Sound only: not ours, whatever else it is compatible with. */
	if (memcmp(b + 8, "M4A ", 4) == 0 || memcmp(b + 8, "M4B ", 4) == 0 ||
	    memcmp(b + 8, "M4P ", 4) == 0)
		return NULL;
	for (size_t at = 16; at + 4 <= count && at + 4 <= box; at += 4) {
		type = brand_type(b + at);
		if (memcmp(b + at, "mif1", 4) == 0)
			heif = true;
		if (type != NULL && (!heif || memcmp(type, "image/", 6) == 0))
			return type;
	}
	return heif ? "image/heif" : NULL;
}

static const char *
sniff_riff(const uint8_t *b)
{
	if (memcmp(b + 8, "WEBP", 4) == 0)
		return "image/webp";
	if (memcmp(b + 8, "AVI ", 4) == 0)
		return "video/x-msvideo";
	return NULL;
}

static const char *
sniff_ebml(const uint8_t *b, size_t count)
{
	size_t end = count < 64 ? count : 64;

	if (memmem(b, end, "webm", 4) != NULL)
		return "video/webm";
	if (memmem(b, end, "matroska", 8) != NULL)
		return "video/x-matroska";
	return NULL;
}

/* "BM" alone is two letters of any text: the header's size must fit too. */
static bool
is_bmp(const uint8_t *b, size_t count)
{
	static const uint8_t sizes[] = {12, 40, 52, 56, 64, 108, 124};

	if (count < 26 || b[0] != 'B' || b[1] != 'M' || b[15] != 0 ||
	    b[16] != 0 || b[17] != 0)
		return false;
	return memchr(sizes, b[14], sizeof(sizes)) != NULL;
}

/* MPEG transport stream, with camcorders' time stamps (192) or not (188). */
static bool
is_mpeg_ts(const uint8_t *b, size_t count)
{
	if (count >= 188 * 3 + 1 && b[0] == 0x47 && b[188] == 0x47 &&
	    b[376] == 0x47 && b[564] == 0x47)
		return true;
	return count >= 4 + 192 * 3 + 1 && b[4] == 0x47 && b[196] == 0x47 &&
	       b[388] == 0x47 && b[580] == 0x47;
}

/* Old QuickTime, whose first box is one to be skipped. */
static bool
is_skipping_movie(const uint8_t *b, size_t count)
{
	return count >= 8 && b[0] == 0 && b[1] == 0 &&
	       (memcmp(b + 4, "skip", 4) == 0 ||
		memcmp(b + 4, "free", 4) == 0);
}

const char *
sniff(const uint8_t *bytes, size_t count)
{
	if (count > SNIFF_BYTES)
		count = SNIFF_BYTES;
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		const struct magic *m = &magics[i];

		if (count >= (size_t)m->offset + m->count &&
		    memcmp(bytes + m->offset, m->bytes, m->count) == 0)
			return m->type;
	}
	if (count >= 12 && memcmp(bytes + 4, "ftyp", 4) == 0)
		return sniff_ftyp(bytes, count);
	if (count >= 12 && memcmp(bytes, "RIFF", 4) == 0)
		return sniff_riff(bytes);
	if (count >= 4 && memcmp(bytes, "\x1a\x45\xdf\xa3", 4) == 0)
		return sniff_ebml(bytes, count);
	if (is_bmp(bytes, count))
		return "image/bmp";
	if (is_skipping_movie(bytes, count))
		return "video/quicktime";
	if (is_mpeg_ts(bytes, count))
		return "video/mp2t";
	return NULL;
}

bool
media_name(const char *path, size_t path_bytes)
{
	/* Only extensions whose usual content sniff() knows, and that mean
	 * little else (so no "mts", which is also TypeScript). */
	static const char *const extensions[] = {
		"jpg",  "jpeg", "jpe", "jfif", "png", "gif",  "webp", "tif",
		"tiff", "heic", "heif", "hif", "avif", "bmp", "dib",  "jxl",
		"cr2",  "cr3",  "crw", "nef",  "nrw", "arw",  "srf",  "sr2",
		"dng",  "orf",  "rw2", "raf",  "pef", "srw",  "x3f",  "mrw",
		"mp4",  "m4v",  "mov", "qt",   "3gp", "3g2",  "mkv",  "webm",
		"avi",  "m2ts", "mpg", "mpeg",
	};
	size_t start = path_bytes;

	while (start > 0 && path[start - 1] != '.' && path[start - 1] != '/')
		start--;
	if (start < 2 || path[start - 1] != '.' || path[start - 2] == '/')
		return false;
	for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]);
	     i++) {
		if (strlen(extensions[i]) == path_bytes - start &&
		    strncasecmp(path + start, extensions[i],
				path_bytes - start) == 0)
			return true;
	}
	return false;
}
