"""What pictures say of themselves, over real daemons: found out behind the
scan, once in the mesh, by photo-decode; dates, sizes and cameras in lists,
searches and show; and photo-decode at its worst, as a stand-in plays it."""
import contextlib
import os
import shutil
import socket
import sqlite3
import sys
import textwrap
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
sys.path.insert(0, os.path.dirname(__file__))
import tap  # noqa: E402
from holder import photo_id  # noqa: E402
from mesh import BUILD, SOURCE, Mesh, wait_until  # noqa: E402
from talk import ERROR, Client, frame, settle, unpack  # noqa: E402
from test_files import write  # noqa: E402
from test_watch import on_disk, problems  # noqa: E402

LOOK = 69
DECODERS = ("--decoders", "2")
# Of the stand-in nothing is asked but what the bytes say.
META_ONLY = DECODERS + ("--cache-size", "0")
HAS_DECODE = os.path.exists(os.path.join(BUILD, "daemon", "photo-decode"))


def listed(d, *query):
    a = d.photo("--json", "list", "--", *query)
    return {p["name"]: p for p in a.json}


def looked_into(d):
    """The names of those of which a record says something."""
    return sorted(n for n, p in listed(d).items() if p["width"] is not None)


def kept(mesh, d, question):
    """The one number that d's catalogue answers with."""
    top = os.path.join(mesh.env["XDG_STATE_HOME"], "photomesh")
    state, = [n for n in os.listdir(top) if n.startswith(d.name)]
    path = os.path.join(top, state, "catalogue.db")
    with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % path,
                                            uri=True)) as db:
        (n,), = db.execute(question)
    return n


def records(mesh, d):
    """How many meta records of all streams, as d holds them."""
    return kept(mesh, d, "SELECT count(*) FROM record WHERE kind = 6 AND"
                         " dead = 0")


def last_told(mesh, d):
    """The number of the last record by which d told of a photo's bytes.  Its
    head may move for other causes: room on a disk is in records, too."""
    return kept(mesh, d, "SELECT ifnull(max(seq), 0) FROM record WHERE kind = 6"
                         " AND stream = (SELECT id FROM stream WHERE role = 1)")


@unittest.skipUnless(HAS_DECODE, "built without photo-decode")
class Pictures(unittest.TestCase):
    def test_samples(self):
        """all samples on three nodes: each looked into once, all lists alike
        """
        with Mesh() as mesh:
            folders = [mesh.sample(n) for n in ("alice", "bob", "carol")]
            daemons = [mesh.start(f, *DECODERS) for f in folders]
            mesh.settle(daemons, 26)
            for d in daemons:
                # Of a BMP nothing is known but that it is one, and a record
                # says that.
                wait_until(lambda: len(looked_into(d)) == 25, "all sizes at "
                           + d.name)
                wait_until(lambda: records(mesh, d) >= 26, "all records")
            settle(mesh, daemons, 26)
            for d in daemons:
                # Three are held by two nodes and one by all three: these may
                # have begun it before they knew of each other.
                self.assertIn(records(mesh, d), range(26, 26 + 3 + 2 + 1))
                all = listed(d)
                self.assertEqual(
                    [all["peaks.jpg"][k] for k in ("taken", "date_source")],
                    ["2023-07-14T09:41:07+02:00", "exif"])
                # stored upright or not, as it is displayed
                self.assertGreater(all["peaks.jpg"]["width"], 0)
                wa = all["IMG-20190704-WA0003.jpg"]
                self.assertEqual((wa["taken"], wa["date"], wa["date_source"]),
                                 (None, "2019-07-04T00:00:00", "name"))
                self.assertEqual(all["flower-stripped.jpg"]["date_source"],
                                 "mtime")
                self.assertEqual(d.photo("verify").code, 0)
            self.look_around(daemons[0])
            # Nothing of this is done again.
            for d in daemons:
                d.end()
            told = [last_told(mesh, d) for d in daemons]
            daemons = [mesh.start(f, *DECODERS) for f in folders]
            mesh.settle(daemons, 26)
            for d in daemons:
                d.rested()
            self.assertEqual([last_told(mesh, d) for d in daemons], told)

    def look_around(self, d):
        """What is known is shown, searched and sorted by."""
        newest_first = d.photo("--json", "list", "taken:..2023-07-16").json
        dates = [p["date"][:19] for p in newest_first]
        self.assertEqual(dates, sorted(dates, reverse=True))
        self.assertEqual(len(listed(d, "taken:2018")), 4)
        self.assertEqual(set(listed(d, "camera:rebel")), {"beach copy.jpg"})
        self.assertIn("peaks.jpg", listed(d, "has:gps"))
        years = d.photo("--json", "timeline", "--by", "year").json
        self.assertEqual(sum(y["photos"] for y in years), 26)
        self.assertIn({"date": "2018", "photos": 4}, [
            {k: y[k] for k in ("date", "photos")} for y in years])
        days = [y["date"] for y in d.photo(
            "--json", "timeline", "--by", "day", "taken:2018").json]
        self.assertEqual(days, ["2018-06-02", "2018-05-27", "2018-05-19"])
        self.assertEqual(d.photo("timeline", "taken:1999").code, 3)
        self.assertEqual(d.photo("timeline", "--by", "week").code, 2)
        one = listed(d, "camera:rebel")["beach copy.jpg"]["id"]
        meta = d.photo("--json", "show", one).json[0]["meta"]
        self.assertEqual((meta["make"], meta["iso"]), ("Canon", 100))
        self.assertNotIn("meta", d.photo("--json", "list").json[0])

    def added(self, *options):
        """What `photo add` makes of a card, both of whose files are of 2001 to
        the file system."""
        with Mesh() as mesh:
            card, into = mesh.folder("card"), mesh.folder("alice")
            for name in ("bob/2023/trip/peaks.jpg", "carol/flower-stripped.jpg"):
                shutil.copy(os.path.join(SOURCE, "photos-sample", name), card)
            for f in os.listdir(card):
                os.utime(os.path.join(card, f), (1e9, 1e9))
            d = mesh.start(into, *options)
            done = d.photo("add", card)
            self.assertEqual(done.code, 0, done)
            return on_disk(into)

    def test_add_by_date(self):
        """photo add puts away by the camera's date; else by modification"""
        self.assertEqual(self.added(*DECODERS), [
            "2001/2001-09/flower-stripped.jpg", "2023/2023-07/peaks.jpg"])

    def test_add_unseen(self):
        """where nobody looks into pictures, photo add takes the other date"""
        self.assertEqual(self.added(), [
            "2001/2001-09/flower-stripped.jpg", "2001/2001-09/peaks.jpg"])

    def test_grace(self):
        """what the one whose turn it is does not do, another does later"""
        with Mesh() as mesh:
            folders = [mesh.folder(n) for n in ("alice", "bob")]
            for f in folders:
                shutil.copytree(os.path.join(SOURCE, "photos-sample", "alice"),
                                f, dirs_exist_ok=True)
            a = mesh.start(folders[0])
            b = mesh.start(folders[1], *DECODERS,
                           env={"PHOTOMESH_GRACE_MS": "500"})
            mesh.settle([a, b])
            for d in (a, b):
                wait_until(lambda: len(looked_into(d)) == len(listed(d)) > 5,
                           "all of them at " + d.name)


# Of thumbnails: dies of LETHAL, of ONCE the first time, and has none of others;
# the same of those in a file of their own.  Else: dies of KILL, of MISHAP in one fresh worker, refuses NO, cannot read DISK, writes over CHANGE and refuses it,
# and says 640 x 480 of all others; each asking is a line in the file beside it.
STAND_IN = """\
    #!/usr/bin/python3
    import array, os, signal, socket, sys
    sys.path.insert(0, %(lib)r)
    from talk import pack
    s = socket.socket(fileno=0)
    def say(kind, body=b""):
        s.sendall((1 + len(body)).to_bytes(4, "big") + bytes([kind]) + body)
    def thumbnail(data, fresh):
        name = data[12:30].rstrip(b".\\0").decode()
        once = __file__ + ".once"
        if name == "ONCE" and os.path.exists(once):
            name = "again"
        with open(__file__ + ".thumbs", "a") as log:
            log.write("%%s%%s\\n" %% (name, "" if fresh else "-not-fresh"))
        if name == "ONCE" and fresh:
            open(once, "w").close()
        if name in ("LETHAL", "ONCE"):
            os.kill(os.getpid(), signal.SIGKILL)
        say(3, b"nothing to be seen")
    say(1)
    fresh = True
    while True:
        ask, fds, _, _ = socket.recv_fds(s, 13, 4)
        if not ask:
            sys.exit()
        data = os.pread(fds[0], 4096, 0)
        path = os.path.realpath("/proc/self/fd/%%d" %% fds[0])
        os.close(fds[0])
        if ask[4] == 2:
            thumbnail(data, fresh)
            fresh = False
            continue
        with open(__file__ + ".log", "ab") as log:
            log.write(data[12:30].rstrip(b".\\0") + b"\\n")
        mishap = b"MISHAP" in data and not os.path.exists(__file__ + ".was")
        if mishap and fresh:
            open(__file__ + ".was", "w").close()
        fresh = False
        if b"KILL" in data or mishap:
            os.kill(os.getpid(), signal.SIGKILL)
        if b"CHANGE" in data:
            with open(path, "r+b") as f:
                f.write(data.replace(b"CHANGE", b"gone__"))
        if b"DISK" in data:
            say(4, b"a bad disk")
        elif b"NO" in data or b"CHANGE" in data:
            say(3, b"it is no picture")
        else:
            say(2, pack([2, 1, 640, 480, 1, None, None, None, "", "", "",
                         None, None, None, None, None, None, None, None, "",
                         [], None]))
    """


def gif(text):
    return b"GIF89a......" + text.encode().ljust(40, b".") + b";"


class Worst(unittest.TestCase):
    def setUp(self):
        with open(os.path.join(BUILD, "daemon", "photod"), "rb") as f:
            if b"PHOTOMESH_DECODE" not in f.read():
                self.skipTest("built without test hooks")
        self.mesh = self.enterContext(Mesh())
        self.program = os.path.join(self.mesh.dir, "stand-in")
        with open(self.program, "w") as f:
            f.write(textwrap.dedent(STAND_IN) % {
                "lib": os.path.join(SOURCE, "tests", "lib")})
        os.chmod(self.program, 0o755)
        self.env = {"PHOTOMESH_DECODE": self.program}

    def asked(self, of="log"):
        try:
            with open(self.program + "." + of) as f:
                return sorted(f.read().split())
        except FileNotFoundError:
            return []

    def test_killers(self):
        """what kills a worker twice, or is none, is a problem; others are not
        touched by it; changed, it is looked into again, and only then"""
        f = self.mesh.folder("alice")
        for n in range(20):
            write(f + "/%02d.gif" % n, gif("good%02d" % n))
        write(f + "/bad.gif", gif("KILL"))
        write(f + "/none.gif", gif("NO"))
        # Once fatal is bad luck, perhaps.
        write(f + "/luck.gif", gif("MISHAP"))
        d = self.mesh.start(f, *META_ONLY, env=self.env)
        wait_until(lambda: len(looked_into(d)) == 21, "the good ones")
        wait_until(lambda: set(problems(d)) == {"bad.gif", "none.gif"},
                   "the bad ones to be listed")
        self.assertEqual(problems(d)["bad.gif"], "undecodable")
        self.assertEqual(len(listed(d)), 23)
        # Twice, and only a worker that saw nothing else is believed.
        self.assertLessEqual(self.asked().count("KILL"), 4)
        before = self.asked()
        # Not again: not by a scan, not by a new start.
        self.assertEqual(d.photo("rescan").code, 0)
        d.end()
        d = self.mesh.start(f, *META_ONLY, env=self.env)
        wait_until(lambda: len(looked_into(d)) == 21, "the good ones")
        write(f + "/bad.gif", gif("well"))
        wait_until(lambda: len(looked_into(d)) == 22, "the one made good")
        wait_until(lambda: set(problems(d)) == {"none.gif"}, "its problem to go")
        self.assertEqual(self.asked(), sorted(before + ["well"]))

    def test_killers_of_thumbnails(self):
        """what kills two workers has no thumbnail, and is not asked for again;
        what kills one may have been unlucky"""
        f = self.mesh.folder("alice")
        for name in ("one", "two", "LETHAL", "ONCE", "three"):
            write(f + "/%s.gif" % name, gif(name))
        d = self.mesh.start(f, *DECODERS, env=self.env)

        def deaths():
            return self.asked("thumbs").count("LETHAL")
        wait_until(lambda: deaths() >= 2, "two deaths of it")
        wait_until(lambda: {"again", "one", "two", "three"} <= {
            x.split("-")[0] for x in self.asked("thumbs")},
            "all others to be asked for, one of them again")

        def ask():
            with Client(self.mesh, d.port, 30) as c:
                self.assertIsNone(c.ask(71, {
                    "photo": photo_id(gif("LETHAL"))})["image"])
        # This one may come before the second death has been written down.
        ask()
        before = deaths()
        self.assertLessEqual(before, 3)
        for _ in range(2):
            # Not for clients, not by a scan, not by a new start.
            for _ in range(3):
                ask()
            self.assertEqual(d.photo("rescan").code, 0)
            self.assertEqual(d.end(), 0)
            d = self.mesh.start(f, *DECODERS, env=self.env)
            wait_until(lambda: len(looked_into(d)) == 5, "all looked into")
        self.assertEqual(deaths(), before)
        self.assertTrue(d.alive())

    def test_not_its_bytes(self):
        """of bytes that a disk keeps back, or that are no more the photo's, no
        record is made: other copies may be well"""
        f = self.mesh.folder("alice")
        write(f + "/bad.gif", gif("DISK"))
        write(f + "/changed.gif", gif("CHANGE"))
        d = self.mesh.start(f, *META_ONLY, env=self.env)
        wait_until(lambda: looked_into(d) == ["changed.gif"], "what it became")
        write(f + "/last.gif", gif("last"))
        wait_until(lambda: "last.gif" in looked_into(d), "the last one")
        wait_until(lambda: "DISK" in self.asked(), "the bad one's turn")
        self.assertEqual(self.asked(), ["CHANGE", "DISK", "gone__", "last"])
        self.assertEqual(records(self.mesh, d), 2)
        self.assertEqual(problems(d), {})
        d.end()
        # Whoever is started again tries again.
        d = self.mesh.start(f, *META_ONLY, env=self.env)
        wait_until(lambda: self.asked().count("DISK") == 2, "a second try")

    def look(self, client, fd):
        """LOOKED's meta, or the code of an ERROR."""
        client.serial += 1
        ask = frame(LOOK, client.serial, {})
        if fd is None:
            client.write(ask)
        else:
            n = socket.send_fds(client.socket, [ask], [fd])
            client.write(ask[n:])
        kind, request, answer = client.hear()
        self.assertEqual(request, client.serial)
        return answer["code"] if kind == ERROR else answer["meta"]

    def test_looked_at(self):
        """LOOK: whatever is no file to be read says nothing, and harms nobody
        """
        f = self.mesh.folder("alice")
        d = self.mesh.start(f, *META_ONLY, env=self.env)
        here = self.mesh.dir + "/"
        for name in ("good", "KILL", "NO"):
            write(here + name, gif(name))
        with Client(self.mesh, d.port, 30) as c:
            self.assertEqual(self.look(c, None), 16)
            for name, flags in (("good", os.O_RDWR), ("KILL", os.O_RDONLY),
                                ("NO", os.O_RDONLY), ("", os.O_RDONLY),
                                ("good", os.O_PATH)):
                fd = os.open(here + name, flags)
                self.assertIsNone(self.look(c, fd), (name, flags))
                os.close(fd)
            for fd in os.pipe():
                self.assertIsNone(self.look(c, fd))
                os.close(fd)
            fd = os.open(here + "good", os.O_RDONLY)
            self.assertEqual(unpack(self.look(c, fd))[2:4], [640, 480])
        # Who asks and goes leaves nothing behind.
        before = len(os.listdir("/proc/%d/fd" % d.process.pid))
        for _ in range(20):
            with Client(self.mesh, d.port) as c:
                socket.send_fds(c.socket, [frame(LOOK, 9, {})], [fd])
        wait_until(lambda: len(os.listdir("/proc/%d/fd" % d.process.pid)) <=
                   before, "descriptors to be closed")
        self.assertEqual(listed(d), {})
        os.close(fd)

    def test_without(self):
        """no program to be had: said once, and everything else goes on"""
        f = self.mesh.folder("alice")
        write(f + "/a.gif", gif("good"))
        self.env["PHOTOMESH_DECODE"] = self.mesh.dir + "/nowhere"
        d = self.mesh.start(f, *META_ONLY, env=self.env)
        wait_until(lambda: len(listed(d)) == 1, "the photo")
        write(f + "/b.gif", gif("good too"))
        wait_until(lambda: len(listed(d)) == 2, "the other one")
        self.assertEqual(looked_into(d), [])
        self.assertEqual(problems(d), {})
        d.end()
        # Then it is there, and all is looked into.
        self.env["PHOTOMESH_DECODE"] = self.program
        d = self.mesh.start(f, *META_ONLY, env=self.env)
        wait_until(lambda: len(looked_into(d)) == 2, "both")


if __name__ == "__main__":
    tap.main()
