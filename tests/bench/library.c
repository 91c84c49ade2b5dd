/*
 * library: how well does a photod keep up with its folders, and with a mesh?
 *
 * A table of figures, each beside a reference measured in the same run: the
 * least that any program would need for the same work, or, where they are
 * installed, other programs doing it.  Everything lies in memory (world.h), so
 * no disk is measured.
 *
 * Usage: library PHOTOD PHOTO [-n RECORDS] [-t FILES] [-s SECONDS] [PART ...]
 */
#include "library.h"

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct part {
	const char *name;
	void (*bench)(struct library *l);
} parts[] = {
	{"small", bench_small}, {"big", bench_big}, {"rescan", bench_rescan},
	{"mesh", bench_mesh},   {"idle", bench_idle},
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

/* ---- the table -------------------------------------------------------- */

void
tell_head(void)
{
	printf("%-46s %9s  %-26s %9s %6s %8s\n", "what", "ours", "reference",
	       "", "ratio", "target");
}

void
tell_ratio(const char *what, const char *unit, double ours, const char *reference,
    double theirs, bool least, double target)
{
	double ratio = theirs > 0 ? ours / theirs : 0;
	bool reached = least ? ratio >= target : ratio <= target;

	printf("%-46s %9.2f  %-26s %9.2f %6.2f %s %5.2f  %s  (%s)\n", what,
	       ours, reference, theirs, ratio, least ? ">=" : "<=", target,
	       reached ? "reached" : "MISSED ", unit);
	fflush(stdout);
}

void
tell_fixed(const char *what, const char *unit, double ours, double limit)
{
	printf("%-46s %9.2f  %-26s %9s %6s <= %5.2f  %s  (%s)\n", what, ours,
	       "", "", "", limit, ours <= limit ? "reached" : "MISSED ", unit);
	fflush(stdout);
}

void
tell_beside(const char *what, const char *unit, double figure)
{
	printf("  %-44s %9s  %-26s %9.2f %6s %8s          (%s)\n", "", "",
	       what, figure, "", "", unit);
	fflush(stdout);
}

/* ---- what is asked ---------------------------------------------------- */

static bool
wanted(int argc, char **argv, const char *name)
{
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], name) == 0)
			return true;
	}
	return argc == 0;
}

static void
usage(void)
{
	fprintf(stderr,
		"usage: library PHOTOD PHOTO [-n RECORDS] [-t FILES] "
		"[-s SECONDS] [PART ...]\n"
		"parts: small big rescan mesh idle; all without any\n");
	exit(2);
}

int
main(int argc, char **argv)
{
	static struct library l;
	const char *photod;
	int c;

	if (argc == 2 && strcmp(argv[1], NOTHING) == 0)
		return 0;
	l.records = 25000;
	l.tiny = 100000;
	l.idle_s = 60;
	if (argc < 3)
		usage();
	l.self = argv[0];
	photod = argv[1];
	l.photo = argv[2];
	optind = 3;
	while ((c = getopt(argc, argv, "n:t:s:")) != -1) {
		if (c == 'n')
			l.records = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 't')
			l.tiny = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 's')
			l.idle_s = (unsigned)strtoul(optarg, NULL, 10);
		else
			usage();
	}
	if (l.records == 0 || l.records > 1000000 || l.tiny == 0 ||
	    l.idle_s == 0)
		usage();
	signal(SIGPIPE, SIG_IGN);
	world_init(&l.w, photod, NODE_COUNT, 0);
	tell_head();
	for (unsigned i = 0; i < PARTS; i++) {
		if (wanted(argc - optind, argv + optind, parts[i].name))
			parts[i].bench(&l);
	}
	world_release(&l.w);
	return 0;
}
