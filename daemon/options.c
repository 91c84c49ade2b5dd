#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "limits.h"
#include "record.h"

#ifndef PHOTOMESH_VERSION
#define PHOTOMESH_VERSION "0.1.0"
#endif

#define EXIT_USAGE      2
#define RESCAN_SECONDS  3600u
#define CACHE_BYTES     UINT64_C(2000000000)
#define RATE_MAX       UINT64_C(1000000000000)
#define RESCAN_MAX      (30u * 24u * 3600u)

static const char help[] =
	"Usage: photod [OPTIONS] FOLDER...\n"
	"\n"
	"Shares the photos in FOLDERs with the other daemons of the mesh.  The\n"
	"folders are only ever read.  Ask with: photo list\n"
	"\n"
	"  -p, --base-port PORT  first port to try (5000); tries 64\n"
	"  -n, --name NAME       the node's name (the first folder's name)\n"
	"  -s, --state DIR       state directory (found by the folder)\n"
	"  -k, --key FILE        mesh key (~/.config/photomesh/key)\n"
	"  -l, --listen ADDR     listen there besides 127.0.0.1; needs a key that\n"
	"                        exists already\n"
	"  -j, --join HOST:PORT  a peer on another machine; repeatable\n"
	"      --discover        find peers of the local network, and be found\n"
	"                        there if --listen is given\n"
	"      --exclude GLOB    paths never shared; repeatable\n"
	"      --rescan-interval SECONDS\n"
	"                        full rescan (3600; 0: only when asked)\n"
	"      --share POLICY    who may have the photos: open (all of the mesh,\n"
	"                        the default), ask (you are asked) or none\n"
	"      --serve-rate BYTES\n"
	"                        give out so much a second at most, such as 10M\n"
	"      --fetch-rate BYTES\n"
	"                        fetch so much a second at most, such as 10M\n"
	"      --readers N       files read at a time (one per core)\n"
	"      --read-rate BYTES read at most so much a second, such as 20M\n"
	"      --decoders N      programs that look into pictures for dates, cameras,\n"
	"                        places and thumbnails (one per core; 0: none)\n"
	"      --cache-size BYTES\n"
	"                        keep so much of thumbnails, newest photos first\n"
	"                        (2G; 0: none)\n"
	"      --log-level LEVEL error, warn, info (default) or debug\n"
	"      --show-key        print the mesh key and exit\n"
	"      --set-key         read the mesh key from standard input and exit;\n"
	"                        another one that is there is kept as FILE.old\n"
	"      --help            this text\n"
	"      --version         version of software and protocol\n"
	"\n"
	"Examples:\n"
	"  photod ~/Pictures\n"
	"  photod --name attic --exclude '*.tmp' /mnt/usb/photos /srv/scans\n"
	"  photod --show-key | ssh desktop photod --set-key\n"
	"  photod --listen 192.168.1.5 --join desktop.local:5000 ~/Pictures\n"
	"  photod --listen 0.0.0.0 --discover ~/Pictures\n";

enum {
	OPTION_EXCLUDE = 256,
	OPTION_DISCOVER,
	OPTION_RESCAN,
	OPTION_SHARE,
	OPTION_SERVE_RATE,
	OPTION_FETCH_RATE,
	OPTION_READERS,
	OPTION_READ_RATE,
	OPTION_DECODERS,
	OPTION_CACHE_SIZE,
	OPTION_LOG_LEVEL,
	OPTION_SHOW_KEY,
	OPTION_SET_KEY,
	OPTION_HELP,
	OPTION_VERSION,
};

static const struct option long_options[] = {
	{"base-port", required_argument, NULL, 'p'},
	{"name", required_argument, NULL, 'n'},
	{"state", required_argument, NULL, 's'},
	{"key", required_argument, NULL, 'k'},
	{"listen", required_argument, NULL, 'l'},
	{"join", required_argument, NULL, 'j'},
	{"discover", no_argument, NULL, OPTION_DISCOVER},
	{"exclude", required_argument, NULL, OPTION_EXCLUDE},
	{"rescan-interval", required_argument, NULL, OPTION_RESCAN},
	{"share", required_argument, NULL, OPTION_SHARE},
	{"serve-rate", required_argument, NULL, OPTION_SERVE_RATE},
	{"fetch-rate", required_argument, NULL, OPTION_FETCH_RATE},
	{"readers", required_argument, NULL, OPTION_READERS},
	{"read-rate", required_argument, NULL, OPTION_READ_RATE},
	{"decoders", required_argument, NULL, OPTION_DECODERS},
	{"cache-size", required_argument, NULL, OPTION_CACHE_SIZE},
	{"log-level", required_argument, NULL, OPTION_LOG_LEVEL},
	{"show-key", no_argument, NULL, OPTION_SHOW_KEY},
	{"set-key", no_argument, NULL, OPTION_SET_KEY},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0},
};

static bool
parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	char *end;
	unsigned long long n;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno != 0 || *end != '\0' || n < min || n > max)
		return false;
	*out = n;
	return true;
}

/* A number, and K, M or G behind it: thousands, as disks and lines count. */
static bool
parse_bytes(const char *text, uint64_t *out)
{
	static const char units[] = "KMG";
	char digits[24];
	size_t bytes = strspn(text, "0123456789");
	uint64_t factor = 1;

	if (bytes == 0 || bytes >= sizeof(digits))
		return false;
	if (text[bytes] != '\0') {
		const char *unit = strchr(units, text[bytes] & ~0x20);

		if (unit == NULL || *unit == '\0' || text[bytes + 1] != '\0')
			return false;
		for (const char *u = units; u <= unit; u++)
			factor *= 1000;
	}
	memcpy(digits, text, bytes);
	digits[bytes] = '\0';
	if (!parse_number(digits, 1, RATE_MAX / factor, out))
		return false;
	*out *= factor;
	return true;
}

static bool
parse_share(const char *text, uint32_t *out)
{
	static const char *const names[] = {
		[SHARE_OPEN] = "open",
		[SHARE_ASK] = "ask",
		[SHARE_NONE] = "none",
	};

	for (uint32_t i = 0; i <= SHARE_NONE; i++) {
		if (strcmp(text, names[i]) == 0) {
			*out = i;
			return true;
		}
	}
	return false;
}

/* HOST:PORT, [IPV6]:PORT */
static bool
parse_join(const char *text, struct address *out)
{
	const char *colon = strrchr(text, ':'), *host = text;
	size_t bytes;
	uint64_t port;

	if (colon == NULL || !parse_number(colon + 1, 1, UINT16_MAX, &port))
		return false;
	bytes = (size_t)(colon - text);
	if (bytes > 2 && host[0] == '[' && host[bytes - 1] == ']') {
		host++;
		bytes -= 2;
	} else if (memchr(host, ':', bytes) != NULL) {
		return false;
	}
	if (bytes == 0 || bytes > ADDRESS_HOST_MAX)
		return false;
	memset(out, 0, sizeof(*out));
	memcpy(out->host, host, bytes);
	out->port = (uint16_t)port;
	return true;
}

static bool
mistake(const char *what, const char *value, const char *remedy)
{
	fprintf(stderr, "photod: %s '%s': %s\n", what, value, remedy);
	return false;
}

static bool
name_fits(const char *name)
{
	size_t bytes = strlen(name);

	if (bytes == 0 || bytes > NODE_NAME_BYTES_MAX)
		return false;
	for (const char *c = name; *c != '\0'; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return false;
	}
	return true;
}

static bool
take_join(struct options *o, const char *value)
{
	if (o->join_count == MESH_JOIN_MAX)
		return mistake("--join", value,
			       "at most 16 can be given; one that is up leads "
			       "to all others");
	if (!parse_join(value, &o->joins[o->join_count]))
		return mistake("--join", value,
			       "give HOST:PORT, such as desktop.local:5000");
	o->join_count++;
	return true;
}

/* An option that does not exist, or one without the value it needs (':'). */
static bool
no_such_option(int option, const char *given)
{
	char letter[] = {'-', (char)optopt, '\0'};

	/* Among letters that share a word, the word is not passed yet. */
	if (option == '?' && optopt > ' ' && optopt < 0x7f)
		given = letter;
	fprintf(stderr,
		option == ':' ? "photod: '%s' needs a value; try 'photod "
				"--help'\n"
			      : "photod: unknown option '%s'; try 'photod "
				"--help'\n",
		given);
	return false;
}

static bool
take_count(const char *option, const char *value, uint64_t min, uint32_t *out)
{
	uint64_t n;

	if (!parse_number(value, min, OPTIONS_THREADS_MAX, &n))
		return mistake(option, value,
			       min == 0 ? "give a number from 0 to 64" :
					  "give a number from 1 to 64");
	*out = (uint32_t)n;
	return true;
}

static bool
take_rate(const char *option, const char *value, uint64_t *out)
{
	return parse_bytes(value, out) ||
	       mistake(option, value,
		       "give bytes a second, such as 500K, 10M or 1G");
}

static bool
take_port(struct options *o, const char *value)
{
	uint64_t n;

	if (!parse_number(value, 1, UINT16_MAX, &n))
		return mistake("--base-port", value,
			       "give a number from 1 to 65535");
	o->base_port = (uint16_t)n;
	return true;
}

static bool
take_name(struct options *o, const char *value)
{
	if (!name_fits(value))
		return mistake("--name", value, "give 1 to 63 bytes without "
			       "control characters");
	o->name = value;
	return true;
}

static bool
take_exclude(struct options *o, const char *value)
{
	if (o->exclude_count == OPTIONS_EXCLUDES_MAX)
		return mistake("--exclude", value, "at most 256 can be given");
	o->excludes[o->exclude_count++] = value;
	return true;
}

static bool
take_rescan(struct options *o, const char *value)
{
	uint64_t n;

	if (!parse_number(value, 0, RESCAN_MAX, &n))
		return mistake("--rescan-interval", value,
			       "give seconds, at most 2592000");
	o->rescan_seconds = (uint32_t)n;
	return true;
}

static bool
take_cache(struct options *o, const char *value)
{
	o->cache_bytes = 0;
	return strcmp(value, "0") == 0 ||
	       parse_bytes(value, &o->cache_bytes) ||
	       mistake("--cache-size", value,
		       "give bytes, such as 500M, 2G or 0");
}

static bool
take(struct options *o, int option, const char *value, const char *given)
{
	switch (option) {
	case 'p':
		return take_port(o, value);
	case 'n':
		return take_name(o, value);
	case 's':
		o->state_dir = value;
		return true;
	case 'k':
		o->key_file = value;
		return true;
	case 'l':
		o->listen = value;
		return true;
	case 'j':
		return take_join(o, value);
	case OPTION_DISCOVER:
		o->discover = true;
		return true;
	case OPTION_EXCLUDE:
		return take_exclude(o, value);
	case OPTION_RESCAN:
		return take_rescan(o, value);
	case OPTION_SHARE:
		return parse_share(value, &o->share) ||
		       mistake("--share", value, "give open, ask or none");
	case OPTION_SERVE_RATE:
		return take_rate("--serve-rate", value, &o->serve_rate);
	case OPTION_FETCH_RATE:
		return take_rate("--fetch-rate", value, &o->fetch_rate);
	case OPTION_READERS:
		return take_count("--readers", value, 1, &o->readers);
	case OPTION_DECODERS:
		return take_count("--decoders", value, 0, &o->decoders);
	case OPTION_CACHE_SIZE:
		return take_cache(o, value);
	case OPTION_READ_RATE:
		return take_rate("--read-rate", value, &o->read_rate);
	case OPTION_LOG_LEVEL:
		return log_level_parse(value, &o->log_level) ||
		       mistake("--log-level", value,
			       "give error, warn, info or debug");
	case OPTION_SHOW_KEY:
		o->command = OPTIONS_SHOW_KEY;
		return true;
	case OPTION_SET_KEY:
		o->command = OPTIONS_SET_KEY;
		return true;
	default:
		return no_such_option(option, given);
	}
}

/* Has what was asked for been written?  The exit code. */
static int
told(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EXIT_SUCCESS;
	perror("photod: standard output cannot be written");
	return EXIT_FAILURE;
}

bool
options_parse(struct options *o, int argc, char **argv, int *status)
{
	int option;

	memset(o, 0, sizeof(*o));
	o->base_port = MESH_PORT_BASE;
	o->rescan_seconds = RESCAN_SECONDS;
	o->log_level = LOG_INFO;
	o->cache_bytes = CACHE_BYTES;
	o->decoders = OPTIONS_DECODERS_PER_CORE;
	*status = EXIT_USAGE;
	opterr = 0; /* the sentences are ours */
	while ((option = getopt_long(argc, argv, ":p:n:s:k:l:j:", long_options,
				     NULL)) != -1) {
		if (option == OPTION_HELP) {
			fputs(help, stdout);
			*status = told();
			return false;
		}
		if (option == OPTION_VERSION) {
			printf("photod " PHOTOMESH_VERSION " (protocol %u)\n",
			       PROTOCOL_VERSION_MAX);
			*status = told();
			return false;
		}
		if (!take(o, option, optarg, argv[optind - 1]))
			return false;
	}
	o->folders = (const char *const *)(argv + optind);
	o->folder_count = (uint32_t)(argc - optind);
	if (o->command == OPTIONS_SERVE && o->folder_count == 0) {
		fputs("photod: no folder given; try 'photod ~/Pictures' or "
		      "'photod --help'\n",
		      stderr);
		return false;
	}
	if (o->command != OPTIONS_SERVE && o->folder_count > 0) {
		fputs("photod: --show-key and --set-key take no folder\n",
		      stderr);
		return false;
	}
	return true;
}
