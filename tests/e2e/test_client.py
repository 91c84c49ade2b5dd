"""The client's contract: exit codes, JSON keys, manners, odd arguments."""
import array
import fcntl
import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from mesh import Mesh, wait_until  # noqa: E402
from paste import Paste, Photo  # noqa: E402

KEYS = {
    "list": {"id", "size", "type", "name", "taken", "width", "height",
             "added", "copies"},
    "copy": {"node", "node_id", "port", "root", "path", "mtime", "online",
             "last_seen"},
    "peers": {"name", "node_id", "host", "port", "state", "self",
              "coordinator", "follows", "follows_id", "photos", "copies",
              "bytes", "head", "last_seen"},
    "status": {"name", "node_id", "port", "coordinator", "coordinator_id",
               "nodes", "live", "photos", "copies", "bytes", "unique_bytes",
               "duplicate_bytes", "scan", "fresh"},
    "verify": {"stream", "at", "generation", "base", "cursor", "at_head",
               "rows", "digest", "equal"},
    "dupes": {"id", "size", "copies", "wasted_bytes", "nodes", "name"},
    "problems": {"node", "path", "problem", "message"},
}
TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"


class Client(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.mesh = Mesh()
        cls.mesh.__enter__()
        cls.daemons = cls.mesh.start_samples()
        cls.mesh.settle(cls.daemons, 26)
        cls.a, cls.b, cls.c = cls.daemons

    @classmethod
    def tearDownClass(cls):
        cls.mesh.__exit__(None, None, None)

    def test_json_keys(self):
        """JSON objects have all the keys of the contract"""
        for p in self.b.photo("--json", "list").json:
            self.assertLessEqual(KEYS["list"], set(p))
            self.assertRegex(p["id"], r"^[0-9a-f]{32}$")
            self.assertRegex(p["added"], TIME)
            self.assertIsNone(p["taken"])
            for copy in p["copies"]:
                self.assertLessEqual(KEYS["copy"], set(copy))
                self.assertRegex(copy["mtime"], TIME)
                self.assertRegex(copy["node_id"], r"^[0-9a-f]{32}$")
        for p in self.b.photo("--json", "peers").json:
            self.assertLessEqual(KEYS["peers"], set(p))
            self.assertRegex(p["host"], r"^[0-9a-f]{16}$")
        s = self.b.photo("--json", "status").json
        self.assertEqual(len(s), 1)
        self.assertLessEqual(KEYS["status"], set(s[0]))
        self.assertEqual(s[0]["photos"], 26)
        self.assertEqual(s[0]["copies"], 33)
        self.assertEqual(s[0]["fresh"]["complete"], True)
        self.assertEqual(s[0]["bytes"] - s[0]["unique_bytes"],
                         s[0]["duplicate_bytes"])
        rows = self.b.photo("--json", "verify").json
        self.assertEqual(len([r for r in rows if "stream" in r]), 9)
        for r in rows:
            if "stream" in r:
                self.assertLessEqual(KEYS["verify"], set(r))
                self.assertTrue(r["equal"] and r["at_head"])

    def test_list_piped(self):
        """a piped list is tab-separated: id, date, bytes, copies, nodes, name
        """
        rows = [line.split("\t") for line in self.a.photo("list").lines]
        self.assertEqual({len(r) for r in rows}, {6})
        for r in rows:
            self.assertRegex(r[0], r"^[0-9a-f]{32}$")
            self.assertRegex(r[2], r"^\d+$")
            self.assertRegex(r[3], r"^\d+$")
        beach = [r for r in rows if r[3] == "4"]
        self.assertEqual(len(beach), 1)
        self.assertEqual(beach[0][4], "alice,bob,carol")

    def test_list_options(self):
        """query, node, sort, reverse, limit and after"""
        a = self.a
        found = a.photo("--json", "list", "SUNSET").json
        self.assertEqual([p["name"] for p in found], ["sunset.jpg"])
        self.assertEqual(a.photo("list", "no such thing").lines, [])
        self.assertEqual(a.photo("list", "no such thing").code, 3)
        of_bob = a.photo("--json", "list", "--node", "bob").json
        self.assertEqual(len(of_bob), 11)
        self.assertEqual({c["node"] for p in of_bob for c in p["copies"]},
                         {"bob"})
        by_port = a.photo("--json", "list", "--node", str(self.b.port)).json
        self.assertEqual(len(by_port), 11)
        self.assertEqual(a.photo("list", "--node", "nobody").code, 3)
        for sort in ("taken", "name", "size", "added"):
            full = a.photo("list", "--sort", sort).lines
            self.assertEqual(len(full), 26)
            back = a.photo("list", "--sort", sort, "--reverse").lines
            self.assertEqual(back, full[::-1])
            seen, after = [], []
            while True:
                page = a.photo("list", "--sort", sort, "--limit", "7", *after)
                seen += page.lines
                more = re.search(r"--after ([0-9a-f]+)", page.err)
                if not more:
                    break
                after = ["--after", more[1]]
            self.assertEqual(seen, full, sort)
        sizes = [int(x.split("\t")[2]) for x in
                 a.photo("list", "--sort", "size").lines]
        self.assertEqual(sizes, sorted(sizes, reverse=True))
        self.assertEqual(a.photo("list", "--sort", "colour").code, 2)
        self.assertEqual(a.photo("list", "--limit", "x").code, 2)
        self.assertEqual(a.photo("list", "--after", "zz").code, 2)
        self.assertEqual(a.photo("list", "--max-age", "60000").code, 0)

    def test_show(self):
        """show: unique prefix, unknown 3, ambiguous 4, bad 2"""
        ids = [p["id"] for p in self.a.photo("--json", "list").json]
        one = self.a.photo("--json", "show", ids[0][:8])
        self.assertEqual(one.code, 0)
        self.assertEqual(one.json[0]["id"], ids[0])
        self.assertEqual(self.a.photo("whereis", ids[0]).code, 0)
        gone = self.a.photo("--json", "show", "f" * 32)
        self.assertEqual(gone.code, 3)
        error = gone.json[0]
        self.assertEqual((error["error"], error["exit"]), ("not-found", 3))
        self.assertEqual(self.a.photo("show", "xyz!").code, 2)
        self.assertEqual(self.a.photo("show").code, 2)
        self.assertEqual(self.a.photo("show", ids[0][:2]).code, 2)

    def test_dupes(self):
        """dupes: most wasted first, in pages, with the total at the end"""
        for d in self.daemons:
            rows = d.photo("--json", "dupes").json
            self.assertTrue(all(set(r) == KEYS["dupes"] for r in rows))
            self.assertEqual(
                [(r["size"], r["copies"], r["wasted_bytes"], r["nodes"])
                 for r in rows],
                [(147570, 4, 442710, ["alice", "bob", "carol"]),
                 (280142, 2, 280142, ["alice", "carol"]),
                 (264822, 2, 264822, ["bob", "carol"]),
                 (221743, 2, 221743, ["alice", "carol"]),
                 (110333, 2, 110333, ["bob"])])
            self.assertEqual([r["name"] for r in rows[1:]], [
                "brushes.png", "peaks.jpg", "stream.jpg", "sunset.jpg"])
        s = self.a.photo("--json", "status").json[0]
        self.assertEqual(sum(r["wasted_bytes"] for r in rows),
                         s["duplicate_bytes"])
        full = self.a.photo("dupes")
        self.assertEqual({len(x.split("\t")) for x in full.lines}, {6})
        self.assertEqual(full.lines[0].split("\t")[1:5],
                         ["442710", "147570", "4", "alice,bob,carol"])
        self.assertEqual(full.err, "photo: 5 photos, 7 copies too many: "
                         "1.3 MB wasted\n")
        seen, after = [], []
        while True:
            page = self.a.photo("dupes", "--limit", "2", *after)
            seen += page.lines
            self.assertIn("of 1.3 MB wasted", page.err)
            more = re.search(r"--after ([0-9a-f]+)", page.err)
            if not more:
                break
            self.assertEqual(len(page.lines), 2)
            after = ["--after", more[1]]
        self.assertEqual(seen, full.lines)
        self.assertEqual(self.a.photo("-q", "dupes").err, "")
        self.assertEqual(self.a.photo("dupes", "--after", "00").code, 2)
        self.assertEqual(self.a.photo("dupes", "beach").code, 2)
        of_list = re.search(r"--after ([0-9a-f]+)",
                            self.a.photo("list", "--limit", "1").err)[1]
        self.assertEqual(self.a.photo("dupes", "--after", of_list).code, 2)

    def test_problems(self):
        """problems of all nodes, whoever is asked"""
        for d in self.daemons:
            rows = d.photo("--json", "problems").json
            self.assertTrue(all(set(r) == KEYS["problems"] for r in rows))
            self.assertEqual({(r["node"], r["path"], r["problem"])
                              for r in rows},
                             {("carol", "shopping-list.jpg", "not-media"),
                              ("bob", "IMG_0045.jpg", "truncated")})
            self.assertTrue(all(r["message"] for r in rows))
        carol = self.a.photo("problems", "--node", "carol")
        self.assertEqual(carol.code, 0)
        self.assertEqual([x.split("\t")[:4] for x in carol.lines],
                         [["carol", "carol", "shopping-list.jpg",
                           "not-media"]])
        self.assertEqual(self.a.photo("problems", "--node", "alice").lines, [])
        self.assertEqual(self.a.photo("problems", "--node", "alice").code, 0)
        self.assertEqual(self.a.photo("problems", "--node", "nobody").code, 3)
        self.assertEqual(self.a.photo("problems", "--limit", "1").code, 2)

    def test_wrong_use(self):
        """wrong arguments: one sentence on stderr, exit 2"""
        for args in ((), ("no-such-command",), ("list", "--no-such"),
                     ("--port", "99999", "list"), ("peers", "extra"),
                     ("--timeout", "x", "list")):
            a = self.mesh.photo(*args)
            self.assertEqual(a.code, 2, (args, a))
            self.assertEqual(a.out, b"")
            self.assertTrue(a.err.startswith(("photo: ", "usage")), a.err)

    def test_no_daemon(self):
        """no daemon on a port: exit 5 and the remedy"""
        a = self.mesh.photo("-p", str(self.mesh.base_port + 60), "list")
        self.assertEqual(a.code, 5)
        self.assertIn("no daemon answers on port %d" %
                      (self.mesh.base_port + 60), a.err)
        self.assertIn("photod FOLDER", a.err)
        a = self.mesh.photo("list", env={"PHOTOMESH_RUNTIME": "/nonexistent"})
        self.assertEqual(a.code, 5)

    def test_help_everywhere(self):
        """--help and --version everywhere, with examples"""
        self.assertIn(b"protocol", self.mesh.photo("--version").out)
        top = self.mesh.photo("--help")
        self.assertEqual(top.code, 0)
        for verb in ("list", "show", "peers", "status", "watch", "verify",
                     "rescan", "dupes", "problems", "forget", "leave"):
            self.assertIn(verb, top.text)
            a = self.mesh.photo(verb, "--help")
            self.assertEqual(a.code, 0)
            self.assertIn("photo %s" % verb, a.text)

    def test_lowest_port_is_asked(self):
        """without -p the lowest port answers; $PHOTO_PORT chooses"""
        s = self.mesh.photo("--json", "status").json[0]
        self.assertEqual(s["port"], self.a.port)
        s = self.mesh.photo("--json", "status",
                            env={"PHOTO_PORT": str(self.c.port)}).json[0]
        self.assertEqual(s["port"], self.c.port)

    def test_pipe_that_closes(self):
        """a reader that goes away (head) is no error message"""
        done = self.mesh.run(
            ["sh", "-c", '"$1" -p %d --json list | head -n 1' % self.a.port,
             "sh", self.mesh.photo_path])
        self.assertEqual(done.stdout.count(b"\n"), 1)
        self.assertEqual(done.stderr, b"")

    def test_reader_that_stops(self):
        """a reader that reads no more, pipe or terminal: Ctrl-C ends it, 130
        """
        # A page of them is more than photo holds back for one write.
        photos = [Photo(b"GIF89a%d" % n, "%d-%s.gif" % (n, "n" * 200))
                  for n in range(1000)]
        for args, terminal in ((["list"], False), (["--json", "list"], False),
                               (["list"], True)):
            with Paste(self.mesh, photos, page=1000) as d:
                mine, its = pty.openpty() if terminal else os.pipe()
                p = subprocess.Popen(
                    [self.mesh.photo_path, "-p", str(d.port), *args],
                    env=dict(self.mesh.env, TERM="xterm"), stdout=its,
                    stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                self.mesh.children.append(p)
                os.close(its)
                held = array.array("i", [0])

                def waits():
                    before = held[0]
                    fcntl.ioctl(mine, termios.FIONREAD, held)
                    return held[0] == before > 0
                wait_until(waits, "it to wait for its reader", every=0.3)
                p.send_signal(signal.SIGINT)
                self.assertEqual(p.wait(10), 130, (args, terminal))
                os.close(mine)

    def test_full_disk(self):
        """output that cannot be written is said, exit 1"""
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [self.mesh.photo_path, "-p", str(self.a.port), "list"],
                env=self.mesh.env, stdout=full, stderr=subprocess.PIPE,
                timeout=30)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"photo: ", done.stderr)

    def test_closed_descriptors(self):
        """where 0, 1 or 2 is closed, no socket and no photo takes its place
        """
        def closed(which, *args):
            return subprocess.Popen(
                ["sh", "-c", 'exec "$@" ' + which, "sh",
                 self.mesh.photo_path, "-p", str(self.a.port), *args],
                env=self.mesh.env, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        p = closed(">&-", "list")
        self.mesh.children.append(p)
        self.assertIn(b"standard output cannot be written", p.stderr.read())
        self.assertEqual(p.wait(30), 1)
        p = closed("<&- >&- 2>&-", "watch")
        self.mesh.children.append(p)
        fds = "/proc/%d/fd" % p.pid

        def connected():
            try:  # it may close one while they are looked at
                return any("socket" in os.readlink("%s/%s" % (fds, n))
                           for n in os.listdir(fds))
            except FileNotFoundError:
                return False
        wait_until(connected, "its connection")
        self.assertEqual([os.readlink("%s/%d" % (fds, n)) for n in range(3)],
                         ["/dev/null"] * 3)

    def test_timeout(self):
        """a daemon that is silent: exit 8 in the time asked for"""
        self.c.stop()
        try:
            started = time.monotonic()
            a = self.c.photo("--timeout", "1", "list")
            self.assertEqual(a.code, 8, a)
            self.assertLess(time.monotonic() - started, 10)
        finally:
            self.c.go_on()
        self.mesh.settle(self.daemons, 26)

    def test_rescan_progress(self):
        """rescan waits and says how it went, also in JSON"""
        a = self.b.photo("--json", "rescan")
        self.assertEqual(a.code, 0, a)
        for line in a.json:
            self.assertIn("progress", line)

    def test_watch_interrupted(self):
        """watch ends with 130 on Ctrl-C and prints whole lines"""
        w = self.mesh.spawn_watch(self.a)
        line = w.stdout.readline()
        self.assertIn(b'"event":"scan-', line)
        json.loads(line)
        w.send_signal(signal.SIGINT)
        self.assertEqual(w.wait(10), 130)

    def test_many_watchers_and_slow_readers(self):
        """a watcher that never reads costs nobody else anything"""
        lazy = [self.mesh.spawn_photo("-p", self.a.port, "watch")
                for _ in range(20)]
        for _ in range(5):
            self.assertEqual(self.a.photo("rescan").code, 0)
        self.assertEqual(len(self.a.photo("list").lines), 26)
        for w in lazy:
            self.assertIsNone(w.poll())
            w.kill()


class Ambiguity(unittest.TestCase):
    def test_ambiguous_id(self):
        """an ambiguous prefix lists the candidates, exit 4"""
        with Mesh() as mesh:
            f = mesh.folder("many")
            # 600 photos: some two of them share their first four digits.
            for n in range(700):
                with open("%s/%d.gif" % (f, n), "wb") as g:
                    g.write(b"GIF89a" + n.to_bytes(4, "little") * 40)
            d = mesh.start(f)
            wait_until(lambda: len(d.photo("list").lines) == 700, "the scan")
            ids = [x.split("\t")[0] for x in d.photo("list").lines]
            heads = {}
            for i in ids:
                heads.setdefault(i[:4], []).append(i)
            shared = [v for v in heads.values() if len(v) > 1]
            self.assertTrue(shared, "bad luck: choose other bytes")
            a = d.photo("show", shared[0][0][:4])
            self.assertEqual(a.code, 4, a)
            for i in shared[0]:
                self.assertIn(i[:10], a.err)


class Odd(unittest.TestCase):
    def test_one_file_is_one_copy(self):
        """hard links, and two daemons over one folder, are no dupes"""
        with Mesh() as mesh:
            f = mesh.folder("links")
            with open(f + "/one.gif", "wb") as g:
                g.write(b"GIF89a" + b"x" * 94)
            os.link(f + "/one.gif", f + "/two.gif")
            with open(f + "/three.gif", "wb") as g:
                g.write(b"GIF89a" + b"y" * 94)
            first = mesh.start(f, name="first")
            second = mesh.start(f, "--state", mesh.dir + "/other",
                                name="second")
            mesh.settle([first, second], 2)
            for d in (first, second):
                a = d.photo("dupes")
                self.assertEqual((a.code, a.lines), (0, []))
                self.assertEqual(a.err,
                                 "photo: no photo has more than one copy\n")
                self.assertEqual(d.photo("--json", "dupes").out, b"")
            with open(f + "/four.gif", "wb") as g:
                g.write(b"GIF89a" + b"x" * 94)
            for d in (first, second):
                self.assertEqual(d.photo("rescan").code, 0)
            wait_until(lambda: [
                (r["copies"], r["wasted_bytes"], r["nodes"])
                for r in second.photo("--json", "dupes").json] ==
                [(2, 100, ["first", "second"])], "the real copy")

    def test_odd_problems(self):
        """many problems in pages; their names cannot harm a terminal"""
        with Mesh() as mesh:
            f = os.fsencode(mesh.folder("odd"))
            names = [b"%04d.jpg" % n for n in range(2300)]
            names += [b"a\tb\n\x1b[2J\\.jpg", b"\xff\xfe.jpg",
                      b"d" * 200 + b"/" + b"e" * 200 + b"/x.jpg"]
            os.makedirs(os.path.dirname(os.path.join(f, names[-1])))
            for name in names:
                with open(os.path.join(f, name), "wb") as g:
                    g.write(b"no picture")
            d = mesh.start(os.fsdecode(f))
            mesh.settle([d], 0)
            rows = d.photo("--json", "problems").json
            self.assertEqual(len(rows), len(names))
            self.assertEqual(len({r["path"] for r in rows}), len(names))
            self.assertEqual({r["problem"] for r in rows}, {"not-media"})
            bad = [r for r in rows if "path_hex" in r]
            self.assertEqual([r["path_hex"] for r in bad], ["fffe2e6a7067"])
            lines = d.photo("problems").out.splitlines()
            self.assertEqual(len(lines), len(names))
            self.assertEqual({line.count(b"\t") for line in lines}, {4})
            self.assertNotIn(b"\x1b", b"".join(lines))
            self.assertTrue(any(b"a\\tb\\n\\x1b[2J\\\\.jpg" in line
                                for line in lines))
            os.unlink(os.path.join(f, names[0]))
            self.assertEqual(d.photo("rescan").code, 0)
            wait_until(lambda: len(d.photo("problems").lines) ==
                       len(names) - 1, "one problem less")

    def test_leave(self):
        """leave: the daemon asked says goodbye, stops and exits with 0"""
        with Mesh() as mesh:
            a, b, c = daemons = mesh.start_samples()
            mesh.settle(daemons, 26)
            left = b.photo("--json", "leave")
            self.assertEqual(left.code, 0, left)
            self.assertEqual((left.json[0]["left"], left.json[0]["port"]),
                             ("bob", b.port))
            self.assertEqual(b.process.wait(10), 0)
            for d in (a, c):
                wait_until(lambda: {p["name"]: p["state"]
                                    for p in mesh.peers(d)} == {
                    "alice": "live", "bob": "left", "carol": "live"},
                    "that bob has left")
                self.assertEqual(len(d.photo("dupes").lines), 5)
                self.assertEqual(len(d.photo("problems").lines), 2)
            # without -p: the lowest one, the coordinator
            left = mesh.photo("leave")
            self.assertEqual((left.code, left.text),
                             (0, "alice\t%d\n" % a.port))
            self.assertEqual(a.process.wait(10), 0)
            mesh.settle([c], 26)
            self.assertEqual(b.photo("leave").code, 5)
            self.assertEqual(mesh.photo("leave", "now").code, 2)
            self.assertTrue(c.alive())
            # one that came back is no longer away
            again = mesh.start(os.path.join(mesh.dir, "photos", "alice"))
            mesh.settle([again, c], 26)


if __name__ == "__main__":
    tap.main()
