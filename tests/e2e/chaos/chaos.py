#!/usr/bin/env python3
"""chaos.py: everything at once, against real daemons, for minutes or hours.

    python3 tests/e2e/chaos/chaos.py [--minutes N] [--seed N] [--hosts 1|2]

Eight daemons over folders that are changed all the time, clients of every kind
asking all the time; and storms of faults by a schedule that the seed decides
(it is printed as it happens).  Behind each storm comes a calm, in which all
must become one mesh again.  What was asked, answered and done is recorded, and
`checker.py` decides from the record whether anything was wrong.

Exit 0 when nothing was.  The record of a run that failed is kept, and named.
"""
import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "..", "lib"))
import checker  # noqa: E402
import clients  # noqa: E402
import hosts as namespaces  # noqa: E402
from calm import Calm  # noqa: E402
from faults import Faults  # noqa: E402
from folders import Hands  # noqa: E402
from record import Record, read  # noqa: E402
from schedule import NAMES, plan  # noqa: E402
from world import World  # noqa: E402

STORM_SECONDS = 75
FILES = 30
RELAYED = 1  # two hosts of an odd seed see a relay only; else each other
REST_SECONDS = 100  # more than idle channels are kept for


def options(argv):
    p = argparse.ArgumentParser(
        description="all faults at once, and a checker afterwards")
    p.add_argument("--minutes", type=float, default=2,
                   help="about so long; rounds are finished (2)")
    p.add_argument("--seed", type=int, help="as a former run said")
    p.add_argument("--hosts", type=int, choices=(1, 2), default=1)
    p.add_argument("--relay", choices=("yes", "no"),
                   help="what is between two hosts (else the seed decides)")
    p.add_argument("--storm", type=float, default=STORM_SECONDS,
                   help="seconds of one storm")
    p.add_argument("--rate", type=float, default=0.5, help="faults a second")
    p.add_argument("--pace", type=float, default=1.0,
                   help="how often clients ask; less is gentler")
    p.add_argument("--no-burn", action="store_true",
                   help="no load on purpose: something else is load enough")
    p.add_argument("--keep", help="keep the record in this file")
    o = p.parse_args(argv)
    if o.seed is None:
        o.seed = random.SystemRandom().randrange(1 << 31)
        # By the seed alone a run is told again.
        if o.relay:
            o.seed = o.seed // 2 * 2 + (o.relay == "yes") * RELAYED
    return o


class Run:
    def __init__(self, o, record):
        self.o, self.record = o, record
        relayed = o.hosts == 2 and o.seed % 2 == RELAYED
        self.world = World(record, o.hosts, relayed)
        self.faults = Faults(self.world)
        self.hands = Hands([n.folder for n in self.world.nodes.values()],
                           o.seed, record, time.sleep)
        self.calm = Calm(self.world)
        self.askers, self.loose = [], []
        record.write("run", seed=o.seed, hosts=o.hosts, relayed=relayed,
                     names=NAMES, cores=os.cpu_count(),
                     build=os.path.basename(self.world.hosts[0].build))

    def begin_clients(self):
        w, pace = self.world, 1 / self.o.pace
        self.askers = [clients.Lister(w, n, 0.4 * pace)
                       for n in w.nodes.values()]
        self.askers += [clients.Watcher(w), clients.HalfDeaf(w, "half deaf"),
                        clients.Adder(w, self.hands, 5 * pace)]
        self.askers += [clients.Fetcher(w, n, 0.3 * pace) for n in range(2)]
        self.askers += [clients.Person(w, h, n, 0.3 * pace)
                        for n, h in enumerate(w.hosts)]
        self.loose = [clients.Loose(w, h) for h in w.hosts]
        for a in self.askers:
            a.start()

    def end_clients(self):
        self.world.ending.set()
        for a in self.askers:
            a.join(150)
        for a in self.loose:
            a.end()
        trouble = ["%s: %r" % (a.name, a.trouble) for a in self.askers
                   if a.trouble]
        for a in self.askers:
            if a.is_alive():
                trouble.append("%s does not end" % a.name)
        if trouble:
            raise AssertionError("the run itself failed:\n" +
                                 "\n".join(trouble))

    def change_something(self):
        if time.monotonic() >= self.next_act:
            self.hands.act()
            self.next_act = time.monotonic() + self.hands.rng.expovariate(4)
        self.notice_deaths()

    def notice_deaths(self):
        for host in self.world.hosts:
            for d in host.daemons:
                if not d.alive() and not getattr(d, "expected", False):
                    d.expected = True
                    self.record.write("ended", name=d.name,
                                      code=d.process.returncode,
                                      said=d.log()[-2000:],
                                      t=self.record.now())

    def go(self):
        o, began = self.o, time.monotonic()
        self.hands.fill(FILES)
        for node in self.world.nodes.values():
            node.start("new")
        self.calm.settle(0, forget=False)
        self.calm.sizes("before", 0)
        number = 0
        self.begin_clients()
        self.next_act = 0.0
        while True:
            number += 1
            faults = plan(o.seed, number, o.storm, o.hosts,
                          self.world.relayed, o.rate, not o.no_burn)
            print("# storm %d, %d faults; seed %d" % (number, len(faults),
                                                      o.seed), flush=True)
            self.record.write("storm", number=number, t=self.record.now())
            self.faults.storm(faults, o.storm, self.change_something)
            for host in self.world.hosts:
                for d in host.daemons:
                    if getattr(d, "over", False):
                        d.process.stdout.close()
            self.record.write("calm", number=number, t=self.record.now())
            for node in self.world.nodes.values():
                node.forget_older()
            self.notice_deaths()
            took = self.calm.settle(number)
            print("# calm %d: one mesh after %.1f s" % (number, took),
                  flush=True)
            if time.monotonic() - began > o.minutes * 60 - o.storm / 2:
                break
        self.end_clients()
        self.calm.last(number)
        self.calm.sizes("after", REST_SECONDS if o.minutes > 2 else 0)
        self.record.write("ending", t=self.record.now())
        self.world.end_all()
        self.calm.tell_logs()  # their last words, too
        self.record.write("end", t=self.record.now())


def main(argv=None):
    o = options(argv)
    if o.hosts == 2 and namespaces.unpermitted():
        print("# SKIP two hosts: %s" % namespaces.unpermitted())
        return 0
    print("# chaos: --seed %d --hosts %d --minutes %g" % (
        o.seed, o.hosts, o.minutes), flush=True)
    path = o.keep
    if not path:
        fd, path = tempfile.mkstemp(prefix="pm-chaos-", suffix=".record")
        os.close(fd)
    record = Record(path)
    failed = None
    run = Run(o, record)
    try:
        with run.world:
            try:
                run.go()
            except BaseException:
                run.world.ending.set()
                run.faults.over.set()
                run.calm.tell_logs()
                raise
    except (AssertionError, OSError) as e:
        failed = "%s: %s" % (type(e).__name__, e)
    record.close()
    wrong, figures = checker.check(read(path))
    for name, value in figures.items():
        print("# %-28s %s" % (name, value))
    if failed:
        wrong.insert(0, failed)
    for line in wrong[:60]:
        print("# WRONG %s" % line.replace("\n", "\n# "))
    if wrong:
        print("# %d wrong; the record is %s; again: --seed %d --hosts %d "
              "--minutes %g" % (len(wrong), path, o.seed, o.hosts,
                                o.minutes))
    elif not o.keep:
        for end in ("", ".logs"):
            os.unlink(path + end)
    return 1 if wrong else 0


if __name__ == "__main__":
    # Whoever ends it wants its daemons ended, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
