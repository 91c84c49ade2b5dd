"""A node that will never return is forgotten, everywhere, and stays so."""
import json
import os
import pty
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import tap  # noqa: E402
from mesh import Mesh, wait_until  # noqa: E402


def listed(mesh, daemon):
    """The list but for when each daemon last heard of whom."""
    photos = [json.loads(line) for line in mesh.list_lines(daemon)]
    for p in photos:
        for c in p["copies"]:
            del c["last_seen"]
    return photos


def holders(mesh, daemon):
    """Who holds each photo, by its id: the list as any daemon tells it."""
    return {p["id"]: sorted({c["node"] for c in p["copies"]})
            for p in map(json.loads, mesh.list_lines(daemon))}


def generation(daemon, name):
    return max([r["generation"] for r in daemon.photo("--json", "verify").json
                if r.get("stream") == name] or [0])


class Forget(unittest.TestCase):
    def setUp(self):
        self.mesh = Mesh()
        self.mesh.__enter__()
        self.addCleanup(self.mesh.__exit__, None, None, None)

    def unique(self, name, count, seed):
        """A folder with photos that nobody else has."""
        folder = self.mesh.folder(name)
        for i in range(count):
            with open(os.path.join(folder, "%s-%d.jpg" % (name, i)),
                      "wb") as f:
                f.write(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" +
                        bytes([seed, i]) * 300)
        return self.mesh.guard(folder)

    def refuses(self, daemon, code, word, *args):
        a = daemon.photo("forget", *args)
        self.assertEqual(a.code, code, a)
        self.assertIn(word, a.err)

    def all_equal(self, daemons, names, gone):
        """Every daemon shows these nodes, and never the gone one."""
        lists = [listed(self.mesh, d) for d in daemons]
        self.assertTrue(all(x == lists[0] for x in lists))
        for d in daemons:
            self.assertEqual({p["name"] for p in self.mesh.peers(d)},
                             set(names))
            self.assertEqual(d.photo("--json", "status").json[0]["nodes"],
                             len(names))
            v = d.photo("verify")
            self.assertEqual(v.code, 0, v)
            for text in (v.text + v.err, d.photo("--json", "list").text,
                         d.photo("status").text):
                self.assertNotIn(gone, text)

    def test_forget(self):
        """killed, forgotten, met again by one long away, returned"""
        mesh = self.mesh
        folders = {n: self.unique(n, 4, i)
                   for i, n in enumerate(("anna", "bert", "cleo", "dora"))}
        anna, bert, cleo, dora = (mesh.start(folders[n])
                                  for n in sorted(folders))
        mesh.settle([anna, bert, cleo, dora], 16)
        full = holders(mesh, anna)
        self.refuses(anna, 7, "cleo is live; stop it first", "cleo", "--yes")
        self.refuses(anna, 7, "anna", "anna", "--yes")
        self.refuses(anna, 3, "nobody", "nobody", "--yes")
        self.refuses(anna, 2, "--yes", "cleo")
        self.refuses(anna, 2, "missing")
        # dora is away while it happens, and holds all that cleo said
        self.assertEqual(dora.end(), 0)
        cleo.kill()
        for d in (anna, bert):
            wait_until(lambda d=d: [p["state"] for p in mesh.peers(d)
                                    if p["name"] == "cleo"] == ["gone"],
                       "cleo is gone")
        before = generation(anna, "cleo")
        self.assertEqual(len(mesh.list_lines(anna)), 16)
        watch = mesh.spawn_watch(bert)
        a = anna.photo("--json", "forget", "cleo", "--yes")
        self.assertEqual(a.code, 0, a)
        self.assertEqual(a.json[0]["forgotten"], "cleo")
        self.assertEqual((a.json[0]["photos"], a.json[0]["alone"]), (4, 4))
        self.assertRegex(a.json[0]["last_seen"], r"^2\d{3}-")
        for line in watch.stdout:
            if json.loads(line)["event"] == "peer-forgotten":
                self.assertEqual(json.loads(line)["node"], "cleo")
                break
        self.refuses(anna, 3, "cleo", "cleo", "--yes")
        wait_until(lambda: len(mesh.list_lines(bert)) == 12,
                   "bert forgets too")
        mesh.settle([anna, bert], 12)
        self.all_equal_but_dora([anna, bert])
        # who was away all the time does not bring it back
        dora = mesh.start(folders["dora"])
        mesh.settle([anna, bert, dora], 12)
        self.all_equal([anna, bert, dora], ("anna", "bert", "dora"), "cleo")
        # nor does anybody's next start
        for d in (anna, bert, dora):
            self.assertEqual(d.end(), 0)
        anna, bert, dora = (mesh.start(folders[n])
                            for n in ("anna", "bert", "dora"))
        mesh.settle([anna, bert, dora], 12)
        self.all_equal([anna, bert, dora], ("anna", "bert", "dora"), "cleo")
        # it returns after all: listed again, in a life beyond the ended one
        cleo = mesh.start(folders["cleo"])
        everybody = [anna, bert, cleo, dora]
        mesh.settle(everybody, 16)
        self.all_equal(everybody, ("anna", "bert", "cleo", "dora"), "\0")
        self.assertEqual(holders(mesh, dora), full)
        for d in everybody:
            self.assertGreater(generation(d, "cleo"), before)
        for d in everybody:
            self.assertEqual(d.end(), 0)
        everybody = [mesh.start(folders[n]) for n in sorted(folders)]
        mesh.settle(everybody, 16)
        self.all_equal(everybody, ("anna", "bert", "cleo", "dora"), "\0")

    def all_equal_but_dora(self, daemons):
        """dora left: it is known, and its photos are, but cleo is not."""
        for d in daemons:
            self.assertEqual({p["name"] for p in self.mesh.peers(d)},
                             {"anna", "bert", "dora"})
            v = d.photo("verify")
            self.assertEqual(v.code, 0, v)
            self.assertNotIn("cleo", v.text + v.err)
        self.assertEqual(listed(self.mesh, daemons[0]),
                         listed(self.mesh, daemons[1]))

    def test_forgetter_lost(self):
        """who was told loses its database, and is forgotten in turn"""
        mesh = self.mesh
        folders = {n: self.unique(n, 3, i)
                   for i, n in enumerate(("anna", "bert", "cleo", "dora"))}
        anna, bert, cleo, dora = (mesh.start(folders[n])
                                  for n in sorted(folders))
        mesh.settle([anna, bert, cleo, dora], 12)
        self.assertEqual(dora.end(), 0)
        self.assertEqual(cleo.end(), 0)
        self.assertEqual(anna.photo("forget", "cleo", "--yes").code, 0)
        mesh.settle([anna, bert], 9)
        anna.kill()
        wait_until(lambda: [p["state"] for p in mesh.peers(bert)
                            if p["name"] == "anna"] == ["gone"],
                   "anna is gone")
        a = bert.photo("forget", "anna", "--yes")
        self.assertEqual(a.code, 0, a)
        dora = mesh.start(folders["dora"])
        mesh.settle([bert, dora], 6)
        self.all_equal([bert, dora], ("bert", "dora"), "cleo")

    def test_ambiguous(self):
        """two nodes of one name: which one?"""
        mesh = self.mesh
        one = mesh.start(self.unique("anna", 2, 1))
        twins = [mesh.start(self.unique(n, 2, 2 + i), name="twin")
                 for i, n in enumerate(("x", "y"))]
        mesh.settle([one, *twins], 6)
        for d in twins:
            self.assertEqual(d.end(), 0)
        self.refuses(one, 4, "2 nodes", "twin", "--yes")
        shown = sorted(p["name"] for p in mesh.peers(one)
                       if p["name"] != "anna")
        a = one.photo("forget", shown[0], "--yes")
        self.assertEqual(a.code, 0, a)
        self.assertRegex(a.text, r"^twin~\w{4}\t[0-9a-f]{32}\t2\t2\n$")
        self.assertEqual(len(mesh.list_lines(one)), 4)

    def on_terminal(self, daemon, answer, *args):
        """photo with a person in front of it: exit code, what was shown."""
        pid, fd = pty.fork()
        if pid == 0:
            os.execve(self.mesh.photo_path,
                      [self.mesh.photo_path, "-p", str(daemon.port), *args],
                      self.mesh.env)
        seen = b""
        while True:
            try:
                more = os.read(fd, 4096)
            except OSError:
                break
            if not more:
                break
            if answer and b"[y/N]" in seen + more:
                os.write(fd, answer)
                answer = None
            seen += more
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.close(fd)
        return code, seen.decode()

    def test_asks(self):
        """a person is asked, and only yes is yes"""
        mesh = self.mesh
        one = mesh.start(self.unique("anna", 2, 1))
        two = mesh.start(self.unique("bert", 3, 2))
        mesh.settle([one, two], 5)
        self.assertEqual(two.end(), 0)
        code, seen = self.on_terminal(one, b"\n", "forget", "bert")
        self.assertEqual(code, 0, seen)
        self.assertRegex(seen, r"forget bert \(last seen .*; 3 photos only "
                               r"it holds\)\? \[y/N\]")
        self.assertIn("nothing is forgotten", seen)
        self.assertEqual(len(mesh.list_lines(one)), 5)
        code, seen = self.on_terminal(one, b"\x03", "forget", "bert")
        self.assertEqual(code, 130, seen)
        code, seen = self.on_terminal(one, b"y\n", "forget", "bert")
        self.assertEqual(code, 0, seen)
        self.assertIn("bert is forgotten", seen)
        self.assertEqual(len(mesh.list_lines(one)), 2)
        self.assertEqual([p["name"] for p in mesh.peers(one)], ["anna"])


if __name__ == "__main__":
    tap.main()
