"""The disk at its worst: thousands of files at once, renamed, rewritten while
they are read and fetched; odd names; equal ids; a full disk.

What a table of pitfalls would call "files", beyond what test_files.py and
test_watch.py show of every day.  PM_DISK_FILES makes the large ones larger.
"""
import contextlib
import os
import random
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
sys.path.insert(0, os.path.dirname(__file__))
import tap  # noqa: E402
from channel import Channel, photo_id  # noqa: E402
from mesh import Mesh, wait_until  # noqa: E402
from talk import Client  # noqa: E402
from test_files import names, scanned, write  # noqa: E402
from test_watch import follows, on_disk, problems, read_files, status  # noqa: E402

FILES = int(os.environ.get("PM_DISK_FILES", "2000"))
LONG = 30 + FILES / 50


def gif(n, size=40):
    return (b"GIF89a%d" % n).ljust(size, b".")


def film(size, seed):
    return b"\xff\xd8\xff\xe0" + random.Random(seed).randbytes(size - 6) + \
        b"\xff\xd9"


def crafted(one, other, size=4096):
    """Equal sums give equal ids.  XXH3 multiplies, in each of its lanes, what
    it reads with a key that everybody knows, low half by high half: where the
    low half is the key's, that is nothing, and what remains is added up.
    """
    data = bytearray(film(size, 1))
    for at, key, high in ((128, "ded46de9", one), (192, "7240a4a4", other)):
        data[at:at + 8] = bytes.fromhex(key) + high.to_bytes(4, "little")
    return bytes(data)


def hex_id(data):
    return photo_id(data)[:16].hex()


def catalogue(mesh, name):
    state = os.path.join(mesh.env["XDG_STATE_HOME"], "photomesh")
    mine = [d for d in os.listdir(state) if d.startswith(name)]
    return os.path.join(state, mine[0], "catalogue.db")


class Fewest(threading.Thread):
    """The fewest photos that a daemon has had, asked without end."""

    def __init__(self, d):
        super().__init__(daemon=True)
        self.d, self.fewest, self.asked, self.ended = d, 1 << 60, 0, False
        self.start()

    def run(self):
        while not self.ended:
            self.fewest = min(self.fewest, status(self.d)["photos"])
            self.asked += 1

    def end(self):
        self.ended = True
        self.join()
        return self.fewest


class Disk(unittest.TestCase):
    def setUp(self):
        self.mesh = Mesh()
        self.mesh.__enter__()
        self.addCleanup(self.mesh.__exit__, None, None, None)

    def mount(self, *argv):
        if subprocess.run(["mount", *argv],
                          stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("mounting is not permitted here")

    def get(self, d, which, folder):
        return self.mesh.run([self.mesh.photo_path, "-p", str(d.port), "get",
                              which, "-o", folder + "/"])

    def test_thousands_renamed(self):
        """a folder of thousands renamed: none read, none missing meanwhile"""
        f = self.mesh.folder("alice")
        for n in range(FILES):
            write(f + "/trip/%d/%d.gif" % (n % 7, n), gif(n))
        write(f + "/stays.gif", gif(FILES))
        # What is as young as that when it is read is read once more.
        wait_until(lambda: time.time() > os.stat(f + "/stays.gif").st_ctime +
                   0.1, "the files to be no longer new")
        a, b = self.mesh.start(f), self.mesh.start(self.mesh.folder("bob"))
        self.mesh.settle([a, b], FILES + 1, LONG)
        before = read_files(a)
        fewest = [Fewest(d) for d in (a, b)]
        os.rename(f + "/trip", f + "/journey")
        follows(a, f, "the renamed folder", LONG)
        follows(b, f, "the renamed folder elsewhere", LONG)
        # And every file by itself: that changes the ctime of each.
        for here, _, files in os.walk(f + "/journey"):
            for name in files:
                os.rename(here + "/" + name, here + "/x" + name)
        follows(b, f, "the renamed files elsewhere", LONG)
        for w in fewest:
            self.assertEqual(w.end(), FILES + 1)
            self.assertGreater(w.asked, 2)
        self.assertEqual(read_files(a), before)
        self.mesh.settle([a, b], FILES + 1, LONG)

    def test_first_scan_killed(self):
        """kill -9 in a first scan: only what was not recorded is read"""
        f = self.mesh.folder("alice")
        for n in range(FILES):
            write(f + "/%d/%d.gif" % (n % 9, n), gif(n, 4000))
        self.mesh.guard(f)
        done = 0
        for part in (0.2, 0.5, 0.8):
            # Ten seconds for all of it.
            d = self.mesh.start(f, "--read-rate", "%d" % (FILES * 400))
            wait_until(lambda: status(d)["photos"] >= part * FILES,
                       "a part of the scan", LONG)
            self.assertFalse(scanned(d))
            d.kill()
            with tempfile.TemporaryDirectory() as copy:
                for end in ("", "-wal"):
                    shutil.copy(catalogue(self.mesh, "alice") + end,
                                copy + "/db" + end)
                with sqlite3.connect(copy + "/db") as db:
                    (done,), = db.execute(
                        "SELECT count(*) FROM known WHERE verdict & 15 = 1"
                        " AND ctime > 0")
                db.close()
            self.assertGreaterEqual(done, int(part * FILES) - 50)
        d = self.mesh.start(f)
        wait_until(lambda: scanned(d), "the rest of the scan", LONG)
        self.assertEqual(status(d)["photos"], FILES)
        self.assertEqual(read_files(d), FILES - done)
        self.assertEqual(names(d), on_disk(f))

    def test_thousands_at_once(self):
        """more at once than can be told: everything is looked at again"""
        with open("/proc/sys/fs/inotify/max_queued_events") as limit:
            queue = int(limit.read())
        f = self.mesh.folder("alice")
        write(f + "/first.gif", gif(0))
        for n in range(11):
            os.mkdir(f + "/%d" % n)
        d = self.mesh.start(f)
        wait_until(lambda: scanned(d), "the first scan")
        # While it cannot listen, what is told of piles up.
        d.stop()
        for n in range(2 * FILES):
            write(f + "/%d/%d.gif" % (n % 11, n), gif(n + 1))
        for turn in range(1 + queue // (2 * FILES)):
            for n in range(2 * FILES):
                os.utime(f + "/%d/%d.gif" % (n % 11, n))
        write(f + "/11/12/13/last.gif", gif(2 * FILES + 1))
        write(f + "/first.gif", gif(2 * FILES + 2))
        shutil.rmtree(f + "/10")
        d.go_on()
        follows(d, f, "all of them", LONG)
        self.assertIn("more has changed than could be told", d.log())
        # It is not deaf after that.
        write(f + "/11/12/late.gif", gif(2 * FILES + 3))
        follows(d, f, "one more", LONG)

    def test_rewritten_while_got(self):
        """a file rewritten all the time: what is got is whole, or is not got
        """
        f, g = self.mesh.folder("alice"), self.mesh.folder("bob")
        write(f + "/steady.jpg", film(1000, 1))
        a, b = self.mesh.start(f), self.mesh.start(g)
        self.mesh.settle([a, b], 1)
        versions, stop = {hex_id(film(1000, 1))}, threading.Event()

        def rewrite():
            for n in range(1000000):
                if stop.is_set():
                    return
                data = film(300000, 100 + n)
                versions.add(hex_id(data))
                if n % 3 == 0:
                    write(f + "/.tmp", data)
                    os.rename(f + "/.tmp", f + "/saved.jpg")
                elif n % 3 == 1:
                    write(f + "/busy.jpg", data)
                else:
                    with open(f + "/busy.jpg", "r+b") as out:
                        out.write(data)
                # In bursts, so that there is something to be got as well.
                time.sleep(0.02 * (n % 5) if n % 10 else 1.5)
        writer = threading.Thread(target=rewrite, daemon=True)
        writer.start()
        got = failed = 0
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and (got < 10 or failed < 2):
            for photo in b.photo("--json", "list").json:
                if photo["name"] == "steady.jpg":
                    continue
                if photo["name"] == "saved.jpg":
                    self.assertIn(photo["id"], versions)
                out = os.path.join(self.mesh.dir, "got-%d" % got)
                os.mkdir(out)
                done = self.get(b, photo["id"], out)
                files = os.listdir(out)
                if done.returncode != 0:
                    # 9: changed within a tick; the bytes gave it away.
                    self.assertIn(done.returncode, (1, 3, 6, 9),
                                  done.stderr)
                    self.assertEqual([n for n in files if n[0] != "."], [])
                    shutil.rmtree(out)
                    failed += 1
                    continue
                with open(os.path.join(out, files[0]), "rb") as file:
                    got_id = hex_id(file.read())
                self.assertEqual(got_id, photo["id"])
                self.assertIn(got_id, versions)
                got += 1
        stop.set()
        writer.join()
        self.assertGreaterEqual(got, 10)
        self.assertGreaterEqual(failed, 2)
        self.mesh.guard(f)
        last = set()
        for name in os.listdir(f):
            with open(f + "/" + name, "rb") as file:
                last.add(hex_id(file.read()))
        wait_until(lambda: {p["id"] for p in b.photo("--json", "list").json}
                   == last, "the last contents and no others")

    def test_names_fetched(self):
        """names of 255 bytes, of any bytes, paths of 4096: listed, fetched"""
        f = self.mesh.folder("alice")
        odd = [b"latin-\xe9\xff.jpg", b"new\nline.jpg", b"esc\x1b[31m.jpg",
               b"n" * 251 + b".jpg", b"\xc3\xa9" * 125 + b".jpg",
               b" . .jpg", b"a\\b'c\"d.jpg", b"A.jpg", b"a.jpg"]
        long = [b"/".join([b"d" * 200] * 3) + b"/deep.jpg"]
        for total in (4095, 4096):
            # Parts of 240 and a slash each; the last one fills up.
            parts = [b"%d" % total + b"p" * 236] * 16
            parts.append(b"q" * (total - 16 * 241 - 4) + b".jpg")
            long.append(b"/".join(parts))
        want = {}
        for n, path in enumerate(odd + long):
            want[path] = film(5000, n)
            self.write_at(f, path, want[path])
        self.write_at(f, b"/".join([b"t" * 255] * 17) + b"/x.jpg", film(9, 1))
        a, b = self.mesh.start(f), self.mesh.start(self.mesh.folder("bob"))
        self.mesh.settle([a, b], len(want))
        listed = {bytes.fromhex(c["path_hex"]) if c.get("path_hex")
                  else c["path"].encode(): p["id"]
                  for p in b.photo("--json", "list").json
                  for c in p["copies"]}
        self.assertEqual(listed, {k: hex_id(v) for k, v in want.items()})
        # One is beyond what can be named: the log has it.
        self.assertNotIn("name", problems(b).values())
        self.assertIn("path is longer", a.log())
        self.assertEqual(len(b.photo("list").lines), len(want))
        with Channel(self.mesh, a.port) as c:
            for path, data in want.items():
                self.assertEqual(c.get(photo_id(data)), data, path[:20])
        out = os.path.join(self.mesh.dir, "got")
        os.mkdir(out)
        for path, data in want.items():
            self.assertEqual(self.get(b, hex_id(data), out).returncode, 0)
        here = {hex_id(open(os.path.join(out, n), "rb").read())
                for n in os.listdir(out)}
        self.assertEqual(here, {hex_id(v) for v in want.values()})

    def test_crafted_collision(self):
        """different bytes of one id: nothing goes, what is got is somebody's
        """
        a_bytes, b_bytes, c_bytes = (crafted(*x)
                                     for x in ((5, 9), (9, 5), (6, 8)))
        self.assertEqual(len({a_bytes, b_bytes, c_bytes}), 3)
        self.assertEqual(len({photo_id(x)
                              for x in (a_bytes, b_bytes, c_bytes)}), 1)
        folders = [self.mesh.folder(n) for n in ("alice", "bob", "carol")]
        write(folders[0] + "/a.jpg", a_bytes)
        write(folders[1] + "/b.jpg", b_bytes)
        card = self.mesh.folder("card")
        write(card + "/c.jpg", c_bytes)
        write(card + "/a.jpg", a_bytes)
        for folder in folders + [card]:
            self.mesh.guard(folder)  # nothing in them may change until the end
        a, b, c = (self.mesh.start(f) for f in folders)
        self.mesh.settle([a, b, c], 1)
        photo, = c.photo("--json", "list").json
        self.assertEqual(sorted(x["path"] for x in photo["copies"]),
                         ["a.jpg", "b.jpg"])
        for d, whose in ((a, {a_bytes}), (b, {b_bytes}),
                         (c, {a_bytes, b_bytes})):
            out = os.path.join(self.mesh.dir, "got-" + d.name)
            os.mkdir(out)
            self.assertEqual(self.get(d, photo["id"], out).returncode, 0)
            name, = os.listdir(out)
            with open(out + "/" + name, "rb") as got:
                self.assertIn(got.read(), whose)
        # Before a card is formatted the bytes themselves are asked for.
        held = c.photo("check", card + "/a.jpg")
        self.assertNotEqual(c.photo("check", "--copies", "2",
                                    card + "/a.jpg").code, 0, held)
        none = c.photo("check", card + "/c.jpg")
        self.assertNotEqual(none.code, 0, none)
        for d in (a, b, c):
            self.assertEqual(d.photo("rescan").code, 0)
            self.assertEqual(len(names(d)), 2)

    def test_disk_full(self):
        """no room for the database: said, all is served, and then caught up
        """
        os.mkdir(self.mesh.env["XDG_STATE_HOME"])
        f, g = self.mesh.folder("alice"), self.mesh.folder("bob")
        own = os.path.join(self.mesh.dir, "small")
        os.mkdir(own)
        self.mount("-t", "tmpfs", "-o", "size=16m", "none", own)
        self.addCleanup(subprocess.run, ["umount", "-l", own], check=False)
        for n in range(50):
            write(f + "/%d.gif" % n, gif(n))
        a = self.mesh.start(f, "--state", own + "/state")
        b = self.mesh.start(g)
        self.mesh.settle([a, b], 50)
        with open(own + "/junk", "wb", buffering=0) as junk:
            with self.assertRaises(OSError):
                while True:
                    junk.write(b"j" * 4096)
        for n in range(50, 1500):
            write(f + "/sub/%d-%s.gif" % (n, "n" * 100), gif(n))
        wait_until(lambda: re.search("No space left|disk (is )?full",
                                     a.log()), "it to be said")
        for n in range(5):
            listed = a.photo("--json", "list")
            self.assertEqual(listed.code, 0, listed)
            self.assertGreaterEqual(len(listed.lines), 50)
        self.assertEqual(status(b)["live"], 2)
        os.unlink(own + "/junk")
        follows(a, f, "what came meanwhile", 120)
        self.mesh.settle([a, b], 1500)
        # And the file is sound.
        a.end()
        with sqlite3.connect(own + "/state/catalogue.db") as db:
            self.assertEqual(db.execute("PRAGMA integrity_check").fetchall(),
                             [("ok",)])
        db.close()

    def test_disk_full_at_last(self):
        """the last thing found does not fit: it is not forgotten, though
        nothing else ever happens"""
        os.mkdir(self.mesh.env["XDG_STATE_HOME"])
        f, own = self.mesh.folder("alice"), os.path.join(self.mesh.dir, "small")
        os.mkdir(own)
        self.mount("-t", "tmpfs", "-o", "size=3m", "none", own)
        self.addCleanup(subprocess.run, ["umount", "-l", own], check=False)
        write(f + "/one.gif", gif(1))
        os.utime(f + "/one.gif", (1e9, 1e9))
        a = self.mesh.start(f, "--state", own + "/state",
                            env={"PHOTOMESH_BLOCK_MS": "5000"})

        def date():
            return [p["date"] for p in a.photo("--json", "list").json]
        follows(a, f, "the photo")
        wait_until(lambda: status(a)["scan"]["state"] == "idle", "its end")
        with open(own + "/junk", "wb", buffering=0) as junk:
            with self.assertRaises(OSError):
                while True:
                    junk.write(b"j" * 4096)
        # Looked at once, when it has been quiet for two seconds; and (with
        # test hooks) that it failed is heard when nobody waits for it.
        with open(self.mesh.photod, "rb") as program:
            if b"PHOTOMESH_BLOCK_MS" in program.read():
                a.process.send_signal(signal.SIGUSR2)
        os.utime(f + "/one.gif", (1.1e9, 1.1e9))
        wait_until(lambda: "cannot record what was found" in a.log(),
                   "it to be said")
        os.unlink(own + "/junk")
        wait_until(lambda: date() == ["2004-11-09T11:33:20Z"],
                   "the other date", 40)

    def test_disk_full_of_log(self):
        """the database's own log fills the disk: it is emptied, all goes on
        """
        os.mkdir(self.mesh.env["XDG_STATE_HOME"])
        f, own = self.mesh.folder("alice"), os.path.join(self.mesh.dir, "small")
        os.mkdir(own)
        self.mount("-t", "tmpfs", "-o", "size=3m", "none", own)
        self.addCleanup(subprocess.run, ["umount", "-l", own], check=False)
        a = self.mesh.start(f, "--state", own + "/state")
        wait_until(lambda: status(a)["scan"]["state"] == "idle", "the scan")
        # One by one: a transaction each, of some 100 KB.
        for n in range(100):
            write(f + "/%d.gif" % n, gif(n))
            if n % 10 == 9:
                wait_until(lambda: len(names(a)) == n + 1, "photo %d" % n)
        self.assertEqual(a.photo("verify").code, 0)

    def test_disk_full_behind_a_reader(self):
        """while somebody reads the log cannot be emptied: it leaves the room
        that the database needs to take it over, also for the next start"""
        os.mkdir(self.mesh.env["XDG_STATE_HOME"])
        f, own = self.mesh.folder("alice"), os.path.join(self.mesh.dir, "small")
        os.mkdir(own)
        self.mount("-t", "tmpfs", "-o", "size=4m", "none", own)
        self.addCleanup(subprocess.run, ["umount", "-l", own], check=False)
        for n in range(200):
            write(f + "/%d.gif" % n, gif(n))
        args = ["--state", own + "/state", "--decoders", "0"]
        a = self.mesh.start(f, *args)
        wait_until(lambda: len(names(a)) == 200, "the scan")
        log = own + "/state/catalogue.db-wal"
        reads = sqlite3.connect("file:%s?mode=ro" % log[:-4], uri=True)
        with contextlib.closing(reads):
            reads.execute("BEGIN")
            reads.execute("SELECT count(*) FROM photo").fetchone()
            turn = [0]

            def refused():
                """All is renamed to and fro until nothing is written."""
                turn[0] += 1
                for n in range(200):
                    one, other = ("%s/%d.gif" % (f, n), "%s/x%d.gif" % (f, n))
                    os.rename(*(one, other) if turn[0] % 2 else (other, one))
                return "leaves no room on the disk" in a.log()
            wait_until(refused, "the last room to be left alone", every=0.05)
            self.assertEqual(len(a.photo("list").lines), 200)
            a.kill()
            left = os.statvfs(own)
            self.assertGreater(left.f_bavail * left.f_frsize, 100000)
        b = self.mesh.start(f, *args, name="alice")
        follows(b, f, "all of them where they are")
        self.assertLess(os.path.getsize(log), 2000000)
        # While it runs, too.
        reads = sqlite3.connect("file:%s?mode=ro" % log[:-4], uri=True)
        a = b
        with contextlib.closing(reads):
            reads.execute("BEGIN")
            reads.execute("SELECT count(*) FROM photo").fetchone()
            wait_until(refused, "the last room to be left alone", every=0.05)
        follows(b, f, "all of them where they are")
        self.assertEqual(b.photo("verify").code, 0)

    def test_moved_without_descriptors(self):
        """too few descriptors to look where a file has gone: it stays listed
        """
        f = self.mesh.folder("alice")
        write(f + "/trip/deep/er/other.gif", gif(0))
        for n in range(5):
            write(f + "/%d.gif" % n, gif(n + 1))
        a = self.mesh.start(f)
        wait_until(lambda: len(names(a)) == 6, "all six")
        a.rested()

        def refusals():
            return len(re.findall("Too many open", a.log()))

        def numbers():
            return {int(n) for n in os.listdir("/proc/%d/fd" % a.pid)}

        def limit(spare):
            """Below it just so many are free, once all is at rest."""
            held = [numbers()]

            def steady():
                held.append(numbers())
                return len(held) > 5 and all(h == held[-1]
                                             for h in held[-5:])
            wait_until(steady, "its descriptors to be the same for a while",
                       every=0.05)
            return [n for n in range(4096)
                    if n not in held[-1]][spare - 1] + 1
        with Client(self.mesh, a.port) as c:
            c.status()
            old = resource.prlimit(a.pid, resource.RLIMIT_NOFILE)
            # Enough for the folder itself, but not for what is deep in it.
            for spare in (1, 2):
                before = refusals()
                resource.prlimit(a.pid, resource.RLIMIT_NOFILE,
                                 (limit(spare), old[1]))
                os.rename(f + "/%d.gif" % spare,
                          f + "/trip/deep/er/%d.gif" % spare)
                # Until it has tried and failed, and tried again.
                until = time.monotonic() + 4
                while time.monotonic() < until:
                    self.assertEqual(len(c.photos()), 6)
                    time.sleep(0.02)
                print("# %d to spare: %d refusals" % (spare,
                                                      refusals() - before))
                resource.prlimit(a.pid, resource.RLIMIT_NOFILE, old)
                wait_until(lambda: b"trip/deep/er/%d.gif" % spare in {
                    r[1] for _, rows in c.photos().values() for r in rows},
                    "where it is")
        self.assertGreater(refusals(), 1)

    def test_state_read_only(self):
        """a state directory that cannot be written: one sentence, exit 1"""
        f, state = self.mesh.folder("alice"), self.mesh.dir + "/own"
        write(f + "/a.gif", gif(1))
        self.mesh.guard(f)
        d = self.mesh.start(f, "--state", state)
        wait_until(lambda: scanned(d), "the scan")
        d.end()
        self.mount("--bind", state, state)
        self.addCleanup(subprocess.run, ["umount", "-l", state], check=False)
        self.mount("-o", "remount,bind,ro", state)
        done = self.mesh.run([self.mesh.photod, "-p",
                              str(self.mesh.base_port), "--state", state, f])
        self.assertEqual(done.returncode, 1, done)
        said = [x for x in done.stderr.decode().splitlines()
                if x.startswith("photod: ")]
        self.assertEqual(len(said), 1, done)
        self.assertIn("ead-only", said[0])

    def write_at(self, top, path, data):
        """However long the path is."""
        at = os.open(top, os.O_RDONLY)
        *folders, name = path.split(b"/")
        for part in folders:
            try:
                os.mkdir(part, dir_fd=at)
            except FileExistsError:
                pass
            to = os.open(part, os.O_RDONLY, dir_fd=at)
            os.close(at)
            at = to
        fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, dir_fd=at)
        os.write(fd, data)
        os.close(fd)
        os.close(at)


if __name__ == "__main__":
    tap.main()
