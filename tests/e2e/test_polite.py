"""Polite: a full scan delays no answer and no heartbeat.

One node of three reads a folder for the first time while the other two rest.
What holds for the one that scans is held against a resting one of the same
moment, so a slow machine is slow for both: nobody hears less of it, and it
answers while it scans, in no other order of time.
"""
import json
import os
import statistics
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from mesh import Mesh, wait_until  # noqa: E402
from talk import LIST, LIVE, SYNCING, Client  # noqa: E402

FILES, FILES_MAX, FEW = 3000, 24000, 200
ANSWERS_MIN = 15


def fill(folder, first, count):
    for n in range(first, first + count):
        where = "%s/%03d" % (folder, n // 200)
        if n % 200 == 0:
            os.makedirs(where, exist_ok=True)
        with open("%s/%05d.gif" % (where, n), "wb") as f:
            f.write(b"GIF89a%d:" % n + b"." * 8192)


def timed(client):
    began = time.monotonic()
    client.ask(LIST, {"limit": 100})
    return time.monotonic() - began


def linked(mesh, daemon, name):
    with Client(mesh, daemon.port) as c:
        return any(p["node"][1] == name and p["state"] in (LIVE, SYNCING)
                   for p in c.peers())


def suspected(process, seen):
    """Whom a watcher has told to be suspect, by name."""
    os.set_blocking(process.stdout.fileno(), False)
    try:
        seen[0] += (process.stdout.read() or b"").decode()
    except (BlockingIOError, TypeError):
        pass
    told = [json.loads(line) for line in seen[0].splitlines()
            if line.endswith("}")]
    return [e["node"] for e in told if e["event"] == "peer-suspect"]


class Polite(unittest.TestCase):
    def scan(self, mesh, bob, carol, files):
        """Alice's first scan: the answers' times of her and of carol."""
        folder = mesh.folder("alice%d" % files)
        fill(folder, files, files)
        alice = mesh.start(folder)
        hers, others = [], []
        with Client(mesh, alice.port) as a, Client(mesh, carol.port) as c:
            wait_until(lambda: linked(mesh, bob, alice.name), "a link")
            while True:
                mine, its = timed(a), timed(c)
                if a.status()["scan"] == 0:
                    break
                hers.append(mine)  # which the scan has outlasted
                others.append(its)
        return alice, hers, others

    def test_scan_delays_nobody(self):
        """during a full scan: no suspicion, and answers as at rest"""
        with Mesh() as mesh:
            bob, carol = [mesh.start(mesh.folder(n)) for n in ("bob", "carol")]
            fill(mesh.dir + "/photos/carol", 0, FEW)
            mesh.settle([bob, carol], FEW)
            watch, seen = mesh.spawn_watch(bob), [""]
            files, hers, photos = FILES, [], FEW
            # So many that there is time to ask, however fast the machine is.
            while len(hers) < ANSWERS_MIN and files <= FILES_MAX:
                alice, hers, others = self.scan(mesh, bob, carol, files)
                photos += files
                mesh.settle([alice, bob, carol], photos, timeout=120)
                files *= 2
                if len(hers) < ANSWERS_MIN:
                    alice.end()
            self.assertGreaterEqual(len(hers), ANSWERS_MIN)
            told = suspected(watch, seen)
            mine, its = statistics.median(hers), statistics.median(others)
            print("# %d answers, median %.1f ms, of a resting node %.1f ms; "
                  "suspected: %s" % (len(hers), mine * 1e3, its * 1e3, told))
            self.assertLessEqual(told.count(alice.name),
                                 told.count("carol"), told)
            self.assertLess(mine, 10 * its + 0.05)
            watch.kill()
            watch.wait()


if __name__ == "__main__":
    tap.main()
