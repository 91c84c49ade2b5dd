"""Thirty-two daemons power up at once, one of them holding 100 000 files.

Peak memory and the time until all hold the same are bounded; then they all
die at once and come back, as after a power cut.
"""
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from mesh import SAMPLE, Mesh  # noqa: E402
from talk import settle  # noqa: E402

CROWD, FILES = 32, int(os.environ.get("PM_SOAK_FILES", "100000"))
LATEST_SECONDS = 900
PEAK_BYTES = 256 << 20  # of one daemon, without a sanitizer


class SoakMany(unittest.TestCase):
    def test_thirty_two(self):
        """32 daemons at once, one with 100 000 files: one mesh, twice"""
        with open(os.path.join(SAMPLE, "bob", "bird.gif"), "rb") as f:
            picture = f.read()[:1024]
        with Mesh() as mesh:
            folders = []
            for i in range(CROWD):
                f = mesh.folder("folder%02d" % i)
                for n in range(FILES if i == 0 else 1):
                    where = os.path.join(f, "%03d" % (n // 1000))
                    if n % 1000 == 0:
                        os.mkdir(where)
                    with open("%s/%d.gif" % (where, n), "wb") as out:
                        out.write(picture + b"%d %d" % (i, n))
                folders.append(f)
            for what in ("first start", "after a power cut"):
                began = time.monotonic()
                daemons = [mesh.start(f, wait=False) for f in folders]
                for d in daemons:
                    d.ready(120)
                ready = time.monotonic() - began
                settle(mesh, daemons, FILES + CROWD - 1, LATEST_SECONDS)
                peak = max(d.rss_bytes("VmHWM") for d in daemons)
                print("# %s: ready %.1f s, one mesh %.1f s, peak %d MiB" % (
                    what, ready, time.monotonic() - began, peak >> 20))
                if "asan" not in mesh.build:
                    self.assertLess(peak, PEAK_BYTES)
                for d in daemons:
                    d.signal(9)
                for d in daemons:
                    d.process.wait()


if __name__ == "__main__":
    tap.main()
