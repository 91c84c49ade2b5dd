"""At size: 20 000 small files in each of three daemons.

All print the same list, verify proves equal digests, and a restart is quick.
"""
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from mesh import Mesh, wait_until  # noqa: E402

FILES = int(os.environ.get("PM_SIZE_FILES", "20000"))


def peak(pid, key="VmHWM"):
    with open("/proc/%d/status" % pid) as f:
        return [int(x.split()[1]) << 10 for x in f if x.startswith(key)]


class Size(unittest.TestCase):
    def stream(self, mesh, d, photos):
        """A whole list, read slowly: neither end holds more of it than a
        page, however long it is."""
        before = d.rss_bytes()
        p = mesh.spawn_photo("-p", d.port, "--json", "list")
        seen, sizes, daemons = 0, [], []
        for line in p.stdout:
            seen += 1
            if seen % 1000 == 0:
                sizes += peak(p.pid)
                daemons.append(d.rss_bytes())
        self.assertEqual(p.wait(), 0)
        self.assertEqual(seen, photos)
        print("# photo: %.2f MiB after 1000 photos, %.2f at last; "
              "photod: %.1f MiB before, %.1f at most" % tuple(
                  x / 2**20 for x in (sizes[0], sizes[-1], before,
                                      max(daemons))))
        self.assertGreater(len(sizes), 10)
        # All of it is 20 MB.
        self.assertLess(sizes[-1] - sizes[0], 1 << 20)
        self.assertLess(max(daemons) - max(daemons[:3]), 6 << 20)

    def test_twenty_thousand_each(self):
        """three daemons with 20 000 files each: same list, equal digests"""
        with Mesh() as mesh:
            folders = []
            for who in range(3):
                f = mesh.folder("size%d" % who)
                for d in range(20):
                    os.mkdir("%s/%02d" % (f, d))
                for n in range(FILES):
                    # A fifth is held by everybody, the rest by one alone.
                    owner = 9 if n % 5 == 0 else who
                    with open("%s/%02d/%05d.gif" % (f, n % 20, n),
                              "wb") as g:
                        g.write(b"GIF89a%d:%d" % (owner, n) + b"." * 64)
                folders.append(f)
            started = time.monotonic()
            daemons = [mesh.start(f, wait=False) for f in folders]
            for d in daemons:
                d.ready()
                print("# %s ready after %.2f s" % (d.name, d.ready_after))
            photos = FILES // 5 + 3 * (FILES - FILES // 5)
            mesh.settle(daemons, photos, timeout=120)
            print("# settled after %.1f s" % (time.monotonic() - started))
            lists = []
            for d in daemons:
                a = d.photo("list", "--sort", "name")
                self.assertEqual(len(a.lines), photos)
                lists.append(a.text)
                print("# %s: RssAnon %.1f MiB" % (d.name,
                                                 d.rss_bytes() / 2**20))
            self.assertEqual(lists[0], lists[1])
            self.assertEqual(lists[0], lists[2])
            self.stream(mesh, daemons[0], photos)
            a = daemons[1].photo("--json", "verify")
            self.assertEqual(a.code, 0, a)
            # Kill one; the others still show all of it.
            lead = min(daemons, key=lambda d: d.port)
            rest = [d for d in daemons if d is not lead]
            lead.kill()
            for d in rest:
                self.assertEqual(len(d.photo("list").lines), photos)
            again = mesh.start(os.path.join(mesh.dir, "photos", lead.name))
            mesh.settle(rest + [again], photos, timeout=60)
            wait_until(lambda: again.photo("verify").code == 0, "equality")


if __name__ == "__main__":
    tap.main()
