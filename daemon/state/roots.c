/*
 * The file `roots`: a header line, then one line a root, tab-separated:
 *
 *	root <id> <volume> <path> <inner>
 *
 * id and volume in hex; in path and inner every byte up to the space, DEL and
 * '%' is written %XX, so any name survives and a person can still read it.
 */
#include "state_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trouble.h"

#define ROOTS_HEADER    "photomesh roots 1\n"
#define ROOTS_BYTES_MAX (STATE_ROOTS_MAX * 6u * (PATH_BYTES_MAX + 64u))

void
roots_release(struct roots *r)
{
	for (uint32_t i = 0; i < r->count; i++) {
		free(r->all[i].path);
		free(r->all[i].label);
		free(r->all[i].inner);
	}
	memset(r, 0, sizeof(*r));
}

/* True when `text` is hex of at most max bytes. */
static bool
hex_field(const char *text, uint8_t *out, size_t max, size_t *bytes)
{
	size_t n = strlen(text);

	if (n % 2 != 0 || n / 2 > max)
		return false;
	*bytes = n / 2;
	return hex_decode(text, out, n / 2);
}

static char *
path_field(const char *text)
{
	char *out = malloc(strlen(text) + 1), *to = out;

	if (out == NULL)
		return NULL;
	for (; *text != '\0'; text++) {
		if (*text == '%') {
			int high = hex_value(text[1]);
			int low = high < 0 ? -1 : hex_value(text[2]);

			if (low < 0 || (high == 0 && low == 0)) {
				free(out);
				return NULL;
			}
			*to++ = (char)(high << 4 | low);
			text += 2;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
	return out;
}

static void
write_path(FILE *f, const char *path)
{
	for (const unsigned char *p = (const unsigned char *)path; *p != '\0';
	     p++) {
		if (*p <= ' ' || *p == '%' || *p == 0x7f)
			fprintf(f, "%%%02X", *p);
		else
			fputc(*p, f);
	}
}

static bool
parse_line(char *line, struct state_root *out)
{
	char *fields[5], *save = NULL;
	const char *slash;
	size_t n;

	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < 5; i++) {
		fields[i] = strtok_r(i == 0 ? line : NULL, "\t", &save);
		if (fields[i] == NULL)
			return false;
	}
	if (strcmp(fields[0], "root") != 0 ||
	    !hex_field(fields[1], out->id.bytes, ROOT_ID_BYTES, &n) ||
	    n != ROOT_ID_BYTES)
		return false;
	if (!hex_field(fields[2], out->volume, VOLUME_BYTES_MAX, &n))
		return false;
	out->volume_bytes = (uint8_t)n;
	out->path = path_field(fields[3]);
	out->inner = path_field(fields[4]);
	if (out->path != NULL && out->path[0] == '/') {
		slash = strrchr(out->path, '/');
		out->label = strdup(slash[1] == '\0' ? "/" : slash + 1);
	}
	if (out->inner != NULL && out->label != NULL)
		return true;
	free(out->path);
	free(out->inner);
	free(out->label);
	return false;
}

static int
parse(char *text, struct roots *out)
{
	char *save = NULL, *line;

	if (strncmp(text, ROOTS_HEADER, strlen(ROOTS_HEADER)) != 0)
		return -1;
	text += strlen(ROOTS_HEADER);
	for (line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		if (out->count == STATE_ROOTS_MAX ||
		    !parse_line(line, &out->all[out->count]))
			return -1;
		out->count++;
	}
	return 0;
}

int
roots_read(int dir_fd, struct roots *out, struct trouble *why)
{
	char *text;
	size_t n;
	int r = -1;

	memset(out, 0, sizeof(*out));
	if ((text = malloc(ROOTS_BYTES_MAX + 1)) == NULL)
		return trouble_set(why, ENOMEM, "out of memory");
	if (file_read(dir_fd, "roots", (uint8_t *)text, ROOTS_BYTES_MAX, &n) ==
	    -1) {
		if (errno == ENOENT)
			r = 0;
		else
			trouble_errno(why, errno, "cannot read the file roots");
		goto out;
	}
	text[n] = '\0';
	if (strlen(text) != n || parse(text, out) == -1) {
		roots_release(out);
		trouble_set(why, 0,
			    "the file roots is damaged, or from a newer "
			    "version");
		goto out;
	}
	r = 0;
out:
	free(text);
	return r;
}

int
roots_write(int dir_fd, const struct state_root *roots, uint32_t count,
	    struct trouble *why)
{
	char hex[2 * VOLUME_BYTES_MAX + 1], *text = NULL;
	size_t bytes = 0;
	FILE *f;
	int r = -1;

	if ((f = open_memstream(&text, &bytes)) == NULL)
		return trouble_set(why, ENOMEM, "out of memory");
	fputs(ROOTS_HEADER, f);
	for (uint32_t i = 0; i < count; i++) {
		hex_encode(roots[i].id.bytes, ROOT_ID_BYTES, hex);
		fprintf(f, "root\t%s\t", hex);
		hex_encode(roots[i].volume, roots[i].volume_bytes, hex);
		fprintf(f, "%s\t", hex);
		write_path(f, roots[i].path);
		fputc('\t', f);
		write_path(f, roots[i].inner);
		fputc('\n', f);
	}
	if (fclose(f) != 0)
		trouble_set(why, ENOMEM, "out of memory");
	else if (file_replace(dir_fd, "roots", text, bytes) == -1)
		trouble_errno(why, errno, "cannot write the file roots");
	else
		r = 0;
	free(text);
	return r;
}
