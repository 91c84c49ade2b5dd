/*
 * photo: asks a photod of this machine about all photos of the mesh.
 *
 * The table of commands and the way in and out; what a command does is in its
 * cmd_*.c.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "call.h"
#include "failure.h"
#include "options.h"
#include "output.h"
#include "verbs.h"

static const struct verb *const verbs[] = {
	&verb_list,   &verb_show,     &verb_get,    &verb_add,
	&verb_check,  &verb_peers,    &verb_status, &verb_dupes,
	&verb_timeline, &verb_watch,  &verb_problems, &verb_verify,
	&verb_rescan, &verb_requests, &verb_approve, &verb_deny,
	&verb_thumb,  &verb_forget,   &verb_leave,  NULL,
};

static const char options_help[] =
	"  -p, --port PORT    ask the daemon on this port ($PHOTO_PORT); "
	"otherwise the\n"
	"                     lowest one that answers\n"
	"  --connect HOST:PORT\n"
	"                     ask the daemon there, which holds the same mesh "
	"key, not\n"
	"                     one of this machine; to look, not to get or change\n"
	"  --key FILE         that key (~/.config/photomesh/key)\n"
	"  --json             one JSON object per line\n"
	"  -q, --quiet        no notes on standard error\n"
	"  --timeout SECONDS  give up after so much silence (10)\n"
	"  -h, --help         this, or what a command takes, with examples\n"
	"  --version          versions of software and protocol\n";

static void
put_help(FILE *f)
{
	fputs("photo asks the photod of this machine about all photos of the "
	      "mesh.\n"
	      "\n"
	      "usage: photo [OPTIONS] COMMAND ...\n"
	      "\n",
	      f);
	for (const struct verb *const *v = verbs; *v != NULL; v++)
		fprintf(f, "  %-8s %s%s%s%s\n", (*v)->name, (*v)->summary,
			(*v)->alias != NULL ? " (or: " : "",
			(*v)->alias != NULL ? (*v)->alias : "",
			(*v)->alias != NULL ? ")" : "");
	fprintf(f, "\n%s", options_help);
	fputs("\n"
	      "Examples:\n"
	      "  photo list\n"
	      "  photo list beach --limit 20\n"
	      "  photo get beach -o trip/\n"
	      "  photo peers --json\n"
	      "  photo --connect desktop.local:5000 status\n"
	      "\n"
	      "Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 "
	      "ambiguous, 5 no daemon,\n"
	      "6 incomplete, 7 refused, 8 timed out, 9 damage found, 10 "
	      "incompatible,\n"
	      "130 interrupted.\n",
	      f);
}

static void
put_verb_help(FILE *f, const struct verb *v)
{
	fprintf(f, "usage: photo [OPTIONS] %s\n", v->synopsis);
	if (v->alias != NULL)
		fprintf(f, "       photo [OPTIONS] %s ...\n", v->alias);
	fprintf(f, "\nphoto %s: %s.\n\n%s\nOptions of every command:\n%s",
		v->name, v->summary, v->help, options_help);
}

static void
put_version(struct output *o)
{
	struct json *j = &o->json;

	if (o->form != OUTPUT_JSON) {
		fprintf(o->data, "photo %s, protocol %u to %u\n",
			PHOTOMESH_VERSION, PROTOCOL_VERSION_MIN,
			PROTOCOL_VERSION_MAX);
		return;
	}
	json_open(j, NULL, '{');
	json_str(j, "software", "photo");
	json_str(j, "version", PHOTOMESH_VERSION);
	json_uint(j, "protocol_min", PROTOCOL_VERSION_MIN);
	json_uint(j, "protocol_max", PROTOCOL_VERSION_MAX);
	json_close(j, '}');
	json_line(j);
}

static int
run(const struct options *p, struct output *o, struct failure *why)
{
	if (p->help && p->verb != NULL)
		put_verb_help(o->data, p->verb);
	else if (p->help)
		put_help(o->data);
	else if (p->version)
		put_version(o);
	else
		return p->verb->run(p, o, why);
	return output_flush(o, why);
}

/*
 * A descriptor of ours, a photo that comes, must never become somebody's
 * standard output.  What was closed stays of no use: a read or a write fails;
 * words on a standard error that was closed go nowhere.
 */
static void
hold_standard_descriptors(void)
{
	static const int modes[] = {O_WRONLY, O_RDONLY, O_RDWR};

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) == -1 &&
		    open("/dev/null", modes[fd]) != fd)
			exit(EXIT_FAILURE); /* nobody to be told */
	}
}

int
main(int argc, char **argv)
{
	struct options options;
	struct failure why = {ENDING_FAILED, ""};
	struct output output;
	int parsed;

	hold_standard_descriptors();
	signal(SIGPIPE, SIG_IGN); /* output_flush looks instead */
	signal(SIGXFSZ, SIG_IGN); /* a file too large is an error like others */
	call_catch_interrupt();
	parsed = options_parse(argc, argv, verbs, &options, &why);
	output_init(&output, options.json, options.quiet);
	if (parsed == -1 || run(&options, &output, &why) == -1)
		return output_failure(&output, &why);
	return ENDING_DONE;
}
