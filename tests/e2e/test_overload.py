"""Overload is not death: four times more work than processors, and a disk that
takes five seconds to be sure of anything.

All the while everybody is asked several times a second, and everything that
the daemons tell of each other is heard.  Nobody may be taken for gone; a
suspicion, which costs nothing, must be rare and brief; answers must keep
coming.  In the release build, where time means something.  PM_OVERLOAD_SECONDS
makes it longer.
"""
import os
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from hosts import Watch, put  # noqa: E402
from mesh import BUILD, Mesh, wait_until  # noqa: E402
from talk import Client, settle  # noqa: E402

SECONDS = float(os.environ.get("PM_OVERLOAD_SECONDS", "12"))
DAEMONS, FILES = 4, 50
TIMES = 4               # so much more to do than there are processors
ANSWER_SECONDS = 3.0    # the slowest, at that load
DISK_ANSWER_SECONDS = 1.0
SYNC_SECONDS = 5
SHIM = os.path.join(BUILD, "tests", "libslow_sync.so")
BURN = "import time\nuntil = time.monotonic() + %f\n" \
       "while time.monotonic() < until: pass"


class Asker(threading.Thread):
    """Asks one daemon without pause; how long its answers took."""

    def __init__(self, d, files):
        super().__init__(daemon=True)
        self.d, self.files = d, files
        self.answers, self.slowest, self.wrong = 0, 0.0, []
        self.ending = threading.Event()
        self.start()

    def run(self):
        while not self.ending.wait(0.1):
            began = time.monotonic()
            try:
                with Client(self.d.mesh, self.d.port, 30) as c:
                    listed, state = len(c.photos()), c.status()
            except OSError as e:
                self.wrong.append("%s: %r" % (self.d.name, e))
                continue
            self.slowest = max(self.slowest, time.monotonic() - began)
            self.answers += 1
            if listed < self.files or state["live"] != DAEMONS:
                self.wrong.append("%s: %d photos, %d live" % (
                    self.d.name, listed, state["live"]))

    def end(self):
        self.ending.set()
        self.join()


class Overload(unittest.TestCase):
    def setUp(self):
        self.mesh = Mesh()
        self.mesh.__enter__()
        self.addCleanup(self.mesh.__exit__, None, None, None)

    def begin(self, **env):
        self.folders = []
        for n in range(DAEMONS):
            f = self.mesh.folder("folder%d" % n)
            self.folders.append(put(f, *("%d-%d.gif" % (n, k)
                                         for k in range(FILES))))
        daemons = [self.mesh.start(f, env=env) for f in self.folders]
        settle(self.mesh, daemons, DAEMONS * FILES)
        self.watches = [Watch(d) for d in daemons]
        self.askers = [Asker(d, DAEMONS * FILES) for d in daemons]
        return daemons

    def end(self, seconds, slowest):
        """What was heard and how long answers took; suspicions."""
        for a in self.askers:
            a.end()
        events = [dict(e, watch=w) for w in self.watches for e in w.events()]
        for w in self.watches:
            w.close()
        answers = sum(a.answers for a in self.askers)
        worst = max(a.slowest for a in self.askers)
        suspicions = self.suspicions(events)
        print("# %.0f s: %d answers, the slowest %.2f s; %d suspicions, the "
              "longest %.1f s" % (seconds, answers, worst, len(suspicions),
                                  max(suspicions, default=0)))
        self.assertEqual([x for a in self.askers for x in a.wrong], [])
        self.assertEqual([e for e in events if e["event"] in (
            "peer-gone", "peer-left")], [])
        self.assertLess(worst, slowest)
        # Each of four is asked ten times a second, and half of that is due.
        self.assertGreater(answers, seconds * DAEMONS)
        # Rare: one of each daemon in ten seconds; and brief.
        self.assertLessEqual(len(suspicions), 1 + DAEMONS * seconds / 10)
        self.assertLess(max(suspicions, default=0), 10)
        return suspicions

    def suspicions(self, events):
        """How long each lasted, by those who had it."""
        since, lasted = {}, []
        for e in events:
            key = (id(e.get("watch")), e.get("node"))
            if e["event"] == "peer-suspect":
                since[key] = e["at"]
            elif e["event"] == "peer-live" and key in since:
                lasted.append((e["at"] - since.pop(key)) / 1000)
        return lasted + [99.0] * len(since)

    def test_processors(self):
        """four times more to do than processors: nobody gone, answers come"""
        daemons = self.begin()
        many = [subprocess.Popen([sys.executable, "-c", BURN % SECONDS])
                for _ in range(TIMES * (os.cpu_count() or 2))]
        try:
            serial = 0
            while any(p.poll() is None for p in many):
                # There is something to be found, read and told, too.
                put(self.folders[serial % DAEMONS], "more-%d.gif" % serial)
                serial += 1
                for w in self.watches:
                    w.events()
                time.sleep(0.5)
        finally:
            for p in many:
                p.kill()
                p.wait()
        self.end(SECONDS, ANSWER_SECONDS)
        settle(self.mesh, daemons, DAEMONS * FILES + serial)

    @unittest.skipUnless(os.path.exists(SHIM), "not with a sanitizer")
    def test_slow_disk(self):
        """a disk that takes 5 s to be sure: nobody waits but what it is for
        """
        slow = os.path.join(self.mesh.dir, "slow")
        daemons = self.begin(LD_PRELOAD=SHIM, SLOW_SYNC=slow,
                             SLOW_SYNC_MS=str(SYNC_SECONDS * 1000))
        open(slow, "w").close()
        began, serial = time.monotonic(), 0
        first = None
        while time.monotonic() < began + SECONDS:
            put(self.folders[serial % DAEMONS], "more-%d.gif" % serial)
            serial += 1
            with Client(self.mesh, daemons[-1].port) as c:
                if first is None and len(c.photos()) > DAEMONS * FILES:
                    first = time.monotonic() - began
            for w in self.watches:
                w.events()
            time.sleep(0.5)
        # Nothing is told that is not durable.
        self.assertGreater(first or SYNC_SECONDS, SYNC_SECONDS * 0.9)
        seconds = time.monotonic() - began
        suspicions = self.end(seconds, DISK_ANSWER_SECONDS)
        self.assertEqual(suspicions, [])
        # What is told meanwhile is told all the same, if later.
        with Client(self.mesh, daemons[-1].port) as c:
            wait_until(lambda: len(c.photos()) == DAEMONS * FILES + serial,
                       "all that came meanwhile", 60)
        os.unlink(slow)
        settle(self.mesh, daemons, DAEMONS * FILES + serial)


if __name__ == "__main__":
    tap.main()
