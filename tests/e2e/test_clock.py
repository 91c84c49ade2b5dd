"""The wall clock jumps, as when a machine first hears what time it is.

A library loaded before the C library (tests/lib/jumpy_clock.c) adds to one
daemon's time of day, then to everybody's, a day and more, there and back.  What
happens in time goes by the steady clock: nobody is missed or suspected, nothing
comes late, and nothing is older than it is.  Not with a sanitizer, which wants to
be loaded first.
"""
import os
import struct
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from hosts import Watch, put  # noqa: E402
from mesh import BUILD, Mesh, wait_until  # noqa: E402
from talk import LIST, Client, settle  # noqa: E402

SHIM = os.path.join(BUILD, "tests", "libjumpy_clock.so")
NAMES = ("ann", "ben", "cas")
DAY = 86400
BEATS_SECONDS = 1.5  # more than makes somebody suspect
LATE_SECONDS = 10    # a loaded machine's


@unittest.skipUnless(os.path.exists(SHIM), "not with a sanitizer")
class Clock(unittest.TestCase):
    def setUp(self):
        self.mesh = Mesh()
        self.mesh.__enter__()
        self.addCleanup(self.mesh.__exit__, None, None, None)
        self.folders = [put(self.mesh.folder(n), n + ".gif") for n in NAMES]
        self.daemons = []
        for n, f in zip(NAMES, self.folders):
            self.jump(n, 0)
            self.daemons.append(self.mesh.start(f, env={
                "LD_PRELOAD": SHIM, "JUMPY_CLOCK": self.clock(n)}))
        settle(self.mesh, self.daemons, len(NAMES))
        self.watches = [Watch(d) for d in self.daemons]
        for w in self.watches:
            self.addCleanup(w.close)
        self.photos = len(NAMES)

    def clock(self, name):
        return os.path.join(self.mesh.dir, "clock-" + name)

    def jump(self, name, seconds):
        """The bytes of the file itself: it is mapped."""
        with open(self.clock(name), "ab") as f:
            f.truncate(8)
        with open(self.clock(name), "r+b") as f:
            f.write(struct.pack("=q", seconds))

    def told(self, words):
        """Something new of each is known to all, soon."""
        began = time.monotonic()
        for f in self.folders:
            put(f, "%s.gif" % words)
            put(f, "%s-%s.gif" % (os.path.basename(f), words))
        # One of the two is the same in all of them.
        self.photos += 1 + len(NAMES)
        for d in self.daemons:
            with Client(self.mesh, d.port) as c:
                wait_until(lambda: len(c.photos()) == self.photos,
                           "%s: all that is new" % words)
        self.assertLess(time.monotonic() - began, LATE_SECONDS, words)

    def jumped(self, name, seconds, words):
        """By the date at which it says that its newest was added."""
        with Client(self.mesh, self.daemons[0].port) as c:
            added, = [p[4] / 1000 for p in c.ask(LIST, {"limit": 1000})
                      ["photos"] if p[2] == b"%s-%s.gif" % (
                         name.encode(), words.encode())]
        self.assertLess(abs(added - seconds - time.time()), 60, words)

    def fresh(self, words):
        """Nobody has been silent for as long as the clocks went astray."""
        for d in self.daemons:
            with Client(self.mesh, d.port) as c:
                status = c.status()
                self.assertEqual(status["live"], len(NAMES), words)
                self.assertTrue(status["complete"], words)
                self.assertLess(status["age"], LATE_SECONDS * 1000, words)

    def test_jumps(self):
        """the wall clock jumps a day, there and back: nobody notices"""
        for who, seconds in ((NAMES[:1], DAY), (NAMES[:1], -2 * DAY),
                             (NAMES, 400 * DAY), (NAMES, -400 * DAY),
                             (NAMES[1:], 3600), (NAMES, 0)):
            words = "%s %+d" % ("+".join(who), seconds)
            for name in who:
                self.jump(name, seconds)
            self.told(words)
            self.jumped(who[0], seconds, words)
            # Nothing to await: that nothing happens is what is tested.
            time.sleep(BEATS_SECONDS)
            self.fresh(words)
        self.assertEqual([w.count("peer-suspect", "peer-gone", "peer-left",
                                  "coordinator") for w in self.watches],
                         [0] * len(NAMES))
        settle(self.mesh, self.daemons, self.photos)


if __name__ == "__main__":
    tap.main()
