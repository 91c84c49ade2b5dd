"""Watching: what changes on the disk is in everybody's list at once.

Files and folders come, grow, move, are renamed and vanish under a running
daemon that is never asked to rescan; the list must follow the disk, read
nothing twice, and not take a missing disk for a deletion.
"""
import json
import ctypes
import os
import shutil
import subprocess
import sys
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


def begin(mesh, count=0, name="alice", **kw):
    f = mesh.folder(name)
    for n in range(count):
        write(f + "/%d.jpg" % n, picture(n))
    d = mesh.start(f, **kw)
    wait_until(lambda: scanned(d), "the first scan")
    return f, d


def hooked(test, mesh):
    if b"PHOTOMESH_FS_TYPE" not in open(mesh.photod, "rb").read():
        test.skipTest("a build without test hooks")


class Watch(unittest.TestCase):
    def test_drop_is_listed_elsewhere(self):
        """a photo dropped, changed, removed: another daemon's list follows"""
        with Mesh() as mesh:
            f, a = begin(mesh, 3)
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
            f, d = begin(mesh)
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
            f, d = begin(mesh, 5)
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
            f, d = begin(mesh, 5)
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
            f, d = begin(mesh, 1)
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
            f, d = begin(mesh, 4)
            write(f + "/trip/a.jpg", picture(5))
            follows(d, f, "the folder")
            for _ in range(2):
                self.exchange(f + "/0.jpg", f + "/trip")
                follows(d, f, "the exchange")

    def test_half_copied(self):
        """a slow copy is one record, the right one, when it is closed"""
        with Mesh() as mesh:
            f, d = begin(mesh, 1)
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
            f, d = begin(mesh, 1)
            with open(f + "/open.jpg", "wb") as out:
                out.write(picture(7))
                out.flush()
                follows(d, f, "the file that stays open")

    def test_writer_loop(self):
        """a file rewritten again and again ends with its last content"""
        with Mesh() as mesh:
            f, d = begin(mesh, 1)
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
            f, d = begin(mesh, 2)
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
            f, d = begin(mesh, 3)
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
            f, d = begin(mesh, 2)
            mesh.give(f + "/0.jpg")
            write(f + "/closed.jpg", picture(9))
            os.chmod(f + "/closed.jpg", 0)
            wait_until(lambda: problems(d).get("closed.jpg") == "unreadable",
                       "the problem")
            os.chmod(f + "/closed.jpg", 0o644)
            follows(d, f, "the readable file")
            wait_until(lambda: not problems(d), "the problem to go")

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

    def test_ctime_alone(self):
        """the ctime alone has changed: read once more, and listed all the time
        """
        with Mesh() as mesh:
            f, d = begin(mesh, 5)
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


if __name__ == "__main__":
    tap.main()
