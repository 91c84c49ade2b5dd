/*
 * options.h: what the command line of photod says.
 *
 * Judges the words only; whether folders exist and ports are free is found
 * out by those who need them.
 */
#ifndef PHOTOMESH_OPTIONS_H
#define PHOTOMESH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "log.h"
#include "mesh.h"

#define OPTIONS_EXCLUDES_MAX 256u
#define OPTIONS_THREADS_MAX  64u
#define OPTIONS_DECODERS_PER_CORE UINT32_MAX

enum options_command {
	OPTIONS_SERVE,
	OPTIONS_SHOW_KEY,
	OPTIONS_SET_KEY,
};

/* Strings are borrowed from argv. */
struct options {
	enum options_command command;
	uint16_t base_port;
	const char *name;      /* NULL: the first folder's base name */
	const char *state_dir; /* NULL: to be found */
	const char *key_file;  /* NULL: the usual one */
	const char *listen;    /* NULL: loopback only */
	bool discover;         /* by beacons on the local network */
	uint32_t join_count;
	struct address joins[MESH_JOIN_MAX];
	uint32_t exclude_count;
	const char *excludes[OPTIONS_EXCLUDES_MAX];
	uint32_t rescan_seconds;
	uint32_t share;      /* enum share_policy */
	uint64_t serve_rate; /* bytes a second; 0: no bound */
	uint64_t fetch_rate; /* likewise */
	uint32_t readers;   /* 0: one per core */
	uint64_t read_rate; /* bytes a second; 0: as fast as it goes */
	uint64_t cache_bytes; /* of thumbnails; 0: none are kept */
	uint32_t decoders;  /* or OPTIONS_DECODERS_PER_CORE */
	enum log_level log_level;
	const char *const *folders;
	uint32_t folder_count;
};

/*
 * True: go on.  False: end with *status; what there was to say (help, the
 * version, a mistake in usage) has been said.
 */
bool options_parse(struct options *o, int argc, char **argv, int *status);

#endif
