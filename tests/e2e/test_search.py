"""Queries over real daemons: what each kind of term finds, whoever is asked,
in whatever order; what nobody has; mistakes, told twice, by client and daemon;
attempts to break out; and who would have to come back."""
import os
import re
import shutil
import socket
import struct
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from mesh import Mesh, wait_until  # noqa: E402


def gif(n, size):
    head = b"GIF89a" + struct.pack("<I", n)
    return head + b"." * (size - len(head))


def png(n):
    return b"\x89PNG\r\n\x1a\n" + struct.pack("<I", n) * 8


def mp4(n):
    return b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + struct.pack("<I", n) * 8


def put(folder, path, data, when):
    full = os.path.join(os.fsencode(folder), os.fsencode(path))
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "wb") as f:
        f.write(data)
    seconds = time.mktime(time.strptime(when, "%Y-%m-%d %H:%M"))
    os.utime(full, (seconds, seconds))


# path, bytes, when; alice and bob share beach and both hold odd names.
ALICE = [("2019/beach.gif", gif(1, 5000), "2019-07-04 12:00"),
         ("2019/Summer party/IMG_0001.GIF", gif(2, 300), "2019-12-31 23:30"),
         ("2020/IMG_0002.png", png(3), "2020-01-01 00:00"),
         ("clips/dive.mp4", mp4(4), "2021-05-05 05:05"),
         ("100%.gif", gif(5, 100), "2022-01-01 12:00"),
         ("O'Brien; DROP TABLE photo;--.gif", gif(6, 101),
          "2022-01-02 12:00"),
         ("under_score.gif", gif(7, 102), "2022-01-03 12:00")]
BOB = [("old/strand.gif", gif(1, 5000), "2019-07-05 12:00"),
       ("say \"hi\".gif", gif(8, 103), "2022-01-04 12:00"),
       (b"\xff\xfe.gif", gif(9, 104), "2022-01-05 12:00"),
       ("-x.gif", gif(10, 105), "2022-01-06 12:00"),
       ("12:30.gif", gif(11, 106), "2022-01-07 12:00")]


class Search(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os.environ["TZ"] = "UTC"
        time.tzset()
        cls.mesh = Mesh()
        cls.mesh.__enter__()
        cls.daemons = []
        for name, files in (("alice", ALICE), ("bob", BOB)):
            folder = cls.mesh.folder(name)
            for path, data, when in files:
                put(folder, path, data, when)
            cls.mesh.guard(folder)
            cls.daemons.append(cls.mesh.start(folder))
        cls.mesh.settle(cls.daemons, 11)
        cls.a, cls.b = cls.daemons

    @classmethod
    def tearDownClass(cls):
        cls.mesh.__exit__(None, None, None)

    def found(self, *words, **kw):
        """The sizes found, the same at every daemon; they tell photos."""
        answers = []
        for d in self.daemons:
            a = d.photo("--json", "list", "--", *words, **kw)
            self.assertIn(a.code, (0, 3), (words, a))
            self.assertEqual(a.code == 3, a.json[-1].get("exit") == 3)
            answers.append(sorted(p["size"] for p in a.json
                                  if "size" in p))
        self.assertEqual(answers[0], answers[1], words)
        return answers[0]

    def test_words(self):
        """parts of names and paths, phrases, patterns, any order"""
        f = self.found
        self.assertEqual(f("BEACH"), [5000])
        self.assertEqual(f("strand"), [5000])
        self.assertEqual(f("beach", "strand"), [5000])
        self.assertEqual(f("Summer party"), [300])
        self.assertEqual(f("party", "summer"), [300])
        self.assertEqual(f('"mer party/IMG"'), [300])
        self.assertEqual(f("img_*"), [40, 300])
        self.assertEqual(f("img_*.gif"), [300])
        self.assertEqual(f("IMG_000[2-9].*"), [40])
        self.assertEqual(f("2019/*"), [300, 5000])
        self.assertEqual(f("path:*strand*"), [5000])
        self.assertEqual(f("name:old"), [])
        self.assertEqual(f("old"), [5000])
        self.assertEqual(f("2019/", "-party"), [5000])
        self.assertEqual(f("!gif", "!mp4"), [40])
        self.assertEqual(len(f("-nothing")), 11)

    def test_kinds(self):
        """node, type, size, copies, taken, added, id"""
        f = self.found
        self.assertEqual(f("node:bob"), [103, 104, 105, 106, 5000])
        self.assertEqual(f("node:bob", "node:alice"), [5000])
        self.assertEqual(f("node:%d" % self.b.port, "-node:alice"),
                         [103, 104, 105, 106])
        self.assertEqual(f("type:video"), [56])
        self.assertEqual(f("type:png"), [40])
        self.assertEqual(f("type:image/*", "size:>200"), [300, 5000])
        self.assertEqual(f("type:raw"), [])
        self.assertEqual(f("size:>300"), [5000])
        self.assertEqual(f("size:>=300"), [300, 5000])
        self.assertEqual(f("size:100..102"), [100, 101, 102])
        self.assertEqual(f("size:5k"), [5000])
        self.assertEqual(f("size:<0.05Ki"), [40])
        self.assertEqual(f("copies:2"), [5000])
        self.assertEqual(len(f("copies:<2")), 10)
        self.assertEqual(f("taken:2019"), [300, 5000])
        self.assertEqual(f("taken:2019-07-04"), [5000])
        self.assertEqual(f("taken:2019-07-05"), [])  # its oldest copy's
        self.assertEqual(f("taken:2019-12..2020-01"), [40, 300])
        self.assertEqual(f("taken:>2021"), list(range(100, 107)))
        self.assertEqual(f("taken:<2019"), [])
        self.assertEqual(len(f("added:1d")), 11)
        self.assertEqual(f("added:<2020"), [])
        self.assertEqual(f("-added:7d"), [])
        one = self.a.photo("--json", "list", "beach").json[0]["id"]
        self.assertEqual(f("id:" + one[:9]), [5000])
        self.assertEqual(f("id:" + one + "+5000"), [5000])
        self.assertEqual(f("id:" + one + "+5001"), [])
        self.assertEqual(len(f("-id:" + one)), 10)

    def test_zone(self):
        """days are those of whoever asks, summer and winter"""
        berlin = {"TZ": "CET-1CEST,M3.5.0,M10.5.0/3"}
        # 23:30 in Greenwich is the next year in Berlin
        self.assertEqual(self.found("taken:2019", env=berlin), [5000])
        self.assertEqual(self.found("taken:2020", env=berlin), [40, 300])
        self.assertEqual(self.found("taken:2020-01-01", env={"TZ": "EST5"}),
                         [])

    def test_injection(self):
        """quotes, %, _, ;, NUL and bad UTF-8 are bytes like others"""
        f = self.found
        self.assertEqual(f("%"), [100])
        self.assertEqual(f("100%"), [100])
        self.assertEqual(f("_score"), [102])
        self.assertEqual(f("r_s"), [102])
        self.assertEqual(f("r?s"), [])
        self.assertEqual(f("*r?s*"), [102])
        self.assertEqual(f("O'Brien; DROP TABLE photo;--.gif"), [101])
        self.assertEqual(f("' OR '1'='1"), [])
        self.assertEqual(f("x') OR 1=1;--"), [])
        self.assertEqual(f("'"), [101])
        self.assertEqual(f('"\\"hi\\""'), [103])
        self.assertEqual(f("name:12", '"12:30"'), [106])
        self.assertEqual(f('"-x"'), [105])
        self.assertEqual(f("??.gif"), [104, 105])
        self.assertEqual(f("type:';--"), [])
        self.assertEqual(len(f("size:>0")), 11)
        for bad in (b"\xff\xfe", b"name:\xc3"):
            a = self.mesh.run([self.mesh.photo_path, "-p", str(self.a.port),
                               "list", bad])
            self.assertEqual(a.returncode, 2)
        self.mesh.settle(self.daemons, 11)

    def test_mistakes(self):
        """a mistake: exit 2, the query, a caret below the place"""
        a = self.a.photo("list", "beach", "size:big", "x")
        self.assertEqual((a.code, a.out), (2, b""))
        lines = a.err.splitlines()
        self.assertEqual(len(lines), 3, a.err)
        self.assertTrue(lines[0].startswith(
            "photo: the query is wrong at 'big': not a size"), lines[0])
        self.assertEqual(lines[1:], ["  beach size:big x",
                                     "             ^~~"])
        for words in (("foo:bar",), ("name:",), ("taken:2019-13",),
                      ('"open',), ("a[",), ("--", "-"), ("copies:x",),
                      ("x",) * 33, ("id:zz",), ("size:5..1",)):
            a = self.a.photo("list", *words)
            self.assertEqual((a.code, a.out), (2, b""), words)
            self.assertIn("^", a.err)
            # nobody needs to be there to tell
            b = self.mesh.photo("list", *words,
                                env={"PHOTOMESH_RUNTIME": "/nonexistent"})
            self.assertEqual((b.code, b.err), (2, a.err))
        a = self.a.photo("--json", "list", "foo:bar")
        self.assertEqual((a.code, a.err), (2, ""))
        self.assertEqual(a.json[0]["error"], "usage")
        self.assertIn("no such key", a.json[0]["message"])
        a = self.a.photo("list", "-beach")
        self.assertEqual(a.code, 2)
        self.assertIn("!word", a.err)
        self.assertEqual(self.a.photo("list", "node:nobody").code, 3)
        self.assertIn("no node is known as nobody",
                      self.a.photo("list", "-q", "!node:nobody").err)

    def test_daemon_believes_nobody(self):
        """a daemon given a wrong query says where, and goes on"""
        def text(s):
            s = s.encode()
            return (bytes([0xa0 | len(s)]) if len(s) < 32 else
                    b"\xd9" + bytes([len(s)])) + s

        def frame(kind, request, fields):
            body = b"\x93" + bytes([kind, request, 0x80 | len(fields)])
            for k, v in fields:
                body += text(k) + v
            return struct.pack(">I", len(body)) + body

        def hear(s):
            head = s.recv(4, socket.MSG_WAITALL)
            return s.recv(struct.unpack(">I", head)[0], socket.MSG_WAITALL)

        path = os.path.join(self.mesh.env["PHOTOMESH_RUNTIME"], "photomesh",
                            "%d.sock" % self.a.port)
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(path)
            s.sendall(frame(32, 1, [("vmin", b"\1"), ("vmax", b"\1")]))
            hear(s)
            for query, said in (
                    ("beach foo:x", b"query, byte 6: no such key"),
                    ("size:", b"query, byte 0: nothing follows"),
                    ("x " * 33, b"query, byte 64: more than 32 terms"),
                    ("\"", b"query, byte 0: this quote")):
                s.sendall(frame(34, 2, [("limit", b"\5"),
                                        ("text", text(query))]))
                answer = hear(s)
                self.assertEqual(answer[1], 3)  # ERROR
                self.assertIn(said, answer)
            s.sendall(frame(34, 3, [("limit", b"\5"),
                                    ("text", text("beach"))]))
            self.assertEqual(hear(s)[1], 35)
            # a NUL is malformed, as in every str
            s.sendall(frame(34, 4, [("limit", b"\5"),
                                    ("text", b"\xa3a\0b")]))
            self.assertEqual(hear(s)[1], 3)
            self.assertEqual(s.recv(1), b"")
        self.assertTrue(self.a.alive())

    def test_nobody(self):
        """what nobody has is said plainly, exit 3"""
        a = self.a.photo("list", "beach", "party")
        self.assertEqual((a.code, a.out), (3, b""))
        self.assertEqual(a.err, "photo: no photo matches: beach party\n")
        a = self.a.photo("list", "party", "--node", "bob")
        self.assertEqual((a.code, a.err),
                         (3, "photo: no photo on bob matches: party\n"))
        a = self.a.photo("--json", "list", "no such thing")
        self.assertEqual((a.code, a.json[0]["error"], a.err),
                         (3, "not-found", ""))
        a = self.a.photo("list", "beach", "--node", "bob")
        self.assertEqual((a.code, len(a.lines)), (0, 1))

    def test_pages(self):
        """pages of a query: each photo once, for every sort"""
        for sort in ("taken", "name", "size", "added"):
            args = ("list", "--sort", sort, "--limit", "3")
            words = ("gif", "size:<1k", "!party")
            seen, after = [], []
            while True:
                page = self.a.photo(*args, *after, *words)
                self.assertEqual(page.code, 0)
                seen += page.lines
                more = re.search(r"--after ([0-9a-f]+)", page.err)
                if not more:
                    break
                after = ["--after", more[1]]
            self.assertEqual(seen, self.a.photo("list", "--sort", sort,
                                                *words).lines)
            self.assertEqual(len(seen), 7)
            # a cursor is a place in the order, whatever is searched for
            self.assertEqual(self.a.photo(*args, *after, "no thing").code, 0)

    def test_help(self):
        """list --help has the grammar and fits a terminal"""
        a = self.a.photo("list", "--help")
        for word in ("node:", "type:", "size:>", "taken:", "added:",
                     "copies:", "offline", "!term", "id:"):
            self.assertIn(word, a.text)
        self.assertLessEqual(max(len(x) for x in a.lines), 80)


class Away(unittest.TestCase):
    def test_who_must_come_back(self):
        """offline, online, and whom to wait for or what to plug in"""
        with Mesh() as mesh:
            here, disk = mesh.folder("here"), mesh.folder("disk")
            there = mesh.folder("there")
            put(here, "own.gif", gif(1, 100), "2020-01-01 12:00")
            put(disk, "onlydisk.gif", gif(2, 200), "2020-01-01 12:00")
            put(disk, "both.gif", gif(3, 300), "2020-01-01 12:00")
            put(there, "both.gif", gif(3, 300), "2020-01-01 12:00")
            put(there, "onlythere.gif", gif(4, 400), "2020-01-01 12:00")
            a = mesh.start([here, disk], name="alice")
            b = mesh.start(there, name="bob")
            mesh.settle([a, b], 4)

            def sizes(*words):
                out = a.photo("--json", "list", *words).json
                return sorted(p["size"] for p in out if "size" in p)

            self.assertEqual(sizes("offline"), [])
            self.assertEqual(a.photo("list", "offline").code, 3)
            self.assertEqual(sizes("online"), [100, 200, 300, 400])
            ids = {p["size"]: p["id"]
                   for p in a.photo("--json", "list").json}
            self.assertNotIn("come back", a.photo("show", ids[400]).err)
            b.kill()
            wait_until(lambda: sizes("offline") == [400], "bob to be gone")
            self.assertEqual(sizes("!offline"), [100, 200, 300])
            shown = a.photo("show", ids[400])
            self.assertEqual(shown.code, 0)
            self.assertRegex(shown.err, r"^photo: every copy is away; to "
                             r"come back: bob \(last seen [^)]*\)\n$")
            self.assertEqual(shown.lines[0].split("\t")[4], "offline")
            self.assertNotIn("come back", a.photo("show", ids[300]).err)
            # an empty mount: the folder is there, its disk is not
            shutil.move(disk, disk + ".away")
            self.assertEqual(a.photo("rescan").code, 0)
            wait_until(lambda: sizes("offline") == [200, 300, 400],
                       "the disk to be away")
            self.assertEqual(sizes("online"), [100])
            self.assertEqual(sizes("offline", "node:alice"), [200, 300])
            self.assertEqual(a.photo("show", ids[200]).err,
                             "photo: every copy is away; to come back: the "
                             "disk 'disk' at alice (plug it in)\n")
            both = a.photo("show", ids[300])
            self.assertRegex(both.err, r"^photo: every copy is away; to come "
                             r"back, any of: .*the disk 'disk' at alice "
                             r"\(plug it in\)")
            self.assertIn("bob (last seen", both.err)
            holders = {x.split("\t")[2] for x in both.lines}
            self.assertEqual(holders, {"alice", "bob"})
            self.assertEqual(a.photo("-q", "show", ids[300]).err, "")
            self.assertFalse(any(c["online"] for c in a.photo(
                "--json", "show", ids[300]).json[0]["copies"]))
            shutil.move(disk + ".away", disk)
            self.assertEqual(a.photo("rescan").code, 0)
            wait_until(lambda: sizes("offline") == [400], "the disk back")


if __name__ == "__main__":
    tap.main()
