"""Unbounded output to a peer that never reads: minutes of updates, bounded.

A member that beats and asks, and a client that watches; neither reads a byte.
Everything that happens in three folders meanwhile is told to both.  Memory of
the daemon they are linked with stays within 16 MiB; in the end the member is
hung up on, and nobody else has noticed.  (In seconds, by asking without end:
test_liars.py and test_strangers.py.)
"""
import os
import select
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from hosts import WATCH, Watch, put  # noqa: E402
from member import HEARTBEAT, JOIN, Member  # noqa: E402
from mesh import Mesh, wait_until  # noqa: E402
from talk import Client, frame, settle  # noqa: E402

CHANGES = 10     # files that come, and as many that go, in a second, in each
ASKS = 40        # JOINs in a second: each costs the names and points of all
LEAST, MOST = 60, 1200  # seconds until the end
GROWTH = 16 << 20


class Deaf(unittest.TestCase):
    def setUp(self):
        self.mesh = Mesh()
        self.mesh.__enter__()
        self.addCleanup(self.mesh.__exit__, None, None, None)
        self.folders = [put(self.mesh.folder(n), n + ".gif")
                        for n in ("ann", "ben", "cas")]
        self.daemons = [self.mesh.start(f) for f in self.folders]
        settle(self.mesh, self.daemons, 3)
        self.serial = 0

    def change(self):
        """One comes in each folder; what came a while ago goes."""
        for f in self.folders:
            put(f, "%d-%s.gif" % (self.serial, os.path.basename(f)))
            old = "%s/%d-%s.gif" % (f, self.serial - 20, os.path.basename(f))
            if self.serial >= 20:
                os.unlink(old)
        self.serial += 1

    def test_never_read(self):
        """unbounded output to a peer that never reads, minutes of updates"""
        victim = self.daemons[0]
        with Client(self.mesh, victim.port) as c:
            me = c.welcome["node"]
        watch = Watch(self.daemons[1])
        self.addCleanup(watch.close)
        lazy = Client(self.mesh, victim.port)
        self.addCleanup(lazy.close)
        lazy.write(frame(WATCH, 0, {}))
        eve = Member(self.mesh, victim.port, name="eve", photos=0,
                     receive_buffer=4096)
        self.addCleanup(eve.tls.close)
        eve.joined()
        eve.reads = False
        beat = frame(HEARTBEAT, 0, {"period": 250, "follows": me,
                                    "synced": True})
        before = victim.rss_bytes()
        grown, answers, slowest, asked = 0, 0, 0.0, 0
        began = time.monotonic()
        rest, beat_at, changed_at = b"", began, began
        while not eve.ended and time.monotonic() - began < MOST:
            now = time.monotonic()
            if now >= changed_at:
                changed_at = max(changed_at + 1 / CHANGES, now)
                self.change()
                with Client(self.mesh, victim.port) as c:
                    self.assertGreaterEqual(c.status()["live"], 3)
                slowest = max(slowest, time.monotonic() - now)
                answers += 1
                grown = max(grown, victim.rss_bytes() - before)
            if now >= beat_at + 0.25 and not rest:
                beat_at, rest = now, beat
            if asked < (now - began) * ASKS and not rest:
                asked, rest = asked + 1, frame(JOIN, asked, {})
            try:
                rest = rest[eve.tls.write(rest):] if rest else b""
            except ConnectionError:
                eve.ended = "hung up"
            if not eve.ended:
                select.select([], [], [], 0.01)
        took = time.monotonic() - began
        print("# %s after %.0f s, %d changes, %d questions; %d lists, the "
              "slowest %.2f s; grown by %d KiB" % (
                  eve.ended, took, 3 * self.serial, asked, answers, slowest,
                  grown >> 10))
        self.assertEqual(eve.ended, "hung up")
        self.assertGreater(took, LEAST)
        wait_until(lambda: "does not read what we send; hung up" in
                   victim.log(), "the one line about it")
        if "asan" not in self.mesh.build:
            self.assertLess(grown, GROWTH)
        # Nobody who is well was missed.
        self.assertFalse([e for e in watch.events() if e["event"] in (
            "peer-gone", "peer-suspect") and e["name"] != "eve"])


if __name__ == "__main__":
    tap.main()
