"""Files: what is taken in, what is left alone, what is remembered.

Odd trees, rescans, restarts and absent folders, always with the folders'
bytes, names, modes and times compared before and after.
"""
import json
import os
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from mesh import SAMPLE, Mesh, wait_until  # noqa: E402


def picture(n=0):
    with open(os.path.join(SAMPLE, "bob", "IMG_0044.jpg"), "rb") as f:
        return f.read() + b"%d" % n


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


def scanned(d):
    s = d.photo("--json", "status")
    return s.code == 0 and s.json[0]["scan"]["state"] != "scanning"


def names(d):
    return sorted(c["path"] for p in d.photo("--json", "list").json
                  for c in p["copies"])


def polite(d, thread):
    """How many threads of that name it has, all of low priority."""
    count = 0
    for t in os.listdir("/proc/%d/task" % d.pid):
        with open("/proc/%d/task/%s/stat" % (d.pid, t)) as s:
            name, fields = s.read().split("(", 1)[1].rsplit(")", 1)
        if name != thread:
            continue
        count += 1
        assert int(fields.split()[16]) >= 10, fields  # nice
        got = subprocess.run(["ionice", "-p", t], stdout=subprocess.PIPE,
                             check=True).stdout
        assert b"prio 7" in got, got
    return count


class Files(unittest.TestCase):
    def catalogue(self, mesh, name):
        state = os.path.join(mesh.env["XDG_STATE_HOME"], "photomesh")
        mine = [d for d in os.listdir(state) if d.startswith(name)]
        return os.path.join(state, mine[0], "catalogue.db")

    def test_who_touches_is_seen(self):
        """the tests themselves: whoever changes originals is told of"""
        with Mesh() as mesh:
            f = mesh.folder("alice")
            write(f + "/sub/a.jpg", picture(1))
            mesh.start(f)
            if not mesh.originals.watched():
                self.skipTest("nobody may ask the kernel who it was")
            for n, (what, how) in enumerate((
                    ("chmod 600 a.jpg", "a.jpg: times or modes changed"),
                    ("touch a.jpg", "a.jpg: times or modes changed"),
                    ("mv a.jpg b.jpg", "a.jpg: moved away"),
                    ("echo >>b.jpg", "b.jpg: written to"),
                    ("mkdir d", "d: made"), ("rm b.jpg", "b.jpg: removed"))):
                p = subprocess.Popen(["sh", "-c", "exec " + what
                                      if n != 3 else what], cwd=f + "/sub")
                self.assertEqual(p.wait(), 0)
                self.assertIn(how, mesh.originals.by({p.pid}))
                self.assertEqual(mesh.originals.by(
                    {d.pid for d in mesh.daemons}), [])

    def test_odd_tree(self):
        """hidden, links, loops, FIFOs, sockets, devices, odd names: no hang"""
        with Mesh() as mesh:
            f = mesh.folder("odd")
            write(f + "/good.jpg", picture(1))
            write(f + "/.hidden.jpg", picture(2))
            write(f + "/.cache/inside.jpg", picture(3))
            write(f + "/no-extension", picture(4))
            write(f + "/new\nline.jpg", picture(5))
            write(os.path.join(os.fsencode(f), b"latin-\xe9.jpg").decode(
                "utf-8", "surrogateescape"), picture(6))
            write(f + "/esc\x1b[31m.jpg", picture(7))
            write(f + "/" + "n" * 251 + ".jpg", picture(8))
            deep = f + "/" + "/".join(["d" * 40] * 20)
            write(deep + "/deep.jpg", picture(9))
            write(f + "/text.jpg", b"this is no picture\n")
            write(f + "/empty.jpg", b"")
            write(f + "/note.txt", b"not media, not a problem\n")
            os.symlink("good.jpg", f + "/link.jpg")
            os.symlink("..", f + "/loop")
            os.mkfifo(f + "/pipe.jpg")
            os.mkdir(f + "/directory.jpg")
            os.link(f + "/good.jpg", f + "/hard.jpg")
            with socket.socket(socket.AF_UNIX) as s:
                s.bind(f + "/socket.jpg")
            try:
                os.mknod(f + "/device.jpg", stat.S_IFCHR | 0o666,
                         os.makedev(1, 5))  # zeros without end
            except PermissionError:
                pass
            mesh.guard(f)
            d = mesh.start(f)
            wait_until(lambda: scanned(d), "the scan")
            photos = d.photo("--json", "list").json
            self.assertEqual(len(photos), 7)
            paths = [p["copies"][0] for p in photos]
            good, = [p for p in photos if p["name"] == "good.jpg"]
            self.assertEqual([c["path"] for c in good["copies"]],
                             ["good.jpg", "hard.jpg"])
            odd = [c for c in paths if "latin" in c["path"]][0]
            self.assertEqual(bytes.fromhex(odd["path_hex"]),
                             b"latin-\xe9.jpg")
            piped = d.photo("list")
            self.assertEqual(len(piped.lines), 7, piped)
            with sqlite3.connect("file:%s?mode=ro" % self.catalogue(
                    mesh, "odd"), uri=True) as db:
                problems = [bytes(k)[8:] for (k,) in db.execute(
                    "SELECT key FROM record WHERE kind = 4 AND dead = 0")]
            self.assertEqual(sorted(problems), [b"empty.jpg", b"text.jpg"])

    def test_sample_formats(self):
        """every sample format is recognised by content, not by name"""
        with Mesh() as mesh:
            c = mesh.start(mesh.sample("carol"))
            b = mesh.start(mesh.sample("bob"))
            a = mesh.start(mesh.sample("alice"))
            mesh.settle([a, b, c], 26)
            types = {}
            for p in a.photo("--json", "list").json:
                for copy in p["copies"]:
                    types[copy["node"] + "/" + copy["path"]] = p["type"]
            expected = {
                "alice/clock.webp": "image/webp",
                "alice/brushes.png": "image/png",
                "carol/brushes.jpg": "image/png",
                "bob/bird.gif": "image/gif", "bob/scans/wine.tif": "image/tiff",
                "carol/phone/IMG_0001.HEIC": "image/heic",
                "carol/phone/IMG_0002.avif": "image/avif",
                "carol/thumbs/peaks.bmp": "image/bmp",
                "bob/IMG_0045.jpg": "image/jpeg",
                "bob/2023/trip/fr\u00fcchte.jpg": "image/jpeg"}
            for path, kind in expected.items():
                self.assertEqual(types.get(path), kind, path)
            self.assertNotIn("alice/notes.txt", types)
            self.assertNotIn("carol/shopping-list.jpg", types)

    def test_odd_times(self):
        """modified in 1901, in 2400, in some years: listed, got, read again"""
        with Mesh() as mesh:
            f = mesh.folder("times")

            def put(name, at):
                with open(os.path.join(f, name), "wb") as out:
                    out.write(b"GIF89a" + name[-9:].encode() * 20)
                os.utime(os.path.join(f, name), (at, at))
            # ns in 64 bits end in 2262; one file system or another ends there.
            put("1901.gif", -2 ** 31)
            put("2400.gif", 13569465600)
            d = mesh.start(f)
            before = d.rested()
            for n in range(10):
                put(".soon-%d.gif" % n, int(time.time()) + 9 * 365 * 86400)
            for n in range(10):
                os.rename(f + "/.soon-%d.gif" % n, f + "/soon-%d.gif" % n)
            wait_until(lambda: len(d.photo("list").lines) == 12, "all")
            # What has only just come may still be written to, whatever time
            # it bears.
            self.assertGreater(d.rested() - before, 10)
            here = mesh.folder("here")
            self.assertEqual(d.photo("get", "gif", "-o", here).code, 0)
            for name in os.listdir(f):
                got, want = (int(os.stat(os.path.join(x, name)).st_mtime)
                             for x in (here, f))
                self.assertEqual(got, min(want, (2 ** 63 - 1) // 10 ** 9))
            check = d.photo("check", f)
            self.assertEqual(check.code, 6, check)
            self.assertTrue(d.alive(), d.log())

    def test_rescan(self):
        """rescan sees what came, changed, moved and went"""
        with Mesh() as mesh:
            f, g = mesh.folder("alice"), mesh.folder("bob")
            for n in range(6):
                write(f + "/%d.jpg" % n, picture(n))
            write(g + "/same.jpg", picture(0))
            a, b = mesh.start(f), mesh.start(g)
            mesh.settle([a, b], 6)
            os.unlink(f + "/1.jpg")
            os.rename(f + "/2.jpg", f + "/moved.jpg")
            write(f + "/3.jpg", picture(33))
            write(f + "/sub/new.jpg", picture(44))
            mesh.guard(f)
            done = a.photo("rescan")
            self.assertEqual(done.code, 0, done)
            want = ["0.jpg", "3.jpg", "4.jpg", "5.jpg", "moved.jpg",
                    "same.jpg", "sub/new.jpg"]
            self.assertEqual(names(a), want)
            mesh.settle([a, b], 6)
            self.assertEqual(names(b), want)

    def test_restart_reads_nothing(self):
        """a restarted daemon reads no unchanged file again"""
        with Mesh() as mesh:
            f = mesh.folder("alice")
            for n in range(60):
                write(f + "/%d.jpg" % n, picture(n) * 8)
            total = sum(os.path.getsize(f + "/" + n) for n in os.listdir(f))
            mesh.guard(f)
            d = mesh.start(f)

            def read_bytes():
                with open("/proc/%d/io" % d.pid) as io:
                    return int(io.readline().split()[1])
            wait_until(lambda: scanned(d) and len(d.photo("list").lines)
                       == 60, "the first scan")
            self.assertGreater(read_bytes(), total)
            first = d.photo("list").text
            d.kill()
            d = mesh.start(f)
            wait_until(lambda: scanned(d), "the second scan")
            done = d.photo("rescan")
            self.assertEqual(done.code, 0, done)
            self.assertEqual(d.photo("list").text, first)
            self.assertLess(read_bytes(), total / 4)

    def test_folder_away(self):
        """an emptied or missing folder is offline and keeps its records"""
        with Mesh() as mesh:
            f = mesh.sample("alice")
            b = mesh.start(mesh.sample("bob"))
            a = mesh.start(f)
            mesh.settle([a, b])
            before = names(b)
            away = f + ".away"
            mesh.unguard(f)
            os.rename(f, away)
            mesh.guard(away)
            for state in ("missing", "empty"):
                if state == "empty":
                    os.mkdir(f)
                a.photo("rescan")
                self.assertEqual(names(a), before, state)
                wait_until(lambda: not any(
                    c["online"] for p in b.photo("--json", "list").json
                    for c in p["copies"] if c["node"] == "alice"),
                    "alice's copies to be shown offline")
                self.assertEqual(names(b), before, state)
                self.assertEqual(a.photo("--json", "status").json[0]["scan"]
                                 ["state"], "offline")
            os.rmdir(f)
            os.rename(away, f)
            mesh.unguard(away)
            mesh.guard(f)
            self.assertEqual(a.photo("rescan").code, 0)
            wait_until(lambda: all(
                c["online"] for p in b.photo("--json", "list").json
                for c in p["copies"]), "alice's copies to be online again")
            mesh.settle([a, b])

    def test_excluded_later(self):
        """--exclude of what was listed: no more listed; but no disk is missed
        """
        with Mesh() as mesh:
            f = mesh.folder("alice")
            for n in range(150):
                write(f + "/private/deep/%d.jpg" % n, picture(n))
            for n in range(120):
                write(f + "/%d.gif" % n, b"GIF89a%d" % n)
            mesh.guard(f)
            a = mesh.start(f)
            b = mesh.start(mesh.folder("bob"))
            mesh.settle([a, b])
            self.assertEqual(len(names(b)), 270)
            a.end()
            a = mesh.start(f, "--exclude", "private")
            mesh.settle([a, b], 120)
            self.assertNotIn("offline", a.log())
            # An emptied folder is one, whatever else is left out.
            a.end()
            mesh.unguard(f)
            os.rename(f, f + ".away")
            os.mkdir(f)
            a = mesh.start(f, "--exclude", "1?.gif")
            mesh.settle([a, b], 120)
            self.assertIn("110 of 110 photos are missing", a.log())
            os.rmdir(f)
            os.rename(f + ".away", f)
            self.assertEqual(a.photo("rescan").code, 0)
            mesh.settle([a, b], 260)
            self.assertEqual(a.end(), 0)
            a = mesh.start(f, "--exclude", "*.???")
            mesh.settle([a, b], 0)

    def test_unlisted_directory_keeps_records(self):
        """a directory that cannot be listed keeps its records"""
        with Mesh(unprivileged=True) as mesh:
            f = mesh.folder("alice")
            write(f + "/sub/1.jpg", picture(1))
            write(f + "/2.jpg", picture(2))
            write(f + "/3.jpg", picture(3))
            os.chmod(f + "/3.jpg", 0)
            mesh.give(f + "/sub")
            # As many as would be a missing disk, were they gone.
            for n in range(150):
                write(f + "/album/%d.gif" % n, b"GIF89a%d" % n)
            mesh.give(f + "/album")
            a = mesh.start(f)
            wait_until(lambda: len(names(a)) == 152, "the scan")
            listed = names(a)
            with sqlite3.connect("file:%s?mode=ro" % self.catalogue(
                    mesh, "alice"), uri=True) as db:
                problems = [bytes(k)[8:] for (k,) in db.execute(
                    "SELECT key FROM record WHERE kind = 4 AND dead = 0")]
            self.assertEqual(problems, [b"3.jpg"])
            # Not to be read; read but not looked into: names and no more.
            for mode in (0, stat.S_IRUSR):
                for sub in ("/sub", "/album"):
                    os.chmod(f + sub, mode)
                try:
                    for _ in range(2):
                        self.assertEqual(a.photo("rescan").code, 0)
                        self.assertEqual(names(a), listed)
                        self.assertEqual(a.photo("--json", "status").json[0]
                                         ["scan"]["state"], "idle")
                finally:
                    for sub in ("/sub", "/album"):
                        os.chmod(f + sub, stat.S_IRWXU)

    def test_two_folders_one_node(self):
        """one daemon serves two folders"""
        with Mesh() as mesh:
            d = mesh.start([mesh.sample("alice"), mesh.sample("carol")])
            wait_until(lambda: scanned(d), "the scan")
            rows = d.photo("--json", "list").json
            roots = {c["root"] for p in rows for c in p["copies"]}
            self.assertEqual(roots, {"alice", "carol"})
            self.assertEqual(sum(len(p["copies"]) for p in rows), 21)

    def test_changed_while_hashed(self):
        """a file that is being written ends up with its last content"""
        with Mesh() as mesh:
            f = mesh.folder("alice")
            write(f + "/steady.jpg", picture(1))
            d = mesh.start(f)
            wait_until(lambda: scanned(d), "the scan")
            for n in range(20):
                write(f + "/busy.jpg", picture(n) * (n + 1))
                a = d.photo("rescan")
                self.assertEqual(a.code, 0, a)
            mesh.guard(f)
            wait_until(lambda: [p["size"] for p in d.photo(
                "--json", "list", "busy").json] ==
                [os.path.getsize(f + "/busy.jpg")], "the last content")

    def test_damaged_catalogue(self):
        """damage left by a crash is found behind the ready line and mended"""
        with Mesh() as mesh:
            f, g = mesh.folder("alice"), mesh.folder("bob")
            for n in range(300):
                write(f + "/%d.jpg" % n, picture(n))
            write(g + "/0.jpg", picture(0))
            mesh.guard(f)
            a, b = mesh.start(f), mesh.start(g)
            mesh.settle([a, b], 300)
            before = names(b)
            a.end()
            a = mesh.start(f)
            a.kill()
            path = self.catalogue(mesh, "alice")
            with sqlite3.connect(path) as db:
                page, = db.execute("SELECT rootpage FROM sqlite_schema"
                                   " WHERE name = 'photo_size'").fetchone()
                page_bytes, = db.execute("PRAGMA page_size").fetchone()
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            db.close()
            with open(path, "r+b") as db:
                db.seek((page - 1) * page_bytes)
                db.write(b"\xa5" * 64)
            a = mesh.start(f)
            aside = os.path.join(os.path.dirname(path), "catalogue.corrupt-1")
            wait_until(lambda: os.path.exists(aside), "the file put aside")
            mesh.settle([a, b], 300)
            self.assertTrue(a.alive())
            self.assertIn("is damaged", a.log())
            self.assertEqual(names(a), before)
            self.assertEqual(names(b), before)

    def test_damaged_while_running(self):
        """damage that only a read meets makes the daemon start afresh"""
        with Mesh() as mesh:
            f, g = mesh.folder("alice"), mesh.folder("bob")
            for n in range(300):
                write(f + "/%d.jpg" % n, picture(n))
            write(g + "/0.jpg", picture(0))
            a, b = mesh.start(f), mesh.start(g)
            mesh.settle([a, b], 300)
            a.end()
            # Nothing of it may lie in the log or a cache.
            path = self.catalogue(mesh, "alice")
            with sqlite3.connect(path) as db:
                pages = [p for p, in db.execute(
                    "SELECT rootpage FROM sqlite_schema WHERE tbl_name IN"
                    " ('known', 'photo')")]
                page_bytes, = db.execute("PRAGMA page_size").fetchone()
            db.close()
            a = mesh.start(f)
            wait_until(lambda: scanned(a), "the scan")
            with open(path, "r+b") as db:
                for page in pages:
                    db.seek((page - 1) * page_bytes)
                    db.write(b"\xa5" * 64)
            aside = os.path.join(os.path.dirname(path), "catalogue.corrupt-1")

            def read():
                a.photo("rescan")
                a.photo("list", "--sort", "size")
                return os.path.exists(aside)
            wait_until(read, "the file put aside")
            mesh.settle([a, b], 300)
            self.assertEqual(names(a), names(b))

    def test_changed_after_many_rescans(self):
        """asking for rescans does not put off the second look at a file"""
        with Mesh() as mesh:
            f = mesh.folder("alice")
            d = mesh.start(f)
            for n in range(8):
                write(f + "/busy.jpg", picture(n))
                self.assertEqual(d.photo("rescan").code, 0)
            with open(f + "/busy.jpg", "ab") as busy:
                busy.write(b"and its end")
            wait_until(lambda: [p["size"] for p in d.photo(
                "--json", "list").json] ==
                [os.path.getsize(f + "/busy.jpg")], "the last content",
                timeout=20)

    def test_resumed_and_polite(self):
        """--read-rate holds; a killed first scan goes on where it was"""
        with Mesh() as mesh:
            f = mesh.folder("alice")
            # More than wait for a reader, so that they must be counted ahead.
            for n in range(240):
                write(f + "/%d/%d.jpg" % (n % 8, n),
                      (picture(n) * 33)[:33300] + b"%d" % n)
            mesh.guard(f)

            def scan(d):
                return d.photo("--json", "status").json[0]["scan"]
            # 8 MB at 1 MB/s: no sooner than in 7 s.
            d = mesh.start(f, "--read-rate", "1M", "--readers", "3")
            began = time.monotonic()
            wait_until(lambda: scan(d)["files"] >= 60 and
                       scan(d)["eta_ms"], "an estimate")
            s = scan(d)
            self.assertEqual(s["state"], "scanning")
            # Long before all of them have been found by who reads them.
            self.assertLess(s["files"], 160)
            self.assertEqual(s["total_files"], 240)
            self.assertGreater(s["eta_ms"], 500)
            self.assertLess(s["eta_ms"], 60000)
            self.assertEqual(polite(d, "hasher"), 3)
            self.assertEqual(polite(d, "scanner"), 1)
            wait_until(lambda: len(names(d)) >= 120, "half of it")
            self.assertGreater(time.monotonic() - began, 3)
            known = len(names(d))
            d.kill()
            d = mesh.start(f)
            wait_until(lambda: scanned(d), "the rest")
            self.assertEqual(len(names(d)), 240)
            self.assertGreater(scan(d)["read_files"], 0)
            # Some may have been written while still young.
            self.assertLessEqual(scan(d)["read_files"], 240 - known + 12)

    def test_film_in_progress(self):
        """a large film: how far, and how long yet, by `status` and `rescan`"""
        size, rate = 24 << 20, 6 << 20
        with Mesh() as mesh:
            f = mesh.folder("alice")
            write(f + "/film.mp4", (b"\0\0\0\x18ftypmp42").ljust(size, b"."))
            mesh.guard(f)
            d = mesh.start(f, "--read-rate", "6M", "--readers", "1")
            rescan = mesh.spawn_photo("-p", d.port, "--json", "rescan")
            seen = set()

            def look():
                s = d.photo("--json", "status").json[0]["scan"]
                if s["bytes"] < size and s["state"] == "scanning":
                    self.assertEqual(s["files"], 0)
                    self.assertEqual(s["total_bytes"], size)
                    seen.add((s["bytes"], s["eta_ms"]))
                return s["state"] == "idle"
            wait_until(look, "the scan")
            bytes, etas = zip(*sorted(seen))
            self.assertGreater(len(set(bytes)), 5)
            honest = [(size - b) / rate * 1000 / e for b, e in seen
                      if e and b > size / 4]
            self.assertGreater(len(honest), 3)
            self.assertGreater(min(honest), 0.5, sorted(seen))
            self.assertLess(max(honest), 2, sorted(seen))
            out, _ = rescan.communicate(timeout=30)
            told = [json.loads(x) for x in out.splitlines()]
            self.assertTrue([x for x in told if 0 < x["bytes"] < size and
                             x["total_bytes"] == size and x["eta_ms"]], told)
            s = d.photo("--json", "status").json[0]["scan"]
            self.assertEqual((s["files"], s["bytes"], s["read_bytes"]),
                             (1, size, size))

    def test_catalogue_survives_a_kill(self):
        """killed in the middle of a first scan, started again: all there"""
        with Mesh() as mesh:
            f = mesh.folder("alice")
            for n in range(400):
                write(f + "/%d/%d.jpg" % (n % 10, n), picture(n))
            mesh.guard(f)
            for _ in range(4):
                d = mesh.start(f)
                wait_until(lambda: len(d.photo("--json", "list").lines) > 0,
                           "some photos")
                d.kill()
            d = mesh.start(f)
            wait_until(lambda: scanned(d) and len(d.photo("list").lines)
                       == 400, "all photos")
            self.assertEqual(d.photo("verify").code, 0)
            shutil.rmtree(os.path.join(mesh.dir, "nothing"),
                          ignore_errors=True)


if __name__ == "__main__":
    tap.main()
