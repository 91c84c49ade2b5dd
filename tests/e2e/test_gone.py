"""What is gone, and what only seems to be: the brake on much that is missing at
once, and what is renamed to and fro while it is looked for.
"""
import os
import shutil
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
sys.path.insert(0, os.path.dirname(__file__))
import tap  # noqa: E402
from mesh import Mesh, wait_until  # noqa: E402
from test_files import names, picture, scanned, write  # noqa: E402
from test_watch import begin, follows, hooked, problems, read_files, state, status  # noqa: E402


class Gone(unittest.TestCase):
    def test_brake(self):
        """too much gone at once is offline, until back or accepted"""
        with Mesh() as mesh:
            f, a = begin(mesh, 3)
            b = mesh.start(mesh.folder("bob"))
            for n in range(150):
                write(f + "/sub/%d.jpg" % n, picture(100 + n))
            mesh.settle([a, b], 153)
            before = names(b)
            away = os.path.join(mesh.dir, "away")
            os.rename(f + "/sub", away)
            wait_until(lambda: state(a) == "offline", "the brake")
            self.assertEqual(names(a), before)
            self.assertIn("offline", problems(b).values())
            self.assertEqual(a.photo("rescan").code, 0)
            self.assertEqual(state(a), "offline")
            self.assertEqual(names(b), before)
            self.assertIn("--accept-missing", a.log())
            os.rename(away, f + "/sub")
            wait_until(lambda: state(a) == "idle", "them to be back",
                       timeout=60)
            wait_until(lambda: not problems(b), "the problem to go")
            self.assertEqual(names(a), before)
            # Nor is an empty one in its place, as when something is mounted
            # over it, or put back from elsewhere.
            os.rename(f + "/sub", away)
            os.mkdir(f + "/sub")
            wait_until(lambda: state(a) == "offline", "the brake")
            self.assertEqual(names(a), before)
            os.rmdir(f + "/sub")
            os.rename(away, f + "/sub")
            wait_until(lambda: state(a) == "idle", "them to be back",
                       timeout=60)
            # One by one is no better.
            for n in range(150):
                os.unlink(f + "/sub/%d.jpg" % n)
            wait_until(lambda: state(a) == "offline", "the brake")
            self.assertEqual(a.photo("rescan", "--accept-missing").code, 0)
            follows(a, f, "what is left")
            self.assertEqual(state(a), "idle")
            mesh.settle([a, b], 3)
            # A hundred may go any time, as long as something is left.
            os.unlink(f + "/0.jpg")
            follows(b, f, "one less")

    def test_gone_by_and_by(self):
        """sixty and, when that is seen, sixty more: as many as are too many
        """
        with Mesh() as mesh:
            f = mesh.folder("alice")
            for n in range(200):
                write(f + "/%d.gif" % n, b"GIF89a%d" % n)
            d = mesh.start(f)
            wait_until(lambda: scanned(d) and len(names(d)) == 200,
                       "the scan")
            for n in range(60):
                os.unlink(f + "/%d.gif" % n)
            follows(d, f, "the first to vanish")
            for n in range(60, 120):
                os.unlink(f + "/%d.gif" % n)
            wait_until(lambda: state(d) == "offline", "the brake")
            self.assertEqual(len(names(d)), 140)
            self.assertIn("120 of 200 photos are missing", d.log())
            self.assertEqual(d.photo("rescan", "--accept-missing").code, 0)
            self.assertEqual(len(names(d)), 80)

    def test_gone_behind_the_count(self):
        """much goes between the counting and the withdrawing of a little: no
        more is withdrawn than was counted, and a scan judges the rest"""
        with Mesh() as mesh:
            hooked(self, mesh)
            f = mesh.folder("alice")
            for n in range(253):
                write(f + ("/sub/" if n >= 3 else "/") + "%d.jpg" % n,
                      picture(n))
            d = mesh.start(f, env={"PHOTOMESH_STOP": "counted:1"})
            wait_until(lambda: scanned(d), "the first scan")
            self.assertEqual(len(names(d)), 253)
            # Another folder in the place of one, with five files less.
            other = os.path.join(mesh.dir, "other")
            shutil.copytree(f + "/sub", other)
            for n in range(3, 8):
                os.unlink(other + "/%d.jpg" % n)
            d.stop()
            os.rename(f + "/sub", os.path.join(mesh.dir, "away"))
            os.rename(other, f + "/sub")
            d.go_on()

            def stops():
                with open("/proc/%d/stat" % d.pid) as s:
                    return s.read().rsplit(")", 1)[1].split()[0] == "T"
            wait_until(stops, "five to be counted")
            for n in range(8, 243):
                os.unlink(f + "/sub/%d.jpg" % n)
            d.go_on()
            wait_until(lambda: state(d) == "offline", "the brake")
            # Not even those five, if what came behind was told in time.
            self.assertGreaterEqual(len(names(d)), 248)
            self.assertIn("--accept-missing", d.log())

    def test_emptied_folder(self):
        """a folder emptied file by file keeps its records too"""
        with Mesh() as mesh:
            f, d = begin(mesh, 3)
            for n in range(3):
                os.unlink(f + "/%d.jpg" % n)
            wait_until(lambda: state(d) == "offline", "the brake")
            self.assertEqual(len(names(d)), 3)
            self.assertEqual(d.photo("rescan", "--accept-missing").code, 0)
            self.assertEqual(names(d), [])

    def test_to_and_fro(self):
        """renamed to and fro: what is back is not gone, nor gone twice"""
        with Mesh() as mesh:
            f, d = begin(mesh, 2)
            # One of two is always there.  They are missed again and again,
            # and looked for 5 s later at the latest.
            until = time.monotonic() + 6
            out = os.path.join(mesh.folder("out"), "")
            os.rename(f + "/0.jpg", out + "0.jpg")
            while time.monotonic() < until:
                for here, away in (("1.jpg", "0.jpg"), ("0.jpg", "1.jpg")):
                    os.rename(f + "/" + here, out + here)
                    os.rename(out + away, f + "/" + away)
                    time.sleep(0.01)
            follows(d, f, "the one that is left")
            self.assertNotIn("offline", d.log())

    def test_directory_to_and_fro(self):
        """a directory renamed and renamed back: nothing in it is lost"""
        with Mesh() as mesh:
            f, d = begin(mesh, 3)
            for n in range(10):
                write(f + "/sub/%d.jpg" % n, picture(100 + n))
            follows(d, f, "all of them")
            # Withdrawn at its old path as it is found at the new one, it may
            # be back before that is written down.
            for n in range(40):
                for gap in (n % 3 * 0.005, 0.02, n % 5 * 0.002):
                    os.rename(f + "/sub", f + "/other")
                    time.sleep(gap)
                    os.rename(f + "/other", f + "/sub")
                    time.sleep(gap)
                follows(d, f, "all of them, at the %d. time" % n)

    def test_to_and_fro_in_scans(self):
        """folders renamed to and fro while scans go on: no photo is missing
        """
        with Mesh() as mesh:
            f = mesh.folder("alice")
            for n in range(900):
                write(f + "/all/%d/%d.gif" % (n % 9, n), b"GIF89a%d" % n)
            d = mesh.start(f)
            wait_until(lambda: scanned(d) and len(names(d)) == 900, "all")
            d.rested()
            stop, turns = threading.Event(), [0]

            def rename():
                while not stop.is_set():
                    turns[0] += 1
                    one = f + "/all/%d" % (turns[0] % 9)
                    if turns[0] % 2 == 0:
                        one = f + "/all"
                    os.rename(one, one + "-x")
                    time.sleep(turns[0] % 7 * 0.015)
                    os.rename(one + "-x", one)
                    time.sleep(turns[0] % 5 * 0.01)

            def scan():
                while not stop.is_set():
                    d.photo("rescan")
            threads = [threading.Thread(target=t) for t in (rename, scan)]
            for t in threads:
                t.start()
            until = time.monotonic() + 6
            while time.monotonic() < until or turns[0] < 40:
                fewest = status(d)["photos"]
                if fewest < 900:
                    break
            stop.set()
            for t in threads:
                t.join()
            self.assertEqual(fewest, 900)
            follows(d, f, "all of them where they are")
            self.assertNotIn("offline", d.log())

    def test_gone_where_it_never_rests(self):
        """what is deleted goes, though there is always something to be told
        """
        with Mesh() as mesh:
            f, d = begin(mesh, 3)
            out, stop = mesh.folder("out"), threading.Event()

            def move_away():
                # Whether such a one comes back is awaited, again and again.
                while not stop.wait(0.02):
                    write(f + "/.away", b"")
                    os.rename(f + "/.away", out + "/away")
            thread = threading.Thread(target=move_away)
            thread.start()
            try:
                os.unlink(f + "/0.jpg")
                follows(d, f, "told, in a restless folder", 15)
                d.end()
                os.unlink(f + "/1.jpg")
                d = mesh.start(f)
                follows(d, f, "missed by a scan of a restless folder", 15)
            finally:
                stop.set()
                thread.join()

    def test_gone_in_a_scan(self):
        """a photo removed in a long first scan goes at once, not at its end"""
        with Mesh() as mesh:
            f = mesh.folder("alice")
            for n in range(90):
                write(f + "/%d.jpg" % n, (picture(n) * 99)[:100000])
            d = mesh.start(f, "--read-rate", "300K")  # half a minute
            wait_until(lambda: len(names(d)) > 2, "some photos")
            one = names(d)[0]
            os.unlink(os.path.join(f, one))
            wait_until(lambda: one not in names(d), "it to go")
            self.assertEqual(state(d), "scanning")

    def test_folder_comes_back(self):
        """a folder away is offline at once, and back without being asked"""
        with Mesh() as mesh:
            f, d = begin(mesh, 4)
            before = d.rested()
            os.rename(f, f + ".away")
            wait_until(lambda: state(d) == "offline", "offline")
            self.assertEqual(len(names(d)), 4)
            os.rename(f + ".away", f)
            wait_until(lambda: state(d) == "idle", "online")
            write(f + "/new.jpg", picture(9))
            follows(d, f, "it to be watched again")
            self.assertLessEqual(read_files(d), before + 1)


if __name__ == "__main__":
    tap.main()
