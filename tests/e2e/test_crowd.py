"""A crowd at speed: 32 daemons powered up at once, and 200 deaths in a loop.

In the release build, where time and memory mean something.  What takes hours
at its full size (100 000 files among 32) is in test_soak_many.py.
"""
import os
import statistics
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from mesh import SAMPLE, Mesh, wait_until  # noqa: E402
from talk import Client, settle  # noqa: E402

CROWD, FILES = 32, 5000
LATEST_SECONDS = 90
PEAK_BYTES = 64 << 20  # of one daemon
DEATHS, VICTIMS = 200, 4
GONE = 3
# Redials go out 0, 1, 5 and 20 ms after the end; the next means takes 2 s.
ONE_ROUND_SECONDS = 1.0


def moment(line):
    """The time of day at which this line was logged, in seconds."""
    hours, minutes, seconds = line.split()[0].split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


class Crowd(unittest.TestCase):
    def test_thirty_two_at_once(self):
        """32 daemons at once, one with many files: memory and time bounded"""
        with open(os.path.join(SAMPLE, "bob", "bird.gif"), "rb") as f:
            picture = f.read()[:512]
        with Mesh() as mesh:
            folders = []
            for i in range(CROWD):
                folders.append(mesh.folder("folder%02d" % i))
                for n in range(FILES if i == 0 else 1):
                    with open("%s/%d.gif" % (folders[i], n), "wb") as out:
                        out.write(picture + b"%d %d" % (i, n))
            daemons, launched = mesh.start_at_once(folders)
            ready = max(d.ready_after for d in daemons)
            began = min(d.started_at for d in daemons)
            self.assertEqual(sorted(d.port for d in daemons), list(range(
                mesh.base_port, mesh.base_port + CROWD)))
            settle(mesh, daemons, FILES + CROWD - 1, LATEST_SECONDS)
            took = time.monotonic() - began
            peak = max(d.rss_bytes("VmHWM") for d in daemons)
            print("# launched in %.0f ms, ready %.1f s, one mesh %.1f s, peak "
                  "%d MiB" % (launched * 1000, ready, took, peak >> 20))
            self.assertLess(took, LATEST_SECONDS)
            if "asan" not in mesh.build:
                self.assertLess(peak, PEAK_BYTES)

    def test_two_hundred_deaths(self):
        """kill -9, 200 times: each proven by one round of redials"""
        with Mesh() as mesh:
            folders = [mesh.folder("f%d" % i) for i in range(VICTIMS + 1)]
            for i, f in enumerate(folders):
                with open(f + "/one.gif", "wb") as out:
                    out.write(b"GIF89a" + b"%d" % i * 20)
            witness = mesh.start(folders[0])
            took = []

            def states(c):
                return {p["node"][1]: p["state"] for p in c.peers()}
            with Client(mesh, witness.port) as c:
                while len(took) < DEATHS:
                    victims = [mesh.start(f, wait=False)
                               for f in folders[1:]]
                    for v in victims:
                        v.ready()
                    wait_until(lambda: all(states(c).get(v.name) == 0
                                           for v in victims), "all live")
                    for v in victims:
                        t = time.time()
                        now = time.localtime(t)
                        killed = (now.tm_hour * 3600 + now.tm_min * 60 +
                                  now.tm_sec + t % 1 - 0.001)
                        v.process.kill()
                        wait_until(lambda: states(c)[v.name] == GONE,
                                   "its death to be known", every=0.001)
                        # When it was known, not when it was heard of here:
                        # on a busy machine this is the slower of the two.
                        known, = [line for line in witness.log().splitlines()
                                  if line.endswith(" %s is gone" % v.name)
                                  ][-1:]
                        took.append((moment(known) - killed) % 86400)
                        v.process.wait()
            late = [t for t in took if t > ONE_ROUND_SECONDS]
            print("# %d deaths, known after %.1f ms (median), %.1f ms at "
                  "most" % (len(took), statistics.median(took) * 1000,
                            max(took) * 1000))
            self.assertEqual(late, [])


if __name__ == "__main__":
    tap.main()
