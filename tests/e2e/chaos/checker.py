#!/usr/bin/env python3
"""checker.py: was anything wrong?  Decided from the record alone.

    python3 checker.py RECORD

Each rule is a function from a Story to what it found wrong; its first line
says what it holds the record against.  Nothing here asks a daemon.
"""
import collections
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import checker_end  # noqa: E402
import checker_lists  # noqa: E402
import checker_mesh  # noqa: E402
from story import Story  # noqa: E402

RULES = checker_lists.RULES + checker_mesh.RULES + checker_end.RULES


def figures(story):
    faults = collections.Counter(f["what"] for f in story.faults)
    answers = story.by_kind["list"] + story.by_kind["photo"] + \
        story.by_kind["get"]
    calm = [a for a in story.by_kind["list"]
            if not story.disturbed(a["at"], a["t0"] - 1, a["t1"])]
    true, false = checker_mesh.suspicions(story)
    states = collections.Counter(
        f["state"] for f in story.faults if f["what"] == "kill")
    moved = sum(len(m) for m in checker_mesh.crowns(story).values())
    slow = max(calm, key=lambda a: a["t1"] - a["t0"], default=None)
    return {
        "seconds": "%.0f" % (story.lines[-1].get("t", 0)),
        "storms": len(story.by_kind["storm"]),
        "kills (by state)": "%d (%s)" % (
            faults["kill"] + faults["readonly"],
            ", ".join("%s %d" % x for x in sorted(states.items()))),
        "stops, ends, twins": "%d, %d, %d" % (
            faults["stop"], faults["end"], faults["twin"]),
        "cuts and bad lines": sum(faults[x] for x in story.NETWORK),
        "squeezes, full disks, burns": "%d, %d, %d" % (
            faults["squeeze"], faults["full"], faults["burn"]),
        "changes to files": len(story.by_kind["hold"]) +
        len(story.by_kind["drop"]),
        "answers": len(answers),
        "of them lists, fetched": "%d, %d" % (
            len(story.by_kind["list"]),
            sum(g["code"] == 0 for g in story.by_kind["get"])),
        "slowest answer": "%.2f s at %.1f" % (
            slow["t1"] - slow["t0"], slow["t0"]) if slow else "-",
        "slowest failover": "%.2f s" % checker_mesh.slowest_failover(story),
        "suspicions true, false": "%d, %d" % (true, false),
        "changes of coordinator": moved,
        "slowest calm": "%.1f s" % max(
            (s["took"] for s in story.by_kind["settled"]), default=0),
    }


def check(lines):
    """(what is wrong, figures) of a record."""
    story = Story(lines)
    wrong = []
    for rule in RULES:
        wrong += ["%s: %s" % (rule.__name__, w) for w in rule(story)]
    return wrong, figures(story)


def main():
    from record import read
    wrong, counted = check(read(sys.argv[1]))
    for name, value in counted.items():
        print("%-28s %s" % (name, value))
    for line in wrong:
        print("WRONG %s" % line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
