"""Watching: what changes on the disk is in everybody's list at once.

Files and folders come, grow, move, are renamed and vanish under a running
daemon that is never asked to rescan; the list must follow the disk, read
nothing twice, and not take a missing disk for a deletion.
"""
import contextlib
import json
import ctypes
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
sys.path.insert(0, os.path.dirname(__file__))
import tap  # noqa: E402
from mesh import Mesh, wait_until  # noqa: E402
from paste import photo_id  # noqa: E402
from test_files import names, picture, scanned, write  # noqa: E402


def on_disk(folder):
    """Relative paths of all regular files, hidden ones left out."""
    found = []
    for here, dirs, files in os.walk(folder):
        dirs[:] = [d for d in dirs if not d.startswith(".")]
        found += [os.path.relpath(os.path.join(here, f), folder)
                  for f in files if not f.startswith(".") and
                  not os.path.islink(os.path.join(here, f))]
    return sorted(found)


def follows(d, folder, what, timeout=None):
    wait_until(lambda: names(d) == on_disk(folder), what, timeout)


def status(d):
    return d.photo("--json", "status").json[0]


def read_files(d):
    return status(d)["scan"]["read_files"]


def state(d):
    return status(d)["scan"]["state"]


def problems(d):
    return {p["path"]: p["problem"]
            for p in d.photo("--json", "problems").json}


def watches(d):
    """How many directories the kernel watches for it."""
    count = 0
    for n in os.listdir("/proc/%d/fdinfo" % d.pid):
        try:
            with open("/proc/%d/fdinfo/%s" % (d.pid, n)) as info:
                count += sum(x.startswith("inotify wd:") for x in info)
        except FileNotFoundError:
            pass  # closed meanwhile
    return count


def directories(folder):
    return sum(1 for _ in os.walk(folder))


class Events:
    """What `photo watch` says, from now on."""

    def __init__(self, mesh, d):
        self.process, self.seen = mesh.spawn_watch(d), ""
        os.set_blocking(self.process.stdout.fileno(), False)

    def read(self):
        try:
            self.seen += (self.process.stdout.read() or b"").decode()
        except (BlockingIOError, TypeError):
            pass
        return [json.loads(line) for line in self.seen.splitlines()
                if line.endswith("}")]

    def removed(self):
        return [e["name"] if "name" in e else e for e in self.read()
                if e["event"] == "photo-removed"]


class Watch(unittest.TestCase):
    def start(self, mesh, count=0, name="alice", **kw):
        f = mesh.folder(name)
        for n in range(count):
            write(f + "/%d.jpg" % n, picture(n))
        d = mesh.start(f, **kw)
        wait_until(lambda: scanned(d), "the first scan")
        return f, d

    def test_drop_is_listed_elsewhere(self):
        """a photo dropped, changed, removed: another daemon's list follows"""
        with Mesh() as mesh:
            f, a = self.start(mesh, 3)
            b = mesh.start(mesh.folder("bob"))
            mesh.settle([a, b], 3)
            write(f + "/new.jpg", picture(10))
            follows(b, f, "the new photo")
            with open(f + "/new.jpg", "ab") as out:
                out.write(b"more")
            wait_until(lambda: os.path.getsize(f + "/new.jpg") in [
                p["size"] for p in b.photo("--json", "list", "new").json],
                "the changed photo")
            os.unlink(f + "/new.jpg")
            follows(b, f, "the removed photo to vanish")
            mesh.settle([a, b], 3)

    def test_trees_made_fast(self):
        """trees created and filled faster than they can be watched"""
        with Mesh() as mesh:
            f, d = self.start(mesh)
            made = os.path.join(mesh.dir, "made")
            for n in range(300):
                write(made + "/%d/%d/%d/%d.jpg" % (n % 3, n % 7, n % 5, n),
                      picture(n))
            subprocess.run(["cp", "-r", made, f + "/copied"], check=True)
            shutil.copytree(made, f + "/also")
            follows(d, f, "both trees")
            os.rename(made, f + "/moved-in")
            follows(d, f, "a tree moved in")
            write(f + "/moved-in/0/0/0/late.jpg", picture(1000))
            follows(d, f, "a file in what was moved in")

    def test_move_directory_out(self):
        """a directory moved out is gone, and reports nothing any more"""
        with Mesh() as mesh:
            f, d = self.start(mesh, 5)
            others = watches(d) - directories(f)
            for n in range(20):
                write(f + "/sub/deep/%d.jpg" % n, picture(100 + n))
            follows(d, f, "the files")

            def watched():
                wait_until(lambda: watches(d) - directories(f) == others,
                           "each directory to be watched, and no other one")
            watched()
            out = os.path.join(mesh.dir, "out")
            os.rename(f + "/sub", out)
            follows(d, f, "the moved ones to vanish")
            watched()
            write(out + "/deep/later.jpg", picture(999))
            write(f + "/here.jpg", picture(1000))
            follows(d, f, "a file that is here")
            os.rename(out, f + "/back")
            follows(d, f, "them to be back under another name")
            os.rename(f + "/back/deep", f + "/up")
            write(f + "/up/new.jpg", picture(1001))
            follows(d, f, "a file in a renamed directory")
            watched()
            shutil.rmtree(f + "/up")
            follows(d, f, "the removed tree to vanish")
            watched()

    def test_rename_reads_nothing(self):
        """renamed files and folders are not read and never missing"""
        with Mesh() as mesh:
            f, d = self.start(mesh, 5)
            for n in range(300):
                write(f + "/trip/%d/%d.jpg" % (n % 9, n), picture(100 + n))
            follows(d, f, "the files")
            events = Events(mesh, d)
            follows(d, f, "the files")
            before = d.rested()
            removed = len(events.removed())
            os.rename(f + "/0.jpg", f + "/other.jpg")
            follows(d, f, "the renamed file")
            os.rename(f + "/trip", f + "/journey")
            follows(d, f, "the renamed folder")
            os.mkdir(f + "/years")
            os.rename(f + "/journey", f + "/years/2023")
            follows(d, f, "the moved folder")
            self.assertEqual(read_files(d), before)
            self.assertEqual(len(events.removed()), removed)
            # The same unseen, found by the scan of the next start.
            d.end()
            os.rename(f + "/years/2023", f + "/trip")
            os.rename(f + "/1.jpg", f + "/trip/one.jpg")
            d = mesh.start(f)
            wait_until(lambda: scanned(d), "the scan")
            follows(d, f, "the folder renamed meanwhile")
            self.assertEqual(read_files(d), 0)

    def test_case_only_rename(self):
        """img.jpg becomes IMG.jpg, and a swap of two names is seen"""
        with Mesh() as mesh:
            f, d = self.start(mesh, 1)
            os.rename(f + "/0.jpg", f + "/img.jpg")
            os.rename(f + "/img.jpg", f + "/IMG.jpg")
            follows(d, f, "the new case")
            write(f + "/a.jpg", picture(1) * 2)
            write(f + "/b.jpg", picture(2) * 3)
            follows(d, f, "two files")
            os.rename(f + "/a.jpg", f + "/c.jpg")
            os.rename(f + "/b.jpg", f + "/a.jpg")
            os.rename(f + "/c.jpg", f + "/b.jpg")
            wait_until(lambda: {p["name"]: p["size"] for p in d.photo(
                "--json", "list").json} == {n: os.path.getsize(f + "/" + n)
                                            for n in os.listdir(f)},
                "the swapped names")

    def exchange(self, one, other):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.renameat2(-100, one.encode(), -100, other.encode(), 2):
            self.skipTest("no names can be exchanged here: %s" %
                          os.strerror(ctypes.get_errno()))

    def test_twins_exchanged(self):
        """two of one size and all times, exchanged: the inode tells"""
        with Mesh() as mesh:
            f = mesh.folder("alice")
            data = [picture(n) for n in range(2)]
            for n in range(2):
                write(f + "/%d/x.jpg" % n, data[n])
                os.utime(f + "/%d/x.jpg" % n, (1600000000, 1600000000))
            self.exchange(f + "/0/x.jpg", f + "/1/x.jpg")
            if len({os.stat(f + "/%d/x.jpg" % n).st_ctime_ns
                    for n in range(2)}) == 2:
                self.skipTest("they differ in their ctime here")

            def ids(d):
                return {c["path"]: p["id"] for p in
                        d.photo("--json", "list").json for c in p["copies"]}
            d = mesh.start(f)
            d.rested()
            want = [photo_id(x)[:16].hex() for x in data]
            self.assertEqual(ids(d), {"0/x.jpg": want[1], "1/x.jpg": want[0]})
            d.end()
            # Their folders: that leaves the times of the files alone.
            self.exchange(f + "/0", f + "/1")
            d = mesh.start(f)
            wait_until(lambda: scanned(d), "the scan")
            self.assertEqual(ids(d), {"0/x.jpg": want[0], "1/x.jpg": want[1]})

    def test_directory_for_a_file(self):
        """a directory that takes the place of a file in one step, and back"""
        with Mesh() as mesh:
            f, d = self.start(mesh, 4)
            write(f + "/trip/a.jpg", picture(5))
            follows(d, f, "the folder")
            for _ in range(2):
                self.exchange(f + "/0.jpg", f + "/trip")
                follows(d, f, "the exchange")

    def test_half_copied(self):
        """a slow copy is one record, the right one, when it is closed"""
        with Mesh() as mesh:
            f, d = self.start(mesh, 1)
            data = picture(7) * 8
            with open(f + "/slow.jpg", "wb") as out:
                for at in range(0, len(data), len(data) // 10):
                    out.write(data[at:at + len(data) // 10])
                    out.flush()
                    time.sleep(0.3)
                    self.assertEqual(names(d), ["0.jpg"])
            follows(d, f, "the whole file")
            self.assertIn(len(data), [p["size"] for p in d.photo(
                "--json", "list", "slow").json])
            self.assertEqual(problems(d), {})

    def test_never_closed(self):
        """what is written and not closed is taken when it has been quiet"""
        with Mesh() as mesh:
            f, d = self.start(mesh, 1)
            with open(f + "/open.jpg", "wb") as out:
                out.write(picture(7))
                out.flush()
                follows(d, f, "the file that stays open")

    def test_writer_loop(self):
        """a file rewritten again and again ends with its last content"""
        with Mesh() as mesh:
            f, d = self.start(mesh, 1)
            b = mesh.start(mesh.folder("bob"))
            for n in range(200):
                write(f + "/busy.jpg", picture(n) * (n % 7 + 1))
                if n % 3 == 0:
                    write(f + "/.tmp", picture(n) * 2)
                    os.rename(f + "/.tmp", f + "/saved.jpg")
            size = {n: os.path.getsize(f + "/" + n) for n in os.listdir(f)}
            wait_until(lambda: {p["name"]: p["size"] for p in b.photo(
                "--json", "list").json} == size, "the last contents")
            mesh.settle([d, b])

    def test_links_and_pipes(self):
        """hard links are listed; links, pipes and hidden files are not"""
        with Mesh() as mesh:
            f, d = self.start(mesh, 2)
            os.link(f + "/0.jpg", f + "/hard.jpg")
            os.symlink("0.jpg", f + "/soft.jpg")
            os.symlink(".", f + "/loop")
            os.mkfifo(f + "/pipe.jpg")
            write(f + "/.hidden.jpg", picture(5))
            write(f + "/.dir/x.jpg", picture(6))
            write(f + "/new\nline.jpg", picture(7))
            wait_until(lambda: names(d) == ["0.jpg", "1.jpg", "hard.jpg",
                                            "new\nline.jpg"], "the list")
            os.unlink(f + "/0.jpg")
            os.symlink("1.jpg", f + "/0.jpg")
            wait_until(lambda: names(d) == ["1.jpg", "hard.jpg",
                                            "new\nline.jpg"],
                       "the file replaced by a link to vanish")

    def test_hard_link_written_to(self):
        """written to by one of its names: the others are looked at, too"""
        with Mesh() as mesh:
            f, d = self.start(mesh, 3)
            os.mkdir(f + "/sub")
            for name in ("second.jpg", "sub/third.jpg"):
                os.link(f + "/0.jpg", f + "/" + name)
            follows(d, f, "three names")
            d.rested()

            def ids():
                return {c["path"]: p["id"] for p in
                        d.photo("--json", "list").json for c in p["copies"]}
            for n, name in enumerate(("0.jpg", "sub/third.jpg")):
                data = picture(500 + n)
                with open(os.path.join(f, name), "r+b") as out:
                    out.truncate()
                    out.write(data)
                want = photo_id(data)[:16].hex()
                wait_until(lambda: [ids()[x] for x in (
                    "0.jpg", "second.jpg", "sub/third.jpg")] == [want] * 3,
                    "all three names to follow")

    def test_permissions_come_back(self):
        """chmod is seen: unreadable is a problem, readable again a photo"""
        with Mesh(unprivileged=True) as mesh:
            f, d = self.start(mesh, 2)
            mesh.give(f + "/0.jpg")
            write(f + "/closed.jpg", picture(9))
            os.chmod(f + "/closed.jpg", 0)
            wait_until(lambda: problems(d).get("closed.jpg") == "unreadable",
                       "the problem")
            os.chmod(f + "/closed.jpg", 0o644)
            follows(d, f, "the readable file")
            wait_until(lambda: not problems(d), "the problem to go")

    def test_brake(self):
        """too much gone at once is offline, until back or accepted"""
        with Mesh() as mesh:
            f, a = self.start(mesh, 3)
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
            self.hooked(mesh)
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
            f, d = self.start(mesh, 3)
            for n in range(3):
                os.unlink(f + "/%d.jpg" % n)
            wait_until(lambda: state(d) == "offline", "the brake")
            self.assertEqual(len(names(d)), 3)
            self.assertEqual(d.photo("rescan", "--accept-missing").code, 0)
            self.assertEqual(names(d), [])

    def test_to_and_fro(self):
        """renamed to and fro: what is back is not gone, nor gone twice"""
        with Mesh() as mesh:
            f, d = self.start(mesh, 2)
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
            f, d = self.start(mesh, 3)
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
            f, d = self.start(mesh, 3)
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

    def test_overlapping_roots(self):
        """moved into a folder that is part of another one: found in both"""
        def places(d):
            return sorted((c["root"], c["path"]) for p in
                          d.photo("--json", "list").json for c in p["copies"])
        with Mesh() as mesh:
            all = mesh.folder("all")
            os.mkdir(all + "/sub")
            write(all + "/a.jpg", picture(1))
            os.mkdir(all + "/trip")
            write(all + "/trip/b.jpg", picture(2))
            d = mesh.start([all, all + "/sub"])
            wait_until(lambda: scanned(d) and places(d) == [
                ("all", "a.jpg"), ("all", "trip/b.jpg")], "the scan")
            os.rename(all + "/a.jpg", all + "/sub/a.jpg")
            wait_until(lambda: places(d) == [
                ("all", "sub/a.jpg"), ("all", "trip/b.jpg"),
                ("sub", "a.jpg")], "it to be in both")
            os.rename(all + "/trip", all + "/sub/trip")
            wait_until(lambda: places(d) == [
                ("all", "sub/a.jpg"), ("all", "sub/trip/b.jpg"),
                ("sub", "a.jpg"), ("sub", "trip/b.jpg")], "all of the trip")
            os.rename(all + "/sub/trip", all + "/trip")
            os.rename(all + "/sub/a.jpg", all + "/a.jpg")
            wait_until(lambda: places(d) == [
                ("all", "a.jpg"), ("all", "trip/b.jpg")], "it to leave one")

    def test_moved_by_copying(self):
        """copied to another folder of the daemon and removed: not offline"""
        with Mesh() as mesh:
            one, two = mesh.folder("one"), mesh.folder("two")
            for n in range(4):
                write(one + "/%d.jpg" % n, picture(n))
            d = mesh.start([one, two])
            wait_until(lambda: scanned(d) and len(names(d)) == 4, "the scan")
            for n in range(4):
                write(two + "/%d.jpg" % n, picture(n))
            wait_until(lambda: status(d)["copies"] == 8, "the copies")
            for n in range(4):
                os.unlink(one + "/%d.jpg" % n)
            wait_until(lambda: status(d)["copies"] == 4, "what was removed "
                       "to go, for it lies in the other folder")
            self.assertEqual(problems(d), {})

    def test_folder_comes_back(self):
        """a folder away is offline at once, and back without being asked"""
        with Mesh() as mesh:
            f, d = self.start(mesh, 4)
            before = d.rested()
            os.rename(f, f + ".away")
            wait_until(lambda: state(d) == "offline", "offline")
            self.assertEqual(len(names(d)), 4)
            os.rename(f + ".away", f)
            wait_until(lambda: state(d) == "idle", "online")
            write(f + "/new.jpg", picture(9))
            follows(d, f, "it to be watched again")
            self.assertLessEqual(read_files(d), before + 1)

    def mount(self, *argv):
        return subprocess.run(["mount", *argv], stderr=subprocess.DEVNULL
                              ).returncode == 0

    def test_mount_point_empty(self):
        """a mount point that comes up empty is offline, and reads nothing"""
        with Mesh() as mesh:
            f, real = mesh.folder("alice"), mesh.folder("real")
            for n in range(5):
                write(real + "/%d.jpg" % n, picture(n))
            if not self.mount("--bind", real, f):
                self.skipTest("mounting is not permitted here")
            try:
                d = mesh.start(f)
                wait_until(lambda: scanned(d), "the scan")
                before = d.rested()
                subprocess.run(["umount", f], check=True)
                wait_until(lambda: state(d) == "offline", "offline")
                self.assertEqual(len(names(d)), 5)
                self.assertTrue(self.mount("--bind", real, f))
                self.assertEqual(d.photo("rescan").code, 0)
                wait_until(lambda: state(d) == "idle", "online")
                self.assertEqual(len(names(d)), 5)
                self.assertEqual(read_files(d), before)
            finally:
                subprocess.run(["umount", f], check=False)

    def test_other_device_below(self):
        """what is mounted below is left out; what it hides is not gone"""
        with Mesh() as mesh:
            f, d = self.start(mesh, 2)
            write(f + "/sub/below.jpg", picture(7))
            follows(d, f, "the file below")
            if not self.mount("-t", "tmpfs", "none", f + "/sub"):
                self.skipTest("mounting is not permitted here")
            try:
                write(f + "/sub/stranger.jpg", picture(8))
                self.assertEqual(d.photo("rescan").code, 0)
                self.assertEqual(names(d), ["0.jpg", "1.jpg",
                                            "sub/below.jpg"])
                self.assertIn("another disk", d.log())
            finally:
                subprocess.run(["umount", f + "/sub"], check=False)
            self.assertEqual(d.photo("rescan").code, 0)
            follows(d, f, "the file that was hidden")

    def test_other_device_beside(self):
        """what is mounted below, given as a folder too, is a root of its own
        """
        with Mesh() as mesh:
            f = mesh.folder("alice")
            write(f + "/0.jpg", picture(0))
            os.mkdir(f + "/disk")
            if not self.mount("-t", "tmpfs", "none", f + "/disk"):
                self.skipTest("mounting is not permitted here")
            try:
                write(f + "/disk/1.jpg", picture(1))
                d = mesh.start([f, f + "/disk"])
                wait_until(lambda: scanned(d), "the scan")

                def places():
                    return sorted((c["root"], c["path"], c["online"])
                                  for p in d.photo("--json", "list").json
                                  for c in p["copies"])
                self.assertEqual(places(), [("alice", "0.jpg", True),
                                            ("disk", "1.jpg", True)])
                subprocess.run(["umount", f + "/disk"], check=True)
                wait_until(lambda: places() == [("alice", "0.jpg", True),
                                                ("disk", "1.jpg", False)],
                           "that one, and no other, to be offline")
            finally:
                subprocess.run(["umount", f + "/disk"], check=False,
                               stderr=subprocess.DEVNULL)

    def test_inode_of_another_disk(self):
        """inodes of two disks have the same numbers: no photo for another"""
        with Mesh() as mesh:
            one, two = mesh.folder("one"), mesh.folder("two")
            data = {x: picture(n).ljust(9000, b".")
                    for n, x in enumerate((one, two))}
            for x in (one, two):
                if not self.mount("-t", "tmpfs", "none", x):
                    self.skipTest("mounting is not permitted here")
                self.addCleanup(subprocess.run, ["umount", "-l", x],
                                check=False)
                for n in range(8):
                    write(x + "/.%d" % n, data[x])
                    os.utime(x + "/.%d" % n, (1600000000, 1600000000))
            # Both were born before the last that was done to this one.
            os.chmod(one + "/.3", 0o640)
            os.rename(one + "/.3", one + "/a.jpg")
            d = mesh.start([one, two])
            wait_until(lambda: scanned(d) and len(names(d)) == 1, "the scan")
            d.rested()
            like, = [n for n in os.listdir(two) if os.stat(
                two + "/" + n).st_ino == os.stat(one + "/a.jpg").st_ino]
            os.rename(two + "/" + like, two + "/b.jpg")
            wait_until(lambda: len(names(d)) == 2, "the other one")
            self.assertEqual(
                {c["path"]: p["id"] for p in d.photo("--json", "list").json
                 for c in p["copies"]},
                {"a.jpg": photo_id(data[one])[:16].hex(),
                 "b.jpg": photo_id(data[two])[:16].hex()})

    def test_ctime_alone(self):
        """the ctime alone has changed: read once more, and listed all the time
        """
        with Mesh() as mesh:
            f, d = self.start(mesh, 5)
            before = d.rested()
            events = Events(mesh, d)
            os.chmod(f + "/0.jpg", 0o640)
            wait_until(lambda: read_files(d) == before + 1, "it to be read")
            # Other bytes, with the time of the former ones put back.
            st = os.stat(f + "/1.jpg")
            data = picture(1000)[:st.st_size].ljust(st.st_size, b"x")
            with open(f + "/1.jpg", "r+b") as out:
                out.write(data)
            os.utime(f + "/1.jpg", ns=(st.st_atime_ns, st.st_mtime_ns))

            def id_of(name):
                return [p["id"] for p in d.photo("--json", "list").json
                        if p["name"] == name]
            wait_until(lambda: id_of("1.jpg") == [photo_id(data)[:16].hex()],
                       "what it is now")
            # And while nobody looks.
            d.rested()
            removed = len(events.removed())
            self.assertLessEqual(removed, 1)  # the former 1.jpg
            before = set(names(d))
            d.end()
            for name in before:
                os.chmod(f + "/" + name, 0o600)
            # Half a second for each; from the first answer to the last.
            d = mesh.start(f, "--read-rate", "%d" % (2 * st.st_size))
            answers = 0
            while not scanned(d):
                self.assertEqual(set(names(d)), before)
                answers += 1
            self.assertGreater(answers, 1)
            self.assertEqual(set(names(d)), before)
            self.assertGreaterEqual(read_files(d), len(before))

    def hooked(self, mesh):
        if b"PHOTOMESH_FS_TYPE" not in open(mesh.photod, "rb").read():
            self.skipTest("a build without test hooks")

    def test_network_is_polled(self):
        """a network file system is looked at from time to time"""
        with Mesh() as mesh:
            self.hooked(mesh)
            f, d = self.start(mesh, 2, env={"PHOTOMESH_FS_TYPE": "0x6969",
                                            "PHOTOMESH_POLL_MS": "200"})
            write(f + "/sub/new.jpg", picture(9))
            follows(d, f, "the new file")
            os.unlink(f + "/0.jpg")
            follows(d, f, "the removed file to vanish")
            self.assertIn("does not tell of changes", d.log())

    def test_no_way_of_watching(self):
        """a system that watches nothing: said once, and polled"""
        with Mesh(within=["unshare", "-Ur", "sh", "-c",
                          "echo 0 >/proc/sys/user/max_inotify_instances"
                          " && exec \"$0\" \"$@\""]) as mesh:
            self.hooked(mesh)
            if mesh.run(["true"]).returncode != 0:
                self.skipTest("no user namespace to be had")
            f, d = self.start(mesh, 2, env={"PHOTOMESH_POLL_MS": "200"})
            write(f + "/sub/new.jpg", picture(9))
            follows(d, f, "the new file")
            os.unlink(f + "/0.jpg")
            follows(d, f, "the removed file to vanish")
            self.assertEqual(d.log().count("folders cannot be watched"), 1)

    def test_inode_used_again(self):
        """one goes, one comes on its inode, as large and as old: it is read"""
        with Mesh() as mesh:
            f, d = self.start(mesh, 5)
            d.rested()
            used = 0
            for n in range(5):
                gone = "%s/%d.jpg" % (f, n)
                st = os.stat(gone)
                os.unlink(gone)
                # As raw pictures are that were copied from a card.
                new = f + "/.new.jpg"
                data = picture(1000 + n)[:st.st_size].ljust(st.st_size, b"x")
                write(new, data)
                os.utime(new, ns=(st.st_atime_ns, st.st_mtime_ns))
                used += os.stat(new).st_ino == st.st_ino
                os.rename(new, "%s/new-%d.jpg" % (f, n))
                follows(d, f, "the new one")
                ids = {c["path"]: p["id"] for p in
                       d.photo("--json", "list").json for c in p["copies"]}
                self.assertEqual(ids["new-%d.jpg" % n],
                                 photo_id(data)[:16].hex())
            if not used:
                self.skipTest("no inode was used again")

    def test_inode_used_again_earlier(self):
        """the same after the clock was set back: born before the last that is
        known of its inode, and another file all the same"""
        with Mesh() as mesh:
            f, d = self.start(mesh, 3)
            d.rested()
            d.end()
            # As it was recorded while the clock was an hour ahead.
            top = os.path.join(mesh.env["XDG_STATE_HOME"], "photomesh")
            mine, = os.listdir(top)
            with contextlib.closing(sqlite3.connect(os.path.join(
                    top, mine, "catalogue.db"))) as db, db:
                db.execute("UPDATE known SET ctime = ctime + 3600000000000")
            for n in range(3):
                st = os.stat("%s/%d.jpg" % (f, n))
                data = picture(1000 + n)[:st.st_size].ljust(st.st_size, b"x")
                with open("%s/%d.jpg" % (f, n), "r+b") as out:
                    out.write(data)
                os.utime(out.name, ns=(st.st_atime_ns, st.st_mtime_ns))
                os.rename(out.name, "%s/new-%d.jpg" % (f, n))
            d = mesh.start(f)
            wait_until(lambda: scanned(d), "the scan")
            follows(d, f, "the new ones")
            ids = {c["path"]: p["id"] for p in
                   d.photo("--json", "list").json for c in p["copies"]}
            for n in range(3):
                with open("%s/new-%d.jpg" % (f, n), "rb") as new:
                    self.assertEqual(ids["new-%d.jpg" % n],
                                     photo_id(new.read())[:16].hex())

    def test_no_stable_inodes(self):
        """without stable inodes: by path, size and time; renamed: read"""
        with Mesh() as mesh:
            self.hooked(mesh)
            fat = {"PHOTOMESH_FS_TYPE": "0x4d44"}
            f, d = self.start(mesh, 6, env=fat)
            d.rested()
            d.end()
            # Other inodes, as after another mount.
            for n in range(6):
                path = f + "/%d.jpg" % n
                st = os.stat(path)
                shutil.copyfile(path, path + ".new")
                os.utime(path + ".new", ns=(st.st_atime_ns, st.st_mtime_ns))
                os.rename(path + ".new", path)
            d = mesh.start(f, env=fat)
            wait_until(lambda: scanned(d), "the scan")
            self.assertEqual(len(names(d)), 6)
            self.assertEqual(read_files(d), 0)
            os.rename(f + "/0.jpg", f + "/renamed.jpg")
            follows(d, f, "the renamed file")
            wait_until(lambda: read_files(d) >= 1, "it to have been read")
            # Renamed while nobody looks: each is read, and none twice.
            d.rested()
            d.end()
            os.mkdir(f + "/sub")
            for n in range(1, 6):
                os.rename(f + "/%d.jpg" % n, f + "/sub/%d.jpg" % n)
            d = mesh.start(f, env=fat)
            wait_until(lambda: scanned(d), "the scan")
            follows(d, f, "the renamed files")
            self.assertEqual(read_files(d), 5)

    def test_no_stable_inodes_renumbered(self):
        """without stable inodes, of one size and one time: what is renamed
        onto another, swapped or written again is read"""
        with Mesh() as mesh:
            self.hooked(mesh)
            f = mesh.folder("alice")
            data = {n: picture(n).ljust(2000, b".") for n in range(6)}

            def put(n, path):
                write(path, data[n])
                os.utime(path, (1600000000, 1600000000))
            for n in range(5):
                put(n, f + "/%d/%d.jpg" % (n // 3, n))
            d = mesh.start(f, env={"PHOTOMESH_FS_TYPE": "0x4d44"})
            d.rested()

            def listed(**paths):
                want = {k[1:] + ".jpg": photo_id(data[n])[:16].hex()
                        for k, n in paths.items()}
                wait_until(lambda: {os.path.basename(c["path"]): p["id"]
                                    for p in d.photo("--json", "list").json
                                    for c in p["copies"]} == want,
                           "what lies there to be listed")
            listed(_0=0, _1=1, _2=2, _3=3, _4=4)
            os.rename(f + "/0/1.jpg", f + "/0/0.jpg")
            listed(_0=1, _2=2, _3=3, _4=4)
            for a, b in (("0", "x"), ("2", "0"), ("x", "2")):
                os.rename(f + "/0/%s.jpg" % a, f + "/0/%s.jpg" % b)
            listed(_0=2, _2=1, _3=3, _4=4)
            put(5, f + "/1/4.jpg")
            listed(_0=2, _2=1, _3=3, _4=5)
            # A whole folder in the place of another.
            put(0, f + "/.new/3.jpg")
            put(4, f + "/.new/4.jpg")
            os.rename(f + "/1", f + "/.old")
            os.rename(f + "/.new", f + "/1")
            listed(_0=2, _2=1, _3=0, _4=4)
            # And what nobody has told of: in a camera, on another machine.
            d.rested()
            d.end()
            os.rename(f + "/0/2.jpg", f + "/0/0.jpg")
            os.rename(f + "/1/4.jpg", f + "/1/3.jpg")
            d = mesh.start(f, env={"PHOTOMESH_FS_TYPE": "0x4d44"})
            listed(_0=1, _3=4)

    def test_too_many_watches(self):
        """no more watches to be had: one clear line, and polling"""
        with Mesh() as mesh:
            self.hooked(mesh)
            f = mesh.folder("alice")
            for n in range(20):
                write(f + "/%d/%d.jpg" % (n, n), picture(n))
            d = mesh.start(f, env={"PHOTOMESH_WATCHES_MAX": "5",
                                   "PHOTOMESH_POLL_MS": "200"})
            wait_until(lambda: scanned(d), "the scan")
            write(f + "/19/new.jpg", picture(99))
            write(f + "/0/new.jpg", picture(98))
            follows(d, f, "the new files")
            self.assertEqual(d.log().count("max_user_watches"), 1)


if __name__ == "__main__":
    tap.main()
